//! The sparse form: registers as runs of equal ones.
//!
//! ```text
//!   00nnnnnn             n+1 zeros, 1 to 64
//!   01nnnnnn nnnnnnnn    n+1 zeros, 1 to 16384, high bits first
//!   1vvvvvnn             n+1 registers of value v+1: 1 to 4 of 1 to 32
//! ```
//!
//! Runs follow one another from register 0 on, and must make up all registers. A change splits the
//! run that it falls into and joins neighbours, but only some of them: the exact outcome is visible
//! to everybody who compares two values, or counts their bytes, so it is that of the reference,
//! step by step.
//!
//! Nothing here trusts the runs. They may end too early, go on too far or break off in the middle
//! of one: that is [`Corrupt`] when it matters, and never more than that.

use super::dense::Registers;
use super::hash::Element;
use super::{Corrupt, HEADER, REGISTERS};

/// The longest run of zeros that takes one byte.
const ZEROS_MAX: usize = 64;
/// The highest value that a run can have.
const VALUE_MAX: u8 = 32;
/// The longest run of a value.
const VALUES_MAX: usize = 4;

/// A run, where it stands.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Its bytes.
    at: usize,
    size: usize,
    /// Its registers.
    first: usize,
    len: usize,
    value: u8,
}

/// The run that begins at a byte, with a register. Nothing, if it breaks off.
#[inline]
fn run_at(bytes: &[u8], at: usize, first: usize) -> Option<Run> {
    let byte = *bytes.get(at)?;
    let low = usize::from(byte & 0x3f);
    let (size, len, value) = match byte >> 6 {
        0 => (1, low + 1, 0),
        1 => (2, (low << 8 | usize::from(*bytes.get(at + 1)?)) + 1, 0),
        _ => (1, (low & 3) + 1, (byte >> 2 & 0x1f) + 1),
    };
    Some(Run { at, size, first, len, value })
}

/// The runs one after another.
fn walk(runs: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    let (mut at, mut first) = (0, 0);
    std::iter::from_fn(move || {
        if at >= runs.len() {
            return None;
        }
        let Some(run) = run_at(runs, at, first) else {
            at = runs.len();
            return Some(Err(Corrupt));
        };
        (at, first) = (at + run.size, first + run.len);
        Some(Ok(run))
    })
}

