//! Fields that go away by themselves: beside a plain model, with an index that must be exact
//! whatever happens to keys.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::super::*;
use super::ACCESS_MAX;
use crate::base::effort::effort;
use crate::ds::expiry::Expiry;
use crate::types::View;
use crate::types::hash::{FieldTtl, Hash, HashView, Limits};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);
const SEED: HashSeed = HashSeed::new(1, 2);
const USUAL: Limits = Limits { entries: 20, text: 64, seed: SEED };
const TABLES: Limits = Limits { entries: 0, text: 64, seed: SEED };

fn later(ms: i64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn watched() -> Keyspace {
    let mut keyspace = Keyspace::default();
    keyspace.events.want(Classes::parse(b"KEAn").expect("letters"));
    keyspace
}

/// Stores fields with their deadlines: 0 means none.
fn store(keyspace: &mut Keyspace, key: &[u8], fields: &[(&[u8], i64)], limits: Limits) {
    let mut db = keyspace.select(DB, NOW);
    let mut hash = db.edit_or_create::<Hash>(key).expect("a hash");
    for (field, after) in fields {
        let ttl = if *after == 0 { FieldTtl::Clear } else { FieldTtl::At(later(*after)) };
        hash.set(field, b"value", ttl, limits);
    }
}

/// The fields somebody sees who looks now, in order.
fn seen(keyspace: &mut Keyspace, key: &[u8], now: UnixMillis) -> Option<Vec<String>> {
    let mut db = keyspace.select(DB, now);
    let horizon = db.horizon();
    let hash = db.get::<Hash>(key).expect("a hash")?.from_horizon(horizon);
    let mut names: Vec<_> = hash.iter().map(|field| field.name.to_vec()).collect();
    names.sort();
    assert_eq!(hash.len(), names.len());
    Some(names.into_iter().map(|name| String::from_utf8(name).expect("text")).collect())
}

fn names(keyspace: &mut Keyspace) -> Vec<&'static str> {
    keyspace.events.take().iter().map(|announced| announced.event.name).collect()
}

/// What the queue says that was removed: the key, or its fields.
fn told(keyspace: &mut Keyspace) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |deleted: Deleted| match deleted.what {
        Gone::Key { .. } => format!("DEL {}", text(&deleted.key)),
        Gone::Fields(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| text(field)).collect();
            format!("HDEL {} {}", text(&deleted.key), fields.join(" "))
        }
    };
    std::mem::take(&mut keyspace.deleted).into_iter().map(line).collect()
}

/// Compares the index with what the entries say.
fn check_index(keyspace: &Keyspace) {
    for index in 0..keyspace.databases() {
        let db = keyspace.db(DbIndex(index));
        let mut want: Vec<_> = db.keys.iter().filter_map(EntryRef::part_deadline).collect();
        want.sort();
        let mut parts: Expiry = db.parts.clone();
        let mut have = Vec::new();
        while let Some(due) = parts.pop_due(UnixMillis(i64::MAX)) {
            let found = db.keys.find_due(due, |entry| entry.part_deadline());
            assert!(found.is_some(), "each item leads to its hash");
            have.push(due.deadline);
        }
        assert_eq!(have, want);
    }
}

#[test]
fn access_removes_what_is_due_and_says_so() {
    for limits in [USUAL, TABLES] {
        let mut keyspace = watched();
        store(&mut keyspace, b"h", &[(b"a", 10), (b"b", 20), (b"c", 0), (b"d", 20)], limits);
        keyspace.watch.watch(crate::base::slab::Id { slot: 1, generation: 1 }, DB, b"h", false);
        assert_eq!(seen(&mut keyspace, b"h", later(10)).expect("there"), ["a", "b", "c", "d"]);
        names(&mut keyspace);
        assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("there"), ["b", "c", "d"]);
        assert_eq!(
            (names(&mut keyspace), told(&mut keyspace)),
            (vec!["hexpired"], vec!["HDEL h a".into()])
        );
        assert!(keyspace.watch.is_dirty(crate::base::slab::Id { slot: 1, generation: 1 }));
        assert!(keyspace.select(DB, later(30)).settle(b"h"));
        let mut lines = told(&mut keyspace);
        lines.iter_mut().for_each(|line| *line = line.replace("d b", "b d"));
        assert_eq!((names(&mut keyspace), lines), (vec!["hexpired"], vec!["HDEL h b d".into()]));
        assert_eq!((keyspace.stats.expired_subkeys, keyspace.stats.expired_keys), (3, 0));
        check_index(&keyspace);
        assert!(keyspace.db(DB).parts.is_empty());
    }
}

