//! SLOWLOG, COMMANDLOG and MONITOR as clients see them.

use std::time::Duration;

use crate::base::slab::Id;
use crate::command::states;
use crate::command::{Call, CmdError, Command, Done, flag};
use crate::config::Config;
use crate::server::admit::{self, Admission};
use crate::server::testing::TestServer;

/// A server that logs every call in every log.
fn logging() -> TestServer {
    let mut conf = Config::default();
    conf.slowlog.slower_than_us = 0;
    conf.slowlog.request_larger_than_bytes = 0;
    conf.slowlog.reply_larger_than_bytes = 0;
    TestServer::with(conf)
}

fn heard(t: &mut TestServer, id: Id) -> String {
    String::from_utf8(t.receive(id)).expect("text")
}

#[test]
fn slowlog_lists_the_last_calls_first() {
    let mut t = logging();
    t.run("CLIENT SETNAME me");
    t.run("PING hello");
    assert_eq!(t.run("SLOWLOG LEN"), ":2\r\n");
    let entry = "*6\r\n:1\r\n:1700000000\r\n:0\r\n*2\r\n$4\r\nPING\r\n$5\r\nhello\r\n$3\r\n?:0\r\n$2\r\nme\r\n";
    let got = t.run("SLOWLOG GET -1");
    assert!(got.starts_with("*3\r\n*6\r\n:2\r\n") && got.contains(entry), "{got}");
    assert_eq!(t.run("SLOWLOG GET 0"), "*0\r\n");
    assert!(t.run("SLOWLOG GET 2").starts_with("*2\r\n"));
    assert_eq!(t.run("SLOWLOG RESET"), "+OK\r\n");
    assert_eq!(t.run("SLOWLOG LEN"), ":1\r\n", "the reset itself");
    for bad in ["-2", "x", "1.5"] {
        let want = "-ERR count should be greater than or equal to -1\r\n";
        assert_eq!(t.run(&format!("SLOWLOG GET {bad}")), want);
    }
    let want =
        "-ERR unknown subcommand or wrong number of arguments for 'Get'. Try SLOWLOG HELP.\r\n";
    assert_eq!(t.run("slowlog Get 1 2"), want);
    assert!(t.run("SLOWLOG HELP").starts_with("*10\r\n+SLOWLOG <subcommand>"));
}

#[test]
fn passwords_do_not_reach_the_log() {
    let mut t = logging();
    t.run("AUTH secret");
    t.run("HELLO 2 AUTH default secret");
    let got = t.run("SLOWLOG GET");
    assert!(!got.contains("secret") && got.matches("(redacted)").count() == 3, "{got}");
}

#[test]
fn thresholds_are_obeyed_as_they_change() {
    let mut t = TestServer::new();
    t.srv.conf.slowlog.slower_than_us = 1;
    t.run("PING");
    t.srv.conf.slowlog.slower_than_us = -1;
    t.run("PING");
    assert_eq!(t.run("SLOWLOG LEN"), ":0\r\n");
    t.srv.conf.slowlog.slower_than_us = 0;
    t.srv.conf.slowlog.max_len = 2;
    (0..5).for_each(|_| drop(t.run("PING")));
    assert_eq!(t.run("SLOWLOG LEN"), ":2\r\n");
}

#[test]
fn commandlog_knows_large_requests_and_replies() {
    let mut t = TestServer::new();
    t.srv.conf.slowlog.request_larger_than_bytes = 100;
    t.srv.conf.slowlog.reply_larger_than_bytes = 100;
    let long = "x".repeat(95);
    t.run(&format!("ECHO {long}"));
    let echo = |figure: usize| {
        format!(
            "*1\r\n*6\r\n:0\r\n:1700000000\r\n:{figure}\r\n*2\r\n$4\r\nECHO\r\n$95\r\n{long}\r\n$3\r\n?:0\r\n$0\r\n\r\n"
        )
    };
    assert_eq!(t.run("COMMANDLOG GET 5 large-request"), echo(4 + 10 + 5 + 97));
    assert_eq!(
        t.run("COMMANDLOG GET 1 Large-Reply").matches("ECHO").count(),
        0,
        "that was the GET itself"
    );
    assert_eq!(t.run("COMMANDLOG LEN large-reply"), ":3\r\n");
    assert_eq!(t.run("COMMANDLOG LEN slow"), ":0\r\n");
    assert_eq!(t.run("COMMANDLOG RESET large-reply"), "+OK\r\n");
    assert_eq!(t.run("COMMANDLOG LEN large-reply"), ":0\r\n");
    let want = "-ERR type should be one of the following: slow, large-request, large-reply\r\n";
    assert_eq!(t.run("COMMANDLOG LEN fast"), want);
    assert_eq!(
        t.run("COMMANDLOG GET -2 fast"),
        "-ERR count should be greater than or equal to -1\r\n"
    );
    assert_eq!(
        t.run("COMMANDLOG GET"),
        "-ERR wrong number of arguments for 'commandlog|get' command\r\n"
    );
}

