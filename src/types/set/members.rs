//! Walks over the members of a set, whatever its encoding: all at once, or from a cursor on.

use super::SetView;
use crate::ds::intset::Ints;
use crate::ds::listpack::{self, Item};
use crate::ds::record::Record;
use crate::ds::table;

/// The members of a set: those of an intset ascending, those of a listpack in its order, those of a
/// table in no order.
pub enum Members<'a> {
    Ints(Ints<'a>, std::ops::Range<usize>),
    Packed(listpack::Iter<'a>),
    Table(table::Iter<'a, Record<()>>),
}

impl<'a> SetView<'a> {
    /// All members.
    #[inline]
    pub fn members(self) -> Members<'a> {
        match self {
            SetView::Ints(ints) => Members::Ints(ints, 0..ints.len()),
            SetView::Packed(pack) => Members::Packed(pack.offsets()),
            SetView::Table(table) => Members::Table(table.iter()),
        }
    }

    /// Visits the members at a cursor and returns the next cursor, 0 at the end. A compact set
    /// shows all members at any.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Item<'a>)) -> u64 {
        match self {
            SetView::Table(table) => table.scan(cursor, |record| visit(Item::Bytes(record.key()))),
            SetView::Ints(_) | SetView::Packed(_) => {
                self.members().for_each(visit);
                0
            }
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Members::Table(records) => records.next().map(|record| Item::Bytes(record.key())),
            Members::Packed(items) => items.next().map(|(_, item)| item),
            Members::Ints(ints, ranks) => ranks.next().map(|rank| Item::Int(ints.at(rank))),
        }
    }
}
