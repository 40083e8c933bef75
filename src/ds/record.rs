//! Records: elements for tables, in one allocation each, for hash fields, members of sets and
//! sorted sets, names of channels.
//!
//! ```text
//!   0            size of M
//!  ┌────────────┬────────────┬──────────────┬───────────────────┬─────────────────────┐
//!  │ M          │ key length │ value length │ key bytes         │ value bytes         │
//!  │ fixed part │            │              │                   │                     │
//!  └────────────┴────────────┴──────────────┴───────────────────┴─────────────────────┘
//! ```
//!
//! `M` is plain data of a fixed size: nothing for a member of a set, a score for one of a sorted
//! set, a deadline for a field of a hash. A length is one byte, or 255 and four bytes more: a
//! member of 19 bytes takes 22 with its lengths. Fields and members are bulks, and a bulk of 4 GiB
//! is refused long before. The block is a cell (`base::cells`) of a whole size class, so a value is
//! overwritten in place as long as the class stays the same, and the width of its length. Cells are
//! aligned to 2 at least, so the fixed part is read and written as unaligned.
#![expect(
    unsafe_code,
    reason = "bytes per element: lengths and bytes in one allocation behind one pointer"
)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::table::Element;
use crate::base::cells::{self, class_size};

/// A key, a value and a fixed part, owned.
pub struct Record<M: Copy> {
    block: NonNull<u8>,
    owns: PhantomData<M>,
}

/// A record, looked at.
#[derive(Clone, Copy)]
pub struct RecordRef<'a, M: Copy> {
    block: NonNull<u8>,
    record: PhantomData<&'a M>,
}

/// A record, to be changed.
pub struct RecordMut<'a, M: Copy> {
    view: RecordRef<'a, M>,
    record: PhantomData<&'a mut M>,
}

/// Says that more bytes of a length follow.
const LONG: u8 = 0xff;

/// The lengths of a record's parts.
#[derive(Clone, Copy)]
struct Lens {
    key: usize,
    value: usize,
}

impl Lens {
    fn of(key: &[u8], value: [&[u8]; 2]) -> Self {
        let value = value[0].len() + value[1].len();
        assert!(key.len().max(value) <= u32::MAX as usize, "bulks are shorter than 4 GiB");
        Lens { key: key.len(), value }
    }

    /// Offset of the key.
    #[inline]
    fn key_at<M>(self) -> usize {
        size_of::<M>() + width(self.key) + width(self.value)
    }

    /// Bytes of the whole record.
    #[inline]
    fn size<M>(self) -> usize {
        self.key_at::<M>() + self.key + self.value
    }
}

/// Bytes that a length takes.
#[inline]
fn width(len: usize) -> usize {
    if len < LONG as usize { 1 } else { 5 }
}

/// Writes a length and returns the place behind it.
///
/// # Safety
/// There is room for [`width`] bytes at `at`, and nobody else looks at them.
unsafe fn write_len(at: NonNull<u8>, len: usize) -> NonNull<u8> {
    // SAFETY: the caller's promise; wide lengths may be unaligned.
    unsafe {
        if width(len) == 1 {
            at.write(len as u8);
        } else {
            at.write(LONG);
            at.add(1).cast::<u32>().write_unaligned(len as u32);
        }
        at.add(width(len))
    }
}

/// Reads a length.
///
/// # Safety
/// One was written there by [`write_len`], and nobody writes to it now.
#[inline]
unsafe fn read_len(at: NonNull<u8>) -> usize {
    // SAFETY: the caller's promise; after the mark there are four bytes more.
    unsafe {
        match at.read() {
            LONG => at.add(1).cast::<u32>().read_unaligned() as usize,
            len => usize::from(len),
        }
    }
}

/// Writes bytes and returns the place behind them.
///
/// # Safety
/// There is room for them at `at`, which they do not overlap, and nobody else looks at it.
#[inline]
unsafe fn append(at: NonNull<u8>, bytes: &[u8]) -> NonNull<u8> {
    // SAFETY: the caller's promise.
    unsafe {
        at.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        at.add(bytes.len())
    }
}

impl<M: Copy> Record<M> {
    /// Makes a record.
    #[inline]
    pub fn new(key: &[u8], value: &[u8], fixed: M) -> Self {
        Record::joined(key, [value, &[]], fixed)
    }

    /// Makes a record whose value comes in two pieces.
    pub fn joined(key: &[u8], value: [&[u8]; 2], fixed: M) -> Self {
        let lens = Lens::of(key, value);
        let block = cells::allocate(lens.size::<M>());
        // SAFETY: the fixed part, the lengths, the key and the value follow each other inside the
        // block, whose size was computed from the same lengths; the block is fresh, so source and
        // target do not overlap.
        unsafe {
            block.cast::<M>().write_unaligned(fixed);
            let at = write_len(block.add(size_of::<M>()), lens.key);
            let at = write_len(at, lens.value);
            let at = append(at, key);
            let at = append(at, value[0]);
            append(at, value[1]);
            Record { block, owns: PhantomData }
        }
    }

