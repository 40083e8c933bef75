//! Looking for elements by their text, and what is done where they are found.

use super::edit::Side;
use super::{Limits, Piece, Place, Quicklist};
use crate::ds::listpack::Needle;

/// From which end a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

impl Quicklist {
    /// Puts an element beside the first one with the text of a pivot. False: there is none.
    pub fn insert_beside(
        &mut self,
        pivot: &[u8],
        side: Side,
        piece: Piece<'_>,
        limits: Limits,
    ) -> bool {
        let needle = Needle::new(pivot);
        let mut at = self.chain.first();
        while let Some(spot) = at {
            let content = self.chain.node(spot).content();
            let found = match content.packed() {
                Some(pack) => pack.first().and_then(|first| needle.find(pack, first)),
                None => content.plain().filter(|p| needle.is_text(p.item)).map(|_| (0, 0)),
            };
            if let Some((at, index)) = found {
                drop(content);
                self.insert(Place { spot, at, index }, side, piece, limits);
                return true;
            }
            at = self.chain.next(spot);
        }
        false
    }

    /// Shows the indexes of elements with a text, counted from the front but in order from an end,
    /// until `show` says no or `max` elements have been looked at.
    pub fn search(&self, text: &[u8], from: End, max: usize, mut show: impl FnMut(usize) -> bool) {
        let needle = Needle::new(text);
        let (mut left, mut passed) = (max, 0);
        let mut at = if from == End::Front { self.chain.first() } else { self.chain.last() };
        while let Some(spot) = at.filter(|_| left > 0) {
            let node = self.chain.node(spot);
            let (content, len) = (node.content(), node.items());
            let here = left.min(len);
            let matches = match content.packed() {
                Some(pack) => needle.find_all(pack).0,
                None => content
                    .plain()
                    .filter(|p| needle.is_text(p.item))
                    .map(|_| 0)
                    .into_iter()
                    .collect(),
            };
            let total = self.len();
            let go_on = match from {
                End::Front => matches.iter().filter(|i| **i < here).all(|i| show(passed + i)),
                End::Back => {
                    let first = total - passed - len;
                    matches.iter().rev().filter(|i| **i >= len - here).all(|i| show(first + i))
                }
            };
            if !go_on {
                return;
            }
            (left, passed) = (left - here, passed + len);
            at = if from == End::Front { self.chain.next(spot) } else { self.chain.before(spot) };
        }
    }

    /// Removes elements with a text, at most `max` of them, beginning at an end. Returns how many.
    pub fn remove_matches(&mut self, text: &[u8], from: End, max: usize) -> usize {
        let needle = Needle::new(text);
        let (mut removed, nodes) = (0, self.chain.nodes());
        let mut touched = Vec::new();
        let mut at = if from == End::Front { self.chain.first() } else { self.chain.last() };
        while let Some(spot) = at.filter(|_| removed < max) {
            let node = self.chain.node(spot);
            let (content, len, left) = (node.content(), node.items(), max - removed);
            let offsets = match content.packed() {
                Some(pack) => {
                    let (_, mut offsets) = needle.find_all(pack);
                    match from {
                        End::Front => offsets.truncate(left),
                        End::Back => drop(offsets.drain(..offsets.len().saturating_sub(left))),
                    }
                    offsets
                }
                None => content
                    .plain()
                    .filter(|p| needle.is_text(p.item))
                    .map(|_| 0)
                    .into_iter()
                    .collect(),
            };
            drop(content);
            removed += offsets.len();
            if offsets.len() == len {
                let (_, next) = self.chain.remove(spot);
                at = match (from, next) {
                    (End::Front, next) => next,
                    (End::Back, Some(next)) => self.chain.before(next),
                    (End::Back, None) => self.chain.last(),
                };
                continue;
            }
            if !offsets.is_empty() {
                self.chain.change(spot, |node| {
                    if let Some(run) = node.run_mut() {
                        run.remove_at(&offsets);
                        run.fit_roughly();
                    }
                });
                touched.push(self.chain.number(spot));
            }
            at = if from == End::Front { self.chain.next(spot) } else { self.chain.before(spot) };
        }
        if self.depth > 0 && removed > 0 {
            self.settle_scattered(&touched, nodes, from);
        }
        removed
    }

    /// Puts compression right after a removal all over the list: nodes that were touched, by their
    /// numbers at the time.
    fn settle_scattered(&mut self, touched: &[usize], nodes: usize, from: End) {
        let gone = nodes - self.chain.nodes();
        self.settle(0..0, -(gone as isize));
        for number in touched {
            // Nodes removed later stood behind, or in front.
            let least = if from == End::Front { *number } else { number.saturating_sub(gone) };
            self.settle(least..number + 1, 0);
        }
    }
}
