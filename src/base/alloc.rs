//! The allocator: jemalloc, asked for exact sizes, and counted. Under Miri and sanitizers the
//! system's allocator serves, since they watch that one, and the counts are jemalloc's all the
//! same.
//!
//! `used_memory` decides when keys are evicted, so it must be exact and it must cost nothing. Three
//! choices follow.
//!
//! **We count what jemalloc hands out, not what was asked.** A request of 33 bytes occupies 40. The
//! size class is a function of the request alone; [`class_size`] computes it inline, and a test
//! compares it with jemalloc's own `nallocx` over the whole range. With the quantum of 8 chosen in
//! `.cargo/config.toml` the classes are
//!
//! ```text
//!     8 16 24 32 40 48 56 64 | 80 96 112 128 | 160 192 224 256 | 320 ... 32768 | 36864 40960 ...
//!     every 8 up to 64       | then four to each doubling                      | whole pages
//! ```
//!
//! **No atomic read-modify-write on the way.** Each thread keeps its difference in a thread-local
//! cell (a `const` one without destructor, hence a plain `fs:`-relative add) and pours it into the
//! shared total when it exceeds [`FLUSH_BYTES`]. [`used`] adds the caller's own cell, so the
//! reactor thread, which owns the data, reads its own history exactly; every other living thread
//! blurs the figure by at most [`FLUSH_BYTES`]. A thread that is about to end calls [`flush`].
//!
//! **Sized deallocation.** Rust always knows the layout, so `sdallocx` saves jemalloc the lookup of
//! the size. jemalloc aligns to the quantum only for small classes, so a layout that wants more
//! than 8 must say so by a flag, in all three calls alike: the stock wrapper crate assumes 16 and
//! would be wrong here.
//!
//! Keys and elements come from [`cells`], which has finer classes and counts into the same account.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait over a C library")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use tikv_jemalloc_sys as je;

use super::cells;

/// The counting allocator. Declared as the global one in `lib.rs`.
pub struct Counting;

/// A thread pours its difference into the shared total when it exceeds this.
pub const FLUSH_BYTES: isize = 64 * 1024;

/// What the threads have poured so far. May be negative for a moment: one thread frees what
/// another, that has not poured yet, allocated.
static POURED: AtomicIsize = AtomicIsize::new(0);

/// The highest value of [`POURED`]. Looked at only when a thread pours, which is seldom.
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// What was in use when the server had started.
static STARTUP: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Bytes this thread has allocated minus bytes it has freed since it last poured.
    static PENDING: Cell<isize> = const { Cell::new(0) };
    /// All this thread has poured, for tests of exact accounting.
    #[cfg(test)]
    static POURED_HERE: Cell<isize> = const { Cell::new(0) };
}

/// Adds a signed number of bytes to this thread's account.
#[inline]
pub(super) fn count(delta: isize) {
    // The cell has no destructor, so it can be reached even while the thread's other locals die.
    let sum = PENDING.get() + delta;
    if (-FLUSH_BYTES..=FLUSH_BYTES).contains(&sum) {
        PENDING.set(sum);
    } else {
        PENDING.set(0);
        let before = POURED.fetch_add(sum, Relaxed);
        PEAK.fetch_max(before + sum, Relaxed);
        #[cfg(test)]
        POURED_HERE.set(POURED_HERE.get() + sum);
    }
}

/// Bytes that a request of this layout occupies.
#[inline]
const fn layout_size(layout: Layout) -> usize {
    if layout.align() <= 8 {
        class_size(layout.size())
    } else {
        aligned_class_size(layout.size(), layout.align())
    }
}

// SAFETY: blocks come from `BLOCKS`, which keeps the contract. Counting touches no memory but the
// two statics above and never allocates, unwinds or locks.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { BLOCKS.alloc(layout) };
        if !block.is_null() {
            count(layout_size(layout) as isize);
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { BLOCKS.alloc_zeroed(layout) };
        if !block.is_null() {
            count(layout_size(layout) as isize);
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout_size(layout) as isize));
        // SAFETY: the caller's promise.
        unsafe { BLOCKS.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let moved = unsafe { BLOCKS.realloc(block, layout, new_size) };
        if !moved.is_null() {
            // SAFETY: the alignment is the old layout's, and a size that overflows when rounded up
            // to it is against the contract.
            let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
            count(layout_size(new) as isize - layout_size(layout) as isize);
        }
        moved
    }
}

/// Where blocks come from. Under Miri and sanitizers from the system's allocator, which they watch;
/// what is counted is the same.
#[cfg(not(any(miri, hematite_system_allocator)))]
static BLOCKS: jemalloc::Jemalloc = jemalloc::Jemalloc;
#[cfg(any(miri, hematite_system_allocator))]
static BLOCKS: std::alloc::System = std::alloc::System;

