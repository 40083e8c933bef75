//! Rewriting: a new base takes the place of all that was written before.
//!
//! ```text
//!   parent   flush ─► increment n+1, manifest names it ─► fork ─► goes on serving ─► rename, manifest ─► old files go
//!   child                                                  └─► temp-rewriteaof-<pid>.aof ─► ..-bg-<pid>.aof
//! ```
//!
//! At every moment the manifest on the disk names files that hold everything: before the last step
//! the old base with all increments, after it the new base with the last one. Whatever fails in
//! between leaves the former and costs an attempt.

use std::io;
use std::path::PathBuf;

use super::super::State;
use super::super::append::Appender;
use super::super::driver::{Flush, flush, listen};
use super::super::folder::{Folder, Unreadable};
use super::super::manifest::Manifest;
use crate::base::os::os_text;
use crate::command::effects::Readers;
use crate::observe::latency::event;
use crate::persist::bio::Job;
use crate::persist::child::{End, Reporter, Task};
use crate::persist::children::driver::{self as children, Summary};
use crate::persist::disk::NotReplaced;
use crate::persist::dismiss::Dismiss;
use crate::persist::file::{NewFile, NotWritten, Step};
use crate::persist::rdb::driver as rdb;
use crate::persist::rdb::save;
use crate::server::Server;

/// Where the child writes, and what it calls it when it is done.
fn temporary(srv: &Server, pid: u32) -> (PathBuf, PathBuf) {
    let folder = &srv.aof.folder;
    (
        folder.beside(&format!("temp-rewriteaof-{pid}.aof")),
        folder.beside(&format!("temp-rewriteaof-bg-{pid}.aof")),
    )
}

/// Begins a rewrite. There must be no other child.
pub fn begin(srv: &mut Server) -> io::Result<()> {
    let begun = make_ready(srv).and_then(|()| fork(srv));
    match begun {
        Ok(()) => srv.aof.rewrites.scheduled = false,
        Err(_) => {
            let now_s = srv.clock.now().seconds();
            srv.aof.rewrites.note_failure(now_s);
        }
    }
    begun
}

/// Begins the rewrite with which the file is switched on.
pub fn begin_first(srv: &mut Server) -> io::Result<()> {
    find_folder(srv)?;
    if srv.rdb.loading.is_some() {
        // Half the data would be the base.
        srv.aof.rewrites.scheduled = true;
        return Ok(());
    }
    match &srv.children.active {
        // A child cannot begin with half a transaction.
        _ if srv.unit.depth > 1 => return put_off_first(srv),
        Some(child) if child.task == Task::Rewrite => {
            srv.log.notice(format_args!(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and \
                 starting a rewrite now."
            ));
            kill(srv);
        }
        Some(_) => return put_off_first(srv),
        None => {}
    }
    begin(srv)
}

fn put_off_first(srv: &mut Server) -> io::Result<()> {
    srv.aof.rewrites.scheduled = true;
    srv.log.notice(format_args!(
        "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when \
         possible."
    ));
    Ok(())
}

/// Looks what is there already, where nothing was written yet since the start.
fn find_folder(srv: &mut Server) -> io::Result<()> {
    let conf = &srv.conf;
    let disk = srv.aof.folder.disk.clone();
    let (home, dirname, stem) = (&conf.process.dir, &conf.aof.dirname, &conf.aof.filename);
    let folder = Folder::new(disk, home, dirname, stem);
    let manifest = folder.read().map_err(|error| match error {
        Unreadable::Flaw(flaw) => io::Error::new(io::ErrorKind::InvalidData, flaw.reason),
        Unreadable::Io(error) => error,
    });
    let manifest = manifest.inspect_err(|error| {
        let reason = os_text(error);
        srv.log.warning(format_args!("Can't read the AOF manifest: {reason}"));
    })?;
    srv.aof.manifest = manifest.unwrap_or_default();
    srv.aof.folder = folder;
    Ok(())
}

/// Sees to it that what is written from now on goes to a file of its own.
fn make_ready(srv: &mut Server) -> io::Result<()> {
    match srv.aof.state {
        State::Off => find_folder(srv)?,
        State::On => next_increment(srv)?,
        State::Waiting => temporary_increment(srv)?,
    }
    srv.aof.folder.ensure()
}

