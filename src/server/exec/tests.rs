//! Calls keep to the keys that they have declared: `keyspace::declared` panics where one does not.

use crate::base::rng::Rng;
use crate::command::key_spec::{Arg, ArgKind};
use crate::command::{Call, CmdResult, Cx, Done, KeySpec};
use crate::command::{Command, Group, Handler, getkeys};
use crate::keyspace::{Ttl, Value};
use crate::resp::request::Query;
use crate::server::exec;
use crate::server::table::COMMANDS;
use crate::server::testing::TestServer;

/// Calls of the test with random words.
const CALLS: usize = 8_000;

/// Words at the edges of what is allowed somewhere.
const ODD: &[&str] = &[
    "", "-", "+", "0", "-1", "1", "2", "3", "7", "1.5", "nan", "(1", "[a", "1-1", "*", "$", ">",
    "0-0", "u8", "m", "x", "set:*", "100", "k*", "#",
];

/// A value of each type, and keys that look like options.
const VALUES: &[&str] = &[
    "SET k0 10",
    "RPUSH k1 1 2 3",
    "SADD k2 1 2 3",
    "ZADD k3 1 a 2 b",
    "HSET k4 a 1 b 2",
    "XADD k5 1-1 a 1",
    "XGROUP CREATE k5 group 0",
    "GEOADD k6 13.3 38.1 a 15.0 37.5 b",
    "SET k7 text",
    "PFADD k8 a b",
    "SET STORE 1",
    "RPUSH GET 1 2",
    "ZADD STREAMS 1 a",
];

fn commands() -> Vec<&'static Command> {
    fn add(commands: &mut Vec<&'static Command>, command: &'static Command) {
        if matches!(command.handler, Handler::Data(_)) || getkeys::has_keys(command) {
            commands.push(command);
        }
        command.subcommands.iter().for_each(|sub| add(commands, sub));
    }
    let mut commands = vec![];
    COMMANDS.iter().for_each(|command| add(&mut commands, command));
    commands
}

/// Writes calls from the grammar of a command, with more or less respect for it.
struct Writer {
    rng: Rng,
    tokens: Vec<&'static str>,
    /// How many keys the last count has announced.
    announced: usize,
    /// A key of the type that the command works on.
    like: &'static str,
}

impl Writer {
    fn new(commands: &[&'static Command]) -> Writer {
        fn add(tokens: &mut Vec<&'static str>, args: &'static [Arg]) {
            for arg in args {
                if !arg.token.is_empty() {
                    tokens.push(arg.token);
                }
                add(tokens, arg.parts);
            }
        }
        let mut tokens = vec![];
        commands.iter().for_each(|command| add(&mut tokens, command.args));
        tokens.sort_unstable();
        tokens.dedup();
        Writer { rng: Rng::from_seed(7), tokens, announced: 0, like: "k0" }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.below(from.len() as u64) as usize]
    }

    fn key(&mut self) -> String {
        match self.rng.below(16) {
            0 => self.pick(&["STORE", "GET", "STREAMS", "KEYS", "BY"]).into(),
            n @ 1..9 => format!("k{n}"),
            _ => self.like.into(),
        }
    }

    /// The words of a call.
    fn call(&mut self, command: &'static Command) -> Vec<String> {
        let mut words: Vec<String> = command.name.split('|').map(str::to_owned).collect();
        self.announced = 0;
        self.like = match command.group {
            Group::List => "k1",
            Group::Set => "k2",
            Group::SortedSet => "k3",
            Group::Hash => "k4",
            Group::Stream => "k5",
            Group::Geo => "k6",
            Group::Hyperloglog => "k8",
            _ => "k0",
        };
        self.args(command.args, &mut words);
        if self.one_in(3) {
            // What follows the first key in another order, or with something in between.
            for _ in 0..=self.rng.below(3) {
                let at = 1 + self.rng.below(words.len() as u64) as usize;
                let word = match self.rng.below(4) {
                    0 => self.key(),
                    1 => self.pick(ODD).into(),
                    _ => self.pick(&self.tokens.clone()).into(),
                };
                match self.rng.below(3) {
                    0 if at < words.len() => words[at] = word,
                    1 if at < words.len() => words.truncate(at + 1),
                    _ => words.insert(at.min(words.len()), word),
                }
            }
        }
        words
    }

    fn args(&mut self, args: &'static [Arg], words: &mut Vec<String>) {
        let mut options = vec![];
        for arg in args {
            if !arg.is_optional {
                self.arg(arg, words);
            } else if self.one_in(2) {
                options.push(arg);
                if self.one_in(8) {
                    options.push(arg);
                }
            }
        }
        while !options.is_empty() {
            let at = if self.one_in(3) { self.rng.below(options.len() as u64) as usize } else { 0 };
            self.arg(options.remove(at), words);
        }
    }

