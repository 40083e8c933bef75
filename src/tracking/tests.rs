//! Client-side caching on a whole server, with several clients.

use std::time::Duration;

use crate::base::slab::Id;
use crate::server::testing::TestServer;

/// What a client was sent since the last look, with bars for line ends.
fn got(t: &mut TestServer, client: Id) -> String {
    String::from_utf8_lossy(&t.receive(client)).replace("\r\n", "|")
}

fn run(t: &mut TestServer, client: Id, line: &str) -> String {
    t.run_as(client, line).replace("\r\n", "|")
}

/// A client of RESP3 that caches in this way.
fn cache(t: &mut TestServer, how: &str) -> Id {
    let client = t.connect();
    run(t, client, "HELLO 3");
    assert_eq!(run(t, client, &format!("CLIENT TRACKING ON {how}")), "+OK|");
    client
}

fn about(keys: &[&str]) -> String {
    let keys: String = keys.iter().map(|key| format!("${}|{key}|", key.len())).collect();
    format!(">2|$10|invalidate|*{}|{keys}", keys.matches('$').count())
}

#[test]
fn readers_are_told_once_and_forgotten() {
    let mut t = TestServer::new();
    let (a, me) = (cache(&mut t, ""), t.client);
    run(&mut t, me, "MSET k 1 l 2 m 3");
    run(&mut t, a, "GET k");
    run(&mut t, a, "MGET k l nokey");
    assert_eq!(t.srv.tracking.counts(), (3, 3, 0));
    run(&mut t, me, "MSET k 1 m 1 nokey 1");
    assert_eq!(got(&mut t, a), [about(&["k"]), about(&["nokey"])].concat());
    run(&mut t, me, "SET k 2");
    assert_eq!(got(&mut t, a), "");
    // A key is its name, in whatever database.
    t.send(me, b"SELECT 3\r\nSET l 1\r\n");
    assert_eq!(got(&mut t, a), about(&["l"]));
    // What is no read is not remembered; a read that fails is.
    run(&mut t, a, "SET k v GET");
    run(&mut t, a, "GETEX k");
    assert_eq!(t.srv.tracking.counts(), (0, 0, 0));
    run(&mut t, a, "RESET");
    assert_eq!(t.srv.tracking.clients(), 0);
    assert!(run(&mut t, me, "CLIENT LIST").contains(" redir=-1 "));
}

#[test]
fn what_one_does_to_oneself_comes_behind_the_answer() {
    let mut t = TestServer::new();
    let (a, quiet) = (cache(&mut t, ""), cache(&mut t, "NOLOOP"));
    t.send(a, b"GET k\r\nSET k 1\r\nPING\r\n");
    assert_eq!(got(&mut t, a), format!("_|+OK|{}+PONG|", about(&["k"])));
    t.send(a, b"MULTI\r\nGET k\r\nSET k 2\r\nGET k\r\nDEL k\r\nEXEC\r\nPING\r\n");
    let twice = about(&["k"]).repeat(2);
    let want = format!("+OK|{}*4|$1|1|+OK|$1|2|:1|{twice}+PONG|", "+QUEUED|".repeat(4));
    assert_eq!(got(&mut t, a), want);
    t.send(quiet, b"GET k\r\nSET k 1\r\nPING\r\n");
    assert_eq!(got(&mut t, quiet), "_|+OK|+PONG|");
    t.send(quiet, b"GET k\r\n");
    run(&mut t, a, "SET k 2");
    assert_eq!(got(&mut t, quiet), format!("$1|1|{}", about(&["k"])));
}

#[test]
fn expiry_and_flushing_are_told() {
    let mut t = TestServer::new();
    let (a, quiet, me) = (cache(&mut t, ""), cache(&mut t, "NOLOOP"), t.client);
    run(&mut t, quiet, "SET k v PX 50");
    run(&mut t, a, "GET k");
    run(&mut t, quiet, "GET k");
    t.advance(Duration::from_millis(100));
    assert_eq!(
        (got(&mut t, a), got(&mut t, quiet)),
        (about(&["k"]), about(&["k"])),
        "no loop: the server did it"
    );
    run(&mut t, a, "GET k");
    run(&mut t, me, "FLUSHALL");
    let all = ">2|$10|invalidate|_|";
    assert_eq!((got(&mut t, a).as_str(), got(&mut t, quiet).as_str()), (all, all));
    assert_eq!(t.srv.tracking.counts(), (0, 0, 0));
    assert_eq!(run(&mut t, a, "FLUSHDB ASYNC"), format!("+OK|{all}"));
}

