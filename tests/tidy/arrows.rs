//! Which file imports which, and the files that import each other in a circle.
//!
//! An arrow is a path that begins with `crate::`, `super::` or `self::`, in a `use` or in the
//! middle of code, tests left out. It points at the file of the longest module that the path names.
//! Handing names on (`mod x;`) is no arrow.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The arrows of the tree, by index into the sources they were made of.
pub struct Arrows {
    pub paths: Vec<String>,
    pub to: Vec<BTreeSet<usize>>,
}

impl Arrows {
    pub fn of(sources: &[Source]) -> Arrows {
        let files: Vec<&Source> = sources.iter().filter(|s| !s.code.is_empty()).collect();
        let modules: BTreeMap<String, usize> =
            files.iter().enumerate().map(|(at, file)| (module(&file.path), at)).collect();
        let to = files.iter().enumerate().map(|(at, file)| {
            let own = module(&file.path);
            let named =
                paths(&file.code).into_iter().filter_map(|path| target(&own, &path, &modules));
            named.filter(|&other| other != at).collect()
        });
        let to = to.collect();
        Arrows { paths: files.iter().map(|f| f.path.clone()).collect(), to }
    }

    /// The largest set of files each of which can be reached from each other, by path.
    pub fn largest_circle(&self) -> Vec<String> {
        let count = self.to.len();
        let reach: Vec<BTreeSet<usize>> = (0..count).map(|at| self.reach(at)).collect();
        let circle = |at: usize| -> Vec<usize> {
            reach[at].iter().copied().filter(|&other| reach[other].contains(&at)).collect()
        };
        let largest = (0..count).map(circle).max_by_key(Vec::len).unwrap_or_default();
        largest.into_iter().map(|at| self.paths[at].clone()).collect()
    }

    fn reach(&self, from: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            open.extend(self.to[at].iter().copied().filter(|&next| seen.insert(next)));
        }
        seen
    }
}

/// `src/base/cells/heap.rs` is `base::cells::heap`, `src/base/mod.rs` is `base`.
fn module(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    if inner == "lib" { String::new() } else { inner.replace('/', "::") }
}

/// The file that a path names, seen from a module.
fn target(own: &str, path: &str, modules: &BTreeMap<String, usize>) -> Option<usize> {
    let mut parts: Vec<&str> = own.split("::").filter(|p| !p.is_empty()).collect();
    for (index, part) in path.split("::").enumerate() {
        match part {
            "crate" if index == 0 => parts.clear(),
            "super" => drop(parts.pop()),
            "self" => {}
            name => parts.push(name),
        }
    }
    while !parts.is_empty() {
        if let Some(&found) = modules.get(&parts.join("::")) {
            return Some(found);
        }
        parts.pop();
    }
    None
}

/// The paths in code that begin at the crate or at a module beside, trees of `use` taken apart.
fn paths(code: &str) -> Vec<String> {
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut found = vec![];
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                tree(&code[at..], String::new(), &mut found);
            }
        }
    }
    found
}

/// Reads one branch of a tree of `use`; returns how many bytes it takes.
fn tree(text: &str, prefix: String, found: &mut Vec<String>) -> usize {
    let (mut path, mut at) = (prefix, 0);
    loop {
        let rest = &text[at..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        at += name.len();
        if !name.is_empty() {
            path = if path.is_empty() { name } else { format!("{path}::{name}") };
        }
        let rest = &text[at..];
        if let Some(inner) = rest.strip_prefix("::{") {
            return at + 3 + branches(inner, &path, found);
        }
        if !rest.starts_with("::") {
            found.push(path);
            return at;
        }
        at += 2;
        if !text[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            found.push(path); // `::*`, `::<T>`
            return at;
        }
    }
}

fn branches(text: &str, prefix: &str, found: &mut Vec<String>) -> usize {
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        match next {
            '}' => return at + 1,
            c if c.is_alphanumeric() || c == '_' => {
                at += tree(&text[at..], prefix.to_owned(), found);
                // `name as other`: the rest up to the next branch says nothing.
                at += text[at..].find([',', '}']).unwrap_or(text.len() - at);
            }
            c => at += c.len_utf8(),
        }
    }
    at
}

#[test]
fn arrows_are_found_in_uses_and_in_code() {
    let text = "use crate::a::{self, b::{C, d}, E as F};\nfn f() { super::g::h(); crate::i::J::<u8>::k() }\n";
    let mut found = paths(text);
    found.sort();
    let want = ["crate::a::E", "crate::a::b::C", "crate::a::b::d", "crate::a::self"];
    assert_eq!(found, [&want[..], &["crate::i::J", "super::g::h"]].concat());
}

#[test]
fn a_circle_is_found() {
    let sources = [
        Source::new("src/a.rs", "use crate::b;\n"),
        Source::new("src/b.rs", "use crate::c::x;\n"),
        Source::new("src/c/mod.rs", "fn f() { crate::a::y() }\n"),
        Source::new("src/d.rs", "use crate::a;\n"),
        Source::new("src/e.rs", "#[cfg(test)]\nuse crate::d;\n"),
    ];
    let arrows = Arrows::of(&sources);
    assert_eq!(arrows.largest_circle(), ["src/a.rs", "src/b.rs", "src/c/mod.rs"]);
}
