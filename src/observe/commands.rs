//! SLOWLOG, COMMANDLOG and MONITOR.

use super::slowlog::{Entry, Kind};
use crate::base::text::parse_i64;
use crate::client::peer::Peer;
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::resp::reply::Reply;
use crate::server::{Run, Server};

const READS: u64 = flag::ADMIN | flag::LOADING | flag::STALE;
const HELPS: u64 = flag::LOADING | flag::STALE;
const GET_TIPS: &[&str] = &["request_policy:all_nodes", "nondeterministic_output"];
const LEN_TIPS: &[&str] =
    &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"];
const RESET_TIPS: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

// -- SLOWLOG --------------------------------------------------------------------------------------

pub static SLOWLOG: Command =
    Command::container("slowlog", &[&SLOWLOG_GET, &SLOWLOG_HELP, &SLOWLOG_LEN, &SLOWLOG_RESET])
        .arity(-2)
        .group(Group::Server)
        .since("2.2.12")
        .summary("Subcommands about the log of slow calls.")
        .complexity("Depends on subcommand.");

pub static SLOWLOG_GET: Command = Command::server("slowlog|get", &Run(slowlog_get))
    .arity(-2)
    .flags(READS)
    .group(Group::Server)
    .since("2.2.12")
    .summary("Lists the slow calls, the last one first.")
    .complexity("O(N) with N entries returned")
    .history(&[("4.0.0", "Entries have the client's address and name.")])
    .args(&[Arg::integer("count").optional()])
    .tips(GET_TIPS);

/// Entries that SLOWLOG GET lists when no number is given.
const GET_DEFAULT: usize = 10;

fn slowlog_get(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    if args.len() > 3 {
        return Err(CmdError::subcommand_arity("SLOWLOG", args.at(1)));
    }
    let count = args.get(2).map_or(Ok(GET_DEFAULT), count)?;
    list(srv, &mut call.out, Kind::Slow, count);
    Ok(Done)
}

pub static SLOWLOG_HELP: Command = Command::server("slowlog|help", &Run(slowlog_help))
    .arity(2)
    .flags(HELPS)
    .group(Group::Server)
    .since("6.2.0")
    .summary("Tells how SLOWLOG is used.")
    .complexity("O(1)");

fn slowlog_help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const LINES: &[&str] = &[
        "GET [<count>]",
        "    Lists the last <count> entries (10 if not given, all for -1), newest first. An entry is",
        "    id, unix time, microseconds, words of the call, address of the client, its name.",
        "LEN",
        "    Tells how many entries there are.",
        "RESET",
        "    Forgets all entries.",
    ];
    call.out.help("SLOWLOG", LINES);
    Ok(Done)
}

pub static SLOWLOG_LEN: Command = Command::server("slowlog|len", &Run(slowlog_len))
    .arity(2)
    .flags(READS)
    .group(Group::Server)
    .since("2.2.12")
    .summary("Tells how many slow calls are in the log.")
    .complexity("O(1)")
    .tips(LEN_TIPS);

fn slowlog_len(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.uint(srv.slowlog.log(Kind::Slow).len() as u64);
    Ok(Done)
}

pub static SLOWLOG_RESET: Command = Command::server("slowlog|reset", &Run(slowlog_reset))
    .arity(2)
    .flags(READS)
    .group(Group::Server)
    .since("2.2.12")
    .summary("Empties the log of slow calls.")
    .complexity("O(N) with N entries in the log")
    .tips(RESET_TIPS);

fn slowlog_reset(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    srv.slowlog.log_mut(Kind::Slow).reset();
    call.out.ok();
    Ok(Done)
}

// -- COMMANDLOG -----------------------------------------------------------------------------------

pub static COMMANDLOG: Command = Command::container(
    "commandlog",
    &[&COMMANDLOG_GET, &COMMANDLOG_HELP, &COMMANDLOG_LEN, &COMMANDLOG_RESET],
)
.arity(-2)
.group(Group::Server)
.since("8.1.0")
.summary("Subcommands about the logs of slow and large calls.")
.complexity("Depends on subcommand.");

const TYPE: Arg = Arg::one_of(
    "type",
    &[
        Arg::pure_token("slow", "SLOW"),
        Arg::pure_token("large-request", "LARGE-REQUEST"),
        Arg::pure_token("large-reply", "LARGE-REPLY"),
    ],
);

