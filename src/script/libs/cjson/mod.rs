//! `cjson`: JSON.
//!
//! A table with keys 1 to n is an array, with gaps as null; an empty one, or one with any other
//! key, is an object; one with mostly gaps is refused, or made an object if that is wished. Null is
//! a null pointer, which is a value, unlike nil. Numbers have up to 14 digits. Settings are those
//! of a copy of the library (`cjson.new`), and of all scripts that use it: they stand in a table
//! that its functions keep.

mod decode;
mod encode;

use crate::script::lua::guard::to_int;
use crate::script::lua::{Kind, Raise, Stack, Verdict};

/// Settings, by their place in the table that the functions keep.
#[derive(Clone, Copy)]
enum Setting {
    SparseConvert = 1,
    SparseRatio,
    SparseSafe,
    EncodeDepth,
    DecodeDepth,
    Precision,
    KeepBuffer,
    /// 0: refuse, 1: write as they are, 2: write null.
    EncodeInvalid,
    DecodeInvalid,
}

use Setting::*;

/// Whatever the settings say, nothing is read or written deeper than this: both go by recursion.
const DEPTH_MAX: i32 = 2000;

const DEFAULTS: [f64; 9] = [0.0, 2.0, 10.0, 1000.0, 1000.0, 14.0, 1.0, 0.0, 1.0];

/// Pushes the library.
pub fn push(s: &mut Stack) {
    s.push_table(0, 16);
    s.push_table(DEFAULTS.len(), 0);
    for (index, value) in DEFAULTS.into_iter().enumerate() {
        s.push_number(value);
        s.raw_set_i(-2, index as i32 + 1);
    }
    macro_rules! put {
        ($($name:literal: $function:path),+ $(,)?) => {
            $( s.push_value(-1); s.push_closure($function); s.set_field(-3, $name); )+
        };
    }
    put!(
        b"encode": encode::encode,
        b"decode": decode::decode,
        b"encode_sparse_array": sparse_array,
        b"encode_max_depth": encode_depth,
        b"decode_max_depth": decode_depth,
        b"encode_number_precision": precision,
        b"encode_keep_buffer": keep_buffer,
        b"encode_invalid_numbers": encode_invalid,
        b"decode_invalid_numbers": decode_invalid,
    );
    s.pop(1);
    s.set_function(b"new", new);
    s.push_null_pointer();
    s.set_field(-2, b"null");
    for (name, value) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
        s.push_bytes(value.as_bytes());
        s.set_field(-2, name.as_bytes());
    }
}

fn new(s: &mut Stack) -> Verdict {
    push(s);
    Ok(1)
}

// -- settings -------------------------------------------------------------------------------------

fn setting(s: &mut Stack, which: Setting) -> f64 {
    s.push_kept();
    s.raw_get_i(-1, which as i32);
    let value = s.number(-1).unwrap_or(0.0);
    s.pop(2);
    value
}

fn set(s: &mut Stack, which: Setting, value: f64) {
    s.push_kept();
    s.push_number(value);
    s.raw_set_i(-2, which as i32);
    s.pop(1);
}

fn is_given(s: &Stack, number: i32) -> bool {
    !matches!(s.kind(number), Kind::None | Kind::Nil)
}

/// Settings are functions of at most so many arguments.
fn at_most(s: &mut Stack, count: i32) -> Result<(), Raise> {
    if s.top() > count {
        return Err(Raise::argument(count + 1, "found too many arguments"));
    }
    s.set_top(count);
    Ok(())
}

/// Sets a number that is given, and pushes the one that holds.
fn number(
    s: &mut Stack,
    index: i32,
    (which, least, most): (Setting, i32, i32),
) -> Result<(), Raise> {
    if is_given(s, index) {
        let value = to_int(s.check_number(index)?);
        if !(least..=most).contains(&value) {
            let text = format!("expected integer between {least} and {most}");
            return Err(Raise::argument(index, text));
        }
        set(s, which, f64::from(value));
    }
    let value = setting(s, which);
    s.push_number(value);
    Ok(())
}

/// Sets a choice that is given, a boolean or one of the words, and pushes the one that holds.
fn choice(s: &mut Stack, (which, words): (Setting, &[&str])) -> Result<(), Raise> {
    if s.kind(1) == Kind::Boolean {
        let yes = s.is_true(1);
        set(s, which, f64::from(u8::from(yes)));
    } else if is_given(s, 1) {
        let word = String::from_utf8_lossy(s.check_text(1)?).into_owned();
        let found = words.iter().position(|w| *w == word);
        let Some(found) = found else {
            return Err(Raise::argument(1, format!("invalid option '{word}'")));
        };
        set(s, which, found as f64);
    }
    match setting(s, which) as usize {
        value @ 0..=1 => s.push_bool(value == 1),
        value => s.push_bytes(words[value].as_bytes()),
    }
    Ok(())
}

fn sparse_array(s: &mut Stack) -> Verdict {
    at_most(s, 3)?;
    choice(s, (SparseConvert, &["off", "on"]))?;
    number(s, 2, (SparseRatio, 0, i32::MAX))?;
    number(s, 3, (SparseSafe, 0, i32::MAX))?;
    Ok(3)
}

fn encode_depth(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    number(s, 1, (EncodeDepth, 1, i32::MAX))?;
    Ok(1)
}

fn decode_depth(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    number(s, 1, (DecodeDepth, 1, i32::MAX))?;
    Ok(1)
}

fn precision(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    number(s, 1, (Precision, 1, 14))?;
    Ok(1)
}

fn keep_buffer(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    choice(s, (KeepBuffer, &["off", "on"]))?;
    Ok(1)
}

fn encode_invalid(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    choice(s, (EncodeInvalid, &["off", "on", "null"]))?;
    Ok(1)
}

fn decode_invalid(s: &mut Stack) -> Verdict {
    at_most(s, 1)?;
    choice(s, (DecodeInvalid, &["off", "on"]))?;
    Ok(1)
}
