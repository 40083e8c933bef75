//! DEBUG subcommands that look at keys: POPULATE, OBJECT, HTSTATS, LISTPACK, DIGEST.

use std::fmt::Write as _;
use std::io::Write as _;

use super::Server;
use crate::base::text::parse_i64;
use crate::command::args::integer;
use crate::command::{Call, CmdError, CmdResult, Done};
use crate::ds::listpack::Packed;
use crate::keyspace::access::idle_seconds;
use crate::keyspace::entry::ObjectFn;
use crate::keyspace::{DbIndex, EntryRef, Ttl, Type, Value};
use crate::persist::rdb::{driver, save};
use crate::types::digest::Digest;
use crate::types::list::{Build, List, ListView};
use crate::types::text::Text;
use crate::types::{Form, View};

/// Stores `prefix:0` to `prefix:count-1`, those that are there already excepted.
pub fn populate(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    let number = |at: usize| parse_i64(args.at(at)).and_then(|n| usize::try_from(n).ok());
    let count = number(2).ok_or(CmdError::NOT_POSITIVE)?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = if args.len() > 4 { Some(number(4).ok_or(CmdError::NOT_POSITIVE)?) } else { None };
    let mut db = srv.keyspace.select(call.session.db, srv.clock.now());
    for i in 0..count {
        let key = [prefix, format!(":{i}").as_bytes()].concat();
        if db.settle(&key) {
            continue;
        }
        let mut value = format!("value:{i}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        db.set(&key, Value::Bytes(&value), Ttl::Clear);
    }
    call.out.ok();
    Ok(Done)
}

/// What there is to know about how a key is kept.
pub fn object(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let now = srv.clock.now();
    let (db, key) = (srv.keyspace.db(call.session.db), call.query.args().at(2));
    // An expired key that nobody has removed yet is shown, too.
    let entry = db.keys.find(db.keys.hash(key), key).ok_or(CmdError::NO_SUCH_KEY)?;
    let (encoding, clock) = (entry.encoding(), entry.clock());
    let idle = idle_seconds(clock, now);
    let (version, compress) = (driver::version(&srv.conf), srv.conf.rdb.compression);
    let bytes = save::value_bytes(entry, version, compress);
    let bytes = bytes.map_err(|error| CmdError::made(format!("ERR {error}")))?;
    // The address is nobody's business, but scripts look for the field.
    call.out.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{bytes} lru:{clock} lru_seconds_idle:{idle}{}",
        entry.of_type::<List>().and_then(ListView::build).map_or(String::new(), chain_fields),
    ));
    Ok(Done)
}

/// How the chain of a long list is built.
fn chain_fields(build: Build) -> String {
    format!(
        " ql_nodes:{} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
        build.nodes,
        build.items as f64 / build.nodes as f64,
        build.fill.value(),
        u8::from(build.is_compressed),
        build.raw_bytes,
    )
}

/// How full the table of a database is, and how many of its keys have deadlines.
pub fn table_stats(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let number = integer(call.query.args().at(2))?;
    let index = u32::try_from(number).ok().filter(|n| *n < srv.keyspace.databases());
    let db = srv.keyspace.db(DbIndex(index.ok_or(CmdError::DEBUG_DB)?));
    let mut text = "[Dictionary HT]\n".to_owned();
    if !db.keys.is_empty() {
        text.push_str(&table_lines(db.keys.table_slots(), db.keys.len()));
    }
    text.push_str("[Expires HT]\n");
    if !db.expiry.is_empty() {
        // They stand in an index, which has no empty slots.
        text.push_str(&table_lines(db.expiry.len(), db.expiry.len()));
    }
    call.out.verbatim(text.as_bytes());
    Ok(Done)
}

/// How full the table of a value is. There are no chains in our tables, so that `full` says no
/// more.
pub fn table_stats_of_key(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let db = srv.keyspace.select(call.session.db, srv.clock.now());
    let entry = db.peek(call.query.args().at(2)).ok_or(CmdError::NO_SUCH_KEY)?;
    let (slots, elements) = entry.object(TableOf).flatten().ok_or(NO_TABLE)?;
    call.out.verbatim(table_lines(slots, elements).as_bytes());
    Ok(Done)
}

const NO_TABLE: CmdError = CmdError::Fixed(
    "ERR The value stored at the specified key is not represented using an hash table",
);

