//! The reactor: the only place that sleeps.
//!
//! The real one is a mio poll; the simulated one delivers what a test has put there and never
//! sleeps.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source as Pollable;
use mio::{Events, Interest, Poll, Waker};

use super::token::Source;
use crate::base::slab::Id;

/// Something became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub source: Source,
    pub readable: bool,
    pub writable: bool,
    /// The peer has closed its side, or the socket failed: reading will tell.
    pub closed: bool,
}

/// Where readiness comes from.
#[derive(Debug)]
pub enum Reactor {
    Mio {
        poll: Poll,
        events: Events,
        /// A poll has one waker, which all threads share.
        waker: Arc<Waker>,
    },
    /// `parted` keeps what clients were sent that are gone. With a `fault`, the next wait fails so.
    Simulated { ready: Vec<Ready>, parted: Vec<(Id, Vec<u8>)>, fault: Option<io::ErrorKind> },
}

const EVENTS_PER_POLL: usize = 1024;

impl Reactor {
    pub fn mio() -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Source::Waker.token())?);
        Ok(Reactor::Mio { poll, events: Events::with_capacity(EVENTS_PER_POLL), waker })
    }

    pub fn simulated() -> Reactor {
        Reactor::Simulated { ready: vec![], parted: vec![], fault: None }
    }

    /// Sleeps until something is ready or the time is up, and appends what is ready. A signal ends
    /// the sleep early.
    pub fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> io::Result<()> {
        match self {
            Reactor::Mio { poll, events, .. } => {
                match poll.poll(events, timeout) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
                    other => other?,
                }
                out.extend(events.iter().map(|event| Ready {
                    source: Source::of(event.token()),
                    readable: event.is_readable(),
                    writable: event.is_writable(),
                    closed: event.is_read_closed() || event.is_error(),
                }));
            }
            Reactor::Simulated { ready, fault, .. } => {
                if let Some(kind) = fault.take() {
                    return Err(kind.into());
                }
                out.append(ready);
            }
        }
        Ok(())
    }

    /// What another thread calls to end the sleep.
    pub fn waker(&self) -> impl Fn() + Send + 'static {
        let waker = match self {
            Reactor::Mio { waker, .. } => Some(Arc::clone(waker)),
            Reactor::Simulated { .. } => None,
        };
        move || {
            // A counter that is full has woken the reactor before.
            waker.as_ref().map(|waker| waker.wake());
        }
    }

    /// Watches a socket, once and for all, in both directions.
    pub fn register(
        &self,
        object: &mut (impl Pollable + ?Sized),
        source: Source,
    ) -> io::Result<()> {
        self.register_for(object, source, Interest::READABLE | Interest::WRITABLE)
    }

    pub fn register_for(
        &self,
        object: &mut (impl Pollable + ?Sized),
        source: Source,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            Reactor::Mio { poll, .. } => poll.registry().register(object, source.token(), interest),
            Reactor::Simulated { .. } => Ok(()),
        }
    }

    pub fn deregister(&self, object: &mut (impl Pollable + ?Sized)) -> io::Result<()> {
        match self {
            Reactor::Mio { poll, .. } => poll.registry().deregister(object),
            Reactor::Simulated { .. } => Ok(()),
        }
    }
}
