//! Persistence: the data on disk, and values as payloads.
//!
//! ```text
//!   rdb/   snapshots: the format, saving, loading, DUMP and RESTORE
//!   file   a new file that takes an old one's place at once or not at all
//! ```
//!
//! Saving and loading know the data and a sink or a source of bytes, nothing of a server: the same code runs in the
//! foreground, in a forked child, over a socket and in the checker. Whoever needs the server is a `driver` or a `commands`.

pub mod file;
pub mod rdb;
