//! Types: what a key can hold, without wire and without keys.
//!
//! One file per type; each is an enum of encodings with conversions and iteration. [`Object`] is what the
//! keyspace needs to know of a value that has its own allocation: how it is encoded, how long it is, what it
//! costs to keep and to free. Strings live in the keyspace's entries themselves; see [`text`].

pub mod digest;
pub mod hash;
pub mod list;
pub mod set;
pub mod stream;
pub mod text;
pub mod zset;

use digest::Digest;

/// A value in a box of its own, as the keyspace sees it.
pub trait Object: Send + Sync + Clone + 'static {
    /// The name OBJECT ENCODING gives.
    fn encoding(&self) -> &'static str;

    /// Elements: of an object without any the key goes away (but not of a stream).
    fn len(&self) -> usize;

    /// True without elements.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory outside the struct itself.
    fn memory_bytes(&self) -> usize;

    /// Takes the elements into a digest, for DEBUG DIGEST. Where order means nothing it must not matter.
    fn digest(&self, _into: &mut Digest) {}

    /// Allocations that dropping it gives back, roughly: above a threshold a thread does it.
    fn free_effort(&self) -> usize {
        1
    }
}
