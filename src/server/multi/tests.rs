//! Transactions on a whole server. What is compared with Redis byte for byte stands in
//! tests/differential/multi.cmds.

use std::time::Duration;

use crate::config::Config;
use crate::server::testing::TestServer;

fn all(t: &mut TestServer, lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| t.run(line)).collect()
}

fn info(t: &mut TestServer, field: &str) -> String {
    let text = t.run("INFO everything");
    let line = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

#[test]
fn what_is_queued_runs_as_one() {
    let mut t = TestServer::new();
    let got = all(&mut t, &["MULTI", "SET a x", "INCR a", "GET a", "EXEC", "EXEC"]);
    let error = "-ERR value is not an integer or out of range\r\n";
    assert_eq!(got[..4], ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "+QUEUED\r\n"]);
    assert_eq!(got[4], format!("*3\r\n+OK\r\n{error}$1\r\nx\r\n"));
    assert_eq!(got[5], "-ERR EXEC without MULTI\r\n");
    assert!(info(&mut t, "cmdstat_exec").starts_with("calls=2,"));
    assert!(info(&mut t, "cmdstat_incr").contains("failed_calls=1"));
    let stats = t.run("CLIENT INFO");
    assert!(stats.ends_with(" tot-cmds=8\n\r\n"), "six and two INFOs: {stats}");
}

#[test]
fn a_transaction_is_told_as_one_and_a_single_effect_alone() {
    let mut t = TestServer::new();
    all(&mut t, &["MULTI", "SET a 1", "GET a", "SELECT 1", "DEL nosuch", "INCR a", "EXEC"]);
    assert_eq!(t.propagated(), ["MULTI", "SET a 1", "INCR a", "EXEC"]);
    all(&mut t, &["MULTI", "GET a", "DEL nosuch", "SET b 1", "EXEC"]);
    assert_eq!(t.propagated(), ["SET b 1"]);
    all(&mut t, &["MULTI", "GET a", "EXEC", "MULTI", "EXEC", "MULTI", "SET a 1", "DISCARD"]);
    assert_eq!(t.propagated(), [""; 0]);
}

#[test]
fn a_refused_call_breaks_the_transaction() {
    let mut t = TestServer::new();
    let abort = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    for bad in ["NOSUCH", "GET", "CLIENT NOSUCH", "SHUTDOWN", "DISCARD x", "MULTI x", "WATCH"] {
        let got = all(&mut t, &["MULTI", "SET a 1", bad, "SET b 1", "EXEC", "EXISTS a b"]);
        assert!(got[2].starts_with("-ERR "), "{bad}: {}", got[2]);
        assert_eq!((&*got[3], &*got[4], &*got[5]), ("+QUEUED\r\n", abort, ":0\r\n"), "{bad}");
    }
    for harmless in ["MULTI", "WATCH k"] {
        let got = all(&mut t, &["MULTI", "SET a 1", harmless, "EXEC"]);
        assert!(got[2].starts_with("-ERR ") && got[3] == "*1\r\n+OK\r\n", "{harmless}");
    }
    let got = all(&mut t, &["MULTI", "EXEC x", "EXEC"]);
    let why = "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n";
    assert_eq!(got[1..], [why, "-ERR EXEC without MULTI\r\n"]);
    assert_eq!(t.run("EXEC x"), why);
}

/// As in Redis 8.2, where tools read the number.
#[test]
fn keys_stay_watched_where_databases_were_emptied_or_exchanged() {
    let mut t = TestServer::new();
    let other = t.connect();
    for (line, left) in [("FLUSHALL", 2), ("FLUSHDB", 2), ("SWAPDB 0 1", 2), ("SET k 2", 0)] {
        t.run_as(other, "MSET k 1 k2 1");
        t.run("WATCH k nothing");
        t.run_as(other, line);
        let info = t.run("CLIENT INFO");
        assert!(info.contains(" flags=d ") && info.contains(&format!(" watch={left} ")), "{info}");
        assert_eq!(
            all(&mut t, &["MULTI", "EXEC", "MULTI", "EXEC"])[1..],
            ["*-1\r\n", "+OK\r\n", "*0\r\n"]
        );
        assert!(t.run("CLIENT INFO").contains(" watch=0 "));
    }
}

