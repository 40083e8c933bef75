//! Members with scores: found by member, ordered by score and then by member, counted.
//!
//! ```text
//!      by member                                              by (score, member)
//!   ┌──────────────────┐                                   ┌───────────────────────┐
//!   │ Table            │                                   │ Tree of Slots         │
//!   │ tags + pointers  │                                   │ 14 bytes each:        │
//!   └────────┬─────────┘                                   │ score, pointer        │
//!            │ owns                                        └───────────┬───────────┘
//!            ▼                                                         │ points to
//!   ┌──────────────────────────────────────┐                          │
//!   │ Record: score, lengths, member bytes │ ◄────────────────────────┘
//!   └──────────────────────────────────────┘
//! ```
//!
//! A member of 19 bytes takes a record of 32, some 12 in the table and 14 to 16 in the tree. A slot
//! repeats the score, so that a search in the tree touches records only where scores are equal, and
//! there only to compare members. Ranges are pairs of positions: the tree finds both ends without
//! looking at what is between them.
//!
//! # Why the pointers are sound
//!
//! The table owns the records; a record stays where it is until it leaves the table (`ds::table`
//! moves pointers, never elements). A slot holds the address of a record, and these rules make sure
//! that the record is there:
//!
//! * A slot enters the tree after its record has entered the table, once. `insert` makes the slot
//!   of a new record; `Gathered::order` those of all records of a table, for an empty tree.
//! * A record that leaves the table is held back until its slot has left the tree: `release`
//!   asserts that the slot which the tree has given up has the address of this very record, and
//!   only then lets it be dropped. Should the tree ever break its promises, or a panic come between
//!   the steps, a record is leaked or stays in the table alone; none is dropped with a slot left
//!   behind. The tree itself is safe code that keeps each item once ([`tree`]).
//! * Slots never leave this file. References to a record's bytes are bound to a borrow of the whole
//!   [`Ordered`], and all changes need it exclusively; so no view is alive while a score is written
//!   or a record is dropped.
//! * When all is dropped, the slots are plain bytes.
//!
//! A score is written through the slot's pointer, whose provenance was exposed when the slot was
//! made, as was the table's own. No NaN ever gets in; -0 is equal to 0, and yet kept.
#![expect(unsafe_code, reason = "the index points to records that the table owns")]

mod tree;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::NonNull;

use super::hash::HashSeed;
use super::record::{Record, RecordRef};
use super::table::{Element, Table};
use crate::base::cpu::prefetch;
use tree::Tree;

type Member = Record<f64>;

/// Members with their scores.
pub struct Ordered {
    table: Table<Member>,
    tree: Tree<Slot>,
    /// Memory of all records.
    record_bytes: usize,
}

/// A score and the address of the record that has it: 8 and 6 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot([u8; 14]);

impl Slot {
    #[inline]
    fn new(score: f64, raw: NonNull<u8>) -> Self {
        let address = raw.as_ptr().expose_provenance() as u64;
        assert!(address >> 48 == 0, "user space addresses have 48 bits");
        let mut bytes = [0; 14];
        bytes[..8].copy_from_slice(&score.to_le_bytes());
        bytes[8..].copy_from_slice(&address.to_le_bytes()[..6]);
        Slot(bytes)
    }

    #[inline]
    fn score(self) -> f64 {
        let [score @ .., _, _, _, _, _, _] = self.0;
        f64::from_le_bytes(score)
    }

    #[inline]
    fn with_score(self, score: f64) -> Self {
        Slot::new(score, self.raw())
    }

    #[inline]
    fn raw(self) -> NonNull<u8> {
        let [_, _, _, _, _, _, _, _, a, b, c, d, e, f] = self.0;
        let address = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) as usize;
        let raw = std::ptr::with_exposed_provenance_mut(address);
        NonNull::new(raw).expect("a slot is made from a pointer")
    }

    /// The member.
    ///
    /// # Safety
    /// The record is in the table, and stays there unchanged for 'a.
    #[inline]
    unsafe fn member<'a>(self) -> &'a [u8] {
        // SAFETY: the pointer is that of a record, which the caller keeps.
        unsafe { <Member as Element>::view(self.raw()) }.key()
    }

    /// Whether the slot comes before a score and a member.
    ///
    /// # Safety
    /// As [`Slot::member`], for the length of the call.
    #[inline]
    unsafe fn precedes(self, score: f64, member: &[u8]) -> bool {
        let own = self.score();
        // SAFETY: the caller's promise.
        own < score || own == score && unsafe { self.member() } < member
    }

    /// Whether the slot comes before a score and a member, or is theirs.
    ///
    /// # Safety
    /// As [`Slot::member`], for the length of the call.
    #[inline]
    unsafe fn reaches(self, score: f64, member: &[u8]) -> bool {
        let own = self.score();
        // SAFETY: the caller's promise.
        own < score || own == score && unsafe { self.member() } <= member
    }
}

