//! Units, and what each reader gets of them.

use crate::base::offset::Offset;
use crate::feed::blocks::Backlog;
use crate::feed::drain;
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

/// What each reader gets: the AOF, and replicas.
fn drained(unit: &mut Unit) -> [Vec<u8>; 2] {
    let (mut aof, mut backlog) = (vec![], Backlog::new(Offset(7), 1 << 20));
    drain(unit, Some(&mut aof), Some(&mut backlog));
    assert!(!unit.has_feed());
    let replicas: Vec<_> = backlog.read_from(Offset(7)).expect("all of it").collect();
    [aof, replicas.concat()]
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
    let aof = |calls: &[(&[&[u8]], Say)]| shown(&drained(&mut unit_of(calls))[0]);
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
        let mut unit = unit_of(calls);
        gather(&mut unit, &[(&[b"GO"], PLAIN)]);
        drained(&mut unit).map(|feed| {
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
    drain(&mut unit, Some(&mut out), None);
    unit.gather(DbIndex(0), Query::of(&[b"DEL", b"x"]).args(), &mut Effects::default());
    unit.finish();
    drain(&mut unit, Some(&mut out), None);
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
    drain(&mut unit, Some(&mut out), None);
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
    let [aof, replicas] = drained(&mut unit);
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
    drain(&mut unit, Some(&mut out), None);
    let want = "*1 $5 MULTI *2 $6 SELECT $1 0 *2 $3 DEL $1 x *1 $4 EXEC \
                *2 $6 SELECT $1 1 *1 $5 MULTI *2 $6 SELECT $1 1 *3 $3 SET $1 k $1 v *2 $3 DEL $1 x \
                *2 $6 SELECT $1 2 *2 $3 DEL $1 x *1 $4 EXEC ";
    assert_eq!(shown(&out), want);
}

/// Each reader gets its part of each turn once, whatever comes in between.
#[test]
fn turns_follow_one_another() {
    let mut unit = Unit::default();
    unit.listen();
    let (mut aof, mut backlog) = (vec![], Backlog::new(Offset(0), 1 << 20));
    for turn in 0..3 {
        gather(&mut unit, &[(SET, PLAIN)]);
        gather(&mut unit, &[(PUBLISH, Effects::force_to_replicas)]);
        drain(&mut unit, Some(&mut aof), Some(&mut backlog));
        assert!(!unit.has_feed(), "turn {turn}");
        drain(&mut unit, Some(&mut aof), Some(&mut backlog));
    }
    let (select, set) = ("*2 $6 SELECT $1 0 ", "*3 $3 SET $1 k $1 v ");
    // Each message is a unit of which the AOF sees nothing: the database is said anew.
    assert_eq!(shown(&aof), format!("{select}{set}").repeat(3));
    let told: Vec<_> = backlog.read_from(Offset(0)).expect("all of it").collect();
    let message = "*3 $7 PUBLISH $1 c $1 m ";
    assert_eq!(shown(&told.concat()), format!("{select}{set}{message}").repeat(3));
    assert_eq!(backlog.end(), Offset(told.concat().len() as u64));
}

/// The AOF alone takes the buffer and gives back its own, which is empty.
#[test]
fn a_single_reader_changes_buffers() {
    let mut unit = unit_of(&[(SET, PLAIN)]);
    unit.set_readers(Readers { aof: true, replicas: false });
    let (place, mut out) = (unit.feed.as_ptr(), vec![]);
    drain(&mut unit, None, None);
    assert!(unit.has_feed(), "nobody has had it");
    drain(&mut unit, Some(&mut out), None);
    assert_eq!(out.as_ptr(), place);
}

/// Who begins to read is told from then on, who reads already of everything.
#[test]
fn a_new_reader_is_told_nothing_of_before() {
    let del: &[&[u8]] = &[b"DEL", b"x"];
    let only_aof = Readers { aof: true, replicas: false };
    for effects_before in 0..4 {
        let mut unit = Unit::default();
        unit.set_readers(only_aof);
        gather(&mut unit, &[(del, PLAIN)]);
        for _ in 0..effects_before {
            unit.gather(DbIndex(0), Query::of(SET).args(), &mut Effects::default());
        }
        unit.set_readers(Readers { aof: true, replicas: true });
        for _ in 0..2 {
            unit.gather(DbIndex(0), Query::of(del).args(), &mut Effects::default());
        }
        unit.finish();
        gather(&mut unit, &[(SET, PLAIN)]);
        let [aof, replicas] = drained(&mut unit).map(|feed| shown(&feed));
        let (select, set, del) = ("*2 $6 SELECT $1 0 ", "*3 $3 SET $1 k $1 v ", "*2 $3 DEL $1 x ");
        let news = format!("*1 $5 MULTI {select}{del}{del}*1 $4 EXEC {set}");
        assert_eq!(replicas, news, "after {effects_before} effects");
        let before = set.repeat(effects_before);
        let whole = format!("{before}{select}{del}{del}*1 $4 EXEC {set}");
        assert_eq!(aof, format!("{select}{del}*1 $5 MULTI {whole}"));
    }
}

/// A base of the AOF begins in a transaction: replicas are told all of it.
#[test]
fn what_one_reader_has_from_elsewhere_the_other_is_told() {
    let mut unit = unit_of(&[(SET, PLAIN), (SET, PLAIN)]);
    unit.gather(DbIndex(0), Query::of(SET).args(), &mut Effects::default());
    unit.hide_so_far(Readers { aof: true, replicas: false });
    unit.finish();
    let [aof, replicas] = drained(&mut unit).map(|feed| shown(&feed));
    assert_eq!(aof, "");
    let set = "*3 $3 SET $1 k $1 v ";
    assert_eq!(replicas, format!("*1 $5 MULTI *2 $6 SELECT $1 0 {set}{set}*1 $4 EXEC {set}"));
}

/// Bytes that a resumed unit was led in with were hidden from a new reader, and with them later
/// those that took their place.
#[test]
fn a_lead_that_goes_hides_nothing() {
    let mut unit = Unit::default();
    unit.set_readers(Readers { aof: true, replicas: false });
    let mark = unit.mark();
    unit.gather(DbIndex(1), Query::of(SET).args(), &mut Effects::default());
    let aside = unit.set_aside();
    unit.resume(aside);
    unit.set_readers(Readers { aof: true, replicas: true });
    unit.forget_since(mark);
    gather(&mut unit, &[(SET, PLAIN)]);
    let [aof, replicas] = drained(&mut unit);
    assert_eq!(shown(&replicas), "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
    assert_eq!(aof, replicas);
}

/// Large values go to the backlog by reference, wherever the unit has moved them.
#[test]
fn large_values_are_told_without_a_copy() {
    let value = vec![b'v'; SHARED_MIN];
    let mut large = Query::of(&[b"SET", b"k", b"?", b"x"]);
    large.replace(2, value.clone());
    let big = Arc::clone(large.args().big(2).expect("an allocation of its own"));
    let others = Arc::strong_count(&big);
    let mut unit = Unit::default();
    unit.listen();
    unit.gather(DbIndex(0), large.args(), &mut Effects::default());
    unit.gather(DbIndex(0), large.args(), &mut Effects::default());
    let aside = unit.set_aside();
    gather(&mut unit, &[(SET, PLAIN)]);
    unit.resume(aside);
    let mut hidden = Effects::default();
    hidden.hide_from(Readers { aof: false, replicas: true });
    unit.gather(DbIndex(0), large.args(), &mut hidden);
    let mark = unit.mark();
    unit.gather(DbIndex(0), large.args(), &mut Effects::default());
    unit.forget_since(mark);
    unit.finish();
    let (mut aof, mut backlog) = (vec![], Backlog::new(Offset(0), 1 << 20));
    drain(&mut unit, Some(&mut aof), Some(&mut backlog));
    assert_eq!(Arc::strong_count(&big), others + 2);
    let told: Vec<_> = backlog.read_from(Offset(0)).expect("all of it").collect();
    assert_eq!(told.iter().filter(|piece| **piece == &value[..]).count(), 2);
    let once = format!("*4 $3 SET $1 k $32768 {} $1 x ", shown(&value));
    let select = "*2 $6 SELECT $1 0 ";
    let before = format!("{select}*3 $3 SET $1 k $1 v {select}*1 $5 MULTI {select}");
    assert!(shown(&told.concat()) == format!("{before}{once}{once}*1 $4 EXEC "));
    assert!(shown(&aof) == format!("{before}{once}{once}{once}*1 $4 EXEC "));
}
