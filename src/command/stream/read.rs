//! XREAD and XREADGROUP: entries behind an id, from several streams at once, or a wait for the
//! first that come.
//!
//! All streams and ids are checked before anything is read. A wait runs the call again from the
//! start, so what an id means only at its beginning (`$`) is pinned when it begins. A group is also
//! told of what it waits for in vain: that its stream has gone, or it itself.

use std::ops::Range;

use super::super::key_spec::key_flag::ACCESS;
use super::super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Outcome, Wait, category, flag,
    special,
};
use super::{
    announce_consumer, consumer_seen, id, reply_entries, reply_entry, reply_id, tell_consumer,
};
use crate::base::clock::UnixMillis;
use crate::command::args::{integer, timeout_ms};
use crate::keyspace::Type;
use crate::resp::Proto;
use crate::resp::reply::{Deferred, Reply};
use crate::types::stream::{ConsumerId, Entries, Pending, Scratch, Stream, StreamId};

/// What a call says before and about its streams.
struct Read<'a> {
    max: usize,
    /// To wait, and until when.
    block: Option<Option<UnixMillis>>,
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    /// The words that are keys. As many ids follow.
    keys: Range<usize>,
}

/// From where on a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Behind this id.
    After(StreamId),
    /// The last entry.
    Last,
    /// What the group has not been handed yet.
    New,
}

impl<'a> Read<'a> {
    fn parse(cx: &Cx<'a>) -> Result<Read<'a>, CmdError> {
        let args = cx.args;
        let in_group = cx.cmd.name == "xreadgroup";
        let mut read =
            Read { max: usize::MAX, block: None, group: None, no_ack: false, keys: 0..0 };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if more > 0 && args.is(at, "BLOCK") {
                read.block = Some(timeout_ms(args.at(at + 1), cx.now)?);
                at += 2;
            } else if more > 0 && args.is(at, "COUNT") {
                let max = integer(args.at(at + 1))?;
                read.max = if max > 0 { max as usize } else { usize::MAX };
                at += 2;
            } else if more > 0 && args.is(at, "STREAMS") {
                if !more.is_multiple_of(2) {
                    return Err(CmdError::unbalanced_streams(in_group));
                }
                read.keys = at + 1..at + 1 + more / 2;
                break;
            } else if more > 1 && args.is(at, "GROUP") {
                if !in_group {
                    return Err(CmdError::STREAM_GROUP_OPTION);
                }
                read.group = Some((args.at(at + 1), args.at(at + 2)));
                at += 3;
            } else if args.is(at, "NOACK") {
                if !in_group {
                    return Err(CmdError::STREAM_NOACK_OPTION);
                }
                read.no_ack = true;
                at += 1;
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        match read.keys.is_empty() {
            true => Err(CmdError::SYNTAX),
            false if in_group && read.group.is_none() => Err(CmdError::STREAM_GROUP_MISSING),
            false => Ok(read),
        }
    }

    /// The word of the id that belongs to a key.
    fn id_at(&self, key_at: usize) -> usize {
        key_at + self.keys.len()
    }

    /// What the call waits for, if it is to wait.
    fn wait(&self) -> Box<Wait> {
        Wait::for_value(self.keys.clone(), Type::Stream, self.block.flatten())
    }
}

pub static XREAD: Command = Command::data("xread", xread)
    .arity(-4)
    .flags(flag::READONLY | flag::BLOCKING | flag::MOVABLEKEYS)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers entries of streams behind given ids, and waits for them if there are none.")
    .keys(&[KeySpec::after("STREAMS", 1).range(-1, 1, 2).ro(ACCESS)])
    .args(&[
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("id").multiple()])
            .token("STREAMS"),
    ]);

