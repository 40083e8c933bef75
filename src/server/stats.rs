//! Counters that INFO shows and CONFIG RESETSTAT clears.
//!
//! Each counter is incremented where the thing happens; a test at the foot fails for one that
//! nobody increments.

use std::collections::BTreeMap;

use crate::command::lookup::{CommandId, Commands};
use crate::info::Info;
use crate::observe::histogram::Histogram;
use crate::observe::rates::{Counters, Rates};

/// What was counted of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub usec: u64,
    pub rejected: u64,
    pub failed: u64,
    /// How long its calls took, as long as `latency-tracking` is on.
    pub latency: Histogram,
}

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    pub commands: Vec<CommandStats>,
    /// By error code.
    pub errors: BTreeMap<String, u64>,
    pub connections_received: u64,
    /// Clients closed for the sake of `maxmemory-clients`.
    pub evicted_clients: u64,
    pub connections_rejected: u64,
    pub commands_processed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub reads: u64,
    pub writes: u64,
    pub error_replies: u64,
    pub query_buffer_closes: u64,
    pub output_buffer_closes: u64,
    /// Failed attempts to authenticate. Compat: a reset leaves them alone.
    pub auth_denied: u64,
    /// Microseconds spent in periodic work.
    pub cron_us: u64,
    pub cycles: Cycles,
    pub rates: Rates,
    /// Monotonic microseconds when the server started.
    pub started_us: u64,
}

/// Turns of the loop: how many, and how much time and work they took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cycles {
    count: u64,
    us: u64,
    us_max: u64,
    commands_max: u64,
    /// Commands processed when the last one ended.
    commands_then: u64,
}

/// Codes beyond this many are a sign that errors carry user data; counting them all would be a
/// leak.
const ERROR_CODES_MAX: usize = 128;

impl Stats {
    pub fn new(commands: usize, now_us: u64) -> Stats {
        Stats {
            commands: vec![CommandStats::default(); commands],
            started_us: now_us,
            ..Stats::default()
        }
    }

    /// Begins to count anew (CONFIG RESETSTAT): everything but the time of the start. Logs, latency
    /// events and the memory peak are not statistics in this sense.
    pub fn reset(&mut self) {
        let auth_denied = self.auth_denied;
        *self = Stats { auth_denied, ..Stats::new(self.commands.len(), self.started_us) };
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

    /// A turn of the loop ends that took so long, sleep not counted.
    #[inline]
    pub fn end_cycle(&mut self, us: u64) {
        let cycles = &mut self.cycles;
        cycles.count += 1;
        cycles.us += us;
        cycles.us_max = cycles.us_max.max(us);
        let commands = self.commands_processed - cycles.commands_then;
        cycles.commands_max = cycles.commands_max.max(commands);
        cycles.commands_then = self.commands_processed;
    }

    /// Takes a sample of the rates, if one is due.
    pub fn sample_rates(&mut self, now_us: u64) {
        if self.rates.is_due(now_us) {
            let counters = Counters {
                commands: self.commands_processed,
                bytes_in: self.bytes_in,
                bytes_out: self.bytes_out,
                cycles: self.cycles.count,
                cycles_us: self.cycles.us,
            };
            self.rates.sample(now_us, counters);
        }
    }

    /// INFO stats: connections, commands and bytes. The numbers of other rooms stand between these
    /// two parts.
    pub fn info_traffic(&self, w: &mut Info) {
        let rates = self.rates.figures();
        w.put("total_connections_received", self.connections_received);
        w.put("total_commands_processed", self.commands_processed);
        w.put("instantaneous_ops_per_sec", rates.ops_per_sec);
        w.put("total_net_input_bytes", self.bytes_in);
        w.put("total_net_output_bytes", self.bytes_out);
        w.later("total_net_repl_input_bytes");
        w.later("total_net_repl_output_bytes");
        w.ratio("instantaneous_input_kbps", rates.input_kbps);
        w.ratio("instantaneous_output_kbps", rates.output_kbps);
        w.later_as("instantaneous_input_repl_kbps", "0.00");
        w.later_as("instantaneous_output_repl_kbps", "0.00");
        w.put("rejected_connections", self.connections_rejected);
    }

    /// INFO stats: errors, system calls and turns of the loop.
    pub fn info_work(&self, w: &mut Info, payloads_sanitized: u64) {
        let rates = self.rates.figures();
        w.later("unexpected_error_replies");
        w.put("total_error_replies", self.error_replies);
        w.put("dump_payload_sanitizations", payloads_sanitized);
        w.put("total_reads_processed", self.reads);
        w.put("total_writes_processed", self.writes);
        w.later("io_threaded_reads_processed");
        w.later("io_threaded_writes_processed");
        w.later("io_threaded_total_prefetch_batches");
        w.later("io_threaded_total_prefetch_entries");
        w.put("client_query_buffer_limit_disconnections", self.query_buffer_closes);
        w.put("client_output_buffer_limit_disconnections", self.output_buffer_closes);
        w.later("reply_buffer_shrinks");
        w.later("reply_buffer_expands");
        w.put("eventloop_cycles", self.cycles.count);
        w.put("eventloop_duration_sum", self.cycles.us);
        w.put("eventloop_duration_cmd_sum", self.commands.iter().map(|c| c.usec).sum::<u64>());
        w.put("instantaneous_eventloop_cycles_per_sec", rates.cycles_per_sec);
        w.put("instantaneous_eventloop_duration_usec", rates.cycle_us);
    }

    /// INFO debug.
    pub fn info_debug(&self, w: &mut Info) {
        w.later("eventloop_duration_aof_sum");
        w.put("eventloop_duration_cron_sum", self.cron_us);
        w.put("eventloop_duration_max", self.cycles.us_max);
        w.put("eventloop_cmd_per_cycle_max", self.cycles.commands_max);
    }

    /// The commands that anybody called, by their place in the table.
    fn called<'a>(
        &'a self,
        names: &'a Commands,
    ) -> impl Iterator<Item = (&'static str, &'a CommandStats)> {
        let named = |(index, stats)| (names.entry(CommandId(index as u16)).command.name, stats);
        self.commands.iter().enumerate().map(named)
    }

