//! Cells: the allocator of keys and of the elements of collections, which knows finer sizes than
//! jemalloc.
//!
//! A server holds millions of small blocks of a few sizes. jemalloc rounds 20 bytes up to 24 and 86
//! to 96; cells come in steps of 2 bytes up to 128 and of 8 up to [`SIZE_MAX`]. What is larger
//! comes from the global allocator.
//!
//! ```text
//!  region, 4 MiB, aligned            chunk, 16 KiB, cells of one size
//!  ┌──────────────────────┐         ┌──────┬──────┬──────┬──────┬─────────────────┐
//!  │ 1 region header      │         │ cell │ freed│ cell │ freed│ never used      │
//!  │ 255 chunk headers    │         └──────┴──┬───┴──────┴───┬──┴─────────────────┘
//!  ├──────────────────────┤                   ▲ └────◄───────┘  ▲
//!  │ chunk 1              │    header:  free ─────────────────┘ └─ bump          (u16 offsets)
//!  │ ...                  │
//!  │ chunk 255            │
//!  └──────────────────────┘
//! ```
//!
//! A cell has no header of its own. Masking its address gives the region and the number of the
//! chunk, hence the chunk's header; headers stand together, 64 bytes each, so that they do not all
//! fall into the same sets of the cache. A chunk hands out what was freed in it last, else the next
//! bytes never used, so pages are touched only when they are needed.
//!
//! **A heap per thread, without locks.** Chunks belong to the heap that took them. The heap keeps,
//! for each class, a list of chunks with room; allocating takes from the first, freeing goes to the
//! cell's own chunk, which is put in front if it was full (the next allocation finds warm memory).
//! A chunk without live cells serves any class again, an empty region goes back to the system, and
//! so do the pages of free chunks beyond some percent ([`heap`] has the bounds). A thread that ends
//! leaves its heap to the next one that needs one; a thread that only frees never gets one.
//!
//! **Counting.** A cell counts with its class size in `alloc::used`, a region not at all. Regions
//! are mapped directly and are unknown to jemalloc; `alloc::Stats` adds them.
//!
//! # Cells freed by other threads
//!
//! A thread that frees a cell of another heap pushes it onto the chunk's *remote list*; one word
//! says it all: first cell, last cell, how many. Whoever pushes onto an empty list then tells the
//! owner by pushing the chunk onto the heap's stack of chunks *told*. The owner takes the whole
//! stack with one swap, and of each chunk the whole list with one swap. It never walks a list: it
//! is hung in front of the chunk's own by its last cell, or forgotten with the chunk if no cell
//! lives. The argument that this is right:
//!
//! 1. *A chunk outlives every access by others.* A freed cell counts as live until the owner has
//!    taken it back. Who is about to push holds a cell that counts, so the chunk stays. After a
//!    push onto a list that was not empty nothing is touched any more. After one onto an empty list
//!    the owner cannot take the list before it is told, for it looks only at chunks that were told,
//!    so the cell counts until then, and telling is the last access.
//! 2. *A chunk stands in the stack at most once*, since only the push that finds the list empty
//!    tells, and the owner empties the list after it has taken the chunk from the stack. It reads
//!    the chunk's link before it empties the list: the next to tell writes the link after it has
//!    seen the list empty (both sides are acquire and release), hence later.
//! 3. *ABA does no harm.* Others only push. A push whose exchange succeeds after the list was taken
//!    and became the same again is a push onto what the word says: the word describes the list as
//!    it is now, links of its cells included, and the link just written is the first cell it names.
//!    Whether the list was empty is said by the same word. The same holds for the stack, of which
//!    only the top is exchanged.
//! 4. *Contents are ordered.* A push releases what its thread did to the cell and the link in it;
//!    the swap acquires all pushes, because each is a read-modify-write of the one word, and they
//!    form one release sequence.
//! 5. *A heap handed on is handed on under a lock*, and heaps are never unmapped, so that the
//!    pointer in a header is good for ever. Everything that is not atomic is touched by the owning
//!    thread alone.
//!
//! A forked child has one thread and a copy of everything; it may read, free and allocate.
//!
//! Under Miri and sanitizers each cell is a block of the system's allocator, for these watch
//! blocks. The tests of this room use cells all the same. To Miri regions are blocks, too, and much
//! smaller.
#![expect(unsafe_code, reason = "an allocator: memory by address, lists inside of freed cells")]

mod heap;
mod region;
mod system;
#[cfg(test)]
mod tests;

use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error};
use std::ptr::NonNull;

use super::alloc;

/// The largest cell.
pub const SIZE_MAX: usize = 640;

/// Up to this size classes are [`FINE`] apart, then [`COARSE`].
const FINE_MAX: usize = 128;
const FINE: usize = 2;
const COARSE: usize = 8;

/// The smallest cell: whoever has one may read 8 bytes.
pub const SIZE_MIN: usize = 8;

const FINE_CLASSES: usize = FINE_MAX / FINE;
const CLASSES: usize = FINE_CLASSES + (SIZE_MAX - FINE_MAX) / COARSE;

