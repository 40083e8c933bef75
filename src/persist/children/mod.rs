//! The children of a server: the one that lives, and what is remembered of those that have gone.
//!
//! There is never more than one, since two would copy memory twice; whoever wants another waits for
//! its turn.

pub mod commands;
pub mod driver;

use super::child::{Child, Spawner};

#[derive(Debug)]
pub struct Children {
    pub active: Option<Child>,
    /// How they come about.
    pub spawner: Spawner,
    /// How long the last fork took (INFO `latest_fork_usec`), and how many there were.
    pub last_fork_us: u64,
    pub forks: u64,
    /// Bytes that the last ones copied.
    pub snapshot_copied: u64,
    pub rewrite_copied: u64,
    /// A snapshot is to begin as soon as it may (BGSAVE SCHEDULE).
    pub snapshot_scheduled: bool,
    /// Seconds that the last snapshot took; -1: there was none.
    pub snapshot_took_s: i64,
    /// When the last one was tried.
    pub snapshot_tried_s: i64,
}

impl Default for Children {
    fn default() -> Children {
        Children {
            active: None,
            spawner: Spawner::Fork,
            last_fork_us: 0,
            forks: 0,
            snapshot_copied: 0,
            rewrite_copied: 0,
            snapshot_scheduled: false,
            snapshot_took_s: -1,
            snapshot_tried_s: 0,
        }
    }
}
