//! An ordered map for keys that mostly grow: streams keep their nodes and pending entries in it.
//!
//! ```text
//!   chunks   [ k k k k ] [ k k k k ] [ k k . . ]        ascending, none empty, at most CHUNK entries each
//! ```
//!
//! What is put behind the last key costs a push, what is taken from the front a pop; both ends are
//! one step away. A lookup is a binary search among the chunks and one within a chunk. Chunks are
//! filled to the brim when keys come in order, so an entry takes little more than key and value;
//! where keys come out of order, a full chunk is split, and chunks with few entries left are
//! joined. What a change moves is bounded by a chunk and the list of chunks, which is a hundred
//! times shorter than the map.
//!
//! A [`Place`] names an entry until the map changes. The map knows nothing of what it keeps.

use std::collections::VecDeque;

use crate::base::alloc::class_size;

/// Entries of a chunk at most.
const CHUNK: usize = 64;

/// An ordered map.
#[derive(Clone, Debug)]
pub struct Ascending<K, V> {
    chunks: VecDeque<VecDeque<(K, V)>>,
    len: usize,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    chunk: usize,
    slot: usize,
}

impl<K, V> Default for Ascending<K, V> {
    fn default() -> Self {
        Ascending { chunks: VecDeque::new(), len: 0 }
    }
}

impl<K: Ord + Copy, V> Ascending<K, V> {
    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of the first entry.
    pub fn first(&self) -> Option<Place> {
        (self.len > 0).then_some(Place { chunk: 0, slot: 0 })
    }

    /// The place of the last entry.
    pub fn last(&self) -> Option<Place> {
        let chunk = self.chunks.len().checked_sub(1)?;
        Some(Place { chunk, slot: self.chunks[chunk].len() - 1 })
    }

    /// The last entry, its value to be changed.
    #[inline]
    pub fn last_mut(&mut self) -> Option<(K, &mut V)> {
        let (key, value) = self.chunks.back_mut()?.back_mut()?;
        Some((*key, value))
    }

    /// The place after another.
    pub fn next(&self, at: Place) -> Option<Place> {
        if at.slot + 1 < self.chunks[at.chunk].len() {
            return Some(Place { slot: at.slot + 1, ..at });
        }
        (at.chunk + 1 < self.chunks.len()).then_some(Place { chunk: at.chunk + 1, slot: 0 })
    }

    /// The place before another.
    pub fn before(&self, at: Place) -> Option<Place> {
        if at.slot > 0 {
            return Some(Place { slot: at.slot - 1, ..at });
        }
        let chunk = at.chunk.checked_sub(1)?;
        Some(Place { chunk, slot: self.chunks[chunk].len() - 1 })
    }

    /// The place of the last entry up to a key.
    pub fn floor(&self, key: K) -> Option<Place> {
        let chunk = self.chunks.partition_point(|c| c[0].0 <= key).checked_sub(1)?;
        let slot = self.chunks[chunk].partition_point(|(k, _)| *k <= key) - 1;
        Some(Place { chunk, slot })
    }

    /// The place of the first entry from a key on.
    pub fn ceiling(&self, key: K) -> Option<Place> {
        match self.floor(key) {
            None => self.first(),
            Some(at) if self.at(at).0 == key => Some(at),
            Some(at) => self.next(at),
        }
    }

    /// The place of a key.
    pub fn find(&self, key: K) -> Option<Place> {
        self.floor(key).filter(|at| self.at(*at).0 == key)
    }

    /// True if the key is there.
    pub fn contains(&self, key: K) -> bool {
        self.find(key).is_some()
    }

    /// The entry at a place.
    #[inline]
    pub fn at(&self, at: Place) -> (K, &V) {
        let (key, value) = &self.chunks[at.chunk][at.slot];
        (*key, value)
    }

    /// The value at a place, to be changed.
    #[inline]
    pub fn at_mut(&mut self, at: Place) -> &mut V {
        &mut self.chunks[at.chunk][at.slot].1
    }

    /// The value of a key.
    pub fn get(&self, key: K) -> Option<&V> {
        self.find(key).map(|at| self.at(at).1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.find(key).map(|at| self.at_mut(at))
    }

    /// All entries.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> {
        self.chunks.iter().flatten().map(|(key, value)| (*key, value))
    }

    /// The entries from a key on.
    pub fn iter_from(&self, key: K) -> impl Iterator<Item = (K, &V)> {
        let mut at = self.ceiling(key);
        std::iter::from_fn(move || {
            let here = at?;
            at = self.next(here);
            Some(self.at(here))
        })
    }

