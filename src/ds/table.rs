//! The hash table: one pointer per element, cache-line buckets, growth in small pieces.
//!
//! ```text
//!   hash  63            48 47                              level+7  level          0
//!        ┌────────────────┬──────────────────────────────┬─────────┬───────────────┐
//!        │ place          │                              │ look-   │ segment       │
//!        │ (home bucket)  │                              │ ahead   │ (low bits)    │
//!        └────────────────┴──────────────────────────────┴─────────┴───────────────┘
//!
//!   directory   [ seg 0 | seg 1 | seg 2 | ... ]      8 bytes per some 900 elements
//!                    │
//!                    ▼
//!               [ bucket | bucket | ... | bucket ]   64 bytes each: 7 tags, 7 words (see `segment`)
//!                     │ │ │
//!                     ▼ ▼ ▼
//!                    elements, one allocation each, owned by the table
//! ```
//!
//! # Growth
//!
//! Two movements, each bounded by the size of one segment (below 2500 elements, none of them read):
//!
//! * A segment that is fifteen sixteenths full is rebuilt with about a quarter more buckets. The
//!   home of a place is a proportion, so any number of buckets will do, and a large table is always
//!   75 to 94 % full: 9.8 to 12.2 bytes per element.
//! * When segments have grown to [`SPLIT_AVG`] buckets on average, the next one in order is dealt
//!   out to two (linear hashing: segment s of level L gives up half of its elements to segment s +
//!   2^L). The directory grows by one word; no insert ever pays for the whole table.
//!
//! Shrinking is the same backwards. While a forked child lives ([`Table::pause_moves`]) neither
//! happens, unless an element finds no room at all: pages shared with the child stay shared.
//!
//! # Borrowing
//!
//! The table owns its elements through the [`Element`] trait: an owning one-word pointer type, its
//! shared view and its exclusive view. Lookups return views that borrow the table. Versions for a
//! snapshot without fork would live in one more array beside the directory, a word per bucket, made
//! when it begins.
//!
//! # Credits
//!
//! Linear hashing is Litwin's (1980); tags in the bucket's first word come from Fan, Andersen and
//! Kaminsky's MemC3 and its descendants; overflow to neighbours with a count at home from Dash (Lu
//! et al., 2020).
#![expect(unsafe_code, reason = "elements are kept as tagged raw pointers")]

mod scan;
mod segment;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::mem::{replace, take};
use std::ptr::NonNull;

pub use scan::{Drain, Iter};
use segment::{Item, Segment, Spot, capacity, fitting, grown, place_of};

use super::hash::HashSeed;
use crate::base::cpu::prefetch;

/// As many segments a table is laid out in at most.
const SEGMENTS_MAX: usize = 1 << 24;

/// So many elements fall on a segment that gets `count` of them on average: hardly ever more.
fn with_spare(count: usize) -> usize {
    count + 2 * count.isqrt()
}

/// Average buckets per segment above which the next segment is dealt out to two.
/// Miri shall see many segments of few elements.
const SPLIT_AVG: usize = if cfg!(miri) { 8 } else { 192 };

/// Average buckets per segment below which the last segment goes back to its partner.
const MERGE_AVG: usize = SPLIT_AVG / 4;

/// What a table can hold: a type that owns one allocation through one pointer.
///
/// # Safety
/// `from_raw` must undo `into_raw`. The pointer stays valid until then, and the views made from it
/// may be used as the borrow rules say: many shared ones, or one exclusive. The key never changes.
pub unsafe trait Element: Sized {
    /// Shared view.
    type Ref<'a>: Copy
    where
        Self: 'a;
    /// Exclusive view.
    type Mut<'a>
    where
        Self: 'a;

    /// Gives up ownership to a pointer.
    fn into_raw(self) -> NonNull<u8>;

    /// Takes ownership back.
    ///
    /// # Safety
    /// The pointer came from `into_raw` and is used for nothing else afterwards.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;

    /// Looks at an element.
    ///
    /// # Safety
    /// The pointer came from `into_raw`; nobody has an exclusive view while this one lives.
    unsafe fn view<'a>(raw: NonNull<u8>) -> Self::Ref<'a>;

    /// Looks at an element in order to change it.
    ///
    /// # Safety
    /// The pointer came from `into_raw`; nobody has another view while this one lives.
    unsafe fn edit<'a>(raw: NonNull<u8>) -> Self::Mut<'a>;

