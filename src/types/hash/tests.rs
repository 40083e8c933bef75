//! Hashes beside a plain model, in all encodings, under a moving clock; and measured.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::alloc::thread_delta;
use crate::base::effort::effort;
use crate::base::rng::Draws;

const SEED: HashSeed = HashSeed::new(1, 2);
const TINY: Limits = Limits { entries: 5, text: 10, seed: SEED };
const USUAL: Limits = Limits { entries: 512, text: 64, seed: SEED };
const NONE: Limits = Limits { entries: 0, text: 64, seed: SEED };

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

/// Fields in the order of a listpack: what Redis does, said the plain way.
#[derive(Clone, Debug, Default)]
struct Model {
    fields: Vec<(Vec<u8>, Vec<u8>, i64)>,
    volatile: bool,
    table: bool,
}

impl Model {
    fn find(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().position(|(other, ..)| other == name)
    }

    /// Puts a field where its deadline wants it.
    fn place(&mut self, field: (Vec<u8>, Vec<u8>, i64)) {
        let deadline = field.2;
        let before = |other: i64| deadline > 0 && (other == 0 || other >= deadline);
        let at = self.fields.iter().position(|(.., other)| before(*other));
        self.fields.insert(at.unwrap_or(self.fields.len()), field);
    }

    fn set(&mut self, name: &[u8], value: &[u8], ttl: FieldTtl, limits: Limits) -> bool {
        self.table |= name.len().max(value.len()) > limits.text;
        self.volatile |= matches!(ttl, FieldTtl::At(_));
        let found = self.find(name);
        let old = found.map_or(0, |at| self.fields[at].2);
        let new = match ttl {
            FieldTtl::At(at) => at.0,
            FieldTtl::Clear => 0,
            FieldTtl::Keep => old,
        };
        match found {
            Some(at) if old == new && !matches!(ttl, FieldTtl::At(_)) => {
                self.fields[at].1 = value.to_vec();
            }
            _ => {
                found.map(|at| self.fields.remove(at));
                self.place((name.to_vec(), value.to_vec(), new));
            }
        }
        self.table |= self.fields.len() > limits.entries;
        found.is_none()
    }

    fn set_deadline(&mut self, name: &[u8], deadline: i64) -> bool {
        self.volatile |= deadline > 0;
        let Some(at) = self.find(name) else { return false };
        let (name, value, _) = self.fields.remove(at);
        self.place((name, value, deadline));
        true
    }

    fn encoding(&self) -> &'static str {
        match (self.table, self.volatile) {
            (true, _) => "hashtable",
            (false, true) => "listpackex",
            (false, false) => "listpack",
        }
    }
}

fn shown(field: Field<'_>) -> (Vec<u8>, Vec<u8>, i64) {
    (field.name.to_vec(), field.value.to_vec(), field.deadline.map_or(0, |at| at.0))
}

fn check(hash: &Hash, model: &Model, now: i64) {
    let view = hash.view();
    assert_eq!((view.len(), view.encoding()), (model.fields.len(), model.encoding()));
    let (mut all, mut want): (Vec<_>, _) = (view.iter().map(shown).collect(), model.fields.clone());
    if let Hash::Table(table) = hash {
        table.check();
        all.sort();
        want.sort();
    }
    assert_eq!(all, want);
    let earliest = want.iter().map(|(.., at)| *at).filter(|at| *at > 0).min();
    assert_eq!(view.deadline(), earliest.map(UnixMillis));
    // What lies before the horizon is hidden, and nothing else is.
    let view = view.from_horizon(UnixMillis(now));
    want.retain(|(.., at)| *at == 0 || *at >= now);
    assert_eq!(view.len(), want.len());
    let mut all: Vec<_> = view.iter().map(shown).collect();
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = view.scan(cursor, |field| scanned.push(shown(field)));
        if cursor == 0 {
            break;
        }
    }
    [&mut all, &mut scanned, &mut want].into_iter().for_each(|fields| fields.sort());
    assert_eq!((&all, &scanned), (&want, &want));
    let visible: BTreeSet<_> = want.into_iter().map(|(name, ..)| name).collect();
    for (name, value, _) in &model.fields {
        let found = view.find(name).map(|field| field.value.to_vec());
        assert_eq!(found.is_some(), visible.contains(name));
        assert!(found.is_none_or(|found| found == *value));
    }
}

