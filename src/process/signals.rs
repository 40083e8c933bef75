//! Signals: SIGTERM and SIGINT ask for a shutdown, SIGHUP and SIGPIPE mean nothing.
//!
//! A handler may do next to nothing, so it leaves a note in an atomic and rings a bell: an eventfd
//! that the reactor watches ([`Source::Signal`](crate::net::token::Source)). Thus the loop wakes
//! even if the signal came between its last look at the note and its going to sleep, or was
//! delivered to another thread. A second SIGINT before the first was acted on means that somebody
//! at a terminal is impatient: the process ends on the spot.

#![expect(unsafe_code, reason = "std cannot install signal handlers")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use mio::Interest;
use mio::unix::SourceFd;
use rustix::event::EventfdFlags;

use crate::net::reactor::Reactor;
use crate::net::token::Source;
use crate::process::raw_log;

/// The signal that asked for a shutdown and was not yet acted on; 0 for none.
static ASKED: AtomicI32 = AtomicI32::new(0);
/// The bell's descriptor; -1 before there is one.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// A shutdown is under way.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The file that a snapshot in the foreground is written to before it takes its place: whoever
/// insists leaves none behind.
static TEMP_FILE: OnceLock<CString> = OnceLock::new();

/// A signal that asks for a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Interrupt,
    Terminate,
}

/// What the handlers ring when there is something to do.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// Installs the handlers. There is one bell in a process: the last one installed is rung.
    pub fn install() -> io::Result<Bell> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        BELL.store(fd.as_raw_fd(), Ordering::SeqCst);
        let temp = format!("temp-{}.rdb", std::process::id());
        TEMP_FILE.get_or_init(|| CString::new(temp).unwrap_or_default());
        for signal in [libc::SIGHUP, libc::SIGPIPE] {
            set_action(signal, libc::SIG_IGN)?;
        }
        for signal in [libc::SIGTERM, libc::SIGINT] {
            set_action(signal, on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t)?;
        }
        Ok(Bell(fd))
    }

    /// Lets the reactor wake when the bell is rung.
    pub fn watch_by(&self, reactor: &Reactor) -> io::Result<()> {
        let fd = self.0.as_raw_fd();
        reactor.register_for(&mut SourceFd(&fd), Source::Signal, Interest::READABLE)
    }

    /// Silences the bell until it is rung again.
    pub fn hush(&self) {
        let mut count = [0u8; 8];
        let _ = rustix::io::read(&self.0, &mut count); // Nobody may have rung.
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        BELL.store(-1, Ordering::SeqCst);
    }
}

/// The server saves before it ends: who asks again does not want to wait for that.
pub fn set_ending(ending: bool) {
    ENDING.store(ending, Ordering::SeqCst);
}

/// Takes the note that a handler left.
pub fn take() -> Option<Asked> {
    match ASKED.swap(0, Ordering::SeqCst) {
        0 => None,
        libc::SIGINT => Some(Asked::Interrupt),
        _ => Some(Asked::Terminate),
    }
}

fn set_action(signal: libc::c_int, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: a zeroed `sigaction` is a valid one with an empty mask and no flags; `handler` is
    // SIG_IGN or a function of the signature that goes without SA_SIGINFO; the old action is not
    // asked for.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn on_signal(signal: libc::c_int) {
    // SAFETY: the address of this thread's errno is always valid. It is put back below, so that the
    // code that was interrupted between a system call and its look at errno sees its own.
    let errno = unsafe { *libc::__errno_location() };
    let is_asked = ASKED.load(Ordering::SeqCst) != 0 || ENDING.load(Ordering::SeqCst);
    if is_asked && signal == libc::SIGINT {
        raw_log::from_handler("You insist... exiting now.");
        // SAFETY: `unlink` and `_exit` may be called from a handler, and run nothing of ours; the
        // name is one that was made when the handler was installed, and is never changed.
        unsafe {
            if let Some(temp) = TEMP_FILE.get() {
                libc::unlink(temp.as_ptr());
            }
            libc::_exit(1)
        };
    }
    raw_log::from_handler(match signal {
        libc::SIGINT => "Received SIGINT scheduling shutdown...",
        libc::SIGTERM => "Received SIGTERM scheduling shutdown...",
        _ => "Received shutdown signal, scheduling shutdown...",
    });
    ASKED.store(signal, Ordering::SeqCst);
    let one = 1u64.to_ne_bytes();
    // SAFETY: `write` may be called from a handler and reads eight bytes of a live array; a
    // descriptor of -1 is refused. SAFETY: the address of this thread's errno is always valid, as
    // at the beginning of the handler.
    unsafe {
        libc::write(BELL.load(Ordering::SeqCst), one.as_ptr().cast(), one.len());
        *libc::__errno_location() = errno;
    }
}
