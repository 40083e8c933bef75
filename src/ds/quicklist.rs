//! Long lists: a chain of listpacks.
//!
//! ```text
//!   Quicklist ── chain ── node   listpack of some elements, up to a limit of bytes or elements
//!                      ├─ node   compressed: only the `depth` outermost nodes at either end are not
//!                      ├─ node   plain: one element that is larger than a node may be
//!                      └─ node
//! ```
//!
//! Which element comes into which node is decided as Redis does (`list-max-listpack-size`), since
//! it shows: in OBJECT ENCODING (a list of one small node is turned into a listpack), in DEBUG
//! OBJECT and in the payload of DUMP. See [`Fill`] for the limits, `edit` for how nodes are split
//! and joined, [`chain`] for how they are kept in order, and [`node`] for what one is.
//!
//! Listpacks are in canonical form: every integer and every length in its shortest encoding. All of
//! them were made here or normalised when they came in ([`Quicklist::push_blob`]). Looking for an
//! element relies on it.
//!
//! A node stays compressed while it is read: its content is decompressed for the occasion. A change
//! decompresses it in place and compresses it again at the end; nodes that come to stand nearer to
//! an end than `depth` are decompressed. The invariant between two calls is that those are not
//! compressed, so the first and the last element can always be borrowed.
//!
//! No step moves more than a node and a bounded number of its neighbours.

mod chain;
mod edit;
mod node;
mod search;
#[cfg(test)]
mod tests;

use chain::{Chain, Spot};
pub use edit::Side;
pub use node::{Content, Node, Piece};
pub use search::End;

use super::listpack::{Item, Listpack, Packed, Run};

/// Most bytes of a node whose limit is a number of elements.
const BYTES_MAX: usize = 8192;

/// What the fill rule adds to an element's text for its head and back length.
const OVERHEAD: usize = 8;

/// What a new node of a list with large nodes has room for.
const FRESH_ROOM: usize = 256;

/// How full a node may be: `list-max-listpack-size`. From 0 on a number of elements, else a size of
/// -1 to -5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill(i16);

impl Fill {
    /// The limit that an option's value means.
    pub fn new(value: i32) -> Self {
        Fill(value.clamp(-5, i16::MAX.into()) as i16)
    }

    /// The option's value.
    pub fn value(self) -> i32 {
        self.0.into()
    }

    /// Most bytes of a node.
    #[inline]
    pub fn bytes_max(self) -> usize {
        match self.0 {
            0.. => BYTES_MAX,
            size => 4096 << (-1 - i32::from(size)),
        }
    }

    /// Most elements of a node.
    #[inline]
    pub fn items_max(self) -> usize {
        match self.0 {
            0 => 1,
            count @ 1.. => count as usize,
            _ => usize::MAX,
        }
    }

    /// Whether a listpack may be like that.
    #[inline]
    pub fn allows(self, bytes: usize, items: usize) -> bool {
        bytes <= self.bytes_max() && items <= self.items_max()
    }

    /// Whether a node may take one more element of so many bytes.
    #[inline]
    fn has_room(self, run: &Run, text: usize) -> bool {
        self.allows(run.blob_bytes() + text + OVERHEAD, run.len() + 1)
    }
}

/// The options that lists are made by.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub fill: Fill,
    /// `list-compress-depth`: nodes at either end that are not compressed; 0: none is.
    pub depth: u16,
    /// Elements from this size on stand alone; `None`: those that are larger than a node may be
    /// (DEBUG).
    pub plain_from: Option<usize>,
}

impl Limits {
    /// Whether an element of so many bytes stands alone.
    #[inline]
    fn is_plain(self, fill: Fill, text: usize) -> bool {
        match self.plain_from {
            None => text > fill.bytes_max(),
            Some(from) => text >= from,
        }
    }
}

/// A long list.
#[derive(Clone, Debug)]
pub struct Quicklist {
    chain: Chain,
    /// The limit when the list was made: it holds for good.
    fill: Fill,
    depth: u16,
}

impl Quicklist {
    /// An empty list.
    pub fn new(limits: Limits) -> Self {
        Quicklist { chain: Chain::default(), fill: limits.fill, depth: limits.depth }
    }

    /// A list of one node.
    pub fn of_run(mut run: Run, limits: Limits) -> Self {
        let mut list = Quicklist::new(limits);
        if !run.is_empty() {
            run.fit();
            list.chain.push_back(Node::Packed(run));
        }
        list
    }

    /// The elements as one listpack, if they are in one node which is one; else the list again.
    pub fn into_run(mut self) -> Result<Run, Self> {
        if !self.is_one_listpack(usize::MAX, usize::MAX) {
            return Err(self);
        }
        match self.chain.first().map(|spot| self.chain.remove(spot).0) {
            Some(Node::Packed(run)) => Ok(run),
            _ => {
                unreachable!("the only node is a listpack, and not compressed so near to the ends")
            }
        }
    }

    /// Whether all elements are in one listpack of at most so many bytes and elements.
    pub fn is_one_listpack(&self, bytes: usize, items: usize) -> bool {
        let only = self.chain.first().filter(|_| self.chain.nodes() == 1);
        let run = only.and_then(|spot| self.chain.node(spot).run());
        run.is_some_and(|run| run.blob_bytes() <= bytes && run.len() <= items)
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.chain.items()
    }

