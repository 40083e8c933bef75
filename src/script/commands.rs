//! EVAL, EVALSHA, their forms that only read, and SCRIPT.

use super::Form;
use super::bridge::{self, Job};
use super::eval::{self, Sha};
use super::shebang;
use crate::command::args::lazily;
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Done, Group, KeySpec, category, flag, key_spec,
    special,
};
use crate::server::{Run, Server};
use key_spec::key_flag::{ACCESS, UPDATE};

const CALL: u64 = flag::NOSCRIPT | flag::STALE | flag::SKIP_MONITOR | flag::NO_MANDATORY_KEYS;
const COMPLEXITY: &str = "Depends on the script that is executed.";

const BODY_ARGS: &[Arg] = &[
    Arg::string("script"),
    Arg::integer("numkeys"),
    Arg::key("key").optional().multiple(),
    Arg::string("arg").optional().multiple(),
];

const SHA_ARGS: &[Arg] = &[
    Arg::string("sha1"),
    Arg::integer("numkeys"),
    Arg::key("key").optional().multiple(),
    Arg::string("arg").optional().multiple(),
];

const fn caller(command: Command, since: &'static str) -> Command {
    command
        .arity(-3)
        .categories(category::SCRIPTING)
        .group(Group::Scripting)
        .since(since)
        .complexity(COMPLEXITY)
}

pub static EVAL: Command = caller(Command::server("eval", &Run(eval)), "2.6.0")
    .special(special::RUNS_SCRIPT)
    .flags(CALL | flag::MAY_REPLICATE)
    .summary("Runs a Lua script.")
    .keys(&[KeySpec::at(2).count(0, 1, 1).rw(ACCESS | UPDATE)])
    .args(BODY_ARGS);

fn eval(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    eval_body(srv, call, false)
}

