//! How a client caches what it reads. What the server remembers of that is `tracking`'s.

use std::collections::BTreeSet;

use crate::base::slab::Id;
use crate::command::Caching;

/// How a client caches. One that does not has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    pub is_broadcast: bool,
    pub opt_in: bool,
    pub opt_out: bool,
    /// What it changes itself it need not be told.
    pub no_loop: bool,
    /// Who is told in its place: the id, and the number users know.
    pub redirect: Option<(Id, u64)>,
    /// That one was gone when it was to be told something.
    pub is_broken: bool,
    /// What it wants to hear of, with BCAST.
    pub prefixes: BTreeSet<Box<[u8]>>,
}

impl Tracked {
    /// Which of its reads are remembered.
    pub fn caching(&self) -> Caching {
        match self {
            Tracked { is_broadcast: true, .. } => Caching::No,
            Tracked { opt_in: true, .. } => Caching::OptIn,
            Tracked { opt_out: true, .. } => Caching::OptOut,
            _ => Caching::All,
        }
    }
}
