//! Commands about commands and about the server as a whole that belong to no other room: COMMAND
//! and its subcommands, TIME, LOLWUT.
//!
//! Their handlers only choose what is written; `introspect` and `docs` write what the records say,
//! `getkeys` finds keys, `lolwut` draws.

use super::getkeys::{self, Key};
use super::introspect::{self, Filter};
use super::{Arg, Call, CmdError, CmdResult, Command, Done, Group, args, category, docs, flag};
use super::{lolwut, lookup};
use crate::base::version::COMPAT_VERSION;
use crate::resp::request::Query;
use crate::server::{Run, Server};

const ALWAYS: u64 = flag::LOADING | flag::STALE;

pub static COMMAND: Command = Command::server("command", &Run(command))
    .arity(-1)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Describes all commands.")
    .complexity("O(N) for N commands of the server")
    .tips(&["nondeterministic_output_order"])
    .subcommands(&[
        &COMMAND_COUNT,
        &COMMAND_DOCS,
        &COMMAND_GETKEYS,
        &COMMAND_GETKEYSANDFLAGS,
        &COMMAND_HELP,
        &COMMAND_INFO,
        &COMMAND_LIST,
    ]);

fn command(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    introspect::write_all(&mut call.out, &srv.commands);
    Ok(Done)
}

pub static COMMAND_COUNT: Command = Command::server("command|count", &Run(command_count))
    .arity(2)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Counts the commands, subcommands aside.")
    .complexity("O(1)");

fn command_count(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.int(srv.commands.top_level().count() as i64);
    Ok(Done)
}

pub static COMMAND_DOCS: Command = Command::server("command|docs", &Run(command_docs))
    .arity(-2)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("7.0.0")
    .summary("Documents the given commands, or all of them.")
    .complexity("O(N) for N commands documented")
    .args(&[Arg::string("command-name").optional().multiple()])
    .tips(&["nondeterministic_output_order"]);

fn command_docs(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let names = call.query.args().from(2);
    match names.len() {
        0 => docs::write_all(&mut call.out, &srv.commands),
        _ => docs::write_named(&mut call.out, &srv.commands, names),
    }
    Ok(Done)
}

pub static COMMAND_GETKEYS: Command = Command::server("command|getkeys", &Run(command_getkeys))
    .arity(-3)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Finds the keys in the words of a call.")
    .complexity("O(N) for N words of the call")
    .args(CALL_ARGS);

const CALL_ARGS: &[Arg] = &[Arg::string("command"), Arg::string("arg").optional().multiple()];

fn command_getkeys(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (keys, asked) = keys_of(srv, call)?;
    call.out.array(keys.len());
    for key in keys {
        call.out.bulk(asked.args().at(key.at));
    }
    Ok(Done)
}

pub static COMMAND_GETKEYSANDFLAGS: Command =
    Command::server("command|getkeysandflags", &Run(command_getkeysandflags))
        .arity(-3)
        .flags(ALWAYS)
        .categories(category::CONNECTION)
        .group(Group::Server)
        .since("7.0.0")
        .summary("Finds the keys in the words of a call, and what it would do with each.")
        .complexity("O(N) for N words of the call")
        .args(CALL_ARGS);

fn command_getkeysandflags(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (keys, asked) = keys_of(srv, call)?;
    call.out.array(keys.len());
    for key in keys {
        call.out.array(2);
        call.out.bulk(asked.args().at(key.at));
        introspect::write_key_flags(&mut call.out, key.flags);
    }
    Ok(Done)
}

/// The keys of the call that stands behind COMMAND GETKEYS, and that call.
fn keys_of(srv: &Server, call: &Call) -> Result<(Vec<Key>, Query), CmdError> {
    const UNKNOWN: CmdError = CmdError::Fixed("ERR Invalid command specified");
    const NO_KEYS: CmdError = CmdError::Fixed("ERR The command has no key arguments");
    const WORDS: CmdError =
        CmdError::Fixed("ERR Invalid number of arguments specified for command");
    const MALFORMED: CmdError = CmdError::Fixed("ERR Invalid arguments specified for command");

    let words: Vec<_> = call.args().from(2).collect();
    let asked = Query::of(&words);
    let id: lookup::CommandId = srv.commands.resolve(asked.args()).map_err(|_| UNKNOWN)?;
    let command = srv.commands.entry(id).command;
    if !getkeys::has_keys(command) {
        return Err(NO_KEYS);
    }
    if !command.fits(words.len()) {
        return Err(WORDS);
    }
    let found = getkeys::find(command, asked.args()).map_err(|_| MALFORMED)?;
    let keys: Vec<_> = found.keys().collect();
    if keys.is_empty() && !command.has(flag::NO_MANDATORY_KEYS) {
        return Err(MALFORMED);
    }
    Ok((keys, asked))
}

