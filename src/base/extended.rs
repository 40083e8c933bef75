//! Arithmetic and text of INCRBYFLOAT: numbers with 64 significant bits.
//!
//! The reference does this arithmetic in the C type `long double`, which on x86-64 is the 80-bit
//! format of the 8087: a sign, 15 bits of exponent, 64 bits of significand. With plain doubles the
//! sum 0.1 + 0.2 would be 0.30000000000000004, and clients would see it. So the format is done in
//! integers here, and to the last bit:
//!
//! * Reading decimal text rounds to the nearest of these numbers, ties to even, however many digits
//!   there are.
//! * Adding rounds the exact sum likewise.
//! * Printing is C's `%.17Lf`: the exact value with 17 digits behind the point, ties to even, and
//!   then without trailing zeros. Zero has no sign.
//!
//! What is not as on the 8087: there are no subnormal numbers (below 2^-16382 precision is not
//! given up, and zero is not reached before -16500 or so). None of this can be seen in 17 digits
//! behind the point.
//!
//! ```text
//!   value = significand * 2^exponent      significand has its top bit set, or is 0
//! ```

use super::text;

/// A number with 64 significant bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    significand: u64,
    exponent: i32,
    infinite: bool,
}

/// The exponent of the largest numbers: 2^64 * 2^16320 is the first that is too large.
const EXPONENT_MAX: i32 = 16384 - 64;
/// The exponent of the smallest numbers.
const EXPONENT_MIN: i32 = -16445 - 64;
/// Longer texts are refused, as the reference's buffer refuses them.
const TEXT_MAX: usize = 5 * 1024;

impl Extended {
    pub const ZERO: Extended =
        Extended { negative: false, significand: 0, exponent: 0, infinite: false };

    /// Reads a number: the whole text, no blanks, no NaN; `inf` and `infinity` are numbers, and so
    /// are hexadecimal ones (`0x1.8p3`). What is too large or too small for the format is refused.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { infinite: true, negative, ..Extended::ZERO });
        }
        let number = match rest {
            [b'0', b'x' | b'X', digits @ ..] => parse_hexadecimal(digits)?,
            _ => parse_decimal(rest)?,
        };
        (!number.infinite).then_some(Extended { negative, ..number })
    }

    pub fn is_finite(self) -> bool {
        !self.infinite
    }

    /// The sum, rounded to nearest. The sum of opposite infinities is none.
    pub fn plus(self, other: Extended) -> Option<Extended> {
        match (self.infinite, other.infinite) {
            (true, true) => return (self.negative == other.negative).then_some(self),
            (true, false) => return Some(self),
            (false, true) => return Some(other),
            (false, false) => {}
        }
        if self.significand == 0 || other.significand == 0 {
            return Some(if self.significand == 0 { other } else { self });
        }
        let (large, small) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // Room for a carry above; the bits below catch what the smaller one loses, the last of them
        // for all that follows.
        let room = 62;
        let a = u128::from(large.significand) << room;
        let distance = (large.exponent - small.exponent).unsigned_abs();
        let b = shift_right_sticky(u128::from(small.significand) << room, distance);
        let exponent = large.exponent - room;
        let (negative, sum) = if large.negative == small.negative {
            (large.negative, a + b)
        } else if a >= b {
            (large.negative, a - b)
        } else {
            (small.negative, b - a)
        };
        Some(Extended { negative, ..round(sum, exponent) })
    }

    /// A thousand times this, rounded to 64 bits as any product, and then up to a whole number; the
    /// ends of the range stand for what is beyond them.
    pub fn ceil_of_thousandfold(self) -> i64 {
        let end = if self.negative { i64::MIN } else { i64::MAX };
        let product = round(u128::from(self.significand) * 1000, self.exponent);
        if self.infinite || product.infinite || product.significand != 0 && product.exponent >= 0 {
            return end;
        }
        let (number, by) = (u128::from(product.significand), product.exponent.unsigned_abs());
        let whole = number.checked_shr(by).unwrap_or(0);
        let has_rest = by >= 128 && number != 0 || by < 128 && whole << by != number;
        let magnitude = whole + u128::from(has_rest && !self.negative);
        let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
        if self.negative { -magnitude } else { magnitude }
    }

    /// Appends the number as `%.17Lf` prints it, without trailing zeros.
    pub fn write_human(self, out: &mut Vec<u8>) {
        if self.infinite {
            out.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            return;
        }
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        if self.exponent >= 0 {
            let mut number = Big::from(u128::from(self.significand));
            number.shift_left(self.exponent.unsigned_abs());
            number.write(out);
        } else {
            // Up to 2^64 * 10^17: fits, and so does twice as much.
            const SCALE: u128 = 10u128.pow(17);
            let scaled = shift_right_even(u128::from(self.significand) * SCALE, -self.exponent);
            let (whole, fraction) = (scaled / SCALE, scaled % SCALE);
            out.extend_from_slice(whole.to_string().as_bytes());
            if fraction != 0 {
                let digits = format!(".{fraction:017}");
                out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
            }
        }
        if &out[start..] == b"-0" {
            out.remove(start);
        }
    }
}

