//! One database as a command sees it.
//!
//! Every way to reach a key goes through here, and does what a key wants on the way:
//!
//! ```text
//!   get, entry    read:   expiry on access, access clock, hit or miss, `keymiss` event
//!   edit          change a collection: expiry on access, access clock; see `edit`
//!   settle, peek  expiry first for several keys, then looks without any effect
//!   set, remove   store and take away: table, index of deadlines, `new` and `overwritten` events, lazy freeing
//!   changed       the one verb after a change: dirty, WATCH, waiting clients, caches, event
//! ```
//!
//! The deadline of a key is not even looked at unless some deadline of the database has passed: the
//! index knows the earliest one, and the cycle keeps it ahead of the clock. The same goes for
//! fields of hashes; see `fields`.

use super::db::Db;
use super::declared::Declared;
use super::entry::{Boxed, Entry, EntryMut, EntryRef, Meta, ObjectFn, Type, Value};
use super::events::Event;
use super::touched::Touch;
use super::{DbIndex, Expire, Keyspace};
use crate::base::clock::UnixMillis;
use crate::ds::hash::HashSeed;
use crate::ds::table::AHEAD;
use crate::types::text::Text;
use crate::types::{Form, View};

/// The value is of another type than the command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

/// What [`Selected::set`] does about the time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The key goes away at this moment.
    At(UnixMillis),
    /// The key stays for good.
    Clear,
    /// As it was.
    Keep,
}

/// What can be read from a key by its type.
pub trait Stored {
    /// Shared view of the value.
    type Ref<'a>;

    /// The value, if it is of this type.
    fn of(entry: EntryRef<'_>) -> Option<Self::Ref<'_>>;
}

impl Stored for Text<'_> {
    type Ref<'a> = Text<'a>;

    #[inline]
    fn of(entry: EntryRef<'_>) -> Option<Text<'_>> {
        entry.text()
    }
}

impl<T: Boxed> Stored for T {
    type Ref<'a> = T::View<'a>;

