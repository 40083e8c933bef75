//! Snapshots of a server: saving to the file and loading from it.
//!
//! ```text
//!   save_file    temp-<pid>.rdb ─► dbfilename        foreground and forked child alike: it only looks at the server
//!   load_file    dbfilename ─► keyspace              clients are served meanwhile, and told that it is loading
//! ```
//!
//! What is said to the log is what tools and test suites wait for.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::load::{self, Checked, Fault, Host, Inserter, LoadError, Rules};
use super::save::{self, Access, Progress};
use super::{Loading, Loads};
use crate::base::files::Files;
use crate::base::os::os_text;
use crate::base::version::COMPAT_VERSION;
use crate::base::{alloc, text};
use crate::command::states::LongWork;
use crate::config::{Config, RdbSaveVersion, RdbVersionCheck};
use crate::ds::hash::HashSeed;
use crate::keyspace::lazyfree::Freeing;
use crate::keyspace::{DbIndex, Entry};
use crate::persist::dismiss::Dismiss;
use crate::persist::file::{NewFile, NotWritten, Step};
use crate::script::functions::commands as libraries;
use crate::server::{Server, turn};

/// The thresholds of the encodings.
pub fn rules(conf: &Config, seed: HashSeed) -> Rules {
    Rules {
        hash: conf.hash_rules(seed),
        list: conf.list_rules(),
        set: conf.set_rules(seed),
        zset: conf.zset_rules(seed),
    }
}

/// What decides how a payload is read.
pub fn payload_options(
    conf: &Config,
    keyspace: &crate::keyspace::Keyspace,
    now: crate::base::clock::UnixMillis,
) -> load::Options {
    load::Options {
        rules: rules(conf, keyspace.seed()),
        databases: keyspace.databases(),
        drop_expired: None,
        now,
        policy: keyspace.tuning.policy,
        checksum: !conf.rdb.checksums_skipped,
        any_version: conf.rdb.version_check == RdbVersionCheck::Relaxed,
        skip_modules: false,
    }
}

/// The version that is written: the lowest that holds the data unless one is pinned.
pub fn version(conf: &Config) -> Option<u16> {
    match conf.rdb.save_version {
        RdbSaveVersion::Auto => None,
        RdbSaveVersion::V10 => Some(10),
        RdbSaveVersion::V11 => Some(11),
        RdbSaveVersion::V12 => Some(12),
        RdbSaveVersion::V80 => Some(80),
    }
}

/// How this server saves.
pub fn save_options(srv: &Server, aof_base: bool) -> save::Options<'_> {
    let access = match srv.conf.memory.policy {
        policy if policy.is_lru() => Access::Idle,
        policy if policy.is_lfu() => Access::Frequency(srv.keyspace.tuning.policy),
        _ => Access::Nothing,
    };
    save::Options {
        version: version(&srv.conf),
        compress: srv.conf.rdb.compression,
        checksum: srv.conf.rdb.checksum,
        access,
        now: srv.clock.now(),
        release: COMPAT_VERSION,
        used_memory: alloc::used() as u64,
        aof_base,
        replication: None,
        functions: srv.script.libraries.codes().collect(),
        key_delay_us: srv.conf.rdb.key_save_delay_us,
        dismiss: Dismiss::default(),
    }
}

