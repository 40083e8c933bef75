//! What is in a node: some hundred entries of a stream in one listpack.
//!
//! ```text
//!   head    live │ deleted │ fields │ name 1 .. name n │ 0
//!   entry   flags │ ms │ seq │ value 1 .. value n │ elements                              flags & 2: names of the head
//!           flags │ ms │ seq │ pairs │ name 1 │ value 1 .. name m │ value m │ elements    else
//! ```
//!
//! `flags & 1` marks a deleted entry, which stays where it is. `ms` and `seq` are differences to
//! the node's id, that of its first entry ever; they wrap around. `elements` counts those before it
//! in the entry, so that one can walk from the right; the 0 of the head ends such a walk. Files
//! carry nodes byte by byte, so the layout is that of Redis.
//!
//! Nodes are well-formed: made here, or passed by [`check`].

use super::StreamId;
use crate::ds::listpack::{Corrupt, Item, Listpack, Packed, Tail};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Offset of the first element of a listpack, the count of live entries.
const HEAD: usize = 6;

/// The head of a node, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries that are not deleted.
    pub live: u64,
    pub deleted: u64,
    /// Names of fields in the head.
    pub fields: u64,
    /// Offset of the first of them.
    names: usize,
}

/// How many entries a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Those that are not deleted.
    pub live: u64,
    pub deleted: u64,
}

/// An entry, where it stands.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub id: StreamId,
    pub is_deleted: bool,
    pub fields: Fields<'a>,
    /// Offset of the flags.
    at: usize,
}

/// The fields of an entry with their values.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    pack: Packed<'a>,
    /// The next name, if the names are those of the head.
    names: Option<usize>,
    /// The next value, or name and value.
    at: usize,
    left: usize,
}

/// An entry of a node that is looked at from elsewhere.
#[derive(Clone, Copy)]
pub struct Spot {
    pub id: StreamId,
    pub is_deleted: bool,
    names: Option<usize>,
    values: usize,
    left: usize,
    at: usize,
}

/// How far one has come in a node, from either end; not from both in turn.
#[derive(Clone, Copy)]
pub struct Cursor {
    id: StreamId,
    head: Head,
    front: usize,
    back: usize,
}

/// A walk over the entries of a node, deleted ones included, from either end; not both in turn.
#[derive(Clone)]
pub struct Walk<'a> {
    pack: Packed<'a>,
    cursor: Cursor,
}

/// An integer element. Anything else does not occur in a well-formed node.
#[inline]
fn int(item: Item<'_>) -> i64 {
    match item {
        Item::Int(number) => number,
        Item::Bytes(_) => 0,
    }
}

impl Head {
    #[inline]
    pub fn of(pack: Packed<'_>) -> Head {
        let (live, at) = pack.decode(HEAD);
        let (deleted, at) = pack.decode(at);
        let (fields, names) = pack.decode(at);
        let [live, deleted, fields] = [live, deleted, fields].map(|item| int(item) as u64);
        Head { live, deleted, fields, names }
    }

    /// How many entries there are.
    pub fn counts(self) -> Counts {
        Counts { live: self.live, deleted: self.deleted }
    }
}

impl Fields<'_> {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.left
    }

    /// True without pairs, which no entry is.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => {
                let (name, next) = self.pack.decode(*names);
                *names = next;
                name
            }
            None => {
                let (name, next) = self.pack.decode(self.at);
                self.at = next;
                name
            }
        };
        let (value, next) = self.pack.decode(self.at);
        self.at = next;
        Some((name, value))
    }
}

impl Spot {
    /// The entry, in the node where it was found.
    #[inline]
    pub fn entry(self, pack: Packed<'_>) -> Entry<'_> {
        let fields = Fields { pack, names: self.names, at: self.values, left: self.left };
        Entry { id: self.id, is_deleted: self.is_deleted, fields, at: self.at }
    }
}

impl Cursor {
    /// At both ends of the node with this id.
    pub fn new(id: StreamId, pack: Packed<'_>) -> Cursor {
        let head = Head::of(pack);
        let names_end = (0..head.fields).fold(head.names, |at, _| pack.skip(at));
        Cursor { id, head, front: pack.skip(names_end), back: pack.end() }
    }

