//! The list type. Its encodings come with its commands.

use super::digest::Digest;
use super::{Form, Object, View};

/// A list.
#[derive(Debug, Default, Clone)]
pub struct List {}

/// A list, looked at.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a>(&'a List);

impl Object for List {
    type View<'a> = ListView<'a>;

    fn view(&self) -> ListView<'_> {
        ListView(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<ListView<'_>> {
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

impl View for ListView<'_> {
    fn encoding(self) -> &'static str {
        "quicklist"
    }

    fn len(self) -> usize {
        let List {} = self.0;
        0
    }

    fn digest(self, _: &mut Digest) {}

    fn free_effort(self) -> usize {
        1
    }
}
