//! Sizes of memory as people write and read them.
//!
//! In a configuration file a size is a number with an optional unit. The units with a `b` count in
//! steps of 1024, the bare letters in steps of 1000, in either case of letters: `1k` is 1000 bytes,
//! `1kb` is 1024. INFO shows sizes the other way round, with two decimals and one letter for the
//! unit, always in steps of 1024: `1.02M`.

/// Reads a size such as `100`, `1kb`, `5mb` or `2g`; `None` if it is none. What 64 bits cannot tell
/// becomes the largest size, which the bounds of whoever asked will refuse.
// Compat: a unit without a number is zero of it, so that an empty value means 0.
pub fn parse(text: &[u8]) -> Option<u64> {
    if text.len() >= TEXT_MAX {
        return None;
    }
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = number
        .iter()
        .fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(unit))
}

/// Longer texts are not even looked at.
const TEXT_MAX: usize = 128;

/// Shows a size as INFO's `*_human` fields do: `512B`, `1.00K`, `1.02M`.
pub fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let unit = (bytes.ilog2() / 10) as usize;
    let divisor = 1024f64.powi(unit as i32);
    format!("{:.2}{}", bytes as f64 / divisor, ["B", "K", "M", "G", "T", "P", "E"][unit])
}

/// The shortest way to write a size with a unit of 1024 that divides it: 1048576 is `1mb`, 1000 is
/// `1000`.
pub fn compact(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_decimal_or_binary() {
        let cases: [(&str, u64); 16] = [
            ("0", 0),
            ("100", 100),
            ("007", 7),
            ("10b", 10),
            ("1k", 1000),
            ("1Kb", 1024),
            ("5mb", 5 << 20),
            ("5M", 5_000_000),
            ("1g", 1_000_000_000),
            ("2GB", 2 << 30),
            ("18446744073709551615", u64::MAX),
            ("17179869183gb", 17179869183 << 30),
            ("17179869184gb", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("", 0),
            ("kb", 0),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in ["-1", "1tb", "1 kb", "1.5mb", "+1", "1e", &"1".repeat(128)] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_for_people() {
        let cases: [(u64, &str); 7] = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1069547, "1.02M"),
            (1 << 30, "1.00G"),
            (3 << 40, "3.00T"),
            (u64::MAX, "16.00E"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn compact_sizes_read_back() {
        assert_eq!(compact(0), "0");
        assert_eq!(compact(1000), "1000");
        assert_eq!(compact(1 << 20), "1mb");
        assert_eq!(compact(3 << 29), "1536mb");
    }
}
