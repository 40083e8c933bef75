//! Looks at the machine and at files that need no server: `--check-system`, `--test-memory`,
//! `redis-check-rdb`.

pub mod aof;
pub mod memory;
pub mod rdb;
pub mod system;
