//! Doubles as text, digit for digit as clients of Redis 7.2 and later see them.
//!
//! Writing follows Loitsch's Grisu2 ("Printing Floating-Point Numbers Quickly and Accurately with
//! Integers", 2010) without a fallback. Its digits always read back to the same double, but about
//! one double in a thousand gets other digits than the shortest, nearest ones that Rust's own
//! formatting finds. Replies are compared byte for byte by clients and replicas, so the algorithm
//! is part of the contract, with its rare detours.
//!
//! The steps: take the double and the middles to its two neighbours as 64-bit significands;
//! multiply all three by a cached power of ten that brings the binary exponent into -60..=-32;
//! produce decimal digits of the upper middle until what is left is smaller than the gap to the
//! lower one; step the last digit down towards the value itself.
//!
//! ```text
//!      lower middle      value      upper middle
//!   ---------|-------------|-------------|---------->
//!            |<----------- delta ------->|
//!                          |<--- gap --->|
//! ```
//!
//! The layout of the digits is the reference's own too: `12345678901234567000`, `0.00001`,
//! `1.234e-4`.

/// Reads a double: the whole text, no blanks, no NaN. `inf` and `infinity` are numbers here, in
/// either case of letters, and so are hexadecimal ones (`0x1.8p3`). What overflows to infinity or
/// underflows to zero is refused.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    if let [b'0', b'x' | b'X', digits @ ..] = unsigned {
        let magnitude = parse_hexadecimal(digits)?;
        return Some(if text[0] == b'-' { -magnitude } else { magnitude });
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let spelled_out = unsigned.first().is_some_and(u8::is_ascii_alphabetic);
    if number.is_nan() || (number.is_infinite() && !spelled_out) {
        return None;
    }
    let mantissa = unsigned.iter().take_while(|b| !matches!(b, b'e' | b'E'));
    if number == 0.0 && mantissa.into_iter().any(|b| matches!(b, b'1'..=b'9')) {
        return None;
    }
    Some(number)
}

/// Reads what follows `0x`: digits with an optional point, then an optional binary exponent in
/// decimal.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|b| matches!(b, b'p' | b'P')).unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at_checked(end)?;
    let (mut significand, mut shift, mut digits, mut point) = (0u64, 0i64, 0, false);
    for &b in mantissa {
        if b == b'.' && !point {
            point = true;
            continue;
        }
        let value = u64::from((b as char).to_digit(16)?);
        digits += 1;
        if significand >> 59 == 0 {
            significand = significand << 4 | value;
            shift -= if point { 4 } else { 0 };
        } else {
            // Too long to keep: only whether anything followed matters for rounding.
            significand |= u64::from(value != 0);
            shift += if point { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return None;
    }
    if let [_, number @ ..] = exponent {
        let number: i64 = std::str::from_utf8(number).ok()?.parse().ok()?;
        shift = shift.checked_add(number)?;
    }
    if significand == 0 {
        return Some(0.0);
    }
    let value = scale(significand as f64, shift);
    (value != 0.0 && value.is_finite()).then_some(value)
}

/// `value * 2^shift`, in steps that each fit a double.
fn scale(mut value: f64, shift: i64) -> f64 {
    let mut left = shift.clamp(-2500, 2500) as i32;
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        value *= 2f64.powi(step);
        left -= step;
    }
    value
}

/// Appends a double as it stands in replies and stored scores: integers as such up to 2^62, else
/// Grisu2.
pub fn write_f64(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        out.extend_from_slice(b"nan");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" });
    } else if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0" } else { b"0" });
    } else if number.abs() <= (1u64 << 62) as f64 && number.trunc() == number {
        super::text::write_i64(out, number as i64);
    } else {
        write_grisu(out, number);
    }
}

/// Appends a finite double by Grisu2 alone, without the short cut for integers: 1e17 is `1e+17`.
pub fn write_grisu(out: &mut Vec<u8>, number: f64) {
    if number.is_sign_negative() {
        out.push(b'-');
    }
    if number == 0.0 {
        out.push(b'0');
        return;
    }
    let digits = Digits::of(number.abs());
    digits.lay_out(out, number.is_sign_negative());
}

/// Appends a double with 17 significant digits, as `%.17g` of C does: what Redis printed before
/// 7.2, and still prints here and there.
pub fn write_17_digits(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        return write_f64(out, number);
    }
    // One digit, a point, sixteen more, and the exponent.
    let text = format!("{number:.16e}");
    let (digits, exponent) = text.split_once('e').expect("that is how it is formatted");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let digits = digits.strip_prefix('-').map_or(digits, |digits| {
        out.push(b'-');
        digits
    });
    let digits: Vec<u8> = digits.bytes().filter(|b| *b != b'.').collect();
    let end = digits.iter().rposition(|b| *b != b'0').map_or(1, |last| last + 1);
    let point = if (0..17).contains(&exponent) { exponent as usize + 1 } else { 1 };
    if (-4..0).contains(&exponent) {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-1 - exponent) as usize));
        out.extend_from_slice(&digits[..end]);
        return;
    }
    out.extend_from_slice(&digits[..point]);
    if end > point {
        out.push(b'.');
        out.extend_from_slice(&digits[point..end]);
    }
    if !(0..17).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    }
}

