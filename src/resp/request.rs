//! Requests: an incremental parser over whatever slices of bytes the socket delivers.
//!
//! ```text
//!   *2\r\n $3\r\nGET\r\n $3\r\nkey\r\n      a multibulk request: count, then per argument a length and its bytes
//!   GET key\r\n                            an inline request: words, with quoting, up to the line's end
//! ```
//!
//! A [`Query`] owns the bytes of one client and the arguments found in them so far. An argument is
//! a range of the buffer, so nothing is copied between the socket and the command. The exception
//! pays for itself: a bulk of [`BIG`] bytes or more that has not arrived in full gets its own
//! allocation, the socket is read straight into it, and a command may keep it as a value without
//! another copy.
//!
//! ```text
//!   buf  [ consumed | current command ............ | next commands ... | spare ]
//!                   ^ start                ^ pos                       ^ len
//! ```
//!
//! Invariants: `start <= pos <= buf.len()`; ranges in `argv` lie in `start..pos`; bytes before
//! `start` are dead and go away when more room is wanted, between commands or not. No length that a
//! client merely announces makes us allocate: a big bulk grows with what has arrived of it.
//!
//! The limits and texts are those of Redis 8.2, compared with the live server.

pub mod queue;

use std::ops::Index;
use std::sync::Arc;

use memchr::memchr2;

use crate::base::split::split_args;
use crate::base::text::parse_i64;

/// A line (inline request, count or length) longer than this without its end is refused.
pub const LINE_MAX: usize = 64 * 1024;
/// Bulks from this size on are read into their own allocation.
pub const BIG: usize = 32 * 1024;
/// What one read asks for.
pub const READ_SIZE: usize = 16 * 1024;
/// Buffers of more bytes, and lists of more arguments, are not kept for the next client.
const KEPT_BYTES: usize = 64 * 1024;
const KEPT_ARGS: usize = 1024;
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
const UNAUTHENTICATED_BULK_MAX: i64 = 16 * 1024;

/// An argument: a range of the query buffer, or one of the big bulks.
#[derive(Clone, Copy, Debug)]
struct Arg {
    /// Offset into the buffer, or [`IS_BIG`] plus an index into the big bulks.
    start: usize,
    len: usize,
}

const IS_BIG: usize = 1 << (usize::BITS - 1);

/// What a request may be, given who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`
    pub bulk_max: u64,
    /// Strangers may send small requests only.
    pub authenticated: bool,
}

/// Why a stream of bytes cannot be understood any further. The text follows `-ERR Protocol error:
/// `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    BigCountLine,
    BigInline,
    BigLengthLine,
    Count,
    Expected(u8),
    Length,
    LineEnd,
    Quotes,
    UnauthenticatedCount,
    UnauthenticatedLength,
}

impl ProtocolError {
    /// The text as it goes out: bytes, since it may repeat one of the client's.
    pub fn text(self) -> Vec<u8> {
        let text = match self {
            ProtocolError::BigCountLine => "too big mbulk count string",
            ProtocolError::BigInline => "too big inline request",
            ProtocolError::BigLengthLine => "too big bulk count string",
            ProtocolError::Count => "invalid multibulk length",
            ProtocolError::Expected(byte) => {
                return [b"expected '$', got '", &[byte][..], b"'"].concat();
            }
            ProtocolError::Length => "invalid bulk length",
            ProtocolError::LineEnd => "invalid CRLF in request",
            ProtocolError::Quotes => "unbalanced quotes in request",
            ProtocolError::UnauthenticatedCount => "unauthenticated multibulk length",
            ProtocolError::UnauthenticatedLength => "unauthenticated bulk length",
        };
        text.as_bytes().to_vec()
    }