    /// The bytes an element is looked up by.
    fn key<'a>(view: Self::Ref<'a>) -> &'a [u8]
    where
        Self: 'a;
}

/// A hash table of elements with distinct keys.
pub struct Table<E: Element> {
    /// The only segment, while there is one.
    single: Segment,
    /// All segments, once there are several, and how many elements each has.
    directory: Vec<Segment>,
    counts: Vec<u16>,
    /// Elements.
    len: usize,
    /// Buckets in all segments together.
    buckets: usize,
    seed: HashSeed,
    /// Number of segments: 2^level + those of this level that have been dealt out.
    segments: u32,
    level: u32,
    /// No segment has ever had more buckets than this.
    widest: u16,
    /// While above zero nothing moves.
    pauses: u16,
    owns: PhantomData<E>,
}

// SAFETY: the table owns its elements and its memory outright; raw words are never shared outside.
unsafe impl<E: Element + Send> Send for Table<E> {}
// SAFETY: `&Table` gives shared views only and has no interior mutability.
unsafe impl<E: Element + Sync> Sync for Table<E> {}

/// Where an element is, as long as the table does not change.
#[derive(Clone, Copy, Debug)]
pub struct Whereabouts {
    segment: usize,
    spot: Spot,
}

/// An element found by [`Table::find_mut`].
pub struct Slot<'a, E: Element> {
    segment: Segment,
    spot: Spot,
    raw: NonNull<u8>,
    table: PhantomData<&'a mut Table<E>>,
}

impl<E: Element> Table<E> {
    /// An empty table. Allocates nothing.
    pub fn new(seed: HashSeed) -> Self {
        Table {
            single: Segment::EMPTY,
            directory: Vec::new(),
            counts: Vec::new(),
            len: 0,
            buckets: 0,
            seed,
            segments: 1,
            level: 0,
            widest: 0,
            pauses: 0,
            owns: PhantomData,
        }
    }

    /// An empty table with room for `count` elements: as large as it would have grown with them.
    pub fn with_capacity(seed: HashSeed, count: usize) -> Self {
        let mut table = Table::new(seed);
        if count > 0 && count <= capacity(SPLIT_AVG) {
            table.rebuild(0, fitting(count));
        } else if count > 0 {
            table.lay_out(count);
        }
        table
    }

    /// Makes the segments of an empty table in which so many elements will find room.
    fn lay_out(&mut self, count: usize) {
        let segments = (with_spare(count) / capacity(SPLIT_AVG) + 1).min(SEGMENTS_MAX);
        (self.segments, self.level) = (segments as u32, segments.ilog2());
        if segments == 1 {
            (self.segments, self.level) = (1, 0);
            return self.rebuild(0, fitting(count).min(2 * SPLIT_AVG));
        }
        (self.directory, self.counts) = (Vec::with_capacity(segments), vec![0; segments]);
        for index in 0..segments {
            // Those that have been dealt out already get half as many as the others.
            let share = count >> self.segment_level(index);
            let segment = Segment::alloc(fitting(with_spare(share)).min(4 * SPLIT_AVG));
            self.buckets += segment.n();
            self.directory.push(segment);
            self.widest = self.widest.max(segment.n() as u16);
        }
    }