#[test]
fn a_hash_goes_with_its_last_field() {
    for limits in [USUAL, TABLES] {
        let mut keyspace = watched();
        store(&mut keyspace, b"h", &[(b"a", 10), (b"b", 10)], limits);
        names(&mut keyspace);
        assert_eq!(seen(&mut keyspace, b"h", later(11)), None);
        assert_eq!(names(&mut keyspace), ["hexpired", "del"]);
        assert_eq!((told(&mut keyspace).len(), keyspace.len()), (1, 0));
        // One that is gone makes room for another type.
        store(&mut keyspace, b"h", &[(b"a", 10)], limits);
        let mut db = keyspace.select(DB, later(11));
        assert!(!db.set(b"h", Value::Int(1), Ttl::Clear), "it did not exist any more");
        check_index(&keyspace);
    }
}

#[test]
fn the_cycle_removes_fields_on_time_within_its_budget() {
    for limits in [USUAL, TABLES] {
        let mut keyspace = watched();
        for i in 0..40i64 {
            let key = format!("h{i}").into_bytes();
            store(&mut keyspace, &key, &[(b"a", i + 1), (b"b", i + 1001), (b"c", 0)], limits);
        }
        assert_eq!(keyspace.next_expiry(), Some(later(1)));
        assert!(!keyspace.is_due(later(1)) && keyspace.is_due(later(2)));
        names(&mut keyspace);
        assert!(keyspace.expire_due(later(2), &Clock::manual(later(2)), Duration::MAX));
        assert_eq!(
            (told(&mut keyspace), names(&mut keyspace)),
            (vec!["HDEL h0 a".into()], vec!["hexpired"])
        );
        assert!(!keyspace.expire_for(later(500), || false), "the budget is kept");
        assert_eq!(keyspace.stats.expired_subkeys, 17);
        assert!(keyspace.expire_for(later(500), || true));
        assert_eq!((keyspace.stats.expired_subkeys, keyspace.len()), (40, 40));
        check_index(&keyspace);
        assert_eq!(keyspace.next_expiry(), Some(later(1001)));
        for i in 0..40 {
            let key = format!("h{i}").into_bytes();
            keyspace
                .select(DB, later(500))
                .edit::<Hash>(&key)
                .expect("a hash")
                .expect("there")
                .remove(b"c");
        }
        names(&mut keyspace);
        assert!(keyspace.expire_due(later(5000), &Clock::manual(later(5000)), Duration::MAX));
        assert_eq!((keyspace.len(), keyspace.next_expiry()), (0, None));
        assert_eq!(names(&mut keyspace).iter().filter(|name| **name == "del").count(), 40);
        check_index(&keyspace);
    }
}

#[test]
fn a_hash_with_many_due_fields_is_cleared_piece_by_piece() {
    let mut keyspace = watched();
    let fields: Vec<_> = (0..5000u32).map(|i| i.to_be_bytes()).collect();
    let all: Vec<_> = fields.iter().map(|field| (&field[..], 10)).collect();
    store(&mut keyspace, b"h", &all, TABLES);
    assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("still there"), [""; 0]);
    let left = |keyspace: &Keyspace| {
        let entry = keyspace.db(DB).keys.iter().next().expect("still there");
        entry.of_type::<Hash>().map_or(0, HashView::len)
    };
    assert_eq!(left(&keyspace), 5000 - ACCESS_MAX);
    assert_eq!((told(&mut keyspace).len(), keyspace.stats.expired_subkeys), (1, ACCESS_MAX as u64));
    // Whoever changes a field that is hidden finds it gone.
    let mut db = keyspace.select(DB, later(11));
    let hidden = db.peek(b"h").and_then(EntryRef::of_type::<Hash>).expect("there");
    let hidden: Vec<u8> =
        hidden.iter().last().map(|field| field.name.to_vec()).expect("some are left");
    let before = left(db.keyspace);
    db.settle_fields(b"h", [&hidden[..], b"nosuch"].into_iter());
    let found = db.peek(b"h").and_then(EntryRef::of_type::<Hash>).expect("there").find(&hidden);
    assert!(found.is_none() && left(db.keyspace) < before);
    assert!(keyspace.expire_due(later(11), &Clock::manual(later(11)), Duration::MAX));
    assert_eq!((keyspace.len(), keyspace.stats.expired_subkeys), (0, 5000));
    check_index(&keyspace);
}

