//! Units of work and what they tell the outside: the seam for propagation.
//!
//! A unit is one command of a client, or all commands of one EXEC or script. What it changed is
//! encoded while it runs, straight from the words of the calls into one buffer, the feed, which
//! [`drain`] hands to the AOF and to the backlog of replicas before the reactor sleeps. Nearly
//! every unit has one effect, which goes alone; when a second one comes, MULTI is put in front of
//! the first, and the end of the unit adds EXEC. As long as nobody reads ([`Unit::set_readers`]),
//! nothing is gathered and a write pays one test.
//!
//! [`drain`]: super::drain
//!
//! ```text
//!   feed   ... *3 SET a 1 | *1 MULTI *2 SELECT 1 *3 SET b 2 *2 PUBLISH .. *2 DEL c *1 EXEC |
//!                         ^ start of the unit                 └── hidden from the AOF
//! ```
//!
//! What is not for both readers stays in the feed and is marked as hidden from one of them:
//! messages from the AOF, and from either what a script has said `redis.set_repl` for.
//!
//! By default a command is told as it was received. A handler that must be told otherwise says so
//! as data, in the [`Effects`] of its call: an absolute time to live, the members that SPOP chose,
//! nothing at all.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use super::blocks::{Backlog, SHARED_MIN};
use super::notes::{Hidden, Notes, Shared};
use crate::base::line;
use crate::command::effects::{Effects, Readers};
use crate::keyspace::DbIndex;
use crate::resp::request::Args;

/// Buffers of more bytes are given back when they have been read.
const KEPT_BYTES: usize = 1 << 20;

/// Effects of a unit that each reader is told of.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    aof: u32,
    replicas: u32,
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// A place within a unit, see [`Unit::forget_since`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// From the unit's start in the feed.
    bytes: usize,
    effects: u32,
    kept: Kept,
}

/// The unit under way, and what was told since the readers looked last.
#[derive(Debug, Default)]
pub struct Unit {
    /// Calls inside one another right now; 0 between units.
    pub depth: u32,
    /// Changes of the keyspace that have been told of by the calls that made them: what an outer
    /// call finds changed and not accounted for is its own doing.
    pub accounted: u64,
    readers: Readers,
    listening: bool,
    /// Encoded effects that the readers have not fetched.
    feed: Vec<u8>,
    /// Parts of it that are not for all readers, and large values.
    notes: Notes,
    /// Where the unit under way begins in the feed, and its effects so far.
    start: usize,
    /// Bytes in front of it that say in which database it goes on, after others were served in its
    /// middle.
    lead: usize,
    effects: u32,
    /// The database of the first of them.
    first_db: DbIndex,
    kept: Kept,
    /// The database the readers stand in.
    feed_db: Option<DbIndex>,
    /// What was told since a part of the unit may be forgotten, and stands.
    standing: Option<Vec<Standing>>,
    /// See [`Unit::told`].
    told: i64,
}

/// An effect that stands even if the unit is undone: a deletion by the server itself, or a message,
/// which others here have had already.
#[derive(Debug)]
struct Standing {
    db: DbIndex,
    line: Vec<u8>,
    hidden_from: Readers,
}

impl Unit {
    /// Begins to gather what is told, for readers that start without any history.
    pub fn listen(&mut self) {
        self.set_readers(Readers { aof: true, replicas: true });
        self.select_anew();
    }

    /// Who reads from now on. A new reader is told nothing of what was before; without any reader,
    /// what was not fetched is forgotten.
    pub fn set_readers(&mut self, readers: Readers) {
        let new = readers.but(self.readers);
        self.readers = readers;
        self.listening = readers.is_any();
        if !self.listening {
            self.forget();
        } else if new.is_any() {
            self.hide_so_far(new);
        }
    }

    /// These readers have the effects of everything so far from elsewhere (a snapshot, a new base),
    /// those of the unit under way included. The others are told of it as always.
    pub fn hide_so_far(&mut self, from: Readers) {
        let end = self.end();
        self.notes.hide_over(0..end, from);
        if self.effects > 0 {
            // What follows in the unit is still a part of a transaction if there is more of it.
            let wrapped = if self.effects > 1 { MULTI.len() } else { 0 };
            self.notes.hide_over(self.start + wrapped..self.feed.len(), from);
            self.kept.aof *= u32::from(!from.aof);
            self.kept.replicas *= u32::from(!from.replicas);
        }
        self.select_anew();
    }

