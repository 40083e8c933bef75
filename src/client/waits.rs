//! Clients that wait: whose call found nothing to do and stands still until there is something.
//!
//! The request stays in the client's query, its words parsed; what else the server has to remember
//! is a [`Waiting`]. The keys waited for are indexed by the keyspace (`keyspace::blocked`); here
//! stand the deadlines, in order, so that the reactor knows when to wake up, and the numbers by
//! which CLIENT UNBLOCK names clients. Nothing of this costs anything in a turn in which nothing
//! happens to those who wait.

use std::collections::{BTreeMap, BTreeSet};

use super::{Client, Clients};
use crate::base::slab::Id;
use crate::command::Wait;
use crate::command::lookup::CommandId;
use crate::keyspace::DbIndex;

/// A call that waits.
#[derive(Debug)]
pub struct Waiting {
    pub wait: Box<Wait>,
    pub command: CommandId,
    pub db: DbIndex,
    /// Its place in the lines for its keys.
    pub ticket: u64,
    /// Monotonic microseconds.
    pub deadline_us: Option<u64>,
    /// Microseconds that it has run so far.
    pub spent_us: u64,
    /// Since when it stands still, in monotonic microseconds.
    pub since_us: u64,
}

/// Who waits.
#[derive(Debug, Default)]
pub struct Waits {
    /// By the numbers that users see.
    by_number: BTreeMap<u64, Id>,
    /// Those who wait for so long and no longer.
    deadlines: BTreeSet<(u64, Id)>,
    /// Those who wait for something that has to be looked at, see [`Wait::is_looked_at`].
    looked_at: Vec<Id>,
}

impl Waits {
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Those who will not wait for ever.
    pub fn with_deadline(&self) -> usize {
        self.deadlines.len()
    }

    /// Takes the list of those whose waits have to be looked at; those who go on waiting come back
    /// to it.
    #[inline]
    pub fn take_looked_at(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.looked_at)
    }

    /// They go on waiting, in front of those who have begun meanwhile.
    pub fn look_again_at(&mut self, mut ids: Vec<Id>) {
        ids.append(&mut self.looked_at);
        self.looked_at = ids;
    }

    /// When the first wait ends, in monotonic microseconds.
    #[inline]
    pub fn next_deadline_us(&self) -> Option<u64> {
        self.deadlines.first().map(|(at_us, _)| *at_us)
    }

    /// Somebody whose time is up.
    pub fn overdue(&self, now_us: u64) -> Option<Id> {
        self.deadlines.first().filter(|(at_us, _)| *at_us <= now_us).map(|(_, id)| *id)
    }
}

impl Client {
    /// It stands still, in front of its command or behind a first try.
    pub fn stands_still(&self) -> bool {
        self.waiting.is_some() || self.marks.postponed
    }
}

impl Clients {
    /// The client with this number, if it waits and CLIENT UNBLOCK may end that.
    pub fn find_waiting(&self, number: i64) -> Option<Id> {
        let id = *self.waits.by_number.get(&u64::try_from(number).ok()?)?;
        let waiting = self.get(id)?.waiting.as_ref()?;
        (waiting.wait.can_be_ended() && !self.is_closing(id)).then_some(id)
    }

    /// A client begins to wait.
    pub fn begin_wait(&mut self, id: Id, waiting: Waiting) {
        let Clients { slab, waits, .. } = self;
        let Some(client) = slab.get_mut(id) else { return };
        waits.by_number.insert(client.number, id);
        waits.looked_at.extend(waiting.wait.is_looked_at().then_some(id));
        waits.deadlines.extend(waiting.deadline_us.map(|at_us| (at_us, id)));
        client.waiting = Some(Box::new(waiting));
    }

    /// A client waits no more.
    pub fn end_wait(&mut self, id: Id) -> Option<Box<Waiting>> {
        let Clients { slab, waits, .. } = self;
        let client = slab.get_mut(id)?;
        let waiting = client.waiting.take()?;
        waits.by_number.remove(&client.number);
        if let Some(at_us) = waiting.deadline_us {
            waits.deadlines.remove(&(at_us, id));
        }
        if waiting.wait.is_looked_at() {
            waits.looked_at.retain(|other| *other != id);
        }
        Some(waiting)
    }
}
