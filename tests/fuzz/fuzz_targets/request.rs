//! The request parser: any bytes, cut anywhere. The way they are cut must not change what is
//! understood.

#![no_main]

use hematite::resp::request::{Limits, Parsed, ProtocolError, Query};
use libfuzzer_sys::fuzz_target;

type Requests = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

fn understand(pieces: &[&[u8]], authenticated: bool) -> Requests {
    let limits = Limits { bulk_max: 1 << 20, authenticated };
    let (mut query, mut out) = (Query::default(), vec![]);
    for piece in pieces {
        query.feed(piece);
        loop {
            match query.parse(limits) {
                Ok(Parsed::Request) => {
                    out.push(query.args().iter().map(<[u8]>::to_vec).collect());
                    query.consume();
                }
                Ok(Parsed::NeedMore) => break,
                Err(error) => return (out, Some(error)),
            }
        }
        query = query.detach();
    }
    (out, None)
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (authenticated, cut, bytes) = input;
    let cut = usize::from(cut) % (bytes.len() + 1);
    let whole = understand(&[bytes], authenticated);
    let halves = understand(&[&bytes[..cut], &bytes[cut..]], authenticated);
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(whole, halves);
    // A line over its limit is only noticed where reading stops; short inputs have no such line.
    if bytes.len() < 60_000 {
        assert_eq!(whole, understand(&singles, authenticated));
    }
});
