//! Commands on keys of any type: deleting, looking, renaming, copying, moving, emptying.
//!
//! In `generic/`: `expire` (times to live), `scan` (KEYS, SCAN, RANDOMKEY), `object` and `memory`
//! (introspection).

mod expire;
mod memory;
mod migrate;
mod object;
pub mod scan;
#[cfg(test)]
mod tests;

pub use expire::{
    Conditions, EXPIRE, EXPIREAT, EXPIRETIME, PERSIST, PEXPIRE, PEXPIREAT, PEXPIRETIME, PTTL, TTL,
};
pub use memory::{MEMORY_DOCTOR, MEMORY_HELP, MEMORY_MALLOC_STATS, MEMORY_PURGE, MEMORY_USAGE};
pub use migrate::{MIGRATE, migrate};
pub use object::OBJECT;
pub use scan::{KEYS, RANDOMKEY, SCAN};

use super::key_spec::key_flag::{ACCESS, DELETE, INSERT, UPDATE};
use super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Outcome, Reach, Wait, category,
    flag,
};
use crate::command::args::{integer32, lazily};
use crate::keyspace::lazyfree::Freeing;
use crate::keyspace::{DbIndex, Entry, Event, Keyspace, Meta};
use crate::persist::rdb::commands as rdb;
use crate::resp::request::Args;
use crate::server::Run;

const DEL_EVENT: Event = Event::generic("del");

pub static DEL: Command = Command::data("del", del)
    .arity(-2)
    .flags(flag::WRITE)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Deletes keys.")
    .complexity(
        "O(N) for N keys that hold strings; a collection adds as many steps as it has elements.",
    )
    .keys(&[KeySpec::at(1).range(-1, 1, 0).rm(DELETE)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]);

fn del(cx: &mut Cx<'_>) -> CmdResult {
    delete(cx, cx.conf.lazyfree.user_del)
}

pub static UNLINK: Command = Command::data("unlink", unlink)
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("4.0.0")
    .summary("Deletes keys; large values are freed in the background.")
    .complexity("O(1) a key, however large; a background thread then frees the N pieces of its value in O(N).")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).rm(DELETE)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]);

fn unlink(cx: &mut Cx<'_>) -> CmdResult {
    delete(cx, true)
}

fn delete(cx: &mut Cx<'_>, lazily: bool) -> CmdResult {
    let mut count = 0;
    cx.db.fetch_ahead(cx.args.from(1));
    for key in cx.args.from(1) {
        if cx.db.remove(key, lazily) {
            cx.db.changed(key, DEL_EVENT, 1);
            count += 1;
        }
    }
    cx.out.int(count);
    Ok(Done)
}

pub static EXISTS: Command = Command::data("exists", exists)
    .arity(-2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Counts how many of the given keys exist.")
    .complexity("O(N) for N keys asked about.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(0)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .history(&[("3.0.3", "Several keys at once.")]);

fn exists(cx: &mut Cx<'_>) -> CmdResult {
    count_existing(cx, true)
}

fn count_existing(cx: &mut Cx<'_>, no_touch: bool) -> CmdResult {
    cx.db.no_touch = no_touch;
    let mut count = 0;
    cx.db.each_entry(cx.args.from(1), |entry| count += u64::from(entry.is_some()));
    cx.out.uint(count);
    Ok(Done)
}

pub static TOUCH: Command = Command::data("touch", touch)
    .arity(-2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("3.2.1")
    .summary("Counts how many of the given keys exist and notes the access.")
    .complexity("O(N) for N keys named.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).ro(0)])
    .args(&[Arg::key("key").multiple()])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]);

fn touch(cx: &mut Cx<'_>) -> CmdResult {
    count_existing(cx, false)
}

pub static TYPE: Command = Command::data("type", type_key)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers the type of the value at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn type_key(cx: &mut Cx<'_>) -> CmdResult {
    cx.db.no_touch = true;
    let name = cx.db.entry(cx.args.at(1)).map_or("none", |entry| entry.value_type().name());
    cx.out.simple(name);
    Ok(Done)
}

pub static RENAME: Command = Command::data("rename", rename)
    .arity(3)
    .flags(flag::WRITE)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Gives a key another name, replacing what had it.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).ow(UPDATE)])
    .args(&[Arg::key("key"), Arg::key("newkey").spec(1)]);

fn rename(cx: &mut Cx<'_>) -> CmdResult {
    move_name(cx)?;
    cx.out.ok();
    Ok(Done)
}

