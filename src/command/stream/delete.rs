//! XDEL and XDELEX, XACK and XACKDEL: entries go, or a group is done with them.

use super::super::key_spec::key_flag::{DELETE as DELETES, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::trim::references;
use super::{DELETE, id};
use crate::command::args::integer;
use crate::resp::request::Args;
use crate::types::stream::{References, Scratch, Stream, StreamId};

/// All ids from a word on.
fn ids(args: Args<'_>, from: usize, count: usize) -> Result<Vec<StreamId>, CmdError> {
    args.from(from).take(count).map(|word| id(word, 0)).collect()
}

pub static XDEL: Command = Command::data("xdel", xdel)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Deletes entries from a stream.")
    .complexity("O(1) for each entry, whatever the size of the stream.")
    .keys(&[KeySpec::at(1).rw(DELETES)])
    .args(&[Arg::key("key"), Arg::string("id").multiple()]);

fn xdel(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let mut deleted = 0;
    if let Some(mut stream) = cx.db.edit::<Stream>(key)? {
        let (ids, mut scratch) = (ids(cx.args, 2, usize::MAX)?, Scratch::default());
        deleted = ids.into_iter().filter(|id| stream.delete(*id, &mut scratch)).count() as u64;
    }
    if deleted > 0 {
        cx.db.changed(key, DELETE, deleted);
    }
    cx.out.uint(deleted);
    Ok(Done)
}

/// What became of an entry, as the commands with a verdict for each id answer it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Gone,
    Missing,
    /// Groups still need it.
    Needed,
}

impl Verdict {
    fn code(self) -> i64 {
        match self {
            Verdict::Gone => 1,
            Verdict::Missing => -1,
            Verdict::Needed => 2,
        }
    }
}

