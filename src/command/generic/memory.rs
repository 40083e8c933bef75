//! Subcommands of MEMORY: what keys and the allocator take. STATS, which asks every part of the
//! server, is in `observe`.

use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, flag};
use crate::base::alloc;
use crate::command::args::integer;

pub static MEMORY_DOCTOR: Command = Command::data("memory|doctor", memory_doctor)
    .arity(2)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Looks for problems with memory and answers in prose.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]);

fn memory_doctor(cx: &mut Cx<'_>) -> CmdResult {
    const LITTLE: usize = 5 << 20;
    let (used, peak, stats) = (alloc::used(), alloc::peak(), alloc::Stats::read());
    let mut report = String::new();
    if used < LITTLE {
        report
            .push_str("This server holds next to nothing, so there is nothing to diagnose yet.\n");
    } else {
        if peak > used + used / 2 {
            report.push_str(
                " * Peak: memory use was once more than one and a half times what it is now. The difference may \
                 still be resident; MEMORY PURGE gives it back.\n",
            );
        }
        if stats.active > stats.allocated + stats.allocated / 10 * 4 {
            report.push_str(
                " * Fragmentation: pages are filled badly, as after many deletions. Defragmentation or a restart \
                 helps.\n",
            );
        }
        if stats.resident > stats.active + stats.active / 10 {
            report.push_str(
                " * Allocator: it keeps more pages resident than it uses. MEMORY PURGE gives them back.\n",
            );
        }
        if report.is_empty() {
            report.push_str("No problem with memory was found.\n");
        }
    }
    cx.out.verbatim(report.as_bytes());
    Ok(Done)
}

pub static MEMORY_HELP: Command = Command::data("memory|help", memory_help)
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn memory_help(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.help("MEMORY", HELP);
    Ok(Done)
}

const HELP: &[&str] = &[
    "DOCTOR",
    "    Look for problems and explain them.",
    "MALLOC-STATS",
    "    Answer the report of the memory allocator.",
    "PURGE",
    "    Give unused pages back to the system.",
    "STATS",
    "    Answer the figures of the server's memory.",
    "USAGE <key> [SAMPLES <count>]",
    "    Answer how many bytes a key takes with its value. Of nested values <count>",
    "    elements are looked at (default 5; 0 means all).",
];

pub static MEMORY_MALLOC_STATS: Command = Command::data("memory|malloc-stats", memory_malloc_stats)
    .arity(2)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Answers the report of the memory allocator.")
    .complexity("Grows with the memory in use.")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]);

fn memory_malloc_stats(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.verbatim(alloc::report().as_bytes());
    Ok(Done)
}

pub static MEMORY_PURGE: Command = Command::data("memory|purge", memory_purge)
    .arity(2)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Gives unused pages back to the system.")
    .complexity("Grows with the memory in use.")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);

fn memory_purge(cx: &mut Cx<'_>) -> CmdResult {
    if !alloc::purge() {
        return Err(CmdError::made("ERR Error purging dirty pages"));
    }
    cx.out.ok();
    Ok(Done)
}

pub static MEMORY_USAGE: Command = Command::data("memory|usage", memory_usage)
    .arity(-3)
    .flags(flag::READONLY)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Answers how many bytes a key takes with its value.")
    .complexity("O(N) for N elements sampled.")
    .keys(&[KeySpec::at(2).ro(0)])
    .args(&[Arg::key("key"), Arg::integer("count").token("SAMPLES").optional()]);

fn memory_usage(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(2);
    for at in (3..cx.args.len()).step_by(2) {
        let samples = cx.args.get(at + 1).filter(|_| cx.args.is(at, "SAMPLES"));
        if integer(samples.ok_or(CmdError::SYNTAX)?)? < 0 {
            return Err(CmdError::SYNTAX);
        }
    }
    cx.db.settle(key);
    match cx.db.peek(key).map(|entry| entry.memory_bytes()) {
        Some(bytes) => cx.out.uint(bytes as u64),
        None => cx.out.null(),
    }
    Ok(Done)
}
