//! XCLAIM and XAUTOCLAIM: pending entries get another owner. Also how replicas and the AOF are told
//! who owns what.

use super::super::key_spec::key_flag::{DELETE, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{
    announce_consumer, consumer_seen, id, interval_start, reply_entry, reply_id, tell_consumer,
};
use crate::base::clock::UnixMillis;
use crate::command::args::{integer, integer_or};
use crate::command::effects::Effects;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::stream::{self, ConsumerId, Pending, Scratch, Stream, StreamId};

/// Tells who owns a pending entry.
pub fn tell(
    fx: &mut Effects,
    (key, group): (&[u8], &stream::Group),
    id: StreamId,
    pending: Pending,
) {
    if !fx.is_heard() {
        return;
    }
    let consumer = &group.consumer(pending.consumer).name;
    let (time, count) = (pending.delivered.0.to_string(), pending.deliveries.to_string());
    let (id, last) = (id.text(), group.last_id.text());
    fx.propagate_as(&[
        b"XCLAIM",
        key,
        &group.name,
        consumer,
        b"0",
        id.as_bytes(),
        b"TIME",
        time.as_bytes(),
        b"RETRYCOUNT",
        count.as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last.as_bytes(),
    ]);
}

/// Tells how far a group has read.
pub fn tell_last_id(fx: &mut Effects, key: &[u8], group: &stream::Group) {
    if fx.is_heard() {
        let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
        let last = group.last_id.text();
        let words: [&[u8]; 7] = [
            b"XGROUP",
            b"SETID",
            key,
            &group.name,
            last.as_bytes(),
            b"ENTRIESREAD",
            read.as_bytes(),
        ];
        fx.propagate_as(&words);
    }
}

/// What XCLAIM says behind the ids.
struct Options {
    delivered: UnixMillis,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl Options {
    /// What holds if nothing is said.
    fn plain(now: UnixMillis) -> Options {
        let (deliveries, last_id) = (None, StreamId::ZERO);
        Options { delivered: now, deliveries, force: false, just_id: false, last_id }
    }

    fn parse(args: Args<'_>, mut at: usize, now: UnixMillis) -> Result<Options, CmdError> {
        let mut options = Options::plain(now);
        while at < args.len() {
            let number = |name: &str| {
                let error =
                    || CmdError::made(format!("ERR Invalid {name} option argument for XCLAIM"));
                integer(args.at(at + 1)).map_err(|_| error())
            };
            let has_more = at + 1 < args.len();
            if args.is(at, "FORCE") {
                options.force = true;
            } else if args.is(at, "JUSTID") {
                options.just_id = true;
            } else if has_more && args.is(at, "IDLE") {
                options.delivered = UnixMillis(now.0.saturating_sub(number("IDLE")?));
                at += 1;
            } else if has_more && args.is(at, "TIME") {
                options.delivered = UnixMillis(number("TIME")?);
                at += 1;
            } else if has_more && args.is(at, "RETRYCOUNT") {
                options.deliveries = u64::try_from(number("RETRYCOUNT")?).ok();
                at += 1;
            } else if has_more && args.is(at, "LASTID") {
                options.last_id = id(args.at(at + 1), 0)?;
                at += 1;
            } else {
                return Err(CmdError::claim_option(args.at(at)));
            }
            at += 1;
        }
        // Nobody got an entry in the future, or before time began.
        if !(0..=now.0).contains(&options.delivered.0) {
            options.delivered = now;
        }
        Ok(options)
    }
}

/// For how long at least an entry must have been idle.
fn min_idle(word: &[u8], command: &str) -> Result<i64, CmdError> {
    let error = || CmdError::made(format!("ERR Invalid min-idle-time argument for {command}"));
    integer(word).map(|ms| ms.max(0)).map_err(|_| error())
}

/// On what terms entries are claimed.
struct Terms<'a> {
    key: &'a [u8],
    group: &'a [u8],
    /// Who gets them.
    consumer: ConsumerId,
    min_idle_ms: i64,
    now: UnixMillis,
    options: Options,
}

/// What became of an entry that was to be claimed.
enum Claim {
    Claimed,
    /// It was deleted: now it is pending no more, either.
    Lost,
    /// It is not pending, or not for long enough.
    Refused,
}

/// Gives a pending entry to another consumer, and tells of it.
fn claim(
    fx: &mut Effects,
    (stream, scratch): (&mut Stream, &mut Scratch),
    id: StreamId,
    terms: &Terms<'_>,
) -> Claim {
    let is_there = stream.entry(id, scratch).is_some();
    let options = &terms.options;
    let Some(group) = stream.group_mut(terms.group) else { return Claim::Refused };
    let before = group.pending().get(id).copied();
    if let Some(before) = before {
        if !is_there {
            tell(fx, (terms.key, group), id, before);
            group.acknowledge(id);
            return Claim::Lost;
        }
        let idle_ms = terms.now.0.saturating_sub(before.delivered.0);
        if terms.min_idle_ms > 0 && idle_ms < terms.min_idle_ms {
            return Claim::Refused;
        }
    } else if !is_there || !options.force {
        return Claim::Refused;
    }
    let told_before = before.map_or(1, |before| before.deliveries);
    let told_now = told_before.wrapping_add(u64::from(!options.just_id));
    let deliveries = options.deliveries.unwrap_or(told_now);
    let pending = Pending { delivered: options.delivered, deliveries, consumer: terms.consumer };
    group.hand_out(id, pending);
    group.consumer_mut(terms.consumer).active = Some(terms.now);
    tell(fx, (terms.key, group), id, pending);
    Claim::Claimed
}

/// Answers with an entry that was claimed.
fn reply_claimed(
    out: &mut Reply,
    (stream, scratch): (&Stream, &mut Scratch),
    id: StreamId,
    just_id: bool,
) {
    match stream.entry(id, scratch) {
        Some(entry) if !just_id => reply_entry(out, entry),
        _ => reply_id(out, id),
    }
}

pub static XCLAIM: Command = Command::data("xclaim", xclaim)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Gives pending entries to another consumer.")
    .complexity("O(log N) for N pending entries of the group.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("id").multiple(),
        Arg::integer("ms").token("IDLE").optional(),
        Arg::unix_time("unix-time-milliseconds").token("TIME").optional(),
        Arg::integer("count").token("RETRYCOUNT").optional(),
        Arg::pure_token("force", "FORCE").optional(),
        Arg::pure_token("justid", "JUSTID").optional(),
        Arg::string("lastid").token("LASTID").optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn xclaim(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args, now) = (cx.args.at(1), cx.args, cx.now);
    let group_name = args.at(2);
    let missing = || CmdError::no_key_or_group(key, group_name);
    let found = cx.db.get::<Stream>(key)?.and_then(|stream| stream.group(group_name));
    found.ok_or_else(missing)?;
    let min_idle_ms = min_idle(args.at(4), "XCLAIM")?;
    let ids: Vec<_> = args.from(5).map_while(|word| StreamId::parse(word, 0)).collect();
    let options = Options::parse(args, 5 + ids.len(), now)?;
    cx.fx.dont_propagate();
    let mut stream = cx.db.edit::<Stream>(key)?.ok_or_else(missing)?;
    let group = stream.group_mut(group_name).ok_or_else(missing)?;
    let moved_on = options.last_id > group.last_id;
    group.last_id = group.last_id.max(options.last_id);
    let (consumer, is_new) = consumer_seen(group, args.at(3), now);
    let just_id = options.just_id;
    let terms = Terms { key, group: group_name, consumer, min_idle_ms, now, options };
    let list = cx.out.open();
    let (mut claimed, mut changes, mut scratch) = (0, 0, Scratch::default());
    for id in ids {
        match claim(cx.fx, (&mut stream, &mut scratch), id, &terms) {
            Claim::Refused => {}
            Claim::Lost => changes += 1,
            Claim::Claimed => {
                reply_claimed(cx.out, (&stream, &mut scratch), id, just_id);
                claimed += 1;
            }
        }
    }
    cx.out.close_array(list, claimed);
    changes += claimed as u64;
    if moved_on && changes == 0 {
        if let Some(group) = stream.group(group_name) {
            tell_last_id(cx.fx, key, group);
        }
        changes = 1;
    }
    drop(stream);
    if is_new {
        if claimed == 0 {
            tell_consumer(cx.fx, key, group_name, args.at(3));
        }
        announce_consumer(cx, key);
    }
    cx.db.changed_beside(key, None, changes);
    Ok(Done)
}

pub static XAUTOCLAIM: Command = Command::data("xautoclaim", xautoclaim)
    .arity(-6)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("6.2.0")
    .summary("Gives pending entries that have been idle for long to a consumer, found by scanning.")
    .complexity("O(1) with a small COUNT.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::pure_token("justid", "JUSTID").optional(),
    ])
    .tips(&["nondeterministic_output"])
    .history(&[("7.0.0", "The answer names the deleted entries, which are not pending any more.")]);

