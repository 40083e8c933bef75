//! Streams: nodes as they stand, the numbers, and the groups.
//!
//! ```text
//!   count  (id of node, blob)*   length   last id   first id   greatest deleted id   added
//!   count  (group  last id  read   count (id delivered deliveries)*   count (consumer  seen [active]  count id*)*)*
//! ```
//!
//! Only from version 11 on do consumers have two times; what reads an older form takes the one for
//! the other.

use std::io;

use super::Writer;
use crate::persist::rdb::format::kind;
use crate::types::stream::{Consumer, Group, Scratch, Stream, StreamId};

/// Whether a consumer was active at another time than it was seen.
pub fn needs_active_times(stream: &Stream) -> bool {
    let differs = |consumer: &Consumer| consumer.active != Some(consumer.seen);
    stream.groups().iter().any(|group| group.consumers().any(differs))
}

pub fn save(stream: &Stream, kind: u8, w: &mut Writer<'_>) -> io::Result<()> {
    let nodes = stream.nodes();
    w.length(nodes.len() as u64);
    let mut scratch = Scratch::default();
    for (id, node) in nodes.iter() {
        w.string(&id.to_bytes())?;
        match node.squeezed().filter(|_| w.compresses()) {
            Some(squeezed) => w.squeezed_before(squeezed.lzf(), squeezed.raw_bytes())?,
            None => w.string(scratch.look(id, node).bytes())?,
        }
    }
    w.length(stream.length());
    for id in [stream.last_id, stream.first_id(), stream.max_deleted_id] {
        put_id(id, w);
    }
    w.length(stream.entries_added);
    w.length(stream.groups().len() as u64);
    stream.groups().iter().try_for_each(|group| save_group(group, kind, w))
}

fn put_id(id: StreamId, w: &mut Writer<'_>) {
    w.length(id.ms);
    w.length(id.seq);
}

fn save_group(group: &Group, kind: u8, w: &mut Writer<'_>) -> io::Result<()> {
    w.string(&group.name)?;
    put_id(group.last_id, w);
    // Not known is -1.
    w.length(group.entries_read.unwrap_or(u64::MAX));
    w.length(group.pending().len() as u64);
    for (id, pending) in group.pending().iter() {
        w.raw(&id.to_bytes())?;
        w.millis(pending.delivered.0);
        w.length(pending.deliveries);
    }
    w.length(group.len() as u64);
    for consumer in group.consumers() {
        w.string(&consumer.name)?;
        w.millis(consumer.seen.0);
        if kind == kind::STREAM_3 {
            w.millis(consumer.active.map_or(-1, |at| at.0));
        }
        w.length(consumer.pending().len() as u64);
        for (id, ()) in consumer.pending().iter() {
            w.raw(&id.to_bytes())?;
        }
    }
    Ok(())
}
