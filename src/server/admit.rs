//! The column of gates: may this call run now?
//!
//! A call that no state concerns ([`states`]) never comes here. Otherwise the gates are asked in
//! the reference's order, and the first that objects decides. Texts are those of Redis 8.2.

use super::{Server, multi};
use crate::command::states::LongWork;
use crate::command::{Call, CmdError, Origin, flag, special, states};
use crate::config::Guard;
use crate::resp::Proto;

/// What the gates say.
#[derive(Debug)]
pub enum Admission {
    Run,
    Refuse(CmdError),
    /// Wait, and ask again: the client stands still meanwhile.
    Postpone,
    /// Put it aside for EXEC.
    Queue,
}

type Gate = fn(&Server, &Call) -> Admission;

const GATES: &[(u32, Gate)] = &[
    (states::ALWAYS, guarded),
    (states::STRANGER, stranger),
    (states::IN_MULTI, forbidden_in_multi),
    (states::OUT_OF_MEMORY, out_of_memory),
    (states::UNSAFE, unsafe_to_write),
    (states::TOO_FEW_REPLICAS, too_few_replicas),
    (states::LISTENING, listening),
    (states::LOADING, loading),
    (states::BUSY, busy),
    (states::MONITORED, monitoring),
    (states::PAUSED_ALL | states::PAUSED_WRITES, paused),
    (states::IN_MULTI, queued),
];

/// Asks the gates of the states in `bits`, all of which hold and concern the command.
#[cold]
pub fn check(srv: &Server, call: &Call, bits: u32) -> Admission {
    let bits = match call.origin {
        Origin::Primary => bits & states::OF_PRIMARY,
        _ => bits,
    };
    for (states, gate) in GATES {
        if states & bits != 0 {
            match gate(srv, call) {
                Admission::Run => {}
                objection => return objection,
            }
        }
    }
    Admission::Run
}

/// What stands against a call from inside a script, which has passed the gates itself.
#[inline]
pub fn check_inside(srv: &Server, call: &Call) -> Option<CmdError> {
    if call.cmd.has(flag::WRITE) && srv.states & (states::UNSAFE | states::TOO_FEW_REPLICAS) != 0 {
        if srv.states & states::UNSAFE != 0 {
            return Some(misconf(srv));
        }
        return Some(CmdError::NO_REPLICAS);
    }
    if !call.cmd.has(flag::PROTECTED) {
        return None;
    }
    match guarded(srv, call) {
        Admission::Refuse(error) => Some(error),
        _ => None,
    }
}

/// DEBUG and MODULE: what `enable-debug-command` and `enable-module-command` say.
fn guarded(srv: &Server, call: &Call) -> Admission {
    let (guard, name) = match call.cmd.is(special::ABOUT_MODULES) {
        false => (srv.conf.security.enable_debug_command, "DEBUG"),
        true => (srv.conf.security.enable_module_command, "MODULE"),
    };
    let is_local = || srv.clients.get(call.client).is_some_and(|c| c.conn.is_local());
    match guard {
        Guard::Yes => Admission::Run,
        Guard::Local if is_local() => Admission::Run,
        _ => Admission::Refuse(CmdError::guarded(name)),
    }
}

/// Who came in before a password was taken away needs none any more.
fn stranger(srv: &Server, _: &Call) -> Admission {
    if !srv.conf.security.needs_password() {
        return Admission::Run;
    }
    Admission::Refuse(CmdError::NO_AUTH)
}

/// What could need memory is refused, also when it is to be put aside for EXEC.
fn out_of_memory(srv: &Server, call: &Call) -> Admission {
    if multi::flags(srv, call) & flag::DENYOOM != 0 {
        return Admission::Refuse(CmdError::OUT_OF_MEMORY);
    }
    Admission::Run
}

/// In RESP2 there is no telling answers from messages.
fn listening(_: &Server, call: &Call) -> Admission {
    if call.out.proto() == Proto::Resp3 {
        return Admission::Run;
    }
    Admission::Refuse(CmdError::only_listens(call.cmd.name))
}

fn unsafe_to_write(srv: &Server, call: &Call) -> Admission {
    if !call.cmd.is(special::TELLS_HEALTH) && multi::flags(srv, call) & flag::WRITE == 0 {
        return Admission::Run;
    }
    Admission::Refuse(misconf(srv))
}

/// `min-replicas-to-write`: too few replicas would have what is written.
fn too_few_replicas(srv: &Server, call: &Call) -> Admission {
    if multi::flags(srv, call) & flag::WRITE == 0 {
        return Admission::Run;
    }
    Admission::Refuse(CmdError::NO_REPLICAS)
}

/// Why changes cannot be kept.
pub fn misconf(srv: &Server) -> CmdError {
    match srv.aof.trouble() {
        Some(errno) => CmdError::aof_fails(&std::io::Error::from_raw_os_error(errno)),
        None => CmdError::SNAPSHOTS_FAIL,
    }
}

fn loading(_: &Server, _: &Call) -> Admission {
    Admission::Refuse(CmdError::LOADING)
}

fn busy(srv: &Server, _: &Call) -> Admission {
    Admission::Refuse(busy_error(srv.long_work).unwrap_or(CmdError::BUSY_SCRIPT))
}

/// What keeps others from being served, if it is a script or a function.
pub fn busy_error(long_work: LongWork) -> Option<CmdError> {
    match long_work {
        LongWork::Script => Some(CmdError::BUSY_SCRIPT),
        LongWork::Function => Some(CmdError::BUSY_FUNCTION),
        LongWork::None | LongWork::Loading => None,
    }
}

/// A client that watches others has no business with keys of its own.
fn monitoring(srv: &Server, call: &Call) -> Admission {
    if multi::flags(srv, call) & (flag::WRITE | flag::MAY_REPLICATE | flag::READONLY) == 0 {
        return Admission::Run;
    }
    match srv.clients.get(call.client) {
        Some(client) if client.peer.is_monitor() => Admission::Refuse(CmdError::NO_KEYSPACE),
        _ => Admission::Run,
    }
}

/// A paused client waits in front of its command; what is needed to end the pause is let through by
/// [`concerns`].
fn paused(srv: &Server, call: &Call) -> Admission {
    let writes = flag::WRITE | flag::MAY_REPLICATE;
    let only_writes = srv.clients.pause.states() & states::PAUSED_ALL == 0;
    if only_writes && multi::flags(srv, call) & writes == 0 {
        return Admission::Run;
    }
    Admission::Postpone
}

fn forbidden_in_multi(_: &Server, call: &Call) -> Admission {
    if call.cmd.has(flag::NO_MULTI) {
        return Admission::Refuse(CmdError::NO_MULTI);
    }
    Admission::Run
}

fn queued(_: &Server, _: &Call) -> Admission {
    Admission::Queue
}
