//! Geospatial commands through a server in a box. Replies in full were compared with the live
//! references by script; here stands what a change is most likely to break, what replicas are told,
//! and what others are told of it.

use crate::command::zset::tests::{in_both_encodings, script};
use crate::server::testing::TestServer;

const SICILY: (&str, &str) =
    ("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");

#[test]
fn members_are_put_on_the_map_on_terms() {
    in_both_encodings(&[
        SICILY,
        ("ZRANGE g 0 -1 WITHSCORES", "[Palermo 3479099956230698 Catania 3479447370796909]"),
        ("GEOADD g NX CH 1 1 Palermo 2 2 b", ":1"),
        ("GEOADD g xx ch 1 1 Palermo 3 3 c", ":1"),
        ("GEOADD g 1 1 Palermo", ":0"),
        ("GEOADD g ch 2 1 Palermo 2 2 b", ":1"),
        ("ZCARD g", ":3"),
        ("GEOADD nokey XX 1 1 a", ":0"),
        ("EXISTS nokey", ":0"),
        ("GEOADD g 180 85.05112878 corner", ":1"),
        ("GEOPOS g corner", "[[180 85.05112878]]"),
    ]);
}

#[test]
fn nothing_is_added_if_one_place_is_wrong() {
    in_both_encodings(&[
        ("GEOADD g 1 1 a 181 1 b", "-ERR invalid longitude,latitude pair 181.000000,1.000000"),
        ("GEOADD g 1 1 a 1 -86 b", "-ERR invalid longitude,latitude pair 1.000000,-86.000000"),
        ("GEOADD g 1 1 a inf 1 b", "-ERR invalid longitude,latitude pair inf,1.000000"),
        ("GEOADD g 1 1 a nan 1 b", "-ERR value is not a valid float"),
        ("GEOADD g 1 1 a 1 x b", "-ERR value is not a valid float"),
        ("GEOADD g 1 1 a 1 1", "-ERR syntax error"),
        ("GEOADD g NX XX 1 1 a", "-ERR syntax error"),
        ("GEOADD g NX XX CH", "-ERR syntax error"),
        ("EXISTS g", ":0"),
        ("SET str x", "+OK"),
        ("GEOADD str 1 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("GEOADD str x 1 a", "-ERR value is not a valid float"),
    ]);
}

#[test]
fn members_are_asked_about() {
    in_both_encodings(
        &[
            SICILY,
            ("GEODIST g Palermo Catania", "166274.1516"),
            ("GEODIST g Palermo Catania KM", "166.2742"),
            ("GEODIST g Palermo Palermo ft", "0.0000"),
            ("GEODIST g Palermo nope", "-"),
            ("GEODIST nokey a b", "-"),
            ("GEODIST nokey a b cm", "-ERR unsupported unit provided. please use M, KM, FT, MI"),
            ("GEODIST g Palermo Catania km m", "-ERR syntax error"),
            ("GEOHASH g Palermo nope Catania", "[sqc8b49rny0 - sqdtr74hyu0]"),
            ("GEOHASH nokey a b", "[- -]"),
            ("GEOHASH g", "[]"),
            ("GEOPOS g Palermo nope", "[[13.361389338970184 38.1155563954963] --]"),
            ("GEOPOS nokey a", "[--]"),
            ("HELLO 3", ""),
            ("GEOPOS g Palermo nope", "[[,13.361389338970184 ,38.1155563954963] -]"),
            ("GEODIST g Palermo Catania", "166274.1516"),
        ][..12],
    );
    let mut t = TestServer::new();
    t.run(SICILY.0);
    t.run("HELLO 3");
    script(
        &mut t,
        &[
            ("GEOPOS g Palermo nope", "[[,13.361389338970184 ,38.1155563954963] -]"),
            ("GEODIST g Palermo Catania", "166274.1516"),
            (
                "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 60 km WITHDIST WITHCOORD",
                "[[Catania 56.4413 [,15.087267458438873 ,37.50266842333162]]]",
            ),
        ],
    );
}

#[test]
fn searches_take_their_words_in_any_order() {
    in_both_encodings(&[
        SICILY,
        ("GEOADD g 12.758489 38.788135 edge1 17.241510 38.788135 edge2", ":2"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km", "[Palermo Catania]"),
        ("GEOSEARCH g ASC BYRADIUS 200 km FROMLONLAT 15 37", "[Catania Palermo]"),
        ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km DESC", "[Catania edge1 Palermo]"),
        (
            "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST WITHHASH COUNT 3",
            "[[Catania 56.4413 :3479447370796909] [Palermo 190.4424 :3479099956230698] \
             [edge2 279.7403 :3481342659049484]]",
        ),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 400 km COUNT 1", "[Catania]"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 400 km COUNT 1 ANY", "[Palermo]"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 400 km ANY COUNT 2 DESC", "[edge1 Palermo]"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 0 m", "[]"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS inf m", "[Palermo edge1 Catania edge2]"),
        (
            "GEOSEARCH g BYPOLYGON 3 10 30 20 30 15 45 WITHDIST ASC",
            "[[Catania 271790.7291] [Palermo 369997.5654]]",
        ),
        ("GEOSEARCH nokey FROMMEMBER nope BYRADIUS 1 m", "[]"),
        ("GEORADIUS g 15 37 200 km WITHDIST COUNT 1", "[[Catania 56.4413]]"),
        ("GEORADIUS_RO g 15 37 200 km DESC", "[Palermo Catania]"),
        ("GEORADIUSBYMEMBER g Catania 10 mi", "[Catania]"),
        ("GEORADIUSBYMEMBER_RO g Palermo 100 km", "[Palermo edge1]"),
        ("GEORADIUSBYMEMBER nokey nope x foo", "[]"),
    ]);
}

#[test]
fn results_are_stored_or_remove_what_was_there() {
    in_both_encodings(&[
        SICILY,
        ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km", ":2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[Palermo 3479099956230698 Catania 3479447370796909]"),
        ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST COUNT 1", ":1"),
        ("ZRANGE d 0 -1 WITHSCORES", "[Catania 56.4412578701582]"),
        ("GEOSEARCHSTORE d g FROMLONLAT 99 37 BYRADIUS 200 km", ":0"),
        ("EXISTS d", ":0"),
        ("SET d text", "+OK"),
        ("GEORADIUS g 15 37 200 km STORE d STOREDIST e", ":2"),
        ("EXISTS e", ":1"),
        ("TYPE d", "+string"),
        ("GEORADIUS g 15 37 200 km STOREDIST e STORE d", ":2"),
        ("TYPE d", "+zset"),
        ("GEORADIUSBYMEMBER nokey nope 200 km STORE d", ":0"),
        ("EXISTS d", ":0"),
        ("GEOSEARCHSTORE g g FROMMEMBER Palermo BYBOX 1 1 km", ":1"),
        ("ZCARD g", ":1"),
    ]);
}

#[test]
fn searches_complain_as_the_reference_does() {
    let syntax = "-ERR syntax error";
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            SICILY,
            ("SET str x", "+OK"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 m", "-ERR radius cannot be negative"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS nan m", "-ERR need numeric radius"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYBOX x 1 m", "-ERR need numeric width"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 x m", "-ERR need numeric height"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 m", "-ERR height or width cannot be negative"),
            (
                "GEOSEARCH g FROMMEMBER nope BYRADIUS x m",
                "-ERR could not decode requested zset member",
            ),
            (
                "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m ANY",
                "-ERR the ANY argument requires COUNT argument",
            ),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "-ERR COUNT must be > 0"),
            ("GEOSEARCH g FROMLONLAT 1 1 FROMMEMBER Palermo BYRADIUS 1 m", syntax),
            ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 1 m BYRADIUS 1 m", syntax),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STOREDIST", syntax),
            ("GEORADIUS_RO g 1 1 1 m STORE d", syntax),
            (
                "GeoSearch g ASC ASC ASC ASC ASC",
                "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch",
            ),
            (
                "GEOSEARCH g FROMLONLAT 1 1 ASC ASC",
                "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
            ),
            (
                "GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 m WITHDIST",
                "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            (
                "GEORADIUS g 1 1 1 m STORE d WITHHASH",
                "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            (
                "GEOSEARCH str foo bar baz a b",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
        ],
    );
}

