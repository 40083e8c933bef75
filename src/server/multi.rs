//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! ```text
//!                      a request that the gates refuse
//!             MULTI     (or nobody knows)
//!   No ──────────► Open ─────────────► Broken
//!    ▲              │                    │        in both the gates answer QUEUED instead of running a request
//!    └──────────────┴────────────────────┘
//!      EXEC: runs all, or answers null if a watched key was touched, or EXECABORT if broken
//!      DISCARD, RESET: forgets all
//! ```
//!
//! EXEC runs its requests as calls inside its own: each has its gates behind it, its own statistics
//! and effects, and writes its answer where EXEC has announced an array. The effects are told as
//! one transaction when EXEC, the outermost unit, ends; only then do those go on who wait for keys.

#[cfg(test)]
mod tests;

use super::{Run, Server, exec};
use crate::client::transaction::Transaction;
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Done, Group, KeySpec, Multi, ReplyMode, category,
    flag, special,
};
use crate::script;

const FLAGS: u64 = flag::NOSCRIPT | flag::LOADING | flag::STALE;

pub static MULTI: Command = Command::server("multi", &Run(multi))
    .special(special::UNQUEUED | special::BEGINS_TRANSACTION)
    .arity(1)
    .flags(FLAGS | flag::FAST | flag::ALLOW_BUSY)
    .categories(category::TRANSACTION)
    .group(Group::Transactions)
    .since("1.2.0")
    .summary("Begins to queue calls, which EXEC runs as one.")
    .complexity("O(1)");

fn multi(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.session.multi != Multi::No {
        return Err(CmdError::Fixed("ERR MULTI calls can not be nested"));
    }
    call.session.multi = Multi::Open;
    call.out.ok();
    Ok(Done)
}

pub static DISCARD: Command = Command::server("discard", &Run(discard))
    .special(special::UNQUEUED)
    .arity(1)
    .flags(FLAGS | flag::FAST | flag::ALLOW_BUSY)
    .categories(category::TRANSACTION)
    .group(Group::Transactions)
    .since("2.0.0")
    .summary("Forgets the queued calls and the watched keys.")
    .complexity("O(N) for N queued calls.");

fn discard(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.session.multi == Multi::No {
        return Err(CmdError::Fixed("ERR DISCARD without MULTI"));
    }
    forget(srv, call);
    call.out.ok();
    Ok(Done)
}

