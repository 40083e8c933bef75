//! Data structures: pure, without clock, file or server.
//!
//! [`table`] is the hash table under everything that is looked up by name: the keyspace itself, fields,
//! members, channels. [`hash`] is its keyed hash.

pub mod hash;
pub mod table;
