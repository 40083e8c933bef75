//! Key commands through a server in a box.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::keyspace::lazyfree::Garbage;
use crate::keyspace::{Classes, DbIndex, Ttl, Value};
use crate::server::testing::TestServer;

#[test]
fn expiry_takes_keys_away_on_time_and_says_so() {
    let mut t = TestServer::new();
    t.run("MSET a 1 b 2 c 3");
    t.run("PEXPIRE a 100");
    t.run("EXPIRE b 1");
    t.propagated();
    t.advance(Duration::from_millis(100));
    assert_eq!(t.srv.keyspace.len(), 3, "a deadline has to pass");
    t.advance(Duration::from_millis(1));
    assert_eq!((t.srv.keyspace.len(), t.propagated()), (2, vec!["DEL a".to_owned()]));
    t.advance(Duration::from_millis(900));
    assert_eq!((t.srv.keyspace.len(), t.propagated()), (1, vec!["DEL b".to_owned()]));
    assert_eq!(t.srv.keyspace.stats.expired_keys, 2);
}

#[test]
fn times_to_live_are_told_as_moments() {
    let mut t = TestServer::new();
    t.run("SET k v");
    for (command, told) in [
        ("EXPIRE k 100", "PEXPIREAT k 1700000100000"),
        ("EXPIRE k 100 GT", ""),
        ("EXPIRE k 200 GT", "PEXPIREAT k 1700000200000 GT"),
        ("PEXPIRE k 5", "PEXPIREAT k 1700000000005"),
        ("PEXPIREAT k 1800000000000", "PEXPIREAT k 1800000000000"),
        ("EXPIREAT k 1800000000 LT", ""),
        ("PERSIST k", "PERSIST k"),
        ("PERSIST k", ""),
        ("EXPIRE k -1", "DEL k"),
        ("EXPIRE k -1", ""),
    ] {
        t.propagated();
        t.run(command);
        assert_eq!(t.propagated().join(";"), told, "{command}");
    }
}

#[test]
fn names_change_and_values_follow() {
    let mut t = TestServer::new();
    t.srv.keyspace.events.want(Classes::parse(b"KEAn").expect("letters"));
    t.run("SET a 1 EX 100");
    for (command, reply) in [
        ("RENAME a b", "+OK\r\n"),
        ("RENAME a b", "-ERR no such key\r\n"),
        ("RENAMENX b b", ":0\r\n"),
        ("TTL b", ":100\r\n"),
        ("COPY b c", ":1\r\n"),
        ("COPY b c", ":0\r\n"),
        ("COPY b c REPLACE", ":1\r\n"),
        ("COPY b b", "-ERR source and destination objects are the same\r\n"),
        ("MOVE b 1", ":1\r\n"),
        ("MOVE b 1", ":0\r\n"),
        ("MOVE c 0", "-ERR source and destination objects are the same\r\n"),
        ("EXISTS b c c", ":2\r\n"),
        ("SWAPDB 0 1", "+OK\r\n"),
        ("GET b", "$1\r\n1\r\n"),
        ("TTL b", ":100\r\n"),
        ("DEL b c", ":1\r\n"),
        ("DBSIZE", ":0\r\n"),
        ("FLUSHALL", "+OK\r\n"),
    ] {
        assert_eq!(t.run(command), reply, "{command}");
    }
    assert!(t.srv.keyspace.is_empty());
}

#[test]
fn a_scan_sees_every_key_and_only_those_asked_for() {
    let mut t = TestServer::new();
    for i in 0..500 {
        t.run(&format!("SET key:{i} {i}"));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), BTreeSet::new());
    loop {
        let reply = t.run(&format!("SCAN {cursor} MATCH key:*7 COUNT 20"));
        let words: Vec<_> = reply.split("\r\n").collect();
        cursor = words[2].to_owned();
        seen.extend(words[4..].iter().filter(|w| w.starts_with("key")).map(|w| (*w).to_owned()));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 50);
    assert!(seen.iter().all(|key| key.ends_with('7')));
    assert_eq!(t.run("SCAN 0 TYPE list COUNT 1000"), "*2\r\n$1\r\n0\r\n*0\r\n");
    assert!(t.run("KEYS key:1?").starts_with("*10\r\n"));
    assert!(t.run("RANDOMKEY").contains("key:"));
    assert_eq!(t.run("SCAN -1"), "-ERR invalid cursor\r\n");
    assert_eq!(t.run("SCAN 0 COUNT 0"), "-ERR syntax error\r\n");
}

