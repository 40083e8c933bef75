//! Sorted sets in one listpack: members and scores by turns, in order.

use std::cmp::Ordering;

use super::{Put, Ranks};
use crate::base::text::{parse_f64, text_i64, write_f64};
use crate::ds::listpack::{self, Item, Listpack, Packed};

/// Scores that are whole and not larger than this are kept as integers.
const WHOLE_MAX: f64 = (1u64 << 62) as f64;

/// Room for the text of any score.
const SCORE_BYTES: usize = 40;

/// Bytes that a member may take in a listpack with its score, at most.
pub fn bytes_max(member: &[u8]) -> usize {
    member.len() + 2 * SCORE_BYTES
}

/// The score that an element stands for.
#[inline]
pub fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(number) => number as f64,
        // What comes from outside is checked before it becomes a value.
        Item::Bytes(text) => parse_f64(text).unwrap_or(0.0),
    }
}

/// Runs a function of the element that a score becomes.
fn with_score<R>(score: f64, run: impl FnOnce(Item<'_>) -> R) -> R {
    if score.abs() <= WHOLE_MAX && score.trunc() == score {
        // Compat: the sign of a zero is lost.
        return run(Item::Int(score as i64));
    }
    let mut text = Vec::with_capacity(SCORE_BYTES);
    write_f64(&mut text, score);
    run(Item::of(&text))
}

/// Where a member is.
#[inline]
pub fn find(pack: Packed<'_>, member: &[u8]) -> Option<usize> {
    pack.find(pack.first()?, member, 2)
}

/// The score behind the member at an offset.
#[inline]
pub fn score_behind(pack: Packed<'_>, at: usize) -> f64 {
    score_of(pack.item(pack.next(at).expect("a score follows each member")))
}

/// The position of a member, and its score.
pub fn rank(pack: Packed<'_>, member: &[u8]) -> Option<(usize, f64)> {
    let wanted = Item::of(member);
    let mut pairs = pack.pairs().enumerate();
    let (rank, (_, score)) = pairs.find(|(_, (member, _))| member.same(wanted))?;
    Some((rank, score_of(score)))
}

/// Whether a pair of the listpack comes before a score and a member.
fn precedes(pair: (Item<'_>, Item<'_>), score: f64, member: &[u8]) -> bool {
    let (name, own) = (pair.0, score_of(pair.1));
    let by_name = || match name {
        Item::Bytes(name) => name.cmp(member),
        Item::Int(number) => text_i64(number, &mut [0; 20]).cmp(member),
    };
    own < score || own == score && by_name() == Ordering::Less
}

/// The pair at an offset.
fn pair(pack: Packed<'_>, at: usize) -> (Item<'_>, Item<'_>) {
    let score = pack.next(at).expect("a score follows each member");
    (pack.item(at), pack.item(score))
}

/// The offset of the pair before the one at an offset, or before the end.
fn pair_before(pack: Packed<'_>, at: usize) -> Option<usize> {
    pack.before(at).and_then(|score| pack.before(score))
}

/// Where a new member with a score belongs.
fn place(pack: Packed<'_>, score: f64, member: &[u8]) -> usize {
    let end = pack.bytes().len() - 1;
    let last = pair_before(pack, end);
    if last.is_none_or(|last| precedes(pair(pack, last), score, member)) {
        return end;
    }
    let mut items = pack.offsets();
    while let (Some((at, name)), Some((_, own))) = (items.next(), items.next()) {
        if !precedes((name, own), score, member) {
            return at;
        }
    }
    end
}

/// Adds a member that is not there.
pub fn insert(list: &mut Listpack, member: &[u8], score: f64) {
    let at = place(list.view(), score, member);
    list.insert(at, Item::of(member));
    with_score(score, |score| list.insert_after(at, score));
}

/// Adds a member that is known to come behind all others.
pub fn push(list: &mut Listpack, member: Item<'_>, score: f64) {
    list.push_back(member);
    with_score(score, |score| list.push_back(score));
}

/// Gives the member at an offset another score.
pub fn rescore(list: &mut Listpack, at: usize, member: &[u8], score: f64) -> Put {
    let pack = list.view();
    if score_behind(pack, at) == score {
        return Put::Kept(score);
    }
    let place = pack.next(at).expect("a score follows each member");
    let before = pair_before(pack, at).is_none_or(|at| precedes(pair(pack, at), score, member));
    let behind = pack.next(place).is_none_or(|at| !precedes(pair(pack, at), score, member));
    if before && behind {
        with_score(score, |score| list.replace(place, score));
    } else {
        list.remove(at, 2);
        insert(list, member, score);
    }
    Put::Moved(score)
}

/// Walks over pairs, from either end.
pub struct Walk<'a> {
    pack: Packed<'a>,
    /// Forwards.
    items: listpack::Iter<'a>,
    /// Backwards: offset behind the next pair.
    end: usize,
    left: usize,
    reverse: bool,
}

impl<'a> Walk<'a> {
    /// A walk over some positions, which are there.
    pub fn new(pack: Packed<'a>, ranks: Ranks, reverse: bool) -> Self {
        let behind = pack.bytes().len() - 1;
        let offset = |rank: usize| pack.seek(2 * rank).unwrap_or(behind);
        let (start, end) =
            if reverse { (behind, offset(ranks.end)) } else { (offset(ranks.start), behind) };
        Walk { pack, items: pack.offsets_from(start), end, left: ranks.len(), reverse }
    }

    /// Pairs that are left.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.reverse {
            self.end = pair_before(self.pack, self.end)?;
            Some(pair(self.pack, self.end))
        } else {
            Some((self.items.next()?.1, self.items.next()?.1))
        }
    }
}
