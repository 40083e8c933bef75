//! A sequence of items in a B+tree that counts: found by order or by position, in logarithmic time.
//!
//! ```text
//!              ┌───────────────────────────────┐
//!   inner      │ firsts   a      k      t      │   the first item of each kid
//!              │ counts   5      3      4      │   the items below each kid
//!              │ kids     │      │      │      │   up to 128
//!              └──────────┼──────┼──────┼──────┘
//!                         ▼      ▼      ▼
//!   leaves           [a b c f g][k m n][t u x z]    up to 128 items, in a vector that grows by size classes
//! ```
//!
//! The tree does not know how items compare. Who looks for a place gives a predicate that is true
//! for the items before it and false from there on; the items are in an order for which that makes
//! sense, since each was put in by such a predicate.
//!
//! Nodes split in half, but items that arrive in order, upwards or downwards, leave full nodes
//! behind. A leaf takes the memory of the items it holds, rounded up to a size class, so that half
//! full ones cost little. A node with few entries joins a neighbour if both fit well into one, else
//! it stays: two neighbours are never both small. Every step moves the entries of one node at most.
//!
//! There are no links between leaves: a walk finds the next leaf by position, which is a hundredth
//! of its work.
//!
//! Invariants: an item is in one leaf, once; `firsts` and `counts` are true; no node but an empty
//! root is empty; all leaves are equally deep. What rests on that is told in [`super`].
#![forbid(unsafe_code)]

use std::mem::take;

use crate::base::alloc::class_size;

/// Items a leaf holds at most.
const LEAF_MAX: usize = 128;

/// Kids an inner node holds at most.
const KIDS_MAX: usize = 128;

/// A node with fewer entries looks for a neighbour to join.
const FEW: usize = 32;

/// Entries by which an inner node grows.
const STEP: usize = 16;

/// The sequence.
#[derive(Debug, Clone)]
pub struct Tree<T> {
    root: Node<T>,
    /// Memory of all leaves.
    leaf_bytes: usize,
}

#[derive(Debug, Clone)]
enum Node<T> {
    Leaf(Leaf<T>),
    Inner(Inner<T>),
}

/// Items in order.
#[derive(Debug, Clone)]
struct Leaf<T>(Vec<T>);

/// Kids in order, all of the same height.
#[derive(Debug, Clone)]
struct Inner<T> {
    firsts: Vec<T>,
    counts: Vec<usize>,
    kids: Kids<T>,
}

#[derive(Debug, Clone)]
enum Kids<T> {
    Leaves(Vec<Leaf<T>>),
    Inners(Vec<Inner<T>>),
}

/// A way from the root to an item.
trait Way<T> {
    /// The kid to go on with.
    fn kid(&mut self, inner: &Inner<T>) -> usize;
    /// The item in the leaf, if it is there.
    fn item(&mut self, items: &[T]) -> Option<usize>;
}

/// To the last item for which a predicate holds.
struct LastWhile<F>(F);

/// To the item at a position.
struct At(usize);

impl<T: Copy, F: Fn(T) -> bool> Way<T> for LastWhile<F> {
    #[inline]
    fn kid(&mut self, inner: &Inner<T>) -> usize {
        inner.firsts.partition_point(|first| self.0(*first)).saturating_sub(1)
    }

    #[inline]
    fn item(&mut self, items: &[T]) -> Option<usize> {
        items.partition_point(|item| self.0(*item)).checked_sub(1)
    }
}

impl<T> Way<T> for At {
    #[inline]
    fn kid(&mut self, inner: &Inner<T>) -> usize {
        let last = inner.counts.len() - 1;
        for (at, count) in inner.counts[..last].iter().enumerate() {
            if self.0 < *count {
                return at;
            }
            self.0 -= count;
        }
        last
    }

    #[inline]
    fn item(&mut self, items: &[T]) -> Option<usize> {
        (self.0 < items.len()).then_some(self.0)
    }
}