    /// Looks at the record.
    #[inline]
    pub fn view(&self) -> RecordRef<'_, M> {
        RecordRef { block: self.block, record: PhantomData }
    }

    /// Looks at the record in order to change it.
    #[inline]
    pub fn edit(&mut self) -> RecordMut<'_, M> {
        RecordMut {
            view: RecordRef { block: self.block, record: PhantomData },
            record: PhantomData,
        }
    }
}

impl<M: Copy> Clone for Record<M> {
    fn clone(&self) -> Self {
        let view = self.view();
        Record::new(view.key(), view.value(), view.fixed())
    }
}

impl<M: Copy> Drop for Record<M> {
    fn drop(&mut self) {
        let size = self.view().lens().size::<M>();
        // SAFETY: the block was allocated with this size class, which never changes; `M` is plain
        // data.
        unsafe { cells::free(self.block, size) }
    }
}

// SAFETY: a record owns its block, and `M` is plain data.
unsafe impl<M: Copy + Send> Send for Record<M> {}
// SAFETY: shared views only read.
unsafe impl<M: Copy + Sync> Sync for Record<M> {}

impl<'a, M: Copy> RecordRef<'a, M> {
    /// The pointer that [`Element::into_raw`] would give, for indexes beside a table.
    #[inline]
    pub fn raw(self) -> NonNull<u8> {
        self.block
    }

    #[inline]
    fn lens(self) -> Lens {
        // SAFETY: the lengths are there, alive for 'a, and one follows the other.
        unsafe {
            let at = self.block.add(size_of::<M>());
            let key = read_len(at);
            Lens { key, value: read_len(at.add(width(key))) }
        }
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let lens = self.lens();
        // SAFETY: so many bytes follow the lengths, alive for 'a, and the key never changes.
        unsafe {
            let start = self.block.add(lens.key_at::<M>());
            NonNull::slice_from_raw_parts(start, lens.key).as_ref()
        }
    }

    /// The value.
    #[inline]
    pub fn value(self) -> &'a [u8] {
        let lens = self.lens();
        // SAFETY: so many bytes follow the key, alive for 'a; a change would borrow the record
        // exclusively.
        unsafe {
            let start = self.block.add(lens.key_at::<M>() + lens.key);
            NonNull::slice_from_raw_parts(start, lens.value).as_ref()
        }
    }

    /// The fixed part.
    #[inline]
    pub fn fixed(self) -> M {
        // SAFETY: the fixed part is there; it is plain data.
        unsafe { self.block.cast().read_unaligned() }
    }

    /// Bytes of memory.
    pub fn memory_bytes(self) -> usize {
        class_size(self.lens().size::<M>())
    }
}

impl<'a, M: Copy> RecordMut<'a, M> {
    /// Looks at the record for a while.
    pub fn view(&self) -> RecordRef<'_, M> {
        self.view
    }

    /// Gives up the right to change it.
    pub fn into_view(self) -> RecordRef<'a, M> {
        self.view
    }

    /// Changes the fixed part.
    #[inline]
    pub fn set_fixed(&mut self, fixed: M) {
        // SAFETY: the fixed part is there, and the record is borrowed exclusively.
        unsafe { self.view.block.cast().write_unaligned(fixed) }
    }

    /// The value, to be changed in place.
    #[inline]
    pub fn value_mut(&mut self) -> &mut [u8] {
        let lens = self.view.lens();
        // SAFETY: so many bytes follow the key, and the record is borrowed exclusively.
        unsafe {
            let start = self.view.block.add(lens.key_at::<M>() + lens.key);
            NonNull::slice_from_raw_parts(start, lens.value).as_mut()
        }
    }

    /// Puts another value in the place of the old one, if the size class stays the same and its
    /// length is as wide.
    #[inline]
    pub fn overwrite(&mut self, value: &[u8]) -> bool {
        self.overwrite_joined([value, &[]])
    }

    /// As [`RecordMut::overwrite`], for a value that comes in two pieces.
    pub fn overwrite_joined(&mut self, value: [&[u8]; 2]) -> bool {
        let old = self.view.lens();
        let new = Lens { value: value[0].len() + value[1].len(), ..old };
        let same_class = class_size(new.size::<M>()) == class_size(old.size::<M>());
        let fits = same_class && width(new.value) == width(old.value);
        if fits {
            // SAFETY: the block is a whole size class, and the new end is inside, and so is the
            // length, which is as wide as before; the record is borrowed exclusively, and `value`
            // is borrowed by somebody else, so they do not overlap.
            unsafe {
                let block = self.view.block;
                write_len(block.add(size_of::<M>() + width(new.key)), new.value);
                let at = append(block.add(new.key_at::<M>() + new.key), value[0]);
                append(at, value[1]);
            }
        }
        fits
    }
}

