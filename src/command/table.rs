//! The table of commands: the only list. A record stands beside its function; this file names it once.

use super::Command;
use super::commands as own;
use super::connection as conn;
use super::string;
use crate::acl::commands as acl;
use crate::client::commands as client;
use crate::config::commands as config;
use crate::info::commands as info;
use crate::observe::commands as observe;
use crate::observe::latency::commands as latency;

/// All top-level commands, by name.
pub static COMMANDS: &[&Command] = &[
    &string::APPEND,
    &acl::AUTH,
    &client::CLIENT,
    &own::COMMAND,
    &observe::COMMANDLOG,
    &config::CONFIG,
    &string::DECR,
    &string::DECRBY,
    &string::DELIFEQ,
    &conn::ECHO,
    &string::GET,
    &string::GETDEL,
    &string::GETEX,
    &string::GETRANGE,
    &string::GETSET,
    &acl::HELLO,
    &string::INCR,
    &string::INCRBY,
    &string::INCRBYFLOAT,
    &info::INFO,
    &latency::LATENCY,
    &string::LCS,
    &own::LOLWUT,
    &string::MGET,
    &observe::MONITOR,
    &string::MSET,
    &string::MSETEX,
    &string::MSETNX,
    &conn::PING,
    &string::PSETEX,
    &client::QUIT,
    &client::RESET,
    &client::SELECT,
    &string::SET,
    &string::SETEX,
    &string::SETNX,
    &string::SETRANGE,
    &observe::SLOWLOG,
    &string::STRLEN,
    &string::SUBSTR,
    &own::TIME,
];
