//! What is known of members: GEODIST, GEOHASH, GEOPOS.

use super::super::key_spec::key_flag::ACCESS;
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{UNITS, reply_distance, reply_point, unit};
use crate::ds::geohash::{Point, sphere};
use crate::resp::reply::Reply;
use crate::types::zset::Zset;

pub static GEODIST: Command = Command::data("geodist", geodist)
    .arity(-4)
    .flags(flag::READONLY)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Answers the distance between two members.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::string("member1"),
        Arg::string("member2"),
        Arg::one_of("unit", UNITS).optional(),
    ]);

fn geodist(cx: &mut Cx<'_>) -> CmdResult {
    let args = cx.args;
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(args, 4)?,
        _ => return Err(CmdError::SYNTAX),
    };
    let set = cx.db.get::<Zset>(args.at(1))?;
    let scores = set.and_then(|set| set.score(args.at(2)).zip(set.score(args.at(3))));
    match scores {
        None => cx.out.null(),
        Some((a, b)) => {
            let distance = sphere::distance(Point::of_score(a), Point::of_score(b));
            reply_distance(cx.out, distance / metres);
        }
    }
    Ok(Done)
}

pub static GEOHASH: Command = Command::data("geohash", geohash)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Answers the geohashes of members as text.")
    .complexity("O(1) for each of the members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("member").optional().multiple()]);

fn geohash(cx: &mut Cx<'_>) -> CmdResult {
    each(cx, Reply::null, |out, point| out.bulk(&point.text()))
}

pub static GEOPOS: Command = Command::data("geopos", geopos)
    .arity(-2)
    .flags(flag::READONLY)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Answers the longitudes and latitudes of members.")
    .complexity("O(1) for each of the members.")
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), Arg::string("member").optional().multiple()]);

fn geopos(cx: &mut Cx<'_>) -> CmdResult {
    each(cx, Reply::null_array, reply_point)
}

/// Answers something about each of the members, and something else where one is missing.
fn each(cx: &mut Cx<'_>, missing: fn(&mut Reply), show: impl Fn(&mut Reply, Point)) -> CmdResult {
    let members = cx.args.from(2);
    let set = cx.db.get::<Zset>(cx.args.at(1))?;
    cx.out.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => show(cx.out, Point::of_score(score)),
            None => missing(cx.out),
        }
    }
    Ok(Done)
}