    #[inline]
    fn of(entry: EntryRef<'_>) -> Option<T::View<'_>> {
        entry.of_type::<T>()
    }
}

/// One database, as a command sees it.
#[derive(Debug)]
pub struct Selected<'a> {
    pub keyspace: &'a mut Keyspace,
    pub index: DbIndex,
    /// The time of the unit.
    pub now: UnixMillis,
    /// The access clock of keys is left alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// What deadlines mean to this call.
    pub expire: Expire,
    /// What the call has said of its keys.
    pub declared: Declared,
}

impl Selected<'_> {
    /// Reads a value of a type.
    #[inline]
    pub fn get<T: Stored>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongType> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => T::of(entry).map(Some).ok_or(WrongType),
        }
    }

    /// Reads a key of any type.
    #[inline]
    pub fn entry(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.entry_hashed(self.hash(key), key)
    }

    /// Reads keys of any type, in their order. The processor fetches a group of them at once.
    pub fn each_entry<'k>(
        &mut self,
        mut keys: impl Iterator<Item = &'k [u8]> + Clone,
        mut read: impl FnMut(Option<EntryRef<'_>>),
    ) {
        loop {
            let (hashes, count) = self.fetch_ahead(keys.clone());
            for (hash, key) in hashes[..count].iter().zip(keys.by_ref()) {
                read(self.entry_hashed(*hash, key));
            }
            if count < AHEAD {
                return;
            }
        }
    }

    #[inline]
    fn entry_hashed(&mut self, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        self.declared.reads(key);
        let gone = self.is_gone(hash, key);
        let Selected { keyspace, index, now, no_touch, .. } = self;
        let Keyspace { dbs, stats, tuning, random, events, .. } = &mut **keyspace;
        let found = if gone { None } else { dbs[index.0 as usize].keys.find_mut(hash, key) };
        let Some(slot) = found else {
            stats.misses += 1;
            events.push(*index, Event::KEY_MISS, key);
            return None;
        };
        stats.hits += 1;
        let mut entry = slot.into_mut();
        if !*no_touch {
            touch_entry(&mut entry, tuning.policy, *now, random);
        }
        Some(entry.into_view())
    }

    /// Reaches a key of any type in order to change it.
    #[inline]
    pub fn entry_mut(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) {
            return None;
        }
        let Keyspace { dbs, tuning, random, .. } = &mut *self.keyspace;
        let mut entry = dbs[self.index.0 as usize].keys.find_mut(hash, key)?.into_mut();
        if !self.no_touch {
            touch_entry(&mut entry, tuning.policy, self.now, random);
        }
        Some(entry)
    }

    /// Deletes the key if it has expired; true when there is a live one. After this,
    /// [`Selected::peek`].
    pub fn settle(&mut self, key: &[u8]) -> bool {
        self.declared.reads(key);
        let hash = self.hash(key);
        !self.is_gone(hash, key) && self.db().keys.find(hash, key).is_some()
    }

    /// Looks at a key without any effect.
    pub fn peek(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.declared.reads(key);
        let entry = self.db().keys.find(self.hash(key), key)?;
        (!self.hides(entry)).then_some(entry)
    }

    /// Stores a value, whatever the key held before. True when it existed.
    pub fn set(&mut self, key: &[u8], value: Value<'_>, ttl: Ttl) -> bool {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) && !self.deletes_expired() {
            // A replica may be written to: what was hidden goes without a word.
            drop(self.db_mut().remove(hash, key));
        }
        let policy = self.keyspace.tuning.policy;
        let (now, no_touch, random) = (self.now, self.no_touch, self.keyspace.random());
        let db = self.keyspace.db_mut(self.index);
        let Some(mut slot) = db.keys.find_mut(hash, key) else {
            let deadline = if let Ttl::At(at) = ttl { Some(at) } else { None };
            let meta = Meta { deadline, clock: policy.fresh(now), is_raw: false };
            db.insert(hash, Entry::new(key, value, meta));
            self.keyspace.events.push(self.index, Event::NEW, key);
            return false;
        };
        let (old, was) = (slot.view().meta(), slot.view().value_type());
        let deadline = match ttl {
            Ttl::At(at) => Some(at),
            Ttl::Clear => None,
            Ttl::Keep => old.deadline,
        };
        let clock = if no_touch { old.clock } else { policy.touched(old.clock, now, || random) };
        let (old_part, old_bin) = (slot.view().part_deadline(), slot.view().bin());
        let is = value.value_type();
        let mut discarded = None;
        if old.deadline.is_some() != deadline.is_some() || !overwrite(slot.edit(), &value) {
            let meta = Meta { deadline, clock, is_raw: false };
            discarded = Some(slot.replace(Entry::new(key, value, meta)));
        } else {
            slot.edit().set_clock(clock);
            deadline.map(|at| slot.edit().set_deadline(at));
        }
        let (part, bin) = (slot.view().part_deadline(), slot.view().bin());
        db.sizes.change(old_bin, bin);
        db.note_deadline(hash, key, old.deadline, deadline);
        db.note_part(hash, key, old_part, part);
        if let Some(entry) = discarded {
            self.keyspace.discard(entry, self.keyspace.tuning.lazy_server_del);
        }
        self.keyspace.events.push(self.index, Event::OVERWRITTEN, key);
        if was != is {
            self.keyspace.events.push(self.index, Event::TYPE_CHANGED, key);
        }
        true
    }

    /// Stores an entry made elsewhere (RENAME, COPY, RESTORE, loading), whatever its key held
    /// before. Returns what that was, for [`Selected::announce_replaced`].
    pub fn put(&mut self, entry: Entry) -> Option<Type> {
        let key = entry.view().key();
        self.declared.writes(key);
        let hash = self.hash(key);
        let _ = self.is_gone(hash, key);
        let old = self.db_mut().remove(hash, key);
        let was = old.as_ref().map(|old| old.view().value_type());
        if let Some(old) = old {
            self.keyspace.discard(old, self.keyspace.tuning.lazy_server_del);
        }
        // Compat: the key counts as a new one even if it replaces another.
        self.keyspace.events.push(self.index, Event::NEW, key);
        self.db_mut().insert(hash, entry);
        was
    }

    /// Queues the events of a value that [`Selected::put`] replaced. They come behind the command's
    /// own.
    pub fn announce_replaced(&mut self, key: &[u8], was: Option<Type>) {
        let Some(was) = was else { return };
        self.announce(key, Event::OVERWRITTEN);
        if self.peek(key).is_some_and(|entry| entry.value_type() != was) {
            self.announce(key, Event::TYPE_CHANGED);
        }
    }

    /// Stores what a command computed from the old value: time to live and, for a new key,
    /// everything else as [`Selected::set`] does, but without the events of an overwritten key.
    pub fn store_result(&mut self, key: &[u8], value: Value<'_>) {
        let wanted = self.keyspace.events.pause();
        let existed = self.set(key, value, Ttl::Keep);
        self.keyspace.events.want(wanted);
        if !existed {
            self.keyspace.events.push(self.index, Event::NEW, key);
        }
    }

    /// Asks the processor for keys that will be looked up soon: see
    /// [`fetch_ahead`](crate::ds::table::fetch_ahead).
    pub fn fetch_ahead<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> ([u64; AHEAD], usize) {
        self.db().keys.fetch_ahead(keys)
    }

    /// True when expired keys are ours to delete: on a primary.
    pub fn expires_by_itself(&self) -> bool {
        self.expire == Expire::Delete
    }

    /// Another database, seen in the same way.
    pub fn beside(&mut self, index: DbIndex) -> Selected<'_> {
        let Selected { now, expire, .. } = *self;
        let declared = Declared::default();
        Selected { keyspace: self.keyspace, index, now, no_touch: false, expire, declared }
    }

    /// True when this call deletes what has expired.
    #[inline]
    fn deletes_expired(&self) -> bool {
        self.expire == Expire::Delete && self.keyspace.deletes_expired()
    }

    /// Removes a collection that a command has emptied, and queues the event; true when it was
    /// empty. The command has said [`Selected::changed`] before.
    pub fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let emptied = self.peek(key).is_some_and(|entry| entry.object(IsEmpty) == Some(true));
        if emptied {
            self.remove(key, false);
            self.announce(key, Event::generic("del"));
        }
        emptied
    }

    /// The secret under which tables hash.
    pub fn seed(&self) -> HashSeed {
        self.keyspace.seed
    }

    /// Removes a key; true when it was there. An expired one is removed as such, and was not.
    pub fn remove(&mut self, key: &[u8], lazily: bool) -> bool {
        match self.take(key) {
            None => false,
            Some(entry) => {
                self.keyspace.discard(entry, lazily);
                true
            }
        }
    }

    /// Removes a key that a result would have taken the place of; true when it was there. Compat:
    /// that it has expired makes no difference.
    pub fn remove_target(&mut self, key: &[u8], lazily: bool) -> bool {
        self.declared.writes(key);
        let hash = self.hash(key);
        let found = self.db_mut().remove(hash, key);
        let was_there = found.is_some();
        found.into_iter().for_each(|entry| self.keyspace.discard(entry, lazily));
        was_there
    }

    /// Takes a key out, with its value.
    pub fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) { None } else { self.db_mut().remove(hash, key) }
    }

    /// The one verb after a change: counts it, breaks watches, lets those who wait for the key try
    /// again when the unit is over, and queues the event.
    #[inline]
    pub fn changed(&mut self, key: &[u8], event: Event, count: u64) {
        self.touched(key, count);
        self.announce(key, event);
    }

    /// The same without the event, for who changes several keys before the first event:
    /// [`Selected::announce`] follows.
    #[inline]
    pub fn touched(&mut self, key: &[u8], count: u64) {
        self.declared.writes(key);
        self.keyspace.dirty += count;
        self.keyspace.watch.touch(self.index, key);
        self.keyspace.blocked.touch(self.index, key);
        self.keyspace.touched.push(Touch::Changed(key), self.keyspace.events.len());
    }

    /// As [`Selected::changed`], for commands that first tell of it, and take away a key that is
    /// empty now. Compat: who listens and caches hears the difference.
    pub fn taken_from(&mut self, key: &[u8], event: Event, count: u64) {
        self.announce(key, event);
        self.remove_if_empty(key);
        self.touched(key, count);
    }

    /// As [`Selected::changed`], for what is kept beside a value and is no part of it (the groups
    /// of a stream): watches hold, and nobody who waits is tried again.
    pub fn changed_beside(&mut self, key: &[u8], event: Option<Event>, count: u64) {
        self.declared.writes(key);
        self.keyspace.dirty += count;
        if let Some(event) = event {
            self.announce(key, event);
        }
    }

    /// Lets those who wait for the key try again when the unit is over.
    pub fn wake(&mut self, key: &[u8]) {
        self.keyspace.blocked.touch(self.index, key);
    }

    /// Queues an event that changes nothing by itself (the second one of a command).
    #[inline]
    pub fn announce(&mut self, key: &[u8], event: Event) {
        self.keyspace.events.push(self.index, event, key);
    }

    /// Changes or clears the deadline of a live key; true when there is such a key.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<UnixMillis>) -> bool {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) {
            return false;
        }
        let db = self.keyspace.db_mut(self.index);
        let Some(mut slot) = db.keys.find_mut(hash, key) else { return false };
        let old = slot.view().deadline();
        let in_place = match deadline {
            Some(at) => slot.edit().set_deadline(at),
            None => old.is_none(),
        };
        if !in_place {
            // The entry changes its shape: out of the table, rebuilt with its value, and in again.
            if let Some(entry) = db.keys.remove(hash, key) {
                db.keys.insert_new(hash, entry.rebuild(None, deadline));
            }
        }
        db.note_deadline(hash, key, old, deadline);
        true
    }

    /// Moves a value to another key, if it exists. Returns what it replaced, as [`Selected::put`]
    /// does.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Option<Type> {
        let entry = self.take(from)?;
        let deadline = entry.view().deadline();
        self.put_moved(entry.rebuild(Some(to), deadline))
    }

    /// As [`Selected::put`], for an entry that had another place: here it begins with a fresh
    /// access clock.
    pub fn put_moved(&mut self, mut entry: Entry) -> Option<Type> {
        entry.edit().set_clock(self.keyspace.tuning.policy.fresh(self.now));
        self.put(entry)
    }

    /// A random live key.
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        // Where expired keys are hidden there may be no other keys: after so many tries one of them
        // is shown.
        const TRIES_MAX: usize = 100;
        for attempt in 0.. {
            let mut state = self.keyspace.random();
            let db = self.db();
            let sample = db.keys.sample(|| {
                state =
                    state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                state ^ (state >> 29)
            })?;
            let key = sample.key().to_vec();
            if self.settle(&key) {
                return Some(key);
            }
            if attempt >= TRIES_MAX && !self.deletes_expired() {
                return Some(self.any_live_key().unwrap_or(key));
            }
        }
        None
    }

    /// A key that never expires, or one that has not yet. Compat: nobody looks for the latter where
    /// all keys are volatile.
    fn any_live_key(&self) -> Option<Vec<u8>> {
        let some_stay = self.db().expiry.len() < self.len();
        let live = if some_stay { self.iter().next() } else { None };
        live.map(|entry| entry.key().to_vec())
    }

    /// Visits the entries at a cursor, and says of each whether it is live; returns the next
    /// cursor, 0 at the end. Who meets an expired one should [`Selected::settle`] its key
    /// afterwards.
    pub fn scan<'s>(&'s self, cursor: u64, mut visit: impl FnMut(EntryRef<'s>, bool)) -> u64 {
        self.db().keys.scan(cursor, |entry| visit(entry, !self.hides(entry)))
    }

    /// The live entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.db().keys.iter().filter(|entry| !self.hides(*entry))
    }

    /// Keys, the expired ones that nobody has seen yet included.
    pub fn len(&self) -> usize {
        self.db().keys.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The database itself.
    #[inline]
    pub fn db(&self) -> &Db {
        self.keyspace.db(self.index)
    }

    #[inline]
    pub(super) fn db_mut(&mut self) -> &mut Db {
        self.keyspace.db_mut(self.index)
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.db().keys.hash(key)
    }

    /// True when a key's deadline has passed and it is still there.
    pub(super) fn is_stale(&self, key: &[u8]) -> bool {
        self.declared.reads(key);
        self.db().keys.find(self.hash(key), key).is_some_and(|entry| self.hides(entry))
    }

    /// True when an entry's deadline has passed, and that means something.
    fn hides(&self, entry: EntryRef<'_>) -> bool {
        let is_past = entry.deadline().is_some_and(|deadline| deadline < self.now);
        is_past && self.expire != Expire::Ignore
    }

    /// True when the key is there but its deadline has passed: it is deleted, or hidden on a
    /// replica. Of a hash that stays the fields whose deadlines have passed are deleted, and
    /// nothing may be left.
    #[inline]
    pub(super) fn is_gone(&mut self, hash: u64, key: &[u8]) -> bool {
        let db = self.db();
        let any_due = db.expiry.has_due(self.now) || db.parts.has_due(self.now);
        any_due && self.is_gone_slow(hash, key)
    }

    #[cold]
    fn is_gone_slow(&mut self, hash: u64, key: &[u8]) -> bool {
        let Some(entry) = self.db().keys.find(hash, key) else { return false };
        let deletes = self.deletes_expired();
        if self.hides(entry) {
            if deletes {
                self.keyspace.remove_expired(self.index, hash, key);
            }
            return true;
        }
        let fields_due = deletes && entry.part_deadline().is_some_and(|at| at < self.now);
        fields_due && self.keyspace.expire_fields_on_access(self.index, hash, key, self.now)
    }
}

