//! Looks at the machine that need no server: `--check-system` and `--test-memory`.

pub mod memory;
pub mod system;
