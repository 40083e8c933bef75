//! From replies to values of Lua and back.
//!
//! A reply is read where the command has written it, byte by byte, straight into tables; nothing
//! stands in between:
//!
//! ```text
//!   +OK        { ok = "OK" }            $-1 *-1    false          %  { map = { k = v } }       ,  { double = n }
//!   -ERR x     { err = "ERR x" }        _          nil            ~  { set = { m = true } }    (  { big_number = s }
//!   :1         1                        #t         true           =  { verbatim_string = { format = "txt", string = s } }
//! ```
//!
//! The way back tells by the fields `err`, `ok`, `double`, `map`, `set`, `big_number` and
//! `verbatim_string` what a table stands for; any other one is an array up to its first nil. If
//! there are several, the first of `err`, `ok`, `double`, `big_number`, `verbatim_string`, `map`,
//! `set` counts.

use super::lua::{Kind, Raise, Ref, Stack, guard};
use crate::base::text::parse_i64;
use crate::command::error::code_of;
use crate::resp::Proto;
use crate::resp::reply::Reply;

/// The names of fields that mean something, kept by the machine so that asking for one makes no
/// string.
#[derive(Debug)]
pub struct Names {
    pub err: Ref,
    pub ok: Ref,
    double: Ref,
    map: Ref,
    set: Ref,
    big_number: Ref,
    verbatim_string: Ref,
    pub counted: Ref,
}

/// The field of an error that says that it was counted where it arose.
pub const COUNTED: &[u8] = b"ignore_error_stats_update";

impl Names {
    pub fn new(s: &mut Stack) -> Names {
        let mut keep = |name: &[u8]| {
            s.push_bytes(name);
            s.keep()
        };
        Names {
            err: keep(b"err"),
            ok: keep(b"ok"),
            double: keep(b"double"),
            map: keep(b"map"),
            set: keep(b"set"),
            big_number: keep(b"big_number"),
            verbatim_string: keep(b"verbatim_string"),
            counted: keep(COUNTED),
        }
    }
}

// -- replies to values ----------------------------------------------------------------------------

/// A place where values can be pushed and put into tables: the stack of a function that calls no
/// Lua code.
pub trait Sink {
    fn values(&self) -> &Stack;
    fn put_index(&mut self, table: i32, index: i32);
    fn put_pair(&mut self, table: i32);
    fn put_field(&mut self, table: i32, name: &[u8]);
    fn drop_values(&mut self, count: i32);
}

impl Sink for super::lua::Leaf<'_> {
    #[inline]
    fn values(&self) -> &Stack {
        super::lua::Leaf::values(self)
    }

    #[inline]
    fn put_index(&mut self, table: i32, index: i32) {
        self.raw_set_i(table, index);
    }

    fn put_pair(&mut self, table: i32) {
        self.raw_set(table);
    }

    fn put_field(&mut self, table: i32, name: &[u8]) {
        self.set_field(table, name);
    }

    fn drop_values(&mut self, count: i32) {
        self.pop(count);
    }
}

/// Reads replies from bytes.
struct Reader<'a, S> {
    bytes: &'a [u8],
    at: usize,
    sink: &'a mut S,
}

/// Pushes the value of the reply at the start of `bytes`. Replies are our own, so they are well
/// formed.
#[inline]
pub fn push_reply(sink: &mut impl Sink, bytes: &[u8]) {
    // Most scripts ask for one string or number.
    match bytes {
        [b':', digit @ b'0'..=b'9', b'\r', b'\n'] => {
            return sink.values().push_number(f64::from(digit - b'0'));
        }
        b"+OK\r\n" => {
            sink.values().push_table(0, 1);
            sink.values().push_bytes(b"OK");
            return sink.put_field(-2, b"ok");
        }
        _ => {}
    }
    Reader { bytes, at: 0, sink }.value();
}

impl<'a, S: Sink> Reader<'a, S> {
    /// The rest of the line under way, without its end.
    fn line(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let len = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        self.at += len + 2;
        &rest[..len]
    }

