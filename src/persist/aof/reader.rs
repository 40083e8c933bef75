//! Reading an append-only file: commands and annotations, one after the other, each with its
//! offsets.
//!
//! ```text
//!   *3\r\n $3\r\nSET\r\n $1\r\nk\r\n $1\r\nv\r\n     a command: its words are ranges of the buffer, nothing is copied
//!   #TS:1700000000\r\n                               what follows was written in this second
//!   #CRC:4242:0123456789abcdef\r\n                   the 4242 bytes before this line have this CRC-64 (ours)
//!   #anything\r\n                                    passed over
//! ```
//!
//! Large pieces of the file are read at once and parsed where they lie. The buffer begins with the
//! item under way, so it grows only for a command that is larger than a piece, and never faster
//! than bytes really arrive: a length that a damaged file announces allocates nothing. Checksums
//! are computed over what was parsed, piece by piece.
//!
//! The reader judges form, not sense: what a command means is for whoever runs it. Loader and
//! checker share it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crc64fast::Digest;

use crate::base::text::parse_i64;

/// What one read asks for at least.
const PIECE: usize = 256 * 1024;
/// Longest line of a length, a count or an annotation.
pub const LINE_MAX: usize = 1024;
/// Words longer than any that can have been written.
const WORD_MAX: i64 = 1 << 60;

/// Bytes that can be read anywhere.
pub trait Source {
    /// Reads some bytes from an offset on; 0 is the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, into, offset)
    }
}

impl Source for &[u8] {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or(&[]);
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Its words are to be had until the next item.
    Command,
    /// Unix seconds.
    Timestamp(i64),
    /// So many bytes before it were found in order.
    Checksum(u64),
    Comment,
    End,
}

/// Where the file is not what it should be, and what there is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Instead of `*` or `#`.
    NoCommand(u8),
    /// Instead of the byte before a length.
    Prefix { wanted: u8, got: u8 },
    /// A count or length that is none, or a line without end.
    Number,
    /// Instead of CRLF.
    LineEnd([u8; 2]),
}

#[derive(Debug)]
pub enum Flaw {
    /// The file ends inside the item that began at [`Reader::start`].
    Truncated,
    Format {
        at: u64,
        reason: Reason,
    },
    /// These bytes are not those that were written.
    Damaged {
        from: u64,
        to: u64,
    },
    Read(io::Error),
}

/// What parsing came to.
enum Step {
    Done(Item),
    /// So many bytes of the item are needed at least.
    Need(usize),
}

pub struct Reader<S> {
    source: S,
    buf: Vec<u8>,
    /// Offset in the file of the buffer's first byte.
    base: u64,
    /// Where in the buffer the item under way begins, and where the next one does.
    start: usize,
    next: usize,
    words: Vec<(usize, usize)>,
    /// Lines of the item that were read, and where in the item the one begins that was not.
    lines: usize,
    torn_at: usize,
    at_end: bool,
    sum: Sum,
}

/// The checksum of what was parsed since the last one.
struct Sum {
    digest: Digest,
    /// Offset in the file where it begins.
    since: u64,
    /// Up to where in the buffer it goes.
    done: usize,
    wanted: bool,
}

impl<S: Source> Reader<S> {
    /// A reader that begins at an offset. `verify`: checksums are computed and compared.
    pub fn new(source: S, offset: u64, verify: bool) -> Reader<S> {
        let sum = Sum { digest: Digest::new(), since: offset, done: 0, wanted: verify };
        let (buf, words) = (Vec::new(), Vec::new());
        Reader {
            source,
            buf,
            base: offset,
            start: 0,
            next: 0,
            words,
            lines: 0,
            torn_at: 0,
            at_end: false,
            sum,
        }
    }