impl From<i64> for Extended {
    fn from(number: i64) -> Extended {
        let magnitude = u128::from(number.unsigned_abs());
        Extended { negative: number < 0, ..round(magnitude, 0) }
    }
}

impl From<f64> for Extended {
    /// Exact; NaN becomes zero, which no caller may ask for.
    fn from(number: f64) -> Extended {
        let (bits, negative) = (number.to_bits(), number.is_sign_negative());
        let (field, biased) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7FF) as i32);
        match biased {
            0x7FF => Extended { infinite: field == 0, negative, ..Extended::ZERO },
            0 => Extended { negative, ..round(u128::from(field), -1074) },
            _ => Extended { negative, ..round(u128::from(field | 1 << 52), biased - 1075) },
        }
    }
}

/// Brings a number to 64 significant bits, to nearest, ties to even.
fn round(number: u128, exponent: i32) -> Extended {
    if number == 0 {
        return Extended::ZERO;
    }
    let lead = number.leading_zeros() as i32;
    let exponent = exponent + 64 - lead;
    let number = number << lead;
    let (mut significand, rest) = ((number >> 64) as u64, number as u64);
    let mut exponent = exponent;
    let half = 1u64 << 63;
    if rest > half || (rest == half && significand & 1 == 1) {
        match significand.checked_add(1) {
            Some(up) => significand = up,
            None => (significand, exponent) = (half, exponent + 1),
        }
    }
    let infinite = exponent > EXPONENT_MAX;
    Extended { negative: false, significand, exponent, infinite }
}

/// Shifts right; the last bit stands for everything that fell off.
fn shift_right_sticky(number: u128, by: u32) -> u128 {
    match number.checked_shr(by) {
        Some(0) | None => u128::from(number != 0),
        Some(shifted) => shifted | u128::from(shifted << by != number),
    }
}

/// Shifts right by at least one and rounds to nearest, ties to even. The top bit of the number is
/// clear.
fn shift_right_even(number: u128, by: i32) -> u128 {
    if by >= 128 {
        return 0;
    }
    let (shifted, rest) = (number >> by, number & ((1 << by) - 1));
    let half = 1u128 << (by - 1);
    shifted + u128::from(rest > half || (rest == half && shifted & 1 == 1))
}

/// Reads `123.45e6`. The digits become a long integer, which is multiplied or divided by a power of
/// ten.
fn parse_decimal(text: &[u8]) -> Option<Extended> {
    let end = text.iter().position(|b| matches!(b, b'e' | b'E'));
    let (mantissa, power) = match end {
        Some(end) => (&text[..end], parse_power(&text[end + 1..])?),
        None => (text, 0),
    };
    let (mut digits, mut behind, mut point, mut seen) = (Vec::new(), 0i64, false, false);
    for &b in mantissa {
        match b {
            b'.' if !point => point = true,
            b'0'..=b'9' => {
                seen = true;
                behind += i64::from(point);
                if b != b'0' || !digits.is_empty() {
                    digits.push(b);
                }
            }
            _ => return None,
        }
    }
    if !seen {
        return None;
    }
    if digits.is_empty() {
        return Some(Extended::ZERO);
    }
    let power = power - behind;
    let magnitude = power + digits.len() as i64;
    if magnitude > 5000 {
        return Some(Extended { infinite: true, ..Extended::ZERO });
    }
    if magnitude < -4960 {
        // The reference calls this out of range as well.
        return None;
    }
    let power = i32::try_from(power).ok()?;
    let mut number = Big::digits(&digits);
    if power >= 0 {
        number.multiply_power_of_ten(power.unsigned_abs());
        return Some(number.rounded(0, false));
    }
    let mut divisor = Big::from(1);
    divisor.multiply_power_of_ten(power.unsigned_abs());
    // The quotient gets 66 or 67 bits, so that rounding sees the half and whether anything follows
    // it.
    let shift = (divisor.bits() + 66).cast_signed() - number.bits().cast_signed();
    let scaled = if shift >= 0 { &mut number } else { &mut divisor };
    scaled.shift_left(shift.unsigned_abs());
    let (quotient, exact) = number.divide(&divisor);
    Some(quotient.rounded(-shift, !exact))
}

