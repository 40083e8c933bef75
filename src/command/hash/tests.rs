//! Hash commands through a server in a box. Replies in full were compared with the live reference
//! by script; here stands what a change is most likely to break, what time does, and what others
//! are told.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::server::testing::TestServer;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// A reply in one line: the elements of arrays in brackets.
fn shown(reply: &str) -> String {
    fn value<'a>(lines: &mut impl Iterator<Item = &'a str>, out: &mut String) {
        let line = lines.next().expect("a reply");
        let (kind, rest) = line.split_at(1);
        let count = || rest.parse::<i64>().unwrap_or(0);
        match kind {
            "$" if rest == "-1" => out.push_str("nil"),
            "_" => out.push_str("nil"),
            "$" => out.push_str(lines.next().expect("a bulk")),
            "*" | "%" => {
                let count = if kind == "%" { 2 * count() } else { count() };
                out.push_str(if kind == "%" { "{" } else { "[" });
                for i in 0..count {
                    out.push_str(if i > 0 { " " } else { "" });
                    value(lines, out);
                }
                out.push_str(if kind == "%" { "}" } else { "]" });
            }
            _ => out.push_str(line),
        }
    }
    let mut out = String::new();
    value(&mut reply.split("\r\n"), &mut out);
    out
}

/// Runs lines of `command => reply`.
fn script(t: &mut TestServer, lines: &[(&str, &str)]) {
    for (command, wanted) in lines {
        assert_eq!(shown(&t.run(command)), *wanted, "{command}");
    }
}

#[test]
fn fields_come_and_go() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("HSET h a 1 b 2 a 3", ":2"),
            ("HGETALL h", "[a 3 b 2]"),
            ("HMSET h c \"\"", "+OK"),
            ("HSETNX h c x", ":0"),
            ("HSETNX h d x", ":1"),
            ("HMGET h a nofield c", "[3 nil ]"),
            ("HKEYS h", "[a b c d]"),
            ("HVALS h", "[3 2  x]"),
            ("HLEN h", ":4"),
            ("HSTRLEN h a", ":1"),
            ("HEXISTS h c", ":1"),
            ("HDEL h c nofield c", ":1"),
            ("HEXISTS h c", ":0"),
            ("HINCRBY h a -5", ":-2"),
            ("HINCRBYFLOAT h b 0.5", "2.5"),
            ("HINCRBY h b 1", "-ERR hash value is not an integer"),
            ("HINCRBYFLOAT h d 1", "-ERR hash value is not a float"),
            ("HINCRBYFLOAT h a inf", "-ERR value is NaN or Infinity"),
            ("HSET h max 9223372036854775807", ":1"),
            ("HINCRBY h max 1", "-ERR increment or decrement would overflow"),
            ("HSET h a", "-ERR wrong number of arguments for 'hset' command"),
            ("HMSET h a 1 b", "-ERR wrong number of arguments for 'hmset' command"),
            ("HDEL h a b d max", ":4"),
            ("EXISTS h", ":0"),
            ("HINCRBY new f x", "-ERR value is not an integer or out of range"),
            ("HINCRBYFLOAT new f x", "-ERR value is not a valid float"),
            ("EXISTS new", ":0"),
            ("SET s x", "+OK"),
            ("HSET s a 1", WRONG_TYPE),
            ("HGET s a", WRONG_TYPE),
            ("HEXPIRE s 10 FIELDS 1 a", WRONG_TYPE),
            ("HGETEX s FIELDS 1 a", WRONG_TYPE),
            ("HSETEX s FIELDS 1 a 1", WRONG_TYPE),
            ("GET s", "x"),
        ],
    );
}