    /// The text as the log shows it, which is not always what the client is told.
    pub fn log_text(self) -> &'static str {
        match self {
            ProtocolError::BigCountLine => "too big mbulk count string",
            ProtocolError::BigInline => "too big inline request",
            ProtocolError::BigLengthLine => "too big bulk count string",
            ProtocolError::Count => "invalid mbulk count",
            ProtocolError::Expected(_) => "expected $ but got something else",
            ProtocolError::Length => "invalid bulk length",
            ProtocolError::LineEnd => "invalid CRLF in request",
            ProtocolError::Quotes => "unbalanced quotes in request",
            ProtocolError::UnauthenticatedCount => "unauth mbulk count",
            ProtocolError::UnauthenticatedLength => "unauth bulk length",
        }
    }
}

/// A number, if it is well formed, and where the next line begins; nothing if the line is not
/// complete.
type NumberLine = Option<(Option<i64>, usize)>;

/// What [`Query::parse`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request: its arguments are in [`Query::args`] until [`Query::consume`].
    Request,
    NeedMore,
}

/// A request that has arrived and whose turn has not come: its command, and the first two
/// arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upcoming<'q> {
    pub name: &'q [u8],
    /// The key, if the command is about one.
    pub first: &'q [u8],
    pub second: Option<&'q [u8]>,
}

/// A big bulk on its way in.
#[derive(Debug)]
struct Filling {
    bytes: Vec<u8>,
    /// Its length without the final CRLF.
    len: usize,
}

impl Filling {
    /// All of it has arrived, but for the CRLF, in whose place there is something else.
    fn is_over(&self) -> bool {
        self.bytes.len() >= self.len + 2
    }
}

/// The bytes a client sent and the request being read from them.
#[derive(Debug, Default)]
pub struct Query {
    buf: Vec<u8>,
    start: usize,
    pos: usize,
    argv: Vec<Arg>,
    bigs: Vec<Arc<Vec<u8>>>,
    filling: Option<Filling>,
    /// Arguments still to come of a multibulk request, 0 between requests.
    missing: usize,
    /// The announced length of the argument being read.
    bulk: Option<usize>,
}

impl Query {
    /// Takes the next request from the buffer. Empty requests are skipped, as they get no reply.
    #[inline]
    pub fn parse(&mut self, limits: Limits) -> Result<Parsed, ProtocolError> {
        loop {
            if self.missing == 0 {
                if !self.argv.is_empty() {
                    // its last argument was a big one, or it was parsed before
                    return Ok(Parsed::Request);
                }
                match self.buf.get(self.pos) {
                    None => return Ok(Parsed::NeedMore),
                    Some(b'*') => {
                        if !self.parse_count(limits)? {
                            return Ok(Parsed::NeedMore);
                        }
                        if self.missing == 0 {
                            self.start = self.pos; // `*0`, `*-1`: nothing is asked
                            continue;
                        }
                    }
                    Some(_) => {
                        if !self.parse_inline()? {
                            return Ok(Parsed::NeedMore);
                        }
                        if self.argv.is_empty() {
                            self.start = self.pos;
                            continue;
                        }
                        return Ok(Parsed::Request);
                    }
                }
            }
            return self.parse_bulks(limits);
        }
    }

    fn parse_count(&mut self, limits: Limits) -> Result<bool, ProtocolError> {
        let Some((count, next)) = self.number_line(ProtocolError::BigCountLine)? else {
            return Ok(false);
        };
        let count = count.filter(|c| *c <= i64::from(i32::MAX)).ok_or(ProtocolError::Count)?;
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        self.pos = next;
        self.missing = usize::try_from(count).unwrap_or(0);
        Ok(true)
    }