pub static EVAL_RO: Command = caller(Command::server("eval_ro", &Run(eval_ro)), "7.0.0")
    .special(special::RUNS_SCRIPT)
    .flags(CALL | flag::READONLY)
    .summary("Runs a Lua script that only reads.")
    .keys(&[KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(BODY_ARGS);

fn eval_ro(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    eval_body(srv, call, true)
}

pub static EVALSHA: Command = caller(Command::server("evalsha", &Run(evalsha)), "2.6.0")
    .special(special::RUNS_DIGEST)
    .flags(CALL | flag::MAY_REPLICATE)
    .summary("Runs a Lua script that the server knows, by its digest.")
    .keys(&[KeySpec::at(2).count(0, 1, 1).rw(ACCESS | UPDATE)])
    .args(SHA_ARGS);

fn evalsha(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    eval_sha(srv, call, false)
}

pub static EVALSHA_RO: Command = caller(Command::server("evalsha_ro", &Run(evalsha_ro)), "7.0.0")
    .special(special::RUNS_DIGEST)
    .flags(CALL | flag::READONLY)
    .summary("Runs a Lua script that the server knows and that only reads, by its digest.")
    .keys(&[KeySpec::at(2).count(0, 1, 1).ro(ACCESS)])
    .args(SHA_ARGS);

fn evalsha_ro(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    eval_sha(srv, call, true)
}

fn eval_body(srv: &mut Box<Server>, call: &mut Call, read_only: bool) -> CmdResult {
    bridge::show(srv, call);
    let keys = bridge::count_keys(call, CmdError::NOT_INTEGER)?;
    let index = match srv.script.cache.find_body(call.query.args().at(1)) {
        Some(index) => index,
        None => add(srv, call.query.args().at(1), true)?,
    };
    run(srv, call, (index, keys), read_only)
}

fn eval_sha(srv: &mut Box<Server>, call: &mut Call, read_only: bool) -> CmdResult {
    bridge::show(srv, call);
    let keys = bridge::count_keys(call, CmdError::NOT_INTEGER)?;
    let sha = eval::sha_in(call.args().at(1));
    let index = sha.and_then(|sha| srv.script.cache.find_sha(&sha));
    let index = index.ok_or(CmdError::Fixed("NOSCRIPT No matching script. Please use EVAL."))?;
    run(srv, call, (index, keys), read_only)
}

fn run(
    srv: &mut Box<Server>,
    call: &mut Call,
    (index, keys): (usize, usize),
    read_only: bool,
) -> CmdResult {
    let script = srv.script.cache.get(index);
    let (flags, function) = (script.flags, script.function);
    bridge::check_flags(srv, flags, read_only)?;
    let name = std::sync::Arc::clone(&script.hex);
    bridge::run(srv, call, Job { form: Form::Script, name, flags, read_only, keys }, function)
}

/// Compiles a script and puts it into the cache.
fn add(srv: &mut Server, body: &[u8], by_eval: bool) -> Result<usize, CmdError> {
    let (flags, start) = shebang::of_script(body)?;
    let engine = bridge::engine(srv, Form::Script)?;
    let mut s = engine.sandbox.lua.stack();
    let compiled = s.compile(&body[start..], c"@user_script");
    if compiled.is_err() {
        let text = s.text(-1).unwrap_or_default();
        let error = [b"ERR Error compiling script (new function): ", text].concat();
        s.set_top(0);
        return Err(CmdError::made(error));
    }
    let function = s.keep();
    let (index, dropped) = srv.script.cache.add(body, (flags, function), by_eval);
    if let (Some(dropped), Some(engine)) = (dropped, &mut srv.script.eval) {
        engine.sandbox.lua.stack().forget(dropped);
        srv.script.evicted += 1;
    }
    Ok(index)
}

// -- SCRIPT -----------------------------------------------------------------------------------

pub static SCRIPT: Command =
    Command::container("script", &[&DEBUG, &EXISTS, &FLUSH, &HELP, &KILL, &LOAD, &SHOW])
        .arity(-2)
        .group(Group::Scripting)
        .since("2.6.0")
        .summary("The cache of scripts.")
        .complexity("Depends on subcommand.");

pub static DEBUG: Command = Command::server("script|debug", &Run(debug))
    .arity(3)
    .flags(flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("3.2.0")
    .summary("Chooses whether scripts of this connection are debugged.")
    .complexity("O(1)")
    .args(&[Arg::one_of(
        "mode",
        &[
            Arg::pure_token("yes", "YES"),
            Arg::pure_token("sync", "SYNC"),
            Arg::pure_token("no", "NO"),
        ],
    )]);

fn debug(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if call.args().is(2, "NO") {
        call.out.ok();
        return Ok(Done);
    }
    if call.args().is(2, "YES") || call.args().is(2, "SYNC") {
        return Err(CmdError::Fixed("ERR There is no debugger for scripts in this server"));
    }
    Err(CmdError::Fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

pub static EXISTS: Command = Command::server("script|exists", &Run(exists))
    .arity(-3)
    .flags(flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("2.6.0")
    .summary("Tells which scripts the server knows.")
    .complexity("O(N) for N digests asked about.")
    .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
    .args(&[Arg::string("sha1").multiple()]);

fn exists(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Call { query, out, .. } = call;
    let digests = query.args().from(2);
    out.array(digests.len());
    for digest in digests {
        out.flag(eval::sha_in(digest).is_some_and(|sha: Sha| srv.script.cache.has(&sha)));
    }
    Ok(Done)
}

pub static FLUSH: Command = Command::server("script|flush", &Run(flush))
    .arity(-2)
    .flags(flag::NOSCRIPT)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("2.6.0")
    .summary("Forgets all scripts.")
    .complexity("O(N) for N scripts in the cache.")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .history(&[("6.2.0", "Takes `ASYNC` and `SYNC`.")])
    .args(&[Arg::one_of(
        "flush-type",
        &[Arg::pure_token("async", "ASYNC"), Arg::pure_token("sync", "SYNC")],
    )
    .since("6.2.0")
    .optional()]);

fn flush(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Some(lazily) = lazily(call.args(), 2, srv.conf.lazyfree.user_flush) else {
        return Err(CmdError::Fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    };
    let cache = std::mem::take(&mut srv.script.cache);
    srv.script.machine_bytes[Form::Script as usize] = 0;
    let (machine, scripts) = (srv.script.eval.take(), cache.len());
    bridge::discard(srv, (machine, cache), scripts, lazily);
    call.out.ok();
    Ok(Done)
}

pub static KILL: Command = Command::server("script|kill", &Run(kill))
    .arity(2)
    .flags(flag::NOSCRIPT | flag::ALLOW_BUSY)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("2.6.0")
    .summary("Ends the script that runs.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]);

fn kill(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    bridge::kill(srv, Form::Script)?;
    call.out.ok();
    Ok(Done)
}

pub static LOAD: Command = Command::server("script|load", &Run(load))
    .arity(3)
    .flags(flag::NOSCRIPT | flag::STALE)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("2.6.0")
    .summary("Puts a script into the cache.")
    .complexity("O(N) for a script of N bytes.")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::string("script")]);

fn load(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let body = call.query.args().at(2);
    let index = match srv.script.cache.find_body(body) {
        Some(index) => index,
        None => add(srv, body, false)?,
    };
    srv.script.cache.keep(index);
    call.out.bulk(srv.script.cache.get(index).hex.as_bytes());
    Ok(Done)
}

pub static SHOW: Command = Command::server("script|show", &Run(show))
    .arity(3)
    .flags(flag::NOSCRIPT | flag::STALE)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("8.0.0")
    .summary("Answers the text of a script.")
    .complexity("O(1)")
    .args(&[Arg::string("sha1")]);

fn show(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Call { query, out, .. } = call;
    let script = eval::sha_in(query.args().at(2)).and_then(|sha| srv.script.cache.peek(&sha));
    out.bulk(&script.ok_or(CmdError::Fixed("NOSCRIPT No matching script."))?.body);
    Ok(Done)
}

pub static HELP: Command = Command::server("script|help", &Run(help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::SCRIPTING)
    .group(Group::Scripting)
    .since("5.0.0")
    .summary("Shows the subcommands.")
    .complexity("O(1)");

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help(
        "SCRIPT",
        &[
            "DEBUG (YES|SYNC|NO)",
            "    Choose whether scripts are debugged; there is no debugger here.",
            "EXISTS <sha1> [<sha1> ...]",
            "    Tell for each digest whether its script is in the cache.",
            "FLUSH [ASYNC|SYNC]",
            "    Forget all scripts.",
            "KILL",
            "    End the script that runs.",
            "LOAD <script>",
            "    Put a script into the cache without running it.",
            "SHOW <sha1>",
            "    Show the text of a script in the cache.",
        ],
    );
    Ok(Done)
}
