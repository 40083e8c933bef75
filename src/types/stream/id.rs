//! Ids of stream entries: a moment in milliseconds and a number within it, written `ms-seq`.

use crate::base::text::parse_i64;

/// An id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

/// Texts longer than this are no ids.
const TEXT_MAX: usize = 127;

impl StreamId {
    pub const ZERO: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The id after this one.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one.
    pub fn before(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` alone, which has the number `seq`.
    pub fn parse(text: &[u8], seq: u64) -> Option<StreamId> {
        let text = clip(text)?;
        match text.iter().position(|b| *b == b'-') {
            None => Some(StreamId { ms: number(text)?, seq }),
            Some(at) => Some(StreamId { ms: number(&text[..at])?, seq: number(&text[at + 1..])? }),
        }
    }

    /// Reads `ms-*`.
    pub fn parse_ms(text: &[u8]) -> Option<u64> {
        number(clip(text)?.strip_suffix(b"-*")?)
    }

    /// The text.
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; 41], start: 41 };
        text.prepend(self.seq);
        text.start -= 1;
        text.bytes[text.start] = b'-';
        text.prepend(self.ms);
        text
    }

    /// From [`StreamId::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        let both = u128::from_be_bytes(bytes);
        StreamId::new((both >> 64) as u64, both as u64)
    }

    /// As the key of a node in files.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }
}

/// The text of an id.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; 41],
    start: usize,
}

impl IdText {
    /// Puts a number in front.
    fn prepend(&mut self, mut number: u64) {
        loop {
            self.start -= 1;
            self.bytes[self.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// What of a text counts. Compat: a NUL ends it.
fn clip(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    (text.len() <= TEXT_MAX).then_some(&text[..end])
}

/// A half of an id. Compat: what is no canonical number is read as the C library does, with blanks,
/// signs and zeros in front, and a negative number wraps around.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(canonical) = parse_i64(text) {
        return u64::try_from(canonical).ok();
    }
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[test]
fn ids_are_read_as_the_reference_reads_them() {
    let read = |text: &str| StreamId::parse(text.as_bytes(), 7).map(|id| (id.ms, id.seq));
    for (text, id) in [
        ("1-2", (1, 2)),
        ("5", (5, 7)),
        ("5-+1", (5, 1)),
        ("5- 1", (5, 1)),
        ("+6-1", (6, 1)),
        (" 7-1", (7, 1)),
        ("14--0", (14, 0)),
        ("15--18446744073709551615", (15, 1)),
        ("01-001", (1, 1)),
        ("18446744073709551615-18446744073709551615", (u64::MAX, u64::MAX)),
        ("1-2\0-x", (1, 2)),
    ] {
        assert_eq!(read(text), Some(id), "{text:?}");
    }
    for text in
        ["", "-", "+", "5-", "-5", "5--1", "8-1 ", "0x9-1", "9-0x1", "1-1-1", "*", "1-*", "$"]
    {
        assert_eq!(read(text), None, "{text:?}");
    }
    assert_eq!(read("18446744073709551616"), None);
    assert_eq!(read(&format!("{}1", "0".repeat(126))), Some((1, 7)));
    assert_eq!(read(&format!("{}1", "0".repeat(127))), None);
    assert_eq!(StreamId::parse_ms(b"+18-*"), Some(18));
    assert_eq!(StreamId::parse_ms(b"1-*x"), None);
}

#[test]
fn texts_are_those_that_are_read() {
    for id in [StreamId::ZERO, StreamId::MAX, StreamId::new(1_700_000_000_000, 10)] {
        assert_eq!(id.text().as_bytes(), id.to_string().as_bytes());
        assert_eq!(StreamId::parse(id.text().as_bytes(), 0), Some(id));
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
    }
}

#[test]
fn neighbours_cross_milliseconds() {
    assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
    assert_eq!(StreamId::new(2, 0).before(), Some(StreamId::new(1, u64::MAX)));
    assert_eq!((StreamId::MAX.next(), StreamId::ZERO.before()), (None, None));
    assert_eq!(StreamId::new(258, 1).to_bytes()[6..], [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
}
