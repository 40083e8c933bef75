//! Waiting: how calls that found nothing to do stand still, and how they go on.
//!
//! ```text
//!   exec::process ── the handler says Wait ──► park: in line for its keys, the request kept in the client's query
//!                                                │
//!        a unit ends that touched the key ───────┼──► serve_ready: the call is run again, from the start, first come
//!        its time is up ─────────────────────────┼──► end_overdue: it is answered what it asked for in that case
//!        CLIENT UNBLOCK ─────────────────────────┼──► unblock: the same, or an error
//!        the thread has freed what it flushed ───┼──► answer_freed: it is answered
//!        the client goes ────────────────────────┴──► forget
//! ```
//!
//! A call that is run again is a unit of its own. If it waits again it has kept its place in line;
//! if not, it is answered and counted as one call, and whatever its client sent meanwhile is served
//! later like any other input, never from in here. What such a call does may be news for others
//! (BLMOVE), who have their turn in the same loop.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::exec::{self, Flow};
use super::{Server, serve};
use crate::base::slab::Id;
use crate::client::waits::Waiting;
use crate::command::states::LongWork;
use crate::command::{Call, CmdError, Wait};
use crate::keyspace::blocked::{Ready, Waiter};
use crate::keyspace::{Keyspace, Type};
use crate::process::crash;
use crate::resp::reply::Reply;

/// Lets a call stand still whose handler has said what it waits for.
pub fn park(srv: &mut Server, call: &mut Call, mut wait: Box<Wait>) {
    let now_us = srv.clock.mono_us();
    let spent_us = now_us.saturating_sub(call.started_us);
    call.started_us = now_us;
    let Server { clients, keyspace, clock, .. } = srv;
    let left_ms = |until: i64| until.saturating_sub(clock.now().0).max(0).unsigned_abs();
    let deadline_us = wait
        .until
        .map(|until| clock.mono_cached_us().saturating_add(left_ms(until.0).saturating_mul(1000)));
    let ticket = keyspace.blocked.draw_ticket();
    let waiter = Waiter { ticket, client: call.client, news: wait.news };
    for index in wait.keys.clone() {
        keyspace.blocked.enter(call.session.db, call.query.args().at(index), waiter);
    }
    for (index, instead) in wait.words.drain(..) {
        call.query.replace(index, instead.into_vec());
    }
    if let Some(client) = clients.get_mut(call.client) {
        client.last_command = Some(call.id);
    }
    let (command, db) = (call.id, call.session.db);
    let waiting = Waiting { wait, command, db, ticket, deadline_us, spent_us, since_us: now_us };
    clients.begin_wait(call.client, waiting);
}

/// Runs the calls again that wait for keys which have news: after the outermost unit. While clients
/// are paused, news waits too.
pub fn serve_ready(srv: &mut Box<Server>) {
    if srv.clients.pause.mode().is_some() || srv.long_work != LongWork::None {
        return;
    }
    if srv.keyspace.blocked.has_ready() {
        // The unit may have taken longer than what it has left behind was to live.
        srv.clock.catch_up();
    }
    while let Some(ready) = srv.keyspace.blocked.take_ready() {
        let mut last = 0;
        loop {
            let found = held(srv, &ready);
            let Some(waiter) = srv.keyspace.blocked.next_in_line(&ready, last, found) else {
                break;
            };
            last = waiter.ticket;
            try_again(srv, waiter);
        }
    }
}

/// The type of value that a key holds at this moment.
fn held(srv: &mut Server, at: &Ready) -> Option<Type> {
    let now = srv.clock.now();
    srv.keyspace.select(at.db, now).peek(&at.key).map(|entry| entry.value_type())
}

/// Runs one waiting call again.
fn try_again(srv: &mut Box<Server>, waiter: Waiter) {
    let id = waiter.client;
    with_waiting(srv, id, |srv, call, waiting| {
        srv.keyspace.blocked.set_trying(Some(waiter.ticket));
        call.id = waiting.command;
        call.cmd = srv.commands.entry(call.id).command;
        call.is_retry = true;
        call.earlier_us = waiting.spent_us;
        call.started_us = srv.clock.mono_us();
        let flow = crash::under_way(call, |call| exec::retry(srv, call));
        let spent_us = srv.clock.mono_us().saturating_sub(call.started_us);
        call.is_retry = false;
        call.earlier_us = 0;
        srv.keyspace.blocked.set_trying(None);
        waiting.spent_us += spent_us;
        flow
    });
}

