//! Eviction: which key goes when memory runs short.
//!
//! LRU and LFU are approximated as in Redis: a few keys of each database are looked at, and the
//! best of all that were ever looked at wait in a pool of [`POOL_MAX`]. So every round chooses
//! among more keys than it samples, and old candidates that were used since are met again with a
//! better clock. The shortest time to live is known exactly: it stands first in the index of
//! deadlines. Keys in the pool are copies of names; one that has gone meanwhile is skipped.
//!
//! How much has to go, and when, is the server's business.

use super::db::Db;
use super::entry::EntryRef;
use super::events::Event;
use super::touched::Touch;
use super::{DbIndex, Keyspace, access};
use crate::base::clock::UnixMillis;

/// Candidates remembered from round to round.
const POOL_MAX: usize = 16;

/// What the best candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Unused for the longest time.
    Lru,
    /// Used least often.
    Lfu,
    /// Any.
    Random,
    /// The one to expire next.
    Ttl,
}

/// The rule for choosing (`maxmemory-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub by: By,
    /// Only keys with a time to live may go.
    pub volatile: bool,
    /// Keys looked at in each database and round (`maxmemory-samples`).
    pub samples: usize,
    /// What is freed is freed by the thread if it is worth it (`lazyfree-lazy-eviction`).
    pub lazily: bool,
}

/// A key that may be the next to go.
#[derive(Debug)]
struct Candidate {
    /// The higher, the better.
    score: u64,
    db: DbIndex,
    key: Vec<u8>,
}

/// The best candidates so far, the very best last.
#[derive(Debug, Default)]
pub(super) struct Pool {
    candidates: Vec<Candidate>,
    /// Where a random choice begins.
    next_db: u32,
}

impl Pool {
    fn offer(&mut self, score: u64, db: DbIndex, key: &[u8]) {
        let pool = &mut self.candidates;
        pool.retain(|c| c.db != db || c.key != key);
        if pool.len() == POOL_MAX {
            if pool[0].score >= score {
                return;
            }
            pool.remove(0);
        }
        let at = pool.partition_point(|c| c.score < score);
        pool.insert(at, Candidate { score, db, key: key.to_vec() });
    }
}

impl Keyspace {
    /// Removes the key that the rule says must go first. Returns the bytes that it took; `None`:
    /// there is none.
    pub fn evict_one(&mut self, choice: Choice, now: UnixMillis) -> Option<usize> {
        let victim = match choice.by {
            By::Random => self.any_key(choice),
            By::Ttl => self.next_to_expire(),
            By::Lru | By::Lfu => self.best_candidate(choice, now),
        };
        let (index, key) = victim?;
        let db = self.db_mut(index);
        let hash = db.keys.hash(&key);
        let entry = db.remove(hash, &key)?;
        let bytes = entry.view().memory_bytes();
        self.stats.evicted_keys += 1;
        self.watch.touch(index, &key);
        self.touched.push(Touch::Removed(&key), self.events.len());
        self.events.push(index, Event::EVICTED, &key);
        self.let_go(index, entry, choice.lazily);
        Some(bytes)
    }

    /// Databases take turns, so that none is emptied before the others.
    fn any_key(&mut self, choice: Choice) -> Option<(DbIndex, Vec<u8>)> {
        for _ in 0..self.databases() {
            self.pool.next_db = (self.pool.next_db + 1) % self.databases();
            let index = DbIndex(self.pool.next_db);
            let mut random = self.random;
            let found = sample(self.db(index), choice.volatile, &mut random);
            let found = found.map(|entry| (index, entry.key().to_vec()));
            self.random = random;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn next_to_expire(&self) -> Option<(DbIndex, Vec<u8>)> {
        let dbs = (0..self.databases()).map(DbIndex);
        let index = dbs
            .filter(|index| !self.db(*index).expiry.is_empty())
            .min_by_key(|index| self.db(*index).expiry.next_deadline())?;
        let db = self.db(index);
        let entry = db.keys.find_due(db.expiry.first()?, |entry| entry.deadline())?;
        Some((index, entry.key().to_vec()))
    }

    fn best_candidate(&mut self, choice: Choice, now: UnixMillis) -> Option<(DbIndex, Vec<u8>)> {
        let policy = self.tuning.policy;
        let mut pool = std::mem::take(&mut self.pool);
        let mut random = self.random;
        for index in (0..self.databases()).map(DbIndex) {
            for _ in 0..choice.samples {
                let Some(entry) = sample(self.db(index), choice.volatile, &mut random) else {
                    break;
                };
                let score = match choice.by {
                    By::Lfu => u64::from(u8::MAX - policy.frequency(entry.clock(), now)),
                    _ => access::idle_seconds(entry.clock(), now),
                };
                pool.offer(score, index, entry.key());
            }
        }
        let mut best = None;
        while let Some(candidate) = pool.candidates.pop() {
            let db = self.db(candidate.db);
            let entry = db.keys.find(db.keys.hash(&candidate.key), &candidate.key);
            if entry.is_some_and(|entry| !choice.volatile || entry.deadline().is_some()) {
                best = Some((candidate.db, candidate.key));
                break;
            }
        }
        (self.pool, self.random) = (pool, random);
        best
    }

    /// Forgets all candidates: another rule makes them worthless.
    pub fn forget_candidates(&mut self) {
        self.pool.candidates.clear();
    }
}

/// A random key of a database. Where few keys are volatile, they are looked for in the index of
/// deadlines.
fn sample<'a>(db: &'a Db, volatile: bool, random: &mut u64) -> Option<EntryRef<'a>> {
    const TRIES: usize = 16;
    let mut next = || super::next_random(random);
    if !volatile {
        return db.keys.sample(next);
    }
    if db.expiry.is_empty() {
        return None;
    }
    for _ in 0..TRIES {
        let entry = db.keys.sample(&mut next)?;
        if entry.deadline().is_some() {
            return Some(entry);
        }
    }
    let due = db.expiry.pick(next())?;
    db.keys.find_due(due, |entry| entry.deadline())
}
