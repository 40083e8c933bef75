//! Records: elements for tables, in one allocation each, for hash fields, members of sets and sorted sets, names of
//! channels.
//!
//! ```text
//!   0            size of M      +8 (aligned to 8)
//!  ┌────────────┬──────────────┬───────────────────┬─────────────────────┐
//!  │ M          │ key length   │ key bytes         │ value bytes         │
//!  │ fixed part │ value length │                   │                     │
//!  └────────────┴──────────────┴───────────────────┴─────────────────────┘
//! ```
//!
//! `M` is plain data of a fixed size: nothing for a member of a set, a score for one of a sorted set, a deadline for
//! a field of a hash. Lengths are 32 bits each: fields and members are bulks, and a bulk of 4 GiB is refused long
//! before. The block is a whole size class, so a value is overwritten in place as long as the class stays the same.
#![expect(
    unsafe_code,
    reason = "bytes per element: lengths and bytes in one allocation behind one pointer"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::table::Element;
use crate::base::alloc::class_size;

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

/// Offset of the two lengths, and of the bytes.
const fn lens_at<M>() -> usize {
    assert!(align_of::<M>() <= 8, "blocks are aligned to 8");
    size_of::<M>().next_multiple_of(4)
}

const fn bytes_at<M>() -> usize {
    lens_at::<M>() + 8
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(class_size(size), 8)
        .expect("two lengths of 32 bits fit the address space")
}

fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("bulks are shorter than 4 GiB")
}

impl<M: Copy> Record<M> {
    /// Makes a record.
    pub fn new(key: &[u8], value: &[u8], fixed: M) -> Self {
        let lens = [len32(key), len32(value)];
        let layout = layout(bytes_at::<M>() + key.len() + value.len());
        // SAFETY: the layout is not empty. The fixed part, the lengths (aligned to 4), the key and the value follow
        // each other inside the block, whose size was computed from the same lengths; the block is fresh, so
        // source and target do not overlap.
        unsafe {
            let Some(block) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            block.cast::<M>().write(fixed);
            block.add(lens_at::<M>()).cast::<[u32; 2]>().write(lens);
            let target = block.add(bytes_at::<M>());
            target.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            target
                .add(key.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
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
        let size = self.view().size();
        // SAFETY: the block was allocated with the layout of this size class, which never changes; `M` is plain data.
        unsafe { dealloc(self.block.as_ptr(), layout(size)) }
    }
}

// SAFETY: a record owns its block, and `M` is plain data.
unsafe impl<M: Copy + Send> Send for Record<M> {}
// SAFETY: shared views only read.
unsafe impl<M: Copy + Sync> Sync for Record<M> {}

impl<'a, M: Copy> RecordRef<'a, M> {
    #[inline]
    fn lens(self) -> [u32; 2] {
        // SAFETY: the lengths are there, alive for 'a.
        unsafe { self.block.add(lens_at::<M>()).cast().read() }
    }

    #[inline]
    fn size(self) -> usize {
        let [key, value] = self.lens();
        bytes_at::<M>() + key as usize + value as usize
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let [len, _] = self.lens();
        // SAFETY: so many bytes follow the lengths, alive for 'a, and the key never changes.
        unsafe {
            let start = self.block.add(bytes_at::<M>());
            NonNull::slice_from_raw_parts(start, len as usize).as_ref()
        }
    }

    /// The value.
    #[inline]
    pub fn value(self) -> &'a [u8] {
        let [key, len] = self.lens();
        // SAFETY: so many bytes follow the key, alive for 'a; a change would borrow the record exclusively.
        unsafe {
            let start = self.block.add(bytes_at::<M>() + key as usize);
            NonNull::slice_from_raw_parts(start, len as usize).as_ref()
        }
    }

    /// The fixed part.
    #[inline]
    pub fn fixed(self) -> M {
        // SAFETY: the fixed part is there; it is plain data.
        unsafe { self.block.cast().read() }
    }

    /// Bytes of memory.
    pub fn memory_bytes(self) -> usize {
        class_size(self.size())
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
        unsafe { self.view.block.cast().write(fixed) }
    }

    /// Puts another value in the place of the old one, if the size class stays the same.
    pub fn overwrite(&mut self, value: &[u8]) -> bool {
        let ([key, old], size) = (self.view.lens(), self.view.size());
        let fits = class_size(size - old as usize + value.len()) == class_size(size);
        if fits {
            // SAFETY: the block is a whole size class, and the new end is inside; the record is borrowed
            // exclusively, and `value` is borrowed by somebody else, so they do not overlap.
            unsafe {
                self.view.block.add(lens_at::<M>()).cast::<[u32; 2]>().write([key, len32(value)]);
                let target = self.view.block.add(bytes_at::<M>() + key as usize);
                target.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
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

    #[test]
    fn parts_come_back_whole() {
        let record = Record::new(b"field", b"value", 1.5f64);
        let view = record.view();
        assert_eq!((view.key(), view.value(), view.fixed()), (&b"field"[..], &b"value"[..], 1.5));
        assert_eq!(view.memory_bytes(), 32);
        let member = Record::new(b"member", b"", ());
        assert_eq!((member.view().key(), member.view().value().len()), (&b"member"[..], 0));
        assert_eq!(member.view().memory_bytes(), 16);
        let odd = Record::new(b"k", b"v", 7u8);
        assert_eq!((odd.clone().view().fixed(), odd.view().value()), (7, &b"v"[..]));
    }

    #[test]
    fn values_are_overwritten_within_the_class() {
        let mut record = Record::new(b"field", b"12345", 0i64);
        assert!(record.edit().overwrite(b"1234") && record.edit().overwrite(b"abcdefghijk"));
        assert!(!record.edit().overwrite(b"abcdefghijkl"), "33 bytes");
        record.edit().set_fixed(-1);
        assert_eq!((record.view().value(), record.view().fixed()), (&b"abcdefghijk"[..], -1));
    }

    #[test]
    fn a_table_of_records_is_a_hash() {
        let mut table = Table::new(HashSeed::new(1, 2));
        for i in 0..1000u32 {
            table.insert(Record::new(&i.to_le_bytes(), b"old", ()));
        }
        for i in 0..1000u32 {
            let mut slot = table.find_mut(&i.to_le_bytes()).expect("there");
            if !slot.edit().overwrite(&[b'n'; 3]) || i % 2 == 0 {
                slot.replace(Record::new(&i.to_le_bytes(), &[b'l'; 100], ()));
            }
        }
        let long = table.iter().filter(|record| record.value().len() == 100).count();
        assert_eq!((table.len(), long), (1000, 500));
        assert!(table.remove(&5u32.to_le_bytes()).is_some_and(|old| old.view().value() == b"nnn"));
    }
}
