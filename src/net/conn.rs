//! Connections: TCP, unix domain and simulated, behind one enum. The connection door to the world.
//!
//! A connection states what a read or a write has done ([`Read`], [`Written`]), and nobody
//! concludes it from numbers of bytes: with encryption a short read does not mean that the socket
//! is empty, a short write not that it is full, and there may be something to send though no reply
//! is pending ([`Conn::wants_write`]). [`SimConn::lies`] makes a simulated connection behave so.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{SockRef, TcpKeepalive};

/// A stream of bytes in both directions that never blocks.
#[derive(Debug)]
pub enum Conn {
    Tcp { stream: TcpStream, peer: SocketAddr },
    Unix(UnixStream),
    Simulated(SimConn),
}

/// What a read has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes that were appended; 0 when the peer has closed its side.
    pub n: usize,
    /// There may be more at once: no edge will tell.
    pub more: bool,
}

/// What a write has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes that were taken.
    pub n: usize,
    /// Nothing more is taken before the socket's next edge.
    pub blocked: bool,
}

impl Written {
    const REFUSED: Written = Written { n: 0, blocked: true };
}

/// One read, a tenth cheaper than by way of `read`, which goes through the layer of files.
#[inline]
fn receive(stream: &impl AsFd, buf: &mut Vec<u8>) -> rustix::io::Result<usize> {
    recv(stream, spare_capacity(buf), RecvFlags::empty()).map(|(_, n)| n)
}

/// Two byte queues that a test fills and empties.
#[derive(Debug, Default)]
pub struct SimConn {
    /// What the other side sent.
    pub incoming: Vec<u8>,
    /// What we sent.
    pub outgoing: Vec<u8>,
    /// The other side has closed.
    pub closed: bool,
    /// Bytes `outgoing` can hold before writes are refused.
    pub window: Option<usize>,
    /// It behaves as an encrypted one may: bytes come and go in morsels although there are more and
    /// there is room, and each read leaves a record that has to be sent.
    pub lies: bool,
    /// Records of its own that wait to be sent, and those that were.
    pub records: (usize, usize),
}

/// One end of a connection, as CLIENT LIST and logs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Ip(SocketAddr),
    /// A unix socket has no address of its own; the listener's path stands for it.
    Unix,
    Unknown,
}

impl Endpoint {
    /// `ip:port`, or `path:0` for a unix socket, without brackets around IPv6 addresses' text but
    /// for the port's sake.
    pub fn display<'a>(&'a self, unix_path: &'a str) -> impl fmt::Display + 'a {
        struct Shown<'a>(&'a Endpoint, &'a str);
        impl fmt::Display for Shown<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Endpoint::Ip(address) => write!(f, "{address}"),
                    Endpoint::Unix => write!(f, "{}:0", self.1),
                    Endpoint::Unknown => f.write_str("?:0"),
                }
            }
        }
        Shown(self, unix_path)
    }
}

impl Conn {
    /// Appends what has arrived to `buf`, filling at most its spare room.
    #[inline]
    pub fn read_into(&mut self, buf: &mut Vec<u8>) -> io::Result<Read> {
        let room = buf.capacity() - buf.len();
        loop {
            let received = match self {
                Conn::Tcp { stream, .. } => receive(stream, buf),
                Conn::Unix(stream) => receive(stream, buf),
                Conn::Simulated(sim) => return sim.read_into(buf),
            };
            match received {
                Err(rustix::io::Errno::INTR) => {}
                // A read that has filled all the room may have left something.
                other => {
                    return other.map(|n| Read { n, more: n == room }).map_err(io::Error::from);
                }
            }
        }
    }

