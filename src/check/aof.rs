//! `redis-check-aof`: looks whether an append-only file can be loaded, and cuts it where it cannot.
//!
//! ```text
//!   redis-check-aof [--fix | --truncate-to-timestamp <unix seconds>] <file.manifest | file.aof>
//! ```
//!
//! Given a manifest, all its files are looked at, in the order in which they are loaded; only the
//! last one may be cut, since what comes after a cut would be applied to a state that never was.
//! Lines, questions and exit codes are those of the reference's tool. Beyond it, checksums are
//! compared: a file is sound up to the damaged bytes.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use super::rdb;
use crate::persist::aof::load::is_snapshot;
use crate::persist::aof::manifest::{Kind, Manifest};
use crate::persist::aof::reader::{Flaw, Item, Reader, Reason};

/// What is to be done about what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    Look,
    Fix,
    /// Cut off what is later than this second.
    Cut(i64),
}

/// The end of the run, with a failure that was told already.
struct Refused;

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Refused {
        Refused
    }
}

/// What was found in a file.
enum Verdict {
    /// It is sound up to there.
    Sound(u64),
    /// Nothing in it is too late.
    Early,
    /// From there on all is later than wanted.
    Late { at: u64, until: i64 },
}

struct Checker<'a> {
    out: &'a mut dyn Write,
    answers: &'a mut dyn BufRead,
    remedy: Remedy,
    /// Lines of all files so far.
    line: usize,
}

/// Runs the tool with the words behind its name. False: something is not in order.
pub fn run(
    words: &[String],
    answers: &mut dyn BufRead,
    out: &mut dyn Write,
    called: &str,
) -> io::Result<bool> {
    let (remedy, path) = match words {
        [path] if path == "-v" || path == "--version" => {
            writeln!(out, "redis-check-aof {}", crate::base::version::COMPAT_VERSION)?;
            return Ok(true);
        }
        [path] => (Remedy::Look, path),
        [fix, path] if fix == "--fix" => (Remedy::Fix, path),
        [cut, moment, path] if cut == "--truncate-to-timestamp" => match moment.parse() {
            Ok(second) if second > 0 => (Remedy::Cut(second), path),
            _ => {
                writeln!(out, "Invalid timestamp, aborting...")?;
                return Ok(false);
            }
        },
        _ => {
            writeln!(
                out,
                "Usage: {called} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>"
            )?;
            return Ok(false);
        }
    };
    let mut checker = Checker { out: &mut *out, answers, remedy, line: 1 };
    let done = checker.check(Path::new(path)).is_ok();
    out.flush()?;
    Ok(done)
}

/// The manifest, if the file is one: what Redis 7 writes begins with this word.
fn read_manifest(path: &Path) -> io::Result<Option<Vec<u8>>> {
    const LARGEST: u64 = 1 << 20;
    let file = File::open(path)?;
    if file.metadata()?.len() > LARGEST {
        return Ok(None);
    }
    let text = std::fs::read(path)?;
    let first = text.split(|b| *b == b'\n').find(|line| !line.starts_with(b"#"));
    Ok(first.is_some_and(|line| line.starts_with(b"file")).then_some(text))
}

