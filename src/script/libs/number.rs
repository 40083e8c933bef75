//! Numbers as C prints them with `%.14g` and its like.

use std::io::Write as _;

use crate::base::text::write_i64;

/// As Lua itself makes text of numbers.
pub fn write_14_digits(out: &mut Vec<u8>, number: f64) {
    write_general(out, number, 14);
}

/// As `%.<digits>g` does: so many digits at most, no zeros at the end, an exponent where that is
/// shorter.
pub fn write_general(out: &mut Vec<u8>, number: f64, digits: usize) {
    let whole = number as i64;
    if whole as f64 == number && whole.unsigned_abs() < 10_u64.pow(digits.min(15) as u32) {
        if whole == 0 && number.is_sign_negative() {
            out.push(b'-');
        }
        return write_i64(out, whole);
    }
    if !number.is_finite() {
        let text: &[u8] = match number {
            n if n.is_nan() => b"nan",
            n if n > 0.0 => b"inf",
            _ => b"-inf",
        };
        return out.extend_from_slice(text);
    }
    let digits = digits.clamp(1, 17);
    // `d.ddde-x`, with all digits.
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    write!(rest, "{:.*e}", digits - 1, number).expect("17 digits and an exponent fit");
    let len = 32 - rest.len();
    let text = &text[..len];
    let (sign, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let at = text.iter().position(|b| *b == b'e').expect("an exponent was written");
    let exponent = std::str::from_utf8(&text[at + 1..]).ok().and_then(|e| e.parse::<i32>().ok());
    let exponent = exponent.expect("the exponent is a number");
    let mut figures: [u8; 17] = [b'0'; 17];
    let mut count = 0;
    for figure in text[..at].iter().filter(|b| **b != b'.') {
        figures[count] = *figure;
        count += 1;
    }
    while count > 1 && figures[count - 1] == b'0' {
        count -= 1;
    }
    if sign {
        out.push(b'-');
    }
    place(out, &figures[..count], (exponent, digits as i32));
}

/// Puts the point into significant figures, or an exponent behind them.
fn place(out: &mut Vec<u8>, figures: &[u8], (exponent, digits): (i32, i32)) {
    let len = figures.len() as i32;
    if exponent < -4 || exponent >= digits {
        out.push(figures[0]);
        if len > 1 {
            out.push(b'.');
            out.extend_from_slice(&figures[1..]);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
        out.extend_from_slice(figures);
    } else {
        let before = (exponent + 1).min(len) as usize;
        out.extend_from_slice(&figures[..before]);
        out.extend(std::iter::repeat_n(b'0', (exponent + 1 - len).max(0) as usize));
        if (before as i32) < len {
            out.push(b'.');
            out.extend_from_slice(&figures[before..]);
        }
    }
}

#[test]
fn numbers_are_printed_as_c_prints_them() {
    let text = |number: f64, digits| {
        let mut out = Vec::new();
        write_general(&mut out, number, digits);
        String::from_utf8(out).unwrap()
    };
    let cases = [
        (1.5, "1.5"),
        (-0.0, "-0"),
        (1e100, "1e+100"),
        (1e15, "1e+15"),
        (123456789012345.0, "1.2345678901234e+14"),
        (12345678901234.0, "12345678901234"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.33333333333333"),
        (1e-5, "1e-05"),
        (0.0001, "0.0001"),
        (-123.456, "-123.456"),
        (99999999999999.9, "1e+14"),
        (2f64.powi(53), "9.007199254741e+15"),
        (f64::NEG_INFINITY, "-inf"),
        (5e-324, "4.9406564584125e-324"),
    ];
    for (number, want) in cases {
        assert_eq!(text(number, 14), want);
    }
    assert_eq!(
        (text(1.0 / 3.0, 3), text(1234.0, 3), text(1000.0, 1)),
        ("0.333".into(), "1.23e+03".into(), "1e+03".into())
    );
}
