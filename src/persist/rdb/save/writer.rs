//! The buffer that everything saved goes through, and its checksum.

use std::io::{self, Write};

use crate::base::crc::Crc64;

/// Bytes that are gathered before they are written out.
const ROOM: usize = 256 << 10;

/// A buffer in front of a sink.
pub struct Writer<'a> {
    to: &'a mut dyn Write,
    pub buffer: Vec<u8>,
    crc: Option<Crc64>,
    written: u64,
}

impl<'a> Writer<'a> {
    pub fn new(to: &'a mut dyn Write, checksum: bool) -> Self {
        let crc = checksum.then(Crc64::default);
        Writer { to, buffer: Vec::with_capacity(ROOM + ROOM / 4), crc, written: 0 }
    }

    /// Bytes written, those in the buffer included.
    pub fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Writes the buffer out if it is full.
    #[inline]
    pub fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= ROOM { self.flush() } else { Ok(()) }
    }

    /// Writes the buffer out.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.buffer);
        }
        self.to.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Ends with the checksum of all before it: zero without one.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        let crc = self.crc.take().map_or(0, |crc| crc.value());
        self.to.write_all(&crc.to_le_bytes())?;
        self.to.flush()?;
        Ok(self.written + 8)
    }
}
