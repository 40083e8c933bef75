//! The owner and the loop.
//!
//! `main` owns a `Box<Server>`; everything is reached through a parameter. A server is parts only, and no part knows
//! the server: a function that needs two parts takes two parts. Several servers can live in one process, since the
//! world is reached through four doors only: clock, random source, connections and files.

pub mod boot;
pub mod cron;
pub mod exec;
pub mod serve;
pub mod stats;
#[cfg(any(test, feature = "sim"))]
pub mod testing;
pub mod turn;
pub mod unit;

use crate::base::clock::Clock;
use crate::base::files::Files;
use crate::base::rng::Rng;
use crate::client::Clients;
use crate::client::describe::Scene;
use crate::command::Call;
use crate::command::lookup::Commands;
use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::net::Net;
use crate::net::reactor::Reactor;
use cron::Cron;
use stats::Stats;
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
        rng: Rng,
        files: Files,
        reactor: Reactor,
    ) -> Box<Server> {
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
