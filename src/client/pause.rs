//! CLIENT PAUSE: for a while, commands stand still in front of the server.

use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::command::admit::state;

/// What is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// Commands that write, or might.
    Writes,
    /// All commands.
    All,
}

/// The pause in force, and who waits for its end.
#[derive(Debug, Default)]
pub struct Pause {
    current: Option<(PauseMode, UnixMillis)>,
    /// Clients that stand in front of a command, in order of arrival.
    pub waiting: Vec<Id>,
}

impl Pause {
    /// Begins a pause, or tightens the present one: its end is never brought forward, nor its mode weakened.
    pub fn begin(&mut self, mode: PauseMode, until: UnixMillis) {
        let (mode, until) = match self.current {
            Some((old_mode, old_until)) => (mode.max(old_mode), until.max(old_until)),
            None => (mode, until),
        };
        self.current = Some((mode, until));
    }

    pub fn end(&mut self) {
        self.current = None;
    }

    pub fn mode(&self) -> Option<PauseMode> {
        self.current.map(|(mode, _)| mode)
    }

    pub fn until(&self) -> Option<UnixMillis> {
        self.current.map(|(_, until)| until)
    }

    /// The bits that hold for the gates.
    pub fn states(&self) -> u32 {
        match self.mode() {
            None => 0,
            Some(PauseMode::Writes) => state::PAUSED_WRITES,
            Some(PauseMode::All) => state::PAUSED_ALL | state::PAUSED_WRITES,
        }
    }
}
