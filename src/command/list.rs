//! List commands: pushing here; in `list/`: `pop` (LPOP, LMPOP), `look` (LRANGE, LINDEX, LPOS),
//! `edit` (LSET, LINSERT, LREM, LTRIM), `travel` (LMOVE and its kin), `blocking` (those that wait).
//!
//! A list is turned into another encoding where Redis does it: before elements are added
//! ([`List::grow_for`]) and after some were taken away or replaced ([`List::shrink`]), see
//! `types::list`.

mod blocking;
mod edit;
mod look;
mod pop;
#[cfg(test)]
mod tests;
mod travel;

pub use blocking::{BLMOVE, BLMPOP, BLPOP, BRPOP, BRPOPLPUSH};
pub use edit::{LINSERT, LREM, LSET, LTRIM};
pub use look::{LINDEX, LLEN, LPOS, LRANGE};
pub use pop::{LMPOP, LPOP, RPOP};
pub use travel::{LMOVE, RPOPLPUSH};

use super::key_spec::key_flag::INSERT;
use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag, string};
use crate::ds::listpack::Item;
use crate::keyspace::Event;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::list::{End, List, Piece};

/// The limits that the options mean.
#[inline]
/// The element that an argument gives.
fn piece(args: Args<'_>, index: usize) -> Piece<'_> {
    Piece { item: Item::of(args.at(index)), shared: args.big(index) }
}

/// Answers with an element.
#[inline]
fn reply(out: &mut Reply, piece: Piece<'_>) {
    string::reply(out, piece.into());
}

/// LEFT or RIGHT, in the grammar of a command.
const SIDES: &[Arg] = &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")];

/// LEFT or RIGHT.
fn end(word: &[u8]) -> Result<End, CmdError> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(End::Front)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(End::Back)
    } else {
        Err(CmdError::SYNTAX)
    }
}

/// What is told of an element that came to an end.
const fn pushed(end: End) -> Event {
    match end {
        End::Front => Event::list("lpush"),
        End::Back => Event::list("rpush"),
    }
}

/// What is told of an element that left an end.
const fn popped(end: End) -> Event {
    match end {
        End::Front => Event::list("lpop"),
        End::Back => Event::list("rpop"),
    }
}

/// The positions that a range of indexes means in a list of some length, if there are any: first
/// and number. Negative indexes count from the end.
fn range(start: i64, stop: i64, len: usize) -> Option<(usize, usize)> {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_front(start).max(0), from_front(stop).min(len - 1));
    (start <= stop).then(|| (start as usize, (stop - start + 1) as usize))
}

/// Adds all elements of a call to an end, one after the other.
#[inline]
fn push(cx: &mut Cx<'_>, end: End, must_exist: bool) -> CmdResult {
    let (key, limits, count) = (cx.args.at(1), cx.conf.list_rules(), cx.args.len() - 2);
    let mut list = if must_exist {
        let Some(list) = cx.db.edit::<List>(key)? else {
            cx.out.int(0);
            return Ok(Done);
        };
        list
    } else {
        cx.db.edit_or_create::<List>(key)?
    };
    list.grow_for(count, cx.args.from(2).map(<[u8]>::len).sum(), limits);
    for index in 2..cx.args.len() {
        list.push(end, piece(cx.args, index), limits);
    }
    cx.out.uint(list.len() as u64);
    drop(list);
    cx.db.changed(key, pushed(end), count as u64);
    Ok(Done)
}

pub static LPUSH: Command = Command::data("lpush", |cx| push(cx, End::Front, false))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Puts elements in front of a list, which is created if there is none.")
    .complexity("O(1) for each element, so O(N) for N of them in one call.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("element").multiple()])
    .history(&[("2.4.0", "Several elements at once.")]);

pub static LPUSHX: Command = Command::data("lpushx", |cx| push(cx, End::Front, true))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.2.0")
    .summary("Puts elements in front of a list if there is one.")
    .complexity("O(1) for each element, so O(N) for N of them in one call.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("element").multiple()])
    .history(&[("4.0.0", "Several elements at once.")]);

pub static RPUSH: Command = Command::data("rpush", |cx| push(cx, End::Back, false))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Puts elements at the end of a list, which is created if there is none.")
    .complexity("O(1) for each element, so O(N) for N of them in one call.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("element").multiple()])
    .history(&[("2.4.0", "Several elements at once.")]);

pub static RPUSHX: Command = Command::data("rpushx", |cx| push(cx, End::Back, true))
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("2.2.0")
    .summary("Puts elements at the end of a list if there is one.")
    .complexity("O(1) for each element, so O(N) for N of them in one call.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("element").multiple()])
    .history(&[("4.0.0", "Several elements at once.")]);