#[test]
fn a_touched_key_forbids_exec() {
    let mut t = TestServer::new();
    let other = t.connect();
    assert_eq!(t.run("WATCH k l"), "+OK\r\n");
    assert!(t.run("CLIENT INFO").contains(" watch=2 "));
    assert_eq!(info(&mut t, "total_watched_keys"), "2");
    t.run_as(other, "SET k 1");
    let line = t.run("CLIENT INFO");
    assert!(line.contains(" flags=d ") && line.contains(" watch=0 "), "{line}");
    let got = all(&mut t, &["MULTI", "SET k 2"]);
    assert_eq!(got[1], "+QUEUED\r\n");
    let line = t.run_as(other, "CLIENT LIST ID 1");
    assert!(line.contains(" flags=xd ") && line.contains(" multi=0 "), "nothing is kept: {line}");
    assert_eq!(
        all(&mut t, &["EXEC", "GET k", "MULTI", "EXEC"]).concat(),
        "*-1\r\n$1\r\n1\r\n+OK\r\n*0\r\n"
    );
    for whole in ["DISCARD", "RESET", "EXEC"] {
        all(&mut t, &["WATCH k", "MULTI", whole]);
        t.run_as(other, "SET k 3");
        assert_eq!(all(&mut t, &["MULTI", "EXEC"])[1], "*0\r\n", "{whole} ends the watch");
    }
    all(&mut t, &["WATCH k"]);
    t.run_as(other, "SET k 4");
    assert_eq!(all(&mut t, &["UNWATCH", "MULTI", "EXEC"])[2], "*0\r\n");
}

#[test]
fn expiry_breaks_a_watch_unless_the_key_had_expired_before() {
    let mut t = TestServer::new();
    t.srv.debug.active_expire = false;
    let wait = |t: &mut TestServer| t.advance(Duration::from_millis(100));
    all(&mut t, &["SET k 1 PX 50", "WATCH k"]);
    wait(&mut t);
    assert_eq!(all(&mut t, &["MULTI", "PING", "EXEC"])[2], "*-1\r\n");
    for (between, want) in [
        ("PING", "*0\r\n"),
        ("GET k", "*0\r\n"),
        ("DEL k", "*0\r\n"),
        ("FLUSHALL", "*0\r\n"),
        ("SET k 2", "*-1\r\n"),
    ] {
        t.run("SET k 1 PX 50");
        wait(&mut t);
        let got = all(&mut t, &["WATCH k", between, "MULTI", "EXEC"]);
        assert_eq!(got[3], want, "{between}");
    }
}

#[test]
fn who_leaves_watches_nothing() {
    let mut t = TestServer::new();
    let other = t.connect();
    t.run_as(other, "WATCH k");
    t.run_as(other, "MULTI");
    t.run_as(other, "SET k 1");
    t.send_last(other, b"");
    assert_eq!(t.srv.keyspace.watch.counts(), (0, 0));
    assert_eq!(t.run("EXISTS k"), ":0\r\n");
}

#[test]
fn a_pause_of_writes_holds_back_a_transaction_that_writes() {
    let mut t = TestServer::new();
    let (reader, writer) = (t.connect(), t.connect());
    for (id, line) in [(reader, "GET k"), (writer, "SET k 1")] {
        t.run_as(id, "MULTI");
        t.run_as(id, line);
    }
    t.run("CLIENT PAUSE 100 WRITE");
    assert_eq!(t.run_as(reader, "EXEC"), "*1\r\n$-1\r\n");
    assert_eq!(t.run_as(reader, "EXEC"), "-ERR EXEC without MULTI\r\n");
    assert_eq!(t.run_as(writer, "EXEC"), "");
    t.advance(Duration::from_millis(100));
    assert_eq!(t.receive(writer), b"*1\r\n+OK\r\n");
}