    /// True without elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The limit of its nodes.
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// How many nodes at either end are not compressed; 0: none is.
    pub fn depth(&self) -> u16 {
        self.depth
    }

    /// The nodes: their number, and each of them in order.
    pub fn nodes(&self) -> (usize, impl Iterator<Item = &Node>) {
        (self.chain.nodes(), self.chain.iter())
    }

    /// Bytes of memory, the struct itself not included.
    pub fn memory_bytes(&self) -> usize {
        self.chain.memory_bytes()
    }

    /// The first element.
    #[inline]
    pub fn front(&self) -> Option<Piece<'_>> {
        self.chain.first().map(|spot| match self.chain.node(spot) {
            Node::Packed(run) => {
                let pack = run.view();
                pack.item(pack.first().expect("no node is empty")).into()
            }
            Node::Plain(bytes) => bytes.into(),
            Node::Squeezed(_) => unreachable!("the ends are not compressed"),
        })
    }

    /// The last element.
    #[inline]
    pub fn back(&self) -> Option<Piece<'_>> {
        self.chain.last().map(|spot| match self.chain.node(spot) {
            Node::Packed(run) => {
                let pack = run.view();
                pack.item(pack.last().expect("no node is empty")).into()
            }
            Node::Plain(bytes) => bytes.into(),
            Node::Squeezed(_) => unreachable!("the ends are not compressed"),
        })
    }

    /// Shows `count` elements from an index on, in order.
    pub fn visit(&self, index: usize, count: usize, mut show: impl FnMut(Piece<'_>)) {
        let (mut left, Some((spot, mut skipped))) = (count, self.chain.seek(index)) else { return };
        let mut at = Some(spot);
        while let Some(spot) = at.filter(|_| left > 0) {
            let node = self.chain.node(spot);
            match node.run() {
                Some(run) => left -= show_items(run.view(), skipped, left, &mut show),
                None => {
                    let content = node.content();
                    match content.packed() {
                        Some(pack) => left -= show_items(pack, skipped, left, &mut show),
                        None => {
                            content.plain().map(&mut show);
                            left -= 1;
                        }
                    }
                }
            }
            skipped = 0;
            at = self.chain.next(spot);
        }
    }

    /// Shows the elements from an index down to the first, until `show` says no.
    pub fn visit_back(&self, index: usize, mut show: impl FnMut(Piece<'_>) -> bool) {
        let Some((spot, index)) = self.chain.seek(index) else { return };
        let (mut at, mut from) = (Some(spot), index);
        while let Some(spot) = at {
            let content = self.chain.node(spot).content();
            let go_on = match content.packed() {
                None => content.plain().is_none_or(&mut show),
                Some(pack) => {
                    let skipped = pack.len().saturating_sub(1 + from);
                    pack.iter().rev().skip(skipped).all(|item| show(item.into()))
                }
            };
            if !go_on {
                return;
            }
            from = usize::MAX - 1;
            at = self.chain.before(spot);
        }
    }

    /// Adds a listpack at the end, as another server has written it.
    pub fn push_blob(&mut self, blob: Vec<u8>) {
        let run = canonical(blob);
        if !run.is_empty() {
            self.chain.push_back(Node::Packed(run));
            self.settle_back();
        }
    }

    /// Adds a large element at the end that is to stand alone.
    pub fn push_plain(&mut self, bytes: Vec<u8>) {
        self.chain.push_back(Node::Plain(std::sync::Arc::new(bytes)));
        self.settle_back();
    }

    /// Checks the invariants.
    #[cfg(test)]
    pub fn check(&self) {
        self.chain.check();
        let (nodes, depth) = (self.chain.nodes(), usize::from(self.depth));
        for (number, node) in self.chain.iter().enumerate() {
            let is_inner = depth > 0 && number >= depth && number + depth < nodes;
            assert!(is_inner || node.squeezed().is_none(), "node {number} of {nodes}");
            let mut again = node.clone();
            again.squeeze();
            assert_eq!(is_inner && again.squeezed().is_some(), node.squeezed().is_some());
            if let Some(pack) = node.content().packed() {
                Packed::check(pack.bytes()).expect("well-formed");
                assert!(pack.is_canonical());
            }
        }
    }
}

/// Shows up to `max` elements behind the first `skipped`, and returns how many there were.
#[inline]
fn show_items(
    pack: Packed<'_>,
    skipped: usize,
    max: usize,
    show: &mut impl FnMut(Piece<'_>),
) -> usize {
    let Some(at) = pack.seek(skipped) else { return 0 };
    let mut shown = 0;
    for (_, item) in pack.offsets_from(at).take(max) {
        show(item.into());
        shown += 1;
    }
    shown
}

/// A listpack in canonical form, made of one that is well-formed.
pub fn canonical(blob: Vec<u8>) -> Run {
    let pack = Packed::new(&blob);
    if pack.is_canonical() {
        return Run::from_blob(blob);
    }
    let mut text = Vec::new();
    let mut made = Listpack::new();
    pack.iter().for_each(|item| made.push_back(Item::of(item.bytes(&mut text))));
    Run::from_blob(made.into_blob())
}

/// Where an element is.
#[derive(Clone, Copy, Debug)]
struct Place {
    spot: Spot,
    /// Its offset in the listpack; 0 in a plain node.
    at: usize,
    /// Its index in the node.
    index: usize,
}
