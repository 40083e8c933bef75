//! Sets against a plain model: random changes in all encodings, under tiny and usual limits.

use std::collections::BTreeSet;

use super::*;
use crate::base::effort::effort;
use crate::base::rng::Draws;

const SEED: HashSeed = HashSeed::new(3, 5);

fn rules(max_ints: usize, max_entries: usize, max_value: usize) -> Rules {
    Rules { max_ints, max_entries, max_value, seed: SEED }
}

/// A member: a small integer, an odd one, a short word or a long one.
fn member(draws: &mut Draws, range: usize) -> Vec<u8> {
    let number = draws.below(range) as i64;
    match draws.below(8) {
        0..=2 => (number - range as i64 / 2).to_string().into_bytes(),
        3 => [i64::MAX - number, i64::MIN + number, 40_000 + number, 3_000_000_000 + number]
            [draws.below(4)]
        .to_string()
        .into_bytes(),
        4 => format!("0{number}").into_bytes(),
        5 => format!("{number}").repeat(30).into_bytes(),
        _ => format!("m{number}").into_bytes(),
    }
}

fn texts(set: SetView<'_>) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = set.members().map(Item::to_vec).collect();
    all.sort();
    all
}

fn set_of(members: &[&str], rules: Rules) -> Set {
    let mut set = Set::begin(members[0].as_bytes(), members.len(), rules);
    members.iter().for_each(|member| {
        set.add(member.as_bytes(), rules);
    });
    set
}

/// What the encoding promises, and that the members are those of the model.
fn check(set: &Set, model: &BTreeSet<Vec<u8>>, rules: Rules) {
    let view = set.view();
    assert_eq!((view.len(), view.is_empty()), (model.len(), model.is_empty()));
    assert!(texts(view).iter().eq(model.iter()));
    match view {
        SetView::Ints(ints) => assert!(ints.len() <= rules.max_ints),
        SetView::Packed(pack) => {
            assert!(pack.len() <= rules.max_entries);
            assert!(pack.iter().all(|item| item.len() <= rules.max_value));
        }
        SetView::Table(table) => assert_eq!(table.seed(), SEED),
    }
    if let Some((form, blob)) = set.packed() {
        let seen = Set::view_packed(form, blob).expect("a form of sets");
        assert_eq!((texts(seen), seen.encoding()), (texts(view), view.encoding()));
        let back = Set::from_packed(form, blob.to_vec()).expect("a form of sets");
        assert_eq!(back.into_blob().as_deref(), Some(blob));
    }
    let copy = set.clone();
    assert_eq!((texts(copy.view()), copy.view().encoding()), (texts(view), view.encoding()));
    let digest = |set: SetView<'_>| {
        let mut digest = Digest::default();
        set.digest(&mut digest);
        digest
    };
    let mut other = Set::Table(Table::new(SEED));
    model.iter().for_each(|member| {
        other.add(member, rules);
    });
    assert_eq!(digest(view), digest(other.view()), "whatever the encoding");
}

#[test]
fn random_changes_agree_with_an_ordered_set() {
    let mut draws = Draws::new(1);
    let (mut seen, mut ranges) = (BTreeSet::new(), [5, 20, 300].into_iter().cycle());
    for round in 0..effort(400, 4) {
        let rules = match round % 4 {
            0 => rules(512, 128, 64),
            1 => rules(4, 3, 5),
            2 => rules(0, 0, 0),
            _ => rules(draws.below(20), draws.below(20), draws.below(40)),
        };
        let range = ranges.next().expect("a cycle");
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        let mut popped = Vec::new();
        for _ in 0..draws.below(range * 3) {
            let text = member(&mut draws, range);
            match draws.below(40) {
                0..=20 => {
                    assert_eq!(set.add(&text, rules), model.insert(text.clone()));
                    assert!(set.view().contains(&text));
                }
                21..=32 => {
                    assert_eq!(set.remove(&text), model.remove(&text));
                    assert!(!set.view().contains(&text));
                }
                33 => set.expect(draws.below(6), rules),
                34 if model.len() > 1 => {
                    let count = 1 + draws.below(model.len() - 1);
                    popped.clear();
                    set.pop_many(count, rules, &mut draws, |item| popped.push(item.to_vec()));
                    assert_eq!(popped.len(), count);
                    assert!(popped.iter().all(|gone| model.remove(gone)), "each was there, once");
                }
                _ => assert_eq!(set.view().contains(&text), model.contains(&text)),
            }
            if model.is_empty() {
                set = Set::begin(&text, 1 + draws.below(3), rules);
            }
        }
        seen.insert(set.view().encoding());
        check(&set, &model, rules);
    }
    assert_eq!(seen.len(), effort(3, seen.len()), "all encodings came about");
}

