//! The log from where nothing may be allocated, locked or buffered: signal handlers and crash
//! reports.
//!
//! The file's name is kept in a static that is written once, before the handlers are installed
//! (`logfile` is immutable). A line is formatted into a buffer on the stack and handed to
//! `write(2)`; every call here is async-signal-safe as long as the arguments to format are numbers
//! and plain strings.

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};

/// The log file; empty for the standard output.
static FILE: OnceLock<CString> = OnceLock::new();

/// Says where the log goes. Only the first call counts.
pub fn aim(file: &str) {
    let name = file.split('\0').next().unwrap_or_default();
    FILE.get_or_init(|| CString::new(name).unwrap_or_default());
}

/// An open log for raw writes.
pub struct RawLog {
    /// `None`: the standard output.
    file: Option<OwnedFd>,
}

impl RawLog {
    /// Opens the log. If that fails, the standard output has to do.
    pub fn open() -> RawLog {
        let file = FILE.get().filter(|name| !name.is_empty()).and_then(|name| {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
            rustix::fs::open(name.as_c_str(), flags, Mode::from_raw_mode(0o644)).ok()
        });
        RawLog { file }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.file {
            Some(file) => file.as_fd(),
            None => rustix::stdio::stdout(),
        }
    }

    /// Writes bytes as they are. There is nobody to tell about a failure.
    pub fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match rustix::io::write(self.fd(), bytes) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => return,
                Ok(n) => bytes = &bytes[n..],
            }
        }
    }

    /// Writes one formatted text, cut if it is longer than a few lines.
    pub fn put(&mut self, text: fmt::Arguments<'_>) {
        let mut line = StackText { bytes: [0; 2048], len: 0 };
        let _ = fmt::write(&mut line, text); // What does not fit is cut.
        self.write(&line.bytes[..line.len]);
    }
}

/// A text of bounded length that needs no allocator.
struct StackText {
    bytes: [u8; 2048],
    len: usize,
}

impl fmt::Write for StackText {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.bytes.len() - self.len;
        let n = s.len().min(room);
        self.bytes[self.len..self.len + n].copy_from_slice(&s.as_bytes()[..n]);
        self.len += n;
        if n == s.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// A line of a signal handler: there is no local time in one, so it shows seconds since 1970.
pub fn from_handler(message: &str) {
    let pid = rustix::process::getpid();
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    RawLog::open().put(format_args!("{pid}:signal-handler ({}) {message}\n", now.tv_sec));
}

#[test]
fn a_long_text_is_cut_and_not_lost() {
    let mut line = StackText { bytes: [0; 2048], len: 0 };
    let long = "x".repeat(3000);
    assert!(fmt::write(&mut line, format_args!("{}{long}", 7)).is_err());
    assert_eq!(line.len, 2048);
    assert!(line.bytes.starts_with(b"7xx"));
}