/// [`View::is_empty`] as an [`ObjectFn`].
struct IsEmpty;

impl ObjectFn<bool> for IsEmpty {
    fn call<V: View>(self, view: V) -> bool {
        view.is_empty()
    }
}

impl Value<'_> {
    /// The type of the value.
    pub fn value_type(&self) -> Type {
        match self {
            Value::Big(_) | Value::Bytes(_) | Value::Int(_) => Type::String,
            Value::Hash(_) | Value::Packed(Form::Hash | Form::HashTtl, _) => Type::Hash,
            Value::List(_) | Value::Packed(Form::List, _) => Type::List,
            Value::Set(_) | Value::Packed(Form::Set | Form::Ints, _) => Type::Set,
            Value::Stream(_) => Type::Stream,
            Value::Zset(_) | Value::Packed(Form::Zset, _) => Type::Zset,
        }
    }
}

/// Writes a string over one of the same shape.
#[inline]
fn overwrite(mut entry: EntryMut<'_>, value: &Value<'_>) -> bool {
    match value {
        Value::Bytes(bytes) => entry.overwrite_short(bytes, false),
        Value::Int(number) => entry.overwrite_int(*number),
        Value::Packed(form, blob) => entry.overwrite_packed(*form, blob),
        _ => false,
    }
}

/// Moves the access clock, writing only if it changes.
#[inline]
pub(super) fn touch_entry(
    entry: &mut EntryMut<'_>,
    policy: super::Policy,
    now: UnixMillis,
    random: &mut u64,
) {
    let old = entry.view().clock();
    let clock = policy.touched(old, now, || {
        *random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        *random >> 20
    });
    if clock != old {
        entry.set_clock(clock);
    }
}
