//! Round trips, damage, and payloads of other servers.

use std::io;

use super::*;
use crate::base::rng::Rng;
use crate::ds::hash::HashSeed;
use crate::keyspace::{DbIndex, Keyspace};
use crate::persist::rdb::save;
use crate::server::testing::TestServer;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn rules(seed: HashSeed) -> Rules {
    Rules {
        hash: hashes::Limits { entries: 512, text: 64, seed },
        list: list::Limits { fill: list::Fill::new(-2), depth: 0, plain_from: None },
        set: set::Rules { max_ints: 512, max_entries: 128, max_value: 64, seed },
        zset: zset::Rules { entries: 128, member_bytes: 64, seed },
    }
}

fn options() -> Options {
    Options {
        rules: rules(HashSeed::new(1, 2)),
        databases: 16,
        drop_expired: None,
        now: NOW,
        policy: Policy::default(),
        checksum: true,
        any_version: false,
        skip_modules: false,
    }
}

/// Bytes that come in pieces, and the keys that come of them.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
    keyspace: &'a mut Keyspace,
    inserter: Inserter,
    notes: Vec<(Vec<u8>, Vec<u8>)>,
    functions: Vec<Vec<u8>>,
    tells_left: bool,
}

impl Host for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = into.len().min(self.piece).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(n);
        into[..n].copy_from_slice(now);
        self.bytes = later;
        Ok(n)
    }

    fn left(&self) -> Option<u64> {
        self.tells_left.then_some(self.bytes.len() as u64)
    }

    fn key(&mut self, db: u32, entry: Entry) -> Result<(), Fault> {
        self.inserter.add(self.keyspace, db, entry)
    }

    fn aux(&mut self, name: &[u8], value: &[u8], _: u64) -> Result<(), Fault> {
        self.notes.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    fn function(&mut self, code: Vec<u8>) -> Result<(), Fault> {
        self.functions.push(code);
        Ok(())
    }
}

struct Back {
    loaded: Loaded,
    notes: Vec<(Vec<u8>, Vec<u8>)>,
    functions: Vec<Vec<u8>>,
}

fn load_into(
    keyspace: &mut Keyspace,
    bytes: &[u8],
    piece: usize,
    options: &Options,
) -> Result<Back, LoadError> {
    let mut host = Pieces {
        bytes,
        piece,
        keyspace,
        inserter: Inserter::default(),
        notes: vec![],
        functions: vec![],
        tells_left: piece.is_multiple_of(2),
    };
    let loaded = load(&mut host, options)?;
    let Pieces { keyspace, mut inserter, notes, functions, .. } = host;
    inserter.settle(keyspace).map_err(|fault| LoadError {
        offset: 0,
        doing: Doing::ReadValue,
        key: None,
        kind: None,
        fault,
    })?;
    Ok(Back { loaded, notes, functions })
}

fn save_options() -> save::Options<'static> {
    save::Options {
        version: None,
        compress: true,
        checksum: true,
        access: save::Access::Nothing,
        now: NOW,
        release: "8.2.0",
        used_memory: 1000,
        aof_base: false,
        replication: None,
        functions: vec![],
        key_delay_us: 0,
        dismiss: crate::persist::dismiss::Dismiss::default(),
    }
}

fn saved(keyspace: &Keyspace, options: &save::Options<'_>) -> Vec<u8> {
    let mut out = vec![];
    let progress = save::save(keyspace, &mut out, options, &mut |_| Ok(())).expect("memory");
    assert_eq!((progress.bytes, progress.keys), (out.len() as u64, keyspace.len() as u64));
    out
}

