//! Staying below `maxmemory`.
//!
//! Before a client's command runs, what is used is held against the limit; the test costs one load
//! as long as there is no limit. When it is passed, keys are evicted (`keyspace::evict`) for a
//! slice of time that `maxmemory-eviction-tenacity` sets, and what is left to do is done a slice
//! each turn, whether clients come or not. Only when there is nothing to evict are commands refused
//! that could need more memory: as long as room is being made, they run.
//!
//! ```text
//!   used <= limit ──► Enough      used > limit ──► evict ──► enough? ──► Enough
//!                                                    │ slice over       ──► Coming   (go on next turn)
//!                                                    │ no key to evict  ──► None     (states::OUT_OF_MEMORY)
//! ```
//!
//! Each key is a unit of its own: its event, and its DEL for replicas and the AOF. While clients
//! are paused the data stands still: nothing is evicted until they go on.

use super::{Server, exec, expire};
use crate::base::alloc;
use crate::command::Call;
use crate::command::states::LongWork;
use crate::config::{Config, MaxmemoryPolicy};
use crate::info::Info;
use crate::keyspace::Keyspace;
use crate::keyspace::evict::{By, Choice};
use crate::observe::latency::event;

/// Keys evicted before the time is looked at again.
const BATCH: usize = 16;

/// How it stands.
#[derive(Debug)]
pub struct Eviction {
    /// More has to go; the next turn goes on.
    pub running: bool,
    /// Nothing can go.
    pub failed: bool,
    /// Since when the limit has been passed, by the monotonic clock.
    over_since_us: Option<u64>,
    over_total_us: u64,
    /// Tells the bytes in use; tests have their own.
    meter: fn(&Keyspace) -> usize,
}

impl Default for Eviction {
    fn default() -> Self {
        Eviction {
            running: false,
            failed: false,
            over_since_us: None,
            over_total_us: 0,
            meter: |_| alloc::used(),
        }
    }
}

impl Eviction {
    /// INFO stats.
    pub fn info(&self, w: &mut Info, now_us: u64) {
        let current = self.over_since_us.map_or(0, |since| now_us.saturating_sub(since));
        w.put("total_eviction_exceeded_time", (self.over_total_us + current) / 1000);
        w.put("current_eviction_exceeded_time", current / 1000);
    }

    /// Begins to count anew (CONFIG RESETSTAT).
    pub fn reset_stats(&mut self) {
        self.over_total_us = 0;
    }

    fn note_over(&mut self, is_over: bool, now_us: u64) {
        if is_over {
            self.over_since_us.get_or_insert(now_us);
        } else if let Some(since) = self.over_since_us.take() {
            self.over_total_us += now_us.saturating_sub(since);
        }
    }
}

/// The rule that the configuration asks for, unless it forbids eviction.
fn choice(conf: &Config) -> Option<Choice> {
    use MaxmemoryPolicy as Policy;
    let (by, volatile) = match conf.memory.policy {
        Policy::VolatileLru => (By::Lru, true),
        Policy::VolatileLfu => (By::Lfu, true),
        Policy::VolatileRandom => (By::Random, true),
        Policy::VolatileTtl => (By::Ttl, true),
        Policy::AllkeysLru => (By::Lru, false),
        Policy::AllkeysLfu => (By::Lfu, false),
        Policy::AllkeysRandom => (By::Random, false),
        Policy::NoEviction => return None,
    };
    let samples = conf.memory.samples as usize;
    Some(Choice { by, volatile, samples, lazily: conf.lazyfree.eviction })
}

