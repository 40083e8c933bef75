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
