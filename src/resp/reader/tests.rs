//! The reader gives back what was sent, however it was cut, and refuses the rest within its limits.

use proptest::prelude::*;

use super::*;

fn encode(value: &Value, out: &mut Vec<u8>) {
    let mut line = |kind: &str, text: &[u8]| {
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    };
    let sized = |kind: &str, len: usize| format!("{kind}{len}");
    match value {
        Value::Simple(text) => line("+", text),
        Value::Error(text) if text.contains(&b'\n') => {
            line(&sized("!", text.len()), b"");
            line("", text);
        }
        Value::Error(text) => line("-", text),
        Value::Integer(n) => line(":", n.to_string().as_bytes()),
        Value::Bulk(text) => {
            line(&sized("$", text.len()), b"");
            line("", text);
        }
        Value::Null => line("_", b""),
        Value::Double(text) => line(",", text),
        Value::Boolean(yes) => line("#", if *yes { b"t" } else { b"f" }),
        Value::BigNumber(text) => line("(", text),
        Value::Verbatim(kind, text) => {
            line(&sized("=", text.len() + 4), b"");
            line("", &[&kind[..], b":", text].concat());
        }
        Value::Array(all) | Value::Set(all) | Value::Push(all) => {
            let kind = match value {
                Value::Array(_) => "*",
                Value::Set(_) => "~",
                _ => ">",
            };
            line(&sized(kind, all.len()), b"");
            all.iter().for_each(|value| encode(value, out));
        }
        Value::Map(pairs) => {
            line(&sized("%", pairs.len()), b"");
            for (name, value) in pairs {
                encode(name, out);
                encode(value, out);
            }
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = || proptest::collection::vec(any::<u8>(), 0..40);
    let line = || "[ -~]{0,20}".prop_map(String::into_bytes);
    let leaf = prop_oneof![
        line().prop_map(Value::Simple),
        line().prop_map(Value::Error),
        Just(Value::Error(b"ERR two\r\nlines".to_vec())),
        any::<i64>().prop_map(Value::Integer),
        text().prop_map(Value::Bulk),
        Just(Value::Null),
        any::<f64>().prop_map(|n| Value::Double(n.to_string().into_bytes())),
        any::<bool>().prop_map(Value::Boolean),
        "-?[0-9]{1,40}".prop_map(|n| Value::BigNumber(n.into_bytes())),
        text().prop_map(|text| Value::Verbatim(*b"txt", text)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 0..6);
        let pairs = proptest::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            several().prop_map(Value::Array),
            several().prop_map(Value::Set),
            several().prop_map(Value::Push),
            pairs.prop_map(Value::Map),
        ]
    })
}

fn all_of(reader: &mut Reader) -> Result<Vec<Value>, ReadError> {
    let mut found = vec![];
    while let Some(value) = reader.next_reply()? {
        found.push(value);
    }
    Ok(found)
}

fn read(bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let mut reader = Reader::default();
    reader.feed(bytes);
    all_of(&mut reader)
}

