//! The limits that close a connection: who may come in, how much may wait for it, how long it may
//! be silent.

use super::filter::ClientType;
use super::{Client, Clients};
use crate::config::{Config, OutputLimit};
use crate::net::conn::Conn;

/// What a connection is told that may not come in.
pub const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

/// What a stranger from another machine is told when no password protects the server. The text is
/// the reference's, because people look it up by its words.
pub const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no \
password is set for the default user. In this mode connections are only accepted from the loopback interface. If you \
want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable \
protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis \
from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do \
so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by \
editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. \
3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up \
an authentication password for the default user. NOTE: You only need to do one of the above things in order for the \
server to start accepting connections from the outside.\r\n";

/// Why this new connection must be turned away, if so: the bytes to send it.
pub fn refusal(conf: &Config, clients: &Clients, conn: &Conn) -> Option<&'static [u8]> {
    if clients.len() >= conf.net.maxclients as usize {
        return Some(TOO_MANY);
    }
    let open = conf.net.protected_mode && !conf.security.needs_password();
    (open && !conn.is_local()).then_some(PROTECTED)
}

impl Client {
    /// The class of `client-output-buffer-limit` this client is in. A primary's link is not
    /// limited.
    pub fn output_limit<'a>(&self, conf: &'a Config) -> Option<&'a OutputLimit> {
        match self.kind() {
            ClientType::Normal => conf.clients.output_limits.first(),
            ClientType::Replica => conf.clients.output_limits.get(1),
            ClientType::Pubsub => conf.clients.output_limits.get(2),
            ClientType::Primary => None,
        }
    }

    /// Whether `waiting` bytes of output
    /// ([`Reply::limited_len`](crate::resp::reply::Reply::limited_len)) are too many: more than the
    /// hard limit, or more than the soft limit for longer than it allows. A client that has not
    /// authenticated may have next to nothing wait.
    pub fn is_over_output_limit(&mut self, waiting: usize, conf: &Config, now_us: u64) -> bool {
        let is_stranger = !(self.session.authenticated || conf.security.requirepass.is_empty());
        if is_stranger && waiting > 0 {
            // Compat: the limit is 1 KiB, but a list that holds anything at all takes more than
            // that.
            return true;
        }
        let Some(limit) = self.output_limit(conf) else {
            return false;
        };
        let over = |bytes: u64| bytes > 0 && waiting as u64 > bytes;
        if over(limit.hard_bytes) {
            return true;
        }
        if !over(limit.soft_bytes) {
            self.over_soft_since_us = None;
            return false;
        }
        let since = *self.over_soft_since_us.get_or_insert(now_us);
        now_us.saturating_sub(since) > limit.soft_seconds.saturating_mul(1_000_000)
    }

    /// Whether this client has been silent for longer than `timeout` seconds allow.
    pub fn is_over_idle_limit(&self, timeout_s: u32, now_us: u64) -> bool {
        timeout_s > 0
            && self.kind() == ClientType::Normal
            && !self.stands_still()
            && !self.peer.is_monitor()
            && self.idle_s(now_us) > u64::from(timeout_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Session;
    use crate::net::conn::SimConn;

    #[test]
    fn hard_at_once_and_soft_after_a_while() {
        let mut conf = Config::default();
        conf.clients.output_limits[0] =
            OutputLimit { hard_bytes: 1000, soft_bytes: 100, soft_seconds: 2 };
        let mut clients = Clients::default();
        let id = clients.add(Conn::Simulated(SimConn::default()), Session::default(), 0);
        let client = clients.get_mut(id).expect("just added");
        conf.security.requirepass = "secret".into();
        assert!(client.is_over_output_limit(1, &conf, 0), "a stranger");
        client.session.authenticated = true;
        assert!(client.is_over_output_limit(1001, &conf, 0));
        assert!(!client.is_over_output_limit(1000, &conf, 0));
        assert!(!client.is_over_output_limit(101, &conf, 2_000_000), "the soft time begins over");
        assert!(client.is_over_output_limit(101, &conf, 2_000_001));
        assert!(!client.is_over_output_limit(100, &conf, 3_000_000), "back under the limit");
        assert!(!client.is_over_output_limit(101, &conf, 3_000_000), "and it begins anew");
    }
}