#[test]
fn opting_in_and_out_holds_for_the_next_command() {
    let mut t = TestServer::new();
    let (a, me) = (cache(&mut t, "OPTIN"), t.client);
    let told = |t: &mut TestServer, a: Id, calls: &str| {
        t.send(a, calls.replace(';', "\r\n").as_bytes());
        got(t, a);
        run(t, me, "MSET k 1 l 1 m 1");
        got(t, a)
    };
    assert_eq!(told(&mut t, a, "GET k;CLIENT CACHING YES;GET l;GET m;"), about(&["l"]));
    assert_eq!(told(&mut t, a, "CLIENT CACHING YES;PING;GET l;"), "");
    assert_eq!(told(&mut t, a, "CLIENT CACHING YES;CLIENT ID;GET l;"), about(&["l"]));
    assert_eq!(told(&mut t, a, "CLIENT CACHING YES;NOSUCH;GET l;"), "");
    assert_eq!(told(&mut t, a, "CLIENT CACHING YES;GET;GET l;"), "");
    let both = [about(&["k"]), about(&["l"])].concat();
    assert_eq!(told(&mut t, a, "CLIENT CACHING YES;MULTI;GET k;GET l;EXEC;GET m;"), both);
    assert_eq!(told(&mut t, a, "MULTI;CLIENT CACHING YES;GET k;GET l;EXEC;GET m;"), both);
    t.send(a, b"CLIENT TRACKING OFF\r\nCLIENT TRACKING ON OPTOUT\r\n");
    got(&mut t, a);
    let two = [about(&["k"]), about(&["m"])].concat();
    assert_eq!(told(&mut t, a, "GET k;CLIENT CACHING NO;GET l;GET m;"), two);
}

#[test]
fn audiences_are_told_when_the_turn_ends_of_all_keys_at_once() {
    let mut t = TestServer::new();
    let (all, some, me) =
        (cache(&mut t, "BCAST"), cache(&mut t, "BCAST PREFIX p NOLOOP"), t.client);
    t.send(me, b"SET pz 1\r\nSET pa 2\r\nSET q 3\r\nSET pz 4\r\n");
    assert_eq!(got(&mut t, all), about(&["pa", "pz", "q"]));
    assert_eq!(got(&mut t, some), about(&["pa", "pz"]));
    t.send(all, b"SET p 1\r\nPING\r\n");
    assert_eq!(got(&mut t, all), format!("+OK|+PONG|{}", about(&["p"])));
    assert_eq!(got(&mut t, some), about(&["p"]));
    t.send(some, b"SET p 1\r\nPING\r\n");
    assert_eq!(got(&mut t, some), "+OK|+PONG|");
    assert_eq!(got(&mut t, all), about(&["p"]));
    assert_eq!(t.srv.tracking.counts(), (0, 0, 2));
    t.send_last(all, b"");
    assert_eq!(t.srv.tracking.counts(), (0, 0, 1));
}

#[test]
fn another_client_may_be_told_instead() {
    let mut t = TestServer::new();
    let (a, ear, me) = (cache(&mut t, ""), t.connect(), t.client);
    run(&mut t, ear, "SUBSCRIBE __redis__:invalidate");
    assert_eq!(run(&mut t, a, "CLIENT TRACKING ON REDIRECT 3"), "+OK|");
    assert_eq!(run(&mut t, a, "CLIENT GETREDIR"), ":3|");
    run(&mut t, a, "GET k");
    run(&mut t, me, "SET k 1");
    assert_eq!(got(&mut t, ear), "*3|$7|message|$20|__redis__:invalidate|*1|$1|k|");
    run(&mut t, me, "FLUSHALL");
    assert_eq!(got(&mut t, ear), "*3|$7|message|$20|__redis__:invalidate|$-1|");
    assert_eq!(got(&mut t, a), "");
    run(&mut t, a, "GET k");
    t.send_last(ear, b"");
    run(&mut t, me, "SET k 1");
    assert_eq!(got(&mut t, a), ">2|$21|tracking-redir-broken|:3|");
    let info = run(&mut t, a, "CLIENT TRACKINGINFO");
    assert!(info.starts_with("%3|$5|flags|~2|$2|on|$15|broken_redirect|"), "{info}");
    assert!(run(&mut t, me, "CLIENT LIST ID 2").contains(" flags=tR "));
    // Who speaks RESP2 and has named nobody hears nothing.
    run(&mut t, me, "CLIENT TRACKING ON");
    run(&mut t, me, "GET k");
    run(&mut t, a, "SET k 1");
    assert_eq!(got(&mut t, me), "");
}

