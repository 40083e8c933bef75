//! Bitmap commands through a server in a box. Replies in full were compared with the live reference
//! by script and at random; here stands what a change is most likely to break, and what no reply
//! shows.

use crate::base::alloc::thread_delta;
use crate::config::Config;
use crate::server::testing::TestServer;

fn script(t: &mut TestServer, lines: &[(&str, &str)]) {
    for (command, wanted) in lines {
        let got = t.run(command);
        assert_eq!(got.trim_end().replace("\r\n", " "), *wanted, "{command}");
    }
}

#[test]
fn bits_are_set_and_found_again() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("SETBIT k 7 1", ":0"),
            ("SETBIT k 7 1", ":1"),
            ("GETBIT k 7", ":1"),
            ("GETBIT k 6", ":0"),
            ("GETBIT k 4294967295", ":0"),
            ("STRLEN k", ":1"),
            ("SETBIT k 1000 0", ":0"),
            ("STRLEN k", ":126"),
            ("SETBIT k 1000 2", "-ERR bit is not an integer or out of range"),
            ("SETBIT k 1000 01", "-ERR bit is not an integer or out of range"),
            ("SETBIT k -1 1", "-ERR bit offset is not an integer or out of range"),
            ("SETBIT k 4294967296 1", "-ERR bit offset is not an integer or out of range"),
            ("GETBIT k 4294967296", "-ERR bit offset is not an integer or out of range"),
            ("SETBIT k x 2", "-ERR bit offset is not an integer or out of range"),
        ],
    );
}

#[test]
fn stretches_count_from_both_ends() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("SET k \"\\x00\\xff\\xf0\"", "+OK"),
            ("BITCOUNT k", ":12"),
            ("BITCOUNT k 1 1", ":8"),
            ("BITCOUNT k -1 -2", ":0"),
            ("BITCOUNT k -1 -100", ":0"),
            ("BITCOUNT k -100 -50", ":0"),
            ("BITCOUNT k 0 -100", ":0"),
            ("BITCOUNT k 9 17 BIT", ":9"),
            ("BITCOUNT k -5 -4 BIT", ":1"),
            ("BITCOUNT k -9223372036854775808 9223372036854775807 BIT", ":12"),
            // A start alone was refused, which Valkey allows.
            ("BITCOUNT k 0", ":12"),
            ("BITCOUNT k -1", ":4"),
            ("BITCOUNT k 100", ":0"),
            ("BITCOUNT missing 1", ":0"),
            ("BITCOUNT k x", "-ERR value is not an integer or out of range"),
            ("BITPOS k 1", ":8"),
            ("BITPOS k 0", ":0"),
            ("BITPOS k 0 1", ":20"),
            ("BITPOS k 0 1 1", ":-1"),
            ("BITPOS k 0 -1 -100", ":-1"),
            ("BITPOS k 1 18 -1 BIT", ":18"),
            ("BITPOS k 1 20 -1 BIT", ":-1"),
            ("BITPOS k 2 x", "-ERR The bit argument must be 1 or 0."),
            ("SET ones \"\\xff\\xff\"", "+OK"),
            ("BITPOS ones 0", ":16"),
            ("BITPOS ones 0 1", ":16"),
            ("BITPOS ones 0 2", ":-1"),
            ("BITPOS ones 0 0 -1", ":-1"),
            ("BITPOS nokey 0", ":0"),
            ("BITPOS nokey 1", ":-1"),
            ("SET empty \"\"", "+OK"),
            ("BITPOS empty 0", ":-1"),
            ("BITCOUNT empty", ":0"),
            ("SET n 12", "+OK"),
            ("BITCOUNT n", ":6"),
            ("OBJECT ENCODING n", "$3 int"),
        ],
    );
}

