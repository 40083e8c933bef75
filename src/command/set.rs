//! Set commands: adding, removing, moving, asking, walking.
//!
//! In `set/`: `random` (SPOP, SRANDMEMBER), `algebra` (SINTER, SUNION, SDIFF and what stores their
//! results).

mod algebra;
mod random;
#[cfg(test)]
mod tests;

pub use algebra::{SDIFF, SDIFFSTORE, SINTER, SINTERCARD, SINTERSTORE, SUNION, SUNIONSTORE};
pub use random::{SPOP, SRANDMEMBER};

use super::generic::scan::{self, ScanOptions};
use super::key_spec::key_flag::{ACCESS, DELETE, INSERT};
use super::string::reply;
use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::keyspace::Event;
use crate::resp::reply::Reply;
use crate::types::set::{Rules, Set, SetView};
use crate::types::{Object, View};

const SADD_EVENT: Event = Event::set("sadd");
const SREM_EVENT: Event = Event::set("srem");

/// What decides on the encodings of sets here and now.
fn rules(cx: &Cx<'_>) -> Rules {
    cx.conf.set_rules(cx.db.seed())
}

pub static SADD: Command = Command::data("sadd", sadd)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Adds members to a set, which is made if there is none.")
    .complexity("O(1) for each member, so O(N) for N members.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("member").multiple()])
    .history(&[("2.4.0", "Several members at once.")]);

fn sadd(cx: &mut Cx<'_>) -> CmdResult {
    let (key, rules) = (cx.args.at(1), rules(cx));
    let members = cx.args.from(2);
    let mut set = cx.db.edit_or_create::<Set>(key)?;
    if set.view().is_empty() {
        *set = Set::begin(cx.args.at(2), members.len(), rules);
    } else {
        set.expect(members.len(), rules);
    }
    let added = members.filter(|member| set.add(member, rules)).count() as u64;
    drop(set);
    if added > 0 {
        cx.db.changed(key, SADD_EVENT, added);
    }
    cx.out.uint(added);
    Ok(Done)
}

pub static SREM: Command = Command::data("srem", srem)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Removes members from a set; with the last one its key goes.")
    .complexity("O(N) for N members to be removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("member").multiple()])
    .history(&[("2.4.0", "Several members at once.")]);

fn srem(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let mut removed = 0;
    if let Some(mut set) = cx.db.edit::<Set>(key)? {
        for member in cx.args.from(2) {
            removed += u64::from(set.remove(member));
            if set.view().is_empty() {
                break;
            }
        }
    }
    if removed > 0 {
        cx.db.changed(key, SREM_EVENT, removed);
        cx.db.remove_if_empty(key);
    }
    cx.out.uint(removed);
    Ok(Done)
}

pub static SMOVE: Command = Command::data("smove", smove)
    .arity(4)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Moves a member from one set to another.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).rw(INSERT)])
    .args(&[Arg::key("source"), Arg::key("destination").spec(1), Arg::string("member")]);

fn smove(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to, member) = (cx.args.at(1), cx.args.at(2), cx.args.at(3));
    let is_there = match cx.db.entry_mut(from) {
        None => {
            // Compat: without a source the type of the destination does not matter.
            cx.out.flag(false);
            return Ok(Done);
        }
        Some(entry) => {
            let set = entry.view().of_type::<Set>().ok_or(CmdError::WRONG_TYPE)?;
            set.contains(member)
        }
    };
    if cx.db.entry_mut(to).is_some_and(|entry| entry.view().of_type::<Set>().is_none()) {
        return Err(CmdError::WRONG_TYPE);
    }
    if is_there && from != to {
        let rules = rules(cx);
        if let Some(mut set) = cx.db.edit::<Set>(from)? {
            set.remove(member);
        }
        cx.db.taken_from(from, SREM_EVENT, 1);
        let mut set = cx.db.edit_or_create::<Set>(to)?;
        if set.view().is_empty() {
            *set = Set::begin(member, 1, rules);
        }
        let added = set.add(member, rules);
        drop(set);
        if added {
            cx.db.changed(to, SADD_EVENT, 1);
        }
    }
    cx.out.flag(is_there);
    Ok(Done)
}

pub static SISMEMBER: Command = Command::data("sismember", sismember)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers whether a member is in a set.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key"), Arg::string("member")]);

fn sismember(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Set>(cx.args.at(1))?;
    cx.out.flag(set.is_some_and(|set| set.contains(cx.args.at(2))));
    Ok(Done)
}

pub static SMISMEMBER: Command = Command::data("smismember", smismember)
    .arity(-3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("6.2.0")
    .summary("Answers for each of several members whether it is in a set.")
    .complexity("O(N) for N members asked about.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("member").multiple()]);

fn smismember(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Set>(cx.args.at(1))?;
    let members = cx.args.from(2);
    cx.out.array(members.len());
    match set {
        Some(set) => set.contains_each(members, |is_there| cx.out.flag(is_there)),
        None => members.for_each(|_| cx.out.flag(false)),
    }
    Ok(Done)
}

pub static SCARD: Command = Command::data("scard", scard)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Counts the members of a set.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn scard(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Set>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, |set| set.len() as u64));
    Ok(Done)
}

pub static SMEMBERS: Command = Command::data("smembers", smembers)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers all members of a set.")
    .complexity("O(N) for N members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output_order"]);

fn smembers(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Set>(cx.args.at(1))?;
    reply_members(cx.out, set);
    Ok(Done)
}

/// Answers with all members of a set, if there is one.
fn reply_members(out: &mut Reply, set: Option<SetView<'_>>) {
    out.set(set.map_or(0, View::len));
    let members = set.into_iter().flat_map(SetView::members);
    members.for_each(|member| reply(out, member.into()));
}

pub static SSCAN: Command = Command::data("sscan", sscan)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("2.8.0")
    .summary("Answers some members of a set and the cursor at which to go on.")
    .complexity("O(1) a call, O(N) for all calls together that visit the N elements.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn sscan(cx: &mut Cx<'_>) -> CmdResult {
    let at = scan::cursor(cx.args.at(2))?;
    let Some(set) = cx.db.get::<Set>(cx.args.at(1))? else { return scan::nothing(cx.out) };
    let options = ScanOptions::parse(cx.cmd, cx.args, 3)?;
    let found = options.gather(at, |at, visit| set.scan(at, |member| visit(member, ())));
    found.reply(cx.out, 1, |out, member, ()| reply(out, member.into()))
}
