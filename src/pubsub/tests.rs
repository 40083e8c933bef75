//! Publish/subscribe on a whole server, with several clients.

use super::Members;
use crate::base::slab::Id;
use crate::client::message::{Message, Tapes};
use crate::config::{Config, OutputLimit};
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::server::testing::TestServer;

/// What a client was sent since the last look, with bars for line ends.
fn got(t: &mut TestServer, client: Id) -> String {
    String::from_utf8_lossy(&t.receive(client)).replace("\r\n", "|")
}

fn run(t: &mut TestServer, client: Id, line: &str) -> String {
    t.run_as(client, line).replace("\r\n", "|")
}

#[test]
fn a_call_with_several_names_has_several_answers() {
    let mut t = TestServer::new();
    let me = t.client;
    let want = "*3|$9|subscribe|$1|a|:1|*3|$9|subscribe|$1|b|:2|*3|$9|subscribe|$1|a|:2|";
    assert_eq!(run(&mut t, me, "SUBSCRIBE a b a"), want);
    assert_eq!(run(&mut t, me, "PSUBSCRIBE a*"), "*3|$10|psubscribe|$2|a*|:3|");
    assert_eq!(run(&mut t, me, "SSUBSCRIBE s"), "*3|$10|ssubscribe|$1|s|:1|");
    let want = "*3|$11|unsubscribe|$1|a|:2|*3|$11|unsubscribe|$1|b|:1|";
    assert_eq!(run(&mut t, me, "UNSUBSCRIBE"), want);
    assert_eq!(run(&mut t, me, "UNSUBSCRIBE"), "*3|$11|unsubscribe|$-1|:1|");
    assert_eq!(
        run(&mut t, me, "PUNSUBSCRIBE x a*"),
        "*3|$12|punsubscribe|$1|x|:1|*3|$12|punsubscribe|$2|a*|:0|"
    );
    assert!(
        run(&mut t, me, "GET k").starts_with("-ERR Can't execute 'get': only (P|S)SUBSCRIBE /")
    );
    assert_eq!(run(&mut t, me, "SUNSUBSCRIBE"), "*3|$12|sunsubscribe|$1|s|:0|");
    assert_eq!(run(&mut t, me, "GET k"), "$-1|");
    assert_eq!(t.srv.pubsub.clients(), 0);
}

#[test]
fn messages_reach_members_and_patterns_once_each() {
    let mut t = TestServer::new();
    let (a, b, me) = (t.connect(), t.connect(), t.client);
    run(&mut t, a, "SUBSCRIBE news");
    run(&mut t, a, "PSUBSCRIBE n* *s zz");
    run(&mut t, b, "HELLO 3");
    run(&mut t, b, "PSUBSCRIBE n?ws");
    run(&mut t, b, "SSUBSCRIBE news");
    assert_eq!(run(&mut t, me, "PUBLISH news hi"), ":4|");
    let want = "*3|$7|message|$4|news|$2|hi|*4|$8|pmessage|$2|*s|$4|news|$2|hi|\
                *4|$8|pmessage|$2|n*|$4|news|$2|hi|";
    assert_eq!(got(&mut t, a), want);
    assert_eq!(got(&mut t, b), ">4|$8|pmessage|$4|n?ws|$4|news|$2|hi|");
    assert_eq!(run(&mut t, me, "SPUBLISH news x"), ":1|");
    assert_eq!(
        (got(&mut t, a), got(&mut t, b).as_str()),
        (String::new(), ">3|$8|smessage|$4|news|$1|x|")
    );
    assert_eq!(t.propagated(), ["PUBLISH news hi", "SPUBLISH news x"]);
}

#[test]
fn own_messages_come_behind_the_answer_and_behind_the_whole_of_exec() {
    let mut t = TestServer::new();
    let me = t.client;
    run(&mut t, me, "HELLO 3");
    run(&mut t, me, "SUBSCRIBE a");
    t.send(
        me,
        b"PUBLISH a 1\r\nPING\r\nMULTI\r\nPUBLISH a 2\r\nPING\r\nSUBSCRIBE b\r\nEXEC\r\nPING\r\n",
    );
    let want = ":1|>3|$7|message|$1|a|$1|1|+PONG|+OK|+QUEUED|+QUEUED|+QUEUED|\
                *3|:1|+PONG|>3|$9|subscribe|$1|b|:2|>3|$7|message|$1|a|$1|2|+PONG|";
    assert_eq!(got(&mut t, me), want);
}

