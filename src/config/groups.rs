//! The configuration by feature: plain structs of typed fields, one for each room that reads them.
//!
//! A field holds what its option says after parsing, with bounds already checked. Units stand at
//! the end of names: `_s` seconds, `_ms` milliseconds, `_us` microseconds, `_bytes` or nothing for
//! sizes. Defaults are not given here: they stand in the rows of the table, and
//! [`Config::default`](super::Config) takes them from there.

use super::choices::*;
use super::lists::{OutputLimit, ShutdownFlags};
use super::users::Passwords;
use super::value::MemoryOrPercent;

/// Listening, connections and sockets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetConfig {
    /// `bind`: addresses to listen on.
    pub bind: Vec<String>,
    /// `bind-source-addr`: local address from which the server opens its own connections, to a
    /// primary for example.
    pub bind_source_addr: String,
    /// `protected-mode`: refuses clients from other machines as long as the default user has no
    /// password.
    pub protected_mode: bool,
    /// `port`: TCP port to listen on.
    pub port: u16,
    /// `tcp-backlog`: length of the queue of connections that wait to be accepted.
    pub tcp_backlog: u32,
    /// `mptcp`: listens with Multipath TCP where the kernel has it.
    pub mptcp: bool,
    /// `unixsocket`: path of a Unix domain socket to listen on as well.
    pub unixsocket: String,
    /// `unixsocketgroup`: group that will own the Unix socket.
    pub unixsocketgroup: String,
    /// `unixsocketperm`: permissions of the Unix socket, in octal.
    pub unixsocketperm: u32,
    /// `timeout`: closes a client that has been silent for so many seconds.
    pub timeout_s: u32,
    /// `tcp-keepalive`: seconds of silence after which the kernel checks that the other side is
    /// still there.
    pub tcp_keepalive_s: u32,
    /// `socket-mark-id`: mark put on the listening sockets for packet filters and routing.
    pub socket_mark_id: u32,
    /// `max-new-connections-per-cycle`: how many connections one turn of the loop accepts at most,
    /// so that a storm of them does not starve those who are already there.
    pub max_new_connections_per_cycle: u32,
    /// `max-new-tls-connections-per-cycle`: the same for TLS connections, which cost far more to
    /// open.
    pub max_new_tls_connections_per_cycle: u32,
    /// `rdma-bind`: address to listen on for RDMA.
    pub rdma_bind: String,
    /// `rdma-port`: port to listen on for RDMA.
    pub rdma_port: u16,
    /// `rdma-rx-size`: size of the RDMA receive buffer in bytes.
    pub rdma_rx_size: u32,
    /// `rdma-completion-vector`: RDMA completion vector.
    pub rdma_completion_vector: i32,
    /// `maxclients`: how many clients may be connected at once.
    pub maxclients: u32,
}

