//! Lazy freeing: large values, whole databases and what else is large are dropped by a thread.
//!
//! Ownership travels over a channel: what the reactor detaches, only the thread can still reach. There is no
//! lock around data and nothing to wait for; two counters say how much is on its way and how much is done.
//! Before [`Lazyfree::start`] (in tests and simulations, and in a child) everything is dropped at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

use super::db::Db;
use super::entry::Entry;
use crate::base::affinity;

/// Values with more allocations than this are worth the trip.
pub const EFFORT_MIN: usize = 64;

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
    pub fn start(&mut self, cpus: &str) -> std::io::Result<()> {
        let (sender, receiver) = channel::<Garbage>();
        let (pending, freed) = (Arc::clone(&self.pending), Arc::clone(&self.freed));
        affinity::spawn("bio_lazy_free", cpus, move || {
            for garbage in receiver {
                let objects = garbage.objects();
                drop(garbage);
                crate::base::alloc::flush();
                freed.fetch_add(objects, Relaxed);
                pending.fetch_sub(objects, Relaxed);
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
        if let Err(back) = sender.send(garbage) {
            // The thread is gone, which only the end of the process does: drop it here.
            drop(back);
            self.pending.fetch_sub(objects, Relaxed);
        }
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
