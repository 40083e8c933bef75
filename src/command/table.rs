//! The table of commands: the only list. A record stands beside its function; this file names it once.

use super::Command;
use super::{connection as conn, string};
use crate::acl::commands as acl;
use crate::client::commands as client;

/// All top-level commands, by name.
pub static COMMANDS: &[&Command] = &[
    &string::APPEND,
    &acl::AUTH,
    &client::CLIENT,
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
    &string::LCS,
    &string::MGET,
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
    &string::STRLEN,
    &string::SUBSTR,
];
