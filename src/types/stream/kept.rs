//! How a node is kept: as a listpack, or as the compressed form of one.
//!
//! ```text
//!   Plain      listpack                                      see `node`
//!   Squeezed   raw │ live │ deleted │ last id │ LZF          numbers of 2 bytes, an id of 16
//! ```
//!
//! What is asked of old nodes most often, how many entries live in them and where they end, stands
//! in front of the compressed bytes: trimming by whole nodes inflates none. Whoever reads entries
//! brings a [`Scratch`], in which the node that was inflated last stays, so that a walk, or a run
//! of questions about neighbours, inflates each node once.
//!
//! A node that does not get smaller by an eighth stays as it is, and so does a large one, for a
//! question about one of its entries would have to inflate all of it. A stream whose nodes do not
//! get smaller, one after the other, is soon not tried but with every sixteenth ([`Hope`]): what
//! does not compress takes longest to find it out.

use super::StreamId;
use super::node::{Counts, Cursor, Head};
use crate::base::alloc::class_size;
use crate::base::lzf::{self, Compressor};
use crate::ds::listpack::{Listpack, Packed};

/// Larger nodes are not compressed.
const RAW_MAX: usize = 16 << 10;

/// Bytes in front of the compressed ones.
const FRONT: usize = 22;

/// A node, as it is kept.
#[derive(Clone, Debug)]
pub enum Node {
    Plain(Listpack),
    Squeezed(Squeezed),
}

const _: () = assert!(size_of::<Node>() == size_of::<Listpack>());

/// A compressed node.
#[derive(Clone, Debug)]
pub struct Squeezed(Box<[u8]>);

/// Whether it is worth to try the next node of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hope {
    /// Nodes in a row that were tried in vain.
    failures: u8,
    /// Nodes that are to be passed over now.
    passes: u8,
}

/// After so many failures there are no more nodes passed over than before.
const FAILURES_MAX: u8 = 4;

/// Memory for reading compressed nodes, those of one stream. None is taken before the first of
/// them.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The node that was inflated last.
    held: Option<(Edition, Listpack)>,
}

/// A node as it was at a time. Whatever changes a node changes one of its counts, and neither comes
/// back.
type Edition = (StreamId, Counts);

impl Node {
    /// Bytes of the listpack.
    pub fn raw_bytes(&self) -> usize {
        match self {
            Node::Plain(pack) => pack.view().bytes().len(),
            Node::Squeezed(squeezed) => squeezed.raw_bytes(),
        }
    }

    pub fn counts(&self) -> Counts {
        match self {
            Node::Plain(pack) => Head::of(pack.view()).counts(),
            Node::Squeezed(squeezed) => squeezed.counts(),
        }
    }

    /// The last entry ever of the node with this id.
    pub fn last_id(&self, id: StreamId) -> Option<StreamId> {
        match self {
            Node::Plain(pack) => last_of(id, pack.view()),
            Node::Squeezed(squeezed) => Some(squeezed.last_id()),
        }
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Node::Plain(pack) => pack.memory_bytes(),
            Node::Squeezed(Squeezed(bytes)) => class_size(bytes.len()),
        }
    }

    /// The compressed form, if it is kept so.
    pub fn squeezed(&self) -> Option<&Squeezed> {
        if let Node::Squeezed(squeezed) = self { Some(squeezed) } else { None }
    }

    /// The listpack, to be changed: a compressed one is inflated, unless it is in the scratch
    /// already.
    pub fn open(&mut self, id: StreamId, scratch: &mut Scratch) -> &mut Listpack {
        if self.squeezed().is_some() {
            *self = Node::Plain(scratch.look(id, self).to_owned());
        }
        match self {
            Node::Plain(pack) => pack,
            Node::Squeezed(_) => unreachable!("it has just been inflated"),
        }
    }

    /// Compresses the node with this id, if that is worth it.
    pub fn squeeze(&mut self, id: StreamId) {
        if let Node::Plain(pack) = self
            && let Some(squeezed) = Squeezed::of(id, pack.view())
        {
            *self = Node::Squeezed(squeezed);
        }
    }
}

impl Hope {
    /// Compresses the next node of a stream, unless the last ones were tried in vain.
    pub fn squeeze(&mut self, id: StreamId, node: &mut Node) {
        if node.squeezed().is_some() || node.raw_bytes() > RAW_MAX {
            return;
        }
        if self.passes > 0 {
            self.passes -= 1;
            return;
        }
        node.squeeze(id);
        let is_smaller = node.squeezed().is_some();
        self.failures = if is_smaller { 0 } else { FAILURES_MAX.min(self.failures + 1) };
        self.passes = (1 << self.failures) - 1;
    }
}

