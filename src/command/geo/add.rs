//! Putting members on the map: GEOADD.

use super::super::key_spec::key_flag::UPDATE;
use super::super::zset::put_all;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::point;
use crate::base::text::write_u64;
use crate::keyspace::Event;
use crate::resp::request::Args;
use crate::types::zset::Terms;

pub static GEOADD: Command = Command::data("geoadd", geoadd)
    .arity(-5)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Adds members with their longitudes and latitudes to a sorted set, or moves them.")
    .complexity("O(log(N)) for each of the members, N being how many there are.")
    .keys(&[KeySpec::at(1).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .since("6.2.0")
            .optional(),
        Arg::pure_token("change", "CH").since("6.2.0").optional(),
        Arg::block(
            "data",
            &[Arg::double("longitude"), Arg::double("latitude"), Arg::string("member")],
        )
        .multiple(),
    ])
    .history(&[("6.2.0", "The options `CH`, `NX` and `XX`.")]);

/// What the words before the places ask for.
#[derive(Default)]
struct Options {
    terms: Terms,
    /// Members that have moved are counted, too.
    ch: bool,
}

impl Options {
    /// Reads them; returns where the places begin.
    fn parse(args: Args<'_>) -> Result<(Self, usize), CmdError> {
        let (mut options, mut at) = (Options::default(), 2);
        loop {
            let is_set = match () {
                () if args.is(at, "NX") => &mut options.terms.nx,
                () if args.is(at, "XX") => &mut options.terms.xx,
                () if args.is(at, "CH") => &mut options.ch,
                () => break,
            };
            *is_set = true;
            at += 1;
        }
        let words = args.len() - at;
        let is_whole = words > 0 && words.is_multiple_of(3);
        let is_clear = !(options.terms.nx && options.terms.xx);
        if is_whole && is_clear { Ok((options, at)) } else { Err(CmdError::SYNTAX) }
    }
}

fn geoadd(cx: &mut Cx<'_>) -> CmdResult {
    let args = cx.args;
    let (options, at) = Options::parse(args)?;
    let first = point(args, at)?.bits();
    let rest = (at + 3..args.len()).step_by(3);
    let rest =
        rest.map(|at| Ok(point(args, at)?.bits())).collect::<Result<Vec<u64>, CmdError>>()?;
    let places = || std::iter::once(&first).chain(&rest).copied();
    let pairs = places().enumerate().map(|(i, bits)| (bits as f64, args.at(at + 2 + 3 * i)));
    let tally = put_all(cx, 1 + rest.len(), pairs, options.terms)?;
    let changes = tally.added + tally.moved;
    if changes > 0 {
        cx.db.changed(args.at(1), Event::zset("zadd"), changes);
        tell(cx, at, places());
    }
    cx.out.uint(if options.ch { changes } else { tally.added });
    Ok(Done)
}

/// Tells replicas the ZADD that this is: members stand behind two words of theirs, from the word
/// `at` on.
fn tell(cx: &mut Cx<'_>, at: usize, places: impl Iterator<Item = u64>) {
    if !cx.fx.is_heard() {
        return;
    }
    let (args, mut scores, mut ends) = (cx.args, Vec::new(), Vec::new());
    for bits in places {
        write_u64(&mut scores, bits);
        ends.push(scores.len());
    }
    let mut line: Vec<&[u8]> = vec![b"zadd"];
    line.extend((1..at).map(|at| args.at(at)));
    let mut start = 0;
    for (i, end) in ends.into_iter().enumerate() {
        line.push(&scores[start..end]);
        line.push(args.at(at + 2 + 3 * i));
        start = end;
    }
    cx.fx.propagate_as(&line);
}
