//! Changing lists in the middle.

use super::super::args::integer;
use super::super::key_spec::key_flag::{DELETE, INSERT, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::look::position;
use super::{piece, range};
use crate::keyspace::Event;
use crate::types::list::{End, List, Side};

pub static LSET: Command = Command::data("lset", lset)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Puts another element in the place of the one at an index of a list.")
    .complexity("O(N) for a list of N elements; O(1) for the first and the last one.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("index"), Arg::string("element")]);

fn lset(cx: &mut Cx<'_>) -> CmdResult {
    let (key, limits) = (cx.args.at(1), cx.conf.list_rules());
    let mut list = cx.db.edit::<List>(key)?.ok_or(CmdError::NO_SUCH_KEY)?;
    let index = integer(cx.args.at(2))?;
    // Compat: room is made for one element more, even if there is no such index.
    list.grow_for(1, cx.args.at(3).len(), limits);
    // Compat: Redis takes an index modulo 2^32 here, and writes to another element.
    let index = position(index, list.len()).ok_or(CmdError::INDEX)?;
    list.replace(index, piece(cx.args, 3), limits);
    list.shrink(limits);
    drop(list);
    cx.db.changed(key, Event::list("lset"), 1);
    cx.out.ok();
    Ok(Done)
}

pub static LINSERT: Command = Command::data("linsert", linsert)
    .arity(5)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.2.0")
    .summary("Puts an element before or after another one of a list.")
    .complexity("O(N) for N elements up to the other one: O(1) near the front, O(N) near the end.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[
        Arg::key("key"),
        Arg::one_of(
            "where",
            &[Arg::pure_token("before", "BEFORE"), Arg::pure_token("after", "AFTER")],
        ),
        Arg::string("pivot"),
        Arg::string("element"),
    ]);

fn linsert(cx: &mut Cx<'_>) -> CmdResult {
    let side = match () {
        () if cx.args.is(2, "BEFORE") => Side::Before,
        () if cx.args.is(2, "AFTER") => Side::After,
        () => return Err(CmdError::SYNTAX),
    };
    let (key, limits) = (cx.args.at(1), cx.conf.list_rules());
    let Some(mut list) = cx.db.edit::<List>(key)? else {
        cx.out.int(0);
        return Ok(Done);
    };
    // Compat: room is made even if the pivot turns out to be missing.
    list.grow_for(1, cx.args.at(4).len(), limits);
    let found = list.insert_beside(cx.args.at(3), side, piece(cx.args, 4), limits);
    let len = list.len();
    drop(list);
    if found {
        cx.db.changed(key, Event::list("linsert"), 1);
        cx.out.uint(len as u64);
    } else {
        cx.out.int(-1);
    }
    Ok(Done)
}

pub static LREM: Command = Command::data("lrem", lrem)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Removes elements that are equal to a given one from a list.")
    .complexity("O(N+M) for a list of N elements of which M are removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count"), Arg::string("element")]);

fn lrem(cx: &mut Cx<'_>) -> CmdResult {
    let (key, count) = (cx.args.at(1), integer(cx.args.at(2))?);
    if count == i64::MIN {
        return Err(CmdError::NOT_NEGATABLE);
    }
    let Some(mut list) = cx.db.edit::<List>(key)? else {
        cx.out.int(0);
        return Ok(Done);
    };
    let from = if count < 0 { End::Back } else { End::Front };
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = list.remove_matches(cx.args.at(3), from, max);
    if removed > 0 {
        list.shrink(cx.conf.list_rules());
    }
    drop(list);
    if removed > 0 {
        cx.db.taken_from(key, Event::list("lrem"), removed as u64);
    }
    cx.out.uint(removed as u64);
    Ok(Done)
}

pub static LTRIM: Command = Command::data("ltrim", ltrim)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Removes all elements of a list but those between two indexes.")
    .complexity("O(N) for N elements removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")]);

fn ltrim(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let (start, stop) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let Some(mut list) = cx.db.edit::<List>(key)? else {
        cx.out.ok();
        return Ok(Done);
    };
    let len = list.len();
    let (first, kept) = range(start, stop, len).unwrap_or((0, 0));
    list.remove(first + kept, usize::MAX);
    list.remove(0, first);
    list.shrink(cx.conf.list_rules());
    drop(list);
    // Compat: it is told even if nothing was removed.
    cx.db.taken_from(key, Event::list("ltrim"), (len - kept) as u64);
    cx.out.ok();
    Ok(Done)
}