/// Encrypted connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// `tls-port`: TCP port for TLS connections.
    pub port: u16,
    /// `tls-cert-file`: the server's certificate, in PEM form.
    pub cert_file: String,
    /// `tls-key-file`: the private key that belongs to it.
    pub key_file: String,
    /// `tls-key-file-pass`: passphrase of the key, if it has one.
    pub key_file_pass: String,
    /// `tls-client-cert-file`: certificate to show when this server is the client, towards a
    /// primary or another cluster node.
    pub client_cert_file: String,
    /// `tls-client-key-file`: private key of that certificate.
    pub client_key_file: String,
    /// `tls-client-key-file-pass`: passphrase of that key.
    pub client_key_file_pass: String,
    /// `tls-dh-params-file`: diffie-Hellman parameters, for old clients only.
    pub dh_params_file: String,
    /// `tls-ca-cert-file`: certificates of the authorities to trust, in one file.
    pub ca_cert_file: String,
    /// `tls-ca-cert-dir`: the same, as a directory of files.
    pub ca_cert_dir: String,
    /// `tls-auth-clients`: whether clients must show a certificate.
    pub auth_clients: TlsAuthClients,
    /// `tls-auth-clients-user`: which field of a client's certificate names the ACL user to log in
    /// as.
    pub auth_clients_user: TlsAuthUser,
    /// `tls-replication`: uses TLS towards the primary.
    pub replication: bool,
    /// `tls-cluster`: uses TLS on the cluster bus.
    pub cluster: bool,
    /// `tls-protocols`: versions to allow, separated by spaces (`TLSv1.2 TLSv1.3`).
    pub protocols: String,
    /// `tls-ciphers`: ciphers for TLS 1.2.
    pub ciphers: String,
    /// `tls-ciphersuites`: cipher suites for TLS 1.3.
    pub ciphersuites: String,
    /// `tls-prefer-server-ciphers`: lets the server's order of ciphers win over the client's.
    pub prefer_server_ciphers: bool,
    /// `tls-session-caching`: keeps TLS sessions so that clients reconnect faster.
    pub session_caching: bool,
    /// `tls-session-cache-size`: how many sessions are kept.
    pub session_cache_size: u32,
    /// `tls-session-cache-timeout`: seconds for which a session is kept.
    pub session_cache_timeout_s: u32,
    /// `tls-auto-reload-interval`: seconds between looks at the certificate files for a newer
    /// version.
    pub auto_reload_interval_s: u32,
}

/// The process and its surroundings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessConfig {
    /// No option: the file that the server was started with, as an absolute path.
    pub config_file: Option<std::path::PathBuf>,
    /// `enable-debug-assert`: checks further assertions, which cost time.
    pub debug_assert: bool,
    /// `io-threads-always-active`: keeps I/O threads awake under little load.
    pub io_threads_always_active: bool,
    /// `min-io-threads-avoid-copy-reply`: from so many I/O threads on, long strings are sent
    /// without a copy.
    pub avoid_copy_min_threads: u32,
    /// `min-string-size-avoid-copy-reply`: strings from this size on are sent without a copy.
    pub avoid_copy_min_bytes: u32,
    /// `min-string-size-avoid-copy-reply-threaded`: the same while there are I/O threads.
    pub avoid_copy_min_bytes_threaded: u32,
    /// `daemonize`: detaches from the terminal and runs in the background.
    pub daemonize: bool,
    /// `supervised`: tells a supervisor that the server is ready.
    pub supervised: Supervised,
    /// `pidfile`: file to hold the process id.
    pub pidfile: String,
    /// `crash-log-enabled`: writes a report when the server crashes.
    pub crash_log_enabled: bool,
    /// `crash-memcheck-enabled`: tests the memory after a crash, since bad memory is a common
    /// cause.
    pub crash_memcheck_enabled: bool,
    /// `set-proc-title`: changes the name of the process, as `ps` shows it, to tell what it does.
    pub set_proc_title: bool,
    /// `proc-title-template`: the pattern of that name.
    pub proc_title_template: String,
    /// `ignore-warnings`: names of start-up checks whose finding is not to stop the server, as
    /// ARM64-COW-BUG.
    pub ignore_warnings: String,
    /// `dir`: the working directory.
    pub dir: String,
    /// `io-threads`: number of threads for reading and writing sockets.
    pub io_threads: u32,
    /// `prefetch-batch-max-size`: how many commands of a pipeline are looked at ahead, to have
    /// their keys in the processor's cache.
    pub prefetch_batch_max_size: u32,
    /// `server-cpulist`: processors for the main thread, as in `0-3` or `0,2,4`.
    pub server_cpulist: String,
    /// `bio-cpulist`: processors for background threads.
    pub bio_cpulist: String,
    /// `aof-rewrite-cpulist`: processors for the child that rewrites the append-only file.
    pub aof_rewrite_cpulist: String,
    /// `bgsave-cpulist`: processors for the child that writes a snapshot.
    pub bgsave_cpulist: String,
    /// `vset-force-single-threaded-execution`: keeps commands on vector sets off other threads.
    pub vset_single_threaded: bool,
    /// `oom-score-adj`: tells the kernel whom to kill first when memory runs out.
    pub oom_score_adj: OomScoreAdj,
    /// `oom-score-adj-values`: the values for a primary, a replica and a child process, from -2000
    /// to 2000.
    pub oom_score_adj_values: [i32; 3],
    /// `disable-thp`: turns off transparent huge pages for this process, since they make snapshots
    /// costly.
    pub disable_thp: bool,
    /// `shutdown-timeout`: seconds to wait for replicas that are behind.
    pub shutdown_timeout_s: u32,
    /// `shutdown-on-sigint`: what SIGINT does.
    pub shutdown_on_sigint: ShutdownFlags,
    /// `shutdown-on-sigterm`: what SIGTERM does.
    pub shutdown_on_sigterm: ShutdownFlags,
    /// `busy-reply-threshold`: milliseconds after which a script counts as slow.
    pub busy_reply_threshold_ms: u64,
    /// `use-exit-on-panic`: ends a panic by exit instead of abort.
    pub use_exit_on_panic: bool,
    /// `watchdog-period`: logs a stack trace when a turn of the loop takes longer than so many
    /// milliseconds.
    pub watchdog_period_ms: u32,
    /// `debug-context`: a note to be shown in crash reports.
    pub debug_context: String,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogConfig {
    /// `req-res-logfile`: file to which each request and its reply are appended, for tools that
    /// compare replies with their descriptions.
    pub requests_file: String,
    /// `loglevel`: how much is logged.
    pub level: LogLevel,
    /// `logfile`: file to log to.
    pub file: String,
    /// `log-format`: form of log lines.
    pub format: LogFormat,
    /// `log-timestamp-format`: form of the time in log lines.
    pub timestamp_format: LogTimestamp,
    /// `syslog-enabled`: sends the log to the system logger too.
    pub syslog_enabled: bool,
    /// `syslog-ident`: name under which the system logger shows it.
    pub syslog_ident: String,
    /// `syslog-facility`: facility of the system logger.
    pub syslog_facility: SyslogFacility,
    /// `hide-user-data-from-log`: keeps keys, values and passwords of users out of the log and of
    /// crash reports.
    pub hide_user_data: bool,
    /// `always-show-logo`: shows the logo at the start even when the log is not a terminal.
    pub always_show_logo: bool,
}

