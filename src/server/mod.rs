//! The owner and the loop.
//!
//! `main` owns a `Box<Server>`; everything is reached through a parameter. A server is parts only,
//! and no part knows the server: a function that needs two parts takes two parts. Several servers
//! can live in one process, since the world is reached through four doors only: clock, random
//! source, connections and files.

pub mod admit;
pub mod apply;
pub mod cluster;
pub mod commands;
pub mod cron;
pub mod debug;
pub mod debug_keys;
pub mod evict;
pub mod evict_clients;
pub mod exec;
pub mod expire;
pub mod modules;
pub mod multi;
pub mod news;
pub mod replicas;
pub mod report;
pub mod serve;
pub mod shutdown;
pub mod stats;
pub mod table;
#[cfg(any(test, feature = "sim"))]
pub mod testing;
pub mod turn;
pub mod waits;

use sha2::{Digest, Sha256};

use crate::base::clock::{Clock, UnixMillis};
use crate::base::files::Files;
use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::client::Clients;
use crate::client::describe::Scene;
use crate::command::lookup::Commands;
use crate::command::states::LongWork;
use crate::command::{Call, CmdResult};
use crate::config::Config;
use crate::ds::hash::HashSeed;
use crate::feed::blocks::Backlog;
use crate::feed::unit::Unit;
use crate::keyspace::{Classes, Keyspace, KeyspaceStats, Policy, Tuning};
use crate::net::Net;
use crate::net::kept::Kept;
use crate::net::reactor::Reactor;
use crate::observe::latency::Latency;
use crate::observe::requests::RequestLog;
use crate::observe::slowlog::CommandLog;
use crate::observe::usage::Memory;
use crate::persist::aof::Aof;
use crate::persist::children::Children;
use crate::persist::disk::Disk;
use crate::persist::rdb::Snapshots;
use crate::process::Process;
use crate::process::log::Log;
use crate::process::oom::OomScore;
use crate::process::signals::Bell;
use crate::process::title::TitleArea;
use crate::pubsub::PubSub;
use crate::resp::Proto;
use crate::script::Scripts;
use crate::tracking::Tracking;
use cron::Cron;
use debug::Debug;
use evict::Eviction;
use shutdown::Shutdown;
use stats::Stats;

/// The handler of a command that moves the server.
pub struct Run(pub fn(&mut Box<Server>, &mut Call) -> CmdResult);

/// A server: its parts.
pub struct Server {
    pub conf: Config,
    pub clock: Clock,
    pub rng: Rng,
    pub files: Files,
    pub net: Net,
    pub clients: Clients,
    pub commands: Commands,
    pub keyspace: Keyspace,
    pub pubsub: PubSub,
    pub tracking: Tracking,
    pub unit: Unit,
    /// The stream of replicas, from the first one on.
    pub backlog: Option<Box<Backlog>>,
    pub script: Scripts,
    pub stats: Stats,
    pub cron: Cron,
    pub log: Log,
    pub process: Process,
    pub shutdown: Shutdown,
    pub oom: OomScore,
    pub eviction: Eviction,
    pub debug: Debug,
    /// Rung by signal handlers; a server without one is not meant by signals.
    pub bell: Option<Bell>,
    /// Where the process shows its title, if it does.
    pub title: Option<TitleArea>,
    /// The client whose requests are being run, for crash reports.
    pub serving: Id,
    pub slowlog: CommandLog,
    pub requests: RequestLog,
    pub latency: Latency,
    pub memory: Memory,
    /// What was saved and loaded, and when.
    pub rdb: Snapshots,
    pub aof: Aof,
    pub children: Children,
    /// Connections of MIGRATE that are kept for a while.
    pub links: Kept,
    /// Bits of `command::states` that hold for every client.
    pub states: u32,
    /// The long work under way during which others are served by [`turn::meanwhile`].
    pub long_work: LongWork,
    /// The calls that serve clients one after the other, with their buffers: the one on top serves
    /// those who are ready, the next one those whom it wakes.
    pub spare_calls: Vec<Box<Call>>,
    /// Leave the loop at the end of this turn.
    pub stopping: bool,
}

