//! Starting a server, step by step.
//!
//! ```text
//!   arguments ─► configuration ─► dir, log ─► supervisor ─► background ─► signals, crash reports
//!                                                                            │
//!   loop ◄─ ready ◄─ sockets ◄─ title, pid file ◄─ open files ◄─ server ◄────┘
//! ```
//!
//! The order matters: going into the background must come before the poll is made, and the working
//! directory before every relative path. Lines of the log and exit codes are the reference's, since
//! service managers and test suites wait for them.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::affinity;
use crate::base::alloc;
use crate::base::clock::Clock;
use crate::base::files::Files;
use crate::base::os::os_text;
use crate::base::rng::Rng;
use crate::base::version::COMPAT_VERSION;
use crate::check::rdb as check;
use crate::command::lookup::Commands;
use crate::config::later;
use crate::config::parse::{self, ConfigError, Startup};
use crate::config::{Config, NetConfig, Supervised};
use crate::net::listener::{BindError, Listener, ListenerKind};
use crate::net::reactor::Reactor;
use crate::net::token::Source;
use crate::observe::requests::RequestLog;
use crate::persist::aof::start::driver as start;
use crate::persist::aof::start::moment;
use crate::persist::rdb::driver::{self as rdb, Unfit};
use crate::process::crash;
use crate::process::log::{Log, Role};
use crate::process::signals::Bell;
use crate::process::title::{self, TitleArea};
use crate::process::watchdog;
use crate::process::{daemon, limits, oom, supervise};
use crate::server::apply;
use crate::server::{Server, table, turn};

/// Why the process ends with code 1. What there is to say has been said to the log unless it stands
/// here.
#[derive(Debug)]
pub enum Fatal {
    /// For the standard error.
    Say(Vec<u8>),
    Said,
}

/// Runs a server from its command line to its end.
pub fn serve(argv: &[OsString]) -> Result<(), Fatal> {
    let (argv, until_s) = as_of(argv)?;
    let argv = argv.as_slice();
    let startup = configure(argv)?;
    let commands = renamed_commands(&startup)?;
    let mut rng = Rng::from_system();
    let clock = Clock::real();
    let mut process = super::Process::new(&mut rng, clock.now().seconds());
    process.called_as(argv);
    let mut conf = enter(startup.config.clone(), &startup)?;
    let mut log = Log::new(&conf.log);

    limits::warn_of_overcommit(&mut log);
    process.supervised = supervise::begin(conf.process.supervised, &mut log);
    if conf.process.daemonize && process.supervised == Supervised::No {
        daemon::detach().map_err(|_| Fatal::Said)?;
        process.pid = std::process::id();
        log.moved_to(process.pid);
    }
    announce(&mut log, argv, process.pid);
    warn_of_no_effect(&mut log, &startup);

    let bell = Bell::install().map_err(|error| cannot("install signal handlers", &error))?;
    crash::install();
    crash::enable(conf.process.crash_log_enabled);
    log.role = Role::Primary;
    conf.net.maxclients =
        limits::raise_open_files(conf.net.maxclients, &mut log).map_err(|_| Fatal::Said)?;
    log.notice(format_args!("monotonic clock: POSIX clock_gettime"));
    let reactor = Reactor::mio().map_err(|error| cannot("create the event poll", &error))?;
    if let Some(file) = &startup.file {
        process.config_file = file.display().to_string();
    }
    let mut srv = Server::new(conf, clock, rng, Files::Disk, reactor);
    srv.log = log;
    srv.process = process;
    srv.commands = commands;
    srv.requests = RequestLog::open(&srv.conf.log.requests_file)
        .map_err(|error| cannot("open req-res-logfile", &error))?;
    bell.watch_by(&srv.net.reactor).map_err(|error| cannot("watch for signals", &error))?;
    srv.bell = Some(bell);
    make_ready(&mut srv, until_s)?;
    crash::watched(&mut srv, turn::run).map_err(|error| cannot("wait for events", &error))?;
    if srv.aof.is_broken { Err(Fatal::Said) } else { Ok(()) }
}

