//! Streams against plain models, nodes against the bytes of the reference, and against damage.

use super::node::{Walk, check, first};
use super::*;
use crate::base::clock::UnixMillis;
use crate::ds::listpack::{Item, Packed};
use std::collections::{BTreeMap, BTreeSet};

const DEFAULT: Limits = Limits { node_bytes: 4096, node_entries: 100 };

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    *state >> 20
}

fn add(stream: &mut Stream, id: StreamId, words: &[&str], limits: Limits) {
    let bytes = words.iter().map(|word| word.len() as u64).sum();
    let fields = words.chunks_exact(2).map(|pair| (pair[0].as_bytes(), pair[1].as_bytes()));
    stream.append(id, (fields, bytes), limits);
}

fn delete(stream: &mut Stream, id: StreamId) -> bool {
    stream.delete(id, &mut Scratch::default())
}

/// The ids between two.
fn ids(stream: &Stream, start: StreamId, end: StreamId, backwards: bool) -> Vec<StreamId> {
    let (mut entries, mut ids) = (stream.entries(start, end, backwards), vec![]);
    while let Some(entry) = entries.next_entry() {
        ids.push(entry.id);
    }
    ids
}

/// All entries with their words.
fn content(stream: &Stream) -> Model {
    let (mut entries, mut all) = (stream.entries(StreamId::ZERO, StreamId::MAX, false), vec![]);
    while let Some(entry) = entries.next_entry() {
        all.push((entry.id, words_of(entry)));
    }
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "entries come in order");
    all.into_iter().collect()
}

/// The bytes of a node, however it is kept.
fn bytes_of(id: StreamId, node: &Node) -> Vec<u8> {
    Scratch::default().look(id, node).bytes().to_vec()
}

/// How many nodes are compressed.
fn squeezed(stream: &Stream) -> usize {
    stream.nodes().iter().filter(|(_, node)| node.squeezed().is_some()).count()
}

fn words_of(entry: Entry<'_>) -> Vec<Vec<u8>> {
    entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect()
}

/// A node as live servers write it: an entry with the fields of the first, a deleted one, one with
/// others.
#[test]
fn bytes_of_a_node_are_those_of_the_reference() {
    let mut stream = Stream::default();
    add(&mut stream, StreamId::new(1000, 1), &["f", "v", "n", "1"], DEFAULT);
    add(&mut stream, StreamId::new(1000, 2), &["f", "w", "n", "2"], DEFAULT);
    add(&mut stream, StreamId::new(1005, 0), &["other", "x"], DEFAULT);
    add(&mut stream, StreamId::new(1010, 7), &["f", "q", "n", "3"], DEFAULT);
    let second = StreamId::new(1000, 2);
    assert!(delete(&mut stream, second) && !delete(&mut stream, second));
    let want: &[u8] = &[
        0x51, 0, 0, 0, 0x1f, 0, 3, 1, 1, 1, 2, 1, 0x81, 0x66, 2, 0x81, 0x6e, 2, 0, 1, 2, 1, 0, 1,
        0, 1, 0x81, 0x76, 2, 1, 1, 5, 1, 3, 1, 0, 1, 1, 1, 0x81, 0x77, 2, 2, 1, 5, 1, 0, 1, 5, 1,
        0xdf, 0xff, 2, 1, 1, 0x85, 0x6f, 0x74, 0x68, 0x65, 0x72, 6, 0x81, 0x78, 2, 6, 1, 2, 1,
        0x0a, 1, 6, 1, 0x81, 0x71, 2, 3, 1, 5, 1, 0xff,
    ];
    let (id, node) = stream.nodes().at(stream.nodes().first().expect("a node"));
    assert_eq!((id, &*bytes_of(id, node)), (StreamId::new(1000, 1), want));
    let (head, last) = check(id, want).expect("well-formed");
    assert_eq!((head.live, head.deleted, last), (3, 1, StreamId::new(1010, 7)));
}

