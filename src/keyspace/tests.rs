//! The keyspace as a whole, without a server: beside a plain map, under a clock that jumps, and
//! measured.

use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::base::alloc::thread_delta;
use crate::base::effort::effort;
use crate::types::list::List;
use crate::types::text::Text;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);

fn later(ms: i64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn shown(keyspace: &mut Keyspace, key: &str, now: UnixMillis) -> Option<String> {
    let mut db = keyspace.select(DB, now);
    let text = db.get::<Text>(key.as_bytes()).expect("a string")?.to_vec();
    Some(String::from_utf8(text).expect("text"))
}

#[test]
fn a_key_lives_until_its_deadline_and_not_longer() {
    let mut keyspace = Keyspace::default();
    keyspace.events.want(Classes::parse(b"KEAmno").expect("letters"));
    let mut db = keyspace.select(DB, NOW);
    assert!(!db.set(b"k", Value::Bytes(b"v"), Ttl::At(later(100))));
    db.changed(b"k", Event::string("set"), 1);
    assert_eq!(shown(&mut keyspace, "k", later(100)).as_deref(), Some("v"));
    assert_eq!(shown(&mut keyspace, "k", later(101)), None);
    let names: Vec<_> = keyspace.events.take().iter().map(|a| a.event.name).collect();
    assert_eq!(names, ["new", "set", "expired", "keymiss"]);
    let deleted = Deleted { db: DB, key: b"k"[..].into(), what: Gone::Key { lazily: false } };
    assert_eq!(std::mem::take(&mut keyspace.deleted), [deleted]);
    let stats = &keyspace.stats;
    assert_eq!((stats.hits, stats.misses, stats.expired_keys, keyspace.dirty), (1, 1, 1, 1));
}

#[test]
fn a_replica_hides_what_has_expired_and_its_primary_sees_it() {
    let mut keyspace = Keyspace { expire: Expire::Hide, ..Keyspace::default() };
    keyspace.select(DB, NOW).set(b"k", Value::Int(1), Ttl::At(later(5)));
    assert_eq!(shown(&mut keyspace, "k", later(6)), None);
    assert!(keyspace.select(DB, later(6)).peek(b"k").is_none());
    assert!(!keyspace.select(DB, later(6)).remove(b"k", false));
    assert!(keyspace.expire_due(later(6), &Clock::manual(later(6)), Duration::MAX));
    assert_eq!((keyspace.len(), keyspace.deleted.len()), (1, 0));
    keyspace.expire = Expire::Ignore;
    assert_eq!(shown(&mut keyspace, "k", later(6)).as_deref(), Some("1"));
    keyspace.expire = Expire::Hide;
    keyspace.select(DB, later(6)).set(b"k", Value::Int(2), Ttl::Clear);
    assert_eq!(shown(&mut keyspace, "k", later(7)).as_deref(), Some("2"));
    keyspace.expire = Expire::Delete;
    assert_eq!((keyspace.len(), keyspace.db(DB).expiry.len()), (1, 0));
}

#[test]
fn types_are_told_apart() {
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    db.set(b"l", Value::List(Box::default()), Ttl::Clear);
    db.set(b"s", Value::Bytes(b"x"), Ttl::Clear);
    assert!(matches!(db.get::<Text>(b"l"), Err(WrongType)));
    assert!(matches!(db.get::<List>(b"s"), Err(WrongType)));
    assert!(matches!(db.edit_or_create::<List>(b"s"), Err(WrongType)));
    assert!(db.get::<List>(b"l").is_ok_and(|l| l.is_some()));
    assert!(matches!(db.edit_text(b"l", 1, |_| {}), Err(WrongType)));
    assert_eq!(db.entry(b"l").map(|e| e.value_type().name()), Some("list"));
}

#[test]
fn strings_grow_in_place_and_out_of_it() {
    let before = thread_delta();
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    db.set(b"k", Value::Int(12), Ttl::At(later(1000)));
    let mut model = b"12".to_vec();
    for round in 1..effort(3000usize, 560) {
        let len = model.len();
        let byte = round as u8;
        let grown = db.edit_text(b"k", len + 1, |bytes| bytes[len] = byte).expect("a string");
        model.push(byte);
        assert_eq!(grown, Edited { old: len, len: len + 1 });
        let entry = db.peek(b"k").expect("there");
        assert!(entry.text().expect("text").equals(&model), "{round}");
        assert_eq!((entry.encoding(), entry.deadline()), ("raw", Some(later(1000))));
    }
    let shorter = |bytes: &mut Vec<u8>| -> Result<usize, WrongType> {
        bytes.truncate(bytes.len() * 2 / 3);
        Ok(bytes.len())
    };
    while !model.is_empty() {
        let len = db.rewrite_text(b"k", shorter).expect("a string");
        model.truncate(len);
        let entry = db.peek(b"k").expect("there");
        assert!(entry.text().expect("text").equals(&model), "{len}");
        assert_eq!((entry.encoding(), entry.deadline()), ("raw", Some(later(1000))));
    }
    let refused = db.rewrite_text(b"k", |bytes| {
        bytes.push(1);
        Err::<(), _>(WrongType)
    });
    assert!(refused.is_err() && db.peek(b"k").and_then(EntryRef::text).expect("text").is_empty());
    db.edit_text(b"new", 5, |bytes| bytes[4] = b'x').expect("a string");
    assert!(db.peek(b"new").and_then(EntryRef::text).expect("text").equals(b"\0\0\0\0x"));
    drop((keyspace, model));
    assert_eq!(thread_delta(), before, "everything is given back");
}

#[test]
fn random_operations_agree_with_a_map() {
    for by_slot in [false, true] {
        let mut keyspace = Keyspace::new(HashSeed::new(1, 2), 3, 2, by_slot);
        let mut model: HashMap<Vec<u8>, (Vec<u8>, Option<i64>)> = HashMap::new();
        let mut now = NOW;
        let mut state = 5u64;
        for step in 0..effort(200_000u64, 100) {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let draw = state >> 24;
            now.0 += i64::from(draw.is_multiple_of(50)) * (draw % 40) as i64;
            model.retain(|_, (_, at)| at.is_none_or(|at| at >= now.0));
            let key = format!("key:{}", draw % 700).into_bytes();
            let at = now.0 + (draw >> 12) as i64 % 500;
            let mut db = keyspace.select(DB, now);
            match (draw >> 20) % 10 {
                0..=2 => {
                    let value = vec![b'v'; (draw >> 8) as usize % 700];
                    let ttl = [Ttl::Clear, Ttl::Keep, Ttl::At(UnixMillis(at))][step as usize % 3];
                    let old = model.get(&key).and_then(|(_, at)| *at);
                    let kept = [None, old, Some(at)][step as usize % 3];
                    let existed = db.set(&key, Value::Bytes(&value), ttl);
                    assert_eq!(existed, model.insert(key, (value, kept)).is_some());
                }
                3 => assert_eq!(db.remove(&key, false), model.remove(&key).is_some()),
                4 => {
                    let new = (step % 3 > 0).then_some(at);
                    assert_eq!(
                        db.set_deadline(&key, new.map(UnixMillis)),
                        model.contains_key(&key)
                    );
                    model.entry(key).and_modify(|(_, at)| *at = new);
                }
                5 => {
                    let to = format!("key:{}", (draw >> 9) % 700).into_bytes();
                    if to != key {
                        let moved = model.remove(&key);
                        assert_eq!(db.settle(&key), moved.is_some());
                        let replaced = db.settle(&to);
                        assert_eq!(db.rename(&key, &to).is_some(), replaced && moved.is_some());
                        moved.map(|value| model.insert(to, value));
                    }
                }
                6 => assert!(keyspace.expire_due(now, &Clock::manual(now), Duration::MAX)),
                _ => {
                    let text = db.get::<Text>(&key).expect("a string").map(Text::to_vec);
                    assert_eq!(text.as_ref(), model.get(&key).map(|(value, _)| value));
                }
            }
        }
        keyspace.expire_due(now, &Clock::manual(now), Duration::MAX);
        let db = keyspace.db(DB);
        assert_eq!(db.keys.len(), model.len());
        assert_eq!(db.expiry.len(), model.values().filter(|(_, at)| at.is_some()).count());
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = keyspace.select(DB, now).scan(cursor, |entry, is_live| {
                assert!(is_live);
                seen.insert(entry.key().to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, model.keys().cloned().collect());
        assert!(keyspace.select(DB, now).random_key().is_some_and(|key| model.contains_key(&key)));
    }
}

#[test]
fn expiry_is_on_time_whatever_the_clock_does() {
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    let all = effort(50_000, 100);
    for i in 0..all as i64 {
        db.set(format!("k{i}").as_bytes(), Value::Int(i), Ttl::At(later(i * effort(1, 10) % 1000)));
    }
    assert!(keyspace.expire_due(later(500), &Clock::manual(later(500)), Duration::MAX));
    assert_eq!(keyspace.len(), all / 2, "those below 500 are gone, the others are not");
    assert!(
        keyspace.expire_due(
            later(-1_000_000_000),
            &Clock::manual(later(-1_000_000_000)),
            Duration::MAX
        ),
        "back by eleven days"
    );
    assert_eq!(keyspace.len(), all / 2);
    assert_eq!(keyspace.next_expiry(), Some(later(500)));
    assert!(!keyspace.expire_for(later(1_000_000_000), || false), "the budget is kept");
    assert_eq!(keyspace.len(), all / 2 - 16);
    assert!(keyspace.expire_due(
        later(1_000_000_000),
        &Clock::manual(later(1_000_000_000)),
        Duration::MAX
    ));
    assert_eq!((keyspace.len(), keyspace.deleted.len()), (0, all));
    assert_eq!(keyspace.next_expiry(), None);
}

#[test]
fn a_flush_in_the_thread_returns_at_once_and_frees_everything() {
    let mut keyspace = Keyspace::default();
    keyspace.lazyfree.start("", || {}).expect("a thread");
    let mut db = keyspace.select(DB, NOW);
    let all = effort(100_000usize, 100);
    for i in 0..all as u64 {
        db.set(&i.to_be_bytes(), Value::Bytes(b"value"), Ttl::Clear);
    }
    assert_eq!(keyspace.flush(DB, Freeing::Lazily), all);
    assert!(keyspace.is_empty());
    while keyspace.lazyfree.pending() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(keyspace.lazyfree.freed(), all);
}

#[test]
fn slots_are_counted_listed_and_dropped_alone() {
    let mut keyspace = Keyspace::new(HashSeed::new(1, 2), 3, 1, true);
    let mut db = keyspace.select(DB, NOW);
    let each = effort(1000, 40);
    for i in 0..each as i64 {
        db.set(format!("{{a}}{i}").as_bytes(), Value::Int(i), Ttl::At(later(50)));
        db.set(format!("{{b}}{i}").as_bytes(), Value::Int(i), Ttl::Clear);
    }
    let (a, b) = (slots::slot_of(b"a"), slots::slot_of(b"b"));
    let keys = &mut keyspace.db_mut(DB).keys;
    assert_eq!((keys.slot_len(a), keys.slot_len(b), keys.slot_len(1)), (each, each, 0));
    assert!(keys.slot_iter(b).all(|entry| entry.key().starts_with(b"{b}")));
    assert_eq!(keys.take_slot(b).map(Iterator::count), Some(each));
    assert_eq!(keys.len(), each);
    assert!(keyspace.expire_due(later(51), &Clock::manual(later(51)), Duration::MAX));
    assert!(keyspace.is_empty());
}

#[test]
fn watchers_learn_of_changes_flushes_and_expiry() {
    let id = |slot| crate::base::slab::Id { slot, generation: 1 };
    let mut keyspace = Keyspace::default();
    keyspace.select(DB, NOW).set(b"k", Value::Int(1), Ttl::At(later(10)));
    keyspace.watch.watch(id(1), DB, b"k", false);
    keyspace.watch.watch(id(2), DB, b"other", false);
    keyspace.flush(DbIndex(1), Freeing::Here);
    assert!(!keyspace.watch.is_dirty(id(1)));
    shown(&mut keyspace, "k", later(11));
    assert!(keyspace.watch.is_dirty(id(1)) && !keyspace.watch.is_dirty(id(2)));
    keyspace.flush(DB, Freeing::Here);
    assert!(!keyspace.watch.is_dirty(id(2)), "a key that was never there");
    keyspace.select(DB, NOW).changed(b"other", Event::generic("del"), 1);
    assert!(keyspace.watch.is_dirty(id(2)));
    keyspace.watch.unwatch(id(1));
    keyspace.watch.unwatch(id(2));
    assert_eq!((keyspace.watch.counts(), keyspace.watch.is_dirty(id(1))), ((0, 0), false));
}

/// Bytes a key takes in all, at a number of keys between two rebuilds of most segments.
#[cfg(not(miri))]
fn bytes_per_key(count: u64, value: impl Fn(u64) -> Value<'static>, ttl: bool) -> f64 {
    let before = thread_delta();
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    for i in 0..count {
        let ttl = if ttl { Ttl::At(later(i as i64 * 977 % 3_600_000)) } else { Ttl::Clear };
        db.set(format!("key:{i:012}").as_bytes(), value(i), ttl);
    }
    (thread_delta() - before) as f64 / count as f64
}

#[test]
#[cfg(not(miri))]
fn a_key_takes_few_bytes() {
    for count in [100_000, 130_000, 170_000] {
        let short = bytes_per_key(count, |_| Value::Bytes(b"abcdefgh"), false);
        assert!(short < 46.0, "{short} bytes for 16 + 8 at {count}");
        assert!(bytes_per_key(count, |i| Value::Int(i as i64), false) < 46.0);
        assert!(bytes_per_key(count, |_| Value::Bytes(&[b'x'; 64]), false) < 110.0);
        let volatile = bytes_per_key(count, |_| Value::Bytes(b"abcdefgh"), true);
        assert!(volatile < 80.0, "{volatile} bytes for 16 + 8 with a deadline at {count}");
    }
}
