//! Streams: entries in the order of their ids, and the groups that read them.
//!
//! ```text
//!   nodes    id of the first entry ever ─► some hundred entries                 see `node`
//!
//!     node   compressed                                                        see `kept`
//!     node   plain: open, for entries of it were deleted
//!     node   compressed
//!     node   plain: full, one of the last TAIL
//!     node   plain: takes new entries
//!
//!   groups   by name                                                           see `group`
//! ```
//!
//! New entries go to the end of the last node, until it is full; then its spare memory is given
//! back. A full node that is no more among the last [`TAIL`] is compressed. Reading leaves it so
//! (the reader inflates a copy), deleting in it does not: it is open then, and compressed again
//! when [`OPEN_MAX`] others have been opened after it. So whoever deletes entries one after the
//! other, be it in one call or in many, pays for one inflation and one compression of each node.
//!
//! A node whose last live entry is deleted is removed, while deleted entries within a node stay as
//! tombstones. `length` counts live entries; `first_id` is the first live one (0-0 without any).
//! The other numbers only ever move on: `last_id`, `max_deleted_id` and `entries_added`, from which
//! the place of an id within all entries ever added is estimated ([`Stream::position`]). An empty
//! stream keeps its key, since these numbers are its state.

mod entries;
pub mod group;
mod id;
mod kept;
pub mod node;
#[cfg(test)]
mod tests;
mod trim;

pub use entries::Entries;
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::StreamId;
pub use kept::{Node, Scratch, Squeezed};
pub use node::{Entry, Fields};
pub use trim::{Bound, References, Trim, Trimmed};

use super::digest::Digest;
use super::{Form, Object, View};
use crate::base::alloc::class_size;
use crate::ds::ascending::{Ascending, Place};
use crate::ds::listpack::{Corrupt, Listpack};
use kept::Hope;
use node::{Counts, Head};

/// Fields and values of an entry may have so many bytes together, and a node whose size is not
/// limited.
pub const BYTES_MAX: u64 = 1 << 30;

/// So many nodes at the end are not compressed. Two: at least a node's worth of entries behind the
/// last one, for which most readers come, is always plain.
const TAIL: usize = 2;

