//! Saving: all data as one stream of bytes.
//!
//! The data stands still meanwhile: it is that of a forked child, or the reactor waits. Bytes go
//! through one large buffer ([`Writer`]), which is checksummed when it is written out; blobs are
//! copied as they stand, and no element is copied twice.
//!
//! ```text
//!   save ─► header, aux, functions ─► per database: sizes ─► per key: deadline, access, type, name, value ─► FF, checksum
//! ```

mod stream;
mod value;
mod writer;

use std::io::{self, Write};
use std::time::Duration;

use super::format::{opcode, version};
use crate::base::clock::UnixMillis;
use crate::keyspace::access::idle_seconds;
use crate::keyspace::db::Db;
use crate::keyspace::slots::SLOTS;
use crate::keyspace::{DbIndex, EntryRef, Keyspace, Kind, Policy};
use crate::persist::dismiss::Dismiss;
use writer::Writer;

/// What goes with every key about its use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Nothing,
    /// Seconds since it was used: the eviction policy is one of the LRU ones.
    Idle,
    /// How often it is used: an LFU policy, by which counters decay.
    Frequency(Policy),
}

/// The place of this server in a stream of replication.
#[derive(Clone, Copy, Debug)]
pub struct Replication<'a> {
    pub stream_db: i64,
    pub id: &'a str,
    pub offset: i64,
}

/// How to save.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The version to write; the lowest that holds the data if none is given.
    pub version: Option<u16>,
    /// `rdbcompression`
    pub compress: bool,
    /// `rdbchecksum`
    pub checksum: bool,
    pub access: Access,
    pub now: UnixMillis,
    /// The release that the file says it comes from.
    pub release: &'a str,
    pub used_memory: u64,
    /// It is the base of an AOF.
    pub aof_base: bool,
    pub replication: Option<Replication<'a>>,
    /// Sources of libraries of functions.
    pub functions: Vec<&'a [u8]>,
    /// Microseconds to wait after each key, for tests; negative: so many keys for each microsecond.
    pub key_delay_us: i32,
    /// Whether values are let go of that are written.
    pub dismiss: Dismiss,
}

/// How far a save has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub keys: u64,
    pub bytes: u64,
}

/// Saves everything. `progress` is called again and again, at least after each megabyte and each
/// 1024 keys; an error it answers ends the save.
pub fn save(
    keyspace: &Keyspace,
    to: &mut dyn Write,
    options: &Options<'_>,
    progress: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> io::Result<Progress> {
    let version = options.version.unwrap_or_else(|| lowest_version(keyspace));
    let mut w = Writer::new(to, progress, (options.compress, options.checksum));
    head(version, options, &mut w)?;
    for index in 0..keyspace.databases() {
        let db = keyspace.db(DbIndex(index));
        if !db.keys.is_empty() {
            w.byte(opcode::SELECT_DB);
            w.length(index.into());
            w.byte(opcode::RESIZE_DB);
            w.length(db.keys.len() as u64);
            w.length(db.expiry.len() as u64);
            database(db, version, options, &mut w)?;
        }
    }
    w.byte(opcode::EOF);
    let keys = w.keys;
    Ok(Progress { keys, bytes: w.finish()? })
}

/// The lowest version that holds all data.
fn lowest_version(keyspace: &Keyspace) -> u16 {
    let dbs = || (0..keyspace.databases()).map(|index| keyspace.db(DbIndex(index)));
    if dbs().any(|db| !db.parts.is_empty()) {
        return version::REDIS_7_4;
    }
    let mut needs = version::REDIS_7_0;
    for db in dbs() {
        in_batches(db.keys.iter(), |entry| {
            if entry.kind() == Kind::Stream {
                needs = needs.max(value::lowest_version(entry));
            }
            Ok(())
        })
        .expect("looking does not fail");
    }
    needs
}

/// Visits entries, the processor being told of some of them beforehand.
fn in_batches<'a>(
    mut entries: impl Iterator<Item = EntryRef<'a>>,
    mut visit: impl FnMut(EntryRef<'a>) -> io::Result<()>,
) -> io::Result<()> {
    const BATCH: usize = 32;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.extend(entries.by_ref().take(BATCH).inspect(|entry| entry.prefetch()));
        if batch.is_empty() {
            return Ok(());
        }
        batch.drain(..).try_for_each(&mut visit)?;
    }
}

/// What comes before the first database.
fn head(version: u16, options: &Options<'_>, w: &mut Writer<'_>) -> io::Result<()> {
    let is_valkey = version >= version::VALKEY_9;
    let magic =
        if is_valkey { format!("VALKEY{version:03}") } else { format!("REDIS{version:04}") };
    w.raw(magic.as_bytes())?;
    aux(if is_valkey { "valkey-ver" } else { "redis-ver" }, options.release, w)?;
    aux("redis-bits", &usize::BITS.to_string(), w)?;
    aux("ctime", &options.now.seconds().to_string(), w)?;
    aux("used-mem", &options.used_memory.to_string(), w)?;
    if let Some(place) = options.replication {
        aux("repl-stream-db", &place.stream_db.to_string(), w)?;
        aux("repl-id", place.id, w)?;
        aux("repl-offset", &place.offset.to_string(), w)?;
    }
    aux("aof-base", if options.aof_base { "1" } else { "0" }, w)?;
    for code in &options.functions {
        w.byte(opcode::FUNCTION);
        w.string(code)?;
    }
    Ok(())
}

