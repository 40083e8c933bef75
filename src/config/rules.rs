//! When values are packed: what the options of each type say, as the types take it.

use super::Config;
use crate::ds::hash::HashSeed;
use crate::types::{hash, list, set, zset};

impl Config {
    pub fn hash_rules(&self, seed: HashSeed) -> hash::Limits {
        let number = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        hash::Limits {
            entries: number(self.hash.max_listpack_entries),
            text: number(self.hash.max_listpack_value),
            seed,
        }
    }

    pub fn list_rules(&self) -> list::Limits {
        let list = &self.list;
        list::Limits {
            fill: list::Fill::new(list.max_listpack_size),
            depth: list.compress_depth.min(u16::MAX.into()) as u16,
            plain_from: list.packed_threshold.map(|size| size as usize),
        }
    }

    pub fn set_rules(&self, seed: HashSeed) -> set::Rules {
        /// Compat: an intset is never larger, whatever the option says.
        const INTS_MAX: usize = 1 << 30;
        let conf = &self.set;
        let [ints, entries, value] =
            [conf.max_intset_entries, conf.max_listpack_entries, conf.max_listpack_value]
                .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let max_ints = ints.min(INTS_MAX);
        set::Rules { max_ints, max_entries: entries, max_value: value, seed }
    }

    pub fn zset_rules(&self, seed: HashSeed) -> zset::Rules {
        let limit = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        zset::Rules {
            entries: limit(self.zset.max_listpack_entries),
            member_bytes: limit(self.zset.max_listpack_value),
            seed,
        }
    }
}
