//! Scripts that are killed after they have written: whatever they did, nothing is left of it.
//!
//! A script in the box kills itself: SCRIPT KILL leaves a note, which is found some thousand steps
//! later.

use proptest::prelude::*;
use std::time::Duration;

use crate::config::{Config, Guard};
use crate::server::testing::TestServer;

/// Keys of every type, with and without deadlines, in several databases.
const DATA: &[&str] = &[
    "SET s value",
    "SET n 41",
    "SET t short EX 1000",
    "SETRANGE long 3000 x",
    "RPUSH l c a b 12",
    "SADD i 1 2 3",
    "SADD m a b 4",
    "ZADD z 1 a 2.5 b -inf c",
    "GEOADD g 13.361389 38.115556 p 15.087269 37.502669 q",
    "HSET h f v g 7",
    "HEXPIRE h 500 FIELDS 1 f",
    "EXPIRE m 2000",
    "PFADD p a b c",
    "XADD x 1-1 f v",
    "XADD x 2-1 g w",
    "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS x >",
    "SELECT 1",
    "SET s other PX 90000",
    "RPUSH only-in-1 a b",
    "SELECT 9",
    "HSET h z z",
    "SELECT 0",
];

const CALLS: &[&str] = &[
    "SET s new",
    "SET s new KEEPTTL",
    "SET fresh 1 EX 10",
    "MSET a 1 b 2 s 3",
    "MSETNX a 1 s 2",
    "SETNX s x",
    "GETDEL t",
    "GETEX t PERSIST",
    "GETEX s EX 10",
    "GETSET n 5",
    "INCR n",
    "INCRBYFLOAT n 1.5",
    "APPEND s more",
    "SETRANGE long 10 y",
    "SETBIT s 7 1",
    "BITOP NOT s s",
    "BITFIELD n SET u8 0 255",
    "DEL s n t h",
    "UNLINK l x long",
    "EXPIRE s 50",
    "PEXPIREAT t 1700000050000",
    "EXPIRE s -1",
    "PERSIST t",
    "PERSIST m",
    "RENAME s t",
    "RENAME l s",
    "RENAMENX h fresh",
    "RENAME nokey s",
    "COPY s c",
    "COPY t c DB 1",
    "COPY h s DB 1 REPLACE",
    "COPY h h DB 9 REPLACE",
    "COPY h h DB 77",
    "MOVE s 1",
    "MOVE h 9",
    "MOVE n 1",
    "MOVE m 5",
    "MOVE x 1",
    "MOVE s 0",
    "SELECT 1",
    "SELECT 9",
    "SELECT 0",
    "SWAPDB 0 1",
    "SWAPDB 1 9",
    "SWAPDB 1 1",
    "SWAPDB 1 77",
    "FLUSHDB",
    "FLUSHDB ASYNC",
    "FLUSHDB NOW",
    "FLUSHALL",
    "FLUSHALL SYNC",
    "LPUSH l z",
    "RPOP l",
    "LPOP l 10",
    "LSET l 0 y",
    "LREM l 0 a",
    "LTRIM l 1 2",
    "LINSERT l BEFORE a z",
    "LMOVE l l2 LEFT RIGHT",
    "RPOPLPUSH l l",
    "LMPOP 2 none l LEFT COUNT 2",
    "BLMOVE l l2 LEFT LEFT 0",
    "BLPOP l none 0",
    "SORT l ALPHA STORE sorted",
    "SORT l BY nosort GET # STORE s",
    "SORT i",
    "SADD i 4",
    "SADD i x",
    "SREM m a b 4",
    "SPOP i",
    "SPOP m 2",
    "SMOVE m i a",
    "SINTERSTORE i i m",
    "SUNIONSTORE u i m",
    "SDIFFSTORE s none",
    "ZADD z 9 a 9 new",
    "ZINCRBY z 5 c",
    "ZREM z a b c",
    "ZPOPMIN z 2",
    "ZMPOP 1 z MAX",
    "BZPOPMAX z 0",
    "ZREMRANGEBYSCORE z -inf +inf",
    "ZRANGESTORE z2 z 0 -1",
    "ZUNIONSTORE z 2 z i WEIGHTS 2 3",
    "ZDIFFSTORE s 1 z",
    "GEOADD g 1 1 p",
    "GEOSEARCHSTORE near g FROMMEMBER p BYRADIUS 500 km",
    "GEORADIUS g 15 37 500 km STORE s",
    "HSET h f w new 1",
    "HDEL h f g",
    "HINCRBY h g 3",
    "HSETNX h f x",
    "HEXPIRE h 5 FIELDS 1 g",
    "HPERSIST h FIELDS 1 f",
    "HGETEX h PX 77 FIELDS 1 f",
    "HGETDEL h FIELDS 2 f g",
    "HSETEX h EX 9 FIELDS 1 g 1",
    "HPEXPIRE h 0 FIELDS 2 f g",
    "PFADD p d e f",
    "PFMERGE p2 p",
    "PFCOUNT p",
    "XADD x * a b",
    "XADD x MAXLEN 1 * a b",
    "XDEL x 1-1",
    "XTRIM x MAXLEN 0",
    "XSETID x 9-9",
    "XGROUP CREATE x g2 $ MKSTREAM",
    "XGROUP DESTROY x g",
    "XGROUP CREATECONSUMER x g d",
    "XREADGROUP GROUP g d STREAMS x >",
    "XACK x g 1-1",
    "XCLAIM x g d 0 1-1",
    "XAUTOCLAIM x g d 0 0",
    "XACKDEL x g IDS 1 1-1",
    "RESTORE r 0 \\0",
    "PUBLISH c m",
    "GET s",
    "TYPE x",
];

