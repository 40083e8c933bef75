//! Heaps: which thread has which chunks, and what happens when one runs full or empty.
//!
//! * A chunk is in the list of its class while it has room. Cells are taken from the first, which
//!   leaves the list when the next cell is asked for in vain, or another comes before it: a chunk
//!   that was full and gets room comes to the front. The only chunk of a class stays with it when
//!   it runs empty, so that a class used for one cell at a time costs nothing.
//! * Other empty chunks go back to their region, whose free chunks serve any class. Their pages are
//!   kept while there are fewer than [`DIRTY_MIN`] such chunks, or one for each [`USED_PER_DIRTY`]
//!   in use; beyond that each chunk released gives its pages back. Chunks with pages are taken
//!   first, so what comes and goes makes no system calls.
//! * Regions with free chunks are in a list, those first that had a chunk with pages come back
//!   last. One empty region is kept aside, to be used when all others are full; the second goes
//!   back to the system.
//!
//! A heap lives in a page of its own, which is never unmapped: see the argument in `cells`.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, from_ref, null_mut, with_exposed_provenance};
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::sync::{Mutex, PoisonError};

use super::region::{CHUNK, Chunk, REGION, Region};
use super::system::map;
use super::{CLASSES, COARSE, FINE, FINE_CLASSES, FINE_MAX, Stats};

/// Free chunks that keep their pages in any case: 1 MiB. Few for Miri, whose chunks are small.
pub const DIRTY_MIN: usize = if cfg!(miri) { 8 } else { 64 };

/// For so many chunks in use one more keeps its pages.
pub const USED_PER_DIRTY: usize = 32;

/// Chunks told that a thread looks at before it takes a fresh one.
const TOLD_FIRST: usize = 16;

/// Regions of all heaps, their chunks in use, and their free chunks with pages. For reports:
/// nothing rests on them.
static REGIONS: AtomicUsize = AtomicUsize::new(0);
static CHUNKS: AtomicUsize = AtomicUsize::new(0);
static DIRTY: AtomicUsize = AtomicUsize::new(0);

/// Heaps whose threads have ended.
static IDLE: Mutex<Option<&'static Heap>> = Mutex::new(None);

thread_local! {
    /// This thread's heap. The cell has no destructor, so it can be reached even while the thread's
    /// other locals die.
    static HERE: Cell<Option<&'static Heap>> = const { Cell::new(None) };
    /// Touched when the thread gets a heap: dropped when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

/// The chunks of one thread.
pub struct Heap {
    /// For each class the chunks with room, of which the first may have become full.
    rooms: [Cell<Option<&'static Chunk>>; CLASSES],
    /// Regions with free chunks.
    regions: Cell<Option<&'static Region>>,
    /// An empty region.
    spare: Cell<Option<&'static Region>>,
    /// Chunks that serve a class.
    used: Cell<usize>,
    /// Free chunks that may have pages.
    dirty: Cell<usize>,
    /// Chunks told, taken over by the owner but not looked at.
    noticed: Cell<*mut Chunk>,
    /// The next heap without a thread.
    next_idle: Cell<Option<&'static Heap>>,
    /// Chunks with cells freed by other threads, pushed by these.
    told: AtomicPtr<Chunk>,
}

const _: () = assert!(size_of::<Heap>() <= 4096);

// SAFETY: others than the owner touch only `told`, which is atomic. What is not atomic passes from
// one owner to the next under the lock of `IDLE`, with all that hangs on it.
unsafe impl Sync for Heap {}

struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(heap) = HERE.take() {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            heap.next_idle.set(idle.replace(heap));
        }
    }
}

/// This thread's heap, if it has one.
#[inline]
pub fn here() -> Option<&'static Heap> {
    HERE.get()
}

