//! Nodes of streams from outside: whatever bytes pass the check can be walked from both ends with
//! the same entries, and changed.

#![no_main]

use hematite::ds::listpack::{Listpack, Packed};
use hematite::types::stream::StreamId;
use hematite::types::stream::node::{self, Walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, &[u8])| {
    let (ms, seq, bytes) = input;
    let id = StreamId::new(ms, seq);
    // The frame is put right, so that more than that is tried.
    let mut blob = bytes.to_vec();
    if let [a, b, c, d, ..] = &mut blob[..] {
        [*a, *b, *c, *d] = (bytes.len() as u32).to_le_bytes();
    }
    let Ok((head, last)) = node::check(id, &blob) else { return };
    let walk = Walk::new(id, Packed::new(&blob));
    let forth: Vec<_> = walk.clone().map(|entry| (entry.id, entry.fields.count())).collect();
    let mut back: Vec<_> = walk.clone().rev().map(|entry| (entry.id, entry.fields.count())).collect();
    back.reverse();
    assert_eq!(forth, back);
    assert_eq!(forth.last().map(|entry| entry.0), Some(last));
    assert_eq!(forth.len() as u64, head.live + head.deleted);
    let mut pack = Listpack::from_blob(blob.clone());
    let mut moved = 0;
    for entry in walk.filter(|entry| !entry.is_deleted) {
        moved += node::delete(&mut pack, entry.offset().wrapping_add_signed(moved));
    }
    let (emptied, _) = node::check(id, pack.view().bytes()).expect("still well-formed");
    assert_eq!((emptied.live, emptied.deleted), (0, head.live + head.deleted));
});
