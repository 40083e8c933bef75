//! Loading the append-only file: its commands are run again, in order, as if a client sent them
//! that nobody hears.
//!
//! ```text
//!   manifest ─► base (a snapshot or commands) ─► increments ─► the last one may end inside a command: cut off
//! ```
//!
//! Clients are served meanwhile, and told that data are being loaded. What is queued by MULTI runs
//! when its EXEC comes; if that never comes, the whole transaction is cut off, whatever it ends in.
//! Keys whose time is over are kept: their DEL comes when it came, and what was done to them before
//! was done while they lived.

use std::fs::File;

use super::super::manifest::{Kind, Part};
use super::super::reader::{Flaw, Item, Reader};
use super::is_snapshot;
use crate::base::os::os_text;
use crate::command::effects::Readers;
use crate::command::states::LongWork;
use crate::command::{Call, Origin, special};
use crate::keyspace::Expire;
use crate::persist::rdb::Loading;
use crate::persist::rdb::driver as rdb;
use crate::resp::request::queue::Queue;
use crate::server::exec::{self, Unfit};
use crate::server::{Server, serve, turn};

/// The files cannot be loaded. Why has been said to the log.
#[derive(Debug)]
pub struct Fatal;

/// What a load came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Bytes of all files as they are now.
    pub bytes: u64,
    /// The second before which everything was loaded and after which nothing was: loading stopped
    /// at a moment.
    pub stopped_at: Option<i64>,
    /// Some annotation of time was met.
    pub is_stamped: bool,
    /// Commands of increments.
    pub increments: u64,
}

/// A file under way.
struct Under<'a> {
    name: &'a str,
    is_last: bool,
    /// Bytes of the files before it.
    before: u64,
    /// Loading ends with this second.
    until_s: Option<i64>,
}

/// Loads what the manifest names. With `until_s` only what was written up to that second.
pub fn load(srv: &mut Box<Server>, until_s: Option<i64>) -> Result<Loaded, Fatal> {
    let parts: Vec<Part> = srv.aof.manifest.live().cloned().collect();
    let mut total = 0;
    for part in &parts {
        let size = srv.aof.folder.size(&part.name);
        total += size.map_err(|error| {
            srv.log.warning(format_args!(
                "Unable to obtain the AOF file {} length. stat: {}",
                String::from_utf8_lossy(&part.name),
                os_text(&error)
            ));
            Fatal
        })?;
    }
    if total == 0 {
        return Ok(Loaded::default());
    }
    let began_us = srv.clock.mono_us();
    begin(srv, total);
    // What a script does is told by the calls inside it: here nobody may hear of it, and it counts
    // as no change.
    let (readers, accounted) = (srv.unit.readers(), srv.unit.accounted);
    srv.unit.set_readers(Readers::default());
    let loaded = load_parts(srv, &parts, until_s);
    srv.unit.set_readers(readers);
    srv.unit.accounted = accounted;
    end(srv);
    if loaded.is_ok() {
        let seconds = (srv.clock.mono_us() - began_us) as f64 / 1e6;
        srv.log.notice(format_args!("DB loaded from append only file: {seconds:.3} seconds"));
    }
    loaded
}

fn begin(srv: &mut Box<Server>, total_bytes: u64) {
    let since_s = srv.clock.now().seconds();
    srv.rdb.loading = Some(Loading { since_s, total_bytes, ..Loading::default() });
    srv.keyspace.expire = Expire::Ignore;
    srv.set_long_work(LongWork::Loading);
}

fn end(srv: &mut Box<Server>) {
    srv.rdb.loading = None;
    srv.keyspace.expire = Expire::Delete;
    srv.keyspace.deleted.clear();
    srv.set_long_work(LongWork::None);
}

fn load_parts(
    srv: &mut Box<Server>,
    parts: &[Part],
    until_s: Option<i64>,
) -> Result<Loaded, Fatal> {
    let mut loaded = Loaded::default();
    for (index, part) in parts.iter().enumerate() {
        let name = String::from_utf8_lossy(&part.name).into_owned();
        let began_us = srv.clock.mono_us();
        // What was begun and never written to does not count: the manifest may be ahead of its
        // files.
        let is_empty = |part: &Part| srv.aof.folder.size(&part.name).is_ok_and(|size| size == 0);
        let is_last = parts[index + 1..].iter().all(is_empty);
        let under = Under { name: &name, is_last, before: loaded.bytes, until_s };
        let found = load_part(srv, part, &under)?;
        loaded.is_stamped |= found.is_stamped;
        loaded.increments += if part.kind == Kind::Base { 0 } else { found.commands };
        loaded.bytes += srv.aof.folder.size(&part.name).unwrap_or(0);
        let kind = if part.kind == Kind::Base { "base" } else { "incr" };
        let seconds = (srv.clock.mono_us() - began_us) as f64 / 1e6;
        srv.log.notice(format_args!("DB loaded from {kind} file {name}: {seconds:.3} seconds"));
        if found.stopped_at.is_some() {
            return Ok(Loaded { stopped_at: found.stopped_at, ..loaded });
        }
    }
    Ok(loaded)
}

