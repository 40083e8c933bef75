//! What the program is asked to be: by the name it was called by, and by its first argument.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::version::COMPAT_VERSION;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    Server,
    Version,
    Help,
    CheckSystem,
    /// Megabytes.
    TestMemory(usize),
    /// A snapshot, by its path.
    CheckRdb(PathBuf),
    CheckRdbVersion,
    /// An append-only file: the words behind the program's name, and that name.
    CheckAof(Vec<String>, String),
    /// Nothing: why not.
    Refused(&'static str),
}

impl Mode {
    /// Looks at the command line, program name included.
    pub fn of(argv: &[OsString]) -> Mode {
        let name = argv.first().and_then(|p| Path::new(p).file_name()).unwrap_or_default();
        if let Some(tool) = tool(name.as_bytes()) {
            return Mode::Refused(tool);
        }
        if is_called(name.as_bytes(), b"-check-rdb") {
            return check_rdb(argv.get(1..).unwrap_or_default());
        }
        if is_called(name.as_bytes(), b"-check-aof") {
            return check_aof(argv.get(1..).unwrap_or_default(), &argv[0]);
        }
        let mut args = argv.iter().skip(1).map(|arg| arg.as_bytes());
        let (first, count) = (args.next().unwrap_or_default(), argv.len());
        match first {
            b"-v" | b"--version" => Mode::Version,
            b"-h" | b"--help" => Mode::Help,
            b"--check-system" => Mode::CheckSystem,
            b"--check-rdb" => check_rdb(argv.get(2..).unwrap_or_default()),
            b"--check-aof" => {
                let called = OsString::from("redis-server --check-aof");
                check_aof(argv.get(2..).unwrap_or_default(), &called)
            }
            b"--test-memory" if count == 3 => Mode::TestMemory(megabytes(args.next())),
            b"--test-memory" => Mode::Refused(NO_SIZE),
            _ if first == b"--sentinel" || args.any(|arg| arg == b"--sentinel") => {
                Mode::Refused(SENTINEL)
            }
            _ => Mode::Server,
        }
    }
}

/// Programs that this one may be called as, by the names of links to it.
fn tool(name: &[u8]) -> Option<&'static str> {
    if is_called(name, b"-sentinel") { Some(SENTINEL) } else { None }
}

/// Whether the program was called by a name with this in it, behind that of Redis or of Valkey.
fn is_called(name: &[u8], part: &[u8]) -> bool {
    let has = |whole: &[u8]| name.windows(whole.len()).any(|window| window == whole);
    [b"redis".as_slice(), b"valkey"].iter().any(|family| has(&[family, part].concat()))
}

/// The checker of snapshots: its arguments.
fn check_rdb(args: &[OsString]) -> Mode {
    match args {
        [word] if word == "-v" || word == "--version" => Mode::CheckRdbVersion,
        [file] => Mode::CheckRdb(PathBuf::from(file)),
        _ => Mode::Refused("Usage: redis-check-rdb <rdb-file-name>"),
    }
}

/// The checker of append-only files.
fn check_aof(args: &[OsString], called: &OsString) -> Mode {
    let words = args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Mode::CheckAof(words, called.to_string_lossy().into_owned())
}

/// What is no number is taken for the least.
fn megabytes(word: Option<&[u8]>) -> usize {
    let text = word.map(String::from_utf8_lossy).unwrap_or_default();
    text.parse().unwrap_or(1)
}

/// The line that installers and test suites parse by its `v=`.
pub fn version() -> String {
    format!(
        "Redis server v={COMPAT_VERSION} sha=00000000:0 malloc={} bits={} build=0000000000000000 hematite={}",
        crate::base::alloc::name(),
        usize::BITS,
        env!("CARGO_PKG_VERSION")
    )
}

const SENTINEL: &str = "Sentinel mode: not yet part of this server";

const NO_SIZE: &str = "--test-memory needs the amount of memory to test in megabytes.\n\
    Example: redis-server --test-memory 4096\n";

pub const HELP: &str = "\
Hematite, a server that speaks as Redis does.

Usage: redis-server [/path/to/redis.conf] [options] [-]
       redis-server -                          (the configuration comes from the standard input)
       redis-server -v or --version
       redis-server -h or --help
       redis-server --test-memory <megabytes>
       redis-server --check-system
       redis-server --check-aof ...            (as redis-check-aof)
       redis-server ... --restore-to <moment>  (loads an append-only file up to that moment: Unix seconds or ISO 8601)
       redis-server --check-rdb <file>

An option is a parameter of the configuration file with two dashes in front.

Examples:
       redis-server                            (defaults)
       redis-server /etc/redis/6379.conf
       redis-server --port 7777 --bind 127.0.0.1
       redis-server /etc/redis/6379.conf --loglevel verbose
       echo 'maxmemory 128mb' | redis-server -
";

#[cfg(test)]
mod tests {
    use crate::process::mode::*;

    fn mode(line: &str) -> Mode {
        Mode::of(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_argument_or_the_name_decides() {
        assert_eq!(mode("redis-server"), Mode::Server);
        assert_eq!(mode("redis-server a.conf --version"), Mode::Server);
        assert_eq!(mode("./redis-server -v x"), Mode::Version);
        assert_eq!(mode("redis-check-rdb a.rdb"), Mode::CheckRdb("a.rdb".into()));
        assert_eq!(mode("redis-server --check-rdb a.rdb"), Mode::CheckRdb("a.rdb".into()));
        assert_eq!(mode("redis-check-rdb --version"), Mode::CheckRdbVersion);
        assert!(matches!(mode("redis-check-rdb"), Mode::Refused(_)));
        assert_eq!(mode("valkey-server a.conf"), Mode::Server);
        assert_eq!(mode("/opt/valkey-check-rdb a.rdb"), Mode::CheckRdb("a.rdb".into()));
        assert_eq!(mode("valkey-sentinel a.conf"), Mode::Refused(SENTINEL));
        assert!(matches!(mode("valkey-check-aof a"), Mode::CheckAof(..)));
        assert_eq!(mode("redis-server --help"), Mode::Help);
        assert_eq!(mode("redis-server --test-memory 12"), Mode::TestMemory(12));
        assert_eq!(mode("redis-server --test-memory"), Mode::Refused(NO_SIZE));
        assert_eq!(mode("redis-server a.conf --sentinel"), Mode::Refused(SENTINEL));
        assert_eq!(mode("/usr/bin/redis-sentinel a.conf"), Mode::Refused(SENTINEL));
        let words = |line: &str| match mode(line) {
            Mode::CheckAof(words, _) => words.join(" "),
            other => panic!("{other:?}"),
        };
        assert_eq!(words("redis-check-aof --fix a"), "--fix a");
        assert_eq!(words("redis-server --check-aof a"), "a");
    }

    #[test]
    fn the_version_line_has_the_fields_that_tools_parse() {
        let line = version();
        let value = |key: &str| {
            let field = line.split(' ').find_map(|f| f.strip_prefix(key)).expect("the field");
            field.to_owned()
        };
        assert!(line.starts_with("Redis server v=8."));
        assert_eq!(value("v="), COMPAT_VERSION);
        assert_eq!(value("bits="), "64");
        assert_eq!(value("build=").len(), 16);
        assert!(value("malloc=").starts_with("jemalloc-"));
    }
}
