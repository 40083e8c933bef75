//! The ground floor: pure pieces that every other room stands on.
//!
//! Nothing here knows of clients, keys or files. What reads bytes from outside takes them as a slice and answers with an
//! `Option`; nothing panics on them, and nothing allocates more than a small multiple of its input.

pub mod double;
pub mod glob;
pub mod memory;
pub mod split;
pub mod text;
