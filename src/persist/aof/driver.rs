//! The append-only file and the server: writing what was told, forcing it out, switching on and
//! off.
//!
//! ```text
//!   before the reactor sleeps:   feed ──► buffer ──► one write ──► one fsync ──► replies leave
//!                                                     │             └ always: here; everysec: the thread, once a second
//!                                                     └ failed: kept, tried again, writes are refused (MISCONF)
//! ```
//!
//! All clients of a turn share one write and, with `always`, one fsync. With `everysec` a write
//! waits up to two seconds for a sync that is under way, because the kernel would let it wait
//! anyway, and then goes ahead.
//!
//! With `always`, a reply must not leave before its write is on the disk, and what was not written
//! cannot be taken back from the data: so a failed write or sync ends the process before any reply
//! of the turn leaves ([`Aof::is_broken`]), as it does in Redis. Otherwise failures only stop
//! writes: everything that was told is kept and written when that works again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::append::Trouble;
use super::{Aof, State};
use crate::base::os::os_text;
use crate::command::effects::Readers;
use crate::config::AppendFsync;
use crate::feed;
use crate::observe::latency::event;
use crate::persist::bio::Job;
use crate::server::Server;

/// How long a write waits for a sync that is under way.
const PATIENCE_MS: u64 = 2000;
/// Between syncs with `everysec`.
const SYNC_EVERY_MS: u64 = 1000;
/// Between tries of a write that fails, and between log lines about it.
const RETRY_MS: u64 = 100;
const COMPLAIN_MS: u64 = 30_000;

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// The end of a turn.
    Turn,
    /// Nothing may wait any longer: the file is about to be closed or changed.
    Now,
}

/// Hands what was told to its readers, the AOF's part of it on to the system, and has that forced
/// out as the configuration wants it.
pub fn flush(srv: &mut Server, how: Flush) {
    drain(srv);
    if srv.aof.appender.is_none() {
        return;
    }
    let now_ms = srv.clock.mono_us() / 1000;
    if may_write(srv, how, now_ms) && write(srv, how, now_ms) {
        sync(srv, now_ms);
    }
    note_health(srv);
}

/// Moves what was told into the buffer, with its annotations, and into the backlog.
fn drain(srv: &mut Server) {
    let Server { aof, unit, conf, clock, backlog, .. } = srv;
    let backlog = backlog.as_deref_mut();
    let Some(appender) = &mut aof.appender else { return feed::drain(unit, None, backlog) };
    let now_s = clock.now().seconds();
    if unit.has_feed() {
        if conf.aof.timestamp_enabled {
            appender.stamp(now_s);
        }
        let from = appender.buf.len();
        feed::drain(unit, Some(&mut appender.buf), backlog);
        appender.cover(from, now_s, conf.aof.checksum);
    } else if conf.aof.checksum {
        appender.seal_if_due(now_s);
    }
}

/// Whether a write should be tried now.
fn may_write(srv: &mut Server, how: Flush, now_ms: u64) -> bool {
    let Server { aof, conf, log, .. } = srv;
    let idle = aof.appender.as_ref().is_none_or(|a| a.is_empty());
    if how == Flush::Now || idle {
        return true;
    }
    if aof.write_error.is_some() && now_ms < aof.retry_ms {
        return false;
    }
    if conf.aof.fsync != AppendFsync::EverySec || aof.bio.syncs_pending() == 0 {
        aof.put_off_ms = None;
        return true;
    }
    let since = *aof.put_off_ms.get_or_insert(now_ms);
    if now_ms.saturating_sub(since) < PATIENCE_MS {
        return false;
    }
    aof.put_off_ms = None;
    aof.delayed_syncs += 1;
    log.notice(format_args!(
        "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to \
         complete, this may slow down Redis."
    ));
    true
}

