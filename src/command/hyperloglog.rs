//! HyperLogLog commands, on strings in the form that `ds::hyperloglog` describes.
//!
//! PFCOUNT of one key stores what it has computed, and so is a write in disguise: it is told to
//! replicas, though not announced as an event. All that may store something has the string reported
//! as `raw`, even if nothing is stored.

#[cfg(test)]
mod tests;

use super::key_spec::key_flag::{ACCESS, INSERT};
use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::ds::hyperloglog::{self as hll, Corrupt, Element, Hll, Registers};
use crate::keyspace::{EntryRef, Event, Selected, WrongType};
use crate::types::text::Text;

const ADDED: Event = Event::string("pfadd");

impl From<Corrupt> for CmdError {
    fn from(_: Corrupt) -> CmdError {
        CmdError::HLL_CORRUPT
    }
}

/// The HyperLogLog that a key's value is.
fn view(entry: EntryRef<'_>) -> Result<Hll<'_>, CmdError> {
    match entry.text().ok_or(WrongType)? {
        Text::Big(bytes) => Hll::of(bytes).ok_or(CmdError::HLL_FOREIGN),
        Text::Bytes(bytes) => Hll::of(bytes).ok_or(CmdError::HLL_FOREIGN),
        Text::Int(_) => Err(CmdError::HLL_FOREIGN),
    }
}

pub static PFADD: Command = Command::data("pfadd", pfadd)
    .arity(-2)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .summary("Adds elements to a HyperLogLog.")
    .complexity("O(1) for each of the elements.")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("element").optional().multiple()]);

fn pfadd(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let mut elements = cx.args.from(2).map(Element::of);
    let is_new = match cx.db.entry_mut(key) {
        None => true,
        Some(entry) => {
            let hll = view(entry.view())?;
            let (is_raw, is_dense) = (entry.view().is_raw(), hll.is_dense());
            // Mostly nothing changes, and then nothing is touched.
            let lacks = lacks_any(hll, elements.clone());
            if !is_raw {
                cx.db.mark_raw(key);
            }
            if !lacks? {
                cx.out.flag(false);
                return Ok(Done);
            }
            if is_dense {
                return raise(cx, elements);
            }
            false
        }
    };
    let sparse_max = cx.conf.hll.sparse_max_bytes;
    let changes = cx.db.rewrite_text(key, |value| {
        if is_new {
            *value = hll::empty();
        }
        elements.try_fold(u64::from(is_new), |changes, element| {
            Ok::<_, CmdError>(changes + u64::from(hll::add(value, element, sparse_max)?))
        })
    })?;
    cx.db.changed(key, ADDED, changes);
    cx.out.flag(true);
    Ok(Done)
}

/// Whether one of the elements would change it. All of them have their place in it, else it is
/// corrupt.
fn lacks_any(hll: Hll<'_>, mut elements: impl Iterator<Item = Element>) -> Result<bool, Corrupt> {
    elements.try_fold(false, |lacks, element| Ok(hll.lacks(element)? || lacks))
}

/// Adds elements of which one at least is new to a dense HyperLogLog, where it stands.
fn raise(cx: &mut Cx<'_>, elements: impl Iterator<Item = Element>) -> CmdResult {
    let (key, mut changes) = (cx.args.at(1), 0);
    cx.db.edit_text(key, 0, |value| {
        changes = elements.map(|element| u64::from(hll::raise(value, element))).sum();
        hll::mark_stale(value);
    })?;
    cx.db.changed(key, ADDED, changes);
    cx.out.flag(true);
    Ok(Done)
}