/// So many compressed nodes may be open at a time.
const OPEN_MAX: usize = 4;

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
    nodes: Ascending<StreamId, Node>,
    /// Nodes that were compressed until an entry was deleted, the one that was opened last at the
    /// end.
    open: Vec<StreamId>,
    hope: Hope,
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
        self.entries(StreamId::ZERO, StreamId::MAX, true).next_entry().map(|entry| entry.id)
    }

    /// The nodes, for files.
    pub fn nodes(&self) -> &Ascending<StreamId, Node> {
        &self.nodes
    }

    /// Takes over a node from outside, behind those that are there, and perhaps its compressed
    /// form. The numbers of the stream are the caller's to set, but for those that the entries
    /// themselves tell. Returns the id of its last entry. The last nodes are to be made ready by
    /// [`Stream::end_nodes`].
    pub fn push_node(
        &mut self,
        id: StreamId,
        blob: Vec<u8>,
        lzf: Option<&[u8]>,
    ) -> Result<StreamId, Corrupt> {
        let (head, end) = node::check(id, &blob)?;
        if self.nodes.last().is_some_and(|last| self.nodes.at(last).0 >= id) {
            return Err(Corrupt);
        }
        let pack = Listpack::from_blob(blob);
        let squeezed = lzf.and_then(|lzf| Squeezed::made_before(id, pack.view(), lzf));
        self.nodes.push_back(id, squeezed.map_or(Node::Plain(pack), Node::Squeezed));
        self.squeeze_old();
        self.length += head.live;
        if self.first_id == StreamId::ZERO && head.live > 0 {
            self.find_first();
        }
        Ok(end)
    }

    /// Ends what [`Stream::push_node`] has begun: the last nodes are plain.
    pub fn end_nodes(&mut self) {
        let mut scratch = Scratch::default();
        let mut place = self.nodes.last();
        for _ in 0..TAIL {
            let Some(at) = place else { return };
            let id = self.nodes.at(at).0;
            self.nodes.at_mut(at).open(id, &mut scratch);
            place = self.nodes.before(at);
        }
    }

    /// Adds an entry at the end: fields with values, and how many bytes they have, at most
    /// [`BYTES_MAX`]. Its id is greater than the last one.
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        (fields, bytes): (impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone, u64),
        limits: Limits,
    ) {
        assert!(id > self.last_id, "ids ascend");
        let mut buffer = Vec::new();
        let room = self.nodes.last_mut().and_then(|(node, kept)| {
            // It is compressed if all nodes behind it have gone.
            if kept.squeezed().is_some() && limits.allow(kept.raw_bytes(), kept.counts(), bytes) {
                kept.open(node, &mut Scratch::default());
            }
            let Node::Plain(pack) = kept else { return None };
            let head = Head::of(pack.view());
            if limits.allow(pack.view().bytes().len(), head.counts(), bytes) {
                return Some((node, pack, head));
            }
            pack.shrink();
            buffer.reserve_exact(pack.view().bytes().len());
            None
        });
        match room {
            Some(room) => node::append(room, id, fields),
            None => {
                self.nodes.push_back(id, Node::Plain(node::first(buffer, fields)));
                self.squeeze_old();
            }
        }
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        self.length += 1;
        if self.length == 1 {
            self.first_id = id;
        }
    }

    /// Compresses the node that is no more one of the last, once another has come behind them.
    fn squeeze_old(&mut self) {
        let mut place = self.nodes.last();
        for _ in 0..TAIL {
            place = place.and_then(|at| self.nodes.before(at));
        }
        if let Some(at) = place {
            let id = self.nodes.at(at).0;
            self.hope.squeeze(id, self.nodes.at_mut(at));
        }
    }

    /// The node at a place, to be changed within. If that opens it, the one that has been open for
    /// longest may be compressed again.
    fn open(&mut self, place: Place, scratch: &mut Scratch) -> &mut Listpack {
        let id = self.nodes.at(place).0;
        if self.nodes.at(place).1.squeezed().is_some() {
            if self.open.len() == OPEN_MAX {
                let oldest = self.open.remove(0);
                self.close(oldest);
            }
            self.open.push(id);
        }
        self.nodes.at_mut(place).open(id, scratch)
    }

    /// Compresses a node that was open, unless it is one of the last.
    fn close(&mut self, id: StreamId) {
        let Some(place) = self.nodes.find(id) else { return };
        let behind = (0..TAIL).try_fold(place, |at, _| self.nodes.next(at));
        if behind.is_some() {
            self.nodes.at_mut(place).squeeze(id);
        }
    }

    /// The live entry with an id.
    pub fn entry<'s>(&'s self, id: StreamId, scratch: &'s mut Scratch) -> Option<Entry<'s>> {
        let (node, kept) = self.nodes.at(self.nodes.floor(id)?);
        node::find(node, scratch.look(node, kept), id)
    }

    /// Deletes an entry; true if it was there.
    pub fn delete(&mut self, id: StreamId, scratch: &mut Scratch) -> bool {
        let Some(place) = self.nodes.floor(id) else { return false };
        let (node, kept) = self.nodes.at(place);
        let Some(entry) = node::find(node, scratch.look(node, kept), id) else { return false };
        let at = entry.offset();
        if kept.counts().live == 1 {
            self.nodes.remove_at(place);
        } else {
            node::delete(self.open(place, scratch), at);
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
        self.first_id = match self.nodes.first().map(|at| self.nodes.at(at)) {
            None => StreamId::ZERO,
            // The first entry ever of a compressed node has its id.
            Some((id, kept)) if kept.squeezed().is_some() && kept.counts().deleted == 0 => id,
            Some(_) => {
                let mut all = self.entries(StreamId::ZERO, StreamId::MAX, false);
                all.next_entry().map_or(StreamId::ZERO, |entry| entry.id)
            }
        };
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

    /// How many entries a group has not read yet, if that can be told. Compat: less than none, if
    /// it was told that it has read more than there were.
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

/// Nodes of a radix tree over sorted keys, the branching node above them being at a depth (-1: they
/// are all).
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
    /// Whether a node of so many bytes and entries has room for an entry with so many bytes more of
    /// names and values.
    #[inline]
    fn allow(self, node_bytes: usize, counts: Counts, more: u64) -> bool {
        let bytes_max = match self.node_bytes {
            0 => BYTES_MAX,
            max => max.min(BYTES_MAX),
        };
        node_bytes as u64 + more < bytes_max
            && (self.node_entries == 0 || counts.live + counts.deleted < self.node_entries)
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
        let kept: usize = self.nodes.iter().map(|(_, node)| node.memory_bytes()).sum();
        let groups: usize = self.groups.iter().map(Group::memory_bytes).sum();
        let list = class_size(self.groups.capacity() * size_of::<Group>());
        let open = class_size(self.open.capacity() * size_of::<StreamId>());
        self.nodes.memory_bytes() + kept + open + list + groups
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
        let mut entries = self.entries(StreamId::ZERO, StreamId::MAX, false);
        while let Some(entry) = entries.next_entry() {
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