    /// Sends a prefix of `bytes`, possibly all of them; with none, what the connection has to send
    /// of its own.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        loop {
            let written = match self {
                Conn::Tcp { stream, .. } => send(stream.as_fd(), bytes, SendFlags::NOSIGNAL),
                Conn::Unix(stream) => send(stream.as_fd(), bytes, SendFlags::NOSIGNAL),
                Conn::Simulated(sim) => return sim.write(bytes),
            };
            match written {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(Written::REFUSED),
                // A socket that takes a part is full.
                other => return Ok(other.map(|n| Written { n, blocked: n < bytes.len() })?),
            }
        }
    }

    /// Sends a prefix of all the slices with one system call.
    pub fn write_all_of(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        loop {
            let written = match self {
                Conn::Tcp { stream, .. } => stream.write_vectored(slices),
                Conn::Unix(stream) => stream.write_vectored(slices),
                Conn::Simulated(sim) => {
                    return sim.write(&slices.iter().map(|s| &s[..]).collect::<Vec<_>>().concat());
                }
            };
            match written {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Written::REFUSED),
                other => return other.map(|n| Written { n, blocked: n < offered }),
            }
        }
    }

    /// It has something of its own to send, whether or not a reply is pending.
    #[inline]
    pub fn wants_write(&self) -> bool {
        match self {
            Conn::Tcp { .. } | Conn::Unix(_) => false,
            Conn::Simulated(sim) => sim.records.0 > 0,
        }
    }

    /// What the reactor watches; a simulated connection is watched by its test.
    pub fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        match self {
            Conn::Tcp { stream, .. } => Some(stream),
            Conn::Unix(stream) => Some(stream),
            Conn::Simulated(_) => None,
        }
    }

    pub fn peer(&self) -> Endpoint {
        match self {
            Conn::Tcp { peer, .. } => Endpoint::Ip(*peer),
            Conn::Unix(_) => Endpoint::Unix,
            Conn::Simulated(_) => Endpoint::Unknown,
        }
    }

    pub fn local(&self) -> Endpoint {
        match self {
            Conn::Tcp { stream, .. } => stream.local_addr().map_or(Endpoint::Unknown, Endpoint::Ip),
            Conn::Unix(_) => Endpoint::Unix,
            Conn::Simulated(_) => Endpoint::Unknown,
        }
    }

    /// Comes from this machine: over the loopback interface or a unix socket.
    pub fn is_local(&self) -> bool {
        match self {
            Conn::Tcp { peer, .. } => match peer.ip() {
                std::net::IpAddr::V4(ip) => ip.is_loopback(),
                std::net::IpAddr::V6(ip) => {
                    ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
                }
            },
            Conn::Unix(_) | Conn::Simulated(_) => true,
        }
    }

    pub fn is_unix(&self) -> bool {
        matches!(self, Conn::Unix(_))
    }

    /// The descriptor's number, as CLIENT LIST shows it; -1 for none.
    pub fn fd(&self) -> i32 {
        match self {
            Conn::Tcp { stream, .. } => stream.as_raw_fd(),
            Conn::Unix(stream) => stream.as_raw_fd(),
            Conn::Simulated(_) => -1,
        }
    }

    /// No delay for small replies, and probes for dead peers. Failing here does no harm to the
    /// connection.
    pub fn tune(&self, keepalive_s: u32) {
        let Conn::Tcp { stream, .. } = self else {
            return;
        };
        let _ = stream.set_nodelay(true);
        if keepalive_s > 0 {
            // Three probes in the last third of the interval, as the reference spaces them.
            let interval = Duration::from_secs(u64::from(keepalive_s / 3).max(1));
            let probes = TcpKeepalive::new()
                .with_time(Duration::from_secs(u64::from(keepalive_s)))
                .with_interval(interval)
                .with_retries(3);
            let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
        }
    }

    /// The simulated connection of a test.
    pub fn simulated(&mut self) -> Option<&mut SimConn> {
        match self {
            Conn::Simulated(sim) => Some(sim),
            _ => None,
        }
    }
}

impl SimConn {
    /// The most that a lying connection reads or writes at once.
    const MORSEL: usize = 7;

    fn read_into(&mut self, buf: &mut Vec<u8>) -> io::Result<Read> {
        if self.incoming.is_empty() && !self.closed {
            return Err(ErrorKind::WouldBlock.into());
        }
        let room = buf.capacity() - buf.len();
        let at_once = if self.lies { room.min(SimConn::MORSEL) } else { room };
        let n = self.incoming.len().min(at_once);
        buf.extend(self.incoming.drain(..n));
        self.records.0 += usize::from(self.lies);
        let more = if self.lies { !self.incoming.is_empty() || self.closed } else { n == room };
        Ok(Read { n, more: more && n > 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        let room = self.window.map_or(usize::MAX, |w| w.saturating_sub(self.outgoing.len()));
        if room == 0 {
            return Ok(Written::REFUSED);
        }
        self.records = (0, self.records.1 + self.records.0);
        let at_once = if self.lies { room.min(SimConn::MORSEL) } else { room };
        let n = bytes.len().min(at_once);
        self.outgoing.extend_from_slice(&bytes[..n]);
        Ok(Written { n, blocked: n == room && n < bytes.len() })
    }
}
