//! Taking members away: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::super::key_spec::key_flag::DELETE;
use super::super::{Arg, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{lex_range, score_range};
use crate::command::args::integer;
use crate::keyspace::Event;
use crate::types::zset::{Ranks, Zset, ZsetView, ranks_between};
use crate::types::{Object, View};

pub static ZREM: Command = Command::data("zrem", zrem)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Removes members from a sorted set.")
    .complexity("O(M*log(N)) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("member").multiple()])
    .history(&[("2.4.0", "Several members at once.")]);

fn zrem(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let Some(mut set) = cx.db.edit::<Zset>(key)? else {
        cx.out.int(0);
        return Ok(Done);
    };
    let removed = cx.args.from(2).filter(|member| set.remove(member)).count() as u64;
    drop(set);
    if removed > 0 {
        cx.db.taken_from(cx.args.at(1), Event::zset("zrem"), removed);
    }
    cx.out.uint(removed);
    Ok(Done)
}

pub static ZREMRANGEBYRANK: Command = Command::data("zremrangebyrank", zremrangebyrank)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Removes the members within a range of positions.")
    .complexity("O(log(N)+M) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")]);

fn zremrangebyrank(cx: &mut Cx<'_>) -> CmdResult {
    let (first, last) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let ranks = |set: ZsetView<'_>| ranks_between(first, last, set.len());
    remove(cx, ranks, Event::zset("zremrangebyrank"))
}

pub static ZREMRANGEBYSCORE: Command = Command::data("zremrangebyscore", zremrangebyscore)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Removes the members whose scores are within a range.")
    .complexity("O(log(N)+M) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::double("min"), Arg::double("max")]);

fn zremrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    let range = score_range(cx.args.at(2), cx.args.at(3))?;
    remove(cx, |set| set.by_score(range), Event::zset("zremrangebyscore"))
}

pub static ZREMRANGEBYLEX: Command = Command::data("zremrangebylex", zremrangebylex)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.8.9")
    .summary("Removes the members whose names are within a range, all scores being equal.")
    .complexity("O(log(N)+M) with N being the number of members and M of those removed.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("min"), Arg::string("max")]);

fn zremrangebylex(cx: &mut Cx<'_>) -> CmdResult {
    let range = lex_range(cx.args.at(2), cx.args.at(3))?;
    remove(cx, |set| set.by_lex(&range), Event::zset("zremrangebylex"))
}

/// Removes the members at some positions of the set at the first key.
fn remove(cx: &mut Cx<'_>, ranks: impl FnOnce(ZsetView<'_>) -> Ranks, event: Event) -> CmdResult {
    let Some(mut set) = cx.db.edit::<Zset>(cx.args.at(1))? else {
        cx.out.int(0);
        return Ok(Done);
    };
    let ranks = ranks(set.view());
    let removed = ranks.len() as u64;
    set.remove_ranks(ranks);
    drop(set);
    if removed > 0 {
        let key = cx.args.at(1);
        cx.db.changed(key, event, removed);
        cx.db.remove_if_empty(key);
    }
    cx.out.uint(removed);
    Ok(Done)
}
