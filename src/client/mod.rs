//! Clients: what the server remembers of each connection.
//!
//! A [`Client`] stays in the slab for its whole life. While it is served, its query, output and
//! session travel in the `Call` ([`Client::lend_to`], [`Client::take_back`]); everything else can
//! be looked at and changed by whoever runs, itself included. Nothing frees a client in the middle
//! of a turn: [`Clients::close_later`] marks it, and the step of that name in `server::turn` frees
//! it.
//!
//! An idle client owns no buffers: a served query leaves only what is incomplete, and output
//! buffers are lent.

pub mod commands;
pub mod describe;
pub mod filter;
pub mod flush;
pub mod limits;
pub mod mail;
pub mod message;
pub mod pause;
pub mod peer;
pub mod recent;
pub mod subscriptions;
pub mod tracked;
pub mod transaction;
pub mod waits;

use crate::base::cpu;
use crate::base::slab::{Id, Slab};
use crate::client::peer::Peer;
use crate::client::subscriptions::Subscriptions;
use crate::client::tracked::Tracked;
use crate::command::lookup::CommandId;
use crate::command::{Call, ReplyMode, Session};
use crate::net::Net;
use crate::net::buffers::BufferPool;
use crate::net::conn::Conn;
use crate::resp::reply::Reply;
use crate::resp::request::Query;

/// One connection.
#[derive(Debug)]
pub struct Client {
    pub id: Id,
    /// What CLIENT ID says: never reused, growing.
    pub number: u64,
    pub conn: Conn,
    /// Bytes of an incomplete request, or of requests that have to wait.
    pub query: Query,
    pub out: Reply,
    /// Bytes already sent of the first piece of `out`.
    pub sent: usize,
    pub session: Session,
    pub peer: Peer,
    /// It said CLIENT CAPA redirect.
    pub capa_redirect: bool,
    pub name: Option<Box<[u8]>>,
    pub lib_name: Option<Box<[u8]>>,
    pub lib_ver: Option<Box<[u8]>>,
    /// Monotonic microseconds.
    pub created_us: u64,
    /// Monotonic microseconds when it last sent or took something.
    pub active_us: u64,
    pub last_command: Option<CommandId>,
    pub totals: Totals,
    pub marks: Marks,
    /// What it has queued since MULTI.
    pub transaction: Option<Box<transaction::Transaction>>,
    /// What it listens to.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// How it caches, if the server helps with that.
    pub tracked: Option<Box<Tracked>>,
    /// Its call waits for keys; `query` holds the request.
    pub waiting: Option<Box<waits::Waiting>>,
    /// Since when its output is over the soft limit, in monotonic microseconds.
    pub over_soft_since_us: Option<u64>,
    /// What it was weighed with last.
    weight: usize,
}

/// What has gone through a connection so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub commands: u64,
}

/// Where a client stands in the work of the turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    /// To be freed at the end of the turn.
    pub closing: bool,
    /// To be closed once its output is sent; what it sends meanwhile is not read.
    pub close_after_reply: bool,
    /// Stands in `Net::pending_writes`.
    pub pending_write: bool,
    /// Stands in `Net::pending_pushes`.
    pub pending_push: bool,
    /// The socket refused bytes: wait until it is writable.
    pub write_blocked: bool,
    /// The peer sends no more: reading goes on until the end of file, for which there is no edge.
    pub half_closed: bool,
    /// Stands in `Net::again` or `Net::resumed`.
    pub again: bool,
    /// An edge came while it stood still: there may be something to read.
    pub unread: bool,
    /// Waits for the end of a pause; its query holds the command to go on with.
    pub postponed: bool,
    /// Stands in `Clients::swelling`.
    pub swelling: bool,
    /// Is being served: its output and session travel in the call.
    pub lent: bool,
    /// Exempt from client eviction (CLIENT NO-EVICT).
    pub no_evict: bool,
}

impl Client {
    /// It is on its way out, and gets nothing that it has not got yet.
    #[inline]
    pub fn is_leaving(&self) -> bool {
        self.marks.closing || self.marks.close_after_reply
    }