/// What leaves and inner nodes have in common, as kids of an inner node.
trait Part<T>: Sized {
    fn first(&self) -> T;
    /// Items in it or below it.
    fn count(&self) -> usize;
    /// Items or kids.
    fn entries(&self) -> usize;
    /// Puts an item in its place. A node that was full returns its right half.
    fn insert(&mut self, item: T, before: &impl Fn(T) -> bool, bytes: &mut usize) -> Option<Self>;
    /// Takes an item out.
    fn remove(&mut self, way: &mut impl Way<T>, bytes: &mut usize) -> Option<T>;
    /// Takes in the node after it.
    fn absorb(&mut self, next: Self, bytes: &mut usize);
}

impl<T: Copy> Leaf<T> {
    const EMPTY: Leaf<T> = Leaf(Vec::new());

    fn bytes(&self) -> usize {
        match self.0.capacity() {
            0 => 0,
            room => class_size(room * size_of::<T>()),
        }
    }

    /// Makes the vector hold so many items, with the room of a size class.
    fn fit(&mut self, len: usize) {
        let room = class_size(len * size_of::<T>()) / size_of::<T>();
        if room > self.0.capacity() {
            self.0.reserve_exact(room - self.0.len());
        } else {
            self.0.shrink_to(room);
        }
    }

    fn put(&mut self, at: usize, item: T) {
        if self.0.len() == self.0.capacity() {
            self.fit(self.0.len() + 1);
        }
        self.0.insert(at, item);
    }

    /// Splits a full leaf while an item goes in.
    #[cold]
    fn split(&mut self, at: usize, item: T) -> Leaf<T> {
        // In order: the full leaf is left as it is. Else: halves.
        let cut = if at == 0 || at == LEAF_MAX { at } else { LEAF_MAX / 2 };
        let mut right =
            if cut == 0 { Leaf(take(&mut self.0)) } else { Leaf(self.0.split_off(cut)) };
        if at < cut || cut == 0 {
            self.put(at, item);
        } else {
            right.put(at - cut, item);
        }
        self.fit(self.0.len());
        right
    }
}

