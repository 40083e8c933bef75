//! Staying below `maxmemory-clients`: the largest clients are closed when all together take too
//! much.
//!
//! While there is a limit, each client is weighed when it has been served, before it is sent
//! something, and by the walk of the cron; the sum is kept up to date, so that holding it against
//! the limit costs nothing. Without a limit nobody is weighed. Exempt are replicas and the primary,
//! who are none of these clients, and whoever said CLIENT NO-EVICT on.

use super::Server;
use crate::base::slab::Id;
use crate::client::filter::ClientType;
use crate::client::{Client, Clients};
use crate::command::Call;
use crate::config::Config;
use crate::config::value::MemoryOrPercent;
use crate::keyspace::watch::Watch;
use crate::observe::latency::event;

/// The limit in bytes; 0: none.
pub fn limit(conf: &Config) -> u64 {
    match conf.clients.maxmemory {
        MemoryOrPercent::Bytes(bytes) => bytes,
        MemoryOrPercent::Percent(percent) => conf.memory.max_bytes / 100 * u64::from(percent),
    }
}

/// Weighs a client anew, if there is a limit.
#[inline]
pub fn weigh(srv: &mut Server, id: Id) {
    if srv.clients.are_weighed() {
        weigh_one(&mut srv.clients, &srv.keyspace.watch, id);
    }
}

fn weigh_one(clients: &mut Clients, watch: &Watch, id: Id) {
    let Some(client) = clients.get(id) else { return };
    let is_exempt = client.marks.no_evict || client.marks.closing;
    let counts = !is_exempt && matches!(client.kind(), ClientType::Normal | ClientType::Pubsub);
    let weight = if counts { client.memory(watch) } else { 0 };
    clients.set_weight(id, weight);
}

/// The limit has changed.
pub fn changed(srv: &mut Server) {
    let is_limited = limit(&srv.conf) > 0;
    srv.clients.weigh_from_now_on(is_limited);
    srv.refresh_states();
    if is_limited {
        for id in srv.clients.by_age() {
            weigh_one(&mut srv.clients, &srv.keyspace.watch, id);
        }
    }
}

/// The same before a call runs, with the buffers that travel in it. False: the client is one of
/// those that had to go, and its call must not run.
#[cold]
pub fn before_call(srv: &mut Server, call: &Call) -> bool {
    weigh_one(&mut srv.clients, &srv.keyspace.watch, call.client);
    if let Some(weight) = srv.clients.get(call.client).map(Client::weight).filter(|w| *w > 0) {
        let travelling = call.query.claimed() + call.out.open_capacity() + call.out.sealed_bytes();
        srv.clients.set_weight(call.client, weight + travelling);
    }
    if srv.clients.weight_total() as u64 > limit(&srv.conf) {
        close_largest(srv);
    }
    !srv.clients.is_closing(call.client)
}

/// Closes the largest clients until the others keep the limit: a step before the reactor sleeps.
pub fn run(srv: &mut Server) {
    if !srv.clients.are_weighed() {
        return;
    }
    let Server { clients, keyspace, net, .. } = srv;
    for id in net.pending_writes.iter().chain(&net.pending_pushes) {
        weigh_one(clients, &keyspace.watch, *id);
    }
    if srv.clients.weight_total() as u64 > limit(&srv.conf) {
        close_largest(srv);
    }
}

