//! Messages to clients that did not ask: lines for monitors, later what is published and invalidated.
//!
//! A message goes to the end of the client's output and is sent at the end of the turn. The one client that is being
//! served has lent its output to the call, so what it is sent meanwhile waits in the output it was given in exchange and
//! is appended after the answer to its present command ([`Clients::deliver_mail`]); so a message can never land in the
//! middle of an answer.
//!
//! Who does not take its messages is noted ([`Clients::take_swelling`]), for the turn to see whether it is over its limit.

use super::Clients;
use crate::base::slab::Id;
use crate::command::{Call, ReplyMode};
use crate::net::Net;
use crate::resp::Proto;
use crate::resp::reply::Reply;

/// Output up to this many bytes is not looked at while the socket takes it.
const UNCHECKED: usize = 16 * 1024;

impl Clients {
    /// Writes a message to a client, whoever it is, and has it sent. Clients that are on their way out or have turned
    /// replies off get nothing. A message may be of any number of values.
    pub fn send_to(&mut self, id: Id, net: &mut Net, write: impl FnOnce(&mut Reply)) {
        let Some(client) = self.slab.get_mut(id) else {
            return;
        };
        if client.marks.closing || client.marks.close_after_reply {
            return;
        }
        if client.marks.lent {
            self.has_mail = true;
        } else if client.session.reply == ReplyMode::Off {
            return;
        }
        if client.out.open_capacity() == 0 {
            *client.out.buffer() = net.buffers.lend();
        }
        client.out.begin();
        write(&mut client.out);
        client.out.settle();
        client.out.seal_if_large();
        if !client.marks.pending_write && !client.marks.write_blocked {
            client.marks.pending_write = true;
            net.pending_writes.push(id);
        }
        let heavy = client.marks.write_blocked || client.out.len() > UNCHECKED;
        if heavy && !client.marks.lent && !client.marks.swelling {
            client.marks.swelling = true;
            self.swelling.push(id);
        }
    }

    /// The clients whose output was made longer by messages, to be held against their limits.
    pub fn take_swelling(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.swelling)
    }

    /// Changes the protocol of the client that is being served, for its answers and for what it is sent.
    pub fn set_proto(&mut self, call: &mut Call, proto: Proto) {
        call.out.set_proto(proto);
        if let Some(client) = self.get_mut(call.client) {
            client.out.set_proto(proto);
        }
    }

    /// Whether the client that is being served was sent something.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.has_mail
    }

    /// Gives the client that is being served what it was sent: between two of its answers only. Where the answer is
    /// not wanted (CLIENT REPLY), the caller cuts both.
    #[cold]
    pub fn deliver_mail(&mut self, call: &mut Call) {
        self.has_mail = false;
        if let Some(client) = self.get_mut(call.client) {
            let mail = client.out.take();
            call.out.raw(&mail, 0);
        }
    }
}
