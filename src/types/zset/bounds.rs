//! Bounds of ranges by score and by name, as commands write them.
//!
//! ```text
//!   score   1.5   (1.5   -inf   (+inf         a bracket excludes the bound
//!   name    [abc  (abc   -      +             the bracket is compulsory; - and + are before and behind everything
//! ```

use std::ops::Range;

use crate::base::text::parse_f64;

/// Positions, from the first to the one behind the last.
pub type Ranks = Range<usize>;

/// A range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    pub min: f64,
    pub max: f64,
    /// The bound itself is outside.
    pub min_is_open: bool,
    pub max_is_open: bool,
}

impl ScoreRange {
    /// Reads both bounds.
    pub fn parse(min: &[u8], max: &[u8]) -> Option<Self> {
        let ((min, min_is_open), (max, max_is_open)) = (parse_bound(min)?, parse_bound(max)?);
        Some(ScoreRange { min, max, min_is_open, max_is_open })
    }

    #[inline]
    pub fn is_above_min(self, score: f64) -> bool {
        if self.min_is_open { score > self.min } else { score >= self.min }
    }

    #[inline]
    pub fn is_below_max(self, score: f64) -> bool {
        if self.max_is_open { score < self.max } else { score <= self.max }
    }
}

/// Reads a bound: its score, and whether it is an open one. Compat: this is not how scores are read
/// elsewhere: blanks may stand in front, a NUL ends the text, no text is 0, what is too large is
/// infinite, and what is too small is 0. Redis 8.2 alone knows no hexadecimal numbers and no blanks
/// here.
fn parse_bound(text: &[u8]) -> Option<(f64, bool)> {
    let (text, is_open) = match text {
        [b'(', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    if end == 0 {
        return Some((0.0, is_open));
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let blanks = text[..end].iter().take_while(|byte| is_blank(byte)).count();
    let number = &text[blanks..end];
    let score = match number {
        [b'0', b'x' | b'X', ..] | [b'+' | b'-', b'0', b'x' | b'X', ..] => parse_f64(number)?,
        _ => std::str::from_utf8(number).ok()?.parse().ok()?,
    };
    (!score.is_nan()).then_some((score, is_open))
}

/// One end of a range of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    BeforeAll,
    BehindAll,
    Closed(&'a [u8]),
    Open(&'a [u8]),
}

impl<'a> LexBound<'a> {
    /// Reads a bound.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            // Compat: a NUL ends these two, whatever comes behind it.
            b"-" | [b'-', 0, ..] => Some(LexBound::BeforeAll),
            b"+" | [b'+', 0, ..] => Some(LexBound::BehindAll),
            [b'[', name @ ..] => Some(LexBound::Closed(name)),
            [b'(', name @ ..] => Some(LexBound::Open(name)),
            _ => None,
        }
    }
}

/// A range of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    pub min: LexBound<'a>,
    pub max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    /// Reads both bounds.
    pub fn parse(min: &'a [u8], max: &'a [u8]) -> Option<Self> {
        Some(LexRange { min: LexBound::parse(min)?, max: LexBound::parse(max)? })
    }

    pub fn is_above_min(&self, name: &[u8]) -> bool {
        match self.min {
            LexBound::BeforeAll => true,
            LexBound::BehindAll => false,
            LexBound::Closed(min) => name >= min,
            LexBound::Open(min) => name > min,
        }
    }

    pub fn is_below_max(&self, name: &[u8]) -> bool {
        match self.max {
            LexBound::BeforeAll => false,
            LexBound::BehindAll => true,
            LexBound::Closed(max) => name <= max,
            LexBound::Open(max) => name < max,
        }
    }
}

/// The positions, in a walk over all, of the elements from the first one above the minimum on, as
/// long as they are below the maximum.
pub fn ranks<T>(
    mut all: impl Iterator<Item = T>,
    mut is_above_min: impl FnMut(&T) -> bool,
    mut is_below_max: impl FnMut(&T) -> bool,
) -> Ranks {
    let mut start = 0;
    for element in all.by_ref() {
        if is_above_min(&element) {
            let more = usize::from(is_below_max(&element));
            let more = if more == 0 { 0 } else { 1 + all.take_while(is_below_max).count() };
            return start..start + more;
        }
        start += 1;
    }
    start..start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_bounds_as_redis_reads_them() {
        let inf = f64::INFINITY;
        let good: [(&[u8], f64, bool); 20] = [
            (b"", 0.0, false),
            (b"(", 0.0, true),
            (b"1", 1.0, false),
            (b"(1.5", 1.5, true),
            (b"+1", 1.0, false),
            (b"1.", 1.0, false),
            (b".5", 0.5, false),
            (b"1e5", 1e5, false),
            (b"-inf", -inf, false),
            (b"(+inf", inf, true),
            (b"INFINITY", inf, false),
            (b"1e400", inf, false),
            (b"-1e400", -inf, false),
            (b"1e-400", 0.0, false),
            (b"1\0x", 1.0, false),
            (b"(\x001", 0.0, true),
            // Redis 8.2 refused these, which came before and came back.
            (b" 1", 1.0, false),
            (b"( \t-1", -1.0, true),
            (b"0x10", 16.0, false),
            (b"(-0X1p3", -8.0, true),
        ];
        for (text, score, is_open) in good {
            assert_eq!(parse_bound(text), Some((score, is_open)), "{text:?}");
        }
        let bad = ["1 ", " ", "nan", "(nan", "-nan", "((1", "0x", "1e", "-", "+", ".", "infinit"];
        for text in bad.into_iter().chain(["+-1", "--1", "1_0", "e5", "1e+", "(inff", "1d"]) {
            assert_eq!(parse_bound(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_bound(b"\xff"), None);
    }

    #[test]
    fn names_want_a_bracket() {
        for text in ["", "a", "-x", "+x", "--"] {
            assert_eq!(LexBound::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(LexBound::parse(b"["), Some(LexBound::Closed(b"")));
        assert_eq!(LexBound::parse(b"-\0x"), Some(LexBound::BeforeAll));
        assert_eq!(LexBound::parse(b"+\0"), Some(LexBound::BehindAll));
        let range = LexRange::parse(b"(a", b"[c").expect("a range");
        let inside = |name: &[u8]| range.is_above_min(name) && range.is_below_max(name);
        assert_eq!([b"a", b"b", b"c", b"d"].map(|name| inside(name)), [false, true, true, false]);
        let all = LexRange::parse(b"-", b"+").expect("a range");
        let none = LexRange::parse(b"+", b"-").expect("a range");
        assert!(all.is_above_min(b"") && all.is_below_max(b"\xff"));
        assert!(!none.is_above_min(b"\xff") && !none.is_below_max(b""));
    }

    #[test]
    fn a_walk_gives_positions() {
        let within =
            |min: i32, max: i32| ranks([1, 3, 5].into_iter(), |n| *n >= min, |n| *n <= max);
        assert_eq!(within(0, 9), 0..3);
        assert_eq!(within(2, 3), 1..2);
        assert_eq!(within(3, 3), 1..2);
        assert_eq!(within(4, 2), 2..2);
        assert_eq!(within(6, 9), 3..3);
    }
}
