//! The processor: its time, as the system accounts it, and its caches.
#![expect(unsafe_code, reason = "no crate in use wraps getrusage; prefetching is an intrinsic")]

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

/// Asks for a cache line. Harmless for any address.
#[inline]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(address.cast(), _MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks for all cache lines of a value.
#[inline]
pub fn prefetch_whole<T>(value: &T) {
    const LINE: usize = 64;
    let start = std::ptr::from_ref(value).cast::<u8>();
    (0..size_of::<T>()).step_by(LINE).for_each(|at| prefetch(start.wrapping_add(at)));
}

/// What a thread does is seen in its own time and in that of the process.
#[test]
fn work_is_accounted_to_the_thread_and_to_the_process() {
    let total = |who| spent(who).user + spent(who).system;
    for who in [Who::Thread, Who::Process] {
        let before = total(who);
        let worked = (0..1_000_000).any(|_| {
            (0..1000u64).for_each(|n| drop(std::hint::black_box(Box::new(n))));
            total(who) > before
        });
        assert!(worked, "{who:?}");
    }
}
