//! BITOP: one string made of several, bit by bit.

use std::borrow::Cow;

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::ds::bits::{self, Operation};
use crate::keyspace::{EntryRef, Event, Selected};
use crate::types::text::Text;

/// The operations by name.
const OPERATIONS: &[(&str, Operation)] = &[
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Diff),
    ("DIFF1", Operation::Diff1),
    ("ANDOR", Operation::AndOr),
    ("ONE", Operation::One),
];

pub static BITOP: Command = Command::data("bitop", bitop)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("2.6.0")
    .summary("Combines the strings at several keys bit by bit and stores the result.")
    .complexity("O(N)")
    .keys(&[KeySpec::at(2).ow(UPDATE), KeySpec::at(3).range(-1, 1, 0).ro(ACCESS)])
    .args(&[
        Arg::one_of(
            "operation",
            &[
                Arg::pure_token("and", "AND"),
                Arg::pure_token("or", "OR"),
                Arg::pure_token("xor", "XOR"),
                Arg::pure_token("not", "NOT"),
                Arg::pure_token("diff", "DIFF"),
                Arg::pure_token("diff1", "DIFF1"),
                Arg::pure_token("andor", "ANDOR"),
                Arg::pure_token("one", "ONE"),
            ],
        ),
        Arg::key("destkey"),
        Arg::key("key").spec(1).multiple(),
    ]);

fn bitop(cx: &mut Cx<'_>) -> CmdResult {
    let operation = parse(cx)?;
    let target = cx.args.at(2);
    for key in cx.args.from(3) {
        cx.db.get::<Text>(key)?;
    }
    let sources: Vec<Cow<'_, [u8]>> = cx.args.from(3).map(|key| bytes(&cx.db, key)).collect();
    let sources: Vec<&[u8]> = sources.iter().map(|source| &**source).collect();
    let result = bits::combine(operation, &sources);
    let len = result.len();
    if len > 0 {
        cx.db.set_text(target, result);
        cx.db.changed(target, Event::string("set"), 1);
    } else if cx.db.remove_target(target, cx.conf.lazyfree.server_del) {
        cx.db.changed(target, Event::generic("del"), 1);
    }
    cx.out.uint(len as u64);
    Ok(Done)
}

/// The string at a key; nothing if there is none.
fn bytes<'a>(db: &'a Selected<'_>, key: &[u8]) -> Cow<'a, [u8]> {
    match db.peek(key).and_then(EntryRef::text) {
        None => Cow::Borrowed(&[]),
        Some(Text::Big(bytes)) => Cow::Borrowed(bytes),
        Some(Text::Bytes(bytes)) => Cow::Borrowed(bytes),
        Some(text) => Cow::Owned(text.to_vec()),
    }
}

/// The operation, if it can work on as many sources.
fn parse(cx: &Cx<'_>) -> Result<Operation, CmdError> {
    let is_meant = |(name, _): &&(&str, _)| cx.args.is(1, name);
    let (name, operation) = OPERATIONS.iter().find(is_meant).ok_or(CmdError::SYNTAX)?;
    let is_single = cx.args.len() == 4;
    match operation {
        Operation::Not if !is_single => Err(CmdError::BITOP_NOT),
        Operation::Diff | Operation::Diff1 | Operation::AndOr if is_single => {
            Err(CmdError::two_sources(name))
        }
        _ => Ok(*operation),
    }
}
