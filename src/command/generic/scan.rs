//! Looking for keys: KEYS, SCAN, RANDOMKEY.

use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, category, flag};
use crate::base::glob;
use crate::command::args::integer;
use crate::keyspace::EntryRef;

pub static KEYS: Command = Command::data("keys", keys)
    .arity(2)
    .flags(flag::READONLY)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers all keys that match a pattern.")
    .complexity(
        "O(N) with N being the number of keys in the database, under the assumption \
         that the key names in the database and the given pattern have limited length.",
    )
    .args(&[Arg::pattern("pattern")])
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"]);

fn keys(cx: &mut Cx<'_>) -> CmdResult {
    let pattern = cx.args.at(1);
    let all = pattern == b"*";
    let list = cx.out.open();
    let mut count = 0;
    for entry in cx.db.iter() {
        if all || glob::matches(pattern, entry.key(), false) {
            cx.out.bulk(entry.key());
            count += 1;
        }
    }
    cx.out.close_array(list, count);
    Ok(Done)
}

pub static RANDOMKEY: Command = Command::data("randomkey", randomkey)
    .arity(1)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers some key, each being equally likely.")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]);

fn randomkey(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.db.random_key();
    cx.out.bulk_or_null(key.as_deref());
    Ok(Done)
}

/// The options that SCAN, HSCAN, SSCAN and ZSCAN share.
pub struct ScanOptions<'a> {
    pub count: usize,
    pub pattern: Option<&'a [u8]>,
    pub type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the words from `at` on. TYPE is for SCAN alone.
    pub fn parse(cx: &Cx<'a>, mut at: usize) -> Result<Self, CmdError> {
        let mut options = ScanOptions { count: 10, pattern: None, type_name: None };
        while at < cx.args.len() {
            let value = cx.args.get(at + 1).ok_or(CmdError::SYNTAX)?;
            if cx.args.is(at, "COUNT") {
                let count = integer(value)?;
                options.count = usize::try_from(count).map_err(|_| CmdError::SYNTAX)?;
                if count < 1 {
                    return Err(CmdError::SYNTAX);
                }
            } else if cx.args.is(at, "MATCH") {
                options.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if cx.args.is(at, "TYPE") && cx.cmd.name == "scan" {
                options.type_name = Some(value);
            } else {
                return Err(CmdError::SYNTAX);
            }
            at += 2;
        }
        Ok(options)
    }

    fn accept(&self, entry: EntryRef<'_>) -> bool {
        let is_type = |name: &[u8]| name.eq_ignore_ascii_case(entry.value_type().name().as_bytes());
        self.pattern.is_none_or(|pattern| glob::matches(pattern, entry.key(), false))
            && self.type_name.is_none_or(is_type)
    }
}

/// Reads a cursor: any unsigned number.
pub fn cursor(word: &[u8]) -> Result<u64, CmdError> {
    // Compat: blanks before it, leading zeros and a plus sign are taken, as `strtoul` takes them.
    let text = std::str::from_utf8(word.trim_ascii_start());
    text.ok().and_then(|text| text.parse().ok()).ok_or(CmdError::INVALID_CURSOR)
}

pub static SCAN: Command = Command::data("scan", scan)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.8.0")
    .summary("Answers some keys and the cursor at which to go on.")
    .complexity(
        "O(1) for every call. O(N) for a complete iteration, including enough \
         command calls for the cursor to return back to 0. N is the number of elements \
         inside the collection.",
    )
    .args(&[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").since("6.0.0").optional(),
    ])
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .history(&[("6.0.0", "The option `TYPE`.")]);

fn scan(cx: &mut Cx<'_>) -> CmdResult {
    let mut at = cursor(cx.args.at(1))?;
    let options = ScanOptions::parse(cx, 2)?;
    let (mut found, mut expired): (Vec<&[u8]>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let (mut seen, mut steps) = (0, 0);
    // A sparse table must not make one call long: at most ten buckets for each key asked for.
    while steps < options.count.saturating_mul(10) && seen < options.count {
        at = cx.db.scan(at, |entry, is_live| {
            seen += 1;
            if !is_live {
                expired.push(entry.key().to_vec());
            } else if options.accept(entry) {
                found.push(entry.key());
            }
        });
        steps += 1;
        if at == 0 {
            break;
        }
    }
    cx.out.array(2);
    cx.out.bulk(at.to_string().as_bytes());
    cx.out.array(found.len());
    found.iter().for_each(|key| cx.out.bulk(key));
    for key in expired {
        cx.db.settle(&key);
    }
    Ok(Done)
}
