//! The wire protocol: requests in, replies out, in RESP2 and RESP3. Knows bytes only, neither
//! commands nor clients.

pub mod reader;
pub mod reply;
pub mod request;

/// The protocol version a client chose with HELLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    #[default]
    Resp2,
    Resp3,
}