    /// Offset of the last item's first byte.
    pub fn start(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Offset behind the last item.
    pub fn offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Words of the command, as ranges of the buffer.
    pub fn ranges(&self) -> &[(usize, usize)] {
        &self.words
    }

    pub fn word(&self, index: usize) -> &[u8] {
        self.words.get(index).map_or(&[], |(start, len)| &self.buf[*start..*start + *len])
    }

    /// Offset in the file where a word begins.
    pub fn word_at(&self, index: usize) -> u64 {
        self.words.get(index).map_or(self.start(), |(start, _)| self.base + *start as u64)
    }

    /// Lines of the last item, as far as they could be read.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// What is there of the item under way: where it ends too early, offset and length of the part
    /// that was begun.
    pub fn torn(&self) -> (u64, usize) {
        let begun = self.start + self.torn_at;
        (self.base + begun as u64, self.buf.len().saturating_sub(begun))
    }

    /// Bytes that the line or word which begins at an offset should have had at least.
    pub fn wanted(&self, at: u64) -> u64 {
        let item = self.buf.get(self.start..).unwrap_or(&[]);
        let before = &item[..item.len().min(at.saturating_sub(self.start()) as usize)];
        let length = before.rsplit(|b| *b == b'$').next().unwrap_or(&[]);
        let digits = length.split(|b| *b == b'\r').next().and_then(parse_i64);
        digits.map_or(1, |len| len as u64 + 2)
    }

    /// The bytes of the item as they stand in the file.
    pub fn raw(&self) -> &[u8] {
        &self.buf[self.start..self.next]
    }

    /// The buffer, to be lent to whoever runs the command. It must come back as it was.
    pub fn buffer(&mut self) -> (&mut Vec<u8>, &[(usize, usize)]) {
        (&mut self.buf, &self.words)
    }

    /// The next item.
    pub fn advance(&mut self) -> Result<Item, Flaw> {
        self.start = self.next;
        self.lines = 0;
        loop {
            match self.parse()? {
                Step::Done(item) => return Ok(item),
                Step::Need(len) => {
                    if !self.read_more(len).map_err(Flaw::Read)? {
                        if self.start == self.buf.len() {
                            return Ok(Item::End);
                        }
                        return Err(Flaw::Truncated);
                    }
                }
            }
        }
    }

    /// Reads until the item has so many bytes, or the file ends. False: nothing came.
    fn read_more(&mut self, wanted: usize) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        self.add_to_sum(self.start);
        self.buf.drain(..self.start);
        self.base += self.start as u64;
        self.sum.done -= self.start;
        (self.start, self.next) = (0, 0);
        let before = self.buf.len();
        // What is only announced is not believed: at most as much again as has come.
        let mut room = wanted.saturating_sub(before).min(before).max(PIECE);
        while room > 0 {
            let filled = self.buf.len();
            self.buf.resize(filled + room, 0);
            let read = self.source.read_at(&mut self.buf[filled..], self.base + filled as u64);
            let n = match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.buf.truncate(filled);
                    continue;
                }
                other => other,
            };
            self.buf.truncate(filled + n.as_ref().map_or(0, |n| *n));
            let n = n?;
            self.at_end = n == 0;
            if n == 0 || self.buf.len() >= wanted {
                break;
            }
            room -= n;
        }
        Ok(self.buf.len() > before)
    }

    fn parse(&mut self) -> Result<Step, Flaw> {
        match self.buf.get(self.start) {
            None => Ok(Step::Need(1)),
            Some(b'*') => self.parse_command(),
            Some(b'#') => self.parse_annotation(),
            Some(other) => Err(self.flaw(self.start, Reason::NoCommand(*other))),
        }
    }

    fn flaw(&self, at: usize, reason: Reason) -> Flaw {
        Flaw::Format { at: self.base + at as u64, reason }
    }

    fn parse_command(&mut self) -> Result<Step, Flaw> {
        self.words.clear();
        (self.lines, self.torn_at) = (0, 0);
        let Some((count, mut at)) = self.number(self.start)? else {
            return Ok(self.need(1));
        };
        if count < 1 {
            return Err(self.flaw(self.start, Reason::Number));
        }
        for _ in 0..count {
            self.lines += 1;
            self.torn_at = at - self.start;
            match self.buf.get(at) {
                None => return Ok(self.need(1)),
                Some(b'$') => {}
                Some(got) => {
                    return Err(self.flaw(at, Reason::Prefix { wanted: b'$', got: *got }));
                }
            }
            let Some((len, start)) = self.number(at)? else {
                return Ok(self.need(1));
            };
            if !(0..=WORD_MAX).contains(&len) {
                return Err(self.flaw(at, Reason::Number));
            }
            let end = start + len as usize;
            self.lines += 1;
            self.torn_at = start - self.start;
            let Some(line_end) = self.buf.get(end..end + 2) else {
                return Ok(Step::Need(end + 2 - self.start));
            };
            if line_end != b"\r\n" {
                let got = [line_end[0], line_end[1]];
                return Err(self.flaw(start, Reason::LineEnd(got)));
            }
            self.words.push((start, len as usize));
            at = end + 2;
        }
        self.lines += 1;
        self.next = at;
        Ok(Step::Done(Item::Command))
    }

    /// More bytes than there are.
    fn need(&self, more: usize) -> Step {
        Step::Need(self.buf.len() - self.start + more)
    }

    /// The number in the line that begins at `at` with its mark, and where the next line begins.
    /// `None`: it is not all there.
    #[inline]
    fn number(&self, at: usize) -> Result<Option<(i64, usize)>, Flaw> {
        match &self.buf[at..] {
            [_, d @ b'0'..=b'9', b'\r', b'\n', ..] => Ok(Some((i64::from(d - b'0'), at + 4))),
            [_, d @ b'1'..=b'9', e @ b'0'..=b'9', b'\r', b'\n', ..] => {
                Ok(Some((i64::from(d - b'0') * 10 + i64::from(e - b'0'), at + 5)))
            }
            rest => self.any_number(rest, at),
        }
    }

    fn any_number(&self, rest: &[u8], at: usize) -> Result<Option<(i64, usize)>, Flaw> {
        const LONGEST: usize = 24;
        let Some(end) = rest.iter().take(LONGEST).position(|b| *b == b'\n') else {
            // What cannot become a number is no number, even if the file ends here.
            let digits = rest.iter().skip(1).take(LONGEST);
            let plausible = digits.filter(|b| !b.is_ascii_digit() && **b != b'\r').count() == 0;
            if rest.len() >= LONGEST || !plausible {
                return Err(self.flaw(at, no_number(rest)));
            }
            return Ok(None);
        };
        let Some(line) = rest[..end].strip_suffix(b"\r") else {
            let last = end.checked_sub(1).map_or(0, |i| rest[i]);
            return Err(self.flaw(at + end.saturating_sub(1), Reason::LineEnd([last, b'\n'])));
        };
        let number = line.get(1..).and_then(parse_i64);
        number
            .map(|number| Some((number, at + end + 1)))
            .ok_or_else(|| self.flaw(at, no_number(rest)))
    }

    fn parse_annotation(&mut self) -> Result<Step, Flaw> {
        let rest = &self.buf[self.start..];
        let Some(end) = rest.iter().take(LINE_MAX).position(|b| *b == b'\n') else {
            if rest.len() >= LINE_MAX {
                return Err(self.flaw(self.start, Reason::Number));
            }
            return Ok(self.need(1));
        };
        self.next = self.start + end + 1;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        if let Some(seconds) = line.strip_prefix(b"#TS:") {
            return Ok(Step::Done(match parse_i64(seconds) {
                Some(seconds) => Item::Timestamp(seconds),
                None => Item::Comment,
            }));
        }
        match line.strip_prefix(b"#CRC:").map(read_checksum) {
            Some(Some((bytes, wanted))) => self.verify(bytes, wanted).map(Step::Done),
            // Whatever this line was, it is not now.
            Some(None) => Err(Flaw::Damaged { from: self.sum.since, to: self.offset() }),
            None => Ok(Step::Done(Item::Comment)),
        }
    }

    fn add_to_sum(&mut self, up_to: usize) {
        if self.sum.wanted {
            self.sum.digest.write(&self.buf[self.sum.done..up_to]);
        }
        self.sum.done = up_to;
    }

    /// Compares a checksum of the bytes in front of the item, and begins a new one behind it.
    fn verify(&mut self, bytes: u64, wanted: u64) -> Result<Item, Flaw> {
        if !self.sum.wanted {
            return Ok(Item::Comment);
        }
        self.add_to_sum(self.start);
        let (end, since) = (self.start(), self.sum.since);
        let Some(from) = end.checked_sub(bytes).filter(|from| *from >= since) else {
            return Err(Flaw::Damaged { from: since, to: end });
        };
        // Bytes without a checksum may stand in front: those of a server that writes none.
        let got = if from == since {
            self.sum.digest.sum64()
        } else {
            self.sum_again(from, end).map_err(Flaw::Read)?
        };
        if got != wanted {
            return Err(Flaw::Damaged { from, to: end });
        }
        self.sum.digest = Digest::new();
        (self.sum.since, self.sum.done) = (self.offset(), self.next);
        Ok(Item::Checksum(bytes))
    }

    fn sum_again(&self, from: u64, end: u64) -> io::Result<u64> {
        let (mut digest, mut at) = (Digest::new(), from);
        let mut piece = vec![0; PIECE];
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            match self.source.read_at(&mut piece[..most], at)? {
                0 => break,
                n => {
                    digest.write(&piece[..n]);
                    at += n as u64;
                }
            }
        }
        Ok(digest.sum64())
    }
}

