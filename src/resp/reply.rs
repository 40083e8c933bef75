//! Replies: every command writes its answer here, once, in the client's protocol version.
//!
//! ```text
//!   sealed: [chunk][chunk]...   buf: [ reply | reply | reply under way ]
//! ```
//!
//! Bytes gather in `buf`; when it has grown large it is sealed, so that a long output is a list of
//! chunks and is never moved to grow. A chunk may also be shared with the keyspace or with other
//! clients.
//!
//! The writer counts what it owes. A call begins owing one value ([`Reply::begin`]); a scalar pays
//! one, an aggregate of n pays one and owes n more. At the end of the call the debt must be zero,
//! which the executor asserts after every command: a reply with an element too many or too few
//! would desynchronise the client for ever.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Proto;
use crate::base::double::write_f64;
use crate::base::tape::Cut;
use crate::base::text::{len_i64, write_i64};

/// A buffer that has reached this many bytes is sealed when a reply ends.
pub const CHUNK: usize = 64 * 1024;
/// Values from this size on are sent by reference.
pub const SHARE: usize = 32 * 1024;
/// What waits for a client up to this many bytes lies in a buffer of its own, as CLIENT LIST shows
/// it; limits count the rest, in whole blocks.
// Compat: so large is that buffer in Redis, which has what goes beyond it in a list of blocks.
pub const OWN_BUFFER: usize = 16 * 1024;
/// Bytes of output that such a block holds.
const BLOCK: usize = 20 * 1024;
/// Bytes of such a block as Redis counts it: it stands in a list.
const BLOCK_COUNTED: usize = BLOCK + 24;
/// Messages to several clients from this size on are sent by reference.
pub const SHARE_MESSAGE: usize = 4 * 1024;
/// Pieces up to which an output refers to short messages: many of them cost more to send than to
/// copy.
const CUTS_MAX: usize = 8;

/// A finished piece of output.
#[derive(Debug)]
pub enum Chunk {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
    /// Messages to several clients that follow one another.
    Cut(Cut),
}

impl Chunk {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Own(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
            Chunk::Cut(bytes) => bytes,
        }
    }
}

/// A point in the output to which it can be cut back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    chunks: usize,
    buf: usize,
}

/// The state before an answer that may be taken back.
#[derive(Debug)]
pub struct Attempt {
    mark: Mark,
    owed: i64,
}

/// A promise to say later how many elements an aggregate has.
#[derive(Debug)]
#[must_use = "the length has to be written"]
pub struct Deferred {
    chunks: usize,
    at: usize,
    owed: i64,
}

/// The output of one client: finished replies and the one being written.
#[derive(Debug, Default)]
pub struct Reply {
    buf: Vec<u8>,
    sealed: VecDeque<Chunk>,
    sealed_bytes: usize,
    proto: Proto,
    owed: i64,
}

impl Reply {
    pub fn new(proto: Proto) -> Reply {
        Reply { proto, ..Reply::default() }
    }

    pub fn proto(&self) -> Proto {
        self.proto
    }

    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    fn resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    // -- bookkeeping for the executor
    // --------------------------------------------------------------

    /// Starts a call that owes one answer.
    #[inline]
    pub fn begin(&mut self) -> Mark {
        self.owed = 1;
        self.mark()
    }

