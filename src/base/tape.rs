//! Bytes that are written once and read by many where they are.
//!
//! ```text
//!   tape ──► block  [ one | two | three | ... free ]
//!   cuts              └───┘     └───────┘
//! ```
//!
//! A [`Tape`] is written at its end; what is written comes back as a [`Cut`], which keeps the block
//! it lies in. Cuts that follow one another can be joined, so that a thousand clients who have yet
//! to be sent the same messages hold one copy of them, and each of them a single piece. A tape
//! keeps no block by itself: with its last cut it is gone.

#![expect(unsafe_code, reason = "one writes behind what others read, in the same piece of memory")]

use std::cell::UnsafeCell;
use std::ops::Deref;
use std::sync::{Arc, Weak};

/// Bytes of the first block of a tape; a block that was filled is followed by one twice as large.
const BLOCK_MIN: usize = 1024;
const BLOCK_MAX: usize = 64 * 1024;

/// The bytes up to `Tape::written` are read by whoever has a cut of them; those behind it belong to
/// the tape alone.
#[derive(Debug)]
struct Block {
    cells: Vec<UnsafeCell<u8>>,
}

// SAFETY: a byte is written by the one tape that leads to the block, before the first cut with that
// byte is made and never again; so whoever can read it, on whatever thread, got the cut after the
// write.
unsafe impl Sync for Block {}

impl Block {
    fn new(bytes: impl Iterator<Item = u8>) -> Arc<Block> {
        Arc::new(Block { cells: bytes.map(UnsafeCell::new).collect() })
    }
}

/// The end where one writes.
#[derive(Debug, Default)]
pub struct Tape {
    block: Weak<Block>,
    written: usize,
}

impl Tape {
    /// Writes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Cut {
        let has_room = |block: &Arc<Block>| block.cells.len() - self.written >= bytes.len();
        let block = match self.block.upgrade().filter(has_room) {
            Some(block) => block,
            None => self.begin_block(bytes.len()),
        };
        let (from, to) = (self.written, self.written + bytes.len());
        let target = UnsafeCell::raw_get(block.cells[from..to].as_ptr());
        // SAFETY: `target` leads to `bytes.len()` bytes from `written` on, which no cut has (see
        // `Block`); there is no other tape that writes to them, as a tape cannot be cloned and
        // makes its blocks itself.
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.written = to;
        Cut { block, from, to }
    }

    /// Somebody has a cut of it.
    #[cfg(test)]
    pub fn is_read(&self) -> bool {
        self.block.strong_count() > 0
    }

    /// A block with room for so many bytes, and twice as many as were written to the last one.
    fn begin_block(&mut self, least: usize) -> Arc<Block> {
        let room = (2 * self.written).clamp(BLOCK_MIN, BLOCK_MAX).max(least);
        let block = Block::new(std::iter::repeat_n(0, room));
        self.block = Arc::downgrade(&block);
        self.written = 0;
        block
    }
}

/// Some of what was written.
#[derive(Clone, Debug)]
pub struct Cut {
    block: Arc<Block>,
    from: usize,
    to: usize,
}

impl Cut {
    /// Takes in a cut that follows this one on the tape; false if it does not.
    pub fn join(&mut self, next: &Cut) -> bool {
        let follows = self.to == next.from && Arc::ptr_eq(&self.block, &next.block);
        if follows {
            self.to = next.to;
        }
        follows
    }

    /// There is nothing else in the block that it keeps.
    pub fn is_whole(&self) -> bool {
        self.to - self.from == self.block.cells.len()
    }
}

/// Bytes without a tape.
impl From<Vec<u8>> for Cut {
    fn from(bytes: Vec<u8>) -> Cut {
        let to = bytes.len();
        Cut { block: Block::new(bytes.into_iter()), from: 0, to }
    }
}

impl Deref for Cut {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let cells = &self.block.cells[self.from..self.to];
        // SAFETY: these bytes were written before the cut was made and are not written again (see
        // `Block`).
        unsafe { std::slice::from_raw_parts(UnsafeCell::raw_get(cells.as_ptr()), cells.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_stays_while_more_is_written() {
        let mut tape = Tape::default();
        let one = tape.append(b"one");
        let bytes = &*one;
        let two = tape.append(b"two");
        let three = tape.append(b"three");
        assert_eq!((bytes, &*two, &*three), (&b"one"[..], &b"two"[..], &b"three"[..]));
        let (mut first, mut second) = (one.clone(), two.clone());
        assert!(!first.join(&three), "two is missing");
        assert!(first.join(&two) && first.join(&three));
        assert_eq!((&*first, &*one), (&b"onetwothree"[..], &b"one"[..]));
        assert!(!second.join(&one) && second.join(&three));
        assert_eq!(&*second, b"twothree");
        assert!(!first.is_whole());
    }

    #[test]
    fn blocks_grow_while_somebody_reads_and_go_with_the_last_who_does() {
        let mut tape = Tape::default();
        let mut cuts: Vec<Cut> = vec![];
        for n in 0..600_u32 {
            let cut = tape.append(&n.to_le_bytes().repeat(10));
            if cuts.last_mut().is_none_or(|last| !last.join(&cut)) {
                cuts.push(cut);
            }
        }
        let sizes: Vec<_> = cuts.iter().map(|cut| cut.block.cells.len()).collect();
        assert_eq!(sizes, [1024, 2000, 4000, 8000, 16000]);
        let all = cuts.iter().flat_map(|cut| cut.to_vec()).collect::<Vec<_>>();
        assert!(all.chunks(40).zip(0..600_u32).all(|(got, n)| got == n.to_le_bytes().repeat(10)));
        drop(cuts);
        assert!(!tape.is_read());
        assert_eq!(&*tape.append(b"again"), b"again");
    }

    #[test]
    fn what_does_not_fit_has_a_block_of_its_own() {
        let large = vec![7; 2 * BLOCK_MAX];
        let mut tape = Tape::default();
        let (small, cut) = (tape.append(b"small"), tape.append(&large));
        assert!(cut.is_whole() && *cut == large[..] && &*small == b"small");
        let alone = Cut::from(large.clone());
        assert!(alone.is_whole() && *alone == large[..]);
        assert!(tape.append(b"").is_empty());
    }

    #[test]
    fn other_threads_read_while_more_is_written() {
        let mut tape = Tape::default();
        let cuts: Vec<_> = (0..50_u8).map(|n| tape.append(&[n; 9])).collect();
        let reader = std::thread::spawn(move || cuts.iter().map(|cut| usize::from(cut[8])).sum());
        let last = (50..80_u8).map(|n| tape.append(&[n; 9])).last();
        assert_eq!(reader.join().ok(), Some(49 * 50 / 2_usize));
        assert_eq!(last.as_deref(), Some(&[79; 9][..]));
    }
}
