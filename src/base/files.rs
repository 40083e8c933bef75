//! The file door: one of the four doors to the world.
//!
//! Small whole-file operations (configuration, pid file) go through here, so that a test can run a
//! server without a disk and can make the disk fail. Streams of data (RDB, AOF) open their own kind
//! of door in `persist`.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where files are read and written.
#[derive(Debug)]
pub enum Files {
    /// The operating system's.
    Disk,
    /// A map in memory; `failing` makes every write report a full disk.
    Memory { files: BTreeMap<PathBuf, Vec<u8>>, failing: bool },
}

impl Files {
    pub fn memory() -> Files {
        Files::Memory { files: BTreeMap::new(), failing: false }
    }

    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Files::Disk => std::fs::read(path),
            Files::Memory { files, .. } => {
                files.get(path).cloned().ok_or_else(|| ErrorKind::NotFound.into())
            }
        }
    }

    /// Creates or overwrites a file in place.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self {
            Files::Disk => std::fs::write(path, bytes),
            Files::Memory { failing: true, .. } => Err(ErrorKind::StorageFull.into()),
            Files::Memory { files, .. } => {
                files.insert(path.to_owned(), bytes.to_vec());
                Ok(())
            }
        }
    }

    /// Replaces a file so that a crash leaves either the old bytes or the new ones: a temporary
    /// file beside it is written, synced, given the old file's permissions and renamed, and the
    /// folder is synced.
    pub fn replace(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if !matches!(self, Files::Disk) {
            return self.write(path, bytes);
        }
        // A link is followed: the file it points to is the one to replace.
        let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
        let temp = folder.join(format!("{name}-{}.tmp", std::process::id()));
        let written = (|| {
            let mut file = std::fs::File::create(&temp)?;
            if let Ok(old) = std::fs::metadata(path) {
                file.set_permissions(old.permissions())?;
            }
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&temp, path)?;
            std::fs::File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // The error is what matters; a temporary file left behind only takes space.
            let _ = std::fs::remove_file(&temp);
        }
        written
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        match self {
            Files::Disk => std::fs::remove_file(path),
            Files::Memory { files, .. } => {
                files.remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
            }
        }
    }
}

#[test]
fn replacing_a_file_keeps_its_permissions_and_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("hematite-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("a.conf");
    std::fs::write(&path, "old").expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
    Files::Disk.replace(&path, b"new").expect("replaced");
    assert_eq!(std::fs::read(&path).expect("read"), b"new");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(&folder).expect("listed").count(), 1);
    std::fs::remove_dir_all(&folder).expect("removed");
}
