//! Sorted sets: members with scores, in the order of scores and then of members.
//!
//! ```text
//!   Packed   one listpack [member, score, member, score, ...] in order      `listpack`
//!   Tree     a table and a counting tree over the same records              `skiplist`, as Redis calls its own
//! ```
//!
//! A set is packed as long as it has few and short members ([`Rules`]), and stays a tree once it is
//! one. Everything that is asked by score or by name is answered in positions ([`bounds`]),
//! everything that is shown is a range of positions ([`Pairs`]), so that the commands need not know
//! which of the two they deal with.
//!
//! Scores in a listpack are integers where they are whole, else text as replies have it; -0 becomes
//! 0 there, and stays in a tree. There is no score that is not a number.

mod bounds;
mod packed;
#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};

use super::digest::Digest;
use super::{Form, Object, View};
use crate::base::double::write_grisu;
use crate::ds::hash::HashSeed;
use crate::ds::listpack::{Item, Listpack, Packed};
use crate::ds::ordered::{Change, Gathered, Iter, Ordered};

pub use bounds::{LexBound, LexRange, Ranks, ScoreRange};

/// A sorted set.
#[derive(Debug, Clone)]
pub enum Zset {
    Packed(Listpack),
    Tree(Box<Ordered>),
}

/// A sorted set, looked at.
#[derive(Clone, Copy)]
pub enum ZsetView<'a> {
    Packed(Packed<'a>),
    Tree(&'a Ordered),
}

/// When a sorted set is packed, and what a table is seeded with when it is not.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// At most so many members.
    pub entries: usize,
    /// None longer than this.
    pub member_bytes: usize,
    pub seed: HashSeed,
}

/// On which terms a member is given a score.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Only new members.
    pub nx: bool,
    /// Only members that are there.
    pub xx: bool,
    /// Only to a higher score, if there is one.
    pub gt: bool,
    /// Only to a lower score, if there is one.
    pub lt: bool,
    /// The score is added to the one that is there.
    pub incr: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Put {
    /// The terms forbade it.
    Refused,
    /// Infinities cancelled each other out: nothing was changed.
    NotANumber,
    Added(f64),
    Moved(f64),
    /// The score was the same already.
    Kept(f64),
}

impl Terms {
    /// The score a member gets, if it gets one.
    fn decide(self, old: Option<f64>, score: f64) -> Result<f64, Put> {
        let Some(old) = old else {
            return if self.xx { Err(Put::Refused) } else { Ok(score) };
        };
        if self.nx {
            return Err(Put::Refused);
        }
        let new = if self.incr { old + score } else { score };
        if new.is_nan() {
            Err(Put::NotANumber)
        } else if self.gt && new <= old || self.lt && new >= old {
            Err(Put::Refused)
        } else {
            Ok(new)
        }
    }
}

impl Default for Zset {
    fn default() -> Self {
        Zset::Packed(Listpack::new())
    }
}

impl Zset {
    /// Gives a member a score, on some terms.
    pub fn put(&mut self, member: &[u8], score: f64, terms: Terms, rules: Rules) -> Put {
        if let Zset::Packed(list) = self {
            let pack = list.view();
            let found = packed::find(pack, member);
            let score = match terms.decide(found.map(|at| packed::score_behind(pack, at)), score) {
                Ok(score) => score,
                Err(refusal) => return refusal,
            };
            if let Some(at) = found {
                return packed::rescore(list, at, member, score);
            }
            self.add_new(member, score, rules);
            return Put::Added(score);
        }
        let mut refusal = Put::Refused;
        let change = self
            .grow(rules)
            .change(member, |old| terms.decide(old, score).map_err(|reason| refusal = reason).ok());
        match change {
            Change::Refused => refusal,
            Change::Added(score) => Put::Added(score),
            Change::Moved(score) => Put::Moved(score),
            Change::Kept(score) => Put::Kept(score),
        }
    }

    /// Adds a member that is not there to a listpack, as long as it may, or to a tree.
    fn add_new(&mut self, member: &[u8], score: f64, rules: Rules) {
        if let Zset::Packed(list) = self {
            let fits = list.view().len() / 2 < rules.entries && member.len() <= rules.member_bytes;
            if fits && list.has_room(packed::bytes_max(member)) {
                return packed::insert(list, member, score);
            }
        }
        self.grow(rules).change(member, |_| Some(score));
    }

    /// The tree, which a packed set becomes.
    fn grow(&mut self, rules: Rules) -> &mut Ordered {
        if let Zset::Packed(list) = self {
            let pack = list.view();
            let mut tree = Box::new(Ordered::with_capacity(rules.seed, pack.len() / 2 + 1));
            let mut buffer = Vec::new();
            for (member, score) in pack.pairs() {
                tree.push(member.bytes(&mut buffer), packed::score_of(score));
            }
            *self = Zset::Tree(tree);
        }
        match self {
            Zset::Tree(tree) => tree,
            Zset::Packed(_) => unreachable!("it has become a tree"),
        }
    }

    /// Gets ready for so many pairs of score and member that a command gives.
    /// Compat: a set becomes a tree by what is given, even if most of it is the same member.
    pub fn expect(&mut self, pairs: usize, rules: Rules) {
        if pairs > rules.entries {
            self.grow(rules);
        }
    }

