//! Taking members away: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::super::key_spec::key_flag::DELETE;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{lex_range, score_range};
use crate::command::args::integer;
use crate::keyspace::Event;
use crate::types::zset::{Ranks, Zset, ZsetView, ranks_between};
use crate::types::{Object, View};

//@RECORD zrem
fn zrem(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let Some(mut set) = cx.db.edit::<Zset>(key)? else {
        cx.out.int(0);
        return Ok(Done);
    };
    let removed = cx.args.from(2).filter(|member| set.remove(member)).count() as u64;
    drop(set);
    finish(cx, removed, Event::zset("zrem"));
    Ok(Done)
}

//@RECORD zremrangebyrank
fn zremrangebyrank(cx: &mut Cx<'_>) -> CmdResult {
    let (first, last) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let ranks = |set: ZsetView<'_>| ranks_between(first, last, set.len());
    remove(cx, ranks, Event::zset("zremrangebyrank"))
}

//@RECORD zremrangebyscore
fn zremrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    let range = score_range(cx.args.at(2), cx.args.at(3))?;
    remove(cx, |set| set.by_score(range), Event::zset("zremrangebyscore"))
}

//@RECORD zremrangebylex
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
    finish(cx, removed, event);
    Ok(Done)
}

/// Tells what was removed, and answers how many that were.
fn finish(cx: &mut Cx<'_>, removed: u64, event: Event) {
    let key = cx.args.at(1);
    if removed > 0 {
        cx.db.changed(key, event, removed);
        cx.db.remove_if_empty(key);
    }
    cx.out.uint(removed);
}
