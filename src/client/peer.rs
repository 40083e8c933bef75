//! What a connection is: a client like any other, or one with a part in replication or debugging.

use crate::command::Origin;

/// Who is at the other end.
#[derive(Debug, Default)]
pub enum Peer {
    #[default]
    Normal,
    /// It gets the replication stream.
    Replica(Replica),
    /// The stream of our primary comes from there. Its calls are right because the primary has made
    /// them: they are not answered, not refused and never wait.
    Primary,
    /// It is shown every call (MONITOR).
    Monitor,
}

/// What is known of a replica.
#[derive(Debug)]
pub struct Replica;

impl Peer {
    /// Whose calls come from there.
    #[inline]
    pub fn origin(&self) -> Origin {
        match self {
            Peer::Primary => Origin::Primary,
            Peer::Normal | Peer::Replica(_) | Peer::Monitor => Origin::User,
        }
    }

    pub fn is_monitor(&self) -> bool {
        matches!(self, Peer::Monitor)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::base::slab::Id;
    use crate::command::states::{self, LongWork};
    use crate::keyspace::Expire;
    use crate::server::serve;
    use crate::server::testing::TestServer;

    /// A server, and the link of its primary.
    fn replica() -> (TestServer, Id) {
        let mut t = TestServer::new();
        t.srv.keyspace.expire = Expire::Hide;
        let link = t.connect();
        t.srv.clients.become_primary(link);
        (t, link)
    }

    #[test]
    fn a_primary_is_not_answered() {
        let (mut t, link) = replica();
        for line in [
            "SET a 1",
            "GET a",
            "NONSENSE",
            "LPUSH a x",
            "MULTI",
            "INCR a",
            "EXEC",
            "CLIENT REPLY ON",
            "RESET",
            "PING",
        ] {
            assert_eq!(t.run_as(link, line), "", "{line}");
        }
        assert_eq!(t.run("GET a"), "$1\r\n2\r\n");
        assert!(t.propagated().contains(&"SET a 1".to_owned()), "it is told like any other");
        assert!(t.run("CLIENT LIST TYPE master").contains("cmd=ping"));
        assert!(!t.run("CLIENT LIST TYPE normal").contains("cmd=ping"));
    }

    #[test]
    fn a_primary_is_refused_nothing() {
        let (mut t, link) = replica();
        t.run("CONFIG SET min-replicas-to-write 1 requirepass secret");
        t.srv.states |= states::UNSAFE | states::OUT_OF_MEMORY;
        t.srv.clients.get_mut(link).expect("it is there").session.authenticated = false;
        assert!(t.run("SET a 0").starts_with("-"));
        t.run_as(link, "SET a 1");
        assert_eq!(t.run("GET a"), "$1\r\n1\r\n");
        t.run("CLIENT PAUSE 100000");
        t.run_as(link, "SET a 2");
        t.run_as(link, "MULTI");
        t.run_as(link, "SET b 2");
        assert_eq!(t.srv.keyspace.len(), 1, "transactions wait for EXEC all the same");
        t.run_as(link, "EXEC");
        assert_eq!(t.srv.keyspace.len(), 2);
    }

    /// While a script takes its time others are refused. What is refused of the stream would be
    /// lost.
    #[test]
    fn a_primary_comes_after_what_takes_long() {
        let (mut t, link) = replica();
        let conn = t.srv.clients.get_mut(link).and_then(|client| client.conn.simulated());
        conn.expect("a simulated one")
            .incoming
            .extend(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");
        t.srv.long_work = LongWork::Script;
        serve::serve(&mut t.srv, link, false);
        assert!(t.srv.keyspace.is_empty());
        t.srv.long_work = LongWork::None;
        t.settle();
        assert_eq!(t.run("GET a"), "$1\r\n1\r\n");
    }

    #[test]
    fn a_primary_does_not_wait() {
        let (mut t, link) = replica();
        t.run_as(link, "BLPOP l 0");
        t.run_as(link, "WAIT 1 0");
        assert_eq!(t.srv.clients.waits.len(), 0);
        t.run_as(link, "RPUSH l x");
        assert_eq!(t.run("LLEN l"), ":1\r\n");
    }

    /// What has expired here and not there must be served to the primary's calls.
    #[test]
    fn deadlines_mean_nothing_to_a_primary() {
        let (mut t, link) = replica();
        t.run_as(link, "SET a 5 PX 50");
        t.run_as(link, "HSET h f 1 g 1");
        t.run_as(link, "HPEXPIRE h 50 FIELDS 1 f");
        t.run_as(link, "SET c 1 PX 50");
        t.advance(Duration::from_millis(60));
        assert_eq!((t.run("GET a"), t.run("HGET h f")), ("$-1\r\n".into(), "$-1\r\n".into()));
        assert_eq!(t.run("GET c"), "$-1\r\n");
        for line in ["INCR a", "PERSIST a", "HINCRBY h f 2", "HPERSIST h FIELDS 1 f", "MOVE c 1"] {
            t.run_as(link, line);
        }
        t.run_as(link, "SELECT 1");
        t.run_as(link, "PERSIST c");
        assert_eq!(
            (t.run("GET a"), t.run("HGET h f")),
            ("$1\r\n6\r\n".into(), "$1\r\n3\r\n".into())
        );
        t.run("SELECT 1");
        assert_eq!(t.run("GET c"), "$1\r\n1\r\n");
        // A deadline in the past is set: the primary deletes.
        t.run_as(link, "PEXPIREAT c 1000");
        assert_eq!((t.run("GET c"), t.run("DBSIZE")), ("$-1\r\n".into(), ":1\r\n".into()));
    }
}
