//! The errors that commands answer with: the only place where their wire texts stand, since clients match on them.
//!
//! A text begins with its code (`ERR`, `WRONGTYPE`, ...), by which INFO errorstats counts it. All texts are those of
//! Redis 8.2, compared with the live server.

use std::borrow::Cow;

/// What a command answers instead of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CmdError {
    Fixed(&'static str),
    /// A text with parts of the request in it, which need not be UTF-8.
    Made(Box<[u8]>),
}

impl CmdError {
    pub const CLIENT_NAME: CmdError =
        CmdError::Fixed("ERR Client names cannot contain spaces, newlines or special characters.");
    pub const DB_INDEX: CmdError = CmdError::Fixed("ERR DB index is out of range");
    pub const INVALID_DB: CmdError = CmdError::Fixed("ERR invalid DB index");
    pub const INVALID_CLIENT_ID: CmdError = CmdError::Fixed("ERR Invalid client ID");
    pub const NO_AUTH: CmdError = CmdError::Fixed("NOAUTH Authentication required.");
    pub const NOT_FLOAT: CmdError = CmdError::Fixed("ERR value is not a valid float");
    pub const NOT_INTEGER: CmdError =
        CmdError::Fixed("ERR value is not an integer or out of range");
    pub const OUT_OF_RANGE: CmdError = CmdError::Fixed("ERR value is out of range");
    pub const NO_PROTO: CmdError = CmdError::Fixed("NOPROTO unsupported protocol version");
    pub const NO_SUCH_CLIENT: CmdError = CmdError::Fixed("ERR No such client");
    pub const SYNTAX: CmdError = CmdError::Fixed("ERR syntax error");
    pub const TIMEOUT_NEGATIVE: CmdError = CmdError::Fixed("ERR timeout is negative");
    pub const TIMEOUT_NOT_INTEGER: CmdError =
        CmdError::Fixed("ERR timeout is not an integer or out of range");
    pub const WRONG_PASSWORD: CmdError =
        CmdError::Fixed("WRONGPASS invalid username-password pair or user is disabled.");
    pub const WRONG_TYPE: CmdError =
        CmdError::Fixed("WRONGTYPE Operation against a key holding the wrong kind of value");

    /// A text made for the occasion, code included.
    pub fn made(text: impl Into<Vec<u8>>) -> CmdError {
        CmdError::Made(text.into().into_boxed_slice())
    }

    pub fn arity(command: &str) -> CmdError {
        CmdError::made(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// The name of a command, as often as it takes, and the start of its arguments, for a name nobody has.
    pub fn unknown_command<'a>(name: &[u8], args: impl Iterator<Item = &'a [u8]>) -> CmdError {
        const SHOWN: usize = 128;
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(&name[..name.len().min(SHOWN)]);
        text.extend_from_slice(b"', with args beginning with: ");
        let mut shown = 0;
        for arg in args {
            if shown >= SHOWN {
                break;
            }
            let arg = &arg[..arg.len().min(SHOWN - shown)];
            text.push(b'\'');
            text.extend_from_slice(arg);
            text.extend_from_slice(b"' ");
            shown += arg.len() + 3;
        }
        CmdError::made(text)
    }

    /// `container` is the word by which this server knows it.
    pub fn unknown_subcommand(container: &[u8], name: &[u8]) -> CmdError {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(&name[..name.len().min(128)]);
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
