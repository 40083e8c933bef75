//! The clock: one of the four doors to the world.
//!
//! Nothing else reads the time. A turn, and every unit of work in it, sees one cached moment; only the measuring of
//! command durations asks for the exact monotonic time. A virtual clock stands still until a test moves it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

/// Milliseconds since 1970, as TTLs and events use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }
}

/// The wall clock in local time, for log lines: the one reading that no server's clock stands behind, since there is
/// something to log before there is a server.
pub fn local_now() -> DateTime<Local> {
    Local::now()
}

#[derive(Debug)]
enum Source {
    Real { origin: Instant },
    Virtual { unix_us: i64, mono_us: u64 },
}

/// Wall-clock and monotonic time, with the values of the current turn cached.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    cached_unix_us: i64,
    cached_mono_us: u64,
}

impl Clock {
    pub fn real() -> Clock {
        Clock::with(Source::Real { origin: Instant::now() })
    }

    /// A clock that moves only by [`Clock::advance`].
    pub fn manual(start: UnixMillis) -> Clock {
        Clock::with(Source::Virtual { unix_us: start.0 * 1000, mono_us: 1_000_000 })
    }

    fn with(source: Source) -> Clock {
        let mut clock = Clock { source, cached_unix_us: 0, cached_mono_us: 0 };
        clock.refresh();
        clock
    }

    /// Reads the time into the cache: once per turn.
    pub fn refresh(&mut self) {
        self.cached_unix_us = self.unix_us();
        self.cached_mono_us = self.mono_us();
    }

    /// The wall clock as of this turn.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.cached_unix_us / 1000)
    }

    /// The monotonic clock as of this turn, in microseconds.
    pub fn mono_cached_us(&self) -> u64 {
        self.cached_mono_us
    }

    /// The wall clock right now, in microseconds.
    pub fn unix_us(&self) -> i64 {
        match self.source {
            Source::Real { .. } => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(d) => i64::try_from(d.as_micros()).unwrap_or(i64::MAX),
                Err(_) => 0, // A clock set before 1970.
            },
            Source::Virtual { unix_us, .. } => unix_us,
        }
    }

    /// The monotonic clock right now, in microseconds since some fixed moment.
    #[inline]
    pub fn mono_us(&self) -> u64 {
        match self.source {
            Source::Real { origin } => origin.elapsed().as_micros() as u64,
            Source::Virtual { mono_us, .. } => mono_us,
        }
    }

    /// Moves a virtual clock forward, both hands alike; a real one takes no orders.
    pub fn advance(&mut self, by: Duration) {
        if let Source::Virtual { unix_us, mono_us } = &mut self.source {
            *unix_us += by.as_micros() as i64;
            *mono_us += by.as_micros() as u64;
        }
        self.refresh();
    }

    /// Sets the wall clock of a virtual clock without touching the monotonic one, as an administrator would.
    pub fn jump_wall(&mut self, to: UnixMillis) {
        if let Source::Virtual { unix_us, .. } = &mut self.source {
            *unix_us = to.0 * 1000;
        }
        self.refresh();
    }
}

#[test]
fn a_manual_clock_moves_only_when_told() {
    let mut clock = Clock::manual(UnixMillis(5_000));
    let mono = clock.mono_us();
    assert_eq!(clock.now(), UnixMillis(5_000));
    clock.advance(Duration::from_millis(250));
    assert_eq!((clock.now(), clock.mono_us()), (UnixMillis(5_250), mono + 250_000));
    clock.jump_wall(UnixMillis(1_000));
    assert_eq!((clock.now(), clock.mono_cached_us()), (UnixMillis(1_000), mono + 250_000));
}
