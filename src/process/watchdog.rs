//! Stack traces of a server that lives: when somebody sends SIGALRM, or when the loop has not come
//! back for as long as `watchdog-period` says.
//!
//! ```text
//!   cron ──► timer (setitimer), set anew by every tick
//!              │ it runs out: the loop is stuck
//!   kill ──────┴──► SIGALRM ──► handler on the main thread: return addresses ──► bell ──► thread: names, log
//! ```
//!
//! The handler may have interrupted the allocator, a lock or anything else, and the process goes on
//! afterwards. So it does only what is safe in a handler: it walks the stack without looking up a
//! name (the unwinder reads tables that are mapped, and takes no lock of ours), notes addresses in
//! statics, and writes to an eventfd. What needs memory, names of functions and the file of the
//! log, is done by a thread that sleeps until then; so the trace of a loop that never comes back is
//! written, too.
//!
//! The same signal ends a crash report that hangs: [`crash`](crate::process::crash) is asked first.
#![expect(unsafe_code, reason = "a signal handler, and a timer that std has not")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize};

use rustix::event::EventfdFlags;

use crate::base::affinity;
use crate::process::crash;
use crate::process::raw_log::RawLog;

/// Frames that are noted.
const FRAMES_MAX: usize = 64;

/// A trace on its way from the handler to the thread.
struct Trace {
    /// The handler is writing, or the thread has not read yet.
    is_taken: AtomicBool,
    frames: [AtomicUsize; FRAMES_MAX],
    count: AtomicUsize,
    /// Where the thread was interrupted; 0 if that cannot be said.
    at: AtomicUsize,
    by_timer: AtomicBool,
}

static TRACE: Trace = Trace {
    is_taken: AtomicBool::new(false),
    frames: [const { AtomicUsize::new(0) }; FRAMES_MAX],
    count: AtomicUsize::new(0),
    at: AtomicUsize::new(0),
    by_timer: AtomicBool::new(false),
};

/// The process and the thread whose stack is shown; 0 before there is a thread to write it down.
static PROCESS: AtomicI32 = AtomicI32::new(0);
static THREAD: AtomicI32 = AtomicI32::new(0);
/// Somebody has asked while another trace was being written.
static IS_ASKED: AtomicBool = AtomicBool::new(false);
/// The bell's descriptor.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// Installs the handler of SIGALRM for the life of the process.
pub fn install() {
    // SAFETY: a zeroed `sigaction` is valid; the handler has the signature that SA_SIGINFO asks
    // for, and a stack of its own where one was given to the thread.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = on_alarm;
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
    }
}

/// Starts the thread that writes traces of the one that calls this.
pub fn start(cpus: &str) -> io::Result<()> {
    let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
    BELL.store(bell.as_raw_fd(), SeqCst);
    // What the unwinder makes ready at its first use is ready before a handler needs it.
    backtrace::trace(|_| false);
    affinity::spawn("watchdog", cpus, move || write_traces(&bell))?;
    THREAD.store(rustix::thread::gettid().as_raw_nonzero().get(), SeqCst);
    PROCESS.store(rustix::process::getpid().as_raw_nonzero().get(), SeqCst);
    Ok(())
}

/// Lets the timer run out so many milliseconds from now, or never with 0.
pub fn set_timer(ms: u32) {
    let after = libc::timeval {
        tv_sec: libc::time_t::from(ms / 1000),
        tv_usec: libc::suseconds_t::from(ms % 1000) * 1000,
    };
    let once = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: once, it_value: after };
    // SAFETY: the timer is a whole value of our own, and the old one is not asked for. Its signal
    // has a handler.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

extern "C" fn on_alarm(_: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    crash::give_up_report();
    // SAFETY: the address of this thread's errno is always valid. It is put back below, so that the
    // code that was interrupted sees its own.
    let errno = unsafe { *libc::__errno_location() };
    // A child has the handler, but no thread.
    if PROCESS.load(SeqCst) == rustix::process::getpid().as_raw_nonzero().get() {
        // SAFETY: with SA_SIGINFO the kernel hands over a valid `siginfo_t`.
        let code = unsafe { (*info).si_code };
        if rustix::thread::gettid().as_raw_nonzero().get() == THREAD.load(SeqCst) {
            note(code, context);
        } else {
            pass_on(code);
        }
    }
    // SAFETY: errno as it was found at the beginning, at an address that is always valid.
    unsafe { *libc::__errno_location() = errno };
}