    fn arg(&mut self, arg: &'static Arg, words: &mut Vec<String>) {
        let times = match arg.kind {
            ArgKind::Key if self.announced > 0 => std::mem::take(&mut self.announced),
            _ if arg.is_multiple => 1 + self.rng.below(2) as usize,
            _ => 1,
        };
        for time in 0..times {
            if !arg.token.is_empty() && (time == 0 || arg.is_multiple_token) {
                words.push(arg.token.into());
            }
            match arg.kind {
                ArgKind::Block => self.args(arg.parts, words),
                ArgKind::OneOf => {
                    let part = self.rng.below(arg.parts.len() as u64) as usize;
                    self.arg(&arg.parts[part], words);
                }
                ArgKind::Key => words.push(self.key()),
                ArgKind::PureToken => {}
                ArgKind::Integer if arg.name == "numkeys" => {
                    self.announced = 1 + self.rng.below(2) as usize;
                    words.push(self.announced.to_string());
                }
                ArgKind::Integer | ArgKind::UnixTime => {
                    words.push(self.pick(&["0", "1", "2", "100", "9999999999"]).into());
                }
                ArgKind::Double => words.push(self.pick(&["0.5", "1", "15", "37.5"]).into()),
                ArgKind::Pattern => words.push(self.pick(&["*", "k*", "k3", "nosort"]).into()),
                ArgKind::String if matches!(arg.name, "min" | "max" | "start" | "end" | "stop") => {
                    words.push(self.pick(&["-", "+", "0", "1", "(1", "[a"]).into());
                }
                ArgKind::String if arg.name.ends_with("id") => {
                    words.push(self.pick(&["0-0", "0", "$", ">", "2-1"]).into());
                }
                ArgKind::String if arg.name == "group" => words.push("group".into()),
                ArgKind::String => {
                    words.push(self.pick(&["a", "b", "1", "group", "m", "0-0", ">", "k1"]).into());
                }
            }
        }
    }
}

fn line(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
}

fn run(server: &mut TestServer, words: &[String]) -> String {
    let answer = server.run(&line(words));
    let gone = server.srv.clients.get(server.client).is_none();
    if answer.is_empty() || gone {
        // It waits; a client that goes away waits no longer.
        server.srv.clients.close_later(server.client);
        server.settle();
        server.client = server.connect();
    }
    answer
}

#[test]
fn calls_keep_to_the_keys_that_they_have_declared() {
    let commands = commands();
    let mut writer = Writer::new(&commands);
    let mut server = TestServer::new();
    let mut answered = vec![false; commands.len()];
    for round in 0..CALLS {
        if round % 40 == 0 {
            server.run("FLUSHALL");
            VALUES.iter().for_each(|line| drop(server.run(line)));
        }
        let at = round % commands.len();
        let answer = run(&mut server, &writer.call(commands[at]));
        answered[at] |= !answer.is_empty() && !answer.starts_with('-');
    }
    let in_vain = commands.iter().zip(answered).filter(|(_, answered)| !answered);
    let in_vain: Vec<_> = in_vain.map(|(command, _)| command.name).collect();
    // Scripts and payloads are no random words.
    assert!(in_vain.len() * 10 < commands.len(), "the words do not fit: {in_vain:?}");
}

/// Runs a call of a command that has declared its first word.
fn reach(server: &mut TestServer, flags: KeySpec, handler: fn(&mut Cx<'_>) -> CmdResult) {
    // Records are static; a test may leak a few bytes to have one.
    let keys: &'static [KeySpec] = vec![flags].leak();
    let command: &'static Command =
        Box::leak(Box::new(Command::data("canary", handler).arity(-2).keys(keys)));
    let query = Query::of(&[b"canary", b"named", b"other"]);
    let mut call = Call { cmd: command, query, ..Call::default() };
    exec::with_data(&mut server.srv, &mut call, handler).expect("it answers");
}

fn reads_named(cx: &mut Cx<'_>) -> CmdResult {
    cx.db.entry(b"named");
    Ok(Done)
}

fn reads_other(cx: &mut Cx<'_>) -> CmdResult {
    cx.db.entry(b"other");
    Ok(Done)
}

fn writes_named(cx: &mut Cx<'_>) -> CmdResult {
    cx.db.set(b"named", Value::Int(1), Ttl::Clear);
    Ok(Done)
}

#[test]
fn a_call_may_do_what_it_has_declared() {
    let mut server = TestServer::new();
    reach(&mut server, KeySpec::at(1).ro(0), reads_named);
    reach(&mut server, KeySpec::at(1).rw(0), reads_named);
    reach(&mut server, KeySpec::at(1).ow(0), writes_named);
}

#[test]
#[should_panic(expected = "canary reads other, which it has not declared")]
fn a_call_may_not_read_what_it_has_not_declared() {
    reach(&mut TestServer::new(), KeySpec::at(1).rw(0), reads_other);
}

#[test]
#[should_panic(expected = "canary writes named, which it has not declared")]
fn a_call_may_not_write_what_it_only_reads() {
    reach(&mut TestServer::new(), KeySpec::at(1).ro(0), writes_named);
}

#[test]
fn the_last_of_several_targets_is_declared() {
    let mut server = TestServer::new();
    VALUES.iter().for_each(|line| drop(server.run(line)));
    assert_eq!(server.run("SORT k1 STORE a STORE b"), ":3\r\n");
    assert_eq!(server.run("SORT k1 BY STORE GET STORE STORE a"), ":3\r\n");
    assert_eq!(server.run("GEORADIUS k6 15 37 900 km STORE a STOREDIST b"), ":2\r\n");
    assert_eq!(server.run("EXISTS a b"), ":2\r\n");
    assert_eq!(server.run("PFMERGE k8"), "+OK\r\n");
}
