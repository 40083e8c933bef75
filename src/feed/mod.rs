//! The feed: what the append-only file and replicas are told of changes.
//!
//! ```text
//!   calls ──► unit: encoded once ──► drain ──┬──► buffer of the AOF ──► one write per turn
//!                                            └──► backlog ──► a cursor per replica
//! ```
//!
//! [`unit`] gathers what the unit of work under way has changed, for all readers. [`drain`] hands
//! it over, at the end of each turn and wherever the AOF is flushed; nobody else empties the unit.
//! [`blocks`] keep the stream of replicas as far back as somebody may ask for it. Nothing here
//! knows a client or the server.

pub mod blocks;
mod notes;
pub mod unit;

use blocks::Backlog;
use unit::Unit;

/// Hands what was told to its readers, to each the part that is for it. A unit under way is told
/// when it has ended. Without any reader everything stays where it is.
#[inline]
pub fn drain(unit: &mut Unit, aof: Option<&mut Vec<u8>>, backlog: Option<&mut Backlog>) {
    if !unit.has_feed() || aof.is_none() && backlog.is_none() {
        return;
    }
    if let Some(backlog) = backlog {
        unit.feed_replicas(backlog);
    }
    // Behind it, since the AOF may take the whole buffer.
    if let Some(buf) = aof {
        unit.feed_aof(buf);
    }
    unit.clear_feed();
}
