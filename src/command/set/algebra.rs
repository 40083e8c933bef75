//! SINTER, SUNION, SDIFF: answered, counted, stored.
//!
//! First every key is looked up as a read, in order, and its type checked; then the sets are looked
//! at all at once. What is to be stored is made completely before the destination, which may be one
//! of the sources, is touched.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{reply, rules};
use crate::base::text::parse_i64;
use crate::ds::listpack::Item;
use crate::keyspace::{Event, Selected, Ttl, Value};
use crate::resp::reply::Reply;
use crate::types::set::{self, Gathering, Rules, Set, SetView};
use crate::types::{Object, View};

const DEL_EVENT: Event = Event::generic("del");

/// Sets up to this number are united by looking members up in those before, more by making a set.
const PROBED_MAX: usize = 8;

/// The sets at several keys; `None` where there is no key.
fn look_up<'s, 'k>(
    db: &'s mut Selected<'_>,
    keys: impl Iterator<Item = &'k [u8]> + Clone,
) -> Result<Vec<Option<SetView<'s>>>, CmdError> {
    db.fetch_ahead(keys.clone());
    for key in keys.clone() {
        db.get::<Set>(key)?;
    }
    Ok(keys.map(|key| db.peek(key).and_then(|entry| entry.of_type::<Set>())).collect())
}

/// Answers with the members that a function shows.
fn reply_set<'s>(out: &mut Reply, show: impl FnOnce(&mut dyn FnMut(Item<'s>))) -> CmdResult {
    let list = out.open();
    let mut count = 0;
    show(&mut |member| {
        reply(out, member.into());
        count += 1;
    });
    out.close_set(list, count);
    Ok(Done)
}

/// Stores a result, answers its size. An empty one is the deletion of the destination.
fn store(cx: &mut Cx<'_>, result: Set, event: Event) -> CmdResult {
    let (key, len) = (cx.args.at(1), result.view().len() as u64);
    if len > 0 {
        cx.db.set(key, Value::Set(Box::new(result)), Ttl::Clear);
        cx.db.changed(key, event, 1);
    } else if cx.db.remove_target(key, cx.conf.lazyfree.server_del) {
        cx.db.changed(key, DEL_EVENT, 1);
    }
    cx.out.uint(len);
    Ok(Done)
}

pub static SINTER: Command = Command::data("sinter", sinter)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers the members that all of several sets have.")
    .complexity("O(N*M) at worst, for M sets the smallest of which has N members.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["nondeterministic_output_order"]);

fn sinter(cx: &mut Cx<'_>) -> CmdResult {
    let sets = look_up(&mut cx.db, cx.args.from(1))?;
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else {
        cx.out.set(0);
        return Ok(Done);
    };
    reply_set(cx.out, |show| {
        set::intersect(&mut sets, |member| {
            show(member);
            true
        });
    })
}

pub static SINTERCARD: Command = Command::data("sintercard", sintercard)
    .arity(-3)
    .flags(flag::READONLY | flag::MOVABLEKEYS)
    .categories(category::SET)
    .group(Group::Set)
    .since("7.0.0")
    .summary("Counts the members that all of several sets have.")
    .complexity("O(N*M) at worst, for M sets the smallest of which has N members.")
    .keys(&[KeySpec::at(1).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ]);

fn sintercard(cx: &mut Cx<'_>) -> CmdResult {
    let keys = parse_i64(cx.args.at(1)).and_then(|count| usize::try_from(count).ok());
    let keys = keys.filter(|count| *count > 0).ok_or(CmdError::NUMKEYS_POSITIVE)?;
    if keys > cx.args.len() - 2 {
        return Err(CmdError::TOO_MANY_KEYS);
    }
    let (mut limit, mut at) = (0, 2 + keys);
    while at < cx.args.len() {
        let value = cx.args.get(at + 1).filter(|_| cx.args.is(at, "LIMIT"));
        let number = parse_i64(value.ok_or(CmdError::SYNTAX)?);
        let number = number.and_then(|number| usize::try_from(number).ok());
        limit = number.ok_or(CmdError::LIMIT_NEGATIVE)?;
        at += 2;
    }
    let sets = look_up(&mut cx.db, cx.args.from(2).take(keys))?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut count = 0;
    match sets.into_iter().collect::<Option<Vec<_>>>().as_deref_mut() {
        None => {}
        Some([only]) => count = only.len().min(limit),
        Some(sets) => set::intersect(sets, |_| {
            count += 1;
            count < limit
        }),
    }
    cx.out.uint(count as u64);
    Ok(Done)
}

pub static SINTERSTORE: Command = Command::data("sinterstore", sinterstore)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Stores the members that all of several sets have.")
    .complexity("O(N*M) at worst, for M sets the smallest of which has N members.")
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("destination"), Arg::key("key").spec(1).multiple()]);

