//! String commands: reading, storing, counting, editing.
//!
//! A value that is the canonical text of an integer is kept as one; what is edited in place
//! (APPEND, SETRANGE) stays bytes. Times to live are told to replicas and the AOF as absolute
//! moments, sums of floats as their result.

mod count;
mod edit;
mod lcs;
mod many;
#[cfg(test)]
mod tests;

pub use count::{DECR, DECRBY, INCR, INCRBY, INCRBYFLOAT};
pub use edit::{APPEND, GETRANGE, SETRANGE, STRLEN, SUBSTR};
pub use lcs::LCS;
pub use many::{MGET, MSET, MSETEX, MSETNX};

use super::key_spec::key_flag::{ACCESS, DELETE, INSERT, UPDATE, VARIABLE_FLAGS};
use super::lifetime::{Lifetime, Units};
use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag, getkeys};
use crate::keyspace::{Event, Ttl, Value};
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::text::{Text, compact};

const SET_EVENT: Event = Event::string("set");
const DEL: Event = Event::generic("del");
const EXPIRE: Event = Event::generic("expire");

/// Answers with a string.
#[inline]
pub fn reply(out: &mut Reply, text: Text<'_>) {
    match text {
        Text::Big(bytes) => out.bulk_shared(bytes),
        Text::Bytes(bytes) => out.bulk(bytes),
        Text::Int(number) => out.bulk_int(number),
    }
}

/// The value an argument gives: an integer if it is one, else its bytes; a large one is shared, not
/// copied.
#[inline]
pub fn value_of<'a>(args: Args<'a>, index: usize) -> Value<'a> {
    let bytes = args.at(index);
    if let Some(number) = compact(bytes) {
        return Value::Int(number);
    }
    match args.big(index) {
        Some(big) => Value::Big(std::sync::Arc::clone(big)),
        None => Value::Bytes(bytes),
    }
}

pub static GET: Command = Command::data("get", get)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Answers the string at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key")]);

fn get(cx: &mut Cx<'_>) -> CmdResult {
    match cx.db.get::<Text>(cx.args.at(1))? {
        Some(text) => reply(cx.out, text),
        None => cx.out.null(),
    }
    Ok(Done)
}

/// What the options of SET ask for.
#[derive(Default)]
struct SetOptions<'a> {
    nx: bool,
    xx: bool,
    get: bool,
    /// The value must be, or must not be, this.
    compare: Option<(bool, &'a [u8])>,
    lifetime: Lifetime<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(cx: &Cx<'a>) -> Result<Self, CmdError> {
        let (args, mut options) = (cx.args, SetOptions::default());
        let mut at = 3;
        while at < args.len() {
            let next = args.get(at + 1);
            let free = !options.nx && !options.xx && options.compare.is_none();
            if args.is(at, "GET") {
                options.get = true;
            } else if args.is(at, "NX") && (free || options.nx) {
                options.nx = true;
            } else if args.is(at, "XX") && (free || options.xx) {
                options.xx = true;
            } else if let (true, true, Some(value)) = (args.is(at, "IFEQ"), free, next) {
                options.compare = Some((true, value));
                at += 1;
            } else if let (true, true, Some(value)) = (args.is(at, "IFNE"), free, next) {
                options.compare = Some((false, value));
                at += 1;
            } else {
                at += options.lifetime.read(args, at, Units::KeepTtl)?;
            }
            at += 1;
        }
        Ok(options)
    }

    /// Whether the key as it is lets the value be stored.
    fn allow(&self, cx: &mut Cx<'_>, key: &[u8]) -> Result<bool, CmdError> {
        let exists = cx.db.settle(key);
        if let Some((equal, wanted)) = self.compare {
            let Some(entry) = cx.db.peek(key) else { return Ok(!equal) };
            let text = entry.text().ok_or(CmdError::WRONG_TYPE)?;
            return Ok(text.equals(wanted) == equal);
        }
        Ok(!(self.nx && exists || self.xx && !exists))
    }
}