impl Server {
    pub fn new(
        conf: Config,
        clock: Clock,
        rng: Rng,
        files: Files,
        reactor: Reactor,
    ) -> Box<Server> {
        let mut server = Server::assemble(conf, clock, rng, files, reactor);
        server.memory.started(server.clock.now().seconds());
        server.refresh_states();
        evict_clients::changed(&mut server);
        server.tune_keyspace();
        server
    }

    /// A server that is never run: it stands where a real one is out, while a script has it.
    pub fn hollow() -> Box<Server> {
        let mut conf = Config::default();
        conf.server.databases = 1;
        conf.cluster.enabled = false;
        let (clock, rng) = (Clock::manual(UnixMillis(0)), Rng::from_seed(0));
        Server::assemble(conf, clock, rng, Files::memory(), Reactor::simulated())
    }

    /// The parts, put together.
    fn assemble(
        conf: Config,
        clock: Clock,
        mut rng: Rng,
        files: Files,
        reactor: Reactor,
    ) -> Box<Server> {
        let process = Process::new(&mut rng, clock.now().seconds());
        let keyspace = new_keyspace(&conf, &mut rng);
        let tracking = Tracking::new(hash_seed(&mut rng), rng.next_u64());
        let commands = Commands::of(table::COMMANDS);
        let rdb = Snapshots::new(clock.now().seconds());
        let stats = Stats::new(commands.len(), clock.mono_cached_us());
        Box::new(Server {
            conf,
            clock,
            rng,
            files,
            net: Net::new(reactor),
            clients: Clients::default(),
            commands,
            keyspace,
            pubsub: PubSub::default(),
            tracking,
            unit: Unit::default(),
            backlog: None,
            script: Scripts::default(),
            stats,
            cron: Cron::default(),
            // Whoever runs a process gives its server the log of the process.
            log: Log::memory(),
            process,
            shutdown: Shutdown::default(),
            oom: OomScore::default(),
            eviction: Eviction::default(),
            debug: Debug::default(),
            bell: None,
            title: None,
            serving: Id::NONE,
            slowlog: CommandLog::default(),
            requests: RequestLog::default(),
            latency: Latency::default(),
            memory: Memory::default(),
            rdb,
            aof: Aof::new(Disk::default()),
            children: Children::default(),
            links: Kept::default(),
            states: 0,
            long_work: LongWork::None,
            spare_calls: Vec::with_capacity(serve::SPARE_CALLS),
            stopping: false,
        })
    }

    /// Tells the keyspace the options that it consults by itself, after they changed.
    pub fn tune_keyspace(&mut self) {
        let Config { memory, lazyfree, pubsub, .. } = &self.conf;
        let policy = Policy {
            is_lfu: memory.policy.is_lfu(),
            log_factor: memory.lfu_log_factor,
            decay_minutes: memory.lfu_decay_time_min,
        };
        self.keyspace.tuning =
            Tuning { policy, lazy_expire: lazyfree.expire, lazy_server_del: lazyfree.server_del };
        self.keyspace.events.want(Classes::from_bits(pubsub.notify_keyspace_events));
    }

