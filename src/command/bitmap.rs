//! Bitmap commands: strings seen as rows of bits.
//!
//! What is written becomes `raw` bytes, even the text of an integer, and grows as far as the bits
//! go; what is only read is left as it is. A write that changes no bit and adds no byte is none:
//! nobody is told of it.

mod field;
mod operation;
#[cfg(test)]
mod tests;

pub use field::{BITFIELD, BITFIELD_RO};
pub use operation::BITOP;

use super::args::integer;
use super::key_spec::key_flag::{ACCESS, UPDATE};
use super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use crate::base::text::parse_i64;
use crate::ds::bits;
use crate::keyspace::Event;
use crate::resp::request::Args;
use crate::types::text::Text;

const SET_BIT: Event = Event::string("setbit");

/// The number of a bit. It must be in a string of at most `max_len` bytes.
fn bit_offset(word: &[u8], max_len: u64) -> Result<u64, CmdError> {
    let bit = parse_i64(word).and_then(|bit| u64::try_from(bit).ok());
    bit.filter(|bit| bit / 8 < max_len).ok_or(CmdError::BIT_OFFSET)
}

pub static SETBIT: Command = Command::data("setbit", setbit)
    .arity(4)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("2.2.0")
    .summary("Sets or clears a bit of the string at a key, adding zeros before it if need be.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(ACCESS | UPDATE)])
    .args(&[Arg::key("key"), Arg::integer("offset"), Arg::integer("value")]);

fn setbit(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let bit = bit_offset(cx.args.at(2), cx.conf.proto.max_bulk_len)?;
    let value = match cx.args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(CmdError::BIT_VALUE),
    };
    let (at, mask, mut was) = ((bit / 8) as usize, 0x80 >> (bit % 8), false);
    let edited = cx.db.reach_text(key, at + 1, |bytes| {
        was = bytes[at] & mask != 0;
        if was != value {
            bytes[at] ^= mask;
        }
    })?;
    if was != value || edited.old < edited.len {
        cx.db.changed(key, SET_BIT, 1);
    }
    cx.out.flag(was);
    Ok(Done)
}

pub static GETBIT: Command = Command::data("getbit", getbit)
    .arity(3)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("2.2.0")
    .summary("Answers a bit of the string at a key.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::integer("offset")]);

fn getbit(cx: &mut Cx<'_>) -> CmdResult {
    let bit = bit_offset(cx.args.at(2), cx.conf.proto.max_bulk_len)?;
    let text = cx.db.get::<Text>(cx.args.at(1))?;
    let value = text.is_some_and(|text| bits::number_at(text.bytes(&mut Vec::new()), bit, 1) == 1);
    cx.out.flag(value);
    Ok(Done)
}

/// A stretch of a string, as BITCOUNT and BITPOS are given one.
struct Stretch {
    /// Both inclusive; negative ones count from the end.
    start: i64,
    end: i64,
    in_bits: bool,
}

/// All bytes.
const WHOLE: Stretch = Stretch { start: 0, end: -1, in_bits: false };

impl Stretch {
    /// Reads the words from `at` on: start, end, unit, of which any number may be missing at the
    /// end. Compat: if end and unit are both wrong, each command complains of another.
    fn parse(args: Args<'_>, at: usize, unit_first: bool) -> Result<Stretch, CmdError> {
        let word = |index| args.get(at + index);
        if word(3).is_some() {
            return Err(CmdError::SYNTAX);
        }
        let start = word(0).map_or(Ok(WHOLE.start), integer)?;
        let end = word(1).map_or(Ok(WHOLE.end), integer);
        let is_bit = |unit: &[u8]| match unit {
            _ if unit.eq_ignore_ascii_case(b"bit") => Ok(true),
            _ if unit.eq_ignore_ascii_case(b"byte") => Ok(false),
            _ => Err(CmdError::SYNTAX),
        };
        let in_bits = word(2).map_or(Ok(false), is_bit);
        if unit_first {
            in_bits.clone()?;
        }
        Ok(Stretch { start, end: end?, in_bits: in_bits? })
    }

    /// The first and the last bit that it means in a string of so many bytes.
    fn bits(&self, len: usize) -> Option<(usize, usize)> {
        let unit = if self.in_bits { 1 } else { 8 };
        let len = (len * 8 / unit) as i64;
        let from = |offset: i64| if offset < 0 { (len + offset).max(0) } else { offset };
        let (start, end) = (from(self.start), from(self.end).min(len - 1));
        (start <= end).then(|| (start as usize * unit, end as usize * unit + unit - 1))
    }
}

const BYTE_OR_BIT: &[Arg] = &[Arg::pure_token("byte", "BYTE"), Arg::pure_token("bit", "BIT")];

pub static BITCOUNT: Command = Command::data("bitcount", bitcount)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("2.6.0")
    .summary("Counts the ones in the string at a key.")
    .complexity("O(N)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::block(
            "range",
            &[
                Arg::integer("start"),
                Arg::integer("end"),
                Arg::one_of("unit", BYTE_OR_BIT).since("7.0.0").optional(),
            ],
        )
        .optional(),
    ])
    .history(&[("7.0.0", "The unit: `BYTE` or `BIT`.")]);

// Compat: a start without an end, which Redis refuses, counts up to the end of the string, as in
// Valkey.
fn bitcount(cx: &mut Cx<'_>) -> CmdResult {
    let stretch = Stretch::parse(cx.args, 2, false)?;
    let mut count = 0;
    if let Some(text) = cx.db.get::<Text>(cx.args.at(1))? {
        // Compat: unlike elsewhere, offsets before the beginning in the wrong order mean nothing at
        // all.
        let is_backwards = stretch.start < 0 && stretch.end < 0 && stretch.start > stretch.end;
        let range = if is_backwards { None } else { stretch.bits(text.len()) };
        let mut buffer = Vec::new();
        let count_in = |(first, last)| bits::count_between(text.bytes(&mut buffer), first, last);
        count = range.map_or(0, count_in);
    }
    cx.out.uint(count);
    Ok(Done)
}

pub static BITPOS: Command = Command::data("bitpos", bitpos)
    .arity(-3)
    .flags(flag::READONLY)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("2.8.7")
    .summary("Finds the first one, or the first zero, in the string at a key.")
    .complexity("O(N)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::integer("bit"),
        Arg::block(
            "range",
            &[
                Arg::integer("start"),
                Arg::block(
                    "end-unit-block",
                    &[
                        Arg::integer("end"),
                        Arg::one_of("unit", BYTE_OR_BIT).since("7.0.0").optional(),
                    ],
                )
                .optional(),
            ],
        )
        .optional(),
    ])
    .history(&[("7.0.0", "The unit: `BYTE` or `BIT`.")]);

fn bitpos(cx: &mut Cx<'_>) -> CmdResult {
    let value = match integer(cx.args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(CmdError::BITPOS_BIT),
    };
    let stretch = Stretch::parse(cx.args, 3, true)?;
    let has_end = cx.args.len() > 4;
    let found = match cx.db.get::<Text>(cx.args.at(1))? {
        None if value => None,
        None => Some(0),
        Some(text) => stretch.bits(text.len()).and_then(|(first, last)| {
            let found = bits::find_between(text.bytes(&mut Vec::new()), value, first, last);
            // Unless they were told where to stop, all find zeros behind the end of a string.
            found.or_else(|| (!value && !has_end).then(|| text.len() * 8))
        }),
    };
    cx.out.int(found.map_or(-1, |bit| bit as i64));
    Ok(Done)
}
