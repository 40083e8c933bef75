//! Key commands through a server in a box.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::keyspace::Classes;
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