/// Answers those who have waited for as long as they wanted.
pub fn end_overdue(srv: &mut Box<Server>) {
    let now_us = srv.clock.mono_cached_us();
    while let Some(id) = srv.clients.waits.overdue(now_us) {
        give_up(srv, id, None);
    }
}

/// Answers those for whom the thread has freed what they flushed.
pub fn answer_freed(srv: &mut Box<Server>) {
    while let Some((number, id)) = srv.clients.waits.first_for_freeing() {
        if !srv.keyspace.lazyfree.await_done(number) {
            return;
        }
        give_up(srv, id, None);
    }
}

/// How long the reactor may sleep for all that those who wait care.
pub fn sleep_time(srv: &Server, now_us: u64) -> Option<Duration> {
    let deadline_us = srv.clients.waits.next_deadline_us()?;
    Some(Duration::from_micros(deadline_us.saturating_sub(now_us)))
}

/// Ends the wait of the client with this number, if it waits: it is answered as if its time were
/// up, or with an error.
pub fn unblock(srv: &mut Box<Server>, number: i64, error: Option<CmdError>) -> bool {
    let found = srv.clients.waits.find(number).filter(|id| !srv.clients.is_closing(*id));
    if let Some(id) = found {
        give_up(srv, id, error);
    }
    found.is_some()
}

/// Ends the wait of a client with an answer of this form, or with an error.
pub fn answer(srv: &mut Box<Server>, id: Id, write: fn(&mut Reply), error: Option<CmdError>) {
    if let Some(waiting) = srv.clients.get_mut(id).and_then(|client| client.waiting.as_mut()) {
        waiting.wait.on_timeout = write;
        give_up(srv, id, error);
    }
}

/// Answers a call that has waited in vain.
fn give_up(srv: &mut Box<Server>, id: Id, error: Option<CmdError>) {
    with_waiting(srv, id, |srv, call, waiting| {
        call.id = waiting.command;
        call.cmd = srv.commands.entry(call.id).command;
        call.earlier_us = waiting.spent_us;
        call.started_us = srv.clock.mono_us();
        if waiting.wait.freed.is_some() {
            // Compat: freeing is part of a flush, whoever does it.
            call.earlier_us += call.started_us.saturating_sub(waiting.since_us);
        }
        exec::answer_in_vain(srv, call, waiting.wait.on_timeout, error);
        call.earlier_us = 0;
        Flow::Continue
    });
}

/// Serves a waiting client once more. Whether it goes on waiting depends on what comes of that.
fn with_waiting(
    srv: &mut Box<Server>,
    id: Id,
    work: impl FnOnce(&mut Box<Server>, &mut Box<Call>, &mut Waiting) -> Flow,
) {
    if srv.clients.is_closing(id) {
        return forget(srv, id); // It takes nothing with it.
    }
    let Some(mut waiting) = srv.clients.end_wait(id) else { return };
    let mut call = srv.spare_call.take().unwrap_or_default();
    let Server { clients, net, .. } = &mut **srv;
    let Some(client) = clients.get_mut(id) else { return };
    client.lend_to(&mut call, &mut net.buffers);
    let before = std::mem::replace(&mut srv.serving, id);
    let flow = work(srv, &mut call, &mut waiting);
    srv.serving = before;
    if flow == Flow::Wait {
        srv.clients.begin_wait(id, *waiting);
    } else {
        leave_lines(&mut srv.keyspace, &call, &waiting);
        go_on(srv, &mut call);
    }
    serve::finish(srv, &mut call);
    srv.spare_call = Some(call);
}

/// Takes a call out of the lines for its keys.
fn leave_lines(keyspace: &mut Keyspace, call: &Call, waiting: &Waiting) {
    for index in waiting.wait.keys.clone() {
        keyspace.blocked.leave(waiting.db, call.query.args().at(index), waiting.ticket);
    }
}

/// The call of a client is over: what it sent meanwhile is looked at when all who are ready have
/// been served.
fn go_on(srv: &mut Server, call: &mut Call) {
    call.query.consume();
    let Server { clients, net, .. } = srv;
    let Some(client) = clients.get_mut(call.client) else { return };
    client.totals.commands += 1;
    if client.marks.unread || !call.query.is_idle() {
        client.serve_soon(net);
    }
}

/// A client goes: it waits for nothing any more.
pub fn forget(srv: &mut Server, id: Id) {
    let Server { clients, keyspace, .. } = srv;
    let Some(waiting) = clients.end_wait(id) else { return };
    if let Some(client) = clients.get(id) {
        for index in waiting.wait.keys.clone() {
            let key = client.query.args().at(index);
            keyspace.blocked.leave(waiting.db, key, waiting.ticket);
        }
    }
}
