//! The keyed hash of the tables: SipHash-1-3.
//!
//! Clients choose the keys, so whoever can predict where a key falls can pile a million of them
//! into one bucket. SipHash is a pseudo-random function of a 128-bit secret: without the secret the
//! positions cannot be predicted, and no reply shows a hash. The faster multiply- and AES-folding
//! hashes make that promise only by their authors' analysis, and several have lost it; here a
//! 16-byte key costs about eight nanoseconds, a small share of one command.
//!
//! One compression round per word and three at the end is the variant of the Rust standard library,
//! which also gives the test its reference. The secret is drawn once per process and handed down as
//! a value.

/// A secret under which keys are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSeed {
    k0: u64,
    k1: u64,
}

/// The four words of SipHash's state.
struct Sip {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl HashSeed {
    /// A seed from two random words.
    pub const fn new(k0: u64, k1: u64) -> Self {
        HashSeed { k0, k1 }
    }

    /// Hashes a key.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut sip = Sip {
            v0: self.k0 ^ 0x736f_6d65_7073_6575,
            v1: self.k1 ^ 0x646f_7261_6e64_6f6d,
            v2: self.k0 ^ 0x6c79_6765_6e65_7261,
            v3: self.k1 ^ 0x7465_6462_7974_6573,
        };
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            sip.absorb(u64::from_le_bytes(*word));
        }
        sip.absorb(((bytes.len() as u64) << 56) | little_word(tail));
        sip.finish()
    }
}

impl Sip {
    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline(always)]
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline(always)]
    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }
}

/// Up to seven bytes as a little-endian word: two overlapping loads instead of a loop.
#[inline(always)]
fn little_word(tail: &[u8]) -> u64 {
    let len = tail.len();
    if let Some(head) = tail.first_chunk::<4>() {
        let last = tail.last_chunk::<4>().unwrap_or(head);
        let high = u64::from(u32::from_le_bytes(*last)) << (8 * (len - 4));
        u64::from(u32::from_le_bytes(*head)) | high
    } else if len == 0 {
        0
    } else {
        let (first, middle, last) = (tail[0], tail[len / 2], tail[len - 1]);
        u64::from(first)
            | (u64::from(middle) << (8 * (len / 2)))
            | (u64::from(last) << (8 * (len - 1)))
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher};

    use super::*;

    #[test]
    fn agrees_with_the_standard_library_under_the_zero_key() {
        let bytes: Vec<u8> = (0..=255u8).chain(0..=255).map(|b| b.wrapping_mul(37)).collect();
        for start in 0..9 {
            for len in 0..200 {
                let key = &bytes[start..start + len];
                let mut reference = DefaultHasher::new();
                reference.write(key);
                assert_eq!(HashSeed::new(0, 0).hash(key), reference.finish(), "length {len}");
            }
        }
    }

    #[test]
    fn the_seed_matters() {
        let (a, b) = (HashSeed::new(1, 2), HashSeed::new(1, 3));
        assert_ne!(a.hash(b"key"), b.hash(b"key"));
        assert_ne!(a.hash(b""), b.hash(b""));
    }
}