/// What [`Ordered::change`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// The decision was to leave things as they are.
    Refused,
    Added(f64),
    /// The score is a new one.
    Moved(f64),
    /// The score is equal to the old one, which is kept.
    Kept(f64),
}

impl Ordered {
    /// Without members, and without memory.
    pub fn new(seed: HashSeed) -> Self {
        Ordered { table: Table::new(seed), tree: Tree::default(), record_bytes: 0 }
    }

    /// Without members, but with some room for `count` of them.
    pub fn with_capacity(seed: HashSeed, count: usize) -> Self {
        Ordered { table: Table::with_capacity(seed, count), ..Ordered::new(seed) }
    }

    /// Members.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Slots of the table, occupied or not.
    pub fn slots(&self) -> usize {
        self.table.slots()
    }

    /// True without members.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The secret the members are hashed with.
    pub fn seed(&self) -> HashSeed {
        self.table.seed()
    }

    /// Bytes of memory outside this struct.
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.tree.memory_bytes() + self.record_bytes
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.table.find(member).map(RecordRef::fixed)
    }

    /// Adds a member or changes its score, as `decide` has it: it is given the old score and
    /// returns the new one, or none to leave things as they are.
    pub fn change(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        let hash = self.table.hash(member);
        let old = self.table.find_hashed(hash, member).map(RecordRef::fixed);
        let Some(score) = decide(old) else { return Change::Refused };
        assert!(!score.is_nan(), "whoever decides refuses what is no number");
        match old {
            None => {
                self.insert(hash, member, score);
                Change::Added(score)
            }
            Some(old) if old == score => Change::Kept(score),
            Some(old) => {
                self.rescore(member, old, score);
                Change::Moved(score)
            }
        }
    }

    /// Adds a member that is known to come behind all others.
    pub fn push(&mut self, member: &[u8], score: f64) {
        self.insert(self.table.hash(member), member, score);
    }

    /// Adds a member that is known to be absent, under its hash.
    fn insert(&mut self, hash: u64, member: &[u8], score: f64) {
        let record = Record::new(member, b"", score);
        self.record_bytes += record.view().memory_bytes();
        let slot = Slot::new(score, record.view().raw());
        self.table.insert_new(hash, record);
        // SAFETY: the records of all slots in the tree are in the table, and nothing changes them
        // meanwhile.
        self.tree.insert(slot, |slot| unsafe { slot.precedes(score, member) });
    }

    /// Gives a member another score.
    fn rescore(&mut self, member: &[u8], old: f64, new: f64) {
        // SAFETY: the records of all slots in the tree are in the table, where that of the slot
        // that leaves it stays, too.
        let slot = self.tree.remove_last(|slot| unsafe { slot.reaches(old, member) });
        let slot = slot.expect("a member of the table is in the tree");
        // SAFETY: the record is in the table, and `&mut self` excludes other views of it; this one
        // ends here.
        let mut record = unsafe { <Member as Element>::edit(slot.raw()) };
        assert!(record.view().key() == member, "the tree finds the member's own slot");
        record.set_fixed(new);
        let slot = slot.with_score(new);
        // SAFETY: the records of all slots in the tree are in the table, and the view that changed
        // one has ended.
        self.tree.insert(slot, |slot| unsafe { slot.precedes(new, member) });
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.table.hash(member);
        let record = ManuallyDrop::new(self.table.remove_hashed(hash, member)?);
        let score = record.view().fixed();
        // SAFETY: the records of all slots in the tree are in the table, but for one, which is
        // still alive.
        let slot = self.tree.remove_last(|slot| unsafe { slot.reaches(score, member) });
        self.release(record, slot);
        Some(score)
    }

    /// Takes out the member at a position.
    pub fn take_at(&mut self, index: usize) -> Option<Record<f64>> {
        let slot = self.tree.remove_at(index)?;
        // SAFETY: the record is in the table, which looks at the name before it takes the record
        // out, and at nothing else afterwards.
        let record = self.table.remove(unsafe { slot.member() });
        let record = ManuallyDrop::new(record.expect("a slot's record is in the table"));
        Some(self.release(record, Some(slot)))
    }

    /// Lets a record be dropped that has left the table, after its slot has left the tree.
    fn release(&mut self, record: ManuallyDrop<Member>, slot: Option<Slot>) -> Member {
        let raw = record.view().raw();
        assert!(slot.is_some_and(|slot| slot.raw() == raw), "the tree gave up the same record");
        self.record_bytes -= record.view().memory_bytes();
        ManuallyDrop::into_inner(record)
    }

    /// The position of a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        // SAFETY: the records of all slots in the tree are in the table, which is borrowed.
        let rank = self.tree.count_while(|slot| unsafe { slot.precedes(score, member) });
        Some((rank, score))
    }

    /// The member at a position, and its score.
    pub fn at(&self, index: usize) -> Option<(&[u8], f64)> {
        let slot = self.tree.at(index)?;
        // SAFETY: the slot is in the tree, so its record is in the table, which is borrowed as long
        // as the name is.
        Some((unsafe { slot.member() }, slot.score()))
    }

    /// For how many scores, from the lowest on, `pred` holds; it holds for no higher one.
    pub fn count_scores(&self, pred: impl Fn(f64) -> bool) -> usize {
        self.tree.count_while(|slot| pred(slot.score()))
    }

    /// For how many members, from the first on, `pred` holds. Means something only where all scores
    /// are equal.
    pub fn count_members(&self, pred: impl Fn(&[u8]) -> bool) -> usize {
        // SAFETY: the records of all slots in the tree are in the table, which is borrowed.
        self.tree.count_while(|slot| pred(unsafe { slot.member() }))
    }

    /// Visits members in order, from the first one on whose score is not below `min`, as long as
    /// `visit` wants more. It is shown the scores; a member costs a look at its record, which is
    /// left to it.
    #[inline]
    pub fn visit_from<'a>(&'a self, min: f64, mut visit: impl FnMut(f64, Unread<'a>) -> bool) {
        self.tree.visit_from(
            |slot| slot.score() < min,
            |slot| visit(slot.score(), Unread { slot, of: PhantomData }),
        );
    }

    /// The members at some positions, in order, from either end.
    pub fn range(&self, positions: Range<usize>) -> Iter<'_> {
        let end = positions.end.min(self.len());
        let start = positions.start.min(end);
        Iter { of: self, positions: start..end, front: &[], back: &[] }
    }

    /// All members in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Visits some members at a cursor and returns the next one, 0 at the end; see [`Table::scan`].
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a [u8], f64)) -> u64 {
        self.table.scan(cursor, |record| visit(record.key(), record.fixed()))
    }

    /// As [`Table::pause_moves`].
    pub fn pause_moves(&mut self) {
        self.table.pause_moves();
    }

    /// As [`Table::resume_moves`].
    pub fn resume_moves(&mut self) {
        self.table.resume_moves();
    }
}

