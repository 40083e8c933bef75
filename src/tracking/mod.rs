//! Client-side caching: the server remembers who has read which keys, and tells them when these
//! change.
//!
//! ```text
//!   a read of a caching client   ──► remember        the table: key ─► clients     (see `table`)
//!   a key is changed or removed  ──► invalidate      its readers are told, and forgotten
//!   the same, BCAST              ──► note_change     gathered by prefix; told when the turn ends, all keys in one message
//!   a database is emptied        ──► invalidate_all  everybody is told null
//! ```
//!
//! A client is told in its own connection in RESP3, or in the one of another client that it has
//! named (REDIRECT), which in RESP2 listens to the channel [`CHANNEL`]. What the client whose call
//! is running is to be told waits until its answer is complete ([`Tracking::settle`]). With nobody
//! caching, a write pays one test and a read another.

pub mod commands;
pub mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::slab::Id;
use crate::client::Clients;
use crate::client::message::{Message, Tapes};
use crate::client::tracked::Tracked;
use crate::command::Call;
use crate::command::getkeys;
use crate::ds::hash::HashSeed;
use crate::net::Net;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use table::Remembered;

/// Where clients of RESP2 listen.
pub const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Keys that are forgotten at once when there are too many.
const EVICTED_PER_CALL: usize = 100;
/// The same for a tick of the cron.
const EVICTED_PER_TICK: usize = 10_000;

/// Those who want to hear of all keys with a prefix.
#[derive(Debug, Default)]
struct Audience {
    clients: BTreeSet<Id>,
    /// What has changed in this turn, and by whom at last.
    changed: BTreeMap<Box<[u8]>, Id>,
    tapes: Tapes,
}

/// What somebody is told.
#[derive(Clone, Copy)]
enum News<'a> {
    Keys(&'a [&'a [u8]]),
    /// All keys.
    Everything,
}

/// Who caches what.
#[derive(Debug)]
pub struct Tracking {
    table: Remembered,
    /// All who cache.
    clients: BTreeSet<Id>,
    audiences: BTreeMap<Box<[u8]>, Audience>,
    /// What the client whose call is running is to be told; without a key, of everything.
    pending: Vec<(Id, Option<Box<[u8]>>)>,
    has_changes: bool,
}

impl Tracking {
    pub fn new(seed: HashSeed, random: u64) -> Tracking {
        Tracking {
            table: Remembered::new(seed, random),
            clients: BTreeSet::new(),
            audiences: BTreeMap::new(),
            pending: vec![],
            has_changes: false,
        }
    }

    /// Whether changes of keys are of any interest.
    pub fn is_interested(&self) -> bool {
        !self.clients.is_empty() || !self.table.is_empty()
    }

    /// A client begins to cache, or goes on in another way.
    pub fn start(&mut self, id: Id, tracked: &Tracked) {
        self.clients.insert(id);
        for prefix in &tracked.prefixes {
            if !self.audiences.contains_key(prefix) {
                self.audiences.insert(prefix.clone(), Audience::default());
            }
            self.audiences.get_mut(prefix).map(|audience| audience.clients.insert(id));
        }
    }

    /// A client caches no more. What it has read is forgotten when it changes.
    pub fn stop(&mut self, id: Id, tracked: &Tracked) {
        self.clients.remove(&id);
        for prefix in &tracked.prefixes {
            if let Some(audience) = self.audiences.get_mut(prefix) {
                audience.clients.remove(&id);
                if audience.clients.is_empty() {
                    self.audiences.remove(prefix);
                }
            }
        }
    }

    /// Remembers what a call has read. Keys are found as for ACL and cluster; a call they cannot be
    /// found in has read nothing.
    #[cold]
    pub fn remember(&mut self, call: &Call) {
        let Ok(found) = getkeys::find(call.cmd, call.query.args()) else { return };
        for key in found.keys() {
            self.table.note(call.query.args().at(key.at), call.client);
        }
    }

    /// Forgets keys if there are too many: those who have read them are told as if they had
    /// changed.
    pub fn shrink(&mut self, to: (&mut Clients, &mut Net), max: u64, running: Id) {
        self.evict(to, max, EVICTED_PER_CALL, running);
    }

    /// The share of the cron in that. Where nobody caches any more, everything is forgotten, bit by
    /// bit.
    pub fn tick(&mut self, to: (&mut Clients, &mut Net), max: u64) {
        if self.clients.is_empty() {
            for _ in 0..EVICTED_PER_TICK {
                let Some(key) = self.table.any_key() else { break };
                self.table.forget(&key);
            }
        } else {
            self.evict(to, max, EVICTED_PER_TICK, Id::NONE);
        }
    }

    /// More keys are remembered than the option allows. 0 allows any number.
    pub fn is_full(&self, max: u64) -> bool {
        max > 0 && self.table.len() as u64 > max
    }

    fn evict(&mut self, to: (&mut Clients, &mut Net), max: u64, at_most: usize, running: Id) {
        let (clients, net) = to;
        for _ in 0..at_most {
            if !self.is_full(max) {
                break;
            }
            let Some(key) = self.table.any_key() else { break };
            self.invalidate((&mut *clients, &mut *net), &key, (Id::NONE, running));
        }
    }

