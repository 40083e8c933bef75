//! The zset type. Its encodings come with its commands.

use super::Object;

/// A zset.
#[derive(Debug, Default, Clone)]
pub struct Zset {}

impl Object for Zset {
    fn encoding(&self) -> &'static str {
        "skiplist"
    }

    fn len(&self) -> usize {
        0
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}