/// Writes the buffer. False: it did not work.
fn write(srv: &mut Server, how: Flush, now_ms: u64) -> bool {
    let event = match (&srv.children.active, srv.aof.bio.syncs_pending()) {
        (_, 1..) => event::AOF_WRITE_PENDING_FSYNC,
        (Some(_), _) => event::AOF_WRITE_ACTIVE_CHILD,
        (None, _) => event::AOF_WRITE_ALONE,
    };
    let Server { aof, log, conf, latency, clock, debug, .. } = srv;
    let Some(appender) = aof.appender.as_mut().filter(|a| !a.is_empty()) else { return true };
    if debug.aof_flush_sleep_us > 0 {
        std::thread::sleep(Duration::from_micros(debug.aof_flush_sleep_us));
    }
    let begun_us = clock.mono_us();
    let written = appender.write();
    let spent_ms = clock.mono_us().saturating_sub(begun_us) / 1000;
    for event in [event, event::AOF_WRITE] {
        latency.add(&conf.latency, event, spent_ms, clock.now().seconds());
    }
    match written {
        Ok(n) => {
            aof.written += n;
            if aof.write_error.take().is_some() {
                log.warning(format_args!(
                    "AOF write error looks solved. The server can write again."
                ));
            }
            true
        }
        Err(trouble) => {
            complain(srv, &trouble, how, now_ms);
            false
        }
    }
}

/// A write has failed.
#[cold]
fn complain(srv: &mut Server, trouble: &Trouble, how: Flush, now_ms: u64) {
    let Server { aof, log, conf, .. } = srv;
    let reason = os_text(&trouble.error);
    if now_ms >= aof.complain_ms || how == Flush::Now {
        aof.complain_ms = now_ms + COMPLAIN_MS;
        if trouble.done == 0 {
            log.warning(format_args!("Error writing to the AOF file: {reason}"));
        } else {
            let Trouble { done, of, .. } = trouble;
            log.warning(format_args!(
                "Short write while writing to the AOF file: (nwritten={done}, expected={of})"
            ));
        }
    }
    if let Err(error) = &trouble.cut {
        log.warning(format_args!(
            "Could not remove short write from the append-only file. What is missing is written as soon as that \
             works; until then the file ends inside a command. ftruncate: {}",
            os_text(error)
        ));
    }
    aof.write_error = Some(trouble.error.raw_os_error().unwrap_or(libc::ENOSPC));
    aof.retry_ms = now_ms + RETRY_MS;
    if conf.aof.fsync == AppendFsync::Always && aof.state == State::On {
        log.warning(format_args!(
            "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
        ));
        aof.is_broken = true;
    }
}

/// Has what was written forced out, if it is time.
fn sync(srv: &mut Server, now_ms: u64) {
    let is_child_busy = srv.children.active.is_some();
    let Server { aof, conf, log, .. } = srv;
    let Some(appender) = &aof.appender else { return };
    // What did not reach the disk is asked for again.
    let has_failed = aof.bio.sync_error().is_some();
    if aof.sync_asked == aof.written && !has_failed || conf.aof.no_fsync_on_rewrite && is_child_busy
    {
        return;
    }
    match conf.aof.fsync {
        AppendFsync::No => {}
        AppendFsync::Always => {
            let synced = aof.folder.disk.sync_data(appender.file());
            aof.last_sync_ms = now_ms;
            match synced {
                Ok(()) => {
                    aof.sync_asked = aof.written;
                    aof.bio.note_synced(aof.written);
                }
                Err(error) => {
                    log.warning(format_args!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
                        os_text(&error)
                    ));
                    aof.is_broken = true;
                }
            }
            let spent_ms = (srv.clock.mono_us() / 1000).saturating_sub(now_ms);
            let now_s = srv.clock.now().seconds();
            srv.latency.add(&srv.conf.latency, event::AOF_FSYNC, spent_ms, now_s);
        }
        AppendFsync::EverySec => {
            if now_ms.saturating_sub(aof.last_sync_ms) >= SYNC_EVERY_MS
                && aof.bio.syncs_pending() == 0
            {
                aof.last_sync_ms = now_ms;
                aof.sync_asked = aof.written;
                let (file, offset) = (Arc::clone(appender.file()), aof.written);
                aof.bio.give(Job::Sync { file, offset });
            }
        }
    }
}

/// Lets the gates know whether changes can be kept.
fn note_health(srv: &mut Server) {
    let failures = srv.aof.bio.failures();
    if failures != srv.aof.failures_seen {
        srv.aof.failures_seen = failures;
        let errno = srv.aof.bio.sync_error().unwrap_or(libc::EIO);
        let reason = os_text(&io::Error::from_raw_os_error(errno));
        srv.log.warning(format_args!("Fail to fsync the AOF file: {reason}"));
        // The kernel may have dropped what it could not write: only a new base is sure to have it
        // all.
        srv.aof.rewrites.scheduled = true;
    }
    let failing = srv.aof.trouble().is_some();
    if failing != srv.aof.is_ailing {
        srv.aof.is_ailing = failing;
        srv.refresh_states();
    }
}

