//! Regions and chunks: where they are, and what moves inside of one.
//!
//! Chunk headers lie at the start of their region, at 64 times the chunk's number; number 0 is the
//! region's own header, for the headers fill chunk 0. Fresh memory, being zero, is a header of a
//! chunk that serves nobody.
//!
//! References to headers are `'static`, for lists are made of them: [`Region::unmap`] is called
//! when no chunk of the region is in any list, and no cell lives that could lead to it. Functions
//! that were given such references may be on their way back then; so every byte of a header, even
//! those that mean nothing, lies in a cell or an atomic: only such bytes may go away while a
//! function has an argument that refers to them.
//!
//! Nothing here knows classes, lists or threads; that is the heap's.
#![expect(unsafe_code, reason = "headers and cells by address")]

use std::cell::Cell;
use std::ptr::{NonNull, from_ref, with_exposed_provenance, with_exposed_provenance_mut};
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicU64};

use super::heap::Heap;
use super::system::{forget, map_aligned, unmap};

/// Miri knows neither pages nor many cells: small chunks are soon full.
pub const CHUNK: usize = if cfg!(miri) { 2 << 10 } else { 16 << 10 };
const HEADER: usize = 64;

/// Chunks of a region, the first of which holds the headers.
const CHUNKS: usize = CHUNK / HEADER;
pub const REGION: usize = CHUNKS * CHUNK;

const _: () = assert!(size_of::<Chunk>() == HEADER && size_of::<Region>() == HEADER);

/// No cell.
const NONE: u16 = u16::MAX;

/// The header of a chunk.
#[repr(C, align(64))]
pub struct Chunk {
    /// The cell freed last, by its offset in the chunk.
    free: Cell<u16>,
    /// Where the bytes never used begin.
    bump: Cell<u16>,
    /// Where they end: as far as there is room for whole cells.
    end: Cell<u16>,
    /// Bytes of a cell.
    size: Cell<u16>,
    /// Cells handed out and not taken back.
    live: Cell<u16>,
    pub class: Cell<u8>,
    /// Stands in the heap's list of its class.
    pub linked: Cell<bool>,
    _unused: Cell<[u8; 4]>,
    /// Neighbours in the list of the class; of free chunks only the next.
    pub prev: Cell<Option<&'static Chunk>>,
    pub next: Cell<Option<&'static Chunk>>,
    /// Whose it is. Never changes while the region lives.
    pub heap: Cell<Option<&'static Heap>>,
    /// The [`Remote`] list of cells that other threads have freed.
    remote: AtomicU64,
    /// The next chunk in the heap's stack of chunks told.
    pub next_told: AtomicPtr<Chunk>,
    _rest: Cell<[u8; 8]>,
}

/// Cells freed by other threads, as one word: the list's first cell, its last, and how many there
/// are.
#[derive(Clone, Copy)]
struct Remote(u64);

impl Remote {
    const EMPTY: u64 = 0;

    fn first(self) -> u16 {
        self.0 as u16
    }

    fn last(self) -> u16 {
        (self.0 >> 16) as u16
    }

    fn count(self) -> u16 {
        (self.0 >> 32) as u16
    }

    fn with(self, cell: u16) -> Remote {
        let last = if self.count() == 0 { cell } else { self.last() };
        let count = u64::from(self.count() + 1);
        Remote(u64::from(cell) | (u64::from(last) << 16) | (count << 32))
    }
}

