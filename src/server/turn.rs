//! One turn of the loop, as a list of named steps. Their order is the semantics.

use std::io;
use std::time::Duration;

use super::{Server, cron, evict, evict_clients, expire, news, serve, shutdown, signals, waits};
use crate::base::cells;
use crate::base::os::os_text;
use crate::base::slab::Id;
use crate::client::flush::Sent;
use crate::client::limits;
use crate::command::Session;
use crate::config::LogLevel;
use crate::net::conn::Conn;
use crate::net::reactor::{Reactor, Ready};
use crate::net::token::Source;
use crate::persist::aof::driver as aof;
use crate::persist::children::driver as children;
use crate::tracking::commands as tracking;

/// Chunks of cells freed by another thread that are taken back in one turn: 256 KiB, a tenth of a millisecond if the system
/// gets all the pages back.
const CHUNKS_PER_TURN: usize = 16;

/// Runs turns until the server stops.
pub fn run(srv: &mut Box<Server>) -> io::Result<()> {
    let mut ready = vec![];
    while !srv.stopping {
        turn(srv, &mut ready)?;
    }
    Ok(())
}

/// Timers, then everything that is ready, then what must happen before the reactor sleeps again.
pub fn turn(srv: &mut Box<Server>, ready: &mut Vec<Ready>) -> io::Result<()> {
    before_sleep(srv);
    let now_us = srv.clock.mono_us();
    srv.stats.end_cycle(now_us.saturating_sub(srv.clock.mono_cached_us()));
    let timeout = sleep_time(srv, now_us);
    srv.net.reactor.wait(Some(timeout), ready)?;
    srv.clock.refresh();
    obey_signals(srv);
    cron::end_pause_if_over(srv);
    waits::end_overdue(srv);
    cron::run_if_due(srv);
    expire::run(srv);
    waits::serve_ready(srv);
    serve_all(srv, ready);
    continue_bursts(srv);
    // At the end, so that what is sent about it is gone before memory is looked at again.
    evict::go_on(srv);
    Ok(())
}

/// Serves what is ready without sleeping, from deep inside of something long: loading, or a script that takes its time.
/// The gates let through what is allowed meanwhile (`state::LOADING`, `state::BUSY`). Timers, expiry and those who wait
/// for keys stand still, and so does the client whose call is under way. Signals are obeyed only while no call is
/// under way; whoever calls this looks at `srv.stopping` afterwards.
pub fn meanwhile(srv: &mut Box<Server>) -> io::Result<()> {
    let mut ready = vec![];
    let aside = srv.unit.set_aside();
    let serving = std::mem::replace(&mut srv.serving, Id::NONE);
    srv.net.reactor.wait(Some(Duration::ZERO), &mut ready)?;
    if aside.is_between_units() {
        srv.clock.refresh();
        obey_signals(srv);
    }
    serve_all(srv, &mut ready);
    continue_bursts(srv);
    before_sleep(srv);
    srv.serving = serving;
    srv.unit.resume(aside);
    Ok(())
}

/// Serves what the reactor has seen, then those who have more to be read. What is left when something long begins in here
/// is served by the next call of it.
fn serve_all(srv: &mut Box<Server>, ready: &mut Vec<Ready>) {
    srv.net.ready.extend(ready.drain(..));
    let again = std::mem::take(&mut srv.net.again);
    srv.net.resumed.extend(again);
    while let Some(event) = srv.net.ready.pop_front() {
        match event.source {
            Source::Client(id) => client_ready(srv, id, event),
            Source::Listener(index) => accept_burst(srv, index as usize),
            // It has done its work by ending the sleep.
            Source::Signal => {}
            Source::Child => children::listen(srv),
        }
    }
    while let Some(id) = srv.net.resumed.pop_front() {
        if let Some(client) = srv.clients.get_mut(id) {
            client.marks.again = false;
            serve::serve(srv, id, false);
        }
    }
}

