//! The manifest: which files make up the append-only file, in which order.
//!
//! ```text
//!   file appendonly.aof.2.base.rdb seq 2 type b      at most one base: the state to begin with
//!   file appendonly.aof.1.incr.aof seq 1 type h      history: superseded, to be removed
//!   file appendonly.aof.2.incr.aof seq 2 type i      increments: what was written since, in order
//! ```
//!
//! This is the format of Redis 8, word by word. An increment has `startoffset n`: how much had been
//! told before it began (`Unit::told`), and, if the server has let go of it in order, `endoffset
//! n`. Pairs that nobody knows are passed over. Nothing here touches a disk.

use crate::base::split;
use crate::base::text::parse_i64;

/// Longest line, its end included, that the reference reads.
const LINE_MAX: usize = 1023;

/// What a file is to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Base,
    History,
    Increment,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: Vec<u8>,
    pub seq: i64,
    pub kind: Kind,
    /// How much had been told before what is in the file, and with it.
    pub start: Option<i64>,
    pub end: Option<i64>,
}

impl Part {
    pub fn new(name: Vec<u8>, seq: i64, kind: Kind) -> Part {
        Part { name, seq, kind, start: None, end: None }
    }
}

/// All files that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Part>,
    pub history: Vec<Part>,
    pub increments: Vec<Part>,
    /// The highest numbers given so far.
    pub base_seq: i64,
    pub increment_seq: i64,
}

/// Why a manifest cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Number and text of the line, where one is to blame.
    pub line: Option<(usize, Vec<u8>)>,
    pub reason: &'static str,
}

impl Manifest {
    pub fn parse(text: &[u8]) -> Result<Manifest, Flaw> {
        if text.is_empty() {
            return Err(Flaw { line: None, reason: "Found an empty AOF manifest" });
        }
        let mut manifest = Manifest::default();
        for (index, whole) in text.split_inclusive(|b| *b == b'\n').enumerate() {
            let Some(line) = whole.strip_suffix(b"\n").filter(|_| whole.len() <= LINE_MAX) else {
                let reason = "The AOF manifest file contains too long line";
                return Err(Flaw { line: None, reason });
            };
            if line.starts_with(b"#") {
                continue;
            }
            let line = line.trim_ascii();
            manifest
                .read_line(line)
                .map_err(|reason| Flaw { line: Some((index + 1, line.to_vec())), reason })?;
        }
        Ok(manifest)
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let part = read_part(line)?;
        match part.kind {
            Kind::Base if self.base.is_some() => {
                return Err("Found duplicate base file information");
            }
            Kind::Base => {
                self.base_seq = part.seq;
                self.base = Some(part);
            }
            Kind::History => self.history.push(part),
            Kind::Increment if part.seq <= self.increment_seq => {
                return Err("Found a non-monotonic sequence number");
            }
            Kind::Increment => {
                self.increment_seq = part.seq;
                self.increments.push(part);
            }
        }
        Ok(())
    }

    /// The text of the file.
    pub fn print(&self) -> Vec<u8> {
        let mut out = vec![];
        for part in self.base.iter().chain(&self.history).chain(&self.increments) {
            out.extend_from_slice(b"file ");
            if split::needs_quotes(&part.name) {
                split::quote(&mut out, &part.name);
            } else {
                out.extend_from_slice(&part.name);
            }
            let letter = match part.kind {
                Kind::Base => 'b',
                Kind::History => 'h',
                Kind::Increment => 'i',
            };
            out.extend_from_slice(format!(" seq {} type {letter}", part.seq).as_bytes());
            for (word, offset) in [("startoffset", part.start), ("endoffset", part.end)] {
                if let Some(offset) = offset {
                    out.extend_from_slice(format!(" {word} {offset}").as_bytes());
                }
            }
            out.push(b'\n');
        }
        out
    }

