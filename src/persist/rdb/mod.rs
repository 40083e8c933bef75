//! Snapshots: all data in one file, or one value in a payload.
//!
//! ```text
//!   save/    Keyspace ──► any `io::Write`            foreground, forked child, socket, base of an AOF
//!   load/    any `Host` (bytes in, keys out) ──►     start, DEBUG RELOAD, full synchronisation, the checker
//!   format   opcodes, types and versions that both speak
//! ```
//!
//! [`Snapshots`] is the part of a server that remembers what was saved and loaded, and when.

pub mod commands;
pub mod driver;
pub mod format;
pub mod load;
pub mod save;
#[cfg(test)]
mod tests;

/// How a load stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// Unix seconds when it began.
    pub since_s: i64,
    /// Bytes to be loaded, where that is known.
    pub total_bytes: u64,
    pub loaded_bytes: u64,
    /// What the server used when the snapshot was written.
    pub used_memory: u64,
}

/// What a load has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loads {
    pub keys: u64,
    /// Keys that were not kept because their time was over.
    pub expired: u64,
    /// Collections without elements, which are none.
    pub empty: u64,
}

/// What a server remembers of its snapshots, whoever wrote them.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// Unix seconds of the last one that succeeded; the start counts as one.
    pub last_save_s: i64,
    /// `Keyspace::dirty` when the last one that succeeded was begun: what came since is unsaved.
    pub saved_dirty: u64,
    /// Snapshots that were begun, however they ended (INFO `rdb_saves`).
    pub saves: u64,
    /// The last attempt succeeded: else writes stop (`stop-writes-on-bgsave-error`).
    pub last_ok: bool,
    /// A load is under way.
    pub loading: Option<Loading>,
    pub last_load: Loads,
    /// Unix seconds at which the snapshot that was loaded last says that it was written.
    pub created_s: Option<i64>,
}

impl Snapshots {
    /// Nothing was saved yet.
    pub fn new(now_s: i64) -> Snapshots {
        Snapshots {
            last_save_s: now_s,
            saved_dirty: 0,
            saves: 0,
            last_ok: true,
            loading: None,
            last_load: Loads::default(),
            created_s: None,
        }
    }

    /// A snapshot of the state at `dirty` is on the disk.
    pub fn saved(&mut self, dirty: u64, now_s: i64) {
        self.last_save_s = now_s;
        self.saved_dirty = dirty;
        self.last_ok = true;
    }

    /// Changes that no snapshot holds.
    pub fn unsaved(&self, dirty: u64) -> u64 {
        dirty.saturating_sub(self.saved_dirty)
    }
}
