//! Streams: entries in the order of their ids, and the groups that read them.
//!
//! ```text
//!   nodes    id of the first entry ever ─► listpack of some hundred entries     see `node`
//!   groups   by name                                                           see `group`
//! ```
//!
//! New entries go to the end of the last node, until it is full; then its spare memory is given back. A node whose
//! last live entry is deleted is removed, while deleted entries within a node stay as tombstones. `length` counts live entries; `first_id`
//! is the first live one (0-0 without any). The other numbers only ever move on: `last_id`, `max_deleted_id` and
//! `entries_added`, from which the place of an id within all entries ever added is estimated ([`Stream::position`]).
//! An empty stream keeps its key, since these numbers are its state.

pub mod group;
mod id;
pub mod node;
#[cfg(test)]
mod tests;
mod trim;

pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::StreamId;
pub use node::{Entry, Fields};
pub use trim::{Bound, References, Trim};

use super::digest::Digest;
use super::{Form, Object, View};
use crate::base::alloc::class_size;
use crate::ds::ascending::{Ascending, Place};
use crate::ds::listpack::{Corrupt, Listpack};
use node::{Head, Walk};

/// Fields and values of an entry may have so many bytes together, and a node whose size is not limited.
pub const BYTES_MAX: u64 = 1 << 30;

/// When a node is full.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes; 0: as many as there can be.
    pub node_bytes: u64,
    /// Entries, deleted ones included; 0: any number.
    pub node_entries: u64,
}

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    nodes: Ascending<StreamId, Listpack>,
    length: u64,
    first_id: StreamId,
    pub last_id: StreamId,
    pub max_deleted_id: StreamId,
    pub entries_added: u64,
    /// By name.
    groups: Vec<Group>,
}

/// A stream, looked at.
pub type StreamView<'a> = &'a Stream;

/// Live entries between two ids, in either direction.
pub struct Entries<'a> {
    stream: &'a Stream,
    /// The node that comes next.
    node: Option<Place>,
    walk: Option<Walk<'a>>,
    start: StreamId,
    end: StreamId,
    backwards: bool,
}

impl Stream {
    /// Number of live entries.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first live entry, or 0-0.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The last live entry.
    pub fn last_live_id(&self) -> Option<StreamId> {
        self.entries(StreamId::ZERO, StreamId::MAX, true).next().map(|entry| entry.id)
    }

    /// The nodes, for files.
    pub fn nodes(&self) -> &Ascending<StreamId, Listpack> {
        &self.nodes
    }

    /// Takes over a node from outside, behind those that are there. The numbers of the stream are the caller's to set, but
    /// for those that the entries themselves tell. Returns the id of its last entry.
    pub fn push_node(&mut self, id: StreamId, blob: Vec<u8>) -> Result<StreamId, Corrupt> {
        let (head, end) = node::check(id, &blob)?;
        if self.nodes.last().is_some_and(|last| self.nodes.at(last).0 >= id) {
            return Err(Corrupt);
        }
        self.nodes.push_back(id, Listpack::from_blob(blob));
        self.length += head.live;
        if self.first_id == StreamId::ZERO {
            self.find_first();
        }
        Ok(end)
    }

