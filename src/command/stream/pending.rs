//! XPENDING: what a group was handed and has not acknowledged.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{interval_end, interval_start, reply_id};
use crate::base::clock::UnixMillis;
use crate::command::args::integer;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::stream::{self, Pending, Stream, StreamId};

/// Which pending entries are wanted.
struct Filter<'a> {
    start: StreamId,
    end: StreamId,
    max: usize,
    min_idle_ms: i64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// Reads `[IDLE ms] start end count [consumer]`. Compat: without IDLE a few words more do not
    /// matter.
    fn parse(args: Args<'a>) -> Result<Filter<'a>, CmdError> {
        let (mut from, mut min_idle_ms) = (3, 0);
        if args.len() > 9 {
            return Err(CmdError::SYNTAX);
        }
        if args.is(3, "IDLE") {
            min_idle_ms = integer(args.get(4).ok_or(CmdError::SYNTAX)?)?;
            from = 5;
        }
        let [start, end, count] = [0, 1, 2].map(|i| args.get(from + i));
        let (Some(start), Some(end), Some(count)) = (start, end, count) else {
            return Err(CmdError::SYNTAX);
        };
        let max = integer(count)?.max(0) as usize;
        let (start, end) = (interval_start(start)?, interval_end(end)?);
        Ok(Filter { start, end, max, min_idle_ms, consumer: args.get(from + 3) })
    }
}

pub static XPENDING: Command = Command::data("xpending", xpending)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers what a group was handed and has not acknowledged.")
    .complexity(
        "O(N) for N entries returned, O(M) for M entries scanned with the IDLE filter. \
         The summary is O(1) with few consumers, otherwise it takes time for each of \
         them.",
    )
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::block(
            "filters",
            &[
                Arg::integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                Arg::string("start"),
                Arg::string("end"),
                Arg::integer("count"),
                Arg::string("consumer").optional(),
            ],
        )
        .optional(),
    ])
    .tips(&["nondeterministic_output"])
    .history(&[("6.2.0", "The option `IDLE`, and exclusive intervals.")]);

fn xpending(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(1), cx.args);
    let filter = if args.len() > 3 { Some(Filter::parse(args)?) } else { None };
    let group = cx.db.get::<Stream>(key)?.and_then(|stream| stream.group(args.at(2)));
    let group = group.ok_or_else(|| CmdError::no_key_or_group(key, args.at(2)))?;
    match filter {
        None => summary(cx.out, group),
        Some(filter) => list(cx.out, group, &filter, cx.now),
    }
    Ok(Done)
}

/// How much there is, from where to where, and whose it is.
fn summary(out: &mut Reply, group: &stream::Group) {
    out.array(4);
    let pending = group.pending();
    out.uint(pending.len() as u64);
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    reply_id(out, pending.at(first).0);
    reply_id(out, pending.at(last).0);
    let busy = group.consumers().filter(|consumer| !consumer.pending().is_empty());
    out.array(busy.clone().count());
    for consumer in busy {
        out.array(2);
        out.bulk(&consumer.name);
        out.bulk_int(consumer.pending().len() as i64);
    }
}

/// The entries one by one.
fn list(out: &mut Reply, group: &stream::Group, filter: &Filter<'_>, now: UnixMillis) {
    let idle_ms = |pending: &Pending| now.0.saturating_sub(pending.delivered.0).max(0);
    let is_wanted = |(_, pending): &(StreamId, &Pending)| {
        filter.min_idle_ms <= 0 || idle_ms(pending) >= filter.min_idle_ms
    };
    let is_within = |id: &StreamId| *id <= filter.end;
    let found: Vec<_> = match filter.consumer.map(|name| group.find(name)) {
        None => {
            let all = group.pending().iter_from(filter.start).take_while(|(id, _)| is_within(id));
            all.filter(is_wanted).take(filter.max).collect()
        }
        Some(None) => vec![],
        Some(Some(consumer)) => {
            let own = group.consumer(consumer).pending().iter_from(filter.start);
            let own = own.map(|(id, ())| id).take_while(is_within);
            let all = own.filter_map(|id| Some((id, group.pending().get(id)?)));
            all.filter(is_wanted).take(filter.max).collect()
        }
    };
    out.array(found.len());
    for (id, pending) in found {
        out.array(4);
        reply_id(out, id);
        out.bulk(&group.consumer(pending.consumer).name);
        out.int(idle_ms(pending));
        out.int(pending.deliveries as i64);
    }
}
