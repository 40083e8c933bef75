//! Data structures: pure, without clock, file or server.
//!
//! [`table`] is the hash table under everything that is looked up by name: the keyspace itself, fields,
//! members, channels. [`listpack`] is the blob that small collections are. [`hash`] is its keyed hash, [`record`] an element for most uses. [`words`] is an ordered set
//! of 64-bit items, [`tally`] counts with quick sums. [`bits`] works on the bits of strings, [`hyperloglog`] on those
//! strings that count; [`avx2`] makes both fast where the processor can.

pub mod avx2;
pub mod bits;
pub mod hash;
pub mod hyperloglog;
pub mod listpack;
pub mod record;
pub mod table;
pub mod tally;
pub mod words;
