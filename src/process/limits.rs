//! Limits and habits of the machine that the server asks for or warns of at the start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::process::daemon;
use crate::process::log::Log;

/// Descriptors for everything but clients: listeners, files, logs, children.
pub const FDS_RESERVED: u64 = 32;

/// The machine does not allow for a single client.
#[derive(Debug)]
pub struct TooFewFiles;

/// Raises the limit of open files so that `maxclients` fit in. Returns how many clients do.
pub fn raise_open_files(maxclients: u32, log: &mut Log) -> Result<u32, TooFewFiles> {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::from(maxclients) + FDS_RESERVED;
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    if soft >= needed {
        return Ok(maxclients);
    }
    let wanted = Rlimit { current: Some(needed), maximum: Some(needed.max(hard)) };
    let Err(error) = setrlimit(Resource::Nofile, wanted) else {
        log.notice(format_args!(
            "Increased maximum number of open files to {needed} (it was originally set to {soft})."
        ));
        return Ok(maxclients);
    };
    // As far as the hard limit lets us.
    let reached = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let got = if setrlimit(Resource::Nofile, reached).is_ok() { hard } else { soft };
    if got <= FDS_RESERVED {
        log.warning(format_args!(
            "Your current 'ulimit -n' of {got} is not enough for the server to start. Please increase your open file \
             limit to at least {needed}. Exiting."
        ));
        return Err(TooFewFiles);
    }
    let reduced = u32::try_from(got - FDS_RESERVED).unwrap_or(maxclients).min(maxclients);
    let error = crate::base::os::os_text(&error.into());
    log.warning(format_args!(
        "You requested maxclients of {maxclients} requiring at least {needed} max file descriptors."
    ));
    log.warning(format_args!(
        "Server can't set maximum open files to {needed} because of OS error: {error}."
    ));
    log.warning(format_args!(
        "Current maximum open files is {got}. maxclients has been reduced to {reduced} to compensate for low ulimit. \
         If you need higher maxclients increase 'ulimit -n'."
    ));
    Ok(reduced)
}

/// Says that memory overcommit is off, which lets snapshots fail.
pub fn warn_of_overcommit(log: &mut Log) {
    if let Some(problem) = overcommit_problem() {
        log.warning(format_args!("WARNING {problem}"));
    }
}

/// What is wrong with the kernel's overcommit setting.
pub fn overcommit_problem() -> Option<&'static str> {
    let setting = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").ok()?;
    (setting.trim() != "1").then_some(
        "Memory overcommit must be enabled! Without it, a background save or replication may fail under low memory \
         condition. Being disabled, it can also cause failures without low memory condition, see \
         https://github.com/jemalloc/jemalloc/issues/1328. To fix this issue add 'vm.overcommit_memory = 1' to \
         /etc/sysctl.conf and then reboot or run the command 'sysctl vm.overcommit_memory=1' for this to take effect.",
    )
}

/// Says that the kernel will cut the queue of waiting connections short.
pub fn warn_of_backlog(backlog: u32, log: &mut Log) {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    if let Ok(most) = text.trim().parse::<u32>()
        && most > 0
        && most < backlog
    {
        log.warning(format_args!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because /proc/sys/net/core/somaxconn is \
             set to the lower value of {most}."
        ));
    }
}

/// Whether the kernel backs every process by huge pages.
pub fn huge_pages_always() -> bool {
    std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|text| text.contains("[always]"))
}

/// Turns huge pages off for this process if the machine has them always on, or says that they are a
/// problem.
pub fn settle_huge_pages(disable: bool, log: &mut Log) {
    if huge_pages_always() && !(disable && daemon::refuse_huge_pages()) {
        log.warning(format_args!("WARNING {HUGE_PAGES_PROBLEM}"));
    }
}

pub const HUGE_PAGES_PROBLEM: &str = "You have Transparent Huge Pages (THP) support enabled in your kernel. This will \
     create latency and memory usage issues with Redis. To fix this issue run the command 'echo madvise > \
     /sys/kernel/mm/transparent_hugepage/enabled' as root, and add it to your /etc/rc.local in order to retain the \
     setting after a reboot. Redis must be restarted after THP is disabled (set to 'madvise' or 'never').";
