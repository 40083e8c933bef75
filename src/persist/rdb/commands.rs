//! SAVE, LASTSAVE, DUMP, RESTORE, and what DEBUG does with snapshots.

use std::path::PathBuf;

use super::driver::{self, Terms};
use super::load;
use super::save;
use crate::base::clock::UnixMillis;
use crate::command::args::integer;
use crate::command::generic;
use crate::command::key_spec::key_flag::{ACCESS, UPDATE};
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag,
};
use crate::config::SanitizePayload;
use crate::keyspace::access::{idle_since, lfu};
use crate::keyspace::{Event, Meta, Policy, Type};
use crate::persist::child::Task;
use crate::persist::children::driver as children;
use crate::script::functions::commands as libraries;
use crate::server::{Run, Server, exec};

pub static SAVE: Command = Command::server("save", &Run(save))
    .arity(1)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Writes a snapshot of all data to the disk, and serves nobody meanwhile.")
    .complexity("O(N) for N keys over all databases.");

fn save(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if srv.children.active.as_ref().is_some_and(|child| child.task == Task::Snapshot) {
        return Err(CmdError::Fixed("ERR Background save already in progress"));
    }
    if !driver::save_file(srv) {
        return Err(CmdError::Fixed("ERR"));
    }
    call.out.ok();
    Ok(Done)
}

pub static LASTSAVE: Command = Command::server("lastsave", &Run(lastsave))
    .arity(1)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::ADMIN | category::DANGEROUS)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Answers when the last snapshot was written, in Unix seconds.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

fn lastsave(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.int(srv.rdb.last_save_s);
    Ok(Done)
}

