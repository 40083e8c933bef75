//! BGREWRITEAOF.

use super::rewrite::driver as rewrite;
use crate::command::{Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::persist::child::Task;
use crate::server::Server;

pub static BGREWRITEAOF: Command = Command::server("bgrewriteaof", bgrewriteaof)
    .arity(1)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Rewrites the append-only file in the background.")
    .complexity("O(1)");

fn bgrewriteaof(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let active = srv.children.active.as_ref().map(|child| child.task);
    if active == Some(Task::Rewrite) {
        return Err(CmdError::Fixed(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    // A child cannot begin with half a transaction.
    if active.is_some() || srv.unit.depth > 1 {
        srv.aof.rewrites.scheduled = true;
        // Who asks by hand does not want to wait for what went wrong before.
        srv.aof.rewrites.forget_failures();
        call.out.simple("Background append only file rewriting scheduled");
        return Ok(Done);
    }
    srv.aof.rewrites.forget_failures();
    match rewrite::prepare(srv).and_then(|()| rewrite::begin(srv)) {
        Ok(()) => call.out.simple("Background append only file rewriting started"),
        Err(_) => {
            return Err(CmdError::Fixed(
                "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
            ));
        }
    }
    Ok(Done)
}