#[test]
fn monitors_see_what_others_do_and_what_they_do_themselves() {
    let mut t = TestServer::new();
    let monitor = t.connect();
    assert_eq!(t.run_as(monitor, "MONITOR"), "+OK\r\n");
    assert_eq!(t.run_as(monitor, "MONITOR"), "", "a second one is not answered");
    t.advance(Duration::from_micros(7));
    t.run("PING");
    t.run("SELECT 3");
    t.run("ECHO 'a\"b'");
    t.run("AUTH secret");
    let hidden = ["SLOWLOG LEN", "CLIENT LIST", "NOSUCH", "PING a b c d e", "ECHO"];
    hidden.iter().for_each(|line| drop(t.run(line)));
    let line = |db: u32, call: &str| format!("+1700000000.000007 [{db} ?:0] {call}\r\n");
    let want = [
        line(0, r#""PING""#),
        line(3, r#""SELECT" "3""#),
        line(3, r#""ECHO" "a\"b""#),
        line(3, r#""AUTH" "(redacted)""#),
        line(3, r#""PING" "a" "b" "c" "d" "e""#),
    ];
    assert_eq!(heard(&mut t, monitor), want.concat());
    assert_eq!(t.run_as(monitor, "PING"), format!("+PONG\r\n{}", line(0, r#""PING""#)));
}

#[test]
fn answers_and_lines_alternate_in_a_pipeline_of_a_monitor() {
    let mut t = TestServer::new();
    t.run("MONITOR");
    t.send(t.client, b"ECHO a\r\nECHO b\r\n");
    let client = t.client;
    let line = |word: &str| format!("+1700000000.000000 [0 ?:0] \"ECHO\" \"{word}\"\r\n");
    let want = format!("$1\r\na\r\n{}$1\r\nb\r\n{}", line("a"), line("b"));
    assert_eq!(heard(&mut t, client), want);
}

#[test]
fn reset_ends_monitoring_and_quit_the_monitor() {
    let mut t = TestServer::new();
    let (resets, quits, silent) = (t.connect(), t.connect(), t.connect());
    for id in [resets, quits] {
        t.run_as(id, "MONITOR");
    }
    t.run_as(silent, "CLIENT REPLY OFF");
    t.run_as(silent, "MONITOR");
    assert_eq!(t.srv.clients.monitors.len(), 3);
    for id in [resets, quits, silent] {
        t.receive(id);
    }
    assert_eq!(t.run_as(resets, "RESET"), "+RESET\r\n");
    t.receive(quits);
    assert_eq!(t.run_as(quits, "QUIT"), "+OK\r\n", "and no line about it");
    assert_eq!(t.srv.clients.monitors, [silent]);
    t.run("PING");
    assert_eq!((heard(&mut t, resets), heard(&mut t, silent)), (String::new(), String::new()));
    assert!(!t.srv.clients.iter().any(|c| c.marks.lent), "nobody is being served");
}

#[test]
fn monitors_keep_off_the_keyspace() {
    static READ: Command = Command::data("read", |_| Ok(Done)).arity(1).flags(flag::READONLY);
    let mut t = TestServer::new();
    let other = t.connect();
    t.run("MONITOR");
    assert_eq!(states::concerns(&READ) & t.srv.states & states::MONITORED, states::MONITORED);
    let asked = |client| {
        let call = Call { cmd: &READ, client, ..Call::default() };
        admit::check(&t.srv, &call, states::MONITORED)
    };
    assert!(matches!(asked(t.client), Admission::Refuse(CmdError::NO_KEYSPACE)));
    assert!(matches!(asked(other), Admission::Run));
    t.run("RESET");
    assert_eq!(t.srv.states & states::MONITORED, 0, "the last monitor is gone");
}

#[test]
fn a_skipped_answer_takes_its_line_with_it() {
    let mut t = TestServer::new();
    t.run("MONITOR");
    assert!(t.run("CLIENT REPLY SKIP").ends_with("\"CLIENT\" \"REPLY\" \"SKIP\"\r\n"));
    assert_eq!(t.run("PING"), "");
    assert!(t.run("PING").starts_with("+PONG\r\n+17"));
}

#[test]
fn closing_clients_are_sent_nothing() {
    let mut t = TestServer::new();
    t.run("MONITOR");
    let (id, other) = (t.client, t.connect());
    t.srv.clients.close_later(id);
    let crate::server::Server { clients, net, .. } = &mut *t.srv;
    clients.send_to(id, net, |out| out.simple("late"));
    assert!(clients.get(id).is_some_and(|c| c.out.is_empty()) && net.pending_pushes.is_empty());
    clients.send_to(other, net, |out| out.simple("in time"));
    clients.send_to(other, net, |out| out.simple("twice"));
    assert_eq!(net.pending_pushes, [other], "queued once");
    t.settle();
    assert_eq!(heard(&mut t, other), "+in time\r\n+twice\r\n");
}