/// The complaints of Valkey 9.1.
#[test]
fn polygons_want_three_corners_and_no_centre() {
    let corners = "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
    let syntax = "-ERR syntax error";
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            SICILY,
            ("GEOSEARCH g BYPOLYGON 2 10 30 20 30", corners),
            ("GEOSEARCH g BYPOLYGON -1 10 30 20 30", corners),
            ("GEOSEARCH g BYPOLYGON 3 10 30 20 30 15", corners),
            ("GEOSEARCH g BYPOLYGON 2147483647 10 30 20 30", corners),
            ("GEOSEARCH g BYPOLYGON 2147483648 10 30 20 30", "-ERR invalid number of vertices"),
            ("GEOSEARCH g BYPOLYGON x 10 30 20 30", "-ERR invalid number of vertices"),
            ("GEOSEARCH g BYPOLYGON 3 10 30 20 30 15 x", "-ERR value is not a valid float"),
            (
                "GEOSEARCH g BYPOLYGON 3 10 30 20 30 15 95",
                "-ERR invalid longitude,latitude pair 15.000000,95.000000",
            ),
            ("GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 FROMMEMBER nope", syntax),
            ("GEOSEARCH g FROMLONLAT 1 1 BYPOLYGON 3 1 1 2 2 3 3", syntax),
            ("GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 BYRADIUS x m", syntax),
            ("GEOSEARCH g BYRADIUS 1 m BYPOLYGON 3 1 1 2 2 3 3", syntax),
            ("GEORADIUS g 1 1 1 m BYPOLYGON 3 1 1 2 2 3 3", syntax),
            (
                "GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 BYPOLYGON 3 10 30 20 30 15 45 COUNT 1",
                "[Catania]",
            ),
            ("GEOSEARCH g BYPOLYGON 3 10 30 20 30 15 45 COUNT 1 ANY", "[Palermo]"),
            ("GEOSEARCHSTORE d g BYPOLYGON 3 10 30 20 30 15 45 STOREDIST", ":2"),
            ("GEOSEARCH g BYPOLYGON 3 10 10 10 10 10 10", "[]"),
            // The middle of this one is nearer to the pole than the map goes.
            ("GEOADD g 10 85 north", ":1"),
            ("GEOSEARCH g BYPOLYGON 4 -70 84.5 90 84.5 90 85.05 -70 85.05", "[north]"),
        ],
    );
}

