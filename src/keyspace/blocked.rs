//! Keys that clients wait for: who stands in line for which key, and which keys have news.
//!
//! ```text
//!   a call waits        ──► enter    one place in the line of each of its keys, under one ticket
//!   a key is changed    ──► touch    it joins the queue of ready keys, once, if anybody waits for it
//!   the unit is over    ──► take_ready, next_in_line    `server::waits` runs the waiting calls again
//!   the wait is over    ──► leave
//! ```
//!
//! A ticket is a number that grows: lines are ordered by it, so they are first come, first served,
//! and a call that was run again in vain keeps its place. The lines know clients by id and never
//! look at a value: whether a key that was touched is still there when its turn comes is for
//! whoever takes it from the queue to see. With nobody waiting, a write pays one test.

use std::collections::{HashMap, VecDeque};

use super::DbIndex;
use super::entry::Type;
use crate::base::slab::Id;

/// A place in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    pub ticket: u64,
    pub client: Id,
    pub news: News,
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// The type of value that the call can do something with.
    pub of: Type,
    /// That the key has gone, or holds another type now, is news as well.
    pub or_loss: bool,
}

impl News {
    /// Whether a key that holds this type now, or nothing, is worth another try.
    fn is(self, found: Option<Type>) -> bool {
        self.or_loss || found == Some(self.of)
    }
}

/// The clients that wait for one key.
#[derive(Debug, Default)]
struct Line {
    /// By ticket.
    waiters: VecDeque<Waiter>,
    /// How many of them want to know of a loss.
    losers: usize,
    /// The key stands in the queue of ready keys.
    is_ready: bool,
}

/// A key with news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    pub db: DbIndex,
    pub key: Box<[u8]>,
}

/// All lines, and the queue of keys that have news for those who stand in them.
#[derive(Debug, Default)]
pub struct Blocked {
    lines: HashMap<DbIndex, HashMap<Box<[u8]>, Line>>,
    ready: VecDeque<Ready>,
    last_ticket: u64,
    /// Whose call is being run again: what it does is no news to itself.
    trying: Option<u64>,
}

impl Blocked {
    /// A ticket for a call that begins to wait.
    pub fn draw_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// Puts a waiter in line for a key, in the order of tickets. Naming a key twice gives one
    /// place.
    pub fn enter(&mut self, db: DbIndex, key: &[u8], waiter: Waiter) {
        let lines = self.lines.entry(db).or_default();
        if !lines.contains_key(key) {
            lines.insert(key.into(), Line::default());
        }
        let Some(line) = lines.get_mut(key) else { return };
        let place = line.waiters.binary_search_by_key(&waiter.ticket, |w| w.ticket);
        if let Err(at) = place {
            line.waiters.insert(at, waiter);
            line.losers += usize::from(waiter.news.or_loss);
        }
    }

    /// Takes a ticket out of the line for a key.
    pub fn leave(&mut self, db: DbIndex, key: &[u8], ticket: u64) {
        let Some(lines) = self.lines.get_mut(&db) else { return };
        let Some(line) = lines.get_mut(key) else { return };
        let Ok(at) = line.waiters.binary_search_by_key(&ticket, |w| w.ticket) else { return };
        if let Some(waiter) = line.waiters.remove(at) {
            line.losers -= usize::from(waiter.news.or_loss);
        }
        if line.waiters.is_empty() {
            lines.remove(key);
            if lines.is_empty() {
                self.lines.remove(&db);
            }
        }
    }

    /// A key was changed, in whatever way.
    #[inline]
    pub fn touch(&mut self, db: DbIndex, key: &[u8]) {
        if !self.lines.is_empty() {
            self.mark(db, key);
        }
    }

    #[cold]
    fn mark(&mut self, db: DbIndex, key: &[u8]) {
        let line = self.lines.get_mut(&db).and_then(|lines| lines.get_mut(key));
        let Some(line) = line.filter(|line| !line.is_ready) else { return };
        let only_itself = |w: &Waiter| Some(w.ticket) == self.trying;
        if !line.waiters.iter().all(only_itself) {
            line.is_ready = true;
            self.ready.push_back(Ready { db, key: key.into() });
        }
    }

    /// A database was filled, emptied or exchanged: all its awaited keys may have news.
    pub fn touch_database(&mut self, db: DbIndex) {
        for (key, line) in self.lines.get_mut(&db).into_iter().flatten() {
            if !line.is_ready {
                line.is_ready = true;
                self.ready.push_back(Ready { db, key: key.clone() });
            }
        }
    }

