//! Whole servers behind connections that behave as encrypted ones may.

use super::SimConn;
use crate::base::slab::Id;
use crate::server::testing::TestServer;

fn sim(t: &mut TestServer, id: Id) -> &mut SimConn {
    t.srv.clients.get_mut(id).and_then(|c| c.conn.simulated()).expect("a simulated client")
}

fn liar(t: &mut TestServer) -> Id {
    let id = t.connect();
    sim(t, id).lies = true;
    id
}

#[test]
fn a_short_read_does_not_mean_an_empty_socket() {
    let mut t = TestServer::new();
    let id = liar(&mut t);
    let large = "x".repeat(100);
    t.send(id, format!("SET k {large}\r\nGET k\r\nSTRLEN k\r\n").as_bytes());
    assert_eq!(t.receive(id), format!("+OK\r\n$100\r\n{large}\r\n:100\r\n").as_bytes());
}

#[test]
fn a_short_write_does_not_mean_a_full_socket() {
    let mut t = TestServer::new();
    let id = liar(&mut t);
    let large = "x".repeat(100_000);
    t.run(&format!("SET k {large}"));
    // Pieces that are sent by reference, and small ones between them.
    t.send(id, b"GET k\r\nPING\r\nGET k\r\n");
    let value = format!("$100000\r\n{large}\r\n");
    assert_eq!(t.receive(id), format!("{value}+PONG\r\n{value}").as_bytes());
    assert!(!t.srv.clients.get(id).expect("there").marks.write_blocked);
}

#[test]
fn a_full_socket_goes_on_with_its_edge() {
    let mut t = TestServer::new();
    let id = liar(&mut t);
    sim(&mut t, id).window = Some(3);
    t.send(id, b"PING\r\n");
    assert!(t.srv.clients.get(id).expect("there").marks.write_blocked);
    sim(&mut t, id).window = None;
    t.writable(id);
    assert_eq!(t.receive(id), b"+PONG\r\n");
}

#[test]
fn records_are_sent_though_no_reply_is_pending() {
    let mut t = TestServer::new();
    let id = liar(&mut t);
    t.send(id, b"*1\r\n$4");
    assert!(sim(&mut t, id).records.1 > 0, "half a request was read, and what that asked for sent");
    assert_eq!(sim(&mut t, id).records.0, 0);
    assert_eq!(t.receive(id), b"");
}

#[test]
fn the_last_reply_is_sent_before_the_end() {
    let mut t = TestServer::new();
    let id = liar(&mut t);
    t.send(id, b"ECHO 0123456789\r\nQUIT\r\n");
    assert_eq!(t.receive(id), b"$10\r\n0123456789\r\n+OK\r\n");
    assert!(t.srv.clients.get(id).is_none());
}
