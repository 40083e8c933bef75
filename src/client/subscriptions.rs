//! What a client listens to. The index of who listens to what is `pubsub`'s.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Client;
use crate::resp::Proto;

/// The name of a channel, or a pattern.
pub type Name = Arc<[u8]>;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
    Shard,
}

/// What one client listens to. Who listens to nothing has none.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
    shards: BTreeSet<Name>,
    /// Bytes of all names.
    bytes: usize,
}

impl Subscriptions {
    pub fn of(&self, kind: Kind) -> &BTreeSet<Name> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    /// Takes a name in; the client must not listen to it yet.
    pub fn add(&mut self, kind: Kind, name: Name) {
        self.bytes += name.len();
        self.of_mut(kind).insert(name);
    }

    /// Takes a name out; false if the client does not listen to it.
    pub fn remove(&mut self, kind: Kind, name: &[u8]) -> bool {
        let was_there = self.of_mut(kind).remove(name);
        self.bytes -= if was_there { name.len() } else { 0 };
        was_there
    }

    /// Bytes of all their names.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }
}

impl Client {
    /// How many subscriptions of a kind it has.
    pub fn subscribed(&self, kind: Kind) -> usize {
        self.subscriptions.as_ref().map_or(0, |own| own.of(kind).len())
    }

    /// In RESP2 it may do nothing but listen.
    pub fn only_listens(&self) -> bool {
        self.subscriptions.is_some() && self.out.proto() == Proto::Resp2
    }
}
