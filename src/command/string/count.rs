//! String commands that calculate: integers in place, floats in extended precision.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::base::extended::Extended;
use crate::command::args::integer;
use crate::keyspace::{Event, Value};
use crate::types::text::Text;

pub static INCR: Command = Command::data("incr", incr)
    .arity(2)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Adds one to the integer at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key")]);

fn incr(cx: &mut Cx<'_>) -> CmdResult {
    add(cx, 1)
}

pub static DECR: Command = Command::data("decr", decr)
    .arity(2)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Takes one from the integer at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key")]);

fn decr(cx: &mut Cx<'_>) -> CmdResult {
    add(cx, -1)
}

pub static INCRBY: Command = Command::data("incrby", incrby)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Adds to the integer at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("increment")]);

fn incrby(cx: &mut Cx<'_>) -> CmdResult {
    add(cx, integer(cx.args.at(2))?)
}

pub static DECRBY: Command = Command::data("decrby", decrby)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Takes from the integer at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("decrement")]);

fn decrby(cx: &mut Cx<'_>) -> CmdResult {
    let number = integer(cx.args.at(2))?;
    add(cx, number.checked_neg().ok_or(CmdError::DECREMENT_OVERFLOW)?)
}

/// The sum in place, where the integer stands already.
fn add(cx: &mut Cx<'_>, increment: i64) -> CmdResult {
    let key = cx.args.at(1);
    let found = cx.db.entry_mut(key);
    let old = match &found {
        None => 0,
        Some(entry) => {
            let text = entry.view().text().ok_or(CmdError::WRONG_TYPE)?;
            text.integer().ok_or(CmdError::NOT_INTEGER)?
        }
    };
    let sum = old.checked_add(increment).ok_or(CmdError::INCREMENT_OVERFLOW)?;
    if found.is_some_and(|mut entry| entry.overwrite_int(sum)) {
        cx.db.note_sum(old, sum);
    } else {
        cx.db.store_result(key, Value::Int(sum));
    }
    cx.db.changed(key, Event::string("incrby"), 1);
    cx.out.int(sum);
    Ok(Done)
}

pub static INCRBYFLOAT: Command = Command::data("incrbyfloat", incrbyfloat)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.6.0")
    .summary("Adds to the floating-point number at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::double("increment")]);

fn incrbyfloat(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let old = match cx.db.entry_mut(key) {
        None => Extended::from(0),
        Some(entry) => match entry.view().text().ok_or(CmdError::WRONG_TYPE)? {
            Text::Int(number) => Extended::from(number),
            text => Extended::parse(text.bytes(&mut Vec::new())).ok_or(CmdError::NOT_FLOAT)?,
        },
    };
    let increment = Extended::parse(cx.args.at(2)).ok_or(CmdError::NOT_FLOAT)?;
    let sum = old.plus(increment).filter(|sum| sum.is_finite());
    let sum = sum.ok_or(CmdError::FLOAT_OVERFLOW)?;
    let mut text = Vec::new();
    sum.write_human(&mut text);
    cx.db.store_result(key, Value::Bytes(&text));
    cx.db.changed(key, Event::string("incrbyfloat"), 1);
    cx.out.bulk(&text);
    // The sum itself is told, lest another machine adds differently.
    cx.fx.propagate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    Ok(Done)
}