fn aux(name: &str, value: &str, w: &mut Writer<'_>) -> io::Result<()> {
    w.byte(opcode::AUX);
    w.string(name.as_bytes())?;
    w.string(value.as_bytes())
}

/// The keys of a database: slot by slot in cluster mode, each with its sizes in front.
fn database(db: &Db, version: u16, options: &Options<'_>, w: &mut Writer<'_>) -> io::Result<()> {
    let save_key = |entry: EntryRef<'_>, w: &mut Writer<'_>| key(entry, version, options, w);
    if !db.keys.is_by_slot() {
        return in_batches(db.keys.iter(), |entry| save_key(entry, w));
    }
    for slot in 0..SLOTS {
        let keys = db.keys.slot_len(slot) as u64;
        if keys > 0 {
            let expires = db.keys.slot_iter(slot).filter(|e| e.deadline().is_some()).count();
            slot_info((slot as u64, keys, expires as u64), version, w)?;
            in_batches(db.keys.slot_iter(slot), |entry| save_key(entry, w))?;
        }
    }
    Ok(())
}

/// Sizes of a slot, in the words that readers of the version know or pass over.
fn slot_info(
    (slot, keys, expires): (u64, u64, u64),
    version: u16,
    w: &mut Writer<'_>,
) -> io::Result<()> {
    if version == version::REDIS_7_4 {
        w.byte(opcode::SLOT_INFO);
        w.length(slot);
        w.length(keys);
        w.length(expires);
        return Ok(());
    }
    aux("slot-info", &format!("{slot},{keys},{expires}"), w)
}

fn key(
    entry: EntryRef<'_>,
    version: u16,
    options: &Options<'_>,
    w: &mut Writer<'_>,
) -> io::Result<()> {
    if let Some(deadline) = entry.deadline() {
        w.byte(opcode::EXPIRE_MS);
        w.millis(deadline.0);
    }
    match options.access {
        Access::Nothing => {}
        Access::Idle => {
            w.byte(opcode::IDLE);
            w.length(idle_seconds(entry.clock(), options.now));
        }
        Access::Frequency(policy) => {
            w.byte(opcode::FREQ);
            w.byte(policy.frequency(entry.clock(), options.now));
        }
    }
    let before = w.position();
    value::named(entry, version, w)?;
    options.dismiss.value(entry, w.position() - before);
    w.count_key()?;
    if options.key_delay_us != 0 {
        delay(options.key_delay_us, w.keys);
    }
    Ok(())
}

/// Waits a little after a key.
pub fn delay(us: i32, keys: u64) {
    let us = match us {
        1.. => u64::from(us.unsigned_abs()),
        _ => u64::from(keys.is_multiple_of(us.unsigned_abs().into())),
    };
    std::thread::sleep(Duration::from_micros(us));
}

/// A value as the payload that DUMP answers, in the lowest version that holds it unless one is
/// given.
pub fn payload(entry: EntryRef<'_>, version: Option<u16>, compress: bool) -> io::Result<Vec<u8>> {
    let version = version.unwrap_or_else(|| value::lowest_version(entry));
    let (mut out, mut progress) = (Vec::new(), |_| Ok(()));
    let mut w = Writer::new(&mut out, &mut progress, (compress, true));
    value::unnamed(entry, version, &mut w)?;
    w.raw(&version.to_le_bytes())?;
    w.finish()?;
    Ok(out)
}

/// Bytes of a value in a snapshot, without its key and the byte for its type. Nothing of it is
/// kept.
pub fn value_bytes(entry: EntryRef<'_>, version: Option<u16>, compress: bool) -> io::Result<u64> {
    let version = version.unwrap_or_else(|| value::lowest_version(entry));
    let (mut out, mut progress) = (io::sink(), |_| Ok(()));
    let mut w = Writer::new(&mut out, &mut progress, (compress, false));
    value::unnamed(entry, version, &mut w)?;
    Ok(w.position() - 1)
}

/// The sources of libraries as the payload that FUNCTION DUMP answers.
pub fn functions_payload<'c>(codes: impl Iterator<Item = &'c [u8]>) -> io::Result<Vec<u8>> {
    let (mut out, mut progress) = (Vec::new(), |_| Ok(()));
    let mut w = Writer::new(&mut out, &mut progress, (true, true));
    for code in codes {
        w.byte(opcode::FUNCTION);
        w.string(code)?;
    }
    w.raw(&version::REDIS_7_0.to_le_bytes())?;
    w.finish()?;
    Ok(out)
}
