//! The data as commands: a base of the append-only file for those who want no snapshot
//! (`aof-use-rdb-preamble no`).
//!
//! ```text
//!   [#TS:<now>]   per library: FUNCTION LOAD   SELECT n   per key: the commands of its type, at most 64 elements in each, PEXPIREAT
//!
//!   string  SET            list  RPUSH        set  SADD       sorted set  ZADD
//!   hash    HMSET, and for each field with a deadline HPEXPIREAT key ms FIELDS 1 field
//!   stream  XADD per entry, XSETID, per group XGROUP CREATE, per pending entry XCLAIM, XGROUP CREATECONSUMER
//! ```
//!
//! These are the words of the reference, so that its releases from 7.0 on load the file; those
//! before 7.4 know no deadlines of fields. The driver decides when to write and where.

pub mod driver;

use std::io::{self, Write};

use crc64fast::Digest;

use super::reader::write_checksum;
use crate::base::clock::UnixMillis;
use crate::base::double;
use crate::base::line;
use crate::base::text::text_i64;
use crate::ds::listpack::Item;
use crate::keyspace::{DbIndex, EntryRef, Keyspace, Type};
use crate::persist::dismiss::Dismiss;
use crate::types::View;
use crate::types::hash::{Field, Hash};
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::{Group, Stream, StreamId};
use crate::types::text::Text;
use crate::types::zset::Zset;

/// Elements in one command.
const ITEMS_MAX: usize = 64;
/// Bytes after which the buffer is written.
const PIECE: usize = 256 * 1024;

/// Lines under way.
struct Lines<'a> {
    to: &'a mut dyn Write,
    buf: Vec<u8>,
    checksum: bool,
    /// Bytes that have left the buffer.
    written: u64,
    /// The first failure; after it nothing is written any more.
    failed: Option<io::Error>,
}

impl Lines<'_> {
    fn write_out(&mut self) {
        if self.buf.is_empty() {
            return;
        }
        if self.checksum {
            let (mut digest, bytes) = (Digest::new(), self.buf.len() as u64);
            digest.write(&self.buf);
            write_checksum(&mut self.buf, bytes, digest.sum64());
        }
        if self.failed.is_none() {
            self.failed = self.to.write_all(&self.buf).err();
        }
        self.written += self.buf.len() as u64;
        self.buf.clear();
    }

    fn position(&self) -> u64 {
        self.written + self.buf.len() as u64
    }

    /// Ends a command.
    fn done(&mut self) {
        if self.buf.len() >= PIECE {
            self.write_out();
        }
    }

    fn check(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn command(&mut self, words: &[&[u8]]) {
        line::write(&mut self.buf, words);
        self.done();
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => line::word(&mut self.buf, bytes),
            Item::Int(number) => line::word(&mut self.buf, text_i64(number, &mut [0; 20])),
        }
    }

    /// Begins a command about a key, whose elements come in batches: to be called before each,
    /// `left` counted.
    fn batch(&mut self, (name, key): (&str, &[u8]), index: usize, left: usize, words_each: usize) {
        if index.is_multiple_of(ITEMS_MAX) {
            line::begin(&mut self.buf, 2 + words_each * left.min(ITEMS_MAX));
            line::word(&mut self.buf, name.as_bytes());
            line::word(&mut self.buf, key);
        }
    }

    /// Ends an element of a batch.
    fn batched(&mut self, index: usize, left: usize) {
        if left == 1 || (index + 1).is_multiple_of(ITEMS_MAX) {
            self.done();
        }
    }
}

/// What there is beside the data.
pub struct Form<'a> {
    /// The time to be written in front.
    pub stamp: Option<UnixMillis>,
    /// Whether checksums are written.
    pub checksum: bool,
    /// Sources of libraries of functions.
    pub functions: Vec<&'a [u8]>,
    /// Whether values are let go of that are written.
    pub dismiss: Dismiss,
}

/// Writes all data. `progress` is told how many keys are done.
pub fn write_all(
    keyspace: &Keyspace,
    to: &mut dyn Write,
    form: &Form<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let buf = Vec::with_capacity(2 * PIECE);
    let mut lines = Lines { to, buf, checksum: form.checksum, written: 0, failed: None };
    if let Some(now) = form.stamp {
        lines.buf.extend_from_slice(format!("#TS:{}\r\n", now.seconds()).as_bytes());
    }
    form.functions.iter().for_each(|code| lines.command(&[b"FUNCTION", b"LOAD", code]));
    let mut keys = 0;
    for index in 0..keyspace.databases() {
        let db = keyspace.db(DbIndex(index));
        if db.keys.is_empty() {
            continue;
        }
        lines.command(&[b"SELECT", index.to_string().as_bytes()]);
        for entry in db.keys.iter() {
            let before = lines.position();
            write_key(entry, &mut lines);
            lines.check()?;
            form.dismiss.value(entry, lines.position() - before);
            keys += 1;
            if keys % 1024 == 1 {
                progress(keys);
            }
        }
    }
    lines.write_out();
    lines.check()
}

