//! Data structures: pure, without clock, file or server.
//!
//! * [`ascending`]: an ordered map for keys that mostly grow
//! * [`avx2`]: loops of `bits` and `hyperloglog` for processors that have that unit
//! * [`bits`]: counting, finding, combining the bits of strings, and the numbers in them
//! * [`expiry`]: an index of deadlines
//! * [`geohash`]: places on the earth as scores, and distances between them
//! * [`hash`]: the keyed hash of the table
//! * [`hyperloglog`]: strings that count how many different elements they have seen
//! * [`intset`]: the blob of small sets of integers
//! * [`listpack`]: the blob that small collections are
//! * [`ordered`]: members with scores, found by member and by order
//! * [`quicklist`]: a chain of listpacks: long lists
//! * [`record`]: an element of the table, for most uses
//! * [`table`]: the hash table under everything that is looked up by name: the keyspace itself,
//!   fields, members, channels
//! * [`tally`]: counts with quick sums
//! * [`words`]: an ordered set of 64-bit items

pub mod ascending;
pub mod avx2;
pub mod bits;
pub mod expiry;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod listpack;
pub mod ordered;
pub mod quicklist;
pub mod record;
pub mod table;
pub mod tally;
pub mod words;
