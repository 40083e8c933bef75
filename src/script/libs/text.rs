//! Functions of the library `string` whose originals have no end to what they take: those that
//! match patterns, and `rep`.

use super::pattern::{Capture, Len, Matcher};
use crate::script::lua::guard::to_int;
use crate::script::lua::{Kind, Raise, Stack, Verdict};

/// Bytes that make a string a pattern.
const SPECIAL: &[u8] = b"^$*+?.([%-";

/// Replaces the functions in the table on top.
pub fn replace(s: &mut Stack) {
    s.set_function(b"find", find);
    s.set_function(b"match", matches);
    s.set_function(b"gmatch", each_match);
    s.set_function(b"gfind", each_match);
    s.set_function(b"gsub", substitute);
    s.set_function(b"rep", repeat);
}

fn repeat(s: &mut Stack) -> Verdict {
    s.check_text(1)?;
    let count = to_int(s.check_number(2)?);
    let text = s.check_text(1)?;
    let count = usize::try_from(count).unwrap_or(0);
    let text = match text.len().checked_mul(count) {
        Some(len) if len <= s.heap_left() => s.bytes(1).unwrap_or_default().repeat(count),
        _ => return Err(Raise::bare("not enough memory")),
    };
    s.push_bytes(&text);
    Ok(1)
}

/// The place where looking begins: positions count from 1, or from the end if they are negative.
fn start(s: &Stack, len: usize) -> Result<usize, Raise> {
    let at = match s.kind(3) {
        Kind::None | Kind::Nil => 1,
        _ => s.check_number(3)? as i64,
    };
    let at = if at < 0 { at.saturating_add(len as i64 + 1) } else { at };
    Ok(usize::try_from(at - 1).unwrap_or(0).min(len))
}

fn find(s: &mut Stack) -> Verdict {
    find_or_match(s, true)
}

fn matches(s: &mut Stack) -> Verdict {
    find_or_match(s, false)
}

fn find_or_match(s: &mut Stack, is_find: bool) -> Verdict {
    s.check_text(1)?;
    s.check_text(2)?;
    let from = start(s, s.raw_len(1))?;
    let is_plain = is_find && (s.is_true(4) || !has_special(s.bytes(2).unwrap_or_default()));
    let (subject, pattern) = (s.bytes(1).unwrap_or_default(), s.bytes(2).unwrap_or_default());
    let whole_pattern = pattern;
    let pattern = until_nul(pattern);
    if is_plain {
        let found = memchr::memmem::find(&subject[from..], whole_pattern).map(|at| at + from);
        let Some(at) = found else {
            s.push_nil();
            return Ok(1);
        };
        let end = at + whole_pattern.len();
        s.push_number((at + 1) as f64);
        s.push_number(end as f64);
        return Ok(2);
    }
    let is_anchored = pattern.first() == Some(&b'^');
    let mut matcher = Matcher::new(subject, pattern);
    for at in from..=subject.len() {
        let end = matcher.match_at(at, usize::from(is_anchored)).map_err(Raise::here)?;
        if let Some(end) = end {
            if !is_find {
                return push_captures(s, &matcher, Some((at, end)));
            }
            s.push_number((at + 1) as f64);
            s.push_number(end as f64);
            return Ok(push_captures(s, &matcher, None)? + 2);
        }
        if is_anchored {
            break;
        }
    }
    s.push_nil();
    Ok(1)
}

/// Compat: a NUL ends a pattern.
fn until_nul(pattern: &[u8]) -> &[u8] {
    &pattern[..memchr::memchr(0, pattern).unwrap_or(pattern.len())]
}

fn has_special(pattern: &[u8]) -> bool {
    until_nul(pattern).iter().any(|b| SPECIAL.contains(b))
}

/// Pushes the captures of a match, or all of it where it has none.
fn push_captures(s: &Stack, matcher: &Matcher<'_>, whole: Option<(usize, usize)>) -> Verdict {
    let subject = s.bytes(1).unwrap_or_default();
    if matcher.level == 0 {
        let Some((at, end)) = whole else { return Ok(0) };
        s.push_bytes(&subject[at..end]);
        return Ok(1);
    }
    if !s.try_room(matcher.level as i32) {
        return Err(Raise::here("stack overflow (too many captures)"));
    }
    for capture in &matcher.captures[..matcher.level] {
        push_capture(s, subject, *capture)?;
    }
    Ok(matcher.level as i32)
}

fn push_capture(s: &Stack, subject: &[u8], capture: Capture) -> Result<(), Raise> {
    match capture.len {
        Len::Open => return Err(Raise::here("unfinished capture")),
        Len::Place => s.push_number((capture.at + 1) as f64),
        Len::Closed(len) => s.push_bytes(&subject[capture.at..capture.at + len]),
    }
    Ok(())
}

/// gmatch(subject, pattern): a function that keeps both, and how far it has come.
fn each_match(s: &mut Stack) -> Verdict {
    s.check_text(1)?;
    s.check_text(2)?;
    s.push_table(3, 0);
    s.push_value(1);
    s.raw_set_i(-2, 1);
    s.push_value(2);
    s.raw_set_i(-2, 2);
    s.push_number(0.0);
    s.raw_set_i(-2, 3);
    s.push_closure(next_match);
    Ok(1)
}

