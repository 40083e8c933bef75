//! Beginning with an append-only file, as of now or as of a moment: see [`driver`] and [`moment`].

pub mod driver;
pub mod moment;
