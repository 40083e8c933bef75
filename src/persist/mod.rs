//! Persistence: the data on disk, and values as payloads.
//!
//! ```text
//!   rdb/   snapshots: the format, saving, loading, DUMP and RESTORE
//!   aof/   the append-only file: manifest, writing, reading, rewriting
//!   file   a new file that takes an old one's place at once or not at all
//!   bio    a thread for what may block
//!   child, children   forks and their pipes; what a server does with them
//!   dismiss   the memory that a child gives back on its way
//!   disk   the door to streams of bytes, with a place for faults
//! ```
//!
//! Saving and loading know the data and a sink or a source of bytes, nothing of a server: the same
//! code runs in the foreground, in a forked child, over a socket and in the checker. Whoever needs
//! the server is a `driver` or a `commands`.

pub mod aof;
pub mod bio;
pub mod child;
pub mod children;
pub mod disk;
pub mod dismiss;
pub mod file;
#[cfg(any(test, feature = "sim"))]
pub mod power;
pub mod rdb;
