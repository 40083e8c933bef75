//! List commands that wait until a list has elements. A call that finds some does what its sibling
//! does and is told as that, with the key that it took from; one that waited is run again from the
//! start.

use super::super::key_spec::key_flag::{ACCESS, DELETE, INSERT};
use super::super::{
    Arg, CmdResult, Command, Cx, Done, Group, KeySpec, Outcome, Wait, args, category, flag,
};
use super::pop::{Several, pop_one};
use super::travel::try_move;
use super::{SIDES, end};
use crate::base::clock::UnixMillis;
use crate::keyspace::Type;
use crate::types::list::End;

pub static BLPOP: Command = Command::data("blpop", |cx| pop(cx, End::Front))
    .arity(-3)
    .flags(flag::WRITE | flag::BLOCKING)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.0.0")
    .summary(
        "Takes the first element of the first of several lists that exists, and waits if none does.",
    )
    .complexity("O(N) for N keys given.")
    .keys(&[KeySpec::at(1).range(-2, 1, 0).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key").multiple(), Arg::double("timeout")])
    .history(&[("6.0.0", "The timeout may have a fraction.")]);

pub static BRPOP: Command = Command::data("brpop", |cx| pop(cx, End::Back))
    .arity(-3)
    .flags(flag::WRITE | flag::BLOCKING)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.0.0")
    .summary(
        "Takes the last element of the first of several lists that exists, and waits if none does.",
    )
    .complexity("O(N) for N keys given.")
    .keys(&[KeySpec::at(1).range(-2, 1, 0).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key").multiple(), Arg::double("timeout")])
    .history(&[("6.0.0", "The timeout may have a fraction.")]);

fn pop(cx: &mut Cx<'_>, end: End) -> CmdResult {
    let last = cx.args.len() - 1;
    let until = args::timeout(cx.args.at(last), cx.now)?;
    for key in cx.args.iter().take(last).skip(1) {
        if pop_one(cx, key, end, true)? {
            cx.fx.propagate_as(&[if end == End::Front { b"LPOP" } else { b"RPOP" }, key]);
            return Ok(Done);
        }
    }
    Ok(Outcome::Wait(Wait::for_value(1..last, Type::List, until)))
}

pub static BLMPOP: Command = Command::data("blmpop", blmpop)
    .arity(-5)
    .flags(flag::WRITE | flag::BLOCKING)
    .categories(category::LIST)
    .group(Group::List)
    .since("7.0.0")
    .summary(
        "Takes elements from an end of the first of several lists that exists, and waits if none \
         does.",
    )
    .complexity("O(N+M) for N keys given and M elements taken.")
    .keys(&[KeySpec::at(2).count(0, 1, 1).rw(ACCESS | DELETE)])
    .args(&[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", SIDES),
        Arg::integer("count").token("COUNT").optional(),
    ]);

fn blmpop(cx: &mut Cx<'_>) -> CmdResult {
    let call = Several::parse(cx, 2)?;
    let until = args::timeout(cx.args.at(1), cx.now)?;
    if call.run(cx)? {
        return Ok(Done);
    }
    Ok(Outcome::Wait(Wait::for_value(call.keys, Type::List, until)))
}

pub static BLMOVE: Command = Command::data("blmove", blmove)
    .arity(6)
    .flags(flag::WRITE | flag::DENYOOM | flag::BLOCKING)
    .categories(category::LIST)
    .group(Group::List)
    .since("6.2.0")
    .summary(
        "Takes an element from an end of a list, waiting if there is none, puts it at an end of another, and answers \
         it.",
    )
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).rw(INSERT)])
    .args(&[
        Arg::key("source"),
        Arg::key("destination").spec(1),
        Arg::one_of("wherefrom", SIDES),
        Arg::one_of("whereto", SIDES),
        Arg::double("timeout"),
    ]);

fn blmove(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to) = (end(cx.args.at(3))?, end(cx.args.at(4))?);
    let until = args::timeout(cx.args.at(5), cx.now)?;
    if !try_move(cx, from, to)? {
        return wait_for_source(cx, until);
    }
    let [_, source, target, from, to] = [0, 1, 2, 3, 4].map(|at| cx.args.at(at));
    cx.fx.propagate_as(&[b"LMOVE", source, target, from, to]);
    Ok(Done)
}

pub static BRPOPLPUSH: Command = Command::data("brpoplpush", brpoplpush)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM | flag::BLOCKING)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.2.0")
    .summary(
        "Takes the last element of a list, waiting if there is none, puts it in front of another, and answers it.",
    )
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).rw(INSERT)])
    .args(&[Arg::key("source"), Arg::key("destination").spec(1), Arg::double("timeout")])
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments");

fn brpoplpush(cx: &mut Cx<'_>) -> CmdResult {
    let until = args::timeout(cx.args.at(3), cx.now)?;
    if !try_move(cx, End::Back, End::Front)? {
        return wait_for_source(cx, until);
    }
    cx.fx.propagate_as(&[b"RPOPLPUSH", cx.args.at(1), cx.args.at(2)]);
    Ok(Done)
}

fn wait_for_source(cx: &mut Cx<'_>, until: Option<UnixMillis>) -> CmdResult {
    if cx.may_wait {
        return Ok(Outcome::Wait(Wait::for_value(1..2, Type::List, until)));
    }
    // Compat: where nobody waits the answer is that of LMOVE, not the null array of a wait that has
    // ended.
    cx.out.null();
    Ok(Done)
}
