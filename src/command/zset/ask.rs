//! Asking about members: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{lex_range, score_range};
use crate::types::View;
use crate::types::zset::Zset;

pub static ZCARD: Command = Command::data("zcard", zcard)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Answers the number of members of a sorted set.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn zcard(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, View::len) as u64);
    Ok(Done)
}

pub static ZSCORE: Command = Command::data("zscore", zscore)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Answers the score of a member.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("member")]);

fn zscore(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    match set.and_then(|set| set.score(cx.args.at(2))) {
        Some(score) => cx.out.double(score),
        None => cx.out.null(),
    }
    Ok(Done)
}

pub static ZMSCORE: Command = Command::data("zmscore", zmscore)
    .arity(-3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Answers the scores of several members.")
    .complexity("O(N) with N being the number of members asked for.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("member").multiple()]);

fn zmscore(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    let members = cx.args.from(2);
    cx.out.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => cx.out.double(score),
            None => cx.out.null(),
        }
    }
    Ok(Done)
}

pub static ZRANK: Command = Command::data("zrank", zrank)
    .arity(-3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Answers the position of a member, the lowest score coming first.")
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("member"),
        Arg::pure_token("withscore", "WITHSCORE").optional(),
    ])
    .history(&[("7.2.0", "The option `WITHSCORE`.")]);

fn zrank(cx: &mut Cx<'_>) -> CmdResult {
    rank(cx, false)
}

pub static ZREVRANK: Command = Command::data("zrevrank", zrevrank)
    .arity(-3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Answers the position of a member, the highest score coming first.")
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("member"),
        Arg::pure_token("withscore", "WITHSCORE").optional(),
    ])
    .history(&[("7.2.0", "The option `WITHSCORE`.")]);

fn zrevrank(cx: &mut Cx<'_>) -> CmdResult {
    rank(cx, true)
}

fn rank(cx: &mut Cx<'_>, reverse: bool) -> CmdResult {
    let with_score = cx.args.len() > 3;
    if cx.args.len() > 4 {
        return Err(CmdError::arity(cx.cmd.name));
    }
    if with_score && !cx.args.is(3, "WITHSCORE") {
        return Err(CmdError::SYNTAX);
    }
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    let found = set.and_then(|set| Some((set, set.rank(cx.args.at(2))?)));
    let Some((set, (rank, score))) = found else {
        if with_score {
            cx.out.null_array();
        } else {
            cx.out.null();
        }
        return Ok(Done);
    };
    if with_score {
        cx.out.array(2);
    }
    cx.out.uint(if reverse { set.len() - 1 - rank } else { rank } as u64);
    if with_score {
        cx.out.double(score);
    }
    Ok(Done)
}

pub static ZCOUNT: Command = Command::data("zcount", zcount)
    .arity(4)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Counts the members whose scores are within a range.")
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::double("min"), Arg::double("max")]);

fn zcount(cx: &mut Cx<'_>) -> CmdResult {
    let range = score_range(cx.args.at(2), cx.args.at(3))?;
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, |set| set.by_score(range).len()) as u64);
    Ok(Done)
}

pub static ZLEXCOUNT: Command = Command::data("zlexcount", zlexcount)
    .arity(4)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.8.9")
    .summary("Counts the members whose names are within a range, all scores being equal.")
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("min"), Arg::string("max")]);

fn zlexcount(cx: &mut Cx<'_>) -> CmdResult {
    let range = lex_range(cx.args.at(2), cx.args.at(3))?;
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, |set| set.by_lex(&range).len()) as u64);
    Ok(Done)
}
