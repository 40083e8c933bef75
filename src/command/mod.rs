//! Commands: what one is, how it is declared, what it is given and what it may answer.
//!
//! A command is a `static` record standing on top of its function. Everything that users, clients and other rooms
//! know of it is derived from the record: COMMAND and its subcommands, arity and key checks, ACL categories, cluster
//! routing, statistics. [`table`] lists the records; [`lookup`] finds them by name; [`admit`] decides whether a call
//! may run now; `server::exec` runs it.
//!
//! Data commands live in this room, one file per type; the others live with the state they move, in a file called
//! `commands.rs` of that room.

pub mod args;
pub mod bitmap;
pub mod commands;
pub mod connection;
pub mod docs;
pub mod effects;
pub mod error;
pub mod generic;
pub mod geo;
pub mod getkeys;
pub mod hash;
pub mod hyperloglog;
pub mod introspect;
pub mod key_spec;
pub mod lifetime;
pub mod list;
pub mod lolwut;
pub mod lookup;
pub mod set;
pub mod sort;
pub mod states;
pub mod stream;
pub mod string;
pub mod zset;

use std::any::Any;
use std::ops::Range;

use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::command::effects::{Effects, Readers};
use crate::config::Config;
use crate::keyspace::blocked::News;
use crate::keyspace::{DbIndex, Selected, Type};
use crate::resp::reply::Reply;
use crate::resp::request::{Args, Query};

pub use error::CmdError;
pub use key_spec::{Arg, KeySpec};

/// A command answered, or there is an error to answer with.
pub type CmdResult = Result<Outcome, CmdError>;

/// How a call ended that did not fail.
#[derive(Debug)]
pub enum Outcome {
    /// It wrote its one answer.
    Done,
    /// The server lets no such call run at present: it is asked again, from the gates on; it has written nothing.
    Postponed,
    /// There is nothing to do yet: it is run again, from the start, when a key has news; it has written nothing. Where a
    /// call may not wait ([`Cx::may_wait`]), it is answered at once as if its time were up.
    Wait(Box<Wait>),
}

/// What a call waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The words of the call that are the keys.
    pub keys: Range<usize>,
    /// What must become of one of them.
    pub news: News,
    /// See [`args::timeout`]. What a later try says of this is not heard: the first one counts.
    pub until: Option<UnixMillis>,
    /// Writes the answer of a call whose time is up.
    pub on_timeout: fn(&mut Reply),
    /// What later tries read in place of some words, see [`Wait::reading`].
    pub words: Vec<(usize, Box<[u8]>)>,
    /// It waits for no key, but until the thread that frees has done this: see [`Lazyfree::sent`].
    ///
    /// [`Lazyfree::sent`]: crate::keyspace::lazyfree::Lazyfree::sent
    pub freed: Option<u64>,
}

impl Wait {
    /// Waits until one of the keys in these words holds a value of this type; when the time is up, a null array is the
    /// answer.
    pub fn for_value(keys: Range<usize>, of: Type, until: Option<UnixMillis>) -> Box<Wait> {
        let news = News { of, or_loss: false };
        let (on_timeout, words) = (Reply::null_array as fn(&mut Reply), Vec::new());
        Box::new(Wait { keys, news, until, on_timeout, words, freed: None })
    }

    /// Waits until the thread that frees has done what it was sent, and is answered `+OK` then.
    pub fn for_freeing(number: u64) -> Box<Wait> {
        let mut wait = Wait::for_value(0..0, Type::String, None);
        (wait.on_timeout, wait.freed) = (Reply::ok, Some(number));
        wait
    }

    /// Waits until the time is up, or until somebody else ends it: no key can.
    pub fn for_time(until: Option<UnixMillis>, on_timeout: fn(&mut Reply)) -> Box<Wait> {
        let mut wait = Wait::for_value(0..0, Type::String, until);
        wait.on_timeout = on_timeout;
        wait
    }

    /// Later tries read this in place of the word: for one that would mean something else by then, as the `$` of XREAD
    /// does. Not for keys.
    pub fn reading(mut self: Box<Self>, word: usize, instead: &[u8]) -> Box<Wait> {
        self.words.push((word, instead.into()));
        self
    }

    /// That a key has gone, or holds another type now, is a reason to try again, too.
    pub fn or_loss(mut self: Box<Self>) -> Box<Wait> {
        self.news.or_loss = true;
        self
    }
}

