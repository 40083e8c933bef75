//! One message for many clients: encoded at most once for each protocol.
//!
//! Few receivers have it copied into their outputs, whose buffers come from a pool and are warm. If
//! there are many, it stands on a tape, and the outputs of those who have no answers to be sent
//! refer to it; so a publication to thousands touches no buffers at all, and what is published one
//! after the other to those who listen to the same is one piece for all of them. See
//! [`Reply::message`].

use crate::base::tape::{Cut, Tape};
use crate::resp::Proto;
use crate::resp::reply::{Reply, SHARE_MESSAGE};

/// From so many receivers on, a message is shared rather than copied.
const SHARED_FROM: usize = 32;

/// Where messages to the same receivers are written one after the other: for each protocol.
pub type Tapes = [Tape; 2];

/// A message, and what it has been encoded to.
pub struct Message<'a, W: Fn(&mut Reply)> {
    write: W,
    /// Where there are many receivers.
    tapes: Option<&'a mut Tapes>,
    encoded: [Option<Cut>; 2],
}

impl<'a, W: Fn(&mut Reply)> Message<'a, W> {
    /// What `write` writes to a reply of either protocol: pushes, which answer nothing.
    pub fn new(write: W) -> Message<'a, W> {
        Message { write, tapes: None, encoded: [None, None] }
    }

    /// Says how many will get it, and where it is written behind other messages to the same
    /// receivers if they are many.
    pub fn expect(&mut self, receivers: usize, tapes: &'a mut Tapes) {
        self.tapes = (receivers >= SHARED_FROM).then_some(tapes);
    }

    /// It is to be referred to where it can.
    pub fn is_shared(&self) -> bool {
        self.tapes.is_some()
    }

    /// Appends the message to an output, which takes it by reference only if it `may_refer`.
    pub fn append_to(&mut self, out: &mut Reply, may_refer: bool) {
        let Message { write, tapes, encoded } = self;
        let proto = out.proto();
        let slot = usize::from(proto == Proto::Resp3);
        let encoded = encoded[slot].get_or_insert_with(|| {
            let mut reply = Reply::new(proto);
            write(&mut reply);
            let bytes = reply.into_bytes();
            match tapes {
                Some(tapes) if bytes.len() < SHARE_MESSAGE => tapes[slot].append(&bytes),
                _ => Cut::from(bytes),
            }
        });
        out.message(encoded, tapes.is_some() && may_refer);
    }
}
