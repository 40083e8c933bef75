//! BITFIELD: numbers of any width at any place of a string.
//!
//! A call is a list of steps, run one after the other on the same string. It is read twice: once to
//! see that all of it is in order and how long the string has to be, and once to do it.

use super::super::key_spec::key_flag::{ACCESS, UPDATE, VARIABLE_FLAGS};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{SET_BIT, bit_offset};
use crate::base::text::{parse_i64, parse_u64};
use crate::command::args::integer;
use crate::command::getkeys;
use crate::ds::bits;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::text::Text;

/// The type of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    is_signed: bool,
    /// Up to 64, or up to 63 without a sign.
    width: u32,
}

/// What becomes of a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// It is not stored.
    Fail,
    /// The nearest that fits.
    Saturate,
    /// As many of its low bits as there is room for.
    Wrap,
}

impl Field {
    fn parse(word: &[u8]) -> Result<Field, CmdError> {
        let (is_signed, width) = match word {
            [b'i', width @ ..] => (true, width),
            [b'u', width @ ..] => (false, width),
            _ => return Err(CmdError::BITFIELD_TYPE),
        };
        let widest = if is_signed { 64 } else { 63 };
        let width = parse_u64(width).filter(|width| (1..=widest).contains(width));
        Ok(Field { is_signed, width: width.ok_or(CmdError::BITFIELD_TYPE)? as u32 })
    }

    /// The number that some bits mean; higher ones are ignored.
    fn number(self, bits: u64) -> i64 {
        let unused = 64 - self.width;
        let high = bits << unused;
        if self.is_signed { high as i64 >> unused } else { (high >> unused) as i64 }
    }

    /// The number at a bit.
    fn read(self, bytes: &[u8], bit: u64) -> i64 {
        self.number(bits::number_at(bytes, bit, self.width))
    }

    /// The lowest and the highest number.
    fn range(self) -> (i128, i128) {
        let sign = u32::from(self.is_signed);
        let numbers = 1i128 << (self.width - sign);
        (if self.is_signed { -numbers } else { 0 }, numbers - 1)
    }

    /// What is meant by a number that is to be stored.
    fn meant(self, number: i64, overflow: Overflow) -> i128 {
        // Compat: without a sign it is taken for one of 64 bits, so that a negative one is too
        // large. With a sign, it is too large, of all things, if it is so low that its distance
        // from the highest does not fit into 64 bits.
        let (exact, (_, max)) = (i128::from(number), self.range());
        let is_far = self.width < 64 && max - exact > i128::from(i64::MAX);
        match overflow {
            _ if !self.is_signed => i128::from(number as u64),
            Overflow::Saturate if is_far => i128::MAX,
            _ => exact,
        }
    }

    /// What is stored of a number, if anything.
    fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.range();
        match overflow {
            _ if (min..=max).contains(&number) => Some(number as i64),
            Overflow::Fail => None,
            Overflow::Saturate => Some(number.clamp(min, max) as i64),
            Overflow::Wrap => Some(self.number(number as u64)),
        }
    }
}

/// Makes the action of a number.
type ActionOf = fn(i64) -> Action;

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Increment(i64),
    Set(i64),
}

/// One step of a call.
#[derive(Debug, Clone, Copy)]
struct Step {
    field: Field,
    bit: u64,
    action: Action,
    overflow: Overflow,
}

impl Step {
    /// Bytes up to the end of the number.
    fn end(&self) -> usize {
        (self.bit + u64::from(self.field.width)).div_ceil(8) as usize
    }

    /// Answers, and changes the number unless it is only to be read. Whether something was stored,
    /// and whether that made a difference.
    fn run(&self, bytes: &mut [u8], out: &mut Reply) -> (bool, bool) {
        let Step { field, bit, action, overflow } = *self;
        let old = field.read(bytes, bit);
        let wanted = match action {
            Action::Get => {
                out.int(old);
                return (false, false);
            }
            Action::Increment(by) => i128::from(old) + i128::from(by),
            Action::Set(number) => field.meant(number, overflow),
        };
        let Some(new) = field.fit(wanted, overflow) else {
            out.null();
            return (false, false);
        };
        bits::put_number(bytes, bit, field.width, new as u64);
        out.int(if matches!(action, Action::Set(_)) { old } else { new });
        (true, old != new)
    }
}

/// The steps of a call, in order.
struct Steps<'a> {
    args: Args<'a>,
    at: usize,
    overflow: Overflow,
    max_len: u64,
}

