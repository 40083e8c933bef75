//! Ground floor: pure pieces without knowledge of commands, clients or the server.

pub mod alloc;
pub mod clock;
pub mod cpu;
pub mod double;
pub mod files;
pub mod glob;
pub mod memory;
pub mod rng;
pub mod slab;
pub mod split;
pub mod text;