/// What a file has held.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    stopped_at: Option<i64>,
    is_stamped: bool,
    commands: u64,
}

/// Loads one file.
fn load_part(srv: &mut Box<Server>, part: &Part, under: &Under<'_>) -> Result<Found, Fatal> {
    let path = srv.aof.folder.path(&part.name);
    let name = under.name;
    let file = File::open(&path).map_err(|error| {
        srv.log.warning(format_args!(
            "Fatal error: can't open the append log file {name} for reading: {}",
            os_text(&error)
        ));
        Fatal
    })?;
    let mut tail = 0;
    if is_snapshot(&file) {
        if part.name == srv.aof.folder.stem {
            srv.log.notice(format_args!("Reading RDB preamble from AOF file..."));
        } else {
            srv.log.notice(format_args!("Reading RDB base file on AOF loading..."));
        }
        tail = load_base(srv, &file, under)?;
        let rest = file.metadata().map_or(0, |meta| meta.len()).saturating_sub(tail);
        if rest == 0 {
            return Ok(Found::default());
        }
        srv.log.notice(format_args!("Reading the remaining AOF tail..."));
    }
    let reader = Reader::new(file, tail, srv.conf.aof.checksum);
    run(srv, reader, part, under)
}

/// Loads the snapshot at the beginning of a file. Returns how many bytes it takes.
fn load_base(srv: &mut Box<Server>, file: &File, under: &Under<'_>) -> Result<u64, Fatal> {
    let total = file.metadata().map_or(0, |meta| meta.len());
    let source = file.try_clone().map_err(|_| Fatal)?;
    let whole = srv.rdb.loading;
    let terms = rdb::Terms { aof_base: true, ..rdb::Terms::default() };
    let loaded = rdb::load_from(srv, Box::new(source), total, terms);
    // It has ended its own load; ours goes on.
    begin(srv, whole.map_or(total, |whole| whole.total_bytes));
    match loaded {
        Ok(loaded) => {
            check_age(srv, srv.rdb.created_s, under.until_s)?;
            Ok(loaded.bytes)
        }
        Err(_) => {
            let name = under.name;
            srv.log.warning(format_args!(
                "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
            ));
            Err(Fatal)
        }
    }
}

/// What is older than the base cannot be had back.
fn check_age(srv: &mut Server, at_s: Option<i64>, until_s: Option<i64>) -> Result<(), Fatal> {
    if let (Some(base_s), Some(until_s)) = (at_s, until_s)
        && base_s > until_s
    {
        srv.log.warning(format_args!(
            "Can't restore the data as of {until_s}: the base of the append-only file was written at {base_s}, and \
             nothing before that moment is kept in it. Nothing was changed."
        ));
        return Err(Fatal);
    }
    Ok(())
}

/// Where a run stands.
#[derive(Default)]
struct Progress {
    /// Offset of the MULTI under way.
    multi: Option<u64>,
    queued: Queue,
    /// The last annotation of time.
    second: Option<i64>,
    /// Offset at which others were served last.
    served: u64,
    commands: u64,
}

impl Progress {
    fn found(&self, stopped_at: Option<i64>) -> Found {
        let (is_stamped, commands) = (self.second.is_some(), self.commands);
        Found { stopped_at, is_stamped, commands }
    }
}

fn run(
    srv: &mut Box<Server>,
    mut reader: Reader<File>,
    part: &Part,
    under: &Under<'_>,
) -> Result<Found, Fatal> {
    let mut call = Box::new(Call { origin: Origin::Aof, ..Call::default() });
    call.session.authenticated = true;
    let mut at = Progress::default();
    loop {
        match reader.advance() {
            Ok(Item::Command) => run_command(srv, &mut reader, &mut call, (&mut at, under))?,
            Ok(Item::Timestamp(second)) => {
                if under.until_s.is_some_and(|until| second > until) {
                    return Ok(at.found(Some(stop(srv, &reader, &at, under))));
                }
                if at.second.is_none() && part.kind == Kind::Base {
                    check_age(srv, Some(second), under.until_s)?;
                }
                at.second = Some(second);
            }
            Ok(Item::Checksum(_) | Item::Comment) => {}
            Ok(Item::End) if at.multi.is_none() => return Ok(at.found(None)),
            Ok(Item::End) | Err(Flaw::Truncated) => {
                let sound = at.multi.unwrap_or(reader.start());
                cut(srv, part, under, (sound, at.multi.is_some()))?;
                return Ok(at.found(None));
            }
            Err(flaw) => return Err(refuse(srv, under.name, &flaw)),
        }
        if reader.offset() - at.served >= interval(srv) {
            at.served = reader.offset();
            serve_others(srv, under.before + reader.offset())?;
        }
    }
}

fn interval(srv: &Server) -> u64 {
    u64::from(srv.conf.rdb.loading_process_events_interval_bytes)
}

