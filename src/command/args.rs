//! Reading arguments: the conversions that commands share, each with the error it answers.

use super::CmdError;
use crate::base::clock::UnixMillis;
use crate::base::extended::Extended;
use crate::base::text::parse_i64;
use crate::resp::request::Args;

/// A whole number.
pub fn integer(word: &[u8]) -> Result<i64, CmdError> {
    parse_i64(word).ok_or(CmdError::NOT_INTEGER)
}

/// A whole number of 32 bits.
pub fn integer32(word: &[u8]) -> Result<i32, CmdError> {
    i32::try_from(integer(word)?).map_err(|_| CmdError::NOT_INT32)
}

/// A whole number with its own complaint.
pub fn integer_or(word: &[u8], error: CmdError) -> Result<i64, CmdError> {
    parse_i64(word).ok_or(error)
}

/// What may stand at the end of a flush, at this place: SYNC or ASYNC; without either the
/// configuration decides. `None`: something else.
pub fn lazily(args: Args<'_>, at: usize, default: bool) -> Option<bool> {
    match args.len().checked_sub(at)? {
        0 => Some(default),
        1 if args.is(at, "ASYNC") => Some(true),
        1 if args.is(at, "SYNC") => Some(false),
        _ => None,
    }
}

/// A whole number over 0 called `name` in complaints.
pub fn positive(word: &[u8], name: &str) -> Result<i64, CmdError> {
    match parse_i64(word) {
        None => Err(CmdError::made(format!("ERR {name} is not an integer or out of range"))),
        Some(n) if n <= 0 => Err(CmdError::made(format!("ERR {name} should be greater than 0"))),
        Some(n) => Ok(n),
    }
}

/// ON or OFF, YES or NO and the like: which of the two words this is.
pub fn either(word: &[u8], yes: &str, no: &str) -> Result<bool, CmdError> {
    if word.eq_ignore_ascii_case(yes.as_bytes()) {
        Ok(true)
    } else if word.eq_ignore_ascii_case(no.as_bytes()) {
        Ok(false)
    } else {
        Err(CmdError::SYNTAX)
    }
}

/// How long a command waits, in seconds with a fraction: until when, or for ever.
pub fn timeout(word: &[u8], now: UnixMillis) -> Result<Option<UnixMillis>, CmdError> {
    let seconds = Extended::parse(word).ok_or(CmdError::TIMEOUT_NOT_FLOAT)?;
    end_of_wait(seconds.ceil_of_thousandfold(), now)
}

/// How long a command waits, in milliseconds: until when, or for ever.
pub fn timeout_ms(word: &[u8], now: UnixMillis) -> Result<Option<UnixMillis>, CmdError> {
    end_of_wait(integer_or(word, CmdError::TIMEOUT_NOT_INTEGER)?, now)
}

fn end_of_wait(timeout_ms: i64, now: UnixMillis) -> Result<Option<UnixMillis>, CmdError> {
    match timeout_ms {
        ..0 => Err(CmdError::TIMEOUT_NEGATIVE),
        0 => Ok(None),
        ms => now.0.checked_add(ms).map(UnixMillis).map(Some).ok_or(CmdError::TIMEOUT_RANGE),
    }
}

/// As Redis 8.2 has it, compared with the live server.
#[test]
fn timeouts_are_read_as_long_doubles_and_rounded_up() {
    let now = UnixMillis(1_700_000_000_000);
    let left = |word: &str| timeout(word.as_bytes(), now).map(|until| until.map(|t| t.0 - now.0));
    for (word, ms) in [("1", 1000), ("1.5", 1500), ("0x1p-3", 125), ("+0.01", 10), (".25", 250)] {
        assert_eq!(left(word), Ok(Some(ms)), "{word}");
    }
    for (word, ms) in [("0.001", 1), ("0.0011", 2), ("0.0001", 1), ("1e-400", 1), ("1e-3", 1)] {
        assert_eq!(left(word), Ok(Some(ms)), "{word}");
    }
    // A little more than minus one millisecond, as the 80-bit format has it, is no time at all.
    for word in ["0", "-0", "0.", "-0.0000001", "-0.001", "-0x1p-10"] {
        assert_eq!(left(word), Ok(None), "{word}");
    }
    for word in ["-1", "-0.002", "-0.00100001", "-inf", "-1e300"] {
        assert_eq!(left(word), Err(CmdError::TIMEOUT_NEGATIVE), "{word}");
    }
    for word in ["inf", "1e400", "9223372036854775.807", "9223372036854775.808", "9223372036854774"]
    {
        assert_eq!(left(word), Err(CmdError::TIMEOUT_RANGE), "{word}");
    }
    for word in ["", "abc", "1a", " 1", "1 ", "nan", "1.0e-3\0", "0x", "1e5000", "-1e-5000"] {
        assert_eq!(left(word), Err(CmdError::TIMEOUT_NOT_FLOAT), "{word}");
    }
    let left = |word: &str| timeout_ms(word.as_bytes(), now);
    assert_eq!(left("0"), Ok(None));
    assert_eq!(left("10"), Ok(Some(UnixMillis(now.0 + 10))));
    assert_eq!(left("-1"), Err(CmdError::TIMEOUT_NEGATIVE));
    assert_eq!(left("9223372036854775807"), Err(CmdError::TIMEOUT_RANGE));
    for word in ["1.5", "", "+1", "-0", "9223372036854775808"] {
        assert_eq!(left(word), Err(CmdError::TIMEOUT_NOT_INTEGER), "{word}");
    }
}
/// Whether the word at an index is one of the `count` words behind a keyword that stands at `first`
/// or later.
pub fn is_behind(
    args: Args<'_>,
    index: usize,
    (keyword, first): (&str, usize),
    count: usize,
) -> bool {
    (1..=count).any(|back| index >= first + back && args.is(index - back, keyword))
}