    pub fn readers(&self) -> Readers {
        self.readers
    }

    /// The next effect says which database it is about: a reader begins anew.
    pub fn select_anew(&mut self) {
        self.feed_db = None;
    }

    #[inline]
    pub fn is_listening(&self) -> bool {
        self.listening
    }

    /// Notes what a call that changed something is told as.
    #[inline]
    pub fn gather(&mut self, db: DbIndex, args: Args<'_>, fx: &mut Effects) {
        if fx.is_default() {
            self.begin_effect(db);
            self.write_call(args);
        } else {
            self.gather_said(db, args, fx);
        }
    }

    #[inline]
    fn write_call(&mut self, args: Args<'_>) {
        line::begin(&mut self.feed, args.len());
        for index in 0..args.len() {
            line::word(&mut self.feed, args.at(index));
        }
        if self.readers.replicas && args.has_bigs() {
            self.note_bigs(args);
        }
    }

    /// Notes which words of the call written last have an allocation of their own.
    #[cold]
    fn note_bigs(&mut self, args: Args<'_>) {
        let mut end = self.feed.len();
        let first = self.notes.shared.len();
        for index in (0..args.len()).rev() {
            let word = args.at(index);
            let start = end - b"\r\n".len() - word.len();
            if let Some(big) = args.big(index).filter(|big| big.len() >= SHARED_MIN) {
                self.notes.shared.push(Shared { start, bytes: Arc::clone(big) });
            }
            end = start - line::header_len(word.len());
        }
        self.notes.shared[first..].reverse();
    }

    fn gather_said(&mut self, db: DbIndex, args: Args<'_>, fx: &mut Effects) {
        if !self.readers.but(fx.hidden_from()).is_any() {
            return;
        }
        if !fx.is_replaced() {
            self.begin_effect(db);
            let from = self.feed.len();
            self.write_call(args);
            if fx.is_message() {
                self.note_standing(db, from, fx.hidden_from());
            }
            self.hide(from, fx.hidden_from());
        }
        for line in fx.lines() {
            self.begin_effect(db);
            let from = self.feed.len();
            self.feed.extend_from_slice(line);
            self.hide(from, fx.hidden_from());
        }
    }

    /// The effect that was written last is not for these.
    fn hide(&mut self, start: usize, from: Readers) {
        if from.is_any() {
            self.notes.hidden.push(Hidden { range: start..self.feed.len(), from });
            self.kept.aof -= u32::from(from.aof);
            self.kept.replicas -= u32::from(from.replicas);
        }
    }

    /// Notes a command that the server itself has thought of.
    pub fn add(&mut self, db: DbIndex, line: &[&[u8]]) {
        if self.listening {
            self.begin_effect(db);
            let from = self.feed.len();
            line::write(&mut self.feed, line);
            self.note_standing(db, from, Readers::NONE);
        }
    }

    /// Remembers an effect that stands, if that may be needed.
    fn note_standing(&mut self, db: DbIndex, start: usize, hidden_from: Readers) {
        if let Some(standing) = &mut self.standing {
            standing.push(Standing { db, line: self.feed[start..].to_vec(), hidden_from });
        }
    }

    /// Makes ready for one more effect: MULTI before the first when this is the second, and the
    /// database.
    #[inline]
    fn begin_effect(&mut self, db: DbIndex) {
        match self.effects {
            0 => (self.start, self.first_db) = (self.feed.len(), db),
            1 => self.wrap(),
            _ => {}
        }
        self.effects += 1;
        self.kept.aof += 1;
        self.kept.replicas += 1;
        if self.feed_db != Some(db) {
            self.enter(db);
        }
    }

    /// Puts MULTI before the effect that was thought to be the only one.
    fn wrap(&mut self) {
        self.feed.splice(self.start..self.start, MULTI.iter().copied());
        self.notes.open_gap(self.start, MULTI.len());
    }