#[cfg(not(any(miri, hematite_system_allocator)))]
mod jemalloc {
    use std::alloc::{GlobalAlloc, Layout};
    use std::ffi::c_int;

    use tikv_jemalloc_sys as je;

    /// jemalloc without counting.
    pub struct Jemalloc;

    /// The flags of one request: none up to the quantum, the logarithm of the alignment above it.
    #[inline]
    const fn flags(layout: Layout) -> c_int {
        if layout.align() > 8 { layout.align().trailing_zeros() as c_int } else { 0 }
    }

    // SAFETY: memory comes from jemalloc's `mallocx` and `rallocx`, which return either null or a
    // block of at least the size asked, aligned as the flag asks (to 8 when no flag is given: the
    // quantum). Sizes are never zero: the trait's contract forbids zero-sized layouts. `sdallocx`
    // gets the size and alignment the block was asked with, because `dealloc` and `realloc` are
    // called with the layout of the block.
    unsafe impl GlobalAlloc for Jemalloc {
        #[inline]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the size is not zero, by the trait's contract.
            unsafe { je::mallocx(layout.size(), flags(layout)).cast() }
        }

        #[inline]
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the size is not zero, by the trait's contract. Fresh pages are known to be
            // zero, so large blocks are not touched here.
            unsafe { je::mallocx(layout.size(), flags(layout) | je::MALLOCX_ZERO).cast() }
        }

        #[inline]
        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller gives back a block of ours with the layout it was asked with.
            unsafe { je::sdallocx(block.cast(), layout.size(), flags(layout)) }
        }

        #[inline]
        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: the block is ours and alive, the new size is not zero, and the alignment flag
            // is the block's own.
            unsafe { je::rallocx(block.cast(), new_size, flags(layout)).cast() }
        }
    }
}

/// A page, as jemalloc was configured.
const PAGE: usize = 4096;

/// From this class on a block has pages of its own.
const LARGE_MIN: usize = 4 * PAGE;

/// Above this size classes are whole pages.
const PAGED_MIN: usize = 8 * PAGE;

/// The size class that serves a request of `size` bytes with no special alignment.
#[inline]
pub const fn class_size(size: usize) -> usize {
    if size <= 64 {
        return if size <= 8 { 8 } else { (size + 7) & !7 };
    }
    // Four classes to a doubling: the step is a quarter of the power of two below the size. Pages
    // above.
    let step = if size > PAGED_MIN { PAGE } else { 1usize << ((size - 1).ilog2() - 2) };
    (size + step - 1) & !(step - 1)
}

/// The size class that serves a request aligned to more than the quantum.
pub const fn aligned_class_size(size: usize, align: usize) -> usize {
    if size < LARGE_MIN && align <= PAGE {
        // A slab starts at a page, and each class is a multiple of the alignments that lead to it.
        let rounded = class_size((size + align - 1) & !(align - 1));
        if rounded < LARGE_MIN {
            return rounded;
        }
    }
    if size <= LARGE_MIN { LARGE_MIN } else { class_size(size) }
}

/// Bytes in use now: exact for what the calling thread did, within [`FLUSH_BYTES`] for each other
/// thread.
pub fn used() -> usize {
    (POURED.load(Relaxed) + PENDING.get()).max(0) as usize
}

/// Pours this thread's difference into the shared total. For threads about to end.
pub fn flush() {
    POURED.fetch_add(PENDING.replace(0), Relaxed);
}

/// What this thread has allocated minus freed since it last poured. For tests of exact accounting.
#[cfg(test)]
pub fn thread_delta() -> isize {
    POURED_HERE.get() + PENDING.get()
}

/// The most bytes that were ever in use, within [`FLUSH_BYTES`].
pub fn peak() -> usize {
    (PEAK.load(Relaxed).max(0) as usize).max(used())
}

/// Notes that the server has started, empty: what is in use now is nobody's data.
pub fn mark_startup() {
    STARTUP.store(used() as isize, Relaxed);
}

/// What was in use when the server had started.
pub fn startup() -> usize {
    STARTUP.load(Relaxed) as usize
}

/// The highest value [`used`] has shown to those who asked.
#[derive(Debug, Default, Clone, Copy)]
pub struct Peak {
    bytes: usize,
}

impl Peak {
    /// Notes the present use, and returns it.
    pub fn observe(&mut self) -> usize {
        let now = used();
        self.bytes = self.bytes.max(now);
        now
    }

    /// The highest value noted.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins again from the present use (CONFIG RESETSTAT).
    pub fn reset(&mut self) {
        self.bytes = used();
    }
}

