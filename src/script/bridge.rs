//! The bridge: from a command to Lua and, by `redis.call`, from Lua to commands.
//!
//! ```text
//!   EVAL ─► run ─► the server moves into the bridge ─► Lua ─► redis.call ─► gates ─► server::exec::run ─► reply ─► Lua
//!                  (a hollow one takes its place)                                                            │
//!           ◄───── and moves back ◄──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The box of the server is exchanged with that of a hollow one for as long as Lua runs: a pointer
//! swap, so that functions called by Lua own what they need and nobody holds two references. All
//! calls of a script share one inner [`Call`]: its request buffer takes the arguments, its reply is
//! read where the command has written it. A script makes no allocations here from its second call
//! on.

use std::sync::Arc;

use super::convert::{self, Told, Writer};
use super::functions::registry::Draft;
use super::lua::{Failed, Leaf, Raise, Ref, Stack};
use super::sandbox::Sandbox;
use super::shebang::script_flag;
use super::undo::Undo;
use super::{Form, Running};
use crate::command::effects::Readers;
use crate::command::lookup::CommandId;
use crate::command::states;
use crate::command::states::LongWork;
use crate::command::{Call, CmdError, CmdResult, Done, Handler, Multi, Origin, ReplyMode, flag};
use crate::feed::unit::Mark;
use crate::keyspace::lazyfree::Garbage;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::resp::request::Query;
use crate::server::admit;
use crate::server::{Server, exec, turn};

/// Steps of Lua code between two looks at the clock.
pub const STEPS: i32 = 100_000;
/// How long a library may take to register its functions.
const LOADING_US_MAX: u64 = 500_000;
/// What is kept of the command that runs a script, to be shown: words, and bytes of each.
const SHOWN_WORDS: usize = 64;
const SHOWN_BYTES: usize = 128;
/// A reply buffer beyond this is not kept.
const KEPT_REPLY: usize = 64 * 1024;

/// A machine and what belongs to it.
#[derive(Debug)]
pub struct Engine {
    pub sandbox: Sandbox,
    pub bridge: Box<Bridge>,
}

/// What functions that Lua calls can reach.
pub struct Bridge {
    /// The server, while a script runs.
    pub server: Box<Server>,
    pub inner: Call,
    rights: Rights,
    undo: Undo,
    /// What the unit had gathered when the script began.
    told_before: Mark,
    /// The words of the command that runs the script, for those who are served meanwhile.
    words: Query,
    pub random: super::libs::random::Lrand48,
    /// The library that is being loaded.
    pub draft: Option<Draft>,
}

/// What the script that runs may do, and has chosen.
#[derive(Clone, Copy, Debug, Default)]
struct Rights {
    /// Bits of [`script_flag`].
    flags: u32,
    read_only: bool,
    /// There was no memory left when it began.
    out_of_memory: bool,
}

/// What is to be run.
pub struct Job {
    pub form: Form,
    pub name: Arc<str>,
    /// Bits of [`script_flag`].
    pub flags: u32,
    /// It came by a command that only reads.
    pub read_only: bool,
    /// Keys, from the fourth word on.
    pub keys: usize,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("rights", &self.rights).finish_non_exhaustive()
    }
}

impl Engine {
    /// Bytes that the machine takes.
    pub fn used(&self) -> usize {
        self.sandbox.lua.used()
    }

    /// A new machine. `None`: there is no memory for it.
    pub fn new(form: Form, limit: usize, deprecated: bool) -> Option<Box<Engine>> {
        let bridge = Box::new(Bridge {
            server: Server::hollow(),
            inner: Call { origin: Origin::Script, ..Call::default() },
            rights: Rights::default(),
            undo: Undo::default(),
            told_before: Mark::default(),
            words: Query::default(),
            random: super::libs::random::Lrand48::default(),
            draft: None,
        });
        Some(Box::new(Engine { sandbox: Sandbox::new(form, limit, deprecated)?, bridge }))
    }
}

/// The number of keys that a call announces, as its third word.
pub fn count_keys(call: &Call, complaint: CmdError) -> Result<usize, CmdError> {
    let count = crate::command::args::integer_or(call.args().at(2), complaint)?;
    if count < 0 {
        return Err(CmdError::Fixed("ERR Number of keys can't be negative"));
    }
    let most = call.args().len() - 3;
    usize::try_from(count)
        .ok()
        .filter(|count| *count <= most)
        .ok_or(CmdError::Fixed("ERR Number of keys can't be greater than number of args"))
}

/// Monitors see a script before what it does.
pub fn show(srv: &mut Server, call: &Call) {
    if !srv.clients.monitors.is_empty() {
        exec::show_to_monitors(srv, call);
    }
}

