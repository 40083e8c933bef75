//! One turn of the loop, as a list of named steps. Their order is the semantics.

use std::io;
use std::time::Duration;

use super::{Server, cron, evict, evict_clients, expire, news, replicas, serve, shutdown, waits};
use crate::base::cells;
use crate::base::os::os_text;
use crate::base::slab::Id;
use crate::client::Marks;
use crate::client::flush::Sent;
use crate::client::limits;
use crate::command::Session;
use crate::config::LogLevel;
use crate::net::conn::Conn;
use crate::net::reactor::{Reactor, Ready};
use crate::net::token::Source;
use crate::persist::aof::driver as aof;
use crate::persist::children::driver as children;
use crate::process::signals;
use crate::tracking::commands as tracking;

/// Chunks of cells freed by another thread that are taken back in one turn: 256 KiB, a tenth of a
/// millisecond if the system gets all the pages back.
const CHUNKS_PER_TURN: usize = 16;
/// Clients that are sent messages before those who ask have their turn again: half a millisecond of
/// sending.
const PUSHES_PER_TURN: usize = 128;

/// Clients woken by those who are served last that have their turn, too: two who wake each other
/// keep nobody waiting for longer.
const WOKEN_PER_TURN: usize = 64;

/// Runs turns until the server stops.
pub fn run(srv: &mut Box<Server>) -> io::Result<()> {
    let mut ready = vec![];
    while !srv.stopping {
        turn(srv, &mut ready)?;
    }
    // Nobody who listens loses what was published before, unless it tells of what is not on the
    // disk.
    while !srv.aof.is_broken && !srv.net.pending_pushes.is_empty() {
        write_pushes(srv);
    }
    Ok(())
}

/// Timers, then everything that is ready, then what must happen before the reactor sleeps again.
pub fn turn(srv: &mut Box<Server>, ready: &mut Vec<Ready>) -> io::Result<()> {
    before_sleep(srv);
    if srv.aof.is_broken {
        // The process ends with a promise that it cannot keep: it makes no further ones.
        return Ok(());
    }
    let now_us = srv.clock.mono_us();
    srv.stats.end_cycle(now_us.saturating_sub(srv.clock.turn_us()));
    let timeout = sleep_time(srv, now_us);
    srv.net.reactor.wait(Some(timeout), ready)?;
    srv.clock.refresh();
    obey_signals(srv);
    cron::end_pause_if_over(srv);
    waits::end_overdue(srv);
    waits::answer_met(srv);
    cron::run_if_due(srv);
    expire::run(srv);
    waits::serve_ready(srv);
    serve_all(srv, ready);
    accept_waiting(srv);
    // At the end, so that what is sent about it is gone before memory is looked at again.
    evict::go_on(srv);
    Ok(())
}

/// Serves what is ready without sleeping, from deep inside of something long: loading, or a script
/// that takes its time. The gates let through what is allowed meanwhile (`states::LOADING`,
/// `states::BUSY`). Timers, expiry and those who wait for keys stand still, and so does the client
/// whose call is under way. Signals are obeyed only while no call is under way; whoever calls this
/// looks at `srv.stopping` afterwards.
pub fn meanwhile(srv: &mut Box<Server>) -> io::Result<()> {
    let aside = srv.unit.set_aside();
    let serving = std::mem::replace(&mut srv.serving, Id::NONE);
    let served = serve_meanwhile(srv, aside.is_between_units());
    // The unit goes on even where the reactor has failed: what it has changed must be told.
    srv.serving = serving;
    srv.clients.look_for_mail();
    srv.unit.resume(aside);
    served
}

fn serve_meanwhile(srv: &mut Box<Server>, between_units: bool) -> io::Result<()> {
    let mut ready = vec![];
    srv.net.reactor.wait(Some(Duration::ZERO), &mut ready)?;
    if between_units {
        srv.clock.refresh();
        obey_signals(srv);
    }
    serve_all(srv, &mut ready);
    accept_waiting(srv);
    before_sleep(srv);
    Ok(())
}

