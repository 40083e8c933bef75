//! The sections of INFO in which several parts have a say: their fields in order. Each takes the
//! parts it shows.

use super::Info;
use crate::base::clock::{Clock, UnixMillis};
use crate::base::cpu::{self, Who};
use crate::base::version::COMPAT_VERSION;
use crate::base::{alloc, memory as size};
use crate::client::Clients;
use crate::client::pause::PauseMode;
use crate::client::subscriptions::Kind;
use crate::config::{self, Config};
use crate::keyspace::sizes::{self, label};
use crate::keyspace::{DbIndex, Keyspace, KeyspaceStats};
use crate::net::kept::Kept;
use crate::observe::memory::{Figures, pages, ratio};
use crate::observe::usage::{self, Memory};
use crate::persist::aof::Aof;
use crate::persist::children::Children;
use crate::process::Process;
use crate::pubsub::PubSub;
use crate::script::Scripts;
use crate::server::evict::Eviction;
use crate::server::stats::Stats;
use crate::tracking::Tracking;

/// Bits of the clock that ages keys.
const LRU_CLOCK_MAX: i64 = (1 << 24) - 1;

pub fn server(w: &mut Info, process: &Process, (conf, hz): (&Config, u32), clock: &Clock) {
    let uname = rustix::system::uname();
    let now_us = clock.unix_us();
    let uptime_s = (now_us / 1_000_000 - process.start_unix_s).max(0);
    w.put("redis_version", COMPAT_VERSION);
    w.put("server_name", "hematite");
    w.put("hematite_version", env!("CARGO_PKG_VERSION"));
    w.put("redis_git_sha1", option_env!("HEMATITE_GIT_SHA1").unwrap_or("00000000"));
    w.put("redis_git_dirty", 0);
    w.put("redis_build_id", option_env!("HEMATITE_BUILD_ID").unwrap_or("0000000000000000"));
    w.put("redis_mode", "standalone");
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let os = [uname.sysname(), uname.release(), uname.machine()].map(part).join(" ");
    w.put("os", os);
    w.put("arch_bits", usize::BITS);
    w.put("monotonic_clock", "POSIX clock_gettime");
    w.put("multiplexing_api", "epoll");
    w.put("atomicvar_api", "rust");
    // Compat: this is what Redis says where it was not built by GCC.
    w.put("gcc_version", "0.0.0");
    w.put("process_id", std::process::id());
    w.put("process_supervised", process.supervisor());
    w.put("run_id", &process.run_id);
    w.put("tcp_port", conf.net.port);
    w.put("server_time_usec", now_us);
    w.put("uptime_in_seconds", uptime_s);
    w.put("uptime_in_days", uptime_s / 86_400);
    w.put("hz", hz);
    w.put("configured_hz", conf.server.hz);
    w.put("lru_clock", (now_us / 1_000_000) & LRU_CLOCK_MAX);
    w.put("executable", &process.executable);
    w.put("config_file", &process.config_file);
    w.later("io_threads_active");
    w.put("availability_zone", &conf.server.availability_zone);
    listeners(w, conf);
}

/// A line per kind of listening socket.
fn listeners(w: &mut Info, conf: &Config) {
    let mut number = 0;
    if conf.net.port != 0 {
        let binds: String = conf.net.bind.iter().map(|b| format!(",bind={b}")).collect();
        w.put("listener0", format_args!("name=tcp{binds},port={}", conf.net.port));
        number = 1;
    }
    if !conf.net.unixsocket.is_empty() {
        let path = &conf.net.unixsocket;
        w.put(&format!("listener{number}"), format_args!("name=unix,bind={path}"));
    }
}

pub fn clients(
    w: &mut Info,
    clients: &Clients,
    (keyspace, pubsub, tracking): (&Keyspace, &PubSub, &Tracking),
    (conf, clock): (&Config, &Clock),
) {
    let now_us = clock.mono_cached_us();
    let (watched_keys, watching) = keyspace.watch.counts();
    let (blocking_keys, blocking_on_loss) = keyspace.blocked.counts();
    w.put("connected_clients", clients.len());
    w.later("cluster_connections");
    w.put("maxclients", conf.net.maxclients);
    let (input, output) = clients.recent.figures(now_us);
    w.put("client_recent_max_input_buffer", input);
    w.put("client_recent_max_output_buffer", output);
    w.put("blocked_clients", clients.pause.waiting.len() + clients.waits.len());
    w.put("tracking_clients", tracking.clients());
    w.put("pubsub_clients", pubsub.clients());
    w.put("watching_clients", watching);
    w.put("clients_in_timeout_table", clients.waits.with_deadline());
    w.put("total_watched_keys", watched_keys);
    w.put("total_blocking_keys", blocking_keys);
    w.put("total_blocking_keys_on_nokey", blocking_on_loss);
    let (reason, actions) = match clients.pause.mode() {
        None => ("none", "none"),
        Some(PauseMode::Writes) => ("client_pause", "write"),
        Some(PauseMode::All) => ("client_pause", "all"),
    };
    let left_ms =
        clients.pause.until().map_or(0, |until| until.0.saturating_sub(clock.now().0).max(0));
    w.put("paused_reason", reason);
    w.put("paused_actions", actions);
    w.put("paused_timeout_milliseconds", left_ms);
}

