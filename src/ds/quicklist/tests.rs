//! Random changes to quicklists, compared with a vector; and what must not take long.

use std::sync::Arc;

use super::*;

fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    (*state >> 20) as usize
}

fn limits(fill: i32, depth: u16, plain_from: Option<usize>) -> Limits {
    Limits { fill: Fill::new(fill), depth, plain_from }
}

/// Texts: few different ones, so that searches find something; some large.
fn text(state: &mut u64, large: usize) -> Vec<u8> {
    let draw = next(state);
    match draw % 16 {
        0 => vec![b'L'; large + draw / 16 % 3],
        1 => vec![b'm'; draw / 16 % 900],
        2..=5 => (draw / 16 % 300).to_string().into_bytes(),
        6 => b"-9223372036854775808".to_vec(),
        _ => format!("value:{}", draw / 16 % 40).into_bytes(),
    }
}

fn piece(text: &[u8]) -> Piece<'_> {
    Item::of(text).into()
}

fn collect(list: &Quicklist, index: usize, count: usize) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    list.visit(index, count, |piece| out.push(piece.item.to_vec()));
    out
}

fn check(list: &Quicklist, model: &[Vec<u8>], draw: usize) {
    list.check();
    assert_eq!(collect(list, 0, usize::MAX), model);
    assert_eq!(list.front().map(|p| p.item.to_vec()).as_ref(), model.first());
    assert_eq!(list.back().map(|p| p.item.to_vec()).as_ref(), model.last());
    let Some(index) = draw.checked_rem(model.len()) else { return };
    let count = (draw >> 20) % 20;
    let end = (index + count).min(model.len());
    assert_eq!(collect(list, index, count), model[index..end]);
    let mut back = Vec::new();
    list.visit_back(index, |piece| {
        back.push(piece.item.to_vec());
        back.len() <= count
    });
    assert!(back.iter().eq(model[..=index].iter().rev().take(count + 1)));
    for from in [End::Front, End::Back] {
        let (mut found, max) = (Vec::new(), (draw >> 9) % (model.len() + 3));
        list.search(&model[index], from, max, |i| {
            found.push(i);
            found.len() <= count
        });
        let all = model.iter().enumerate().filter(|(_, t)| **t == model[index]).map(|(i, _)| i);
        let wanted: Vec<usize> = match from {
            End::Front => all.filter(|i| *i < max).take(count + 1).collect(),
            End::Back => {
                let least = model.len().saturating_sub(max);
                let all: Vec<_> = all.filter(|i| *i >= least).collect();
                all.into_iter().rev().take(count + 1).collect()
            }
        };
        assert_eq!(found, wanted, "{from:?} {max}");
    }
}

/// One random change to both.
fn change(list: &mut Quicklist, model: &mut Vec<Vec<u8>>, state: &mut u64, limits: Limits) {
    let large = limits.plain_from.unwrap_or(list.fill().bytes_max() + 1);
    let (draw, value) = (next(state), text(state, large));
    let index = (draw >> 8).checked_rem(model.len()).unwrap_or(0);
    let pivot = model.get(index).cloned().unwrap_or_default();
    match draw % 12 {
        0 | 1 => {
            list.push_front(piece(&value), limits);
            model.insert(0, value);
        }
        2 | 3 => {
            let shared = Arc::new(value.clone());
            list.push_back(Piece { shared: Some(&shared), ..piece(&value) }, limits);
            model.push(value);
        }
        4 | 5 => {
            let side = if draw & 64 == 0 { Side::Before } else { Side::After };
            let first = model.iter().position(|t| *t == pivot);
            assert_eq!(list.insert_beside(&pivot, side, piece(&value), limits), first.is_some());
            if let Some(first) = first {
                model.insert(first + usize::from(side == Side::After), value);
            }
        }
        6 => {
            assert_eq!(list.replace(index, piece(&value), limits), !model.is_empty());
            if let Some(old) = model.get_mut(index) {
                *old = value;
            }
        }
        7 => {
            list.pop_front();
            model.drain(..model.len().min(1));
        }
        8 => {
            list.pop_back();
            model.pop();
        }
        9 => {
            let count = (draw >> 30) % 12;
            list.remove(index, count);
            let end = (index + count).min(model.len());
            model.drain(index..end);
        }
        10 => {
            let (max, from) = ((draw >> 40) % 4, [End::Front, End::Back][(draw >> 50) % 2]);
            let max = if max == 0 { usize::MAX } else { max };
            let mut hits: Vec<usize> = (0..model.len()).filter(|i| model[*i] == pivot).collect();
            if from == End::Back {
                hits.reverse();
            }
            hits.truncate(max);
            assert_eq!(list.remove_matches(&pivot, from, max), hits.len());
            hits.sort_unstable();
            hits.iter().rev().for_each(|i| drop(model.remove(*i)));
        }
        _ => {
            let absent = b"absent";
            assert!(!list.insert_beside(absent, Side::After, piece(&value), limits));
            assert_eq!(list.remove_matches(absent, End::Front, usize::MAX), 0);
            assert!(!list.replace(model.len(), piece(&value), limits));
        }
    }
}