/// Writes everything to a file, by way of a temporary one. Looks at the server only, so a forked
/// child may call it; what came of it is for the caller to tell.
pub fn write_file(
    srv: &Server,
    (temp, target): (&Path, &Path),
    options: &save::Options<'_>,
    progress: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Progress, NotWritten> {
    let (disk, incremental) = (&srv.aof.folder.disk, srv.conf.rdb.save_incremental_fsync);
    let mut file = NewFile::create(disk, temp, target, incremental)?;
    let done = save::save(&srv.keyspace, &mut file, options, progress)
        .map_err(NotWritten::at(Step::Write))?;
    file.commit()?;
    Ok(done)
}

/// Tells the log why a snapshot was not written.
pub fn say_not_written(srv: &mut Server, (temp, target): (&Path, &Path), not: &NotWritten) {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (temp, target, home) = (name(temp), name(target), &srv.conf.process.dir);
    let reason = os_text(&not.error);
    let log = &mut srv.log;
    match not.step {
        Step::Open => log.warning(format_args!(
            "Failed opening the temp RDB file {temp} (in server root dir {home}) for saving: {reason}"
        )),
        Step::Write => log.warning(format_args!(
            "Write error while saving DB to the disk(rdbSaveRio): {reason}"
        )),
        Step::Sync => {
            log.warning(format_args!("Write error while saving DB to the disk(fsync): {reason}"));
        }
        Step::Rename => log.warning(format_args!(
            "Error moving temp DB file {temp} on the final destination {target} (in server root dir {home}): {reason}"
        )),
        Step::SyncFolder => {
            log.warning(format_args!("Failed to fsync directory while saving DB: {reason}"));
        }
    }
}

/// Where this process writes a snapshot, and where it then is.
pub fn places(srv: &Server, pid: u32) -> (PathBuf, PathBuf) {
    let home = Path::new(&srv.conf.process.dir);
    (home.join(format!("temp-{pid}.rdb")), home.join(&srv.conf.rdb.filename))
}

/// Saves in the foreground. False: it failed, and the log says why.
pub fn save_file(srv: &mut Server) -> bool {
    let (dirty, now_s) = (srv.keyspace.dirty, srv.clock.now().seconds());
    srv.rdb.saves += 1;
    let (temp, target) = places(srv, srv.process.pid);
    let written = match srv.files {
        Files::Disk => {
            let options = save_options(srv, false);
            write_file(srv, (&temp, &target), &options, &mut |_| Ok(())).map(drop)
        }
        Files::Memory { .. } => {
            let mut bytes = Vec::new();
            let options = save_options(srv, false);
            let saved = save::save(&srv.keyspace, &mut bytes, &options, &mut |_| Ok(()));
            let target = PathBuf::from(&srv.conf.rdb.filename);
            let written = saved.and_then(|_| srv.files.write(&target, &bytes));
            written.map_err(NotWritten::at(Step::Write))
        }
    };
    match written {
        Ok(()) => {
            srv.log.notice(format_args!("DB saved on disk"));
            srv.rdb.saved(dirty, now_s);
            srv.refresh_states();
            true
        }
        Err(not) => {
            say_not_written(srv, (&temp, &target), &not);
            false
        }
    }
}

/// How to take in what a file holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// It is the base of an AOF: what has expired is kept, for the AOF goes on from there.
    pub aof_base: bool,
    /// Keys that are there give way instead of being an error.
    pub merge: bool,
}

/// Why nothing, or not all, was loaded.
#[derive(Debug)]
pub enum NotLoaded {
    /// There is no such file.
    Missing,
    /// It cannot be opened.
    Unopened(io::Error),
    Damaged(LoadError),
    /// The server was told to end meanwhile.
    Stopped,
}

/// Loads a file into the databases, serving clients meanwhile. Returns how many bytes of it were
/// the snapshot.
pub fn load_file(srv: &mut Box<Server>, path: &Path, terms: Terms) -> Result<u64, NotLoaded> {
    let (source, total): (Box<dyn Read>, u64) = match &srv.files {
        Files::Disk => {
            let file = File::open(path).map_err(unopened)?;
            let total = file.metadata().map_err(NotLoaded::Unopened)?.len();
            (Box::new(file), total)
        }
        files => {
            let bytes = files.read(path).map_err(unopened)?;
            let total = bytes.len() as u64;
            (Box::new(Cursor::new(bytes)), total)
        }
    };
    load_from(srv, source, total, terms).map(|loaded| loaded.bytes)
}