pub static SET: Command = Command::data("set", set)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Stores a string, whatever the key held, unless an option forbids it.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE | VARIABLE_FLAGS)])
    .find_keys(getkeys::set)
    .args(&[
        Arg::key("key"),
        Arg::string("value"),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .since("2.6.12")
            .optional(),
        Arg::pure_token("get", "GET").since("6.2.0").optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX").since("2.6.12"),
                Arg::integer("milliseconds").token("PX").since("2.6.12"),
                Arg::unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
                Arg::pure_token("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ])
    .history(&[
        ("2.6.12", "The options `EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "The option `KEEPTTL`."),
        ("6.2.0", "The options `GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` and `GET` together."),
    ]);

fn set(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    if cx.args.len() == 3 {
        cx.db.set(key, value_of(cx.args, 2), Ttl::Clear);
        cx.db.changed(key, SET_EVENT, 1);
        cx.out.ok();
        return Ok(Done);
    }
    let options = SetOptions::parse(cx)?;
    let ttl = options.lifetime.ttl(cx.now, "set")?;
    if options.get {
        // The old value is read before anything is decided, and its type must fit.
        get(cx)?;
    }
    let plain = !options.nx && !options.xx && options.compare.is_none();
    if !plain && !options.allow(cx, key)? {
        if !options.get {
            // Being looked at is an access.
            cx.db.entry_mut(key);
            cx.out.null();
        }
        return Ok(Done);
    }
    cx.db.set(key, value_of(cx.args, 2), ttl);
    cx.db.changed(key, SET_EVENT, 1);
    if !options.get {
        cx.out.ok();
    }
    if matches!(ttl, Ttl::At(_)) {
        cx.db.announce(key, EXPIRE);
    }
    tell_set(cx, &options, ttl);
    Ok(Done)
}

/// Tells replicas and the AOF of a SET: absolute times, no GET, no condition that may turn out
/// otherwise.
fn tell_set(cx: &mut Cx<'_>, options: &SetOptions<'_>, ttl: Ttl) {
    let (key, value) = (cx.args.at(1), cx.args.at(2));
    match ttl {
        Ttl::At(at) if !options.lifetime.is_exact() || options.compare.is_some() => {
            cx.fx.propagate_as(&[b"SET", key, value, b"PXAT", at.0.to_string().as_bytes()]);
        }
        Ttl::Keep if options.compare.is_some() => {
            cx.fx.propagate_as(&[b"SET", key, value, b"KEEPTTL"])
        }
        Ttl::Clear if options.compare.is_some() => cx.fx.propagate_as(&[b"SET", key, value]),
        Ttl::Clear | Ttl::Keep if options.get => {
            let words = cx.args.iter().enumerate();
            let kept = words.filter(|(at, word)| *at < 3 || !word.eq_ignore_ascii_case(b"get"));
            let line: Vec<&[u8]> = kept.map(|(_, word)| word).collect();
            cx.fx.propagate_as(&line);
        }
        _ => {}
    }
}

pub static SETNX: Command = Command::data("setnx", setnx)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Stores a string if the key does not exist.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ow(INSERT)])
    .args(&[Arg::key("key"), Arg::string("value")])
    .deprecated("2.6.12", "`SET` with the `NX` argument");

fn setnx(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let fresh = cx.db.entry_mut(key).is_none();
    if fresh {
        cx.db.set(key, value_of(cx.args, 2), Ttl::Clear);
        cx.db.changed(key, SET_EVENT, 1);
    }
    cx.out.flag(fresh);
    Ok(Done)
}

pub static SETEX: Command = Command::data("setex", setex)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.0.0")
    .summary("Stores a string with a time to live in seconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ow(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("seconds"), Arg::string("value")])
    .deprecated("2.6.12", "`SET` with the `EX` argument");

fn setex(cx: &mut Cx<'_>) -> CmdResult {
    set_for(cx, true, "setex")
}

pub static PSETEX: Command = Command::data("psetex", psetex)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.6.0")
    .summary("Stores a string with a time to live in milliseconds.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ow(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("milliseconds"), Arg::string("value")])
    .deprecated("2.6.12", "`SET` with the `PX` argument");

fn psetex(cx: &mut Cx<'_>) -> CmdResult {
    set_for(cx, false, "psetex")
}

fn set_for(cx: &mut Cx<'_>, in_seconds: bool, name: &str) -> CmdResult {
    let (key, value) = (cx.args.at(1), cx.args.at(3));
    let ttl = Lifetime::from_now(cx.args.at(2), in_seconds).ttl(cx.now, name)?;
    cx.db.set(key, value_of(cx.args, 3), ttl);
    cx.db.changed(key, SET_EVENT, 1);
    cx.db.announce(key, EXPIRE);
    if let Ttl::At(at) = ttl {
        cx.fx.propagate_as(&[b"SET", key, value, b"PXAT", at.0.to_string().as_bytes()]);
    }
    cx.out.ok();
    Ok(Done)
}

pub static GETSET: Command = Command::data("getset", getset)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Stores a string and answers the one before.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::string("value")])
    .deprecated("6.2.0", "`SET` with the `!GET` argument");

fn getset(cx: &mut Cx<'_>) -> CmdResult {
    let (key, value) = (cx.args.at(1), cx.args.at(2));
    get(cx)?;
    cx.db.set(key, value_of(cx.args, 2), Ttl::Clear);
    cx.db.changed(key, SET_EVENT, 1);
    cx.fx.propagate_as(&[b"SET", key, value]);
    Ok(Done)
}

pub static GETDEL: Command = Command::data("getdel", getdel)
    .arity(2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("6.2.0")
    .summary("Answers the string at a key and deletes the key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key")]);

fn getdel(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let Some(text) = cx.db.get::<Text>(key)? else {
        cx.out.null();
        return Ok(Done);
    };
    reply(cx.out, text);
    cx.db.remove(key, cx.conf.lazyfree.user_del);
    cx.db.changed(key, DEL, 1);
    // Replicas and the AOF are told the outcome, not asked the question again.
    cx.fx.propagate_as(&[b"DEL", key]);
    Ok(Done)
}

pub static GETEX: Command = Command::data("getex", getex)
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("6.2.0")
    .summary("Answers the string at a key and changes its time to live.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::pure_token("persist", "PERSIST"),
            ],
        )
        .optional(),
    ]);