fn server() -> TestServer {
    let mut conf = Config::default();
    conf.script.undo = true;
    conf.rdb.save_points.clear();
    conf.security.enable_debug_command = Guard::Yes;
    let mut t = TestServer::with(conf);
    for line in DATA {
        assert!(!t.run(line).starts_with('-'), "{line}");
    }
    t.run("DEBUG SET-DISABLE-DENY-SCRIPTS 1");
    t.run("DEBUG SET-ACTIVE-EXPIRE 0");
    t
}

/// What can be told from outside of the data.
fn whole(t: &mut TestServer) -> String {
    let mut lines = vec![t.run("DEBUG DIGEST"), t.run("INFO keyspace")];
    for db in 0..16 {
        let keyspace = &t.srv.keyspace;
        let db = keyspace.db(crate::keyspace::DbIndex(db));
        let mut keys: Vec<_> = db.keys.iter().collect();
        keys.sort_by_key(|entry| entry.key());
        for entry in &keys {
            let key = String::from_utf8_lossy(entry.key());
            let facts = (entry.deadline(), entry.part_deadline(), entry.kind());
            lines.push(format!("{key}: {facts:?}"));
        }
        lines.push(format!("{} {}", db.expiry.len(), db.parts.len()));
    }
    for line in ["XINFO STREAM x FULL", "HPEXPIRETIME h FIELDS 2 f g", "OBJECT FREQ s"] {
        lines.push(t.run(line));
    }
    lines.join("\n")
}

/// Runs a script of these calls, which is killed at its end. Returns its answer.
fn run_and_kill(t: &mut TestServer, calls: &[&str]) -> String {
    let body = "for _, line in ipairs(ARGV) do local words = {} \
                for word in line:gmatch('%S+') do words[#words + 1] = word end \
                redis.pcall(unpack(words)) end \
                local answer = redis.pcall('script', 'kill') if answer.err then return answer end while true do end";
    let mut words: Vec<&[u8]> = vec![b"EVAL", body.as_bytes(), b"0"];
    words.extend(calls.iter().map(|call| call.as_bytes()));
    let mut request = vec![];
    crate::base::line::write(&mut request, &words);
    t.send(t.client, &request);
    String::from_utf8_lossy(&t.receive(t.client)).into_owned()
}

fn check(t: &mut TestServer, calls: &[&str]) {
    let before = whole(t);
    t.propagated();
    let answer = run_and_kill(t, calls);
    assert!(answer.contains("Script killed by user"), "{calls:?}: {answer}");
    assert_eq!(whole(t), before, "{calls:?}");
    let messages = calls.iter().filter(|call| call.starts_with("PUBLISH")).count();
    let mut told = t.propagated();
    told.retain(|line| !matches!(line.as_str(), "MULTI" | "EXEC"));
    assert_eq!(told, vec!["PUBLISH c m"; messages], "{calls:?}");
    assert_eq!(t.srv.keyspace.flushed(), 0, "{calls:?}");
}