/// A server without a bell is one of several in its process: signals do not mean it.
fn obey_signals(srv: &mut Server) {
    // Compat: it is work of the cron, which DEBUG can stop.
    if srv.debug.cron_paused {
        return;
    }
    if let Some(bell) = &srv.bell
        && let Some(asked) = signals::take()
    {
        bell.hush();
        shutdown::on_signal(srv, asked);
    }
}

fn client_ready(srv: &mut Box<Server>, id: Id, event: Ready) {
    if event.writable
        && let Some(client) = srv.clients.get_mut(id)
        && client.marks.write_blocked
    {
        client.marks.write_blocked = false;
        client.marks.pending_write = true;
        srv.net.pending_writes.push(id);
    }
    if event.readable || event.closed {
        serve::serve(srv, id, event.closed);
    }
}

fn sleep_time(srv: &Server, now_us: u64) -> Duration {
    let unread = !srv.net.again.is_empty() || srv.net.listeners.iter().any(|l| l.again);
    let unfinished = srv.eviction.running || cells::is_collecting();
    if unread || unfinished || srv.stopping || !srv.net.pending_writes.is_empty() {
        return Duration::ZERO;
    }
    let until_tick = Duration::from_micros(srv.cron.due_in_us(now_us));
    let until_tick = expire::sleep_time(srv).map_or(until_tick, |until| until_tick.min(until));
    let until_tick =
        waits::sleep_time(srv, now_us).map_or(until_tick, |until| until_tick.min(until));
    match srv.clients.pause.until() {
        None => until_tick,
        Some(until) => {
            let left_ms = until.0.saturating_sub(srv.clock.now().0).max(0);
            until_tick.min(Duration::from_millis(left_ms as u64))
        }
    }
}

/// What must be done before the reactor sleeps.
pub fn before_sleep(srv: &mut Box<Server>) {
    news::broadcast(srv);
    tell_readers(srv);
    if srv.aof.is_broken {
        // What was answered in this turn is not on the disk: nobody may hear of it.
        srv.stopping = true;
        srv.net.pending_writes.clear();
        srv.net.again.clear();
        return;
    }
    close_swollen(srv);
    evict_clients::run(srv);
    write_replies(srv);
    free_closed(srv);
    cells::collect(CHUNKS_PER_TURN);
}

/// Hands what changed to those who keep it. It comes before the replies, so that nobody is told of what may still be lost.
fn tell_readers(srv: &mut Server) {
    aof::flush(srv, aof::Flush::Turn);
}

/// Closes clients that do not take the messages they are sent, as soon as these pass the limit.
fn close_swollen(srv: &mut Server) {
    for id in srv.clients.take_swelling() {
        let Server { clients, conf, clock, stats, .. } = &mut *srv;
        let Some(client) = clients.get_mut(id) else {
            continue;
        };
        client.marks.swelling = false;
        let now = clock.mono_cached_us();
        if !client.marks.closing && client.is_over_output_limit(client.out.len(), conf, now) {
            stats.output_buffer_closes += 1;
            clients.close_later(id);
            let who = String::from_utf8_lossy(&srv.describe(id)).into_owned();
            serve::say_over_output(&mut srv.log, &who);
        }
    }
}

