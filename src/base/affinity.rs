//! Which processors a thread may run on: the lists of `server-cpulist` and its kin.
//!
//! ```text
//!   0,2,4        these                0-3     from the first to the last
//!   0-7:2,9      of a range every second one, and one more
//! ```
//!
//! A thread that is started, and a process that is forked, may run where the one may that starts
//! it; whoever has a list of its own asks for it itself ([`bind`]).
// Compat: a list that is none, or that names no processor of the machine, changes nothing and stops
// nobody. Blanks are not allowed anywhere, and of processors that do not exist only those that do
// count.

use rustix::thread::{CpuSet, sched_setaffinity};

/// Processors that a list names.
fn parse(list: &str) -> Option<CpuSet> {
    let mut set = CpuSet::new();
    for item in list.split(',') {
        let (range, step) = match item.split_once(':') {
            None => (item, 1),
            Some((range, step)) => (range, number(step)?),
        };
        let (first, last) = match range.split_once('-') {
            // A step wants a range.
            None if item.len() > range.len() => return None,
            None => (number(range)?, number(range)?),
            Some((first, last)) => (number(first)?, number(last)?),
        };
        if first > last || step == 0 {
            return None;
        }
        let exist = first..=last.min(CpuSet::MAX_CPU - 1);
        exist.step_by(step).for_each(|cpu| set.set(cpu));
    }
    Some(set)
}

/// A number of digits alone; one that is too large stands for a processor that does not exist.
fn number(digits: &str) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

/// Lets the calling thread run on the processors of a list only. An empty list says nothing. False:
/// it stays as it was, since the list is none or names nothing that exists.
pub fn bind(list: &str) -> bool {
    list.is_empty() || parse(list).is_some_and(|set| sched_setaffinity(None, &set).is_ok())
}

/// Starts a thread that runs on the processors of a list only.
pub fn spawn(name: &str, cpus: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let cpus = cpus.to_owned();
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        bind(&cpus);
        work();
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &str) -> Option<Vec<usize>> {
        parse(list).map(|set| (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
    }

    #[test]
    fn lists_name_processors() {
        let cases: [(&str, &[usize]); 9] = [
            ("0", &[0]),
            ("00", &[0]),
            ("0,2,4", &[0, 2, 4]),
            ("2-4", &[2, 3, 4]),
            ("0-7:2,9", &[0, 2, 4, 6, 9]),
            ("1,10-11", &[1, 10, 11]),
            ("0-1:99", &[0]),
            ("1022-99999", &[1022, 1023]),
            ("1024,99999999999999999999", &[]),
        ];
        for (list, cpus) in cases {
            assert_eq!(named(list).as_deref(), Some(cpus), "{list}");
        }
        // Asked of Redis 8.2: none of these changes anything.
        for none in [
            "abc", "0,abc", "0,", ",0", "0,,0", "0-", "-1", "1-0", "0;1", " 0", "0 ", "0, 1",
            "0 - 1", "0x0", "+0", "0.5", "0:2", "0-1:", "0-1:0", "0-1:-1", "0-1:1:1", "0-2:2x",
            "1-0,0", "",
        ] {
            assert_eq!(named(none), None, "{none}");
        }
    }

    #[test]
    fn a_thread_is_bound_and_a_list_of_nothing_leaves_it_alone() {
        let allowed = || {
            let text = std::fs::read_to_string("/proc/thread-self/status").expect("Linux");
            let line = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            line.expect("a line").trim().to_owned()
        };
        std::thread::spawn(move || {
            let before = allowed();
            for nothing in ["", "1000-1023", "abc"] {
                assert_eq!(bind(nothing), nothing.is_empty());
                assert_eq!(allowed(), before);
            }
            let first = before.split([',', '-']).next().expect("a processor").to_owned();
            assert!(bind(&format!("{first},1023")));
            assert_eq!(allowed(), first);
        })
        .join()
        .expect("the thread ends well");
    }
}
