//! XADD and XSETID.

use super::super::key_spec::key_flag::UPDATE;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::trim::TrimWords;
use super::{TRIM, id, reply_id};
use crate::base::clock::UnixMillis;
use crate::command::args::integer;
use crate::keyspace::Event;
use crate::resp::request::Args;
use crate::types::stream::{BYTES_MAX, Limits, Stream, StreamId, Trimmed};

const ADD: Event = Event::stream("xadd");
const SET_ID: Event = Event::stream("xsetid");

/// The id that a call wants.
#[derive(Clone, Copy)]
enum Wanted {
    Auto,
    Id(StreamId),
    /// The next one in this millisecond.
    Ms(u64),
}

/// What stands before the fields.
struct Words {
    trim: TrimWords,
    no_create: bool,
    wanted: Wanted,
    /// Where the id stands.
    id_at: usize,
}

impl Words {
    fn parse(args: Args<'_>) -> Result<Words, CmdError> {
        let (mut trim, mut no_create, mut at) = (TrimWords::default(), false, 2);
        while at < args.len() && args.at(at) != b"*" {
            let read = match args.is(at, "NOMKSTREAM") {
                true => 1,
                false => trim.read(args, at)?,
            };
            if read == 0 {
                break;
            }
            no_create |= args.is(at, "NOMKSTREAM");
            at += read;
        }
        let wanted = match args.get(at) {
            None | Some(b"*") => Wanted::Auto,
            Some(word) => match StreamId::parse_ms(word) {
                Some(ms) => Wanted::Ms(ms),
                None => Wanted::Id(id(word, 0)?),
            },
        };
        Ok(Words { trim, no_create, wanted, id_at: at })
    }
}

/// The id that an entry gets behind the last one.
fn choose(last: StreamId, wanted: Wanted, now: UnixMillis) -> Result<StreamId, CmdError> {
    let next = last.next().ok_or(CmdError::STREAM_EXHAUSTED)?;
    let chosen = match wanted {
        Wanted::Id(id) => Some(id),
        Wanted::Auto => Some(StreamId::new(now.0.max(0) as u64, 0).max(next)),
        Wanted::Ms(ms) if ms == last.ms => Some(next).filter(|next| next.ms == ms),
        Wanted::Ms(ms) => Some(StreamId::new(ms, 0)),
    };
    chosen.filter(|id| *id > last).ok_or(CmdError::STREAM_ID_SMALL)
}

pub static XADD: Command = Command::data("xadd", xadd)
    .arity(-5)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Adds an entry to the end of a stream, which is made if there is none.")
    .complexity("O(1), and O(N) for N entries that are trimmed.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::pure_token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("keepref", "KEEPREF"),
                Arg::pure_token("delref", "DELREF"),
                Arg::pure_token("acked", "ACKED"),
            ],
        )
        .optional(),
        Arg::block(
            "trim",
            &[
                Arg::one_of(
                    "strategy",
                    &[
                        Arg::pure_token("maxlen", "MAXLEN"),
                        Arg::pure_token("minid", "MINID").since("6.2.0"),
                    ],
                ),
                Arg::one_of(
                    "operator",
                    &[Arg::pure_token("equal", "="), Arg::pure_token("approximately", "~")],
                )
                .optional(),
                Arg::string("threshold"),
                Arg::integer("count").token("LIMIT").since("6.2.0").optional(),
            ],
        )
        .optional(),
        Arg::one_of("id-selector", &[Arg::pure_token("auto-id", "*"), Arg::string("id")]),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ])
    .tips(&["nondeterministic_output"])
    .history(&[
        ("6.2.0", "The options `NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Ids of the form `<ms>-*`."),
        ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
    ]);

