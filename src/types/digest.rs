//! Digests of values: what DEBUG DIGEST compares data sets by.
//!
//! Twenty bytes, with two ways to take something in. The order of calls of [`Digest::mix`] matters,
//! that of [`Digest::xor_in`] does not, and what is taken in twice by the latter cancels out. The
//! scheme and its values are those of Redis, checked against live servers, so that data sets can be
//! compared between them.

use sha1::{Digest as _, Sha1};

/// A running digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Takes in an element whose place matters: D = SHA1(D xor SHA1(data)).
    pub fn mix(&mut self, data: &[u8]) {
        self.xor_in(data);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Takes in an element whose place does not matter: D = D xor SHA1(data).
    pub fn xor_in(&mut self, data: &[u8]) {
        self.0.iter_mut().zip(Sha1::digest(data)).for_each(|(ours, theirs)| *ours ^= theirs);
    }

    /// The twenty bytes, to be taken into another digest.
    pub fn bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[test]
fn order_matters_or_cancels() {
    let (mut ab, mut ba) = (Digest::default(), Digest::default());
    ab.mix(b"a");
    ab.mix(b"b");
    ba.mix(b"b");
    ba.mix(b"a");
    assert_ne!(ab, ba);
    let mut twice = Digest::default();
    twice.xor_in(b"a");
    twice.xor_in(b"a");
    assert_eq!(twice, Digest::default());
    assert_eq!(twice.to_string(), "0".repeat(40));
}
