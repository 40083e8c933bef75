//! The one table of options, in the order and under the headings of `redis.conf`.
//!
//! A row gives the name, the default, the place in [`Config`](super::Config), the bounds, the
//! aliases, who may change it, and what must follow a change. Everything else is derived: parsing,
//! CONFIG GET, SET and REWRITE, `--name value`, the test that `redis.conf` states each default, and
//! the test that holds the defaults against the reference's.
//!
//! Where Redis 8.2 and Valkey 9.1 differ in a default or in bounds, Redis decides. The rows of
//! `aof-checksum` and `script-undo` are our own.

use super::choices::*;
use super::lists;
use super::option::{Apply, Opt, checks};
use super::value::{Choice, at, pick};

/// Every option, in the order of `redis.conf`.
pub static OPTIONS: &[Opt] = &[
    // Network
    Opt::list("bind", lists::BIND).on_change(Apply::Bind),
    Opt::text("bind-source-addr", "", at!(net.bind_source_addr)).idle(),
    Opt::bool("protected-mode", true, at!(net.protected_mode)),
    Opt::choice("enable-protected-configs", pick!(security.enable_protected_configs: Guard = No))
        .immutable(),
    Opt::choice("enable-debug-command", pick!(security.enable_debug_command: Guard = No))
        .immutable(),
    Opt::choice("enable-module-command", pick!(security.enable_module_command: Guard = No))
        .immutable(),
    Opt::port("port", 6379, at!(net.port)).on_change(Apply::Port),
    Opt::u32("tcp-backlog", 511, at!(net.tcp_backlog)).immutable(),
    Opt::bool("mptcp", false, at!(net.mptcp)).immutable().idle(),
    Opt::text("unixsocket", "", at!(net.unixsocket)).immutable(),
    Opt::text("unixsocketgroup", "", at!(net.unixsocketgroup)).immutable(),
    Opt::octal("unixsocketperm", 0, at!(net.unixsocketperm)).immutable(),
    Opt::u32("timeout", 0, at!(net.timeout_s)),
    Opt::u32("tcp-keepalive", 300, at!(net.tcp_keepalive_s)),
    Opt::u32("socket-mark-id", 0, at!(net.socket_mark_id))
        .within(0, U32_MAX)
        .unsigned()
        .immutable()
        .idle(),
    Opt::u32("client-default-resp", 2, at!(proto.default_version))
        .within(2, 3)
        .immutable()
        .hidden(),
    Opt::u32("max-new-connections-per-cycle", 10, at!(net.max_new_connections_per_cycle))
        .within(1, 1000)
        .unsigned(),
    Opt::u32("max-new-tls-connections-per-cycle", 1, at!(net.max_new_tls_connections_per_cycle))
        .within(1, 1000)
        .unsigned()
        .idle(),
    Opt::text("rdma-bind", "", at!(net.rdma_bind)).idle(),
    Opt::port("rdma-port", 0, at!(net.rdma_port)).idle(),
    Opt::u32("rdma-rx-size", 1_048_576, at!(net.rdma_rx_size))
        .within(65536, 16_777_216)
        .immutable()
        .idle(),
    Opt::i32("rdma-completion-vector", -1, at!(net.rdma_completion_vector))
        .within(-1, 1024)
        .immutable()
        .idle(),
    // TLS
    Opt::port("tls-port", 0, at!(tls.port)).on_change(Apply::TlsPort).idle(),
    Opt::text("tls-cert-file", "", at!(tls.cert_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-key-file", "", at!(tls.key_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-key-file-pass", "", at!(tls.key_file_pass))
        .sensitive()
        .on_change(Apply::Tls)
        .idle(),
    Opt::text("tls-client-cert-file", "", at!(tls.client_cert_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-client-key-file", "", at!(tls.client_key_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-client-key-file-pass", "", at!(tls.client_key_file_pass))
        .sensitive()
        .on_change(Apply::Tls)
        .idle(),
    Opt::text("tls-dh-params-file", "", at!(tls.dh_params_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-ca-cert-file", "", at!(tls.ca_cert_file)).on_change(Apply::Tls).idle(),
    Opt::text("tls-ca-cert-dir", "", at!(tls.ca_cert_dir)).on_change(Apply::Tls).idle(),
    Opt::choice("tls-auth-clients", pick!(tls.auth_clients: TlsAuthClients = Yes)).idle(),
    Opt::choice("tls-auth-clients-user", pick!(tls.auth_clients_user: TlsAuthUser = Off)).idle(),
    Opt::bool("tls-replication", false, at!(tls.replication)).idle(),
    Opt::bool("tls-cluster", false, at!(tls.cluster)).on_change(Apply::Tls).idle(),
    Opt::text("tls-protocols", "", at!(tls.protocols)).on_change(Apply::Tls).idle(),
    Opt::text("tls-ciphers", "", at!(tls.ciphers)).on_change(Apply::Tls).idle(),
    Opt::text("tls-ciphersuites", "", at!(tls.ciphersuites)).on_change(Apply::Tls).idle(),
    Opt::bool("tls-prefer-server-ciphers", false, at!(tls.prefer_server_ciphers))
        .on_change(Apply::Tls)
        .idle(),
    Opt::bool("tls-session-caching", true, at!(tls.session_caching)).on_change(Apply::Tls).idle(),
    Opt::u32("tls-session-cache-size", 20480, at!(tls.session_cache_size))
        .on_change(Apply::Tls)
        .idle(),
    Opt::u32("tls-session-cache-timeout", 300, at!(tls.session_cache_timeout_s))
        .on_change(Apply::Tls)
        .idle(),
    Opt::u32("tls-auto-reload-interval", 0, at!(tls.auto_reload_interval_s))
        .on_change(Apply::Tls)
        .idle(),
    // General
    Opt::bool("daemonize", false, at!(process.daemonize)).immutable(),
    Opt::choice("supervised", pick!(process.supervised: Supervised = No)).immutable(),
    Opt::text("pidfile", "", at!(process.pidfile)).immutable(),
    Opt::choice("loglevel", pick!(log.level: LogLevel = Notice)).on_change(Apply::LogForm),
    Opt::text("logfile", "", at!(log.file)).immutable(),
    Opt::choice("log-format", pick!(log.format: LogFormat = Legacy)).on_change(Apply::LogForm),
    Opt::choice("log-timestamp-format", pick!(log.timestamp_format: LogTimestamp = Legacy))
        .on_change(Apply::LogForm),
    Opt::bool("syslog-enabled", false, at!(log.syslog_enabled)).immutable(),
    Opt::text("syslog-ident", "redis", at!(log.syslog_ident)).immutable(),
    Opt::choice("syslog-facility", pick!(log.syslog_facility: SyslogFacility = Local0)).immutable(),
    Opt::bool("hide-user-data-from-log", false, at!(log.hide_user_data)),
    Opt::bool("crash-log-enabled", true, at!(process.crash_log_enabled)).on_change(Apply::CrashLog),
    Opt::bool("crash-memcheck-enabled", true, at!(process.crash_memcheck_enabled)).idle(),
    Opt::u32("databases", 16, at!(server.databases)).within(1, I32_MAX).immutable(),
    Opt::bool("always-show-logo", false, at!(log.always_show_logo)).immutable(),
    Opt::bool("set-proc-title", true, at!(process.set_proc_title)).immutable(),
    Opt::text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        at!(process.proc_title_template),
    )
    .check(checks::proc_title)
    .on_change(Apply::ProcTitle),
    Opt::text("locale-collate", "", at!(server.locale_collate))
        .on_change(Apply::LocaleCollate)
        .idle(),
    Opt::text("ignore-warnings", "", at!(process.ignore_warnings)).idle(),
    Opt::bool("extended-redis-compatibility", false, at!(server.extended_redis_compatibility))
        .idle(),
    Opt::text("availability-zone", "", at!(server.availability_zone)),
    Opt::text("req-res-logfile", "", at!(log.requests_file)).immutable().hidden(),
    Opt::text("hash-seed", "", at!(server.hash_seed)).immutable(),
    Opt::bool("import-mode", false, at!(server.import_mode)).on_change(Apply::ImportMode).idle(),
    // Snapshots
    Opt::list("save", lists::SAVE).on_change(Apply::SavePoints),
    Opt::bool("stop-writes-on-bgsave-error", true, at!(rdb.stop_writes_on_bgsave_error)),
    Opt::bool("rdbcompression", true, at!(rdb.compression)),
    Opt::bool("rdbchecksum", true, at!(rdb.checksum)).immutable(),
    Opt::choice("sanitize-dump-payload", pick!(rdb.sanitize_dump_payload: SanitizePayload = No)),
    Opt::choice("rdb-version-check", pick!(rdb.version_check: RdbVersionCheck = Strict)),
    Opt::choice("rdb-save-version", pick!(rdb.save_version: RdbSaveVersion = Auto)),
    Opt::text("dbfilename", "dump.rdb", at!(rdb.filename)).protected().check(checks::file_name),
    Opt::bool("rdb-del-sync-files", false, at!(rdb.del_sync_files)).idle(),
    Opt::bool("rdb-save-incremental-fsync", true, at!(rdb.save_incremental_fsync)),
    Opt::list("dir", lists::DIR).protected().fixed_while_loading().on_change(Apply::Dir),
    Opt::i32("rdb-key-save-delay", 0, at!(rdb.key_save_delay_us)).hidden(),
    Opt::i32("key-load-delay", 0, at!(rdb.key_load_delay_us)).hidden(),
    Opt::u32(
        "loading-process-events-interval-bytes",
        524_288,
        at!(rdb.loading_process_events_interval_bytes),
    )
    .within(1024, I32_MAX)
    .hidden(),
    // Replication
    Opt::list("replicaof", lists::REPLICAOF)
        .alias("slaveof")
        .immutable()
        .on_change(Apply::ReplicaOf)
        .idle(),
    Opt::bytes("masterauth", at!(repl.primary_auth)).alias("primaryauth").sensitive().idle(),
    Opt::bytes("masteruser", at!(repl.primary_user)).alias("primaryuser").sensitive().idle(),
    Opt::bool("replica-serve-stale-data", true, at!(repl.serve_stale_data))
        .alias("slave-serve-stale-data")
        .idle(),
    Opt::bool("replica-read-only", true, at!(repl.read_only))
        .alias("slave-read-only")
        .on_change(Apply::ReplicaReadOnly)
        .idle(),
    Opt::bool("replica-ignore-disk-write-errors", false, at!(repl.ignore_disk_write_errors)).idle(),
    Opt::bool("repl-diskless-sync", true, at!(repl.diskless_sync)).idle(),
    Opt::u32("repl-diskless-sync-delay", 5, at!(repl.diskless_sync_delay_s)).idle(),
    Opt::u32("repl-diskless-sync-max-replicas", 0, at!(repl.diskless_sync_max_replicas)).idle(),
    Opt::choice("repl-diskless-load", pick!(repl.diskless_load: DisklessLoad = Disabled))
        .fixed_while_loading()
        .idle(),
    Opt::bool("dual-channel-replication-enabled", false, at!(repl.dual_channel_enabled)).idle(),
    Opt::bool("repl-rdb-channel", true, at!(repl.rdb_channel)).hidden().idle(),
    Opt::u32("repl-ping-replica-period", 10, at!(repl.ping_replica_period_s))
        .within(1, I32_MAX)
        .alias("repl-ping-slave-period")
        .idle(),
    Opt::u32("repl-timeout", 60, at!(repl.timeout_s)).within(1, I32_MAX).idle(),
    Opt::bool("repl-disable-tcp-nodelay", false, at!(repl.disable_tcp_nodelay)).idle(),
    Opt::bool("repl-mptcp", false, at!(repl.mptcp)).immutable().idle(),
    Opt::memory("repl-backlog-size", 1_048_576, at!(repl.backlog_bytes))
        .at_least(1)
        .signed()
        .clamped(16_384, I64_MAX)
        .on_change(Apply::ReplBacklogSize)
        .idle(),
    Opt::u64("repl-backlog-ttl", 3600, at!(repl.backlog_ttl_s)).idle(),
    Opt::memory("replica-full-sync-buffer-limit", 0, at!(repl.full_sync_buffer_limit))
        .signed()
        .idle(),
    Opt::u32("replica-priority", 100, at!(repl.priority)).alias("slave-priority").idle(),
    Opt::choice(
        "propagation-error-behavior",
        pick!(repl.propagation_error_behavior: PropagationError = Ignore),
    )
    .idle(),
    Opt::bool("replica-announced", true, at!(repl.announced)).idle(),
    Opt::u32("min-replicas-to-write", 0, at!(repl.min_replicas_to_write))
        .alias("min-slaves-to-write")
        .on_change(Apply::MinReplicas),
    Opt::u32("min-replicas-max-lag", 10, at!(repl.min_replicas_max_lag_s))
        .alias("min-slaves-max-lag")
        .on_change(Apply::MinReplicas),
    Opt::text("replica-announce-ip", "", at!(repl.announce_ip)).alias("slave-announce-ip").idle(),
    Opt::port("replica-announce-port", 0, at!(repl.announce_port))
        .alias("slave-announce-port")
        .idle(),
    // Tracking of keys
    Opt::count("tracking-table-max-keys", 1_000_000, at!(clients.tracking_table_max_keys)),
    // Security
    Opt::text("aclfile", "", at!(security.aclfile)).immutable().idle(),
    Opt::u64("acllog-max-len", 128, at!(security.acllog_max_len))
        .on_change(Apply::AclLogMaxLen)
        .idle(),
    Opt::list("requirepass", lists::REQUIREPASS).sensitive().on_change(Apply::Requirepass),
    Opt::choice(
        "acl-pubsub-default",
        pick!(security.acl_pubsub_default: AclPubsub = ResetChannels),
    ),
    // Clients
    Opt::u32("maxclients", 10000, at!(net.maxclients))
        .within(1, U32_MAX)
        .unsigned()
        .on_change(Apply::Maxclients),
    Opt::memory("client-query-buffer-limit", 1_073_741_824, at!(clients.query_buffer_limit))
        .at_least(1_048_576),
    Opt::memory("proto-max-bulk-len", 536_870_912, at!(proto.max_bulk_len))
        .at_least(1_048_576)
        .signed(),
    Opt::list("client-output-buffer-limit", lists::OUTPUT_LIMITS).on_change(Apply::OutputLimits),
    Opt::share("maxmemory-clients", at!(clients.maxmemory)).on_change(Apply::MaxmemoryClients),
    // Memory
    Opt::memory("maxmemory", 0, at!(memory.max_bytes)).on_change(Apply::Maxmemory),
    Opt::choice("maxmemory-policy", pick!(memory.policy: MaxmemoryPolicy = NoEviction))
        .on_change(Apply::MaxmemoryPolicy),
    Opt::u32("maxmemory-samples", 5, at!(memory.samples)).within(1, 64),
    Opt::u32("maxmemory-eviction-tenacity", 10, at!(memory.eviction_tenacity))
        .within(0, 100)
        .on_change(Apply::Maxmemory),
    Opt::bool("replica-ignore-maxmemory", true, at!(memory.replica_ignore_max))
        .alias("slave-ignore-maxmemory")
        .idle(),
    Opt::u32("active-expire-effort", 1, at!(memory.active_expire_effort)).within(1, 10),
    Opt::u32("lfu-log-factor", 10, at!(memory.lfu_log_factor)),
    Opt::u32("lfu-decay-time", 1, at!(memory.lfu_decay_time_min)),
    // Lazy freeing
    Opt::bool("lazyfree-lazy-eviction", false, at!(lazyfree.eviction)),
    Opt::bool("lazyfree-lazy-expire", false, at!(lazyfree.expire)),
    Opt::bool("lazyfree-lazy-server-del", false, at!(lazyfree.server_del)),
    Opt::bool("replica-lazy-flush", false, at!(repl.lazy_flush)).alias("slave-lazy-flush").idle(),
    Opt::bool("lazyfree-lazy-user-del", false, at!(lazyfree.user_del)),
    Opt::bool("lazyfree-lazy-user-flush", false, at!(lazyfree.user_flush)),
    // Threads
    Opt::u32("io-threads", 1, at!(process.io_threads)).within(1, 256).immutable().idle(),
    Opt::bool("io-threads-always-active", false, at!(process.io_threads_always_active))
        .hidden()
        .idle(),
    Opt::u32("min-io-threads-avoid-copy-reply", 7, at!(process.avoid_copy_min_threads))
        .hidden()
        .idle(),
    Opt::u32("min-string-size-avoid-copy-reply", 16384, at!(process.avoid_copy_min_bytes))
        .hidden()
        .idle(),
    Opt::u32(
        "min-string-size-avoid-copy-reply-threaded",
        65536,
        at!(process.avoid_copy_min_bytes_threaded),
    )
    .hidden()
    .idle(),
    Opt::u32("prefetch-batch-max-size", 16, at!(process.prefetch_batch_max_size))
        .within(0, 128)
        .idle(),
    Opt::text("server-cpulist", "", at!(process.server_cpulist))
        .alias("server_cpulist")
        .immutable(),
    Opt::text("bio-cpulist", "", at!(process.bio_cpulist)).alias("bio_cpulist").immutable(),
    Opt::text("aof-rewrite-cpulist", "", at!(process.aof_rewrite_cpulist))
        .alias("aof_rewrite_cpulist")
        .immutable(),
    Opt::text("bgsave-cpulist", "", at!(process.bgsave_cpulist))
        .alias("bgsave_cpulist")
        .immutable(),
    Opt::bool("vset-force-single-threaded-execution", false, at!(process.vset_single_threaded))
        .idle(),
    // The kernel
    Opt::choice("oom-score-adj", OOM_SCORE_ADJ).on_change(Apply::OomScoreAdj),
    Opt::list("oom-score-adj-values", lists::OOM_VALUES).on_change(Apply::OomScoreAdj),
    Opt::bool("disable-thp", true, at!(process.disable_thp)).immutable(),
    // Append-only file
    Opt::bool("appendonly", false, at!(aof.enabled)).on_change(Apply::AppendOnly),
    Opt::text("appendfilename", "appendonly.aof", at!(aof.filename))
        .immutable()
        .check(checks::append_filename),
    Opt::text("appenddirname", "appendonlydir", at!(aof.dirname))
        .immutable()
        .check(checks::append_dirname),
    Opt::choice("appendfsync", pick!(aof.fsync: AppendFsync = EverySec))
        .on_change(Apply::AppendFsync),
    Opt::bool("no-appendfsync-on-rewrite", false, at!(aof.no_fsync_on_rewrite)),
    Opt::u32("auto-aof-rewrite-percentage", 100, at!(aof.rewrite_percentage)),
    Opt::memory("auto-aof-rewrite-min-size", 67_108_864, at!(aof.rewrite_min_bytes)).signed(),
    Opt::bool("aof-load-truncated", true, at!(aof.load_truncated)),
    Opt::bool("aof-use-rdb-preamble", true, at!(aof.use_rdb_preamble)),
    Opt::bool("aof-timestamp-enabled", false, at!(aof.timestamp_enabled)),
    Opt::bool("aof-rewrite-incremental-fsync", true, at!(aof.rewrite_incremental_fsync)),
    Opt::bool("aof-checksum", true, at!(aof.checksum)),
    Opt::bool("aof-disable-auto-gc", false, at!(aof.disable_auto_gc))
        .hidden()
        .on_change(Apply::AofDisableGc),
    // Shutdown
    Opt::u32("shutdown-timeout", 10, at!(process.shutdown_timeout_s)),
    Opt::list("shutdown-on-sigint", lists::ON_SIGINT),
    Opt::list("shutdown-on-sigterm", lists::ON_SIGTERM),
    // Scripts
    Opt::u64("busy-reply-threshold", 5000, at!(process.busy_reply_threshold_ms))
        .alias("lua-time-limit"),
    Opt::memory("script-memory-limit", 1_073_741_824, at!(script.memory_limit)),
    Opt::bool("script-undo", false, at!(script.undo)),
    Opt::bool("lua-enable-deprecated-api", false, at!(script.lua_deprecated_api))
        .alias("lua-enable-insecure-api")
        .immutable()
        .hidden(),
    // Cluster
    Opt::bool("cluster-enabled", false, at!(cluster.enabled)).immutable().idle(),
    Opt::text("cluster-config-file", "nodes.conf", at!(cluster.config_file)).immutable().idle(),
    Opt::choice(
        "cluster-config-save-behavior",
        pick!(cluster.config_save_behavior: ConfigSave = Sync),
    )
    .idle(),
    Opt::u64("cluster-node-timeout", 15000, at!(cluster.node_timeout_ms)).idle(),
    Opt::port("cluster-port", 0, at!(cluster.port)).immutable().idle(),
    Opt::u32("cluster-databases", 1, at!(cluster.databases)).within(1, I32_MAX).immutable().idle(),
    Opt::u32("cluster-replica-validity-factor", 10, at!(cluster.replica_validity_factor))
        .alias("cluster-slave-validity-factor")
        .idle(),
    Opt::u32("cluster-migration-barrier", 1, at!(cluster.migration_barrier)).idle(),
    Opt::bool("cluster-allow-replica-migration", true, at!(cluster.allow_replica_migration)).idle(),
    Opt::bool("cluster-require-full-coverage", true, at!(cluster.require_full_coverage))
        .on_change(Apply::ClusterState)
        .idle(),
    Opt::bool("cluster-replica-no-failover", false, at!(cluster.replica_no_failover))
        .alias("cluster-slave-no-failover")
        .on_change(Apply::ClusterFlags)
        .idle(),
    Opt::bool("cluster-allow-reads-when-down", false, at!(cluster.allow_reads_when_down)).idle(),
    Opt::bool(
        "cluster-allow-pubsubshard-when-down",
        true,
        at!(cluster.allow_pubsubshard_when_down),
    )
    .idle(),
    Opt::memory("cluster-link-sendbuf-limit", 0, at!(cluster.link_sendbuf_limit)).idle(),
    Opt::u32("cluster-manual-failover-timeout", 5000, at!(cluster.manual_failover_timeout_ms))
        .within(1, I32_MAX)
        .idle(),
    Opt::i64("cluster-blacklist-ttl", 60, at!(cluster.blacklist_ttl_s)).idle(),
    Opt::u32("cluster-message-gossip-perc", 10, at!(cluster.message_gossip_percent))
        .within(1, 100)
        .hidden()
        .idle(),
    Opt::u64("cluster-ping-interval", 0, at!(cluster.ping_interval_ms)).hidden().idle(),
    Opt::choice(
        "cluster-preferred-endpoint-type",
        pick!(cluster.preferred_endpoint_type: EndpointType = Ip),
    )
    .on_change(Apply::ClusterSlots)
    .idle(),
    Opt::bool("cluster-slot-stats-enabled", false, at!(cluster.slot_stats_enabled)).idle(),
    Opt::u32("cluster-compatibility-sample-ratio", 0, at!(cluster.compatibility_sample_ratio))
        .within(0, 100)
        .idle(),
    Opt::u64("cluster-slot-migration-log-max-len", 1000, at!(cluster.slot_migration_log_max_len))
        .idle(),
    Opt::signed_memory(
        "slot-migration-max-failover-repl-bytes",
        0,
        at!(cluster.slot_migration_max_failover_repl_bytes),
    )
    .idle(),
    // Cluster behind address translation
    Opt::text("cluster-announce-ip", "", at!(cluster.announce_ip))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::text("cluster-announce-client-ipv4", "", at!(cluster.announce_client_ipv4))
        .check(checks::ipv4)
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::text("cluster-announce-client-ipv6", "", at!(cluster.announce_client_ipv6))
        .check(checks::ipv6)
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::port("cluster-announce-port", 0, at!(cluster.announce_port))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::port("cluster-announce-tls-port", 0, at!(cluster.announce_tls_port))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::port("cluster-announce-client-port", 0, at!(cluster.announce_client_port))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::port("cluster-announce-client-tls-port", 0, at!(cluster.announce_client_tls_port))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::port("cluster-announce-bus-port", 0, at!(cluster.announce_bus_port))
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::text("cluster-announce-hostname", "", at!(cluster.announce_hostname))
        .check(checks::hostname)
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    Opt::text("cluster-announce-human-nodename", "", at!(cluster.announce_human_nodename))
        .check(checks::nodename)
        .on_change(Apply::ClusterAnnounce)
        .idle(),
    // Slow log
    Opt::i64("slowlog-log-slower-than", 10000, at!(slowlog.slower_than_us))
        .within(-1, I64_MAX)
        .alias("commandlog-execution-slower-than"),
    Opt::u64("slowlog-max-len", 128, at!(slowlog.max_len))
        .alias("commandlog-slow-execution-max-len")
        .on_change(Apply::SlowlogMaxLen),
    Opt::i64("commandlog-request-larger-than", 1_048_576, at!(slowlog.request_larger_than_bytes))
        .within(-1, I64_MAX),
    Opt::u64("commandlog-large-request-max-len", 128, at!(slowlog.large_request_max_len))
        .on_change(Apply::SlowlogMaxLen),
    Opt::i64("commandlog-reply-larger-than", 1_048_576, at!(slowlog.reply_larger_than_bytes))
        .within(-1, I64_MAX),
    Opt::u64("commandlog-large-reply-max-len", 128, at!(slowlog.large_reply_max_len))
        .on_change(Apply::SlowlogMaxLen),
    // Latency
    Opt::u64("latency-monitor-threshold", 0, at!(latency.monitor_threshold_ms)),
    Opt::bool("latency-tracking", true, at!(latency.tracking_enabled)),
    Opt::list("latency-tracking-info-percentiles", lists::PERCENTILES),
    // Events
    Opt::list("notify-keyspace-events", lists::KEY_EVENTS),
    // Encodings and inner works
    Opt::count("hash-max-listpack-entries", 512, at!(hash.max_listpack_entries))
        .alias("hash-max-ziplist-entries"),
    Opt::memory("hash-max-listpack-value", 64, at!(hash.max_listpack_value))
        .alias("hash-max-ziplist-value"),
    Opt::i32("list-max-listpack-size", -2, at!(list.max_listpack_size))
        .alias("list-max-ziplist-size"),
    Opt::u32("list-compress-depth", 0, at!(list.compress_depth)),
    Opt::count("set-max-intset-entries", 512, at!(set.max_intset_entries)),
    Opt::count("set-max-listpack-entries", 128, at!(set.max_listpack_entries)),
    Opt::count("set-max-listpack-value", 64, at!(set.max_listpack_value)),
    Opt::count("zset-max-listpack-entries", 128, at!(zset.max_listpack_entries))
        .alias("zset-max-ziplist-entries"),
    Opt::memory("zset-max-listpack-value", 64, at!(zset.max_listpack_value))
        .alias("zset-max-ziplist-value"),
    Opt::memory("hll-sparse-max-bytes", 3000, at!(hll.sparse_max_bytes)),
    Opt::memory("stream-node-max-bytes", 4096, at!(stream.node_max_bytes)),
    Opt::u64("stream-node-max-entries", 100, at!(stream.node_max_entries)),
    Opt::bool("activerehashing", true, at!(server.active_rehashing)).idle(),
    Opt::u32("hz", 10, at!(server.hz)).clamped(1, 500).on_change(Apply::Hz),
    Opt::bool("dynamic-hz", true, at!(server.dynamic_hz)),
    Opt::bool("jemalloc-bg-thread", true, at!(memory.jemalloc_bg_thread))
        .on_change(Apply::JemallocBgThread),
    Opt::bool(
        "lazyexpire-nested-arbitrary-keys",
        true,
        at!(memory.lazyexpire_nested_arbitrary_keys),
    )
    .hidden()
    .idle(),
    Opt::bool("use-exit-on-panic", false, at!(process.use_exit_on_panic)).hidden().idle(),
    Opt::u32("watchdog-period", 0, at!(process.watchdog_period_ms))
        .hidden()
        .on_change(Apply::Watchdog),
    Opt::bool("enable-debug-assert", false, at!(process.debug_assert)).immutable().hidden().idle(),
    Opt::text("debug-context", "", at!(process.debug_context)).hidden().idle(),
    // Defragmentation
    Opt::bool("activedefrag", false, at!(defrag.enabled)).on_change(Apply::ActiveDefrag).idle(),
    Opt::memory("active-defrag-ignore-bytes", 104_857_600, at!(defrag.ignore_bytes))
        .at_least(1)
        .idle(),
    Opt::u32("active-defrag-threshold-lower", 10, at!(defrag.threshold_lower))
        .within(0, 1000)
        .idle(),
    Opt::u32("active-defrag-threshold-upper", 100, at!(defrag.threshold_upper))
        .within(0, 1000)
        .idle(),
    Opt::u32("active-defrag-cycle-min", 1, at!(defrag.cycle_min))
        .within(1, 99)
        .on_change(Apply::DefragEffort)
        .idle(),
    Opt::u32("active-defrag-cycle-max", 25, at!(defrag.cycle_max))
        .within(1, 99)
        .on_change(Apply::DefragEffort)
        .idle(),
    Opt::u32("active-defrag-cycle-us", 500, at!(defrag.cycle_us)).within(0, 100_000).idle(),
    Opt::u64("active-defrag-max-scan-fields", 1000, at!(defrag.max_scan_fields))
        .within(1, I64_MAX)
        .idle(),
];

/// `relative` is another word for `yes`, and is shown as such.
const OOM_SCORE_ADJ: Choice = Choice {
    names: OomScoreAdj::NAMES,
    default: OomScoreAdj::No as usize,
    get: |conf| conf.process.oom_score_adj as usize,
    set: |conf, index| {
        conf.process.oom_score_adj = match OomScoreAdj::from_index(index) {
            OomScoreAdj::Relative => OomScoreAdj::Yes,
            other => other,
        }
    },
};

const I32_MAX: i64 = i32::MAX as i64;
const U32_MAX: i64 = u32::MAX as i64;
const I64_MAX: i64 = i64::MAX;
