//! The set type: distinct members, in no order that means anything.
//!
//! ```text
//!   Ints     all members are integers, and few: an intset                         OBJECT ENCODING  intset
//!   Packed   few short members: a listpack, in the order in which they came                        listpack
//!   Table    any others: a hash table of records                                                   hashtable
//!
//!   Ints ──► Packed ──► Table      by what is added ([`Rules`]); removals convert nothing
//! ```
//!
//! Which encoding a set has, and after which command, is Redis's to the letter: OBJECT ENCODING
//! tells, and a compact set that is saved says so in the file. Hence the several ways in which a
//! set can begin: [`Set::begin`] for SADD, the empty one for unions and differences, [`Gathering`]
//! for intersections.
//!
//! In `set/`: `members` (walking and scanning), `sample` (random members), `algebra` (intersections
//! and the like).

mod algebra;
mod members;
mod sample;
#[cfg(test)]
mod tests;

pub use algebra::{difference, difference_by_removal, intersect, prefers_removal, union};
pub use members::Members;

use super::digest::Digest;
use super::{Form, Object, View};
use crate::ds::hash::HashSeed;
use crate::ds::intset::{Ints, Intset};
use crate::ds::listpack::{Item, Listpack, Packed};
use crate::ds::record::Record;
use crate::ds::table::Table;

/// A set.
pub enum Set {
    Ints(Intset),
    Packed(Listpack),
    Table(Table<Record<()>>),
}

/// A set, looked at.
#[derive(Clone, Copy)]
pub enum SetView<'a> {
    Ints(Ints<'a>),
    Packed(Packed<'a>),
    Table(&'a Table<Record<()>>),
}

/// What decides on the encoding of a set that grows, and what its table hashes with.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `set-max-intset-entries`
    pub max_ints: usize,
    /// `set-max-listpack-entries`
    pub max_entries: usize,
    /// `set-max-listpack-value`
    pub max_value: usize,
    pub seed: HashSeed,
}

/// A set made of members that are known to be distinct: the result of an intersection, what SPOP
/// leaves. It is a listpack as long as it could still end as one or as an intset.
pub struct Gathering {
    set: Set,
    rules: Rules,
    only_ints: bool,
    /// Bytes of the longest member.
    longest: usize,
}

impl Set {
    /// The set that a command begins with that adds `count` members, the first of which is this.
    /// Compat: repeated ones count, too.
    pub fn begin(first: &[u8], count: usize, rules: Rules) -> Set {
        if matches!(Item::of(first), Item::Int(_)) && count <= rules.max_ints {
            Set::Ints(Intset::new())
        } else if count <= rules.max_entries {
            Set::Packed(Listpack::new())
        } else {
            Set::Table(Table::with_capacity(rules.seed, count))
        }
    }

    /// Makes ready for a command that adds `count` members. Compat: more than the encoding may hold
    /// make a table of the set, whether they are new to it or not.
    pub fn expect(&mut self, count: usize, rules: Rules) {
        let limit = match self {
            Set::Ints(_) => rules.max_ints,
            Set::Packed(_) => rules.max_entries,
            Set::Table(_) => return,
        };
        if count > limit {
            self.make_table(rules.seed);
        }
    }

    /// Adds a member. False: it was there.
    pub fn add(&mut self, member: &[u8], rules: Rules) -> bool {
        match self {
            Set::Table(table) => return add_to_table(table, member),
            Set::Packed(_) | Set::Ints(_) if self.view().contains(member) => return false,
            Set::Ints(ints) => match Item::of(member) {
                Item::Int(number) if ints.view().len() < rules.max_ints => {
                    return ints.insert(number);
                }
                Item::Bytes(_) if rules.may_pack(ints.view(), member) => {
                    *self = Set::Packed(pack(ints.view()));
                }
                Item::Bytes(_) | Item::Int(_) => {
                    self.make_table(rules.seed);
                }
            },
            Set::Packed(_) => {}
        }
        self.add_new(member, rules);
        true
    }

    /// Adds a member that is not there to a listpack, as long as it may, or to a table.
    fn add_new(&mut self, member: &[u8], rules: Rules) {
        if let Set::Packed(pack) = self {
            let item = Item::of(member);
            let fits = pack.view().len() < rules.max_entries && member.len() <= rules.max_value;
            if fits && pack.has_room(item.packed_bytes()) {
                return pack.push_back(item);
            }
        }
        add_to_table(self.make_table(rules.seed), member);
    }

    /// Removes a member. False: it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Table(table) => table.remove(member).is_some(),
            Set::Ints(ints) => match Item::of(member) {
                Item::Int(number) => ints.remove(number),
                Item::Bytes(_) => false,
            },
            Set::Packed(pack) => {
                let at = pack.view().first().and_then(|first| pack.view().find(first, member, 1));
                if let Some(at) = at {
                    pack.remove(at, 1);
                }
                at.is_some()
            }
        }
    }

    /// Whatever it was, it is a table now.
    fn make_table(&mut self, seed: HashSeed) -> &mut Table<Record<()>> {
        if !matches!(self, Set::Table(_)) {
            let mut table = Table::with_capacity(seed, self.view().len() + 1);
            let mut buffer = Vec::new();
            for member in self.view().members() {
                let text = member.bytes(&mut buffer);
                table.insert_new(table.hash(text), Record::new(text, &[], ()));
            }
            *self = Set::Table(table);
        }
        let Set::Table(table) = self else { unreachable!("it was made one just now") };
        table
    }
}

