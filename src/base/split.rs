//! Splitting a line into arguments, and quoting one back.
//!
//! One small language serves three places: inline commands, lines of configuration files, and the
//! text that CONFIG REWRITE, MONITOR and the error replies print. Blanks separate arguments. Inside
//! double quotes a backslash starts an escape: `\n \r \t \b \a`, `\xHH` for a byte in hexadecimal,
//! and any other byte for itself. Inside single quotes only `\'` is special. A closing quote must
//! be followed by a blank or by the end of the line, so `"a"b` is refused. Quotes may open in the
//! middle of an argument: `a"b c"` is one argument, `ab c`.
//!
//! Like the C string it was designed for, a line ends at its first zero byte; a zero byte inside an
//! argument is written `"\x00"`.

/// Splits a line into arguments; `None` when its quotes do not balance.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = line.iter().position(|&b| b == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut args = Vec::new();
    loop {
        let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Some(args);
        }
        let mut arg = Vec::new();
        rest = take_arg(rest, &mut arg)?;
        args.push(arg);
    }
}

/// Reads one argument from the front of `rest`, which starts with a byte that is no blank. Returns
/// what follows it.
fn take_arg<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match *rest {
            [] => return Some(rest),
            [b, ref tail @ ..] if is_blank(b) => return Some(tail),
            [b'"', ref tail @ ..] => return after_quote(take_double_quoted(tail, arg)?),
            [b'\'', ref tail @ ..] => return after_quote(take_single_quoted(tail, arg)?),
            [b, ref tail @ ..] => {
                arg.push(b);
                rest = tail;
            }
        }
    }
}

/// What follows a closing quote, provided that the argument ends there.
fn after_quote(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|b| is_blank(*b)).then_some(rest)
}

fn take_double_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match *rest {
            [] => return None,
            [b'"', ref tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, ref tail @ ..] if is_hex(high) && is_hex(low) => {
                arg.push(hex(high) << 4 | hex(low));
                rest = tail;
            }
            [b'\\', escaped, ref tail @ ..] => {
                arg.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                rest = tail;
            }
            [b, ref tail @ ..] => {
                arg.push(b);
                rest = tail;
            }
        }
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match *rest {
            [] => return None,
            [b'\'', ref tail @ ..] => return Some(tail),
            [b'\\', b'\'', ref tail @ ..] => {
                arg.push(b'\'');
                rest = tail;
            }
            [b, ref tail @ ..] => {
                arg.push(b);
                rest = tail;
            }
        }
    }
}

/// Appends `text` in double quotes, with every byte that does not print escaped. `split_args` reads
/// it back.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &b in text {
        match b {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(b),
            _ => {
                let digit = |d: u8| HEX_DIGITS[usize::from(d)];
                out.extend_from_slice(&[b'\\', b'x', digit(b >> 4), digit(b & 15)]);
            }
        }
    }
    out.push(b'"');
}

/// Whether `text` must be quoted to survive `split_args` as one argument: it is empty, or has a
/// blank, a quote, a backslash or a byte that does not print.
pub fn needs_quotes(text: &[u8]) -> bool {
    text.is_empty()
        || text.iter().any(|b| matches!(b, b'\\' | b'"' | b'\'') || !(b'!'..=b'~').contains(b))
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t'..=b'\r')
}

fn is_hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

fn hex(b: u8) -> u8 {
    match b {
        b'0'..=b'9' => b - b'0',
        b'a'..=b'f' => b - b'a' + 10,
        _ => b - b'A' + 10,
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let args = split_args(line.as_bytes())?;
        Some(args.into_iter().map(|a| String::from_utf8_lossy(&a).into_owned()).collect())
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(split("  set  k\tv \r\n").unwrap(), ["set", "k", "v"]);
        assert_eq!(split("").unwrap(), Vec::<String>::new());
        assert_eq!(split(r#"a "" '' "#).unwrap(), ["a", "", ""]);
        assert_eq!(split(r#"a"b c" d"#).unwrap(), ["ab c", "d"]);
        assert_eq!(split(r#""a\"b\\c\q""#).unwrap(), [r#"a"b\cq"#]);
        assert_eq!(split(r#"'a\'b\n'"#).unwrap(), ["a'b\\n"]);
    }

    #[test]
    fn escapes_become_bytes() {
        let args = split_args(br#""\x00\xfF\n\r\t\b\a\xg1""#).unwrap();
        assert_eq!(args, [b"\x00\xff\n\r\t\x08\x07xg1".to_vec()]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#"a "b""c""#, r#""a\"#, r#""\x0"#] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn a_zero_byte_ends_the_line() {
        assert_eq!(split("a b\0c d").unwrap(), ["a", "b"]);
    }

    #[test]
    fn quoting_is_readable() {
        let mut out = Vec::new();
        quote(&mut out, b"a\"b\\c\n\r\t\x07\x08\x00\x7f\xff z");
        assert_eq!(out, br#""a\"b\\c\n\r\t\a\b\x00\x7f\xff z""#);
    }

    proptest! {
        #[test]
        fn quoted_text_comes_back(args in prop::collection::vec(any::<Vec<u8>>(), 0..5)) {
            let mut line = Vec::new();
            for arg in &args {
                quote(&mut line, arg);
                line.push(b' ');
            }
            prop_assert_eq!(split_args(&line).unwrap(), args);
        }

        #[test]
        fn any_line_is_survived(line: Vec<u8>) {
            let _ = split_args(&line);
        }
    }
}
