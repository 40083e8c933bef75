//! What the server observes of itself, for those who run it.
//!
//! * [`slowlog`]: the last calls that were slow, or large on the way in or out (SLOWLOG,
//!   COMMANDLOG);
//! * [`latency`]: spikes of named events over time (LATENCY HISTORY and its kin), and
//!   [`histogram`], which counts the durations of one command (LATENCY HISTOGRAM, INFO
//!   latencystats);
//! * [`monitor`]: the live stream of commands;
//! * [`rates`]: the `instantaneous_*` figures of INFO; [`usage`]: memory and processor time;
//!   [`memory`]: what it is used for;
//! * [`redact`]: which words of a call are secrets, for all who show calls.
//!
//! Everything here is paid for on the path of every command, so each part is built so that the
//! usual case is one comparison or one addition; `server::exec` holds the calls. No part knows the
//! server, but for [`commands`] and [`latency_commands`](latency::commands) and those of
//! [`memory`], which answer the users.

pub mod commands;
pub mod histogram;
pub mod latency;
pub mod memory;
pub mod monitor;
pub mod rates;
pub mod redact;
pub mod requests;
pub mod slowlog;
pub mod usage;
