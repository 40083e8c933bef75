//! A node of a list: some elements in a listpack, or one large element by itself; either may be
//! compressed.

use std::borrow::Cow;
use std::sync::Arc;

use crate::base::alloc::class_size;
use crate::base::lzf;
use crate::ds::listpack::{Item, Packed, Run};

/// Nodes of fewer bytes are not compressed.
const SQUEEZE_BYTES: usize = 48;

/// Nodes of more bytes are not compressed either: it would take too long.
const SQUEEZE_BYTES_MAX: usize = 1 << 20;

/// What compression has to save.
const SAVING_MIN: usize = 8;

/// An element, given or shown: its text, and the allocation that holds it where it has one of its
/// own.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub item: Item<'a>,
    pub shared: Option<&'a Arc<Vec<u8>>>,
}

impl<'a> From<Item<'a>> for Piece<'a> {
    #[inline]
    fn from(item: Item<'a>) -> Self {
        Piece { item, shared: None }
    }
}

impl<'a> From<&'a Arc<Vec<u8>>> for Piece<'a> {
    fn from(bytes: &'a Arc<Vec<u8>>) -> Self {
        // Short ones are rare; an integer must be known as one wherever the element goes next.
        Piece { item: Item::of(bytes), shared: Some(bytes) }
    }
}

impl Piece<'_> {
    /// The text in an allocation of its own.
    fn to_shared(self) -> Arc<Vec<u8>> {
        match self.shared {
            Some(bytes) => Arc::clone(bytes),
            None => Arc::new(self.item.to_vec()),
        }
    }
}

/// A node.
#[derive(Clone, Debug)]
pub enum Node {
    Packed(Run),
    Plain(Arc<Vec<u8>>),
    Squeezed(Squeezed),
}

/// A compressed node.
#[derive(Clone, Debug)]
pub struct Squeezed {
    lzf: Box<[u8]>,
    /// Bytes before compression.
    raw: u32,
    /// Elements of the listpack; 0 for a node with one large element.
    count: u32,
}

const _: () = assert!(size_of::<Node>() == 32);

/// What a node holds, readable.
pub enum Content<'a> {
    Packed(Cow<'a, [u8]>),
    Plain(Cow<'a, [u8]>, Option<&'a Arc<Vec<u8>>>),
}

impl Content<'_> {
    /// The listpack, if it is one.
    pub fn packed(&self) -> Option<Packed<'_>> {
        match self {
            Content::Packed(blob) => Some(Packed::new(blob)),
            Content::Plain(..) => None,
        }
    }

    /// The large element, if it is one.
    pub fn plain(&self) -> Option<Piece<'_>> {
        match self {
            Content::Packed(_) => None,
            Content::Plain(bytes, shared) => Some(Piece { item: Item::of(bytes), shared: *shared }),
        }
    }
}

impl Node {
    /// A node for one large element.
    pub fn plain(piece: Piece<'_>) -> Node {
        Node::Plain(piece.to_shared())
    }

    /// A node with one element, and room for some bytes more.
    pub fn packed(item: Item<'_>, room: usize) -> Node {
        let mut run = Run::with_room(room);
        run.push_back(item);
        Node::Packed(run)
    }

    /// Number of elements: a node is never empty.
    #[inline]
    pub fn items(&self) -> usize {
        match self {
            Node::Packed(run) => run.len(),
            Node::Plain(_) => 1,
            Node::Squeezed(squeezed) => (squeezed.count as usize).max(1),
        }
    }

    /// Bytes of the listpack or of the element, uncompressed.
    pub fn raw_bytes(&self) -> usize {
        match self {
            Node::Packed(run) => run.blob_bytes(),
            Node::Plain(bytes) => bytes.len(),
            Node::Squeezed(squeezed) => squeezed.raw as usize,
        }
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Node::Packed(run) => run.memory_bytes(),
            // The counts of an `Arc` and the vector's three words, then the bytes.
            Node::Plain(bytes) => class_size(40) + class_size(bytes.capacity().max(1)),
            Node::Squeezed(squeezed) => class_size(squeezed.lzf.len()),
        }
    }

    /// Whether it holds one large element.
    pub fn is_plain(&self) -> bool {
        match self {
            Node::Packed(_) => false,
            Node::Plain(_) => true,
            Node::Squeezed(squeezed) => squeezed.count == 0,
        }
    }

    /// The listpack, if the node is one and not compressed.
    #[inline]
    pub fn run(&self) -> Option<&Run> {
        if let Node::Packed(run) = self { Some(run) } else { None }
    }

    /// The listpack, to be changed, if the node is one. A compressed one is decompressed.
    pub fn run_mut(&mut self) -> Option<&mut Run> {
        self.inflate();
        if let Node::Packed(run) = self { Some(run) } else { None }
    }

    /// What it holds; a compressed one is decompressed for the occasion.
    pub fn content(&self) -> Content<'_> {
        match self {
            Node::Packed(run) => Content::Packed(Cow::Borrowed(run.blob())),
            Node::Plain(bytes) => Content::Plain(Cow::Borrowed(bytes), Some(bytes)),
            Node::Squeezed(squeezed) if squeezed.count == 0 => {
                Content::Plain(Cow::Owned(squeezed.inflated()), None)
            }
            Node::Squeezed(squeezed) => Content::Packed(Cow::Owned(squeezed.inflated())),
        }
    }

    /// Compresses the node, if that is worth it.
    pub fn squeeze(&mut self) {
        let (bytes, count): (&[u8], _) = match self {
            Node::Packed(run) => (run.blob(), run.len() as u32),
            Node::Plain(bytes) => (bytes, 0),
            Node::Squeezed(_) => return,
        };
        if !(SQUEEZE_BYTES..=SQUEEZE_BYTES_MAX).contains(&bytes.len()) {
            return;
        }
        if let Some(lzf) = lzf::compress(bytes).filter(|lzf| lzf.len() + SAVING_MIN < bytes.len()) {
            let raw = bytes.len() as u32;
            *self = Node::Squeezed(Squeezed { lzf: lzf.into_boxed_slice(), raw, count });
        }
    }

    /// Decompresses the node.
    pub fn inflate(&mut self) {
        if let Node::Squeezed(squeezed) = self {
            let bytes = squeezed.inflated();
            *self = if squeezed.count == 0 {
                Node::Plain(Arc::new(bytes))
            } else {
                Node::Packed(Run::from_blob(bytes))
            };
        }
    }

    /// Whether it is compressed: the bytes, if so.
    pub fn squeezed(&self) -> Option<&[u8]> {
        if let Node::Squeezed(squeezed) = self { Some(&squeezed.lzf) } else { None }
    }
}

impl Squeezed {
    fn inflated(&self) -> Vec<u8> {
        lzf::decompress(&self.lzf, self.raw as usize).expect("we have compressed it ourselves")
    }
}