#[test]
fn encodings_follow_the_thresholds() {
    let mut t = TestServer::new();
    t.srv.conf.hash.max_listpack_entries = 4;
    t.srv.conf.hash.max_listpack_value = 8;
    let long = "HSET h a 123456789";
    for (commands, encoding) in [
        (&["HSET h a 1 b 2 c 3", "HSET h d 12345678"][..], "listpack"),
        (&["HSET h a 1 b 2 c 3", "HSET h d 4", "HSET h e 5"], "hashtable"),
        (&["HSET h a 1 a 1 a 1 a 1 a 1"], "hashtable"),
        (&["HSET h b 1", long, "HDEL h a"], "hashtable"),
        (&["HINCRBY h a 12345678", "HINCRBY h a 9999999999"], "hashtable"),
        (&["HINCRBYFLOAT h a 0.1234567"], "hashtable"),
        (&["HSET h a 1", "HEXPIRE h 100 FIELDS 1 nofield"], "listpackex"),
        (&["HSET h a 1", "HEXPIRE h 100 FIELDS 1 a", "HPERSIST h FIELDS 1 a"], "listpackex"),
        (&["HSETEX h EX 100 FIELDS 1 a 1", "HSET h b 2 c 3 d 4 e 5"], "hashtable"),
        (&["HSETEX h EX 100 FIELDS 1 a 1", long], "hashtable"),
        (&["HSETEX h EX 100 FIELDS 1 a 1", "COPY h i", "RENAME i h"], "listpackex"),
    ] {
        t.run("DEL h");
        for command in commands {
            let reply = t.run(command);
            assert!(!reply.starts_with('-'), "{command}: {reply}");
        }
        assert_eq!(shown(&t.run("OBJECT ENCODING h")), encoding, "{commands:?}");
    }
}

/// A server whose hashes are listpacks, and one whose hashes are tables.
fn both_encodings() -> [TestServer; 2] {
    let (packed, mut tables) = (TestServer::new(), TestServer::new());
    tables.srv.conf.hash.max_listpack_entries = 0;
    [packed, tables]
}

#[test]
fn fields_go_away_on_time_and_replicas_are_told() {
    for mut t in both_encodings() {
        t.run("CONFIG SET notify-keyspace-events EA");
        t.run("HSET h a 1 b 2 c 3");
        assert_eq!(shown(&t.run("HPEXPIRE h 100 FIELDS 2 a nofield")), "[:1 :-2]");
        assert_eq!(shown(&t.run("HEXPIRE h 1 FIELDS 2 b c")), "[:1 :1]");
        t.propagated();
        t.srv.keyspace.events.past.clear();
        t.advance(Duration::from_millis(100));
        assert_eq!(t.srv.keyspace.stats.expired_subkeys, 0, "a deadline has to pass");
        t.advance(Duration::from_millis(1));
        assert_eq!(
            (t.srv.keyspace.stats.expired_subkeys, t.propagated()),
            (1, vec!["HDEL h a".into()])
        );
        assert_eq!(shown(&t.run("HLEN h")), ":2");
        assert!(t.run("INFO").contains("expired_subkeys:1\r\n"));
        assert!(t.run("INFO").contains("db0:keys=1,expires=0,avg_ttl=0,subexpiry=1\r\n"));
        t.advance(Duration::from_millis(900));
        let mut told = t.propagated();
        told.sort();
        assert_eq!(told, ["HDEL h b", "HDEL h c"], "each by itself, and no DEL");
        let past: Vec<_> = t.srv.keyspace.events.past.iter().map(|it| it.event.name).collect();
        assert_eq!((past, t.srv.keyspace.len()), (vec!["hexpired", "hexpired", "del"], 0));
    }
}

#[test]
fn nobody_sees_a_field_after_its_deadline() {
    for mut t in both_encodings() {
        t.srv.debug.active_expire = false;
        for (command, reply) in [
            ("HGET h a", "nil"),
            ("HMGET h a z", "[nil 9]"),
            ("HGETALL h", "[z 9]"),
            ("HLEN h", ":1"),
            ("HEXISTS h a", ":0"),
            ("HSTRLEN h a", ":0"),
            ("HKEYS h", "[z]"),
            ("HVALS h", "[9]"),
            ("HSCAN h 0", "[0 [z 9]]"),
            ("HRANDFIELD h", "z"),
            ("HRANDFIELD h 5", "[z]"),
            ("HRANDFIELD h -2 WITHVALUES", "[z 9 z 9]"),
            ("HTTL h FIELDS 1 a", "[:-2]"),
            ("HSET h a 5", ":1"),
            ("HSETNX h a 5", ":1"),
            ("HINCRBY h a 5", ":5"),
            ("HINCRBYFLOAT h a 5", "5"),
            ("HDEL h a", ":0"),
            ("HEXPIRE h 10 FIELDS 1 a", "[:-2]"),
            ("HPERSIST h FIELDS 1 a", "[:-2]"),
            ("HGETEX h FIELDS 1 a", "[nil]"),
            ("HGETDEL h FIELDS 1 a", "[nil]"),
            ("HSETEX h FXX FIELDS 1 a 1", ":0"),
            ("HSETEX h FNX FIELDS 1 a 1", ":1"),
            ("HSETEX h KEEPTTL FIELDS 1 a 1", ":1"),
        ] {
            t.run("DEL h");
            t.run("HSET h a 7 z 9");
            t.run("HPEXPIRE h 5 FIELDS 1 a");
            t.advance(Duration::from_millis(6));
            t.propagated();
            assert_eq!(shown(&t.run(command)), reply, "{command}");
            let told = t.propagated();
            assert!(told.iter().any(|line| line == "HDEL h a"), "{command}: {told:?}");
        }
        t.run("HPEXPIRE h 5 FIELDS 2 a z");
        t.advance(Duration::from_millis(6));
        script(&mut t, &[("TYPE h", "+none"), ("EXISTS h", ":0"), ("HSET h b 1", ":1")]);
        t.run("HPEXPIRE h 5 FIELDS 1 b");
        t.advance(Duration::from_millis(6));
        assert_eq!(shown(&t.run("SET h string NX")), "+OK", "an emptied hash makes room");
    }
}

