//! Replies in: what links to other servers, and the programs beside the server, read with.
//!
//! Bytes are fed as they come, in pieces cut anywhere; whole replies of RESP2 and RESP3 are taken
//! out. A byte is looked at once, however small the pieces are: what has been understood of a reply
//! is kept as the aggregates that are still open.
//!
//! ```text
//!   *2 $3 foo *1 :7        open: [ array, 2 missing ]  bulk foo ─► [ array, 1 missing ]  ─► [ array, 1 ] [ array, 1 ] ...
//! ```
//!
//! The peer is not believed. A length takes no memory before the bytes have come; how deep, how
//! large and of how many values a reply may be is limited ([`Limits`]). What does not keep the
//! protocol is an error, after which nothing more is read: the place in the stream is lost.
//!
//! Attributes, which may stand in front of any reply, are read and dropped: no server sends any
//! unasked. Streamed strings and aggregates (`$?`, `*?`) are in no server's use and are refused.

use std::fmt;

/// A reply, or an element of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`
    Simple(Vec<u8>),
    /// `-` and `!`: code and text.
    Error(Vec<u8>),
    /// `:`
    Integer(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` and `_`.
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `~`
    Set(Vec<Value>),
    /// `>`
    Push(Vec<Value>),
    /// `%`: names and values in turn.
    Map(Vec<(Value, Value)>),
    /// `,`: as the peer has printed it.
    Double(Vec<u8>),
    /// `#`
    Boolean(bool),
    /// `(`
    BigNumber(Vec<u8>),
    /// `=`: three letters that say what the text is, and the text.
    Verbatim([u8; 3], Vec<u8>),
}

impl Value {
    /// The bytes of a text of any kind; `None` for errors and everything else.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) => Some(text),
            _ => None,
        }
    }
}

/// What a reply may be at most. A peer that goes beyond loses its link.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Aggregates inside one another.
    pub depth: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Values of one reply, itself and all elements counted.
    pub values: usize,
    /// Bytes of all texts of one reply.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 128, text_bytes: 512 << 20, values: 1 << 24, bytes: 1 << 30 }
    }
}

/// Why a peer is no longer understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// No kind of reply begins so.
    Kind(u8),
    /// What should be a number is none, or not of this kind.
    Number,
    /// There is something else where a line or a text must end.
    End,
    /// Beyond [`Limits::depth`].
    Depth,
    /// Beyond [`Limits::text_bytes`], [`Limits::bytes`] or the longest line.
    Size,
    /// Beyond [`Limits::values`].
    Count,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Kind(byte) => {
                write!(f, "Protocol error, got \"{}\" as reply type byte", byte.escape_ascii())
            }
            ReadError::Number => f.write_str("Protocol error, a length or number is none"),
            ReadError::End => f.write_str("Protocol error, a text does not end where it should"),
            ReadError::Depth => f.write_str("Protocol error, a reply is nested too deep"),
            ReadError::Size => f.write_str("Protocol error, a reply is too large"),
            ReadError::Count => f.write_str("Protocol error, a reply has too many elements"),
        }
    }
}

impl std::error::Error for ReadError {}

/// The longest line: of a simple text, an error, a number.
const LINE_MAX: usize = 64 * 1024;
/// Elements for which there is room at once, whatever is announced.
const ROOM_AT_ONCE: usize = 64;
/// Consumed bytes in front of the buffer that are worth a move of the rest.
const KEPT_BYTES: usize = 16 * 1024;

/// An aggregate whose elements are still coming.
#[derive(Debug)]
struct Open {
    kind: u8,
    /// Elements that have not begun.
    missing: usize,
    elements: Vec<Value>,
}

/// Turns bytes into replies.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// What stands in front of it has been understood.
    at: usize,
    /// Up to here no line ends.
    searched: usize,
    open: Vec<Open>,
    limits: Limits,
    /// Values and bytes of the reply under way.
    values: usize,
    bytes: usize,
    failed: Option<ReadError>,
}