#[test]
fn modes_and_prefixes_that_contradict_each_other_are_refused() {
    let mut t = TestServer::new();
    let me = t.client;
    let refused = |t: &mut TestServer, how: &str, text: &str| {
        assert_eq!(run(t, me, &format!("CLIENT TRACKING {how}")), format!("-ERR {text}|"), "{how}");
    };
    let switch_bcast = "You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                        re-enabling it with a different mode.";
    let overlap = |a: &str, which: &str, b: &str| {
        format!(
            "Prefix '{a}' overlaps with {which} prefix '{b}'. Prefixes for a single client must not overlap."
        )
    };
    refused(&mut t, "maybe", "syntax error");
    refused(&mut t, "ON REDIRECT", "syntax error");
    refused(&mut t, "ON REDIRECT 7", "The client ID you want redirect to does not exist");
    refused(
        &mut t,
        "ON REDIRECT 1 REDIRECT 1",
        "A client can only redirect to a single other client",
    );
    refused(&mut t, "ON PREFIX a", "PREFIX option requires BCAST mode to be enabled");
    refused(
        &mut t,
        "ON BCAST PREFIX foo PREFIX foobar",
        &overlap("foo", "another provided", "foobar"),
    );
    assert_eq!(run(&mut t, me, "CLIENT TRACKING ON BCAST PREFIX foo"), "+OK|");
    refused(&mut t, "ON BCAST PREFIX fooz", &overlap("fooz", "an existing", "foo"));
    refused(&mut t, "ON OPTIN OPTOUT", switch_bcast);
    refused(&mut t, "ON BCAST OPTIN", "OPTIN and OPTOUT are not compatible with BCAST");
    assert_eq!(run(&mut t, me, "CLIENT TRACKING ON BCAST PREFIX bar NOLOOP"), "+OK|");
    let info = run(&mut t, me, "CLIENT TRACKINGINFO");
    let want =
        "*6|$5|flags|*3|$2|on|$5|bcast|$6|noloop|$8|redirect|:0|$8|prefixes|*2|$3|bar|$3|foo|";
    assert_eq!(info, want);
    run(&mut t, me, "CLIENT TRACKING OFF");
    assert_eq!(t.srv.tracking.counts(), (0, 0, 0));
}

#[test]
fn a_full_table_forgets_and_tells() {
    let mut t = TestServer::new();
    let (a, me) = (cache(&mut t, ""), t.client);
    run(&mut t, me, "CONFIG SET tracking-table-max-keys 2");
    t.send(a, b"MGET a b c d\r\nPING\r\n");
    let told = got(&mut t, a);
    assert!(
        told.starts_with("*4|_|_|_|_|>2|$10|invalidate|") && told.ends_with("+PONG|"),
        "{told}"
    );
    assert_eq!((told.matches("invalidate").count(), t.srv.tracking.counts()), (2, (2, 2, 0)));
    run(&mut t, me, "CONFIG SET tracking-table-max-keys 1");
    t.advance(Duration::from_secs(1));
    assert_eq!(got(&mut t, a).matches("invalidate").count(), 1);
    // Where nobody caches any more, the cron forgets the rest.
    run(&mut t, a, "CLIENT TRACKING OFF");
    t.advance(Duration::from_secs(1));
    assert_eq!(t.srv.tracking.counts(), (0, 0, 0));
}

#[test]
fn invalidations_and_events_come_in_the_order_of_what_happened() {
    let mut t = TestServer::new();
    let (a, me) = (cache(&mut t, ""), t.client);
    run(&mut t, me, "CONFIG SET notify-keyspace-events EA");
    run(&mut t, a, "PSUBSCRIBE __key*");
    run(&mut t, me, "MSET k 1 l 2");
    got(&mut t, a);
    run(&mut t, a, "MGET k l");
    run(&mut t, me, "DEL k l");
    let event = |key: &str| format!(">4|$8|pmessage|$6|__key*|$18|__keyevent@0__:del|$1|{key}|");
    let want = [about(&["k"]), event("k"), about(&["l"]), event("l")].concat();
    assert_eq!(got(&mut t, a), want);
}

/// It does not know what that was.
#[test]
fn what_its_script_has_changed_is_told_even_to_who_wants_no_loop() {
    let mut t = TestServer::new();
    let client = cache(&mut t, "BCAST NOLOOP");
    t.send(client, b"SET k 1\r\nEVAL \"return redis.call('incr', 'k')\" 0\r\n");
    assert_eq!(got(&mut t, client), format!("+OK|:2|{}", about(&["k"])));
    run(&mut t, client, "SET k 1");
    assert_eq!(got(&mut t, client), "");
}

#[test]
fn without_loop_it_is_the_last_change_of_a_turn_that_counts() {
    let mut t = TestServer::new();
    let (client, me) = (cache(&mut t, "BCAST NOLOOP"), t.client);
    run(&mut t, client, "SET k 1 PX 1");
    t.srv.debug.active_expire = false;
    t.advance(Duration::from_millis(10));
    assert_eq!(run(&mut t, client, "INCR k"), ":1|", "expiry came before");
    t.send(client, b"BLPOP l 0\r\n");
    run(&mut t, me, "RPUSH l a");
    assert_eq!(got(&mut t, client), "*2|$1|l|$1|a|", "the push came before");
}

