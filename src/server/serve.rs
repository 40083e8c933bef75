//! Serving one ready client: read, run what came, hand back what travels.

use std::io::{self, ErrorKind};

use super::exec::{self, Flow};
use super::{Server, evict_clients, waits};
use crate::base::os::os_text;
use crate::base::slab::Id;
use crate::client::Client;
use crate::client::peer::Peer;
use crate::command::lookup::CommandId;
use crate::command::states::LongWork;
use crate::command::{Call, ReplyMode};
use crate::config::LogLevel;
use crate::keyspace::entry::ObjectFn;
use crate::net::conn::Read;
use crate::process::crash;
use crate::process::log::Log;
use crate::resp::request::{Limits, Parsed, ProtocolError, Upcoming};
use crate::types::View;

/// Bytes of a large argument that are read before the others have their turn: there is nobody whom
/// a part of it helps.
const LARGE_PER_TURN: usize = 1 << 20;

/// Calls that are kept for the next clients: for one that is served, for one that it wakes, and for
/// the same while something long is under way.
pub const SPARE_CALLS: usize = 4;

/// Keeps a call for the next client.
#[inline]
pub fn keep(srv: &mut Server, call: Box<Call>) {
    if srv.spare_calls.len() < SPARE_CALLS {
        srv.spare_calls.push(call);
    }
}

/// What can be done with a client that is ready.
enum Approach {
    Serve,
    /// Nothing now: whoever lets it go on serves it again.
    Wait,
    /// A call of this client is under way, and others are served meanwhile: it comes after.
    ComeBack,
    /// Who has left while it stood still asked for nothing.
    Close,
}

/// Notes that a client is ready, and says what can be done with it.
#[inline]
fn approach(client: &mut Client, closed: bool) -> Approach {
    client.marks.half_closed |= closed;
    if client.marks.lent {
        return Approach::ComeBack;
    }
    if client.marks.closing || client.marks.close_after_reply {
        return Approach::Wait;
    }
    if client.stands_still() {
        // Its edge is used up.
        client.marks.unread = true;
        let has_left = closed || client.waiting.is_some() && client.marks.half_closed;
        return if has_left { Approach::Close } else { Approach::Wait };
    }
    client.marks.unread = false;
    Approach::Serve
}

/// Reads from a client's socket once, or until a large argument has arrived, and runs every request
/// that is complete. `closed` says that the peer has closed its side, so that an end of file
/// follows what is read, now or by a later call: no other edge will tell.
pub fn serve(srv: &mut Box<Server>, id: Id, closed: bool) {
    let Server { clients, net, spare_calls, long_work, .. } = &mut **srv;
    let Some(client) = clients.get_mut(id) else { return };
    if matches!(client.peer, Peer::Primary) && *long_work != LongWork::None {
        // Nothing of the stream may be refused: it waits for the end of what takes so long.
        client.marks.half_closed |= closed;
        return client.serve_again(net);
    }
    match approach(client, closed) {
        Approach::Serve => {}
        Approach::Wait => return,
        Approach::Close => return clients.close_later(id),
        Approach::ComeBack => return client.serve_again(net),
    }
    let mut call = spare_calls.pop().unwrap_or_default();
    client.lend_to(&mut call, &mut net.buffers);
    let mut left = LARGE_PER_TURN;
    let parting = loop {
        let (n, more) = match receive(srv, &mut call) {
            Ok(read) => read,
            Err(parting) => break Some(parting),
        };
        call.started_us = srv.clock.mono_us();
        srv.serving = id;
        crash::under_way(&mut call, |call| run_requests(srv, call));
        srv.serving = Id::NONE;
        left = left.saturating_sub(n);
        if more && left > 0 && call.query.is_filling() && !srv.clients.is_closing(id) {
            continue;
        }
        if more && let Some(client) = srv.clients.get_mut(id) {
            client.serve_again(&mut srv.net);
        }
        break None;
    };
    if let Some(parting) = &parting {
        say_parting(srv, &call, parting);
        srv.clients.close_later(id);
    }
    finish(srv, &mut call);
    keep(srv, call);
    // What a call did that then had to wait may be news for others.
    waits::serve_ready(srv);
}