#[test]
fn every_call_alone_is_taken_back() {
    let mut t = server();
    for call in CALLS {
        check(&mut t, &[call]);
        check(&mut t, &["SELECT 1", call, "SELECT 0", call, "SET s again"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_calls_are_taken_back(picks in prop::collection::vec(prop::sample::select(CALLS), 1..30)) {
        check(&mut server(), &picks);
    }
}

/// The other half: what was not killed stays, and flushed databases are not kept any longer.
#[test]
fn a_script_that_ends_by_itself_has_written() {
    let mut t = server();
    t.propagated();
    t.run("EVAL \"redis.call('flushdb') redis.call('move', 's', 1) return redis.call('set', 'k', 'v')\" 0");
    assert_eq!((t.run("DBSIZE"), t.srv.keyspace.flushed()), (":1\r\n".to_owned(), 0));
    assert_eq!(t.propagated(), ["MULTI", "flushdb", "set k v", "EXEC"]);
    t.run("EVAL \"redis.call('flushall') error('x')\" 0");
    assert_eq!((t.run("DBSIZE"), t.srv.keyspace.flushed()), (":0\r\n".to_owned(), 0));
}

/// A key that expired is no work of the script: it stays away, and others are told.
#[test]
fn what_has_expired_does_not_come_back() {
    let mut t = server();
    t.run("SET old 1 PX 10");
    t.run("SET seen 1 PX 10");
    t.advance(Duration::from_millis(50));
    t.propagated();
    let answer = run_and_kill(&mut t, &["SET s 1", "INCR old", "GET seen", "SET n 2"]);
    assert!(answer.contains("Script killed by user"), "{answer}");
    assert_eq!(t.propagated(), ["MULTI", "DEL old", "DEL seen", "EXEC"]);
    assert_eq!(t.run("EXISTS old seen"), ":0\r\n");
    assert_eq!((t.run("GET s"), t.run("GET n")), ("$5\r\nvalue\r\n".into(), "$2\r\n41\r\n".into()));
}

/// Looking at keys in order to note them is no access.
#[test]
fn the_log_counts_no_hits_and_misses() {
    let figures = |undo: &str| {
        let mut t = server();
        t.run(&format!("CONFIG SET script-undo {undo}"));
        t.run("CONFIG RESETSTAT");
        t.run("EVAL \"redis.call('set', 'none', 1) redis.call('incr', 'n') redis.call('del', 's', 'no')\" 0");
        (t.srv.keyspace.stats.hits, t.srv.keyspace.stats.misses, t.srv.keyspace.dirty)
    };
    assert_eq!(figures("yes"), figures("no"));
}

#[test]
fn what_reaches_outside_of_the_data_cannot_be_killed() {
    let mut t = server();
    t.run("CONFIG SET save '3600 1'");
    for calls in [&["FLUSHALL"][..], &["MIGRATE nowhere 1 s 0 10"]] {
        let answer = run_and_kill(&mut t, calls);
        assert!(answer.starts_with("-UNKILLABLE"), "{calls:?}: {answer}");
    }
    t.run("CONFIG SET script-undo no");
    assert!(run_and_kill(&mut t, &["SET s 1"]).starts_with("-UNKILLABLE"));
}

/// Whoever caches or watches keys that are taken back is told, and nobody waits for what is not
/// there.
#[test]
fn others_see_the_data_as_they_are() {
    let mut t = server();
    let (watcher, waiter, cache) = (t.connect(), t.connect(), t.connect());
    t.run_as(watcher, "WATCH untouched");
    t.run_as(waiter, "BLPOP made 0");
    t.run_as(cache, "HELLO 3");
    t.run_as(cache, "CLIENT TRACKING ON");
    assert!(t.run_as(cache, "GET s").contains("value"));
    let answer = run_and_kill(&mut t, &["RPUSH made x", "SET s new", "FLUSHDB", "SET s newer"]);
    assert!(answer.contains("Script killed by user"), "{answer}");
    assert!(String::from_utf8_lossy(&t.receive(cache)).contains("invalidate"));
    assert!(t.run_as(cache, "GET s").contains("value"));
    assert_eq!(t.receive(waiter), b"", "it still waits");
    t.run_as(watcher, "MULTI");
    t.run_as(watcher, "PING");
    assert_eq!(t.run_as(watcher, "EXEC"), "*1\r\n+PONG\r\n");
    t.run("RPUSH made y");
    assert_eq!(t.receive(waiter), b"*2\r\n$4\r\nmade\r\n$1\r\ny\r\n");
}