    /// A key has changed: tells those who have read it. `author` is the client that did it,
    /// `running` the one whose call is under way.
    pub fn invalidate(
        &mut self,
        to: (&mut Clients, &mut Net),
        key: &[u8],
        (author, running): (Id, Id),
    ) {
        let (clients, net) = to;
        for reader in self.table.forget(key) {
            let tracked = clients.get(reader).and_then(|client| client.tracked.as_deref());
            let Some(tracked) = tracked.filter(|tracked| !tracked.is_broadcast) else { continue };
            if tracked.no_loop && reader == author {
                continue;
            }
            if reader == running {
                self.pending.push((reader, Some(key.into())));
            } else {
                tell((&mut *clients, &mut *net), reader, &mut message(News::Keys(&[key])));
            }
        }
    }

    /// A key has changed: notes it for those who hear of all keys with a prefix of its.
    pub fn note_change(&mut self, key: &[u8], author: Id) {
        if self.audiences.is_empty() {
            return;
        }
        for (prefix, audience) in &mut self.audiences {
            if !key.starts_with(prefix) {
                continue;
            }
            self.has_changes = true;
            match audience.changed.get_mut(key) {
                Some(by) => *by = author,
                None => drop(audience.changed.insert(key.into(), author)),
            }
        }
    }

    /// A database was emptied: all who cache are told to forget everything.
    pub fn invalidate_all(&mut self, to: (&mut Clients, &mut Net), running: Id) {
        let (clients, net) = to;
        self.table.clear();
        let mut all = message(News::Everything);
        for id in &self.clients {
            if *id == running {
                self.pending.push((*id, None));
            } else {
                tell((&mut *clients, &mut *net), *id, &mut all);
            }
        }
    }

    /// Something waits for the end of the call that is running.
    #[inline]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The call is over: tells its client what waited.
    #[cold]
    pub fn settle(&mut self, to: (&mut Clients, &mut Net)) {
        let (clients, net) = to;
        for (id, key) in std::mem::take(&mut self.pending) {
            let to = (&mut *clients, &mut *net);
            match key {
                Some(key) => tell(to, id, &mut message(News::Keys(&[&key]))),
                None => tell(to, id, &mut message(News::Everything)),
            }
        }
    }

    /// Some audience is to be told something.
    #[inline]
    pub fn has_changes(&self) -> bool {
        self.has_changes
    }

    /// Tells each audience what has changed since the last time.
    #[cold]
    pub fn broadcast(&mut self, to: (&mut Clients, &mut Net)) {
        self.has_changes = false;
        let (clients, net) = to;
        for audience in self.audiences.values_mut() {
            let changed = std::mem::take(&mut audience.changed);
            if changed.is_empty() {
                continue;
            }
            let keys: Vec<&[u8]> = changed.keys().map(|key| &**key).collect();
            let mut all = message(News::Keys(&keys));
            all.expect(audience.clients.len(), &mut audience.tapes);
            for id in &audience.clients {
                let tracked = clients.get(*id).and_then(|client| client.tracked.as_deref());
                if !tracked.is_some_and(|tracked| tracked.no_loop) {
                    tell((&mut *clients, &mut *net), *id, &mut all);
                    continue;
                }
                let others = changed.iter().filter(|(_, by)| *by != id);
                let others: Vec<&[u8]> = others.map(|(key, _)| &**key).collect();
                if !others.is_empty() {
                    tell((&mut *clients, &mut *net), *id, &mut message(News::Keys(&others)));
                }
            }
        }
    }

    /// Clients that cache.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Keys remembered, clients of all keys together, prefixes.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.table.len(), self.table.items(), self.audiences.len())
    }
}

/// The message about some news, in the shape each protocol has for it.
fn message<'a>(news: News<'a>) -> Message<'a, impl Fn(&mut Reply) + 'a> {
    Message::new(move |out| {
        if out.proto() == Proto::Resp3 {
            out.push(2);
            out.bulk(b"invalidate");
        } else {
            out.push(3);
            out.bulk(b"message");
            out.bulk(CHANNEL);
        }
        match news {
            News::Keys(keys) => {
                out.array(keys.len());
                keys.iter().for_each(|key| out.bulk(key));
            }
            News::Everything => out.null(),
        }
    })
}

/// Tells a client that caches, or whom it has named instead. Who speaks RESP2 is told if it was
/// named and listens.
fn tell<W: Fn(&mut Reply)>(to: (&mut Clients, &mut Net), id: Id, message: &mut Message<'_, W>) {
    let (clients, net) = to;
    let Some(client) = clients.get_mut(id) else { return };
    let Some(tracked) = client.tracked.as_deref_mut() else { return };
    let receiver = match tracked.redirect {
        None if client.out.proto() == Proto::Resp2 => return,
        None => id,
        Some((receiver, number)) => {
            let found = clients.get(receiver).filter(|client| !client.marks.closing);
            let Some(found) = found else {
                return complain(clients, net, id, number);
            };
            if found.out.proto() == Proto::Resp2 && found.subscriptions.is_none() {
                return;
            }
            receiver
        }
    };
    clients.push_to(receiver, net, message);
}

/// The client that was to be told instead has gone.
fn complain(clients: &mut Clients, net: &mut Net, id: Id, number: u64) {
    let Some(client) = clients.get_mut(id) else { return };
    if let Some(tracked) = client.tracked.as_deref_mut() {
        tracked.is_broken = true;
    }
    if client.out.proto() == Proto::Resp3 {
        let mut message = Message::new(|out: &mut Reply| {
            out.push(2);
            out.bulk(b"tracking-redir-broken");
            out.uint(number);
        });
        clients.push_to(id, net, &mut message);
    }
}