    fn parse_bulks(&mut self, limits: Limits) -> Result<Parsed, ProtocolError> {
        while self.missing > 0 {
            let len = match self.bulk {
                Some(_) if self.filling.as_ref().is_some_and(Filling::is_over) => {
                    return Err(ProtocolError::LineEnd);
                }
                Some(len) => len,
                None => {
                    let Some((len, next)) = self.number_line(ProtocolError::BigLengthLine)? else {
                        return Ok(Parsed::NeedMore);
                    };
                    if self.buf[self.pos] != b'$' {
                        return Err(ProtocolError::Expected(self.buf[self.pos]));
                    }
                    let len = len.filter(|l| *l >= 0 && *l as u64 <= limits.bulk_max);
                    let len = len.ok_or(ProtocolError::Length)?;
                    if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
                        return Err(ProtocolError::UnauthenticatedLength);
                    }
                    self.pos = next;
                    len as usize
                }
            };
            if self.buf.len() - self.pos < len + 2 {
                if len >= BIG && self.filling.is_none() {
                    self.begin_filling(len);
                }
                self.bulk = Some(len);
                return Ok(Parsed::NeedMore);
            }
            let end = self.pos + len;
            if self.buf[end..end + 2] != *b"\r\n" {
                self.bulk = Some(len);
                return Err(ProtocolError::LineEnd);
            }
            self.bulk = None;
            self.argv.push(Arg { start: self.pos, len });
            self.pos = end + 2;
            self.missing -= 1;
        }
        Ok(Parsed::Request)
    }

    /// Reads `<type><number>\r\n` at `pos`. `None`: the line is not complete yet; a `None` number:
    /// it is malformed.
    #[inline(always)]
    fn number_line(&self, too_long: ProtocolError) -> Result<NumberLine, ProtocolError> {
        // Nearly every line is one or two digits: no search, no general parser.
        match &self.buf[self.pos..] {
            [_, d @ b'1'..=b'9', b'\r', b'\n', ..] => {
                Ok(Some((Some(i64::from(d - b'0')), self.pos + 4)))
            }
            [_, d @ b'1'..=b'9', e @ b'0'..=b'9', b'\r', b'\n', ..] => {
                let number = i64::from(d - b'0') * 10 + i64::from(e - b'0');
                Ok(Some((Some(number), self.pos + 5)))
            }
            rest => self.any_number_line(rest, too_long),
        }
    }

    /// A carriage return without a line feed behind it ends the connection, whatever the line says,
    /// as in Valkey 9.1: where a proxy sees the end of a line and a server another one, or none,
    /// requests are smuggled past the proxy.
    ///
    /// Compat: a NUL hides the rest of the buffer, because that is how the reference scans.
    #[inline(never)]
    fn any_number_line(
        &self,
        rest: &[u8],
        too_long: ProtocolError,
    ) -> Result<NumberLine, ProtocolError> {
        match memchr2(b'\r', 0, rest) {
            Some(end) if rest[end] == b'\r' => {
                // What is no length at all is said first, as there.
                if too_long == ProtocolError::BigLengthLine && rest[0] != b'$' {
                    return Ok(Some((None, self.pos)));
                }
                match rest.get(end + 1) {
                    None => Ok(None),
                    Some(b'\n') => {
                        let number = rest.get(1..end).and_then(parse_i64);
                        Ok(Some((number, self.pos + end + 2)))
                    }
                    Some(_) => Err(ProtocolError::LineEnd),
                }
            }
            _ if rest.len() > LINE_MAX => Err(too_long),
            _ => Ok(None),
        }
    }

    fn parse_inline(&mut self) -> Result<bool, ProtocolError> {
        let rest = &self.buf[self.pos..];
        // Compat: as in `number_line`, a NUL hides what follows it.
        let end = match memchr2(b'\n', 0, rest) {
            Some(end) if rest[end] == b'\n' => end,
            _ if rest.len() > LINE_MAX => return Err(ProtocolError::BigInline),
            _ => return Ok(false),
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let words = split_args(line).ok_or(ProtocolError::Quotes)?;
        // Unquoted words would be ranges of the line, but quoted ones need unescaping: all go to
        // the line's place, which is never shorter than they are together.
        let mut at = self.pos;
        self.argv.clear();
        for word in &words {
            self.buf[at..at + word.len()].copy_from_slice(word);
            self.argv.push(Arg { start: at, len: word.len() });
            at += word.len();
        }
        self.pos += end + 1;
        Ok(true)
    }

    /// Gives the argument under way its own allocation and moves there what has arrived of it.
    fn begin_filling(&mut self, len: usize) {
        let arrived = self.buf.len() - self.pos;
        let mut bytes = Vec::with_capacity((len + 2).min((2 * arrived).max(2 * BIG)));
        bytes.extend_from_slice(&self.buf[self.pos..]);
        self.buf.truncate(self.pos);
        self.filling = Some(Filling { bytes, len });
    }

    /// Lets `read` append to the buffer that wants bytes next, at most `room` of them. Returns what
    /// `read` returned.
    pub fn read_with<T, E>(
        &mut self,
        read: impl FnOnce(&mut Vec<u8>, usize) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(filling) = self.filling.as_mut().filter(|filling| !filling.is_over()) else {
            self.reclaim();
            self.buf.reserve(READ_SIZE);
            let room = self.buf.capacity() - self.buf.len();
            return read(&mut self.buf, room);
        };
        let total = filling.len + 2;
        if filling.bytes.len() == filling.bytes.capacity() {
            let grown = total.min(2 * filling.bytes.len());
            filling.bytes.reserve_exact(grown - filling.bytes.len());
        }
        let room = filling.bytes.capacity() - filling.bytes.len();
        let done = read(&mut filling.bytes, room)?;
        // Without its line end it stays where it is, for `parse` to find.
        if filling.bytes.get(filling.len..total) == Some(b"\r\n") {
            // An allocation may be roomier than asked for: what is beyond the end belongs to the
            // next request.
            self.buf.extend_from_slice(&filling.bytes[total..]);
            let mut whole = self.filling.take().expect("it was there a moment ago");
            whole.bytes.truncate(whole.len);
            self.argv.push(Arg { start: IS_BIG | self.bigs.len(), len: whole.len });
            self.bigs.push(Arc::new(whole.bytes));
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(done)
    }

    /// A large argument is under way: what is read now belongs to it, and to nothing else before it
    /// is complete.
    #[inline]
    pub fn is_filling(&self) -> bool {
        self.filling.is_some()
    }

    /// Requests with arguments that wait in the buffer: a guess from a quick look, for fetching
    /// memory ahead. Whatever is unusual ends it.
    #[inline]
    pub fn upcoming(&self) -> impl Iterator<Item = Upcoming<'_>> + Clone {
        let mut rest =
            if self.missing == 0 { self.buf.get(self.pos..).unwrap_or(&[]) } else { &[] };
        std::iter::from_fn(move || {
            let words = short_number(&mut rest, b'*')?;
            let (mut name, mut first, mut second) = (&[][..], None, None);
            for word in 0..words {
                let len = short_number(&mut rest, b'$')?;
                let (bytes, after) = rest.split_at_checked(len + 2)?;
                match word {
                    0 => name = &bytes[..len],
                    1 => first = Some(&bytes[..len]),
                    2 => second = Some(&bytes[..len]),
                    _ => {}
                }
                rest = after;
            }
            Some(Upcoming { name, first: first?, second })
        })
    }

    /// Throws away the consumed bytes in front of the current request.
    fn reclaim(&mut self) {
        if self.start == 0 {
            return;
        }
        self.buf.drain(..self.start);
        self.pos -= self.start;
        for arg in self.argv.iter_mut().filter(|a| a.start & IS_BIG == 0) {
            arg.start -= self.start;
        }
        self.start = 0;
    }

    /// Ends the current request: its arguments are gone.
    #[inline]
    pub fn consume(&mut self) {
        self.argv.clear();
        if !self.bigs.is_empty() {
            self.bigs.clear();
        }
        self.start = self.pos;
        if self.pos == self.buf.len() {
            self.buf.clear();
            self.start = 0;
            self.pos = 0;
        }
    }

    /// Puts other bytes in the place of an argument of the current request.
    pub fn replace(&mut self, index: usize, bytes: Vec<u8>) {
        if let Some(arg) = self.argv.get_mut(index) {
            *arg = Arg { start: IS_BIG | self.bigs.len(), len: bytes.len() };
            self.bigs.push(Arc::new(bytes));
        }
    }

    /// Appends bytes as if they had been read.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let done: Result<_, ()> = self.read_with(|buf, room| {
                let n = room.min(bytes.len());
                buf.extend_from_slice(&bytes[..n]);
                bytes = &bytes[n..];
                Ok(())
            });
            done.expect("appending cannot fail");
        }
    }

    /// A query that holds one request made of these arguments, ready to run.
    pub fn of(args: &[&[u8]]) -> Query {
        let mut query = Query::default();
        for arg in args {
            query.argv.push(Arg { start: query.buf.len(), len: arg.len() });
            query.buf.extend_from_slice(arg);
        }
        query.pos = query.buf.len();
        query
    }

    /// Lays a request into the query whose words are ranges of other bytes, which it takes in
    /// exchange for its own buffer until [`Query::give_back`]. It must hold no request of its own.
    pub fn borrow(&mut self, bytes: &mut Vec<u8>, words: &[(usize, usize)]) {
        self.reset();
        std::mem::swap(&mut self.buf, bytes);
        self.argv.extend(words.iter().map(|(start, len)| Arg { start: *start, len: *len }));
        self.start = words.first().map_or(0, |(start, _)| *start);
        // Behind the last word's CRLF lies the next request.
        let end = words.last().map_or(0, |(start, len)| start + len + 2);
        self.pos = end.min(self.buf.len());
    }

    /// Gives the bytes of [`Query::borrow`] back.
    pub fn give_back(&mut self, bytes: &mut Vec<u8>) {
        std::mem::swap(&mut self.buf, bytes);
        self.argv.clear();
        self.bigs.clear();
        (self.start, self.pos) = (0, 0);
    }

    /// Makes room for a request that is made here, see [`Query::add_word`].
    #[inline]
    pub fn clear(&mut self) {
        if self.buf.capacity() > KEPT_BYTES {
            *self = Query::default();
        }
        self.buf.clear();
        self.argv.clear();
        self.bigs.clear();
        (self.start, self.pos) = (0, 0);
    }

    /// Adds a word to the request, by appending it to the buffer.
    #[inline]
    pub fn add_word(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buf.len();
        write(&mut self.buf);
        self.pos = self.buf.len();
        self.argv.push(Arg { start, len: self.pos - start });
    }

    /// Nothing is buffered and no request is under way.
    pub fn is_idle(&self) -> bool {
        self.pos == self.buf.len() && self.missing == 0 && self.argv.is_empty()
    }

    /// Moves what is left unread, partial request included, into a query of its own, as small as it
    /// can be; the buffers of this one stay, empty, for the next client.
    pub fn detach(&mut self) -> Query {
        self.reclaim();
        let mut own = Query {
            buf: self.buf.as_slice().to_vec(),
            start: 0,
            pos: self.pos,
            argv: self.argv.as_slice().to_vec(),
            bigs: std::mem::take(&mut self.bigs),
            filling: self.filling.take(),
            missing: self.missing,
            bulk: self.bulk.take(),
        };
        if self.is_idle() {
            own.buf = Vec::new();
        }
        self.reset();
        own
    }

    /// Whether copying what is left, as [`Query::detach`] does, costs more than doing without the
    /// buffers: a request that comes in many small pieces would be copied at each of them.
    pub fn is_bulky(&self) -> bool {
        self.buf.len() > KEPT_BYTES || self.argv.len() > KEPT_ARGS
    }

    /// Forgets everything but the buffers' capacity, and that too where a giant request has left
    /// much of it.
    #[inline]
    pub fn reset(&mut self) {
        if self.buf.capacity() > KEPT_BYTES || self.argv.capacity() > KEPT_ARGS {
            *self = Query::default();
            return;
        }
        self.buf.clear();
        self.argv.clear();
        self.bigs = Vec::new();
        self.filling = None;
        (self.start, self.pos, self.missing, self.bulk) = (0, 0, 0, None);
    }

    /// Bytes waiting, as `qbuf` of CLIENT LIST counts them: of a large argument on its way only its
    /// own.
    pub fn waiting_bytes(&self) -> usize {
        self.filling.as_ref().map_or_else(|| self.len(), |filling| filling.bytes.len())
    }

    /// Bytes that have come and not gone.
    pub fn len(&self) -> usize {
        self.buf.len() - self.start + self.filling.as_ref().map_or(0, |f| f.bytes.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated, arguments with their own allocation included.
    pub fn capacity(&self) -> usize {
        let bigs: usize = self.bigs.iter().map(|b| b.capacity()).sum();
        self.buf.capacity() + bigs + self.filling.as_ref().map_or(0, |f| f.bytes.capacity())
    }

    /// Bytes allocated, and what a large argument on its way has been announced to take: a limit
    /// should be met before the memory is used, not after.
    pub fn claimed(&self) -> usize {
        let coming = self.filling.as_ref().map_or(0, |f| f.len.saturating_sub(f.bytes.capacity()));
        self.capacity() + coming
    }

    /// Bytes the current request took on the wire; a large argument's own line end is counted, too.
    #[inline]
    pub fn request_bytes(&self) -> usize {
        let bigs = match self.bigs.is_empty() {
            true => 0,
            false => self.bigs.iter().map(|b| b.len() + 2).sum(),
        };
        self.pos - self.start + bigs
    }

    /// Bytes taken by the arguments of the current request, as `argv-mem` counts them.
    pub fn argv_bytes(&self) -> usize {
        self.argv.iter().map(|a| a.len).sum()
    }

    /// What has arrived and was not understood yet, for the log.
    pub fn unread(&self) -> &[u8] {
        match &self.filling {
            Some(filling) => &filling.bytes,
            None => self.buf.get(self.pos..).unwrap_or_default(),
        }
    }

    /// All bytes held for this client, as `client-query-buffer-limit` limits them.
    pub fn held(&self) -> usize {
        self.len() + self.bigs.iter().map(|b| b.len()).sum::<usize>()
    }

    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args { query: self }
    }
}

