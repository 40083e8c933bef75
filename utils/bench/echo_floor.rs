//! The floor under every server of this shape: a mio loop that reads every ready socket once and
//! then writes the same bytes back. It parses nothing and knows nothing, so what it costs per
//! request is the kernel's price.
//!
//! `cargo bench --bench echo_floor -- --port 7000`, then any client of the Redis protocol: an
//! echoed PING request is a well-formed reply. `utils/bench/compare.py` runs it beside the servers.

use std::io::{ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let Some(port) = args.iter().position(|a| a == "--port").and_then(|i| args.get(i + 1)) else {
        eprintln!("echo_floor: serves on --port N; without it there is nothing to measure");
        return Ok(());
    };
    let port: u16 = port.parse().map_err(|_| std::io::Error::from(ErrorKind::InvalidInput))?;
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut clients: slab::Slab<TcpStream> = slab::Slab::new();
    let mut buffer = vec![0u8; 16 * 1024];
    let mut echoes: Vec<(usize, Vec<u8>)> = vec![];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == Token(usize::MAX) {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let entry = clients.vacant_entry();
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(entry.key()), both)?;
                    entry.insert(stream);
                }
                continue;
            }
            let Some(stream) = clients.get_mut(event.token().0) else { continue };
            match stream.read(&mut buffer) {
                Ok(0) => drop(clients.remove(event.token().0)),
                Ok(n) => echoes.push((event.token().0, buffer[..n].to_vec())),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => drop(clients.remove(event.token().0)),
            }
        }
        for (key, bytes) in echoes.drain(..) {
            if let Some(stream) = clients.get_mut(key) {
                stream.write_all(&bytes)?;
            }
        }
    }
}
