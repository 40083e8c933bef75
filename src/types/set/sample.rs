//! Random members: one, several, several distinct ones, and taking some out. All members are
//! equally likely, and so are all selections of so many.

use std::collections::HashSet;

use super::{Gathering, Rules, Set, SetView};
use crate::base::rng::Draws;
use crate::ds::listpack::{Item, Listpack};
use crate::types::{Object, View};

impl<'a> SetView<'a> {
    /// A random member.
    pub fn sample(self, draws: &mut Draws) -> Option<Item<'a>> {
        match self {
            SetView::Table(table) => {
                table.sample(|| draws.word()).map(|record| Item::Bytes(record.key()))
            }
            SetView::Ints(ints) if ints.is_empty() => None,
            SetView::Ints(ints) => Some(Item::Int(ints.at(draws.below(ints.len())))),
            SetView::Packed(pack) => pack.seek(draws.below(pack.len())).map(|at| pack.item(at)),
        }
    }

    /// Shows `count` random members, any of which may come several times, until `visit` says false.
    pub fn sample_many(
        self,
        count: usize,
        draws: &mut Draws,
        mut visit: impl FnMut(Item<'a>) -> bool,
    ) {
        /// From so many on it pays to find all elements of a listpack first.
        const MANY: usize = 4;
        let elements: Vec<Item<'a>> = match self {
            SetView::Packed(pack) if count >= MANY => pack.iter().collect(),
            _ => Vec::new(),
        };
        for _ in 0..count {
            let drawn = match elements.len() {
                0 => self.sample(draws),
                len => Some(elements[draws.below(len)]),
            };
            if !drawn.is_some_and(&mut visit) {
                return;
            }
        }
    }

    /// Shows `count` distinct random members, or all if there are no more.
    pub fn sample_distinct(self, count: usize, draws: &mut Draws, mut visit: impl FnMut(Item<'a>)) {
        /// A share of the members so small that drawing the same one twice is rare.
        const SHARE: usize = 3;
        let len = self.len();
        match self {
            SetView::Table(table) if count < len / SHARE => {
                let mut drawn = HashSet::with_capacity(count);
                while drawn.len() < count {
                    let record = table.sample(|| draws.word()).expect("it has members");
                    if drawn.insert(record.key().as_ptr()) {
                        visit(Item::Bytes(record.key()));
                    }
                }
            }
            _ => {
                let mut choice = Choice::new(count, len);
                self.members().filter(|_| choice.next(draws)).for_each(visit);
            }
        }
    }
}

/// Chooses some of a number of things that come one by one, each selection being equally likely
/// (Knuth's algorithm S).
struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    fn new(wanted: usize, left: usize) -> Self {
        Choice { wanted, left }
    }

    /// Whether the next one is chosen.
    fn next(&mut self, draws: &mut Draws) -> bool {
        let chosen = draws.below(self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(chosen);
        chosen
    }
}

impl Set {
    /// Takes `count` random members out, which must be fewer than there are, and shows each.
    pub fn pop_many(
        &mut self,
        count: usize,
        rules: Rules,
        draws: &mut Draws,
        mut visit: impl FnMut(Item<'_>),
    ) {
        let left = self.view().len() - count;
        let mut choice = Choice::new(count, count + left);
        match self {
            Set::Ints(ints) => {
                ints.retain(|number| {
                    let goes = choice.next(draws);
                    if goes {
                        visit(Item::Int(number));
                    }
                    !goes
                });
            }
            Set::Packed(pack) => {
                let mut kept = Listpack::new();
                for item in pack.view().iter() {
                    if choice.next(draws) { visit(item) } else { kept.push_back(item) }
                }
                *pack = kept;
            }
            // Compat: when few members stay they move to a set of their own, which may be a compact
            // one.
            Set::Table(_) if left * 5 <= count => {
                let mut kept = Gathering::new(rules);
                self.draw_out(left, draws, |member| kept.push(member));
                self.view().members().for_each(visit);
                *self = kept.into_set();
            }
            Set::Table(_) => self.draw_out(count, draws, visit),
        }
    }

    /// Takes random members out one by one.
    fn draw_out(&mut self, count: usize, draws: &mut Draws, mut visit: impl FnMut(Item<'_>)) {
        let mut text = Vec::new();
        for _ in 0..count {
            let Some(member) = self.view().sample(draws) else { return };
            text.clear();
            text.extend_from_slice(member.bytes(&mut Vec::new()));
            visit(Item::Bytes(&text));
            self.remove(&text);
        }
    }
}
