//! `redis-check-rdb`: reads a snapshot as a server would, keeps nothing, and says what is in it or
//! where it is damaged.
//!
//! The lines are those of the reference's tool, since people read them with scripts.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::base::clock::{Clock, UnixMillis};
use crate::base::version::COMPAT_VERSION;
use crate::config::Config;
use crate::keyspace::{Entry, Keyspace};
use crate::persist::rdb::driver::payload_options;
use crate::persist::rdb::format::kind_name;
use crate::persist::rdb::load::{self, Checked, Fault, Host, LoadError, Options};

/// The line that `--version` prints.
pub fn version() -> String {
    format!("redis-check-rdb {COMPAT_VERSION}")
}

/// Checks a file and tells the findings. False: it is damaged, or cannot be read.
pub fn check(path: &Path, out: &mut dyn Write) -> io::Result<bool> {
    Ok(examine(path, out)?.is_some())
}

/// As [`check`], and answers how many bytes the snapshot takes.
pub fn examine(path: &Path, out: &mut dyn Write) -> io::Result<Option<u64>> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let Ok(file) = File::open(path) else { return Ok(None) };
    let left = file.metadata()?.len();
    let now = Clock::real().now();
    let mut host = Census { file, left, now, out, told: Ok(()), counts: Counts::default() };
    let checked = load::load(&mut host, &options(now));
    let Census { out, told, counts, .. } = host;
    told?;
    let is_good = match &checked {
        Ok(loaded) => {
            let verdict = match loaded.checked {
                Checked::Good => Some("Checksum OK"),
                Checked::Never if loaded.version >= 5 => {
                    Some("RDB file was saved with checksum disabled: no check performed.")
                }
                Checked::Never | Checked::NotWanted => None,
            };
            if let Some(verdict) = verdict {
                writeln!(out, "[offset {}] {verdict}", loaded.bytes)?;
            }
            writeln!(out, "[offset {}] \\o/ RDB looks OK! \\o/", loaded.bytes)?;
            Some(loaded.bytes)
        }
        Err(error) => {
            tell_damage(error, out)?;
            None
        }
    };
    let Counts { keys, expires, expired, parts } = counts;
    writeln!(out, "[info] {keys} keys read")?;
    writeln!(out, "[info] {expires} expires")?;
    writeln!(out, "[info] {expired} already expired")?;
    writeln!(out, "[info] {parts} subexpires")?;
    out.flush()?;
    Ok(is_good)
}

fn tell_damage(error: &LoadError, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    match &error.fault {
        Fault::Checksum(..) => writeln!(out, "[offset {}] RDB CRC error", error.offset)?,
        fault => writeln!(out, "[offset {}] {fault}", error.offset)?,
    }
    writeln!(out, "[additional info] While doing: {}", error.doing.name())?;
    if let Some(key) = &error.key {
        let key = String::from_utf8_lossy(key);
        writeln!(out, "[additional info] Reading key '{key}'")?;
    }
    if let Some(kind) = error.kind {
        writeln!(out, "[additional info] Reading type {kind} ({})", kind_name(kind))?;
    }
    Ok(())
}

/// Everything is wanted: values of modules are passed over, any number of databases will do.
fn options(now: UnixMillis) -> Options {
    let options = payload_options(&Config::default(), &Keyspace::default(), now);
    Options { databases: u32::MAX, skip_modules: true, checksum: true, ..options }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    keys: u64,
    expires: u64,
    /// Keys whose time is over.
    expired: u64,
    /// Hashes with fields that expire.
    parts: u64,
}

/// Counts what it is given.
struct Census<'o> {
    file: File,
    left: u64,
    now: UnixMillis,
    out: &'o mut dyn Write,
    /// The first failure of the output.
    told: io::Result<()>,
    counts: Counts,
}

impl Census<'_> {
    fn tell(&mut self, offset: u64, text: std::fmt::Arguments<'_>) {
        if self.told.is_ok() {
            self.told = writeln!(self.out, "[offset {offset}] {text}");
        }
    }
}

impl Host for Census<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(into)?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }

    fn left(&self) -> Option<u64> {
        Some(self.left)
    }

    fn key(&mut self, _: u32, entry: Entry) -> Result<(), Fault> {
        let view = entry.view();
        let deadline = view.deadline();
        self.counts.keys += 1;
        self.counts.expires += u64::from(deadline.is_some());
        self.counts.expired += u64::from(deadline.is_some_and(|at| at < self.now));
        self.counts.parts += u64::from(view.part_deadline().is_some());
        Ok(())
    }

    fn select(&mut self, db: u32, offset: u64) {
        self.tell(offset, format_args!("Selecting DB ID {db}"));
    }

    fn aux(&mut self, name: &[u8], value: &[u8], offset: u64) -> Result<(), Fault> {
        let [name, value] = [name, value].map(String::from_utf8_lossy);
        self.tell(offset, format_args!("AUX FIELD {name} = '{value}'"));
        Ok(())
    }

    fn module_aux(&mut self, name: &str, offset: u64) {
        self.tell(offset, format_args!("MODULE AUX for: {name}"));
    }
}