/// Reads `[KEEPREF | DELREF | ACKED] IDS n id...`; returns also where the ids stand.
fn read_ids(args: Args<'_>, from: usize) -> Result<(References, usize, usize), CmdError> {
    let (mut chosen, mut found, mut at) = (None, None, from);
    while at < args.len() {
        if chosen.is_none()
            && let Some(references) = references(args, at)
        {
            chosen = Some(references);
            at += 1;
        } else if args.is(at, "IDS") && at + 1 < args.len() {
            let count = integer(args.at(at + 1)).ok().filter(|count| *count > 0);
            let count = count.ok_or(CmdError::STREAM_IDS_COUNT)?;
            let left = args.len() - at - 2;
            let count = usize::try_from(count).ok().filter(|count| *count <= left);
            let count = count.ok_or(CmdError::STREAM_IDS_MISMATCH)?;
            found = Some((at + 2, count));
            at += 2 + count;
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    let (first, count) = found.ok_or(CmdError::SYNTAX)?;
    Ok((chosen.unwrap_or_default(), first, count))
}

/// Deletes an entry unless groups need it and that matters.
fn delete(
    (stream, scratch): (&mut Stream, &mut Scratch),
    id: StreamId,
    references: References,
) -> Verdict {
    match references {
        References::Respect if stream.is_needed(id) => return Verdict::Needed,
        References::Drop => stream.drop_references(id),
        References::Respect | References::Keep => {}
    }
    if stream.delete(id, scratch) { Verdict::Gone } else { Verdict::Missing }
}

pub static XDELEX: Command = Command::data("xdelex", xdelex)
    .arity(-5)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("8.2.0")
    .summary("Deletes entries from a stream, with regard to what groups still need.")
    .complexity("O(1) for each entry, whatever the size of the stream.")
    .keys(&[KeySpec::at(1).rw(DELETES)])
    .args(&[
        Arg::key("key"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("keepref", "KEEPREF"),
                Arg::pure_token("delref", "DELREF"),
                Arg::pure_token("acked", "ACKED"),
            ],
        )
        .optional(),
        Arg::block("ids", &[Arg::integer("numids"), Arg::string("id").multiple()]).token("IDS"),
    ]);

fn xdelex(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    // Compat: the type of the key is looked at before the options.
    let Some(mut stream) = cx.db.edit::<Stream>(key)? else {
        return answer_missing(cx, 2);
    };
    let (references, first, count) = read_ids(cx.args, 2)?;
    let ids = ids(cx.args, first, count)?;
    let mut scratch = Scratch::default();
    let mut delete = |id| delete((&mut stream, &mut scratch), id, references);
    let verdicts: Vec<_> = ids.into_iter().map(&mut delete).collect();
    drop(stream);
    let gone = verdicts.iter().filter(|verdict| **verdict == Verdict::Gone).count() as u64;
    if gone > 0 {
        cx.db.changed(key, DELETE, gone);
    }
    answer(cx, &verdicts);
    Ok(Done)
}

/// Without a stream, or without a group, no id is there.
fn answer_missing(cx: &mut Cx<'_>, from: usize) -> CmdResult {
    let (_, _, count) = read_ids(cx.args, from)?;
    answer(cx, &vec![Verdict::Missing; count]);
    Ok(Done)
}

fn answer(cx: &mut Cx<'_>, verdicts: &[Verdict]) {
    cx.out.array(verdicts.len());
    verdicts.iter().for_each(|verdict| cx.out.int(verdict.code()));
}

pub static XACK: Command = Command::data("xack", xack)
    .arity(-4)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Marks entries as processed: the group does not wait for them any more.")
    .complexity("O(1) for each id.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::string("group"), Arg::string("id").multiple()]);

fn xack(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(1), cx.args);
    let mut acknowledged = 0;
    if let Some(mut stream) = cx.db.look_and_edit::<Stream>(key)?
        && let Some(group) = stream.group_mut(args.at(2))
    {
        let ids = ids(args, 3, usize::MAX)?;
        acknowledged = ids.into_iter().filter(|id| group.acknowledge(*id)).count() as u64;
    }
    cx.db.changed_beside(key, None, acknowledged);
    cx.out.uint(acknowledged);
    Ok(Done)
}

pub static XACKDEL: Command = Command::data("xackdel", xackdel)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("8.2.0")
    .summary("Marks entries as processed by a group, and deletes them.")
    .complexity("O(1) for each id.")
    .keys(&[KeySpec::at(1).rw(UPDATE | DELETES)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("keepref", "KEEPREF"),
                Arg::pure_token("delref", "DELREF"),
                Arg::pure_token("acked", "ACKED"),
            ],
        )
        .optional(),
        Arg::block("ids", &[Arg::integer("numids"), Arg::string("id").multiple()]).token("IDS"),
    ]);

fn xackdel(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(1), cx.args);
    let stream = cx.db.look_and_edit::<Stream>(key)?;
    let Some(mut stream) = stream.filter(|stream| stream.group(args.at(2)).is_some()) else {
        return answer_missing(cx, 3);
    };
    let (references, first, count) = read_ids(args, 3)?;
    let mut verdicts = vec![Verdict::Missing; count];
    let (mut acknowledged, mut gone, mut scratch) = (0, 0, Scratch::default());
    for (id, verdict) in ids(args, first, count)?.into_iter().zip(&mut verdicts) {
        if stream.group_mut(args.at(2)).is_some_and(|group| group.acknowledge(id)) {
            acknowledged += 1;
            let was_there = delete((&mut stream, &mut scratch), id, references);
            gone += u64::from(was_there == Verdict::Gone);
            // Compat: an entry that had gone before counts as deleted.
            *verdict = if was_there == Verdict::Needed { Verdict::Needed } else { Verdict::Gone };
        }
    }
    drop(stream);
    if gone > 0 {
        cx.db.changed(key, DELETE, acknowledged);
    } else {
        cx.db.changed_beside(key, None, acknowledged);
    }
    answer(cx, &verdicts);
    Ok(Done)
}
