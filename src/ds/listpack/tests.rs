//! Listpacks against vectors, at every edge of the format, and against damage.

use super::*;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

/// Texts at every edge of the format, and some in between.
fn text(state: &mut u64) -> Vec<u8> {
    let draw = next(state);
    match draw % 8 {
        0 => vec![
            b'x';
            [0, 1, 62, 63, 64, 65, 125, 126, 127, 128, 4094, 4095, 4096, 16_377, 16_378]
                [(draw as usize >> 4) % 15]
        ],
        1 | 2 => {
            let edges = [0, 127, 4095, 0x7fff, 0x7f_ffff, 0x7fff_ffff, i64::MAX];
            let edge = edges[(draw as usize >> 4) % edges.len()];
            let near = edge.saturating_add((draw as i64 >> 8) % 3 - 1);
            (if draw & 8 == 0 { near } else { near.wrapping_neg() }).to_string().into_bytes()
        }
        3 => [&b"007"[..], b"-0", b"+1", b" 1", b"9223372036854775808", b"-"]
            [(draw as usize >> 4) % 6]
            .to_vec(),
        _ => format!("v{}", draw % 1000).into_bytes(),
    }
}

fn check(pack: &Listpack, model: &[Vec<u8>]) {
    let view = Packed::check(pack.view().bytes()).expect("well-formed");
    assert_eq!(view.len(), model.len());
    assert!(view.iter().map(Item::to_vec).eq(model.iter().cloned()));
    assert!(view.iter().rev().map(Item::to_vec).eq(model.iter().rev().cloned()));
}

#[test]
fn bytes_are_those_of_the_reference() {
    let mut pack = Listpack::new();
    for text in [&b"a"[..], b"bb", b"1", b"-1", b"300"] {
        pack.push_back(Item::of(text));
    }
    let want = [
        0x16, 0, 0, 0, 5, 0, 0x81, 0x61, 2, 0x82, 0x62, 0x62, 3, 1, 1, 0xdf, 0xff, 2, 0xc1, 0x2c,
        2, 0xff,
    ];
    assert_eq!(pack.view().bytes(), want);
    assert_eq!(Listpack::new().view().bytes(), [7, 0, 0, 0, 0, 0, 0xff]);
}

#[test]
fn random_changes_agree_with_a_vector() {
    let mut state = 7;
    for round in 0..60 {
        let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
        for step in 0..200 {
            let (draw, value) = (next(&mut state) as usize, text(&mut state));
            let index = draw.checked_rem(model.len()).unwrap_or(0);
            match (draw >> 16) % 10 {
                0 | 1 => {
                    pack.push_back(Item::of(&value));
                    model.push(value);
                }
                2 => {
                    pack.push_front(Item::of(&value));
                    model.insert(0, value);
                }
                _ if model.is_empty() => {}
                3 => {
                    let at = pack.view().seek(index).expect("there");
                    pack.insert(at, Item::of(&value));
                    model.insert(index, value);
                }
                4 => {
                    let at = pack.view().seek(index).expect("there");
                    pack.insert_after(at, Item::of(&value));
                    model.insert(index + 1, value);
                }
                5 => {
                    let at = pack.view().seek(index).expect("there");
                    pack.replace(at, Item::of(&value));
                    model[index] = value;
                }
                9 => {
                    let to = (draw >> 24) % (model.len() + 1);
                    let offset = pack.view().seek(to).unwrap_or(pack.view().end());
                    let at = pack.view().seek(index).expect("there");
                    let at = pack.shift(at, 1, offset);
                    let value = model.remove(index);
                    let to = to - usize::from(to > index);
                    assert_eq!(pack.view().seek(to), Some(at));
                    model.insert(to, value);
                }
                6 => {
                    let count = (draw >> 24) % 3 + 1;
                    let count = count.min(model.len() - index);
                    pack.remove(pack.view().seek(index).expect("there"), count);
                    model.drain(index..index + count);
                }
                7 => {
                    let tail = pack.split_off(pack.view().seek(index).expect("there"));
                    check(&tail, &model[index..]);
                    if draw & 1 == 0 {
                        pack.append(tail.view());
                    } else {
                        model.truncate(index);
                    }
                }
                _ => {
                    let found = pack.view().find(HEAD, &model[index], 1).expect("there");
                    let first = model.iter().position(|text| *text == model[index]);
                    assert_eq!(pack.view().seek(first.expect("there")), Some(found));
                }
            }
            if step % 10 == round % 10 {
                check(&pack, &model);
            }
        }
        check(&pack, &model);
        assert_eq!(Listpack::from_blob(pack.clone().into_blob()), pack);
    }
}

