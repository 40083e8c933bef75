//! SPOP and SRANDMEMBER: random members, with and without taking them out.
//!
//! What SPOP took is told as SREM, or as the deletion of the key when it took all.

use super::super::key_spec::key_flag::{ACCESS, DELETE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{reply, reply_members, rules};
use crate::base::rng::Draws;
use crate::base::text::parse_i64;
use crate::command::args::integer;
use crate::command::effects::Effects;
use crate::ds::listpack::Item;
use crate::keyspace::Event;
use crate::resp::reply::Reply;
use crate::types::set::Set;
use crate::types::{Object, View};

const SPOP_EVENT: Event = Event::set("spop");

/// Members told in one SREM.
const TOLD_MAX: usize = 1024;

pub static SPOP: Command = Command::data("spop", spop)
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Removes random members from a set and answers them.")
    .complexity("O(1) for one member, O(N) for a count of N.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count").since("3.2.0").optional()])
    .tips(&["nondeterministic_output"])
    .history(&[("3.2.0", "The argument `count`.")]);

fn spop(cx: &mut Cx<'_>) -> CmdResult {
    match cx.args.len() {
        2 => pop_one(cx),
        3 => pop_several(cx),
        _ => Err(CmdError::SYNTAX),
    }
}

fn pop_one(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let mut draws = Draws::new(cx.db.keyspace.random());
    let Some(mut set) = cx.db.edit::<Set>(key)? else {
        cx.out.null();
        return Ok(Done);
    };
    let member = set.view().sample(&mut draws).expect("a set has members").to_vec();
    set.remove(&member);
    drop(set);
    cx.out.bulk(&member);
    cx.fx.propagate_as(&[b"SREM", key, &member]);
    cx.db.taken_from(key, SPOP_EVENT, 1);
    Ok(Done)
}

fn pop_several(cx: &mut Cx<'_>) -> CmdResult {
    let (key, rules) = (cx.args.at(1), rules(cx));
    let count = parse_i64(cx.args.at(2)).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(CmdError::NOT_POSITIVE)?;
    let mut draws = Draws::new(cx.db.keyspace.random());
    let Some(mut set) = cx.db.edit::<Set>(key)? else {
        cx.out.set(0);
        return Ok(Done);
    };
    if count >= set.view().len() {
        drop(set);
        return pop_all(cx);
    }
    cx.out.set(count);
    if count == 0 {
        return Ok(Done);
    }
    let mut told = Told::default();
    set.pop_many(count, rules, &mut draws, |member| {
        reply(cx.out, member.into());
        told.members.push(member.to_vec());
        if told.members.len() == TOLD_MAX {
            told.tell(key, cx.fx);
        }
    });
    drop(set);
    told.tell(key, cx.fx);
    cx.db.announce(key, SPOP_EVENT);
    cx.db.touched(key, count as u64);
    Ok(Done)
}

/// Members that were taken out and not yet told.
#[derive(Default)]
struct Told {
    members: Vec<Vec<u8>>,
}

impl Told {
    fn tell(&mut self, key: &[u8], fx: &mut Effects) {
        if !self.members.is_empty() {
            let mut line: Vec<&[u8]> = vec![b"SREM", key];
            line.extend(self.members.iter().map(Vec::as_slice));
            fx.propagate_as(&line);
            self.members.clear();
        }
    }
}

/// Answers all members and removes the key.
fn pop_all(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    // Compat: it counts as a hit, which other ways of SPOP do not.
    let set = cx.db.get::<Set>(key)?;
    let len = set.map_or(0, View::len) as u64;
    reply_members(cx.out, set);
    let lazily = cx.conf.lazyfree.server_del;
    cx.db.remove(key, lazily);
    cx.db.announce(key, SPOP_EVENT);
    cx.db.announce(key, Event::generic("del"));
    cx.db.touched(key, len);
    cx.fx.propagate_as(&[if lazily { b"UNLINK" } else { b"DEL" }, key]);
    Ok(Done)
}

pub static SRANDMEMBER: Command = Command::data("srandmember", srandmember)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers random members of a set.")
    .complexity("O(1) for one member, O(N) for N of them.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("count").since("2.6.0").optional()])
    .tips(&["nondeterministic_output"])
    .history(&[("2.6.0", "The argument `count`.")]);

fn srandmember(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    if cx.args.len() > 3 {
        return Err(CmdError::SYNTAX);
    }
    let count = cx.args.get(2).map(integer).transpose()?;
    if count == Some(i64::MIN) {
        return Err(CmdError::NOT_NEGATABLE);
    }
    let mut draws = Draws::new(cx.db.keyspace.random());
    let reply_max = cx.conf.proto.max_bulk_len;
    let Some(set) = cx.db.get::<Set>(key)? else {
        if count.is_some() {
            cx.out.array(0)
        } else {
            cx.out.null()
        }
        return Ok(Done);
    };
    let Some(count) = count else {
        let member = set.sample(&mut draws).expect("a set has members");
        reply(cx.out, member.into());
        return Ok(Done);
    };
    let magnitude = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        let magnitude = magnitude.min(set.len());
        cx.out.array(magnitude);
        set.sample_distinct(magnitude, &mut draws, |member| reply(cx.out, member.into()));
        return Ok(Done);
    }
    reply_repeated(cx.out, magnitude, reply_max, |visit| {
        set.sample_many(magnitude, &mut draws, visit);
    })
}

/// Answers with `count` elements of which any may come several times, as a function shows them
/// until it is told to stop.
///
/// A few bytes can ask for more than any memory holds, and the data is no bound: hence the limit
/// that is also that of one element.
fn reply_repeated<'s>(
    out: &mut Reply,
    count: usize,
    bytes_max: u64,
    show: impl FnOnce(&mut dyn FnMut(Item<'s>) -> bool),
) -> CmdResult {
    /// Bytes of an empty bulk.
    const BULK_MIN: u64 = 6;
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    if count as u64 > bytes_max as u64 / BULK_MIN {
        return Err(CmdError::REPLY_TOO_LONG);
    }
    let (attempt, before) = (out.attempt(), out.len());
    out.array(count);
    show(&mut |member| {
        reply(out, member.into());
        out.len() - before <= bytes_max
    });
    if out.len() - before > bytes_max {
        out.take_back(attempt);
        return Err(CmdError::REPLY_TOO_LONG);
    }
    Ok(Done)
}
