//! Commands: what one is, how it is declared, what it is given and what it may answer.
//!
//! A command is a `static` record standing on top of its function. Everything that users, clients
//! and other rooms know of it is derived from the record: COMMAND and its subcommands, arity and
//! key checks, ACL categories, cluster routing, statistics ([`record`], [`flags`]). `server::table`
//! lists the records; [`lookup`] finds them by name; `server::admit` decides whether a call may run
//! now, by the [`states`] that hold; `server::exec` runs it. What travels with one is a [`call`].
//!
//! Data commands live in this room, one file per type; the others live with the state they move, in
//! a file called `commands.rs` of that room.

pub mod args;
pub mod bitmap;
pub mod call;
pub mod commands;
pub mod connection;
pub mod docs;
pub mod effects;
pub mod error;
pub mod flags;
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
pub mod record;
pub mod session;
pub mod set;
pub mod sort;
pub mod states;
pub mod stream;
pub mod string;
pub mod wait;
pub mod zset;

use crate::base::clock::UnixMillis;
use crate::command::effects::Effects;
use crate::config::Config;
use crate::keyspace::Selected;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

pub use call::{Call, Origin};
pub use error::CmdError;
pub use flags::{category, flag, special};
pub use key_spec::{Arg, KeySpec};
pub use record::{Command, Group, Handler, Reach};
pub use session::{Caching, Multi, ReplyMode, Session};
pub use wait::Wait;

/// A command answered, or there is an error to answer with.
pub type CmdResult = Result<Outcome, CmdError>;

/// How a call ended that did not fail.
#[derive(Debug)]
pub enum Outcome {
    /// It wrote its one answer.
    Done,
    /// The server lets no such call run at present: it is asked again, from the gates on; it has
    /// written nothing.
    Postponed,
    /// There is nothing to do yet: it is run again, from the start, when a key has news; it has
    /// written nothing. Where a call may not wait ([`Cx::may_wait`]), it is answered at once as if
    /// its time were up.
    Wait(Box<Wait>),
}

pub use Outcome::Done;

/// What a data command is given. Separate fields, so that a value borrowed from `db` can be written
/// to `out`.
pub struct Cx<'a> {
    pub cmd: &'static Command,
    pub args: Args<'a>,
    pub db: Selected<'a>,
    pub out: &'a mut Reply,
    pub fx: &'a mut Effects,
    pub conf: &'a Config,
    pub now: UnixMillis,
    /// It may answer [`Outcome::Wait`]: it is not inside a transaction, a script or the stream of a
    /// primary.
    pub may_wait: bool,
    /// Who calls.
    pub origin: Origin,
}

/// Every call hands one of these down several floors.
const _: () = assert!(size_of::<CmdResult>() <= 24);