/// The text of a number of moderate size that is not negative, with four decimals. Compat: the ten
/// thousandfold is rounded, halves to even, and the product has been rounded before.
pub fn text_4_decimals(number: f64, buffer: &mut [u8; 24]) -> &[u8] {
    let mut left = (number * 10_000.0).round_ties_even() as u64;
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if buffer.len() - at == 4 {
            at -= 1;
            buffer[at] = b'.';
        }
        // One digit before the point.
        if left == 0 && buffer.len() - at >= 6 {
            return &buffer[at..];
        }
    }
}

/// A number of 64 significant bits: `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

impl Scaled {
    fn normalized(self) -> Scaled {
        let shift = self.significand.leading_zeros();
        Scaled { significand: self.significand << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product's high half. The partial products are rounded the way the paper's reference code
    /// does it, which differs in the last place from rounding the exact product.
    fn times(self, other: Scaled) -> Scaled {
        const LOW: u64 = 0xFFFF_FFFF;
        let (a, b) = (self.significand >> 32, self.significand & LOW);
        let (c, d) = (other.significand >> 32, other.significand & LOW);
        let middle = ((a * d) & LOW) + ((b * c) & LOW) + ((b * d) >> 32) + (1 << 31);
        let high = a * c + ((a * d) >> 32) + ((b * c) >> 32) + (middle >> 32);
        Scaled { significand: high, exponent: self.exponent + other.exponent + 64 }
    }
}

/// Decimal digits and a power of ten: `digits * 10^exponent`.
struct Digits {
    buffer: [u8; 24],
    len: usize,
    exponent: i32,
}

impl Digits {
    /// The digits of a finite double above zero.
    fn of(number: f64) -> Digits {
        let (value, lower, upper) = boundaries(number);
        let (power, decimal) = cached_power(upper.exponent);
        let value = value.times(power);
        let (lower, upper) = (lower.times(power), upper.times(power));
        // One unit inwards on both sides makes up for the error of the products.
        let (lower, upper) =
            (lower.significand + 1, Scaled { significand: upper.significand - 1, ..upper });
        let mut digits = Digits { buffer: [0; 24], len: 0, exponent: -decimal };
        digits.generate(upper, upper.significand - lower, upper.significand - value.significand);
        digits
    }

    fn push(&mut self, digit: u64) {
        self.buffer[self.len] = b'0' + digit as u8;
        self.len += 1;
    }

    /// Generates digits of `upper` until the rest is within `delta`; `gap` is the way from the
    /// value up to `upper`.
    fn generate(&mut self, upper: Scaled, mut delta: u64, mut gap: u64) {
        let shift = (-upper.exponent) as u32;
        let one = 1u64 << shift;
        let mut whole = upper.significand >> shift;
        let mut fraction = upper.significand & (one - 1);
        for power in (0..10u32).rev() {
            let weight = 10u64.pow(power);
            let digit = whole / weight;
            whole %= weight;
            if digit != 0 || self.len != 0 {
                self.push(digit);
            }
            let rest = (whole << shift) + fraction;
            if rest <= delta {
                self.exponent += power as i32;
                return self.round(delta, rest, weight << shift, gap);
            }
        }
        loop {
            fraction = fraction.wrapping_mul(10);
            delta = delta.wrapping_mul(10);
            gap = gap.wrapping_mul(10);
            let digit = fraction >> shift;
            if digit != 0 || self.len != 0 {
                self.push(digit);
            }
            fraction &= one - 1;
            self.exponent -= 1;
            // A rest below `delta` comes within 17 digits; the second test only guards the buffer.
            if fraction < delta || self.len == self.buffer.len() {
                return self.round(delta, fraction, one, gap);
            }
        }
    }

    /// Steps the last digit down while that brings the digits nearer to the value.
    fn round(&mut self, delta: u64, mut rest: u64, unit: u64, gap: u64) {
        let last = self.len.saturating_sub(1);
        while rest < gap
            && delta - rest >= unit
            && (rest + unit < gap || gap - rest > rest + unit - gap)
        {
            self.buffer[last] -= 1;
            rest += unit;
        }
    }

    fn lay_out(&self, out: &mut Vec<u8>, negative: bool) {
        let digits = &self.buffer[..self.len];
        let count = self.len as i32;
        let scientific = self.exponent + count - 1;
        if self.exponent >= 0 && scientific.abs() < count + 7 {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', self.exponent as usize));
        } else if self.exponent < 0 && (self.exponent > -7 || scientific.abs() < 4) {
            let before = count + self.exponent;
            if before <= 0 {
                out.extend_from_slice(b"0.");
                out.extend(std::iter::repeat_n(b'0', (-before) as usize));
                out.extend_from_slice(digits);
            } else {
                out.extend_from_slice(&digits[..before as usize]);
                out.push(b'.');
                out.extend_from_slice(&digits[before as usize..]);
            }
        } else {
            let kept = digits.len().min(if negative { 17 } else { 18 });
            out.push(digits[0]);
            if kept > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..kept]);
            }
            out.extend_from_slice(if scientific < 0 { b"e-" } else { b"e+" });
            super::text::write_i64(out, i64::from(scientific.abs()));
        }
    }
}