/// Microseconds that one slice may take: half a millisecond at tenacity 10, growing by 15% a step,
/// without end at 100.
fn slice_us(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => 50 * u64::from(tenacity),
        11..=99 => (500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

/// Bytes above the limit. What waits for the append-only file does not count: evicting makes it
/// longer.
fn excess(srv: &Server) -> usize {
    match srv.conf.memory.max_bytes {
        0 => 0,
        limit => {
            let used = (srv.eviction.meter)(&srv.keyspace);
            used.saturating_sub(srv.aof.buffer_bytes()).saturating_sub(limit as usize)
        }
    }
}

/// Makes room before a client's command, if it has to be made. What the client itself is told of
/// that comes before its answer.
#[inline]
pub fn before_call(srv: &mut Box<Server>, call: &mut Call) {
    if excess(srv) > 0 || srv.eviction.over_since_us.is_some() {
        make_room(srv);
        if srv.clients.has_mail() {
            srv.clients.deliver_mail(call);
        }
    }
}

/// Goes on with what a slice was too short for.
pub fn go_on(srv: &mut Box<Server>) {
    if srv.eviction.running {
        make_room(srv);
    }
}

/// Evicts until as much was freed as was too much, the slice is over, or nothing is left.
#[cold]
fn make_room(srv: &mut Box<Server>) {
    if srv.long_work != LongWork::None {
        return;
    }
    if srv.clients.pause.mode().is_some() {
        // Commands that run now need no memory, or they would wait.
        srv.eviction.running = false;
        set_failed(srv, false);
        return;
    }
    let started = srv.clock.mono_us();
    let end = started.saturating_add(slice_us(srv.conf.memory.eviction_tenacity));
    let to_free = excess(srv);
    srv.eviction.note_over(to_free > 0, started);
    let mut freed = 0;
    let failed = loop {
        if freed >= to_free {
            srv.eviction.running = false;
            break false;
        }
        if !evict_batch(srv, &mut freed, to_free) {
            // The thread may be about to free what went before.
            srv.eviction.running = srv.keyspace.lazyfree.pending() > 0;
            break !srv.eviction.running;
        }
        if srv.clock.mono_us() >= end {
            srv.eviction.running = true;
            break false;
        }
    };
    let now = srv.clock.mono_us();
    srv.eviction.note_over(excess(srv) > 0, now);
    if to_free > 0 {
        let Server { latency, conf, clock, .. } = &mut **srv;
        let spent_ms = (now - started) / 1000;
        latency.add(&conf.latency, event::EVICTION_CYCLE, spent_ms, clock.now().seconds());
    }
    set_failed(srv, failed);
}

/// Says whether there is nothing left to evict: the gates look at it.
fn set_failed(srv: &mut Server, failed: bool) {
    if srv.eviction.failed != failed {
        srv.eviction.failed = failed;
        srv.refresh_states();
    }
}

/// A pause has ended: what was not evicted meanwhile is now.
pub fn resume(srv: &mut Server) {
    srv.eviction.running |= excess(srv) > 0;
}

/// Evicts a few keys and tells of them; false when there was none. What telling takes is not held
/// against what was freed, or messages to those who cache would make more keys go, and so on.
fn evict_batch(srv: &mut Box<Server>, freed: &mut usize, to_free: usize) -> bool {
    let Some(choice) = choice(&srv.conf) else { return false };
    let now = srv.clock.now();
    for done in 0..BATCH {
        let before = (srv.eviction.meter)(&srv.keyspace);
        let Some(bytes) = srv.keyspace.evict_one(choice, now) else {
            return done > 0;
        };
        let spent_ms = srv.keyspace.take_longest_free_us() / 1000;
        srv.latency.add(&srv.conf.latency, event::EVICTION_DEL, spent_ms, now.seconds());
        // The names that are to be told of take memory, too, for as long as that takes.
        *freed += before.saturating_sub((srv.eviction.meter)(&srv.keyspace)).max(bytes);
        for deleted in std::mem::take(&mut srv.keyspace.deleted) {
            expire::tell(&mut srv.unit, &deleted, true);
        }
        exec::after_unit(srv);
        if *freed >= to_free {
            break;
        }
    }
    if choice.lazily && excess(srv) == 0 {
        // The thread has freed what was not counted here.
        *freed = to_free;
    }
    true
}

/// The limit or the rule has changed.
pub fn changed(srv: &mut Server) {
    srv.keyspace.forget_candidates();
    if excess(srv) > 0 {
        let (limit, used) = (srv.conf.memory.max_bytes, (srv.eviction.meter)(&srv.keyspace));
        srv.log.warning(format_args!(
            "WARNING: maxmemory is {limit} bytes now, less than the {used} in use. Depending on maxmemory-policy keys \
             are evicted, or commands refused that need memory."
        ));
        srv.eviction.running = true;
    }
    srv.eviction.failed = false;
    srv.refresh_states();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::TestServer;

    /// A server in which every key takes 100 bytes.
    fn limited(keys: u64, policy: MaxmemoryPolicy) -> TestServer {
        let mut conf = Config::default();
        conf.memory.max_bytes = keys * 100;
        conf.memory.policy = policy;
        let mut t = TestServer::with(conf);
        t.srv.eviction.meter = |keyspace| keyspace.len() * 100;
        t
    }

    const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

    #[test]
    fn without_eviction_commands_that_need_memory_are_refused() {
        let mut t = limited(2, MaxmemoryPolicy::NoEviction);
        for key in ["a", "b", "c"] {
            assert_eq!(t.run(&format!("SET {key} v")), "+OK\r\n");
        }
        assert_eq!(t.run("SET d v"), OOM);
        assert_eq!(t.run("GET a"), "$1\r\nv\r\n");
        assert_eq!(t.run("DEL a"), ":1\r\n");
        assert_eq!(t.run("SET d v"), "+OK\r\n");
    }

    #[test]
    fn a_transaction_that_needs_no_memory_runs_above_the_limit() {
        // Whatever was to be queued was refused, so that nobody could delete in a transaction.
        let mut t = limited(2, MaxmemoryPolicy::NoEviction);
        for key in ["a", "b", "c"] {
            assert_eq!(t.run(&format!("SET {key} v")), "+OK\r\n");
        }
        assert_eq!(t.run("MULTI"), "+OK\r\n");
        for line in ["GET a", "DEL a", "PING"] {
            assert_eq!(t.run(line), "+QUEUED\r\n");
        }
        assert_eq!(t.run("EXEC"), "*3\r\n$1\r\nv\r\n:1\r\n+PONG\r\n");
        assert_eq!(t.run("SET a v"), "+OK\r\n");
        assert_eq!(t.run("MULTI"), "+OK\r\n");
        assert_eq!(t.run("DEL b"), "+QUEUED\r\n");
        assert_eq!(t.run("SET d v"), OOM);
        assert!(t.run("EXEC").starts_with("-EXECABORT"));
    }

    /// A replica would evict what its primary keeps.
    #[test]
    fn calls_of_a_primary_evict_nothing() {
        let mut t = limited(1, MaxmemoryPolicy::AllkeysRandom);
        let link = t.connect();
        t.srv.clients.become_primary(link);
        for n in 0..3 {
            t.run_as(link, &format!("SET k{n} 1"));
        }
        assert_eq!((t.srv.keyspace.len(), t.srv.keyspace.stats.evicted_keys), (3, 0));
        t.srv.conf.memory.replica_ignore_max = false;
        t.run_as(link, "SET k4 1");
        assert!(t.srv.keyspace.stats.evicted_keys > 0);
    }

    #[test]
    fn keys_go_until_the_limit_is_kept_and_are_told_of() {
        for policy in [
            MaxmemoryPolicy::AllkeysLru,
            MaxmemoryPolicy::AllkeysLfu,
            MaxmemoryPolicy::AllkeysRandom,
        ] {
            let mut t = limited(5, policy);
            let listener = t.connect();
            t.run("CONFIG SET notify-keyspace-events Ee");
            t.run_as(listener, "SUBSCRIBE __keyevent@0__:evicted");
            t.receive(listener);
            t.srv.unit.take_feed();
            for i in 0..50 {
                assert_eq!(t.run(&format!("SET k{i} v")), "+OK\r\n");
            }
            t.run("PING");
            assert_eq!(t.run("DBSIZE"), ":5\r\n");
            assert_eq!(t.srv.keyspace.stats.evicted_keys, 45);
            let heard = String::from_utf8(t.receive(listener)).expect("text");
            assert_eq!(heard.matches("__keyevent@0__:evicted").count(), 45);
            let feed = String::from_utf8(t.srv.unit.take_feed()).expect("text");
            assert_eq!(feed.matches("\r\nDEL\r\n").count(), 45);
            assert!(!feed.contains("MULTI"), "each is a unit of its own");
        }
    }

    #[test]
    fn only_volatile_keys_go_if_the_rule_says_so() {
        for policy in [
            MaxmemoryPolicy::VolatileLru,
            MaxmemoryPolicy::VolatileRandom,
            MaxmemoryPolicy::VolatileTtl,
        ] {
            let mut t = limited(10, policy);
            (0..8).for_each(|i| drop(t.run(&format!("SET stays{i} v"))));
            (0..8).for_each(|i| drop(t.run(&format!("SET goes{i} v EX {}", 1000 - i))));
            t.run("PING");
            assert_eq!(
                t.run("EXISTS stays0 stays1 stays2 stays3 stays4 stays5 stays6 stays7"),
                ":8\r\n"
            );
            assert_eq!(t.run("DBSIZE"), ":10\r\n");
            if policy == MaxmemoryPolicy::VolatileTtl {
                assert_eq!(t.run("EXISTS goes0 goes1"), ":2\r\n", "those that live longest");
            }
            (0..3).for_each(|i| drop(t.run(&format!("SET more{i} v"))));
            assert_eq!(t.run("SET one v"), OOM, "there is nothing volatile any more");
        }
    }

    #[test]
    fn the_key_that_was_not_used_goes_first() {
        let mut t = limited(20, MaxmemoryPolicy::AllkeysLru);
        (0..20).for_each(|i| drop(t.run(&format!("SET k{i} v"))));
        t.srv.clock.advance(std::time::Duration::from_secs(10));
        t.settle();
        (0..20).filter(|i| *i != 7).for_each(|i| drop(t.run(&format!("GET k{i}"))));
        // Five of twenty are looked at each time; the pool remembers.
        t.run("CONFIG SET maxmemory-samples 64");
        t.run("SET more v");
        t.run("PING");
        assert_eq!(t.run("EXISTS k7"), ":0\r\n");
        assert_eq!(t.run("DBSIZE"), ":20\r\n");
    }

    #[test]
    fn who_caches_a_key_is_told_before_the_answer() {
        let mut t = limited(1, MaxmemoryPolicy::VolatileRandom);
        t.run("HELLO 3");
        t.run("CLIENT TRACKING on");
        t.run("SET k v EX 100");
        t.run("GET k");
        t.run("SET other v");
        let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
        assert_eq!(t.run("PING"), format!("{push}+PONG\r\n"));
    }

    /// Keys once were evicted during a pause, while someone copied the data.
    #[test]
    fn nothing_is_evicted_while_clients_are_paused() {
        let mut t = limited(5, MaxmemoryPolicy::AllkeysRandom);
        (0..5).for_each(|i| drop(t.run(&format!("SET k{i} v"))));
        t.run("CLIENT PAUSE 100 WRITE");
        t.run("CONFIG SET maxmemory 200");
        assert_eq!(t.run("DBSIZE"), ":5\r\n");
        t.advance(std::time::Duration::from_millis(99));
        assert_eq!(t.run("DBSIZE"), ":5\r\n");
        assert!(!t.srv.eviction.running, "the reactor sleeps");
        t.advance(std::time::Duration::from_millis(1));
        assert_eq!(t.srv.keyspace.len(), 2);
        assert_eq!(t.srv.keyspace.stats.evicted_keys, 3);
    }

    #[test]
    fn a_watched_key_that_is_evicted_breaks_the_transaction() {
        let mut t = limited(5, MaxmemoryPolicy::AllkeysRandom);
        t.run("SET k v");
        let watcher = t.connect();
        t.run_as(watcher, "WATCH k");
        t.run("CONFIG SET maxmemory 1");
        t.run_as(watcher, "MULTI");
        t.run_as(watcher, "PING");
        assert_eq!(t.run_as(watcher, "EXEC"), "*-1\r\n");
    }
}