/// Serves what the reactor has seen, then those who have more to be read. What is left when
/// something long begins in here is served by the next call of it.
fn serve_all(srv: &mut Box<Server>, ready: &mut Vec<Ready>) {
    srv.net.ready.extend(ready.drain(..));
    let again = std::mem::take(&mut srv.net.again);
    srv.net.resumed.extend(again);
    while let Some(event) = srv.net.ready.pop_front() {
        match event.source {
            Source::Client(id) => client_ready(srv, id, event),
            // Those who leave in this turn make room first.
            Source::Listener(index) => {
                if let Some(listener) = srv.net.listeners.get_mut(index as usize) {
                    listener.again = true;
                }
            }
            // It has done its work by ending the sleep.
            Source::Signal => {}
            Source::Waker => srv.net.links.resolved(&srv.net.reactor),
            Source::Child => children::listen(srv),
            Source::Link(id) => srv.net.links.ready(&srv.net.reactor, id, event),
        }
    }
    for _ in 0..srv.net.resumed.len() + WOKEN_PER_TURN {
        let Some(id) = srv.net.resumed.pop_front() else { break };
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
        client.send_soon(&mut srv.net);
    }
    if event.readable || event.closed {
        serve::serve(srv, id, event.closed);
    }
}

fn sleep_time(srv: &Server, now_us: u64) -> Duration {
    let unread = !(srv.net.again.is_empty() && srv.net.resumed.is_empty())
        || srv.net.listeners.iter().any(|l| l.again);
    let unsent = !srv.net.pending_writes.is_empty() || !srv.net.pending_pushes.is_empty();
    let unfinished = srv.eviction.running || cells::is_collecting();
    if unread || unsent || unfinished || srv.stopping {
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
        srv.net.pending_pushes.clear();
        srv.net.again.clear();
        return;
    }
    close_swollen(srv);
    evict_clients::run(srv);
    write_replies(srv);
    write_pushes(srv);
    free_closed(srv);
    cells::collect(CHUNKS_PER_TURN);
}

/// Hands what changed to those who keep it. It comes before the replies, so that nobody is told of
/// what may still be lost.
fn tell_readers(srv: &mut Server) {
    aof::flush(srv, aof::Flush::Turn);
    replicas::trim_backlog(srv);
}

/// Closes clients that do not take the messages they are sent, as soon as these pass the limit. To
/// the others that much is sent in this turn, lest they pass it because they have to wait.
fn close_swollen(srv: &mut Server) {
    for id in srv.clients.take_swelling() {
        let Server { clients, net, conf, clock, stats, .. } = &mut *srv;
        let Some(client) = clients.get_mut(id) else {
            continue;
        };
        client.marks.swelling = false;
        let now = clock.mono_cached_us();
        if !client.marks.closing && client.is_over_output_limit(client.out.limited_len(), conf, now)
        {
            stats.output_buffer_closes += 1;
            clients.close_later(id);
            let who = String::from_utf8_lossy(&srv.describe(id)).into_owned();
            serve::say_over_output(&mut srv.log, &who);
        } else {
            client.send_soon(net);
        }
        // Who is blocked stands in no queue.
        evict_clients::weigh(srv, id);
    }
}

/// One `write` or `writev` per client that has an answer to be sent.
fn write_replies(srv: &mut Server) {
    // The emptied queue keeps its capacity.
    let mut queue = std::mem::take(&mut srv.net.pending_writes);
    for (i, id) in queue.iter().copied().enumerate() {
        // What the kernel does for one of them drives the others out of the nearest cache.
        queue.get(i + 1).into_iter().for_each(|next| srv.clients.prefetch(*next));
        send(srv, id, |marks| marks.pending_write = false);
    }
    queue.clear();
    queue.append(&mut srv.net.pending_writes);
    srv.net.pending_writes = queue;
}

