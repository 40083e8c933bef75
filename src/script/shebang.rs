//! The first line of a script or library, if it begins with `#!`: engine, name and flags.
//!
//! ```text
//!   #!lua flags=no-writes,allow-oom          a script
//!   #!lua name=mylib                         a library
//! ```
//!
//! A script without such a line runs as scripts did before there were flags: it may do everything,
//! and what it needs is checked call by call.

use crate::base::split::split_args;
use crate::command::CmdError;

/// What a script or function has promised or asks for.
pub mod script_flag {
    pub const NO_WRITES: u32 = 1;
    pub const ALLOW_OOM: u32 = 1 << 1;
    pub const ALLOW_STALE: u32 = 1 << 2;
    pub const NO_CLUSTER: u32 = 1 << 3;
    pub const CROSS_SLOT: u32 = 1 << 4;
    /// It has no shebang: nothing was promised.
    pub const COMPAT: u32 = 1 << 5;

    pub const NAMES: &[(&str, u32)] = &[
        ("no-writes", NO_WRITES),
        ("allow-oom", ALLOW_OOM),
        ("allow-stale", ALLOW_STALE),
        ("no-cluster", NO_CLUSTER),
        ("allow-cross-slot-keys", CROSS_SLOT),
    ];
}

/// A flag by its name.
pub fn flag(name: &[u8]) -> Option<u32> {
    script_flag::NAMES.iter().find(|(n, _)| n.as_bytes() == name).map(|(_, bit)| *bit)
}

fn made(before: &str, word: &[u8]) -> CmdError {
    CmdError::made([before.as_bytes(), word].concat())
}

/// The flags of a script, and where its code begins. Of the first line nothing is left but its end,
/// so that the numbers of lines stay true.
pub fn of_script(body: &[u8]) -> Result<(u32, usize), CmdError> {
    if !body.starts_with(b"#!") {
        return Ok((script_flag::COMPAT, 0));
    }
    let end = body.iter().position(|b| *b == b'\n');
    let end = end.ok_or(CmdError::Fixed("ERR Invalid script shebang"))?;
    let words =
        split_args(&body[..end]).ok_or(CmdError::Fixed("ERR Invalid engine in script shebang"))?;
    let engine = words.first().map_or(&b""[..], |w| w);
    if engine != b"#!lua" {
        return Err(made("ERR Unexpected engine in script shebang: ", engine));
    }
    let mut flags = 0;
    for word in &words[1..] {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(made("ERR Unknown lua shebang option: ", word));
        };
        for name in list.split(|b| *b == b',').filter(|name| !name.is_empty()) {
            flags |=
                flag(name).ok_or_else(|| made("ERR Unexpected flag in script shebang: ", name))?;
        }
    }
    Ok((flags, end))
}

/// The name of a library, and where its code begins.
pub fn of_library(code: &[u8]) -> Result<(String, usize), CmdError> {
    if !code.starts_with(b"#!") {
        return Err(CmdError::Fixed("ERR Missing library metadata"));
    }
    let end = code.iter().position(|b| *b == b'\n');
    let end = end.ok_or(CmdError::Fixed("ERR Invalid library metadata"))?;
    let words = split_args(&code[..end]).ok_or(CmdError::Fixed("ERR Invalid library metadata"))?;
    let engine = words.first().map_or(&b""[..], |w| &w[2.min(w.len())..]);
    let mut name: Option<&[u8]> = None;
    for word in words.iter().skip(1) {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                return Err(CmdError::Fixed(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some(given) => name = Some(given),
            None => return Err(made("ERR Invalid metadata value given: ", word)),
        }
    }
    let name = name.ok_or(CmdError::Fixed("ERR Library name was not given"))?;
    let name = checked_name(name)?;
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(CmdError::made([b"ERR Engine '", engine, b"' not found"].concat()));
    }
    Ok((name, end))
}

/// A name of a library or function.
pub fn checked_name(name: &[u8]) -> Result<String, CmdError> {
    let is_good = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    if name.is_empty() || !name.iter().all(is_good) {
        return Err(CmdError::Fixed(
            "ERR Library names can only contain letters, numbers, or underscores(_) and must be at \
             least one character long",
        ));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Redis 8.2 answers.
    #[test]
    fn first_lines_of_scripts() {
        let text = |body: &str| match of_script(body.as_bytes()) {
            Ok((flags, end)) => format!("{flags} {end}"),
            Err(error) => String::from_utf8_lossy(error.text()).into_owned(),
        };
        let cases = [
            ("return 1", "32 0"),
            ("#!lua\nx", "0 5"),
            ("#!lua flags=no-writes,allow-oom\nx", "3 31"),
            ("#!lua flags=\nx", "0 12"),
            ("#!lua \t flags=allow-stale\r\nx", "4 26"),
            ("#!lua", "ERR Invalid script shebang"),
            ("#!js\n", "ERR Unexpected engine in script shebang: #!js"),
            ("#!lua flags\n", "ERR Unknown lua shebang option: flags"),
            ("#!lua flags=foo\n", "ERR Unexpected flag in script shebang: foo"),
        ];
        for (body, want) in cases {
            assert_eq!(text(body), want, "{body}");
        }
    }

    #[test]
    fn first_lines_of_libraries() {
        let text = |body: &str| match of_library(body.as_bytes()) {
            Ok((name, end)) => format!("{name} {end}"),
            Err(error) => String::from_utf8_lossy(error.text()).into_owned(),
        };
        let cases = [
            ("#!LUA name=l1\nx", "l1 13"),
            ("x", "ERR Missing library metadata"),
            ("#!lua name=x", "ERR Invalid library metadata"),
            ("#!lua\n", "ERR Library name was not given"),
            (
                "#!lua name=a name=b\n",
                "ERR Invalid metadata value, name argument was given multiple times",
            ),
            ("#!lua foo=a name=b\n", "ERR Invalid metadata value given: foo=a"),
            ("#!js name=x\n", "ERR Engine 'js' not found"),
            ("#! name=x\n", "ERR Engine '' not found"),
        ];
        for (body, want) in cases {
            assert_eq!(text(body), want, "{body}");
        }
    }
}