/// What other servers say of a table that is not growing.
fn table_lines(slots: usize, elements: usize) -> String {
    format!(
        "Hash table 0 stats (main hash table):\n table size: {slots}\n number of elements: {elements}\n"
    )
}

/// [`View::table`] as an [`ObjectFn`].
struct TableOf;

impl ObjectFn<Option<(usize, usize)>> for TableOf {
    fn call<V: View>(self, view: V) -> Option<(usize, usize)> {
        view.table()
    }
}

/// Prints the elements of a value that is one listpack. The client only learns that it was done.
pub fn listpack(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let db = srv.keyspace.select(call.session.db, srv.clock.now());
    let entry = db.peek(call.query.args().at(2)).ok_or(CmdError::NO_SUCH_KEY)?;
    let pack = entry.blob().filter(|(form, _)| *form != Form::Ints);
    let (_, blob) = pack.ok_or(CmdError::Fixed("ERR Not a listpack encoded object."))?;
    let pack = Packed::new(blob);
    let mut text = format!("listpack of {} bytes, {} elements\n", blob.len(), pack.len());
    for (index, item) in pack.iter().enumerate() {
        let _ = writeln!(text, "{index}: {}", item.to_vec().escape_ascii());
    }
    // Where nobody reads there is nobody to be told.
    let _ = std::io::stdout().write_all(text.as_bytes());
    call.out.simple("Listpack structure printed on stdout");
    Ok(Done)
}

/// One digest for all that there is.
pub fn digest(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let mut all = Digest::default();
    for index in 0..srv.keyspace.databases() {
        let db = srv.keyspace.db(DbIndex(index));
        if db.keys.is_empty() {
            continue;
        }
        all.mix(&index.to_be_bytes());
        for entry in db.keys.iter() {
            let mut one = Digest::default();
            one.mix(entry.key());
            take_value_in(&mut one, entry);
            all.xor_in(one.bytes());
        }
    }
    call.out.simple(&all.to_string());
    Ok(Done)
}

/// One digest for each of the given keys; zeros for one that is not there.
pub fn digest_values(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let db = srv.keyspace.select(call.session.db, srv.clock.now());
    let keys = call.query.args().from(2);
    call.out.array(keys.len());
    for key in keys {
        let mut one = Digest::default();
        if let Some(entry) = db.peek(key) {
            take_value_in(&mut one, entry);
        }
        call.out.simple(&one.to_string());
    }
    Ok(Done)
}

/// A value in a digest: its type, its content, and whether it stays for good.
fn take_value_in(digest: &mut Digest, entry: EntryRef<'_>) {
    let number: u32 = match entry.value_type() {
        Type::String => 0,
        Type::List => 1,
        Type::Set => 2,
        Type::Zset => 3,
        Type::Hash => 4,
        Type::Stream => 6,
    };
    digest.mix(&number.to_be_bytes());
    if let Some(text) = entry.text() {
        digest.mix(text.bytes(&mut Vec::new()));
    } else {
        entry.object(ContentIn(digest));
    }
    if entry.deadline().is_some() {
        digest.xor_in(b"!!expire!!");
    }
}

/// [`View::digest`] as an [`ObjectFn`].
struct ContentIn<'a>(&'a mut Digest);

impl ObjectFn<()> for ContentIn<'_> {
    fn call<V: View>(self, view: V) {
        view.digest(self.0);
    }
}

