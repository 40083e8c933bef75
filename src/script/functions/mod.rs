//! Libraries of functions: what they are, and FUNCTION and FCALL.

pub mod commands;
pub mod registry;