    /// Hands what travels to the call that serves this client.
    #[inline]
    pub fn lend_to(&mut self, call: &mut Call, buffers: &mut BufferPool) {
        call.client = self.id;
        call.session = self.session;
        call.origin = self.peer.origin();
        std::mem::swap(&mut call.out, &mut self.out);
        // What it is sent meanwhile waits here, see `mail`.
        self.out.set_proto(call.out.proto());
        self.marks.lent = true;
        if call.out.open_capacity() == 0 {
            *call.out.buffer() = buffers.lend();
        }
        if !self.query.is_idle() {
            std::mem::swap(&mut call.query, &mut self.query);
        }
    }

    /// Has it served again in the next turn.
    pub fn serve_again(&mut self, net: &mut Net) {
        if !self.marks.again {
            self.marks.again = true;
            net.again.push(self.id);
        }
    }

    /// Has it served in this turn, behind all others, or in the next one if it has stood there.
    pub fn serve_soon(&mut self, net: &mut Net) {
        if !self.marks.again {
            self.marks.again = true;
            net.resumed.push_back(self.id);
        }
    }

    /// Has its output sent with the answers of this turn, unless the socket takes nothing at the
    /// moment.
    #[inline]
    pub fn send_soon(&mut self, net: &mut Net) {
        if !self.marks.pending_write && !self.marks.write_blocked {
            self.marks.pending_write = true;
            net.pending_writes.push(self.id);
        }
    }

    /// Takes it back. The spare query that rested here in the meantime, or the buffers of the
    /// emptied one, stay with the call for the next client.
    #[inline]
    pub fn take_back(&mut self, call: &mut Call) {
        self.session = call.session;
        self.marks.lent = false;
        if !self.out.is_empty() {
            call.out.raw(&self.out.take(), 0);
        }
        std::mem::swap(&mut call.out, &mut self.out);
        if call.query.is_idle() {
            call.query.reset();
            if self.query.capacity() > call.query.capacity() {
                std::mem::swap(&mut call.query, &mut self.query);
            }
            if self.query.capacity() != 0 {
                self.query = Query::default();
            }
        } else if call.query.is_bulky() {
            std::mem::swap(&mut self.query, &mut call.query);
        } else {
            let left = call.query.detach();
            std::mem::swap(&mut self.query, &mut call.query);
            self.query = left;
        }
    }
}

/// All clients of a server.
#[derive(Debug, Default)]
pub struct Clients {
    slab: Slab<Box<Client>>,
    /// Clients to be freed at the end of the turn.
    closing: Vec<Id>,
    last_number: u64,
    /// The client that is being served was sent something, see [`mail`].
    has_mail: bool,
    /// Clients with much output that they did not ask for, see [`mail`].
    swelling: Vec<Id>,
    /// Clients in MONITOR mode.
    pub monitors: Vec<Id>,
    pub pause: pause::Pause,
    /// Clients whose calls wait.
    pub waits: waits::Waits,
    /// Buffers for the next transaction.
    spare_transaction: Option<Box<transaction::Transaction>>,
    /// The largest buffers of late.
    pub recent: recent::RecentPeaks,
    /// There is a limit for the memory of all clients.
    are_weighed: bool,
    /// The sum of what they were weighed with.
    weight_total: usize,
}

impl Clients {
    /// Takes a connection in.
    pub fn add(&mut self, conn: Conn, session: Session, now_us: u64) -> Id {
        self.last_number += 1;
        let number = self.last_number;
        self.slab.insert_with(|id| {
            Box::new(Client {
                id,
                number,
                conn,
                query: Query::default(),
                out: Reply::default(),
                sent: 0,
                session,
                peer: Peer::Normal,
                capa_redirect: false,
                name: None,
                lib_name: None,
                lib_ver: None,
                created_us: now_us,
                active_us: now_us,
                last_command: None,
                totals: Totals::default(),
                marks: Marks::default(),
                transaction: None,
                subscriptions: None,
                tracked: None,
                waiting: None,
                over_soft_since_us: None,
                weight: 0,
            })
        })
    }