pub use Outcome::Done;

/// The two kinds of handler, see `server::exec`.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Moves data: sees keys, options and the reply, never the server.
    Data(fn(&mut Cx<'_>) -> CmdResult),
    /// Moves the server itself: a `server::Run`. What that is only the server knows, so that no command
    /// that moves data comes to know it either.
    Server(&'static (dyn Any + Send + Sync)),
    /// A name with subcommands only.
    Container,
}

/// What a data command is given. Separate fields, so that a value borrowed from `db` can be written to `out`.
pub struct Cx<'a> {
    pub cmd: &'static Command,
    pub args: Args<'a>,
    pub db: Selected<'a>,
    pub out: &'a mut Reply,
    pub fx: &'a mut Effects,
    pub conf: &'a Config,
    pub now: UnixMillis,
    /// It may answer [`Outcome::Wait`]: it is not inside a transaction, a script or the stream of a primary.
    pub may_wait: bool,
    /// Who calls.
    pub origin: Origin,
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    User,
    /// The append-only file, which is being loaded.
    Aof,
    /// A script, on behalf of a user.
    Script,
}

/// What a connection has chosen for itself. It travels with the call while one runs and rests in the client else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub db: DbIndex,
    /// Has given a password, or needed none.
    pub authenticated: bool,
    pub reply: ReplyMode,
    pub multi: Multi,
    /// Reads leave access times alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// It listens to channels, patterns or shards.
    pub listens: bool,
    pub caching: Caching,
    /// CLIENT CACHING has spoken about the next command.
    pub caching_next: bool,
}

impl Session {
    /// The session of a connection that has just come in.
    pub fn fresh(conf: &Config) -> Session {
        Session { authenticated: !conf.security.needs_password(), ..Session::default() }
    }
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next command is not answered.
    SkipNext,
    /// The command under way is not answered.
    Skip,
    /// The command under way is still answered, the next one not.
    ThenSkip,
    /// The command under way is the last that is answered.
    ThenOff,
}

impl Session {
    /// The reads of the present command are remembered.
    pub fn remembers(&self) -> bool {
        match self.caching {
            Caching::No => false,
            Caching::All => true,
            Caching::OptIn => self.caching_next,
            Caching::OptOut => !self.caching_next,
        }
    }
}

impl ReplyMode {
    /// The command under way is answered.
    pub fn is_answered(self) -> bool {
        matches!(self, ReplyMode::On | ReplyMode::ThenSkip | ReplyMode::ThenOff)
    }
}

/// Which reads of a client are remembered, so that it is told when what it has read is outdated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caching {
    #[default]
    No,
    All,
    /// Those of commands in front of which stands CLIENT CACHING YES.
    OptIn,
    /// All but those of commands in front of which stands CLIENT CACHING NO.
    OptOut,
}

/// Whether calls are queued for EXEC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multi {
    #[default]
    No,
    Open,
    /// A call was refused, so EXEC will be.
    Broken,
}

/// A call on its way through the server: it owns everything that moves with it.
pub struct Call {
    pub cmd: &'static Command,
    /// Its number on this server.
    pub id: lookup::CommandId,
    /// The request names a command, and `cmd` and `id` are it.
    pub is_known: bool,
    /// The request: `call.args()` are its words.
    pub query: Query,
    pub out: Reply,
    pub session: Session,
    pub origin: Origin,
    pub client: Id,
    pub fx: Effects,
    /// The connection ends once this answer is sent.
    pub hang_up: bool,
    /// Monotonic microseconds when it began.
    pub started_us: u64,
    /// It may answer [`Outcome::Wait`].
    pub may_wait: bool,
    /// Who is not told of what it does.
    pub hidden_from: Readers,
    /// It has waited and is run again.
    pub is_retry: bool,
    /// Microseconds of its earlier tries.
    pub earlier_us: u64,
    /// Calls counted since the client was taken up, those of a transaction included.
    pub counted: u64,
}

/// What a call runs before it has been given a request.
static NOTHING: Command = Command::container("", &[]);

impl Default for Call {
    fn default() -> Call {
        Call {
            cmd: &NOTHING,
            id: lookup::CommandId(0),
            is_known: true,
            query: Query::default(),
            out: Reply::default(),
            session: Session::default(),
            origin: Origin::User,
            client: Id::NONE,
            fx: Effects::default(),
            hang_up: false,
            started_us: 0,
            may_wait: false,
            hidden_from: Readers::NONE,
            is_retry: false,
            earlier_us: 0,
            counted: 0,
        }
    }
}