impl<T: Copy> Part<T> for Leaf<T> {
    fn first(&self) -> T {
        self.0[0]
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn entries(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn insert(&mut self, item: T, before: &impl Fn(T) -> bool, bytes: &mut usize) -> Option<Self> {
        let at = self.0.partition_point(|other| before(*other));
        let old = self.bytes();
        let right = if self.0.len() < LEAF_MAX {
            self.put(at, item);
            None
        } else {
            Some(self.split(at, item))
        };
        *bytes = *bytes + self.bytes() + right.as_ref().map_or(0, Leaf::bytes) - old;
        right
    }

    #[inline]
    fn remove(&mut self, way: &mut impl Way<T>, bytes: &mut usize) -> Option<T> {
        let at = way.item(&self.0)?;
        let old = self.bytes();
        let item = self.0.remove(at);
        // Room for a few items more is kept, so that a leaf does not change its size all the time.
        if self.0.is_empty() {
            self.0 = Vec::new();
        } else if self.0.capacity() > self.0.len() + self.0.len() / 4 + 8 {
            self.fit(self.0.len());
        }
        *bytes = *bytes + self.bytes() - old;
        Some(item)
    }

    fn absorb(&mut self, mut next: Self, bytes: &mut usize) {
        let old = self.bytes() + next.bytes();
        self.fit(self.0.len() + next.0.len());
        self.0.append(&mut next.0);
        *bytes = *bytes + self.bytes() - old;
    }
}

/// Inserts into a vector that grows by steps.
fn put<V>(to: &mut Vec<V>, at: usize, value: V) {
    if to.len() == to.capacity() {
        to.reserve_exact(STEP);
    }
    to.insert(at, value);
}

/// What a kid has become: first item and count.
type Facts<T> = (T, usize);

fn facts<T, K: Part<T>>(kid: &K) -> Facts<T> {
    (kid.first(), kid.count())
}

/// Inserts below one of several kids. Returns its facts if it was split, and those of its new
/// neighbour.
fn insert_below<T: Copy, K: Part<T>>(
    kids: &mut Vec<K>,
    at: usize,
    item: T,
    before: &impl Fn(T) -> bool,
    bytes: &mut usize,
) -> (T, Option<[Facts<T>; 2]>) {
    let right = kids[at].insert(item, before, bytes);
    let split = right.map(|right| {
        let both = [facts(&kids[at]), facts(&right)];
        put(kids, at + 1, right);
        both
    });
    (kids[at].first(), split)
}

/// What a removal did to a kid.
enum Fate<T> {
    Stays(T),
    /// It is empty, and gone.
    Gone,
    /// It took in its right neighbour, and is the kid at this index.
    Joined(usize, Facts<T>),
}

/// Removes from below one of several kids.
fn remove_below<T: Copy, K: Part<T>>(
    kids: &mut Vec<K>,
    at: usize,
    way: &mut impl Way<T>,
    bytes: &mut usize,
) -> Option<(T, Fate<T>)> {
    let item = kids[at].remove(way, bytes)?;
    let entries = kids[at].entries();
    if entries == 0 {
        kids.remove(at);
        return Some((item, Fate::Gone));
    }
    if entries < FEW {
        let fits = |pair: &[K]| pair[0].entries() + pair[1].entries() <= LEAF_MAX * 3 / 4;
        let left = [Some(at), at.checked_sub(1)].into_iter().flatten();
        let left = left.into_iter().find(|left| kids.get(*left..left + 2).is_some_and(fits));
        if let Some(left) = left {
            let next = kids.remove(left + 1);
            kids[left].absorb(next, bytes);
            return Some((item, Fate::Joined(left, facts(&kids[left]))));
        }
    }
    Some((item, Fate::Stays(kids[at].first())))
}

impl<T: Copy> Inner<T> {
    /// A node over the two halves of what has been split.
    fn over<K: Part<T>>(left: K, right: K, kids: impl Fn(Vec<K>) -> Kids<T>) -> Self {
        let (a, b) = (facts(&left), facts(&right));
        Inner { firsts: vec![a.0, b.0], counts: vec![a.1, b.1], kids: kids(vec![left, right]) }
    }

    /// Moves the kids from an index on into a node of their own.
    fn split_off(&mut self, cut: usize) -> Self {
        let kids = match &mut self.kids {
            Kids::Leaves(kids) => {
                let right = kids.split_off(cut);
                kids.shrink_to_fit();
                Kids::Leaves(right)
            }
            Kids::Inners(kids) => {
                let right = kids.split_off(cut);
                kids.shrink_to_fit();
                Kids::Inners(right)
            }
        };
        let right =
            Inner { firsts: self.firsts.split_off(cut), counts: self.counts.split_off(cut), kids };
        self.firsts.shrink_to_fit();
        self.counts.shrink_to_fit();
        right
    }

    fn kid(&self, at: usize) -> NodeRef<'_, T> {
        match &self.kids {
            Kids::Leaves(kids) => NodeRef::Leaf(&kids[at].0),
            Kids::Inners(kids) => NodeRef::Inner(&kids[at]),
        }
    }

    /// Memory of the inner nodes from here on.
    fn bytes(&self) -> usize {
        let own = class_size(self.firsts.capacity() * size_of::<T>())
            + class_size(self.counts.capacity() * size_of::<usize>());
        own + match &self.kids {
            Kids::Leaves(kids) => class_size(kids.capacity() * size_of::<Leaf<T>>()),
            Kids::Inners(kids) => {
                let below: usize = kids.iter().map(Inner::bytes).sum();
                below + class_size(kids.capacity() * size_of::<Inner<T>>())
            }
        }
    }
}

impl<T: Copy> Part<T> for Inner<T> {
    fn first(&self) -> T {
        self.firsts[0]
    }

    fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    fn entries(&self) -> usize {
        self.firsts.len()
    }

    fn insert(&mut self, item: T, before: &impl Fn(T) -> bool, bytes: &mut usize) -> Option<Self> {
        let at = LastWhile(before).kid(self);
        let (first, split) = match &mut self.kids {
            Kids::Leaves(kids) => insert_below(kids, at, item, before, bytes),
            Kids::Inners(kids) => insert_below(kids, at, item, before, bytes),
        };
        self.firsts[at] = first;
        self.counts[at] += 1;
        let [(_, left), (first, right)] = split?;
        self.counts[at] = left;
        put(&mut self.firsts, at + 1, first);
        put(&mut self.counts, at + 1, right);
        let kids = self.entries();
        if kids <= KIDS_MAX {
            return None;
        }
        // In order: the full node is left as it is. Else: halves.
        let cut = match at {
            0 => 1,
            _ if at + 2 == kids => kids - 1,
            _ => kids / 2,
        };
        Some(self.split_off(cut))
    }

