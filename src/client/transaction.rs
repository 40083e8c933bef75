//! The open transaction of a client: the requests that MULTI queues.
//!
//! Whether one is open travels in the session ([`Multi`](crate::command::Multi)), where the gates
//! see it; the requests stay with the client. A client without queued requests owns nothing; one
//! set of buffers goes from transaction to transaction.

use super::Clients;
use crate::base::slab::Id;
use crate::command::lookup::CommandId;
use crate::resp::request::Query;
use crate::resp::request::queue::Queue;

/// Requests that wait for EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    pub queue: Queue,
    /// The command of each.
    pub commands: Vec<CommandId>,
    /// The flags of all their commands together.
    pub flags: u64,
    /// How many there are, and how many bytes they take: told while they run, too.
    pub count: usize,
    pub bytes: usize,
    /// What a request of the queue is laid into when it runs.
    pub scratch: Query,
}

impl Transaction {
    fn clear(&mut self) {
        self.queue.clear();
        self.commands.clear();
        (self.flags, self.count, self.bytes) = (0, 0, 0);
        self.scratch.reset();
    }
}

impl Clients {
    /// Puts a request aside.
    pub fn enqueue(&mut self, id: Id, query: &Query, (command, flags): (CommandId, u64)) {
        let spare = &mut self.spare_transaction;
        let Some(client) = self.slab.get_mut(id) else { return };
        let transaction =
            client.transaction.get_or_insert_with(|| spare.take().unwrap_or_default());
        transaction.queue.push(query);
        transaction.commands.push(command);
        transaction.flags |= flags;
        transaction.count += 1;
        transaction.bytes = transaction.queue.bytes() + transaction.count * size_of::<CommandId>();
    }

    /// A transaction is over that has run; its buffers are for the next one.
    pub fn end_transaction(&mut self, id: Id, queued: Transaction) {
        if let Some(mut left) = self.slab.get_mut(id).and_then(|c| c.transaction.take()) {
            *left = queued;
            self.recycle(left);
        }
    }

    /// A transaction is over that has not run.
    pub fn drop_transaction(&mut self, id: Id) {
        if let Some(left) = self.slab.get_mut(id).and_then(|c| c.transaction.take()) {
            self.recycle(left);
        }
    }

    fn recycle(&mut self, mut transaction: Box<Transaction>) {
        transaction.clear();
        self.spare_transaction = Some(transaction);
    }
}
