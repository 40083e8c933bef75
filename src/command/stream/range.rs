//! XLEN, XRANGE and XREVRANGE.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{interval_end, interval_start, reply_entries};
use crate::command::args::integer;
use crate::types::stream::Stream;

pub static XLEN: Command = Command::data("xlen", xlen)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers how many entries a stream has.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn xlen(cx: &mut Cx<'_>) -> CmdResult {
    let length = cx.db.get::<Stream>(cx.args.at(1))?.map_or(0, Stream::length);
    cx.out.uint(length);
    Ok(Done)
}

pub static XRANGE: Command = Command::data("xrange", xrange)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers the entries of a stream within an interval of ids.")
    .complexity("O(N) for N entries returned: O(1) with a constant COUNT.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("start"),
        Arg::string("end"),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .history(&[("6.2.0", "Exclusive intervals.")]);

fn xrange(cx: &mut Cx<'_>) -> CmdResult {
    range(cx, false)
}

pub static XREVRANGE: Command = Command::data("xrevrange", xrevrange)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers the entries of a stream within an interval of ids, last first.")
    .complexity("O(N) for N entries returned: O(1) with a constant COUNT.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("end"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .history(&[("6.2.0", "Exclusive intervals.")]);

fn xrevrange(cx: &mut Cx<'_>) -> CmdResult {
    range(cx, true)
}

fn range(cx: &mut Cx<'_>, backwards: bool) -> CmdResult {
    let args = cx.args;
    let (from, to) = if backwards { (3, 2) } else { (2, 3) };
    let (start, end) = (interval_start(args.at(from))?, interval_end(args.at(to))?);
    let mut max = None;
    for at in (4..args.len()).step_by(2) {
        let count = args.get(at + 1).filter(|_| args.is(at, "COUNT")).ok_or(CmdError::SYNTAX)?;
        max = Some(integer(count)?.max(0) as usize);
    }
    match cx.db.get::<Stream>(args.at(1))? {
        None => cx.out.array(0),
        Some(_) if max == Some(0) => cx.out.null_array(),
        Some(stream) => {
            let entries = stream.entries(start, end, backwards);
            reply_entries(cx.out, entries, max.unwrap_or(usize::MAX), drop);
        }
    }
    Ok(Done)
}
