//! The clock: one of the four doors to the world.
//!
//! Nothing else reads the time. A turn, and every unit of work in it, sees one cached moment; only
//! the measuring of command durations asks for the exact monotonic time. A virtual clock stands
//! still until a test moves it.
//!
//! Durations are measured once per command, so that reading has to be cheap: asking the kernel's
//! clock took a fifth of the user time of a GET. Where the kernel itself trusts the processor's
//! time-stamp counter, the time within a turn is the turn's own time plus the counter's ticks since
//! then. How many ticks make a microsecond is learnt by comparing both clocks, beginning
//! [`LEARNING_US`] after the start; until then, and elsewhere, the kernel is asked.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "reading the time-stamp counter has no safe form; a read of it can do no harm"
    )
)]

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

/// The wall clock in local time, for log lines: the one reading that no server's clock stands
/// behind, since there is something to log before there is a server.
pub fn local_now() -> DateTime<Local> {
    Local::now()
}

/// How long the two clocks run side by side before their ratio is used.
const LEARNING_US: u64 = 20_000;

/// The processor's tick counter and its ratio to microseconds.
#[derive(Debug)]
struct Ticks {
    /// Reading at the origin of the monotonic clock.
    origin: u64,
    /// Reading when the monotonic clock was last cached.
    cached: u64,
    /// Microseconds per tick times 2^32; 0 while it is not known.
    scale: u64,
}

impl Ticks {
    /// A counter that can be trusted, or none.
    fn start() -> Option<Ticks> {
        let trusted = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let name = std::fs::read_to_string(trusted).ok()?;
        // KVM's clock is the counter too, with the host's corrections.
        let is_counter = matches!(name.trim(), "tsc" | "kvm-clock");
        (cfg!(target_arch = "x86_64") && is_counter).then(|| {
            let now = read_ticks();
            Ticks { origin: now, cached: now, scale: 0 }
        })
    }

    /// Notes that the monotonic clock shows `mono_us`, and learns.
    fn refresh(&mut self, mono_us: u64) {
        self.cached = read_ticks();
        let passed = self.cached.saturating_sub(self.origin);
        if mono_us >= LEARNING_US && passed > 0 {
            self.scale =
                u64::try_from((u128::from(mono_us) << 32) / u128::from(passed)).unwrap_or(0);
        }
    }

    /// Microseconds since the last refresh, if that can be said.
    #[inline]
    fn since_refresh_us(&self) -> Option<u64> {
        // So few ticks (some twenty seconds) that the product stays within 64 bits.
        const PASSED_MAX: u64 = 1 << 36;
        let passed = read_ticks().saturating_sub(self.cached);
        (self.scale != 0 && passed < PASSED_MAX).then(|| (passed * self.scale) >> 32)
    }
}

#[inline]
fn read_ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction reads a counter into two registers and touches no memory; every
    // x86-64 processor has it.
    let ticks = unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    let ticks = 0;
    ticks
}

#[derive(Debug)]
enum Source {
    Real { origin: Instant, ticks: Option<Ticks> },
    Virtual { unix_us: i64, mono_us: u64 },
}

/// Wall-clock and monotonic time, with the values of the current turn cached.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    cached_unix_us: i64,
    cached_mono_us: u64,
    /// The monotonic clock at the beginning of the turn.
    turn_us: u64,
}

impl Clock {
    pub fn real() -> Clock {
        Clock::with(Source::Real { origin: Instant::now(), ticks: Ticks::start() })
    }

    /// A clock that moves only by [`Clock::advance`].
    pub fn manual(start: UnixMillis) -> Clock {
        Clock::with(Source::Virtual { unix_us: start.0 * 1000, mono_us: 1_000_000 })
    }

    fn with(source: Source) -> Clock {
        let mut clock = Clock { source, cached_unix_us: 0, cached_mono_us: 0, turn_us: 0 };
        clock.refresh();
        clock
    }

    /// Reads the time into the cache: once per turn.
    pub fn refresh(&mut self) {
        self.read();
        self.turn_us = self.cached_mono_us;
    }

    /// Reads the time again in the middle of a turn, if the wall clock may show another millisecond
    /// by now.
    #[inline]
    pub fn catch_up(&mut self) {
        let passed_us = self.mono_us().saturating_sub(self.cached_mono_us);
        let since_tick_us = self.cached_unix_us.rem_euclid(1000).unsigned_abs();
        if passed_us.saturating_add(since_tick_us) >= 1000 {
            self.read();
        }
    }

