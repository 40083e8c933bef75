//! The data: databases and their keys.
//!
//! ```text
//!   Keyspace ── Db 0 ── Keys: table(s) of Entry      one allocation per key, see `entry`
//!            │       ├─ Expiry: deadlines in order   see `ds::expiry`
//!            │       ├─ parts: the same for the earliest field of each hash
//!            │       └─ Sizes: how many values of which size, see `sizes`
//!            ├─ Db 1 ...
//!            ├─ watch     who is to be told at EXEC
//!            ├─ blocked   who waits for which key
//!            ├─ touched   keys that caches are told of
//!            ├─ events    what is to be published when the unit ends
//!            ├─ deleted   what the server itself removed: replicas and the AOF are told
//!            ├─ lazyfree  what a thread drops
//!            ├─ flushed   databases that a script has emptied, as long as it may be undone
//!            └─ stats, dirty
//! ```
//!
//! Commands see one database through [`Selected`], which knows the time of the unit and does for
//! every key what a key wants: expiry on access, the access clock, hits and misses, and one verb
//! for changes. Nothing here knows a client, a connection or the server; time comes as an argument.

pub mod access;
pub mod blocked;
pub mod db;
pub mod declared;
pub mod edit;
pub mod entry;
pub mod events;
pub mod evict;
mod fields;
mod flushed;
pub mod lazyfree;
pub mod selected;
pub mod sizes;
pub mod slots;
mod strings;
pub mod touched;
pub mod watch;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use access::Policy;
pub use edit::Edit;
pub use entry::{Entry, EntryRef, Kind, Meta, Type, Value};
pub use events::{Classes, Event, Events};
pub use selected::{Selected, Stored, Ttl, WrongType};
pub use strings::Edited;

use crate::base::clock::{Clock, Lap, Stopwatch, UnixMillis};
use crate::ds::expiry::Expiry;
use crate::ds::hash::HashSeed;
use blocked::Blocked;
use db::Db;
use declared::Declared;
use lazyfree::{EFFORT_MIN, Freeing, Garbage, Lazyfree};
use sizes::Bin;
use touched::{Touch, Touched};
use watch::{Presence, Watch};

/// The number of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DbIndex(pub u32);

/// What happens to a key whose deadline has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expire {
    /// It is deleted when seen, and by the cycle: a primary.
    #[default]
    Delete,
    /// It is hidden; only the primary's DEL deletes it: a replica, for its own clients.
    Hide,
    /// It is served like any other: commands of the primary, loading.
    Ignore,
}

/// The options the keyspace consults by itself. The config room keeps them up to date.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tuning {
    pub policy: Policy,
    /// `lazyfree-lazy-expire`
    pub lazy_expire: bool,
    /// `lazyfree-lazy-server-del`
    pub lazy_server_del: bool,
}

/// Figures of INFO that the keyspace gathers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceStats {
    pub hits: u64,
    pub misses: u64,
    pub expired_keys: u64,
    /// Fields of hashes.
    pub expired_subkeys: u64,
    pub evicted_keys: u64,
    /// Payloads of RESTORE that were looked through in depth.
    pub payloads_sanitized: u64,
    /// Cycles that ended because their time was used up.
    pub expire_cycle_cut: u64,
    /// Microseconds spent in cycles.
    pub expire_cycle_us: u64,
}

/// What the server removed on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub db: DbIndex,
    pub key: Box<[u8]>,
    pub what: Gone,
}

/// How much of a key the server removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// All of it. Lazily: it is told as UNLINK instead of DEL.
    Key { lazily: bool },
    /// Fields of a hash.
    Fields(Vec<Box<[u8]>>),
}

/// All databases of a server.
pub struct Keyspace {
    /// Changes since the server started: grows by the effect of every write.
    pub dirty: u64,
    /// What expired keys come to.
    pub expire: Expire,
    /// Clients are paused for writes: the data stands still, and what expires meanwhile is hidden
    /// until they go on.
    pub holds_still: bool,
    pub tuning: Tuning,
    pub stats: KeyspaceStats,
    pub events: Events,
    pub touched: Touched,
    pub watch: Watch,
    pub blocked: Blocked,
    /// HyperLogLogs are worked on without what the processor offers beyond its plain instructions
    /// (PFDEBUG SIMD OFF).
    pub plain_loops: bool,
    /// Keys and fields removed by expiry or eviction since the queue was last drained.
    pub deleted: Vec<Deleted>,
    pub lazyfree: Lazyfree,
    longest_free_us: u64,
    /// What was flushed, while it may be wanted back.
    flushed: Option<Vec<flushed::Flushed>>,
    dbs: Vec<Db>,
    seed: HashSeed,
    /// Where a small collection lives while it is changed.
    scratch: Vec<u8>,
    random: u64,
    by_slot: bool,
    paused: bool,
    /// Where the next expiry cycle begins.
    cycle_db: usize,
    /// Who may be evicted next.
    pool: evict::Pool,
}

impl Default for Keyspace {
    fn default() -> Self {
        Keyspace::new(HashSeed::new(0x7061_7261, 0x6d65_7472), 1, 16, false)
    }
}

