//! DEBUG: hooks for tests and for people who look under the hood. `enable-debug-command` guards it.
//!
//! A subcommand is a row of [`SUBCOMMANDS`]: its name, how many words it takes, what it does, and
//! its lines of help. Those that look into values come with the data types.

use std::ffi::CString;
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use super::{Run, Server, debug_keys, expire, shutdown};
use crate::base::glob;
use crate::base::{alloc, memory, text};
use crate::client::Client;
use crate::command::args::integer;
use crate::command::{Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::config::ShutdownFlags;
use crate::config::commands::write_file;
use crate::persist::aof::commands as aof;
use crate::persist::rdb::commands as rdb;
use crate::process::crash;
use crate::resp::Proto;

/// Switches that DEBUG throws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debug {
    /// Keys that nobody touches expire too.
    pub active_expire: bool,
    pub cron_paused: bool,
    /// Reply buffers shrink again after a peak.
    pub reply_resizing: bool,
    /// Milliseconds after which a peak is forgotten; `None` for never.
    pub reply_peak_reset_ms: Option<u64>,
    /// Tables of keys grow and shrink.
    pub table_resizing: bool,
    /// Microseconds that the AOF waits before each write.
    pub aof_flush_sleep_us: u64,
    /// Scripts may run commands that are denied to them.
    pub scripts_unbound: bool,
    /// The sizes of all values are counted anew after each command.
    pub sizes_checked: bool,
}

const REPLY_PEAK_RESET_MS: u64 = 5000;

impl Default for Debug {
    fn default() -> Debug {
        Debug {
            active_expire: true,
            cron_paused: false,
            aof_flush_sleep_us: 0,
            reply_resizing: true,
            reply_peak_reset_ms: Some(REPLY_PEAK_RESET_MS),
            table_resizing: true,
            scripts_unbound: false,
            sizes_checked: false,
        }
    }
}

pub static DEBUG: Command = Command::server("debug", &Run(debug))
    .arity(-2)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::PROTECTED)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Groups hooks for tests and for looking under the hood.")
    .complexity("Depends on subcommand.")
    .internal();

struct Subcommand {
    name: &'static str,
    /// Words of the call, DEBUG and the name included.
    words: RangeInclusive<usize>,
    run: fn(&mut Box<Server>, &mut Call) -> CmdResult,
    /// Its heading and explanations for DEBUG HELP; none for those that stand under another's.
    help: &'static [&'static str],
}

const ANY: usize = usize::MAX;

