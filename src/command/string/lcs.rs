//! LCS: the longest common subsequence of two strings, by the table of all prefix pairs.
//!
//! ```text
//!         ""  b1  b2 ...      length[i][j]: of the longest common subsequence of the first i and first j bytes;
//!     ""   0   0   0          kept as one row after another, four bytes each. The way back from the corner
//!     a1   0   .   .          gives the subsequence itself, last byte first.
//! ```
//!
//! The table may be as large as `proto-max-bulk-len` and no larger.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::command::args::integer;
use crate::types::text::Text;

pub static LCS: Command = Command::data("lcs", lcs)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::STRING)
    .group(Group::String)
    .since("7.0.0")
    .summary("Finds the longest common subsequence of two strings.")
    .complexity("O(N*M) for strings of N and M bytes.")
    .keys(&[KeySpec::at(1).range(1, 1, 0).ro(ACCESS)])
    .args(&[
        Arg::key("key1"),
        Arg::key("key2"),
        Arg::pure_token("len", "LEN").optional(),
        Arg::pure_token("idx", "IDX").optional(),
        Arg::integer("min-match-len").token("MINMATCHLEN").optional(),
        Arg::pure_token("withmatchlen", "WITHMATCHLEN").optional(),
    ]);

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    match_len_min: i64,
}

impl Options {
    fn parse(cx: &Cx<'_>) -> Result<Self, CmdError> {
        let (mut options, mut at) = (Options::default(), 3);
        while at < cx.args.len() {
            if cx.args.is(at, "IDX") {
                options.idx = true;
            } else if cx.args.is(at, "LEN") {
                options.len = true;
            } else if cx.args.is(at, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if cx.args.is(at, "MINMATCHLEN") && at + 1 < cx.args.len() {
                at += 1;
                options.match_len_min = integer(cx.args.at(at))?.max(0);
            } else {
                return Err(CmdError::SYNTAX);
            }
            at += 1;
        }
        if options.idx && options.len { Err(CmdError::LCS_OPTIONS) } else { Ok(options) }
    }
}

/// A stretch that both strings share: where it begins in each, and its length.
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

fn lcs(cx: &mut Cx<'_>) -> CmdResult {
    let mut texts = [Vec::new(), Vec::new()];
    for (at, text) in texts.iter_mut().enumerate() {
        let found = cx.db.get::<Text>(cx.args.at(at + 1)).map_err(|_| CmdError::LCS_TYPES)?;
        *text = found.map(Text::to_vec).unwrap_or_default();
    }
    let options = Options::parse(cx)?;
    let [a, b] = texts;
    let table = Table::new(&a, &b, cx.conf.proto.max_bulk_len)?;
    let len = table.at(a.len(), b.len());
    if options.len {
        cx.out.uint(u64::from(len));
        return Ok(Done);
    }
    let (mut common, mut matches) = (Vec::with_capacity(len as usize), Vec::new());
    table.walk_back(&a, &b, &mut common, &mut matches);
    if !options.idx {
        common.reverse();
        cx.out.bulk(&common);
        return Ok(Done);
    }
    matches.retain(|m: &Match| m.len as i64 >= options.match_len_min);
    cx.out.map(2);
    cx.out.bulk(b"matches");
    cx.out.array(matches.len());
    for found in matches {
        cx.out.array(2 + usize::from(options.with_match_len));
        for start in [found.a, found.b] {
            cx.out.array(2);
            cx.out.uint(start as u64);
            cx.out.uint((start + found.len - 1) as u64);
        }
        if options.with_match_len {
            cx.out.uint(found.len as u64);
        }
    }
    cx.out.bulk(b"len");
    cx.out.uint(u64::from(len));
    Ok(Done)
}

/// The lengths for all pairs of prefixes.
struct Table {
    lengths: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8], bytes_max: u64) -> Result<Table, CmdError> {
        let width = b.len() + 1;
        let cells = (a.len() + 1).checked_mul(width).ok_or(CmdError::LCS_NO_MEMORY)?;
        let bytes = cells.checked_mul(4).ok_or(CmdError::LCS_NO_MEMORY)?;
        if bytes as u64 > bytes_max {
            return Err(CmdError::LCS_TOO_LARGE);
        }
        let mut lengths = vec![0u32; cells];
        for i in 1..=a.len() {
            let (above, row) = lengths[(i - 1) * width..(i + 1) * width].split_at_mut(width);
            for j in 1..width {
                row[j] =
                    if a[i - 1] == b[j - 1] { above[j - 1] + 1 } else { above[j].max(row[j - 1]) };
            }
        }
        Ok(Table { lengths, width })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * self.width + j]
    }

    /// Collects the common bytes and the stretches they form, from the end.
    fn walk_back(&self, a: &[u8], b: &[u8], common: &mut Vec<u8>, matches: &mut Vec<Match>) {
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                common.push(a[i]);
                match matches.last_mut() {
                    Some(last) if last.a == i + 1 && last.b == j + 1 => {
                        (last.a, last.b, last.len) = (i, j, last.len + 1);
                    }
                    _ => matches.push(Match { a: i, b: j, len: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
}
