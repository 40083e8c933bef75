//! Stream commands: adding, reading by range and by waiting, deleting, trimming; groups of
//! consumers.
//!
//! Ids that a call leaves to the server, and trims that stop where it suits, are told to replicas
//! and the AOF as what came of them. What happens to groups is no change of the stream's value:
//! watches hold, and nobody who waits for entries is tried again.

mod add;
mod claim;
mod delete;
mod group;
mod info;
mod pending;
mod range;
mod read;
#[cfg(test)]
mod tests;
mod trim;

pub use add::{XADD, XSETID};
pub use claim::{XAUTOCLAIM, XCLAIM};
pub use delete::{XACK, XACKDEL, XDEL, XDELEX};
pub use group::XGROUP;
pub use info::XINFO;
pub use pending::XPENDING;
pub use range::{XLEN, XRANGE, XREVRANGE};
pub use read::{XREAD, XREADGROUP};
pub use trim::XTRIM;

use super::string::reply;
use super::{CmdError, Cx};
use crate::base::clock::UnixMillis;
use crate::command::effects::Effects;
use crate::keyspace::Event;
use crate::resp::reply::Reply;
use crate::types::stream::{ConsumerId, Entries, Entry, Group, StreamId};

const CREATE_CONSUMER: Event = Event::stream("xgroup-createconsumer");
const DELETE: Event = Event::stream("xdel");
const TRIM: Event = Event::stream("xtrim");

/// Reads an id; without a number after the milliseconds it is `seq`.
fn id(word: &[u8], seq: u64) -> Result<StreamId, CmdError> {
    StreamId::parse(word, seq).ok_or(CmdError::STREAM_ID)
}

/// Reads an id, or `-` for the smallest and `+` for the greatest.
fn bound(word: &[u8], seq: u64) -> Result<StreamId, CmdError> {
    match word {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(StreamId::MAX),
        _ => id(word, seq),
    }
}

/// Reads the start of an interval: a bound, or `(` and the id that is just outside.
fn interval_start(word: &[u8]) -> Result<StreamId, CmdError> {
    match word {
        [b'(', outside @ ..] => id(outside, 0)?.next().ok_or(CmdError::STREAM_START),
        _ => bound(word, 0),
    }
}

/// Reads the end of an interval.
fn interval_end(word: &[u8]) -> Result<StreamId, CmdError> {
    match word {
        [b'(', outside @ ..] => id(outside, u64::MAX)?.before().ok_or(CmdError::STREAM_END),
        _ => bound(word, u64::MAX),
    }
}

/// Answers with an id.
#[inline]
fn reply_id(out: &mut Reply, id: StreamId) {
    out.bulk(id.text().as_bytes());
}

/// Answers with an entry: its id, and its fields and values.
fn reply_entry(out: &mut Reply, entry: Entry<'_>) {
    out.array(2);
    reply_id(out, entry.id);
    out.array(2 * entry.fields.len());
    for (name, value) in entry.fields {
        reply(out, name.into());
        reply(out, value.into());
    }
}

/// Answers with entries, so many of them at most. `note` is shown the id of each.
fn reply_entries(
    out: &mut Reply,
    mut entries: Entries<'_>,
    max: usize,
    mut note: impl FnMut(StreamId),
) {
    let list = out.open();
    let mut count = 0;
    while count < max
        && let Some(entry) = entries.next_entry()
    {
        note(entry.id);
        reply_entry(out, entry);
        count += 1;
    }
    out.close_array(list, count);
}

/// The consumer with a name, who is seen now; a new one if there is none. True if it is new: that
/// is to be announced.
fn consumer_seen(group: &mut Group, name: &[u8], now: UnixMillis) -> (ConsumerId, bool) {
    let (id, is_new) = group.find_or_create(name, now);
    group.consumer_mut(id).seen = now;
    (id, is_new)
}

/// Tells replicas and the AOF of a new consumer that nothing else tells them of.
fn tell_consumer(fx: &mut Effects, key: &[u8], group: &[u8], name: &[u8]) {
    fx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, name]);
}

/// Announces a new consumer.
fn announce_consumer(cx: &mut Cx<'_>, key: &[u8]) {
    cx.db.changed_beside(key, Some(CREATE_CONSUMER), 1);
}
