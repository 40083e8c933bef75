//! Changes to a list. Into which node an element comes, when a node is split, and which neighbours
//! are joined afterwards is what Redis does, found by asking live servers; the drawings show nodes
//! of at most four elements.
//!
//! ```text
//!   there is room    [1 2 3]      insert x after 2     [1 2 x 3]
//!   at an edge       [1 2 3 4][5] insert x after 4     [1 2 3 4][x 5]       the neighbour has room
//!                    [1 2 3 4][5 6 7 8]                [1 2 3 4][x][5 6 7 8]
//!   else split       [1 2 3 4]    insert x after 2     [1 2][x 3 4]         then neighbours are joined
//!                    [1 2 3 4]    insert x before 3    [1 2 x][3 4]
//!   large            [1 2 3 4]    insert L before 3    [1 2] L [3 4]        nothing is joined
//! ```
//!
//! Compression is put right at the end of a change, by [`Quicklist::settle`]: it looks at the nodes
//! that were touched and at those that have crossed the border between outer and inner nodes.

use std::ops::{Range, RangeInclusive};

use super::{FRESH_ROOM, Limits, Node, OVERHEAD, Piece, Place, Quicklist, Spot};
use crate::ds::listpack::{EMPTY_BYTES, Item};

/// Nodes a change touches, relative to the node where it was made: itself only.
const SELF: RangeInclusive<isize> = 0..=0;

/// The same where a node was split and neighbours were joined.
const AROUND: RangeInclusive<isize> = -2..=3;

/// Bytes that a listpack is never made to have.
const LISTPACK_BYTES_MAX: usize = 1 << 29;

/// On which side of an element another is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

impl Quicklist {
    /// Adds an element in front.
    pub fn push_front(&mut self, piece: Piece<'_>, limits: Limits) {
        let (fill, text) = (self.fill, piece.item.len());
        let plain = limits.is_plain(fill, text);
        let first = self.chain.first();
        if let Some(spot) = first.filter(|_| !plain) {
            let pushed = self.chain.change(spot, |node| match node {
                Node::Packed(run) if fill.has_room(run, text) => {
                    run.push_front(piece.item);
                    true
                }
                node => {
                    close(node);
                    false
                }
            });
            if pushed {
                return;
            }
        }
        let node = if plain { Node::plain(piece) } else { self.fresh(piece.item) };
        self.chain.push_front(node);
        if self.depth > 0 {
            self.settle(0..1, 1);
        }
    }

    /// Adds an element at the end.
    pub fn push_back(&mut self, piece: Piece<'_>, limits: Limits) {
        let (fill, text) = (self.fill, piece.item.len());
        let plain = limits.is_plain(fill, text);
        let last = self.chain.last();
        if let Some(spot) = last.filter(|_| !plain) {
            let pushed = self.chain.change(spot, |node| match node {
                Node::Packed(run) if fill.has_room(run, text) => {
                    run.push_back(piece.item);
                    true
                }
                node => {
                    close(node);
                    false
                }
            });
            if pushed {
                return;
            }
        }
        let node = if plain { Node::plain(piece) } else { self.fresh(piece.item) };
        self.chain.push_back(node);
        self.settle_back();
    }

    /// A node for a new element at an end.
    fn fresh(&self, item: Item<'_>) -> Node {
        let is_long = self.chain.nodes() > 0 && self.fill.items_max() == usize::MAX;
        Node::packed(item, if is_long { FRESH_ROOM } else { 0 })
    }

    /// Removes the first element.
    pub fn pop_front(&mut self) {
        let Some(spot) = self.chain.first() else { return };
        if self.chain.node(spot).items() == 1 {
            self.chain.remove(spot);
            if self.depth > 0 {
                self.settle(0..0, -1);
            }
            return;
        }
        self.chain.change(spot, |node| {
            if let Node::Packed(run) = node {
                run.remove_front(1);
                run.fit_roughly();
            }
        });
    }

    /// Removes the last element.
    pub fn pop_back(&mut self) {
        let Some(spot) = self.chain.last() else { return };
        if self.chain.node(spot).items() == 1 {
            self.chain.remove(spot);
            if self.depth > 0 {
                self.settle(0..0, -1);
            }
            return;
        }
        self.chain.change(spot, |node| {
            if let Node::Packed(run) = node {
                run.remove_back(1);
                run.fit_roughly();
            }
        });
    }

    /// Removes `count` elements from an index on.
    pub fn remove(&mut self, index: usize, count: usize) {
        let count = count.min(self.len().saturating_sub(index));
        let (mut left, before) = (count, self.chain.nodes());
        let Some((spot, mut from)) = self.chain.seek(index).filter(|_| count > 0) else { return };
        let number = if self.depth > 0 { self.chain.number(spot) } else { 0 };
        let mut at = Some(spot);
        while let Some(spot) = at.filter(|_| left > 0) {
            let len = self.chain.node(spot).items();
            let here = left.min(len - from);
            left -= here;
            at = if here == len {
                self.chain.remove(spot).1
            } else {
                self.chain.change(spot, |node| cut(node, from, here));
                self.chain.next(spot)
            };
            from = 0;
        }
        if self.depth > 0 {
            let delta = self.chain.nodes() as isize - before as isize;
            self.settle(number..number + 2, delta);
        }
    }

