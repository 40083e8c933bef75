//! Set commands through a server in a box. Replies in full were compared with the live reference by
//! script; here stands what a change is most likely to break, what replicas are told, and what
//! others are told of it.

use std::collections::BTreeSet;

use crate::server::testing::TestServer;

/// The elements of a flat reply of bulks.
fn elements(reply: &str) -> Vec<String> {
    assert!(reply.starts_with(['*', '~']), "{reply}");
    reply.split("\r\n").skip(2).step_by(2).map(str::to_owned).collect()
}

fn sorted(reply: &str) -> String {
    let mut all = elements(reply);
    all.sort();
    all.join(" ")
}

/// Runs lines of `command => reply`; a reply that is an array is shown sorted.
fn script(t: &mut TestServer, lines: &[(&str, &str)]) {
    for (command, wanted) in lines {
        let got = t.run(command);
        let shown = match got.as_bytes().first() {
            Some(b'*') => sorted(&got),
            Some(b'$') if got.starts_with("$-1") => "(nil)".to_owned(),
            Some(b'$') => got.split_once("\r\n").map_or("", |(_, rest)| rest).to_owned(),
            _ => got.clone(),
        };
        assert_eq!(shown.trim_end(), *wanted, "{command}");
    }
}

#[test]
fn members_come_and_go() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("SADD s a b a", ":2"),
            ("SADD s b c", ":1"),
            ("SCARD s", ":3"),
            ("SISMEMBER s a", ":1"),
            ("SISMEMBER s x", ":0"),
            ("SMEMBERS s", "a b c"),
            ("SREM s a x", ":1"),
            ("SMOVE s t b", ":1"),
            ("SMOVE s t b", ":0"),
            ("SMOVE s s c", ":1"),
            ("SMOVE nokey t c", ":0"),
            ("SMEMBERS t", "b"),
            ("SREM s c", ":1"),
            ("EXISTS s", ":0"),
            ("SET str x", "+OK"),
            ("SMOVE nokey str c", ":0"),
            (
                "SMOVE t str zz",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("SADD str a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("SMEMBERS nokey", ""),
        ],
    );
    assert_eq!(t.run("SMISMEMBER t a b"), "*2\r\n:0\r\n:1\r\n");
    assert_eq!(t.run("SMISMEMBER nokey a b"), "*2\r\n:0\r\n:0\r\n");
}

#[test]
fn sets_are_combined() {
    let mut t = TestServer::new();
    t.run("SADD a 1 2 3 x");
    t.run("SADD b 2 3 4 x");
    t.run("SADD c 3 x y");
    script(
        &mut t,
        &[
            ("SINTER a b c", "3 x"),
            ("SINTER a nokey", ""),
            ("SINTERCARD 3 a b c", ":2"),
            ("SINTERCARD 3 a b c LIMIT 1", ":1"),
            ("SINTERCARD 1 a LIMIT 3", ":3"),
            ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD 2 a", "-ERR Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
            ("SINTERCARD 1 a b", "-ERR syntax error"),
            ("SUNION a b nokey c", "1 2 3 4 x y"),
            ("SUNION a a b b c c a a b nokey c", "1 2 3 4 x y"),
            ("SDIFF a b", "1"),
            ("SDIFF a nokey c", "1 2"),
            ("SDIFF nokey a", ""),
            ("SINTERSTORE a a b", ":3"),
            ("SMEMBERS a", "2 3 x"),
            ("SUNIONSTORE d a c nokey", ":4"),
            ("SDIFFSTORE d d c", ":1"),
            ("SMEMBERS d", "2"),
            ("OBJECT ENCODING d", "intset"),
            ("SINTERSTORE d d nokey", ":0"),
            ("EXISTS d", ":0"),
            ("SET str x", "+OK"),
            (
                "SINTER nokey str",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("SDIFFSTORE str a b", ":0"),
            ("EXISTS str", ":0"),
        ],
    );
}

#[test]
fn random_members_are_members() {
    let mut t = TestServer::new();
    t.run("SADD s a b c d e");
    let all: BTreeSet<_> = elements(&t.run("SMEMBERS s")).into_iter().collect();
    for (count, wanted) in [(0, 0), (3, 3), (5, 5), (9, 5), (-3, 3), (-20, 20)] {
        let found = elements(&t.run(&format!("SRANDMEMBER s {count}")));
        assert_eq!(found.len(), wanted, "{count}");
        let distinct: BTreeSet<_> = found.into_iter().collect();
        assert!(distinct.is_subset(&all) && (count < 0 || distinct.len() == wanted), "{count}");
    }
    script(
        &mut t,
        &[
            ("SRANDMEMBER nokey", "(nil)"),
            ("SRANDMEMBER nokey 2", ""),
            ("SRANDMEMBER s 1 2", "-ERR syntax error"),
            ("SRANDMEMBER s x", "-ERR value is not an integer or out of range"),
            ("SPOP s -1", "-ERR value is out of range, must be positive"),
            ("SPOP s 1 2", "-ERR syntax error"),
            ("SPOP nokey", "(nil)"),
            ("SPOP nokey 2", ""),
            ("SPOP s 0", ""),
            ("SPOP s 100", "a b c d e"),
            ("EXISTS s", ":0"),
        ],
    );
}

#[test]
fn a_few_bytes_cannot_ask_for_more_than_memory_holds() {
    let mut t = TestServer::new();
    t.run("CONFIG SET proto-max-bulk-len 1mb");
    t.run(&format!("SADD s {}", "x".repeat(1000)));
    let too_long = "-ERR reply exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    for count in ["-9223372036854775807", "-1000000", "-1040"] {
        assert_eq!(t.run(&format!("SRANDMEMBER s {count}")), too_long, "{count}");
    }
    assert_eq!(
        t.run("SRANDMEMBER s -9223372036854775808"),
        "-ERR value is out of range, value must between -9223372036854775807 and \
         9223372036854775807\r\n"
    );
    assert_eq!(elements(&t.run("SRANDMEMBER s -1030")).len(), 1030);
    assert_eq!(elements(&t.run("SRANDMEMBER s 9223372036854775807")).len(), 1);
}