/// Adds a member to a table. False: it was there.
#[inline]
fn add_to_table(table: &mut Table<Record<()>>, member: &[u8]) -> bool {
    let hash = table.hash(member);
    let is_new = table.find_hashed(hash, member).is_none();
    if is_new {
        table.insert_new(hash, Record::new(member, &[], ()));
    }
    is_new
}

/// The listpack of the integers of an intset.
fn pack(ints: Ints<'_>) -> Listpack {
    let mut pack = Listpack::new();
    ints.iter().for_each(|number| pack.push_back(Item::Int(number)));
    pack
}

impl Rules {
    /// Whether an intset may become a listpack to take a member that is no integer.
    fn may_pack(&self, ints: Ints<'_>, member: &[u8]) -> bool {
        // The longest text is that of the first or of the last.
        let ends = [0, ints.len().wrapping_sub(1)].into_iter().filter(|_| !ints.is_empty());
        let longest = ends.map(|rank| Item::Int(ints.at(rank)).len()).max().unwrap_or(0);
        ints.len() < self.max_entries && longest.max(member.len()) <= self.max_value
    }
}

impl Gathering {
    /// An empty set.
    pub fn new(rules: Rules) -> Self {
        Gathering { set: Set::Packed(Listpack::new()), rules, only_ints: true, longest: 0 }
    }

    /// Adds a member that is not there yet.
    pub fn push(&mut self, member: Item<'_>) {
        let item = match member {
            Item::Bytes(text) => Item::of(text),
            number => number,
        };
        self.only_ints &= matches!(item, Item::Int(_));
        self.longest = self.longest.max(item.len());
        if let Set::Packed(pack) = &mut self.set {
            let count = pack.view().len();
            let may_be_ints = self.only_ints && count < self.rules.max_ints;
            let may_be_packed =
                count < self.rules.max_entries && self.longest <= self.rules.max_value;
            if (may_be_ints || may_be_packed) && pack.has_room(item.packed_bytes()) {
                return pack.push_back(item);
            }
        }
        let table = self.set.make_table(self.rules.seed);
        add_to_table(table, item.bytes(&mut Vec::new()));
    }

    /// The set as it stands; never an intset.
    pub fn into_set(mut self) -> Set {
        if let Set::Packed(pack) = &self.set {
            let fits = pack.view().len() <= self.rules.max_entries;
            if !fits || self.longest > self.rules.max_value {
                self.set.make_table(self.rules.seed);
            }
        }
        self.set
    }

    /// The set as it stands; an intset if it can be one.
    pub fn into_compact_set(self) -> Set {
        match &self.set {
            Set::Packed(pack) if self.only_ints && pack.view().len() <= self.rules.max_ints => {
                let numbers = pack.view().iter().filter_map(|item| match item {
                    Item::Int(number) => Some(number),
                    Item::Bytes(_) => None,
                });
                let mut numbers: Vec<i64> = numbers.collect();
                numbers.sort_unstable();
                let mut ints = Intset::new();
                // In order, each goes to the end.
                numbers.into_iter().for_each(|number| {
                    ints.insert(number);
                });
                Set::Ints(ints)
            }
            _ => self.into_set(),
        }
    }
}

