//! Names of other machines, resolved on threads: the system's resolver may take many seconds, and
//! the reactor none.
//!
//! Each lookup has a thread of its own, of which there are few at once; the others wait. Results
//! come back through a channel, and a waker ends the reactor's sleep. An address needs no lookup:
//! see [`literal`].

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::reactor::Reactor;
use crate::base::slab::Id;

/// Lookups at once. A name server that does not answer holds up no more than these.
const THREADS_MAX: usize = 4;

/// What became of a name: addresses, at least one, or why there are none.
pub type Resolved = Result<Vec<SocketAddr>, io::Error>;

/// The address that a text is, if it is one.
pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Looks names up for links.
#[derive(Debug)]
pub struct Resolver {
    waiting: VecDeque<(Id, String, u16)>,
    running: usize,
    sender: Sender<(Id, Resolved)>,
    receiver: Receiver<(Id, Resolved)>,
}

impl Default for Resolver {
    fn default() -> Resolver {
        let (sender, receiver) = channel();
        Resolver { waiting: VecDeque::new(), running: 0, sender, receiver }
    }
}

impl Resolver {
    /// Begins to look a name up for a link.
    pub fn begin(&mut self, reactor: &Reactor, id: Id, host: &str, port: u16) {
        self.waiting.push_back((id, host.to_owned(), port));
        self.start_more(reactor);
    }

    /// What has been found out since the last look.
    pub fn take_results(&mut self, reactor: &Reactor) -> Vec<(Id, Resolved)> {
        let found: Vec<_> = self.receiver.try_iter().collect();
        self.running -= found.len();
        self.start_more(reactor);
        found
    }

    fn start_more(&mut self, reactor: &Reactor) {
        while self.running < THREADS_MAX
            && let Some((id, host, port)) = self.waiting.pop_front()
        {
            let (sender, wake) = (self.sender.clone(), reactor.waker());
            self.running += 1;
            let spawned = thread::Builder::new().name("resolve".to_owned()).spawn(move || {
                // Nobody listens any more when the server has gone.
                let _ = sender.send((id, look_up(&host, port)));
                wake();
            });
            if let Err(error) = spawned {
                let _ = self.sender.send((id, Err(error)));
                reactor.waker()();
            }
        }
    }
}

fn look_up(host: &str, port: u16) -> Resolved {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}