#[test]
fn deadlines_are_set_shown_and_cleared() {
    for mut t in both_encodings() {
        script(
            &mut t,
            &[
                ("HSET h a 1 b 2 c 3", ":3"),
                ("HTTL h FIELDS 2 a nofield", "[:-1 :-2]"),
                ("HEXPIRE h 100 FIELDS 1 a", "[:1]"),
                ("HTTL h FIELDS 1 a", "[:100]"),
                ("HPTTL h FIELDS 1 a", "[:100000]"),
                ("HPEXPIRE h 1001 FIELDS 1 a", "[:1]"),
                ("HTTL h FIELDS 1 a", "[:2]"),
                ("HPEXPIRETIME h FIELDS 1 a", "[:1700000001001]"),
                ("HEXPIRETIME h FIELDS 1 a", "[:1700000002]"),
                ("HEXPIRE h 200 NX FIELDS 2 a b", "[:0 :1]"),
                ("HEXPIRE h 100 XX FIELDS 3 a b c", "[:1 :1 :0]"),
                ("HEXPIRE h 99 GT FIELDS 3 a b c", "[:0 :0 :0]"),
                ("HEXPIRE h 101 GT FIELDS 3 a b c", "[:1 :1 :0]"),
                ("HEXPIRE h 50 LT FIELDS 3 a b c", "[:1 :1 :1]"),
                ("HPERSIST h FIELDS 3 a a nofield", "[:1 :-1 :-2]"),
                ("HEXPIRE h 0 FIELDS 2 a nofield", "[:2 :-2]"),
                ("HEXISTS h a", ":0"),
                ("HSETEX h KEEPTTL FIELDS 1 b 9", ":1"),
                ("HINCRBY h b 1", ":10"),
                ("HTTL h FIELDS 1 b", "[:50]"),
                ("HSET h b 2", ":0"),
                ("HTTL h FIELDS 1 b", "[:-1]"),
                ("HGETEX h EX 70 FIELDS 2 b nofield", "[2 nil]"),
                ("HTTL h FIELDS 1 b", "[:70]"),
                ("HGETEX h PERSIST FIELDS 1 b", "[2]"),
                ("HTTL h FIELDS 1 b", "[:-1]"),
                ("HSETEX h FNX EX 10 FIELDS 2 b 1 new 1", ":0"),
                ("HEXISTS h new", ":0"),
                ("HSETEX h PX 30000 FIELDS 2 b 1 new 1", ":1"),
                ("HTTL h FIELDS 2 b new", "[:30 :30]"),
                ("COPY h h2", ":1"),
                ("HTTL h2 FIELDS 3 b c new", "[:30 :50 :30]"),
                ("HGETDEL h FIELDS 3 b c new", "[1 3 1]"),
                ("EXISTS h", ":0"),
                (
                    "HPEXPIREAT h2 70368744177664 FIELDS 1 b",
                    "-ERR invalid expire time in 'hpexpireat' command",
                ),
                ("HEXPIRE h2 -1 FIELDS 1 b", "-ERR invalid expire time, must be >= 0"),
                ("HPEXPIREAT h2 70368744177663 FIELDS 1 b", "[:1]"),
            ],
        );
        t.advance(Duration::from_secs(51));
        assert_eq!(shown(&t.run("HKEYS h2")), "[b]");
        assert_eq!(shown(&t.run("DEL h2")), ":1");
        assert!(t.srv.keyspace.next_expiry().is_none(), "nothing is left in the index");
    }
}

