//! How an element of a listpack is written: heads, back lengths, and their way back into numbers.

use super::Item;

/// An element in its encoded form, the data apart.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    data: &'a [u8],
    back: [u8; 5],
    back_len: u8,
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(super) fn new(item: Item<'a>) -> Self {
        let mut head = [0; 9];
        let (head_len, data) = match item {
            Item::Int(number) => (encode_int(number, &mut head), &[][..]),
            Item::Bytes(bytes) => (encode_len(bytes.len(), &mut head), bytes),
        };
        let (back, back_len) = encode_back(head_len + data.len());
        Encoded { head, head_len: head_len as u8, data, back, back_len: back_len as u8 }
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        usize::from(self.head_len) + self.data.len() + usize::from(self.back_len)
    }

    /// Writes the element to the start of a slice of its size.
    #[inline]
    pub(super) fn write(&self, to: &mut [u8]) {
        let (head, rest) = to.split_at_mut(usize::from(self.head_len));
        let (data, back) = rest.split_at_mut(self.data.len());
        data.copy_from_slice(self.data);
        // Most heads and back lengths are single bytes, not worth a call.
        match (head, back) {
            ([head], [back]) => (*head, *back) = (self.head[0], self.back[0]),
            (head, back) => {
                head.copy_from_slice(&self.head[..head.len()]);
                back.copy_from_slice(&self.back[..back.len()]);
            }
        }
    }
}

/// Writes the head of an integer, which is all of it, and returns its length.
pub(super) fn encode_int(number: i64, head: &mut [u8; 9]) -> usize {
    let bytes = number.to_le_bytes();
    let (first, len) = match number {
        0..=127 => {
            head[0] = bytes[0];
            return 1;
        }
        -4096..=4095 => {
            head[0] = 0xc0 | (bytes[1] & 0x1f);
            head[1] = bytes[0];
            return 2;
        }
        -0x8000..=0x7fff => (0xf1, 2),
        -0x80_0000..=0x7f_ffff => (0xf2, 3),
        -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
        _ => (0xf4, 8),
    };
    head[0] = first;
    head[1..=len].copy_from_slice(&bytes[..len]);
    1 + len
}

/// Writes the head of a string of `len` bytes and returns the head's length.
pub(super) fn encode_len(len: usize, head: &mut [u8; 9]) -> usize {
    match len {
        0..64 => {
            head[0] = 0x80 | len as u8;
            1
        }
        64..4096 => {
            head[0] = 0xe0 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        }
        _ => {
            let len = u32::try_from(len).expect("a listpack is smaller than 4 GiB");
            head[0] = 0xf0;
            head[1..5].copy_from_slice(&len.to_le_bytes());
            5
        }
    }
}

/// Bytes of the back length of an element whose head and data have `len` bytes.
/// Compat: at the top of each range Redis takes a byte more than would be needed.
#[inline]
pub(super) fn back_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The back length: groups of seven bits, the highest first, all but the first with the top bit
/// set.
#[inline]
pub(super) fn encode_back(len: usize) -> ([u8; 5], usize) {
    let mut back = [0; 5];
    if len < 128 {
        back[0] = len as u8;
        return (back, 1);
    }
    let n = back_len(len);
    for (i, byte) in back[..n].iter_mut().enumerate() {
        let group = (len >> (7 * (n - 1 - i))) as u8 & 0x7f;
        *byte = group | if i > 0 { 0x80 } else { 0 };
    }
    (back, n)
}

/// Whether some bytes begin with a length behind an element, in so many bytes.
pub(super) fn back_is(bytes: &[u8], width: usize, len: usize) -> bool {
    let Some(back) = bytes.get(..width).filter(|_| len >> (7 * width) == 0) else { return false };
    back.iter().enumerate().all(|(i, byte)| {
        let group = (len >> (7 * (width - 1 - i))) as u8 & 0x7f;
        *byte == group | if i > 0 { 0x80 } else { 0 }
    })
}

/// Size of the head, and of head and data, of the element at the start of `bytes`, if they are all
/// there.
#[inline]
pub(super) fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    Some(match first {
        0..=0x7f => (1, 1),
        0x80..=0xbf => (1, 1 + usize::from(first & 0x3f)),
        0xc0..=0xdf => (2, 2),
        0xe0..=0xef => (2, 2 + (usize::from(first & 0xf) << 8 | usize::from(*bytes.get(1)?))),
        0xf0 => {
            let len = u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?);
            (5, 5 + len as usize)
        }
        0xf1 => (3, 3),
        0xf2 => (4, 4),
        0xf3 => (5, 5),
        0xf4 => (9, 9),
        0xf5..=0xff => return None,
    })
}

/// Whether two texts of the same length are equal. Their last bytes are looked at first: names
/// differ there mostly.
#[inline]
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    match (a.split_last_chunk::<8>(), b.split_last_chunk::<8>()) {
        (Some((a, a_last)), Some((b, b_last))) => {
            u64::from_ne_bytes(*a_last) == u64::from_ne_bytes(*b_last) && a == b
        }
        _ => a.iter().rev().eq(b.iter().rev()),
    }
}

/// A signed little-endian number of up to eight bytes.
#[inline]
pub(super) fn signed(bytes: &[u8]) -> i64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let unused = 64 - 8 * bytes.len() as u32;
    (i64::from_le_bytes(word) << unused) >> unused
}
