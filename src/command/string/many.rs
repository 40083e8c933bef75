//! String commands on several keys: their buckets and entries are fetched ahead, all at once.

use super::super::key_spec::key_flag::{ACCESS, INSERT, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{EXPIRE, SET_EVENT, reply, value_of};
use crate::base::text::parse_i64;
use crate::command::lifetime::{Lifetime, Units};
use crate::keyspace::Ttl;

pub static MGET: Command = Command::data("mget", mget)
    .arity(-2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Answers the strings at several keys.")
    .complexity("O(N) for N keys read.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["request_policy:multi_shard"]);

fn mget(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.array(cx.args.len() - 1);
    let out = &mut *cx.out;
    cx.db.each_entry(cx.args.from(1), |entry| match entry.and_then(|entry| entry.text()) {
        Some(text) => reply(out, text),
        None => out.null(),
    });
    Ok(Done)
}

pub static MSET: Command = Command::data("mset", mset)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.1")
    .summary("Stores strings at several keys.")
    .complexity("O(N) for N keys written.")
    .keys(&[KeySpec::at(1).range(-1, 2, 0).ow(UPDATE)])
    .args(&[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()])
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]);

fn mset(cx: &mut Cx<'_>) -> CmdResult {
    if cx.args.len().is_multiple_of(2) {
        return Err(CmdError::arity("mset"));
    }
    set_pairs(cx, 1, cx.args.len(), Ttl::Clear);
    cx.out.ok();
    Ok(Done)
}

pub static MSETNX: Command = Command::data("msetnx", msetnx)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.1")
    .summary("Stores strings at several keys if none of them exists.")
    .complexity("O(N) for N keys written.")
    .keys(&[KeySpec::at(1).range(-1, 2, 0).ow(INSERT)])
    .args(&[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()]);

fn msetnx(cx: &mut Cx<'_>) -> CmdResult {
    if cx.args.len().is_multiple_of(2) {
        return Err(CmdError::arity("msetnx"));
    }
    let taken = cx.args.from(1).step_by(2).any(|key| cx.db.entry_mut(key).is_some());
    if !taken {
        set_pairs(cx, 1, cx.args.len(), Ttl::Clear);
    }
    cx.out.flag(!taken);
    Ok(Done)
}

/// Stores key after key, up to the argument `end`.
fn set_pairs(cx: &mut Cx<'_>, first: usize, end: usize, ttl: Ttl) {
    cx.db.fetch_ahead(cx.args.from(first).take(end - first).step_by(2));
    for at in (first..end).step_by(2) {
        let key = cx.args.at(at);
        cx.db.set(key, value_of(cx.args, at + 1), ttl);
        cx.db.changed(key, SET_EVENT, 1);
        if matches!(ttl, Ttl::At(_)) {
            cx.db.announce(key, EXPIRE);
        }
    }
}

pub static MSETEX: Command = Command::data("msetex", msetex)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("9.1.0")
    .summary(
        "Stores strings at several keys with one time to live, unless an option forbids \
         it.",
    )
    .complexity("O(N) for N keys written.")
    .keys(&[KeySpec::at(1).count(0, 1, 2).ow(UPDATE)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple(),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::pure_token("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
    ])
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]);

fn msetex(cx: &mut Cx<'_>) -> CmdResult {
    let count = parse_i64(cx.args.at(1)).filter(|n| (1..=i64::from(i32::MAX)).contains(n));
    let count = count.ok_or(CmdError::NUMKEYS)? as usize;
    let end = 2 + count * 2;
    if end > cx.args.len() {
        return Err(CmdError::SYNTAX);
    }
    let (mut nx, mut xx, mut lifetime, mut at) = (false, false, Lifetime::default(), end);
    while at < cx.args.len() {
        if cx.args.is(at, "NX") && !xx {
            nx = true;
        } else if cx.args.is(at, "XX") && !nx {
            xx = true;
        } else {
            at += lifetime.read(cx.args, at, Units::KeepTtl)?;
        }
        at += 1;
    }
    let ttl = lifetime.ttl(cx.now, "msetex")?;
    let mut keys = cx.args.from(2).take(count * 2).step_by(2);
    let refused =
        nx && keys.clone().any(|key| cx.db.settle(key)) || xx && keys.any(|key| !cx.db.settle(key));
    if !refused {
        set_pairs(cx, 2, end, ttl);
        if let (Ttl::At(moment), false) = (ttl, lifetime.is_exact()) {
            let moment = moment.0.to_string();
            let mut line: Vec<&[u8]> = vec![b"MSETEX"];
            line.extend(cx.args.from(1).take(end - 1));
            line.extend([&b"PXAT"[..], moment.as_bytes()]);
            cx.fx.propagate_as(&line);
        }
    }
    cx.out.flag(!refused);
    Ok(Done)
}
