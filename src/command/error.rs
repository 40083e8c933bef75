//! The errors that commands answer with: the only place where their wire texts stand, since clients match on them.
//!
//! A text begins with its code (`ERR`, `WRONGTYPE`, ...), by which INFO errorstats counts it. All texts are those of
//! Redis 8.2, compared with the live server.

use std::borrow::Cow;

use crate::keyspace::WrongType;

/// How much of a client's word an error repeats.
const SHOWN: usize = 128;

/// The start of a word. Compat: a NUL ends it, as it does in the reference's texts.
fn shown(word: &[u8], max: usize) -> &[u8] {
    let end = word.iter().position(|b| *b == 0).unwrap_or(word.len());
    &word[..end.min(max)]
}

/// What a command answers instead of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CmdError {
    Fixed(&'static str),
    /// A text with parts of the request in it, which need not be UTF-8.
    Made(Box<[u8]>),
}

impl From<WrongType> for CmdError {
    fn from(_: WrongType) -> CmdError {
        CmdError::WRONG_TYPE
    }
}

impl CmdError {
    pub const CLIENT_NAME: CmdError =
        CmdError::Fixed("ERR Client names cannot contain spaces, newlines or special characters.");
    pub const COMMANDLOG_TYPE: CmdError = CmdError::Fixed(
        "ERR type should be one of the following: slow, large-request, large-reply",
    );
    pub const COUNT_BELOW_MINUS_ONE: CmdError =
        CmdError::Fixed("ERR count should be greater than or equal to -1");
    pub const COUNT_NEGATIVE: CmdError = CmdError::Fixed("ERR COUNT can't be negative");
    pub const COUNT_POSITIVE: CmdError = CmdError::Fixed("ERR count should be greater than 0");
    pub const DEBUG_DB: CmdError = CmdError::Fixed("ERR Out of range database");
    pub const DECREMENT_OVERFLOW: CmdError = CmdError::Fixed("ERR decrement would overflow");
    pub const EXEC_ABORT: CmdError =
        CmdError::Fixed("EXECABORT Transaction discarded because of previous errors.");
    pub const EXPIRE_GT_LT: CmdError =
        CmdError::Fixed("ERR GT and LT options at the same time are not compatible");
    pub const EXPIRE_NX: CmdError =
        CmdError::Fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
    pub const FIELDS_ABOVE_0: CmdError =
        CmdError::Fixed("ERR Parameter `numFields` should be greater than 0");
    pub const FIELDS_COUNT: CmdError =
        CmdError::Fixed("ERR The `numfields` parameter must match the number of arguments");
    pub const FIELDS_MISSING: CmdError =
        CmdError::Fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
    pub const FIELDS_NUMBER: CmdError = CmdError::Fixed("ERR invalid number of fields");
    pub const FIELDS_POSITIVE: CmdError =
        CmdError::Fixed("ERR Number of fields must be a positive integer");
    pub const FIRST_DB: CmdError = CmdError::Fixed("ERR invalid first DB index");
    pub const IS_LFU: CmdError = CmdError::Fixed(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    pub const NOT_POSITIVE: CmdError =
        CmdError::Fixed("ERR value is out of range, must be positive");
    pub const NOT_LFU: CmdError = CmdError::Fixed(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    );
    pub const SECOND_DB: CmdError = CmdError::Fixed("ERR invalid second DB index");
    pub const FLOAT_OVERFLOW: CmdError =
        CmdError::Fixed("ERR increment would produce NaN or Infinity");
    pub const HASH_NOT_FLOAT: CmdError = CmdError::Fixed("ERR hash value is not a float");
    pub const HASH_NOT_INTEGER: CmdError = CmdError::Fixed("ERR hash value is not an integer");
    pub const INCREMENT_OVERFLOW: CmdError =
        CmdError::Fixed("ERR increment or decrement would overflow");
    pub const INVALID_CURSOR: CmdError = CmdError::Fixed("ERR invalid cursor");
    pub const INDEX: CmdError = CmdError::Fixed("ERR index out of range");
    pub const LCS_NO_MEMORY: CmdError =
        CmdError::Fixed("ERR Insufficient memory, failed allocating transient memory for LCS");
    pub const LCS_OPTIONS: CmdError =
        CmdError::Fixed("ERR If you want both the length and indexes, please just use IDX.");
    pub const LCS_TOO_LARGE: CmdError = CmdError::Fixed(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
    pub const LCS_TYPES: CmdError =
        CmdError::Fixed("ERR The specified keys must contain string values");
    pub const MAXLEN_NEGATIVE: CmdError = CmdError::Fixed("ERR MAXLEN can't be negative");
    pub const NEGATIVE_EXPIRE_TIME: CmdError =
        CmdError::Fixed("ERR invalid expire time, must be >= 0");
    pub const NOT_FINITE: CmdError = CmdError::Fixed("ERR value is NaN or Infinity");
    /// Compat: the smallest integer has no opposite.
    pub const NOT_NEGATABLE: CmdError = CmdError::Fixed(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    pub const NO_SUCH_KEY: CmdError = CmdError::Fixed("ERR no such key");
    pub const NUMKEYS: CmdError = CmdError::Fixed("ERR invalid numkeys value or out of range");
    pub const NUMKEYS_POSITIVE: CmdError = CmdError::Fixed("ERR numkeys should be greater than 0");
    pub const LIMIT_NEGATIVE: CmdError = CmdError::Fixed("ERR LIMIT can't be negative");
    pub const REPLY_TOO_LONG: CmdError =
        CmdError::Fixed("ERR reply exceeds maximum allowed size (proto-max-bulk-len)");
    pub const TOO_MANY_KEYS: CmdError =
        CmdError::Fixed("ERR Number of keys can't be greater than number of args");
    pub const ONE_CONDITION: CmdError =
        CmdError::Fixed("ERR Only one of FXX or FNX arguments can be specified");
    pub const ONE_LIFETIME: CmdError =
        CmdError::Fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    pub const OFFSET: CmdError = CmdError::Fixed("ERR offset is out of range");
    pub const RANK_ZERO: CmdError = CmdError::Fixed(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
         negative to start from the end of the list",
    );
    pub const SAME_OBJECT: CmdError =
        CmdError::Fixed("ERR source and destination objects are the same");
    pub const SORT_SCORE: CmdError =
        CmdError::Fixed("ERR One or more scores can't be converted into double");
    pub const STRING_TOO_LONG: CmdError =
        CmdError::Fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    pub const DB_INDEX: CmdError = CmdError::Fixed("ERR DB index is out of range");
    pub const INVALID_DB: CmdError = CmdError::Fixed("ERR invalid DB index");
    pub const INVALID_CLIENT_ID: CmdError = CmdError::Fixed("ERR Invalid client ID");
    pub const NO_AUTH: CmdError = CmdError::Fixed("NOAUTH Authentication required.");
    pub const NO_KEYSPACE: CmdError =
        CmdError::Fixed("ERR Replica can't interact with the keyspace");
    pub const NOT_FLOAT: CmdError = CmdError::Fixed("ERR value is not a valid float");
    pub const NOT_INTEGER: CmdError =
        CmdError::Fixed("ERR value is not an integer or out of range");
    pub const NOT_INT32: CmdError =
        CmdError::Fixed("ERR value is out of range, value must between -2147483648 and 2147483647");
    pub const OUT_OF_RANGE: CmdError = CmdError::Fixed("ERR value is out of range");
    pub const NO_MULTI: CmdError = CmdError::Fixed("ERR Command not allowed inside a transaction");
    pub const NO_PROTO: CmdError = CmdError::Fixed("NOPROTO unsupported protocol version");
    pub const NO_VALUES: CmdError =
        CmdError::Fixed("ERR NOVALUES option can only be used in HSCAN");
    pub const NO_SUCH_CLIENT: CmdError = CmdError::Fixed("ERR No such client");
    pub const SYNTAX: CmdError = CmdError::Fixed("ERR syntax error");
    pub const TIMEOUT_NEGATIVE: CmdError = CmdError::Fixed("ERR timeout is negative");
    pub const TIMEOUT_NOT_FLOAT: CmdError =
        CmdError::Fixed("ERR timeout is not a float or out of range");
    pub const TIMEOUT_NOT_INTEGER: CmdError =
        CmdError::Fixed("ERR timeout is not an integer or out of range");
    pub const TIMEOUT_RANGE: CmdError = CmdError::Fixed("ERR timeout is out of range");
    pub const UNBLOCKED: CmdError =
        CmdError::Fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    pub const LEX_RANGE: CmdError = CmdError::Fixed("ERR min or max not valid string range item");
    pub const LEX_WITH_SCORES: CmdError =
        CmdError::Fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    pub const LIMIT_ALONE: CmdError = CmdError::Fixed(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
    pub const NOT_A_NUMBER: CmdError = CmdError::Fixed("ERR resulting score is not a number (NaN)");
    pub const SCORE_RANGE: CmdError = CmdError::Fixed("ERR min or max is not a float");
    pub const WEIGHT: CmdError = CmdError::Fixed("ERR weight value is not a float");
    pub const ZADD_GT_LT_NX: CmdError =
        CmdError::Fixed("ERR GT, LT, and/or NX options at the same time are not compatible");
    pub const ZADD_INCR: CmdError =
        CmdError::Fixed("ERR INCR option supports a single increment-element pair");
    pub const ZADD_NX_XX: CmdError =
        CmdError::Fixed("ERR XX and NX options at the same time are not compatible");
    pub const WRONG_PASSWORD: CmdError =
        CmdError::Fixed("WRONGPASS invalid username-password pair or user is disabled.");
    pub const WRONG_TYPE: CmdError =
        CmdError::Fixed("WRONGTYPE Operation against a key holding the wrong kind of value");

    /// A text made for the occasion, code included.
    pub fn made(text: impl Into<Vec<u8>>) -> CmdError {
        CmdError::Made(text.into().into_boxed_slice())
    }

    /// EXEC itself was refused, because of this.
    pub fn exec_abort(error: &CmdError) -> CmdError {
        let text = error.text();
        let reason = text.strip_prefix(b"ERR ").unwrap_or(text);
        CmdError::made([b"EXECABORT Transaction discarded because of: ", reason].concat())
    }

    /// A time to live that is not positive, or beyond the end of time.
    pub fn expire_time(command: &str) -> CmdError {
        CmdError::made(format!("ERR invalid expire time in '{command}' command"))
    }

    /// Two prefixes of one client that some keys would have in common. `which` says which other one.
    pub fn prefix_overlap(prefix: &[u8], which: &str, other: &[u8]) -> CmdError {
        let which = format!("' overlaps with {which} prefix '");
        let end: &[u8] = b"'. Prefixes for a single client must not overlap.";
        CmdError::made([b"ERR Prefix '", prefix, which.as_bytes(), other, end].concat())
    }

    /// A command that a client may not use while it listens in RESP2.
    pub fn only_listens(command: &str) -> CmdError {
        CmdError::made(format!(
            "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed \
             in this context"
        ))
    }

    /// A command that combines sets was given none.
    pub fn no_input_keys(command: &str) -> CmdError {
        CmdError::made(format!("ERR at least 1 input key is needed for '{command}' command"))
    }

    pub fn arity(command: &str) -> CmdError {
        CmdError::made(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// A name nobody has: it and the start of its arguments are shown, cut.
    pub fn unknown_command<'a>(name: &[u8], args: impl Iterator<Item = &'a [u8]>) -> CmdError {
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(shown(name, SHOWN));
        text.extend_from_slice(b"', with args beginning with: ");
        let mut length = 0;
        for arg in args {
            if length >= SHOWN {
                break;
            }
            let arg = shown(arg, SHOWN - length);
            text.push(b'\'');
            text.extend_from_slice(arg);
            text.extend_from_slice(b"' ");
            length += arg.len() + 3;
        }
        CmdError::made(text)
    }

    /// A word that is none of those a command takes.
    pub fn unknown_argument(word: &[u8]) -> CmdError {
        CmdError::made([b"ERR unknown argument: ", shown(word, usize::MAX)].concat())
    }

    /// A subcommand that exists, called with words it does not take.
    pub fn subcommand_arity(container: &str, name: &[u8]) -> CmdError {
        let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
        text.extend_from_slice(shown(name, SHOWN));
        text.extend_from_slice(format!("'. Try {container} HELP.").as_bytes());
        CmdError::made(text)
    }

    /// LATENCY GRAPH of an event that had no spike.
    pub fn no_samples(event: &[u8]) -> CmdError {
        let text: [&[u8]; 3] = [b"ERR No samples available for event '", event, b"'"];
        CmdError::made(text.concat())
    }

    /// `container` is the word by which this server knows it.
    pub fn unknown_subcommand(container: &[u8], name: &[u8]) -> CmdError {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(shown(name, SHOWN));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(&container.to_ascii_uppercase());
        text.extend_from_slice(b" HELP.");
        CmdError::made(text)
    }

    /// DEBUG or MODULE, which an option forbids.
    pub fn guarded(name: &str) -> CmdError {
        let option = name.to_lowercase();
        CmdError::made(format!(
            "ERR {name} command not allowed. If the enable-{option}-command option is set to \"local\", you can run \
             it from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server."
        ))
    }

    /// The text as it goes out after the dash.
    pub fn text(&self) -> &[u8] {
        match self {
            CmdError::Fixed(text) => text.as_bytes(),
            CmdError::Made(text) => text,
        }
    }

    /// The code that INFO errorstats counts by.
    pub fn code(&self) -> Cow<'_, str> {
        let text = self.text();
        let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
        String::from_utf8_lossy(&text[..end])
    }
}