/// Reads what follows `0x`: digits with an optional point, then an optional power of two.
fn parse_hexadecimal(text: &[u8]) -> Option<Extended> {
    let end = text.iter().position(|b| matches!(b, b'p' | b'P'));
    let (mantissa, power) = match end {
        Some(end) => (&text[..end], parse_power(&text[end + 1..])?),
        None => (text, 0),
    };
    let (mut number, mut shift, mut point, mut seen) = (0u128, 0i64, false, false);
    for &b in mantissa {
        if b == b'.' && !point {
            point = true;
            continue;
        }
        let digit = u128::from((b as char).to_digit(16)?);
        seen = true;
        if number >> 120 == 0 {
            number = number << 4 | digit;
            shift -= if point { 4 } else { 0 };
        } else {
            // Too long to keep: only whether anything followed matters for rounding.
            number |= u128::from(digit != 0);
            shift += if point { 0 } else { 4 };
        }
    }
    if !seen {
        return None;
    }
    let rounded = round(number, i32::try_from(shift + power).ok()?);
    (number == 0 || rounded.exponent > EXPONENT_MIN).then_some(rounded)
}

/// The number behind an `e`, kept within what can matter.
fn parse_power(text: &[u8]) -> Option<i64> {
    let digits = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    let power = match &digits[zeros..] {
        [] => 0,
        rest => text::parse_i64(rest).unwrap_or(i64::MAX).min(100_000),
    };
    Some(if text[0] == b'-' { -power } else { power })
}

/// A long integer, lowest limb first.
#[derive(Clone, Debug)]
struct Big {
    limbs: Vec<u32>,
}

impl From<u128> for Big {
    fn from(number: u128) -> Big {
        let limbs = (0..4).map(|at| (number >> (32 * at)) as u32).collect();
        Big { limbs }.trimmed()
    }
}

impl Big {
    fn digits(digits: &[u8]) -> Big {
        let mut number = Big { limbs: Vec::new() };
        for chunk in digits.chunks(9) {
            let value = chunk.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            number.multiply_add(10u32.pow(chunk.len() as u32), value);
        }
        number
    }

    fn trimmed(mut self) -> Big {
        while self.limbs.pop_if(|limb| *limb == 0).is_some() {}
        self
    }

    fn bits(&self) -> u32 {
        let top = self.limbs.last().map_or(0, |limb| 32 - limb.leading_zeros());
        (self.limbs.len().saturating_sub(1) * 32) as u32 + top
    }