    fn enter(&mut self, db: DbIndex) {
        self.feed_db = Some(db);
        line::begin(&mut self.feed, 2);
        line::word(&mut self.feed, b"SELECT");
        line::word(&mut self.feed, db.0.to_string().as_bytes());
    }

    /// Ends the unit.
    #[inline]
    pub fn finish(&mut self) {
        if self.effects == 0 {
            return;
        }
        if self.effects > 1 {
            line::write(&mut self.feed, &[b"EXEC"]);
        }
        if self.kept.aof > 0 {
            self.told += i64::from(self.kept.aof) + if self.effects > 1 { 2 } else { 0 };
        }
        let from = Readers { aof: self.kept.aof == 0, replicas: self.kept.replicas == 0 };
        if from.is_any() {
            self.hide_whole(from);
        }
        (self.effects, self.kept, self.lead) = (0, Kept::default(), 0);
    }

    /// Nothing of the unit is for these readers, who must not miss a change of the database either.
    fn hide_whole(&mut self, from: Readers) {
        self.notes.hide_over(self.start..self.feed.len(), from);
        self.feed_db = None;
    }

    /// How many commands were told, MULTI and EXEC included: the offset of replication as long as
    /// there is none.
    // Compat: Redis counts so while it has no backlog, and notes it in the manifest of the
    // append-only file.
    pub fn told(&self) -> i64 {
        self.told
    }

    /// What was told before the start.
    pub fn set_told(&mut self, told: i64) {
        self.told = told;
    }

    /// Where the part of the feed ends that may be fetched: a unit under way is not told before it
    /// has ended.
    #[inline]
    fn end(&self) -> usize {
        if self.effects == 0 { self.feed.len() } else { self.start }
    }

    /// Whether there is something to be fetched.
    #[inline]
    pub fn has_feed(&self) -> bool {
        self.end() > 0
    }

    /// Appends the part of the feed that is for replicas. It has to come before
    /// [`Unit::feed_aof`].
    pub(super) fn feed_replicas(&self, backlog: &mut Backlog) {
        let mut shared = self.notes.shared.iter().peekable();
        for piece in self.visible(|hidden_from| hidden_from.replicas) {
            let mut from = piece.start;
            while let Some(value) = shared.next_if(|value| value.start < piece.end) {
                if value.start >= from {
                    backlog.append(&self.feed[from..value.start]);
                    backlog.append_shared(&value.bytes);
                    from = value.start + value.bytes.len();
                }
            }
            backlog.append(&self.feed[from..piece.end]);
        }
    }

    /// Appends the part of the feed that is for the AOF. If that is all of it and `out` is empty,
    /// the two change places instead.
    pub(super) fn feed_aof(&mut self, out: &mut Vec<u8>) {
        if self.notes.hidden.is_empty() && out.is_empty() && self.effects == 0 {
            std::mem::swap(out, &mut self.feed);
            return;
        }
        for piece in self.visible(|hidden_from| hidden_from.aof) {
            out.extend_from_slice(&self.feed[piece]);
        }
    }

    /// The parts of the feed that may be fetched and are not hidden from a reader, in order.
    fn visible(&self, is_hidden: impl Fn(Readers) -> bool) -> impl Iterator<Item = Range<usize>> {
        let (mut from, end) = (0, self.end());
        let told = self.notes.hidden.iter().filter(move |part| is_hidden(part.from));
        let gaps = told.map(|part| part.range.clone()).take_while(move |gap| gap.start < end);
        gaps.chain(std::iter::once(end..end)).map(move |gap| {
            let piece = from..gap.start;
            from = gap.end;
            piece
        })
    }

    /// All readers have had the feed.
    pub(super) fn clear_feed(&mut self) {
        if self.effects > 0 {
            return self.cut_feed();
        }
        if self.feed.capacity() > KEPT_BYTES {
            self.feed = Vec::new();
        }
        self.feed.clear();
        self.notes.clear();
    }

    /// How far the unit under way has come: what calls tell from now on may be forgotten.
    pub fn mark(&mut self) -> Mark {
        self.standing = Some(Vec::new());
        let bytes = if self.effects == 0 { 0 } else { self.feed.len() - self.start };
        Mark { bytes, effects: self.effects, kept: self.kept }
    }