proptest! {
    #[test]
    fn replies_come_out_as_they_went_in(
        sent in proptest::collection::vec(values(), 1..5),
        cuts in proptest::collection::vec(1..50usize, 1..20),
    ) {
        let mut bytes = vec![];
        sent.iter().for_each(|value| encode(value, &mut bytes));
        let (mut reader, mut found) = (Reader::default(), vec![]);
        let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
            reader.feed(piece);
            found.extend(all_of(&mut reader).expect("what keeps the protocol"));
            rest = others;
        }
        prop_assert_eq!(found, sent);
        prop_assert!(reader.is_between_replies());
    }

    /// Whole or in single bytes: the same replies, then the same error or none.
    #[test]
    fn any_bytes_are_read_alike_in_pieces(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'*'), Just(b'$'), Just(b'1'), Just(b'%'),
                Just(b'|'), Just(b'-'), Just(b'0'), any::<u8>()], 0..60),
    ) {
        let mut whole = Reader::default();
        whole.feed(&bytes);
        let (mut at_once, mut one_by_one) = (vec![], vec![]);
        let error = loop {
            match whole.next_reply() {
                Ok(Some(value)) => at_once.push(value),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let (mut single, mut late) = (Reader::default(), None);
        for byte in &bytes {
            single.feed(&[*byte]);
            while late.is_none() {
                match single.next_reply() {
                    Ok(Some(value)) => one_by_one.push(value),
                    Ok(None) => break,
                    Err(error) => late = Some(error),
                }
            }
        }
        prop_assert_eq!(at_once, one_by_one);
        prop_assert_eq!(error, late);
    }
}

#[test]
fn nulls_and_attributes() {
    let found =
        read(b"$-1\r\n*-1\r\n_\r\n|1\r\n+ttl\r\n:3\r\n+OK\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n");
    let pair = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
    let ok = Value::Simple(b"OK".to_vec());
    assert_eq!(found, Ok(vec![Value::Null, Value::Null, Value::Null, ok, pair]));
}

#[test]
fn what_breaks_the_protocol_is_final() {
    let cases: &[(&[u8], ReadError)] = &[
        (b"x", ReadError::Kind(b'x')),
        (b"\r\n", ReadError::Kind(b'\r')),
        (b":12a\r\n", ReadError::Number),
        (b":++1\r\n", ReadError::Number),
        (b"$-2\r\n", ReadError::Number),
        (b"$?\r\n", ReadError::Number),
        (b"%-1\r\n", ReadError::Number),
        (b"*99999999999\r\n", ReadError::Count),
        (b"%9223372036854775807\r\n", ReadError::Count),
        (b"$99999999999\r\n", ReadError::Size),
        (b"$3\r\nabcd\r\n", ReadError::End),
        (b"+a\rb\r\n", ReadError::End),
        (b"=3\r\ntxt\r\n", ReadError::End),
        (b"#y\r\n", ReadError::Number),
        (b"(1.5\r\n", ReadError::Number),
        (b",abc\r\n", ReadError::Number),
    ];
    for (bytes, error) in cases {
        let mut reader = Reader::default();
        reader.feed(bytes);
        assert_eq!(reader.next_reply(), Err(*error), "{}", bytes.escape_ascii());
        reader.feed(b"+OK\r\n");
        assert_eq!(reader.next_reply(), Err(*error), "nothing is read any more");
    }
}

#[test]
fn limits_hold_before_memory_is_taken() {
    let limits = Limits { depth: 3, text_bytes: 10, values: 8, bytes: 16 };
    let read = |bytes: &[u8]| {
        let mut reader = Reader::new(limits);
        reader.feed(bytes);
        all_of(&mut reader).map(|found| found.len())
    };
    assert_eq!(read(b"*1\r\n*1\r\n*1\r\n:1\r\n"), Ok(1));
    assert_eq!(read(b"*1\r\n*1\r\n*1\r\n*1\r\n"), Err(ReadError::Depth));
    assert_eq!(read(b"$10\r\n0123456789\r\n$10\r\n0123456789\r\n"), Ok(2), "limits of one reply");
    assert_eq!(read(b"$11\r\n"), Err(ReadError::Size));
    assert_eq!(read(b"*2\r\n$10\r\n0123456789\r\n$10\r\n"), Err(ReadError::Size));
    assert_eq!(read(b"*9\r\n"), Err(ReadError::Count));
    assert_eq!(read(b"*2\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n*4\r\n"), Err(ReadError::Count));
    let mut endless = Reader::default();
    endless.feed(b"+");
    let pieces = (0..LINE_MAX / 64 + 2).map(|_| {
        endless.feed(&[b'x'; 64]);
        endless.next_reply()
    });
    assert_eq!(pieces.last(), Some(Err(ReadError::Size)));
}

#[test]
fn what_follows_a_reply_can_be_taken_raw() {
    let mut reader = Reader::default();
    reader.feed(b"+FULLRESYNC 0 1\r\n$5\r\nREDIS");
    assert_eq!(reader.next_reply(), Ok(Some(Value::Simple(b"FULLRESYNC 0 1".to_vec()))));
    assert_eq!(reader.take_rest(), b"$5\r\nREDIS");
    assert!(reader.is_between_replies());
}

/// A long reply in small pieces once could cost its length for every piece.
#[test]
fn the_buffer_does_not_grow_with_what_was_read() {
    let mut reader = Reader::default();
    for _ in 0..10_000 {
        reader.feed(b"$100\r\n");
        assert_eq!(reader.next_reply(), Ok(None));
        reader.feed(&[b'x'; 100]);
        reader.feed(b"\r\n+O");
        assert!(matches!(reader.next_reply(), Ok(Some(Value::Bulk(_)))));
        reader.feed(b"K\r\n");
        assert!(matches!(reader.next_reply(), Ok(Some(Value::Simple(_)))));
    }
    assert!(reader.buffer().capacity() < 4 * KEPT_BYTES);
}