fn unopened(error: io::Error) -> NotLoaded {
    match error.kind() {
        ErrorKind::NotFound => NotLoaded::Missing,
        _ => NotLoaded::Unopened(error),
    }
}

/// Loads a snapshot from any source of so many bytes.
pub fn load_from(
    srv: &mut Box<Server>,
    source: Box<dyn Read>,
    total: u64,
    terms: Terms,
) -> Result<load::Loaded, NotLoaded> {
    let options = load::Options {
        drop_expired: (!terms.aof_base && srv.keyspace.expire == crate::keyspace::Expire::Delete)
            .then_some(srv.clock.now()),
        checksum: srv.conf.rdb.checksum && !srv.conf.rdb.checksums_skipped,
        ..payload_options(&srv.conf, &srv.keyspace, srv.clock.now())
    };
    begin(srv, total);
    let inserter = Inserter::new(terms.merge);
    let next_us = srv.clock.mono_us() + BREATH_US;
    let mut host =
        FromSource { srv, source, left: total, inserter, keys: 0, unseen: 0, next_us, noted: 0 };
    let loaded = load::load(&mut host, &options);
    let FromSource { srv, mut inserter, .. } = host;
    let settled = inserter.settle(&mut srv.keyspace);
    let loaded = loaded.and_then(|loaded| match settled {
        Ok(()) => Ok(loaded),
        Err(fault) => {
            let (offset, doing) = (loaded.bytes, load::Doing::ReadValue);
            Err(LoadError { offset, doing, key: None, kind: None, fault })
        }
    });
    finish(srv);
    match loaded {
        _ if srv.stopping => Err(NotLoaded::Stopped),
        Ok(loaded) => {
            srv.rdb.last_load = loaded.loads;
            say_loaded(srv, &loaded);
            Ok(loaded)
        }
        Err(error) => {
            say_failed(srv, &error);
            Err(NotLoaded::Damaged(error))
        }
    }
}

/// From now on clients are told that the server is loading.
pub fn begin(srv: &mut Server, total_bytes: u64) {
    let since_s = srv.clock.now().seconds();
    srv.rdb.loading = Some(Loading { since_s, total_bytes, loaded_bytes: 0, used_memory: 0 });
    srv.rdb.last_load = Loads::default();
    srv.set_long_work(LongWork::Loading);
}

/// Clients are served as ever.
pub fn finish(srv: &mut Server) {
    srv.rdb.loading = None;
    srv.set_long_work(LongWork::None);
}

fn say_loaded(srv: &mut Server, loaded: &load::Loaded) {
    if loaded.checked == Checked::Never && loaded.version >= 5 {
        srv.log
            .notice(format_args!("RDB file was saved with checksum disabled: no check performed."));
    }
    let Loads { keys, expired, empty } = loaded.loads;
    let skipped = if empty > 0 { format!(", empty keys skipped: {empty}") } else { String::new() };
    srv.log.notice(format_args!(
        "Done loading RDB, keys loaded: {keys}, keys expired: {expired}{skipped}."
    ));
}

fn say_failed(srv: &mut Server, error: &LoadError) {
    let LoadError { offset, doing, fault, .. } = error;
    match fault {
        Fault::Version(_) | Fault::Signature | Fault::Checksum(..) => {
            srv.log.warning(format_args!("{fault}"));
        }
        _ => {
            if let Fault::Short = fault {
                srv.log.warning(format_args!(
                    "Short read or OOM loading DB. Unrecoverable error, aborting now."
                ));
            }
            srv.log.warning(format_args!(
                "Internal error in RDB reading offset {offset}, function at {} -> {fault}",
                doing.name()
            ));
        }
    }
}

/// Clients wait no longer than this, in microseconds.
const BREATH_US: u64 = 10_000;

/// After so many keys the clock is looked at.
const KEYS_UNSEEN: u32 = 64;

/// The loader may have so many bytes in its buffer.
const READ_BYTES: u64 = 1 << 20;

/// Log lines about keys without a value.
const EMPTY_LINES_MAX: u32 = 10;

