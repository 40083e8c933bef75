//! LATENCY.

use super::report;
use crate::command::lookup::CommandId;
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::resp::reply::Reply;
use crate::server::{Run, Server};

const FLAGS: u64 = flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE;
const TIPS: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

pub static LATENCY: Command = Command::container(
    "latency",
    &[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HELP,
        &LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ],
)
.arity(-2)
.group(Group::Server)
.since("2.8.13")
.summary("Subcommands about how long things take.")
.complexity("Depends on subcommand.");

pub static LATENCY_DOCTOR: Command = Command::server("latency|doctor", &Run(doctor))
    .arity(2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Reports on latency spikes, with advice.")
    .complexity("O(1)")
    .tips(TIPS);

fn doctor(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let is_enabled = srv.conf.latency.monitor_threshold_ms != 0;
    let text = report::doctor(&srv.latency, is_enabled, srv.clock.now().seconds());
    call.out.verbatim(text.as_bytes());
    Ok(Done)
}

pub static LATENCY_GRAPH: Command = Command::server("latency|graph", &Run(graph))
    .arity(3)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Draws the latency spikes of an event.")
    .complexity("O(1)")
    .args(&[Arg::string("event")])
    .tips(TIPS);

fn graph(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let event = call.query.args().at(2);
    let series = srv.latency.series(event).ok_or_else(|| CmdError::no_samples(event))?;
    let name = String::from_utf8_lossy(event);
    call.out.verbatim(report::graph(&name, series, srv.clock.now().seconds()).as_bytes());
    Ok(Done)
}

pub static LATENCY_HELP: Command = Command::server("latency|help", &Run(help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Tells how LATENCY is used.")
    .complexity("O(1)");

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    const LINES: &[&str] = &[
        "DOCTOR",
        "    Reports on the latency spikes that were observed, with advice.",
        "GRAPH <event>",
        "    Draws the spikes of the <event>.",
        "HISTORY <event>",
        "    Lists time and milliseconds of the spikes of the <event>.",
        "LATEST",
        "    Lists the last spike of every event.",
        "RESET [<event> ...]",
        "    Forgets the spikes of these events.",
        "    (all of them if none is given)",
        "HISTOGRAM [COMMAND ...]",
        "    Tells how many calls of these commands took no longer than bounds that double from one to the next.",
        "    Without a command, all that were called are told.",
    ];
    call.out.help("LATENCY", LINES);
    Ok(Done)
}

pub static LATENCY_HISTOGRAM: Command = Command::server("latency|histogram", &Run(histogram))
    .arity(-2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("7.0.0")
    .summary("Tells how the durations of commands are distributed.")
    .complexity("O(N) with N commands told")
    .args(&[Arg::string("command").optional().multiple()])
    .tips(TIPS);

fn histogram(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    let mut ids = vec![];
    if args.len() == 2 {
        ids.extend((0..srv.commands.len()).map(|id| CommandId(id as u16)));
    }
    for name in args.from(2) {
        if let Some(id) = srv.commands.find_full(name) {
            // A container stands for itself and all it contains.
            ids.push(id);
            ids.extend(srv.commands.entry(id).subcommands.clone().map(CommandId));
        }
    }
    ids.retain(|id| !srv.stats.command(*id).latency.is_empty());
    call.out.map(ids.len());
    for id in ids {
        distribution(srv, id, &mut call.out);
    }
    Ok(Done)
}

fn distribution(srv: &mut Server, id: CommandId, out: &mut Reply) {
    let latency = &srv.stats.command(id).latency;
    out.bulk(srv.commands.entry(id).command.name.as_bytes());
    out.map(2);
    out.bulk(b"calls");
    out.uint(latency.total());
    out.bulk(b"histogram_usec");
    let steps = latency.distribution();
    out.map(steps.len());
    for (usec, calls) in steps {
        out.uint(usec);
        out.uint(calls);
    }
}

pub static LATENCY_HISTORY: Command = Command::server("latency|history", &Run(history))
    .arity(3)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Lists the latency spikes of an event.")
    .complexity("O(1)")
    .args(&[Arg::string("event")])
    .tips(TIPS);

fn history(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Some(series) = srv.latency.series(call.query.args().at(2)) else {
        call.out.array(0);
        return Ok(Done);
    };
    call.out.array(series.samples().len());
    for sample in series.samples() {
        call.out.array(2);
        call.out.int(sample.unix_s);
        call.out.uint(sample.ms);
    }
    Ok(Done)
}

pub static LATENCY_LATEST: Command = Command::server("latency|latest", &Run(latest))
    .arity(2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Lists the last latency spike of every event.")
    .complexity("O(1)")
    .tips(TIPS);

fn latest(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.array(srv.latency.events().len());
    for (event, series) in srv.latency.events() {
        let last = series.last();
        call.out.array(4);
        call.out.bulk(event.as_bytes());
        call.out.int(last.unix_s);
        call.out.uint(last.ms);
        call.out.uint(series.worst_ms());
    }
    Ok(Done)
}

pub static LATENCY_RESET: Command = Command::server("latency|reset", &Run(reset))
    .arity(-2)
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.13")
    .summary("Forgets the latency spikes of some events, or of all.")
    .complexity("O(1)")
    .args(&[Arg::string("event").optional().multiple()])
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum"]);

fn reset(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.query.args();
    let count = match args.len() {
        2 => srv.latency.reset_all(),
        _ => args.from(2).filter(|event| srv.latency.reset(event)).count(),
    };
    call.out.uint(count as u64);
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::latency::event;
    use crate::server::testing::TestServer;

    /// A server on which PING was slow twice and ECHO once.
    fn server() -> TestServer {
        let mut t = TestServer::new();
        t.srv.conf.latency.monitor_threshold_ms = 10;
        let Server { latency, conf, .. } = &mut *t.srv;
        latency.add(&conf.latency, event::FAST_COMMAND, 40, 1_699_999_990);
        latency.add(&conf.latency, event::FAST_COMMAND, 20, 1_699_999_995);
        latency.add(&conf.latency, event::COMMAND, 12, 1_700_000_000);
        latency.add(&conf.latency, event::COMMAND, 9, 1_700_000_000);
        t
    }

    #[test]
    fn spikes_are_listed_drawn_and_forgotten() {
        let mut t = server();
        let command = "*4\r\n$7\r\ncommand\r\n:1700000000\r\n:12\r\n:12\r\n";
        let fast = "*4\r\n$12\r\nfast-command\r\n:1699999995\r\n:20\r\n:40\r\n";
        assert_eq!(t.run("LATENCY LATEST"), format!("*2\r\n{command}{fast}"));
        let history = "*2\r\n*2\r\n:1699999990\r\n:40\r\n*2\r\n:1699999995\r\n:20\r\n";
        assert_eq!(t.run("LATENCY HISTORY fast-command"), history);
        assert_eq!(t.run("LATENCY HISTORY nosuch"), "*0\r\n");
        assert!(
            t.run("LATENCY GRAPH fast-command").contains("fast-command - high 40 ms, low 20 ms")
        );
        assert!(t.run("LATENCY DOCTOR").contains("1. command: 1 latency spikes"));
        assert_eq!(t.run("LATENCY RESET nosuch command command"), ":1\r\n");
        assert_eq!(t.run("LATENCY RESET"), ":1\r\n");
        assert_eq!(t.run("LATENCY LATEST"), "*0\r\n");
        let want = "-ERR No samples available for event 'command'\r\n";
        assert_eq!(t.run("LATENCY GRAPH command"), want);
        assert!(t.run("LATENCY HELP").starts_with("*17\r\n+LATENCY <subcommand>"));
    }

    #[test]
    fn histograms_by_command_and_container() {
        let mut t = TestServer::new();
        t.run("PING");
        t.run("PING");
        t.run("LATENCY LATEST");
        t.run("LATENCY NOSUCH");
        let ping =
            "$4\r\nping\r\n*4\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n:2\r\n";
        assert_eq!(t.run("LATENCY HISTOGRAM ping nosuch echo"), format!("*2\r\n{ping}"));
        assert_eq!(t.run("LATENCY HISTOGRAM nosuch config|nosuch"), "*0\r\n");
        let of_latency = t.run("LATENCY HISTOGRAM latency");
        assert!(of_latency.starts_with("*4\r\n$17\r\nlatency|histogram"), "{of_latency}");
        assert!(of_latency.contains("latency|latest"));
        assert!(t.run("LATENCY HISTOGRAM").starts_with("*6\r\n"));
        t.srv.conf.latency.tracking_enabled = false;
        t.run("ECHO x");
        assert_eq!(t.run("LATENCY HISTOGRAM echo"), "*0\r\n");
    }
}
