//! The functions of the table `redis`: `call`, `pcall`, replies, log, protocol, propagation, and
//! what libraries need to register their functions.
//!
//! Errors that these functions raise are tables with a field `err`, as errors of commands are. Who
//! catches one by `pcall` gets that field.

use crate::base::double::write_f64;
use crate::base::text::write_i64;
use crate::base::version::COMPAT_VERSION;
use crate::command::effects::Readers;
use crate::resp::Proto;
use crate::script::bridge::Bridge;
use crate::script::convert::{self, COUNTED};
use crate::script::eval;
use crate::script::functions::registry;
use crate::script::libs::number;
use crate::script::lua::guard::to_int;
use crate::script::lua::{Leaf, Raise, Stack, Verdict};

const REPL_AOF: i32 = 1;
const REPL_REPLICA: i32 = 2;
const REPL_ALL: i32 = REPL_AOF | REPL_REPLICA;

macro_rules! put {
    ($s:expr, $($name:literal: $function:path),+ $(,)?) => {
        $( $s.push_function_with::<Bridge, _>($function); $s.set_field(-2, $name); )+
    };
}

/// Pushes the table that scripts find.
pub fn push(s: &mut Stack) {
    s.push_table(0, 32);
    put!(s,
        b"call": call,
        b"pcall": pcall,
        b"log": log,
        b"setresp": setresp,
        b"set_repl": set_repl,
        b"acl_check_cmd": acl_check_cmd,
    );
    s.set_function(b"error_reply", error_reply);
    s.set_function(b"status_reply", status_reply);
    s.set_function(b"sha1hex", sha1hex);
    s.set_function(b"breakpoint", breakpoint);
    s.set_function(b"debug", |_| Ok(0));
    s.set_function(b"replicate_commands", replicate_commands);
    let repl = [
        ("REPL_NONE", 0),
        ("REPL_AOF", REPL_AOF),
        ("REPL_SLAVE", REPL_REPLICA),
        ("REPL_ALL", REPL_ALL),
    ];
    for (name, value) in repl.into_iter().chain([("REPL_REPLICA", REPL_REPLICA)]) {
        s.push_number(f64::from(value));
        s.set_field(-2, name.as_bytes());
    }
    put_facts(s);
}

/// Pushes the table that libraries find while they are loaded.
pub fn push_for_loading(s: &mut Stack) {
    s.push_table(0, 16);
    put!(s, b"register_function": registry::register, b"log": log);
    put_facts(s);
}

/// Levels of the log, and the version.
fn put_facts(s: &mut Stack) {
    for (level, name) in
        ["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"].iter().enumerate()
    {
        s.push_number(level as f64);
        s.set_field(-2, name.as_bytes());
    }
    s.push_bytes(COMPAT_VERSION.as_bytes());
    s.set_field(-2, b"REDIS_VERSION");
    let parts = COMPAT_VERSION.split('.').map(|part| part.parse().unwrap_or(0u32));
    s.push_number(f64::from(parts.fold(0, |number, part| number << 8 | part)));
    s.set_field(-2, b"REDIS_VERSION_NUM");
}

/// Raises an error as commands do.
pub fn complain(s: &mut Leaf<'_>, text: &str) -> Verdict {
    push_error(s, format!("ERR {text}").as_bytes(), false);
    Err(Raise::Value)
}

fn push_error(s: &mut Leaf<'_>, text: &[u8], is_counted: bool) {
    s.set_top(0);
    s.values().push_table(0, 4);
    s.values().push_bytes(text);
    s.set_field(-2, b"err");
    if is_counted {
        s.values().push_bool(true);
        s.set_field(-2, COUNTED);
    }
}

// -- commands -------------------------------------------------------------------------------------

fn call(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    match request(s, bridge) {
        Answer::Value => Ok(1),
        Answer::Error => Err(Raise::Value),
    }
}

fn pcall(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    request(s, bridge);
    Ok(1)
}

