//! Data structures: pure, without clock, file or server.
//!
//! [`table`] is the hash table under everything that is looked up by name: the keyspace itself, fields,
//! members, channels. [`listpack`] is the blob that small collections are. [`hash`] is its keyed hash, [`record`] an element for most uses. [`words`] is an ordered set
//! of 64-bit items, [`tally`] counts with quick sums.

pub mod hash;
pub mod listpack;
pub mod ordered;
pub mod record;
pub mod table;
pub mod tally;
pub mod words;
