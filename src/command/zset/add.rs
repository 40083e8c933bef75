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

//@RECORD zadd
fn zadd(cx: &mut Cx<'_>) -> CmdResult {
    let (options, at) = Options::parse(cx.args)?;
    options.check(cx.args.len() - at)?;
    add(cx, at, &options)
}

//@RECORD zincrby
fn zincrby(cx: &mut Cx<'_>) -> CmdResult {
    let terms = Terms { incr: true, ..Terms::default() };
    add(cx, 2, &Options { terms, ch: false })
}

/// Adds the members from a word on. Every score is read before anything is done.
fn add(cx: &mut Cx<'_>, at: usize, options: &Options) -> CmdResult {
    let (args, key, rules, terms) = (cx.args, cx.args.at(1), rules(cx), options.terms);
    let first = score(args.at(at))?;
    let rest = (at + 2..args.len()).step_by(2);
    let rest = rest.map(|at| score(args.at(at))).collect::<Result<Vec<f64>, CmdError>>()?;
    let pairs = 1 + rest.len();
    let existing = if terms.xx { cx.db.edit::<Zset>(key)? } else { Some(cx.db.edit_or_create(key)?) };
    let (mut added, mut moved, mut last) = (0, 0, Put::Refused);
    if let Some(mut set) = existing {
        set.expect(pairs, rules);
        for (i, score) in std::iter::once(first).chain(rest).enumerate() {
            last = set.put(args.at(at + 1 + 2 * i), score, terms, rules);
            match last {
                Put::Added(_) => added += 1,
                Put::Moved(_) => moved += 1,
                Put::Kept(_) | Put::Refused => {}
                Put::NotANumber => return Err(CmdError::NOT_A_NUMBER),
            }
        }
    }
    if added + moved > 0 {
        let event = Event::zset(if terms.incr { "zincr" } else { "zadd" });
        cx.db.changed(key, event, added + moved);
    }
    match last {
        Put::Added(score) | Put::Moved(score) | Put::Kept(score) if terms.incr => {
            cx.out.double(score)
        }
        _ if terms.incr => cx.out.null(),
        _ => cx.out.uint(if options.ch { added + moved } else { added }),
    }
    Ok(Done)
}
