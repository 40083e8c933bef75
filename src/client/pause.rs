//! CLIENT PAUSE: for a while, commands stand still in front of the server.

use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::command::states;

/// What is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// Commands that write, or might.
    Writes,
    /// All commands.
    All,
}

/// The pause in force, and who waits for its end.
#[derive(Debug, Default)]
pub struct Pause {
    current: Option<(PauseMode, UnixMillis)>,
    /// Clients that stand in front of a command, in order of arrival.
    pub waiting: Vec<Id>,
}

impl Pause {
    /// Begins a pause, or tightens the present one: its end is never brought forward, nor its mode
    /// weakened.
    pub fn begin(&mut self, mode: PauseMode, until: UnixMillis) {
        let (mode, until) = match self.current {
            Some((old_mode, old_until)) => (mode.max(old_mode), until.max(old_until)),
            None => (mode, until),
        };
        self.current = Some((mode, until));
    }

    pub fn end(&mut self) {
        self.current = None;
    }

    pub fn mode(&self) -> Option<PauseMode> {
        self.current.map(|(mode, _)| mode)
    }

    pub fn until(&self) -> Option<UnixMillis> {
        self.current.map(|(_, until)| until)
    }

    /// The bits that hold for the gates.
    pub fn states(&self) -> u32 {
        match self.mode() {
            None => 0,
            Some(PauseMode::Writes) => states::PAUSED_WRITES,
            Some(PauseMode::All) => states::PAUSED_ALL | states::PAUSED_WRITES,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::server::testing::TestServer;

    /// Expired keys once were deleted during a pause, while someone copied the data.
    #[test]
    fn the_data_stands_still_during_a_pause() {
        for mode in ["WRITE", "ALL"] {
            let mut t = TestServer::new();
            t.run("SET k v PX 10");
            t.run("HSET h f v g w");
            t.run("HPEXPIRE h 10 FIELDS 1 f");
            t.run("SET stays v");
            t.propagated();
            t.run("MULTI");
            t.run(&format!("CLIENT PAUSE 100 {mode}"));
            t.run("EXEC");
            t.advance(Duration::from_millis(50));
            if mode == "WRITE" {
                assert_eq!(t.run("GET k"), "$-1\r\n");
                assert_eq!(t.run("KEYS k"), "*0\r\n");
                assert_eq!(t.run("HGETALL h"), "*2\r\n$1\r\ng\r\n$1\r\nw\r\n");
                assert_eq!(t.run("HRANDFIELD h"), "$1\r\ng\r\n");
            }
            let removed = |t: &TestServer| {
                let stats = &t.srv.keyspace.stats;
                (stats.expired_keys, stats.expired_subkeys, t.srv.keyspace.len())
            };
            assert_eq!(removed(&t), (0, 0, 3));
            assert_eq!(t.propagated(), [""; 0]);
            t.advance(Duration::from_millis(50));
            assert_eq!(removed(&t), (1, 1, 2));
            assert_eq!(t.propagated(), ["DEL k", "HDEL h f"]);
        }
    }

    /// Looking for a live key once had no end, where expired ones are not deleted.
    #[test]
    fn randomkey_ends_during_a_pause() {
        let mut t = TestServer::new();
        (0..50).for_each(|i| drop(t.run(&format!("SET k{i} v PX 10"))));
        t.run("CLIENT PAUSE 100 WRITE");
        t.advance(Duration::from_millis(50));
        assert!(t.run("RANDOMKEY").contains("\r\nk"), "an expired one, as in Redis");
        t.run("CLIENT UNPAUSE");
        assert_eq!(t.run("RANDOMKEY"), "$-1\r\n");
        t.run("SET stays v");
        (0..500).for_each(|i| drop(t.run(&format!("SET k{i} v PX 10"))));
        t.run("CLIENT PAUSE 100 WRITE");
        t.advance(Duration::from_millis(50));
        assert_eq!(t.run("RANDOMKEY"), "$5\r\nstays\r\n");
    }

    /// What a transaction writes behind its own CLIENT PAUSE must not be added to what is hidden.
    #[test]
    fn a_transaction_that_pauses_writes_as_if_it_did_not() {
        let mut t = TestServer::new();
        t.srv.debug.active_expire = false;
        t.run("RPUSH l old");
        t.run("PEXPIRE l 10");
        t.run("SET k v PX 10");
        t.advance(Duration::from_millis(50));
        t.propagated();
        for line in ["MULTI", "CLIENT PAUSE 100 WRITE", "RPUSH l new", "SETNX k w"] {
            t.run(line);
        }
        assert_eq!(t.run("EXEC"), "*3\r\n+OK\r\n:1\r\n:1\r\n");
        let told = t.propagated().join(" ");
        assert_eq!(told, "MULTI DEL l RPUSH l new DEL k SETNX k w EXEC");
    }
}
