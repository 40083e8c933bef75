//! What keys cost: bytes for usual shapes at growing numbers, nanoseconds for the basic moves, and
//! the longest single insertion while a table grows. Without server and network.
//!
//! `cargo bench --bench keyspace [-- COUNT ...]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use hematite::base::alloc::used;
use hematite::base::clock::{Clock, UnixMillis};
use hematite::ds::hash::HashSeed;
use hematite::keyspace::{DbIndex, Keyspace, Ttl, Value};
use hematite::types::set::{Rules, Set};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);

fn later(ms: i64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn main() {
    let counts: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1_000_000, 1_300_000, 4_000_000] } else { counts };
    for count in counts {
        let short = bytes_per_key(count, |_| Value::Bytes(b"abcdefgh"), false);
        let long = bytes_per_key(count, |_| Value::Bytes(&[b'x'; 64]), false);
        let int = bytes_per_key(count, |i| Value::Int(i as i64), false);
        let volatile = bytes_per_key(count, |_| Value::Bytes(b"abcdefgh"), true);
        println!(
            "{count:>9} keys of 16 B, bytes each: 8 B value {short:.1}, 64 B value {long:.1}, \
             integer {int:.1}, 8 B and a TTL {volatile:.1}"
        );
        speeds(count as usize);
    }
}

/// Bytes a key takes in all.
fn bytes_per_key(count: u64, value: impl Fn(u64) -> Value<'static>, volatile: bool) -> f64 {
    let before = used();
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    for i in 0..count {
        let ttl = if volatile { Ttl::At(later(i as i64 * 977 % 3_600_000)) } else { Ttl::Clear };
        db.set(format!("key:{i:012}").as_bytes(), value(i), ttl);
    }
    used().saturating_sub(before) as f64 / count as f64
}

fn speeds(count: usize) {
    let mut keyspace = Keyspace::default();
    let mut db = keyspace.select(DB, NOW);
    let names: Vec<_> = (0..count).map(|i| format!("key:{i:012}").into_bytes()).collect();
    let insert = each(count, |i| {
        db.set(&names[i], Value::Bytes(b"abcdefgh"), Ttl::Clear);
    });
    let (worst, worst_member) = (longest_key(&names), longest_member(&names));
    let pick = |i: usize| &names[i * 7919 % count];
    let overwrite = each(count, |i| {
        black_box(db.set(pick(i), Value::Bytes(b"hgfedcba"), Ttl::Clear));
    });
    let get = each(count, |i| {
        black_box(db.entry(pick(i)).is_some());
    });
    let expire = each(count, |i| {
        db.set_deadline(&names[i], Some(later(i as i64 * 977 % 3_600_000)));
    });
    let start = Instant::now();
    keyspace.expire_due(later(3_600_000), &Clock::manual(later(3_600_000)), Duration::MAX);
    let cycle = start.elapsed() / count as u32;
    println!(
        "          insert {insert:?} (longest {worst:?}; into a set {worst_member:?}), overwrite {overwrite:?}, \
         get {get:?}, set a TTL {expire:?}, expire {cycle:?}"
    );
}

/// The longest of `count` steps. What grows is grown three times in the same way, and of each step
/// its shortest time by the thread's own clock counts: what the rest of the machine, or its host,
/// does meanwhile does not.
fn longest<S: FnMut(usize)>(count: usize, grow: impl Fn() -> S) -> Duration {
    let mut shortest = vec![Duration::MAX; count];
    for _ in 0..3 {
        let mut step = grow();
        let mut before = cpu_time();
        for (i, shortest) in shortest.iter_mut().enumerate() {
            step(i);
            let after = cpu_time();
            *shortest = (*shortest).min(after.saturating_sub(before));
            before = after;
        }
    }
    shortest.into_iter().max().unwrap_or_default()
}

fn longest_key(names: &[Vec<u8>]) -> Duration {
    longest(names.len(), || {
        let mut keyspace = Keyspace::default();
        move |i| {
            keyspace.select(DB, NOW).set(&names[i], Value::Bytes(b"abcdefgh"), Ttl::Clear);
        }
    })
}

fn longest_member(names: &[Vec<u8>]) -> Duration {
    let rules = Rules { max_ints: 512, max_entries: 128, max_value: 64, seed: HashSeed::new(1, 2) };
    longest(names.len(), || {
        let mut set = Set::begin(&names[0], 1, rules);
        move |i| {
            set.add(&names[i], rules);
        }
    })
}

fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

fn each(count: usize, mut work: impl FnMut(usize)) -> Duration {
    let start = Instant::now();
    (0..count).for_each(&mut work);
    start.elapsed() / count as u32
}
