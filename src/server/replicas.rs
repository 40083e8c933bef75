//! What a server without replicas answers to commands about them: ROLE, WAIT, WAITAOF, REPLICAOF,
//! FAILOVER.
//!
//! There is no replication yet, so every answer is that of a primary to which no replica is
//! connected. WAIT for replicas waits as long as it is told to; WAITAOF sees the server's own
//! append-only file. REPLICAOF another server is refused.
//!
//! ```text
//!   WAITAOF 1 0 t ── everything told so far is synced? ──yes──► [1, 0]
//!                          └no──► the client waits; in each turn `waits::answer_met` looks how far the syncs have come
//! ```

use super::{Run, Server};
use crate::base::offset::Offset;
use crate::command::effects::Readers;
use crate::command::wait::For;
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, Outcome, Wait, args};
use crate::command::{category, flag};
use crate::feed::blocks::Backlog;
use crate::persist::aof::State;
use crate::persist::aof::driver as aof;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

pub static FAILOVER: Command = Command::server("failover", &Run(failover))
    .arity(-1)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE)
    .group(Group::Server)
    .since("6.2.0")
    .summary("Hands the role of the primary to a replica.")
    .complexity("O(1)")
    .args(&[
        Arg::block(
            "target",
            &[
                Arg::string("host"),
                Arg::integer("port"),
                Arg::pure_token("force", "FORCE").optional(),
            ],
        )
        .token("TO")
        .optional(),
        Arg::pure_token("abort", "ABORT").optional(),
        Arg::integer("milliseconds").token("TIMEOUT").optional(),
    ]);

