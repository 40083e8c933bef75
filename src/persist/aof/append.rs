//! Writing the append-only file: one increment, what waits to be written to it, and its
//! annotations.
//!
//! ```text
//!   feed of the turn ──► [#TS:..] bytes [#CRC:..] ──► buffer ──► one write ──► file ──► fsync (the driver's business)
//! ```
//!
//! What is in the buffer is never dropped. A write that fails half way is taken back by cutting the
//! file where it ended before, so that it never ends inside a command while the disk is full; if
//! even that fails, the written half stays and only the rest is written later. Either way the bytes
//! of the file are always a prefix of what was told.
//!
//! A checksum line covers everything since the last one. It is due once enough bytes have come
//! together ([`SEAL_BYTES`]) or a second has passed, so that it costs a hundredth of the space and
//! damage is found wherever it is; the driver asks for one before the file is closed.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crc64fast::Digest;

use super::reader::write_checksum;
use crate::persist::disk::Disk;

/// Bytes after which a checksum is due.
pub const SEAL_BYTES: u64 = 4096;
/// Larger buffers are given back when they are written.
const KEPT_BYTES: usize = 1 << 20;

/// The end of the append-only file.
pub struct Appender {
    disk: Disk,
    file: Arc<File>,
    /// Bytes of the file.
    size: u64,
    pub buf: Vec<u8>,
    sum: Option<Sum>,
    /// The second that the last annotation of time told.
    stamped_s: i64,
}

struct Sum {
    digest: Digest,
    bytes: u64,
    /// When the last line was written.
    sealed_s: i64,
}

impl Appender {
    /// Goes on at the end of a file of so many bytes.
    pub fn new(disk: Disk, file: File, size: u64) -> Appender {
        let file = Arc::new(file);
        Appender { disk, file, size, buf: Vec::new(), sum: None, stamped_s: 0 }
    }

    /// What was not written goes to another file. Returns the old one.
    pub fn move_to(&mut self, file: File, size: u64) -> Arc<File> {
        self.sum = None;
        self.stamped_s = 0;
        self.size = size;
        std::mem::replace(&mut self.file, Arc::new(file))
    }

    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Notes the time in front of what comes, unless this second was noted already.
    pub fn stamp(&mut self, now_s: i64) {
        if now_s > self.stamped_s {
            self.stamped_s = now_s;
            let from = self.buf.len();
            self.buf.extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
            self.add_to_sum(from);
        }
    }

    /// Takes what was put into the buffer from there on into the checksum, and writes one down if
    /// it is due.
    pub fn cover(&mut self, from: usize, now_s: i64, checksum: bool) {
        if !checksum {
            self.sum = None;
            return;
        }
        let fresh = || Sum { digest: Digest::new(), bytes: 0, sealed_s: now_s };
        self.sum.get_or_insert_with(fresh);
        self.add_to_sum(from);
        self.seal_if_due(now_s);
    }

    /// Writes a checksum down if there is something to cover and it is due.
    pub fn seal_if_due(&mut self, now_s: i64) {
        if let Some(sum) = &self.sum
            && sum.bytes > 0
            && (sum.bytes >= SEAL_BYTES || now_s > sum.sealed_s)
        {
            self.seal(now_s);
        }
    }

    /// Writes a checksum down if there is something to cover.
    pub fn seal(&mut self, now_s: i64) {
        if let Some(sum) = &mut self.sum
            && sum.bytes > 0
        {
            write_checksum(&mut self.buf, sum.bytes, sum.digest.sum64());
            *sum = Sum { digest: Digest::new(), bytes: 0, sealed_s: now_s };
        }
    }

    fn add_to_sum(&mut self, from: usize) {
        if let Some(sum) = &mut self.sum {
            sum.digest.write(&self.buf[from..]);
            sum.bytes += (self.buf.len() - from) as u64;
        }
    }

