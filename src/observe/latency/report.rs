//! Latency for people: LATENCY DOCTOR's report and LATENCY GRAPH's drawing.
//!
//! The drawing has a column per sample, oldest left, four rows high. A cell can stand at three
//! heights, `_`, `o` and `#`, so that a column has twelve levels between the lowest and the highest
//! sample, and bars are filled with `|`. Below it, written downwards, stands how long ago each
//! sample was:
//!
//! ```text
//!     command - high 230 ms, low 10 ms (all time high 300 ms)
//!     --------------------------------------------------------------------------------
//!      #
//!      |
//!      |o
//!     _||
//!
//!     931
//!     0ss
//!     s
//! ```

use std::fmt::Write as _;

use super::{Latency, Sample, Series};

const ROWS: usize = 4;
const HEIGHTS: &[u8] = b"_o#";
/// Samples drawn side by side; more go into further drawings below.
const COLUMNS_MAX: usize = 80;

/// What is said of the samples of one event.
struct Summary {
    count: u64,
    average_ms: u64,
    /// Mean distance from the average.
    deviation_ms: u64,
    /// Seconds from spike to spike.
    period_s: f64,
}

impl Summary {
    fn of(series: &Series, now_s: i64) -> Summary {
        let count = series.samples().len() as u64;
        let average_ms = series.samples().map(|s| s.ms).sum::<u64>() / count;
        let off = series.samples().map(|s| s.ms.abs_diff(average_ms)).sum::<u64>();
        let first = series.samples().next().map_or(now_s, |s| s.unix_s);
        let period_s = (now_s - first).max(1) as f64 / count as f64;
        Summary { count, average_ms, deviation_ms: off / count, period_s }
    }
}

/// What may help, by the events it may help against.
const ADVICE: &[(&[&str], &str)] = &[
    (
        &["command"],
        "Some commands are slow by nature or because of the size of what they work on. SLOWLOG GET shows which ones \
         took long; think of smaller steps (SCAN instead of KEYS, ranges instead of whole collections).",
    ),
    (
        &["command", "fast-command", "expire-cycle", "expire-del", "eviction-del"],
        "Deleting a large value takes time in proportion to its elements. Delete with UNLINK, set the lazyfree-lazy-* \
         options, or spread large collections over several keys.",
    ),
    (
        &["fast-command"],
        "Fast commands were slow, so the machine was probably busy elsewhere: look for other processes on the same \
         processors, for swapping, and for a noisy neighbour if this is a virtual machine.",
    ),
    (
        &["fork"],
        "Forking copies the page tables, which takes longer the more memory is in use. Keep instances small, prefer \
         hosts with fast forks, and save less often.",
    ),
    (
        &[
            "aof-write",
            "aof-write-pending-fsync",
            "aof-write-active-child",
            "aof-write-alone",
            "aof-fsync-always",
        ],
        "Writing the append-only file waited for the disk. Use a faster disk, keep other writers off it, or relax \
         appendfsync; no-appendfsync-on-rewrite helps while a child is saving.",
    ),
    (
        &["expire-cycle"],
        "Very many keys expire at the same time. Spread their times to live by adding a random part.",
    ),
    (
        &["eviction-cycle", "eviction-del"],
        "Keys are being evicted to stay below maxmemory. Give the server more memory or write less at once.",
    ),
];

/// The report of LATENCY DOCTOR.
pub fn doctor(latency: &Latency, is_enabled: bool, now_s: i64) -> String {
    if !is_enabled && latency.events().len() == 0 {
        return "Latency monitoring is disabled, so there is nothing to examine. Switch it on with CONFIG SET \
                latency-monitor-threshold <milliseconds> and ask again after a while.\n"
            .into();
    }
    if latency.events().len() == 0 {
        return "No latency spike was observed so far: nothing took as long as latency-monitor-threshold.\n".into();
    }
    let mut text = String::from("Latency spikes were observed in this instance:\n\n");
    for (n, (name, series)) in latency.events().enumerate() {
        let Summary { count, average_ms, deviation_ms, period_s } = Summary::of(series, now_s);
        let worst_ms = series.worst_ms();
        let _ = writeln!(
            text,
            "{}. {name}: {count} latency spikes (average {average_ms}ms, mean deviation {deviation_ms}ms, period \
             {period_s:.2} sec). Worst all time event {worst_ms}ms.",
            n + 1
        );
    }
    let knows = |names: &&[&str]| names.iter().any(|n| latency.series(n.as_bytes()).is_some());
    let advice: Vec<_> = ADVICE.iter().filter(|(names, _)| knows(names)).collect();
    if !advice.is_empty() {
        text.push_str("\nWhat may help:\n\n");
        for (_, line) in advice {
            let _ = writeln!(text, "- {line}");
        }
    }
    text
}

