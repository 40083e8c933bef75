//! Bytes as they come: numbers and strings out of a stream, counted and checksummed.
//!
//! A string is named by a [`Span`]: most lie in the buffer where they were read, the others,
//! compressed or too long for that, in the scratch. A span holds until the next read.
//!
//! No length is believed. What is to be taken in one piece is either in the buffer, or grows as its
//! bytes arrive; if the host knows how many are left, a length beyond that ends the load at once.

use std::ops::Range;

use super::{Doing, Fault, Host, corrupt};
use crate::base::clock::UnixMillis;
use crate::base::crc::Crc64;
use crate::base::lzf;
use crate::base::text::text_i64;
use crate::ds::listpack::Item;
use crate::persist::rdb::format::{length, special};

/// Bytes that are asked for at once.
const ROOM: usize = 256 << 10;

/// Longer strings do not go through the buffer.
const IN_PLACE: usize = 64 << 10;

/// No name, member or field is longer than the records of tables can hold.
const TEXT_MAX: usize = crate::types::hash::TEXT_MAX;

/// A long string grows by so much at a time while its bytes arrive.
const STEP: usize = 1 << 20;

/// Reads from a host.
pub struct Reader<'h> {
    pub host: &'h mut dyn Host,
    pub doing: Doing,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes in front of the buffer.
    before: u64,
    /// As long as bytes are checksummed, and up to where in the buffer they are.
    crc: Option<Crc64>,
    summed: usize,
    scratch: Vec<u8>,
    /// Where in the buffer the compressed string that was read last is.
    packed: Range<usize>,
}

/// Where a string is.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    in_scratch: bool,
    start: usize,
    end: usize,
}

/// What the first byte of a string says.
enum Head {
    Length(u64),
    Special(u8),
}

/// A string, as an integer if it is kept as one.
pub enum Word {
    Int(i64),
    Text(Span),
}

impl<'h> Reader<'h> {
    pub fn new(host: &'h mut dyn Host, checksum: bool) -> Self {
        let buffer = vec![0; ROOM];
        Reader::over(host, buffer, 0, checksum.then(Crc64::default))
    }

    /// Reads bytes that are all there.
    pub fn of_payload(host: &'h mut dyn Host, payload: &[u8]) -> Self {
        Reader::over(host, payload.to_vec(), payload.len(), None)
    }

    fn over(host: &'h mut dyn Host, buffer: Vec<u8>, end: usize, crc: Option<Crc64>) -> Self {
        let (at, before, summed, scratch, packed) = (0, 0, 0, Vec::new(), 0..0);
        let doing = Doing::Start;
        Reader { host, doing, buffer, at, end, before, crc, summed, scratch, packed }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.before + self.at as u64
    }

    /// What was asked for and not read.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// The checksum so far, which ends here.
    pub fn end_checksum(&mut self) -> Option<u64> {
        self.sum();
        self.crc.take().map(|crc| crc.value())
    }