/// A text; short ones mostly, of few kinds.
fn text(draw: u64, longest: usize) -> Vec<u8> {
    match draw % 7 {
        0 => (draw >> 8).to_string().into_bytes(),
        1 => vec![0xff; (draw >> 8) as usize % 12],
        2 => vec![b'x'; (draw >> 8) as usize % longest],
        3 => Vec::new(),
        _ => format!("v{}", (draw >> 8) % 50).into_bytes(),
    }
}

fn run(limits: Limits, names: u64, longest: usize, seed: u64) {
    let checks = names.max(20) as i32;
    let (mut hash, mut model, mut state) = (Hash::default(), Model::default(), seed);
    let mut now = 1_700_000_000_000i64;
    for step in 0..effort(3000, 50) {
        let draw = next(&mut state);
        now += i64::from(draw.is_multiple_of(9)) * (draw >> 7) as i64 % 300;
        let name = format!("f{}", next(&mut state) % names).into_bytes();
        let deadline = now + (draw >> 9) as i64 % 2000;
        match draw % 16 {
            0..=5 => {
                let ttls = [FieldTtl::Clear, FieldTtl::Keep, FieldTtl::At(UnixMillis(deadline))];
                // Hashes without any deadline are to be seen, too.
                let ttl = ttls[if seed.is_multiple_of(3) { 0 } else { (draw >> 5) as usize % 3 }];
                let value = text(next(&mut state), longest);
                let is_new = hash.set(&name, &value, ttl, limits);
                assert_eq!(is_new, model.set(&name, &value, ttl, limits));
            }
            6 => {
                let old = model.find(&name).map(|at| model.fields[at].1.clone());
                let refused = hash.update(&name, FieldTtl::Clear, limits, |value| {
                    assert_eq!(value.map(Item::to_vec), old);
                    Err(7)
                });
                assert_eq!(refused, Err(7));
            }
            7..=9 => {
                let found = model.find(&name).map(|at| model.fields.remove(at));
                assert_eq!(hash.remove(&name), found.is_some());
            }
            10 | 11 if !seed.is_multiple_of(3) => {
                let new = if draw & 64 == 0 { deadline } else { 0 };
                let changed = hash.set_deadline(&name, (new > 0).then_some(UnixMillis(new)));
                assert_eq!(changed, model.set_deadline(&name, new));
            }
            12 => {
                let max = (draw >> 5) as usize % 4;
                let mut due: Vec<_> =
                    model.fields.iter().map(|(name, _, at)| (*at, name)).collect();
                due.retain(|(at, _)| *at > 0 && *at < now);
                due.sort_by_key(|(at, _)| *at);
                let count = due.len().min(max);
                let last = due.get(count.wrapping_sub(1)).map_or(0, |(at, _)| *at);
                let mut gone = Vec::new();
                hash.take_due(UnixMillis(now), max, |name| gone.push(name.to_vec()));
                assert_eq!(gone.len(), count);
                for name in gone {
                    let (.., at) = model.fields.remove(model.find(&name).expect("it was there"));
                    assert!(at > 0 && at <= last, "the earliest go first");
                }
            }
            13 => {
                hash.expect(draw as usize >> 5 & 7, [&name[..]].into_iter(), limits);
                let count = draw as usize >> 5 & 7;
                model.table |= count > limits.entries || name.len() > limits.text;
            }
            14 if draw & 64 == 0 => {
                let copy = hash.clone();
                check(&copy, &model, now);
                hash = copy;
            }
            _ => {
                // Into the entry and out again.
                if let Some((form, blob)) = hash.packed() {
                    let blob = Packed::check(blob).expect("well-formed").bytes().to_vec();
                    let view = Hash::view_packed(form, &blob).expect("a hash");
                    assert_eq!(view.len(), model.fields.len());
                    hash = Hash::from_packed(form, blob).expect("a hash");
                }
            }
        }
        if step % checks == 0 {
            check(&hash, &model, now);
        }
    }
}

