//! `bit`: operations on the bits of numbers, as LuaJIT has them: arguments are taken modulo 2^32,
//! results are signed.

use crate::script::lua::{Raise, Stack, Verdict};

pub fn push(s: &mut Stack) {
    s.push_table(0, 12);
    s.set_function(b"tobit", |s| {
        let x = int(s, 1)?;
        result(s, x)
    });
    s.set_function(b"bnot", |s| {
        let x = int(s, 1)?;
        result(s, !x)
    });
    s.set_function(b"bswap", |s| {
        let x = int(s, 1)?;
        result(s, x.swap_bytes())
    });
    s.set_function(b"band", |s| fold(s, |a, b| a & b));
    s.set_function(b"bor", |s| fold(s, |a, b| a | b));
    s.set_function(b"bxor", |s| fold(s, |a, b| a ^ b));
    s.set_function(b"lshift", |s| shift(s, |x, n| x << n));
    s.set_function(b"rshift", |s| shift(s, |x, n| x >> n));
    s.set_function(b"arshift", |s| shift(s, |x, n| (x.cast_signed() >> n).cast_unsigned()));
    s.set_function(b"rol", |s| shift(s, u32::rotate_left));
    s.set_function(b"ror", |s| shift(s, u32::rotate_right));
    s.set_function(b"tohex", tohex);
}

/// The lower 32 bits of an argument: rounded to a whole number by adding one so large that no bit
/// of a fraction is left.
fn int(s: &Stack, number: i32) -> Result<u32, Raise> {
    const MAGIC: f64 = 6_755_399_441_055_744.0; // 2^52 + 2^51
    Ok((s.check_number(number)? + MAGIC).to_bits() as u32)
}

fn result(s: &Stack, bits: u32) -> Verdict {
    s.push_number(f64::from(bits.cast_signed()));
    Ok(1)
}

fn fold(s: &Stack, combine: fn(u32, u32) -> u32) -> Verdict {
    let mut bits = int(s, 1)?;
    for number in 2..=s.top() {
        bits = combine(bits, int(s, number)?);
    }
    result(s, bits)
}

fn shift(s: &Stack, by: fn(u32, u32) -> u32) -> Verdict {
    let (bits, places) = (int(s, 1)?, int(s, 2)?);
    result(s, by(bits, places & 31))
}

/// Up to eight digits; a negative number of them asks for capitals.
fn tohex(s: &mut Stack) -> Verdict {
    let bits = int(s, 1)?;
    let places = if s.top() < 2 { 8 } else { int(s, 2)?.cast_signed() };
    let text = if places < 0 { format!("{bits:08X}") } else { format!("{bits:08x}") };
    let count = places.unsigned_abs().min(8) as usize;
    s.push_bytes(&text.as_bytes()[8 - count..]);
    Ok(1)
}