#[test]
fn a_replica_hides_fields_and_its_primary_sees_them() {
    for limits in [USUAL, TABLES] {
        let mut keyspace = watched();
        store(&mut keyspace, b"h", &[(b"a", 10), (b"b", 0)], limits);
        store(&mut keyspace, b"all", &[(b"a", 10)], limits);
        names(&mut keyspace);
        keyspace.expire = Expire::Hide;
        assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("there"), ["b"]);
        assert_eq!(seen(&mut keyspace, b"all", later(11)).expect("there"), [""; 0]);
        assert!(
            keyspace.expire_due(later(11), &Clock::manual(later(11)), Duration::MAX)
                && !keyspace.is_due(later(11))
        );
        assert_eq!(keyspace.next_expiry(), None);
        keyspace.expire = Expire::Ignore;
        assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("there"), ["a", "b"]);
        keyspace.select(DB, later(11)).settle_fields(b"h", [&b"a"[..]].into_iter());
        assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("there"), ["a", "b"]);
        // A replica may be written to: what was hidden goes without a word.
        keyspace.expire = Expire::Hide;
        for key in [&b"h"[..], b"all"] {
            keyspace.select(DB, later(11)).settle_fields(key, [&b"a"[..]].into_iter());
        }
        assert_eq!(
            (names(&mut keyspace).len(), told(&mut keyspace).len(), keyspace.len()),
            (0, 0, 1)
        );
        keyspace.expire = Expire::Ignore;
        assert_eq!(seen(&mut keyspace, b"h", later(11)).expect("there"), ["b"]);
        check_index(&keyspace);
    }
}

type Fields = BTreeMap<Vec<u8>, i64>;

/// Keys and fields in several databases, as they should be.
#[derive(Default)]
struct Model {
    hashes: HashMap<(u32, Vec<u8>), Fields>,
}

