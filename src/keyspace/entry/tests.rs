//! Entries of every shape: what they take, what they keep, what they give back.

use super::*;
use crate::base::alloc::thread_delta;
use crate::base::effort::effort;
use crate::base::rng::Draws;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn meta(deadline: bool) -> Meta {
    Meta { deadline: deadline.then_some(NOW), clock: 0x12_3456, is_raw: false }
}

/// Bytes an entry takes, measured at the allocator.
fn bytes(key: usize, value: Value<'_>, deadline: bool) -> isize {
    let key = vec![b'k'; key];
    let before = thread_delta();
    let entry = Entry::new(&key, value, meta(deadline));
    let bytes = thread_delta() - before;
    assert_eq!(bytes as usize, entry.view().memory_bytes());
    drop(entry);
    assert_eq!(thread_delta(), before, "freed whole");
    bytes
}

#[test]
fn a_key_of_16_and_a_value_of_8_take_30_bytes() {
    assert_eq!(bytes(16, Value::Bytes(b"12345678"), false), 30);
    assert_eq!(bytes(16, Value::Int(12345), false), 30);
    assert_eq!(bytes(16, Value::Bytes(b"12345678"), true), 38);
    assert_eq!(bytes(16, Value::Bytes(&[b'x'; 64]), false), 86);
    assert_eq!(bytes(0, Value::Bytes(b""), false), 8);
}

#[test]
fn every_shape_keeps_its_parts() {
    const LENGTHS: [usize; 13] = [0, 1, 2, 3, 7, 8, 16, 254, 255, 256, 300, 65_535, 100_000];
    for key_len in &LENGTHS[..effort(13, 11)] {
        let key_len = *key_len;
        for deadline in [false, true] {
            let key: Vec<u8> = (0..key_len).map(|i| i as u8).collect();
            let long = vec![b'v'; SHORT_MAX + 1];
            for value in
                [&b""[..], b"v", b"0123456789", &[6; 254], &[6; 255], &[7; SHORT_MAX], &long]
            {
                let entry = Entry::new(&key, Value::Bytes(value), meta(deadline));
                let view = entry.view();
                assert!(view.key() == key && view.text().expect("text").equals(value));
                let raw = key_len + value.len() > if deadline { 33 } else { 41 };
                assert_eq!(view.meta(), Meta { is_raw: raw, ..meta(deadline) });
                assert_eq!(view.kind() == Kind::Long, value.len() > SHORT_MAX);
                assert_eq!(view.encoding(), if raw { "raw" } else { "embstr" });
            }
            let entry = Entry::new(&key, Value::Int(-5), meta(deadline));
            assert_eq!(
                (entry.view().text().and_then(Text::integer), entry.view().encoding()),
                (Some(-5), "int")
            );
            let entry = Entry::new(&key, Value::Stream(Box::default()), meta(deadline));
            assert!(
                entry.view().boxed::<Stream>().is_some() && entry.view().boxed::<Set>().is_none()
            );
            assert_eq!(
                (entry.view().value_type().name(), entry.view().text().is_none()),
                ("stream", true)
            );
            assert!(matches!(entry.view().copy_value(), Value::Stream(_)));
        }
    }
}

#[test]
fn values_are_overwritten_in_place_within_the_class() {
    let mut entry = Entry::new(b"0123456789abcdef", Value::Bytes(b"12345678"), meta(false));
    let address = entry.0;
    assert!(entry.edit().overwrite_short(b"87654321", false));
    assert!(entry.edit().overwrite_short(b"7654321", true));
    assert!(entry.view().text().expect("text").equals(b"7654321"));
    assert_eq!(entry.view().encoding(), "raw");
    assert!(!entry.edit().overwrite_short(b"123456", false), "the class below");
    assert!(!entry.edit().overwrite_short(b"123456789", false), "the next class");
    assert!(!entry.edit().overwrite_int(1) && entry.edit().big_mut().is_none());
    assert_eq!(entry.edit().resize_short(8, false).expect("fits"), b"7654321\0");
    assert_eq!(entry.0, address);
    let mut entry = Entry::new(b"k", Value::Int(1), meta(true));
    assert!(entry.edit().overwrite_int(i64::MIN) && !entry.edit().overwrite_short(b"", false));
    assert!(entry.edit().set_deadline(UnixMillis(5)));
    entry.edit().set_clock(0xff_ffff);
    assert_eq!(entry.view().text().and_then(Text::integer), Some(i64::MIN));
    assert_eq!((entry.view().deadline(), entry.view().clock()), (Some(UnixMillis(5)), 0xff_ffff));
}

