//! What COMMAND DOCS tells of a command: prose for people, and its grammar for tools that complete
//! and check lines.
//!
//! The fields, their order and the argument trees are those of Redis 8.2; summaries, history and
//! complexity are said in our own words by the records. Fields that have nothing to say are left
//! out.

use super::key_spec::{Arg, ArgKind};
use super::lookup::Commands;
use super::{Command, Group};
use crate::resp::reply::Reply;

/// COMMAND DOCS of every command.
pub fn write_all(out: &mut Reply, commands: &Commands) {
    out.map(commands.top_level().count());
    for id in commands.top_level() {
        write(out, commands.entry(id).command);
    }
}

/// COMMAND DOCS of the named commands; names nobody has are passed over.
pub fn write_named<'a>(
    out: &mut Reply,
    commands: &Commands,
    names: impl Iterator<Item = &'a [u8]>,
) {
    let map = out.open();
    let mut count = 0;
    for id in names.filter_map(|name| commands.find_full(name)) {
        write(out, commands.entry(id).command);
        count += 1;
    }
    out.close_map(map, count);
}

/// A map whose fields are counted while they are written.
struct Fields<'a> {
    out: &'a mut Reply,
    count: usize,
}

impl Fields<'_> {
    /// A field to be followed by its value.
    fn key(&mut self, name: &str) -> &mut Reply {
        self.count += 1;
        self.out.bulk(name.as_bytes());
        self.out
    }

    /// A text, unless it is empty.
    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.key(name).bulk(value.as_bytes());
        }
    }

    /// The names of those flags that are up, unless none is.
    fn flags(&mut self, name: &str, flags: &[(bool, &str)]) {
        let up = flags.iter().filter(|(is_up, _)| *is_up);
        let count = up.clone().count();
        if count > 0 {
            self.key(name).set(count);
            up.for_each(|(_, flag)| self.out.simple(flag));
        }
    }
}

fn write_map(out: &mut Reply, write: impl FnOnce(&mut Fields<'_>)) {
    let map = out.open();
    let mut fields = Fields { out, count: 0 };
    write(&mut fields);
    let count = fields.count;
    out.close_map(map, count);
}

fn write(out: &mut Reply, command: &Command) {
    out.bulk(command.name.as_bytes());
    write_map(out, |fields| {
        fields.text("summary", command.summary);
        fields.text("since", command.since);
        fields.text("group", Group::name(command.group));
        fields.text("complexity", command.complexity);
        let deprecated = command.deprecated;
        let flags = [(deprecated.is_some(), "deprecated"), (command.is_internal, "syscmd")];
        fields.flags("doc_flags", &flags);
        if let Some((since, instead)) = deprecated {
            fields.text("deprecated_since", since);
            fields.text("replaced_by", instead);
        }
        if !command.history.is_empty() {
            let out = fields.key("history");
            out.set(command.history.len());
            for (version, change) in command.history {
                out.array(2);
                out.bulk(version.as_bytes());
                out.bulk(change.as_bytes());
            }
        }
        if !command.args.is_empty() {
            write_args(fields.key("arguments"), command.args);
        }
        if !command.subcommands.is_empty() {
            let out = fields.key("subcommands");
            out.map(command.subcommands.len());
            command.subcommands.iter().for_each(|subcommand| write(out, subcommand));
        }
    });
}

fn write_args(out: &mut Reply, args: &[Arg]) {
    out.array(args.len());
    args.iter().for_each(|arg| write_arg(out, arg));
}

fn write_arg(out: &mut Reply, arg: &Arg) {
    write_map(out, |fields| {
        fields.text("name", arg.name);
        fields.text("type", arg.kind.name());
        if !matches!(arg.kind, ArgKind::Block | ArgKind::OneOf) {
            let display = if arg.display.is_empty() { arg.name } else { arg.display };
            fields.text("display_text", display);
        }
        if let Some(index) = arg.key_spec {
            fields.key("key_spec_index").int(i64::from(index));
        }
        match (arg.kind, arg.token) {
            // `""` is a word like any other where an argument is nothing but its token.
            (ArgKind::PureToken, token) => fields.key("token").bulk(token.as_bytes()),
            (_, token) => fields.text("token", token),
        }
        fields.text("summary", arg.summary);
        fields.text("since", arg.since);
        fields.text("deprecated_since", arg.deprecated_since);
        let flags = [
            (arg.is_optional, "optional"),
            (arg.is_multiple, "multiple"),
            (arg.is_multiple_token, "multiple_token"),
        ];
        fields.flags("flags", &flags);
        if !arg.parts.is_empty() {
            write_args(fields.key("arguments"), arg.parts);
        }
    });
}
