//! Chance in scripts: the linear congruential generator of POSIX, so that scripts see the same
//! numbers on every server.

/// 48 bits of state.
#[derive(Debug)]
pub struct Lrand48(u64);

/// What POSIX begins with where nobody has set a seed.
impl Default for Lrand48 {
    fn default() -> Lrand48 {
        Lrand48(0x1234_abcd_330e)
    }
}

impl Lrand48 {
    pub fn seed(&mut self, seed: i32) {
        self.0 = u64::from(seed.cast_unsigned()) << 16 | 0x330e;
    }

    /// A number from 0 to 1, exclusive.
    pub fn share(&mut self) -> f64 {
        const MAX: u64 = (1 << 31) - 1;
        self.0 = (self.0.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb)) & ((1 << 48) - 1);
        ((self.0 >> 17) % MAX) as f64 / MAX as f64
    }
}

/// As Redis 8.2 answers.
#[test]
fn the_numbers_are_those_of_redis() {
    let mut chance = Lrand48::default();
    let shown = |share: f64| format!("{share:.14}");
    let first: Vec<_> = (0..3).map(|_| shown(chance.share())).collect();
    assert_eq!(first, ["0.39646477363839", "0.84048536971234", "0.35333609737146"]);
    chance.seed(42);
    assert_eq!(shown(chance.share()), "0.74452500033403");
    chance.seed(-7);
    assert_eq!(shown(chance.share()), "0.07521187517569");
}