    fn remove(&mut self, way: &mut impl Way<T>, bytes: &mut usize) -> Option<T> {
        let at = way.kid(self);
        let (item, fate) = match &mut self.kids {
            Kids::Leaves(kids) => remove_below(kids, at, way, bytes)?,
            Kids::Inners(kids) => remove_below(kids, at, way, bytes)?,
        };
        self.counts[at] -= 1;
        match fate {
            Fate::Stays(first) => self.firsts[at] = first,
            Fate::Gone => {
                self.firsts.remove(at);
                self.counts.remove(at);
            }
            Fate::Joined(left, (first, count)) => {
                self.firsts.remove(left + 1);
                self.counts.remove(left + 1);
                (self.firsts[left], self.counts[left]) = (first, count);
            }
        }
        Some(item)
    }

    fn absorb(&mut self, mut next: Self, _: &mut usize) {
        match (&mut self.kids, &mut next.kids) {
            (Kids::Leaves(kids), Kids::Leaves(more)) => kids.append(more),
            (Kids::Inners(kids), Kids::Inners(more)) => kids.append(more),
            _ => unreachable!("neighbours are equally high"),
        }
        self.firsts.append(&mut next.firsts);
        self.counts.append(&mut next.counts);
    }
}

/// A node, looked at.
enum NodeRef<'a, T> {
    Leaf(&'a [T]),
    Inner(&'a Inner<T>),
}

impl<T: Copy> NodeRef<'_, T> {
    /// See [`Tree::visit_from`]; without `before` every item is visited. False if `visit` wanted no
    /// more.
    fn visit_from<F: Fn(T) -> bool>(
        self,
        before: Option<&F>,
        visit: &mut impl FnMut(T) -> bool,
    ) -> bool {
        match self {
            NodeRef::Leaf(items) => {
                let start = before.map_or(0, |before| items.partition_point(|item| before(*item)));
                items[start..].iter().all(|item| visit(*item))
            }
            NodeRef::Inner(inner) => {
                let start = before.map_or(0, |before| LastWhile(before).kid(inner));
                inner.kid(start).visit_from(before, visit)
                    && (start + 1..inner.counts.len())
                        .all(|at| inner.kid(at).visit_from(None::<&F>, visit))
            }
        }
    }
}

impl<T: Copy> Default for Tree<T> {
    fn default() -> Self {
        Tree { root: Node::Leaf(Leaf::EMPTY), leaf_bytes: 0 }
    }
}

impl<T: Copy> Tree<T> {
    /// Bytes of memory outside the struct itself.
    pub fn memory_bytes(&self) -> usize {
        match &self.root {
            Node::Leaf(_) => self.leaf_bytes,
            Node::Inner(inner) => self.leaf_bytes + inner.bytes(),
        }
    }

    #[inline]
    fn root(&self) -> NodeRef<'_, T> {
        match &self.root {
            Node::Leaf(leaf) => NodeRef::Leaf(&leaf.0),
            Node::Inner(inner) => NodeRef::Inner(inner),
        }
    }

    /// Puts an item behind all items for which `before` holds; these are the first ones.
    pub fn insert(&mut self, item: T, before: impl Fn(T) -> bool) {
        let bytes = &mut self.leaf_bytes;
        let grown = match &mut self.root {
            Node::Leaf(leaf) => leaf.insert(item, &before, bytes).map(|right| {
                let left = Leaf(take(&mut leaf.0));
                Inner::over(left, right, Kids::Leaves)
            }),
            Node::Inner(inner) => inner.insert(item, &before, bytes).map(|right| {
                let left = inner.split_off(0);
                Inner::over(left, right, Kids::Inners)
            }),
        };
        if let Some(inner) = grown {
            self.root = Node::Inner(inner);
        }
    }