/// The server as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerConfig {
    /// `databases`: number of databases.
    pub databases: u32,
    /// `locale-collate`: locale that decides how SORT ALPHA and Lua compare text.
    pub locale_collate: String,
    /// `extended-redis-compatibility`: valkey's switch for telling old clients that they talk to
    /// Redis.
    pub extended_redis_compatibility: bool,
    /// `availability-zone`: name of the zone in which this server runs.
    pub availability_zone: String,
    /// `hash-seed`: fixes the seed of the hash tables, so that servers with the same seed scan in
    /// the same order.
    pub hash_seed: String,
    /// `import-mode`: lets a tool import keys with their old expiry times.
    pub import_mode: bool,
    /// `activerehashing`: spends a little idle time on resizing tables that nobody touches.
    pub active_rehashing: bool,
    /// `hz`: how often a second the background work runs, from 1 to 500.
    pub hz: u32,
    /// `dynamic-hz`: runs it more often while many clients are connected.
    pub dynamic_hz: bool,
}

/// Passwords, users and guards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityConfig {
    /// `enable-protected-configs`: who may change the parameters that could harm the machine
    /// (`dir`, `dbfilename` and the like) with CONFIG SET.
    pub enable_protected_configs: Guard,
    /// `enable-debug-command`: who may use DEBUG.
    pub enable_debug_command: Guard,
    /// `enable-module-command`: who may use MODULE.
    pub enable_module_command: Guard,
    /// `aclfile`: file with the users of the ACL.
    pub aclfile: String,
    /// `acllog-max-len`: how many denied accesses ACL LOG remembers.
    pub acllog_max_len: u64,
    /// `requirepass`: password of the default user.
    pub requirepass: Vec<u8>,
    /// No option: which passwords let a client in, `requirepass` or those of a `user default` line.
    pub passwords: Passwords,
    /// `acl-pubsub-default`: channels of a new ACL user.
    pub acl_pubsub_default: AclPubsub,
}

