//! The index of deadlines: which element of a table goes away next. A database has one for its
//! keys, a hash for its fields.
//!
//! One 64-bit item per volatile element, ordered by time to the millisecond:
//!
//! ```text
//!   epochs   (deadline >> 24: one in four and a half hours)       ordered map, a handful
//!     └─ items   63               40 39              24 23                     0
//!               ┌───────────────────┬──────────────────┬───────────────────────┐
//!               │ milliseconds      │ place            │ low bits of the hash  │    ordered set
//!               │ within the epoch  │ (top 16 bits)    │                       │
//!               └───────────────────┴──────────────────┴───────────────────────┘
//! ```
//!
//! The hash bits find the element again (`Table::find_where`), so an item needs neither key nor
//! pointer, and an element may be replaced by a larger one without the index being told. Items are
//! removed exactly, because the element knows its own deadline: nothing stale gathers, whatever
//! clients do. Being ordered by wall-clock time and never by ticks, the index does not care when
//! the clock jumps: what is due then is due.

use std::collections::BTreeMap;

use super::words::Words;
use crate::base::clock::UnixMillis;

/// Bits of an item that say when.
const TIME_BITS: u32 = 24;

/// The hash bits an item keeps: the place and the low 24.
const HASH_BITS: u64 = (1 << 40) - 1;

/// The low bits of the hash that an item keeps.
pub const LOW_BITS: u32 = 24;

/// The ordered index of one table.
#[derive(Clone, Debug)]
pub struct Expiry {
    epochs: BTreeMap<i64, Words>,
    /// Items that stand for several elements (the same 40 bits at the same millisecond): how many
    /// more.
    shared: BTreeMap<(i64, u64), usize>,
    /// The earliest deadline, `i64::MAX` without any.
    earliest: i64,
    len: usize,
    /// Sum of all deadlines, for the average time to live.
    sum: i128,
}

/// An element that is due: its deadline, and the part of its hash that is known, in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub deadline: UnixMillis,
    pub hash: u64,
}

impl Default for Expiry {
    fn default() -> Self {
        Expiry {
            epochs: BTreeMap::new(),
            shared: BTreeMap::new(),
            earliest: i64::MAX,
            len: 0,
            sum: 0,
        }
    }
}

/// The epoch of a deadline, and the item of an element in it.
fn split(deadline: UnixMillis, hash: u64) -> (i64, u64) {
    let time = deadline.0 as u64 & ((1 << TIME_BITS) - 1);
    let bits = ((hash >> 48) << LOW_BITS) | (hash & ((1 << LOW_BITS) - 1));
    (deadline.0 >> TIME_BITS, (time << 40) | bits)
}

/// What an item of an epoch means.
fn due(epoch: i64, item: u64) -> Due {
    let deadline = UnixMillis((epoch << TIME_BITS) | (item >> 40) as i64);
    let bits = item & HASH_BITS;
    Due { deadline, hash: ((bits >> LOW_BITS) << 48) | (bits & ((1 << LOW_BITS) - 1)) }
}

impl Expiry {
    /// Notes the deadline of an element with this hash.
    pub fn insert(&mut self, deadline: UnixMillis, hash: u64) {
        let (epoch, item) = split(deadline, hash);
        if !self.epochs.entry(epoch).or_default().insert(item) {
            *self.shared.entry((epoch, item)).or_default() += 1;
        }
        self.len += 1;
        self.sum += i128::from(deadline.0);
        self.earliest = self.earliest.min(deadline.0);
    }

    /// Forgets the deadline of an element.
    pub fn remove(&mut self, deadline: UnixMillis, hash: u64) {
        let (epoch, item) = split(deadline, hash);
        let Some(items) = self.epochs.get_mut(&epoch).filter(|items| items.contains(item)) else {
            return;
        };
        self.len -= 1;
        self.sum -= i128::from(deadline.0);
        if self.shared.contains_key(&(epoch, item)) {
            self.unshare(epoch, item);
            return;
        }
        items.remove(item);
        if items.is_empty() {
            self.epochs.remove(&epoch);
        }
        if deadline.0 == self.earliest {
            self.earliest = self.first().map_or(i64::MAX, |due| due.deadline.0);
        }
    }

    /// Puts another deadline in the place of one.
    pub fn change(&mut self, hash: u64, old: Option<UnixMillis>, new: Option<UnixMillis>) {
        if let Some(old) = old {
            self.remove(old, hash);
        }
        if let Some(new) = new {
            self.insert(new, hash);
        }
    }

    /// One element less stands behind a shared item.
    #[cold]
    fn unshare(&mut self, epoch: i64, item: u64) {
        let more = self.shared.entry((epoch, item)).or_default();
        *more = more.saturating_sub(1);
        if *more == 0 {
            self.shared.remove(&(epoch, item));
        }
    }

    /// True when some deadline has passed. Costs nothing: a lookup asks it first, and looks at the
    /// deadline of the element itself only then.
    #[inline]
    pub fn has_due(&self, now: UnixMillis) -> bool {
        self.earliest < now.0
    }

