//! String commands through a server in a box. Replies in full were compared with the live reference
//! by script; here stands what a change is most likely to break, and what replicas are told.

use std::time::Duration;

use crate::server::testing::TestServer;

/// Runs lines of `command => reply`, where a reply is written as redis-cli shows the simple ones.
fn script(t: &mut TestServer, lines: &[(&str, &str)]) {
    for (command, wanted) in lines {
        let got = t.run(command);
        let shown = match got.as_bytes().first() {
            Some(b'$') if got.starts_with("$-1") => "(nil)".to_owned(),
            Some(b'$') => got.split_once("\r\n").map_or("", |(_, rest)| rest).to_owned(),
            _ => got.clone(),
        };
        assert_eq!(shown.trim_end(), *wanted, "{command}");
    }
}

#[test]
fn set_obeys_its_options() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("SET k v", "+OK"),
            ("SET k w NX", "(nil)"),
            ("SET k w XX GET", "v"),
            ("SET nokey w XX", "(nil)"),
            ("SET k w NX XX", "-ERR syntax error"),
            ("SET k x IFEQ y", "(nil)"),
            ("SET k x IFEQ w", "+OK"),
            ("SET k y IFNE x", "(nil)"),
            ("SET k y IFNE z GET", "x"),
            ("SET nokey y IFEQ z", "(nil)"),
            ("SET k y EX 10 PX 10", "-ERR syntax error"),
            ("SET k y EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET k y EX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
            ("SET k y EX 10 EX 20", "+OK"),
            ("TTL k", ":20"),
            ("SET k z KEEPTTL", "+OK"),
            ("TTL k", ":20"),
            ("SET k z", "+OK"),
            ("TTL k", ":-1"),
        ],
    );
}

#[test]
fn sets_are_told_as_absolute_and_unconditional() {
    let mut t = TestServer::new();
    let at = |s: i64| (1_700_000_000 + s) * 1000;
    for (command, told) in [
        ("SET k v", "SET k v".to_owned()),
        ("SET k v NX", String::new()),
        ("SET k v EX 10", format!("SET k v PXAT {}", at(10))),
        ("SET k v PX 1000 XX GET", format!("SET k v PXAT {}", at(1))),
        ("SET k v EXAT 1800000000", "SET k v PXAT 1800000000000".to_owned()),
        ("SET k v PXAT 1800000000000", "SET k v PXAT 1800000000000".to_owned()),
        ("SET k v KEEPTTL", "SET k v KEEPTTL".to_owned()),
        ("SET k v GET", "SET k v".to_owned()),
        ("SET k w IFEQ v", "SET k w".to_owned()),
        ("SETEX k 10 v", format!("SET k v PXAT {}", at(10))),
        ("PSETEX k 1000 v", format!("SET k v PXAT {}", at(1))),
        ("GETSET k w", "SET k w".to_owned()),
        ("GETEX k", String::new()),
        ("GETEX k EX 10", format!("PEXPIREAT k {}", at(10))),
        ("GETEX k PERSIST", "PERSIST k".to_owned()),
        ("GETEX k PERSIST", String::new()),
        ("GETEX k PXAT 5", "DEL k".to_owned()),
        ("INCR n", "INCR n".to_owned()),
        ("INCRBYFLOAT n 0.5", "SET n 1.5 KEEPTTL".to_owned()),
        ("GETDEL n", "DEL n".to_owned()),
        ("GETDEL n", String::new()),
        ("MSETEX 2 a 1 b 2 EX 10", format!("MSETEX 2 a 1 b 2 PXAT {}", at(10))),
        ("MSETNX a 1", String::new()),
        ("DELIFEQ a 2", String::new()),
        ("DELIFEQ a 1", "DEL a".to_owned()),
        ("APPEND q x", "APPEND q x".to_owned()),
        ("SETRANGE q 0 \"\"", String::new()),
    ] {
        t.run(command);
        assert_eq!(t.propagated().join(";"), told, "{command}");
    }
}

