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
macro_rules! choices { ($($name:ident { $($v:ident = $t:literal,)+ })+) => { $(
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum $name { $($v,)+ }
    impl $name { pub fn from_name(n: &str) -> Option<$name> { match n { $($t => Some($name::$v),)+ _ => None } } }
)+ } }
choices! {
    LogLevel { Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning", Nothing = "nothing", }
    LogFormat { Legacy = "legacy", Logfmt = "logfmt", Json = "json", }
    LogTimestamp { Legacy = "legacy", Iso8601 = "iso8601", Milliseconds = "milliseconds", }
    SyslogFacility { User = "user", Local0 = "local0", Local1 = "local1", Local2 = "local2", Local3 = "local3", Local4 = "local4", Local5 = "local5", Local6 = "local6", Local7 = "local7", }
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no", }
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute", }
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    pub save: bool,
    pub nosave: bool,
    pub now: bool,
    pub force: bool,
    pub safe: bool,
    pub failover: bool,
}
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    pub daemonize: bool,
    pub supervised: Supervised,
    pub pidfile: String,
    pub crash_log_enabled: bool,
    pub crash_memcheck_enabled: bool,
    pub set_proc_title: bool,
    pub proc_title_template: String,
    pub dir: String,
    pub oom_score_adj: OomScoreAdj,
    pub oom_score_adj_values: [i32; 3],
    pub disable_thp: bool,
    pub shutdown_timeout_s: u32,
    pub shutdown_on_sigint: ShutdownFlags,
    pub shutdown_on_sigterm: ShutdownFlags,
    pub use_exit_on_panic: bool,
}
#[derive(Clone, Debug)]
pub struct LogConfig {
    pub level: LogLevel,
    pub file: String,
    pub format: LogFormat,
    pub timestamp_format: LogTimestamp,
    pub syslog_enabled: bool,
    pub syslog_ident: String,
    pub syslog_facility: SyslogFacility,
    pub hide_user_data: bool,
    pub always_show_logo: bool,
}
pub mod parse {
    use super::*;
    #[derive(Debug)]
    pub struct Startup {
        pub conf: Config,
        pub file: Option<std::path::PathBuf>,
    }
    pub fn startup(args: &[String]) -> Result<Startup, String> {
        let mut conf = Config::default();
        let mut it = args.iter().skip(1);
        while let Some(a) = it.next() {
            let v = it.next().cloned().unwrap_or_default();
            let p = &mut conf.process;
            let yes = v == "yes";
            match a.as_str() {
                "--port" => conf.net.port = v.parse().map_err(|_| v)?,
                "--bind" => conf.net.bind = v.split(' ').map(str::to_owned).collect(),
                "--unixsocket" => conf.net.unixsocket = v,
                "--maxclients" => conf.net.maxclients = v.parse().map_err(|_| v)?,
                "--enable-debug-command" => conf.security.enable_debug_command = Guard::Yes,
                "--daemonize" => p.daemonize = yes,
                "--pidfile" => p.pidfile = v,
                "--dir" => p.dir = v,
                "--supervised" => p.supervised = Supervised::from_name(&v).ok_or(v)?,
                "--set-proc-title" => p.set_proc_title = yes,
                "--crash-log-enabled" => p.crash_log_enabled = yes,
                "--proc-title-template" => p.proc_title_template = v,
                "--oom-score-adj" => p.oom_score_adj = OomScoreAdj::from_name(&v).ok_or(v)?,
                "--loglevel" => conf.log.level = LogLevel::from_name(&v).ok_or(v)?,
                "--logfile" => conf.log.file = v,
                "--log-format" => conf.log.format = LogFormat::from_name(&v).ok_or(v)?,
                "--syslog-enabled" => conf.log.syslog_enabled = yes,
                "--always-show-logo" => conf.log.always_show_logo = yes,
                "--hide-user-data-from-log" => conf.log.hide_user_data = yes,
                other => return Err(other.to_owned()),
            }
        }
        Ok(Startup { conf, file: None })
    }
}
#[derive(Clone, Debug)]
pub struct Config {
    pub process: ProcessConfig,
    pub log: LogConfig,
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
            process: ProcessConfig {
                daemonize: false,
                supervised: Supervised::No,
                pidfile: String::new(),
                crash_log_enabled: true,
                crash_memcheck_enabled: true,
                set_proc_title: true,
                proc_title_template: "{title} {listen-addr} {server-mode}".into(),
                dir: ".".into(),
                oom_score_adj: OomScoreAdj::No,
                oom_score_adj_values: [0, 200, 800],
                disable_thp: true,
                shutdown_timeout_s: 10,
                shutdown_on_sigint: ShutdownFlags::default(),
                shutdown_on_sigterm: ShutdownFlags::default(),
                use_exit_on_panic: false,
            },
            log: LogConfig {
                level: LogLevel::Notice,
                file: String::new(),
                format: LogFormat::Legacy,
                timestamp_format: LogTimestamp::Legacy,
                syslog_enabled: false,
                syslog_ident: "redis".into(),
                syslog_facility: SyslogFacility::Local0,
                hide_user_data: true,
                always_show_logo: false,
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
