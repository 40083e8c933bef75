//! Walks over a table: SCAN cursors, iteration, draining, random samples.
//!
//! # Cursors
//!
//! A cursor is a position in an order that growth and shrinking respect, so nothing needs to be
//! remembered between calls. Segments are visited in the order of their index read backwards
//! (lowest bit first), for a split replaces a segment by two neighbours of that order; inside a
//! segment home buckets are visited in the order of their places, which no rebuild disturbs.
//!
//! ```text
//!   63                    16+level  16+level-1        16 15            0
//!  ┌──────────────────────┬───┬─────────────────────────┬────────────────┐
//!  │ 0                    │ 1 │ segment index           │ next place     │    0: start, or finished
//!  └──────────────────────┴───┴─────────────────────────┴────────────────┘
//! ```
//!
//! The level is part of the cursor because a merge must be noticed. Coming back to
//!
//! * the same level: go on at the place;
//! * a deeper one (the segment was split): the rest of all its parts is still to come, so go on in
//!   the first part at the place and take the later parts whole;
//! * a shallower one (it was merged): unless it was the last part, later parts have not been seen
//!   below the place either, so the merged segment starts again at place 0. Repeats are allowed,
//!   omissions are not.
//!
//! An element that stays in the table from the first call to the last is thus returned at least
//! once. Any other number a client may send is reduced to some valid position.
//!
//! # Samples
//!
//! A random slot is drawn until an occupied one is hit; every slot is equally likely, so every
//! element is. The table keeps itself a third full at least, hence a few draws suffice; after
//! [`DRAWS_MAX`] misses (a table emptied while moves were paused) the walk goes on from the last
//! slot drawn, less fair but bounded.

use super::segment::{SLOTS, Segment};
use super::{Element, Table};
use crate::base::cpu::prefetch;

/// Slots drawn before a sample takes the next element in order.
const DRAWS_MAX: usize = 512;

/// The sentinel keeps indices below this many bits.
const LEVEL_MAX: u32 = 47;

/// Walks over all elements, in no particular order.
pub struct Iter<'a, E: Element> {
    table: &'a Table<E>,
    segment: usize,
    bucket: usize,
    slot: usize,
}

/// Takes a table apart, one element at a time; the memory of a segment is freed when it is through.
/// The rest is dropped with it.
pub struct Drain<E: Element> {
    table: Table<E>,
    segment: usize,
    bucket: usize,
    slot: usize,
}

/// A decoded cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    level: u32,
    index: u64,
    place: u64,
}

impl Position {
    fn decode(cursor: u64) -> Self {
        let head = (cursor >> 16).max(1);
        let level = head.ilog2().min(LEVEL_MAX);
        Position { level, index: head & ((1 << level) - 1), place: cursor & 0xffff }
    }

    fn encode(self) -> u64 {
        (((1 << self.level) | self.index) << 16) | self.place
    }

    /// The position as the table stands now.
    fn settle(self, now: u32) -> Self {
        if now >= self.level {
            return Position { level: now, ..self };
        }
        let lost = self.level - now;
        let was_last = self.index >> now == (1 << lost) - 1;
        let place = if was_last { self.place } else { 0 };
        Position { level: now, index: self.index & ((1 << now) - 1), place }
    }

    /// The start of the next segment in backwards order, or none after the last.
    fn next_segment(self) -> Option<Self> {
        if self.level == 0 {
            return None;
        }
        let unused = 64 - self.level;
        let reversed = (self.index << unused).reverse_bits() + 1;
        let index = reversed.reverse_bits() >> unused;
        (index != 0).then_some(Position { index, place: 0, ..self })
    }
}

impl<E: Element> Table<E> {
    /// Visits the elements of the home bucket a cursor stands at and returns the next cursor, 0 at
    /// the end. A bucket without elements counts as a step, so that a caller can bound the work.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(E::Ref<'a>)) -> u64 {
        if self.len == 0 {
            return 0;
        }
        let old = Position::decode(cursor);
        let index = self.segment_index(old.index);
        let at = old.settle(self.segment_level(index));
        let segment = self.segment(index);
        let home = segment.home(at.place as u16);
        // SAFETY: the segment is alive, `&self` keeps everybody from writing, and its pointers came
        // from `into_raw`.
        unsafe { segment.visit_home(home, |item| visit(E::view(item.raw()))) }
        let n = segment.n() as u64;
        let place = ((home as u64 + 1) << 16).div_ceil(n);
        if place <= 0xffff {
            return Position { place, ..at }.encode();
        }
        at.next_segment().map_or(0, Position::encode)
    }

    /// An element chosen at random, all being equally likely. `random` gives random words.
    pub fn sample(&self, mut random: impl FnMut() -> u64) -> Option<E::Ref<'_>> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..DRAWS_MAX {
            let (index, bucket, slot) = self.draw(random());
            let segment = self.segment(index);
            if bucket >= segment.n() {
                continue;
            }
            // SAFETY: alive, inside, and `&self` keeps everybody from writing.
            if let Some(item) = unsafe { segment.bucket(bucket) }.item(slot) {
                // SAFETY: the pointer came from `into_raw`; `&self` excludes exclusive views.
                return Some(unsafe { E::view(item.raw()) });
            }
        }
        let (segment, ..) = self.draw(random());
        let tail = Iter { table: self, segment, bucket: 0, slot: 0 };
        tail.chain(self.iter()).next()
    }

    /// Splits a random word into a segment, a bucket below the widest segment's end and a slot.
    fn draw(&self, word: u64) -> (usize, usize, usize) {
        // Three independent shares of one word: 28 bits for the segment, 18 for each of the others.
        let below = |bits: u64, shift: u32, end: usize| ((bits * end as u64) >> shift) as usize;
        let segment = below(word >> 36, 28, self.segments as usize);
        let bucket = below((word >> 18) & 0x3_ffff, 18, usize::from(self.widest));
        (segment, bucket, below(word & 0x3_ffff, 18, SLOTS))
    }

    /// All elements, in no particular order.
    pub fn iter(&self) -> Iter<'_, E> {
        Iter { table: self, segment: 0, bucket: 0, slot: 0 }
    }

    /// Changes every element, in no particular order.
    pub fn for_each_mut<'a>(&'a mut self, mut visit: impl FnMut(E::Mut<'a>)) {
        for index in 0..self.segments as usize {
            // SAFETY: the segment is alive and `&mut self` excludes everybody; each element is
            // visited once, so no two exclusive views are of the same one.
            unsafe { self.segment(index).visit_all(|item| visit(E::edit(item.raw()))) }
        }
    }
}

