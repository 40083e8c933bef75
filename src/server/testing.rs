//! A server in a box, for tests and benchmarks: no sockets, no disk, a clock that moves when told.

use std::time::Duration;

use super::{Server, turn};
use crate::base::clock::{Clock, UnixMillis};
use crate::base::files::Files;
use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::base::split::split_args;
use crate::command::Session;
use crate::config::Config;
use crate::net::Net;
use crate::net::conn::{Conn, SimConn};
use crate::net::reactor::{Reactor, Ready};
use crate::net::token::Source;
use crate::persist::children::driver as children;

/// A whole server with simulated doors, and one client.
pub struct TestServer {
    pub srv: Box<Server>,
    pub client: Id,
}

impl Default for TestServer {
    fn default() -> Self {
        TestServer::new()
    }
}

impl TestServer {
    pub fn new() -> TestServer {
        TestServer::with(Config::default())
    }

    pub fn with(conf: Config) -> TestServer {
        let clock = Clock::manual(UnixMillis(1_700_000_000_000));
        let rng = Rng::from_seed(1);
        let mut srv = Server::new(conf, clock, rng, Files::memory(), Reactor::simulated());
        srv.unit.listen();
        let mut server = TestServer { srv, client: Id::NONE };
        server.client = server.connect();
        server
    }

    /// Another client.
    pub fn connect(&mut self) -> Id {
        let session = Session {
            authenticated: !self.srv.conf.security.needs_password(),
            ..Session::default()
        };
        let now = self.srv.clock.mono_us();
        let id = self.srv.clients.add(Conn::Simulated(SimConn::default()), session, now);
        self.srv.welcome(id);
        id
    }

    /// Sends a command written as in redis-cli and returns the reply's bytes as text.
    pub fn run(&mut self, line: &str) -> String {
        self.run_as(self.client, line)
    }

    pub fn run_as(&mut self, client: Id, line: &str) -> String {
        let words = split_args(line.as_bytes()).expect("a well-quoted line");
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        self.send(client, &bytes);
        String::from_utf8_lossy(&self.receive(client)).into_owned()
    }

    /// Puts bytes on a client's wire and lets the server turn until it rests.
    pub fn send(&mut self, client: Id, bytes: &[u8]) {
        self.put(client, bytes, false);
    }

    /// Puts the last bytes on a client's wire: the end of file follows, and one edge tells of both.
    pub fn send_last(&mut self, client: Id, bytes: &[u8]) {
        self.put(client, bytes, true);
    }

    fn put(&mut self, client: Id, bytes: &[u8], closed: bool) {
        if let Some(sim) = self.srv.clients.get_mut(client).and_then(|c| c.conn.simulated()) {
            sim.incoming.extend_from_slice(bytes);
            sim.closed |= closed;
        }
        if let Reactor::Simulated { ready, .. } = &mut self.srv.net.reactor {
            let source = Source::Client(client);
            ready.push(Ready { source, readable: true, writable: false, closed });
        }
        self.settle();
    }

    /// Tells the server that a client's socket takes bytes again.
    pub fn writable(&mut self, client: Id) {
        if let Reactor::Simulated { ready, .. } = &mut self.srv.net.reactor {
            let source = Source::Client(client);
            ready.push(Ready { source, readable: false, writable: true, closed: false });
        }
        self.settle();
    }

    /// Turns until nothing is left to do.
    pub fn settle(&mut self) {
        let mut ready = vec![];
        loop {
            turn::turn(&mut self.srv, &mut ready).expect("a simulated reactor does not fail");
            turn::before_sleep(&mut self.srv);
            let Net { again, pending_writes, pending_pushes, .. } = &self.srv.net;
            if again.is_empty() && pending_writes.is_empty() && pending_pushes.is_empty() {
                return;
            }
        }
    }

    /// What the server has sent to a client since the last look.
    pub fn receive(&mut self, client: Id) -> Vec<u8> {
        let sim = self.srv.clients.get_mut(client).and_then(|c| c.conn.simulated());
        if let Some(sim) = sim {
            return std::mem::take(&mut sim.outgoing);
        }
        let Reactor::Simulated { parted, .. } = &mut self.srv.net.reactor else {
            return vec![];
        };
        let mine = parted.extract_if(.., |(id, _)| *id == client);
        mine.flat_map(|(_, bytes)| bytes).collect()
    }

