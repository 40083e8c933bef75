//! The errors that commands answer with: the only place where their wire texts stand, since clients
//! match on them.
//!
//! A text begins with its code (`ERR`, `WRONGTYPE`, ...), by which INFO errorstats counts it. All
//! texts are those of Redis 8.2, compared with the live server.

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
    /// The same, of an error that was counted where it arose: inside a script.
    Counted(Box<[u8]>),
}

impl From<WrongType> for CmdError {
    fn from(_: WrongType) -> CmdError {
        CmdError::WRONG_TYPE
    }
}

impl CmdError {
    pub const BITFIELD_OVERFLOW: CmdError = CmdError::Fixed("ERR Invalid OVERFLOW type specified");
    pub const BITFIELD_READS: CmdError =
        CmdError::Fixed("ERR BITFIELD_RO only supports the GET subcommand");
    pub const BITFIELD_TYPE: CmdError = CmdError::Fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
         i64 is.",
    );
    pub const BITOP_NOT: CmdError =
        CmdError::Fixed("ERR BITOP NOT must be called with a single source key.");
    pub const BITPOS_BIT: CmdError = CmdError::Fixed("ERR The bit argument must be 1 or 0.");
    pub const BIT_OFFSET: CmdError =
        CmdError::Fixed("ERR bit offset is not an integer or out of range");
    pub const BIT_VALUE: CmdError = CmdError::Fixed("ERR bit is not an integer or out of range");
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
    pub const GEO_ANY: CmdError = CmdError::Fixed("ERR the ANY argument requires COUNT argument");
    pub const GEO_BOX_NEGATIVE: CmdError =
        CmdError::Fixed("ERR height or width cannot be negative");
    pub const GEO_CORNERS: CmdError =
        CmdError::Fixed("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
    pub const GEO_CORNERS_NUMBER: CmdError = CmdError::Fixed("ERR invalid number of vertices");
    pub const GEO_HEIGHT: CmdError = CmdError::Fixed("ERR need numeric height");
    pub const GEO_MEMBER: CmdError = CmdError::Fixed("ERR could not decode requested zset member");
    pub const GEO_RADIUS: CmdError = CmdError::Fixed("ERR need numeric radius");
    pub const GEO_RADIUS_NEGATIVE: CmdError = CmdError::Fixed("ERR radius cannot be negative");
    pub const GEO_STORE_WITH: CmdError = CmdError::Fixed(
        "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD \
         options",
    );
    pub const GEO_SEARCHSTORE_WITH: CmdError = CmdError::Fixed(
        "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
    );
    pub const GEO_UNIT: CmdError =
        CmdError::Fixed("ERR unsupported unit provided. please use M, KM, FT, MI");
    pub const GEO_WIDTH: CmdError = CmdError::Fixed("ERR need numeric width");
    pub const HASH_NOT_FLOAT: CmdError = CmdError::Fixed("ERR hash value is not a float");
    pub const HASH_NOT_INTEGER: CmdError = CmdError::Fixed("ERR hash value is not an integer");
    pub const HLL_CORRUPT: CmdError = CmdError::Fixed("INVALIDOBJ Corrupted HLL object detected");
    pub const HLL_DENSE: CmdError = CmdError::Fixed("ERR HLL encoding is not sparse");
    pub const HLL_FOREIGN: CmdError =
        CmdError::Fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");
    pub const INCREMENT_OVERFLOW: CmdError =
        CmdError::Fixed("ERR increment or decrement would overflow");
    pub const INVALID_CURSOR: CmdError = CmdError::Fixed("ERR invalid cursor");
    pub const INDEX: CmdError = CmdError::Fixed("ERR index out of range");
    pub const KEY_MISSING: CmdError = CmdError::Fixed("ERR The specified key does not exist");
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
    pub const NO_REPLICAS: CmdError =
        CmdError::Fixed("NOREPLICAS Not enough good replicas to write.");
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
    pub const ON_OR_OFF: CmdError = CmdError::Fixed("ERR Argument must be ON or OFF");
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
    pub const INVALID_CLIENT_ID: CmdError = CmdError::Fixed("ERR Invalid client ID");
    pub const NO_AUTH: CmdError = CmdError::Fixed("NOAUTH Authentication required.");
    pub const OUT_OF_MEMORY: CmdError =
        CmdError::Fixed("OOM command not allowed when used memory > 'maxmemory'.");
    pub const SNAPSHOTS_FAIL: CmdError = CmdError::Fixed(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that \
         may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
         snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
         error.",
    );
    pub const LOADING: CmdError = CmdError::Fixed("LOADING Redis is loading the dataset in memory");
    pub const BUSY_SCRIPT: CmdError = CmdError::Fixed(
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    );
    pub const BUSY_FUNCTION: CmdError = CmdError::Fixed(
        "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    );
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
    pub const CLAIM_COUNT: CmdError = CmdError::Fixed("ERR COUNT must be > 0");
    pub const STREAM_ADDED_NEGATIVE: CmdError =
        CmdError::Fixed("ERR entries_added must be positive");
    pub const STREAM_DOLLAR_IN_GROUP: CmdError = CmdError::Fixed(
        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
         this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID \
         would just return an empty result set.",
    );
    pub const STREAM_END: CmdError = CmdError::Fixed("ERR invalid end ID for the interval");
    pub const STREAM_ENTRIES_READ: CmdError =
        CmdError::Fixed("ERR value for ENTRIESREAD must be positive or -1");
    pub const STREAM_EXHAUSTED: CmdError = CmdError::Fixed(
        "ERR The stream has exhausted the last possible ID, unable to add more items",
    );
    pub const STREAM_GROUP_EXISTS: CmdError =
        CmdError::Fixed("BUSYGROUP Consumer Group name already exists");
    pub const STREAM_GROUP_MISSING: CmdError =
        CmdError::Fixed("ERR Missing GROUP option for XREADGROUP");
    pub const STREAM_GROUP_OPTION: CmdError = CmdError::Fixed(
        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
    );
    pub const STREAM_ID: CmdError =
        CmdError::Fixed("ERR Invalid stream ID specified as stream command argument");
    pub const STREAM_ID_SMALL: CmdError = CmdError::Fixed(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
    pub const STREAM_ID_ZERO: CmdError =
        CmdError::Fixed("ERR The ID specified in XADD must be greater than 0-0");
    pub const STREAM_IDS_COUNT: CmdError =
        CmdError::Fixed("ERR Number of IDs must be a positive integer");
    pub const STREAM_IDS_MISMATCH: CmdError =
        CmdError::Fixed("ERR The `numids` parameter must match the number of arguments");
    pub const STREAM_KEY_NEEDED: CmdError = CmdError::Fixed(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
         use the MKSTREAM option to create an empty stream automatically.",
    );
    pub const STREAM_NEW_ONLY_IN_GROUP: CmdError = CmdError::Fixed(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
         <consumer> option.",
    );
    pub const STREAM_NOACK_OPTION: CmdError = CmdError::Fixed(
        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
    );
    pub const STREAM_PLUS_IN_GROUP: CmdError = CmdError::Fixed(
        "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of \
         this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID \
         would just return an empty result set.",
    );
    pub const STREAM_SETID_ADDED: CmdError = CmdError::Fixed(
        "ERR The entries_added specified in XSETID is smaller than the target stream length",
    );
    pub const STREAM_SETID_DELETED: CmdError = CmdError::Fixed(
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
    );
    pub const STREAM_SETID_DELETED_GIVEN: CmdError = CmdError::Fixed(
        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
    );
    pub const STREAM_SETID_SMALL: CmdError = CmdError::Fixed(
        "ERR The ID specified in XSETID is smaller than the target stream top item",
    );
    pub const STREAM_START: CmdError = CmdError::Fixed("ERR invalid start ID for the interval");
    pub const STREAM_TOO_LARGE: CmdError =
        CmdError::Fixed("ERR Elements are too large to be stored");
    pub const TRIM_LENGTH_NEGATIVE: CmdError =
        CmdError::Fixed("ERR The MAXLEN argument must be >= 0.");
    pub const TRIM_LIMIT_ALONE: CmdError = CmdError::Fixed(
        "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
    );
    pub const TRIM_LIMIT_EXACT: CmdError =
        CmdError::Fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");
    pub const TRIM_LIMIT_NEGATIVE: CmdError =
        CmdError::Fixed("ERR The LIMIT argument must be >= 0.");
    pub const TRIM_STRATEGIES: CmdError = CmdError::Fixed(
        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
    );
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

    /// Two prefixes of one client that some keys would have in common. `which` says which other
    /// one.
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

    /// BITOP with an operation that tells its first source from the others.
    pub fn two_sources(operation: &str) -> CmdError {
        CmdError::made(format!(
            "ERR BITOP {operation} must be called with at least two source keys."
        ))
    }

    /// A place that is not on the map.
    pub fn off_the_map(lon: f64, lat: f64) -> CmdError {
        CmdError::made(format!("ERR invalid longitude,latitude pair {lon:.6},{lat:.6}"))
    }

    /// A search that lacks its centre or its shape, by the name it was called by.
    pub fn search_lacks(what: &str, command: &[u8]) -> CmdError {
        let text = format!("ERR exactly one of {what} can be specified for ");
        CmdError::made([text.as_bytes(), shown(command, SHOWN)].concat())
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

    /// A group that a stream does not have.
    pub fn no_group(group: &[u8], key: &[u8]) -> CmdError {
        let [group, key] = [group, key].map(|word| shown(word, usize::MAX));
        let parts: [&[u8]; 5] =
            [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
        CmdError::made(parts.concat())
    }

    /// A stream or a group that is not there.
    pub fn no_key_or_group(key: &[u8], group: &[u8]) -> CmdError {
        let [group, key] = [group, key].map(|word| shown(word, usize::MAX));
        let parts: [&[u8]; 5] =
            [b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'"];
        CmdError::made(parts.concat())
    }

    /// The same, of XREADGROUP.
    pub fn no_group_to_read(key: &[u8], group: &[u8]) -> CmdError {
        let error = CmdError::no_key_or_group(key, group);
        CmdError::made([error.text(), b" in XREADGROUP with GROUP option"].concat())
    }

    /// A word behind the ids of XCLAIM that is no option.
    pub fn claim_option(word: &[u8]) -> CmdError {
        let word = shown(word, usize::MAX);
        CmdError::made([b"ERR Unrecognized XCLAIM option '", word, b"'"].concat())
    }

    /// XREAD or XREADGROUP with a key that has no id.
    pub fn unbalanced_streams(in_group: bool) -> CmdError {
        CmdError::Fixed(if in_group {
            "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be \
             specified."
        } else {
            "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be \
             specified."
        })
    }

    /// LATENCY GRAPH of an event that had no spike.
    pub fn no_samples(event: &[u8]) -> CmdError {
        let text: [&[u8]; 3] = [b"ERR No samples available for event '", event, b"'"];
        CmdError::made(text.concat())
    }

    pub fn unknown_pfdebug(name: &[u8]) -> CmdError {
        let text: [&[u8]; 3] = [b"ERR Unknown PFDEBUG subcommand '", shown(name, usize::MAX), b"'"];
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
    /// The append-only file cannot be written.
    pub fn aof_fails(error: &std::io::Error) -> CmdError {
        let reason = crate::base::os::os_text(error);
        CmdError::made(format!("MISCONF Errors writing to the AOF file: {reason}"))
    }

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
            CmdError::Made(text) | CmdError::Counted(text) => text,
        }
    }

    /// The code that INFO errorstats counts by.
    pub fn code(&self) -> Cow<'_, str> {
        code_of(self.text())
    }
}

/// The code of an error: its first word. Compat: an error of one word, or with a first word that is
/// longer than this, has none of its own.
pub fn code_of(text: &[u8]) -> Cow<'_, str> {
    const LEN_MAX: usize = 30;
    let end = text.iter().take(LEN_MAX + 1).position(|b| *b == b' ');
    end.map_or(Cow::Borrowed("ERR"), |end| String::from_utf8_lossy(&text[..end]))
}
