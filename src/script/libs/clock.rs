//! `os.clock`: the processor time of the process, in seconds. Nothing else of the system is to be
//! had.

use rustix::time::{ClockId, clock_gettime};

use crate::script::lua::{Stack, Verdict};

pub fn push(s: &mut Stack) {
    s.push_table(0, 1);
    s.set_function(b"clock", clock);
}

fn clock(s: &mut Stack) -> Verdict {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    s.push_number(time.tv_sec as f64 + (time.tv_nsec / 1000) as f64 / 1e6);
    Ok(1)
}