/// Everything that can be seen of all keys, in order.
fn picture(t: &mut TestServer) -> Vec<String> {
    let mut out = vec![];
    for db in 0..t.srv.keyspace.databases() {
        let mut keys: Vec<Vec<u8>> =
            t.srv.keyspace.db(DbIndex(db)).keys.iter().map(|e| e.key().to_vec()).collect();
        keys.sort();
        t.run(&format!("SELECT {db}"));
        for key in keys {
            let key = String::from_utf8(key).expect("names are text");
            let encoding = t.run(&format!("OBJECT ENCODING {key}"));
            let mut lines = vec![t.run(&format!("PEXPIRETIME {key}"))];
            lines.push(t.run(&format!("DEBUG DIGEST-VALUE {key}")));
            match t.run(&format!("TYPE {key}")).as_str() {
                "+stream\r\n" => lines.push(t.run(&format!("XINFO STREAM {key} FULL COUNT 0"))),
                "+hash\r\n" => {
                    let mut fields: Vec<String> = vec![];
                    let entry = t.srv.keyspace.db(DbIndex(db)).keys.iter();
                    let entry = entry.into_iter().find(|e| e.key() == key.as_bytes());
                    let hash = entry.and_then(|e| e.of_type::<hashes::Hash>()).expect("a hash");
                    for field in hash.iter() {
                        let name = String::from_utf8_lossy(&field.name.to_vec()).into_owned();
                        fields.push(format!("{name} {:?}", field.deadline));
                    }
                    fields.sort();
                    lines.push(fields.join(","));
                }
                _ => {}
            }
            out.push(format!("{db} {key} {encoding} {}", lines.join(" ")));
        }
    }
    t.run("SELECT 0");
    out
}

fn server() -> TestServer {
    let mut t = TestServer::new();
    t.srv.conf.security.enable_debug_command = crate::config::Guard::Yes;
    t
}

fn below(rng: &mut Rng, n: u64) -> u64 {
    rng.next_u64() % n
}

fn text(rng: &mut Rng) -> String {
    let long = ["a"; 300].concat();
    match below(rng, 8) {
        0 => format!("{}", rng.next_u64() as i64 >> below(rng, 64)),
        1 => long[..below(rng, 300) as usize + 1].to_owned(),
        2 => format!("{}{}", &long[..60], below(rng, 100)),
        _ => format!("t{}", below(rng, 1000)),
    }
}

/// Fills a server with keys of all types and sizes.
fn populate(t: &mut TestServer, seed: u64, keys: u64) {
    let mut rng = Rng::from_seed(seed);
    for n in 0..keys {
        if below(&mut rng, 4) == 0 {
            let db = below(&mut rng, 3);
            t.run(&format!("SELECT {db}"));
        }
        let count = [1, 3, 20, 140, 600][below(&mut rng, 5) as usize];
        let kind = below(&mut rng, 9);
        for _ in 0..count {
            let (a, b) = (text(&mut rng), text(&mut rng));
            let number = below(&mut rng, 100_000) as i64 - 50_000;
            let id = below(&mut rng, 3);
            let line = match kind {
                0 => format!("SET k{n} {a}"),
                1 => format!("RPUSH k{n} {a} {b}"),
                2 => format!("SADD k{n} {number}"),
                3 => format!("SADD k{n} {a}"),
                4 => format!("HSET k{n} {a} {b}"),
                5 => format!("ZADD k{n} {}.{id} {a}", number / 1000),
                6 => format!("XADD k{n} {}-* {a} {b} f{id} v", 5 + n),
                7 => format!("HSETEX k{n} EX {} FIELDS 1 {a} {b}", number + 60_000),
                _ => format!("APPEND k{n} {b}"),
            };
            let reply = t.run(&line);
            assert!(!reply.starts_with('-'), "{line} {reply}");
        }
        if kind == 6 {
            t.run(&format!("XGROUP CREATE k{n} g1 0"));
            t.run(&format!("XGROUP CREATE k{n} g2 $ ENTRIESREAD 3"));
            t.run(&format!("XREADGROUP GROUP g1 alice COUNT 7 STREAMS k{n} >"));
            t.advance(std::time::Duration::from_millis(1500));
            t.run(&format!("XREADGROUP GROUP g1 bob COUNT 2 STREAMS k{n} >"));
            t.run(&format!("XREADGROUP GROUP g1 alice COUNT 2 STREAMS k{n} 0"));
            t.run(&format!("XGROUP CREATECONSUMER k{n} g2 carol"));
            t.run(&format!("XDEL k{n} {}-1", 5 + n));
        }
        if below(&mut rng, 3) == 0 {
            t.run(&format!("EXPIRE k{n} {}", 1000 + below(&mut rng, 1000)));
        }
    }
    t.run("SELECT 0");
}

