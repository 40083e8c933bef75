//! What INFO shows.

use std::time::Duration;

use super::*;
use crate::base::clock::UnixMillis;
use crate::keyspace::selected::Ttl;
use crate::keyspace::{DbIndex, Value};
use crate::server::testing::TestServer;

/// The lines of INFO for these arguments.
fn lines(t: &mut TestServer, args: &str) -> Vec<String> {
    let reply = t.run(&format!("INFO {args}"));
    let (head, body) = reply.split_once("\r\n").expect("a bulk string");
    let body = body.strip_suffix("\r\n").expect("its end");
    assert_eq!(head, format!("${}", body.len()));
    body.lines().map(str::to_owned).collect()
}

fn titles(t: &mut TestServer, args: &str) -> String {
    let titles = lines(t, args).into_iter().filter_map(|l| l.strip_prefix("# ").map(str::to_owned));
    titles.collect::<Vec<_>>().join(" ")
}

fn field(t: &mut TestServer, section: &str, name: &str) -> String {
    let prefix = format!("{name}:");
    let found =
        lines(t, section).into_iter().find_map(|l| l.strip_prefix(&prefix).map(str::to_owned));
    found.unwrap_or_else(|| panic!("{section} has {name}"))
}

const BY_DEFAULT: &str = "Server Clients Memory Persistence Threads Stats Replication CPU Modules Errorstats Cluster \
                          Keyspace Keysizes";
const ALL: &str = "Server Clients Memory Persistence Threads Stats Replication CPU Modules Commandstats Errorstats \
                   Latencystats Cluster Keyspace Keysizes";

#[test]
fn sections_by_name_and_by_group() {
    let mut t = TestServer::new();
    let cases = [
        ("", BY_DEFAULT),
        ("default", BY_DEFAULT),
        ("DEFAULT modules", BY_DEFAULT),
        ("all", ALL),
        ("everything default", ALL),
        ("COMMANDSTATS Server server", "Server Commandstats"),
        ("debug", "Debug"),
        ("nosuch", ""),
        ("nosuch cpu", "CPU"),
    ];
    for (args, want) in cases {
        assert_eq!(titles(&mut t, args), want, "INFO {args}");
    }
    assert_eq!(t.run("INFO nosuch"), "$0\r\n\r\n");
    assert_eq!(t.run("INFO modules keyspace"), "$25\r\n# Modules\r\n\r\n# Keyspace\r\n\r\n");
}

#[test]
fn fields_and_their_order_are_those_of_redis() {
    let golden = include_str!("../../../tests/golden/info-fields.txt");
    let mut t = TestServer::new();
    // Our own, and Valkey's.
    let added = ["server_name:", "hematite_version:", "availability_zone:", "paused_"];
    let ours = |line: &String| line.starts_with('#') || !added.iter().any(|p| line.starts_with(p));
    let shown = lines(&mut t, "").into_iter().filter(|l| !l.is_empty()).filter(ours);
    let shown: Vec<_> = shown.map(|l| l.split(':').next().unwrap_or_default().to_owned()).collect();
    let want: Vec<_> = golden.lines().collect();
    assert_eq!(shown, want);
}

/// As Valkey 9.1 shows it.
#[test]
fn a_pause_is_shown() {
    let mut t = TestServer::new();
    let paused = |t: &mut TestServer| {
        ["reason", "actions", "timeout_milliseconds"]
            .map(|name| field(t, "clients", &format!("paused_{name}")))
    };
    assert_eq!(paused(&mut t), ["none", "none", "0"]);
    t.run("CLIENT PAUSE 10000 WRITE");
    t.advance(Duration::from_millis(1500));
    assert_eq!(paused(&mut t), ["client_pause", "write", "8500"]);
    t.run("CLIENT UNPAUSE");
    assert_eq!(paused(&mut t), ["none", "none", "0"]);
}

#[test]
fn commands_and_errors_are_counted() {
    let mut t = TestServer::new();
    t.run("PING");
    t.run("PING a b c");
    t.run("PING x");
    t.run("SLOWLOG GET x");
    t.run("ECHO");
    let stats = lines(&mut t, "commandstats errorstats");
    let want = [
        "# Commandstats",
        "cmdstat_echo:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
        "cmdstat_ping:calls=3,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
        "cmdstat_slowlog|get:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
        "",
        "# Errorstats",
        "errorstat_ERR:count=3",
    ];
    assert_eq!(stats, want);
    let percentiles = lines(&mut t, "latencystats");
    assert!(
        percentiles
            .contains(&"latency_percentiles_usec_ping:p50=0.000,p99=0.000,p99.9=0.000".into())
    );
    assert!(!percentiles.iter().any(|l| l.contains("echo")), "never ran");
    t.srv.stats.reset();
    assert_eq!(lines(&mut t, "commandstats errorstats")[1..], ["", "# Errorstats"]);
}