/// A file, and the server that takes it in.
struct FromSource<'s> {
    srv: &'s mut Box<Server>,
    source: Box<dyn Read>,
    left: u64,
    inserter: Inserter,
    keys: u64,
    /// Keys since the clock was looked at.
    unseen: u32,
    /// When clients are to be served again.
    next_us: u64,
    noted: u32,
}

impl FromSource<'_> {
    /// Serves clients if they have waited long enough.
    fn breathe(&mut self) -> io::Result<()> {
        self.unseen = 0;
        if self.srv.clock.mono_us() < self.next_us {
            return Ok(());
        }
        turn::meanwhile(self.srv)?;
        self.next_us = self.srv.clock.mono_us() + BREATH_US;
        if self.srv.stopping { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

impl Host for FromSource<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.breathe()?;
        let n = self.source.read(into)?;
        self.left = self.left.saturating_sub(n as u64);
        if let Some(loading) = &mut self.srv.rdb.loading {
            loading.loaded_bytes += n as u64;
        }
        Ok(n)
    }

    fn left(&self) -> Option<u64> {
        Some(self.left)
    }

    #[inline]
    fn key(&mut self, db: u32, entry: Entry) -> Result<(), Fault> {
        self.inserter.add(&mut self.srv.keyspace, db, entry)?;
        self.keys += 1;
        self.unseen += 1;
        let delay = self.srv.conf.rdb.key_load_delay_us;
        if delay != 0 {
            save::delay(delay, self.keys);
            self.srv.rdb.last_load.keys = self.keys;
            self.breathe().map_err(Fault::Io)?;
        } else if self.unseen >= KEYS_UNSEEN {
            self.srv.rdb.last_load.keys = self.keys;
            self.breathe().map_err(Fault::Io)?;
        }
        Ok(())
    }

    fn expect(&mut self, db: u32, keys: u64, _: u64) {
        // A key has at least three bytes; what is said beyond that is not true.
        let most = (self.left + READ_BYTES) / 3;
        self.srv.keyspace.expect(DbIndex(db), keys.min(most) as usize);
    }

    fn empty(&mut self, key: &[u8]) {
        self.noted += 1;
        if self.noted <= EMPTY_LINES_MAX {
            let key = String::from_utf8_lossy(key);
            self.srv.log.notice(format_args!("RDB load: skipping empty key: {key}"));
        }
    }

    fn aux(&mut self, name: &[u8], value: &[u8], _: u64) -> Result<(), Fault> {
        let shown = String::from_utf8_lossy(value);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let log = &mut self.srv.log;
        if name.first() == Some(&b'%') {
            let name = String::from_utf8_lossy(name);
            log.notice(format_args!("RDB '{name}': {shown}"));
        } else if is("redis-ver") || is("valkey-ver") {
            log.notice(format_args!("Loading RDB produced by version {shown}"));
        } else if is("ctime") {
            self.srv.rdb.created_s = text::parse_i64(value);
            let age = text::parse_i64(value).map_or(0, |at| self.srv.clock.now().seconds() - at);
            log.notice(format_args!("RDB age {} seconds", age.max(0)));
        } else if is("used-mem") {
            let bytes = text::parse_i64(value).unwrap_or(0).max(0) as u64;
            let megabytes = bytes as f64 / (1 << 20) as f64;
            log.notice(format_args!("RDB memory usage when created {megabytes:.2} Mb"));
            if let Some(loading) = &mut self.srv.rdb.loading {
                loading.used_memory = bytes;
            }
        } else if is("aof-base") && value == b"1" {
            log.notice(format_args!("RDB is base AOF"));
        }
        Ok(())
    }

    fn function(&mut self, code: Vec<u8>) -> Result<(), Fault> {
        match libraries::load_code(self.srv, &code, self.inserter.replaces()) {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = String::from_utf8_lossy(error.text()).into_owned();
                self.srv.log.warning(format_args!("Failed creating the library: {reason}"));
                Err(Fault::Corrupt("Failed creating the library".into()))
            }
        }
    }
}