impl Keyspace {
    /// Empty databases. `seed` and `random` should come from the random source; `by_slot` keeps
    /// keys by hash slot (cluster mode).
    pub fn new(seed: HashSeed, random: u64, databases: u32, by_slot: bool) -> Self {
        Keyspace {
            dirty: 0,
            expire: Expire::default(),
            holds_still: false,
            tuning: Tuning::default(),
            stats: KeyspaceStats::default(),
            events: Events::default(),
            touched: Touched::default(),
            watch: Watch::default(),
            blocked: Blocked::default(),
            plain_loops: false,
            deleted: Vec::new(),
            lazyfree: Lazyfree::default(),
            longest_free_us: 0,
            flushed: None,
            dbs: (0..databases).map(|_| Db::new(seed, by_slot)).collect(),
            seed,
            scratch: Vec::new(),
            random,
            by_slot,
            paused: false,
            cycle_db: 0,
            pool: evict::Pool::default(),
        }
    }

    /// One database as a command sees it, at the time of the unit. The index must be one of
    /// [`Keyspace::databases`].
    #[inline]
    pub fn select(&mut self, index: DbIndex, now: UnixMillis) -> Selected<'_> {
        let (expire, declared) = (self.expire, Declared::default());
        Selected { keyspace: self, index, now, no_touch: false, expire, declared }
    }

    /// Number of databases.
    pub fn databases(&self) -> u32 {
        self.dbs.len() as u32
    }

    /// A database, to read.
    #[inline]
    pub fn db(&self, index: DbIndex) -> &Db {
        &self.dbs[index.0 as usize]
    }

    #[inline]
    pub(crate) fn db_mut(&mut self, index: DbIndex) -> &mut Db {
        &mut self.dbs[index.0 as usize]
    }

    /// Keys in all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(|db| db.keys.len()).sum()
    }

    /// True without any key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for so many keys in a database that has none.
    pub fn expect(&mut self, index: DbIndex, keys: usize) {
        if !self.paused {
            self.db_mut(index).keys.expect(keys);
        }
    }

    /// The secret under which tables hash.
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// A random word.
    pub fn random(&mut self) -> u64 {
        next_random(&mut self.random)
    }

    /// Exchanges two databases. Watched keys that exist in either are touched.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex, now: UnixMillis) {
        self.touch_all(&[(a, Some(b)), (b, Some(a))], now);
        self.dbs.swap(a.0 as usize, b.0 as usize);
        self.blocked.touch_database(a);
        self.blocked.touch_database(b);
    }

    /// Empties a database. Returns how many keys it had.
    pub fn flush(&mut self, index: DbIndex, freeing: Freeing) -> usize {
        self.touched.push(Touch::Flushed, self.events.len());
        self.touch_all(&[(index, None)], UnixMillis(0));
        self.blocked.touch_database(index);
        let db = self.db_mut(index).take();
        let count = db.keys.len();
        if let Some(db) = self.keep(index, db, freeing) {
            self.lazyfree.free_database(db, freeing);
        }
        count
    }

    /// Replaces all data (a full synchronisation): the old databases are handed out.
    pub fn replace_all(&mut self) -> Vec<Db> {
        let all: Vec<_> = (0..self.databases()).map(DbIndex).collect();
        self.touched.push(Touch::Flushed, self.events.len());
        self.touch_all(&all.iter().map(|index| (*index, None)).collect::<Vec<_>>(), UnixMillis(0));
        all.iter().for_each(|index| self.blocked.touch_database(*index));
        let fresh = (0..self.databases()).map(|_| Db::new(self.seed, self.by_slot)).collect();
        std::mem::replace(&mut self.dbs, fresh)
    }

    /// Touches the watched keys of databases which others, or nothing, are about to take the place
    /// of.
    fn touch_all(&mut self, changes: &[(DbIndex, Option<DbIndex>)], now: UnixMillis) {
        let Keyspace { watch, dbs, .. } = self;
        watch.touch_databases(|db, key| {
            let (_, next) = changes.iter().find(|(changed, _)| *changed == db)?;
            let find = |db: DbIndex| {
                let keys = &dbs[db.0 as usize].keys;
                keys.find(keys.hash(key), key)
            };
            let becomes = match next.and_then(find) {
                None => Presence::Absent,
                Some(entry) if entry.deadline().is_some_and(|at| at < now) => Presence::Expired,
                Some(_) => Presence::Live,
            };
            Some((find(db).is_some(), becomes))
        });
    }

    /// A child was forked, or has ended: while it lives nothing moves.
    pub fn pause_moves(&mut self, pause: bool) {
        if self.paused != pause {
            self.paused = pause;
            self.dbs.iter_mut().for_each(|db| db.keys.pause_moves(pause));
        }
    }

    /// Drops an entry, by the thread if that is wanted and worth it.
    pub(crate) fn discard(&self, entry: Entry, lazily: bool) {
        if lazily && entry.view().free_effort() > EFFORT_MIN {
            self.lazyfree.free(Garbage::Entry(entry));
        }
    }

    /// Removes a key whose deadline has passed, with everything that goes with it.
    fn remove_expired(&mut self, index: DbIndex, hash: u64, key: &[u8]) {
        if let Some(entry) = self.db_mut(index).remove(hash, key) {
            self.bury(index, entry);
        }
    }

    /// What goes with the removal of an expired key.
    fn bury(&mut self, index: DbIndex, entry: Entry) {
        let (key, lazily) = (entry.view().key(), self.tuning.lazy_expire);
        self.stats.expired_keys += 1;
        self.events.push(index, Event::EXPIRED, key);
        self.touched.push(Touch::Removed(key), self.events.len());
        self.watch.touch_expired(index, key);
        self.let_go(index, entry, lazily);
    }

    /// What goes with every removal of a key on the server's own account: who waits for it, those
    /// who are told of it as of a deletion, and its memory.
    fn let_go(&mut self, index: DbIndex, entry: Entry, lazily: bool) {
        let key = entry.view().key();
        self.blocked.touch(index, key);
        self.deleted.push(Deleted { db: index, key: key.into(), what: Gone::Key { lazily } });
        self.free_timed(entry, lazily);
    }

    /// [`Keyspace::discard`], with a look at how long it takes where that may be long.
    fn free_timed(&mut self, entry: Entry, lazily: bool) {
        if lazily || entry.view().free_effort() <= EFFORT_MIN {
            return self.discard(entry, lazily);
        }
        let lap = Lap::start();
        self.discard(entry, false);
        self.longest_free_us = self.longest_free_us.max(lap.us());
    }

    /// The longest that it took to free a value on the server's own account, since this was asked
    /// last.
    pub fn take_longest_free_us(&mut self) -> u64 {
        std::mem::take(&mut self.longest_free_us)
    }

    /// Removes keys and fields whose deadlines have passed, for at most `budget` by the clock: to
    /// be called often (ten times a second or more). True when none is left for now.
    pub fn expire_due(&mut self, now: UnixMillis, clock: &Clock, budget: Duration) -> bool {
        if !self.is_due(now) {
            return true;
        }
        let watch = Stopwatch::start(clock);
        let done = self.expire_for(now, || watch.elapsed() < budget);
        self.stats.expire_cycle_us += watch.elapsed().as_micros() as u64;
        self.stats.expire_cycle_cut += u64::from(!done);
        done
    }

    /// As [`Keyspace::expire_due`], as long as `go_on` says so; it is asked after every 16 keys and
    /// fields.
    pub fn expire_for(&mut self, now: UnixMillis, mut go_on: impl FnMut() -> bool) -> bool {
        const BATCH: usize = 16;
        let mut key = Vec::new();
        // Each database in turn, one batch at a time, so that none starves the others.
        let mut idle = 0;
        while idle < self.dbs.len() {
            self.cycle_db = (self.cycle_db + 1) % self.dbs.len();
            let index = DbIndex(self.cycle_db as u32);
            let mut left = BATCH;
            while left > 0 && self.expire_next_key(index, now, &mut key) {
                left -= 1;
            }
            while left > 0 {
                match self.expire_next_fields(index, now, left, &mut key) {
                    0 => break,
                    removed => left -= removed,
                }
            }
            idle = if left == BATCH { idle + 1 } else { 0 };
            if left < BATCH && !go_on() {
                return false;
            }
        }
        true
    }

    /// Removes the key that has waited longest, if there is one. `key` is a buffer.
    fn expire_next_key(&mut self, index: DbIndex, now: UnixMillis, key: &mut Vec<u8>) -> bool {
        let db = self.db_mut(index);
        let Some(due) = db.expiry.pop_due(now) else { return false };
        let Some(entry) = db.keys.find_due(due, |entry| entry.deadline()) else { return true };
        key.clear();
        key.extend_from_slice(entry.key());
        let hash = db.keys.hash(key);
        // The index has lost its item already.
        if let Some(entry) = db.keys.remove(hash, key) {
            db.sizes.change(entry.view().bin(), Bin::NONE);
            db.note_part(hash, key, entry.view().part_deadline(), None);
            self.bury(index, entry);
        }
        true
    }

    /// True when some key or field waits to be removed.
    #[inline]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        let has_due = |db: &Db| db.expiry.has_due(now) || db.parts.has_due(now);
        self.deletes_expired() && self.dbs.iter().any(has_due)
    }

    /// True when keys and fields whose deadlines have passed are deleted at this time: on a
    /// primary, unless clients are paused for writes.
    #[inline]
    fn deletes_expired(&self) -> bool {
        self.expire == Expire::Delete && !self.holds_still
    }

    /// When the next key or field is to be removed, for the timer.
    #[inline]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        if !self.deletes_expired() {
            return None;
        }
        let deadlines = self.dbs.iter().flat_map(|db| [&db.expiry, &db.parts]);
        deadlines.filter_map(Expiry::next_deadline).min()
    }
}

/// SplitMix64: fast, and good enough for samples and odds.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl std::fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyspace {{ keys: {}, dirty: {} }}", self.len(), self.dirty)
    }
}
