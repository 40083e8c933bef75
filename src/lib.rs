//! Hematite: a drop-in replacement for `redis-server` on one reactor thread.
//!
//! The floors, in reading order; ARCHITECTURE.md walks through them.

// Ground floor: pure.
pub mod base;
pub mod ds;
pub mod resp;

// First floor: the data.
pub mod keyspace;
pub mod persist;
pub mod types;

// Second floor: commands and features.
pub mod acl;
pub mod command;
pub mod config;
pub mod feed;
pub mod info;
pub mod observe;
pub mod pubsub;
pub mod script;
pub mod tracking;

// Third floor: the owner and the loop.
pub mod client;
pub mod net;
pub mod process;
pub mod server;

// Separate dwellings.
pub mod check;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

#[global_allocator]
static ALLOCATOR: base::alloc::Counting = base::alloc::Counting;
