//! What COMMAND, COMMAND INFO and COMMAND LIST tell of the table.
//!
//! Nothing is kept here: every reply is written from the records, so a new command is complete as
//! soon as it is in the table. Shapes, the order inside them and the kinds of strings (flags are
//! simple strings, names are bulk strings) are those of Redis 8.2, since client libraries build
//! their routing from these replies. Commands appear under the names they were declared with, also
//! where this server has renamed them: a name says what a command is, not how to call it.
//!
//! Compat: the reference lists commands in the order of a hash table; here they come by name.

use super::getkeys::{keys_move, legacy_range};
use super::key_spec::{Begin, Find, KeySpec, key_flag};
use super::lookup::Commands;
use super::{Command, category, flag};
use crate::base::glob;
use crate::resp::reply::Reply;

/// The elements of one command's description, its subcommands among them.
const FIELDS: usize = 10;

/// COMMAND INFO of every command.
pub fn write_all(out: &mut Reply, commands: &Commands) {
    out.array(commands.top_level().count());
    for id in commands.top_level() {
        write(out, commands.entry(id).command);
    }
}

/// COMMAND INFO of the named commands: null for a name nobody has.
pub fn write_named<'a>(
    out: &mut Reply,
    commands: &Commands,
    names: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    out.array(names.len());
    for name in names {
        match commands.find_full(name) {
            Some(id) => write(out, commands.entry(id).command),
            None => out.null(),
        }
    }
}

fn write(out: &mut Reply, command: &Command) {
    let (first, last, step) = legacy_range(command.keys);
    out.array(FIELDS);
    out.bulk(command.name.as_bytes());
    out.int(i64::from(command.arity));
    write_flags(out, command);
    out.int(i64::from(first));
    out.int(i64::from(last));
    out.int(i64::from(step));
    write_categories(out, command.acl_categories());
    out.set(command.tips.len());
    for tip in command.tips {
        out.bulk(tip.as_bytes());
    }
    out.set(command.keys.len());
    for spec in command.keys {
        write_spec(out, spec);
    }
    // Compat: an array of records, for clients make hash sets of sets; but without any an empty
    // set.
    match command.subcommands.len() {
        0 => out.set(0),
        count => out.array(count),
    }
    for subcommand in command.subcommands {
        write(out, subcommand);
    }
}

/// The flags of a command, as it was declared and as they follow from its keys.
pub fn flags(command: &Command) -> u64 {
    let moving = if keys_move(command.keys) { flag::MOVABLEKEYS } else { 0 };
    command.flags | moving
}

fn write_flags(out: &mut Reply, command: &Command) {
    let named = flag::NAMES.iter().fold(0, |all, (bit, _)| all | bit);
    let flags = flags(command) & named;
    out.set(flags.count_ones() as usize);
    for (bit, name) in flag::NAMES {
        if flags & bit != 0 {
            out.simple(name);
        }
    }
}

fn write_categories(out: &mut Reply, categories: u32) {
    out.set(categories.count_ones() as usize);
    for (bit, name) in category::NAMES {
        if categories & bit != 0 {
            out.simple(&format!("@{name}"));
        }
    }
}

/// The flags of a key, as a set of simple strings.
pub fn write_key_flags(out: &mut Reply, flags: u32) {
    out.set(flags.count_ones() as usize);
    for (bit, name) in key_flag::NAMES {
        if flags & bit != 0 {
            out.simple(name);
        }
    }
}

fn write_spec(out: &mut Reply, spec: &KeySpec) {
    out.map(if spec.notes.is_empty() { 3 } else { 4 });
    if !spec.notes.is_empty() {
        out.bulk(b"notes");
        out.bulk(spec.notes.as_bytes());
    }
    out.bulk(b"flags");
    write_key_flags(out, spec.flags);
    out.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => {
            write_search(out, "index", 1);
            number(out, "index", index);
        }
        Begin::Keyword { word, from } => {
            write_search(out, "keyword", 2);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            number(out, "startfrom", from);
        }
        Begin::Unknown => write_search(out, "unknown", 0),
    }
    out.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            write_search(out, "range", 3);
            number(out, "lastkey", last);
            number(out, "keystep", step);
            number(out, "limit", limit);
        }
        Find::Count { at, first, step } => {
            write_search(out, "keynum", 3);
            number(out, "keynumidx", at);
            number(out, "firstkey", first);
            number(out, "keystep", step);
        }
        Find::Unknown => write_search(out, "unknown", 0),
    }
}

