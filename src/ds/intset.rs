//! Intsets: a sorted array of distinct integers in one blob, as RDB files and DUMP carry them.
//!
//! ```text
//!   0             4             8
//!  ┌─────────────┬─────────────┬─────────┬─────────┬───┬─────────┐
//!  │ width       │ count       │ number  │ number  │...│ number  │     ascending, `width` bytes each: 2, 4 or 8
//!  │ (u32)       │ (u32)       │         │         │   │         │
//!  └─────────────┴─────────────┴─────────┴─────────┴───┴─────────┘
//! ```
//!
//! All is little-endian. The width is the smallest that every number fitted when it came; it grows,
//! and a removal never makes it shrink. The facts are those of the format's specification, checked
//! against blobs of live servers.
//!
//! [`Intset`] owns a blob, [`Ints`] looks at one; both hold well-formed blobs only, which
//! [`Ints::check`] makes sure of for bytes from outside. A search is binary, a change moves what
//! stands behind it; how many numbers are too many is the business of the type.

pub use super::listpack::Corrupt;
use crate::base::alloc::class_size;

/// Bytes before the first number.
const HEAD: usize = 8;

/// An intset without numbers. None is stored: it is the beginning of one.
const EMPTY: [u8; HEAD] = [2, 0, 0, 0, 0, 0, 0, 0];

/// An intset, looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ints<'a>(&'a [u8]);

/// An intset, owned. Without numbers it may own no memory.
#[derive(Clone, Default)]
pub struct Intset(Vec<u8>);

/// The width a number needs.
#[inline]
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

impl<'a> Ints<'a> {
    /// Looks at a blob that is known to be well-formed: one that [`Intset`] made or [`Ints::check`]
    /// has passed.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        // What a removal leaves may be empty for a while.
        debug_assert!(bytes.len() == HEAD || Ints::check(bytes).is_ok(), "a well-formed intset");
        Ints(bytes)
    }

    /// Checks bytes from outside, number by number. Compat: one without numbers is none.
    pub fn check(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let (head, numbers) = bytes.split_first_chunk::<HEAD>().ok_or(Corrupt)?;
        let [width, count] = [&head[..4], &head[4..]]
            .map(|word| word.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)));
        if !matches!(width, 2 | 4 | 8) || count == 0 || width * count != numbers.len() as u64 {
            return Err(Corrupt);
        }
        let ints = Ints(bytes);
        if ints.iter().is_sorted_by(|a, b| a < b) { Ok(ints) } else { Err(Corrupt) }
    }

    /// The whole blob.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Bytes per number.
    #[inline]
    fn width(self) -> usize {
        usize::from(self.0[0])
    }

    /// How many numbers there are.
    #[inline]
    pub fn len(self) -> usize {
        let count = self.0[4..].first_chunk().expect("the head is whole");
        u32::from_le_bytes(*count) as usize
    }

    /// True without numbers.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.len() == HEAD
    }

    /// A number by its rank.
    #[inline]
    pub fn at(self, index: usize) -> i64 {
        let numbers = &self.0[HEAD..];
        match self.width() {
            2 => read(&numbers.as_chunks::<2>().0[index]),
            4 => read(&numbers.as_chunks::<4>().0[index]),
            _ => read(&numbers.as_chunks::<8>().0[index]),
        }
    }

    /// The rank of a number, or the one it would have.
    pub fn find(self, number: i64) -> Result<usize, usize> {
        if width_of(number) > self.width() {
            return Err(if number < 0 { 0 } else { self.len() });
        }
        let numbers = &self.0[HEAD..];
        match self.width() {
            2 => search::<2>(numbers, number),
            4 => search::<4>(numbers, number),
            _ => search::<8>(numbers, number),
        }
    }

    /// Whether a number is there.
    #[inline]
    pub fn contains(self, number: i64) -> bool {
        self.find(number).is_ok()
    }

    /// The numbers, ascending.
    #[inline]
    pub fn iter(
        self,
    ) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + use<'a> {
        (0..self.len()).map(move |rank| self.at(rank))
    }

    /// A copy to be changed.
    pub fn to_owned(self) -> Intset {
        Intset(self.0.to_vec())
    }
}