#[test]
fn integers_count_and_complain() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("INCR n", ":1"),
            ("SET n 9223372036854775806", "+OK"),
            ("INCR n", ":9223372036854775807"),
            ("INCR n", "-ERR increment or decrement would overflow"),
            ("DECRBY n -9223372036854775808", "-ERR decrement would overflow"),
            ("DECRBY n 9223372036854775807", ":0"),
            ("SET s 007", "+OK"),
            ("INCR s", "-ERR value is not an integer or out of range"),
            ("INCRBYFLOAT f 0.1", "0.1"),
            ("INCRBYFLOAT f 0.2", "0.3"),
            ("INCRBYFLOAT f inf", "-ERR increment would produce NaN or Infinity"),
            ("INCRBYFLOAT f abc", "-ERR value is not a valid float"),
        ],
    );
}

#[test]
fn encodings_follow_the_history_of_a_value() {
    let mut t = TestServer::new();
    for (command, encoding) in [
        ("SET k 12", "int"),
        ("SET k 012", "embstr"),
        ("SET k 1234567890123456789012345678901234567890", "embstr"),
        ("SET k 12345678901234567890123456789012345678901", "raw"),
        ("SET k 12345678901234567890123456789012", "embstr"),
        ("EXPIRE k 100", "embstr"),
        ("SET k 123456789012345678901234567890123", "embstr"),
        ("EXPIRE k 100", "raw"),
        ("PERSIST k", "raw"),
        ("SET k 123456789012345678901234567890123 EX 9", "raw"),
        ("SET k 1", "int"),
        ("APPEND k 2", "raw"),
        ("INCR k", "int"),
        ("INCRBYFLOAT k 1", "embstr"),
        ("SETRANGE k 0 9", "raw"),
        ("SET k 9", "int"),
        ("GETSET k x", "embstr"),
    ] {
        t.run(command);
        let got = t.run("OBJECT ENCODING k");
        assert_eq!(got, format!("${}\r\n{encoding}\r\n", encoding.len()), "{command}");
    }
}

#[test]
fn ranges_and_edits_keep_within_bounds() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("SET k \"Hello World\"", "+OK"),
            ("GETRANGE k -5 -1", "World"),
            ("GETRANGE k -100 -200", ""),
            ("GETRANGE k -200 -100", "H"),
            ("GETRANGE k 0 9223372036854775807", "Hello World"),
            ("SETRANGE k -1 x", "-ERR offset is out of range"),
            (
                "SETRANGE k 536870912 x",
                "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            ),
            (
                "SETRANGE k 9223372036854775807 x",
                "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            ),
            ("SETRANGE k 6 Redis", ":11"),
            ("APPEND k !", ":12"),
            ("STRLEN k", ":12"),
            ("GET k", "Hello Redis!"),
        ],
    );
}

#[test]
fn lcs_finds_the_longest_common_subsequence() {
    let mut t = TestServer::new();
    t.run("MSET a ohmytext b mynewtext");
    assert_eq!(t.run("LCS a b"), "$6\r\nmytext\r\n");
    assert_eq!(t.run("LCS a b LEN"), ":6\r\n");
    let matches = t.run("LCS a b IDX WITHMATCHLEN MINMATCHLEN 3");
    assert_eq!(
        matches,
        "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n"
    );
    assert!(t.run("LCS a b IDX LEN").starts_with("-ERR If you want both"));
}

#[test]
fn a_key_that_expired_is_told_before_the_command_that_found_it() {
    let mut t = TestServer::new();
    t.run("SET k v PX 10");
    t.propagated();
    // The cycle has used up its time, so only the access can find it.
    t.srv.cron.expire_left_us = 0;
    t.srv.clock.advance(Duration::from_millis(11));
    assert_eq!(t.run("SET k w"), "+OK\r\n");
    let told = t.propagated();
    assert_eq!(told, ["MULTI", "DEL k", "SET k w", "EXEC"]);
}

#[test]
fn keys_that_a_scan_finds_expired_are_told_one_by_one() {
    let mut t = TestServer::new();
    t.srv.debug.active_expire = false;
    t.run("SET a 1 PX 1");
    t.run("SET b 1 PX 1");
    t.propagated();
    t.advance(Duration::from_millis(2));
    assert_eq!(t.run("SCAN 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
    let mut told = t.propagated();
    told.sort();
    assert_eq!(told, ["DEL a", "DEL b"]);
}
