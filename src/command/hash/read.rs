//! Hash commands that only look, HRANDFIELD apart.

use super::super::generic::scan::{self, ScanOptions};
use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{look, reply};
use crate::resp::reply::Reply;
use crate::types::View;
use crate::types::hash::{Field, HashView};

pub static HGET: Command = Command::data("hget", hget)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers the value of a field.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("field")]);

fn hget(cx: &mut Cx<'_>) -> CmdResult {
    let found = look(&mut cx.db, cx.args.at(1))?.and_then(|hash| hash.find(cx.args.at(2)));
    match found {
        Some(field) => reply(cx.out, field.value),
        None => cx.out.null(),
    }
    Ok(Done)
}

/// Fields whose memory HMGET asks for at once.
const AHEAD: usize = 16;

pub static HMGET: Command = Command::data("hmget", hmget)
    .arity(-3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers the values of several fields.")
    .complexity("O(N) for N fields asked for.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("field").multiple()]);

fn hmget(cx: &mut Cx<'_>) -> CmdResult {
    let hash = look(&mut cx.db, cx.args.at(1))?;
    let fields = cx.args.from(2);
    let several = fields.len() > 3;
    cx.out.array(fields.len());
    for (at, field) in fields.enumerate() {
        if let (true, 0, Some(hash)) = (several, at % AHEAD, hash) {
            hash.fetch_ahead(cx.args.from(2 + at).take(AHEAD));
        }
        match hash.and_then(|hash| hash.find(field)) {
            Some(field) => reply(cx.out, field.value),
            None => cx.out.null(),
        }
    }
    Ok(Done)
}

pub static HGETALL: Command = Command::data("hgetall", hgetall)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers all fields with their values.")
    .complexity("O(N) for a hash of N fields.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output_order"]);

fn hgetall(cx: &mut Cx<'_>) -> CmdResult {
    all(cx, Reply::map, |out, field| {
        reply(out, field.name);
        reply(out, field.value);
    })
}

pub static HKEYS: Command = Command::data("hkeys", hkeys)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers all fields.")
    .complexity("O(N) for a hash of N fields.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output_order"]);

fn hkeys(cx: &mut Cx<'_>) -> CmdResult {
    all(cx, Reply::array, |out, field| reply(out, field.name))
}

pub static HVALS: Command = Command::data("hvals", hvals)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers all values.")
    .complexity("O(N) for a hash of N fields.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output_order"]);

fn hvals(cx: &mut Cx<'_>) -> CmdResult {
    all(cx, Reply::array, |out, field| reply(out, field.value))
}

/// Answers something of each field.
fn all(
    cx: &mut Cx<'_>,
    head: fn(&mut Reply, usize),
    each: impl Fn(&mut Reply, Field<'_>),
) -> CmdResult {
    match look(&mut cx.db, cx.args.at(1))? {
        None => head(cx.out, 0),
        Some(hash) => {
            head(cx.out, hash.len());
            hash.iter().for_each(|field| each(cx.out, field));
        }
    }
    Ok(Done)
}

pub static HLEN: Command = Command::data("hlen", hlen)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers how many fields there are.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn hlen(cx: &mut Cx<'_>) -> CmdResult {
    let len = look(&mut cx.db, cx.args.at(1))?.map_or(0, HashView::len);
    cx.out.uint(len as u64);
    Ok(Done)
}

pub static HSTRLEN: Command = Command::data("hstrlen", hstrlen)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("3.2.0")
    .summary("Answers the length of a field's value.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key"), Arg::string("field")]);

fn hstrlen(cx: &mut Cx<'_>) -> CmdResult {
    let found = look(&mut cx.db, cx.args.at(1))?.and_then(|hash| hash.find(cx.args.at(2)));
    cx.out.uint(found.map_or(0, |field| field.value.len()) as u64);
    Ok(Done)
}

pub static HEXISTS: Command = Command::data("hexists", hexists)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Answers whether there is a field.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key"), Arg::string("field")]);

fn hexists(cx: &mut Cx<'_>) -> CmdResult {
    let found = look(&mut cx.db, cx.args.at(1))?.and_then(|hash| hash.find(cx.args.at(2)));
    cx.out.flag(found.is_some());
    Ok(Done)
}

pub static HSCAN: Command = Command::data("hscan", hscan)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.8.0")
    .summary("Answers some fields with their values and the cursor at which to go on.")
    .complexity("O(1) a call, O(N) for all calls together that visit the N elements.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::pure_token("novalues", "NOVALUES").optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn hscan(cx: &mut Cx<'_>) -> CmdResult {
    let at = scan::cursor(cx.args.at(2))?;
    let Some(hash) = look(&mut cx.db, cx.args.at(1))? else { return scan::nothing(cx.out) };
    let options = ScanOptions::parse(cx.cmd, cx.args, 3)?;
    let found =
        options.gather(at, |at, visit| hash.scan(at, |field| visit(field.name, field.value)));
    if options.no_values {
        return found.reply(cx.out, 1, |out, name, _| reply(out, name));
    }
    found.reply(cx.out, 2, |out, name, value| {
        reply(out, name);
        reply(out, value);
    })
}
