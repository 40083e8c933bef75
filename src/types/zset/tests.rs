//! Sorted sets, in both encodings, against plain ones.

use super::*;
use crate::base::effort::effort;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

fn rules(entries: usize, member_bytes: usize) -> Rules {
    Rules { entries, member_bytes, seed: HashSeed::new(1, 2) }
}

const ANY: Terms = Terms { nx: false, xx: false, gt: false, lt: false, incr: false };

/// Members and scores in order.
type Model = Vec<(Vec<u8>, f64)>;

fn model_put(model: &mut Model, member: &[u8], score: f64, terms: Terms) -> Put {
    let at = model.iter().position(|(name, _)| name == member);
    let score = match terms.decide(at.map(|at| model[at].1), score) {
        Ok(score) => score,
        Err(refusal) => return refusal,
    };
    let old = at.map(|at| model.remove(at).1);
    let kept = old.filter(|old| *old == score);
    let order = |pair: &(Vec<u8>, f64)| (pair.1, &pair.0[..]) < (score, member);
    let place = model.partition_point(order);
    model.insert(place, (member.to_vec(), kept.unwrap_or(score)));
    match (old, kept) {
        (None, _) => Put::Added(score),
        (_, Some(_)) => Put::Kept(score),
        _ => Put::Moved(score),
    }
}

fn pairs(walk: Pairs<'_>) -> Model {
    walk.map(|(member, score)| (member.to_vec(), score)).collect()
}

fn check(set: &Zset, model: &Model, state: &mut u64) {
    let view = set.view();
    assert_eq!((view.len(), pairs(view.iter())), (model.len(), model.clone()));
    if let Zset::Packed(list) = set {
        assert!(Packed::check(list.view().bytes()).is_ok());
    }
    let len = model.len() as u64;
    let (a, b) = (next(state) % (len + 2), next(state) % (len + 2));
    let some = |reverse| pairs(view.range(a as usize..b as usize, reverse));
    let mut wanted: Model = model.iter().take(b as usize).skip(a as usize).cloned().collect();
    assert_eq!(some(false), wanted);
    wanted.reverse();
    assert_eq!(some(true), wanted);
    let bound =
        |state: &mut u64| model.get((next(state) % (len + 1)) as usize).map_or(3.5, |p| p.1);
    let range = ScoreRange {
        min: bound(state),
        max: bound(state),
        min_is_open: a.is_multiple_of(2),
        max_is_open: b.is_multiple_of(2),
    };
    let inside = |s: f64| range.is_above_min(s) && range.is_below_max(s);
    let wanted: Model = model.iter().filter(|(_, s)| inside(*s)).cloned().collect();
    assert_eq!(pairs(view.range(view.by_score(range), false)), wanted);
}

/// Random operations with few scores, so that many are equal.
fn storm(seed: u64, rules: Rules) {
    let (mut set, mut model, mut state) = (Zset::default(), Model::new(), seed);
    let scores = [0.0, 1.0, -1.5, 100.0, 1e17, 1e300, f64::INFINITY, f64::NEG_INFINITY, 0.1, -7.0];
    for step in 0..effort(20_000u64, 60) {
        let draw = next(&mut state);
        let member = match draw % 3 {
            0 => format!("{}", draw % 90).into_bytes(),
            1 => format!("m{}", draw % 60).into_bytes(),
            _ => vec![b'x'; draw as usize % 70],
        };
        let bits = next(&mut state);
        let terms = Terms {
            nx: bits.is_multiple_of(11),
            xx: bits.is_multiple_of(7),
            gt: bits.is_multiple_of(5),
            lt: bits.is_multiple_of(9),
            incr: bits.is_multiple_of(4),
        };
        let score = scores[next(&mut state) as usize % scores.len()];
        match draw % 13 {
            0..8 => {
                let put = set.put(&member, score, terms, rules);
                assert_eq!(put, model_put(&mut model, &member, score, terms));
            }
            8..12 => {
                let at = model.iter().position(|(name, _)| *name == member);
                let view = set.view();
                assert_eq!(view.score(&member), at.map(|at| model[at].1));
                assert_eq!(view.rank(&member), at.map(|at| (at, model[at].1)));
                assert_eq!(set.remove(&member), at.is_some());
                at.map(|at| model.remove(at));
            }
            _ => {
                let start = bits as usize % (model.len() + 1);
                let ranks = start..model.len().min(start + draw as usize % 4);
                set.remove_ranks(ranks.clone());
                model.drain(ranks);
            }
        }
        if step.is_multiple_of(17) {
            check(&set, &model, &mut state);
        }
        let is_packed = matches!(set, Zset::Packed(_));
        if is_packed {
            assert!(model.len() <= rules.entries);
            assert!(model.iter().all(|(name, _)| name.len() <= rules.member_bytes));
        }
        if step.is_multiple_of(1000) {
            set = match step % 3000 {
                0 => Zset::part(
                    set.view().range(0..model.len(), step.is_multiple_of(2000)),
                    None,
                    rules,
                ),
                1000 => Zset::default(),
                _ => set.clone(),
            };
            model.truncate(set.view().len());
        }
    }
}

