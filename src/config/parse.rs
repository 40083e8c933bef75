//! Reading the configuration at the start: the file, the standard input, the command line.
//!
//! The three come in this order, and a later word on an option wins. They are read as one text: the
//! command line is turned into lines of the same language, so that one set of rules and one way of
//! reporting errors serves all.
//!
//! ```text
//!   redis-server a.conf --port 7000 --save 60 1 -
//!
//!   1..n     lines of a.conf
//!   n+1..m   lines of the standard input, for a `-` at either end of the arguments
//!   m+1      an empty line, unless the last line above has no line break
//!   m+2      port "7000"
//!   m+3      save "60" "1"
//! ```
//!
//! An argument with two dashes starts a line and stands there as it is, so `--port 7000` may also
//! come as one argument. The one behind it is its value even if it has dashes too (passwords do).
//! Any further one is a value unless it has two dashes. `--save` alone is `save ""`.
//!
//! The parser opens no file itself: it asks its caller to read one. What it cannot judge (users,
//! modules, renamed commands, whether a directory exists) it keeps together with the line it came
//! from, so that whoever judges it later can report the same kind of error: see [`Startup::blame`].

use std::io;
use std::path::{Path, PathBuf};

use super::{Config, Opt, find, later, users};
use crate::base::os::os_text;
use crate::base::split::{quote, split_args};

/// Reads a file; the path `-` stands for the standard input.
pub type ReadFile<'a> = dyn FnMut(&Path) -> io::Result<Vec<u8>> + 'a;

/// Where a directive came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, if it came from one; the text of the standard input and of the command line has
    /// none.
    pub file: Option<PathBuf>,
    pub line_number: usize,
    pub line_text: Vec<u8>,
}

/// A line that others have to judge, as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// All words, the name first.
    pub words: Vec<Vec<u8>>,
    pub origin: Origin,
}

/// Why the server cannot start with this configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// A line is bad.
    Line { origin: Origin, reason: String },
    /// The lines do not fit together, or ask for what the system refuses.
    Whole { reason: String },
    /// A file cannot be read.
    Open { path: PathBuf, error: io::Error },
}

impl ConfigError {
    /// What to print on the standard error: a block that names the line. A file that cannot be
    /// opened gets a line in the log instead.
    pub fn print(&self, version: &str) -> Vec<u8> {
        match self {
            ConfigError::Line { origin, reason } => {
                let number = origin.line_number;
                let place = format!("Reading the configuration file, at line {number}\n>>> '");
                let reason = format!("'\n{reason}\n");
                let title = title(version);
                [title.as_bytes(), place.as_bytes(), &origin.line_text, reason.as_bytes()].concat()
            }
            ConfigError::Whole { reason } => format!("{}{reason}\n", title(version)).into_bytes(),
            ConfigError::Open { path, error } => {
                let reason = os_text(error);
                format!("Fatal error, can't open config file '{}': {reason}", path.display())
                    .into_bytes()
            }
        }
    }
}

fn title(version: &str) -> String {
    format!("\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n")
}

/// All that the start-up was told.
#[derive(Debug, Default)]
pub struct Startup {
    pub config: Config,
    /// The file given as the first argument, as an absolute path.
    pub file: Option<PathBuf>,
    /// Run as Sentinel.
    pub sentinel: bool,
    /// Some of it came from the standard input.
    pub stdin: bool,
    /// `user` lines.
    pub users: Vec<Directive>,
    /// `loadmodule` lines.
    pub modules: Vec<Directive>,
    /// `rename-command` lines.
    pub renames: Vec<Directive>,
    /// Names of directives that mean nothing any more.
    pub retired: Vec<&'static str>,
    /// `sentinel` lines.
    pub sentinel_lines: Vec<Directive>,
    /// Where each option was last set.
    origins: Vec<(&'static str, Origin)>,
}

impl Startup {
    /// Where an option was last set, if it was.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.origins.iter().rev().find(|(known, _)| *known == name).map(|(_, origin)| origin)
    }

