//! Messages to clients that did not ask: lines for monitors, what is published, what is
//! invalidated.
//!
//! A message goes to the end of the client's output and is sent at the end of the turn, after the
//! answers; if there are many receivers, some of them have to wait for the next turns
//! (`server::turn`). The one client that is being served has lent its output to the call, so what
//! it is sent meanwhile waits in the output it was given in exchange and is appended after the
//! answer to its present command ([`Clients::deliver_mail`]); so a message can never land in the
//! middle of an answer.
//!
//! Lines for monitors are answers of a kind: who has turned replies off does not get them. Pushes
//! reach everybody.
//!
//! Who does not take its messages is noted ([`Clients::take_swelling`]), for the turn to see
//! whether it is over its limit.

use super::{Clients, Marks};
use crate::base::slab::Id;
use crate::client::message::Message;
use crate::command::{Call, ReplyMode};
use crate::net::Net;
use crate::resp::Proto;
use crate::resp::reply::Reply;

/// Output up to this many bytes is not looked at while the socket takes it.
const UNCHECKED: usize = 16 * 1024;

impl Clients {
    /// Writes a line to a client, whoever it is, and has it sent. Clients that are on their way out
    /// or have turned replies off get nothing; for the one that is being served the caller has seen
    /// to that.
    pub fn send_to(&mut self, id: Id, net: &mut Net, write: impl FnOnce(&mut Reply)) {
        let Some(client) = self.slab.get_mut(id).filter(|client| !client.is_leaving()) else {
            return;
        };
        if !client.marks.lent && client.session.reply == ReplyMode::Off {
            return;
        }
        if client.out.open_capacity() == 0 {
            *client.out.buffer() = net.buffers.lend();
        }
        client.out.begin();
        write(&mut client.out);
        client.out.settle();
        client.out.seal_if_large();
        self.announce_mail(id, net);
    }

    /// Pushes a message to a client, whoever it is, and has it sent; true unless it is on its way
    /// out.
    pub fn push_to<W: Fn(&mut Reply)>(
        &mut self,
        id: Id,
        net: &mut Net,
        message: &mut Message<'_, W>,
    ) -> bool {
        let Some(client) = self.slab.get_mut(id).filter(|client| !client.is_leaving()) else {
            return false;
        };
        // Who takes nothing must not keep what the others have had.
        let may_refer = message.is_shared() && !client.marks.write_blocked;
        if !may_refer && client.out.open_capacity() == 0 {
            *client.out.buffer() = net.buffers.lend();
        }
        message.append_to(&mut client.out, may_refer);
        client.out.seal_if_large();
        self.announce_mail(id, net);
        true
    }

    /// Has sent what was written to a client's output.
    fn announce_mail(&mut self, id: Id, net: &mut Net) {
        let Some(client) = self.slab.get_mut(id) else { return };
        if client.marks.lent {
            self.has_mail = true;
            return client.send_soon(net);
        }
        let Marks { write_blocked, pending_write, pending_push, swelling, .. } = &mut client.marks;
        if !*pending_write && !*pending_push && !*write_blocked {
            *pending_push = true;
            net.pending_pushes.push_back(id);
        }
        let heavy = *write_blocked || client.out.len() > UNCHECKED;
        if heavy && !*swelling {
            *swelling = true;
            self.swelling.push(id);
        }
    }

    /// Where the client that is being served is told what it is told whether it wants answers or
    /// not.
    pub fn own_pushes<'a>(&'a mut self, call: &'a mut Call) -> &'a mut Reply {
        if call.session.reply.is_answered() {
            return &mut call.out;
        }
        match self.slab.get_mut(call.client) {
            Some(client) => {
                self.has_mail = true;
                &mut client.out
            }
            None => &mut call.out,
        }
    }

    /// The clients whose output was made longer by messages, to be held against their limits.
    pub fn take_swelling(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.swelling)
    }

    /// Changes the protocol of the client that is being served, for its answers and for what it is
    /// sent.
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

    /// Others were served in the middle of a call: they may have sent its client something.
    pub fn look_for_mail(&mut self) {
        self.has_mail = true;
    }

    /// Gives the client that is being served what it was sent: between two of its answers only.
    #[cold]
    pub fn deliver_mail(&mut self, call: &mut Call) {
        self.has_mail = false;
        if let Some(client) = self.get_mut(call.client) {
            let mail = client.out.take();
            call.out.raw(&mail, 0);
        }
    }
}