    fn number(&mut self) -> i64 {
        let line = self.line();
        parse_i64(line).expect("our own replies are well formed")
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()).ok()?;
        let block = &self.bytes[self.at..self.at + len];
        self.at += len + 2;
        Some(block)
    }

    /// Pushes `{ name = bytes }`.
    fn tagged(&mut self, name: &[u8], bytes: &[u8]) {
        self.sink.values().push_table(0, 1);
        self.sink.values().push_bytes(bytes);
        self.sink.put_field(-2, name);
    }

    fn value(&mut self) {
        let kind = self.bytes.get(self.at).copied().unwrap_or(b'_');
        self.at += 1;
        match kind {
            b':' => {
                let number = self.number();
                self.sink.values().push_number(number as f64);
            }
            b'$' => match self.block() {
                Some(block) => self.sink.values().push_bytes(block),
                None => self.sink.values().push_bool(false),
            },
            b'+' => {
                let line = self.line();
                self.tagged(b"ok", line);
            }
            b'-' => {
                let line = self.line();
                self.tagged(b"err", line);
            }
            b'*' | b'>' => self.array(),
            b'%' => self.map(),
            b'~' => self.set(),
            b'#' => {
                let yes = self.line() == b"t";
                self.sink.values().push_bool(yes);
            }
            b',' => self.double(),
            b'(' => {
                let line = self.line();
                self.tagged(b"big_number", line);
            }
            b'=' => self.verbatim(),
            b'|' => {
                for _ in 0..2 * self.number() {
                    self.value();
                    self.sink.drop_values(1);
                }
                self.value();
            }
            _ => {
                self.line();
                self.sink.values().push_nil();
            }
        }
    }

    fn array(&mut self) {
        let Ok(len) = usize::try_from(self.number()) else {
            return self.sink.values().push_bool(false);
        };
        self.sink.values().push_table(len, 0);
        for index in 1..=len {
            self.value();
            self.sink.put_index(-2, index as i32);
        }
    }

    fn map(&mut self) {
        let pairs = usize::try_from(self.number()).unwrap_or(0);
        self.sink.values().push_table(0, 1);
        // Compat: its size shows in the order in which `pairs` finds what is in there; so it grows
        // as it is filled.
        self.sink.values().push_table(0, 0);
        for _ in 0..pairs {
            self.value();
            self.value();
            self.sink.put_pair(-3);
        }
        self.sink.put_field(-2, b"map");
    }

    fn set(&mut self) {
        let len = usize::try_from(self.number()).unwrap_or(0);
        self.sink.values().push_table(0, 1);
        self.sink.values().push_table(0, 0); // Compat: as for a map.
        for _ in 0..len {
            self.value();
            self.sink.values().push_bool(true);
            self.sink.put_pair(-3);
        }
        self.sink.put_field(-2, b"set");
    }

    fn double(&mut self) {
        let line = self.line();
        let number = crate::base::double::parse_f64(line).unwrap_or(f64::NAN);
        self.sink.values().push_table(0, 1);
        self.sink.values().push_number(number);
        self.sink.put_field(-2, b"double");
    }

    fn verbatim(&mut self) {
        let block = self.block().unwrap_or_default();
        let (format, text) = block.split_at_checked(4).unwrap_or((b"txt:", block));
        self.sink.values().push_table(0, 1);
        self.sink.values().push_table(0, 2);
        self.sink.values().push_bytes(text);
        self.sink.put_field(-2, b"string");
        self.sink.values().push_bytes(&format[..3]);
        self.sink.put_field(-2, b"format");
        self.sink.put_field(-2, b"verbatim_string");
    }
}

// -- values to replies ----------------------------------------------------------------------------

/// What a value of Lua is written with.
pub struct Writer<'a> {
    pub out: &'a mut Reply,
    pub names: &'a Names,
    /// The protocol that the script has chosen: what a boolean is depends on it.
    pub resp: Proto,
    /// Codes of errors inside the answer that nobody has counted yet.
    pub uncounted: Vec<String>,
    /// Errors inside the answer that were counted where they arose.
    pub counted: u32,
    depth: u32,
}

/// Tables inside one another that an answer can have.
const DEPTH_MAX: u32 = 1000;

/// An error that is the whole answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub text: Vec<u8>,
    pub is_counted: bool,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut Reply, names: &'a Names, resp: Proto) -> Writer<'a> {
        Writer { out, names, resp, uncounted: vec![], counted: 0, depth: 0 }
    }
}

