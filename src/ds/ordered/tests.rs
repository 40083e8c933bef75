//! Sorted sets against plain ones of the standard library.

use std::collections::{BTreeSet, HashMap};

use super::*;
#[cfg(not(miri))]
use crate::base::alloc::thread_delta;
use crate::base::effort::effort;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

/// A score as an integer of the same order; both zeros are one.
fn sortable(score: f64) -> i64 {
    let bits = (score + 0.0).to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[derive(Default)]
struct Model {
    scores: HashMap<Vec<u8>, f64>,
    order: BTreeSet<(i64, Vec<u8>)>,
}

impl Model {
    fn put(&mut self, member: &[u8], score: f64) -> Change {
        let old = self.scores.get(member).copied();
        if old == Some(score) {
            return Change::Kept(score);
        }
        if let Some(old) = old {
            self.order.remove(&(sortable(old), member.to_vec()));
        }
        self.scores.insert(member.to_vec(), score);
        self.order.insert((sortable(score), member.to_vec()));
        if old.is_some() { Change::Moved(score) } else { Change::Added(score) }
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let old = self.scores.remove(member)?;
        assert!(self.order.remove(&(sortable(old), member.to_vec())));
        Some(old)
    }

    fn members(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        self.order.iter().map(|(_, member)| (&member[..], self.scores[member]))
    }
}

fn check(set: &Ordered, model: &Model) {
    let (slots, _) = set.tree.check();
    assert_eq!((slots.len(), set.len()), (model.order.len(), model.order.len()));
    assert!(set.iter().eq(model.members()), "the same members and scores in the same order");
    assert!(set.iter().rev().eq(model.members().rev()), "backwards, too");
    let records: usize = set.table.iter().map(RecordRef::memory_bytes).sum();
    assert_eq!(set.record_bytes, records);
    assert!(set.table.iter().all(|record| set.score(record.key()) == Some(record.fixed())));
}

/// Everything that can be asked about one member, one score and one pair of positions.
fn compare(set: &Ordered, model: &Model, member: &[u8], score: f64, state: &mut u64) {
    let key = |member: &[u8]| model.scores.get(member).map(|s| (sortable(*s), member.to_vec()));
    let rank = key(member).map(|key| model.order.range(..key).count());
    assert_eq!(set.rank(member), rank.map(|rank| (rank, model.scores[member])));
    let below = model.order.range(..(sortable(score), vec![])).count();
    let upto = model.order.range(..(sortable(score) + 1, vec![])).count();
    assert_eq!((set.count_scores(|s| s < score), set.count_scores(|s| s <= score)), (below, upto));
    let mut from = vec![];
    set.visit_from(score, |score, unread| {
        from.push((unread.member(), score));
        from.len() < 300
    });
    assert!(model.members().skip(below).take(300).eq(from), "a walk from a score on");
    let len = set.len();
    let (start, end) = (next(state) as usize % (len + 2), next(state) as usize % (len + 2));
    let wanted: Vec<_> =
        model.members().skip(start).take(end.saturating_sub(start)).take(300).collect();
    let mut got: Vec<_> = set.range(start..end.min(start + 300)).collect();
    assert_eq!(got, wanted);
    let mut folded = vec![];
    set.range(start..end.min(start + 300)).for_each(|pair| folded.push(pair));
    assert_eq!(folded, wanted);
    got.reverse();
    assert!(set.range(start..end.min(start + 300)).rev().eq(got));
    assert_eq!(set.at(start), wanted.first().copied().or(model.members().nth(start)));
}

/// Takes a member near one of the ends, or anywhere in a small set.
fn take(set: &mut Ordered, model: &mut Model, draw: usize) {
    let near = draw / 2 % (set.len() + 1).min(300);
    let at = if draw.is_multiple_of(2) { near } else { set.len() - near };
    let owned = |(member, score): (&[u8], f64)| (member.to_vec(), score);
    let wanted = match set.len().checked_sub(at + 1) {
        Some(back) if at > back => model.members().nth_back(back).map(owned),
        _ => model.members().nth(at).map(owned),
    };
    assert_eq!(set.take_at(at).map(|it| owned((it.view().key(), it.view().fixed()))), wanted);
    wanted.map(|(member, _)| model.remove(&member));
}

/// A weather: how members and scores are drawn, and how often things are added.
fn storm(seed: u64, steps: u64, members: u64, score_of: impl Fn(u64, u64) -> f64) {
    let (steps, members) = effort((steps, members), (120, members.min(100)));
    let (mut set, mut model) = (Ordered::new(HashSeed::new(seed, 1)), Model::default());
    let mut state = seed;
    for step in 0..steps {
        let member = format!("m{}", next(&mut state) % members).into_bytes();
        let score = score_of(step, next(&mut state));
        let adds = if (step * 8 / steps).is_multiple_of(2) { 70 } else { 20 };
        match next(&mut state) % 100 {
            draw if draw < adds => {
                assert_eq!(set.change(&member, |_| Some(score)), model.put(&member, score));
            }
            draw if draw < 90 => assert_eq!(set.remove(&member), model.remove(&member)),
            draw if draw < 99 => take(&mut set, &mut model, next(&mut state) as usize),
            // A plain set counts its way to a position, so a large one is not asked each time.
            _ if step.is_multiple_of(1 + model.order.len() as u64 / 20) => {
                compare(&set, &model, &member, score, &mut state);
            }
            _ => assert_eq!(set.score(&member), model.scores.get(&member).copied()),
        }
        if step.is_multiple_of(steps / effort(20, 3)) {
            check(&set, &model);
        }
    }
    check(&set.clone(), &model);
    let left: Vec<_> = model.members().map(|(member, score)| (member.to_vec(), score)).collect();
    for first in left {
        let taken = set.take_at(0).expect("one is left");
        assert_eq!((taken.view().key(), taken.view().fixed()), (&first.0[..], first.1));
        model.remove(&first.0);
    }
    check(&set, &model);
    assert_eq!((set.memory_bytes(), set.tree.check().1), (0, 1));
}

#[test]
fn few_members_and_few_scores() {
    let scores = [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, -3.0, 1e-300];
    storm(1, 100_000, 60, |_, draw| scores[draw as usize % scores.len()]);
}

#[test]
fn all_scores_are_equal() {
    storm(2, 120_000, 3_000, |_, _| 1.0);
}

#[test]
fn scores_rise() {
    storm(3, 200_000, 20_000, |step, _| step as f64);
}

#[test]
fn scores_fall() {
    storm(4, 200_000, 20_000, |step, _| -(step as f64));
}

#[test]
fn scores_are_anything() {
    storm(5, 400_000, 50_000, |_, draw| (draw % 30_000) as f64 / 7.0);
}

#[test]
fn decisions_are_kept() {
    let mut set = Ordered::new(HashSeed::new(1, 2));
    assert_eq!(set.change(b"a", |old| old), Change::Refused);
    assert!(set.is_empty());
    assert_eq!(set.change(b"a", |_| Some(0.0)), Change::Added(0.0));
    assert_eq!(set.change(b"a", |old| old.map(|s| s + 1.0)), Change::Moved(1.0));
    assert_eq!(set.change(b"a", |_| Some(1.0)), Change::Kept(1.0));
    assert_eq!(set.change(b"b", |_| Some(-0.0)), Change::Added(-0.0));
    assert_eq!(set.change(b"b", |_| Some(0.0)), Change::Kept(0.0));
    let signs: Vec<_> = set.iter().map(|(_, score)| score.is_sign_negative()).collect();
    assert_eq!(signs, [true, false]);
    assert!(set.remove(b"c").is_none() && set.take_at(2).is_none());
}

/// More members than one leaf holds.
const SOME: u32 = effort(1000, 140);

#[test]
fn lexicographic_bounds() {
    let mut set = Ordered::new(HashSeed::new(1, 2));
    for i in 0..SOME {
        set.change(format!("{i:04}").as_bytes(), |_| Some(0.0));
    }
    assert_eq!(set.count_members(|m| m < b"0100"), 100);
    assert_eq!(set.count_members(|m| m <= b"0100"), 101);
    assert_eq!((set.count_members(|_| true), set.count_members(|_| false)), (SOME as usize, 0));
}

#[test]
#[cfg(not(miri))]
fn a_member_takes_sixty_bytes() {
    let mut state = 1;
    for in_order in [true, false] {
        let before = thread_delta();
        let mut set = Ordered::new(HashSeed::new(3, 4));
        for i in 0..200_000u64 {
            let score = if in_order { i } else { next(&mut state) };
            set.change(format!("member:{i:012}").as_bytes(), |_| Some(score as f64));
        }
        let bytes = thread_delta() - before;
        let each = bytes as f64 / 200_000.0;
        assert!(each < 60.6, "{each} bytes per member, in order: {in_order}");
        let own = size_of::<Ordered>();
        let told = set.memory_bytes() + own;
        assert!(told.abs_diff(bytes as usize + own) < bytes as usize / 1000, "{told} {bytes}");
        let (_, leaves) = set.tree.check();
        assert!(!in_order || leaves == 200_000_usize.div_ceil(128), "full leaves stay behind");
    }
}

#[test]
fn a_walk_may_be_met_from_both_ends() {
    let mut set = Ordered::new(HashSeed::new(3, 4));
    for i in 0..SOME {
        set.change(&i.to_be_bytes(), |_| Some(f64::from(i)));
    }
    let mut walk = set.range(10..SOME as usize - 10);
    let mut seen = vec![];
    while let Some((_, score)) = walk.next() {
        seen.push(score);
        seen.extend(walk.next_back().map(|(_, score)| score));
    }
    let last = f64::from(SOME - 11);
    assert_eq!((seen.len(), seen[0], seen[1], walk.len()), (SOME as usize - 20, 10.0, last, 0));
    seen.sort_by(f64::total_cmp);
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
}
