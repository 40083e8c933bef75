//! The network: the reactor and what hangs on it.
//!
//! Sockets are registered once, for reading and writing, edge-triggered, and never again: a reply that the socket takes
//! at once costs no system call but the write. The price is ours to pay: whoever gets an edge must use it up, so a
//! socket that may hold more bytes than were read stands in [`Net::again`] until the next turn.

pub mod buffers;
pub mod conn;
pub mod listener;
pub mod reactor;
pub mod token;

use crate::base::slab::Id;
use buffers::BufferPool;
use listener::Listener;
use reactor::Reactor;

/// The reactor, the listening sockets and the clients that await a step of the turn.
#[derive(Debug)]
pub struct Net {
    pub reactor: Reactor,
    pub listeners: Vec<Listener>,
    pub buffers: BufferPool,
    /// Clients whose socket may hold unread bytes: served again next turn, after the others.
    pub again: Vec<Id>,
    /// Clients with a reply to send before the reactor sleeps.
    pub pending_writes: Vec<Id>,
}

impl Net {
    pub fn new(reactor: Reactor) -> Net {
        Net {
            reactor,
            listeners: vec![],
            buffers: BufferPool::default(),
            again: vec![],
            pending_writes: vec![],
        }
    }
}
