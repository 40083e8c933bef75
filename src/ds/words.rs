//! An ordered set of words: 64-bit items in sorted leaves, about nine bytes each.
//!
//! ```text
//!   index   0 ──► [ 3 8 9 ... ]      512 ──► [ 515 700 ... ]      9000 ──► [ ... ]      ordered map of the leaves by a
//!                  leaf, sorted,              leaf                          leaf         lower bound of their items
//!                  32 to 128 items
//! ```
//!
//! A general ordered map spends twice the memory, its nodes being small and half full. A leaf here
//! grows by sixteen items at a time, and items that arrive in order (deadlines mostly do) leave
//! full leaves behind. An insert or removal costs one search in the index, one in a leaf of a
//! kilobyte, and half of it moved.

use std::collections::BTreeMap;

use crate::base::alloc::class_size;

/// Items a leaf holds at most.
const LEAF_MAX: usize = 128;

/// A leaf with fewer items looks for a neighbour to join.
const LEAF_MIN: usize = 32;

/// Items by which a leaf grows.
const STEP: usize = 16;

/// The set.
#[derive(Clone, Debug, Default)]
pub struct Words {
    leaves: BTreeMap<u64, Vec<u64>>,
    len: usize,
}

impl Words {
    /// Adds an item; false if it was there.
    pub fn insert(&mut self, item: u64) -> bool {
        let Some((_, leaf)) = self.leaves.range_mut(..=item).next_back() else {
            // Bounds below the first leaf's exist only in an empty set: the first leaf's bound is
            // 0.
            self.leaves.insert(0, vec![item]);
            self.len += 1;
            return true;
        };
        let Err(at) = leaf.binary_search(&item) else { return false };
        self.len += 1;
        if leaf.len() < LEAF_MAX {
            put(leaf, at, item);
            return true;
        }
        // In order: the full leaf is left as it is. Else: halves.
        let cut = if at == LEAF_MAX { LEAF_MAX } else { LEAF_MAX / 2 };
        let mut right = leaf.split_off(cut);
        if at < cut {
            put(leaf, at, item);
        } else {
            put(&mut right, at - cut, item);
        }
        leaf.shrink_to_fit();
        self.leaves.insert(right[0], right);
        true
    }

    /// Removes an item; false if it was not there.
    pub fn remove(&mut self, item: u64) -> bool {
        let Some((&bound, leaf)) = self.leaves.range_mut(..=item).next_back() else { return false };
        let Ok(at) = leaf.binary_search(&item) else { return false };
        leaf.remove(at);
        self.len -= 1;
        if leaf.len() < LEAF_MIN {
            self.join(bound);
        } else if leaf.capacity() - leaf.len() > 2 * STEP {
            leaf.shrink_to(leaf.len() + STEP);
        }
        true
    }

    /// Lets a small leaf take in the one after it, if both fit well into one; drops it when it is
    /// empty.
    fn join(&mut self, bound: u64) {
        let len = self.leaves.get(&bound).map_or(0, Vec::len);
        let next = self.leaves.range(bound + 1..).next().map(|(next, leaf)| (*next, leaf.len()));
        match next {
            Some((next, more)) if len + more <= LEAF_MAX * 3 / 4 => {
                let mut items = self.leaves.remove(&next).unwrap_or_default();
                let leaf = self.leaves.entry(bound).or_default();
                leaf.reserve_exact(items.len());
                leaf.append(&mut items);
            }
            // The first leaf keeps the bound 0 as long as there are others.
            _ if len == 0 && (bound > 0 || next.is_none()) => {
                self.leaves.remove(&bound);
            }
            // An empty first leaf takes over the next one whole.
            Some((next, _)) if len == 0 => {
                let items = self.leaves.remove(&next).unwrap_or_default();
                self.leaves.insert(bound, items);
            }
            _ => {}
        }
    }