/// Takes `--restore-to <moment>` off the command line: it is no option, since it is for one start.
fn as_of(argv: &[OsString]) -> Result<(Vec<OsString>, Option<i64>), Fatal> {
    let mut argv = argv.to_vec();
    let Some(at) = argv.iter().position(|word| word.as_bytes() == b"--restore-to") else {
        return Ok((argv, None));
    };
    let words: Vec<_> = argv.drain(at..argv.len().min(at + 2)).collect();
    let text = words.get(1).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    match moment::parse(&text) {
        Some(second) => Ok((argv, Some(second))),
        None => {
            let text = format!(
                "--restore-to needs a moment: Unix seconds, or ISO 8601 as in 2026-11-26T01:40:53Z (without the Z: local \
                 time). This is none: '{text}'\n"
            );
            Err(Fatal::Say(text.into_bytes()))
        }
    }
}

/// Loads what was kept, and opens what will be written.
fn load_data(srv: &mut Box<Server>, until_s: Option<i64>) -> Result<(), Fatal> {
    if srv.conf.aof.enabled {
        return match start::start(srv, until_s) {
            // Somebody has asked for the end meanwhile.
            Err(_) if srv.stopping => Ok(()),
            other => other.map_err(|_| Fatal::Said),
        };
    }
    if until_s.is_some() {
        srv.log.warning(format_args!(
            "--restore-to needs an append-only file: set 'appendonly' to yes. Nothing was changed."
        ));
        return Err(Fatal::Said);
    }
    rdb::load_at_start(srv).map_err(|unfit| {
        if unfit == Unfit::Damaged {
            show_damage(srv);
        }
        Fatal::Said
    })
}

/// Shows on the standard output what is wrong with a snapshot and where, as the checker sees it.
fn show_damage(srv: &mut Server) {
    if let Files::Disk = srv.files {
        let path = PathBuf::from(&srv.conf.rdb.filename);
        let _ = check::check(&path, &mut io::stdout());
    }
    srv.log.warning(format_args!("Terminating server after rdb file reading failure."));
}

fn cannot(what: &str, error: &io::Error) -> Fatal {
    Fatal::Say(format!("Can't {what}: {}\n", os_text(error)).into_bytes())
}

/// Reads the configuration from file, standard input and arguments.
fn configure(argv: &[OsString]) -> Result<Startup, Fatal> {
    let args: Vec<Vec<u8>> = argv.iter().skip(1).map(|a| a.as_bytes().to_vec()).collect();
    let mut read = |path: &Path| match path.as_os_str().as_bytes() {
        b"-" => io::read_to_string(io::stdin()).map(String::into_bytes),
        _ => std::fs::read(path),
    };
    parse::startup(&args, false, &mut read).map_err(|error| refuse(&error))
}

fn refuse(error: &ConfigError) -> Fatal {
    if let ConfigError::Open { .. } = error {
        // There is no configuration, so the log is the default one.
        let text = error.print(COMPAT_VERSION);
        let mut log = Log::new(&Config::default().log);
        log.warning(format_args!("{}", String::from_utf8_lossy(&text)));
        return Fatal::Said;
    }
    Fatal::Say(error.print(COMPAT_VERSION))
}

/// Goes to the working directory and tries the log, both of which the configuration may have wrong.
fn enter(mut conf: Config, startup: &Startup) -> Result<Config, Fatal> {
    std::env::set_current_dir(&conf.process.dir)
        .map_err(|error| refuse(&startup.blame("dir", &os_text(&error))))?;
    if let Ok(dir) = std::env::current_dir() {
        conf.process.dir = dir.to_string_lossy().into_owned();
    }
    if !conf.log.file.is_empty() {
        let opened = std::fs::File::options().append(true).create(true).open(&conf.log.file);
        opened.map_err(|error| {
            let reason = format!("Can't open the log file: {}", os_text(&error));
            refuse(&ConfigError::Whole { reason })
        })?;
    }
    if let Some(module) = startup.modules.first() {
        let reason = "modules are not supported by this server".to_owned();
        return Err(refuse(&ConfigError::Line { origin: module.origin.clone(), reason }));
    }
    Ok(conf)
}

/// The first lines.
fn announce(log: &mut Log, argv: &[OsString], pid: u32) {
    log.notice(format_args!("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"));
    log.notice(format_args!(
        "Redis version={COMPAT_VERSION}, bits={}, commit=00000000, modified=0, pid={pid}, just started",
        usize::BITS
    ));
    if let [program] = argv {
        log.warning(format_args!(
            "Warning: no config file specified, using the default config. In order to specify a config file use {} \
             /path/to/redis.conf",
            program.display()
        ));
    } else {
        log.notice(format_args!("Configuration loaded"));
    }
}

