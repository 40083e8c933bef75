//! Running one call: look it up, ask the gates, run it, count it, tell it.

use super::{Run, Server, evict, evict_clients, expire, multi, news, waits};
use crate::base::os::os_text;
use crate::base::slab::Id;
#[cfg(debug_assertions)]
use crate::command::getkeys;
use crate::command::lookup::CommandId;
use crate::command::states;
use crate::command::{
    Caching, Call, CmdError, CmdResult, Cx, Handler, Multi, Origin, Outcome, ReplyMode, Wait, flag,
    special,
};
use crate::keyspace::{DbIndex, Expire};
use crate::observe::latency::{self, event};
use crate::observe::monitor;
use crate::observe::slowlog::{Caller, Measured};
use crate::resp::reply::{Mark, Reply};
use crate::server::admit::{self, Admission};

/// Output up to this many bytes is looked at only when a client has been served.
const OUTPUT_UNCHECKED: usize = 16 * 1024;

/// What becomes of the client's further requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// No more of them: the client is being closed.
    Stop,
    /// This one did not run and has to be asked again later.
    Postpone,
    /// This one waits for keys.
    Wait,
}

/// Handles the request in `call.query`, which came from a client.
#[inline]
pub fn process(srv: &mut Box<Server>, call: &mut Call) -> Flow {
    if srv.states & states::LIMITED != 0 && !make_room(srv, call) {
        return Flow::Stop;
    }
    let mark = call.out.begin();
    let resolved = resolve(srv, call);
    call.is_known = !matches!(resolved, Err((None, _)));
    match resolved {
        Ok(id) => match admit_and_run(srv, call, id) {
            Outcome::Done => {}
            Outcome::Postponed => return Flow::Postpone,
            Outcome::Wait(wait) => {
                waits::park(srv, call, wait);
                return Flow::Wait;
            }
        },
        Err((None, _)) if is_http(call.query.args().at(0)) => {
            hang_up_on_http(srv, call);
        }
        Err((id, error)) => reject(srv, call, id, &error),
    }
    if call.session.caching_next {
        end_caching(call);
    }
    if srv.keyspace.blocked.has_ready() {
        serve_others(srv, call);
    }
    conclude(srv, call, mark)
}

/// Evicts clients and keys while a limit is passed. False: this client was one of them.
#[inline]
fn make_room(srv: &mut Box<Server>, call: &mut Call) -> bool {
    if call.origin == Origin::Primary && srv.conf.memory.replica_ignore_max {
        // The primary evicts for both.
        return true;
    }
    if srv.clients.are_weighed() && !evict_clients::before_call(srv, call) {
        return false;
    }
    evict::before_call(srv, call);
    true
}

/// What CLIENT CACHING said holds for one command, or one transaction; other subcommands of CLIENT
/// do not count.
#[cold]
fn end_caching(call: &mut Call) {
    let counts = !call.is_known || !call.cmd.is(special::ABOUT_CLIENT);
    if counts && call.session.multi == Multi::No {
        call.session.caching_next = false;
    }
}

/// Runs a call again that has waited for keys.
pub fn retry(srv: &mut Box<Server>, call: &mut Call) -> Flow {
    let mark = call.out.begin();
    match admit_and_run(srv, call, call.id) {
        Outcome::Done => conclude(srv, call, mark),
        Outcome::Postponed | Outcome::Wait(_) => Flow::Wait,
    }
}

/// Answers a call whose wait is over, other than by running it again: with an error, or as `answer`
/// writes it.
pub fn answer_late<W: FnOnce(&mut Reply)>(
    srv: &mut Server,
    call: &mut Call,
    answer: Result<W, CmdError>,
) {
    let (mark, written) = (call.out.begin(), call.out.len());
    let failed = answer.is_err();
    match answer {
        Ok(write) => write(&mut call.out),
        Err(error) => {
            call.out.error(error.text());
            srv.stats.count_error(&error.code());
        }
    }
    assert_eq!(call.out.owed(), 0, "{} must answer once", call.cmd.name);
    count(srv, call, failed, written);
    conclude(srv, call, mark);
}

/// Lets those go on who waited for what a unit did. It takes no part in the time of the calls
/// around it.
#[cold]
fn serve_others(srv: &mut Box<Server>, call: &mut Call) {
    waits::serve_ready(srv);
    call.started_us = srv.clock.mono_us();
    srv.clients.deliver_mail(call);
}