fn next_increment(srv: &mut Server) -> io::Result<()> {
    let now_s = srv.clock.now().seconds();
    if let Some(appender) = &mut srv.aof.appender {
        appender.seal(now_s);
    }
    flush(srv, Flush::Now);
    let Server { aof, log, unit, .. } = srv;
    let Some(appender) = aof.appender.as_mut().filter(|a| a.is_empty()) else {
        // What could not be written belongs into the present file.
        return Err(io::Error::from_raw_os_error(aof.write_error.unwrap_or(libc::EIO)));
    };
    let mut next = aof.manifest.clone();
    let name = next.add_increment(&aof.folder.stem, unit.told());
    let shown = String::from_utf8_lossy(&name).into_owned();
    let path = aof.folder.path(&name);
    log.notice(format_args!("Creating AOF incr file {shown} on background rewrite"));
    let file = aof.folder.disk.begin(&path).inspect_err(|error| {
        log.warning(format_args!("Can't open the append-only file {shown}: {}", os_text(error)));
    })?;
    if let Err(not) = aof.folder.write(&next) {
        log.warning(format_args!("Fail to write the AOF manifest: {}", os_text(&not.error)));
        if !not.is_unsure {
            aof.bio.give(Job::Remove(path));
        }
        return Err(not.error);
    }
    aof.earlier_size += appender.size();
    let old = appender.move_to(file, 0);
    aof.retire(old, true);
    aof.manifest = next;
    unit.select_anew();
    Ok(())
}

fn temporary_increment(srv: &mut Server) -> io::Result<()> {
    srv.aof.folder.ensure()?;
    let name = srv.aof.folder.temporary_increment();
    let shown = String::from_utf8_lossy(&name).into_owned();
    srv.log.notice(format_args!("Creating AOF incr file {shown} on background rewrite"));
    let disk = srv.aof.folder.disk.clone();
    let file = disk.begin(&srv.aof.folder.path(&name))?;
    // What is told before the fork is in the base. Replicas are to hear of it all the same.
    srv.unit.hide_so_far(Readers { aof: true, replicas: false });
    srv.aof.waiting_from = srv.unit.told();
    srv.aof.appender = Some(Appender::new(disk, file, 0));
    listen(srv, true);
    Ok(())
}

fn fork(srv: &mut Server) -> io::Result<()> {
    srv.aof.rewrites.as_rdb = srv.conf.aof.use_rdb_preamble;
    srv.aof.rewrites.count += 1;
    match children::fork(srv, Task::Rewrite, write_base) {
        Ok(pid) => {
            srv.log
                .notice(format_args!("Background append only file rewriting started by pid {pid}"));
            Ok(())
        }
        Err(error) => {
            srv.log.warning(format_args!(
                "Can't rewrite append only file in background: fork: {}",
                os_text(&error)
            ));
            if srv.aof.state == State::Waiting {
                drop_temporary_increment(srv);
            }
            Err(error)
        }
    }
}

/// The child's work.
fn write_base(srv: &mut Server, reporter: &mut Reporter) -> io::Result<()> {
    let (temp, target) = temporary(srv, std::process::id());
    let dismiss = reporter.dismiss();
    let written = write_file(srv, (&temp, &target), dismiss, &mut |keys| reporter.tell(keys));
    match &written {
        Ok(()) => {
            let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
            srv.log.notice(format_args!("Successfully created the temporary AOF base file {name}"));
            children::tell_copied(srv, reporter, "AOF rewrite");
        }
        Err(not) => say_not_written(srv, not),
    }
    Ok(written?)
}

fn say_not_written(srv: &mut Server, not: &NotWritten) {
    let what = match not.step {
        Step::Open => "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile()",
        Step::Write | Step::Sync => "Write error writing append only file on disk",
        Step::Rename => "Error moving temp append only file on the final destination",
        Step::SyncFolder => "Failed to fsync directory while rewriting the append only file",
    };
    srv.log.warning(format_args!("{what}: {}", os_text(&not.error)));
}

