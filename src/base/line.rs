//! Command lines as servers write them down for one another: `*2 $3 GET $1 k`, each piece ended by
//! CRLF.
//!
//! The append-only file, its rewrite and the stream to replicas all speak this. What is appended
//! here is never looked at again before it is sent, so nothing is allocated but the room in the
//! output.

use super::text::write_u64;

/// Announces a line of so many words.
#[inline]
pub fn begin(out: &mut Vec<u8>, words: usize) {
    length(out, b'*', words);
}

/// Appends a word of the line.
#[inline]
pub fn word(out: &mut Vec<u8>, word: &[u8]) {
    out.reserve(word.len() + 16);
    length(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// Appends a whole line.
pub fn write(out: &mut Vec<u8>, words: &[&[u8]]) {
    begin(out, words.len());
    words.iter().for_each(|w| word(out, w));
}

#[inline]
fn length(out: &mut Vec<u8>, mark: u8, length: usize) {
    // Nearly every length has one digit or two.
    match length {
        0..10 => out.extend_from_slice(&[mark, b'0' + length as u8, b'\r', b'\n']),
        10..100 => {
            let (tens, ones) = (b'0' + (length / 10) as u8, b'0' + (length % 10) as u8);
            out.extend_from_slice(&[mark, tens, ones, b'\r', b'\n']);
        }
        _ => {
            out.push(mark);
            write_u64(out, length as u64);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Bytes in front of a word of this length: `$`, the length, and CRLF.
pub fn header_len(length: usize) -> usize {
    1 + length.checked_ilog10().unwrap_or(0) as usize + 1 + 2
}

#[test]
fn lengths_of_any_number_of_digits() {
    for len in [0, 1, 9, 10, 11, 99, 100, 12_345] {
        let mut out = vec![];
        write(&mut out, &[&vec![b'x'; len]]);
        assert_eq!(out, format!("*1\r\n${len}\r\n{}\r\n", "x".repeat(len)).into_bytes());
        assert_eq!(4 + header_len(len) + len + 2, out.len());
    }
}