/// The last entry ever of a node.
fn last_of(id: StreamId, pack: Packed<'_>) -> Option<StreamId> {
    Cursor::new(id, pack).next_back(pack).map(|last| last.id)
}

impl Squeezed {
    /// The compressed form of a node, if it is worth it.
    fn of(id: StreamId, pack: Packed<'_>) -> Option<Squeezed> {
        let raw = pack.bytes();
        let max = packed_max(raw.len())?;
        let mut bytes = Vec::with_capacity(raw.len());
        bytes.extend_from_slice(&front(id, pack)?);
        let fits = Compressor::default().append(raw, max, &mut bytes);
        (fits && is_worth(bytes.len(), raw.len())).then(|| Squeezed(bytes.into_boxed_slice()))
    }

    /// Compressed bytes that somebody has made of a node, if that was worth it.
    pub fn made_before(id: StreamId, pack: Packed<'_>, lzf: &[u8]) -> Option<Squeezed> {
        let raw = pack.bytes().len();
        debug_assert_eq!(lzf::decompress(lzf, raw).as_deref(), Some(pack.bytes()), "its own form");
        if lzf.len() > packed_max(raw)? || !is_worth(FRONT + lzf.len(), raw) {
            return None;
        }
        Some(Squeezed([&front(id, pack)?, lzf].concat().into_boxed_slice()))
    }

    /// The compressed bytes alone.
    pub fn lzf(&self) -> &[u8] {
        &self.0[FRONT..]
    }

    /// Bytes of the listpack.
    pub fn raw_bytes(&self) -> usize {
        self.number(0).into()
    }

    fn number(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn counts(&self) -> Counts {
        Counts { live: self.number(2).into(), deleted: self.number(4).into() }
    }

    fn last_id(&self) -> StreamId {
        let bytes = self.0[6..].first_chunk().expect("an id stands in front");
        StreamId::from_bytes(*bytes)
    }
}

/// Whether so many bytes are an eighth less memory than a node takes.
fn is_worth(kept: usize, raw: usize) -> bool {
    class_size(kept) * 8 <= class_size(raw) * 7
}

/// Most compressed bytes of a node that it can be worth to keep.
fn packed_max(raw: usize) -> Option<usize> {
    let max = (class_size(raw) / 8 * 7).min(raw).checked_sub(FRONT)?;
    (raw <= RAW_MAX).then_some(max)
}

/// What stands in front of a compressed node.
fn front(id: StreamId, pack: Packed<'_>) -> Option<[u8; FRONT]> {
    // The id of a node is that of its first entry, deleted or not, unless a strange file says
    // otherwise: without it one could not tell where the node begins.
    if Cursor::new(id, pack).next(pack)?.id != id {
        return None;
    }
    let counts = Head::of(pack).counts();
    let numbers = [pack.bytes().len() as u64, counts.live, counts.deleted];
    let mut front = [0; FRONT];
    for (room, number) in front.chunks_exact_mut(2).zip(numbers) {
        room.copy_from_slice(&u16::try_from(number).ok()?.to_le_bytes());
    }
    front[6..].copy_from_slice(&last_of(id, pack)?.to_bytes());
    Some(front)
}

impl Scratch {
    /// The listpack of the node with this id, inflated if it is compressed and not here already.
    #[inline]
    pub fn look<'s>(&'s mut self, id: StreamId, node: &'s Node) -> Packed<'s> {
        match node {
            Node::Plain(pack) => pack.view(),
            Node::Squeezed(squeezed) => {
                self.inflate(id, squeezed);
                self.view()
            }
        }
    }

    /// The node that was inflated last; there has been one.
    #[inline]
    pub fn view(&self) -> Packed<'_> {
        self.held.as_ref().expect("a node was inflated").1.view()
    }

    /// Inflates the node with this id, unless it is here already.
    pub fn inflate(&mut self, id: StreamId, squeezed: &Squeezed) {
        let wanted = (id, squeezed.counts());
        if self.held.as_ref().is_some_and(|(held, _)| *held == wanted) {
            return;
        }
        let mut blob = self.held.take().map_or_else(Vec::new, |(_, pack)| pack.into_blob());
        let is_whole = lzf::decompress_into(squeezed.lzf(), squeezed.raw_bytes(), &mut blob);
        assert!(is_whole, "what we keep compressed was compressed well");
        self.held = Some((wanted, Listpack::from_blob(blob)));
    }
}
