//! Bytes as an intset. What the check lets through can be walked and searched, and every change to
//! a copy of it does to the copy what it does to an ordered set. The check never panics.

#![no_main]

use std::collections::BTreeSet;

use hematite::ds::intset::{Ints, Intset};
use libfuzzer_sys::{arbitrary, fuzz_target};

#[derive(Debug, arbitrary::Arbitrary)]
enum Change {
    Insert(i64),
    InsertSmall(i8),
    Remove(i64),
    /// By a share of the length.
    RemoveAt(u16),
    RemoveLike(u16),
    Retain(i64),
}

fn look(ints: Ints<'_>, model: &BTreeSet<i64>) {
    assert_eq!((ints.len(), ints.is_empty()), (model.len(), model.is_empty()));
    assert!(ints.iter().eq(model.iter().copied()));
    assert!(ints.iter().rev().eq(model.iter().rev().copied()));
    for (rank, number) in model.iter().enumerate().take(64) {
        assert_eq!((ints.at(rank), ints.find(*number)), (*number, Ok(rank)));
        for near in [number.saturating_sub(1), number.saturating_add(1)] {
            assert_eq!(ints.contains(near), model.contains(&near));
        }
    }
}

fuzz_target!(|input: (&[u8], Vec<Change>)| {
    let (bytes, changes) = input;
    let mut set = match Ints::check(bytes) {
        Ok(ints) => Intset::from_blob(ints.bytes().to_vec()),
        Err(_) => Intset::new(),
    };
    let mut model: BTreeSet<i64> = set.view().iter().collect();
    look(set.view(), &model);
    for change in changes.into_iter().take(64) {
        let pick = |share: u16| usize::from(share) * model.len() >> 16;
        match change {
            Change::Insert(number) => assert_eq!(set.insert(number), model.insert(number)),
            Change::InsertSmall(number) => {
                assert_eq!(set.insert(number.into()), model.insert(number.into()));
            }
            Change::Remove(number) => assert_eq!(set.remove(number), model.remove(&number)),
            Change::RemoveAt(share) if !model.is_empty() => {
                let rank = pick(share);
                let number = set.view().at(rank);
                set.remove_at(rank);
                assert!(model.remove(&number));
            }
            Change::RemoveLike(share) if !model.is_empty() => {
                let number = set.view().at(pick(share));
                assert!(set.remove(number) && model.remove(&number));
            }
            Change::RemoveAt(_) | Change::RemoveLike(_) => {}
            Change::Retain(mask) => {
                set.retain(|number| number & mask != 0);
                model.retain(|number| number & mask != 0);
            }
        }
        if !model.is_empty() {
            assert!(Ints::check(set.view().bytes()).is_ok(), "changes keep it well-formed");
        }
        assert!(set.view().iter().eq(model.iter().copied()));
    }
    look(set.view(), &model);
});
