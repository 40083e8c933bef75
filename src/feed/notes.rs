//! What is noted of stretches of the feed: who must not read them, and which of them are large
//! values that stand elsewhere, too.
//!
//! Positions count from the begin of the feed. Units are encoded with later changes of mind (MULTI
//! in front, undone, set aside), so notes move with the bytes they are about.

use std::ops::Range;
use std::sync::Arc;

use crate::command::effects::Readers;

/// Bytes that are not for everybody.
#[derive(Debug)]
pub struct Hidden {
    pub range: Range<usize>,
    pub from: Readers,
}

/// A value that has an allocation of its own, from which replicas are fed.
#[derive(Debug)]
pub struct Shared {
    pub start: usize,
    pub bytes: Arc<Vec<u8>>,
}

/// All notes, each kind in order of position.
#[derive(Debug, Default)]
pub struct Notes {
    /// Parts hidden from the same reader do not overlap.
    pub hidden: Vec<Hidden>,
    pub shared: Vec<Shared>,
}

impl Notes {
    pub fn clear(&mut self) {
        self.hidden.clear();
        self.shared.clear();
    }

    /// Hides a stretch from readers, from whom parts of it may be hidden already.
    pub fn hide_over(&mut self, range: Range<usize>, from: Readers) {
        if range.is_empty() {
            return;
        }
        for part in &mut self.hidden {
            if part.range.start >= range.start && part.range.end <= range.end {
                part.from = part.from.but(from);
            }
        }
        self.hidden.retain(|part| part.from.is_any());
        let at = self.hidden.partition_point(|part| part.range.start < range.start);
        self.hidden.insert(at, Hidden { range, from });
    }

    /// Bytes were put in at this place.
    pub fn open_gap(&mut self, at: usize, bytes: usize) {
        self.shift(at, |position| position + bytes);
    }

    /// Bytes were taken out at this place.
    pub fn close_gap(&mut self, at: usize, bytes: usize) {
        self.shift(at, |position| position - bytes);
    }

    fn shift(&mut self, from: usize, place: impl Fn(usize) -> usize) {
        for part in self.hidden.iter_mut().rev().take_while(|part| part.range.start >= from) {
            part.range = place(part.range.start)..place(part.range.end);
        }
        for value in self.shared.iter_mut().rev().take_while(|value| value.start >= from) {
            value.start = place(value.start);
        }
    }

    /// The feed ends here now.
    pub fn truncate(&mut self, end: usize) {
        self.hidden.retain(|part| part.range.start < end);
        for part in &mut self.hidden {
            part.range.end = part.range.end.min(end);
        }
        self.shared.retain(|value| value.start < end);
    }

    /// The feed begins here now.
    pub fn drop_before(&mut self, start: usize) {
        *self = self.split_off(start);
    }

    /// Takes the notes from a place on, which will be their position 0.
    pub fn split_off(&mut self, at: usize) -> Notes {
        let hidden = self.hidden.partition_point(|part| part.range.start < at);
        let shared = self.shared.partition_point(|value| value.start < at);
        let hidden = self.hidden.split_off(hidden);
        let mut rest = Notes { hidden, shared: self.shared.split_off(shared) };
        rest.close_gap(0, at);
        rest
    }

    /// Lays them in again behind the others, for a stretch that begins here now.
    pub fn append(&mut self, mut notes: Notes, at: usize) {
        notes.open_gap(0, at);
        self.hidden.append(&mut notes.hidden);
        self.shared.append(&mut notes.shared);
    }
}
