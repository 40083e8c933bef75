//! Searches: GEOSEARCH and GEOSEARCHSTORE, and what they replace.
//!
//! A search gathers what it finds, with the distances it has measured on the way, puts it in order
//! where that is asked for, and shows or stores it. If only a part is shown, only that part is
//! sorted.

use std::ops::ControlFlow;

use super::super::getkeys;
use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag, string, zset,
};
use super::query::{Center, Order, Query, Takes};
use super::{UNITS, point, reply_distance, reply_point};
use crate::ds::geohash::Point;
use crate::ds::geohash::search::{Search, cells};
use crate::ds::listpack::Item;
use crate::ds::ordered::Gathered;
use crate::keyspace::Event;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::types::zset::{Rules, Zset, ZsetView};

const UNIT: Arg = Arg::one_of("unit", UNITS);
const WITHCOORD: Arg = Arg::pure_token("withcoord", "WITHCOORD").optional();
const WITHDIST: Arg = Arg::pure_token("withdist", "WITHDIST").optional();
const WITHHASH: Arg = Arg::pure_token("withhash", "WITHHASH").optional();
const COUNT: Arg = Arg::integer("count").token("COUNT");
const ANY: Arg = Arg::pure_token("any", "ANY").optional();
const COUNT_BLOCK: Arg = Arg::block("count-block", &[COUNT, ANY]).optional();
const COUNT_BLOCK_WITH_HISTORY: Arg =
    Arg::block("count-block", &[COUNT, ANY.since("6.2.0")]).optional();
const ORDER: Arg =
    Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")])
        .optional();
const STORE: Arg = Arg::one_of(
    "store",
    &[
        Arg::key("storekey").token("STORE").display("key").spec(1),
        Arg::key("storedistkey").token("STOREDIST").display("key").spec(2),
    ],
)
.optional();
const FROM: Arg = Arg::one_of(
    "from",
    &[
        Arg::string("member").token("FROMMEMBER"),
        Arg::block("fromlonlat", &[Arg::double("longitude"), Arg::double("latitude")])
            .token("FROMLONLAT"),
    ],
)
.optional();
const BY: Arg = Arg::one_of(
    "by",
    &[
        Arg::block("circle", &[Arg::double("radius").token("BYRADIUS"), UNIT]),
        Arg::block("box", &[Arg::double("width").token("BYBOX"), Arg::double("height"), UNIT]),
        Arg::block(
            "polygon",
            &[
                Arg::integer("num-vertices").token("BYPOLYGON"),
                Arg::block("vertices", &[Arg::double("longitude"), Arg::double("latitude")])
                    .multiple(),
            ],
        )
        .since("9.0.0"),
    ],
);
const COMPLEXITY: &str = "O(N+log(M)) with N being the number of members within the square cells \
                          around the shape, and M of all members.";
const HISTORY: &[(&str, &str)] = &[
    ("6.2.0", "The option `ANY` of `COUNT`."),
    ("7.0.0", "Units may be written in capitals, too."),
];
const SEARCH_HISTORY: &[(&str, &str)] = &[("7.0.0", "Units may be written in capitals, too.")];
const INSTEAD: &str = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument";
const INSTEAD_RO: &str = "`GEOSEARCH` with the `BYRADIUS` argument";
const INSTEAD_MEMBER: &str =
    "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments";
const INSTEAD_MEMBER_RO: &str = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments";

