//! Which clients have read which keys.
//!
//! ```text
//!   element   [ key | client client ... ]    up to eight clients beside the key, 8 bytes each
//!             [ key | number ]               more: they are a set of their own, found by this number (4 bytes)
//! ```
//!
//! A key that one client has read takes an allocation of its bytes and ten more, beside ten of the
//! table. Clients are ids: those that have gone are found out when they are to be told. Databases
//! do not count: a key is its name.

use std::collections::BTreeSet;

use crate::base::slab::Id;
use crate::ds::hash::HashSeed;
use crate::ds::record::Record;
use crate::ds::table::Table;

/// Clients that stand beside their key.
const INLINE_MAX: usize = 8;
const ID_BYTES: usize = 8;

/// The table.
pub struct Remembered {
    table: Table<Record<()>>,
    crowds: slab::Slab<BTreeSet<Id>>,
    /// Clients of all keys together.
    items: usize,
    random: u64,
}

impl Remembered {
    pub fn new(seed: HashSeed, random: u64) -> Remembered {
        Remembered { table: Table::new(seed), crowds: slab::Slab::new(), items: 0, random }
    }

    /// A client has read a key.
    pub fn note(&mut self, key: &[u8], id: Id) {
        let hash = self.table.hash(key);
        let Some(mut slot) = self.table.find_mut_hashed(hash, key) else {
            self.items += 1;
            self.table.insert_new(hash, Record::new(key, &to_bytes(id), ()));
            return;
        };
        let value = slot.view().value();
        if let Some(crowd) = crowd_of(value) {
            self.items += usize::from(self.crowds[crowd].insert(id));
            return;
        }
        if ids(value).any(|known| known == id) {
            return;
        }
        self.items += 1;
        let value = if value.len() < INLINE_MAX * ID_BYTES {
            [value, &to_bytes(id)].concat()
        } else {
            let crowd = ids(value).chain([id]).collect();
            let number = u32::try_from(self.crowds.insert(crowd));
            number
                .expect("keys are fewer than 2^32 while crowds of nine fit in memory")
                .to_le_bytes()
                .to_vec()
        };
        if !slot.edit().overwrite(&value) {
            slot.replace(Record::new(key, &value, ()));
        }
    }

    /// Forgets a key; returns who has read it.
    pub fn forget(&mut self, key: &[u8]) -> Vec<Id> {
        let Some(record) = self.table.remove(key) else { return vec![] };
        let value = record.view().value();
        let readers: Vec<Id> = match crowd_of(value) {
            Some(crowd) => self.crowds.remove(crowd).into_iter().collect(),
            None => ids(value).collect(),
        };
        self.items -= readers.len();
        readers
    }

    /// Any key.
    pub fn any_key(&mut self) -> Option<Vec<u8>> {
        let state = &mut self.random;
        let found = self.table.sample(|| {
            *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            *state ^ (*state >> 29)
        });
        found.map(|record| record.key().to_vec())
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        drop(self.table.take());
        self.crowds = slab::Slab::new();
        self.items = 0;
    }

    /// Keys.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Clients of all keys together.
    pub fn items(&self) -> usize {
        self.items
    }
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remembered {{ keys: {}, items: {} }}", self.len(), self.items)
    }
}

fn to_bytes(id: Id) -> [u8; ID_BYTES] {
    (u64::from(id.slot) << 32 | u64::from(id.generation)).to_le_bytes()
}

fn ids(value: &[u8]) -> impl Iterator<Item = Id> {
    value.as_chunks::<ID_BYTES>().0.iter().map(|bytes| {
        let word = u64::from_le_bytes(*bytes);
        Id { slot: (word >> 32) as u32, generation: word as u32 }
    })
}

fn crowd_of(value: &[u8]) -> Option<usize> {
    let number: [u8; 4] = value.try_into().ok()?;
    Some(u32::from_le_bytes(number) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn id(slot: u32) -> Id {
        Id { slot, generation: slot.wrapping_mul(77) }
    }

    #[test]
    fn it_remembers_what_a_map_of_sets_would() {
        let mut table = Remembered::new(HashSeed::new(1, 2), 3);
        let mut model: BTreeMap<Vec<u8>, BTreeSet<Id>> = BTreeMap::new();
        let mut state = 1u64;
        for _ in 0..50_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let key = format!("key:{}", (state >> 33) % 100).into_bytes();
            if (state >> 50).is_multiple_of(60) {
                let readers: BTreeSet<Id> = table.forget(&key).into_iter().collect();
                assert_eq!(readers, model.remove(&key).unwrap_or_default());
            } else {
                let reader = id((state >> 40) as u32 % 20);
                table.note(&key, reader);
                model.entry(key).or_default().insert(reader);
            }
            assert_eq!(table.len(), model.len());
        }
        assert_eq!(table.items(), model.values().map(BTreeSet::len).sum::<usize>());
        while let Some(key) = table.any_key() {
            let readers: BTreeSet<Id> = table.forget(&key).into_iter().collect();
            assert_eq!(Some(readers), model.remove(&key));
        }
        assert!(model.is_empty() && table.items() == 0 && table.crowds.is_empty());
    }

    #[test]
    fn a_million_keys_take_less_than_sixty_bytes_each() {
        let mut table = Remembered::new(HashSeed::new(1, 2), 3);
        let keys = 100_000;
        for number in 0..keys {
            table.note(format!("key:{number:012}").as_bytes(), id(7));
        }
        let mut records = 0;
        table.table.iter().for_each(|record| records += record.memory_bytes());
        let bytes = (records + table.table.memory_bytes()) / keys;
        assert!(bytes < 60, "{bytes}");
    }
}