    /// The error for an option whose value parsed but turned out to be of no use.
    pub fn blame(&self, name: &str, reason: &str) -> ConfigError {
        let reason = reason.to_owned();
        match self.origin(name).cloned() {
            Some(origin) => ConfigError::Line { origin, reason },
            None => ConfigError::Whole { reason },
        }
    }
}

/// Reads everything that the arguments (those after the program's name) ask for. `sentinel` tells
/// that the program was called by Sentinel's name.
pub fn startup(
    args: &[Vec<u8>],
    sentinel: bool,
    read: &mut ReadFile<'_>,
) -> Result<Startup, ConfigError> {
    let sources = Sources::of(args);
    let mut parser = Parser::new(read);
    parser.out.sentinel = sentinel || args.iter().any(|arg| arg == b"--sentinel");
    let mut text = Vec::new();
    if let Some(file) = &sources.file {
        let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        text = parser.open(&path)?;
        parser.out.config.process.config_file = Some(path.clone());
        parser.out.file = Some(path);
    }
    let file_lines = text.split(|b| *b == b'\n').count();
    if sources.stdin {
        parser.out.stdin = true;
        text.extend(parser.open(Path::new("-"))?);
    }
    if !sources.options.is_empty() {
        text.push(b'\n');
        text.extend(sources.options);
    }
    let file = parser.out.file.clone();
    parser.lines(&text, file.as_deref().map(|path| (path, file_lines)), 0)?;
    parser.finish()
}

/// The arguments, sorted by where the configuration comes from.
struct Sources {
    file: Option<PathBuf>,
    stdin: bool,
    /// The options as text.
    options: Vec<u8>,
}

impl Sources {
    fn of(args: &[Vec<u8>]) -> Sources {
        let mut sources = Sources { file: None, stdin: false, options: Vec::new() };
        let mut rest = args;
        if let [first, tail @ ..] = rest {
            if first == b"-" {
                sources.stdin = true;
                rest = tail;
            } else if !first.starts_with(b"-") {
                sources.file = (!first.is_empty()).then(|| path_of(first));
                rest = tail;
            }
        }
        if let [head @ .., last] = rest
            && last == b"-"
        {
            sources.stdin = true;
            rest = head;
        }
        sources.add_options(rest);
        sources
    }