/// The value and the middles to its neighbours, normalised; the lower middle has the exponent of
/// the upper one.
fn boundaries(number: f64) -> (Scaled, Scaled, Scaled) {
    const HIDDEN: u64 = 1 << 52;
    let bits = number.to_bits();
    let (field, biased) = (bits & (HIDDEN - 1), (bits >> 52 & 0x7FF) as i32);
    let (significand, exponent) =
        if biased == 0 { (field, -1074) } else { (field | HIDDEN, biased - 1075) };
    let upper = Scaled { significand: 2 * significand + 1, exponent: exponent - 1 }.normalized();
    // Below a power of two the neighbours are twice as near.
    let (lower, lower_exponent) = if significand == HIDDEN {
        (4 * significand - 1, exponent - 2)
    } else {
        (2 * significand - 1, exponent - 1)
    };
    let lower = Scaled {
        significand: lower << (lower_exponent - upper.exponent),
        exponent: upper.exponent,
    };
    (Scaled { significand, exponent }.normalized(), lower, upper)
}

/// A cached power of ten that brings a number with this exponent into range, and which power it is.
fn cached_power(exponent: i32) -> (Scaled, i32) {
    const LOG10_OF_2: f64 = 0.301_029_995_663_981_14;
    let approximate = (-f64::from(exponent + 87) * LOG10_OF_2) as i32;
    let mut index = (approximate - POWER_FIRST) / POWER_STEP;
    loop {
        let power = POWERS[index as usize];
        let scaled = exponent + power.exponent + 64;
        if scaled < -60 {
            index += 1;
        } else if scaled > -32 {
            index -= 1;
        } else {
            return (power, POWER_FIRST + index * POWER_STEP);
        }
    }
}

const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;

/// 10^-348, 10^-340, ... 10^340, each rounded to 64 bits.
static POWERS: [Scaled; 87] = compute_powers();

/// Limbs of 32 bits: 10^340 takes 1130 bits, and 10^-348 in units of 2^-1344 keeps nearly 200.
const LIMBS: usize = 43;

/// Computes the table at compile time with plain long arithmetic. Dividing a floored quotient again
/// floors the true one, so the negative powers are exact to their last kept bit as well.
const fn compute_powers() -> [Scaled; 87] {
    let mut powers = [Scaled { significand: 0, exponent: 0 }; 87];
    let mut number = [0u32; LIMBS];
    number[0] = 1;
    // Ten to the 4, then up by 8: the grid of -348 + 8n meets zero between -4 and 4.
    multiply(&mut number, 10_000);
    let mut index = 44;
    while index < 87 {
        powers[index] = leading_bits(&number, 0);
        multiply(&mut number, 100_000_000);
        index += 1;
    }
    let mut number = [0u32; LIMBS];
    number[LIMBS - 1] = 1;
    divide(&mut number, 10_000);
    let mut index = 44;
    while index > 0 {
        index -= 1;
        powers[index] = leading_bits(&number, -(32 * (LIMBS as i32 - 1)));
        divide(&mut number, 100_000_000);
    }
    powers
}

const fn multiply(number: &mut [u32; LIMBS], factor: u64) {
    let (mut carry, mut at) = (0u64, 0);
    while at < LIMBS {
        let product = number[at] as u64 * factor + carry;
        number[at] = product as u32;
        carry = product >> 32;
        at += 1;
    }
}

const fn divide(number: &mut [u32; LIMBS], divisor: u64) {
    let (mut rest, mut at) = (0u64, LIMBS);
    while at > 0 {
        at -= 1;
        let part = rest << 32 | number[at] as u64;
        number[at] = (part / divisor) as u32;
        rest = part % divisor;
    }
}