/// Length and room of a string, by the names that scripts know.
pub fn string_room(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let db = srv.keyspace.select(call.session.db, srv.clock.now());
    let entry = db.peek(call.query.args().at(2)).ok_or(CmdError::NO_SUCH_KEY)?;
    let (len, room) = match entry.text() {
        Some(Text::Bytes(bytes)) => (bytes.len(), bytes.len()),
        Some(Text::Big(bytes)) => (bytes.len(), bytes.capacity()),
        Some(Text::Int(_)) | None => return Err(CmdError::made("ERR Not an sds encoded string.")),
    };
    let (key, bytes, spare) = (entry.key().len(), entry.memory_bytes(), room - len);
    call.out.simple(&format!(
        "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{len}, val_sds_avail:{spare}, \
         val_zmalloc: {bytes}"
    ));
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::config::Guard;
    use crate::server::testing::TestServer;

    #[test]
    fn populated_keys_have_a_digest_of_their_own() {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = Guard::Yes;
        assert_eq!(t.run("DEBUG DIGEST"), format!("+{}\r\n", "0".repeat(40)));
        assert_eq!(t.run("DEBUG POPULATE 3"), "+OK\r\n");
        assert_eq!(t.run("GET key:2"), "$7\r\nvalue:2\r\n");
        let digest = t.run("DEBUG DIGEST");
        t.run("DEBUG POPULATE 5 foo 20");
        assert_eq!(t.run("STRLEN foo:4"), ":20\r\n");
        assert_ne!(t.run("DEBUG DIGEST"), digest);
        t.run("UNLINK foo:0 foo:1 foo:2 foo:3 foo:4");
        assert_eq!(t.run("DEBUG DIGEST"), digest, "the same data, the same digest");
        t.run("SET key:1 other");
        assert_ne!(t.run("DEBUG DIGEST"), digest);
        assert_eq!(t.run("DEBUG POPULATE -1"), "-ERR value is out of range, must be positive\r\n");
        assert_eq!(t.run("DEBUG OBJECT nokey"), "-ERR no such key\r\n");
        assert!(t.run("DEBUG OBJECT key:0").contains("encoding:embstr"));
        assert!(t.run("DEBUG HTSTATS 0").contains("number of elements: 3\n"));
        assert_eq!(t.run("DEBUG HTSTATS 99"), "-ERR Out of range database\r\n");
        assert!(
            t.run("DEBUG DIGEST-VALUE key:0 nokey")
                .ends_with("+0000000000000000000000000000000000000000\r\n")
        );
        assert!(t.run("DEBUG SDSLEN key:0").contains("val_sds_len:7"));
    }

    /// It was the size in memory.
    #[test]
    fn the_serialized_length_is_the_size_in_a_snapshot() {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = Guard::Yes;
        for (line, length) in [
            ("SET i 1", 2),
            ("SET s abc", 4),
            ("RPUSH l a b c", 19),
            ("SADD st 1 2 3", 15),
            ("HSET h a 1 b 2", 18),
            ("ZADD z 1 a 2 b", 18),
        ] {
            t.run(line);
            let key = line.split(' ').nth(1).expect("a key");
            let answer = t.run(&format!("DEBUG OBJECT {key}"));
            assert!(answer.contains(&format!(" serializedlength:{length} ")), "{line}: {answer}");
        }
        // Compressed: what DUMP answers, less the type, the version and the checksum.
        t.run(&format!("SET big {}", "a".repeat(100)));
        assert!(t.run("DUMP big").starts_with("$24\r\n"));
        let answer = t.run("DEBUG OBJECT big");
        assert!(answer.contains(" serializedlength:13 "), "{answer}");
    }

    #[test]
    fn tables_and_listpacks_tell_of_themselves() {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = Guard::Yes;
        t.run("CONFIG SET zset-max-listpack-entries 1");
        for line in ["RPUSH l a 1", "SADD ints 1 2", "SET s x", "ZADD z 1 a 2 b", "HSET h f v"] {
            t.run(line);
        }
        assert!(t.run("DEBUG HTSTATS 5").ends_with("\r\n[Dictionary HT]\n[Expires HT]\n\r\n"));
        assert!(t.run("DEBUG HTSTATS-KEY z full").contains(" number of elements: 2\n"));
        for key in ["l", "ints", "s", "h"] {
            let answer = t.run(&format!("DEBUG HTSTATS-KEY {key}"));
            assert!(
                answer.starts_with("-ERR The value stored at the specified key is not"),
                "{key}"
            );
        }
        for (key, is_one) in [("l", true), ("h", true), ("ints", false), ("s", false), ("z", false)]
        {
            let answer = t.run(&format!("DEBUG LISTPACK {key}"));
            assert_eq!(answer == "+Listpack structure printed on stdout\r\n", is_one, "{key}");
        }
        assert_eq!(t.run("DEBUG LISTPACK nokey"), "-ERR no such key\r\n");
    }

    /// The values stand in the fact sheet; they were asked from live servers of all releases.
    #[test]
    fn digests_are_those_of_other_servers() {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = Guard::Yes;
        t.run("SET k v");
        assert_eq!(t.run("DEBUG DIGEST"), "+264ccf65edec66bccfa7cc659414ccca432057d2\r\n");
        let value = t.run("DEBUG DIGEST-VALUE k");
        assert_eq!(value, "*1\r\n+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f\r\n");
        t.run("EXPIRE k 1000");
        let value = t.run("DEBUG DIGEST-VALUE k");
        assert_eq!(value, "*1\r\n+311b17018163335616e089f6b951c82c477335ac\r\n");
    }
}
