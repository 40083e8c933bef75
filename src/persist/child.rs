//! Children: the only fork of a running server.
//!
//! A child sees all data as they are at the moment of the fork, since the kernel copies a page only
//! when one of the two writes to it. It does one piece of work, tells how it gets on through a
//! pipe, and ends without running any destructor.
//!
//! ```text
//!   parent ──fork──► child: signals, descriptors ─► work ─► _exit(0 or 1)
//!      ▲                          │
//!      └── pipe: [keys][copied] ◄─┘   end of file: it is over, waitpid says how
//! ```
//!
//! What the child must not do: touch a socket or the poll (it closes all descriptors but its
//! standard streams and the pipe, so that a connection that the parent closes is closed:
//! [`Reporter::close_others`]), take a lock that a thread of the parent may have held (there is
//! none around data; the allocator takes care of its own), or hand work to a thread, for it has
//! none.
#![expect(unsafe_code, reason = "std has no fork")]

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::disk::{Disk, Op};
use super::dismiss::Dismiss;

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A snapshot in a file.
    Snapshot,
    /// A new base of the append-only file.
    Rewrite,
}

/// How children come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spawner {
    #[default]
    Fork,
    /// The work is done at once, in this process, and its end is found like that of a child: a
    /// simulated machine has no others.
    Inline,
}

/// What a child tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Keys written so far.
    pub keys: u64,
    /// Bytes of memory that it shares no more with the parent.
    pub copied: u64,
}

const MESSAGE: usize = size_of::<[u64; 2]>();

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// Its exit code.
    Failed(i32),
    /// The signal that ended it.
    Killed(i32),
    /// Somebody else has waited for it.
    Lost,
}

/// A living child, as the parent knows it.
#[derive(Debug)]
pub struct Child {
    pub task: Task,
    pub pid: i32,
    pub figures: Figures,
    /// The most that it had copied.
    pub peak: u64,
    /// Monotonic microseconds of the fork and of the last figures.
    pub started_us: u64,
    pub told_us: u64,
    pub keys_total: u64,
    /// Unix seconds of the fork, and what had changed until then.
    pub started_s: i64,
    pub dirty: u64,
    pipe: PipeReader,
    partial: Vec<u8>,
    /// How its work ended, if it was done inline.
    ended: Option<End>,
}

/// The child's end of the pipe.
#[derive(Debug)]
pub struct Reporter {
    pipe: PipeWriter,
    peak: u64,
    sum: u64,
    count: u64,
    dismiss: Dismiss,
    is_child: bool,
}

impl Reporter {
    fn new(pipe: PipeWriter, dismiss: Dismiss, is_child: bool) -> Reporter {
        Reporter { pipe, peak: 0, sum: 0, count: 0, dismiss, is_child }
    }

    /// The work is done in a process of its own.
    pub fn is_child(&self) -> bool {
        self.is_child
    }

    /// Leave to give memory back.
    pub fn dismiss(&self) -> Dismiss {
        self.dismiss
    }

    /// Closes what the child has from its parent, but for the standard streams and the pipe.
    ///
    /// # Safety
    /// Nothing that owns a descriptor is used or dropped in this process any more, unless it was
    /// opened after this call: the number may be that of another file by then.
    pub(super) unsafe fn close_others(&self) {
        // SAFETY: the caller's promise.
        unsafe { close_all_but(self.pipe.as_raw_fd(), close_range) }
    }

    /// Tells how many keys are done.
    pub fn tell(&mut self, keys: u64) {
        let copied = private_bytes();
        self.peak = self.peak.max(copied);
        (self.sum, self.count) = (self.sum + copied, self.count + 1);
        let mut message = [0; MESSAGE];
        message[..8].copy_from_slice(&keys.to_ne_bytes());
        message[8..].copy_from_slice(&copied.to_ne_bytes());
        // A parent that does not read, or is gone, is no reason to stop.
        let _ = self.pipe.write(&message);
    }

    /// Bytes copied: now, at most, and on average.
    pub fn copied(&self) -> (u64, u64, u64) {
        let now = private_bytes();
        let average = (self.sum + now) / (self.count + 1);
        (now, self.peak.max(now), average)
    }
}

