//! The stream type. Its encodings come with its commands.

use super::Object;

/// A stream.
#[derive(Debug, Default, Clone)]
pub struct Stream {}

impl Object for Stream {
    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn len(&self) -> usize {
        0
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}