    /// Writes the buffer. On error nothing is lost: see the top of the file. Returns how many bytes
    /// were written.
    pub fn write(&mut self) -> Result<u64, Trouble> {
        let mut done = 0;
        while done < self.buf.len() {
            match self.disk.write(&self.file, &self.buf[done..]) {
                Ok(0) => return Err(self.take_back(done, io::ErrorKind::WriteZero.into())),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.take_back(done, error)),
            }
        }
        self.size += done as u64;
        if self.buf.capacity() > KEPT_BYTES {
            self.buf = Vec::new();
        }
        self.buf.clear();
        Ok(done as u64)
    }

    /// A write failed after so many bytes.
    fn take_back(&mut self, done: usize, error: io::Error) -> Trouble {
        let cut = if done == 0 { Ok(()) } else { self.disk.truncate(&self.file, self.size) };
        if cut.is_err() {
            self.size += done as u64;
            self.buf.drain(..done);
        }
        Trouble { error, done, of: self.buf.len() + if cut.is_err() { done } else { 0 }, cut }
    }
}

/// A write that failed.
#[derive(Debug)]
pub struct Trouble {
    pub error: io::Error,
    /// Bytes that were written before, of so many.
    pub done: usize,
    pub of: usize,
    /// Whether they could be taken back.
    pub cut: io::Result<()>,
}

#[cfg(test)]
mod tests {
    use super::super::reader::{Item, Reader};
    use super::*;
    use crate::base::line;
    use crate::persist::disk::{Fault, Op, Scratch};
    use proptest::prelude::*;

    fn say(appender: &mut Appender, word: &[u8], now_s: i64, checksum: bool) {
        let from = appender.buf.len();
        line::write(&mut appender.buf, &[b"SET", b"k", word]);
        appender.cover(from, now_s, checksum);
    }

    fn count(bytes: &[u8]) -> (usize, usize) {
        let mut reader = Reader::new(bytes, 0, true);
        let (mut commands, mut sums) = (0, 0);
        loop {
            match reader.advance().expect("sound") {
                Item::Command => commands += 1,
                Item::Checksum(_) => sums += 1,
                Item::End => return (commands, sums),
                _ => {}
            }
        }
    }

    #[test]
    fn checksums_are_few_and_right() {
        let scratch = Scratch::new("append");
        let path = scratch.0.join("a");
        let disk = Disk::default();
        let mut appender = Appender::new(disk.clone(), disk.begin(&path).expect("created"), 0);
        for second in 0..3 {
            for _ in 0..10 {
                appender.stamp(1000 + second);
                say(&mut appender, b"v", 1000 + second, true);
                appender.write().expect("written");
            }
        }
        say(&mut appender, &vec![b'x'; 5000], 1002, true);
        appender.seal(1002);
        appender.write().expect("written");
        let bytes = std::fs::read(&path).expect("read");
        assert_eq!(count(&bytes), (31, 3));
        assert_eq!(appender.size(), bytes.len() as u64);
        // Without: none, and none half done when they come back.
        say(&mut appender, b"v", 1003, false);
        say(&mut appender, b"v", 1004, true);
        appender.seal(1005);
        appender.write().expect("written");
        assert_eq!(count(&std::fs::read(&path).expect("read")), (33, 4));
    }

    proptest! {
        /// Whatever fails whenever: what was told is what is there in the end.
        #[test]
        fn nothing_told_is_lost(
            faults_at in prop::collection::vec((0u32..20, 0usize..60, any::<bool>()), 0..6),
        ) {
            let scratch = Scratch::new("append-faults");
            let path = scratch.0.join("a");
            let (disk, faults) = Disk::faulty();
            let mut appender = Appender::new(disk.clone(), disk.begin(&path).expect("created"), 0);
            for (after, partial, cut_fails) in faults_at {
                faults.plan(Fault { partial, ..Fault::once(Op::Write, libc::ENOSPC, after) });
                if cut_fails {
                    faults.plan(Fault::once(Op::Truncate, libc::EIO, 0));
                }
            }
            for index in 0..30u8 {
                say(&mut appender, &[index; 20], i64::from(index / 4), true);
                if appender.write().is_err() {
                    let there = std::fs::metadata(&path).expect("there").len();
                    prop_assert_eq!(there, appender.size());
                }
            }
            faults.clear();
            appender.seal(99);
            appender.write().expect("written");
            prop_assert_eq!(count(&std::fs::read(&path).expect("read")).0, 30);
        }
    }
}
