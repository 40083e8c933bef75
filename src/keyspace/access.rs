//! Access clocks: when a key was last used (LRU), or how often (LFU), in 24 bits.
//!
//! ```text
//!   LRU   23                                    0        LFU   23              8 7          0
//!        ┌───────────────────────────────────────┐            ┌─────────────────┬────────────┐
//!        │ unix seconds modulo 2^24              │            │ unix minutes    │ counter    │
//!        └───────────────────────────────────────┘            └─────────────────┴────────────┘
//! ```
//!
//! The LRU clock wraps after 194 days. The LFU counter is logarithmic (Morris): at value c an
//! access counts with probability 1 / ((c - 5) * factor + 1), and it loses one for every `decay`
//! minutes without any. A new key begins at 5, so that it is not evicted at once.

use crate::base::clock::UnixMillis;

/// The counter of a new key.
const FRESH: u8 = 5;

const CLOCK_MASK: i64 = 0xff_ffff;

/// Which of the two clocks is kept, and how the second one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `maxmemory-policy` is one of the LFU ones.
    pub is_lfu: bool,
    /// `lfu-log-factor`
    pub log_factor: u32,
    /// `lfu-decay-time`, in minutes
    pub decay_minutes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { is_lfu: false, log_factor: 10, decay_minutes: 1 }
    }
}

impl Policy {
    /// The clock of a new key.
    #[inline]
    pub fn fresh(self, now: UnixMillis) -> u32 {
        if self.is_lfu { lfu(now, FRESH) } else { lru(now) }
    }

    /// The clock after an access. `random` gives a random word if one is needed.
    #[inline]
    pub fn touched(self, clock: u32, now: UnixMillis, random: impl FnOnce() -> u64) -> u32 {
        if self.is_lfu { self.count(clock, now, random) } else { lru(now) }
    }

    fn count(self, clock: u32, now: UnixMillis, random: impl FnOnce() -> u64) -> u32 {
        let counter = self.frequency(clock, now);
        let base = u64::from(counter.saturating_sub(FRESH));
        let one_in = base * u64::from(self.log_factor) + 1;
        let hit = counter < u8::MAX && (one_in == 1 || random().is_multiple_of(one_in));
        lfu(now, counter + u8::from(hit))
    }

    /// The LFU counter as it has decayed by now.
    pub fn frequency(self, clock: u32, now: UnixMillis) -> u8 {
        let counter = clock as u8;
        if self.decay_minutes == 0 {
            return counter;
        }
        let then = clock >> 8;
        let minutes = minutes(now);
        // Compat: after the wrap one minute is lost, as in Redis.
        let elapsed = if minutes >= then { minutes - then } else { 65_535 - then + minutes };
        counter.saturating_sub(u8::try_from(elapsed / self.decay_minutes).unwrap_or(u8::MAX))
    }
}

/// Seconds since the last access by an LRU clock.
pub fn idle_seconds(clock: u32, now: UnixMillis) -> u64 {
    let (now, then) = (lru(now), clock);
    // Compat: after the wrap one second is lost, as in Redis.
    u64::from(if now >= then { now - then } else { now + (CLOCK_MASK as u32 - then) })
}

/// The LRU clock of a key last used so many seconds ago.
pub fn idle_since(seconds: u64, now: UnixMillis) -> u32 {
    let ago = i64::try_from(seconds).unwrap_or(i64::MAX);
    (now.seconds().saturating_sub(ago) & CLOCK_MASK) as u32
}

/// The LFU clock of a key with a given counter.
pub fn lfu(now: UnixMillis, counter: u8) -> u32 {
    (minutes(now) << 8) | u32::from(counter)
}

fn minutes(now: UnixMillis) -> u32 {
    (now.seconds() / 60) as u32 & 0xffff
}

#[inline]
fn lru(now: UnixMillis) -> u32 {
    (now.seconds() & CLOCK_MASK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn idle_time_counts_seconds_and_survives_the_wrap() {
        let policy = Policy::default();
        let clock = policy.fresh(NOW);
        assert_eq!(idle_seconds(clock, UnixMillis(NOW.0 + 90_000)), 90);
        assert_eq!(idle_seconds(idle_since(1000, NOW), NOW), 1000);
        let late = UnixMillis(((1i64 << 24) - 3) * 1000);
        assert_eq!(idle_seconds(policy.fresh(late), UnixMillis(late.0 + 5_000)), 4);
    }

    #[test]
    fn the_counter_grows_logarithmically_and_decays() {
        let policy = Policy { is_lfu: true, ..Policy::default() };
        let mut clock = policy.fresh(NOW);
        assert_eq!(policy.frequency(clock, NOW), 5);
        clock = policy.touched(clock, NOW, || unreachable!("up to 5 every access counts"));
        assert_eq!(policy.frequency(clock, NOW), 6);
        clock = policy.touched(clock, NOW, || 1);
        assert_eq!(policy.frequency(clock, NOW), 6, "one in eleven");
        clock = policy.touched(clock, NOW, || 22);
        assert_eq!(policy.frequency(clock, NOW), 7);
        assert_eq!(policy.frequency(clock, UnixMillis(NOW.0 + 3 * 60_000)), 4);
        assert_eq!(policy.frequency(clock, UnixMillis(NOW.0 + 30 * 60_000)), 0);
        let still = Policy { decay_minutes: 0, ..policy };
        assert_eq!(still.frequency(clock, UnixMillis(NOW.0 + 30 * 60_000)), 7);
        assert_eq!(policy.touched(lfu(NOW, 255), NOW, || unreachable!()), lfu(NOW, 255));
    }
}
