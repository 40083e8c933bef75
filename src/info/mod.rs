//! INFO: what the server says of itself, in sections of `name:value` lines.
//!
//! A part renders its own fields, one line each, into an [`Info`]; [`driver`] says which sections
//! there are and in which order, and what stands in them is in [`sections`] where several parts
//! contribute. Names and order are those of Redis 8.2. A field whose feature comes later is written
//! by [`Info::later`] with the value it has in an idle Redis, so that tools find it, and so that
//! the README can list all of these (`driver::later_fields`).

pub mod commands;
pub mod driver;
mod persistence;
pub mod sections;

use std::fmt::Display;
use std::io::Write as _;

use crate::base::memory;

/// The text under way.
#[derive(Debug, Default)]
pub struct Info {
    text: Vec<u8>,
    later: Vec<String>,
}

impl Info {
    /// A line.
    pub fn put(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.text, "{name}:{value}\r\n"); // Memory takes all that is written.
    }

    pub fn flag(&mut self, name: &str, yes: bool) {
        self.put(name, u8::from(yes));
    }

    /// A number with two decimals.
    pub fn ratio(&mut self, name: &str, value: f64) {
        self.put(name, format_args!("{value:.2}"));
    }

    pub fn percent(&mut self, name: &str, value: f64) {
        self.put(name, format_args!("{value:.2}%"));
    }

    /// A number of bytes, and a second line that shows it for people.
    pub fn size(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(&format!("{name}_human"), memory::human(bytes));
    }

    /// A field that means nothing yet: 0.
    pub fn later(&mut self, name: &str) {
        self.later_as(name, "0");
    }

    /// A field that means nothing yet, with the value it has while its feature is not in use.
    pub fn later_as(&mut self, name: &str, value: &str) {
        self.put(name, value);
        self.later.push(name.to_owned());
    }

    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.extend_from_slice(b"\r\n");
        }
        let _ = write!(self.text, "# {title}\r\n");
    }

    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// When a section is shown without having been named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// By INFO alone.
    Default,
    /// By INFO all and INFO everything.
    All,
    Never,
}
