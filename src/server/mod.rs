//! The owner and the loop.
//!
//! `main` owns a `Box<Server>`; everything is reached through a parameter. A server is parts only, and no part knows
//! the server: a function that needs two parts takes two parts. Several servers can live in one process, since the
//! world is reached through four doors only: clock, random source, connections and files.

pub mod boot;
pub mod commands;
pub mod cron;
pub mod daemon;
pub mod debug;
pub mod exec;
pub mod limits;
pub mod mode;
pub mod oom;
pub mod process;
pub mod report;
pub mod serve;
pub mod shutdown;
pub mod signals;
pub mod stats;
pub mod supervise;
#[cfg(any(test, feature = "sim"))]
pub mod testing;
pub mod title;
pub mod turn;
pub mod unit;

use crate::base::clock::Clock;
use crate::base::files::Files;
use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::client::Clients;
use crate::client::describe::Scene;
use crate::command::Call;
use crate::command::lookup::Commands;
use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::net::Net;
use crate::net::reactor::Reactor;
use crate::observe::log::Log;
use cron::Cron;
use debug::Debug;
use oom::OomScore;
use process::Process;
use shutdown::Shutdown;
use signals::Bell;
use stats::Stats;
use title::TitleArea;
use unit::Unit;

/// The version of Redis whose behaviour and features clients may expect.
pub const COMPAT_VERSION: &str = "8.2.0";

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
    pub unit: Unit,
    pub stats: Stats,
    pub cron: Cron,
    pub log: Log,
    pub process: Process,
    pub shutdown: Shutdown,
    pub oom: OomScore,
    pub debug: Debug,
    /// Rung by signal handlers; a server without one is not meant by signals.
    pub bell: Option<Bell>,
    /// Where the process shows its title, if it does.
    pub title: Option<TitleArea>,
    /// The client whose requests are being run, for crash reports.
    pub serving: Id,
    /// Bits of `command::admit::state` that hold for every client.
    pub states: u32,
    /// The call that serves clients one after the other, with its buffers.
    pub spare_call: Option<Box<Call>>,
    /// Leave the loop at the end of this turn.
    pub stopping: bool,
}

impl Server {
    pub fn new(
        conf: Config,
        clock: Clock,
        mut rng: Rng,
        files: Files,
        reactor: Reactor,
    ) -> Box<Server> {
        let process = Process::new(&mut rng, clock.now().seconds());
        let commands = Commands::default();
        let stats = Stats::new(commands.len(), clock.mono_cached_us());
        let mut server = Box::new(Server {
            conf,
            clock,
            rng,
            files,
            net: Net::new(reactor),
            clients: Clients::default(),
            commands,
            keyspace: Keyspace::default(),
            unit: Unit::default(),
            stats,
            cron: Cron::default(),
            // Whoever runs a process gives its server the log of the process.
            log: Log::memory(),
            process,
            shutdown: Shutdown::default(),
            oom: OomScore::default(),
            debug: Debug::default(),
            bell: None,
            title: None,
            serving: Id::NONE,
            states: 0,
            spare_call: None,
            stopping: false,
        });
        server.refresh_states();
        server
    }

    /// What descriptions of clients need to know.
    pub fn scene(&self) -> Scene<'_> {
        Scene {
            commands: &self.commands,
            unix_path: &self.conf.net.unixsocket,
            now_us: self.clock.mono_cached_us(),
        }
    }

    /// Recomputes which gates stand half closed, after something changed that they look at.
    pub fn refresh_states(&mut self) {
        self.states = crate::command::admit::state::ALWAYS | self.clients.pause.states();
    }
}
