//! Configuration: one table of options, and everything that is derived from it.
//!
//! [`Config`] is a plain value, made of one struct per feature. It is filled at the start from a
//! file, the standard input and the command line (`parse`), read everywhere by plain field access,
//! changed by CONFIG SET (`set`), shown by CONFIG GET (`get`) and written back by CONFIG REWRITE
//! (`rewrite`). What an option is called, what it takes and where it is kept stands in one row of
//! [`options::OPTIONS`].
//!
//! ```text
//!   redis.conf ─┐
//!   stdin ──────┼─► parse ─► Config ◄── set ◄── CONFIG SET ──► list of Apply ─► server
//!   arguments ──┘              │ │
//!                              │ └────► get ──► CONFIG GET
//!                              └──────► rewrite ──► new text of the file
//! ```
//!
//! Invariants: every field is within the bounds of its row; a refused change leaves no trace. This
//! room does not know the server: what must follow a change is only named here ([`Apply`]), and
//! done elsewhere. It reads no file by itself.

pub mod choices;
pub mod commands;
pub mod get;
pub mod groups;
pub mod later;
pub mod lists;
pub mod option;
pub mod options;
pub mod parse;
pub mod rewrite;
pub mod rules;
pub mod set;
pub mod users;
pub mod value;

pub use choices::*;
pub use groups::*;
pub use lists::{OutputLimit, ShutdownFlags, key_events};
pub use option::{Apply, Opt};
pub use options::OPTIONS;
pub use parse::{ConfigError, Directive, Origin, Startup, startup};
pub use users::Passwords;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What CONFIG GET of fresh servers answered: Redis 8.2.3 and Valkey 9.1.2, the former first to
    /// be believed.
    const GOLDEN: &str = include_str!("../../tests/golden/config-get.tsv");
    const REDIS_CONF: &str = include_str!("../../redis.conf");

    #[test]
    fn defaults_are_those_of_the_reference() {
        let conf = Config::default();
        for line in GOLDEN.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, redis, valkey] = fields[..] else { panic!("a bad line: {line}") };
            let expected = if redis == "-" { valkey } else { redis };
            let opt = find(name.as_bytes()).unwrap_or_else(|| panic!("{name} is missing"));
            let shown = String::from_utf8(opt.show(&conf)).unwrap();
            assert_eq!(shown, expected.replace("\"\"", ""), "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<&str> = OPTIONS.iter().map(|opt| opt.name).collect();
        names.extend(OPTIONS.iter().filter_map(|opt| opt.alias));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
    }

    /// Each visible option has a line in redis.conf; and what stands there uncommented is the
    /// default, so a server started with the file is configured as one without, but for `bind`.
    #[test]
    fn the_shipped_file_states_each_default() {
        for opt in OPTIONS.iter().filter(|opt| !opt.hidden) {
            let stated = REDIS_CONF.lines().any(|line| {
                let line = line.strip_prefix("# ").unwrap_or(line);
                line.split(' ').next() == Some(opt.name) && line.split(' ').count() > 1
            });
            assert!(stated, "{} is missing in redis.conf", opt.name);
        }
        let args = [b"redis.conf".to_vec()];
        let started = startup(&args, false, &mut |_| Ok(REDIS_CONF.as_bytes().to_vec())).unwrap();
        let (defaults, mut shipped) = (Config::default(), started.config);
        assert_eq!(shipped.net.bind, ["127.0.0.1", "-::1"]);
        shipped.net.bind = defaults.net.bind.clone();
        assert!(shipped.process.config_file.take().is_some_and(|path| path.is_absolute()));
        assert_eq!(shipped.process.dir, "./");
        shipped.process.dir = defaults.process.dir.clone();
        assert_eq!(shipped, defaults);
    }

    #[test]
    fn every_value_reads_back() {
        let conf = Config::default();
        for opt in OPTIONS.iter().filter(|opt| opt.name != "replicaof") {
            let mut again = conf.clone();
            let shown = opt.show(&conf);
            let words: Vec<Vec<u8>> = match opt.kind.takes_many() && !shown.is_empty() {
                true => shown.split(|b| *b == b' ').map(<[u8]>::to_vec).collect(),
                false => vec![shown],
            };
            opt.assign(&mut again, &words)
                .unwrap_or_else(|reason| panic!("{}: {reason}", opt.name));
            assert_eq!(again, conf, "{}", opt.name);
        }
    }
}
