//! Children and the server: forking, listening, what follows their end; snapshots in the
//! background.
#![expect(unsafe_code, reason = "a child closes what its parent has open")]

use std::io;

use mio::Interest;
use mio::unix::SourceFd;

use crate::base::affinity;
use crate::base::os::os_text;
use crate::net::token::Source;
use crate::observe::latency::event;
use crate::persist::aof::rewrite::driver as rewrite;
use crate::persist::child::{self, Child, End, Reporter, Task};
use crate::persist::rdb::driver as rdb;
use crate::persist::rdb::save::Options;
use crate::process::oom::OomRole;
use crate::server::Server;

/// How often a child tells how it gets on.
const TELL_EVERY_US: u64 = 1_000_000;
/// Seconds between tries of a snapshot that failed.
const RETRY_S: i64 = 5;

/// Forks. `work` runs in the child. Returns its pid.
pub fn fork(
    srv: &mut Server,
    task: Task,
    work: impl FnOnce(&mut Server, &mut Reporter) -> io::Result<()>,
) -> io::Result<i32> {
    let disk = srv.aof.folder.disk.clone();
    let before_us = srv.clock.mono_us();
    let (keys_total, dirty) = (srv.keyspace.len() as u64, srv.keyspace.dirty);
    let spawner = srv.children.spawner;
    let started = child::start(spawner, &disk, task, |reporter| {
        if !reporter.is_child() {
            return work(srv, reporter);
        }
        // What has a descriptor and may be used or dropped by the work lets go of it first.
        srv.log.forked(std::process::id());
        // SAFETY: the log has nothing open any more. Sockets, the poll, listeners and the
        // append-only file are parts of the server, which is neither served nor dropped here: the
        // process ends by `_exit`. All that the work reads and writes it opens itself.
        unsafe { reporter.close_others() };
        become_child(srv, task);
        work(srv, reporter)
    });
    let now_us = srv.clock.mono_us();
    let now_s = srv.clock.now().seconds();
    let mut child = started?;
    srv.children.forks += 1;
    srv.children.last_fork_us = now_us.saturating_sub(before_us);
    let fork_ms = srv.children.last_fork_us / 1000;
    srv.latency.add(&srv.conf.latency, event::FORK, fork_ms, now_s);
    child.keys_total = keys_total;
    child.dirty = dirty;
    (child.started_us, child.told_us, child.started_s) = (now_us, now_us, now_s);
    // Nothing may move that the child would have to be given copies of.
    srv.keyspace.pause_moves(true);
    let (pid, fd) = (child.pid, child.descriptor());
    let watched =
        srv.net.reactor.register_for(&mut SourceFd(&fd), Source::Child, Interest::READABLE);
    if let Err(error) = watched {
        // The cron looks, too.
        srv.log.warning(format_args!("Can't watch the pipe of a child: {}", os_text(&error)));
    }
    srv.children.active = Some(child);
    Ok(pid)
}

/// What a child changes about itself before it works.
fn become_child(srv: &mut Server, task: Task) {
    let Server { log, oom, conf, files, title, .. } = srv;
    affinity::bind(match task {
        Task::Snapshot => &conf.process.bgsave_cpulist,
        Task::Rewrite => &conf.process.aof_rewrite_cpulist,
    });
    // Refused: then it is as likely to be ended as its parent.
    let _ = oom.apply(&conf.process, OomRole::Child, files, log);
    if let Some(title) = title {
        let name = match task {
            Task::Snapshot => "redis-rdb-bgsave",
            Task::Rewrite => "redis-aof-rewrite",
        };
        title.write(&format!("{name} *:{}", conf.net.port));
    }
}

/// When a child tells how it gets on: at its first key, and from then on every second.
#[derive(Debug, Default)]
pub struct Pace {
    told_us: Option<u64>,
}

impl Pace {
    /// Whether it should tell now, which it then does.
    pub fn is_time(&mut self, now_us: u64) -> bool {
        let is_time = self.told_us.is_none_or(|told| now_us.saturating_sub(told) > TELL_EVERY_US);
        if is_time {
            self.told_us = Some(now_us);
        }
        is_time
    }
}

/// The child's last words about the memory it took.
pub fn tell_copied(srv: &mut Server, reporter: &Reporter, what: &str) {
    let (now, peak, average) = reporter.copied();
    let [now, peak, average] = [now, peak, average].map(|bytes| bytes >> 20);
    srv.log.notice(format_args!(
        "Fork CoW for {what}: current {now} MB, peak {peak} MB, average {average} MB"
    ));
}

/// The pipe of the child has something to tell.
pub fn listen(srv: &mut Server) {
    let now_us = srv.clock.mono_us();
    let Some(child) = &mut srv.children.active else { return };
    if child.listen(now_us)
        && let Some(child) = srv.children.active.take()
    {
        ended(srv, child);
    }
}

fn ended(srv: &mut Server, mut child: Child) {
    let now_us = srv.clock.mono_us();
    child.listen(now_us);
    let (figures, task) = (Summary::of(&child), child.task);
    let end = child.wait();
    srv.keyspace.pause_moves(false);
    match task {
        Task::Snapshot => snapshot_ended(srv, figures, end),
        Task::Rewrite => rewrite::ended(srv, figures, end),
    }
}

/// What is left of a child that has gone.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub pid: i32,
    pub peak: u64,
    pub started_s: i64,
    pub dirty: u64,
}