fn next_match(s: &mut Stack) -> Verdict {
    s.set_top(0);
    s.push_kept();
    for index in 1..=3 {
        s.raw_get_i(1, index);
    }
    // subject, pattern, place, table
    s.push_value(1);
    s.remove(1);
    let (subject, pattern) = (s.bytes(1).unwrap_or_default(), s.bytes(2).unwrap_or_default());
    let (from, pattern) = (s.number(3).unwrap_or(0.0) as usize, until_nul(pattern));
    let mut matcher = Matcher::new(subject, pattern);
    for at in from..=subject.len() {
        if let Some(end) = matcher.match_at(at, 0).map_err(Raise::here)? {
            let (captures, level) = (matcher.captures, matcher.level);
            let next = if end == at { end + 1 } else { end };
            s.push_number(next as f64);
            s.raw_set_i(4, 3);
            let mut matcher = Matcher::new(b"", b"");
            (matcher.captures, matcher.level) = (captures, level);
            return push_captures(s, &matcher, Some((at, end)));
        }
    }
    Ok(0)
}

/// gsub(subject, pattern, replacement [, count])
fn substitute(s: &mut Stack) -> Verdict {
    s.check_text(1)?;
    s.check_text(2)?;
    let kind = s.kind(3);
    if !matches!(kind, Kind::Text | Kind::Number | Kind::Table | Kind::Function) {
        return Err(Raise::argument(3, "string/function/table expected"));
    }
    s.text(3);
    let (subject, pattern) =
        (s.bytes(1).unwrap_or_default().to_vec(), s.bytes(2).unwrap_or_default().to_vec());
    let pattern = until_nul(&pattern);
    let count_max = match s.kind(4) {
        Kind::None | Kind::Nil => i64::MAX,
        _ => i64::from(to_int(s.check_number(4)?)),
    };
    let is_anchored = pattern.first() == Some(&b'^');
    let mut matcher = Matcher::new(&subject, pattern);
    let (mut out, mut at, mut count) = (Vec::with_capacity(subject.len()), 0, 0);
    while count < count_max {
        let end = matcher.match_at(at, usize::from(is_anchored)).map_err(Raise::here)?;
        if let Some(end) = end {
            count += 1;
            add_replacement(s, &mut out, (&matcher, &subject), (at, end))?;
            if out.len() > s.heap_left() {
                return Err(Raise::bare("not enough memory"));
            }
        }
        match end {
            Some(end) if end > at => at = end,
            _ if at < subject.len() => {
                out.push(subject[at]);
                at += 1;
            }
            _ => break,
        }
        if is_anchored {
            break;
        }
    }
    out.extend_from_slice(&subject[at..]);
    s.push_bytes(&out);
    s.push_number(count as f64);
    Ok(2)
}

/// Appends what stands for a match.
fn add_replacement(
    s: &mut Stack,
    out: &mut Vec<u8>,
    (matcher, subject): (&Matcher<'_>, &[u8]),
    (at, end): (usize, usize),
) -> Result<(), Raise> {
    match s.kind(3) {
        Kind::Function => {
            s.push_value(3);
            let args = push_captures(s, matcher, Some((at, end)))?;
            s.call(args, Some(1), 0).map_err(|_| Raise::Value)?;
        }
        Kind::Table => {
            push_first(s, (matcher, subject), (at, end))?;
            s.index(3).map_err(|_| Raise::Value)?;
        }
        _ => return add_template(s, out, (matcher, subject), (at, end)),
    }
    if !s.is_true(-1) {
        out.extend_from_slice(&subject[at..end]);
    } else {
        if !matches!(s.kind(-1), Kind::Text | Kind::Number) {
            let text = format!("invalid replacement value (a {})", s.type_name(-1));
            return Err(Raise::here(text));
        }
        out.extend_from_slice(s.text(-1).unwrap_or_default());
    }
    s.pop(1);
    Ok(())
}

/// Pushes the first capture, or the whole match.
fn push_first(
    s: &Stack,
    (matcher, subject): (&Matcher<'_>, &[u8]),
    (at, end): (usize, usize),
) -> Result<(), Raise> {
    match matcher.captures[..matcher.level].first() {
        Some(capture) => push_capture(s, subject, *capture),
        None => {
            s.push_bytes(&subject[at..end]);
            Ok(())
        }
    }
}

/// Appends a replacement text, in which `%1` stands for a capture and `%0` for the match.
fn add_template(
    s: &mut Stack,
    out: &mut Vec<u8>,
    (matcher, subject): (&Matcher<'_>, &[u8]),
    (at, end): (usize, usize),
) -> Result<(), Raise> {
    let template = s.bytes(3).unwrap_or_default();
    let mut bytes = template.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let Some(&digit) = bytes.next() else {
            out.push(0); // Compat: the NUL behind the text counts.
            break;
        };
        match digit {
            b'0' => out.extend_from_slice(&subject[at..end]),
            b'1'..=b'9' => {
                let index = usize::from(digit - b'1');
                let capture = match matcher.captures[..matcher.level].get(index) {
                    Some(capture) => *capture,
                    None if index == 0 => Capture { at, len: Len::Closed(end - at) },
                    None => return Err(Raise::here("invalid capture index")),
                };
                match capture.len {
                    Len::Open => return Err(Raise::here("unfinished capture")),
                    Len::Place => out.extend_from_slice((capture.at + 1).to_string().as_bytes()),
                    Len::Closed(len) => {
                        out.extend_from_slice(&subject[capture.at..capture.at + len])
                    }
                }
            }
            other => out.push(other),
        }
    }
    Ok(())
}