    /// The entry whose flags stand at an offset.
    #[inline]
    fn spot(&self, pack: Packed<'_>, at: usize) -> Spot {
        let (flags, next) = pack.decode(at);
        let (ms, next) = pack.decode(next);
        let (seq, next) = pack.decode(next);
        let flags = int(flags);
        let (names, left, values) = if flags & SAME_FIELDS != 0 {
            (Some(self.head.names), self.head.fields as usize, next)
        } else {
            let (left, next) = pack.decode(next);
            (None, int(left) as usize, next)
        };
        let id = StreamId {
            ms: self.id.ms.wrapping_add_signed(int(ms)),
            seq: self.id.seq.wrapping_add_signed(int(seq)),
        };
        Spot { id, is_deleted: flags & DELETED != 0, names, values, left, at }
    }

    /// The next entry of the node.
    #[inline]
    pub fn next(&mut self, pack: Packed<'_>) -> Option<Spot> {
        if self.front >= self.back {
            return None;
        }
        let spot = self.spot(pack, self.front);
        let elements = spot.left * if spot.names.is_some() { 1 } else { 2 };
        let count = (0..elements).fold(spot.values, |at, _| pack.skip(at));
        self.front = pack.skip(count);
        Some(spot)
    }

    /// The next entry from the end.
    #[inline]
    pub fn next_back(&mut self, pack: Packed<'_>) -> Option<Spot> {
        if self.front >= self.back {
            return None;
        }
        let count = pack.before(self.back).expect("an entry ends with its count");
        let elements = int(pack.item(count));
        let start = (0..elements).try_fold(count, |at, _| pack.before(at));
        self.back = start.expect("an entry is as long as it says");
        Some(self.spot(pack, self.back))
    }
}

impl<'a> Walk<'a> {
    /// Over the node with this id.
    pub fn new(id: StreamId, pack: Packed<'a>) -> Walk<'a> {
        Walk { pack, cursor: Cursor::new(id, pack) }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        self.cursor.next(self.pack).map(|spot| spot.entry(self.pack))
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.cursor.next_back(self.pack).map(|spot| spot.entry(self.pack))
    }
}

/// Whether the names of an entry are those of the head, so that they need not be repeated.
#[inline]
fn are_same<'f>(
    pack: Packed<'_>,
    head: Head,
    mut fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])>,
) -> bool {
    let mut at = head.names;
    fields.len() as u64 == head.fields
        && fields.all(|(name, _)| {
            let (item, next) = pack.decode(at);
            at = next;
            match item {
                Item::Bytes(bytes) => bytes == name,
                number => number.same(Item::of(name)),
            }
        })
}

/// A difference of two halves of ids, as a node keeps it.
fn difference(of: u64, to: u64) -> i64 {
    of.wrapping_sub(to) as i64
}

/// Writes the part of an entry that all have, its flags and its id.
#[inline]
fn begin(tail: &mut Tail<'_>, flags: i64, ms: i64, seq: i64) {
    tail.int(flags);
    tail.int(ms);
    tail.int(seq);
}

/// A node with its first entry, in an empty buffer's memory.
pub fn first<'f>(
    buffer: Vec<u8>,
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) -> Listpack {
    let mut pack = Listpack::within(buffer);
    let count = fields.len() as i64;
    pack.extend(|tail| {
        begin(tail, 1, 0, count);
        fields.clone().for_each(|(name, _)| tail.push(Item::of(name)));
        tail.int(0);
        begin(tail, SAME_FIELDS, 0, 0);
        fields.for_each(|(_, value)| tail.push(Item::of(value)));
        tail.int(count + 3);
    });
    pack
}