    #[inline]
    pub fn get(&self, id: Id) -> Option<&Client> {
        self.slab.get(id).map(|c| &**c)
    }

    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Client> {
        self.slab.get_mut(id).map(|c| &mut **c)
    }

    /// Has a client at hand that is needed soon.
    #[inline]
    pub fn prefetch(&self, id: Id) {
        self.get(id).into_iter().for_each(cpu::prefetch_whole);
    }

    pub fn len(&self) -> usize {
        self.slab.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slab.iter().map(|(_, c)| &**c)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slab.iter_mut().map(|(_, c)| &mut **c)
    }

    /// A connection turns out to lead to our primary: what comes from it is the replication stream.
    pub fn become_primary(&mut self, id: Id) {
        if let Some(client) = self.get_mut(id) {
            client.peer = Peer::Primary;
            client.session.authenticated = true;
            client.session.reply = ReplyMode::Off;
            self.set_weight(id, 0);
        }
    }

    /// All ids in order of arrival, for replies that list clients.
    pub fn by_age(&self) -> Vec<Id> {
        let mut ids: Vec<_> = self.iter().map(|c| (c.number, c.id)).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// The slab's slots, for a walk spread over several turns.
    pub fn slots(&self) -> &Slab<Box<Client>> {
        &self.slab
    }

    /// Ends a connection at the end of this turn, whatever it still has to be sent.
    pub fn close_later(&mut self, id: Id) {
        if let Some(client) = self.slab.get_mut(id)
            && !client.marks.closing
        {
            client.marks.closing = true;
            self.closing.push(id);
            self.set_weight(id, 0);
        }
    }

    /// Keeps a client that is on its way out until the end of a later turn.
    pub fn close_again(&mut self, id: Id) {
        self.closing.push(id);
    }

    /// Whether the client is on its way out, or gone.
    #[inline]
    pub fn is_closing(&self, id: Id) -> bool {
        !self.closing.is_empty() && self.get(id).is_none_or(|c| c.marks.closing)
    }

    /// The clients to free now.
    pub fn take_closing(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.closing)
    }

    /// Whether clients are weighed, because their memory is limited.
    #[inline]
    pub fn are_weighed(&self) -> bool {
        self.are_weighed
    }

    /// Begins or ends weighing clients.
    pub fn weigh_from_now_on(&mut self, yes: bool) {
        self.are_weighed = yes;
    }

    /// Notes the memory of a client.
    pub fn set_weight(&mut self, id: Id, weight: usize) {
        if let Some(client) = self.slab.get_mut(id) {
            let before = std::mem::replace(&mut client.weight, weight);
            self.weight_total = self.weight_total - before + weight;
        }
    }

    /// The memory of all clients, as far as they were weighed.
    pub fn weight_total(&self) -> usize {
        self.weight_total
    }

    pub fn has_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    pub fn remove(&mut self, id: Id) -> Option<Box<Client>> {
        self.monitors.retain(|m| *m != id);
        self.pause.waiting.retain(|w| *w != id);
        self.end_wait(id);
        self.set_weight(id, 0);
        self.slab.remove(id)
    }
}

/// The buffers once stayed with the server, at the size of the largest request ever.
#[test]
fn a_giant_request_leaves_no_buffers_behind() {
    let mut t = crate::server::testing::TestServer::new();
    let words = 100_000;
    let mut request = format!("*{}\r\n$3\r\nDEL\r\n", words + 1).into_bytes();
    request.extend(b"$9\r\n123456789\r\n".repeat(words));
    let client = t.client;
    // In pieces, so that most of the request has to wait with the client.
    for piece in request.chunks(300_000) {
        t.send(client, piece);
    }
    assert_eq!(t.receive(client), b":0\r\n");
    let spare = t.srv.spare_calls.iter().map(|call| call.query.capacity()).sum::<usize>();
    let own = t.srv.clients.get(client).map_or(0, |client| client.query.capacity());
    assert!(spare <= 64 * 1024 && own == 0, "{spare} and {own} bytes");
}

#[test]
fn a_client_is_small() {
    let size = size_of::<Client>();
    assert!(size <= 640, "{size} bytes");
}
