//! FUNCTION and its subcommands; FCALL and FCALL_RO.
//!
//! Loading is all or nothing, for one library or all those of a payload: their code runs first,
//! each into a draft; then names are compared; only then something changes. [`load_code`] is for
//! whoever brings libraries from elsewhere.

use super::registry::{Draft, Function, Library};
use crate::base::glob;
use crate::command::args::lazily;
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Done, Group, KeySpec, category, flag, key_spec,
    special,
};
use crate::persist::rdb::{load, save};
use crate::script::bridge::{self, Bridge, Engine, Job};
use crate::script::lua::Stack;
use crate::script::shebang::{self, script_flag};
use crate::script::{Form, convert};
use crate::server::{Run, Server};
use key_spec::key_flag::{ACCESS, UPDATE};

const CALL: u64 = flag::NOSCRIPT | flag::STALE | flag::SKIP_MONITOR | flag::NO_MANDATORY_KEYS;
const COMPLEXITY: &str = "Depends on the function that is executed.";

const CALL_ARGS: &[Arg] = &[
    Arg::string("function"),
    Arg::integer("numkeys"),
    Arg::key("key").optional().multiple(),
    Arg::string("arg").optional().multiple(),
];

pub static FCALL: Command = Command::server("fcall", &Run(fcall))
    .special(special::RUNS_FUNCTION)
    .arity(-3)
    .flags(CALL | flag::MAY_REPLICATE)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Calls a function of a library.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(2).count(0, 1, 1).rw(ACCESS | UPDATE)])
    .args(CALL_ARGS);

fn fcall(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call_function(srv, call, false)
}

pub static FCALL_RO: Command = Command::server("fcall_ro", &Run(fcall_ro))
    .special(special::RUNS_FUNCTION)
    .arity(-3)
    .flags(CALL | flag::READONLY)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Calls a function of a library that only reads.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(CALL_ARGS);

fn fcall_ro(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call_function(srv, call, true)
}

fn call_function(srv: &mut Box<Server>, call: &mut Call, read_only: bool) -> CmdResult {
    bridge::show(srv, call);
    let found = srv.script.libraries.find(call.args().at(1));
    let found = found.ok_or(CmdError::Fixed("ERR Function not found"))?;
    let (flags, function, name) = (found.flags, found.function, std::sync::Arc::clone(&found.name));
    let keys = bridge::count_keys(call, CmdError::Fixed("ERR Bad number of keys provided"))?;
    bridge::check_flags(srv, flags, read_only)?;
    bridge::run(srv, call, Job { form: Form::Function, name, flags, read_only, keys }, function)
}

// -- FUNCTION -------------------------------------------------------------------------------------

pub static FUNCTION: Command = Command::container(
    "function",
    &[&DELETE, &DUMP, &FLUSH, &HELP, &KILL, &LIST, &LOAD, &RESTORE, &STATS],
)
.arity(-2)
.group(Group::Scripting)
.since("7.0.0")
.summary("Libraries of functions.")
.complexity("Depends on subcommand.");

const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub static LOAD: Command = Command::server("function|load", &Run(load))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Loads a library.")
    .complexity("O(1), compiling aside.")
    .tips(ALL_SHARDS)
    .args(&[Arg::pure_token("replace", "REPLACE").optional(), Arg::string("function-code")]);

fn load(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let last = call.args().len() - 1;
    let mut replace = false;
    for word in call.args().from(2).take(last - 2) {
        if !word.eq_ignore_ascii_case(b"REPLACE") {
            return Err(CmdError::made([b"ERR Unknown option given: ", word].concat()));
        }
        replace = true;
    }
    let name = load_code(srv, call.args().at(last), replace)?;
    srv.keyspace.dirty += 1;
    call.out.bulk(name.as_bytes());
    Ok(Done)
}

/// Loads one library. Returns its name.
pub fn load_code(srv: &mut Box<Server>, code: &[u8], replace: bool) -> Result<String, CmdError> {
    let (name, _) = shebang::of_library(code)?;
    if !replace && srv.script.libraries.has(&name) {
        return Err(exists(&name));
    }
    let functions = draft(srv, code)?;
    if let Some(taken) = srv.script.libraries.taken(&functions, std::slice::from_ref(&name)) {
        let error = CmdError::made(format!("ERR Function {taken} already exists"));
        forget(srv, functions);
        return Err(error);
    }
    commit(srv, name.clone(), Library { code: code.into(), functions });
    Ok(name)
}