    /// Removes the last item for which `upto` holds; it holds for the first ones.
    pub fn remove_last(&mut self, upto: impl Fn(T) -> bool) -> Option<T> {
        self.remove(LastWhile(upto))
    }

    /// Removes the item at a position.
    pub fn remove_at(&mut self, index: usize) -> Option<T> {
        self.remove(At(index))
    }

    fn remove(&mut self, mut way: impl Way<T>) -> Option<T> {
        let bytes = &mut self.leaf_bytes;
        let item = match &mut self.root {
            Node::Leaf(leaf) => leaf.remove(&mut way, bytes),
            Node::Inner(inner) => inner.remove(&mut way, bytes),
        }?;
        self.lower();
        Some(item)
    }

    /// Makes the only kid of a root the root.
    fn lower(&mut self) {
        while let Node::Inner(inner) = &mut self.root
            && inner.entries() <= 1
        {
            self.root = match &mut inner.kids {
                Kids::Leaves(kids) => Node::Leaf(kids.pop().unwrap_or(Leaf::EMPTY)),
                Kids::Inners(kids) => {
                    kids.pop().map_or(Node::Leaf(Leaf::EMPTY), |inner| Node::Inner(inner))
                }
            };
        }
    }

    /// For how many items `pred` holds; these are the first ones.
    pub fn count_while(&self, pred: impl Fn(T) -> bool) -> usize {
        let (mut node, mut count) = (self.root(), 0);
        loop {
            match node {
                NodeRef::Leaf(items) => return count + items.partition_point(|item| pred(*item)),
                NodeRef::Inner(inner) => {
                    let at = LastWhile(&pred).kid(inner);
                    count += inner.counts[..at].iter().sum::<usize>();
                    node = inner.kid(at);
                }
            }
        }
    }

    /// Visits items in order, from the first one on for which `before` does not hold, as long as
    /// `visit` wants more.
    #[inline]
    pub fn visit_from(&self, before: impl Fn(T) -> bool, mut visit: impl FnMut(T) -> bool) {
        self.root().visit_from(Some(&before), &mut visit);
    }

    /// The items of the leaf in which the item at a position is, and its index there.
    pub fn leaf_at(&self, index: usize) -> Option<(&[T], usize)> {
        let (mut node, mut way) = (self.root(), At(index));
        loop {
            match node {
                NodeRef::Leaf(items) => return way.item(items).map(|at| (items, at)),
                NodeRef::Inner(inner) => node = inner.kid(way.kid(inner)),
            }
        }
    }

    /// The item at a position.
    pub fn at(&self, index: usize) -> Option<T> {
        self.leaf_at(index).map(|(items, at)| items[at])
    }
}

#[cfg(test)]
impl<T: Copy + PartialEq + std::fmt::Debug> Tree<T> {
    /// All items, and the leaves they are in; checks the invariants on the way.
    pub fn check(&self) -> (Vec<T>, usize) {
        fn walk<T: Copy + PartialEq + std::fmt::Debug>(
            node: NodeRef<'_, T>,
            out: &mut Vec<T>,
            leaves: &mut Vec<(usize, usize)>,
            depth: usize,
        ) {
            match node {
                NodeRef::Leaf(items) => {
                    assert!(items.len() <= LEAF_MAX);
                    leaves.push((depth, items.len()));
                    out.extend_from_slice(items);
                }
                NodeRef::Inner(inner) => {
                    assert!(inner.entries() <= KIDS_MAX && inner.entries() > 0);
                    assert_eq!(inner.counts.len(), inner.entries());
                    for at in 0..inner.entries() {
                        let start = out.len();
                        walk(inner.kid(at), out, leaves, depth + 1);
                        assert_eq!(out.get(start), Some(&inner.firsts[at]), "the first of a kid");
                        assert_eq!(out.len() - start, inner.counts[at], "the count of a kid");
                    }
                }
            }
        }
        let (mut items, mut leaves) = (Vec::new(), Vec::new());
        walk(self.root(), &mut items, &mut leaves, 0);
        assert!(leaves.iter().all(|(depth, _)| *depth == leaves[0].0), "leaves are equally deep");
        assert!(leaves.len() == 1 || leaves.iter().all(|(_, len)| *len > 0));
        (items, leaves.len())
    }
}
