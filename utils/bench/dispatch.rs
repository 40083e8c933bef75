//! What the server itself costs: parsing requests, and running them through a whole server without
//! a kernel in between (simulated connections, a clock that stands still).
//!
//! `cargo bench --features sim --bench dispatch`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hematite::resp::request::{Limits, Parsed, Query};
use hematite::server::testing::TestServer;

const OPEN: Limits = Limits { bulk_max: 512 << 20, authenticated: true };

fn pipeline(request: &[u8], count: usize) -> Vec<u8> {
    request.repeat(count)
}

fn parser(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, request) in [
        ("ping", &b"*1\r\n$4\r\nPING\r\n"[..]),
        ("set", b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nxxx\r\n"),
        ("inline", b"SET key:000000000001 xxx\r\n"),
    ] {
        let bytes = pipeline(request, 100);
        let mut query = Query::default();
        group.throughput(Throughput::Elements(100));
        group.bench_function(name, |b| {
            b.iter(|| {
                query.feed(&bytes);
                let mut words = 0;
                while query.parse(OPEN) == Ok(Parsed::Request) {
                    words += query.args().len();
                    query.consume();
                }
                black_box(words)
            });
        });
    }
}

fn dispatch(c: &mut Criterion) {
    let mut group = c.benchmark_group("dispatch");
    for (name, request) in [
        ("ping", &b"*1\r\n$4\r\nPING\r\n"[..]),
        ("echo", b"*2\r\n$4\r\nECHO\r\n$16\r\nkey:000000000001\r\n"),
        ("unknown", b"*2\r\n$4\r\nNOPE\r\n$1\r\nx\r\n"),
    ] {
        let bytes = pipeline(request, 100);
        let mut server = TestServer::new();
        let client = server.client;
        group.throughput(Throughput::Elements(100));
        group.bench_function(name, |b| {
            b.iter(|| {
                server.send(client, &bytes);
                black_box(server.receive(client).len())
            });
        });
    }
}

criterion_group!(benches, parser, dispatch);
criterion_main!(benches);