pub static COMMANDLOG_GET: Command = Command::server("commandlog|get", &Run(commandlog_get))
    .arity(4)
    .flags(READS)
    .group(Group::Server)
    .since("8.1.0")
    .summary("Lists the calls in one of the logs, the last one first.")
    .complexity("O(N) with N entries returned")
    .args(&[Arg::integer("count"), TYPE])
    .tips(GET_TIPS);

fn commandlog_get(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    let (count, kind) = (count(args.at(2))?, kind(args.at(3))?);
    list(srv, &mut call.out, kind, count);
    Ok(Done)
}

pub static COMMANDLOG_HELP: Command = Command::server("commandlog|help", &Run(commandlog_help))
    .arity(2)
    .flags(HELPS)
    .group(Group::Server)
    .since("8.1.0")
    .summary("Tells how COMMANDLOG is used.")
    .complexity("O(1)");

fn commandlog_help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const LINES: &[&str] = &[
        "GET <count> <type>",
        "    Lists the last <count> entries (all for -1) of the log of this <type>, newest first. An entry is",
        "    id, unix time,",
        "        microseconds for slow,",
        "        bytes for large-request,",
        "        bytes for large-reply,",
        "    words of the call, address of the client, its name.",
        "LEN <type>",
        "    Tells how many entries there are in the log of this <type>.",
        "RESET <type>",
        "    Forgets all entries of the log of this <type>.",
    ];
    call.out.help("COMMANDLOG", LINES);
    Ok(Done)
}

pub static COMMANDLOG_LEN: Command = Command::server("commandlog|len", &Run(commandlog_len))
    .arity(3)
    .flags(READS)
    .group(Group::Server)
    .since("8.1.0")
    .summary("Tells how many calls are in one of the logs.")
    .complexity("O(1)")
    .args(&[TYPE])
    .tips(LEN_TIPS);

fn commandlog_len(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let kind = kind(call.query.args().at(2))?;
    call.out.uint(srv.slowlog.log(kind).len() as u64);
    Ok(Done)
}

pub static COMMANDLOG_RESET: Command = Command::server("commandlog|reset", &Run(commandlog_reset))
    .arity(3)
    .flags(READS)
    .group(Group::Server)
    .since("8.1.0")
    .summary("Empties one of the logs.")
    .complexity("O(N) with N entries in the log")
    .args(&[TYPE])
    .tips(RESET_TIPS);

fn commandlog_reset(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let kind = kind(call.query.args().at(2))?;
    srv.slowlog.log_mut(kind).reset();
    call.out.ok();
    Ok(Done)
}

/// How many entries to list: -1 means all.
fn count(word: &[u8]) -> Result<usize, CmdError> {
    match parse_i64(word) {
        Some(-1) => Ok(usize::MAX),
        Some(n) => usize::try_from(n).map_err(|_| CmdError::COUNT_BELOW_MINUS_ONE),
        None => Err(CmdError::COUNT_BELOW_MINUS_ONE),
    }
}

fn kind(word: &[u8]) -> Result<Kind, CmdError> {
    Kind::of(word).ok_or(CmdError::COMMANDLOG_TYPE)
}

fn list(srv: &Server, out: &mut Reply, kind: Kind, count: usize) {
    let log = srv.slowlog.log(kind);
    out.array(log.len().min(count));
    for Entry { id, unix_s, figure, words, address, name } in log.entries().take(count) {
        out.array(6);
        out.uint(*id);
        out.int(*unix_s);
        out.uint(*figure);
        out.array(words.len());
        words.iter().for_each(|w| out.bulk(w));
        out.bulk(address.as_bytes());
        out.bulk(name);
    }
}

// -- MONITOR --------------------------------------------------------------------------------------

pub static MONITOR: Command = Command::server("monitor", &Run(monitor))
    .arity(1)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Shows every call the server handles, as it happens.");

fn monitor(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if !call.may_wait {
        // Compat: whoever cannot be blocked cannot watch either.
        let text = "ERR MONITOR isn't allowed for DENY BLOCKING client";
        return Err(CmdError::Fixed(text));
    }
    let Some(client) = srv.clients.get_mut(call.client) else {
        return Err(CmdError::NO_SUCH_CLIENT);
    };
    if client.peer.is_monitor() {
        // Compat: Redis does not answer a second MONITOR at all.
        call.out.settle();
        return Ok(Done);
    }
    client.peer = Peer::Monitor;
    srv.clients.monitors.push(call.client);
    srv.refresh_states();
    call.out.ok();
    Ok(Done)
}

#[cfg(test)]
mod tests;
