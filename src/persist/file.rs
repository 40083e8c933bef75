//! A new file that takes an old one's place: at once, or not at all.
//!
//! ```text
//!   temp-<pid>.rdb ──► written ──► fsync ──► renamed over dump.rdb ──► fsync of the folder
//!        └── dropped before the end: removed
//! ```
//!
//! Long files may ask for writing to begin early (`rdb-save-incremental-fsync`): every few
//! megabytes the system is told to write out what it has, so that the last fsync does not have
//! everything left to do.
#![expect(unsafe_code, reason = "sync_file_range has no safe signature in the crates we have")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Op};

/// Bytes after which writing out begins.
const SYNC_BYTES: u64 = 4 << 20;

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Open,
    Write,
    Sync,
    Rename,
    /// The file is in its place, but may be the old one again after a loss of power.
    SyncFolder,
}

/// Why a file did not get there.
#[derive(Debug)]
pub struct NotWritten {
    pub step: Step,
    pub error: io::Error,
}

impl NotWritten {
    /// For `map_err`.
    pub fn at(step: Step) -> impl FnOnce(io::Error) -> NotWritten {
        move |error| NotWritten { step, error }
    }
}

impl From<NotWritten> for io::Error {
    fn from(not: NotWritten) -> io::Error {
        not.error
    }
}

/// A file under way.
#[derive(Debug)]
pub struct NewFile {
    disk: Disk,
    file: File,
    temp: PathBuf,
    target: PathBuf,
    written: u64,
    /// Up to where writing out was begun; nothing if that is not wanted.
    begun: Option<u64>,
    is_done: bool,
}

impl NewFile {
    /// Creates the temporary file, beside the one whose place it will take.
    pub fn create(
        disk: &Disk,
        temp: &Path,
        target: &Path,
        incremental: bool,
    ) -> Result<NewFile, NotWritten> {
        let created = disk.check(Op::Create).and_then(|()| File::create(temp));
        let file = created.map_err(NotWritten::at(Step::Open))?;
        disk.opened(temp);
        let (disk, temp, target) = (disk.clone(), temp.to_owned(), target.to_owned());
        let begun = incremental.then_some(0);
        Ok(NewFile { disk, file, temp, target, written: 0, begun, is_done: false })
    }

    /// Makes sure that all is on the disk, and only then puts the file in its place.
    pub fn commit(mut self) -> Result<(), NotWritten> {
        self.disk.sync_data(&self.file).map_err(NotWritten::at(Step::Sync))?;
        self.disk.rename(&self.temp, &self.target).map_err(NotWritten::at(Step::Rename))?;
        self.is_done = true;
        let folder = self.target.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        self.disk.sync_folder(folder).map_err(NotWritten::at(Step::SyncFolder))
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn begin_sync(&mut self) {
        if let Some(begun) = self.begun
            && self.written - begun >= SYNC_BYTES
        {
            // SAFETY: the descriptor is ours and open; the call reads no memory. It is a hint:
            // whatever fails shows in the fsync at the end.
            unsafe {
                libc::sync_file_range(
                    self.file.as_raw_fd(),
                    begun as i64,
                    (self.written - begun) as i64,
                    libc::SYNC_FILE_RANGE_WRITE,
                );
            }
            self.begun = Some(self.written);
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.disk.write(&self.file, bytes)?;
        self.written += n as u64;
        self.begin_sync();
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_done {
            // What went wrong is known already.
            let _ = std::fs::remove_file(&self.temp);
        }
    }
}

#[test]
fn a_file_takes_the_place_of_another_or_leaves_nothing_behind() {
    let folder = std::env::temp_dir().join(format!("hematite-newfile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (temp, target) = (folder.join("temp-1.rdb"), folder.join("dump.rdb"));
    std::fs::write(&target, "old").expect("written");
    let disk = Disk::default();
    let mut file = NewFile::create(&disk, &temp, &target, true).expect("created");
    file.write_all(b"half").expect("written");
    drop(file);
    assert_eq!(std::fs::read(&target).expect("read"), b"old");
    assert_eq!(std::fs::read_dir(&folder).expect("listed").count(), 1);
    let mut file = NewFile::create(&disk, &temp, &target, true).expect("created");
    file.write_all(&vec![b'x'; 9 << 20]).expect("written");
    assert_eq!((file.written(), file.begun), (9 << 20, Some(9 << 20)));
    file.commit().expect("committed");
    assert_eq!(std::fs::read(&target).expect("read").len(), 9 << 20);
    assert_eq!(std::fs::read_dir(&folder).expect("listed").count(), 1);
    std::fs::remove_dir_all(&folder).expect("removed");
}
