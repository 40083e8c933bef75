//! MIGRATE: keys move to another server, one RESTORE each, and are deleted here once it has
//! answered.
//!
//! ```text
//!   [AUTH ...]  SELECT db  RESTORE key ttl payload [REPLACE]  RESTORE ...        all in one go
//!   then the answers, one by one: a key whose RESTORE succeeded goes (unless COPY)
//! ```
//!
//! Compat: everybody waits meanwhile, as with the reference, for `timeout` milliseconds at most for
//! each step on the wire.
//!
//! A connection over which all went as it should is kept for ten seconds ([`Kept`]), for the next
//! call to the same host and port; it knows which database the other server has selected. If such a
//! connection turns out to be dead before anything was answered, the call makes a new one and
//! begins again.

use std::io::{self, Write};
use std::time::Duration;

use super::DEL_EVENT;
use crate::base::line;
use crate::command::args::{integer, is_behind};
use crate::command::key_spec::key_flag::{ACCESS, DELETE, INCOMPLETE};
use crate::command::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Reach, category, flag, getkeys,
};
use crate::net::kept::{Kept, Peer};
use crate::persist::rdb::commands as rdb;
use crate::persist::rdb::driver::version;
use crate::persist::rdb::save;
use crate::server::Run;

pub static MIGRATE: Command = Command::server("migrate", &Run(rdb::migrate))
    .reach(Reach::Outside)
    .secrets(|args, at| is_behind(args, at, ("AUTH", 6), 1) || is_behind(args, at, ("AUTH2", 6), 2))
    .arity(-6)
    .flags(flag::WRITE | flag::MOVABLEKEYS)
    .categories(category::KEYSPACE | category::DANGEROUS)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Moves keys to another server.")
    .complexity("That of DUMP and DEL here and of RESTORE there, and O(N) for N bytes sent.")
    .keys(&[
        KeySpec::at(3).range(0, 1, 0).rw(ACCESS | DELETE),
        KeySpec::after("KEYS", -2).range(-1, 1, 0).rw(ACCESS | DELETE | INCOMPLETE),
    ])
    .find_keys(getkeys::migrate)
    .args(&[
        Arg::string("host"),
        Arg::integer("port"),
        Arg::one_of("key-selector", &[Arg::key("key"), Arg::pure_token("empty-string", "")]),
        Arg::integer("destination-db"),
        Arg::integer("timeout"),
        Arg::pure_token("copy", "COPY").optional().since("3.0.0"),
        Arg::pure_token("replace", "REPLACE").optional().since("3.0.0"),
        Arg::one_of(
            "authentication",
            &[
                Arg::string("auth").token("AUTH").display("password").since("4.0.7"),
                Arg::block("auth2", &[Arg::string("username"), Arg::string("password")])
                    .token("AUTH2")
                    .since("6.0.0"),
            ],
        )
        .optional(),
        Arg::key("keys").spec(1).token("KEYS").display("key").optional().multiple().since("3.0.6"),
    ])
    .tips(&["nondeterministic_output"])
    .history(&[
        ("3.0.0", "The options `COPY` and `REPLACE`."),
        ("3.0.6", "The option `KEYS`."),
        ("4.0.7", "The option `AUTH`."),
        ("6.0.0", "The option `AUTH2`."),
    ]);

const KEYS_BESIDE_KEY: CmdError = CmdError::Fixed(
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
);
const NOT_CONNECTED: CmdError = CmdError::Fixed("IOERR error or timeout connecting to the client");
const NOT_WRITTEN: CmdError = CmdError::Fixed("IOERR error or timeout writing to target instance");
const NOT_READ: CmdError = CmdError::Fixed("IOERR error or timeout reading from target instance");

/// Milliseconds that a step may take unless a call says otherwise.
const TIMEOUT_MS: u64 = 1000;

/// What a call asks for.
struct Plan<'a> {
    copy: bool,
    replace: bool,
    /// The words behind AUTH: a password, or a name and a password.
    auth: Vec<&'a [u8]>,
    keys: Vec<&'a [u8]>,
}

