//! Counters that INFO shows and CONFIG RESETSTAT clears.

use std::collections::BTreeMap;

use crate::command::lookup::CommandId;

/// What was counted of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub usec: u64,
    pub rejected: u64,
    pub failed: u64,
}

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    pub commands: Vec<CommandStats>,
    /// By error code.
    pub errors: BTreeMap<String, u64>,
    pub connections_received: u64,
    pub connections_rejected: u64,
    pub commands_processed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub reads: u64,
    pub writes: u64,
    pub error_replies: u64,
    pub query_buffer_closes: u64,
    pub output_buffer_closes: u64,
    /// Monotonic microseconds when the server started.
    pub started_us: u64,
}

/// Codes beyond this many are a sign that errors carry user data; counting them all would be a leak.
const ERROR_CODES_MAX: usize = 128;

impl Stats {
    pub fn new(commands: usize, now_us: u64) -> Stats {
        Stats {
            commands: vec![CommandStats::default(); commands],
            started_us: now_us,
            ..Stats::default()
        }
    }

    /// Back to zero, but for the time of the start.
    pub fn reset(&mut self) {
        *self = Stats::new(self.commands.len(), self.started_us);
    }

    #[inline]
    pub fn command(&mut self, id: CommandId) -> &mut CommandStats {
        &mut self.commands[id.0 as usize]
    }

    /// Counts an error reply by its code.
    pub fn count_error(&mut self, code: &str) {
        self.error_replies += 1;
        if let Some(n) = self.errors.get_mut(code) {
            *n += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_owned(), 1);
        }
    }
}