fn write_key(entry: EntryRef<'_>, lines: &mut Lines<'_>) {
    const TYPE: &str = "its type says so";
    let key = entry.key();
    match entry.value_type() {
        Type::String => write_string(key, entry.text().expect(TYPE), lines),
        Type::List => {
            let list = entry.of_type::<List>().expect(TYPE);
            let (len, mut index) = (list.len(), 0);
            list.visit(0, len, |piece| {
                lines.batch(("RPUSH", key), index, len - index, 1);
                lines.item(piece.item);
                lines.batched(index, len - index);
                index += 1;
            });
        }
        Type::Set => {
            let set = entry.of_type::<Set>().expect(TYPE);
            for (index, member) in set.members().enumerate() {
                let left = set.len() - index;
                lines.batch(("SADD", key), index, left, 1);
                lines.item(member);
                lines.batched(index, left);
            }
        }
        Type::Zset => {
            let (set, mut score_text) = (entry.of_type::<Zset>().expect(TYPE), Vec::new());
            for (index, (member, score)) in set.iter().enumerate() {
                let left = set.len() - index;
                lines.batch(("ZADD", key), index, left, 2);
                score_text.clear();
                double::write_17_digits(&mut score_text, score);
                line::word(&mut lines.buf, &score_text);
                lines.item(member);
                lines.batched(index, left);
            }
        }
        Type::Hash => write_hash(key, entry, lines),
        Type::Stream => write_stream(key, entry.of_type::<Stream>().expect(TYPE), lines),
    }
    if let Some(deadline) = entry.deadline() {
        lines.command(&[b"PEXPIREAT", key, text_i64(deadline.0, &mut [0; 20])]);
    }
}

fn write_string(key: &[u8], text: Text<'_>, lines: &mut Lines<'_>) {
    match text {
        Text::Big(bytes) => lines.command(&[b"SET", key, bytes]),
        Text::Bytes(bytes) => lines.command(&[b"SET", key, bytes]),
        Text::Int(number) => lines.command(&[b"SET", key, text_i64(number, &mut [0; 20])]),
    }
}

fn write_hash(key: &[u8], entry: EntryRef<'_>, lines: &mut Lines<'_>) {
    let hash = entry.of_type::<Hash>().expect("its type says so");
    // Fields with deadlines go one by one, each with its own; the others in batches.
    let mut plain = 0;
    for Field { name, value, deadline } in hash.iter() {
        let Some(deadline) = deadline else {
            plain += 1;
            continue;
        };
        line::begin(&mut lines.buf, 4);
        line::word(&mut lines.buf, b"HMSET");
        line::word(&mut lines.buf, key);
        lines.item(name);
        lines.item(value);
        line::begin(&mut lines.buf, 6);
        line::word(&mut lines.buf, b"HPEXPIREAT");
        line::word(&mut lines.buf, key);
        line::word(&mut lines.buf, text_i64(deadline.0, &mut [0; 20]));
        line::word(&mut lines.buf, b"FIELDS");
        line::word(&mut lines.buf, b"1");
        lines.item(name);
        lines.done();
    }
    let fields = hash.iter().filter(|field| field.deadline.is_none());
    for (index, field) in fields.enumerate() {
        let left = plain - index;
        lines.batch(("HMSET", key), index, left, 2);
        lines.item(field.name);
        lines.item(field.value);
        lines.batched(index, left);
    }
}

fn write_stream(key: &[u8], stream: &Stream, lines: &mut Lines<'_>) {
    if stream.length() == 0 {
        lines.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    let mut entries = stream.entries(StreamId::ZERO, StreamId::MAX, false);
    while let Some(entry) = entries.next_entry() {
        line::begin(&mut lines.buf, 3 + 2 * entry.fields.count());
        line::word(&mut lines.buf, b"XADD");
        line::word(&mut lines.buf, key);
        line::word(&mut lines.buf, entry.id.text().as_bytes());
        for (name, value) in entry.fields {
            lines.item(name);
            lines.item(value);
        }
        lines.done();
    }
    lines.command(&[
        b"XSETID",
        key,
        stream.last_id.text().as_bytes(),
        b"ENTRIESADDED",
        stream.entries_added.to_string().as_bytes(),
        b"MAXDELETEDID",
        stream.max_deleted_id.text().as_bytes(),
    ]);
    stream.groups().iter().for_each(|group| write_group(key, group, lines));
}

fn write_group(key: &[u8], group: &Group, lines: &mut Lines<'_>) {
    let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
    lines.command(&[
        b"XGROUP",
        b"CREATE",
        key,
        &group.name,
        group.last_id.text().as_bytes(),
        b"ENTRIESREAD",
        read.as_bytes(),
    ]);
    for consumer in group.consumers() {
        if consumer.pending().is_empty() {
            lines.command(&[b"XGROUP", b"CREATECONSUMER", key, &group.name, &consumer.name]);
        }
        for (id, ()) in consumer.pending().iter() {
            let Some(pending) = group.pending().get(id) else { continue };
            lines.command(&[
                b"XCLAIM",
                key,
                &group.name,
                &consumer.name,
                b"0",
                id.text().as_bytes(),
                b"TIME",
                text_i64(pending.delivered.0, &mut [0; 20]),
                b"RETRYCOUNT",
                pending.deliveries.to_string().as_bytes(),
                b"JUSTID",
                b"FORCE",
            ]);
        }
    }
}
