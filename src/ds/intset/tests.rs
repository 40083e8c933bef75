//! Intsets against a model, against blobs of the reference, and against bytes from anywhere.

use std::collections::BTreeSet;

use super::*;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

/// Numbers near every edge of the widths, and small ones.
fn number(state: &mut u64) -> i64 {
    let draw = next(state);
    let edges = [0, i64::from(i16::MAX), i64::from(i32::MAX), i64::MAX];
    match draw % 3 {
        0 => {
            let edge = edges[(draw as usize >> 4) % edges.len()];
            let near = edge.saturating_add((draw as i64 >> 8) % 3 - 1);
            if draw & 8 == 0 { near } else { near.wrapping_neg().saturating_sub(1) }
        }
        1 => (draw >> 4) as i64 % 50 - 25,
        _ => (draw << 20) as i64 >> (draw % 64),
    }
}

fn check(set: &Intset, model: &BTreeSet<i64>) {
    let view = set.view();
    assert_eq!((view.len(), view.is_empty()), (model.len(), model.is_empty()));
    if !model.is_empty() {
        assert_eq!(Ints::check(view.bytes()), Ok(view));
    }
    assert!(view.iter().eq(model.iter().copied()));
    assert!(view.iter().rev().eq(model.iter().rev().copied()));
    for (rank, number) in model.iter().enumerate() {
        assert_eq!((view.at(rank), view.find(*number)), (*number, Ok(rank)));
    }
}

#[test]
fn bytes_are_those_of_the_reference() {
    let mut set = Intset::new();
    assert!(set.insert(70_000) && set.insert(1) && !set.insert(70_000));
    let want = [4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0x70, 0x11, 1, 0];
    assert_eq!(set.view().bytes(), want);
    assert!(set.remove(70_000) && !set.remove(70_000));
    assert_eq!(set.view().bytes(), [4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], "it stays wide");
}

#[test]
fn random_changes_agree_with_an_ordered_set() {
    let mut state = 11;
    for round in 0..200 {
        let (mut set, mut model) = (Intset::new(), BTreeSet::new());
        for _ in 0..round {
            let (draw, number) = (next(&mut state), number(&mut state));
            match draw % 6 {
                5 if draw.is_multiple_of(5) => {
                    let keep = |number: i64| number.rem_euclid(4) != (draw >> 8) as i64 % 4;
                    set.retain(keep);
                    model.retain(|number| keep(*number));
                }
                0 => assert_eq!(set.remove(number), model.remove(&number)),
                1 if !model.is_empty() => {
                    let rank = (draw as usize >> 8) % model.len();
                    let gone = set.view().at(rank);
                    set.remove_at(rank);
                    assert!(model.remove(&gone));
                }
                _ => assert_eq!(set.insert(number), model.insert(number)),
            }
            assert_eq!(set.view().contains(number), model.contains(&number));
            let rank = set.view().find(number).unwrap_or_else(|rank| rank);
            assert_eq!(rank, model.range(..number).count());
        }
        check(&set, &model);
        check(&Intset::from_blob(set.view().bytes().to_vec()), &model);
        check(&set.view().to_owned(), &model);
    }
}

#[test]
fn a_width_is_chosen_by_the_widest_number() {
    for (number, width) in [
        (-32_768, 2),
        (32_767, 2),
        (32_768, 4),
        (-32_769, 4),
        (2_147_483_647, 4),
        (2_147_483_648, 8),
        (-2_147_483_649, 8),
        (i64::MIN, 8),
    ] {
        let mut set = Intset::new();
        set.insert(5);
        set.insert(number);
        assert_eq!(set.view().bytes()[..4], [width, 0, 0, 0], "{number}");
        assert_eq!(set.view().bytes().len(), 8 + 2 * usize::from(width), "{number}");
    }
}

#[test]
fn what_is_no_intset_is_refused() {
    let good: &[u8] = &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0];
    assert!(Ints::check(good).is_ok());
    let faulty: &[(&str, &[u8])] = &[
        ("nothing", &[]),
        ("half a head", &good[..7]),
        ("no numbers", &EMPTY),
        ("one number missing", &good[..10]),
        ("a byte too many", &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0]),
        ("a width of 3", &[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]),
        ("a width of 0", &[0, 0, 0, 0, 1, 0, 0, 0]),
        ("a width beyond a byte", &[2, 1, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0]),
        ("descending", &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0]),
        ("twice the same", &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]),
        ("a count that overflows", &[8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0]),
        ("descending by sign", &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0xff, 0xff]),
    ];
    for (what, bytes) in faulty {
        assert_eq!(Ints::check(bytes), Err(Corrupt), "{what}");
    }
}

#[test]
fn bytes_from_anywhere_are_checked_without_a_panic() {
    let (mut state, mut passed) = (3, 0);
    for _ in 0..50_000 {
        let len = next(&mut state) as usize % 40;
        let mut bytes: Vec<u8> = (0..len).map(|_| next(&mut state) as u8).collect();
        if len >= HEAD && next(&mut state).is_multiple_of(2) {
            // A head that fits, so that the numbers are looked at, too.
            let width = [2, 4, 8][next(&mut state) as usize % 3];
            let count = (len - HEAD) / width;
            bytes[..HEAD].copy_from_slice(&[width as u8, 0, 0, 0, count as u8, 0, 0, 0]);
        }
        if let Ok(ints) = Ints::check(&bytes) {
            passed += 1;
            let mut copy = ints.to_owned();
            let model: BTreeSet<i64> = ints.iter().collect();
            check(&copy, &model);
            copy.insert(number(&mut state));
        }
    }
    assert!(passed > 100, "some are well-formed: {passed}");
}
