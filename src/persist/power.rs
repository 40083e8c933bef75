//! Losses of power, for simulations: a folder of which only what was forced to the disk is left.
//!
//! A [`Power`] watches what goes through a [`Disk`](super::disk::Disk). It remembers of each file
//! how many bytes were synced, and of each folder which names it had when it was synced. After a
//! cut every call fails; [`Power::restore`] then puts the folder into a state in which a disk may
//! come up again: names as they were synced, and of each file the synced bytes and perhaps some of
//! those behind them.
//!
//! ```text
//!   <root>/.power/<inode>     a second link to each file, so that none is lost that a synced name leads to
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where second links are kept.
const LINKS: &str = ".power";

/// What a synced name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(u64),
    Folder,
}

type Names = BTreeMap<OsString, Entry>;

#[derive(Debug, Default)]
struct State {
    /// Calls until the cut, if one is planned.
    left: Option<u64>,
    is_off: bool,
    /// A disk that lies forgets what it was told to keep.
    lies: bool,
    /// Bytes synced of each file, by inode.
    synced: BTreeMap<u64, u64>,
    folders: BTreeMap<PathBuf, Names>,
}

/// The power supply of a simulated machine with one folder.
#[derive(Debug)]
pub struct Power {
    root: PathBuf,
    state: Mutex<State>,
}

