//! The undo log: how to take back what a script has done to the data (`script-undo yes`).
//!
//! ```text
//!   call            noted before it runs                      taken back, the last one first, by
//!   SET a           a as it was, unless it was noted before   putting it back
//!   MOVE a 1        a here and there                          putting both back
//!   SWAPDB 0 1      that                                      exchanging them again; keys are noted anew
//!   FLUSHDB         how many databases the keyspace keeps     laying back those that it has kept since
//! ```
//!
//! So the log takes as much memory as the keys that a script changes. What a call does to keys that
//! can be told neither by its words nor so, and what it does outside of the data, cannot be undone:
//! MIGRATE, and FLUSHALL where it overwrites the snapshot. Such a script runs to its end, as
//! without the log. Events and messages that were told in the meantime stay told; who caches a key
//! is told once more, and watches of it stay broken. Deletions of expired keys, which are not the
//! script's doing, stand for replicas and the AOF, too, and so do messages.

use std::collections::HashSet;

use crate::base::clock::UnixMillis;
use crate::command::generic;
use crate::command::getkeys::{self, Found};
use crate::command::key_spec::key_flag;
use crate::command::{Call, Reach, special};
use crate::keyspace::entry::Entry;
use crate::keyspace::events::Event;
use crate::keyspace::{DbIndex, Keyspace};

/// What is to be taken back, and how.
enum Step {
    Key {
        db: DbIndex,
        key: Box<[u8]>,
        before: Option<Entry>,
    },
    Swap(DbIndex, DbIndex),
    /// The keyspace kept so many flushed databases before.
    Flush(usize),
}

#[derive(Default)]
pub struct Undo {
    is_on: bool,
    /// FLUSHALL writes a snapshot of nothing.
    flushes_file: bool,
    steps: Vec<Step>,
    /// Keys that were noted since databases were exchanged last.
    noted: HashSet<(DbIndex, Box<[u8]>)>,
}

impl Undo {
    /// A script begins.
    pub fn begin(&mut self, is_on: bool, flushes_file: bool) {
        (self.is_on, self.flushes_file) = (is_on, flushes_file);
        self.forget();
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Nothing is to be taken back.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// A call is about to write. Returns whether that can be undone.
    pub fn note(&mut self, keyspace: &mut Keyspace, call: &Call, now: UnixMillis) -> bool {
        if !self.is_on {
            return false;
        }
        let (here, args) = (call.session.db, call.args());
        // Of calls whose words are wrong nothing is noted: they will be refused.
        match call.cmd.reach {
            Reach::Outside => return false,
            Reach::FlushAll if self.flushes_file => return false,
            Reach::Flush | Reach::FlushAll => {
                keyspace.keep_flushed();
                self.steps.push(Step::Flush(keyspace.flushed()));
            }
            Reach::Swap => {
                let named = |at: usize| generic::database(keyspace, args.at(at));
                if let (Ok(a), Ok(b)) = (named(1), named(2)) {
                    self.steps.push(Step::Swap(a, b));
                    self.noted.clear();
                }
            }
            Reach::Copy => {
                if let Ok((target, _)) = generic::copy_options(args, here, keyspace) {
                    self.note_key(keyspace, (target, args.at(2)), now);
                }
            }
            Reach::Move => {
                let target = generic::database(keyspace, args.at(2));
                for db in target.into_iter().chain([here]) {
                    self.note_key(keyspace, (db, args.at(1)), now);
                }
            }
            Reach::Keys => {
                let Ok(found) = getkeys::find(call.cmd, args) else { return true };
                return self.note_keys(keyspace, call, found, now);
            }
        }
        true
    }

    fn note_keys(
        &mut self,
        keyspace: &mut Keyspace,
        call: &Call,
        found: Found,
        now: UnixMillis,
    ) -> bool {
        // Keys that are only read need no copy.
        let beside = call.cmd.is(special::WRITES_BESIDE);
        let mut is_named = false;
        for key in found.keys() {
            is_named = true;
            if beside || key.flags & key_flag::RO == 0 {
                self.note_key(keyspace, (call.session.db, call.args().at(key.at)), now);
            }
        }
        is_named
    }

    fn note_key(&mut self, keyspace: &mut Keyspace, place: (DbIndex, &[u8]), now: UnixMillis) {
        let (db, key) = (place.0, Box::<[u8]>::from(place.1));
        if !self.noted.insert((db, key.clone())) {
            return;
        }
        let mut selected = keyspace.select(db, now);
        // An expired key goes for good, and this is no access.
        selected.settle(&key);
        let before = selected.peek(&key);
        let before = before.map(|entry| Entry::new(&key, entry.copy_value(), entry.meta()));
        self.steps.push(Step::Key { db, key, before });
    }

    /// Takes everything back.
    pub fn roll_back(&mut self, keyspace: &mut Keyspace, now: UnixMillis) {
        for step in std::mem::take(&mut self.steps).into_iter().rev() {
            match step {
                Step::Key { db, key, before } => put_back(keyspace, (db, &key), before, now),
                Step::Swap(a, b) => keyspace.swap(a, b, now),
                Step::Flush(kept) => keyspace.unflush(kept, now),
            }
        }
    }

    /// The script is over.
    pub fn end(&mut self, keyspace: &mut Keyspace) {
        if self.is_on {
            keyspace.free_flushed();
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.steps.clear();
        self.noted.clear();
    }
}

fn put_back(
    keyspace: &mut Keyspace,
    (db, key): (DbIndex, &[u8]),
    before: Option<Entry>,
    now: UnixMillis,
) {
    let wanted = keyspace.events.pause();
    let mut selected = keyspace.select(db, now);
    let existed = before.is_some();
    let exists = match before {
        Some(entry) => selected.put(entry).is_some(),
        None => selected.remove(key, false),
    };
    keyspace.events.want(wanted);
    if existed || exists {
        keyspace.select(db, now).changed(key, Event::generic("undo"), 0);
    }
}

#[cfg(test)]
mod tests;
