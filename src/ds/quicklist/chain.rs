//! The nodes of a list in their order: a queue of chunks of nodes.
//!
//! ```text
//!   chunks   [ 64 nodes, 29056 elements ][ 64 nodes, 29056 ][ 12 nodes, 5001 ]
//! ```
//!
//! A node is reached by its [`Spot`]: number of the chunk and place in it. Nodes come and go
//! anywhere for the price of moving at most a chunk of them, and the queue of chunks, which is
//! short: a hundred million elements have some thousands. Looking for an element by its index skips
//! whole chunks by their counts. Chunks are never empty; those of a list that grew at its ends are
//! full, and neighbours that have become small are joined.
//!
//! Nodes are changed through [`Chain::change`], which keeps the counts.

use std::collections::VecDeque;

use super::node::Node;
use crate::base::alloc::class_size;

/// Nodes in a chunk.
const CHUNK: usize = 64;

/// Where a node is. Nodes that come or go in front of it make it another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    chunk: usize,
    node: usize,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    nodes: Vec<Node>,
    items: usize,
}

/// The nodes.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    chunks: VecDeque<Chunk>,
    nodes: usize,
    items: usize,
}

impl Chunk {
    fn of(nodes: Vec<Node>) -> Self {
        let items = nodes.iter().map(Node::items).sum();
        Chunk { nodes, items }
    }
}

impl Chain {
    /// Number of nodes.
    #[inline]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Number of elements.
    #[inline]
    pub fn items(&self) -> usize {
        self.items
    }

    /// The first node's spot.
    #[inline]
    pub fn first(&self) -> Option<Spot> {
        (self.nodes > 0).then_some(Spot { chunk: 0, node: 0 })
    }

    /// The last node's spot.
    #[inline]
    pub fn last(&self) -> Option<Spot> {
        let node = self.chunks.back()?.nodes.len() - 1;
        Some(Spot { chunk: self.chunks.len() - 1, node })
    }

    /// The spot behind the last node.
    fn end(&self) -> Spot {
        Spot { chunk: self.chunks.len(), node: 0 }
    }

    /// The spot after another.
    #[inline]
    pub fn next(&self, spot: Spot) -> Option<Spot> {
        let node = spot.node + 1;
        if node < self.chunks[spot.chunk].nodes.len() {
            return Some(Spot { node, ..spot });
        }
        let chunk = spot.chunk + 1;
        (chunk < self.chunks.len()).then_some(Spot { chunk, node: 0 })
    }

    /// The spot before another, which may be the one behind the last node.
    #[inline]
    pub fn before(&self, spot: Spot) -> Option<Spot> {
        if let Some(node) = spot.node.checked_sub(1) {
            return Some(Spot { node, ..spot });
        }
        let chunk = spot.chunk.checked_sub(1)?;
        Some(Spot { chunk, node: self.chunks[chunk].nodes.len() - 1 })
    }

    /// The node at a spot.
    #[inline]
    pub fn node(&self, spot: Spot) -> &Node {
        &self.chunks[spot.chunk].nodes[spot.node]
    }

    /// Changes the node at a spot.
    #[inline]
    pub fn change<R>(&mut self, spot: Spot, change: impl FnOnce(&mut Node) -> R) -> R {
        let chunk = &mut self.chunks[spot.chunk];
        let node = &mut chunk.nodes[spot.node];
        let before = node.items();
        let result = change(node);
        let after = node.items();
        chunk.items = chunk.items - before + after;
        self.items = self.items - before + after;
        result
    }

