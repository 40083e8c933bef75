//! Requests put aside: what MULTI queues until EXEC.
//!
//! ```text
//!   bytes  [SET][a][1] [INCR][a] [GET][a]         the words of all requests, without the protocol between them
//!   args    . . .       . .       . .             ranges of them
//!   ends         ^         ^         ^            where each request ends in both
//! ```
//!
//! Nothing is allocated per request. Large words keep their own allocation, so a value can still
//! adopt it when the request runs. Requests are taken out in order, once.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Arg, IS_BIG, KEPT_ARGS, KEPT_BYTES, Query};

/// Requests in the order in which they came.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    args: Vec<Arg>,
    bigs: VecDeque<Arc<Vec<u8>>>,
    big_bytes: usize,
    ends: Vec<End>,
    /// Requests taken out.
    taken: usize,
}

/// Where a request ends.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    bytes: usize,
    args: usize,
    bigs: usize,
}

impl Queue {
    /// Puts a copy of the request that a query holds at the end.
    pub fn push(&mut self, query: &Query) {
        let mut bigs = 0;
        for arg in &query.argv {
            if arg.start & IS_BIG == 0 {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(&query.buf[arg.start..arg.start + arg.len]);
                self.args.push(Arg { start, len: arg.len });
            } else {
                self.bigs.push_back(Arc::clone(&query.bigs[arg.start & !IS_BIG]));
                self.big_bytes += arg.len;
                self.args.push(Arg { start: IS_BIG | bigs, len: arg.len });
                bigs += 1;
            }
        }
        self.ends.push(End { bytes: self.bytes.len(), args: self.args.len(), bigs });
    }

    /// Lays the next request into a query, in place of what it held. False when there is none.
    pub fn pop_into(&mut self, query: &mut Query) -> bool {
        let Some(end) = self.ends.get(self.taken).copied() else { return false };
        let start = self.taken.checked_sub(1).map_or(End::default(), |last| self.ends[last]);
        self.taken += 1;
        query.reset();
        query.buf.extend_from_slice(&self.bytes[start.bytes..end.bytes]);
        query.pos = query.buf.len();
        query.argv.extend_from_slice(&self.args[start.args..end.args]);
        for arg in query.argv.iter_mut().filter(|arg| arg.start & IS_BIG == 0) {
            arg.start -= start.bytes;
        }
        query.bigs.extend(self.bigs.drain(..end.bigs));
        true
    }

    /// Bytes that the requests take.
    pub fn bytes(&self) -> usize {
        let lists = self.args.len() * size_of::<Arg>() + self.ends.len() * size_of::<End>();
        self.bytes.len() + self.big_bytes + lists
    }

    /// Forgets the requests. Buffers are kept unless they are large.
    pub fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES || self.args.capacity() > KEPT_ARGS {
            *self = Queue::default();
            return;
        }
        self.bytes.clear();
        self.args.clear();
        self.bigs = VecDeque::new();
        self.ends.clear();
        (self.big_bytes, self.taken) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BIG, Limits, Parsed};
    use super::*;

    fn words(query: &Query) -> Vec<Vec<u8>> {
        query.args().iter().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn requests_come_out_as_they_went_in() {
        let big = vec![b'v'; BIG + 5];
        let long = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", big.len()).into_bytes();
        let mut query = Query::default();
        let limits = Limits { bulk_max: 1 << 20, authenticated: true };
        let mut queue = Queue::default();
        let mut wanted = vec![];
        for _ in 0..3 {
            for bytes in
                [b"PING\r\n".as_slice(), &long, &big, b"\r\n", b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n"]
            {
                query.feed(bytes);
                while query.parse(limits) == Ok(Parsed::Request) {
                    queue.push(&query);
                    wanted.push(words(&query));
                    query.consume();
                }
            }
        }
        assert_eq!(wanted.len(), 9);
        assert!(queue.bytes() > 3 * big.len() && queue.bytes() < 3 * big.len() + 1000);
        let mut out = Query::default();
        for words_in in wanted {
            assert!(queue.pop_into(&mut out));
            assert!(words(&out) == words_in);
            if let Some(big) = out.args().big(2) {
                assert_eq!(Arc::strong_count(big), 1, "a value may have it for its own");
            }
        }
        assert!(!queue.pop_into(&mut out));
        queue.clear();
        assert_eq!((queue.bytes(), queue.pop_into(&mut out)), (0, false));
    }
}