#[test]
fn objects_tell_of_themselves() {
    let mut t = TestServer::new();
    t.run("SET k v");
    t.advance(Duration::from_secs(7));
    assert_eq!(t.run("OBJECT IDLETIME k"), ":7\r\n");
    assert!(t.run("OBJECT FREQ k").starts_with("-ERR An LFU"));
    assert_eq!(t.run("TYPE k"), "+string\r\n");
    assert_eq!(t.run("OBJECT IDLETIME k"), ":7\r\n", "neither of them is an access");
    t.run("GET k");
    assert_eq!(t.run("OBJECT IDLETIME k"), ":0\r\n");
    assert_eq!(t.run("OBJECT REFCOUNT k"), ":1\r\n");
    assert_eq!(t.run("OBJECT ENCODING nokey"), "$-1\r\n");
    assert_eq!(t.run("MEMORY USAGE k"), ":8\r\n");
    assert!(t.run("MEMORY STATS").contains("keys.count\r\n:1\r\n"));
    assert!(t.run("MEMORY DOCTOR").starts_with('$'));
    t.run("SET small 5");
    assert_eq!(t.run("OBJECT REFCOUNT small"), ":1\r\n");
}

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events.tsv"));
}

#[test]
fn accesses_are_noted_unless_the_client_said_otherwise() {
    let mut t = TestServer::new();
    for (mode, idle_after) in [("OFF", 0), ("ON", 7)] {
        t.run(&format!("CLIENT NO-TOUCH {mode}"));
        for (command, key, idle) in [
            ("GET k", "k", idle_after),
            ("STRLEN k", "k", idle_after),
            ("APPEND k x", "k", idle_after),
            ("SET k v", "k", idle_after),
            ("SET k v NX", "k", idle_after),
            ("SETNX k v", "k", idle_after),
            ("MSETNX k v", "k", idle_after),
            ("EXPIRE k 100", "k", idle_after),
            ("COPY k l", "k", idle_after),
            ("COPY k l REPLACE", "l", 0),
            ("TOUCH k", "k", 0),
            ("RENAME k l", "l", 0),
            ("TTL k", "k", 7),
            ("EXISTS k", "k", 7),
            ("OBJECT ENCODING k", "k", 7),
        ] {
            t.run("FLUSHALL");
            t.run("SET k v");
            t.advance(Duration::from_secs(7));
            t.run(command);
            let got = t.run(&format!("OBJECT IDLETIME {key}"));
            assert_eq!(got, format!(":{idle}\r\n"), "{command}, NO-TOUCH {mode}");
        }
    }
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated.tsv"));
}

#[test]
fn what_counts_as_a_change_a_hit_or_a_miss_is_as_in_the_reference() {
    TestServer::new().check_counts(include_str!("../../../tests/golden/counts.tsv"));
}

/// Keeps the thread that frees busy until something is sent, or the sender goes.
struct Hold(std::sync::mpsc::Receiver<()>);

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

/// Makes so many keys, `key:0` being the first.
fn populate(t: &mut TestServer, keys: usize) {
    let mut db = t.srv.keyspace.select(DbIndex(0), UnixMillis(0));
    for i in 0..keys {
        db.set(format!("key:{i}").as_bytes(), Value::Int(7), Ttl::Clear);
    }
}

/// A server whose thread frees nothing before the sender goes, and which has enough keys to wait
/// for.
fn crowded() -> (TestServer, std::sync::mpsc::Sender<()>) {
    let mut t = TestServer::new();
    t.srv.keyspace.lazyfree.start("", || {}).expect("a thread");
    let (go_on, held) = std::sync::mpsc::channel();
    let hold = Garbage::Other(Box::new(std::sync::Mutex::new(Hold(held))), 0);
    t.srv.keyspace.lazyfree.free(hold);
    populate(&mut t, 5000);
    t.propagated();
    (t, go_on)
}

/// What a client receives, as soon as it receives anything.
fn await_reply(t: &mut TestServer, client: Id) -> String {
    loop {
        t.settle();
        let reply = t.receive(client);
        if !reply.is_empty() {
            return String::from_utf8_lossy(&reply).into_owned();
        }
        std::thread::yield_now();
    }
}

