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
    /// Reads the range that begins at a word. `by` and `reverse` are what the command's name says
    /// of it.
    fn parse(
        args: Args<'a>,
        at: usize,
        by: By,
        reverse: bool,
        takes: Takes,
    ) -> Result<Self, CmdError> {
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

pub static ZRANGE: Command = Command::data("zrange", zrange)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Answers the members within a range of positions, scores or names.")
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("start"),
        Arg::string("stop"),
        Arg::one_of(
            "sortby",
            &[Arg::pure_token("byscore", "BYSCORE"), Arg::pure_token("bylex", "BYLEX")],
        )
        .since("6.2.0")
        .optional(),
        Arg::pure_token("rev", "REV").since("6.2.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .since("6.2.0")
            .optional(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ])
    .history(&[("6.2.0", "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")]);

fn zrange(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Rank, false, Takes::All)
}

pub static ZREVRANGE: Command = Command::data("zrevrange", zrevrange)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Answers the members within a range of positions, the highest score first.")
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::integer("start"),
        Arg::integer("stop"),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` argument");

fn zrevrange(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Rank, true, Takes::Few)
}

pub static ZRANGEBYSCORE: Command = Command::data("zrangebyscore", zrangebyscore)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.0.5")
    .summary("Answers the members whose scores are within a range.")
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::double("min"),
        Arg::double("max"),
        Arg::pure_token("withscores", "WITHSCORES").since("2.0.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .history(&[("2.0.0", "The option `WITHSCORES`.")])
    .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument");

fn zrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Score, false, Takes::Few)
}

pub static ZREVRANGEBYSCORE: Command = Command::data("zrevrangebyscore", zrevrangebyscore)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.2.0")
    .summary("Answers the members whose scores are within a range, the highest score first.")
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::double("max"),
        Arg::double("min"),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .history(&[("2.1.6", "Bounds may be exclusive.")])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments");

fn zrevrangebyscore(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Score, true, Takes::Few)
}

pub static ZRANGEBYLEX: Command = Command::data("zrangebylex", zrangebylex)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.8.9")
    .summary("Answers the members whose names are within a range, all scores being equal.")
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("min"),
        Arg::string("max"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument");

fn zrangebylex(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Lex, false, Takes::Few)
}

pub static ZREVRANGEBYLEX: Command = Command::data("zrevrangebylex", zrevrangebylex)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.8.9")
    .summary(
        "Answers the members whose names are within a range, all scores being equal, the last \
         name first.",
    )
    .complexity("O(log(N)+M) with N being the number of members and M of those answered.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("max"),
        Arg::string("min"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments");

fn zrevrangebylex(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, By::Lex, true, Takes::Few)
}

pub static ZRANGESTORE: Command = Command::data("zrangestore", zrangestore)
    .arity(-5)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary(
        "Stores the members within a range of positions, scores or names as another sorted \
         set.",
    )
    .complexity("O(log(N)+M) with N being the number of members and M of those stored.")
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).ro(ACCESS)])
    .args(&[
        Arg::key("dst"),
        Arg::key("src").spec(1),
        Arg::string("min"),
        Arg::string("max"),
        Arg::one_of(
            "sortby",
            &[Arg::pure_token("byscore", "BYSCORE"), Arg::pure_token("bylex", "BYLEX")],
        )
        .optional(),
        Arg::pure_token("rev", "REV").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ]);

fn zrangestore(cx: &mut Cx<'_>) -> CmdResult {
    let query = Query::parse(cx.args, 3, By::Rank, false, Takes::AllToStore)?;
    let rules = rules(cx);
    let result = match cx.db.get::<Zset>(cx.args.at(2))? {
        Some(set) => {
            let ranks = query.resolve(set);
            // Compat: only positions say beforehand how many members there will be.
            let count = matches!(query.bounds, Bounds::Ranks(..)).then_some(ranks.len());
            Zset::part(set.range(ranks, query.reverse), count, rules)
        }
        None => Zset::default(),
    };
    store(cx, cx.args.at(1), result, Event::zset("zrangestore"));
    Ok(Done)
}
