//! Loading: a stream of bytes becomes keys again.
//!
//! The loader pulls bytes from a [`Host`] and hands it what it finds. A host that belongs to a
//! server lets the server serve its clients while it is asked for bytes, so that even a value of a
//! gigabyte stops nobody; the checker's host counts.
//!
//! Nothing from outside is believed: every length is checked against the bytes that are really
//! there before memory is taken, every blob is walked through before it becomes a value, and
//! whatever is wrong ends the load with an error that says where ([`LoadError`]).

mod blob;
mod hash;
mod insert;
mod old;
mod reader;
mod stream;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::io;

pub use insert::Inserter;

use super::Loads;
use super::format::{module_name, opcode, version};
use crate::base::clock::UnixMillis;
use crate::base::crc::crc64;
use crate::base::os::os_text;
use crate::base::text::parse_i64;
use crate::keyspace::access::{idle_since, lfu};
use crate::keyspace::{Entry, Meta, Policy};
use crate::types::{hash as hashes, list, set, zset};
use reader::Reader;
use value::{Context, Found};

/// What is wrong.
#[derive(Debug)]
pub enum Fault {
    /// The bytes are not what they should be.
    Corrupt(Cow<'static, str>),
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

fn corrupt<T>(reason: &'static str) -> Result<T, Fault> {
    Err(Fault::Corrupt(reason.into()))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Corrupt(reason) => f.write_str(reason),
            Fault::Short => f.write_str("Unexpected EOF reading RDB file"),
            Fault::Io(error) => f.write_str(&os_text(error)),
            Fault::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            Fault::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Fault::Checksum(expected, found) => write!(
                f,
                "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
            ),
        }
    }
}

/// What the loader was at, for those who look for damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Start,
    ReadType,
    ReadExpire,
    ReadKey,
    ReadValue,
    Checksum,
    ReadLength,
    ReadAux,
    ReadModuleAux,
    ReadFunctions,
}

impl Doing {
    pub fn name(self) -> &'static str {
        match self {
            Doing::Start => "start",
            Doing::ReadType => "read-type",
            Doing::ReadExpire => "read-expire",
            Doing::ReadKey => "read-key",
            Doing::ReadValue => "read-object-value",
            Doing::Checksum => "check-sum",
            Doing::ReadLength => "read-len",
            Doing::ReadAux => "read-aux",
            Doing::ReadModuleAux => "read-module-aux",
            Doing::ReadFunctions => "read-functions",
        }
    }
}

/// Why a load ended before its end, and where.
#[derive(Debug)]
pub struct LoadError {
    /// Bytes read before.
    pub offset: u64,
    pub doing: Doing,
    /// The last key whose name was read.
    pub key: Option<Vec<u8>>,
    /// The number of type that was read last.
    pub kind: Option<u8>,
    pub fault: Fault,
}

/// What a loader serves.
pub trait Host {
    /// Fills a part of the buffer; 0 at the end. Time may be spent here on other things.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// How many bytes are left to be read, if that is known.
    fn left(&self) -> Option<u64> {
        None
    }

    /// A key, in a database whose number is below [`Options::databases`].
    fn key(&mut self, db: u32, entry: Entry) -> Result<(), Fault>;

    /// A collection without elements, which is not kept.
    fn empty(&mut self, _key: &[u8]) {}

    /// The sizes of a database: keys, and keys that go away. A hint.
    fn expect(&mut self, _db: u32, _keys: u64, _expires: u64) {}

    /// What comes is that of another database.
    fn select(&mut self, _db: u32, _offset: u64) {}

    /// A note beside the data.
    fn aux(&mut self, _name: &[u8], _value: &[u8], _offset: u64) -> Result<(), Fault> {
        Ok(())
    }

    /// The source of a library of functions.
    fn function(&mut self, _code: Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }

    /// What a module wrote beside the data was passed over.
    fn module_aux(&mut self, _name: &str, _offset: u64) {}
}

