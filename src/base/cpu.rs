//! Processor time, as the system accounts it.
#![expect(unsafe_code, reason = "no crate in use wraps getrusage")]

/// Whose time.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    Process,
    /// Children that have ended and were waited for.
    Children,
    /// The thread that asks.
    Thread,
}

/// Seconds spent in the system and in the program.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seconds {
    pub system: f64,
    pub user: f64,
}

/// The time spent so far; zero where the system does not tell.
pub fn spent(who: Who) -> Seconds {
    let who = match who {
        Who::Process => libc::RUSAGE_SELF,
        Who::Children => libc::RUSAGE_CHILDREN,
        Who::Thread => libc::RUSAGE_THREAD,
    };
    // SAFETY: `rusage` is made of integers, for which all bits zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a whole `rusage` of our own, which the call fills or leaves alone.
    if unsafe { libc::getrusage(who, &raw mut usage) } != 0 {
        return Seconds::default();
    }
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    Seconds { system: seconds(usage.ru_stime), user: seconds(usage.ru_utime) }
}

#[test]
fn the_process_has_spent_at_least_what_this_thread_has() {
    let thread = spent(Who::Thread);
    let process = spent(Who::Process);
    assert!(process.user + process.system >= thread.user + thread.system);
    assert!(process.user + process.system > 0.0 || thread == Seconds::default());
}