/// One `read` for the client being served. Returns how many bytes came and whether there may be
/// more, or how the connection has ended.
fn receive(srv: &mut Server, call: &mut Call) -> Result<(usize, bool), io::Result<()>> {
    let Server { clients, clock, stats, .. } = srv;
    let Some(client) = clients.get_mut(call.client) else {
        return Ok((0, false));
    };
    match call.query.read_with(|buf, _| client.conn.read_into(buf)) {
        Ok(Read { n: 0, .. }) => Err(Ok(())),
        Ok(Read { n, more }) => {
            client.totals.bytes_in += n as u64;
            client.active_us = clock.mono_cached_us();
            stats.bytes_in += n as u64;
            stats.reads += 1;
            Ok((n, more || client.marks.half_closed))
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok((0, false)),
        Err(error) => Err(Err(error)),
    }
}

/// Logs that a client has gone by itself, or that its connection broke.
#[cold]
fn say_parting(srv: &mut Server, call: &Call, parting: &io::Result<()>) {
    if !srv.log.wants(LogLevel::Verbose) {
        return;
    }
    match parting {
        Ok(()) => {
            let who = describe(srv, call);
            srv.log.verbose(format_args!("Client closed connection {who}"));
        }
        Err(error) => {
            srv.log.verbose(format_args!("Reading from client: {}", os_text(error)));
        }
    }
}

/// The client being served, in one line.
fn describe(srv: &Server, call: &Call) -> String {
    let client = srv.clients.get(call.client);
    let line = client.map_or_else(Vec::new, |client| client.describe(srv.log_scene(), Some(call)));
    String::from_utf8_lossy(&line).into_owned()
}

/// Runs the requests that are complete, until one has to wait or the client is closed.
fn run_requests(srv: &mut Box<Server>, call: &mut Call) {
    let (mut ran, mut fetched) = (0, 0);
    call.counted = 0;
    loop {
        if ran == fetched {
            fetched += AHEAD as u64;
            fetch_ahead(srv, call);
        }
        let limits = Limits {
            bulk_max: srv.conf.proto.max_bulk_len,
            authenticated: call.session.authenticated || !srv.conf.security.needs_password(),
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
                    postpone(srv, call);
                    break;
                }
                Flow::Wait => break,
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
        client.totals.commands += call.counted;
        client.last_command = call.is_known.then_some(call.id);
    }
}

/// Requests whose keys are fetched ahead at once.
pub const AHEAD: usize = 16;

/// Asks the processor for the memory that the next requests will want: their keys, if there are
/// more than the caches hold anyway, and members or fields, if they are about one large collection.
#[inline]
pub fn fetch_ahead(srv: &Server, call: &Call) {
    const KEYS_MIN: usize = 8192;
    let mut upcoming = call.query.upcoming();
    // What follows is mostly more of the same.
    let Some(next) = upcoming.next() else { return };
    if !begins_with_key(srv, call.id, next.name) {
        return;
    }
    let Some(second) = upcoming.next() else { return };
    let keys = &srv.keyspace.db(call.session.db).keys;
    let (many_keys, one_key) =
        (keys.len() >= KEYS_MIN, next.first == second.first && next.second.is_some());
    if !many_keys && !one_key {
        return;
    }
    let mut ahead = [Upcoming::default(); AHEAD];
    (ahead[0], ahead[1]) = (next, second);
    let mut count = 2;
    for (room, request) in ahead[count..].iter_mut().zip(upcoming) {
        *room = request;
        count += 1;
    }
    let ahead = &ahead[..count];
    if many_keys {
        keys.fetch_ahead(ahead.iter().map(|request| request.first));
    }
    if one_key && let Some(entry) = keys.find(keys.hash(next.first), next.first) {
        let names = ahead.iter().filter(|request| request.first == next.first);
        entry.object(FetchAhead(names.filter_map(|request| request.second)));
    }
}

/// Whether the first argument of a command is a key. A pipeline mostly goes on with the command it
/// had last.
#[inline]
fn begins_with_key(srv: &Server, last: CommandId, name: &[u8]) -> bool {
    let entry = srv.commands.entry(last);
    if entry.is_called(name) {
        return entry.begins_with_key;
    }
    srv.commands.find(name).is_some_and(|id| srv.commands.entry(id).begins_with_key)
}

/// [`View::fetch_ahead`] as an [`ObjectFn`].
struct FetchAhead<I>(I);

impl<'n, I: Iterator<Item = &'n [u8]> + Clone> ObjectFn<()> for FetchAhead<I> {
    fn call<V: View>(self, view: V) {
        view.fetch_ahead(self.0);
    }
}

/// Lets a client stand in front of its command until the pause ends.
fn postpone(srv: &mut Server, call: &Call) {
    if let Some(client) = srv.clients.get_mut(call.client) {
        client.marks.postponed = true;
        client.last_command = Some(call.id);
        srv.clients.pause.waiting.push(call.client);
    }
}

/// Answers what cannot be understood, and closes: there is no way to find the next request.
fn refuse_protocol(srv: &mut Server, call: &mut Call, error: ProtocolError) {
    call.out.begin();
    match call.session.reply {
        ReplyMode::Off => call.out.settle(),
        _ => call.out.error(&[b"ERR Protocol error: ", &error.text()[..]].concat()),
    }
    srv.stats.count_error("ERR");
    if srv.log.wants(LogLevel::Verbose) {
        let sent = match srv.conf.log.hide_user_data {
            true => "*redacted*".to_owned(),
            false => excerpt(call.query.unread()),
        };
        let who = describe(srv, call);
        let error = error.log_text();
        srv.log.verbose(format_args!(
            "Protocol error ({error}) from client: {who}. Query buffer during protocol error: {sent}"
        ));
    }
    call.hang_up = true;
    // Nothing of it is wanted any more, nor what would follow.
    call.query.reset();
}

/// The beginning and the end of what a client sent, harmless to terminals.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 128;
    let plain = |part: &[u8]| -> String {
        let shown = |b: &u8| if matches!(b, b' '..=b'~') { char::from(*b) } else { '.' };
        part.iter().map(shown).collect()
    };
    if bytes.len() <= SHOWN {
        return format!("'{}'", plain(bytes));
    }
    let (head, tail) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 2..]);
    format!("'{}' (... more {} bytes ...) '{}'", plain(head), bytes.len() - SHOWN, plain(tail))
}

