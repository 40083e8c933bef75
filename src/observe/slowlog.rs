//! The command logs: the last calls that took long, came in large or went out large.
//!
//! SLOWLOG is the first of three logs of one make; Valkey's COMMANDLOG shows them all. A log is a
//! queue with a bounded number of entries, newest in front. A call is copied into it trimmed to 32
//! words of 128 bytes, so that a log never holds more than a few hundred KiB per hundred entries,
//! and without its secrets (see `redact`).
//!
//! Whether a call belongs into a log is decided by [`Thresholds::passed`], four comparisons without
//! a branch between them, on the path of every command. Everything behind it is cold.

use std::collections::VecDeque;

use super::redact;
use crate::command::{Command, flag};
use crate::config::SlowlogConfig;
use crate::resp::request::Args;

/// Words kept of a call; the last one tells how many more there were.
const WORDS_MAX: usize = 32;
/// Bytes kept of a word.
const WORD_SIZE_MAX: usize = 128;

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Slow,
    LargeRequest,
    LargeReply,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Slow, Kind::LargeRequest, Kind::LargeReply];

    pub fn of(name: &[u8]) -> Option<Kind> {
        let is = |kind: &Kind| name.eq_ignore_ascii_case(kind.name().as_bytes());
        Kind::ALL.into_iter().find(is)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Slow => "slow",
            Kind::LargeRequest => "large-request",
            Kind::LargeReply => "large-reply",
        }
    }

    /// From which figure on a call is logged (-1: never), and how many entries are kept.
    fn limits(self, conf: &SlowlogConfig) -> (i64, u64) {
        match self {
            Kind::Slow => (conf.slower_than_us, conf.max_len),
            Kind::LargeRequest => (conf.request_larger_than_bytes, conf.large_request_max_len),
            Kind::LargeReply => (conf.reply_larger_than_bytes, conf.large_reply_max_len),
        }
    }
}

/// What was measured of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub usec: u64,
    pub request_bytes: u64,
    pub reply_bytes: u64,
}

impl Measured {
    fn figure(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Slow => self.usec,
            Kind::LargeRequest => self.request_bytes,
            Kind::LargeReply => self.reply_bytes,
        }
    }

    /// Whether any log wants the call. A limit of -1 becomes the largest number, which nothing
    /// reaches.
    #[inline]
    pub fn passes(&self, conf: &SlowlogConfig) -> bool {
        (self.usec >= conf.slower_than_us as u64)
            | (self.request_bytes >= conf.request_larger_than_bytes as u64)
            | (self.reply_bytes >= conf.reply_larger_than_bytes as u64)
    }
}

/// Whose call it was.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub address: &'a str,
    pub name: &'a [u8],
    pub unix_s: i64,
}

/// A call that was logged.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    pub unix_s: i64,
    /// Microseconds or bytes.
    pub figure: u64,
    pub words: Box<[Box<[u8]>]>,
    pub address: Box<str>,
    pub name: Box<[u8]>,
}

/// One log.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets the entries; numbers go on.
    pub fn reset(&mut self) {
        self.entries.clear();
    }
}

/// The three logs.
#[derive(Debug, Default)]
pub struct CommandLog {
    logs: [Log; 3],
}

impl CommandLog {
    pub fn log(&self, kind: Kind) -> &Log {
        &self.logs[kind as usize]
    }

    pub fn log_mut(&mut self, kind: Kind) -> &mut Log {
        &mut self.logs[kind as usize]
    }

