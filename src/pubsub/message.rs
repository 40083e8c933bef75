//! One message for many clients: encoded at most once for each protocol.
//!
//! Few receivers have it copied into their outputs, whose buffers come from a pool and are warm. If there are many, the
//! outputs of those who have nothing else to be sent refer to the one encoded message, so that a publication to
//! thousands touches no buffers at all. See [`Reply::message`].

use std::sync::Arc;

use crate::resp::Proto;
use crate::resp::reply::Reply;

/// From so many receivers on, a message is shared rather than copied.
const SHARED_FROM: usize = 32;

/// A message, and what it has been encoded to.
pub struct Message<W: Fn(&mut Reply)> {
    write: W,
    encoded: [Option<Arc<Vec<u8>>>; 2],
    is_shared: bool,
}

impl<W: Fn(&mut Reply)> Message<W> {
    /// What `write` writes to a reply of either protocol: pushes, which answer nothing.
    pub fn new(write: W) -> Message<W> {
        Message { write, encoded: [None, None], is_shared: false }
    }

    /// Says how many will get it.
    pub fn expect(&mut self, receivers: usize) {
        self.is_shared = receivers >= SHARED_FROM;
    }

    /// It is to be referred to where it can.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Appends the message to an output.
    pub fn append_to(&mut self, out: &mut Reply) {
        let proto = out.proto();
        let slot = &mut self.encoded[usize::from(proto == Proto::Resp3)];
        let write = &self.write;
        let encoded = slot.get_or_insert_with(|| {
            let mut reply = Reply::new(proto);
            write(&mut reply);
            Arc::new(reply.into_bytes())
        });
        out.message(encoded, self.is_shared);
    }
}