    /// Puts another element in the place of the one at an index. False: there is none.
    pub fn replace(&mut self, index: usize, piece: Piece<'_>, limits: Limits) -> bool {
        let Some(place) = self.place(index) else { return false };
        let was_plain = self.chain.node(place.spot).is_plain();
        // Compat: what is put in the place of another need not fit into the node, but into a
        // listpack.
        let fits = self.chain.node(place.spot).raw_bytes() + piece.item.len() <= LISTPACK_BYTES_MAX;
        let plain = limits.is_plain(self.fill, piece.item.len()) || !was_plain && !fits;
        let before = self.chain.nodes();
        let number = if self.depth > 0 { self.chain.number(place.spot) } else { 0 };
        let mut touched = SELF;
        match (was_plain, plain) {
            (false, false) => self.chain.change(place.spot, |node| {
                if let Some(run) = node.run_mut() {
                    run.replace(place.at, piece.item);
                }
            }),
            (true, true) => self.chain.change(place.spot, |node| *node = Node::plain(piece)),
            (true, false) => {
                let (spot, _) = self.put(place, Side::After, piece, false);
                self.chain.remove(spot);
            }
            (false, true) => {
                self.replace_by_plain(place, piece);
                touched = AROUND;
            }
        }
        if self.depth > 0 {
            self.settle_near(number, touched, before);
        }
        true
    }

    /// Puts a large element in the place of one in a listpack.
    fn replace_by_plain(&mut self, place: Place, piece: Piece<'_>) {
        let (spot, len) = (place.spot, self.chain.node(place.spot).items());
        let behind = if place.index + 1 < len { self.split(place, Side::After) } else { None };
        let mut spot = spot;
        for node in behind.into_iter().chain([Node::plain(piece)]) {
            let new = self.chain.insert_after(spot, node);
            spot = self.chain.before(new).expect("the listpack is in front");
        }
        // The one to be replaced is the last of its node now.
        if self.chain.node(spot).items() == 1 {
            self.chain.remove(spot);
            return;
        }
        self.chain.change(spot, |node| {
            if let Some(run) = node.run_mut() {
                run.remove_back(1);
            }
        });
        let plain = self.chain.next(spot).expect("the large one is behind");
        self.join_around(plain);
    }

    /// Puts an element beside the one at a place.
    pub(super) fn insert(&mut self, place: Place, side: Side, piece: Piece<'_>, limits: Limits) {
        let before = self.chain.nodes();
        let number = if self.depth > 0 { self.chain.number(place.spot) } else { 0 };
        let plain = limits.is_plain(self.fill, piece.item.len());
        let (_, touched) = self.put(place, side, piece, plain);
        if self.depth > 0 {
            self.settle_near(number, touched, before);
        }
    }

    /// Puts an element beside the one at a place, and leaves compression to the caller. Returns
    /// where the node is then, if it was not split, and which nodes were touched.
    fn put(
        &mut self,
        place: Place,
        side: Side,
        piece: Piece<'_>,
        plain: bool,
    ) -> (Spot, RangeInclusive<isize>) {
        let (fill, text, spot) = (self.fill, piece.item.len(), place.spot);
        let has_room = |node: &Node| {
            let grown = fill.allows(node.raw_bytes() + text + OVERHEAD, node.items() + 1);
            !plain && !node.is_plain() && grown
        };
        if has_room(self.chain.node(spot)) {
            self.chain.change(spot, |node| {
                let run = node.run_mut().expect("a listpack with room");
                match side {
                    Side::Before => run.insert(place.at, piece.item),
                    Side::After => run.insert_after(place.at, piece.item),
                }
            });
            return (spot, SELF);
        }
        let len = self.chain.node(spot).items();
        let (at_edge, neighbour) = match side {
            Side::Before => (place.index == 0, self.chain.before(spot)),
            Side::After => (place.index + 1 == len, self.chain.next(spot)),
        };
        if !at_edge {
            self.put_between(place, side, piece, plain);
            return (spot, AROUND);
        }
        if let Some(near) = neighbour.filter(|near| has_room(self.chain.node(*near))) {
            self.chain.change(near, |node| {
                let run = node.run_mut().expect("a listpack with room");
                match side {
                    Side::Before => run.push_back(piece.item),
                    Side::After => run.push_front(piece.item),
                }
            });
            return (spot, if side == Side::Before { -1..=-1 } else { 1..=1 });
        }
        let node = if plain { Node::plain(piece) } else { Node::packed(piece.item, 0) };
        // Before the node, the new one has its number.
        (self.add_beside(spot, side, node), if side == Side::Before { SELF } else { 1..=1 })
    }