/// Gives the client back what travelled, and queues its output.
pub fn finish(srv: &mut Server, call: &mut Call) {
    let Server { clients, net, conf, stats, clock, .. } = srv;
    let Some(client) = clients.get_mut(call.client) else {
        // It was freed meanwhile, which only the end of a turn does.
        call.query.reset();
        call.out.clear();
        return;
    };
    let held = call.query.held() + client.multi_bytes();
    let over_query = held as u64 > conf.clients.query_buffer_limit;
    let farewell = over_query.then(|| match conf.log.hide_user_data {
        true => "*redacted*".to_owned(),
        false => excerpt_start(call.query.unread()),
    });
    if std::mem::take(&mut call.hang_up) {
        client.marks.close_after_reply = true;
        call.query.reset();
    }
    client.take_back(call);
    let (input, output) = (client.query.capacity(), client.out.len());
    let (mut close, mut over_output) = (over_query, false);
    if client.owes_nothing() {
        net.buffers.take_back(std::mem::take(client.out.buffer()));
        close |= client.marks.close_after_reply;
    } else {
        client.send_soon(net);
        let now = clock.mono_cached_us();
        over_output = client.is_over_output_limit(client.out.limited_len(), conf, now);
        stats.output_buffer_closes += u64::from(over_output && !client.marks.closing);
        close |= over_output;
    }
    stats.query_buffer_closes += u64::from(over_query && !client.marks.closing);
    clients.recent.note(clock.mono_cached_us(), input, output);
    evict_clients::weigh(srv, call.client);
    if close {
        srv.clients.close_later(call.client);
        say_over_limit(srv, call.client, over_output, farewell);
    }
}

/// Logs which limit closes a client.
#[cold]
fn say_over_limit(srv: &mut Server, id: Id, over_output: bool, query_start: Option<String>) {
    let who = String::from_utf8_lossy(&srv.describe(id)).into_owned();
    if let Some(start) = query_start {
        srv.log.warning(format_args!(
            "Closing client that reached max query buffer length: {who} (qbuf initial bytes: \"{start}\")"
        ));
    }
    if over_output {
        say_over_output(&mut srv.log, &who);
    }
}

/// The line for a client who does not take its replies.
pub fn say_over_output(log: &mut Log, who: &str) {
    log.warning(format_args!(
        "Client {who} scheduled to be closed ASAP for overcoming of output buffer limits."
    ));
}

