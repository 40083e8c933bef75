//! Stream commands in a whole server: what is announced and told, waiting, and what watches see.

use std::time::Duration;

use crate::server::testing::TestServer;

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-stream.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-stream.tsv"));
}

/// What is told rebuilds the same stream on a replica.
#[test]
fn what_is_told_gives_the_same_stream() {
    let (mut t, mut replica) = (TestServer::new(), TestServer::new());
    t.run("CONFIG SET stream-node-max-entries 5");
    replica.run("CONFIG SET stream-node-max-entries 5");
    for i in 1..60 {
        t.run("XADD s * a b c d");
        t.run(&format!("XADD s MAXLEN ~ 20 {}-* a {i}", 1_700_000_000_000u64 + i));
        t.advance(Duration::from_millis(1));
    }
    t.run("XGROUP CREATE s g 0");
    t.run("XREADGROUP GROUP g c COUNT 7 STREAMS s >");
    t.run("XAUTOCLAIM s g d 0 - COUNT 3");
    t.run("XREADGROUP GROUP g n NOACK COUNT 2 STREAMS s >");
    for line in t.propagated() {
        assert!(!replica.run(&line).starts_with("-ERR"), "{line}");
    }
    for question in ["DEBUG DIGEST-VALUE s", "XINFO STREAM s", "XINFO GROUPS s", "XPENDING s g"] {
        assert_eq!(t.run(question), replica.run(question), "{question}");
    }
}

#[test]
fn a_dollar_means_the_moment_at_which_the_wait_began() {
    let mut t = TestServer::new();
    t.run("XADD s 5-1 a b");
    let reader = t.connect();
    assert_eq!(t.run_as(reader, "XREAD BLOCK 0 STREAMS other s $ $"), "");
    // News that is none for it: the wait goes on, and still from 5-1.
    t.run("XDEL s 5-1");
    t.run("DEL s");
    t.run("XADD s 5-1 a b");
    assert_eq!(t.receive(reader), b"");
    t.run("MULTI");
    t.run("XADD s 5-2 a b");
    t.run("XADD s 5-3 a b");
    t.run("EXEC");
    let got = String::from_utf8(t.receive(reader)).expect("text");
    assert!(got.starts_with("*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n5-2\r\n"), "{got}");
    assert_eq!(t.run_as(reader, "XREAD BLOCK 100 STREAMS s $"), "");
    t.advance(Duration::from_millis(101));
    assert_eq!(t.receive(reader), b"*-1\r\n");
}

