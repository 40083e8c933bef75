//! Reply buffers that are lent to clients only while they have something to say: an idle client
//! owns none.

/// Buffers larger than this go back to the allocator.
const KEPT_SIZE: usize = 16 * 1024;
/// How many are kept for the next turn.
const KEPT_COUNT: usize = 256;

/// A stack of empty buffers; the one used last, and so warm in the cache, is lent first.
#[derive(Debug, Default)]
pub struct BufferPool {
    free: Vec<Vec<u8>>,
}

impl BufferPool {
    #[inline]
    pub fn lend(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_default()
    }

    #[inline]
    pub fn take_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() != 0 && buffer.capacity() <= KEPT_SIZE && self.free.len() < KEPT_COUNT
        {
            buffer.clear();
            self.free.push(buffer);
        }
    }

    /// Gives all kept memory back.
    pub fn shrink(&mut self) {
        self.free = Vec::new();
    }
}
