//! Streams: their nodes, numbers and groups; the layout stands where they are saved.
//!
//! Of the numbers those are believed that the entries themselves do not tell. What a group has
//! handed out is first read as a whole and then given to the consumers, who name the same ids once
//! more: each id must have exactly one of them.

use super::reader::Reader;
use super::value::{Found, doubtful, listpack};
use super::{Fault, corrupt};
use crate::base::clock::UnixMillis;
use crate::keyspace::Value;
use crate::persist::rdb::format::kind;
use crate::types::stream::{ConsumerId, Group, Pending, Stream, StreamId};

pub fn read<'r>(r: &'r mut Reader<'_>, kind: u8) -> Result<Found<'r>, Fault> {
    let mut stream = Stream::default();
    let mut last = StreamId::ZERO;
    for _ in 0..r.count(2)? {
        let key = r.string()?;
        let Ok(id) = <[u8; 16]>::try_from(r.get(key)) else {
            return corrupt("Stream node key entry is not the size of a stream ID");
        };
        let id = StreamId::from_bytes(id);
        if id <= last && last != StreamId::ZERO {
            return corrupt("Stream nodes are not in order");
        }
        let span = listpack(r, kind)?;
        let blob = r.take(span);
        match stream.push_node(id, blob, r.packed()) {
            Ok(end) => last = end,
            Err(_) => return corrupt(doubtful(kind)),
        }
    }
    stream.end_nodes();
    let length = r.number()?;
    if length != stream.length() {
        return corrupt("Stream length inconsistent with its entries");
    }
    stream.last_id = read_id(r)?;
    if stream.last_id < last {
        return corrupt("Stream last ID is smaller than that of an entry");
    }
    if kind == kind::STREAM {
        stream.entries_added = length;
    } else {
        // The first id: the entries tell it themselves.
        read_id(r)?;
        stream.max_deleted_id = read_id(r)?;
        stream.entries_added = r.number()?;
    }
    for _ in 0..r.count(3)? {
        let group = read_group(r, kind, &stream)?;
        if !stream.add_group(group) {
            return corrupt("Duplicated consumer group name");
        }
    }
    Ok(Found::Value(Value::Stream(Box::new(stream))))
}

/// An id as two numbers.
fn read_id(r: &mut Reader<'_>) -> Result<StreamId, Fault> {
    Ok(StreamId::new(r.number()?, r.number()?))
}

/// A moment that is over: one can reckon with how long ago it was.
fn past(r: &mut Reader<'_>) -> Result<Option<UnixMillis>, Fault> {
    const LATEST: i64 = i64::MAX / 4;
    Ok(r.moment()?.map(|at| UnixMillis(at.0.min(LATEST))))
}

/// An entry that was handed out, and by now perhaps whose it is.
struct HandedOut {
    id: StreamId,
    delivered: UnixMillis,
    deliveries: u64,
    owner: Option<ConsumerId>,
}

fn read_group(r: &mut Reader<'_>, kind: u8, stream: &Stream) -> Result<Group, Fault> {
    let name = r.owned()?;
    let last_id = read_id(r)?;
    let read = match kind {
        kind::STREAM => stream.position(last_id),
        _ => Some(r.number()?).filter(|read| *read != u64::MAX),
    };
    let mut group = Group::new(&name, last_id, read);
    let count = r.count(25)?;
    let mut all: Vec<HandedOut> = Vec::with_capacity(count.min(1 << 16));
    for _ in 0..count {
        let id = StreamId::from_bytes(r.array()?);
        let delivered = past(r)?.unwrap_or_default();
        let deliveries = r.number()?;
        if all.last().is_some_and(|before| before.id >= id) {
            return corrupt("Duplicated global PEL entry loading stream consumer group");
        }
        all.push(HandedOut { id, delivered, deliveries, owner: None });
    }
    for _ in 0..r.count(10)? {
        read_consumer(r, kind, &mut group, &mut all)?;
    }
    for HandedOut { id, delivered, deliveries, owner } in all {
        let Some(consumer) = owner else {
            return corrupt("NACK is not owned by any consumer");
        };
        group.hand_out(id, Pending { delivered, deliveries, consumer });
    }
    Ok(group)
}

fn read_consumer(
    r: &mut Reader<'_>,
    kind: u8,
    group: &mut Group,
    all: &mut [HandedOut],
) -> Result<(), Fault> {
    let name = r.owned()?;
    let seen = past(r)?.unwrap_or_default();
    let active = match kind {
        kind::STREAM_3 => past(r)?,
        _ => Some(seen),
    };
    let (consumer, is_new) = group.find_or_create(&name, seen);
    if !is_new {
        return corrupt("Duplicate stream consumer detected");
    }
    group.consumer_mut(consumer).active = active;
    for _ in 0..r.count(16)? {
        let id = StreamId::from_bytes(r.array()?);
        let found = all.binary_search_by(|handed| handed.id.cmp(&id));
        match found.map(|at| &mut all[at].owner) {
            Ok(owner @ None) => *owner = Some(consumer),
            Ok(Some(_)) => {
                return corrupt("Duplicated consumer PEL entry loading a stream consumer group");
            }
            Err(_) => {
                return corrupt("Consumer entry not found in group global PEL");
            }
        }
    }
    Ok(())
}