impl<'a> Plan<'a> {
    fn parse(cx: &Cx<'a>) -> Result<Plan<'a>, CmdError> {
        let (args, mut at) = (cx.args, 6);
        let mut plan = Plan { copy: false, replace: false, auth: vec![], keys: vec![args.at(3)] };
        while at < args.len() {
            let left = args.len() - at - 1;
            if args.is(at, "COPY") {
                plan.copy = true;
            } else if args.is(at, "REPLACE") {
                plan.replace = true;
            } else if args.is(at, "AUTH") && left >= 1 {
                plan.auth = vec![args.at(at + 1)];
                at += 1;
            } else if args.is(at, "AUTH2") && left >= 2 {
                plan.auth = vec![args.at(at + 1), args.at(at + 2)];
                at += 2;
            } else if args.is(at, "KEYS") {
                if !args.at(3).is_empty() {
                    return Err(KEYS_BESIDE_KEY);
                }
                plan.keys = args.from(at + 1).collect();
                break;
            } else {
                return Err(CmdError::SYNTAX);
            }
            at += 1;
        }
        Ok(plan)
    }
}

/// Moves keys over a connection of `links`, or a new one.
pub fn migrate(cx: &mut Cx<'_>, links: &mut Kept, now_us: u64) -> CmdResult {
    let plan = Plan::parse(cx)?;
    let timeout = integer(cx.args.at(5))?;
    let db = integer(cx.args.at(4))?;
    let timeout = u64::try_from(timeout).ok().filter(|ms| *ms > 0).unwrap_or(TIMEOUT_MS);
    let timeout = Duration::from_millis(timeout);
    let mut keys = plan.keys.clone();
    keys.retain(|key| cx.db.entry(key).is_some());
    if keys.is_empty() {
        cx.out.simple("NOKEY");
        return Ok(Done);
    }
    let (requests, keys) = requests(cx, &plan, &keys)?;
    let (host, port) = (cx.args.at(1), cx.args.at(2));
    let connect = || Peer::connect(host, port, timeout).map_err(|_| NOT_CONNECTED);
    let kept = links.take(host, port).filter(|peer| peer.limit(timeout).is_ok());
    let is_kept = kept.is_some();
    let mut peer = kept.map_or_else(connect, Ok)?;
    let mut heard = talk(&mut peer, &plan.auth, db, &requests, keys.len());
    if is_kept && heard.is_lost {
        peer = connect()?;
        heard = talk(&mut peer, &plan.auth, db, &requests, keys.len());
    }
    if heard.is_over {
        links.keep(host, port, peer, now_us);
    }
    if !plan.copy {
        let moved: Vec<_> = heard.moved.iter().map(|at| keys[*at]).collect();
        delete(cx, &moved);
    }
    // What has gone is gone: the error comes behind it.
    match heard.failure {
        None => cx.out.ok(),
        Some(error) => cx.out.error(error.text()),
    }
    Ok(Done)
}

/// The requests that store the keys over there, and these keys.
fn requests<'a>(
    cx: &Cx<'_>,
    plan: &Plan<'a>,
    keys: &[&'a [u8]],
) -> Result<(Vec<u8>, Vec<&'a [u8]>), CmdError> {
    let mut out = Vec::new();
    let verb: &[u8] = if cx.conf.cluster.enabled { b"RESTORE-ASKING" } else { b"RESTORE" };
    let mut sent = Vec::new();
    for key in keys {
        let Some(entry) = cx.db.peek(key) else { continue };
        let ttl = entry.deadline().map_or(0, |at| (at.0 - cx.now.0).max(1)).to_string();
        let payload = save::payload(entry, version(cx.conf), cx.conf.rdb.compression)
            .map_err(|error| CmdError::made(format!("ERR {error}")))?;
        let mut words = vec![verb, key, ttl.as_bytes(), &payload];
        if plan.replace {
            words.push(b"REPLACE");
        }
        line::write(&mut out, &words);
        sent.push(*key);
    }
    Ok((out, sent))
}

fn replied(text: &[u8]) -> CmdError {
    let mut reply = b"ERR Target instance replied with error: ".to_vec();
    reply.extend_from_slice(text);
    CmdError::made(reply)
}

/// Deletes what has moved, and tells replicas so.
fn delete(cx: &mut Cx<'_>, moved: &[&[u8]]) {
    for key in moved {
        cx.db.remove(key, false);
        cx.db.changed(key, DEL_EVENT, 1);
    }
    if !moved.is_empty() {
        cx.fx.propagate_as(&[&[&b"DEL"[..]], moved].concat());
    }
}

/// What came of the requests.
#[derive(Debug, Default)]
struct Talk {
    /// Those that were obeyed.
    moved: Vec<usize>,
    /// The first thing that went wrong.
    failure: Option<CmdError>,
    /// All was answered: the connection can be used again.
    is_over: bool,
    /// The connection broke before anything was answered.
    is_lost: bool,
}

impl Talk {
    fn broken(error: &io::Error, failure: CmdError, has_heard: bool) -> Talk {
        let is_slow = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        Talk { failure: Some(failure), is_lost: !is_slow && !has_heard, ..Talk::default() }
    }
}

/// Sends requests, so many, and hears what becomes of them.
fn talk(peer: &mut Peer, auth: &[&[u8]], db: i64, requests: &[u8], count: usize) -> Talk {
    let mut head = Vec::new();
    let is_selected = peer.db == Some(db);
    if !auth.is_empty() {
        line::write(&mut head, &[&[&b"AUTH"[..]], auth].concat());
    }
    if !is_selected {
        line::write(&mut head, &[b"SELECT", db.to_string().as_bytes()]);
    }
    let sent = peer.stream.write_all(&head).and_then(|()| peer.stream.write_all(requests));
    if let Err(error) = sent {
        return Talk::broken(&error, NOT_WRITTEN, false);
    }
    for answered in 0..usize::from(!auth.is_empty()) + usize::from(!is_selected) {
        match peer.answer() {
            Ok(Ok(())) => {}
            Ok(Err(text)) => {
                return Talk { failure: Some(replied(&text)), ..Talk::default() };
            }
            Err(error) => return Talk::broken(&error, NOT_READ, answered > 0),
        }
    }
    peer.db = Some(db);
    hear(peer, count, !head.is_empty())
}

/// Hears the answers to requests, so many.
fn hear(peer: &mut Peer, count: usize, has_heard: bool) -> Talk {
    let (mut moved, mut failure) = (Vec::new(), None);
    for at in 0..count {
        match peer.answer() {
            Ok(Ok(())) => moved.push(at),
            Ok(Err(text)) => {
                failure.get_or_insert(replied(&text));
                // Compat: after a complaint nothing is taken for granted.
                peer.db = None;
            }
            Err(error) => {
                let broken = Talk::broken(&error, NOT_READ, has_heard || at > 0);
                return Talk { moved, failure: failure.or(broken.failure), ..broken };
            }
        }
    }
    // What nobody has asked for would be taken for the answer to something else.
    Talk { moved, failure, is_over: peer.read.is_empty(), is_lost: false }
}