/// Whether the runs make up all registers.
pub fn check(runs: &[u8]) -> Result<(), Corrupt> {
    let mut registers = 0;
    for run in walk(runs) {
        registers += run?.len;
        if registers > REGISTERS {
            return Err(Corrupt);
        }
    }
    if registers == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Raises registers to what the runs say of them.
pub fn raise(runs: &[u8], registers: &mut Registers) -> Result<(), Corrupt> {
    check(runs)?;
    for run in walk(runs) {
        let run = run?;
        if run.value > 0 {
            registers.raise(run.first..run.first + run.len, run.value);
        }
    }
    Ok(())
}

/// The runs as PFDEBUG DECODE shows them.
pub fn describe(runs: &[u8]) -> Result<String, Corrupt> {
    let word = |run: Result<Run, Corrupt>| {
        let Run { size, len, value, .. } = run?;
        Ok(match (value, size) {
            (0, 1) => format!("z:{len}"),
            (0, _) => format!("Z:{len}"),
            _ => format!("v:{value},{len}"),
        })
    };
    Ok(walk(runs).map(word).collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Whether the element's register is lower than its count.
pub fn lacks(runs: &[u8], element: Element) -> Result<bool, Corrupt> {
    let (mut at, mut first) = (0, 0);
    loop {
        let run = run_at(runs, at, first).ok_or(Corrupt)?;
        (at, first) = (at + run.size, first + run.len);
        if element.register < first {
            return Ok(run.value < element.count);
        }
    }
}

/// Where in a value the last change was, so that one behind it need not be looked for from the
/// beginning. It is the run before the changed one: that may have grown, but has not moved, and
/// whatever stands before it has not changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// Its byte and its first register.
    run: Option<(usize, usize)>,
    /// The byte of the run before it.
    before: Option<usize>,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Changed,
    Unchanged,
    /// Only a dense one can hold it; nothing was changed.
    TooLarge,
}

/// Raises a register in a sparse value.
pub fn set(
    value: &mut Vec<u8>,
    element: Element,
    sparse_max: u64,
    place: &mut Place,
) -> Result<Outcome, Corrupt> {
    if element.count > VALUE_MAX {
        return Ok(Outcome::TooLarge);
    }
    let (run, before) = find(value, element.register, place)?;
    if run.value >= element.count {
        return Ok(Outcome::Unchanged);
    }
    let mut split = Split::default();
    split.push(run.value, element.register - run.first);
    split.push(element.count, 1);
    split.push(run.value, run.first + run.len - 1 - element.register);
    let (old, new) = (run.at..run.at + run.size, split.bytes());
    let len = value.len() - old.len() + new.len();
    if new.len() > old.len() && len as u64 > sparse_max {
        return Ok(Outcome::TooLarge);
    }
    value.splice(old, new.iter().copied());
    join(value, before.unwrap_or(HEADER));
    Ok(Outcome::Changed)
}

/// The run that a register belongs to, and the byte of the run before it.
fn find(value: &[u8], register: usize, place: &mut Place) -> Result<(Run, Option<usize>), Corrupt> {
    let known = place.run.filter(|(_, first)| *first <= register);
    let (at, first) = known.unwrap_or((HEADER, 0));
    let mut before = if known.is_some() { place.before } else { None };
    let mut run = run_at(value, at, first).ok_or(Corrupt)?;
    *place = Place::default();
    while register >= run.first + run.len {
        *place = Place { run: Some((run.at, run.first)), before };
        before = Some(run.at);
        run = run_at(value, run.at + run.size, run.first + run.len).ok_or(Corrupt)?;
    }
    if place.before.is_none() {
        *place = Place::default();
    }
    Ok((run, before))
}

/// What a run becomes: up to three, in up to five bytes.
#[derive(Default)]
struct Split {
    bytes: [u8; 5],
    len: usize,
}

impl Split {
    fn push(&mut self, value: u8, len: usize) {
        match (value, len) {
            (_, 0) => {}
            (0, _) => {
                let (bytes, size) = zeros(len);
                bytes[..size].iter().for_each(|byte| self.push_byte(*byte));
            }
            (_, _) => self.push_byte(values(value, len)),
        }
    }

    fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A run of zeros: its bytes, and how many they are.
fn zeros(len: usize) -> ([u8; 2], usize) {
    debug_assert!((1..=REGISTERS).contains(&len));
    match len - 1 {
        n if n < ZEROS_MAX => ([n as u8, 0], 1),
        n => ([0x40 | (n >> 8) as u8, n as u8], 2),
    }
}

/// A run of a value.
fn values(value: u8, len: usize) -> u8 {
    debug_assert!((1..=VALUE_MAX).contains(&value) && (1..=VALUES_MAX).contains(&len));
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Appends a run of zeros.
pub fn push_zeros(value: &mut Vec<u8>, len: usize) {
    let (bytes, size) = zeros(len);
    value.extend_from_slice(&bytes[..size]);
}

/// Joins runs of the same value near a change: from the run at a byte on, in five steps, of which
/// each joins two runs or goes on to the next one. Zeros are not joined.
fn join(value: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..5 {
        let Some(run) = run_at(value, at, 0) else { return };
        let next = if run.value > 0 { run_at(value, at + 1, 0) } else { None };
        match next {
            Some(next) if next.value == run.value && run.len + next.len <= VALUES_MAX => {
                value[at] = values(run.value, run.len + next.len);
                value.remove(at + 1);
            }
            _ => at += run.size,
        }
    }
}
