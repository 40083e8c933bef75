//! Two things in one step: HGETEX (reading and a deadline), HSETEX (storing and a deadline),
//! HGETDEL (reading and deleting).

use super::super::key_spec::key_flag::{ACCESS, DELETE, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{
    FIELDS, FieldList, HDEL_EVENT, HEXPIRE_EVENT, HPERSIST_EVENT, HSET_EVENT, check_lengths, edit,
    edit_or_create, is_hash, is_past, kept, limits, moment, removed, reply, tell_removed,
};
use crate::base::clock::UnixMillis;
use crate::base::text::parse_i64;
use crate::resp::request::Args;
use crate::types::Object;
use crate::types::hash::{FieldTtl, Hash};

/// The words that name a deadline: whether its number counts seconds, and whether it counts from
/// now.
fn unit(args: Args<'_>, at: usize) -> Option<(i64, bool)> {
    let words = [("EX", 1000, true), ("PX", 1, true), ("EXAT", 1000, false), ("PXAT", 1, false)];
    let found = words.into_iter().find(|(word, ..)| args.is(at, word));
    found.map(|(_, unit_ms, is_relative)| (unit_ms, is_relative))
}

pub static HGETEX: Command = Command::data("hgetex", hgetex)
    .arity(-5)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("8.0.0")
    .summary("Answers the values of fields and changes when they go away.")
    .complexity("O(N) for N fields named.")
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
        FIELDS,
    ]);

/// What HGETEX does about deadlines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Persist,
    Expire(UnixMillis),
    Remove,
}

fn hgetex(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    is_hash(&mut cx.db, key)?;
    let (then, at) = match unit(cx.args, 2) {
        Some((unit_ms, is_relative)) => {
            let deadline = moment(cx, cx.args.at(3), unit_ms, is_relative)?;
            let past = is_past(cx, deadline);
            (if past { Then::Remove } else { Then::Expire(kept(deadline)) }, 4)
        }
        None if cx.args.is(2, "PERSIST") => (Then::Persist, 3),
        None => (Then::Nothing, 2),
    };
    let fields = FieldList::parse(cx, at, CmdError::FIELDS_POSITIVE)?;
    let Some(mut hash) = edit(&mut cx.db, key, fields.iter())? else {
        cx.out.array(fields.len());
        fields.iter().for_each(|_| cx.out.null());
        return Ok(Done);
    };
    cx.out.array(fields.len());
    if then != Then::Nothing {
        // Compat: the encoding changes even if no field gets a deadline.
        hash.make_volatile();
    }
    let mut changed = Vec::new();
    for field in fields.iter() {
        let Some(found) = hash.view().find(field) else {
            cx.out.null();
            continue;
        };
        reply(cx.out, found.value);
        let is_volatile = found.deadline.is_some();
        let has_changed = match then {
            Then::Nothing => false,
            Then::Persist => is_volatile && hash.set_deadline(field, None),
            Then::Expire(deadline) => hash.set_deadline(field, Some(deadline)),
            Then::Remove => hash.remove(field),
        };
        if has_changed {
            changed.push(field);
        }
    }
    drop(hash);
    if !changed.is_empty() {
        tell_changed(cx, then, fields, &changed);
    }
    Ok(Done)
}

/// Says what HGETEX has changed.
fn tell_changed(cx: &mut Cx<'_>, then: Then, fields: FieldList<'_>, changed: &[&[u8]]) {
    let (key, count) = (cx.args.at(1), changed.len() as u64);
    let mut tell = |start: &[&[u8]]| {
        // Compat: all fields of the call are told, in its words from FIELDS on.
        let words = cx.args.from(fields.first - 2);
        let line: Vec<&[u8]> = start.iter().copied().chain(words).collect();
        cx.fx.propagate_as(&line);
    };
    match then {
        Then::Nothing => {}
        Then::Persist => {
            tell(&[b"HPERSIST", key]);
            cx.db.changed(key, HPERSIST_EVENT, count);
        }
        Then::Expire(deadline) => {
            tell(&[b"HPEXPIREAT", key, deadline.0.to_string().as_bytes()]);
            cx.db.changed(key, HEXPIRE_EVENT, count);
        }
        Then::Remove => {
            removed(cx, key, count);
            tell_removed(cx, key, changed.iter().copied());
        }
    }
}

pub static HGETDEL: Command = Command::data("hgetdel", hgetdel)
    .arity(-5)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("8.0.0")
    .summary("Answers the values of fields and deletes them.")
    .complexity("O(N) for N fields named.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), FIELDS]);

fn hgetdel(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    is_hash(&mut cx.db, key)?;
    let fields = FieldList::parse(cx, 2, CmdError::FIELDS_POSITIVE)?;
    let Some(mut hash) = edit(&mut cx.db, key, fields.iter())? else {
        cx.out.array(fields.len());
        fields.iter().for_each(|_| cx.out.null());
        return Ok(Done);
    };
    cx.out.array(fields.len());
    let mut count = 0;
    for field in fields.iter() {
        match hash.view().find(field) {
            Some(found) => reply(cx.out, found.value),
            None => cx.out.null(),
        }
        count += u64::from(hash.remove(field));
    }
    drop(hash);
    if count > 0 {
        removed(cx, key, count);
        let line: Vec<&[u8]> = [&b"HDEL"[..], key].into_iter().chain(fields.iter()).collect();
        cx.fx.propagate_as(&line);
    }
    Ok(Done)
}

pub static HSETEX: Command = Command::data("hsetex", hsetex)
    .arity(-6)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("8.0.0")
    .summary("Stores the values of fields and when they go away.")
    .complexity("O(N) for N fields set.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::pure_token("fnx", "FNX"), Arg::pure_token("fxx", "FXX")])
            .optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::pure_token("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[
                Arg::integer("numfields"),
                Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
            ],
        )
        .token("FIELDS"),
    ]);

