//! List commands that only read.

use super::super::args::{integer, integer_or};
use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{range, reply};
use crate::types::View;
use crate::types::list::{End, List};

pub static LLEN: Command = Command::data("llen", llen)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Answers the length of a list.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn llen(cx: &mut Cx<'_>) -> CmdResult {
    let list = cx.db.get::<List>(cx.args.at(1))?;
    cx.out.uint(list.map_or(0, View::len) as u64);
    Ok(Done)
}

pub static LRANGE: Command = Command::data("lrange", lrange)
    .arity(4)
    .flags(flag::READONLY)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Answers the elements between two indexes of a list.")
    .complexity(
        "O(S+N) for N elements answered, S being the distance of the first of them from the nearer end of a long list, \
         from the front of a short one.",
    )
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")]);

fn lrange(cx: &mut Cx<'_>) -> CmdResult {
    let (start, stop) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let list = cx.db.get::<List>(cx.args.at(1))?;
    let found = list.and_then(|list| Some((list, range(start, stop, list.len())?)));
    let Some((list, (first, count))) = found else {
        cx.out.array(0);
        return Ok(Done);
    };
    cx.out.array(count);
    list.visit(first, count, |piece| reply(cx.out, piece));
    Ok(Done)
}

pub static LINDEX: Command = Command::data("lindex", lindex)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Answers the element at an index of a list.")
    .complexity("O(N) for N elements between the wanted one and the nearer end.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("index")]);

fn lindex(cx: &mut Cx<'_>) -> CmdResult {
    let Some(list) = cx.db.get::<List>(cx.args.at(1))? else {
        cx.out.null();
        return Ok(Done);
    };
    let index = integer(cx.args.at(2))?;
    match position(index, list.len()) {
        Some(index) => list.visit(index, 1, |piece| reply(cx.out, piece)),
        None => cx.out.null(),
    }
    Ok(Done)
}

/// The position that an index means in a list of some length. Negative ones count from the end.
pub fn position(index: i64, len: usize) -> Option<usize> {
    range(index, index, len).filter(|_| index >= -(len as i64)).map(|(first, _)| first)
}

pub static LPOS: Command = Command::data("lpos", lpos)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::LIST)
    .group(Group::List)
    .since("6.0.6")
    .summary("Answers the indexes at which an element stands in a list.")
    .complexity("O(N) for N elements looked at: all of the list, or MAXLEN of them.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("element"),
        Arg::integer("rank").token("RANK").optional(),
        Arg::integer("num-matches").token("COUNT").optional(),
        Arg::integer("len").token("MAXLEN").optional(),
    ]);

/// What LPOS is to look for.
struct Search {
    from: End,
    /// Matches to pass over.
    skip: u64,
    /// Answered as an array of at most so many indexes.
    count: Option<usize>,
    /// Elements to look at.
    max: usize,
}

impl Search {
    fn parse(cx: &Cx<'_>) -> Result<Search, CmdError> {
        let mut search = Search { from: End::Front, skip: 0, count: None, max: usize::MAX };
        for at in (3..cx.args.len()).step_by(2) {
            let value = cx.args.get(at + 1).ok_or(CmdError::SYNTAX)?;
            let size = |error: CmdError| match integer_or(value, error.clone())? {
                0 => Ok(usize::MAX),
                size => usize::try_from(size).map_err(|_| error),
            };
            if cx.args.is(at, "RANK") {
                let rank = integer(value)?;
                if rank == i64::MIN {
                    return Err(CmdError::NOT_NEGATABLE);
                }
                if rank == 0 {
                    return Err(CmdError::RANK_ZERO);
                }
                search.from = if rank < 0 { End::Back } else { End::Front };
                search.skip = rank.unsigned_abs() - 1;
            } else if cx.args.is(at, "COUNT") {
                search.count = Some(size(CmdError::COUNT_NEGATIVE)?);
            } else if cx.args.is(at, "MAXLEN") {
                search.max = size(CmdError::MAXLEN_NEGATIVE)?;
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        Ok(search)
    }
}

fn lpos(cx: &mut Cx<'_>) -> CmdResult {
    let search = Search::parse(cx)?;
    let Some(list) = cx.db.get::<List>(cx.args.at(1))? else {
        match search.count {
            Some(_) => cx.out.array(0),
            None => cx.out.null(),
        }
        return Ok(Done);
    };
    let (mut skip, wanted) = (search.skip, search.count.unwrap_or(1));
    let mut found = Vec::new();
    list.search(cx.args.at(2), search.from, search.max, |index| {
        if skip > 0 {
            skip -= 1;
        } else {
            found.push(index as u64);
        }
        found.len() < wanted
    });
    match (search.count, found.first()) {
        (Some(_), _) => {
            cx.out.array(found.len());
            found.iter().for_each(|index| cx.out.uint(*index));
        }
        (None, Some(index)) => cx.out.uint(*index),
        (None, None) => cx.out.null(),
    }
    Ok(Done)
}