    fn sum(&mut self) {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.buffer[self.summed..self.at]);
        }
        self.summed = self.at;
    }

    /// Makes sure that so many bytes are in the buffer.
    #[inline]
    fn need(&mut self, n: usize) -> Result<(), Fault> {
        if self.end - self.at >= n { Ok(()) } else { self.refill(n) }
    }

    #[cold]
    fn refill(&mut self, n: usize) -> Result<(), Fault> {
        self.sum();
        self.buffer.copy_within(self.at..self.end, 0);
        self.before += self.at as u64;
        (self.end, self.at, self.summed) = (self.end - self.at, 0, 0);
        self.packed = 0..0;
        while self.end < n {
            match self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()) {
                None => return Err(Fault::Short),
                Some(room) => match self.host.read(room).map_err(Fault::Io)? {
                    0 => return Err(Fault::Short),
                    got => self.end += got,
                },
            }
        }
        Ok(())
    }

    /// The next bytes, a fixed number of them.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.need(N)?;
        let bytes = self.buffer[self.at..self.at + N].try_into().expect("so many bytes");
        self.at += N;
        Ok(bytes)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Eight bytes: a number of milliseconds.
    pub fn millis(&mut self) -> Result<i64, Fault> {
        self.array().map(i64::from_le_bytes)
    }

    /// Eight bytes: a moment in milliseconds. -1 means none; there is none before 1970.
    pub fn moment(&mut self) -> Result<Option<UnixMillis>, Fault> {
        let ms = self.millis()?;
        Ok((ms != -1).then_some(UnixMillis(ms.max(0))))
    }

    #[inline]
    fn head(&mut self) -> Result<Head, Fault> {
        let first = self.byte()?;
        Ok(match first {
            0..0x40 => Head::Length(first.into()),
            0x40..0x80 => Head::Length(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            length::BITS_32 => Head::Length(u32::from_be_bytes(self.array()?).into()),
            length::BITS_64 => Head::Length(u64::from_be_bytes(self.array()?)),
            0xc0.. => Head::Special(first),
            _ => return corrupt("Unknown length encoding"),
        })
    }

    /// A length, or a number that is likely to be small.
    #[inline]
    pub fn number(&mut self) -> Result<u64, Fault> {
        match self.head()? {
            Head::Length(number) => Ok(number),
            Head::Special(_) => corrupt("A length was expected, not a special string"),
        }
    }

    /// A number of things of which each takes at least so many bytes: no more than there can be.
    pub fn count(&mut self, each: u64) -> Result<usize, Fault> {
        let count = self.number()?;
        self.must_be_there(count.saturating_mul(each))?;
        Ok(count as usize)
    }

    /// Fails if the host knows that there are fewer bytes.
    fn must_be_there(&self, bytes: u64) -> Result<(), Fault> {
        let buffered = (self.end - self.at) as u64;
        let left = self.host.left().map(|left| left.saturating_add(buffered));
        if left.is_some_and(|left| left < bytes) { Err(Fault::Short) } else { Ok(()) }
    }

    /// A string.
    #[inline]
    pub fn word(&mut self) -> Result<Word, Fault> {
        let len = match self.head()? {
            Head::Length(len) => len,
            Head::Special(special) => return self.special(special),
        };
        if len > IN_PLACE as u64 {
            return self.long(len).map(Word::Text);
        }
        let len = len as usize;
        self.need(len)?;
        let start = self.at;
        self.at += len;
        Ok(Word::Text(Span { in_scratch: false, start, end: self.at }))
    }

    /// A string; an integer as its text.
    #[inline]
    pub fn string(&mut self) -> Result<Span, Fault> {
        match self.word()? {
            Word::Text(span) => Ok(span),
            Word::Int(number) => {
                let mut room = [0; 20];
                let text = text_i64(number, &mut room);
                self.scratch.clear();
                self.scratch.extend_from_slice(text);
                Ok(self.in_scratch())
            }
        }
    }

    /// A string that a value keeps as its own.
    pub fn owned(&mut self) -> Result<Vec<u8>, Fault> {
        let span = self.string()?;
        Ok(self.take(span))
    }

    /// A string in a buffer of the caller's.
    pub fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let span = self.string()?;
        let bytes = self.get(span);
        if bytes.len() > TEXT_MAX {
            return corrupt("An element is too long");
        }
        out.clear();
        out.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    pub fn get(&self, span: Span) -> &[u8] {
        let from = if span.in_scratch { &self.scratch } else { &self.buffer };
        &from[span.start..span.end]
    }

    /// A string for good.
    pub fn take(&mut self, span: Span) -> Vec<u8> {
        if span.in_scratch {
            let mut bytes = std::mem::take(&mut self.scratch);
            bytes.shrink_to_fit();
            return bytes;
        }
        self.get(span).to_vec()
    }

    /// The compressed form of what was read last, if that was a string that came so.
    pub fn packed(&self) -> Option<&[u8]> {
        let is_last = !self.packed.is_empty() && self.packed.end == self.at;
        is_last.then(|| &self.buffer[self.packed.clone()])
    }

    /// Puts other bytes in the place of those that were read last.
    pub fn replace(&mut self, bytes: Vec<u8>) -> Span {
        self.packed = 0..0;
        self.scratch = bytes;
        self.in_scratch()
    }

    fn in_scratch(&self) -> Span {
        Span { in_scratch: true, start: 0, end: self.scratch.len() }
    }

    #[inline]
    fn special(&mut self, special: u8) -> Result<Word, Fault> {
        Ok(match special {
            special::INT8 => Word::Int(i8::from_le_bytes(self.array()?).into()),
            special::INT16 => Word::Int(i16::from_le_bytes(self.array()?).into()),
            special::INT32 => Word::Int(i32::from_le_bytes(self.array()?).into()),
            special::LZF => Word::Text(self.squeezed()?),
            _ => return corrupt("Unknown RDB string encoding type"),
        })
    }

    fn squeezed(&mut self) -> Result<Span, Fault> {
        let (packed, len) = (self.number()?, self.number()?);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut scratch = std::mem::take(&mut self.scratch);
        let fits = if packed <= IN_PLACE as u64 {
            let packed = packed as usize;
            self.need(packed)?;
            self.packed = self.at..self.at + packed;
            self.at += packed;
            lzf::decompress_into(&self.buffer[self.at - packed..self.at], len, &mut scratch)
        } else {
            let mut bytes = Vec::new();
            self.long_into(packed, &mut bytes)?;
            lzf::decompress_into(&bytes, len, &mut scratch)
        };
        self.scratch = scratch;
        if fits { Ok(self.in_scratch()) } else { corrupt("Invalid LZF compressed string") }
    }

    fn long(&mut self, len: u64) -> Result<Span, Fault> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        self.long_into(len, &mut scratch)?;
        self.scratch = scratch;
        Ok(self.in_scratch())
    }

    /// Reads a long string past the buffer.
    fn long_into(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.must_be_there(len)?;
        let len = usize::try_from(len).map_err(|_| Fault::Short)?;
        if self.host.left().is_some() {
            out.reserve_exact(len);
        }
        let here = len.min(self.end - self.at);
        out.extend_from_slice(&self.buffer[self.at..self.at + here]);
        self.at += here;
        self.sum();
        while out.len() < len {
            let start = out.len();
            out.resize(start + STEP.min(len - start), 0);
            let mut filled = start;
            while filled < out.len() {
                match self.host.read(&mut out[filled..]).map_err(Fault::Io)? {
                    0 => return Err(Fault::Short),
                    got => filled += got,
                }
            }
            if let Some(crc) = &mut self.crc {
                crc.update(&out[start..]);
            }
            self.before += (filled - start) as u64;
        }
        Ok(())
    }

    /// An element of a collection.
    #[inline]
    pub fn item(&mut self) -> Result<Item<'_>, Fault> {
        Ok(match self.word()? {
            Word::Int(number) => Item::Int(number),
            Word::Text(span) => Item::Bytes(self.get(span)),
        })
    }
}
