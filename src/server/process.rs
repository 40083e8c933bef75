//! Facts about this process that INFO tells.

use crate::base::rng::Rng;

/// What is known of the process since its start.
#[derive(Debug, Default)]
pub struct Process {
    /// 40 hexadecimal digits that tell this run from all others.
    pub run_id: String,
    /// Where the program is.
    pub executable: String,
    /// The configuration file's full path, or nothing.
    pub config_file: String,
    pub start_unix_s: i64,
}

impl Process {
    pub fn new(rng: &mut Rng, start_unix_s: i64) -> Process {
        let executable = std::env::current_exe().unwrap_or_default().display().to_string();
        Process { run_id: rng.hex(40), executable, config_file: String::new(), start_unix_s }
    }
}