impl<'a> SetView<'a> {
    /// Whether a member is there.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            SetView::Table(table) => table.contains(member),
            SetView::Packed(pack) => {
                pack.first().is_some_and(|first| pack.find(first, member, 1).is_some())
            }
            SetView::Ints(ints) => match Item::of(member) {
                Item::Int(number) => ints.contains(number),
                Item::Bytes(_) => false,
            },
        }
    }
}

impl Default for Set {
    /// The empty intset. Allocates nothing.
    fn default() -> Self {
        Set::Ints(Intset::new())
    }
}

impl Clone for Set {
    fn clone(&self) -> Self {
        match self {
            Set::Ints(ints) => Set::Ints(ints.clone()),
            Set::Packed(pack) => Set::Packed(pack.clone()),
            Set::Table(table) => {
                let mut copy = Table::with_capacity(table.seed(), table.len());
                for record in table.iter() {
                    let member = record.key();
                    copy.insert_new(copy.hash(member), Record::new(member, &[], ()));
                }
                Set::Table(copy)
            }
        }
    }
}

impl std::fmt::Debug for SetView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} members", self.encoding(), self.len())
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Object for Set {
    type View<'a> = SetView<'a>;

    #[inline]
    fn view(&self) -> SetView<'_> {
        match self {
            Set::Ints(ints) => SetView::Ints(ints.view()),
            Set::Packed(pack) => SetView::Packed(pack.view()),
            Set::Table(table) => SetView::Table(table),
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match self {
            Set::Ints(ints) => Some((Form::Ints, ints.view().bytes())),
            Set::Packed(pack) => Some((Form::Set, pack.view().bytes())),
            Set::Table(_) => None,
        }
    }

    #[inline]
    fn view_packed(form: Form, blob: &[u8]) -> Option<SetView<'_>> {
        match form {
            Form::Ints => Some(SetView::Ints(Ints::new(blob))),
            Form::Set => Some(SetView::Packed(Packed::new(blob))),
            _ => None,
        }
    }

    fn from_packed(form: Form, blob: Vec<u8>) -> Option<Self> {
        match form {
            Form::Ints => Some(Set::Ints(Intset::from_blob(blob))),
            Form::Set => Some(Set::Packed(Listpack::from_blob(blob))),
            _ => None,
        }
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        match self {
            Set::Ints(ints) => Some(ints.into_blob()),
            Set::Packed(pack) => Some(pack.into_blob()),
            Set::Table(_) => None,
        }
    }

    fn memory_bytes(&self) -> usize {
        /// As many members are looked at; more are estimated from them.
        const SAMPLES: usize = 1024;
        match self {
            Set::Ints(ints) => ints.memory_bytes(),
            Set::Packed(pack) => pack.memory_bytes(),
            Set::Table(table) => {
                let seen = table.len().min(SAMPLES);
                let records = table.iter().take(SAMPLES).map(|record| record.memory_bytes());
                let bytes = records.sum::<usize>() * table.len();
                table.memory_bytes() + bytes.checked_div(seen).unwrap_or(0)
            }
        }
    }
}

impl View for SetView<'_> {
    fn encoding(self) -> &'static str {
        match self {
            SetView::Ints(_) => "intset",
            SetView::Packed(_) => "listpack",
            SetView::Table(_) => "hashtable",
        }
    }

    #[inline]
    fn len(self) -> usize {
        match self {
            SetView::Ints(ints) => ints.len(),
            SetView::Packed(pack) => pack.len(),
            SetView::Table(table) => table.len(),
        }
    }

    fn table(self) -> Option<(usize, usize)> {
        match self {
            SetView::Table(table) => Some((table.slots(), table.len())),
            SetView::Ints(_) | SetView::Packed(_) => None,
        }
    }

    fn digest(self, into: &mut Digest) {
        let mut buffer = Vec::new();
        self.members().for_each(|member| into.xor_in(member.bytes(&mut buffer)));
    }

    fn free_effort(self) -> usize {
        match self {
            SetView::Table(table) => table.len(),
            SetView::Ints(_) | SetView::Packed(_) => 1,
        }
    }

    fn fetch_ahead<'n>(self, names: impl Iterator<Item = &'n [u8]> + Clone) {
        if let SetView::Table(table) = self {
            table.fetch_ahead(names);
        }
    }
}
