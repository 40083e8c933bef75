//! The keys of a call, found from its record's key specs.
//!
//! A pure function of a record and the words of a request. COMMAND GETKEYS shows what it finds;
//! cluster routing, ACL key rules and tracking ask it before a command runs. It never allocates:
//! every spec yields at most one run of evenly spaced words, so what is found is a handful of runs,
//! resolved at once and then walked.
//!
//! ```text
//!   ZUNIONSTORE d 2 a b WEIGHTS 1 2        specs: at(1), at(2).count(0, 1, 1)
//!               ^ run 1..=1   ^ run 3..=4
//! ```
//!
//! What the specs of some commands cannot say (the destination of SORT may stand anywhere, SET only
//! reads its key when GET is given) a record says with a function of its own, see
//! [`Command::find_keys`], built from the same [`Found`].
//!
//! A call whose words contradict its specs is [`Malformed`]: the command would refuse it too.
//! Behaviour at the edges (odd words, absent counts, keywords at the end) is that of Redis 8.2,
//! compared with the live server.

use super::key_spec::{Begin, Find, KeySpec, key_flag};
use super::{Command, flag};
use crate::base::text::parse_i64;
use crate::resp::request::Args;
#[cfg(debug_assertions)]
use crate::{command::special, keyspace::declared::Declared};

/// Runs that one call can have: no command has as many specs.
pub const RUNS_MAX: usize = 4;

/// A function that finds the keys of calls for which key specs do not suffice.
pub type FindKeys = fn(&Command, Args<'_>) -> Result<Found, Malformed>;

/// The words of a call do not fit the places where its keys should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A key: which word of the call it is, and what the command does with it (bits of [`key_flag`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub at: usize,
    pub flags: u32,
}

/// Keys at every `step`-th word from `first` to `last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    first: usize,
    last: usize,
    step: usize,
    flags: u32,
}

/// What was found in one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    runs: [Run; RUNS_MAX],
    len: usize,
}

impl Found {
    /// Adds the words from `first` to `last`, every `step`-th; none if `last` comes before.
    pub fn add(&mut self, first: usize, last: usize, step: usize, flags: u32) {
        assert!(self.len < RUNS_MAX && step > 0, "a command has few key specs, and they advance");
        if first <= last {
            self.runs[self.len] = Run { first, last, step, flags };
            self.len += 1;
        }
    }

    /// Adds one word.
    pub fn add_one(&mut self, at: usize, flags: u32) {
        self.add(at, at, 1, flags);
    }

    /// All words that decide the slot of a call: its keys, and the channels of sharded pub/sub.
    pub fn words(self) -> impl Iterator<Item = Key> {
        self.runs.into_iter().take(self.len).flat_map(|run| {
            (run.first..=run.last).step_by(run.step).map(move |at| Key { at, flags: run.flags })
        })
    }

    /// The keys.
    pub fn keys(self) -> impl Iterator<Item = Key> {
        self.words().filter(|key| key.flags & key_flag::NOT_KEY == 0)
    }
}

/// Finds the keys of a call that has passed its arity check.
pub fn find(command: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    match command.find_keys {
        Some(find_keys) => find_keys(command, args),
        None => by_specs(command, args),
    }
}

/// What a call says of its keys, for a check that it keeps to it. One whose words fit nowhere has
/// no keys: the command refuses it.
#[cfg(debug_assertions)]
pub fn declared(command: &Command, args: Args<'_>) -> Declared {
    let found = find(command, args).unwrap_or_default();
    let beside = command.is(special::WRITES_BESIDE);
    let keys = found.keys();
    let keys = keys.map(|key| (args.at(key.at), beside || key.flags & key_flag::RO == 0));
    Declared::keys(command.name, keys, command.is(special::READS_OTHERS))
}

/// What the key specs alone find.
pub fn by_specs(command: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    let mut found = Found::default();
    for spec in command.keys {
        match run_of(spec, args) {
            Ok(Some(run)) => found.add(run.first, run.last, run.step, run.flags),
            Ok(None) => {}
            // Compat: scripts with a nonsensical number of keys have none; they fail when they run.
            Err(Malformed) if command.has(flag::NO_MANDATORY_KEYS) => {}
            Err(Malformed) => return Err(Malformed),
        }
    }
    Ok(found)
}