impl Aof {
    /// The errno of what keeps changes from the disk.
    pub fn trouble(&self) -> Option<i32> {
        match self.state {
            State::Off => None,
            _ => self.write_error.or(self.bio.sync_error()),
        }
    }

    /// Forces out what was written, and waits for it.
    pub fn sync_now(&mut self) -> io::Result<()> {
        let Some(appender) = &self.appender else { return Ok(()) };
        self.folder.disk.sync_data(appender.file())?;
        self.sync_asked = self.written;
        self.bio.note_synced(self.written);
        Ok(())
    }

    /// Lets a file go that is not written to any more. It is forced out in the background.
    pub fn retire(&mut self, file: Arc<std::fs::File>, sync: bool) {
        self.bio.give(Job::Close { file, sync });
    }
}

/// Tells the units whether the AOF reads what they tell.
pub fn listen(srv: &mut Server, aof: bool) {
    let readers = Readers { aof, ..srv.unit.readers() };
    srv.unit.set_readers(readers);
    srv.unit.select_anew();
}

/// CONFIG SET appendonly no: everything is written and forced out, and the files stay.
pub fn switch_off(srv: &mut Server) {
    if srv.aof.state == State::Off {
        return;
    }
    super::rewrite::driver::kill(srv);
    if let Some(appender) = &mut srv.aof.appender {
        let now_s = srv.clock.now().seconds();
        appender.seal(now_s);
    }
    flush(srv, Flush::Now);
    if let Err(error) = srv.aof.sync_now() {
        srv.log.warning(format_args!("Fail to fsync the AOF file: {}", os_text(&error)));
    }
    note_end(srv);
    let Server { aof, .. } = srv;
    if aof.state == State::Waiting {
        let temporary = aof.folder.path(&aof.folder.temporary_increment());
        aof.bio.give(Job::Remove(temporary));
    }
    if let Some(appender) = aof.appender.take() {
        aof.earlier_size += appender.size();
    }
    aof.state = State::Off;
    (aof.write_error, aof.is_ailing, aof.put_off_ms) = (None, false, None);
    listen(srv, false);
    srv.refresh_states();
}

/// Has the manifest say how much the last increment tells, which is written to no more.
fn note_end(srv: &mut Server) {
    let Server { aof, log, unit, .. } = srv;
    if aof.state != State::On || aof.appender.as_ref().is_none_or(|appender| !appender.is_empty()) {
        return;
    }
    let mut next = aof.manifest.clone();
    next.set_end(Some(unit.told()));
    if next == aof.manifest {
        return;
    }
    match aof.folder.write(&next) {
        Ok(()) => aof.manifest = next,
        // The next start will estimate it.
        Err(not) => log.warning(format_args!(
            "Fail to note the end of the append-only file in its manifest: {}",
            os_text(&not.error)
        )),
    }
}

/// CONFIG SET appendonly yes: a rewrite begins, and what is written meanwhile counts once that has
/// succeeded.
pub fn switch_on(srv: &mut Server) -> Result<(), String> {
    if srv.aof.state != State::Off {
        return Ok(());
    }
    srv.aof.state = State::Waiting;
    super::rewrite::driver::begin_first(srv).map_err(|error| {
        srv.aof.state = State::Off;
        srv.aof.appender = None;
        listen(srv, false);
        srv.log.warning(format_args!(
            "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation: {}",
            os_text(&error)
        ));
        "Unable to turn on AOF. Check server logs.".to_owned()
    })
}

/// The end of the server: everything is written and forced out.
pub fn close(srv: &mut Server) {
    if srv.aof.state == State::Off {
        return;
    }
    srv.log.notice(format_args!("Calling fsync() on the AOF file."));
    if let Some(appender) = &mut srv.aof.appender {
        let now_s = srv.clock.now().seconds();
        appender.seal(now_s);
    }
    flush(srv, Flush::Now);
    if let Err(error) = srv.aof.sync_now() {
        srv.log.warning(format_args!("Fail to fsync the AOF file: {}.", os_text(&error)));
    }
    note_end(srv);
    srv.aof.bio.drain();
}

/// A step of the cron.
pub fn tick(srv: &mut Server) {
    super::rewrite::driver::begin_if_due(srv);
}
