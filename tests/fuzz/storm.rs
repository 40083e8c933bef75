//! A storm of malformed and half-formed requests against a whole server in this process: nothing
//! may panic, the memory must stay bounded, and a well-behaved client must be served to the end.
//!
//! `make fuzz-smoke` runs a short one; `cargo bench --features sim --bench storm -- --requests
//! 10000000` a long one. The seed is printed and can be given with `--seed`.

use std::time::Duration;

use hematite::base::alloc;
use hematite::base::rng::Rng;
use hematite::base::slab::Id;
use hematite::command::CmdError;
use hematite::config::Config;
use hematite::keyspace::DbIndex;
use hematite::keyspace::lazyfree::Freeing;
use hematite::server::cron::end_pause;
use hematite::server::table::COMMANDS;
use hematite::server::testing::TestServer;
use hematite::server::waits;

/// What a client may have sent that is not done with: MULTI queues it.
const QUERY_MAX: u64 = 1 << 20;
/// Memory the storm may add to the server at any moment.
const GROWTH_MAX: usize = 64 << 20;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1)?.parse::<u64>().ok()
    };
    let Some(requests) = option("--requests") else {
        eprintln!("storm: says what to do with --requests N [--seed N]");
        return;
    };
    let seed = option("--seed").unwrap_or_else(|| Rng::from_system().next_u64());
    println!("storm: {requests} requests, seed {seed}");
    // Children write files, and may be left alone with them at the end.
    let folder = std::env::temp_dir().join(format!("hematite-storm-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder of our own");
    std::env::set_current_dir(&folder).expect("it has just been made");
    let mut conf = Config::default();
    conf.clients.query_buffer_limit = QUERY_MAX;
    let server = TestServer::with(conf);
    let mut storm = Storm { rng: Rng::from_seed(seed), server, names: names() };
    let (start, mut sent, mut closed) = (alloc::used(), 0, 0);
    let mut victims: Vec<Id> = (0..8).map(|_| storm.server.connect()).collect();
    while sent < requests {
        let at = storm.rng.below(victims.len() as u64) as usize;
        let (bytes, count) = storm.batch();
        sent += count;
        storm.server.advance(Duration::from_millis(storm.rng.below(3)));
        storm.let_go_on(victims[at]);
        storm.server.send(victims[at], &bytes);
        storm.server.receive(victims[at]);
        storm.server.propagated();
        if storm.server.srv.clients.get(victims[at]).is_none() || storm.rng.below(50) == 0 {
            storm.server.srv.clients.close_later(victims[at]);
            storm.server.settle();
            storm.server.receive(victims[at]);
            victims[at] = storm.server.connect();
            closed += 1;
        }
        let mut grown = alloc::used().saturating_sub(start);
        if grown > GROWTH_MAX / 2 {
            // Well-formed requests have stored keys, which is no fault: without them it must be
            // little again.
            let keyspace = &mut storm.server.srv.keyspace;
            for db in 0..keyspace.databases() {
                keyspace.flush(DbIndex(db), Freeing::Here);
            }
            grown = alloc::used().saturating_sub(start);
        }
        let lines: usize =
            storm.server.srv.log.lines().iter().map(|(_, text)| text.len() + 40).sum();
        let (clients, watch) = (&storm.server.srv.clients, &storm.server.srv.keyspace.watch);
        let held: usize = clients.iter().map(|client| client.memory(watch)).sum();
        let grown = grown.saturating_sub(lines);
        assert!(
            grown < GROWTH_MAX,
            "{grown} bytes more than at the start after {sent} requests: {lines} of log, {held} of clients"
        );
    }
    let calm = storm.server.connect();
    end_pause(&mut storm.server.srv);
    assert_eq!(storm.server.run_as(calm, "PING"), "+PONG\r\n", "a new client is served");
    println!(
        "storm: done, {closed} connections closed, {} bytes more",
        alloc::used().saturating_sub(start)
    );
    // A child that still writes may add to it: then it stays.
    let _ = std::fs::remove_dir_all(&folder);
}

