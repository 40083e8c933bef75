//! Giving members scores: ZADD, ZINCRBY.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{rules, score};
use crate::keyspace::Event;
use crate::resp::request::Args;
use crate::types::zset::{Put, Terms, Zset};

/// What the options of ZADD ask for.
#[derive(Default)]
struct Options {
    terms: Terms,
    /// Members whose score changed are counted, too.
    ch: bool,
}

impl Options {
    /// Reads the words before the scores; returns where these begin.
    fn parse(args: Args<'_>) -> Result<(Self, usize), CmdError> {
        let (mut options, mut at) = (Options::default(), 2);
        let Options { terms: Terms { nx, xx, gt, lt, incr }, ch } = &mut options;
        let words = [("NX", nx), ("XX", xx), ("GT", gt), ("LT", lt), ("INCR", incr), ("CH", ch)];
        let mut words = words;
        // A score begins like none of them, so that mostly one look is enough.
        while args.get(at).is_some_and(|word| word.first().is_some_and(u8::is_ascii_alphabetic)) {
            let Some((_, is_set)) = words.iter_mut().find(|(word, _)| args.is(at, word)) else {
                break;
            };
            **is_set = true;
            at += 1;
        }
        Ok((options, at))
    }

    /// Whether the options go together, for so many words of scores and members.
    fn check(&self, words: usize) -> Result<(), CmdError> {
        let Terms { nx, xx, gt, lt, incr } = self.terms;
        if words == 0 || words % 2 == 1 {
            Err(CmdError::SYNTAX)
        } else if nx && xx {
            Err(CmdError::ZADD_NX_XX)
        } else if gt && lt || nx && (gt || lt) {
            Err(CmdError::ZADD_GT_LT_NX)
        } else if incr && words > 2 {
            Err(CmdError::ZADD_INCR)
        } else {
            Ok(())
        }
    }
}

pub static ZADD: Command = Command::data("zadd", zadd)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary(
        "Adds members with scores to a sorted set, or changes the scores of those that are \
         there.",
    )
    .complexity("O(log(N)) for each member given, N being the number of members.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .since("3.0.2")
            .optional(),
        Arg::one_of("comparison", &[Arg::pure_token("gt", "GT"), Arg::pure_token("lt", "LT")])
            .since("6.2.0")
            .optional(),
        Arg::pure_token("change", "CH").since("3.0.2").optional(),
        Arg::pure_token("increment", "INCR").since("3.0.2").optional(),
        Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
    ])
    .history(&[
        ("2.4.0", "Several members at once."),
        ("3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "The options `GT` and `LT`."),
    ]);

fn zadd(cx: &mut Cx<'_>) -> CmdResult {
    let (options, at) = Options::parse(cx.args)?;
    options.check(cx.args.len() - at)?;
    add(cx, at, &options)
}

pub static ZINCRBY: Command = Command::data("zincrby", zincrby)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::SORTEDSET)
    .group(Group::SortedSet)
    .since("1.2.0")
    .summary("Adds to the score of a member, which begins at zero.")
    .complexity("O(log(N)) with N being the number of members.")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("increment"), Arg::string("member")]);

fn zincrby(cx: &mut Cx<'_>) -> CmdResult {
    // Compat: an increment that is an option of ZADD is one here, too, and then leaves too few
    // words.
    let (mut options, at) = Options::parse(cx.args)?;
    options.terms.incr = true;
    options.check(cx.args.len() - at)?;
    add(cx, at, &options)
}

/// What became of the members of a call.
pub struct Tally {
    pub added: u64,
    pub moved: u64,
    /// What became of the last.
    last: Put,
}

/// Adds the members from a word on. Every score is read before anything is done.
fn add(cx: &mut Cx<'_>, at: usize, options: &Options) -> CmdResult {
    let args = cx.args;
    let first = score(args.at(at))?;
    let rest = (at + 2..args.len()).step_by(2);
    let rest = rest.map(|at| score(args.at(at))).collect::<Result<Vec<f64>, CmdError>>()?;
    let scores = std::iter::once(&first).chain(&rest);
    let pairs = scores.enumerate().map(|(i, score)| (*score, args.at(at + 1 + 2 * i)));
    let incr = options.terms.incr;
    let Tally { added, moved, last } = put_all(cx, 1 + rest.len(), pairs, options.terms)?;
    if added + moved > 0 {
        let event = Event::zset(if incr { "zincr" } else { "zadd" });
        cx.db.changed(args.at(1), event, added + moved);
    }
    match last {
        Put::Added(score) | Put::Moved(score) | Put::Kept(score) if incr => cx.out.double(score),
        _ if incr => cx.out.null(),
        _ => cx.out.uint(if options.ch { added + moved } else { added }),
    }
    Ok(Done)
}

/// Gives members their scores, so many of them.
pub fn put_all<'a>(
    cx: &mut Cx<'_>,
    count: usize,
    pairs: impl Iterator<Item = (f64, &'a [u8])>,
    terms: Terms,
) -> Result<Tally, CmdError> {
    let (key, rules) = (cx.args.at(1), rules(cx));
    let mut tally = Tally { added: 0, moved: 0, last: Put::Refused };
    let mut set = if terms.xx {
        let Some(set) = cx.db.edit::<Zset>(key)? else { return Ok(tally) };
        set
    } else {
        cx.db.edit_or_create(key)?
    };
    set.expect(count, rules);
    for (score, member) in pairs {
        tally.last = set.put(member, score, terms, rules);
        match tally.last {
            Put::Added(_) => tally.added += 1,
            Put::Moved(_) => tally.moved += 1,
            Put::Kept(_) | Put::Refused => {}
            // Only one that adds to a score can meet this, and it has one member.
            Put::NotANumber => return Err(CmdError::NOT_A_NUMBER),
        }
    }
    Ok(tally)
}