    /// Removes a member; true if it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Zset::Packed(list) => {
                let found = packed::find(list.view(), member);
                found.map(|at| list.remove(at, 2)).is_some()
            }
            Zset::Tree(tree) => tree.remove(member).is_some(),
        }
    }

    /// Removes the members at some positions.
    pub fn remove_ranks(&mut self, ranks: Ranks) {
        match self {
            Zset::Packed(list) => {
                if let Some(at) = list.view().seek(2 * ranks.start) {
                    list.remove(at, 2 * ranks.len());
                }
            }
            Zset::Tree(tree) => {
                for _ in ranks.clone() {
                    tree.take_at(ranks.start);
                }
            }
        }
    }

    /// What has been gathered, as a set.
    pub fn gathered(members: Gathered, rules: Rules) -> Zset {
        Zset::Tree(Box::new(members.order())).fitted(rules)
    }

    /// A set of members taken out of another. `count` of them are expected, if that is known.
    /// Compat: as in Redis they are added one by one, so that a negative zero may lose its sign on
    /// the way.
    pub fn part(pairs: Pairs<'_>, count: Option<usize>, rules: Rules) -> Zset {
        let (mut set, mut buffer) = (Zset::default(), Vec::new());
        set.expect(count.unwrap_or(0), rules);
        for (member, score) in pairs {
            set.add_new(member.bytes(&mut buffer), score, rules);
        }
        set
    }

    /// A result to be stored: packed if it fits.
    fn fitted(self, rules: Rules) -> Zset {
        let Zset::Tree(tree) = self else { return self };
        let fits = tree.len() <= rules.entries
            && tree.iter().all(|(member, _)| member.len() <= rules.member_bytes);
        if !fits {
            return Zset::Tree(tree);
        }
        let mut list = Listpack::new();
        for (member, score) in tree.iter() {
            if !list.has_room(packed::bytes_max(member)) {
                return Zset::Tree(tree);
            }
            packed::push(&mut list, Item::of(member), score);
        }
        list.shrink();
        Zset::Packed(list)
    }
}

impl<'a> ZsetView<'a> {
    /// The score of a member.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            ZsetView::Packed(pack) => {
                packed::find(pack, member).map(|at| packed::score_behind(pack, at))
            }
            ZsetView::Tree(tree) => tree.score(member),
        }
    }

    /// The position of a member, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            ZsetView::Packed(pack) => packed::rank(pack, member),
            ZsetView::Tree(tree) => tree.rank(member),
        }
    }

    /// The positions of the scores within a range.
    pub fn by_score(self, range: ScoreRange) -> Ranks {
        match self {
            ZsetView::Packed(pack) => {
                let scores = pack.pairs().map(|(_, score)| packed::score_of(score));
                bounds::ranks(scores, |s| range.is_above_min(*s), |s| range.is_below_max(*s))
            }
            ZsetView::Tree(tree) => {
                let start = tree.count_scores(|score| !range.is_above_min(score));
                let end = tree.count_scores(|score| range.is_below_max(score));
                start..end.max(start)
            }
        }
    }

    /// The positions of the members within a range. Means something only where all scores are
    /// equal.
    pub fn by_lex(self, range: &LexRange<'_>) -> Ranks {
        match self {
            ZsetView::Packed(pack) => {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                let members = pack.pairs().map(|(member, _)| member);
                let above = |member: &Item<'_>| range.is_above_min(member.bytes(&mut a));
                bounds::ranks(members, above, |member| range.is_below_max(member.bytes(&mut b)))
            }
            ZsetView::Tree(tree) => {
                let start = tree.count_members(|member| !range.is_above_min(member));
                let end = tree.count_members(|member| range.is_below_max(member));
                start..end.max(start)
            }
        }
    }

    /// The members at some positions with their scores, in order or from the last to the first.
    #[inline]
    pub fn range(self, ranks: Ranks, reverse: bool) -> Pairs<'a> {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        match self {
            ZsetView::Packed(pack) => Pairs::Packed(packed::Walk::new(pack, ranks, reverse)),
            ZsetView::Tree(tree) if reverse => Pairs::TreeBack(tree.range(ranks)),
            ZsetView::Tree(tree) => Pairs::Tree(tree.range(ranks)),
        }
    }

    /// Sifts the members whose scores are in a half-open range, in order: `wanted` sees a score
    /// alone, and what it makes of it comes with the member to `take`, which says whether to go on.
    /// Members that are not wanted are not looked at.
    #[inline]
    pub fn sift<T>(
        self,
        scores: Range<f64>,
        mut wanted: impl FnMut(f64) -> Option<T>,
        mut take: impl FnMut(Item<'a>, T) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            ZsetView::Packed(pack) => {
                for (member, score) in pack.pairs() {
                    let score = packed::score_of(score);
                    if score >= scores.end {
                        break;
                    }
                    if score >= scores.start
                        && let Some(found) = wanted(score)
                    {
                        take(member, found)?;
                    }
                }
                ControlFlow::Continue(())
            }
            ZsetView::Tree(tree) => {
                let mut flow = ControlFlow::Continue(());
                tree.visit_from(scores.start, |score, unread| {
                    if score >= scores.end {
                        return false;
                    }
                    if let Some(found) = wanted(score) {
                        flow = take(Item::Bytes(unread.member()), found);
                    }
                    flow.is_continue()
                });
                flow
            }
        }
    }

    /// All members with their scores, in order.
    pub fn iter(self) -> Pairs<'a> {
        self.range(0..self.len(), false)
    }

    /// The member at a position, and its score.
    pub fn at(self, rank: usize) -> Option<(Item<'a>, f64)> {
        self.range(rank..rank + 1, false).next()
    }

    /// Visits some members at a cursor and returns the next one, 0 at the end. A packed set shows
    /// all at once.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Item<'a>, f64)) -> u64 {
        match self {
            ZsetView::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            ZsetView::Tree(tree) => {
                tree.scan(cursor, |member, score| visit(Item::Bytes(member), score))
            }
        }
    }
}