/// The next item at or after a position, which moves past it.
fn advance<E: Element>(
    table: &Table<E>,
    segment: &mut usize,
    bucket: &mut usize,
    slot: &mut usize,
    mut left: impl FnMut(usize),
) -> Option<super::Item> {
    while *segment < table.segments as usize {
        let here = table.segment(*segment);
        while *bucket < here.n() {
            // SAFETY: alive, inside, and the table is borrowed.
            let line = unsafe { here.bucket(*bucket) };
            if *slot == 0 && table.segments > 1 && *bucket + 1 < here.n() {
                // While the elements of this bucket are made use of, those of the next are on their
                // way. SAFETY: alive, inside, and the table is borrowed.
                let ahead = unsafe { here.bucket(*bucket + 1) };
                let items = (0..SLOTS).filter_map(|slot| ahead.item(slot));
                items.for_each(|item| prefetch(item.raw().as_ptr()));
            }
            while *slot < SLOTS {
                *slot += 1;
                if let Some(item) = line.item(*slot - 1) {
                    return Some(item);
                }
            }
            (*bucket, *slot) = (*bucket + 1, 0);
        }
        left(*segment);
        (*segment, *bucket) = (*segment + 1, 0);
    }
    None
}

impl<'a, E: Element> Iterator for Iter<'a, E> {
    type Item = E::Ref<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let Iter { table, segment, bucket, slot } = self;
        let item = advance(table, segment, bucket, slot, |_| {})?;
        // SAFETY: the pointer came from `into_raw`; the table is borrowed shared for 'a.
        Some(unsafe { E::view(item.raw()) })
    }
}

impl<E: Element> Iterator for Drain<E> {
    type Item = E;

    fn next(&mut self) -> Option<E> {
        let Drain { table, segment, bucket, slot } = self;
        let mut through = None;
        let item = advance(table, segment, bucket, slot, |index| through = through.or(Some(index)));
        // Segments are left behind in order, seldom more than one at a time.
        if let Some(first) = through {
            for index in first..(*segment).min(table.segments as usize) {
                let old = table.segment(index);
                table.set_segment(index, Segment::EMPTY);
                // SAFETY: the table has forgotten it, and all its elements have been given out.
                unsafe { old.free() }
            }
        }
        // SAFETY: each item is met once, and the table never looks at it again (see `Drop`).
        item.map(|item| unsafe { E::from_raw(item.raw()) })
    }
}

impl<E: Element> Drop for Drain<E> {
    fn drop(&mut self) {
        self.for_each(drop);
        // What is left has no elements that are still ours; only memory.
        self.table.len = 0;
        self.table.clear_memory();
    }
}

impl<E: Element> IntoIterator for Table<E> {
    type Item = E;
    type IntoIter = Drain<E>;

    fn into_iter(self) -> Drain<E> {
        Drain { table: self, segment: 0, bucket: 0, slot: 0 }
    }
}

impl<'a, E: Element> IntoIterator for &'a Table<E> {
    type Item = E::Ref<'a>;
    type IntoIter = Iter<'a, E>;

    fn into_iter(self) -> Iter<'a, E> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_encode_and_decode() {
        for level in [0, 1, 5, 30, LEVEL_MAX] {
            for index in [0, 1, (1u64 << level) - 1] {
                for place in [0, 1, 0xffff] {
                    let at = Position { level, index: index & ((1 << level) - 1), place };
                    assert_eq!(Position::decode(at.encode()), at);
                }
            }
        }
        assert_eq!(Position::decode(0), Position { level: 0, index: 0, place: 0 });
    }

    #[test]
    fn segments_follow_in_backwards_order() {
        let mut at = Position { level: 3, index: 0, place: 9 };
        let mut order = vec![];
        while let Some(next) = at.next_segment() {
            assert_eq!(next.place, 0);
            order.push(next.index);
            at = next;
        }
        assert_eq!(order, [4, 2, 6, 1, 5, 3, 7]);
    }

    #[test]
    fn a_merge_is_noticed() {
        let first = Position { level: 3, index: 0b001, place: 7 };
        assert_eq!(first.settle(2), Position { level: 2, index: 0b01, place: 0 });
        let last = Position { level: 3, index: 0b101, place: 7 };
        assert_eq!(last.settle(2), Position { level: 2, index: 0b01, place: 7 });
        assert_eq!(last.settle(4), Position { level: 4, ..last });
    }
}