#[test]
fn counters_are_real() {
    let mut t = TestServer::new();
    t.srv.conf.latency.info_percentiles = vec![];
    let bytes: u64 = field(&mut t, "stats", "total_net_input_bytes").parse().expect("a number");
    t.run("PING");
    let after: u64 = field(&mut t, "stats", "total_net_input_bytes").parse().expect("a number");
    assert_eq!(after - bytes, 14 + 25, "PING and the second INFO stats");
    assert_eq!(field(&mut t, "clients", "connected_clients"), "1");
    t.connect();
    assert_eq!(field(&mut t, "clients", "connected_clients"), "2");
    let used: u64 = field(&mut t, "memory", "used_memory").parse().expect("a number");
    let peak: u64 = field(&mut t, "memory", "used_memory_peak").parse().expect("a number");
    assert!(used > 10_000 && peak >= used, "{used} {peak}");
    assert_eq!(lines(&mut t, "latencystats"), ["# Latencystats"]);
    t.run("AUTH default");
    t.run("HELLO 2 AUTH nobody x");
    assert_eq!(field(&mut t, "stats", "acl_access_denied_auth"), "1");
    assert_eq!(field(&mut t, "debug", "eventloop_cmd_per_cycle_max"), "1");
    t.send(t.client, b"PING\r\nPING\r\nPING\r\n");
    t.receive(t.client);
    assert_eq!(field(&mut t, "debug", "eventloop_cmd_per_cycle_max"), "3");
    t.advance(Duration::from_secs(90_000));
    assert_eq!(field(&mut t, "server", "uptime_in_seconds"), "90000");
    assert_eq!(field(&mut t, "server", "uptime_in_days"), "1");
}

#[test]
fn rates_follow_the_counters() {
    let mut t = TestServer::new();
    for _ in 0..16 {
        for _ in 0..10 {
            t.run("PING");
        }
        t.advance(Duration::from_millis(100));
    }
    assert_eq!(field(&mut t, "stats", "instantaneous_ops_per_sec"), "100");
    assert_eq!(field(&mut t, "stats", "instantaneous_input_kbps"), "1.37");
    t.advance(Duration::from_secs(1));
    t.srv.stats.reset();
    assert_eq!(field(&mut t, "stats", "instantaneous_ops_per_sec"), "0");
}

#[test]
fn what_means_nothing_yet_is_known() {
    const IDLE: [&str; 6] = ["0", "0.00", "-1", "master", "no-failover", NO_ID];
    const NO_ID: &str = "0000000000000000000000000000000000000000";
    let mut t = TestServer::new();
    for line in ["SET k v PX 1", "GET k", "INCR k", "EVAL 'return 1' 0", "NOSUCH", "HELLO 3"] {
        t.run(line);
        t.advance(Duration::from_millis(100));
    }
    t.run("HELLO 2");
    let later = later_fields(&mut t.srv);
    assert!(later.contains(&"sync_full".to_owned()));
    let shown = lines(&mut t, "everything debug");
    for name in later {
        let values: Vec<_> = shown
            .iter()
            .filter_map(|line| line.split_once(':').filter(|(field, _)| *field == name))
            .map(|(_, value)| value)
            .collect();
        assert!(matches!(values[..], [value] if IDLE.contains(&value)), "{name}: {values:?}");
    }
}

#[test]
fn the_keyspace_has_its_say() {
    let mut t = TestServer::new();
    let now = t.srv.clock.now();
    let key_at = |t: &mut TestServer, db: u32, key: &str, ttl: Ttl| {
        t.srv.keyspace.select(DbIndex(db), now).set(key.as_bytes(), Value::Int(1), ttl);
    };
    key_at(&mut t, 0, "a", Ttl::Clear);
    key_at(&mut t, 0, "b", Ttl::At(UnixMillis(now.0 + 5000)));
    key_at(&mut t, 3, "c", Ttl::Clear);
    let want = [
        "# Keyspace",
        "db0:keys=2,expires=1,avg_ttl=5000,subexpiry=0",
        "db3:keys=1,expires=0,avg_ttl=0,subexpiry=0",
    ];
    assert_eq!(lines(&mut t, "keyspace"), want);
    let mut db = t.srv.keyspace.select(DbIndex(0), now);
    assert!(db.entry(b"a").is_some() && db.entry(b"nosuch").is_none());
    let client = t.client;
    t.srv.keyspace.watch.watch(client, DbIndex(0), b"a", false);
    let figures = ["keyspace_hits", "keyspace_misses"].map(|name| field(&mut t, "stats", name));
    assert_eq!(figures, ["1", "1"]);
    assert_eq!(field(&mut t, "clients", "watching_clients"), "1");
    assert_eq!(field(&mut t, "clients", "total_watched_keys"), "1");
    assert_eq!(t.run("CONFIG RESETSTAT"), "+OK\r\n");
    assert_eq!(field(&mut t, "stats", "keyspace_hits"), "0");
    assert_eq!(lines(&mut t, "keyspace").len(), 3);
}

/// Clients own no buffers when INFO looks at them, so peaks have to be noted.
#[test]
fn large_buffers_are_remembered_for_a_while() {
    let mut t = TestServer::new();
    let field = |t: &mut TestServer, name: &str| {
        let info = t.run("INFO clients");
        let line = info.lines().find(|l| l.starts_with(name)).expect("the field");
        line.rsplit(':').next().expect("a value").parse::<usize>().expect("a number")
    };
    assert_eq!(field(&mut t, "client_recent_max_output_buffer"), 0);
    let client = t.connect();
    t.send(client, format!("*2\r\n$4\r\nECHO\r\n$50000\r\n{}", "x".repeat(40_000)).as_bytes());
    t.send(client, format!("{}\r\n", "x".repeat(10_000)).as_bytes());
    assert!(field(&mut t, "client_recent_max_input_buffer") >= 40_000);
    assert!(field(&mut t, "client_recent_max_output_buffer") >= 50_000);
    t.advance(std::time::Duration::from_secs(9));
    assert_eq!(field(&mut t, "client_recent_max_input_buffer"), 0);
}