#[test]
fn fields_are_found_in_their_places_only() {
    let mut pack = Listpack::new();
    for text in [&b"f"[..], b"5", b"5", b"f", b"g", b"h"] {
        pack.push_back(Item::of(text));
    }
    let view = pack.view();
    assert_eq!(view.find(HEAD, b"5", 2), view.seek(2));
    assert_eq!(view.find(HEAD, b"h", 2), None);
    assert_eq!(view.pairs().count(), 3);
    let at = view.seek(1).expect("there");
    assert_eq!(view.find(at, b"f", 1), view.seek(3));
}

#[test]
fn a_count_that_is_full_is_not_kept() {
    let mut pack = Listpack::new();
    for _ in 0..70_000 {
        pack.push_back(Item::Int(1));
    }
    assert_eq!(pack.view().len(), 70_000);
    assert_eq!(pack.view().seek(69_999), pack.view().last());
    pack.remove(HEAD, 69_000);
    assert_eq!((pack.view().len(), pack.view().header_count()), (1000, UNCOUNTED));
    assert!(Packed::check(pack.view().bytes()).is_ok());
}

/// What is no listpack is refused, and looking at it does no harm.
#[test]
fn damage_is_noticed() {
    let mut pack = Listpack::new();
    let mut state = 3;
    for _ in 0..40 {
        pack.push_back(Item::of(&text(&mut state)));
    }
    let good = pack.into_blob();
    for cut in 0..good.len().min(300) {
        assert_eq!(Packed::check(&good[..cut]), Err(Corrupt));
    }
    let mut passed = 0;
    for _ in 0..20_000 {
        let mut bad = good.clone();
        let at = next(&mut state) as usize % bad.len();
        bad[at] ^= 1 << (next(&mut state) % 8);
        if let Ok(view) = Packed::check(&bad) {
            passed += 1;
            assert_eq!(view.iter().count(), view.iter().rev().count());
        }
    }
    assert!(passed > 0, "bits inside strings may flip unseen");
}

#[test]
fn bytes_from_anywhere_are_checked_without_a_panic() {
    let (mut state, mut passed) = (5, 0);
    let likely = [0, 1, 2, 3, 0x80, 0x81, 0x82, 0xc0, 0xe0, 0xf0, 0xf1, 0xf4, 0xff];
    for round in 0..60_000 {
        let len = next(&mut state) as usize % 24;
        let mut bytes: Vec<u8> = (0..len).map(|_| next(&mut state) as u8).collect();
        if len >= EMPTY_BYTES && round % 4 > 0 {
            // A frame that fits, and inside of it what elements are made of.
            for byte in &mut bytes[HEAD..] {
                *byte = likely[*byte as usize % likely.len()];
            }
            bytes[..HEAD].copy_from_slice(&[len as u8, 0, 0, 0, 0xff, 0xff]);
            bytes[len - 1] = END;
        }
        if let Ok(view) = Packed::check(&bytes) {
            passed += 1;
            let model: Vec<_> = view.iter().map(Item::to_vec).collect();
            let mut copy = view.to_owned();
            check(&copy, &model);
            copy.push_front(Item::of(b"x"));
            copy.remove(HEAD, copy.view().len());
            check(&copy, &[]);
        }
    }
    assert!(passed > 100, "some are well-formed: {passed}");
}
