//! Loading: see [`driver`].

pub mod driver;

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Whether a file begins as snapshots do.
pub fn is_snapshot(file: &File) -> bool {
    let mut first = [0; 6];
    let n = file.read_at(&mut first, 0).unwrap_or(0);
    first[..n].starts_with(b"REDIS") || &first[..n] == b"VALKEY"
}
