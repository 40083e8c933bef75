//! Sorted set commands through a server in a box. Replies in full were compared with the live
//! reference by script; here stands what a change is most likely to break, what replicas are told,
//! and what others are told of it.

use std::time::Duration;

use crate::server::testing::TestServer;

/// A reply on one line: arrays in brackets, nulls as `-` and null arrays as `--`, doubles of RESP3
/// with their comma.
fn shown(reply: &str) -> String {
    fn one<'a>(lines: &mut impl Iterator<Item = &'a str>) -> String {
        let line = lines.next().expect("a reply");
        match line.as_bytes().first() {
            Some(b'*' | b'~') if line != "*-1" => {
                let len = line[1..].parse::<usize>().expect("a length");
                let items: Vec<_> = (0..len).map(|_| one(lines)).collect();
                format!("[{}]", items.join(" "))
            }
            Some(b'$') if line != "$-1" => lines.next().expect("a bulk").to_owned(),
            Some(b'$' | b'_') => "-".to_owned(),
            Some(b'*') => "--".to_owned(),
            _ => line.to_owned(),
        }
    }
    one(&mut reply.split("\r\n"))
}

/// Runs lines of a command and its reply.
pub(in crate::command) fn script(t: &mut TestServer, lines: &[(&str, &str)]) {
    for (command, wanted) in lines {
        assert_eq!(shown(&t.run(command)), *wanted, "{command}");
    }
}

/// Runs a script with both encodings.
pub(in crate::command) fn in_both_encodings(lines: &[(&str, &str)]) {
    for entries in ["128", "0"] {
        let mut t = TestServer::new();
        t.run(&format!("CONFIG SET zset-max-listpack-entries {entries}"));
        script(&mut t, lines);
    }
}

#[test]
fn members_get_scores_on_terms() {
    in_both_encodings(&[
        ("ZADD z 1 a 2 b 3 c", ":3"),
        ("ZADD z 1 a 5 b 7 d", ":1"),
        ("ZADD z CH 1 a 2 b 8 d 9 e", ":3"),
        ("ZADD z NX 100 a 1 f", ":1"),
        ("ZADD z XX CH 2 a 1 g", ":1"),
        ("ZADD z GT CH 1 a 9 b", ":1"),
        ("ZADD z LT CH 9 a 1 b", ":1"),
        ("ZADD z GT 5 new", ":1"),
        ("ZADD z INCR 2.5 a", "4.5"),
        ("ZADD z INCR NX 2.5 a", "-"),
        ("ZADD z INCR GT -1 a", "-"),
        ("ZADD z INCR XX 1 nobody", "-"),
        ("ZINCRBY z -4 a", "0.5"),
        ("ZINCRBY z inf a", "inf"),
        ("ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)"),
        ("ZSCORE z a", "inf"),
        ("ZMSCORE z a nobody b", "[inf - 1]"),
        ("ZRANGE z 0 -1 WITHSCORES", "[b 1 f 1 c 3 new 5 d 8 e 9 a inf]"),
        ("ZADD z 1 x 2", "-ERR syntax error"),
        ("ZADD z 1 a b c", "-ERR value is not a valid float"),
        ("ZCARD z", ":7"),
        ("ZINCRBY z NX a", "-ERR syntax error"),
        ("ZADD nokey XX 1 a", ":0"),
        ("EXISTS nokey", ":0"),
    ]);
}

