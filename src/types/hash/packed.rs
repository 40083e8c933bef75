//! Hashes in a listpack: fields and values, or fields, values and deadlines.
//!
//! ```text
//!   pairs      field value  field value  ...                  in the order in which they came
//!   triples    field value 1700000000000  field value 0 ...   in order of deadline; those without (0) last, as they came
//! ```
//!
//! The order of triples is that of Redis, which shows in HGETALL and DUMP: a field whose deadline
//! changes goes in front of all with the same or a later one, a field that loses its deadline goes
//! to the end. What is due thus stands in front, and the earliest deadline is that of the first
//! field.

use super::{Field, FieldTtl};
use crate::base::clock::UnixMillis;
use crate::ds::listpack::{Item, Iter, Listpack, Packed};

/// How many elements of the listpack make a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Pairs = 2,
    Triples = 3,
}

/// The fields of a listpack, looked at.
#[derive(Clone, Copy, Debug)]
pub struct PackedFields<'a> {
    pub pack: Packed<'a>,
    pub shape: Shape,
}

/// The deadline that an element says.
fn deadline_of(item: Item<'_>) -> Option<UnixMillis> {
    match item {
        Item::Int(ms) if ms > 0 => Some(UnixMillis(ms)),
        Item::Int(_) | Item::Bytes(_) => None,
    }
}

/// The element that says a deadline.
fn item_of(deadline: Option<UnixMillis>) -> Item<'static> {
    Item::Int(deadline.map_or(0, |at| at.0))
}

impl<'a> PackedFields<'a> {
    pub fn pairs(pack: Packed<'a>) -> Self {
        PackedFields { pack, shape: Shape::Pairs }
    }

    pub fn triples(pack: Packed<'a>) -> Self {
        PackedFields { pack, shape: Shape::Triples }
    }

    /// Number of fields.
    #[inline]
    pub fn len(self) -> usize {
        self.pack.len() / self.shape as usize
    }

    /// Offset of a field.
    #[inline]
    pub fn find(self, field: &[u8]) -> Option<usize> {
        self.pack.find(self.pack.first()?, field, self.shape as usize)
    }

    /// Offset of the value of the field at an offset.
    #[inline]
    pub fn value_at(self, at: usize) -> usize {
        self.pack.next(at).expect("a value follows each field")
    }

    /// The value of the field at an offset.
    #[inline]
    pub fn value(self, at: usize) -> Item<'a> {
        self.pack.item(self.value_at(at))
    }

    /// Offset of the deadline of the field at an offset.
    fn deadline_at(self, at: usize) -> usize {
        self.pack.next(self.value_at(at)).expect("a deadline follows each value")
    }

    /// The deadline of the field at an offset.
    #[inline]
    pub fn deadline(self, at: usize) -> Option<UnixMillis> {
        match self.shape {
            Shape::Pairs => None,
            Shape::Triples => deadline_of(self.pack.item(self.deadline_at(at))),
        }
    }

    /// The earliest deadline.
    #[inline]
    pub fn earliest(self) -> Option<UnixMillis> {
        self.deadline(self.pack.first()?)
    }

    /// All fields with their offsets.
    #[inline]
    pub fn iter(self) -> PackedIter<'a> {
        PackedIter { items: self.pack.offsets(), shape: self.shape }
    }

    /// How many fields are due: they stand in front of the others.
    pub fn count_due(self, now: UnixMillis) -> usize {
        if self.earliest().is_none_or(|earliest| earliest >= now) {
            return 0;
        }
        self.iter().take_while(|(_, field)| field.is_due(now)).count()
    }

    /// Where a field with this deadline belongs: in front of the first other one that goes with it
    /// or later, or stays for good.
    fn place_of(self, deadline: Option<UnixMillis>, except: Option<usize>) -> usize {
        let Some(deadline) = deadline else { return self.pack.end() };
        let mut others = self.iter().filter(|(at, _)| Some(*at) != except);
        let found = others.find(|(_, other)| other.deadline.is_none_or(|at| at >= deadline));
        found.map_or(self.pack.end(), |(at, _)| at)
    }
}