fn exists(name: &str) -> CmdError {
    CmdError::made(format!("ERR Library '{name}' already exists"))
}

/// Puts a library in its place; the one that was there goes.
fn commit(srv: &mut Server, name: String, library: Library) {
    if let Some(old) = srv.script.libraries.take(&name) {
        forget(srv, old.functions);
    }
    srv.script.libraries.add(name, library);
}

fn forget(srv: &mut Server, functions: Vec<Function>) {
    if let Some(engine) = &mut srv.script.functions {
        let mut s = engine.sandbox.lua.stack();
        functions.into_iter().for_each(|function| s.forget(function.function));
    }
}

/// Runs the code of a library: the functions that it registers.
fn draft(srv: &mut Box<Server>, code: &[u8]) -> Result<Vec<Function>, CmdError> {
    let (_, start) = shebang::of_library(code)?;
    bridge::engine(srv, Form::Function)?;
    let Some(mut engine) = srv.script.functions.take() else {
        return Err(CmdError::BUSY_FUNCTION);
    };
    let since_us = srv.clock.mono_us();
    let Engine { sandbox, bridge } = &mut *engine;
    bridge.draft = Some(Draft { functions: vec![], since_us });
    sandbox.set_loading(true);
    std::mem::swap(&mut bridge.server, srv);
    let handler = sandbox.handler;
    let result = sandbox.lua.with::<Bridge, _>(bridge, |s| run_code(s, handler, &code[start..]));
    std::mem::swap(&mut bridge.server, srv);
    sandbox.set_loading(false);
    sandbox.lua.set_hook::<Bridge, _>(bridge::tick, bridge::STEPS);
    let functions = bridge.draft.take().map_or(vec![], |draft| draft.functions);
    srv.script.functions = Some(engine);
    let result = match result {
        Ok(()) if functions.is_empty() => Err(CmdError::Fixed("ERR No functions registered")),
        Ok(()) => return Ok(functions),
        Err(text) => Err(CmdError::made(text)),
    };
    forget(srv, functions);
    result
}

fn run_code(s: &mut Stack, handler: crate::script::lua::Ref, code: &[u8]) -> Result<(), Vec<u8>> {
    s.push_ref(&handler);
    let compiled = s.compile(code, c"@user_function");
    if compiled.is_err() {
        let text = s.text(-1).unwrap_or_default();
        let text = [b"ERR Error compiling function: ", text].concat();
        s.set_top(0);
        return Err(text);
    }
    let result = s.call(0, Some(0), 1).map_err(|_| {
        let (told, _) = convert::failure(s);
        [b"ERR Error registering functions: ", &*told.text].concat()
    });
    s.set_top(0);
    result
}

