//! What lets people see: the log and the crash report.

pub mod crash;
pub mod log;
pub mod raw_log;
pub mod syslog;
