//! Base: the ground floor. Pure helpers that know nothing of the server.

pub mod alloc;