/// Whether calls of this command can have keys at all.
pub fn has_keys(command: &Command) -> bool {
    command.find_keys.is_some() || command.keys.iter().any(|s| s.flags & key_flag::NOT_KEY == 0)
}

/// The words that one spec finds.
fn run_of(spec: &KeySpec, args: Args<'_>) -> Result<Option<Run>, Malformed> {
    let words = args.len() as i64;
    let begin = match spec.begin {
        Begin::Index(index) if i64::from(index) < words => i64::from(index),
        // PFMERGE without sources. What a command cannot do without, its arity asks for.
        Begin::Index(_) if matches!(spec.find, Find::Range { last: ..0, .. }) => return Ok(None),
        Begin::Index(_) => return Err(Malformed),
        Begin::Keyword { word, from } => match behind(word, from, args) {
            Some(begin) => begin as i64,
            None => return Ok(None),
        },
        Begin::Unknown => return Ok(None),
    };
    let (first, last, step) = match spec.find {
        Find::Unknown => return Ok(None),
        Find::Range { last, step, limit } => {
            let last = i64::from(last);
            let last = match last {
                0.. => begin + last,
                // `limit` says which part of the remaining words are keys: half of them in XREAD.
                _ if limit > 1 => begin + (words - begin) / i64::from(limit) + last,
                _ => words + last,
            };
            (begin, last, step)
        }
        Find::Count { at, first, step } => {
            let count = usize::try_from(begin + i64::from(at)).ok().and_then(|at| args.get(at));
            let count = count.and_then(parse_i64).filter(|n| (1..words).contains(n));
            let first = begin + i64::from(first);
            let last = first + (count.ok_or(Malformed)? - 1) * i64::from(step);
            (first, last, step)
        }
    };
    if last < first {
        return Ok(None);
    }
    match (usize::try_from(first), usize::try_from(last), usize::try_from(step)) {
        (Ok(first), Ok(last), Ok(step)) if last < args.len() && step > 0 => {
            Ok(Some(Run { first, last, step, flags: spec.flags }))
        }
        _ => Err(Malformed),
    }
}

/// The index behind a keyword that is looked for from `from` on; a keyword with nothing behind it
/// is none.
fn behind(word: &str, from: i32, args: Args<'_>) -> Option<usize> {
    let words = args.len();
    let at = match usize::try_from(from) {
        Ok(from) => (from..words - 1).find(|at| args.is(*at, word)),
        Err(_) => {
            let start = words.checked_sub(from.unsigned_abs() as usize)?;
            (1..=start).rev().find(|at| args.is(*at, word))
        }
    };
    Some(at? + 1).filter(|at| *at < words)
}

// -- commands whose key specs do not say it all; their records name these functions ---------------

/// SET only reads its key when it is asked for the old value.
pub fn set(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    let reads = (3..args.len()).any(|at| args.is(at, "GET"));
    let flags = if reads { key_flag::RW | key_flag::ACCESS } else { key_flag::OW };
    let mut found = Found::default();
    found.add_one(1, flags | key_flag::UPDATE);
    Ok(found)
}

/// BITFIELD only reads when all it does is GET.
pub fn bitfield(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    let mut at = 2;
    let only_reads = loop {
        let words = match at {
            _ if at >= args.len() => break true,
            _ if args.is(at, "GET") => 3,
            _ if args.is(at, "OVERFLOW") => 2,
            _ => break false,
        };
        if at + words > args.len() {
            break false;
        }
        at += words;
    };
    let flags = if only_reads { key_flag::RO } else { key_flag::RW | key_flag::UPDATE };
    let mut found = Found::default();
    found.add_one(1, flags | key_flag::ACCESS);
    Ok(found)
}

/// SORT writes to the key behind its last STORE; keys made from patterns cannot be known.
pub fn sort(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    let (mut at, mut target) = (2, None);
    while at < args.len() {
        let is = |word| args.is(at, word);
        if is("STORE") && at + 1 < args.len() {
            target = Some(at + 1);
        }
        at += if is("LIMIT") {
            3
        } else if is("GET") || is("BY") {
            2
        } else {
            1
        };
    }
    let mut found = Found::default();
    found.add_one(1, key_flag::RO | key_flag::ACCESS);
    if let Some(target) = target {
        found.add_one(target, key_flag::OW | key_flag::UPDATE);
    }
    Ok(found)
}

