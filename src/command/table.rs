//! The table of commands: the only list. A record stands beside its function; this file names it once.

use super::Command;
use super::commands as own;
use super::connection as conn;
use crate::acl::commands as acl;
use crate::client::commands as client;
use crate::config::commands as config;
use crate::server::{commands as server, debug};

/// All top-level commands, by name.
pub static COMMANDS: &[&Command] = &[
    &acl::AUTH,
    &client::CLIENT,
    &own::COMMAND,
    &config::CONFIG,
    &debug::DEBUG,
    &conn::ECHO,
    &acl::HELLO,
    &own::LOLWUT,
    &conn::PING,
    &client::QUIT,
    &client::RESET,
    &client::SELECT,
    &server::SHUTDOWN,
    &own::TIME,
];
