//! `struct`: numbers and strings to bytes and back, by a format.
//!
//! ```text
//!   > < !n        big endian, little endian, alignment (8 without a number)       b B h H l L T    1, 2, 8, 8 bytes
//!   x             a byte of padding                                               in In            n bytes, 4 without
//!   s             a string up to a NUL       cn  n bytes (c0: as many as the number before it says)      f d
//! ```
//!
//! Lower-case letters are signed. Sizes are checked before anything is read or written.

use crate::script::lua::{Kind, Raise, Stack, Verdict};

const INT_MAX: u64 = i32::MAX as u64;
const SIZE_MAX: usize = 32;
const ALIGN: usize = 8;

pub fn push(s: &mut Stack) {
    s.push_table(0, 3);
    s.set_function(b"pack", pack);
    s.set_function(b"unpack", unpack);
    s.set_function(b"size", size);
}

/// A format being read.
struct Format {
    text: Vec<u8>,
    at: usize,
    is_big: bool,
    align: usize,
}

impl Format {
    fn of(s: &mut Stack) -> Result<Format, Raise> {
        let mut text = s.check_text(1)?.to_vec();
        text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
        Ok(Format { text, at: 0, is_big: false, align: 1 })
    }

    /// The number here, or what holds without one.
    fn number(&mut self, default: usize) -> Result<usize, Raise> {
        let digit = |b: &u8| b.is_ascii_digit().then(|| u64::from(b - b'0'));
        let Some(mut number) = self.text.get(self.at).and_then(digit) else {
            return Ok(default);
        };
        self.at += 1;
        while let Some(next) = self.text.get(self.at).and_then(digit) {
            number = number * 10 + next;
            if number > INT_MAX {
                return Err(Raise::here("integral size overflow"));
            }
            self.at += 1;
        }
        Ok(number as usize)
    }