/// Limits of clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientsConfig {
    /// `tracking-table-max-keys`: how many keys the server remembers for the clients that cache
    /// them.
    pub tracking_table_max_keys: u64,
    /// `client-query-buffer-limit`: how much of an unfinished request a client may pile up.
    pub query_buffer_limit: u64,
    /// `client-output-buffer-limit`: limits on replies that wait to be fetched, by class of client
    /// (normal, replica, pubsub).
    pub output_limits: [OutputLimit; 3],
    /// `maxmemory-clients`: limit on the memory of all clients together, in bytes or as a share of
    /// maxmemory (`5%`).
    pub maxmemory: MemoryOrPercent,
}

/// Limits of the protocol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProtoConfig {
    /// `client-default-resp`: version of the protocol that a new connection speaks.
    pub default_version: u32,
    /// `proto-max-bulk-len`: the longest single argument of a request.
    pub max_bulk_len: u64,
}

/// Snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RdbConfig {
    /// `save`: pairs of seconds and changes.
    pub save_points: Vec<(u64, u64)>,
    /// `stop-writes-on-bgsave-error`: refuses writes while the last snapshot has failed, so that
    /// somebody notices.
    pub stop_writes_on_bgsave_error: bool,
    /// `rdbcompression`: compresses long strings in the file (LZF).
    pub compression: bool,
    /// `rdbchecksum`: ends the file with a checksum, which is verified at the next start.
    pub checksum: bool,
    /// `sanitize-dump-payload`: looks through every value that is loaded or restored for
    /// corruption.
    pub sanitize_dump_payload: SanitizePayload,
    /// `rdb-version-check`: what to do with a file of a version that is not known.
    pub version_check: RdbVersionCheck,
    /// `rdb-save-version`: version of the files and payloads that are written; `auto` is the lowest
    /// that holds the data.
    pub save_version: RdbSaveVersion,
    /// Checksums of files and payloads are not looked at. No option: DEBUG sets it.
    pub checksums_skipped: bool,
    /// `dbfilename`: name of the file.
    pub filename: String,
    /// `rdb-del-sync-files`: deletes the files that were only written for the sake of a replica, if
    /// neither snapshots nor the append-only file are in use.
    pub del_sync_files: bool,
    /// `rdb-save-incremental-fsync`: syncs a file being written every 4 MB, which spreads the load
    /// of the disk.
    pub save_incremental_fsync: bool,
    /// `rdb-key-save-delay`: pause after each key saved, in microseconds, or a number of keys per
    /// microsecond if negative.
    pub key_save_delay_us: i32,
    /// `key-load-delay`: pause after each key loaded, counted likewise.
    pub key_load_delay_us: i32,
    /// `loading-process-events-interval-bytes`: bytes loaded between two looks at the clients.
    pub loading_process_events_interval_bytes: u32,
}