    /// True when the item is there.
    pub fn contains(&self, item: u64) -> bool {
        let leaf = self.leaves.range(..=item).next_back();
        leaf.is_some_and(|(_, leaf)| leaf.binary_search(&item).is_ok())
    }

    /// The smallest item.
    pub fn first(&self) -> Option<u64> {
        // Only the first leaf can be empty, and only if it is alone and about to go.
        self.leaves.values().find_map(|leaf| leaf.first().copied())
    }

    /// How many items are smaller than one.
    pub fn count_below(&self, item: u64) -> usize {
        let mut leaves = self.leaves.range(..item).map(|(_, leaf)| leaf);
        // All leaves but the last lie below as a whole.
        let last = leaves.next_back();
        let whole: usize = leaves.map(Vec::len).sum();
        whole + last.map_or(0, |leaf| leaf.partition_point(|other| *other < item))
    }

    /// Bytes of memory outside this struct, roughly.
    pub fn memory_bytes(&self) -> usize {
        // The map's nodes are two thirds full.
        const EACH: usize = size_of::<(u64, Vec<u64>)>() * 3 / 2;
        let leaf = |leaf: &Vec<u64>| EACH + class_size(leaf.capacity() * size_of::<u64>());
        self.leaves.values().map(leaf).sum()
    }

    /// The item with so many before it.
    pub fn at(&self, mut rank: usize) -> Option<u64> {
        for leaf in self.leaves.values() {
            match leaf.get(rank) {
                None => rank -= leaf.len(),
                item => return item.copied(),
            }
        }
        None
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Inserts into a leaf, whose capacity grows in small steps.
fn put(leaf: &mut Vec<u64>, at: usize, item: u64) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(STEP);
    }
    leaf.insert(at, item);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::alloc::thread_delta;

    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        *state >> 20
    }

    fn check(words: &Words, model: &BTreeSet<u64>) {
        let items: Vec<u64> = words.leaves.values().flatten().copied().collect();
        assert!(items.iter().eq(model.iter()), "the same items in the same order");
        assert_eq!((words.len(), words.first()), (model.len(), model.first().copied()));
        for (bound, leaf) in &words.leaves {
            assert!(leaf.len() <= LEAF_MAX && leaf.first().is_none_or(|first| first >= bound));
        }
        assert!(words.leaves.is_empty() || words.leaves.contains_key(&0));
    }

    #[test]
    fn random_operations_agree_with_a_set() {
        for range in [50, 2_000, 100_000] {
            let (mut words, mut model, mut state) = (Words::default(), BTreeSet::new(), range);
            for step in 0..300_000u64 {
                let (item, draw) = (next(&mut state) % range, next(&mut state) % 100);
                let inserts = if (step / 50_000).is_multiple_of(2) { 70 } else { 25 };
                if draw < inserts {
                    assert_eq!(words.insert(item), model.insert(item));
                } else if draw < 95 {
                    assert_eq!(words.remove(item), model.remove(&item));
                } else {
                    assert_eq!(words.contains(item), model.contains(&item));
                    if step % 50 == 0 {
                        assert_eq!(words.count_below(item), model.range(..item).count());
                    }
                }
                if step % 5_000 == 0 {
                    check(&words, &model);
                }
            }
            while let Some(first) = model.pop_first() {
                assert_eq!(words.first(), Some(first));
                assert!(words.remove(first));
            }
            check(&words, &model);
            assert!(words.leaves.is_empty());
        }
    }

    #[test]
    fn an_item_takes_about_nine_bytes() {
        let mut state = 1;
        for in_order in [true, false] {
            let before = thread_delta();
            let mut words = Words::default();
            for i in 0..200_000 {
                words.insert(if in_order { i * 3 } else { next(&mut state) });
            }
            let bytes = (thread_delta() - before) as f64 / 200_000.0;
            assert!(bytes < 10.5, "{bytes} bytes per item, in order: {in_order}");
        }
    }
}
