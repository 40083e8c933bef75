//! Ending in good order.
//!
//! ```text
//!   asked ──► wait for replicas that are behind ──► save ──► remove pid file and socket ──► leave the loop
//!     │             │ SHUTDOWN ABORT                  │ failed, and not FORCE
//!     │ NOW ────────┼────────────────────────────►    ▼
//!     ▼             ▼                               stay
//! ```
//!
//! A signal and the SHUTDOWN command ask for the same thing; only the failure is told to different
//! ears.

use std::time::Duration;

use super::{Server, cron};
use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::client::pause::PauseMode;
use crate::command::CmdError;
use crate::config::{ShutdownFlags, Supervised};
use crate::net::listener::ListenerKind;
use crate::persist::aof::rewrite::driver as rewrite;
use crate::persist::aof::{State, driver as aof};
use crate::persist::child::Task;
use crate::persist::children::driver as children;
use crate::persist::rdb::driver;
use crate::process::signals::{self, Asked};
use crate::process::supervise;

/// How a shutdown stands.
#[derive(Debug, Default)]
pub struct Shutdown {
    waiting: Option<Waiting>,
    /// Replicas that have not confirmed everything yet; replication keeps this up to date.
    pub replicas_behind: usize,
}

/// A shutdown that waits for replicas.
#[derive(Debug)]
struct Waiting {
    flags: ShutdownFlags,
    deadline: UnixMillis,
    /// Clients to be told if it fails.
    askers: Vec<Id>,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The loop ends with this turn.
    Ending,
    Waiting,
    Refused,
}