/// Gives the thread a heap.
#[cold]
fn settle_in() -> &'static Heap {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let left = *idle;
    if let Some(heap) = left {
        *idle = heap.next_idle.take();
    }
    drop(idle);
    let heap = left.unwrap_or_else(Heap::map);
    HERE.set(Some(heap));
    // In a thread whose locals die already this fails, and its heap is not handed on: lost, but
    // never wrong.
    let _ = LEAVING.try_with(|_| ());
    heap
}

/// A cell, when the first chunk of the class has none.
#[cold]
#[inline(never)]
pub fn allocate(class: usize) -> NonNull<u8> {
    let heap = here().unwrap_or_else(settle_in);
    let cell = heap.cell_with_room(class).or_else(|| {
        if !heap.is_collecting() {
            heap.notice();
        }
        heap.collect(TOLD_FIRST);
        heap.cell_with_room(class)
    });
    cell.unwrap_or_else(|| heap.cell_of_fresh_chunk(class))
}

/// Takes a cell back, or tells its heap.
///
/// # Safety
/// The cell is one of ours, of that class, and not used any more.
#[inline]
pub unsafe fn free(cell: NonNull<u8>, class: usize) {
    // SAFETY: the caller's promise. Cells that another thread owns go to the remote list, others to
    // the chunk itself.
    unsafe {
        let chunk = Chunk::of(cell);
        debug_assert_eq!(
            usize::from(chunk.class.get()),
            class,
            "freed with the size it was allocated with"
        );
        match here() {
            Some(heap) if heap.owns(chunk) => {
                if chunk.give_back(cell) {
                    heap.settle(chunk);
                }
            }
            _ => free_remotely(chunk, cell),
        }
    }
}

/// # Safety
/// As [`free`].
#[cold]
#[inline(never)]
unsafe fn free_remotely(chunk: &'static Chunk, cell: NonNull<u8>) {
    // The chunk may be gone once the cell is given back, unless we are to tell.
    let owner = chunk.heap.get().expect("a chunk with live cells has an owner");
    // SAFETY: the caller's promise.
    if unsafe { chunk.give_back_remotely(cell) } {
        owner.tell(chunk);
    }
}

pub fn stats() -> Stats {
    Stats {
        regions: REGIONS.load(Relaxed),
        chunks: CHUNKS.load(Relaxed),
        dirty: DIRTY.load(Relaxed),
    }
}

fn map_region() -> &'static Region {
    let Some(region) = Region::map() else {
        handle_alloc_error(Layout::from_size_align(REGION, CHUNK).expect("both are constants"))
    };
    REGIONS.fetch_add(1, Relaxed);
    region
}

/// Bytes of a cell of a class.
pub fn cell_size(class: usize) -> usize {
    if class < FINE_CLASSES {
        (class + 1) * FINE
    } else {
        FINE_MAX + (class + 1 - FINE_CLASSES) * COARSE
    }
}