fn xautoclaim(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args, now) = (cx.args.at(1), cx.args, cx.now);
    let group_name = args.at(2);
    let missing = || CmdError::no_key_or_group(key, group_name);
    cx.db.entry(key); // Compat: it counts even if the call is not well formed.
    let min_idle_ms = min_idle(args.at(4), "XAUTOCLAIM")?;
    let start = interval_start(args.at(5))?;
    let (max, just_id) = auto_options(args)?;
    cx.fx.dont_propagate();
    let mut stream = cx.db.edit::<Stream>(key)?.ok_or_else(missing)?;
    let group = stream.group_mut(group_name).ok_or_else(missing)?;
    let (consumer, is_new) = consumer_seen(group, args.at(3), now);
    let options = Options { just_id, ..Options::plain(now) };
    let terms = Terms { key, group: group_name, consumer, min_idle_ms, now, options };
    let (mut cursor, mut tries) = (Some(start), max.saturating_mul(TRIES));
    let (mut claimed, mut deleted, mut scratch) = (vec![], vec![], Scratch::default());
    while tries > 0 && claimed.len() + deleted.len() < max {
        let pending = stream.group(group_name).map(stream::Group::pending);
        let next = cursor.and_then(|id| pending?.iter_from(id).next());
        let Some((id, _)) = next else {
            cursor = None;
            break;
        };
        tries -= 1;
        cursor = id.next();
        match claim(cx.fx, (&mut stream, &mut scratch), id, &terms) {
            Claim::Claimed => claimed.push(id),
            Claim::Lost => deleted.push(id),
            Claim::Refused => {}
        }
    }
    let pending = stream.group(group_name).map(stream::Group::pending);
    let next = cursor.and_then(|id| pending?.iter_from(id).next());
    cx.out.array(3);
    reply_id(cx.out, next.map_or(StreamId::ZERO, |(id, _)| id));
    cx.out.array(claimed.len());
    for id in &claimed {
        reply_claimed(cx.out, (&stream, &mut scratch), *id, just_id);
    }
    cx.out.array(deleted.len());
    deleted.iter().for_each(|id| reply_id(cx.out, *id));
    drop(stream);
    if is_new {
        if claimed.is_empty() {
            tell_consumer(cx.fx, key, group_name, args.at(3));
        }
        announce_consumer(cx, key);
    }
    cx.db.changed_beside(key, None, (claimed.len() + deleted.len()) as u64);
    Ok(Done)
}

/// Pending entries that XAUTOCLAIM looks at for each that it may claim.
const TRIES: usize = 10;

/// Reads `[COUNT n] [JUSTID]`.
fn auto_options(args: Args<'_>) -> Result<(usize, bool), CmdError> {
    const MAX: i64 = i64::MAX / 16;
    let (mut max, mut just_id, mut at) = (100, false, 6);
    while at < args.len() {
        if args.is(at, "COUNT") && at + 1 < args.len() {
            let count = integer_or(args.at(at + 1), CmdError::CLAIM_COUNT)?;
            if !(1..=MAX).contains(&count) {
                return Err(CmdError::CLAIM_COUNT);
            }
            max = count as usize;
            at += 2;
        } else if args.is(at, "JUSTID") {
            just_id = true;
            at += 1;
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    Ok((max, just_id))
}
