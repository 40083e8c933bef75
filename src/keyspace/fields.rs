//! Fields that go away by themselves: the same promises as for keys, one level down.
//!
//! ```text
//!   on access   whoever reaches a hash first removes what is due of it, up to ACCESS_MAX fields; more than that is hidden
//!               behind the view's horizon and left to the cycle, so that no command takes long
//!   on change   a field that a command is about to change is removed first if it is due, hidden or not
//!   cycle       between commands, hash by hash in order of their earliest deadlines (`Db::parts`), a few fields at a time
//! ```
//!
//! A field that goes away is a change like any other: watchers learn of it, `hexpired` is
//! announced, replicas and the AOF are told HDEL (through [`Deleted`]). A hash that has lost its
//! last field goes too; that follows from the HDEL and is not told. On a replica nothing is removed
//! before the primary says so; fields are hidden only.

#[cfg(test)]
mod tests;

use super::entry::EntryRef;
use super::events::Event;
use super::selected::Selected;
use super::touched::Touch;
use super::{DbIndex, Deleted, Expire, Gone, Keyspace};
use crate::base::clock::UnixMillis;
use crate::types::hash::Hash;
use crate::types::{Object, View};

/// Fields that one access removes at most: some hundred microseconds.
const ACCESS_MAX: usize = 1024;

const HEXPIRED: Event = Event::hash("hexpired");
const DEL: Event = Event::generic("del");

impl Selected<'_> {
    /// The moment before which fields are gone, whether they are still there or not.
    #[inline]
    pub fn horizon(&self) -> UnixMillis {
        match self.expire {
            Expire::Delete | Expire::Hide => self.now,
            Expire::Ignore => UnixMillis(i64::MIN),
        }
    }

    /// Removes those of the given fields that are due. To be called before a command changes them.
    #[inline]
    pub fn settle_fields<'f>(&mut self, key: &[u8], fields: impl Iterator<Item = &'f [u8]>) {
        if self.db().parts.has_due(self.now) && self.expire != Expire::Ignore {
            self.settle_fields_slow(key, fields);
        }
    }

    #[cold]
    fn settle_fields_slow<'f>(&mut self, key: &[u8], fields: impl Iterator<Item = &'f [u8]>) {
        if !self.settle(key) {
            return;
        }
        let now = self.now;
        let is_due = |db: &Self, field: &[u8]| {
            let found = db.peek(key).and_then(EntryRef::of_type::<Hash>)?.find(field)?;
            found.is_due(now).then(|| field.into())
        };
        let due: Vec<Box<[u8]>> = fields.filter_map(|field| is_due(self, field)).collect();
        if due.is_empty() {
            return;
        }
        let hash = self.hash(key);
        let Ok(Some(mut edit)) = self.edit_found::<Hash>(key, hash) else { return };
        due.iter().for_each(|field| {
            edit.remove(field);
        });
        let is_empty = edit.view().is_empty();
        drop(edit);
        let (index, is_ours) = (self.index, self.expires_by_itself());
        if is_ours {
            self.keyspace.bury_fields(index, key, due);
        }
        if is_empty {
            // What was hidden on a replica goes without a word.
            self.keyspace.remove_emptied(index, hash, key, is_ours);
        }
    }
}

impl Keyspace {
    /// Removes what is due of a hash that somebody reaches. True when nothing is left of it.
    pub(super) fn expire_fields_on_access(
        &mut self,
        index: DbIndex,
        hash: u64,
        key: &[u8],
        now: UnixMillis,
    ) -> bool {
        self.expire_fields(index, hash, key, (now, ACCESS_MAX));
        self.db(index).keys.find(hash, key).is_none()
    }

    /// Removes fields of the hash that has waited longest, at most `max`, and says how many. `key`
    /// is a buffer.
    pub(super) fn expire_next_fields(
        &mut self,
        index: DbIndex,
        now: UnixMillis,
        max: usize,
        key: &mut Vec<u8>,
    ) -> usize {
        let db = self.db_mut(index);
        let Some(due) = db.parts.first().filter(|due| due.deadline < now) else { return 0 };
        let Some(entry) = db.keys.find_due(due, |entry| entry.part_deadline()) else {
            debug_assert!(false, "the index has only what is there");
            db.parts.pop_due(now);
            return 1;
        };
        key.clear();
        key.extend_from_slice(entry.key());
        let hash = db.keys.hash(key);
        self.expire_fields(index, hash, key, (now, max))
    }

    /// Removes fields of a hash whose deadlines lie before a moment, at most so many, and says how
    /// many.
    fn expire_fields(
        &mut self,
        index: DbIndex,
        hash: u64,
        key: &[u8],
        (now, max): (UnixMillis, usize),
    ) -> usize {
        let mut db = self.select(index, now);
        db.no_touch = true;
        let Ok(Some(mut edit)) = db.edit_found::<Hash>(key, hash) else { return 0 };
        let mut fields = Vec::new();
        edit.take_due(now, max, |field| fields.push(field.to_vec().into()));
        let (count, is_empty) = (fields.len(), edit.view().is_empty());
        drop(edit);
        if count > 0 {
            self.bury_fields(index, key, fields);
        }
        if is_empty {
            self.remove_emptied(index, hash, key, true);
        }
        count
    }

    /// What goes with the removal of fields that were due.
    fn bury_fields(&mut self, index: DbIndex, key: &[u8], fields: Vec<Box<[u8]>>) {
        self.stats.expired_subkeys += fields.len() as u64;
        self.events.push(index, HEXPIRED, key);
        self.watch.touch(index, key);
        self.touched.push(Touch::Removed(key), self.events.len());
        self.deleted.push(Deleted { db: index, key: key.into(), what: Gone::Fields(fields) });
    }

    /// Removes a hash that has lost its last field.
    fn remove_emptied(&mut self, index: DbIndex, hash: u64, key: &[u8], announce: bool) {
        if let Some(entry) = self.db_mut(index).remove(hash, key) {
            self.discard(entry, self.tuning.lazy_expire);
            if announce {
                self.events.push(index, DEL, key);
            }
        }
    }
}