    /// Adds an entry at the end: fields with values, and how many bytes they have, at most [`BYTES_MAX`]. Its id is
    /// greater than the last one.
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        (fields, bytes): (impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone, u64),
        limits: Limits,
    ) {
        assert!(id > self.last_id, "ids ascend");
        let mut buffer = Vec::new();
        let room = self.nodes.last_mut().and_then(|(node, pack)| {
            let head = Head::of(pack.view());
            if limits.allow(pack, head, bytes) {
                return Some((node, pack, head));
            }
            pack.shrink();
            buffer.reserve_exact(pack.view().bytes().len());
            None
        });
        match room {
            Some(room) => node::append(room, id, fields),
            None => self.nodes.push_back(id, node::first(buffer, fields)),
        }
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        self.length += 1;
        if self.length == 1 {
            self.first_id = id;
        }
    }

    /// Live entries from `start` to `end`, both included.
    pub fn entries(&self, start: StreamId, end: StreamId, backwards: bool) -> Entries<'_> {
        let from = if backwards { end } else { start };
        let node = if start > end { None } else { self.nodes.floor(from) };
        let node = if backwards || start > end { node } else { node.or(self.nodes.first()) };
        Entries { stream: self, node, walk: None, start, end, backwards }
    }

    /// The live entry with an id.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.entries(id, id, false).next()
    }

    /// Whether an entry is there and alive.
    pub fn contains(&self, id: StreamId) -> bool {
        let node = self.nodes.floor(id).map(|at| self.nodes.at(at));
        node.is_some_and(|(node, pack)| node::find(node, pack.view(), id).is_some())
    }

    /// Deletes an entry; true if it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(place) = self.nodes.floor(id) else { return false };
        let (node, pack) = self.nodes.at(place);
        let Some(at) = node::find(node, pack.view(), id) else { return false };
        if Head::of(pack.view()).live == 1 {
            self.nodes.remove_at(place);
        } else {
            node::delete(self.nodes.at_mut(place), at);
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id {
            self.find_first();
        }
        true
    }

    /// Looks for the first live entry again.
    fn find_first(&mut self) {
        let first = self.entries(StreamId::ZERO, StreamId::MAX, false).next();
        self.first_id = first.map_or(StreamId::ZERO, |entry| entry.id);
    }

    /// The groups, by name.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    fn group_place(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|group| (*group.name).cmp(name))
    }

    /// A group by its name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.group_place(name).ok().map(|at| &self.groups[at])
    }

    /// A group by its name, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.group_place(name).ok().map(|at| &mut self.groups[at])
    }

    /// Adds a group; false if there is one with its name.
    pub fn add_group(&mut self, group: Group) -> bool {
        match self.group_place(&group.name) {
            Ok(_) => false,
            Err(at) => {
                if self.groups.is_empty() {
                    self.groups.reserve_exact(1);
                }
                self.groups.insert(at, group);
                true
            }
        }
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.group_place(name).ok().map(|at| self.groups.remove(at))
    }

    /// Whether a group still needs an entry.
    pub fn is_needed(&self, id: StreamId) -> bool {
        self.groups.iter().any(|group| group.needs(id))
    }

    /// Lets all groups forget that an entry was handed out.
    pub fn drop_references(&mut self, id: StreamId) {
        for group in &mut self.groups {
            group.acknowledge(id);
        }
    }

    /// Whether an entry was deleted from an id on, as far as that is known.
    fn has_tombstone_from(&self, id: StreamId) -> bool {
        self.length > 0 && self.max_deleted_id != StreamId::ZERO && id <= self.max_deleted_id
    }

    /// How many of all entries ever added come up to an id, if that can be told.
    pub fn position(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id != StreamId::ZERO && id < self.max_deleted_id {
            return None;
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(self.entries_added);
        }
        let is_whole = self.max_deleted_id == StreamId::ZERO || self.max_deleted_id < self.first_id;
        if !is_whole || id > self.first_id {
            return None;
        }
        let gone = self.entries_added.wrapping_sub(self.length);
        Some(gone.wrapping_add(u64::from(id == self.first_id)))
    }

    /// Moves a group on to an entry that it is handed.
    pub fn read_on(&mut self, group: &[u8], id: StreamId) {
        let Some(at) = self.group_place(group).ok().filter(|at| id > self.groups[*at].last_id)
        else {
            return;
        };
        let (read, last) = (self.groups[at].entries_read, self.groups[at].last_id);
        let read = match read {
            Some(read) if last >= self.first_id && !self.has_tombstone_from(last) => {
                Some(read.wrapping_add(1))
            }
            other if self.entries_added == 0 => other,
            _ => self.position(id),
        };
        let group = &mut self.groups[at];
        (group.entries_read, group.last_id) = (read, id);
    }

    /// How many entries a group has not read yet, if that can be told. Compat: less than none, if it was told that it has
    /// read more than there were.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 || self.length == 0 {
            return Some(0);
        }
        if group.last_id < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.length as i64);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstone_from(group.last_id) => Some(read),
            _ => self.position(group.last_id),
        };
        read.map(|read| self.entries_added.wrapping_sub(read) as i64)
    }

    /// How many nodes a radix tree over the ids of the nodes would have.
    /// Compat: XINFO tells it, as a measure of size.
    pub fn radix_nodes(&self) -> usize {
        let keys: Vec<_> = self.nodes.iter().map(|(id, _)| id.to_bytes()).collect();
        radix_nodes(&keys, -1)
    }
}

