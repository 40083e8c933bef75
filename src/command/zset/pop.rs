//! Taking the first or last members: ZPOPMIN, ZPOPMAX, ZMPOP, and BZPOPMIN, BZPOPMAX, BZMPOP, which
//! wait for some.
//!
//! What takes from one of several keys is told to replicas and the AOF as ZPOPMIN or ZPOPMAX of
//! that key.

use super::super::key_spec::key_flag::{ACCESS, DELETE};
use super::super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Outcome, Wait, category, flag,
};
use super::{reply_pairs, reply_scored};
use crate::base::text::parse_i64;
use crate::command::{args, string};
use crate::keyspace::Event;
use crate::keyspace::entry::Type;
use crate::resp::reply::Reply;
use crate::types::zset::{Pairs, Zset};
use crate::types::{Object, View};

/// The end that members are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> Event {
        Event::zset(if self == End::Min { "zpopmin" } else { "zpopmax" })
    }

    /// The command that takes from one key.
    fn verb(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

/// Takes up to so many members from a set, shows them to `write`, and returns how many they were;
/// none if there is no such key.
fn pop(
    cx: &mut Cx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    write: impl FnOnce(&mut Reply, Pairs<'_>),
) -> Result<Option<usize>, CmdError> {
    let Some(mut set) = cx.db.edit::<Zset>(key)? else { return Ok(None) };
    let len = set.view().len();
    let count = count.min(len);
    let ranks = if end == End::Min { 0..count } else { len - count..len };
    write(cx.out, set.view().range(ranks.clone(), end == End::Max));
    set.remove_ranks(ranks);
    drop(set);
    if count > 0 {
        cx.db.taken_from(key, end.event(), count as u64);
    }
    Ok(Some(count))
}

pub static ZPOPMIN: Command = Command::data("zpopmin", zpopmin)
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("5.0.0")
    .summary("Removes the members with the lowest scores and answers them.")
    .complexity("O(M*log(N)) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count").optional()]);

fn zpopmin(cx: &mut Cx<'_>) -> CmdResult {
    pop_one_key(cx, End::Min)
}

pub static ZPOPMAX: Command = Command::data("zpopmax", zpopmax)
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("5.0.0")
    .summary("Removes the members with the highest scores and answers them.")
    .complexity("O(M*log(N)) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count").optional()]);

fn zpopmax(cx: &mut Cx<'_>) -> CmdResult {
    pop_one_key(cx, End::Max)
}

fn pop_one_key(cx: &mut Cx<'_>, end: End) -> CmdResult {
    let key = cx.args.at(1);
    let popped = match cx.args.len() {
        // Compat: without a count even RESP3 clients get member and score by turns.
        2 => pop(cx, key, end, 1, |out, pairs| {
            out.array(2 * pairs.len());
            reply_by_turns(out, pairs);
        })?,
        3 => {
            let count = args::integer_or(cx.args.at(2), CmdError::NOT_POSITIVE)?;
            let count = usize::try_from(count).map_err(|_| CmdError::NOT_POSITIVE)?;
            pop(cx, key, end, count, reply_scored)?
        }
        _ => return Err(CmdError::SYNTAX),
    };
    if popped.is_none() {
        cx.out.array(0);
    }
    Ok(Done)
}

fn reply_by_turns(out: &mut Reply, pairs: Pairs<'_>) {
    for (member, score) in pairs {
        string::reply(out, member.into());
        out.double(score);
    }
}

/// A number over 0, with one complaint for whatever is wrong with it.
fn positive(word: &[u8], error: CmdError) -> Result<usize, CmdError> {
    let number = parse_i64(word).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(error)
}

/// What ZMPOP and BZMPOP ask for, from the number of keys on.
struct Query {
    /// Words that are keys.
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

impl Query {
    fn parse(cx: &Cx<'_>, at: usize) -> Result<Self, CmdError> {
        let args = cx.args;
        let numkeys = positive(args.at(at), CmdError::NUMKEYS_POSITIVE)?;
        let first = at + 1;
        let end = first.checked_add(numkeys);
        let place = end.filter(|end| *end < args.len()).ok_or(CmdError::SYNTAX)?;
        let end = match () {
            () if args.is(place, "MIN") => End::Min,
            () if args.is(place, "MAX") => End::Max,
            () => return Err(CmdError::SYNTAX),
        };
        let count = match args.len() - place {
            1 => 1,
            3 if args.is(place + 1, "COUNT") => {
                positive(args.at(place + 2), CmdError::COUNT_POSITIVE)?
            }
            _ => return Err(CmdError::SYNTAX),
        };
        Ok(Query { keys: first..place, end, count })
    }

