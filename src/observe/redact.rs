//! Secrets in calls: which words are shown as `(redacted)` by the logs and by MONITOR.
//!
//! Passwords come as arguments of a handful of commands. The rule is a function of the call's words
//! alone, asked only when a call is shown, so that nothing is spent on calls that are not.

use crate::command::Command;
use crate::config;
use crate::resp::request::Args;

/// What stands for a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// Whether the word at `index` of this call must not be shown.
pub fn is_secret(cmd: &Command, args: Args<'_>, index: usize) -> bool {
    match cmd.name {
        "auth" => index >= 1,
        "acl|setuser" | "acl|deluser" | "acl|getuser" => index >= 2,
        "config|set" => index >= 3 && index % 2 == 1 && is_secret_option(args.at(index - 1)),
        // Compat: a HELLO with a bad version shows its password in Redis; that serves nobody.
        "hello" => after(args, index, "auth", 2, 2),
        "migrate" => after(args, index, "auth", 6, 1) || after(args, index, "auth2", 6, 2),
        _ => false,
    }
}

fn is_secret_option(name: &[u8]) -> bool {
    config::find(name).is_some_and(|option| option.sensitive)
}

/// Whether `index` is one of the `count` words after a keyword that stands at `first` or later.
fn after(args: Args<'_>, index: usize, keyword: &str, first: usize, count: usize) -> bool {
    (1..=count).any(|back| index >= first + back && args.is(index - back, keyword))
}

/// The word as it may be shown.
pub fn shown<'a>(cmd: &Command, args: Args<'a>, index: usize) -> &'a [u8] {
    if is_secret(cmd, args, index) { REDACTED } else { args.at(index) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::split::split_args;
    use crate::command::CmdResult;
    use crate::resp::request::Query;

    fn show(name: &'static str, line: &str) -> String {
        fn never(_: &mut crate::command::Cx<'_>) -> CmdResult {
            Ok(crate::command::Done)
        }
        let cmd = Command::data(name, never);
        let words = split_args(line.as_bytes()).expect("well quoted");
        let words: Vec<&[u8]> = words.iter().map(|w| &w[..]).collect();
        let query = Query::of(&words);
        let words = (0..query.args().len()).map(|i| shown(&cmd, query.args(), i));
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
            ("acl|setuser", "acl setuser x >pw", "acl setuser (redacted) (redacted)"),
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
