//! Pages of memory: how large they are on this machine, and which of them lie within some bytes.
//!
//! ```text
//!      start                                      start + len
//!   ....|--|==== page ====|==== page ====|--------|....
//!          └────────── inside ───────────┘
//! ```
//!
//! Kernels have pages of 4 KiB, some for ARM or POWER of 16 or 64 KiB. The system rounds a length
//! up to whole pages: it must only be given whole ones, or it lets go of what lies behind.

use std::ops::Range;

/// Bytes of a page: a power of two.
#[inline]
pub fn size() -> usize {
    rustix::param::page_size()
}

/// The offsets, from the first byte on, between which there are whole pages and nothing else; empty
/// if there are none.
pub fn inside(start: usize, len: usize, page: usize) -> Range<usize> {
    let before = start.wrapping_neg() & (page - 1);
    let whole = len.saturating_sub(before) & !(page - 1);
    if whole == 0 { 0..0 } else { before..before + whole }
}

#[test]
fn only_whole_pages_are_inside() {
    for (start, len, page, want) in [
        (0, 4096, 4096, 0..4096),
        (4096, 4095, 4096, 0..0),
        (4095, 4098, 4096, 1..4097),
        (1, 3 * 4096, 4096, 4095..3 * 4096 - 1),
        // What is a page on one machine is a part of one on another.
        (16 << 10, 16 << 10, 16 << 10, 0..16 << 10),
        (16 << 10, 16 << 10, 64 << 10, 0..0),
        (64 << 10, 16 << 10, 64 << 10, 0..0),
        (64 << 10, 80 << 10, 64 << 10, 0..64 << 10),
        (60 << 10, 100 << 10, 64 << 10, 4 << 10..68 << 10),
        (0, 0, 4096, 0..0),
        (usize::MAX - 10, 10, 4096, 0..0),
    ] {
        assert_eq!(inside(start, len, page), want, "{start} {len} {page}");
    }
}

#[test]
fn nothing_outside_is_touched_whatever_the_page() {
    let mut rng = crate::base::rng::Rng::from_seed(5);
    for _ in 0..super::effort::effort(2000, 100) {
        let page = 1 << (12 + rng.next_u64() % 5);
        let start = (rng.next_u64() % 300_000) as usize;
        let len = (rng.next_u64() % 300_000) as usize;
        let range = inside(start, len, page);
        assert!(range.end <= len && range.len().is_multiple_of(page));
        if range.is_empty() {
            assert!(len < 2 * page);
        } else {
            assert!((start + range.start).is_multiple_of(page));
            assert!(range.start < page && len - range.end < page, "all that can go");
        }
    }
    assert!(cfg!(miri) || size().is_power_of_two() && size() >= 4096);
}