impl Summary {
    fn of(child: &Child) -> Summary {
        let Child { pid, peak, started_s, dirty, .. } = *child;
        Summary { pid, peak, started_s, dirty }
    }
}

/// Why a snapshot cannot be begun.
#[derive(Debug)]
pub enum Refusal {
    /// A child lives.
    Busy,
    Failed(io::Error),
}

/// Begins a snapshot in the background.
pub fn begin_snapshot(srv: &mut Server) -> Result<(), Refusal> {
    if srv.children.active.is_some() {
        return Err(Refusal::Busy);
    }
    srv.children.snapshot_scheduled = false;
    srv.children.snapshot_tried_s = srv.clock.now().seconds();
    srv.rdb.saves += 1;
    match fork(srv, Task::Snapshot, write_snapshot) {
        Ok(pid) => {
            srv.log.notice(format_args!("Background saving started by pid {pid}"));
            Ok(())
        }
        Err(error) => {
            srv.rdb.last_ok = false;
            srv.log.warning(format_args!("Can't save in background: fork: {}", os_text(&error)));
            srv.refresh_states();
            Err(Refusal::Failed(error))
        }
    }
}

/// The child's work.
fn write_snapshot(srv: &mut Server, reporter: &mut Reporter) -> io::Result<()> {
    let (temp, target) = rdb::places(srv, std::process::id());
    let options = Options { dismiss: reporter.dismiss(), ..rdb::save_options(srv, false) };
    let mut pace = Pace::default();
    let written = rdb::write_file(srv, (&temp, &target), &options, &mut |p| {
        if p.keys > 0 && pace.is_time(srv.clock.mono_us()) {
            reporter.tell(p.keys);
        }
        Ok(())
    });
    match &written {
        Ok(done) => {
            reporter.tell(done.keys);
            srv.log.notice(format_args!("DB saved on disk"));
            tell_copied(srv, reporter, "RDB");
        }
        Err(not) => rdb::say_not_written(srv, (&temp, &target), not),
    }
    Ok(written.map(drop)?)
}

fn snapshot_ended(srv: &mut Server, child: Summary, end: End) {
    let now_s = srv.clock.now().seconds();
    srv.children.snapshot_took_s = now_s - child.started_s;
    srv.children.snapshot_copied = child.peak;
    match end {
        End::Done => {
            srv.log.notice(format_args!("Background saving terminated with success"));
            srv.rdb.saved(child.dirty, now_s);
        }
        End::Failed(_) | End::Lost => {
            srv.log.warning(format_args!("Background saving error"));
            srv.rdb.last_ok = false;
        }
        End::Killed(signal) => {
            srv.log.warning(format_args!("Background saving terminated by signal {signal}"));
            srv.rdb.last_ok &= signal == libc::SIGUSR1;
        }
    }
    if end != End::Done {
        remove_temporary(srv, child.pid);
    }
    srv.refresh_states();
}

fn remove_temporary(srv: &mut Server, pid: i32) {
    let (temp, _) = rdb::places(srv, pid as u32);
    let before_us = srv.clock.mono_us();
    let _ = std::fs::remove_file(temp);
    let spent_ms = srv.clock.mono_us().saturating_sub(before_us) / 1000;
    let now_s = srv.clock.now().seconds();
    srv.latency.add(&srv.conf.latency, event::RDB_UNLINK_TEMP_FILE, spent_ms, now_s);
}

/// Ends a snapshot that is under way. True if there was one.
pub fn kill_snapshot(srv: &mut Server) -> bool {
    let Some(mut child) = srv.children.active.take_if(|child| child.task == Task::Snapshot) else {
        return false;
    };
    let pid = child.pid;
    child.kill();
    child.wait();
    srv.keyspace.pause_moves(false);
    remove_temporary(srv, pid);
    true
}

/// A step of the cron: listens where no reactor does, and begins what is due.
pub fn tick(srv: &mut Server) {
    listen(srv);
    if srv.children.active.is_some() || srv.rdb.loading.is_some() {
        return;
    }
    begin_by_save_points(srv);
    crate::persist::aof::driver::tick(srv);
    if srv.children.snapshot_scheduled && srv.children.active.is_none() && may_retry(srv) {
        // The log has said what went wrong.
        let _ = begin_snapshot(srv);
    }
}

fn may_retry(srv: &Server) -> bool {
    srv.rdb.last_ok || srv.clock.now().seconds() - srv.children.snapshot_tried_s > RETRY_S
}

/// Begins a snapshot if there were enough changes for its time (`save`).
fn begin_by_save_points(srv: &mut Server) {
    let changes = srv.rdb.unsaved(srv.keyspace.dirty);
    let since_s = srv.clock.now().seconds() - srv.rdb.last_save_s;
    let reached = |(seconds, wanted): &&(u64, u64)| {
        changes >= *wanted && since_s > i64::try_from(*seconds).unwrap_or(i64::MAX)
    };
    let point = srv.conf.rdb.save_points.iter().find(reached).copied();
    if let Some((seconds, wanted)) = point
        && changes > 0
        && may_retry(srv)
    {
        srv.log.notice(format_args!("{wanted} changes in {seconds} seconds. Saving..."));
        // The log has said what went wrong.
        let _ = begin_snapshot(srv);
    }
}