/// Bytes that a block of `size` bytes occupies. All of them may be used.
///
/// The block is aligned to 8 if this is a multiple of 8, else to 2.
#[inline]
pub const fn class_size(size: usize) -> usize {
    if size <= FINE_MAX {
        if size <= SIZE_MIN { SIZE_MIN } else { size.next_multiple_of(FINE) }
    } else if size <= SIZE_MAX {
        size.next_multiple_of(COARSE)
    } else {
        alloc::class_size(size)
    }
}

/// The class of a size that is not above [`SIZE_MAX`].
#[inline]
const fn class_of(size: usize) -> usize {
    if size <= FINE_MAX {
        class_size(size) / FINE - 1
    } else {
        FINE_CLASSES + (size - FINE_MAX - 1) / COARSE
    }
}

/// The layout of a block that is not a cell of ours.
#[inline]
fn layout(size: usize) -> Layout {
    let class = class_size(size);
    let align = if class.is_multiple_of(8) { 8 } else { 2 };
    Layout::from_size_align(class, align).expect("sizes are far smaller than the address space")
}

/// Every cell is a block of the system's allocator.
const WATCHED: bool = cfg!(any(miri, hematite_system_allocator));

/// A block of `size` bytes, not initialised.
#[inline]
pub fn allocate(size: usize) -> NonNull<u8> {
    match size {
        ..=SIZE_MAX if WATCHED => allocate_watched(size),
        ..=SIZE_MAX => allocate_cell(size),
        _ => allocate_large(size),
    }
}

/// Gives a block back.
///
/// # Safety
/// The block came from [`allocate`] with a size of the same class, and is not used any more.
#[inline]
pub unsafe fn free(block: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise; blocks of a size all come from the same place.
    unsafe {
        match size {
            ..=SIZE_MAX if WATCHED => free_watched(block, size),
            ..=SIZE_MAX => free_cell(block, size),
            _ => std::alloc::dealloc(block.as_ptr(), layout(size)),
        }
    }
}

/// A cell of this thread's heap.
#[inline]
fn allocate_cell(size: usize) -> NonNull<u8> {
    alloc::count(class_size(size) as isize);
    let class = class_of(size);
    match heap::here().and_then(|heap| heap.first(class)?.take()) {
        Some(cell) => cell,
        None => heap::allocate(class),
    }
}

/// # Safety
/// As [`free`], for a block of [`allocate_cell`].
#[inline]
unsafe fn free_cell(cell: NonNull<u8>, size: usize) {
    alloc::count(-(class_size(size) as isize));
    // SAFETY: the caller gives back a cell of ours.
    unsafe { heap::free(cell, class_of(size)) }
}

/// A block of the system's allocator, counted as a cell.
fn allocate_watched(size: usize) -> NonNull<u8> {
    let layout = layout(size);
    alloc::count(layout.size() as isize);
    // SAFETY: no class is empty.
    let block = unsafe { System.alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
/// As [`free`], for a block of [`allocate_watched`].
unsafe fn free_watched(block: NonNull<u8>, size: usize) {
    let layout = layout(size);
    alloc::count(-(layout.size() as isize));
    // SAFETY: the caller gives back such a block, whose layout is that of its class.
    unsafe { System.dealloc(block.as_ptr(), layout) }
}

#[cold]
#[inline(never)]
fn allocate_large(size: usize) -> NonNull<u8> {
    let layout = layout(size);
    // SAFETY: no class is empty.
    let block = unsafe { std::alloc::alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Notices what other threads have freed of this thread's cells, to be taken back by [`collect`].
/// Asked once in a while, so that a thread that frees a million cells one by one does not make us
/// look at each chunk a hundred times.
pub fn notice() {
    if let Some(heap) = heap::here() {
        heap.notice();
    }
}

/// Whether there is something noticed and not collected yet.
#[inline]
pub fn is_collecting() -> bool {
    heap::here().is_some_and(heap::Heap::is_collecting)
}

/// Takes back what was noticed, of so many chunks at most.
pub fn collect(chunks: usize) {
    if let Some(heap) = heap::here() {
        heap.collect(chunks);
    }
}

/// Gives every page of this thread's heap without live cells back to the system (MEMORY PURGE).
pub fn purge() {
    if let Some(heap) = heap::here() {
        heap.purge();
    }
}

/// What all heaps have together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Regions mapped.
    pub regions: usize,
    /// Chunks that serve a class.
    pub chunks: usize,
    /// Free chunks whose pages have not been given back.
    pub dirty: usize,
}

impl Stats {
    /// Reads the figures.
    pub fn read() -> Self {
        heap::stats()
    }

    /// Bytes of chunks in use and of headers.
    pub fn active(self) -> usize {
        (self.chunks + self.regions) * region::CHUNK
    }

    /// Bytes that may be resident.
    pub fn resident(self) -> usize {
        self.active() + self.dirty * region::CHUNK
    }

    /// Bytes of address space.
    pub fn mapped(self) -> usize {
        self.regions * region::REGION
    }
}
