//! Keys on their way into the keyspace: some at a time, so that the processor fetches the places of
//! all while the first ones go in.

use super::{Fault, corrupt};
use crate::keyspace::{DbIndex, Entry, Keyspace};

/// As many go in together.
const BATCH: usize = 32;

/// Keys that were loaded and are not in yet.
#[derive(Default)]
pub struct Inserter {
    waiting: Vec<(DbIndex, u64, Entry)>,
    /// A key that is there gives way instead of being an error.
    replace: bool,
}

impl Inserter {
    /// For keys that take the place of those that are there, or must not find any.
    pub fn new(replace: bool) -> Inserter {
        Inserter { replace, ..Inserter::default() }
    }

    /// Whether what is there gives way.
    pub fn replaces(&self) -> bool {
        self.replace
    }

    /// Takes a key, to go in now or soon.
    #[inline]
    pub fn add(&mut self, keyspace: &mut Keyspace, db: u32, entry: Entry) -> Result<(), Fault> {
        let db = DbIndex(db);
        let hash = keyspace.db(db).keys.prefetch_bucket(entry.view().key());
        self.waiting.push((db, hash, entry));
        if self.waiting.len() >= BATCH { self.settle(keyspace) } else { Ok(()) }
    }

    /// Lets all in that wait: to be called at the end.
    pub fn settle(&mut self, keyspace: &mut Keyspace) -> Result<(), Fault> {
        for (db, hash, entry) in self.waiting.drain(..) {
            let key = entry.view().key();
            let target = keyspace.db_mut(db);
            if target.keys.find(hash, key).is_some() {
                if !self.replace {
                    return corrupt("RDB has duplicated key");
                }
                drop(target.remove(hash, key));
            }
            target.insert(hash, entry);
        }
        Ok(())
    }
}