#[test]
fn a_reader_of_a_group_learns_that_it_waits_in_vain() {
    for (ending, answer) in [
        (
            "DEL s",
            "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n",
        ),
        (
            "XGROUP DESTROY s g",
            "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n",
        ),
        ("SET s x", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        (
            "XADD s 1-1 a b",
            "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        ),
    ] {
        let mut t = TestServer::new();
        t.run("XGROUP CREATE s g $ MKSTREAM");
        let reader = t.connect();
        assert_eq!(t.run_as(reader, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"), "");
        t.run("XGROUP SETID s g 0-1");
        assert_eq!(t.receive(reader), b"");
        t.run(ending);
        assert_eq!(String::from_utf8_lossy(&t.receive(reader)), answer, "{ending}");
    }
}

#[test]
fn groups_are_no_part_of_what_is_watched() {
    let mut t = TestServer::new();
    t.run("XADD s 1-1 a b");
    t.run("XADD s 1-2 a b");
    for (command, breaks) in [
        ("XGROUP CREATE s g 0", false),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", false),
        ("XACK s g 1-1", false),
        ("XCLAIM s g d 0 1-1 FORCE", false),
        ("XGROUP SETID s g 0", false),
        ("XSETID s 9-9", false),
        ("XADD s 10-1 a b", true),
        ("XDEL s 10-1", true),
        ("XTRIM s MAXLEN 1", true),
    ] {
        let other = t.connect();
        t.run_as(other, "WATCH s");
        t.run(command);
        t.run_as(other, "MULTI");
        t.run_as(other, "PING");
        assert_eq!(t.run_as(other, "EXEC") == "*-1\r\n", breaks, "{command}");
    }
}

#[test]
fn an_empty_stream_keeps_its_key() {
    let mut t = TestServer::new();
    t.run("XADD s 1-1 a b");
    assert_eq!(t.run("XDEL s 1-1"), ":1\r\n");
    assert_eq!((t.run("TYPE s"), t.run("XLEN s")), ("+stream\r\n".into(), ":0\r\n".into()));
    assert!(t.run("XADD s 1-1 a b").starts_with("-ERR The ID specified"));
    assert_eq!(t.run("XADD new 0-0 a b").as_bytes()[0], b'-');
    assert_eq!(t.run("EXISTS new"), ":0\r\n", "an error makes no key");
}

/// Nothing went at all, so that such a stream grew for ever.
#[test]
fn approximate_trims_look_at_every_entry_that_groups_may_need() {
    let mut t = TestServer::new();
    t.run("CONFIG SET stream-node-max-entries 2");
    (1..=4).for_each(|i| drop(t.run(&format!("XADD s {i}-0 f v"))));
    t.run("XGROUP CREATE s g 0");
    t.run("XREADGROUP GROUP g c STREAMS s >");
    t.run("XACK s g 1-0 2-0");
    assert_eq!(t.run("XTRIM s MINID ~ 5-0 ACKED"), ":2\r\n");
    assert_eq!(t.run("XLEN s"), ":2\r\n");
    t.run("XADD s 5-0 f v");
    t.run("XADD s 6-0 f v");
    assert_eq!(t.run("XTRIM s MAXLEN ~ 2 DELREF"), ":2\r\n");
    assert_eq!(t.run("XLEN s"), ":2\r\n");
    assert!(t.run("XPENDING s g").starts_with("*4\r\n:0\r\n"));
    // The limit holds node by node.
    (7..=10).for_each(|i| drop(t.run(&format!("XADD s {i}-0 f v"))));
    assert_eq!(t.run("XTRIM s MAXLEN ~ 1 LIMIT 3 DELREF"), ":2\r\n");
    assert_eq!(t.run("XTRIM s MINID ~ 10-0 LIMIT 0 DELREF"), ":3\r\n");
}

/// With the first entry that was left a replica would keep what had gone behind it.
#[test]
fn replicas_trim_as_far_where_entries_are_protected() {
    for trim in
        ["MINID ~ 7-0", "MINID ~ 6-0", "MAXLEN ~ 3", "MAXLEN ~ 1 LIMIT 3", "MINID ~ 7-0 LIMIT 3"]
    {
        let (mut t, mut replica) = (TestServer::new(), TestServer::new());
        t.run("CONFIG SET stream-node-max-entries 2");
        (1..=8).for_each(|i| drop(t.run(&format!("XADD s {i}-0 f v"))));
        t.run("XGROUP CREATE s g 0");
        t.run("XREADGROUP GROUP g c STREAMS s >");
        t.run("XACK s g 1-0 4-0 5-0 6-0");
        assert_ne!(t.run(&format!("XTRIM s {trim} ACKED")), ":0\r\n", "{trim}");
        for line in t.propagated() {
            // A file may tell of a LIMIT that is over.
            assert!(!replica.run(&line.replace(" LIMIT 3", "")).starts_with('-'), "{line}");
        }
        assert_eq!(t.run("XRANGE s - +"), replica.run("XRANGE s - +"), "{trim}");
    }
}

/// They were lost with the next start.
#[test]
fn consumers_that_get_nothing_are_told_of() {
    let mut t = TestServer::new();
    t.run("XADD s 1-1 a b");
    t.run("XGROUP CREATE s g 0");
    t.run("XREADGROUP GROUP g c1 STREAMS s >");
    t.propagated();
    let waiting = t.connect();
    for (command, name) in [
        ("XREADGROUP GROUP g c2 STREAMS s >", "c2"),
        ("XREADGROUP GROUP g c3 STREAMS s 0", "c3"),
        ("XREADGROUP GROUP g c4 BLOCK 10 STREAMS s >", "c4"),
        ("XREADGROUP GROUP g c5 NOACK STREAMS s >", "c5"),
        ("XCLAIM s g c6 100000 1-1", "c6"),
        ("XCLAIM s g c7 0 9-9", "c7"),
        ("XAUTOCLAIM s g c8 100000 0", "c8"),
    ] {
        t.run_as(waiting, command);
        assert_eq!(t.propagated(), [format!("XGROUP CREATECONSUMER s g {name}")], "{command}");
        t.advance(Duration::from_millis(20));
        t.run_as(waiting, command);
        assert_eq!(t.propagated(), [""; 0], "{command} again");
        t.advance(Duration::from_millis(20));
    }
    t.run("MULTI");
    t.run("XREADGROUP GROUP g c9 STREAMS s >");
    t.run("EXEC");
    assert_eq!(t.propagated(), ["XGROUP CREATECONSUMER s g c9"]);
    t.run("XCLAIM s g c10 0 1-1");
    assert!(t.propagated()[0].starts_with("XCLAIM s g c10 0 1-1 "), "that makes it, too");
}
