//! Whole servers with an append-only file on a disk that fails when told.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::append::Appender;
use super::folder::Folder;
use super::start::driver as start;
use super::{Aof, State};
use crate::base::slab::Id;
use crate::command::effects::Readers;
use crate::config::{AppendFsync, Config};
use crate::net::reactor::{Reactor, Ready};
use crate::net::token::Source;
use crate::persist::disk::{Disk, Fault, Faults, Op, Scratch};
use crate::server::testing::TestServer;
use crate::server::turn;

/// A server, its folder and what is wrong with it.
struct Kept {
    t: TestServer,
    faults: Arc<Faults>,
    scratch: Scratch,
}

fn conf(scratch: &Scratch) -> Config {
    let mut conf = Config::default();
    conf.process.dir = scratch.0.to_string_lossy().into_owned();
    conf.aof.enabled = true;
    conf.rdb.save_points.clear();
    conf
}

/// Starts a server in a folder; `None`: it refuses.
fn begin(conf: Config, until_s: Option<i64>) -> Option<(TestServer, Arc<Faults>)> {
    let mut t = TestServer::with(conf);
    let (disk, faults) = Disk::faulty();
    t.srv.aof = Aof::new(disk);
    t.srv.unit.set_readers(Readers::default());
    t.srv.conf.security.enable_debug_command = crate::config::Guard::Yes;
    if until_s.is_some() {
        t.srv.clock.advance(Duration::from_secs(1000));
    }
    if t.srv.conf.aof.enabled && start::start(&mut t.srv, until_s).is_err() {
        eprintln!("{:?}", t.srv.log.lines());
        return None;
    }
    Some((t, faults))
}

fn kept(name: &str, set: impl FnOnce(&mut Config)) -> Kept {
    let scratch = Scratch::new(&format!("aof-{name}"));
    let mut conf = conf(&scratch);
    set(&mut conf);
    let (t, faults) = begin(conf, None).expect("an empty folder");
    Kept { t, faults, scratch }
}

impl Kept {
    fn run(&mut self, line: &str) -> String {
        self.t.run(line)
    }

    /// What another server makes of the files as they are now.
    fn reloaded(&self) -> Option<TestServer> {
        begin(self.t.srv.conf.clone(), None).map(|(t, _)| t)
    }

    fn check(&mut self) {
        let here = self.t.run("DEBUG DIGEST");
        let there = self.reloaded().expect("it loads").run("DEBUG DIGEST");
        assert_eq!(here, there);
    }

    fn wait_for_child(&mut self) {
        self.t.wait_for_child();
    }

