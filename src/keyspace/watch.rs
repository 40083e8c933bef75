//! Watched keys: WATCH makes EXEC refuse when a key it names was touched.
//!
//! The dirty bit lives here, where the writer is: a write touches `(database, key)`, and whoever
//! watches it is marked, and watches nothing any more, for nothing could mend its watch. (Compat:
//! where whole databases are emptied or exchanged its keys stay, as CLIENT LIST shows.) Clients are
//! ids. With nobody watching a write pays one test.

use std::collections::{HashMap, HashSet};

use super::{DbIndex, Keyspace};
use crate::base::clock::UnixMillis;
use crate::base::slab::Id;

/// Who watches what, and whose watch is broken.
#[derive(Debug, Default)]
pub struct Watch {
    keys: HashMap<Watched, Vec<Watcher>>,
    clients: HashMap<Id, Vec<Watched>>,
    dirty: HashSet<Id>,
}

/// How a key stands in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// Its deadline has passed, but nobody has removed it yet.
    Expired,
    Live,
}

/// A watched key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watched {
    pub db: DbIndex,
    pub key: Box<[u8]>,
}

#[derive(Debug)]
struct Watcher {
    client: Id,
    /// The key had already expired when it was watched: its removal is no news.
    was_expired: bool,
}

impl Watch {
    /// A client watches a key.
    pub fn watch(&mut self, client: Id, db: DbIndex, key: &[u8], was_expired: bool) {
        if self.is_dirty(client) {
            return;
        }
        let watchers = self.keys.entry(Watched { db, key: key.into() }).or_default();
        if watchers.iter().any(|w| w.client == client) {
            return;
        }
        watchers.push(Watcher { client, was_expired });
        self.clients.entry(client).or_default().push(Watched { db, key: key.into() });
    }

    /// A client watches nothing any more, and its watch is whole again.
    pub fn unwatch(&mut self, client: Id) {
        if !self.dirty.is_empty() {
            self.dirty.remove(&client);
        }
        if !self.clients.is_empty() {
            self.release(client);
        }
    }

    fn release(&mut self, client: Id) {
        for name in self.clients.remove(&client).unwrap_or_default() {
            if let Some(watchers) = self.keys.get_mut(&name) {
                watchers.retain(|w| w.client != client);
                if watchers.is_empty() {
                    self.keys.remove(&name);
                }
            }
        }
    }

    /// True when a key that the client watches was touched.
    pub fn is_dirty(&self, client: Id) -> bool {
        !self.dirty.is_empty() && self.dirty.contains(&client)
    }

    /// Keys that the client watches.
    pub fn watched(&self, client: Id) -> &[Watched] {
        self.clients.get(&client).map_or(&[], Vec::as_slice)
    }

    /// A key was changed.
    #[inline]
    pub fn touch(&mut self, db: DbIndex, key: &[u8]) {
        if !self.keys.is_empty() {
            self.mark(db, key, true);
        }
    }

    /// A key's deadline was seen to have passed, and it was removed.
    #[inline]
    pub fn touch_expired(&mut self, db: DbIndex, key: &[u8]) {
        if !self.keys.is_empty() {
            self.mark(db, key, false);
        }
    }

    fn mark(&mut self, db: DbIndex, key: &[u8], is_news: bool) {
        let mut told = Vec::new();
        for watcher in self.keys.get_mut(&Watched { db, key: key.into() }).into_iter().flatten() {
            if is_news || !watcher.was_expired {
                told.push(watcher.client);
            }
            watcher.was_expired = false;
        }
        self.tell(told);
    }

    fn tell(&mut self, clients: Vec<Id>) {
        for client in clients {
            self.dirty.insert(client);
            self.release(client);
        }
    }

    /// Databases are emptied or exchanged. `change` says of a watched key, unless its database
    /// stays as it is, whether it was there and what takes its place. A key that had expired
    /// before, or has when it comes, is as good as absent.
    pub fn touch_databases(&mut self, change: impl Fn(DbIndex, &[u8]) -> Option<(bool, Presence)>) {
        let mut told = Vec::new();
        for (name, watchers) in &mut self.keys {
            let Some((was_there, becomes)) = change(name.db, &name.key) else { continue };
            for watcher in watchers {
                let was_live = was_there && !watcher.was_expired;
                if was_live || becomes == Presence::Live {
                    told.push(watcher.client);
                }
                watcher.was_expired = becomes == Presence::Expired;
            }
        }
        self.dirty.extend(told);
    }

    /// Keys watched by anyone, and clients that watch.
    pub fn counts(&self) -> (usize, usize) {
        (self.keys.len(), self.clients.len())
    }
}

impl Keyspace {
    /// A client watches a key, from now on.
    pub fn watch_key(&mut self, client: Id, db: DbIndex, key: &[u8], now: UnixMillis) {
        let was_expired = self.select(db, now).is_stale(key);
        self.watch.watch(client, db, key, was_expired);
    }

    /// True when a key that the client watches was touched, or has expired since, even if nobody
    /// has seen that yet.
    pub fn is_watch_broken(&mut self, client: Id, now: UnixMillis) -> bool {
        if self.watch.keys.is_empty() || self.watch.is_dirty(client) {
            return self.watch.is_dirty(client);
        }
        let fresh = |name: &&Watched| {
            let watchers = self.watch.keys.get(name).into_iter().flatten();
            watchers.into_iter().any(|w| w.client == client && !w.was_expired)
        };
        let names: Vec<_> = self.watch.watched(client).iter().filter(fresh).cloned().collect();
        names.iter().any(|name| self.select(name.db, now).is_stale(&name.key))
    }
}
