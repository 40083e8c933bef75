//! Hashes: fields with values, and a deadline for each field that wants one.
//!
//! ```text
//!   Packed      listpack of pairs                  `listpack`     few short fields                    see `packed`
//!   PackedTtl   listpack of triples, by deadline   `listpackex`   the same, once a deadline was set
//!   Table       table of records                   `hashtable`    more or longer ones, with or        see `table`
//!                                                                 without deadlines
//! ```
//!
//! Conversions go downwards in this list, at the thresholds of [`Limits`], and never back. When
//! fields are due, somebody has to say so ([`Hash::take_due`]): a hash knows no clock. Looking is
//! [`HashView`], whatever the encoding.

mod packed;
mod table;
#[cfg(test)]
mod tests;
mod view;

use packed::{PackedFields, Shape};
use table::FieldTable;
pub use table::TEXT_MAX;
pub use view::HashView;

use super::{Form, Object, View};
use crate::base::alloc::class_size;
use crate::base::clock::UnixMillis;
use crate::ds::hash::HashSeed;
use crate::ds::listpack::{self, Item, Listpack, Packed};

/// A hash.
#[derive(Clone, Debug)]
pub enum Hash {
    Packed(Listpack),
    PackedTtl(Listpack),
    Table(Box<FieldTable>),
}

/// A field, looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: Item<'a>,
    pub value: Item<'a>,
    /// The moment it goes away, if it does.
    pub deadline: Option<UnixMillis>,
}

impl Field<'_> {
    /// True when its deadline lies before a moment.
    #[inline]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        self.deadline.is_some_and(|deadline| deadline < now)
    }

    /// What tells a field of a table from all others of it, as long as the table is not changed.
    fn identity(&self) -> Option<*const u8> {
        match self.name {
            Item::Bytes(bytes) => Some(bytes.as_ptr()),
            Item::Int(_) => None,
        }
    }
}

/// What storing a value does about the field's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldTtl {
    /// The field goes away at this moment.
    At(UnixMillis),
    /// The field stays for good.
    Clear,
    /// As it was.
    Keep,
}

/// Up to where hashes are kept in a listpack, and what a table hashes with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Fields.
    pub entries: usize,
    /// Bytes of each field and value.
    pub text: usize,
    pub seed: HashSeed,
}

impl Default for Hash {
    fn default() -> Self {
        Hash::Packed(Listpack::new())
    }
}

impl Shape {
    #[inline]
    fn of(form: Form) -> Option<Self> {
        match form {
            Form::Hash => Some(Shape::Pairs),
            Form::HashTtl => Some(Shape::Triples),
            _ => None,
        }
    }

    fn encoding(self) -> &'static str {
        match self {
            Shape::Pairs => "listpack",
            Shape::Triples => "listpackex",
        }
    }
}