#[test]
fn what_spop_took_is_told_as_srem() {
    let mut t = TestServer::new();
    let members: Vec<_> = (0..3000).map(|i| format!("m{i}")).collect();
    t.run(&format!("SADD s {}", members.join(" ")));
    t.propagated();
    // Few are left: the other way to take out many.
    for (count, batches) in [(1500, &[1024, 476][..]), (1400, &[1024, 376]), (1, &[1])] {
        let taken = sorted(&t.run(&format!("SPOP s {count}")));
        let told = t.propagated();
        let lines = told.iter().filter(|line| !matches!(line.as_str(), "MULTI" | "EXEC"));
        let lines: Vec<_> = lines.collect();
        assert_eq!(told.len() - lines.len(), if batches.len() > 1 { 2 } else { 0 }, "one unit");
        let mut words = vec![];
        for (line, size) in lines.iter().zip(batches) {
            let gone = line.strip_prefix("SREM s ").expect("SREM").split(' ');
            assert_eq!(gone.clone().count(), *size);
            words.extend(gone);
        }
        words.sort_unstable();
        assert_eq!((lines.len(), words.join(" ")), (batches.len(), taken));
    }
    assert_eq!(t.run("SCARD s"), ":99\r\n");
    let member = t.run("SPOP s");
    let member = member.split("\r\n").nth(1).expect("a bulk");
    assert_eq!(t.propagated(), [format!("SREM s {member}")]);
    t.run("SPOP s 1000");
    assert_eq!(t.propagated(), ["DEL s"]);
}

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-set.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-set.tsv"));
}

#[test]
fn counts_of_changes_hits_and_misses_are_those_of_the_reference() {
    let mut t = TestServer::new();
    for (command, counts) in [
        ("SADD s a b c d e f", [6, 0, 0]),
        ("SADD s a b z", [1, 0, 0]),
        ("SREM s a b q", [2, 0, 0]),
        ("SPOP s", [1, 0, 0]),
        ("SPOP s 2", [2, 0, 0]),
        ("SPOP s 0", [0, 0, 0]),
        ("SPOP s 100", [2, 1, 0]),
        ("SPOP nokey", [0, 0, 0]),
        ("SADD s a b c d e f", [6, 0, 0]),
        ("SADD t a b c", [3, 0, 0]),
        ("SMOVE s t a", [1, 0, 0]),
        ("SMOVE s t d", [2, 0, 0]),
        ("SMOVE s s b", [0, 0, 0]),
        ("SMOVE nokey s b", [0, 0, 0]),
        ("SINTER s nokey t", [0, 2, 1]),
        ("SINTERSTORE d s t", [1, 2, 0]),
        ("SINTERSTORE d nokey t", [1, 1, 1]),
        ("SINTERSTORE d nokey t", [0, 1, 1]),
        ("SUNIONSTORE d s t nokey", [1, 2, 1]),
        ("SDIFFSTORE d s s", [1, 2, 0]),
        ("SINTERCARD 3 s t nokey", [0, 2, 1]),
        ("SISMEMBER s a", [0, 1, 0]),
        ("SMISMEMBER nokey a b", [0, 0, 1]),
        ("SRANDMEMBER s 2", [0, 1, 0]),
        ("SSCAN nokey 0", [0, 0, 1]),
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

#[test]
fn a_scan_shows_what_stays_whatever_happens_meanwhile() {
    let mut t = TestServer::new();
    for change in ["grow", "shrink", "convert"] {
        t.run("DEL s");
        for chunk in 0..20 {
            let names: Vec<_> =
                (0..50).map(|i| format!("stay{} go{chunk}x{i}", chunk * 50 + i)).collect();
            t.run(&format!("SADD s {}", names.join(" ")));
        }
        let (mut cursor, mut seen, mut turn) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = t.run(&format!("SSCAN s {cursor} COUNT 20"));
            let mut words = reply.split("\r\n").filter(|word| !word.starts_with(['*', '$', ':']));
            cursor = words.next().expect("a cursor").to_owned();
            seen.extend(words.map(str::to_owned));
            if cursor == "0" {
                break;
            }
            let line = match change {
                "grow" => format!("SADD s new{turn} new{turn}a new{turn}b new{turn}c"),
                "shrink" => {
                    let gone: Vec<_> = (0..50).map(|i| format!("go{turn}x{i}")).collect();
                    format!("SREM s {}", gone.join(" "))
                }
                _ => "SUNIONSTORE s s s".to_owned(),
            };
            t.run(&line);
            turn += 1;
        }
        assert!((0..1000).all(|i| seen.contains(&format!("stay{i}"))), "{change}");
    }
}
