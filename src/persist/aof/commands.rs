//! BGREWRITEAOF, and DEBUG LOADAOF.

use super::State;
use super::driver::{Flush, flush};
use super::load::driver as load;
use super::rewrite::driver as rewrite;
use crate::command::{Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::persist::child::Task;
use crate::persist::rdb::driver as rdb;
use crate::server::{Run, Server};

pub static BGREWRITEAOF: Command = Command::server("bgrewriteaof", &Run(bgrewriteaof))
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
    match rewrite::begin(srv) {
        Ok(()) => call.out.simple("Background append only file rewriting started"),
        Err(_) => {
            return Err(CmdError::Fixed(
                "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
            ));
        }
    }
    Ok(Done)
}

/// DEBUG LOADAOF: what was written takes the place of the data.
pub fn load_again(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if srv.aof.state == State::On {
        flush(srv, Flush::Now);
    }
    rdb::empty(srv);
    // What is loaded is no change.
    let dirty = srv.keyspace.dirty;
    let loaded = load::load(srv, None);
    srv.keyspace.dirty = dirty;
    srv.rdb.saved_dirty = dirty;
    match loaded {
        Ok(_) => {
            srv.log.warning(format_args!("Append Only File loaded by DEBUG LOADAOF"));
            call.out.ok();
            Ok(Done)
        }
        Err(_) => {
            Err(CmdError::Fixed("ERR Error trying to load the AOF files, check server logs."))
        }
    }
}
