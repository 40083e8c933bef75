//! Three servers with append-only files lose their power again and again.
//!
//! Each has a folder whose power supply is simulated ([`Power`]): after a cut only what was synced
//! is sure to be left. Clients send commands, some of them in pipelines and transactions; rewrites
//! begin and end in between. After each cut the server is started again from what the disk has
//! kept, and its data are compared with those of a mirror, a server without a disk that runs what
//! was acknowledged:
//!
//! * `always`: they are what was acknowledged, and perhaps some of what was sent and not answered,
//!   from the front.
//! * `everysec`: they are some prefix of what was acknowledged, and nothing that is older than
//!   [`SAFE_AFTER_S`] is missing.
//! * Either way no transaction is halved, and the server starts.

use std::sync::Arc;
use std::time::Duration;

use super::Dice;
use crate::base::slab::Id;
use crate::command::effects::Readers;
use crate::config::{AppendFsync, Config, Guard};
use crate::persist::aof::Aof;
use crate::persist::aof::start::driver as start;
use crate::persist::child::Spawner;
use crate::persist::children::driver as children;
use crate::persist::disk::{Disk, Scratch};
use crate::persist::power::Power;
use crate::resp::reader::{Reader, Value};
use crate::server::testing::TestServer;

const NODES: usize = 3;
const STEPS: usize = 60;
/// With `everysec`, what was acknowledged so long ago is on the disk.
const SAFE_AFTER_S: u64 = 3;

/// What a world is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Disks keep what they are told to keep.
    None,
    /// They say so, and do not.
    LyingDisk,
    /// Servers that should sync before they answer leave that to the system.
    NoSync,
}

/// What happened in a world, so that a test can tell that something did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub cuts: u64,
    /// Cuts that left commands unanswered.
    pub cuts_under_way: u64,
    pub acknowledged: u64,
    pub rewrites: u64,
}

/// One machine: its disk, and the server that runs on it.
struct Node {
    scratch: Scratch,
    power: Arc<Power>,
    disk: Disk,
    policy: AppendFsync,
    t: TestServer,
    clients: [Id; 2],
    /// What was acknowledged, in order, and the virtual second of it.
    acknowledged: Vec<(String, u64)>,
    /// What was sent and not answered when the power went.
    unanswered: Vec<String>,
    now_s: u64,
    canary: Canary,
    tally: Tally,
}

/// Runs one world. The error says what was broken.
pub fn run(seed: u64, canary: Canary) -> Result<Tally, String> {
    let mut dice = Dice::new(seed);
    let mut nodes = Vec::new();
    for number in 0..NODES {
        nodes.push(Node::new(&format!("sim-{seed}-{number}-{canary:?}"), canary, &mut dice)?);
    }
    for step in 0..STEPS {
        let number = dice.below(NODES as u64) as usize;
        let node = &mut nodes[number];
        node.step(&mut dice);
        if node.power.is_off() || node.t.srv.stopping {
            let told = |error| format!("seed {seed}, step {step}, node {number}: {error}");
            node.restart(&mut dice).map_err(told)?;
        }
    }
    for (number, node) in nodes.iter_mut().enumerate() {
        node.power.cut();
        node.restart(&mut dice).map_err(|e| format!("seed {seed}, end, node {number}: {e}"))?;
    }
    let add = |sum: Tally, node: Node| sum.plus(node.tally);
    Ok(nodes.into_iter().fold(Tally::default(), add))
}

impl Tally {
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            cuts: self.cuts + other.cuts,
            cuts_under_way: self.cuts_under_way + other.cuts_under_way,
            acknowledged: self.acknowledged + other.acknowledged,
            rewrites: self.rewrites + other.rewrites,
        }
    }
}

fn conf(scratch: &Scratch, policy: AppendFsync) -> Config {
    let mut conf = Config::default();
    conf.process.dir = scratch.0.to_string_lossy().into_owned();
    conf.aof.enabled = true;
    conf.aof.fsync = policy;
    conf.rdb.save_points.clear();
    conf.security.enable_debug_command = Guard::Yes;
    conf
}

