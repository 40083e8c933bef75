//! Waiting: how calls that found nothing to do stand still, and how they go on.
//!
//! ```text
//!   exec::process ── the handler says Wait ──► park: in line for its keys, the request kept in the client's query
//!                                                │
//!        a unit ends that touched the key ───────┼──► serve_ready: the call is run again, from the start, first come
//!        its time is up ─────────────────────────┼──► end_overdue: it is answered what it asked for in that case
//!        CLIENT UNBLOCK ─────────────────────────┼──► unblock: the same, or an error
//!        the thread has freed, the disk has got, │
//!        replicas have acknowledged what it      │
//!        wanted (met) ───────────────────────────┼──► answer_met: it is answered
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
use super::{Server, replicas, serve};
use crate::base::slab::Id;
use crate::client::waits::Waiting;
use crate::command::states::LongWork;
use crate::command::wait::For;
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
    if let For::Keys { words, news } = &wait.what {
        let waiter = Waiter { ticket, client: call.client, news: *news };
        for index in words.clone() {
            keyspace.blocked.enter(call.session.db, call.query.args().at(index), waiter);
        }
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
        give_up(srv, id);
    }
}

/// How a wait is answered that is over.
pub enum Answer {
    /// As the call has said.
    AsSaid,
    /// So many replicas have it.
    Replicas(i64),
    /// Whether the disk here has it, and those of so many replicas.
    Disk {
        own: bool,
        replicas: i64,
    },
    Error(CmdError),
}

/// The answer to a call for which has come about what it waits for. The one place that decides:
/// for keys their lines do ([`serve_ready`]).
fn met(srv: &Server, wait: &Wait) -> Option<Answer> {
    match wait.what {
        For::Keys { .. } => None,
        For::Freed(number) => srv.keyspace.lazyfree.await_done(number).then_some(Answer::AsSaid),
        For::Replicas { offset, count } => {
            let has = replicas::acknowledged(srv, offset);
            (has >= count).then_some(Answer::Replicas(has))
        }
        For::Disk { own: true, .. } if !srv.conf.aof.enabled => {
            Some(Answer::Error(replicas::NO_AOF))
        }
        For::Disk { own, place, replicas: count } => {
            let (has_own, replicas) = replicas::on_disk(srv, place);
            let is_met = (has_own || !own) && replicas >= count;
            is_met.then_some(Answer::Disk { own: has_own, replicas })
        }
    }
}

/// The answer to a call whose time is up.
fn in_vain(srv: &Server, wait: &Wait) -> Answer {
    match wait.what {
        For::Keys { .. } | For::Freed(_) => Answer::AsSaid,
        For::Replicas { offset, .. } => Answer::Replicas(replicas::acknowledged(srv, offset)),
        For::Disk { place, .. } => {
            let (own, replicas) = replicas::on_disk(srv, place);
            Answer::Disk { own, replicas }
        }
    }
}

/// Answers those who have what they wait for, keys left out. A step of the turn, behind the one
/// that hands over what was told: only then it is known where that ends in the append-only file.
pub fn answer_met(srv: &mut Box<Server>) {
    let mut ids = srv.clients.waits.take_looked_at();
    if ids.is_empty() {
        return;
    }
    let end = replicas::end_of_file(srv);
    ids.retain(|id| {
        let waiting = srv.clients.get_mut(*id).and_then(|client| client.waiting.as_mut());
        let Some(waiting) = waiting else { return false };
        if let For::Disk { place, .. } = &mut waiting.wait.what {
            place.get_or_insert(end);
        }
        let wait = srv.clients.get(*id).and_then(|client| client.waiting.as_ref());
        match wait.and_then(|waiting| met(srv, &waiting.wait)) {
            Some(found) => answer(srv, *id, found),
            None => return true,
        }
        false
    });
    srv.clients.waits.look_again_at(ids);
}

/// How long the reactor may sleep for all that those who wait care.
pub fn sleep_time(srv: &Server, now_us: u64) -> Option<Duration> {
    let deadline_us = srv.clients.waits.next_deadline_us()?;
    Some(Duration::from_micros(deadline_us.saturating_sub(now_us)))
}

/// Ends the wait of the client with this number, if it waits: it is answered as if its time were
/// up, or with an error.
pub fn unblock(srv: &mut Box<Server>, number: i64, error: Option<CmdError>) -> bool {
    let found = srv.clients.find_waiting(number);
    match (found, error) {
        (Some(id), None) => give_up(srv, id),
        (Some(id), Some(error)) => answer(srv, id, Answer::Error(error)),
        (None, _) => {}
    }
    found.is_some()
}

/// Answers a call that has waited in vain.
fn give_up(srv: &mut Box<Server>, id: Id) {
    let waiting = srv.clients.get(id).and_then(|client| client.waiting.as_ref());
    if let Some(found) = waiting.map(|waiting| in_vain(srv, &waiting.wait)) {
        answer(srv, id, found);
    }
}

/// Ends the wait of a client.
fn answer(srv: &mut Box<Server>, id: Id, answer: Answer) {
    with_waiting(srv, id, |srv, call, waiting| {
        call.id = waiting.command;
        call.cmd = srv.commands.entry(call.id).command;
        call.earlier_us = waiting.spent_us;
        call.started_us = srv.clock.mono_us();
        if matches!(waiting.wait.what, For::Freed(_)) {
            // Compat: freeing is part of a flush, whoever does it.
            call.earlier_us += call.started_us.saturating_sub(waiting.since_us);
        }
        match answer {
            Answer::AsSaid => exec::answer_late(srv, call, Ok(waiting.wait.on_timeout)),
            Answer::Replicas(has) => {
                exec::answer_late(srv, call, Ok(|out: &mut Reply| out.int(has)))
            }
            Answer::Disk { own, replicas } => {
                exec::answer_late(
                    srv,
                    call,
                    Ok(|out: &mut Reply| {
                        replicas::write_disk(out, own, replicas);
                    }),
                );
            }
            Answer::Error(error) => exec::answer_late::<fn(&mut Reply)>(srv, call, Err(error)),
        }
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
    let mut call = srv.spare_calls.pop().unwrap_or_default();
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
    serve::keep(srv, call);
}

/// Takes a call out of the lines for its keys.
fn leave_lines(keyspace: &mut Keyspace, call: &Call, waiting: &Waiting) {
    for index in waiting.wait.keys() {
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
        for index in waiting.wait.keys() {
            let key = client.query.args().at(index);
            keyspace.blocked.leave(waiting.db, key, waiting.ticket);
        }
    }
}
