//! The random source: one of the four doors to the world. Seeded from the system in a server, from
//! a number in a test.

use rand::rngs::{SmallRng, StdRng};
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// Random numbers. `fast` serves sampling and jitter, `strong` serves ids, salts and hash keys.
#[derive(Debug)]
pub struct Rng {
    fast: SmallRng,
    strong: StdRng,
}

impl Rng {
    /// Seeded by the operating system.
    pub fn from_system() -> Rng {
        Rng { fast: rand::make_rng(), strong: rand::make_rng() }
    }

    /// The same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Rng {
        Rng { fast: SmallRng::seed_from_u64(seed), strong: StdRng::seed_from_u64(!seed) }
    }

    pub fn next_u64(&mut self) -> u64 {
        self.fast.next_u64()
    }

    /// A number in `0..bound`, all equally likely; `bound` must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.fast.random_range(0..bound)
    }

    /// Bytes fit for ids and keys.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.strong.fill_bytes(bytes);
    }

    /// `digits` lower-case hexadecimal digits: run ids, replication ids, node names.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from_digit(self.strong.random_range(0..16), 16).unwrap_or('0'))
            .collect()
    }
}

/// A stream of random words from one word, for who samples while the source itself is out of reach.
/// SplitMix64: fast, and good enough for samples.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The stream of a random word.
    pub const fn new(seed: u64) -> Draws {
        Draws(seed)
    }

    /// The next word.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`, all equally likely but for one part in 2^64 / `bound`; 0 for a bound
    /// of 0.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.word()) * bound as u128) >> 64) as usize
    }
}

#[test]
fn draws_are_even() {
    let mut draws = Draws::new(7);
    let mut counts = [0u32; 10];
    for _ in 0..100_000 {
        counts[draws.below(10)] += 1;
    }
    assert!(counts.iter().all(|n| (9_500..10_500).contains(n)), "{counts:?}");
    assert_eq!((draws.below(1), draws.below(0)), (0, 0));
}

#[test]
fn a_seed_fixes_the_sequence() {
    let (mut a, mut b) = (Rng::from_seed(7), Rng::from_seed(7));
    assert_eq!((a.next_u64(), a.hex(40)), (b.next_u64(), b.hex(40)));
    assert_eq!(a.hex(40).len(), 40);
    assert!((0..1000).all(|_| a.below(10) < 10));
}
