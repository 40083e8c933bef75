//! The manifest: which files make up the append-only file, in which order.
//!
//! ```text
//!   file appendonly.aof.2.base.rdb seq 2 type b      at most one base: the state to begin with
//!   file appendonly.aof.1.incr.aof seq 1 type h      history: superseded, to be removed
//!   file appendonly.aof.2.incr.aof seq 2 type i      increments: what was written since, in order
//! ```
//!
//! This is the format of Redis 7, word by word; pairs after the first three that nobody knows are passed over, so that
//! offsets which newer releases note down do no harm. Nothing here touches a disk.

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
            out.extend_from_slice(format!(" seq {} type {letter}\n", part.seq).as_bytes());
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

    /// Takes up a new base: the old one becomes history, and so do the increments, since whatever they say is in the
    /// base; but not the last one if it was begun together with the base.
    pub fn supersede(&mut self, stem: &[u8], is_rdb: bool, keep_last: bool) -> Vec<u8> {
        self.base_seq += 1;
        let suffix = if is_rdb { "rdb" } else { "aof" };
        let name = numbered(stem, self.base_seq, &format!("base.{suffix}"));
        let new = Part { name: name.clone(), seq: self.base_seq, kind: Kind::Base };
        let old = self.base.replace(new);
        let ended = self.increments.len().saturating_sub(usize::from(keep_last));
        let ended = old.into_iter().chain(self.increments.drain(..ended));
        // Compat: the newest comes first.
        let ended: Vec<_> = ended.map(|part| Part { kind: Kind::History, ..part }).collect();
        self.history.splice(0..0, ended.into_iter().rev());
        name
    }

    /// Names the next increment, which is the last from now on.
    pub fn add_increment(&mut self, stem: &[u8]) -> Vec<u8> {
        self.increment_seq += 1;
        let name = numbered(stem, self.increment_seq, "incr.aof");
        let (name_of_part, seq) = (name.clone(), self.increment_seq);
        self.increments.push(Part { name: name_of_part, seq, kind: Kind::Increment });
        name
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
    let (mut name, mut seq, mut kind) = (None, 0, None);
    for pair in words.chunks_exact(2) {
        match pair[0].to_ascii_lowercase().as_slice() {
            b"file" if pair[1].contains(&b'/') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(pair[1].clone()),
            b"seq" => seq = leading_number(&pair[1]),
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
    Ok(Part { name, seq, kind })
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
        let newer =
            "# by a newer release\nfile \"a b\" SEQ 7 TYPE incr startoffset 16 endoffset 16\n";
        let manifest = Manifest::parse(newer.as_bytes()).expect("sound");
        assert_eq!(manifest.print(), b"file \"a b\" seq 7 type i\n");
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
    fn a_rewrite_turns_what_was_into_history() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.supersede(b"a", true, true), b"a.1.base.rdb");
        assert_eq!(manifest.add_increment(b"a"), b"a.1.incr.aof");
        manifest.add_increment(b"a");
        assert_eq!(manifest.supersede(b"a", false, true), b"a.2.base.aof");
        let text = "file a.2.base.aof seq 2 type b\nfile a.1.incr.aof seq 1 type h\n\
                    file a.1.base.rdb seq 1 type h\nfile a.2.incr.aof seq 2 type i\n";
        assert_eq!(manifest.print(), text.as_bytes());
    }

    proptest! {
        #[test]
        fn any_names_survive(names in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..5)) {
            let mut manifest = Manifest::default();
            for (index, name) in names.iter().enumerate() {
                let name: Vec<u8> = name.iter().map(|b| if *b == b'/' { b'_' } else { *b }).collect();
                let seq = index as i64 + 1;
                manifest.increments.push(Part { name, seq, kind: Kind::Increment });
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
