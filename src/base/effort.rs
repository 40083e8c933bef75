//! How much a test does.
//!
//! Miri takes a thousand times as long for everything, so under it models are compared over fewer
//! steps. What needs many elements to be seen at all (segments of tables, chunks of cells) is made
//! smaller there, in the rooms concerned.

/// So many steps, or so few under Miri.
pub const fn effort<T: Copy>(steps: T, under_miri: T) -> T {
    if cfg!(miri) { under_miri } else { steps }
}