/// The beginning of one half of a key spec, up to its `pairs` particulars.
fn write_search(out: &mut Reply, kind: &str, pairs: usize) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(pairs);
}

fn number(out: &mut Reply, name: &str, value: i32) {
    out.bulk(name.as_bytes());
    out.int(i64::from(value));
}

/// Which commands COMMAND LIST is to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    All,
    /// Those of a loaded module: there are none.
    Module,
    /// Those of an ACL category, named without its `@`; nothing for a category that does not exist.
    Category(&'a [u8]),
    Pattern(&'a [u8]),
}

impl Filter<'_> {
    fn lets_pass(self, command: &Command) -> bool {
        match self {
            Filter::All => true,
            Filter::Module => false,
            Filter::Category(name) => {
                let is_named = |(_, n): &&(u32, &str)| name.eq_ignore_ascii_case(n.as_bytes());
                let found = category::NAMES.iter().find(is_named);
                found.is_some_and(|(bit, _)| command.acl_categories() & bit != 0)
            }
            Filter::Pattern(pattern) => glob::matches(pattern, command.name.as_bytes(), true),
        }
    }
}

/// COMMAND LIST: names of commands and subcommands.
pub fn write_list(out: &mut Reply, commands: &Commands, filter: Filter<'_>) {
    let list = out.open();
    let mut count = 0;
    for id in commands.top_level() {
        let command = commands.entry(id).command;
        for named in std::iter::once(&command).chain(command.subcommands) {
            if filter.lets_pass(named) {
                out.bulk(named.name.as_bytes());
                count += 1;
            }
        }
    }
    out.close_array(list, count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Proto;

    /// They were a set of arrays, which not every client can hold.
    #[test]
    fn subcommands_are_an_array() {
        let subcommands_of = |command: &Command| {
            let mut out = Reply::new(Proto::Resp3);
            out.begin();
            write(&mut out, command);
            let text = String::from_utf8(out.take()).expect("text");
            let lines = text.split("\r\n").filter(|line| line.starts_with(['~', '*']));
            // The record itself, then sets of flags, categories, tips and key specs.
            lines.map(str::to_owned).nth(5).expect("the last field")
        };
        assert_eq!(subcommands_of(&crate::config::commands::CONFIG), "*5");
        assert_eq!(subcommands_of(&crate::command::connection::ECHO), "~0");
    }

    #[test]
    fn every_kind_of_key_spec() {
        let written = |spec: KeySpec| {
            let mut out = Reply::new(Proto::Resp3);
            out.begin();
            write_spec(&mut out, &spec);
            assert_eq!(out.owed(), 0, "one answer");
            // Lengths are the reply writer's business: only kinds, sizes of aggregates and words
            // matter here.
            let text = String::from_utf8(out.take()).expect("text");
            let words = text.split("\r\n").filter(|w| !w.is_empty() && !w.starts_with('$'));
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            written(KeySpec::at(1).rw(key_flag::UPDATE | key_flag::ACCESS)),
            "%3 flags ~3 +RW +access +update begin_search %2 type index spec %1 index :1 \
             find_keys %2 type range spec %3 lastkey :0 keystep :1 limit :0"
        );
        assert_eq!(
            written(KeySpec::after("STREAMS", 4).range(-1, 1, 2).ro(key_flag::ACCESS)),
            "%3 flags ~2 +RO +access begin_search %2 type keyword spec %2 keyword STREAMS startfrom :4 \
             find_keys %2 type range spec %3 lastkey :-1 keystep :1 limit :2"
        );
        assert_eq!(
            written(KeySpec::at(2).count(0, 1, 1).ow(0).notes("why")),
            "%4 notes why flags ~1 +OW begin_search %2 type index spec %1 index :2 \
             find_keys %2 type keynum spec %3 keynumidx :0 firstkey :1 keystep :1"
        );
        assert_eq!(
            written(KeySpec::unknown().rm(key_flag::DELETE)),
            "%3 flags ~2 +RM +delete begin_search %2 type unknown spec %0 \
             find_keys %2 type unknown spec %0"
        );
    }
}