#[test]
fn what_is_saved_comes_back() {
    for seed in 0..6 {
        let mut t = server();
        populate(&mut t, seed, 40);
        let before = picture(&mut t);
        let mut versions = vec![None, Some(version::REDIS_7_4)];
        if seed == 0 {
            versions.push(Some(version::VALKEY_9));
        }
        for version in versions {
            for compress in [true, false] {
                let mut save = save_options();
                (save.version, save.compress) = (version, compress);
                let bytes = saved(&t.srv.keyspace, &save);
                let piece = [1 << 20, 1001, 64][(seed % 3) as usize];
                t.srv.keyspace.replace_all();
                load_into(&mut t.srv.keyspace, &bytes, piece, &options()).expect("loads");
                let after = picture(&mut t);
                // Valkey knows no listpack with deadlines.
                if version != Some(version::VALKEY_9) {
                    for (a, b) in before.iter().zip(&after) {
                        // The lowest version says of a listpack without any deadline that it is a
                        // plain one.
                        let a = a.replace("listpackex", "listpack");
                        let b = b.replace("listpackex", "listpack");
                        // What was raw by its history is not any more.
                        let a = a.replace("$3\r\nraw", "").replace("$6\r\nembstr", "");
                        let b = b.replace("$3\r\nraw", "").replace("$6\r\nembstr", "");
                        let (a, b) = (a.replace("$3\r\nint", ""), b.replace("$3\r\nint", ""));
                        assert_eq!(a.replace("$10", "$8"), b.replace("$10", "$8"));
                    }
                }
                assert_eq!(before.len(), after.len());
            }
        }
    }
}

/// Old nodes of a stream are compressed in memory, and they come back so, however the file was
/// written.
#[test]
fn long_streams_come_back_compressed() {
    let mut t = server();
    for i in 0..2000u64 {
        t.run(&format!("XADD s {}-0 sensor {i} temp 19.8", NOW.0 as u64 + i));
    }
    t.run(&format!("XDEL s {}-0 {}-0", NOW.0 + 50, NOW.0 + 750));
    let before = picture(&mut t);
    let bytes = |t: &mut TestServer| {
        let answer = t.run("MEMORY USAGE s");
        answer.trim().trim_start_matches(':').parse::<u64>().expect("a number")
    };
    let most = bytes(&mut t);
    assert!(most < 30_000, "{most} bytes for 2000 entries");
    let payload = |t: &TestServer| {
        let db = t.srv.keyspace.db(DbIndex(0));
        let entry = db.keys.find(db.keys.hash(b"s"), b"s").expect("it is there");
        save::payload(entry, None, true).expect("memory")
    };
    let dumped = payload(&t);
    for compress in [true, false] {
        let save = save::Options { compress, ..save_options() };
        let file = saved(&t.srv.keyspace, &save);
        assert_eq!(file.len() > 27_000, !compress, "{} bytes", file.len());
        t.srv.keyspace.replace_all();
        load_into(&mut t.srv.keyspace, &file, 1000, &options()).expect("loads");
        assert_eq!(picture(&mut t), before);
        assert_eq!(payload(&t), dumped, "compressed again as it was");
        assert!(bytes(&mut t) <= most);
    }
}

#[test]
fn every_value_comes_back_through_a_payload() {
    let mut t = server();
    populate(&mut t, 77, 60);
    let keys: Vec<Vec<u8>> =
        t.srv.keyspace.db(DbIndex(0)).keys.iter().map(|e| e.key().to_vec()).collect();
    assert!(keys.len() > 15);
    for key in keys {
        let db = t.srv.keyspace.db(DbIndex(0));
        let entry = db.keys.find(db.keys.hash(&key), &key).expect("it is there");
        for version in [None, Some(version::REDIS_7_2), Some(version::REDIS_7_4)] {
            let Ok(payload) = save::payload(entry, version, true) else {
                assert!(entry.part_deadline().is_some() && version == Some(version::REDIS_7_2));
                continue;
            };
            let value = check_payload(&payload, &options()).expect("whole");
            let again = restore(&key, value, entry.meta(), &options()).expect("readable");
            assert_eq!(again.view().value_type(), entry.value_type());
            let more = save::payload(again.view(), version, true).expect("the same");
            // Tables have no order.
            if !matches!(entry.encoding(), "hashtable" | "listpackex") {
                assert_eq!(
                    payload,
                    more,
                    "{:?} {}",
                    String::from_utf8_lossy(&key),
                    entry.encoding()
                );
            }
        }
    }
}