/// Walks over fields.
#[derive(Clone)]
pub struct PackedIter<'a> {
    items: Iter<'a>,
    shape: Shape,
}

impl<'a> Iterator for PackedIter<'a> {
    type Item = (usize, Field<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (at, name) = self.items.next()?;
        let (_, value) = self.items.next()?;
        let deadline = match self.shape {
            Shape::Pairs => None,
            Shape::Triples => self.items.next().and_then(|(_, item)| deadline_of(item)),
        };
        Some((at, Field { name, value, deadline }))
    }

    /// All of them in one loop: what HGETALL does.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        if self.shape == Shape::Triples {
            for field in self {
                folded = f(folded, field);
            }
            return folded;
        }
        while let (Some((at, name)), Some((_, value))) = (self.items.next(), self.items.next()) {
            folded = f(folded, (at, Field { name, value, deadline: None }));
        }
        folded
    }
}

/// Bytes that a field takes at most, in either shape.
pub fn bytes_of(field: &[u8], value: Item<'_>) -> usize {
    const HEADS: usize = 40;
    field.len() + value.len() + HEADS
}

/// Stores a value in a listpack of pairs, whose field was found there or not; true when the field
/// is new.
#[inline]
pub fn put_pair(pack: &mut Listpack, found: Option<usize>, field: &[u8], value: Item<'_>) -> bool {
    match found {
        Some(at) => {
            let at = PackedFields::pairs(pack.view()).value_at(at);
            pack.replace(at, value);
        }
        None => {
            pack.push_back(Item::of(field));
            pack.push_back(value);
        }
    }
    found.is_none()
}

/// The same in a listpack of triples.
pub fn put_triple(
    pack: &mut Listpack,
    found: Option<usize>,
    field: &[u8],
    value: Item<'_>,
    ttl: FieldTtl,
) -> bool {
    let fields = PackedFields::triples(pack.view());
    let Some(at) = found else {
        let deadline = if let FieldTtl::At(at) = ttl { Some(at) } else { None };
        let place = fields.place_of(deadline, None);
        // From behind, so that the offset stays right.
        for item in [item_of(deadline), value, Item::of(field)] {
            pack.insert(place, item);
        }
        return true;
    };
    let (old, value_at) = (fields.deadline(at), fields.value_at(at));
    pack.replace(value_at, value);
    match ttl {
        FieldTtl::At(deadline) => set_deadline(pack, at, Some(deadline)),
        FieldTtl::Clear if old.is_some() => set_deadline(pack, at, None),
        FieldTtl::Clear | FieldTtl::Keep => {}
    }
    false
}

/// Changes the deadline of the field at an offset, and so its place.
pub fn set_deadline(pack: &mut Listpack, at: usize, deadline: Option<UnixMillis>) {
    let fields = PackedFields::triples(pack.view());
    let (place, width) = (fields.place_of(deadline, Some(at)), fields.shape as usize);
    let at = pack.shift(at, width, place);
    let deadline_at = PackedFields::triples(pack.view()).deadline_at(at);
    pack.replace(deadline_at, item_of(deadline));
}

/// Gives the pairs deadlines that none of them has.
pub fn triples_of(pairs: &Listpack) -> Listpack {
    let mut pack = Listpack::new();
    // Two bytes for each deadline.
    let deadlines = PackedFields::pairs(pairs.view()).len() * 2;
    pack.reserve(pairs.view().bytes().len() + deadlines - pack.view().bytes().len());
    for (name, value) in pairs.view().pairs() {
        pack.push_back(name);
        pack.push_back(value);
        pack.push_back(item_of(None));
    }
    pack
}

/// Removes fields that are due from a listpack of triples, at most `max`, and shows their names.
pub fn take_due(pack: &mut Listpack, now: UnixMillis, max: usize, gone: &mut dyn FnMut(Item<'_>)) {
    let fields = PackedFields::triples(pack.view());
    let Some(first) = fields.pack.first() else { return };
    let due = fields.iter().take_while(|(_, field)| field.is_due(now)).take(max);
    let count = due.map(|(_, field)| gone(field.name)).count();
    pack.remove(first, count * Shape::Triples as usize);
}
