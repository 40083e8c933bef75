//! HRANDFIELD.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{look, reply};
use crate::base::rng::Draws;
use crate::command::args::integer;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::types::View;
use crate::types::hash::{Field, HashView};

pub static HRANDFIELD: Command = Command::data("hrandfield", hrandfield)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("6.2.0")
    .summary("Answers fields chosen at random.")
    .complexity("O(N) for N fields returned.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::pure_token("withvalues", "WITHVALUES").optional()],
        )
        .optional(),
    ])
    .tips(&["nondeterministic_output"]);

fn hrandfield(cx: &mut Cx<'_>) -> CmdResult {
    let wanted = if cx.args.len() > 2 { Some(wanted(cx)?) } else { None };
    let mut draws = Draws::new(cx.db.keyspace.random());
    let hash = look(&mut cx.db, cx.args.at(1))?;
    match (hash, wanted) {
        (None, None) => cx.out.null(),
        (None, Some(_)) => cx.out.array(0),
        (Some(hash), None) => match hash.sample(&mut draws) {
            Some(field) => reply(cx.out, field.name),
            None => cx.out.null(),
        },
        (Some(hash), Some(wanted)) if wanted.repeats => {
            return repeated(cx.out, hash, &wanted, &mut draws);
        }
        (Some(hash), Some(wanted)) => {
            let fields = hash.sample_distinct(wanted.count, &mut draws);
            wanted.head(cx.out, fields.len());
            fields.into_iter().for_each(|field| wanted.field(cx.out, field));
        }
    }
    Ok(Done)
}

/// What count and WITHVALUES ask for.
struct Wanted {
    count: usize,
    /// Each field is drawn from all of them.
    repeats: bool,
    values: bool,
    /// The reply must not be longer.
    bytes_max: usize,
}

fn wanted(cx: &Cx<'_>) -> Result<Wanted, CmdError> {
    let count = integer(cx.args.at(2))?;
    if count == i64::MIN {
        return Err(CmdError::NOT_NEGATABLE);
    }
    let values = cx.args.len() > 3;
    if cx.args.len() > 4 || values && !cx.args.is(3, "WITHVALUES") {
        return Err(CmdError::SYNTAX);
    }
    let size = count.unsigned_abs();
    if values && size > i64::MAX as u64 / 2 {
        return Err(CmdError::OUT_OF_RANGE);
    }
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let (count, repeats) = (number(size), count < 0);
    Ok(Wanted { count, repeats, values, bytes_max: number(cx.conf.proto.max_bulk_len) })
}

impl Wanted {
    fn head(&self, out: &mut Reply, fields: usize) {
        let flat = self.values && out.proto() == Proto::Resp2;
        out.array(if flat { 2 * fields } else { fields });
    }

    /// A field; with its value as a pair in RESP3.
    fn field(&self, out: &mut Reply, field: Field<'_>) {
        if self.values && out.proto() == Proto::Resp3 {
            out.array(2);
        }
        reply(out, field.name);
        if self.values {
            reply(out, field.value);
        }
    }
}

/// Answers fields drawn from all of them, again and again.
///
/// A few bytes can ask for more than any memory holds, and the data is no bound: hence the limit
/// that is also that of one element.
fn repeated(out: &mut Reply, hash: HashView<'_>, wanted: &Wanted, draws: &mut Draws) -> CmdResult {
    /// Bytes of an empty bulk.
    const BULK_MIN: usize = 6;
    if hash.is_empty() {
        out.array(0);
        return Ok(Done);
    }
    if wanted.count > wanted.bytes_max / BULK_MIN {
        return Err(CmdError::REPLY_TOO_LONG);
    }
    // Where a draw is dear, all fields are laid out once for more than one.
    let laid_out: Vec<_> =
        if hash.draws_well() || wanted.count == 1 { Vec::new() } else { hash.iter().collect() };
    let (attempt, before) = (out.attempt(), out.len());
    wanted.head(out, wanted.count);
    for _ in 0..wanted.count {
        let field = match laid_out.len() {
            0 => hash.sample(draws).expect("there are fields"),
            len => laid_out[draws.below(len)],
        };
        wanted.field(out, field);
        if out.len() - before > wanted.bytes_max {
            out.take_back(attempt);
            return Err(CmdError::REPLY_TOO_LONG);
        }
    }
    Ok(Done)
}
