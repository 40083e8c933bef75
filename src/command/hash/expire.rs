//! Deadlines of fields: HEXPIRE and its kin, HTTL and its kin, HPERSIST.
//!
//! Each field has an answer of its own:
//!
//! ```text
//!   -2  there is no such field            1  done
//!   -1  it has no deadline                2  the deadline has passed: the field was removed
//!    0  the condition does not hold
//! ```

use super::super::generic::Conditions;
use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{
    FIELDS, FieldList, HEXPIRE_EVENT, HPERSIST_EVENT, edit, is_hash, is_past, kept, look, moment,
    removed, tell_removed,
};
use crate::base::clock::UnixMillis;
use crate::types::Object;

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
.optional();

const COMPLEXITY: &str = "O(N) where N is the number of specified fields";

const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_NOW: i64 = 0;
const SET: i64 = 1;
const REMOVED: i64 = 2;

pub static HEXPIRE: Command = Command::data("hexpire", hexpire)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Lets fields go away after some seconds.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("seconds"), CONDITION, FIELDS]);

fn hexpire(cx: &mut Cx<'_>) -> CmdResult {
    set_deadlines(cx, 1000, true)
}

pub static HPEXPIRE: Command = Command::data("hpexpire", hpexpire)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Lets fields go away after some milliseconds.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("milliseconds"), CONDITION, FIELDS]);

fn hpexpire(cx: &mut Cx<'_>) -> CmdResult {
    set_deadlines(cx, 1, true)
}

pub static HEXPIREAT: Command = Command::data("hexpireat", hexpireat)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Lets fields go away at a moment given in seconds.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::unix_time("unix-time-seconds"), CONDITION, FIELDS]);

fn hexpireat(cx: &mut Cx<'_>) -> CmdResult {
    set_deadlines(cx, 1000, false)
}

pub static HPEXPIREAT: Command = Command::data("hpexpireat", hpexpireat)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Lets fields go away at a moment given in milliseconds.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::unix_time("unix-time-milliseconds"), CONDITION, FIELDS]);

fn hpexpireat(cx: &mut Cx<'_>) -> CmdResult {
    set_deadlines(cx, 1, false)
}

fn set_deadlines(cx: &mut Cx<'_>, unit_ms: i64, is_relative: bool) -> CmdResult {
    let key = cx.args.at(1);
    is_hash(&mut cx.db, key)?;
    let deadline = moment(cx, cx.args.at(2), unit_ms, is_relative)?;
    let conditions = Conditions::word(cx.args.at(3));
    let at = if conditions.is_some() { 4 } else { 3 };
    let fields = FieldList::parse(cx, at, CmdError::FIELDS_ABOVE_0)?;
    let (conditions, is_past) = (conditions.unwrap_or_default(), is_past(cx, deadline));
    let Some(mut hash) = edit(&mut cx.db, key, fields.iter())? else {
        cx.out.array(fields.len());
        fields.iter().for_each(|_| cx.out.int(NO_FIELD));
        return Ok(Done);
    };
    cx.out.array(fields.len());
    // Compat: the encoding changes even if none of the fields is there.
    hash.make_volatile();
    let mut changed = Vec::new();
    for field in fields.iter() {
        let answer = match hash.view().find(field) {
            None => NO_FIELD,
            Some(found) if !conditions.allow(found.deadline, deadline) => NOT_NOW,
            Some(_) if is_past => REMOVED,
            Some(_) => SET,
        };
        match answer {
            REMOVED => hash.remove(field),
            SET => hash.set_deadline(field, Some(kept(deadline))),
            _ => false,
        };
        if answer > NOT_NOW {
            changed.push(field);
        }
        cx.out.int(answer);
    }
    drop(hash);
    if changed.is_empty() {
        return Ok(Done);
    }
    if is_past {
        removed(cx, key, changed.len() as u64);
        tell_removed(cx, key, changed.into_iter());
        return Ok(Done);
    }
    cx.db.changed(key, HEXPIRE_EVENT, changed.len() as u64);
    if unit_ms != 1 || is_relative || changed.len() < fields.len() {
        tell_deadlines(cx, deadline, at, &changed);
    }
    Ok(Done)
}

