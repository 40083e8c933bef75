//! News: what calls have done to keys is told to those who want to know.
//!
//! While a call runs, the keyspace queues events and notes the keys it touches. Both are told when
//! the call ends, in the order in which they happened: inside a transaction, too, so that they
//! stand in the right place among the messages that later calls publish. What the server does to
//! keys by itself (expiry) comes the same way. What concerns the client whose call it is comes
//! behind its answer: messages are its mail, and of its own cache it is told last.

use super::Server;
use crate::base::slab::Id;
use crate::command::{Call, Origin};
use crate::keyspace::events::Announcement;
use crate::keyspace::touched::Touch;
use crate::keyspace::{Classes, Keyspace};
use crate::pubsub::PubSub;

/// Whether there is anything to tell: asked after every call.
#[inline]
pub fn is_any(keyspace: &Keyspace) -> bool {
    !keyspace.events.is_empty() || !keyspace.touched.is_empty()
}

/// Tells what there is. `running` is the client whose call did it, itself or by a script.
#[cold]
pub fn tell(srv: &mut Server, running: Id, origin: Origin) {
    let wanted = srv.keyspace.events.wanted();
    let events = srv.keyspace.events.take();
    let touched = srv.keyspace.touched.take();
    let mut told = 0;
    for (touch, events_before) in touched.iter() {
        for announcement in &events[told..events_before.max(told)] {
            publish(srv, wanted, announcement);
        }
        told = events_before.max(told);
        invalidate(srv, touch, (running, origin));
    }
    for announcement in &events[told..] {
        publish(srv, wanted, announcement);
    }
    srv.keyspace.touched.give_back(touched);
    if !srv.tracking.is_interested() {
        srv.keyspace.touched.want(false);
    }
}

/// Publishes one event, in the one way or the other or both.
fn publish(srv: &mut Server, wanted: Classes, announcement: &Announcement) {
    let Server { pubsub, clients, net, .. } = srv;
    if pubsub.is_silent() {
        return;
    }
    let Announcement { db, event, key } = announcement;
    let name = event.name.as_bytes();
    let mut send = |pubsub: &mut PubSub, place: &str, about: &[u8], payload: &[u8]| {
        let channel = [format!("__{place}@{}__:", db.0).as_bytes(), about].concat();
        pubsub.publish((clients, net), &channel, payload);
    };
    if wanted.meets(Classes::KEYSPACE) {
        send(pubsub, "keyspace", key, name);
    }
    if wanted.meets(Classes::KEYEVENT) {
        send(pubsub, "keyevent", name, key);
    }
}

/// Tells those who cache of one touch.
fn invalidate(srv: &mut Server, touch: Touch<'_>, (running, origin): (Id, Origin)) {
    let Server { tracking, clients, net, .. } = srv;
    let to = (clients, net);
    match touch {
        Touch::Changed(key) => {
            tracking.invalidate(to, key, (running, running));
            // Compat: what a script changes its client may not know of.
            tracking.note_change(key, if origin == Origin::Script { Id::NONE } else { running });
        }
        Touch::Removed(key) => {
            tracking.invalidate(to, key, (Id::NONE, running));
            tracking.note_change(key, Id::NONE);
        }
        Touch::Flushed => tracking.invalidate_all(to, running),
    }
}

/// Remembers what a call of a caching client has read.
#[cold]
pub fn remember(srv: &mut Server, call: &Call) {
    let Server { tracking, clients, net, conf, .. } = srv;
    tracking.remember(call);
    let max = conf.clients.tracking_table_max_keys;
    if tracking.is_full(max) {
        tracking.shrink((clients, net), max, call.client);
    }
}

/// A unit is over: its client is told of its own cache.
#[cold]
pub fn settle(srv: &mut Server) {
    let Server { tracking, clients, net, .. } = srv;
    tracking.settle((clients, net));
}

/// The turn is over: those are told who hear of all keys with a prefix.
pub fn broadcast(srv: &mut Server) {
    let Server { tracking, clients, net, .. } = srv;
    if tracking.has_changes() {
        tracking.broadcast((clients, net));
    }
}

/// The share of the cron in keeping the table of tracking small.
pub fn tick(srv: &mut Server) {
    let Server { tracking, clients, net, conf, .. } = srv;
    tracking.tick((clients, net), conf.clients.tracking_table_max_keys);
}