#[test]
fn positions_scores_and_names_make_ranges() {
    in_both_encodings(&[
        ("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5"),
        ("ZRANGE z 1 2", "[b c]"),
        ("ZRANGE z 1 2 REV", "[d c]"),
        ("ZREVRANGE z 0 1 WITHSCORES", "[e 5 d 4]"),
        ("ZRANGE z (1 3 BYSCORE", "[b c]"),
        ("ZRANGE z 3 (1 BYSCORE REV", "[c b]"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "[b c]"),
        ("ZRANGE z +inf -inf BYSCORE LIMIT 1 2 REV WITHSCORES", "[d 4 c 3]"),
        ("ZRANGEBYSCORE z 2 9 LIMIT 3 -1", "[e]"),
        ("ZRANGEBYSCORE z 2 9 LIMIT 9 1", "[]"),
        ("ZRANGEBYSCORE z 2 9 LIMIT -1 1", "[]"),
        ("ZREVRANGEBYSCORE z 4 2 WITHSCORES LIMIT 0 1", "[d 4]"),
        ("ZRANGE z 5 9", "[]"),
        ("ZCOUNT z (1 (5", ":3"),
        ("ZRANK z d", ":3"),
        ("ZREVRANK z d WITHSCORE", "[:1 4]"),
        ("ZRANK z nobody WITHSCORE", "--"),
        ("ZADD n 0 a 0 b 0 c 0 d", ":4"),
        ("ZRANGEBYLEX n [b +", "[b c d]"),
        ("ZRANGE n (b - BYLEX REV", "[a]"),
        ("ZREVRANGEBYLEX n [c (a LIMIT 1 1", "[b]"),
        ("ZLEXCOUNT n (a [c", ":2"),
        ("ZRANGESTORE to z 2 9 BYSCORE LIMIT 1 2", ":2"),
        ("ZRANGE to 0 -1 WITHSCORES", "[c 3 d 4]"),
        ("ZRANGESTORE to z 9 9", ":0"),
        ("EXISTS to", ":0"),
        (
            "ZRANGE z 0 1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGE z - + BYLEX WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGE z x 1 BYSCORE", "-ERR min or max is not a float"),
        ("ZRANGEBYLEX z a [b", "-ERR min or max not valid string range item"),
        ("ZRANGE z x 1", "-ERR value is not an integer or out of range"),
    ]);
}

#[test]
fn members_go_by_name_position_score_and_end() {
    in_both_encodings(&[
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h", ":8"),
        ("ZREM z a nobody", ":1"),
        ("ZREMRANGEBYRANK z -1 -1", ":1"),
        ("ZREMRANGEBYSCORE z 2 (3", ":1"),
        ("ZPOPMIN z", "[c 3]"),
        ("ZPOPMAX z 2", "[g 7 f 6]"),
        ("ZMPOP 2 nokey z MIN COUNT 1", "[z [[d 4]]]"),
        ("ZPOPMIN z 0", "[]"),
        ("ZPOPMIN z 9", "[e 5]"),
        ("EXISTS z", ":0"),
        ("ZMPOP 1 z MAX", "--"),
        ("ZADD z 0 a 0 b 0 c", ":3"),
        ("ZREMRANGEBYLEX z [a (c", ":2"),
        ("ZREMRANGEBYRANK z 0 -1", ":1"),
        ("EXISTS z", ":0"),
    ]);
}