impl Power {
    /// Watches a folder; what is there now is safe.
    pub fn new(root: &Path) -> io::Result<Power> {
        fs::create_dir_all(root.join(LINKS))?;
        let power = Power { root: root.to_owned(), state: Mutex::default() };
        power.trust(root)?;
        Ok(power)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the power go after so many more calls.
    pub fn cut_after(&self, calls: u64) {
        self.state().left = Some(calls);
    }

    /// Has the power go now.
    pub fn cut(&self) {
        self.state().is_off = true;
    }

    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// From now on nothing that is synced is kept: for the test of a checker.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// A call is made: it fails once the power has gone.
    pub fn strike(&self) -> io::Result<()> {
        let mut state = self.state();
        match &mut state.left {
            Some(0) => state.is_off = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if state.is_off { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }

    /// A file is there that may be written to.
    pub fn opened(&self, path: &Path) {
        if let Ok(inode) = self.link(path) {
            let mut state = self.state();
            let synced = state.synced.entry(inode).or_insert(0);
            // One that was emptied has nothing left to come back.
            *synced = (*synced).min(fs::metadata(path).map_or(0, |meta| meta.len()));
        }
    }

    pub fn synced(&self, file: &File) {
        if let Ok(meta) = file.metadata() {
            let mut state = self.state();
            if !state.lies {
                state.synced.insert(meta.ino(), meta.len());
            }
        }
    }

    pub fn synced_folder(&self, folder: &Path) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(names) = self.names(folder) {
            self.state().folders.insert(folder.to_owned(), names);
        }
    }

    /// The power is back: the folder is as a disk may have kept it. `choose(n)` picks a number
    /// below n.
    pub fn restore(&self, mut choose: impl FnMut(u64) -> u64) -> io::Result<()> {
        let (folders, synced) = {
            let mut state = self.state();
            (std::mem::take(&mut state.folders), std::mem::take(&mut state.synced))
        };
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            match path.file_name() {
                Some(name) if name == LINKS => {}
                _ if path.is_dir() => fs::remove_dir_all(&path)?,
                _ => fs::remove_file(&path)?,
            }
        }
        self.rebuild(&self.root, &folders, &synced, &mut choose)?;
        {
            let mut state = self.state();
            (state.is_off, state.left) = (false, None);
        }
        self.trust(&self.root)
    }

    fn rebuild(
        &self,
        folder: &Path,
        folders: &BTreeMap<PathBuf, Names>,
        synced: &BTreeMap<u64, u64>,
        choose: &mut impl FnMut(u64) -> u64,
    ) -> io::Result<()> {
        for (name, entry) in folders.get(folder).into_iter().flatten() {
            let path = folder.join(name);
            match entry {
                Entry::Folder => {
                    fs::create_dir(&path)?;
                    self.rebuild(&path, folders, synced, choose)?;
                }
                Entry::File(inode) => {
                    fs::hard_link(self.kept(*inode), &path)?;
                    let len = fs::metadata(&path)?.len();
                    let safe = synced.get(inode).copied().unwrap_or(0).min(len);
                    let kept = safe + choose(len - safe + 1);
                    File::options().write(true).open(&path)?.set_len(kept)?;
                }
            }
        }
        Ok(())
    }

    /// Takes what is there as safe.
    fn trust(&self, folder: &Path) -> io::Result<()> {
        let names = self.names(folder)?;
        for (name, entry) in &names {
            let path = folder.join(name);
            match entry {
                Entry::Folder => self.trust(&path)?,
                Entry::File(inode) => {
                    let len = fs::metadata(&path)?.len();
                    self.state().synced.insert(*inode, len);
                }
            }
        }
        self.state().folders.insert(folder.to_owned(), names);
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Names> {
        let mut names = Names::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name() == LINKS {
                continue;
            }
            let kind = match entry.file_type()?.is_dir() {
                true => Entry::Folder,
                false => Entry::File(self.link(&entry.path())?),
            };
            names.insert(entry.file_name(), kind);
        }
        Ok(names)
    }

    /// Makes sure that a file outlives its names. Returns its inode.
    fn link(&self, path: &Path) -> io::Result<u64> {
        let inode = fs::metadata(path)?.ino();
        let kept = self.kept(inode);
        if !kept.exists() {
            fs::hard_link(path, kept)?;
        }
        Ok(inode)
    }

    fn kept(&self, inode: u64) -> PathBuf {
        self.root.join(LINKS).join(inode.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::{Disk, Scratch};
    use super::*;

    fn read(scratch: &Scratch, name: &str) -> Option<String> {
        fs::read_to_string(scratch.0.join(name)).ok()
    }

    #[test]
    fn what_was_synced_is_left_and_the_rest_may_be() {
        let scratch = Scratch::new("power");
        let (disk, power) = Disk::powered(&scratch.0).expect("a folder");
        let safe = disk.create(&scratch.0.join("safe")).expect("created");
        disk.write(&safe, b"one").expect("written");
        disk.sync_data(&safe).expect("synced");
        disk.sync_folder(&scratch.0).expect("synced");
        disk.write(&safe, b"two").expect("written");
        let nameless = disk.create(&scratch.0.join("nameless")).expect("created");
        disk.write(&nameless, b"x").expect("written");
        disk.sync_data(&nameless).expect("its bytes are safe, its name is not");
        power.cut();
        assert!(disk.write(&safe, b"three").is_err() && disk.sync_data(&safe).is_err());
        power.restore(|_| 0).expect("the power is back");
        assert_eq!(
            (read(&scratch, "safe"), read(&scratch, "nameless")),
            (Some("one".into()), None)
        );
        let safe = disk.append(&scratch.0.join("safe")).expect("there");
        disk.write(&safe, b"2").expect("written");
        power.cut();
        power.restore(|n| n - 1).expect("the power is back");
        assert_eq!(read(&scratch, "safe"), Some("one2".into()), "what was not synced may be there");
    }

    #[test]
    fn names_go_back_to_what_was_synced() {
        let scratch = Scratch::new("power-names");
        let (disk, power) = Disk::powered(&scratch.0).expect("a folder");
        let at = |name: &str| scratch.0.join(name);
        for name in ["old", "gone", "new"] {
            let file = disk.create(&at(name)).expect("created");
            disk.write(&file, name.as_bytes()).expect("written");
            disk.sync_data(&file).expect("synced");
        }
        disk.sync_folder(&scratch.0).expect("synced");
        disk.rename(&at("new"), &at("old")).expect("renamed");
        disk.remove(&at("gone")).expect("removed");
        power.cut_after(0);
        assert!(disk.sync_folder(&scratch.0).is_err() && power.is_off());
        power.restore(|_| 0).expect("the power is back");
        for name in ["old", "gone", "new"] {
            assert_eq!(read(&scratch, name), Some(name.into()));
        }
        disk.rename(&at("new"), &at("old")).expect("renamed");
        disk.sync_folder(&scratch.0).expect("synced");
        power.cut();
        power.restore(|_| 0).expect("the power is back");
        assert_eq!((read(&scratch, "old"), read(&scratch, "new")), (Some("new".into()), None));
    }
}