#[test]
fn encodings_are_those_of_the_reference() {
    // What a live Redis 8.2 answered, for sets of at most 4 integers, or 3 members of at most 4
    // bytes.
    let rules = rules(4, 3, 4);
    for (given, added, encoding) in [
        ("1 2 3 4", "", "intset"),
        ("1 2 3 4 5", "", "hashtable"),
        ("1 2 x", "", "listpack"),
        ("1 2 3 x", "", "hashtable"),
        ("x 1 2", "1", "listpack"),
        ("x 1 2", "y", "hashtable"),
        ("1 2 3", "x", "hashtable"),
        ("1 2", "x", "listpack"),
        ("10000 2", "x", "hashtable"),
        ("2 -1000", "x", "hashtable"),
        ("1000 2", "xxxxx", "hashtable"),
        ("a b", "a a a a", "hashtable"),
        ("1 2", "1 1 1 1", "intset"),
        ("1 2", "1 1 1 1 1", "hashtable"),
        ("1 2 3 4", "5", "hashtable"),
        ("a a a a", "", "hashtable"),
        ("1 1 1 1 1", "", "hashtable"),
    ] {
        let mut set = set_of(&given.split(' ').collect::<Vec<_>>(), rules);
        let more: Vec<_> = added.split_ascii_whitespace().collect();
        if !more.is_empty() {
            set.expect(more.len(), rules);
        }
        more.iter().for_each(|member| {
            set.add(member.as_bytes(), rules);
        });
        assert_eq!(set.view().encoding(), encoding, "{given} and {added}");
    }
}

#[test]
fn gathered_sets_are_as_compact_as_they_can_be() {
    for (limits, members, compact, plain) in [
        ((10, 3, 4), "1 2 3 4", "intset", "hashtable"),
        ((3, 10, 4), "1 2 3 4", "listpack", "listpack"),
        ((3, 3, 4), "1 2 3 4", "hashtable", "hashtable"),
        ((10, 3, 4), "1 2 3 4 a", "hashtable", "hashtable"),
        ((10, 10, 4), "1 2 3 4 a", "listpack", "listpack"),
        ((10, 10, 4), "3 2 10001", "intset", "hashtable"),
        ((10, 10, 4), "aaaaa", "hashtable", "hashtable"),
        ((10, 10, 4), "1", "intset", "listpack"),
    ] {
        let rules = rules(limits.0, limits.1, limits.2);
        let gather = || {
            let mut gathering = Gathering::new(rules);
            members.split(' ').for_each(|member| gathering.push(Item::Bytes(member.as_bytes())));
            gathering
        };
        for (set, encoding) in
            [(gather().into_compact_set(), compact), (gather().into_set(), plain)]
        {
            assert_eq!(set.view().encoding(), encoding, "{members} within {limits:?}");
            check(&set, &members.split(' ').map(|m| m.as_bytes().to_vec()).collect(), rules);
        }
    }
}

/// Random sets of all encodings over few members, with their models.
fn some_sets(draws: &mut Draws) -> Vec<(Set, BTreeSet<Vec<u8>>)> {
    let make = |draws: &mut Draws| {
        let rules = rules(1 + draws.below(60), draws.below(60), 64);
        let (only_ints, size) = (draws.below(2) == 0, 1 + draws.below(80));
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        while model.len() < size {
            let number = draws.below(100);
            let text = if only_ints || draws.below(3) == 0 {
                number.to_string()
            } else {
                format!("m{number}")
            };
            assert_eq!(set.add(text.as_bytes(), rules), model.insert(text.into_bytes()));
        }
        (set, model)
    };
    (0..1 + draws.below(5)).map(|_| make(draws)).collect()
}