/// GEORADIUS writes to the key behind its last STORE or STOREDIST.
pub fn georadius(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    target_of_radius(args, 6)
}

/// So does GEORADIUSBYMEMBER, whose centre takes one word less.
pub fn georadiusbymember(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    target_of_radius(args, 5)
}

fn target_of_radius(args: Args<'_>, words: usize) -> Result<Found, Malformed> {
    let (mut at, mut target) = (words, None);
    while at + 1 < args.len() {
        if args.is(at, "STORE") || args.is(at, "STOREDIST") {
            target = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    let mut found = Found::default();
    found.add_one(1, key_flag::RO | key_flag::ACCESS);
    if let Some(target) = target {
        found.add_one(target, key_flag::OW | key_flag::UPDATE);
    }
    Ok(found)
}

/// MIGRATE names one key, or an empty one and more behind KEYS.
pub fn migrate(_: &Command, args: Args<'_>) -> Result<Found, Malformed> {
    let flags = key_flag::RW | key_flag::ACCESS | key_flag::DELETE;
    let (mut at, mut found) = (6, Found::default());
    while at + 1 < args.len() {
        if args.is(at, "KEYS") {
            if !args.at(3).is_empty() {
                return Err(Malformed);
            }
            found.add(at + 1, args.len() - 1, 1, flags);
            return Ok(found);
        }
        at += if args.is(at, "AUTH2") {
            3
        } else if args.is(at, "AUTH") {
            2
        } else {
            1
        };
    }
    found.add_one(3, flags);
    Ok(found)
}

// -- what was told before there were key specs ----------------------------------------------------

/// First key, last key and step as they were told before there were key specs: the leading specs
/// that are plain ranges, joined. All 0 when the first one is not.
pub fn legacy_range(specs: &[KeySpec]) -> (i32, i32, i32) {
    let mut range = (0, 0, 0);
    for spec in specs {
        let (Begin::Index(first), Find::Range { last, step, .. }) = (spec.begin, spec.find) else {
            break;
        };
        let last = if last >= 0 { first + last } else { last };
        range = match range {
            (0, ..) => (first, last, step),
            (before, _, old_step) => (before, last, old_step),
        };
    }
    range
}

/// Whether first, last and step do not tell the whole truth, so that the keys have to be asked for
/// call by call.
pub fn keys_move(specs: &[KeySpec]) -> bool {
    let is_plain =
        |spec: &KeySpec| matches!((spec.begin, spec.find), (Begin::Index(_), Find::Range { .. }));
    !specs.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{CmdResult, Cx, Done};
    use crate::resp::request::{Limits, Query};
    use proptest::prelude::*;

    fn nothing(_: &mut Cx<'_>) -> CmdResult {
        Ok(Done)
    }

    fn query(line: &str) -> Query {
        let mut query = Query::default();
        query.feed(line.as_bytes());
        query.feed(b"\r\n");
        query.parse(Limits { bulk_max: 1 << 20, authenticated: true }).expect("a good line");
        query
    }

    fn keys_of(command: &Command, line: &str) -> Result<Vec<String>, Malformed> {
        let query = query(line);
        let found = find(command, query.args())?;
        let word = |key: Key| String::from_utf8_lossy(query.args().at(key.at)).into_owned();
        Ok(found.keys().map(word).collect())
    }

    fn command(specs: &[KeySpec]) -> Command {
        // Records hold statics; a test may leak a few bytes to have one.
        Command::data("x", nothing).arity(-1).keys(specs.to_vec().leak())
    }

    fn check(specs: &[KeySpec], flags: u64, calls: &[(&str, Result<&[&str], Malformed>)]) {
        let command = command(specs).flags(flags);
        for (line, expected) in calls {
            let expected = expected.map(|words| words.iter().map(|w| w.to_string()).collect());
            assert_eq!(keys_of(&command, line), expected, "{line}");
        }
    }

    #[test]
    fn ranges() {
        check(&[KeySpec::at(1).ro(0)], 0, &[("get a b", Ok(&["a"]))]);
        let every_second = &[KeySpec::at(1).range(-1, 2, 0).ow(0)];
        check(
            every_second,
            0,
            &[("mset a 1 b 2", Ok(&["a", "b"])), ("mset a 1 b", Ok(&["a", "b"]))],
        );
        let but_last = &[KeySpec::at(1).range(-2, 1, 0).rw(0)];
        check(
            but_last,
            0,
            &[("blpop a b 0", Ok(&["a", "b"])), ("blpop a", Ok(&[])), ("blpop", Ok(&[]))],
        );
        let sources = &[KeySpec::at(1).rw(0), KeySpec::at(2).range(-1, 1, 0).ro(0)];
        check(sources, 0, &[("pfmerge d", Ok(&["d"])), ("pfmerge d a b", Ok(&["d", "a", "b"]))]);
        check(&[KeySpec::at(1).range(1, 1, 0).ro(0)], 0, &[("lcs a", Err(Malformed))]);
    }

    #[test]
    fn counts() {
        let union = &[KeySpec::at(1).ow(0), KeySpec::at(2).count(0, 1, 1).ro(0)];
        let calls: &[(&str, Result<&[&str], Malformed>)] = &[
            ("zunionstore d 2 a b", Ok(&["d", "a", "b"])),
            ("zunionstore d 1 a b", Ok(&["d", "a"])),
            ("zunionstore d 3 a b", Err(Malformed)),
            ("zunionstore d 0 a b", Err(Malformed)),
            ("zunionstore d x a b", Err(Malformed)),
            ("zunionstore d 9223372036854775807 a b", Err(Malformed)),
            ("zunionstore d", Err(Malformed)),
        ];
        check(union, 0, calls);
        let script = &[KeySpec::at(2).count(0, 1, 1).rw(0)];
        let calls: &[(&str, Result<&[&str], Malformed>)] =
            &[("eval s 2 a b c", Ok(&["a", "b"])), ("eval s 0", Ok(&[])), ("eval s 3 a", Ok(&[]))];
        check(script, flag::NO_MANDATORY_KEYS, calls);
    }

    #[test]
    fn keywords() {
        let streams = &[KeySpec::after("STREAMS", 1).range(-1, 1, 2).ro(0)];
        let calls: &[(&str, Result<&[&str], Malformed>)] = &[
            ("xread streams a b 0 0", Ok(&["a", "b"])),
            ("xread count 1 Streams a b 0", Ok(&["a"])),
            ("xread streams streams 0", Ok(&["streams"])),
            ("xread streams", Ok(&[])),
            ("xread count 1", Ok(&[])),
        ];
        check(streams, 0, calls);
        let backwards = &[KeySpec::after("KEYS", -2).range(-1, 1, 0).rw(0)];
        let calls: &[(&str, Result<&[&str], Malformed>)] = &[
            ("migrate h 1 x 0 1 keys a b", Ok(&["a", "b"])),
            ("migrate keys 1 x 0 1 keys a", Ok(&["a"])),
            ("migrate h 1 x 0 1 keys", Ok(&[])),
            ("x", Ok(&[])),
        ];
        check(backwards, 0, calls);
    }

    #[test]
    fn channels_are_no_keys_but_words() {
        let command = command(&[KeySpec::at(1).flags(key_flag::NOT_KEY)]);
        let query = query("spublish ch m");
        let found = find(&command, query.args()).expect("fits");
        assert_eq!((found.keys().count(), found.words().count()), (0, 1));
        assert!(!has_keys(&command));
    }

    fn described(find_keys: FindKeys, line: &str) -> Result<Vec<String>, Malformed> {
        let (query, command) = (query(line), command(&[]).find_keys(find_keys));
        let found = find(&command, query.args())?;
        let name = |key: Key| {
            let names = key_flag::NAMES.iter().filter(|(bit, _)| key.flags & bit != 0);
            let names: Vec<_> = names.map(|(_, name)| *name).collect();
            format!("{}:{}", String::from_utf8_lossy(query.args().at(key.at)), names.join(","))
        };
        Ok(found.keys().map(name).collect())
    }

    /// The answers of Redis 8.2 to COMMAND GETKEYSANDFLAGS.
    #[test]
    fn calls_that_specs_cannot_describe() {
        let calls: &[(FindKeys, &str, &[&str])] = &[
            (set, "set k get", &["k:OW,update"]),
            (set, "set k v px 1 get", &["k:RW,access,update"]),
            (bitfield, "bitfield k", &["k:RO,access"]),
            (bitfield, "bitfield k get u8 0 overflow sat", &["k:RO,access"]),
            (bitfield, "bitfield k get u8 0 set u8 0 1", &["k:RW,access,update"]),
            (bitfield, "bitfield k get u8", &["k:RW,access,update"]),
            (sort, "sort k by store get store limit store store", &["k:RO,access"]),
            (sort, "sort k store d", &["k:RO,access", "d:OW,update"]),
            (sort, "sort k store store d", &["k:RO,access", "d:OW,update"]),
            (sort, "sort k store d desc store e", &["k:RO,access", "e:OW,update"]),
            // Both destinations were given, of which only the last is written: as in Redis 8.10.
            (georadius, "georadius k 1 2 3 m store a store b", &["k:RO,access", "b:OW,update"]),
            (georadius, "georadius k 1 2 3 m storedist a store b", &["k:RO,access", "b:OW,update"]),
            (georadius, "georadius k 1 2 3 m store a storedist", &["k:RO,access", "a:OW,update"]),
            (georadius, "georadius k 1 2 3 store store", &["k:RO,access"]),
            (
                georadiusbymember,
                "georadiusbymember k m 3 m store a count 1 storedist c",
                &["k:RO,access", "c:OW,update"],
            ),
            (migrate, "migrate h 1 k 0 1", &["k:RW,access,delete"]),
            (migrate, "migrate h 1 k 0 1 auth keys copy", &["k:RW,access,delete"]),
            (migrate, "migrate h 1 k 0 1 keys", &["k:RW,access,delete"]),
            (
                migrate,
                "migrate h 1 \"\" 0 1 auth2 keys keys keys a b",
                &["a:RW,access,delete", "b:RW,access,delete"],
            ),
        ];
        for (find_keys, line, expected) in calls {
            let expected = expected.iter().map(|key| key.to_string()).collect();
            assert_eq!(described(*find_keys, line), Ok(expected), "{line}");
        }
        assert_eq!(described(migrate, "migrate h 1 k 0 1 keys a"), Err(Malformed));
    }

    fn any_spec() -> impl Strategy<Value = KeySpec> {
        let number = || prop_oneof![4 => -3..6i32, 1 => any::<i32>()];
        let begin = prop_oneof![
            (0..6i32).prop_map(Begin::Index),
            number().prop_map(|from| Begin::Keyword { word: "k", from }),
        ];
        let find = prop_oneof![
            (number(), number(), number()).prop_map(|(last, step, limit)| Find::Range {
                last,
                step,
                limit
            }),
            (number(), number(), number()).prop_map(|(at, first, step)| Find::Count {
                at,
                first,
                step
            }),
        ];
        (begin, find).prop_map(|(begin, find)| KeySpec { begin, find, flags: 0, notes: "" })
    }

    proptest! {
        /// Whatever a client sends, and however odd a spec is: what is found are words of the call.
        #[test]
        fn found_words_exist(specs in prop::collection::vec(any_spec(), 1..4), words in "[a-k0-9 ]{1,30}") {
            let query = query(&format!("x {words}"));
            if let Ok(found) = by_specs(&command(&specs), query.args()) {
                prop_assert!(found.words().all(|key| key.at < query.args().len()));
            }
        }
    }

    #[test]
    fn legacy_ranges_join_plain_specs() {
        let (one, rest) = (KeySpec::at(1).ow(0), KeySpec::at(2).range(-1, 1, 0).ro(0));
        assert_eq!(legacy_range(&[one, rest]), (1, -1, 1));
        assert_eq!(legacy_range(&[one, KeySpec::at(2).count(0, 1, 1).ro(0)]), (1, 1, 1));
        assert_eq!(legacy_range(&[KeySpec::at(1).count(0, 1, 1).ro(0)]), (0, 0, 0));
        assert_eq!(legacy_range(&[KeySpec::at(1).range(-1, 2, 0).ow(0)]), (1, -1, 2));
        assert_eq!(legacy_range(&[KeySpec::at(1).range(1, 1, 0).ro(0)]), (1, 2, 1));
        assert!(keys_move(&[one, KeySpec::unknown().ro(0)]) && !keys_move(&[one, rest]));
    }
}