/// Writes a base of the data as they are, and puts it in its place. `tell` hears now and then how
/// many keys are done.
pub fn write_file(
    srv: &Server,
    (temp, target): (&PathBuf, &PathBuf),
    dismiss: Dismiss,
    tell: &mut dyn FnMut(u64),
) -> Result<(), NotWritten> {
    let incremental = srv.conf.aof.rewrite_incremental_fsync;
    let mut file = NewFile::create(&srv.aof.folder.disk, temp, target, incremental)?;
    let options = save::Options { dismiss, ..rdb::save_options(srv, true) };
    let Server { keyspace, clock, conf, .. } = srv;
    let mut pace = children::Pace::default();
    let mut progress = |keys: u64| {
        if keys > 0 && pace.is_time(clock.mono_us()) {
            tell(keys);
        }
    };
    if conf.aof.use_rdb_preamble {
        save::save(keyspace, &mut file, &options, &mut |p| {
            progress(p.keys);
            Ok(())
        })
        .map_err(NotWritten::at(Step::Write))?;
    } else {
        let form = super::Form {
            stamp: conf.aof.timestamp_enabled.then(|| clock.now()),
            checksum: conf.aof.checksum,
            functions: options.functions,
            dismiss,
        };
        super::write_all(keyspace, &mut file, &form, &mut progress)
            .map_err(NotWritten::at(Step::Write))?;
    }
    file.commit()?;
    tell(keyspace.len() as u64);
    Ok(())
}

/// A rewrite has ended.
pub fn ended(srv: &mut Server, child: Summary, end: End) {
    let now_s = srv.clock.now().seconds();
    srv.aof.rewrites.last_s = now_s - child.started_s;
    srv.children.rewrite_copied = child.peak;
    let verdict = match end {
        End::Done => {
            srv.log.notice(format_args!("Background AOF rewrite terminated with success"));
            adopt(srv, child.pid).map_err(|error| {
                srv.log.warning(format_args!(
                    "Error trying to put the new AOF base into place: {}",
                    os_text(&error)
                ));
                true
            })
        }
        End::Failed(_) | End::Lost => {
            srv.log.warning(format_args!("Background AOF rewrite terminated with error"));
            Err(true)
        }
        End::Killed(signal) => {
            srv.log.warning(format_args!("Background AOF rewrite terminated by signal {signal}"));
            Err(signal != libc::SIGUSR1)
        }
    };
    let (temp, target) = temporary(srv, child.pid as u32);
    match verdict {
        Ok(()) => srv.aof.rewrites.note_success(),
        Err(is_failure) => {
            if is_failure {
                srv.aof.rewrites.note_failure(now_s);
            }
            for path in [temp, target] {
                srv.aof.bio.give(Job::Remove(path));
            }
            if srv.aof.state == State::Waiting {
                drop_temporary_increment(srv);
                srv.aof.rewrites.scheduled = true;
            }
        }
    }
}

/// The attempt to switch on has failed: what was written for it is worth nothing.
fn drop_temporary_increment(srv: &mut Server) {
    let name = srv.aof.folder.temporary_increment();
    srv.log.notice(format_args!(
        "Removing the temp incr aof file {} in the background",
        String::from_utf8_lossy(&name)
    ));
    let path = srv.aof.folder.path(&name);
    srv.aof.bio.give(Job::Remove(path));
    srv.aof.appender = None;
    listen(srv, false);
}

/// Puts the file that the child has written into its place.
fn adopt(srv: &mut Server, pid: i32) -> io::Result<()> {
    let (_, target) = temporary(srv, pid as u32);
    if srv.aof.state == State::Waiting {
        // From the moment at which the manifest names it, it has to hold what was answered.
        flush(srv, Flush::Now);
        srv.aof.sync_now()?;
    }
    let Server { aof, log, clock, conf, latency, .. } = srv;
    let mut next = aof.manifest.clone();
    let name = next.supersede(&aof.folder.stem, aof.rewrites.as_rdb, aof.state == State::On);
    let before_us = clock.mono_us();
    aof.folder.adopt(&target, &name)?;
    let spent_ms = clock.mono_us().saturating_sub(before_us) / 1000;
    latency.add(&conf.latency, event::AOF_RENAME, spent_ms, clock.now().seconds());
    log.notice(format_args!(
        "Successfully renamed the temporary AOF base file {} into {}",
        target.file_name().unwrap_or_default().to_string_lossy(),
        String::from_utf8_lossy(&name)
    ));
    let unchanged = |error| NotReplaced { error, is_unsure: false };
    let placed = place_increment(srv, &mut next).map_err(unchanged);
    let placed = placed.and_then(|()| srv.aof.folder.write(&next));
    let Server { aof, .. } = srv;
    if let Err(not) = placed {
        if !not.is_unsure {
            aof.bio.give(Job::Remove(aof.folder.path(&name)));
        }
        return Err(not.error);
    }
    aof.manifest = next;
    aof.base_size = aof.folder.size(&name).unwrap_or(0);
    aof.earlier_size = 0;
    aof.rewritten_size = aof.size();
    if aof.state == State::Waiting {
        aof.state = State::On;
    }
    drop_history(srv);
    srv.log.notice(format_args!("Background AOF rewrite finished successfully"));
    srv.refresh_states();
    Ok(())
}

