//! Elements that go from one list to another.

use super::super::key_spec::key_flag::{ACCESS, DELETE, INSERT};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{SIDES, end, popped, pushed, reply};
use crate::keyspace::WrongType;
use crate::types::list::{Carried, End, List};

pub static LMOVE: Command = Command::data("lmove", lmove)
    .arity(5)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::LIST)
    .group(Group::List)
    .since("6.2.0")
    .summary(
        "Takes an element from an end of a list, puts it at an end of another, and answers it.",
    )
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).rw(INSERT)])
    .args(&[
        Arg::key("source"),
        Arg::key("destination").spec(1),
        Arg::one_of("wherefrom", SIDES),
        Arg::one_of("whereto", SIDES),
    ]);

fn lmove(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to) = (end(cx.args.at(3))?, end(cx.args.at(4))?);
    move_one(cx, from, to)
}

pub static RPOPLPUSH: Command =
    Command::data("rpoplpush", |cx| move_one(cx, End::Back, End::Front))
        .arity(3)
        .flags(flag::WRITE | flag::DENYOOM)
        .categories(category::LIST)
        .group(Group::List)
        .since("1.2.0")
        .summary("Takes the last element of a list, puts it in front of another, and answers it.")
        .complexity("O(1)")
        .keys(&[KeySpec::at(1).rw(ACCESS | DELETE), KeySpec::at(2).rw(INSERT)])
        .args(&[Arg::key("source"), Arg::key("destination").spec(1)])
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments");

fn move_one(cx: &mut Cx<'_>, from: End, to: End) -> CmdResult {
    if !try_move(cx, from, to)? {
        cx.out.null();
    }
    Ok(Done)
}

/// Moves an element from the list of the first argument to that of the second, and answers it.
/// False: there is no source, and no answer yet.
pub fn try_move(cx: &mut Cx<'_>, from: End, to: End) -> Result<bool, CmdError> {
    let (source, target) = (cx.args.at(1), cx.args.at(2));
    if source == target {
        return rotate(cx, source, from, to);
    }
    let Some(entry) = cx.db.entry_mut(source) else { return Ok(false) };
    let list = entry.view().of_type::<List>().ok_or(WrongType)?;
    let carried = list.peek(from).map(Carried::from).expect("a list has elements");
    let (piece, limits) = (carried.piece(), cx.conf.list_rules());
    // A target of another type is noticed before anything is taken.
    let mut list = cx.db.edit_or_create::<List>(target)?;
    list.grow_for(1, piece.item.len(), limits);
    list.push(to, piece, limits);
    drop(list);
    reply(cx.out, piece);
    cx.db.changed(target, pushed(to), 1);
    if let Some(mut list) = cx.db.edit::<List>(source)? {
        list.pop(from);
        list.shrink(limits);
    }
    cx.db.taken_from(source, popped(from), 0);
    Ok(true)
}

/// Moves an element of a list to an end of the same list.
fn rotate(cx: &mut Cx<'_>, key: &[u8], from: End, to: End) -> Result<bool, CmdError> {
    let limits = cx.conf.list_rules();
    let Some(mut list) = cx.db.edit::<List>(key)? else { return Ok(false) };
    let carried = list.peek(from).map(Carried::from).expect("a list has elements");
    let piece = carried.piece();
    list.pop(from);
    list.grow_for(1, piece.item.len(), limits);
    list.push(to, piece, limits);
    list.shrink(limits);
    drop(list);
    reply(cx.out, piece);
    cx.db.changed(key, pushed(to), 1);
    cx.db.announce(key, popped(from));
    Ok(true)
}
