//! A database: its keys and the index of their deadlines.
//!
//! Keys live in one table. With cluster mode on there is one table for each hash slot instead, so
//! that a slot can be counted, listed and dropped without looking at the others; with it off a
//! lookup pays one comparison for that. All tables share one hash seed, so the hash of a key is
//! computed once.
//!
//! ```text
//!   scan cursor, cluster mode    63                           14 13        0
//!                               ┌───────────────────────────────┬───────────┐
//!                               │ cursor within the slot's table│ slot      │
//!                               └───────────────────────────────┴───────────┘
//! ```

use std::mem::take;

use super::entry::{Entry, EntryMut, EntryRef};
use super::sizes::{Bin, Sizes};
use super::slots::{SLOTS, slot_of};
use crate::base::clock::UnixMillis;
use crate::ds::expiry::{Due, Expiry, LOW_BITS};
use crate::ds::hash::HashSeed;
use crate::ds::table::{self, AHEAD, Drain, Slot, Table, Whereabouts};
use crate::ds::tally::Tally;

/// Bits of a slot number.
const SLOT_BITS: u32 = SLOTS.ilog2();

/// The keys of one database.
pub struct Keys {
    /// One table, or one for each slot.
    tables: Vec<Table<Entry>>,
    /// Keys of each slot, as soon as there are any; never without cluster mode.
    by_slot: Option<Box<Tally>>,
    len: usize,
    seed: HashSeed,
}

/// One database.
pub struct Db {
    pub keys: Keys,
    /// Deadlines of keys.
    pub expiry: Expiry,
    /// For each key that has some, the earliest deadline of a part of its value: a field of a hash.
    pub parts: Expiry,
    /// How many values of which size.
    pub sizes: Sizes,
}

impl Db {
    /// An empty database.
    pub fn new(seed: HashSeed, by_slot: bool) -> Self {
        let (expiry, parts) = (Expiry::default(), Expiry::default());
        Db { keys: Keys::new(seed, by_slot), expiry, parts, sizes: Sizes::default() }
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Db {
        let Db { keys, expiry, parts, sizes } = self;
        Db { keys: keys.take(), expiry: take(expiry), parts: take(parts), sizes: take(sizes) }
    }
}

impl Keys {
    fn new(seed: HashSeed, by_slot: bool) -> Self {
        let tables = if by_slot { SLOTS } else { 1 };
        let tables = (0..tables).map(|_| Table::new(seed)).collect();
        Keys { tables, by_slot: None, len: 0, seed }
    }

    fn take(&mut self) -> Self {
        let tables = self.tables.iter_mut().map(Table::take).collect();
        let (by_slot, len) = (self.by_slot.take(), take(&mut self.len));
        Keys { tables, by_slot, len, seed: self.seed }
    }

    #[inline]
    fn index(&self, key: &[u8]) -> usize {
        if self.tables.len() == 1 { 0 } else { slot_of(key) }
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    /// Room of the tables, in keys.
    pub fn room(&self) -> usize {
        self.tables.iter().map(Table::slots).sum()
    }

    /// Number of keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Finds an entry.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        self.tables[self.index(key)].find_hashed(hash, key)
    }

    /// Finds an entry to change or replace it.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<Slot<'_, Entry>> {
        let index = self.index(key);
        self.tables[index].find_mut_hashed(hash, key)
    }

    /// Looks where an entry is, to be taken up with [`Keys::at`].
    #[inline]
    pub fn whereabouts(&self, hash: u64, key: &[u8]) -> Option<(usize, Whereabouts)> {
        let index = self.index(key);
        self.tables[index].whereabouts(hash, key).map(|whereabouts| (index, whereabouts))
    }