/// Replication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplConfig {
    /// `replicaof`: host and port of the primary to follow.
    pub of: Option<(String, u16)>,
    /// `masterauth`: password to log in with at the primary.
    pub primary_auth: Vec<u8>,
    /// `masteruser`: user to log in as.
    pub primary_user: Vec<u8>,
    /// `replica-serve-stale-data`: answers with old data while the link to the primary is down.
    pub serve_stale_data: bool,
    /// `replica-read-only`: refuses writes of clients on a replica.
    pub read_only: bool,
    /// `replica-ignore-disk-write-errors`: goes on when a replica cannot write to its own disk.
    pub ignore_disk_write_errors: bool,
    /// `repl-diskless-sync`: sends a snapshot straight into the sockets of the replicas instead of
    /// writing a file first.
    pub diskless_sync: bool,
    /// `repl-diskless-sync-delay`: seconds to wait for more replicas before such a transfer starts,
    /// as those who come later have to wait for the next.
    pub diskless_sync_delay_s: u32,
    /// `repl-diskless-sync-max-replicas`: starts sooner once so many replicas wait.
    pub diskless_sync_max_replicas: u32,
    /// `repl-diskless-load`: what a replica does with a snapshot that it receives.
    pub diskless_load: DisklessLoad,
    /// `dual-channel-replication-enabled`: sends the snapshot over a connection of its own while
    /// the stream of commands runs on another.
    pub dual_channel_enabled: bool,
    /// `repl-rdb-channel`: the same, under the name that Redis gives it.
    pub rdb_channel: bool,
    /// `repl-ping-replica-period`: seconds between pings from a primary to its replicas.
    pub ping_replica_period_s: u32,
    /// `repl-timeout`: seconds without a word after which a replication link is given up.
    pub timeout_s: u32,
    /// `repl-disable-tcp-nodelay`: lets the kernel gather small packets towards replicas.
    pub disable_tcp_nodelay: bool,
    /// `repl-mptcp`: connects to the primary with Multipath TCP.
    pub mptcp: bool,
    /// `repl-backlog-size`: how much of the stream of commands a primary remembers, so that a
    /// replica that was away for a moment need not copy everything again.
    pub backlog_bytes: u64,
    /// `repl-backlog-ttl`: seconds without any replica after which that memory is freed.
    pub backlog_ttl_s: u64,
    /// `replica-full-sync-buffer-limit`: how much of the stream a replica gathers while it receives
    /// a snapshot over a second connection.
    pub full_sync_buffer_limit: u64,
    /// `replica-priority`: sentinel promotes the replica with the lowest priority.
    pub priority: u32,
    /// `propagation-error-behavior`: what to do when a command from the primary or the append-only
    /// file fails.
    pub propagation_error_behavior: PropagationError,
    /// `replica-announced`: whether Sentinel shows this replica to clients.
    pub announced: bool,
    /// `min-replicas-to-write`: refuses writes unless so many replicas are connected and not
    /// behind.
    pub min_replicas_to_write: u32,
    /// `min-replicas-max-lag`: seconds since its last report after which a replica counts as
    /// behind.
    pub min_replicas_max_lag_s: u32,
    /// `replica-announce-ip`: address under which a replica tells its primary and Sentinel to reach
    /// it, if the network translates addresses.
    pub announce_ip: String,
    /// `replica-announce-port`: port to tell likewise.
    pub announce_port: u16,
    /// `replica-lazy-flush`: for the old data of a replica that receives a new copy.
    pub lazy_flush: bool,
}

impl ReplConfig {
    /// Whether a primary without replicas may write, by `min-replicas-to-write` and
    /// `min-replicas-max-lag`.
    pub fn is_satisfied_alone(&self) -> bool {
        self.min_replicas_to_write == 0 || self.min_replicas_max_lag_s == 0
    }
}