impl Writer<'_> {
    /// Writes the value on top as the whole answer, unless it is an error.
    pub fn answer(&mut self, s: &mut Stack) -> Option<Told> {
        if s.kind(-1) == Kind::Table {
            let told = self.error(s);
            if told.is_some() {
                return told;
            }
        }
        self.value(s);
        None
    }

    /// The error that the table on top stands for.
    fn error(&self, s: &mut Stack) -> Option<Told> {
        let kind = named(s, &self.names.err);
        let text =
            (kind == Kind::Text).then(|| as_c_text(s.bytes(-1).unwrap_or_default()).to_vec());
        s.pop(1);
        let text = text?;
        named(s, &self.names.counted);
        let is_counted = s.is_true(-1);
        s.pop(1);
        Some(Told { text, is_counted })
    }

    /// Writes the value on top.
    fn value(&mut self, s: &mut Stack) {
        match s.kind(-1) {
            Kind::Text => self.out.bulk(s.bytes(-1).unwrap_or_default()),
            Kind::Boolean => {
                let yes = s.is_true(-1);
                match self.resp {
                    Proto::Resp3 => self.out.boolean(yes),
                    Proto::Resp2 if yes => self.out.int(1),
                    Proto::Resp2 => self.out.null(),
                }
            }
            Kind::Number => self.out.int(to_i64(s.number(-1).unwrap_or(0.0))),
            Kind::Table => {
                self.depth += 1;
                self.table(s);
                self.depth -= 1;
            }
            _ => self.out.null(),
        }
    }

    fn table(&mut self, s: &mut Stack) {
        if self.depth >= DEPTH_MAX || !s.try_room(8) {
            self.uncounted.push("ERR".to_owned());
            return self.out.error(b"ERR reached lua stack limit");
        }
        if let Some(told) = self.error(s) {
            if told.is_counted {
                self.counted += 1;
            } else {
                self.uncounted.push(code_of(&one_line(&told.text)).into_owned());
            }
            return self.out.error(&told.text);
        }
        if self.tagged(s) {
            return;
        }
        let promise = self.out.open();
        let mut len = 0;
        loop {
            s.raw_get_i(-1, len + 1);
            if s.kind(-1) == Kind::Nil {
                s.pop(1);
                break;
            }
            self.value(s);
            s.pop(1);
            len += 1;
        }
        self.out.close_array(promise, len as usize);
    }

    /// Writes a table that stands for something else than an array, if it does.
    fn tagged(&mut self, s: &mut Stack) -> bool {
        if named(s, &self.names.ok) == Kind::Text {
            let line = one_line(as_c_text(s.bytes(-1).unwrap_or_default()));
            self.out.status(&line);
        } else if renamed(s, &self.names.double) == Kind::Number {
            self.out.double(s.number(-1).unwrap_or(0.0));
        } else if renamed(s, &self.names.big_number) == Kind::Text {
            let line = one_line(s.bytes(-1).unwrap_or_default());
            self.out.big_number_bytes(&line);
        } else if renamed(s, &self.names.verbatim_string) == Kind::Table && self.verbatim(s) {
        } else if renamed(s, &self.names.map) == Kind::Table {
            self.map(s);
        } else if renamed(s, &self.names.set) == Kind::Table {
            self.set(s);
        } else {
            s.pop(1);
            return false;
        }
        s.pop(1);
        true
    }

    fn map(&mut self, s: &mut Stack) {
        let promise = self.out.open();
        let mut pairs = 0;
        s.push_nil();
        while s.next(s.absolute(-2)) {
            s.push_value(-2);
            self.value(s);
            s.pop(1);
            self.value(s);
            s.pop(1);
            pairs += 1;
        }
        self.out.close_map(promise, pairs);
    }

    fn set(&mut self, s: &mut Stack) {
        let promise = self.out.open();
        let mut len = 0;
        s.push_nil();
        while s.next(s.absolute(-2)) {
            s.pop(1);
            s.push_value(-1);
            self.value(s);
            s.pop(1);
            len += 1;
        }
        self.out.close_set(promise, len);
    }

    fn verbatim(&mut self, s: &mut Stack) -> bool {
        let format = s.field(-1, b"format");
        let text = s.field(-2, b"string");
        let is_whole = format == Kind::Text && text == Kind::Text;
        if is_whole {
            let format = as_c_text(s.bytes(-2).unwrap_or_default());
            self.out.verbatim_as(format, s.bytes(-1).unwrap_or_default());
        }
        s.pop(2);
        is_whole
    }
}

