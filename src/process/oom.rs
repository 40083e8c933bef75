//! `oom-score-adj`: whom the kernel kills first when memory runs out.
//!
//! The score that the process was started with is remembered before the first change; relative
//! values are added to it, and switching the feature off puts it back. A score that the kernel
//! refuses leaves the former one in force, and CONFIG SET then rolls the options back.

use std::io;
use std::path::Path;

use crate::base::files::Files;
use crate::base::os::os_text;
use crate::config::{OomScoreAdj, ProcessConfig};
use crate::process::log::Log;

/// What the process is, in the order of `oom-score-adj-values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomRole {
    Primary,
    Replica,
    Child,
}

/// The score before we touched it.
#[derive(Clone, Copy, Debug, Default)]
pub struct OomScore {
    original: Option<i32>,
}

const FILE: &str = "/proc/self/oom_score_adj";

impl OomScore {
    /// Sets the score that the options ask for.
    pub fn apply(
        &mut self,
        conf: &ProcessConfig,
        role: OomRole,
        files: &mut Files,
        log: &mut Log,
    ) -> Result<(), &'static str> {
        let original = match (conf.oom_score_adj, self.original) {
            (OomScoreAdj::No, None) => return Ok(()),
            (_, Some(original)) => original,
            (_, None) => read(files).map_err(|error| {
                log.warning(format_args!("Unable to read oom_score_adj: {}", os_text(&error)));
                FAILED
            })?,
        };
        self.original = Some(original);
        let value = conf.oom_score_adj_values[role as usize];
        let score = match conf.oom_score_adj {
            OomScoreAdj::No => {
                self.original = None;
                original
            }
            OomScoreAdj::Absolute => value,
            OomScoreAdj::Yes | OomScoreAdj::Relative => original + value,
        };
        let score = score.clamp(-1000, 1000);
        files.write(Path::new(FILE), score.to_string().as_bytes()).map_err(|error| {
            log.warning(format_args!("Unable to write oom_score_adj: {}", os_text(&error)));
            FAILED
        })
    }
}

fn read(files: &Files) -> io::Result<i32> {
    let text = files.read(Path::new(FILE))?;
    let text = String::from_utf8_lossy(&text);
    text.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

const FAILED: &str = "Failed to set current oom_score_adj. Check server logs.";

#[cfg(test)]
mod tests {
    use crate::process::oom::*;

    #[test]
    fn scores_are_relative_absolute_or_put_back() {
        let mut files = Files::memory();
        files.write(Path::new(FILE), b"100\n").expect("memory");
        let (mut oom, mut log) = (OomScore::default(), Log::memory());
        let mut conf = crate::config::Config::default().process;
        conf.oom_score_adj_values = [1, -200, 950];
        let mut score = |mode, role| {
            conf.oom_score_adj = mode;
            let done = oom.apply(&conf, role, &mut files, &mut log);
            done.map(|()| read(&files).expect("a number"))
        };
        assert_eq!(score(OomScoreAdj::No, OomRole::Primary), Ok(100));
        assert_eq!(score(OomScoreAdj::Relative, OomRole::Primary), Ok(101));
        assert_eq!(score(OomScoreAdj::Relative, OomRole::Replica), Ok(-100));
        assert_eq!(score(OomScoreAdj::Yes, OomRole::Child), Ok(1000));
        assert_eq!(score(OomScoreAdj::Absolute, OomRole::Child), Ok(950));
        assert_eq!(score(OomScoreAdj::No, OomRole::Child), Ok(100));
        assert_eq!(score(OomScoreAdj::Absolute, OomRole::Primary), Ok(1));
    }

    #[test]
    fn a_refusal_is_logged_and_returned() {
        let mut files = Files::memory();
        files.write(Path::new(FILE), b"0").expect("memory");
        if let Files::Memory { failing, .. } = &mut files {
            *failing = true;
        }
        let mut conf = crate::config::Config::default().process;
        conf.oom_score_adj = OomScoreAdj::Absolute;
        let mut log = Log::memory();
        let done = OomScore::default().apply(&conf, OomRole::Primary, &mut files, &mut log);
        assert_eq!(done, Err(FAILED));
        assert!(log.lines()[0].1.starts_with("Unable to write oom_score_adj: "));
    }
}
