//! XTRIM, and what XADD says about trimming.

use super::super::key_spec::key_flag::DELETE;
use super::super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Origin, category, flag,
};
use super::{TRIM, id};
use crate::command::args::integer;
use crate::resp::request::Args;
use crate::types::stream::{Bound, References, Stream, StreamId, Trim, Trimmed};

/// The words about trimming, and about what becomes of the lists of pending entries.
#[derive(Default)]
pub struct TrimWords {
    bound: Option<Bound>,
    is_approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
    /// Where the threshold stands; a `~` stands before it.
    threshold_at: usize,
}

/// KEEPREF and its like.
pub fn references(args: Args<'_>, at: usize) -> Option<References> {
    if args.is(at, "KEEPREF") {
        Some(References::Keep)
    } else if args.is(at, "DELREF") {
        Some(References::Drop)
    } else if args.is(at, "ACKED") {
        Some(References::Respect)
    } else {
        None
    }
}

impl TrimWords {
    /// Reads the option at a word; returns how many words it has, 0 if it is none of these.
    pub fn read(&mut self, args: Args<'_>, at: usize) -> Result<usize, CmdError> {
        let more = args.len() - 1 - at;
        let by_length = args.is(at, "MAXLEN");
        if more > 0 && (by_length || args.is(at, "MINID")) {
            return self.read_bound(args, at, by_length);
        }
        if more > 0 && args.is(at, "LIMIT") {
            let limit = u64::try_from(integer(args.at(at + 1))?);
            self.limit = Some(limit.map_err(|_| CmdError::TRIM_LIMIT_NEGATIVE)?);
            return Ok(2);
        }
        if self.references.is_none()
            && let Some(references) = references(args, at)
        {
            self.references = Some(references);
            return Ok(1);
        }
        Ok(0)
    }

    fn read_bound(
        &mut self,
        args: Args<'_>,
        at: usize,
        by_length: bool,
    ) -> Result<usize, CmdError> {
        if self.bound.is_some() {
            return Err(CmdError::TRIM_STRATEGIES);
        }
        let has_operator = at + 2 < args.len() && (args.is(at + 1, "~") || args.is(at + 1, "="));
        self.is_approximate = has_operator && args.is(at + 1, "~");
        self.threshold_at = at + 1 + usize::from(has_operator);
        let threshold = args.at(self.threshold_at);
        self.bound = Some(if by_length {
            let length = u64::try_from(integer(threshold)?);
            Bound::Length(length.map_err(|_| CmdError::TRIM_LENGTH_NEGATIVE)?)
        } else {
            Bound::Id(id(threshold, 0)?)
        });
        Ok(self.threshold_at + 1 - at)
    }

    /// What is to be done, if anything, once all options are read.
    /// Compat: a file tells of a trim as of an exact one, but leaves its LIMIT standing.
    pub fn trim(&self, node_entries: u64, origin: Origin) -> Result<Option<Trim>, CmdError> {
        if self.limit.is_some_and(|limit| limit > 0) && self.bound.is_none() {
            return Err(CmdError::TRIM_LIMIT_ALONE);
        }
        if self.limit.is_some() && !self.is_approximate && origin != Origin::Aof {
            return Err(CmdError::TRIM_LIMIT_EXACT);
        }
        let limit = match self.limit {
            _ if !self.is_approximate => 0,
            Some(limit) => limit,
            None => default_limit(node_entries),
        };
        let is_approximate = self.is_approximate;
        let references = self.references.unwrap_or_default();
        Ok(self.bound.map(|bound| Trim { bound, is_approximate, limit, references }))
    }

    /// The words of the call, as replicas and the AOF are told them: an exact trim down to what was
    /// left.
    pub fn told<'w>(&self, args: Args<'w>, left: &'w [u8]) -> Vec<&'w [u8]> {
        let mut words: Vec<_> = args.iter().collect();
        if self.is_approximate {
            words[self.threshold_at - 1] = b"=";
            words[self.threshold_at] = left;
        }
        words
    }

    /// Whether what is told has to be put otherwise.
    pub fn is_approximate(&self) -> bool {
        self.is_approximate
    }

    /// What was left after trimming, as a threshold. Where groups protect entries, the first one
    /// that is left says nothing of those behind it, so it is told how far the trim has come.
    /// Compat: Redis tells the first one.
    pub fn left(&self, stream: &Stream, trimmed: Trimmed) -> Vec<u8> {
        match self.bound {
            Some(Bound::Id(id)) if self.references == Some(References::Respect) => {
                trimmed.stopped.map_or(id, |stopped| stopped.min(id)).text().as_bytes().to_vec()
            }
            Some(Bound::Id(_)) if stream.length() == 0 => StreamId::MAX.text().as_bytes().to_vec(),
            Some(Bound::Id(_)) => stream.first_id().text().as_bytes().to_vec(),
            _ => stream.length().to_string().into_bytes(),
        }
    }
}

/// How many entries an approximate trim removes at most that says nothing of it.
fn default_limit(node_entries: u64) -> u64 {
    match node_entries.saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

pub static XTRIM: Command = Command::data("xtrim", xtrim)
    .arity(-4)
    .flags(flag::WRITE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Deletes the oldest entries of a stream.")
    .complexity("O(N) for N entries that go, but with a small constant: most go as whole nodes.")
    .keys(&[KeySpec::at(1).rw(DELETE)])
    .args(&[
        Arg::key("key"),
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
                Arg::one_of(
                    "condition",
                    &[
                        Arg::pure_token("keepref", "KEEPREF"),
                        Arg::pure_token("delref", "DELREF"),
                        Arg::pure_token("acked", "ACKED"),
                    ],
                )
                .optional(),
            ],
        ),
    ])
    .tips(&["nondeterministic_output"])
    .history(&[
        ("6.2.0", "The options `MINID` and `LIMIT`."),
        ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
    ]);

fn xtrim(cx: &mut Cx<'_>) -> CmdResult {
    let key = cx.args.at(1);
    let mut words = TrimWords::default();
    let mut at = 2;
    while at < cx.args.len() {
        match words.read(cx.args, at)? {
            0 => return Err(CmdError::SYNTAX),
            read => at += read,
        }
    }
    let trim = words.trim(cx.conf.stream.node_max_entries, cx.origin)?;
    let mut removed = 0;
    if let Some(mut stream) = cx.db.edit::<Stream>(key)? {
        let trimmed = trim.map_or(Trimmed::default(), |trim| stream.trim(trim));
        removed = trimmed.entries;
        if removed > 0 && words.is_approximate() && cx.fx.is_heard() {
            let left = words.left(&stream, trimmed);
            cx.fx.propagate_as(&words.told(cx.args, &left));
        }
    }
    if removed > 0 {
        cx.db.announce(key, TRIM);
        cx.db.touched(key, removed);
    }
    cx.out.uint(removed);
    Ok(Done)
}