/// Asks the gates, and runs the call if they let it.
#[inline]
fn admit_and_run(srv: &mut Box<Server>, call: &mut Call, id: CommandId) -> Outcome {
    let states = srv.states | call.session.states();
    let admission = match states & srv.commands.entry(id).gates {
        0 => Admission::Run,
        bits => admit::check(srv, call, bits),
    };
    match admission {
        Admission::Run => run(srv, call),
        Admission::Refuse(error) => {
            reject(srv, call, Some(id), &error);
            Outcome::Done
        }
        Admission::Postpone => Outcome::Postponed,
        Admission::Queue => {
            multi::enqueue(srv, call);
            Outcome::Done
        }
    }
}

/// What follows an answer.
#[inline]
fn conclude(srv: &mut Server, call: &mut Call, mark: Mark) -> Flow {
    if call.session.reply != ReplyMode::On {
        mute(call, mark);
    }
    if srv.requests.is_open() {
        log_request(srv, call, mark);
    }
    if srv.clients.has_mail() {
        srv.clients.deliver_mail(call);
    }
    call.out.seal_if_large();
    if call.out.len() > OUTPUT_UNCHECKED {
        check_output_limit(srv, call);
    }
    if call.hang_up || srv.clients.is_closing(call.client) { Flow::Stop } else { Flow::Continue }
}

/// Writes a request and its reply to the log of these. Listeners and monitors are sent more than
/// replies.
#[cold]
fn log_request(srv: &mut Server, call: &Call, mark: Mark) {
    let is_monitor = srv.clients.get(call.client).is_none_or(|client| client.peer.is_monitor());
    let reply = call.out.since(mark);
    if is_monitor || call.session.listens || reply.is_empty() {
        return;
    }
    let Server { requests, log, .. } = srv;
    if let Err(error) = requests.add(call.args(), &reply) {
        log.warning(format_args!("Can't write to the log of requests: {}", os_text(&error)));
    }
}

/// Closes a client in the middle of its pipeline when its output has passed the limit: what follows
/// would only be thrown away.
#[cold]
fn check_output_limit(srv: &mut Server, call: &Call) {
    let Server { clients, conf, clock, stats, .. } = srv;
    let Some(client) = clients.get_mut(call.client) else { return };
    // It may have authenticated just now.
    client.session = call.session;
    let is_over = client.is_over_output_limit(call.out.limited_len(), conf, clock.mono_cached_us());
    // All calls of a transaction run: one may pass the limit after another has.
    if is_over && !client.marks.closing {
        stats.output_buffer_closes += 1;
        clients.close_later(call.client);
    }
}

/// Finds the command and checks the number of words. The command of the last call is tried first,
/// for pipelines.
#[inline]
fn resolve(srv: &Server, call: &mut Call) -> Result<CommandId, (Option<CommandId>, CmdError)> {
    let args = call.query.args();
    if !srv.commands.entry(call.id).is_called(args.at(0)) {
        call.id = srv.commands.resolve(args).map_err(|e| (None, e))?;
    }
    call.cmd = srv.commands.entry(call.id).command;
    if !call.cmd.fits(args.len()) || matches!(call.cmd.handler, Handler::Container) {
        return Err((Some(call.id), CmdError::arity(call.cmd.name)));
    }
    Ok(call.id)
}

/// A browser, or somebody who makes one talk to us: no word of it is worth an answer.
#[cold]
fn hang_up_on_http(srv: &mut Server, call: &Call) {
    if let Some(client) = srv.clients.get(call.client) {
        let peer = client.conn.peer();
        let peer = peer.display(&srv.conf.net.unixsocket);
        srv.log.warning(format_args!(
            "Possible SECURITY ATTACK detected. Somebody sends POST or Host: commands: perhaps a web page makes a \
             browser talk to this server (cross protocol scripting). Connection from {peer} aborted."
        ));
    }
    srv.clients.close_later(call.client);
}

/// The first word of an HTTP request, or of its header: another protocol is smuggled in.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Answers a call that may not run.
#[cold]
fn reject(srv: &mut Server, call: &mut Call, id: Option<CommandId>, error: &CmdError) {
    let of_exec = multi::refuse(srv, call, id.is_some(), error);
    let error = of_exec.as_ref().unwrap_or(error);
    call.out.error(error.text());
    srv.stats.count_error(&error.code());
    if let Some(id) = id {
        srv.stats.command(id).rejected += 1;
    }
    if of_exec.is_some() && !srv.clients.monitors.is_empty() {
        // They have seen the MULTI.
        show_to_monitors(srv, call);
    }
}

