//! Looking at a hash, whatever its encoding.
//!
//! A view has a *horizon*: fields whose deadlines lie before it are hidden, as if they were gone.
//! On a primary there are next to none, for access removes them (`keyspace::fields`); a replica
//! waits for its primary to say so, and shows its clients what its primary would.

use std::collections::HashSet;

use super::packed::{PackedFields, PackedIter};
use super::table::{FieldTable, TableIter};
use super::{Field, Hash};
use crate::base::clock::UnixMillis;
use crate::base::rng::Draws;
use crate::types::View;
use crate::types::digest::Digest;

/// A hash, looked at.
#[derive(Clone, Copy, Debug)]
pub struct HashView<'a> {
    body: Body<'a>,
    /// Fields that go away before this are hidden.
    horizon: UnixMillis,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    Packed(PackedFields<'a>),
    Table(&'a FieldTable),
}

impl<'a> HashView<'a> {
    pub(super) fn of(hash: &'a Hash) -> Self {
        match hash {
            Hash::Packed(pack) => HashView::packed(PackedFields::pairs(pack.view())),
            Hash::PackedTtl(pack) => HashView::packed(PackedFields::triples(pack.view())),
            Hash::Table(table) => HashView { body: Body::Table(table), horizon: NOTHING_HIDDEN },
        }
    }

    pub(super) fn packed(fields: PackedFields<'a>) -> Self {
        HashView { body: Body::Packed(fields), horizon: NOTHING_HIDDEN }
    }

    /// Hides the fields that go away before a moment.
    #[inline]
    pub fn from_horizon(self, horizon: UnixMillis) -> Self {
        HashView { horizon, ..self }
    }

    /// Finds a field.
    #[inline]
    pub fn find(self, field: &[u8]) -> Option<Field<'a>> {
        let found = match self.body {
            Body::Packed(fields) => {
                let at = fields.find(field)?;
                let (name, value) = (fields.pack.item(at), fields.value(at));
                Field { name, value, deadline: fields.deadline(at) }
            }
            Body::Table(table) => table.find(field)?,
        };
        (!found.is_due(self.horizon)).then_some(found)
    }

    /// All fields: of a packed hash in their order.
    #[inline]
    pub fn iter(self) -> Fields<'a> {
        let body = match self.body {
            Body::Packed(fields) => BodyIter::Packed(fields.iter()),
            Body::Table(table) => BodyIter::Table(table.iter()),
        };
        Fields { body, horizon: self.horizon }
    }

    /// True when a random field costs next to nothing: a field of a listpack is counted off, and
    /// where most are hidden one that is not is hard to find.
    pub fn draws_well(self) -> bool {
        match self.body {
            Body::Packed(_) => false,
            Body::Table(table) => self.len() > table.len() / 4,
        }
    }

    /// Visits the fields at a cursor; returns the next cursor, 0 at the end.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Field<'a>)) -> u64 {
        match self.body {
            Body::Packed(_) => {
                self.iter().for_each(visit);
                0
            }
            Body::Table(table) => table.scan(cursor, |field| {
                if !field.is_due(self.horizon) {
                    visit(field);
                }
            }),
        }
    }

    /// A random field, all being equally likely.
    pub fn sample(self, draws: &mut Draws) -> Option<Field<'a>> {
        // With so many misses nearly everything is hidden.
        const TRIES_MAX: usize = 100;
        if let Body::Table(table) = self.body {
            let mut tries = (0..TRIES_MAX).map_while(|_| table.sample(|| draws.word()));
            let found = tries.find(|field| !field.is_due(self.horizon));
            if found.is_some() {
                return found;
            }
        }
        self.iter().nth(draws.below(self.len()))
    }

    /// So many different fields at random, in no particular order; all of them in their order if
    /// there are not more.
    pub fn sample_distinct(self, count: usize, draws: &mut Draws) -> Vec<Field<'a>> {
        let len = self.len();
        if count >= len {
            return self.iter().collect();
        }
        // Of many fields few are drawn until they differ; else all are laid out and the first ones
        // shuffled.
        if self.draws_well() && count < len / 4 {
            let (mut seen, mut found) = (HashSet::new(), Vec::new());
            while let (true, Some(field)) = (found.len() < count, self.sample(draws)) {
                if seen.insert(field.identity()) {
                    found.push(field);
                }
            }
            return found;
        }
        let mut all: Vec<_> = self.iter().collect();
        for i in 0..count {
            all.swap(i, i + draws.below(len - i));
        }
        all.truncate(count);
        all
    }
}

/// The horizon before which nothing lies.
const NOTHING_HIDDEN: UnixMillis = UnixMillis(i64::MIN);

impl View for HashView<'_> {
    fn encoding(self) -> &'static str {
        match self.body {
            Body::Packed(fields) => fields.shape.encoding(),
            Body::Table(_) => "hashtable",
        }
    }

    #[inline]
    fn len(self) -> usize {
        match self.body {
            Body::Packed(fields) => fields.len() - fields.count_due(self.horizon),
            Body::Table(table) => table.len() - table.count_due(self.horizon),
        }
    }

    fn table(self) -> Option<(usize, usize)> {
        match self.body {
            Body::Table(table) => Some((table.slots(), table.len())),
            Body::Packed(_) => None,
        }
    }

    fn digest(self, into: &mut Digest) {
        let mut text = Vec::new();
        for field in self.iter() {
            let mut one = Digest::default();
            one.mix(field.name.bytes(&mut text));
            one.mix(field.value.bytes(&mut text));
            if field.deadline.is_some() {
                one.xor_in(b"!!hexpire!!");
            }
            into.xor_in(one.bytes());
        }
    }

    fn free_effort(self) -> usize {
        match self.body {
            Body::Packed(_) => 1,
            Body::Table(table) => table.len(),
        }
    }

    fn fetch_ahead<'n>(self, names: impl Iterator<Item = &'n [u8]> + Clone) {
        if let Body::Table(table) = self.body {
            table.fetch_ahead(names);
        }
    }

    #[inline]
    fn deadline(self) -> Option<UnixMillis> {
        match self.body {
            Body::Packed(fields) => fields.earliest(),
            Body::Table(table) => table.earliest(),
        }
    }
}

/// Walks over the fields that are not hidden.
pub struct Fields<'a> {
    body: BodyIter<'a>,
    horizon: UnixMillis,
}

enum BodyIter<'a> {
    Packed(PackedIter<'a>),
    Table(TableIter<'a>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let field = match &mut self.body {
                BodyIter::Packed(fields) => fields.next().map(|(_, field)| field),
                BodyIter::Table(fields) => fields.next(),
            }?;
            if !field.is_due(self.horizon) {
                return Some(field);
            }
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, Field<'a>) -> B>(self, init: B, f: F) -> B {
        let horizon = self.horizon;
        let is_visible = |field: &Field<'a>| !field.is_due(horizon);
        match self.body {
            BodyIter::Packed(fields) => {
                fields.map(|(_, field)| field).filter(is_visible).fold(init, f)
            }
            BodyIter::Table(fields) => fields.filter(is_visible).fold(init, f),
        }
    }
}