/// Pushes once went the way of the answers.
#[test]
fn who_wants_no_answers_still_gets_pushes() {
    let mut t = TestServer::new();
    let (me, other) = (t.client, t.connect());
    run(&mut t, me, "CLIENT REPLY OFF");
    assert_eq!(run(&mut t, me, "SUBSCRIBE a"), "*3|$9|subscribe|$1|a|:1|");
    assert_eq!(run(&mut t, me, "PING"), "");
    assert_eq!(run(&mut t, other, "PUBLISH a x"), ":1|");
    assert_eq!(got(&mut t, me), "*3|$7|message|$1|a|$1|x|");
    assert_eq!(run(&mut t, me, "UNSUBSCRIBE"), "*3|$11|unsubscribe|$1|a|:0|");
    run(&mut t, other, "HELLO 3");
    run(&mut t, other, "SUBSCRIBE a");
    run(&mut t, other, "CLIENT REPLY SKIP");
    assert_eq!(run(&mut t, other, "PUBLISH a y"), ">3|$7|message|$1|a|$1|y|");
    assert_eq!(run(&mut t, other, "PING"), "+PONG|");
}

#[test]
fn a_listener_of_resp2_may_do_little_and_its_ping_looks_like_a_message() {
    let mut t = TestServer::new();
    let me = t.client;
    run(&mut t, me, "SUBSCRIBE a");
    assert_eq!(run(&mut t, me, "PING"), "*2|$4|pong|$0||");
    assert_eq!(run(&mut t, me, "PING x"), "*2|$4|pong|$1|x|");
    let refused = "-ERR Can't execute 'client|list': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                   RESET are allowed in this context|";
    assert_eq!(run(&mut t, me, "CLIENT LIST"), refused);
    assert_eq!(run(&mut t, me, "RESET"), "+RESET|");
    assert_eq!(run(&mut t, me, "PING"), "+PONG|");
    assert!(t.srv.pubsub.is_silent());
}

#[test]
fn who_goes_is_not_counted() {
    let mut t = TestServer::new();
    let (a, b, me) = (t.connect(), t.connect(), t.client);
    run(&mut t, a, "SUBSCRIBE x");
    run(&mut t, b, "SUBSCRIBE x");
    t.send_last(a, b"");
    assert_eq!(run(&mut t, me, "PUBSUB NUMSUB x"), "*2|$1|x|:1|");
    t.send(me, b"CLIENT KILL TYPE pubsub\r\nPUBLISH x m\r\nPUBSUB CHANNELS\r\n");
    assert_eq!(got(&mut t, me), ":1|:0|*0|");
}

#[test]
fn thousands_share_one_message_and_large_ones_are_never_copied() {
    let mut t = TestServer::new();
    let me = t.client;
    let listeners: Vec<_> = (0..100).map(|_| t.connect()).collect();
    for (index, id) in listeners.iter().enumerate() {
        if index % 2 == 1 {
            run(&mut t, *id, "HELLO 3");
        }
        run(&mut t, *id, "SUBSCRIBE c");
    }
    t.send(me, b"PUBLISH c one\r\nPUBLISH c two\r\n");
    for (index, id) in listeners.iter().enumerate() {
        let kind = if index % 2 == 1 { '>' } else { '*' };
        let want = ["one", "two"].map(|m| format!("{kind}3|$7|message|$1|c|$3|{m}|")).concat();
        assert_eq!(got(&mut t, *id), want);
    }
    // Nothing is kept for those who have been served.
    assert!(listeners.iter().all(|id| t.srv.clients.get(*id).is_some_and(|c| c.out.is_empty())));
}

/// Messages to many are one piece in the outputs of all of them, as far as nothing came between
/// them.
#[test]
fn messages_that_follow_one_another_are_one_piece() {
    let mut tapes = Tapes::default();
    let mut outs = [Reply::new(Proto::Resp2), Reply::new(Proto::Resp2), Reply::new(Proto::Resp2)];
    let mut want = [vec![], vec![], vec![]];
    for n in 0..500 {
        let mut message = Message::new(|out| out.bulk_int(n));
        message.expect(1000, &mut tapes);
        for (i, out) in outs.iter_mut().enumerate() {
            // The second missed one, the third may keep nothing and has an answer in between.
            if (i, n) == (1, 100) {
                continue;
            }
            message.append_to(out, i < 2);
            want[i].extend(format!("${}\r\n{n}\r\n", n.to_string().len()).bytes());
            if (i, n) == (2, 100) {
                out.simple("answer");
                want[i].extend(b"+answer\r\n");
            }
        }
    }
    let shape = |out: &Reply| (out.chunks(), out.open_capacity() > 0);
    // The tape went on to a second block, and to a third.
    assert_eq!(outs.each_ref().map(shape), [(3, false), (4, false), (0, true)]);
    for (out, want) in outs.iter_mut().zip(&want) {
        assert_eq!(out.pieces().collect::<Vec<_>>().concat(), *want);
        out.let_go();
        assert_eq!(out.pieces().collect::<Vec<_>>().concat(), *want);
    }
}

