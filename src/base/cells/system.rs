//! Memory from the system: whole pages, zeroed, for regions and heaps.
//!
//! Addresses go in and out, their provenance exposed. Miri has no pages to give: there each mapping
//! is a block of the system's allocator, and what was in pages given back is forgotten, so that
//! whoever reads it is found out.
#![expect(unsafe_code, reason = "system calls on memory by address")]

#[cfg(miri)]
pub use blocks::*;
#[cfg(not(miri))]
pub use pages::*;

#[cfg(not(miri))]
mod pages {
    use std::ptr::{null_mut, with_exposed_provenance_mut};

    use crate::base::pages;

    /// So many bytes, aligned to a page.
    pub fn map(bytes: usize) -> Option<usize> {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new private mapping wherever there is room disturbs nobody.
        let start = unsafe { libc::mmap(null_mut(), bytes, access, kind, -1, 0) };
        (start != libc::MAP_FAILED).then(|| start.expose_provenance())
    }

    /// So many bytes, a power of two, aligned to it.
    pub fn map_aligned(bytes: usize) -> Option<usize> {
        // The system places mappings side by side, so the one after an aligned one is aligned too,
        // nearly always.
        let start = map(bytes)?;
        if start.is_multiple_of(bytes) {
            return Some(start);
        }
        // SAFETY: just mapped, and seen by nobody.
        unsafe { unmap(start, bytes) };
        let start = map(2 * bytes)?;
        let aligned = start.next_multiple_of(bytes);
        // SAFETY: just mapped; what stands out on both sides is used by nobody.
        unsafe {
            unmap(start, aligned - start);
            unmap(aligned + bytes, start + bytes - aligned);
        }
        Some(aligned)
    }

    /// Undoes [`map_aligned`], or [`map`] for all of it or a part.
    ///
    /// # Safety
    /// The memory was mapped here and is not used any more.
    pub unsafe fn unmap(start: usize, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let address = with_exposed_provenance_mut::<libc::c_void>(start);
        // SAFETY: the caller's promise. The call can fail where it would leave too many holes: then
        // at least the pages go.
        unsafe {
            if libc::munmap(address, bytes) != 0 {
                forget(start, bytes);
            }
        }
    }

    /// Gives pages back until they are touched again: those that lie in these bytes as a whole.
    /// Where the machine's pages are larger than a chunk, there are none, and its memory stays
    /// until the region goes.
    ///
    /// # Safety
    /// The memory is mapped, and nobody misses what it holds.
    pub unsafe fn forget(start: usize, bytes: usize) {
        let whole = pages::inside(start, bytes, pages::size());
        if whole.is_empty() {
            return;
        }
        let address = with_exposed_provenance_mut::<libc::c_void>(start + whole.start);
        // SAFETY: the range is within what the caller has promised, and of whole pages, so that the
        // system rounds nothing up into what others use. Should the call fail, the pages stay.
        unsafe { libc::madvise(address, whole.len(), libc::MADV_DONTNEED) };
    }
}

#[cfg(miri)]
mod blocks {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::mem::MaybeUninit;
    use std::ptr::with_exposed_provenance_mut;
    use std::slice;

    pub fn map(bytes: usize) -> Option<usize> {
        map_aligned(bytes.next_power_of_two())
    }

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, bytes).expect("a power of two")
    }

    pub fn map_aligned(bytes: usize) -> Option<usize> {
        // SAFETY: nobody asks for nothing.
        let start = unsafe { System.alloc_zeroed(layout(bytes)) };
        (!start.is_null()).then(|| start.expose_provenance())
    }

    /// # Safety
    /// The memory was mapped here and is not used any more.
    pub unsafe fn unmap(start: usize, bytes: usize) {
        // SAFETY: the caller's promise; only what is aligned to its size is unmapped.
        unsafe { System.dealloc(with_exposed_provenance_mut(start), layout(bytes)) }
    }

    /// # Safety
    /// The memory is mapped, and nobody misses what it holds.
    pub unsafe fn forget(start: usize, bytes: usize) {
        let start = with_exposed_provenance_mut::<MaybeUninit<u8>>(start);
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts_mut(start, bytes) }.fill(MaybeUninit::uninit());
    }
}