#[test]
fn random_operations_agree_with_a_plain_set() {
    storm(1, rules(128, 64));
    storm(2, rules(4, 64));
    storm(3, rules(1000, 10));
    storm(4, rules(0, 64));
    storm(5, rules(1000, 100));
}

#[test]
fn a_set_becomes_a_tree_by_size_length_and_expectation() {
    let few = rules(3, 5);
    let mut set = Zset::default();
    for member in [&b"a"[..], b"b", b"12345"] {
        set.put(member, 1.0, ANY, few);
    }
    assert_eq!(set.view().encoding(), "listpack");
    set.put(b"a", 2.0, ANY, few);
    set.expect(3, few);
    assert_eq!(set.view().encoding(), "listpack");
    let mut long = set.clone();
    long.put(b"123456", 1.0, Terms { xx: true, ..ANY }, few);
    assert_eq!(long.view().encoding(), "listpack", "nothing was added");
    long.remove(b"a");
    long.put(b"123456", 1.0, ANY, few);
    assert_eq!(long.view().encoding(), "skiplist");
    set.put(b"c", 1.0, ANY, few);
    assert_eq!(set.view().encoding(), "skiplist");
    for member in [&b"a"[..], b"b", b"c"] {
        assert!(set.remove(member));
    }
    assert_eq!(set.view().encoding(), "skiplist", "never back by removing");
    assert_eq!(
        Zset::part(set.view().range(0..1, false), None, few).view().encoding(),
        "listpack",
        "but as a result"
    );
    let counted = Zset::part(set.view().range(0..1, false), Some(4), few);
    assert_eq!(counted.view().encoding(), "skiplist", "if it was thought to be small");
    let mut many = Zset::default();
    many.expect(4, few);
    assert_eq!(many.view().encoding(), "skiplist");
}

#[test]
fn scores_are_kept_as_redis_keeps_them() {
    let mut set = Zset::default();
    let scores = [
        (1.0, Item::Int(1)),
        (-0.0, Item::Int(0)),
        (4611686018427387904.0, Item::Int(1 << 62)),
        (4611686018427388928.0, Item::Int(4611686018427389000)),
        (1e19, Item::Bytes(b"1e+19")),
        (9223372036854775808.0, Item::Bytes(b"9223372036854776000")),
        (0.1, Item::Bytes(b"0.1")),
        (f64::INFINITY, Item::Bytes(b"inf")),
    ];
    for (score, kept) in scores {
        set.put(b"m", score, ANY, rules(128, 64));
        let Zset::Packed(list) = &set else { panic!("it is small") };
        assert_eq!(list.view().iter().nth(1), Some(kept));
        assert_eq!(set.view().score(b"m"), Some(score));
    }
}