    /// Files to be loaded, in order.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// Takes up a new base: the old one becomes history, and so do the increments, since whatever
    /// they say is in the base; but not the last one if it was begun together with the base.
    pub fn supersede(&mut self, stem: &[u8], is_rdb: bool, keep_last: bool) -> Vec<u8> {
        self.base_seq += 1;
        let suffix = if is_rdb { "rdb" } else { "aof" };
        let name = numbered(stem, self.base_seq, &format!("base.{suffix}"));
        let new = Part::new(name.clone(), self.base_seq, Kind::Base);
        let old = self.base.replace(new);
        let ended = self.increments.len().saturating_sub(usize::from(keep_last));
        let ended = old.into_iter().chain(self.increments.drain(..ended));
        // Compat: the newest comes first.
        let ended: Vec<_> = ended.map(|part| Part { kind: Kind::History, ..part }).collect();
        self.history.splice(0..0, ended.into_iter().rev());
        name
    }

    /// Names the next increment, which is the last from now on. So much was told before it.
    pub fn add_increment(&mut self, stem: &[u8], start: i64) -> Vec<u8> {
        self.increment_seq += 1;
        let name = numbered(stem, self.increment_seq, "incr.aof");
        let part = Part::new(name.clone(), self.increment_seq, Kind::Increment);
        self.increments.push(Part { start: Some(start), ..part });
        name
    }

    /// Notes that the last increment is complete with so much told, or that it goes on. Where it is
    /// not known what was told before, that says nothing.
    pub fn set_end(&mut self, end: Option<i64>) {
        if let Some(last) = self.increments.last_mut() {
            last.end = end.filter(|_| last.start.is_some());
        }
    }

    /// How much was told in all. If the server did not note that in the end, more than that: the
    /// last increment has so many bytes, and what was told has at least one each.
    pub fn told(&self, last_bytes: u64) -> i64 {
        let Some(last) = self.increments.last() else { return 0 };
        let beyond = || last.start.unwrap_or(0).saturating_add_unsigned(last_bytes);
        last.end.unwrap_or_else(beyond)
    }
}

fn numbered(stem: &[u8], seq: i64, what: &str) -> Vec<u8> {
    [stem, format!(".{seq}.{what}").as_bytes()].concat()
}

fn read_part(line: &[u8]) -> Result<Part, &'static str> {
    const INVALID: &str = "Invalid AOF manifest file format";
    let words = split::split_args(line).ok_or(INVALID)?;
    if words.len() < 6 || words.len() % 2 != 0 {
        return Err(INVALID);
    }
    let (mut name, mut seq, mut kind, mut start, mut end) = (None, 0, None, None, None);
    for pair in words.chunks_exact(2) {
        match pair[0].to_ascii_lowercase().as_slice() {
            b"file" if pair[1].contains(&b'/') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(pair[1].clone()),
            b"seq" => seq = leading_number(&pair[1]),
            b"startoffset" => start = Some(leading_number(&pair[1])),
            b"endoffset" => end = Some(leading_number(&pair[1])),
            b"type" => kind = Some(pair[1].first().copied().unwrap_or(0)),
            _ => {}
        }
    }
    let (Some(name), Some(kind)) = (name.filter(|name| !name.is_empty()), kind) else {
        return Err(INVALID);
    };
    if seq == 0 || kind == 0 {
        return Err(INVALID);
    }
    let kind = match kind {
        b'b' => Kind::Base,
        b'h' => Kind::History,
        b'i' => Kind::Increment,
        _ => return Err("Unknown AOF file type"),
    };
    Ok(Part { name, seq, kind, start, end })
}