pub static COMMAND_HELP: Command = Command::server("command|help", &Run(command_help))
    .arity(2)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("5.0.0")
    .summary("Lists the subcommands of COMMAND.")
    .complexity("O(1)");

fn command_help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help("COMMAND", HELP);
    Ok(Done)
}

const HELP: &[&str] = &[
    "(no subcommand)",
    "    Describes all commands.",
    "COUNT",
    "    Counts the commands of this server.",
    "LIST [FILTERBY <MODULE <name>|ACLCAT <category>|PATTERN <pattern>>]",
    "    Names the commands of this server, or those the filter lets pass.",
    "INFO [<command-name> ...]",
    "    Describes the given commands as clients need it:",
    "    arity, flags, keys and categories.",
    "    Without a name all commands are described.",
    "DOCS [<command-name> ...]",
    "    Documents the given commands as people need it:",
    "    purpose, history, cost and arguments.",
    "    Without a name all commands are documented.",
    "GETKEYS <full-command>",
    "    Finds the keys of a whole call.",
    "GETKEYSANDFLAGS <full-command>",
    "    Finds the keys of a whole call, and how it uses each.",
];

pub static COMMAND_INFO: Command = Command::server("command|info", &Run(command_info))
    .arity(-2)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Describes the given commands, or all of them.")
    .complexity("O(N) for N commands described")
    .history(&[("7.0.0", "Without a name all commands are described.")])
    .args(&[Arg::string("command-name").optional().multiple()])
    .tips(&["nondeterministic_output_order"]);

fn command_info(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let names = call.query.args().from(2);
    match names.len() {
        0 => introspect::write_all(&mut call.out, &srv.commands),
        _ => introspect::write_named(&mut call.out, &srv.commands, names),
    }
    Ok(Done)
}

pub static COMMAND_LIST: Command = Command::server("command|list", &Run(command_list))
    .arity(-2)
    .flags(ALWAYS)
    .categories(category::CONNECTION)
    .group(Group::Server)
    .since("7.0.0")
    .summary("Names the commands, all of them or those that a filter lets pass.")
    .complexity("O(N) for N commands of the server")
    .args(&[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()])
    .tips(&["nondeterministic_output_order"]);

fn command_list(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    let filter = match args.len() {
        2 => Filter::All,
        5 if args.is(2, "FILTERBY") && args.is(3, "MODULE") => Filter::Module,
        5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => Filter::Category(args.at(4)),
        5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => Filter::Pattern(args.at(4)),
        _ => return Err(CmdError::SYNTAX),
    };
    introspect::write_list(&mut call.out, &srv.commands, filter);
    Ok(Done)
}

pub static LOLWUT: Command = Command::server("lolwut", &Run(lolwut))
    .arity(-1)
    .flags(flag::READONLY | flag::FAST)
    .group(Group::Server)
    .since("5.0.0")
    .summary("Draws a crystal, and says which version draws it.")
    .args(&[Arg::integer("version").token("VERSION").optional()]);

fn lolwut(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let words = call.query.args();
    let is_chosen = words.len() >= 3 && words.is(1, "VERSION");
    let version = if is_chosen { args::integer(words.at(2))? } else { lolwut::NEWEST };
    let sizes = words.from(if is_chosen { 3 } else { 1 }).take(lolwut::sizes(version));
    let sizes = sizes.map(args::integer).collect::<Result<Vec<_>, _>>()?;
    let mut picture = lolwut::draw(version, &sizes, &mut srv.rng);
    // Compat: tools look for these words, and for the version behind them.
    picture += &format!("Redis ver. {COMPAT_VERSION}\n");
    call.out.verbatim(picture.as_bytes());
    Ok(Done)
}

