//! Looking for one element among many.
//!
//! In a listpack whose integers and lengths are all in their shortest form, an element with the
//! wanted text has exactly the bytes the text is encoded to. So nothing is decoded: a walk compares
//! bytes at the start of each element.
//!
//! The walk guesses. It takes for granted that the next element has the size of the wanted one, and
//! looks at the head there to see whether that was right, which is a comparison the processor
//! predicts; as long as it is, no step has to wait for the bytes of the step before, and a list of
//! equal shapes is searched about as fast as memory delivers it. The second guess is the size of
//! the last short string that was met. Where both are wrong the size is computed.

use super::{END, Encoded, Item, Packed, back_len, measure};

/// What is looked for, encoded.
pub struct Needle<'a> {
    text: &'a [u8],
    bytes: Vec<u8>,
    /// The two bytes an element begins with, under this mask, are these: then it has the size of
    /// the needle.
    mask: u16,
    kind: u16,
    /// The last eight bytes of the needle, if it has so many.
    tail: Option<u64>,
}

impl<'a> Needle<'a> {
    /// Looks for a text.
    pub fn new(text: &'a [u8]) -> Self {
        let element = Encoded::new(Item::of(text));
        let mut bytes = vec![0; element.bytes()];
        element.write(&mut bytes);
        let (mask, kind) = match bytes[0] {
            0x00..=0x7f => (0x0080, 0),
            0xc0..=0xdf => (0x00e0, 0xc0),
            0xe0..=0xef => (0xffff, u16::from_le_bytes([bytes[0], bytes[1]])),
            // The length of the longest strings stands elsewhere: no two bytes tell it.
            0xf0 => (0, 1),
            first => (0x00ff, u16::from(first)),
        };
        let tail = bytes.last_chunk().map(|tail| u64::from_le_bytes(*tail));
        Needle { text, bytes, mask, kind, tail }
    }

    /// Finds the first match among the elements from an offset on: its offset, and how many
    /// elements stand between.
    pub fn find(&self, pack: Packed<'_>, from: usize) -> Option<(usize, usize)> {
        let (bytes, size) = (pack.0, self.bytes.len());
        let end = bytes.len() - 1;
        let (mut at, mut passed) = (from, 0);
        // The other guess, where elements are not like the wanted one: like the last short string.
        let mut other = (END, 0);
        while at < end {
            let head = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            if head & self.mask == self.kind {
                if self.is_at(&bytes[at..at + size]) {
                    return Some((at, passed));
                }
                at += size;
            } else if bytes[at] == other.0 {
                at += other.1;
            } else {
                let (_, len) = measure(&bytes[at..]).expect("offsets are of elements");
                let next = at + len + back_len(len);
                if next - at == size && bytes[at..next] == self.bytes[..] {
                    return Some((at, passed));
                }
                if let 0x80..=0xbf = bytes[at] {
                    other = (bytes[at], next - at);
                }
                at = next;
            }
            passed += 1;
        }
        None
    }

    /// Indexes and offsets of all matches.
    pub fn find_all(&self, pack: Packed<'_>) -> (Vec<usize>, Vec<usize>) {
        let (mut indexes, mut offsets) = (Vec::new(), Vec::new());
        let (mut from, mut index) = (pack.first(), 0);
        while let Some((at, passed)) = from.and_then(|from| self.find(pack, from)) {
            index += passed;
            indexes.push(index);
            offsets.push(at);
            index += 1;
            from = pack.next(at);
        }
        (indexes, offsets)
    }

    #[inline]
    fn is_at(&self, element: &[u8]) -> bool {
        let tail = element.last_chunk().map(|tail| u64::from_le_bytes(*tail));
        tail == self.tail && element == &self.bytes[..]
    }

    /// Whether a text that is kept outside a listpack is the wanted one.
    pub fn is_text(&self, item: Item<'_>) -> bool {
        item.same(Item::of(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Listpack;
    use super::*;

    #[test]
    fn matches_are_those_of_a_plain_comparison() {
        let texts: Vec<Vec<u8>> =
            [0usize, 1, 3, 7, 8, 62, 63, 64, 65, 126, 127, 300, 4095, 4096, 16_378]
                .iter()
                .flat_map(|len| [vec![b'x'; *len], vec![b'y'; *len]])
                .chain(
                    [
                        0i64,
                        1,
                        127,
                        128,
                        -1,
                        4095,
                        4096,
                        -4096,
                        -4097,
                        32767,
                        32768,
                        1 << 23,
                        1 << 31,
                        i64::MIN,
                    ]
                    .iter()
                    .map(|n| n.to_string().into_bytes()),
                )
                .chain([b"007".to_vec(), b"-0".to_vec()])
                .collect();
        let mut pack = Listpack::new();
        texts.iter().chain(&texts).for_each(|text| pack.push_back(Item::of(text)));
        for text in &texts {
            let (needle, view) = (Needle::new(text), pack.view());
            let wanted: Vec<_> = view
                .offsets()
                .filter(|(_, item)| item.same(Item::of(text)))
                .map(|(at, _)| at)
                .collect();
            let mut found = Vec::new();
            let mut from = view.first();
            while let Some((at, passed)) = from.and_then(|from| needle.find(view, from)) {
                assert_eq!(
                    view.offsets_from(from.expect("just used")).nth(passed).map(|(at, _)| at),
                    Some(at)
                );
                found.push(at);
                from = view.next(at);
            }
            assert_eq!(found, wanted, "{text:?}");
            assert!(needle.is_text(Item::Bytes(text)) && !needle.is_text(Item::Bytes(b"other")));
        }
        assert_eq!(Needle::new(b"absent").find(pack.view(), 6), None);
    }
}