#[test]
fn aux_fields_functions_and_hints_go_along() {
    let mut keyspace = Keyspace::default();
    let mut options_ = save_options();
    let functions = vec![b"#!lua name=l\nredis.register_function('f', function() end)".to_vec()];
    options_.functions = functions.iter().map(Vec::as_slice).collect();
    options_.replication = Some(save::Replication {
        stream_db: 3,
        id: "0123456789012345678901234567890123456789",
        offset: 77,
    });
    let mut bytes = saved(&keyspace, &options_);
    assert_eq!(&bytes[..9], b"REDIS0010");
    bytes.extend_from_slice(b"*1\r\n");
    let back = load_into(&mut keyspace, &bytes, 1 << 20, &options()).expect("loads");
    let notes: Vec<String> = back
        .notes
        .iter()
        .map(|(name, value)| {
            format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        })
        .collect();
    let want = [
        "redis-ver=8.2.0",
        "redis-bits=64",
        "ctime=1700000000",
        "used-mem=1000",
        "repl-stream-db=3",
        "repl-id=0123456789012345678901234567890123456789",
        "repl-offset=77",
        "aof-base=0",
    ];
    assert_eq!(notes, want);
    assert_eq!(back.functions, functions);
    assert_eq!((back.loaded.checked, back.loaded.rest), (Checked::Good, b"*1\r\n".to_vec()));
    assert_eq!(back.loaded.bytes, bytes.len() as u64 - 4);
}

#[test]
fn deadlines_and_access_times_survive() {
    let mut t = server();
    t.run("SET gone x PX 5");
    t.run("SET kept x PX 500000");
    t.run("SET stays x");
    t.srv.keyspace.expire = crate::keyspace::Expire::Ignore;
    let late = UnixMillis(NOW.0 + 10_000);
    let mut save = save_options();
    (save.access, save.now) = (save::Access::Idle, late);
    let bytes = saved(&t.srv.keyspace, &save);
    let mut fresh = Keyspace::default();
    let options = Options { drop_expired: Some(late), now: late, ..options() };
    let back = load_into(&mut fresh, &bytes, 7, &options).expect("loads");
    assert_eq!(back.loaded.loads, Loads { keys: 2, expired: 1, empty: 0 });
    let db = fresh.db(DbIndex(0));
    assert_eq!(db.expiry.len(), 1);
    let kept = db.keys.find(db.keys.hash(b"kept"), b"kept").expect("kept");
    assert_eq!(crate::keyspace::access::idle_seconds(kept.clock(), late), 10);
    let is_lfu = Policy { is_lfu: true, ..Policy::default() };
    save.access = save::Access::Frequency(is_lfu);
    let bytes = saved(&fresh, &save);
    let mut again = Keyspace::default();
    load_into(&mut again, &bytes, 7, &Options { policy: is_lfu, ..options }).expect("loads");
    assert_eq!(again.len(), 2);
}

#[test]
fn slots_are_saved_one_by_one() {
    let mut keyspace = Keyspace::new(HashSeed::new(1, 2), 1, 1, true);
    for key in [&b"foo"[..], b"bar", b"{foo}2"] {
        keyspace.select(DbIndex(0), NOW).set(
            key,
            crate::keyspace::Value::Int(1),
            crate::keyspace::Ttl::Clear,
        );
    }
    for version in [None, Some(version::REDIS_7_4)] {
        let bytes = saved(&keyspace, &save::Options { version, ..save_options() });
        let mut back = Keyspace::new(HashSeed::new(1, 2), 1, 1, true);
        let one = Options { databases: 1, ..options() };
        let found = load_into(&mut back, &bytes, 1, &one).expect("loads");
        assert_eq!((back.len(), back.db(DbIndex(0)).keys.slot_len(12182)), (3, 2));
        let hints = found.notes.iter().filter(|(name, _)| name == b"slot-info");
        let hints: Vec<_> = hints.map(|(_, value)| value.as_slice()).collect();
        let want: &[&[u8]] = &[b"5061,1,0", b"12182,2,0"];
        assert_eq!(hints, if version.is_none() { want } else { &[] });
    }
}

