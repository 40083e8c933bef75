//! What a call tells the outside, where that is not its own words; and who reads it.
//!
//! By default a command is propagated as it was received. A handler that must be propagated
//! otherwise says so as data, in the [`Effects`] of its call: an absolute time to live, the members
//! that SPOP chose, nothing at all. The unit under way (`feed::unit`) encodes it for its
//! [`Readers`].

use crate::base::line;

/// Buffers of more bytes are given back when they have been read.
const KEPT_BYTES: usize = 1 << 20;

/// Command lines, encoded, and how many.
#[derive(Clone, Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    fn push(&mut self, words: &[&[u8]]) {
        line::write(&mut self.bytes, words);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Lines::default();
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What a call wants to be told of it, if not its own words.
#[derive(Debug, Default)]
pub struct Effects {
    /// Something was said.
    said: bool,
    /// `instead` stands for the call's words, even when it is empty.
    replaced: bool,
    instead: Lines,
    /// After it.
    also: Lines,
    /// Told although the keyspace did not change (FUNCTION LOAD, PUBLISH...).
    forced: bool,
    /// Who is not told.
    hidden_from: Readers,
    /// It sends a message.
    is_message: bool,
    /// Its client hears what happens to its own cache before the answer.
    answers_last: bool,
    /// Nobody will read it.
    unheard: bool,
}

impl Effects {
    /// Tell this instead of the call's own words. Said twice: both, in order.
    pub fn propagate_as(&mut self, line: &[&[u8]]) {
        if self.is_heard() {
            (self.said, self.replaced) = (true, true);
            self.instead.push(line);
        }
    }

    /// Whether it is worth while to find words.
    #[inline]
    pub fn is_heard(&self) -> bool {
        !self.unheard
    }

    /// Whether somebody reads what this call says.
    #[inline]
    pub fn set_heard(&mut self, heard: bool) {
        self.unheard = !heard;
    }

    /// Tell this too, after the call's own words or what stands for them.
    pub fn also_propagate(&mut self, line: &[&[u8]]) {
        if self.is_heard() {
            self.said = true;
            self.also.push(line);
        }
    }

    /// Tell nothing of this call's own words.
    pub fn dont_propagate(&mut self) {
        (self.said, self.replaced) = (true, true);
    }

    /// Tell the call even if no key changed.
    pub fn force(&mut self) {
        (self.said, self.forced) = (true, true);
    }

    /// Tell the call even if no key changed, but only replicas: it leaves nothing that a restart
    /// should bring back.
    pub fn force_to_replicas(&mut self) {
        self.force();
        self.is_message = true;
        self.hide_from(Readers { aof: true, replicas: false });
    }

    /// Tell the client of its own cache first, then `+OK`; elsewhere the answer comes first.
    pub fn answer_last(&mut self) {
        (self.said, self.answers_last) = (true, true);
    }

    #[inline]
    pub fn answers_last(&self) -> bool {
        self.answers_last
    }

    /// Do not tell these.
    pub fn hide_from(&mut self, readers: Readers) {
        self.said = true;
        self.hidden_from.aof |= readers.aof;
        self.hidden_from.replicas |= readers.replicas;
    }

    /// Nothing was said: the usual case, tested on the hot path.
    #[inline]
    pub fn is_default(&self) -> bool {
        !self.said
    }

    /// What is told instead of the call's own words, and after them, in order.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.instead.iter().chain(self.also.iter())
    }

    /// The call's own words are not told.
    pub fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// It sends a message, which leaves nothing behind.
    pub fn is_message(&self) -> bool {
        self.is_message
    }

    /// Who is not told.
    pub fn hidden_from(&self) -> Readers {
        self.hidden_from
    }

    pub fn is_forced(&self) -> bool {
        self.forced
    }

    pub fn reset(&mut self) {
        if self.said {
            self.instead.clear();
            self.also.clear();
            (self.said, self.replaced, self.forced) = Default::default();
            (self.hidden_from, self.is_message, self.answers_last) = Default::default();
        }
    }
}

/// Who reads the feed, or some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    pub aof: bool,
    pub replicas: bool,
}

impl Readers {
    pub const NONE: Readers = Readers { aof: false, replicas: false };

    #[inline]
    pub fn is_any(self) -> bool {
        self.aof || self.replicas
    }

    /// These, less others.
    pub fn but(self, others: Readers) -> Readers {
        Readers { aof: self.aof && !others.aof, replicas: self.replicas && !others.replicas }
    }
}
