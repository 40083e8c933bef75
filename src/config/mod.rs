//! Configuration: one table of options, and everything that is derived from it.
//!
//! [`Config`] is a plain value, made of one struct per feature. It is filled at the start from a file, the standard input
//! and the command line (`parse`), read everywhere by plain field access, changed by CONFIG SET (`set`), shown by CONFIG
//! GET (`get`) and written back by CONFIG REWRITE (`rewrite`). What an option is called, what it takes and where it is
//! kept stands in one row of [`options::OPTIONS`].
//!
//! ```text
//!   redis.conf ─┐
//!   stdin ──────┼─► parse ─► Config ◄── set ◄── CONFIG SET ──► list of Apply ─► server
//!   arguments ──┘              │ │
//!                              │ └────► get ──► CONFIG GET
//!                              └──────► rewrite ──► new text of the file
//! ```
//!
//! Invariants: every field is within the bounds of its row; a refused change leaves no trace. This room does not know
//! the server: what must follow a change is only named here ([`Apply`]), and done elsewhere. It reads no file by itself.

pub mod get;
pub mod groups;
pub mod lists;
pub mod option;
pub mod options;
pub mod parse;
pub mod rewrite;
pub mod set;
pub mod value;

pub use groups::*;
pub use lists::{OutputLimit, ShutdownFlags, key_events};
pub use option::{Apply, Opt};
pub use options::OPTIONS;
pub use parse::{ConfigError, Directive, Origin, Startup, startup};
pub use value::MemoryOrPercent;

macro_rules! config {
    ($($(#[$doc:meta])* $group:ident: $type:ident,)+) => {
        /// Everything that can be configured, by feature.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[$doc])* pub $group: $type,)+
        }

        impl Config {
            /// All fields zero or empty: what the defaults are laid upon.
            fn blank() -> Config {
                Config { $($group: $type::default(),)+ }
            }
        }
    };
}

config! {
    net: NetConfig,
    tls: TlsConfig,
    process: ProcessConfig,
    log: LogConfig,
    server: ServerConfig,
    security: SecurityConfig,
    clients: ClientsConfig,
    proto: ProtoConfig,
    rdb: RdbConfig,
    aof: AofConfig,
    repl: ReplConfig,
    memory: MemoryConfig,
    lazyfree: LazyfreeConfig,
    script: ScriptConfig,
    cluster: ClusterConfig,
    slowlog: SlowlogConfig,
    latency: LatencyConfig,
    pubsub: PubsubConfig,
    hash: HashConfig,
    list: ListConfig,
    set: SetConfig,
    zset: ZsetConfig,
    hll: HllConfig,
    stream: StreamConfig,
    defrag: DefragConfig,
}

impl Default for Config {
    fn default() -> Config {
        let mut conf = Config::blank();
        for opt in OPTIONS {
            opt.kind.reset(&mut conf);
        }
        conf
    }
}

/// The option that a name means, be it the name or the alias, in either case of letters.
pub fn find(name: &[u8]) -> Option<&'static Opt> {
    OPTIONS.iter().find(|opt| opt.is_called(name))
}