#[cold]
fn close_largest(srv: &mut Server) {
    let started = srv.clock.mono_us();
    let limit = limit(&srv.conf);
    let mut by_weight: Vec<_> = srv.clients.iter().map(|c| (c.weight(), c.id)).collect();
    by_weight.sort_unstable();
    while srv.clients.weight_total() as u64 > limit
        && let Some((weight, id)) = by_weight.pop()
        && weight > 0
    {
        let who = String::from_utf8_lossy(&srv.describe(id)).into_owned();
        srv.log.notice(format_args!("Evicting client: {who}"));
        srv.clients.set_weight(id, 0);
        srv.clients.close_later(id);
        srv.stats.evicted_clients += 1;
    }
    let Server { latency, conf, clock, .. } = srv;
    let spent_ms = (clock.mono_us() - started) / 1000;
    latency.add(&conf.latency, event::CLIENT_EVICTION, spent_ms, clock.now().seconds());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::TestServer;

    #[test]
    fn the_largest_go_until_the_limit_is_kept() {
        let mut t = TestServer::new();
        let clients: Vec<_> = (1..=4).map(|_| t.connect()).collect();
        for (i, id) in clients.iter().enumerate() {
            t.run_as(*id, "MULTI");
            t.run_as(*id, &format!("SET k {}", "x".repeat((i + 1) * 50_000)));
        }
        assert_eq!(t.run("CONFIG SET maxmemory-clients 200k"), "+OK\r\n");
        let left: Vec<_> = clients.iter().map(|id| t.srv.clients.get(*id).is_some()).collect();
        assert_eq!(left, [true, true, false, false]);
        assert_eq!(t.srv.stats.evicted_clients, 2);
    }

    #[test]
    fn watched_keys_subscriptions_and_prefixes_count_and_exemption_helps() {
        for (line, count) in
            [("WATCH", 500), ("SUBSCRIBE", 500), ("CLIENT TRACKING on BCAST PREFIX", 1)]
        {
            let mut t = TestServer::new();
            let (big, exempt) = (t.connect(), t.connect());
            t.run_as(exempt, "CLIENT NO-EVICT on");
            t.run("CONFIG SET maxmemory-clients 100k");
            for id in [big, exempt] {
                t.run_as(id, "HELLO 3");
                for i in 0..count {
                    let name = "n".repeat(120_000 / count);
                    t.run_as(id, &format!("{line} {name}{i}"));
                }
            }
            assert!(t.srv.clients.get(big).is_none(), "{line}");
            assert!(t.srv.clients.get(exempt).is_some(), "{line}");
            assert_eq!(t.run("PING"), "+PONG\r\n");
        }
    }

    #[test]
    fn who_announces_more_than_there_is_room_for_goes_before_it_has_come() {
        let mut t = TestServer::new();
        let clients = [t.connect(), t.connect()];
        t.run("CONFIG SET maxmemory-clients 300k");
        for (id, len) in clients.into_iter().zip([200_000, 300_000]) {
            t.send(id, format!("*1\r\n${len}\r\n{}", "x".repeat(40_000)).as_bytes());
        }
        assert_eq!(clients.map(|id| t.srv.clients.get(id).is_some()), [true, false]);
        let list = t.run("CLIENT LIST");
        let shown = list.split(' ').filter_map(|word| word.strip_prefix("tot-mem=")?.parse().ok());
        assert!(shown.max().is_some_and(|most: usize| most > 200_000), "{list}");
    }

    /// It stands in none of the queues of those who are sent something.
    #[test]
    fn who_takes_nothing_goes_in_the_turn_in_which_it_has_become_too_heavy() {
        let mut t = TestServer::new();
        let slow = t.connect();
        t.run("CONFIG SET maxmemory-clients 100k");
        t.run_as(slow, "SUBSCRIBE c");
        let sim = t.srv.clients.get_mut(slow).and_then(|c| c.conn.simulated());
        sim.expect("it is").window = Some(0);
        let line = format!("PUBLISH c {}", "x".repeat(9_000));
        let receivers: Vec<_> = (0..20).map(|_| t.run(&line)).collect();
        let heard = receivers.iter().filter(|n| **n == ":1\r\n").count();
        assert!((5..13).contains(&heard), "{heard} messages");
        assert_eq!(t.srv.stats.evicted_clients, 1);
    }

    #[test]
    fn a_share_of_maxmemory_is_a_limit_only_if_there_is_one() {
        let mut conf = Config::default();
        conf.clients.maxmemory = MemoryOrPercent::Percent(5);
        assert_eq!(limit(&conf), 0);
        conf.memory.max_bytes = 1000;
        assert_eq!(limit(&conf), 50);
    }
}
