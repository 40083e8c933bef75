//! The ground floor: pure pieces that every other room stands on, and the doors to the world
//! (clock, random source, files).
//!
//! Nothing here knows of clients, keys or the server. What reads bytes from outside takes them as a
//! slice and answers with an `Option`; nothing panics on them, and nothing allocates more than a
//! small multiple of its input.

pub mod affinity;
pub mod alloc;
pub mod cells;
pub mod clock;
pub mod cpu;
pub mod crc;
pub mod double;
#[cfg(test)]
pub mod effort;
pub mod extended;
pub mod files;
pub mod glob;
pub mod line;
pub mod lzf;
pub mod memory;
pub mod offset;
pub mod os;
pub mod pages;
pub mod rng;
pub mod slab;
pub mod split;
pub mod tape;
pub mod text;
pub mod version;