/// A client that does not read keeps nothing but what it is owed itself.
#[test]
fn who_takes_nothing_keeps_no_tape() {
    let mut t = TestServer::new();
    let (me, listeners) = (t.client, [(); 40].map(|()| t.connect()));
    for id in listeners {
        run(&mut t, id, "SUBSCRIBE c");
    }
    let slow = listeners[7];
    let sim = t.srv.clients.get_mut(slow).and_then(|c| c.conn.simulated());
    sim.expect("it is").window = Some(10);
    run(&mut t, me, "PUBLISH c one");
    run(&mut t, me, "PUBLISH c two");
    let Some(client) = t.srv.clients.get_mut(slow) else { panic!("it is there") };
    assert!(client.marks.write_blocked && client.sent == 10);
    let [first, rest] =
        ["one", "two"].map(|m| format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\n{m}\r\n"));
    let pieces: Vec<_> = client.out.pieces().collect();
    assert_eq!(pieces, [first.as_bytes(), rest.as_bytes()]);
    assert_eq!(client.out.open_len(), rest.len(), "a copy");
    assert!(t.srv.clients.iter().all(|c| c.id == slow || c.out.is_empty()));
    let Some(Members::Many(crowd)) = t.srv.pubsub.channels.get(&b"c"[..]) else { panic!("many") };
    assert!(crowd.tapes.iter().all(|tape| !tape.is_read()));
}

#[test]
fn a_listener_that_takes_nothing_is_closed_by_the_limit_of_its_class() {
    let mut conf = Config::default();
    conf.clients.output_limits[2] =
        OutputLimit { hard_bytes: 21_000, soft_bytes: 0, soft_seconds: 0 };
    let mut t = TestServer::with(conf);
    let (a, me) = (t.connect(), t.client);
    run(&mut t, a, "SUBSCRIBE c");
    let list = run(&mut t, me, "CLIENT LIST TYPE pubsub");
    assert!(list.contains(" flags=P ") && list.contains(" sub=1 psub=0 ssub=0 "), "{list}");
    t.srv.clients.get_mut(a).and_then(|c| c.conn.simulated()).expect("there").window = Some(0);
    let line = format!("PUBLISH c {}", "x".repeat(9_000));
    for receivers in [":1|", ":1|", ":1|", ":1|", ":1|", ":0|"] {
        assert_eq!(run(&mut t, me, &line), receivers);
    }
    assert!(t.srv.clients.get(a).is_none());
    assert_eq!(t.srv.stats.output_buffer_closes, 1);
}

#[test]
fn events_are_published_in_their_place() {
    let mut t = TestServer::new();
    let (a, me) = (t.connect(), t.client);
    run(&mut t, a, "PSUBSCRIBE __key*");
    run(&mut t, me, "SET k v");
    assert_eq!(got(&mut t, a), "", "not wanted");
    run(&mut t, me, "CONFIG SET notify-keyspace-events E$");
    run(&mut t, me, "SET k v");
    assert_eq!(got(&mut t, a), "*4|$8|pmessage|$6|__key*|$18|__keyevent@0__:set|$1|k|");
    run(&mut t, me, "CONFIG SET notify-keyspace-events K$g");
    t.send(me, b"SELECT 3\r\nMULTI\r\nSET k v\r\nPUBLISH __keys between\r\nDEL k\r\nEXEC\r\n");
    let event = |name: &str| format!("*4|$8|pmessage|$6|__key*|$16|__keyspace@3__:k|$3|{name}|");
    let between = "*4|$8|pmessage|$6|__key*|$6|__keys|$7|between|";
    assert_eq!(got(&mut t, a), [&event("set"), between, &event("del")].concat());
}

#[test]
fn expiry_is_published_whoever_finds_it() {
    let mut t = TestServer::new();
    let (a, me) = (t.connect(), t.client);
    run(&mut t, me, "CONFIG SET notify-keyspace-events Ex");
    run(&mut t, a, "SUBSCRIBE __keyevent@0__:expired");
    let want = "*3|$7|message|$22|__keyevent@0__:expired|$1|k|";
    run(&mut t, me, "SET k v PX 10");
    t.advance(std::time::Duration::from_millis(50));
    assert_eq!(got(&mut t, a), want, "the cycle");
    t.srv.debug.active_expire = false;
    run(&mut t, me, "SET k v PX 10");
    t.advance(std::time::Duration::from_millis(50));
    assert_eq!(got(&mut t, a), "");
    assert_eq!(run(&mut t, me, "GET k"), "$-1|");
    assert_eq!(got(&mut t, a), want, "a call");
}
