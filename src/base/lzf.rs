//! LZF: the fast and simple compression that snapshots, payloads of DUMP and inner nodes of lists
//! use.
//!
//! ```text
//!   000lllll  bytes            l+1 literal bytes, 1 to 32
//!   lllooooo  oooooooo         a match: l+2 bytes (3 to 8), o+1 bytes back (1 to 8192)
//!   111ooooo  llllllll  o...   a longer match: l+9 bytes (9 to 264)
//! ```
//!
//! The compressor takes the last position with the same hash of three bytes, and goes faster
//! through what does not compress. Its table is as large as the input wants, for most inputs are
//! strings of some dozen bytes. The crate of that name, which allocates half a megabyte for each,
//! is the judge in the tests.

/// The farthest match.
const DISTANCE_MAX: usize = 1 << 13;

/// The longest match.
const MATCH_MAX: usize = 264;

/// Bytes at the end that are literal.
// Compat: with these, and with a first byte that no match begins at, a string that repeats itself
// takes as many bytes in a snapshot as Redis gives it, which tools read as its serialized length.
const TAIL: usize = 2;

/// A match of so many bytes may reach into them.
const LAST_MATCH: usize = 19;

/// The longest run of literal bytes.
const RUN_MAX: usize = 32;

/// Bytes that positions in the table can name.
const LEN_MAX: usize = u32::MAX as usize;

/// After so many literal bytes in a row every other position is tried, after twice as many every
/// third, and so on.
const PATIENCE: usize = 64;

/// Compresses, if that makes it smaller.
pub fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let max = bytes.len().saturating_sub(1);
    Compressor::default().append(bytes, max, &mut out).then_some(out)
}

/// Memory for compressing one string after the other.
#[derive(Debug, Default)]
pub struct Compressor {
    /// Positions, plus one.
    table: Vec<u32>,
}

impl Compressor {
    /// Appends the compressed form of some bytes, if it takes at most `max` bytes.
    pub fn append(&mut self, bytes: &[u8], max: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let fits = bytes.len() >= 5 && bytes.len() <= LEN_MAX && {
            let bits = (usize::BITS - bytes.len().leading_zeros()).clamp(6, 16);
            self.table.clear();
            self.table.resize(1 << bits, 0);
            squeeze(bytes, (&mut self.table, bits), (start, max), out).is_some()
        };
        if !fits {
            out.truncate(start);
        }
        fits
    }
}

/// Appends the compressed form, unless it gets longer than `max` from `start` on.
fn squeeze(
    bytes: &[u8],
    (table, bits): (&mut [u32], u32),
    (start, max): (usize, usize),
    out: &mut Vec<u8>,
) -> Option<()> {
    let slot = |at: usize| {
        let word = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0]);
        (word.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
    };
    let (mut at, mut literals) = (0, 0);
    while at + 2 < bytes.len() {
        let before = std::mem::replace(&mut table[slot(at)], at as u32 + 1) as usize;
        let distance = (at + 1).wrapping_sub(before);
        let len = match before {
            2.. if distance <= DISTANCE_MAX => common(bytes, before - 1, at),
            _ => 0,
        };
        if len < 3 {
            at += 1 + (at - literals) / PATIENCE;
            continue;
        }
        put_literals(out, &bytes[literals..at]);
        put_match(out, distance - 1, len);
        if out.len() - start > max {
            return None;
        }
        at += len;
        literals = at;
        // What comes next may well begin inside the match.
        for near in [at - 2, at - 1] {
            if near + 2 < bytes.len() {
                table[slot(near)] = near as u32 + 1;
            }
        }
    }
    put_literals(out, &bytes[literals..]);
    (out.len() - start <= max).then_some(())
}

