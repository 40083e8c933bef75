//! Taking elements from an end of a list.

use super::super::args::integer_or;
use super::super::key_spec::key_flag::{ACCESS, DELETE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{SIDES, end, popped, reply};
use crate::keyspace::Type;
use crate::types::list::{End, List};
use crate::types::{Object, View};

pub static LPOP: Command = Command::data("lpop", |cx| pop(cx, End::Front))
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Takes elements from the front of a list and answers them.")
    .complexity("O(N) for N elements taken.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count").since("6.2.0").optional()])
    .history(&[("6.2.0", "The argument `count`.")]);

pub static RPOP: Command = Command::data("rpop", |cx| pop(cx, End::Back))
    .arity(-2)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::LIST)
    .group(Group::List)
    .since("1.0.0")
    .summary("Takes elements from the end of a list and answers them, the last one first.")
    .complexity("O(N) for N elements taken.")
    .keys(&[KeySpec::at(1).rw(ACCESS | DELETE)])
    .args(&[Arg::key("key"), Arg::integer("count").since("6.2.0").optional()])
    .history(&[("6.2.0", "The argument `count`.")]);

fn pop(cx: &mut Cx<'_>, end: End) -> CmdResult {
    if cx.args.len() == 2 {
        if !pop_one(cx, cx.args.at(1), end, false)? {
            cx.out.null();
        }
        return Ok(Done);
    }
    if cx.args.len() > 3 {
        return Err(CmdError::arity(cx.cmd.name));
    }
    let count = integer_or(cx.args.at(2), CmdError::NOT_POSITIVE)?;
    let count = usize::try_from(count).map_err(|_| CmdError::NOT_POSITIVE)?;
    let key = cx.args.at(1);
    match count {
        // To be asked for nothing is no change, but an access.
        0 => match cx.db.entry_mut(key) {
            None => cx.out.null_array(),
            Some(entry) if entry.view().value_type() == Type::List => cx.out.array(0),
            Some(_) => return Err(CmdError::WRONG_TYPE),
        },
        _ => {
            if pop_several(cx, key, end, count, false)? == 0 {
                cx.out.null_array();
            }
        }
    }
    Ok(Done)
}

/// Takes one element and answers it, behind its key if that is wanted. False: there is no list, and
/// no answer yet.
#[inline]
pub fn pop_one(cx: &mut Cx<'_>, key: &[u8], end: End, named: bool) -> Result<bool, CmdError> {
    let Some(mut list) = cx.db.edit::<List>(key)? else { return Ok(false) };
    if named {
        cx.out.array(2);
        cx.out.bulk(key);
    }
    if let Some(piece) = list.peek(end) {
        reply(cx.out, piece);
    }
    list.pop(end);
    list.shrink(cx.conf.list_rules());
    let is_empty = list.is_empty();
    drop(list);
    // As `taken_from`, without a look at what is known.
    cx.db.announce(key, popped(end));
    if is_empty {
        cx.db.remove_if_empty(key);
    }
    cx.db.touched(key, 1);
    Ok(true)
}

/// Takes up to `count` elements, at least one, and answers them as an array, behind their key if
/// that is wanted. Returns how many there were; 0: there is no list, and no answer yet.
pub fn pop_several(
    cx: &mut Cx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    named: bool,
) -> Result<usize, CmdError> {
    let Some(mut list) = cx.db.edit::<List>(key)? else { return Ok(0) };
    if named {
        cx.out.array(2);
        cx.out.bulk(key);
    }
    let count = count.min(list.len());
    cx.out.array(count);
    let (view, mut left) = (list.view(), count);
    let first = match end {
        End::Front => {
            view.visit(0, count, |piece| reply(cx.out, piece));
            0
        }
        End::Back => {
            view.visit_back(|piece| {
                reply(cx.out, piece);
                left -= 1;
                left > 0
            });
            view.len() - count
        }
    };
    list.remove(first, count);
    list.shrink(cx.conf.list_rules());
    drop(list);
    cx.db.taken_from(key, popped(end), count as u64);
    Ok(count)
}

pub static LMPOP: Command = Command::data("lmpop", lmpop)
    .arity(-4)
    .flags(flag::WRITE)
    .categories(category::LIST)
    .group(Group::List)
    .since("7.0.0")
    .summary("Takes elements from an end of the first of several lists that exists.")
    .complexity("O(N+M) for N keys given and M elements taken.")
    .keys(&[KeySpec::at(1).count(0, 1, 1).rw(ACCESS | DELETE)])
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", SIDES),
        Arg::integer("count").token("COUNT").optional(),
    ]);

fn lmpop(cx: &mut Cx<'_>) -> CmdResult {
    let call = Several::parse(cx, 1)?;
    if !call.run(cx)? {
        cx.out.null_array();
    }
    Ok(Done)
}

/// What LMPOP and BLMPOP have in common: keys, an end and a count.
pub struct Several {
    /// The arguments that are keys.
    pub keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

impl Several {
    /// Reads the arguments from the number of keys on.
    pub fn parse(cx: &Cx<'_>, at: usize) -> Result<Several, CmdError> {
        let numkeys = integer_or(cx.args.at(at), CmdError::NUMKEYS_POSITIVE)?;
        let numkeys = usize::try_from(numkeys).ok().filter(|n| *n > 0);
        let numkeys = numkeys.ok_or(CmdError::NUMKEYS_POSITIVE)?;
        let first = at + 1;
        let last = first.saturating_add(numkeys);
        let end = end(cx.args.get(last).ok_or(CmdError::SYNTAX)?)?;
        let mut count = None;
        for at in (last + 1..cx.args.len()).step_by(2) {
            let value = cx.args.get(at + 1);
            let (true, None, Some(value)) = (cx.args.is(at, "COUNT"), count, value) else {
                return Err(CmdError::SYNTAX);
            };
            let number = integer_or(value, CmdError::COUNT_POSITIVE)?;
            let number = usize::try_from(number).ok().filter(|n| *n > 0);
            count = Some(number.ok_or(CmdError::COUNT_POSITIVE)?);
        }
        Ok(Several { keys: first..last, end, count: count.unwrap_or(1) })
    }

    /// Takes from the first list there is, and answers its key and the elements. False: there is
    /// none, and no answer yet.
    pub fn run(&self, cx: &mut Cx<'_>) -> Result<bool, CmdError> {
        for key in cx.args.from(self.keys.start).take(self.keys.len()) {
            let taken = pop_several(cx, key, self.end, self.count, true)?;
            if taken == 0 {
                continue;
            }
            let verb: &[u8] = if self.end == End::Front { b"LPOP" } else { b"RPOP" };
            cx.fx.propagate_as(&[verb, key, taken.to_string().as_bytes()]);
            return Ok(true);
        }
        Ok(false)
    }
}