pub static TIME: Command = Command::server("time", &Run(time))
    .arity(1)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .group(Group::Server)
    .since("2.6.0")
    .summary("Tells the server's time: seconds since 1970, and microseconds of the current one.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

/// The time to the microsecond, which the cached milliseconds of data commands do not have.
fn time(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let now_us = srv.clock.unix_us();
    call.out.array(2);
    call.out.bulk_int(now_us.div_euclid(1_000_000));
    call.out.bulk_int(now_us.rem_euclid(1_000_000));
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::server::testing::TestServer;
    use std::time::Duration;

    #[test]
    fn the_time_is_the_clocks() {
        let mut t = TestServer::new();
        t.advance(Duration::from_micros(1_000_007));
        assert_eq!(t.run("TIME"), "*2\r\n$10\r\n1700000001\r\n$1\r\n7\r\n");
    }

    #[test]
    fn info_in_both_protocols() {
        let mut t = TestServer::new();
        let two = "*1\r\n*10\r\n$4\r\ntime\r\n:1\r\n*3\r\n+loading\r\n+stale\r\n+fast\r\n:0\r\n:0\r\n:0\r\n\
            *1\r\n+@fast\r\n*1\r\n$23\r\nnondeterministic_output\r\n*0\r\n*0\r\n";
        assert_eq!(t.run("COMMAND INFO Time"), two);
        t.run("HELLO 3");
        let three = "*1\r\n*10\r\n$4\r\ntime\r\n:1\r\n~3\r\n+loading\r\n+stale\r\n+fast\r\n:0\r\n:0\r\n:0\r\n\
            ~1\r\n+@fast\r\n~1\r\n$23\r\nnondeterministic_output\r\n~0\r\n~0\r\n";
        assert_eq!(t.run("COMMAND INFO Time"), three);
    }

    #[test]
    fn names_nobody_has() {
        let mut t = TestServer::new();
        for name in
            ["nosuch", "get|x", "command|nosuch", "command|count|x", "|", "command|", "\"\""]
        {
            assert_eq!(t.run(&format!("COMMAND INFO {name}")), "*1\r\n$-1\r\n", "{name}");
            assert_eq!(t.run(&format!("COMMAND DOCS {name}")), "*0\r\n", "{name}");
        }
        let found = t.run("COMMAND INFO nosuch COMMAND|count");
        assert!(found.starts_with("*2\r\n$-1\r\n*10\r\n$13\r\ncommand|count\r\n:2\r\n"), "{found}");
    }

    #[test]
    fn all_commands_are_counted_described_and_documented() {
        let mut t = TestServer::new();
        let count = t.run("COMMAND COUNT");
        let count = count.trim_start_matches(':').trim_end().to_owned();
        assert_eq!(count, crate::server::table::COMMANDS.len().to_string());
        let all = t.run("COMMAND");
        assert!(all.starts_with(&format!("*{count}\r\n*10\r\n")), "{all}");
        assert_eq!(t.run("COMMAND INFO"), all);
        t.run("HELLO 3");
        let docs = t.run("COMMAND DOCS");
        assert!(docs.starts_with(&format!("%{count}\r\n$")), "{docs}");
    }

    #[test]
    fn docs_say_what_the_record_says() {
        let mut t = TestServer::new();
        t.run("HELLO 3");
        let echo = "%1\r\n$4\r\necho\r\n%5\r\n$7\r\nsummary\r\n$26\r\nAnswers the given message.\r\n\
            $5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n\
            $9\r\narguments\r\n*1\r\n%3\r\n$4\r\nname\r\n$7\r\nmessage\r\n$4\r\ntype\r\n$6\r\nstring\r\n\
            $12\r\ndisplay_text\r\n$7\r\nmessage\r\n";
        assert_eq!(t.run("COMMAND DOCS nosuch ECHO"), echo);
        let quit = t.run("COMMAND DOCS quit");
        let deprecated = "$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n$16\r\ndeprecated_since\r\n$5\r\n7.2.0\r\n\
            $11\r\nreplaced_by\r\n";
        assert!(quit.contains(deprecated), "{quit}");
        let list = t.run("COMMAND DOCS command|list");
        let token = "$4\r\ntype\r\n$5\r\noneof\r\n$5\r\ntoken\r\n$8\r\nFILTERBY\r\n$5\r\nflags\r\n~1\r\n+optional\r\n\
            $9\r\narguments\r\n*3\r\n%4\r\n$4\r\nname\r\n$11\r\nmodule-name\r\n";
        assert!(list.contains(token), "{list}");
        let info = t.run("COMMAND DOCS command|info");
        let history = "$7\r\nhistory\r\n~1\r\n*2\r\n$5\r\n7.0.0\r\n";
        assert!(info.contains(history), "{info}");
    }

    #[test]
    fn lists_can_be_filtered() {
        let mut t = TestServer::new();
        let counts = "*1\r\n$13\r\ncommand|count\r\n";
        assert_eq!(t.run("COMMAND LIST FILTERBY PATTERN COMMAND|C*"), counts);
        assert_eq!(t.run("COMMAND LIST filterby module x"), "*0\r\n");
        assert_eq!(t.run("COMMAND LIST FILTERBY ACLCAT nosuch"), "*0\r\n");
        assert_eq!(t.run("COMMAND LIST FILTERBY ACLCAT @fast"), "*0\r\n");
        let connection = t.run("COMMAND LIST FILTERBY ACLCAT Connection");
        assert!(connection.contains("\r\nping\r\n") && !connection.contains("\r\ntime\r\n"));
        assert!(t.run("COMMAND LIST").contains("\r\ntime\r\n"));
        for line in ["FOO", "FILTERBY", "FILTERBY MODULE", "FILTERBY MODULE x y", "FILTERBY FOO x"]
        {
            assert_eq!(t.run(&format!("COMMAND LIST {line}")), "-ERR syntax error\r\n", "{line}");
        }
    }

    #[test]
    fn keys_are_asked_of_known_commands_only() {
        let mut t = TestServer::new();
        let unknown = "-ERR Invalid command specified\r\n";
        let no_keys = "-ERR The command has no key arguments\r\n";
        for verb in ["GETKEYS", "GETKEYSANDFLAGS"] {
            for line in ["nosuch", "client nosuch", "client|kill x"] {
                assert_eq!(t.run(&format!("COMMAND {verb} {line}")), unknown, "{line}");
            }
            for line in ["ping", "ping x y z", "client", "client id", "command"] {
                assert_eq!(t.run(&format!("COMMAND {verb} {line}")), no_keys, "{line}");
            }
        }
        let arity = "-ERR wrong number of arguments for 'command|getkeys' command\r\n";
        assert_eq!(t.run("COMMAND GETKEYS"), arity);
    }

    #[test]
    fn renamed_commands_are_asked_for_by_their_new_name_and_told_by_their_old_one() {
        let mut t = TestServer::new();
        t.srv.commands.rename(b"client", b"Customer").expect("free");
        t.srv.commands.rename(b"echo", b"").expect("there");
        t.srv.commands.rename(b"PING", b"ping").expect("its own name");
        assert_eq!(t.run("COMMAND INFO client client|id echo"), "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
        let info = t.run("COMMAND INFO customer|ID");
        assert!(info.starts_with("*1\r\n*10\r\n$9\r\nclient|id\r\n"), "{info}");
        let list = t.run("COMMAND LIST");
        assert!(list.contains("\r\nclient|id\r\n"), "{list}");
        assert!(!list.contains("customer") && !list.contains("echo"), "{list}");
        let arity = "-ERR wrong number of arguments for 'client' command\r\n";
        assert_eq!(t.run("customer"), arity);
        let unknown = "-ERR unknown subcommand 'x'. Try CUSTOMER HELP.\r\n";
        assert_eq!(t.run("customer x"), unknown);
        assert!(t.run("client id").starts_with("-ERR unknown command 'client'"));
        assert!(t.run("customer id").starts_with(':'));
    }

    #[test]
    fn help_has_the_usual_frame() {
        let mut t = TestServer::new();
        let help = t.run("COMMAND HELP");
        let head = "+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n";
        assert!(help.contains(head) && help.contains("+GETKEYS <full-command>\r\n"), "{help}");
    }
}
