//! Large hashes: a table of records, and an index of deadlines if any field has one.
//!
//! A deadline costs the fields that have one, and nobody else: it stands in front of the value,
//! behind a mark.
//!
//! ```text
//!   stored value    value                                   as long as it does not begin with FF
//!                   FF  deadline (8 bytes, 0: none)  value  else, and for every field with a deadline
//! ```
//!
//! The index (`ds::expiry`) knows the fields in order of deadline, nine bytes each. No change takes
//! a step over all fields.

use super::{Field, FieldTtl};
use crate::base::alloc::class_size;
use crate::base::clock::UnixMillis;
use crate::ds::expiry::{Expiry, LOW_BITS};
use crate::ds::hash::HashSeed;
use crate::ds::listpack::Item;
use crate::ds::record::{Record, RecordRef};
use crate::ds::table::{Iter, Slot, Table};

/// The first byte of a stored value that has a deadline in front, or could be taken for one that
/// has.
const MARK: u8 = 0xff;

/// Bytes in front of a marked value.
const MARK_BYTES: usize = 9;

/// The longest field or value: what a record can hold beside its mark. Bulks are shorter unless an
/// option says otherwise.
pub const TEXT_MAX: usize = u32::MAX as usize - MARK_BYTES;

/// The fields of a large hash.
pub struct FieldTable {
    fields: Table<Record<()>>,
    /// Deadlines, while there are any.
    due: Option<Box<Expiry>>,
    /// Bytes of all records.
    bytes: usize,
}

/// The mark of a stored value, if it needs one.
struct Mark {
    bytes: [u8; MARK_BYTES],
    len: usize,
}

impl Mark {
    #[inline]
    fn of(value: &[u8], deadline: Option<UnixMillis>) -> Self {
        let mut bytes = [MARK; MARK_BYTES];
        let needed = deadline.is_some() || value.first() == Some(&MARK);
        let ms = deadline.map_or(0, |at| at.0);
        bytes[1..].copy_from_slice(&ms.to_le_bytes());
        Mark { bytes, len: if needed { MARK_BYTES } else { 0 } }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Takes a stored value apart.
#[inline]
fn parts(stored: &[u8]) -> (&[u8], Option<UnixMillis>) {
    if stored.first() != Some(&MARK) {
        return (stored, None);
    }
    let (ms, value) = stored[1..].split_first_chunk().expect("a deadline follows each mark");
    let ms = i64::from_le_bytes(*ms);
    (value, (ms != 0).then_some(UnixMillis(ms)))
}

fn field_of(record: RecordRef<'_, ()>) -> Field<'_> {
    let (value, deadline) = parts(record.value());
    Field { name: Item::Bytes(record.key()), value: Item::Bytes(value), deadline }
}

fn record(field: &[u8], value: &[u8], deadline: Option<UnixMillis>) -> Record<()> {
    Record::joined(field, [Mark::of(value, deadline).bytes(), value], ())
}

/// Puts a value into the place of a record's, in place if it fits. Returns by how many bytes the
/// record has grown.
#[inline]
fn write(slot: &mut Slot<'_, Record<()>>, value: &[u8], deadline: Option<UnixMillis>) -> isize {
    let mark = Mark::of(value, deadline);
    if slot.edit().overwrite_joined([mark.bytes(), value]) {
        return 0;
    }
    let fresh = Record::joined(slot.view().key(), [mark.bytes(), value], ());
    let new = fresh.view().memory_bytes() as isize;
    let old = slot.replace(fresh);
    new - old.view().memory_bytes() as isize
}

impl FieldTable {
    /// An empty one with room for some fields.
    pub fn with_capacity(seed: HashSeed, count: usize) -> Self {
        FieldTable { fields: Table::with_capacity(seed, count), due: None, bytes: 0 }
    }

    /// Slots, occupied or not.
    pub fn slots(&self) -> usize {
        self.fields.slots()
    }

    /// Number of fields, those that are due included.
    #[inline]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Finds a field.
    #[inline]
    pub fn find(&self, field: &[u8]) -> Option<Field<'_>> {
        self.fields.find(field).map(field_of)
    }

    /// Asks the processor for the memory of fields that will be looked up.
    pub fn fetch_ahead<'n>(&self, fields: impl Iterator<Item = &'n [u8]> + Clone) {
        self.fields.fetch_ahead(fields);
    }

    /// All fields, in no particular order.
    #[inline]
    pub fn iter(&self) -> TableIter<'_> {
        TableIter(self.fields.iter())
    }