/// Compat: the reference reads a number as far as there is one.
fn leading_number(text: &[u8]) -> i64 {
    let digits = text.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    text.get(..digits + 1).and_then(parse_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).expect_err("a flaw").reason
    }

    #[test]
    fn what_redis_wrote_is_read_and_written_back() {
        let text = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                    file appendonly.aof.1.base.rdb seq 1 type h\n\
                    file appendonly.aof.2.incr.aof seq 2 type i\n";
        let manifest = Manifest::parse(text.as_bytes()).expect("sound");
        assert_eq!(manifest.print(), text.as_bytes());
        assert_eq!((manifest.base_seq, manifest.increment_seq), (2, 2));
        let newer = "# by a newer release\nfile \"a b\" SEQ 7 TYPE incr startoffset 16 later 1 endoffset 16\n";
        let manifest = Manifest::parse(newer.as_bytes()).expect("sound");
        let again = b"file \"a b\" seq 7 type i startoffset 16 endoffset 16\n";
        assert_eq!(manifest.print(), again);
    }

    #[test]
    fn flaws_are_named_as_the_reference_names_them() {
        assert_eq!(reason(""), "Found an empty AOF manifest");
        let invalid = "Invalid AOF manifest file format";
        for text in [
            "\n",
            "file x seq 1\n",
            "file x seq 0 type b\n",
            "file x seq 1 type b\n\n",
            "file \"x seq 1 type b\n",
            "seq 1 type b more stuff\n",
            "file x seq 1 type b odd\n",
            "file x seq z type b\n",
        ] {
            assert_eq!(reason(text), invalid, "{text}");
        }
        assert_eq!(reason("file a/b seq 1 type b\n"), "File can't be a path, just a filename");
        assert_eq!(reason("file x seq 1 type z\n"), "Unknown AOF file type");
        let two = "file x seq 1 type b\nfile y seq 2 type b\n";
        assert_eq!(reason(two), "Found duplicate base file information");
        let flaw = Manifest::parse(two.as_bytes()).expect_err("a flaw");
        assert_eq!(flaw.line, Some((2, b"file y seq 2 type b".to_vec())));
        let back = "file i seq 2 type i\nfile j seq 1 type i\n";
        assert_eq!(reason(back), "Found a non-monotonic sequence number");
        let long = format!("file {} seq 1 type b\n", "x".repeat(1100));
        for text in [long.as_str(), "file x seq 1 type b"] {
            assert_eq!(reason(text), "The AOF manifest file contains too long line");
        }
    }

    #[test]
    fn what_was_told_is_known_from_the_end_or_estimated() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.told(100), 0);
        manifest.add_increment(b"a", 7);
        manifest.add_increment(b"a", 9);
        assert_eq!(manifest.told(100), 109);
        manifest.set_end(Some(12));
        assert_eq!(manifest.told(100), 12);
        let text = "file a.1.incr.aof seq 1 type i startoffset 7\n\
                    file a.2.incr.aof seq 2 type i startoffset 9 endoffset 12\n";
        assert_eq!(manifest.print(), text.as_bytes());
        manifest.set_end(None);
        assert_eq!(manifest.told(1), 10);
        // Of a release that notes nothing down.
        let mut old = Manifest::parse(b"file x seq 1 type i\n").expect("sound");
        old.set_end(Some(5));
        assert_eq!((old.told(3), old.print()), (3, b"file x seq 1 type i\n".to_vec()));
    }

    #[test]
    fn a_rewrite_turns_what_was_into_history() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.supersede(b"a", true, true), b"a.1.base.rdb");
        assert_eq!(manifest.add_increment(b"a", 0), b"a.1.incr.aof");
        manifest.add_increment(b"a", 4);
        assert_eq!(manifest.supersede(b"a", false, true), b"a.2.base.aof");
        let text = "file a.2.base.aof seq 2 type b\nfile a.1.incr.aof seq 1 type h startoffset 0\n\
                    file a.1.base.rdb seq 1 type h\nfile a.2.incr.aof seq 2 type i startoffset 4\n";
        assert_eq!(manifest.print(), text.as_bytes());
    }

    proptest! {
        #[test]
        fn any_names_survive(names in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..5)) {
            let mut manifest = Manifest::default();
            for (index, name) in names.iter().enumerate() {
                let name: Vec<u8> = name.iter().map(|b| if *b == b'/' { b'_' } else { *b }).collect();
                let seq = index as i64 + 1;
                manifest.increments.push(Part::new(name, seq, Kind::Increment));
                manifest.increment_seq = seq;
            }
            prop_assert_eq!(Manifest::parse(&manifest.print()).expect("sound"), manifest);
        }

        #[test]
        fn no_bytes_are_too_much(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Manifest::parse(&text);
        }
    }
}
