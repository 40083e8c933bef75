//! What follows a changed option: the one place where the configuration reaches the server.
//!
//! The rows of the table only name a step ([`Apply`]). Most fields need none, since whoever uses
//! them reads them anew each time. A step that fails says why, in the words of the reply; the
//! caller then lays the old configuration back and takes the steps again.

use std::io;

use crate::base::alloc;
use crate::base::files::Files;
use crate::base::os::os_text;
use crate::config::{AppendFsync, Apply, Config};
use crate::persist::aof::driver as aof;
use crate::persist::aof::rewrite::driver as rewrite;
use crate::process::crash;
use crate::process::oom::OomRole;
use crate::process::watchdog;
use crate::process::{boot, limits};
use crate::server::{Server, evict, evict_clients, news};

/// Takes some steps; the error names the option to blame and says why.
pub fn apply(
    srv: &mut Server,
    steps: &[(Apply, &'static str)],
    before: &Config,
) -> Result<(), (&'static str, String)> {
    for (at, (step, name)) in steps.iter().enumerate() {
        let Err(reason) = take(srv, *step) else { continue };
        srv.conf = before.clone();
        for (step, _) in &steps[..=at] {
            // What was there before is taken up again as well as can be; the first reason is the
            // one to tell.
            let _ = take(srv, *step);
        }
        return Err((name, reason));
    }
    // The keyspace keeps a few options of its own; telling it costs less than asking whether to.
    srv.tune_keyspace();
    // So do the gates, with more of them than have a step.
    srv.refresh_states();
    // A smaller table of tracking forgets at once, before the next call of whoever is told of that.
    news::tick(srv);
    Ok(())
}

/// Takes one step. Every step stands here, so that a new one cannot be forgotten.
fn take(srv: &mut Server, step: Apply) -> Result<(), String> {
    match step {
        Apply::Bind => {
            return boot::listen_again(srv)
                .map_err(|_| "Failed to bind to specified addresses.".to_owned());
        }
        Apply::Port => {
            boot::listen_again(srv)
                .map_err(|_| "Unable to listen on this port. Check server logs.".to_owned())?;
            boot::show_title(srv);
        }
        Apply::Maxclients => return raise_open_files(srv),
        Apply::OomScoreAdj => {
            let Server { oom, conf, files, log, .. } = srv;
            return oom.apply(&conf.process, OomRole::Primary, files, log).map_err(str::to_owned);
        }
        Apply::Dir => return enter_dir(srv).map_err(|error| os_text(&error)),
        Apply::AppendOnly if srv.conf.aof.enabled => return aof::switch_on(srv),
        Apply::AppendOnly => aof::switch_off(srv),
        Apply::AofDisableGc => rewrite::drop_history(srv),
        // What was written so far is on the disk before anybody relies on it.
        Apply::AppendFsync if srv.conf.aof.fsync == AppendFsync::Always => {
            aof::flush(srv, aof::Flush::Now);
        }
        Apply::CrashLog => crash::enable(srv.conf.process.crash_log_enabled),
        Apply::LogForm => srv.log.follow(&srv.conf.log),
        Apply::ProcTitle => boot::show_title(srv),
        // Authenticated connections stay so; only later AUTHs see the new password.
        Apply::Requirepass => srv.refresh_states(),
        Apply::MaxmemoryClients => evict_clients::changed(srv),
        Apply::Maxmemory | Apply::MaxmemoryPolicy => {
            evict::changed(srv);
            evict_clients::changed(srv);
        }
        Apply::JemallocBgThread => {
            alloc::background_threads(srv.conf.memory.jemalloc_bg_thread);
        }
        Apply::Watchdog => watch_loop(srv),
        Apply::None | Apply::AppendFsync => {}
        // Read anew by those who use them, each time.
        Apply::Hz | Apply::MinReplicas | Apply::OutputLimits | Apply::SavePoints => {}
        Apply::SlowlogMaxLen => {}
        // Their features are not built yet.
        Apply::AclLogMaxLen | Apply::ActiveDefrag | Apply::DefragEffort | Apply::ImportMode => {}
        Apply::ClusterAnnounce | Apply::ClusterFlags | Apply::ClusterSlots => {}
        Apply::ClusterState | Apply::LocaleCollate | Apply::ReplBacklogSize => {}
        Apply::ReplicaOf | Apply::ReplicaReadOnly | Apply::Tls | Apply::TlsPort => {}
    }
    Ok(())
}

/// Sets the timer of the watchdog, or stops it. The loop comes back once in a tick: less than two
/// is no sign of anything.
pub fn watch_loop(srv: &mut Server) {
    let period_ms = &mut srv.conf.process.watchdog_period_ms;
    if *period_ms > 0 {
        *period_ms = (*period_ms).max(2 * 1000 / srv.conf.server.hz.clamp(1, 500));
    }
    // A server without a bell is one of several in its process.
    if srv.bell.is_some() {
        watchdog::set_timer(*period_ms);
    }
}

/// Lets as many files be open as `maxclients` needs.
fn raise_open_files(srv: &mut Server) -> Result<(), String> {
    if matches!(srv.files, Files::Memory { .. }) {
        return Ok(());
    }
    let wanted = srv.conf.net.maxclients;
    match limits::raise_open_files(wanted, &mut srv.log) {
        Ok(got) if got == wanted => Ok(()),
        Ok(got) => Err(format!(
            "The operating system is not able to handle the specified number of clients, try with {got}"
        )),
        Err(_) => {
            Err("The operating system is not able to handle the specified number of clients"
                .to_owned())
        }
    }
}

/// Makes `dir` the working directory, and notes its full path.
pub fn enter_dir(srv: &mut Server) -> io::Result<()> {
    if matches!(srv.files, Files::Disk) {
        std::env::set_current_dir(&srv.conf.process.dir)?;
        srv.conf.process.dir = std::env::current_dir()?.to_string_lossy().into_owned();
    }
    Ok(())
}
