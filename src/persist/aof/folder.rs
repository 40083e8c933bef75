//! The folder of the append-only file: names, and the manifest on the disk.
//!
//! The manifest decides what counts; a file that it does not name is nobody's. So every change is
//! made in this order: new files first, then the manifest at once and for good ([`Folder::write`]),
//! then old files go.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::manifest::{Flaw, Kind, Manifest, Part};
use crate::persist::disk::{Disk, NotReplaced};

/// Where the files of an append-only file are.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    pub disk: Disk,
    /// `dir`: temporary files of rewrites, and an AOF of before Redis 7.
    home: PathBuf,
    /// `appenddirname`
    dirname: PathBuf,
    /// `appendfilename`: what names begin with.
    pub stem: Vec<u8>,
}

/// Why there is no telling what counts.
#[derive(Debug)]
pub enum Unreadable {
    Flaw(Flaw),
    Io(io::Error),
}

/// A path of a name.
fn named(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

impl Folder {
    pub fn new(disk: Disk, home: &str, dirname: &str, stem: &str) -> Folder {
        let home = PathBuf::from(home);
        let dirname = home.join(dirname);
        Folder { disk, home, dirname, stem: stem.as_bytes().to_vec() }
    }

    pub fn path(&self, name: &[u8]) -> PathBuf {
        named(&self.dirname, name)
    }

    /// A path beside the folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// The increment of an append-only file that is being switched on.
    pub fn temporary_increment(&self) -> Vec<u8> {
        [b"temp-", self.stem.as_slice(), b".incr"].concat()
    }

    /// The file that holds the manifest.
    pub fn manifest_path(&self) -> PathBuf {
        self.path(&[self.stem.as_slice(), b".manifest"].concat())
    }

    /// What counts, if anything was ever written here.
    pub fn read(&self) -> Result<Option<Manifest>, Unreadable> {
        match fs::read(self.manifest_path()) {
            Ok(text) => Manifest::parse(&text).map(Some).map_err(Unreadable::Flaw),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Unreadable::Io(error)),
        }
    }

    /// From now on this counts. On error what counted before still does, or either does: then no
    /// file may go that one of them names.
    pub fn write(&self, manifest: &Manifest) -> Result<(), NotReplaced> {
        let temp = self.path(&[b"temp-", self.stem.as_slice(), b".manifest"].concat());
        self.disk.replace(&temp, &self.manifest_path(), &manifest.print())
    }

    /// Makes the folder if it is not there.
    pub fn ensure(&self) -> io::Result<()> {
        match fs::create_dir(&self.dirname) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Ok(()) => self.disk.sync_folder(&self.home),
            other => other,
        }
    }

    pub fn size(&self, name: &[u8]) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    /// Brings a file that a rewrite wrote beside the folder under its name in the folder.
    pub fn adopt(&self, temp: &Path, name: &[u8]) -> io::Result<()> {
        self.disk.rename(temp, &self.path(name))
    }

    /// Whether a single file of before Redis 7 is to be moved in: there is one, and nothing that
    /// would count instead.
    pub fn has_old_style(&self, manifest: Option<&Manifest>) -> bool {
        let old = named(&self.home, &self.stem);
        if !old.is_file() {
            return false;
        }
        match manifest {
            None => true,
            Some(manifest) if manifest.is_empty() => true,
            // The last attempt wrote the manifest and died before the file was moved.
            Some(Manifest { base: Some(base), increments, .. }) => {
                increments.is_empty() && base.name == self.stem && !self.path(&base.name).exists()
            }
            Some(_) => false,
        }
    }

    /// Makes a single file the base. May be repeated after a crash.
    pub fn move_in_old_style(&self) -> io::Result<Manifest> {
        self.ensure()?;
        let base = Part::new(self.stem.clone(), 1, Kind::Base);
        let manifest = Manifest { base: Some(base), base_seq: 1, ..Manifest::default() };
        self.write(&manifest)?;
        self.disk.rename(&named(&self.home, &self.stem), &self.path(&self.stem))?;
        self.disk.sync_folder(&self.dirname)?;
        Ok(manifest)
    }

    /// The folder as it is called in messages.
    pub fn dirname(&self) -> &Path {
        &self.dirname
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::{Fault, Op, Scratch};

    #[test]
    fn a_single_file_is_moved_in_whatever_fails_on_the_way() {
        for op in [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncFolder] {
            for after in 0..2 {
                let scratch = Scratch::new(&format!("folder-{op:?}-{after}"));
                let home = scratch.0.to_string_lossy().into_owned();
                fs::write(scratch.0.join("a.aof"), "data").expect("written");
                let (disk, faults) = Disk::faulty();
                let folder = Folder::new(disk, &home, "d", "a.aof");
                faults.plan(Fault::once(op, libc::EIO, after));
                for _ in 0..3 {
                    let manifest = folder.read().expect("sound");
                    if folder.has_old_style(manifest.as_ref()) {
                        let _ = folder.move_in_old_style();
                    }
                }
                let manifest = folder.read().expect("sound").expect("there");
                assert_eq!(manifest.print(), b"file a.aof seq 1 type b\n");
                assert_eq!(fs::read(folder.path(b"a.aof")).expect("moved"), b"data");
                assert!(!folder.has_old_style(Some(&manifest)));
            }
        }
    }
}