    /// A copy of what was written since then, for logs.
    pub fn since(&self, mark: Mark) -> Vec<u8> {
        let chunks = self.sealed.iter().map(Chunk::bytes).chain([self.buf.as_slice()]);
        let mut out = Vec::new();
        for (index, bytes) in chunks.skip(mark.chunks).enumerate() {
            let from = if index == 0 { mark.buf } else { 0 };
            out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        }
        out
    }

    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { chunks: self.sealed.len(), buf: self.buf.len() }
    }

    /// Answers still owed: 0 when the call has answered exactly once.
    #[inline]
    pub fn owed(&self) -> i64 {
        self.owed
    }

    /// Owes so much again: an answer inside another has been given.
    pub fn owe(&mut self, owed: i64) {
        self.owed = owed;
    }

    /// For a call whose answer goes elsewhere or is not wanted: the debt is settled without a byte.
    pub fn settle(&mut self) {
        self.owed = 0;
    }

    /// Cuts everything written since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        if self.sealed.len() > mark.chunks {
            // The chunk that holds the mark becomes the buffer again.
            self.sealed.truncate(mark.chunks + 1);
            match self.sealed.pop_back() {
                Some(Chunk::Own(bytes)) => self.buf = bytes,
                _ => self.buf.clear(),
            }
            self.sealed_bytes = self.sealed.iter().map(|c| c.bytes().len()).sum();
        }
        self.buf.truncate(mark.buf);
    }

    /// Begins an answer that may turn out to be too long: see [`Reply::take_back`].
    pub fn attempt(&self) -> Attempt {
        Attempt { mark: self.mark(), owed: self.owed }
    }

    /// Cuts an answer, finished or not, as if it had not been begun.
    pub fn take_back(&mut self, attempt: Attempt) {
        self.rewind(attempt.mark);
        self.owed = attempt.owed;
    }

    /// Seals a buffer that has grown large: between replies only.
    #[inline]
    pub fn seal_if_large(&mut self) {
        if self.buf.len() >= CHUNK {
            self.seal();
        }
    }

    fn seal(&mut self) {
        if !self.buf.is_empty() {
            let full = std::mem::take(&mut self.buf);
            self.sealed_bytes += full.len();
            self.sealed.push_back(Chunk::Own(full));
        }
    }

    // -- the output as bytes ----------------------------------------------------------------------

    /// Bytes waiting to be sent.
    #[inline]
    pub fn len(&self) -> usize {
        self.sealed_bytes + self.buf.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Chunks waiting behind one another.
    pub fn chunks(&self) -> usize {
        self.sealed.len()
    }

    /// Blocks that hold what goes beyond [`OWN_BUFFER`], wherever it lies: `oll` of CLIENT LIST.
    pub fn limited_blocks(&self) -> usize {
        self.len().saturating_sub(OWN_BUFFER).div_ceil(BLOCK)
    }

    /// Bytes of these blocks: what output limits count, and `omem` of CLIENT LIST.
    #[inline]
    pub fn limited_len(&self) -> usize {
        if self.len() <= OWN_BUFFER { 0 } else { self.limited_blocks() * BLOCK_COUNTED }
    }

    /// Bytes in the open buffer.
    #[cfg(test)]
    pub fn open_len(&self) -> usize {
        self.buf.len()
    }

    /// Bytes allocated for the open buffer.
    pub fn open_capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Bytes held in finished chunks.
    pub fn sealed_bytes(&self) -> usize {
        self.sealed_bytes
    }

    /// All pieces in sending order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.sealed.iter().map(Chunk::bytes).chain(std::iter::once(&self.buf[..]))
    }

    /// The only piece, where there is just one.
    #[inline]
    pub fn single(&self) -> Option<&[u8]> {
        match self.sealed.len() {
            0 => Some(&self.buf),
            1 if self.buf.is_empty() => self.sealed.front().map(Chunk::bytes),
            _ => None,
        }
    }

    /// Everything written so far was sent.
    #[inline]
    pub fn clear(&mut self) {
        self.buf.clear();
        if !self.sealed.is_empty() {
            self.sealed.clear();
            self.sealed_bytes = 0;
        }
    }

    /// Bytes of the front piece.
    pub fn front_len(&self) -> usize {
        self.sealed.front().map_or(self.buf.len(), |chunk| chunk.bytes().len())
    }

    /// Drops the front piece, which was sent in full.
    pub fn pop_front(&mut self) -> usize {
        match self.sealed.pop_front() {
            Some(chunk) => {
                self.sealed_bytes -= chunk.bytes().len();
                chunk.bytes().len()
            }
            None => {
                let n = self.buf.len();
                self.buf.clear();
                n
            }
        }
    }

    /// The open buffer, for a pool of buffers to lend and take back.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Takes all bytes as one vector, leaving nothing.
    pub fn take(&mut self) -> Vec<u8> {
        let all = self.pieces().collect::<Vec<_>>().concat();
        self.clear();
        all
    }

    /// Takes all bytes as one vector with its buffer, without a copy where there is one piece only.
    pub fn into_bytes(mut self) -> Vec<u8> {
        if self.sealed.is_empty() { self.buf } else { self.take() }
    }

    // -- messages ---------------------------------------------------------------------------------

    /// A whole message that was encoded for several clients: copied, or referred to where that is
    /// cheaper. It answers nothing.
    pub fn message(&mut self, encoded: &Cut, is_shared: bool) {
        let is_large = encoded.len() >= SHARE_MESSAGE;
        let is_referred = is_shared && self.buf.capacity() == 0 && self.sealed.len() < CUTS_MAX;
        if !is_large && !is_referred {
            self.buf.extend_from_slice(encoded);
            return;
        }
        self.seal();
        self.sealed_bytes += encoded.len();
        if let Some(Chunk::Cut(last)) = self.sealed.back_mut()
            && last.join(encoded)
        {
            return;
        }
        self.sealed.push_back(Chunk::Cut(encoded.clone()));
    }

    /// Refers no more to messages that are kept together with others: what is sent late must not
    /// keep those.
    #[cold]
    pub fn let_go(&mut self) {
        for chunk in &mut self.sealed {
            if let Chunk::Cut(cut) = chunk
                && !cut.is_whole()
            {
                *chunk = Chunk::Own(cut.to_vec());
            }
        }
    }

    // -- values -----------------------------------------------------------------------------------

    #[inline]
    fn pay(&mut self, children: i64) {
        self.owed += children - 1;
    }

    #[inline]
    fn head(&mut self, kind: u8, n: i64) {
        let digit = |n: i64| b'0' + n as u8;
        match n {
            // Nearly all are short, and written in one piece.
            0..10 => self.buf.extend_from_slice(&[kind, digit(n), b'\r', b'\n']),
            10..100 => {
                let head = [kind, digit(n / 10), digit(n % 10), b'\r', b'\n'];
                self.buf.extend_from_slice(&head);
            }
            _ => self.long_head(kind, n),
        }
    }

    fn long_head(&mut self, kind: u8, n: i64) {
        self.buf.push(kind);
        write_i64(&mut self.buf, n);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// Whole replies encoded elsewhere, `count` of them.
    pub fn raw(&mut self, bytes: &[u8], count: i64) {
        self.owed -= count;
        self.buf.extend_from_slice(bytes);
    }

    #[inline]
    pub fn ok(&mut self) {
        self.pay(0);
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A status line; `text` must hold no line end.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.pay(0);
        self.buf.push(b'+');
        self.buf.extend_from_slice(text.as_bytes());
        self.buf.extend_from_slice(b"\r\n");
    }

    /// The same, of bytes.
    pub fn status(&mut self, text: &[u8]) {
        self.pay(0);
        self.buf.push(b'+');
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An error line without its dash; line ends inside become spaces.
    pub fn error(&mut self, text: &[u8]) {
        self.pay(0);
        self.buf.push(b'-');
        let start = self.buf.len();
        let end = text.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.buf.extend_from_slice(&text[..end]);
        self.buf[start..].iter_mut().filter(|b| matches!(b, b'\r' | b'\n')).for_each(|b| *b = b' ');
        self.buf.extend_from_slice(b"\r\n");
    }

    #[inline]
    pub fn int(&mut self, n: i64) {
        self.pay(0);
        self.head(b':', n);
    }

    #[inline]
    pub fn uint(&mut self, n: u64) {
        self.int(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// 1 or 0.
    #[inline]
    pub fn flag(&mut self, yes: bool) {
        self.int(i64::from(yes));
    }

    /// A boolean: `#t`, `#f` in RESP3, 1 or 0 in RESP2.
    pub fn boolean(&mut self, yes: bool) {
        if self.resp3() {
            self.pay(0);
            self.buf.extend_from_slice(if yes { b"#t\r\n" } else { b"#f\r\n" });
        } else {
            self.flag(yes);
        }
    }

    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.pay(0);
        self.head(b'$', bytes.len() as i64);
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A bulk string whose bytes belong to several owners: sent from where they are.
    pub fn bulk_shared(&mut self, bytes: &Arc<Vec<u8>>) {
        if bytes.len() < SHARE {
            return self.bulk(bytes);
        }
        self.pay(0);
        self.head(b'$', bytes.len() as i64);
        self.seal();
        self.sealed_bytes += bytes.len();
        self.sealed.push_back(Chunk::Shared(Arc::clone(bytes)));
        self.buf.extend_from_slice(b"\r\n");
    }

    pub fn bulk_int(&mut self, n: i64) {
        self.pay(0);
        self.head(b'$', len_i64(n) as i64);
        write_i64(&mut self.buf, n);
        self.buf.extend_from_slice(b"\r\n");
    }

    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Text for people: verbatim `txt` in RESP3, a bulk string in RESP2.
    pub fn verbatim(&mut self, text: &[u8]) {
        self.verbatim_as(b"txt", text);
    }

    /// The same in another format, whose name has three letters.
    pub fn verbatim_as(&mut self, format: &[u8], text: &[u8]) {
        if !self.resp3() {
            return self.bulk(text);
        }
        self.pay(0);
        self.head(b'=', text.len() as i64 + 4);
        for at in 0..3 {
            self.buf.push(format.get(at).copied().unwrap_or(b' '));
        }
        self.buf.push(b':');
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    #[inline]
    pub fn null(&mut self) {
        self.pay(0);
        self.buf.extend_from_slice(if self.resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    pub fn null_array(&mut self) {
        self.pay(0);
        self.buf.extend_from_slice(if self.resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// A floating-point number: `,` in RESP3, its text as a bulk string in RESP2.
    pub fn double(&mut self, d: f64) {
        self.pay(0);
        if self.resp3() {
            self.buf.push(b',');
            write_f64(&mut self.buf, d);
        } else {
            // The length comes first and is known last: there is room for two digits of it.
            let at = self.buf.len();
            self.buf.extend_from_slice(b"$00\r\n");
            write_f64(&mut self.buf, d);
            let len = self.buf.len() - at - b"$00\r\n".len();
            debug_assert!(len < 100, "no double has so long a text");
            self.buf[at + 1] = b'0' + (len / 10) as u8;
            self.buf[at + 2] = b'0' + (len % 10) as u8;
            if len < 10 {
                self.buf.remove(at + 1);
            }
        }
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An integer of any size, in decimal: `(` in RESP3, a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        self.big_number_bytes(digits.as_bytes());
    }

    /// The same, of bytes without a line end.
    pub fn big_number_bytes(&mut self, digits: &[u8]) {
        if self.resp3() {
            self.pay(0);
            self.buf.push(b'(');
            self.buf.extend_from_slice(digits);
            self.buf.extend_from_slice(b"\r\n");
        } else {
            self.bulk(digits);
        }
    }

    #[inline]
    pub fn array(&mut self, len: usize) {
        self.pay(len as i64);
        self.head(b'*', len as i64);
    }

    /// `pairs` keys and values, flat in RESP2.
    pub fn map(&mut self, pairs: usize) {
        self.pay(2 * pairs as i64);
        if self.resp3() {
            self.head(b'%', pairs as i64);
        } else {
            self.head(b'*', 2 * pairs as i64);
        }
    }

    pub fn set(&mut self, len: usize) {
        self.pay(len as i64);
        self.head(if self.resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// An out-of-band message of `len` elements. It answers nothing: the call owes as much as
    /// before.
    pub fn push(&mut self, len: usize) {
        self.owed += len as i64;
        self.head(if self.resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// Attributes of the next value: `pairs` keys and values, RESP3 only.
    pub fn attribute(&mut self, pairs: usize) {
        self.owed += 2 * pairs as i64;
        self.head(b'|', pairs as i64);
    }

    /// The answer of a HELP subcommand: a heading, the lines, and HELP itself.
    pub fn help(&mut self, command: &str, lines: &[&str]) {
        self.array(lines.len() + 3);
        self.simple(&format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
        for line in lines {
            self.simple(line);
        }
        self.simple("HELP");
        self.simple("    Print this help.");
    }

    // -- aggregates whose length shows only at the end
    // ----------------------------------------------

    /// Opens an aggregate to be closed by [`Reply::close_array`] and its kin.
    pub fn open(&mut self) -> Deferred {
        self.pay(0);
        Deferred { chunks: self.sealed.len(), at: self.buf.len(), owed: self.owed }
    }

    pub fn close_array(&mut self, deferred: Deferred, len: usize) {
        self.close(&deferred, b'*', len as i64, len as i64);
    }

    pub fn close_set(&mut self, deferred: Deferred, len: usize) {
        let kind = if self.resp3() { b'~' } else { b'*' };
        self.close(&deferred, kind, len as i64, len as i64);
    }

    pub fn close_map(&mut self, deferred: Deferred, pairs: usize) {
        let pairs = pairs as i64;
        let (kind, n) = if self.resp3() { (b'%', pairs) } else { (b'*', 2 * pairs) };
        self.close(&deferred, kind, n, 2 * pairs);
    }

    fn close(&mut self, deferred: &Deferred, kind: u8, n: i64, children: i64) {
        self.owed += children;
        debug_assert_eq!(self.owed, deferred.owed, "the aggregate has another number of elements");
        let mut head = vec![kind];
        write_i64(&mut head, n);
        head.extend_from_slice(b"\r\n");
        let added = head.len();
        let target = match self.sealed.get_mut(deferred.chunks) {
            Some(Chunk::Own(bytes)) => {
                self.sealed_bytes += added;
                bytes
            }
            _ => &mut self.buf,
        };
        target.splice(deferred.at..deferred.at, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(write: impl Fn(&mut Reply)) -> (String, String) {
        let run = |proto| {
            let mut reply = Reply::new(proto);
            reply.begin();
            write(&mut reply);
            assert_eq!(reply.owed(), 0, "one answer");
            String::from_utf8(reply.take()).expect("text")
        };
        (run(Proto::Resp2), run(Proto::Resp3))
    }

    // The bytes alone once counted, so that limits near what a whole list of blocks takes let too
    // much wait.
    #[test]
    fn limits_count_whole_blocks_beyond_the_own_buffer() {
        let shown = |n: usize| {
            let mut reply = Reply::new(Proto::Resp2);
            reply.raw(&vec![b'x'; n], 0);
            (reply.limited_blocks(), reply.limited_len())
        };
        assert_eq!(shown(16_384), (0, 0));
        assert_eq!(shown(16_385), (1, 20_504));
        assert_eq!(shown(30_030), (1, 20_504));
        assert_eq!(shown(40_040), (2, 41_008));
        assert_eq!(shown(80_080), (4, 82_016), "as Redis shows eight bulks of 10,000 bytes");
    }

    #[test]
    fn each_kind_in_both_versions() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(both(|r| r.null()), pair("$-1\r\n", "_\r\n"));
        assert_eq!(both(|r| r.null_array()), pair("*-1\r\n", "_\r\n"));
        assert_eq!(both(|r| r.double(1.5)), pair("$3\r\n1.5\r\n", ",1.5\r\n"));
        let long = "-1.7976931348623157e+308";
        let text = pair(&format!("$24\r\n{long}\r\n"), &format!(",{long}\r\n"));
        assert_eq!(both(|r| r.double(f64::MIN)), text);
        assert_eq!(both(|r| r.double(1e9)), pair("$10\r\n1000000000\r\n", ",1000000000\r\n"));
        assert_eq!(both(|r| r.boolean(true)), pair(":1\r\n", "#t\r\n"));
        assert_eq!(both(|r| r.verbatim(b"hi")), pair("$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"));
        assert_eq!(both(|r| r.big_number("12345")), pair("$5\r\n12345\r\n", "(12345\r\n"));
        assert_eq!(both(|r| r.error(b"ERR a\nb\r\n")), pair("-ERR a b\r\n", "-ERR a b\r\n"));
        let map = both(|r| {
            r.map(1);
            r.bulk(b"k");
            r.int(-12);
        });
        assert_eq!(map, pair("*2\r\n$1\r\nk\r\n:-12\r\n", "%1\r\n$1\r\nk\r\n:-12\r\n"));
    }

    #[test]
    fn a_length_can_be_said_last() {
        let (two, three) = both(|r| {
            r.array(2);
            let outer = r.open();
            r.bulk(b"k");
            let inner = r.open();
            r.int(1);
            r.close_set(inner, 1);
            r.close_map(outer, 1);
            r.int(2);
        });
        assert_eq!(two, "*2\r\n*2\r\n$1\r\nk\r\n*1\r\n:1\r\n:2\r\n");
        assert_eq!(three, "*2\r\n%1\r\n$1\r\nk\r\n~1\r\n:1\r\n:2\r\n");
    }

    #[test]
    fn an_answer_can_be_taken_back() {
        let mut reply = Reply::new(Proto::Resp2);
        reply.begin();
        reply.array(2);
        reply.int(1);
        let attempt = reply.attempt();
        reply.array(3);
        reply.int(2);
        reply.take_back(attempt);
        reply.int(3);
        assert_eq!((reply.owed(), reply.take()), (0, b"*2\r\n:1\r\n:3\r\n".to_vec()));
    }

    #[test]
    fn shared_values_are_pieces_of_their_own_and_can_be_taken_back() {
        let value = Arc::new(vec![b'v'; SHARE]);
        let mut reply = Reply::new(Proto::Resp2);
        reply.begin();
        reply.simple("A");
        let mark = reply.begin();
        reply.bulk_shared(&value);
        assert_eq!(Arc::strong_count(&value), 2);
        assert_eq!(reply.pieces().map(<[u8]>::len).collect::<Vec<_>>(), [12, SHARE, 2]);
        reply.rewind(mark);
        assert_eq!((Arc::strong_count(&value), reply.take()), (1, b"+A\r\n".to_vec()));
    }
}