    /// Nothing that was told will be forgotten.
    pub fn keep_all(&mut self) {
        self.standing = None;
    }

    /// Forgets what calls of the unit have told since then: it was undone. Deletions of expired
    /// keys and messages stand.
    pub fn forget_since(&mut self, mark: Mark) {
        let standing = self.standing.take().unwrap_or_default();
        self.cut_to(mark);
        for Standing { db, line, hidden_from } in standing {
            self.begin_effect(db);
            let from = self.feed.len();
            self.feed.extend_from_slice(&line);
            self.hide(from, hidden_from);
        }
    }

    fn cut_to(&mut self, mark: Mark) {
        if self.effects == mark.effects {
            return;
        }
        let start = self.start;
        if mark.effects == 1 {
            // What was wrapped for the sake of the others is alone again.
            self.feed.drain(start..start + MULTI.len());
            self.notes.close_gap(start + MULTI.len(), MULTI.len());
        }
        let end = start + mark.bytes;
        self.feed.truncate(end);
        self.notes.truncate(end);
        (self.effects, self.kept) = (mark.effects, mark.kept);
        if self.effects == 0 {
            self.drop_lead();
        }
        // The database may have been told with it.
        self.select_anew();
    }

    /// [`Unit::clear_feed`] in the middle of a unit, which stays.
    #[cold]
    fn cut_feed(&mut self) {
        let end = self.end();
        self.feed.drain(..end);
        self.notes.drop_before(end);
        (self.start, self.lead) = (0, 0);
    }

    /// The unit does not go on here.
    fn drop_lead(&mut self) {
        self.feed.truncate(self.start - std::mem::take(&mut self.lead));
        self.notes.truncate(self.feed.len());
    }

    /// Forgets all that was told, of the unit under way, too: nobody reads any more.
    fn forget(&mut self) {
        (self.effects, self.kept, self.lead) = (0, Kept::default(), 0);
        self.clear_feed();
    }

    /// Lets other units run before this one ends.
    pub fn set_aside(&mut self) -> Aside {
        let (depth, standing) = (std::mem::take(&mut self.depth), self.standing.take());
        if self.effects == 0 {
            return Aside { depth, standing, told: None };
        }
        let start = self.start;
        let told = Told {
            bytes: self.feed.split_off(start),
            notes: self.notes.split_off(start),
            effects: std::mem::take(&mut self.effects),
            kept: std::mem::take(&mut self.kept),
            first_db: self.first_db,
            feed_db: self.feed_db.take(),
        };
        self.drop_lead();
        Aside { depth, standing, told: Some(told) }
    }

    /// Goes on with it.
    pub fn resume(&mut self, aside: Aside) {
        (self.depth, self.standing) = (aside.depth, aside.standing);
        let Some(told) = aside.told else { return };
        // Where the readers stand now nobody knows.
        let from = self.feed.len();
        self.enter(told.first_db);
        self.start = self.feed.len();
        self.lead = self.start - from;
        self.feed.extend_from_slice(&told.bytes);
        self.notes.append(told.notes, self.start);
        (self.effects, self.kept) = (told.effects, told.kept);
        (self.first_db, self.feed_db) = (told.first_db, told.feed_db);
    }

    /// Takes what was encoded since the last time, hidden parts included: for tests that read what
    /// nobody else does.
    pub fn take_feed(&mut self) -> Vec<u8> {
        let feed = std::mem::take(&mut self.feed);
        self.clear_feed();
        feed
    }
}

/// A unit that stands still while others are served, see [`Unit::set_aside`].
#[derive(Debug)]
pub struct Aside {
    depth: u32,
    standing: Option<Vec<Standing>>,
    told: Option<Told>,
}

/// What it has told so far.
#[derive(Debug)]
struct Told {
    bytes: Vec<u8>,
    notes: Notes,
    effects: u32,
    kept: Kept,
    first_db: DbIndex,
    feed_db: Option<DbIndex>,
}

impl Aside {
    pub fn is_between_units(&self) -> bool {
        self.depth == 0
    }
}
