//! The style, as a test: what reviewers need not look for. Each check has a case of its own that
//! must fail, at the foot.

mod arrows;
mod source;

use std::collections::BTreeMap;

use source::{Source, indentation, sources, words};

/// The rooms of the lower floors, lowest first. A room sees itself and those before it.
const FLOORS: &[&str] = &["base", "ds", "types", "keyspace", "persist"];

/// Where the name of the house may be spoken. Whoever opens any other file knows that it cannot
/// reach it.
fn may_name_server(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    ["src/server/", "src/process/", "src/bin/"].iter().any(|floor| path.starts_with(floor))
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
const COLUMNS_MAX: usize = 100;
/// Tables, which may be longer.
const LONG: &[&str] = &["src/config/groups.rs", "src/config/options.rs"];
/// Functions that grow past the wish of 60 lines are caught here; the honest giants beyond are left
/// for a deliberate day.
const FUNCTION_LINES: std::ops::RangeInclusive<usize> = 61..=80;

fn complaints(source: &Source) -> Vec<String> {
    let (path, code) = (&*source.path, &*source.code);
    let mut out = vec![];
    if !source.text.starts_with("//!") {
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
    if asks_for_command_name(path, code) {
        out.push(format!("{path}: asks for a command's name: give its record a bit (`special`)"));
    }
    if !may_name_server(path) && names_server(code) {
        out.push(format!("{path}: names Server, which it must not know"));
    }
    out.extend(upward_arrows(path, code));
    if code.lines().count() > LINES_MAX && !LONG.contains(&path) {
        out.push(format!("{path}: {} lines: two rooms?", code.lines().count()));
    }
    out.extend(wide_lines(path, &source.text));
    for (function, lines) in functions(code) {
        if FUNCTION_LINES.contains(&lines) {
            out.push(format!("{path}: fn {function} has {lines} lines"));
        }
    }
    out
}

/// Lines beyond [`COLUMNS_MAX`]. Tables, and drawings, which stand between fences in comments, are
/// as wide as they need.
fn wide_lines(path: &str, text: &str) -> Vec<String> {
    let (mut out, mut drawing) = (vec![], false);
    for (number, line) in text.lines().enumerate() {
        drawing ^= line.trim_start().starts_with("//") && line.contains(" ```");
        let is_table = line.starts_with("//! |");
        let wide = if drawing || is_table { 0 } else { width_beside_texts(line) };
        if wide > COLUMNS_MAX {
            out.push(format!("{path}:{}: {wide} columns", number + 1));
        }
    }
    out
}

/// Columns of a line, less what it holds of a text in quotes: a message is not broken, so that a
/// search finds it.
fn width_beside_texts(line: &str) -> usize {
    let width = line.chars().count();
    let is_comment = line.trim_start().starts_with("//");
    if width <= COLUMNS_MAX || is_comment || line.ends_with('\\') {
        return if line.ends_with('\\') { 0 } else { width };
    }
    // A line may begin inside a text, so either every second piece is one, or the others are.
    let pieces: Vec<usize> = line.split('"').map(|piece| piece.chars().count()).collect();
    let every_second = |from: usize| pieces.iter().skip(from).step_by(2).sum::<usize>();
    every_second(0).min(every_second(1))
}

/// What depends on which command it is stands in the command's record. Only its own room may tell
/// commands that share a handler apart by name.
fn asks_for_command_name(path: &str, code: &str) -> bool {
    let names = ["cmd.name", "command.name", "record.name"];
    let is_asked = |line: &str| {
        names.iter().any(|name| {
            line.match_indices(name).any(|(at, _)| {
                let (before, behind) = (&line[..at], line[at + name.len()..].trim_start());
                let is_matched = before.contains("match ") || before.contains("matches!(");
                let compares = ["==", "!=", ".starts_with(", ".ends_with(", ".contains(", ".split"];
                let compares = compares.iter().any(|word| behind.starts_with(word));
                is_matched || compares || before.contains(".contains(&")
            })
        })
    };
    !path.starts_with("src/command/") && code.lines().any(is_asked)
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
        let indent = indentation(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|w| *w == "fn") else { continue };
        if line.trim_start().starts_with("//") || line.trim_end().ends_with('}') {
            continue;
        }
        // A declaration in a trait ends before anything is opened.
        let head = lines[start..].iter().find(|l| l.ends_with(['{', ';']));
        if head.is_some_and(|l| l.ends_with(';')) {
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

/// Public items that wait for the rooms which will use them.
const EXPECTED: &[&str] = &[
    "dial", // Links: replicas, Sentinel, the cluster's bus, MIGRATE.
    "simulate",
    "take_happened",
    "is_between_replies",
    "take_rest",
    "jump_wall",      // The simulator.
    "also_propagate", // Replication.
    "keep_backlog",
    "become_primary",
    "hide_so_far",
    "memory",
    "lag",
    "replace_all",
    "take_slot", // Cluster.
];

/// Public items that no code names, tests left out: nobody would miss them.
fn unused(sources: &[Source]) -> Vec<String> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        let code = if source.path.starts_with("src/") { &source.code } else { &source.text };
        for (_, word) in words(code) {
            *named.entry(word).or_default() += 1;
        }
    }
    let public = |source: &Source| -> Vec<String> {
        let items = source.code.lines().filter_map(public_item);
        let items = items.filter(|item| named.get(item) == Some(&1) && !EXPECTED.contains(item));
        items.map(|item| format!("{}: pub {item} is used by nobody", source.path)).collect()
    };
    let is_judged = |s: &&Source| s.path.starts_with("src/") && !s.path.ends_with("/testing.rs");
    sources.iter().filter(is_judged).flat_map(public).collect()
}

/// The name that a line makes public, if it makes one.
fn public_item(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let kinds = ["fn", "static", "const", "struct", "enum", "trait", "type", "union"];
    let mut words = rest.split_whitespace().skip_while(|w| matches!(*w, "const" | "unsafe"));
    let first = words.next()?;
    // `const` is a kind of its own, or stands in front of `fn`.
    let name = if kinds.contains(&first) { words.next()? } else { first };
    let is_item = kinds.contains(&first) || rest.starts_with("const ");
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    (is_item && end > 0).then_some(&name[..end])
}

#[test]
fn the_house_is_tidy() {
    let files = sources(&["src"]);
    assert!(files.len() > 20, "the source is where it should be");
    let mut all: Vec<String> = files.iter().flat_map(complaints).collect();
    all.extend(unused(&sources(&["src", "tests", "utils"])));
    all.sort();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

/// The largest circle of files that import each other: the loop with exec, waits and multi, the
/// bridge of scripts and the drivers of persistence. It may shrink; whatever would widen it belongs
/// elsewhere, or something in it does.
const CIRCLE: usize = 25;

#[test]
fn the_circle_does_not_grow() {
    let circle = arrows::Arrows::of(&sources(&["src"])).largest_circle();
    assert!(circle.len() <= CIRCLE, "{} files:\n{}", circle.len(), circle.join("\n"));
}

#[test]
fn every_check_can_fail() {
    let faulty = |path: &str, text: &str| complaints(&Source::new(path, text)).len();
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
    for asks in ["call.cmd.name == \"exec\"", "match cmd.name {", "X.contains(&command.name)"] {
        let text = format!("//! x\nlet a = {asks}\n");
        assert_eq!(faulty("src/server/a.rs", &text), 1, "a command's name: {asks}");
        assert_eq!(faulty("src/command/a.rs", &text), 0, "its own room: {asks}");
    }
    assert_eq!(faulty("src/server/a.rs", "//! x\nlet a = text(call.cmd.name);\n"), 0, "shown");
    let long = format!("//! x\nfn long() {{\n{}}}\n", "    x();\n".repeat(65));
    assert_eq!(faulty("src/base/a.rs", &long), 1, "a long function");
    let wide = format!("//! x\n// {}\n", "y".repeat(98));
    assert_eq!(faulty("src/base/a.rs", &wide), 1, "a wide line");
    let wide = format!("//! x\nlet a = \"{}\";\n", "y".repeat(98));
    assert_eq!(faulty("src/base/a.rs", &wide), 0, "a text");
    let wide = format!("//! x\n//! ```text\n//! {0}\n//! ```\n//! {0}\n", "y".repeat(98));
    assert_eq!(faulty("src/base/a.rs", &wide), 1, "a drawing, and a wide line below it");
}

#[test]
fn code_goes_on_behind_tests() {
    let faulty = |text: &str| complaints(&Source::new("src/base/a.rs", text)).len();
    let above = "//! x\n#[cfg(test)]\nmod tests;\n\nfn a() { todo!() }\n";
    assert_eq!(faulty(above), 1);
    let between = "//! x\n#[cfg(test)]\nmod tests {\n    fn a() { todo!() }\n}\nfn b() {}\n";
    assert_eq!(faulty(between), 0);
    let used = "//! x\n#[cfg(test)]\nuse a::{\n    b,\n};\nstatic mut X: u8 = 0;\n";
    assert_eq!(faulty(used), 1);
}

#[test]
fn what_nobody_uses_is_found() {
    let text = "pub fn a() {}\npub const fn b() { c() }\npub const D: u8 = 1;\npub fn c() {}\n";
    let tests = "#[cfg(test)]\nmod tests {\n    fn t() { a() }\n}\n";
    let found = unused(&[Source::new("src/a.rs", &format!("{text}{tests}"))]);
    assert_eq!(found.len(), 3, "{found:?}");
    let bench = Source::new("utils/b.rs", "fn main() { a(); b(D) }\n");
    assert!(unused(&[Source::new("src/a.rs", text), bench]).is_empty());
}
