//! The system logger: `openlog` and `syslog` of the C library, fenced in.
//!
//! The C library keeps the pointer to the name it was opened with, so the name lives as long as the
//! process. The log is opened at most once per process, since the options are immutable.

#![expect(
    unsafe_code,
    reason = "std knows no system logger; the C library's has the only stable interface to it"
)]

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use crate::config::{LogLevel, SyslogFacility};

/// An opened connection to the system logger.
#[derive(Clone, Copy, Debug)]
pub struct Syslog(());

/// The name shown by the system logger. Whoever opens first, names.
static IDENT: OnceLock<CString> = OnceLock::new();

impl Syslog {
    /// Opens the logger under `ident`. A name with a zero byte in it is cut there.
    pub fn open(ident: &str, facility: SyslogFacility) -> Syslog {
        let name = ident.split('\0').next().unwrap_or_default();
        let ident = IDENT.get_or_init(|| CString::new(name).unwrap_or_default());
        // SAFETY: `ident` is a C string in a static that is written once, so the pointer that the C
        // library keeps stays valid to the end of the process.
        unsafe {
            libc::openlog(
                ident.as_ptr(),
                libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT,
                facility_code(facility),
            );
        }
        Syslog(())
    }

    /// The process is a child, whose descriptors will be closed: the library must not take another
    /// file with the same number for its connection, and makes a new one when there is a message.
    pub fn forked(self) {
        let Some(ident) = IDENT.get() else { return };
        // SAFETY: the name is in a static that is written once. Closing what is not open does
        // nothing; opening without LOG_NDELAY only notes the name, and the facility stays what it
        // was.
        unsafe {
            libc::closelog();
            libc::openlog(ident.as_ptr(), libc::LOG_PID | libc::LOG_NOWAIT, 0);
        }
    }

    /// Sends one message.
    pub fn send(self, level: LogLevel, message: &[u8]) {
        let until_zero = message.split(|b| *b == 0).next().unwrap_or_default();
        let text = CString::new(until_zero).unwrap_or_default();
        let format: &CStr = c"%s";
        // SAFETY: the format takes exactly one C string, and `text` is one that outlives the call,
        // which keeps nothing.
        unsafe { libc::syslog(priority(level), format.as_ptr(), text.as_ptr()) };
    }
}

fn priority(level: LogLevel) -> libc::c_int {
    match level {
        LogLevel::Debug => libc::LOG_DEBUG,
        LogLevel::Verbose => libc::LOG_INFO,
        LogLevel::Notice => libc::LOG_NOTICE,
        LogLevel::Warning | LogLevel::Nothing => libc::LOG_WARNING,
    }
}

fn facility_code(facility: SyslogFacility) -> libc::c_int {
    match facility {
        SyslogFacility::User => libc::LOG_USER,
        SyslogFacility::Local0 => libc::LOG_LOCAL0,
        SyslogFacility::Local1 => libc::LOG_LOCAL1,
        SyslogFacility::Local2 => libc::LOG_LOCAL2,
        SyslogFacility::Local3 => libc::LOG_LOCAL3,
        SyslogFacility::Local4 => libc::LOG_LOCAL4,
        SyslogFacility::Local5 => libc::LOG_LOCAL5,
        SyslogFacility::Local6 => libc::LOG_LOCAL6,
        SyslogFacility::Local7 => libc::LOG_LOCAL7,
    }
}