#[test]
fn negative_zero_survives_in_a_tree_only() {
    for (entries, is_negative) in [(128, false), (0, true)] {
        let mut set = Zset::default();
        set.put(b"m", -0.0, ANY, rules(entries, 64));
        assert_eq!(set.view().score(b"m").map(f64::is_sign_negative), Some(is_negative));
        assert_eq!(set.put(b"m", 0.0, ANY, rules(entries, 64)), Put::Kept(0.0));
        assert_eq!(set.view().score(b"m").map(f64::is_sign_negative), Some(is_negative));
    }
}

#[test]
fn infinities_do_not_cancel_out() {
    for entries in [128, 0] {
        let (mut set, incr) = (Zset::default(), Terms { incr: true, ..ANY });
        let rules = rules(entries, 64);
        assert_eq!(set.put(b"m", f64::INFINITY, incr, rules), Put::Added(f64::INFINITY));
        assert_eq!(set.put(b"m", f64::NEG_INFINITY, incr, rules), Put::NotANumber);
        assert_eq!(set.view().score(b"m"), Some(f64::INFINITY));
    }
}

#[test]
fn gathered_members_are_ordered() {
    for (entries, encoding) in [(128, "listpack"), (3, "skiplist")] {
        let rules = rules(entries, 64);
        let mut gathered = Gathered::new(rules.seed);
        for (member, score) in
            [("b", 2.0), ("a", 2.0), ("c", 1.0), ("a", 5.0), ("x", 1.0), ("7", 2.0)]
        {
            gathered.join(member.as_bytes(), score, |old, new| old + new);
        }
        gathered.remove(b"x");
        gathered.remove(b"nobody");
        assert_eq!((gathered.len(), gathered.is_empty()), (4, false));
        let set = Zset::gathered(gathered, rules);
        let names: Vec<_> = pairs(set.view().iter());
        let wanted = [("c", 1.0), ("7", 2.0), ("b", 2.0), ("a", 7.0)];
        assert!(names.iter().zip(wanted).all(|(a, b)| a.0 == b.0.as_bytes() && a.1 == b.1));
        assert_eq!((names.len(), set.view().encoding()), (4, encoding));
    }
}

#[test]
fn digests_are_those_of_redis() {
    // As DEBUG DIGEST-VALUE says of `ZADD k 1 10 2 x`, the type left out of account.
    for entries in [128, 0] {
        let mut set = Zset::default();
        for (member, score) in [("10", 1.0), ("x", 2.0)] {
            set.put(member.as_bytes(), score, ANY, rules(entries, 64));
        }
        let mut digest = Digest::default();
        digest.mix(&3u32.to_be_bytes());
        set.view().digest(&mut digest);
        assert_eq!(digest.to_string(), "2af25ef422e60714e488804819c292c91f8df942");
    }
    let mut text = Vec::new();
    for score in [1e17, f64::INFINITY, -0.0, f64::NEG_INFINITY] {
        write_plain(&mut text, score);
        text.push(b' ');
    }
    assert_eq!(text, b"1e+17 inf -0 -inf ");
}

#[test]
fn positions_as_commands_name_them() {
    let cases = [
        ((0, -1), 0..5),
        ((0, 0), 0..1),
        ((-3, -2), 2..4),
        ((3, 100), 3..5),
        ((5, 9), 0..0),
        ((3, 2), 0..0),
        ((i64::MIN, i64::MAX), 0..5),
        ((i64::MIN, i64::MIN), 0..0),
        ((-100, 0), 0..1),
    ];
    for ((first, last), ranks) in cases {
        assert_eq!(ranks_between(first, last, 5), ranks, "{first} {last}");
    }
}

#[test]
fn effort_and_memory_are_those_of_the_encoding() {
    let (mut packed, mut tree) = (Zset::default(), Zset::default());
    for i in 0..100 {
        packed.put(&[b'a', i], f64::from(i), ANY, rules(128, 64));
        tree.put(&[b'a', i], f64::from(i), ANY, rules(0, 64));
    }
    assert_eq!((packed.view().free_effort(), tree.view().free_effort()), (1, 100));
    assert!((600..1000).contains(&packed.memory_bytes()), "{}", packed.memory_bytes());
    assert!((3500..5000).contains(&tree.memory_bytes()), "{}", tree.memory_bytes());
}
