//! OBJECT: how the value at a key is kept, and when it was used.

use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::keyspace::EntryRef;
use crate::keyspace::access::idle_seconds;

pub static OBJECT: Command = Command::container(
    "object",
    &[&OBJECT_ENCODING, &OBJECT_FREQ, &OBJECT_HELP, &OBJECT_IDLETIME, &OBJECT_REFCOUNT],
)
.arity(-2)
.group(Group::Generic)
.since("2.2.3")
.summary("Groups the commands about how values are kept.")
.complexity("Depends on subcommand.");

/// The entry that the subcommand asks about. Being asked about is a hit or a miss, but no access; a
/// miss is no event.
fn look<'a>(cx: &'a mut Cx<'_>) -> Option<EntryRef<'a>> {
    let key = cx.args.at(2);
    let found = cx.db.settle(key);
    let stats = &mut cx.db.keyspace.stats;
    *(if found { &mut stats.hits } else { &mut stats.misses }) += 1;
    cx.db.peek(key)
}

pub static OBJECT_ENCODING: Command = Command::data("object|encoding", object_encoding)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.2.3")
    .summary("Answers the encoding of the value at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(0)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"]);

fn object_encoding(cx: &mut Cx<'_>) -> CmdResult {
    let encoding = look(cx).map(EntryRef::encoding);
    cx.out.bulk_or_null(encoding.map(str::as_bytes));
    Ok(Done)
}

pub static OBJECT_FREQ: Command = Command::data("object|freq", object_freq)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("4.0.0")
    .summary("Answers how often a key was used, on a logarithmic scale.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(0)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"]);

fn object_freq(cx: &mut Cx<'_>) -> CmdResult {
    let (policy, now) = (cx.db.keyspace.tuning.policy, cx.now);
    let Some(clock) = look(cx).map(EntryRef::clock) else {
        cx.out.null();
        return Ok(Done);
    };
    if !policy.is_lfu {
        return Err(CmdError::NOT_LFU);
    }
    cx.out.int(policy.frequency(clock, now).into());
    Ok(Done)
}

pub static OBJECT_HELP: Command = Command::data("object|help", object_help)
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("6.2.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn object_help(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.help("OBJECT", HELP);
    Ok(Done)
}

const HELP: &[&str] = &[
    "ENCODING <key>",
    "    Answer the name of the encoding in which the value at the <key> is kept in",
    "    memory.",
    "FREQ <key>",
    "    Answer the counter of accesses to the <key>, which grows logarithmically (LFU",
    "    policies only).",
    "IDLETIME <key>",
    "    Answer for how many seconds about the <key> has not been used (not with LFU",
    "    policies).",
    "REFCOUNT <key>",
    "    Answer how many owners the value at the <key>",
    "    has.",
];

pub static OBJECT_IDLETIME: Command = Command::data("object|idletime", object_idletime)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.2.3")
    .summary("Answers for how many seconds a key has not been used.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(0)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"]);

fn object_idletime(cx: &mut Cx<'_>) -> CmdResult {
    let (policy, now) = (cx.db.keyspace.tuning.policy, cx.now);
    let Some(clock) = look(cx).map(EntryRef::clock) else {
        cx.out.null();
        return Ok(Done);
    };
    if policy.is_lfu {
        return Err(CmdError::IS_LFU);
    }
    cx.out.uint(idle_seconds(clock, now));
    Ok(Done)
}

pub static OBJECT_REFCOUNT: Command = Command::data("object|refcount", object_refcount)
    .arity(3)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.2.3")
    .summary("Answers how many owners the value at a key has.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).ro(0)])
    .args(&[Arg::key("key")])
    .tips(&["nondeterministic_output"]);

fn object_refcount(cx: &mut Cx<'_>) -> CmdResult {
    match look(cx) {
        Some(_) => cx.out.int(1),
        None => cx.out.null(),
    }
    Ok(Done)
}
