//! Links: connections that this server opens to others, without ever making the loop wait.
//!
//! ```text
//!   dial ──► resolving ──► dialing ──► up ──► down
//!              thread       one address after the other; all of it within one deadline
//! ```
//!
//! A [`Link`] lives in a slab under a token of its own. What happens to links is noted
//! ([`Links::take_happened`]) and handed to their owners at a named step of the turn, by id: a link
//! that was closed meanwhile says nothing more. An owner sends bytes and finds those that came;
//! what they mean it knows alone. Whoever is told that a link is down still has to close it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use super::conn::{Conn, Read, SimConn, Written};
use super::reactor::{Reactor, Ready};
use super::resolve::{self, Resolved, Resolver};
use super::token::Source;
use crate::base::slab::{Id, Slab};

#[cfg(test)]
mod tests;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// An address or a name.
    pub host: String,
    pub port: u16,
    /// The local address to come from (`bind-source-addr`), if any. One that cannot be had is no
    /// reason not to go.
    pub from: Option<IpAddr>,
}

/// What happened to a link.
#[derive(Debug)]
pub enum Happened {
    /// It is connected.
    Up,
    /// Bytes have come: [`Links::received`].
    Bytes,
    /// It is of no use any more: why.
    Down(Cause),
}

/// Why a link is down.
#[derive(Debug)]
pub enum Cause {
    /// The name has no address.
    Name(io::Error),
    /// No address could be connected to; the last one's reason.
    Refused(io::Error),
    /// The deadline has passed.
    Late,
    /// The peer has closed it.
    Closed,
    /// It broke.
    Broken(io::Error),
}

#[derive(Debug)]
enum State {
    Resolving,
    /// The addresses that have not been tried, the next one last.
    Dialing {
        conn: Conn,
        rest: Vec<SocketAddr>,
    },
    Up(Conn),
    Down,
}

/// One connection to another server.
#[derive(Debug)]
pub struct Link {
    target: Target,
    state: State,
    /// Until when it must be up, and later until when whatever its owner waits for must have come:
    /// monotonic microseconds.
    deadline_us: Option<u64>,
    received: Vec<u8>,
    unsent: Vec<u8>,
    /// Bytes of `unsent` that were taken.
    sent: usize,
}

/// Bytes read from one link before the others have their turn.
const TURN_MAX: usize = 1 << 20;
const READ_SIZE: usize = 16 * 1024;

/// All links of a server.
#[derive(Debug, Default)]
pub struct Links {
    slab: Slab<Link>,
    resolver: Resolver,
    happened: Vec<(Id, Happened)>,
    /// Links whose socket may hold more than was read.
    again: Vec<Id>,
}

impl Links {
    /// Begins to connect. That it is up, or why not, is told later: also what is known at once.
    pub fn dial(&mut self, reactor: &Reactor, target: Target, deadline_us: Option<u64>) -> Id {
        let (host, port) = (target.host.clone(), target.port);
        let id = self.slab.insert_with(|_| Link {
            target,
            state: State::Resolving,
            deadline_us,
            received: vec![],
            unsent: vec![],
            sent: 0,
        });
        match resolve::literal(&host, port) {
            Some(address) => self.connect(reactor, id, vec![address], None),
            // The world around a simulated server answers in its own time.
            None if matches!(reactor, Reactor::Simulated { .. }) => {}
            None => self.resolver.begin(reactor, id, &host, port),
        }
        id
    }

    /// Goes on with the links whose names were looked up.
    pub fn resolved(&mut self, reactor: &Reactor) {
        for (id, found) in self.resolver.take_results(reactor) {
            self.take_up(reactor, id, found);
        }
    }

    fn take_up(&mut self, reactor: &Reactor, id: Id, found: Resolved) {
        let is_wanted = self.slab.get(id).is_some_and(|l| matches!(l.state, State::Resolving));
        match found {
            _ if !is_wanted => {}
            Ok(mut addresses) => {
                addresses.reverse();
                self.connect(reactor, id, addresses, None);
            }
            Err(error) => self.fail(id, Cause::Name(error)),
        }
    }