pub static RENAMENX: Command = Command::data("renamenx", renamenx)
    .arity(3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Gives a key another name unless that exists.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).ow(INSERT)])
    .args(&[Arg::key("key"), Arg::key("newkey").spec(1)])
    .history(&[("3.2.0", "No error when both names are the same.")]);

fn renamenx(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to) = (cx.args.at(1), cx.args.at(2));
    let exists = cx.db.settle(from);
    let free = exists && from != to && !cx.db.settle(to);
    if !exists {
        return Err(CmdError::NO_SUCH_KEY);
    }
    if free {
        move_name(cx)?;
    }
    cx.out.flag(free);
    Ok(Done)
}

fn move_name(cx: &mut Cx<'_>) -> Result<(), CmdError> {
    let (from, to) = (cx.args.at(1), cx.args.at(2));
    if !cx.db.settle(from) {
        return Err(CmdError::NO_SUCH_KEY);
    }
    if from != to {
        let replaced = cx.db.rename(from, to);
        cx.db.touched(from, 1);
        cx.db.touched(to, 0);
        cx.db.announce(from, Event::generic("rename_from"));
        cx.db.announce(to, Event::generic("rename_to"));
        cx.db.announce_replaced(to, replaced);
    }
    Ok(())
}

/// The database that a word names.
pub fn database(keyspace: &Keyspace, word: &[u8]) -> Result<DbIndex, CmdError> {
    let number = integer32(word)?;
    let index = u32::try_from(number).ok().filter(|n| *n < keyspace.databases());
    index.map(DbIndex).ok_or(CmdError::DB_INDEX)
}

pub static COPY: Command = Command::data("copy", copy)
    .reach(Reach::Copy)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("6.2.0")
    .summary("Copies the value at a key to another key.")
    .complexity("O(1) for strings, O(N) at worst for a collection of N elements.")
    .keys(&[KeySpec::at(1).ro(ACCESS), KeySpec::at(2).ow(UPDATE)])
    .args(&[
        Arg::key("source"),
        Arg::key("destination").spec(1),
        Arg::integer("destination-db").token("DB").optional(),
        Arg::pure_token("replace", "REPLACE").optional(),
    ]);

/// Where COPY copies to, called in a database, and whether it may replace a key there.
pub fn copy_options(
    args: Args<'_>,
    here: DbIndex,
    keyspace: &Keyspace,
) -> Result<(DbIndex, bool), CmdError> {
    let (mut target, mut replace, mut at) = (here, false, 3);
    while at < args.len() {
        if args.is(at, "REPLACE") {
            replace = true;
        } else if args.is(at, "DB") && at + 1 < args.len() {
            at += 1;
            target = database(keyspace, args.at(at))?;
        } else {
            return Err(CmdError::SYNTAX);
        }
        at += 1;
    }
    Ok((target, replace))
}

fn copy(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to) = (cx.args.at(1), cx.args.at(2));
    let (target, replace) = copy_options(cx.args, cx.db.index, cx.db.keyspace)?;
    if from == to && target == cx.db.index {
        return Err(CmdError::SAME_OBJECT);
    }
    let clock = cx.db.keyspace.tuning.policy.fresh(cx.now);
    let copied = cx.db.entry(from).map(|entry| {
        let meta = Meta { clock, ..entry.meta() };
        Entry::new(to, entry.copy_value(), meta)
    });
    let Some(entry) = copied else {
        cx.out.flag(false);
        return Ok(Done);
    };
    let mut db = cx.db.beside(target);
    let stored = replace || !db.settle(to);
    if stored {
        let replaced = db.put(entry);
        db.changed(to, Event::generic("copy_to"), 1);
        db.announce_replaced(to, replaced);
    }
    cx.out.flag(stored);
    Ok(Done)
}

pub static MOVE: Command = Command::data("move", move_key)
    .reach(Reach::Move)
    .arity(3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Moves a key to another database unless it exists there.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("db")]);

fn move_key(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let target = database(cx.db.keyspace, cx.args.at(2))?;
    if target == cx.db.index {
        return Err(CmdError::SAME_OBJECT);
    }
    let exists = cx.db.settle(key);
    let moved = exists && !cx.db.beside(target).settle(key);
    if moved && let Some(entry) = cx.db.take(key) {
        cx.db.beside(target).put_moved(entry);
        cx.db.changed(key, Event::generic("move_from"), 1);
        let mut db = cx.db.beside(target);
        db.changed(key, Event::generic("move_to"), 0);
    }
    cx.out.flag(moved);
    Ok(Done)
}

