//! Units, and what each reader gets of them.

use crate::feed::unit::*;
use crate::resp::request::Query;

type Say = fn(&mut Effects);

fn unit_of(calls: &[(&[&[u8]], Say)]) -> Unit {
    let mut unit = Unit::default();
    unit.listen();
    gather(&mut unit, calls);
    unit
}

fn gather(unit: &mut Unit, calls: &[(&[&[u8]], Say)]) {
    for (line, say) in calls {
        let (query, mut fx) = (Query::of(line), Effects::default());
        say(&mut fx);
        unit.gather(DbIndex(0), query.args(), &mut fx);
    }
    unit.finish();
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", " ")
}

fn told(calls: &[(&[&[u8]], Say)]) -> String {
    shown(&unit_of(calls).take_feed())
}

const PLAIN: Say = |_| {};
const SET: &[&[u8]] = &[b"SET", b"k", b"v"];
const PUBLISH: &[&[u8]] = &[b"PUBLISH", b"c", b"m"];

#[test]
fn one_effect_goes_alone_and_several_as_a_transaction() {
    assert_eq!(told(&[(SET, PLAIN)]), "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
    let two = told(&[(SET, |fx| fx.also_propagate(&[b"DEL", b"x"]))]);
    let want = "*1 $5 MULTI *2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v *2 $3 DEL $1 x *1 $4 EXEC ";
    assert_eq!(two, want);
    assert_eq!(told(&[(SET, PLAIN), (&[b"DEL", b"x"], PLAIN)]), want);
}

#[test]
fn a_call_may_be_told_otherwise_or_not_at_all() {
    let getdel: &[&[u8]] = &[b"GETDEL", b"k"];
    let got = told(&[(getdel, |fx| fx.propagate_as(&[b"DEL", b"k"]))]);
    assert_eq!(got, "*2 $6 SELECT $1 0 *2 $3 DEL $1 k ");
    assert_eq!(told(&[(getdel, Effects::dont_propagate)]), "");
}

/// The AOF once would have been told messages, which a restart must not send again.
#[test]
fn messages_are_for_replicas_only() {
    let aof = |calls: &[(&[&[u8]], Say)]| {
        let (mut unit, mut out) = (unit_of(calls), vec![]);
        unit.feed_aof(&mut out);
        shown(&out)
    };
    let publish = (PUBLISH, Effects::force_to_replicas as Say);
    assert_eq!(aof(&[publish]), "");
    assert_eq!(aof(&[publish, publish]), "");
    let mixed = aof(&[publish, (SET, PLAIN), publish]);
    assert_eq!(mixed, "*1 $5 MULTI *2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v *1 $4 EXEC ");
    assert!(told(&[publish]).ends_with("*3 $7 PUBLISH $1 c $1 m "));
}

/// `redis.set_repl` in a script: each reader is told its part of the unit, as a transaction.
#[test]
fn each_reader_is_told_what_is_for_it() {
    const AOF: Say = |fx| fx.hide_from(Readers { aof: false, replicas: true });
    const REPLICAS: Say = |fx| fx.hide_from(Readers { aof: true, replicas: false });
    const NOBODY: Say = |fx| fx.hide_from(Readers { aof: true, replicas: true });
    let both = |calls: &[(&[&[u8]], Say)]| {
        let (mut unit, mut aof, mut replicas) = (unit_of(calls), vec![], vec![]);
        gather(&mut unit, &[(&[b"GO"], PLAIN)]);
        unit.feed_aof(&mut aof);
        unit.feed_replicas(&mut replicas);
        [aof, replicas].map(|feed| {
            let text = shown(&feed);
            let words = text.split(' ').filter(|w| !w.starts_with(['*', '$']));
            words.collect::<Vec<_>>().join(" ").trim().to_owned()
        })
    };
    let (a, r): (&[&[u8]], &[&[u8]]) = (&[b"A"], &[b"R"]);
    assert_eq!(both(&[(a, AOF)]), ["SELECT 0 A SELECT 0 GO", "SELECT 0 GO"]);
    assert_eq!(both(&[(r, REPLICAS)]), ["SELECT 0 GO", "SELECT 0 R SELECT 0 GO"]);
    assert_eq!(both(&[(a, NOBODY)]), ["SELECT 0 GO", "SELECT 0 GO"]);
    let mixed = both(&[(a, AOF), (r, REPLICAS), (a, NOBODY), (SET, PLAIN), (a, AOF)]);
    let want = ["MULTI SELECT 0 A SET k v A EXEC GO", "MULTI SELECT 0 R SET k v EXEC GO"];
    assert_eq!(mixed, want);
    let apart = both(&[(a, AOF), (a, AOF), (a, NOBODY)]);
    assert_eq!(apart, ["MULTI SELECT 0 A A EXEC SELECT 0 GO", "SELECT 0 GO"]);
    let apart = both(&[(r, REPLICAS), (a, AOF)]);
    assert_eq!(apart, ["MULTI SELECT 0 A EXEC GO", "MULTI SELECT 0 R EXEC GO"]);
}

/// CONFIG SET appendfsync in a transaction flushes in its middle.
#[test]
fn a_unit_under_way_is_told_when_it_has_ended() {
    let mut unit = unit_of(&[(SET, PLAIN)]);
    unit.set_readers(Readers { aof: true, replicas: false });
    unit.gather(DbIndex(0), Query::of(SET).args(), &mut Effects::default());
    let mut out = vec![];
    unit.feed_aof(&mut out);
    unit.clear_feed();
    unit.gather(DbIndex(0), Query::of(&[b"DEL", b"x"]).args(), &mut Effects::default());
    unit.finish();
    unit.feed_aof(&mut out);
    let want = "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v \
                *1 $5 MULTI *3 $3 SET $1 k $1 v *2 $3 DEL $1 x *1 $4 EXEC ";
    assert_eq!(shown(&out), want);
}

/// A unit of which the AOF sees nothing must not take the change of the database with it.
#[test]
fn a_skipped_selection_is_repeated() {
    let mut unit = unit_of(&[(PUBLISH, Effects::force_to_replicas)]);
    gather(&mut unit, &[(SET, PLAIN)]);
    let mut out = vec![];
    unit.feed_aof(&mut out);
    assert_eq!(shown(&out), "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
}

/// While a script runs, others may be served, whose units must not get into the middle of its own.
#[test]
fn what_was_undone_is_not_told() {
    for before in 0..3 {
        let mut unit = Unit::default();
        unit.listen();
        let line: &[&[u8]] = &[b"SET", b"k", b"before"];
        let told = |unit: &mut Unit| String::from_utf8(unit.take_feed()).expect("text");
        for _ in 0..before {
            unit.add(DbIndex(0), line);
        }
        let mark = unit.mark();
        let undone = Query::of(&[b"SET", b"k", b"undone"]);
        for _ in 0..3 {
            unit.gather(DbIndex(1), undone.args(), &mut Effects::default());
        }
        for _ in 0..3 {
            let aside = unit.set_aside();
            assert!(!unit.has_feed(), "nothing of it is told before it ends");
            unit.resume(aside);
        }
        unit.forget_since(mark);
        unit.finish();
        let feed = told(&mut unit);
        assert_eq!(feed.is_empty(), before == 0, "{feed}");
        assert!(!feed.contains("undone"), "{feed}");
        assert_eq!(feed.matches("before").count(), before);
        assert_eq!(feed.contains("MULTI"), before > 1, "{feed}");
        assert_eq!(feed.contains("EXEC"), before > 1, "{feed}");
    }
}

#[test]
fn deletions_and_messages_stand() {
    let mut unit = Unit::default();
    unit.listen();
    let mark = unit.mark();
    unit.gather(DbIndex(1), Query::of(SET).args(), &mut Effects::default());
    unit.add(DbIndex(1), &[b"DEL", b"expired"]);
    let mut fx = Effects::default();
    fx.force_to_replicas();
    unit.gather(DbIndex(1), Query::of(PUBLISH).args(), &mut fx);
    let aside = unit.set_aside();
    unit.add(DbIndex(0), &[b"DEL", b"of-others"]);
    unit.finish();
    unit.resume(aside);
    unit.forget_since(mark);
    unit.finish();
    let (mut aof, mut replicas) = (vec![], vec![]);
    unit.feed_aof(&mut aof);
    unit.feed_replicas(&mut replicas);
    let want = "*2 $6 SELECT $1 0 *2 $3 DEL $9 of-others *1 $5 MULTI *2 $6 SELECT $1 1 *2 $3 DEL $7 expired ";
    assert_eq!(shown(&aof), format!("{want}*1 $4 EXEC "));
    let message = "*3 $7 PUBLISH $1 c $1 m *1 $4 EXEC ";
    assert_eq!(shown(&replicas), format!("{want}{message}"));
}

#[test]
fn a_unit_set_aside_stays_whole() {
    let mut unit = Unit::default();
    unit.listen();
    let del: &[&[u8]] = &[b"DEL", b"x"];
    unit.gather(DbIndex(1), Query::of(SET).args(), &mut Effects::default());
    unit.gather(DbIndex(1), Query::of(del).args(), &mut Effects::default());
    let aside = unit.set_aside();
    gather(&mut unit, &[(PUBLISH, Effects::force_to_replicas), (del, PLAIN)]);
    unit.resume(aside);
    unit.gather(DbIndex(2), Query::of(del).args(), &mut Effects::default());
    unit.finish();
    let mut out = vec![];
    unit.feed_aof(&mut out);
    let want = "*1 $5 MULTI *2 $6 SELECT $1 0 *2 $3 DEL $1 x *1 $4 EXEC \
                *2 $6 SELECT $1 1 *1 $5 MULTI *2 $6 SELECT $1 1 *3 $3 SET $1 k $1 v *2 $3 DEL $1 x \
                *2 $6 SELECT $1 2 *2 $3 DEL $1 x *1 $4 EXEC ";
    assert_eq!(shown(&out), want);
}
