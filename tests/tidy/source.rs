//! The files of the tree as the checks read them: with and without what is compiled for tests only.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of Rust.
pub struct Source {
    /// From the root of the package: `src/base/glob.rs`.
    pub path: String,
    pub text: String,
    /// `text` without what is compiled for tests only; empty for a file of tests.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let code = if is_test(path) { String::new() } else { without_tests(text) };
        Source { path: path.to_owned(), text: text.to_owned(), code }
    }
}

/// All files of Rust under some folders of the package, by path.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    for folder in folders {
        rust_files(&root.join(folder), &mut files);
    }
    files.sort();
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(root).expect("under the root").to_string_lossy().into_owned();
        Source::new(&path, &fs::read_to_string(file).expect("a readable file"))
    };
    files.iter().map(read).collect()
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

/// Files of tests end so, or lie in a folder of that name.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Drops each item behind `#[cfg(test)]` or `#[test]`, wherever in the file it stands. The layout
/// is rustfmt's: an item ends with the first line of its own indentation that closes something.
fn without_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_start();
        if line.starts_with("#[cfg(test)]") || line == "#[test]" {
            at = end_of_item(&lines, at);
            continue;
        }
        code.push_str(lines[at]);
        code.push('\n');
        at += 1;
    }
    code
}

fn end_of_item(lines: &[&str], attribute: usize) -> usize {
    let indent = indentation(lines[attribute]);
    let ends = |line: &&str| indentation(line) == indent && line.ends_with([';', '}', ',']);
    match lines[attribute + 1..].iter().position(ends) {
        Some(length) => attribute + 1 + length + 1,
        None => lines.len(),
    }
}

pub fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The words of code, comments left out: `(line number from 0, word)`.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(number, line)| {
        let line = line.split("//").next().unwrap_or(line);
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (number, word))
    })
}