/// Nodes of a radix tree over sorted keys, the branching node above them being at a depth (-1: they are all).
fn radix_nodes(keys: &[[u8; 16]], above: isize) -> usize {
    // What of an edge is longer than the byte that its upper end keeps is a node of its own.
    let edge = |depth: usize| usize::from(depth as isize > above + 1);
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return 1 };
    let Some(depth) = first.iter().zip(last).position(|(a, b)| a != b) else {
        return 1 + edge(first.len());
    };
    let mut count = 1 + edge(depth);
    let mut rest = keys;
    while let Some(first) = rest.first() {
        let (branch, others) =
            rest.split_at(rest.partition_point(|key| key[depth] == first[depth]));
        count += radix_nodes(branch, depth as isize);
        rest = others;
    }
    count
}

impl Limits {
    /// Whether a node has room for an entry with so many bytes of names and values.
    #[inline]
    fn allow(self, pack: &Listpack, head: Head, bytes: u64) -> bool {
        let bytes_max = match self.node_bytes {
            0 => BYTES_MAX,
            max => max.min(BYTES_MAX),
        };
        pack.view().bytes().len() as u64 + bytes < bytes_max
            && (self.node_entries == 0 || head.live + head.deleted < self.node_entries)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            while let Some(entry) = self.step() {
                let (is_before, is_behind) = (entry.id < self.start, entry.id > self.end);
                if if self.backwards { is_before } else { is_behind } {
                    (self.node, self.walk) = (None, None);
                    return None;
                }
                if !is_before && !is_behind && !entry.is_deleted {
                    return Some(entry);
                }
            }
            let place = self.node?;
            let nodes = &self.stream.nodes;
            let (id, pack) = nodes.at(place);
            self.walk = Some(Walk::new(id, pack.view()));
            self.node = if self.backwards { nodes.before(place) } else { nodes.next(place) };
        }
    }
}

impl<'a> Entries<'a> {
    /// The next entry of the node under way.
    fn step(&mut self) -> Option<Entry<'a>> {
        let walk = self.walk.as_mut()?;
        if self.backwards { walk.next_back() } else { walk.next() }
    }
}

impl Object for Stream {
    type View<'a> = StreamView<'a>;

    fn view(&self) -> StreamView<'_> {
        self
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        None
    }

    fn view_packed(_: Form, _: &[u8]) -> Option<StreamView<'_>> {
        None
    }

    fn from_packed(_: Form, _: Vec<u8>) -> Option<Self> {
        None
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        None
    }

    fn memory_bytes(&self) -> usize {
        let packs: usize = self.nodes.iter().map(|(_, pack)| pack.memory_bytes()).sum();
        let groups: usize = self.groups.iter().map(Group::memory_bytes).sum();
        let list = class_size(self.groups.capacity() * size_of::<Group>());
        self.nodes.memory_bytes() + packs + list + groups
    }
}

impl View for StreamView<'_> {
    fn encoding(self) -> &'static str {
        "stream"
    }

    fn len(self) -> usize {
        self.length as usize
    }

    fn is_empty(self) -> bool {
        false
    }

    fn digest(self, into: &mut Digest) {
        let mut buffer = Vec::new();
        for entry in self.entries(StreamId::ZERO, StreamId::MAX, false) {
            into.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (name, value) in entry.fields {
                into.mix(name.bytes(&mut buffer));
                into.mix(value.bytes(&mut buffer));
            }
        }
    }

    fn free_effort(self) -> usize {
        let groups = self.groups.iter().map(|group| 1 + group.pending().len());
        self.nodes.len() + groups.sum::<usize>()
    }
}
