//! JSON to values.
//!
//! What is accepted is what the reference accepts: a NUL ends the text, numbers may have a plus
//! sign or be hexadecimal, and so forth. Depth is limited by a setting and by Lua's own stack.

use super::{DEPTH_MAX, DecodeDepth, DecodeInvalid, setting};
use crate::script::lua::{Raise, Stack, Verdict};

/// A piece of JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// It is in [`Decoder::text`], or this range of the input.
    Text(Option<(usize, usize)>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Bad(&'static str),
}

impl Token {
    fn name(self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Text(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Bad(what) => what,
        }
    }
}

struct Decoder<'a> {
    input: &'a [u8],
    at: usize,
    /// Where the last token began, or what is wrong with it.
    token_at: usize,
    /// The last string, if it had escapes.
    text: Vec<u8>,
    depth: i32,
    depth_max: i32,
    lenient: bool,
}

pub fn decode(s: &mut Stack) -> Verdict {
    if s.top() != 1 {
        return Err(Raise::argument(1, "expected 1 argument"));
    }
    let (depth_max, lenient) =
        ((setting(s, DecodeDepth) as i32).min(DEPTH_MAX), setting(s, DecodeInvalid) != 0.0);
    // The text stays where it is: it is pinned by its place on the stack, below all that is pushed.
    let input = s.check_text(1)?.to_vec();
    if input.len() >= 2 && (input[0] == 0 || input[1] == 0) {
        return Err(Raise::here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut decoder = Decoder {
        input: &input,
        at: 0,
        token_at: 0,
        text: Vec::new(),
        depth: 0,
        depth_max,
        lenient,
    };
    let token = decoder.next();
    decoder.value(s, token)?;
    match decoder.next() {
        Token::End => Ok(1),
        token => Err(decoder.expected("the end", token)),
    }
}

impl Decoder<'_> {
    fn expected(&self, wanted: &str, found: Token) -> Raise {
        let (found, at) = (found.name(), self.token_at + 1);
        Raise::here(format!("Expected {wanted} but found {found} at character {at}"))
    }

    fn peek(&self) -> u8 {
        self.input.get(self.at).copied().unwrap_or(0)
    }

    // -- values
    // ---------------------------------------------------------------------------------------

    /// Pushes the value that begins with a token.
    fn value(&mut self, s: &mut Stack, token: Token) -> Result<(), Raise> {
        match token {
            Token::Text(range) => self.push_text(s, range),
            Token::Number(number) => s.push_number(number),
            Token::Boolean(yes) => s.push_bool(yes),
            Token::Null => s.push_null_pointer(),
            Token::ObjectBegin => return self.object(s),
            Token::ArrayBegin => return self.array(s),
            _ => return Err(self.expected("value", token)),
        }
        Ok(())
    }

    fn push_text(&self, s: &Stack, range: Option<(usize, usize)>) {
        match range {
            Some((from, to)) => s.push_bytes(&self.input[from..to]),
            None => s.push_bytes(&self.text),
        }
    }

    fn descend(&mut self, s: &Stack, places: i32) -> Result<(), Raise> {
        self.depth += 1;
        if self.depth <= self.depth_max && s.try_room(places) {
            return Ok(());
        }
        Err(Raise::here(format!(
            "Found too many nested data structures ({}) at character {}",
            self.depth, self.at
        )))
    }

    fn object(&mut self, s: &mut Stack) -> Result<(), Raise> {
        self.descend(s, 3)?;
        s.push_table(0, 0);
        let mut token = self.next();
        if token == Token::ObjectEnd {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let Token::Text(range) = token else {
                return Err(self.expected("object key string", token));
            };
            self.push_text(s, range);
            match self.next() {
                Token::Colon => {}
                token => return Err(self.expected("colon", token)),
            }
            token = self.next();
            self.value(s, token)?;
            s.raw_set(-3);
            match self.next() {
                Token::ObjectEnd => break,
                Token::Comma => token = self.next(),
                token => return Err(self.expected("comma or object end", token)),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, s: &mut Stack) -> Result<(), Raise> {
        self.descend(s, 2)?;
        s.push_table(0, 0);
        let mut token = self.next();
        if token == Token::ArrayEnd {
            self.depth -= 1;
            return Ok(());
        }
        let mut index = 1;
        loop {
            self.value(s, token)?;
            s.raw_set_i(-2, index);
            index += 1;
            match self.next() {
                Token::ArrayEnd => break,
                Token::Comma => token = self.next(),
                token => return Err(self.expected("comma or array end", token)),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    // -- tokens
    // ---------------------------------------------------------------------------------------

    fn next(&mut self) -> Token {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') && self.at < self.input.len() {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.peek() {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'+' | b'0'..=b'9' => return self.number(),
            _ => return self.word(),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let rest = &self.input[self.at..];
        let words = [
            (&b"true"[..], Token::Boolean(true)),
            (b"false", Token::Boolean(false)),
            (b"null", Token::Null),
        ];
        for (word, token) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        match rest[0] {
            b'i' | b'I' | b'n' | b'N' if self.lenient => match special(rest) {
                Some((number, len)) => {
                    self.at += len;
                    Token::Number(number)
                }
                None => Token::Bad("invalid token"),
            },
            _ => Token::Bad("invalid token"),
        }
    }

    fn string(&mut self) -> Token {
        let from = self.at + 1;
        let rest = &self.input[from..];
        let special = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0));
        match special.map(|at| (at, rest[at])) {
            Some((len, b'"')) => {
                self.at = from + len + 1;
                Token::Text(Some((from, from + len)))
            }
            Some((_, b'\\')) => self.escaped_string(from),
            other => {
                self.token_at = from + other.map_or(rest.len(), |(at, _)| at);
                Token::Bad("unexpected end of string")
            }
        }
    }

    fn escaped_string(&mut self, from: usize) -> Token {
        self.text.clear();
        let mut at = from;
        loop {
            let byte = self.input.get(at).copied().unwrap_or(0);
            match byte {
                b'"' => break,
                0 => {
                    self.token_at = at;
                    return Token::Bad("unexpected end of string");
                }
                b'\\' => {}
                byte => {
                    self.text.push(byte);
                    at += 1;
                    continue;
                }
            }
            let letter = self.input.get(at + 1).copied().unwrap_or(0);
            let plain = match letter {
                b'"' | b'\\' | b'/' => letter,
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'f' => 0x0c,
                b'r' => b'\r',
                b'u' => match self.code_point(at) {
                    Some((point, len)) => {
                        let mut buffer = [0; 4];
                        self.text.extend_from_slice(point.encode_utf8(&mut buffer).as_bytes());
                        at += len;
                        continue;
                    }
                    None => {
                        self.token_at = at;
                        return Token::Bad("invalid unicode escape code");
                    }
                },
                _ => {
                    self.token_at = at;
                    return Token::Bad("invalid escape code");
                }
            };
            self.text.push(plain);
            at += 2;
        }
        self.at = at + 1;
        Token::Text(None)
    }

    /// The character of `\uxxxx`, or of a pair of them, and how long that is.
    fn code_point(&self, at: usize) -> Option<(char, usize)> {
        let unit = |at: usize| {
            let escape = self.input.get(at..at + 6)?.strip_prefix(b"\\u")?;
            let digit = |c: &u8| char::from(*c).to_digit(16);
            escape.iter().try_fold(0, |number, c| Some(number << 4 | digit(c)?))
        };
        let first = unit(at)?;
        if !(0xd800..0xdc00).contains(&first) {
            return Some((char::from_u32(first)?, 6));
        }
        let second = unit(at + 6).filter(|low| (0xdc00..0xe000).contains(low))?;
        let point = 0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff);
        Some((char::from_u32(point)?, 12))
    }

    fn number(&mut self) -> Token {
        let rest = &self.input[self.at..];
        if !self.lenient && is_odd(rest) {
            return Token::Bad("invalid number");
        }
        match number_at(rest) {
            Some((number, len)) => {
                self.at += len;
                Token::Number(number)
            }
            None => Token::Bad("invalid number"),
        }
    }
}

/// Numbers that JSON does not have: with a plus, a leading zero, in hexadecimal, infinite or not a
/// number.
fn is_odd(text: &[u8]) -> bool {
    if text[0] == b'+' {
        return true;
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match text {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [b'0'..=b'9', ..] => false,
        _ => special(text).is_some(),
    }
}

/// `inf`, `infinity` or `nan` in any case, and how long it is.
fn special(text: &[u8]) -> Option<(f64, usize)> {
    let words = [(&b"infinity"[..], f64::INFINITY), (b"inf", f64::INFINITY), (b"nan", f64::NAN)];
    let is = |word: &[u8]| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    words.into_iter().find(|(word, _)| is(word)).map(|(word, number)| (number, word.len()))
}

/// The number at the start of a text, as C reads it, and how long it is.
fn number_at(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let is_negative = text.first() == Some(&b'-');
    let body = &text[sign..];
    let signed = |number: f64| if is_negative { -number } else { number };
    if let Some((number, len)) = special(body) {
        return Some((signed(number), sign + len));
    }
    if let [b'0', b'x' | b'X', rest @ ..] = body
        && let Some((number, len)) = hexadecimal(rest)
    {
        return Some((signed(number), sign + 2 + len));
    }
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(body);
    let mut len = whole;
    if whole > 0 && whole <= 15 && !matches!(body.get(whole), Some(b'.' | b'e' | b'E')) {
        let number = body[..whole].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        return Some((signed(number as f64), sign + whole));
    }
    let mut fraction = 0;
    if body.get(len) == Some(&b'.') {
        fraction = digits(&body[len + 1..]);
        len += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = body.get(len) {
        let sign = usize::from(matches!(body.get(len + 1), Some(b'-' | b'+')));
        let exponent = digits(body.get(len + 1 + sign..).unwrap_or_default());
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&body[..len]).ok()?.parse().ok()?;
    Some((signed(number), sign + len))
}

/// Behind `0x`: digits, perhaps a fraction, perhaps a power of two.
fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(f64::from);
    let mut number = 0.0;
    let (mut len, mut scale, mut is_number) = (0, 0, false);
    while let Some(digit) = text.get(len).and_then(digit) {
        number = number * 16.0 + digit;
        (len, is_number) = (len + 1, true);
    }
    if text.get(len) == Some(&b'.') {
        len += 1;
        while let Some(digit) = text.get(len).and_then(digit) {
            number = number * 16.0 + digit;
            (len, scale, is_number) = (len + 1, scale - 4, true);
        }
    }
    if !is_number {
        return None;
    }
    if let Some(b'p' | b'P') = text.get(len) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        let figures = text.get(len + 1 + sign..).unwrap_or_default();
        let count = figures.iter().take_while(|b| b.is_ascii_digit()).count();
        let power = std::str::from_utf8(&figures[..count]).ok().and_then(|t| t.parse::<i32>().ok());
        if let Some(power) = power {
            scale += if text[len + 1] == b'-' { -power.min(5000) } else { power.min(5000) };
            len += 1 + sign + count;
        }
    }
    Some((number * 2.0_f64.powi(scale), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let cases: &[(&str, Option<(f64, usize)>)] = &[
            ("1", Some((1.0, 1))),
            ("-12.5e1,", Some((-125.0, 7))),
            ("1e", Some((1.0, 1))),
            ("1.", Some((1.0, 2))),
            ("+01", Some((1.0, 3))),
            ("0x1F", Some((31.0, 4))),
            ("0x.8p1", Some((1.0, 6))),
            ("0x", Some((0.0, 1))),
            ("-inf", Some((f64::NEG_INFINITY, 4))),
            ("-", None),
            ("-.", None),
            ("123456789012345678901234567890", Some((123456789012345678901234567890.0, 30))),
            ("1e400", Some((f64::INFINITY, 5))),
        ];
        for (text, want) in cases {
            assert_eq!(number_at(text.as_bytes()), *want, "{text}");
        }
    }
}
