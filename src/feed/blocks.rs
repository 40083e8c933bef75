//! The backlog: the last stretch of the replication stream, kept once for all who read it.
//!
//! ```text
//!    trimmed │ block │ block │ value of 1 MiB │ block │ open block ... spare │
//!            ^ first                    ^ a replica's cursor       ^ end
//! ```
//!
//! Offsets count the bytes of the stream: offset n is the place behind its first n bytes, so that
//! the cursor at n reads the byte that PSYNC calls n + 1. A block is written once, from its first
//! byte to its last, and never moves; only the last block is still open. A large value that a
//! request brought in an allocation of its own becomes a block by reference. Replicas own no
//! output, just a [`Cursor`]: a hundred slow ones cost as much memory as the slowest of them.
//!
//! [`Backlog::trim`] drops whole blocks from the front. What it keeps is said by the configured
//! size and by the caller, who knows which replica may be how far behind; a cursor that it passes
//! is lost, and its replica needs a new snapshot. Nothing here knows sockets or replicas.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::offset::Offset;
use crate::resp::request::BIG;

/// Sizes of blocks: a sixteenth of the backlog within these.
const BLOCK_MIN: usize = 16 << 10;
const BLOCK_MAX: usize = 1 << 20;
/// Values from this size on become blocks, instead of being copied into one.
pub const SHARED_MIN: usize = BIG;
/// Blocks freed by one call of [`Backlog::trim`], so that no turn has to free a gigabyte.
const TRIMMED_AT_ONCE: usize = 64;

/// A part of the stream that changes no more.
#[derive(Debug)]
struct Block {
    start: Offset,
    bytes: Arc<Vec<u8>>,
}

impl Block {
    fn end(&self) -> Offset {
        Offset(self.start.0 + self.bytes.len() as u64)
    }
}

/// The stream as far back as it is kept.
#[derive(Debug)]
pub struct Backlog {
    blocks: VecDeque<Block>,
    /// The block being written. It is as large as it will ever be, so that it never moves.
    open: Vec<u8>,
    end: Offset,
    /// `repl-backlog-size`.
    size: usize,
}

impl Backlog {
    /// A backlog that begins at this place of the stream.
    pub fn new(start: Offset, size: usize) -> Backlog {
        Backlog { blocks: VecDeque::new(), open: Vec::new(), end: start, size }
    }

    /// Changes how much is kept at least. What is too much goes with the next [`Backlog::trim`].
    pub fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// The first byte that is kept begins here.
    pub fn first(&self) -> Offset {
        self.blocks.front().map_or_else(|| self.open_start(), |block| block.start)
    }

    /// The end of the stream.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Memory of the blocks. Values that the keyspace holds, too, are counted here as well.
    pub fn memory(&self) -> usize {
        let sealed: usize = self.blocks.iter().map(|block| block.bytes.capacity()).sum();
        sealed + self.open.capacity()
    }

    fn open_start(&self) -> Offset {
        Offset(self.end.0 - self.open.len() as u64)
    }

    /// Appends bytes to the stream.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.open.len() == self.open.capacity() {
                self.seal();
                let size = (self.size / 16).clamp(BLOCK_MIN, BLOCK_MAX);
                self.open = Vec::with_capacity(size);
            }
            let room = self.open.capacity() - self.open.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.open.extend_from_slice(now);
            self.end.0 += now.len() as u64;
            bytes = later;
        }
    }

    /// Appends bytes that somebody else may hold, too: by reference if they are many.
    pub fn append_shared(&mut self, bytes: &Arc<Vec<u8>>) {
        if bytes.len() < SHARED_MIN {
            return self.append(bytes);
        }
        self.seal();
        self.blocks.push_back(Block { start: self.end, bytes: Arc::clone(bytes) });
        self.end.0 += bytes.len() as u64;
    }

    /// Closes the open block: what follows is another one.
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let start = self.open_start();
            let mut bytes = std::mem::take(&mut self.open);
            bytes.shrink_to_fit();
            self.blocks.push_back(Block { start, bytes: Arc::new(bytes) });
        }
    }

    /// Frees blocks that lie in front of both the configured size and `keep`, the place of the
    /// slowest reader that must not be lost. Returns whether there are more of them for the next
    /// call.
    pub fn trim(&mut self, keep: Option<Offset>) -> bool {
        let sized = Offset(self.end.0.saturating_sub(self.size as u64));
        let kept_from = keep.map_or(sized, |keep| keep.min(sized));
        for _ in 0..TRIMMED_AT_ONCE {
            match self.blocks.front() {
                Some(block) if block.end() <= kept_from => drop(self.blocks.pop_front()),
                _ => return false,
            }
        }
        self.blocks.front().is_some_and(|block| block.end() <= kept_from)
    }

    /// The stream from a place to its end, in pieces. None if the place is not in the backlog.
    pub fn read_from(&self, at: Offset) -> Option<impl Iterator<Item = &[u8]>> {
        if at < self.first() || at > self.end {
            return None;
        }
        let index = self.blocks.partition_point(|block| block.end() <= at);
        let sealed = self.blocks.range(index..).map(|block| (block.start, &block.bytes[..]));
        let open = std::iter::once((self.open_start(), &self.open[..]));
        let pieces = sealed.chain(open).map(move |(start, bytes)| {
            // All but the first begin behind the place.
            &bytes[usize::try_from(at.since(start)).map_or(bytes.len(), |n| n.min(bytes.len()))..]
        });
        Some(pieces.filter(|bytes| !bytes.is_empty()))
    }
}

/// Where a reader stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: Offset,
}

impl Cursor {
    pub fn new(at: Offset) -> Cursor {
        Cursor { at }
    }

    pub fn at(self) -> Offset {
        self.at
    }

    /// What is to be sent, for `writev`. None if the cursor is lost: what it wants was trimmed.
    pub fn slices(self, backlog: &Backlog) -> Option<impl Iterator<Item = &[u8]>> {
        backlog.read_from(self.at)
    }

    /// Bytes were sent.
    pub fn advance(&mut self, bytes: usize) {
        self.at.0 += bytes as u64;
    }

    /// How many bytes behind the end it is.
    pub fn lag(self, backlog: &Backlog) -> u64 {
        backlog.end.since(self.at)
    }
}