/// Where Redis would leave elements out of the array.
#[test]
fn silence_wished_for_inside_begins_behind_exec() {
    let exec = "*2\r\n+OK\r\n+PONG\r\n";
    let cases = [
        ("CLIENT REPLY OFF", format!("{exec}-")),
        ("CLIENT REPLY SKIP", format!("{exec}$1\r\n2\r\n-")),
        ("CLIENT REPLY ON", format!("{exec}$1\r\n1\r\n$1\r\n2\r\n-")),
    ];
    for (wish, want) in cases {
        let mut t = TestServer::new();
        let id = t.client;
        let lines = format!("MULTI\r\n{wish}\r\nPING\r\nEXEC\r\nPING 1\r\nPING 2\r\n");
        t.send(id, lines.as_bytes());
        let got = String::from_utf8_lossy(&t.receive(id)).into_owned() + "-";
        assert_eq!(got, format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n{want}"), "{wish}");
        t.send(id, b"CLIENT REPLY OFF\r\nMULTI\r\nCLIENT REPLY ON\r\nPING\r\nEXEC\r\nPING 3\r\n");
        assert_eq!(t.receive(id), b"$1\r\n3\r\n", "{wish}");
    }
}

#[test]
fn the_protocol_may_change_on_the_way() {
    let mut t = TestServer::new();
    let got = all(&mut t, &["MULTI", "GET k", "HELLO 3", "GET k", "EXEC", "WATCH k"]);
    assert!(got[4].starts_with("*3\r\n$-1\r\n%7\r\n") && got[4].ends_with("_\r\n"), "{}", got[4]);
    assert_eq!(all(&mut t, &["SET k v", "MULTI", "EXEC"])[2], "_\r\n");
}

#[test]
fn queued_requests_count_against_the_query_limit() {
    let mut conf = Config::default();
    conf.clients.query_buffer_limit = 20_000;
    let mut t = TestServer::with(conf);
    let other = t.connect();
    t.run_as(other, "MULTI");
    let line = format!("SET k {}", "x".repeat(5000));
    for _ in 0..3 {
        assert_eq!(t.run_as(other, &line), "+QUEUED\r\n");
    }
    let text = t.run("CLIENT LIST ID 2");
    assert!(text.contains(" multi=3 ") && text.contains(" multi-mem=15"), "{text}");
    t.run_as(other, &line);
    assert!(t.srv.clients.get(other).is_none());
    assert_eq!(t.srv.stats.query_buffer_closes, 1);
}

#[test]
fn inside_a_transaction_nobody_becomes_a_monitor() {
    let mut t = TestServer::new();
    let got = all(&mut t, &["MULTI", "MONITOR", "CLIENT INFO", "EXEC"]);
    let error = "*2\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n";
    assert!(got[3].starts_with(error) && got[3].contains(" flags=x "), "{}", got[3]);
    assert!(got[3].contains(" multi=2 ") && got[3].contains(" cmd=exec "), "{}", got[3]);
    assert!(t.srv.clients.monitors.is_empty());
    let line = t.run("CLIENT INFO");
    assert!(
        line.contains(" flags=N ") && line.contains(" multi=-1 ") && line.contains("multi-mem=0")
    );
}

/// The reply of each part once stayed in one buffer.
#[test]
fn a_giant_answer_is_made_of_pieces_and_limited() {
    let mut conf = Config::default();
    conf.clients.output_limits[0] =
        crate::config::OutputLimit { hard_bytes: 500_000, soft_bytes: 0, soft_seconds: 0 };
    let mut t = TestServer::with(conf);
    let other = t.connect();
    t.run(&format!("SET big {}", "x".repeat(30_000)));
    t.run_as(other, "MULTI");
    for _ in 0..100 {
        t.run_as(other, "GET big");
    }
    t.run_as(other, "SET done 1");
    assert_eq!(t.run_as(other, "EXEC"), "");
    assert!(t.srv.clients.get(other).is_none());
    assert_eq!((t.run("GET done"), t.srv.stats.output_buffer_closes), ("$1\r\n1\r\n".into(), 1));
}

/// A key whose deadline has passed is as good as absent, whether anybody has removed it or not.
#[test]
fn exchanged_databases_break_watches_of_live_keys_only() {
    let run_out = |t: &mut TestServer| t.advance(Duration::from_millis(20));
    let broken = |t: &mut TestServer| {
        let got = all(t, &["WATCH x", "SWAPDB 0 1", "MULTI", "PING", "EXEC"]);
        got[4] == "*-1\r\n"
    };
    for (here, there, news) in [
        ("", "", false),
        ("", "SET x b PX 1", false),
        ("SET x a PX 1", "", false),
        ("SET x a PX 1", "SET x b PX 1", false),
        ("SET x a PX 1", "SET x b", true),
        ("", "SET x b", true),
        ("SET x a", "", true),
        ("SET x a", "SET x b PX 1", true),
    ] {
        let mut t = TestServer::new();
        t.run("DEBUG SET-ACTIVE-EXPIRE 0");
        for (db, line) in [("1", there), ("0", here)] {
            t.run(&format!("SELECT {db}"));
            if !line.is_empty() {
                t.run(line);
            }
        }
        run_out(&mut t);
        assert_eq!(broken(&mut t), news, "{here:?} and {there:?}");
    }
}

/// Its siblings may be called there.
#[test]
fn inside_a_transaction_nobody_listens_to_a_shard() {
    let mut t = TestServer::new();
    let got = all(&mut t, &["MULTI", "SSUBSCRIBE s", "SUBSCRIBE c", "EXEC"]);
    let error = "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n";
    assert_eq!(got[3], format!("*2\r\n{error}*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"));
}

#[test]
fn a_pause_of_writes_holds_back_scripts_that_have_not_promised_to_write_nothing() {
    let mut t = TestServer::new();
    let reads = r##""#!lua flags=no-writes\nreturn 1""##;
    let writes = r##""#!lua\nreturn 1""##;
    let says_nothing = r#""return 1""#;
    t.run("FUNCTION LOAD \"#!lua name=l\\nredis.register_function('w', function() return 1 end)\"");
    let cases = [
        (format!("EVAL {reads} 0"), true),
        (format!("EVAL_RO {says_nothing} 0"), true),
        (format!("EVAL {writes} 0"), false),
        (format!("EVAL {says_nothing} 0"), false),
        ("FCALL w 0".to_owned(), false),
    ];
    for (line, runs) in cases {
        for in_multi in [false, true] {
            let client = t.connect();
            let (line, want) = if in_multi {
                t.run_as(client, "MULTI");
                t.run_as(client, &line);
                ("EXEC", "*1\r\n:1\r\n")
            } else {
                (&*line, ":1\r\n")
            };
            t.run("CLIENT PAUSE 1000 WRITE");
            assert_eq!(t.run_as(client, line), if runs { want } else { "" }, "{line} {in_multi}");
            t.run("CLIENT UNPAUSE");
            t.settle();
            assert_eq!(t.receive(client), if runs { b"" } else { want.as_bytes() });
        }
    }
}

#[test]
fn monitors_see_how_a_transaction_ends_even_if_exec_is_refused() {
    let mut t = TestServer::new();
    let monitor = t.connect();
    t.run_as(monitor, "MONITOR");
    all(&mut t, &["MULTI", "EXEC x"]);
    let seen = String::from_utf8(t.receive(monitor)).expect("text");
    let seen: Vec<_> = seen.lines().map(|line| line.split("] ").nth(1)).collect();
    assert_eq!(seen, [Some(r#""MULTI""#), Some(r#""EXEC" "x""#)]);
}

#[test]
fn a_stream_that_is_made_for_a_group_breaks_watches() {
    let mut t = TestServer::new();
    let other = t.connect();
    for (group, want) in [("g", "*-1\r\n"), ("h", "*1\r\n+PONG\r\n")] {
        all(&mut t, &["WATCH st", "MULTI", "PING"]);
        t.run_as(other, &format!("XGROUP CREATE st {group} $ MKSTREAM"));
        assert_eq!(t.run("EXEC"), want, "{group}");
    }
}