#[test]
fn random_changes_agree_with_a_vector() {
    let mut state = 1;
    for fill in [-1, -2, -5, 0, 1, 2, 4, 128] {
        for (depth, plain_from) in
            [(0, None), (1, None), (2, Some(20)), (0, Some(1)), (7, Some(300))]
        {
            let limits = limits(fill, depth, plain_from);
            let (mut list, mut model) = (Quicklist::new(limits), Vec::new());
            for step in 0..400 {
                change(&mut list, &mut model, &mut state, limits);
                if step % 3 == 0 || fill >= 0 {
                    check(&list, &model, next(&mut state));
                }
                if step == 250 {
                    // From here on it shrinks.
                    list.remove(5, model.len() / 2);
                    let end = (5 + model.len() / 2).min(model.len());
                    model.drain(5.min(model.len())..end);
                }
            }
            check(&list.clone(), &model, 0);
            let raw: usize = list.nodes().1.map(Node::raw_bytes).sum();
            assert!(list.memory_bytes() < raw * 2 + 300 * list.nodes().0 + 4000, "{fill} {depth}");
        }
    }
}

fn million(depth: u16) -> (Quicklist, Limits) {
    let limits = limits(-2, depth, None);
    let mut list = Quicklist::new(limits);
    for n in 0..1_000_000 {
        list.push_back(piece(format!("element:{n:08}").as_bytes()), limits);
    }
    (list, limits)
}

#[test]
fn a_million_elements_take_little_more_than_their_bytes() {
    let (mut list, limits) = million(0);
    // An element of 16 bytes is 18 in a listpack.
    let per_element = list.memory_bytes() as f64 / 1e6;
    assert!(per_element < 18.13, "{per_element} bytes per element");
    assert_eq!(list.nodes().0, 1_000_000usize.div_ceil(454));

    // One in the middle splits one node, and touches no other.
    let nodes = |list: &Quicklist| list.nodes().1.map(|n| n.raw_bytes()).collect::<Vec<_>>();
    let before = nodes(&list);
    assert!(list.insert_beside(
        b"element:00500000",
        Side::Before,
        piece(b"an element that does not fit"),
        limits
    ));
    let after = nodes(&list);
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let same_behind =
        before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    assert_eq!((after.len(), same + same_behind), (before.len() + 1, before.len() - 1));
    assert_eq!(
        collect(&list, 500_000, 2),
        [b"an element that does not fit".to_vec(), b"element:00500000".to_vec()]
    );
}

#[test]
fn pushes_in_front_are_as_compact() {
    let limits = limits(-2, 0, None);
    let mut list = Quicklist::new(limits);
    (0..200_000).for_each(|n| list.push_front(piece(format!("element:{n:08}").as_bytes()), limits));
    let per_element = list.memory_bytes() as f64 / 2e5;
    assert!(per_element < 18.2, "{per_element} bytes per element");
}

#[test]
fn inner_nodes_are_compressed_and_read_as_before() {
    let (list, _) = million(2);
    assert!(list.memory_bytes() < 9_000_000, "{}", list.memory_bytes());
    assert_eq!(list.nodes().1.filter(|n| n.squeezed().is_none()).count(), 4);
    assert_eq!(collect(&list, 499_999, 1), [b"element:00499999".to_vec()]);
    let mut found = None;
    list.search(b"element:00654321", End::Back, usize::MAX, |i| {
        found = Some(i);
        false
    });
    assert_eq!(found, Some(654_321));
}

#[test]
fn foreign_listpacks_are_normalised() {
    // "12" and "x" as strings with longer heads than necessary, then the integer 1 in 64 bits.
    let mut blob = vec![0, 0, 0, 0, 3, 0, 0xe0, 2, b'1', b'2', 4, 0xf0, 1, 0, 0, 0, b'x', 6];
    blob.extend([0xf4, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xff]);
    blob[0] = blob.len() as u8;
    Packed::check(&blob).expect("well-formed");
    let mut list = Quicklist::new(limits(-2, 1, None));
    for _ in 0..3 {
        list.push_blob(blob.clone());
        list.push_blob(Listpack::new().into_blob());
    }
    list.push_plain(b"12".repeat(5000));
    list.check();
    assert_eq!(list.nodes().0, 4);
    let mut found = Vec::new();
    list.search(b"12", End::Front, usize::MAX, |i| {
        found.push(i);
        true
    });
    assert_eq!(found, [0, 3, 6]);
    assert_eq!(list.remove_matches(b"1", End::Back, 2), 2);
    assert_eq!(collect(&list, 0, 7).concat(), b"12x112x12x");
}
