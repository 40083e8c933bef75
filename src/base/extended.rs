//! Extended-precision numbers: what INCRBYFLOAT and HINCRBYFLOAT calculate with.
//!
//! Compat: Redis does these sums in C's `long double`, on x86-64 the 80-bit format, and prints seventeen
//! decimals without trailing zeros. Users rely on `0.1 + 0.2` being `0.3` there. The format has a significand
//! of 64 bits, all of them explicit, and fifteen bits of exponent:
//!
//! ```text
//!   value = significand * 2^exponent      2^63 <= significand < 2^64, or less for the tiniest
//!                                         -16445 <= exponent <= 16320
//! ```
//!
//! Reading goes through whole big numbers and rounds once, to nearest, ties to even, as `strtold` does;
//! printing is exact. Numbers here are short, so plain schoolbook arithmetic will do.

/// An extended-precision number, infinities included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    significand: u64,
    /// Of the lowest bit; [`INFINITE`] for infinities.
    exponent: i32,
}

const EXPONENT_MIN: i32 = -16_445;
const EXPONENT_MAX: i32 = 16_320;
const INFINITE: i32 = i32::MAX;

/// Texts from this length on are refused, whatever they say.
const TEXT_MAX: usize = 5 * 1024;

/// Decimals printed at most.
const DECIMALS: usize = 17;

/// A whole number without sign, lowest digit first.
#[derive(Debug, Clone)]
struct Big(Vec<u32>);

impl Extended {
    /// Reads a number the way `strtold` does, with nothing before and nothing after it. Overflow, underflow to
    /// zero and NaN are refused, infinities are not.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { negative, significand: 1 << 63, exponent: INFINITE });
        }
        let magnitude = match rest {
            [b'0', b'x' | b'X', hex @ ..] => parse_hex(hex)?,
            decimal => parse_decimal(decimal)?,
        };
        Some(Extended { negative, ..magnitude })
    }

    /// A whole number, exactly.
    pub fn from_i64(number: i64) -> Self {
        let rounded = round(u128::from(number.unsigned_abs()), 0, false);
        Extended { negative: number < 0, ..rounded.expect("64 bits fit") }
    }

    /// The sum, or nothing if it is not a finite number.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.exponent == INFINITE || other.exponent == INFINITE {
            return None;
        }
        let (large, small) = if self.magnitude_key() >= other.magnitude_key() {
            (self, other)
        } else {
            (other, self)
        };
        if small.significand == 0 {
            return Some(large);
        }
        // The larger at the top of 128 bits, one bit of room above; what the smaller loses sticks.
        let distance = (large.exponent - small.exponent) as u32;
        let a = u128::from(large.significand) << 63;
        let whole = u128::from(small.significand) << 63;
        let b = whole.checked_shr(distance).unwrap_or(0);
        let lost = distance >= 127 || (b << distance) != whole;
        let sum = if large.negative == small.negative { a + b } else { a - b - u128::from(lost) };
        let result = round(sum, large.exponent - 63, lost)?;
        Some(Extended { negative: large.negative && result.significand != 0, ..result })
    }

    /// Orders magnitudes of finite numbers; significands are normalised, but for the tiniest.
    fn magnitude_key(self) -> (i32, u64) {
        if self.significand == 0 { (i32::MIN, 0) } else { (self.exponent, self.significand) }
    }

    /// Appends the number in decimal: seventeen decimals, less the zeros at the end.
    pub fn write(self, out: &mut Vec<u8>) {
        debug_assert!(self.exponent != INFINITE, "only finite numbers are printed");
        let mut digits = if self.exponent >= 0 {
            let mut big = Big::from(self.significand);
            big.shift_left(self.exponent as u32);
            big.decimal()
        } else {
            self.scaled().to_string().into_bytes()
        };
        if self.exponent < 0 {
            if digits.len() <= DECIMALS {
                digits.splice(0..0, std::iter::repeat_n(b'0', DECIMALS + 1 - digits.len()));
            }
            digits.insert(digits.len() - DECIMALS, b'.');
            let kept = digits.iter().rposition(|d| *d != b'0').map_or(0, |at| at + 1);
            digits.truncate(kept);
            if digits.last() == Some(&b'.') {
                digits.pop();
            }
        }
        if self.negative && digits != b"0" {
            out.push(b'-');
        }
        out.extend_from_slice(&digits);
    }

    /// The number times 10^17, rounded to nearest, ties to even, for a negative exponent.
    fn scaled(self) -> u128 {
        let product = u128::from(self.significand) * 10u128.pow(DECIMALS as u32);
        let shift = self.exponent.unsigned_abs();
        if shift >= 128 {
            return 0;
        }
        let quotient = product >> shift;
        let rest = product - (quotient << shift);
        let half = 1u128 << (shift - 1);
        quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
    }
}

