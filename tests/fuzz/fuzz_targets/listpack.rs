//! Bytes as a listpack. What the check lets through can be walked both ways and searched, and every
//! change to a copy of it does to the copy what it does to a vector of texts. The check never
//! panics.

#![no_main]

use hematite::ds::listpack::{Item, Listpack, Packed};
use libfuzzer_sys::{arbitrary, fuzz_target};

/// A change, with positions as shares of the length.
#[derive(Debug, arbitrary::Arbitrary)]
enum Change {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Int(i64),
    Insert(u16, Vec<u8>),
    InsertAfter(u16, Vec<u8>),
    Replace(u16, Vec<u8>),
    Remove(u16, u8),
    SplitOff(u16),
    Double,
    Clear,
}

type Model = Vec<Vec<u8>>;

fn texts(pack: Packed<'_>) -> Model {
    pack.iter().map(Item::to_vec).collect()
}

/// Walks, counts and finds.
fn look(pack: Packed<'_>, model: &Model) {
    assert_eq!((pack.len(), pack.is_empty()), (model.len(), model.is_empty()));
    assert!(pack.iter().map(Item::to_vec).eq(model.iter().cloned()));
    assert!(pack.iter().rev().map(Item::to_vec).eq(model.iter().rev().cloned()));
    let offsets: Vec<usize> = pack.offsets().map(|(at, _)| at).collect();
    assert_eq!((pack.first(), pack.last()), (offsets.first().copied(), offsets.last().copied()));
    for (index, at) in offsets.iter().enumerate() {
        assert_eq!(pack.seek(index), Some(*at));
        assert_eq!(pack.next(*at), offsets.get(index + 1).copied());
        assert_eq!(pack.before(*at), index.checked_sub(1).map(|before| offsets[before]));
    }
    assert_eq!(pack.seek(model.len()), None);
    for text in model.iter().take(8).map(Vec::as_slice).chain([&b"12"[..], b"-0", b""]) {
        for step in [1, 2, 3] {
            let wanted = model.iter().step_by(step).position(|it| it == text);
            let found = pack.first().and_then(|first| pack.find(first, text, step));
            assert_eq!(found, wanted.map(|index| offsets[index * step]));
        }
    }
}

fn change(pack: &mut Listpack, model: &mut Model, change: Change) {
    let place = |share: u16| usize::from(share) * model.len() >> 16;
    let offset = |pack: &Listpack, index: usize| pack.view().seek(index).expect("inside");
    match change {
        Change::PushBack(text) => {
            pack.push_back(Item::of(&text));
            model.push(text);
        }
        Change::PushFront(text) => {
            pack.push_front(Item::of(&text));
            model.insert(0, text);
        }
        Change::Int(number) => {
            pack.push_back(Item::Int(number));
            model.push(number.to_string().into_bytes());
        }
        Change::Clear => {
            pack.clear();
            model.clear();
        }
        Change::Double if model.len() < 100 => {
            let copy = pack.clone();
            pack.append(copy.view());
            model.extend_from_within(..);
        }
        Change::Double => {}
        // The rest is about an element.
        _ if model.is_empty() => {}
        Change::Insert(share, text) => {
            let index = place(share);
            pack.insert(offset(pack, index), Item::of(&text));
            model.insert(index, text);
        }
        Change::InsertAfter(share, text) => {
            let index = place(share);
            pack.insert_after(offset(pack, index), Item::of(&text));
            model.insert(index + 1, text);
        }
        Change::Replace(share, text) => {
            let index = place(share);
            pack.replace(offset(pack, index), Item::of(&text));
            model[index] = text;
        }
        Change::Remove(share, count) => {
            let index = place(share);
            let count = usize::from(count).min(model.len() - index);
            pack.remove(offset(pack, index), count);
            model.drain(index..index + count);
        }
        Change::SplitOff(share) => {
            let index = place(share);
            let tail = pack.split_off(offset(pack, index));
            look(tail.view(), &model.split_off(index));
        }
    }
}

fuzz_target!(|input: (&[u8], Vec<Change>)| {
    let (bytes, changes) = input;
    let mut pack = match Packed::check(bytes) {
        Ok(pack) => pack.to_owned(),
        Err(_) => Listpack::new(),
    };
    let mut model = texts(pack.view());
    look(pack.view(), &model);
    for it in changes.into_iter().take(64) {
        change(&mut pack, &mut model, it);
        let checked = Packed::check(pack.view().bytes()).expect("changes keep it well-formed");
        assert!(texts(checked) == model);
    }
    look(pack.view(), &model);
});
