//! A slab whose ids go stale.
//!
//! The `slab` crate reuses a slot as soon as it is free, so a late reference to the former tenant
//! would silently reach the new one. Here every insertion gets a fresh generation, an [`Id`]
//! carries slot and generation, and a lookup with a stale id finds nothing. Everything that
//! outlives a function call refers to a client by [`Id`].

/// Where an element lives and which tenant of that slot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub slot: u32,
    pub generation: u32,
}

impl Id {
    /// An id that no element ever has.
    pub const NONE: Id = Id { slot: u32::MAX, generation: 0 };
}

/// A growable array of elements with stable, never-reused ids.
#[derive(Debug)]
pub struct Slab<T> {
    slots: slab::Slab<(u32, T)>,
    next_generation: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: slab::Slab::new(), next_generation: 1 }
    }
}

impl<T> Slab<T> {
    /// Stores what `make` builds from the id it will have.
    pub fn insert_with(&mut self, make: impl FnOnce(Id) -> T) -> Id {
        let generation = self.next_generation;
        // Generation 0 belongs to `Id::NONE`.
        self.next_generation = self.next_generation.checked_add(1).unwrap_or(1);
        let entry = self.slots.vacant_entry();
        let slot = u32::try_from(entry.key()).expect("fewer than 2^32 elements fit in memory");
        let id = Id { slot, generation };
        entry.insert((generation, make(id)));
        id
    }

    #[inline]
    pub fn get(&self, id: Id) -> Option<&T> {
        self.slots.get(id.slot as usize).filter(|e| e.0 == id.generation).map(|e| &e.1)
    }

    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.slots.get_mut(id.slot as usize).filter(|e| e.0 == id.generation).map(|e| &mut e.1)
    }

    pub fn remove(&mut self, id: Id) -> Option<T> {
        self.get(id)?;
        Some(self.slots.remove(id.slot as usize).1)
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// One past the highest slot ever used: the bound of a walk by [`Slab::at_slot`].
    pub fn slot_end(&self) -> usize {
        self.slots.capacity().min(self.slots.iter().next_back().map_or(0, |(i, _)| i + 1))
    }

    /// The tenant of a slot, for walks that are spread over several turns.
    pub fn at_slot(&self, slot: usize) -> Option<(Id, &T)> {
        self.slots.get(slot).map(|(g, t)| (Id { slot: slot as u32, generation: *g }, t))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().map(|(i, (g, t))| (Id { slot: i as u32, generation: *g }, t))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Id, &mut T)> {
        self.slots.iter_mut().map(|(i, (g, t))| (Id { slot: i as u32, generation: *g }, t))
    }
}

#[test]
fn a_stale_id_finds_nothing() {
    let mut slab = Slab::default();
    let first = slab.insert_with(|_| 'a');
    assert_eq!(slab.remove(first), Some('a'));
    let second = slab.insert_with(|_| 'b');
    assert_eq!(first.slot, second.slot, "the slot is reused");
    assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
    assert_eq!(slab.remove(first), None);
    assert_eq!(slab.get(Id::NONE), None);
}
