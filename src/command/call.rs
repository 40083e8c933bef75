//! A call on its way through the server.

use super::effects::{Effects, Readers};
use super::lookup::CommandId;
use super::{Command, Session};
use crate::base::slab::Id;
use crate::resp::reply::Reply;
use crate::resp::request::{Args, Query};

/// Whose call it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    User,
    /// The append-only file, which is being loaded.
    Aof,
    /// A script, on behalf of a user.
    Script,
    /// The replication stream of the primary.
    Primary,
}

/// A call on its way through the server: it owns everything that moves with it.
pub struct Call {
    pub cmd: &'static Command,
    /// Its number on this server.
    pub id: CommandId,
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
            id: CommandId(0),
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