pub static SWAPDB: Command = Command::data("swapdb", swapdb)
    .reach(Reach::Swap)
    .arity(3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Exchanges two databases.")
    .complexity("O(N) for N clients that watch keys of the two databases or wait for them.")
    .args(&[Arg::integer("index1"), Arg::integer("index2")]);

fn swapdb(cx: &mut Cx<'_>) -> CmdResult {
    integer32(cx.args.at(1)).map_err(|_| CmdError::FIRST_DB)?;
    integer32(cx.args.at(2)).map_err(|_| CmdError::SECOND_DB)?;
    let named = |at| database(cx.db.keyspace, cx.args.at(at));
    let (a, b) = (named(1)?, named(2)?);
    if a != b {
        cx.db.keyspace.swap(a, b, cx.now);
    }
    cx.db.keyspace.dirty += 1;
    cx.out.ok();
    Ok(Done)
}

pub static DBSIZE: Command = Command::data("dbsize", dbsize)
    .arity(1)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::KEYSPACE)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Counts the keys of the database.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"]);

fn dbsize(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.uint(cx.db.len() as u64);
    Ok(Done)
}

/// Who frees what is flushed: a thread, or the command itself.
const FLUSH_TYPE: Arg = Arg::one_of(
    "flush-type",
    &[
        Arg::pure_token("async", "ASYNC").since("4.0.0"),
        Arg::pure_token("sync", "SYNC").since("6.2.0"),
    ],
)
.optional();

const FLUSH_TYPES_CAME: &[(&str, &str)] =
    &[("4.0.0", "The mode `ASYNC`."), ("6.2.0", "The mode `SYNC`.")];

pub static FLUSHDB: Command = Command::data("flushdb", flushdb)
    .reach(Reach::Flush)
    .arity(-1)
    .flags(flag::WRITE)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Deletes all keys of the database.")
    .complexity("O(N) for N keys in this database.")
    .args(&[FLUSH_TYPE])
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .history(FLUSH_TYPES_CAME);

fn flushdb(cx: &mut Cx<'_>) -> CmdResult {
    let lazily = flush_lazily(cx)?;
    let index = cx.db.index;
    flush(cx, index.0..index.0 + 1, lazily)
}

// Snapshots have a part in it.
pub static FLUSHALL: Command = Command::server("flushall", &Run(rdb::flushall))
    .reach(Reach::FlushAll)
    .arity(-1)
    .flags(flag::WRITE)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Deletes all keys of all databases.")
    .complexity("O(N) for N keys everywhere.")
    .args(&[FLUSH_TYPE])
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .history(FLUSH_TYPES_CAME);

/// What FLUSHALL does to the data.
pub fn flushall(cx: &mut Cx<'_>) -> CmdResult {
    let lazily = flush_lazily(cx)?;
    let all = 0..cx.db.keyspace.databases();
    flush(cx, all, lazily)
}

fn flush_lazily(cx: &Cx<'_>) -> Result<bool, CmdError> {
    lazily(cx.args, 1, cx.conf.lazyfree.user_flush).ok_or(CmdError::SYNTAX)
}

/// A client that can wait is answered when the thread has freed what is large; others are served
/// meanwhile.
fn flush(cx: &mut Cx<'_>, databases: std::ops::Range<u32>, lazily: bool) -> CmdResult {
    let freeing = match (lazily, cx.may_wait) {
        (true, _) => Freeing::Lazily,
        (false, true) => Freeing::Awaited,
        (false, false) => Freeing::Here,
    };
    let sent_before = cx.db.keyspace.lazyfree.sent();
    for index in databases {
        cx.db.keyspace.dirty += cx.db.keyspace.flush(DbIndex(index), freeing) as u64;
    }
    // Told even if there was nothing: a replica may have more than we know of.
    cx.fx.force();
    if freeing == Freeing::Awaited {
        let lazyfree = &cx.db.keyspace.lazyfree;
        let sent = lazyfree.sent();
        if sent > sent_before && !lazyfree.await_done(sent) {
            return Ok(Outcome::Wait(Wait::for_freeing(sent)));
        }
        // Compat: there each such client waits for the thread; whatever else is to be said has been
        // said by then.
        cx.fx.answer_last();
    }
    cx.out.ok();
    Ok(Done)
}
