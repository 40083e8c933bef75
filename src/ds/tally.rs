//! A tally: counts by index with quick sums, so that the element of a rank is found without walking
//! over the others.
//!
//! ```text
//!   counts   3  0  5  1  ...     node i holds the sum of the counts in (i - lowest bit of i, i], counted from 1:
//!   nodes    3  3  5  9  ...     a sum or a search visits one node per bit of the length
//! ```
//!
//! This is Fenwick's tree (1994). The cluster mode keeps the number of keys of each hash slot in
//! one.

/// Counts of a fixed number of indexes.
#[derive(Debug, Clone)]
pub struct Tally {
    nodes: Vec<usize>,
}

impl Tally {
    /// Zero everywhere. The length must be a power of two.
    pub fn new(len: usize) -> Self {
        assert!(len.is_power_of_two(), "searches halve it");
        Tally { nodes: vec![0; len] }
    }

    /// Adds to a count.
    pub fn add(&mut self, index: usize, delta: isize) {
        let mut node = index + 1;
        while node <= self.nodes.len() {
            let sum = &mut self.nodes[node - 1];
            *sum = sum.checked_add_signed(delta).expect("counts are not negative");
            node += node & node.wrapping_neg();
        }
    }

    /// Sum of the counts below an index.
    pub fn below(&self, index: usize) -> usize {
        let (mut node, mut sum) = (index, 0);
        while node > 0 {
            sum += self.nodes[node - 1];
            node &= node - 1;
        }
        sum
    }

    /// Sum of all counts.
    pub fn total(&self) -> usize {
        self.below(self.nodes.len())
    }

    /// The index that holds the element of a rank when all are lined up, if there are so many.
    pub fn holder(&self, rank: usize) -> Option<usize> {
        if rank >= self.total() {
            return None;
        }
        let (mut index, mut rank, mut step) = (0, rank, self.nodes.len());
        while step > 0 {
            if let Some(sum) = self.nodes.get(index + step - 1).filter(|sum| **sum <= rank) {
                rank -= sum;
                index += step;
            }
            step /= 2;
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_ranks_agree_with_a_walk() {
        let (mut tally, mut counts, mut state) = (Tally::new(64), [0usize; 64], 5u64);
        for _ in 0..3000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let index = (state >> 40) as usize % 64;
            let delta =
                if counts[index] > 0 && state >> 63 == 0 { -1 } else { (state >> 50) as isize % 3 };
            tally.add(index, delta);
            counts[index] = counts[index].wrapping_add_signed(delta);
            let line: Vec<usize> =
                (0..64).flat_map(|i| std::iter::repeat_n(i, counts[i])).collect();
            let rank = (state >> 20) as usize % (line.len() + 2);
            assert_eq!(tally.holder(rank), line.get(rank).copied());
            assert_eq!(tally.below(index), counts[..index].iter().sum::<usize>());
        }
        assert_eq!(tally.total(), counts.iter().sum::<usize>());
    }
}
