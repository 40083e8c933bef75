//! The process: what marks it leaves outside, how it starts, and how it is told to end.
//!
//! [`Process`] says who it is, its pid file above all. [`boot`] starts a server in it, [`mode`]
//! looks at how the program was called, [`signals`] hears the system, [`daemon`] and [`supervise`]
//! know who watches it, [`title`], [`oom`] and [`limits`] set what the system shows and allows.
//! [`log`], [`syslog`] and [`raw_log`] are what it writes down, [`crash`] its last words.

pub mod boot;
pub mod crash;
pub mod daemon;
pub mod limits;
pub mod log;
pub mod mode;
pub mod oom;
pub mod raw_log;
pub mod signals;
pub mod supervise;
pub mod syslog;
pub mod title;
pub mod watchdog;

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::base::files::Files;
use crate::base::os::os_text;
use crate::base::rng::Rng;
use crate::config::{ProcessConfig, Supervised};
use crate::process::log::Log;

/// Facts that hold from the start to the end.
#[derive(Clone, Debug)]
pub struct Process {
    /// Forty hexadecimal digits, new with each start.
    pub run_id: String,
    /// The program's file, absolute.
    pub executable: String,
    /// The configuration file, absolute; empty if there is none.
    pub config_file: String,
    /// The command line, for a restart.
    pub argv: Vec<OsString>,
    /// The working directory at the start, to which relative paths in `argv` refer.
    pub start_dir: PathBuf,
    pub start_unix_s: i64,
    /// Who really supervises: `auto` is resolved here.
    pub supervised: Supervised,
    pub pid: u32,
    /// The file that holds the pid, once it was written.
    pub pidfile: Option<PathBuf>,
}

/// Where the pid goes if the process goes into the background and nothing else is said.
const PIDFILE_DEFAULT: &str = "/var/run/redis.pid";

impl Process {
    pub fn new(rng: &mut Rng, start_unix_s: i64) -> Process {
        Process {
            run_id: rng.hex(40),
            executable: std::env::current_exe().unwrap_or_default().display().to_string(),
            config_file: String::new(),
            argv: vec![],
            start_dir: PathBuf::new(),
            start_unix_s,
            supervised: Supervised::No,
            pid: std::process::id(),
            pidfile: None,
        }
    }

    /// Notes how the process was called. To be told before the working directory changes.
    pub fn called_as(&mut self, argv: &[OsString]) {
        self.argv = argv.to_vec();
        self.start_dir = std::env::current_dir().unwrap_or_default();
        if let Some(program) = argv.first().map(Path::new)
            && program.components().count() > 1
        {
            // A bare name was found through PATH: there the system's answer stands.
            self.executable = absolute(&self.start_dir, program).display().to_string();
        }
    }

    /// The supervisor as INFO names it.
    pub fn supervisor(&self) -> &'static str {
        match self.supervised {
            Supervised::Upstart => "upstart",
            Supervised::Systemd => "systemd",
            Supervised::No | Supervised::Auto => "no",
        }
    }

    /// Writes the pid file if the configuration wants one. Failing is no reason to stop.
    pub fn write_pidfile(&mut self, conf: &ProcessConfig, files: &mut Files, log: &mut Log) {
        let path = match conf.pidfile.as_str() {
            "" if !conf.daemonize => return,
            "" => PIDFILE_DEFAULT,
            path => path,
        };
        let path = PathBuf::from(path);
        match files.write(&path, format!("{}\n", self.pid).as_bytes()) {
            Ok(()) => self.pidfile = Some(path),
            Err(error) => {
                log.warning(format_args!("Failed to write PID file: {}", os_text(&error)));
            }
        }
    }

    pub fn remove_pidfile(&mut self, files: &mut Files, log: &mut Log) {
        if let Some(path) = self.pidfile.take() {
            log.notice(format_args!("Removing the pid file."));
            let _ = files.remove(&path); // Somebody may have been faster.
        }
    }
}

/// A path made absolute without asking the disk, as `executable` and `config_file` of INFO show it.
pub fn absolute(dir: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in dir.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use crate::process::*;

    #[test]
    fn paths_become_absolute() {
        for (path, whole) in [
            ("/a/b", "/a/b"),
            ("b", "/home/me/b"),
            ("./b", "/home/me/b"),
            ("../b/./c", "/home/b/c"),
            ("../../../b", "/b"),
        ] {
            assert_eq!(
                absolute(Path::new("/home/me"), Path::new(path)),
                Path::new(whole),
                "{path}"
            );
        }
    }

    #[test]
    fn the_pid_file_is_written_once_and_removed_once() {
        let mut conf = crate::config::Config::default().process;
        let (mut files, mut log) = (Files::memory(), Log::memory());
        let mut process = Process::new(&mut Rng::from_seed(1), 0);
        process.write_pidfile(&conf, &mut files, &mut log);
        assert_eq!(process.pidfile, None);
        conf.pidfile = "/run/a.pid".to_owned();
        process.write_pidfile(&conf, &mut files, &mut log);
        let written = files.read(Path::new("/run/a.pid")).expect("written");
        assert_eq!(written, format!("{}\n", std::process::id()).into_bytes());
        process.remove_pidfile(&mut files, &mut log);
        process.remove_pidfile(&mut files, &mut log);
        assert!(files.read(Path::new("/run/a.pid")).is_err());
        assert_eq!(log.lines().len(), 1);
        assert_eq!(process.run_id.len(), 40);
    }

    #[test]
    fn a_pid_file_that_cannot_be_written_is_only_reported() {
        let mut conf = crate::config::Config::default().process;
        conf.pidfile = "/run/a.pid".to_owned();
        let mut files = Files::Memory { files: Default::default(), failing: true };
        let mut log = Log::memory();
        let mut process = Process::new(&mut Rng::from_seed(1), 0);
        process.write_pidfile(&conf, &mut files, &mut log);
        assert_eq!(log.lines()[0].1, "Failed to write PID file: No space left on device");
        assert_eq!(process.pidfile, None);
    }
}
