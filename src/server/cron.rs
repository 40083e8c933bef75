//! Periodic work, on the reactor's clock.

use super::Server;

/// When the next tick is due, and how many there were.
#[derive(Debug, Default)]
pub struct Cron {
    next_us: u64,
    /// The slot of the client that the walk over all clients looks at next.
    next_slot: usize,
    pub ticks: u64,
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
    srv.cron.ticks += 1;
    watch_clients(srv);
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

/// Looks at a share of the clients, so that each is seen about once a second: closes those that were silent for too
/// long or have had too much output waiting for too long.
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
        let Server { clients, conf, clock, stats, .. } = &mut **srv;
        let now = clock.mono_cached_us();
        let Some(client) = clients.get_mut(id) else {
            continue;
        };
        if client.is_over_idle_limit(conf.net.timeout_s, now) {
            clients.close_later(id);
        } else if client.is_over_output_limit(client.out.len(), conf, now) {
            stats.output_buffer_closes += 1;
            clients.close_later(id);
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
            if !client.marks.again {
                client.marks.again = true;
                net.again.push(id);
            }
        }
    }
}
