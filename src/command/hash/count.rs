//! Hash commands that calculate: the arithmetic is that of INCRBY and INCRBYFLOAT, the complaints
//! are the hash's own.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{check_lengths, edit_or_create, limits};
use crate::base::extended::Extended;
use crate::base::text::parse_i64;
use crate::command::args::integer;
use crate::ds::listpack::Item;
use crate::keyspace::Event;
use crate::types::hash::FieldTtl;

pub static HINCRBY: Command = Command::data("hincrby", hincrby)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Adds to the integer in a field; a missing one counts as 0.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::string("field"), Arg::integer("increment")]);

fn hincrby(cx: &mut Cx<'_>) -> CmdResult {
    let (key, field) = (cx.args.at(1), cx.args.at(2));
    let increment = integer(cx.args.at(3))?;
    check_lengths(cx)?;
    let (limits, mut sum) = (limits(cx), 0);
    let mut hash = edit_or_create(&mut cx.db, key, [field].into_iter())?;
    hash.update(field, FieldTtl::Keep, limits, |old| {
        let old = match old {
            None => 0,
            Some(Item::Int(number)) => number,
            Some(Item::Bytes(text)) => parse_i64(text).ok_or(CmdError::HASH_NOT_INTEGER)?,
        };
        sum = old.checked_add(increment).ok_or(CmdError::INCREMENT_OVERFLOW)?;
        Ok::<_, CmdError>(Item::Int(sum))
    })?;
    drop(hash);
    cx.db.changed(key, Event::hash("hincrby"), 1);
    cx.out.int(sum);
    Ok(Done)
}

pub static HINCRBYFLOAT: Command = Command::data("hincrbyfloat", hincrbyfloat)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.6.0")
    .summary("Adds to the floating-point number in a field; a missing one counts as 0.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::string("field"), Arg::double("increment")]);

fn hincrbyfloat(cx: &mut Cx<'_>) -> CmdResult {
    let (key, field) = (cx.args.at(1), cx.args.at(2));
    let increment = Extended::parse(cx.args.at(3)).ok_or(CmdError::NOT_FLOAT)?;
    if !increment.is_finite() {
        return Err(CmdError::NOT_FINITE);
    }
    check_lengths(cx)?;
    let (limits, mut text) = (limits(cx), Vec::new());
    let mut hash = edit_or_create(&mut cx.db, key, [field].into_iter())?;
    let sum = &mut text;
    hash.update(field, FieldTtl::Keep, limits, move |old| {
        let old = match old {
            None => Extended::ZERO,
            Some(Item::Int(number)) => Extended::from(number),
            Some(Item::Bytes(text)) => Extended::parse(text).ok_or(CmdError::HASH_NOT_FLOAT)?,
        };
        let total = old.plus(increment).filter(|total| total.is_finite());
        total.ok_or(CmdError::FLOAT_OVERFLOW)?.write_human(sum);
        Ok::<_, CmdError>(Item::Bytes(sum))
    })?;
    drop(hash);
    cx.db.changed(key, Event::hash("hincrbyfloat"), 1);
    cx.out.bulk(&text);
    // The sum itself is told, lest another machine adds differently.
    cx.fx.propagate_as(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, &text]);
    Ok(Done)
}
