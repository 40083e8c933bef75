//! Hash commands.
//!
//! In `hash/`: `read` (one field, several, all; HSCAN), `write` (storing and deleting), `count`
//! (sums), `random` (HRANDFIELD), `expire` (deadlines of fields), `both` (reading or storing
//! together with deadlines or deletion).
//!
//! A field whose deadline has passed is gone for all of them: readers look from the horizon of the
//! moment, writers settle the fields they name first (`keyspace::fields`). Deadlines are told to
//! replicas and the AOF as absolute moments, fields that a deadline in the past removes as HDEL.

mod both;
mod count;
mod expire;
mod random;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use both::{HGETDEL, HGETEX, HSETEX};
pub use count::{HINCRBY, HINCRBYFLOAT};
pub use expire::{
    HEXPIRE, HEXPIREAT, HEXPIRETIME, HPERSIST, HPEXPIRE, HPEXPIREAT, HPEXPIRETIME, HPTTL, HTTL,
};
pub use random::HRANDFIELD;
pub use read::{HEXISTS, HGET, HGETALL, HKEYS, HLEN, HMGET, HSCAN, HSTRLEN, HVALS};
pub use write::{HDEL, HMSET, HSET, HSETNX};

use super::args::integer;
use super::{Arg, CmdError, Cx, string};
use crate::base::clock::UnixMillis;
use crate::base::text::parse_i64;
use crate::ds::listpack::Item;
use crate::keyspace::{Edit, Event, Selected, Type};
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::hash::{Hash, HashView, Limits, TEXT_MAX};

const HSET_EVENT: Event = Event::hash("hset");
const HDEL_EVENT: Event = Event::hash("hdel");
const HEXPIRE_EVENT: Event = Event::hash("hexpire");
const HPERSIST_EVENT: Event = Event::hash("hpersist");

/// Deadlines of fields lie before this.
/// Compat: Redis keeps 46 bits.
const DEADLINE_END: i64 = 1 << 46;

/// `FIELDS numfields field [field ...]`, as the commands with deadlines take it.
const FIELDS: Arg =
    Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()])
        .token("FIELDS");

/// Reads a hash, if there is one.
#[inline]
fn look<'a>(db: &'a mut Selected<'_>, key: &[u8]) -> Result<Option<HashView<'a>>, CmdError> {
    let horizon = db.horizon();
    Ok(db.get::<Hash>(key)?.map(|hash| hash.from_horizon(horizon)))
}

/// Answers with a field or value.
#[inline]
fn reply(out: &mut Reply, item: Item<'_>) {
    string::reply(out, item.into());
}

/// Up to where hashes stay packed.
#[inline]
fn limits(cx: &Cx<'_>) -> Limits {
    cx.conf.hash_rules(cx.db.seed())
}

/// True when the key is a hash, false when it does not exist; it must not be anything else.
fn is_hash(db: &mut Selected<'_>, key: &[u8]) -> Result<bool, CmdError> {
    db.settle(key);
    match db.peek(key) {
        None => Ok(false),
        Some(entry) if entry.value_type() == Type::Hash => Ok(true),
        Some(_) => Err(CmdError::WRONG_TYPE),
    }
}

/// Refuses texts that no table could hold. Only an extreme `proto-max-bulk-len` lets them come this
/// far.
#[inline]
fn check_lengths(cx: &Cx<'_>) -> Result<(), CmdError> {
    let possible = cx.conf.proto.max_bulk_len as usize > TEXT_MAX;
    let too_long = possible && cx.args.from(2).any(|text| text.len() > TEXT_MAX);
    if too_long { Err(CmdError::STRING_TOO_LONG) } else { Ok(()) }
}

/// The fields of `FIELDS numfields field ...`, which ends a call.
#[derive(Clone, Copy)]
struct FieldList<'a> {
    args: Args<'a>,
    /// The first field.
    first: usize,
}

impl<'a> FieldList<'a> {
    /// Reads the words from `at` on. `bad_count` is how the command complains of a number that is
    /// none.
    fn parse(cx: &Cx<'a>, at: usize, bad_count: CmdError) -> Result<Self, CmdError> {
        let args = cx.args;
        let word = args.get(at + 1).ok_or_else(|| CmdError::arity(cx.cmd.name))?;
        if !args.is(at, "FIELDS") {
            return Err(CmdError::FIELDS_MISSING);
        }
        let count = parse_i64(word).filter(|count| *count > 0).ok_or(bad_count)?;
        let list = FieldList { args, first: at + 2 };
        let fits = usize::try_from(count) == Ok(list.len());
        if fits { Ok(list) } else { Err(CmdError::FIELDS_COUNT) }
    }

    fn len(self) -> usize {
        self.args.len() - self.first
    }

    fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.args.from(self.first)
    }
}

/// The moment that a number means as the deadline of fields, for a command.
fn moment(
    cx: &Cx<'_>,
    word: &[u8],
    unit_ms: i64,
    is_relative: bool,
) -> Result<UnixMillis, CmdError> {
    let number = integer(word)?;
    if number < 0 {
        return Err(CmdError::NEGATIVE_EXPIRE_TIME);
    }
    let ms = number.checked_mul(unit_ms);
    let ms = ms.and_then(|ms| ms.checked_add(if is_relative { cx.now.0 } else { 0 }));
    let ms = ms.filter(|ms| *ms < DEADLINE_END);
    ms.map(UnixMillis).ok_or_else(|| CmdError::expire_time(cx.cmd.name))
}

/// True when fields with this deadline are to be removed on the spot: not on a replica, which waits
/// to be told.
fn is_past(cx: &Cx<'_>, deadline: UnixMillis) -> bool {
    deadline <= cx.now && cx.db.expires_by_itself()
}

/// What is kept of a moment: 0 stands for none.
fn kept(deadline: UnixMillis) -> UnixMillis {
    UnixMillis(deadline.0.max(1))
}

/// After fields were removed, the edit being over: says so, and lets an empty hash go.
fn removed(cx: &mut Cx<'_>, key: &[u8], count: u64) {
    cx.db.changed(key, HDEL_EVENT, count);
    cx.db.remove_if_empty(key);
}

/// Tells of fields that a deadline in the past has removed: each by itself.
fn tell_removed<'f>(cx: &mut Cx<'_>, key: &[u8], fields: impl Iterator<Item = &'f [u8]>) {
    fields.for_each(|field| cx.fx.propagate_as(&[b"HDEL", key, field]));
}

/// Reaches a hash in order to change some fields of it.
fn edit<'a, 'f>(
    db: &'a mut Selected<'_>,
    key: &'a [u8],
    fields: impl Iterator<Item = &'f [u8]>,
) -> Result<Option<Edit<'a, Hash>>, CmdError> {
    db.settle_fields(key, fields);
    Ok(db.edit::<Hash>(key)?)
}

/// As [`edit`]; an empty hash if there is none.
fn edit_or_create<'a, 'f>(
    db: &'a mut Selected<'_>,
    key: &'a [u8],
    fields: impl Iterator<Item = &'f [u8]>,
) -> Result<Edit<'a, Hash>, CmdError> {
    db.settle_fields(key, fields);
    Ok(db.edit_or_create::<Hash>(key)?)
}