    fn multiply_add(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for limb in &mut self.limbs {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry != 0 {
            self.limbs.push(carry as u32);
        }
    }

    fn multiply_power_of_ten(&mut self, power: u32) {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(10u32.pow(power % 9), 0);
    }

    fn shift_left(&mut self, by: u32) {
        self.multiply_add(1 << (by % 32), 0);
        let whole = (by / 32) as usize;
        self.limbs.splice(0..0, std::iter::repeat_n(0, whole));
    }

    /// Quotient and whether it is exact. One bit at a time: quotients here have few bits.
    fn divide(&self, divisor: &Big) -> (Big, bool) {
        let steps = self.bits().saturating_sub(divisor.bits()) + 1;
        let mut rest = self.clone();
        let mut shifted = divisor.clone();
        shifted.shift_left(steps);
        let mut quotient = 0u128;
        for _ in 0..=steps {
            quotient <<= 1;
            if rest.subtract_if_not_less(&shifted) {
                quotient |= 1;
            }
            shifted.halve();
        }
        (Big::from(quotient), rest.trimmed().limbs.is_empty())
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for limb in self.limbs.iter_mut().rev() {
            (*limb, carry) = (*limb >> 1 | carry << 31, *limb & 1);
        }
    }

    fn subtract_if_not_less(&mut self, other: &Big) -> bool {
        let len = self.limbs.len().max(other.limbs.len());
        self.limbs.resize(len, 0);
        let other_limb = |at: usize| other.limbs.get(at).copied().unwrap_or(0);
        let differing = (0..len).rev().find(|at| self.limbs[*at] != other_limb(*at));
        if differing.is_some_and(|at| self.limbs[at] < other_limb(at)) {
            return false;
        }
        let mut borrow = false;
        for at in 0..len {
            let (value, first) = self.limbs[at].overflowing_sub(other_limb(at));
            let (value, second) = value.overflowing_sub(u32::from(borrow));
            self.limbs[at] = value;
            borrow = first || second;
        }
        true
    }

    /// The number times `2^exponent`, rounded; `inexact` says that a little more than the number is
    /// meant.
    fn rounded(self, exponent: i32, inexact: bool) -> Extended {
        let number = self.trimmed();
        let skipped = number.limbs.len().saturating_sub(4);
        let mut window = 0u128;
        for limb in number.limbs[skipped..].iter().rev() {
            window = window << 32 | u128::from(*limb);
        }
        let sticky = inexact || number.limbs[..skipped].iter().any(|limb| *limb != 0);
        // At least 97 bits stand in a window that leaves something out, and 66 in a quotient: the
        // last is free to be sticky.
        round(window | u128::from(sticky), exponent + 32 * skipped as i32)
    }

    fn write(self, out: &mut Vec<u8>) {
        let mut number = self.trimmed();
        let mut groups = Vec::new();
        while !number.limbs.is_empty() {
            let mut rest = 0u64;
            for limb in number.limbs.iter_mut().rev() {
                let part = rest << 32 | u64::from(*limb);
                *limb = (part / 1_000_000_000) as u32;
                rest = part % 1_000_000_000;
            }
            groups.push(rest);
            number = number.trimmed();
        }
        let first = groups.pop().unwrap_or(0);
        out.extend_from_slice(first.to_string().as_bytes());
        for group in groups.iter().rev() {
            out.extend_from_slice(format!("{group:09}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(a: &str, b: &str) -> String {
        let sum = Extended::parse(a.as_bytes())
            .and_then(|a| a.plus(Extended::parse(b.as_bytes())?))
            .expect("two numbers");
        let mut out = Vec::new();
        sum.write_human(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_sums() {
        let cases = [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1.1", "2.2", "3.3"),
            ("3", "1e-17", "3.00000000000000001"),
            ("3", "1e-18", "3"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("0", "-0", "0"),
            ("-1", "1", "0"),
        ];
        for (a, b, expected) in cases {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
        let big = sum("1e300", "1");
        let long = sum(&format!("{}.5", "1".repeat(60)), "1");
        assert_eq!(long, "111111111111111111108621705771531345221163849678805956296704");
        assert_eq!(big.len(), 301);
        assert!(big.starts_with("1000000000000000000008997324079559193870"));
    }

    /// Sums that Redis 8.2 gave for INCRBYFLOAT on x86-64.
    #[test]
    fn sums_as_in_the_reference() {
        for line in include_str!("../../tests/golden/incrbyfloat.tsv").lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [a, b, expected] = fields[..] else { panic!("a bad line: {line}") };
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_counts_as_a_number() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "1e",
            "e5",
            "1 ",
            " 1",
            "nan",
            "1e5000",
            "1e-5000",
            "1.2.3",
            "--1",
            "0x",
            "0xg",
            "0x1p99999",
        ] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text}");
        }
        for text in
            ["1.", ".5", "+1", "1E+3", "0e99999", "inf", "-Infinity", "1e4932", "0x1p3", "-0X.8"]
        {
            assert!(Extended::parse(text.as_bytes()).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn integers_are_exact(a: i64, b: i64) {
            prop_assert_eq!(sum(&a.to_string(), "0"), a.to_string());
            prop_assert_eq!(Extended::parse(b.to_string().as_bytes()), Some(Extended::from(b)));
            let exact = i128::from(a) + i128::from(b);
            if exact.unsigned_abs() < 1 << 64 {
                prop_assert_eq!(sum(&a.to_string(), &b.to_string()), exact.to_string());
            }
        }

        #[test]
        fn doubles_are_exact(number in -1e15..1e15f64) {
            let mut out = Vec::new();
            Extended::from(number).write_human(&mut out);
            let again: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
            prop_assert!((again - number).abs() <= 1e-17 + number.abs() * f64::EPSILON);
        }

        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = Extended::parse(&text);
        }
    }
}
