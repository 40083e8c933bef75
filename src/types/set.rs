//! The set type. Its encodings come with its commands.

use super::digest::Digest;
use super::{Form, Object, View};

/// A set.
#[derive(Debug, Default, Clone)]
pub struct Set {}

/// A set, looked at.
#[derive(Debug, Clone, Copy)]
pub struct SetView<'a>(&'a Set);

impl Object for Set {
    type View<'a> = SetView<'a>;

    fn view(&self) -> SetView<'_> {
        SetView(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<SetView<'_>> {
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

impl View for SetView<'_> {
    fn encoding(self) -> &'static str {
        "hashtable"
    }

    fn len(self) -> usize {
        let Set {} = self.0;
        0
    }

    fn digest(self, _: &mut Digest) {}

    fn free_effort(self) -> usize {
        1
    }
}