impl<'a> Steps<'a> {
    fn of(cx: &Cx<'a>) -> Steps<'a> {
        let max_len = cx.conf.proto.max_bulk_len;
        Steps { args: cx.args, at: 2, overflow: Overflow::Wrap, max_len }
    }

    /// Reads the word after OVERFLOW.
    fn set_overflow(&mut self, at: usize) -> Result<(), CmdError> {
        let names =
            [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
        let named = names.into_iter().find(|(name, _)| self.args.is(at, name));
        self.overflow = named.ok_or(CmdError::BITFIELD_OVERFLOW)?.1;
        Ok(())
    }

    /// Reads the words of a step, whose first is at `at`.
    fn step(&self, at: usize, value: Option<ActionOf>) -> Result<Step, CmdError> {
        let field = Field::parse(self.args.at(at + 1))?;
        let bit = match self.args.at(at + 2) {
            [b'#', number @ ..] => {
                let bit = parse_i64(number).and_then(|n| n.checked_mul(i64::from(field.width)));
                let bit = bit.and_then(|bit| u64::try_from(bit).ok());
                bit.filter(|bit| bit / 8 < self.max_len).ok_or(CmdError::BIT_OFFSET)?
            }
            number => bit_offset(number, self.max_len)?,
        };
        let action = match value {
            None => Action::Get,
            Some(action) => action(integer(self.args.at(at + 3))?),
        };
        Ok(Step { field, bit, action, overflow: self.overflow })
    }

    fn read_next(&mut self) -> Result<Option<Step>, CmdError> {
        while self.at < self.args.len() {
            let (at, left) = (self.at, self.args.len() - self.at - 1);
            let (words, value): (usize, Option<ActionOf>) = if self.args.is(at, "GET") {
                (2, None)
            } else if self.args.is(at, "SET") {
                (3, Some(Action::Set))
            } else if self.args.is(at, "INCRBY") {
                (3, Some(Action::Increment))
            } else if self.args.is(at, "OVERFLOW") && left >= 1 {
                self.set_overflow(at + 1)?;
                self.at += 2;
                continue;
            } else {
                return Err(CmdError::SYNTAX);
            };
            if left < words {
                return Err(CmdError::SYNTAX);
            }
            self.at += 1 + words;
            return self.step(at, value).map(Some);
        }
        Ok(None)
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, CmdError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_next().transpose()
    }
}

pub static BITFIELD: Command = Command::data("bitfield", bitfield)
    .arity(-2)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("3.2.0")
    .summary("Reads and writes integers of any width in the string at a key.")
    .complexity("O(1) for each of the steps.")
    .keys(&[KeySpec::at(1)
        .rw(ACCESS | UPDATE | VARIABLE_FLAGS)
        .notes("Only if there is something else than GET among the steps, the key is written to.")])
    .find_keys(getkeys::bitfield)
    .args(&[
        Arg::key("key"),
        Arg::one_of(
            "operation",
            &[
                Arg::block("get-block", &[Arg::string("encoding"), Arg::integer("offset")])
                    .token("GET"),
                Arg::block(
                    "write",
                    &[
                        Arg::one_of(
                            "overflow-block",
                            &[
                                Arg::pure_token("wrap", "WRAP"),
                                Arg::pure_token("sat", "SAT"),
                                Arg::pure_token("fail", "FAIL"),
                            ],
                        )
                        .token("OVERFLOW")
                        .optional(),
                        Arg::one_of(
                            "write-operation",
                            &[
                                Arg::block(
                                    "set-block",
                                    &[
                                        Arg::string("encoding"),
                                        Arg::integer("offset"),
                                        Arg::integer("value"),
                                    ],
                                )
                                .token("SET"),
                                Arg::block(
                                    "incrby-block",
                                    &[
                                        Arg::string("encoding"),
                                        Arg::integer("offset"),
                                        Arg::integer("increment"),
                                    ],
                                )
                                .token("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .multiple(),
    ]);

fn bitfield(cx: &mut Cx<'_>) -> CmdResult {
    let (count, len) = survey(cx)?;
    let Some(len) = len else { return read_all(cx, count) };
    let (key, steps, out) = (cx.args.at(1), Steps::of(cx), &mut *cx.out);
    let (mut stored, mut differing) = (0, 0);
    let edited = cx.db.reach_text(key, len, |bytes| {
        out.array(count);
        for step in steps.flatten() {
            let (is_stored, differs) = step.run(bytes, out);
            stored += u64::from(is_stored);
            differing += u64::from(differs);
        }
    })?;
    // A string that has grown is another one, even if no number was stored. Compat: in that case
    // the reference says nothing, and leaves its replicas behind.
    let changes = if edited.old < edited.len { stored.max(1) } else { differing };
    if changes > 0 {
        cx.db.changed(key, SET_BIT, changes);
    }
    Ok(Done)
}

/// Checks all steps: how many there are, and how long the string must be for those that write.
fn survey(cx: &Cx<'_>) -> Result<(usize, Option<usize>), CmdError> {
    let (mut count, mut len) = (0, None);
    for step in Steps::of(cx) {
        let step = step?;
        count += 1;
        if !matches!(step.action, Action::Get) {
            len = len.max(Some(step.end()));
        }
    }
    Ok((count, len))
}

/// Answers steps of which none writes.
fn read_all(cx: &mut Cx<'_>, count: usize) -> CmdResult {
    let steps = Steps::of(cx);
    let text = cx.db.get::<Text>(cx.args.at(1))?;
    let mut buffer = Vec::new();
    let bytes = text.map_or(&b""[..], |text| text.bytes(&mut buffer));
    cx.out.array(count);
    for step in steps.flatten() {
        cx.out.int(step.field.read(bytes, step.bit));
    }
    Ok(Done)
}

pub static BITFIELD_RO: Command = Command::data("bitfield_ro", bitfield_ro)
    .arity(-2)
    .flags(flag::READONLY | flag::FAST)
    .categories(category::BITMAP)
    .group(Group::Bitmap)
    .since("6.0.0")
    .summary("Reads integers of any width in the string at a key.")
    .complexity("O(1) for each of the steps.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::block("get-block", &[Arg::string("encoding"), Arg::integer("offset")])
            .token("GET")
            .optional()
            .multiple()
            .multiple_token(),
    ]);

fn bitfield_ro(cx: &mut Cx<'_>) -> CmdResult {
    match survey(cx)? {
        (count, None) => read_all(cx, count),
        (_, Some(_)) => Err(CmdError::BITFIELD_READS),
    }
}
