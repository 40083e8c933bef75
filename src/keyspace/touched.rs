//! Touched keys: what clients who cache values are told is no longer true.
//!
//! The one verb that changes keys and what else removes them note the key here, if anybody caches
//! at all; the end of the call takes the notes. Keys lie behind one another in one buffer that is
//! used again and again, so that a note costs a copy of a few bytes. Each note knows how many
//! events were queued before it, so that both can be told in the order in which things happened.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch<'a> {
    /// A call changed this key.
    Changed(&'a [u8]),
    /// The server removed this key by itself.
    Removed(&'a [u8]),
    /// A whole database was emptied.
    Flushed,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    what: What,
    /// Where its key ends in the buffer.
    end: usize,
    events_before: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Changed,
    Removed,
    Flushed,
}

/// Notes of one call.
#[derive(Debug, Default)]
pub struct Touched {
    is_wanted: bool,
    notes: Vec<Note>,
    keys: Vec<u8>,
}

/// Larger buffers are not kept for the next call.
const KEPT_BYTES: usize = 64 * 1024;

impl Touched {
    /// Somebody caches, or nobody does.
    pub fn want(&mut self, is_wanted: bool) {
        self.is_wanted = is_wanted;
    }

    /// Notes something that happened behind so many events.
    #[inline]
    pub fn push(&mut self, touch: Touch<'_>, events_before: usize) {
        if self.is_wanted {
            self.note(touch, events_before);
        }
    }

    fn note(&mut self, touch: Touch<'_>, events_before: usize) {
        let (what, key): (_, &[u8]) = match touch {
            Touch::Changed(key) => (What::Changed, key),
            Touch::Removed(key) => (What::Removed, key),
            // One flush says it all, of however many databases.
            Touch::Flushed if self.notes.last().is_some_and(|n| n.what == What::Flushed) => return,
            Touch::Flushed => (What::Flushed, b""),
        };
        self.keys.extend_from_slice(key);
        self.notes.push(Note { what, end: self.keys.len(), events_before });
    }

    /// True without notes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Hands the notes over, for [`Touched::give_back`].
    pub fn take(&mut self) -> Touched {
        Touched {
            is_wanted: self.is_wanted,
            notes: std::mem::take(&mut self.notes),
            keys: std::mem::take(&mut self.keys),
        }
    }

    /// Gives the buffers back for the next notes.
    pub fn give_back(&mut self, mut taken: Touched) {
        if self.notes.is_empty() && taken.keys.capacity() <= KEPT_BYTES {
            taken.notes.clear();
            taken.keys.clear();
            (self.notes, self.keys) = (taken.notes, taken.keys);
        }
    }

    /// What happened, and behind how many events.
    pub fn iter(&self) -> impl Iterator<Item = (Touch<'_>, usize)> {
        let mut start = 0;
        self.notes.iter().map(move |note| {
            let key = &self.keys[start..note.end];
            start = note.end;
            let touch = match note.what {
                What::Changed => Touch::Changed(key),
                What::Removed => Touch::Removed(key),
                What::Flushed => Touch::Flushed,
            };
            (touch, note.events_before)
        })
    }
}

#[test]
fn notes_come_back_in_order() {
    let mut touched = Touched::default();
    touched.push(Touch::Changed(b"nobody"), 0);
    assert!(touched.is_empty());
    touched.want(true);
    for _ in 0..2 {
        touched.push(Touch::Changed(b"a"), 0);
        touched.push(Touch::Removed(b""), 1);
        touched.push(Touch::Flushed, 1);
        touched.push(Touch::Flushed, 1);
        touched.push(Touch::Changed(b"bc"), 2);
        let taken = touched.take();
        let want = [
            (Touch::Changed(&b"a"[..]), 0),
            (Touch::Removed(b""), 1),
            (Touch::Flushed, 1),
            (Touch::Changed(b"bc"), 2),
        ];
        assert_eq!(taken.iter().collect::<Vec<_>>(), want);
        touched.give_back(taken);
        assert!(touched.is_empty());
    }
}
