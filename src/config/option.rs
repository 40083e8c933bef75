//! A row of the table of options, and the words it is built from.
//!
//! ```text
//!   Opt::u32("tcp-backlog", 511, at!(net.tcp_backlog)).within(0, 511).immutable()
//!   │        │              │    │                    └ who may change it, what follows a change, ...
//!   │        │              │    └ where the value is kept
//!   │        │              └ default
//!   │        └ name
//!   └ kind
//! ```
//!
//! All of it is `const`, so a row that contradicts itself does not compile.

use super::Config;
use super::value::{Choice, Field, Int, IntField, Kind, List, MemoryOrPercent, Unit};

/// What has to be done after an option changed. Declaring that must not reach the server; doing it
/// needs the server, and is one `match` in `apply.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Nothing: whoever reads the field next sees the new value.
    None,
    AclLogMaxLen,
    ActiveDefrag,
    AofDisableGc,
    AppendFsync,
    AppendOnly,
    Bind,
    ClusterAnnounce,
    ClusterFlags,
    ClusterSlots,
    ClusterState,
    CrashLog,
    DefragEffort,
    Dir,
    Hz,
    ImportMode,
    JemallocBgThread,
    LocaleCollate,
    LogForm,
    Maxclients,
    Maxmemory,
    MaxmemoryClients,
    MaxmemoryPolicy,
    MinReplicas,
    OomScoreAdj,
    OutputLimits,
    Port,
    ProcTitle,
    ReplBacklogSize,
    ReplicaOf,
    ReplicaReadOnly,
    Requirepass,
    SavePoints,
    SlowlogMaxLen,
    Tls,
    TlsPort,
    Watchdog,
}

/// A look at a text that its kind alone cannot judge; the error says what is wrong with it.
pub type Check = fn(&str) -> Result<(), &'static str>;

/// One option.
pub struct Opt {
    /// Its name in files and commands, in lower case.
    pub name: &'static str,
    /// Another name, from older releases or from Valkey.
    pub alias: Option<&'static str>,
    pub kind: Kind,
    pub apply: Apply,
    /// May be set at the start only.
    pub immutable: bool,
    /// CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// Shown only to those who ask for the exact name.
    pub hidden: bool,
    /// A secret: its value is kept out of SLOWLOG, MONITOR and the log.
    pub sensitive: bool,
    /// Not to be changed while data are being loaded.
    pub fixed_while_loading: bool,
    /// Nothing reads its value yet. The README lists these options, and a test compares the list
    /// with the table.
    pub idle: bool,
    /// A test of the new text beyond its kind.
    check: Option<Check>,
    /// Values outside are brought inside instead of being refused.
    clamp: Option<(i64, i64)>,
}

impl Opt {
    const fn new(name: &'static str, kind: Kind) -> Opt {
        Opt {
            name,
            alias: None,
            kind,
            apply: Apply::None,
            immutable: false,
            protected: false,
            hidden: false,
            sensitive: false,
            fixed_while_loading: false,
            idle: false,
            check: None,
            clamp: None,
        }
    }

    pub const fn bool(name: &'static str, default: bool, field: Field<bool>) -> Opt {
        Opt::new(name, Kind::Bool { field, default })
    }

    const fn int(name: &'static str, default: i64, field: IntField, min: i64, max: i64) -> Opt {
        let unit = Unit::Plain;
        Opt::new(name, Kind::Int(Int { field, default, min, max, unit, unsigned: false }))
    }

    /// A port number; 0 mostly means none.
    pub const fn port(name: &'static str, default: i64, field: Field<u16>) -> Opt {
        Opt::int(name, default, IntField::U16(field), 0, u16::MAX as i64)
    }

    /// An integer from 0 to 2^31 - 1, unless told otherwise.
    pub const fn u32(name: &'static str, default: i64, field: Field<u32>) -> Opt {
        Opt::int(name, default, IntField::U32(field), 0, i32::MAX as i64)
    }

    /// An integer from 0 to 2^63 - 1, unless told otherwise.
    pub const fn u64(name: &'static str, default: i64, field: Field<u64>) -> Opt {
        Opt::int(name, default, IntField::U64(field), 0, i64::MAX)
    }

    pub const fn i32(name: &'static str, default: i64, field: Field<i32>) -> Opt {
        Opt::int(name, default, IntField::I32(field), i32::MIN as i64, i32::MAX as i64)
    }

