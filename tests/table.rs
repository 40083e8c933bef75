//! The table of commands as a whole: what must hold for every record, and what Redis 8.2 says of
//! the same command.
//!
//! `golden/commands.tsv` holds facts about the commands of Redis 8.2 (and those only Valkey 9.1
//! has), one per line, as their servers answer COMMAND INFO and COMMAND DOCS: no prose, which is
//! our own. Each record is written in the same form and compared column by column. To depart from a
//! fact, name it in `DEVIATIONS` and say why.
//!
//! ```text
//!   keys        begin find flags; ...       @1 range(0,1,0) RO,access  or  STREAMS@1 count(0,1,1) RW
//!   arguments   name:type #keyspec =token ~display ^since !deprecated ?optional *multiple +multiple_token (parts)
//! ```

use std::collections::HashMap;

use hematite::command::getkeys::{RUNS_MAX, legacy_range};
use hematite::command::key_spec::{Arg, ArgKind, Begin, Find, KeySpec, key_flag};
use hematite::command::{Command, category, flag, introspect};
use hematite::server::table::COMMANDS;

const GOLDEN: &str = include_str!("golden/commands.tsv");

/// Command, column and reason.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("geosearch", "arguments", "knows the polygons of Valkey 9, which need no centre"),
    ("geosearchstore", "arguments", "knows the polygons of Valkey 9, which need no centre"),
];

/// Commands of our own, with the reason why they exist.
const OWN: &[(&str, &str)] = &[];

/// Commands that write without naming a key they write to.
const WRITES_WITHOUT_KEY: &[(&str, &str)] = &[
    ("flushall", "writes every key"),
    ("flushdb", "writes every key"),
    ("function|delete", "writes to the libraries"),
    ("function|flush", "writes to the libraries"),
    ("function|load", "writes to the libraries"),
    ("function|restore", "writes to the libraries"),
    ("swapdb", "writes every key"),
    ("xreadgroup", "is known to clients as a reader"),
];

/// Commands that only read, as far as users can tell, although their key spec says more.
const READS_WITH_KEY_TO_WRITE: &[(&str, &str)] =
    &[("pfcount", "may store the count it has computed")];

/// Commands whose arguments need fewer words than their arity.
const ODD_ARITY: &[(&str, &str)] = &[
    ("client|kill", "the new form has optional filters of which one is needed"),
    ("debug", "has no documented arguments"),
    (
        "geosearch",
        "a polygon needs no centre, but has more words than the least that its grammar wants",
    ),
    ("geosearchstore", "as GEOSEARCH"),
];

fn listed(list: &[(&str, &str)], name: &str) -> bool {
    list.iter().any(|(n, _)| *n == name)
}

/// All records, subcommands behind their container.
fn records() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().flat_map(|c| std::iter::once(c).chain(c.subcommands)).copied()
}

