//! Hash commands that store and delete fields.

use super::super::key_spec::key_flag::{DELETE, INSERT, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{HSET_EVENT, check_lengths, edit, edit_or_create, limits, removed};
use crate::types::Object;
use crate::types::hash::{FieldTtl, Hash};

/// The pairs of HSET and HMSET.
const PAIRS: Arg = Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple();

pub static HSET: Command = Command::data("hset", hset)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Stores the values of fields.")
    .complexity("O(N) for N pairs of field and value.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), PAIRS])
    .history(&[("4.0.0", "Several pairs in one call.")]);

fn hset(cx: &mut Cx<'_>) -> CmdResult {
    let created = store(cx)?;
    cx.out.uint(created);
    Ok(Done)
}

pub static HMSET: Command = Command::data("hmset", hmset)
    .arity(-4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Stores the values of fields, and does not say how many are new.")
    .complexity("O(N) for N fields set.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[Arg::key("key"), PAIRS])
    .deprecated("4.0.0", "`HSET` with multiple field-value pairs");

fn hmset(cx: &mut Cx<'_>) -> CmdResult {
    store(cx)?;
    cx.out.ok();
    Ok(Done)
}

/// Stores the pairs of a call; answers how many fields are new.
fn store(cx: &mut Cx<'_>) -> Result<u64, CmdError> {
    let (key, words) = (cx.args.at(1), cx.args.from(2));
    if !words.len().is_multiple_of(2) {
        return Err(CmdError::arity(cx.cmd.name));
    }
    check_lengths(cx)?;
    let (limits, pairs) = (limits(cx), words.len() / 2);
    cx.db.settle_fields(key, words.clone().step_by(2));
    let (field, value) = (cx.args.at(2), cx.args.at(3));
    let (mut rest, mut created) = (words.clone(), 0);
    let in_place = |form, blob: &mut [u8]| {
        let fits = value.len() <= limits.text && pairs == 1;
        fits && Hash::set_in_place(form, blob, field, value)
    };
    if let Some(mut hash) = cx.db.edit_or_create_unless::<Hash>(key, in_place)? {
        if pairs > 1 {
            hash.expect(pairs, words, limits);
        }
        while let (Some(field), Some(value)) = (rest.next(), rest.next()) {
            created += u64::from(hash.set(field, value, FieldTtl::Clear, limits));
        }
    }
    cx.db.changed(key, HSET_EVENT, pairs as u64);
    Ok(created)
}

pub static HSETNX: Command = Command::data("hsetnx", hsetnx)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Stores the value of a field if there is no such field.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(INSERT)])
    .args(&[Arg::key("key"), Arg::string("field"), Arg::string("value")]);

fn hsetnx(cx: &mut Cx<'_>) -> CmdResult {
    let (key, field, value) = (cx.args.at(1), cx.args.at(2), cx.args.at(3));
    check_lengths(cx)?;
    let limits = limits(cx);
    let mut hash = edit_or_create(&mut cx.db, key, [field].into_iter())?;
    let is_new = hash.view().find(field).is_none();
    if is_new {
        hash.set(field, value, FieldTtl::Clear, limits);
    }
    drop(hash);
    if is_new {
        cx.db.changed(key, HSET_EVENT, 1);
    }
    cx.out.flag(is_new);
    Ok(Done)
}

pub static HDEL: Command = Command::data("hdel", hdel)
    .arity(-3)
    .flags(flag::WRITE | flag::FAST)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("2.0.0")
    .summary("Deletes fields; with the last one the key goes, too.")
    .complexity("O(N) for N fields to remove.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("field").multiple()])
    .history(&[("2.4.0", "Several fields in one call.")]);

fn hdel(cx: &mut Cx<'_>) -> CmdResult {
    let (key, fields) = (cx.args.at(1), cx.args.from(2));
    let Some(mut hash) = edit(&mut cx.db, key, fields.clone())? else {
        cx.out.int(0);
        return Ok(Done);
    };
    let count = fields.filter(|field| hash.remove(field)).count() as u64;
    drop(hash);
    if count > 0 {
        removed(cx, key, count);
    }
    cx.out.uint(count);
    Ok(Done)
}
