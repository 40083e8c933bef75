//! Changing a collection.
//!
//! A command that changes a list, set, hash or sorted set borrows it as the owned type through an
//! [`Edit`]:
//!
//! ```text
//!   boxed   the object itself
//!   small   its blob is copied out of the entry into a scratch buffer, and back when the edit ends: over the old one if the
//!           size class stays the same, into a new entry if it does not, into a box once it is no small blob any more
//!   new     nothing stands in the table until the edit ends, and nothing will if the value is still empty then
//! ```
//!
//! An edit also keeps the index of the earliest fields in step, whatever happens to them meanwhile,
//! and the counts of sizes. It says nothing of the change: that is [`Selected::changed`],
//! afterwards.

use std::mem::{replace, take};
use std::ops::{Deref, DerefMut};

use super::db::{Db, Keys};
use super::entry::{Boxed, Entry, Meta, SHORT_MAX, Value};
use super::events::{Event, Events};
use super::selected::{Selected, WrongType, touch_entry};
use super::sizes::{Bin, Sizes};
use super::{DbIndex, Keyspace};
use crate::base::clock::UnixMillis;
use crate::ds::expiry::Expiry;
use crate::ds::table::{Slot, Whereabouts};
use crate::types::{Form, View};

/// A collection that is being changed. It ends when it is dropped.
pub struct Edit<'a, T: Boxed> {
    place: Place<'a, T>,
    parts: &'a mut Expiry,
    sizes: &'a mut Sizes,
    /// Where the value is counted.
    bin: Bin,
    /// What the index of deadlines knows the key by.
    due_hash: u64,
    /// The earliest deadline of a part, as the index has it.
    deadline: Option<UnixMillis>,
}

enum Place<'a, T: Boxed> {
    Boxed(&'a mut T),
    Small {
        object: T,
        slot: Slot<'a, Entry>,
        scratch: &'a mut Vec<u8>,
    },
    New {
        object: T,
        keys: &'a mut Keys,
        key: &'a [u8],
        hash: u64,
        clock: u32,
        scratch: &'a mut Vec<u8>,
        events: (&'a mut Events, DbIndex),
    },
    /// The edit is over.
    Ended,
}

impl Selected<'_> {
    /// Reaches a collection in order to change it, if the key exists.
    pub fn edit<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
    ) -> Result<Option<Edit<'a, T>>, WrongType> {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) { Ok(None) } else { self.edit_found(key, hash) }
    }

    /// As [`Selected::edit`], for commands that count as reading what they change: a hit, or a
    /// miss, which is told.
    pub fn look_and_edit<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
    ) -> Result<Option<Edit<'a, T>>, WrongType> {
        if self.entry(key).is_none() { Ok(None) } else { self.edit(key) }
    }

    /// Reaches a collection in order to change it; a new one, empty, if there is no such key.
    pub fn edit_or_create<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
    ) -> Result<Edit<'a, T>, WrongType> {
        let edit = self.edit_or_create_unless(key, |_, _| false)?;
        Ok(edit.expect("nobody has changed it"))
    }

    /// As [`Selected::edit_or_create`], unless `in_place` can change a small value where it stands,
    /// without changing its length or any deadline, and says so.
    #[inline]
    pub fn edit_or_create_unless<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
        in_place: impl FnOnce(Form, &mut [u8]) -> bool,
    ) -> Result<Option<Edit<'a, T>>, WrongType> {
        self.declared.writes(key);
        let hash = self.hash(key);
        let gone = self.is_gone(hash, key);
        let found = if gone { None } else { self.db().keys.whereabouts(hash, key) };
        if let Some(at) = found {
            return self.edit_at(key, hash, at, in_place);
        }
        let clock = self.keyspace.tuning.policy.fresh(self.now);
        let Keyspace { dbs, events, scratch, .. } = &mut *self.keyspace;
        let Db { keys, parts, sizes, .. } = &mut dbs[self.index.0 as usize];
        let due_hash = keys.due_hash(hash, key);
        let (events, object) = ((events, self.index), T::within(take(scratch)));
        let place = Place::New { object, keys, key, hash, clock, scratch, events };
        Ok(Some(Edit { place, parts, sizes, bin: Bin::NONE, due_hash, deadline: None }))
    }

    /// Reaches a collection if it is there. Nothing of it expires on the way.
    pub(super) fn edit_found<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
        hash: u64,
    ) -> Result<Option<Edit<'a, T>>, WrongType> {
        match self.db().keys.whereabouts(hash, key) {
            Some(at) => self.edit_at(key, hash, at, |_, _| false),
            None => Ok(None),
        }
    }

    /// Reaches a collection there. `None`: it is not there any more, or `in_place` has changed it.
    #[inline]
    fn edit_at<'a, T: Boxed>(
        &'a mut self,
        key: &'a [u8],
        hash: u64,
        at: (usize, Whereabouts),
        in_place: impl FnOnce(Form, &mut [u8]) -> bool,
    ) -> Result<Option<Edit<'a, T>>, WrongType> {
        let (now, no_touch) = (self.now, self.no_touch);
        let Keyspace { dbs, tuning, random, scratch, .. } = &mut *self.keyspace;
        let Db { keys, parts, sizes, .. } = &mut dbs[self.index.0 as usize];
        let due_hash = keys.due_hash(hash, key);
        let Some(mut slot) = keys.at(at) else { return Ok(None) };
        if !no_touch {
            touch_entry(&mut slot.edit(), tuning.policy, now, random);
        }
        if let Some((form, blob)) = slot.edit().packed_mut()
            && in_place(form, blob)
        {
            return Ok(None);
        }
        let deadline = slot.view().part_deadline();
        let place = match slot.view().packed() {
            None => Place::Boxed(slot.into_mut().into_boxed().ok_or(WrongType)?),
            Some((form, blob)) => {
                let mut buffer = take(scratch);
                buffer.clear();
                buffer.extend_from_slice(blob);
                let object = T::from_packed(form, buffer).ok_or(WrongType)?;
                Place::Small { object, slot, scratch }
            }
        };
        let mut edit = Edit { place, parts, sizes, bin: Bin::NONE, due_hash, deadline };
        edit.bin = Bin::of_object::<T>(edit.view());
        Ok(Some(edit))
    }
}

