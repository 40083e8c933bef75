//! The `instantaneous_*` figures of INFO: how fast counters move right now.
//!
//! Ten times a second each counter is read; its growth since the reading before, per second, is one
//! sample, and the figure shown is the mean of the last sixteen. So a burst shows at once and is
//! forgotten after 1.6 seconds.

const SAMPLES: usize = 16;
/// Microseconds between two samples.
const PERIOD_US: u64 = 100_000;

/// The counters that are watched, as they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub commands: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub cycles: u64,
    /// Microseconds spent in them.
    pub cycles_us: u64,
}

/// What they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub ops_per_sec: u64,
    pub input_kbps: f64,
    pub output_kbps: f64,
    pub cycles_per_sec: u64,
    /// Microseconds a cycle takes.
    pub cycle_us: u64,
}

/// The last samples of one figure.
#[derive(Debug, Default)]
struct Ring([u64; SAMPLES]);

impl Ring {
    fn mean(&self) -> u64 {
        self.0.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// The samples of all figures.
#[derive(Debug, Default)]
pub struct Rates {
    last: Counters,
    last_us: u64,
    taken: usize,
    commands: Ring,
    bytes_in: Ring,
    bytes_out: Ring,
    cycles: Ring,
    cycle_us: Ring,
}

impl Rates {
    /// Whether it is time for a sample.
    pub fn is_due(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.last_us) >= PERIOD_US
    }

    pub fn sample(&mut self, now_us: u64, counters: Counters) {
        let elapsed = now_us.saturating_sub(self.last_us).max(1);
        let slot = self.taken % SAMPLES;
        // Counters begin again at a reset: then there was no growth worth telling.
        let per_second = |now: u64, before: u64| {
            (u128::from(now.saturating_sub(before)) * 1_000_000 / u128::from(elapsed)) as u64
        };
        self.commands.0[slot] = per_second(counters.commands, self.last.commands);
        self.bytes_in.0[slot] = per_second(counters.bytes_in, self.last.bytes_in);
        self.bytes_out.0[slot] = per_second(counters.bytes_out, self.last.bytes_out);
        self.cycles.0[slot] = per_second(counters.cycles, self.last.cycles);
        let cycles = counters.cycles.saturating_sub(self.last.cycles);
        let spent = counters.cycles_us.saturating_sub(self.last.cycles_us);
        self.cycle_us.0[slot] = spent.checked_div(cycles).unwrap_or(0);
        self.taken += 1;
        (self.last, self.last_us) = (counters, now_us);
    }

    pub fn figures(&self) -> Figures {
        Figures {
            ops_per_sec: self.commands.mean(),
            input_kbps: self.bytes_in.mean() as f64 / 1024.0,
            output_kbps: self.bytes_out.mean() as f64 / 1024.0,
            cycles_per_sec: self.cycles.mean(),
            cycle_us: self.cycle_us.mean(),
        }
    }
}

#[test]
fn the_mean_of_the_last_sixteen_samples() {
    let mut rates = Rates::default();
    let mut counters = Counters::default();
    for n in 1..=16u64 {
        assert!(rates.is_due(n * PERIOD_US) && !rates.is_due(n * PERIOD_US - 1));
        counters.commands += 50;
        counters.bytes_in += 1024;
        counters.cycles += 10;
        counters.cycles_us += 70;
        rates.sample(n * PERIOD_US, counters);
    }
    let want = Figures {
        ops_per_sec: 500,
        input_kbps: 10.0,
        output_kbps: 0.0,
        cycles_per_sec: 100,
        cycle_us: 7,
    };
    assert_eq!(rates.figures(), want);
    for n in 17..=32 {
        rates.sample(n * PERIOD_US, Counters::default());
    }
    assert_eq!(rates.figures(), Figures::default(), "after a reset, and forgotten after sixteen");
}