pub static GEOSEARCH: Command = Command::data("geosearch", geosearch)
    .arity(-7)
    .flags(flag::READONLY)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("6.2.0")
    .summary("Answers the members within a circle, a box or a polygon.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[Arg::key("key"), FROM, BY, ORDER, COUNT_BLOCK, WITHCOORD, WITHDIST, WITHHASH])
    .history(SEARCH_HISTORY);

fn geosearch(cx: &mut Cx<'_>) -> CmdResult {
    run(cx, 1, SEARCH_STORED, |args, set| {
        let mut query = Query::new();
        query.read(args, 2, set, Takes::All)?;
        Ok(query)
    })
}

pub static GEOSEARCHSTORE: Command = Command::data("geosearchstore", geosearchstore)
    .arity(-8)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("6.2.0")
    .summary("Stores the members within a circle, a box or a polygon as another sorted set.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ow(UPDATE), KeySpec::at(2).ro(ACCESS)])
    .args(&[
        Arg::key("destination"),
        Arg::key("source").spec(1),
        FROM,
        BY,
        ORDER,
        COUNT_BLOCK,
        Arg::pure_token("storedist", "STOREDIST").optional(),
    ])
    .history(SEARCH_HISTORY);

fn geosearchstore(cx: &mut Cx<'_>) -> CmdResult {
    run(cx, 2, SEARCH_STORED, |args, set| {
        let mut query = Query::stored_at(args.at(1));
        query.read(args, 3, set, Takes::AllToStore)?;
        Ok(query)
    })
}

pub static GEORADIUS: Command = Command::data("georadius", georadius)
    .arity(-6)
    .flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Answers or stores the members within a distance of a place.")
    .complexity(COMPLEXITY)
    .keys(&[
        KeySpec::at(1).ro(ACCESS),
        KeySpec::after("STORE", 6).ow(UPDATE),
        KeySpec::after("STOREDIST", 6).ow(UPDATE),
    ])
    .find_keys(getkeys::georadius)
    .args(&[
        Arg::key("key"),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_BLOCK_WITH_HISTORY,
        ORDER,
        STORE,
    ])
    .history(HISTORY)
    .deprecated("6.2.0", INSTEAD);

fn georadius(cx: &mut Cx<'_>) -> CmdResult {
    around_place(cx, Takes::FewAndStore)
}

pub static GEORADIUS_RO: Command = Command::data("georadius_ro", georadius_ro)
    .arity(-6)
    .flags(flag::READONLY)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.10")
    .summary("Answers the members within a distance of a place.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS)])
    .args(&[
        Arg::key("key"),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_BLOCK_WITH_HISTORY,
        ORDER,
    ])
    .history(HISTORY)
    .deprecated("6.2.0", INSTEAD_RO);

fn georadius_ro(cx: &mut Cx<'_>) -> CmdResult {
    around_place(cx, Takes::Few)
}

pub static GEORADIUSBYMEMBER: Command = Command::data("georadiusbymember", georadiusbymember)
    .arity(-5)
    .flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS)
    .categories(category::GEO)
    .group(Group::Geo)
    .since("3.2.0")
    .summary("Answers or stores the members within a distance of one of them.")
    .complexity(COMPLEXITY)
    .keys(&[
        KeySpec::at(1).ro(ACCESS),
        KeySpec::after("STORE", 5).ow(UPDATE),
        KeySpec::after("STOREDIST", 5).ow(UPDATE),
    ])
    .find_keys(getkeys::georadiusbymember)
    .args(&[
        Arg::key("key"),
        Arg::string("member"),
        Arg::double("radius"),
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_BLOCK,
        ORDER,
        STORE,
    ])
    .history(HISTORY)
    .deprecated("6.2.0", INSTEAD_MEMBER);

fn georadiusbymember(cx: &mut Cx<'_>) -> CmdResult {
    around_member(cx, Takes::FewAndStore)
}

pub static GEORADIUSBYMEMBER_RO: Command =
    Command::data("georadiusbymember_ro", georadiusbymember_ro)
        .arity(-5)
        .flags(flag::READONLY)
        .categories(category::GEO)
        .group(Group::Geo)
        .since("3.2.10")
        .summary("Answers the members within a distance of one of them.")
        .complexity(COMPLEXITY)
        .keys(&[KeySpec::at(1).ro(ACCESS)])
        .args(&[
            Arg::key("key"),
            Arg::string("member"),
            Arg::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_BLOCK,
            ORDER,
        ])
        .history(HISTORY)
        .deprecated("6.2.0", INSTEAD_MEMBER_RO);

fn georadiusbymember_ro(cx: &mut Cx<'_>) -> CmdResult {
    around_member(cx, Takes::Few)
}

const SEARCH_STORED: Event = Event::zset("geosearchstore");
const RADIUS_STORED: Event = Event::zset("georadiusstore");

fn around_place(cx: &mut Cx<'_>, takes: Takes) -> CmdResult {
    run(cx, 1, RADIUS_STORED, |args, set| {
        let mut query = Query::new();
        query.center = Some(Center::Place(point(args, 2)?));
        query.within_radius(args, 4)?;
        query.read(args, 6, set, takes)?;
        Ok(query)
    })
}

fn around_member(cx: &mut Cx<'_>, takes: Takes) -> CmdResult {
    run(cx, 1, RADIUS_STORED, |args, set| {
        let mut query = Query::new();
        // Compat: without a set the circle is not even read.
        if let Some(set) = set {
            query.around_member(set, args.at(2))?;
            query.within_radius(args, 3)?;
        }
        query.read(args, 5, set, takes)?;
        Ok(query)
    })
}

/// A member that a search has found.
#[derive(Clone, Copy)]
struct Found<'a> {
    member: Item<'a>,
    score: f64,
    /// In metres.
    distance: f64,
    /// How many have been found before it, which decides between equal distances.
    number: usize,
}

/// Reads a query, searches the set whose key this word is, and answers or stores what is found.
fn run<'a>(
    cx: &mut Cx<'a>,
    source: usize,
    stored: Event,
    read: impl FnOnce(Args<'a>, Option<ZsetView<'_>>) -> Result<Query<'a>, CmdError>,
) -> CmdResult {
    let (args, rules) = (cx.args, zset::rules(cx));
    let set = cx.db.get::<Zset>(args.at(source))?;
    let query = read(args, set)?;
    let found = set.map_or_else(Vec::new, |set| find(&query, set));
    match query.target {
        None => answer(cx.out, &query, &found),
        Some(target) => {
            let unit = if target.distances { Some(query.unit) } else { None };
            let (result, changes) = (gather(&found, unit, rules), found.len() as u64);
            zset::store_counted(cx, target.key, result, stored, changes);
        }
    }
    Ok(Done)
}

