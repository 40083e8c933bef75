//! Where a command's keys are and what its arguments mean, as data. COMMAND INFO, DOCS and GETKEYS,
//! cluster routing and ACL key checks all read these records.

/// What a command does with the keys a spec finds.
pub mod key_flag {
    pub const RO: u32 = 1;
    pub const RW: u32 = 1 << 1;
    pub const OW: u32 = 1 << 2;
    pub const RM: u32 = 1 << 3;
    pub const ACCESS: u32 = 1 << 4;
    pub const UPDATE: u32 = 1 << 5;
    pub const INSERT: u32 = 1 << 6;
    pub const DELETE: u32 = 1 << 7;
    pub const NOT_KEY: u32 = 1 << 8;
    pub const INCOMPLETE: u32 = 1 << 9;
    pub const VARIABLE_FLAGS: u32 = 1 << 10;

    /// Names in the order in which COMMAND INFO lists them.
    pub const NAMES: &[(u32, &str)] = &[
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word of the call.
    Index(i32),
    /// After this word, looked for from `from` on (negative: backwards from the end).
    Keyword {
        word: &'static str,
        from: i32,
    },
    Unknown,
}

/// How to go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Every `step`-th word up to `last`, relative to the beginning (negative: from the call's end;
    /// `limit` 2 means half).
    Range {
        last: i32,
        step: i32,
        limit: i32,
    },
    /// A count stands `at` words after the beginning, the keys `first` words after it.
    Count {
        at: i32,
        first: i32,
        step: i32,
    },
    Unknown,
}

/// One way in which a command names keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub flags: u32,
    pub notes: &'static str,
}

impl KeySpec {
    /// One key at word `index`.
    pub const fn at(index: i32) -> KeySpec {
        let find = Find::Range { last: 0, step: 1, limit: 0 };
        KeySpec { begin: Begin::Index(index), find, flags: 0, notes: "" }
    }

    /// After a keyword instead of at a fixed word.
    pub const fn after(word: &'static str, from: i32) -> KeySpec {
        KeySpec { begin: Begin::Keyword { word, from }, ..KeySpec::at(0) }
    }

    pub const fn unknown() -> KeySpec {
        KeySpec { begin: Begin::Unknown, find: Find::Unknown, flags: 0, notes: "" }
    }

    /// Several keys: every `step`-th word up to `last` (relative; -1 is the last word).
    pub const fn range(mut self, last: i32, step: i32, limit: i32) -> KeySpec {
        self.find = Find::Range { last, step, limit };
        self
    }

    /// A number of keys that the call itself states.
    pub const fn count(mut self, at: i32, first: i32, step: i32) -> KeySpec {
        self.find = Find::Count { at, first, step };
        self
    }

    pub const fn ro(mut self, flags: u32) -> KeySpec {
        self.flags = key_flag::RO | flags;
        self
    }

    pub const fn rw(mut self, flags: u32) -> KeySpec {
        self.flags = key_flag::RW | flags;
        self
    }

    pub const fn ow(mut self, flags: u32) -> KeySpec {
        self.flags = key_flag::OW | flags;
        self
    }

    pub const fn rm(mut self, flags: u32) -> KeySpec {
        self.flags = key_flag::RM | flags;
        self
    }

    /// Bits of [`key_flag`] for what is no access to a key: `NOT_KEY`.
    pub const fn flags(mut self, flags: u32) -> KeySpec {
        self.flags = flags;
        self
    }

    pub const fn notes(mut self, notes: &'static str) -> KeySpec {
        self.notes = notes;
        self
    }
}

/// The type of an argument, as COMMAND DOCS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    Block,
    Double,
    Integer,
    Key,
    OneOf,
    Pattern,
    PureToken,
    String,
    UnixTime,
}

impl ArgKind {
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::Block => "block",
            ArgKind::Double => "double",
            ArgKind::Integer => "integer",
            ArgKind::Key => "key",
            ArgKind::OneOf => "oneof",
            ArgKind::Pattern => "pattern",
            ArgKind::PureToken => "pure-token",
            ArgKind::String => "string",
            ArgKind::UnixTime => "unix-time",
        }
    }
}

/// One argument of a command's grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    pub name: &'static str,
    pub kind: ArgKind,
    pub token: &'static str,
    pub since: &'static str,
    pub deprecated_since: &'static str,
    pub summary: &'static str,
    /// How usage texts show it, where that differs from the name.
    pub display: &'static str,
    /// Index of the key spec that finds it, for keys.
    pub key_spec: Option<u8>,
    pub is_optional: bool,
    pub is_multiple: bool,
    pub is_multiple_token: bool,
    /// Alternatives of a `oneof`, parts of a `block`.
    pub parts: &'static [Arg],
}

impl Arg {
    const fn new(name: &'static str, kind: ArgKind) -> Arg {
        Arg {
            name,
            kind,
            token: "",
            since: "",
            deprecated_since: "",
            summary: "",
            display: "",
            key_spec: None,
            is_optional: false,
            is_multiple: false,
            is_multiple_token: false,
            parts: &[],
        }
    }

    pub const fn block(name: &'static str, parts: &'static [Arg]) -> Arg {
        Arg { parts, ..Arg::new(name, ArgKind::Block) }
    }

    pub const fn one_of(name: &'static str, parts: &'static [Arg]) -> Arg {
        Arg { parts, ..Arg::new(name, ArgKind::OneOf) }
    }

    pub const fn double(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Double)
    }

    pub const fn integer(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Integer)
    }

    /// A key found by the command's first key spec.
    pub const fn key(name: &'static str) -> Arg {
        Arg { key_spec: Some(0), ..Arg::new(name, ArgKind::Key) }
    }

    pub const fn pattern(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Pattern)
    }

    pub const fn pure_token(name: &'static str, token: &'static str) -> Arg {
        Arg { token, ..Arg::new(name, ArgKind::PureToken) }
    }

    pub const fn string(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::String)
    }

    pub const fn unix_time(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::UnixTime)
    }

    pub const fn token(mut self, token: &'static str) -> Arg {
        self.token = token;
        self
    }

    pub const fn since(mut self, since: &'static str) -> Arg {
        self.since = since;
        self
    }

    pub const fn deprecated_since(mut self, since: &'static str) -> Arg {
        self.deprecated_since = since;
        self
    }

    pub const fn summary(mut self, summary: &'static str) -> Arg {
        self.summary = summary;
        self
    }

    pub const fn display(mut self, display: &'static str) -> Arg {
        self.display = display;
        self
    }

    pub const fn spec(mut self, index: u8) -> Arg {
        self.key_spec = Some(index);
        self
    }

    pub const fn optional(mut self) -> Arg {
        self.is_optional = true;
        self
    }

    pub const fn multiple(mut self) -> Arg {
        self.is_multiple = true;
        self
    }

    pub const fn multiple_token(mut self) -> Arg {
        self.is_multiple_token = true;
        self
    }
}