    /// The next letter and its size.
    fn next(&mut self) -> Result<Option<(u8, usize)>, Raise> {
        let Some(&letter) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > SIZE_MAX {
                    let text = format!("integral size {size} is larger than limit of {SIZE_MAX}");
                    return Err(Raise::here(text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((letter, size)))
    }

    /// Bytes of padding in front of a value.
    fn padding(&self, at: usize, (letter, size): (u8, usize)) -> usize {
        let size = if letter == b'c' { 0 } else { size.min(self.align) };
        if size > 1 { (size - (at & (size - 1))) & (size - 1) } else { 0 }
    }

    /// A letter that stands for no value.
    fn control(&mut self, letter: u8) -> Result<(), Raise> {
        match letter {
            b' ' => {}
            b'>' => self.is_big = true,
            b'<' => self.is_big = false,
            b'!' => {
                let align = self.number(ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(Raise::here(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            other => {
                let text = format!("invalid format option '{}'", char::from(other));
                return Err(Raise::argument(1, text));
            }
        }
        Ok(())
    }
}

fn absent(s: &Stack, number: i32, wanted: &str) -> Raise {
    match s.kind(number) {
        // Compat: the list of arguments has nil for its end.
        Kind::None => Raise::argument(number, format!("{wanted} expected, got nil")),
        _ => s.wrong_type(number, wanted),
    }
}

fn pack(s: &mut Stack) -> Verdict {
    let mut format = Format::of(s)?;
    let (mut out, mut at, mut number) = (Vec::new(), 0, 2);
    while let Some((letter, mut size)) = format.next()? {
        let padding = format.padding(at, (letter, size));
        at += padding;
        out.extend(std::iter::repeat_n(0, padding));
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = s.as_number(number).ok_or_else(|| absent(s, number, "number"))?;
                number += 1;
                put_integer(&mut out, value, (size, format.is_big));
            }
            b'x' => out.push(0),
            b'f' | b'd' => {
                let value = s.as_number(number).ok_or_else(|| absent(s, number, "number"))?;
                number += 1;
                match (letter, format.is_big) {
                    (b'f', true) => out.extend_from_slice(&(value as f32).to_be_bytes()),
                    (b'f', false) => out.extend_from_slice(&(value as f32).to_le_bytes()),
                    (_, true) => out.extend_from_slice(&value.to_be_bytes()),
                    (_, false) => out.extend_from_slice(&value.to_le_bytes()),
                }
            }
            b'c' | b's' => {
                if !matches!(s.kind(number), Kind::Text | Kind::Number) {
                    return Err(absent(s, number, "string"));
                }
                let text = s.text(number).unwrap_or_default();
                number += 1;
                if size == 0 {
                    size = text.len();
                }
                if text.len() < size {
                    return Err(Raise::argument(number, "string too short"));
                }
                out.extend_from_slice(&text[..size]);
                if letter == b's' {
                    out.push(0);
                    size += 1;
                }
            }
            other => format.control(other)?,
        }
        at += size;
        if out.len() > s.heap_left() {
            return Err(Raise::bare("not enough memory"));
        }
    }
    s.push_bytes(&out);
    Ok(1)
}

/// Beyond eight bytes there are zeros, negative or not.
fn put_integer(out: &mut Vec<u8>, value: f64, (size, is_big): (usize, bool)) {
    let bits = if value < 0.0 { (value as i64).cast_unsigned() } else { value as u64 };
    let mut bytes = [0; SIZE_MAX];
    bytes[..8].copy_from_slice(&bits.to_le_bytes());
    let bytes = &mut bytes[..size];
    if is_big {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

fn read_integer(bytes: &[u8], is_big: bool, is_signed: bool) -> f64 {
    let join = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
    let bits = match is_big {
        true => bytes.iter().fold(0, join),
        false => bytes.iter().rev().fold(0, join),
    };
    if !is_signed {
        return bits as f64;
    }
    let spare = 64_u32.saturating_sub(8 * bytes.len() as u32).min(63);
    ((bits << spare).cast_signed() >> spare) as f64
}

fn unpack(s: &mut Stack) -> Verdict {
    let mut format = Format::of(s)?;
    let data = s.check_text(2)?.to_vec();
    let at = match s.kind(3) {
        Kind::None | Kind::Nil => 1,
        _ => s.check_number(3)? as i64,
    };
    if at == 0 {
        return Err(Raise::argument(3, "offset must be 1 or greater"));
    }
    let short = || Raise::argument(2, "data string too short");
    let mut at = usize::try_from(at - 1).map_err(|_| short())?;
    let mut results = 0;
    while let Some((letter, mut size)) = format.next()? {
        at = at.saturating_add(format.padding(at, (letter, size)));
        let mut bytes = data.get(at..).and_then(|rest| rest.get(..size)).ok_or_else(short)?;
        if !s.try_room(2) {
            return Err(Raise::here("stack overflow (too many results)"));
        }
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                s.push_number(read_integer(bytes, format.is_big, letter.is_ascii_lowercase()));
                results += 1;
            }
            b'x' => {}
            b'f' | b'd' => {
                s.push_number(read_float(bytes, format.is_big));
                results += 1;
            }
            b'c' => {
                if size == 0 {
                    let wanted = if results > 0 { s.as_number(-1) } else { None };
                    let wanted =
                        wanted.ok_or_else(|| Raise::here("format 'c0' needs a previous size"))?;
                    s.pop(1);
                    results -= 1;
                    size = if wanted < 0.0 { usize::MAX } else { wanted as usize };
                    bytes = data.get(at..).and_then(|rest| rest.get(..size)).ok_or_else(short)?;
                }
                s.push_bytes(bytes);
                results += 1;
            }
            b's' => {
                let rest = &data[at..];
                let end = memchr::memchr(0, rest);
                let end = end.ok_or_else(|| Raise::here("unfinished string in data"))?;
                s.push_bytes(&rest[..end]);
                size = end + 1;
                results += 1;
            }
            other => format.control(other)?,
        }
        at += size;
    }
    s.push_number((at + 1) as f64);
    Ok(results + 1)
}

fn read_float(bytes: &[u8], is_big: bool) -> f64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    if is_big {
        word[..bytes.len()].reverse();
    }
    match bytes.len() {
        4 => f64::from(f32::from_le_bytes([word[0], word[1], word[2], word[3]])),
        _ => f64::from_le_bytes(word),
    }
}

fn size(s: &mut Stack) -> Verdict {
    let mut format = Format::of(s)?;
    let mut at: usize = 0;
    while let Some((letter, size)) = format.next()? {
        at = at.saturating_add(format.padding(at, (letter, size)));
        if letter == b's' || letter == b'c' && size == 0 {
            let name = if letter == b's' { "s" } else { "c0" };
            return Err(Raise::argument(1, format!("option '{name}' has no fixed size")));
        }
        if !letter.is_ascii_alphanumeric() {
            format.control(letter)?;
        }
        at = at.saturating_add(size);
    }
    s.push_number(at as f64);
    Ok(1)
}