impl Model {
    /// Lets go what is due.
    fn settle(&mut self, now: i64) {
        self.hashes.retain(|_, fields| {
            fields.retain(|_, at| *at == 0 || *at >= now);
            !fields.is_empty()
        });
    }
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

/// One step of what clients do to hashes, on both sides.
fn step(keyspace: &mut Keyspace, model: &mut Model, now: UnixMillis, state: &mut u64) {
    let draw = next(state);
    let key = |draw: u64| format!("key:{}", draw % 30).into_bytes();
    let (from, to) = ((next(state) % 2) as u32, (next(state) % 2) as u32);
    let (name, other) = (key(draw >> 8), key(draw >> 20));
    let id = (from, name.clone());
    let limits = if draw & 1 == 0 { USUAL } else { TABLES };
    let mut db = keyspace.select(DbIndex(from), now);
    match (draw >> 4) % 16 {
        0..=5 => {
            let fields = model.hashes.entry(id).or_default();
            let mut hash = db.edit_or_create::<Hash>(&name).expect("a hash");
            for _ in 0..next(state) % 6 + 1 {
                let field = format!("f{}", next(state) % 8).into_bytes();
                let at = now.0 + next(state) as i64 % 300;
                let at = if next(state).is_multiple_of(3) { 0 } else { at };
                let ttl = if at == 0 { FieldTtl::Clear } else { FieldTtl::At(UnixMillis(at)) };
                let is_new = fields.insert(field.clone(), at).is_none();
                assert_eq!(hash.set(&field, b"v", ttl, limits), is_new);
            }
        }
        6 | 7 => {
            let field = format!("f{}", next(state) % 8).into_bytes();
            let fields = model.hashes.get_mut(&id);
            let removed = fields.and_then(|fields| fields.remove(&field)).is_some();
            if let Some(mut hash) = db.edit::<Hash>(&name).expect("a hash") {
                assert_eq!(hash.remove(&field), removed);
            }
            db.remove_if_empty(&name);
            model.hashes.retain(|_, fields| !fields.is_empty());
        }
        8 => assert_eq!(db.remove(&name, false), model.hashes.remove(&id).is_some()),
        9 if name != other => {
            if let Some(fields) = model.hashes.remove(&id) {
                db.rename(&name, &other);
                model.hashes.insert((from, other), fields);
            }
        }
        10 => {
            let copy =
                db.entry(&name).map(|entry| Entry::new(&other, entry.copy_value(), entry.meta()));
            assert_eq!(copy.is_some(), model.hashes.contains_key(&id));
            if let Some(copy) = copy {
                keyspace.select(DbIndex(to), now).put(copy);
                model.hashes.insert((to, other), model.hashes[&id].clone());
            }
        }
        11 if from != to => {
            if let Some(entry) = db.take(&name) {
                keyspace.select(DbIndex(to), now).put_moved(entry);
                let fields = model.hashes.remove(&id).expect("it was there");
                model.hashes.insert((to, name), fields);
            }
        }
        12 if draw.is_multiple_of(5) => {
            keyspace.swap(DbIndex(from), DbIndex(to), now);
            if from != to {
                let all = std::mem::take(&mut model.hashes).into_iter();
                model.hashes = all.map(|((db, key), fields)| ((1 - db, key), fields)).collect();
            }
        }
        13 if draw.is_multiple_of(11) => {
            keyspace.flush(DbIndex(from), Freeing::Here);
            model.hashes.retain(|(db, _), _| *db != from);
        }
        14 => {
            // A string in its place, and away with it.
            assert_eq!(
                db.set(&name, Value::Int(1), Ttl::Clear),
                model.hashes.remove(&id).is_some()
            );
            db.remove(&name, false);
        }
        _ => {
            db.set_deadline(&name, (draw & 8 == 0).then_some(UnixMillis(i64::MAX)));
            let found = db.get::<Hash>(&name).expect("a hash");
            let found =
                found.map(|hash| hash.iter().map(|field| field.name.to_vec()).collect::<Vec<_>>());
            let found = found.map(|mut names| {
                names.sort();
                names
            });
            let want = model.hashes.get(&id).map(|fields| fields.keys().cloned().collect());
            assert_eq!(found, want);
        }
    }
}

#[test]
fn the_index_is_exact_whatever_happens_to_keys() {
    for by_slot in [false, true] {
        let mut keyspace = Keyspace::new(SEED, 3, 2, by_slot);
        let (mut model, mut now, mut state) = (Model::default(), NOW, 5u64);
        for count in 0..effort(30_000, 40) {
            let draw = next(&mut state);
            now.0 += i64::from(draw.is_multiple_of(4)) * (draw >> 9) as i64 % 60;
            model.settle(now.0);
            step(&mut keyspace, &mut model, now, &mut state);
            if draw.is_multiple_of(40) {
                assert!(keyspace.expire_due(now, &Clock::manual(now), Duration::MAX));
                assert_eq!(keyspace.len(), model.hashes.len());
            }
            if count % 100 == 0 {
                check_index(&keyspace);
            }
        }
        assert!(keyspace.stats.expired_subkeys > effort(1000, 0));
        now.0 += 1000;
        model.settle(now.0);
        assert!(keyspace.expire_due(now, &Clock::manual(now), Duration::MAX));
        assert_eq!(keyspace.len(), model.hashes.len());
        assert!((0..2).all(|db| keyspace.db(DbIndex(db)).parts.is_empty()));
    }
}
