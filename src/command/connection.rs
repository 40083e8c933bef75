//! Commands about the connection itself that need no more than the call: ECHO.

use super::{Arg, CmdResult, Command, Cx, Done, Group, category, flag};

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
