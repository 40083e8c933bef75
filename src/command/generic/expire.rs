//! Times to live: EXPIRE and its kin, TTL and its kin, PERSIST.
//!
//! A time to live is kept, and told to replicas and the AOF, as an absolute moment in milliseconds.
//! One that lies in the past deletes the key on the spot.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::DEL_EVENT;
use crate::base::clock::UnixMillis;
use crate::command::args::integer;
use crate::keyspace::Event;

/// When the deadline may be set, the same words in all four commands.
const CONDITION: Arg = Arg::one_of(
    "condition",
    &[
        Arg::pure_token("nx", "NX"),
        Arg::pure_token("xx", "XX"),
        Arg::pure_token("gt", "GT"),
        Arg::pure_token("lt", "LT"),
    ],
)
.since("7.0.0")
.optional();

const CONDITION_CAME: &[(&str, &str)] = &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")];

pub static EXPIRE: Command = Command::data("expire", expire)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Lets a key go away after some seconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("seconds"), CONDITION])
    .history(CONDITION_CAME);

fn expire(cx: &mut Cx<'_>) -> CmdResult {
    set_deadline(cx, 1000, true)
}

pub static PEXPIRE: Command = Command::data("pexpire", pexpire)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Lets a key go away after some milliseconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("milliseconds"), CONDITION])
    .history(CONDITION_CAME);

fn pexpire(cx: &mut Cx<'_>) -> CmdResult {
    set_deadline(cx, 1, true)
}

pub static EXPIREAT: Command = Command::data("expireat", expireat)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.2.0")
    .summary("Lets a key go away at a moment given in seconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::unix_time("unix-time-seconds"), CONDITION])
    .history(CONDITION_CAME);

fn expireat(cx: &mut Cx<'_>) -> CmdResult {
    set_deadline(cx, 1000, false)
}

pub static PEXPIREAT: Command = Command::data("pexpireat", pexpireat)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Lets a key go away at a moment given in milliseconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::unix_time("unix-time-milliseconds"), CONDITION])
    .history(CONDITION_CAME);

fn pexpireat(cx: &mut Cx<'_>) -> CmdResult {
    set_deadline(cx, 1, false)
}

/// NX, XX, GT and LT.
#[derive(Clone, Copy, Default)]
pub struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(cx: &Cx<'_>) -> Result<Self, CmdError> {
        let mut found = Conditions::default();
        for word in cx.args.from(3) {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => found.nx = true,
                b"xx" => found.xx = true,
                b"gt" => found.gt = true,
                b"lt" => found.lt = true,
                _ => {
                    // Compat: the word is shown up to a zero byte.
                    let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
                    return Err(CmdError::made([b"ERR Unsupported option ", shown].concat()));
                }
            }
        }
        if found.nx && (found.xx || found.gt || found.lt) {
            return Err(CmdError::EXPIRE_NX);
        }
        if found.gt && found.lt { Err(CmdError::EXPIRE_GT_LT) } else { Ok(found) }
    }

    /// The condition that a word names, if it names one.
    pub fn word(word: &[u8]) -> Option<Self> {
        let none = Conditions::default();
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => Some(Conditions { nx: true, ..none }),
            b"xx" => Some(Conditions { xx: true, ..none }),
            b"gt" => Some(Conditions { gt: true, ..none }),
            b"lt" => Some(Conditions { lt: true, ..none }),
            _ => None,
        }
    }

    /// Whether the deadline as it is lets the new one replace it. No deadline counts as the latest
    /// of all.
    pub fn allow(&self, old: Option<UnixMillis>, new: UnixMillis) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

fn set_deadline(cx: &mut Cx<'_>, unit_ms: i64, is_relative: bool) -> CmdResult {
    let key = cx.args.at(1);
    let conditions = Conditions::parse(cx)?;
    let moment = integer(cx.args.at(2))?.checked_mul(unit_ms);
    let moment = moment.and_then(|ms| ms.checked_add(if is_relative { cx.now.0 } else { 0 }));
    let moment = UnixMillis(moment.ok_or_else(|| CmdError::expire_time(cx.cmd.name))?);
    let old = cx.db.entry_mut(key).map(|entry| entry.view().deadline());
    let allowed = old.is_some_and(|old| conditions.allow(old, moment));
    cx.out.flag(allowed);
    if !allowed {
        return Ok(Done);
    }
    // Compat: a negative moment is kept as 0.
    let moment = UnixMillis(moment.0.max(0));
    if moment <= cx.now && cx.db.expires_by_itself() {
        let lazily = cx.conf.lazyfree.expire;
        cx.db.remove(key, lazily);
        cx.db.changed(key, DEL_EVENT, 1);
        cx.fx.propagate_as(&[if lazily { b"UNLINK" } else { b"DEL" }, key]);
        return Ok(Done);
    }
    cx.db.set_deadline(key, Some(moment));
    cx.db.changed(key, Event::generic("expire"), 1);
    if unit_ms != 1 || is_relative {
        let moment = moment.0.to_string();
        let mut line: Vec<&[u8]> = vec![b"PEXPIREAT", key, moment.as_bytes()];
        line.extend(cx.args.from(3));
        cx.fx.propagate_as(&line);
    }
    Ok(Done)
}

pub static TTL: Command = Command::data("ttl", ttl)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers how many seconds a key has left.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "The answer -2 for a missing key.")]);

fn ttl(cx: &mut Cx<'_>) -> CmdResult {
    remaining(cx, |moment, now| (moment.0.saturating_sub(now.0).max(0).saturating_add(500)) / 1000)
}

pub static PTTL: Command = Command::data("pttl", pttl)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.6.0")
    .summary("Answers how many milliseconds a key has left.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "The answer -2 for a missing key.")]);

fn pttl(cx: &mut Cx<'_>) -> CmdResult {
    remaining(cx, |moment, now| moment.0.saturating_sub(now.0).max(0))
}

pub static EXPIRETIME: Command = Command::data("expiretime", expiretime)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("7.0.0")
    .summary("Answers the moment, in seconds, at which a key goes away.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")]);

fn expiretime(cx: &mut Cx<'_>) -> CmdResult {
    remaining(cx, |moment, _| ((moment.0.max(0) as u64 + 500) / 1000) as i64)
}

pub static PEXPIRETIME: Command = Command::data("pexpiretime", pexpiretime)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("7.0.0")
    .summary("Answers the moment, in milliseconds, at which a key goes away.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")]);

fn pexpiretime(cx: &mut Cx<'_>) -> CmdResult {
    remaining(cx, |moment, _| moment.0)
}

/// -2 without a key, -1 if it stays for good, else what `show` makes of its deadline.
fn remaining(cx: &mut Cx<'_>, show: fn(UnixMillis, UnixMillis) -> i64) -> CmdResult {
    cx.db.no_touch = true;
    let answer = match cx.db.entry(cx.args.at(1)) {
        None => -2,
        Some(entry) => entry.deadline().map_or(-1, |moment| show(moment, cx.now)),
    };
    cx.out.int(answer);
    Ok(Done)
}

pub static PERSIST: Command = Command::data("persist", persist)
    .arity(2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.2.0")
    .summary("Lets a key stay for good.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key")]);

fn persist(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let volatile = cx.db.entry_mut(key).is_some_and(|entry| entry.view().deadline().is_some());
    if volatile {
        cx.db.set_deadline(key, None);
        cx.db.changed(key, Event::generic("persist"), 1);
    }
    cx.out.flag(volatile);
    Ok(Done)
}