fn excerpt_start(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(64)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::server::testing::TestServer;

    fn talkative() -> TestServer {
        let mut t = TestServer::with(Config::default());
        let mut conf = t.srv.conf.log.clone();
        conf.level = LogLevel::Verbose;
        t.srv.log.follow(&conf);
        t
    }

    #[test]
    fn a_protocol_error_is_logged_with_an_excerpt() {
        let mut t = talkative();
        let client = t.connect();
        t.send(client, b"*1\r\nf\x01o\r\n");
        let lines = t.srv.log.lines();
        let (_, text) = lines.last().expect("a line");
        assert!(
            text.starts_with("Protocol error (expected $ but got something else) from client: id=")
        );
        assert!(text.ends_with(". Query buffer during protocol error: 'f.o..'"), "{text}");
    }

    /// There is one edge for the end of file, however many reads it takes to get there.
    #[test]
    fn the_end_of_file_is_seen_behind_any_number_of_bytes() {
        for requests in [0, 1, 4000, 30_000] {
            let mut t = TestServer::new();
            let client = t.connect();
            t.send_last(client, &b"PING\r\n".repeat(requests));
            assert!(t.srv.clients.get(client).is_none(), "{requests} requests");
            assert_eq!(t.receive(client), b"+PONG\r\n".repeat(requests));
        }
    }

    #[test]
    fn user_data_are_not_logged_if_they_are_to_be_hidden() {
        let mut t = talkative();
        t.srv.conf.log.hide_user_data = true;
        t.srv.conf.clients.query_buffer_limit = 100;
        for sent in [&b"*1\r\nsecret\r\n"[..], &[b's'; 300]] {
            let client = t.connect();
            t.run_as(client, "CLIENT SETNAME secret");
            assert!(t.run("CLIENT LIST").contains("name=secret"), "only the log hides");
            t.send(
                client,
                &[b"*1\r\n$5000\r\n", sent].concat()[if sent.len() > 20 { 0 } else { 11 }..],
            );
            assert!(t.srv.clients.get(client).is_none());
        }
        let lines = t.srv.log.lines();
        let shown: Vec<_> = lines.iter().filter(|(_, line)| line.contains("*redacted*")).collect();
        assert_eq!(shown.len(), 2, "{lines:?}");
        assert!(!lines.iter().any(|(_, line)| line.contains("secret") || line.contains("sss")));
    }

    #[test]
    fn who_wants_no_replies_gets_no_protocol_error_either() {
        let mut t = TestServer::new();
        let client = t.connect();
        t.send(client, b"CLIENT REPLY OFF\r\n*1\r\nfoo\r\n");
        assert_eq!(t.receive(client), b"");
        assert!(t.srv.clients.get(client).is_none());
    }

    #[test]
    fn who_leaves_during_a_pause_is_gone_at_once_and_its_command_with_it() {
        let mut t = TestServer::new();
        let client = t.connect();
        t.run("CLIENT PAUSE 1000 WRITE");
        t.send(client, b"SET k v\r\n");
        t.send_last(client, b"PING\r\n");
        assert!(t.srv.clients.get(client).is_none());
        t.advance(std::time::Duration::from_secs(2));
        assert_eq!(t.run("EXISTS k"), ":0\r\n");
    }

    #[test]
    fn a_long_excerpt_has_a_beginning_and_an_end() {
        let text = [&[b'a'; 100][..], &[b'b'; 100]].concat();
        let want = format!("'{}' (... more 72 bytes ...) '{}'", "a".repeat(64), "b".repeat(64));
        assert_eq!(excerpt(&text), want);
        assert_eq!(excerpt(&text[..128]).len(), 130);
    }

    #[test]
    fn who_sends_too_much_is_named() {
        let mut t = talkative();
        t.srv.conf.clients.query_buffer_limit = 100;
        let client = t.connect();
        let sent = [b"*1\r\n$5000\r\n".as_slice(), &[b'x'; 300]].concat();
        t.send(client, &sent);
        let (level, text) = t.srv.log.lines().last().expect("a line");
        assert_eq!(*level, LogLevel::Warning);
        assert!(text.starts_with("Closing client that reached max query buffer length: id="));
        assert!(text.ends_with(&format!("(qbuf initial bytes: \"{}\")", "x".repeat(64))), "{text}");
    }
}
