//! Watched keys: WATCH makes EXEC refuse when a key it names was touched.
//!
//! The dirty bit lives here, where the writer is: a write touches `(database, key)`, and whoever watches it
//! is marked. Clients are ids. With nobody watching a write pays one test.

use std::collections::{HashMap, HashSet};

use super::DbIndex;
use crate::base::slab::Id;

/// Who watches what, and whose watch is broken.
#[derive(Debug, Default)]
pub struct Watch {
    keys: HashMap<Watched, Vec<Watcher>>,
    clients: HashMap<Id, Vec<Watched>>,
    dirty: HashSet<Id>,
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
        let watchers = self.keys.entry(Watched { db, key: key.into() }).or_default();
        if watchers.iter().any(|w| w.client == client) {
            return;
        }
        watchers.push(Watcher { client, was_expired });
        self.clients.entry(client).or_default().push(Watched { db, key: key.into() });
    }

    /// A client watches nothing any more, and its watch is whole again.
    pub fn unwatch(&mut self, client: Id) {
        self.dirty.remove(&client);
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
        self.dirty.contains(&client)
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
        for watcher in self.keys.get_mut(&Watched { db, key: key.into() }).into_iter().flatten() {
            if is_news || !watcher.was_expired {
                self.dirty.insert(watcher.client);
            }
            watcher.was_expired = false;
        }
    }

    /// Databases were emptied or exchanged: all their watched keys that existed before or exist now, as
    /// `exists` says, are touched.
    pub fn touch_databases(&mut self, exists: impl Fn(DbIndex, &[u8]) -> bool) {
        for (name, watchers) in &self.keys {
            if exists(name.db, &name.key) {
                self.dirty.extend(watchers.iter().map(|w| w.client));
            }
        }
    }

    /// Keys watched by anyone, and clients that watch.
    pub fn counts(&self) -> (usize, usize) {
        (self.keys.len(), self.clients.len())
    }
}