/// The drawing of LATENCY GRAPH.
pub fn graph(event: &str, series: &Series, now_s: i64) -> String {
    let samples: Vec<_> = series.samples().collect();
    let high = samples.iter().map(|s| s.ms).max().unwrap_or(0);
    let low = samples.iter().map(|s| s.ms).min().unwrap_or(0);
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.worst_ms(),
        "-".repeat(80)
    );
    for (n, part) in samples.chunks(COLUMNS_MAX).enumerate() {
        if n > 0 {
            text.push('\n');
        }
        draw(&mut text, part, (low, high), now_s);
    }
    text
}

fn draw(text: &mut String, samples: &[Sample], (low, high): (u64, u64), now_s: i64) {
    let levels = ROWS * HEIGHTS.len();
    let level = |s: &Sample| {
        let part = u128::from(s.ms - low) * levels as u128 / u128::from((high - low).max(1));
        (part as usize).min(levels - 1)
    };
    for row in (0..ROWS).rev() {
        text.extend(samples.iter().map(|s| match (level(s) / HEIGHTS.len()).cmp(&row) {
            std::cmp::Ordering::Less => ' ',
            std::cmp::Ordering::Equal => char::from(HEIGHTS[level(s) % HEIGHTS.len()]),
            std::cmp::Ordering::Greater => '|',
        }));
        text.push('\n');
    }
    text.extend(std::iter::repeat_n(' ', samples.len()));
    text.push('\n');
    let ages: Vec<String> = samples.iter().map(|s| age(now_s - s.unix_s)).collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        text.extend(ages.iter().map(|a| a.as_bytes().get(row).map_or(' ', |b| char::from(*b))));
        text.push('\n');
    }
}

/// A time span in its largest unit.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LatencyConfig;
    use crate::observe::latency::event;

    fn latency(samples: &[(i64, u64)]) -> Latency {
        let conf = LatencyConfig { monitor_threshold_ms: 1, ..LatencyConfig::default() };
        let mut latency = Latency::default();
        for (unix_s, ms) in samples {
            latency.add(&conf, event::COMMAND, *ms, *unix_s);
        }
        latency
    }

    fn drawn(samples: &[(i64, u64)], now_s: i64) -> String {
        let latency = latency(samples);
        let text = graph("command", latency.series(b"command").expect("known"), now_s);
        text.split_once(&format!("{}\n", "-".repeat(80))).expect("a rule").1.to_owned()
    }

    #[test]
    fn the_drawing_is_that_of_redis() {
        let steps: Vec<_> =
            (0..24).map(|i| (i, if i == 0 { 100 } else { 10 * i as u64 })).collect();
        let want = "                  __oo##\n            __oo##||||||\no      __oo#||||||||||||\n\
                    |__oo##|||||||||||||||||\n                        \n222211111111119876543210\n\
                    32109876543210ssssssssss\nssssssssssssss          \n";
        assert_eq!(drawn(&steps, 23), want);
        assert_eq!(drawn(&[(0, 50), (1, 50)], 3), "  \n  \n  \n__\n  \n32\nss\n");
        assert_eq!(drawn(&[(0, 2), (1, 5), (2, 1300)], 2), "  #\n  |\n  |\n__|\n   \n210\nsss\n");
        let long: Vec<_> = (0..100).map(|i| (i, 5)).collect();
        let parts = drawn(&long, 100);
        let widths: Vec<_> =
            parts.split("\n\n").map(|p| p.lines().next().map_or(0, str::len)).collect();
        assert_eq!(widths, [80, 20]);
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let told: Vec<_> = [-1, 59, 60, 3599, 3600, 86399, 86400].map(age).into();
        assert_eq!(told, ["0s", "59s", "1m", "59m", "1h", "23h", "1d"]);
    }

    #[test]
    fn the_doctor_counts_and_advises() {
        let text = doctor(&latency(&[(147, 2), (148, 5), (149, 1300)]), true, 149);
        let line = "1. command: 3 latency spikes (average 435ms, mean deviation 576ms, period 0.67 sec). Worst all \
                    time event 1300ms.\n";
        assert!(text.contains(line) && text.contains("SLOWLOG"), "{text}");
        assert!(!text.contains("append-only"), "nothing was said of the AOF");
        assert!(doctor(&Latency::default(), false, 1).contains("latency-monitor-threshold"));
    }
}
