//! Compressed strings of snapshots: any bytes as one, of any length told; and any bytes compressed
//! and restored.

#![no_main]

use hematite::base::lzf::{compress, decompress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    let (len, bytes) = input;
    // Lengths near the true one are tried as well as any.
    for len in [len as usize, len as usize % (4 * bytes.len() + 1)] {
        if let Some(text) = decompress(bytes, len) {
            assert_eq!(text.len(), len);
            if let Some(packed) = compress(&text) {
                assert!(packed.len() < len);
                assert!(decompress(&packed, len).is_some_and(|again| again == text));
            }
        }
    }
    if let Some(packed) = compress(bytes) {
        assert!(packed.len() < bytes.len());
        assert!(decompress(&packed, bytes.len()).is_some_and(|again| again == bytes));
        assert!(decompress(&packed, bytes.len() + 1).is_none());
    }
});
