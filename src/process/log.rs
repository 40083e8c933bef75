//! The server's log: one line per event, in the form that tools parse.
//!
//! ```text
//!   4711:M 23 Nov 2026 03:01:24.809 * Ready to accept connections tcp
//!   │    │ │                        └ level: `.` debug, `-` verbose, `*` notice, `#` warning
//!   │    │ └ local time
//!   │    └ role: C starting or child, M primary, S replica, X Sentinel
//!   └ process
//! ```
//!
//! A line goes out at once, in one `write`, so that a crash loses nothing and several processes can
//! share a file. The file is held open, and before each line its name is looked up: if a log
//! rotation moved it away, it is created anew. Losing the log is no reason to stop serving, so
//! failures to write are passed over in silence.
//!
//! Valkey's options for the form of line and time (`log-format`, `log-timestamp-format`) are
//! honoured.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use chrono::{DateTime, Local};

use crate::base::clock;
use crate::config::{LogConfig, LogFormat, LogLevel, LogTimestamp};
use crate::process::raw_log;
use crate::process::syslog::Syslog;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Starting up, or a child process.
    Child,
    Primary,
    Replica,
    Sentinel,
}

/// Where lines go.
#[derive(Debug)]
enum Sink {
    Stdout,
    File(LogFile),
    /// For tests: the messages, with their levels.
    Memory(Vec<(LogLevel, String)>),
}

/// A file that is followed by name.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    open: Option<(File, u64, u64)>,
}

/// The log of a server.
#[derive(Debug)]
pub struct Log {
    sink: Sink,
    syslog: Option<Syslog>,
    level: LogLevel,
    format: LogFormat,
    timestamp: LogTimestamp,
    pub role: Role,
    pid: u32,
}

/// Longer messages are cut.
const MESSAGE_MAX: usize = 1023;

impl Log {
    /// A log as the configuration wants it.
    pub fn new(conf: &LogConfig) -> Log {
        raw_log::aim(&conf.file);
        let sink = match conf.file.as_str() {
            "" => Sink::Stdout,
            path => Sink::File(LogFile { path: PathBuf::from(path), open: None }),
        };
        let mut log = Log::with(sink);
        log.follow(conf);
        if conf.syslog_enabled {
            log.syslog = Some(Syslog::open(&conf.syslog_ident, conf.syslog_facility));
        }
        log
    }

    /// A log that a test can look into.
    pub fn memory() -> Log {
        Log::with(Sink::Memory(vec![]))
    }

    fn with(sink: Sink) -> Log {
        Log {
            sink,
            syslog: None,
            level: LogLevel::Notice,
            format: LogFormat::Legacy,
            timestamp: LogTimestamp::Legacy,
            role: Role::Child,
            pid: std::process::id(),
        }
    }

    /// Takes over what can be changed while the server runs.
    pub fn follow(&mut self, conf: &LogConfig) {
        self.level = conf.level;
        self.format = conf.format;
        self.timestamp = conf.timestamp_format;
    }

    /// The process has become another one (fork).
    pub fn moved_to(&mut self, pid: u32) {
        self.pid = pid;
    }

    /// This process is a child now, whose descriptors will be closed: nothing stays open, the next
    /// line opens what it needs.
    pub fn forked(&mut self, pid: u32) {
        (self.pid, self.role) = (pid, Role::Child);
        if let Sink::File(file) = &mut self.sink {
            file.open = None;
        }
        if let Some(syslog) = self.syslog {
            syslog.forked();
        }
    }

