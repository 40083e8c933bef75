//! Waiting, with calls that were made for the purpose: TPOP and TMOVE do with strings what BLPOP
//! and BLMOVE do with lists, SET being the push.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::command::{Arg, Call, CmdResult, Command, Cx, Done, KeySpec, Outcome, Wait, args, flag};
use crate::keyspace::{Event, Ttl, Type, Value};
use crate::server::testing::TestServer;
use crate::server::{Run, Server};

/// TPOP key [key ...] timeout
static TPOP: Command = Command::data("tpop", tpop)
    .keys(&[KeySpec::at(1).range(-2, 1, 0).rw(0)])
    .arity(-3)
    .flags(flag::WRITE | flag::BLOCKING)
    .args(&[Arg::string("key"), Arg::double("timeout")]);

fn tpop(cx: &mut Cx<'_>) -> CmdResult {
    let last = cx.args.len() - 1;
    let until = args::timeout(cx.args.at(last), cx.now)?;
    for key in cx.args.iter().take(last).skip(1) {
        let found = cx.db.get::<crate::types::text::Text<'_>>(key)?;
        if let Some(text) = found.map(|text| text.bytes(&mut vec![]).to_vec()) {
            cx.db.remove(key, false);
            cx.db.changed(key, Event::generic("del"), 1);
            cx.fx.propagate_as(&[b"DEL", key]);
            cx.out.array(2);
            cx.out.bulk(key);
            cx.out.bulk(&text);
            return Ok(Done);
        }
    }
    Ok(Outcome::Wait(Wait::for_value(1..last, Type::String, until)))
}

/// TMOVE from to timeout
static TMOVE: Command = Command::data("tmove", tmove)
    .keys(&[KeySpec::at(1).range(1, 1, 0).rw(0)])
    .arity(4)
    .flags(flag::WRITE | flag::BLOCKING);

fn tmove(cx: &mut Cx<'_>) -> CmdResult {
    let (from, to) = (cx.args.at(1), cx.args.at(2));
    let until = args::timeout(cx.args.at(3), cx.now)?;
    let found = cx.db.get::<crate::types::text::Text<'_>>(from)?;
    let Some(text) = found.map(|text| text.bytes(&mut vec![]).to_vec()) else {
        return Ok(Outcome::Wait(Wait::for_value(1..2, Type::String, until)));
    };
    cx.db.remove(from, false);
    cx.db.changed(from, Event::generic("del"), 1);
    cx.db.set(to, Value::Bytes(&text), Ttl::Clear);
    cx.db.changed(to, Event::string("set"), 1);
    cx.out.bulk(&text);
    Ok(Done)
}

/// TPAST key clock: waits until the clock has passed that moment, `$` being now, and the key is
/// touched.
static TPAST: Command =
    Command::data("tpast", tpast).keys(&[KeySpec::at(1).ro(0)]).arity(3).flags(flag::READONLY);

fn tpast(cx: &mut Cx<'_>) -> CmdResult {
    let since = match cx.args.at(2) {
        b"$" => cx.now.0,
        word => args::integer(word)?,
    };
    if cx.now.0 > since {
        cx.out.int(cx.now.0 - since);
        return Ok(Done);
    }
    let wait = Wait::for_value(1..2, Type::String, None);
    Ok(Outcome::Wait(wait.reading(2, since.to_string().as_bytes())))
}

/// TLOOK key timeout: waits until the key holds nothing.
static TLOOK: Command =
    Command::data("tlook", tlook).keys(&[KeySpec::at(1).ro(0)]).arity(3).flags(flag::READONLY);

fn tlook(cx: &mut Cx<'_>) -> CmdResult {
    let until = args::timeout(cx.args.at(2), cx.now)?;
    if cx.db.entry(cx.args.at(1)).is_some() {
        return Ok(Outcome::Wait(Wait::for_value(1..2, Type::Stream, until).or_loss()));
    }
    cx.out.simple("GONE");
    Ok(Done)
}

/// TPASS ms: so much time passes in the middle of a turn.
static TPASS: Command = Command::server("tpass", &Run(tpass)).arity(2);

fn tpass(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let ms = args::integer(call.args().at(1))?;
    srv.clock.pass(Duration::from_millis(ms.unsigned_abs()));
    call.out.ok();
    Ok(Done)
}