/// Adds an entry, whose id is greater than all in it, to a node with this id and head.
#[inline]
pub fn append<'f>(
    (node, pack, head): (StreamId, &mut Listpack, Head),
    id: StreamId,
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) {
    let same = are_same(pack.view(), head, fields.clone());
    let (ms, seq) = (difference(id.ms, node.ms), difference(id.seq, node.seq));
    let count = fields.len() as i64;
    pack.extend(|tail| {
        if same {
            begin(tail, SAME_FIELDS, ms, seq);
            fields.for_each(|(_, value)| tail.push(Item::of(value)));
            tail.int(count + 3);
        } else {
            begin(tail, 0, ms, seq);
            tail.int(count);
            fields.for_each(|(name, value)| {
                tail.push(Item::of(name));
                tail.push(Item::of(value));
            });
            tail.int(2 * count + 4);
        }
    });
    pack.replace(HEAD, Item::Int(head.live as i64 + 1));
}

/// A live entry, if the node has it.
pub fn find(id: StreamId, pack: Packed<'_>, wanted: StreamId) -> Option<Entry<'_>> {
    let entry = Walk::new(id, pack).find(|entry| entry.id >= wanted && !entry.is_deleted)?;
    (entry.id == wanted).then_some(entry)
}

impl Entry<'_> {
    /// Its offset, for [`delete`].
    pub fn offset(&self) -> usize {
        self.at
    }
}

/// Marks the live entry at an offset as deleted. The offsets of others may move with it, by as much
/// as is returned.
pub fn delete(pack: &mut Listpack, at: usize) -> isize {
    let before = pack.view().bytes().len();
    let head = Head::of(pack.view());
    let flags = int(pack.view().item(at));
    pack.replace(at, Item::Int(flags | DELETED));
    let second = pack.view().skip(HEAD);
    pack.replace(second, Item::Int(head.deleted as i64 + 1));
    pack.replace(HEAD, Item::Int(head.live as i64 - 1));
    pack.view().bytes().len() as isize - before as isize
}

/// Checks the bytes of a node from outside: that they are a listpack, that all entries are as long
/// as they say, ascending from the node's id on, and counted right. Returns the head, and the last
/// id.
pub fn check(id: StreamId, bytes: &[u8]) -> Result<(Head, StreamId), Corrupt> {
    let pack = Packed::check(bytes)?;
    let mut items = Items(pack.offsets());
    let [live, deleted, fields] = [items.natural()?, items.natural()?, items.natural()?];
    items.skip(fields)?;
    if items.int()? != 0 {
        return Err(Corrupt);
    }
    let (mut seen, mut last) = ([0, 0], None);
    while let Some((_, flags)) = items.0.next() {
        let flags = int(flags);
        let ms = id.ms.wrapping_add_signed(items.int()?);
        let this = StreamId { ms, seq: id.seq.wrapping_add_signed(items.int()?) };
        if !(0..=3).contains(&flags) || last.map_or(this < id, |last| this <= last) {
            return Err(Corrupt);
        }
        let elements = if flags & SAME_FIELDS != 0 {
            items.skip(fields)?;
            fields + 3
        } else {
            let pairs = items.natural()?;
            items.skip(2 * pairs)?;
            2 * pairs + 4
        };
        if items.natural()? != elements {
            return Err(Corrupt);
        }
        seen[(flags & DELETED) as usize] += 1;
        last = Some(this);
    }
    match last {
        Some(last) if seen == [live, deleted] => Ok((Head::of(pack), last)),
        _ => Err(Corrupt),
    }
}

/// The elements of a node from outside, one after the other.
struct Items<'a>(crate::ds::listpack::Iter<'a>);

impl Items<'_> {
    fn int(&mut self) -> Result<i64, Corrupt> {
        match self.0.next() {
            Some((_, Item::Int(number))) => Ok(number),
            _ => Err(Corrupt),
        }
    }

    /// A count of something, of which there cannot be more than a listpack has bytes.
    fn natural(&mut self) -> Result<u64, Corrupt> {
        self.int().and_then(|number| u32::try_from(number).map(u64::from).map_err(|_| Corrupt))
    }

    fn skip(&mut self, elements: u64) -> Result<(), Corrupt> {
        (0..elements).try_for_each(|_| self.0.next().map(drop).ok_or(Corrupt))
    }
}