/// Notes how far it is, and looks after clients.
fn serve_others(srv: &mut Box<Server>, loaded_bytes: u64) -> Result<(), Fatal> {
    if let Some(loading) = &mut srv.rdb.loading {
        loading.loaded_bytes = loaded_bytes;
    }
    let served = turn::meanwhile(srv);
    if served.is_err() || srv.stopping {
        return Err(Fatal);
    }
    Ok(())
}

/// Runs a command, or puts it aside for EXEC.
fn run_command(
    srv: &mut Box<Server>,
    reader: &mut Reader<File>,
    call: &mut Call,
    (at, under): (&mut Progress, &Under<'_>),
) -> Result<(), Fatal> {
    let start = reader.start();
    at.commands += 1;
    let (buffer, words) = reader.buffer();
    call.query.borrow(buffer, words);
    if at.commands % serve::AHEAD as u64 == 1 {
        serve::fetch_ahead(srv, call);
    }
    let found = exec::look_up(srv, call);
    let done = match found {
        Err(unfit) => Err(unfit),
        Ok(()) if call.cmd.is(special::BEGINS_TRANSACTION) => {
            at.multi = at.multi.or(Some(start));
            Ok(())
        }
        Ok(()) if call.cmd.is(special::RUNS_TRANSACTION) => {
            call.query.give_back(reader.buffer().0);
            run_queued(srv, call, at);
            return Ok(());
        }
        Ok(()) if at.multi.is_some() => {
            at.queued.push(&call.query);
            Ok(())
        }
        Ok(()) => {
            exec::replay(srv, call);
            Ok(())
        }
    };
    call.query.give_back(reader.buffer().0);
    done.map_err(|unfit| {
        let word = String::from_utf8_lossy(reader.word(0)).into_owned();
        let what = match unfit {
            Unfit::Unknown => "Unknown command",
            Unfit::Arity => "Wrong number of arguments for command",
        };
        let name = under.name;
        srv.log.warning(format_args!("{what} '{word}' reading the append only file {name}"));
        Fatal
    })
}

fn run_queued(srv: &mut Box<Server>, call: &mut Call, at: &mut Progress) {
    at.multi = None;
    let mut queued = std::mem::take(&mut at.queued);
    while queued.pop_into(&mut call.query) {
        // It was looked up when it was put aside, so it is found again.
        if exec::look_up(srv, call).is_ok() {
            exec::replay(srv, call);
        }
        call.query.reset();
    }
    queued.clear();
    at.queued = queued;
}

/// The moment is reached: what comes now is later.
fn stop(srv: &mut Server, reader: &Reader<File>, at: &Progress, under: &Under<'_>) -> i64 {
    let until = under.until_s.unwrap_or_default();
    srv.log.notice(format_args!(
        "Everything up to {until} is loaded. What follows in the AOF file {} from offset {} on is later, and is left out.",
        under.name,
        at.multi.unwrap_or(reader.start())
    ));
    until
}

/// The file ends inside a command or a transaction: it is cut off, if that is allowed.
fn cut(
    srv: &mut Server,
    part: &Part,
    under: &Under<'_>,
    (sound, in_multi): (u64, bool),
) -> Result<(), Fatal> {
    let Under { name, is_last, .. } = under;
    let Server { log, conf, aof, .. } = srv;
    if in_multi {
        log.warning(format_args!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"));
    }
    if !conf.aof.load_truncated {
        log.warning(format_args!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then \
             use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' \
             configuration option to yes and restart the server."
        ));
        return Err(Fatal);
    }
    log.warning(format_args!("!!! Warning: short read while loading the AOF file {name}!!!"));
    if !is_last {
        // It is left as it is: what is missing may still be found.
        log.warning(format_args!("Fatal error: the truncated file is not the last file"));
        return Err(Fatal);
    }
    log.warning(format_args!("!!! Truncating the AOF {name} at offset {sound} !!!"));
    let path = aof.folder.path(&part.name);
    let done = File::options().write(true).open(&path).and_then(|file| {
        aof.folder.disk.truncate(&file, sound)?;
        file.sync_all()
    });
    if let Err(error) = done {
        log.warning(format_args!("Error truncating the AOF file {name}: {}", os_text(&error)));
        return Err(Fatal);
    }
    log.warning(format_args!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
    Ok(())
}

/// Says why a file cannot be loaded.
fn refuse(srv: &mut Server, name: &str, flaw: &Flaw) -> Fatal {
    let log = &mut srv.log;
    match flaw {
        Flaw::Truncated => {}
        Flaw::Format { at, .. } => log.warning(format_args!(
            "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
             ./redis-check-aof --fix <filename.manifest> (at offset {at})"
        )),
        Flaw::Damaged { from, to } => log.warning(format_args!(
            "The append only file {name} is damaged: bytes {from} to {to} are not those that were written, their \
             checksum says. Restore the file from a replica or a backup. To load what is there nevertheless, set \
             'aof-checksum' to no for one start; to keep what comes before the damage, use ./redis-check-aof --fix."
        )),
        Flaw::Read(error) => log.warning(format_args!(
            "Unrecoverable error reading the append only file {name}: {}",
            os_text(error)
        )),
    }
    Fatal
}
