//! Hematite: a drop-in replacement for `redis-server`.

pub mod base;
pub mod ds;

#[global_allocator]
static ALLOCATOR: base::alloc::Counting = base::alloc::Counting;
