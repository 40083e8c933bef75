//! Wishes that this server cannot fulfil yet, each a row to be removed when the feature arrives.
//!
//! An option without effect does no harm as long as its value asks for nothing. A row says which
//! values do ask for something that a user relies on: the start then stops with the line of that
//! option, and CONFIG SET is refused. Options that only tune a feature (`repl-timeout`) need no
//! row, since the option that switches it on has one. Those that are without effect whatever their
//! value are marked [`idle`](super::Opt::idle) in the table.

use super::{Config, OPTIONS, Opt};

/// A wish that cannot be fulfilled.
pub struct Unkept {
    pub name: &'static str,
    /// Whether the configuration has it.
    asks: fn(&Config) -> bool,
    pub reason: &'static str,
    /// Nothing but speed or memory hangs on it: a start goes on, with a warning.
    hint: bool,
}

impl Unkept {
    const fn new(name: &'static str, asks: fn(&Config) -> bool, reason: &'static str) -> Unkept {
        Unkept { name, asks, reason, hint: false }
    }

    const fn hint(self) -> Unkept {
        Unkept { hint: true, ..self }
    }
}

/// All of them. `user` lines are refused in `users.rs`, `loadmodule` at the start.
static UNKEPT: &[Unkept] = &[
    Unkept::new(
        "aclfile",
        |conf| !conf.security.aclfile.is_empty(),
        "ACL files are not supported yet",
    ),
    Unkept::new("replicaof", |conf| conf.repl.of.is_some(), "replication is not supported yet"),
    Unkept::new(
        "cluster-enabled",
        |conf| conf.cluster.enabled,
        "cluster mode is not supported yet",
    ),
    // Nobody who asks for encryption must be served without it.
    Unkept::new("tls-port", |conf| conf.tls.port != 0, "TLS is not supported yet"),
    Unkept::new("import-mode", |conf| conf.server.import_mode, "import mode is not supported yet"),
    Unkept::new(
        "socket-mark-id",
        |conf| conf.net.socket_mark_id != 0,
        "marks on sockets are not supported yet",
    ),
    Unkept::new("rdma-port", |conf| conf.net.rdma_port != 0, "RDMA is not supported"),
    // The order of bytes is that of these locales. The text is the reference's for a locale that
    // the machine lacks.
    Unkept::new("locale-collate", |conf| !has_byte_order(conf), "Invalid locale name"),
    Unkept::new(
        "activedefrag",
        |conf| conf.defrag.enabled,
        "Active defragmentation cannot be enabled: it requires a Redis server compiled with a \
         modified Jemalloc like the one shipped by default with the Redis source distribution",
    )
    .hint(),
];

fn has_byte_order(conf: &Config) -> bool {
    let name = conf.server.locale_collate.to_ascii_lowercase();
    matches!(name.as_str(), "" | "c" | "posix" | "c.utf-8" | "c.utf8")
}

/// The first wish that stops a start.
pub fn stops(conf: &Config) -> Option<&'static Unkept> {
    UNKEPT.iter().find(|unkept| !unkept.hint && (unkept.asks)(conf))
}

/// The first wish that a change adds.
pub fn refused(before: &Config, after: &Config) -> Option<&'static Unkept> {
    UNKEPT.iter().find(|unkept| (unkept.asks)(after) && !(unkept.asks)(before))
}

/// Options without effect whose value is not the default: a start that goes on nevertheless tells
/// of them.
pub fn ineffective(conf: &Config) -> Vec<&'static str> {
    let defaults = Config::default();
    let changed = |opt: &&Opt| opt.idle && opt.show(conf) != opt.show(&defaults);
    OPTIONS.iter().filter(changed).map(|opt| opt.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{find, startup};

    /// Such files once started servers that did not do what they said.
    #[test]
    fn a_wish_that_cannot_be_kept_stops_the_start_with_its_line() {
        let cases = [
            ("aclfile /etc/users.acl", "ACL files are not supported yet"),
            ("replicaof 127.0.0.1 6379", "replication is not supported yet"),
            ("slaveof 127.0.0.1 6379", "replication is not supported yet"),
            ("cluster-enabled yes", "cluster mode is not supported yet"),
            ("tls-port 6380", "TLS is not supported yet"),
            ("import-mode yes", "import mode is not supported yet"),
            ("locale-collate en_US.UTF-8", "Invalid locale name"),
            ("socket-mark-id 7", "marks on sockets are not supported yet"),
        ];
        for (line, reason) in cases {
            let text = format!("hz 10\n{line}\n");
            let error = start(&text).expect_err(line);
            assert!(error.ends_with(&format!("at line 2\n>>> '{line}'\n{reason}\n")), "{error}");
        }
    }

    #[test]
    fn values_that_ask_for_nothing_start() {
        let text = "aclfile \"\"\nreplicaof no one\ncluster-enabled no\nmasterauth x\nmasteruser y\n\
            min-replicas-to-write 0\nlocale-collate C\ncluster-node-timeout 100\nrepl-timeout 5\n\
            tls-replication no\nio-threads 4\nactivedefrag yes\n";
        let conf = start(text).unwrap();
        let told = ["masterauth", "masteruser", "repl-timeout", "io-threads"];
        let ineffective = ineffective(&conf);
        assert!(told.iter().all(|name| ineffective.contains(name)), "{ineffective:?}");
        assert!(ineffective.contains(&"activedefrag") && !ineffective.contains(&"aclfile"));
    }

    fn start(text: &str) -> Result<Config, String> {
        let started = startup(&[b"c.conf".to_vec()], false, &mut |_| Ok(text.as_bytes().to_vec()));
        started
            .map(|out| out.config)
            .map_err(|error| String::from_utf8_lossy(&error.print("8.2.3")).into_owned())
    }

    #[test]
    fn each_row_is_an_option_without_effect() {
        for unkept in UNKEPT {
            let opt = find(unkept.name.as_bytes()).expect(unkept.name);
            assert!(opt.idle, "{} has an effect: remove its row", unkept.name);
            assert!(!(unkept.asks)(&Config::default()), "{}", unkept.name);
        }
    }

    /// The README names the options without effect, with `*` for several; the table marks them.
    #[test]
    fn the_readme_lists_the_options_without_effect() {
        let readme = include_str!("../../README.md");
        let (_, section) = readme.split_once("### Parameters without effect yet").unwrap();
        let (section, _) = section.split_once("\n### ").unwrap();
        let (list, _) = section
            .split_once("\n\n")
            .map(|(_, rest)| rest.split_once("\n\n").unwrap_or((rest, "")))
            .unwrap();
        let patterns: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let means = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        };
        for opt in OPTIONS {
            let listed = patterns.iter().any(|pattern| means(pattern, opt.name));
            assert_eq!(listed, opt.idle, "{}: in the README, and without effect", opt.name);
        }
        for pattern in patterns {
            assert!(OPTIONS.iter().any(|opt| means(pattern, opt.name)), "{pattern} means nothing");
        }
    }
}