/// What is wrong with a line that should have been a number behind its mark.
fn no_number(line: &[u8]) -> Reason {
    let digits = line.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    match line.get(1 + digits..3 + digits) {
        Some([a, b]) if digits > 0 && (*a, *b) != (b'\r', b'\n') => Reason::LineEnd([*a, *b]),
        _ => Reason::Number,
    }
}

/// `<bytes>:<sixteen hexadecimal digits>`
fn read_checksum(text: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let (bytes, sum) = text.split_once(':')?;
    Some((bytes.parse().ok()?, (sum.len() == 16).then(|| u64::from_str_radix(sum, 16).ok())??))
}

/// The line that says what the checksum of the bytes before it is.
pub fn write_checksum(out: &mut Vec<u8>, bytes: u64, sum: u64) {
    out.extend_from_slice(format!("#CRC:{bytes}:{sum:016x}\r\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::line;
    use proptest::prelude::*;

    fn items(bytes: &[u8]) -> (Vec<String>, Option<Flaw>, u64) {
        let mut reader = Reader::new(bytes, 0, true);
        let mut out = vec![];
        loop {
            match reader.advance() {
                Ok(Item::End) => return (out, None, reader.offset()),
                Ok(Item::Command) => {
                    let words = (0..reader.ranges().len()).map(|i| reader.word(i).to_vec());
                    out.push(
                        String::from_utf8_lossy(&words.collect::<Vec<_>>().join(&b' ')).into(),
                    );
                }
                Ok(item) => out.push(format!("{item:?}")),
                Err(flaw) => return (out, Some(flaw), reader.start()),
            }
        }
    }

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut digest = Digest::new();
        digest.write(bytes);
        let mut out = bytes.to_vec();
        write_checksum(&mut out, bytes.len() as u64, digest.sum64());
        out
    }

    #[test]
    fn commands_and_annotations_come_in_order() {
        let text = b"#TS:1700000000\r\n*1\r\n$4\r\nPING\r\n#hello\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
        let (items, flaw, end) = items(text);
        assert_eq!(items, ["Timestamp(1700000000)", "PING", "Comment", "GET "]);
        assert!(flaw.is_none());
        assert_eq!(end, text.len() as u64);
    }

    #[test]
    fn every_truncation_is_noticed_and_begins_where_the_command_does() {
        let text = b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$12\r\nabcdefghijkl\r\n";
        for len in 0..text.len() {
            let (items, flaw, start) = items(&text[..len]);
            if len == 0 || len == 14 {
                assert!(flaw.is_none(), "{len}");
            } else {
                assert!(matches!(flaw, Some(Flaw::Truncated)), "{len}: {flaw:?}");
                assert_eq!(start, if len < 14 { 0 } else { 14 });
                assert_eq!(items.len(), usize::from(len > 14));
            }
        }
    }

    #[test]
    fn bad_form_is_told_with_its_place() {
        let at = |text: &[u8]| match items(text).1 {
            Some(Flaw::Format { at, reason }) => (at, reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(at(b"garbage"), (0, Reason::NoCommand(b'g')));
        assert_eq!(at(b"*0\r\n"), (0, Reason::Number));
        assert_eq!(at(b"*x\r\n"), (0, Reason::Number));
        assert_eq!(at(b"*1x"), (0, Reason::Number));
        assert_eq!(at(b"*1x\r\n"), (0, Reason::LineEnd(*b"x\r")));
        let prefix = Reason::Prefix { wanted: b'$', got: b'#' };
        assert_eq!(at(b"*1\r\n#3\r\nget"), (4, prefix));
        assert_eq!(at(b"*1\r\n$1\r\nabcd"), (8, Reason::LineEnd(*b"bc")));
        assert_eq!(at(b"*1\r\n$-1\r\n"), (4, Reason::Number));
    }

    #[test]
    fn a_checksum_finds_every_changed_byte() {
        let mut body = vec![];
        line::write(&mut body, &[b"SET", b"key", b"value"]);
        let whole = [sealed(&body), sealed(&body)].concat();
        assert!(items(&whole).1.is_none());
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0x04;
            // A changed mark makes a comment of the line, which stands for nothing but is no
            // command either.
            let (told, flaw, _) = items(&broken);
            assert!(flaw.is_some() || told.contains(&"Comment".to_owned()), "{at}: {told:?}");
        }
        let mut broken = whole.clone();
        broken[body.len() - 4] = b'X';
        let half = whole.len() as u64 / 2;
        let flaw = items(&broken).1;
        assert!(matches!(flaw, Some(Flaw::Damaged { from: 0, to }) if to == body.len() as u64));
        let mut broken = whole.clone();
        let place = broken.len() / 2 + body.len() - 4;
        broken[place] = b'X';
        let flaw = items(&broken).1;
        assert!(matches!(flaw, Some(Flaw::Damaged { from, .. }) if from == half), "{flaw:?}");
    }

    /// Redis may have appended to our file without checksums.
    #[test]
    fn bytes_without_a_checksum_may_stand_before_some_with_one() {
        let mut body = vec![];
        line::write(&mut body, &[b"SET", b"key", b"value"]);
        let whole = [&body[..], &sealed(&body)].concat();
        let (told, flaw, _) = items(&whole);
        assert!(flaw.is_none());
        assert_eq!(told.last().map(String::as_str), Some("Checksum(33)"));
    }

    proptest! {
        #[test]
        fn any_commands_survive(
            lines in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..4), 0..40),
        ) {
            let mut bytes = vec![];
            for line in &lines {
                line::write(&mut bytes, &line.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
            let (sealed, mut seen) = (sealed(&bytes), 0);
            let mut reader = Reader::new(sealed.as_slice(), 0, true);
            loop {
                match reader.advance().expect("sound") {
                    Item::End => break,
                    Item::Command => {
                        let words: Vec<_> =
                            (0..reader.ranges().len()).map(|i| reader.word(i).to_vec()).collect();
                        prop_assert_eq!(&words, &lines[seen]);
                        seen += 1;
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(seen, lines.len());
        }

        #[test]
        fn no_bytes_are_too_much(bytes in prop::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'#'), any::<u8>()],
            0..200,
        )) {
            items(&bytes);
        }
    }
}