fn debug(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (name, words) = (call.args().at(1), call.args().len());
    let found = SUBCOMMANDS
        .iter()
        .find(|sub| name.eq_ignore_ascii_case(sub.name.as_bytes()) && sub.words.contains(&words));
    match found {
        Some(sub) => (sub.run)(srv, call),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &[u8]) -> CmdError {
    let name = &name[..name.len().min(128)];
    let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
    text.extend_from_slice(name);
    text.extend_from_slice(b"'. Try DEBUG HELP.");
    CmdError::made(text)
}

static SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "aof-flush-sleep",
        words: 3..=3,
        run: |srv, call| {
            let time = leading_integer(call.args().at(2));
            srv.debug.aof_flush_sleep_us = u64::try_from(time).unwrap_or(0);
            call.out.ok();
            Ok(Done)
        },
        help: &[
            "AOF-FLUSH-SLEEP <microseconds>",
            "    Wait so long before each write to the append-only file.",
        ],
    },
    Subcommand {
        name: "assert",
        words: 2..=ANY,
        run: |_, _| panic!("assertion failed: 1 == 2"),
        help: &["ASSERT", "    Crash by a failed assertion."],
    },
    Subcommand {
        name: "client-eviction",
        words: 2..=2,
        run: |_, _| Err(CmdError::Fixed("ERR maxmemory-clients is disabled.")),
        help: &["CLIENT-EVICTION", "    Tell how clients stand in line for eviction."],
    },
    Subcommand {
        name: "config-rewrite-force-all",
        words: 2..=2,
        run: config_rewrite_force_all,
        help: &[
            "CONFIG-REWRITE-FORCE-ALL",
            "    Like CONFIG REWRITE, but with a line for every option.",
        ],
    },
    Subcommand {
        name: "crash-and-recover",
        words: 2..=ANY,
        run: |srv, call| restart(srv, call, false),
        help: &[
            "CRASH-AND-RECOVER [<milliseconds>]",
            "    End without saving anything and start again after a while (default: 0).",
        ],
    },
    Subcommand {
        name: "dict-resizing",
        words: 3..=3,
        run: |srv, call| switch(call, &mut srv.debug.table_resizing),
        help: &["DICT-RESIZING <0|1>", "    Let the tables of keys keep or change their size."],
    },
    Subcommand {
        name: "digest",
        words: 2..=2,
        run: debug_keys::digest,
        help: &["DIGEST", "    Answer a digest of all data: equal data, equal digests."],
    },
    Subcommand {
        name: "digest-value",
        words: 2..=ANY,
        run: debug_keys::digest_values,
        help: &["DIGEST-VALUE <key> [<key> ...]", "    Answer a digest of each value."],
    },
    Subcommand {
        name: "error",
        words: 3..=3,
        run: |_, call| Err(CmdError::made(one_line(call.args().at(2)))),
        help: &["ERROR <string>", "    Answer with this error, for tests of clients."],
    },
    Subcommand {
        name: "htstats",
        words: 3..=ANY,
        run: debug_keys::table_stats,
        help: &["HTSTATS <dbid> [full]", "    Tell how full the table of a database is."],
    },
    Subcommand {
        name: "htstats-key",
        words: 3..=ANY,
        run: debug_keys::table_stats_of_key,
        help: &["HTSTATS-KEY <key> [full]", "    The same of the table of a value."],
    },
    Subcommand {
        name: "keysizes-hist-assert",
        words: 3..=3,
        run: |srv, call| {
            srv.debug.sizes_checked = integer(call.args().at(2))? != 0;
            call.out.ok();
            Ok(Done)
        },
        help: &[
            "KEYSIZES-HIST-ASSERT <0|1>",
            "    Count the sizes of values anew after each command, and crash if INFO keysizes",
            "    tells others.",
        ],
    },
    Subcommand {
        name: "leak",
        words: 3..=3,
        run: leak,
        help: &["LEAK <string>", "    Copy the string and forget where."],
    },
    Subcommand {
        name: "listpack",
        words: 3..=3,
        run: debug_keys::listpack,
        help: &[
            "LISTPACK <key>",
            "    Print the elements of a value that is a listpack to the standard output.",
        ],
    },
    Subcommand {
        name: "loadaof",
        words: 2..=2,
        run: aof::load_again,
        help: &["LOADAOF", "    Empty the databases and load the append-only file."],
    },
    Subcommand {
        name: "log",
        words: 3..=3,
        run: log,
        help: &["LOG <message>", "    Write a message to the server's log."],
    },
    Subcommand {
        name: "mallctl",
        words: 3..=4,
        run: mallctl,
        help: &["MALLCTL <key> [<val>]", "    Show or set a number of the allocator."],
    },
    Subcommand {
        name: "mallctl-str",
        words: 3..=4,
        run: mallctl_str,
        help: &["MALLCTL-STR <key>", "    Show a text of the allocator."],
    },
    Subcommand {
        name: "object",
        words: 3..=3,
        run: debug_keys::object,
        help: &["OBJECT <key>", "    Tell how a value is kept."],
    },
    Subcommand {
        name: "oom",
        words: 2..=ANY,
        run: oom,
        help: &["OOM", "    Crash as if memory had run out."],
    },
    Subcommand {
        name: "panic",
        words: 2..=ANY,
        run: |srv, _| panic!("DEBUG PANIC called at Unix time {}", srv.clock.now().seconds()),
        help: &["PANIC", "    Crash by a panic."],
    },
    Subcommand {
        name: "pause-cron",
        words: 3..=3,
        run: |srv, call| switch(call, &mut srv.debug.cron_paused),
        help: &["PAUSE-CRON <0|1>", "    Stop the periodic work, or let it go on."],
    },
    Subcommand {
        name: "populate",
        words: 3..=5,
        run: debug_keys::populate,
        help: &[
            "POPULATE <count> [<prefix>] [<size>]",
            "    Store so many strings, named <prefix>:<number>.",
        ],
    },
    Subcommand {
        name: "protocol",
        words: 3..=3,
        run: protocol,
        help: &[
            "PROTOCOL <type>",
            "    Answer with a sample of a type: string, integer, double, bignum, null, array,",
            "    set, map, attrib, push, verbatim, true or false.",
        ],
    },
    Subcommand {
        name: "quicklist-packed-threshold",
        words: 3..=3,
        run: packed_threshold,
        help: &[
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Let list elements from this size on stand alone; 0 for the default of 1gb.",
        ],
    },
    Subcommand {
        name: "reload",
        words: 2..=ANY,
        run: rdb::reload,
        help: &[
            "RELOAD [option ...]",
            "    Save the data and load them again. Options:",
            "    * MERGE: keys that are loaded take the place of those that are there.",
            "    * NOFLUSH: the data stay when the file is loaded.",
            "    * NOSAVE: the file that is there is loaded.",
        ],
    },
    Subcommand {
        name: "replybuffer",
        words: 4..=4,
        run: reply_buffer,
        help: &[
            "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
            "    Forget the peak of a reply buffer after so many milliseconds, never, or after",
            "    the default time.",
            "REPLYBUFFER RESIZING <0|1>",
            "    Let reply buffers keep or change their size.",
        ],
    },
    Subcommand {
        name: "restart",
        words: 2..=ANY,
        run: |srv, call| restart(srv, call, true),
        help: &[
            "RESTART [<milliseconds>]",
            "    Write the configuration, end in good order and start again after a while",
            "    (default: 0).",
        ],
    },
    Subcommand {
        name: "sdslen",
        words: 3..=3,
        run: debug_keys::string_room,
        help: &["SDSLEN <key>", "    Tell length and room of a string."],
    },
    Subcommand {
        name: "segfault",
        words: 2..=ANY,
        run: segfault,
        help: &["SEGFAULT", "    Crash by touching memory that is not there."],
    },
    Subcommand {
        name: "set-active-expire",
        words: 3..=3,
        run: set_active_expire,
        help: &[
            "SET-ACTIVE-EXPIRE <0|1>",
            "    With 0, keys past their time stay until somebody touches them.",
        ],
    },
    Subcommand {
        name: "set-disable-deny-scripts",
        words: 3..=3,
        run: |srv, call| switch(call, &mut srv.debug.scripts_unbound),
        help: &[],
    },
    Subcommand {
        name: "set-skip-checksum-validation",
        words: 3..=3,
        run: |srv, call| switch(call, &mut srv.conf.rdb.checksums_skipped),
        help: &[
            "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
            "    Look or do not look at the checksums of snapshots and of RESTORE.",
        ],
    },
    Subcommand {
        name: "sleep",
        words: 3..=3,
        run: sleep,
        help: &["SLEEP <seconds>", "    Do nothing for so long; decimals are allowed."],
    },
    Subcommand {
        name: "stringmatch-test",
        words: 2..=2,
        run: stringmatch_test,
        help: &["STRINGMATCH-TEST", "    Match random patterns with random texts."],
    },
    Subcommand {
        name: "structsize",
        words: 2..=2,
        run: struct_size,
        help: &["STRUCTSIZE", "    Tell how large some structures are."],
    },
    Subcommand { name: "help", words: 2..=2, run: help, help: &[] },
];

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let lines: Vec<&str> = SUBCOMMANDS.iter().flat_map(|sub| sub.help).copied().collect();
    call.out.help("DEBUG", &lines);
    Ok(Done)
}

