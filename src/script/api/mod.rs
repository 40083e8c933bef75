//! The table `redis` of scripts, which is called `server`, too.

pub mod bridge;