impl<T: Boxed> Deref for Edit<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.place {
            Place::Boxed(object) => object,
            Place::Small { object, .. } | Place::New { object, .. } => object,
            Place::Ended => unreachable!("an edit ends when it is dropped"),
        }
    }
}

impl<T: Boxed> DerefMut for Edit<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.place {
            Place::Boxed(object) => object,
            Place::Small { object, .. } | Place::New { object, .. } => object,
            Place::Ended => unreachable!("an edit ends when it is dropped"),
        }
    }
}

impl<T: Boxed> Drop for Edit<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let (deadline, bin) = (self.view().deadline(), self.bin_now());
        self.sizes.change(self.bin, bin);
        if !matches!(self.place, Place::Boxed(_)) {
            self.settle();
        }
        if deadline != self.deadline {
            self.parts.change(self.due_hash, self.deadline, deadline);
        }
    }
}

impl<T: Boxed> Edit<'_, T> {
    /// Where the value is to be counted: nowhere if it is new and empty, for it will not be stored.
    #[inline]
    fn bin_now(&self) -> Bin {
        match &self.place {
            Place::New { object, .. } if object.view().is_empty() => Bin::NONE,
            _ => Bin::of_object::<T>(self.view()),
        }
    }

    /// Puts an object that was changed outside of the table where it belongs.
    fn settle(&mut self) {
        match replace(&mut self.place, Place::Ended) {
            Place::Boxed(_) | Place::Ended => {}
            Place::Small { object, mut slot, scratch } => put_back(object, &mut slot, scratch),
            Place::New { object, scratch, .. } if object.view().is_empty() => {
                *scratch = object.into_blob().unwrap_or_default();
            }
            Place::New { object, keys, key, hash, clock, scratch, events: (events, db) } => {
                let meta = Meta { deadline: None, clock, is_raw: false };
                keys.insert_new(hash, entry_of(object, key, meta, scratch));
                events.push(db, Event::NEW, key);
            }
        }
    }
}

/// Puts a small collection back into its entry, or into one that it fits into.
fn put_back<T: Boxed>(object: T, slot: &mut Slot<'_, Entry>, scratch: &mut Vec<u8>) {
    if let Some((form, blob)) = object.packed()
        && blob.len() <= SHORT_MAX
        && slot.edit().overwrite_packed(form, blob)
    {
        *scratch = object.into_blob().unwrap_or_default();
        return;
    }
    let fresh = entry_of(object, slot.view().key(), slot.view().meta(), scratch);
    slot.replace(fresh);
}

/// The entry of a collection: a small one is copied into it, and its memory serves the next edit.
fn entry_of<T: Boxed>(mut object: T, key: &[u8], meta: Meta, scratch: &mut Vec<u8>) -> Entry {
    match object.packed() {
        Some((form, blob)) if blob.len() <= SHORT_MAX => {
            let entry = Entry::new(key, Value::Packed(form, blob), meta);
            *scratch = object.into_blob().unwrap_or_default();
            entry
        }
        _ => {
            object.move_out();
            Entry::new(key, T::to_value(Box::new(object)), meta)
        }
    }
}
