//! Listening sockets: TCP on every address of `bind`, and a unix socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mio::Interest;
use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::conn::Conn;
use super::reactor::Reactor;
use super::token::Source;

/// A socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    pub kind: ListenerKind,
    /// The last burst was cut short: there may be more to accept without another edge.
    pub again: bool,
    /// Connections wait that could not be accepted, mostly for want of descriptors: there will be
    /// no edge for them.
    pub stuck: bool,
}

#[derive(Debug)]
pub enum ListenerKind {
    Tcp { socket: TcpListener, address: SocketAddr },
    Unix { socket: UnixListener, path: PathBuf },
}

/// Why no socket listens.
#[derive(Debug)]
pub struct BindError {
    pub address: String,
    pub port: u16,
    pub error: io::Error,
}

/// One address of the `bind` directive.
struct BindAddress<'a> {
    host: &'a str,
    /// Written with a leading `-`: it is no fault if the address is not there.
    optional: bool,
}

impl Listener {
    /// Opens TCP sockets on all addresses. An optional address that is not available is passed over
    /// and reported through `skipped`; any other failure closes what was opened.
    pub fn bind_all(
        addresses: &[String],
        port: u16,
        backlog: u32,
        mut skipped: impl FnMut(&BindError),
    ) -> Result<Vec<Listener>, BindError> {
        let mut listeners = vec![];
        for text in addresses {
            let wanted = BindAddress {
                host: text.strip_prefix('-').unwrap_or(text),
                optional: text.starts_with('-'),
            };
            match Listener::bind_tcp(wanted.host, port, backlog) {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    let failed = BindError { address: wanted.host.to_owned(), port, error };
                    skipped(&failed);
                    if !(wanted.optional && is_absence(&failed.error)) {
                        return Err(failed);
                    }
                }
            }
        }
        Ok(listeners)
    }

    fn bind_tcp(host: &str, port: u16, backlog: u32) -> io::Result<Listener> {
        let address = match host {
            "*" => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            "::*" => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            _ => match host.parse::<IpAddr>() {
                Ok(ip) => SocketAddr::from((ip, port)),
                Err(_) => (host, port)
                    .to_socket_addrs()?
                    .next()
                    .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?,
            },
        };
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let socket = TcpListener::from_std(socket.into());
        let address = socket.local_addr()?;
        Ok(Listener { kind: ListenerKind::Tcp { socket, address }, again: false, stuck: false })
    }

    /// Opens a unix socket at `path`, replacing what a former process left there. An empty `group`
    /// leaves its owners alone, `mode` 0 its permissions.
    pub fn bind_unix(path: &Path, group: &str, mode: u32, backlog: u32) -> io::Result<Listener> {
        let _ = std::fs::remove_file(path); // Usually there is none.
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        if !group.is_empty() {
            std::os::unix::fs::chown(path, None, Some(group_id(group)?))?;
        }
        if mode != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        let socket = UnixListener::from_std(socket.into());
        Ok(Listener {
            kind: ListenerKind::Unix { socket, path: path.to_owned() },
            again: false,
            stuck: false,
        })
    }

    pub fn register(&mut self, reactor: &Reactor, source: Source) -> io::Result<()> {
        match &mut self.kind {
            ListenerKind::Tcp { socket, .. } => {
                reactor.register_for(socket, source, Interest::READABLE)
            }
            ListenerKind::Unix { socket, .. } => {
                reactor.register_for(socket, source, Interest::READABLE)
            }
        }
    }

    pub fn deregister(&mut self, reactor: &Reactor) -> io::Result<()> {
        match &mut self.kind {
            ListenerKind::Tcp { socket, .. } => reactor.deregister(socket),
            ListenerKind::Unix { socket, .. } => reactor.deregister(socket),
        }
    }

    /// The next waiting connection, close-on-exec and non-blocking.
    pub fn accept(&self) -> io::Result<Conn> {
        match &self.kind {
            ListenerKind::Tcp { socket, .. } => {
                let (stream, peer) = socket.accept()?;
                Ok(Conn::Tcp { stream, peer })
            }
            ListenerKind::Unix { socket, .. } => Ok(Conn::Unix(socket.accept()?.0)),
        }
    }

    pub fn is_tcp(&self) -> bool {
        matches!(self.kind, ListenerKind::Tcp { .. })
    }
}

/// Errors that say "this machine has no such address or protocol", not "the port is taken".
fn is_absence(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL)) || is_unsupported(error)
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOPROTOOPT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::EPFNOSUPPORT
                | libc::EAFNOSUPPORT
        )
    )
}

/// The number of a group, by the file of groups.
fn group_id(name: &str) -> io::Result<u32> {
    let groups = std::fs::read_to_string("/etc/group")?;
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find_map(|fields| match fields[..] {
        [group, _, number, ..] if group == name => number.parse().ok(),
        _ => None,
    });
    found.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("no group '{name}'")))
}