#[test]
fn sorted_sets_and_sets_are_combined() {
    in_both_encodings(&[
        ("ZADD x 1 a 2 b 3 c", ":3"),
        ("ZADD y 10 b 20 c 30 d", ":3"),
        ("SADD s a b q", ":3"),
        ("ZUNION 2 x y WITHSCORES", "[a 1 b 12 c 23 d 30]"),
        ("ZUNION 3 x y s WEIGHTS 1 2 3 AGGREGATE MAX WITHSCORES", "[a 3 q 3 b 20 c 40 d 60]"),
        ("ZINTER 2 x s WITHSCORES", "[a 2 b 3]"),
        ("ZINTER 2 x nokey", "[]"),
        ("ZDIFF 2 x s WITHSCORES", "[c 3]"),
        ("ZDIFF 3 x y nokey", "[a]"),
        ("ZINTERCARD 2 x y", ":2"),
        ("ZINTERCARD 2 x y LIMIT 1", ":1"),
        ("ZUNIONSTORE to 2 x y WEIGHTS inf -inf", ":4"),
        ("ZRANGE to 0 -1 WITHSCORES", "[d -inf b 0 c 0 a inf]"),
        ("ZINTERSTORE to 2 x nokey", ":0"),
        ("EXISTS to", ":0"),
        ("ZDIFFSTORE x 2 x y", ":1"),
        ("ZRANGE x 0 -1 WITHSCORES", "[a 1]"),
        ("SET str v", "+OK"),
        (
            "ZUNION 2 nokey str foo",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("ZUNION 2 x y foo", "-ERR syntax error"),
        ("ZUNION 0 x", "-ERR at least 1 input key is needed for 'zunion' command"),
        ("ZDIFF 2 x y WEIGHTS 1 2", "-ERR syntax error"),
        ("ZUNION 1 x WEIGHTS nan", "-ERR weight value is not a float"),
        ("ZINTERCARD 1 x LIMIT -1", "-ERR LIMIT can't be negative"),
    ]);
}

/// A difference is found in two ways, by the sizes of the sets.
#[test]
fn differences_of_large_and_small_sets() {
    let mut t = TestServer::new();
    let pairs =
        |range: std::ops::Range<u32>| range.map(|i| format!(" {i} m{i}")).collect::<String>();
    t.run(&format!("ZADD large{}", pairs(0..500)));
    t.run(&format!("ZADD small{}", pairs(10..15)));
    t.run(&format!("ZADD middle{}", pairs(0..498)));
    script(
        &mut t,
        &[
            ("ZDIFFSTORE to 2 large small", ":495"),
            ("ZDIFFSTORE to 3 large small middle", ":2"),
            ("ZRANGE to 0 -1", "[m498 m499]"),
            ("ZDIFF 2 small large", "[]"),
            ("ZDIFFSTORE to 2 large large", ":0"),
        ],
    );
}

#[test]
fn resp3_has_doubles_and_pairs() {
    let mut t = TestServer::new();
    t.run("HELLO 3");
    script(
        &mut t,
        &[
            ("ZADD z 1 a 2.5 b inf c", ":3"),
            ("ZSCORE z b", ",2.5"),
            ("ZMSCORE z a x", "[,1 -]"),
            ("ZADD z INCR 1 a", ",2"),
            ("ZRANGE z 0 -1 WITHSCORES", "[[a ,2] [b ,2.5] [c ,inf]]"),
            ("ZRANK z b WITHSCORE", "[:1 ,2.5]"),
            ("ZRANDMEMBER z 9 WITHSCORES", "[[a ,2] [b ,2.5] [c ,inf]]"),
            ("ZSCAN z 0", "[0 [a 2 b 2.5 c inf]]"),
            ("ZUNION 1 z WITHSCORES", "[[a ,2] [b ,2.5] [c ,inf]]"),
            ("ZPOPMIN z", "[a ,2]"),
            ("ZPOPMIN z 1", "[[b ,2.5]]"),
            ("ZMPOP 1 z MIN", "[z [[c ,inf]]]"),
            ("ZSCORE z b", "-"),
        ],
    );
}

#[test]
fn random_members_are_members() {
    for count in [5usize, 300] {
        let mut t = TestServer::new();
        let pairs: String = (0..count).map(|i| format!(" {i} m{i}")).collect();
        t.run(&format!("ZADD z{pairs}"));
        let is_member = |word: &str| {
            word.strip_prefix('m').and_then(|n| n.parse().ok()).is_some_and(|n: usize| n < count)
        };
        assert!(is_member(&shown(&t.run("ZRANDMEMBER z"))));
        for (wanted, distinct) in [(3usize, true), (count / 2, true), (count - 1, true), (7, false)]
        {
            let sign = if distinct { "" } else { "-" };
            let reply = shown(&t.run(&format!("ZRANDMEMBER z {sign}{wanted} WITHSCORES")));
            let words: Vec<&str> = reply.trim_matches(['[', ']']).split(' ').collect();
            assert_eq!(words.len(), 2 * wanted);
            let (names, scores): (Vec<&str>, Vec<&str>) =
                words.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
            assert!(names.iter().zip(scores).all(|(name, score)| format!("m{score}") == **name));
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert!(names.iter().all(|name| is_member(name)));
            assert!(!distinct || unique.len() == wanted, "no member comes twice");
        }
        let all = shown(&t.run(&format!("ZRANDMEMBER z {}", count * 2)));
        assert_eq!(all.split(' ').count(), count);
    }
}

#[test]
fn a_few_bytes_cannot_ask_for_more_than_memory_holds() {
    let mut t = TestServer::new();
    t.run("CONFIG SET proto-max-bulk-len 1mb");
    t.run(&format!("ZADD z 1 {}", "x".repeat(1000)));
    let too_long = "-ERR reply exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    for count in ["-9223372036854775807", "-1000000", "-1040", "-1040 WITHSCORES"] {
        assert_eq!(t.run(&format!("ZRANDMEMBER z {count}")), too_long, "{count}");
    }
    assert_eq!(shown(&t.run("ZRANDMEMBER z -1030")).split(' ').count(), 1030);
    assert_eq!(shown(&t.run("ZRANDMEMBER z 9223372036854775807")).len(), 1002);
}