/// What is found, as much as is asked for, in order.
fn find<'s>(query: &Query<'_>, set: ZsetView<'s>) -> Vec<Found<'s>> {
    let Some((shape, center)) = query.aim() else { return Vec::new() };
    let search = Search::new(shape, center);
    let count = query.count.unwrap_or(usize::MAX);
    let enough = if query.any { count } else { usize::MAX };
    let mut found = Vec::with_capacity(16);
    for cell in cells(shape, center) {
        let flow = set.sift(
            cell.scores(),
            |score| search.measure(score).map(|distance| (score, distance)),
            |member, (score, distance)| {
                found.push(Found { member, score, distance, number: found.len() });
                if found.len() < enough {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        );
        if flow.is_break() {
            break;
        }
    }
    arrange(&mut found, query.order, count);
    found
}

/// Puts members in order and keeps so many of them.
fn arrange(found: &mut Vec<Found<'_>>, order: Order, count: usize) {
    let by_distance = |a: &Found<'_>, b: &Found<'_>| {
        let nearer = a.distance.total_cmp(&b.distance);
        let first = if order == Order::FarthestFirst { nearer.reverse() } else { nearer };
        first.then(a.number.cmp(&b.number))
    };
    let is_sorted = order != Order::Found;
    if is_sorted && count < found.len() {
        found.select_nth_unstable_by(count, by_distance);
    }
    found.truncate(count);
    if is_sorted {
        found.sort_unstable_by(by_distance);
    }
}

fn answer(out: &mut Reply, query: &Query<'_>, found: &[Found<'_>]) {
    let extras = [query.with_dist, query.with_hash, query.with_coord];
    let extras = extras.into_iter().filter(|is_wanted| *is_wanted).count();
    out.array(found.len());
    for one in found {
        if extras > 0 {
            out.array(1 + extras);
        }
        string::reply(out, one.member.into());
        if query.with_dist {
            reply_distance(out, one.distance / query.unit);
        }
        if query.with_hash {
            out.int(one.score as i64);
        }
        if query.with_coord {
            reply_point(out, Point::of_score(one.score));
        }
    }
}

/// What has been found as a set: with its scores, or with distances in some unit.
fn gather(found: &[Found<'_>], unit: Option<f64>, rules: Rules) -> Zset {
    let (mut members, mut buffer) = (Gathered::new(rules.seed), Vec::new());
    for one in found {
        let score = unit.map_or(one.score, |unit| one.distance / unit);
        members.join(one.member.bytes(&mut buffer), score, |_, score| score);
    }
    Zset::gathered(members, rules)
}