/// Rounds `bits * 2^exponent`, a little more if `sticky`, to 64 bits. None: too large.
fn round(bits: u128, exponent: i32, sticky: bool) -> Option<Extended> {
    if bits == 0 {
        return Some(Extended { negative: false, significand: 0, exponent: 0 });
    }
    let excess = (64 - bits.leading_zeros() as i32).max(EXPONENT_MIN - exponent);
    let (mut significand, mut exponent) = if excess <= 0 {
        // Room below: a sum that cancelled, or a short number. Nothing can stick then.
        (bits << -excess, exponent + excess)
    } else if excess >= 128 {
        (0, EXPONENT_MIN)
    } else {
        let kept = bits >> excess;
        let rest = bits - (kept << excess);
        let half = 1u128 << (excess - 1);
        let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
        (kept + u128::from(up), exponent + excess)
    };
    if significand >> 64 != 0 {
        significand >>= 1;
        exponent += 1;
    }
    (exponent <= EXPONENT_MAX).then_some(Extended {
        negative: false,
        significand: significand as u64,
        exponent,
    })
}

fn parse_decimal(text: &[u8]) -> Option<Extended> {
    let (mut number, mut scale, mut digits, mut at) = (Big(vec![]), 0i64, 0, 0);
    let mut after_point = false;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'0'..=b'9' => {
                number.multiply_add(10, u32::from(byte - b'0'));
                digits += 1;
                scale -= i64::from(after_point);
            }
            b'.' if !after_point => after_point = true,
            _ => break,
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    scale += parse_exponent(&text[at..], b'e')?;
    if number.0.is_empty() {
        return round(0, 0, false);
    }
    let magnitude = scale + i64::try_from(number.decimal().len()).ok()?;
    if !(-4_960..=4_940).contains(&magnitude) {
        return None;
    }
    let result = if scale >= 0 {
        number.multiply_pow10(scale as u32);
        let (bits, exponent, sticky) = number.top_bits();
        round(bits, exponent, sticky)?
    } else {
        let mut divisor = Big::from(1);
        divisor.multiply_pow10(scale.unsigned_abs() as u32);
        let (bits, exponent, sticky) = number.divide(divisor);
        round(bits, exponent, sticky)?
    };
    (result.significand != 0).then_some(result)
}

fn parse_hex(text: &[u8]) -> Option<Extended> {
    let (mut bits, mut exponent, mut sticky) = (0u128, 0i64, false);
    let (mut digits, mut at, mut after_point) = (0, 0, false);
    while let Some(&byte) = text.get(at) {
        if byte == b'.' && !after_point {
            after_point = true;
        } else if let Some(digit) = char::from(byte).to_digit(16) {
            digits += 1;
            if bits >> 120 == 0 {
                bits = (bits << 4) | u128::from(digit);
                exponent -= if after_point { 4 } else { 0 };
            } else {
                sticky |= digit != 0;
                exponent += if after_point { 0 } else { 4 };
            }
        } else {
            break;
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    exponent += parse_exponent(&text[at..], b'p')?;
    if bits == 0 {
        return round(0, 0, false);
    }
    let exponent = i32::try_from(exponent.clamp(-40_000, 40_000)).ok()?;
    round(bits, exponent, sticky).filter(|r| r.significand != 0)
}

/// The exponent behind a number: nothing, or a letter with a whole number.
fn parse_exponent(text: &[u8], letter: u8) -> Option<i64> {
    let [first, rest @ ..] = text else { return Some(0) };
    if first.to_ascii_lowercase() != letter {
        return None;
    }
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000));
    Some(if negative { -value } else { value })
}