    pub const fn i64(name: &'static str, default: i64, field: Field<i64>) -> Opt {
        Opt::int(name, default, IntField::I64(field), i64::MIN, i64::MAX)
    }

    /// A number of things: as `u64`, but the reference has no sign for it.
    pub const fn count(name: &'static str, default: i64, field: Field<u64>) -> Opt {
        Opt::u64(name, default, field).unsigned()
    }

    /// A size in bytes.
    pub const fn memory(name: &'static str, default: i64, field: Field<u64>) -> Opt {
        Opt::count(name, default, field).unit(Unit::Memory)
    }

    /// A size in bytes, or -1 for something special.
    pub const fn signed_memory(name: &'static str, default: i64, field: Field<i64>) -> Opt {
        Opt::i64(name, default, field).within(-1, i64::MAX).unit(Unit::Memory)
    }

    /// File permissions.
    pub const fn octal(name: &'static str, default: i64, field: Field<u32>) -> Opt {
        Opt::u32(name, default, field).within(0, 0o777).unsigned().unit(Unit::Octal)
    }

    pub const fn text(name: &'static str, default: &'static str, field: Field<String>) -> Opt {
        Opt::new(name, Kind::Text { field, default })
    }

    /// Bytes of any kind, empty by default.
    pub const fn bytes(name: &'static str, field: Field<Vec<u8>>) -> Opt {
        Opt::new(name, Kind::Bytes { field, default: "" })
    }

    /// A size, or a share of `maxmemory`.
    pub const fn share(name: &'static str, field: Field<MemoryOrPercent>) -> Opt {
        Opt::new(name, Kind::Share { field, default: MemoryOrPercent::Bytes(0) })
    }

    pub const fn choice(name: &'static str, choice: Choice) -> Opt {
        assert!(choice.default < choice.names.len());
        Opt::new(name, Kind::Choice(choice))
    }

    pub const fn list(name: &'static str, list: List) -> Opt {
        Opt::new(name, Kind::List(list))
    }

    pub const fn alias(self, alias: &'static str) -> Opt {
        Opt { alias: Some(alias), ..self }
    }

    pub const fn on_change(self, apply: Apply) -> Opt {
        Opt { apply, ..self }
    }

    pub const fn immutable(self) -> Opt {
        Opt { immutable: true, ..self }
    }

    pub const fn protected(self) -> Opt {
        Opt { protected: true, ..self }
    }

    pub const fn hidden(self) -> Opt {
        Opt { hidden: true, ..self }
    }

    pub const fn sensitive(self) -> Opt {
        Opt { sensitive: true, ..self }
    }

    pub const fn fixed_while_loading(self) -> Opt {
        Opt { fixed_while_loading: true, ..self }
    }

    /// Marks an option without effect: what it governs is not built yet, or has no counterpart in
    /// this server.
    pub const fn idle(self) -> Opt {
        Opt { idle: true, ..self }
    }

    pub const fn check(self, check: fn(&str) -> Result<(), &'static str>) -> Opt {
        Opt { check: Some(check), ..self }
    }

    /// Brings values into these bounds silently, where `within` would refuse them.
    pub const fn clamped(self, min: i64, max: i64) -> Opt {
        Opt { clamp: Some((min, max)), ..self }
    }

    pub const fn within(self, min: i64, max: i64) -> Opt {
        let Kind::Int(int) = self.kind else { panic!("bounds are for integers") };
        assert!(min <= int.default && int.default <= max, "the default is out of bounds");
        Opt { kind: Kind::Int(Int { min, max, ..int }), ..self }
    }

    pub const fn at_least(self, min: i64) -> Opt {
        let Kind::Int(int) = self.kind else { panic!("bounds are for integers") };
        self.within(min, int.max)
    }

    pub const fn unsigned(self) -> Opt {
        self.with_sign(true)
    }

    pub const fn signed(self) -> Opt {
        self.with_sign(false)
    }

    const fn with_sign(self, unsigned: bool) -> Opt {
        let Kind::Int(int) = self.kind else { panic!("signs are for integers") };
        Opt { kind: Kind::Int(Int { unsigned, ..int }), ..self }
    }

    const fn unit(self, unit: Unit) -> Opt {
        let Kind::Int(int) = self.kind else { panic!("units are for integers") };
        Opt { kind: Kind::Int(Int { unit, ..int }), ..self }
    }