/// The signal has come to another thread, or too early: the thread that matters is sent it.
fn pass_on(code: i32) {
    TRACE.by_timer.store(code == libc::SI_KERNEL, SeqCst);
    // SAFETY: the call takes numbers, and may be made in a handler; the thread is one of this
    // process.
    unsafe {
        libc::syscall(libc::SYS_tgkill, PROCESS.load(SeqCst), THREAD.load(SeqCst), libc::SIGALRM);
    }
}

/// Notes the stack of this thread. If the last trace is still being written, a signal of the timer
/// is forgotten, for it says the same once more; one that was sent by hand comes again.
fn note(code: i32, context: *mut c_void) {
    let by_timer = code == libc::SI_KERNEL;
    if !by_timer {
        IS_ASKED.store(true, SeqCst);
    }
    if TRACE.is_taken.swap(true, SeqCst) {
        return;
    }
    if !by_timer {
        IS_ASKED.store(false, SeqCst);
    }
    if code != libc::SI_TKILL {
        TRACE.by_timer.store(by_timer, SeqCst);
    }
    TRACE.at.store(interrupted_at(context), SeqCst);
    let mut count = 0;
    // SAFETY: that frames are walked without a lock is right, for names are not looked up here, and
    // the walk itself keeps nothing between calls. Each frame is used only while it is shown.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            TRACE.frames[count].store(frame.ip().addr(), SeqCst);
            count += 1;
            count < FRAMES_MAX
        });
    }
    TRACE.count.store(count, SeqCst);
    let one = 1u64.to_ne_bytes();
    // SAFETY: `write` may be called from a handler and reads eight bytes of a live array; the bell
    // is never closed.
    unsafe { libc::write(BELL.load(SeqCst), one.as_ptr().cast(), one.len()) };
}

#[cfg(target_arch = "x86_64")]
fn interrupted_at(context: *mut c_void) -> usize {
    // SAFETY: with SA_SIGINFO the third argument of a handler points to the `ucontext_t` of the
    // interrupted thread.
    let registers = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    registers[libc::REG_RIP as usize] as usize
}

#[cfg(not(target_arch = "x86_64"))]
fn interrupted_at(_: *mut c_void) -> usize {
    0
}

/// The thread: sleeps until a trace is there, and writes it.
fn write_traces(bell: &OwnedFd) {
    let mut count = [0u8; 8];
    loop {
        match rustix::io::read(bell, &mut count) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        write_trace();
        // Names take much memory to look up, which is not the server's to keep.
        backtrace::clear_symbol_cache();
        TRACE.is_taken.store(false, SeqCst);
        if IS_ASKED.swap(false, SeqCst) {
            pass_on(libc::SI_USER);
        }
    }
}

fn write_trace() {
    let head = |text: &str| {
        let (pid, now) =
            (PROCESS.load(SeqCst), rustix::time::clock_gettime(rustix::time::ClockId::Realtime));
        format!("{pid}:signal-handler ({}) {text}\n", now.tv_sec)
    };
    let why = match TRACE.by_timer.load(SeqCst) {
        true => "--- WATCHDOG TIMER EXPIRED ---",
        false => "Received SIGALRM",
    };
    let at = TRACE.at.load(SeqCst);
    let frames: Vec<usize> =
        TRACE.frames.iter().take(TRACE.count.load(SeqCst)).map(|ip| ip.load(SeqCst)).collect();
    // Piece by piece: names take their time.
    let mut log = RawLog::open();
    log.write(format!("{}{why}\n\n------ STACK TRACE ------\nEIP:\n", head("")).as_bytes());
    log.write(crash::frame(at).as_bytes());
    log.put(format_args!("\n{} redis-server *\n", THREAD.load(SeqCst)));
    for ip in own_frames(&frames, at) {
        log.write(crash::frame(*ip).as_bytes());
    }
    log.write(b"\n1/1 expected stacktraces.\n\n------ STACK TRACE DONE ------\n");
    log.write(head("--------").as_bytes());
}

/// The frames from the one that was interrupted on: those before it are the handler's.
fn own_frames(frames: &[usize], at: usize) -> &[usize] {
    &frames[frames.iter().position(|ip| *ip == at).unwrap_or(0)..]
}

#[test]
fn what_the_handler_put_on_the_stack_is_not_shown() {
    assert_eq!(own_frames(&[1, 2, 3, 4], 3), [3, 4]);
    assert_eq!(own_frames(&[1, 2], 0), [1, 2]);
    assert!(own_frames(&[], 0).is_empty());
}
