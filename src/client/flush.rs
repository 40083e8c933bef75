//! Sending what clients are owed.

use std::io::{self, IoSlice};

use super::Client;
use crate::net::conn::Written;

/// Pieces handed to one `writev`.
const SLICES_MAX: usize = 64;
/// Bytes sent to one client in one turn before the others have theirs.
const TURN_MAX: usize = 1 << 20;

/// How sending went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing is left.
    All,
    /// The socket takes no more for now; its next edge goes on.
    Blocked,
    /// The socket would take more, but the others come first.
    Fair,
    /// The connection is broken: the system's error number, 0 if it gave none.
    Failed(i32),
}

impl Client {
    /// Sends as much output as the socket takes. Returns that and the number of bytes sent.
    pub fn flush(&mut self) -> (Sent, usize) {
        let mut total = 0;
        let verdict = loop {
            if self.owes_nothing() {
                break Sent::All;
            }
            if total >= TURN_MAX {
                break Sent::Fair;
            }
            match self.send_once() {
                Ok(Written { n, blocked: true }) => {
                    total += n;
                    // Asking again would only be refused.
                    break Sent::Blocked;
                }
                Ok(Written { n: 0, .. }) if !self.out.is_empty() => break Sent::Failed(0),
                Ok(Written { n, .. }) => total += n,
                Err(e) => break Sent::Failed(e.raw_os_error().unwrap_or(0)),
            }
        };
        self.totals.bytes_out += total as u64;
        (verdict, total)
    }

    /// There is nothing to be sent, of replies and of the connection's own.
    #[inline]
    pub fn owes_nothing(&self) -> bool {
        self.out.is_empty() && !self.conn.wants_write()
    }

    /// One system call.
    fn send_once(&mut self) -> io::Result<Written> {
        let Client { conn, out, sent, .. } = self;
        if out.is_empty() {
            return conn.write(&[]);
        }
        if let Some(bytes) = out.single() {
            let rest = &bytes[*sent..];
            let (written, offered) = (conn.write(rest)?, rest.len());
            if written.n == offered {
                out.clear();
                *sent = 0;
            } else {
                *sent += written.n;
            }
            return Ok(written);
        }
        let mut skip = *sent;
        let mut slices = Vec::with_capacity(SLICES_MAX);
        for piece in out.pieces().take(SLICES_MAX) {
            slices.push(IoSlice::new(&piece[skip..]));
            skip = 0;
        }
        let written = conn.write_all_of(&slices)?;
        self.advance(written.n);
        Ok(written)
    }

    /// Drops the first `n` bytes of the output.
    fn advance(&mut self, n: usize) {
        let mut done = self.sent + n;
        while !self.out.is_empty() && done >= self.out.front_len() {
            done -= self.out.pop_front();
        }
        self.sent = done;
    }

    /// Bytes still to be sent.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::client::Clients;
    use crate::command::Session;
    use crate::net::conn::{Conn, SimConn};
    use crate::resp::reply::SHARE;

    #[test]
    fn any_window_sends_all_bytes_in_order() {
        let value = Arc::new((0..SHARE + 99).map(|i| i as u8).collect::<Vec<_>>());
        for window in [1usize, 7, 4096, SHARE, 10 * SHARE] {
            let mut clients = Clients::default();
            let sim = SimConn { window: Some(0), ..SimConn::default() };
            let id = clients.add(Conn::Simulated(sim), Session::default(), 0);
            let client = clients.get_mut(id).expect("just added");
            for _ in 0..3 {
                client.out.begin();
                client.out.bulk_shared(&value);
                client.out.begin();
                client.out.bulk(b"small");
            }
            let want = client.out.pieces().collect::<Vec<_>>().concat();
            let mut got = vec![];
            let mut rounds = 0;
            while !client.out.is_empty() {
                let sim = client.conn.simulated().expect("simulated");
                got.append(&mut sim.outgoing);
                sim.window = Some(if window == 1 { 1 + rounds % 999 } else { window });
                client.flush();
                rounds += 1;
            }
            got.append(&mut client.conn.simulated().expect("simulated").outgoing);
            assert!(got == want, "window {window}");
        }
    }
}