/// The highest 64 bits of `number * 2^exponent`, rounded by the bit below them.
const fn leading_bits(number: &[u32; LIMBS], exponent: i32) -> Scaled {
    let mut top = LIMBS - 1;
    while number[top] == 0 {
        top -= 1;
    }
    let mut window = 0u128;
    let mut taken = 0;
    while taken < 4 {
        let limb = if top >= taken { number[top - taken] } else { 0 };
        window = window << 32 | limb as u128;
        taken += 1;
    }
    let shift = window.leading_zeros();
    window <<= shift;
    let exponent = exponent + 32 * (top as i32 - 3) - shift as i32 + 64;
    let significand = (window >> 64) as u64;
    if window as u64 >> 63 == 0 {
        return Scaled { significand, exponent };
    }
    match significand.checked_add(1) {
        Some(significand) => Scaled { significand, exponent },
        None => Scaled { significand: 1 << 63, exponent: exponent + 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_ends_of_the_power_table() {
        let ends = [(0, 18054884314459144840, -1220), (86, 12648080533535911531, 1066)];
        for (index, significand, exponent) in ends {
            assert_eq!(POWERS[index].significand, significand);
            assert_eq!(POWERS[index].exponent, exponent);
        }
    }

    #[test]
    fn seventeen_digits_as_c_prints_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (2.2, "2.2000000000000002"),
            (300000.0, "300000"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (12345678901234567890.0, "1.2345678901234567e+19"),
            (1e23, "9.9999999999999992e+22"),
            (1e-4, "0.0001"),
            (0.0001234, "0.00012339999999999999"),
            (1e-5, "1.0000000000000001e-05"),
            (-123456.123456789, "-123456.12345678901"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            let mut out = Vec::new();
            write_17_digits(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    /// Halves, and what the product makes of them, as Redis 8.2 prints distances.
    #[test]
    fn four_decimals() {
        let cases = [
            (0.0, "0.0000"),
            (0.00004, "0.0000"),
            (0.00005, "0.0000"),
            (0.00025, "0.0002"),
            (0.00075, "0.0008"),
            (0.1, "0.1000"),
            (9.99995, "10.0000"),
            (166274.15156960033, "166274.1516"),
            (42594828.73275, "42594828.7328"),
            (29077021.76685, "29077021.7668"),
            (57494318.54905, "57494318.5490"),
            (1e300, "1844674407370955.1615"),
            (f64::NAN, "0.0000"),
        ];
        for (number, text) in cases {
            assert_eq!(text_4_decimals(number, &mut [0; 24]), text.as_bytes(), "{number}");
        }
    }

    #[test]
    fn known_doubles() {
        let cases: [(f64, &str); 20] = [
            (0.1, "0.1"),
            (3.15, "3.15"),
            (1e15, "1000000000000000"),
            (1e17, "100000000000000000"),
            ((1u64 << 62) as f64, "4611686018427387904"),
            (1e19, "1e+19"),
            (12345678901234567890.0, "12345678901234567000"),
            (1e23, "99999999999999990000000"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (0.0001234, "1.234e-4"),
            (1234.123456789, "1234.123456789"),
            (123456.123456789, "1.23456123456789e+5"),
            (340522.319399, "3.4052231939900003e+5"),
            (1626983080611305.8, "1626983080611305.7"),
            (5e-324, "5e-324"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-2.5, "-2.5"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(number), expected);
        }
    }

    /// Bit patterns and the text that Redis 8.2 gave for them.
    #[test]
    fn doubles_print_as_the_reference_prints_them() {
        for line in include_str!("../../tests/golden/doubles.tsv").lines().skip(1) {
            let (bits, expected) = line.split_once('\t').unwrap();
            let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(text(number), expected, "{bits}");
        }
    }

    #[test]
    fn what_counts_as_a_double() {
        let good: [(&str, f64); 14] = [
            ("0", 0.0),
            ("+5", 5.0),
            ("-2.5e3", -2500.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0X1.8p3", -12.0),
            ("0x.8p1", 1.0),
            ("0e-9999", 0.0),
            ("5e-324", 5e-324),
            ("0x1p-1074", 5e-324),
            ("0x0p99999", 0.0),
        ];
        for (text, number) in good {
            assert_eq!(parse_f64(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "1e400",
            "-1e400",
            "1e-400",
            "1,5",
            "0x",
            "0x.",
            "0xp1",
            "--1",
            "+",
            "e5",
            "0x1p99999",
            "0x1p-99999",
            "1e",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_back(bits: u64) {
            let number = f64::from_bits(bits);
            if number.is_finite() {
                let mut out = Vec::new();
                write_f64(&mut out, number);
                prop_assert_eq!(parse_f64(&out), Some(number));
            }
        }

        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = parse_f64(&text);
        }
    }
}