    fn files(&self) -> Vec<String> {
        let listed = fs::read_dir(self.scratch.0.join("appendonlydir")).expect("the folder");
        let mut names: Vec<_> =
            listed.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn log(&self) -> String {
        self.t.srv.log.lines().iter().map(|(_, line)| format!("{line}\n")).collect()
    }
}

/// Commands of every type, with everything that a rewrite has to carry over.
const DATA: &[&str] = &[
    "SET s v",
    "SET n 12",
    "SET e x PX 100000",
    "APPEND a xyz",
    "SETRANGE a 600 z",
    "RPUSH l a b 3 c",
    "SADD i 1 2 3",
    "SADD m a b 4",
    "ZADD z 1 a 2.5 b -inf c",
    "HSET h f v n 7",
    "HEXPIRE h 1000 FIELDS 1 f",
    "HSET g a 1 b 2",
    "PFADD p a b c",
    "XADD x 1-1 f v",
    "XADD x 2-1 f w g h",
    "XDEL x 1-1",
    "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS x >",
    "XGROUP CREATECONSUMER x g idle",
    "XGROUP CREATE y g $ MKSTREAM",
    "MULTI",
    "INCR n",
    "SELECT 3",
    "SET o 1",
    "EXEC",
    "SET o 2",
    "SELECT 0",
    "LMPOP 1 l LEFT COUNT 2",
    "SPOP m",
    "GETDEL s",
    "EXPIRE g 500",
    "RENAME a b",
];

fn fill(kept: &mut Kept) {
    for line in DATA {
        let answer = kept.run(line);
        assert!(!answer.starts_with('-'), "{line}: {answer}");
    }
}

#[test]
fn what_was_written_is_there_after_a_start() {
    for (checksum, timestamps, preamble) in
        [(true, true, true), (false, false, false), (true, false, true)]
    {
        let mut kept = kept(&format!("start-{checksum}-{timestamps}-{preamble}"), |conf| {
            conf.aof.checksum = checksum;
            conf.aof.timestamp_enabled = timestamps;
            conf.aof.use_rdb_preamble = preamble;
        });
        fill(&mut kept);
        kept.check();
        assert_eq!(kept.t.srv.aof.state, State::On);
        let digest = kept.run("DEBUG DIGEST");
        assert_eq!(kept.run("DEBUG LOADAOF"), "+OK\r\n");
        assert_eq!(kept.run("DEBUG DIGEST"), digest);
    }
}

#[test]
fn a_full_disk_stops_writes_loses_nothing_and_is_got_over() {
    for partial in [0, 5] {
        let mut kept = kept(&format!("full-{partial}"), |_| {});
        kept.run("SET a 1");
        kept.faults.plan(Fault { partial, ..Fault::lasting(Op::Write, libc::ENOSPC) });
        // Nobody can know before it is tried.
        assert_eq!(kept.run("SET b 2"), "+OK\r\n");
        let misconf = "-MISCONF Errors writing to the AOF file: No space left on device\r\n";
        assert_eq!(kept.run("SET c 3"), misconf);
        assert_eq!(kept.run("PING"), misconf);
        assert_eq!(kept.run("GET b"), "$1\r\n2\r\n");
        assert!(kept.run("INFO persistence").contains("aof_last_write_status:err"));
        kept.faults.clear();
        kept.t.advance(Duration::from_secs(1));
        assert_eq!(kept.run("SET c 3"), "+OK\r\n");
        assert!(kept.log().contains("AOF write error looks solved"));
        kept.check();
        assert_eq!(kept.reloaded().expect("it loads").run("GET b"), "$1\r\n2\r\n");
    }
}

/// Whoever got an answer may rely on it; whoever got none knows nothing.
#[test]
fn with_always_nothing_is_answered_that_is_not_on_the_disk() {
    for op in [Op::Write, Op::Sync] {
        let mut kept = kept(&format!("always-{op:?}"), |conf| conf.aof.fsync = AppendFsync::Always);
        let syncs = kept.faults.syncs();
        assert_eq!(kept.run("SET a 1"), "+OK\r\n");
        assert_eq!(kept.faults.syncs(), syncs + 1);
        assert_eq!(kept.t.srv.aof.bio.synced_to(), kept.t.srv.aof.written, "before the answer");
        kept.faults.plan(Fault::once(op, libc::EIO, 0));
        assert_eq!(kept.run("SET b 2"), "");
        assert!(kept.t.srv.stopping && kept.t.srv.aof.is_broken, "{op:?}");
        let mut again = kept.reloaded().expect("it loads");
        assert_eq!(again.run("GET a"), "$1\r\n1\r\n");
    }
}

/// Puts a request on a client's wire, for the next turn.
fn put(t: &mut TestServer, client: Id, line: &str) {
    let sim = t.srv.clients.get_mut(client).and_then(|c| c.conn.simulated()).expect("it is");
    sim.incoming.extend_from_slice(line.as_bytes());
    if let Reactor::Simulated { ready, .. } = &mut t.srv.net.reactor {
        let source = Source::Client(client);
        ready.push(Ready { source, readable: true, writable: false, closed: false });
    }
}

/// The turn went on after the failure, and the last messages of the process told of writes that
/// nobody will find.
#[test]
fn with_always_no_message_leaves_after_a_sync_has_failed() {
    for (name, last) in [("turn", "PUBLISH c m\r\n"), ("shutdown", "SHUTDOWN NOSAVE\r\n")] {
        let mut kept = kept(&format!("always-{name}"), |conf| {
            conf.aof.fsync = AppendFsync::Always;
        });
        let t = &mut kept.t;
        let (writer, listener, other) = (t.client, t.connect(), t.connect());
        t.run("CONFIG SET notify-keyspace-events KA");
        t.run_as(listener, "PSUBSCRIBE *");
        t.receive(listener);
        put(t, writer, "SET b 2\r\n");
        let is_shutdown = name == "shutdown";
        if is_shutdown {
            put(t, other, last);
            kept.faults.plan(Fault::lasting(Op::Sync, libc::EIO));
        }
        turn::turn(&mut t.srv, &mut vec![]).expect("a simulated reactor does not fail");
        if !is_shutdown {
            // What comes while the process is about to end.
            put(t, other, last);
            kept.faults.plan(Fault::lasting(Op::Sync, libc::EIO));
        }
        turn::run(&mut t.srv).expect("a simulated reactor does not fail");
        assert!(t.srv.stopping && t.srv.aof.is_broken, "{name}");
        for client in [writer, listener, other] {
            assert_eq!(t.receive(client), b"", "{name}");
        }
    }
}

/// One write and one sync for all clients of a turn.
#[test]
fn clients_of_a_turn_share_a_sync() {
    let mut kept = kept("group", |conf| conf.aof.fsync = AppendFsync::Always);
    let syncs = kept.faults.syncs();
    let clients: Vec<_> = (0..50).map(|_| kept.t.connect()).collect();
    for id in &clients {
        put(&mut kept.t, *id, "INCR n\r\nINCR m\r\n");
    }
    kept.t.settle();
    assert_eq!(kept.run("GET n"), "$2\r\n50\r\n");
    assert_eq!(kept.faults.syncs(), syncs + 1);
}

#[test]
fn a_sync_that_takes_its_time_holds_writes_back_for_two_seconds() {
    let mut kept = kept("slow", |_| {});
    kept.t.advance(Duration::from_secs(2));
    kept.t.srv.aof.bio.hold(1);
    let size = kept.t.srv.aof.size();
    assert_eq!(kept.run("SET a 1"), "+OK\r\n");
    kept.t.advance(Duration::from_millis(1500));
    assert_eq!(kept.t.srv.aof.size(), size, "it waits");
    kept.t.advance(Duration::from_millis(600));
    assert!(kept.t.srv.aof.size() > size, "it goes ahead");
    assert_eq!(kept.t.srv.aof.delayed_syncs, 1);
    kept.t.srv.aof.bio.hold(0);
    kept.check();
}

#[test]
fn with_everysec_all_is_forced_out_once_a_second() {
    let mut kept = kept("everysec", |conf| conf.aof.checksum = false);
    kept.t.advance(Duration::from_secs(2));
    let syncs = kept.faults.syncs();
    for _ in 0..10 {
        kept.run("INCR n");
    }
    assert_eq!(kept.faults.syncs(), syncs + 1, "the first one at once");
    kept.t.advance(Duration::from_millis(1100));
    assert_eq!(kept.faults.syncs(), syncs + 2, "the others together");
    kept.t.advance(Duration::from_secs(5));
    assert_eq!(kept.faults.syncs(), syncs + 2, "and then there is nothing to do");
    assert_eq!(kept.t.srv.aof.bio.synced_to(), kept.t.srv.aof.written);
    kept.faults.plan(Fault::once(Op::Sync, libc::EIO, 0));
    kept.run("INCR n");
    kept.t.advance(Duration::from_millis(1100));
    assert!(kept.t.srv.aof.rewrites.scheduled || kept.t.srv.children.active.is_some());
    kept.wait_for_child();
    assert_eq!(kept.run("INCR n"), ":12\r\n");
}

#[test]
fn a_rewrite_replaces_what_was_written_before() {
    for preamble in [true, false] {
        let mut kept = kept(&format!("rewrite-{preamble}"), |conf| {
            conf.aof.use_rdb_preamble = preamble;
        });
        fill(&mut kept);
        let answer = kept.run("BGREWRITEAOF");
        assert_eq!(answer, "+Background append only file rewriting started\r\n");
        kept.run("SET during 1");
        kept.wait_for_child();
        kept.run("SET after 1");
        let suffix = if preamble { "rdb" } else { "aof" };
        let files = [
            format!("appendonly.aof.2.base.{suffix}"),
            "appendonly.aof.2.incr.aof".to_owned(),
            "appendonly.aof.manifest".to_owned(),
        ];
        assert_eq!(kept.files(), files, "{}", kept.log());
        assert!(kept.run("INFO persistence").contains("aof_last_bgrewrite_status:ok"));
        kept.check();
        let groups = kept.run("XINFO STREAM x FULL");
        let mut again = kept.reloaded().expect("it loads");
        assert_eq!(again.run("XINFO STREAM x FULL").len(), groups.len());
        assert_eq!(again.run("HPEXPIRETIME h FIELDS 1 f"), kept.run("HPEXPIRETIME h FIELDS 1 f"));
    }
}

/// Whatever fails at whatever step, in the child's file or in the parent's: all is there after a
/// start, and the next attempt succeeds.
#[test]
fn a_rewrite_that_fails_costs_an_attempt_and_nothing_else() {
    for (op, after) in [
        (Op::Fork, 0),
        (Op::Create, 0),
        (Op::Create, 1),
        (Op::Create, 2),
        (Op::Rename, 0),
        (Op::Rename, 1),
        (Op::Rename, 2),
        (Op::Write, 0),
        (Op::Write, 1),
        (Op::Sync, 0),
        (Op::Sync, 1),
        (Op::SyncFolder, 0),
        (Op::SyncFolder, 1),
        (Op::Write, 2),
        (Op::Sync, 2),
        (Op::Rename, 3),
        (Op::SyncFolder, 2),
        (Op::SyncFolder, 3),
        (Op::Remove, 0),
    ] {
        let as_rdb = after % 2 == 0;
        let mut kept = kept(&format!("rewrite-{op:?}-{after}"), |conf| {
            conf.aof.use_rdb_preamble = as_rdb;
        });
        fill(&mut kept);
        kept.t.advance(Duration::from_secs(2));
        kept.faults.plan(Fault::once(op, libc::ENOSPC, after));
        kept.run("BGREWRITEAOF");
        kept.wait_for_child();
        kept.faults.clear();
        kept.t.advance(Duration::from_secs(2));
        assert_eq!(kept.run("SET then 1"), "+OK\r\n", "{op:?} {after}: {}", kept.log());
        kept.check();
        kept.wait_for_child();
        kept.run("BGREWRITEAOF");
        kept.wait_for_child();
        assert!(kept.t.srv.aof.rewrites.last_ok, "{op:?} {after}: {}", kept.log());
        kept.run("SET last 1");
        kept.check();
    }
}

#[test]
fn it_can_be_switched_on_and_off() {
    let mut kept = kept("switch", |conf| conf.aof.enabled = false);
    fill(&mut kept);
    assert_eq!(kept.run("CONFIG SET appendonly yes"), "+OK\r\n");
    kept.run("SET during 1");
    assert!(kept.run("INFO persistence").contains("aof_enabled:1"));
    kept.wait_for_child();
    kept.run("SET after 1");
    kept.check();
    assert_eq!(kept.run("CONFIG SET appendonly no"), "+OK\r\n");
    kept.run("SET lost 1");
    let mut conf = kept.t.srv.conf.clone();
    conf.aof.enabled = true;
    let (mut again, _) = begin(conf, None).expect("it loads");
    assert_eq!(again.run("EXISTS during after lost"), ":2\r\n");
    assert_eq!(kept.run("CONFIG SET appendonly yes"), "+OK\r\n");
    kept.wait_for_child();
    kept.check();
    kept.run("CONFIG SET appendonly no");
    kept.faults.plan(Fault::once(Op::Fork, libc::EAGAIN, 0));
    let answer = kept.run("CONFIG SET appendonly yes");
    assert!(answer.contains("Unable to turn on AOF. Check server logs."), "{answer}");
    assert_eq!(kept.run("CONFIG GET appendonly"), "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n");
}

#[test]
fn a_transaction_may_change_how_it_is_kept() {
    for change in ["CONFIG SET appendfsync always", "CONFIG SET appendonly yes"] {
        let mut kept = kept(&format!("inside-{}", change.len()), |conf| {
            conf.aof.enabled = !change.contains("appendonly");
        });
        for line in ["INCR n", "MULTI", "INCR n", change, "INCR n", "INCR m", "EXEC", "INCR n"] {
            kept.run(line);
        }
        // What is asked for inside begins when the cron comes.
        kept.t.advance(Duration::from_millis(200));
        kept.wait_for_child();
        kept.check();
        assert_eq!(kept.run("MGET n m"), "*2\r\n$1\r\n4\r\n$1\r\n1\r\n");
    }
}

#[test]
fn it_is_rewritten_when_it_has_grown() {
    let mut kept = kept("grown", |conf| conf.aof.rewrite_min_bytes = 1000);
    for _ in 0..30 {
        kept.run("SET k 0123456789012345678901234567890123456789");
    }
    kept.t.advance(Duration::from_millis(200));
    kept.wait_for_child();
    assert_eq!(kept.t.srv.aof.rewrites.count, 1, "{}", kept.log());
    assert!(kept.log().contains("Starting automatic rewriting of AOF on"));
    kept.check();
}

/// A crash leaves any prefix of the last file.
#[test]
fn any_prefix_of_the_last_file_loads_and_no_transaction_is_halved() {
    let mut kept = kept("prefix", |conf| conf.aof.use_rdb_preamble = false);
    for line in ["SET a 1", "MULTI", "SET b 1", "SET c 1", "EXEC", "SET d 1"] {
        kept.run(line);
    }
    let name = kept.scratch.0.join("appendonlydir/appendonly.aof.1.incr.aof");
    let whole = fs::read(&name).expect("read");
    let mut seen = 0;
    for len in 0..=whole.len() {
        fs::write(&name, &whole[..len]).expect("written");
        let mut again = kept.reloaded().unwrap_or_else(|| panic!("{len} bytes load"));
        let there = again.run("EXISTS a") + &again.run("EXISTS b c") + &again.run("EXISTS d");
        let step = match there.as_str() {
            ":0\r\n:0\r\n:0\r\n" => 0,
            ":1\r\n:0\r\n:0\r\n" => 1,
            ":1\r\n:2\r\n:0\r\n" => 2,
            ":1\r\n:2\r\n:1\r\n" => 3,
            other => panic!("{len} bytes: {other}"),
        };
        assert!(step >= seen, "{len}");
        seen = step;
        // What is appended behind the cut is there the next time.
        again.run("SET new 1");
        drop(again);
        assert_eq!(kept.reloaded().expect("it loads").run("EXISTS new"), ":1\r\n", "{len}");
    }
    assert_eq!(seen, 3);
}

#[test]
fn damage_is_found_and_located() {
    let mut kept = kept("damage", |_| {});
    for index in 0..200 {
        kept.run(&format!("SET key:{index} 0123456789"));
    }
    kept.run("SHUTDOWN NOSAVE");
    let name = kept.scratch.0.join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut bytes = fs::read(&name).expect("read");
    let place = bytes.windows(7).position(|w| w == b"key:150").expect("it is there");
    bytes[place + 5] = b'7';
    fs::write(&name, &bytes).expect("written");
    assert!(kept.reloaded().is_none());
    let mut conf = kept.t.srv.conf.clone();
    conf.aof.checksum = false;
    let (mut again, _) = begin(conf, None).expect("nobody looks");
    assert_eq!(again.run("EXISTS key:150"), ":0\r\n");
}

/// A byte that is not what was written, at each place: the file is refused, or it was none that
/// mattered.
#[test]
fn a_wrong_byte_anywhere_is_never_believed() {
    let mut kept = kept("flips", |conf| conf.aof.use_rdb_preamble = false);
    for second in 0..2 {
        for line in ["SET a 1", "SET b 22", "MULTI", "INCR a", "APPEND b x", "EXEC"] {
            kept.run(line);
        }
        kept.t.advance(Duration::from_secs(1 + second));
    }
    super::driver::close(&mut kept.t.srv);
    let digest = kept.run("DEBUG DIGEST");
    let name = kept.scratch.0.join("appendonlydir/appendonly.aof.1.incr.aof");
    let whole = fs::read(&name).expect("read");
    let (mut refused, mut harmless) = (0, 0);
    for at in 0..whole.len() {
        for flip in [0x01, 0x10] {
            let mut bad = whole.clone();
            bad[at] ^= flip;
            fs::write(&name, &bad).expect("written");
            match kept.reloaded() {
                None => refused += 1,
                // The name of an annotation, or the end of the last one.
                Some(mut again) => {
                    harmless += 1;
                    assert_eq!(again.run("DEBUG DIGEST"), digest, "byte {at}, flip {flip}");
                }
            }
        }
    }
    assert!(refused > 10 * harmless, "{refused} refused, {harmless} harmless");
}

#[test]
fn keys_outlive_their_time_until_they_are_told_to_go() {
    let mut kept = kept("expiry", |conf| conf.aof.use_rdb_preamble = false);
    kept.run("SET k 5 PX 50");
    kept.run("INCR k");
    kept.t.srv.debug.active_expire = false;
    // Loaded after its time: INCR must not find it gone and begin anew, without a deadline.
    let mut conf = kept.t.srv.conf.clone();
    conf.aof.enabled = false;
    let (mut later, _) = begin(conf, None).expect("empty");
    later.srv.clock.advance(Duration::from_secs(100));
    later.srv.conf.aof.enabled = true;
    start::start(&mut later.srv, None).expect("it loads");
    assert_eq!(later.run("EXISTS k"), ":0\r\n");
}

#[test]
fn data_can_be_had_back_as_of_a_moment() {
    let mut kept = kept("moment", |conf| conf.aof.timestamp_enabled = true);
    let mut seconds = vec![];
    for index in 0..5 {
        kept.run(&format!("SET n {index}"));
        kept.run("MULTI");
        kept.run("INCR m");
        kept.run("EXEC");
        seconds.push(kept.t.srv.clock.now().seconds());
        kept.t.advance(Duration::from_secs(10));
    }
    let before = kept.files();
    let conf = kept.t.srv.conf.clone();
    let (mut then, _) = begin(conf.clone(), Some(seconds[2] + 5)).expect("it loads");
    assert_eq!(then.run("MGET n m"), "*2\r\n$1\r\n2\r\n$1\r\n3\r\n");
    then.run("SET n new");
    let place = format!("appendonlydir/appendonly.aof.before-{}", seconds[2] + 5);
    let old = kept.scratch.0.join(place);
    assert!(old.join("appendonly.aof.manifest").exists());
    // A plain start goes on from there.
    let (mut again, _) = begin(conf.clone(), None).expect("it loads");
    assert_eq!(again.run("MGET n m"), "*2\r\n$3\r\nnew\r\n$1\r\n3\r\n");
    // The same moment again is older than the new base: nothing happens.
    let files = kept.files();
    assert!(begin(conf.clone(), Some(seconds[2] + 5)).is_none());
    assert_eq!(kept.files(), files);
    // What was kept aside is whole.
    for name in before {
        assert!(old.join(&name).exists(), "{name}");
    }
    let (dir, aside) = (kept.scratch.0.join("appendonlydir"), kept.scratch.0.join("aside"));
    fs::rename(&old, &aside).expect("moved");
    fs::remove_dir_all(&dir).expect("removed");
    fs::rename(&aside, &dir).expect("moved back");
    let (mut last, _) = begin(conf, None).expect("it loads");
    assert_eq!(last.run("MGET n m"), "*2\r\n$1\r\n4\r\n$1\r\n5\r\n");
}

#[test]
fn without_annotations_of_time_there_is_no_going_back() {
    let mut kept = kept("timeless", |_| {});
    kept.run("SET n 1");
    let later = kept.t.srv.clock.now().seconds() + 100;
    assert!(begin(kept.t.srv.conf.clone(), Some(later)).is_none());
}

/// Snapshots that fail stop writes, too, unless nobody wants them.
#[test]
fn a_snapshot_that_fails_stops_writes_until_one_succeeds() {
    let mut kept = kept("snapshot", |conf| {
        conf.aof.enabled = false;
        conf.rdb.save_points = vec![(3600, 1)];
    });
    kept.run("SET a 1");
    kept.faults.plan(Fault::once(Op::Fork, libc::EAGAIN, 0));
    assert!(kept.run("BGSAVE").starts_with("-ERR"));
    let answer = kept.run("SET a 2");
    assert!(answer.starts_with("-MISCONF Redis is configured to save RDB snapshots"), "{answer}");
    assert!(kept.run("PING").starts_with("-MISCONF"));
    assert_eq!(kept.run("PUBLISH c m"), ":0\r\n", "that is kept nowhere");
    assert_eq!(kept.run("EVAL 'return 1' 0"), ":1\r\n");
    let inside = kept.run("EVAL \"return redis.call('set', KEYS[1], 2)\" 1 a");
    assert!(inside.starts_with("-MISCONF Redis is configured"), "{inside}");
    assert!(kept.run("EVAL \"#!lua\\nreturn 1\" 0").starts_with("-MISCONF"));
    assert_eq!(kept.run("CONFIG SET stop-writes-on-bgsave-error no"), "+OK\r\n");
    assert_eq!(kept.run("SET a 2"), "+OK\r\n");
    kept.run("CONFIG SET stop-writes-on-bgsave-error yes");
    assert_eq!(kept.run("BGSAVE"), "+Background saving started\r\n");
    kept.wait_for_child();
    assert_eq!(kept.run("SET a 3"), "+OK\r\n", "{}", kept.log());
    assert!(kept.scratch.0.join("dump.rdb").exists());
    kept.t.advance(Duration::from_secs(4000));
    kept.wait_for_child();
    assert!(kept.log().contains("1 changes in 3600 seconds. Saving..."), "{}", kept.log());
    assert!(kept.run("INFO persistence").contains("rdb_changes_since_last_save:0"));
}

/// Calls that are told otherwise than they came, or leave much to chance.
#[test]
fn every_kind_of_change_is_had_back() {
    let mut kept = kept("kinds", |conf| conf.stream.node_max_entries = 10);
    for i in 0..60 {
        kept.run(&format!("XADD s {i}-1 f v"));
        kept.run(&format!("ZADD z {i} m{i}"));
        kept.run(&format!("SADD set m{i}"));
        kept.run(&format!("RPUSH l {}", 60 - i));
        kept.run(&format!("HSET h f{i} {i}"));
        kept.run(&format!("PFADD p e{i}"));
    }
    for line in [
        "XADD s MAXLEN ~ 25 LIMIT 10 * f v",
        "XADD s MINID ~ 48 LIMIT 10 * f v",
        "XTRIM s MAXLEN ~ 5 LIMIT 10",
        "XADD s MAXLEN = 12 NOMKSTREAM * f v",
        "XGROUP CREATE s g 0 ENTRIESREAD 3",
        "XREADGROUP GROUP g a COUNT 3 STREAMS s >",
        "XREADGROUP GROUP g b COUNT 2 NOACK STREAMS s >",
        "XAUTOCLAIM s g c 0 0 COUNT 2",
        "XGROUP CREATECONSUMER s g idle",
        "SPOP set 7",
        "SPOP set",
        "SMOVE set other m1",
        "SUNIONSTORE both set other",
        "SORT l STORE sorted",
        "ZADD z INCR 2.5 m3",
        "ZPOPMIN z 3",
        "ZMPOP 1 z MAX COUNT 2",
        "ZRANGESTORE top z 0 4",
        "GEOADD g 13.361389 38.115556 a 15.087269 37.502669 b",
        "GEOSEARCHSTORE near g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST",
        "LMPOP 1 l LEFT COUNT 3",
        "BLMOVE l moved LEFT RIGHT 1",
        "BLPOP l 1",
        "LINSERT l BEFORE 30 x",
        "INCRBYFLOAT float 10.5",
        "HINCRBYFLOAT h f3 0.1",
        "HEXPIRE h 100 FIELDS 2 f1 f2",
        "HGETEX h EX 50 FIELDS 1 f4",
        "HSETEX h EX 70 FIELDS 1 f5 new",
        "HGETDEL h FIELDS 1 f6",
        "SET short v EX 100",
        "SET kept v KEEPTTL",
        "GETEX short PX 5000",
        "GETDEL float",
        "SETRANGE wide 10 x",
        "SETBIT bits 77 1",
        "BITFIELD bits INCRBY u8 8 300 OVERFLOW FAIL SET u4 0 9",
        "BITOP NOT inverse bits",
        "PFMERGE all p",
        "COPY h copied",
        "RENAME both renamed",
        "MOVE renamed 3",
        "EVAL \"redis.call('set', KEYS[1], 1) redis.call('incr', KEYS[1]) return redis.call('spop', 'set')\" 1 scripted",
        "EXPIRE z 1000 NX",
        "PERSIST short",
        "MSETEX 2 a 1 b 2 EX 30",
    ] {
        let answer = kept.run(line);
        assert!(!answer.starts_with('-'), "{line}: {answer}");
    }
    let numbers = "XINFO STREAM s FULL";
    let here = kept.run(numbers);
    kept.check();
    assert_eq!(kept.reloaded().expect("it loads").run(numbers), here);
}

#[test]
fn an_old_single_file_is_taken_over() {
    let scratch = Scratch::new("aof-old");
    let text = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    fs::write(scratch.0.join("appendonly.aof"), text).expect("written");
    let (mut t, _) = begin(conf(&scratch), None).expect("it loads");
    assert_eq!(t.run("GET k"), "$1\r\nv\r\n");
    t.run("SET l w");
    let folder =
        Folder::new(Disk::default(), &t.srv.conf.process.dir, "appendonlydir", "appendonly.aof");
    let manifest = folder.read().expect("sound").expect("there").print();
    let want = "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i startoffset 0\n";
    assert_eq!(String::from_utf8_lossy(&manifest), want);
    let (mut again, _) = begin(conf(&scratch), None).expect("it loads");
    assert_eq!(again.run("MGET k l"), "*2\r\n$1\r\nv\r\n$1\r\nw\r\n");
}

/// Redis 4 to 6 wrote one file, a snapshot with commands behind it.
#[test]
fn a_snapshot_with_commands_behind_it_is_one_file() {
    let mut kept = kept("preamble", |_| {});
    fill(&mut kept);
    kept.run("BGREWRITEAOF");
    kept.wait_for_child();
    kept.run("SET behind 1");
    let dir = kept.scratch.0.join("appendonlydir");
    let read = |name: &str| fs::read(dir.join(name)).expect("read");
    let whole = [read("appendonly.aof.2.base.rdb"), read("appendonly.aof.2.incr.aof")].concat();
    let scratch = Scratch::new("aof-preamble-old");
    fs::write(scratch.0.join("appendonly.aof"), whole).expect("written");
    let (mut t, _) = begin(conf(&scratch), None).expect("it loads");
    assert_eq!(t.run("DEBUG DIGEST"), kept.run("DEBUG DIGEST"));
    assert_eq!(t.run("GET behind"), "$1\r\n1\r\n");
}

/// Its calls once were told again, and the executor found changes that nobody had made.
#[test]
fn a_script_in_the_file_is_not_told_again() {
    let mut kept = kept("script", |_| {});
    kept.run("SET a 1");
    let path = kept.scratch.0.join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut text = fs::read(&path).expect("read");
    let script = b"redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[1])";
    crate::base::line::write(&mut text, &[b"EVAL", script, b"1", b"n"]);
    fs::write(&path, &text).expect("written");
    assert_eq!(kept.run("DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(kept.run("GET n"), "$1\r\n2\r\n");
    kept.run("SET b 1");
    assert_eq!(kept.reloaded().expect("it loads").run("GET n"), "$1\r\n2\r\n");
}

/// Half the data must not become the base.
#[test]
fn switching_on_while_data_are_loaded_waits_for_them() {
    let mut kept = kept("loading", |conf| conf.aof.enabled = false);
    kept.run("SET a 1");
    kept.t.srv.rdb.loading = Some(crate::persist::rdb::Loading::default());
    assert_eq!(kept.run("CONFIG SET appendonly yes"), "+OK\r\n");
    assert!(kept.t.srv.children.active.is_none());
    kept.t.advance(Duration::from_secs(1));
    assert!(kept.t.srv.children.active.is_none());
    kept.t.srv.rdb.loading = None;
    kept.t.advance(Duration::from_secs(1));
    kept.wait_for_child();
    kept.run("SET b 1");
    assert_eq!(kept.t.srv.aof.state, State::On);
    kept.check();
}

#[test]
fn sizes_add_up() {
    let mut kept = kept("sizes", |_| {});
    fill(&mut kept);
    let on_disk: u64 = kept
        .files()
        .iter()
        .filter(|name| !name.ends_with("manifest"))
        .map(|name| {
            fs::metadata(kept.scratch.0.join("appendonlydir").join(name)).expect("there").len()
        })
        .sum();
    assert_eq!(kept.t.srv.aof.size(), on_disk);
    assert!(kept.t.srv.aof.appender.as_ref().is_some_and(Appender::is_empty));
}

/// Values are those of Redis 8.2, which counts commands while it has no replicas.
#[test]
fn the_manifest_notes_what_was_told_before_an_increment_and_with_it() {
    let mut kept = kept("offsets", |_| {});
    let path = kept.scratch.0.join("appendonlydir/appendonly.aof.manifest");
    let offsets = || {
        let text = fs::read_to_string(&path).expect("a manifest");
        let increments = text.lines().filter(|line| line.contains(" type i"));
        increments.map(|line| line.split(" type i").nth(1).unwrap_or("").to_owned()).collect()
    };
    let check = |wanted: &[&str]| {
        let found: Vec<String> = offsets();
        assert_eq!(found, wanted);
    };
    check(&[" startoffset 0"]);
    for line in ["SET a 1", "MULTI", "SET a 1", "SET b 2", "EXEC", "MULTI", "SET a 1", "EXEC"] {
        kept.run(line);
    }
    kept.run("EVAL \"redis.call('set', 'x', 1) redis.call('set', 'y', 1)\" 0");
    kept.run("PUBLISH c m");
    kept.run("GET a");
    assert!(kept.run("INFO replication").contains("master_repl_offset:10\r\n"));
    // A rewrite that fails leaves two.
    kept.faults.plan(Fault::once(Op::Fork, libc::EAGAIN, 0));
    kept.run("BGREWRITEAOF");
    check(&[" startoffset 0", " startoffset 10"]);
    kept.run("SET c 3");
    kept.run("CONFIG SET appendonly no");
    check(&[" startoffset 0", " startoffset 10 endoffset 11"]);
    kept.run("SET d 4");
    kept.run("CONFIG SET appendonly yes");
    kept.run("SET e 5");
    kept.wait_for_child();
    check(&[" startoffset 11"]);
    // An end in order, and one that is none: what was told is estimated by the bytes.
    kept.t.advance(Duration::from_secs(2));
    super::driver::close(&mut kept.t.srv);
    check(&[" startoffset 11 endoffset 12"]);
    let mut next = kept.reloaded().expect("it loads");
    assert!(next.run("INFO replication").contains("master_repl_offset:12\r\n"));
    check(&[" startoffset 11"]);
    let mut after = kept.reloaded().expect("it loads");
    let size = after.srv.aof.appender.as_ref().map_or(0, Appender::size);
    assert!(
        after.run("INFO replication").contains(&format!("master_repl_offset:{}\r\n", 11 + size))
    );
}
