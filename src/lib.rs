//! Hematite: a drop-in replacement for `redis-server`.

pub mod base;
pub mod config;
