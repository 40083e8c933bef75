//! States that can forbid commands: one bit each.
//!
//! The bits that hold for the server (loading, paused, ...) and those that hold for the client (not
//! authenticated, ...) are or-ed, and a command's record knows which of them concern it
//! ([`concerns`]); so a call that nothing stands against costs one test. What a state means for a
//! call that it concerns is decided by the gates of `server::admit`.

use super::{Command, flag, special};

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
/// There is a limit for the memory of keys or of clients. No gate: room is made before any is
/// asked.
pub const LIMITED: u32 = 1 << 9;
/// The limit is passed, and there is nothing to evict.
pub const OUT_OF_MEMORY: u32 = 1 << 10;
/// Changes cannot be kept: the disk fails.
pub const UNSAFE: u32 = 1 << 11;
/// `min-replicas-to-write` wants replicas, and there are none.
pub const TOO_FEW_REPLICAS: u32 = 1 << 12;

/// What concerns calls of the primary, too. Everything else was the primary's to judge.
pub const OF_PRIMARY: u32 = ALWAYS | IN_MULTI;

/// Work that takes so long that others are served meanwhile, within limits: see the gates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongWork {
    #[default]
    None,
    /// The data are being read from a file or from a primary.
    Loading,
    /// A script of EVAL has run for longer than `busy-reply-threshold`.
    Script,
    /// The same for a function.
    Function,
}

/// The states that concern a command.
pub fn concerns(command: &Command) -> u32 {
    // What EXEC and scripts need depends on the call, so the gate itself looks at the flags.
    let mut bits = PAUSED_ALL | OUT_OF_MEMORY;
    if command.has(flag::PROTECTED) {
        bits |= ALWAYS;
    }
    if !command.has(flag::NO_AUTH) {
        bits |= STRANGER;
    }
    let is_exec = command.is(special::RUNS_TRANSACTION);
    if command.has(flag::WRITE | flag::MAY_REPLICATE) || is_exec {
        bits |= PAUSED_WRITES;
    }
    if !command.is(special::FOR_LISTENERS) {
        bits |= LISTENING;
    }
    // Compat: PING tells that the server is not well.
    if command.has(flag::WRITE | flag::MAY_REPLICATE)
        || is_exec
        || command.is(special::TELLS_HEALTH)
    {
        bits |= UNSAFE;
    }
    if command.has(flag::WRITE | flag::MAY_REPLICATE) || is_exec {
        bits |= TOO_FEW_REPLICAS;
    }
    if !command.has(flag::LOADING) {
        bits |= LOADING;
    }
    if !command.has(flag::ALLOW_BUSY) {
        bits |= BUSY;
    }
    if !command.is(special::UNQUEUED) {
        bits |= IN_MULTI;
    }
    if command.has(flag::WRITE | flag::MAY_REPLICATE | flag::READONLY) {
        bits |= MONITORED;
    }
    bits
}