#[test]
fn random_fields_have_their_shapes() {
    let mut t = TestServer::new();
    t.run("HSET h a 1 b 2 c 3");
    for (resp, all, pair) in [(2, "[a 1 b 2 c 3]", 2), (3, "[[a 1] [b 2] [c 3]]", 1)] {
        t.run(&format!("HELLO {resp}"));
        script(
            &mut t,
            &[
                ("HRANDFIELD h 10", "[a b c]"),
                ("HRANDFIELD h 3 WITHVALUES", all),
                ("HRANDFIELD h 0", "[]"),
                ("HRANDFIELD nokey", "nil"),
                ("HRANDFIELD nokey -5 WITHVALUES", "[]"),
                ("HRANDFIELD h 1 foo", "-ERR syntax error"),
                (
                    "HRANDFIELD h -9223372036854775807",
                    "-ERR reply exceeds maximum allowed size (proto-max-bulk-len)",
                ),
            ],
        );
        assert!(t.run("HRANDFIELD h -100").starts_with("*100\r\n"));
        assert!(t.run("HRANDFIELD h -100 WITHVALUES").starts_with(&format!("*{}\r\n", 100 * pair)));
        assert!(t.run("HRANDFIELD h 2 WITHVALUES").starts_with(&format!("*{}\r\n", 2 * pair)));
    }
    t.run("HELLO 2");
    t.run("CONFIG SET proto-max-bulk-len 1048576");
    assert!(t.run("HRANDFIELD h -140000").starts_with("*140000\r\n"));
    assert!(t.run("HRANDFIELD h -150000").starts_with("-ERR reply exceeds"));
    assert!(t.run("HRANDFIELD h -80000 WITHVALUES").starts_with("-ERR reply exceeds"));
    let drawn: BTreeSet<_> = (0..100).map(|_| shown(&t.run("HRANDFIELD h"))).collect();
    assert_eq!(drawn.len(), 3);
}

#[test]
fn a_scan_shows_every_field() {
    let mut t = TestServer::new();
    for i in 0..2000 {
        t.run(&format!("HSET h field:{i} {i}"));
    }
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let reply = t.run(&format!("HSCAN h {cursor} MATCH *7 COUNT 50 NOVALUES"));
        let words: Vec<_> = reply.split("\r\n").collect();
        cursor = words[2].to_owned();
        seen.extend(words[4..].iter().filter(|w| w.starts_with("field")).map(|w| (*w).to_owned()));
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 200);
    assert!(calls > 10 && seen.iter().all(|field| field.ends_with('7')));
    assert_eq!(shown(&t.run("HSCAN h x")), "-ERR invalid cursor");
    assert_eq!(shown(&t.run("HSCAN nokey 0")), "[0 []]");
    t.run("HSET small a 1 b 2");
    assert_eq!(shown(&t.run("HSCAN small 77 COUNT 1 MATCH b")), "[0 [b 2]]");
}

#[test]
fn large_values_are_kept_whole() {
    for mut t in both_encodings() {
        let value = "x".repeat(100_000);
        t.run(&format!("HSETEX h EX 100 FIELDS 2 big {value} small 1"));
        assert_eq!(shown(&t.run("HGET h big")), value);
        assert_eq!(shown(&t.run("HSTRLEN h big")), ":100000");
        t.run("HPERSIST h FIELDS 1 big");
        assert_eq!(shown(&t.run("HGET h big")), value);
        let usage = shown(&t.run("MEMORY USAGE h"))[1..].parse::<usize>().expect("a number");
        assert!((100_000..110_000).contains(&usage), "{usage}");
    }
}

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-hash.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-hash.tsv"));
}

