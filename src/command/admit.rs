//! The column of gates: may this call run now?
//!
//! Each state that can forbid commands is one bit. The bits that hold for the server (loading, paused, ...) and those
//! that hold for the client (not authenticated, ...) are or-ed, and a command's record knows which of them concern it;
//! so a call that nothing stands against costs one test. Otherwise the gates are asked in the reference's order, and the
//! first that objects decides. Texts are those of Redis 8.2.

use super::{Call, CmdError, Command, flag};
use crate::config::Guard;
use crate::resp::Proto;
use crate::server::{LongWork, Server, multi};

/// What holds at this moment.
pub mod state {
    /// Always set: for commands that are guarded by an option.
    pub const ALWAYS: u32 = 1;
    /// The client has not authenticated.
    pub const STRANGER: u32 = 1 << 1;
    /// CLIENT PAUSE ... ALL is in force.
    pub const PAUSED_ALL: u32 = 1 << 2;
    /// CLIENT PAUSE ... WRITE is in force.
    pub const PAUSED_WRITES: u32 = 1 << 3;
    /// There are monitors, and this client may be one.
    pub const MONITORED: u32 = 1 << 4;
    /// The client has begun a transaction.
    pub const IN_MULTI: u32 = 1 << 5;
    /// The client has subscriptions.
    pub const LISTENING: u32 = 1 << 6;
    /// The data are being loaded.
    pub const LOADING: u32 = 1 << 7;
    /// A script takes its time.
    pub const BUSY: u32 = 1 << 8;
    /// There is a limit for the memory of keys or of clients. No gate: room is made before any is asked.
    pub const LIMITED: u32 = 1 << 9;
    /// The limit is passed, and there is nothing to evict.
    pub const OUT_OF_MEMORY: u32 = 1 << 10;
    /// Changes cannot be kept: the disk fails.
    pub const UNSAFE: u32 = 1 << 11;
    /// `min-replicas-to-write` wants replicas, and there are none.
    pub const TOO_FEW_REPLICAS: u32 = 1 << 12;
}

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
    (state::ALWAYS, guarded),
    (state::STRANGER, stranger),
    (state::IN_MULTI, forbidden_in_multi),
    (state::OUT_OF_MEMORY, out_of_memory),
    (state::UNSAFE, unsafe_to_write),
    (state::TOO_FEW_REPLICAS, too_few_replicas),
    (state::LISTENING, listening),
    (state::LOADING, loading),
    (state::BUSY, busy),
    (state::MONITORED, monitoring),
    (state::PAUSED_ALL | state::PAUSED_WRITES, paused),
    (state::IN_MULTI, queued),
];

/// Commands that a transaction does not put aside.
const UNQUEUED: &[&str] = &["discard", "exec", "multi", "quit", "reset", "watch"];

/// What a client of RESP2 may do while it has subscriptions.
const LISTENERS: &[&str] = &[
    "ping",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "unsubscribe",
];

/// The states that concern a command.
pub fn concerns(command: &Command) -> u32 {
    // What EXEC and scripts need depends on the call, so the gate itself looks at the flags.
    let mut bits = state::PAUSED_ALL | state::OUT_OF_MEMORY;
    if command.has(flag::PROTECTED) {
        bits |= state::ALWAYS;
    }
    if !command.has(flag::NO_AUTH) {
        bits |= state::STRANGER;
    }
    let is_exec = command.name == "exec";
    if command.has(flag::WRITE | flag::MAY_REPLICATE) || is_exec {
        bits |= state::PAUSED_WRITES;
    }
    if !LISTENERS.contains(&command.name) {
        bits |= state::LISTENING;
    }
    // Compat: PING tells that the server is not well.
    if command.has(flag::WRITE | flag::MAY_REPLICATE) || is_exec || command.name == "ping" {
        bits |= state::UNSAFE;
    }
    if command.has(flag::WRITE | flag::MAY_REPLICATE) || is_exec {
        bits |= state::TOO_FEW_REPLICAS;
    }
    if !command.has(flag::LOADING) {
        bits |= state::LOADING;
    }
    if !command.has(flag::ALLOW_BUSY) {
        bits |= state::BUSY;
    }
    if !UNQUEUED.contains(&command.name) {
        bits |= state::IN_MULTI;
    }
    if command.has(flag::WRITE | flag::MAY_REPLICATE | flag::READONLY) {
        bits |= state::MONITORED;
    }
    bits
}

/// Asks the gates of the states in `bits`, all of which hold and concern the command.
#[cold]
pub fn check(srv: &Server, call: &Call, bits: u32) -> Admission {
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
    if call.cmd.has(flag::WRITE) && srv.states & (state::UNSAFE | state::TOO_FEW_REPLICAS) != 0 {
        if srv.states & state::UNSAFE != 0 {
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
    let (guard, name) = match call.cmd.name.split('|').next() {
        Some("debug") => (srv.conf.security.enable_debug_command, "DEBUG"),
        _ => (srv.conf.security.enable_module_command, "MODULE"),
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
    if call.cmd.name != "ping" && multi::flags(srv, call) & flag::WRITE == 0 {
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
        Some(client) if client.marks.monitor => Admission::Refuse(CmdError::NO_KEYSPACE),
        _ => Admission::Run,
    }
}

/// A paused client waits in front of its command; what is needed to end the pause is let through by [`concerns`].
fn paused(srv: &Server, call: &Call) -> Admission {
    let writes = flag::WRITE | flag::MAY_REPLICATE;
    let only_writes = srv.clients.pause.states() & state::PAUSED_ALL == 0;
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
