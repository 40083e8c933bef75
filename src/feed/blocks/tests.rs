//! The backlog beside a plain vector that forgets nothing.

use std::sync::Arc;

use super::*;
use crate::base::rng::Rng;

fn read(backlog: &Backlog, at: u64) -> Option<Vec<u8>> {
    let pieces: Vec<_> = Cursor::new(Offset(at)).slices(backlog)?.collect();
    assert!(pieces.iter().all(|piece| !piece.is_empty()), "writev gets no empty pieces");
    Some(pieces.concat())
}

#[test]
fn bytes_come_back_from_any_place() {
    let mut backlog = Backlog::new(Offset(100), 1 << 20);
    assert_eq!(read(&backlog, 100), Some(vec![]), "nothing was missed");
    assert_eq!((read(&backlog, 99), read(&backlog, 101)), (None, None));
    backlog.append(b"abc");
    backlog.append(b"def");
    assert_eq!((backlog.first(), backlog.end()), (Offset(100), Offset(106)));
    assert_eq!(read(&backlog, 100).as_deref(), Some(&b"abcdef"[..]));
    assert_eq!(read(&backlog, 104).as_deref(), Some(&b"ef"[..]));
    assert_eq!(read(&backlog, 106), Some(vec![]));
    assert_eq!(read(&backlog, 107), None);
}

#[test]
fn large_values_are_shared_and_small_ones_copied() {
    let mut backlog = Backlog::new(Offset(0), 1 << 20);
    let (large, small) = (Arc::new(vec![b'l'; SHARED_MIN]), Arc::new(vec![b's'; SHARED_MIN - 1]));
    backlog.append(b"<");
    backlog.append_shared(&large);
    backlog.append(b">");
    backlog.append_shared(&small);
    assert_eq!((Arc::strong_count(&large), Arc::strong_count(&small)), (2, 1));
    let all = [b"<", &large[..], b">", &small[..]].concat();
    for at in [0, 1, 2, SHARED_MIN, SHARED_MIN + 1, SHARED_MIN + 2, all.len()] {
        assert!(read(&backlog, at as u64).as_deref() == Some(&all[at..]), "from {at}");
    }
    backlog.resize(0);
    backlog.trim(None);
    assert_eq!(Arc::strong_count(&large), 1, "what is trimmed is let go of");
}

/// Trimming gives way to the slowest reader that is kept, and to nobody else.
#[test]
fn a_slow_cursor_holds_what_it_has_not_read() {
    let mut backlog = Backlog::new(Offset(0), BLOCK_MIN);
    let mut slow = Cursor::new(Offset(10));
    backlog.append(&vec![b'x'; 20 * BLOCK_MIN]);
    assert!(!backlog.trim(Some(slow.at())));
    assert_eq!((backlog.first(), slow.lag(&backlog)), (Offset(0), 20 * BLOCK_MIN as u64 - 10));
    slow.advance(3 * BLOCK_MIN);
    backlog.trim(Some(slow.at()));
    assert_eq!(backlog.first(), Offset(3 * BLOCK_MIN as u64));
    assert!(slow.slices(&backlog).is_some());
    // It is given up: the size alone counts.
    backlog.trim(None);
    assert_eq!(backlog.end().since(backlog.first()), BLOCK_MIN as u64);
    assert!(slow.slices(&backlog).is_none(), "it is lost");
    assert!(backlog.memory() <= 2 * BLOCK_MIN, "{} bytes", backlog.memory());
}

#[test]
fn trimming_goes_on_in_steps() {
    let mut backlog = Backlog::new(Offset(0), 0);
    backlog.append(&vec![b'x'; 100 * BLOCK_MIN]);
    assert!(backlog.trim(None));
    assert_eq!(backlog.first(), Offset((TRIMMED_AT_ONCE * BLOCK_MIN) as u64));
    assert!(!backlog.trim(None));
}

/// A random life of a backlog and some cursors.
fn live(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let (start, mut size) = (rng.below(1000), 1usize << (10 + rng.below(8)));
    let mut backlog = Backlog::new(Offset(start), size);
    let mut all: Vec<u8> = vec![];
    let mut cursors = [Cursor::new(Offset(start)); 3];
    for step in 0..200 {
        match rng.below(8) {
            0 => {
                let len = rng.below(3 * SHARED_MIN as u64) as usize;
                let value = Arc::new(vec![step as u8; len]);
                backlog.append_shared(&value);
                all.extend_from_slice(&value);
                assert_eq!(Arc::strong_count(&value) == 2, len >= SHARED_MIN);
            }
            1 => {
                size = 1 << (10 + rng.below(8));
                backlog.resize(size);
            }
            2 | 3 => {
                let keep = (rng.below(2) == 0).then(|| cursors[0].at());
                let before = backlog.first();
                while backlog.trim(keep) {}
                let end = start + all.len() as u64;
                let wanted = end.saturating_sub(size as u64).max(start);
                let wanted = keep.map_or(wanted, |keep| keep.0.min(wanted));
                assert!(backlog.first() <= Offset(wanted) || backlog.first() == before);
                let slack = (size / 16).clamp(BLOCK_MIN, BLOCK_MAX).max(3 * SHARED_MIN);
                let held_in_vain = wanted.saturating_sub(backlog.first().0);
                assert!(held_in_vain <= slack as u64, "only whole blocks stay: {held_in_vain}");
            }
            4 => {
                let at = start + rng.below(all.len() as u64 + 1);
                let want = (Offset(at) >= backlog.first()).then(|| &all[(at - start) as usize..]);
                assert!(read(&backlog, at).as_deref() == want, "seed {seed}: from {at}");
            }
            5 => {
                // A socket takes some of it.
                let cursor = &mut cursors[rng.below(3) as usize];
                match read(&backlog, cursor.at().0) {
                    Some(bytes) => {
                        assert!(bytes == all[(cursor.at().0 - start) as usize..]);
                        assert_eq!(cursor.lag(&backlog), bytes.len() as u64);
                        cursor.advance(rng.below(bytes.len() as u64 + 1) as usize);
                    }
                    None => {
                        assert!(cursor.at() < backlog.first(), "only what was trimmed is lost");
                        *cursor = Cursor::new(backlog.end());
                    }
                }
            }
            _ => {
                let len = rng.below(if step % 10 == 0 { 100_000 } else { 500 }) as usize;
                let bytes: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
                backlog.append(&bytes);
                all.extend_from_slice(&bytes);
            }
        }
        assert_eq!(backlog.end(), Offset(start + all.len() as u64));
    }
}

#[test]
fn it_is_the_end_of_a_vector() {
    (0..60).for_each(live);
}