/// Whatever bytes pass the check can be walked from both ends, with the same entries.
#[test]
fn damaged_nodes_are_refused_or_harmless() {
    let mut stream = Stream::default();
    for i in 0..6u64 {
        let (ms, value) = (10 + i / 2, "v".repeat(i as usize * 13));
        let name = if i % 3 == 2 { "other" } else { "name" };
        add(&mut stream, StreamId::new(ms, i), &[name, &value, "17", "300"], DEFAULT);
    }
    delete(&mut stream, StreamId::new(11, 2));
    let (id, node) = stream.nodes().at(stream.nodes().first().expect("a node"));
    let bytes = bytes_of(id, node);
    assert!(check(id, &bytes).is_ok());
    let (mut passed, mut refused, mut kept_small) = (0, 0, 0);
    for at in 0..bytes.len() {
        assert!(check(id, &bytes[..at]).is_err());
        for value in 0..=255 {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if check(id, &damaged).is_err() {
                refused += 1;
                continue;
            }
            passed += 1;
            let walk = Walk::new(id, Packed::new(&damaged));
            let forth: Vec<_> = walk.clone().map(|entry| (entry.id, words_of(entry))).collect();
            let mut back: Vec<_> = walk.rev().map(|entry| (entry.id, words_of(entry))).collect();
            back.reverse();
            assert_eq!(forth, back);
            let mut node = Node::Plain(Packed::new(&damaged).to_owned());
            let told = (node.counts(), node.last_id(id));
            node.squeeze(id);
            kept_small += usize::from(node.squeezed().is_some());
            assert_eq!((node.counts(), node.last_id(id)), told);
            assert_eq!(bytes_of(id, &node), damaged);
        }
    }
    assert!(passed > bytes.len() && refused > 10_000 && kept_small > bytes.len());
}

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

fn agree(stream: &Stream, model: &Model) {
    assert_eq!(content(stream), *model);
    let back = ids(stream, StreamId::ZERO, StreamId::MAX, true);
    assert!(back.iter().eq(model.keys().rev()));
    assert_eq!(stream.length(), model.len() as u64);
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
    assert_eq!(stream.last_live_id(), model.keys().next_back().copied());
    nodes_are_sound(stream);
    files_are_read(stream);
}

/// What is told of a compressed node is true of its content, and it is worth it.
fn nodes_are_sound(stream: &Stream) {
    let mut last = None;
    for (id, node) in stream.nodes().iter() {
        assert!(last < Some(id), "nodes ascend");
        let bytes = bytes_of(id, node);
        let (head, end) = check(id, &bytes).expect("well-formed");
        assert_eq!((node.counts(), node.last_id(id)), (head.counts(), Some(end)));
        assert_eq!(node.raw_bytes(), bytes.len());
        last = Some(end);
        if node.squeezed().is_some() {
            assert!(node.memory_bytes() * 8 <= class_size(bytes.len()) * 7);
        }
    }
}

/// A stream made of the nodes, as files give them, has the same entries.
fn files_are_read(stream: &Stream) {
    for with_lzf in [false, true] {
        let mut again = Stream::default();
        for (id, node) in stream.nodes().iter() {
            let lzf = node.squeezed().filter(|_| with_lzf).map(Squeezed::lzf);
            assert!(again.push_node(id, bytes_of(id, node), lzf).is_ok());
            assert!(again.push_node(id, bytes_of(id, node), lzf).is_err(), "nodes ascend");
        }
        again.end_nodes();
        assert_eq!((again.length(), again.first_id()), (stream.length(), stream.first_id()));
        assert_eq!(content(&again), content(stream));
        let tail = again.nodes().iter().rev().take(TAIL);
        assert!(tail.map(|(_, node)| node).all(|node| node.squeezed().is_none()));
        nodes_are_sound(&again);
    }
}

/// Deletes some entries that are near each other, and some that are not there, as one call.
fn delete_some(stream: &mut Stream, model: &mut Model, state: &mut u64) {
    let at = next(state) as usize % model.len();
    let near: Vec<_> = model.keys().skip(at).take(next(state) as usize % 8 + 1).copied().collect();
    let mut scratch = Scratch::default();
    for id in near {
        assert!(stream.entry(id, &mut scratch).is_some_and(|entry| entry.id == id));
        let other = id.next().expect("ids are small");
        if !model.contains_key(&other) {
            assert!(!stream.delete(other, &mut scratch));
        }
        if !next(state).is_multiple_of(4) {
            assert!(stream.delete(id, &mut scratch) && !stream.delete(id, &mut scratch));
            model.remove(&id);
        }
        assert_eq!(stream.entry(id, &mut scratch).is_some(), model.contains_key(&id));
    }
}