/// Tells of what the configuration asks for and does not get.
fn warn_of_no_effect(log: &mut Log, startup: &Startup) {
    for name in &startup.retired {
        log.warning(format_args!("'{name}' is retired: it is passed over"));
    }
    let ineffective = later::ineffective(&startup.config);
    if !ineffective.is_empty() {
        log.warning(format_args!("Parameters without effect: {}", ineffective.join(", ")));
    }
}

/// The commands under the names that the configuration gives them.
fn renamed_commands(startup: &Startup) -> Result<Commands, Fatal> {
    let mut commands = Commands::of(table::COMMANDS);
    for line in &startup.renames {
        if let [_, from, to] = line.words.as_slice() {
            commands.rename(from, to).map_err(|reason| {
                let (origin, reason) = (line.origin.clone(), reason.to_owned());
                refuse(&ConfigError::Line { origin, reason })
            })?;
        }
    }
    Ok(commands)
}

/// Everything between a server that exists and one that serves.
fn make_ready(srv: &mut Box<Server>, until_s: Option<i64>) -> Result<(), Fatal> {
    if srv.conf.process.set_proc_title {
        srv.title = TitleArea::claim();
        show_title(srv);
    }
    let Server { process, conf, files, log, .. } = &mut **srv;
    process.write_pidfile(&conf.process, files, log);
    show_logo(srv);
    limits::warn_of_backlog(srv.conf.net.tcp_backlog, &mut srv.log);
    open_sockets(srv)?;
    start_helpers(srv)?;
    srv.log.notice(format_args!("Server initialized"));
    let Server { oom, conf, files, log, .. } = &mut **srv;
    // Refused: said in the log, and no reason to stop.
    let _ = oom.apply(&conf.process, oom::OomRole::Primary, files, log);
    limits::settle_huge_pages(conf.process.disable_thp, log);
    load_data(srv, until_s)?;
    for (kind, is_tcp) in [("tcp", true), ("unix", false)] {
        if srv.net.listeners.iter().any(|listener| listener.is_tcp() == is_tcp) {
            srv.log.notice(format_args!("Ready to accept connections {kind}"));
        }
    }
    if srv.process.supervised == Supervised::Systemd {
        supervise::notify("STATUS=Ready to accept connections\n", &mut srv.log);
        supervise::notify("READY=1\n", &mut srv.log);
    }
    Ok(())
}

/// Starts the threads that free memory. They come after the last fork of the start-up.
fn start_helpers(srv: &mut Server) -> Result<(), Fatal> {
    alloc::background_threads(srv.conf.memory.jemalloc_bg_thread);
    alloc::mark_startup();
    let cpus = &srv.conf.process.bio_cpulist.clone();
    srv.aof.bio.start(cpus).map_err(|error| cannot("start the thread for files", &error))?;
    watchdog::start(cpus).map_err(|error| cannot("start the watchdog thread", &error))?;
    apply::watch_loop(srv);
    let freeing = srv.keyspace.lazyfree.start(cpus, srv.net.reactor.waker());
    freeing.map_err(|error| cannot("start the lazy free thread", &error))?;
    // Last, for threads begin where the one may run that starts them.
    affinity::bind(&srv.conf.process.server_cpulist);
    Ok(())
}

/// Shows the title that the configuration asks for, at the start and when it changes.
pub fn show_title(srv: &mut Server) {
    let Server { title, conf, process, .. } = srv;
    let program = process.argv.first().map_or("redis-server".into(), |p| p.to_string_lossy());
    if let (Some(area), Some(text)) = (title, title::expand(conf, &program, &process.config_file)) {
        area.write(&text);
    }
}

