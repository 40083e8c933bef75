//! CRC-64 in the variant of Redis (Jones): snapshots and payloads of DUMP end with it.
//!
//! The crate does the work with carry-less multiplication; this is the one place that says which of
//! the many CRCs is meant.

use crc_fast::{CrcAlgorithm, Digest};

/// A running checksum.
#[derive(Clone)]
pub struct Crc64(Digest);

impl Default for Crc64 {
    fn default() -> Self {
        Crc64(Digest::new(CrcAlgorithm::Crc64Redis))
    }
}

impl Crc64 {
    /// Takes in more bytes.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all so far.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl std::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

/// The checksum of some bytes.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
}

#[test]
fn it_is_the_variant_of_redis() {
    assert_eq!(crc64(b""), 0);
    assert_eq!(crc64(b"a"), 0x5fb3_5402_5b27_7b14);
    assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    let mut crc = Crc64::default();
    let text: Vec<u8> = (0..5000u32).map(|n| (n * 7 % 251) as u8).collect();
    text.chunks(37).for_each(|part| crc.update(part));
    assert_eq!(crc.value(), crc64(&text));
}
