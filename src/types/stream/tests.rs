//! Streams against plain models, nodes against the bytes of the reference, and against damage.

use super::node::{check, first};
use super::*;
use crate::base::clock::UnixMillis;
use crate::ds::listpack::Packed;
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

fn words_of(entry: Entry<'_>) -> Vec<Vec<u8>> {
    entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect()
}

/// A node as live servers write it: an entry with the fields of the first, a deleted one, one with others.
#[test]
fn bytes_of_a_node_are_those_of_the_reference() {
    let mut stream = Stream::default();
    add(&mut stream, StreamId::new(1000, 1), &["f", "v", "n", "1"], DEFAULT);
    add(&mut stream, StreamId::new(1000, 2), &["f", "w", "n", "2"], DEFAULT);
    add(&mut stream, StreamId::new(1005, 0), &["other", "x"], DEFAULT);
    add(&mut stream, StreamId::new(1010, 7), &["f", "q", "n", "3"], DEFAULT);
    assert!(stream.delete(StreamId::new(1000, 2)) && !stream.delete(StreamId::new(1000, 2)));
    let want: &[u8] = &[
        0x51, 0, 0, 0, 0x1f, 0, 3, 1, 1, 1, 2, 1, 0x81, 0x66, 2, 0x81, 0x6e, 2, 0, 1, 2, 1, 0, 1,
        0, 1, 0x81, 0x76, 2, 1, 1, 5, 1, 3, 1, 0, 1, 1, 1, 0x81, 0x77, 2, 2, 1, 5, 1, 0, 1, 5, 1,
        0xdf, 0xff, 2, 1, 1, 0x85, 0x6f, 0x74, 0x68, 0x65, 0x72, 6, 0x81, 0x78, 2, 6, 1, 2, 1,
        0x0a, 1, 6, 1, 0x81, 0x71, 2, 3, 1, 5, 1, 0xff,
    ];
    let (id, pack) = stream.nodes().at(stream.nodes().first().expect("a node"));
    assert_eq!((id, pack.view().bytes()), (StreamId::new(1000, 1), want));
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
    stream.delete(StreamId::new(11, 2));
    let (id, pack) = stream.nodes().at(stream.nodes().first().expect("a node"));
    let bytes = pack.view().bytes();
    assert!(check(id, bytes).is_ok());
    let (mut passed, mut refused) = (0, 0);
    for at in 0..bytes.len() {
        assert!(check(id, &bytes[..at]).is_err());
        for value in 0..=255 {
            let mut damaged = bytes.to_vec();
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
        }
    }
    assert!(passed > bytes.len() && refused > 10_000);
}

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

fn agree(stream: &Stream, model: &Model) {
    let all = |backwards| stream.entries(StreamId::ZERO, StreamId::MAX, backwards);
    assert!(all(false).map(|e| (e.id, words_of(e))).eq(model.clone()));
    assert!(all(true).map(|e| e.id).eq(model.keys().rev().copied()));
    assert_eq!(stream.length(), model.len() as u64);
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
    assert_eq!(stream.last_live_id(), model.keys().next_back().copied());
    let mut again = Stream::default();
    for (id, pack) in stream.nodes().iter() {
        assert!(again.push_node(id, pack.view().bytes().to_vec()).is_ok());
        assert!(again.push_node(id, pack.view().bytes().to_vec()).is_err(), "nodes ascend");
    }
    assert_eq!((again.length(), again.first_id()), (stream.length(), stream.first_id()));
    let mut last = None;
    for (id, pack) in stream.nodes().iter() {
        assert!(last < Some(id), "nodes ascend");
        last = Some(check(id, pack.view().bytes()).expect("well-formed").1);
    }
}

#[test]
fn random_changes_agree_with_a_model() {
    let tiny = Limits { node_bytes: 120, node_entries: 0 };
    let few = Limits { node_bytes: 0, node_entries: 3 };
    let many = Limits { node_bytes: 0, node_entries: 0 };
    let mut state = 11;
    for limits in [tiny, few, many, DEFAULT] {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for step in 0..1500u64 {
            let draw = next(&mut state);
            let last = stream.last_id;
            match draw % 12 {
                0 => {
                    let start = StreamId::new(next(&mut state) % (last.ms + 1), 0);
                    let end = StreamId::new(start.ms + next(&mut state) % 20, 3);
                    let got = stream.entries(start, end, false).map(|e| e.id);
                    assert!(got.eq(model.range(start..=end).map(|(id, _)| *id)));
                    let got = stream.entries(start, end, true).map(|e| e.id);
                    assert!(got.eq(model.range(start..=end).rev().map(|(id, _)| *id)));
                }
                1..4 if !model.is_empty() => {
                    let at = next(&mut state) as usize % model.len();
                    let id = *model.keys().nth(at).expect("within");
                    assert!(stream.contains(id) && stream.entry(id).is_some());
                    assert!(stream.delete(id));
                    assert!(!stream.contains(id) && stream.entry(id).is_none());
                    model.remove(&id);
                }
                4 if step % 7 == 0 => {
                    let length = model.len() as u64 * 3 / 4;
                    let trim = Trim {
                        bound: Bound::Length(length),
                        is_approximate: draw & 16 == 0,
                        limit: 0,
                        references: References::Keep,
                    };
                    let gone = stream.trim(trim);
                    assert!(trim.is_approximate || stream.length() == length);
                    assert!(stream.length() >= length);
                    (0..gone).for_each(|_| drop(model.pop_first()));
                }
                5 if step % 7 == 0 && !model.is_empty() => {
                    let at = next(&mut state) as usize % model.len();
                    let id = *model.keys().nth(at).expect("within");
                    let (is_approximate, limit) = (false, 0);
                    let (bound, references) = (Bound::Id(id), References::Drop);
                    let gone = stream.trim(Trim { bound, is_approximate, limit, references });
                    let kept = model.split_off(&id);
                    assert_eq!(gone, model.len() as u64);
                    model = kept;
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
            if step % 50 == 0 {
                agree(&stream, &model);
            }
        }
        agree(&stream, &model);
    }
}

/// What was handed out stands in the list of the group and in that of one consumer, whatever happens.
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

/// A full node takes no more memory than its size class.
#[test]
fn full_nodes_have_no_spare_memory() {
    let mut stream = Stream::default();
    for i in 0..100_000 {
        let id = StreamId::new(1_700_000_000_000 + i / 3, i % 3);
        add(&mut stream, id, &["sensor", &i.to_string(), "temp", "19.8"], DEFAULT);
    }
    for (_, pack) in stream.nodes().iter().take(stream.nodes().len() - 1) {
        assert_eq!(pack.memory_bytes(), class_size(pack.view().bytes().len()));
    }
    let bytes = stream.memory_bytes();
    assert!(bytes <= 2_250_000, "{bytes} bytes for 100000 entries");
    let pack = first(Vec::new(), [(&b"a"[..], &b"b"[..])].into_iter());
    assert!(pack.memory_bytes() <= 32);
}