impl Hash {
    /// Gets ready for so many fields with these texts. Compat: Redis looks at all arguments before
    /// it stores any, and whether they are stored or not.
    pub fn expect<'t>(
        &mut self,
        count: usize,
        mut texts: impl Iterator<Item = &'t [u8]>,
        limits: Limits,
    ) {
        if !self.is_table()
            && (count > limits.entries || texts.any(|text| text.len() > limits.text))
        {
            self.spread(limits.seed);
        }
    }

    /// Stores a value; true when the field is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], ttl: FieldTtl, limits: Limits) -> bool {
        let stored = self.update(field, ttl, limits, |_| Ok::<_, ()>(Item::Bytes(value)));
        stored.unwrap_or(false)
    }

    /// Stores a value in a blob, where one of the same length stands already for a field without a
    /// deadline.
    #[inline]
    pub fn set_in_place(form: Form, blob: &mut [u8], field: &[u8], value: &[u8]) -> bool {
        let Some(shape) = Shape::of(form) else { return false };
        let fields = PackedFields { pack: Packed::new(blob), shape };
        let Some(at) = fields.find(field) else { return false };
        if fields.deadline(at).is_some() {
            return false;
        }
        let at = fields.value_at(at);
        listpack::overwrite(blob, at, Item::of(value))
    }

    /// Stores the value that `make` makes of the old one; true when the field is new.
    #[inline]
    pub fn update<'v, E>(
        &mut self,
        field: &[u8],
        ttl: FieldTtl,
        limits: Limits,
        make: impl FnOnce(Option<Item<'_>>) -> Result<Item<'v>, E>,
    ) -> Result<bool, E> {
        if let Hash::Table(table) = self {
            return table.update(field, ttl, make);
        }
        let (old, mut at) = self.find_packed(field);
        let value = make(old)?;
        if field.len().max(value.len()) > limits.text || !self.has_room(field, value) {
            self.spread(limits.seed);
        } else if let (FieldTtl::At(_), Hash::Packed(_)) = (ttl, &self) {
            self.make_volatile();
            at = self.find_packed(field).1;
        }
        let packed = if let Item::Bytes(text) = value { Item::of(text) } else { value };
        let is_new = match self {
            Hash::Packed(pack) => packed::put_pair(pack, at, field, packed),
            Hash::PackedTtl(pack) => packed::put_triple(pack, at, field, packed, ttl),
            Hash::Table(table) => table.update(field, ttl, |_| Ok(value))?,
        };
        if is_new && self.packed_len().is_some_and(|len| len > limits.entries) {
            self.spread(limits.seed);
        }
        Ok(is_new)
    }

    /// Removes a field; true when it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let (_, at) = self.find_packed(field);
        match self {
            Hash::Packed(pack) => at.map(|at| pack.remove(at, Shape::Pairs as usize)).is_some(),
            Hash::PackedTtl(pack) => {
                at.map(|at| pack.remove(at, Shape::Triples as usize)).is_some()
            }
            Hash::Table(table) => table.remove(field),
        }
    }

    /// Gets ready for deadlines, whether there will be any or not.
    pub fn make_volatile(&mut self) {
        if let Hash::Packed(pack) = self {
            *self = Hash::PackedTtl(packed::triples_of(pack));
        }
    }

    /// Changes the deadline of a field; true when there is such a field.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<UnixMillis>) -> bool {
        if deadline.is_some() {
            self.make_volatile();
        }
        let (_, at) = self.find_packed(field);
        match self {
            Hash::Packed(_) => at.is_some(),
            Hash::PackedTtl(pack) => {
                at.map(|at| packed::set_deadline(pack, at, deadline)).is_some()
            }
            Hash::Table(table) => table.set_deadline(field, deadline),
        }
    }

    /// Removes fields whose deadlines lie before a moment, at most `max`, and shows their names.
    pub fn take_due(&mut self, now: UnixMillis, max: usize, mut gone: impl FnMut(Item<'_>)) {
        match self {
            Hash::Packed(_) => {}
            Hash::PackedTtl(pack) => packed::take_due(pack, now, max, &mut gone),
            Hash::Table(table) => table.take_due(now, max, &mut gone),
        }
    }

    /// The value and the offset of a field, if it is there and not in a table.
    #[inline]
    fn find_packed(&self, field: &[u8]) -> (Option<Item<'_>>, Option<usize>) {
        let fields = match self {
            Hash::Packed(pack) => PackedFields::pairs(pack.view()),
            Hash::PackedTtl(pack) => PackedFields::triples(pack.view()),
            Hash::Table(_) => return (None, None),
        };
        let at = fields.find(field);
        (at.map(|at| fields.value(at)), at)
    }

    fn is_table(&self) -> bool {
        matches!(self, Hash::Table(_))
    }

    /// Number of fields, unless they are in a table.
    #[inline]
    fn packed_len(&self) -> Option<usize> {
        match self {
            Hash::Packed(pack) => Some(PackedFields::pairs(pack.view()).len()),
            Hash::PackedTtl(pack) => Some(PackedFields::triples(pack.view()).len()),
            Hash::Table(_) => None,
        }
    }

    /// Whether a field more is within the limits of listpacks.
    fn has_room(&self, field: &[u8], value: Item<'_>) -> bool {
        match self {
            Hash::Packed(pack) | Hash::PackedTtl(pack) => {
                pack.has_room(packed::bytes_of(field, value))
            }
            Hash::Table(_) => true,
        }
    }

    /// Lays a packed hash out in a table.
    #[cold]
    fn spread(&mut self, seed: HashSeed) {
        let view = self.view();
        let mut table = FieldTable::with_capacity(seed, view.len() + 1);
        let (mut name, mut value) = (Vec::new(), Vec::new());
        for field in view.iter() {
            let (name, value) = (field.name.bytes(&mut name), field.value.bytes(&mut value));
            table.insert_new(name, value, field.deadline);
        }
        *self = Hash::Table(Box::new(table));
    }
}

impl Object for Hash {
    type View<'a> = HashView<'a>;

    #[inline]
    fn view(&self) -> HashView<'_> {
        HashView::of(self)
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match self {
            Hash::Packed(pack) => Some((Form::Hash, pack.view().bytes())),
            Hash::PackedTtl(pack) => Some((Form::HashTtl, pack.view().bytes())),
            Hash::Table(_) => None,
        }
    }

    #[inline]
    fn view_packed(form: Form, blob: &[u8]) -> Option<HashView<'_>> {
        let shape = Shape::of(form)?;
        Some(HashView::packed(PackedFields { pack: Packed::new(blob), shape }))
    }

    fn from_packed(form: Form, blob: Vec<u8>) -> Option<Self> {
        match form {
            Form::Hash => Some(Hash::Packed(Listpack::from_blob(blob))),
            Form::HashTtl => Some(Hash::PackedTtl(Listpack::from_blob(blob))),
            _ => None,
        }
    }

    fn within(buffer: Vec<u8>) -> Self {
        Hash::Packed(Listpack::within(buffer))
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        match self {
            Hash::Packed(pack) | Hash::PackedTtl(pack) => Some(pack.into_blob()),
            Hash::Table(_) => None,
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Hash::Packed(pack) | Hash::PackedTtl(pack) => pack.memory_bytes(),
            Hash::Table(table) => class_size(size_of::<FieldTable>()) + table.memory_bytes(),
        }
    }
}
