//! Commands about the connection itself that need no more than the call: PING, ECHO.

use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, category, flag};

pub static PING: Command = Command::data("ping", ping)
    .arity(-1)
    .flags(flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Answers PONG, or the given message.")
    .complexity("O(1)")
    .args(&[Arg::string("message").optional()])
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);

fn ping(cx: &mut Cx<'_>) -> CmdResult {
    match cx.args.len() {
        1 => cx.out.simple("PONG"),
        2 => cx.out.bulk(cx.args.at(1)),
        _ => return Err(CmdError::arity("ping")),
    }
    Ok(Done)
}

pub static ECHO: Command = Command::data("echo", echo)
    .arity(2)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Answers the given message.")
    .complexity("O(1)")
    .args(&[Arg::string("message")]);

fn echo(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.bulk(cx.args.at(1));
    Ok(Done)
}