impl Heap {
    fn map() -> &'static Heap {
        let layout = Layout::new::<Heap>();
        let Some(start) = map(layout.size()) else { handle_alloc_error(layout) };
        // SAFETY: the memory is ours for ever, aligned to a page, and zero, which is a heap without
        // chunks.
        unsafe { &*with_exposed_provenance(start) }
    }

    #[inline]
    fn owns(&'static self, chunk: &Chunk) -> bool {
        chunk.heap.get().is_some_and(|owner| std::ptr::eq(owner, self))
    }

    /// The first chunk of a class.
    #[inline]
    pub fn first(&self, class: usize) -> Option<&'static Chunk> {
        self.rooms[class].get()
    }

    /// A cell from the list of the class. A chunk that has become full leaves it.
    fn cell_with_room(&self, class: usize) -> Option<NonNull<u8>> {
        while let Some(chunk) = self.first(class) {
            if let Some(cell) = chunk.take() {
                return Some(cell);
            }
            self.unlink(chunk);
        }
        None
    }

    fn cell_of_fresh_chunk(&'static self, class: usize) -> NonNull<u8> {
        let chunk = self.take_chunk();
        chunk.begin(class, cell_size(class));
        chunk.heap.set(Some(self));
        self.link(chunk);
        chunk.take().expect("a chunk has room for some cells of any class")
    }

    /// Puts a chunk in front of the list of its class. Only the first chunk can have become full in
    /// the list; it leaves.
    fn link(&self, chunk: &'static Chunk) {
        let first = &self.rooms[usize::from(chunk.class.get())];
        if let Some(full) = first.get().filter(|first| first.is_full()) {
            self.unlink(full);
        }
        if let Some(next) = first.get() {
            next.prev.set(Some(chunk));
        }
        chunk.prev.set(None);
        chunk.next.set(first.replace(Some(chunk)));
        chunk.linked.set(true);
    }

    fn unlink(&self, chunk: &'static Chunk) {
        let (prev, next) = (chunk.prev.take(), chunk.next.take());
        match prev {
            Some(prev) => prev.next.set(next),
            None => self.rooms[usize::from(chunk.class.get())].set(next),
        }
        if let Some(next) = next {
            next.prev.set(prev);
        }
        chunk.linked.set(false);
    }

    /// Puts a chunk where it belongs after cells came back: into its list if it is not there, back
    /// to its region if no cell lives, unless it is the only one of its class.
    #[cold]
    #[inline(never)]
    fn settle(&self, chunk: &'static Chunk) {
        if !chunk.linked.get() {
            self.link(chunk);
        }
        if !chunk.is_empty() {
            return;
        }
        if chunk.prev.get().is_none() && chunk.next.get().is_none() {
            chunk.restart();
        } else {
            self.unlink(chunk);
            self.release(chunk);
        }
    }

    /// A free chunk of any region.
    fn take_chunk(&self) -> &'static Chunk {
        let region = self.regions.get().unwrap_or_else(|| {
            let region = self.spare.take().unwrap_or_else(map_region);
            self.link_region(region);
            region
        });
        let dirty = region.dirty_chunks();
        let chunk = region.take().expect("regions in the list have free chunks");
        if region.is_full() {
            self.unlink_region(region);
        }
        self.count_dirty(dirty, region.dirty_chunks());
        self.used.set(self.used.get() + 1);
        CHUNKS.fetch_add(1, Relaxed);
        chunk
    }

    /// Gives a chunk without live cells, which is in no list, back to its region, and perhaps that
    /// to the system.
    fn release(&self, chunk: &'static Chunk) {
        let region = Region::of(chunk);
        let dirty = region.dirty_chunks();
        self.used.set(self.used.get() - 1);
        CHUNKS.fetch_sub(1, Relaxed);
        let is_dirty = self.dirty.get() < DIRTY_MIN + self.used.get() / USED_PER_DIRTY;
        if !is_dirty {
            chunk.give_up_pages();
        }
        region.give_back(chunk, is_dirty);
        self.count_dirty(dirty, region.dirty_chunks());
        // A region with pages to offer comes to the front.
        if region.linked.get() && (is_dirty || region.is_empty()) {
            self.unlink_region(region);
        }
        if !region.is_empty() {
            if !region.linked.get() {
                self.link_region(region);
            }
        } else if let Some(second) = self.spare.replace(Some(region)) {
            self.unmap(second);
        }
    }

    /// Gives a region back that is in no list.
    fn unmap(&self, region: &'static Region) {
        self.count_dirty(region.dirty_chunks(), 0);
        REGIONS.fetch_sub(1, Relaxed);
        // SAFETY: its chunks serve nobody, so they are in no list but its own, and it has left the
        // heap's.
        unsafe { region.unmap() }
    }

    fn count_dirty(&self, before: usize, after: usize) {
        self.dirty.set(self.dirty.get() + after - before);
        DIRTY.fetch_add(after.wrapping_sub(before), Relaxed);
    }

    fn link_region(&self, region: &'static Region) {
        if let Some(next) = self.regions.get() {
            next.prev.set(Some(region));
        }
        region.next.set(self.regions.replace(Some(region)));
        region.linked.set(true);
    }

    fn unlink_region(&self, region: &'static Region) {
        let (prev, next) = (region.prev.take(), region.next.take());
        match prev {
            Some(prev) => prev.next.set(next),
            None => self.regions.set(next),
        }
        if let Some(next) = next {
            next.prev.set(prev);
        }
        region.linked.set(false);
    }

    /// Another thread's word that it has freed a cell of this chunk, whose remote list was empty.
    fn tell(&self, chunk: &'static Chunk) {
        let mut top = self.told.load(Relaxed);
        loop {
            chunk.next_told.store(top, Relaxed);
            let new = from_ref(chunk).cast_mut();
            match self.told.compare_exchange_weak(top, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Takes over what was told, unless something is still to be looked at.
    pub fn notice(&self) {
        if !self.is_collecting() && !self.told.load(Relaxed).is_null() {
            self.noticed.set(self.told.swap(null_mut(), AcqRel));
        }
    }

    #[inline]
    pub fn is_collecting(&self) -> bool {
        !self.noticed.get().is_null()
    }

    /// Looks at some of the chunks noticed.
    pub fn collect(&self, chunks: usize) {
        for _ in 0..chunks {
            // SAFETY: a chunk in the list of those told has cells that count as live, so its region
            // is mapped.
            let Some(chunk) = (unsafe { self.noticed.get().as_ref() }) else { return };
            // Before the list is taken: the next to tell writes the link again.
            self.noticed.set(chunk.next_told.load(Relaxed));
            if chunk.take_back() {
                self.settle(chunk);
            }
        }
    }

    /// Gives everything back that no live cell needs.
    pub fn purge(&self) {
        loop {
            self.notice();
            if !self.is_collecting() {
                break;
            }
            self.collect(usize::MAX);
        }
        for first in &self.rooms {
            let mut next = first.get();
            while let Some(chunk) = next {
                next = chunk.next.get();
                if chunk.is_empty() {
                    self.unlink(chunk);
                    self.release(chunk);
                }
            }
        }
        let mut next = self.regions.get();
        while let Some(region) = next {
            next = region.next.get();
            let dirty = region.dirty_chunks();
            region.purge();
            self.count_dirty(dirty, 0);
        }
        if let Some(spare) = self.spare.take() {
            self.unmap(spare);
        }
    }

    /// What an owner can check: the figures agree with the lists.
    #[cfg(test)]
    pub fn check(&self) {
        let (mut dirty, mut next) = (0, self.regions.get());
        while let Some(region) = next {
            assert!(region.linked.get() && !region.is_full() && !region.is_empty());
            dirty += region.dirty_chunks();
            next = region.next.get();
            assert!(next.is_none_or(|n| n.prev.get().is_some_and(|p| std::ptr::eq(p, region))));
        }
        dirty += self.spare.get().map_or(0, Region::dirty_chunks);
        assert_eq!(dirty, self.dirty.get());
        for (class, first) in self.rooms.iter().enumerate() {
            let mut next = first.get();
            while let Some(chunk) = next {
                assert!(chunk.linked.get() && usize::from(chunk.class.get()) == class);
                assert!(chunk.prev.get().is_none() || !chunk.is_full());
                next = chunk.next.get();
            }
        }
    }

    /// Gives the calling thread a heap that nobody has used.
    #[cfg(test)]
    pub fn put_fresh() -> &'static Heap {
        let heap = Heap::map();
        assert!(HERE.replace(Some(heap)).is_none(), "a thread of its own");
        let _ = LEAVING.try_with(|_| ());
        heap
    }

    /// Chunks that serve a class.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.used.get()
    }

    /// Free chunks that may have pages.
    #[cfg(test)]
    pub fn dirty(&self) -> usize {
        self.dirty.get()
    }

    /// Regions that are not full.
    #[cfg(test)]
    pub fn regions(&self) -> usize {
        let regions = std::iter::successors(self.regions.get(), |region| region.next.get());
        regions.count() + usize::from(self.spare.get().is_some())
    }
}