    /// Visits the fields at a cursor; returns the next cursor, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Field<'a>)) -> u64 {
        self.fields.scan(cursor, |record| visit(field_of(record)))
    }

    /// A random field, all being equally likely.
    pub fn sample(&self, random: impl FnMut() -> u64) -> Option<Field<'_>> {
        self.fields.sample(random).map(field_of)
    }

    /// The earliest deadline.
    #[inline]
    pub fn earliest(&self) -> Option<UnixMillis> {
        self.due.as_ref().and_then(|due| due.next_deadline())
    }

    /// How many fields are due.
    pub fn count_due(&self, now: UnixMillis) -> usize {
        self.due.as_ref().map_or(0, |due| due.count_due(now))
    }

    /// Adds a field that is known to be new.
    pub fn insert_new(&mut self, field: &[u8], value: &[u8], deadline: Option<UnixMillis>) {
        let hash = self.fields.hash(field);
        self.insert_hashed(hash, field, value, deadline);
    }

    fn insert_hashed(
        &mut self,
        hash: u64,
        field: &[u8],
        value: &[u8],
        deadline: Option<UnixMillis>,
    ) {
        let record = record(field, value, deadline);
        self.bytes += record.view().memory_bytes();
        self.fields.insert_new(hash, record);
        self.note(hash, None, deadline);
    }

    /// Stores the value that `make` makes of the old one; true when the field is new.
    pub fn update<'v, E>(
        &mut self,
        field: &[u8],
        ttl: FieldTtl,
        make: impl FnOnce(Option<Item<'_>>) -> Result<Item<'v>, E>,
    ) -> Result<bool, E> {
        let hash = self.fields.hash(field);
        let mut text = Vec::new();
        let Some(mut slot) = self.fields.find_mut_hashed(hash, field) else {
            let value = make(None)?;
            let deadline = if let FieldTtl::At(at) = ttl { Some(at) } else { None };
            self.insert_hashed(hash, field, value.bytes(&mut text), deadline);
            return Ok(true);
        };
        let Field { value, deadline: old, .. } = field_of(slot.view());
        let value = make(Some(value))?;
        let deadline = match ttl {
            FieldTtl::At(at) => Some(at),
            FieldTtl::Clear => None,
            FieldTtl::Keep => old,
        };
        let grown = write(&mut slot, value.bytes(&mut text), deadline);
        self.bytes = self.bytes.wrapping_add_signed(grown);
        self.note(hash, old, deadline);
        Ok(false)
    }

    /// Changes the deadline of a field; true when there is such a field.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<UnixMillis>) -> bool {
        let hash = self.fields.hash(field);
        let Some(mut slot) = self.fields.find_mut_hashed(hash, field) else { return false };
        let (value, old) = parts(slot.view().value());
        if old.is_some()
            && let Some(at) = deadline
        {
            slot.edit().value_mut()[1..MARK_BYTES].copy_from_slice(&at.0.to_le_bytes());
        } else if old != deadline {
            let fresh = record(field, value, deadline);
            let grown = fresh.view().memory_bytes() as isize;
            let old = slot.replace(fresh);
            let grown = grown - old.view().memory_bytes() as isize;
            self.bytes = self.bytes.wrapping_add_signed(grown);
        }
        self.note(hash, old, deadline);
        true
    }

    /// Removes a field; true when it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.fields.hash(field);
        let Some(record) = self.fields.remove_hashed(hash, field) else { return false };
        self.bytes -= record.view().memory_bytes();
        self.note(hash, field_of(record.view()).deadline, None);
        true
    }

    /// Removes fields that are due, at most `max`, and shows their names.
    pub fn take_due(&mut self, now: UnixMillis, max: usize, gone: &mut dyn FnMut(Item<'_>)) {
        for _ in 0..max {
            let due = self.due.as_ref().and_then(|due| due.first());
            let Some(due) = due.filter(|due| due.deadline < now) else { return };
            let is_it = |record: RecordRef<'_, ()>| parts(record.value()).1 == Some(due.deadline);
            let found = self.fields.find_where(due.hash, LOW_BITS, is_it);
            let field = found.expect("the index has only what is there").key().to_vec();
            gone(Item::Bytes(&field));
            self.remove(&field);
        }
    }

    /// Keeps the index in step with a deadline that changes.
    #[inline]
    fn note(&mut self, hash: u64, old: Option<UnixMillis>, new: Option<UnixMillis>) {
        if old == new {
            return;
        }
        let due = self.due.get_or_insert_default();
        due.change(hash, old, new);
        if due.is_empty() {
            self.due = None;
        }
    }

    /// Bytes of memory outside this struct.
    pub fn memory_bytes(&self) -> usize {
        let index =
            self.due.as_ref().map(|due| class_size(size_of::<Expiry>()) + due.memory_bytes());
        self.fields.memory_bytes() + self.bytes + index.unwrap_or(0)
    }

    /// Bytes of all records by the records themselves.
    #[cfg(test)]
    pub fn check(&self) {
        let bytes: usize = self.fields.iter().map(RecordRef::memory_bytes).sum();
        assert_eq!(self.bytes, bytes);
        let mut deadlines: Vec<_> = self.iter().filter_map(|field| field.deadline).collect();
        deadlines.sort();
        assert_eq!(self.due.as_ref().map_or(0, |due| due.len()), deadlines.len());
        assert_eq!(self.earliest(), deadlines.first().copied());
        assert_eq!(self.due.is_none(), deadlines.is_empty());
    }
}

impl Clone for FieldTable {
    fn clone(&self) -> Self {
        let mut copy = FieldTable::with_capacity(self.fields.seed(), self.len());
        for record in &self.fields {
            let hash = self.fields.hash(record.key());
            copy.fields.insert_new(hash, Record::new(record.key(), record.value(), ()));
        }
        copy.due = self.due.clone();
        copy.bytes = self.bytes;
        copy
    }
}

impl std::fmt::Debug for FieldTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FieldTable {{ fields: {} }}", self.len())
    }
}

/// Walks over the fields of a table.
pub struct TableIter<'a>(Iter<'a, Record<()>>);

impl<'a> Iterator for TableIter<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        self.0.next().map(field_of)
    }
}