/// A command that only reads takes scripts that have promised to, or have promised nothing and are
/// watched.
pub fn check_flags(srv: &Server, flags: u32, read_only: bool) -> Result<(), CmdError> {
    let promises = script_flag::NO_WRITES | script_flag::COMPAT;
    if read_only && flags & promises == 0 {
        return Err(CmdError::Fixed(
            "ERR Can not execute a script with write flag using *_ro command.",
        ));
    }
    let needs_none = script_flag::COMPAT | script_flag::ALLOW_OOM | script_flag::NO_WRITES;
    if srv.eviction.failed && flags & needs_none == 0 {
        return Err(CmdError::Fixed(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ));
    }
    if srv.states & states::UNSAFE != 0 && flags & promises == 0 {
        return Err(admit::misconf(srv));
    }
    if srv.states & states::TOO_FEW_REPLICAS != 0 && flags & promises == 0 {
        return Err(CmdError::NO_REPLICAS);
    }
    Ok(())
}

/// The machine of a kind, which is made if there is none.
pub fn engine(srv: &mut Server, form: Form) -> Result<&mut Box<Engine>, CmdError> {
    if srv.script.running.is_some() {
        return Err(CmdError::BUSY_SCRIPT); // Its machine is out.
    }
    let limit = usize::try_from(srv.conf.script.memory_limit).unwrap_or(usize::MAX);
    let deprecated = srv.conf.script.lua_deprecated_api;
    let slot = match form {
        Form::Script => &mut srv.script.eval,
        Form::Function => &mut srv.script.functions,
    };
    if slot.is_none() {
        *slot = Engine::new(form, limit, deprecated);
    }
    slot.as_mut().ok_or(CmdError::Fixed("ERR There is no memory for running scripts"))
}

/// Frees a machine and what is known of its scripts, by the thread if that is wanted.
pub fn discard<T: Send + 'static>(
    srv: &Server,
    (machine, known): (Option<Box<Engine>>, T),
    objects: usize,
    lazily: bool,
) {
    // The bridge is not large, and belongs to this thread.
    let sandbox = machine.map(|engine| engine.sandbox);
    if lazily && objects > 0 {
        srv.keyspace.lazyfree.free(Garbage::Other(Box::new((sandbox, known)), objects));
    }
}

/// Runs a function that a machine keeps, and writes its answer.
pub fn run(srv: &mut Box<Server>, call: &mut Call, job: Job, function: Ref) -> CmdResult {
    let slot = match job.form {
        Form::Script => &mut srv.script.eval,
        Form::Function => &mut srv.script.functions,
    };
    let Some(mut engine) = slot.take() else {
        return Err(CmdError::BUSY_SCRIPT);
    };
    engine.bridge.prepare(call, &job, srv.eviction.failed);
    let name = Arc::clone(&job.name);
    srv.script.running = Some(Running {
        form: job.form,
        name: job.name,
        started_us: srv.clock.mono_us(),
        slow: None,
        wrote: false,
        undoable: true,
        killed: false,
    });
    let Engine { sandbox, bridge } = &mut *engine;
    bridge.undo.begin(srv.conf.script.undo, !srv.conf.rdb.save_points.is_empty());
    if bridge.undo.is_on() {
        bridge.told_before = srv.unit.mark();
    }
    std::mem::swap(&mut bridge.server, srv);
    let Sandbox { lua, names, handler, globals, .. } = sandbox;
    let result = lua.with(&mut **bridge, |s| {
        s.push_ref(handler);
        s.push_ref(&function);
        let args = push_words(s, call, job.form, (job.keys, globals));
        s.call(args, Some(1), 1)
    });
    std::mem::swap(&mut bridge.server, srv);
    let resp = bridge.inner.out.proto();
    let mut s = lua.stack();
    let answer = match result {
        Ok(()) => {
            let mut writer = Writer::new(&mut call.out, names, resp);
            let told = writer.answer(&mut s);
            let uncounted = std::mem::take(&mut writer.uncounted);
            // Compat: the command has failed once for each error that was one before, and once for
            // all others.
            let failures = u64::from(writer.counted) + u64::from(!uncounted.is_empty());
            srv.stats.command(call.id).failed += failures;
            uncounted.iter().for_each(|code| srv.stats.count_error(code));
            told.map_or(Ok(Done), |told| Err(told.into()))
        }
        Err(Failed) => Err(about_failure(&mut s, &name).into()),
    };
    s.set_top(0);
    conclude(srv, engine, (job.form, result.is_err()));
    answer
}

