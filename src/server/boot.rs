//! Starting a server: opening its sockets.

use std::path::Path;

use super::Server;
use crate::net::listener::{BindError, Listener};
use crate::net::reactor::Reactor;
use crate::net::token::Source;

/// Opens every socket the configuration asks for.
pub fn listen(srv: &mut Server) -> Result<(), BindError> {
    let Server { net, conf, .. } = srv;
    let mut listeners = vec![];
    if conf.net.port != 0 {
        listeners =
            Listener::bind_all(&conf.net.bind, conf.net.port, conf.net.tcp_backlog, |_| {})?;
    }
    if !conf.net.unixsocket.is_empty() {
        let path = Path::new(&conf.net.unixsocket);
        let listener = Listener::bind_unix(path, conf.net.unixsocketperm, conf.net.tcp_backlog)
            .map_err(|error| BindError { address: conf.net.unixsocket.clone(), port: 0, error })?;
        listeners.push(listener);
    }
    for (index, listener) in listeners.iter_mut().enumerate() {
        listener
            .register(&net.reactor, Source::Listener(index as u32))
            .map_err(|error| BindError { address: String::new(), port: conf.net.port, error })?;
    }
    net.listeners = listeners;
    Ok(())
}

/// Opens the TCP sockets anew, after `bind` or `port` changed. The old ones are closed first, since addresses may recur;
/// the unix socket stays. On error there are none: the caller lays the old configuration back and calls again.
pub fn listen_again(srv: &mut Server) -> Result<(), BindError> {
    let Server { net, conf, .. } = srv;
    if matches!(net.reactor, Reactor::Simulated { .. }) {
        return Ok(());
    }
    let failed = |error| BindError { address: String::new(), port: conf.net.port, error };
    for listener in &mut net.listeners {
        listener.deregister(&net.reactor).map_err(failed)?;
    }
    net.listeners.retain(|listener| !listener.is_tcp());
    let mut opened = Ok(vec![]);
    if conf.net.port != 0 {
        opened = Listener::bind_all(&conf.net.bind, conf.net.port, conf.net.tcp_backlog, |_| {});
    }
    let (opened, verdict) = match opened {
        Ok(opened) => (opened, Ok(())),
        Err(error) => (vec![], Err(error)),
    };
    net.listeners.extend(opened);
    for (index, listener) in net.listeners.iter_mut().enumerate() {
        listener.register(&net.reactor, Source::Listener(index as u32)).map_err(failed)?;
    }
    verdict
}
