//! Publish/subscribe: who listens to which channel, and how a message reaches them.
//!
//! ```text
//!   channels   name    ─► members     SUBSCRIBE, PUBLISH; key events and invalidations are published here, too
//!   patterns   pattern ─► members     PSUBSCRIBE: matched against each published channel, in order
//!   shards     name    ─► members     SSUBSCRIBE, SPUBLISH: a space of its own
//! ```
//!
//! Names are kept once and shared by the index and the `Subscriptions` of each client that uses
//! them. Members are kept in the order of their slots, so that a publication walks through the
//! clients as they lie. A message is encoded at most once for each protocol, whoever gets it (see
//! [`crate::client::message`]). Nothing here knows a key or the server.

pub mod commands;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::base::glob;
use crate::base::slab::Id;
use crate::client::message::{Message, Tapes};
use crate::client::subscriptions::{Kind, Name};
use crate::client::{Client, Clients};
use crate::net::Net;

/// The clients that listen to one name: never none.
#[derive(Debug)]
pub enum Members {
    /// The usual case takes no memory of its own.
    One(Id),
    Many(Box<Crowd>),
}

/// Several clients that listen to the same.
#[derive(Debug, Default)]
pub struct Crowd {
    all: BTreeSet<Id>,
    tapes: Tapes,
}

impl Members {
    pub fn len(&self) -> usize {
        match self {
            Members::One(_) => 1,
            Members::Many(crowd) => crowd.all.len(),
        }
    }

    /// There is always somebody.
    pub fn is_empty(&self) -> bool {
        false
    }

    fn add(&mut self, id: Id) {
        match self {
            Members::One(first) => {
                let all = BTreeSet::from([*first, id]);
                *self = Members::Many(Box::new(Crowd { all, tapes: Tapes::default() }));
            }
            Members::Many(crowd) => {
                crowd.all.insert(id);
            }
        }
    }

    /// Takes a member out; true when nobody is left.
    fn remove(&mut self, id: Id) -> bool {
        match self {
            Members::One(one) => *one == id,
            Members::Many(crowd) => {
                crowd.all.remove(&id);
                crowd.all.is_empty()
            }
        }
    }
}

/// Who listens to what.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: HashMap<Name, Members>,
    /// In order, so that a client with several patterns that match is told of them in the same
    /// order each time.
    patterns: BTreeMap<Name, Members>,
    shards: HashMap<Name, Members>,
    /// Clients with any subscription.
    clients: usize,
}

impl PubSub {
    /// A client begins to listen.
    pub fn subscribe(&mut self, client: &mut Client, kind: Kind, name: &[u8]) {
        if client.subscriptions.is_none() {
            self.clients += 1;
        }
        let subscriptions = client.subscriptions.get_or_insert_default();
        if subscriptions.of(kind).contains(name) {
            return;
        }
        let shared = self.shared_name(kind, name);
        subscriptions.add(kind, Arc::clone(&shared));
        let id = client.id;
        match kind {
            Kind::Pattern => match self.patterns.get_mut(name) {
                Some(members) => members.add(id),
                None => drop(self.patterns.insert(shared, Members::One(id))),
            },
            Kind::Channel | Kind::Shard => match self.index_mut(kind).get_mut(name) {
                Some(members) => members.add(id),
                None => drop(self.index_mut(kind).insert(shared, Members::One(id))),
            },
        }
    }

    /// The name as the index holds it, or a new one.
    fn shared_name(&self, kind: Kind, name: &[u8]) -> Name {
        let held = match kind {
            Kind::Pattern => self.patterns.get_key_value(name),
            Kind::Channel | Kind::Shard => self.index(kind).get_key_value(name),
        };
        held.map_or_else(|| name.into(), |(held, _)| Arc::clone(held))
    }

    fn index(&self, kind: Kind) -> &HashMap<Name, Members> {
        if kind == Kind::Shard { &self.shards } else { &self.channels }
    }

    fn index_mut(&mut self, kind: Kind) -> &mut HashMap<Name, Members> {
        if kind == Kind::Shard { &mut self.shards } else { &mut self.channels }
    }

    /// A client listens to this no more.
    pub fn unsubscribe(&mut self, client: &mut Client, kind: Kind, name: &[u8]) {
        let Some(own) = &mut client.subscriptions else { return };
        if own.remove(kind, name) {
            self.forget(client.id, kind, name);
        }
        if client.subscriptions.as_ref().is_some_and(|own| own.is_empty()) {
            client.subscriptions = None;
            self.clients -= 1;
        }
    }

    fn forget(&mut self, id: Id, kind: Kind, name: &[u8]) {
        if kind == Kind::Pattern {
            if self.patterns.get_mut(name).is_some_and(|members| members.remove(id)) {
                self.patterns.remove(name);
            }
            return;
        }
        let index = self.index_mut(kind);
        if index.get_mut(name).is_some_and(|members| members.remove(id)) {
            index.remove(name);
            if index.capacity() > 1024 && index.len() < index.capacity() / 8 {
                index.shrink_to_fit();
            }
        }
    }

    /// A client listens to nothing any more, without a word.
    pub fn leave(&mut self, client: &mut Client) {
        let Some(own) = client.subscriptions.take() else { return };
        self.clients -= 1;
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in own.of(kind) {
                self.forget(client.id, kind, name);
            }
        }
    }

    /// Sends a message to all who listen to the channel, and to those with a pattern that matches
    /// it. Returns how many messages were sent.
    pub fn publish(
        &mut self,
        to: (&mut Clients, &mut Net),
        channel: &[u8],
        payload: &[u8],
    ) -> usize {
        let (clients, net) = to;
        let mut sent = 0;
        if let Some(members) = self.channels.get_mut(channel) {
            let parts: [&[u8]; 3] = [b"message", channel, payload];
            sent += deliver((clients, net), members, &parts);
        }
        for (pattern, members) in &mut self.patterns {
            if glob::matches(pattern, channel, false) {
                let parts: [&[u8]; 4] = [b"pmessage", pattern, channel, payload];
                sent += deliver((clients, net), members, &parts);
            }
        }
        sent
    }

    /// Sends a message to all who listen to the channel among the sharded ones.
    pub fn publish_sharded(
        &mut self,
        to: (&mut Clients, &mut Net),
        channel: &[u8],
        payload: &[u8],
    ) -> usize {
        let parts: [&[u8]; 3] = [b"smessage", channel, payload];
        self.shards.get_mut(channel).map_or(0, |members| deliver(to, members, &parts))
    }

    /// Nobody listens to a channel or with a pattern.
    pub fn is_silent(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// The names that somebody listens to, patterns excepted, and how many do.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = (&[u8], usize)> {
        self.index(kind).iter().map(|(name, members)| (&**name, members.len()))
    }

    /// How many listen to a channel.
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> usize {
        self.index(kind).get(name).map_or(0, Members::len)
    }

    /// Patterns in use.
    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Clients with any subscription.
    pub fn clients(&self) -> usize {
        self.clients
    }
}

/// Sends one message to all members.
fn deliver(to: (&mut Clients, &mut Net), members: &mut Members, parts: &[&[u8]]) -> usize {
    let (clients, net) = to;
    let mut message = Message::new(|out| {
        out.push(parts.len());
        parts.iter().for_each(|part| out.bulk(part));
    });
    match members {
        Members::One(id) => usize::from(clients.push_to(*id, net, &mut message)),
        Members::Many(crowd) => {
            message.expect(crowd.all.len(), &mut crowd.tapes);
            crowd.all.iter().filter(|id| clients.push_to(**id, net, &mut message)).count()
        }
    }
}