fn xread(cx: &mut Cx<'_>) -> CmdResult {
    let (read, args) = (Read::parse(cx)?, cx.args);
    let mut wait = read.wait();
    let mut from = Vec::with_capacity(read.keys.len());
    for at in read.keys.clone() {
        let id_at = read.id_at(at);
        let stream = cx.db.get::<Stream>(args.at(at))?;
        from.push(match args.at(id_at) {
            b"$" => {
                let last = stream.map_or(StreamId::ZERO, |stream| stream.last_id);
                wait = wait.reading(id_at, last.text().as_bytes());
                From::After(last)
            }
            b"+" => From::Last,
            b">" => return Err(CmdError::STREAM_NEW_ONLY_IN_GROUP),
            word => From::After(id(word, 0)?),
        });
    }
    let mut answer = Answer::default();
    for (at, from) in read.keys.clone().zip(from) {
        let key = args.at(at);
        // Compat: each of the two looks counts.
        let Some(stream) = cx.db.get::<Stream>(key)? else {
            continue;
        };
        let (first, last) = match from {
            From::Last => (stream.last_live_id(), StreamId::MAX),
            From::After(id) => (id.next(), StreamId::MAX),
            From::New => (None, StreamId::MAX),
        };
        let Some(first) = first else { continue };
        answer.entries(cx.out, key, (stream.entries(first, last, false), read.max), drop);
    }
    Ok(finish(cx, &read, answer, wait))
}

/// The answer, which begins with the first stream that has something.
#[derive(Default)]
struct Answer {
    streams: usize,
    open: Option<Deferred>,
}

impl Answer {
    /// Begins what is answered of a stream; a list of entries is to follow.
    fn stream(&mut self, out: &mut Reply, key: &[u8]) {
        self.open.get_or_insert_with(|| out.open());
        self.streams += 1;
        if out.proto() == Proto::Resp2 {
            out.array(2);
        }
        out.bulk(key);
    }

    /// Answers what there is of a stream, so many entries at most, unless that is nothing. `note`
    /// is shown the id of each.
    fn entries(
        &mut self,
        out: &mut Reply,
        key: &[u8],
        (mut entries, max): (Entries<'_>, usize),
        note: impl FnMut(StreamId),
    ) {
        if entries.has_next() {
            self.stream(out, key);
            reply_entries(out, entries, max, note);
        }
    }
}

/// Ends the answer, or has the call wait if there is none.
fn finish(cx: &mut Cx<'_>, read: &Read<'_>, answer: Answer, wait: Box<Wait>) -> Outcome {
    match answer.open {
        Some(open) if cx.out.proto() == Proto::Resp2 => cx.out.close_array(open, answer.streams),
        Some(open) => cx.out.close_map(open, answer.streams),
        None if read.block.is_some() => return Outcome::Wait(wait),
        None => cx.out.null_array(),
    }
    Done
}

pub static XREADGROUP: Command = Command::data("xreadgroup", xreadgroup)
    .arity(-7)
    .special(special::WRITES_BESIDE)
    .flags(flag::WRITE | flag::BLOCKING | flag::MOVABLEKEYS)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary(
        "Answers new or pending entries of streams for a consumer of a group, and waits \
         for them if there are none.",
    )
    .complexity(
        "For each stream O(M) for M entries returned: O(1) with a constant COUNT. An XADD \
         takes time for each client that waits for the stream.",
    )
    .keys(&[KeySpec::after("STREAMS", 4).range(-1, 1, 2).ro(ACCESS)])
    .args(&[
        Arg::block("group-block", &[Arg::string("group"), Arg::string("consumer")]).token("GROUP"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::pure_token("noack", "NOACK").optional(),
        Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("id").multiple()])
            .token("STREAMS"),
    ]);

fn xreadgroup(cx: &mut Cx<'_>) -> CmdResult {
    let (read, args) = (Read::parse(cx)?, cx.args);
    let Some((group, _)) = read.group else { return Err(CmdError::STREAM_GROUP_MISSING) };
    let mut from = Vec::with_capacity(read.keys.len());
    for at in read.keys.clone() {
        let key = args.at(at);
        let found = cx.db.get::<Stream>(key)?.and_then(|stream| stream.group(group));
        if found.is_none() {
            return Err(CmdError::no_group_to_read(key, group));
        }
        from.push(match args.at(read.id_at(at)) {
            b"$" => return Err(CmdError::STREAM_DOLLAR_IN_GROUP),
            b"+" => return Err(CmdError::STREAM_PLUS_IN_GROUP),
            b">" => From::New,
            word => match id(word, 0)? {
                // Compat: behind the greatest id there is only what is new.
                StreamId::MAX => From::New,
                id => From::After(id),
            },
        });
    }
    cx.fx.dont_propagate();
    let mut answer = Answer::default();
    for (at, from) in read.keys.clone().zip(from) {
        read_in_group(cx, &read, (args.at(at), from), &mut answer)?;
    }
    let wait = read.wait().or_loss();
    Ok(finish(cx, &read, answer, wait))
}

