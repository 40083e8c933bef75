//! Serving one ready client: read once, run what came, hand back what travels.

use std::io::ErrorKind;

use super::Server;
use super::exec::{self, Flow};
use crate::base::slab::Id;
use crate::command::Call;
use crate::resp::request::{Limits, Parsed, ProtocolError};

/// Reads from a client's socket once and runs every request that is complete. `closed` says that the peer has closed
/// its side, so that an end of file follows what was read.
pub fn serve(srv: &mut Box<Server>, id: Id, closed: bool) {
    let mut call = srv.spare_call.take().unwrap_or_default();
    let Server { clients, net, clock, stats, .. } = &mut **srv;
    let Some(client) = clients.get_mut(id) else {
        srv.spare_call = Some(call);
        return;
    };
    if client.marks.closing || client.marks.close_after_reply {
        srv.spare_call = Some(call);
        return;
    }
    if client.marks.postponed {
        // Its edge is used up; whoever ends the pause serves it again.
        srv.spare_call = Some(call);
        return;
    }
    client.lend_to(&mut call, &mut net.buffers);
    let read = call.query.read_with(|buf, _| client.conn.read_into(buf));
    let mut alive = true;
    match read {
        Ok((0, _)) => alive = false,
        Ok((n, full)) => {
            client.totals.bytes_in += n as u64;
            client.active_us = clock.mono_cached_us();
            stats.bytes_in += n as u64;
            stats.reads += 1;
            if (full || closed) && !client.marks.again {
                client.marks.again = true;
                net.again.push(id);
            }
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => {}
        Err(_) => alive = false,
    }
    if alive {
        call.started_us = srv.clock.mono_us();
        run_requests(srv, &mut call);
    } else {
        srv.clients.close_later(id);
    }
    finish(srv, &mut call);
    srv.spare_call = Some(call);
}

/// Runs the requests that are complete, until one has to wait or the client is closed.
fn run_requests(srv: &mut Box<Server>, call: &mut Call) {
    let mut ran = 0;
    loop {
        let limits = Limits {
            bulk_max: srv.conf.proto.max_bulk_len,
            authenticated: call.session.authenticated || srv.conf.security.requirepass.is_empty(),
        };
        match call.query.parse(limits) {
            Ok(Parsed::Request) => match exec::process(srv, call) {
                Flow::Continue => {
                    ran += 1;
                    call.query.consume();
                }
                Flow::Stop => {
                    ran += 1;
                    call.query.consume();
                    break;
                }
                Flow::Postpone => {
                    postpone(srv, call.client);
                    break;
                }
            },
            Ok(Parsed::NeedMore) => break,
            Err(error) => {
                refuse_protocol(srv, call, error);
                break;
            }
        }
    }
    if let Some(client) = srv.clients.get_mut(call.client)
        && ran > 0
    {
        client.totals.commands += ran;
        client.last_command = Some(call.id);
    }
}

/// Lets a client stand in front of its command until the pause ends.
fn postpone(srv: &mut Server, id: Id) {
    if let Some(client) = srv.clients.get_mut(id) {
        client.marks.postponed = true;
        srv.clients.pause.waiting.push(id);
    }
}

/// Answers what cannot be understood, and closes: there is no way to find the next request.
fn refuse_protocol(srv: &mut Server, call: &mut Call, error: ProtocolError) {
    call.out.begin();
    call.out.error(format!("ERR Protocol error: {error}").as_bytes());
    srv.stats.count_error("ERR");
    call.hang_up = true;
}

/// Gives the client back what travelled, and queues its output.
fn finish(srv: &mut Server, call: &mut Call) {
    let Server { clients, net, conf, stats, clock, .. } = srv;
    let Some(client) = clients.get_mut(call.client) else {
        // It was freed meanwhile, which only the end of a turn does.
        call.query.reset();
        call.out.clear();
        return;
    };
    let over_query = call.query.held() as u64 > conf.clients.query_buffer_limit;
    if std::mem::take(&mut call.hang_up) {
        client.marks.close_after_reply = true;
        call.query.reset();
    }
    client.take_back(call);
    let mut close = over_query;
    if client.out.is_empty() {
        net.buffers.take_back(std::mem::take(client.out.buffer()));
        close |= client.marks.close_after_reply;
    } else {
        if !client.marks.pending_write && !client.marks.write_blocked {
            client.marks.pending_write = true;
            net.pending_writes.push(call.client);
        }
        let now = clock.mono_cached_us();
        let over_output = client.is_over_output_limit(client.out.len(), conf, now);
        stats.output_buffer_closes += u64::from(over_output && !client.marks.closing);
        close |= over_output;
    }
    stats.query_buffer_closes += u64::from(over_query);
    if close {
        clients.close_later(call.client);
    }
}
