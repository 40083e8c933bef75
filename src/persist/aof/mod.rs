//! The append-only file: every change of the data, in the order in which it happened.
//!
//! ```text
//!   manifest   which files count                 folder   the same on the disk, and names
//!   append     the increment being written       reader   files, command by command
//!   rewrite    all data as commands              load, start        at the beginning
//!   driver, commands   what the server does with all this
//! ```
//!
//! [`Aof`] is the part of a server that knows how its file stands.
//!
//! ```text
//!   Off ──CONFIG SET appendonly yes──► Waiting ──the base is written──► On ──appendonly no──► Off
//!                                       writes go to temp-S.incr          writes go to S.<n>.incr.aof
//! ```

pub mod append;
pub mod commands;
pub mod driver;
pub mod folder;
pub mod load;
pub mod manifest;
pub mod reader;
pub mod rewrite;
pub mod start;

#[cfg(test)]
mod tests;

use append::Appender;
use folder::Folder;
use manifest::Manifest;

use super::bio::Bio;
use super::disk::Disk;

/// Whether changes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Off,
    On,
    /// It is being switched on: nothing counts until the first base is written.
    Waiting,
}

/// How rewrites have gone.
#[derive(Clone, Copy, Debug)]
pub struct Rewrites {
    /// One is to begin as soon as it may.
    pub scheduled: bool,
    /// Of those for which there was a fork, or should have been (INFO `aof_rewrites`).
    pub count: u64,
    pub last_ok: bool,
    pub last_s: i64,
    pub failures_in_a_row: u32,
    /// None begins by itself before this second.
    pub not_before_s: i64,
    /// The log has been told of that.
    pub is_limit_told: bool,
    /// Whether the base under way is a snapshot.
    pub as_rdb: bool,
}

impl Default for Rewrites {
    fn default() -> Rewrites {
        Rewrites {
            scheduled: false,
            count: 0,
            last_ok: true,
            last_s: -1,
            failures_in_a_row: 0,
            not_before_s: 0,
            is_limit_told: false,
            as_rdb: true,
        }
    }
}

impl Rewrites {
    /// Failures in a row after which those that begin by themselves are put off.
    const PATIENCE: u32 = 3;
    const LONGEST_MIN: i64 = 60;

    /// One has failed: from the third on, the next is put off by 1, 2, 4, ... minutes.
    pub fn note_failure(&mut self, now_s: i64) {
        self.last_ok = false;
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= Self::PATIENCE {
            let doublings = (self.failures_in_a_row - Self::PATIENCE).min(6);
            let minutes = (1i64 << doublings).min(Self::LONGEST_MIN);
            self.not_before_s = now_s + 60 * minutes;
            self.is_limit_told = false;
        }
    }

    pub fn note_success(&mut self) {
        self.last_ok = true;
        self.forget_failures();
    }

    /// Somebody asks for one by hand, and it has to wait for a child: not for what went wrong
    /// before.
    pub fn forget_failures(&mut self) {
        (self.failures_in_a_row, self.not_before_s) = (0, 0);
    }
}

/// The append-only file of a server.
#[derive(Default)]
pub struct Aof {
    pub state: State,
    pub folder: Folder,
    pub manifest: Manifest,
    pub appender: Option<Appender>,
    pub bio: Bio,
    /// Bytes of the base, of increments that are not written to any more, and of the whole when it
    /// was last rewritten.
    pub base_size: u64,
    pub earlier_size: u64,
    pub rewritten_size: u64,
    /// What was told before the increment that waits for its base.
    pub waiting_from: i64,
    /// Bytes handed to the system since the start, and up to which a sync was asked for.
    pub written: u64,
    pub sync_asked: u64,
    /// Monotonic milliseconds.
    pub last_sync_ms: u64,
    /// When a write was put off for a sync that takes its time.
    pub put_off_ms: Option<u64>,
    /// Writes that waited so long for a sync that they went ahead (INFO `aof_delayed_fsync`).
    pub delayed_syncs: u64,
    /// The errno of the write that failed, until one goes well.
    pub write_error: Option<i32>,
    /// When a failing write is tried again, and when its failure is logged again.
    pub retry_ms: u64,
    pub complain_ms: u64,
    pub rewrites: Rewrites,
    /// Syncs in the background that failed and were reacted to.
    pub failures_seen: u32,
    /// The gates have been told of trouble.
    pub is_ailing: bool,
    /// What is promised cannot be kept: the process has to end without another answer.
    pub is_broken: bool,
}

impl Aof {
    pub fn new(disk: Disk) -> Aof {
        let bio = Bio::new(disk.clone());
        Aof { folder: Folder::new(disk, "", "", ""), bio, ..Aof::default() }
    }

    /// Bytes of all files that count.
    pub fn size(&self) -> u64 {
        self.base_size + self.earlier_size + self.appender.as_ref().map_or(0, Appender::size)
    }

    /// Memory of what waits to be written.
    pub fn buffer_bytes(&self) -> usize {
        self.appender.as_ref().map_or(0, |appender| appender.buf.capacity())
    }

    /// Whether it has grown so much that it should be rewritten: returns by how many percent.
    pub fn is_overgrown(&self, percentage: u32, min_bytes: u64) -> Option<u64> {
        let (size, base) = (self.size(), self.rewritten_size.max(1));
        if percentage == 0 || size <= min_bytes {
            return None;
        }
        let growth = (size * 100 / base).saturating_sub(100);
        (growth >= u64::from(percentage)).then_some(growth)
    }
}

impl std::fmt::Debug for Aof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aof {{ {:?}, {} bytes }}", self.state, self.size())
    }
}

#[test]
fn failed_rewrites_are_put_off_longer_and_longer_up_to_an_hour() {
    let mut rewrites = Rewrites::default();
    let waits = (0..12).map(|_| {
        rewrites.note_failure(1_000_000);
        (rewrites.not_before_s - 1_000_000).max(0) / 60
    });
    let waits: Vec<_> = waits.collect();
    assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
}