    /// Finds an element to change or replace it.
    #[inline]
    pub fn find_mut(&mut self, key: &[u8]) -> Option<Slot<'_, E>> {
        self.find_mut_hashed(self.hash(key), key)
    }

    /// As [`Table::find_mut`], the hash being known.
    #[inline]
    pub fn find_mut_hashed(&mut self, hash: u64, key: &[u8]) -> Option<Slot<'_, E>> {
        let (index, spot) = self.locate(hash, key)?;
        let segment = self.segment(index);
        // SAFETY: the segment is alive and we hold the table exclusively.
        let item = unsafe { segment.bucket(spot.bucket) }.item(spot.slot)?;
        Some(Slot { segment, spot, raw: item.raw(), table: PhantomData })
    }

    /// Looks where an element is, to be taken up with [`Table::at`]: for those who do something
    /// else if it is not there.
    #[inline]
    pub fn whereabouts(&self, hash: u64, key: &[u8]) -> Option<Whereabouts> {
        self.locate(hash, key).map(|(segment, spot)| Whereabouts { segment, spot })
    }

    /// The element there, to change or replace it. `None`: the table has changed meanwhile.
    #[inline]
    pub fn at(&mut self, whereabouts: Whereabouts) -> Option<Slot<'_, E>> {
        let Whereabouts { segment: index, spot } = whereabouts;
        if index >= self.segments as usize || spot.bucket >= self.segment(index).n() {
            return None;
        }
        let segment = self.segment(index);
        // SAFETY: the segment is alive, the bucket is one of its, and we hold the table
        // exclusively.
        let item = unsafe { segment.bucket(spot.bucket) }.item(spot.slot)?;
        Some(Slot { segment, spot, raw: item.raw(), table: PhantomData })
    }

    /// Stores an element, and returns the one of the same key that it replaces, if any.
    pub fn insert(&mut self, element: E) -> Option<E> {
        let raw = element.into_raw();
        // SAFETY: the pointer is fresh from `into_raw`, the view ends before the element is moved.
        let (element, hash, found) = unsafe {
            let key = E::key(E::view(raw));
            let hash = self.hash(key);
            let found = self.locate(hash, key);
            (E::from_raw(raw), hash, found)
        };
        match found {
            Some((index, spot)) => {
                let segment = self.segment(index);
                // SAFETY: the spot was found just now in this live segment, which we hold
                // exclusively; the keys are equal; the old pointer leaves the table and becomes an
                // owner again.
                Some(unsafe { E::from_raw(segment.swap(spot, element.into_raw())) })
            }
            None => {
                self.insert_new(hash, element);
                None
            }
        }
    }

    /// Stores an element whose key is known to be absent, under the key's hash.
    pub fn insert_new(&mut self, hash: u64, element: E) {
        let raw = element.into_raw();
        debug_assert!(
            // SAFETY: the pointer is fresh from `into_raw`, and the view ends here.
            unsafe {
                let key = E::key(E::view(raw));
                self.hash(key) == hash && self.locate(hash, key).is_none()
            },
            "the hash is the key's, and the key is new"
        );
        let mut index = self.segment_index(hash);
        if self.count(index) >= capacity(self.segment(index).n()) && self.pauses == 0 {
            index = self.grow(index, hash);
        }
        loop {
            let item = Item::new(raw, hash, self.segment_level(index));
            // SAFETY: the segment is alive and `&mut self` excludes other references into it.
            if unsafe { self.segment(index).insert(item) } {
                break;
            }
            // No room within reach: grow, whatever forbids it.
            index = self.grow(index, hash);
        }
        self.len += 1;
        self.add_count(index, 1);
    }

    /// Removes an element.
    pub fn remove(&mut self, key: &[u8]) -> Option<E> {
        self.remove_hashed(self.hash(key), key)
    }

    /// As [`Table::remove`], the hash being known.
    pub fn remove_hashed(&mut self, hash: u64, key: &[u8]) -> Option<E> {
        let (index, spot) = self.locate(hash, key)?;
        // SAFETY: the spot was found just now in this live segment, and `&mut self` excludes
        // others.
        let item = unsafe { self.segment(index).remove(spot, self.pauses == 0) };
        self.len -= 1;
        self.add_count(index, -1);
        self.shrink(index);
        // SAFETY: the pointer has left the table and has no other owner.
        Some(unsafe { E::from_raw(item.raw()) })
    }

    /// Removes everything, keeping seed and pause.
    pub fn take(&mut self) -> Self {
        let mut empty = Table::new(self.seed);
        empty.pauses = self.pauses;
        replace(self, empty)
    }

    /// Forbids all moves until as many [`Table::resume_moves`]: a forked child shares our pages.
    pub fn pause_moves(&mut self) {
        self.pauses += 1;
    }

    /// Allows moves again. Overdue growth happens piece by piece with the next inserts.
    pub fn resume_moves(&mut self) {
        self.pauses = self.pauses.checked_sub(1).expect("each resume follows a pause");
    }

    /// Finds an element.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<E::Ref<'_>> {
        self.find_hashed(self.hash(key), key)
    }

    /// As [`Table::find`], the hash being known.
    #[inline]
    pub fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<E::Ref<'_>> {
        let segment = self.segment(self.segment_index(hash));
        let mut found = None;
        if self.len > 0 && segment.n() > 0 {
            // SAFETY: the segment is alive, and `&self` keeps everybody from writing; pointers in
            // it came from `into_raw`, and exclusive views would borrow the table exclusively.
            unsafe {
                segment.find(place_of(hash), |raw| {
                    let view = E::view(raw);
                    let equal = E::key(view) == key;
                    if equal {
                        found = Some(view);
                    }
                    equal
                });
            }
        }
        found
    }

    /// Finds the element that `accept` takes among those whose hash has this place (its top 16
    /// bits) and these lowest `low_bits` bits. For indexes that keep part of a hash.
    pub fn find_where(
        &self,
        hash: u64,
        low_bits: u32,
        accept: impl Fn(E::Ref<'_>) -> bool,
    ) -> Option<E::Ref<'_>> {
        if self.len == 0 {
            return None;
        }
        // With more segments than the known bits can tell apart, the candidates are tried in turn.
        let tries = 1u64 << (self.level + 1).saturating_sub(low_bits);
        let known = hash & ((1 << low_bits) - 1);
        (0..tries).find_map(|high| {
            let segment = self.segment(self.segment_index(known | (high << low_bits)));
            let mut found = None;
            // SAFETY: the segment is alive, and `&self` keeps everybody from writing to it;
            // pointers in it came from `into_raw`.
            unsafe {
                segment.find(place_of(hash), |raw| {
                    let view = E::view(raw);
                    if accept(view) {
                        found = Some(view);
                    }
                    found.is_some()
                });
            }
            found
        })
    }

    /// True when the key is there.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The hash of a key in this table.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    /// The secret the keys are hashed with.
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// Slots, occupied or not.
    pub fn slots(&self) -> usize {
        self.buckets * segment::SLOTS
    }

    /// Bytes of memory outside this struct, elements not included.
    pub fn memory_bytes(&self) -> usize {
        let class =
            |bytes: usize| if bytes == 0 { 0 } else { crate::base::alloc::class_size(bytes) };
        let segments: usize = match self.segments {
            1 => Segment::bytes(self.single.n()),
            // Every number of buckets fills its size class, so the sum needs no walk.
            _ => self.buckets * size_of::<segment::Bucket>(),
        };
        segments + class(self.directory.capacity() * 8) + class(self.counts.capacity() * 2)
    }

    /// Asks the processor to fetch the bucket a hash leads to.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        let segment = self.segment(self.segment_index(hash));
        prefetch(segment.home_address(place_of(hash)));
    }

    /// Asks the processor to fetch the element a hash leads to; its bucket should have arrived.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        let segment = self.segment(self.segment_index(hash));
        if segment.n() > 0 {
            // SAFETY: the segment is alive and `&self` keeps everybody from writing.
            unsafe { segment.likely(place_of(hash), |raw| prefetch(raw.as_ptr())) }
        }
    }

    /// [`fetch_ahead`] in this table. Does nothing if the caches hold it anyway.
    pub fn fetch_ahead<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone) {
        const LEN_MIN: usize = 4096;
        if self.len >= LEN_MIN {
            fetch_ahead(keys, |key| self.hash(key), |_| self);
        }
    }

    /// Finds segment and spot of a key.
    #[inline]
    fn locate(&self, hash: u64, key: &[u8]) -> Option<(usize, Spot)> {
        let index = self.segment_index(hash);
        let segment = self.segment(index);
        if segment.n() == 0 {
            return None;
        }
        // SAFETY: the segment is alive, and `&self` keeps everybody from writing to it; the view of
        // an element in it ends with the comparison.
        let spot = unsafe { segment.find(place_of(hash), |raw| E::key(E::view(raw)) == key) }?;
        Some((index, spot))
    }

    /// The segment a hash belongs to: its low bits, one more for segments that have been dealt out.
    #[inline]
    fn segment_index(&self, hash: u64) -> usize {
        let half = (1usize << self.level) - 1;
        let index = hash as usize & (half * 2 + 1);
        if index < self.segments as usize { index } else { index & half }
    }

    /// How many low bits of the hash choose this segment.
    #[inline]
    fn segment_level(&self, index: usize) -> u32 {
        let whole = 1usize << self.level;
        self.level + u32::from(index >= whole || index < self.segments as usize - whole)
    }

    #[inline]
    fn segment(&self, index: usize) -> Segment {
        if self.segments == 1 { self.single } else { self.directory[index] }
    }

    fn set_segment(&mut self, index: usize, segment: Segment) {
        let n = u16::try_from(segment.n()).expect("a count of buckets has 16 bits");
        self.widest = self.widest.max(n);
        if self.segments == 1 {
            self.widest = n;
            self.single = segment;
        } else {
            self.directory[index] = segment;
        }
    }

    #[inline]
    fn count(&self, index: usize) -> usize {
        if self.segments == 1 { self.len } else { usize::from(self.counts[index]) }
    }

    #[inline]
    fn add_count(&mut self, index: usize, delta: i16) {
        if self.segments > 1 {
            let count = self.counts[index].checked_add_signed(delta);
            self.counts[index] = count.expect("a segment's count has 16 bits");
        }
    }

    /// Makes room in a segment, and splits the next one when it is time. Returns the hash's
    /// segment.
    fn grow(&mut self, index: usize, hash: u64) -> usize {
        self.rebuild(index, grown(self.segment(index).n()));
        // While moves are paused segments may become twice as large, but not without bound.
        let average = if self.pauses == 0 { SPLIT_AVG } else { 2 * SPLIT_AVG };
        if self.buckets > self.segments as usize * average {
            self.split();
        }
        self.segment_index(hash)
    }

    /// Rebuilds a segment with at least `n` buckets: more if the elements do not find room.
    fn rebuild(&mut self, index: usize, n: usize) {
        let old = self.segment(index);
        let new = deal(n, |put| {
            // SAFETY: the segment is alive and nobody writes to it.
            unsafe { old.visit_all(put) }
        });
        self.buckets = self.buckets + new.n() - old.n();
        self.set_segment(index, new);
        // SAFETY: the directory has just forgotten it, and every item now lives in the new one.
        unsafe { old.free() }
    }

    /// Deals the next segment in order out to two.
    fn split(&mut self) {
        let whole = 1usize << self.level;
        let low = self.segments as usize - whole;
        let old = self.segment(low);
        let (mut stay, mut leave) = (Vec::new(), Vec::new());
        // SAFETY: the segment is alive and nobody writes to it; elements come from `into_raw`, and
        // nobody has an exclusive view under `&mut self`.
        unsafe {
            old.visit_all(|mut item| {
                let bit = item.take_bit(self.level, |raw| self.hash(E::key(E::view(raw))));
                if bit { &mut leave } else { &mut stay }.push(item);
            });
        }
        if self.segments == 1 {
            self.directory = vec![self.single];
            self.counts = vec![0];
            self.single = Segment::EMPTY;
        }
        let [kept, fresh] = [&stay, &leave]
            .map(|items| deal(fitting(items.len()), |put| items.iter().copied().for_each(put)));
        self.buckets = self.buckets + kept.n() + fresh.n() - old.n();
        self.segments += 1;
        self.directory.push(fresh);
        self.set_segment(low, kept);
        self.set_segment(self.segments as usize - 1, fresh);
        self.counts[low] = stay.len() as u16;
        self.counts.push(leave.len() as u16);
        if self.segments as usize == whole * 2 {
            self.level += 1;
        }
        // SAFETY: the directory has forgotten it, and its items live in the two new ones.
        unsafe { old.free() }
    }

    /// After a removal: makes a sparse segment smaller, and merges the last one when all are small.
    fn shrink(&mut self, index: usize) {
        let (n, count) = (self.segment(index).n(), self.count(index));
        if self.pauses > 0 || count * 3 >= capacity(n) {
            return;
        }
        if self.len == 0 {
            self.clear_memory();
        } else if n > 1 {
            self.rebuild(index, fitting(count));
            if self.segments > 1 && self.buckets < self.segments as usize * MERGE_AVG {
                self.merge();
            }
        }
    }

    /// Gives back the memory of a table without elements.
    fn clear_memory(&mut self) {
        debug_assert!(self.len == 0);
        let segments = take(&mut self.directory);
        for segment in segments.into_iter().chain([replace(&mut self.single, Segment::EMPTY)]) {
            // SAFETY: the table has forgotten it, and it has no elements.
            unsafe { segment.free() }
        }
        self.counts = Vec::new();
        (self.segments, self.level, self.buckets, self.widest) = (1, 0, 0, 0);
    }

    /// Puts the last segment back into the one it was dealt out from.
    fn merge(&mut self) {
        let last = self.segments as usize - 1;
        if last == (1 << self.level) - 1 {
            self.level -= 1;
        }
        let low = last - (1 << self.level);
        let (kept, gone) = (self.directory[low], self.directory[last]);
        let count = self.count(low) + self.count(last);
        let merged = deal(fitting(count), |put| {
            for (segment, bit) in [(kept, false), (gone, true)] {
                let with_bit = |mut item: Item| {
                    item.put_bit(bit);
                    put(item);
                };
                // SAFETY: both are alive and nobody writes to them.
                unsafe { segment.visit_all(with_bit) }
            }
        });
        self.buckets = self.buckets + merged.n() - kept.n() - gone.n();
        self.directory.pop();
        self.counts.pop();
        self.set_segment(low, merged);
        self.counts[low] = count as u16;
        self.segments -= 1;
        if self.segments == 1 {
            self.single = merged;
            self.directory = Vec::new();
            self.counts = Vec::new();
        } else if self.directory.capacity() > 4 * self.directory.len() {
            self.directory.shrink_to(2 * self.directory.len());
            self.counts.shrink_to(2 * self.counts.len());
        }
        // SAFETY: the directory has forgotten both, and their items live in the merged one.
        unsafe {
            kept.free();
            gone.free();
        }
    }
}

