//! SHUTDOWN.

use super::shutdown::{self, Answer};
use super::{Run, Server};
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag};
use crate::config::ShutdownFlags;
use crate::resp::request::Args;
use crate::server::admit;

pub static SHUTDOWN: Command = Command::server("shutdown", &Run(shutdown))
    .arity(-1)
    .flags(
        flag::ADMIN
            | flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::NO_MULTI
            | flag::ALLOW_BUSY,
    )
    .group(Group::Server)
    .since("1.0.0")
    .summary("Saves what is to be saved and ends the server.")
    .complexity("O(N) for N keys when a snapshot is written, O(1) else.")
    .history(&[("7.0.0", "Takes NOW, FORCE and ABORT.")])
    .args(&[
        Arg::one_of(
            "save-selector",
            &[Arg::pure_token("nosave", "NOSAVE"), Arg::pure_token("save", "SAVE")],
        )
        .optional(),
        Arg::pure_token("now", "NOW").since("7.0.0").optional(),
        Arg::pure_token("force", "FORCE").since("7.0.0").optional(),
        Arg::pure_token("abort", "ABORT").since("7.0.0").optional(),
    ]);

fn shutdown(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Some(flags) = parse(call.args())? else {
        shutdown::abort(srv)?;
        call.out.ok();
        return Ok(Done);
    };
    if !flags.nosave
        && let Some(busy) = admit::busy_error(srv.long_work)
    {
        // What is saved now would hold half of what the script does.
        return Err(busy);
    }
    match shutdown::ask(srv, flags, Some(call.client)) {
        // The end of the connection is the answer, or a later error.
        Answer::Ending | Answer::Waiting => call.out.settle(),
        Answer::Refused => return Err(shutdown::REFUSED),
    }
    Ok(Done)
}

/// The flags; `None` for ABORT, which stands alone.
fn parse(args: Args<'_>) -> Result<Option<ShutdownFlags>, CmdError> {
    let (mut flags, mut abort) = (ShutdownFlags::default(), false);
    for index in 1..args.len() {
        match args.at(index).to_ascii_lowercase().as_slice() {
            b"save" => flags.save = true,
            b"nosave" => flags.nosave = true,
            b"now" => flags.now = true,
            b"force" => flags.force = true,
            b"abort" => abort = true,
            _ => return Err(CmdError::SYNTAX),
        }
    }
    let any = flags != ShutdownFlags::default();
    if flags.save && flags.nosave || abort && any {
        return Err(CmdError::SYNTAX);
    }
    Ok((!abort).then_some(flags))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use crate::config::LogLevel;
    use crate::server::testing::TestServer;

    fn log(t: &TestServer) -> Vec<&str> {
        t.srv.log.lines().iter().map(|(_, line)| line.as_str()).collect()
    }

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        let mut t = TestServer::new();
        for line in
            ["SHUTDOWN x", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN NOSAVE ABORT"]
        {
            assert_eq!(t.run(line), "-ERR syntax error\r\n", "{line}");
        }
        assert_eq!(t.run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
        assert!(!t.srv.stopping);
        assert_eq!(log(&t), Vec::<&str>::new());
    }

    #[test]
    fn the_end_comes_without_an_answer_and_removes_the_pid_file() {
        let mut t = TestServer::new();
        let path = PathBuf::from("/run/x.pid");
        t.srv.files.write(&path, b"1\n").expect("memory");
        t.srv.process.pidfile = Some(path.clone());
        assert_eq!(t.run("SHUTDOWN NOW FORCE NOW"), "");
        assert!(t.srv.stopping);
        assert!(t.srv.files.read(&path).is_err());
        let bye = "Redis is now ready to exit, bye bye...";
        let saving = "Saving the final RDB snapshot before exiting.";
        let removing = "Removing the pid file.";
        let want = ["User requested shutdown...", saving, "DB saved on disk", removing, bye];
        assert_eq!(log(&t), want);
        assert_eq!(t.srv.log.lines()[4].0, LogLevel::Warning);
        assert!(t.srv.files.read(&PathBuf::from("dump.rdb")).is_ok());
    }

    #[test]
    fn replicas_that_are_behind_are_waited_for_until_the_time_is_up() {
        let mut t = TestServer::new();
        t.srv.shutdown.replicas_behind = 1;
        assert_eq!(t.run("SHUTDOWN"), "");
        t.advance(Duration::from_secs(9));
        assert!(t.srv.shutdown.is_waiting() && !t.srv.stopping);
        t.advance(Duration::from_secs(2));
        assert!(t.srv.stopping);
    }

    #[test]
    fn a_replica_that_caught_up_ends_the_waiting() {
        let mut t = TestServer::new();
        t.srv.shutdown.replicas_behind = 1;
        t.run("SHUTDOWN");
        t.srv.shutdown.replicas_behind = 0;
        t.advance(Duration::from_secs(1));
        assert!(t.srv.stopping);
    }

    #[test]
    fn an_aborted_shutdown_is_told_to_who_asked() {
        let mut t = TestServer::new();
        t.srv.shutdown.replicas_behind = 1;
        t.run("SHUTDOWN");
        let other = t.connect();
        assert_eq!(t.run_as(other, "SHUTDOWN ABORT"), "+OK\r\n");
        assert_eq!(t.receive(t.client), b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
        assert!(!t.srv.shutdown.is_waiting());
        assert!(t.srv.clients.pause.mode().is_none(), "writes go on");
    }
}
