//! Whole servers that save to a disk which fails when told.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::driver;
use crate::base::files::Files;
use crate::config::{Config, Guard};
use crate::persist::aof::Aof;
use crate::persist::disk::{Disk, Fault, Faults, Op, Scratch};
use crate::server::testing::TestServer;

/// A server with a folder of its own, and what is wrong with the disk.
struct Kept {
    t: TestServer,
    faults: Arc<Faults>,
    scratch: Scratch,
}

fn kept(name: &str) -> Kept {
    let scratch = Scratch::new(&format!("rdb-{name}"));
    let mut conf = Config::default();
    conf.process.dir = scratch.0.to_string_lossy().into_owned();
    conf.rdb.save_points = vec![(3600, 1)];
    conf.rdb.compression = false;
    conf.security.enable_debug_command = Guard::Yes;
    let mut t = TestServer::with(conf);
    let (disk, faults) = Disk::faulty();
    t.srv.aof = Aof::new(disk);
    t.srv.files = Files::Disk;
    // More than a buffer of the writer holds.
    for index in 0..20 {
        t.run(&format!("SET k{index} {}", "x".repeat(40_000)));
    }
    Kept { t, faults, scratch }
}

impl Kept {
    fn run(&mut self, line: &str) -> String {
        self.t.run(line)
    }

    fn save_in_background(&mut self) -> bool {
        let answer = self.run("BGSAVE");
        if answer != "+Background saving started\r\n" {
            assert_eq!(answer, "-ERR\r\n");
            return false;
        }
        self.t.wait_for_child();
        self.t.srv.rdb.last_ok
    }

    fn file(&self) -> Vec<u8> {
        fs::read(self.scratch.0.join("dump.rdb")).expect("a snapshot")
    }

    fn names(&self) -> Vec<String> {
        let listed = fs::read_dir(&self.scratch.0).expect("the folder");
        listed.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect()
    }