fn sinterstore(cx: &mut Cx<'_>) -> CmdResult {
    let rules = rules(cx);
    let sets = look_up(&mut cx.db, cx.args.from(2))?;
    let result = match sets.into_iter().collect::<Option<Vec<_>>>() {
        None => Set::default(),
        Some(mut sets) => intersection(&mut sets, rules),
    };
    store(cx, result, Event::set("sinterstore"))
}

fn intersection(sets: &mut [SetView<'_>], rules: Rules) -> Set {
    // Compat: out of an intset comes an intset, or a table if that would be too long. Out of
    // anything else comes what the result as a whole fits into.
    let is_from_ints = matches!(sets.iter().min_by_key(|set| set.len()), Some(SetView::Ints(_)));
    if is_from_ints {
        let (mut result, mut buffer) = (Set::default(), Vec::new());
        set::intersect(sets, |member| result.add(member.bytes(&mut buffer), rules));
        return result;
    }
    let mut result = Gathering::new(rules);
    set::intersect(sets, |member| {
        result.push(member);
        true
    });
    result.into_compact_set()
}

pub static SUNION: Command = Command::data("sunion", sunion)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers the members that any of several sets has.")
    .complexity("O(N) for N members of all sets together.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["nondeterministic_output_order"]);

fn sunion(cx: &mut Cx<'_>) -> CmdResult {
    let rules = rules(cx);
    let sets = look_up(&mut cx.db, cx.args.from(1))?;
    let sets: Vec<_> = sets.into_iter().flatten().collect();
    if sets.len() > PROBED_MAX {
        super::reply_members(cx.out, Some(united(&sets, rules).view()));
        return Ok(Done);
    }
    reply_set(cx.out, |show| set::union(&sets, show))
}

pub static SUNIONSTORE: Command = Command::data("sunionstore", sunionstore)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Stores the members that any of several sets has.")
    .complexity("O(N) for N members of all sets together.")
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("destination"), Arg::key("key").spec(1).multiple()]);

fn sunionstore(cx: &mut Cx<'_>) -> CmdResult {
    let rules = rules(cx);
    let sets = look_up(&mut cx.db, cx.args.from(2))?;
    let result = united(&sets.into_iter().flatten().collect::<Vec<_>>(), rules);
    store(cx, result, Event::set("sunionstore"))
}

fn united(sets: &[SetView<'_>], rules: Rules) -> Set {
    let (mut result, mut buffer) = (Set::default(), Vec::new());
    for member in sets.iter().flat_map(|set| set.members()) {
        result.add(member.bytes(&mut buffer), rules);
    }
    result
}

pub static SDIFF: Command = Command::data("sdiff", sdiff)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Answers the members of a set that none of several others has.")
    .complexity("O(N) for N members of all sets together.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["nondeterministic_output_order"]);

fn sdiff(cx: &mut Cx<'_>) -> CmdResult {
    let rules = rules(cx);
    let mut sets = look_up(&mut cx.db, cx.args.from(1))?.into_iter();
    let Some(first) = sets.next().flatten() else {
        cx.out.set(0);
        return Ok(Done);
    };
    let mut others: Vec<_> = sets.flatten().collect();
    if set::prefers_removal(first, &others) {
        let result = set::difference_by_removal(first, &others, rules);
        super::reply_members(cx.out, Some(result.view()));
        return Ok(Done);
    }
    reply_set(cx.out, |show| set::difference(first, &mut others, show))
}

pub static SDIFFSTORE: Command = Command::data("sdiffstore", sdiffstore)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SET)
    .group(Group::Set)
    .since("1.0.0")
    .summary("Stores the members of a set that none of several others has.")
    .complexity("O(N) for N members of all sets together.")
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("destination"), Arg::key("key").spec(1).multiple()]);

fn sdiffstore(cx: &mut Cx<'_>) -> CmdResult {
    let rules = rules(cx);
    let mut sets = look_up(&mut cx.db, cx.args.from(2))?.into_iter();
    let first = sets.next().flatten();
    let mut others: Vec<_> = sets.flatten().collect();
    let result = match first {
        None => Set::default(),
        Some(first) if set::prefers_removal(first, &others) => {
            set::difference_by_removal(first, &others, rules)
        }
        Some(first) => {
            let (mut result, mut buffer) = (Set::default(), Vec::new());
            set::difference(first, &mut others, |member| {
                result.add(member.bytes(&mut buffer), rules);
            });
            result
        }
    };
    store(cx, result, Event::set("sdiffstore"))
}