impl Chunk {
    /// The header of the chunk that a cell lies in.
    ///
    /// # Safety
    /// The cell is one of ours and alive.
    #[inline]
    pub unsafe fn of(cell: NonNull<u8>) -> &'static Chunk {
        let address = cell.as_ptr().addr();
        let header = (address & !(REGION - 1)) + (address & (REGION - 1)) / CHUNK * HEADER;
        // SAFETY: regions are aligned, and begin with the headers of their chunks; the region's
        // provenance was exposed when it was mapped.
        unsafe { &*with_exposed_provenance(header) }
    }

    /// Address of the first cell.
    #[inline]
    fn base(&self) -> usize {
        let header = from_ref(self).addr();
        (header & !(REGION - 1)) + (header & (REGION - 1)) / HEADER * CHUNK
    }

    #[inline]
    fn cell(&self, at: u16) -> NonNull<u8> {
        let cell = with_exposed_provenance_mut(self.base() + usize::from(at));
        // SAFETY: the system maps no region at zero.
        unsafe { NonNull::new_unchecked(cell) }
    }

    /// The link in a freed cell.
    #[inline]
    fn link(&self, at: u16) -> NonNull<u16> {
        self.cell(at).cast()
    }

    #[inline]
    fn offset(cell: NonNull<u8>) -> u16 {
        (cell.as_ptr().addr() & (CHUNK - 1)) as u16
    }

    /// Makes a free chunk serve a class.
    pub fn begin(&self, class: usize, size: usize) {
        self.class.set(class as u8);
        self.size.set(size as u16);
        self.end.set((CHUNK / size * size) as u16);
        self.live.set(0);
        self.linked.set(false);
        self.restart();
    }

    /// Forgets the list of freed cells, since none lives.
    pub fn restart(&self) {
        debug_assert!(self.live.get() == 0);
        self.free.set(NONE);
        self.bump.set(0);
    }

    /// Whether no cell lives.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.live.get() == 0
    }

    /// Whether all cells live.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.free.get() == NONE && self.bump.get() == self.end.get()
    }

    /// A cell, if there is room. For the owner.
    #[inline]
    pub fn take(&self) -> Option<NonNull<u8>> {
        let at = self.free.get();
        if at != NONE {
            // SAFETY: the cell is free, and holds the link to the next; offsets are even.
            self.free.set(unsafe { self.link(at).read() });
            self.live.set(self.live.get() + 1);
            return Some(self.cell(at));
        }
        let at = self.bump.get();
        if at == self.end.get() {
            return None;
        }
        self.bump.set(at + self.size.get());
        self.live.set(self.live.get() + 1);
        Some(self.cell(at))
    }

    /// Takes a cell back. For the owner. True: none lives now, or the chunk is not in its list, and
    /// should be.
    ///
    /// # Safety
    /// The cell is one of this chunk's, and not used any more.
    #[inline]
    pub unsafe fn give_back(&self, cell: NonNull<u8>) -> bool {
        // SAFETY: the cell is free, and ours to write to; offsets are even.
        unsafe { cell.cast().write(self.free.get()) };
        self.free.set(Self::offset(cell));
        let live = self.live.get() - 1;
        self.live.set(live);
        live == 0 || !self.linked.get()
    }

    /// Puts a cell onto the remote list. For all but the owner. True: the list was empty, so the
    /// owner must be told.
    ///
    /// # Safety
    /// The cell is one of this chunk's, and not used any more.
    pub unsafe fn give_back_remotely(&self, cell: NonNull<u8>) -> bool {
        let mut old = self.remote.load(Relaxed);
        loop {
            // SAFETY: the cell is still this thread's; offsets are even. The last cell's link means
            // nothing.
            unsafe { cell.cast().write(Remote(old).first()) };
            let new = Remote(old).with(Self::offset(cell)).0;
            match self.remote.compare_exchange_weak(old, new, AcqRel, Relaxed) {
                Ok(_) => return old == Remote::EMPTY,
                Err(now) => old = now,
            }
        }
    }

    /// Takes the remote list over. For the owner. True as in [`Chunk::give_back`].
    pub fn take_back(&self) -> bool {
        let remote = Remote(self.remote.swap(Remote::EMPTY, AcqRel));
        let live = self.live.get() - remote.count();
        self.live.set(live);
        if live > 0 && remote.count() > 0 {
            // SAFETY: the cell was freed, and with the list it became ours.
            unsafe { self.link(remote.last()).write(self.free.get()) };
            self.free.set(remote.first());
        }
        live == 0 || !self.linked.get()
    }

    /// Gives its pages back to the system. No cell lives.
    pub fn give_up_pages(&self) {
        // SAFETY: the pages are a chunk's, whose cells are all free, so nobody misses what they
        // held.
        unsafe { forget(self.base(), CHUNK) }
    }
}

