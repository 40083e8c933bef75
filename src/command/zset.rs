//! Sorted set commands.
//!
//! ```text
//!   add       ZADD ZINCRBY                                        what a member's score becomes, and on which terms
//!   ask       ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZCOUNT ZLEXCOUNT
//!   range     ZRANGE and its older kin, ZRANGESTORE               one query, resolved to positions
//!   remove    ZREM ZREMRANGEBY...
//!   pop       ZPOPMIN ZPOPMAX ZMPOP, and those that wait
//!   combine   ZUNION ZINTER ZDIFF and what stores or counts them  sorted sets and sets alike
//!   walk      ZRANDMEMBER ZSCAN
//! ```
//!
//! A range is resolved to positions first, whatever it was named by; what is shown, stored, popped
//! or removed is then a range of positions.

mod add;
mod ask;
mod combine;
mod pop;
mod range;
mod remove;
#[cfg(test)]
pub(super) mod tests;
mod walk;

pub(super) use add::put_all;
pub use add::{ZADD, ZINCRBY};
pub use ask::{ZCARD, ZCOUNT, ZLEXCOUNT, ZMSCORE, ZRANK, ZREVRANK, ZSCORE};
pub use combine::{ZDIFF, ZDIFFSTORE, ZINTER, ZINTERCARD, ZINTERSTORE, ZUNION, ZUNIONSTORE};
pub use pop::{BZMPOP, BZPOPMAX, BZPOPMIN, ZMPOP, ZPOPMAX, ZPOPMIN};
pub use range::{
    ZRANGE, ZRANGEBYLEX, ZRANGEBYSCORE, ZRANGESTORE, ZREVRANGE, ZREVRANGEBYLEX, ZREVRANGEBYSCORE,
};
pub use remove::{ZREM, ZREMRANGEBYLEX, ZREMRANGEBYRANK, ZREMRANGEBYSCORE};
pub use walk::{ZRANDMEMBER, ZSCAN};

use super::string;
use super::{CmdError, Cx};
use crate::base::text::parse_f64;
use crate::keyspace::{Event, Ttl, Value};
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::types::View;
use crate::types::zset::{LexRange, Pairs, Rules, ScoreRange, Zset};

const DEL: Event = Event::generic("del");

/// When a sorted set is packed.
pub(super) fn rules(cx: &Cx<'_>) -> Rules {
    cx.conf.zset_rules(cx.db.seed())
}

/// Reads a score.
fn score(word: &[u8]) -> Result<f64, CmdError> {
    parse_f64(word).ok_or(CmdError::NOT_FLOAT)
}

/// Reads a range of scores.
fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CmdError> {
    ScoreRange::parse(min, max).ok_or(CmdError::SCORE_RANGE)
}

/// Reads a range of names.
fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, CmdError> {
    LexRange::parse(min, max).ok_or(CmdError::LEX_RANGE)
}

/// Answers with members.
fn reply_members(out: &mut Reply, pairs: Pairs<'_>) {
    out.array(pairs.len());
    pairs.for_each(|(member, _)| string::reply(out, member.into()));
}

/// Answers with members and scores: pairs in RESP3, by turns in RESP2.
fn reply_scored(out: &mut Reply, pairs: Pairs<'_>) {
    if out.proto() == Proto::Resp3 {
        return reply_pairs(out, pairs);
    }
    out.array(2 * pairs.len());
    pairs.for_each(|(member, score)| {
        string::reply(out, member.into());
        out.double(score);
    });
}

/// Answers with pairs of member and score.
fn reply_pairs(out: &mut Reply, pairs: Pairs<'_>) {
    out.array(pairs.len());
    pairs.for_each(|(member, score)| {
        out.array(2);
        string::reply(out, member.into());
        out.double(score);
    });
}

/// Stores a result, or removes what the key held if there is none, and answers how many members it
/// has.
fn store(cx: &mut Cx<'_>, key: &[u8], result: Zset, event: Event) {
    store_counted(cx, key, result, event, 1);
}

/// The same, where a result counts as so many changes.
pub(super) fn store_counted(cx: &mut Cx<'_>, key: &[u8], result: Zset, event: Event, changes: u64) {
    let len = crate::types::Object::view(&result).len();
    if len > 0 {
        cx.db.set(key, Value::Zset(Box::new(result)), Ttl::Clear);
        cx.db.changed(key, event, changes);
    } else if cx.db.remove_target(key, cx.conf.lazyfree.server_del) {
        cx.db.changed(key, DEL, 1);
    }
    cx.out.uint(len as u64);
}