#[test]
fn algebra_agrees_with_ordered_sets() {
    let mut draws = Draws::new(2);
    let mut ways = [0; 2];
    for _ in 0..effort(1000, 2) {
        let sets = some_sets(&mut draws);
        let mut views: Vec<SetView<'_>> = sets.iter().map(|(set, _)| set.view()).collect();
        let models = sets.iter().map(|(_, model)| model.clone());

        let wanted = models.clone().reduce(|a, b| &a | &b).expect("a set");
        let mut found = Vec::new();
        union(&views, |item| found.push(item.to_vec()));
        found.sort();
        assert!(found.iter().eq(&wanted), "union");

        let wanted = models.clone().reduce(|a, b| &a - &b).expect("a set");
        let (first, others) = (views[0], &mut views[1..]);
        let removed = difference_by_removal(first, others, rules(40, 30, 64));
        assert!(texts(removed.view()).iter().eq(&wanted), "difference by removal");
        ways[usize::from(prefers_removal(first, others))] += 1;
        let mut found = Vec::new();
        difference(first, others, |item| found.push(item.to_vec()));
        found.sort();
        assert!(found.iter().eq(&wanted), "difference");

        let wanted = models.reduce(|a, b| &a & &b).expect("a set");
        let (mut found, stop) = (BTreeSet::new(), draws.below(10));
        intersect(&mut views, |item| found.insert(item.to_vec()));
        assert_eq!(found, wanted, "intersection");
        let mut count = 0;
        intersect(&mut views, |_| {
            count += 1;
            count < stop
        });
        assert_eq!(count, wanted.len().min(stop.max(1)), "it stops when told");
    }
    assert!(
        ways.iter().all(|count| *count > effort(15, 0)),
        "both ways were the better one: {ways:?}"
    );
}

#[test]
fn large_tables_are_looked_ahead() {
    let rules = rules(512, 128, 64);
    let [mut a, mut b] = [Set::default(), Set::default()];
    for i in 0..20_000 {
        a.add(format!("m{i}").as_bytes(), rules);
        b.add(format!("m{}", i * 2).as_bytes(), rules);
    }
    let mut count = 0;
    intersect(&mut [a.view(), b.view()], |_| {
        count += 1;
        true
    });
    assert_eq!(count, 10_000);
    let mut count = 0;
    difference(a.view(), &mut [b.view()], |_| count += 1);
    assert_eq!(count, 10_000);
    let mut count = 0;
    union(&[a.view(), b.view()], |_| count += 1);
    assert_eq!(count, 30_000);
    let names: Vec<String> = (0..1000).map(|i| format!("m{i}")).collect();
    for (set, expected) in [(a.view(), true), (b.view(), false)] {
        let mut answers = Vec::new();
        set.contains_each(names.iter().map(String::as_bytes), |answer| answers.push(answer));
        let wanted = (0..1000).map(|i| expected || i % 2 == 0);
        assert!(answers.into_iter().eq(wanted));
    }
}

/// A set of `size` members in the encoding that the kind of members and the limits give.
fn sized(kind: &str, size: usize, max_entries: usize) -> Set {
    let rules = rules(size, max_entries, 64);
    let mut set = Set::default();
    (0..size).for_each(|i| {
        set.add(format!("{kind}{i}").as_bytes(), rules);
    });
    set
}

/// Counts of what a sampler showed are within five standard deviations of even.
fn assert_even(counts: &[u32], expected: f64) {
    let bound = 5.0 * expected.sqrt();
    assert!(counts.iter().all(|n| (f64::from(*n) - expected).abs() < bound), "{counts:?}");
}