/// Trims, and checks what was to go.
fn trim_some(stream: &mut Stream, model: &mut Model, state: &mut u64) {
    let draw = next(state);
    let (is_approximate, limit) = (draw & 1 == 0, 0);
    if draw & 2 == 0 {
        let length = model.len() as u64 * 3 / 4;
        let (bound, references) = (Bound::Length(length), References::Keep);
        let trim = Trim { bound, is_approximate, limit, references };
        let gone = stream.trim(trim).entries;
        assert!(is_approximate || stream.length() == length);
        assert!(stream.length() >= length);
        (0..gone).for_each(|_| drop(model.pop_first()));
    } else if !model.is_empty() {
        let at = next(state) as usize % (model.len() / 3 + 1);
        let id = *model.keys().nth(at).expect("within");
        let references = if draw & 4 == 0 { References::Drop } else { References::Keep };
        let trim = Trim { bound: Bound::Id(id), is_approximate, limit, references };
        let gone = stream.trim(trim).entries;
        assert!(gone <= at as u64 && (is_approximate || gone == at as u64));
        if is_approximate && references == References::Keep {
            let (node, kept) = stream.nodes().at(stream.nodes().first().expect("the entry itself"));
            assert!(kept.last_id(node) >= Some(id), "all whole nodes have gone");
        }
        (0..gone).for_each(|_| drop(model.pop_first()));
    }
}

#[test]
fn random_changes_agree_with_a_model() {
    let tiny = Limits { node_bytes: 120, node_entries: 0 };
    let few = Limits { node_bytes: 0, node_entries: 3 };
    let some = Limits { node_bytes: 600, node_entries: 0 };
    let many = Limits { node_bytes: 0, node_entries: 0 };
    let mut state = 11;
    let (mut most_squeezed, mut most_open) = (0, 0);
    for limits in [tiny, few, some, many, DEFAULT] {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for step in 0..2000u64 {
            let draw = next(&mut state);
            let last = stream.last_id;
            match draw % 12 {
                0 => {
                    let start = StreamId::new(next(&mut state) % (last.ms + 1), 0);
                    let end = StreamId::new(start.ms + next(&mut state) % 20, 3);
                    let got = ids(&stream, start, end, false);
                    assert!(got.iter().eq(model.range(start..=end).map(|(id, _)| id)));
                    let got = ids(&stream, start, end, true);
                    assert!(got.iter().eq(model.range(start..=end).rev().map(|(id, _)| id)));
                }
                1 if !model.is_empty() => delete_some(&mut stream, &mut model, &mut state),
                2 if step % 7 == 0 => trim_some(&mut stream, &mut model, &mut state),
                3 if step % 31 == 0 => {
                    // The newest go, so that compressed nodes come to stand at the end.
                    for id in model.keys().rev().take(30).copied().collect::<Vec<_>>() {
                        assert!(delete(&mut stream, id));
                        model.remove(&id);
                    }
                }
                _ => {
                    let ms = last.ms + u64::from(draw.is_multiple_of(5));
                    let seq = if ms == last.ms { last.seq + 1 + draw % 3 } else { draw % 4 };
                    let value = "v".repeat(draw as usize % 70);
                    let names = [["a", "b"], ["a", "c"], ["17", "-5"]][draw as usize % 3];
                    let words = [names[0], value.as_str(), names[1], "12"];
                    add(&mut stream, StreamId::new(ms, seq), &words, limits);
                    let words = words.map(|word| word.as_bytes().to_vec()).to_vec();
                    model.insert(StreamId::new(ms, seq), words);
                }
            }
            most_squeezed = most_squeezed.max(squeezed(&stream));
            most_open = most_open.max(stream.open.len());
            if step % 50 == 0 {
                agree(&stream, &model);
            }
        }
        agree(&stream, &model);
    }
    assert!(most_squeezed > 20 && most_open == OPEN_MAX);
}

/// A stream of some full nodes, whose entries are alike.
fn readings(count: u64) -> Stream {
    let mut stream = Stream::default();
    for i in 0..count {
        let id = StreamId::new(1_700_000_000_000 + i / 3, i % 3);
        add(&mut stream, id, &["sensor", &i.to_string(), "temp", "19.8"], DEFAULT);
    }
    stream
}

