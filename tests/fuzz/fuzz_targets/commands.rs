//! Commands that move data, with any arguments: keys, numbers of every kind, the words that their
//! documentation names, and bytes. Each is answered by one well-formed reply; and whatever was made
//! can be saved and read again.

#![no_main]

use std::cell::RefCell;
use std::sync::LazyLock;

use hematite::base::clock::UnixMillis;
use hematite::command::key_spec::Arg;
use hematite::server::table::COMMANDS;
use hematite::command::{Command, Handler};
use hematite::keyspace::DbIndex;
use hematite::keyspace::lazyfree::Freeing;
use hematite::persist::rdb::driver::payload_options;
use hematite::persist::rdb::load;
use hematite::persist::rdb::save;
use hematite::server::testing::TestServer;
use libfuzzer_sys::{arbitrary, fuzz_target};

#[derive(Debug, arbitrary::Arbitrary)]
enum Word<'a> {
    Key(u8),
    Odd(u8),
    Small(i8),
    Int(i64),
    Float(f64),
    Token(u16),
    Bytes(&'a [u8]),
    Long(u8, u16),
}

/// Numbers at the edges of what is allowed somewhere.
const ODD: &[&str] = &[
    "",
    "-",
    "+",
    "(",
    "[",
    "inf",
    "-inf",
    "nan",
    "0",
    "-0",
    "1e300",
    "0.1",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "536870911",
    "1-1",
    "*",
    "$",
    ">",
    "0-0",
    "u8",
    "i64",
    "u63",
    "#1",
    "m",
    "km",
    "1700000000000",
];

/// All commands that see nothing but the data, and all their words.
static NAMES: LazyLock<(Vec<&'static Command>, Vec<&'static str>)> = LazyLock::new(|| {
    fn add(commands: &mut Vec<&'static Command>, command: &'static Command) {
        if matches!(command.handler, Handler::Data(_)) {
            commands.push(command);
        }
        command.subcommands.iter().for_each(|sub| add(commands, sub));
    }
    fn add_words(words: &mut Vec<&'static str>, args: &'static [Arg]) {
        for arg in args {
            words.push(arg.token);
            add_words(words, arg.parts);
        }
    }
    let (mut commands, mut words) = (vec![], vec![]);
    COMMANDS.iter().for_each(|command| add(&mut commands, command));
    commands.iter().for_each(|command| add_words(&mut words, command.args));
    words.sort_unstable();
    words.dedup();
    (commands, words)
});

thread_local! {
    static SERVER: RefCell<TestServer> = RefCell::new(TestServer::new());
}

fn text(word: &Word<'_>) -> Vec<u8> {
    let tokens = &NAMES.1;
    match word {
        Word::Key(n) => format!("k{}", n % 6).into_bytes(),
        Word::Odd(n) => ODD[usize::from(*n) % ODD.len()].into(),
        Word::Small(n) => n.to_string().into_bytes(),
        Word::Int(n) => n.to_string().into_bytes(),
        Word::Float(n) => n.to_string().into_bytes(),
        Word::Token(n) => tokens[usize::from(*n) % tokens.len()].into(),
        Word::Bytes(bytes) => bytes.to_vec(),
        Word::Long(byte, n) => vec![*byte; usize::from(n % 2000)],
    }
}

/// The bytes behind the first reply.
fn skip_reply(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").expect("a line");
    let (line, mut rest) = (&bytes[1..end], &bytes[end + 2..]);
    let number =
        || str::from_utf8(line).ok().and_then(|line| line.parse::<i64>().ok()).expect("a number");
    match bytes[0] {
        b'+' | b'-' => {}
        b':' => drop(number()),
        b'$' => {
            if let Ok(len) = usize::try_from(number()) {
                assert_eq!(&rest[len..len + 2], b"\r\n");
                rest = &rest[len + 2..];
            }
        }
        b'*' => (0..number()).for_each(|_| rest = skip_reply(rest)),
        _ => panic!("no reply"),
    }
    rest
}

fuzz_target!(|calls: Vec<(u16, Vec<Word<'_>>)>| {
    let commands = &NAMES.0;
    SERVER.with_borrow_mut(|server| {
        for (name, args) in calls.iter().take(24) {
            let command = commands[usize::from(*name) % commands.len()];
            let mut words: Vec<Vec<u8>> =
                command.name.split('|').map(|word| word.as_bytes().to_vec()).collect();
            words.extend(args.iter().take(16).map(text));
            let mut request = format!("*{}\r\n", words.len()).into_bytes();
            for word in words {
                request.extend(format!("${}\r\n", word.len()).bytes());
                request.extend(word);
                request.extend(b"\r\n");
            }
            let client = server.client;
            server.send(client, &request);
            server.propagated();
            let answer = server.receive(client);
            if answer.is_empty() {
                // It waits; a client that goes away waits no longer.
                server.srv.clients.close_later(client);
                server.settle();
                server.client = server.connect();
                continue;
            }
            assert!(skip_reply(&answer).is_empty(), "{}", String::from_utf8_lossy(&answer));
        }
    });
    SERVER.with_borrow_mut(|server| {
        let keyspace = &mut server.srv.keyspace;
        let options = payload_options(&server.srv.conf, keyspace, UnixMillis(1_700_000_000_000));
        for entry in keyspace.db(DbIndex(0)).keys.iter() {
            let payload = save::payload(entry, None, true).expect("any value can be saved");
            let value = load::check_payload(&payload, &options).expect("it is whole");
            load::restore(entry.key(), value, entry.meta(), &options).expect("it comes back");
        }
        keyspace.flush(DbIndex(0), Freeing::Here);
    });
});