    pub fn debug(&mut self, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Debug, message);
    }

    pub fn verbose(&mut self, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Verbose, message);
    }

    pub fn notice(&mut self, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Notice, message);
    }

    pub fn warning(&mut self, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Warning, message);
    }

    /// Whether lines of this level are wanted: to spare the making of costly ones.
    pub fn wants(&self, level: LogLevel) -> bool {
        level as u8 >= self.level as u8
    }

    fn write(&mut self, level: LogLevel, message: fmt::Arguments<'_>) {
        if !self.wants(level) {
            return;
        }
        let mut text = String::new();
        if text.write_fmt(message).is_err() {
            return;
        }
        if text.len() > MESSAGE_MAX {
            let end = (0..=MESSAGE_MAX).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
        if let Sink::Memory(lines) = &mut self.sink {
            lines.push((level, text));
            return;
        }
        if let Some(syslog) = self.syslog {
            syslog.send(level, text.as_bytes());
        }
        let head = Head { log: self, level, now: clock::local_now() };
        let line = head.line(&text);
        self.emit(line.as_bytes());
    }

    /// Writes something that is no line, such as the logo.
    pub fn raw(&mut self, text: &str) {
        if self.wants(LogLevel::Notice) {
            self.emit(text.as_bytes());
        }
    }

    fn emit(&mut self, bytes: &[u8]) {
        match &mut self.sink {
            Sink::Stdout => {
                let mut out = io::stdout().lock();
                let _ = out.write_all(bytes).and_then(|()| out.flush());
            }
            Sink::File(file) => {
                let _ = file.append(bytes);
            }
            Sink::Memory(_) => {}
        }
    }

    /// Lines go to the standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.sink, Sink::Stdout)
    }

    /// The messages so far of a log in memory.
    pub fn lines(&self) -> &[(LogLevel, String)] {
        match &self.sink {
            Sink::Memory(lines) => lines,
            _ => &[],
        }
    }
}

impl LogFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let there = std::fs::metadata(&self.path).map(|m| (m.dev(), m.ino())).ok();
        let same = |&(_, dev, ino): &(File, u64, u64)| there == Some((dev, ino));
        if !self.open.as_ref().is_some_and(same) {
            let file = File::options().append(true).create(true).open(&self.path)?;
            let meta = file.metadata()?;
            self.open = Some((file, meta.dev(), meta.ino()));
        }
        match &mut self.open {
            Some((file, ..)) => file.write_all(bytes),
            None => Ok(()),
        }
    }
}

/// What stands before a message.
struct Head<'a> {
    log: &'a Log,
    level: LogLevel,
    now: DateTime<Local>,
}

impl Head<'_> {
    fn line(&self, message: &str) -> String {
        let (pid, time) = (self.log.pid, self.time());
        match self.log.format {
            LogFormat::Legacy => {
                format!("{pid}:{} {time} {} {message}\n", self.role_letter(), self.level_mark())
            }
            LogFormat::Logfmt => format!(
                "pid={pid} role={} timestamp=\"{time}\" level={} message=\"{}\"\n",
                self.role_name(),
                self.level_name(),
                logfmt_text(message)
            ),
            LogFormat::Json => format!(
                "{{\"pid\":{pid},\"role\":\"{}\",\"timestamp\":\"{time}\",\"level\":\"{}\",\"message\":\"{}\"}}\n",
                self.role_name(),
                self.level_name(),
                json_text(message)
            ),
        }
    }

    fn time(&self) -> impl fmt::Display {
        match self.log.timestamp {
            LogTimestamp::Legacy => self.now.format("%d %b %Y %H:%M:%S%.3f").to_string(),
            LogTimestamp::Iso8601 => self.now.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            LogTimestamp::Milliseconds => self.now.timestamp_millis().to_string(),
        }
    }

    fn role_letter(&self) -> char {
        match self.log.role {
            Role::Child => 'C',
            Role::Primary => 'M',
            Role::Replica => 'S',
            Role::Sentinel => 'X',
        }
    }

    fn role_name(&self) -> &'static str {
        match self.log.role {
            Role::Child => "RDB/AOF",
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Sentinel => "sentinel",
        }
    }

    fn level_mark(&self) -> char {
        match self.level {
            LogLevel::Debug => '.',
            LogLevel::Verbose => '-',
            LogLevel::Notice => '*',
            LogLevel::Warning | LogLevel::Nothing => '#',
        }
    }

    fn level_name(&self) -> &'static str {
        match self.level {
            LogLevel::Debug => "debug",
            LogLevel::Verbose => "info",
            LogLevel::Notice => "notice",
            LogLevel::Warning | LogLevel::Nothing => "warning",
        }
    }
}

