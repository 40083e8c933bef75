//! `cmsgpack`: MessagePack.
//!
//! Tables whose keys are 1 to n are arrays, all others maps; what lies deeper than [`NESTING_MAX`]
//! tables is nil. Numbers are as short as they can be. Reading takes what MessagePack was when the
//! library was written: there is no `bin` and no `ext`. Lengths that the input announces are held
//! against what there is of it before memory is taken.

use crate::script::lua::guard::to_int;
use crate::script::lua::{Kind, Raise, Stack, Verdict};

const NESTING_MAX: usize = 16;
/// How deep input may be nested: it is read by recursion.
const DEPTH_MAX: u32 = 1000;

pub fn push(s: &mut Stack) {
    s.push_table(0, 8);
    s.set_function(b"pack", pack);
    s.set_function(b"unpack", unpack);
    s.set_function(b"unpack_one", unpack_one);
    s.set_function(b"unpack_limit", unpack_limit);
    let facts = [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ];
    for (name, value) in facts {
        s.push_bytes(value.as_bytes());
        s.set_field(-2, name.as_bytes());
    }
}

// -- writing --------------------------------------------------------------------------------------

fn pack(s: &mut Stack) -> Verdict {
    let count = s.top();
    if count == 0 {
        return Err(Raise::argument(0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for number in 1..=count {
        s.push_value(number);
        put_value(s, &mut out, 0)?;
        s.pop(1);
    }
    s.push_bytes(&out);
    Ok(1)
}

/// Writes the value on top.
fn put_value(s: &mut Stack, out: &mut Vec<u8>, depth: usize) -> Result<(), Raise> {
    match s.kind(-1) {
        Kind::Text => put_text(out, s.bytes(-1).unwrap_or_default()),
        Kind::Boolean => out.push(if s.is_true(-1) { 0xc3 } else { 0xc2 }),
        Kind::Number => put_number(out, s.number(-1).unwrap_or(0.0)),
        Kind::Table if depth < NESTING_MAX => return put_table(s, out, depth),
        _ => out.push(0xc0),
    }
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..256 => out.extend_from_slice(&[0xd9, len as u8]),
        len => put_head(out, len, [0xda, 0xdb]),
    }
    out.extend_from_slice(text);
}

/// A length of 16 or 32 bits behind its kind.
fn put_head(out: &mut Vec<u8>, len: usize, [short, long]: [u8; 2]) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(short);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(long);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn put_number(out: &mut Vec<u8>, number: f64) {
    let is_whole = number >= i64::MIN as f64
        && number < -(i64::MIN as f64)
        && (number as i64) as f64 == number;
    if is_whole {
        return put_integer(out, number as i64);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, number: i64) {
    match number {
        0..=127 => out.push(number as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
        -32..0 => out.push(number as u8),
        -128..-32 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..-128 => {
            out.push(0xd1);
            out.extend_from_slice(&(number as i16).to_be_bytes());
        }
        -0x8000_0000..-0x8000 => {
            out.push(0xd2);
            out.extend_from_slice(&(number as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// How many pairs the table on top has, and whether their keys are 1 to that number.
fn survey(s: &mut Stack) -> (usize, bool) {
    let (mut count, mut most, mut is_array) = (0, 0.0_f64, true);
    s.push_nil();
    while s.next(s.absolute(-2)) {
        s.pop(1);
        count += 1;
        match s.number(-1) {
            Some(key) if key > 0.0 && key.fract() == 0.0 => most = most.max(key),
            _ => is_array = false,
        }
    }
    (count, is_array && most == count as f64)
}

fn put_table(s: &mut Stack, out: &mut Vec<u8>, depth: usize) -> Result<(), Raise> {
    if !s.try_room(6) {
        return Err(Raise::here("stack overflow (in function mp_encode_lua_table)"));
    }
    if out.len() > s.heap_left() {
        return Err(Raise::bare("not enough memory"));
    }
    let (count, is_array) = survey(s);
    if is_array {
        match count {
            0..16 => out.push(0x90 | count as u8),
            _ => put_head(out, count, [0xdc, 0xdd]),
        }
        for index in 1..=count {
            s.raw_get_i(-1, index as i32);
            put_value(s, out, depth + 1)?;
            s.pop(1);
        }
        return Ok(());
    }
    match count {
        0..16 => out.push(0x80 | count as u8),
        _ => put_head(out, count, [0xde, 0xdf]),
    }
    s.push_nil();
    while s.next(s.absolute(-2)) {
        s.push_value(-2);
        put_value(s, out, depth + 1)?;
        s.pop(1);
        put_value(s, out, depth + 1)?;
        s.pop(1);
    }
    Ok(())
}

// -- reading --------------------------------------------------------------------------------------

fn missing() -> Raise {
    Raise::here("Missing bytes in input.")
}

/// Input being read.
struct Input<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Raise> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or_else(missing)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn text(&mut self, s: &Stack, len: usize) -> Result<(), Raise> {
        let (text, rest) = self.rest.split_at_checked(len).ok_or_else(missing)?;
        self.rest = rest;
        s.push_bytes(text);
        Ok(())
    }

    /// Pushes the next value.
    fn value(&mut self, s: &mut Stack) -> Result<(), Raise> {
        let [kind] = self.take::<1>()?;
        match kind {
            0x00..=0x7f => s.push_number(f64::from(kind)),
            0xe0..=0xff => s.push_number(f64::from(kind as i8)),
            0x80..=0x8f => self.map(s, usize::from(kind & 15))?,
            0x90..=0x9f => self.array(s, usize::from(kind & 15))?,
            0xa0..=0xbf => self.text(s, usize::from(kind & 31))?,
            0xc0 => s.push_nil(),
            0xc2 | 0xc3 => s.push_bool(kind == 0xc3),
            0xca => s.push_number(f64::from(f32::from_be_bytes(self.take()?))),
            0xcb => s.push_number(f64::from_be_bytes(self.take()?)),
            0xcc => s.push_number(f64::from(self.take::<1>()?[0])),
            0xcd => s.push_number(f64::from(u16::from_be_bytes(self.take()?))),
            0xce => s.push_number(f64::from(u32::from_be_bytes(self.take()?))),
            // Compat: what has 64 bits is signed, said or not.
            0xcf | 0xd3 => s.push_number(i64::from_be_bytes(self.take()?) as f64),
            0xd0 => s.push_number(f64::from(self.take::<1>()?[0] as i8)),
            0xd1 => s.push_number(f64::from(i16::from_be_bytes(self.take()?))),
            0xd2 => s.push_number(f64::from(i32::from_be_bytes(self.take()?))),
            0xd9..=0xdf => {
                let len = match kind {
                    0xd9 => usize::from(self.take::<1>()?[0]),
                    0xda | 0xdc | 0xde => usize::from(u16::from_be_bytes(self.take()?)),
                    _ => u32::from_be_bytes(self.take()?) as usize,
                };
                match kind {
                    0xdc | 0xdd => self.array(s, len)?,
                    0xde | 0xdf => self.map(s, len)?,
                    _ => self.text(s, len)?,
                }
            }
            _ => return Err(Raise::here("Bad data format in input.")),
        }
        Ok(())
    }

    fn array(&mut self, s: &mut Stack, len: usize) -> Result<(), Raise> {
        if self.depth >= DEPTH_MAX || !s.try_room(2) {
            return Err(Raise::here("stack overflow (in function mp_decode_to_lua_array)"));
        }
        self.depth += 1;
        s.push_table(len.min(self.rest.len()), 0);
        for index in 1..=len {
            self.value(s)?;
            s.raw_set_i(-2, index as i32);
        }
        self.depth -= 1;
        Ok(())
    }

    fn map(&mut self, s: &mut Stack, len: usize) -> Result<(), Raise> {
        if self.depth >= DEPTH_MAX || !s.try_room(3) {
            return Err(Raise::here("stack overflow (in function mp_decode_to_lua_hash)"));
        }
        self.depth += 1;
        // Compat: it grows as it is filled, which shows in the order in which `pairs` finds what is
        // in there.
        s.push_table(0, 0);
        for _ in 0..len {
            self.value(s)?;
            match s.kind(-1) {
                Kind::Nil => {
                    self.value(s)?;
                    return Err(Raise::bare("table index is nil"));
                }
                Kind::Number if s.number(-1).is_some_and(f64::is_nan) => {
                    self.value(s)?;
                    return Err(Raise::bare("table index is NaN"));
                }
                _ => self.value(s)?,
            }
            s.raw_set(-3);
        }
        self.depth -= 1;
        Ok(())
    }
}

fn unpack(s: &mut Stack) -> Verdict {
    unpack_from(s, 0, 0)
}

fn unpack_one(s: &mut Stack) -> Verdict {
    let offset = optional(s, 2)?;
    s.check_text(1)?;
    unpack_from(s, 1, offset)
}

fn unpack_limit(s: &mut Stack) -> Verdict {
    let limit = to_int(s.check_number(2)?);
    let offset = optional(s, 3)?;
    s.check_text(1)?;
    unpack_from(s, limit, offset)
}

fn optional(s: &Stack, number: i32) -> Result<i32, Raise> {
    match s.kind(number) {
        Kind::None | Kind::Nil => Ok(0),
        _ => s.check_number(number).map(to_int),
    }
}

/// Pushes up to `limit` values that stand in the input from `offset` on, and where the rest begins;
/// or, when neither is asked for, all values alone.
fn unpack_from(s: &mut Stack, limit: i32, offset: i32) -> Verdict {
    let data = s.check_text(1)?.to_vec();
    let len = data.len();
    let (Ok(count_max), Ok(offset_at)) = (usize::try_from(limit), usize::try_from(offset)) else {
        return Err(Raise::here(format!(
            "Invalid request to unpack with offset of {offset} and limit of {len}."
        )));
    };
    let rest = data.get(offset_at..).ok_or_else(|| {
        Raise::here(format!("Start offset {offset} greater than input length {len}."))
    })?;
    let is_all = limit == 0 && offset == 0;
    let mut input = Input { rest, depth: 0 };
    let mut count = 0;
    s.set_top(1);
    while !input.rest.is_empty() && (is_all || count < count_max) {
        if !s.try_room(2) {
            return Err(Raise::here(
                "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)",
            ));
        }
        input.value(s)?;
        count += 1;
    }
    if is_all {
        return Ok(count as i32);
    }
    let next = if input.rest.is_empty() { -1.0 } else { (len - input.rest.len()) as f64 };
    s.push_number(next);
    s.insert(2);
    Ok(count as i32 + 1)
}