/// Bytes of this process that nobody shares.
fn private_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Starts a child that does some work. `work` runs there only; what it answers decides the exit
/// code.
pub fn start(
    spawner: Spawner,
    disk: &Disk,
    task: Task,
    work: impl FnOnce(&mut Reporter) -> io::Result<()>,
) -> io::Result<Child> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    rustix::io::ioctl_fionbio(&writer, true)?;
    disk.check(Op::Fork)?;
    if spawner == Spawner::Inline {
        let done = work(&mut Reporter::new(writer, Dismiss::default(), false));
        let ended = if done.is_ok() { End::Done } else { End::Failed(1) };
        return Ok(Child::new(task, std::process::id() as i32, reader, Some(ended)));
    }
    // SAFETY: the child runs on memory of its own as it is now. Threads of the parent are gone
    // there; of what they may have held it needs only the allocator, which resets its locks itself
    // (pthread_atfork). It never returns from here.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            become_child();
            // SAFETY: this process is a fork; its work writes each value once, and `_exit` below
            // runs no destructor.
            let dismiss = unsafe { Dismiss::in_child() };
            let mut reporter = Reporter::new(writer, dismiss, true);
            let done = catch_unwind(AssertUnwindSafe(|| work(&mut reporter)));
            let code = i32::from(!matches!(done, Ok(Ok(()))));
            // SAFETY: `_exit` runs no destructor and flushes no buffer that the parent flushes,
            // too.
            unsafe { libc::_exit(code) }
        }
        pid => Ok(Child::new(task, pid, reader, None)),
    }
}

/// Lets go of the parent's reaction to signals.
fn become_child() {
    // SAFETY: these dispositions are constants, and no handler of ours is installed.
    unsafe {
        // Who presses Ctrl-C means the parent, who decides about its children.
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        libc::signal(libc::SIGUSR1, libc::SIG_DFL);
    }
}

/// What stands behind the standard streams.
const FIRST: u32 = 3;

/// Closes all descriptors but one and the standard streams.
///
/// # Safety
/// As [`Reporter::close_others`].
unsafe fn close_all_but(kept: RawFd, close_range: unsafe fn(u32, u32) -> io::Result<()>) {
    let kept = kept.unsigned_abs();
    for (first, last) in [(FIRST, kept.saturating_sub(1)), (FIRST.max(kept + 1), u32::MAX)] {
        // SAFETY: the caller's promise, for all in the range.
        if first <= last && unsafe { close_range(first, last) }.is_err() {
            // SAFETY: the caller's promise, for all in the range; a call that failed has closed
            // nothing that is missed.
            unsafe { close_one_by_one(first, last) };
        }
    }
}

/// Asks the system to close a range of descriptors. Kernels before 5.9 do not know how, and some
/// sandboxes forbid it.
///
/// # Safety
/// As [`Reporter::close_others`].
unsafe fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: the call takes numbers only; that nobody needs what it closes is the caller's
    // promise.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, 0u32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// # Safety
/// As [`Reporter::close_others`].
unsafe fn close_one_by_one(first: u32, last: u32) {
    let open = open_descriptors().unwrap_or_else(|_| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        (0..limit.unwrap_or(u64::MAX).min(DESCRIPTORS_MAX) as u32).collect()
    });
    for descriptor in open.into_iter().filter(|it| (first..=last).contains(it)) {
        // SAFETY: the caller's promise. Of the listing itself nothing is left; to close what is not
        // open is refused.
        unsafe { libc::close(descriptor as RawFd) };
    }
}

/// Descriptors that are tried where there is no list of them and hardly a limit.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// The descriptors of this process, and perhaps one that was open while they were listed.
fn open_descriptors() -> io::Result<Vec<u32>> {
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}

impl Child {
    fn new(task: Task, pid: i32, pipe: PipeReader, ended: Option<End>) -> Child {
        Child {
            task,
            pid,
            figures: Figures::default(),
            peak: 0,
            started_us: 0,
            told_us: 0,
            keys_total: 0,
            started_s: 0,
            dirty: 0,
            pipe,
            partial: vec![],
            ended,
        }
    }

    /// The pipe, to be watched.
    pub fn descriptor(&self) -> i32 {
        self.pipe.as_raw_fd()
    }

    /// Reads what the child has told. True: there will be no more.
    pub fn listen(&mut self, now_us: u64) -> bool {
        let mut bytes = [0; 64 * MESSAGE];
        loop {
            match self.pipe.read(&mut bytes) {
                Ok(0) => return true,
                Ok(n) => {
                    self.partial.extend_from_slice(&bytes[..n]);
                    self.told_us = now_us;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.read_messages();
                    return error.kind() != io::ErrorKind::WouldBlock;
                }
            }
            self.read_messages();
        }
    }

    fn read_messages(&mut self) {
        let whole = self.partial.len() / MESSAGE * MESSAGE;
        if let Some(last) = self.partial[..whole].chunks_exact(MESSAGE).next_back() {
            let word = |half: &[u8]| u64::from_ne_bytes(half.try_into().expect("eight bytes"));
            let (keys, copied) = last.split_at(8);
            self.figures = Figures { keys: word(keys), copied: word(copied) };
            self.peak = self.peak.max(self.figures.copied);
        }
        self.partial.drain(..whole);
    }

