//! Scripts and functions: EVAL and its kin, the script cache, libraries of functions.
//!
//! ```text
//!   commands.rs, functions/commands.rs      what users ask for
//!         │
//!      eval.rs  functions/registry.rs       which function of Lua that is: caches, shebangs, libraries
//!         │
//!      bridge.rs                            runs it: the server moves into the bridge, and out again when Lua ends
//!         │  redis.call ──► server::exec    and the answer comes back through convert.rs
//!      sandbox.rs  libs/                    what a script finds there
//!         │
//!      lua/                                 the machine
//! ```
//!
//! There are two machines, made when they are first needed: one for scripts, which SCRIPT FLUSH
//! throws away, and one for functions. What is known of the script that runs stands in
//! [`Scripts::running`], where others who are served meanwhile can see it and ask it to end.

pub mod api;
pub mod bridge;
pub mod commands;
pub mod convert;
pub mod eval;
pub mod functions;
pub mod libs;
pub mod lua;
pub mod sandbox;
pub mod shebang;
pub mod undo;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bridge::Engine;
use eval::Cache;
use functions::registry::Libraries;
use shebang::script_flag;

use crate::command::{Call, flag, special};

/// The part of the server that knows scripts.
#[derive(Debug, Default)]
pub struct Scripts {
    /// The machine for scripts, unless there was none yet or it is running.
    pub eval: Option<Box<Engine>>,
    /// The machine for functions.
    pub functions: Option<Box<Engine>>,
    pub cache: Cache,
    pub libraries: Libraries,
    pub running: Option<Running>,
    /// Bytes of both machines as of their last rest.
    pub machine_bytes: [usize; 2],
    /// Scripts that the cache has dropped for want of room.
    pub evicted: u64,
}

impl Scripts {
    /// Bytes of the machine for scripts and of the one for functions; of one that runs, what it had
    /// before.
    pub fn machines(&self) -> [usize; 2] {
        let both = [&self.eval, &self.functions];
        std::array::from_fn(|i| match both[i] {
            Some(engine) => engine.used(),
            None => self.machine_bytes[i],
        })
    }
}

/// The two kinds of what can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Script,
    Function,
}

/// The flags of a call that may be one of a script or function: those of its command, unless the
/// script says what it will do.
pub fn flags(scripts: &Scripts, call: &Call) -> u64 {
    let all = call.cmd.flags;
    let name = call.args().get(1).unwrap_or_default();
    let promised = if call.cmd.is(special::RUNS_SCRIPT) {
        shebang::of_script(name).ok().map(|(promised, _)| promised)
    } else if call.cmd.is(special::RUNS_DIGEST) {
        eval::sha_in(name).and_then(|sha| Some(scripts.cache.peek(&sha)?.flags))
    } else if call.cmd.is(special::RUNS_FUNCTION) {
        scripts.libraries.find(name).map(|function| function.flags)
    } else {
        return all;
    };
    match promised {
        None => all,
        Some(promised) if promised & script_flag::COMPAT != 0 => all,
        Some(promised) if promised & script_flag::NO_WRITES != 0 => all & !flag::MAY_REPLICATE,
        Some(_) => all & !flag::MAY_REPLICATE | flag::WRITE,
    }
}

/// The script or function that runs.
#[derive(Debug)]
pub struct Running {
    pub form: Form,
    /// The digest of a script in hexadecimal, or the name of a function.
    pub name: Arc<str>,
    /// Monotonic microseconds.
    pub started_us: u64,
    /// It has taken so long that others are served meanwhile; the words of its command, for them to
    /// see.
    pub slow: Option<Vec<Box<[u8]>>>,
    /// It has written.
    pub wrote: bool,
    /// What it wrote can be taken back.
    pub undoable: bool,
    /// Somebody has asked it to end.
    pub killed: bool,
}