// SAFETY: a record is one pointer to its block. Views borrow the record; the key is written once.
unsafe impl<M: Copy> Element for Record<M> {
    type Ref<'a>
        = RecordRef<'a, M>
    where
        M: 'a;
    type Mut<'a>
        = RecordMut<'a, M>
    where
        M: 'a;

    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).block
    }

    unsafe fn from_raw(block: NonNull<u8>) -> Self {
        Record { block, owns: PhantomData }
    }

    unsafe fn view<'a>(block: NonNull<u8>) -> RecordRef<'a, M>
    where
        M: 'a,
    {
        RecordRef { block, record: PhantomData }
    }

    unsafe fn edit<'a>(block: NonNull<u8>) -> RecordMut<'a, M>
    where
        M: 'a,
    {
        RecordMut { view: RecordRef { block, record: PhantomData }, record: PhantomData }
    }

    fn key<'a>(view: RecordRef<'a, M>) -> &'a [u8]
    where
        Self: 'a,
    {
        view.key()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::HashSeed;
    use super::super::table::Table;
    use super::*;
    use crate::base::effort::effort;

    #[test]
    fn parts_come_back_whole() {
        let record = Record::new(b"field", b"value", 1.5f64);
        let view = record.view();
        assert_eq!((view.key(), view.value(), view.fixed()), (&b"field"[..], &b"value"[..], 1.5));
        assert_eq!(view.memory_bytes(), 20);
        let member = Record::new(b"member:000000000001", b"", ());
        assert_eq!(member.view().key(), b"member:000000000001");
        assert_eq!((member.view().value().len(), member.view().memory_bytes()), (0, 22));
        let odd = Record::new(b"k", b"v", 7u8);
        assert_eq!((odd.clone().view().fixed(), odd.view().value()), (7, &b"v"[..]));
    }

    #[test]
    fn values_are_overwritten_within_the_class() {
        let mut record = Record::new(b"field", b"12345", 0i64);
        assert!(record.edit().overwrite(b"1234") && record.edit().overwrite(b"abcde"));
        assert!(!record.edit().overwrite(b"abcdef"), "21 bytes");
        record.edit().set_fixed(-1);
        assert_eq!((record.view().value(), record.view().fixed()), (&b"abcde"[..], -1));
    }

    #[test]
    fn lengths_of_either_width_come_back() {
        const LENGTHS: [usize; 6] = effort([0, 1, 254, 255, 256, 70_000], [0, 1, 2, 254, 255, 256]);
        for key_len in LENGTHS {
            for value_len in LENGTHS {
                let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
                let mut record = Record::new(&key, &value, 7u64);
                assert!(record.view().key() == key && record.view().value() == value);
                assert!(record.edit().overwrite(&value));
                for len in value_len.saturating_sub(9)..value_len + 9 {
                    let other = vec![b'w'; len];
                    let fits = record.edit().overwrite(&other);
                    assert!(record.view().key() == key && record.view().fixed() == 7);
                    assert_eq!(fits, record.view().value() == other);
                }
            }
        }
    }

    #[test]
    fn values_may_come_in_two_pieces() {
        let mut record = Record::joined(b"field", [b"12", b"345"], 0u8);
        assert_eq!((record.view().key(), record.view().value()), (&b"field"[..], &b"12345"[..]));
        record.edit().value_mut()[0] = b'x';
        assert_eq!((record.view().key(), record.view().value()), (&b"field"[..], &b"x2345"[..]));
        assert!(record.edit().overwrite_joined([b"abc", b"de"]));
        assert_eq!(record.view().value(), b"abcde");
        assert!(!record.edit().overwrite_joined([b"abcdefgh", &[0; 300]]));
        let long = Record::joined(&[b'k'; 300], [&[b'a'; 200], &[b'b'; 100]], ());
        assert_eq!(long.view().value(), [[b'a'; 200].as_slice(), &[b'b'; 100]].concat());
    }

    #[test]
    fn a_table_of_records_is_a_hash() {
        let mut table = Table::new(HashSeed::new(1, 2));
        let count = effort(1000u32, 40);
        for i in 0..count {
            table.insert(Record::new(&i.to_le_bytes(), b"old", ()));
        }
        for i in 0..count {
            let mut slot = table.find_mut(&i.to_le_bytes()).expect("there");
            if !slot.edit().overwrite(b"nnn") || i % 2 == 0 {
                slot.replace(Record::new(&i.to_le_bytes(), &[b'l'; 100], ()));
            }
        }
        let long = table.iter().filter(|record| record.value().len() == 100).count();
        assert_eq!((table.len(), long), (count as usize, count as usize / 2));
        assert!(table.remove(&5u32.to_le_bytes()).is_some_and(|old| old.view().value() == b"nnn"));
    }
}