    /// Adds an entry, or gives a key another value; the old one is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.floor(key) {
            Some(at) if self.at(at).0 == key => {
                return Some(std::mem::replace(self.at_mut(at), value));
            }
            None => self.insert_at(Place { chunk: 0, slot: 0 }, key, value),
            Some(at) => self.insert_at(Place { slot: at.slot + 1, ..at }, key, value),
        }
        None
    }

    /// Adds an entry behind the last one.
    #[inline]
    pub fn push_back(&mut self, key: K, value: V) {
        assert!(
            self.chunks.back().and_then(VecDeque::back).is_none_or(|(last, _)| *last < key),
            "keys ascend"
        );
        let at =
            self.last().map_or(Place { chunk: 0, slot: 0 }, |at| Place { slot: at.slot + 1, ..at });
        self.insert_at(at, key, value);
    }

    /// Puts a new entry into a chunk, at a slot that may be one behind its last.
    fn insert_at(&mut self, mut at: Place, key: K, value: V) {
        self.len += 1;
        if self.chunks.is_empty() {
            // Most maps stay small: exactly one entry at first.
            self.chunks.reserve_exact(1);
            let mut chunk = VecDeque::new();
            chunk.reserve_exact(1);
            self.chunks.push_back(chunk);
        }
        if self.chunks[at.chunk].len() == CHUNK {
            let is_end = at.slot == CHUNK && at.chunk + 1 == self.chunks.len();
            let keep = if is_end { CHUNK } else { CHUNK / 2 };
            let mut tail = VecDeque::with_capacity(CHUNK);
            tail.extend(self.chunks[at.chunk].drain(keep..));
            self.chunks.insert(at.chunk + 1, tail);
            if at.slot >= keep {
                at = Place { chunk: at.chunk + 1, slot: at.slot - keep };
            }
        }
        self.chunks[at.chunk].insert(at.slot, (key, value));
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.find(key).map(|at| self.remove_at(at))
    }

    /// Takes the entry at a place out.
    pub fn remove_at(&mut self, at: Place) -> V {
        let (_, value) = self.chunks[at.chunk].remove(at.slot).expect("places are of entries");
        self.len -= 1;
        if self.chunks[at.chunk].len() < CHUNK / 4 {
            self.tidy(at.chunk);
        }
        value
    }

    /// Removes a chunk that has become empty, or joins one that has few entries left with a
    /// neighbour that has not many.
    fn tidy(&mut self, chunk: usize) {
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
            return;
        }
        for left in [chunk.checked_sub(1), Some(chunk)].into_iter().flatten() {
            let len = |at: usize| self.chunks.get(at).map_or(CHUNK, VecDeque::len);
            if len(left) + len(left + 1) <= CHUNK / 2 {
                let right = self.chunks.remove(left + 1).expect("it has a length");
                self.chunks[left].extend(right);
                return;
            }
        }
    }

    /// Bytes of memory of the map itself.
    pub fn memory_bytes(&self) -> usize {
        let list = self.chunks.capacity() * size_of::<VecDeque<(K, V)>>();
        let chunks = self.chunks.iter().map(|c| class_size(c.capacity() * size_of::<(K, V)>()));
        class_size(list) + chunks.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn check(map: &Ascending<u32, u32>, model: &BTreeMap<u32, u32>) {
        assert!(map.iter().map(|(k, v)| (k, *v)).eq(model.iter().map(|(k, v)| (*k, *v))));
        assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
        assert!(map.chunks.iter().all(|c| !c.is_empty() && c.len() <= CHUNK));
    }

    #[test]
    fn keys_in_order_fill_chunks() {
        let mut map = Ascending::default();
        (0..1000u32).for_each(|key| map.push_back(key, ()));
        assert_eq!(map.chunks.len(), 1000_usize.div_ceil(CHUNK));
        assert!(map.iter().map(|(key, ())| key).eq(0..1000));
        assert!(map.iter().rev().map(|(key, ())| key).eq((0..1000).rev()));
        (0..1000).filter(|key| key % 50 != 0).for_each(|key| assert_eq!(map.remove(key), Some(())));
        assert!(map.iter().map(|(key, ())| key).eq((0..1000).step_by(50)));
        assert!(map.chunks.len() <= 2, "what is left is put together");
        (0..1000).step_by(50).for_each(|key| assert_eq!(map.remove(key), Some(())));
        assert!(map.chunks.is_empty() && map.first().is_none() && map.last().is_none());
    }

    proptest! {
        #[test]
        fn behaves_as_the_standard_map(ops in prop::collection::vec((0..4u8, 0..400u32), 0..1500)) {
            let (mut map, mut model) = (Ascending::default(), BTreeMap::new());
            for (i, (op, key)) in ops.into_iter().enumerate() {
                let value = i as u32;
                match op {
                    0 | 1 => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    2 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    _ => {
                        let next = model.last_key_value().map_or(key, |(last, _)| last + 1);
                        map.push_back(next, value);
                        model.insert(next, value);
                    }
                }
                prop_assert_eq!(map.get(key), model.get(&key));
                let floor = map.floor(key).map(|at| map.at(at).0);
                prop_assert_eq!(floor, model.range(..=key).next_back().map(|(k, _)| *k));
                let ceiling = map.ceiling(key).map(|at| map.at(at).0);
                prop_assert_eq!(ceiling, model.range(key..).next().map(|(k, _)| *k));
                let after = map.ceiling(key).and_then(|at| map.next(at)).map(|at| map.at(at).0);
                prop_assert_eq!(after, model.range(key..).nth(1).map(|(k, _)| *k));
                let before = map.floor(key).and_then(|at| map.before(at)).map(|at| map.at(at).0);
                prop_assert_eq!(before, model.range(..=key).rev().nth(1).map(|(k, _)| *k));
            }
            check(&map, &model);
        }
    }
}
