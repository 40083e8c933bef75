//! Types: what a key can hold, without wire and without keys.
//!
//! One file per type; each is an enum of encodings with conversions and iteration. [`Object`] is
//! what the keyspace needs to know of a type, [`View`] what it asks of a value, however that is
//! kept:
//!
//! ```text
//!   small   one blob (listpack, intset) in the entry itself, tagged with its Form     ─┐
//!   large   the type in a box: tables, trees, chains of blobs                         ─┴─► T::View<'_>   to read
//!                                                                                          T             to change
//! ```
//!
//! To read, a command gets a `View`, a small `Copy` enum that borrows either kind. To change, it
//! gets the owned type: the keyspace takes a small blob out of its entry into a `T` and puts it
//! back afterwards (`keyspace::selected::Edit`). Strings live in the keyspace's entries themselves;
//! see [`text`].

pub mod digest;
pub mod hash;
pub mod list;
pub mod set;
pub mod stream;
pub mod text;
pub mod zset;

use crate::base::clock::UnixMillis;
use digest::Digest;

/// What a small value's blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// A listpack of elements.
    List = 0,
    /// A listpack of members.
    Set = 1,
    /// An intset.
    Ints = 2,
    /// A listpack of members and scores, in order.
    Zset = 3,
    /// A listpack of fields and values.
    Hash = 4,
    /// A listpack of fields, values and deadlines (0: none), in order of deadline, those without
    /// last.
    HashTtl = 5,
}

/// A type of values, as the keyspace sees it. `Default` is the empty value.
pub trait Object: Send + Sync + Clone + Default + 'static {
    /// What it looks like, whatever its encoding.
    type View<'a>: View;

    /// Looks at it.
    fn view(&self) -> Self::View<'_>;

    /// The blob that is the whole value, if it is kept as one.
    fn packed(&self) -> Option<(Form, &[u8])>;

    /// Looks at a blob made by [`Object::packed`]. `None`: the form is one of another type.
    fn view_packed(form: Form, blob: &[u8]) -> Option<Self::View<'_>>;

    /// Takes such a blob over in order to change it.
    fn from_packed(form: Form, blob: Vec<u8>) -> Option<Self>;

    /// An empty value, which may use the memory of a buffer.
    fn within(_buffer: Vec<u8>) -> Self {
        Self::default()
    }

    /// It is going to live in a box: memory that was lent for the change, and is not needed, is
    /// given back.
    fn move_out(&mut self) {}

    /// The memory of the blob, if it is kept as one, to be used again.
    fn into_blob(self) -> Option<Vec<u8>>;

    /// Bytes of memory outside the struct itself.
    fn memory_bytes(&self) -> usize;
}

/// A value, looked at.
pub trait View: Copy {
    /// The name OBJECT ENCODING gives.
    fn encoding(self) -> &'static str;

    /// Elements: of an object without any the key goes away (but not of a stream).
    fn len(self) -> usize;

    /// True without elements.
    fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Takes the elements into a digest, for DEBUG DIGEST. Where order means nothing it must not
    /// matter.
    fn digest(self, into: &mut Digest);

    /// Allocations that dropping it gives back, roughly: above a threshold a thread does it.
    fn free_effort(self) -> usize;

    /// The earliest moment at which an element goes away by itself.
    fn deadline(self) -> Option<UnixMillis> {
        None
    }

    /// Slots and elements of the hash table, if it has one (DEBUG HTSTATS-KEY).
    fn table(self) -> Option<(usize, usize)> {
        None
    }

    /// Asks the processor for the memory that looking up these members or fields will want, if it
    /// is worth it.
    fn fetch_ahead<'n>(self, _names: impl Iterator<Item = &'n [u8]> + Clone) {}
}
