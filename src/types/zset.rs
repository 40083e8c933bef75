//! The zset type. Its encodings come with its commands.

use super::digest::Digest;
use super::{Form, Object, View};

/// A zset.
#[derive(Debug, Default, Clone)]
pub struct Zset {}

/// A zset, looked at.
#[derive(Debug, Clone, Copy)]
pub struct ZsetView<'a>(&'a Zset);

impl Object for Zset {
    type View<'a> = ZsetView<'a>;

    fn view(&self) -> ZsetView<'_> {
        ZsetView(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<ZsetView<'_>> {
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

impl View for ZsetView<'_> {
    fn encoding(self) -> &'static str {
        "skiplist"
    }

    fn len(self) -> usize {
        let Zset {} = self.0;
        0
    }

    fn digest(self, _: &mut Digest) {}

    fn free_effort(self) -> usize {
        1
    }
}