/// The memory of both allocators, for INFO and MEMORY STATS: jemalloc's own view, and the regions
/// of [`cells`] beside it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Bytes handed out, by our count.
    pub allocated: usize,
    /// Bytes of pages that hold at least one live block, and of chunks that serve a class of cells.
    pub active: usize,
    /// Bytes of physical memory mapped, metadata included.
    pub resident: usize,
    /// Bytes of address space kept after their pages went back.
    pub retained: usize,
    /// Bytes of jemalloc's own tables.
    pub metadata: usize,
    /// Bytes mapped in all.
    pub mapped: usize,
    /// Dirty pages that could go back at once: bytes.
    pub muzzy: usize,
}

impl Stats {
    /// Refreshes jemalloc's epoch and reads the figures.
    pub fn read() -> Self {
        let mut epoch = 1u64;
        control(c"epoch", &mut epoch, Some(1));
        let figure = |name| {
            let mut value = 0usize;
            control(name, &mut value, None);
            value
        };
        let cells = cells::Stats::read();
        let active = figure(c"stats.active") + cells.active();
        Stats {
            allocated: used().min(active),
            active,
            resident: figure(c"stats.resident") + cells.resident(),
            retained: figure(c"stats.retained"),
            metadata: figure(c"stats.metadata"),
            mapped: figure(c"stats.mapped") + cells.mapped(),
            muzzy: figure(c"stats.arenas.4096.pmuzzy").saturating_mul(4096),
        }
    }
}

/// Gives every unused page back to the system (MEMORY PURGE). True when jemalloc agreed.
pub fn purge() -> bool {
    cells::purge();
    // 4096 is jemalloc's name for "all arenas".
    command(c"thread.tcache.flush") && command(c"arena.4096.purge")
}

/// Lets jemalloc purge in a thread of its own (`jemalloc-bg-thread`). True when it agreed.
pub fn background_threads(on: bool) -> bool {
    let mut old = false;
    control(c"background_thread", &mut old, Some(on))
}

/// A number in jemalloc's control tree, whatever its width, after setting it if wished. `None` if
/// there is none.
pub fn tuning_number(name: &CStr, set: Option<i64>) -> Option<i64> {
    let mut wide = 0u64;
    if control(name, &mut wide, set.map(|n| n as u64)) {
        return Some(wide as i64);
    }
    let mut narrow = 0u32;
    if control(name, &mut narrow, set.and_then(|n| u32::try_from(n).ok())) {
        return Some(i64::from(narrow));
    }
    let mut flag = 0u8;
    control(name, &mut flag, set.map(|n| u8::from(n != 0))).then_some(i64::from(flag))
}