/// A server without a disk.
fn mirror() -> TestServer {
    let mut conf = Config::default();
    conf.security.enable_debug_command = Guard::Yes;
    conf.rdb.save_points.clear();
    let mut t = TestServer::with(conf);
    t.srv.unit.set_readers(Readers::default());
    t
}

fn digest(t: &mut TestServer) -> String {
    t.run("DEBUG DIGEST")
}

impl Node {
    fn new(name: &str, canary: Canary, dice: &mut Dice) -> Result<Node, String> {
        let scratch = Scratch::new(name);
        let (disk, power) = Disk::powered(&scratch.0).map_err(|error| error.to_string())?;
        if canary == Canary::LyingDisk {
            power.lie();
        }
        let policy = *dice.pick(&[AppendFsync::Always, AppendFsync::Always, AppendFsync::EverySec]);
        let t = boot(&scratch, &disk, (policy, canary))?;
        let mut node = Node {
            scratch,
            power,
            disk,
            policy,
            t,
            clients: [Id::NONE; 2],
            acknowledged: vec![],
            unanswered: vec![],
            now_s: 0,
            canary,
            tally: Tally::default(),
        };
        node.connect();
        Ok(node)
    }

    fn connect(&mut self) {
        self.clients = [self.t.connect(), self.t.connect()];
    }

    /// Something happens.
    fn step(&mut self, dice: &mut Dice) {
        match dice.below(100) {
            0..70 => self.talk(dice),
            70..80 => {
                let seconds = dice.below(3);
                self.now_s += seconds;
                self.t.advance(Duration::from_millis(seconds * 1000 + 10));
            }
            80..87 => {
                self.t.run("BGREWRITEAOF");
            }
            87..92 => children::listen(&mut self.t.srv),
            92..97 => self.power.cut_after(dice.below(12)),
            _ => self.power.cut(),
        }
    }

    /// A client sends some commands at once, and hears the answers.
    fn talk(&mut self, dice: &mut Dice) {
        let client = *dice.pick(&self.clients);
        let mut sent = vec![];
        for _ in 0..=dice.below(3) {
            sent.extend(commands(dice));
        }
        let bytes: String = sent.iter().map(|line| format!("{line}\r\n")).collect();
        self.t.send(client, bytes.as_bytes());
        let mut reader = Reader::default();
        reader.feed(&self.t.receive(client));
        let mut sent = sent.into_iter();
        // A transaction is acknowledged as a whole, by the answer to EXEC.
        let mut open: Vec<String> = vec![];
        while let Ok(Some(answer)) = reader.next_reply() {
            let Some(line) = sent.next() else { break };
            let is_inside = line == "MULTI" || !open.is_empty() && line != "EXEC";
            open.push(line);
            if is_inside {
                continue;
            }
            let lines = std::mem::take(&mut open);
            if !matches!(answer, Value::Error(_)) {
                self.tally.acknowledged += lines.len() as u64;
                self.acknowledged.extend(lines.into_iter().map(|line| (line, self.now_s)));
            }
        }
        self.unanswered = open;
        self.unanswered.extend(sent);
    }

    /// The power is back, and the server starts again.
    fn restart(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.tally.cuts += 1;
        self.tally.cuts_under_way += u64::from(!self.unanswered.is_empty());
        self.power.cut();
        self.power.restore(|n| dice.below(n)).map_err(|error| error.to_string())?;
        self.tally.rewrites += self.t.srv.aof.rewrites.count;
        self.t = boot(&self.scratch, &self.disk, (self.policy, self.canary))?;
        let found = digest(&mut self.t);
        self.check(&found)?;
        self.unanswered.clear();
        self.connect();
        Ok(())
    }

