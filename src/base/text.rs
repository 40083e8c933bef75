//! Numbers as text: integers in their one canonical form.
//!
//! A value may be kept as an integer instead of as text only if printing it gives back the same
//! bytes. Therefore the reading here is strict: no blanks, no `+`, no leading zeros, no `-0`,
//! nothing left over. The same strictness decides which arguments of commands and options count as
//! integers at all.
//!
//! Doubles have a file of their own, as they have an algorithm of their own: see `double` and
//! `extended`.

pub use super::double::{parse_f64, write_f64};

/// Reads a canonical signed integer.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match *text {
        [b'-', ref digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            if magnitude == 0 {
                return None;
            }
            0i64.checked_sub_unsigned(magnitude)
        }
        _ => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// Reads a canonical unsigned integer.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match *text {
        [] => None,
        [b'0'] => Some(0),
        [b'0', ..] => None,
        // Nineteen digits cannot overflow, so the common case needs no check per digit.
        _ if text.len() <= 19 => text.iter().try_fold(0u64, |n, b| Some(n * 10 + digit(*b)?)),
        _ if text.len() > 20 => None,
        _ => text.iter().try_fold(0u64, |n, b| n.checked_mul(10)?.checked_add(digit(*b)?)),
    }
}

fn digit(b: u8) -> Option<u64> {
    let value = b.wrapping_sub(b'0');
    (value < 10).then_some(u64::from(value))
}

/// Appends a signed integer in decimal.
pub fn write_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_u64(out, number.unsigned_abs());
}

/// Appends an unsigned integer in decimal.
pub fn write_u64(out: &mut Vec<u8>, number: u64) {
    let mut buffer = [0; 20];
    let at = fill(&mut buffer, number);
    out.extend_from_slice(&buffer[at..]);
}

/// The text of a signed integer, in a buffer of its own.
pub fn text_i64(number: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = fill(buffer, number.unsigned_abs());
    if number < 0 {
        // The longest magnitude of a negative number has 19 digits.
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// Writes an integer to the end of a buffer, two digits at a step, and returns where it begins.
#[inline]
fn fill(buffer: &mut [u8; 20], mut number: u64) -> usize {
    let mut at = buffer.len();
    while number >= 100 {
        let pair = (number % 100) as usize;
        number /= 100;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair]);
    }
    if number >= 10 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[number as usize]);
    } else {
        at -= 1;
        buffer[at] = b'0' + number as u8;
    }
    at
}

/// How many bytes `write_i64` would append.
pub fn len_i64(number: i64) -> usize {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(number < 0)
}

/// `00`, `01`, ... `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_integers_are_read() {
        let texts = ["", "-", "+1", "-0", "01", "-01", " 1", "1 ", "1a", "9223372036854775808"];
        for text in texts.into_iter().chain(["-9223372036854775809", "99999999999999999999"]) {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(text_i64(i64::MIN, &mut [0; 20]), b"-9223372036854775808");
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"0"), Some(0));
    }

    proptest! {
        #[test]
        fn integers_come_back(number: i64, shift in 0..64u32) {
            let number = number >> shift;
            let expected = number.to_string();
            let mut out = b"x".to_vec();
            write_i64(&mut out, number);
            prop_assert_eq!(&out[1..], expected.as_bytes());
            prop_assert_eq!(len_i64(number), out.len() - 1);
            let mut buffer = [0; 20];
            prop_assert_eq!(text_i64(number, &mut buffer), expected.as_bytes());
            prop_assert_eq!(parse_i64(&out[1..]), Some(number));
        }

        #[test]
        fn what_is_read_prints_the_same(text in "-?[0-9]{0,21}") {
            if let Some(number) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(number.to_string(), text);
            }
        }
    }
}