/// Reads one stream for a consumer of a group.
fn read_in_group(
    cx: &mut Cx<'_>,
    read: &Read<'_>,
    (key, from): (&[u8], From),
    answer: &mut Answer,
) -> Result<(), CmdError> {
    let Some((group_name, name)) = read.group else { return Ok(()) };
    let Some(mut stream) = cx.db.look_and_edit::<Stream>(key)? else { return Ok(()) };
    let Some(group) = stream.group_mut(group_name) else { return Ok(()) };
    let (consumer, is_new) = consumer_seen(group, name, cx.now);
    if is_new && read.no_ack {
        tell_consumer(cx.fx, key, group_name, name);
    }
    let mut handed_out = false;
    match from {
        From::New => {
            let last = group.last_id;
            let mut ids = vec![];
            if let Some(first) = last.next() {
                let entries = stream.entries(first, StreamId::MAX, false);
                answer.entries(cx.out, key, (entries, read.max), |id| ids.push(id));
            }
            handed_out = !ids.is_empty();
            let to = (group_name, consumer, read.no_ack);
            hand_out(cx.fx, key, &mut stream, (&ids, to, cx.now));
        }
        From::After(id) => {
            answer.stream(cx.out, key);
            reply_history(cx.out, &mut stream, (group_name, consumer), (id, read.max, cx.now));
        }
        From::Last => {}
    }
    drop(stream);
    if is_new {
        // What is told of the entries that a consumer gets makes it, too.
        if !handed_out && !read.no_ack {
            tell_consumer(cx.fx, key, group_name, name);
        }
        announce_consumer(cx, key);
    }
    if handed_out {
        cx.db.changed_beside(key, None, 1);
    }
    Ok(())
}

/// Notes that new entries were handed to a consumer, and tells of it.
fn hand_out(
    fx: &mut crate::command::effects::Effects,
    key: &[u8],
    stream: &mut Stream,
    (ids, (group_name, consumer, no_ack), now): (
        &[StreamId],
        (&[u8], ConsumerId, bool),
        UnixMillis,
    ),
) {
    let pending = Pending { delivered: now, deliveries: 1, consumer };
    for id in ids {
        stream.read_on(group_name, *id);
        let Some(group) = stream.group_mut(group_name) else { return };
        // Compat: what needs no acknowledgement is no activity.
        if !no_ack {
            group.consumer_mut(consumer).active = Some(now);
            group.hand_out(*id, pending);
            super::claim::tell(fx, (key, group), *id, pending);
        }
    }
    if let Some(group) = stream.group(group_name)
        && !ids.is_empty()
    {
        super::claim::tell_last_id(fx, key, group);
    }
}

/// Answers what a consumer has got and not acknowledged, behind an id. What has been deleted
/// meanwhile has no fields.
fn reply_history(
    out: &mut Reply,
    stream: &mut Stream,
    (group, consumer): (&[u8], ConsumerId),
    (after, max, now): (StreamId, usize, UnixMillis),
) {
    let ids: Vec<_> = match (stream.group(group), after.next()) {
        (Some(group), Some(first)) => {
            let pending = group.consumer(consumer).pending();
            pending.iter_from(first).take(max).map(|(id, ())| id).collect()
        }
        _ => vec![],
    };
    let mut scratch = Scratch::default();
    out.array(ids.len());
    for id in ids {
        match stream.entry(id, &mut scratch) {
            Some(entry) => {
                reply_entry(out, entry);
                if let Some(group) = stream.group_mut(group) {
                    group.hand_out_again(id, now);
                }
            }
            None => {
                out.array(2);
                reply_id(out, id);
                out.null_array();
            }
        }
    }
}