/// Sets a switch from the third word, read as leniently as C's `atoi` does: what is no number is 0.
fn switch(call: &mut Call, field: &mut bool) -> CmdResult {
    *field = leading_integer(call.args().at(2)) != 0;
    call.out.ok();
    Ok(Done)
}

fn set_active_expire(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let done = switch(call, &mut srv.debug.active_expire);
    // At once, not with the next tick.
    expire::refill(srv);
    done
}

fn leading_integer(word: &[u8]) -> i64 {
    let digits =
        word.iter().enumerate().take_while(|(i, b)| b.is_ascii_digit() || (*i == 0 && **b == b'-'));
    text::parse_i64(&word[..digits.count()]).unwrap_or(0)
}

fn one_line(words: &[u8]) -> Vec<u8> {
    words.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }).collect()
}

/// Compat: the heap block is lost on purpose, for tests of leak checkers.
fn leak(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    std::mem::forget(call.args().at(2).to_vec());
    call.out.ok();
    Ok(Done)
}

fn log(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let message = String::from_utf8_lossy(call.args().at(2));
    srv.log.warning(format_args!("DEBUG LOG: {message}"));
    call.out.ok();
    Ok(Done)
}

fn sleep(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let word = String::from_utf8_lossy(call.args().at(2)).into_owned();
    let seconds = word.parse::<f64>().unwrap_or(0.0);
    if let Ok(time) = Duration::try_from_secs_f64(seconds)
        && let Ok(time) = time.try_into()
    {
        // A signal ends the sleep, as in the reference.
        let _ = rustix::thread::nanosleep(&time);
    }
    call.out.ok();
    Ok(Done)
}