    /// Puts a node beside another, and returns where that one is then.
    fn add_beside(&mut self, spot: Spot, side: Side, node: Node) -> Spot {
        let other = match side {
            Side::Before => {
                let new = self.chain.insert(spot, node);
                self.chain.next(new)
            }
            Side::After => {
                let new = self.chain.insert_after(spot, node);
                self.chain.before(new)
            }
        };
        other.expect("the one beside which it was put")
    }

    /// Splits a node, and puts an element where it was split.
    fn put_between(&mut self, place: Place, side: Side, piece: Piece<'_>, plain: bool) {
        let Some(mut half) = self.split(place, side) else { return };
        if !plain && let Some(run) = half.run_mut() {
            match side {
                Side::Before => run.push_back(piece.item),
                Side::After => run.push_front(piece.item),
            }
        }
        // What is kept at the spot is the half that the element is not part of.
        let kept = self.add_beside(place.spot, side, half);
        if plain {
            self.add_beside(kept, side, Node::plain(piece));
        } else {
            self.join_around(kept);
        }
    }

    /// Takes the elements before a place out of its node, or those after it, as a node of their
    /// own.
    fn split(&mut self, place: Place, side: Side) -> Option<Node> {
        self.chain.change(place.spot, |node| {
            let run = node.run_mut()?;
            let half = match side {
                Side::Before => {
                    let upper = run.split_off(place.at);
                    std::mem::replace(run, upper)
                }
                Side::After => {
                    let next = run.view().next(place.at)?;
                    run.split_off(next)
                }
            };
            run.fit();
            Some(Node::Packed(half))
        })
    }

    /// Joins the neighbours of a node with each other and with the node, where they fit into one.
    fn join_around(&mut self, center: Spot) {
        let mut number = self.chain.number(center);
        if number >= 2 && self.join(number - 2) {
            number -= 1;
        }
        self.join(number + 1);
        if number >= 1 && self.join(number - 1) {
            number -= 1;
        }
        self.join(number);
    }

    /// Joins the node of a number with the next one, if both are listpacks and fit into one.
    fn join(&mut self, number: usize) -> bool {
        let spots = self.chain.spot(number).and_then(|spot| Some((spot, self.chain.next(spot)?)));
        let Some((first, second)) = spots else { return false };
        let (a, b) = (self.chain.node(first), self.chain.node(second));
        if a.is_plain() || b.is_plain() {
            return false;
        }
        let bytes = a.raw_bytes() + b.raw_bytes() - EMPTY_BYTES;
        if !self.fill.allows(bytes, a.items() + b.items()) {
            return false;
        }
        let (mut node, _) = self.chain.remove(second);
        let first = self.chain.spot(number).expect("it stands in front of the one removed");
        self.chain.change(first, |into| {
            if let (Some(into), Some(run)) = (into.run_mut(), node.run_mut()) {
                into.append(run);
            }
        });
        true
    }

    /// Puts compression right after a node was added at the end.
    #[inline]
    pub(super) fn settle_back(&mut self) {
        if self.depth > 0 {
            let nodes = self.chain.nodes();
            self.settle(nodes - 1..nodes, 1);
        }
    }

    /// Puts compression right: of nodes that were touched, relative to one by its number at the
    /// time, when the list had so many of them.
    fn settle_near(&mut self, number: usize, touched: RangeInclusive<isize>, nodes: usize) {
        let first = number.saturating_add_signed(*touched.start());
        let end = number.saturating_add_signed(*touched.end()) + 1;
        self.settle(first..end, self.chain.nodes() as isize - nodes as isize);
    }

    /// Puts compression right: of the nodes whose numbers are given, and of those that have changed
    /// sides since there are `delta` nodes more.
    pub(super) fn settle(&mut self, touched: Range<usize>, delta: isize) {
        let (nodes, depth) = (self.chain.nodes(), usize::from(self.depth));
        let moved = delta.unsigned_abs();
        let (left, right) = (depth, nodes.saturating_sub(depth));
        let crossed = if delta > 0 {
            [left..left + moved, right.saturating_sub(moved)..right]
        } else {
            [left.saturating_sub(moved)..left, right..right + moved]
        };
        for range in [touched].into_iter().chain(crossed) {
            let mut spot = self.chain.spot(range.start);
            for number in range {
                let Some(at) = spot else { break };
                let is_inner = number >= depth && number + depth < nodes;
                self.chain
                    .change(at, |node| if is_inner { node.squeeze() } else { node.inflate() });
                spot = self.chain.next(at);
            }
        }
    }

    /// Where the element at an index is.
    fn place(&self, index: usize) -> Option<Place> {
        let (spot, index) = self.chain.seek(index)?;
        let content = self.chain.node(spot).content();
        let at = content.packed().map_or(0, |pack| pack.seek(index).expect("counted"));
        Some(Place { spot, at, index })
    }
}

/// Gives back the room of a node that is full.
fn close(node: &mut Node) {
    if let Node::Packed(run) = node {
        run.fit();
    }
}

/// Removes some elements of a listpack.
fn cut(node: &mut Node, from: usize, count: usize) {
    if let Some(run) = node.run_mut()
        && let Some(at) = run.view().seek(from)
    {
        run.remove(at, count);
        run.fit_roughly();
    }
}