    /// What descriptions of clients need to know.
    pub fn scene(&self) -> Scene<'_> {
        Scene {
            commands: &self.commands,
            unix_path: &self.conf.net.unixsocket,
            watch: &self.keyspace.watch,
            now_us: self.clock.mono_cached_us(),
            hides_user_data: false,
        }
    }

    /// The same for lines of the log and reports.
    pub fn log_scene(&self) -> Scene<'_> {
        Scene { hides_user_data: self.conf.log.hide_user_data, ..self.scene() }
    }

    /// The protocol that a connection speaks before it says otherwise.
    pub fn first_proto(&self) -> Proto {
        if self.conf.proto.default_version == 3 { Proto::Resp3 } else { Proto::Resp2 }
    }

    /// Has a new client speak it.
    pub fn welcome(&mut self, id: Id) {
        let proto = self.first_proto();
        if let Some(client) = self.clients.get_mut(id) {
            client.out.set_proto(proto);
        }
    }

    /// Begins to count anew (CONFIG RESETSTAT).
    pub fn reset_stats(&mut self) {
        self.stats.reset();
        self.keyspace.stats = KeyspaceStats::default();
        self.keyspace.lazyfree.reset_freed();
        self.eviction.reset_stats();
        self.script.evicted = 0;
    }

    /// Begins or ends long work.
    pub fn set_long_work(&mut self, work: LongWork) {
        self.long_work = work;
        self.refresh_states();
    }

    /// Changes cannot be kept, and the configuration wants none then.
    fn is_unsafe_to_write(&self) -> bool {
        let rdb = &self.conf.rdb;
        let snapshots_fail = rdb.stop_writes_on_bgsave_error && !rdb.save_points.is_empty();
        snapshots_fail && !self.rdb.last_ok || self.aof.trouble().is_some()
    }

    /// Lets expiry stand still while clients are paused. The calls of a transaction that begins a
    /// pause may write yet, so for these expiry goes on.
    pub fn hold_still(&mut self) {
        let is_paused = self.clients.pause.mode().is_some();
        self.keyspace.holds_still =
            is_paused && (self.keyspace.holds_still || self.unit.depth <= 1);
    }

    /// Recomputes which gates stand half closed, after something changed that they look at.
    pub fn refresh_states(&mut self) {
        self.states = crate::command::states::ALWAYS | self.clients.pause.states();
        self.hold_still();
        if !self.clients.monitors.is_empty() {
            self.states |= crate::command::states::MONITORED;
        }
        if self.conf.memory.max_bytes > 0 || self.clients.are_weighed() {
            self.states |= crate::command::states::LIMITED;
        }
        if !self.conf.repl.is_satisfied_alone() {
            self.states |= crate::command::states::TOO_FEW_REPLICAS;
        }
        if self.eviction.failed {
            self.states |= crate::command::states::OUT_OF_MEMORY;
        }
        if self.is_unsafe_to_write() {
            self.states |= crate::command::states::UNSAFE;
        }
        if self.rdb.loading.is_some() {
            // Even while a script that is loaded takes its time, or has done so.
            self.states |= crate::command::states::LOADING;
        }
        self.states |= match self.long_work {
            LongWork::None => 0,
            LongWork::Loading => crate::command::states::LOADING,
            LongWork::Script | LongWork::Function => crate::command::states::BUSY,
        };
    }
}

/// A secret that nobody can guess.
fn hash_seed(rng: &mut Rng) -> HashSeed {
    let mut secret = [0; 16];
    rng.fill(&mut secret);
    let (k0, k1) = secret.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    HashSeed::new(word(k0), word(k1))
}

/// Empty databases, under a hash seed of their own or the one that follows from `hash-seed`.
fn new_keyspace(conf: &Config, rng: &mut Rng) -> Keyspace {
    let mut seed = hash_seed(rng);
    if !conf.server.hash_seed.is_empty() {
        let digest = Sha256::digest(&conf.server.hash_seed);
        let word = |at: usize| {
            digest[at..at + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        seed = HashSeed::new(word(0), word(8));
    }
    Keyspace::new(seed, rng.next_u64(), conf.server.databases, conf.cluster.enabled)
}

/// `hash-seed` once had no effect.
#[test]
fn servers_with_the_same_seed_scan_in_the_same_order() {
    let order = |seed: &str, rng: u64| {
        let mut conf = Config::default();
        conf.server.hash_seed = seed.to_owned();
        let keyspace = new_keyspace(&conf, &mut Rng::from_seed(rng));
        let mut t = testing::TestServer::with(conf);
        t.srv.keyspace = keyspace;
        (0..100).for_each(|n| drop(t.run(&format!("SET k{n} v"))));
        t.run("SCAN 0 COUNT 1000")
    };
    assert_eq!(order("a", 1), order("a", 2));
    assert_ne!(order("a", 1), order("b", 1));
    assert_ne!(order("", 1), order("", 2));
}
