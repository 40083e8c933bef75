//! The disk, as what must not lose data sees it: the file door for streams, with a place for
//! faults.
//!
//! Every call that can fail for reasons of the machine goes through a [`Disk`]. The real one adds
//! nothing but a test of one pointer. A faulty one lets the n-th call of a kind fail as a test
//! wishes, so that "the disk is full at the worst moment" is an ordinary unit test ([`Faults`]).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(any(test, feature = "sim"))]
use super::power::Power;

/// A kind of call that a fault may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Open,
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncFolder,
    Fork,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub op: Op,
    /// Calls of the kind that still go well.
    pub after: u32,
    /// How many fail then; `u32::MAX`: all, until the faults are cleared.
    pub times: u32,
    pub errno: i32,
    /// Bytes that a failing write has written nevertheless.
    pub partial: usize,
}

impl Fault {
    /// The next call of a kind, and all that follow it, fail.
    #[cfg(test)]
    pub fn lasting(op: Op, errno: i32) -> Fault {
        Fault { op, after: 0, times: u32::MAX, errno, partial: 0 }
    }

    /// One call fails, after so many that do not.
    pub fn once(op: Op, errno: i32, after: u32) -> Fault {
        Fault { op, after, times: 1, errno, partial: 0 }
    }
}

/// The faults of a disk, and how often it was asked.
#[derive(Debug, Default)]
pub struct Faults {
    planned: Mutex<Vec<Fault>>,
    syncs: AtomicU64,
}

impl Faults {
    pub fn plan(&self, fault: Fault) {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub fn clear(&self) {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How often data was to be forced to the disk.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Relaxed)
    }

    fn strike(&self, op: Op) -> Option<Fault> {
        if op == Op::Sync {
            self.syncs.fetch_add(1, Relaxed);
        }
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        // What was planned last strikes first.
        for fault in planned.iter_mut().rev().filter(|fault| fault.op == op) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times = fault.times.saturating_sub(u32::from(fault.times != u32::MAX));
                return Some(*fault);
            }
        }
        None
    }
}

/// Where streams are written.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    faults: Option<Arc<Faults>>,
    /// What goes through it is lost if it was not forced out when the power goes.
    #[cfg(any(test, feature = "sim"))]
    power: Option<Arc<Power>>,
}

impl Disk {
    /// A disk that fails as planned.
    pub fn faulty() -> (Disk, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        (Disk { faults: Some(Arc::clone(&faults)), ..Disk::default() }, faults)
    }

    /// A disk with one folder, whose power can go.
    #[cfg(any(test, feature = "sim"))]
    pub fn powered(root: &Path) -> io::Result<(Disk, Arc<Power>)> {
        let power = Arc::new(Power::new(root)?);
        Ok((Disk { power: Some(Arc::clone(&power)), ..Disk::default() }, power))
    }

    /// Tells the power supply of a simulated machine what happened.
    #[cfg(any(test, feature = "sim"))]
    fn watch(&self, tell: impl FnOnce(&Power)) {
        if let Some(power) = &self.power {
            tell(power);
        }
    }

    /// A file is there now that may be written to.
    pub fn opened(&self, #[cfg_attr(not(any(test, feature = "sim")), expect(unused))] path: &Path) {
        #[cfg(any(test, feature = "sim"))]
        self.watch(|power| power.opened(path));
    }

    /// Lets a planned fault happen.
    pub fn check(&self, op: Op) -> io::Result<()> {
        #[cfg(any(test, feature = "sim"))]
        if let Some(power) = &self.power {
            power.strike()?;
        }
        match self.faults.as_ref().and_then(|faults| faults.strike(op)) {
            None => Ok(()),
            Some(fault) => Err(io::Error::from_raw_os_error(fault.errno)),
        }
    }

