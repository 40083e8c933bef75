//! The server's program: everything is in the library.
use hematite::base::{clock::Clock, files::Files, rng::Rng};
use hematite::net::reactor::Reactor;
use hematite::server::{Server, boot, turn};

fn main() {
    let mut conf = hematite::config::Config::default();
    let args: Vec<String> = std::env::args().collect();
    if let Some(i) = args.iter().position(|a| a == "--port") {
        conf.net.port = args[i + 1].parse().unwrap();
    }
    let mut srv =
        Server::new(conf, Clock::real(), Rng::from_system(), Files::Disk, Reactor::mio().unwrap());
    boot::listen(&mut srv).unwrap();
    turn::run(&mut srv).unwrap();
}