/// Pushes keys and other words: as globals for a script, as arguments for a function. Returns how
/// many those are.
fn push_words(s: &mut Stack, call: &Call, form: Form, (keys, globals): (usize, &Ref)) -> i32 {
    let args = call.args();
    let ranges = [(3, 3 + keys), (3 + keys, args.len())];
    let list = |s: &mut Stack, (from, to): (usize, usize)| {
        s.push_table(to - from, 0);
        for (index, word) in args.from(from).take(to - from).enumerate() {
            s.push_bytes(word);
            s.raw_set_i(-2, index as i32 + 1);
        }
    };
    if form == Form::Function {
        ranges.into_iter().for_each(|range| list(s, range));
        return 2;
    }
    s.push_ref(globals);
    for (name, range) in [(b"KEYS", ranges[0]), (b"ARGV", ranges[1])] {
        list(s, range);
        s.set_field(-2, name);
    }
    s.pop(1);
    0
}

/// The text of an error that ended a script.
fn about_failure(s: &mut Stack, name: &str) -> Told {
    let (mut told, place) = convert::failure(s);
    if let Some([source, line]) = place {
        let parts = [b" script: ", name.as_bytes(), b", on ", &source, b":", &line, b"."];
        told.text.extend_from_slice(&parts.concat());
    }
    told
}

impl From<Told> for CmdError {
    fn from(told: Told) -> CmdError {
        let text = told.text.into_boxed_slice();
        if told.is_counted { CmdError::Counted(text) } else { CmdError::Made(text) }
    }
}

/// A script has ended: takes back what it wrote if it did so because it was killed, and lets the
/// others in.
fn conclude(srv: &mut Box<Server>, mut engine: Box<Engine>, (form, failed): (Form, bool)) {
    let running = srv.script.running.take();
    if engine.bridge.undo.is_on() {
        let undo = &mut engine.bridge.undo;
        if failed && !undo.is_empty() && running.as_ref().is_some_and(|it| it.killed) {
            undo.roll_back(&mut srv.keyspace, srv.clock.now());
            srv.unit.forget_since(engine.bridge.told_before);
        }
        undo.end(&mut srv.keyspace);
        srv.unit.keep_all();
    }
    if running.is_some_and(|it| it.slow.is_some()) {
        engine.sandbox.lua.set_hook::<Bridge, _>(tick, STEPS);
        srv.set_long_work(LongWork::None);
    }
    let limit = usize::try_from(srv.conf.script.memory_limit).unwrap_or(usize::MAX);
    engine.sandbox.lua.set_limit(limit);
    if engine.sandbox.lua.used() > limit / 2 {
        engine.sandbox.lua.collect(None);
    }
    let used = engine.used();
    match form {
        Form::Script => srv.script.eval = Some(engine),
        Form::Function => srv.script.functions = Some(engine),
    }
    srv.script.machine_bytes[form as usize] = used;
}

// -- while it runs --------------------------------------------------------------------------------

/// Called after every [`STEPS`] steps: a script that takes long lets others be served, who may end
/// it.
pub fn tick(_: &mut Leaf<'_>, bridge: &mut Bridge) -> Result<(), Raise> {
    let srv = &mut bridge.server;
    let threshold_us = srv.conf.process.busy_reply_threshold_ms.saturating_mul(1000);
    if let Some(draft) = &bridge.draft {
        let is_late = srv.clock.mono_us().saturating_sub(draft.since_us) > LOADING_US_MAX;
        return if is_late { Err(Raise::bare("FUNCTION LOAD timeout")) } else { Ok(()) };
    }
    let Some(running) = &mut srv.script.running else { return Ok(()) };
    let so_far_us = srv.clock.mono_us().saturating_sub(running.started_us);
    if !running.killed {
        if threshold_us == 0 || so_far_us < threshold_us {
            return Ok(());
        }
        if running.slow.is_none() {
            running.slow = Some(bridge.words.args().iter().map(Box::from).collect());
            say_slow(srv, so_far_us / 1000);
        }
        if turn::meanwhile(srv).is_err() {
            return Ok(()); // It will be told again, by the loop itself.
        }
    }
    let killed = srv.script.running.as_ref().is_some_and(|running| running.killed);
    if killed || srv.stopping {
        // Compat: functions are said to be scripts.
        return Err(Raise::bare("Script killed by user with SCRIPT KILL..."));
    }
    Ok(())
}

/// Others are served from now on, but nearly all they ask for is refused.
fn say_slow(srv: &mut Server, so_far_ms: u64) {
    let Some(running) = &srv.script.running else { return };
    let (verb, work) = match running.form {
        Form::Script => ("SCRIPT KILL", LongWork::Script),
        Form::Function => ("FUNCTION KILL", LongWork::Function),
    };
    srv.log.warning(format_args!(
        "Slow script detected: still in execution after {so_far_ms} milliseconds. You can try killing the script using \
         the {verb} command. Script name is: {}.",
        running.name
    ));
    srv.set_long_work(work);
}