    pub fn info_commands(&self, w: &mut Info, names: &Commands) {
        for (name, stats) in self.called(names) {
            let CommandStats { calls, usec, rejected, failed, .. } = stats;
            if calls | rejected | failed == 0 {
                continue;
            }
            let each = if *calls == 0 { 0.0 } else { *usec as f64 / *calls as f64 };
            w.put(
                &format!("cmdstat_{name}"),
                format_args!(
                    "calls={calls},usec={usec},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}"
                ),
            );
        }
    }

    pub fn info_errors(&self, w: &mut Info) {
        for (code, count) in &self.errors {
            // Scripts choose their codes freely.
            let code = code.replace(['#', ':', '\r', '\n'], "_");
            w.put(&format!("errorstat_{code}"), format_args!("count={count}"));
        }
    }

    pub fn info_latency(&self, w: &mut Info, names: &Commands, percentiles: &[f64]) {
        for (name, stats) in self.called(names) {
            if stats.latency.is_empty() || percentiles.is_empty() {
                continue;
            }
            let shown = percentiles
                .iter()
                .map(|p| format!("p{p}={:.3}", stats.latency.percentile(*p) as f64 / 1000.0));
            let shown: Vec<_> = shown.collect();
            w.put(&format!("latency_percentiles_usec_{name}"), shown.join(","));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn sources(dir: &Path, text: &mut String) {
        for entry in fs::read_dir(dir).expect("the sources are there") {
            let path = entry.expect("readable").path();
            // Tests increment nothing for users.
            let is_for_tests =
                ["tests", "tests.rs", "testing.rs"].iter().any(|n| path.ends_with(n));
            if is_for_tests || path.ends_with("server/stats.rs") {
                continue;
            }
            if path.is_dir() {
                sources(&path, text);
            } else {
                text.push_str(shipped(&fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }

    /// A file without the tests at its foot. `mod tests;` on top of a file has its tests elsewhere.
    fn shipped(file: &str) -> &str {
        let foot = ["\n#[cfg(test)]\nmod tests {", "\n#[test]\n"].map(|begin| file.find(begin));
        &file[..foot.into_iter().flatten().min().unwrap_or(file.len())]
    }

    #[test]
    fn only_the_tests_of_a_file_are_left_out() {
        assert_eq!(
            shipped("#[cfg(test)]\nmod tests;\n\nfn a() {}\n"),
            "#[cfg(test)]\nmod tests;\n\nfn a() {}\n"
        );
        assert_eq!(shipped("fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), "fn a() {}\n");
        assert_eq!(
            shipped("fn a() {}\n#[cfg(test)]\nfn b() {}\nfn c() {}\n\n#[test]\nfn d() {}"),
            "fn a() {}\n#[cfg(test)]\nfn b() {}\nfn c() {}\n"
        );
        let mut text = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
        assert!(text.contains("fn leave_lines("), "a file that begins with `mod tests;`");
    }

    #[test]
    fn every_counter_is_incremented_somewhere() {
        let here = include_str!("stats.rs");
        let mut text = shipped(here).to_owned();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
        let counters = here.lines().filter_map(|l| {
            l.strip_prefix("    pub ")?.strip_suffix(": u64,").filter(|n| *n != "started_us")
        });
        let counters: Vec<_> = counters.collect();
        assert!(counters.len() > 15, "the fields are found: {counters:?}");
        for counter in counters {
            assert!(text.contains(&format!(".{counter} += ")), "nobody increments {counter}");
        }
    }

    #[test]
    fn a_reset_keeps_the_start_alone() {
        let mut stats = Stats::new(3, 77);
        stats.commands[2].latency.record(5);
        stats.commands[2].calls = 1;
        stats.count_error("ERR");
        stats.auth_denied = 4;
        stats.commands_processed = 9;
        stats.end_cycle(5);
        assert_eq!((stats.cycles.us_max, stats.cycles.commands_max), (5, 9));
        stats.sample_rates(200_000);
        stats.reset();
        assert_eq!((stats.started_us, stats.commands.len(), stats.error_replies), (77, 3, 0));
        assert_eq!((stats.auth_denied, stats.cycles.count, stats.cycles.commands_then), (4, 0, 0));
        assert!(stats.commands[2].latency.is_empty() && stats.errors.is_empty());
        assert_eq!(stats.rates.figures(), crate::observe::rates::Figures::default());
    }
}