/// Walks over members and scores.
pub enum Pairs<'a> {
    Packed(packed::Walk<'a>),
    Tree(Iter<'a>),
    TreeBack(Iter<'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (member, score) = match self {
            Pairs::Tree(iter) => iter.next()?,
            Pairs::TreeBack(iter) => iter.next_back()?,
            Pairs::Packed(walk) => {
                let (member, score) = walk.next()?;
                return Some((member, packed::score_of(score)));
            }
        };
        Some((Item::Bytes(member), score))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut visit: F) -> B {
        let shown = |(member, score)| (Item::Bytes(member), score);
        match self {
            Pairs::Tree(iter) => iter.fold(init, |folded, pair| visit(folded, shown(pair))),
            Pairs::TreeBack(iter) => {
                iter.rev().fold(init, |folded, pair| visit(folded, shown(pair)))
            }
            Pairs::Packed(walk) => walk.fold(init, |folded, (member, score)| {
                visit(folded, (member, packed::score_of(score)))
            }),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Pairs::Packed(walk) => walk.left(),
            Pairs::Tree(iter) | Pairs::TreeBack(iter) => iter.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

impl Object for Zset {
    type View<'a> = ZsetView<'a>;

    #[inline]
    fn view(&self) -> ZsetView<'_> {
        match self {
            Zset::Packed(list) => ZsetView::Packed(list.view()),
            Zset::Tree(tree) => ZsetView::Tree(tree),
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match self {
            Zset::Packed(list) => Some((Form::Zset, list.view().bytes())),
            Zset::Tree(_) => None,
        }
    }

    #[inline]
    fn view_packed(form: Form, blob: &[u8]) -> Option<ZsetView<'_>> {
        (form == Form::Zset).then(|| ZsetView::Packed(Packed::new(blob)))
    }

    fn from_packed(form: Form, blob: Vec<u8>) -> Option<Self> {
        (form == Form::Zset).then(|| Zset::Packed(Listpack::from_blob(blob)))
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        match self {
            Zset::Packed(list) => Some(list.into_blob()),
            Zset::Tree(_) => None,
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Zset::Packed(list) => list.memory_bytes(),
            Zset::Tree(tree) => {
                crate::base::alloc::class_size(size_of::<Ordered>()) + tree.memory_bytes()
            }
        }
    }
}

impl View for ZsetView<'_> {
    fn encoding(self) -> &'static str {
        match self {
            ZsetView::Packed(_) => "listpack",
            ZsetView::Tree(_) => "skiplist",
        }
    }

    #[inline]
    fn len(self) -> usize {
        match self {
            ZsetView::Packed(pack) => pack.len() / 2,
            ZsetView::Tree(tree) => tree.len(),
        }
    }

    fn table(self) -> Option<(usize, usize)> {
        match self {
            ZsetView::Tree(tree) => Some((tree.slots(), tree.len())),
            ZsetView::Packed(_) => None,
        }
    }

    fn digest(self, into: &mut Digest) {
        let (mut name, mut text) = (Vec::new(), Vec::new());
        for (member, score) in self.iter() {
            let mut one = Digest::default();
            one.mix(member.bytes(&mut name));
            text.clear();
            write_plain(&mut text, score);
            one.mix(&text);
            into.xor_in(one.bytes());
        }
    }

    fn free_effort(self) -> usize {
        match self {
            ZsetView::Packed(_) => 1,
            ZsetView::Tree(tree) => tree.len(),
        }
    }
}

/// A score as digests take it in.
/// Compat: without the short cut for whole numbers that replies take, so 1e17 is `1e+17`.
fn write_plain(out: &mut Vec<u8>, score: f64) {
    if score.is_infinite() {
        out.extend_from_slice(if score > 0.0 { b"inf" } else { b"-inf" });
    } else {
        write_grisu(out, score);
    }
}

/// A range of positions that a command names by its first and last one, negative ones counting from
/// the end.
pub fn ranks_between(first: i64, last: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (first, end) = (from(first).max(0), from(last).saturating_add(1).min(len));
    if first >= end { 0..0 } else { first as usize..end as usize }
}