/// A small file that holds one value of each kind that is written.
fn small() -> (TestServer, Vec<u8>) {
    let mut t = server();
    for line in [
        "SET s hello",
        "SET i 12345 EX 1000",
        "SET z aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "RPUSH l a bb 1 -1 300",
        "SADD n 1 2 3",
        "SADD m a b",
        "ZADD p 1 a 2.5 b",
        "HSET h f v n 10",
        "HSETEX e EX 100 FIELDS 2 a b c d",
        "XADD x 5-1 a b",
        "XADD x 5-2 a c",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g me STREAMS x >",
        "XGROUP CREATECONSUMER x g you",
        "CONFIG SET set-max-listpack-entries 1 hash-max-listpack-entries 1 zset-max-listpack-entries 1",
        "SADD mm a b",
        "HSET hh a b c d",
        "HSETEX ee EX 100 FIELDS 2 a b c d",
        "ZADD pp 1 a 2 b",
        "CONFIG SET list-max-listpack-size 1",
        "RPUSH ll a b",
    ] {
        let reply = t.run(line);
        assert!(!reply.starts_with('-'), "{line} {reply}");
    }
    let bytes = saved(&t.srv.keyspace, &save_options());
    (t, bytes)
}

/// Damage is an error or harmless, never a panic, and takes no memory to speak of.
#[test]
fn flipped_bytes_and_early_ends_do_no_harm() {
    let (_, bytes) = small();
    let unchecked = Options { checksum: false, ..options() };
    let mut survived = 0;
    for at in 0..bytes.len() {
        let error = load_into(&mut Keyspace::default(), &bytes[..at], 1 << 20, &options())
            .err()
            .expect("too short");
        assert!(matches!(error.fault, Fault::Short), "{at} {error:?}");
        for flip in [0x01, 0x80, 0xff, 0x40] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            // The damage may be that the file says it has no checksum.
            let checked = load_into(&mut Keyspace::default(), &bad, 1 << 20, &options())
                .map(|back| back.loaded.checked);
            assert!(!matches!(checked, Ok(Checked::Good)), "{at} {flip}");
            let mut keyspace = Keyspace::default();
            if load_into(&mut keyspace, &bad, 1001, &unchecked).is_ok() {
                survived += 1;
                // What was believed can be saved, and read again.
                let again = saved(&keyspace, &save_options());
                load_into(&mut Keyspace::default(), &again, 1 << 20, &options()).expect("sane");
            }
        }
    }
    assert!(survived > 100, "{survived}");
}

#[test]
fn damaged_payloads_do_no_harm() {
    let (t, _) = small();
    let db = t.srv.keyspace.db(DbIndex(0));
    for entry in db.keys.iter() {
        for version in [version::REDIS_7_4, version::VALKEY_9] {
            let payload = save::payload(entry, Some(version), true).expect("it can hold all");
            let value = &payload[..payload.len() - 10];
            for at in 0..value.len() {
                for flip in 1..=255u8 {
                    let mut bad = value.to_vec();
                    bad[at] ^= flip;
                    if let Ok(entry) = restore(b"k", (&bad, version), entry.meta(), &options()) {
                        let _ = save::payload(entry.view(), Some(version), true).expect("sane");
                    }
                }
                let _ = restore(b"k", (&value[..at], version), entry.meta(), &options());
            }
        }
    }
}