pub static DELETE: Command = Command::server("function|delete", &Run(delete))
    .arity(3)
    .flags(flag::WRITE | flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Deletes a library.")
    .complexity("O(1)")
    .tips(ALL_SHARDS)
    .args(&[Arg::string("library-name")]);

fn delete(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let name = String::from_utf8_lossy(call.args().at(2)).into_owned();
    let library = srv.script.libraries.take(&name);
    let library = library.ok_or(CmdError::Fixed("ERR Library not found"))?;
    forget(srv, library.functions);
    srv.keyspace.dirty += 1;
    call.out.ok();
    Ok(Done)
}

pub static FLUSH: Command = Command::server("function|flush", &Run(flush))
    .arity(-2)
    .flags(flag::WRITE | flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Deletes all libraries.")
    .complexity("O(N) for N functions deleted.")
    .tips(ALL_SHARDS)
    .args(&[Arg::one_of(
        "flush-type",
        &[Arg::pure_token("async", "ASYNC"), Arg::pure_token("sync", "SYNC")],
    )
    .optional()]);

fn flush(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.args().len() > 3 {
        return Err(CmdError::subcommand_arity("FUNCTION", call.args().at(1)));
    }
    let Some(lazily) = lazily(call.args(), 2, srv.conf.lazyfree.user_flush) else {
        return Err(CmdError::Fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    };
    let libraries = std::mem::take(&mut srv.script.libraries);
    srv.script.machine_bytes[Form::Function as usize] = 0;
    let (machine, functions) = (srv.script.functions.take(), libraries.functions());
    bridge::discard(srv, (machine, libraries), functions, lazily);
    srv.keyspace.dirty += 1;
    call.out.ok();
    Ok(Done)
}

/// Forgets all libraries, and the machine with them.
pub fn clear(srv: &mut Server) {
    srv.script.libraries.clear();
    srv.script.functions = None;
    srv.script.machine_bytes[Form::Function as usize] = 0;
}

pub static DUMP: Command = Command::server("function|dump", &Run(dump))
    .arity(2)
    .flags(flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Answers all libraries as one payload.")
    .complexity("O(N) for N functions.");

fn dump(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let payload = save::functions_payload(srv.script.libraries.codes());
    let payload = payload.map_err(|_| CmdError::Fixed("ERR The libraries cannot be written"))?;
    call.out.bulk(&payload);
    Ok(Done)
}

pub static RESTORE: Command = Command::server("function|restore", &Run(restore))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Loads all libraries of a payload.")
    .complexity("O(N) for N functions in the payload.")
    .tips(ALL_SHARDS)
    .args(&[
        Arg::string("serialized-value"),
        Arg::one_of(
            "policy",
            &[
                Arg::pure_token("flush", "FLUSH"),
                Arg::pure_token("append", "APPEND"),
                Arg::pure_token("replace", "REPLACE"),
            ],
        )
        .optional(),
    ]);

/// What becomes of libraries that are there already.
#[derive(Clone, Copy, PartialEq)]
enum Policy {
    Append,
    Flush,
    Replace,
}

fn restore(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.args().len() > 4 {
        return Err(CmdError::subcommand_arity("FUNCTION", call.args().at(1)));
    }
    let policy = match call.args().get(3) {
        None => Policy::Append,
        Some(word) if word.eq_ignore_ascii_case(b"APPEND") => Policy::Append,
        Some(word) if word.eq_ignore_ascii_case(b"FLUSH") => Policy::Flush,
        Some(word) if word.eq_ignore_ascii_case(b"REPLACE") => Policy::Replace,
        Some(_) => {
            return Err(CmdError::Fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let codes = load::functions_in(call.args().at(2)).map_err(|bad| match bad {
        load::BadPayload::Footer => {
            CmdError::Fixed("ERR DUMP payload version or checksum are wrong")
        }
        load::BadPayload::Value(_) => CmdError::Fixed("ERR failed loading functions payload"),
    })?;
    restore_all(srv, &codes, policy)?;
    srv.keyspace.dirty += 1;
    call.out.ok();
    Ok(Done)
}

/// Loads libraries: all, or none.
fn restore_all(srv: &mut Box<Server>, codes: &[Vec<u8>], policy: Policy) -> Result<(), CmdError> {
    let mut drafts: Vec<(String, Library)> = vec![];
    let result = (|| {
        for code in codes {
            let (name, _) = shebang::of_library(code)?;
            let functions = draft(srv, code)?;
            drafts.push((name, Library { code: (&**code).into(), functions }));
        }
        let names: Vec<_> = drafts.iter().map(|(name, _)| name.clone()).collect();
        for (at, name) in names.iter().enumerate() {
            let is_there = policy == Policy::Append && srv.script.libraries.has(name);
            if is_there || names[..at].contains(name) {
                return Err(CmdError::made(format!("ERR Library {name} already exists")));
            }
        }
        let but = match policy {
            Policy::Flush => srv.script.libraries.iter().map(|(name, _)| name.to_owned()).collect(),
            _ => names,
        };
        let mut seen: Vec<String> = vec![];
        for (_, library) in &drafts {
            let lower = library.functions.iter().map(|function| function.name.to_ascii_lowercase());
            let lower: Vec<_> = lower.collect();
            let twice = lower.iter().find(|name| seen.contains(name)).map(String::as_str);
            let taken = twice.or_else(|| srv.script.libraries.taken(&library.functions, &but));
            if let Some(taken) = taken {
                return Err(CmdError::made(format!("ERR Function {taken} already exists")));
            }
            seen.extend(lower);
        }
        Ok(())
    })();
    if let Err(error) = result {
        drafts.into_iter().for_each(|(_, library)| forget(srv, library.functions));
        return Err(error);
    }
    if policy == Policy::Flush {
        let old: Vec<_> = srv.script.libraries.iter().map(|(name, _)| name.to_owned()).collect();
        for name in old {
            if let Some(library) = srv.script.libraries.take(&name) {
                forget(srv, library.functions);
            }
        }
    }
    drafts.into_iter().for_each(|(name, library)| commit(srv, name, library));
    Ok(())
}

pub static LIST: Command = Command::server("function|list", &Run(list))
    .arity(-2)
    .flags(flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Describes the libraries.")
    .complexity("O(N) for N functions.")
    .tips(&["nondeterministic_output_order"])
    .args(&[
        Arg::string("library-name-pattern").token("LIBRARYNAME").optional(),
        Arg::pure_token("withcode", "WITHCODE").optional(),
    ]);

fn list(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let (mut pattern, mut with_code, mut at) = (None, false, 2);
    let args = call.query.args();
    while let Some(word) = args.get(at) {
        if !with_code && args.is(at, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(at, "LIBRARYNAME") {
            at += 1;
            let given = args.get(at);
            let missing = CmdError::Fixed("ERR library name argument was not given");
            pattern = Some(given.ok_or(missing)?);
        } else {
            return Err(CmdError::made([b"ERR Unknown argument ", word].concat()));
        }
        at += 1;
    }
    let wanted = |name: &str| pattern.is_none_or(|p| glob::matches(p, name.as_bytes(), true));
    let libraries = srv.script.libraries.iter().filter(|(name, _)| wanted(name));
    let libraries: Vec<_> = libraries.collect();
    let out = &mut call.out;
    out.array(libraries.len());
    for (name, library) in libraries {
        out.map(3 + usize::from(with_code));
        out.bulk(b"library_name");
        out.bulk(name.as_bytes());
        out.bulk(b"engine");
        out.bulk(b"LUA");
        out.bulk(b"functions");
        out.array(library.functions.len());
        for function in &library.functions {
            out.map(3);
            out.bulk(b"name");
            out.bulk(function.name.as_bytes());
            out.bulk(b"description");
            out.bulk_or_null(function.description.as_deref());
            out.bulk(b"flags");
            let set = script_flag::NAMES.iter().filter(|(_, bit)| function.flags & bit != 0);
            out.set(set.clone().count());
            set.for_each(|(name, _)| out.simple(name));
        }
        if with_code {
            out.bulk(b"library_code");
            out.bulk(&library.code);
        }
    }
    Ok(Done)
}

pub static STATS: Command = Command::server("function|stats", &Run(stats))
    .arity(2)
    .flags(flag::NOSCRIPT | flag::ALLOW_BUSY)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Tells which function runs, and how many there are.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]);

fn stats(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let now_us = srv.clock.mono_us();
    let running = match &srv.script.running {
        Some(running) if running.form == Form::Script => return Err(CmdError::BUSY_SCRIPT),
        running => running.as_ref(),
    };
    let out = &mut call.out;
    out.map(2);
    out.bulk(b"running_script");
    match running {
        None => out.null(),
        Some(running) => {
            out.map(3);
            out.bulk(b"name");
            out.bulk(running.name.as_bytes());
            out.bulk(b"command");
            let words = running.slow.as_deref().unwrap_or_default();
            out.array(words.len());
            words.iter().for_each(|word| out.bulk(word));
            out.bulk(b"duration_ms");
            out.uint(now_us.saturating_sub(running.started_us) / 1000);
        }
    }
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    out.bulk(b"libraries_count");
    out.uint(srv.script.libraries.len() as u64);
    out.bulk(b"functions_count");
    out.uint(srv.script.libraries.functions() as u64);
    Ok(Done)
}

pub static KILL: Command = Command::server("function|kill", &Run(kill))
    .arity(2)
    .flags(flag::NOSCRIPT | flag::ALLOW_BUSY)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Ends the function that runs.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]);

fn kill(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    bridge::kill(srv, Form::Function)?;
    call.out.ok();
    Ok(Done)
}

pub static HELP: Command = Command::server("function|help", &Run(help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Shows the subcommands.")
    .complexity("O(1)");

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help(
        "FUNCTION",
        &[
            "LOAD [REPLACE] <FUNCTION CODE>",
            "    Load a library; its name stands in its first line.",
            "DELETE <LIBRARY NAME>",
            "    Delete a library and all its functions.",
            "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
            "    Describe the libraries whose names match, with their code if that is wished.",
            "STATS",
            "    Tell which function runs and for how long, and how many libraries and functions there are.",
            "KILL",
            "    End the function that runs.",
            "FLUSH [ASYNC|SYNC]",
            "    Delete all libraries.",
            "DUMP",
            "    Answer all libraries as a payload for FUNCTION RESTORE.",
            "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
            "    Load the libraries of a payload; libraries that are there go first (FLUSH), make it fail (APPEND, the",
            "    default), or are replaced where names are equal (REPLACE).",
        ],
    );
    Ok(Done)
}
