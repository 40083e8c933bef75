//! Connections to other servers that MIGRATE keeps for its next calls.
//!
//! They block: the call that uses one holds the loop, for as long as it allows itself.

use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Connections that are kept for the next call.
#[derive(Debug, Default)]
pub struct Kept(Vec<Link>);

#[derive(Debug)]
struct Link {
    host: Box<[u8]>,
    port: Box<[u8]>,
    peer: Peer,
    used_us: u64,
}

/// Connections that are kept at most; the one that was used longest ago makes room.
const LINKS_MAX: usize = 64;

/// For so long a connection is kept that nobody uses.
const IDLE_MAX_US: u64 = 10_000_000;

impl Kept {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes what has not been used for a while.
    pub fn close_idle(&mut self, now_us: u64) {
        self.0.retain(|link| now_us.saturating_sub(link.used_us) <= IDLE_MAX_US);
    }

    /// Takes out a connection to this host and port.
    pub fn take(&mut self, host: &[u8], port: &[u8]) -> Option<Peer> {
        let found = self.0.iter().position(|link| *link.host == *host && *link.port == *port);
        found.map(|at| self.0.remove(at).peer)
    }

    /// Keeps a connection. The one used last stands last.
    pub fn keep(&mut self, host: &[u8], port: &[u8], peer: Peer, now_us: u64) {
        if self.0.len() >= LINKS_MAX {
            self.0.remove(0);
        }
        self.0.push(Link { host: host.into(), port: port.into(), peer, used_us: now_us });
    }
}

/// The other server.
#[derive(Debug)]
pub struct Peer {
    pub stream: TcpStream,
    /// What has come and belongs to no answer yet.
    pub read: Vec<u8>,
    /// The database that it has selected, as far as is known.
    pub db: Option<i64>,
}

/// No answer of ours is longer: it is a line.
const LINE_MAX: usize = 64 << 10;

impl Peer {
    pub fn connect(host: &[u8], port: &[u8], timeout: Duration) -> io::Result<Peer> {
        let host = String::from_utf8_lossy(host);
        let port: u16 = std::str::from_utf8(port)
            .ok()
            .and_then(|port| port.parse().ok())
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in (host.as_ref(), port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let peer = Peer { stream, read: Vec::new(), db: None };
                    peer.limit(timeout)?;
                    return Ok(peer);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sets the longest that a step may take.
    pub fn limit(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.set_write_timeout(Some(timeout))
    }

    /// The next answer: all is well, or the text of an error.
    pub fn answer(&mut self) -> io::Result<Result<(), Vec<u8>>> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).take(end).collect();
                return Ok(match line.split_first() {
                    Some((b'-', text)) => Err(text.to_vec()),
                    _ => Ok(()),
                });
            }
            let mut some = [0; 4096];
            let n = self.stream.read(&mut some)?;
            if n == 0 || self.read.len() > LINE_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read.extend_from_slice(&some[..n]);
        }
    }
}
