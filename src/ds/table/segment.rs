//! Segments: the pieces a table is made of, and the buckets inside.
//!
//! A segment is an array of 1 to some hundred buckets, each one cache line:
//!
//! ```text
//!  byte 0      1         6      7        8              16                    56            64
//!     ┌──────┬──────┬───┬──────┬────────┬──────────────┬───────────┬─────────┬──────────────┐
//!     │ tag0 │ tag1 │...│ tag6 │ spill  │ word 0       │ word 1    │   ...   │ word 6       │
//!     └──────┴──────┴───┴──────┴────────┴──────────────┴───────────┴─────────┴──────────────┘
//!
//!  word   63        56 55        48 47                                                0
//!        ┌────────────┬────────────┬──────────────────────────────────────────────────┐
//!        │ look-ahead │ place high │ pointer to the element (0: the slot is free)      │
//!        └────────────┴────────────┴──────────────────────────────────────────────────┘
//!  spill  bits 0-3: how many elements at home here live elsewhere (15: that many or more, never falls)
//!         bits 4-7: how many buckets further on the farthest of them may be, see [`REACHES`]
//! ```
//!
//! **Place.** The top 16 bits of an element's hash, its *place*, are kept beside the pointer: the
//! low half is the tag, the high half stands above the pointer. The home bucket of a place p among
//! n buckets is `p * n >> 16`, for any n: a segment can thus grow by a quarter at a time, and is
//! rebuilt without looking at a single element. The low half as tag discriminates well inside a
//! bucket, whose elements share the high half.
//!
//! **Look-ahead.** When a table grows, one segment's elements are dealt out to two by the next bit
//! of the hash. The seven next bits are kept here under a sentinel (`1bbbbbbb`); each deal takes
//! the lowest. Only after seven doublings must the element itself be read to fetch more. A merge
//! puts the bit back.
//!
//! **Spill.** An element whose home is full goes to the next bucket with room, at most
//! [`REACH_MAX`] away, wrapping at the end. The home's spill byte tells a search whether to look
//! further and how far, so that an absent key costs one line nearly always; a neighbour's line is
//! the one the hardware has fetched already. When a slot falls free its bucket calls one of its own
//! back.
//!
//! Nothing here knows what an element is: words and places only.
#![expect(
    unsafe_code,
    reason = "bytes per key: one tagged word per element, buckets by raw pointer"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Slots in a bucket.
pub const SLOTS: usize = 7;

/// How far from its home bucket an element may live, by the four bits of the spill byte. The far
/// steps are taken where a segment is nearly full.
const REACHES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48];

/// The farthest.
const REACH_MAX: usize = REACHES[15] as usize;

/// A spill count that is no longer exact.
const SPILL_MANY: u64 = 15;

/// The pointer's share of a word.
const POINTER_MASK: u64 = (1 << 48) - 1;

/// Look-ahead bits when full: the sentinel and seven bits.
const LOOK_FULL: u64 = 0x80;

/// One cache line of elements.
#[repr(C, align(64))]
pub struct Bucket {
    /// Seven tags and, in the top byte, the spill byte.
    head: u64,
    words: [u64; SLOTS],
}

/// An element's pointer with what is known of its hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// The word as stored: pointer, high half of the place, look-ahead.
    word: u64,
    /// The top 16 bits of the hash.
    place: u16,
}

/// Where an element lives inside a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    pub bucket: usize,
    pub slot: usize,
}

/// A segment: its buckets and how many they are, packed in one word. Plain data: whoever holds the
/// directory owns the memory and must [`Segment::free`] it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment(u64);

/// The place a hash gives.
#[inline]
pub fn place_of(hash: u64) -> u16 {
    (hash >> 48) as u16
}

/// The look-ahead byte of a hash in a segment chosen by its `level` lowest bits.
#[inline]
fn look_ahead(hash: u64, level: u32) -> u64 {
    LOOK_FULL | ((hash >> level) & 0x7f)
}

impl Item {
    /// Makes the item of an element for a segment of the given level.
    #[inline]
    pub fn new(raw: NonNull<u8>, hash: u64, level: u32) -> Self {
        let address = raw.as_ptr().expose_provenance() as u64;
        assert!(address & !POINTER_MASK == 0, "user space addresses have 48 bits");
        let place = place_of(hash);
        let word = address | (u64::from(place >> 8) << 48) | (look_ahead(hash, level) << 56);
        Item { word, place }
    }

