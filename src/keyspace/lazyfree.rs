//! Lazy freeing: large values, whole databases and what else is large are dropped by a thread.
//!
//! Ownership travels over a channel: what the reactor detaches, only the thread can still reach.
//! There is no lock around data; counters say how much is on its way and how much is done.
//!
//! A client that has flushed a large database is answered when it has been freed
//! ([`Freeing::Awaited`]). The reactor remembers the number of the last thing it has sent
//! ([`Lazyfree::sent`]) and asks to be woken when the thread has come so far
//! ([`Lazyfree::await_done`]).
//!
//! Before [`Lazyfree::start`] (in tests and simulations, and in a child) everything is dropped at
//! once.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::mpsc::{Sender, channel};

use super::db::Db;
use super::entry::Entry;
use crate::base::affinity;

/// Values with more allocations than this are worth the trip.
pub const EFFORT_MIN: usize = 64;

/// Keys, or allocations of their values, that are not worth to wait for the thread: half a
/// millisecond of freeing.
const WAIT_MIN: usize = 4096;

/// Who frees a flushed database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeing {
    /// The reactor, at once.
    Here,
    /// The thread; nobody waits for it.
    Lazily,
    /// The thread, while the client waits; the reactor if there is little to do. Compat: INFO
    /// counts both as freed lazily.
    Awaited,
}

/// What the thread is sent.
pub enum Garbage {
    Database(Box<Db>),
    Entry(Entry),
    /// What is no data, and counts as so many objects: a machine with its scripts.
    Other(Box<dyn Send>, usize),
}

// Everything a key can hold may be dropped by another thread.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Garbage>();
};

/// The reactor's end: the channel and the counters.
#[derive(Default)]
pub struct Lazyfree {
    sender: Option<Sender<Garbage>>,
    pending: Arc<AtomicUsize>,
    freed: Arc<AtomicUsize>,
    /// Things sent to the thread so far, and how many of them it has freed.
    sent: AtomicU64,
    done: Arc<AtomicU64>,
    /// Somebody waits until so many are freed.
    awaited: Arc<AtomicU64>,
}

impl Garbage {
    /// Objects that INFO counts it as.
    fn objects(&self) -> usize {
        match self {
            Garbage::Database(db) => db.keys.len(),
            Garbage::Entry(_) => 1,
            Garbage::Other(_, objects) => *objects,
        }
    }
}

impl Lazyfree {
    /// Starts the thread, on the processors of a list. Without it everything is freed at once.
    /// `wake` ends the sleep of the reactor.
    pub fn start(&mut self, cpus: &str, wake: impl Fn() + Send + 'static) -> std::io::Result<()> {
        let (sender, receiver) = channel::<Garbage>();
        let (pending, freed) = (Arc::clone(&self.pending), Arc::clone(&self.freed));
        let (done, awaited) = (Arc::clone(&self.done), Arc::clone(&self.awaited));
        affinity::spawn("bio_lazy_free", cpus, move || {
            for garbage in receiver {
                let objects = garbage.objects();
                drop(garbage);
                crate::base::alloc::flush();
                freed.fetch_add(objects, Relaxed);
                pending.fetch_sub(objects, Relaxed);
                // Either this thread sees that somebody waits, or the one who is about to wait sees
                // that it is done.
                let count = done.fetch_add(1, SeqCst) + 1;
                if awaited.load(SeqCst) >= count {
                    wake();
                }
            }
        })?;
        self.sender = Some(sender);
        Ok(())
    }

    /// Drops something, elsewhere if there is an elsewhere.
    pub fn free(&self, garbage: Garbage) {
        let objects = garbage.objects();
        let Some(sender) = &self.sender else {
            drop(garbage);
            self.freed.fetch_add(objects, Relaxed);
            return;
        };
        self.pending.fetch_add(objects, Relaxed);
        self.sent.fetch_add(1, Relaxed);
        if let Err(back) = sender.send(garbage) {
            // The thread is gone, which only the end of the process does: drop it here.
            drop(back);
            self.pending.fetch_sub(objects, Relaxed);
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Drops a database.
    pub(super) fn free_database(&self, db: Db, how: Freeing) {
        let objects = db.keys.len();
        let by_thread = match how {
            Freeing::Here => false,
            Freeing::Lazily => objects > 0,
            Freeing::Awaited => is_much(&db),
        };
        if by_thread {
            return self.free(Garbage::Database(Box::new(db)));
        }
        drop(db);
        if how != Freeing::Here {
            self.freed.fetch_add(objects, Relaxed);
        }
    }

    /// Things sent to the thread so far: the number of the last one.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// True if the thing of this number has been freed, and all before it; else the reactor is
    /// woken when it has.
    pub fn await_done(&self, number: u64) -> bool {
        self.awaited.fetch_max(number, SeqCst);
        self.done.load(SeqCst) >= number
    }

    /// Objects on their way (`lazyfree_pending_objects`).
    pub fn pending(&self) -> usize {
        self.pending.load(Relaxed)
    }

    /// Objects freed so far (`lazyfreed_objects`).
    pub fn freed(&self) -> usize {
        self.freed.load(Relaxed)
    }

    /// Begins the count anew (CONFIG RESETSTAT).
    pub fn reset_freed(&self) {
        self.freed.store(0, Relaxed);
    }
}

/// True when freeing takes long enough for others to be served meanwhile.
fn is_much(db: &Db) -> bool {
    let mut effort = db.keys.len();
    if effort < WAIT_MIN {
        effort += db.keys.iter().map(|entry| entry.free_effort()).sum::<usize>();
    }
    effort >= WAIT_MIN
}