    /// Takes from the first key that has members. False: none has.
    fn run(&self, cx: &mut Cx<'_>) -> Result<bool, CmdError> {
        for at in self.keys.clone() {
            let key = cx.args.at(at);
            let popped = pop(cx, key, self.end, self.count, |out, pairs| {
                out.array(2);
                out.bulk(key);
                reply_pairs(out, pairs);
            })?;
            if let Some(count) = popped {
                cx.fx.propagate_as(&[self.end.verb(), key, count.to_string().as_bytes()]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub static ZMPOP: Command = Command::data("zmpop", zmpop)
    .arity(-4)
    .flags(flag::WRITE)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("7.0.0")
    .summary(
        "Removes the members with the lowest or highest scores from the first of several \
         sorted sets that exists.",
    )
    .complexity(
        "O(K)+O(M*log(N)) with K being the number of keys, N of members and M of those \
         removed.",
    )
    .keys(&[KeySpec::at(1).count(0, 1, 1).rw(ACCESS | DELETE)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ]);

fn zmpop(cx: &mut Cx<'_>) -> CmdResult {
    let query = Query::parse(cx, 1)?;
    if !query.run(cx)? {
        cx.out.null_array();
    }
    Ok(Done)
}

pub static BZMPOP: Command = Command::data("bzmpop", bzmpop)
    .arity(-5)
    .flags(flag::WRITE | flag::BLOCKING)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("7.0.0")
    .summary(
        "Removes the members with the lowest or highest scores from the first of several \
         sorted sets that exists, and waits for one if none does.",
    )
    .complexity(
        "O(K)+O(M*log(N)) with K being the number of keys, N of members and M of those \
         removed.",
    )
    .keys(&[KeySpec::at(2).count(0, 1, 1).rw(ACCESS | DELETE)])
    .args(&[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ]);

fn bzmpop(cx: &mut Cx<'_>) -> CmdResult {
    let query = Query::parse(cx, 2)?;
    let until = args::timeout(cx.args.at(1), cx.now)?;
    if query.run(cx)? {
        return Ok(Done);
    }
    Ok(Outcome::Wait(Wait::for_value(query.keys, Type::Zset, until)))
}

pub static BZPOPMIN: Command = Command::data("bzpopmin", bzpopmin)
    .arity(-3)
    .flags(flag::WRITE | flag::BLOCKING | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("5.0.0")
    .summary(
        "Removes the member with the lowest score from the first of several sorted sets that \
         exists, and waits for one if none does.",
    )
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).range(-2, 1, 0).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key").multiple(), Arg::double("timeout")])
    .history(&[("6.0.0", "The time to wait may have a fraction.")]);

fn bzpopmin(cx: &mut Cx<'_>) -> CmdResult {
    pop_or_wait(cx, End::Min)
}

pub static BZPOPMAX: Command = Command::data("bzpopmax", bzpopmax)
    .arity(-3)
    .flags(flag::WRITE | flag::BLOCKING | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("5.0.0")
    .summary(
        "Removes the member with the highest score from the first of several sorted sets that \
         exists, and waits for one if none does.",
    )
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).range(-2, 1, 0).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key").multiple(), Arg::double("timeout")])
    .history(&[("6.0.0", "The time to wait may have a fraction.")]);

fn bzpopmax(cx: &mut Cx<'_>) -> CmdResult {
    pop_or_wait(cx, End::Max)
}

fn pop_or_wait(cx: &mut Cx<'_>, end: End) -> CmdResult {
    let keys = 1..cx.args.len() - 1;
    let until = args::timeout(cx.args.at(keys.end), cx.now)?;
    for at in keys.clone() {
        let key = cx.args.at(at);
        let popped = pop(cx, key, end, 1, |out, pairs| {
            out.array(3);
            out.bulk(key);
            reply_by_turns(out, pairs);
        })?;
        if popped.is_some() {
            cx.fx.propagate_as(&[end.verb(), key]);
            return Ok(Done);
        }
    }
    Ok(Outcome::Wait(Wait::for_value(keys, Type::Zset, until)))
}
