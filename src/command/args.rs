//! Reading arguments: the conversions that commands share, each with the error it answers.

use super::CmdError;
use crate::base::text::parse_i64;

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