/// Makes a segment of at least `n` buckets of the items that `source` hands to its argument.
/// `source` is called again with a larger segment should an item find no room within reach.
fn deal(n: usize, source: impl Fn(&mut dyn FnMut(Item))) -> Segment {
    let mut n = n;
    loop {
        let segment = Segment::alloc(n);
        let mut fits = true;
        // SAFETY: the segment is ours alone.
        source(&mut |item| fits = fits && unsafe { segment.insert(item) });
        if fits {
            return segment;
        }
        // SAFETY: nobody else has seen it; the items still live in their old segments.
        unsafe { segment.free() }
        n = grown(n);
    }
}

/// Elements that are fetched at once.
pub const AHEAD: usize = 32;

/// Asks the processor to fetch the first [`AHEAD`] elements, which will be looked up soon: first
/// all buckets, then all elements, each in its `table`. Returns their hashes and how many they are.
// The less work stands between two misses, the more of them are under way at once: hence a loop for
// each step.
#[inline]
pub fn fetch_ahead<'k, 't, E: Element + 't>(
    keys: impl Iterator<Item = &'k [u8]> + Clone,
    hash: impl Fn(&[u8]) -> u64,
    table: impl Fn(&[u8]) -> &'t Table<E>,
) -> ([u64; AHEAD], usize) {
    let (mut hashes, mut count) = ([0; AHEAD], 0);
    for (room, key) in hashes.iter_mut().zip(keys.clone()) {
        *room = hash(key);
        count += 1;
    }
    if count > 1 {
        let hashed = || hashes[..count].iter().zip(keys.clone());
        hashed().for_each(|(hash, key)| table(key).prefetch_bucket(*hash));
        hashed().for_each(|(hash, key)| table(key).prefetch_entry(*hash));
    }
    (hashes, count)
}