#[test]
fn lengths_that_cannot_be_true_take_no_memory() {
    let mut head = b"REDIS0010".to_vec();
    let huge = [0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for kind in 0..=25u8 {
        for prefix in [&b""[..], b"\x01", b"\x01\x02"] {
            head.truncate(9);
            head.push(kind);
            head.extend_from_slice(b"\x01k");
            head.extend_from_slice(prefix);
            head.extend_from_slice(&huge);
            head.extend_from_slice(&[1; 100]);
            for piece in [1 << 20, 13] {
                let mut keyspace = Keyspace::default();
                assert!(load_into(&mut keyspace, &head, piece, &options()).is_err(), "{kind}");
            }
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |b: u8| char::from(b).to_digit(16).expect("a digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Payloads of live servers stand in the fact sheet.
#[test]
fn payloads_of_other_servers_are_understood() {
    for (payload, encoding) in [
        ("00 05 68 65 6C 6C 6F 0A 00 63 72 DF 76 65 34 20 0A", "embstr"),
        ("00 00 0A 00 5D 9B 5C 40 0F 7F A2 DA", "embstr"),
        ("00 C1 39 30 0A 00 9D 94 EA 27 93 FC 08 B9", "int"),
        (
            "12 01 02 16 16 00 00 00 05 00 81 61 02 82 62 62 03 01 01 DF FF 02 C1 2C 02 FF 0A 00 EB 5C A8 B7 D3 55 A4 C0",
            "listpack",
        ),
        ("0B 0E 02 00 00 00 03 00 00 00 01 00 02 00 03 00 0A 00 A5 02 5C E2 6D 6E 4D 1B", "intset"),
        (
            "11 19 19 00 00 00 06 00 81 6E 02 00 01 81 61 02 01 01 81 62 02 83 32 2E 35 04 FF 0A 00 3C 86 5A 45 C0 0E E4 C3",
            "listpack",
        ),
        (
            "10 12 12 00 00 00 04 00 81 66 02 81 76 02 81 6E 02 0A 01 FF 0A 00 45 F8 42 D8 EA 06 93 CA",
            "listpack",
        ),
        (
            "05 03 01 70 000000000000F07F 01 6D 000000000000F83F 01 6E 0000000000000080 0A 00 A7 A2 1A C2 00 ED A2 CD",
            "listpack",
        ),
    ] {
        let payload = hex(payload);
        let value = check_payload(&payload, &options()).expect("whole");
        let entry = restore(b"k", value, Meta::default(), &options()).expect("readable");
        assert_eq!(entry.view().encoding(), encoding);
        if payload[0] != 5 {
            assert_eq!(save::payload(entry.view(), None, true).expect("memory"), payload);
        }
    }
    // An empty stream is one.
    let empty = hex("13 00 00 01 01 00 00 01 01 01 00");
    let entry = restore(b"k", (&empty, 10), Meta::default(), &options()).expect("readable");
    assert_eq!(entry.view().encoding(), "stream");
    // An empty collection is none.
    assert!(restore(b"k", (&hex("01 00"), 10), Meta::default(), &options()).is_err());
}

#[test]
fn versions_decide_who_may_come_in() {
    let loads = |head: &str, any_version: bool| {
        let mut bytes = head.as_bytes().to_vec();
        bytes.push(0xff);
        bytes.extend_from_slice(&[0; 8]);
        let options = Options { any_version, ..options() };
        let back = load_into(&mut Keyspace::default(), &bytes, 9, &options);
        back.map(|back| back.loaded.checked).map_err(|error| error.fault.to_string())
    };
    assert_eq!(loads("REDIS0001", false), Ok(Checked::Never));
    for good in ["REDIS0006", "REDIS0012", "VALKEY080"] {
        assert_eq!(loads(good, false), Ok(Checked::Never), "a checksum of zero is none");
    }
    for (bad, reason) in [
        ("REDIS0000", "Can't handle RDB format version 0"),
        ("REDIS0013", "Can't handle RDB format version 13"),
        ("REDIS0080", "Can't handle RDB format version 80"),
        ("VALKEY079", "Can't handle RDB format version 79"),
        ("VALKEY081", "Can't handle RDB format version 81"),
        ("RADIS0001", "Wrong signature trying to load DB from file"),
    ] {
        assert_eq!(loads(bad, false), Err(reason.to_owned()));
    }
    assert!(loads("REDIS0013", true).is_ok() && loads("VALKEY081", true).is_ok());
}
