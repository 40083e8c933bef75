//! MEMORY, and of its subcommands the one that asks every part of the server: STATS.

use super::{Figures, pages, ratio};
use crate::base::alloc;
use crate::command::generic::{
    MEMORY_DOCTOR, MEMORY_HELP, MEMORY_MALLOC_STATS, MEMORY_PURGE, MEMORY_USAGE,
};
use crate::command::{Call, CmdResult, Command, Done, Group};
use crate::observe::usage;
use crate::resp::reply::Reply;
use crate::server::{Run, Server};

pub static MEMORY: Command = Command::container(
    "memory",
    &[
        &MEMORY_DOCTOR,
        &MEMORY_HELP,
        &MEMORY_MALLOC_STATS,
        &MEMORY_PURGE,
        &MEMORY_STATS,
        &MEMORY_USAGE,
    ],
)
.arity(-2)
.group(Group::Server)
.since("4.0.0")
.summary("Groups the commands about memory.")
.complexity("Depends on subcommand.");

pub static MEMORY_STATS: Command = Command::server("memory|stats", &Run(memory_stats))
    .arity(2)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Answers the figures of the server's memory.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]);

fn memory_stats(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let now_s = srv.clock.now().seconds();
    let Server { memory, clients, keyspace, aof, script, .. } = &mut **srv;
    let figures = Figures::read(memory, (clients, keyspace), (aof, script), now_s);
    let heap = alloc::Stats::read();
    let out = &mut call.out;
    let map = out.open();
    let mut count = write_parts(out, &figures);
    count += write_sums(out, &figures, keyspace.len() as u64);
    count += write_pages(out, &heap, figures.used);
    out.close_map(map, count);
    Ok(Done)
}

fn int(out: &mut Reply, name: &str, value: u64) {
    out.bulk(name.as_bytes());
    out.uint(value);
}

fn double(out: &mut Reply, name: &str, value: f64) {
    out.bulk(name.as_bytes());
    out.double(value);
}

/// What each part takes. Returns how many fields there are, as the next ones do.
fn write_parts(out: &mut Reply, figures: &Figures) -> usize {
    let ints = [
        ("peak.allocated", figures.peak),
        ("total.allocated", figures.used),
        ("startup.allocated", figures.startup),
        ("replication.backlog", 0),
        ("replica.fullsync.buffer", 0),
        ("clients.slaves", 0),
        ("clients.normal", figures.clients),
        ("cluster.links", 0),
        ("aof.buffer", figures.aof_buffer),
        ("lua.caches", figures.scripts),
        ("functions.caches", figures.libraries),
        ("script.VMs", figures.machines.iter().sum()),
    ];
    ints.iter().for_each(|(name, value)| int(out, name, *value));
    for (index, keys, deadlines) in &figures.tables {
        out.bulk(format!("db.{}", index.0).as_bytes());
        out.map(2);
        int(out, "overhead.hashtable.main", *keys);
        int(out, "overhead.hashtable.expires", *deadlines);
    }
    ints.len() + figures.tables.len()
}

fn write_sums(out: &mut Reply, figures: &Figures, keys: u64) -> usize {
    let ints = [
        ("overhead.db.hashtable.lut", figures.lookup_tables()),
        // Tables grow by a piece at a time, so that none is ever there twice.
        ("overhead.db.hashtable.rehashing", 0),
        ("overhead.total", figures.overhead()),
        ("db.dict.rehashing.count", 0),
        ("keys.count", keys),
        ("keys.bytes-per-key", figures.net().checked_div(keys).unwrap_or(0)),
        ("dataset.bytes", figures.dataset()),
    ];
    ints.iter().for_each(|(name, value)| int(out, name, *value));
    double(out, "dataset.percentage", 100.0 * ratio(figures.dataset(), figures.net()).min(1.0));
    double(out, "peak.percentage", 100.0 * ratio(figures.used, figures.peak));
    ints.len() + 2
}

fn write_pages(out: &mut Reply, heap: &alloc::Stats, used: u64) -> usize {
    let ([allocated, active, mapped], resident) = (pages(heap), usage::resident_bytes() as u64);
    let ints = [
        ("allocator.allocated", allocated),
        ("allocator.active", active),
        ("allocator.resident", mapped),
        ("allocator.muzzy", heap.muzzy as u64),
    ];
    ints.iter().for_each(|(name, value)| int(out, name, *value));
    let ratios = [
        ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes", active, allocated),
        ("allocator-rss.ratio", "allocator-rss.bytes", mapped, active),
        ("rss-overhead.ratio", "rss-overhead.bytes", resident, mapped),
        ("fragmentation", "fragmentation.bytes", resident, used),
    ];
    for (name, difference, large, small) in ratios {
        double(out, name, ratio(large, small));
        out.bulk(difference.as_bytes());
        out.int(large as i64 - small as i64);
    }
    ints.len() + 2 * ratios.len()
}

#[cfg(test)]
mod tests {
    use crate::server::testing::TestServer;

    /// A figure as it is answered in RESP2.
    fn figure(t: &mut TestServer, name: &str) -> u64 {
        let answer = t.run("MEMORY STATS");
        let behind = answer.split_once(&format!("\r\n{name}\r\n:")).expect("the field").1;
        behind.split_once("\r\n").expect("a line").0.parse().expect("a number")
    }

    #[test]
    fn scripts_and_clients_are_part_of_the_overhead() {
        // All of them were 0, whatever there was.
        let mut t = TestServer::new();
        for name in ["lua.caches", "functions.caches", "script.VMs"] {
            assert_eq!(figure(&mut t, name), 0, "{name}");
        }
        t.run("EVAL 'return 1' 0");
        t.run("FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function() return 1 end)\"");
        let names = ["lua.caches", "functions.caches", "script.VMs", "clients.normal"];
        let parts = names.map(|name| figure(&mut t, name));
        assert!(parts.iter().all(|bytes| *bytes > 0), "{parts:?}");
        assert!(parts[2] > 20_000, "two machines with their libraries: {parts:?}");
        t.run("SET k v EX 100");
        let lut = figure(&mut t, "overhead.db.hashtable.lut");
        let (main, expires) = (
            figure(&mut t, "overhead.hashtable.main"),
            figure(&mut t, "overhead.hashtable.expires"),
        );
        assert!(main > 0 && expires > 0 && lut == main + expires, "{lut} {main} {expires}");
        let overhead = figure(&mut t, "overhead.total");
        assert!(overhead > lut + parts.iter().sum::<u64>() - parts[3], "{overhead}");
        t.run("SCRIPT FLUSH SYNC");
        t.run("FUNCTION FLUSH SYNC");
        assert_eq!(figure(&mut t, "script.VMs"), 0);
    }
}
