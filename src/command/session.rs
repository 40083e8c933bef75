//! What a connection has chosen for itself.

use crate::config::Config;
use crate::keyspace::DbIndex;

/// What a connection has chosen for itself. It travels with the call while one runs and rests in
/// the client else.
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