impl Reader {
    pub fn new(limits: Limits) -> Reader {
        Reader { limits, ..Reader::default() }
    }

    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer, to read into behind what is there.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.make_room();
        &mut self.buffer
    }

    /// The next reply, if it is here as a whole. Errors are final.
    pub fn next_reply(&mut self) -> Result<Option<Value>, ReadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read().inspect_err(|error| self.failed = Some(*error))
    }

    /// Whether nothing of a further reply has come.
    pub fn is_between_replies(&self) -> bool {
        self.open.is_empty() && self.at == self.buffer.len()
    }

    /// Takes out all bytes that have not been understood yet: what follows is no reply, as after
    /// `+FULLRESYNC`.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.at);
        *self = Reader::new(self.limits);
        rest
    }

    fn make_room(&mut self) {
        if self.at == self.buffer.len() {
            self.buffer.clear();
        } else if self.at >= KEPT_BYTES {
            self.buffer.drain(..self.at);
        } else {
            return;
        }
        self.searched = self.searched.saturating_sub(self.at);
        self.at = 0;
    }

    fn read(&mut self) -> Result<Option<Value>, ReadError> {
        loop {
            let Some(token) = self.token()? else { return Ok(None) };
            let value = match token {
                Token::Value(value) => value,
                Token::Open(kind, missing) => {
                    if missing > 0 {
                        self.open_aggregate(kind, missing)?;
                        continue;
                    }
                    match close(kind, vec![]) {
                        Some(value) => value,
                        None => continue, // An attribute about nothing.
                    }
                }
            };
            if let Some(reply) = self.place(value) {
                (self.values, self.bytes) = (0, 0);
                return Ok(Some(reply));
            }
        }
    }

    fn open_aggregate(&mut self, kind: u8, missing: usize) -> Result<(), ReadError> {
        if self.open.len() >= self.limits.depth {
            return Err(ReadError::Depth);
        }
        // What cannot be kept is refused before any of it has come.
        if missing > self.limits.values - self.values {
            return Err(ReadError::Count);
        }
        let elements = Vec::with_capacity(missing.min(ROOM_AT_ONCE));
        self.open.push(Open { kind, missing, elements });
        Ok(())
    }

    /// Puts a whole value where it belongs. Returns it if it belongs nowhere: it is the reply.
    fn place(&mut self, mut value: Value) -> Option<Value> {
        while let Some(top) = self.open.last_mut() {
            top.elements.push(value);
            top.missing -= 1;
            if top.missing > 0 {
                return None;
            }
            let Open { kind, elements, .. } = self.open.pop()?;
            // An attribute is dropped; the reply that it is about follows.
            value = close(kind, elements)?;
        }
        Some(value)
    }

    fn token(&mut self) -> Result<Option<Token>, ReadError> {
        let Some(line) = self.line()? else { return Ok(None) };
        let (kind, start, end) = (self.buffer[line.0], line.0 + 1, line.1);
        let text = &self.buffer[start..end];
        let token = match kind {
            b'$' | b'=' | b'!' => return self.sized_text(kind, end),
            b'*' | b'~' | b'>' | b'%' | b'|' => aggregate(kind, text)?,
            b'+' => Token::Value(Value::Simple(text.to_vec())),
            b'-' => Token::Value(Value::Error(text.to_vec())),
            b':' => Token::Value(Value::Integer(integer(text)?)),
            b',' => Token::Value(Value::Double(double(text)?)),
            b'#' => Token::Value(Value::Boolean(boolean(text)?)),
            b'(' => Token::Value(Value::BigNumber(big_number(text)?)),
            b'_' if text.is_empty() => Token::Value(Value::Null),
            b'_' => return Err(ReadError::End),
            other => return Err(ReadError::Kind(other)),
        };
        self.count(end - start)?;
        self.consume(end + 2);
        Ok(Some(token))
    }

    /// Where the line that begins here starts and ends, if its end has come.
    fn line(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        // A byte that begins nothing is told at once.
        match self.buffer.get(self.at) {
            None => return Ok(None),
            Some(kind) if KINDS.contains(kind) => {}
            Some(other) => return Err(ReadError::Kind(*other)),
        }
        let from = self.searched.max(self.at);
        let Some(found) = memchr::memchr(b'\r', &self.buffer[from..]) else {
            self.searched = self.buffer.len();
            let is_too_long = self.buffer.len() - self.at > LINE_MAX;
            return if is_too_long { Err(ReadError::Size) } else { Ok(None) };
        };
        let end = from + found;
        self.searched = end;
        match self.buffer.get(end + 1) {
            None => Ok(None),
            Some(_) if end - self.at > LINE_MAX => Err(ReadError::Size),
            Some(b'\n') => Ok(Some((self.at, end))),
            Some(_) => Err(ReadError::End),
        }
    }

    /// A text behind a line that says how long it is.
    fn sized_text(&mut self, kind: u8, line_end: usize) -> Result<Option<Token>, ReadError> {
        let size = integer(&self.buffer[self.at + 1..line_end])?;
        if size == -1 && kind == b'$' {
            self.count(0)?;
            self.consume(line_end + 2);
            return Ok(Some(Token::Value(Value::Null)));
        }
        let size = usize::try_from(size).map_err(|_| ReadError::Number)?;
        if size > self.limits.text_bytes || size > self.limits.bytes - self.bytes {
            return Err(ReadError::Size);
        }
        let (start, end) = (line_end + 2, line_end + 2 + size);
        if self.buffer.len() < end + 2 {
            return Ok(None);
        }
        if &self.buffer[end..end + 2] != b"\r\n" {
            return Err(ReadError::End);
        }
        let text = self.buffer[start..end].to_vec();
        let value = match kind {
            b'$' => Value::Bulk(text),
            b'!' => Value::Error(text),
            _ => verbatim(&text)?,
        };
        self.count(size)?;
        self.consume(end + 2);
        Ok(Some(Token::Value(value)))
    }

    fn count(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.values += 1;
        self.bytes += bytes;
        if self.values > self.limits.values {
            return Err(ReadError::Count);
        }
        if self.bytes > self.limits.bytes { Err(ReadError::Size) } else { Ok(()) }
    }

    fn consume(&mut self, to: usize) {
        (self.at, self.searched) = (to, to);
    }
}

