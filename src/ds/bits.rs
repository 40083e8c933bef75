//! Bits of byte strings: counting them, finding one, combining several strings, and numbers of any
//! width at any place.
//!
//! ```text
//!   byte   0                 1                     bit 0 is the highest bit of the first byte: a string's bits are
//!   bit    0 1 2 3 4 5 6 7   8 9 10 ...            in the order in which they are written down
//! ```
//!
//! Everything beyond the end of a string counts as zeros. Long strings are worked on in the way
//! that suits the processor best: `avx2` where there is such a unit, else the plain loops of this
//! file, which say the same and are what the tests compare with.

use super::avx2;

/// What several strings become together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    And,
    Or,
    Xor,
    /// Of the first one alone.
    Not,
    /// Bits of the first that none of the others has.
    Diff,
    /// Bits of any of the others that the first has not.
    Diff1,
    /// Bits of the first that any of the others has, too.
    AndOr,
    /// Bits that exactly one of them has.
    One,
}

/// Strings shorter than this are not worth the way to the wide unit.
const WIDE: usize = 256;

/// The number of ones.
pub fn count(bytes: &[u8]) -> u64 {
    let wide = if bytes.len() < WIDE { None } else { avx2::count(bytes) };
    wide.unwrap_or_else(|| count_plain(bytes))
}

/// [`count`], without any help.
pub(super) fn count_plain(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let ones = |sum: u64, word: &[u8; 8]| sum + u64::from(u64::from_ne_bytes(*word).count_ones());
    let rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    words.iter().fold(0, ones) + u64::from(rest)
}

/// The number of ones from one bit to another, both included, which must be in the string.
pub fn count_between(bytes: &[u8], first: usize, last: usize) -> u64 {
    let (from, to) = (first / 8, last / 8);
    let before = bytes[from] & !tail(first);
    let after = bytes[to] & (tail(last) >> 1);
    count(&bytes[from..=to]) - u64::from(before.count_ones() + after.count_ones())
}

/// The first bit of that value between two bits, both included, which must be in the string.
pub fn find_between(bytes: &[u8], value: bool, first: usize, last: usize) -> Option<usize> {
    let (from, to) = (first / 8, last / 8);
    // Bits of the first byte that do not count become such that nobody looks for them.
    let head = if value { bytes[from] & tail(first) } else { bytes[from] | !tail(first) };
    let found = find(&[head], value)
        .map(|bit| from * 8 + bit)
        .or_else(|| find(&bytes[from + 1..=to], value).map(|bit| (from + 1) * 8 + bit));
    found.filter(|bit| *bit <= last)
}

/// A byte with the bits from this one on.
fn tail(bit: usize) -> u8 {
    0xff >> (bit % 8)
}

/// The first bit of that value.
fn find(bytes: &[u8], value: bool) -> Option<usize> {
    let dull = if value { 0u64 } else { u64::MAX };
    // Stretches without such a bit are passed over block by block.
    let blocks = bytes.as_chunks::<64>().0;
    let is_dull = |block: &&[u8; 64]| {
        let words = block.as_chunks::<8>().0;
        words.iter().fold(0, |all, word| all | (u64::from_ne_bytes(*word) ^ dull)) == 0
    };
    let passed = 64 * blocks.iter().take_while(is_dull).count();
    let rest = &bytes[passed..];
    let at = rest.iter().position(|byte| *byte != dull as u8)?;
    let bit = (rest[at] ^ dull as u8).leading_zeros() as usize;
    Some((passed + at) * 8 + bit)
}

/// What the strings become together; as long as the longest of them. `Diff1` and `AndOr` need two
/// at least.
pub fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut out = Vec::with_capacity(len);
    if len < WIDE || !avx2::combine(operation, sources, &mut out) {
        combine_plain(operation, sources, &mut out);
    }
    out
}

/// Bytes that are worked on at a time: they stay in the first cache.
const BLOCK: usize = 4096;

