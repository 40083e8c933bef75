//! The hash type. Its encodings come with its commands.

use super::Object;

/// A hash.
#[derive(Debug, Default, Clone)]
pub struct Hash {}

impl Object for Hash {
    fn encoding(&self) -> &'static str {
        "hashtable"
    }

    fn len(&self) -> usize {
        0
    }

    fn memory_bytes(&self) -> usize {
        0
    }
}