fn getex(cx: &mut Cx<'_>) -> CmdResult {
    let (key, mut lifetime, mut at) = (cx.args.at(1), Lifetime::default(), 2);
    while at < cx.args.len() {
        at += 1 + lifetime.read(cx.args, at, Units::Persist)?;
    }
    let Some(text) = cx.db.get::<Text>(key)? else {
        // Compat: without a key the time to live is not even looked at.
        cx.out.null();
        return Ok(Done);
    };
    let ttl = lifetime.ttl(cx.now, "getex")?;
    reply(cx.out, text);
    match ttl {
        Ttl::At(moment) if moment <= cx.now && cx.db.expires_by_itself() => {
            let lazily = cx.conf.lazyfree.expire;
            cx.db.remove(key, lazily);
            cx.db.changed(key, DEL, 1);
            cx.fx.propagate_as(&[if lazily { b"UNLINK" } else { b"DEL" }, key]);
        }
        Ttl::At(moment) => {
            cx.db.set_deadline(key, Some(moment));
            cx.db.changed(key, EXPIRE, 1);
            cx.fx.propagate_as(&[b"PEXPIREAT", key, moment.0.to_string().as_bytes()]);
        }
        Ttl::Clear if lifetime.is_persist() => {
            if cx.db.peek(key).is_some_and(|entry| entry.deadline().is_some()) {
                cx.db.set_deadline(key, None);
                cx.db.changed(key, Event::generic("persist"), 1);
                cx.fx.propagate_as(&[b"PERSIST", key]);
            }
        }
        Ttl::Clear | Ttl::Keep => {}
    }
    Ok(Done)
}

pub static DELIFEQ: Command = Command::data("delifeq", delifeq)
    .arity(3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("9.0.0")
    .summary("Deletes a key if its string is the given one.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rm(DELETE)])
    .args(&[Arg::key("key"), Arg::string("value")]);

fn delifeq(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let equal = match cx.db.entry_mut(key) {
        None => false,
        Some(entry) => {
            let text = entry.view().text().ok_or(CmdError::WRONG_TYPE)?;
            text.equals(cx.args.at(2))
        }
    };
    if equal {
        cx.db.remove(key, cx.conf.lazyfree.user_del);
        cx.db.changed(key, DEL, 1);
        cx.fx.propagate_as(&[b"DEL", key]);
    }
    cx.out.flag(equal);
    Ok(Done)
}
