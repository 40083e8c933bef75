//! The random source: one of the four doors to the world. Seeded from the system in a server, from a number in a test.

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

#[test]
fn a_seed_fixes_the_sequence() {
    let (mut a, mut b) = (Rng::from_seed(7), Rng::from_seed(7));
    assert_eq!((a.next_u64(), a.hex(40)), (b.next_u64(), b.hex(40)));
    assert_eq!(a.hex(40).len(), 40);
    assert!((0..1000).all(|_| a.below(10) < 10));
}