fn segfault(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    crash::fault();
    call.out.ok();
    Ok(Done)
}

fn oom(srv: &mut Box<Server>, _: &mut Call) -> CmdResult {
    let bytes = isize::MAX;
    srv.log.warning(format_args!("Out Of Memory allocating {bytes} bytes!"));
    panic!("Redis aborting for OUT OF MEMORY. Allocating {bytes} bytes!")
}

fn protocol(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let kind = call.args().at(2).to_ascii_lowercase();
    let resp3 = call.out.proto() == Proto::Resp3;
    let out = &mut call.out;
    match kind.as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        #[expect(clippy::approx_constant, reason = "it is the reference's example, not pi")]
        b"double" => out.double(3.141),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|n| out.int(n));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|n| out.int(n));
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.int(n);
                out.boolean(n == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                out.attribute(1);
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => {
            return Err(CmdError::Fixed("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            // Out-of-band messages of a command come after its answer.
            out.bulk(b"Some real reply following the push reply");
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
        }
        b"verbatim" => out.verbatim(b"This is a verbatim\nstring"),
        b"true" => out.boolean(true),
        b"false" => out.boolean(false),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(CmdError::Fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(Done)
}

fn reply_buffer(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    if args.is(2, "resizing") {
        srv.debug.reply_resizing = leading_integer(args.at(3)) != 0;
    } else if args.is(2, "peak-reset-time") {
        srv.debug.reply_peak_reset_ms = match args.at(3).to_ascii_lowercase().as_slice() {
            b"never" => None,
            b"reset" => Some(REPLY_PEAK_RESET_MS),
            number => {
                let ms = text::parse_i64(number).ok_or(CmdError::NOT_INTEGER)?;
                Some(u64::try_from(ms).unwrap_or(0))
            }
        };
    } else {
        return Err(unknown(args.at(1)));
    }
    call.out.ok();
    Ok(Done)
}

fn packed_threshold(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const MAX: u64 = 4 << 30;
    let size = memory::parse(call.args().at(2)).filter(|size| *size <= MAX);
    let size = size.ok_or(CmdError::Fixed(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    srv.conf.list.packed_threshold = (size != 0).then_some(size);
    call.out.ok();
    Ok(Done)
}

fn struct_size(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let text = format!(
        "bits:{} client:{} call:{} server:{} command:{} ",
        usize::BITS,
        size_of::<Client>(),
        size_of::<Call>(),
        size_of::<Server>(),
        size_of::<Command>(),
    );
    call.out.bulk(text.as_bytes());
    Ok(Done)
}

/// Numbers that may be set; anything else of the allocator could be a pointer.
const TUNABLE: [&str; 8] = [
    "epoch",
    "background_thread",
    "max_background_threads",
    "thread.tcache.enabled",
    "arenas.dirty_decay_ms",
    "arenas.muzzy_decay_ms",
    "arena.0.dirty_decay_ms",
    "arena.0.muzzy_decay_ms",
];

const NO_SUCH_KEY: CmdError = CmdError::Fixed("ERR No such file or directory");

fn mallctl(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    let value = match args.get(3) {
        None => None,
        Some(word) => Some(text::parse_i64(word).ok_or(CmdError::NOT_INTEGER)?),
    };
    let name = CString::new(args.at(2)).map_err(|_| NO_SUCH_KEY)?;
    if value.is_some() && !TUNABLE.iter().any(|known| known.as_bytes() == name.as_bytes()) {
        return Err(CmdError::Fixed("ERR Operation not permitted"));
    }
    let number = alloc::tuning_number(&name, value).ok_or(NO_SUCH_KEY)?;
    call.out.int(number);
    Ok(Done)
}

fn mallctl_str(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.args().len() > 3 {
        return Err(CmdError::Fixed("ERR Operation not permitted"));
    }
    let name = CString::new(call.args().at(2)).map_err(|_| NO_SUCH_KEY)?;
    let text = alloc::tuning_text(&name).ok_or(NO_SUCH_KEY)?;
    call.out.bulk(text.as_bytes());
    Ok(Done)
}

/// Random patterns must neither crash the matcher nor keep it busy.
fn stringmatch_test(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const ROUNDS: usize = 10_000;
    let mut word = |max: u64| -> Vec<u8> {
        let len = srv.rng.below(max);
        (0..len).map(|_| b"ab*?[]^-\\\0"[srv.rng.below(10) as usize]).collect()
    };
    for _ in 0..ROUNDS {
        let (pattern, text) = (word(16), word(16));
        std::hint::black_box(glob::matches(&pattern, &text, false));
    }
    call.out.simple("Apparently Redis did not crash: test passed");
    Ok(Done)
}

fn config_rewrite_force_all(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const NO_FILE: CmdError = CmdError::Fixed("ERR CONFIG-REWRITE-FORCE-ALL failed: Bad address");
    if srv.conf.process.config_file.is_none() {
        return Err(NO_FILE);
    }
    write_file(srv, true).map_err(|error| {
        let reason = crate::base::os::os_text(&error);
        CmdError::made(format!("ERR CONFIG-REWRITE-FORCE-ALL failed: {reason}"))
    })?;
    call.out.ok();
    Ok(Done)
}

/// RESTART and CRASH-AND-RECOVER: this process becomes a new server, in good order or not.
fn restart(srv: &mut Box<Server>, call: &mut Call, gracefully: bool) -> CmdResult {
    let wait = match call.args().get(2) {
        None => 0,
        Some(word) => text::parse_i64(word).ok_or(CmdError::NOT_INTEGER)?.max(0),
    };
    let failed = CmdError::Fixed("ERR failed to restart the server. Check server logs.");
    if gracefully {
        if let Err(error) = write_file(srv, false) {
            let reason = crate::base::os::os_text(&error);
            srv.log.warning(format_args!("Can't write the configuration: {reason}"));
        }
        let flags = ShutdownFlags { now: true, ..ShutdownFlags::default() };
        if shutdown::ask(srv, flags, None) == shutdown::Answer::Refused {
            return Err(failed);
        }
    }
    std::thread::sleep(Duration::from_millis(wait as u64));
    // All descriptors are close-on-exec: clients see the end of their connections.
    let error = std::process::Command::new(&srv.process.executable)
        .args(srv.process.argv.iter().skip(1))
        .current_dir(&srv.process.start_dir)
        .exec();
    srv.log.warning(format_args!("Can't start again: {}", crate::base::os::os_text(&error)));
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Guard};
    use crate::server::testing::TestServer;

    fn server() -> TestServer {
        let mut conf = Config::default();
        conf.security.enable_debug_command = Guard::Yes;
        TestServer::with(conf)
    }

    #[test]
    fn samples_of_each_type_in_both_protocols() {
        let mut t = server();
        assert_eq!(t.run("DEBUG PROTOCOL map"), "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
        assert_eq!(t.run("DEBUG PROTOCOL double"), "$5\r\n3.141\r\n");
        assert_eq!(t.run("DEBUG PROTOCOL push"), "-ERR RESP2 is not supported by this command\r\n");
        assert_eq!(
            t.run("DEBUG PROTOCOL attrib"),
            "$39\r\nSome real reply following the attribute\r\n"
        );
        t.run("HELLO 3");
        assert_eq!(t.run("DEBUG PROTOCOL set"), "~3\r\n:0\r\n:1\r\n:2\r\n");
        assert_eq!(t.run("DEBUG PROTOCOL map"), "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
        assert_eq!(
            t.run("DEBUG PROTOCOL push"),
            "$40\r\nSome real reply following the push reply\r\n>2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"
        );
        assert_eq!(
            t.run("DEBUG PROTOCOL attrib"),
            "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n\
             $39\r\nSome real reply following the attribute\r\n"
        );
        assert_eq!(t.run("DEBUG PROTOCOL verbatim"), "=29\r\ntxt:This is a verbatim\nstring\r\n");
    }

    #[test]
    fn switches_read_numbers_leniently() {
        let mut t = server();
        assert_eq!(t.run("DEBUG SET-ACTIVE-EXPIRE 0"), "+OK\r\n");
        assert!(!t.srv.debug.active_expire);
        assert_eq!(t.run("DEBUG set-active-expire 1x"), "+OK\r\n");
        assert!(t.srv.debug.active_expire);
        assert_eq!(t.run("DEBUG REPLYBUFFER PEAK-RESET-TIME never"), "+OK\r\n");
        assert_eq!(t.srv.debug.reply_peak_reset_ms, None);
        assert_eq!(
            t.run("DEBUG REPLYBUFFER PEAK-RESET-TIME abc"),
            "-ERR value is not an integer or out of range\r\n"
        );
        assert_eq!(t.run("DEBUG REPLYBUFFER RESIZING 0"), "+OK\r\n");
        assert!(!t.srv.debug.reply_resizing);
    }

    #[test]
    fn faults_in_the_call_are_named_with_the_subcommand_as_written() {
        let mut t = server();
        for line in ["DEBUG Foo", "DEBUG Foo bar", "DEBUG Help x", "DEBUG SLEEP", "DEBUG SLEEP 0 1"]
        {
            let name = line.split(' ').nth(1).expect("a name");
            let want = format!(
                "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.\r\n"
            );
            assert_eq!(t.run(line), want);
        }
        assert_eq!(t.run("DEBUG ERROR 'MY two\nlines'"), "-MY two lines\r\n");
        assert_eq!(t.run("DEBUG RESTART abc"), "-ERR value is not an integer or out of range\r\n");
        assert_eq!(
            t.run("DEBUG CONFIG-REWRITE-FORCE-ALL"),
            "-ERR CONFIG-REWRITE-FORCE-ALL failed: Bad address\r\n"
        );
    }

    #[test]
    fn a_paused_cron_ticks_no_more() {
        let mut t = server();
        t.run("DEBUG PAUSE-CRON 1");
        let ticks = t.srv.cron.ticks;
        t.advance(Duration::from_secs(1));
        assert_eq!(t.srv.cron.ticks, ticks);
        t.run("DEBUG PAUSE-CRON 0");
        t.advance(Duration::from_secs(1));
        assert!(t.srv.cron.ticks > ticks);
    }

    #[test]
    fn the_allocator_answers_numbers_and_texts() {
        let mut t = server();
        assert!(t.run("DEBUG MALLCTL arenas.narenas").starts_with(':'));
        assert!(t.run("DEBUG MALLCTL-STR version").starts_with('$'));
        assert_eq!(t.run("DEBUG MALLCTL nothing"), "-ERR No such file or directory\r\n");
        assert_eq!(t.run("DEBUG MALLCTL-STR arenas.nbins"), "-ERR No such file or directory\r\n");
        assert_eq!(t.run("DEBUG MALLCTL opt.abort 1"), "-ERR Operation not permitted\r\n");
    }

    #[test]
    fn a_message_reaches_the_log() {
        let mut t = server();
        t.run("DEBUG LOG 'hello world'");
        assert_eq!(t.srv.log.lines()[0].1, "DEBUG LOG: hello world");
    }
}
