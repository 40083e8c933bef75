//! The table of commands: the only list. A record stands beside its function; this file names it once.

use super::Command;
use super::commands as own;
use super::connection as conn;
use super::{generic, string};
use crate::acl::commands as acl;
use crate::client::commands as client;
use crate::config::commands as config;
use crate::info::commands as info;
use crate::observe::commands as observe;
use crate::observe::latency::commands as latency;
use crate::server::{commands as server, debug};

/// All top-level commands, by name.
pub static COMMANDS: &[&Command] = &[
    &string::APPEND,
    &acl::AUTH,
    &client::CLIENT,
    &own::COMMAND,
    &observe::COMMANDLOG,
    &config::CONFIG,
    &generic::COPY,
    &generic::DBSIZE,
    &debug::DEBUG,
    &string::DECR,
    &string::DECRBY,
    &generic::DEL,
    &string::DELIFEQ,
    &conn::ECHO,
    &generic::EXISTS,
    &generic::EXPIRE,
    &generic::EXPIREAT,
    &generic::EXPIRETIME,
    &generic::FLUSHALL,
    &generic::FLUSHDB,
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
    &generic::KEYS,
    &latency::LATENCY,
    &string::LCS,
    &own::LOLWUT,
    &generic::MEMORY,
    &string::MGET,
    &observe::MONITOR,
    &generic::MOVE,
    &string::MSET,
    &string::MSETEX,
    &string::MSETNX,
    &generic::OBJECT,
    &generic::PERSIST,
    &generic::PEXPIRE,
    &generic::PEXPIREAT,
    &generic::PEXPIRETIME,
    &conn::PING,
    &string::PSETEX,
    &generic::PTTL,
    &client::QUIT,
    &generic::RANDOMKEY,
    &generic::RENAME,
    &generic::RENAMENX,
    &client::RESET,
    &generic::SCAN,
    &client::SELECT,
    &string::SET,
    &string::SETEX,
    &string::SETNX,
    &string::SETRANGE,
    &server::SHUTDOWN,
    &observe::SLOWLOG,
    &string::STRLEN,
    &string::SUBSTR,
    &generic::SWAPDB,
    &own::TIME,
    &generic::TOUCH,
    &generic::TTL,
    &generic::TYPE,
    &generic::UNLINK,
];
