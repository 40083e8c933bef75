//! Where the memory of the server goes: what INFO memory and MEMORY STATS both tell.

pub mod commands;

use crate::base::alloc;
use crate::client::Clients;
use crate::keyspace::{DbIndex, Keyspace};
use crate::observe::usage::Memory;
use crate::persist::aof::Aof;
use crate::script::Scripts;

/// Bytes of what is no data, and of all.
#[derive(Debug)]
pub struct Figures {
    pub used: u64,
    pub peak: u64,
    pub startup: u64,
    pub clients: u64,
    pub aof_buffer: u64,
    /// Texts of scripts, and what is known of them.
    pub scripts: u64,
    /// The same of libraries of functions.
    pub libraries: u64,
    /// The machine for scripts and the one for functions.
    pub machines: [u64; 2],
    /// Of each database that has keys: its tables, and its indexes of deadlines.
    pub tables: Vec<(DbIndex, u64, u64)>,
}

impl Figures {
    /// Asks all parts.
    pub fn read(
        memory: &mut Memory,
        (clients, keyspace): (&Clients, &Keyspace),
        (aof, script): (&Aof, &Scripts),
        now_s: i64,
    ) -> Figures {
        let used = memory.observe(now_s) as u64;
        let indexes = (0..keyspace.databases()).map(DbIndex);
        let full = indexes.filter(|index| !keyspace.db(*index).keys.is_empty());
        let tables = full.map(|index| {
            let db = keyspace.db(index);
            let deadlines = db.expiry.memory_bytes() + db.parts.memory_bytes();
            (index, db.keys.memory_bytes() as u64, deadlines as u64)
        });
        Figures {
            used,
            peak: memory.peak() as u64,
            startup: memory.startup() as u64,
            clients: clients.iter().map(|c| c.memory(&keyspace.watch) as u64).sum(),
            aof_buffer: aof.buffer_bytes() as u64,
            scripts: script.cache.memory_bytes() as u64,
            libraries: script.libraries.memory_bytes() as u64,
            machines: script.machines().map(|bytes| bytes as u64),
            tables: tables.collect(),
        }
    }

    /// All that is no data.
    pub fn overhead(&self) -> u64 {
        let scripts = self.scripts + self.libraries + self.machines.iter().sum::<u64>();
        self.startup + self.clients + self.aof_buffer + scripts + self.lookup_tables()
    }

    /// The tables and indexes of all databases.
    pub fn lookup_tables(&self) -> u64 {
        self.tables.iter().map(|(_, keys, deadlines)| keys + deadlines).sum()
    }

    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// Bytes that were not in use when the server had started.
    pub fn net(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }
}

/// How many times one is the other; 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What jemalloc, or whoever allocates, says: allocated, active and resident bytes.
pub fn pages(stats: &alloc::Stats) -> [u64; 3] {
    [stats.allocated, stats.active, stats.resident].map(|bytes| bytes as u64)
}