    /// Creates a file, or empties the one that there is.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        self.check(Op::Create)?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
        self.opened(path);
        Ok(file)
    }

    /// Opens a file to write at its end; it is created if it is not there.
    pub fn append(&self, path: &Path) -> io::Result<File> {
        self.check(Op::Open)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
        self.opened(path);
        Ok(file)
    }

    /// Creates or empties a file, to write at its end wherever that may be: after a cut, too.
    pub fn begin(&self, path: &Path) -> io::Result<File> {
        drop(self.create(path)?);
        self.append(path)
    }

    /// One attempt to write.
    pub fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(any(test, feature = "sim"))]
        if let Some(power) = &self.power {
            power.strike()?;
        }
        let Some(fault) = self.faults.as_ref().and_then(|faults| faults.strike(Op::Write)) else {
            return file.write(bytes);
        };
        if fault.partial == 0 {
            return Err(io::Error::from_raw_os_error(fault.errno));
        }
        // As a full disk does it: what fits in is written, and the next attempt fails.
        let partial = fault.partial.min(bytes.len());
        if let Some(faults) = &self.faults {
            faults.plan(Fault { partial: 0, times: 1, after: 0, ..fault });
        }
        file.write(&bytes[..partial])
    }

    /// Forces what was written to the disk; the length goes with it, the times need not.
    pub fn sync_data(&self, file: &File) -> io::Result<()> {
        self.check(Op::Sync)?;
        file.sync_data()?;
        #[cfg(any(test, feature = "sim"))]
        self.watch(|power| power.synced(file));
        Ok(())
    }

    pub fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        self.check(Op::Truncate)?;
        file.set_len(len)
    }

    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Op::Rename)?;
        fs::rename(from, to)
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.check(Op::Remove)?;
        fs::remove_file(path)
    }

    /// Makes what happened to the names in a folder last.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.check(Op::SyncFolder)?;
        File::open(folder)?.sync_all()?;
        #[cfg(any(test, feature = "sim"))]
        self.watch(|power| power.synced_folder(folder));
        Ok(())
    }

    /// Puts bytes in the place of a file's, so that a crash leaves either: by a temporary file in
    /// the same folder.
    pub fn replace(&self, temp: &Path, target: &Path, bytes: &[u8]) -> Result<(), NotReplaced> {
        let done: io::Result<()> = (|| {
            let file = self.create(temp)?;
            let mut left = bytes;
            while !left.is_empty() {
                match self.write(&file, left)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    n => left = &left[n..],
                }
            }
            self.sync_data(&file)?;
            self.rename(temp, target)
        })();
        if let Err(error) = done {
            // The error is what matters; what is left behind only takes space, and is overwritten
            // next time.
            let _ = fs::remove_file(temp);
            return Err(NotReplaced { error, is_unsure: false });
        }
        let folder = target.parent().unwrap_or(Path::new("."));
        self.sync_folder(folder).map_err(|error| NotReplaced { error, is_unsure: true })
    }
}

/// A file that was to be replaced.
#[derive(Debug)]
pub struct NotReplaced {
    pub error: io::Error,
    /// The new bytes are there, but may be the old ones again after a loss of power: both have to
    /// hold.
    pub is_unsure: bool,
}

impl From<NotReplaced> for io::Error {
    fn from(not: NotReplaced) -> io::Error {
        not.error
    }
}

/// A folder for a test, removed when it ends.
#[cfg(any(test, feature = "sim"))]
pub struct Scratch(pub std::path::PathBuf);

#[cfg(any(test, feature = "sim"))]
impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("hematite-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Scratch(path)
    }
}

#[cfg(any(test, feature = "sim"))]
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn faults_strike_when_planned_and_only_then() {
    let scratch = Scratch::new("disk");
    let (disk, faults) = Disk::faulty();
    let file = disk.create(&scratch.0.join("a")).expect("created");
    faults.plan(Fault::once(Op::Write, libc::EIO, 1));
    assert_eq!(disk.write(&file, b"one").expect("written"), 3);
    assert_eq!(disk.write(&file, b"two").expect_err("a fault").raw_os_error(), Some(libc::EIO));
    assert_eq!(disk.write(&file, b"two").expect("written"), 3);
    faults.plan(Fault { partial: 2, ..Fault::once(Op::Write, libc::ENOSPC, 0) });
    assert_eq!(disk.write(&file, b"four").expect("partly"), 2);
    assert!(disk.write(&file, b"ur").is_err());
    assert_eq!(disk.write(&file, b"ur").expect("written"), 2);
    assert_eq!(fs::read(scratch.0.join("a")).expect("read"), b"onetwofour");
}

#[test]
fn a_replacement_that_fails_leaves_the_old_file() {
    let scratch = Scratch::new("disk-replace");
    let (temp, target) = (scratch.0.join("t"), scratch.0.join("f"));
    fs::write(&target, "old").expect("written");
    for op in [Op::Create, Op::Write, Op::Sync, Op::Rename] {
        let (disk, faults) = Disk::faulty();
        faults.plan(Fault::lasting(op, libc::ENOSPC));
        assert!(disk.replace(&temp, &target, b"new").is_err(), "{op:?}");
        assert_eq!(fs::read(&target).expect("read"), b"old");
        assert!(!temp.exists());
    }
    Disk::default().replace(&temp, &target, b"new").expect("replaced");
    assert_eq!(fs::read(&target).expect("read"), b"new");
}