    /// Compares what the server has with what it should have. From then on what it has counts.
    fn check(&mut self, found: &str) -> Result<(), String> {
        let mut mirror = mirror();
        let sure = match self.policy {
            AppendFsync::Always => self.acknowledged.len(),
            _ => {
                let is_safe = |(_, at): &&(String, u64)| at + SAFE_AFTER_S <= self.now_s;
                self.acknowledged.iter().take_while(is_safe).count()
            }
        };
        let lines: Vec<String> = self.acknowledged.iter().map(|(line, _)| line.clone()).collect();
        let lines = [lines, std::mem::take(&mut self.unanswered)].concat();
        let mut matching = None;
        for at in 0..=lines.len() {
            let is_open = mirror
                .srv
                .clients
                .get(mirror.client)
                .is_some_and(|c| c.session.multi != crate::command::Multi::No);
            if at >= sure && !is_open && digest(&mut mirror) == found {
                matching = Some(at);
                break;
            }
            if let Some(line) = lines.get(at) {
                mirror.run(line);
            }
        }
        let Some(matching) = matching else {
            return Err(format!(
                "{:?}: the data are no state between {sure} and {} of {lines:?}",
                self.policy,
                lines.len()
            ));
        };
        let stamps =
            self.acknowledged.iter().map(|(_, at)| *at).chain(std::iter::repeat(self.now_s));
        self.acknowledged = lines.into_iter().zip(stamps).take(matching).collect();
        Ok(())
    }
}

/// Starts a server on what a disk has.
fn boot(
    scratch: &Scratch,
    disk: &Disk,
    (policy, canary): (AppendFsync, Canary),
) -> Result<TestServer, String> {
    let policy = if canary == Canary::NoSync { AppendFsync::No } else { policy };
    let mut t = TestServer::with(conf(scratch, policy));
    t.srv.aof = Aof::new(disk.clone());
    t.srv.children.spawner = Spawner::Inline;
    t.srv.unit.set_readers(Readers::default());
    if start::start(&mut t.srv, None).is_err() {
        return Err(format!("it does not start: {:?}", t.srv.log.lines()));
    }
    Ok(t)
}

/// A command, or a transaction.
fn commands(dice: &mut Dice) -> Vec<String> {
    if !dice.percent(15) {
        return vec![command(dice)];
    }
    let inner = (0..=dice.below(3)).map(|_| command(dice)).collect();
    [vec!["MULTI".to_owned()], inner, vec!["EXEC".to_owned()]].concat()
}

fn command(dice: &mut Dice) -> String {
    let (key, number) = (dice.below(6), dice.next_u64() % 100_000);
    match dice.below(10) {
        0..3 => format!("SET s{key} {number}"),
        3..5 => format!("INCR n{key}"),
        5 => format!("RPUSH l{key} {number} {key}"),
        6 => format!("HSET h{key} f{number} v"),
        7 => format!("ZADD z{key} {number} m{number}"),
        8 => format!("LPOP l{key}"),
        _ => format!("DEL s{key} n{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::seeds;

    #[test]
    fn no_acknowledged_write_is_lost() {
        let (seeds, mut tally) = (seeds(300), Tally::default());
        let count = seeds.end - seeds.start;
        for seed in seeds {
            match run(seed, Canary::None) {
                Ok(of_one) => tally = tally.plus(of_one),
                Err(error) => {
                    panic!("{error}\nagain: SIM_SEED={seed} cargo test --lib sim::durability")
                }
            }
        }
        println!("{count} worlds: {tally:?}");
        if count > 100 {
            let Tally { cuts, cuts_under_way, acknowledged, rewrites } = tally;
            assert!(cuts > 5 * count && cuts_under_way > count / 10, "{tally:?}");
            assert!(acknowledged > 50 * count && rewrites > count, "{tally:?}");
        }
    }

    #[test]
    fn what_breaks_the_promise_is_found_out() {
        for canary in [Canary::LyingDisk, Canary::NoSync] {
            let caught = (0..20).filter(|seed| run(*seed, canary).is_err()).count();
            assert!(caught > 10, "{canary:?}: {caught} of 20");
        }
    }
}