impl<E: Element> Drop for Table<E> {
    fn drop(&mut self) {
        // The drain drops a table without buckets, and so ends the recursion.
        if self.buckets > 0 {
            drop(self.take().into_iter());
        }
    }
}

impl<'a, E: Element> Slot<'a, E> {
    /// Changes the element.
    #[inline]
    pub fn into_mut(self) -> E::Mut<'a> {
        // SAFETY: the slot borrows the table exclusively for 'a, and is consumed.
        unsafe { E::edit(self.raw) }
    }

    /// Changes the element, keeping the slot.
    #[inline]
    pub fn edit(&mut self) -> E::Mut<'_> {
        // SAFETY: the slot borrows the table exclusively, and is itself borrowed by the view.
        unsafe { E::edit(self.raw) }
    }

    /// Looks at the element.
    #[inline]
    pub fn view(&self) -> E::Ref<'_> {
        // SAFETY: the slot borrows the table exclusively, and is itself borrowed by the view.
        unsafe { E::view(self.raw) }
    }

    /// Puts another element with the same key in this one's place.
    pub fn replace(&mut self, element: E) -> E {
        let raw = element.into_raw();
        // SAFETY: the pointer is fresh; both views end here.
        debug_assert!(unsafe { E::key(E::view(raw)) == E::key(E::view(self.raw)) }, "same key");
        self.raw = raw;
        // SAFETY: the spot was found in a live segment that this slot still borrows exclusively;
        // the old pointer leaves the table and becomes an owner again.
        unsafe { E::from_raw(self.segment.swap(self.spot, raw)) }
    }
}
