//! The stream type. Its encodings come with its commands.

use super::digest::Digest;
use super::{Form, Object, View};

/// A stream.
#[derive(Debug, Default, Clone)]
pub struct Stream {}

/// A stream, looked at.
#[derive(Debug, Clone, Copy)]
pub struct StreamView<'a>(&'a Stream);

impl Object for Stream {
    type View<'a> = StreamView<'a>;

    fn view(&self) -> StreamView<'_> {
        StreamView(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<StreamView<'_>> {
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

impl View for StreamView<'_> {
    fn encoding(self) -> &'static str {
        "stream"
    }

    fn len(self) -> usize {
        let Stream {} = self.0;
        0
    }

    fn digest(self, _: &mut Digest) {}

    fn free_effort(self) -> usize {
        1
    }
}
