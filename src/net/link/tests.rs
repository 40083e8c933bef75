//! Links to real listeners on this machine, and to none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream as Blocking};
use std::time::Duration;

use super::*;

/// A reactor and links, turned as the loop turns them.
struct Loop {
    reactor: Reactor,
    links: Links,
    told: Vec<(Id, Happened)>,
}

impl Loop {
    fn new() -> Loop {
        let reactor = Reactor::mio().expect("a poll");
        Loop { reactor, links: Links::default(), told: vec![] }
    }

    fn target(host: &str, port: u16) -> Target {
        Target { host: host.to_owned(), port, from: None }
    }

    fn dial(&mut self, host: &str, port: u16) -> Id {
        self.links.dial(&self.reactor, Loop::target(host, port), None)
    }

    /// Turns until something is told that fits.
    fn until(&mut self, what: impl Fn(&Happened) -> bool) -> (Id, Happened) {
        for _ in 0..1000 {
            if let Some(at) = self.told.iter().position(|(_, happened)| what(happened)) {
                return self.told.remove(at);
            }
            let mut ready = vec![];
            let patience = Duration::from_millis(20);
            self.reactor.wait(Some(patience), &mut ready).expect("a poll");
            self.links.read_on();
            for event in ready {
                match event.source {
                    Source::Link(id) => self.links.ready(&self.reactor, id, event),
                    Source::Waker => self.links.resolved(&self.reactor),
                    _ => {}
                }
            }
            self.told.extend(self.links.take_happened());
        }
        panic!("it never happened; told: {:?}", self.told);
    }

    fn until_received(&mut self, id: Id, count: usize) -> Vec<u8> {
        loop {
            let received = self.links.received(id).expect("a link");
            if received.len() >= count {
                return std::mem::take(received);
            }
            self.until(|happened| matches!(happened, Happened::Bytes));
        }
    }
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

fn accept(listener: &TcpListener) -> Blocking {
    listener.accept().expect("somebody dials").0
}

#[test]
fn bytes_go_both_ways_from_before_it_is_up() {
    let (listener, port) = listener();
    let mut world = Loop::new();
    let id = world.dial("127.0.0.1", port);
    world.links.send(id, b"PING\r\n");
    let (up, _) = world.until(|happened| matches!(happened, Happened::Up));
    assert_eq!(up, id);
    let mut peer = accept(&listener);
    let mut got = [0; 6];
    peer.read_exact(&mut got).expect("what was sent");
    assert_eq!(&got, b"PING\r\n");
    peer.write_all(b"+PONG\r\n").expect("sent");
    assert_eq!(world.until_received(id, 7), b"+PONG\r\n");
    drop(peer);
    let (_, down) = world.until(|happened| matches!(happened, Happened::Down(_)));
    assert!(matches!(down, Happened::Down(Cause::Closed)));
}

#[test]
fn much_is_sent_and_received_in_order() {
    let (listener, port) = listener();
    let mut world = Loop::new();
    let id = world.dial("127.0.0.1", port);
    world.until(|happened| matches!(happened, Happened::Up));
    let mut peer = accept(&listener);
    let bytes: Vec<u8> = (0..5_000_000u32).map(|i| (i % 251) as u8).collect();
    let echo = std::thread::spawn(move || {
        let mut reading = peer.try_clone().expect("a second handle");
        let mut all = vec![0; 5_000_000];
        reading.read_exact(&mut all).expect("all of it");
        peer.write_all(&all).expect("all of it back");
    });
    world.links.send(id, &bytes);
    let mut back = vec![];
    while back.len() < bytes.len() {
        back.extend(world.until_received(id, 1));
    }
    assert!(back == bytes);
    assert_eq!(world.links.unsent(id), 0);
    echo.join().expect("an honest peer");
}

#[test]
fn a_name_is_looked_up_and_the_second_address_serves() {
    // localhost is ::1 and 127.0.0.1 on most machines; nobody listens on the first.
    let (listener, port) = listener();
    let mut world = Loop::new();
    let id = world.dial("localhost", port);
    world.until(|happened| matches!(happened, Happened::Up));
    accept(&listener);
    assert!(world.links.conn(id).is_some_and(Conn::is_local));
}

#[test]
fn what_cannot_be_had_is_told() {
    let (listener, port) = listener();
    drop(listener);
    let mut world = Loop::new();
    let refused = world.dial("127.0.0.1", port);
    let (id, happened) = world.until(|happened| matches!(happened, Happened::Down(_)));
    assert_eq!(id, refused);
    let Happened::Down(Cause::Refused(error)) = happened else { panic!("{happened:?}") };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // No name server is asked for what cannot be a name.
    world.dial("no\0name", 1);
    let (_, happened) = world.until(|happened| matches!(happened, Happened::Down(_)));
    assert!(matches!(happened, Happened::Down(Cause::Name(_))), "{happened:?}");
}

#[test]
fn a_deadline_ends_what_takes_too_long_and_a_closed_link_is_silent() {
    let (listener, port) = listener();
    let mut world = Loop::new();
    let late = world.links.dial(&world.reactor, Loop::target("127.0.0.1", port), Some(500));
    assert_eq!(world.links.next_deadline_us(), Some(500));
    world.links.tick(499);
    world.until(|happened| matches!(happened, Happened::Up));
    let _peer = accept(&listener);
    world.links.tick(500);
    let (id, happened) = world.until(|happened| matches!(happened, Happened::Down(_)));
    assert_eq!(id, late);
    assert!(matches!(happened, Happened::Down(Cause::Late)));
    assert_eq!(world.links.next_deadline_us(), None);
    let closed = world.dial("127.0.0.1", port);
    world.links.close(closed);
    assert!(world.links.take_happened().is_empty());
    world.links.send(closed, b"x");
    assert!(world.links.received(closed).is_none());
}

#[test]
fn a_source_address_is_used_where_it_can_be() {
    let (listener, port) = listener();
    let mut world = Loop::new();
    for from in ["127.0.0.9", "192.0.2.1", "::1"] {
        let from: IpAddr = from.parse().expect("an address");
        let target = Target { from: Some(from), ..Loop::target("127.0.0.1", port) };
        let id = world.links.dial(&world.reactor, target, None);
        let outcome = world.until(|h| matches!(h, Happened::Up | Happened::Down(_)));
        assert!(matches!(outcome.1, Happened::Up), "{from:?}: {outcome:?}");
        let (_, peer) = listener.accept().expect("it dials");
        if from == IpAddr::from([127, 0, 0, 9]) {
            assert_eq!(peer.ip(), from);
        }
        world.links.close(id);
    }
}

#[test]
fn a_link_that_lies_loses_nothing() {
    let mut links = Links::default();
    let reactor = Reactor::simulated();
    let id = links.dial(&reactor, Loop::target("10.0.0.1", 1), None);
    links.send(id, &[b'x'; 100]);
    links.simulate(id, SimConn { lies: true, ..SimConn::default() });
    let sim = links.simulated(id).expect("up");
    assert_eq!(sim.outgoing, [b'x'; 100], "short writes were gone on with");
    sim.incoming.extend_from_slice(&[b'y'; 100]);
    let source = Source::Link(id);
    links.ready(&reactor, id, Ready { source, readable: true, writable: false, closed: false });
    assert_eq!(links.received(id).map(std::mem::take), Some(vec![b'y'; 100]));
    let sim = links.simulated(id).expect("up");
    assert!(sim.records.0 == 0 && sim.records.1 > 0, "what the connection owed was sent");
}