    /// Turns `--name value ...` into lines.
    fn add_options(&mut self, args: &[Vec<u8>]) {
        let out = &mut self.options;
        // Whether the last argument was the bare name of an option, and that option is `save`.
        let (mut expects_value, mut is_save) = (false, false);
        for arg in args {
            let starts_option = arg.starts_with(b"--");
            if starts_option && expects_value && is_save {
                out.extend_from_slice(b" \"\"");
                expects_value = false;
            }
            if !starts_option || expects_value {
                out.push(b' ');
                quote(out, arg);
                expects_value = false;
                continue;
            }
            if !out.is_empty() {
                out.push(b'\n');
            }
            let name = &arg[2..];
            out.extend_from_slice(name);
            let mode = name.eq_ignore_ascii_case(b"sentinel");
            expects_value = !mode && split_args(name).is_some_and(|words| words.len() == 1);
            is_save = name.eq_ignore_ascii_case(b"save");
        }
        if expects_value && is_save {
            out.extend_from_slice(b" \"\"");
        }
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The reader of lines.
struct Parser<'r, 'f> {
    out: Startup,
    read: &'r mut ReadFile<'f>,
    /// A `save` line was seen: the next one adds to it.
    save_seen: bool,
}

impl<'r, 'f> Parser<'r, 'f> {
    fn new(read: &'r mut ReadFile<'f>) -> Self {
        Parser { out: Startup::default(), read, save_seen: false }
    }

    fn open(&mut self, path: &Path) -> Result<Vec<u8>, ConfigError> {
        (self.read)(path).map_err(|error| ConfigError::Open { path: path.to_owned(), error })
    }

    /// Reads a text, the first so many lines of which come from a file.
    fn lines(
        &mut self,
        text: &[u8],
        file: Option<(&Path, usize)>,
        depth: usize,
    ) -> Result<(), ConfigError> {
        for (line, line_number) in text.split(|b| *b == b'\n').zip(1..) {
            let line = trim(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let file = file.filter(|(_, lines)| line_number <= *lines);
            let file = file.map(|(path, _)| path.to_owned());
            let origin = Origin { file, line_number, line_text: line.to_vec() };
            let Some(words) = split_args(line) else {
                let reason = "Unbalanced quotes in configuration line".to_owned();
                return Err(ConfigError::Line { origin, reason });
            };
            if words.is_empty() {
                continue;
            }
            self.directive(Directive { words, origin }, depth)?;
        }
        Ok(())
    }

    fn directive(&mut self, directive: Directive, depth: usize) -> Result<(), ConfigError> {
        let Directive { words, origin } = &directive;
        let name = words[0].to_ascii_lowercase();
        if let Some(opt) = find(&name) {
            let verdict = self.option(opt, &words[1..]);
            self.out.origins.push((opt.name, origin.clone()));
            return verdict
                .map_err(|reason| ConfigError::Line { origin: directive.origin, reason });
        }
        match (name.as_slice(), words.len()) {
            (b"include", 2) => return self.include(&words[1], depth),
            (b"rename-command", 3) => self.out.renames.push(directive),
            (b"user", 2..) => self.out.users.push(directive),
            (b"loadmodule", 2..) => self.out.modules.push(directive),
            (b"sentinel", _) if self.out.sentinel => self.out.sentinel_lines.push(directive),
            (b"sentinel", 2..) => {
                let reason = "sentinel directive while not in sentinel mode".to_owned();
                return Err(ConfigError::Line { origin: directive.origin, reason });
            }
            (name, words) => {
                let retired = RETIRED.iter().find(|retired| retired.as_bytes() == name);
                let Some(retired) = retired.filter(|_| words == 2) else {
                    let reason = "Bad directive or wrong number of arguments".to_owned();
                    return Err(ConfigError::Line { origin: directive.origin, reason });
                };
                self.out.retired.push(retired);
            }
        }
        Ok(())
    }

    fn option(&mut self, opt: &'static Opt, words: &[Vec<u8>]) -> Result<(), String> {
        let conf = &mut self.out.config;
        // A quoted list is as good as its words: `bind "127.0.0.1 ::1"`.
        let split = match words {
            [one] if one.contains(&b' ') => opt.words(one),
            _ => words.to_vec(),
        };
        let words = &split[..];
        if opt.name != "save" {
            return opt.assign(conf, words);
        }
        // Save points add up over lines; the first line takes the place of the default, and an
        // empty one starts over.
        let earlier = std::mem::take(&mut conf.rdb.save_points);
        opt.assign(conf, words)?;
        if self.save_seen && !conf.rdb.save_points.is_empty() {
            let later = std::mem::replace(&mut conf.rdb.save_points, earlier);
            conf.rdb.save_points.extend(later);
        }
        self.save_seen = true;
        Ok(())
    }

    fn include(&mut self, pattern: &[u8], depth: usize) -> Result<(), ConfigError> {
        let path = path_of(pattern);
        if depth >= INCLUDE_DEPTH_MAX {
            let error = io::Error::other("Too many levels of includes");
            return Err(ConfigError::Open { path, error });
        }
        let matched: Vec<PathBuf> = match std::str::from_utf8(pattern) {
            Ok(text) if text.contains(['*', '?', '[']) => match glob::glob(text) {
                Ok(paths) => paths.filter_map(Result::ok).collect(),
                Err(_) => vec![path],
            },
            _ => vec![path],
        };
        for path in matched {
            let text = self.open(&path)?;
            self.lines(&text, Some((&path, usize::MAX)), depth + 1)?;
        }
        Ok(())
    }

    /// The rules that hold between options.
    fn finish(self) -> Result<Startup, ConfigError> {
        let mut out = self.out;
        if out.config.cluster.enabled && out.config.repl.of.is_some() {
            let reason = "replicaof directive not allowed in cluster mode".to_owned();
            return Err(ConfigError::Whole { reason });
        }
        users::apply(&mut out.config.security, &out.users)?;
        match later::stops(&out.config) {
            Some(unkept) => Err(out.blame(unkept.name, unkept.reason)),
            None => Ok(out),
        }
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Files may include each other; this many levels are enough, and end a circle.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Options of old releases that files in use still have. They are accepted with one value, whatever
/// it is, and mean nothing any more; CONFIG does not know them.
const RETIRED: &[&str] = &[
    "events-per-io-thread",
    "io-threads-do-reads",
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start(args: &[&str], file: &str, stdin: &str) -> Result<Startup, String> {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        let mut read = |path: &Path| match path.to_str() {
            Some("-") => Ok(stdin.as_bytes().to_vec()),
            Some(path) if path.ends_with("c.conf") => Ok(file.as_bytes().to_vec()),
            _ => Err(io::Error::from_raw_os_error(2)),
        };
        startup(&args, false, &mut read)
            .map_err(|error| String::from_utf8_lossy(&error.print("8.2.3")).into_owned())
    }

    /// The error of a bad line, in short: number, line, reason.
    fn bad(args: &[&str], file: &str, stdin: &str) -> (usize, String, String) {
        let text = start(args, file, stdin).expect_err("the line is bad");
        let lines: Vec<&str> = text.lines().collect();
        let ["", "*** FATAL CONFIG FILE ERROR (Redis 8.2.3) ***", place, line, reason] = lines[..]
        else {
            panic!("not the usual block: {text}")
        };
        let number = place.strip_prefix("Reading the configuration file, at line ").unwrap();
        let line = line.strip_prefix(">>> '").and_then(|line| line.strip_suffix('\'')).unwrap();
        (number.parse().unwrap(), line.to_owned(), reason.to_owned())
    }

    #[test]
    fn a_quoted_list_is_as_good_as_its_words() {
        let args = ["c.conf", "--client-output-buffer-limit", "normal 1000000 0 0"];
        let started = start(&args, "bind \"127.0.0.1 ::1\"\n", "").expect("both are lists");
        assert_eq!(started.config.net.bind, ["127.0.0.1", "::1"]);
        assert_eq!(started.config.clients.output_limits[0].hard_bytes, 1_000_000);
    }

    /// Command lines and what Redis 8.2 had to say about them. The file holds `hz 5`, the standard
    /// input nothing.
    #[test]
    fn command_lines_are_read_as_by_the_reference() {
        let not_integer = "argument couldn't be parsed into an integer";
        let arity = "wrong number of arguments";
        let save = "Invalid save parameters";
        let directive = "Bad directive or wrong number of arguments";
        let cases: [(&[&str], usize, &str, &str); 31] = [
            (&["--port", "x"], 2, "port \"x\"", not_integer),
            (&["--port"], 2, "port", arity),
            (&["--hz", "10", "--port"], 3, "port", arity),
            (&["--save", "--hz", "x"], 3, "hz \"x\"", not_integer),
            (&["--save", "60", "--hz", "x"], 2, "save \"60\"", save),
            (&["--save", "60", "1", "300", "10", "--hz", "x"], 3, "hz \"x\"", not_integer),
            (&["--save", "", "60", "1"], 2, "save \"\" \"60\" \"1\"", save),
            (&["--save", "60", "--1"], 2, "save \"60\"", save),
            (&["--save", "--save", "1", "1", "--hz", "x"], 4, "hz \"x\"", not_integer),
            (&["--SAVE", "--hz", "x"], 3, "hz \"x\"", not_integer),
            (&["--save ", "--hz", "x"], 2, "save  \"--hz\" \"x\"", save),
            (&["--hz 5", "--port x"], 3, "port x", not_integer),
            (&["--hz  5", "--port", "x"], 3, "port \"x\"", not_integer),
            (&["--hz 5 --port x"], 2, "hz 5 --port x", arity),
            (&["--hz", "5 6"], 2, "hz \"5 6\"", not_integer),
            (&["--HZ", "5\n6", "--port", "x"], 2, "HZ \"5\\n6\"", not_integer),
            (&["--", "x"], 2, "\"x\"", directive),
            (&["-x"], 2, "\"-x\"", directive),
            (&["--foo"], 2, "foo", directive),
            (&["--requirepass", "--foo", "--hz", "x"], 3, "hz \"x\"", not_integer),
            (&["--port", "1", "2", "--hz", "x"], 2, "port \"1\" \"2\"", arity),
            (&["--daemonize", "--hz", "x"], 2, "daemonize \"--hz\" \"x\"", arity),
            (
                &["--port", "7000", "--\"hz x"],
                3,
                "\"hz x",
                "Unbalanced quotes in configuration line",
            ),
            (&["c.conf", "c.conf"], 3, "\"c.conf\"", directive),
            (&["c.conf", "--hz", "5", "--", "x"], 4, "\"x\"", directive),
            (&["", "--hz", "x"], 2, "hz \"x\"", not_integer),
            (&["--port", "0", "-", "--hz", "x"], 2, "port \"0\" \"-\"", arity),
            (&["-", "-", "--hz", "x"], 2, "\"-\"", directive),
            (&["c.conf", "-", "--hz", "x"], 3, "\"-\"", directive),
            (&["--sentinel", "--hz", "x"], 3, "hz \"x\"", not_integer),
            (
                &["--notify-keyspace-events", "--hz", "x"],
                2,
                "notify-keyspace-events \"--hz\" \"x\"",
                arity,
            ),
        ];
        for (args, number, line, reason) in cases {
            let expected = (number, line.to_owned(), reason.to_owned());
            assert_eq!(bad(args, "hz 5\n", ""), expected, "{args:?}");
        }
    }

    /// Lines of files and the reasons for which Redis 8.2 refused them.
    #[test]
    fn bad_lines_are_named_with_the_reason() {
        let cases = [
            ("hz", "wrong number of arguments"),
            ("hz 10 # c", "wrong number of arguments"),
            ("hz \"1\"2", "Unbalanced quotes in configuration line"),
            ("save 1 2 3", "Invalid save parameters"),
            ("include", "Bad directive or wrong number of arguments"),
            ("user", "Bad directive or wrong number of arguments"),
            ("loadmodule", "Bad directive or wrong number of arguments"),
            ("prot 1", "Bad directive or wrong number of arguments"),
            ("replicaof a x", "Invalid master port"),
            ("unixsocketperm 999", "argument couldn't be parsed as an octal number"),
            ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
            ("appendfilename \"\"", "appendfilename can't be empty"),
            ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
            ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
            ("sentinel monitor a", "sentinel directive while not in sentinel mode"),
            ("databases 0", "argument must be between 1 and 2147483647 inclusive"),
            ("daemonize maybe", "argument must be 'yes' or 'no'"),
            ("maxmemory 1q", "argument must be a memory value"),
        ];
        for (line, reason) in cases {
            let file = format!("# first\n\n  {line} \r\nhz 1\n");
            let expected = (3, line.to_owned(), reason.to_owned());
            assert_eq!(bad(&["c.conf"], &file, ""), expected, "{line}");
        }
    }

    #[test]
    fn a_later_word_wins_and_standard_input_comes_between() {
        let args = ["c.conf", "--hz", "3", "-"];
        let out = start(&args, "hz 1\nport 7\n", "hz 2\nport 8\n").unwrap();
        assert!(out.stdin);
        assert_eq!((out.config.server.hz, out.config.net.port), (3, 8));
        let origin = out.origin("port").unwrap();
        assert_eq!((origin.line_number, origin.file.as_ref()), (4, None));
        assert!(out.file.is_some_and(|path| path.is_absolute()));
    }

    /// Files made for Redis 6 and 7 with I/O threads once did not start.
    #[test]
    fn retired_options_are_passed_over() {
        let out = start(&["c.conf", "--IO-threads-do-reads", "no"], "events-per-io-thread 2", "");
        assert_eq!(out.unwrap().retired, ["events-per-io-thread", "io-threads-do-reads"]);
        let reason = "Bad directive or wrong number of arguments".to_owned();
        let line = "io-threads-do-reads yes no";
        assert_eq!(bad(&["c.conf"], line, ""), (1, line.to_owned(), reason));
    }

    #[test]
    fn a_missing_file_is_told_with_the_words_of_the_system() {
        let text = start(&["none"], "", "").unwrap_err();
        assert!(text.ends_with("/none': No such file or directory"), "{text}");
        let text = start(&["c.conf"], "include none", "").unwrap_err();
        assert_eq!(text, "Fatal error, can't open config file 'none': No such file or directory");
    }

    #[test]
    fn includes_that_go_in_circles_end() {
        let text = start(&["c.conf"], "include c.conf", "").unwrap_err();
        assert!(text.contains("Too many levels of includes"), "{text}");
    }

    #[test]
    fn save_points_add_up() {
        let points = |file: &str, args: &[&str]| {
            let args: Vec<&str> = ["c.conf"].iter().chain(args).copied().collect();
            start(&args, file, "").unwrap().config.rdb.save_points
        };
        assert_eq!(points("", &[]), [(3600, 1), (300, 100), (60, 10000)]);
        assert_eq!(points("save 1 2\nsave 3 4 5 6\n", &[]), [(1, 2), (3, 4), (5, 6)]);
        assert_eq!(points("save 1 2\nsave \"\"\nsave 3 4", &[]), [(3, 4)]);
        assert_eq!(points("save 1 2", &["--save"]), []);
    }

    #[test]
    fn lines_for_others_are_kept_with_their_place() {
        let file = "user default off\nrename-command GET \"\"\nloadmodule x.so 1\ndir /none\n";
        let out = start(&["c.conf"], file, "").unwrap();
        assert_eq!(out.users[0].words, [b"user".to_vec(), b"default".to_vec(), b"off".to_vec()]);
        assert_eq!(out.renames[0].words[2], b"");
        assert_eq!(out.modules[0].origin.line_number, 3);
        let text = out.blame("dir", "No such file or directory").print("8.2.3");
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.ends_with("at line 4\n>>> 'dir /none'\nNo such file or directory\n"),
            "{text}"
        );
    }

    #[test]
    fn rules_between_options_have_no_line() {
        let text = start(&["c.conf"], "cluster-enabled yes\nreplicaof a 1", "").unwrap_err();
        let title = "\n*** FATAL CONFIG FILE ERROR (Redis 8.2.3) ***\n";
        assert_eq!(text, format!("{title}replicaof directive not allowed in cluster mode\n"));
    }

    proptest! {
        #[test]
        fn any_file_is_survived(text: Vec<u8>, args: Vec<Vec<u8>>) {
            let args: Vec<Vec<u8>> = [b"c.conf".to_vec()].into_iter().chain(args).collect();
            let mut left = 100;
            let _ = startup(&args, false, &mut |_| {
                left -= 1;
                if left > 0 { Ok(text.clone()) } else { Err(io::Error::other("enough")) }
            });
        }

        /// Real option names with any values behind them.
        #[test]
        fn any_value_is_survived(index in 0..crate::config::OPTIONS.len(), value: Vec<u8>, words: Vec<String>) {
            let opt = &crate::config::OPTIONS[index];
            let mut line = opt.name.as_bytes().to_vec();
            for word in words.iter().map(String::as_bytes).chain([value.as_slice()]) {
                line.push(b' ');
                quote(&mut line, word);
            }
            let _ = startup(&[b"-".to_vec()], false, &mut |_| Ok(line.clone()));
        }
    }
}