    /// The element.
    #[inline]
    pub fn raw(self) -> NonNull<u8> {
        pointer(self.word)
    }

    /// Takes the next bit of the hash, fetching more by `hash` when none is left. `level` is the
    /// level of the segment the item leaves.
    pub fn take_bit(&mut self, level: u32, hash: impl FnOnce(NonNull<u8>) -> u64) -> bool {
        let mut look = self.word >> 56;
        if look == 1 {
            look = look_ahead(hash(self.raw()), level);
        }
        self.set_look(look >> 1);
        look & 1 == 1
    }

    /// Puts back the bit that told two merging segments apart.
    pub fn put_bit(&mut self, bit: bool) {
        let look = ((self.word >> 56) << 1) | u64::from(bit);
        self.set_look(if look > 0xff { (look & 0x7f) | LOOK_FULL } else { look });
    }

    fn set_look(&mut self, look: u64) {
        debug_assert!(look != 0 && look <= 0xff, "the sentinel stays");
        self.word = (self.word & ((1 << 56) - 1)) | (look << 56);
    }
}

/// The pointer of an occupied slot's word.
#[inline]
fn pointer(word: u64) -> NonNull<u8> {
    let address = std::ptr::with_exposed_provenance_mut((word & POINTER_MASK) as usize);
    NonNull::new(address).expect("an occupied slot holds a pointer")
}

impl Bucket {
    /// A mask with bit 7 of byte i set where tag i equals `tag`. Exact: no false lanes.
    #[inline]
    fn matches(&self, tag: u8) -> u64 {
        const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let x = self.head ^ (0x0101_0101_0101_0101 * u64::from(tag));
        !(((x & LOW7) + LOW7) | x | LOW7) & 0x0080_8080_8080_8080
    }

    /// Calls `probe` with each item of this place until it says true.
    #[inline]
    fn search(&self, place: u16, mut probe: impl FnMut(NonNull<u8>) -> bool) -> Option<usize> {
        let mut lanes = self.matches(place as u8);
        let high = u64::from(place >> 8);
        while lanes != 0 {
            let slot = (lanes.trailing_zeros() >> 3) as usize;
            let word = self.words[slot];
            if word != 0 && (word >> 48) & 0xff == high && probe(pointer(word)) {
                return Some(slot);
            }
            lanes &= lanes - 1;
        }
        None
    }

    /// The item in a slot.
    #[inline]
    pub fn item(&self, slot: usize) -> Option<Item> {
        let word = self.words[slot];
        let place = ((word >> 40) as u16 & 0xff00) | u16::from((self.head >> (8 * slot)) as u8);
        (word != 0).then_some(Item { word, place })
    }

    #[inline]
    fn free_slot(&self) -> Option<usize> {
        self.words.iter().position(|&word| word == 0)
    }

    #[inline]
    fn put(&mut self, slot: usize, item: Item) {
        debug_assert!(self.words[slot] == 0, "the slot is free");
        self.words[slot] = item.word;
        let shift = 8 * slot;
        self.head = (self.head & !(0xff << shift)) | (u64::from(item.place as u8) << shift);
    }

    #[inline]
    fn spilled(&self) -> u64 {
        (self.head >> 56) & 0xf
    }

    /// How many buckets further on the farthest element at home here may be.
    #[inline]
    fn reach(&self) -> usize {
        usize::from(REACHES[self.reach_step()])
    }

    #[inline]
    fn reach_step(&self) -> usize {
        (self.head >> 60) as usize
    }

    fn set_spill(&mut self, count: u64, reach_step: usize) {
        self.head = (self.head & ((1 << 56) - 1)) | (count << 56) | ((reach_step as u64) << 60);
    }

    fn note_spill(&mut self, distance: usize) {
        let step = REACHES.iter().position(|reach| usize::from(*reach) >= distance);
        let step = step.expect("no element is put farther away than the last step");
        self.set_spill((self.spilled() + 1).min(SPILL_MANY), self.reach_step().max(step));
    }

    fn forget_spill(&mut self) {
        match self.spilled() {
            SPILL_MANY => {}
            1 => self.set_spill(0, 0),
            many => self.set_spill(many - 1, self.reach_step()),
        }
    }
}

