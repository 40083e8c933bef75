//! Unions, intersections and differences: ZUNION, ZINTER, ZDIFF, those that store them, ZINTERCARD.
//!
//! Inputs are sorted sets and sets, whose members all have the score 1. Their order matters in a
//! way that only sums of floating-point numbers show: scores are joined in the order of the sizes
//! of the sets, the smallest first.

use std::ops::Range;

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{reply_members, reply_scored, rules, store};
use crate::base::text::parse_f64;
use crate::command::args::{integer, integer_or};
use crate::ds::hash::HashSeed;
use crate::ds::ordered::Gathered;
use crate::keyspace::{EntryRef, Event, Selected};
use crate::resp::request::Args;
use crate::types::View;
use crate::types::set::{Set, SetView};
use crate::types::zset::{Zset, ZsetView};

/// Inputs with their weights.
type Inputs<'a> = Vec<(Input<'a>, f64)>;

/// How sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Union,
    Inter,
    Diff,
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Answer,
    Store,
    Count,
}

/// How scores are joined.
#[derive(Clone, Copy, Default)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, CmdError> {
        let named = [("SUM", Aggregate::Sum), ("MIN", Aggregate::Min), ("MAX", Aggregate::Max)];
        let mut named = named.into_iter();
        let found = named.find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, aggregate)| aggregate).ok_or(CmdError::SYNTAX)
    }

    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            // Compat: opposite infinities make 0.
            Aggregate::Sum => number(a + b),
            // Compat: what is not a number changes nothing here.
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// A score that may have become none: 0 then.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A set to be combined, of whatever type.
#[derive(Clone, Copy)]
enum Input<'a> {
    Nothing,
    Zset(ZsetView<'a>),
    Set(SetView<'a>),
}

impl<'a> Input<'a> {
    fn of(entry: Option<EntryRef<'a>>) -> Result<Self, CmdError> {
        let Some(entry) = entry else { return Ok(Input::Nothing) };
        let zset = || entry.of_type::<Zset>().map(Input::Zset);
        let input = zset().or_else(|| entry.of_type::<Set>().map(Input::Set));
        input.ok_or(CmdError::WRONG_TYPE)
    }

    fn len(self) -> usize {
        match self {
            Input::Nothing => 0,
            Input::Zset(set) => set.len(),
            Input::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Input::Nothing => None,
            Input::Zset(set) => set.score(member),
            Input::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Shows the members with their scores until `visit` says false.
    fn visit(self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let mut buffer = Vec::new();
        match self {
            Input::Nothing => {}
            Input::Zset(set) => {
                let mut pairs = set.iter();
                let _ = pairs.all(|(member, score)| visit(member.bytes(&mut buffer), score));
            }
            Input::Set(set) => {
                let _ = set.members().all(|member| visit(member.bytes(&mut buffer), 1.0));
            }
        }
    }
}

/// What a command asks for: its words without its keys.
struct Query {
    how: How,
    /// Words that are keys.
    keys: Range<usize>,
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Members to be counted at most.
    limit: usize,
}

impl Query {
    /// Reads the keys, whose number stands at `at`.
    fn begin(cx: &Cx<'_>, how: How, at: usize) -> Result<Self, CmdError> {
        let numkeys = integer(cx.args.at(at))?;
        if numkeys < 1 {
            return Err(CmdError::no_input_keys(cx.cmd.name));
        }
        let first = at + 1;
        let end = usize::try_from(numkeys).ok().and_then(|count| first.checked_add(count));
        let end = end.filter(|end| *end <= cx.args.len()).ok_or(CmdError::SYNTAX)?;
        Ok(Query {
            how,
            keys: first..end,
            weights: None,
            aggregate: Aggregate::default(),
            with_scores: false,
            limit: usize::MAX,
        })
    }

    /// Reads the words behind the keys. Compat: by then the keys have been looked up.
    fn read_options(&mut self, args: Args<'_>, goal: Goal) -> Result<(), CmdError> {
        let (mut at, numkeys) = (self.keys.end, self.keys.len());
        let joins = self.how != How::Diff && goal != Goal::Count;
        while at < args.len() {
            let left = args.len() - at - 1;
            if joins && left >= numkeys && args.is(at, "WEIGHTS") {
                let words = args.from(at + 1).take(numkeys);
                let weights = words.map(|word| parse_f64(word).ok_or(CmdError::WEIGHT));
                self.weights = Some(weights.collect::<Result<_, _>>()?);
                at += numkeys;
            } else if joins && left >= 1 && args.is(at, "AGGREGATE") {
                self.aggregate = Aggregate::parse(args.at(at + 1))?;
                at += 1;
            } else if goal == Goal::Answer && args.is(at, "WITHSCORES") {
                self.with_scores = true;
            } else if goal == Goal::Count && left >= 1 && args.is(at, "LIMIT") {
                let limit = integer_or(args.at(at + 1), CmdError::LIMIT_NEGATIVE)?;
                let limit = usize::try_from(limit).map_err(|_| CmdError::LIMIT_NEGATIVE)?;
                self.limit = if limit == 0 { usize::MAX } else { limit };
                at += 1;
            } else {
                return Err(CmdError::SYNTAX);
            }
            at += 1;
        }
        Ok(())
    }

    /// The inputs with their weights, the smallest first where the order is ours to choose.
    fn inputs<'s>(&self, db: &'s Selected<'_>, args: Args<'_>) -> Result<Inputs<'s>, CmdError> {
        let weight = |i| self.weights.as_ref().map_or(1.0, |weights| weights[i]);
        let keys = self.keys.clone().map(|at| args.at(at)).enumerate();
        let inputs = keys.map(|(i, key)| Ok((Input::of(db.peek(key))?, weight(i))));
        let mut inputs = inputs.collect::<Result<Inputs<'s>, CmdError>>()?;
        if self.how != How::Diff {
            inputs.sort_by_key(|(input, _)| input.len());
        }
        Ok(inputs)
    }

    /// Combines the inputs.
    fn run(&self, inputs: &Inputs<'_>, seed: HashSeed) -> Gathered {
        let mut result = Gathered::new(seed);
        match self.how {
            How::Union => {
                for (input, weight) in inputs {
                    input.visit(|member, score| {
                        let join = |old, new| self.aggregate.join(old, new);
                        result.join(member, number(weight * score), join);
                        true
                    });
                }
            }
            How::Inter => self.intersect(inputs, |member, score| {
                result.join(member, score, |_, new| new);
                true
            }),
            How::Diff => subtract(inputs, &mut result),
        }
        result
    }

    /// Shows what all inputs have, until `visit` says false.
    fn intersect(&self, inputs: &Inputs<'_>, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let Some(((smallest, weight), others)) = inputs.split_first() else { return };
        smallest.visit(|member, score| {
            let mut joined = number(weight * score);
            for (input, weight) in others {
                let Some(score) = input.score(member) else { return true };
                joined = self.aggregate.join(joined, weight * score);
            }
            visit(member, joined)
        });
    }
}

/// What the first input has and no other one.
fn subtract(inputs: &Inputs<'_>, result: &mut Gathered) {
    let Some(((first, _), others)) = inputs.split_first() else { return };
    // Either the members of the first are looked up in the others, or those of the others in the
    // result.
    if others.iter().map(|(other, _)| other.len()).sum::<usize>() < first.len() {
        first.visit(|member, score| {
            result.join(member, score, |_, new| new);
            true
        });
        for (other, _) in others {
            other.visit(|member, _| {
                result.remove(member);
                !result.is_empty()
            });
        }
        return;
    }
    first.visit(|member, score| {
        if others.iter().all(|(other, _)| other.score(member).is_none()) {
            result.join(member, score, |_, new| new);
        }
        true
    });
}

/// Reads a query and looks its keys up, each of which counts as a read.
fn query(cx: &mut Cx<'_>, how: How, goal: Goal) -> Result<Query, CmdError> {
    let mut query = Query::begin(cx, how, if goal == Goal::Store { 2 } else { 1 })?;
    let keys = query.keys.clone().map(|at| cx.args.at(at));
    cx.db.fetch_ahead(keys.clone());
    for key in keys {
        Input::of(cx.db.entry(key))?;
    }
    query.read_options(cx.args, goal)?;
    Ok(query)
}

fn answer(cx: &mut Cx<'_>, how: How) -> CmdResult {
    let query = query(cx, how, Goal::Answer)?;
    let result = query.run(&query.inputs(&cx.db, cx.args)?, cx.db.seed()).order();
    let pairs = ZsetView::Tree(&result).iter();
    if query.with_scores {
        reply_scored(cx.out, pairs);
    } else {
        reply_members(cx.out, pairs);
    }
    Ok(Done)
}

fn combine_and_store(cx: &mut Cx<'_>, how: How, event: Event) -> CmdResult {
    let query = query(cx, how, Goal::Store)?;
    let result = query.run(&query.inputs(&cx.db, cx.args)?, cx.db.seed());
    let result = Zset::gathered(result, rules(cx));
    store(cx, cx.args.at(1), result, event);
    Ok(Done)
}

pub static ZUNION: Command = Command::data("zunion", zunion)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Answers the members of all given sorted sets, their scores combined.")
    .complexity(
        "O(N)+O(M*log(M)) with N being the members of all sets together and M those of the \
         result.",
    )
    .keys(&[KeySpec::at(1).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[
                Arg::pure_token("sum", "SUM"),
                Arg::pure_token("min", "MIN"),
                Arg::pure_token("max", "MAX"),
            ],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ]);

fn zunion(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, How::Union)
}