#[test]
fn old_nodes_are_compressed_and_come_back() {
    let stream = readings(1000);
    let kept: Vec<_> = stream.nodes().iter().map(|(_, node)| node.squeezed().is_some()).collect();
    assert_eq!(kept, [[true; 8].as_slice(), &[false; TAIL]].concat());
    let all = content(&stream);
    assert_eq!(all.len(), 1000);
    let (id, words) = all.iter().nth(450).expect("there are more");
    assert_eq!(*words, [&b"sensor"[..], b"450", b"temp", b"19.8"]);
    let mut scratch = Scratch::default();
    assert!(stream.entry(*id, &mut scratch).is_some_and(|entry| words_of(entry) == *words));
    // A node of the same memory is as it was.
    for (id, node) in stream.nodes().iter() {
        let mut again = Node::Plain(Listpack::from_blob(bytes_of(id, node)));
        again.squeeze(id);
        assert!(again.squeezed().is_some());
        assert_eq!(bytes_of(id, &again), bytes_of(id, node));
        let pack = again.open(id, &mut Scratch::default());
        assert_eq!(pack.view().bytes(), bytes_of(id, node));
    }
}

/// Entries are deleted in every node: few of them are open at a time, and none twice.
#[test]
fn few_old_nodes_are_open() {
    let mut stream = readings(3000);
    let all: Vec<_> = content(&stream).into_keys().collect();
    assert_eq!(squeezed(&stream), 30 - TAIL);
    let mut scratch = Scratch::default();
    for (index, id) in all.iter().enumerate().filter(|(index, _)| index % 100 < 50) {
        assert!(stream.delete(*id, &mut scratch));
        let opened = (index / 100 + 1).min(OPEN_MAX);
        assert!(squeezed(&stream) >= 30 - TAIL - opened, "node {}", index / 100);
    }
    assert_eq!((squeezed(&stream), stream.length()), (30 - TAIL - OPEN_MAX, 1500));
    let left: Vec<_> = content(&stream).into_keys().collect();
    assert!(
        left.iter().eq(all.iter().enumerate().filter(|(i, _)| i % 100 >= 50).map(|(_, id)| id))
    );
    nodes_are_sound(&stream);
}

/// The newest nodes go: the next entry goes into one that was compressed, if there is room.
#[test]
fn a_compressed_node_takes_entries_again() {
    let mut stream = readings(500);
    let all: Vec<_> = content(&stream).into_keys().collect();
    all[200..].iter().for_each(|id| assert!(delete(&mut stream, *id)));
    assert_eq!(squeezed(&stream), 2);
    let roomy = Limits { node_bytes: 4096, node_entries: 101 };
    let id = StreamId::new(1_800_000_000_000, 0);
    add(&mut stream, id, &["sensor", "1", "temp", "2"], roomy);
    assert_eq!((stream.nodes().len(), squeezed(&stream)), (2, 1));
    add(&mut stream, id.next().expect("small"), &["sensor", "1", "temp", "2"], roomy);
    assert_eq!((stream.nodes().len(), squeezed(&stream)), (3, 1));
    assert_eq!((stream.length(), stream.last_live_id()), (202, id.next()));
    nodes_are_sound(&stream);
}

#[test]
fn what_does_not_compress_stays_as_it_is() {
    let (mut stream, mut state) = (Stream::default(), 3);
    for i in 0..500 {
        let value: Vec<u8> = (0..64).map(|_| next(&mut state) as u8).collect();
        let fields = std::iter::once((&b"f"[..], &*value));
        stream.append(StreamId::new(i, 1), (fields, 65), DEFAULT);
    }
    assert!(stream.nodes().len() > 9 && squeezed(&stream) == 0);
    // It is not tried with every node any more; yet what compresses is found.
    for i in 500..500 + 100 * (16 + TAIL as u64) {
        add(&mut stream, StreamId::new(i, 1), &["f", "v"], DEFAULT);
    }
    let before = squeezed(&stream);
    assert!((1..16).contains(&before), "{before}");
    for i in 5000..5500 {
        add(&mut stream, StreamId::new(i, 1), &["f", "v"], DEFAULT);
    }
    assert_eq!(squeezed(&stream), before + 5);
    let mut stream = Stream::default();
    // One entry alone in a node that is too large to be inflated for it.
    for i in 0..5 {
        add(&mut stream, StreamId::new(i, 1), &["f", &"v".repeat(17 << 10)], DEFAULT);
    }
    assert_eq!(squeezed(&stream), 0);
    for i in 5..10 {
        add(&mut stream, StreamId::new(i, 1), &["f", &"v".repeat(15 << 10)], DEFAULT);
    }
    assert_eq!(squeezed(&stream), 5 - TAIL);
    nodes_are_sound(&stream);
}