/// The thresholds of encodings, and the secret of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub hash: hashes::Limits,
    pub list: list::Limits,
    pub set: set::Rules,
    pub zset: zset::Rules,
}

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub rules: Rules,
    pub databases: u32,
    /// Keys that go away before this are not kept: on a primary, and not from the base of an AOF.
    pub drop_expired: Option<UnixMillis>,
    pub now: UnixMillis,
    pub policy: Policy,
    /// `rdbchecksum`: compare it.
    pub checksum: bool,
    /// `rdb-version-check relaxed`: versions that nobody has defined yet are tried.
    pub any_version: bool,
    /// The values of modules are passed over (the checker) instead of being an error.
    pub skip_modules: bool,
}

/// How the bytes were checked at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// They are those that were written.
    Good,
    /// The writer did not want it, or the format is too old.
    Never,
    /// We were told not to.
    NotWanted,
}

/// A load that has come to its end.
#[derive(Debug)]
pub struct Loaded {
    pub loads: Loads,
    pub version: u16,
    pub checked: Checked,
    /// Bytes of the snapshot, its checksum included.
    pub bytes: u64,
    /// What the host has given beyond them.
    pub rest: Vec<u8>,
}

/// Loads a whole snapshot, its checksum included.
pub fn load(host: &mut dyn Host, options: &Options) -> Result<Loaded, LoadError> {
    let mut loader = Loader {
        r: Reader::new(host, options.checksum),
        cx: Context::new(options, 0),
        options,
        db: 0,
        key: Vec::new(),
        has_key: false,
        // Compat: the checker shows this type when the damage comes before the first key.
        kind: Some(0),
        pending: Pending::default(),
        loads: Loads::default(),
    };
    loader.run().map_err(|fault| LoadError {
        offset: loader.r.position(),
        doing: loader.r.doing,
        key: loader.has_key.then(|| loader.key.clone()),
        kind: loader.kind,
        fault,
    })
}

/// What was said about the key that comes next.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    deadline: Option<UnixMillis>,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

struct Loader<'h, 'o> {
    r: Reader<'h>,
    cx: Context,
    options: &'o Options,
    db: u32,
    key: Vec<u8>,
    has_key: bool,
    kind: Option<u8>,
    pending: Pending,
    loads: Loads,
}

impl Loader<'_, '_> {
    fn run(&mut self) -> Result<Loaded, Fault> {
        let version = self.signature()?;
        self.cx.version = version;
        loop {
            self.r.doing = Doing::ReadType;
            let byte = self.r.byte()?;
            if byte == opcode::EOF {
                break;
            }
            if !self.opcode(byte)? {
                self.one_key(byte)?;
            }
        }
        let checked = self.end(version)?;
        Ok(Loaded {
            loads: self.loads,
            version,
            checked,
            bytes: self.r.position(),
            rest: self.r.rest().to_vec(),
        })
    }

    /// The first nine bytes.
    fn signature(&mut self) -> Result<u16, Fault> {
        let head: [u8; 9] = self.r.array()?;
        let (is_valkey, digits) = match head {
            [b'R', b'E', b'D', b'I', b'S', ..] => (false, &head[5..]),
            [b'V', b'A', b'L', b'K', b'E', b'Y', ..] => (true, &head[6..]),
            _ => return Err(Fault::Signature),
        };
        let zeros = digits.iter().take(digits.len() - 1).take_while(|b| **b == b'0').count();
        let version = parse_i64(&digits[zeros..]).unwrap_or(0);
        let known = match (is_valkey, self.options.any_version) {
            (false, false) => 1..=i64::from(version::REDIS_7_4),
            (false, true) => 1..=i64::from(version::FOREIGN_MAX),
            (true, false) => version::VALKEY_9.into()..=version::VALKEY_9.into(),
            (true, true) => version::VALKEY_9.into()..=999,
        };
        if known.contains(&version) { Ok(version as u16) } else { Err(Fault::Version(version)) }
    }