#[test]
fn a_part_of_a_result_is_the_head_of_the_whole() {
    let mut t = TestServer::new();
    for i in 0..300 {
        let (lon, lat) = (f64::from(i * 37 % 200) / 10.0, f64::from(i * 53 % 170) / 10.0);
        t.run(&format!("GEOADD g {lon} {lat} m{i}"));
    }
    let members = |reply: String| -> Vec<String> {
        reply.split("\r\n").filter(|word| word.starts_with('m')).map(str::to_owned).collect()
    };
    for order in ["ASC", "DESC"] {
        let search = format!("GEOSEARCH g FROMLONLAT 10.03 8.07 BYRADIUS 900 km {order}");
        let whole = members(t.run(&search));
        assert!(whole.len() > 100);
        for count in [1, 2, 17, 99, whole.len(), 1000] {
            let part = members(t.run(&format!("{search} COUNT {count}")));
            assert_eq!(part, whole[..count.min(whole.len())], "{order} {count}");
        }
        let mut any = members(t.run(&format!("{search} COUNT 50 ANY")));
        let kept: Vec<_> = whole.iter().filter(|member| any.contains(member)).cloned().collect();
        assert_eq!((any.len(), &kept), (50, &any));
        any.dedup();
        assert_eq!(any.len(), 50);
    }
}

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-geo.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-geo.tsv"));
}

#[test]
fn counts_of_changes_hits_and_misses_are_those_of_the_reference() {
    TestServer::new().check_counts(include_str!("../../../tests/golden/counts-geo.tsv"));
}
