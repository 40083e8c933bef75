//! Replies of a peer, cut anywhere: the same whole and in pieces, and never more memory than the
//! limits allow.

#![no_main]

use hematite::resp::reader::{Limits, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let limits = Limits { depth: 16, text_bytes: 1 << 16, values: 1 << 12, bytes: 1 << 18 };
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut reader, mut found, mut failed) = (Reader::new(limits), vec![], None);
        for piece in pieces {
            reader.feed(piece);
            while failed.is_none() {
                match reader.next_reply() {
                    Ok(Some(value)) => found.push(format!("{value:?}")),
                    Ok(None) => break,
                    Err(error) => failed = Some(error),
                }
            }
        }
        (found, failed)
    };
    let whole = read(&mut std::iter::once(bytes));
    let pieces = read(&mut bytes.chunks(usize::from(cut) + 1));
    assert_eq!(whole, pieces);
});