    /// Does what an opcode says. False: it is none, but the number of a type.
    fn opcode(&mut self, byte: u8) -> Result<bool, Fault> {
        match byte {
            opcode::EXPIRE_S => {
                self.r.doing = Doing::ReadExpire;
                let seconds = i32::from_le_bytes(self.r.array()?);
                self.pending.deadline = Some(UnixMillis(i64::from(seconds).max(0) * 1000));
            }
            opcode::EXPIRE_MS => {
                self.r.doing = Doing::ReadExpire;
                self.pending.deadline = self.r.moment()?;
            }
            opcode::FREQ => self.pending.frequency = Some(self.r.byte()?),
            opcode::IDLE => self.pending.idle_s = Some(self.r.number()?),
            opcode::SELECT_DB => self.select()?,
            opcode::RESIZE_DB => {
                self.r.doing = Doing::ReadLength;
                let (keys, expires) = (self.r.number()?, self.r.number()?);
                self.r.host.expect(self.db, keys, expires);
            }
            opcode::SLOT_INFO if self.cx.version <= version::FOREIGN_MAX => {
                self.r.doing = Doing::ReadLength;
                for _ in 0..3 {
                    self.r.number()?;
                }
            }
            opcode::SLOT_IMPORT if self.cx.version >= version::VALKEY_9 => self.slot_import()?,
            opcode::AUX => self.aux()?,
            opcode::MODULE_AUX => self.module_aux()?,
            opcode::FUNCTION => {
                self.r.doing = Doing::ReadFunctions;
                let code = self.r.owned()?;
                self.r.host.function(code)?;
            }
            opcode::FUNCTION_PRE_GA => {
                return corrupt("Pre-release function format not supported.");
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn select(&mut self) -> Result<(), Fault> {
        self.r.doing = Doing::ReadLength;
        let (index, databases) = (self.r.number()?, self.options.databases);
        self.db = match u32::try_from(index) {
            Ok(index) if index < databases => index,
            _ => {
                return Err(Fault::Corrupt(
                    format!(
                        "FATAL: Data file was created with a Redis server configured to handle more than {databases} databases. Exiting"
                    )
                    .into(),
                ));
            }
        };
        self.r.host.select(self.db, self.r.position());
        Ok(())
    }

    /// A move of slots that was not finished: its primary will begin again.
    fn slot_import(&mut self) -> Result<(), Fault> {
        self.r.string()?;
        for _ in 0..self.r.count(2)? {
            let (first, last) = (self.r.number()?, self.r.number()?);
            if first > last || last >= crate::keyspace::slots::SLOTS as u64 {
                return corrupt("Invalid slot range");
            }
        }
        Ok(())
    }

    fn aux(&mut self) -> Result<(), Fault> {
        self.r.doing = Doing::ReadAux;
        let mut name = Vec::new();
        self.r.string_into(&mut name)?;
        let value = self.r.owned()?;
        self.r.host.aux(&name, &value, self.r.position())
    }

    fn module_aux(&mut self) -> Result<(), Fault> {
        self.r.doing = Doing::ReadModuleAux;
        let (name, _) = module_name(self.r.number()?);
        if self.r.number()? != 2 {
            return corrupt("bad when_opcode");
        }
        self.r.number()?;
        if !self.options.skip_modules {
            return Err(Fault::Corrupt(
                format!("The RDB file contains AUX module data I can't load: no matching module '{name}'").into(),
            ));
        }
        self.r.host.module_aux(&name, self.r.position());
        value::skip_module(&mut self.r)
    }

    fn one_key(&mut self, kind: u8) -> Result<(), Fault> {
        self.kind = Some(kind);
        if !value::is_known(kind, self.cx.version) {
            return Err(Fault::Corrupt(format!("Invalid object type: {kind}").into()));
        }
        self.r.doing = Doing::ReadKey;
        self.r.string_into(&mut self.key)?;
        self.has_key = true;
        self.r.doing = Doing::ReadValue;
        let pending = std::mem::take(&mut self.pending);
        let meta = meta(pending, self.options);
        match value::read(&mut self.r, kind, &mut self.cx)? {
            Found::Empty => {
                self.loads.empty += 1;
                self.r.host.empty(&self.key);
            }
            Found::Module => self.loads.keys += 1,
            Found::Value(value) => {
                let is_due = |now: UnixMillis| meta.deadline.is_some_and(|deadline| deadline < now);
                if self.options.drop_expired.is_some_and(is_due) {
                    self.loads.expired += 1;
                } else {
                    let entry = Entry::new(&self.key, value, meta);
                    self.loads.keys += 1;
                    self.r.host.key(self.db, entry)?;
                }
            }
        }
        (self.has_key, self.kind) = (false, None);
        Ok(())
    }

    /// The checksum.
    fn end(&mut self, version: u16) -> Result<Checked, Fault> {
        if version < 5 {
            return Ok(Checked::Never);
        }
        self.r.doing = Doing::Checksum;
        let found = self.r.end_checksum();
        let expected = u64::from_le_bytes(self.r.array()?);
        match found {
            None => Ok(Checked::NotWanted),
            Some(_) if expected == 0 => Ok(Checked::Never),
            Some(found) if found == expected => Ok(Checked::Good),
            Some(found) => Err(Fault::Checksum(expected, found)),
        }
    }
}

/// What an entry has beside key and value.
fn meta(pending: Pending, options: &Options) -> Meta {
    let Options { now, policy, .. } = *options;
    let clock = match (policy.is_lfu, pending.frequency, pending.idle_s) {
        (true, Some(frequency), _) => lfu(now, frequency),
        (false, _, Some(idle_s)) => idle_since(idle_s, now),
        _ => policy.fresh(now),
    };
    Meta { deadline: pending.deadline, clock, is_raw: false }
}

/// The versions that a payload may have.
fn is_payload_version(version: u16, options: &Options) -> bool {
    match version {
        0..=version::REDIS_7_4 | version::VALKEY_9 => true,
        _ => options.any_version,
    }
}

/// Takes the end of a payload off, if version and checksum are as they should be: what is in front
/// of it, and its version.
pub fn check_payload<'p>(payload: &'p [u8], options: &Options) -> Option<(&'p [u8], u16)> {
    let (body, crc) = payload.split_last_chunk::<8>()?;
    let (value, number) = body.split_last_chunk::<2>()?;
    let number = u16::from_le_bytes(*number);
    let is_whole = !options.checksum || crc64(body) == u64::from_le_bytes(*crc);
    (is_whole && is_payload_version(number, options)).then_some((value, number))
}

/// What is wrong with a payload of libraries.
#[derive(Debug)]
pub enum BadPayload {
    /// Its end is not as it should be.
    Footer,
    Value(Fault),
}

/// The sources of libraries in a payload of FUNCTION DUMP. A payload is checked whatever the
/// options say.
pub fn functions_in(payload: &[u8]) -> Result<Vec<Vec<u8>>, BadPayload> {
    let Some((body, crc)) = payload.split_last_chunk::<8>() else {
        return Err(BadPayload::Footer);
    };
    let Some((codes, number)) = body.split_last_chunk::<2>() else {
        return Err(BadPayload::Footer);
    };
    let is_known =
        matches!(u16::from_le_bytes(*number), 0..=version::REDIS_7_4 | version::VALKEY_9);
    if crc64(body) != u64::from_le_bytes(*crc) || !is_known {
        return Err(BadPayload::Footer);
    }
    let mut host = Nobody;
    let mut r = Reader::of_payload(&mut host, codes);
    let mut found = vec![];
    while !r.rest().is_empty() {
        if r.byte().map_err(BadPayload::Value)? != opcode::FUNCTION {
            return corrupt("given type is not a function").map_err(BadPayload::Value);
        }
        found.push(r.owned().map_err(BadPayload::Value)?);
    }
    Ok(found)
}

/// Makes an entry of a payload, whose end was checked and taken off.
pub fn restore(
    key: &[u8],
    (value, version): (&[u8], u16),
    meta: Meta,
    options: &Options,
) -> Result<Entry, Fault> {
    let mut host = Nobody;
    let mut r = Reader::of_payload(&mut host, value);
    let kind = r.byte()?;
    if !value::is_known(kind, version) {
        return corrupt("Unknown type");
    }
    let mut cx = Context::new(options, version);
    match value::read(&mut r, kind, &mut cx)? {
        Found::Value(value) => Ok(Entry::new(key, value, meta)),
        Found::Empty | Found::Module => corrupt("There is no value"),
    }
}

/// A payload has no host: all of it is there.
struct Nobody;

impl Host for Nobody {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn left(&self) -> Option<u64> {
        Some(0)
    }

    fn key(&mut self, _: u32, _: Entry) -> Result<(), Fault> {
        Ok(())
    }
}
