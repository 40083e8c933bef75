//! HyperLogLog commands through a server in a box. Bytes were compared with the live reference at
//! random; here stands what a change is most likely to break, and what clients may do to us.

use crate::server::testing::TestServer;

const CORRUPT: &str = "-INVALIDOBJ Corrupted HLL object detected\r\n";
const FOREIGN: &str = "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n";
const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

/// A header with a stale count; three bytes of it mean nothing.
const HEADER: &str = "HYLL\\x01\\x07\\x07\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80";

#[test]
fn elements_are_counted_once() {
    let mut t = TestServer::new();
    for (command, reply) in [
        ("PFADD h", ":1"),
        ("PFADD h", ":0"),
        ("PFCOUNT h", ":0"),
        ("PFADD h a foo hello", ":1"),
        ("PFADD h hello a", ":0"),
        ("PFCOUNT h", ":3"),
        ("PFDEBUG DECODE h", "$45\r\nZ:7348 v:5,1 Z:1867 v:1,1 Z:3494 v:2,1 Z:3672"),
        ("STRLEN h", ":27"),
        ("PFADD g a b c", ":1"),
        ("PFCOUNT h g nokey", ":5"),
        ("PFMERGE m h g", "+OK"),
        ("PFCOUNT m", ":5"),
        ("PFDEBUG ENCODING m", "+sparse"),
        ("PFDEBUG TODENSE g", ":1"),
        ("PFDEBUG TODENSE g", ":0"),
        ("PFDEBUG ENCODING g", "+dense"),
        ("PFDEBUG DECODE g", "-ERR HLL encoding is not sparse"),
        ("PFADD g a", ":0"),
        ("PFADD g d", ":1"),
        ("PFCOUNT g", ":4"),
        ("PFMERGE m g", "+OK"),
        ("PFDEBUG ENCODING m", "+dense"),
        ("PFCOUNT m", ":6"),
        ("PFDEBUG SIMD OFF", "+disabled"),
        ("PFCOUNT m h g", ":6"),
        ("PFMERGE m g h", "+OK"),
        ("PFCOUNT m", ":6"),
        ("PFDEBUG SIMD on", "+enabled"),
        ("PFDEBUG SIMD maybe", "-ERR Argument must be ON or OFF"),
        ("PFDEBUG FOO m", "-ERR Unknown PFDEBUG subcommand 'FOO'"),
        ("PFDEBUG ENCODING nokey", "-ERR The specified key does not exist"),
        ("PFSELFTEST", "+OK"),
    ] {
        assert_eq!(t.run(command), format!("{reply}\r\n"), "{command}");
    }
    let registers = t.run("PFDEBUG GETREG h");
    assert!(registers.starts_with("*16384\r\n:0\r\n") && registers.matches(":5\r\n").count() == 1);
    assert_eq!(t.run("PFDEBUG ENCODING h"), "+dense\r\n");
}

/// Events, propagation and figures that Redis 8.2 showed, command after command.
#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-hyperloglog.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-hyperloglog.tsv"));
}

#[test]
fn counts_are_those_of_the_reference() {
    TestServer::new().check_counts(include_str!("../../../tests/golden/counts-hyperloglog.tsv"));
}

#[test]
fn a_stored_count_breaks_a_watch_and_is_told_once() {
    let mut t = TestServer::new();
    t.run("PFADD h a");
    let other = t.connect();
    t.run("WATCH h");
    t.run_as(other, "PFCOUNT h");
    t.run("MULTI");
    t.run("PING");
    assert_eq!(t.run("EXEC"), "*-1\r\n");
    t.run("WATCH h");
    t.run_as(other, "PFCOUNT h");
    t.run("MULTI");
    t.run("PING");
    assert_eq!(t.run("EXEC"), "*1\r\n+PONG\r\n");
    assert_eq!(t.propagated(), ["PFADD h a", "PFCOUNT h"]);
}

/// It may write, although clients know it as a reader.
#[test]
fn counting_waits_while_writes_are_paused() {
    let mut t = TestServer::new();
    t.run("PFADD h a");
    let other = t.connect();
    t.run("CLIENT PAUSE 1000 WRITE");
    assert_eq!(t.run_as(other, "PFCOUNT h"), "");
    t.advance(std::time::Duration::from_millis(1001));
    assert_eq!(t.receive(other), b":1\r\n");
}

#[test]
fn what_is_none_is_refused() {
    let mut t = TestServer::new();
    t.run("RPUSH l x");
    t.run("SET n 123");
    t.run("SET s abc");
    t.run(&format!("SET short \"{}\"", HEADER.strip_suffix("\\x80").expect("its end")));
    t.run(&format!("SET dense \"{}\"", HEADER.replace("\\x01", "\\x00")));
    for (key, error) in
        [("l", WRONG_TYPE), ("n", FOREIGN), ("s", FOREIGN), ("short", FOREIGN), ("dense", FOREIGN)]
    {
        for command in
            ["PFADD k a", "PFADD k", "PFCOUNT k", "PFCOUNT x k", "PFMERGE k", "PFMERGE x k"]
        {
            let command = command.replace('k', key);
            assert_eq!(t.run(&command), error, "{command}");
        }
        assert_eq!(t.run(&format!("PFDEBUG GETREG {key}")), error);
    }
    assert_eq!(t.run("EXISTS x"), ":0\r\n");
}

#[test]
fn damage_is_reported_and_spreads_no_further() {
    let mut t = TestServer::new();
    t.run("PFADD sound a b c");
    t.run("PFDEBUG TODENSE sound");
    let before = t.run("GET sound");
    for runs in ["", "\\x7f", "\\x7f\\xfe", "\\x7f\\xff\\x00", "\\x83", "\\x7f\\xfe\\x7f"] {
        let set = format!("SET h \"{HEADER}{runs}\"");
        t.run(&set);
        for command in [
            "PFCOUNT h",
            "PFCOUNT sound h",
            "PFMERGE sound h",
            "PFMERGE h sound",
            "PFDEBUG TODENSE h",
            "PFDEBUG GETREG h",
        ] {
            assert_eq!(t.run(command), CORRUPT, "{runs}: {command}");
        }
        assert_eq!(t.run("GET sound"), before);
        t.propagated();
        // Elements that have their place can be added; if one has none, none is.
        for command in ["PFADD h a", "PFADD h foo hello a b c d e f"] {
            t.run(&set);
            t.propagated();
            let reply = t.run(command);
            let told = if reply == ":1\r\n" { vec![command.to_owned()] } else { vec![] };
            assert_eq!(t.propagated(), told, "{runs}: {command}");
            if reply != ":1\r\n" {
                assert_eq!(
                    (reply.as_str(), t.run(&format!("{set} GET")).len()),
                    (CORRUPT, t.run("GET h").len())
                );
            }
        }
    }
}

#[test]
fn limits_of_the_sparse_form_are_obeyed() {
    let mut t = TestServer::new();
    for (limit, encodings) in
        [("0", "dense dense"), ("27", "sparse dense"), ("3000", "sparse sparse")]
    {
        t.run("FLUSHALL");
        t.run(&format!("CONFIG SET hll-sparse-max-bytes {limit}"));
        t.run("PFADD h a foo hello");
        let first = t.run("PFDEBUG ENCODING h");
        t.run("PFADD h b");
        let second = t.run("PFDEBUG ENCODING h");
        let got = format!("{first}{second}").replace("\r\n", " ").replace('+', "");
        assert_eq!(got.trim(), encodings, "{limit}");
        assert_eq!(t.run("PFCOUNT h"), ":4\r\n");
    }
}