    fn log(&self) -> String {
        self.t.srv.log.lines().iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    fn info(&mut self, line: &str) -> bool {
        self.run("INFO persistence").contains(&format!("{line}\r\n"))
    }

    /// What a server that starts now would have.
    fn loaded(&self) -> TestServer {
        let conf = self.t.srv.conf.clone();
        let mut t = TestServer::with(conf);
        let path = self.scratch.0.join("dump.rdb");
        t.srv.files = Files::Disk;
        driver::load_file(&mut t.srv, &path, driver::Terms::default()).expect("it is whole");
        t
    }
}

/// A fault, and what the log says of it.
fn faults() -> Vec<(Fault, &'static str)> {
    let once = Fault::once;
    let full = "Write error while saving DB to the disk(rdbSaveRio): No space left on device";
    let broken = "Write error while saving DB to the disk(rdbSaveRio): Input/output error";
    vec![
        (once(Op::Create, libc::EACCES, 0), "Failed opening the temp RDB file temp-"),
        (once(Op::Write, libc::ENOSPC, 0), full),
        (once(Op::Write, libc::ENOSPC, 2), full),
        (Fault { partial: 1, ..once(Op::Write, libc::ENOSPC, 0) }, full),
        (Fault { partial: 100_000, ..once(Op::Write, libc::ENOSPC, 1) }, full),
        (once(Op::Write, libc::EIO, 1), broken),
        (
            once(Op::Sync, libc::EIO, 0),
            "Write error while saving DB to the disk(fsync): Input/output error",
        ),
        (once(Op::Rename, libc::EIO, 0), "Error moving temp DB file temp-"),
    ]
}

#[test]
fn a_save_that_fails_anywhere_leaves_the_old_file() {
    for (index, (fault, text)) in faults().into_iter().enumerate() {
        let mut kept = kept(&format!("save-{index}"));
        assert_eq!(kept.run("SAVE"), "+OK\r\n");
        let old = kept.file();
        kept.run("SET k0 new");
        kept.faults.plan(fault);
        assert_eq!(kept.run("SAVE"), "-ERR\r\n", "{fault:?}");
        assert!(kept.log().contains(text), "{fault:?}: {}", kept.log());
        assert!(kept.file() == old && kept.names() == ["dump.rdb"], "{fault:?}");
        // Compat: only a snapshot in the background stops writes when it fails.
        assert!(kept.info("rdb_last_bgsave_status:ok") && kept.info("rdb_saves:2"));
        assert!(kept.info("rdb_changes_since_last_save:1"), "{fault:?}");
        kept.faults.clear();
        assert_eq!(kept.run("SAVE"), "+OK\r\n");
        assert_eq!(kept.loaded().run("GET k0"), "$3\r\nnew\r\n");
    }
}

#[test]
fn a_snapshot_in_the_background_that_fails_anywhere_stops_writes_until_one_succeeds() {
    let fork = (Fault::once(Op::Fork, libc::EAGAIN, 0), "Can't save in background: fork: ");
    for (index, (fault, text)) in faults().into_iter().chain([fork]).enumerate() {
        let mut kept = kept(&format!("bgsave-{index}"));
        assert!(kept.save_in_background());
        let old = kept.file();
        kept.run("SET k0 new");
        kept.faults.plan(fault);
        assert!(!kept.save_in_background(), "{fault:?}");
        // What the child has logged is in its own memory.
        let told = if fault.op == Op::Fork { text } else { "Background saving error" };
        assert!(kept.log().contains(told), "{fault:?}: {}", kept.log());
        assert!(kept.file() == old && kept.names() == ["dump.rdb"], "{fault:?}");
        assert!(kept.info("rdb_last_bgsave_status:err") && kept.info("rdb_saves:2"));
        assert!(kept.info("rdb_changes_since_last_save:1"), "{fault:?}");
        for line in ["SET k1 never", "DEL k1", "PING", "EVAL \"redis.call('del', 'k1')\" 0"] {
            let answer = kept.run(line);
            assert!(answer.starts_with("-MISCONF Redis is configured to save RDB"), "{answer}");
        }
        assert_eq!(kept.run("EXISTS k1"), ":1\r\n");
        kept.faults.clear();
        assert!(kept.save_in_background(), "{fault:?}");
        assert_eq!(kept.run("SET k1 again"), "+OK\r\n");
        assert_eq!(kept.loaded().run("GET k0"), "$3\r\nnew\r\n");
    }
}

/// The new file is in its place, which is not sure to last: that is no success, and no harm.
#[test]
fn a_folder_that_cannot_be_forced_out_is_a_failure_with_the_new_file_in_place() {
    let mut kept = kept("folder");
    assert_eq!(kept.run("SAVE"), "+OK\r\n");
    kept.run("SET k0 new");
    kept.faults.plan(Fault::lasting(Op::SyncFolder, libc::EIO));
    assert_eq!(kept.run("SAVE"), "-ERR\r\n");
    let told = "Failed to fsync directory while saving DB: Input/output error";
    assert!(kept.log().contains(told), "{}", kept.log());
    assert!(!kept.save_in_background());
    assert!(kept.run("SET k0 never").starts_with("-MISCONF"));
    assert_eq!(kept.names(), ["dump.rdb"]);
    assert_eq!(kept.loaded().run("GET k0"), "$3\r\nnew\r\n");
    // A save in the foreground that succeeds lets writes go on, too.
    kept.faults.clear();
    assert_eq!(kept.run("SAVE"), "+OK\r\n");
    assert_eq!(kept.run("SET k0 newer"), "+OK\r\n");
    assert!(kept.info("rdb_last_bgsave_status:ok") && kept.info("rdb_saves:4"));
}

/// A snapshot that was asked for by a save point is tried again, but not at once.
#[test]
fn a_save_point_tries_again_after_a_while() {
    let mut kept = kept("retry");
    kept.faults.plan(Fault::lasting(Op::Write, libc::ENOSPC));
    kept.t.advance(Duration::from_secs(3601));
    kept.run("PING");
    kept.t.wait_for_child();
    assert!(kept.info("rdb_last_bgsave_status:err") && kept.info("rdb_saves:1"));
    kept.faults.clear();
    kept.t.advance(Duration::from_secs(2));
    assert!(kept.info("rdb_saves:1"), "not yet");
    kept.t.advance(Duration::from_secs(10));
    kept.t.wait_for_child();
    assert!(kept.info("rdb_last_bgsave_status:ok") && kept.info("rdb_saves:2"));
    assert_eq!(kept.run("SET k0 new"), "+OK\r\n");
}
