//! Values: which number of type says how a value is kept, and its bytes.
//!
//! ```text
//!   string                     text
//!   listpack, intset           the blob as a string             16 17 18 20 11
//!   list of several nodes      count  (container blob)*         18
//!   set                        count  member*                   2
//!   sorted set                 count  (member score)*           5       from the last to the first
//!   hash                       count  (field value)*            4
//!   hash with deadlines        earliest  count  (ttl field value)*      24      25: earliest blob
//!                              count  (field value deadline)*           22      in version 80
//!   stream                     see `stream`                     19 21
//! ```
//!
//! [`kind_of`] decides, [`lowest_version`] what a reader must know for it. A set in a listpack is
//! written element by element where the version has no word for it.

use std::io;

use super::Writer;
use super::stream;
use crate::ds::quicklist::Content;
use crate::keyspace::{EntryRef, Type};
use crate::persist::rdb::format::{container, kind, version};
use crate::types::hash::{Hash, HashView};
use crate::types::list::{List, ListView};
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::text::Text;
use crate::types::zset::Zset;
use crate::types::{Form, View};

/// The version cannot say what the value is.
fn cannot() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the pinned version of snapshots cannot hold fields that expire",
    )
}

/// The lowest version that holds a value.
pub fn lowest_version(entry: EntryRef<'_>) -> u16 {
    if entry.part_deadline().is_some() {
        return version::REDIS_7_4;
    }
    match entry.of_type::<Stream>() {
        Some(stream) if stream::needs_active_times(stream) => version::REDIS_7_2,
        _ => version::REDIS_7_0,
    }
}

/// The number of type that a value is saved as.
fn kind_of(entry: EntryRef<'_>, version: u16) -> io::Result<u8> {
    Ok(match (entry.value_type(), entry.blob().map(|(form, _)| form)) {
        (Type::String, _) => kind::STRING,
        (Type::List, _) => kind::QUICKLIST_2,
        (Type::Set, Some(Form::Ints)) => kind::SET_INTSET,
        (Type::Set, Some(_)) if version >= version::REDIS_7_2 => kind::SET_LISTPACK,
        (Type::Set, _) => kind::SET,
        (Type::Zset, Some(_)) => kind::ZSET_LISTPACK,
        (Type::Zset, None) => kind::ZSET,
        (Type::Hash, Some(Form::Hash)) => kind::HASH_LISTPACK,
        (Type::Hash, form) => match (entry.part_deadline(), version) {
            (_, version::REDIS_7_4..=version::FOREIGN_MAX) if form.is_some() => {
                kind::HASH_LISTPACK_TTL
            }
            (None, _) => kind::HASH,
            (Some(_), version::REDIS_7_4..=version::FOREIGN_MAX) => kind::HASH_TTL,
            (Some(_), version::VALKEY_9..) => kind::HASH_TTL_22,
            (Some(_), _) => return Err(cannot()),
        },
        (Type::Stream, _) if version >= version::REDIS_7_2 => kind::STREAM_3,
        (Type::Stream, _) => kind::STREAM_2,
    })
}

/// What stands for a key without a name: type and value, for a payload.
pub fn unnamed(entry: EntryRef<'_>, version: u16, w: &mut Writer<'_>) -> io::Result<()> {
    let kind = kind_of(entry, version)?;
    w.byte(kind);
    value(entry, kind, w)
}

/// Type, name and value.
pub fn named(entry: EntryRef<'_>, version: u16, w: &mut Writer<'_>) -> io::Result<()> {
    let kind = kind_of(entry, version)?;
    w.byte(kind);
    w.string(entry.key())?;
    value(entry, kind, w)
}

fn value(entry: EntryRef<'_>, kind: u8, w: &mut Writer<'_>) -> io::Result<()> {
    match kind {
        kind::STRING => match entry.text() {
            Some(Text::Int(number)) => w.integer(number),
            Some(Text::Bytes(bytes)) => w.string(bytes),
            Some(Text::Big(bytes)) => w.string(bytes),
            None => unreachable!("its type says so"),
        },
        kind::SET_INTSET | kind::SET_LISTPACK | kind::ZSET_LISTPACK | kind::HASH_LISTPACK => {
            w.string(blob(entry))
        }
        kind::HASH_LISTPACK_TTL => {
            w.millis(entry.part_deadline().map_or(0, |at| at.0));
            w.string(blob(entry))
        }
        kind::QUICKLIST_2 => list(entry.of_type::<List>().expect(TYPE), w),
        kind::SET => {
            let set = entry.of_type::<Set>().expect(TYPE);
            w.length(set.len() as u64);
            set.members().try_for_each(|member| w.item(member))
        }
        kind::ZSET => {
            let set = entry.of_type::<Zset>().expect(TYPE);
            w.length(set.len() as u64);
            let mut all = set.range(0..set.len(), true);
            all.try_for_each(|(member, score)| {
                w.item(member)?;
                w.double(score);
                Ok(())
            })
        }
        kind::HASH | kind::HASH_TTL | kind::HASH_TTL_22 => {
            hash(entry.of_type::<Hash>().expect(TYPE), kind, w)
        }
        _ => stream::save(entry.of_type::<Stream>().expect(TYPE), kind, w),
    }
}

/// Kinds are told by the type.
const TYPE: &str = "the number of type follows from the type";

fn blob(entry: EntryRef<'_>) -> &[u8] {
    entry.blob().map(|(_, blob)| blob).expect("these kinds are of blobs")
}

fn list(list: ListView<'_>, w: &mut Writer<'_>) -> io::Result<()> {
    let quick = match list {
        ListView::Packed(pack) => {
            w.length(1);
            w.length(container::PACKED);
            return w.string(pack.bytes());
        }
        ListView::Quick(quick) => quick,
    };
    let (count, mut nodes) = quick.nodes();
    w.length(count as u64);
    nodes.try_for_each(|node| {
        w.length(if node.is_plain() { container::PLAIN } else { container::PACKED });
        if let Some(packed) = node.squeezed() {
            return w.squeezed_before(packed, node.raw_bytes());
        }
        match node.content() {
            Content::Packed(bytes) | Content::Plain(bytes, _) => w.string(&bytes),
        }
    })
}

fn hash(hash: HashView<'_>, kind: u8, w: &mut Writer<'_>) -> io::Result<()> {
    let earliest = hash.deadline().map_or(0, |at| at.0);
    if kind == kind::HASH_TTL {
        w.millis(earliest);
    }
    w.length(hash.len() as u64);
    hash.iter().try_for_each(|field| {
        if kind == kind::HASH_TTL {
            // One more, so that zero says that there is none.
            w.length(field.deadline.map_or(0, |at| (at.0 - earliest) as u64 + 1));
        }
        w.item(field.name)?;
        w.item(field.value)?;
        if kind == kind::HASH_TTL_22 {
            w.millis(field.deadline.map_or(-1, |at| at.0));
        }
        Ok(())
    })
}