/// Appends what the strings become together. Inlined, so that it can be compiled for several kinds
/// of processors.
#[inline(always)]
pub(super) fn combine_plain(operation: Operation, sources: &[&[u8]], out: &mut Vec<u8>) {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut twice = [0u8; BLOCK];
    for start in (0..len).step_by(BLOCK) {
        let end = len.min(start + BLOCK);
        let piece = |source: &&[u8]| start.min(source.len())..end.min(source.len());
        let (first, others) = match operation {
            Operation::Diff1 | Operation::AndOr => (&sources[1], &sources[2..]),
            _ => (&sources[0], &sources[1..]),
        };
        out.extend_from_slice(&first[piece(first)]);
        out.resize(end, 0);
        let block = &mut out[start..];
        let twice = &mut twice[..block.len()];
        if operation == Operation::One {
            twice.fill(0);
        }
        for other in others {
            let other = &other[piece(other)];
            match operation {
                Operation::And => and(block, other),
                Operation::Diff => merge(block, other, |a, b| a & !b),
                Operation::One => {
                    for ((a, twice), b) in block.iter_mut().zip(twice.iter_mut()).zip(other) {
                        *twice |= *a & *b;
                        *a ^= *b;
                    }
                }
                Operation::Xor => merge(block, other, |a, b| a ^ b),
                _ => merge(block, other, |a, b| a | b),
            }
        }
        match operation {
            Operation::Not => block.iter_mut().for_each(|a| *a = !*a),
            Operation::Diff1 => merge(block, &sources[0][piece(&sources[0])], |a, b| a & !b),
            Operation::AndOr => and(block, &sources[0][piece(&sources[0])]),
            Operation::One => merge(block, twice, |a, b| a & !b),
            _ => {}
        }
    }
}

/// Changes the bytes that stand over bytes of the other.
#[inline(always)]
fn merge(block: &mut [u8], other: &[u8], join: impl Fn(u8, u8) -> u8) {
    for (a, b) in block.iter_mut().zip(other) {
        *a = join(*a, *b);
    }
}

/// Intersects a block with another that may be shorter.
#[inline(always)]
fn and(block: &mut [u8], other: &[u8]) {
    merge(block, other, |a, b| a & b);
    block[other.len()..].fill(0);
}

/// The number of `width` bits (1 to 64) that begins at a bit; bits beyond the end are zeros.
pub fn number_at(bytes: &[u8], bit: u64, width: u32) -> u64 {
    let (window, shift) = (Window::at(bit), Window::shift(bit, width));
    let number = (window.read(bytes) >> shift) as u64;
    number & mask(width)
}

/// Puts a number of `width` bits (1 to 64) where it must fit into the string; higher bits of it are
/// ignored.
pub fn put_number(bytes: &mut [u8], bit: u64, width: u32, number: u64) {
    let (window, shift) = (Window::at(bit), Window::shift(bit, width));
    let place = u128::from(mask(width)) << shift;
    let number = u128::from(number & mask(width)) << shift;
    window.write(bytes, window.read(bytes) & !place | number);
}

/// So many ones.
fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// The sixteen bytes from a byte on, as one number; nine of them hold any field that begins in the
/// first.
#[derive(Clone, Copy)]
struct Window(usize);

impl Window {
    fn at(bit: u64) -> Window {
        Window(usize::try_from(bit / 8).unwrap_or(usize::MAX))
    }

    /// How far a field of that place and width is from the low end.
    fn shift(bit: u64, width: u32) -> u32 {
        128 - (bit % 8) as u32 - width
    }

    fn read(self, bytes: &[u8]) -> u128 {
        let rest = bytes.get(self.0..).unwrap_or(&[]);
        match rest.first_chunk::<16>() {
            Some(all) => u128::from_be_bytes(*all),
            None => {
                let mut all = [0; 16];
                all[..rest.len()].copy_from_slice(rest);
                u128::from_be_bytes(all)
            }
        }
    }