impl Segment {
    /// A segment without buckets or memory.
    pub const EMPTY: Segment = Segment(0);

    /// Allocates `n` empty buckets.
    pub fn alloc(n: usize) -> Self {
        assert!(n > 0 && n < 1 << 16, "a segment has between 1 and 65535 buckets");
        let layout = Self::layout(n);
        // SAFETY: the layout is not empty, n being at least one.
        let block = unsafe { alloc_zeroed(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        let address = block.expose_provenance() as u64;
        assert!(address & !POINTER_MASK == 0, "user space addresses have 48 bits");
        Segment(address | ((n as u64) << 48))
    }

    /// Gives the memory back; the elements are the caller's.
    ///
    /// # Safety
    /// No copy of this value may be used afterwards.
    pub unsafe fn free(self) {
        if self.n() > 0 {
            // SAFETY: the block came from `alloc` with this layout, and the caller gives up every
            // copy.
            unsafe { dealloc(self.base().as_ptr().cast(), Self::layout(self.n())) }
        }
    }

    fn layout(n: usize) -> Layout {
        Layout::array::<Bucket>(n).expect("65535 lines fit the address space")
    }

    /// Bytes the memory of `n` buckets occupies.
    pub fn bytes(n: usize) -> usize {
        if n == 0 { 0 } else { crate::base::alloc::class_size(n * size_of::<Bucket>()) }
    }

    /// Number of buckets.
    #[inline]
    pub fn n(self) -> usize {
        (self.0 >> 48) as usize
    }

    #[inline]
    fn base(self) -> NonNull<Bucket> {
        let address = std::ptr::with_exposed_provenance_mut((self.0 & POINTER_MASK) as usize);
        NonNull::new(address).expect("a segment with buckets has memory")
    }

    /// A bucket, to read.
    ///
    /// # Safety
    /// The segment is alive, and nobody writes to it while the reference lives.
    #[inline]
    pub unsafe fn bucket<'a>(self, index: usize) -> &'a Bucket {
        debug_assert!(index < self.n());
        // SAFETY: the index is inside the array (callers reduce it below n); the rest is the
        // caller's.
        unsafe { self.base().add(index).as_ref() }
    }

    /// A bucket, to write.
    ///
    /// # Safety
    /// The segment is alive, and this is the only reference to the bucket while it lives.
    #[inline]
    unsafe fn bucket_mut<'a>(self, index: usize) -> &'a mut Bucket {
        debug_assert!(index < self.n());
        // SAFETY: the index is inside the array (callers reduce it below n); that nothing else
        // refers to the bucket is the caller's promise.
        unsafe { self.base().add(index).as_mut() }
    }

    /// The address of the home bucket, for prefetching.
    #[inline]
    pub fn home_address(self, place: u16) -> *const u8 {
        let home = self.home(place);
        ((self.0 & POINTER_MASK) as usize + home * size_of::<Bucket>()) as *const u8
    }

    /// The home bucket of a place.
    #[inline]
    pub fn home(self, place: u16) -> usize {
        (usize::from(place) * self.n()) >> 16
    }

    /// The bucket `distance` further on.
    #[inline]
    fn after(self, bucket: usize, distance: usize) -> usize {
        let next = bucket + distance;
        if next < self.n() { next } else { next - self.n() }
    }

    /// How far a search for elements at home in a bucket goes: never around to it again.
    #[inline]
    fn reach_of(self, bucket: &Bucket) -> usize {
        bucket.reach().min(self.n() - 1)
    }

    /// Finds the element of a place that `probe` accepts.
    ///
    /// # Safety
    /// The segment is alive and nobody writes to it during the call.
    #[inline]
    pub unsafe fn find(
        self,
        place: u16,
        mut probe: impl FnMut(NonNull<u8>) -> bool,
    ) -> Option<Spot> {
        let home = self.home(place);
        // SAFETY: the caller's promise; the home is below n.
        let bucket = unsafe { self.bucket(home) };
        if let Some(slot) = bucket.search(place, &mut probe) {
            return Some(Spot { bucket: home, slot });
        }
        for distance in 1..=self.reach_of(bucket) {
            let index = self.after(home, distance);
            // SAFETY: the reach is kept below n, so `after` stays inside.
            if let Some(slot) = unsafe { self.bucket(index) }.search(place, &mut probe) {
                return Some(Spot { bucket: index, slot });
            }
        }
        None
    }

    /// Stores an item in its home or as near as there is room. False when there is none within
    /// reach.
    ///
    /// # Safety
    /// The segment is alive and no reference into it exists.
    #[inline]
    pub unsafe fn insert(self, item: Item) -> bool {
        let home = self.home(item.place);
        for distance in 0..self.n().min(REACH_MAX + 1) {
            let index = self.after(home, distance);
            // SAFETY: inside the array, and the reference is dropped before the next is made.
            let bucket = unsafe { self.bucket_mut(index) };
            if let Some(slot) = bucket.free_slot() {
                bucket.put(slot, item);
                if distance > 0 {
                    // SAFETY: the other reference is no longer used.
                    unsafe { self.bucket_mut(home) }.note_spill(distance);
                }
                return true;
            }
        }
        false
    }

    /// Takes an item out, and lets its bucket call one of its own back unless nothing may move.
    ///
    /// # Safety
    /// The segment is alive and no reference into it exists; the spot is one that [`Segment::find`]
    /// or a walk over the buckets has just given.
    pub unsafe fn remove(self, spot: Spot, may_move: bool) -> Item {
        // SAFETY: the spot is inside, by the caller's promise; one reference at a time.
        let bucket = unsafe { self.bucket_mut(spot.bucket) };
        let item = bucket.item(spot.slot).expect("the spot is occupied");
        bucket.words[spot.slot] = 0;
        let recall = if may_move && bucket.spilled() > 0 { self.reach_of(bucket) } else { 0 };
        let home = self.home(item.place);
        if home != spot.bucket {
            // SAFETY: a home is a bucket of this segment, which is alive by the caller's promise;
            // `bucket` is no longer used.
            unsafe { self.bucket_mut(home) }.forget_spill();
        }
        if recall > 0 {
            // SAFETY: the caller's promise is the same, the spot is inside, and no reference to a
            // bucket is used any more.
            unsafe { self.call_back(spot, recall) };
        }
        item
    }

    /// Moves one element at home in the bucket of `spot` from a bucket further on into the free
    /// slot.
    ///
    /// # Safety
    /// As for [`Segment::remove`].
    unsafe fn call_back(self, spot: Spot, reach: usize) {
        for distance in 1..=reach {
            let index = self.after(spot.bucket, distance);
            // SAFETY: inside; one reference at a time.
            let other = unsafe { self.bucket_mut(index) };
            let stray = (0..SLOTS).find_map(|s| {
                other.item(s).filter(|i| self.home(i.place) == spot.bucket).map(|i| (s, i))
            });
            if let Some((slot, item)) = stray {
                other.words[slot] = 0;
                // SAFETY: `other` is no longer used; a stray never lives in its home.
                let home = unsafe { self.bucket_mut(spot.bucket) };
                home.put(spot.slot, item);
                home.forget_spill();
                return;
            }
        }
    }

    /// Calls `visit` with each item whose home is the given bucket, wherever it lives.
    ///
    /// # Safety
    /// The segment is alive and nobody writes to it during the call.
    pub unsafe fn visit_home(self, home: usize, mut visit: impl FnMut(Item)) {
        // SAFETY: the caller's promise, and `home` is below n as the caller computed it from a
        // place.
        let reach = self.reach_of(unsafe { self.bucket(home) });
        for distance in 0..=reach {
            // SAFETY: the segment is alive and not written to, by the caller's promise; `after`
            // stays below n.
            let bucket = unsafe { self.bucket(self.after(home, distance)) };
            (0..SLOTS)
                .filter_map(|s| bucket.item(s))
                .filter(|i| self.home(i.place) == home)
                .for_each(&mut visit);
        }
    }

    /// Calls `visit` with each item.
    ///
    /// # Safety
    /// The segment is alive and nobody writes to it during the call.
    pub unsafe fn visit_all(self, mut visit: impl FnMut(Item)) {
        for index in 0..self.n() {
            // SAFETY: the caller's promise.
            let bucket = unsafe { self.bucket(index) };
            (0..SLOTS).filter_map(|s| bucket.item(s)).for_each(&mut visit);
        }
    }

    /// Puts another element into an occupied slot; hash and look-ahead stay as they are.
    ///
    /// # Safety
    /// As for [`Segment::remove`]; the new element has the key of the old one.
    pub unsafe fn swap(self, spot: Spot, raw: NonNull<u8>) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        let word = unsafe { &mut self.bucket_mut(spot.bucket).words[spot.slot] };
        let old = pointer(*word);
        let address = raw.as_ptr().expose_provenance() as u64;
        assert!(address & !POINTER_MASK == 0, "user space addresses have 48 bits");
        *word = (*word & !POINTER_MASK) | address;
        old
    }

    /// The elements whose tag and place fit, for prefetching.
    ///
    /// # Safety
    /// The segment is alive and nobody writes to it during the call.
    #[inline]
    pub unsafe fn likely(self, place: u16, mut visit: impl FnMut(NonNull<u8>)) {
        // SAFETY: the caller's promise.
        let bucket = unsafe { self.bucket(self.home(place)) };
        bucket.search(place, |raw| {
            visit(raw);
            false
        });
    }
}

/// Elements a segment of `n` buckets takes before it grows: fifteen sixteenths of its slots.
#[inline]
pub fn capacity(n: usize) -> usize {
    n * SLOTS - n * SLOTS / 16
}

/// The next number of buckets above `n` that fills a size class of the allocator.
pub fn grown(n: usize) -> usize {
    if n < 8 { n + 1 } else { n + (1 << (n.ilog2() - 2)) }
}

/// The number of buckets for `count` elements, with room to grow.
pub fn fitting(count: usize) -> usize {
    let mut n = if count < SLOTS { 1 } else { count / SLOTS };
    if n >= 8 {
        n &= !((1 << (n.ilog2() - 2)) - 1);
    }
    // A little room: what comes next must not rebuild it at once.
    while capacity(n) <= count + count / 32 {
        n = grown(n);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_cache_line() {
        assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
    }

    #[test]
    fn tags_match_exactly() {
        let mut bucket = Bucket { head: 0xff00_0000_0000_0000, words: [0; SLOTS] };
        for (slot, tag) in [0u8, 1, 0x80, 0x7f, 0xff, 1, 0].into_iter().enumerate() {
            bucket.head |= u64::from(tag) << (8 * slot);
        }
        let lanes = |tag| {
            let mask = bucket.matches(tag);
            (0..8).filter(|s| mask & (0x80 << (8 * s)) != 0).collect::<Vec<_>>()
        };
        assert_eq!(lanes(0), [0, 6]);
        assert_eq!(lanes(1), [1, 5]);
        assert_eq!(lanes(0x80), [2]);
        assert_eq!(lanes(0x7f), [3]);
        assert_eq!(lanes(0xff), [4], "the spill byte is no tag");
        assert_eq!(lanes(2), [] as [usize; 0]);
    }

    #[test]
    fn sizes_fill_their_class_and_leave_room() {
        let mut n = 1;
        while n < 1024 {
            assert_eq!(Segment::bytes(n), n * 64, "{n}");
            let next = grown(n);
            assert!(next > n && next <= n * 2, "{n}");
            n = next;
        }
        for count in 0..5000 {
            let n = fitting(count);
            assert!(capacity(n) >= count + usize::from(count > 0 && n > 1), "{count} in {n}");
            assert!(n == 1 || capacity(n) < count * 3 / 2 + 14, "{count} in {n}");
        }
    }

    #[test]
    fn look_ahead_survives_deals_and_merges() {
        let hash = 0xdead_beef_1234_5678u64;
        let mut target = 0u64;
        let raw = NonNull::from(&mut target).cast();
        let mut item = Item::new(raw, hash, 0);
        let mut asked = 0;
        for level in 0..30 {
            let bit = item.take_bit(level, |_| {
                asked += 1;
                hash
            });
            assert_eq!(bit, (hash >> level) & 1 == 1, "level {level}");
        }
        assert_eq!(asked, 4, "once in seven levels");
        for level in (0..30).rev() {
            item.put_bit((hash >> level) & 1 == 1);
        }
        for level in 0..7 {
            assert_eq!(
                item.take_bit(level, |_| unreachable!("seven bits are kept")),
                (hash >> level) & 1 == 1
            );
        }
        assert_eq!(item.raw(), raw);
    }
}