#[test]
fn scans_show_all_members() {
    for (count, steps) in [(100, 1..=1), (1000, 20..=200)] {
        let mut t = TestServer::new();
        let pairs: String = (0..count).map(|i| format!(" {i}.5 m{i}")).collect();
        t.run(&format!("ZADD z{pairs}"));
        let (mut cursor, mut seen, mut calls) = ("0".to_owned(), vec![], 0);
        loop {
            let reply = shown(&t.run(&format!("ZSCAN z {cursor}")));
            let (next, items) = reply[1..].split_once(' ').expect("a cursor and elements");
            let items: Vec<&str> = items.trim_matches(['[', ']']).split(' ').collect();
            for pair in items.chunks(2).filter(|pair| pair.len() == 2) {
                assert_eq!(format!("m{}", pair[1].trim_end_matches(".5")), pair[0]);
                seen.push(pair[0].to_owned());
            }
            calls += 1;
            cursor = next.to_owned();
            if cursor == "0" {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(steps.contains(&calls), "{calls} calls");
    }
}

/// Compat: scores of large sets are printed with 17 digits by ZSCAN, and nowhere else.
#[test]
fn scans_print_scores_in_their_own_way() {
    in_both_encodings(&[("ZADD z 0.1 a", ":1"), ("ZSCORE z a", "0.1")]);
    let mut t = TestServer::new();
    script(
        &mut t,
        &[
            ("ZADD p 0.1 a 1e17 b", ":2"),
            ("ZSCAN p 0", "[0 [a 0.1 b 100000000000000000]]"),
            ("CONFIG SET zset-max-listpack-entries 0", "+OK"),
            ("ZADD t 0.1 a", ":1"),
            ("ZSCAN t 0", "[0 [a 0.10000000000000001]]"),
        ],
    );
}

#[test]
fn encodings_change_as_in_the_reference() {
    let mut t = TestServer::new();
    t.run("CONFIG SET zset-max-listpack-entries 4");
    t.run("CONFIG SET zset-max-listpack-value 4");
    for (commands, encoding) in [
        ("ZADD z 1 a 2 b 3 c 4 d", "listpack"),
        ("ZADD z 1 a 1 a 1 a 1 a 1 a", "skiplist"),
        ("ZADD z 1 a; ZADD z XX 1 b 1 b 1 b 1 b 1 b", "skiplist"),
        ("ZADD z 1 a; ZADD z XX 1 aaaaa", "listpack"),
        ("ZADD z 1 a 2 aaaaa", "skiplist"),
        ("ZADD z 1 a 2 b 3 c 4 d; ZADD z 1 e; ZREM z a b c", "skiplist"),
        ("ZADD z 1 a 2 b 3 c 4 d 5 e; ZRANGESTORE z z 0 3", "listpack"),
        ("ZADD y 1 a 2 b 3 c 4 d 5 e; ZUNIONSTORE z 1 y", "skiplist"),
        ("ZADD y 1 a; ZINTERSTORE z 2 y y", "listpack"),
        ("ZADD y 1 aaaaa; ZDIFFSTORE z 2 y nokey", "skiplist"),
        ("ZINCRBY z 1 aaaaa", "skiplist"),
        ("ZADD y 1 a 2 b; COPY y z", "listpack"),
    ] {
        t.run("FLUSHALL");
        for command in commands.split("; ") {
            t.run(command);
        }
        assert_eq!(shown(&t.run("OBJECT ENCODING z")), encoding, "{commands}");
    }
}

#[test]
fn waiting_for_members() {
    let mut t = TestServer::new();
    let (a, b) = (t.connect(), t.connect());
    let receive = |t: &mut TestServer, client| {
        let bytes = t.receive(client);
        if bytes.is_empty() { None } else { Some(shown(&String::from_utf8_lossy(&bytes))) }
    };
    t.run_as(a, "BZPOPMIN x y 0");
    t.run_as(b, "BZMPOP 10 2 y x MAX COUNT 2");
    t.propagated();
    assert_eq!(t.run("ZADD y 1 p 2 q 3 r"), ":3\r\n");
    assert_eq!(receive(&mut t, a).as_deref(), Some("[y p 1]"));
    assert_eq!(receive(&mut t, b).as_deref(), Some("[y [[r 3] [q 2]]]"));
    let told = ["ZADD y 1 p 2 q 3 r", "ZPOPMIN y", "ZPOPMAX y 2"];
    let heard: Vec<_> =
        t.propagated().into_iter().filter(|l| l != "MULTI" && l != "EXEC").collect();
    assert_eq!(heard, told);
    assert_eq!(t.run("EXISTS y"), ":0\r\n");
    // A key of another type is no news; a sorted set that comes by another way is.
    t.run_as(a, "BZPOPMAX x 0");
    t.run("SET x v");
    t.run("ZADD z 1 m 2 n");
    assert_eq!(receive(&mut t, a), None);
    t.run("RENAME z x");
    assert_eq!(receive(&mut t, a).as_deref(), Some("[x n 2]"));
    t.run("DEL x");
    t.run_as(a, "BZPOPMIN x 1.5");
    t.run_as(b, "BZMPOP 1.5 1 x MIN");
    t.advance(Duration::from_millis(1400));
    assert_eq!((receive(&mut t, a), receive(&mut t, b)), (None, None));
    t.advance(Duration::from_millis(200));
    assert_eq!(receive(&mut t, a).as_deref(), Some("--"));
    assert_eq!(receive(&mut t, b).as_deref(), Some("--"));
    script(
        &mut t,
        &[
            ("BZPOPMIN x -1", "-ERR timeout is negative"),
            ("BZPOPMIN x y", "-ERR timeout is not a float or out of range"),
            ("BZMPOP 0 0 x MIN", "-ERR numkeys should be greater than 0"),
            ("BZMPOP x 1 x MIN COUNT 0", "-ERR count should be greater than 0"),
            ("SET x v", "+OK"),
            (
                "BZPOPMIN nokey x 0",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
        ],
    );
}

/// What a key takes is told, large ones may be scanned for and freed like others.
#[test]
fn memory_is_told_and_given_back() {
    let mut t = TestServer::new();
    let pairs: String = (0..2000).map(|i| format!(" {i} member:{i:012}")).collect();
    t.run(&format!("ZADD z{pairs}"));
    let usage = t.run("MEMORY USAGE z");
    let bytes: usize = usage.trim_matches([':', '\r', '\n']).parse().expect("a number");
    assert!((2000 * 45..2000 * 75).contains(&bytes), "{bytes}");
    t.run("ZADD small 1 a");
    assert_eq!(t.run("SCAN 0 TYPE zset COUNT 100").matches('z').count(), 1);
    assert_eq!(t.run("UNLINK z small"), ":2\r\n");
    assert_eq!(t.run("ZCARD z"), ":0\r\n");
}

#[test]
fn events_as_in_the_reference() {
    TestServer::new().check_events(include_str!("../../../tests/golden/events-zset.tsv"));
}

#[test]
fn replicas_are_told_as_in_the_reference() {
    TestServer::new().check_told(include_str!("../../../tests/golden/propagated-zset.tsv"));
}

#[test]
fn counts_of_changes_hits_and_misses_are_those_of_the_reference() {
    let mut t = TestServer::new();
    for (command, counts) in [
        ("ZADD z 1 a 2 b 3 c 4 d", [4, 0, 0]),
        ("ZADD z 1 a 5 b", [1, 0, 0]),
        ("ZADD z CH 1 a 6 b 7 e", [2, 0, 0]),
        ("ZADD z XX 1 nope", [0, 0, 0]),
        ("ZADD nokey XX 1 nope", [0, 0, 0]),
        ("ZINCRBY z 0 a", [0, 0, 0]),
        ("ZINCRBY z 1 a", [1, 0, 0]),
        ("ZREM z a nope", [1, 0, 0]),
        ("ZREM nokey a", [0, 0, 0]),
        ("ZCARD z", [0, 1, 0]),
        ("ZSCORE nokey a", [0, 0, 1]),
        ("ZMSCORE z a b", [0, 1, 0]),
        ("ZRANK z b", [0, 1, 0]),
        ("ZRANK nokey b", [0, 0, 1]),
        ("ZCOUNT z 0 9", [0, 1, 0]),
        ("ZLEXCOUNT nokey - +", [0, 0, 1]),
        ("ZRANGE z 0 -1", [0, 1, 0]),
        ("ZRANGEBYSCORE nokey 0 1", [0, 0, 1]),
        ("ZRANDMEMBER z", [0, 1, 0]),
        ("ZRANDMEMBER nokey 5", [0, 0, 1]),
        ("ZSCAN nokey 0", [0, 0, 1]),
        ("ZREMRANGEBYRANK z 0 1", [2, 0, 0]),
        ("ZREMRANGEBYRANK nokey 0 1", [0, 0, 0]),
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g", [7, 0, 0]),
        ("ZPOPMIN z", [1, 0, 0]),
        ("ZPOPMIN z 2", [2, 0, 0]),
        ("ZPOPMIN nokey", [0, 0, 0]),
        ("ZMPOP 2 nokey z MIN COUNT 2", [2, 0, 0]),
        ("ZMPOP 1 nokey MIN", [0, 0, 0]),
        ("BZPOPMIN nokey z 0", [1, 0, 0]),
        ("ZADD z 1 a 2 b 3 c 4 d", [4, 0, 0]),
        ("BZMPOP 0 2 nokey z MIN COUNT 2", [2, 0, 0]),
        ("SADD s a b c", [3, 0, 0]),
        ("ZRANGESTORE d z 0 -1", [1, 1, 0]),
        ("ZRANGESTORE d nokey 0 -1", [1, 0, 1]),
        ("ZRANGESTORE d nokey 0 -1", [0, 0, 1]),
        ("ZUNIONSTORE d 3 z s nokey", [1, 2, 1]),
        ("ZINTERSTORE d 2 z nokey", [1, 1, 1]),
        ("ZUNION 2 z z", [0, 2, 0]),
        ("ZINTER 3 z s nokey", [0, 2, 1]),
        ("ZDIFF 3 z s nokey", [0, 2, 1]),
        ("ZINTERCARD 3 nokey nokey s", [0, 1, 2]),
    ] {
        let figures = |t: &TestServer| {
            let keyspace = &t.srv.keyspace;
            [keyspace.dirty, keyspace.stats.hits, keyspace.stats.misses]
        };
        let before = figures(&t);
        t.run(command);
        let after = figures(&t);
        let change: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        assert_eq!(change, counts, "{command}");
    }
}