/// A message between the quotes of logfmt.
fn logfmt_text(message: &str) -> String {
    message
        .chars()
        .map(|c| match c {
            '"' => '\'',
            '\n' | '\r' => ' ',
            other => other,
        })
        .collect()
}

/// A message between the quotes of JSON.
fn json_text(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for c in message.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c)); // A string takes everything.
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::process::log::*;

    fn line(conf: &LogConfig, level: LogLevel, message: &str) -> String {
        let mut log = Log::memory();
        log.follow(conf);
        (log.role, log.pid) = (Role::Primary, 4711);
        let now = DateTime::parse_from_rfc3339("2026-11-03T03:01:24.009Z").expect("a date");
        Head { log: &log, level, now: now.with_timezone(&Local) }.line(message)
    }

    /// The parts of a line that do not hang on the time zone.
    fn around_time(line: &str) -> (String, String) {
        let (before, rest) = line.split_at(line.find("Nov 2026").map_or(0, |at| at - 3));
        let after = rest.get("03 Nov 2026 03:01:24".len()..).unwrap_or_default();
        (before.to_owned(), after.to_owned())
    }

    #[test]
    fn the_usual_form() {
        let conf = Config::default().log;
        let marks = [
            (LogLevel::Debug, '.'),
            (LogLevel::Verbose, '-'),
            (LogLevel::Notice, '*'),
            (LogLevel::Warning, '#'),
        ];
        for (level, mark) in marks {
            let (before, after) = around_time(&line(&conf, level, "all is well"));
            assert_eq!(before, "4711:M ");
            assert_eq!(after, format!(".009 {mark} all is well\n"));
        }
    }

    #[test]
    fn the_other_forms_keep_a_message_on_its_line() {
        let mut conf = Config::default().log;
        conf.timestamp_format = LogTimestamp::Milliseconds;
        let message = "a \"q\" = \\ line\r\ntwo\t\u{1}";
        conf.format = LogFormat::Logfmt;
        assert_eq!(
            line(&conf, LogLevel::Warning, message),
            "pid=4711 role=primary timestamp=\"1793674884009\" level=warning \
             message=\"a 'q' = \\ line  two\t\u{1}\"\n"
        );
        conf.format = LogFormat::Json;
        assert_eq!(
            line(&conf, LogLevel::Verbose, message),
            "{\"pid\":4711,\"role\":\"primary\",\"timestamp\":\"1793674884009\",\"level\":\"info\",\
             \"message\":\"a \\\"q\\\" = \\\\ line\\r\\ntwo\\t\\u0001\"}\n"
        );
    }

    #[test]
    fn levels_below_the_wanted_one_are_silent() {
        let mut conf = Config::default().log;
        conf.level = LogLevel::Warning;
        let mut log = Log::memory();
        log.follow(&conf);
        log.notice(format_args!("unheard"));
        log.warning(format_args!("heard"));
        conf.level = LogLevel::Nothing;
        log.follow(&conf);
        log.warning(format_args!("unheard"));
        assert_eq!(log.lines(), [(LogLevel::Warning, "heard".to_owned())]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut log = Log::memory();
        log.notice(format_args!("x{}", "\u{e4}".repeat(MESSAGE_MAX)));
        let (_, text) = &log.lines()[0];
        assert!(text.len() <= MESSAGE_MAX && text.len() > MESSAGE_MAX - 2);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let dir = std::env::temp_dir().join(format!("hematite-log-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a temporary folder");
        let path = dir.join("a.log");
        let mut file = LogFile { path: path.clone(), open: None };
        file.append(b"one\n").expect("written");
        file.append(b"two\n").expect("written");
        std::fs::rename(&path, dir.join("old.log")).expect("moved");
        file.append(b"three\n").expect("written");
        assert_eq!(std::fs::read(dir.join("old.log")).expect("there"), b"one\ntwo\n");
        assert_eq!(std::fs::read(&path).expect("there"), b"three\n");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
