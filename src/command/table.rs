//! The table of commands: the only list. A record stands beside its function; this file names it once.

use super::Command;
use super::connection as conn;

/// All top-level commands, by name.
pub static COMMANDS: &[&Command] = &[&conn::ECHO, &conn::PING];
