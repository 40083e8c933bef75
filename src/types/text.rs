//! Strings: what the keyspace holds for them, and the arithmetic on them.
//!
//! A string is kept in one of three ways, and [`Text`] shows any of them:
//!
//! ```text
//!   Int     the canonical text of an integer is kept as the integer
//!   Bytes   up to some hundred bytes stand in the entry, behind the key
//!   Big     longer ones have an allocation that replies can share
//! ```

use std::sync::Arc;

use crate::base::text::{len_i64, parse_i64, write_i64};
use crate::ds::listpack::Item;

/// A string value, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    Big(&'a Arc<Vec<u8>>),
    Bytes(&'a [u8]),
    Int(i64),
}

impl<'a> From<Item<'a>> for Text<'a> {
    #[inline]
    fn from(item: Item<'a>) -> Self {
        match item {
            Item::Bytes(bytes) => Text::Bytes(bytes),
            Item::Int(number) => Text::Int(number),
        }
    }
}

/// Room for the text of any integer.
pub type IntBuffer = Vec<u8>;

impl<'a> Text<'a> {
    /// Length of the text in bytes.
    pub fn len(self) -> usize {
        match self {
            Text::Big(bytes) => bytes.len(),
            Text::Bytes(bytes) => bytes.len(),
            Text::Int(number) => len_i64(number),
        }
    }

    /// True for the empty text.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes; an integer is printed into `buffer` first.
    pub fn bytes<'b>(self, buffer: &'b mut IntBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Text::Big(bytes) => bytes,
            Text::Bytes(bytes) => bytes,
            Text::Int(number) => {
                buffer.clear();
                write_i64(buffer, number);
                buffer
            }
        }
    }

    /// The integer it is, if it is one.
    pub fn integer(self) -> Option<i64> {
        match self {
            Text::Big(_) => None,
            Text::Bytes(bytes) => parse_i64(bytes),
            Text::Int(number) => Some(number),
        }
    }

    /// A copy as a vector.
    pub fn to_vec(self) -> Vec<u8> {
        let mut buffer = Vec::new();
        match self {
            Text::Int(number) => write_i64(&mut buffer, number),
            other => buffer.extend_from_slice(other.bytes(&mut Vec::new())),
        }
        buffer
    }

    /// Compares with a byte string, printing nothing.
    pub fn equals(self, other: &[u8]) -> bool {
        match self {
            Text::Int(number) => parse_i64(other) == Some(number),
            text => text.bytes(&mut Vec::new()) == other,
        }
    }
}

/// The integer a value that stores commands give is kept as: canonical text of at most 20
/// characters.
pub fn compact(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 20 { None } else { parse_i64(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_kinds_show_their_bytes() {
        let big = Arc::new(b"12".to_vec());
        for text in [Text::Big(&big), Text::Bytes(b"12"), Text::Int(12)] {
            assert_eq!(text.bytes(&mut Vec::new()), b"12");
            assert_eq!((text.len(), text.to_vec()), (2, b"12".to_vec()));
            assert!(text.equals(b"12") && !text.equals(b"012") && !text.equals(b"13"));
        }
        assert_eq!(Text::Bytes(b"012").integer(), None);
        assert_eq!(Text::Bytes(b"-9223372036854775808").integer(), Some(i64::MIN));
    }
}
