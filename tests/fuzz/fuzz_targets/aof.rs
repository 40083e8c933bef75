//! The append-only file: any manifest, any file. A manifest that is read can be written back; a
//! file is read to its end or to a flaw, never beyond, and what was read lies where the reader
//! says.

#![no_main]

use hematite::persist::aof::manifest::Manifest;
use hematite::persist::aof::reader::{Flaw, Item, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (manifest, file) = input;
    if let Ok(read) = Manifest::parse(manifest) {
        if !read.is_empty() || !read.history.is_empty() {
            // Long names may be longer still when they are quoted.
            let written = read.print();
            let fits = written.split(|b| *b == b'\n').all(|line| line.len() < 1000);
            let again = Manifest::parse(&written);
            assert!(!fits || again.is_ok_and(|again| again.print() == written));
        }
    }
    for verify in [false, true] {
        let mut reader = Reader::new(file, 0, verify);
        loop {
            let before = reader.offset();
            match reader.advance() {
                Ok(Item::End) => break,
                Ok(item) => {
                    assert!(reader.offset() > before, "it moves on");
                    assert_eq!(reader.raw(), &file[before as usize..reader.offset() as usize]);
                    assert!(item != Item::Command || !reader.ranges().is_empty());
                }
                Err(Flaw::Truncated) => {
                    let _ = (reader.torn(), reader.wanted(reader.torn().0));
                    break;
                }
                Err(_) => break,
            }
        }
    }
});