/// Takes an answer back that the client does not want, and looks what it wants next.
#[cold]
fn mute(call: &mut Call, mark: Mark) {
    if !call.session.reply.is_answered() {
        call.out.rewind(mark);
    }
    call.session.reply = match call.session.reply {
        ReplyMode::SkipNext | ReplyMode::ThenSkip => ReplyMode::Skip,
        ReplyMode::Skip => ReplyMode::On,
        ReplyMode::ThenOff => ReplyMode::Off,
        other => other,
    };
}

/// Runs one admitted call, possibly inside another (EXEC, a script).
pub fn run(srv: &mut Box<Server>, call: &mut Call) -> Outcome {
    let (dirty, mark, written) = (srv.keyspace.dirty, call.out.mark(), call.out.len());
    srv.unit.depth += 1;
    let accounted = srv.unit.accounted;
    call.may_wait = srv.unit.depth == 1 && call.origin == Origin::User;
    let verdict = handle(srv, call);
    srv.unit.depth -= 1;

    if matches!(verdict, Ok(Outcome::Postponed)) {
        assert_eq!(call.out.mark(), mark, "{} wrote, and yet it waits", call.cmd.name);
        return Outcome::Postponed;
    }
    let (waits, failed) = settle(srv, call, verdict, mark);
    assert_eq!(call.out.owed(), i64::from(waits.is_some()), "{} must answer once", call.cmd.name);
    let done = srv.keyspace.dirty.wrapping_sub(dirty);
    let dirtied = done != srv.unit.accounted - accounted;
    srv.unit.accounted = accounted + done;
    assert!(!dirtied || call.cmd.has(flag::WRITE | flag::MAY_REPLICATE), "{} wrote", call.cmd.name);

    tell_and_remember(srv, call);
    if !srv.keyspace.deleted.is_empty() {
        gather_deleted(srv, call);
    }
    if (dirtied || call.fx.is_forced()) && srv.unit.is_listening() {
        if call.hidden_from.is_any() {
            call.fx.hide_from(call.hidden_from);
        }
        srv.unit.gather(call.session.db, call.query.args(), &mut call.fx);
    }
    let answers_last = call.fx.answers_last();
    call.fx.reset();
    if srv.unit.depth == 0 {
        if answers_last {
            tell_own_cache_first(srv, call, mark);
        }
        after_unit(srv);
    }
    if waits.is_none() {
        count(srv, call, failed, written);
    }
    if !srv.clients.monitors.is_empty() {
        feed_monitors(srv, call);
    }
    // A call that waits is counted when it is over; monitors saw it begin.
    waits.map_or(Outcome::Done, Outcome::Wait)
}

/// Why a command that was written down cannot be run again.
#[derive(Debug)]
pub enum Unfit {
    Unknown,
    Arity,
}

/// Finds the command of a call that was written down.
pub fn look_up(srv: &Server, call: &mut Call) -> Result<(), Unfit> {
    match resolve(srv, call) {
        Ok(_) => Ok(()),
        Err((None, _)) => Err(Unfit::Unknown),
        Err((Some(_), _)) => Err(Unfit::Arity),
    }
}

/// Runs a call that was written down once before: from the append-only file. Nobody hears its
/// answer, it is told to nobody and counts nowhere.
pub fn replay(srv: &mut Box<Server>, call: &mut Call) {
    let mark = call.out.begin();
    srv.unit.depth += 1;
    call.may_wait = false;
    // Whatever it says: it was right when it was written down.
    let _ = handle(srv, call);
    srv.unit.depth -= 1;
    call.out.settle();
    call.out.rewind(mark);
    call.out.clear();
    call.fx.reset();
    srv.keyspace.deleted.clear();
    if news::is_any(&srv.keyspace) {
        news::tell(srv, Id::NONE, Origin::User);
    }
}