    /// Waits until the child has ended and what it leaves is dealt with. No time passes on the
    /// server's clock, or else it would be the machine that says what is due afterwards.
    pub fn wait_for_child(&mut self) {
        while self.srv.children.active.is_some() {
            std::thread::yield_now();
            children::listen(&mut self.srv);
        }
        self.settle();
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.srv.clock.advance(by);
        self.settle();
    }

    /// What replicas and the AOF would have been told since the last look, one command per element,
    /// without the SELECT that names the database.
    pub fn propagated(&mut self) -> Vec<String> {
        let feed = self.srv.unit.take_feed();
        let mut query = crate::resp::request::Query::default();
        query.feed(&feed);
        let limits = crate::resp::request::Limits { bulk_max: 1 << 30, authenticated: true };
        let mut told = vec![];
        while query.parse(limits) == Ok(crate::resp::request::Parsed::Request) {
            let words: Vec<_> =
                query.args().iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            told.push(words.join(" "));
            query.consume();
        }
        told.retain(|line| !line.starts_with("SELECT "));
        told
    }
}

#[cfg(test)]
impl TestServer {
    /// Runs the commands of a golden table and compares the events with those that Redis 8.2
    /// published. `WAIT` stands for 20 ms.
    pub fn check_events(&mut self, golden: &str) {
        self.run("CONFIG SET notify-keyspace-events EAmnoc");
        self.check(golden, |t| {
            let past = std::mem::take(&mut t.srv.keyspace.events.past).into_iter();
            let shown = past.map(|it| {
                format!("{}:{}:{}", it.db.0, it.event.name, String::from_utf8_lossy(&it.key))
            });
            shown.collect::<Vec<_>>().join(" ")
        });
    }

    /// The same for what Redis 8.2 told its replica. `@n` stands for n seconds from now.
    pub fn check_told(&mut self, golden: &str) {
        self.check(golden, |t| {
            let now = t.srv.clock.now().0;
            let shown = |word: &str| match word.parse::<i64>() {
                Ok(at) if word.len() == 13 && (at - now).abs() < 1_000_000_000 => {
                    format!("@{}", (at - now + 500) / 1000)
                }
                _ if word.is_empty() => "\"\"".to_owned(),
                _ => word.to_owned(),
            };
            let told = t.propagated().into_iter();
            let told = told.map(|line| line.split(' ').map(shown).collect::<Vec<_>>().join(" "));
            told.collect::<Vec<_>>().join("; ")
        });
    }

    /// Runs the commands of a golden file and compares how many changes, hits and misses they
    /// count.
    pub fn check_counts(&mut self, golden: &str) {
        let figures = |t: &TestServer| {
            let keyspace = &t.srv.keyspace;
            [keyspace.dirty, keyspace.stats.hits, keyspace.stats.misses]
        };
        let last = std::cell::Cell::new(figures(self));
        self.check(golden, |t| {
            let now = figures(t);
            let before = last.replace(now);
            let [changes, hits, misses] = [0, 1, 2].map(|i| now[i] - before[i]);
            format!("{changes} {hits} {misses}")
        });
    }

    fn check(&mut self, golden: &str, look: impl Fn(&mut TestServer) -> String) {
        self.srv.debug.active_expire = false;
        for line in golden.lines().skip(1) {
            let (command, wanted) = line.split_once('\t').expect("two fields");
            match command {
                "WAIT" => self.advance(Duration::from_millis(20)),
                _ => drop(self.run(command)),
            }
            assert_eq!(look(self), wanted, "{command}");
        }
    }
}

#[test]
fn two_servers_live_in_one_process() {
    let (mut a, mut b) = (TestServer::new(), TestServer::new());
    assert_eq!(a.run("PING"), "+PONG\r\n");
    assert_eq!(b.run("ECHO hello"), "$5\r\nhello\r\n");
    assert_eq!(a.srv.stats.commands_processed, 1);
    a.advance(Duration::from_secs(3));
    assert_ne!(a.srv.clock.now(), b.srv.clock.now());
}