impl Checker<'_> {
    fn check(&mut self, path: &Path) -> Result<(), Refused> {
        match read_manifest(path) {
            Err(error) => {
                let reason = crate::base::os::os_text(&error);
                writeln!(self.out, "Cannot open file {}: {reason}", path.display())?;
                Err(Refused)
            }
            Ok(Some(text)) => self.check_parts(path, &text),
            Ok(None) => {
                writeln!(self.out, "Start checking Old-Style AOF")?;
                self.check_file(path, "", true)
            }
        }
    }

    fn check_parts(&mut self, path: &Path, text: &[u8]) -> Result<(), Refused> {
        let manifest = match Manifest::parse(text) {
            Ok(manifest) => manifest,
            Err(flaw) => {
                if let Some((number, line)) = flaw.line {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    writeln!(
                        self.out,
                        "Reading the manifest file, at line {number}\n>>> '{line}'"
                    )?;
                }
                writeln!(self.out, "{}", flaw.reason)?;
                return Err(Refused);
            }
        };
        writeln!(self.out, "Start checking Multi Part AOF")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let last = manifest.live().count();
        let mut said_increments = false;
        for (index, part) in manifest.live().enumerate() {
            let name = String::from_utf8_lossy(&part.name).into_owned();
            let file: PathBuf = folder.join(&name);
            if part.kind == Kind::Base {
                let form = match File::open(&file).is_ok_and(|file| is_snapshot(&file)) {
                    true => "RDB",
                    false => "RESP",
                };
                writeln!(self.out, "Start to check BASE AOF ({form} format).")?;
            } else if !said_increments {
                writeln!(self.out, "Start to check INCR files.")?;
                said_increments = true;
            }
            let kind = if part.kind == Kind::Base { "BASE " } else { "INCR " };
            self.check_file(&file, kind, index + 1 == last)?;
        }
        writeln!(self.out, "All AOF files and manifest are valid")?;
        Ok(())
    }

    /// Looks at one file, and cuts it if that is wanted.
    fn check_file(&mut self, path: &Path, kind: &str, is_last: bool) -> Result<(), Refused> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                let reason = crate::base::os::os_text(&error);
                writeln!(self.out, "Cannot open file {name}: {reason}, aborting...")?;
                return Err(Refused);
            }
        };
        let size = file.metadata()?.len();
        if size == 0 {
            writeln!(self.out, "{kind}AOF {name} is empty")?;
            return Ok(());
        }
        let mut from = 0;
        if is_snapshot(&file) {
            let Some(bytes) = rdb::examine(path, self.out)? else {
                writeln!(self.out, "RDB preamble of AOF file is not sane, aborting.")?;
                return Err(Refused);
            };
            writeln!(self.out, "RDB preamble is OK, proceeding with AOF tail...")?;
            from = bytes;
        }
        let sound = match self.scan(Reader::new(file, from, true), &name, is_last)? {
            Verdict::Sound(sound) => sound,
            Verdict::Early => return self.say_valid(kind, &name),
            Verdict::Late { at, until } => {
                truncate(path, at)?;
                writeln!(self.out, "Successfully truncated AOF {name} to timestamp {until}")?;
                return Ok(());
            }
        };
        writeln!(
            self.out,
            "AOF analyzed: filename={name}, size={size}, ok_up_to={sound}, ok_up_to_line={}, diff={}",
            self.line,
            size - sound
        )?;
        match (sound == size, self.remedy) {
            (true, _) => self.say_valid(kind, &name),
            (false, Remedy::Fix) => self.fix(path, &name, (size, sound), is_last),
            (false, _) => {
                writeln!(
                    self.out,
                    "AOF {name} is not valid. Use the --fix option to try fixing it."
                )?;
                Err(Refused)
            }
        }
    }

    fn say_valid(&mut self, kind: &str, name: &str) -> Result<(), Refused> {
        writeln!(self.out, "{kind}AOF {name} is valid")?;
        Ok(())
    }

    fn scan(
        &mut self,
        mut reader: Reader<File>,
        name: &str,
        is_last: bool,
    ) -> Result<Verdict, Refused> {
        let (mut multi, mut sound) = (None, reader.offset());
        let mut last_word = 0;
        loop {
            match reader.advance() {
                Ok(Item::End) => break,
                Ok(Item::Command) => {
                    self.line += reader.lines();
                    last_word = reader.word_at(reader.ranges().len().saturating_sub(1));
                    let is = |name: &[u8]| reader.word(0).eq_ignore_ascii_case(name);
                    // What does not fit in: EXEC without MULTI, or MULTI inside one.
                    let misfit = match (is(b"multi"), is(b"exec")) {
                        (true, _) => multi.replace(reader.start()).map(|_| "MULTI"),
                        (_, true) if multi.take().is_none() => Some("EXEC"),
                        _ => None,
                    };
                    if let Some(word) = misfit {
                        self.tell(reader.word_at(0), &format!("Unexpected {word} in AOF {name}"))?;
                        return Ok(Verdict::Sound(sound));
                    }
                }
                // Compat: annotations are no lines.
                Ok(Item::Timestamp(second)) => {
                    if let Remedy::Cut(until) = self.remedy
                        && second > until
                    {
                        return self.cut(name, &reader, (until, is_last));
                    }
                }
                Ok(Item::Checksum(_) | Item::Comment) => {}
                Err(flaw) => {
                    self.line += reader.lines();
                    self.tell_flaw(&reader, &flaw, name)?;
                    // Commands in front of the wrong checksum were read, but are not to be trusted.
                    let Flaw::Damaged { from, .. } = flaw else {
                        return Ok(Verdict::Sound(sound));
                    };
                    return Ok(Verdict::Sound(sound.min(from)));
                }
            }
            if multi.is_none() {
                sound = reader.offset();
            }
        }
        if multi.is_some() {
            self.tell(last_word, "Reached EOF before reading EXEC for MULTI")?;
        } else if let Remedy::Cut(until) = self.remedy
            && is_last
        {
            writeln!(self.out, "Truncate nothing in AOF {name} to timestamp {until}")?;
            return Ok(Verdict::Early);
        }
        Ok(Verdict::Sound(sound))
    }

    fn tell(&mut self, at: u64, what: &str) -> Result<(), Refused> {
        writeln!(self.out, "0x{at:>16x}: {what}")?;
        Ok(())
    }

    fn tell_flaw(&mut self, reader: &Reader<File>, flaw: &Flaw, name: &str) -> Result<(), Refused> {
        match flaw {
            Flaw::Truncated => {
                let (at, got) = reader.torn();
                let wanted = reader.wanted(at);
                self.tell(at, &format!("Expected to read {wanted} bytes, got {got} bytes"))
            }
            Flaw::Format { reason: Reason::NoCommand(_), .. } => {
                writeln!(self.out, "AOF {name} format error")?;
                Ok(())
            }
            Flaw::Format { at, reason: Reason::Prefix { wanted, got } } => {
                let (wanted, got) = (char::from(*wanted), char::from(*got));
                self.tell(*at, &format!("Expected prefix '{wanted}', got: '{got}'"))
            }
            Flaw::Format { at, reason: Reason::LineEnd([first, second]) } => {
                self.tell(*at, &format!("Expected \\r\\n, got: {first:02x}{second:02x}"))
            }
            Flaw::Format { at, reason: Reason::Number } => {
                self.tell(*at, "Expected a number that can be one of words or bytes")
            }
            Flaw::Damaged { from, to } => {
                let bytes = to - from;
                self.tell(*from, &format!("Checksum of {bytes} bytes does not match"))
            }
            Flaw::Read(error) => {
                let reason = crate::base::os::os_text(error);
                writeln!(self.out, "Cannot read from AOF {name}: {reason}")?;
                Ok(())
            }
        }
    }

    /// What comes is later than the second up to which the file is to be kept.
    fn cut(
        &mut self,
        name: &str,
        reader: &Reader<File>,
        (until, is_last): (i64, bool),
    ) -> Result<Verdict, Refused> {
        if reader.start() == 0 {
            writeln!(self.out, "AOF {name} has nothing before timestamp {until}, aborting...")?;
            return Err(Refused);
        }
        if !is_last {
            writeln!(
                self.out,
                "Failed to truncate AOF {name} to timestamp {until} because it is not the last file"
            )?;
            return Err(Refused);
        }
        Ok(Verdict::Late { at: reader.start(), until })
    }

    /// Cuts off what is not sound, if the user agrees.
    fn fix(
        &mut self,
        path: &Path,
        name: &str,
        (size, sound): (u64, u64),
        is_last: bool,
    ) -> Result<(), Refused> {
        if !is_last {
            writeln!(self.out, "Failed to truncate AOF {name} because it is not the last file")?;
            return Err(Refused);
        }
        write!(
            self.out,
            "This will shrink the AOF {name} from {size} bytes, with {} bytes, to {sound} bytes\nContinue? [y/N]: ",
            size - sound
        )?;
        self.out.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if !answer.trim_start().starts_with(['y', 'Y']) {
            writeln!(self.out, "Aborting...")?;
            return Err(Refused);
        }
        truncate(path, sound)?;
        writeln!(self.out, "Successfully truncated AOF {name}")?;
        Ok(())
    }
}