/// The options of HSETEX.
#[derive(Default)]
struct SetOptions {
    /// All fields must be there, or none.
    condition: Option<bool>,
    keep: bool,
    /// The deadline, and which word named its unit.
    deadline: Option<(UnixMillis, usize)>,
    /// The first field.
    first: usize,
}

impl SetOptions {
    fn parse(cx: &Cx<'_>) -> Result<Self, CmdError> {
        let (args, mut options, mut at) = (cx.args, SetOptions::default(), 2);
        while at < args.len() {
            let has_lifetime = options.keep || options.deadline.is_some();
            if args.is(at, "FIELDS") {
                options.first = first_of_pairs(cx, at)?;
                return Ok(options);
            } else if args.is(at, "FXX") || args.is(at, "FNX") {
                if options.condition.is_some() {
                    return Err(CmdError::ONE_CONDITION);
                }
                options.condition = Some(args.is(at, "FXX"));
            } else if args.is(at, "KEEPTTL") {
                if has_lifetime {
                    return Err(CmdError::ONE_LIFETIME);
                }
                options.keep = true;
            } else if let Some((unit_ms, is_relative)) = unit(args, at) {
                if has_lifetime {
                    return Err(CmdError::ONE_LIFETIME);
                }
                let number = args.get(at + 1).ok_or_else(|| CmdError::arity(cx.cmd.name))?;
                options.deadline = Some((moment(cx, number, unit_ms, is_relative)?, at));
                at += 1;
            } else {
                return Err(CmdError::unknown_argument(args.at(at)));
            }
            at += 1;
        }
        Err(CmdError::FIELDS_MISSING)
    }

    fn ttl(&self) -> FieldTtl {
        match self.deadline {
            Some((deadline, _)) => FieldTtl::At(kept(deadline)),
            None if self.keep => FieldTtl::Keep,
            None => FieldTtl::Clear,
        }
    }
}

/// The first field of `FIELDS numfields field value ...`, whose first word stands at `at`.
fn first_of_pairs(cx: &Cx<'_>, at: usize) -> Result<usize, CmdError> {
    let word = cx.args.get(at + 1).ok_or_else(|| CmdError::arity(cx.cmd.name))?;
    let count = parse_i64(word).and_then(|count| i32::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(CmdError::FIELDS_NUMBER)?;
    let words = cx.args.len() - (at + 2);
    if words.is_multiple_of(2) && i32::try_from(words / 2) == Ok(count) {
        Ok(at + 2)
    } else {
        Err(CmdError::arity(cx.cmd.name))
    }
}

fn hsetex(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let options = SetOptions::parse(cx)?;
    let words = cx.args.from(options.first);
    let fields = words.clone().step_by(2);
    check_lengths(cx)?;
    let (limits, past) = (limits(cx), options.deadline.is_some_and(|(at, _)| is_past(cx, at)));
    let mut hash = edit_or_create(&mut cx.db, key, fields.clone())?;
    if let Some(wanted) = options.condition
        && fields.clone().any(|field| hash.view().find(field).is_some() != wanted)
    {
        drop(hash);
        cx.out.int(0);
        return Ok(Done);
    }
    hash.expect(fields.len(), words.clone(), limits);
    let ttl = if past { FieldTtl::Clear } else { options.ttl() };
    if past {
        hash.make_volatile();
    }
    let mut rest = words;
    while let (Some(field), Some(value)) = (rest.next(), rest.next()) {
        hash.set(field, value, ttl, limits);
    }
    drop(hash);
    cx.db.changed(key, HSET_EVENT, fields.len() as u64);
    cx.out.int(1);
    match options.deadline {
        Some(_) if past => {
            if let Some(mut hash) = cx.db.edit::<Hash>(key)? {
                fields.clone().for_each(|field| {
                    hash.remove(field);
                });
            }
            cx.db.announce(key, HDEL_EVENT);
            cx.db.remove_if_empty(key);
            tell_removed(cx, key, fields);
        }
        Some((deadline, at)) => {
            cx.db.announce(key, HEXPIRE_EVENT);
            tell_deadline(cx, deadline, at);
        }
        None => {}
    }
    Ok(Done)
}

/// Tells of an HSETEX with its deadline as a moment in milliseconds; `at` is the word that named
/// the unit.
fn tell_deadline(cx: &mut Cx<'_>, deadline: UnixMillis, at: usize) {
    if cx.args.is(at, "PXAT") {
        return;
    }
    let moment = deadline.0.to_string();
    let mut line: Vec<&[u8]> = cx.args.iter().collect();
    line[at] = b"PXAT";
    line[at + 1] = moment.as_bytes();
    cx.fx.propagate_as(&line);
}