/// The memory limit, eviction and expiry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryConfig {
    /// `maxmemory`: limit on the memory in use.
    pub max_bytes: u64,
    /// `maxmemory-policy`: which keys go.
    pub policy: MaxmemoryPolicy,
    /// `maxmemory-samples`: how many keys are looked at to find one to evict.
    pub samples: u32,
    /// `maxmemory-eviction-tenacity`: how hard a single turn works at eviction, from 0 (shortest
    /// delay) to 100 (no matter how long).
    pub eviction_tenacity: u32,
    /// `replica-ignore-maxmemory`: a replica keeps what its primary keeps and evicts nothing on its
    /// own.
    pub replica_ignore_max: bool,
    /// `active-expire-effort`: how much work goes into finding expired keys that nobody asks for,
    /// from 1 to 10.
    pub active_expire_effort: u32,
    /// `lfu-log-factor`: how slowly the counter of an often used key grows, for the lfu policies.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`: minutes after which that counter falls by one.
    pub lfu_decay_time_min: u32,
    /// `jemalloc-bg-thread`: lets the allocator give memory back on a thread of its own.
    pub jemalloc_bg_thread: bool,
    /// `lazyexpire-nested-arbitrary-keys`: lets transactions and scripts delete expired keys that
    /// they did not name.
    pub lazyexpire_nested_arbitrary_keys: bool,
}

/// What is freed in the background.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LazyfreeConfig {
    /// `lazyfree-lazy-eviction`: for keys that were evicted.
    pub eviction: bool,
    /// `lazyfree-lazy-expire`: for keys that expired.
    pub expire: bool,
    /// `lazyfree-lazy-server-del`: for values that a command replaces, as RENAME and SET do.
    pub server_del: bool,
    /// `lazyfree-lazy-user-del`: lets DEL behave as UNLINK.
    pub user_del: bool,
    /// `lazyfree-lazy-user-flush`: lets FLUSHALL, FLUSHDB and SCRIPT FLUSH be asynchronous unless
    /// they say otherwise.
    pub user_flush: bool,
}

/// The append-only file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AofConfig {
    /// `appendonly`: keeps such a file.
    pub enabled: bool,
    /// `appendfilename`: what the names of its parts begin with.
    pub filename: String,
    /// `appenddirname`: directory of the parts, inside `dir`.
    pub dirname: String,
    /// `appendfsync`: when written data is forced to the disk.
    pub fsync: AppendFsync,
    /// `no-appendfsync-on-rewrite`: does not force it while a child is writing a lot.
    pub no_fsync_on_rewrite: bool,
    /// `auto-aof-rewrite-percentage`: rewrites the file once it has grown by so many percent since
    /// the last time.
    pub rewrite_percentage: u32,
    /// `auto-aof-rewrite-min-size`: but not while it is smaller than this.
    pub rewrite_min_bytes: u64,
    /// `aof-load-truncated`: loads a file whose last command is incomplete, as after a crash, and
    /// cuts it off there.
    pub load_truncated: bool,
    /// `aof-use-rdb-preamble`: rewrites to the form of a snapshot, which is faster to write and to
    /// load.
    pub use_rdb_preamble: bool,
    /// `aof-timestamp-enabled`: notes the time in the file now and then, so that data can be
    /// restored as of a moment.
    pub timestamp_enabled: bool,
    /// `aof-rewrite-incremental-fsync`: syncs a file being rewritten every 4 MB.
    pub rewrite_incremental_fsync: bool,
    /// `aof-checksum`: adds a checksum now and then, in a comment that other servers skip, so
    /// that damage on the disk is found at the next start.
    pub checksum: bool,
    /// `aof-disable-auto-gc`: leaves files that are no longer needed where they are.
    pub disable_auto_gc: bool,
}

/// Scripts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptConfig {
    /// `script-memory-limit`: bytes that the heap of scripts, and that of functions, may take each.
    pub memory_limit: u64,
    /// `script-undo`: a script that is killed may have written: its writes are taken back.
    pub undo: bool,
    /// `lua-enable-deprecated-api`: gives scripts the old functions that newer releases took away.
    pub lua_deprecated_api: bool,
}