    /// Ends it. It leaves what it was writing behind.
    pub fn kill(&mut self) {
        if let Some(end) = &mut self.ended {
            *end = End::Killed(libc::SIGUSR1);
            return;
        }
        // SAFETY: the pid is that of our child, which nobody has waited for yet, so it is nobody
        // else's.
        unsafe { libc::kill(self.pid, libc::SIGUSR1) };
    }

    /// Waits for its end, which is near when the pipe is closed or it was killed.
    pub fn wait(self) -> End {
        if let Some(end) = self.ended {
            return end;
        }
        let mut status = 0;
        loop {
            // SAFETY: `status` is a live integer.
            let got = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
            if got == self.pid {
                break;
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return End::Lost;
            }
        }
        if libc::WIFEXITED(status) {
            match libc::WEXITSTATUS(status) {
                0 => End::Done,
                code => End::Failed(code),
            }
        } else {
            End::Killed(libc::WTERMSIG(status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::{Fault, Scratch};

    fn listen_to_the_end(child: &mut Child) {
        for round in 0.. {
            if child.listen(round) {
                return;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_child_works_reports_and_ends() {
        let scratch = Scratch::new("child");
        let path = scratch.0.join("a");
        let mut child = start(Spawner::Fork, &Disk::default(), Task::Snapshot, |reporter| {
            reporter.tell(7);
            fs::write(&path, "by the child")
        })
        .expect("forked");
        listen_to_the_end(&mut child);
        assert_eq!(child.figures.keys, 7);
        assert!(child.figures.copied > 0);
        assert_eq!(child.wait(), End::Done);
        assert_eq!(fs::read(&path).expect("written"), b"by the child");
    }

    /// On kernels that cannot close a range the child kept all sockets: connections that the parent
    /// closed stayed open.
    #[test]
    fn a_child_closes_what_is_its_parents_whatever_the_kernel_knows() {
        unsafe fn unknown(_: u32, _: u32) -> io::Result<()> {
            Err(io::Error::from_raw_os_error(libc::ENOSYS))
        }
        let scratch = Scratch::new("child-descriptors");
        let (socket, mut peer) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let high = rustix::io::fcntl_dupfd_cloexec(&socket, 200).expect("a high number");
        for by in [close_range as unsafe fn(u32, u32) -> io::Result<()>, unknown] {
            let path = scratch.0.join("left");
            let child = start(Spawner::Fork, &Disk::default(), Task::Snapshot, |reporter| {
                let kept = reporter.pipe.as_raw_fd();
                // SAFETY: what this closure uses it opens afterwards, and the process ends by
                // `_exit`.
                unsafe { close_all_but(kept, by) };
                let listing = fs::read_dir("/proc/self/fd")?;
                let names =
                    listing.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
                let left: Vec<_> = names.collect::<io::Result<_>>()?;
                // One of them is the listing.
                let others = left.iter().filter_map(|name| name.parse::<i32>().ok());
                let others = others.filter(|fd| *fd > 2 && *fd != kept).count();
                reporter.tell(7);
                fs::write(&path, others.to_string())
            });
            let mut child = child.expect("forked");
            listen_to_the_end(&mut child);
            assert_eq!((child.figures.keys, child.wait()), (7, End::Done), "the pipe is kept");
            assert_eq!(fs::read(&path).expect("written"), b"1");
        }
        drop((socket, high));
        assert_eq!(peer.read(&mut [0]).expect("the end"), 0);
    }

    #[test]
    fn failure_and_violence_are_told_apart() {
        let disk = Disk::default();
        let failed =
            start(Spawner::Fork, &disk, Task::Rewrite, |_| Err(io::ErrorKind::StorageFull.into()));
        let mut failed = failed.expect("forked");
        listen_to_the_end(&mut failed);
        assert_eq!(failed.wait(), End::Failed(1));
        let sleeper = start(Spawner::Fork, &disk, Task::Rewrite, |_| {
            std::thread::sleep(std::time::Duration::from_secs(60));
            Ok(())
        });
        let mut sleeper = sleeper.expect("forked");
        assert!(!sleeper.listen(0));
        sleeper.kill();
        assert_eq!(sleeper.wait(), End::Killed(libc::SIGUSR1));
        let (disk, faults) = Disk::faulty();
        faults.plan(Fault::lasting(Op::Fork, libc::EAGAIN));
        let refused = start(Spawner::Fork, &disk, Task::Snapshot, |_| Ok(())).expect_err("a fault");
        assert_eq!(refused.raw_os_error(), Some(libc::EAGAIN));
    }
}
