//! Leaving the terminal: `daemonize`.
//!
//! The process forks, the parent ends, and the child goes on in a session of its own with nothing
//! on its standard streams. This must come before any thread is started, any descriptor is
//! registered in a poll and any lock is taken.

#![expect(unsafe_code, reason = "std has no fork")]

use std::io;

use rustix::fs::{Mode, OFlags};

/// Goes on as a background process. Returns in the child only.
pub fn detach() -> io::Result<()> {
    // SAFETY: the caller is the only thread, so the child's copy of memory has no lock that
    // somebody else holds.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: `_exit` runs no destructors and flushes nothing, so what is buffered is written
        // by the child alone.
        _ => unsafe { libc::_exit(0) },
    }
    rustix::process::setsid()?;
    if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty()) {
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(())
}

/// Keeps the kernel from backing this process by huge pages, which make a snapshot's copies huge
/// too. Returns whether it agreed.
pub fn refuse_huge_pages() -> bool {
    // SAFETY: this request takes one number and reads no memory.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 }
}