/// A text in jemalloc's control tree. Only names that are known to be texts are asked for, since a
/// pointer to anything else looks the same.
pub fn tuning_text(name: &CStr) -> Option<String> {
    const TEXTS: [&CStr; 8] = [
        c"version",
        c"config.malloc_conf",
        c"opt.dss",
        c"opt.metadata_thp",
        c"opt.percpu_arena",
        c"opt.thp",
        c"opt.junk",
        c"opt.zero_realloc",
    ];
    let mut text: *const c_char = std::ptr::null();
    if !TEXTS.contains(&name) || !control(name, &mut text, None) || text.is_null() {
        return None;
    }
    // SAFETY: the nodes above answer with a pointer to a static, null-terminated string.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// `mem_allocator` of INFO: `jemalloc-` and the release.
pub fn name() -> String {
    let mut text: *const c_char = std::ptr::null();
    if !control(c"version", &mut text, None) || text.is_null() {
        return "jemalloc".into();
    }
    // SAFETY: jemalloc answers "version" with a pointer to a static, null-terminated string.
    let version = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    format!("jemalloc-{}", version.split('-').next().unwrap_or("?"))
}

/// jemalloc's human-readable report, with a line for the cells (MEMORY MALLOC-STATS).
pub fn report() -> String {
    unsafe extern "C" fn gather(sink: *mut c_void, text: *const c_char) {
        // SAFETY: `sink` is the `String` below, alive for the whole call and used by nobody else;
        // `text` is a null-terminated string, by jemalloc's contract for the callback.
        let (sink, text) = unsafe { (&mut *sink.cast::<String>(), CStr::from_ptr(text)) };
        sink.push_str(&text.to_string_lossy());
    }
    let mut sink = String::new();
    // SAFETY: the callback matches the signature and outlives the call; null options mean the
    // defaults.
    unsafe { je::malloc_stats_print(Some(gather), (&raw mut sink).cast(), std::ptr::null()) };
    let cells = cells::Stats::read();
    sink.push_str(&format!(
        "Cells of keys and elements, beside jemalloc: {} bytes mapped, {} in chunks in use, {} that may be resident\n",
        cells.mapped(),
        cells.active(),
        cells.resident()
    ));
    sink
}

/// Reads one value of jemalloc's control tree, writing another first if one is given.
fn control<T: Copy>(name: &CStr, out: &mut T, set: Option<T>) -> bool {
    let mut len = size_of::<T>();
    let mut new = set;
    let (new_ptr, new_len) =
        new.as_mut().map_or((null_mut(), 0), |v| ((&raw mut *v).cast::<c_void>(), size_of::<T>()));
    // SAFETY: the name is null-terminated; `out` has room for `len` bytes, and jemalloc writes only
    // if its own type has exactly that size; the new value, if any, is a live `T` of the length
    // told.
    unsafe {
        je::mallctl(name.as_ptr(), (&raw mut *out).cast(), &raw mut len, new_ptr, new_len) == 0
    }
}

/// Runs a node of the control tree that takes and gives nothing.
fn command(name: &CStr) -> bool {
    // SAFETY: the name is null-terminated and both value pointers are null, as such nodes want.
    unsafe { je::mallctl(name.as_ptr(), null_mut(), null_mut(), null_mut(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    #[cfg(not(miri))]
    use std::ffi::c_int;

    use super::*;

    /// Miri cannot ask jemalloc.
    #[cfg(not(miri))]
    fn jemalloc_size(size: usize, flags: c_int) -> usize {
        // SAFETY: `nallocx` only computes; the size is not zero.
        unsafe { je::nallocx(size, flags) }
    }

    #[test]
    #[cfg(not(miri))]
    fn class_sizes_are_those_of_jemalloc() {
        for size in 1..=300_000 {
            assert_eq!(class_size(size), jemalloc_size(size, 0), "size {size}");
        }
        for shift in 18..34 {
            for size in [(1usize << shift) - 1, 1 << shift, (1 << shift) + 1, (3 << shift) / 2 + 7]
            {
                assert_eq!(class_size(size), jemalloc_size(size, 0), "size {size}");
            }
        }
    }

    #[test]
    #[cfg(not(miri))]
    fn aligned_class_sizes_are_those_of_jemalloc() {
        for align in [16usize, 32, 64, 128, 256, 4096, 8192, 65536] {
            for size in (1..40_000).chain([100_000, 1 << 20, (1 << 20) + 1]) {
                let flags = align.trailing_zeros() as c_int;
                let ours = aligned_class_size(size, align);
                assert_eq!(ours, jemalloc_size(size, flags), "size {size} align {align}");
            }
        }
    }

    #[test]
    fn the_count_follows_every_kind_of_call() {
        let before = PENDING.get() + POURED.load(Relaxed);
        let check = |what: &str, bytes: isize| {
            // Other tests' threads pour too, so only this thread's cell is compared, and the
            // requests here are too small to make it pour.
            assert_eq!(PENDING.get(), bytes, "{what}");
        };
        PENDING.set(0);
        let mut v: Vec<u8> = Vec::with_capacity(33);
        check("alloc", 40);
        v.resize(33, 0);
        v.reserve_exact(100);
        check("realloc", class_size(133) as isize);
        drop(v);
        check("dealloc", 0);
        let zeroed = vec![0u64; 100];
        check("zeroed", class_size(800) as isize);
        drop(zeroed);
        check("dealloc of zeroed", 0);
        let _ = before;
    }

    #[test]
    fn alignment_is_kept_above_the_quantum() {
        for align in [16usize, 64, 4096] {
            let layout = Layout::from_size_align(24, align).expect("a power of two");
            // SAFETY: the layout is not empty; the block is freed once with the layout it was asked
            // with.
            unsafe {
                let block = Counting.alloc(layout);
                assert_eq!(block as usize % align, 0);
                let grown = Counting.realloc(block, layout, 200);
                assert_eq!(grown as usize % align, 0);
                let layout = Layout::from_size_align(200, align).expect("a power of two");
                Counting.dealloc(grown, layout);
            }
        }
    }

    #[test]
    #[cfg(not(miri))]
    fn statistics_can_be_read() {
        let keep = vec![1u8; 1 << 20];
        let stats = Stats::read();
        assert!(stats.allocated >= keep.len(), "{stats:?}");
        assert!(stats.resident >= stats.active && stats.active >= stats.allocated, "{stats:?}");
        assert!(purge());
        assert!(name().starts_with("jemalloc-5.3"), "{}", name());
        assert!(report().contains("jemalloc") && report().contains("Cells"));
    }

    #[test]
    fn a_thread_that_flushes_leaves_no_blur() {
        let bytes = std::thread::spawn(|| {
            PENDING.set(0);
            let kept = vec![0u8; 1000];
            let seen = PENDING.get();
            flush();
            assert_eq!(PENDING.get(), 0);
            drop(kept);
            seen
        });
        assert_eq!(bytes.join().expect("no panic"), 1024);
    }
}
