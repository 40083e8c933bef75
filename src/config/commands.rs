//! CONFIG: the configuration, seen and changed by clients.

use super::set::{Leave, SetError, set_many};
use super::{Guard, find, get, rewrite};
use crate::base::os::os_text;
use crate::command::states;
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::resp::request::Args;
use crate::server::apply;
use crate::server::{Run, Server};

pub static CONFIG: Command = Command::container("config", SUBCOMMANDS)
    .arity(-2)
    .group(Group::Server)
    .since("2.0.0")
    .summary("Groups the commands about the configuration.")
    .complexity("Depends on subcommand.");

static SUBCOMMANDS: &[&Command] =
    &[&CONFIG_GET, &CONFIG_HELP, &CONFIG_RESETSTAT, &CONFIG_REWRITE, &CONFIG_SET];

const FLAGS: u64 = flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE;

pub static CONFIG_GET: Command = Command::server("config|get", &Run(config_get))
    .arity(-3)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.0.0")
    .summary("Shows parameters that match some patterns.")
    .complexity("O(N) for N patterns.")
    .history(&[("7.0.0", "Takes several patterns.")])
    .args(&[Arg::string("parameter").multiple()]);

fn config_get(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let patterns: Vec<&[u8]> = call.args().from(2).collect();
    let found = get::get(&srv.conf, &patterns);
    call.out.map(found.len());
    for (name, value) in found {
        call.out.bulk(&name);
        call.out.bulk(&value);
    }
    Ok(Done)
}

pub static CONFIG_HELP: Command = Command::server("config|help", &Run(config_help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Server)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn config_help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help("CONFIG", HELP);
    Ok(Done)
}

