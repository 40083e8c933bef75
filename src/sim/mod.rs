//! Simulations: whole servers in one process and one thread, by seed.
//!
//! A world owns servers whose doors to the outside are simulated (connections, clock, random
//! numbers, power), and clients that remember what was acknowledged. It lets random things happen,
//! and after each step its checkers ask whether a promise was broken. Everything follows from the
//! seed, so a failure is one line to replay:
//!
//! ```text
//!   SIM_SEED=17 cargo test --lib sim::
//!   make sim SEEDS=10000
//! ```
//!
//! Each checker has a canary: a fault that it must find, or else it finds none.

pub mod durability;

use crate::base::rng::Draws;

/// Random numbers of a world.
#[derive(Clone, Debug)]
pub struct Dice(Draws);

impl Dice {
    /// Neighbouring seeds begin far apart: the first number of each is where its own sequence
    /// begins.
    pub fn new(seed: u64) -> Dice {
        Dice(Draws::new(Draws::new(seed).word().wrapping_mul(0xd134_2543_de82_ef95)))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.word()
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next_u64() % n
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

/// The seeds that a test runs: the one of `SIM_SEED`, or so many as `SIM_SEEDS` says, or the usual
/// number.
#[cfg(test)]
pub fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(usual),
    }
}
