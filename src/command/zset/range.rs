//! Ranges of members: ZRANGE, what it replaces, and ZRANGESTORE.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{lex_range, reply_members, reply_scored, rules, score_range, store};
use crate::command::args::integer;
use crate::keyspace::Event;
use crate::resp::request::Args;
use crate::types::View;
use crate::types::zset::{LexRange, Ranks, ScoreRange, Zset, ZsetView, ranks_between};

/// What a range is named by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// Which words a command takes behind the range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// BYSCORE, BYLEX and REV as well.
    All,
    /// All but WITHSCORES.
    AllToStore,
    /// LIMIT and WITHSCORES.
    Few,
}

/// The bounds of a range.
enum Bounds<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Names(LexRange<'a>),
}

/// A range as a command asks for it.
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    /// Members to be left out, and to be shown.
    limit: (i64, i64),
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// Reads the range that begins at a word. `by` and `reverse` are what the command's name says of it.
    fn parse(args: Args<'a>, at: usize, by: By, reverse: bool, takes: Takes) -> Result<Self, CmdError> {
        let (mut by, mut reverse, mut limit, mut with_scores) = (by, reverse, (0, -1), false);
        let (mut named, mut i) = (takes == Takes::Few, at + 2);
        while i < args.len() {
            let left = args.len() - i - 1;
            if takes != Takes::AllToStore && args.is(i, "WITHSCORES") {
                with_scores = true;
            } else if left >= 2 && args.is(i, "LIMIT") {
                limit = (integer(args.at(i + 1))?, integer(args.at(i + 2))?);
                i += 2;
            } else if takes != Takes::Few && !reverse && args.is(i, "REV") {
                reverse = true;
            } else if !named && (args.is(i, "BYSCORE") || args.is(i, "BYLEX")) {
                by = if args.is(i, "BYLEX") { By::Lex } else { By::Score };
                named = true;
            } else {
                return Err(CmdError::SYNTAX);
            }
            i += 1;
        }
        // Compat: a limit that leaves nothing out is let pass.
        if by == By::Rank && limit.1 != -1 {
            return Err(CmdError::LIMIT_ALONE);
        }
        if by == By::Lex && with_scores {
            return Err(CmdError::LEX_WITH_SCORES);
        }
        let (mut min, mut max) = (args.at(at), args.at(at + 1));
        if reverse && by != By::Rank {
            (min, max) = (max, min);
        }
        let bounds = match by {
            By::Rank => Bounds::Ranks(integer(min)?, integer(max)?),
            By::Score => Bounds::Scores(score_range(min, max)?),
            By::Lex => Bounds::Names(lex_range(min, max)?),
        };
        Ok(Query { bounds, reverse, limit, with_scores })
    }

    /// The positions that the range has in a set.
    fn resolve(&self, set: ZsetView<'_>) -> Ranks {
        match &self.bounds {
            Bounds::Ranks(first, last) => {
                let (ranks, len) = (ranks_between(*first, *last, set.len()), set.len());
                if self.reverse { len - ranks.end..len - ranks.start } else { ranks }
            }
            Bounds::Scores(range) => self.limited(set.by_score(*range)),
            Bounds::Names(range) => self.limited(set.by_lex(range)),
        }
    }

    /// What the limit leaves of some positions.
    fn limited(&self, ranks: Ranks) -> Ranks {
        // Compat: a negative offset leaves nothing, a negative count everything.
        let clamp = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let skip = clamp(self.limit.0).min(ranks.len());
        let take = clamp(self.limit.1).min(ranks.len() - skip);
        if self.reverse {
            let end = ranks.end - skip;
            end - take..end
        } else {
            let start = ranks.start + skip;
            start..start + take
        }
    }
}

/// Answers with a range that begins at the third word.
fn answer(cx: &mut Cx<'_>, by: By, reverse: bool, takes: Takes) -> CmdResult {
    let query = Query::parse(cx.args, 2, by, reverse, takes)?;
    let Some(set) = cx.db.get::<Zset>(cx.args.at(1))? else {
        cx.out.array(0);
        return Ok(Done);
    };
    let pairs = set.range(query.resolve(set), query.reverse);
    if query.with_scores {
        reply_scored(cx.out, pairs);
    } else {
        reply_members(cx.out, pairs);
    }
    Ok(Done)
}

//@RECORD zrange
fn zrange(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Rank, false, Takes::All)
}

//@RECORD zrevrange
fn zrevrange(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Rank, true, Takes::Few)
}

//@RECORD zrangebyscore
fn zrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Score, false, Takes::Few)
}

//@RECORD zrevrangebyscore
fn zrevrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Score, true, Takes::Few)
}

//@RECORD zrangebylex
fn zrangebylex(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Lex, false, Takes::Few)
}

//@RECORD zrevrangebylex
fn zrevrangebylex(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Lex, true, Takes::Few)
}

//@RECORD zrangestore
fn zrangestore(cx: &mut Cx<'_>) -> CmdResult {
    let query = Query::parse(cx.args, 3, By::Rank, false, Takes::AllToStore)?;
    let rules = rules(cx);
    let result = match cx.db.get::<Zset>(cx.args.at(2))? {
        Some(set) => Zset::part(set, query.resolve(set), rules),
        None => Zset::default(),
    };
    store(cx, cx.args.at(1), result, Event::zset("zrangestore"));
    Ok(Done)
}
