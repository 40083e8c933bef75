//! List commands through a server in a box. Replies in full are compared with the live reference by
//! script and by random commands; here stands what a change is most likely to break, and what
//! others are told.

use std::time::Duration;

use crate::config::Guard;
use crate::keyspace::events::Classes;
use crate::server::testing::TestServer;

fn encoding(t: &mut TestServer, key: &str) -> String {
    let reply = t.run(&format!("OBJECT ENCODING {key}"));
    reply.split("\r\n").nth(1).unwrap_or_default().to_owned()
}

/// The elements of a list, joined by spaces.
fn list(t: &mut TestServer, key: &str) -> String {
    let reply = t.run(&format!("LRANGE {key} 0 -1"));
    reply
        .split("\r\n")
        .filter(|l| !l.starts_with(['$', '*']))
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// Events that Redis 8.2 published and what it told its replica, command after command.
#[test]
fn events_and_what_replicas_are_told_are_those_of_the_reference() {
    let mut t = TestServer::new();
    t.srv.keyspace.events.want(Classes::parse(b"EAmnoc").expect("letters"));
    for line in include_str!("../../../tests/golden/lists.tsv").lines().skip(1) {
        let mut fields = line.split('\t');
        let [command, events, told] = [(); 3].map(|()| fields.next().expect("three fields"));
        t.run(command);
        let past = std::mem::take(&mut t.srv.keyspace.events.past).into_iter();
        let shown = past.map(|it| {
            format!("{}:{}:{}", it.db.0, it.event.name, String::from_utf8_lossy(&it.key))
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), events, "{command}");
        let in_1000_s = (t.srv.clock.now().0 + 1_000_000).to_string();
        let shown = t.propagated().join("; ").replace(&in_1000_s, "@1000");
        assert_eq!(shown, told, "{command}");
    }
}

/// Which limits count is Redis's rule; see `types::list`.
#[test]
fn encodings_follow_the_options_of_the_moment() {
    let mut t = TestServer::new();
    for (command, wanted) in [
        ("CONFIG SET list-max-listpack-size 4", ""),
        ("RPUSH l a b c d", "listpack"),
        ("LSET l 9 x", "quicklist"),
        ("LSET l 0 x", "quicklist"),
        ("RPOP l", "quicklist"),
        ("RPOP l", "listpack"),
        ("LINSERT l BEFORE x 1", "listpack"),
        ("LPUSHX l 2 3", "quicklist"),
        ("LREM l 0 nothere", "quicklist"),
        ("CONFIG SET list-max-listpack-size 8", "quicklist"),
        ("LREM l 0 nothere", "quicklist"),
        ("LPOP l 0", "quicklist"),
        ("LRANGE l 0 -1", "quicklist"),
        ("LTRIM l 0 -1", "quicklist"),
        ("LTRIM l 1 -1", "listpack"),
        ("CONFIG SET list-max-listpack-size -2", "listpack"),
    ] {
        t.run(command);
        assert_eq!(encoding(&mut t, "l"), wanted, "{command}");
    }
    for (bytes, wanted) in [(8185, "listpack"), (8186, "quicklist")] {
        t.run("DEL l");
        t.run(&format!("RPUSH l {}", "x".repeat(bytes)));
        assert_eq!(encoding(&mut t, "l"), wanted, "{bytes}");
    }
}

#[test]
fn ranges_hold_at_the_limits_of_numbers() {
    let mut t = TestServer::new();
    t.run("RPUSH l a b c");
    let (min, max) = (i64::MIN, i64::MAX);
    for (range, wanted) in [
        (format!("{min} {max}"), "*3"),
        (format!("{max} {min}"), "*0"),
        (format!("{min} {min}"), "*0"),
        (format!("{max} {max}"), "*0"),
        ("-3 -3".to_owned(), "*1"),
        ("3 100".to_owned(), "*0"),
        ("-100 0".to_owned(), "*1"),
    ] {
        let got = t.run(&format!("LRANGE l {range}"));
        assert_eq!(got.split("\r\n").next(), Some(wanted), "{range}");
    }
    for index in [min, -4, 3, 1 << 32, max] {
        assert_eq!(t.run(&format!("LINDEX l {index}")), "$-1\r\n");
        assert_eq!(t.run(&format!("LSET l {index} x")), "-ERR index out of range\r\n");
    }
    t.run(&format!("LTRIM l {min} {max}"));
    assert_eq!(list(&mut t, "l"), "a b c");
    assert_eq!(t.run(&format!("LPOP l {max}")).split("\r\n").next(), Some("*3"));
}

#[test]
fn a_move_to_the_wrong_type_takes_nothing() {
    let mut t = TestServer::new();
    t.run("RPUSH l a b c");
    t.run("SET s v");
    for command in
        ["LMOVE l s LEFT LEFT", "RPOPLPUSH l s", "BLMOVE l s LEFT LEFT 0", "BRPOPLPUSH l s 0"]
    {
        assert!(t.run(command).starts_with("-WRONGTYPE"), "{command}");
        assert_eq!(list(&mut t, "l"), "a b c");
    }
    assert_eq!(t.run("LMOVE nokey s LEFT LEFT"), "$-1\r\n", "nobody looks at the target then");
}

#[test]
fn waiting_clients_are_served_in_turn() {
    let mut t = TestServer::new();
    let waiting = |t: &mut TestServer, line: &str| {
        let id = t.connect();
        assert_eq!(t.run_as(id, line), "", "{line} waits");
        id
    };
    let a = waiting(&mut t, "BLPOP l 0");
    let b = waiting(&mut t, "BLMPOP 0 2 other l RIGHT COUNT 2");
    let c = waiting(&mut t, "BLMOVE l m LEFT RIGHT 0");
    let d = waiting(&mut t, "BRPOP m 0");
    let e = waiting(&mut t, "BRPOPLPUSH l s 0");
    assert_eq!(t.run("RPUSH l 1 2 3 4 5"), ":5\r\n");
    assert_eq!(t.receive(a), b"*2\r\n$1\r\nl\r\n$1\r\n1\r\n");
    assert_eq!(t.receive(b), b"*2\r\n$1\r\nl\r\n*2\r\n$1\r\n5\r\n$1\r\n4\r\n");
    assert_eq!(t.receive(c), b"$1\r\n2\r\n");
    assert_eq!(t.receive(d), b"*2\r\n$1\r\nm\r\n$1\r\n2\r\n");
    assert_eq!(t.receive(e), b"$1\r\n3\r\n");
    assert_eq!(
        t.propagated().join("; "),
        "RPUSH l 1 2 3 4 5; LPOP l; RPOP l 2; LMOVE l m LEFT RIGHT; RPOPLPUSH l s; RPOP m"
    );
    // Served into a key of another type: an error, and the element stays.
    t.run("SET str v");
    let f = waiting(&mut t, "BLMOVE l str LEFT RIGHT 0");
    t.run("RPUSH l x");
    assert!(t.receive(f).starts_with(b"-WRONGTYPE"));
    assert_eq!(list(&mut t, "l"), "x");
    // Time is up.
    t.run("DEL l");
    let g = waiting(&mut t, "BLMOVE l m LEFT RIGHT 1.5");
    t.advance(Duration::from_secs(2));
    assert_eq!(t.receive(g), b"*-1\r\n");
}

#[test]
fn large_elements_are_shared_not_copied() {
    let mut t = TestServer::new();
    t.srv.conf.security.enable_debug_command = Guard::Yes;
    let large = "L".repeat(100_000);
    t.run(&format!("RPUSH l a {large} b"));
    assert!(t.run("DEBUG OBJECT l").contains("ql_nodes:3 ql_avg_node:1.00 ql_listpack_max:-2"));
    assert_eq!(t.run("LMOVE l m RIGHT LEFT"), "$1\r\nb\r\n");
    assert_eq!(t.run("LMOVE l m RIGHT LEFT"), format!("$100000\r\n{large}\r\n"));
    assert_eq!(
        (list(&mut t, "l"), encoding(&mut t, "m")),
        ("a".to_owned(), "quicklist".to_owned())
    );
    let bytes: usize =
        t.run("MEMORY USAGE m").trim_matches([':', '\r', '\n']).parse().expect("a number");
    assert!((100_000..150_000).contains(&bytes), "{bytes}");
    assert_eq!(t.run("LPOS m b"), ":1\r\n");
    assert_eq!(t.run(&format!("LREM m 0 {large}")), ":1\r\n");
    assert_eq!(list(&mut t, "m"), "b");
}

#[test]
fn copies_and_renamed_lists_are_whole() {
    let mut t = TestServer::new();
    t.srv.conf.security.enable_debug_command = Guard::Yes;
    for fill in ["-2", "3"] {
        t.run(&format!("CONFIG SET list-max-listpack-size {fill}"));
        t.run("FLUSHALL");
        t.run("RPUSH l a 1 b 2 c 3 d 4 e");
        assert_eq!(t.run("COPY l m"), ":1\r\n");
        t.run("LSET l 0 z");
        t.run("RENAME l n");
        assert_eq!(list(&mut t, "m"), "a 1 b 2 c 3 d 4 e");
        assert_eq!(list(&mut t, "n"), "z 1 b 2 c 3 d 4 e");
        t.run("LSET n 0 a");
        let digests = t.run("DEBUG DIGEST-VALUE m n");
        let mut lines = digests.split("\r\n").skip(1);
        assert_eq!(lines.next(), lines.next());
        assert_eq!(t.run("SCAN 0 TYPE list").matches('$').count(), 3);
    }
}