#[test]
fn who_waited_goes_on_before_audiences_are_told() {
    let mut t = TestServer::new();
    let (all, waiting, me) = (cache(&mut t, "BCAST"), t.connect(), t.client);
    t.send(waiting, b"BLPOP l 0\r\nSET k 1\r\n");
    run(&mut t, me, "RPUSH l a");
    assert_eq!(got(&mut t, waiting), "*2|$1|l|$1|a|+OK|");
    assert_eq!(got(&mut t, all), about(&["k", "l"]));
}

#[test]
fn who_flushes_hears_of_it_before_the_answer_also_in_the_name_of_others() {
    let mut t = TestServer::new();
    let (speaker, client) = (t.connect(), t.connect());
    run(&mut t, speaker, "HELLO 3");
    let number = t.srv.clients.get(speaker).expect("it is there").number;
    run(&mut t, client, &format!("CLIENT TRACKING ON REDIRECT {number}"));
    let told = ">2|$10|invalidate|_|";
    assert_eq!(run(&mut t, speaker, "FLUSHALL"), format!("{told}+OK|"));
    assert_eq!(run(&mut t, speaker, "FLUSHALL ASYNC"), format!("+OK|{told}"));
}

/// What is taken is told first, what is put is not; the orders are those of Redis 8.2.
#[test]
fn who_listens_and_caches_hears_of_events_and_of_its_cache_in_a_certain_order() {
    let mut t = TestServer::new();
    let (client, me) = (cache(&mut t, ""), t.client);
    run(&mut t, me, "CONFIG SET notify-keyspace-events EA");
    run(&mut t, client, "PSUBSCRIBE *");
    let cases = [
        ("RPUSH k a", "LPOP k", "lpop del !k"),
        ("RPUSH k a b", "RPOP k 1", "rpop !k"),
        ("RPUSH k a", "LREM k 0 a", "lrem del !k"),
        ("RPUSH k a", "LTRIM k 5 6", "ltrim del !k"),
        ("RPUSH k a", "LMOVE k j LEFT LEFT", "!j lpush lpop del !k"),
        ("RPUSH k a", "RPUSH k b", "!k rpush"),
        ("SADD k a", "SPOP k", "spop del !k"),
        ("SADD k a b c", "SPOP k 2", "spop !k"),
        ("SADD k a", "SPOP k 5", "spop del !k"),
        ("SADD k a", "SMOVE k j a", "srem del !k !j sadd"),
        ("SADD k a", "SREM k a", "!k srem del"),
        ("ZADD k 1 a", "ZREM k a", "zrem del !k"),
        ("ZADD k 1 a", "ZREMRANGEBYSCORE k 0 5", "!k zremrangebyscore del"),
        ("ZADD k 1 a", "ZPOPMIN k", "zpopmin del !k"),
        ("HSET k f v", "HDEL k f", "!k hdel del"),
        ("XADD k 1-1 f v", "XADD k MAXLEN 1 2-1 f v", "xadd xtrim !k"),
        ("XADD k 1-1 f v", "XTRIM k MAXLEN 0", "xtrim !k"),
        ("XADD k 1-1 f v", "XDEL k 1-1", "!k xdel"),
    ];
    for (before, line, want) in cases {
        run(&mut t, me, "DEL k j");
        run(&mut t, me, before);
        run(&mut t, client, "MGET k j");
        got(&mut t, client);
        run(&mut t, me, line);
        let heard = got(&mut t, client);
        let words: Vec<_> = heard.split('|').collect();
        let told = words.windows(4).filter_map(|w| match w {
            ["invalidate", "*1", _, key] => Some(format!("!{key}")),
            [channel, _, _, _] => Some(channel.strip_prefix("__keyevent@0__:")?.to_owned()),
            _ => None,
        });
        let told: Vec<_> = told.filter(|word| word != "new").collect();
        assert_eq!(told.join(" "), want, "{line}");
    }
}

#[test]
fn of_a_script_is_remembered_what_its_calls_have_read_not_what_it_was_given() {
    let mut t = TestServer::new();
    let (client, me) = (cache(&mut t, ""), t.client);
    for command in ["EVAL", "EVAL_RO"] {
        run(&mut t, client, &format!("{command} \"return redis.call('get', 'a')\" 1 b"));
        assert_eq!(t.srv.tracking.counts(), (1, 1, 0), "{command}");
        run(&mut t, me, "MSET a 1 b 1");
        assert_eq!(got(&mut t, client), about(&["a"]), "{command}");
    }
}