/// Reads the words as the reference does; there is nothing to fail over to, and nothing to abort.
fn failover(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let words = call.args();
    if words.len() == 2 && words.is(1, "ABORT") {
        return Err(CmdError::Fixed("ERR No failover in progress."));
    }
    let (mut target, mut timeout, mut force) = (false, false, false);
    let mut at = 1;
    while at < words.len() {
        let left = words.len() - at - 1;
        if words.is(at, "TIMEOUT") && left >= 1 && !timeout {
            if args::integer(words.at(at + 1))? <= 0 {
                return Err(CmdError::Fixed("ERR FAILOVER timeout must be greater than 0"));
            }
            timeout = true;
            at += 2;
        } else if words.is(at, "TO") && left >= 2 && !target {
            args::integer32(words.at(at + 2)).map_err(|_| CmdError::NOT_INTEGER)?;
            target = true;
            at += 3;
        } else if words.is(at, "FORCE") && !force {
            force = true;
            at += 1;
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    Err(CmdError::Fixed("ERR FAILOVER requires connected replicas."))
}

const OF_PRIMARY: &[Arg] = &[Arg::one_of(
    "args",
    &[
        Arg::block("host-port", &[Arg::string("host"), Arg::integer("port")]),
        Arg::block("no-one", &[Arg::pure_token("no", "NO"), Arg::pure_token("one", "ONE")]),
    ],
)];

pub static REPLICAOF: Command = Command::server("replicaof", &Run(replica_of))
    .arity(3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Server)
    .since("5.0.0")
    .summary("Makes the server a replica of another, or a primary again.")
    .complexity("O(1)")
    .args(OF_PRIMARY);

pub static SLAVEOF: Command = Command::server("slaveof", &Run(replica_of))
    .arity(3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Makes the server a replica of another, or a primary again.")
    .complexity("O(1)")
    .deprecated("5.0.0", "`REPLICAOF`")
    .args(OF_PRIMARY);

fn replica_of(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let words = call.args();
    if words.is(1, "NO") && words.is(2, "ONE") {
        // It is a primary already.
        call.out.ok();
        return Ok(Done);
    }
    let port = args::integer(words.at(2)).ok();
    if port.is_none_or(|port| !(0..=65535).contains(&port)) {
        return Err(CmdError::Fixed("ERR Invalid master port"));
    }
    Err(CmdError::Fixed("ERR replication is not supported yet"))
}

pub static ROLE: Command = Command::server("role", &Run(role))
    .arity(1)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::ADMIN | category::DANGEROUS)
    .group(Group::Server)
    .since("2.8.12")
    .summary("Tells the part that the server plays in replication.")
    .complexity("O(1)");

fn role(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.array(3);
    call.out.bulk(b"master");
    call.out.int(srv.unit.told());
    call.out.array(0);
    Ok(Done)
}

pub static WAIT: Command = Command::server("wait", &Run(wait))
    .arity(3)
    .flags(flag::BLOCKING)
    .categories(category::CONNECTION)
    .group(Group::Generic)
    .since("3.0.0")
    .summary("Waits until replicas have what the connection wrote.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[Arg::integer("numreplicas"), Arg::integer("timeout")]);

fn wait(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let words = call.args();
    let count = args::integer(words.at(1))?;
    let until = args::timeout_ms(words.at(2), srv.clock.now())?;
    let offset = offset(srv);
    let has = acknowledged(srv, offset);
    if has >= count || !call.may_wait {
        call.out.int(has);
        return Ok(Done);
    }
    Ok(Outcome::Wait(Wait::new(For::Replicas { offset, count }, until, none)))
}

fn none(out: &mut Reply) {
    out.int(0);
}

/// The end of the replication stream.
fn offset(srv: &Server) -> Offset {
    let told = Offset(srv.unit.told().max(0).unsigned_abs());
    srv.backlog.as_ref().map_or(told, |backlog| backlog.end())
}

/// How many replicas have acknowledged the stream up to a place: none, for there are none.
pub fn acknowledged(_: &Server, _: Offset) -> i64 {
    0
}

pub static WAITAOF: Command = Command::server("waitaof", &Run(wait_aof))
    .arity(4)
    .flags(flag::BLOCKING)
    .categories(category::CONNECTION)
    .group(Group::Generic)
    .since("7.2.0")
    .summary("Waits until append-only files, own and replicas', have what the connection wrote.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[Arg::integer("numlocal"), Arg::integer("numreplicas"), Arg::integer("timeout")]);

fn wait_aof(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (own, count) = wanted(call.args())?;
    let until = args::timeout_ms(call.args().at(3), srv.clock.now())?;
    if own && !srv.conf.aof.enabled {
        return Err(NO_AOF);
    }
    let (is_synced, replicas) = on_disk(srv, None);
    if (is_synced || !own) && replicas >= count || !call.may_wait {
        write_disk(&mut call.out, is_synced, replicas);
        return Ok(Done);
    }
    let what = For::Disk { own, place: None, replicas: count };
    Ok(Outcome::Wait(Wait::new(what, until, not_synced)))
}

pub const NO_AOF: CmdError =
    CmdError::Fixed("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

/// Whether the own file is waited for, and for how many replicas.
fn wanted(words: Args<'_>) -> Result<(bool, i64), CmdError> {
    let own = args::integer(words.at(1))?;
    if !(0..=1).contains(&own) {
        return Err(CmdError::Fixed("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = args::integer(words.at(2))?;
    if replicas < 0 {
        return Err(CmdError::NOT_POSITIVE);
    }
    Ok((own == 1, replicas))
}

fn not_synced(out: &mut Reply) {
    write_disk(out, false, 0);
}

/// The answer of WAITAOF.
pub fn write_disk(out: &mut Reply, own: bool, replicas: i64) {
    out.array(2);
    out.int(i64::from(own));
    out.int(replicas);
}

/// Whether the append-only file is on the disk up to a place, or with all that was told so far, and
/// those of how many replicas.
pub fn on_disk(srv: &Server, place: Option<u64>) -> (bool, i64) {
    let is_written =
        || !srv.unit.has_feed() && srv.aof.appender.as_ref().is_none_or(|a| a.is_empty());
    let is_synced_to = |place| srv.aof.state == State::On && srv.aof.bio.synced_to() >= place;
    let own = match place {
        Some(place) => is_synced_to(place),
        None => is_written() && is_synced_to(srv.aof.written),
    };
    (own, 0)
}

/// Where all ends in the append-only file that was handed to it.
pub fn end_of_file(srv: &Server) -> u64 {
    let buffered = srv.aof.appender.as_ref().map_or(0, |appender| appender.buf.len() as u64);
    srv.aof.written + buffered
}

/// Begins to keep the stream of replicas: when the first one asks for it. Its first effect says
/// which database it is about.
pub fn keep_backlog(srv: &mut Server, start: Offset) {
    aof::flush(srv, aof::Flush::Turn);
    srv.backlog = Some(Box::new(Backlog::new(start, backlog_size(srv))));
    srv.unit.set_readers(Readers { replicas: true, ..srv.unit.readers() });
    srv.unit.select_anew();
}

/// Gives up what of the stream is older than the configuration wants it. A step of the turn.
pub fn trim_backlog(srv: &mut Server) {
    let size = backlog_size(srv);
    if let Some(backlog) = &mut srv.backlog {
        backlog.resize(size);
        backlog.trim(None);
    }
}

fn backlog_size(srv: &Server) -> usize {
    // Compat: less is taken for this much.
    const SIZE_MIN: usize = 16 << 10;
    usize::try_from(srv.conf.repl.backlog_bytes).unwrap_or(usize::MAX).max(SIZE_MIN)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::base::offset::Offset;
    use crate::command::effects::Readers;
    use crate::feed::blocks::Cursor;
    use crate::server::testing::TestServer;

    /// As Redis 8.2 answers without replicas.
    #[test]
    fn a_primary_without_replicas_says_so() {
        let mut t = TestServer::new();
        let cases = [
            ("ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"),
            ("WAIT 0 0", ":0\r\n"),
            ("WAIT -1 0", ":0\r\n"),
            ("WAIT 1 -1", "-ERR timeout is negative\r\n"),
            ("WAIT x 1", "-ERR value is not an integer or out of range\r\n"),
            ("WAIT 0 9223372036854775807", "-ERR timeout is out of range\r\n"),
            ("WAITAOF 0 0 10", "*2\r\n:0\r\n:0\r\n"),
            (
                "WAITAOF 1 0 10",
                "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n",
            ),
            ("WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1\r\n"),
            ("WAITAOF 0 -1 1", "-ERR value is out of range, must be positive\r\n"),
            ("REPLICAOF NO ONE", "+OK\r\n"),
            ("SLAVEOF no one", "+OK\r\n"),
            ("REPLICAOF a 70000", "-ERR Invalid master port\r\n"),
            ("FAILOVER ABORT", "-ERR No failover in progress.\r\n"),
            ("FAILOVER", "-ERR FAILOVER requires connected replicas.\r\n"),
            ("FAILOVER TO a 1 FORCE TIMEOUT 10", "-ERR FAILOVER requires connected replicas.\r\n"),
            ("FAILOVER TO a x", "-ERR value is not an integer or out of range\r\n"),
            ("FAILOVER TIMEOUT 0", "-ERR FAILOVER timeout must be greater than 0\r\n"),
            ("FAILOVER ABORT TIMEOUT 1", "-ERR syntax error\r\n"),
            ("FAILOVER TO a", "-ERR syntax error\r\n"),
        ];
        for (line, answer) in cases {
            assert_eq!(t.run(line), answer, "{line}");
        }
        assert!(t.run("REPLICAOF 127.0.0.1 1").starts_with("-ERR replication is not supported"));
    }

    /// `min-replicas-to-write` once had no effect. Answers of Redis 8.2.
    #[test]
    fn writes_want_replicas_where_the_configuration_does() {
        let mut t = TestServer::new();
        let refused = "-NOREPLICAS Not enough good replicas to write.\r\n";
        t.run("CONFIG SET min-replicas-to-write 1");
        for line in ["SET a b", "FLUSHALL", "EVAL '#!lua\nreturn 1' 0"] {
            assert_eq!(t.run(line), refused, "{line}");
        }
        for line in ["GET a", "PING", "PUBLISH a b", "EVAL 'return 1' 0"] {
            assert!(!t.run(line).starts_with('-'), "{line}");
        }
        assert!(t.run("EVAL 'return redis.call(\"set\", \"a\", 1)' 0").starts_with("-NOREPLICAS"));
        assert_eq!(t.run("EVAL 'return redis.pcall(\"set\", \"a\", 1)' 0"), refused);
        assert_eq!(t.run("MULTI"), "+OK\r\n");
        assert_eq!(t.run("SET a b"), refused);
        assert!(t.run("EXEC").starts_with("-EXECABORT"));
        assert!(t.run("INFO replication").contains("\r\nmin_slaves_good_slaves:0\r\n"));
        t.run("CONFIG SET min-replicas-max-lag 0");
        assert_eq!(t.run("SET a b"), "+OK\r\n");
        t.run("CONFIG SET min-replicas-max-lag 10");
        assert_eq!(t.run("SET a b"), refused);
        t.run("CONFIG SET min-slaves-to-write 0");
        assert_eq!(t.run("SET a b"), "+OK\r\n");
    }

    /// What the backlog got behind a cursor, as words.
    fn stream(t: &TestServer, cursor: &mut Cursor) -> String {
        let backlog = t.srv.backlog.as_ref().expect("there is one");
        let bytes: Vec<_> = cursor.slices(backlog).expect("not lost").collect();
        let bytes = bytes.concat();
        cursor.advance(bytes.len());
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", " ");
        let words = text.split(' ').filter(|word| !word.starts_with(['*', '$']));
        words.collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// The stream of replicas, without an append-only file, turn by turn.
    #[test]
    fn the_backlog_gets_the_stream_of_replicas() {
        let mut t = TestServer::new();
        t.srv.unit.set_readers(Readers { aof: true, replicas: false });
        t.run("SET before 1");
        t.srv.unit.set_readers(Readers::NONE);
        super::keep_backlog(&mut t.srv, Offset(50));
        let mut cursor = Cursor::new(Offset(50));
        assert_eq!(stream(&t, &mut cursor), "");
        for (line, told) in [
            ("SET a 1", "SELECT 0 SET a 1"),
            ("GET a", ""),
            ("PUBLISH c m", "PUBLISH c m"),
            ("MULTI", ""),
            ("INCR a", ""),
            ("SELECT 3", ""),
            ("SET b 1", ""),
            // The database of before the message is not taken for granted.
            ("EXEC", "MULTI SELECT 0 INCR a SELECT 3 SET b 1 EXEC"),
            (
                "EVAL 'redis.set_repl(redis.REPL_AOF) redis.call(\"set\",\"x\",1) \
                 redis.set_repl(redis.REPL_REPLICA) redis.call(\"set\",\"y\",1)' 0",
                "set y 1",
            ),
            // Nor is it after a unit of which one reader has seen nothing.
            ("DEL b", "SELECT 3 DEL b"),
        ] {
            t.run(line);
            assert_eq!(stream(&t, &mut cursor), told, "{line}");
        }
        let end = t.srv.backlog.as_ref().map(|backlog| backlog.end());
        assert_eq!(Some(cursor.at()), end, "offsets count bytes");
    }

    #[test]
    fn the_backlog_is_kept_as_long_as_configured() {
        let mut t = TestServer::new();
        super::keep_backlog(&mut t.srv, Offset(0));
        let cursor = Cursor::new(Offset(0));
        let value = "v".repeat(30_000);
        let held = |t: &TestServer| {
            let backlog = t.srv.backlog.as_ref().expect("there is one");
            (backlog.end().since(backlog.first()), cursor.slices(backlog).is_some())
        };
        for _ in 0..40 {
            t.run(&format!("SET a {value}"));
        }
        let (bytes, is_kept) = held(&t);
        assert!((1 << 20..=1 << 20 | 1 << 16).contains(&bytes) && !is_kept, "{bytes}");
        t.run("CONFIG SET repl-backlog-size 1kb");
        t.run("PING");
        assert!((1 << 14..=1 << 17).contains(&held(&t).0), "{}", held(&t).0);
    }

    #[test]
    fn waiting_for_replicas_ends_with_the_time() {
        let mut t = TestServer::new();
        let other = t.connect();
        assert_eq!(t.run_as(other, "WAIT 1 100"), "");
        t.advance(Duration::from_millis(101));
        assert_eq!(t.receive(other), b":0\r\n");
        assert_eq!(t.run_as(other, "WAITAOF 0 1 0"), "");
        let number = t.srv.clients.get(other).map(|client| client.number);
        t.run(&format!("CLIENT UNBLOCK {}", number.unwrap()));
        assert_eq!(t.receive(other), b"*2\r\n:0\r\n:0\r\n");
        assert_eq!(t.run("MULTI"), "+OK\r\n");
        assert_eq!(t.run("WAIT 1 0"), "+QUEUED\r\n");
        assert_eq!(t.run("EXEC"), "*1\r\n:0\r\n");
        assert_eq!(t.run("EVAL 'return redis.call(\"wait\", 1, 0)' 0"), ":0\r\n");
    }
}