/// Tells replicas and the AOF of a deadline that fields have got. The words before `at` are those
/// of the call.
fn tell_deadlines(cx: &mut Cx<'_>, deadline: UnixMillis, at: usize, fields: &[&[u8]]) {
    let (moment, count) = (deadline.0.to_string(), fields.len().to_string());
    let mut line: Vec<&[u8]> = vec![b"HPEXPIREAT", cx.args.at(1), moment.as_bytes()];
    line.extend(cx.args.from(3).take(at + 1 - 3));
    line.push(count.as_bytes());
    line.extend(fields);
    cx.fx.propagate_as(&line);
}

pub static HTTL: Command = Command::data("httl", httl)
    .arity(-5)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Answers how many seconds fields have left.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), FIELDS])
    .tips(&["nondeterministic_output"]);

fn httl(cx: &mut Cx<'_>) -> CmdResult {
    // Compat: a second that has begun counts, other than with TTL.
    deadlines(cx, |moment, now| (moment.0.saturating_sub(now.0).max(0).saturating_add(999)) / 1000)
}

pub static HPTTL: Command = Command::data("hpttl", hpttl)
    .arity(-5)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Answers how many milliseconds fields have left.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), FIELDS])
    .tips(&["nondeterministic_output"]);

fn hpttl(cx: &mut Cx<'_>) -> CmdResult {
    deadlines(cx, |moment, now| moment.0.saturating_sub(now.0).max(0))
}

pub static HEXPIRETIME: Command = Command::data("hexpiretime", hexpiretime)
    .arity(-5)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Answers the moments, in seconds, at which fields go away.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), FIELDS]);

fn hexpiretime(cx: &mut Cx<'_>) -> CmdResult {
    deadlines(cx, |moment, _| moment.0.saturating_add(999) / 1000)
}

pub static HPEXPIRETIME: Command = Command::data("hpexpiretime", hpexpiretime)
    .arity(-5)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Answers the moments, in milliseconds, at which fields go away.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), FIELDS]);

fn hpexpiretime(cx: &mut Cx<'_>) -> CmdResult {
    deadlines(cx, |moment, _| moment.0)
}

/// Answers what `show` makes of the deadline of each field.
fn deadlines(cx: &mut Cx<'_>, show: fn(UnixMillis, UnixMillis) -> i64) -> CmdResult {
    let (now, fields) = (cx.now, FieldList::parse(cx, 2, CmdError::FIELDS_POSITIVE));
    let hash = look(&mut cx.db, cx.args.at(1))?;
    let fields = fields?;
    cx.out.array(fields.len());
    for field in fields.iter() {
        cx.out.int(match hash.and_then(|hash| hash.find(field)) {
            None => NO_FIELD,
            Some(field) => field.deadline.map_or(NO_DEADLINE, |moment| show(moment, now)),
        });
    }
    Ok(Done)
}

pub static HPERSIST: Command = Command::data("hpersist", hpersist)
    .arity(-5)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("7.4.0")
    .summary("Lets fields stay for good.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), FIELDS]);

fn hpersist(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    is_hash(&mut cx.db, key)?;
    let fields = FieldList::parse(cx, 2, CmdError::FIELDS_POSITIVE)?;
    let Some(mut hash) = edit(&mut cx.db, key, fields.iter())? else {
        cx.out.array(fields.len());
        fields.iter().for_each(|_| cx.out.int(NO_FIELD));
        return Ok(Done);
    };
    cx.out.array(fields.len());
    let mut count = 0;
    for field in fields.iter() {
        let answer = match hash.view().find(field) {
            None => NO_FIELD,
            Some(found) => found.deadline.map_or(NO_DEADLINE, |_| SET),
        };
        if answer == SET {
            hash.set_deadline(field, None);
            count += 1;
        }
        cx.out.int(answer);
    }
    drop(hash);
    if count > 0 {
        cx.db.changed(key, HPERSIST_EVENT, count);
    }
    Ok(Done)
}