/// One `write` or `writev` per client that has something to be sent.
fn write_replies(srv: &mut Server) {
    let Server { clients, net, stats, log, .. } = srv;
    if net.pending_writes.is_empty() {
        return;
    }
    let mut unfinished = vec![];
    let mut queue = std::mem::take(&mut net.pending_writes);
    for (i, id) in queue.iter().copied().enumerate() {
        // What the kernel does for one of them drives the others out of the nearest cache.
        queue.get(i + 1).into_iter().for_each(|next| clients.prefetch(*next));
        let Some(client) = clients.get_mut(id) else {
            continue;
        };
        client.marks.pending_write = false;
        if client.marks.closing {
            continue;
        }
        let (sent, n) = client.flush();
        stats.bytes_out += n as u64;
        stats.writes += 1;
        match sent {
            Sent::All => {
                net.buffers.take_back(std::mem::take(client.out.buffer()));
                if client.marks.close_after_reply {
                    clients.close_later(id);
                }
            }
            Sent::Blocked => client.marks.write_blocked = true,
            Sent::Fair => {
                client.marks.pending_write = true;
                unfinished.push(id);
            }
            Sent::Failed(code) => {
                let reason = os_text(&io::Error::from_raw_os_error(code));
                log.verbose(format_args!("Error writing to client: {reason}"));
                clients.close_later(id);
            }
        }
    }
    // The emptied queue keeps its capacity.
    queue.clear();
    queue.append(&mut unfinished);
    net.pending_writes = queue;
}

/// Frees the clients that were closed during the turn.
fn free_closed(srv: &mut Server) {
    if !srv.clients.has_closing() {
        return;
    }
    for id in srv.clients.take_closing() {
        if srv.clients.get(id).is_some_and(|client| client.marks.lent) {
            // Its call is under way; when that has ended, it goes.
            srv.clients.close_again(id);
            continue;
        }
        waits::forget(srv, id);
        srv.keyspace.watch.unwatch(id);
        tracking::stop(srv, id);
        if let Some(client) = srv.clients.get_mut(id) {
            srv.pubsub.leave(client);
        }
        // Dropping the client closes its descriptor, which takes it out of the poll.
        let Some(mut client) = srv.clients.remove(id) else {
            continue;
        };
        if let Reactor::Simulated { parted, .. } = &mut srv.net.reactor
            && let Some(sim) = client.conn.simulated()
        {
            parted.push((id, std::mem::take(&mut sim.outgoing)));
        }
    }
}

/// Accepts waiting connections, a bounded number at a time.
fn accept_burst(srv: &mut Box<Server>, index: usize) {
    let burst = srv.conf.net.max_new_connections_per_cycle.max(1);
    for _ in 0..burst {
        let Some(listener) = srv.net.listeners.get_mut(index) else {
            return;
        };
        match listener.accept() {
            Ok(conn) => {
                listener.again = true;
                admit_connection(srv, conn);
            }
            // That one has gone again; those behind it have not.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                listener.again = true;
            }
            Err(error) => {
                listener.again = false;
                if error.kind() != io::ErrorKind::WouldBlock {
                    listener.stuck = true;
                    let reason = os_text(&error);
                    srv.log.warning(format_args!("Accepting client connection: {reason}"));
                }
                return;
            }
        }
    }
}

fn continue_bursts(srv: &mut Box<Server>) {
    for index in 0..srv.net.listeners.len() {
        if srv.net.listeners[index].again {
            accept_burst(srv, index);
        }
    }
}

/// Tries again to accept what could not be accepted: a step of the cron, so that it costs little while it fails.
pub fn retry_accepting(srv: &mut Server) {
    for listener in &mut srv.net.listeners {
        listener.again |= std::mem::take(&mut listener.stuck);
    }
}

