//! What may block for the sake of the disk happens on a thread of its own: forcing files out,
//! closing, removing.
//!
//! Jobs are done in the order in which they were given. The reactor never waits for the thread; it
//! looks at counters: how many syncs are under way, up to which offset of the append-only file all
//! is on the disk, and whether the last sync failed. There are no locks around data: files come by
//! `Arc`, paths by ownership. A forked child has no such thread and must give it nothing to do.
//!
//! Before [`Bio::start`] (in tests) jobs are done at once.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};

use super::disk::Disk;
use crate::base::affinity;

/// A job.
#[derive(Debug)]
pub enum Job {
    /// Force a file's data out; it was so many bytes of the append-only file, all its parts
    /// included.
    Sync { file: Arc<File>, offset: u64 },
    /// Close a file that nobody writes to any more, forced out before if it matters.
    Close { file: Arc<File>, sync: bool },
    /// Remove a file; what is left of a failure is only the space it takes.
    Remove(PathBuf),
    /// Tell that all that was given before is done.
    Tell(Sender<()>),
}

#[derive(Debug, Default)]
struct Shared {
    syncs_pending: AtomicU32,
    /// The errno of the last sync; 0 when it went well.
    sync_error: AtomicI32,
    /// Syncs that have failed so far: an error may be over before anybody has looked.
    failures: AtomicU32,
    synced_to: AtomicU64,
}

impl Shared {
    fn note_failure(&self, error: &std::io::Error) {
        self.failures.fetch_add(1, SeqCst);
        self.sync_error.store(error.raw_os_error().unwrap_or(libc::EIO), SeqCst);
    }
}

/// The reactor's end.
#[derive(Debug, Default)]
pub struct Bio {
    sender: Option<Sender<Job>>,
    shared: Arc<Shared>,
    disk: Disk,
}

impl Bio {
    pub fn new(disk: Disk) -> Bio {
        Bio { disk, ..Bio::default() }
    }

    /// Starts the thread, on the processors of a list. Must not come before the process has gone
    /// into the background.
    pub fn start(&mut self, cpus: &str) -> std::io::Result<()> {
        let (sender, receiver) = channel::<Job>();
        let (shared, disk) = (Arc::clone(&self.shared), self.disk.clone());
        affinity::spawn("bio_aof", cpus, move || {
            for job in receiver {
                work(&shared, &disk, job);
            }
        })?;
        self.sender = Some(sender);
        Ok(())
    }

    pub fn give(&self, job: Job) {
        if matches!(job, Job::Sync { .. }) {
            self.shared.syncs_pending.fetch_add(1, SeqCst);
        }
        let unsent = match &self.sender {
            None => Some(job),
            // The thread goes only with the process: else the work is done here.
            Some(sender) => sender.send(job).err().map(|back| back.0),
        };
        if let Some(job) = unsent {
            work(&self.shared, &self.disk, job);
        }
    }

    /// Syncs that were asked for and are not done.
    pub fn syncs_pending(&self) -> u32 {
        self.shared.syncs_pending.load(SeqCst)
    }

    /// The errno of the last sync, unless it went well.
    pub fn sync_error(&self) -> Option<i32> {
        match self.shared.sync_error.load(SeqCst) {
            0 => None,
            errno => Some(errno),
        }
    }

    /// Syncs that have failed so far.
    pub fn failures(&self) -> u32 {
        self.shared.failures.load(SeqCst)
    }

    /// Up to which offset the append-only file is known to be on the disk.
    pub fn synced_to(&self) -> u64 {
        self.shared.synced_to.load(SeqCst)
    }

    /// A sync in the foreground went well up to there.
    pub fn note_synced(&self, offset: u64) {
        self.shared.synced_to.fetch_max(offset, SeqCst);
        self.shared.sync_error.store(0, SeqCst);
    }

    /// Waits until all jobs are done: the end of the server.
    pub fn drain(&self) {
        let (done, told) = channel();
        self.give(Job::Tell(done));
        // If the thread is gone there is nothing to wait for.
        let _ = told.recv();
    }

    /// Pretends that a sync takes its time.
    #[cfg(test)]
    pub fn hold(&self, pending: u32) {
        self.shared.syncs_pending.store(pending, SeqCst);
    }
}

fn work(shared: &Shared, disk: &Disk, job: Job) {
    match job {
        Job::Sync { file, offset } => {
            match disk.sync_data(&file) {
                Ok(()) => {
                    shared.synced_to.fetch_max(offset, SeqCst);
                    shared.sync_error.store(0, SeqCst);
                }
                Err(error) => shared.note_failure(&error),
            }
            shared.syncs_pending.fetch_sub(1, SeqCst);
        }
        Job::Close { file, sync } => {
            if sync && let Err(error) = disk.sync_data(&file) {
                shared.note_failure(&error);
            }
            drop(file);
        }
        Job::Remove(path) => {
            let _ = disk.remove(&path); // Tried again at the next start.
        }
        Job::Tell(done) => {
            let _ = done.send(()); // Who asked may have gone.
        }
    }
}

#[test]
fn jobs_are_done_in_order_with_and_without_a_thread() {
    use super::disk::{Fault, Op, Scratch};
    let scratch = Scratch::new("bio");
    for threaded in [false, true] {
        let (disk, faults) = Disk::faulty();
        let mut bio = Bio::new(disk.clone());
        if threaded {
            bio.start("").expect("a thread");
        }
        let path = scratch.0.join("a");
        let file = Arc::new(disk.create(&path).expect("created"));
        bio.give(Job::Sync { file: Arc::clone(&file), offset: 7 });
        bio.drain();
        assert_eq!((bio.synced_to(), bio.sync_error(), bio.syncs_pending()), (7, None, 0));
        faults.plan(Fault::once(Op::Sync, libc::EIO, 0));
        bio.give(Job::Sync { file: Arc::clone(&file), offset: 9 });
        bio.give(Job::Remove(path.clone()));
        bio.drain();
        assert_eq!((bio.synced_to(), bio.sync_error()), (7, Some(libc::EIO)));
        assert!(!path.exists());
    }
}