    /// The entry there, to change or replace it. `None`: the keys have changed meanwhile.
    #[inline]
    pub fn at(&mut self, (index, at): (usize, Whereabouts)) -> Option<Slot<'_, Entry>> {
        self.tables[index].at(at)
    }

    /// Makes room for so many keys, if there are none yet.
    pub fn expect(&mut self, count: usize) {
        if self.len == 0 && self.tables.len() == 1 {
            self.tables[0] = Table::with_capacity(self.seed, count);
        }
    }

    /// Stores an entry whose key is known to be absent.
    pub fn insert_new(&mut self, hash: u64, entry: Entry) {
        let index = self.index(entry.view().key());
        self.tables[index].insert_new(hash, entry);
        self.count(index, 1);
    }

    /// Removes an entry.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Entry> {
        let index = self.index(key);
        let entry = self.tables[index].remove_hashed(hash, key)?;
        self.count(index, -1);
        Some(entry)
    }

    /// Keeps count of the keys, and of those in each slot.
    #[inline]
    fn count(&mut self, index: usize, delta: isize) {
        self.len = self.len.wrapping_add_signed(delta);
        if self.tables.len() > 1 {
            self.by_slot.get_or_insert_with(|| Box::new(Tally::new(SLOTS))).add(index, delta);
        }
    }

    /// What the index of deadlines keeps of a key's hash: in cluster mode the slot stands in the
    /// low bits.
    #[inline]
    pub fn due_hash(&self, hash: u64, key: &[u8]) -> u64 {
        if self.tables.len() == 1 {
            return hash;
        }
        let place = hash & (0xffff << 48);
        place | ((hash << SLOT_BITS) & ((1 << LOW_BITS) - 1)) | slot_of(key) as u64
    }

    /// The entry that an item of an index of deadlines means: of those that `deadline_of` gives.
    pub fn find_due(
        &self,
        due: Due,
        deadline_of: impl Fn(EntryRef<'_>) -> Option<UnixMillis>,
    ) -> Option<EntryRef<'_>> {
        let accept = |entry: EntryRef<'_>| deadline_of(entry) == Some(due.deadline);
        if self.tables.len() == 1 {
            return self.tables[0].find_where(due.hash, LOW_BITS, accept);
        }
        let place = due.hash & (0xffff << 48);
        let low = (due.hash & ((1 << LOW_BITS) - 1)) >> SLOT_BITS;
        let slot = due.hash as usize % SLOTS;
        self.tables[slot].find_where(place | low, LOW_BITS - SLOT_BITS, accept)
    }

    /// Visits the entries at a cursor; returns the next cursor, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, visit: impl FnMut(EntryRef<'a>)) -> u64 {
        if self.tables.len() == 1 {
            return self.tables[0].scan(cursor, visit);
        }
        let slot = cursor as usize % SLOTS;
        let next = self.tables[slot].scan(cursor >> SLOT_BITS, visit);
        if next != 0 {
            return (next << SLOT_BITS) | slot as u64;
        }
        // Empty slots are skipped in one step: the next key stands behind all that are here or
        // before.
        let later = self.by_slot.as_ref().and_then(|tally| tally.holder(tally.below(slot + 1)));
        later.map_or(0, |slot| slot as u64)
    }

    /// A random entry, all being equally likely.
    pub fn sample(&self, mut random: impl FnMut() -> u64) -> Option<EntryRef<'_>> {
        let index = match &self.by_slot {
            None => 0,
            Some(tally) => tally.holder((random() as usize).checked_rem(self.len)?)?,
        };
        self.tables[index].sample(random)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.tables.iter().flat_map(Table::iter)
    }

    /// Asks the processor to fetch the bucket of a key, whose hash is returned.
    #[inline]
    pub fn prefetch_bucket(&self, key: &[u8]) -> u64 {
        let hash = self.hash(key);
        self.tables[self.index(key)].prefetch_bucket(hash);
        hash
    }

    /// Asks the processor for keys that will be looked up soon: see [`table::fetch_ahead`].
    #[inline]
    pub fn fetch_ahead<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> ([u64; AHEAD], usize) {
        table::fetch_ahead(keys, |key| self.hash(key), |key| &self.tables[self.index(key)])
    }

    /// Forbids or allows moves in all tables: a forked child lives.
    pub fn pause_moves(&mut self, pause: bool) {
        let switch = if pause { Table::pause_moves } else { Table::resume_moves };
        self.tables.iter_mut().for_each(switch);
    }

    /// Bytes of the tables, entries not included.
    pub fn memory_bytes(&self) -> usize {
        let lists = self.tables.capacity() * size_of::<Table<Entry>>();
        let tally = self.by_slot.as_ref().map_or(0, |_| SLOTS * size_of::<usize>());
        lists + tally + self.tables.iter().map(Table::memory_bytes).sum::<usize>()
    }

    /// Slots of all tables, occupied or not (DEBUG HTSTATS).
    pub fn table_slots(&self) -> usize {
        self.tables.iter().map(Table::slots).sum()
    }

    /// True when keys are kept by hash slot.
    pub fn is_by_slot(&self) -> bool {
        self.tables.len() > 1
    }

    /// Keys in one hash slot. Zero unless they are kept by slot.
    pub fn slot_len(&self, slot: usize) -> usize {
        self.slot_table(slot).map_or(0, Table::len)
    }

    /// The entries of one hash slot.
    pub fn slot_iter(&self, slot: usize) -> impl Iterator<Item = EntryRef<'_>> {
        self.slot_table(slot).into_iter().flat_map(Table::iter)
    }

    fn slot_table(&self, slot: usize) -> Option<&Table<Entry>> {
        self.is_by_slot().then(|| &self.tables[slot])
    }

    /// Takes the entries of one hash slot out.
    pub fn take_slot(&mut self, slot: usize) -> Option<Drain<Entry>> {
        let table = if self.is_by_slot() { self.tables[slot].take() } else { return None };
        self.count(slot, -(table.len() as isize));
        Some(table.into_iter())
    }

    /// Changes every entry.
    pub fn for_each_mut(&mut self, mut visit: impl FnMut(EntryMut<'_>)) {
        self.tables.iter_mut().for_each(|table| table.for_each_mut(&mut visit));
    }
}