    fn write(self, bytes: &mut [u8], number: u128) {
        let rest = bytes.get_mut(self.0..).unwrap_or(&mut []);
        let len = rest.len().min(16);
        rest[..len].copy_from_slice(&number.to_be_bytes()[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::Operation::*;
    use super::*;
    use crate::base::effort::effort;
    use proptest::prelude::*;

    fn bit(bytes: &[u8], at: usize) -> bool {
        bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    }

    /// Strings in which long stretches are alike.
    fn string() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            (any::<u8>(), 0..300usize).prop_map(|(byte, len)| vec![byte; len]),
            (0..200usize).prop_map(|len| vec![0; len]),
            (0..200usize).prop_map(|len| vec![0xff; len]),
            prop::collection::vec(any::<u8>(), 0..40),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    const ALL: [Operation; 8] = [And, Or, Xor, Not, Diff, Diff1, AndOr, One];

    /// What BITOP promises, bit by bit.
    fn expected(operation: Operation, bits: &[bool]) -> bool {
        let others = bits[1..].iter().any(|bit| *bit);
        match operation {
            And => bits.iter().all(|bit| *bit),
            Or => bits[0] || others,
            Xor => bits.iter().filter(|bit| **bit).count() % 2 == 1,
            Not => !bits[0],
            Diff => bits[0] && !others,
            Diff1 => !bits[0] && others,
            AndOr => bits[0] && others,
            One => bits.iter().filter(|bit| **bit).count() == 1,
        }
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_bit_by_bit(bytes in string(), a: usize, b: usize) {
            let ones = (0..bytes.len() * 8).filter(|at| bit(&bytes, *at)).count();
            prop_assert_eq!(count(&bytes), ones as u64);
            prop_assert_eq!(count_plain(&bytes), ones as u64);
            if bytes.is_empty() {
                return Ok(());
            }
            let (a, b) = (a % (bytes.len() * 8), b % (bytes.len() * 8));
            let (first, last) = (a.min(b), a.max(b));
            let ones = (first..=last).filter(|at| bit(&bytes, *at)).count();
            prop_assert_eq!(count_between(&bytes, first, last), ones as u64);
            for value in [false, true] {
                let found = (first..=last).find(|at| bit(&bytes, *at) == value);
                prop_assert_eq!(find_between(&bytes, value, first, last), found);
            }
        }

        #[test]
        fn combining_agrees_with_bit_by_bit(sources in prop::collection::vec(string(), 2..5)) {
            let longest = effort(usize::MAX, 70);
            let sources: Vec<&[u8]> =
                sources.iter().map(|source| &source[..source.len().min(longest)]).collect();
            for operation in ALL {
                let sources = if operation == Not { &sources[..1] } else { &sources };
                let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
                let mut wanted = vec![0; len];
                for at in 0..len * 8 {
                    let bits: Vec<bool> = sources.iter().map(|source| bit(source, at)).collect();
                    wanted[at / 8] |= u8::from(expected(operation, &bits)) << (7 - at % 8);
                }
                let mut plain = vec![];
                combine_plain(operation, sources, &mut plain);
                prop_assert_eq!(&plain, &wanted, "{:?}", operation);
                prop_assert_eq!(combine(operation, sources), wanted, "{:?}", operation);
            }
        }

        #[test]
        fn numbers_stand_where_they_were_put(
            bytes in prop::collection::vec(any::<u8>(), 0..30),
            at in 0..260u64,
            width in 1..=64u32,
            number: u64,
        ) {
            let read = number_at(&bytes, at, width);
            let wanted = (0..u64::from(width))
                .fold(0, |all, i| all << 1 | u64::from(bit(&bytes, (at + i) as usize)));
            prop_assert_eq!(read, wanted);
            if (at + u64::from(width)).div_ceil(8) <= bytes.len() as u64 {
                let mut changed = bytes.clone();
                put_number(&mut changed, at, width, number);
                prop_assert_eq!(number_at(&changed, at, width), number & mask(width));
                put_number(&mut changed, at, width, read);
                prop_assert_eq!(changed, bytes);
            }
        }
    }

    #[test]
    fn blocks_join_without_a_seam() {
        for len in [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let a: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let b: Vec<u8> = (0..len - 100).map(|i| (i * 13 + i / 256) as u8).collect();
            for operation in ALL {
                let sources: &[&[u8]] = if operation == Not { &[&a] } else { &[&a, &b] };
                let mut plain = vec![];
                combine_plain(operation, sources, &mut plain);
                assert_eq!(combine(operation, sources), plain);
                for at in [0, 8 * BLOCK - 9, 8 * BLOCK + 3, 8 * len - 801, 8 * len - 1] {
                    let bits: Vec<bool> = sources.iter().map(|source| bit(source, at)).collect();
                    let inside = at < 8 * len;
                    assert!(!inside || bit(&plain, at) == expected(operation, &bits));
                }
            }
        }
    }

    #[test]
    fn nothing_is_far_away() {
        assert_eq!(number_at(b"\xff", u64::MAX - 64, 64), 0);
        assert_eq!(number_at(b"", 0, 64), 0);
        assert_eq!(find(&[], true), None);
        assert_eq!(combine(Or, &[b"", b""]), b"");
        assert_eq!(combine(Not, &[b""]), b"");
    }
}