/// Reads a number of so many bytes.
#[inline]
fn read<const WIDTH: usize>(bytes: &[u8; WIDTH]) -> i64 {
    let mut word = [0; 8];
    word[..WIDTH].copy_from_slice(bytes);
    let unused = 64 - 8 * WIDTH as u32;
    (i64::from_le_bytes(word) << unused) >> unused
}

fn search<const WIDTH: usize>(numbers: &[u8], number: i64) -> Result<usize, usize> {
    numbers.as_chunks::<WIDTH>().0.binary_search_by(|bytes| read(bytes).cmp(&number))
}

impl std::fmt::Debug for Ints<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Intset {
    /// An intset without numbers. Allocates nothing.
    pub const fn new() -> Self {
        Intset(Vec::new())
    }

    /// Takes over a blob that is known to be well-formed, see [`Ints::new`].
    pub fn from_blob(blob: Vec<u8>) -> Self {
        Ints::new(&blob);
        Intset(blob)
    }

    /// The blob.
    pub fn into_blob(self) -> Vec<u8> {
        self.0
    }

    /// Looks at it.
    #[inline]
    pub fn view(&self) -> Ints<'_> {
        Ints(if self.0.is_empty() { &EMPTY } else { &self.0 })
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        match self.0.capacity() {
            0 => 0,
            bytes => class_size(bytes),
        }
    }

    /// Adds a number. False: it was there.
    pub fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.view().find(number) else { return false };
        if self.0.is_empty() {
            self.0.extend_from_slice(&EMPTY);
        }
        self.widen(width_of(number));
        let (len, width) = (self.0.len(), self.view().width());
        let at = HEAD + index * width;
        self.grow(len + width);
        self.0.copy_within(at..len, at + width);
        self.0[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        self.count();
        true
    }

    /// Removes a number. False: it was not there.
    pub fn remove(&mut self, number: i64) -> bool {
        let found = self.view().find(number);
        if let Ok(index) = found {
            self.remove_at(index);
        }
        found.is_ok()
    }

    /// Removes the number of a rank.
    pub fn remove_at(&mut self, index: usize) {
        let width = self.view().width();
        let at = HEAD + index * width;
        self.0.drain(at..at + width);
        self.count();
    }

    /// Removes the numbers that `keep` does not want, in order. The width stays.
    pub fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let (width, count) = (self.view().width(), self.view().len());
        let mut end = HEAD;
        for rank in 0..count {
            if keep(self.view().at(rank)) {
                let at = HEAD + rank * width;
                self.0.copy_within(at..at + width, end);
                end += width;
            }
        }
        if end < self.0.len() {
            self.0.truncate(end);
            self.count();
        }
    }

    /// Gives every number at least so many bytes.
    fn widen(&mut self, width: usize) {
        let (old, count) = (self.view().width(), self.view().len());
        if old >= width {
            return;
        }
        let narrow = self.clone();
        self.grow(HEAD + count * width);
        for (to, number) in self.0[HEAD..].chunks_exact_mut(width).zip(narrow.view().iter()) {
            to.copy_from_slice(&number.to_le_bytes()[..width]);
        }
        self.0[0] = width as u8;
    }

    /// Lengthens the blob with zeros. It takes whole size classes, and not what a vector takes by
    /// itself, up to twice the bytes; a large one takes some to spare, so that growing is not
    /// quadratic.
    fn grow(&mut self, len: usize) {
        const LARGE: usize = 16 * 1024;
        if len > self.0.capacity() {
            let wanted = if len > LARGE { len + len / 8 } else { len };
            self.0.reserve_exact(class_size(wanted) - self.0.len());
        }
        self.0.resize(len, 0);
    }

    /// Writes the count that the length implies.
    fn count(&mut self) {
        let count = (self.0.len() - HEAD) / self.view().width();
        let count = u32::try_from(count).expect("a set is converted long before 2^32 members");
        self.0[4..HEAD].copy_from_slice(&count.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