pub static WATCH: Command = Command::server("watch", &Run(watch))
    .special(special::UNQUEUED)
    .arity(-2)
    .flags(FLAGS | flag::FAST | flag::ALLOW_BUSY)
    .categories(category::TRANSACTION)
    .group(Group::Transactions)
    .since("2.2.0")
    .summary("Lets the next EXEC run only if these keys are left alone until then.")
    .complexity("O(1) for each key.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(0)])
    .args(&[Arg::key("key").multiple()]);

fn watch(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.session.multi != Multi::No {
        return Err(CmdError::Fixed("ERR WATCH inside MULTI is not allowed"));
    }
    let now = srv.clock.now();
    for key in call.args().from(1) {
        srv.keyspace.watch_key(call.client, call.session.db, key, now);
    }
    call.out.ok();
    Ok(Done)
}

pub static UNWATCH: Command = Command::server("unwatch", &Run(unwatch))
    .arity(1)
    .flags(FLAGS | flag::FAST | flag::ALLOW_BUSY)
    .categories(category::TRANSACTION)
    .group(Group::Transactions)
    .since("2.2.0")
    .summary("Watches no key any more.")
    .complexity("O(1)");

fn unwatch(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    srv.keyspace.watch.unwatch(call.client);
    call.out.ok();
    Ok(Done)
}

pub static EXEC: Command = Command::server("exec", &Run(exec))
    .special(special::UNQUEUED | special::RUNS_TRANSACTION)
    .arity(1)
    .flags(FLAGS | flag::SKIP_SLOWLOG)
    .categories(category::TRANSACTION)
    .group(Group::Transactions)
    .since("1.2.0")
    .summary("Runs the queued calls, with nothing in between.")
    .complexity("Depends on the queued calls.");

fn exec(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let broken = match call.session.multi {
        Multi::No => return Err(CmdError::Fixed("ERR EXEC without MULTI")),
        Multi::Open => false,
        Multi::Broken => true,
    };
    let touched = srv.keyspace.is_watch_broken(call.client, srv.clock.now());
    srv.keyspace.watch.unwatch(call.client);
    if broken || touched {
        forget(srv, call);
        if broken {
            return Err(CmdError::EXEC_ABORT);
        }
        call.out.null_array();
        return Ok(Done);
    }
    let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    client.last_command = Some(call.id);
    // What is left behind says how much there is.
    let queued = client.transaction.as_mut().map(|left| {
        let (count, bytes) = (left.count, left.bytes);
        let whole = Transaction { count, bytes, ..Transaction::default() };
        std::mem::replace(&mut **left, whole)
    });
    call.out.array(queued.as_ref().map_or(0, |queued| queued.count));
    if let Some(mut queued) = queued {
        run_queued(srv, call, &mut queued);
        srv.clients.end_transaction(call.client, queued);
    }
    call.session.multi = Multi::No;
    srv.hold_still();
    Ok(Done)
}

/// Runs the queued calls, each of which writes one element of the answer.
fn run_queued(srv: &mut Box<Server>, call: &mut Call, transaction: &mut Transaction) {
    let (cmd, id, started_us, reply) = (call.cmd, call.id, call.started_us, call.session.reply);
    let query = std::mem::replace(&mut call.query, std::mem::take(&mut transaction.scratch));
    let mut waiting = call.out.owed();
    for &inner in &transaction.commands {
        if !transaction.queue.pop_into(&mut call.query) {
            break;
        }
        call.id = inner;
        call.cmd = srv.commands.entry(inner).command;
        let mark = call.out.begin();
        exec::run_inner(srv, call, mark);
        waiting -= 1;
        call.out.owe(waiting);
    }
    transaction.scratch = std::mem::replace(&mut call.query, query);
    (call.cmd, call.id, call.started_us) = (cmd, id, started_us);
    let wished = std::mem::replace(&mut call.session.reply, reply);
    call.session.reply = reply.then(wished);
}

impl ReplyMode {
    /// Whether EXEC is answered was decided before it; what its calls have said holds from the next
    /// call on. In Redis, parts of the array would be missing, and the client could not make sense
    /// of anything that follows.
    fn then(self, wished: ReplyMode) -> ReplyMode {
        match (self, wished) {
            _ if self == wished => self,
            (ReplyMode::On, ReplyMode::Off) => ReplyMode::ThenOff,
            (ReplyMode::On, _) => ReplyMode::ThenSkip,
            // A call that is not to be answered, and those behind it are.
            (_, ReplyMode::On) => ReplyMode::Skip,
            (_, wished) => wished,
        }
    }
}

/// Puts a request of an open transaction aside. Of one that is lost anyway nothing is kept.
pub fn enqueue(srv: &mut Server, call: &mut Call) {
    let lost = call.session.multi == Multi::Broken || srv.keyspace.watch.is_dirty(call.client);
    if !lost {
        let flags = script::flags(&srv.script, call);
        srv.clients.enqueue(call.client, &call.query, (call.id, flags));
    }
    call.out.simple("QUEUED");
}

/// The flags of what a call will do: EXEC does what its queue does, and a script what it says.
pub fn flags(srv: &Server, call: &Call) -> u64 {
    let queued = || {
        let client = srv.clients.get(call.client)?;
        Some(client.transaction.as_ref()?.flags)
    };
    if call.cmd.is(special::RUNS_TRANSACTION) && call.session.multi == Multi::Open {
        call.cmd.flags | queued().unwrap_or(0)
    } else {
        script::flags(&srv.script, call)
    }
}

/// A call was refused: the transaction it would have been part of cannot be carried out. EXEC
/// itself ends it, and the text of its answer says why. Compat: so it does where there is no
/// transaction.
pub fn refuse(
    srv: &mut Server,
    call: &mut Call,
    is_known: bool,
    error: &CmdError,
) -> Option<CmdError> {
    if call.session.multi != Multi::No {
        call.session.multi = Multi::Broken;
    }
    if !is_known || !call.cmd.is(special::RUNS_TRANSACTION) {
        return None;
    }
    forget(srv, call);
    Some(CmdError::exec_abort(error))
}

/// Ends a transaction without running it, and watches nothing any more.
pub fn forget(srv: &mut Server, call: &mut Call) {
    call.session.multi = Multi::No;
    srv.keyspace.watch.unwatch(call.client);
    srv.clients.drop_transaction(call.client);
}