pub static PFCOUNT: Command = Command::data("pfcount", pfcount)
    .arity(-2)
    .flags(flag::READONLY | flag::MAY_REPLICATE)
    .categories(category::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .summary("Estimates how many different elements one or several HyperLogLogs have seen.")
    .complexity("O(1) with a small constant for one key, O(N) with a much larger one for N keys.")
    .keys(&[KeySpec::at(1)
        .range(-1, 1, 0)
        .rw(ACCESS)
        .notes("It may store what it has computed, and is then told to replicas.")])
    .args(&[Arg::key("key").multiple()]);

fn pfcount(cx: &mut Cx<'_>) -> CmdResult {
    if cx.args.len() > 2 {
        let mut registers = Registers::default();
        unite(cx, 1, &mut registers)?;
        cx.out.int(registers.estimate() as i64);
        return Ok(Done);
    }
    let (key, wide) = (cx.args.at(1), !cx.db.keyspace.plain_loops);
    let Some(entry) = cx.db.entry(key) else {
        cx.out.int(0);
        return Ok(Done);
    };
    let hll = view(entry)?;
    let is_raw = entry.is_raw();
    let estimate = || {
        let mut registers = Registers::default();
        hll::unite(&mut registers, &[hll], wide)?;
        Ok::<_, Corrupt>(registers.estimate())
    };
    let (cached, estimate) = match hll.cached() {
        Some(count) => (Some(count), Ok(count)),
        None => (None, estimate()),
    };
    if !is_raw {
        cx.db.mark_raw(key);
    }
    let count = estimate?;
    if cached.is_none() {
        cx.db.edit_text(key, 0, |value| hll::put_count(value, count))?;
        cx.db.changed(key, Event::SILENT, 1);
    }
    cx.out.int(count as i64);
    Ok(Done)
}

/// Unites the HyperLogLogs at the keys from an argument on. Missing ones count as empty. True when
/// one is dense.
fn unite(cx: &mut Cx<'_>, first: usize, registers: &mut Registers) -> Result<bool, CmdError> {
    for key in cx.args.from(first) {
        if let Some(entry) = cx.db.entry(key) {
            view(entry)?.check()?;
        }
    }
    let found = cx.args.from(first).filter_map(|key| cx.db.peek(key));
    let hlls = found.map(view).collect::<Result<Vec<_>, _>>()?;
    hll::unite(registers, &hlls, !cx.db.keyspace.plain_loops)?;
    Ok(hlls.iter().any(|hll| hll.is_dense()))
}

pub static PFMERGE: Command = Command::data("pfmerge", pfmerge)
    .arity(-2)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .summary("Adds to a HyperLogLog all that others have seen.")
    .complexity("O(N) for N HyperLogLogs, with a large constant.")
    .keys(&[KeySpec::at(1).rw(ACCESS | INSERT), KeySpec::at(2).range(-1, 1, 0).ro(ACCESS)])
    .args(&[Arg::key("destkey"), Arg::key("sourcekey").spec(1).optional().multiple()]);

fn pfmerge(cx: &mut Cx<'_>) -> CmdResult {
    let target = cx.args.at(1);
    let mut registers = Registers::default();
    let becomes_dense = unite(cx, 1, &mut registers)?;
    let wide = !cx.db.keyspace.plain_loops;
    let is_dense = match cx.db.peek(target) {
        None => None,
        Some(entry) => Some(view(entry)?.is_dense()),
    };
    if is_dense == Some(true) {
        let put = |value: &mut [u8]| hll::put_registers(value, &registers, wide);
        cx.db.edit_text(target, 0, put)?;
    } else {
        let sparse_max = cx.conf.hll.sparse_max_bytes;
        cx.db.rewrite_text(target, |value| {
            if is_dense.is_none() {
                *value = hll::empty();
            }
            if becomes_dense {
                hll::make_dense(value)?;
                hll::put_registers(value, &registers, wide);
            } else {
                hll::add_all(value, &registers, sparse_max)?;
            }
            Ok::<_, CmdError>(())
        })?;
    }
    cx.db.changed(target, ADDED, 1);
    cx.out.ok();
    Ok(Done)
}

pub static PFDEBUG: Command = Command::data("pfdebug", pfdebug)
    .arity(3)
    .flags(flag::WRITE | flag::DENYOOM | flag::ADMIN)
    .categories(category::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .summary("Shows the inside of a HyperLogLog, and how it is worked on.")
    .complexity("N/A")
    .keys(&[KeySpec::at(2).rw(ACCESS)])
    .args(&[Arg::string("subcommand"), Arg::key("key")])
    .internal();

fn pfdebug(cx: &mut Cx<'_>) -> CmdResult {
    if cx.args.is(1, "SIMD") {
        return simd(cx);
    }
    let key = cx.args.at(2);
    let entry = cx.db.entry_mut(key).ok_or(CmdError::KEY_MISSING)?;
    view(entry.view())?;
    cx.db.mark_raw(key);
    match () {
        _ if cx.args.is(1, "DECODE") => {
            let runs = find(&cx.db, key)?.runs().ok_or(CmdError::HLL_DENSE)?;
            cx.out.bulk(hll::describe(runs)?.as_bytes());
        }
        _ if cx.args.is(1, "ENCODING") => {
            cx.out.simple(if find(&cx.db, key)?.is_dense() { "dense" } else { "sparse" });
        }
        _ if cx.args.is(1, "GETREG") => {
            make_dense(cx)?;
            let mut registers = Registers::default();
            hll::unite(&mut registers, &[find(&cx.db, key)?], !cx.db.keyspace.plain_loops)?;
            cx.out.array(hll::REGISTERS);
            registers.iter().for_each(|register| cx.out.int(register.into()));
        }
        _ if cx.args.is(1, "TODENSE") => {
            let changed = make_dense(cx)?;
            cx.out.flag(changed);
        }
        _ => return Err(CmdError::unknown_pfdebug(cx.args.at(1))),
    }
    Ok(Done)
}

/// The HyperLogLog at a key that is known to hold one.
fn find<'a>(db: &'a Selected<'_>, key: &[u8]) -> Result<Hll<'a>, CmdError> {
    view(db.peek(key).ok_or(CmdError::KEY_MISSING)?)
}

/// Makes the HyperLogLog in question dense; true when it was not.
fn make_dense(cx: &mut Cx<'_>) -> Result<bool, CmdError> {
    let key = cx.args.at(2);
    if find(&cx.db, key)?.is_dense() {
        return Ok(false);
    }
    cx.db.rewrite_text(key, |value| hll::make_dense(value).map_err(CmdError::from))?;
    cx.db.changed(key, Event::SILENT, 1);
    Ok(true)
}

/// PFDEBUG SIMD: whether loops may be those for the processor at hand. Compat: to a word that is
/// neither ON nor OFF the reference gives two answers, here it is one.
fn simd(cx: &mut Cx<'_>) -> CmdResult {
    let wide = super::args::either(cx.args.at(2), "ON", "OFF").map_err(|_| CmdError::ON_OR_OFF)?;
    cx.db.keyspace.plain_loops = !wide;
    cx.out.simple(if wide { "enabled" } else { "disabled" });
    Ok(Done)
}

pub static PFSELFTEST: Command = Command::data("pfselftest", pfselftest)
    .arity(1)
    .flags(flag::ADMIN)
    .categories(category::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .summary("Tries out whether HyperLogLogs are computed correctly here.")
    .complexity("N/A")
    .internal();

fn pfselftest(cx: &mut Cx<'_>) -> CmdResult {
    hll::selftest().map_err(CmdError::made)?;
    cx.out.ok();
    Ok(Done)
}