/// A node whose first entry is not the one it is named after, as no server writes it, has no
/// compressed form.
#[test]
fn nodes_with_strange_names_are_not_compressed() {
    let node = StreamId::new(5, 5);
    let pair = |i: usize| std::iter::once((&b"name"[..], &b"vvvvvvvvvvvvvvvvvvvv"[..20 - i % 2]));
    let mut pack = first(Vec::new(), pair(0));
    for i in 1..20 {
        let head = Head::of(pack.view());
        node::append((node, &mut pack, head), StreamId::new(5, 5 + i as u64), pair(i));
    }
    let mut plain = Node::Plain(pack.clone());
    plain.squeeze(node);
    assert!(plain.squeezed().is_some());
    let gone = Walk::new(node, pack.view()).next().map(|entry| entry.offset()).expect("an entry");
    pack.remove(gone, 5);
    pack.replace(6, Item::Int(19));
    assert!(check(node, pack.view().bytes()).is_ok());
    let mut strange = Node::Plain(pack.clone());
    strange.squeeze(node);
    assert!(strange.squeezed().is_none());
    let lzf = crate::base::lzf::compress(pack.view().bytes()).expect("entries are alike");
    let mut stream = Stream::default();
    assert!(stream.push_node(node, pack.into_blob(), Some(&lzf)).is_ok());
    assert_eq!((squeezed(&stream), stream.first_id()), (0, StreamId::new(5, 6)));
}

/// What was handed out stands in the list of the group and in that of one consumer, whatever
/// happens.
#[test]
fn the_two_kinds_of_pending_lists_agree() {
    let mut group = Group::new(b"g", StreamId::ZERO, None);
    let mut model = BTreeMap::<StreamId, Vec<u8>>::new();
    let mut state = 5;
    for step in 0..4000 {
        let draw = next(&mut state);
        let id = StreamId::new(draw % 200, draw / 200 % 3);
        let name = format!("c{}", next(&mut state) % 9).into_bytes();
        match next(&mut state) % 10 {
            0..5 => {
                let (consumer, _) = group.find_or_create(&name, UnixMillis(step));
                let delivered = UnixMillis(step);
                group.hand_out(id, Pending { delivered, deliveries: 1, consumer });
                model.insert(id, name);
            }
            5..9 => assert_eq!(group.acknowledge(id), model.remove(&id).is_some()),
            _ => {
                let had = model.values().filter(|owner| **owner == name).count();
                assert_eq!(group.remove_consumer(&name).unwrap_or(0), had);
                model.retain(|_, owner| *owner != name);
            }
        }
        if step % 100 == 0 {
            let owner = |pending: &Pending| group.consumer(pending.consumer).name.to_vec();
            assert!(group.pending().iter().map(|(id, p)| (id, owner(p))).eq(model.clone()));
            let names: Vec<_> = group.consumers().map(|consumer| &consumer.name).collect();
            assert!(names.is_sorted());
            for consumer in group.consumers() {
                let own: BTreeSet<_> = consumer.pending().iter().map(|(id, ())| id).collect();
                let wanted = model.iter().filter(|(_, owner)| **owner == *consumer.name);
                assert!(own.into_iter().eq(wanted.map(|(id, _)| *id)));
            }
        }
    }
}

/// As XINFO STREAM of the live server has it.
#[test]
fn radix_trees_are_counted() {
    let count = |ids: &[(u64, u64)]| {
        let keys: Vec<_> =
            ids.iter().map(|(ms, seq)| StreamId::new(*ms, *seq).to_bytes()).collect();
        radix_nodes(&keys, -1)
    };
    assert_eq!(count(&[]), 1);
    assert_eq!(count(&[(1, 1)]), 2);
    assert_eq!(count(&[(1, 1), (1, 4), (1, 7)]), 5);
    assert_eq!(count(&[(1, 1), (1, 300)]), 6);
    assert_eq!(count(&[(1, 1), (u64::MAX, 1)]), 5);
}

/// Old nodes take half of their plain size, full ones no more than their size class.
#[test]
fn full_nodes_have_no_spare_memory() {
    let stream = readings(100_000);
    for (_, node) in stream.nodes().iter().take(stream.nodes().len() - 1) {
        if node.squeezed().is_none() {
            assert_eq!(node.memory_bytes(), class_size(node.raw_bytes()));
        }
    }
    let bytes = stream.memory_bytes();
    assert!(bytes <= 1_200_000, "{bytes} bytes for 100000 entries");
    let pack = first(Vec::new(), [(&b"a"[..], &b"b"[..])].into_iter());
    assert!(pack.memory_bytes() <= 32);
}