    fn read(&mut self) {
        self.cached_unix_us = self.unix_us();
        self.cached_mono_us = match &mut self.source {
            Source::Real { origin, ticks } => {
                let mono_us = origin.elapsed().as_micros() as u64;
                if let Some(ticks) = ticks {
                    ticks.refresh(mono_us);
                }
                mono_us
            }
            Source::Virtual { mono_us, .. } => *mono_us,
        };
    }

    /// The wall clock as of this turn.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.cached_unix_us / 1000)
    }

    /// The monotonic clock as of this turn, in microseconds.
    pub fn mono_cached_us(&self) -> u64 {
        self.cached_mono_us
    }

    /// The monotonic clock when the turn began, in microseconds.
    pub fn turn_us(&self) -> u64 {
        self.turn_us
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
        match &self.source {
            Source::Real { origin, ticks } => {
                match ticks.as_ref().and_then(Ticks::since_refresh_us) {
                    Some(passed) => self.cached_mono_us + passed,
                    None => origin.elapsed().as_micros() as u64,
                }
            }
            Source::Virtual { mono_us, .. } => *mono_us,
        }
    }

    /// Moves a virtual clock forward, both hands alike; a real one takes no orders.
    pub fn advance(&mut self, by: Duration) {
        self.pass(by);
        self.refresh();
    }

    /// The same in the middle of a turn: nobody has looked at the clock yet.
    pub fn pass(&mut self, by: Duration) {
        if let Source::Virtual { unix_us, mono_us } = &mut self.source {
            *unix_us += by.as_micros() as i64;
            *mono_us += by.as_micros() as u64;
        }
    }

    /// Sets the wall clock of a virtual clock without touching the monotonic one, as an
    /// administrator would.
    pub fn jump_wall(&mut self, to: UnixMillis) {
        if let Source::Virtual { unix_us, .. } = &mut self.source {
            *unix_us = to.0 * 1000;
        }
        self.refresh();
    }
}

/// How long something takes that has no server's clock at hand. It is for reports: nothing is
/// decided by it.
pub struct Lap(Instant);

impl Lap {
    pub fn start() -> Lap {
        Lap(Instant::now())
    }

    /// Microseconds since the start.
    pub fn us(&self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}

/// How long something takes, by a server's clock.
pub struct Stopwatch<'a> {
    clock: &'a Clock,
    started_us: u64,
}

impl Stopwatch<'_> {
    pub fn start(clock: &Clock) -> Stopwatch<'_> {
        Stopwatch { clock, started_us: clock.mono_us() }
    }

    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.clock.mono_us().saturating_sub(self.started_us))
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

#[test]
fn a_clock_catches_up_with_the_millisecond_and_leaves_the_turn_alone() {
    let mut clock = Clock::manual(UnixMillis(5_000));
    let turn_us = clock.turn_us();
    clock.pass(Duration::from_micros(999));
    clock.catch_up();
    assert_eq!((clock.now(), clock.mono_cached_us()), (UnixMillis(5_000), turn_us));
    clock.pass(Duration::from_micros(1));
    clock.catch_up();
    assert_eq!((clock.now(), clock.mono_cached_us()), (UnixMillis(5_001), turn_us + 1000));
    assert_eq!(clock.turn_us(), turn_us);
    clock.refresh();
    assert_eq!(clock.turn_us(), turn_us + 1000);
}

#[test]
fn the_counter_and_the_kernel_agree() {
    let mut clock = Clock::real();
    let Source::Real { origin, .. } = clock.source else { unreachable!("it is a real clock") };
    while clock.mono_us() < 3 * LEARNING_US {
        clock.refresh();
    }
    for _ in 0..1000 {
        let (before, ours) = (origin.elapsed().as_micros() as u64, clock.mono_us());
        let after = origin.elapsed().as_micros() as u64;
        // A thousandth of what has passed since the last refresh, and a little for rounding.
        let slack = 20 + (after - clock.mono_cached_us()) / 1000;
        assert!(ours + slack >= before && ours <= after + slack, "{before} {ours} {after}");
    }
}