/// What the answer of a handler comes to: what the call waits for, if it does, and whether it
/// failed.
#[inline]
fn settle(
    srv: &mut Server,
    call: &mut Call,
    verdict: CmdResult,
    mark: Mark,
) -> (Option<Box<Wait>>, bool) {
    match verdict {
        Ok(Outcome::Wait(wait)) => {
            assert_eq!(call.out.mark(), mark, "{} wrote, and yet it waits", call.cmd.name);
            if call.may_wait {
                return (Some(wait), false);
            }
            (wait.on_timeout)(&mut call.out);
            (None, false)
        }
        Ok(_) => (None, false),
        Err(error) => {
            assert_eq!(call.out.mark(), mark, "{} wrote before its error", call.cmd.name);
            call.out.error(error.text());
            if !matches!(error, CmdError::Counted(_)) {
                srv.stats.count_error(&error.code());
            }
            (None, true)
        }
    }
}

/// Tells what a call has done to keys, and remembers what a client that caches has read.
#[inline]
fn tell_and_remember(srv: &mut Server, call: &Call) {
    if news::is_any(&srv.keyspace) {
        news::tell(srv, call.client, call.origin);
    }
    if call.session.caching != Caching::No
        && call.session.remembers()
        && call.cmd.has(flag::READONLY)
        // What a script has read are the keys of its calls, not those it was given.
        && !call.cmd.has(flag::NO_MANDATORY_KEYS)
    {
        news::remember(srv, call);
    }
}

/// Tells a client of its own cache, and of those it listens for, in front of the answer, which is
/// `+OK`.
#[cold]
fn tell_own_cache_first(srv: &mut Server, call: &mut Call, mark: Mark) {
    let is_told = srv.tracking.is_pending() || srv.clients.has_mail();
    if is_told && call.session.reply.is_answered() {
        call.out.rewind(mark);
        news::settle(srv);
        srv.clients.deliver_mail(call);
        call.out.owe(1);
        call.out.ok();
    }
}

/// Runs a call inside another that has announced its answer as an element.
pub fn run_inner(srv: &mut Box<Server>, call: &mut Call, mark: Mark) {
    run(srv, call);
    if call.out.mark() == mark {
        // It has taken back its answer, or wants to be asked again, which cannot be done here.
        call.out.null();
    }
    call.out.seal_if_large();
    if call.out.len() > OUTPUT_UNCHECKED {
        check_output_limit(srv, call);
        if srv.clients.is_closing(call.client) {
            // Nobody will read it, but all calls run.
            call.out.clear();
        }
    }
}

/// Hands a call to its handler.
#[inline(always)]
fn handle(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    match call.cmd.handler {
        Handler::Data(handler) => with_data(srv, call, handler),
        Handler::Server(handler) => {
            let Run(handler) = handler.downcast_ref().expect("handlers of the server are `Run`s");
            handler(srv, call)
        }
        Handler::Container => Err(CmdError::arity(call.cmd.name)),
    }
}

