//! What the server says it is.

/// The version of Redis whose behaviour and features clients may expect: INFO, HELLO and LOLWUT say
/// it, and the payloads of functions and snapshots name it.
pub const COMPAT_VERSION: &str = "8.2.3";