impl Big {
    fn from(number: u64) -> Big {
        let mut big = Big(vec![number as u32, (number >> 32) as u32]);
        big.trim();
        big
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for digit in &mut self.0 {
            let product = u64::from(*digit) * u64::from(factor) + carry;
            *digit = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn multiply_pow10(&mut self, power: u32) {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(10u32.pow(power % 9), 0);
    }

    fn shift_left(&mut self, bits: u32) {
        if self.0.is_empty() {
            return;
        }
        if !bits.is_multiple_of(32) {
            self.multiply_add(1 << (bits % 32), 0);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits as usize / 32));
    }

    fn bit_len(&self) -> u32 {
        self.0.last().map_or(0, |top| self.0.len() as u32 * 32 - top.leading_zeros())
    }

    /// The highest bits, at most 128 of them, their exponent, and whether any below are set.
    fn top_bits(&self) -> (u128, i32, bool) {
        let (low, top) = self.0.split_at(self.0.len().saturating_sub(4));
        let bits = top.iter().rev().fold(0u128, |bits, digit| (bits << 32) | u128::from(*digit));
        (bits, low.len() as i32 * 32, low.iter().any(|digit| *digit != 0))
    }

    /// The quotient to 68 bits or so, its exponent, and whether there is a remainder. Both are not zero.
    fn divide(mut self, mut divisor: Big) -> (u128, i32, bool) {
        const BITS: i32 = 68;
        let shift = BITS + divisor.bit_len() as i32 - self.bit_len() as i32;
        if shift > 0 {
            self.shift_left(shift as u32);
        } else {
            divisor.shift_left(shift.unsigned_abs());
        }
        // Bit by bit: both are scaled so that the quotient has 68 or 69 bits.
        let (mut quotient, mut scaled) = (0u128, divisor);
        scaled.shift_left(BITS as u32 + 1);
        for _ in 0..=BITS + 1 {
            quotient <<= 1;
            if self.subtract(&scaled) {
                quotient |= 1;
            }
            scaled.halve();
        }
        (quotient, -shift, !self.0.is_empty())
    }

    /// Subtracts if the result is not negative; says whether it did.
    fn subtract(&mut self, other: &Big) -> bool {
        let longer = self.0.len().cmp(&other.0.len());
        if longer.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_lt() {
            return false;
        }
        let mut borrow = 0i64;
        for (at, digit) in self.0.iter_mut().enumerate() {
            let difference =
                i64::from(*digit) - i64::from(other.0.get(at).copied().unwrap_or(0)) + borrow;
            *digit = difference as u32;
            borrow = difference >> 32;
        }
        self.trim();
        true
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for digit in self.0.iter_mut().rev() {
            let low = *digit << 31;
            *digit = (*digit >> 1) | carry;
            carry = low;
        }
        self.trim();
    }

    fn decimal(&self) -> Vec<u8> {
        let (mut rest, mut groups) = (self.0.clone(), vec![]);
        while !rest.is_empty() {
            let mut carry = 0u64;
            for digit in rest.iter_mut().rev() {
                let value = (carry << 32) | u64::from(*digit);
                *digit = (value / 1_000_000_000) as u32;
                carry = value % 1_000_000_000;
            }
            groups.push(carry);
            while rest.last() == Some(&0) {
                rest.pop();
            }
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        groups.iter().rev().for_each(|group| text.push_str(&format!("{group:09}")));
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let (a, b) = (Extended::parse(a.as_bytes()), Extended::parse(b.as_bytes()));
        let Some(sum) = a.expect("a number").plus(b.expect("a number")) else {
            return "infinite".into();
        };
        let mut out = vec![];
        sum.write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn sums_are_those_of_the_reference() {
        for (a, b, result) in [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1.1", "2.2", "3.3"),
            ("3", "1e-17", "3.00000000000000001"),
            ("3", "1e-18", "3"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("0", "-0", "0"),
            ("1", "-1", "0"),
            ("-1.5", "1", "-0.5"),
            ("0x10", "0x.8p1", "17"),
            ("1e-300", "0", "0"),
            ("-1e-300", "0", "0"),
            ("1", "inf", "infinite"),
            ("-inf", "inf", "infinite"),
            ("1e4932", "1e4932", "infinite"),
            ("1", "-1e-19", "1"),
            ("1000000000000", "-0.001", "999999999999.99900001287460327"),
        ] {
            assert_eq!(sum(a, b), result, "{a} + {b}");
        }
        let large = sum("1e300", "1");
        assert_eq!((large.len(), &large[..40]), (301, "1000000000000000000008997324079559193870"));
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        let long = "1".repeat(TEXT_MAX);
        for text in [
            "", " 1", "1 ", "abc", "nan", "1e", "e5", ".", "0x", "1e5000", "1e-5000", "--1",
            "1.2.3", &long,
        ] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["+1", ".5", "5.", "1E3", "infinity", "1e4932", "1e-4950", "0e99999999999"] {
            assert!(Extended::parse(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_exact() {
        for number in [0, 1, -1, i64::MAX, i64::MIN, 1 << 62] {
            let mut out = vec![];
            Extended::from_i64(number).write(&mut out);
            assert_eq!(out, number.to_string().as_bytes());
            assert_eq!(Extended::parse(&out), Some(Extended::from_i64(number)));
        }
    }
}