impl Db {
    /// Stores an entry under a new key, and its deadline.
    pub fn insert(&mut self, hash: u64, entry: Entry) {
        let view = entry.view();
        let due_hash = || self.keys.due_hash(hash, view.key());
        if let Some(deadline) = view.deadline() {
            self.expiry.insert(deadline, due_hash());
        }
        if let Some(deadline) = view.part_deadline() {
            self.parts.insert(deadline, due_hash());
        }
        self.sizes.change(Bin::NONE, view.bin());
        self.keys.insert_new(hash, entry);
    }

    /// Takes an entry out, and its deadline.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Entry> {
        let entry = self.keys.remove(hash, key)?;
        self.sizes.change(entry.view().bin(), Bin::NONE);
        self.forget_deadlines(hash, entry.view());
        Some(entry)
    }

    /// Takes an entry that has left its place out of the indexes of deadlines.
    pub fn forget_deadlines(&mut self, hash: u64, entry: EntryRef<'_>) {
        let due_hash = || self.keys.due_hash(hash, entry.key());
        if let Some(deadline) = entry.deadline() {
            self.expiry.remove(deadline, due_hash());
        }
        if let Some(deadline) = entry.part_deadline() {
            self.parts.remove(deadline, due_hash());
        }
    }

    /// Keeps the index in step with a deadline that changes.
    #[inline]
    pub fn note_deadline(
        &mut self,
        hash: u64,
        key: &[u8],
        old: Option<UnixMillis>,
        new: Option<UnixMillis>,
    ) {
        if old != new {
            let hash = self.keys.due_hash(hash, key);
            self.expiry.change(hash, old, new);
        }
    }

    /// The same for the earliest deadline of a part of the value.
    #[inline]
    pub fn note_part(
        &mut self,
        hash: u64,
        key: &[u8],
        old: Option<UnixMillis>,
        new: Option<UnixMillis>,
    ) {
        if old != new {
            let hash = self.keys.due_hash(hash, key);
            self.parts.change(hash, old, new);
        }
    }

    /// Counts the sizes of all values anew and asserts that they have been kept in step.
    pub fn check_sizes(&self) {
        let mut anew = Sizes::default();
        self.keys.iter().for_each(|entry| anew.change(Bin::NONE, entry.bin()));
        assert!(
            anew.agrees(&self.sizes),
            "sizes are {anew:?} and were counted as {:?}",
            self.sizes
        );
    }
}
