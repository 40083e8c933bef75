//! Values to JSON.

use super::{
    DEPTH_MAX, EncodeDepth, EncodeInvalid, Precision, SparseConvert, SparseRatio, SparseSafe,
    setting,
};
use crate::script::libs::number::write_general;
use crate::script::lua::{Kind, Raise, Stack, Verdict};

/// What a byte of a string is written as: 0 as itself, 1 as `\u00xx`, else a backslash and this.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escapes[byte] = 1;
        byte += 1;
    }
    escapes[0x7f] = 1;
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'/' as usize] = b'/';
    escapes[0x08] = b'b';
    escapes[b'\t' as usize] = b't';
    escapes[b'\n' as usize] = b'n';
    escapes[0x0c] = b'f';
    escapes[b'\r' as usize] = b'r';
    escapes
};

struct Encoder {
    out: Vec<u8>,
    sparse: (bool, f64, f64),
    depth_max: i32,
    precision: usize,
    invalid: u8,
}

pub fn encode(s: &mut Stack) -> Verdict {
    if s.top() != 1 {
        return Err(Raise::argument(1, "expected 1 argument"));
    }
    let mut encoder = Encoder {
        out: Vec::with_capacity(256),
        sparse: (setting(s, SparseConvert) != 0.0, setting(s, SparseRatio), setting(s, SparseSafe)),
        depth_max: (setting(s, EncodeDepth) as i32).min(DEPTH_MAX),
        precision: setting(s, Precision) as usize,
        invalid: setting(s, EncodeInvalid) as u8,
    };
    encoder.value(s, 0)?;
    s.push_bytes(&encoder.out);
    Ok(1)
}

impl Encoder {
    /// Writes the value on top.
    fn value(&mut self, s: &mut Stack, depth: i32) -> Result<(), Raise> {
        match s.kind(-1) {
            Kind::Text => self.text(s.bytes(-1).unwrap_or_default()),
            Kind::Number => self.number(s.number(-1).unwrap_or(0.0))?,
            Kind::Boolean if s.is_true(-1) => self.out.extend_from_slice(b"true"),
            Kind::Boolean => self.out.extend_from_slice(b"false"),
            Kind::Table => self.table(s, depth + 1)?,
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::Pointer if s.is_null_pointer(-1) => self.out.extend_from_slice(b"null"),
            _ => return Err(refuse(&s.type_name(-1), "type not supported")),
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|b| ESCAPES[usize::from(*b)] != 0) {
            self.out.extend_from_slice(&rest[..at]);
            let byte = rest[at];
            match ESCAPES[usize::from(byte)] {
                1 => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let digits = [byte >> 4, byte & 15].map(|n| HEX[usize::from(n)]);
                    self.out.extend_from_slice(b"\\u00");
                    self.out.extend_from_slice(&digits);
                }
                letter => self.out.extend_from_slice(&[b'\\', letter]),
            }
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn number(&mut self, number: f64) -> Result<(), Raise> {
        if !number.is_finite() {
            match self.invalid {
                0 => return Err(refuse("number", "must not be NaN or Inf")),
                1 => {}
                _ => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
            }
        }
        write_general(&mut self.out, number, self.precision);
        Ok(())
    }

    fn table(&mut self, s: &mut Stack, depth: i32) -> Result<(), Raise> {
        if depth > self.depth_max || !s.try_room(4) {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(Raise::here(text));
        }
        if self.out.len() > s.heap_left() {
            return Err(Raise::bare("not enough memory"));
        }
        match self.array_len(s)? {
            Some(len) => self.array(s, len, depth),
            None => self.object(s, depth),
        }
    }

    /// The length of the table on top if it is an array that may be written as one.
    fn array_len(&self, s: &mut Stack) -> Result<Option<i32>, Raise> {
        let (mut items, mut most) = (0.0, 0.0_f64);
        let table = s.absolute(-1);
        s.push_nil();
        while s.next(table) {
            s.pop(1);
            match s.number(-1) {
                Some(key) if key > 0.0 && key.floor() == key && key <= f64::from(i32::MAX) => {
                    most = most.max(key);
                    items += 1.0;
                }
                _ => {
                    s.pop(1);
                    return Ok(None);
                }
            }
        }
        let (convert, ratio, safe) = self.sparse;
        if ratio > 0.0 && most > items * ratio && most > safe {
            if !convert {
                return Err(refuse("table", "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok((most > 0.0).then_some(most as i32))
    }

    fn array(&mut self, s: &mut Stack, len: i32, depth: i32) -> Result<(), Raise> {
        self.out.push(b'[');
        for index in 1..=len {
            if index > 1 {
                self.out.push(b',');
            }
            s.raw_get_i(-1, index);
            self.value(s, depth)?;
            s.pop(1);
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, s: &mut Stack, depth: i32) -> Result<(), Raise> {
        self.out.push(b'{');
        let table = s.absolute(-1);
        let mut is_first = true;
        s.push_nil();
        while s.next(table) {
            if !std::mem::replace(&mut is_first, false) {
                self.out.push(b',');
            }
            match s.kind(-2) {
                Kind::Text => self.text(s.bytes(-2).unwrap_or_default()),
                Kind::Number => {
                    self.out.push(b'"');
                    self.number(s.number(-2).unwrap_or(0.0))?;
                    self.out.push(b'"');
                }
                _ => {
                    let kind = s.type_name(-2);
                    return Err(refuse(&kind, "table key must be a number or string"));
                }
            }
            self.out.push(b':');
            self.value(s, depth)?;
            s.pop(1);
        }
        self.out.push(b'}');
        Ok(())
    }
}

fn refuse(kind: &str, why: &str) -> Raise {
    Raise::here(format!("Cannot serialise {kind}: {why}"))
}