/// Why a snapshot stops the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The log has said it all.
    Said,
    /// The file is damaged: where, the checker can tell.
    Damaged,
}

/// Loads the file that the configuration names, if it is there: a step of the start. Writes its own
/// line of success.
pub fn load_at_start(srv: &mut Box<Server>) -> Result<(), Unfit> {
    let started_us = srv.clock.mono_us();
    let path = PathBuf::from(&srv.conf.rdb.filename);
    match load_file(srv, &path, Terms::default()) {
        Ok(_) => {
            let seconds = Duration::from_micros(srv.clock.mono_us() - started_us).as_secs_f64();
            srv.log.notice(format_args!("DB loaded from disk: {seconds:.3} seconds"));
            Ok(())
        }
        Err(NotLoaded::Missing | NotLoaded::Stopped) => Ok(()),
        Err(NotLoaded::Unopened(error)) => {
            let reason = os_text(&error);
            srv.log.warning(format_args!(
                "Fatal error: can't open the RDB file {} for reading: {reason}",
                path.display()
            ));
            say_fatal(srv)
        }
        Err(NotLoaded::Damaged(error)) => match error.fault {
            Fault::Version(_) | Fault::Signature => say_fatal(srv),
            _ => Err(Unfit::Damaged),
        },
    }
}

fn say_fatal(srv: &mut Server) -> Result<(), Unfit> {
    srv.log.warning(format_args!("Fatal error loading the DB, check server logs. Exiting."));
    Err(Unfit::Said)
}

