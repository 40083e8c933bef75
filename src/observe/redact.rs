//! Secrets in calls: which words are shown as `(redacted)` by the logs and by MONITOR.
//!
//! Passwords come as arguments of a handful of commands, whose records say where
//! ([`Command::secrets`]). The rule is a function of the call's words alone, asked only when a call
//! is shown, so that nothing is spent on calls that are not.

use crate::command::Command;
use crate::resp::request::Args;

/// What stands for a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// Whether the word at `index` of this call must not be shown.
pub fn is_secret(cmd: &Command, args: Args<'_>, index: usize) -> bool {
    cmd.secrets.is_some_and(|is_secret| is_secret(args, index))
}

/// The word as it may be shown.
pub fn shown<'a>(cmd: &Command, args: Args<'a>, index: usize) -> &'a [u8] {
    if is_secret(cmd, args, index) { REDACTED } else { args.at(index) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::split::split_args;
    use crate::command::lookup::Commands;
    use crate::resp::request::Query;
    use crate::server::table::COMMANDS;

    fn show(name: &str, line: &str) -> String {
        let commands = Commands::of(COMMANDS);
        let cmd = commands.entry(commands.find_full(name.as_bytes()).expect(name)).command;
        let words = split_args(line.as_bytes()).expect("well quoted");
        let words: Vec<&[u8]> = words.iter().map(|w| &w[..]).collect();
        let query = Query::of(&words);
        let words = (0..query.args().len()).map(|i| shown(cmd, query.args(), i));
        words.map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn passwords_are_not_shown() {
        let cases = [
            ("auth", "AUTH pw", "AUTH (redacted)"),
            ("auth", "auth u pw", "auth (redacted) (redacted)"),
            (
                "hello",
                "hello 3 AUTH u pw setname x",
                "hello 3 AUTH (redacted) (redacted) setname x",
            ),
            ("hello", "hello 2 setname auth", "hello 2 setname auth"),
            (
                "config|set",
                "config set maxmemory 1 RequirePass x",
                "config set maxmemory 1 RequirePass (redacted)",
            ),
            ("config|get", "config get requirepass", "config get requirepass"),
            ("migrate", "migrate h 1 k 0 1 auth pw", "migrate h 1 k 0 1 auth (redacted)"),
            (
                "migrate",
                "migrate auth 1 '' 0 1 auth2 u pw keys a",
                "migrate auth 1  0 1 auth2 (redacted) (redacted) keys a",
            ),
            ("set", "set auth pw", "set auth pw"),
        ];
        for (name, line, want) in cases {
            assert_eq!(show(name, line), want);
        }
    }
}
