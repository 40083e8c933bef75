//! What the process takes from the machine: memory and processor time.

use crate::base::alloc;

/// Memory in use, at its highest and at the start.
#[derive(Debug, Default)]
pub struct Memory {
    peak: usize,
    peak_unix_s: i64,
    /// Bytes in use when the server had started.
    startup: usize,
}

impl Memory {
    /// The server has started: what is in use now is its own.
    pub fn started(&mut self, now_s: i64) {
        alloc::mark_startup();
        self.startup = self.observe(now_s);
    }

    /// Notes the present use, and returns it.
    pub fn observe(&mut self, now_s: i64) -> usize {
        let peak = alloc::peak();
        if peak > self.peak {
            self.peak = peak;
            self.peak_unix_s = now_s;
        }
        alloc::used()
    }

    pub fn peak(&self) -> usize {
        self.peak
    }

    pub fn peak_unix_s(&self) -> i64 {
        self.peak_unix_s
    }

    pub fn startup(&self) -> usize {
        self.startup
    }
}

/// Bytes of physical memory that the process occupies; 0 where the system does not tell.
pub fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.as_deref().and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}

/// Bytes of physical memory that the machine has.
pub fn system_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram as u64 * u64::from(info.mem_unit)
}
