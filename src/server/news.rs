//! News: what calls have done to keys is told to those who want to know.
//!
//! The keyspace queues events while a call runs; they are published when it ends, inside a transaction, too, so that
//! they stand in the right place among the messages that later calls publish. What the server does to keys by itself
//! (expiry) comes the same way.

use super::Server;
use crate::keyspace::events::Announcement;
use crate::keyspace::{Classes, Keyspace};
use crate::pubsub::PubSub;

/// Whether there is anything to tell: asked after every call.
#[inline]
pub fn is_any(keyspace: &Keyspace) -> bool {
    !keyspace.events.is_empty()
}

/// Tells what there is.
#[cold]
pub fn tell(srv: &mut Server) {
    let wanted = srv.keyspace.events.wanted();
    for announcement in srv.keyspace.events.take() {
        publish(srv, wanted, &announcement);
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
    let mut send = |pubsub: &PubSub, place: &str, about: &[u8], payload: &[u8]| {
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