const KINDS: &[u8] = b"+-:$*_~>%,#(=!|";

/// What stands between two line ends.
enum Token {
    Value(Value),
    /// An aggregate begins: its kind, and how many values follow.
    Open(u8, usize),
}

/// An aggregate that is complete. Nothing for an attribute.
fn close(kind: u8, elements: Vec<Value>) -> Option<Value> {
    match kind {
        b'*' => Some(Value::Array(elements)),
        b'~' => Some(Value::Set(elements)),
        b'>' => Some(Value::Push(elements)),
        b'%' => {
            let mut pairs = Vec::with_capacity(elements.len() / 2);
            let mut elements = elements.into_iter();
            while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
                pairs.push((name, value));
            }
            Some(Value::Map(pairs))
        }
        _ => None,
    }
}

fn aggregate(kind: u8, text: &[u8]) -> Result<Token, ReadError> {
    let count = integer(text)?;
    if count == -1 && kind == b'*' {
        return Ok(Token::Value(Value::Null));
    }
    let count = usize::try_from(count).map_err(|_| ReadError::Number)?;
    let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
    Ok(Token::Open(kind, count.checked_mul(each).ok_or(ReadError::Count)?))
}

fn integer(text: &[u8]) -> Result<i64, ReadError> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    // `parse` would take a second sign.
    if text.starts_with(b"+") {
        return Err(ReadError::Number);
    }
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).ok_or(ReadError::Number)
}

fn double(text: &[u8]) -> Result<Vec<u8>, ReadError> {
    let number: Option<f64> = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    number.map(|_| text.to_vec()).ok_or(ReadError::Number)
}

fn boolean(text: &[u8]) -> Result<bool, ReadError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(ReadError::Number),
    }
}

fn big_number(text: &[u8]) -> Result<Vec<u8>, ReadError> {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if is_number { Ok(text.to_vec()) } else { Err(ReadError::Number) }
}

fn verbatim(text: &[u8]) -> Result<Value, ReadError> {
    match text {
        [a, b, c, b':', rest @ ..] => Ok(Value::Verbatim([*a, *b, *c], rest.to_vec())),
        _ => Err(ReadError::End),
    }
}

#[cfg(test)]
mod tests;