/// DEBUG RELOAD: saves, empties the databases and loads what was saved, or only parts of that.
pub fn reload(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (mut saves, mut flushes, mut terms) = (true, true, Terms::default());
    for word in call.args().from(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => terms.merge = true,
            b"noflush" => flushes = false,
            b"nosave" => saves = false,
            _ => {
                return Err(CmdError::Fixed(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if saves && !driver::save_file(srv) {
        return Err(CmdError::Fixed("ERR"));
    }
    if flushes {
        driver::empty(srv);
        libraries::clear(srv);
    }
    let path = PathBuf::from(&srv.conf.rdb.filename);
    if driver::load_file(srv, &path, terms).is_err() {
        return Err(CmdError::Fixed("ERR Error trying to load the RDB dump, check server logs."));
    }
    srv.log.notice(format_args!("DB reloaded by DEBUG RELOAD"));
    call.out.ok();
    Ok(Done)
}

pub static DUMP: Command = Command::data("dump", dump)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Answers the value at a key as a payload that RESTORE understands.")
    .complexity("O(N*M) for N pieces of M bytes on average; O(1) for a short string.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"]);

fn dump(cx: &mut Cx<'_>) -> CmdResult {
    let (version, compress) = (driver::version(cx.conf), cx.conf.rdb.compression);
    match cx.db.entry(cx.args.at(1)) {
        None => cx.out.null(),
        Some(entry) => match save::payload(entry, version, compress) {
            Ok(payload) => cx.out.bulk(&payload),
            Err(error) => return Err(CmdError::made(format!("ERR {error}"))),
        },
    }
    Ok(Done)
}

const RESTORE_KEYS: &[KeySpec] = &[KeySpec::at(1).ow(UPDATE)];

const RESTORE_ARGS: &[Arg] = &[
    Arg::key("key"),
    Arg::integer("ttl"),
    Arg::string("serialized-value"),
    Arg::pure_token("replace", "REPLACE").optional().since("3.0.0"),
    Arg::pure_token("absttl", "ABSTTL").optional().since("5.0.0"),
    Arg::integer("seconds").token("IDLETIME").optional().since("5.0.0"),
    Arg::integer("frequency").token("FREQ").optional().since("5.0.0"),
];

const RESTORE_HISTORY: &[(&str, &str)] = &[
    ("3.0.0", "The modifier `REPLACE`."),
    ("5.0.0", "The modifier `ABSTTL`."),
    ("5.0.0", "The options `IDLETIME` and `FREQ`."),
];

const RESTORE_COMPLEXITY: &str = "O(1) to create the new key and additional O(N*M) to reconstruct \
    the serialized value, where N is the number of objects composing the value and M their average \
    size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so \
    simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting \
    values into sorted sets is O(log(N)).";

pub static RESTORE: Command = Command::server("restore", &Run(restore))
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Stores the value of a payload that DUMP has answered.")
    .complexity(RESTORE_COMPLEXITY)
    .keys(RESTORE_KEYS)
    .args(RESTORE_ARGS)
    .history(RESTORE_HISTORY);

pub static RESTORE_ASKING: Command = Command::server("restore-asking", &Run(restore))
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM | flag::ASKING)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Server)
    .since("3.0.0")
    .summary("The form of RESTORE that moves keys of a slot between nodes of a cluster.")
    .complexity(RESTORE_COMPLEXITY)
    .keys(RESTORE_KEYS)
    .args(RESTORE_ARGS)
    .history(RESTORE_HISTORY)
    .internal();

/// What RESTORE was asked for beside key, time and value.
#[derive(Default)]
struct Wishes {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

impl Wishes {
    fn parse(cx: &Cx<'_>) -> Result<Wishes, CmdError> {
        let mut wishes = Wishes::default();
        let mut at = 4;
        while at < cx.args.len() {
            let value = cx.args.get(at + 1);
            let is = |name| cx.args.is(at, name);
            match value {
                _ if is("REPLACE") => wishes.replace = true,
                _ if is("ABSTTL") => wishes.absolute = true,
                Some(word) if is("IDLETIME") && wishes.frequency.is_none() => {
                    let seconds = u64::try_from(integer(word)?);
                    wishes.idle_s = Some(seconds.map_err(|_| BAD_IDLETIME)?);
                    at += 1;
                }
                Some(word) if is("FREQ") && wishes.idle_s.is_none() => {
                    let frequency = u8::try_from(integer(word)?);
                    wishes.frequency = Some(frequency.map_err(|_| BAD_FREQUENCY)?);
                    at += 1;
                }
                _ => return Err(CmdError::SYNTAX),
            }
            at += 1;
        }
        Ok(wishes)
    }

    /// The access clock of the new key.
    fn clock(&self, policy: Policy, now: UnixMillis) -> u32 {
        match (policy.is_lfu, self.frequency, self.idle_s) {
            (true, Some(frequency), _) => lfu(now, frequency),
            (false, _, Some(idle_s)) => idle_since(idle_s, now),
            _ => policy.fresh(now),
        }
    }
}

const BAD_IDLETIME: CmdError = CmdError::Fixed("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY: CmdError = CmdError::Fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
const BUSY_KEY: CmdError = CmdError::Fixed("BUSYKEY Target key name already exists.");
const BAD_TTL: CmdError = CmdError::Fixed("ERR Invalid TTL value, must be >= 0");
const BAD_FOOTER: CmdError = CmdError::Fixed("ERR DUMP payload version or checksum are wrong");
const BAD_DATA: CmdError = CmdError::Fixed("ERR Bad data format");

/// FLUSHALL. A snapshot under way is of data that nobody wants any more: it ends, and if there are
/// save points the empty databases are saved at once, so that the old ones do not come back.
pub fn flushall(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let outcome = exec::with_data(srv, call, generic::flushall)?;
    children::kill_snapshot(srv);
    if !srv.conf.rdb.save_points.is_empty() {
        // Whether it succeeds or not, the data are gone; the log says what there is to say.
        driver::save_file(srv);
    }
    Ok(outcome)
}

/// MIGRATE. Its connections outlive the call.
pub fn migrate(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let mut links = std::mem::take(&mut srv.links);
    let now_us = srv.clock.mono_us();
    let done = exec::with_data(srv, call, |cx| generic::migrate(cx, &mut links, now_us));
    srv.links = links;
    done
}

/// A command on data, but what is wrong with a payload is told to the log.
fn restore(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let mut fault = None;
    let done = exec::with_data(srv, call, |cx| restore_key(cx, &mut fault));
    if let Some(fault) = fault {
        let doing = load::Doing::ReadValue.name();
        srv.log.warning(format_args!(
            "Internal error in RDB reading offset 0, function at {doing} -> {fault}"
        ));
    }
    done
}

fn restore_key(cx: &mut Cx<'_>, fault: &mut Option<load::Fault>) -> CmdResult {
    let key = cx.args.at(1);
    let wishes = Wishes::parse(cx)?;
    let exists = cx.db.settle(key);
    if exists && !wishes.replace {
        return Err(BUSY_KEY);
    }
    let ttl = integer(cx.args.at(2))?;
    if ttl < 0 {
        return Err(BAD_TTL);
    }
    // Compat: what goes beyond the end of time has been long ago.
    let at = if wishes.absolute { ttl } else { ttl.wrapping_add(cx.now.0) };
    let deadline = (ttl > 0).then_some(UnixMillis(at));
    let options = driver::payload_options(cx.conf, cx.db.keyspace, cx.now);
    let value = load::check_payload(cx.args.at(3), &options).ok_or(BAD_FOOTER)?;
    let clock = wishes.clock(options.policy, cx.now);
    let meta = Meta { deadline, clock, is_raw: false };
    let entry = match load::restore(key, value, meta, &options) {
        Ok(entry) => entry,
        Err(reason) => {
            *fault = Some(reason);
            return Err(BAD_DATA);
        }
    };
    if cx.conf.rdb.sanitize_dump_payload != SanitizePayload::No
        && entry.view().value_type() != Type::String
    {
        cx.db.keyspace.stats.payloads_sanitized += 1;
    }
    if deadline.is_some_and(|at| at <= cx.now) && cx.db.expires_by_itself() {
        // It is over already: nothing is stored, and what was there goes.
        if exists {
            let lazily = cx.conf.lazyfree.server_del;
            cx.db.remove(key, lazily);
            cx.db.changed(key, Event::generic("del"), 1);
            cx.fx.propagate_as(&[if lazily { b"UNLINK" } else { b"DEL" }, key]);
        }
        cx.out.ok();
        return Ok(Done);
    }
    let replaced = cx.db.put(entry);
    cx.db.changed(key, Event::generic("restore"), 1);
    cx.db.announce_replaced(key, replaced);
    if let Some(deadline) = deadline
        && !wishes.absolute
    {
        let at = deadline.0.to_string();
        let mut line: Vec<&[u8]> = vec![b"RESTORE", key, at.as_bytes()];
        line.extend(cx.args.from(3));
        line.push(b"ABSTTL");
        cx.fx.propagate_as(&line);
    }
    cx.out.ok();
    Ok(Done)
}
