//! TEMPORARY: replaced by the config room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    No,
    Yes,
    Local,
}
#[derive(Clone, Copy, Debug)]
pub struct OutputLimit {
    pub hard_bytes: u64,
    pub soft_bytes: u64,
    pub soft_seconds: u64,
}
#[derive(Clone, Debug)]
pub struct Net {
    pub bind: Vec<String>,
    pub port: u16,
    pub unixsocket: String,
    pub unixsocketperm: u32,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u32,
    pub protected_mode: bool,
    pub maxclients: u32,
    pub max_new_connections_per_cycle: u32,
}
#[derive(Clone, Debug)]
pub struct Clients {
    pub query_buffer_limit: u64,
    pub output_limits: [OutputLimit; 3],
}
#[derive(Clone, Debug)]
pub struct Proto {
    pub max_bulk_len: u64,
}
#[derive(Clone, Debug)]
pub struct Security {
    pub requirepass: Vec<u8>,
    pub enable_debug_command: Guard,
    pub enable_module_command: Guard,
}
#[derive(Clone, Debug)]
pub struct ServerConf {
    pub databases: u32,
    pub hz: u32,
    pub dynamic_hz: bool,
}
#[derive(Clone, Debug)]
pub struct SlowlogConfig {
    pub slower_than_us: i64,
    pub max_len: u64,
    pub request_larger_than_bytes: i64,
    pub large_request_max_len: u64,
    pub reply_larger_than_bytes: i64,
    pub large_reply_max_len: u64,
}
impl Default for SlowlogConfig {
    fn default() -> Self {
        SlowlogConfig {
            slower_than_us: 10000,
            max_len: 128,
            request_larger_than_bytes: 1 << 20,
            large_request_max_len: 128,
            reply_larger_than_bytes: 1 << 20,
            large_reply_max_len: 128,
        }
    }
}
#[derive(Clone, Debug, Default)]
pub struct LatencyConfig {
    pub monitor_threshold_ms: u64,
    pub tracking_enabled: bool,
    pub info_percentiles: Vec<f64>,
}
#[derive(Clone, Debug)]
pub struct Config {
    pub slowlog: SlowlogConfig,
    pub latency: LatencyConfig,
    pub net: Net,
    pub clients: Clients,
    pub proto: Proto,
    pub security: Security,
    pub server: ServerConf,
}
impl Default for Config {
    fn default() -> Config {
        let o = OutputLimit { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 };
        Config {
            slowlog: SlowlogConfig::default(),
            latency: LatencyConfig {
                monitor_threshold_ms: 0,
                tracking_enabled: true,
                info_percentiles: vec![50.0, 99.0, 99.9],
            },
            net: Net {
                bind: vec!["*".into(), "-::*".into()],
                port: 6379,
                unixsocket: String::new(),
                unixsocketperm: 0,
                tcp_backlog: 511,
                tcp_keepalive_s: 300,
                timeout_s: 0,
                protected_mode: true,
                maxclients: 10000,
                max_new_connections_per_cycle: 10,
            },
            clients: Clients { query_buffer_limit: 1 << 30, output_limits: [o; 3] },
            proto: Proto { max_bulk_len: 512 << 20 },
            security: Security {
                requirepass: vec![],
                enable_debug_command: Guard::No,
                enable_module_command: Guard::No,
            },
            server: ServerConf { databases: 16, hz: 10, dynamic_hz: true },
        }
    }
}
