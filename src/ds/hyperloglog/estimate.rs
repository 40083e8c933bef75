//! The estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (2017): from how many registers have which value to how many elements there were.
//!
//! The operations and their order decide the last bit, and with it the integer that comes out: they
//! are those of the reference.

use super::REGISTERS;

/// The highest count a register can honestly have is one more.
const Q: usize = 50;
/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The estimate, given the number of registers of each value.
pub fn estimate(registers: [u32; 64]) -> u64 {
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(registers[Q + 1])) / m);
    for value in (1..=Q).rev() {
        z = (z + f64::from(registers[value])) * 0.5;
    }
    z += m * sigma(f64::from(registers[0]) / m);
    let estimate = (ALPHA * m * m / z).round();
    // Compat: values no hash can lead to may leave nothing to divide by. The reference then shows
    // the lowest integer.
    if estimate < i64::MAX as f64 { estimate as u64 } else { i64::MIN as u64 }
}

fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(usize, u32)]) -> u64 {
        let mut registers = [0; 64];
        values.iter().for_each(|(value, count)| registers[*value] = *count);
        estimate(registers)
    }

    /// What Redis 8.2 answers for dense values with such registers.
    #[test]
    fn estimates_are_those_of_the_reference() {
        assert_eq!(of(&[(0, 16384)]), 0);
        assert_eq!(of(&[(0, 16383), (1, 1)]), 1);
        assert_eq!(of(&[(63, 16384)]), i64::MIN as u64);
    }
}
