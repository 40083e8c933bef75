//! The log of requests and replies (`req-res-logfile`), for tools that hold what a server answers
//! against what its documentation says. It is for tests: each call costs a write.
//!
//! ```text
//!   SET foo bar     3\r\nSET\r\n 3\r\nfoo\r\n 3\r\nbar\r\n 12\r\n__argv_end__\r\n +OK\r\n     (without the blanks)
//! ```
//!
//! A word is its length, a line break, its bytes and a line break; the reply follows as it was
//! sent. This room does not know whose calls are worth a record.

use std::fs::File;
use std::io::{self, Write};

use crate::resp::request::Args;

/// The file, if one is wanted.
#[derive(Debug, Default)]
pub struct RequestLog {
    file: Option<File>,
}

impl RequestLog {
    /// Opens the file, to be appended to.
    pub fn open(path: &str) -> io::Result<RequestLog> {
        if path.is_empty() {
            return Ok(RequestLog::default());
        }
        let file = File::options().append(true).create(true).open(path)?;
        Ok(RequestLog { file: Some(file) })
    }

    #[inline]
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Adds a record. If that fails, no further one is tried: the reader could not find its
    /// beginning.
    pub fn add(&mut self, words: Args<'_>, reply: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(&record(words, reply));
        if written.is_err() {
            self.file = None;
        }
        written
    }
}

fn record(words: Args<'_>, reply: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words.from(0).chain([b"__argv_end__".as_slice()]) {
        out.extend_from_slice(format!("{}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(reply);
    out
}
