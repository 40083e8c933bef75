//! Trimming: the oldest entries of a stream go, down to a number of entries or up to an id.
//!
//! Whole nodes go as long as that is possible. Then an approximate trim is over; an exact one
//! deletes entries one by one, which leaves tombstones. What groups still know of an entry can be
//! kept, or go with it, or protect it; in the last two cases every entry has to be looked at, so
//! that nothing goes as a whole, and an approximate trim differs from an exact one only in its
//! limit. Whole nodes are not inflated for it.

use super::node::{self, Walk};
use super::{Scratch, Stream, StreamId};
use crate::ds::ascending::Place;

/// What is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most so many entries, the newest.
    Length(u64),
    /// Entries from this id on.
    Id(StreamId),
}

/// What becomes of the groups' lists of pending entries when an entry is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They stay as they are.
    #[default]
    Keep,
    /// They lose the entry, too.
    Drop,
    /// An entry that a group has not read, or not acknowledged, is not deleted.
    Respect,
}

/// How to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    pub bound: Bound,
    /// Only what can go as a whole node goes, unless every entry has to be looked at anyway.
    pub is_approximate: bool,
    /// At most so many entries go; 0: any number.
    pub limit: u64,
    pub references: References,
}

/// What came of a trim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// So many entries went.
    pub entries: u64,
    /// The limit was reached in front of this id.
    pub stopped: Option<StreamId>,
}

impl Stream {
    /// Trims.
    pub fn trim(&mut self, trim: Trim) -> Trimmed {
        let (before, mut stopped) = (self.length, None);
        let mut scratch = Scratch::default();
        let mut place = self.nodes().first();
        while let Some(at) = place {
            let live = self.nodes.at(at).1.counts().live;
            let removed = before - self.length;
            if self.is_trimmed(trim.bound) {
                break;
            }
            if trim.limit > 0 && removed + live > trim.limit {
                stopped = Some(self.nodes.at(at).0);
                break;
            }
            if trim.references == References::Keep && self.is_beyond(trim.bound, at, live) {
                self.nodes.remove_at(at);
                self.length -= live;
                place = self.nodes.first();
                continue;
            }
            if trim.is_approximate && trim.references == References::Keep {
                break;
            }
            let next = self.nodes.next(at);
            let Some(next_id) = next.map(|next| self.nodes.at(next).0) else {
                self.trim_node(at, trim, &mut scratch);
                break;
            };
            if self.trim_node(at, trim, &mut scratch) {
                break;
            }
            place = self.nodes.find(next_id);
        }
        if self.length < before {
            self.find_first();
        }
        Trimmed { entries: before - self.length, stopped }
    }

    /// Whether there is nothing to do for a number of entries.
    fn is_trimmed(&self, bound: Bound) -> bool {
        match bound {
            Bound::Length(length) => self.length <= length,
            Bound::Id(_) => false,
        }
    }

    /// Whether all entries of a node, `live` of them, are to go.
    fn is_beyond(&self, bound: Bound, at: Place, live: u64) -> bool {
        match bound {
            Bound::Length(length) => self.length - live >= length,
            Bound::Id(id) => {
                let (node, kept) = self.nodes.at(at);
                kept.last_id(node).is_some_and(|last| last < id)
            }
        }
    }

    /// Deletes entries of a node one by one. True when the bound is reached.
    fn trim_node(&mut self, at: Place, trim: Trim, scratch: &mut Scratch) -> bool {
        let (node, kept) = self.nodes.at(at);
        let mut surplus = match trim.bound {
            Bound::Length(length) => self.length - length,
            Bound::Id(_) => u64::MAX,
        };
        let (mut doomed, mut is_done) = (vec![], false);
        for entry in Walk::new(node, scratch.look(node, kept)) {
            is_done = surplus == 0 || matches!(trim.bound, Bound::Id(id) if entry.id >= id);
            if is_done {
                break;
            }
            if entry.is_deleted
                || trim.references == References::Respect && self.is_needed(entry.id)
            {
                continue;
            }
            surplus -= 1;
            doomed.push((entry.id, entry.offset()));
        }
        let live = kept.counts().live;
        let is_whole = doomed.len() as u64 == live && self.is_beyond(trim.bound, at, live);
        self.length -= doomed.len() as u64;
        if trim.references == References::Drop {
            doomed.iter().for_each(|(id, _)| self.drop_references(*id));
        }
        // Compat: a node that ends with tombstones behind the bound stays, even if nothing in it
        // lives.
        if is_whole {
            self.nodes.remove_at(at);
            return is_done;
        }
        if doomed.is_empty() {
            return is_done;
        }
        let pack = self.open(at, scratch);
        let mut moved = 0;
        for (_, offset) in doomed {
            moved += node::delete(pack, offset.wrapping_add_signed(moved));
        }
        is_done
    }
}
