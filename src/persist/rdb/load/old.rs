//! Encodings that nobody writes any more, read into listpacks: ziplists (up to Redis 6.2) and
//! zipmaps (up to 2.4).
//!
//! ```text
//!   ziplist   bytes (u32)  offset of the last (u32)  count (u16)  entry*  FF
//!   entry     length of the one before (1, or FE and 4)   encoding   data
//!   zipmap    count (u8)  (length key  length free value free bytes)*  FF        a length: 1, or FE and 4
//! ```

use crate::ds::listpack::{Item, Listpack};

/// Takes bytes from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N).and_then(|bytes| bytes.try_into().ok())
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// As [`Bytes::length`], in as few bytes as it fits into.
    fn shortest_length(&mut self) -> Option<usize> {
        let left = self.0.len();
        self.length().filter(|length| *length >= 0xfe || left - self.0.len() == 1)
    }

    /// One byte, or four behind FE.
    fn length(&mut self) -> Option<usize> {
        match self.byte()? {
            0xfe => self.array().map(|bytes| u32::from_le_bytes(bytes) as usize),
            0xff => None,
            short => Some(short.into()),
        }
    }
}

/// The elements of a ziplist as a listpack.
pub fn ziplist(bytes: &[u8]) -> Option<Listpack> {
    const HEAD: usize = 10;
    let mut rest = Bytes(bytes);
    let total = u32::from_le_bytes(rest.array()?) as usize;
    let tail = u32::from_le_bytes(rest.array()?) as usize;
    let count = u16::from_le_bytes(rest.array()?);
    if total != bytes.len() || bytes.last() != Some(&0xff) {
        return None;
    }
    let (mut before, mut last, mut seen) = (0, HEAD, 0usize);
    let mut pack = Listpack::new();
    while rest.0.len() > 1 {
        let at = bytes.len() - rest.0.len();
        if rest.length()? != before {
            return None;
        }
        let item = entry(&mut rest)?;
        // The byte that ends the list belongs to no entry.
        if rest.0.is_empty() || !pack.has_room(item.packed_bytes()) {
            return None;
        }
        pack.push_back(item);
        before = bytes.len() - rest.0.len() - at;
        (last, seen) = (at, seen + 1);
    }
    let is_counted = count == u16::MAX || usize::from(count) == seen;
    (tail == last && is_counted && rest.0 == [0xff]).then_some(pack)
}

fn entry<'a>(rest: &mut Bytes<'a>) -> Option<Item<'a>> {
    let first = rest.byte()?;
    let len = match first {
        0..0x40 => usize::from(first),
        0x40..0x80 => usize::from(first & 0x3f) << 8 | usize::from(rest.byte()?),
        0x80 => u32::from_be_bytes(rest.array()?) as usize,
        0xc0 => return rest.array().map(|n| Item::Int(i16::from_le_bytes(n).into())),
        0xd0 => return rest.array().map(|n| Item::Int(i32::from_le_bytes(n).into())),
        0xe0 => return rest.array().map(|n| Item::Int(i64::from_le_bytes(n))),
        0xf0 => {
            let [a, b, c] = rest.array()?;
            return Some(Item::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()));
        }
        0xfe => return rest.array().map(|n| Item::Int(i8::from_le_bytes(n).into())),
        0xf1..=0xfd => return Some(Item::Int(i64::from(first & 15) - 1)),
        _ => return None,
    };
    rest.take(len).map(Item::of)
}

/// The fields and values of a zipmap as a listpack, and the length of the longest of them.
pub fn zipmap(bytes: &[u8]) -> Option<(Listpack, usize)> {
    /// From here on nobody has counted.
    const UNCOUNTED: u8 = 254;
    let mut rest = Bytes(bytes);
    let count = rest.byte()?;
    let (mut pack, mut longest, mut seen) = (Listpack::new(), 0, 0usize);
    while rest.0.len() > 1 {
        let len = rest.shortest_length()?;
        let name = rest.take(len)?;
        let len = rest.shortest_length()?;
        let free = rest.byte()?;
        let value = rest.take(len)?;
        rest.take(free.into())?;
        for text in [name, value] {
            let item = Item::of(text);
            if !pack.has_room(item.packed_bytes()) {
                return None;
            }
            pack.push_back(item);
            longest = longest.max(text.len());
        }
        seen += 1;
    }
    let is_counted = count >= UNCOUNTED || usize::from(count) == seen;
    (is_counted && seen > 0 && rest.0 == [0xff]).then_some((pack, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pack: &Listpack) -> Vec<String> {
        let text = |item: Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
        pack.view().iter().map(text).collect()
    }

    #[test]
    fn ziplists_are_read() {
        let two = [0x0f, 0, 0, 0, 0x0c, 0, 0, 0, 2, 0, 0, 0xf3, 2, 0xf6, 0xff];
        assert_eq!(texts(&ziplist(&two).expect("good")), ["2", "5"]);
        let mut all = vec![0; 10];
        let entries: &[&[u8]] = &[
            &[0x03, b'a', b'b', b'c'],
            &[0x40, 0x02, b'x', b'y'],
            &[0x80, 0, 0, 0, 1, b'z'],
            &[0xc0, 0x18, 0xfc],
            &[0xd0, 0, 0, 0, 0x80],
            &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
            &[0xf0, 0xff, 0xff, 0xff],
            &[0xfe, 0x80],
            &[0xf1],
            &[0xfd],
        ];
        let (mut before, mut last) = (0u8, 0);
        for entry in entries {
            last = all.len();
            all.push(before);
            all.extend_from_slice(entry);
            before = entry.len() as u8 + 1;
        }
        all.push(0xff);
        let total = all.len() as u32;
        all[..4].copy_from_slice(&total.to_le_bytes());
        all[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        all[8] = entries.len() as u8;
        let want = [
            "abc",
            "xy",
            "z",
            "-1000",
            "-2147483648",
            "-9223372036854775808",
            "-1",
            "-128",
            "0",
            "12",
        ];
        assert_eq!(texts(&ziplist(&all).expect("good")), want);
        // Every damage is noticed or harmless, and every end that comes too soon is noticed.
        for at in 0..all.len() {
            assert!(ziplist(&all[..at]).is_none());
            for bit in 0..8 {
                let mut bad = all.clone();
                bad[at] ^= 1 << bit;
                let _ = ziplist(&bad);
            }
        }
    }

    #[test]
    fn zipmaps_are_read() {
        let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x01worldX\xff";
        let (pack, longest) = zipmap(map).expect("good");
        assert_eq!(
            (texts(&pack), longest),
            (["foo", "bar", "hello", "world"].map(String::from).to_vec(), 5)
        );
        for at in 0..map.len() {
            assert!(zipmap(&map[..at]).is_none(), "{at}");
        }
        // Servers disagree on where a value begins behind a length that takes more bytes than it
        // needs.
        assert!(zipmap(b"\x01\xfe\x03\0\0\0foo\x03\x00bar\xff").is_none());
        assert!(zipmap(b"\x01\x03foo\xfe\x03\0\0\0\x00bar\xff").is_none());
        let long = [&b"\x01\x01f\xfe\xfe\0\0\0\x00"[..], &[b'x'; 254], b"\xff"].concat();
        assert_eq!(zipmap(&long).map(|(_, longest)| longest), Some(254));
        assert!(zipmap(b"\x00\xff").is_none() && zipmap(b"\x01\x03foo\x03\x00ba\xff").is_none());
    }
}