fn truncate(path: &Path, len: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(len)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::Scratch;

    const SET: &str = "*3\r\n$3\r\nset\r\n$1\r\nx\r\n$1\r\n1\r\n";

    /// What the tool says, without the first line, and whether it is content.
    fn said(scratch: &Scratch, words: &[&str], answer: &str) -> (String, bool) {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        if let Some(name) = words.last_mut() {
            *name = scratch.0.join(&*name).to_string_lossy().into_owned();
        }
        let mut out = vec![];
        let fine = run(&words, &mut answer.as_bytes(), &mut out, "tool").expect("memory");
        let text = String::from_utf8(out).expect("text");
        (text.split_once('\n').map_or("", |(_, rest)| rest).to_owned(), fine)
    }

    /// Lines as redis-check-aof 7.0.15 wrote them.
    #[test]
    fn findings_are_those_of_the_reference() {
        let scratch = Scratch::new("check-aof");
        let invalid = "AOF a is not valid. Use the --fix option to try fixing it.\n";
        for (tail, wanted) in [
            (
                "*3\r\n$3\r\nset",
                "0x              23: Expected to read 5 bytes, got 3 bytes\nAOF analyzed: filename=a, size=38, \
                 ok_up_to=27, ok_up_to_line=10, diff=11\n",
            ),
            (
                "garbage\r\n",
                "AOF a format error\nAOF analyzed: filename=a, size=36, ok_up_to=27, ok_up_to_line=8, diff=9\n",
            ),
            (
                "*1\r\n$4\r\nEXEC\r\n",
                "0x              23: Unexpected EXEC in AOF a\nAOF analyzed: filename=a, size=41, ok_up_to=27, \
                 ok_up_to_line=11, diff=14\n",
            ),
            (
                "*1\r\n$5\r\nMULTI\r\n",
                "0x              23: Reached EOF before reading EXEC for MULTI\nAOF analyzed: filename=a, size=42, \
                 ok_up_to=27, ok_up_to_line=11, diff=15\n",
            ),
        ] {
            std::fs::write(scratch.0.join("a"), format!("{SET}{tail}")).expect("written");
            assert_eq!(said(&scratch, &["a"], ""), (format!("{wanted}{invalid}"), false));
            let (text, fine) = said(&scratch, &["--fix", "a"], "y\n");
            assert!(fine && text.ends_with("Successfully truncated AOF a\n"), "{text}");
            assert_eq!(std::fs::read(scratch.0.join("a")).expect("read"), SET.as_bytes());
        }
    }

    #[test]
    fn damage_that_only_a_checksum_shows_is_cut_off_too() {
        let scratch = Scratch::new("check-aof-sum");
        let mut digest = crc64fast::Digest::new();
        digest.write(SET.as_bytes());
        let mut text = SET.as_bytes().to_vec();
        crate::persist::aof::reader::write_checksum(&mut text, SET.len() as u64, digest.sum64());
        let sound = text.len();
        text.extend_from_within(..);
        text[sound + 24] = b'y';
        std::fs::write(scratch.0.join("a"), &text).expect("written");
        let (said_before, fine) = said(&scratch, &["a"], "");
        assert!(
            !fine && said_before.contains("Checksum of 27 bytes does not match"),
            "{said_before}"
        );
        assert!(said(&scratch, &["--fix", "a"], "y\n").1);
        assert_eq!(std::fs::metadata(scratch.0.join("a")).expect("there").len(), sound as u64);
    }

    #[test]
    fn only_the_last_file_is_cut() {
        let scratch = Scratch::new("check-aof-parts");
        let manifest = "file b seq 1 type b\nfile i seq 1 type i\n";
        std::fs::write(scratch.0.join("m"), manifest).expect("written");
        std::fs::write(scratch.0.join("b"), SET).expect("written");
        std::fs::write(scratch.0.join("i"), format!("#TS:100\r\n{SET}#TS:200\r\n{SET}"))
            .expect("written");
        let (text, fine) = said(&scratch, &["--truncate-to-timestamp", "150", "m"], "");
        assert!(fine && text.contains("Successfully truncated AOF i to timestamp 150"), "{text}");
        assert!(said(&scratch, &["m"], "").0.ends_with("All AOF files and manifest are valid\n"));
        std::fs::write(scratch.0.join("b"), &SET[..20]).expect("written");
        let (text, fine) = said(&scratch, &["--fix", "m"], "y\n");
        assert!(!fine && text.contains("because it is not the last file"), "{text}");
    }
}
