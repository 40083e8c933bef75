//! Expiry on time: keys and fields whose deadlines have passed are removed between the commands of
//! clients.
//!
//! The reactor sleeps until the earliest deadline, so a key goes away within some ten milliseconds
//! of it. When many are due at once the work is done in slices of [`SLICE`], one each turn, and all
//! slices of a tick share a budget: `active-expire-effort` decides how much of the processor it may
//! be, from a quarter to almost half. What is left when the budget is used up waits for the next
//! tick; nobody can read it meanwhile, for a read looks at the deadline too.
//!
//! Each key is a unit of its own: its event, and its DEL for replicas and the AOF. So is each
//! field, with its HDEL.

use std::time::Duration;

use super::{Server, cron, exec};
use crate::feed::unit::Unit;
use crate::keyspace::{Deleted, Gone};
use crate::observe::latency::event;

/// The longest that clients wait for expiry.
const SLICE: Duration = Duration::from_micros(500);

/// Deadlines closer than this are served together: waking for each of them would cost more than
/// they do.
const GRAIN_MS: i64 = 10;

/// Gives expiry its share of the tick that begins.
pub fn refill(srv: &mut Server) {
    note_cycle(srv);
    if !srv.debug.active_expire {
        srv.cron.expire_left_us = 0;
        return;
    }
    let effort = u64::from(srv.conf.memory.active_expire_effort.clamp(1, 10)) - 1;
    let percent = 25 + 2 * effort;
    srv.cron.expire_left_us = 10_000 * percent / u64::from(cron::ticks_per_second(srv));
}

/// Removes what is due, for one slice at most.
pub fn run(srv: &mut Box<Server>) {
    let now = srv.clock.now();
    if srv.keyspace.is_due(now) && srv.cron.expire_left_us > 0 && srv.debug.active_expire {
        let before = srv.keyspace.stats.expire_cycle_us;
        srv.keyspace.expire_due(now, &srv.clock, SLICE);
        let spent = srv.keyspace.stats.expire_cycle_us - before;
        srv.cron.expire_left_us = srv.cron.expire_left_us.saturating_sub(spent);
        srv.cron.expire_spent_us += spent;
        note_longest(srv);
        for deleted in std::mem::take(&mut srv.keyspace.deleted) {
            tell(&mut srv.unit, &deleted, true);
            exec::after_unit(srv);
        }
        if srv.cron.expire_left_us == 0 || !srv.keyspace.is_due(now) {
            note_cycle(srv);
        }
    }
}

/// Expiry rests: what it took, all slices together, may have been long. Others were served in
/// between, but that is what such a cycle takes in Redis, which does it in one piece.
fn note_cycle(srv: &mut Server) {
    let spent_ms = std::mem::take(&mut srv.cron.expire_spent_us) / 1000;
    let now_s = srv.clock.now().seconds();
    srv.latency.add(&srv.conf.latency, event::EXPIRE_CYCLE, spent_ms, now_s);
}

/// Keys were removed because their time was up: one of them may have been long in going.
pub fn note_longest(srv: &mut Server) {
    let spent_ms = srv.keyspace.take_longest_free_us() / 1000;
    let now_s = srv.clock.now().seconds();
    srv.latency.add(&srv.conf.latency, event::EXPIRE_DEL, spent_ms, now_s);
}

/// Tells of what the server removed on its own account. Apart: each line is a unit of its own.
pub fn tell(unit: &mut Unit, deleted: &Deleted, apart: bool) {
    let mut add = |line: &[&[u8]]| {
        unit.add(deleted.db, line);
        if apart {
            unit.finish();
        }
    };
    match &deleted.what {
        Gone::Key { lazily: true } => add(&[b"UNLINK", &deleted.key]),
        Gone::Key { lazily: false } => add(&[b"DEL", &deleted.key]),
        Gone::Fields(fields) => {
            fields.iter().for_each(|field| add(&[b"HDEL", &deleted.key, field]));
        }
    }
}

/// How long the reactor may sleep for all that expiry cares.
pub fn sleep_time(srv: &Server) -> Option<Duration> {
    if srv.cron.expire_left_us == 0 || !srv.debug.active_expire {
        return None;
    }
    let deadline = srv.keyspace.next_expiry()?;
    // A key is gone when its deadline has passed, not when it has come.
    let left_ms = deadline.0.saturating_sub(srv.clock.now().0).saturating_add(1);
    Some(Duration::from_millis(left_ms.max(GRAIN_MS) as u64))
}