/// The same for clients that are owed nothing but messages: at least [`PUSHES_PER_TURN`] of them,
/// and for as long as everything else in the turn took, so that neither those who listen nor those
/// who ask have to wait for all of the others.
///
/// Who publishes has its answer first and may go on meanwhile; what it adds for those whose turn
/// has not come travels with what they have not got yet.
fn write_pushes(srv: &mut Server) {
    if srv.net.pending_pushes.is_empty() {
        return;
    }
    let begun_us = srv.clock.mono_us();
    let others_took_us = begun_us.saturating_sub(srv.clock.turn_us());
    loop {
        for _ in 0..PUSHES_PER_TURN {
            let Some(id) = srv.net.pending_pushes.pop_front() else {
                return;
            };
            srv.net.pending_pushes.front().into_iter().for_each(|next| srv.clients.prefetch(*next));
            send(srv, id, |marks| marks.pending_push = false);
        }
        // Where clients are weighed, what waits here must not be what one of them has to go for.
        if !srv.clients.are_weighed() && srv.clock.mono_us() - begun_us >= others_took_us {
            return;
        }
    }
}

/// Sends as much of a client's output as its socket takes, but leaves something for the others.
fn send(srv: &mut Server, id: Id, unqueue: impl FnOnce(&mut Marks)) {
    let Server { clients, net, stats, log, .. } = srv;
    let Some(client) = clients.get_mut(id) else {
        return;
    };
    unqueue(&mut client.marks);
    // What was written to the client of a call under way comes behind its answers, which travel in
    // the call: it stands in the queue again when that ends.
    let Marks { closing, write_blocked, lent, .. } = client.marks;
    // There is nothing where the client stood in the other queue too.
    if closing || write_blocked || lent || client.owes_nothing() {
        return;
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
        Sent::Blocked => {
            client.marks.write_blocked = true;
            client.out.let_go();
        }
        Sent::Fair => client.send_soon(net),
        Sent::Failed(code) => {
            let reason = os_text(&io::Error::from_raw_os_error(code));
            log.verbose(format_args!("Error writing to client: {reason}"));
            clients.close_later(id);
        }
    }
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

/// Accepts what waits at the listeners, when all clients have been served: whoever has left until
/// now holds no place among `maxclients` any more.
fn accept_waiting(srv: &mut Box<Server>) {
    if srv.net.listeners.iter().any(|listener| listener.again) {
        free_closed(srv);
    }
    for index in 0..srv.net.listeners.len() {
        if srv.net.listeners[index].again {
            accept_burst(srv, index);
        }
    }
}

/// Tries again to accept what could not be accepted: a step of the cron, so that it costs little
/// while it fails.
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
    srv.welcome(id);
    let Server { clients, net, .. } = srv;
    let Some(client) = clients.get_mut(id) else {
        return;
    };
    let source = client.conn.source();
    if source.is_some_and(|conn| net.reactor.register(conn, Source::Client(id)).is_err()) {
        clients.close_later(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::states::LongWork;
    use crate::config::{Config, OutputLimit};
    use crate::keyspace::DbIndex;
    use crate::net::listener::{Listener, ListenerKind};
    use crate::server::testing::TestServer;

    /// Messages once were held against the limit by the cron alone, which comes to each client once
    /// a second.
    #[test]
    fn a_monitor_that_takes_nothing_is_closed_in_the_turn_in_which_it_passes_the_limit() {
        let mut conf = Config::default();
        conf.clients.output_limits[0] =
            OutputLimit { hard_bytes: 21_000, soft_bytes: 0, soft_seconds: 0 };
        let mut t = TestServer::with(conf);
        let monitor = t.connect();
        t.run_as(monitor, "MONITOR");
        if let Some(sim) = t.srv.clients.get_mut(monitor).and_then(|c| c.conn.simulated()) {
            sim.window = Some(0);
        }
        let line = format!("ECHO {}", "x".repeat(9_000));
        for _ in 0..4 {
            t.run(&line);
        }
        assert!(t.srv.clients.get(monitor).is_some());
        t.run(&line);
        assert!(t.srv.clients.get(monitor).is_none());
        assert_eq!(t.srv.stats.output_buffer_closes, 1);
    }

    /// Whose call is under way has to wait; others are answered, and refused what would touch the
    /// data.
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

    /// The unit that stood still was lost with the error of the reactor, and what it had written
    /// told to nobody.
    #[test]
    fn a_unit_goes_on_though_the_reactor_has_failed_in_its_middle() {
        let mut t = TestServer::new();
        t.propagated();
        let caller = t.client;
        (t.srv.unit.depth, t.srv.serving) = (2, caller);
        t.srv.unit.add(DbIndex(0), &[b"SET", b"k", b"v"]);
        if let Reactor::Simulated { fault, .. } = &mut t.srv.net.reactor {
            *fault = Some(io::ErrorKind::Other);
        }
        assert!(meanwhile(&mut t.srv).is_err());
        assert_eq!((t.srv.unit.depth, t.srv.serving), (2, caller));
        t.srv.unit.depth = 0;
        t.srv.unit.finish();
        assert_eq!(t.propagated(), ["SET k v"]);
    }

    /// A connection was refused if the reactor told of it before it told of the client that had
    /// left: a pool at its limit saw errors.
    #[test]
    fn who_leaves_makes_room_for_who_comes_in_the_same_turn() {
        let mut t = TestServer::new();
        t.srv.conf.net.maxclients = 1;
        let bound = Listener::bind_all(&["127.0.0.1".to_owned()], 0, 8, |_| {});
        t.srv.net.listeners = bound.expect("any free port");
        let ListenerKind::Tcp { address, .. } = t.srv.net.listeners[0].kind else { return };
        let _peer = std::net::TcpStream::connect(address).expect("it listens");
        let leaving = t.client;
        if let Some(sim) = t.srv.clients.get_mut(leaving).and_then(|c| c.conn.simulated()) {
            sim.closed = true;
        }
        let event = |source, closed| Ready { source, readable: true, writable: false, closed };
        if let Reactor::Simulated { ready, .. } = &mut t.srv.net.reactor {
            let arrival = event(Source::Listener(0), false);
            ready.extend([arrival, event(Source::Client(leaving), true)]);
        }
        turn(&mut t.srv, &mut vec![]).expect("a simulated reactor does not fail");
        assert_eq!((t.srv.stats.connections_rejected, t.srv.clients.len()), (0, 1));
        assert!(t.srv.clients.get(leaving).is_none());
    }

    /// Its earlier answers travel in the call: a message must not overtake them.
    #[test]
    fn whose_call_is_under_way_gets_its_messages_behind_it() {
        let mut t = TestServer::new();
        let (caller, other) = (t.client, t.connect());
        t.run("HELLO 3");
        t.run("SUBSCRIBE c");
        t.srv.set_long_work(LongWork::Loading);
        t.srv.clients.get_mut(caller).expect("it is there").marks.lent = true;
        let sim = t.srv.clients.get_mut(other).and_then(|c| c.conn.simulated()).expect("it is");
        sim.incoming.extend_from_slice(b"PUBLISH c one\r\n");
        if let Reactor::Simulated { ready, .. } = &mut t.srv.net.reactor {
            let source = Source::Client(other);
            ready.push(Ready { source, readable: true, writable: false, closed: false });
        }
        meanwhile(&mut t.srv).expect("a simulated reactor does not fail");
        assert_eq!(t.receive(other), b":1\r\n");
        assert_eq!(t.receive(caller), b"");
        assert!(t.srv.clients.has_mail(), "the call finds it");
        t.srv.set_long_work(LongWork::None);
        t.srv.clients.get_mut(caller).expect("it is there").marks.lent = false;
        assert_eq!(t.run("PING"), ONE.replace("*3", ">3") + "+PONG\r\n");
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

    /// Three turns' worth of listeners, and a publication that was served but of which nothing has
    /// been sent yet.
    fn published(payload: &str) -> (TestServer, Vec<Id>) {
        let mut t = TestServer::new();
        let me = t.client;
        let listeners: Vec<_> = (0..3 * PUSHES_PER_TURN).map(|_| t.connect()).collect();
        for id in &listeners {
            t.run_as(*id, "SUBSCRIBE c");
        }
        serve_only(&mut t, me, &format!("PUBLISH c {payload}\r\n"));
        (t, listeners)
    }

    /// Serves a client; nothing is sent yet.
    fn serve_only(t: &mut TestServer, id: Id, line: &str) {
        let sim = t.srv.clients.get_mut(id).and_then(|c| c.conn.simulated()).expect("it is");
        sim.incoming.extend_from_slice(line.as_bytes());
        let source = Source::Client(id);
        let event = Ready { source, readable: true, writable: false, closed: false };
        serve_all(&mut t.srv, &mut vec![event]);
        while !t.srv.net.again.is_empty() {
            serve_all(&mut t.srv, &mut vec![]);
        }
    }

    /// How many of them have got so much since the last look.
    fn count(t: &mut TestServer, listeners: &[Id], messages: &str) -> usize {
        listeners.iter().filter(|id| t.receive(**id) == messages.as_bytes()).count()
    }

    const ONE: &str = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\none\r\n";

    #[test]
    fn who_publishes_goes_on_before_all_have_heard_and_the_rest_hears_both_at_once() {
        let (mut t, listeners) = published("one");
        before_sleep(&mut t.srv);
        assert_eq!(t.receive(t.client), b":384\r\n");
        assert_eq!(count(&mut t, &listeners, ONE), PUSHES_PER_TURN);
        assert_eq!(sleep_time(&t.srv, 0), Duration::ZERO);
        let me = t.client;
        serve_only(&mut t, me, "PUBLISH c two\r\n");
        let both = format!("{ONE}{}", ONE.replace("one", "two"));
        let writes = t.srv.stats.writes;
        for _ in 0..2 {
            before_sleep(&mut t.srv);
            assert_eq!(count(&mut t, &listeners, &both), PUSHES_PER_TURN);
        }
        before_sleep(&mut t.srv);
        assert_eq!(count(&mut t, &listeners, &ONE.replace("one", "two")), PUSHES_PER_TURN);
        assert_eq!(t.srv.stats.writes - writes, 1 + listeners.len() as u64, "one for each");
        assert!(t.srv.net.pending_pushes.is_empty());
    }

    #[test]
    fn who_asks_meanwhile_has_the_messages_first_and_with_the_answer() {
        let (mut t, listeners) = published("one");
        let last = listeners[listeners.len() - 1];
        serve_only(&mut t, last, "PING\r\n");
        before_sleep(&mut t.srv);
        let want = format!("{ONE}*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        assert_eq!(t.receive(last), want.as_bytes());
        t.settle();
        assert_eq!(count(&mut t, &listeners, ONE), listeners.len() - 1, "and no one twice");
    }

    /// Waiting must not bring anybody over a limit that everybody would keep without it.
    #[test]
    fn what_is_large_does_not_wait_for_the_next_turn() {
        let (mut t, listeners) = published(&"x".repeat(20_000));
        before_sleep(&mut t.srv);
        assert!(listeners.iter().all(|id| t.receive(*id).len() > 20_000));
    }

    #[test]
    fn all_is_sent_where_clients_are_weighed() {
        let (mut t, listeners) = published("one");
        let me = t.client;
        serve_only(&mut t, me, "CONFIG SET maxmemory-clients 1g\r\n");
        before_sleep(&mut t.srv);
        assert_eq!(count(&mut t, &listeners, ONE), listeners.len());
    }

    #[test]
    fn all_have_heard_when_the_server_ends() {
        let (mut t, listeners) = published("one");
        t.srv.stopping = true;
        run(&mut t.srv).expect("a simulated reactor does not fail");
        assert_eq!(count(&mut t, &listeners, ONE), listeners.len());
    }
}