/// How many bytes are equal from two positions on, up to the longest match that may begin there.
#[inline]
fn common(bytes: &[u8], earlier: usize, at: usize) -> usize {
    let left = bytes.len() - at;
    let most = match left {
        LAST_MATCH.. => LAST_MATCH.max(left - TAIL),
        _ => left.saturating_sub(TAIL),
    };
    let end = at + most.min(MATCH_MAX);
    let (a, b) = (&bytes[earlier..earlier + (end - at)], &bytes[at..end]);
    let mut len = 0;
    while let (Some(x), Some(y)) = (a[len..].first_chunk(), b[len..].first_chunk()) {
        let differing = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differing != 0 {
            return len + differing.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + a[len..].iter().zip(&b[len..]).take_while(|(x, y)| x == y).count()
}

fn put_literals(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(RUN_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn put_match(out: &mut Vec<u8>, offset: usize, len: usize) {
    let high = (offset >> 8) as u8;
    match len - 2 {
        short @ 1..7 => out.push((short as u8) << 5 | high),
        long => out.extend_from_slice(&[7 << 5 | high, (long - 7) as u8]),
    }
    out.push(offset as u8);
}

/// Restores what was compressed. Nothing if the bytes are damaged, or the length is not exactly the
/// one told.
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    decompress_into(packed, len, &mut out).then_some(out)
}

/// As [`decompress`], into a buffer, which holds nothing of use after a failure.
pub fn decompress_into(packed: &[u8], len: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    // A length that cannot be true, or is not, allocates nothing of note.
    let is_likely = len <= packed.len().saturating_mul(MATCH_MAX);
    if !is_likely || len > UNSEEN_MAX && measure(packed) != Some(len) {
        return false;
    }
    if out.try_reserve_exact(len).is_err() {
        return false;
    }
    out.resize(len, 0);
    inflate(packed, out).is_some()
}

/// Memory is taken for so many bytes before anybody has looked whether they are there.
const UNSEEN_MAX: usize = 1 << 20;

/// How long something was before it was compressed.
fn measure(packed: &[u8]) -> Option<usize> {
    let (mut at, mut len) = (0usize, 0usize);
    while let Some(control) = packed.get(at) {
        let control = usize::from(*control);
        if control < RUN_MAX {
            (at, len) = (at + control + 2, len + control + 1);
        } else if control >> 5 == 7 {
            (at, len) = (at + 3, len + 9 + usize::from(*packed.get(at + 1)?));
        } else {
            (at, len) = (at + 2, len + (control >> 5) + 2);
        }
    }
    Some(len)
}

/// Fills a buffer with what was compressed.
fn inflate(packed: &[u8], out: &mut [u8]) -> Option<()> {
    let (mut at, mut to) = (0, 0);
    while let Some(control) = packed.get(at) {
        let control = usize::from(*control);
        at += 1;
        if control < RUN_MAX {
            let len = control + 1;
            match (packed.get(at..at + RUN_MAX), out.get_mut(to..to + RUN_MAX)) {
                // A copy of a fixed length costs no call; what it writes too much is written over.
                (Some(run), Some(room)) => room.copy_from_slice(run),
                _ => out.get_mut(to..to + len)?.copy_from_slice(packed.get(at..at + len)?),
            }
            (at, to) = (at + len, to + len);
        } else {
            let mut len = (control >> 5) + 2;
            if len == 9 {
                len += usize::from(*packed.get(at)?);
                at += 1;
            }
            let distance = ((control & 0x1f) << 8 | usize::from(*packed.get(at)?)) + 1;
            at += 1;
            let from = to.checked_sub(distance)?;
            repeat(out.get_mut(from..to + len)?, distance);
            to += len;
        }
    }
    (to == out.len()).then_some(())
}

/// Repeats the first bytes, a period of them, up to the end.
#[inline]
fn repeat(bytes: &mut [u8], period: usize) {
    let mut filled = period;
    while filled < bytes.len() {
        // The period doubles with each copy.
        let here = filled.min(bytes.len() - filled);
        bytes.copy_within(..here, filled);
        filled += here;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(state: &mut u64) -> usize {
        *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (*state >> 20) as usize
    }

    /// Bytes that repeat themselves now and then.
    fn sample(state: &mut u64) -> Vec<u8> {
        let (mut out, letters) = (Vec::new(), next(state) % 20 + 1);
        for _ in 0..next(state) % 60 {
            match next(state) % 3 {
                0 if !out.is_empty() => {
                    let from = next(state) % out.len();
                    let count = next(state) % 400;
                    let at = out.len();
                    out.resize(at + count, 0);
                    repeat(&mut out[from..], at - from);
                }
                1 => out.extend(std::iter::repeat_n(7, next(state) % 600)),
                _ => out.extend((0..next(state) % 50).map(|_| (next(state) % letters) as u8)),
            }
        }
        out
    }

    #[test]
    fn what_was_compressed_comes_back_here_and_elsewhere() {
        let (mut state, mut ours, mut theirs) = (5, 0, 0);
        for _ in 0..3000 {
            let bytes = sample(&mut state);
            if let Some(packed) = compress(&bytes) {
                assert!(packed.len() < bytes.len());
                assert_eq!(decompress(&packed, bytes.len()).as_ref(), Some(&bytes));
                assert_eq!(lzf::decompress(&packed, bytes.len()).as_ref(), Ok(&bytes));
                assert_eq!(decompress(&packed, bytes.len() + 1), None);
                assert_eq!(decompress(&packed, bytes.len() - 1), None);
                assert_eq!(decompress(&packed[..packed.len() - 1], bytes.len()), None);
                ours += packed.len();
            } else {
                ours += bytes.len();
            }
            if let Ok(packed) = lzf::compress(&bytes) {
                assert_eq!(decompress(&packed, bytes.len()).as_ref(), Some(&bytes));
                theirs += packed.len();
            } else {
                theirs += bytes.len();
            }
        }
        assert!(ours < theirs + theirs / 50, "{ours} is much more than {theirs}");
    }

    /// A hundred equal bytes once took 6 bytes, which is less than Redis says.
    #[test]
    fn what_repeats_itself_is_compressed_as_redis_does() {
        for (n, tail) in [(21, ""), (22, "\0a"), (23, "\x01aa"), (24, "\x01aa"), (100, "\x01aa")] {
            let len = n - 2 - tail.len().saturating_sub(1);
            let wanted = [b"\x01aa\xe0", &[len as u8 - 9, 0][..], tail.as_bytes()].concat();
            assert_eq!(compress(&vec![b'a'; n]), Some(wanted), "{n}");
        }
        assert_eq!(
            compress(&b"abc".repeat(9)).as_deref(),
            Some(&b"\x03abca\xe0\x0c\x02\x01bc"[..])
        );
    }

    #[test]
    fn short_or_random_bytes_stay_as_they_are() {
        assert_eq!(compress(b""), None);
        assert_eq!(compress(b"aaaa"), None);
        assert_eq!(compress(&(0..=255).collect::<Vec<u8>>()), None);
        assert_eq!(compress(&[b'a'; 1000]).map(|packed| packed.len()), Some(18));
        assert_eq!(decompress(b"", 0), Some(vec![]));
        assert_eq!(decompress(b"\0a", usize::MAX), None);
        let long = vec![b'a'; 3 << 20];
        let packed = compress(&long).expect("it is all the same");
        assert_eq!(measure(&packed), Some(long.len()));
        assert_eq!(decompress(&packed, long.len()).as_ref(), Some(&long));
        assert_eq!(decompress(&packed, long.len() + 1), None);
        assert_eq!(decompress(&packed, 2 << 20), None);
    }

    #[test]
    fn damage_never_panics() {
        let mut state = 9;
        for _ in 0..30_000 {
            let bytes: Vec<u8> =
                (0..next(&mut state) % 40).map(|_| next(&mut state) as u8).collect();
            for len in [0, 1, 10, 300, 1000] {
                let ours = decompress(&bytes, len);
                if len > 0 && !bytes.is_empty() {
                    let theirs = lzf::decompress(&bytes, len).ok().filter(|out| out.len() == len);
                    assert_eq!(ours, theirs, "{bytes:?} {len}");
                }
            }
        }
    }
}
