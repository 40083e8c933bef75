//! The network: the reactor and what hangs on it.
//!
//! Sockets are registered once, for reading and writing, edge-triggered, and never again: a reply
//! that the socket takes at once costs no system call but the write. The price is ours to pay:
//! whoever gets an edge must use it up, so a socket that may hold more bytes than were read stands
//! in [`Net::again`] until the next turn.

pub mod buffers;
pub mod conn;
pub mod kept;
pub mod link;
pub mod listener;
pub mod reactor;
pub mod resolve;
pub mod token;

use std::collections::VecDeque;

use crate::base::slab::Id;
use buffers::BufferPool;
use link::Links;
use listener::Listener;
use reactor::{Reactor, Ready};

/// The reactor, the listening sockets and the clients that await a step of the turn.
#[derive(Debug)]
pub struct Net {
    pub reactor: Reactor,
    pub listeners: Vec<Listener>,
    pub buffers: BufferPool,
    /// Clients whose socket may hold unread bytes: served again next turn, after the others.
    pub again: Vec<Id>,
    /// What this turn still has to serve. An edge that was seen and is not used up would never come
    /// again, so whoever is served in the middle of a turn is found here.
    pub ready: VecDeque<Ready>,
    /// The same for those of [`Net::again`] whose turn it is, and for those who have waited for
    /// keys and whose wait is over: what they do then is told together with what let them go on.
    pub resumed: VecDeque<Id>,
    /// Connections that this server has opened.
    pub links: Links,
    /// Clients with a reply to send before the reactor sleeps.
    pub pending_writes: Vec<Id>,
    /// Clients with nothing to send but messages they did not ask for: some of them in every turn,
    /// in this order.
    pub pending_pushes: VecDeque<Id>,
}

impl Net {
    pub fn new(reactor: Reactor) -> Net {
        Net {
            reactor,
            listeners: vec![],
            buffers: BufferPool::default(),
            again: vec![],
            ready: VecDeque::new(),
            resumed: VecDeque::new(),
            links: Links::default(),
            pending_writes: vec![],
            pending_pushes: VecDeque::new(),
        }
    }
}