/// The cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterConfig {
    /// `cluster-enabled`: runs as a node of a cluster.
    pub enabled: bool,
    /// `cluster-config-file`: file in which the node keeps what it knows of the cluster.
    pub config_file: String,
    /// `cluster-config-save-behavior`: what to do if that file cannot be written.
    pub config_save_behavior: ConfigSave,
    /// `cluster-node-timeout`: milliseconds of silence after which a node counts as failing.
    pub node_timeout_ms: u64,
    /// `cluster-port`: port of the cluster bus.
    pub port: u16,
    /// `cluster-databases`: number of databases in cluster mode.
    pub databases: u32,
    /// `cluster-replica-validity-factor`: a replica that has not heard from its primary for more
    /// than this many times the node timeout does not try to replace it.
    pub replica_validity_factor: u32,
    /// `cluster-migration-barrier`: a replica moves to a primary that has none only if its own
    /// keeps at least so many.
    pub migration_barrier: u32,
    /// `cluster-allow-replica-migration`: allows such moves.
    pub allow_replica_migration: bool,
    /// `cluster-require-full-coverage`: stops serving if any slot has no node.
    pub require_full_coverage: bool,
    /// `cluster-replica-no-failover`: keeps this replica from replacing its primary unless asked by
    /// hand.
    pub replica_no_failover: bool,
    /// `cluster-allow-reads-when-down`: serves reads while the cluster as a whole is down.
    pub allow_reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`: serves sharded pub/sub while the cluster is down.
    pub allow_pubsubshard_when_down: bool,
    /// `cluster-link-sendbuf-limit`: closes a link of the bus on which more than this waits to be
    /// sent.
    pub link_sendbuf_limit: u64,
    /// `cluster-manual-failover-timeout`: milliseconds for which a failover by hand may last.
    pub manual_failover_timeout_ms: u32,
    /// `cluster-blacklist-ttl`: seconds for which a node that was forgotten is not taken in again.
    pub blacklist_ttl_s: i64,
    /// `cluster-message-gossip-perc`: share of the known nodes that a message of the bus tells of.
    pub message_gossip_percent: u32,
    /// `cluster-ping-interval`: milliseconds between pings on the bus.
    pub ping_interval_ms: u64,
    /// `cluster-preferred-endpoint-type`: what clients are told to connect to.
    pub preferred_endpoint_type: EndpointType,
    /// `cluster-slot-stats-enabled`: counts processor time and traffic per slot.
    pub slot_stats_enabled: bool,
    /// `cluster-compatibility-sample-ratio`: share of commands, in percent, that are tested for
    /// whether they would work in a cluster.
    pub compatibility_sample_ratio: u32,
    /// `cluster-slot-migration-log-max-len`: how many moves of slots are remembered.
    pub slot_migration_log_max_len: u64,
    /// `slot-migration-max-failover-repl-bytes`: how far behind the target of a slot may be when
    /// the source stops to hand it over.
    pub slot_migration_max_failover_repl_bytes: i64,
    /// `cluster-announce-ip`: address of this node.
    pub announce_ip: String,
    /// `cluster-announce-client-ipv4`: IPv4 address to tell clients, if it differs.
    pub announce_client_ipv4: String,
    /// `cluster-announce-client-ipv6`: IPv6 address to tell clients.
    pub announce_client_ipv6: String,
    /// `cluster-announce-port`: client port of this node.
    pub announce_port: u16,
    /// `cluster-announce-tls-port`: its TLS port.
    pub announce_tls_port: u16,
    /// `cluster-announce-client-port`: client port to tell clients, if it differs.
    pub announce_client_port: u16,
    /// `cluster-announce-client-tls-port`: TLS port to tell clients.
    pub announce_client_tls_port: u16,
    /// `cluster-announce-bus-port`: port of the bus.
    pub announce_bus_port: u16,
    /// `cluster-announce-hostname`: host name of this node.
    pub announce_hostname: String,
    /// `cluster-announce-human-nodename`: name by which people know this node.
    pub announce_human_nodename: String,
}

/// The slow log and its relatives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlowlogConfig {
    /// `slowlog-log-slower-than`: logs commands that run for more than so many microseconds.
    pub slower_than_us: i64,
    /// `slowlog-max-len`: how many of them are remembered.
    pub max_len: u64,
    /// `commandlog-request-larger-than`: logs requests of more bytes than this.
    pub request_larger_than_bytes: i64,
    /// `commandlog-large-request-max-len`: how many of them are remembered.
    pub large_request_max_len: u64,
    /// `commandlog-reply-larger-than`: logs commands whose reply has more bytes than this.
    pub reply_larger_than_bytes: i64,
    /// `commandlog-large-reply-max-len`: how many of them are remembered.
    pub large_reply_max_len: u64,
}

/// Latency monitoring.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyConfig {
    /// `latency-monitor-threshold`: records events that take at least so many milliseconds, for the
    /// LATENCY command.
    pub monitor_threshold_ms: u64,
    /// `latency-tracking`: counts how long commands take, for INFO latencystats and LATENCY
    /// HISTOGRAM.
    pub tracking_enabled: bool,
    /// `latency-tracking-info-percentiles`: percentiles that INFO shows.
    pub info_percentiles: Vec<f64>,
}

/// Key events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PubsubConfig {
    /// `notify-keyspace-events`: which ones are sent.
    pub notify_keyspace_events: u32,
}

/// Encodings of hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HashConfig {
    /// `hash-max-listpack-entries`: a hash stays compact up to so many fields.
    pub max_listpack_entries: u64,
    /// `hash-max-listpack-value`: none longer than so many bytes.
    pub max_listpack_value: u64,
}

/// Encodings of lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfig {
    /// `list-max-listpack-size`: size of the nodes of a list.
    pub max_listpack_size: i32,
    /// `list-compress-depth`: compresses the nodes of a list but for so many at either end.
    pub compress_depth: u32,
    /// Elements of so many bytes stand alone. No option: DEBUG sets it.
    pub packed_threshold: Option<u64>,
}

/// Encodings of sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetConfig {
    /// `set-max-intset-entries`: a set of integers stays an array up to so many members.
    pub max_intset_entries: u64,
    /// `set-max-listpack-entries`: any other set stays compact up to so many members.
    pub max_listpack_entries: u64,
    /// `set-max-listpack-value`: none longer than so many bytes.
    pub max_listpack_value: u64,
}

/// Encodings of sorted sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZsetConfig {
    /// `zset-max-listpack-entries`: a sorted set stays compact up to so many members.
    pub max_listpack_entries: u64,
    /// `zset-max-listpack-value`: none longer than so many bytes.
    pub max_listpack_value: u64,
}

/// Encodings of HyperLogLogs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HllConfig {
    /// `hll-sparse-max-bytes`: a HyperLogLog is kept in its sparse form up to so many bytes.
    pub sparse_max_bytes: u64,
}

/// Encodings of streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamConfig {
    /// `stream-node-max-bytes`: a node of a stream holds at most so many bytes.
    pub node_max_bytes: u64,
    /// `stream-node-max-entries`: and so many entries.
    pub node_max_entries: u64,
}

/// Defragmentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefragConfig {
    /// `activedefrag`: whether to do so.
    pub enabled: bool,
    /// `active-defrag-ignore-bytes`: starts only if more than this is wasted.
    pub ignore_bytes: u64,
    /// `active-defrag-threshold-lower`: and more than so many percent.
    pub threshold_lower: u32,
    /// `active-defrag-threshold-upper`: percentage of waste at which it works hardest.
    pub threshold_upper: u32,
    /// `active-defrag-cycle-min`: share of processor time at the lower threshold, in percent.
    pub cycle_min: u32,
    /// `active-defrag-cycle-max`: and at the upper one.
    pub cycle_max: u32,
    /// `active-defrag-cycle-us`: longest time for one step, in microseconds.
    pub cycle_us: u32,
    /// `active-defrag-max-scan-fields`: values with more elements than this are worked on in
    /// several steps.
    pub max_scan_fields: u64,
}
