//! Several sets at once: what they have in common, what one has alone, what there is in any.
//!
//! Nothing is copied: one set is walked, and its members are looked for in the others. What a
//! lookup needs is worked out once per member, for all tables of a server hash with one secret; and
//! the members of a table are taken some at a time, so that their places in a large table are
//! fetched while others are being looked at.

use super::{Rules, Set, SetView};
use crate::ds::listpack::Item;
use crate::ds::record::Record;
use crate::ds::table::Table;
use crate::types::{Object, View};

/// Members of a table that are looked ahead.
const BATCH: usize = 16;

/// A table of fewer members is in the cache, or will be soon.
const LARGE: usize = 4096;

/// A member that is looked for in other sets.
#[derive(Clone, Copy)]
struct Probe<'t> {
    item: Item<'t>,
    text: &'t [u8],
    /// 0 unless one of the others is a table.
    hash: u64,
}

impl Probe<'_> {
    #[inline]
    fn is_in(&self, set: &SetView<'_>) -> bool {
        match (set, self.item) {
            (SetView::Table(table), _) => table.find_hashed(self.hash, self.text).is_some(),
            (SetView::Ints(ints), Item::Int(number)) => ints.contains(number),
            _ => set.contains(self.text),
        }
    }
}

/// Shows the members of a set until `visit` says false, ready to be looked for in the others.
fn walk<'a>(
    set: SetView<'a>,
    others: &[SetView<'_>],
    mut visit: impl FnMut(Item<'a>, Probe<'_>) -> bool,
) {
    let tables = others.iter().filter_map(|other| match other {
        SetView::Table(table) => Some(*table),
        _ => None,
    });
    match (set, tables.clone().next()) {
        (SetView::Table(table), Some(first)) => {
            debug_assert!(tables.into_iter().all(|other| other.seed() == table.seed()));
            look_ahead(first, table.iter().map(|record| record.key()), |text, hash| {
                let item = Item::Bytes(text);
                visit(item, Probe { item, text, hash })
            });
        }
        (_, first) => {
            let mut buffer = Vec::new();
            for item in set.members() {
                let text = item.bytes(&mut buffer);
                let hash = first.map_or(0, |table| table.hash(text));
                if !visit(item, Probe { item, text, hash }) {
                    return;
                }
            }
        }
    }
}

/// Shows texts with their hashes until `visit` says false, some at a time: their places in the
/// table, if that is large, are fetched meanwhile.
fn look_ahead<'a>(
    table: &Table<Record<()>>,
    mut texts: impl Iterator<Item = &'a [u8]>,
    mut visit: impl FnMut(&'a [u8], u64) -> bool,
) {
    let is_large = table.len() > LARGE;
    loop {
        let mut batch = [(&[][..], 0); BATCH];
        let mut count = 0;
        for text in texts.by_ref().take(BATCH) {
            let hash = table.hash(text);
            if is_large {
                table.prefetch_bucket(hash);
            }
            batch[count] = (text, hash);
            count += 1;
        }
        if is_large {
            batch[..count].iter().for_each(|(_, hash)| table.prefetch_entry(*hash));
        }
        if !batch[..count].iter().all(|(text, hash)| visit(text, *hash)) || count < BATCH {
            return;
        }
    }
}

impl SetView<'_> {
    /// Shows for each of several members whether it is there.
    pub fn contains_each<'m>(
        self,
        members: impl Iterator<Item = &'m [u8]>,
        mut visit: impl FnMut(bool),
    ) {
        match self {
            SetView::Table(table) => look_ahead(table, members, |member, hash| {
                visit(table.find_hashed(hash, member).is_some());
                true
            }),
            _ => members.for_each(|member| visit(self.contains(member))),
        }
    }
}

/// Shows what all sets have in common until `visit` says false. The sets are sorted by size: the
/// smallest is walked.
pub fn intersect<'a>(sets: &mut [SetView<'a>], mut visit: impl FnMut(Item<'a>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    walk(*smallest, others, |item, probe| {
        !others.iter().all(|other| probe.is_in(other)) || visit(item)
    });
}

/// Shows what is in any of the sets, once. Right for a few sets: members are looked for in all sets
/// before theirs.
pub fn union<'a>(sets: &[SetView<'a>], mut visit: impl FnMut(Item<'a>)) {
    for (index, set) in sets.iter().enumerate() {
        let before = &sets[..index];
        walk(*set, before, |item, probe| {
            if !before.iter().any(|other| probe.is_in(other)) {
                visit(item);
            }
            true
        });
    }
}

/// Shows what is in none of the others. They are sorted by size: the largest is the likeliest to
/// settle it.
pub fn difference<'a>(
    set: SetView<'a>,
    others: &mut [SetView<'_>],
    mut visit: impl FnMut(Item<'a>),
) {
    others.sort_by_key(|other| std::cmp::Reverse(other.len()));
    let others = &*others;
    walk(set, others, |item, probe| {
        if !others.iter().any(|other| probe.is_in(other)) {
            visit(item);
        }
        true
    });
}

/// Whether a difference is better computed by [`difference_by_removal`]: when the others are small
/// together. Compat: the odds are those of Redis, for the encoding of what SDIFFSTORE stores tells
/// which way was taken.
pub fn prefers_removal(set: SetView<'_>, others: &[SetView<'_>]) -> bool {
    let lookups = set.len().saturating_mul(others.len() + 1) / 2;
    let removals = others.iter().map(|other| other.len()).fold(set.len(), usize::saturating_add);
    lookups > removals
}

/// A copy of a set without the members of the others.
pub fn difference_by_removal(set: SetView<'_>, others: &[SetView<'_>], rules: Rules) -> Set {
    let (mut result, mut buffer) = (Set::default(), Vec::new());
    for member in set.members() {
        result.add(member.bytes(&mut buffer), rules);
    }
    for member in others.iter().flat_map(|other| other.members()) {
        if result.view().is_empty() {
            break;
        }
        result.remove(member.bytes(&mut buffer));
    }
    result
}
