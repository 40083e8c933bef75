//! `--check-system`: does the machine have habits that hurt a server?
//!
//! Each check prints its name in brackets and OK, WARNING with an explanation, or that it could not
//! be made. The exit code is 1 if there was a warning, so that scripts can ask.

use std::io::{self, Write};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::process::limits;

/// What a check found.
enum Finding {
    Fine,
    /// The machine does not tell.
    Unknown,
    Warning(String),
}

type Check = fn() -> Finding;

const CHECKS: [(&str, Check); 4] = [
    ("slow-clocksource", slow_clock),
    ("xen-clocksource", xen_clock),
    ("overcommit", overcommit),
    ("THP", huge_pages),
];

/// Makes all checks. Returns whether all went well.
pub fn check(out: &mut dyn Write) -> io::Result<bool> {
    let mut fine = true;
    for (name, check) in CHECKS {
        write!(out, "[{name}]...")?;
        match check() {
            Finding::Fine => writeln!(out, "OK")?,
            Finding::Unknown => writeln!(out, "skipped")?,
            Finding::Warning(text) => {
                fine = false;
                writeln!(out, "WARNING:\n{text}")?;
            }
        }
    }
    Ok(fine)
}

fn clock_source() -> Option<String> {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    std::fs::read_to_string(path).ok().map(|name| name.trim().to_owned())
}

/// Asking for the time should not cost a system call: the share of time spent in the kernel tells.
fn slow_clock() -> Finding {
    const SAMPLE_US: u64 = 50_000;
    let (clock, before) = (Clock::real(), system_time());
    while clock.mono_us() < SAMPLE_US {}
    let spent = system_time().saturating_sub(before);
    let share = spent.as_secs_f64() / Duration::from_micros(clock.mono_us()).as_secs_f64();
    if share <= 0.1 {
        return Finding::Fine;
    }
    let name = clock_source().unwrap_or_else(|| "unknown".to_owned());
    Finding::Warning(format!(
        "Reading the clock is slow here: {:.0}% of the time went to the kernel. The clock source is '{name}'; one that \
         needs no system call, such as tsc, serves better.",
        share * 100.0
    ))
}

/// Time that this process has spent in the kernel.
fn system_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(15 - 3)?.parse().ok())
        .unwrap_or(0);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

fn xen_clock() -> Finding {
    match clock_source().as_deref() {
        None => Finding::Unknown,
        Some("xen") => Finding::Warning(
            "The clock source is 'xen', which is slow. Where the processor allows it, another serves better: 'echo tsc \
             > /sys/devices/system/clocksource/clocksource0/current_clocksource'."
                .to_owned(),
        ),
        Some(_) => Finding::Fine,
    }
}

fn overcommit() -> Finding {
    limits::overcommit_problem().map_or(Finding::Fine, |text| Finding::Warning(text.to_owned()))
}

fn huge_pages() -> Finding {
    if limits::huge_pages_always() {
        Finding::Warning(limits::HUGE_PAGES_PROBLEM.to_owned())
    } else {
        Finding::Fine
    }
}

#[test]
fn every_check_prints_its_name() {
    let mut out = vec![];
    let fine = check(&mut out).expect("memory");
    let text = String::from_utf8(out).expect("text");
    for (name, _) in CHECKS {
        assert!(text.contains(&format!("[{name}]...")), "{text}");
    }
    assert_eq!(fine, !text.contains("WARNING"));
}