/// Changes, hits and misses as INFO of Redis 8.2 counts them.
#[test]
fn counts_of_changes_hits_and_misses_are_those_of_the_reference() {
    let mut t = TestServer::new();
    for (command, counts) in [
        ("HSET h a 1 b 2 c 3 d 4 e 5", [5, 0, 0]),
        ("HSET h a 9 b 8", [2, 0, 0]),
        ("HMSET h a 1 f 6", [2, 0, 0]),
        ("HSETNX h a 1", [0, 0, 0]),
        ("HSETNX h g 7", [1, 0, 0]),
        ("HGET h a", [0, 1, 0]),
        ("HGET h nofield", [0, 1, 0]),
        ("HGET nokey a", [0, 0, 1]),
        ("HMGET h a b nofield", [0, 1, 0]),
        ("HMGET nokey a b", [0, 0, 1]),
        ("HGETALL h", [0, 1, 0]),
        ("HKEYS nokey", [0, 0, 1]),
        ("HLEN h", [0, 1, 0]),
        ("HLEN nokey", [0, 0, 1]),
        ("HSTRLEN h a", [0, 1, 0]),
        ("HEXISTS h a", [0, 1, 0]),
        ("HEXISTS nokey a", [0, 0, 1]),
        ("HINCRBY h a 5", [1, 0, 0]),
        ("HINCRBY nokey1 a 5", [1, 0, 0]),
        ("HINCRBYFLOAT h a 1.5", [1, 0, 0]),
        ("HRANDFIELD h", [0, 1, 0]),
        ("HRANDFIELD h 3", [0, 1, 0]),
        ("HRANDFIELD nokey 3", [0, 0, 1]),
        ("HSCAN h 0", [0, 1, 0]),
        ("HSCAN nokey 0", [0, 0, 1]),
        ("HDEL h a nofield b", [2, 0, 0]),
        ("HDEL h nofield", [0, 0, 0]),
        ("HDEL nokey a", [0, 0, 0]),
        ("HEXPIRE h 100 FIELDS 3 c d nofield", [2, 0, 0]),
        ("HEXPIRE h 100 NX FIELDS 2 c d", [0, 0, 0]),
        ("HEXPIRE nokey 100 FIELDS 1 c", [0, 0, 0]),
        ("HPEXPIREAT h 1 FIELDS 2 c nofield", [1, 0, 0]),
        ("HTTL h FIELDS 2 d e", [0, 1, 0]),
        ("HTTL nokey FIELDS 1 d", [0, 0, 1]),
        ("HPERSIST h FIELDS 2 d e", [1, 0, 0]),
        ("HPERSIST h FIELDS 2 d e", [0, 0, 0]),
        ("HPERSIST nokey FIELDS 1 d", [0, 0, 0]),
        ("HGETEX h FIELDS 2 d nofield", [0, 0, 0]),
        ("HGETEX h EX 100 FIELDS 3 d e nofield", [2, 0, 0]),
        ("HGETEX h PERSIST FIELDS 3 d f nofield", [1, 0, 0]),
        ("HGETEX nokey EX 100 FIELDS 1 d", [0, 0, 0]),
        ("HGETEX h PXAT 1 FIELDS 2 d nofield", [1, 0, 0]),
        ("HGETEX nokey FIELDS 1 d", [0, 0, 0]),
        ("HSETEX h FIELDS 2 a 1 b 2", [2, 0, 0]),
        ("HSETEX h EX 100 FIELDS 2 a 1 b 2", [2, 0, 0]),
        ("HSETEX h FNX EX 100 FIELDS 2 a 1 b 2", [0, 0, 0]),
        ("HSETEX h KEEPTTL FIELDS 2 a 1 b 2", [2, 0, 0]),
        ("HSETEX h PXAT 1 FIELDS 2 a 1 b 2", [2, 0, 0]),
        ("HSETEX nokey2 PXAT 1 FIELDS 2 a 1 b 2", [2, 0, 0]),
        ("HGETDEL h FIELDS 2 e nofield", [1, 0, 0]),
        ("HGETDEL h FIELDS 1 nofield", [0, 0, 0]),
        ("HGETDEL nokey FIELDS 1 nofield", [0, 0, 0]),
        ("HDEL h e f g", [2, 0, 0]),
    ] {
        let figures = |t: &TestServer| {
            let keyspace = &t.srv.keyspace;
            [keyspace.dirty, keyspace.stats.hits, keyspace.stats.misses]
        };
        let before = figures(&t);
        t.run(command);
        let after = figures(&t);
        let [dirty, hits, misses] = [0, 1, 2].map(|i| after[i] - before[i]);
        assert_eq!([dirty, hits, misses], counts, "{command}");
    }
}