fn open_sockets(srv: &mut Server) -> Result<(), Fatal> {
    let net = &srv.conf.net;
    let has_tcp = net.port != 0 && !net.bind.is_empty();
    if !has_tcp && net.unixsocket.is_empty() {
        srv.log.warning(format_args!("Configured to not listen anywhere, exiting."));
        return Err(Fatal::Said);
    }
    let Err(failed) = listen(srv) else {
        return Ok(());
    };
    // What was opened before the failure leaves no socket file behind.
    for listener in srv.net.listeners.drain(..) {
        if let ListenerKind::Unix { path, .. } = &listener.kind {
            let _ = std::fs::remove_file(path);
        }
    }
    match failed.port {
        0 => srv
            .log
            .warning(format_args!("Failed opening Unix socket: bind: {}", os_text(&failed.error))),
        port => srv.log.warning(format_args!("Failed listening on port {port} (tcp), aborting.")),
    }
    Err(Fatal::Said)
}

/// The mode and the port: a picture for people, a line for logs.
fn show_logo(srv: &mut Server) {
    let Server { log, conf, process, .. } = srv;
    let (mode, port, pid) = ("standalone", conf.net.port, process.pid);
    let for_people = log.is_stdout() && !conf.log.syslog_enabled && io::stdout().is_terminal();
    if !conf.log.always_show_logo && !for_people {
        log.notice(format_args!("Running mode={mode}, port={port}."));
        return;
    }
    let version = env!("CARGO_PKG_VERSION");
    log.raw(&format!(
        "\n\
         \x20     ______\n\
         \x20    /\\    /\\       Hematite {version}, speaking Redis {COMPAT_VERSION}, {} bit\n\
         \x20   /  \\  /  \\\n\
         \x20  /____\\/____\\     Running in {mode} mode\n\
         \x20  \\    /\\    /     Port: {port}\n\
         \x20   \\  /  \\  /      PID: {pid}\n\
         \x20    \\/____\\/\n\n",
        usize::BITS
    ));
}

/// Opens every socket the configuration asks for.
pub fn listen(srv: &mut Server) -> Result<(), BindError> {
    let Server { net, conf, log, .. } = srv;
    let mut listeners = vec![];
    if conf.net.port != 0 {
        listeners =
            Listener::bind_all(&conf.net.bind, conf.net.port, conf.net.tcp_backlog, |failed| {
                warn_of_bind(failed, log);
            })?;
    }
    if !conf.net.unixsocket.is_empty() {
        let path = Path::new(&conf.net.unixsocket);
        let NetConfig { unixsocketgroup: group, unixsocketperm: mode, .. } = &conf.net;
        let listener = Listener::bind_unix(path, group, *mode, conf.net.tcp_backlog)
            .map_err(|error| BindError { address: conf.net.unixsocket.clone(), port: 0, error })?;
        listeners.push(listener);
    }
    for (index, listener) in listeners.iter_mut().enumerate() {
        listener
            .register(&net.reactor, Source::Listener(index as u32))
            .map_err(|error| BindError { address: String::new(), port: conf.net.port, error })?;
    }
    net.listeners = listeners;
    Ok(())
}

fn warn_of_bind(failed: &BindError, log: &mut Log) {
    let BindError { address, port, error } = failed;
    log.warning(format_args!(
        "Warning: Could not create server TCP listening socket {address}:{port}: bind: {}",
        os_text(error)
    ));
}

/// Opens the TCP sockets anew, after `bind` or `port` changed. The old ones are closed first, since
/// addresses may recur; the unix socket stays. On error there are none: the caller lays the old
/// configuration back and calls again.
pub fn listen_again(srv: &mut Server) -> Result<(), BindError> {
    let Server { net, conf, log, .. } = srv;
    if matches!(net.reactor, Reactor::Simulated { .. }) {
        return Ok(());
    }
    let failed = |error| BindError { address: String::new(), port: conf.net.port, error };
    for listener in &mut net.listeners {
        listener.deregister(&net.reactor).map_err(failed)?;
    }
    net.listeners.retain(|listener| !listener.is_tcp());
    let mut opened = Ok(vec![]);
    if conf.net.port != 0 {
        let (addresses, port, backlog) = (&conf.net.bind, conf.net.port, conf.net.tcp_backlog);
        opened = Listener::bind_all(addresses, port, backlog, |failed| warn_of_bind(failed, log));
    }
    let (opened, verdict) = match opened {
        Ok(opened) => (opened, Ok(())),
        Err(error) => (vec![], Err(error)),
    };
    net.listeners.extend(opened);
    for (index, listener) in net.listeners.iter_mut().enumerate() {
        listener.register(&net.reactor, Source::Listener(index as u32)).map_err(failed)?;
    }
    verdict
}