/// FLUSHALL of many keys once kept everybody waiting until all were freed.
#[test]
fn others_are_served_while_a_flush_frees() {
    for line in ["FLUSHALL", "FLUSHDB SYNC"] {
        let (mut t, go_on) = crowded();
        let (client, other) = (t.client, t.connect());
        t.send(client, format!("{line}\r\nINCR k\r\n").as_bytes());
        assert_eq!(t.receive(client), b"");
        assert_eq!(t.run_as(other, "DBSIZE"), ":0\r\n");
        let list = t.run_as(
            other,
            &format!("CLIENT LIST ID {}", t.srv.clients.get(client).expect("there").number),
        );
        assert!(list.contains(" flags=b ") && list.contains(" cmd=flush"), "{list}");
        let info = t.run_as(other, "INFO");
        assert!(info.contains("\r\nblocked_clients:1\r\n"), "{info}");
        assert!(info.contains("\r\ntotal_blocking_keys:0\r\n"));
        assert!(info.contains("\r\nlazyfree_pending_objects:5000\r\nlazyfreed_objects:0\r\n"));
        assert_eq!(t.propagated(), [line], "it is done, but for the memory");
        let number = t.srv.clients.get(client).expect("there").number;
        assert_eq!(t.run_as(other, &format!("CLIENT UNBLOCK {number} ERROR")), ":0\r\n");
        assert_eq!(t.receive(client), b"");
        drop(go_on);
        assert_eq!(await_reply(&mut t, client), "+OK\r\n:1\r\n");
        let info = t.run_as(other, "INFO everything");
        assert!(info.contains("\r\nlazyfree_pending_objects:0\r\nlazyfreed_objects:5000\r\n"));
        let name = line.split(' ').next().expect("a word").to_lowercase();
        assert!(info.contains(&format!("\r\ncmdstat_{name}:calls=1,")), "{info}");
    }
}

#[test]
fn who_goes_while_a_flush_frees_leaves_nothing_behind() {
    let (mut t, go_on) = crowded();
    let (client, other) = (t.client, t.connect());
    t.send(client, b"FLUSHALL\r\n");
    t.send(other, b"FLUSHALL\r\n");
    assert_eq!(t.receive(other), b"+OK\r\n", "it finds nothing");
    let number = t.srv.clients.get(client).expect("there").number;
    assert_eq!(t.run_as(other, &format!("CLIENT KILL ID {number}")), ":1\r\n");
    assert!(t.srv.clients.get(client).is_none());
    assert_eq!(t.srv.clients.waits.len(), 0);
    drop(go_on);
    while t.srv.keyspace.lazyfree.pending() > 0 {
        t.settle();
    }
    assert_eq!(t.run_as(other, "PING"), "+PONG\r\n");
}

#[test]
fn a_flush_that_nobody_can_wait_for_frees_by_itself() {
    let (mut t, go_on) = crowded();
    t.run("MULTI");
    t.run("FLUSHALL");
    assert_eq!(t.run("EXEC"), "*1\r\n+OK\r\n");
    populate(&mut t, 5000);
    assert_eq!(t.run("EVAL \"return redis.call('flushall')\" 0"), "+OK\r\n");
    assert!(t.run("INFO").contains("\r\nlazyfreed_objects:0\r\n"));
    populate(&mut t, 20);
    assert_eq!(t.run("FLUSHALL"), "+OK\r\n", "there is little to do");
    assert!(t.run("INFO").contains("\r\nlazyfreed_objects:20\r\n"));
    drop(go_on);
}

/// Whoever caches is told before the flush is answered.
#[test]
fn a_flush_that_waits_tells_its_own_cache_first() {
    let (mut t, go_on) = crowded();
    let client = t.client;
    t.run("HELLO 3");
    t.run("CLIENT TRACKING on");
    t.run("GET key:1");
    t.send(client, b"FLUSHALL\r\nPING\r\n");
    let push = ">2\r\n$10\r\ninvalidate\r\n_\r\n";
    let mut heard = String::from_utf8(t.receive(client)).expect("text");
    drop(go_on);
    while !heard.ends_with("+PONG\r\n") {
        heard += &await_reply(&mut t, client);
    }
    assert_eq!(heard, format!("{push}+OK\r\n+PONG\r\n"));
}

/// It once was announced as `expired`.
#[test]
fn an_expired_target_of_an_empty_result_is_deleted_like_any_other() {
    let mut t = TestServer::new();
    t.srv.debug.active_expire = false;
    t.run("CONFIG SET notify-keyspace-events EA");
    for line in [
        "SINTERSTORE d no1 no2",
        "SUNIONSTORE d no1",
        "SDIFFSTORE d no1",
        "ZUNIONSTORE d 1 no1",
        "ZINTERSTORE d 1 no1",
        "ZDIFFSTORE d 1 no1",
        "ZRANGESTORE d no1 0 -1",
        "BITOP AND d no1",
        "SORT no1 STORE d",
        "GEOSEARCHSTORE d no1 FROMLONLAT 0 0 BYRADIUS 1 m",
        "GEORADIUS no1 0 0 1 m STORE d",
    ] {
        t.run("SET d v PX 1");
        t.advance(Duration::from_millis(5));
        t.srv.keyspace.events.past.clear();
        assert_eq!(t.run(line), ":0\r\n");
        let past = std::mem::take(&mut t.srv.keyspace.events.past);
        let names: Vec<_> = past.iter().map(|announced| announced.event.name).collect();
        assert_eq!(names, ["del"], "{line}");
        assert!(t.srv.keyspace.is_empty());
    }
    assert_eq!(t.srv.keyspace.stats.expired_keys, 0);
}