/// The arguments of a request, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    query: &'a Query,
}

impl<'a> Args<'a> {
    #[inline]
    #[allow(clippy::len_without_is_empty)] // A request has at least its name.
    pub fn len(self) -> usize {
        self.query.argv.len()
    }

    #[inline]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        self.query.argv.get(index).map(|arg| self.slice(*arg))
    }

    #[inline]
    fn slice(self, arg: Arg) -> &'a [u8] {
        if arg.start & IS_BIG == 0 {
            &self.query.buf[arg.start..arg.start + arg.len]
        } else {
            &self.query.bigs[arg.start & !IS_BIG]
        }
    }

    /// The argument at `index`, for positions that the arity check has secured.
    #[inline]
    pub fn at(self, index: usize) -> &'a [u8] {
        self.slice(self.query.argv[index])
    }

    /// The argument's own allocation where it has one: a value may share it instead of copying.
    pub fn big(self, index: usize) -> Option<&'a Arc<Vec<u8>>> {
        let arg = self.query.argv.get(index)?;
        (arg.start & IS_BIG != 0).then(|| &self.query.bigs[arg.start & !IS_BIG])
    }

    /// Whether some arguments have allocations of their own.
    #[inline]
    pub fn has_bigs(self) -> bool {
        !self.query.bigs.is_empty()
    }

    /// The arguments from `first` on.
    pub fn from(self, first: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.query.argv[first.min(self.len())..].iter().map(move |arg| self.slice(*arg))
    }

    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.from(0)
    }

    /// Whether the argument at `index` is this word, in any case.
    pub fn is(self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.at(index)
    }
}

