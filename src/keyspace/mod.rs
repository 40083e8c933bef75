//! The data: databases and their keys.

pub mod entry;

/// The number of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DbIndex(pub u32);

/// All databases of a server.
#[derive(Debug, Default)]
pub struct Keyspace {
    /// Changes since the server started: grows by the effect of every write.
    pub dirty: u64,
}

/// One database, as a command sees it.
#[derive(Debug)]
pub struct Selected<'a> {
    pub keyspace: &'a mut Keyspace,
    pub index: DbIndex,
}

impl Keyspace {
    pub fn select(&mut self, index: DbIndex) -> Selected<'_> {
        Selected { keyspace: self, index }
    }
}