pub static ZINTER: Command = Command::data("zinter", zinter)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Answers the members that all given sorted sets have, their scores combined.")
    .complexity(
        "O(N*K)+O(M*log(M)) with N being the members of the smallest set, K the number of \
         sets and M the members of the result.",
    )
    .keys(&[KeySpec::at(1).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[
                Arg::pure_token("sum", "SUM"),
                Arg::pure_token("min", "MIN"),
                Arg::pure_token("max", "MAX"),
            ],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ]);

fn zinter(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, How::Inter)
}

pub static ZDIFF: Command = Command::data("zdiff", zdiff)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Answers the members of the first sorted set that none of the others has.")
    .complexity(
        "O(L+(N-K)*log(N)) with L being the members of all sets together, N those of the \
         first and K those of the result.",
    )
    .keys(&[KeySpec::at(1).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ]);

fn zdiff(cx: &mut Cx<'_>) -> CmdResult {
    answer(cx, How::Diff)
}

pub static ZUNIONSTORE: Command = Command::data("zunionstore", zunionstore)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Stores the members of all given sorted sets, their scores combined.")
    .complexity(
        "O(N)+O(M*log(M)) with N being the members of all sets together and M those of the \
         result.",
    )
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::key("destination"),
        Arg::integer("numkeys"),
        Arg::key("key").spec(1).multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[
                Arg::pure_token("sum", "SUM"),
                Arg::pure_token("min", "MIN"),
                Arg::pure_token("max", "MAX"),
            ],
        )
        .token("AGGREGATE")
        .optional(),
    ]);

