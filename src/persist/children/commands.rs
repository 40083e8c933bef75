//! BGSAVE: a snapshot in the background.

use super::driver::{self, Refusal};
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::persist::child::Task;
use crate::server::{Run, Server};

pub static BGSAVE: Command = Command::server("bgsave", &Run(bgsave))
    .arity(-1)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Saves a snapshot in the background.")
    .complexity("O(1)")
    .args(&[Arg::pure_token("schedule", "SCHEDULE").since("3.2.2").optional()])
    .history(&[("3.2.2", "Takes SCHEDULE.")]);

const BUSY: CmdError = CmdError::Fixed(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
     whenever possible.",
);

fn bgsave(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let schedule = match call.args().len() {
        1 => false,
        2 if call.args().is(1, "SCHEDULE") => true,
        2 if call.args().is(1, "CANCEL") => return cancel(srv, call),
        _ => return Err(CmdError::SYNTAX),
    };
    let active = srv.children.active.as_ref().map(|child| child.task);
    match active {
        Some(Task::Snapshot) => {
            return Err(CmdError::Fixed("ERR Background save already in progress"));
        }
        // A child cannot begin with half a transaction.
        _ if active.is_some() && schedule || srv.unit.depth > 1 => {
            srv.children.snapshot_scheduled = true;
            call.out.simple("Background saving scheduled");
        }
        Some(Task::Rewrite) => return Err(BUSY),
        None => match driver::begin_snapshot(srv) {
            Ok(()) => call.out.simple("Background saving started"),
            Err(Refusal::Busy | Refusal::Failed(_)) => {
                return Err(CmdError::Fixed("ERR"));
            }
        },
    }
    Ok(Done)
}

/// Compat: a word of Valkey's.
fn cancel(srv: &mut Server, call: &mut Call) -> CmdResult {
    if driver::kill_snapshot(srv) {
        srv.log.notice(format_args!("Background saving will be aborted due to user request"));
        call.out.simple("Background saving cancelled");
    } else if std::mem::take(&mut srv.children.snapshot_scheduled) {
        srv.log.notice(format_args!("Scheduled background saving will be cancelled"));
        call.out.simple("Scheduled background saving cancelled");
    } else {
        return Err(CmdError::Fixed(
            "ERR Background saving is currently not in progress or scheduled",
        ));
    }
    Ok(Done)
}
