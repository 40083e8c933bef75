//! Databases that were flushed and are kept for a while: what flushed them may be undone (a script,
//! see `script-undo`).
//!
//! While somebody may want them back, a flush puts what it takes out here instead of freeing it,
//! which costs nothing. They come back in the opposite order, or are freed together when nobody can
//! want them any more.

use super::db::Db;
use super::lazyfree::Freeing;
use super::touched::Touch;
use super::watch::Presence;
use super::{DbIndex, Keyspace};
use crate::base::clock::UnixMillis;

/// A database as it was.
pub(super) struct Flushed {
    index: DbIndex,
    db: Db,
    freeing: Freeing,
    /// Its tables knew of a child whose pages they must not move.
    paused: bool,
}

impl Keyspace {
    /// What is flushed is kept from now on.
    pub fn keep_flushed(&mut self) {
        self.flushed.get_or_insert_default();
    }

    /// Databases that are kept.
    pub fn flushed(&self) -> usize {
        self.flushed.as_ref().map_or(0, Vec::len)
    }

    /// Nobody wants them back.
    pub fn free_flushed(&mut self) {
        for Flushed { db, freeing, .. } in self.flushed.take().into_iter().flatten() {
            self.lazyfree.free_database(db, freeing);
        }
    }

    /// Keeps a flushed database if that is wanted; else hands it back.
    pub(super) fn keep(&mut self, index: DbIndex, db: Db, freeing: Freeing) -> Option<Db> {
        let paused = self.paused;
        match &mut self.flushed {
            None => Some(db),
            Some(kept) => {
                kept.push(Flushed { index, db, freeing, paused });
                None
            }
        }
    }

    /// Takes flushes back, all but the first `left`, the last one first. What has come into the
    /// databases since is gone.
    pub fn unflush(&mut self, left: usize, now: UnixMillis) {
        while self.flushed() > left
            && let Some(flushed) = self.flushed.as_mut().and_then(Vec::pop)
        {
            let Flushed { index, mut db, paused, .. } = flushed;
            if paused != self.paused {
                db.keys.pause_moves(self.paused);
            }
            let since = std::mem::replace(self.db_mut(index), db);
            self.touched.push(Touch::Flushed, self.events.len());
            let Keyspace { watch, dbs, .. } = self;
            let keys = &dbs[index.0 as usize].keys;
            watch.touch_databases(|changed, key| {
                let becomes = match keys.find(keys.hash(key), key) {
                    _ if changed != index => return None,
                    None => Presence::Absent,
                    Some(entry) if entry.deadline().is_some_and(|at| at < now) => Presence::Expired,
                    Some(_) => Presence::Live,
                };
                Some((since.keys.find(since.keys.hash(key), key).is_some(), becomes))
            });
            self.blocked.touch_database(index);
        }
    }
}