#[test]
fn names_are_sorted_lower_case_and_unique() {
    let in_order = |commands: &[&Command]| {
        for pair in commands.windows(2) {
            assert!(pair[0].name < pair[1].name, "{:?} before {:?}", pair[0], pair[1]);
        }
    };
    in_order(COMMANDS);
    for command in COMMANDS {
        assert!(!command.name.contains('|'), "{command:?} stands at the top");
        in_order(command.subcommands);
        for subcommand in command.subcommands {
            let container = subcommand.name.strip_suffix(subcommand.own_name());
            let container = container.and_then(|c| c.strip_suffix('|'));
            assert_eq!(container, Some(command.name), "{subcommand:?} is a part of {command:?}");
            assert!(subcommand.subcommands.is_empty(), "{subcommand:?} is a leaf");
        }
    }
    for command in records() {
        assert!(command.name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
    }
}

#[test]
fn records_are_complete() {
    for command in records() {
        assert!(command.arity != 0 && !command.since.is_empty(), "{command:?}");
        assert!(!command.summary.is_empty(), "{command:?} has a summary");
        for (version, change) in command.history {
            assert!(!version.is_empty() && !change.is_empty(), "{command:?}: what changed?");
        }
        if let Some((since, instead)) = command.deprecated {
            assert!(!since.is_empty() && !instead.is_empty(), "{command:?}: what instead?");
        }
    }
}

#[test]
fn key_specs_agree_with_flags() {
    const MAIN: u32 = key_flag::RO | key_flag::RW | key_flag::OW | key_flag::RM;
    const WRITING: u32 = MAIN & !key_flag::RO;
    for command in records() {
        let writes = command.keys.iter().any(|k| k.flags & WRITING != 0);
        if command.has(flag::WRITE) && !listed(WRITES_WITHOUT_KEY, command.name) {
            assert!(writes, "{command:?} writes, but to which key?");
        }
        if command.has(flag::READONLY) && !listed(READS_WITH_KEY_TO_WRITE, command.name) {
            assert!(!writes, "{command:?} reads only, but not this key");
        }
        assert!(command.keys.len() <= RUNS_MAX, "{command:?}");
        for spec in command.keys {
            let wanted = u32::from(spec.flags & key_flag::NOT_KEY == 0);
            assert_eq!((spec.flags & MAIN).count_ones(), wanted, "{command:?}: one kind of access");
            assert_eq!(spec.begin == Begin::Unknown, spec.find == Find::Unknown, "{command:?}");
        }
    }
}

#[test]
fn arguments_agree_with_arity_and_keys() {
    for command in records() {
        every_arg(command.args, &mut |arg| {
            let spec = arg.key_spec.map_or(0, usize::from);
            assert!(arg.key_spec.is_none() || spec < command.keys.len(), "{command:?} {arg:?}");
            let has_parts = matches!(arg.kind, ArgKind::Block | ArgKind::OneOf);
            assert_eq!(has_parts, !arg.parts.is_empty(), "{command:?} {arg:?}");
        });
        if !command.subcommands.is_empty() || listed(ODD_ARITY, command.name) {
            continue;
        }
        let name = 1 + usize::from(command.name.contains('|'));
        let (least, most) = sum(command.args.iter().map(words));
        let (least, most) = (name + least, most.map(|most| name + most));
        assert_eq!(least, command.arity.unsigned_abs() as usize, "{command:?}");
        // Some take words that mean nothing to them, as QUIT does; none refuses words that it
        // documents.
        assert!(command.arity < 0 || most == Some(least), "{command:?} has a fixed arity");
    }
}

fn every_arg(args: &[Arg], visit: &mut impl FnMut(&Arg)) {
    for arg in args {
        visit(arg);
        every_arg(arg.parts, visit);
    }
}

/// The least and the most words of an argument; there may be no most.
fn words(arg: &Arg) -> (usize, Option<usize>) {
    let parts = || arg.parts.iter().map(words);
    let (least, most) = match arg.kind {
        ArgKind::Block => sum(parts()),
        ArgKind::OneOf => {
            let most = parts().map(|(_, most)| most).try_fold(0, |a, b| Some(a.max(b?)));
            (parts().map(|(least, _)| least).min().unwrap_or(0), most)
        }
        _ => (1, Some(1)),
    };
    let token = usize::from(arg.kind != ArgKind::PureToken && !arg.token.is_empty());
    let least = if arg.is_optional { 0 } else { least + token };
    (least, most.filter(|_| !arg.is_multiple).map(|most| most + token))
}

fn sum(parts: impl Iterator<Item = (usize, Option<usize>)>) -> (usize, Option<usize>) {
    parts.fold((0, Some(0)), |(a, b), (least, most)| (a + least, b.zip(most).map(|(b, m)| b + m)))
}

#[test]
fn facts_are_those_of_the_reference() {
    let mut lines = GOLDEN.lines();
    let columns: Vec<_> = lines.next().expect("a heading").split('\t').collect();
    let rows: HashMap<_, Vec<_>> = lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| (fields[0], fields))
        .collect();
    let mut faults = vec![];
    for command in records() {
        let Some(row) = rows.get(command.name) else {
            assert!(listed(OWN, command.name), "{command:?} is nobody's: say why we have it");
            continue;
        };
        for ((column, theirs), ours) in columns.iter().zip(row).zip(facts(command)) {
            let is_meant =
                DEVIATIONS.iter().any(|(name, col, _)| *name == command.name && col == column);
            match (*theirs == ours, is_meant) {
                (true, true) => faults.push(format!("{command:?} {column} deviates no longer")),
                (false, false) => faults
                    .push(format!("{command:?} {column}\n    theirs {theirs}\n    ours   {ours}")),
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{} facts differ:\n{}", faults.len(), faults.join("\n"));
}

/// A record in the columns of the golden file.
fn facts(command: &Command) -> [String; 13] {
    let join = |words: &mut dyn Iterator<Item = String>| words.collect::<Vec<_>>().join(" ");
    let flags = introspect::flags(command);
    let categories = command.acl_categories();
    let (first, last, step) = legacy_range(command.keys);
    let named = |bits: u64, names: &[(u64, &str)]| {
        join(&mut names.iter().filter(|(b, _)| bits & b != 0).map(|(_, n)| n.to_string()))
    };
    let is_in = |(bit, _): &&(u32, &str)| categories & bit != 0;
    let doc_flags = [(command.deprecated.is_some(), "deprecated"), (command.is_internal, "syscmd")];
    [
        command.name.to_owned(),
        command.arity.to_string(),
        named(flags, flag::NAMES),
        format!("{first},{last},{step}"),
        join(&mut category::NAMES.iter().filter(is_in).map(|(_, n)| format!("@{n}"))),
        command.tips.join(" "),
        command.keys.iter().map(spec).collect::<Vec<_>>().join("; "),
        command.group.name().to_owned(),
        command.since.to_owned(),
        command.deprecated.map_or("", |(since, _)| since).to_owned(),
        join(&mut doc_flags.iter().filter(|(is, _)| *is).map(|(_, n)| n.to_string())),
        join(&mut command.history.iter().map(|(version, _)| version.to_string())),
        join(&mut command.args.iter().map(arg)),
    ]
}

fn spec(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        Begin::Index(index) => format!("@{index}"),
        Begin::Keyword { word, from } => format!("{word}@{from}"),
        Begin::Unknown => "unknown".to_owned(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range({last},{step},{limit})"),
        Find::Count { at, first, step } => format!("count({at},{first},{step})"),
        Find::Unknown => "unknown".to_owned(),
    };
    let flags = key_flag::NAMES.iter().filter(|(bit, _)| spec.flags & bit != 0);
    let flags: Vec<_> = flags.map(|(_, name)| *name).collect();
    format!("{begin} {find} {}", flags.join(","))
}

fn arg(a: &Arg) -> String {
    let mut text = format!("{}:{}", a.name, a.kind.name());
    if let Some(index) = a.key_spec {
        text += &format!("#{index}");
    }
    let token = Some(a.token).filter(|t| !t.is_empty() || a.kind == ArgKind::PureToken);
    let some = |text| Some(text).filter(|t: &&str| !t.is_empty());
    let display = some(a.display).filter(|d| *d != a.name);
    let texts =
        [("=", token), ("~", display), ("^", some(a.since)), ("!", some(a.deprecated_since))];
    for (sign, value) in texts {
        if let Some(value) = value {
            text = text + sign + value;
        }
    }
    for (is, sign) in [(a.is_optional, "?"), (a.is_multiple, "*"), (a.is_multiple_token, "+")] {
        text += if is { sign } else { "" };
    }
    if !a.parts.is_empty() {
        let parts: Vec<_> = a.parts.iter().map(arg).collect();
        text += &format!("({})", parts.join(" "));
    }
    text
}