/// The header of a region.
#[repr(C, align(64))]
pub struct Region {
    /// Free chunks that may have pages.
    dirty: Cell<Option<&'static Chunk>>,
    /// Free chunks whose pages were given back.
    clean: Cell<Option<&'static Chunk>>,
    /// Neighbours in the heap's list.
    pub prev: Cell<Option<&'static Region>>,
    pub next: Cell<Option<&'static Region>>,
    /// The number of the first chunk that was never used.
    fresh: Cell<u16>,
    /// Chunks that serve a class.
    used: Cell<u16>,
    /// Length of the list of dirty chunks.
    dirty_count: Cell<u16>,
    /// Stands in the heap's list.
    pub linked: Cell<bool>,
    _rest: Cell<[u8; 25]>,
}

impl Region {
    /// Maps a region for a heap.
    pub fn map() -> Option<&'static Region> {
        let start = map_aligned(REGION)?;
        // SAFETY: the memory is ours alone, large enough, and zero, which is a region without used
        // chunks.
        let region: &Region = unsafe { &*with_exposed_provenance(start) };
        region.fresh.set(1);
        Some(region)
    }

    /// Gives the region back to the system.
    ///
    /// # Safety
    /// No chunk of it serves a class, and it is in no list.
    pub unsafe fn unmap(&'static self) {
        debug_assert!(self.is_empty() && !self.linked.get());
        // SAFETY: the region was mapped with this length, and by the caller's promise nothing leads
        // to it.
        unsafe { unmap(from_ref(self).addr(), REGION) }
    }

    /// The region of a chunk.
    pub fn of(chunk: &'static Chunk) -> &'static Region {
        let start = from_ref(chunk).addr() & !(REGION - 1);
        // SAFETY: a chunk's header is in its region, which begins with its own header.
        unsafe { &*with_exposed_provenance(start) }
    }

    /// Whether no chunk serves a class.
    pub fn is_empty(&self) -> bool {
        self.used.get() == 0
    }

    /// Whether all chunks serve a class.
    pub fn is_full(&self) -> bool {
        usize::from(self.used.get()) == CHUNKS - 1
    }

    /// Free chunks that may have pages.
    pub fn dirty_chunks(&self) -> usize {
        usize::from(self.dirty_count.get())
    }

    /// Takes a free chunk, dirty ones first. `None`: it is full.
    pub fn take(&self) -> Option<&'static Chunk> {
        let chunk = if let Some(chunk) = self.dirty.get() {
            self.dirty.set(chunk.next.take());
            self.dirty_count.set(self.dirty_count.get() - 1);
            chunk
        } else if let Some(chunk) = self.clean.get() {
            self.clean.set(chunk.next.take());
            chunk
        } else if usize::from(self.fresh.get()) < CHUNKS {
            let header = from_ref(self).addr() + usize::from(self.fresh.get()) * HEADER;
            self.fresh.set(self.fresh.get() + 1);
            // SAFETY: the header of a chunk of this region; fresh memory is one.
            unsafe { &*with_exposed_provenance(header) }
        } else {
            return None;
        };
        self.used.set(self.used.get() + 1);
        Some(chunk)
    }

    /// Takes a chunk back that serves nobody any more and is in no list.
    pub fn give_back(&self, chunk: &'static Chunk, is_dirty: bool) {
        debug_assert!(chunk.is_empty() && !chunk.linked.get());
        self.used.set(self.used.get() - 1);
        let list = if is_dirty { &self.dirty } else { &self.clean };
        self.dirty_count.set(self.dirty_count.get() + u16::from(is_dirty));
        chunk.prev.set(None);
        chunk.next.set(list.replace(Some(chunk)));
    }

    /// Gives the pages of free chunks back to the system.
    pub fn purge(&self) {
        while let Some(chunk) = self.dirty.get() {
            chunk.give_up_pages();
            self.dirty.set(chunk.next.replace(self.clean.replace(Some(chunk))));
        }
        self.dirty_count.set(0);
    }
}