#[test]
fn samples_are_fair() {
    const SIZE: usize = 30;
    let mut draws = Draws::new(3);
    for (kind, max_entries) in [("", 0), ("m", SIZE), ("m", 0)] {
        let set = sized(kind, SIZE, max_entries);
        let view = set.view();
        let index = |item: Item<'_>| {
            let text = String::from_utf8(item.to_vec()).expect("text");
            text.trim_start_matches('m').parse::<usize>().expect("a number")
        };
        let rounds = 5_000;
        let mut counts = [[0; SIZE]; 5];
        for _ in 0..rounds {
            counts[0][index(view.sample(&mut draws).expect("members"))] += 1;
            view.sample_many(7, &mut draws, |item| {
                counts[1][index(item)] += 1;
                true
            });
            for (row, count) in [(2, 5), (3, 25)] {
                let mut found = BTreeSet::new();
                view.sample_distinct(count, &mut draws, |item| {
                    counts[row][index(item)] += 1;
                    found.insert(index(item));
                });
                assert_eq!(found.len(), count);
            }
        }
        for round in 0..800 {
            let count = [1, 29, 12, 20][round % 4];
            let mut copy = set.clone();
            let rules = rules(SIZE, max_entries, 64);
            copy.pop_many(count, rules, &mut draws, |item| counts[4][index(item)] += 1);
            assert_eq!(copy.view().len(), SIZE - count);
        }
        let each = f64::from(rounds) / SIZE as f64;
        for (counts, expected) in counts.iter().zip([1.0, 7.0, 5.0, 25.0]) {
            assert_even(counts, each * expected);
        }
        let popped = f64::from(200 * (1 + 29 + 12 + 20)) / SIZE as f64;
        assert_even(&counts[4], popped);
        view.sample_distinct(SIZE + 5, &mut draws, |item| counts[0][index(item)] = 0);
        assert_eq!(counts[0], [0; SIZE], "all of them when more are asked for");
    }
}

#[test]
fn what_few_are_left_of_a_table_moves() {
    let (limits, mut draws) = (rules(10, 10, 4), Draws::new(4));
    for (pops, encoding) in [(11, "hashtable"), (12, "listpack"), (13, "listpack")] {
        let mut set =
            set_of(&"1 2 3 4 5 6 7 8 9 10 11 12 13 14".split(' ').collect::<Vec<_>>(), limits);
        assert_eq!(set.view().encoding(), "hashtable");
        set.pop_many(pops, limits, &mut draws, |_| {});
        assert_eq!((set.view().encoding(), set.view().len()), (encoding, 14 - pops));
    }
}

#[test]
fn a_scan_of_a_table_shows_all_that_stays() {
    let limits = rules(512, 128, 64);
    let mut draws = Draws::new(5);
    for (before, step) in [(1000, 5i32), (1000, -5), (3000, 20), (5000, -40)] {
        let mut set = Set::default();
        (0..before).for_each(|i| {
            set.add(format!("stay{i}").as_bytes(), limits);
            set.add(format!("go{i}").as_bytes(), limits);
        });
        let (mut cursor, mut seen, mut next) = (0, BTreeSet::new(), before);
        loop {
            cursor = set.view().scan(cursor, |item| {
                seen.insert(item.to_vec());
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..step.abs() {
                if step > 0 {
                    set.add(format!("go{next}").as_bytes(), limits);
                    next += 1;
                } else {
                    set.remove(format!("go{}", draws.below(before)).as_bytes());
                }
            }
        }
        let stayed = (0..before).map(|i| format!("stay{i}").into_bytes());
        assert!(stayed.into_iter().all(|member| seen.contains(&member)), "{before} {step}");
    }
}

#[test]
fn names_may_be_fetched_ahead_of_any_set() {
    let limits = rules(512, 128, 64);
    for (size, prefix) in [(3, ""), (3, "m"), (10, "m"), (10_000, "m")] {
        let mut set = Set::default();
        (0..size).for_each(|i| {
            set.add(format!("{prefix}{i}").as_bytes(), limits);
        });
        // It changes nothing and reads nothing: any name will do, and any number of them.
        set.view().fetch_ahead((0..100).map(|_| &b"m1"[..]));
        assert_eq!(set.view().len(), size);
    }
}
