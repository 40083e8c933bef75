//! Persistence: the data on disk, and values as payloads.
//!
//! ```text
//!   aof/   the append-only file: manifest, writing, reading, rewriting
//!   bio    a thread for what may block
//!   disk   the door to files, with a place for faults
//! ```

pub mod aof;
pub mod bio;
pub mod disk;