    /// All nodes.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.chunks.iter().flat_map(|chunk| &chunk.nodes)
    }

    /// The number of the node at a spot.
    pub fn number(&self, spot: Spot) -> usize {
        let before: usize = self.chunks.iter().take(spot.chunk).map(|c| c.nodes.len()).sum();
        before + spot.node
    }

    /// The spot of a node by its number.
    pub fn spot(&self, number: usize) -> Option<Spot> {
        let mut left = number;
        for (chunk, Chunk { nodes, .. }) in self.chunks.iter().enumerate() {
            if left < nodes.len() {
                return Some(Spot { chunk, node: left });
            }
            left -= nodes.len();
        }
        None
    }

    /// The node that holds an element, and the element's index in it; looked for from the nearer
    /// end.
    pub fn seek(&self, index: usize) -> Option<(Spot, usize)> {
        if index >= self.items {
            return None;
        }
        if index < self.items / 2 {
            return Some(self.seek_forward(index));
        }
        // How many elements are behind the wanted one.
        let mut behind = self.items - 1 - index;
        let mut chunk = self.chunks.len() - 1;
        while behind >= self.chunks[chunk].items {
            behind -= self.chunks[chunk].items;
            chunk -= 1;
        }
        let nodes = &self.chunks[chunk].nodes;
        let mut node = nodes.len() - 1;
        while behind >= nodes[node].items() {
            behind -= nodes[node].items();
            node -= 1;
        }
        Some((Spot { chunk, node }, nodes[node].items() - 1 - behind))
    }

    fn seek_forward(&self, mut index: usize) -> (Spot, usize) {
        let (mut chunk, mut node) = (0, 0);
        while index >= self.chunks[chunk].items {
            index -= self.chunks[chunk].items;
            chunk += 1;
        }
        let nodes = &self.chunks[chunk].nodes;
        while index >= nodes[node].items() {
            index -= nodes[node].items();
            node += 1;
        }
        (Spot { chunk, node }, index)
    }

    /// Adds a node in front.
    pub fn push_front(&mut self, node: Node) {
        self.insert(Spot { chunk: 0, node: 0 }, node);
    }

    /// Adds a node at the end.
    pub fn push_back(&mut self, node: Node) {
        self.insert(self.end(), node);
    }

    /// Adds a node after the one at a spot, and returns its spot.
    pub fn insert_after(&mut self, spot: Spot, node: Node) -> Spot {
        self.insert(Spot { node: spot.node + 1, ..spot }, node)
    }

    /// Adds a node before the one at a spot, and returns its own spot: the other is the next one.
    pub fn insert(&mut self, at: Spot, node: Node) -> Spot {
        self.nodes += 1;
        self.items += node.items();
        let spot = self.make_room(at);
        let chunk = &mut self.chunks[spot.chunk];
        chunk.items += node.items();
        chunk.nodes.insert(spot.node, node);
        spot
    }

    /// Where a node that is to stand at a spot finds room: chunks are split where there is none.
    fn make_room(&mut self, at: Spot) -> Spot {
        let has_room = |chunk: Option<&Chunk>| chunk.is_some_and(|c| c.nodes.len() < CHUNK);
        let Spot { chunk, node } = at;
        let before = chunk.checked_sub(1);
        if node == 0 && before.is_some_and(|before| has_room(self.chunks.get(before))) {
            let before = chunk - 1;
            return Spot { chunk: before, node: self.chunks[before].nodes.len() };
        }
        if has_room(self.chunks.get(chunk)) {
            return at;
        }
        let len = self.chunks.get(chunk).map_or(0, |chunk| chunk.nodes.len());
        if node == 0 {
            self.chunks.insert(chunk, Chunk::default());
            return at;
        }
        if node == len {
            if !has_room(self.chunks.get(chunk + 1)) {
                self.chunks.insert(chunk + 1, Chunk::default());
            }
            return Spot { chunk: chunk + 1, node: 0 };
        }
        let full = &mut self.chunks[chunk];
        let upper = Chunk::of(full.nodes.split_off(len / 2));
        full.items -= upper.items;
        self.chunks.insert(chunk + 1, upper);
        if node <= len / 2 { at } else { Spot { chunk: chunk + 1, node: node - len / 2 } }
    }

    /// Takes the node at a spot out. Returns it and the spot of the node that followed, if there is
    /// one.
    pub fn remove(&mut self, spot: Spot) -> (Node, Option<Spot>) {
        let chunk = &mut self.chunks[spot.chunk];
        let node = chunk.nodes.remove(spot.node);
        chunk.items -= node.items();
        self.nodes -= 1;
        self.items -= node.items();
        let mut next = spot;
        if chunk.nodes.is_empty() {
            self.chunks.remove(spot.chunk);
            next.node = 0;
        } else {
            self.join(spot.chunk);
            if let Some(before) = spot.chunk.checked_sub(1) {
                let len = self.chunks[before].nodes.len();
                if self.join(before) {
                    next = Spot { chunk: before, node: len + spot.node };
                }
            }
        }
        let len = self.chunks.get(next.chunk).map_or(0, |chunk| chunk.nodes.len());
        if next.node == len {
            next = Spot { chunk: next.chunk + 1, node: 0 };
        }
        (node, (next.chunk < self.chunks.len()).then_some(next))
    }

    /// Joins a chunk with the next one if both are small.
    fn join(&mut self, chunk: usize) -> bool {
        let Some(next) = self.chunks.get(chunk + 1) else { return false };
        if self.chunks[chunk].nodes.len() + next.nodes.len() > CHUNK / 2 {
            return false;
        }
        let Chunk { nodes, items } = self.chunks.remove(chunk + 1).unwrap_or_default();
        self.chunks[chunk].nodes.extend(nodes);
        self.chunks[chunk].items += items;
        true
    }

    /// Bytes of memory, what nodes own included.
    pub fn memory_bytes(&self) -> usize {
        let block = |bytes: usize| if bytes == 0 { 0 } else { class_size(bytes) };
        let nodes: usize = self.iter().map(Node::memory_bytes).sum();
        let chunks = self.chunks.iter().map(|c| block(c.nodes.capacity() * size_of::<Node>()));
        nodes + chunks.sum::<usize>() + block(self.chunks.capacity() * size_of::<Chunk>())
    }

    /// Checks the invariants.
    #[cfg(test)]
    pub fn check(&self) {
        assert!(self.chunks.iter().all(|c| (1..=CHUNK).contains(&c.nodes.len())), "full of nodes");
        for chunk in &self.chunks {
            assert_eq!(chunk.items, chunk.nodes.iter().map(Node::items).sum::<usize>());
            assert!(chunk.nodes.iter().all(|node| node.items() > 0));
        }
        assert_eq!(self.items, self.chunks.iter().map(|c| c.items).sum::<usize>());
        assert_eq!(self.nodes, self.chunks.iter().map(|c| c.nodes.len()).sum::<usize>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::listpack::Item;

    fn node(number: i64, len: usize) -> Node {
        let mut node = Node::packed(Item::Int(number), 0);
        let run = node.run_mut().expect("packed");
        (1..len).for_each(|_| run.push_back(Item::Int(number)));
        node
    }

    fn name(node: &Node) -> i64 {
        match node.content().packed().and_then(|pack| pack.iter().next()) {
            Some(Item::Int(number)) => number,
            other => panic!("{other:?}"),
        }
    }

    fn check(chain: &Chain, model: &[(i64, usize)]) {
        chain.check();
        assert!(chain.iter().map(|n| (name(n), n.items())).eq(model.iter().copied()));
        let mut index = 0;
        for (number, (id, len)) in model.iter().enumerate() {
            let spot = chain.spot(number).expect("a node");
            assert_eq!((name(chain.node(spot)), chain.number(spot)), (*id, number));
            assert_eq!(chain.next(spot), chain.spot(number + 1));
            assert_eq!(chain.before(spot), number.checked_sub(1).and_then(|n| chain.spot(n)));
            assert_eq!(chain.seek(index), Some((spot, 0)));
            assert_eq!(chain.seek(index + len - 1), Some((spot, len - 1)));
            index += len;
        }
        assert_eq!(chain.seek(index), None);
        assert_eq!(chain.last(), model.len().checked_sub(1).and_then(|n| chain.spot(n)));
    }

    #[test]
    fn random_changes_agree_with_a_vector() {
        let mut state = 3u64;
        for round in 0..6 {
            let (mut chain, mut model) = (Chain::default(), Vec::<(i64, usize)>::new());
            for step in 0..1500 {
                state =
                    state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let draw = (state >> 20) as usize;
                let (id, len) = (step, draw % 3 + 1);
                let grows = if step % 700 < 400 { 7 } else { 3 };
                let number = (draw >> 16).checked_rem(model.len()).unwrap_or(0);
                let spot = chain.spot(number);
                match (((draw >> 8) % 10) < grows, spot, round % 3) {
                    (true, _, 0) | (true, None, _) => {
                        chain.push_front(node(id, len));
                        model.insert(0, (id, len));
                    }
                    (true, _, 1) => {
                        chain.push_back(node(id, len));
                        model.push((id, len));
                    }
                    (true, Some(spot), _) if draw.is_multiple_of(2) => {
                        let at = chain.insert_after(spot, node(id, len));
                        model.insert(number + 1, (id, len));
                        assert_eq!(chain.number(at), number + 1);
                    }
                    (true, Some(spot), _) => {
                        let at = chain.insert(spot, node(id, len));
                        model.insert(number, (id, len));
                        assert_eq!(chain.number(at), number);
                    }
                    (false, Some(spot), _) => {
                        let (gone, next) = chain.remove(spot);
                        assert_eq!((name(&gone), gone.items()), model.remove(number));
                        assert_eq!(next, chain.spot(number));
                    }
                    (false, None, _) => {}
                }
                if step % 10 == 0 {
                    check(&chain, &model);
                }
            }
        }
    }

    #[test]
    fn ends_make_full_chunks_and_leftovers_are_joined() {
        let mut chain = Chain::default();
        (0..1000).for_each(|id| chain.push_back(node(id, 1)));
        (0..1000).for_each(|id| chain.push_front(node(-id, 1)));
        assert_eq!(chain.chunks.len(), 2 * 1000usize.div_ceil(CHUNK));
        let mut at = chain.first();
        while let Some(spot) = at {
            // One of ten stays.
            at = if name(chain.node(spot)) % 10 == 0 {
                chain.next(spot)
            } else {
                chain.remove(spot).1
            };
        }
        chain.check();
        assert_eq!(chain.nodes(), 200);
        assert!(chain.chunks.len() <= 4 * 200usize.div_ceil(CHUNK), "{}", chain.chunks.len());
    }
}