fn server() -> TestServer {
    let mut t = TestServer::new();
    for (name, command) in [
        ("lcs", &TPOP),
        ("lolwut", &TMOVE),
        ("substr", &TLOOK),
        ("debug", &TPAST),
        ("time", &TPASS),
    ] {
        t.srv.commands.replace(name.as_bytes(), command);
    }
    t
}

/// Another client, who waits.
fn waiting(t: &mut TestServer, line: &str) -> Id {
    let id = t.connect();
    assert_eq!(t.run_as(id, line), "", "{line} waits");
    id
}

fn info(t: &mut TestServer, field: &str) -> String {
    let text = t.run("INFO everything");
    let line = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

fn sent(t: &mut TestServer, id: Id) -> String {
    String::from_utf8_lossy(&t.receive(id)).into_owned()
}

/// Such a key was handed to a client that waited, for the turn's clock stood still while the unit
/// took its time.
#[test]
fn what_does_not_live_until_the_end_of_its_unit_is_given_to_nobody() {
    let mut t = server();
    let id = waiting(&mut t, "TPOP k 0");
    let client = t.client;
    for unit in [
        "MULTI\r\nSET k v PX 100\r\nTPASS 200\r\nEXEC\r\n",
        "EVAL \"redis.call('set', 'k', 'v', 'px', 100) redis.call('tpass', 200)\" 0\r\n",
    ] {
        t.send(client, unit.as_bytes());
        let answers = String::from_utf8_lossy(&t.receive(client)).into_owned();
        assert!(!answers.contains("-ERR"), "{answers}");
        assert_eq!(sent(&mut t, id), "", "{unit}");
    }
    // Nor does the next request of the same turn find it.
    t.send(client, b"SET k v PX 100\r\n");
    assert_eq!(sent(&mut t, id), "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    t.receive(client);
    t.send(client, b"SET k v PX 100\r\nTPASS 200\r\nGET k\r\n");
    assert_eq!(t.receive(client), b"+OK\r\n+OK\r\n$-1\r\n");
}

#[test]
fn first_come_first_served() {
    let mut t = server();
    let ids: Vec<_> = (0..3).map(|_| waiting(&mut t, "TPOP a b a 0")).collect();
    assert_eq!(info(&mut t, "blocked_clients"), "3");
    assert_eq!(info(&mut t, "total_blocking_keys"), "2");
    for (at, key) in ["b", "a", "b"].iter().enumerate() {
        assert_eq!(t.run(&format!("SET {key} v{at}")), "+OK\r\n");
        for (other, id) in ids.iter().enumerate() {
            let want = format!("*2\r\n$1\r\n{key}\r\n$2\r\nv{at}\r\n");
            assert_eq!(sent(&mut t, *id), if other == at { want } else { String::new() });
        }
        assert_eq!(t.run(&format!("EXISTS {key}")), ":0\r\n");
    }
    assert_eq!(info(&mut t, "blocked_clients"), "0");
    assert_eq!(info(&mut t, "total_blocking_keys"), "0");
    assert_eq!(t.propagated().join(","), "SET b v0,DEL b,SET a v1,DEL a,SET b v2,DEL b");
}

#[test]
fn a_chain_of_moves_goes_on_in_the_same_moment() {
    let mut t = server();
    let last = waiting(&mut t, "TPOP d 0");
    let steps = ["TMOVE c d 0", "TMOVE b c 0", "TMOVE a b 0"].map(|line| waiting(&mut t, line));
    assert_eq!(t.run("SET a x"), "+OK\r\n");
    for id in steps {
        assert_eq!(sent(&mut t, id), "$1\r\nx\r\n");
    }
    assert_eq!(sent(&mut t, last), "*2\r\n$1\r\nd\r\n$1\r\nx\r\n");
    assert_eq!(t.run("DBSIZE"), ":0\r\n");
}

#[test]
fn a_value_that_goes_round_serves_everybody_once() {
    let mut t = server();
    let ids: Vec<_> = (0..3).map(|_| waiting(&mut t, "TMOVE a a 0")).collect();
    t.run("SET a x");
    for id in ids {
        assert_eq!(sent(&mut t, id), "$1\r\nx\r\n");
    }
    assert_eq!(t.run("GET a"), "$1\r\nx\r\n");
}

#[test]
fn time_is_up_to_the_millisecond() {
    let mut t = server();
    let (a, b) = (waiting(&mut t, "TPOP k 0.005"), waiting(&mut t, "TPOP k 0.006"));
    assert_eq!(info(&mut t, "clients_in_timeout_table"), "2");
    t.advance(Duration::from_micros(4999));
    assert_eq!(sent(&mut t, a), "");
    t.advance(Duration::from_micros(1));
    assert_eq!((sent(&mut t, a), sent(&mut t, b)), ("*-1\r\n".into(), String::new()));
    t.run("SET k v");
    assert_eq!(sent(&mut t, b), "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    t.advance(Duration::from_secs(1));
    assert_eq!((sent(&mut t, a), sent(&mut t, b)), (String::new(), String::new()));
    assert_eq!(info(&mut t, "clients_in_timeout_table"), "0");
    let stats = info(&mut t, "cmdstat_tpop");
    assert!(stats.starts_with("calls=2,") && stats.ends_with("failed_calls=0"), "{stats}");
}

/// A later try once began the time anew.
#[test]
fn a_try_in_vain_does_not_lengthen_the_wait() {
    let mut t = server();
    t.run("SET k v");
    let looker = waiting(&mut t, "TLOOK k 0");
    let id = waiting(&mut t, "TLOOK k 0.010");
    t.advance(Duration::from_millis(9));
    t.run("SET k w");
    assert_eq!(sent(&mut t, looker), "");
    t.advance(Duration::from_millis(1));
    assert_eq!(sent(&mut t, id), "*-1\r\n");
    t.run("DEL k");
    assert_eq!(sent(&mut t, looker), "+GONE\r\n");
    let stats = info(&mut t, "cmdstat_tlook");
    assert!(stats.starts_with("calls=2,"), "several tries are one call: {stats}");
}

#[test]
fn a_word_means_what_it_meant_when_the_wait_began() {
    let mut t = server();
    let id = t.connect();
    t.send(id, b"TPAST k $\r\nPING\r\n");
    t.run("SET k v");
    assert_eq!(sent(&mut t, id), "");
    t.advance(Duration::from_millis(7));
    t.run("SET k v");
    assert_eq!(sent(&mut t, id), ":7\r\n+PONG\r\n");
}

#[test]
fn loss_is_news_only_for_who_asked() {
    let mut t = server();
    for line in ["DEL k", "FLUSHDB", "SWAPDB 0 1", "RENAME k l", "PEXPIRE k 1", "MOVE k 1"] {
        t.run("FLUSHALL");
        t.run("SET k v");
        let id = waiting(&mut t, "TLOOK k 0");
        t.run(line);
        t.advance(Duration::from_millis(200));
        assert_eq!(sent(&mut t, id), "+GONE\r\n", "{line}");
    }
}

#[test]
fn whatever_puts_a_value_there_wakes() {
    let mut t = server();
    t.run("CONFIG SET notify-keyspace-events KEA");
    for lines in [
        &["SET z v", "RENAME z k"][..],
        &["SET z v", "COPY z k", "DEL z"],
        &["SELECT 1", "SET k v", "MOVE k 0"],
        &["SELECT 1", "SET k v", "SWAPDB 0 1"],
        &["FLUSHALL", "SET k v"],
        &["APPEND k v"],
    ] {
        let id = waiting(&mut t, "TPOP k 0");
        lines.iter().for_each(|line| drop(t.run(line)));
        assert_eq!(sent(&mut t, id), "*2\r\n$1\r\nk\r\n$1\r\nv\r\n", "{lines:?}");
        t.run("SELECT 0");
    }
}

#[test]
fn what_was_sent_meanwhile_is_answered_afterwards_and_in_order() {
    let mut t = server();
    let id = t.connect();
    t.send(id, b"PING\r\nTPOP k 0\r\nPING a\r\nTPOP l 0.1\r\n");
    assert_eq!(sent(&mut t, id), "+PONG\r\n");
    t.send(id, b"PING b\r\n");
    let line = t.run("CLIENT LIST ID 2");
    assert!(line.contains(" flags=b ") && line.contains(" cmd=tpop "), "{line}");
    t.run("SET k v");
    assert_eq!(sent(&mut t, id), "*2\r\n$1\r\nk\r\n$1\r\nv\r\n$1\r\na\r\n");
    t.advance(Duration::from_millis(100));
    assert_eq!(sent(&mut t, id), "*-1\r\n$1\r\nb\r\n");
    assert!(t.run("CLIENT LIST ID 2").contains(" flags=N "));
}

#[test]
fn unblocking_ends_the_wait_as_wished() {
    let mut t = server();
    let id = waiting(&mut t, "TPOP k 0");
    assert_eq!(t.run("CLIENT UNBLOCK 2"), ":1\r\n");
    assert_eq!(sent(&mut t, id), "*-1\r\n");
    assert_eq!(t.run("CLIENT UNBLOCK 2"), ":0\r\n");
    t.run_as(id, "TPOP k 0");
    assert_eq!(t.run("CLIENT UNBLOCK 2 ERROR"), ":1\r\n");
    assert_eq!(sent(&mut t, id), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(info(&mut t, "errorstat_UNBLOCKED"), "count=1");
    assert!(info(&mut t, "cmdstat_tpop").contains("calls=2,"));
    assert!(info(&mut t, "cmdstat_tpop").contains("failed_calls=1"));
    t.run("SET k v");
    assert_eq!((sent(&mut t, id), t.run("EXISTS k")), (String::new(), ":1\r\n".into()));
}

#[test]
fn who_leaves_takes_nothing_along() {
    let mut t = server();
    let gone = waiting(&mut t, "TPOP k 0");
    t.send_last(gone, b"");
    let killed = waiting(&mut t, "TPOP k 1");
    let half = t.connect();
    t.send_last(half, b"TPOP k 1\r\n");
    assert!(t.srv.clients.get(gone).is_none() && t.srv.clients.get(half).is_none());
    let client = t.client;
    t.send(client, b"CLIENT KILL ID 3\r\nSET k v\r\n");
    assert_eq!(sent(&mut t, client), ":1\r\n+OK\r\n");
    assert!(t.srv.clients.get(killed).is_none());
    assert_eq!(t.run("GET k"), "$1\r\nv\r\n");
    assert_eq!(
        (info(&mut t, "blocked_clients"), t.srv.keyspace.blocked.counts()),
        ("0".into(), (0, 0))
    );
    t.advance(Duration::from_secs(2));
}

#[test]
fn silence_is_kept_over_a_wait() {
    let mut t = server();
    let id = t.connect();
    t.send(id, b"CLIENT REPLY SKIP\r\nTPOP k 0\r\nPING\r\n");
    t.run("SET k v");
    assert_eq!(sent(&mut t, id), "+PONG\r\n");
    t.send(id, b"CLIENT REPLY SKIP\r\nTPOP k 0.1\r\nPING\r\n");
    t.advance(Duration::from_millis(100));
    assert_eq!(sent(&mut t, id), "+PONG\r\n");
}

#[test]
fn a_pause_holds_back_the_news_but_not_the_time() {
    let mut t = server();
    let (a, b) = (waiting(&mut t, "TPOP k 0"), waiting(&mut t, "TPOP l 0.1"));
    t.run("CLIENT PAUSE 200 WRITE");
    t.srv.keyspace.select(crate::keyspace::DbIndex(0), t.srv.clock.now()).set(
        b"k",
        Value::Int(1),
        Ttl::Clear,
    );
    t.srv.keyspace.blocked.touch(crate::keyspace::DbIndex(0), b"k");
    t.advance(Duration::from_millis(100));
    assert_eq!((sent(&mut t, a), sent(&mut t, b)), (String::new(), "*-1\r\n".into()));
    t.advance(Duration::from_millis(100));
    assert_eq!(sent(&mut t, a), "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");
}

#[test]
fn who_waits_is_not_idle() {
    let mut t = server();
    t.srv.conf.net.timeout_s = 10;
    let id = waiting(&mut t, "TPOP k 0");
    for _ in 0..50 {
        t.run("PING");
        t.advance(Duration::from_secs(1));
    }
    assert!(t.srv.clients.get(id).is_some());
}

#[test]
fn monitors_see_the_beginning_and_the_slow_log_the_end() {
    let mut t = server();
    t.srv.conf.slowlog.slower_than_us = 0;
    let monitor = t.connect();
    t.run_as(monitor, "MONITOR");
    let id = waiting(&mut t, "TPOP k 0");
    let seen = sent(&mut t, monitor);
    assert!(seen.contains("\"TPOP\" \"k\" \"0\"") && seen.lines().count() == 1, "{seen}");
    t.run("SET k v");
    assert_ne!(sent(&mut t, id), "");
    let seen = sent(&mut t, monitor);
    assert!(seen.contains("\"SET\"") && !seen.contains("TPOP"), "{seen}");
    let log = t.run("SLOWLOG GET 2");
    assert!(log.find("TPOP") < log.find("SET") && log.matches("TPOP").count() == 1, "{log}");
}

#[test]
fn ten_thousand_wait_in_line() {
    let mut t = server();
    let ids: Vec<_> = (0..10_000).map(|_| waiting(&mut t, "TPOP k 1000")).collect();
    for at in (1..10_000).step_by(2) {
        t.srv.clients.close_later(ids[at]);
    }
    t.settle();
    assert_eq!(info(&mut t, "blocked_clients"), "5000");
    for at in (0..10_000).step_by(2) {
        t.run("SET k v");
        assert_ne!(sent(&mut t, ids[at]), "", "{at}");
    }
    assert_eq!(t.srv.keyspace.blocked.counts(), (0, 0));
}

/// What waiting calls should do, said as simply as can be.
#[derive(Default)]
struct Model {
    lists: BTreeMap<String, VecDeque<String>>,
    /// In order: client, keys, and when the time is up.
    line: Vec<(Id, Vec<String>, Option<u64>)>,
    now_ms: u64,
    answers: Vec<(Id, String)>,
}

impl Model {
    fn pop(&mut self, keys: &[String]) -> Option<String> {
        let key = keys.iter().find(|key| self.lists.contains_key(*key))?;
        let list = self.lists.get_mut(key)?;
        let value = list.pop_front()?;
        if list.is_empty() {
            self.lists.remove(key);
        }
        Some(format!("*2\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len()))
    }

    /// A unit is over that touched a key.
    fn serve(&mut self, key: &str) {
        while self.lists.contains_key(key)
            && let Some(at) =
                self.line.iter().position(|(_, keys, _)| keys.iter().any(|k| k == key))
        {
            let (id, keys, _) = self.line.remove(at);
            let answer = self.pop(&keys).expect("one of its keys is there");
            self.answers.push((id, answer));
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let now = self.now_ms;
        let over = self.line.extract_if(.., |(_, _, until)| until.is_some_and(|at| at <= now));
        self.answers.extend(over.map(|(id, ..)| (id, "*-1\r\n".to_owned())));
    }
}

/// One step of a client that does not wait, or the passing of time.
fn random_step(rng: &mut Rng, t: &mut TestServer, model: &mut Model, ids: &mut [Id]) {
    let key = ["a", "b", "c", "d"][rng.below(4) as usize].to_owned();
    match rng.below(10) {
        0..4 => {
            let free: Vec<_> =
                ids.iter().copied().filter(|id| model.line.iter().all(|w| w.0 != *id)).collect();
            let Some(id) = free.first().copied() else { return };
            let count = 1 + rng.below(3);
            let mut name = || ["a", "b", "c", "d"][rng.below(4) as usize].to_owned();
            let keys: Vec<_> = (0..count).map(|_| name()).collect();
            let until = (rng.below(2) == 0).then(|| 1 + rng.below(20));
            let seconds = until.map_or("0".to_owned(), |ms| format!("{:.3}", ms as f64 / 1000.0));
            let got = t.run_as(id, &format!("BLPOP {} {seconds}", keys.join(" ")));
            match model.pop(&keys) {
                Some(answer) => assert_eq!(got, answer),
                None => {
                    assert_eq!(got, "");
                    model.line.push((id, keys, until.map(|ms| model.now_ms + ms)));
                }
            }
        }
        4..6 => {
            let values: Vec<_> =
                (0..1 + rng.below(3)).map(|_| rng.below(1000).to_string()).collect();
            t.run(&format!("RPUSH {key} {}", values.join(" ")));
            model.lists.entry(key.clone()).or_default().extend(values);
            model.serve(&key);
        }
        6 => {
            t.run("MULTI");
            for line in [format!("RPUSH {key} x"), format!("DEL {key}"), "RPUSH b y".to_owned()] {
                t.run(&line);
            }
            t.run("EXEC");
            model.lists.remove(&key);
            model.lists.entry("b".to_owned()).or_default().push_back("y".to_owned());
            model.serve("b");
        }
        7 => {
            t.advance(Duration::from_millis(5));
            model.pass(5);
        }
        8 => {
            let Some((id, ..)) = model.line.get(rng.below(4) as usize).cloned() else { return };
            let number = t.srv.clients.get(id).map_or(0, |client| client.number);
            assert_eq!(t.run(&format!("CLIENT UNBLOCK {number}")), ":1\r\n");
            model.line.retain(|waiter| waiter.0 != id);
            model.answers.push((id, "*-1\r\n".to_owned()));
        }
        _ => {
            let at = rng.below(ids.len() as u64) as usize;
            let gone = std::mem::replace(&mut ids[at], Id::NONE);
            t.send_last(gone, b"");
            model.line.retain(|waiter| waiter.0 != gone);
            ids[at] = t.connect();
        }
    }
}

#[test]
fn any_course_of_events_agrees_with_the_model() {
    for seed in 0..20 {
        let (mut rng, mut t, mut model) =
            (Rng::from_seed(seed), TestServer::new(), Model::default());
        let mut ids: Vec<_> = (0..12).map(|_| t.connect()).collect();
        for step in 0..500 {
            random_step(&mut rng, &mut t, &mut model, &mut ids);
            for (id, answer) in std::mem::take(&mut model.answers) {
                assert_eq!(sent(&mut t, id), answer, "seed {seed}, step {step}");
            }
            for id in &ids {
                assert_eq!(sent(&mut t, *id), "", "seed {seed}, step {step}");
            }
            assert_eq!(t.srv.clients.waits.len(), model.line.len(), "seed {seed}, step {step}");
        }
        for key in ["a", "b", "c", "d"] {
            let len = model.lists.get(key).map_or(0, VecDeque::len);
            assert_eq!(t.run(&format!("LLEN {key}")), format!(":{len}\r\n"), "seed {seed}");
        }
        ids.into_iter().for_each(|id| t.srv.clients.close_later(id));
        t.settle();
        assert_eq!(t.srv.keyspace.blocked.counts(), (0, 0));
        assert_eq!(t.srv.clients.waits.with_deadline(), 0);
    }
}

#[test]
fn what_was_popped_is_told_as_a_unit_of_its_own() {
    let mut t = TestServer::new();
    waiting(&mut t, "BLPOP k 0");
    waiting(&mut t, "BLMOVE k l left right 0");
    t.run("RPUSH k 1 2");
    assert_eq!(t.propagated(), ["RPUSH k 1 2", "LPOP k", "LMOVE k l left right"]);
    waiting(&mut t, "BRPOP k 0");
    for line in ["MULTI", "SET s v", "RPUSH k 3", "EXEC"] {
        t.run(line);
    }
    assert_eq!(t.propagated(), ["MULTI", "SET s v", "RPUSH k 3", "EXEC", "RPOP k"]);
}

/// Each wake-up from a client that was being served once made a new call.
#[test]
fn waking_needs_no_new_call() {
    let mut t = TestServer::new();
    let waiter = t.connect();
    let mut seen = vec![];
    for _ in 0..3 {
        t.run_as(waiter, "BLPOP l 0");
        // Two of them: the first serves others while it is itself under way.
        let client = t.client;
        t.send(client, b"RPUSH l x\r\nPING\r\n");
        assert_eq!(t.receive(waiter), b"*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
        assert_eq!(t.receive(client), b":1\r\n+PONG\r\n");
        seen.push(t.srv.spare_calls.iter().map(|call| &raw const **call).collect::<Vec<_>>());
    }
    assert_eq!(seen[0].len(), 2);
    assert!(seen.iter().all(|calls| *calls == seen[0]), "the same two, in the same order");
}
