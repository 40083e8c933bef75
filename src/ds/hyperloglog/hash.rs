//! From an element to a register and what it is raised to.

use super::REGISTERS;

/// An element: which register it belongs to, and the count it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    pub register: usize,
    /// 1 to 51.
    pub count: u8,
}

impl Element {
    /// Of any bytes.
    pub fn of(bytes: &[u8]) -> Element {
        let hash = murmur64a(bytes, 0xadc8_3b19);
        let rest = hash >> REGISTERS.trailing_zeros() | 1 << (64 - REGISTERS.trailing_zeros());
        Element { register: hash as usize % REGISTERS, count: rest.trailing_zeros() as u8 + 1 }
    }
}

/// MurmurHash64A (A. Appleby), in the little-endian variant on every machine.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let k = u64::from_le_bytes(*word).wrapping_mul(M);
        hash = (hash ^ (k ^ k >> 47).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed independently, see the fact sheet on hash functions.
    #[test]
    fn hashes_are_those_of_the_reference() {
        for (text, hash) in [
            ("", 0xd8df_ea65_85bc_9732),
            ("a", 0x53d2_470a_9b43_b1a7),
            ("foo", 0xe646_09b8_b014_1cb4),
            ("hello", 0x0f65_6f01_eecf_e400),
            ("12345678", 0x95eb_b863_8913_2953),
            ("123456789", 0x2175_32cb_09f2_a44d),
            ("abcdefghijklmnop", 0xd006_e2f8_8c34_e470_u64),
        ] {
            let got = murmur64a(text.as_bytes(), 0xadc8_3b19);
            assert_eq!(got, hash, "{text}: {got:x}");
        }
    }

    #[test]
    fn elements_raise_one_register() {
        for (text, register, count) in [
            ("", 5938, 2),
            ("a", 12711, 2),
            ("foo", 7348, 5),
            ("hello", 9216, 1),
            ("12345678", 10579, 3),
        ] {
            assert_eq!(Element::of(text.as_bytes()), Element { register, count }, "{text}");
        }
    }
}