fn admit_connection(srv: &mut Server, mut conn: Conn) {
    if let Some(text) = limits::refusal(&srv.conf, &srv.clients, &conn) {
        srv.stats.connections_rejected += 1;
        // Whoever cannot take these few bytes at once is not told.
        let _ = conn.write(text);
        return;
    }
    srv.stats.connections_received += 1;
    if srv.log.wants(LogLevel::Verbose) {
        let peer = conn.peer();
        let peer = peer.display(&srv.conf.net.unixsocket);
        srv.log.verbose(format_args!("Accepted {peer}"));
    }
    conn.tune(srv.conf.net.tcp_keepalive_s);
    let id = srv.clients.add(conn, Session::fresh(&srv.conf), srv.clock.mono_cached_us());
    let Server { clients, net, .. } = srv;
    let Some(client) = clients.get_mut(id) else {
        return;
    };
    let registered = match &mut client.conn {
        Conn::Tcp { stream, .. } => net.reactor.register(stream, Source::Client(id)),
        Conn::Unix(stream) => net.reactor.register(stream, Source::Client(id)),
        Conn::Simulated(_) => Ok(()),
    };
    if registered.is_err() {
        clients.close_later(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, OutputLimit};
    use crate::net::listener::{Listener, ListenerKind};
    use crate::server::LongWork;
    use crate::server::testing::TestServer;

    /// Messages once were held against the limit by the cron alone, which comes to each client once a second.
    #[test]
    fn a_monitor_that_takes_nothing_is_closed_in_the_turn_in_which_it_passes_the_limit() {
        let mut conf = Config::default();
        conf.clients.output_limits[0] =
            OutputLimit { hard_bytes: 50_000, soft_bytes: 0, soft_seconds: 0 };
        let mut t = TestServer::with(conf);
        let monitor = t.connect();
        t.run_as(monitor, "MONITOR");
        if let Some(sim) = t.srv.clients.get_mut(monitor).and_then(|c| c.conn.simulated()) {
            sim.window = Some(0);
        }
        let line = format!("ECHO {}", "x".repeat(9_000));
        for _ in 0..5 {
            t.run(&line);
        }
        assert!(t.srv.clients.get(monitor).is_some());
        t.run(&line);
        assert!(t.srv.clients.get(monitor).is_none());
        assert_eq!(t.srv.stats.output_buffer_closes, 1);
    }

    /// Whose call is under way has to wait; others are answered, and refused what would touch the data.
    #[test]
    fn others_are_served_during_long_work() {
        let mut t = TestServer::new();
        let (caller, other) = (t.client, t.connect());
        t.run("SET k v");
        t.srv.set_long_work(LongWork::Loading);
        t.srv.clients.get_mut(caller).expect("it is there").marks.lent = true;
        for id in [caller, other] {
            let sim = t.srv.clients.get_mut(id).and_then(|c| c.conn.simulated()).expect("it is");
            sim.incoming.extend_from_slice(b"GET k\r\nCLIENT GETNAME\r\n");
            if let Reactor::Simulated { ready, .. } = &mut t.srv.net.reactor {
                let source = Source::Client(id);
                ready.push(Ready { source, readable: true, writable: false, closed: false });
            }
        }
        t.srv.clients.close_later(caller);
        meanwhile(&mut t.srv).expect("a simulated reactor does not fail");
        let loading = b"-LOADING Redis is loading the dataset in memory\r\n";
        assert!(t.receive(other).starts_with(loading));
        assert_eq!(t.receive(caller), b"");
        assert!(t.srv.clients.get(caller).is_some(), "it is freed when its call has ended");
        t.srv.clients.get_mut(caller).expect("it is there").marks.lent = false;
        t.srv.set_long_work(LongWork::None);
        t.settle();
        assert!(t.srv.clients.get(caller).is_none());
        assert_eq!(t.run_as(other, "GET k"), "$1\r\nv\r\n");
    }

    /// Where descriptors ran out no edge tells that there are some again.
    #[test]
    fn what_could_not_be_accepted_is_tried_again_by_the_cron() {
        let mut t = TestServer::new();
        let bound = Listener::bind_all(&["127.0.0.1".to_owned()], 0, 8, |_| {});
        t.srv.net.listeners = bound.expect("any free port");
        let ListenerKind::Tcp { address, .. } = t.srv.net.listeners[0].kind else { return };
        let _peer = std::net::TcpStream::connect(address).expect("it listens");
        t.settle();
        assert_eq!(t.srv.clients.len(), 1, "no edge, no client");
        t.srv.net.listeners[0].stuck = true;
        t.advance(Duration::from_secs(1));
        assert_eq!(t.srv.clients.len(), 2);
        assert!(!t.srv.net.listeners[0].stuck);
    }
}
