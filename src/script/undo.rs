//! The undo log: what the keys were that a script is about to change (`script-undo yes`).
//!
//! Before a call that writes, each of its keys is copied unless it was before. If the script is killed, the copies are put
//! back, in no particular order since there is one of each key; what propagation would have told is forgotten. What a
//! call does to keys that it does not name cannot be undone: such a script runs to its end, as without the log. Events
//! and messages that were told in the meantime stay told.

use std::collections::HashMap;

use crate::base::clock::UnixMillis;
use crate::command::{Call, getkeys};
use crate::keyspace::entry::Entry;
use crate::keyspace::events::Event;
use crate::keyspace::{DbIndex, Keyspace};

/// Commands that reach into other databases.
const REACHING: &[&str] = &["copy", "move"];

#[derive(Default)]
pub struct Undo {
    is_on: bool,
    before: HashMap<(u32, Box<[u8]>), Option<Entry>>,
}

impl Undo {
    /// A script begins.
    pub fn begin(&mut self, is_on: bool) {
        self.is_on = is_on;
        self.before.clear();
    }

    /// A call is about to write. Returns whether that can be undone.
    pub fn note(&mut self, keyspace: &mut Keyspace, call: &Call, now: UnixMillis) -> bool {
        if !self.is_on || REACHING.contains(&call.cmd.name) {
            return false;
        }
        let Ok(found) = getkeys::find(call.cmd, call.args()) else {
            return true; // It will be refused.
        };
        let mut named = false;
        for key in found.keys() {
            named = true;
            let key = call.args().at(key.at);
            let place = (call.session.db.0, Box::from(key));
            self.before.entry(place).or_insert_with(|| {
                let mut db = keyspace.select(call.session.db, now);
                db.no_touch = true;
                let entry = db.entry(key)?;
                Some(Entry::new(key, entry.copy_value(), entry.meta()))
            });
        }
        named
    }

    /// Puts everything back.
    pub fn roll_back(&mut self, keyspace: &mut Keyspace, now: UnixMillis) {
        for ((db, key), before) in self.before.drain() {
            let mut db = keyspace.select(DbIndex(db), now);
            match before {
                Some(entry) => {
                    db.put(entry);
                }
                None => {
                    db.remove(&key, false);
                }
            }
            db.changed(&key, Event::generic("undo"), 0);
        }
    }

    /// The script is over.
    pub fn end(&mut self) {
        self.before.clear();
    }
}