/// Empties all databases.
pub fn empty(srv: &mut Server) {
    for index in 0..srv.keyspace.databases() {
        srv.keyspace.flush(DbIndex(index), Freeing::Here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Guard;
    use crate::server::testing::TestServer;

    fn server() -> TestServer {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = Guard::Yes;
        t.run("MSET a 1 b 2");
        t.run("HSET h f v");
        t
    }

    fn logged(t: &TestServer, text: &str) -> bool {
        t.srv.log.lines().iter().any(|(_, line)| line.contains(text))
    }

    #[test]
    fn a_snapshot_is_saved_and_loaded_at_the_next_start() {
        let mut t = server();
        t.advance(Duration::from_secs(5));
        assert!(t.run("INFO persistence").contains("rdb_changes_since_last_save:3\r\n"));
        assert_eq!(t.run("SAVE"), "+OK\r\n");
        assert_eq!(t.run("LASTSAVE"), ":1700000005\r\n");
        let info = t.run("INFO persistence");
        assert!(info.contains("rdb_changes_since_last_save:0\r\n") && info.contains("rdb_saves:1"));
        let mut next = TestServer::new();
        next.srv.files.write(Path::new("dump.rdb"), &[]).expect("memory");
        assert_eq!(load_at_start(&mut next.srv), Err(Unfit::Damaged), "an empty file is none");
        let bytes = t.srv.files.read(Path::new("dump.rdb")).expect("saved");
        next.srv.files.write(Path::new("dump.rdb"), &bytes).expect("memory");
        assert_eq!(load_at_start(&mut next.srv), Ok(()));
        assert_eq!(next.run("GET b"), "$1\r\n2\r\n");
        assert!(logged(&next, "Done loading RDB, keys loaded: 3, keys expired: 0."));
        assert!(logged(&next, "DB loaded from disk: "));
        assert!(next.run("INFO persistence").contains("rdb_last_load_keys_loaded:3\r\n"));
        assert_eq!(load_at_start(&mut TestServer::new().srv), Ok(()), "no file is no failure");
    }

    #[test]
    fn a_failed_save_is_told() {
        let mut t = server();
        let Files::Memory { failing, .. } = &mut t.srv.files else { panic!("a test's files") };
        *failing = true;
        assert_eq!(t.run("SAVE"), "-ERR\r\n");
        assert!(logged(&t, "Write error while saving DB to the disk"));
        assert!(t.run("INFO persistence").contains("rdb_changes_since_last_save:3\r\n"));
        assert!(t.run("SHUTDOWN SAVE").starts_with("-ERR Errors trying to SHUTDOWN."));
    }

    #[test]
    fn data_are_reloaded_and_merged() {
        let mut t = server();
        let digest = t.run("DEBUG DIGEST");
        assert_eq!(t.run("DEBUG RELOAD"), "+OK\r\n");
        assert_eq!(t.run("DEBUG DIGEST"), digest);
        t.run("SET a other");
        assert!(t.run("DEBUG RELOAD NOSAVE NOFLUSH").starts_with("-ERR Error trying to load"));
        assert!(logged(&t, "RDB has duplicated key"));
        t.run("SET a other");
        t.run("SET c new");
        assert_eq!(t.run("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "+OK\r\n");
        assert_eq!((t.run("GET a"), t.run("EXISTS c")), ("$1\r\n1\r\n".into(), ":1\r\n".into()));
        assert_eq!(t.run("DEBUG RELOAD NOSAVE"), "+OK\r\n");
        assert_eq!(t.run("DEBUG DIGEST"), digest);
        assert!(t.run("DEBUG RELOAD SLOWLY").starts_with("-ERR DEBUG RELOAD only supports"));
    }

    #[test]
    fn libraries_give_way_to_those_of_a_file_that_is_merged() {
        let mut t = server();
        for answer in [1, 2] {
            let body = format!("server.register_function('f', function() return {answer} end)");
            let library = format!("FUNCTION LOAD REPLACE \"#!lua name=l\\n{body}\"");
            assert_eq!(t.run(&library), "$1\r\nl\r\n");
            if answer == 1 {
                t.run("SAVE");
            }
        }
        assert!(t.run("DEBUG RELOAD NOSAVE NOFLUSH").starts_with("-ERR Error trying to load"));
        assert!(logged(&t, "Library 'l' already exists"));
        assert_eq!(t.run("FCALL f 0"), ":2\r\n");
        assert_eq!(t.run("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "+OK\r\n");
        assert_eq!(t.run("FCALL f 0"), ":1\r\n");
    }

    #[test]
    fn flushed_data_do_not_come_back() {
        let mut t = server();
        t.run("SAVE");
        assert_eq!(t.run("FLUSHALL NOW"), "-ERR syntax error\r\n");
        assert_eq!(t.run("FLUSHALL"), "+OK\r\n");
        assert_eq!(t.run("DEBUG RELOAD NOSAVE"), "+OK\r\n");
        assert_eq!(t.run("DBSIZE"), ":0\r\n");
        // Without save points the file stays as it is.
        t.run("CONFIG SET save ''");
        t.run("SET a 1");
        t.run("SAVE");
        t.run("FLUSHALL");
        assert_eq!(t.run("DEBUG RELOAD NOSAVE"), "+OK\r\n");
        assert_eq!(t.run("DBSIZE"), ":1\r\n");
    }

    /// The source looks at what clients are told while it gives its bytes.
    #[test]
    fn clients_hear_that_the_server_is_loading() {
        let mut t = server();
        t.run("SAVE");
        let bytes = t.srv.files.read(Path::new("dump.rdb")).expect("saved");
        empty(&mut t.srv);
        begin(&mut t.srv, bytes.len() as u64);
        assert!(t.run("GET a").starts_with("-LOADING"));
        let info = t.run("INFO persistence");
        assert!(info.contains("loading:1\r\n") && info.contains("loading_eta_seconds:1\r\n"));
        assert!(info.contains(&format!("loading_total_bytes:{}\r\n", bytes.len())));
        finish(&mut t.srv);
        assert_eq!(t.run("GET a"), "$-1\r\n");
        let source = Box::new(Cursor::new(bytes.clone()));
        let loaded = load_from(&mut t.srv, source, bytes.len() as u64, Terms::default());
        assert_eq!(loaded.expect("loads").bytes, bytes.len() as u64);
        assert!(!t.run("INFO persistence").contains("loading_total_bytes"));
    }

    #[test]
    fn a_pinned_version_that_cannot_hold_the_data_is_an_error() {
        let mut t = server();
        assert_eq!(t.run("CONFIG SET rdb-save-version 11"), "+OK\r\n");
        assert_eq!(t.run("SAVE"), "+OK\r\n");
        let bytes = t.srv.files.read(Path::new("dump.rdb")).expect("saved");
        assert_eq!(&bytes[..9], b"REDIS0011");
        t.run("HEXPIRE h 100 FIELDS 1 f");
        assert_eq!(t.run("SAVE"), "-ERR\r\n");
        assert!(t.run("DUMP h").starts_with("-ERR the pinned version"));
        t.run("CONFIG SET rdb-save-version auto");
        assert_eq!(t.run("SAVE"), "+OK\r\n");
        let bytes = t.srv.files.read(Path::new("dump.rdb")).expect("saved");
        assert_eq!(&bytes[..9], b"REDIS0012");
    }

    /// Commands that walk through a value, and then change it.
    fn use_all(t: &mut TestServer) {
        let mut names = vec![];
        for index in 0..16 {
            let keys = t.srv.keyspace.db(DbIndex(index)).keys.iter();
            names.extend(keys.map(|e| (index, e.key().to_vec(), e.value_type())));
        }
        for (index, key, of) in names {
            t.run(&format!("SELECT {index}"));
            let key: String = key.iter().map(|b| format!("\\x{b:02x}")).collect();
            let lines: &[&str] = match of.name() {
                "string" => &["GET K", "APPEND K x", "INCR K"],
                "list" => &[
                    "LRANGE K 0 -1",
                    "LPUSH K a",
                    "LINSERT K BEFORE a b",
                    "LREM K 0 b",
                    "RPOP K 3",
                ],
                "set" => &["SMEMBERS K", "SADD K a 1 70000", "SREM K a", "SPOP K 2", "SINTER K K"],
                "zset" => &["ZRANGE K 0 -1 WITHSCORES", "ZADD K 1.5 a", "ZRANK K a", "ZPOPMIN K 2"],
                "hash" => &[
                    "HGETALL K",
                    "HSET K a b",
                    "HEXPIRE K 100 FIELDS 1 a",
                    "HDEL K a n x",
                    "HLEN K",
                ],
                _ => &[
                    "XRANGE K - +",
                    "XREVRANGE K + -",
                    "XINFO STREAM K FULL",
                    "XADD K * a b",
                    "XREADGROUP GROUP g1 me COUNT 3 STREAMS K >",
                    "XPENDING K g1 - + 10",
                    "XAUTOCLAIM K g1 me 0 0",
                    "XTRIM K MAXLEN 1",
                ],
            };
            for line in lines {
                t.run(&line.replacen('K', &format!("\"{key}\""), 1));
            }
            t.run(&format!("DUMP \"{key}\""));
            t.run(&format!("EXPIRE \"{key}\" 10"));
        }
        t.advance(Duration::from_secs(11));
        t.run("DEBUG DIGEST");
    }

    /// Whatever damage is believed, since it makes sense, is served and changed without harm.
    #[test]
    fn damaged_snapshots_that_are_loaded_can_be_used() {
        const FILES: [&[u8]; 2] = [
            include_bytes!("../../../tests/golden/rdb/redis-8.2.3.rdb"),
            include_bytes!("../../../tests/golden/rdb/valkey-9.1.rdb"),
        ];
        let mut rng = crate::base::rng::Rng::from_seed(7);
        let mut loaded = 0;
        for round in 0..400 {
            let mut bytes = FILES[round % 2].to_vec();
            for _ in 0..=rng.next_u64() % 3 {
                let at = 9 + (rng.next_u64() % (bytes.len() as u64 - 17)) as usize;
                bytes[at] = match rng.next_u64() % 3 {
                    0 => rng.next_u64() as u8,
                    1 => bytes[at].wrapping_add(1),
                    _ => bytes[at] ^ (1 << (rng.next_u64() % 8)),
                };
            }
            let mut t = TestServer::new();
            t.srv.conf.security.enable_debug_command = Guard::Yes;
            t.srv.conf.rdb.checksums_skipped = true;
            let source = Box::new(Cursor::new(bytes.clone()));
            if load_from(&mut t.srv, source, bytes.len() as u64, Terms::default()).is_ok() {
                loaded += 1;
                use_all(&mut t);
            }
        }
        assert!(loaded > 40, "{loaded}");
    }

    #[test]
    fn libraries_of_functions_travel_with_the_data() {
        let mut t = server();
        let code = "#!lua name=lib\\nserver.register_function('twice', function(k, a) return 2 * a[1] end)";
        assert_eq!(t.run(&format!("FUNCTION LOAD \"{code}\"")), "$3\r\nlib\r\n");
        assert_eq!(t.run("DEBUG RELOAD"), "+OK\r\n");
        assert_eq!(t.run("FCALL twice 0 21"), ":42\r\n");
        t.run("FUNCTION FLUSH");
        assert_eq!(t.run("DEBUG RELOAD NOSAVE"), "+OK\r\n");
        assert_eq!(t.run("FCALL twice 0 21"), ":42\r\n");
        assert!(t.run("DEBUG RELOAD NOSAVE MERGE").starts_with("+OK"));
    }

    /// Files that other servers have written, and the digests that they gave themselves: see
    /// `tests/helpers/golden_rdb.tcl`.
    #[test]
    fn snapshots_of_other_servers_are_loaded_as_they_meant_them() {
        const FILES: [(&str, &[u8]); 3] = [
            ("redis-7.0.15", include_bytes!("../../../tests/golden/rdb/redis-7.0.15.rdb")),
            ("redis-8.2.3", include_bytes!("../../../tests/golden/rdb/redis-8.2.3.rdb")),
            ("valkey-9.1", include_bytes!("../../../tests/golden/rdb/valkey-9.1.rdb")),
        ];
        let digests = include_str!("../../../tests/golden/rdb/digests.tsv");
        for (name, bytes) in FILES {
            let mut t = TestServer::new();
            t.srv.conf.security.enable_debug_command = Guard::Yes;
            let source = Box::new(Cursor::new(bytes));
            let loaded = load_from(&mut t.srv, source, bytes.len() as u64, Terms::default());
            let loaded = loaded.expect("it is whole");
            assert_eq!((loaded.checked, loaded.bytes), (Checked::Good, bytes.len() as u64));
            let code = t.srv.script.libraries.codes().next().expect("a library");
            assert!(code.starts_with(b"#!lua name=lib\n"), "{name}");
            if name != "redis-7.0.15" {
                let deadlines = "*3\r\n:-1\r\n:4102444800000\r\n:4102444800005\r\n";
                assert_eq!(t.run("HPEXPIRETIME fields FIELDS 3 f n x"), deadlines, "{name}");
            }
            assert_eq!(t.run("PEXPIRETIME volatile"), ":4102444800000\r\n");
            assert!(t.run("XINFO CONSUMERS stream g1").contains("c1"));
            for (key, encoding) in
                [("intset64", "intset"), ("set", "listpack"), ("4711", "embstr"), ("int", "int")]
            {
                assert!(
                    t.run(&format!("OBJECT ENCODING {key}")).contains(encoding),
                    "{name} {key}"
                );
            }
            t.run("DEL fields fields-table");
            let row = digests.lines().find_map(|line| line.strip_prefix(name)).expect("a row");
            assert_eq!(t.run("DEBUG DIGEST"), format!("+{}\r\n", row.trim()), "{name}");
        }
    }
}
