//! Telling a supervisor how things stand: systemd over its datagram socket, upstart by stopping
//! once.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::base::os::os_text;
use crate::config::Supervised;
use crate::process::log::Log;

/// Finds out who supervises, and greets. Upstart takes a stopped process as ready.
pub fn begin(wanted: Supervised, log: &mut Log) -> Supervised {
    let found = match wanted {
        Supervised::Auto if std::env::var_os("UPSTART_JOB").is_some() => Supervised::Upstart,
        Supervised::Auto if std::env::var_os("NOTIFY_SOCKET").is_some() => Supervised::Systemd,
        Supervised::Auto => Supervised::No,
        other => other,
    };
    let greeted = match found {
        Supervised::Systemd => greet_systemd(log),
        Supervised::Upstart => greet_upstart(log),
        Supervised::No | Supervised::Auto => false,
    };
    if greeted { found } else { Supervised::No }
}

fn greet_systemd(log: &mut Log) -> bool {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        log.warning(format_args!("systemd supervision error: NOTIFY_SOCKET not found!"));
        return false;
    }
    log.notice(format_args!(
        "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in \
         your service unit."
    ));
    notify("STATUS=Redis is loading...\n", log)
}

fn greet_upstart(log: &mut Log) -> bool {
    if std::env::var_os("UPSTART_JOB").is_none() {
        log.warning(format_args!("upstart supervision requested, but UPSTART_JOB not found!"));
        return false;
    }
    log.notice(format_args!("supervised by upstart, will stop to signal readiness."));
    let this = rustix::process::getpid();
    rustix::process::kill_process(this, rustix::process::Signal::STOP).is_ok()
}

/// Sends systemd a message. Returns whether it was sent.
pub fn notify(message: &str, log: &mut Log) -> bool {
    match send(message) {
        Ok(()) => true,
        Err(error) => {
            log.warning(format_args!("systemd supervision error: {}", os_text(&error)));
            false
        }
    }
}

fn send(message: &str) -> io::Result<()> {
    let name = std::env::var_os("NOTIFY_SOCKET").ok_or(io::ErrorKind::NotFound)?;
    let address = match name.as_bytes() {
        [b'@', hidden @ ..] => SocketAddr::from_abstract_name(hidden)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}