/// Takes `<kind><number>\r\n` off the front, for numbers of up to three digits.
#[inline]
fn short_number(rest: &mut &[u8], kind: u8) -> Option<usize> {
    let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|d| *d < 10).map(usize::from);
    let (number, len) = match **rest {
        [k, a, b'\r', b'\n', ..] if k == kind => (digit(a)?, 4),
        [k, a, b, b'\r', b'\n', ..] if k == kind => (digit(a)? * 10 + digit(b)?, 5),
        [k, a, b, c, b'\r', b'\n', ..] if k == kind => {
            (digit(a)? * 100 + digit(b)? * 10 + digit(c)?, 6)
        }
        _ => return None,
    };
    *rest = &rest[len..];
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPEN: Limits = Limits { bulk_max: 512 << 20, authenticated: true };

    #[test]
    fn upcoming_requests_show_their_first_words() {
        let mut query = Query::default();
        query.feed(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$2\r\nbb\r\n$10\r\n0123456789\r\n*2\r\n$3\r\nGE");
        let ahead: Vec<_> = query.upcoming().collect();
        let get = Upcoming { name: b"GET", first: b"a", second: None };
        let set = Upcoming { name: b"SET", first: b"bb", second: Some(b"0123456789") };
        assert_eq!(ahead, [get, set]);
        assert_eq!(query.parse(OPEN), Ok(Parsed::Request));
        query.consume();
        assert_eq!(query.upcoming().collect::<Vec<_>>(), [set]);
        for text in
            [&b"PING\r\n"[..], b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$x\r\n", b"*", b"*2\r\n$999\r\nab"]
        {
            let mut query = Query::default();
            query.feed(text);
            assert_eq!(query.upcoming().count(), 0);
        }
    }

    fn drain(query: &mut Query) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut out = vec![];
        while query.parse(OPEN)? == Parsed::Request {
            out.push(query.args().iter().map(<[u8]>::to_vec).collect());
            query.consume();
        }
        Ok(out)
    }

    fn parse(bytes: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut query = Query::default();
        query.feed(bytes);
        drain(&mut query)
    }

    #[test]
    fn requests_of_both_kinds_and_empty_ones() {
        let got = parse(
            b"\r\n*0\r\n*-5\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\nset 'a b' \"\\x41\\n\"\n",
        );
        let want: Vec<Vec<Vec<u8>>> = vec![
            vec![b"PING".to_vec()],
            vec![b"GET".to_vec(), vec![]],
            vec![b"set".to_vec(), b"a b".to_vec(), b"A\n".to_vec()],
        ];
        assert_eq!(got, Ok(want));
    }

    #[test]
    fn malformed_requests_name_their_fault() {
        for (bytes, fault) in [
            (&b"*abc\r\n"[..], ProtocolError::Count),
            (b"*2147483648\r\n", ProtocolError::Count),
            (b"*01\r\n", ProtocolError::Count),
            (b"*1\r\nfoo\r\n", ProtocolError::Expected(b'f')),
            (b"*1\r\n$-1\r\n", ProtocolError::Length),
            (b"*1\r\n$536870913\r\n", ProtocolError::Length),
            (b"*1\r\n$04\r\n", ProtocolError::Length),
            (b"*1\r\nx4\rx", ProtocolError::Expected(b'x')),
            (b"*1\n$4\r\n", ProtocolError::Count),
            (b"set 'a\r\n", ProtocolError::Quotes),
            (&[b'x'; LINE_MAX + 1], ProtocolError::BigInline),
        ] {
            assert_eq!(parse(bytes), Err(fault), "{:?}", bytes.escape_ascii().to_string());
        }
        let mut count = b"*".to_vec();
        count.resize(LINE_MAX + 2, b'1');
        assert_eq!(parse(&count), Err(ProtocolError::BigCountLine));
    }

    /// Other bytes once stood for a line end as well, and what a proxy took for a value was a
    /// request.
    #[test]
    fn a_line_ends_with_both_of_its_bytes() {
        let big = |end: &[u8]| [b"*1\r\n$40000\r\n", &[b'v'; 40_000][..], end].concat();
        for end in
            [&b"xx"[..], b"\rx", b"x\n", b"\n\r", b"\n\n", b"\r\r", b"xx*1\r\n$4\r\nPING\r\n"]
        {
            for mut bytes in [b"*1\r\n$4\r\nPING".to_vec(), b"*2\r\n$4\r\nECHO".to_vec(), big(b"")]
            {
                bytes.extend_from_slice(end);
                for cut in [0, 3, 11, bytes.len() - end.len() + 1] {
                    let mut query = Query::default();
                    query.feed(&bytes[..cut]);
                    assert_eq!(drain(&mut query), Ok(vec![]));
                    query.feed(&bytes[cut..]);
                    assert_eq!(drain(&mut query), Err(ProtocolError::LineEnd), "{end:?} {cut}");
                    query.feed(b"\r\nPING\r\n");
                    assert_eq!(drain(&mut query), Err(ProtocolError::LineEnd), "it stays so");
                }
            }
        }
        for number in ["1", "12", "123", "0", "-1", "", "abc", "2147483648"] {
            for before in ["*", "*1\r\n$"] {
                for (end, is_fault) in [("\rx", true), ("\r\r", true), ("\r", false)] {
                    let got = parse(format!("{before}{number}{end}").as_bytes());
                    let want = if is_fault { Err(ProtocolError::LineEnd) } else { Ok(vec![]) };
                    assert_eq!(got, want, "{before:?} {number} {end:?}");
                }
            }
        }
    }

    #[test]
    fn strangers_may_send_little() {
        let closed = Limits { authenticated: false, ..OPEN };
        let refuse = |bytes: &[u8]| {
            let mut query = Query::default();
            query.feed(bytes);
            query.parse(closed)
        };
        assert_eq!(refuse(b"*11\r\n"), Err(ProtocolError::UnauthenticatedCount));
        assert_eq!(refuse(b"*10\r\n"), Ok(Parsed::NeedMore));
        assert_eq!(refuse(b"*1\r\n$16385\r\n"), Err(ProtocolError::UnauthenticatedLength));
        assert_eq!(refuse(b"*1\r\n$16384\r\n"), Ok(Parsed::NeedMore));
    }

    #[test]
    fn an_announced_length_allocates_little() {
        let mut query = Query::default();
        query.feed(b"*1000000000\r\n$536870912\r\nabc");
        assert_eq!(query.parse(OPEN), Ok(Parsed::NeedMore));
        assert!(query.capacity() < 200_000, "{}", query.capacity());
        assert!(query.claimed() >= 536_870_912);
        assert_eq!(query.len(), 3 + "*1000000000\r\n$536870912\r\n".len());
    }

    #[test]
    fn a_big_bulk_has_its_own_allocation() {
        let value = vec![b'v'; 100_000];
        let mut query = Query::default();
        query.feed(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n");
        assert_eq!(query.parse(OPEN), Ok(Parsed::NeedMore));
        query.feed(&value);
        query.feed(b"\r\n*1\r\n$4\r\nPING\r\n");
        assert_eq!(query.parse(OPEN), Ok(Parsed::Request));
        assert_eq!(query.args().big(2).map(|b| b.as_slice()), Some(&value[..]));
        assert!(query.args().big(1).is_none());
        query.consume();
        assert_eq!(query.parse(OPEN), Ok(Parsed::Request));
        assert_eq!(query.args().at(0), b"PING");
    }

    proptest! {
        /// The bytes decide, not the way they were cut.
        #[test]
        fn any_split_gives_the_same_requests(
            requests in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5), 1..6),
            big in 0usize..3,
            cuts in prop::collection::vec(0usize..200_000, 0..12),
            detach in any::<bool>(),
        ) {
            let mut requests = requests;
            for request in requests.iter_mut().take(big) {
                request.push(vec![b'B'; BIG + 7]);
            }
            let mut bytes = vec![];
            for request in &requests {
                bytes.extend(format!("*{}\r\n", request.len()).bytes());
                for arg in request {
                    bytes.extend(format!("${}\r\n", arg.len()).bytes());
                    bytes.extend(arg);
                    bytes.extend(b"\r\n");
                }
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut query, mut got) = (Query::default(), vec![]);
            for pair in cuts.windows(2) {
                query.feed(&bytes[pair[0]..pair[1]]);
                got.extend(drain(&mut query).expect("well formed"));
                if detach {
                    query = query.detach();
                }
            }
            prop_assert!(got == requests, "the requests differ");
            prop_assert!(query.is_idle());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), b'0'..=b'9', any::<u8>()], 0..300))
        {
            let _ = parse(&bytes);
        }
    }
}