/// What was written while the file was being switched on becomes an increment like any other.
fn place_increment(srv: &mut Server, next: &mut Manifest) -> io::Result<()> {
    let Server { aof, log, .. } = srv;
    if aof.state != State::Waiting {
        return Ok(());
    }
    let temporary = aof.folder.temporary_increment();
    let name = next.add_increment(&aof.folder.stem, aof.waiting_from);
    aof.folder.disk.rename(&aof.folder.path(&temporary), &aof.folder.path(&name))?;
    log.notice(format_args!(
        "Successfully renamed the temporary AOF incr file {} into {}",
        String::from_utf8_lossy(&temporary),
        String::from_utf8_lossy(&name)
    ));
    Ok(())
}

/// Removes what no longer counts, unless that was forbidden.
pub fn drop_history(srv: &mut Server) {
    let Server { aof, log, conf, .. } = srv;
    if conf.aof.disable_auto_gc || aof.manifest.history.is_empty() {
        return;
    }
    for part in std::mem::take(&mut aof.manifest.history) {
        log.notice(format_args!(
            "Removing the history file {} in the background",
            String::from_utf8_lossy(&part.name)
        ));
        aof.bio.give(Job::Remove(aof.folder.path(&part.name)));
    }
    if let Err(error) = aof.folder.write(&aof.manifest) {
        // It names files that are gone, which the next start passes over.
        log.warning(format_args!("Fail to write the AOF manifest: {}", os_text(&error.error)));
    }
}

/// Ends a rewrite that is under way.
pub fn kill(srv: &mut Server) {
    let Some(mut child) = srv.children.active.take_if(|child| child.task == Task::Rewrite) else {
        return;
    };
    srv.log.notice(format_args!("Killing running AOF rewrite child: {}", child.pid));
    let (temp, target) = temporary(srv, child.pid as u32);
    child.kill();
    child.wait();
    srv.keyspace.pause_moves(false);
    for path in [temp, target] {
        srv.aof.bio.give(Job::Remove(path));
    }
}

/// Begins a rewrite that somebody has asked for, or that the size of the file asks for.
pub fn begin_if_due(srv: &mut Server) {
    if srv.children.active.is_some() {
        return;
    }
    let conf = &srv.conf.aof;
    let growth = match srv.aof.state {
        State::On => srv.aof.is_overgrown(conf.rewrite_percentage, conf.rewrite_min_bytes),
        State::Off | State::Waiting => None,
    };
    if !srv.aof.rewrites.scheduled && growth.is_none() || is_put_off(srv) {
        return;
    }
    if let (Some(growth), false) = (growth, srv.aof.rewrites.scheduled) {
        srv.log.notice(format_args!("Starting automatic rewriting of AOF on {growth}% growth"));
    }
    // The log has said what went wrong, and when it is tried again is noted.
    let _ = begin(srv);
}

/// Whether so many have failed that the next one has to wait.
fn is_put_off(srv: &mut Server) -> bool {
    let Server { aof, log, clock, .. } = srv;
    let left_s = aof.rewrites.not_before_s - clock.now().seconds();
    if left_s > 0 && !std::mem::replace(&mut aof.rewrites.is_limit_told, true) {
        let minutes = (left_s + 59) / 60;
        log.warning(format_args!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
        ));
    }
    left_s > 0
}