impl Call {
    pub fn args(&self) -> Args<'_> {
        self.query.args()
    }
}

/// Flags of a command, with the names COMMAND gives them.
pub mod flag {
    pub const WRITE: u64 = 1;
    pub const READONLY: u64 = 1 << 1;
    pub const DENYOOM: u64 = 1 << 2;
    pub const ADMIN: u64 = 1 << 3;
    pub const PUBSUB: u64 = 1 << 4;
    pub const NOSCRIPT: u64 = 1 << 5;
    pub const BLOCKING: u64 = 1 << 6;
    pub const LOADING: u64 = 1 << 7;
    pub const STALE: u64 = 1 << 8;
    pub const SKIP_MONITOR: u64 = 1 << 9;
    pub const SKIP_SLOWLOG: u64 = 1 << 10;
    pub const ASKING: u64 = 1 << 11;
    pub const FAST: u64 = 1 << 12;
    pub const NO_AUTH: u64 = 1 << 13;
    pub const MAY_REPLICATE: u64 = 1 << 14;
    pub const SENTINEL: u64 = 1 << 15;
    pub const NO_MANDATORY_KEYS: u64 = 1 << 16;
    pub const PROTECTED: u64 = 1 << 17;
    pub const NO_ASYNC_LOADING: u64 = 1 << 18;
    pub const NO_MULTI: u64 = 1 << 19;
    pub const ALLOW_BUSY: u64 = 1 << 20;
    pub const MOVABLEKEYS: u64 = 1 << 21;

    /// Names in the order in which COMMAND INFO lists them. Compat: `protected` and
    /// `may_replicate` are not shown.
    pub const NAMES: &[(u64, &str)] = &[
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (SENTINEL, "sentinel"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MULTI, "no_multi"),
        (MOVABLEKEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
    ];
}

/// ACL categories, in the order in which ACL CAT lists them.
pub mod category {
    pub const KEYSPACE: u32 = 1;
    pub const READ: u32 = 1 << 1;
    pub const WRITE: u32 = 1 << 2;
    pub const SET: u32 = 1 << 3;
    pub const SORTEDSET: u32 = 1 << 4;
    pub const LIST: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const STRING: u32 = 1 << 7;
    pub const BITMAP: u32 = 1 << 8;
    pub const HYPERLOGLOG: u32 = 1 << 9;
    pub const GEO: u32 = 1 << 10;
    pub const STREAM: u32 = 1 << 11;
    pub const PUBSUB: u32 = 1 << 12;
    pub const ADMIN: u32 = 1 << 13;
    pub const FAST: u32 = 1 << 14;
    pub const SLOW: u32 = 1 << 15;
    pub const BLOCKING: u32 = 1 << 16;
    pub const DANGEROUS: u32 = 1 << 17;
    pub const CONNECTION: u32 = 1 << 18;
    pub const TRANSACTION: u32 = 1 << 19;
    pub const SCRIPTING: u32 = 1 << 20;

    pub const NAMES: &[(u32, &str)] = &[
        (KEYSPACE, "keyspace"),
        (READ, "read"),
        (WRITE, "write"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (LIST, "list"),
        (HASH, "hash"),
        (STRING, "string"),
        (BITMAP, "bitmap"),
        (HYPERLOGLOG, "hyperloglog"),
        (GEO, "geo"),
        (STREAM, "stream"),
        (PUBSUB, "pubsub"),
        (ADMIN, "admin"),
        (FAST, "fast"),
        (SLOW, "slow"),
        (BLOCKING, "blocking"),
        (DANGEROUS, "dangerous"),
        (CONNECTION, "connection"),
        (TRANSACTION, "transaction"),
        (SCRIPTING, "scripting"),
    ];
}

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
    /// Categories beyond those that follow from the flags.
    pub extra_categories: u32,
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
    pub find_keys: Option<getkeys::FindKeys>,
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
            extra_categories: 0,
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

    pub const fn find_keys(mut self, find: getkeys::FindKeys) -> Command {
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

/// Every call hands one of these down several floors.
const _: () = assert!(size_of::<CmdResult>() <= 24);
