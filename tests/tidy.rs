//! The style, as a test: what reviewers need not look for. Each check has a case of its own that must fail, at the foot.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the lower floors, lowest first. A room sees itself and those before it.
const FLOORS: &[&str] = &["base", "ds", "types", "keyspace", "persist"];

/// Where the name of the house may be spoken. Whoever opens any other file knows that it cannot reach it.
fn may_name_server(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("src/server/")
        || path.starts_with("src/bin/")
        || matches!(
            path,
            "src/command/mod.rs"
                | "src/command/table.rs"
                | "src/command/admit.rs"
                | "src/info/mod.rs"
                | "src/config/apply.rs"
        )
        || matches!(file, "commands.rs" | "driver.rs" | "bridge.rs")
}

/// Words that do not belong into the code, with what to use instead.
const BANNED: &[(&str, &str)] = &[
    ("static mut", "a part of the server"),
    ("Rc<RefCell", "an id and a queue, or a moved value"),
    ("todo!", "an issue"),
    ("unimplemented!", "an issue"),
    ("FIXME", "an issue"),
    ("dbg!", "a log line"),
    ("SystemTime::now", "the clock that is passed in"),
    ("Instant::now", "the clock that is passed in"),
    ("thread_local!", "a part of the server"),
];

/// Files that may use a banned word, and why.
const EXEMPT: &[(&str, &str)] = &[
    ("src/base/clock.rs", "SystemTime::now"), // It is the clock.
    ("src/base/clock.rs", "Instant::now"),
    ("src/base/alloc.rs", "thread_local!"), // Counting without a locked instruction per allocation.
    ("src/base/cells/heap.rs", "thread_local!"), // A heap per thread, as allocators have.
];

const LINES_MAX: usize = 800;
/// Tables, which may be longer.
const LONG: &[&str] = &["src/config/groups.rs", "src/config/options.rs"];
/// Functions that grow past the wish of 60 lines are caught here; the honest giants beyond are left for a deliberate day.
const FUNCTION_LINES: std::ops::RangeInclusive<usize> = 61..=80;

fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut out = vec![];
    // Tests may do what the code may not.
    let is_test = path.ends_with("/tests.rs");
    let code = if is_test { "" } else { text.split("#[cfg(test)]").next().unwrap_or(text) };
    if !text.starts_with("//!") {
        out.push(format!("{path}: begins without a header that says what the room is"));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if matches!(name, "util.rs" | "utils.rs" | "common.rs" | "helpers.rs" | "manager.rs") {
        out.push(format!("{path}: a name that says nothing"));
    }
    for (word, instead) in BANNED {
        if code.contains(word) && !EXEMPT.contains(&(path, word)) {
            out.push(format!("{path}: {word}: use {instead}"));
        }
    }
    if !may_name_server(path) && names_server(code) {
        out.push(format!("{path}: names Server, which it must not know"));
    }
    out.extend(upward_arrows(path, code));
    if code.lines().count() > LINES_MAX && !LONG.contains(&path) {
        out.push(format!("{path}: {} lines: two rooms?", code.lines().count()));
    }
    for (function, lines) in functions(code) {
        if FUNCTION_LINES.contains(&lines) {
            out.push(format!("{path}: fn {function} has {lines} lines"));
        }
    }
    out
}

/// The type, not the variant `Group::Server` or `Handler::Server`, nor a word of a comment or text.
fn names_server(code: &str) -> bool {
    code.lines().map(str::trim_start).filter(|l| !l.starts_with("//")).any(|line| {
        line.contains("Box<Server>")
            || line.contains("&Server")
            || line.contains("&mut Server")
            || line.contains("server::Server")
    })
}

fn upward_arrows(path: &str, code: &str) -> Vec<String> {
    let room = path.strip_prefix("src/").and_then(|p| p.split('/').next()).unwrap_or_default();
    let Some(floor) = FLOORS.iter().position(|f| *f == room) else {
        return vec![];
    };
    // The bridges to the house stand on no floor.
    if may_name_server(path) {
        return vec![];
    }
    let seen = |line: &str| {
        let target = line.trim_start().strip_prefix("use crate::")?;
        let target: String =
            target.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let allowed = FLOORS[..=floor].contains(&target.as_str());
        (!allowed).then_some(format!("{path}: looks up to {target}"))
    };
    code.lines().filter_map(seen).collect()
}

/// Names and lengths of the functions of a file that rustfmt has laid out.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = vec![];
    let lines: Vec<&str> = code.lines().collect();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|w| *w == "fn") else { continue };
        if line.trim_start().starts_with("//") || line.trim_end().ends_with('}') {
            continue;
        }
        let end = lines[start..].iter().position(|l| l.len() > indent && &l[indent..] == "}");
        if let (Some(end), Some(name)) = (end, words.get(at + 1)) {
            let name = name.split(['(', '<']).next().unwrap_or(name);
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 20, "the source is where it should be");
    let mut all = vec![];
    for file in files {
        let path = file.strip_prefix(root).expect("under the root").to_string_lossy().into_owned();
        all.extend(complaints(&path, &fs::read_to_string(&file).expect("a readable file")));
    }
    all.sort();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn every_check_can_fail() {
    let faulty = |path: &str, text: &str| complaints(path, text).len();
    assert_eq!(faulty("src/base/a.rs", "//! Fine.\nuse crate::base::b;\n"), 0);
    assert_eq!(faulty("src/base/a.rs", "fn a() {}\n"), 1, "no header");
    assert_eq!(faulty("src/base/util.rs", "//! x\n"), 1, "an empty name");
    assert_eq!(faulty("src/base/a.rs", "//! x\nstatic mut X: u8 = 0;\n"), 1, "a banned word");
    assert_eq!(faulty("src/base/a.rs", "//! x\nuse crate::ds::table;\n"), 1, "an upward arrow");
    assert_eq!(faulty("src/client/a.rs", "//! x\nfn a(s: &mut Server) {}\n"), 1, "the house named");
    assert_eq!(faulty("src/client/commands.rs", "//! x\nfn a(s: &mut Server) {}\n"), 0);
    assert_eq!(faulty("src/persist/a.rs", "//! x\nuse crate::command::set;\n"), 1);
    assert_eq!(faulty("src/persist/rdb/driver.rs", "//! x\nuse crate::command::set;\n"), 0);
    assert_eq!(faulty("src/base/a.rs", &format!("//! x\n{}", "\n".repeat(900))), 1, "too long");
    let long = format!("//! x\nfn long() {{\n{}}}\n", "    x();\n".repeat(65));
    assert_eq!(faulty("src/base/a.rs", &long), 1, "a long function");
}
