//! The list type. Its encodings come with its commands.

use super::Object;

/// A list.
#[derive(Debug, Default, Clone)]
pub struct List {}

impl Object for List {
    fn encoding(&self) -> &'static str {
        "quicklist"
    }

    fn len(&self) -> usize {
        0
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}