/// What SCRIPT KILL and FUNCTION KILL do.
pub fn kill(srv: &mut Server, form: Form) -> Result<(), CmdError> {
    let Some(running) = &mut srv.script.running else {
        return Err(CmdError::Fixed("NOTBUSY No scripts in execution right now."));
    };
    if running.form != form {
        return Err(match running.form {
            Form::Script => CmdError::BUSY_SCRIPT,
            Form::Function => CmdError::BUSY_FUNCTION,
        });
    }
    if running.wrote && !running.undoable {
        return Err(CmdError::Fixed(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
             script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ));
    }
    running.killed = true;
    Ok(())
}

// -- calls from inside ----------------------------------------------------------------------------

impl Bridge {
    /// Gets ready for a script that this call runs.
    fn prepare(&mut self, call: &Call, job: &Job, out_of_memory: bool) {
        let (flags, read_only) = (job.flags, job.read_only);
        self.rights = Rights { flags, read_only, out_of_memory };
        self.words.clear();
        for word in call.args().iter().take(SHOWN_WORDS) {
            let shown = &word[..word.len().min(SHOWN_BYTES)];
            self.words.add_word(|buffer| buffer.extend_from_slice(shown));
        }
        let inner = &mut self.inner;
        inner.client = call.client;
        inner.session = call.session;
        inner.session.multi = Multi::No;
        inner.session.reply = ReplyMode::On;
        inner.started_us = call.started_us;
        inner.hidden_from = Readers::NONE;
        inner.hang_up = false;
        inner.out.clear();
        inner.out.set_proto(Proto::Resp2);
    }

    /// Runs the request in `inner`, and leaves its answer there; or says why it did not run.
    pub fn perform(&mut self) -> Result<(), CmdError> {
        let Bridge { server, inner, rights, undo, .. } = self;
        let id = resolve(server, inner)?;
        let objection = objection(server, inner, *rights);
        if let Some(objection) = objection {
            server.stats.command(id).rejected += 1;
            return Err(objection);
        }
        if inner.cmd.has(flag::WRITE) {
            let now = server.clock.now();
            let undoable = undo.note(&mut server.keyspace, inner, now);
            if let Some(running) = &mut server.script.running {
                running.wrote = true;
                running.undoable &= undoable;
            }
        } else if inner.cmd.has(flag::MAY_REPLICATE) && undo.is_on() {
            // PFCOUNT keeps what it has counted.
            undo.note(&mut server.keyspace, inner, server.clock.now());
        }
        inner.out.begin();
        exec::run(server, inner);
        Ok(())
    }

    /// Is done with the answer.
    pub fn clear_answer(&mut self) {
        let out = &mut self.inner.out;
        if out.open_capacity() > KEPT_REPLY || out.chunks() > 0 {
            *out = Reply::new(out.proto());
        } else {
            out.clear();
        }
    }
}

/// Finds the command of the request in `inner`. The one before is tried first.
#[inline]
pub fn resolve(srv: &mut Server, inner: &mut Call) -> Result<CommandId, CmdError> {
    let args = inner.query.args();
    if !srv.commands.entry(inner.id).is_called(args.at(0)) {
        let unknown = CmdError::Fixed("ERR Unknown Redis command called from script");
        inner.id = srv.commands.resolve(args).map_err(|_| unknown)?;
        inner.cmd = srv.commands.entry(inner.id).command;
    }
    if !inner.cmd.fits(args.len()) || matches!(inner.cmd.handler, Handler::Container) {
        srv.stats.command(inner.id).rejected += 1;
        return Err(CmdError::Fixed("ERR Wrong number of args calling Redis command from script"));
    }
    Ok(inner.id)
}

/// What stands against a call from inside a script.
#[inline]
fn objection(srv: &Server, inner: &Call, rights: Rights) -> Option<CmdError> {
    let cmd = inner.cmd;
    if cmd.has(flag::NOSCRIPT) && !srv.debug.scripts_unbound {
        return Some(CmdError::Fixed("ERR This Redis command is not allowed from script"));
    }
    // Compat: what is told to replicas counts as writing.
    let writes = cmd.has(flag::WRITE | flag::MAY_REPLICATE);
    if writes && (rights.read_only || rights.flags & script_flag::NO_WRITES != 0) {
        return Some(CmdError::Fixed("ERR Write commands are not allowed from read-only scripts."));
    }
    // A script that has begun to write may go on.
    let may_begin = !rights.out_of_memory
        || rights.flags & script_flag::ALLOW_OOM != 0
        || !cmd.has(flag::DENYOOM)
        || srv.script.running.as_ref().is_some_and(|running| running.wrote);
    if !may_begin {
        return Some(CmdError::OUT_OF_MEMORY);
    }
    admit::check_inside(srv, inner)
}
