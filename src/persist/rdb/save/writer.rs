//! The buffer that everything saved goes through: numbers, strings and their checksum.
//!
//! ```text
//!   length   00xxxxxx   01xxxxxx x   80 xxxx (big-endian)   81 xxxxxxxx (big-endian)
//!   string   C0 n  C1 nn  C2 nnnn              short text of an integer of 8, 16, 32 bits
//!            C3 length length bytes            compressed, if that saves at least four bytes
//!            length bytes                      any other
//! ```

use std::io::{self, Write};

use super::Progress;
use crate::base::crc::Crc64;
use crate::base::lzf::Compressor;
use crate::base::text::{parse_i64, text_i64};
use crate::ds::listpack::Item;
use crate::persist::rdb::format::{length, special};

/// Bytes that are gathered before they are written out.
const ROOM: usize = 256 << 10;

/// After so many keys somebody is told how far we are.
const KEYS_UNTOLD: u64 = 1024;

/// Longer texts are no integers of 32 bits.
const INT_TEXT_MAX: usize = 11;

/// Shorter strings are not compressed.
const SQUEEZE_MIN: usize = 21;

/// What compression has to save.
const SAVING_MIN: usize = 4;

/// A buffer in front of a sink.
pub struct Writer<'a> {
    to: &'a mut dyn Write,
    progress: &'a mut dyn FnMut(Progress) -> io::Result<()>,
    buffer: Vec<u8>,
    crc: Option<Crc64>,
    compressor: Option<Compressor>,
    written: u64,
    /// Keys saved so far.
    pub keys: u64,
}

impl<'a> Writer<'a> {
    pub fn new(
        to: &'a mut dyn Write,
        progress: &'a mut dyn FnMut(Progress) -> io::Result<()>,
        (compress, checksum): (bool, bool),
    ) -> Self {
        let crc = checksum.then(Crc64::default);
        let compressor = compress.then(Compressor::default);
        Writer { to, progress, buffer: Vec::new(), crc, compressor, written: 0, keys: 0 }
    }

    /// Writes the buffer out if it is full.
    #[inline]
    fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() >= ROOM { self.flush() } else { Ok(()) }
    }

    /// Writes the buffer out.
    fn flush(&mut self) -> io::Result<()> {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.buffer);
        }
        self.to.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        (self.progress)(Progress { keys: self.keys, bytes: self.written })
    }

    /// Bytes so far.
    #[inline]
    pub fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// A key is complete. Of the first and now and then somebody is told, however little the keys
    /// take.
    #[inline]
    pub fn count_key(&mut self) -> io::Result<()> {
        self.keys += 1;
        if self.keys % KEYS_UNTOLD == 1 {
            let bytes = self.position();
            (self.progress)(Progress { keys: self.keys, bytes })?;
        }
        Ok(())
    }

    /// Ends with the checksum of all before it: zero without one. Returns how many bytes there were
    /// in all.
    pub fn finish(mut self) -> io::Result<u64> {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.buffer);
        }
        let crc = self.crc.take().map_or(0, |crc| crc.value());
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        self.flush()?;
        self.to.flush()?;
        Ok(self.written)
    }

    /// Bytes as they stand.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < ROOM {
            self.buffer.extend_from_slice(bytes);
            return self.settle();
        }
        // A large one is not copied.
        self.flush()?;
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        self.to.write_all(bytes)?;
        self.written += bytes.len() as u64;
        (self.progress)(Progress { keys: self.keys, bytes: self.written })
    }

    /// A byte. As all small things it leaves the buffer alone: what follows it looks whether that
    /// is full.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    /// Eight bytes: a moment in milliseconds.
    #[inline]
    pub fn millis(&mut self, ms: i64) {
        self.buffer.extend_from_slice(&ms.to_le_bytes());
    }

    /// Eight bytes: a score.
    #[inline]
    pub fn double(&mut self, number: f64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    /// A length, or any number that is likely to be small.
    #[inline]
    pub fn length(&mut self, number: u64) {
        match number {
            0..0x40 => self.buffer.push(number as u8),
            0x40..0x4000 => self.buffer.extend_from_slice(&(number as u16 | 0x4000).to_be_bytes()),
            0x4000..=0xffff_ffff => {
                self.buffer.push(length::BITS_32);
                self.buffer.extend_from_slice(&(number as u32).to_be_bytes());
            }
            _ => {
                self.buffer.push(length::BITS_64);
                self.buffer.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    /// A string.
    #[inline]
    pub fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() <= INT_TEXT_MAX
            && let Some(number) = parse_i64(bytes)
            && self.small(number)
        {
            return self.settle();
        }
        if bytes.len() >= SQUEEZE_MIN && self.squeezed(bytes) {
            return self.settle();
        }
        self.length(bytes.len() as u64);
        self.raw(bytes)
    }

    /// A string that is an integer.
    pub fn integer(&mut self, number: i64) -> io::Result<()> {
        if !self.small(number) {
            let mut room = [0; 20];
            let text = text_i64(number, &mut room);
            self.length(text.len() as u64);
            self.buffer.extend_from_slice(text);
        }
        self.settle()
    }

    /// An element as a string.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) -> io::Result<()> {
        match item {
            Item::Bytes(bytes) => self.string(bytes),
            Item::Int(number) => self.integer(number),
        }
    }

    /// The special forms of integers. False: it is larger.
    fn small(&mut self, number: i64) -> bool {
        if let Ok(n) = i8::try_from(number) {
            self.buffer.extend_from_slice(&[special::INT8, n as u8]);
        } else if let Ok(n) = i16::try_from(number) {
            self.buffer.push(special::INT16);
            self.buffer.extend_from_slice(&n.to_le_bytes());
        } else if let Ok(n) = i32::try_from(number) {
            self.buffer.push(special::INT32);
            self.buffer.extend_from_slice(&n.to_le_bytes());
        } else {
            return false;
        }
        true
    }

    /// The compressed form, if it is worth it.
    fn squeezed(&mut self, bytes: &[u8]) -> bool {
        let Some(mut compressor) = self.compressor.take() else { return false };
        // The lengths come first: room for them is left, and what was too much is closed up.
        let start = self.buffer.len();
        self.buffer.push(special::LZF);
        let head = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 18]);
        let max = bytes.len() - SAVING_MIN;
        let fits = compressor.append(bytes, max, &mut self.buffer);
        self.compressor = Some(compressor);
        if !fits {
            self.buffer.truncate(start);
            return false;
        }
        let (body, packed) = (head + 18, self.buffer.len() - head - 18);
        self.buffer.truncate(body + packed);
        let end = self.buffer.len();
        self.length(packed as u64);
        self.length(bytes.len() as u64);
        // The lengths were appended: they go to the front of the room.
        let lengths = self.buffer.len() - end;
        self.buffer.copy_within(end.., head);
        self.buffer.copy_within(body..end, head + lengths);
        self.buffer.truncate(head + lengths + packed);
        true
    }

    /// Whether strings are compressed.
    pub fn compresses(&self) -> bool {
        self.compressor.is_some()
    }

    /// A string that is compressed already.
    pub fn squeezed_before(&mut self, packed: &[u8], len: usize) -> io::Result<()> {
        self.byte(special::LZF);
        self.length(packed.len() as u64);
        self.length(len as u64);
        self.raw(packed)
    }
}
