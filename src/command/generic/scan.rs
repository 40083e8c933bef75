//! Looking for keys: KEYS, SCAN, RANDOMKEY; and what SCAN shares with SSCAN, HSCAN and ZSCAN.
//!
//! A command that scans a collection reads its cursor, reaches the value, reads its options,
//! gathers and answers, in this order: it is that of the errors.
//!
//! ```text
//!   let at = cursor(cx.args.at(2))?;
//!   let Some(view) = cx.db.get::<Hash>(key)? else { return scan::nothing(cx.out) };
//!   let options = ScanOptions::parse(cx.cmd, cx.args, 3)?;
//!   let found = options.gather(at, |at, visit| view.scan(at, visit));     visit(name, the rest of the element)
//!   found.reply(cx.out, 2, |out, field, value| ...)                       2: values an element is answered in
//! ```
//!
//! A table shows the elements of one bucket per step and says where to go on; a packed value shows
//! all it has, whatever the cursor, and says 0.

use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, category, flag, special};
use crate::base::glob;
use crate::command::args::integer;
use crate::ds::listpack::Item;
use crate::keyspace::EntryRef;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

pub static KEYS: Command = Command::data("keys", keys)
    .arity(2)
    .special(special::READS_OTHERS | special::COMES_ACROSS)
    .flags(flag::READONLY)
    .categories(category::DANGEROUS | category::KEYSPACE)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers all keys that match a pattern.")
    .complexity("O(N) for N keys, if names and pattern are short.")
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
    .special(special::READS_OTHERS | special::COMES_ACROSS)
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
    /// HSCAN answers fields only.
    pub no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the words from `at` on. TYPE is for SCAN alone, NOVALUES for HSCAN.
    pub fn parse(cmd: &Command, args: Args<'a>, mut at: usize) -> Result<Self, CmdError> {
        let mut options =
            ScanOptions { count: 10, pattern: None, type_name: None, no_values: false };
        while at < args.len() {
            if args.is(at, "NOVALUES") {
                if cmd.name != "hscan" {
                    return Err(CmdError::NO_VALUES);
                }
                options.no_values = true;
                at += 1;
                continue;
            }
            let value = args.get(at + 1).ok_or(CmdError::SYNTAX)?;
            if args.is(at, "COUNT") {
                let count = integer(value)?;
                options.count = usize::try_from(count).map_err(|_| CmdError::SYNTAX)?;
                if count < 1 {
                    return Err(CmdError::SYNTAX);
                }
            } else if args.is(at, "MATCH") {
                options.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if args.is(at, "TYPE") && cmd.name == "scan" {
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
        self.matches(entry.key()) && self.type_name.is_none_or(is_type)
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }

    /// Takes as many steps as the options ask for. `step` is given a cursor and a counter, which it
    /// raises by the elements it sees, and returns the next cursor.
    fn walk(&self, mut at: u64, mut step: impl FnMut(u64, &mut usize) -> u64) -> u64 {
        let (mut seen, mut steps) = (0, 0);
        // A sparse table must not make one call long: at most ten buckets for each element asked
        // for.
        while steps < self.count.saturating_mul(10) && seen < self.count {
            at = step(at, &mut seen);
            steps += 1;
            if at == 0 {
                break;
            }
        }
        at
    }

    /// Gathers the elements that match, from a cursor on. `step` shows those at a cursor, each by
    /// its name and with whatever else it is answered with, and returns the next cursor.
    pub fn gather<'v, E>(
        &self,
        at: u64,
        mut step: impl FnMut(u64, &mut dyn FnMut(Item<'v>, E)) -> u64,
    ) -> Found<'v, E> {
        let (mut items, mut buffer) = (Vec::new(), Vec::new());
        let next = self.walk(at, |at, seen| {
            step(at, &mut |name, rest| {
                *seen += 1;
                if self.pattern.is_none() || self.matches(name.bytes(&mut buffer)) {
                    items.push((name, rest));
                }
            })
        });
        Found { next, items }
    }
}

/// What a call of SSCAN, HSCAN or ZSCAN has found.
pub struct Found<'v, E> {
    next: u64,
    items: Vec<(Item<'v>, E)>,
}

impl<'v, E> Found<'v, E> {
    /// Answers it. `write` answers an element, in `width` values.
    pub fn reply(
        self,
        out: &mut Reply,
        width: usize,
        mut write: impl FnMut(&mut Reply, Item<'v>, E),
    ) -> CmdResult {
        out.array(2);
        reply_cursor(out, self.next);
        out.array(self.items.len() * width);
        self.items.into_iter().for_each(|(name, rest)| write(out, name, rest));
        Ok(Done)
    }
}

/// The answer to the scan of a key that does not exist.
pub fn nothing(out: &mut Reply) -> CmdResult {
    out.array(2);
    reply_cursor(out, 0);
    out.array(0);
    Ok(Done)
}

fn reply_cursor(out: &mut Reply, at: u64) {
    if at == 0 { out.bulk(b"0") } else { out.bulk(at.to_string().as_bytes()) }
}

/// Reads a cursor: any unsigned number.
pub fn cursor(word: &[u8]) -> Result<u64, CmdError> {
    // Compat: blanks before it, leading zeros and a plus sign are taken, as `strtoul` takes them.
    let text = std::str::from_utf8(word.trim_ascii_start());
    text.ok().and_then(|text| text.parse().ok()).ok_or(CmdError::INVALID_CURSOR)
}

pub static SCAN: Command = Command::data("scan", scan)
    .arity(-2)
    .special(special::READS_OTHERS | special::COMES_ACROSS)
    .flags(flag::READONLY)
    .categories(category::KEYSPACE)
    .group(Group::Generic)
    .since("2.8.0")
    .summary("Answers some keys and the cursor at which to go on.")
    .complexity("O(1) a call, O(N) for all calls together that visit the N elements.")
    .args(&[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").since("6.0.0").optional(),
    ])
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .history(&[("6.0.0", "The option `TYPE`.")]);

fn scan(cx: &mut Cx<'_>) -> CmdResult {
    let at = cursor(cx.args.at(1))?;
    let options = ScanOptions::parse(cx.cmd, cx.args, 2)?;
    let (mut found, mut expired): (Vec<&[u8]>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let next = options.walk(at, |at, seen| {
        cx.db.scan(at, |entry, is_live| {
            *seen += 1;
            if !is_live {
                expired.push(entry.key().to_vec());
            } else if options.accept(entry) {
                found.push(entry.key());
            }
        })
    });
    cx.out.array(2);
    reply_cursor(cx.out, next);
    cx.out.array(found.len());
    found.iter().for_each(|key| cx.out.bulk(key));
    for key in expired {
        cx.db.settle(&key);
    }
    Ok(Done)
}