fn xadd(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(1), cx.args);
    let words = Words::parse(args)?;
    let trim = words.trim.trim(cx.conf.stream.node_max_entries, cx.origin)?;
    let first = words.id_at + 1;
    let count = args.len().saturating_sub(first);
    if count < 2 || !count.is_multiple_of(2) {
        return Err(CmdError::arity("xadd"));
    }
    if let Wanted::Id(StreamId::ZERO) = words.wanted {
        return Err(CmdError::STREAM_ID_ZERO);
    }
    if words.no_create && !cx.db.settle(key) {
        cx.out.null();
        return Ok(Done);
    }
    let bytes: u64 = args.from(first).map(|word| word.len() as u64).sum();
    if bytes > BYTES_MAX {
        return Err(CmdError::STREAM_TOO_LARGE);
    }
    let fields = (first..args.len()).step_by(2).map(move |at| (args.at(at), args.at(at + 1)));
    let conf = &cx.conf.stream;
    let limits = Limits { node_bytes: conf.node_max_bytes, node_entries: conf.node_max_entries };
    let mut stream = cx.db.edit_or_create::<Stream>(key)?;
    let id = choose(stream.last_id, words.wanted, cx.now)?;
    stream.append(id, (fields, bytes), limits);
    let trimmed = trim.map_or(Trimmed::default(), |trim| stream.trim(trim));
    if !matches!(words.wanted, Wanted::Id(_)) || words.trim.is_approximate() {
        tell(cx.fx, &words, args, (&stream, trimmed, id));
    }
    drop(stream);
    reply_id(cx.out, id);
    cx.db.announce(key, ADD);
    if trimmed.entries > 0 {
        cx.db.announce(key, TRIM);
    }
    cx.db.touched(key, 1);
    Ok(Done)
}

/// Tells of an entry with the id that it got, and of the trimming with what it left.
fn tell(
    fx: &mut crate::command::effects::Effects,
    words: &Words,
    args: Args<'_>,
    (stream, trimmed, id): (&Stream, Trimmed, StreamId),
) {
    if fx.is_heard() {
        let (left, text) = (words.trim.left(stream, trimmed), id.text());
        let mut told = words.trim.told(args, &left);
        told[words.id_at] = text.as_bytes();
        fx.propagate_as(&told);
    }
}

pub static XSETID: Command = Command::data("xsetid", xsetid)
    .arity(-3)
    .flags(flag::WRITE | flag::DENYOOM | flag::FAST)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("For internal use: sets the last id of a stream.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::string("last-id"),
        Arg::integer("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
        Arg::string("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
    ])
    .history(&[("7.0.0", "The options `ENTRIESADDED` and `MAXDELETEDID`.")]);

fn xsetid(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(1), cx.args);
    let last = id(args.at(2), 0)?;
    let (mut added, mut deleted, mut at) = (None, StreamId::ZERO, 3);
    while at < args.len() {
        let word = args.get(at + 1).ok_or(CmdError::SYNTAX)?;
        if args.is(at, "ENTRIESADDED") {
            let number = u64::try_from(integer(word)?);
            added = Some(number.map_err(|_| CmdError::STREAM_ADDED_NEGATIVE)?);
        } else if args.is(at, "MAXDELETEDID") {
            deleted = id(word, 0)?;
            if last < deleted {
                return Err(CmdError::STREAM_SETID_DELETED_GIVEN);
            }
        } else {
            return Err(CmdError::SYNTAX);
        }
        at += 2;
    }
    let mut stream = cx.db.edit::<Stream>(key)?.ok_or(CmdError::NO_SUCH_KEY)?;
    if last < stream.max_deleted_id {
        return Err(CmdError::STREAM_SETID_DELETED);
    }
    if stream.last_live_id().is_some_and(|top| last < top) {
        return Err(CmdError::STREAM_SETID_SMALL);
    }
    if added.is_some_and(|added| added < stream.length()) {
        return Err(CmdError::STREAM_SETID_ADDED);
    }
    stream.last_id = last;
    stream.entries_added = added.unwrap_or(stream.entries_added);
    if deleted != StreamId::ZERO {
        stream.max_deleted_id = deleted;
    }
    drop(stream);
    cx.db.changed_beside(key, Some(SET_ID), 1);
    cx.out.ok();
    Ok(Done)
}