    /// Tries the next address, until one is at least on its way.
    fn connect(
        &mut self,
        reactor: &Reactor,
        id: Id,
        mut rest: Vec<SocketAddr>,
        mut why: Option<io::Error>,
    ) {
        let Some(link) = self.slab.get_mut(id) else { return };
        while let Some(address) = rest.pop() {
            let opened = open(reactor, id, address, link.target.from);
            match opened {
                Ok(conn) => {
                    link.state = State::Dialing { conn, rest };
                    return;
                }
                Err(error) => why = Some(error),
            }
        }
        let why = why.unwrap_or_else(|| ErrorKind::NotFound.into());
        self.fail(id, Cause::Refused(why));
    }

    /// A link's socket is ready.
    pub fn ready(&mut self, reactor: &Reactor, id: Id, event: Ready) {
        let Some(link) = self.slab.get_mut(id) else { return };
        if let State::Dialing { .. } = link.state {
            if !self.settle_dial(reactor, id) {
                return;
            }
        } else if event.writable {
            self.flush(id);
        }
        if event.readable || event.closed {
            self.read(id);
        }
    }

    /// Looks what became of a dial; true if the link is up.
    fn settle_dial(&mut self, reactor: &Reactor, id: Id) -> bool {
        let Some(link) = self.slab.get_mut(id) else { return false };
        let State::Dialing { conn, .. } = &link.state else { return false };
        let error = match conn {
            Conn::Tcp { stream, .. } => match (stream.take_error(), stream.peer_addr()) {
                (Ok(None), Ok(_)) => None,
                (Ok(None), Err(e)) if e.kind() == ErrorKind::NotConnected => return false,
                (Ok(Some(error)) | Err(error), _) | (_, Err(error)) => Some(error),
            },
            Conn::Unix(_) | Conn::Simulated(_) => None,
        };
        // Between two addresses it stands where it stood before the first.
        let State::Dialing { conn, rest } = std::mem::replace(&mut link.state, State::Resolving)
        else {
            return false;
        };
        match error {
            None => {
                link.state = State::Up(conn);
                self.happened.push((id, Happened::Up));
                self.flush(id);
                true
            }
            Some(error) => {
                drop(conn);
                self.connect(reactor, id, rest, Some(error));
                false
            }
        }
    }

    /// Sends bytes as soon as the link is up and the socket takes them, in order.
    pub fn send(&mut self, id: Id, bytes: &[u8]) {
        if let Some(link) = self.slab.get_mut(id) {
            link.unsent.extend_from_slice(bytes);
            self.flush(id);
        }
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self, id: Id) -> usize {
        self.slab.get(id).map_or(0, |link| link.unsent.len() - link.sent)
    }

    /// What has come and was not taken. Whoever takes it empties it.
    pub fn received(&mut self, id: Id) -> Option<&mut Vec<u8>> {
        self.slab.get_mut(id).map(|link| &mut link.received)
    }

    /// Sets or lifts the moment at which the link is given up (monotonic microseconds).
    pub fn set_deadline(&mut self, id: Id, deadline_us: Option<u64>) {
        if let Some(link) = self.slab.get_mut(id) {
            link.deadline_us = deadline_us;
        }
    }

    /// The local and the remote address of a link that is up.
    pub fn conn(&self, id: Id) -> Option<&Conn> {
        match &self.slab.get(id)?.state {
            State::Up(conn) => Some(conn),
            _ => None,
        }
    }

    /// Ends a link; nothing more is told of it.
    pub fn close(&mut self, id: Id) {
        self.slab.remove(id);
    }

    /// What has happened since the last look, in order.
    pub fn take_happened(&mut self) -> Vec<(Id, Happened)> {
        let mut happened = std::mem::take(&mut self.happened);
        happened.retain(|(id, _)| self.slab.get(*id).is_some());
        happened
    }

    /// Whether there is something to do before the reactor may sleep.
    pub fn is_pending(&self) -> bool {
        !self.happened.is_empty() || !self.again.is_empty()
    }