/// An option as CONFIG GET shows it.
fn option(conf: &Config, name: &str) -> String {
    let shown = config::find(name.as_bytes()).map(|option| option.show(conf));
    String::from_utf8_lossy(&shown.unwrap_or_default()).into_owned()
}

fn difference(a: u64, b: u64) -> i64 {
    a as i64 - b as i64
}

pub fn memory(
    w: &mut Info,
    (memory, clients, keyspace, aof): (&mut Memory, &Clients, &Keyspace, &Aof),
    (conf, script): (&Config, &Scripts),
    now_s: i64,
) {
    let figures = Figures::read(memory, (clients, keyspace), (aof, script), now_s);
    let Figures { used, peak, startup, .. } = figures;
    let resident = usage::resident_bytes() as u64;
    w.size("used_memory", used);
    w.size("used_memory_rss", resident);
    w.size("used_memory_peak", peak);
    w.put("used_memory_peak_time", memory.peak_unix_s());
    w.percent("used_memory_peak_perc", 100.0 * ratio(used, peak));
    w.put("used_memory_overhead", figures.overhead());
    w.put("used_memory_startup", startup);
    w.put("used_memory_dataset", figures.dataset());
    let of_data = ratio(figures.dataset(), figures.net());
    w.percent("used_memory_dataset_perc", 100.0 * of_data.min(1.0));
    let heap = alloc::Stats::read();
    w.put("allocator_allocated", heap.allocated);
    w.put("allocator_active", heap.active);
    w.put("allocator_resident", heap.resident);
    w.put("allocator_muzzy", heap.muzzy);
    w.size("total_system_memory", usage::system_bytes());
    memory_of_scripts(w, &figures, script);
    w.size("maxmemory", conf.memory.max_bytes);
    w.put("maxmemory_policy", option(conf, "maxmemory-policy"));
    let [allocated, active, mapped] = pages(&heap);
    w.ratio("allocator_frag_ratio", ratio(active, allocated));
    w.put("allocator_frag_bytes", difference(active, allocated));
    w.ratio("allocator_rss_ratio", ratio(mapped, active));
    w.put("allocator_rss_bytes", difference(mapped, active));
    w.ratio("rss_overhead_ratio", ratio(resident, mapped));
    w.put("rss_overhead_bytes", difference(resident, mapped));
    w.ratio("mem_fragmentation_ratio", ratio(resident, used));
    w.put("mem_fragmentation_bytes", difference(resident, used));
    w.put("mem_not_counted_for_evict", figures.aof_buffer);
    w.later("mem_replication_backlog");
    w.later("mem_total_replication_buffers");
    w.later("mem_replica_full_sync_buffer");
    w.later("mem_clients_slaves");
    w.put("mem_clients_normal", figures.clients);
    w.later("mem_cluster_links");
    w.put("mem_aof_buffer", figures.aof_buffer);
    w.put("mem_allocator", alloc::name());
    w.later("mem_overhead_db_hashtable_rehashing");
    w.later("active_defrag_running");
    w.put("lazyfree_pending_objects", keyspace.lazyfree.pending());
    w.put("lazyfreed_objects", keyspace.lazyfree.freed());
}

fn memory_of_scripts(w: &mut Info, figures: &Figures, script: &Scripts) {
    let [eval, functions] = figures.machines;
    let (cached, libraries) = (figures.scripts, figures.libraries);
    w.put("used_memory_lua", eval);
    w.put("used_memory_vm_eval", eval);
    w.put("used_memory_lua_human", size::human(eval));
    w.put("used_memory_scripts_eval", cached);
    w.put("number_of_cached_scripts", script.cache.len());
    w.put("number_of_functions", script.libraries.functions());
    w.put("number_of_libraries", script.libraries.len());
    w.put("used_memory_vm_functions", functions);
    w.put("used_memory_vm_total", eval + functions);
    w.put("used_memory_vm_total_human", size::human(eval + functions));
    w.put("used_memory_functions", libraries);
    w.size("used_memory_scripts", cached + libraries);
}

/// The one thread that there is.
pub fn threads(w: &mut Info, clients: &Clients, stats: &Stats) {
    let (clients, reads, writes) = (clients.len(), stats.reads, stats.writes);
    w.put("io_thread_0", format_args!("clients={clients},reads={reads},writes={writes}"));
}