struct Storm {
    rng: Rng,
    server: TestServer,
    names: Vec<String>,
}

/// Words that mean something to the server: commands and subcommands.
fn names() -> Vec<String> {
    let kind = |c: &&&hematite::command::Command| !matches!(c.name, "debug" | "shutdown");
    let top = COMMANDS.iter().filter(kind);
    top.flat_map(|c| {
        let subs = c.subcommands.iter().map(|s| s.own_name().to_owned());
        std::iter::once(c.name.to_owned()).chain(subs)
    })
    .collect()
}

impl Storm {
    /// Ends what keeps the server from reading what a client sends, a pause or calls that wait: the
    /// bytes would only pile up in front of it.
    fn let_go_on(&mut self, id: Id) {
        while self.is_held_up(id) {
            end_pause(&mut self.server.srv);
            if let Some(client) = self.server.srv.clients.get(id) {
                let number = client.number.cast_signed();
                let error = (self.rng.below(2) == 0).then_some(CmdError::UNBLOCKED);
                waits::unblock(&mut self.server.srv, number, error);
            }
            self.server.settle();
        }
    }

    /// Whether the server leaves bytes of this client unread.
    fn is_held_up(&mut self, id: Id) -> bool {
        let sim = self.server.srv.clients.get_mut(id).and_then(|c| c.conn.simulated());
        sim.is_some_and(|sim| !sim.incoming.is_empty())
    }

    /// Some requests as bytes, most of them damaged, and how many they were.
    fn batch(&mut self) -> (Vec<u8>, u64) {
        let count = 1 + self.rng.below(16);
        let mut bytes = vec![];
        for _ in 0..count {
            self.request(&mut bytes);
        }
        if self.rng.below(3) == 0 {
            self.damage(&mut bytes);
        }
        (bytes, count)
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        let words: Vec<Vec<u8>> = (0..1 + self.rng.below(6)).map(|i| self.word(i == 0)).collect();
        if self.rng.below(6) == 0 {
            out.extend(words.join(&b' '));
            out.extend(b"\r\n");
            return;
        }
        let odd_count = self.rng.below(60) == 0;
        let count = if odd_count { self.odd_number() } else { words.len().to_string() };
        out.extend(format!("*{count}\r\n").bytes());
        for word in words {
            let odd_length = self.rng.below(200) == 0;
            let len = if odd_length { self.odd_number() } else { word.len().to_string() };
            out.extend(format!("${len}\r\n").bytes());
            out.extend(word);
            out.extend(b"\r\n");
        }
    }

    fn word(&mut self, is_first: bool) -> Vec<u8> {
        match self.rng.below(if is_first { 2 } else { 8 }) {
            0 | 1 => {
                self.names[self.rng.below(self.names.len() as u64) as usize].clone().into_bytes()
            }
            2 => self.odd_number().into_bytes(),
            3 => (0..self.rng.below(40)).map(|_| self.rng.below(256) as u8).collect(),
            4 => vec![b'x'; self.rng.below(50_000) as usize],
            5 => b"*".to_vec(),
            6 => b"on".to_vec(),
            _ => b"1".to_vec(),
        }
    }

    fn odd_number(&mut self) -> String {
        const ODD: &[&str] = &[
            "-1",
            "0",
            "1",
            "007",
            "+1",
            "2147483647",
            "2147483648",
            "-9223372036854775808",
            "9223372036854775807",
            "9223372036854775808",
            "1e9",
            "",
            "nan",
            "536870912",
            "1000000",
        ];
        ODD[self.rng.below(ODD.len() as u64) as usize].to_owned()
    }

    /// Flips, cuts, doubles.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.rng.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.rng.below(bytes.len() as u64) as usize;
            match self.rng.below(4) {
                0 => bytes[at] = self.rng.below(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, b'\n'),
                _ => drop(bytes.remove(at)),
            }
        }
    }
}
