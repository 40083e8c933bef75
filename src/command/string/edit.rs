//! String commands on parts of a value: ranges, appending, length.

use super::super::key_spec::key_flag::{ACCESS, INSERT, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::value_of;
use crate::command::args::integer;
use crate::keyspace::{Event, Ttl};
use crate::types::text::Text;

/// Refuses strings beyond `proto-max-bulk-len`.
fn check_len(cx: &Cx<'_>, len: Option<usize>) -> Result<usize, CmdError> {
    len.filter(|len| *len as u64 <= cx.conf.proto.max_bulk_len).ok_or(CmdError::STRING_TOO_LONG)
}

pub static GETRANGE: Command = Command::data("getrange", getrange)
    .arity(4)
    .flags(flag::READONLY)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.4.0")
    .summary("Answers a part of the string at a key.")
    .complexity("O(N) for N bytes returned, which for short ranges is as good as O(1).")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("start"), Arg::integer("end")]);

fn getrange(cx: &mut Cx<'_>) -> CmdResult {
    let (start, end) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let (mut buffer, mut part) = (Vec::new(), &b""[..]);
    let text = cx.db.get::<Text>(cx.args.at(1))?;
    if let Some(text) = text {
        let bytes = text.bytes(&mut buffer);
        part = range(bytes.len(), start, end).map_or(b"", |range| &bytes[range]);
    }
    cx.out.bulk(part);
    Ok(Done)
}

/// The bytes that two offsets mean, both inclusive, negative ones counting from the end.
fn range(len: usize, start: i64, end: i64) -> Option<std::ops::Range<usize>> {
    let len = len as i64;
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let from = |offset: i64| if offset < 0 { (len + offset).max(0) } else { offset };
    // Compat: an end before the beginning means the first byte.
    let (start, end) = (from(start.max(-len)), from(end.max(-len)).min(len - 1));
    (len > 0 && start <= end).then(|| start as usize..end as usize + 1)
}

pub static SUBSTR: Command = Command::data("substr", substr)
    .arity(4)
    .flags(flag::READONLY)
    .categories(category::STRING)
    .group(Group::String)
    .since("1.0.0")
    .summary("Answers a part of the string at a key; an old name of GETRANGE.")
    .complexity("O(N) for N bytes returned, which for short ranges is as good as O(1).")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("start"), Arg::integer("end")])
    .deprecated("2.0.0", "`GETRANGE`");

fn substr(cx: &mut Cx<'_>) -> CmdResult {
    getrange(cx)
}

pub static SETRANGE: Command = Command::data("setrange", setrange)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.2.0")
    .summary("Overwrites a part of the string at a key, adding zeros before it if need be.")
    .complexity("O(M) for the M bytes written: for short values as good as O(1).")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("offset"), Arg::string("value")]);

fn setrange(cx: &mut Cx<'_>) -> CmdResult {
    let (key, bytes) = (cx.args.at(1), cx.args.at(3));
    let offset = integer(cx.args.at(2))?;
    let offset = usize::try_from(offset).map_err(|_| CmdError::OFFSET)?;
    let len = match cx.db.entry_mut(key) {
        None => 0,
        Some(entry) => entry.view().text().ok_or(CmdError::WRONG_TYPE)?.len(),
    };
    if bytes.is_empty() {
        cx.out.uint(len as u64);
        return Ok(Done);
    }
    let end = check_len(cx, offset.checked_add(bytes.len()))?;
    let edited = cx.db.edit_text(key, end, |text| text[offset..end].copy_from_slice(bytes))?;
    cx.db.changed(key, Event::string("setrange"), 1);
    cx.out.uint(edited.len as u64);
    Ok(Done)
}

pub static APPEND: Command = Command::data("append", append)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.0.0")
    .summary("Adds to the end of the string at a key.")
    .complexity("O(1) on average for short values.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("value")]);

fn append(cx: &mut Cx<'_>) -> CmdResult {
    let (key, bytes) = (cx.args.at(1), cx.args.at(2));
    let len = match cx.db.entry_mut(key) {
        None => {
            cx.db.set(key, value_of(cx.args, 2), Ttl::Clear);
            bytes.len()
        }
        Some(entry) => {
            let len = entry.view().text().ok_or(CmdError::WRONG_TYPE)?.len();
            let end = check_len(cx, len.checked_add(bytes.len()))?;
            cx.db.edit_text(key, end, |text| text[len..].copy_from_slice(bytes))?.len
        }
    };
    cx.db.changed(key, Event::string("append"), 1);
    cx.out.uint(len as u64);
    Ok(Done)
}

pub static STRLEN: Command = Command::data("strlen", strlen)
    .arity(2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::STRING)
    .group(Group::String)
    .since("2.2.0")
    .summary("Answers the length of the string at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(0)])
    .args(&[Arg::key("key")]);

fn strlen(cx: &mut Cx<'_>) -> CmdResult {
    let len = cx.db.get::<Text>(cx.args.at(1))?.map_or(0, Text::len);
    cx.out.uint(len as u64);
    Ok(Done)
}
