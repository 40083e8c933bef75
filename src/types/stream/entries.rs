//! Walks over the live entries of a stream between two ids.
//!
//! A compressed node is inflated when the walk comes to it, into memory that is the walk's own and
//! serves for one node after the other. That is why an entry has to be done with before the next
//! one is asked for, and the walk is no `Iterator`.

use super::node::{Cursor, Spot};
use super::{Entry, Node, Scratch, Stream, StreamId};
use crate::ds::ascending::Place;
use crate::ds::listpack::{Listpack, Packed};

/// Live entries between two ids, in either direction.
pub struct Entries<'a> {
    stream: &'a Stream,
    /// The node that comes next.
    node: Option<Place>,
    /// How far the walk is in the node under way.
    cursor: Option<Cursor>,
    /// That node, unless it is compressed: then it is in the scratch.
    plain: Option<&'a Listpack>,
    scratch: Scratch,
    /// The next entry, if it was looked for already.
    found: Option<Spot>,
    start: StreamId,
    end: StreamId,
    backwards: bool,
}

impl Stream {
    /// Live entries from `start` to `end`, both included.
    pub fn entries(&self, start: StreamId, end: StreamId, backwards: bool) -> Entries<'_> {
        let from = if backwards { end } else { start };
        let node = if start > end { None } else { self.nodes.floor(from) };
        let node = if backwards || start > end { node } else { node.or(self.nodes.first()) };
        let (cursor, plain, scratch, found) = (None, None, Scratch::default(), None);
        Entries { stream: self, node, cursor, plain, scratch, found, start, end, backwards }
    }
}

/// The node under way.
#[inline]
fn under_way<'s>(plain: Option<&'s Listpack>, scratch: &'s Scratch) -> Packed<'s> {
    plain.map_or_else(|| scratch.view(), Listpack::view)
}

impl Entries<'_> {
    /// Whether there is another entry.
    pub fn has_next(&mut self) -> bool {
        self.found = self.found.take().or_else(|| self.seek());
        self.found.is_some()
    }

    /// The next entry.
    pub fn next_entry(&mut self) -> Option<Entry<'_>> {
        let spot = self.found.take().or_else(|| self.seek())?;
        Some(spot.entry(under_way(self.plain, &self.scratch)))
    }

    /// Where the next entry is, in the node that is then under way.
    fn seek(&mut self) -> Option<Spot> {
        loop {
            while let Some(spot) = self.step() {
                let (is_before, is_behind) = (spot.id < self.start, spot.id > self.end);
                if if self.backwards { is_before } else { is_behind } {
                    (self.node, self.cursor) = (None, None);
                    return None;
                }
                if !is_before && !is_behind && !spot.is_deleted {
                    return Some(spot);
                }
            }
            self.enter()?;
        }
    }

    /// The next entry of the node under way.
    #[inline]
    fn step(&mut self) -> Option<Spot> {
        let cursor = self.cursor.as_mut()?;
        let pack = under_way(self.plain, &self.scratch);
        if self.backwards { cursor.next_back(pack) } else { cursor.next(pack) }
    }

    /// Goes on to the next node, unless that lies behind the end. A compressed one in which there
    /// is nothing for the walk is not inflated.
    fn enter(&mut self) -> Option<()> {
        let place = self.node?;
        let nodes = &self.stream.nodes;
        let (id, kept) = nodes.at(place);
        let is_behind = id > self.end;
        let is_before = kept.squeezed().is_some() && kept.last_id(id) < Some(self.start);
        self.cursor = None;
        if if self.backwards { is_before } else { is_behind } {
            self.node = None;
            return None;
        }
        self.node = if self.backwards { nodes.before(place) } else { nodes.next(place) };
        if is_before {
            return Some(());
        }
        self.plain = match kept {
            Node::Plain(pack) => Some(pack),
            Node::Squeezed(squeezed) => {
                self.scratch.inflate(id, squeezed);
                None
            }
        };
        self.cursor = Some(Cursor::new(id, under_way(self.plain, &self.scratch)));
        Some(())
    }
}