/// Runs what needs the data alone.
#[inline(always)]
pub fn with_data<R>(srv: &mut Server, call: &mut Call, run: impl FnOnce(&mut Cx<'_>) -> R) -> R {
    let Server { keyspace, conf, clock, unit, .. } = srv;
    let Call { cmd, query, out, fx, session, may_wait, origin, .. } = call;
    fx.set_heard(unit.is_listening());
    let (may_wait, origin) = (*may_wait, *origin);
    let now = clock.now();
    let mut db = keyspace.select(session.db, now);
    db.no_touch = session.no_touch;
    if origin == Origin::Primary {
        // The primary has looked at the clock, and says what has expired.
        db.expire = Expire::Ignore;
    }
    #[cfg(debug_assertions)]
    {
        db.declared = getkeys::declared(cmd, query.args());
    }
    run(&mut Cx { cmd, args: query.args(), db, out, fx, conf, now, may_wait, origin })
}

/// Passes on which keys the keyspace has removed while a call ran. They come before what the call
/// itself is told as.
#[cold]
fn gather_deleted(srv: &mut Server, call: &Call) {
    // Compat: keys that a call comes across without having named them are units of their own.
    let apart = srv.unit.depth == 0 && call.cmd.is(special::COMES_ACROSS);
    expire::note_longest(srv);
    for deleted in std::mem::take(&mut srv.keyspace.deleted) {
        expire::tell(&mut srv.unit, &deleted, apart);
    }
}

/// The end of a unit of work, in this order: events, then what replicas and the AOF are told.
#[inline]
pub fn after_unit(srv: &mut Server) {
    if news::is_any(&srv.keyspace) {
        news::tell(srv, Id::NONE, Origin::User);
    }
    if srv.tracking.is_pending() {
        news::settle(srv);
    }
    if srv.unit.is_listening() {
        srv.unit.finish();
    }
    if cfg!(debug_assertions) || srv.debug.sizes_checked {
        check_sizes(srv);
    }
}

/// Counts the sizes of all values anew: everywhere if DEBUG asks for it, else where it takes no
/// time.
#[cold]
fn check_sizes(srv: &Server) {
    const FEW: usize = 64;
    for index in 0..srv.keyspace.databases() {
        let db = srv.keyspace.db(DbIndex(index));
        let is_cheap = db.keys.len() < FEW && !db.keys.is_by_slot();
        if is_cheap || srv.debug.sizes_checked {
            db.check_sizes();
        }
    }
}

/// Statistics of a call that ran. The end of one call is the beginning of the next: the clock is
/// read once per call.
#[inline]
fn count(srv: &mut Server, call: &mut Call, failed: bool, written: usize) {
    let now = srv.clock.mono_us();
    let usec = now.saturating_sub(call.started_us) + call.earlier_us;
    call.started_us = now;
    if srv.unit.depth == 0 && now.saturating_sub(srv.clock.mono_cached_us()) >= 1000 {
        // What follows in this turn must not find what has run out meanwhile.
        srv.clock.catch_up();
    }
    let stats = srv.stats.command(call.id);
    stats.calls += 1;
    stats.usec += usec;
    stats.failed += u64::from(failed);
    if srv.conf.latency.tracking_enabled {
        stats.latency.record(usec);
    }
    srv.stats.commands_processed += 1;
    call.counted += 1;
    let measured = Measured {
        usec,
        request_bytes: call.query.request_bytes() as u64,
        reply_bytes: call.out.len().saturating_sub(written) as u64,
    };
    if measured.passes(&srv.conf.slowlog) | latency::is_spike(&srv.conf.latency, usec) {
        remember(srv, call, measured);
    }
}

/// Notes a call that stands out in the command logs and as a latency event.
#[cold]
fn remember(srv: &mut Server, call: &Call, measured: Measured) {
    let Server { slowlog, latency, conf, clients, clock, .. } = srv;
    let unix_s = clock.unix_us() / 1_000_000;
    let event = if call.cmd.has(flag::FAST) { event::FAST_COMMAND } else { event::COMMAND };
    latency.add(&conf.latency, event, measured.usec / 1000, unix_s);
    let client = clients.get(call.client);
    let path = &conf.net.unixsocket;
    let address = client.map_or(String::new(), |c| c.conn.peer().display(path).to_string());
    let name = client.and_then(|c| c.name.as_deref()).unwrap_or_default();
    let caller = Caller { address: &address, name, unix_s };
    slowlog.note(&conf.slowlog, (call.cmd, call.query.args()), measured, caller);
}

/// Tells the monitors of a call that ran.
#[cold]
fn feed_monitors(srv: &mut Server, call: &Call) {
    if !call.is_retry && monitor::shows(call.cmd) {
        show_to_monitors(srv, call);
    }
}

/// Shows a call to the monitors: by itself where they have to see it before what it does.
#[cold]
pub fn show_to_monitors(srv: &mut Server, call: &Call) {
    let Server { clients, net, conf, clock, .. } = srv;
    let address = match clients.get(call.client) {
        _ if call.origin == Origin::Script => "lua".to_owned(),
        Some(client) if client.conn.is_unix() => format!("unix:{}", conf.net.unixsocket),
        Some(client) => client.conn.peer().display("").to_string(),
        None => String::new(),
    };
    let from = (call.session.db, &*address);
    let line = monitor::line(clock.unix_us(), from, call.cmd, call.query.args());
    for id in clients.monitors.clone() {
        let is_heard =
            call.session.reply.is_answered() || call.session.reply == ReplyMode::SkipNext;
        if id == call.client && (call.hang_up || !is_heard) {
            // The answer to QUIT is the last that it gets; and a line goes the way of the answer.
            continue;
        }
        clients.send_to(id, net, |out| out.simple(&line));
    }
}

impl crate::command::Session {
    /// The bits that hold for this client.
    #[inline]
    pub fn states(&self) -> u32 {
        let stranger = if self.authenticated { 0 } else { states::STRANGER };
        let in_multi = if self.multi == Multi::No { 0 } else { states::IN_MULTI };
        stranger | in_multi | if self.listens { states::LISTENING } else { 0 }
    }
}

#[cfg(test)]
mod tests;