    /// Notes a call in every log whose limit it passes.
    #[cold]
    pub fn note(
        &mut self,
        conf: &SlowlogConfig,
        (cmd, args): (&Command, Args<'_>),
        measured: Measured,
        caller: Caller<'_>,
    ) {
        if cmd.has(flag::SKIP_SLOWLOG) {
            return;
        }
        for kind in Kind::ALL {
            let (limit, len_max) = kind.limits(conf);
            let figure = measured.figure(kind);
            // Compat: a length of 0 stops the log but keeps what it holds.
            if figure < limit as u64 || len_max == 0 {
                continue;
            }
            let log = self.log_mut(kind);
            log.entries.push_front(Entry {
                id: log.next_id,
                unix_s: caller.unix_s,
                figure,
                words: trimmed(cmd, args),
                address: caller.address.into(),
                name: caller.name.into(),
            });
            log.next_id += 1;
            log.entries.truncate(usize::try_from(len_max).unwrap_or(usize::MAX));
        }
    }
}

/// The words of a call as they are kept.
fn trimmed(cmd: &Command, args: Args<'_>) -> Box<[Box<[u8]>]> {
    let len = args.len();
    let kept = if len > WORDS_MAX { WORDS_MAX - 1 } else { len };
    let mut words: Vec<Box<[u8]>> = Vec::with_capacity(kept + 1);
    for index in 0..kept {
        let word = redact::shown(cmd, args, index);
        if word.len() <= WORD_SIZE_MAX {
            words.push(word.into());
            continue;
        }
        let mut cut = word[..WORD_SIZE_MAX].to_vec();
        cut.extend(format!("... ({} more bytes)", word.len() - WORD_SIZE_MAX).bytes());
        words.push(cut.into());
    }
    if kept < len {
        words.push(format!("... ({} more arguments)", len - kept).into_bytes().into());
    }
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::connection::ECHO;
    use crate::pubsub::commands::PING;
    use crate::resp::request::Query;

    const CALLER: Caller<'_> = Caller { address: "1.2.3.4:5", name: b"me", unix_s: 77 };

    fn conf(slower_than_us: i64, max_len: u64) -> SlowlogConfig {
        SlowlogConfig {
            slower_than_us,
            max_len,
            request_larger_than_bytes: 100,
            large_request_max_len: 1,
            reply_larger_than_bytes: -1,
            large_reply_max_len: 1,
        }
    }

    #[test]
    fn limits_decide_which_log_takes_a_call() {
        let slow = |usec| Measured { usec, request_bytes: 99, reply_bytes: u64::MAX - 1 };
        assert!(slow(10).passes(&conf(10, 1)) && slow(0).passes(&conf(0, 1)));
        assert!(!slow(9).passes(&conf(10, 1)) && !slow(1 << 40).passes(&conf(-1, 1)));
        let mut logs = CommandLog::default();
        let query = Query::of(&[b"PING"]);
        let both = Measured { usec: 50, request_bytes: 100, reply_bytes: 7 };
        for _ in 0..3 {
            logs.note(&conf(10, 2), (&PING, query.args()), both, CALLER);
        }
        let ids = |kind| logs.log(kind).entries().map(|e| (e.id, e.figure)).collect::<Vec<_>>();
        assert_eq!(ids(Kind::Slow), [(2, 50), (1, 50)]);
        assert_eq!(ids(Kind::LargeRequest), [(2, 100)]);
        assert_eq!(ids(Kind::LargeReply), []);
        let log = logs.log_mut(Kind::Slow);
        log.reset();
        assert!(log.is_empty());
        logs.note(&conf(10, 0), (&PING, query.args()), both, CALLER);
        assert!(logs.log(Kind::Slow).is_empty(), "length 0");
        logs.note(&conf(10, 9), (&PING, query.args()), both, CALLER);
        let entry = logs.log(Kind::Slow).entries().next().expect("noted");
        assert_eq!((entry.id, &*entry.address, &*entry.name), (3, "1.2.3.4:5", &b"me"[..]));
    }

    #[test]
    fn long_calls_are_trimmed() {
        let many: Vec<&[u8]> = vec![b"w"; 33];
        let words = trimmed(&ECHO, Query::of(&many).args());
        assert_eq!((words.len(), &*words[31]), (32, &b"... (2 more arguments)"[..]));
        assert_eq!(trimmed(&ECHO, Query::of(&many[..32]).args()).len(), 32);
        let long = [b'x'; 130];
        let words = trimmed(&ECHO, Query::of(&[b"echo", &long[..128], &long]).args());
        assert_eq!(words[1].len(), 128);
        assert!(words[2].ends_with(b"x... (2 more bytes)"));
    }
}
