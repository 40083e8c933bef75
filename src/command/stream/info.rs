//! XINFO: what a stream, its groups and their consumers look like.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{reply_entries, reply_entry, reply_id};
use crate::base::clock::UnixMillis;
use crate::command::args::integer;
use crate::resp::reply::Reply;
use crate::types::stream::{self, Consumer, Stream, StreamId};

pub static XINFO: Command =
    Command::container("xinfo", &[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_HELP, &XINFO_STREAM])
        .arity(-2)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Groups the commands that look into streams.")
        .complexity("Depends on subcommand.");

fn text(out: &mut Reply, name: &str) {
    out.bulk(name.as_bytes());
}

fn int(out: &mut Reply, name: &str, value: u64) {
    text(out, name);
    out.uint(value);
}

fn int_or_null(out: &mut Reply, name: &str, value: Option<i64>) {
    text(out, name);
    match value {
        Some(value) => out.int(value),
        None => out.null(),
    }
}

fn id(out: &mut Reply, name: &str, id: StreamId) {
    text(out, name);
    reply_id(out, id);
}

pub static XINFO_STREAM: Command = Command::data("xinfo|stream", xinfo_stream)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers what there is to know of a stream.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::block(
            "full-block",
            &[Arg::pure_token("full", "FULL"), Arg::integer("count").token("COUNT").optional()],
        )
        .optional(),
    ])
    .history(&[
        ("6.0.0", "The option `FULL`."),
        (
            "7.0.0",
            "The fields `max-deleted-entry-id`, `entries-added`, `recorded- \
         first-entry-id`, `entries-read` and `lag`.",
        ),
        ("7.2.0", "The fields `active-time`, and `seen-time` with a new meaning."),
    ]);

fn xinfo_stream(cx: &mut Cx<'_>) -> CmdResult {
    const SHOWN: usize = 10;
    let args = cx.args;
    let stream = cx.db.get::<Stream>(args.at(2))?.ok_or(CmdError::NO_SUCH_KEY)?;
    let mut shown = None;
    if args.len() > 3 {
        let is_known = match args.len() {
            4 => args.is(3, "FULL"),
            6 => args.is(3, "FULL") && args.is(4, "COUNT"),
            _ => false,
        };
        if !is_known {
            return Err(CmdError::subcommand_arity("XINFO", args.at(1)));
        }
        let count = args.get(5).map(integer).transpose()?;
        shown = Some(match count {
            None | Some(..0) => SHOWN,
            Some(0) => usize::MAX,
            Some(count) => count as usize,
        });
    }
    let out = &mut *cx.out;
    out.map(if shown.is_some() { 9 } else { 10 });
    int(out, "length", stream.length());
    int(out, "radix-tree-keys", stream.nodes().len() as u64);
    int(out, "radix-tree-nodes", stream.radix_nodes() as u64);
    id(out, "last-generated-id", stream.last_id);
    id(out, "max-deleted-entry-id", stream.max_deleted_id);
    int_or_null(out, "entries-added", Some(stream.entries_added as i64));
    id(out, "recorded-first-entry-id", stream.first_id());
    match shown {
        Some(shown) => full(out, stream, shown),
        None => {
            int(out, "groups", stream.groups().len() as u64);
            for (name, backwards) in [("first-entry", false), ("last-entry", true)] {
                text(out, name);
                match stream.entries(StreamId::ZERO, StreamId::MAX, backwards).next_entry() {
                    Some(entry) => reply_entry(out, entry),
                    None => out.null(),
                }
            }
        }
    }
    Ok(Done)
}

