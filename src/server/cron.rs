//! Periodic work, on the reactor's clock.

use super::serve::say_over_output;
use super::{Server, evict, evict_clients, news, shutdown, turn};
use crate::base::{alloc, cells};
use crate::config::LogLevel;
use crate::keyspace::DbIndex;
use crate::persist::children::driver as children;
use crate::process::watchdog;

/// When the next tick is due, and how many there were.
#[derive(Debug, Default)]
pub struct Cron {
    next_us: u64,
    /// The slot of the client that the walk over all clients looks at next.
    next_slot: usize,
    pub ticks: u64,
    /// Microseconds that expiry may still use until the next tick.
    pub expire_left_us: u64,
    /// Microseconds that it has used since that was noted last.
    pub expire_spent_us: u64,
}

impl Cron {
    /// Microseconds until the next tick.
    pub fn due_in_us(&self, now_us: u64) -> u64 {
        self.next_us.saturating_sub(now_us)
    }
}

/// Runs a tick if one is due.
pub fn run_if_due(srv: &mut Box<Server>) {
    let now = srv.clock.mono_cached_us();
    if srv.cron.due_in_us(now) > 0 {
        return;
    }
    srv.cron.next_us = now + 1_000_000 / u64::from(ticks_per_second(srv));
    if srv.conf.process.watchdog_period_ms > 0 && srv.bell.is_some() {
        watchdog::set_timer(srv.conf.process.watchdog_period_ms);
    }
    if srv.debug.cron_paused {
        return;
    }
    srv.cron.ticks += 1;
    srv.stats.sample_rates(now);
    srv.memory.observe(srv.clock.now().seconds());
    // What other threads have freed; the turns take it back.
    cells::notice();
    super::expire::refill(srv);
    watch_clients(srv);
    news::tick(srv);
    turn::retry_accepting(srv);
    srv.links.close_idle(now);
    children::tick(srv);
    shutdown::tick(srv);
    tell_how_it_goes(srv);
    srv.stats.cron_us += srv.clock.mono_us() - now;
}

/// `hz`, raised with `dynamic-hz` so that no tick has more than a few hundred clients to look at.
pub fn ticks_per_second(srv: &Server) -> u32 {
    const CLIENTS_PER_TICK: usize = 200;
    let mut hz = srv.conf.server.hz.clamp(1, 500);
    if srv.conf.server.dynamic_hz {
        while srv.clients.len() / hz as usize > CLIENTS_PER_TICK && hz < 500 {
            hz *= 2;
        }
    }
    hz.min(500)
}

/// Every five seconds, for those who want to read much.
fn tell_how_it_goes(srv: &mut Server) {
    const EVERY_MS: u64 = 5000;
    let ticks_between = (EVERY_MS * u64::from(ticks_per_second(srv)) / 1000).max(1);
    if !srv.log.wants(LogLevel::Verbose) || srv.cron.ticks % ticks_between != 1 {
        return;
    }
    let Server { keyspace, log, clients, .. } = srv;
    for index in 0..keyspace.databases() {
        let db = keyspace.db(DbIndex(index));
        if !db.keys.is_empty() {
            let (keys, volatile) = (db.keys.len(), db.expiry.len());
            let slots = db.keys.room();
            log.verbose(format_args!(
                "DB {index}: {keys} keys ({volatile} volatile) in {slots} slots HT."
            ));
        }
    }
    let (clients, bytes) = (clients.len(), alloc::used());
    log.debug(format_args!("{clients} clients connected (0 replicas), {bytes} bytes in use"));
}

/// Looks at a share of the clients, so that each is seen about once a second: closes those that
/// were silent for too long or have had too much output waiting for too long.
fn watch_clients(srv: &mut Box<Server>) {
    const AT_LEAST: usize = 5;
    let end = srv.clients.slots().slot_end();
    let share = (end / ticks_per_second(srv) as usize).max(AT_LEAST).min(end);
    for _ in 0..share {
        let slot = if srv.cron.next_slot < end { srv.cron.next_slot } else { 0 };
        srv.cron.next_slot = slot + 1;
        let Some(id) = srv.clients.slots().at_slot(slot).map(|(id, _)| id) else {
            continue;
        };
        evict_clients::weigh(srv, id);
        let Server { clients, conf, clock, stats, log, .. } = &mut **srv;
        let now = clock.mono_cached_us();
        let Some(client) = clients.get_mut(id) else {
            continue;
        };
        if client.is_over_idle_limit(conf.net.timeout_s, now) {
            log.verbose(format_args!("Closing idle client"));
            clients.close_later(id);
        } else if !client.marks.closing
            && client.is_over_output_limit(client.out.limited_len(), conf, now)
        {
            stats.output_buffer_closes += 1;
            clients.close_later(id);
            let who = String::from_utf8_lossy(&srv.describe(id)).into_owned();
            say_over_output(&mut srv.log, &who);
        }
    }
}

/// Lets postponed clients go on when their pause is over.
pub fn end_pause_if_over(srv: &mut Box<Server>) {
    if srv.clients.pause.until().is_some_and(|until| srv.clock.now() >= until) {
        end_pause(srv);
    }
}

/// Ends a pause at once: waiting clients are served in the order in which they came.
pub fn end_pause(srv: &mut Server) {
    srv.clients.pause.end();
    srv.refresh_states();
    let Server { clients, net, .. } = srv;
    for id in std::mem::take(&mut clients.pause.waiting) {
        if let Some(client) = clients.get_mut(id) {
            client.marks.postponed = false;
            client.serve_again(net);
        }
    }
    evict::resume(srv);
}
