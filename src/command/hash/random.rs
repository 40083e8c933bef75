//! HRANDFIELD.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{look, reply};
use crate::command::args::integer;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::types::View;
use crate::types::hash::{Field, HashView};

/// The most fields that are drawn with repetition.
/// Compat: Redis tries to answer with any number of them, and runs out of memory.
const REPEATS_MAX: u64 = 1 << 31;

pub static HRANDFIELD: Command = Command::data("hrandfield", hrandfield)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::HASH)
    .group(Group::Hash)
    .since("6.2.0")
    .summary("Answers fields chosen at random.")
    .complexity("O(N) where N is the number of fields returned")
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
    let mut random = random_words(cx.db.keyspace.random());
    let hash = look(&mut cx.db, cx.args.at(1))?;
    let Some(wanted) = wanted else {
        match hash.and_then(|hash| hash.sample(random)) {
            Some(field) => reply(cx.out, field.name),
            None => cx.out.null(),
        }
        return Ok(Done);
    };
    match hash {
        None => cx.out.array(0),
        Some(hash) if wanted.repeats => repeated(cx.out, hash, &wanted, &mut random),
        Some(hash) => {
            let fields = hash.sample_distinct(wanted.count, random);
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
    let (size, repeats) = (count.unsigned_abs(), count < 0);
    let too_many = values && size > i64::MAX as u64 / 2 || repeats && size > REPEATS_MAX;
    let count = usize::try_from(size).ok().filter(|_| !too_many);
    Ok(Wanted { count: count.ok_or(CmdError::OUT_OF_RANGE)?, repeats, values })
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
fn repeated(
    out: &mut Reply,
    hash: HashView<'_>,
    wanted: &Wanted,
    random: &mut impl FnMut() -> u64,
) {
    if hash.is_empty() {
        return out.array(0);
    }
    wanted.head(out, wanted.count);
    // A field of a listpack is counted off: for more than a few they are laid out once.
    let laid_out: Vec<_> =
        if hash.is_packed() && wanted.count > 1 { hash.iter().collect() } else { Vec::new() };
    for _ in 0..wanted.count {
        let field = match laid_out.len() {
            0 => hash.sample(&mut *random),
            len => Some(laid_out[((u128::from(random()) * len as u128) >> 64) as usize]),
        };
        wanted.field(out, field.expect("there are fields"));
    }
}

/// Random words from one.
fn random_words(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