fn zunionstore(cx: &mut Cx<'_>) -> CmdResult {
    combine_and_store(cx, How::Union, Event::zset("zunionstore"))
}

pub static ZINTERSTORE: Command = Command::data("zinterstore", zinterstore)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("2.0.0")
    .summary("Stores the members that all given sorted sets have, their scores combined.")
    .complexity(
        "O(N*K)+O(M*log(M)) with N being the members of the smallest set, K the number of \
         sets and M the members of the result.",
    )
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::key("destination"),
        Arg::integer("numkeys"),
        Arg::key("key").spec(1).multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[
                Arg::pure_token("sum", "SUM"),
                Arg::pure_token("min", "MIN"),
                Arg::pure_token("max", "MAX"),
            ],
        )
        .token("AGGREGATE")
        .optional(),
    ]);

fn zinterstore(cx: &mut Cx<'_>) -> CmdResult {
    combine_and_store(cx, How::Inter, Event::zset("zinterstore"))
}

pub static ZDIFFSTORE: Command = Command::data("zdiffstore", zdiffstore)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("6.2.0")
    .summary("Stores the members of the first sorted set that none of the others has.")
    .complexity(
        "O(L+(N-K)*log(N)) with L being the members of all sets together, N those of the \
         first and K those of the result.",
    )
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(&[Arg::key("destination"), Arg::integer("numkeys"), Arg::key("key").spec(1).multiple()]);

fn zdiffstore(cx: &mut Cx<'_>) -> CmdResult {
    combine_and_store(cx, How::Diff, Event::zset("zdiffstore"))
}

pub static ZINTERCARD: Command = Command::data("zintercard", zintercard)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("7.0.0")
    .summary("Counts the members that all given sorted sets have.")
    .complexity("O(N*K) with N being the members of the smallest set and K the number of sets.")
    .keys(&[KeySpec::at(1).count(0, 1, 1).ro(ACCESS)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ]);

fn zintercard(cx: &mut Cx<'_>) -> CmdResult {
    let query = query(cx, How::Inter, Goal::Count)?;
    let mut count = 0;
    query.intersect(&query.inputs(&cx.db, cx.args)?, |_, _| {
        count += 1;
        count < query.limit
    });
    cx.out.uint(count as u64);
    Ok(Done)
}