/// Entries and groups, so many of each list at most.
fn full(out: &mut Reply, stream: &Stream, shown: usize) {
    text(out, "entries");
    reply_entries(out, stream.entries(StreamId::ZERO, StreamId::MAX, false), shown, drop);
    text(out, "groups");
    out.array(stream.groups().len());
    for group in stream.groups() {
        out.map(7);
        text(out, "name");
        out.bulk(&group.name);
        id(out, "last-delivered-id", group.last_id);
        int_or_null(out, "entries-read", group.entries_read.map(|read| read as i64));
        int_or_null(out, "lag", stream.lag(group));
        int(out, "pel-count", group.pending().len() as u64);
        text(out, "pending");
        out.array(shown.min(group.pending().len()));
        for (id, pending) in group.pending().iter().take(shown) {
            out.array(4);
            reply_id(out, id);
            out.bulk(&group.consumer(pending.consumer).name);
            out.int(pending.delivered.0);
            out.int(pending.deliveries as i64);
        }
        text(out, "consumers");
        out.array(group.len());
        group.consumers().for_each(|consumer| full_consumer(out, group, consumer, shown));
    }
}

fn full_consumer(out: &mut Reply, group: &stream::Group, consumer: &Consumer, shown: usize) {
    out.map(5);
    text(out, "name");
    out.bulk(&consumer.name);
    text(out, "seen-time");
    out.int(consumer.seen.0);
    text(out, "active-time");
    out.int(consumer.active.map_or(-1, |active| active.0));
    int(out, "pel-count", consumer.pending().len() as u64);
    text(out, "pending");
    out.array(shown.min(consumer.pending().len()));
    for (id, ()) in consumer.pending().iter().take(shown) {
        let pending = group.pending().get(id).expect("the lists agree");
        out.array(3);
        reply_id(out, id);
        out.int(pending.delivered.0);
        out.int(pending.deliveries as i64);
    }
}

pub static XINFO_GROUPS: Command = Command::data("xinfo|groups", xinfo_groups)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers the groups of a stream.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(ACCESS)])
    .args(&[Arg::key("key")])
    .history(&[("7.0.0", "The fields `entries-read` and `lag`.")]);

fn xinfo_groups(cx: &mut Cx<'_>) -> CmdResult {
    let stream = cx.db.get::<Stream>(cx.args.at(2))?.ok_or(CmdError::NO_SUCH_KEY)?;
    let out = &mut *cx.out;
    out.array(stream.groups().len());
    for group in stream.groups() {
        out.map(6);
        text(out, "name");
        out.bulk(&group.name);
        int(out, "consumers", group.len() as u64);
        int(out, "pending", group.pending().len() as u64);
        id(out, "last-delivered-id", group.last_id);
        int_or_null(out, "entries-read", group.entries_read.map(|read| read as i64));
        int_or_null(out, "lag", stream.lag(group));
    }
    Ok(Done)
}

pub static XINFO_CONSUMERS: Command = Command::data("xinfo|consumers", xinfo_consumers)
    .arity(4)
    .flags(flag::READONLY)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Answers the consumers of a group.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("group")])
    .tips(&["nondeterministic_output"])
    .history(&[("7.2.0", "The field `inactive`.")]);

fn xinfo_consumers(cx: &mut Cx<'_>) -> CmdResult {
    let (args, now) = (cx.args, cx.now);
    let stream = cx.db.get::<Stream>(args.at(2))?.ok_or(CmdError::NO_SUCH_KEY)?;
    let group =
        stream.group(args.at(3)).ok_or_else(|| CmdError::no_group(args.at(3), args.at(2)))?;
    let since = |then: UnixMillis| now.0.saturating_sub(then.0).max(0);
    let out = &mut *cx.out;
    out.array(group.len());
    for consumer in group.consumers() {
        out.map(4);
        text(out, "name");
        out.bulk(&consumer.name);
        int(out, "pending", consumer.pending().len() as u64);
        text(out, "idle");
        out.int(since(consumer.seen));
        text(out, "inactive");
        out.int(consumer.active.map_or(-1, since));
    }
    Ok(Done)
}

pub static XINFO_HELP: Command = Command::data("xinfo|help", xinfo_help)
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn xinfo_help(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.help("XINFO", HELP);
    Ok(Done)
}

const HELP: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Answer the consumers of a group.",
    "GROUPS <key>",
    "    Answer the groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Answer what there is to know of a stream.",
];
