//! Blobs from outside: they become values as they stand if they are well-formed and in the shortest
//! form.
//!
//! Two lines of servers write the length behind an element of exactly 16383 bytes (and two other
//! sizes) in different widths, and each is lost in the other's blobs. Here either is understood;
//! such a blob is written anew, and so is one whose elements are not in the shortest form, for the
//! types rely on that.

use crate::ds::hash::HashSeed;
use crate::ds::listpack::{Item, Packed};

/// What a blob is.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape {
    /// A listpack that can be used as it stands.
    Good,
    /// Its elements can be read, but it has to be written anew: this is it.
    Made(Vec<u8>),
}

/// Looks through the bytes of a listpack. Nothing: they are none.
pub fn listpack(bytes: &[u8]) -> Option<Shape> {
    match Packed::check(bytes) {
        Ok(pack) if pack.is_canonical() => Some(Shape::Good),
        _ => {
            let made = Packed::read_leniently(bytes).ok()?;
            Some(Shape::Made(made.into_blob()))
        }
    }
}

/// Tells whether elements are distinct.
pub struct Seen {
    slots: Vec<u64>,
    seed: HashSeed,
}

/// Up to so many elements a fast hash will do: even if all collide on purpose, they are few.
const FEW: usize = 128;

impl Seen {
    pub fn new(seed: HashSeed) -> Self {
        Seen { slots: Vec::new(), seed }
    }

    /// Whether all of every `step`-th element are distinct, in a listpack in the shortest form.
    pub fn all_distinct(&mut self, pack: Packed<'_>, step: usize) -> bool {
        let count = pack.len() / step;
        let room = (2 * count).next_power_of_two();
        self.slots.clear();
        self.slots.resize(room, 0);
        let mut items = pack.offsets();
        while let Some((at, item)) = items.next() {
            // Zero marks a free place.
            let hash = self.hash(item, count) | 1;
            let mut place = hash as usize >> 1;
            loop {
                place &= room - 1;
                match self.slots[place] {
                    0 => break,
                    other if other == hash => {
                        let mut text = Vec::new();
                        let first = pack.first().expect("there is an element");
                        if pack.find(first, item.bytes(&mut text), step) != Some(at) {
                            return false;
                        }
                    }
                    _ => {}
                }
                place += 1;
            }
            self.slots[place] = hash;
            for _ in 1..step {
                items.next();
            }
        }
        true
    }

    #[inline]
    fn hash(&self, item: Item<'_>, count: usize) -> u64 {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        let fold = |hash: u64, word: u64| {
            let product = u128::from(hash ^ word) * u128::from(K);
            product as u64 ^ (product >> 64) as u64
        };
        match item {
            Item::Int(number) => fold(K, number as u64),
            Item::Bytes(bytes) if count > FEW => self.seed.hash(bytes),
            Item::Bytes(bytes) => {
                let (words, tail) = bytes.as_chunks::<8>();
                let mut last = [0; 8];
                last[..tail.len()].copy_from_slice(tail);
                let all = words.iter().chain([&last]);
                all.fold(!bytes.len() as u64, |hash, word| fold(hash, u64::from_le_bytes(*word)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::listpack::Listpack;

    fn pack(texts: &[&[u8]]) -> Listpack {
        let mut pack = Listpack::new();
        texts.iter().for_each(|text| pack.push_back(Item::of(text)));
        pack
    }

    #[test]
    fn repeated_elements_are_found() {
        let mut seen = Seen::new(HashSeed::new(1, 2));
        let names: Vec<Vec<u8>> = (0..500).map(|n| format!("name {n}").into_bytes()).collect();
        for count in [0, 1, 2, 10, 128, 129, 500] {
            let mut texts: Vec<&[u8]> = names[..count].iter().map(Vec::as_slice).collect();
            assert!(seen.all_distinct(pack(&texts).view(), 1), "{count}");
            if count > 0 {
                texts.push(&names[count / 2]);
                assert!(!seen.all_distinct(pack(&texts).view(), 1), "{count}");
            }
        }
        let pairs = pack(&[b"a", b"1", b"b", b"1", b"", b"a"]);
        assert!(seen.all_distinct(pairs.view(), 2));
        assert!(!seen.all_distinct(pairs.view(), 1));
        assert!(!seen.all_distinct(pack(&[b"7", b"a", b"7", b"b"]).view(), 2));
    }

    #[test]
    fn either_width_of_a_back_length_is_understood() {
        for (len, wide) in [(16378, true), (16378, false), (16377, true), (100, false)] {
            let text = vec![b'x'; len];
            let mut good = pack(&[b"a", &text, b"7"]).into_blob();
            assert_eq!(listpack(&good), Some(Shape::Good));
            let original = good.clone();
            let end = 6 + 3 + 5 + len;
            if !wide && len == 16378 {
                // One byte less, as Valkey 9.1 has it.
                assert_eq!(good[end..end + 3], [0x00, 0xff, 0xff]);
                good.splice(end..end + 3, [0x7f, 0xff]);
                let total = good.len() as u32;
                good[..4].copy_from_slice(&total.to_le_bytes());
                assert_eq!(listpack(&good), Some(Shape::Made(original)));
            }
        }
        // A text that is an integer, and an integer in more bytes than it needs.
        let odd = [13, 0, 0, 0, 2, 0, 0x81, b'7', 2, 0xc0, 7, 2, 0xff];
        let Some(Shape::Made(made)) = listpack(&odd) else { panic!("to be made anew") };
        assert_eq!(made, pack(&[b"7", b"7"]).into_blob());
        assert_eq!(listpack(&odd[..12]), None);
    }
}