#[test]
fn random_operations_agree_with_a_model() {
    let before = thread_delta();
    for seed in 0..effort(6, 2) {
        run(TINY, 8, 14, seed);
        run(TINY, 5, 8, seed);
        run(USUAL, 40, 60, seed);
        run(NONE, 100, 400, seed);
        run(NONE, 1000, 40, seed);
    }
    assert_eq!(thread_delta(), before, "everything is given back");
}

#[test]
fn triples_stand_in_the_order_that_redis_shows() {
    let mut hash = Hash::default();
    let order = |hash: &Hash| {
        let names = hash.view().iter().map(|field| field.name.to_vec());
        String::from_utf8(names.collect::<Vec<_>>().concat()).expect("letters")
    };
    for name in [b"a", b"b", b"c", b"d"] {
        hash.set(name, b"1", FieldTtl::Clear, USUAL);
    }
    let at = |ms| Some(UnixMillis(ms));
    for (name, deadline, want) in [
        (b"c", at(4000), "cabd"),
        (b"b", at(3000), "bcad"),
        (b"a", at(4000), "bacd"),
        (b"d", at(4000), "bdac"),
        (b"a", None, "bdca"),
        (b"c", at(4000), "bcda"),
        (b"c", at(3000), "cbda"),
        (b"c", at(9000), "bdca"),
        (b"b", None, "dcab"),
        (b"b", None, "dcab"),
        (b"a", None, "dcba"),
    ] {
        assert!(hash.set_deadline(name, deadline));
        assert_eq!(order(&hash), want, "{deadline:?}");
    }
    assert_eq!(hash.view().encoding(), "listpackex");
    hash.set(b"d", b"2", FieldTtl::Clear, USUAL);
    assert_eq!(order(&hash), "cbad", "it lost its deadline");
    hash.set(b"b", b"2", FieldTtl::Clear, USUAL);
    assert_eq!(order(&hash), "cbad", "it had none");
    hash.set(b"c", b"2", FieldTtl::Keep, USUAL);
    hash.set(b"e", b"2", FieldTtl::At(UnixMillis(10_000)), USUAL);
    assert_eq!(order(&hash), "cebad");
}

#[test]
fn encodings_change_at_the_limits_and_never_back() {
    let mut hash = Hash::default();
    for i in 0..512 {
        hash.set(format!("f{i}").as_bytes(), &[b'v'; 64], FieldTtl::Clear, USUAL);
    }
    assert_eq!(hash.view().encoding(), "listpack");
    hash.set(b"f0", b"short", FieldTtl::Clear, USUAL);
    assert_eq!(hash.view().encoding(), "listpack");
    hash.set(b"f512", b"", FieldTtl::Clear, USUAL);
    assert_eq!((hash.view().encoding(), hash.view().len()), ("hashtable", 513));
    (0..513).for_each(|i| assert!(hash.remove(format!("f{i}").as_bytes())));
    assert_eq!((hash.view().encoding(), hash.view().len()), ("hashtable", 0));
    for (field, value) in [(65, 1), (1, 65)] {
        let mut hash = Hash::default();
        hash.set(&vec![b'f'; field], &vec![b'v'; value], FieldTtl::Clear, USUAL);
        assert_eq!(hash.view().encoding(), "hashtable");
    }
}