    /// Reads on where there may be more than one turn takes.
    pub fn read_on(&mut self) {
        for id in std::mem::take(&mut self.again) {
            self.read(id);
        }
    }

    /// Gives up the links whose deadline has passed.
    pub fn tick(&mut self, now_us: u64) {
        let is_late = |link: &Link| {
            link.deadline_us.is_some_and(|at| at <= now_us) && !matches!(link.state, State::Down)
        };
        let late: Vec<Id> =
            self.slab.iter().filter(|(_, link)| is_late(link)).map(|(id, _)| id).collect();
        late.into_iter().for_each(|id| self.fail(id, Cause::Late));
    }

    /// The earliest deadline, in monotonic microseconds.
    pub fn next_deadline_us(&self) -> Option<u64> {
        let alive = self.slab.iter().filter(|(_, link)| !matches!(link.state, State::Down));
        alive.filter_map(|(_, link)| link.deadline_us).min()
    }

    /// Connects a simulated link, as the world around a simulated server decides.
    pub fn simulate(&mut self, id: Id, conn: SimConn) {
        if let Some(link) = self.slab.get_mut(id) {
            link.state = State::Up(Conn::Simulated(conn));
            self.happened.push((id, Happened::Up));
            self.flush(id);
        }
    }

    /// The simulated connection of a link that is up.
    pub fn simulated(&mut self, id: Id) -> Option<&mut SimConn> {
        match &mut self.slab.get_mut(id)?.state {
            State::Up(conn) => conn.simulated(),
            _ => None,
        }
    }

    fn fail(&mut self, id: Id, cause: Cause) {
        if let Some(link) = self.slab.get_mut(id)
            && !matches!(link.state, State::Down)
        {
            link.state = State::Down;
            link.deadline_us = None;
            self.happened.push((id, Happened::Down(cause)));
        }
    }

    fn read(&mut self, id: Id) {
        let Some(link) = self.slab.get_mut(id) else { return };
        let State::Up(conn) = &mut link.state else { return };
        let (before, mut more) = (link.received.len(), true);
        let end = loop {
            if !more {
                break None;
            }
            if link.received.len() - before >= TURN_MAX {
                self.again.push(id);
                break None;
            }
            link.received.reserve(READ_SIZE);
            match conn.read_into(&mut link.received) {
                Ok(Read { n: 0, .. }) => break Some(Cause::Closed),
                Ok(read) => more = read.more,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break None,
                Err(error) => break Some(Cause::Broken(error)),
            }
        };
        let (wants_write, has_come) = (conn.wants_write(), link.received.len() > before);
        if has_come {
            self.happened.push((id, Happened::Bytes));
        }
        match end {
            Some(cause) => self.fail(id, cause),
            None if wants_write => self.flush(id),
            None => {}
        }
    }

    fn flush(&mut self, id: Id) {
        let Some(link) = self.slab.get_mut(id) else { return };
        let State::Up(conn) = &mut link.state else { return };
        while link.sent < link.unsent.len() || conn.wants_write() {
            match conn.write(&link.unsent[link.sent..]) {
                Ok(Written { n, blocked }) => {
                    link.sent += n;
                    if blocked {
                        break;
                    }
                }
                Err(error) => {
                    self.fail(id, Cause::Broken(error));
                    return;
                }
            }
        }
        if link.sent == link.unsent.len() {
            (link.unsent, link.sent) = (Vec::new(), 0);
        }
    }
}

/// A socket on its way to an address.
fn open(reactor: &Reactor, id: Id, address: SocketAddr, from: Option<IpAddr>) -> io::Result<Conn> {
    if let Reactor::Simulated { .. } = reactor {
        return Ok(Conn::Simulated(SimConn::default()));
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(from) = from.filter(|from| from.is_ipv4() == address.is_ipv4()) {
        // Compat: an address that this machine does not have is passed over.
        let _ = socket.bind(&SocketAddr::new(from, 0).into());
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    let mut stream = TcpStream::from_std(socket.into());
    reactor.register(&mut stream, Source::Link(id))?;
    Ok(Conn::Tcp { stream, peer: address })
}
