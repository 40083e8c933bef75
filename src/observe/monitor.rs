//! MONITOR: the line that tells of a call.
//!
//! ```text
//!     +1700000000.123456 [0 127.0.0.1:50000] "set" "key" "a\x00b"
//! ```
//!
//! Calls are told after they ran. Not told are calls of administrators' commands and those flagged
//! `skip_monitor`; and secrets are redacted. Without a monitor a call pays one test of an empty
//! list; the executor holds it, and sends the line to each monitor through `Clients::send_to`.

use super::redact;
use crate::command::{Command, flag};
use crate::keyspace::DbIndex;
use crate::resp::request::Args;

/// Whether monitors are told of calls of this command.
pub fn shows(cmd: &Command) -> bool {
    !cmd.has(flag::ADMIN | flag::SKIP_MONITOR)
}

/// The line about a call, without its plus sign and end. `address` is `ip:port`, `unix:path` or
/// `lua`.
pub fn line(unix_us: i64, (db, address): (DbIndex, &str), cmd: &Command, args: Args<'_>) -> String {
    let (seconds, micros) = (unix_us.div_euclid(1_000_000), unix_us.rem_euclid(1_000_000));
    let mut text = format!("{seconds}.{micros:06} [{} {address}]", db.0);
    for index in 0..args.len() {
        text.push(' ');
        quote(&mut text, redact::shown(cmd, args, index));
    }
    text
}

/// Appends bytes in double quotes, with escapes for what is not printable ASCII.
fn quote(text: &mut String, bytes: &[u8]) {
    text.push('"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                text.push_str("\\x");
                text.extend([byte >> 4, byte & 15].map(|n| char::from(HEX[n as usize])));
            }
        }
    }
    text.push('"');
}

#[test]
fn the_line_is_that_of_redis() {
    use crate::command::connection::ECHO;
    use crate::resp::request::Query;
    let query = Query::of(&[b"echo", b"v\x00\xff\"\\\n\r\t\x07\x08 ~\x7f"]);
    let got = line(1_700_000_000_000_042, (DbIndex(3), "127.0.0.1:5"), &ECHO, query.args());
    let want = r#"1700000000.000042 [3 127.0.0.1:5] "echo" "v\x00\xff\"\\\n\r\t\a\b ~\x7f""#;
    assert_eq!(got, want);
    assert!(shows(&ECHO));
}