    /// Takes out the earliest item if its deadline has passed.
    pub fn pop_due(&mut self, now: UnixMillis) -> Option<Due> {
        let due = self.first().filter(|due| due.deadline < now)?;
        self.remove(due.deadline, due.hash);
        Some(due)
    }

    /// The earliest item.
    pub fn first(&self) -> Option<Due> {
        let (epoch, items) = self.epochs.first_key_value()?;
        Some(due(*epoch, items.first()?))
    }

    /// Some item, nearly all being equally likely.
    pub fn pick(&self, random: u64) -> Option<Due> {
        let items: usize = self.epochs.values().map(Words::len).sum();
        let mut rank = (random as usize).checked_rem(items)?;
        for (epoch, items) in &self.epochs {
            if rank < items.len() {
                return Some(due(*epoch, items.at(rank)?));
            }
            rank -= items.len();
        }
        None
    }

    /// The earliest deadline.
    #[inline]
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        (self.len > 0).then_some(UnixMillis(self.earliest))
    }

    /// How many elements' deadlines have passed.
    pub fn count_due(&self, now: UnixMillis) -> usize {
        if !self.has_due(now) {
            return 0;
        }
        let (epoch, item) = split(now, 0);
        let whole: usize = self.epochs.range(..epoch).map(|(_, items)| items.len()).sum();
        let part = self.epochs.get(&epoch).map_or(0, |items| items.count_below(item));
        let more: usize = self.shared.range(..(epoch, item)).map(|(_, more)| more).sum();
        whole + part + more
    }

    /// Bytes of memory outside this struct, roughly.
    pub fn memory_bytes(&self) -> usize {
        const EPOCH: usize = size_of::<(i64, Words)>();
        self.epochs.values().map(|items| EPOCH + items.memory_bytes()).sum()
    }

    /// Volatile elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without volatile elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Mean time to live of the volatile elements, in milliseconds (`avg_ttl` of INFO).
    pub fn average_ttl_ms(&self, now: UnixMillis) -> i64 {
        let Some(mean) = self.sum.checked_div(self.len as i128) else { return 0 };
        (mean - i128::from(now.0)).clamp(0, i128::from(i64::MAX)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_in_order_and_whole() {
        let mut expiry = Expiry::default();
        let hash = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let deadlines = [i64::MAX, -5, 0, 1, (1 << 24) - 1, 1 << 24, 1_700_000_000_000];
        for (i, deadline) in deadlines.into_iter().enumerate() {
            expiry.insert(UnixMillis(deadline), hash(i as u64));
        }
        assert_eq!(expiry.len(), deadlines.len());
        let mut sorted = deadlines;
        sorted.sort_unstable();
        for deadline in sorted {
            let due = expiry.first().expect("left");
            assert_eq!(due.deadline, UnixMillis(deadline));
            let at = deadlines.iter().position(|d| *d == deadline).expect("one of them");
            let known = 0xffff_0000_00ff_ffff;
            assert_eq!(due.hash, hash(at as u64) & known);
            if deadline < i64::MAX {
                assert_eq!(expiry.pop_due(UnixMillis(deadline)), None, "not before it has passed");
                assert_eq!(expiry.pop_due(UnixMillis(deadline + 1)), Some(due));
            }
        }
    }

    #[test]
    fn keys_that_share_an_item_are_counted() {
        let mut expiry = Expiry::default();
        for _ in 0..3 {
            expiry.insert(UnixMillis(9), 7);
        }
        for left in [2, 1, 0] {
            assert!(expiry.has_due(UnixMillis(10)) && !expiry.has_due(UnixMillis(9)));
            assert!(expiry.pop_due(UnixMillis(10)).is_some());
            assert_eq!((expiry.len(), expiry.count_due(UnixMillis(10))), (left, left));
        }
        assert!(!expiry.has_due(UnixMillis(i64::MAX)) && expiry.shared.is_empty());
    }

    #[test]
    fn what_is_due_can_be_counted() {
        let mut expiry = Expiry::default();
        for i in 0..1000i64 {
            expiry.insert(UnixMillis(i / 2 * 100_000), i as u64 % 3);
        }
        for now in [0, 1, 99_999, 100_000, 100_001, 16_777_216, 20_000_001, 49_900_000, i64::MAX] {
            let due = (0..1000).filter(|i| i / 2 * 100_000 < now).count();
            assert_eq!(expiry.count_due(UnixMillis(now)), due, "{now}");
        }
        assert!(expiry.memory_bytes() > 8000);
    }

    #[test]
    fn removal_is_exact() {
        let mut expiry = Expiry::default();
        for i in 0..1000u64 {
            expiry.insert(UnixMillis(i as i64 * 1_000_000), i << 50 | i);
        }
        assert_eq!(expiry.average_ttl_ms(UnixMillis(500_000)), 499_000_000);
        expiry.remove(UnixMillis(5), 7);
        for i in 0..1000u64 {
            expiry.remove(UnixMillis(i as i64 * 1_000_000), i << 50 | i);
        }
        assert!(expiry.is_empty() && expiry.epochs.is_empty() && expiry.sum == 0);
        assert_eq!(expiry.average_ttl_ms(UnixMillis(0)), 0);
    }
}
