//! Latency spikes: when something took longer than `latency-monitor-threshold`, what it was and how
//! long it took.
//!
//! A source of delay is an event with a name (`command`, `fork`, `expire-cycle`, ...). Each event
//! keeps the worst delay of each of the last 160 seconds in which it had one, and the worst of all.
//! Rooms report by [`Latency::add`]; what is below the threshold is dropped there, so a caller need
//! not ask.
//!
//! [`report`] turns samples into the text of LATENCY DOCTOR and the drawing of LATENCY GRAPH;
//! [`commands`] answers.

pub mod commands;
pub mod report;

use std::collections::{BTreeMap, VecDeque};

use crate::config::LatencyConfig;

/// Seconds with a spike that are remembered per event.
const SAMPLES_MAX: usize = 160;

/// The names of events, as LATENCY shows them.
pub mod event {
    /// A sync in the foreground (`appendfsync always`).
    pub const AOF_FSYNC: &str = "aof-fsync-always";
    /// Every write to the append-only file counts twice: so, and by what else went on at that time.
    pub const AOF_WRITE: &str = "aof-write";
    pub const AOF_WRITE_ALONE: &str = "aof-write-alone";
    pub const AOF_WRITE_ACTIVE_CHILD: &str = "aof-write-active-child";
    pub const AOF_WRITE_PENDING_FSYNC: &str = "aof-write-pending-fsync";
    /// A rewrite takes the place of what it has rewritten.
    pub const AOF_RENAME: &str = "aof-rename";
    pub const CLIENT_EVICTION: &str = "client-eviction";
    pub const COMMAND: &str = "command";
    pub const EVICTION_CYCLE: &str = "eviction-cycle";
    /// Freeing one value to make room.
    pub const EVICTION_DEL: &str = "evict-del";
    /// All slices of expiry in one tick, or until nothing was due any more.
    pub const EXPIRE_CYCLE: &str = "expire-cycle";
    /// Freeing one value whose time is up.
    pub const EXPIRE_DEL: &str = "expire-del";
    pub const FAST_COMMAND: &str = "fast-command";
    pub const FORK: &str = "fork";
    /// A child was ended in the middle of a snapshot.
    pub const RDB_UNLINK_TEMP_FILE: &str = "rdb-unlink-temp-file";
}

/// The worst delay of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub unix_s: i64,
    pub ms: u64,
}

/// What is remembered of one event; there is at least one sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    samples: VecDeque<Sample>,
    worst_ms: u64,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.worst_ms = self.worst_ms.max(sample.ms);
        if let Some(last) = self.samples.back_mut()
            && last.unix_s == sample.unix_s
        {
            last.ms = last.ms.max(sample.ms);
            return;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// Oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> {
        self.samples.iter().copied()
    }

    pub fn last(&self) -> Sample {
        *self.samples.back().expect("a series begins with a sample")
    }

    /// The worst delay since the event was last reset.
    pub fn worst_ms(&self) -> u64 {
        self.worst_ms
    }
}

/// All events that had spikes.
#[derive(Debug, Default)]
pub struct Latency {
    events: BTreeMap<&'static str, Series>,
}

impl Latency {
    /// Reports that an event took so long. Below the threshold, or without one, nothing is noted.
    pub fn add(&mut self, conf: &LatencyConfig, event: &'static str, ms: u64, unix_s: i64) {
        if conf.monitor_threshold_ms != 0 && ms >= conf.monitor_threshold_ms {
            self.events.entry(event).or_default().add(Sample { unix_s, ms });
        }
    }

    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(name, series)| (*name, series))
    }

    pub fn series(&self, event: &[u8]) -> Option<&Series> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// Forgets one event. Says whether it was known.
    pub fn reset(&mut self, event: &[u8]) -> bool {
        std::str::from_utf8(event).is_ok_and(|event| self.events.remove(event).is_some())
    }

    /// Forgets all events, and says how many there were.
    pub fn reset_all(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

/// Whether a call of so many microseconds is a spike. A threshold of 0 means never: it becomes the
/// largest number.
#[inline]
pub fn is_spike(conf: &LatencyConfig, usec: u64) -> bool {
    usec > conf.monitor_threshold_ms.saturating_mul(1000).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(monitor_threshold_ms: u64) -> LatencyConfig {
        LatencyConfig { monitor_threshold_ms, ..LatencyConfig::default() }
    }

    #[test]
    fn a_threshold_of_zero_is_none() {
        assert!(!is_spike(&conf(0), u64::MAX - 1));
        assert!(!is_spike(&conf(2), 1999) && is_spike(&conf(2), 2000));
        let mut latency = Latency::default();
        latency.add(&conf(0), event::COMMAND, 1000, 1);
        latency.add(&conf(5), event::COMMAND, 4, 1);
        assert_eq!(latency.events().len(), 0);
    }

    #[test]
    fn each_second_keeps_its_worst_and_160_are_kept() {
        let (mut latency, conf) = (Latency::default(), conf(1));
        latency.add(&conf, event::COMMAND, 500, 1000);
        latency.add(&conf, event::COMMAND, 300, 1000);
        for second in 1..=160 {
            latency.add(&conf, event::COMMAND, 10, 1000 + second);
            latency.add(&conf, event::COMMAND, 20, 1000 + second);
        }
        let series = latency.series(b"command").expect("known");
        assert_eq!((series.samples().len(), series.worst_ms()), (160, 500));
        assert_eq!(series.samples().next(), Some(Sample { unix_s: 1001, ms: 20 }));
        assert_eq!(series.last(), Sample { unix_s: 1160, ms: 20 });
        assert!(!latency.reset(b"COMMAND") && latency.reset(b"command"));
        assert_eq!(latency.reset_all(), 0);
    }
}