    /// True when some key has news.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The key whose turn it is. What is done to it from now on is news again.
    pub fn take_ready(&mut self) -> Option<Ready> {
        let ready = self.ready.pop_front()?;
        let line = self.lines.get_mut(&ready.db).and_then(|lines| lines.get_mut(&ready.key));
        if let Some(line) = line {
            line.is_ready = false;
        }
        Some(ready)
    }

    /// The first in line behind `ticket` to whom it is news that the key holds this type now, or
    /// nothing.
    pub fn next_in_line(&self, at: &Ready, ticket: u64, found: Option<Type>) -> Option<Waiter> {
        let line = self.lines.get(&at.db)?.get(&at.key)?;
        if found.is_none() && line.losers == 0 {
            return None;
        }
        let first = line.waiters.partition_point(|w| w.ticket <= ticket);
        line.waiters.range(first..).find(|w| w.news.is(found)).copied()
    }

    /// A waiting call is run again, or that is over.
    pub fn set_trying(&mut self, ticket: Option<u64>) {
        self.trying = ticket;
    }

    /// Keys somebody waits for, and those of them whose loss somebody waits for.
    pub fn counts(&self) -> (usize, usize) {
        let lines = || self.lines.values().flat_map(HashMap::values);
        (lines().count(), lines().filter(|line| line.losers > 0).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: DbIndex = DbIndex(0);
    const LIST: News = News { of: Type::List, or_loss: false };
    const STREAM: News = News { of: Type::Stream, or_loss: true };

    fn stand(blocked: &mut Blocked, keys: &[&[u8]], news: News) -> u64 {
        let ticket = blocked.draw_ticket();
        for key in keys {
            let client = Id { slot: ticket as u32, generation: 1 };
            blocked.enter(DB, key, Waiter { ticket, client, news });
        }
        ticket
    }

    fn line(blocked: &Blocked, key: &[u8], found: Option<Type>) -> Vec<u64> {
        let (at, mut last, mut line) = (Ready { db: DB, key: key.into() }, 0, vec![]);
        while let Some(waiter) = blocked.next_in_line(&at, last, found) {
            last = waiter.ticket;
            line.push(last);
        }
        line
    }

    #[test]
    fn lines_are_first_come_first_served() {
        let mut blocked = Blocked::default();
        let a = stand(&mut blocked, &[b"k", b"l", b"k"], LIST);
        let b = stand(&mut blocked, &[b"k"], STREAM);
        let c = stand(&mut blocked, &[b"k"], LIST);
        assert_eq!(line(&blocked, b"k", Some(Type::List)), [a, b, c]);
        assert_eq!(line(&blocked, b"k", Some(Type::String)), [b]);
        assert_eq!(line(&blocked, b"k", None), [b]);
        assert_eq!(line(&blocked, b"l", None), [0; 0]);
        assert_eq!(blocked.counts(), (2, 1));
        blocked.leave(DB, b"k", b);
        blocked.leave(DB, b"k", b);
        assert_eq!(line(&blocked, b"k", Some(Type::List)), [a, c]);
        blocked.enter(DB, b"k", Waiter { ticket: b, client: Id::NONE, news: LIST });
        assert_eq!(line(&blocked, b"k", Some(Type::List)), [a, b, c], "back in its place");
        for (key, ticket) in [(b"k", a), (b"l", a), (b"k", b), (b"k", c)] {
            blocked.leave(DB, key, ticket);
        }
        assert!(blocked.lines.is_empty());
    }

    #[test]
    fn a_key_is_ready_once_until_its_turn() {
        let mut blocked = Blocked::default();
        blocked.touch(DB, b"k");
        assert!(!blocked.has_ready(), "nobody waits");
        let a = stand(&mut blocked, &[b"k", b"l"], LIST);
        for key in [b"l", b"k", b"l", b"x"] {
            blocked.touch(DB, key);
            blocked.touch(DbIndex(1), key);
        }
        let mut taken = || blocked.take_ready().map(|ready| ready.key);
        assert_eq!(
            (taken(), taken(), taken()),
            (Some(b"l"[..].into()), Some(b"k"[..].into()), None)
        );
        blocked.set_trying(Some(a));
        blocked.touch(DB, b"k");
        assert!(!blocked.has_ready(), "its own doing");
        stand(&mut blocked, &[b"k"], LIST);
        blocked.touch(DB, b"k");
        assert!(blocked.take_ready().is_some());
        blocked.touch_database(DB);
        assert_eq!(blocked.ready.len(), 2);
    }
}
