//! PFSELFTEST: whether what this machine computes is right, on the machine itself.

use super::{Element, Hll, PACKED, REGISTERS, Registers, add, dense, empty, make_dense, unite};

/// Elements counted.
const ELEMENTS: u64 = 100_000;
/// The standard error of an estimate.
const STANDARD_ERROR: f64 = 1.04 / 128.0;

/// Tries everything out, in a few milliseconds, and says what is wrong.
pub fn check() -> Result<(), String> {
    registers_keep_what_was_put()?;
    counts_are_near()
}

fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// Packs registers, reads them one by one, and unpacks them in both ways.
fn registers_keep_what_was_put() -> Result<(), String> {
    for round in 1..=64 {
        let mut registers = Registers::default();
        for register in 0..REGISTERS {
            let value = (mix(round << 32 | register as u64) % 64) as u8;
            registers.raise(register..register + 1, value);
        }
        for wide in [false, true] {
            let (mut packed, mut again) = ([0; PACKED], Registers::default());
            registers.pack(&mut packed, wide);
            again.unpack(&[&packed], wide);
            let mut single = registers.iter().enumerate();
            let differs = |(number, value)| dense::register(&packed, number) != value;
            if again != registers || single.any(differs) {
                return Err(format!(
                    "TESTFAILED Registers do not keep their values (wide: {wide})"
                ));
            }
        }
    }
    Ok(())
}

/// Counts in both forms, and compares with the truth.
fn counts_are_near() -> Result<(), String> {
    let (mut sparse, mut packed) = (empty(), empty());
    make_dense(&mut packed).map_err(|_| "TESTFAILED An empty HyperLogLog is corrupt")?;
    let mut checkpoint = 1;
    for count in 1..=ELEMENTS {
        let element = Element::of(&mix(count).to_le_bytes());
        let both = [&mut sparse, &mut packed].map(|value| add(value, element, 3000));
        if both[0].is_err() || both[0] != both[1] {
            return Err(format!("TESTFAILED Sparse and dense differ at element {count}"));
        }
        if count < checkpoint {
            continue;
        }
        checkpoint = count + count / 4 + 1;
        let estimates = [&sparse, &packed].map(|value| {
            let mut registers = Registers::default();
            let hll = Hll::of(value)?;
            unite(&mut registers, &[hll], true).ok()?;
            Some(registers.estimate())
        });
        let estimate = estimates[0].filter(|_| estimates[0] == estimates[1]);
        let allowed = 5.0 * STANDARD_ERROR * count as f64 + 1.0;
        if estimate.is_none_or(|estimate| estimate.abs_diff(count) as f64 > allowed) {
            return Err(format!("TESTFAILED Too big error: {count} elements seem {estimates:?}"));
        }
    }
    Ok(())
}
