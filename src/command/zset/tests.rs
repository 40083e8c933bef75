//! Sorted set commands, on a whole server.