/// Pushes the field of the table on top.
#[inline]
fn named(s: &mut Stack, name: &Ref) -> Kind {
    s.push_ref(name);
    s.raw_get(-2);
    s.kind(-1)
}

/// Pushes another field instead of the last one.
#[inline]
fn renamed(s: &mut Stack, name: &Ref) -> Kind {
    s.pop(1);
    named(s, name)
}

/// Compat: texts of errors, states and formats end at their first NUL.
pub fn as_c_text(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn one_line(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }).collect()
}

/// As C converts: what does not fit becomes the lowest number.
fn to_i64(number: f64) -> i64 {
    if number >= i64::MIN as f64 && number < -(i64::MIN as f64) { number as i64 } else { i64::MIN }
}

/// The error that stands on top after a protected call has failed: its text, the place if it is
/// known.
pub fn failure(s: &mut Stack) -> (Told, Option<[Vec<u8>; 2]>) {
    if s.kind(-1) != Kind::Table {
        let text = s.text(-1).unwrap_or(b"unknown error");
        return (Told { text: [b"ERR ", text].concat(), is_counted: false }, None);
    }
    let mut field = |name: &[u8]| {
        s.field(-1, name);
        let bytes = s.text(-1).map(<[u8]>::to_vec);
        s.pop(1);
        bytes
    };
    let text = field(b"err").unwrap_or_else(|| b"ERR unknown error".to_vec());
    let text = as_c_text(&text).to_vec();
    let place = field(b"source").zip(field(b"line")).map(|(source, line)| [source, line]);
    s.field(-1, COUNTED);
    let is_counted = s.is_true(-1);
    s.pop(1);
    (Told { text, is_counted }, place)
}

/// The handler of errors that nobody catches: makes a table of whatever was raised, and notes where
/// that was. Compat: a function of ours is no place; the one that has called it is.
pub fn locate(s: &mut Stack) -> Result<i32, Raise> {
    let place = match s.place(1) {
        Some(place) if place.is_native => s.place(2),
        place => place,
    };
    if s.kind(1) != Kind::Table {
        let text = match s.kind(1) {
            Kind::Text | Kind::Number => s.text(1).unwrap_or_default().to_vec(),
            Kind::Boolean => s.is_true(1).to_string().into_bytes(),
            Kind::Nil | Kind::None => b"nil".to_vec(),
            _ => s.type_and_address(1).into_bytes(),
        };
        s.push_table(0, 3);
        s.push_bytes(&[b"ERR ", &*text].concat());
        s.set_field(-2, b"err");
    } else if guard::is_protected(s, 1) {
        // Compat: there the handler is Lua code, which tries to note the place in what was raised.
        // This one must not.
        let text = [b"ERR err_handler_def:10: ", guard::READ_ONLY.as_bytes()].concat();
        push_located(s, &text, b"@err_handler_def", 10);
        return Ok(1);
    } else {
        s.set_top(1);
        adopt_text(s);
    }
    if let Some(place) = place {
        s.push_bytes(place.source.as_bytes());
        s.set_field(-2, b"source");
        s.push_number(f64::from(place.line));
        s.set_field(-2, b"line");
    }
    Ok(1)
}

fn push_located(s: &mut Stack, text: &[u8], source: &[u8], line: u32) {
    s.push_table(0, 3);
    s.push_bytes(text);
    s.set_field(-2, b"err");
    s.push_bytes(source);
    s.set_field(-2, b"source");
    s.push_number(f64::from(line));
    s.set_field(-2, b"line");
}

/// Compat: the text of an error on top may come by its metatable. It is asked for here, where Lua
/// code may still run.
fn adopt_text(s: &mut Stack) {
    if s.field(1, b"err") == Kind::Nil && s.push_metatable(1) {
        s.set_top(1);
        s.push_bytes(b"err");
        if s.index(1).is_ok() && matches!(s.kind(-1), Kind::Text | Kind::Number) {
            s.set_field(1, b"err");
        }
    }
    s.set_top(1);
}