impl Clone for Ordered {
    fn clone(&self) -> Self {
        let mut copy = Ordered::with_capacity(self.seed(), self.len());
        self.iter().for_each(|(member, score)| copy.push(member, score));
        copy
    }
}

/// Members and scores that are still being gathered, in no order.
pub struct Gathered {
    table: Table<Member>,
    record_bytes: usize,
}

impl Gathered {
    /// Without members.
    pub fn new(seed: HashSeed) -> Self {
        Gathered { table: Table::new(seed), record_bytes: 0 }
    }

    /// Without members, but with room for some.
    pub fn with_capacity(seed: HashSeed, count: usize) -> Self {
        Gathered { table: Table::with_capacity(seed, count), record_bytes: 0 }
    }

    /// Members.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Adds a member with a score, or joins the score to the one it has.
    pub fn join(&mut self, member: &[u8], score: f64, join: impl FnOnce(f64, f64) -> f64) {
        let hash = self.table.hash(member);
        if let Some(found) = self.table.find_mut_hashed(hash, member) {
            let mut record = found.into_mut();
            let joined = join(record.view().fixed(), score);
            record.set_fixed(joined);
        } else {
            let record = Record::new(member, b"", score);
            self.record_bytes += record.view().memory_bytes();
            self.table.insert_new(hash, record);
        }
    }

