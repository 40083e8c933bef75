//! Periodic work, on the reactor's clock.

use super::Server;

/// When the next tick is due, and how many there were.
#[derive(Debug, Default)]
pub struct Cron {
    next_us: u64,
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
    srv.cron.next_us = now + 1_000_000 / u64::from(srv.conf.server.hz.clamp(1, 500));
    srv.cron.ticks += 1;
    srv.stats.sample_rates(now);
    srv.memory.observe(srv.clock.now().seconds());
    end_pause_if_over(srv);
}

/// Lets postponed clients go on when their pause is over.
fn end_pause_if_over(srv: &mut Box<Server>) {
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
