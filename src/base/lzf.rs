//! LZF: the fast and simple compression that snapshots, payloads of DUMP and inner nodes of lists use. A skin over the
//! crate of that name, whose output is that of the other servers.

/// Bytes that the compressor can count.
const MAX: usize = 1 << 30;

/// Compresses, if that makes it smaller.
pub fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    // Shorter ones cannot get smaller.
    if bytes.len() < 5 || bytes.len() > MAX {
        return None;
    }
    lzf::compress(bytes).ok().filter(|packed| packed.len() < bytes.len())
}

/// Restores what was compressed. Nothing if the bytes are damaged, or the length is not exactly the one told.
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    // A byte stands for at most 264: a length that cannot be true allocates nothing.
    if len > packed.len().saturating_mul(264) {
        return None;
    }
    lzf::decompress(packed, len).ok().filter(|bytes| bytes.len() == len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back() {
        let text = b"Compressible, compressible, compressible, and so on and so on.".repeat(100);
        let packed = compress(&text).expect("it repeats itself");
        assert!(packed.len() < text.len() / 10);
        assert_eq!(decompress(&packed, text.len()), Some(text.clone()));
        assert_eq!(decompress(&packed, text.len() - 1), None);
        assert_eq!(decompress(&packed, text.len() + 1), None);
        assert_eq!(decompress(&packed, usize::MAX), None);
        assert_eq!(decompress(&packed[..packed.len() - 1], text.len()), None);
        assert_eq!(compress(b"abcd"), None);
        assert_eq!(compress(&(0..=255).collect::<Vec<u8>>()), None);
    }

    #[test]
    fn damage_never_panics() {
        let mut state = 5u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let bytes: Vec<u8> =
                (0..state >> 58).map(|i| (state >> (i % 50)) as u8 ^ (i * i) as u8).collect();
            for len in [0, 1, 10, 1000] {
                let _ = decompress(&bytes, len);
            }
        }
    }
}