#[test]
fn an_inline_value_follows_a_model_through_all_lengths() {
    let mut draw = Draws::new(3);
    let rounds = effort(3000, 22);
    for (key_len, deadline) in
        [(0, false), (1, true), (2, false), (16, true), (254, false), (300, true)]
    {
        let key = vec![b'k'; key_len];
        let (mut model, mut raw, mut in_place) = (vec![], false, 0);
        let mut entry = Entry::new(&key, Value::Bytes(&model), meta(deadline));
        for round in 0..rounds {
            let len = match draw.below(3) {
                0 => model.len().saturating_sub(draw.below(5)),
                1 => (model.len() + draw.below(5)).min(SHORT_MAX),
                _ => draw.below(SHORT_MAX + 1),
            };
            let bytes: Vec<u8> = (0..len).map(|_| draw.word() as u8).collect();
            raw = round % 2 == 0;
            let mut edit = entry.edit();
            if raw && let Some(text) = edit.resize_short(len, true) {
                model.resize(len, 0);
                assert_eq!(text, model, "grown by zeros");
                text.copy_from_slice(&bytes);
                in_place += 1;
            } else if edit.overwrite_short(&bytes, raw) {
                in_place += 1;
            } else {
                entry =
                    Entry::new(&key, Value::Bytes(&bytes), Meta { is_raw: raw, ..meta(deadline) });
            }
            model = bytes;
            if let Some(moment) = entry.view().deadline() {
                assert!(entry.edit().set_deadline(UnixMillis(moment.0 + 1)));
                assert_eq!(entry.view().deadline(), Some(UnixMillis(moment.0 + 1)));
                assert!(entry.edit().set_deadline(NOW));
            }
            entry.edit().set_clock(round);
            let view = entry.view();
            assert!(view.key() == key && view.text().expect("text").equals(&model));
            assert_eq!((view.clock(), view.head().has(IS_RAW)), (round, raw));
        }
        assert!(in_place > rounds / 20, "{in_place}");
        let (text, entry) = (model, entry.rebuild(Some(b"other"), None));
        assert!(entry.view().text().expect("text").equals(&text) && entry.view().key() == b"other");
        assert_eq!((entry.view().deadline(), entry.view().is_raw() || !raw), (None, true));
    }
}

#[test]
fn rebuilding_moves_the_value() {
    let before = thread_delta();
    let big = Arc::new(vec![b'x'; 5000]);
    for value in [Value::Bytes(b"short"), Value::Int(7), Value::Big(Arc::clone(&big))] {
        let entry = Entry::new(b"old", value, meta(false));
        let text = entry.view().text().map(Text::to_vec).expect("text");
        let entry = entry.rebuild(Some(b"a new key"), Some(NOW));
        assert_eq!((entry.view().key(), entry.view().deadline()), (&b"a new key"[..], Some(NOW)));
        assert_eq!(entry.view().text().map(Text::to_vec), Some(text));
        let entry = entry.rebuild(None, None);
        assert_eq!((entry.view().key(), entry.view().deadline()), (&b"a new key"[..], None));
    }
    let entry =
        Entry::new(b"l", Value::Stream(Box::default()), meta(true)).rebuild(Some(b"m"), None);
    assert!(entry.view().boxed::<Stream>().is_some());
    drop(entry);
    assert_eq!(Arc::strong_count(&big), 1);
    drop(big);
    assert_eq!(thread_delta(), before);
}

#[test]
fn a_long_string_is_adopted_and_shared() {
    let bytes = Arc::new(vec![b'x'; 100_000]);
    let mut entry = Entry::new(b"k", Value::Big(Arc::clone(&bytes)), meta(false));
    assert!(matches!(entry.view().text(), Some(Text::Big(held)) if Arc::ptr_eq(held, &bytes)));
    Arc::make_mut(entry.edit().big_mut().expect("long")).push(b'y');
    assert_eq!(bytes.len(), 100_000, "a reply that holds it is not disturbed");
    assert_eq!(entry.view().text().map(Text::len), Some(100_001));
}
