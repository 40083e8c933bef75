//! The feed: what the append-only file and replicas are told of changes.
//!
//! [`unit`] gathers what the unit of work under way has changed, encoded once for all readers. The
//! loop hands it over before the reactor sleeps. Nothing here knows a client or the server.

pub mod unit;