#[test]
fn fields_overflow_as_they_are_told() {
    let mut t = TestServer::new();
    let low = "-9223372036854775808";
    script(
        &mut t,
        &[
            ("BITFIELD k SET u8 0 255 GET i8 0 INCRBY u8 0 1", "*3 :0 :-1 :0"),
            ("BITFIELD k OVERFLOW SAT INCRBY u8 0 300 INCRBY u8 0 -1", "*2 :255 :254"),
            ("BITFIELD k OVERFLOW FAIL INCRBY u8 0 2 OVERFLOW WRAP INCRBY u8 0 2", "*2 $-1 :0"),
            ("BITFIELD k SET i64 #1 9223372036854775807 INCRBY i64 #1 1", &format!("*2 :0 :{low}")),
            ("BITFIELD k OVERFLOW SAT INCRBY i64 #1 -1", &format!("*1 :{low}")),
            ("BITFIELD k OVERFLOW SAT SET u8 0 -1 GET u8 0", "*2 :0 :255"),
            ("BITFIELD k OVERFLOW SAT SET i8 0 -1000 GET i8 0", "*2 :-1 :-128"),
            (&format!("BITFIELD k OVERFLOW SAT SET i8 0 {low} GET i8 0"), "*2 :-128 :127"),
            (&format!("BITFIELD k OVERFLOW FAIL SET i8 0 {low}"), "*1 $-1"),
            (
                "BITFIELD k SET u63 1 9223372036854775807 INCRBY u63 1 1",
                "*2 :9151314442816847872 :0",
            ),
            (
                "BITFIELD k GET u64 0",
                "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            ),
            (
                "BITFIELD k GET u8 #9223372036854775807",
                "-ERR bit offset is not an integer or out of range",
            ),
            (
                "BITFIELD k GET u8 #288230376151711744",
                "-ERR bit offset is not an integer or out of range",
            ),
            ("BITFIELD k GET u8", "-ERR syntax error"),
            ("BITFIELD k OVERFLOW x", "-ERR Invalid OVERFLOW type specified"),
            (
                "BITFIELD k SET u8 0 1 GET x 0",
                "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            ),
            ("GETBIT k 7", ":0"),
            ("BITFIELD_RO k GET u8 #1 GET i64 1000000", "*2 :0 :0"),
            (
                "BITFIELD_RO k GET u8 0 SET u8 0 1",
                "-ERR BITFIELD_RO only supports the GET subcommand",
            ),
            ("BITFIELD_RO k SET u8 0 x", "-ERR value is not an integer or out of range"),
            ("BITFIELD k", "*0"),
        ],
    );
}

#[test]
fn strings_combine() {
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("MSET a \"\\x0f\\x81\" b \"\\x3c\" n 12", "+OK"),
            ("BITOP AND d a b", ":2"),
            ("BITFIELD d GET u16 0", "*1 :3072"),
            ("OBJECT ENCODING d", "$3 raw"),
            ("BITOP DIFF1 d a b nokey", ":2"),
            ("BITFIELD d GET u16 0", "*1 :12288"),
            ("BITOP ONE a a a b", ":2"),
            ("BITFIELD a GET u16 0", "*1 :12288"),
            ("BITOP OR d n", ":2"),
            ("OBJECT ENCODING d", "$3 raw"),
            ("EXPIRE d 100", ":1"),
            ("BITOP NOT d n", ":2"),
            ("TTL d", ":-1"),
            ("RPUSH l x", ":1"),
            (
                "BITOP XOR d a l",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key."),
            ("BITOP diff d a", "-ERR BITOP DIFF must be called with at least two source keys."),
            ("BITOP NAND d a", "-ERR syntax error"),
            ("BITOP OR d nokey", ":0"),
            ("EXISTS d", ":0"),
            ("BITOP OR l a", ":2"),
            ("TYPE l", "+string"),
        ],
    );
}

/// Events, propagation and figures that Redis 8.2 showed, command after command.
#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-bitmap.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-bitmap.tsv"));
}

#[test]
fn counts_are_those_of_the_reference() {
    TestServer::new().check_counts(include_str!("../../../tests/golden/counts-bitmap.tsv"));
}

/// A string that had grown, though no number was stored, was kept from replicas.
#[test]
fn growth_alone_is_told() {
    let mut t = TestServer::new();
    for command in
        ["BITFIELD k OVERFLOW FAIL SET u8 0 256", "BITFIELD k OVERFLOW FAIL SET u8 8 256"]
    {
        assert_eq!(t.run(command), "*1\r\n$-1\r\n");
        assert_eq!(t.propagated(), [command]);
    }
    t.run("BITFIELD k OVERFLOW FAIL SET u8 0 256");
    assert!(t.propagated().is_empty());
}

#[test]
fn no_bit_takes_more_than_the_limit() {
    let mut conf = Config::default();
    conf.proto.max_bulk_len = 1 << 20;
    let mut t = TestServer::with(conf);
    t.run("PING");
    let before = thread_delta();
    for command in
        ["SETBIT k 8388608 1", "BITFIELD k SET i64 8388608 1", "BITFIELD k SET i64 #131072 1"]
    {
        assert_eq!(t.run(command), "-ERR bit offset is not an integer or out of range\r\n");
    }
    assert_eq!(t.run("EXISTS k"), ":0\r\n");
    assert!(thread_delta() - before < 100_000, "nothing was taken before the error");
    // The last bit that has a place may be the first of a number.
    assert_eq!(t.run("BITFIELD k SET i64 8388607 -1"), "*1\r\n:0\r\n");
    assert_eq!(t.run("STRLEN k"), ":1048584\r\n");
}

#[test]
fn a_write_is_an_access() {
    let mut t = TestServer::new();
    for command in [
        "SETBIT k 1 1",
        "GETBIT k 1",
        "BITFIELD k SET u8 0 1",
        "BITFIELD_RO k GET u8 0",
        "BITOP NOT d k",
    ] {
        t.run("SETBIT k 0 1");
        t.advance(std::time::Duration::from_secs(7));
        t.run(command);
        assert_eq!(t.run("OBJECT IDLETIME k"), ":0\r\n", "{command}");
    }
}