pub static CONFIG_RESETSTAT: Command = Command::server("config|resetstat", &Run(config_resetstat))
    .arity(2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.0.0")
    .summary("Sets the counters of INFO back to zero.")
    .complexity("O(1)")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn config_resetstat(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    srv.reset_stats();
    call.out.ok();
    Ok(Done)
}

pub static CONFIG_REWRITE: Command = Command::server("config|rewrite", &Run(config_rewrite))
    .arity(2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.0")
    .summary("Writes the present configuration to the file it came from.")
    .complexity("O(1)")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn config_rewrite(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if srv.conf.process.config_file.is_none() {
        return Err(CmdError::Fixed("ERR The server is running without a config file"));
    }
    write_file(srv, false).map_err(|error| rewrite_failed(&error))?;
    call.out.ok();
    Ok(Done)
}

/// Writes the configuration to the file it came from, if there is one; with `all`, defaults too.
pub fn write_file(srv: &mut Server, all: bool) -> std::io::Result<()> {
    let Server { conf, files, .. } = srv;
    let Some(path) = &conf.process.config_file else {
        return Ok(());
    };
    // A file that is gone is written anew.
    let original = match files.read(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let text = match all {
        true => rewrite::rewrite_all(original.as_deref(), conf),
        false => rewrite::rewrite(original.as_deref(), conf),
    };
    files.replace(path, &text)
}

fn rewrite_failed(error: &std::io::Error) -> CmdError {
    CmdError::made(format!("ERR Rewriting config file: {}", os_text(error)))
}

pub static CONFIG_SET: Command = Command::server("config|set", &Run(config_set))
    .secrets(is_secret)
    .arity(-4)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.0.0")
    .summary("Sets parameters, all of them or none.")
    .complexity("O(N) for N parameters.")
    .history(&[("7.0.0", "Takes several parameters.")])
    .args(&[Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple()])
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

/// Whether a word is the value of an option that is one.
fn is_secret(args: Args<'_>, at: usize) -> bool {
    let is_value = at >= 3 && at % 2 == 1;
    is_value && find(args.at(at - 1)).is_some_and(|option| option.sensitive)
}

fn config_set(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let words: Vec<&[u8]> = call.args().from(2).collect();
    let (pairs, []) = words.as_chunks::<2>() else { return Err(CmdError::SYNTAX) };
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    let protected = match srv.conf.security.enable_protected_configs {
        Guard::Yes => true,
        Guard::Local => srv.clients.get(call.client).is_some_and(|client| client.conn.is_local()),
        Guard::No => false,
    };
    let loading = srv.states & states::LOADING != 0;
    let leave = Leave { protected, loading };
    let changes = set_many(&mut srv.conf, &pairs, leave).map_err(|error| refusal(&error))?;
    apply::apply(srv, &changes.steps, &changes.before)
        .map_err(|(name, reason)| refusal(&SetError::apply(name, &reason)))?;
    call.out.ok();
    Ok(Done)
}

fn refusal(error: &SetError) -> CmdError {
    if *error == SetError::Loading {
        return CmdError::LOADING;
    }
    CmdError::made([b"ERR ".as_slice(), &error.message()].concat())
}

const HELP: &[&str] = &[
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
];

#[cfg(test)]
mod tests {
    use crate::command::states::LongWork;
    use crate::config::{Config, Guard};
    use crate::server::testing::TestServer;
    use std::path::{Path, PathBuf};

    #[test]
    fn parameters_are_set_and_shown() {
        let mut t = TestServer::new();
        assert_eq!(t.run("CONFIG SET hz 20 maxmemory 1mb"), "+OK\r\n");
        let shown = "*4\r\n$2\r\nHZ\r\n$2\r\n20\r\n$9\r\nmaxmemory\r\n$7\r\n1048576\r\n";
        assert_eq!(t.run("CONFIG GET maxmemory HZ"), shown);
        assert_eq!(t.run("CONFIG GET nope"), "*0\r\n");
        assert_eq!(t.run("CONFIG SET hz 1 maxmemory"), "-ERR syntax error\r\n");
    }

    #[test]
    fn protected_parameters_have_a_guard() {
        let refused = "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config\r\n";
        let mut t = TestServer::new();
        assert_eq!(t.run("CONFIG SET dbfilename x"), refused);
        let mut conf = Config::default();
        conf.security.enable_protected_configs = Guard::Yes;
        let mut t = TestServer::with(conf);
        assert_eq!(t.run("CONFIG SET dbfilename x"), "+OK\r\n");
        assert_eq!(t.srv.conf.rdb.filename, "x");
    }

    /// As Redis 8.2 answers while it loads: names are judged in order, values later.
    #[test]
    fn some_parameters_stand_fixed_while_loading() {
        let mut conf = Config::default();
        conf.security.enable_protected_configs = Guard::Yes;
        let mut t = TestServer::with(conf);
        t.srv.set_long_work(LongWork::Loading);
        let loading = "-LOADING Redis is loading the dataset in memory\r\n";
        for line in ["dir /tmp", "repl-diskless-load disabled", "hz x dir /tmp", "dir / nope 1"] {
            assert_eq!(t.run(&format!("CONFIG SET {line}")), loading, "{line}");
        }
        let first = t.run("CONFIG SET databases 2 dir /tmp");
        assert!(first.contains("can't set immutable config"), "{first}");
        assert_eq!(t.run("CONFIG SET hz 20 dbfilename x"), "+OK\r\n");
        t.srv.set_long_work(LongWork::None);
        assert_eq!(t.run("CONFIG SET dir /tmp"), "+OK\r\n");
    }

    /// This list was once split at blanks like the others, and answered about the number of words.
    #[test]
    fn key_events_are_one_word() {
        let mut t = TestServer::new();
        let refused = "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - \
            Invalid event class character. Use 'Ag$lshzxeKEtmdn'.\r\n";
        assert_eq!(t.run("CONFIG SET notify-keyspace-events 'zz zz'"), refused);
        assert_eq!(t.run("CONFIG SET notify-keyspace-events ''"), "+OK\r\n");
    }

    #[test]
    fn the_file_is_rewritten_in_place() {
        let mut t = TestServer::new();
        let without = "-ERR The server is running without a config file\r\n";
        assert_eq!(t.run("CONFIG REWRITE"), without);
        let path = PathBuf::from("/etc/r.conf");
        t.srv.files.write(&path, b"# mine\nhz 10\n").unwrap();
        t.srv.conf.process.config_file = Some(path);
        t.run("CONFIG SET hz 30");
        assert_eq!(t.run("CONFIG REWRITE"), "+OK\r\n");
        let text = t.srv.files.read(Path::new("/etc/r.conf")).unwrap();
        assert!(text.starts_with(b"# mine\nhz 30\n"));
    }

    #[test]
    fn counters_go_back_to_zero() {
        let mut t = TestServer::new();
        t.run("PING");
        assert_eq!(t.run("CONFIG RESETSTAT"), "+OK\r\n");
        assert!(t.srv.stats.commands_processed <= 1);
    }
}