/// What [`request`] has left on the stack.
enum Answer {
    Value,
    Error,
}

#[inline]
fn request(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Answer {
    if let Err(text) = compose(s, bridge) {
        push_error(s, text.as_bytes(), false);
        return Answer::Error;
    }
    s.set_top(0);
    if let Err(error) = bridge.perform() {
        bridge.server.stats.count_error(&error.code());
        push_error(s, error.text(), true);
        return Answer::Error;
    }
    let answer = match bridge.inner.out.single() {
        Some(bytes) => push_answer(s, bytes),
        None => push_answer(s, &bridge.inner.out.pieces().collect::<Vec<_>>().concat()),
    };
    bridge.clear_answer();
    answer
}

#[inline]
fn push_answer(s: &mut Leaf<'_>, bytes: &[u8]) -> Answer {
    match bytes {
        [b'-', text @ .., b'\r', b'\n'] => {
            push_error(s, text, true);
            Answer::Error
        }
        _ => {
            convert::push_reply(s, bytes);
            Answer::Value
        }
    }
}

/// Makes a request of the arguments.
#[inline]
fn compose(s: &Leaf<'_>, bridge: &mut Bridge) -> Result<(), &'static str> {
    let count = s.values().top();
    if count == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    let query = &mut bridge.inner.query;
    query.clear();
    for index in 1..=count {
        if let Some(bytes) = s.values().bytes(index) {
            query.add_word(|buffer| buffer.extend_from_slice(bytes));
        } else if let Some(number) = s.values().number(index) {
            query.add_word(|buffer| write_number(buffer, number));
        } else {
            return Err("ERR Lua redis lib command arguments must be strings or integers");
        }
    }
    Ok(())
}

/// Whole numbers are written as such, others as short as they can be.
fn write_number(buffer: &mut Vec<u8>, number: f64) {
    let whole = number as i64;
    if whole as f64 == number && whole != i64::MAX {
        write_i64(buffer, whole);
    } else {
        write_f64(buffer, number);
    }
}

fn acl_check_cmd(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    if let Err(text) = compose(s, bridge) {
        push_error(s, text.as_bytes(), false);
        return Err(Raise::Value);
    }
    let args = bridge.inner.query.args();
    match bridge.server.commands.resolve(args) {
        Err(_) => complain(s, "Invalid command passed to redis.acl_check_cmd()"),
        // Every user may do everything, as long as there are no others.
        Ok(_) => {
            s.set_top(0);
            s.values().push_bool(true);
            Ok(1)
        }
    }
}

// -- replies --------------------------------------------------------------------------------------

fn single_field(s: &mut Stack, name: &[u8], text: Option<Vec<u8>>) -> Verdict {
    s.set_top(0);
    s.push_table(0, 1);
    match text {
        Some(text) => {
            s.push_bytes(&text);
            s.set_field(-2, name);
        }
        None => {
            s.push_bytes(b"ERR wrong number or type of arguments");
            s.set_field(-2, b"err");
        }
    }
    Ok(1)
}

fn only_text(s: &Stack) -> Option<Vec<u8>> {
    if s.top() == 1 { s.bytes(1).map(<[u8]>::to_vec) } else { None }
}

/// An error without a code gets one.
fn error_reply(s: &mut Stack) -> Verdict {
    let text = only_text(s).map(|text| {
        let text = convert::as_c_text(&text);
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let end = text.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |at| at + 1);
        let text = &text[..end];
        let has_code = text.contains(&b' ');
        [if has_code { &b""[..] } else { b"ERR " }, text].concat()
    });
    single_field(s, b"err", text)
}

fn status_reply(s: &mut Stack) -> Verdict {
    let text = only_text(s);
    single_field(s, b"ok", text)
}

// -- settings -------------------------------------------------------------------------------------

/// A number as C's conversion to a short integer has it: without its fraction, and what does not
/// fit becomes the lowest.
fn as_int(number: f64) -> i32 {
    let fits = number > f64::from(i32::MIN) - 1.0 && number < f64::from(i32::MAX) + 1.0;
    if fits { number as i32 } else { i32::MIN }
}

fn setresp(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    if s.values().top() != 1 {
        return complain(s, "redis.setresp() requires one argument.");
    }
    let proto = match s.values().as_number(1).map(as_int) {
        Some(2) => Proto::Resp2,
        Some(3) => Proto::Resp3,
        _ => return complain(s, "RESP version must be 2 or 3."),
    };
    bridge.inner.out.set_proto(proto);
    Ok(0)
}

fn set_repl(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    if s.values().top() != 1 {
        return complain(s, "redis.set_repl() requires one argument.");
    }
    let targets = s.values().as_number(1).map_or(0, as_int);
    if targets & !REPL_ALL != 0 {
        let text = "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return complain(s, text);
    }
    bridge.inner.hidden_from =
        Readers { aof: targets & REPL_AOF == 0, replicas: targets & REPL_REPLICA == 0 };
    Ok(0)
}

fn log(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    let count = s.values().top();
    if count < 2 {
        return complain(s, "redis.log() requires two arguments or more.");
    }
    let Some(level) = s.values().as_number(1) else {
        return complain(s, "First argument must be a number (log level).");
    };
    let level = as_int(level);
    if !(0..4).contains(&level) {
        return complain(s, "Invalid log level.");
    }
    let mut words = Vec::new();
    for index in 2..=count {
        if let Some(bytes) = s.values().bytes(index) {
            words.push(String::from_utf8_lossy(bytes).into_owned());
        } else if let Some(number) = s.values().number(index) {
            let mut text = Vec::new();
            number::write_14_digits(&mut text, number);
            words.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    let (log, text) = (&mut bridge.server.log, words.join(" "));
    match level {
        0 => log.debug(format_args!("{text}")),
        1 => log.verbose(format_args!("{text}")),
        2 => log.notice(format_args!("{text}")),
        _ => log.warning(format_args!("{text}")),
    }
    Ok(0)
}

fn sha1hex(s: &mut Stack) -> Verdict {
    if s.top() != 1 {
        s.set_top(0);
        s.push_table(0, 1);
        s.push_bytes(b"ERR wrong number of arguments");
        s.set_field(-2, b"err");
        return Err(Raise::Value);
    }
    let hex = eval::hex_of(&eval::sha_of(s.text(1).unwrap_or_default()));
    s.push_bytes(hex.as_bytes());
    Ok(1)
}

/// There is no debugger, so it never stops.
fn breakpoint(s: &mut Stack) -> Verdict {
    s.push_bool(false);
    Ok(1)
}

/// Compat: it once chose how scripts are propagated, and says that it did.
fn replicate_commands(s: &mut Stack) -> Verdict {
    s.push_bool(true);
    Ok(1)
}

// -- chance ---------------------------------------------------------------------------------------

/// Puts `random` and `randomseed` into the table on top.
pub fn put_random(s: &mut Stack) {
    put!(s, b"random": random, b"randomseed": randomseed);
}

fn random(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    let share = bridge.random.share();
    let v = s.values();
    let int = |number: i32| v.check_number(number).map(|n| f64::from(to_int(n)));
    let number = match v.top() {
        0 => share,
        1 => {
            let most = int(1)?;
            if most < 1.0 {
                return Err(Raise::argument(1, "interval is empty"));
            }
            (share * most).floor() + 1.0
        }
        2 => {
            let (least, most) = (int(1)?, int(2)?);
            if least > most {
                return Err(Raise::argument(2, "interval is empty"));
            }
            (share * (most - least + 1.0)).floor() + least
        }
        _ => return Err(Raise::here("wrong number of arguments")),
    };
    v.push_number(number);
    Ok(1)
}

fn randomseed(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    let seed = s.values().check_number(1)?;
    bridge.random.seed(to_int(seed));
    Ok(0)
}
