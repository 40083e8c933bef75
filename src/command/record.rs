//! A command's record, built by `const` methods, so that a faulty row does not compile.

use std::any::Any;

use super::getkeys::FindKeys;
use super::{Arg, CmdResult, Cx, KeySpec, category, flag};
use crate::resp::request::Args;

/// The two kinds of handler, see `server::exec`.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Moves data: sees keys, options and the reply, never the server.
    Data(fn(&mut Cx<'_>) -> CmdResult),
    /// Moves the server itself: a `server::Run`. What that is only the server knows, so that no
    /// command that moves data comes to know it either.
    Server(&'static (dyn Any + Send + Sync)),
    /// A name with subcommands only.
    Container,
}

/// In which way a call changes data, for who wants to take it back: the undo log of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It changes the keys that its key specs tell.
    Keys,
    /// A key here is copied to a database, as the words of COPY say.
    Copy,
    /// A key moves to the database that stands behind it.
    Move,
    /// It exchanges the two databases that it names.
    Swap,
    /// It empties databases.
    Flush,
    /// It empties all of them, and perhaps the snapshot.
    FlushAll,
    /// It changes what lies outside of the data.
    Outside,
}

/// Whether the word of a call at an index is a secret.
pub type Secrets = fn(Args<'_>, usize) -> bool;

/// The documentation group of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Pubsub,
    Scripting,
    Sentinel,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    pub const fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::Hyperloglog => "hyperloglog",
            Group::List => "list",
            Group::Pubsub => "pubsub",
            Group::Scripting => "scripting",
            Group::Sentinel => "sentinel",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// A command's record. Built by `const` methods, so that a faulty row does not compile.
pub struct Command {
    /// Lower-case; a subcommand is `container|name`.
    pub name: &'static str,
    pub handler: Handler,
    /// Words of a call, name included; negative: at least that many.
    pub arity: i32,
    pub flags: u64,
    /// Bits of [`special`](super::special).
    pub special: u32,
    /// Categories beyond those that follow from the flags.
    pub extra_categories: u32,
    pub reach: Reach,
    /// Which words logs and MONITOR do not show.
    pub secrets: Option<Secrets>,
    pub group: Group,
    pub since: &'static str,
    pub summary: &'static str,
    pub complexity: &'static str,
    pub keys: &'static [KeySpec],
    pub args: &'static [Arg],
    pub tips: &'static [&'static str],
    /// Version and change, oldest first.
    pub history: &'static [(&'static str, &'static str)],
    /// Since when it is deprecated and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    pub subcommands: &'static [&'static Command],
    /// Finds the keys of a call where `keys` cannot.
    pub find_keys: Option<FindKeys>,
    /// Servers use it among themselves; COMMAND DOCS says so.
    pub is_internal: bool,
}

impl Command {
    const fn new(name: &'static str, handler: Handler) -> Command {
        Command {
            name,
            handler,
            arity: 0,
            flags: 0,
            special: 0,
            extra_categories: 0,
            reach: Reach::Keys,
            secrets: None,
            group: Group::Generic,
            since: "",
            summary: "",
            complexity: "",
            keys: &[],
            args: &[],
            tips: &[],
            history: &[],
            deprecated: None,
            subcommands: &[],
            find_keys: None,
            is_internal: false,
        }
    }

    pub const fn data(name: &'static str, handler: fn(&mut Cx<'_>) -> CmdResult) -> Command {
        Command::new(name, Handler::Data(handler))
    }

    /// A command whose handler is a `server::Run`.
    pub const fn server(name: &'static str, handler: &'static (dyn Any + Send + Sync)) -> Command {
        Command::new(name, Handler::Server(handler))
    }

    pub const fn container(
        name: &'static str,
        subcommands: &'static [&'static Command],
    ) -> Command {
        let mut command = Command::new(name, Handler::Container);
        command.subcommands = subcommands;
        command
    }

    pub const fn arity(mut self, arity: i32) -> Command {
        assert!(arity != 0, "a command has at least its name");
        self.arity = arity;
        self
    }

    pub const fn flags(mut self, flags: u64) -> Command {
        assert!(flags & flag::WRITE == 0 || flags & flag::READONLY == 0, "writes or only reads");
        self.flags = flags;
        self
    }

    pub const fn special(mut self, bits: u32) -> Command {
        self.special = bits;
        self
    }

    pub const fn reach(mut self, reach: Reach) -> Command {
        self.reach = reach;
        self
    }

    pub const fn secrets(mut self, secrets: Secrets) -> Command {
        self.secrets = Some(secrets);
        self
    }

    pub const fn categories(mut self, categories: u32) -> Command {
        self.extra_categories = categories;
        self
    }

    pub const fn group(mut self, group: Group) -> Command {
        self.group = group;
        self
    }

    pub const fn since(mut self, since: &'static str) -> Command {
        self.since = since;
        self
    }

    pub const fn summary(mut self, summary: &'static str) -> Command {
        self.summary = summary;
        self
    }

    pub const fn complexity(mut self, complexity: &'static str) -> Command {
        self.complexity = complexity;
        self
    }

    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Command {
        self.keys = keys;
        self
    }

    pub const fn args(mut self, args: &'static [Arg]) -> Command {
        self.args = args;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Command {
        self.tips = tips;
        self
    }

    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Command {
        self.history = history;
        self
    }

    pub const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Command {
        self.deprecated = Some((since, instead));
        self
    }

    /// For a command that does something by itself and has subcommands, too.
    pub const fn subcommands(mut self, subcommands: &'static [&'static Command]) -> Command {
        self.subcommands = subcommands;
        self
    }

    pub const fn find_keys(mut self, find: FindKeys) -> Command {
        self.find_keys = Some(find);
        self
    }

    pub const fn internal(mut self) -> Command {
        self.is_internal = true;
        self
    }

    pub const fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    pub const fn is(&self, special: u32) -> bool {
        self.special & special != 0
    }

    /// All ACL categories: the declared ones and those that follow from the flags.
    pub const fn acl_categories(&self) -> u32 {
        let mut all = self.extra_categories;
        if self.has(flag::WRITE) {
            all |= category::WRITE;
        }
        // Compat: scripts may do anything, so EVAL_RO and its kin are not in @read.
        if self.has(flag::READONLY) && all & category::SCRIPTING == 0 {
            all |= category::READ;
        }
        if self.has(flag::ADMIN) {
            all |= category::ADMIN | category::DANGEROUS;
        }
        if self.has(flag::PUBSUB) {
            all |= category::PUBSUB;
        }
        if self.has(flag::BLOCKING) {
            all |= category::BLOCKING;
        }
        all | if self.has(flag::FAST) { category::FAST } else { category::SLOW }
    }

    /// The name after the container's, or the name itself.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }

    /// Whether a call of `words` words has the right number of them.
    #[inline]
    pub const fn fits(&self, words: usize) -> bool {
        if self.arity >= 0 { words == self.arity as usize } else { words >= -self.arity as usize }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