    /// Whether a name means this option, in either case of letters.
    pub fn is_called(&self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name.as_bytes())
            || self.alias.is_some_and(|alias| name.eq_ignore_ascii_case(alias.as_bytes()))
    }

    /// Which of its names that is, spelled as in the table.
    pub fn spelled(&self, name: &[u8]) -> &'static str {
        match self.alias {
            Some(alias) if name.eq_ignore_ascii_case(alias.as_bytes()) => alias,
            _ => self.name,
        }
    }

    /// A value that came as one word, as the words it stands for: split at single spaces for an
    /// option that takes many.
    pub fn words(&self, value: &[u8]) -> Vec<Vec<u8>> {
        if !self.kind.takes_many() {
            return vec![value.to_vec()];
        }
        if value.is_empty() {
            return Vec::new();
        }
        value.split(|b| *b == b' ').map(<[u8]>::to_vec).collect()
    }

    /// Parses words into the option's field. On error the configuration is as before.
    pub fn assign(&self, conf: &mut Config, words: &[Vec<u8>]) -> Result<(), String> {
        if let (Some(check), [word]) = (self.check, words)
            && let Ok(text) = std::str::from_utf8(word)
        {
            check(text)?;
        }
        self.kind.assign(conf, words)?;
        if let (Some((min, max)), Kind::Int(int)) = (self.clamp, &self.kind) {
            let clamped = int.field.get(conf).clamp(min, max);
            self.kind.assign(conf, &[clamped.to_string().into_bytes()])?;
        }
        Ok(())
    }

    /// The text that CONFIG GET shows.
    pub fn show(&self, conf: &Config) -> Vec<u8> {
        self.kind.show(conf)
    }
}

/// Tests of new texts, with the reference's words of refusal.
pub mod checks {
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn base_name(text: &str, refusal: &'static str) -> Result<(), &'static str> {
        if text.contains(['/', '\\']) { Err(refusal) } else { Ok(()) }
    }

    pub fn file_name(text: &str) -> Result<(), &'static str> {
        base_name(text, "dbfilename can't be a path, just a filename")
    }

    pub fn append_filename(text: &str) -> Result<(), &'static str> {
        if text.is_empty() {
            return Err("appendfilename can't be empty");
        }
        base_name(text, "appendfilename can't be a path, just a filename")
    }

    pub fn append_dirname(text: &str) -> Result<(), &'static str> {
        if text.is_empty() {
            return Err("appenddirname can't be empty");
        }
        base_name(text, "appenddirname can't be a path, just a dirname")
    }

    pub fn hostname(text: &str) -> Result<(), &'static str> {
        if text.len() >= 256 {
            return Err("Hostnames must be less than 256 characters");
        }
        if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            Ok(())
        } else {
            Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
        }
    }

    pub fn nodename(text: &str) -> Result<(), &'static str> {
        // The characters that separate fields in nodes.conf and CLUSTER NODES, and their like.
        if text.bytes().any(|b| b"!#$%&()*+:;<>?@[]^{|}~".contains(&b)) {
            Err("Announced human node name contained invalid character")
        } else {
            Ok(())
        }
    }

    pub fn ipv4(text: &str) -> Result<(), &'static str> {
        let fits = text.is_empty() || text.parse::<Ipv4Addr>().is_ok();
        if fits { Ok(()) } else { Err("Invalid IPv4 address") }
    }

    pub fn ipv6(text: &str) -> Result<(), &'static str> {
        let fits = text.is_empty() || text.parse::<Ipv6Addr>().is_ok();
        if fits { Ok(()) } else { Err("Invalid IPv6 address") }
    }

    pub fn proc_title(text: &str) -> Result<(), &'static str> {
        const REFUSAL: &str = "template format is invalid or contains unknown variables";
        const VARIABLES: [&str; 7] = [
            "title",
            "listen-addr",
            "server-mode",
            "port",
            "tls-port",
            "unixsocket",
            "config-file",
        ];
        // Compat: a title that would come out blank while these three have nothing to say is
        // refused as well.
        let filled = ["{title}", "{server-mode}", "{unixsocket}"]
            .into_iter()
            .fold(text.to_owned(), |text, variable| text.replace(variable, ""));
        if filled.trim().is_empty() {
            return Err(REFUSAL);
        }
        let mut rest = text;
        while let Some((_, from_brace)) = rest.split_once('{') {
            let (variable, after) = from_brace.split_once('}').ok_or(REFUSAL)?;
            if !VARIABLES.contains(&variable) {
                return Err(REFUSAL);
            }
            rest = after;
        }
        Ok(())
    }
}
