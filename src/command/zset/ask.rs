//! Asking about members: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{lex_range, score_range};
use crate::types::View;
use crate::types::zset::Zset;

//@RECORD zcard
fn zcard(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, View::len) as u64);
    Ok(Done)
}

//@RECORD zscore
fn zscore(cx: &mut Cx<'_>) -> CmdResult {
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    match set.and_then(|set| set.score(cx.args.at(2))) {
        Some(score) => cx.out.double(score),
        None => cx.out.null(),
    }
    Ok(Done)
}

//@RECORD zmscore
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

//@RECORD zrank
fn zrank(cx: &mut Cx<'_>) -> CmdResult {
    rank(cx, false)
}

//@RECORD zrevrank
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

//@RECORD zcount
fn zcount(cx: &mut Cx<'_>) -> CmdResult {
    let range = score_range(cx.args.at(2), cx.args.at(3))?;
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, |set| set.by_score(range).len()) as u64);
    Ok(Done)
}

//@RECORD zlexcount
fn zlexcount(cx: &mut Cx<'_>) -> CmdResult {
    let range = lex_range(cx.args.at(2), cx.args.at(3))?;
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.uint(set.map_or(0, |set| set.by_lex(&range).len()) as u64);
    Ok(Done)
}
