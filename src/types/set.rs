//! The set type. Its encodings come with its commands.

use super::Object;

/// A set.
#[derive(Debug, Default, Clone)]
pub struct Set {}

impl Object for Set {
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