pub fn stats(
    w: &mut Info,
    stats: &Stats,
    keys: &KeyspaceStats,
    (eviction, script, now_us): (&Eviction, &Scripts, u64),
    (pubsub, tracking, children, migrations): (&PubSub, &Tracking, &Children, &Kept),
) {
    stats.info_traffic(w);
    w.later("sync_full");
    w.later("sync_partial_ok");
    w.later("sync_partial_err");
    w.put("expired_subkeys", keys.expired_subkeys);
    w.put("expired_keys", keys.expired_keys);
    w.later_as("expired_stale_perc", "0.00");
    w.put("expired_time_cap_reached_count", keys.expire_cycle_cut);
    w.put("expire_cycle_cpu_milliseconds", keys.expire_cycle_us / 1000);
    w.put("evicted_keys", keys.evicted_keys);
    w.put("evicted_clients", stats.evicted_clients);
    w.put("evicted_scripts", script.evicted);
    eviction.info(w, now_us);
    w.put("keyspace_hits", keys.hits);
    w.put("keyspace_misses", keys.misses);
    w.put("pubsub_channels", pubsub.names(Kind::Channel).len());
    w.put("pubsub_patterns", pubsub.patterns());
    w.put("pubsubshard_channels", pubsub.names(Kind::Shard).len());
    w.put("latest_fork_usec", children.last_fork_us);
    w.put("total_forks", children.forks);
    w.put("migrate_cached_sockets", migrations.len());
    w.later("slave_expires_tracked_keys");
    w.later("active_defrag_hits");
    w.later("active_defrag_misses");
    w.later("active_defrag_key_hits");
    w.later("active_defrag_key_misses");
    w.later("total_active_defrag_time");
    w.later("current_active_defrag_time");
    let (tracked, items, prefixes) = tracking.counts();
    w.put("tracking_total_keys", tracked);
    w.put("tracking_total_items", items);
    w.put("tracking_total_prefixes", prefixes);
    stats.info_work(w, keys.payloads_sanitized);
    w.put("acl_access_denied_auth", stats.auth_denied);
    w.later("acl_access_denied_cmd");
    w.later("acl_access_denied_key");
    w.later("acl_access_denied_channel");
}

pub fn replication(w: &mut Info, conf: &Config, told: i64) {
    w.later_as("role", "master");
    w.later("connected_slaves");
    if !conf.repl.is_satisfied_alone() {
        w.later("min_slaves_good_slaves");
    }
    w.later_as("master_failover_state", "no-failover");
    w.later_as("master_replid", "0000000000000000000000000000000000000000");
    w.later_as("master_replid2", "0000000000000000000000000000000000000000");
    w.put("master_repl_offset", told);
    w.later_as("second_repl_offset", "-1");
    w.later("repl_backlog_active");
    w.put("repl_backlog_size", conf.repl.backlog_bytes);
    w.later("repl_backlog_first_byte_offset");
    w.later("repl_backlog_histlen");
}

pub fn cpu(w: &mut Info) {
    let spent = |who, suffix: &str| {
        let time = cpu::spent(who);
        [("sys", time.system), ("user", time.user)]
            .map(|(kind, seconds)| (format!("used_cpu_{kind}{suffix}"), format!("{seconds:.6}")))
    };
    let lines = [
        spent(Who::Process, ""),
        spent(Who::Children, "_children"),
        spent(Who::Thread, "_main_thread"),
    ];
    for (name, value) in lines.iter().flatten() {
        w.put(name, value);
    }
}

/// A line per database that holds keys.
pub fn keyspace(w: &mut Info, keyspace: &Keyspace, now: UnixMillis) {
    for index in 0..keyspace.databases() {
        let db = keyspace.db(DbIndex(index));
        if db.keys.is_empty() {
            continue;
        }
        let (keys, expires, ttl) = (db.keys.len(), db.expiry.len(), db.expiry.average_ttl_ms(now));
        let name = format!("db{index}");
        let hashes = db.parts.len();
        let line = format_args!("keys={keys},expires={expires},avg_ttl={ttl},subexpiry={hashes}");
        w.put(&name, line);
    }
}

/// How many values of which size there are.
pub fn key_sizes(w: &mut Info, keyspace: &Keyspace) {
    for index in 0..keyspace.databases() {
        let sizes = &keyspace.db(DbIndex(index)).sizes;
        for (row, (_, name)) in sizes::ROWS.iter().enumerate() {
            let shown = sizes.row(row).map(|(size, count)| format!("{}={count}", label(size)));
            let line = shown.collect::<Vec<_>>().join(",");
            if !line.is_empty() {
                w.put(&format!("db{index}_distrib_{name}"), line);
            }
        }
    }
}

pub fn debug(w: &mut Info, stats: &Stats) {
    stats.info_debug(w);
    w.later("allocator_allocated_lua");
    w.later("allocator_active_lua");
    w.later("allocator_resident_lua");
    w.later("allocator_frag_bytes_lua");
}
