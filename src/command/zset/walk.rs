//! Looking at members in no order: ZRANDMEMBER, ZSCAN.

use std::collections::HashSet;

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::base::double::{write_17_digits, write_f64};
use crate::base::rng::Draws;
use crate::command::args::integer;
use crate::command::generic::scan;
use crate::command::string;
use crate::ds::listpack::Item;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::types::View;
use crate::types::zset::{Zset, ZsetView};

pub static ZRANDMEMBER: Command = Command::data("zrandmember", zrandmember)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Answers random members.")
    .complexity("O(N) with N being the number of members answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::pure_token("withscores", "WITHSCORES").optional()],
        )
        .optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn zrandmember(cx: &mut Cx<'_>) -> CmdResult {
    let mut draws = Draws::new(cx.db.keyspace.random());
    if cx.args.len() > 2 {
        return some_members(cx, draws);
    }
    match cx.db.get::<Zset>(cx.args.at(1))? {
        Some(set) => {
            let (member, _) = set.at(draws.below(set.len())).expect("no set is empty");
            string::reply(cx.out, member.into());
        }
        None => cx.out.null(),
    }
    Ok(Done)
}

/// So many members; with repetitions, if the number is negative.
fn some_members(cx: &mut Cx<'_>, mut draws: Draws) -> CmdResult {
    let count = integer(cx.args.at(2))?;
    if count == i64::MIN {
        return Err(CmdError::NOT_NEGATABLE);
    }
    let with_scores = cx.args.len() > 3;
    if with_scores && (cx.args.len() > 4 || !cx.args.is(3, "WITHSCORES")) {
        return Err(CmdError::SYNTAX);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CmdError::OUT_OF_RANGE);
    }
    let bytes_max = usize::try_from(cx.conf.proto.max_bulk_len).unwrap_or(usize::MAX);
    let Some(set) = cx.db.get::<Zset>(cx.args.at(1))? else {
        cx.out.array(0);
        return Ok(Done);
    };
    let (wanted, len) = (usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX), set.len());
    if count < 0 {
        return repeated(cx.out, bytes_max, with_scores, wanted, || {
            set.at(draws.below(len)).expect("no set is empty")
        });
    }
    let mut show = Shower::begin(cx.out, wanted.min(len), with_scores);
    if wanted >= len {
        set.iter().for_each(|pair| show.member(pair));
    } else {
        sample(set, wanted, &mut draws, |pair| show.member(pair));
    }
    Ok(Done)
}

/// Answers with so many members as they are drawn.
///
/// A few bytes can ask for more than any memory holds, and the data is no bound: hence the limit
/// that is also that of one element.
fn repeated<'a>(
    out: &mut Reply,
    bytes_max: usize,
    with_scores: bool,
    count: usize,
    mut draw: impl FnMut() -> (Item<'a>, f64),
) -> CmdResult {
    /// Bytes of an empty bulk.
    const BULK_MIN: usize = 6;
    if count > bytes_max / BULK_MIN {
        return Err(CmdError::REPLY_TOO_LONG);
    }
    let (attempt, before) = (out.attempt(), out.len());
    let mut show = Shower::begin(out, count, with_scores);
    for _ in 0..count {
        show.member(draw());
        if show.out.len() - before > bytes_max {
            out.take_back(attempt);
            return Err(CmdError::REPLY_TOO_LONG);
        }
    }
    Ok(Done)
}

/// Shows so many different members, each choice being equally likely.
fn sample<'a>(
    set: ZsetView<'a>,
    count: usize,
    draws: &mut Draws,
    mut show: impl FnMut((Item<'a>, f64)),
) {
    let len = set.len();
    if count >= len / 4 {
        // Many of them: each is taken with the odds that enough are left to be taken.
        let mut left = count;
        for (seen, pair) in set.iter().enumerate() {
            if draws.below(len - seen) < left {
                left -= 1;
                show(pair);
            }
        }
        return;
    }
    let mut taken = HashSet::with_capacity(count);
    while taken.len() < count {
        let rank = draws.below(len);
        if taken.insert(rank) {
            show(set.at(rank).expect("a position of the set"));
        }
    }
}

/// Writes members, with scores if so wanted: pairs in RESP3, by turns in RESP2.
struct Shower<'a> {
    out: &'a mut Reply,
    with_scores: bool,
}

impl<'a> Shower<'a> {
    fn begin(out: &'a mut Reply, count: usize, with_scores: bool) -> Self {
        let is_flat = with_scores && out.proto() == Proto::Resp2;
        out.array(if is_flat { 2 * count } else { count });
        Shower { out, with_scores }
    }

    fn member(&mut self, (member, score): (Item<'_>, f64)) {
        if self.with_scores && self.out.proto() == Proto::Resp3 {
            self.out.array(2);
        }
        string::reply(self.out, member.into());
        if self.with_scores {
            self.out.double(score);
        }
    }
}

pub static ZSCAN: Command = Command::data("zscan", zscan)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.8.0")
    .summary("Answers some members with their scores and the cursor at which to go on.")
    .complexity(
        "O(1) for every call, O(N) for as many as it takes until the cursor is 0 again, N \
         being the number of members.",
    )
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn zscan(cx: &mut Cx<'_>) -> CmdResult {
    let at = scan::cursor(cx.args.at(2))?;
    let Some(set) = cx.db.get::<Zset>(cx.args.at(1))? else {
        return scan::nothing(cx.out);
    };
    let options = scan::ScanOptions::parse(cx.cmd, cx.args, 3)?;
    let found = options.gather(at, |at, visit| set.scan(at, visit));
    // Compat: scores are bulk strings in RESP3, too, and those of large sets are printed in a way
    // of their own.
    let write = if matches!(set, ZsetView::Tree(_)) { write_17_digits } else { write_f64 };
    let mut text = Vec::new();
    found.reply(cx.out, 2, |out, member, score| {
        string::reply(out, member.into());
        text.clear();
        write(&mut text, score);
        out.bulk(&text);
    })
}
