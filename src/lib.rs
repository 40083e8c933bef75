//! Hematite: a drop-in replacement for `redis-server`.

pub mod base;

#[global_allocator]
static ALLOCATOR: base::alloc::Counting = base::alloc::Counting;
