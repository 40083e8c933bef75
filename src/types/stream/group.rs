//! Consumer groups: who reads a stream together, and what was handed out and not acknowledged yet.
//!
//! ```text
//!   Group ─┬─ pending    id ─► whose, since when, how often          what the group waits for
//!          └─ consumers  name ─► Consumer ── pending: ids            the same entries, once more by consumer
//! ```
//!
//! The two kinds of lists say the same: an id is in a group's list with a consumer exactly if it is
//! in that consumer's list. All changes go through [`Group`], which keeps it so. A consumer is
//! known by a small number, which its name leads to; numbers of those who have gone are given out
//! again.

use super::StreamId;
use crate::base::alloc::class_size;
use crate::base::clock::UnixMillis;
use crate::ds::ascending::Ascending;

/// A consumer's number within its group.
pub type ConsumerId = u32;

/// An entry that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub delivered: UnixMillis,
    pub deliveries: u64,
    pub consumer: ConsumerId,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    pub name: Box<[u8]>,
    /// When it last asked for something.
    pub seen: UnixMillis,
    /// When it last got something.
    pub active: Option<UnixMillis>,
    pending: Ascending<StreamId, ()>,
}

impl Consumer {
    /// The ids of the entries that it has got and not acknowledged.
    pub fn pending(&self) -> &Ascending<StreamId, ()> {
        &self.pending
    }
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: Box<[u8]>,
    /// The last entry that was handed out.
    pub last_id: StreamId,
    /// How many entries of the stream were read up to there, if that is known.
    pub entries_read: Option<u64>,
    pending: Ascending<StreamId, Pending>,
    consumers: Vec<Option<Consumer>>,
    /// The numbers of the consumers, by their names.
    by_name: Vec<ConsumerId>,
}

impl Group {
    pub fn new(name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> Group {
        let (pending, consumers, by_name) = (Ascending::default(), vec![], vec![]);
        Group { name: name.into(), last_id, entries_read, pending, consumers, by_name }
    }

    /// The entries that were handed out and not acknowledged.
    pub fn pending(&self) -> &Ascending<StreamId, Pending> {
        &self.pending
    }

    /// Number of consumers.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// True without consumers.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> + Clone {
        self.by_name.iter().map(|id| self.consumer(*id))
    }

    /// A consumer that exists.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id as usize].as_ref().expect("numbers are of consumers")
    }

    /// A consumer that exists, to be changed.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id as usize].as_mut().expect("numbers are of consumers")
    }

    /// The number of the consumer with a name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.place(name).ok().map(|at| self.by_name[at])
    }

    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name.binary_search_by(|id| (*self.consumer(*id).name).cmp(name))
    }

    /// The number of the consumer with a name, and whether it is a new one.
    pub fn find_or_create(&mut self, name: &[u8], now: UnixMillis) -> (ConsumerId, bool) {
        let at = match self.place(name) {
            Ok(at) => return (self.by_name[at], false),
            Err(at) => at,
        };
        let pending = Ascending::default();
        let consumer = Consumer { name: name.into(), seen: now, active: None, pending };
        // All numbers are taken unless somebody has gone.
        let free = if self.by_name.len() == self.consumers.len() {
            None
        } else {
            self.consumers.iter().position(Option::is_none)
        };
        let id = free.unwrap_or(self.consumers.len());
        match free {
            Some(id) => self.consumers[id] = Some(consumer),
            None => self.consumers.push(Some(consumer)),
        }
        let id = ConsumerId::try_from(id).expect("consumers have names in memory");
        self.by_name.insert(at, id);
        (id, true)
    }

    /// Removes a consumer with all that it has not acknowledged; returns how much that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let at = self.place(name).ok()?;
        let id = self.by_name.remove(at);
        let consumer = self.consumers[id as usize].take().expect("numbers are of consumers");
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Notes that an entry was handed out, whoever had it before.
    pub fn hand_out(&mut self, id: StreamId, pending: Pending) {
        if self.pending.last().is_none_or(|last| self.pending.at(last).0 < id) {
            self.pending.push_back(id, pending);
            self.consumer_mut(pending.consumer).pending.insert(id, ());
            return;
        }
        let before = self.pending.insert(id, pending).map(|before| before.consumer);
        if before != Some(pending.consumer) {
            if let Some(before) = before {
                self.consumer_mut(before).pending.remove(id);
            }
            self.consumer_mut(pending.consumer).pending.insert(id, ());
        }
    }

    /// Notes that a consumer was told again of an entry it has got before.
    pub fn hand_out_again(&mut self, id: StreamId, now: UnixMillis) {
        if let Some(pending) = self.pending.get_mut(id) {
            pending.delivered = now;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        }
    }

    /// Forgets an entry that was handed out; true if it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else { return false };
        self.consumer_mut(pending.consumer).pending.remove(id);
        true
    }

    /// Whether the group still needs an entry: it has not read it, or not acknowledged it.
    pub fn needs(&self, id: StreamId) -> bool {
        id > self.last_id || self.pending.contains(id)
    }

    /// Bytes of memory beyond the struct.
    pub fn memory_bytes(&self) -> usize {
        let of = |c: &Consumer| class_size(c.name.len()) + c.pending.memory_bytes();
        class_size(self.name.len())
            + self.pending.memory_bytes()
            + class_size(self.consumers.capacity() * size_of::<Option<Consumer>>())
            + class_size(self.by_name.capacity() * size_of::<ConsumerId>())
            + self.consumers().map(of).sum::<usize>()
    }
}