impl Shutdown {
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

/// What a signal asks for.
pub fn on_signal(srv: &mut Server, asked: Asked) {
    let process = &srv.conf.process;
    let flags = match asked {
        Asked::Interrupt => process.shutdown_on_sigint,
        Asked::Terminate => process.shutdown_on_sigterm,
    };
    ask(srv, flags, None);
}

/// Asks for the end. The client who asked, if any, is told should it not come after all.
pub fn ask(srv: &mut Server, flags: ShutdownFlags, asker: Option<Id>) -> Answer {
    if let Some(waiting) = &mut srv.shutdown.waiting {
        waiting.askers.extend(asker);
        if !flags.now {
            return Answer::Waiting;
        }
    } else {
        srv.log.notice(format_args!("User requested shutdown..."));
        if srv.process.supervised == Supervised::Systemd {
            supervise::notify("STOPPING=1\n", &mut srv.log);
        }
        if must_wait(srv, flags) {
            begin_waiting(srv, flags, asker);
            return Answer::Waiting;
        }
    }
    finish(srv, flags)
}

fn must_wait(srv: &Server, flags: ShutdownFlags) -> bool {
    !flags.now && srv.conf.process.shutdown_timeout_s > 0 && srv.shutdown.replicas_behind > 0
}

/// Writes stand still meanwhile, or the replicas would never catch up.
fn begin_waiting(srv: &mut Server, flags: ShutdownFlags, asker: Option<Id>) {
    let patience = Duration::from_secs(u64::from(srv.conf.process.shutdown_timeout_s));
    let deadline = UnixMillis(srv.clock.now().0 + patience.as_millis() as i64);
    srv.log.notice(format_args!(
        "{} of {} replicas are in sync when shutting down.",
        0, srv.shutdown.replicas_behind
    ));
    srv.clients.pause.begin(PauseMode::Writes, UnixMillis(i64::MAX));
    srv.refresh_states();
    srv.shutdown.waiting = Some(Waiting { flags, deadline, askers: asker.into_iter().collect() });
}

/// Looks at a waiting shutdown: a step of the cron.
pub fn tick(srv: &mut Server) {
    let Some(waiting) = &srv.shutdown.waiting else {
        return;
    };
    let late = srv.clock.now() >= waiting.deadline;
    if srv.shutdown.replicas_behind == 0 || late {
        let flags = waiting.flags;
        finish(srv, flags);
    }
}

/// SHUTDOWN ABORT.
pub fn abort(srv: &mut Server) -> Result<(), CmdError> {
    // A signal whose shutdown has not begun yet is forgotten.
    let is_asked = srv.bell.is_some() && signals::take().is_some();
    if is_asked && !srv.shutdown.is_waiting() {
        srv.log.notice(format_args!("Shutdown manually aborted."));
        return Ok(());
    }
    if !srv.shutdown.is_waiting() {
        return Err(CmdError::Fixed("ERR No shutdown in progress."));
    }
    srv.log.notice(format_args!("Shutdown manually aborted."));
    give_up(srv);
    Ok(())
}

/// The shutdown does not happen: the askers hear of it and writes go on.
fn give_up(srv: &mut Server) {
    let Some(waiting) = srv.shutdown.waiting.take() else {
        return;
    };
    cron::end_pause(srv);
    let Server { clients, net, stats, .. } = srv;
    for id in waiting.askers {
        if let Some(client) = clients.get_mut(id) {
            client.out.begin();
            client.out.error(REFUSED.text());
            stats.count_error("ERR");
            client.send_soon(net);
        }
    }
}

/// Saves what is to be saved and cleans up. If saving fails the server stays, unless it is forced
/// to go.
fn finish(srv: &mut Server, flags: ShutdownFlags) -> Answer {
    if let Err(NotSaved) = end_children(srv, flags).and_then(|()| save(srv, flags)) {
        if flags.force {
            srv.log.warning(format_args!("Error trying to save the DB. Exit anyway."));
        } else {
            srv.log.warning(format_args!("Error trying to save the DB, can't exit."));
            srv.log.warning(format_args!(
                "Errors trying to shut down the server. Check the logs for more information."
            ));
            give_up(srv);
            return Answer::Refused;
        }
    }
    clean_up(srv);
    srv.log.warning(format_args!("Redis is now ready to exit, bye bye..."));
    srv.stopping = true;
    Answer::Ending
}

/// The snapshot could not be written.
#[derive(Debug)]
struct NotSaved;

/// Ends the child that is writing, and forces the append-only file out. Fails if that is only being
/// begun: what was written since its beginning would be lost.
fn end_children(srv: &mut Server, flags: ShutdownFlags) -> Result<(), NotSaved> {
    match srv.children.active.as_ref().map(|child| child.task) {
        Some(Task::Snapshot) => {
            srv.log.warning(format_args!("There is a child saving an .rdb. Killing it!"));
            children::kill_snapshot(srv);
        }
        Some(Task::Rewrite) if srv.aof.state == State::Waiting && !flags.force => {
            srv.log.warning(format_args!("Writing initial AOF, can't exit."));
            return Err(NotSaved);
        }
        Some(Task::Rewrite) => {
            if srv.aof.state == State::Waiting {
                srv.log.warning(format_args!("Writing initial AOF. Exit anyway."));
            }
            srv.log.warning(format_args!("There is a child rewriting the AOF. Killing it!"));
            rewrite::kill(srv);
        }
        None => {}
    }
    aof::close(srv);
    Ok(())
}

/// The final snapshot, if one is asked for or there are save points.
fn save(srv: &mut Server, flags: ShutdownFlags) -> Result<(), NotSaved> {
    let is_wanted = flags.save || !srv.conf.rdb.save_points.is_empty() && !flags.nosave;
    // While data are being loaded there is nothing that the file does not hold already.
    if !is_wanted || srv.rdb.loading.is_some() {
        return Ok(());
    }
    srv.log.notice(format_args!("Saving the final RDB snapshot before exiting."));
    signals::set_ending(true);
    let saved = driver::save_file(srv);
    signals::set_ending(false);
    if saved { Ok(()) } else { Err(NotSaved) }
}

/// Removes the marks that the process left in the file system.
fn clean_up(srv: &mut Server) {
    let Server { process, files, log, net, .. } = srv;
    process.remove_pidfile(files, log);
    for listener in net.listeners.drain(..) {
        if let ListenerKind::Unix { path, .. } = &listener.kind {
            log.notice(format_args!("Removing the unix socket file."));
            let _ = std::fs::remove_file(path); // Somebody may have been faster.
        }
    }
}

pub const REFUSED: CmdError = CmdError::Fixed("ERR Errors trying to SHUTDOWN. Check logs.");