#[test]
fn samples_are_fair_and_distinct() {
    for limits in [USUAL, NONE] {
        let mut hash = Hash::default();
        for i in 0..40u8 {
            let ttl = if i < 20 { FieldTtl::At(UnixMillis(5)) } else { FieldTtl::Clear };
            hash.set(&[i], b"v", ttl, limits);
        }
        let view = hash.view().from_horizon(UnixMillis(6));
        let (mut counts, mut draws, times) = (BTreeMap::new(), Draws::new(3), 40_000);
        for _ in 0..times {
            let field = view.sample(&mut draws).expect("some are there");
            *counts.entry(field.name.to_vec()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 20, "no hidden ones");
        for (name, count) in counts {
            assert!((times / 20 - 300..times / 20 + 300).contains(&count), "{name:?}: {count}");
        }
        for count in [0, 1, 3, 4, 5, 10, 19, 20, 21, 1000] {
            let fields = view.sample_distinct(count, &mut draws);
            let names: BTreeSet<_> = fields.iter().map(|field| field.name.to_vec()).collect();
            assert_eq!((fields.len(), names.len()), (count.min(20), count.min(20)));
        }
        let nothing = hash.view().from_horizon(UnixMillis(6));
        assert!(Hash::default().view().sample(&mut draws).is_none());
        assert_eq!(nothing.len(), 20);
    }
}

#[test]
fn nothing_is_sampled_where_all_is_hidden() {
    let mut hash = Hash::default();
    for i in 0..100u8 {
        hash.set(&[i], b"v", FieldTtl::At(UnixMillis(5)), NONE);
    }
    let view = hash.view().from_horizon(UnixMillis(6));
    assert_eq!((view.len(), view.iter().count()), (0, 0));
    let mut draws = Draws::new(77);
    assert!(view.sample(&mut draws).is_none() && view.sample_distinct(3, &mut draws).is_empty());
    assert!(!view.draws_well() && hash.view().draws_well());
    hash.set(b"stays", b"v", FieldTtl::Clear, NONE);
    let field = hash.view().from_horizon(UnixMillis(6)).sample(&mut draws);
    assert_eq!(field.map(|field| field.name), Some(Item::Bytes(b"stays")));
}

#[test]
fn a_scan_misses_nothing_whatever_happens_to_deadlines() {
    let mut hash = Hash::default();
    for i in 0..3000u32 {
        hash.set(&i.to_be_bytes(), b"v", FieldTtl::Clear, NONE);
    }
    let (mut seen, mut cursor, mut state) = (BTreeSet::new(), 0, 1);
    loop {
        cursor = hash.view().scan(cursor, |field| {
            seen.insert(field.name.to_vec());
        });
        if cursor == 0 {
            break;
        }
        for _ in 0..5 {
            let name = (next(&mut state) as u32 % 3000).to_be_bytes();
            let deadline = next(&mut state) % 2 * 1000;
            hash.set_deadline(&name, (deadline > 0).then_some(UnixMillis(deadline as i64)));
        }
    }
    assert_eq!(seen.len(), 3000);
}

#[test]
fn digests_know_deadlines_and_not_encodings() {
    let digests = [USUAL, NONE].map(|limits| {
        let mut hash = Hash::default();
        let digest = |hash: &Hash| {
            let mut digest = crate::types::digest::Digest::default();
            hash.view().digest(&mut digest);
            digest.to_string()
        };
        hash.set(b"f", b"1", FieldTtl::Clear, limits);
        hash.set(b"g", b"\xff", FieldTtl::Clear, limits);
        let plain = digest(&hash);
        hash.set_deadline(b"f", Some(UnixMillis(5)));
        let volatile = digest(&hash);
        hash.set_deadline(b"f", Some(UnixMillis(6)));
        assert_eq!(digest(&hash), volatile, "the moment does not matter");
        assert_ne!(plain, volatile);
        (plain, volatile)
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_field_takes_few_bytes() {
    let blob = |volatile: bool| {
        let mut hash = Hash::default();
        for i in 0..10 {
            let (field, value) = (format!("field{i}"), format!("value{i}"));
            hash.set(field.as_bytes(), value.as_bytes(), FieldTtl::Clear, USUAL);
        }
        if volatile {
            hash.make_volatile();
        }
        hash.packed().map_or(0, |(_, blob)| blob.len())
    };
    assert_eq!((blob(false), blob(true)), (167, 187));
    for (count, volatile, most) in [
        (100_000, false, 53.5),
        (130_000, false, 53.5),
        (170_000, false, 53.5),
        (170_000, true, 74.0),
    ] {
        let before = thread_delta();
        let mut hash = Hash::default();
        for i in 0..count {
            let ttl = FieldTtl::At(UnixMillis(1_700_000_000_000 + i * 977 % 3_600_000));
            let ttl = if volatile { ttl } else { FieldTtl::Clear };
            let (field, value) = (format!("field:{i:012}"), format!("value:{i:08}"));
            hash.set(field.as_bytes(), value.as_bytes(), ttl, NONE);
        }
        let bytes = thread_delta() - before;
        let each = bytes as f64 / count as f64;
        assert!(each < most, "{each} bytes for 18 + 14 at {count}, with deadline: {volatile}");
        let said = hash.memory_bytes() as f64;
        assert!((said / bytes as f64 - 1.0).abs() < 0.02, "{said} of {bytes}");
    }
}
