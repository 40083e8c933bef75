//! The hash type. Its encodings come with its commands.

use super::digest::Digest;
use super::{Form, Object, View};

/// A hash.
#[derive(Debug, Default, Clone)]
pub struct Hash {}

/// A hash, looked at.
#[derive(Debug, Clone, Copy)]
pub struct HashView<'a>(&'a Hash);

impl Object for Hash {
    type View<'a> = HashView<'a>;

    fn view(&self) -> HashView<'_> {
        HashView(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<HashView<'_>> {
        None
    }

    fn from_packed(_: Form, _: Vec<u8>) -> Option<Self> {
        None
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        None
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}

impl View for HashView<'_> {
    fn encoding(self) -> &'static str {
        "hashtable"
    }

    fn len(self) -> usize {
        let Hash {} = self.0;
        0
    }

    fn digest(self, _: &mut Digest) {}

    fn free_effort(self) -> usize {
        1
    }
}