    /// Removes a member.
    pub fn remove(&mut self, member: &[u8]) {
        if let Some(record) = self.table.remove(member) {
            self.record_bytes -= record.view().memory_bytes();
        }
    }

    /// Puts the members in order.
    pub fn order(self) -> Ordered {
        let Gathered { table, record_bytes } = self;
        let slot = |record: RecordRef<'_, f64>| Slot::new(record.fixed(), record.raw());
        let mut slots: Vec<Slot> = table.iter().map(slot).collect();
        slots.sort_unstable_by(|a, b| {
            let scores = a.score().partial_cmp(&b.score()).expect("scores are numbers");
            // SAFETY: the records of all slots are in the table, and nothing changes them
            // meanwhile.
            scores.then_with(|| unsafe { a.member().cmp(b.member()) })
        });
        let mut tree = Tree::default();
        slots.into_iter().for_each(|slot| tree.insert(slot, |_| true));
        Ordered { table, tree, record_bytes }
    }
}

impl std::fmt::Debug for Ordered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A member that has not been looked at.
pub struct Unread<'a> {
    slot: Slot,
    of: PhantomData<&'a Ordered>,
}

impl<'a> Unread<'a> {
    /// Looks at it.
    #[inline]
    pub fn member(self) -> &'a [u8] {
        // SAFETY: the records of all slots in the tree are in the table, which is borrowed for 'a.
        unsafe { self.slot.member() }
    }
}

/// Records that a walk asks the processor to fetch ahead.
const AHEAD: usize = 8;

/// Walks over members and scores in order, from either end.
#[derive(Clone)]
pub struct Iter<'a> {
    of: &'a Ordered,
    /// What is left.
    positions: Range<usize>,
    /// The slots of a leaf that come next from the front, and from the back.
    front: &'a [Slot],
    back: &'a [Slot],
}

impl<'a> Iter<'a> {
    #[inline]
    fn show(&self, slot: Slot) -> (&'a [u8], f64) {
        // SAFETY: the records of all slots in the tree are in the table, which is borrowed for 'a.
        (unsafe { slot.member() }, slot.score())
    }
}

/// Asks for the records of a walk's next slots.
fn fetch<'s>(slots: impl Iterator<Item = &'s Slot>, left: usize) {
    slots.take(AHEAD.min(left)).for_each(|slot| prefetch(slot.raw().as_ptr()));
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.positions.next()?;
        if self.front.is_empty() {
            let (slots, at) = self.of.tree.leaf_at(next)?;
            self.front = &slots[at..];
            fetch(self.front.iter(), self.positions.len() + 1);
        }
        let (slot, rest) = self.front.split_first()?;
        self.front = rest;
        if self.positions.len() >= AHEAD {
            fetch(rest.get(AHEAD - 1).into_iter(), 1);
        }
        Some(self.show(*slot))
    }

    /// Leaf by leaf, which spares the questions of every step.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut visit: F) -> B {
        let (mut folded, mut at, end) = (init, self.positions.start, self.positions.end);
        while at < end {
            let Some((slots, first)) = self.of.tree.leaf_at(at) else { break };
            let slots = &slots[first..];
            let slots = &slots[..slots.len().min(end - at)];
            fetch(slots.iter(), AHEAD);
            for (i, slot) in slots.iter().enumerate() {
                fetch(slots.get(i + AHEAD).into_iter(), 1);
                folded = visit(folded, self.show(*slot));
            }
            at += slots.len();
        }
        folded
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.positions.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let next = self.positions.next_back()?;
        if self.back.is_empty() {
            let (slots, at) = self.of.tree.leaf_at(next)?;
            self.back = &slots[..=at];
            fetch(self.back.iter().rev(), self.positions.len() + 1);
        }
        let (slot, rest) = self.back.split_last()?;
        self.back = rest;
        if self.positions.len() >= AHEAD {
            fetch(rest.iter().rev().skip(AHEAD - 1), 1);
        }
        Some(self.show(*slot))
    }
}

impl ExactSizeIterator for Iter<'_> {}
