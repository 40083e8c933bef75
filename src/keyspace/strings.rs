//! Strings changed in place: what APPEND, SETRANGE, SETBIT and BITFIELD need of the keyspace.
//!
//! A short string grows inside its entry while the size class allows, is copied to a larger entry up to
//! `SHORT_MAX`, and from there lives in an allocation of its own that grows with some room to spare: doubled up to
//! one megabyte, by a megabyte beyond.

use std::sync::Arc;

use super::entry::{Entry, Meta, SHORT_MAX, Value};
use super::events::Event;
use super::selected::{Selected, WrongType};
use crate::types::text::Text;

/// Room to spare is at most this.
const SPARE_MAX: usize = 1 << 20;

impl Selected<'_> {
    /// Makes the string at a key at least `len` bytes long, adding zeros, and lets `write` change it; a missing
    /// key becomes an empty string first. The string is `raw` from then on, and keeps its time to live. Returns
    /// its length. The caller says [`Selected::changed`].
    pub fn edit_text(
        &mut self,
        key: &[u8],
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<usize, WrongType> {
        let hash = self.hash(key);
        let (_, now) = (self.is_gone(hash, key), self.now);
        let clock = self.keyspace.tuning.policy.fresh(now);
        let db = self.keyspace.db_mut(self.index);
        let Some(mut slot) = db.keys.find_mut(hash, key) else {
            let mut bytes = vec![0; len];
            write(&mut bytes);
            let value = value_of(bytes);
            let meta = Meta { deadline: None, clock, is_raw: true };
            db.insert(hash, Entry::new(key, value, meta));
            self.keyspace.events.push(self.index, Event::NEW, key);
            return Ok(len);
        };
        let old = slot.view().text().ok_or(WrongType)?;
        let len = len.max(old.len());
        if let Some(big) = slot.edit().big_mut() {
            grow(big, len);
            write(Arc::make_mut(big).as_mut_slice());
            return Ok(len);
        }
        if let Some(bytes) = slot.edit().resize_short(len, true) {
            write(bytes);
            return Ok(len);
        }
        let view = slot.view();
        let meta = Meta { is_raw: true, ..view.meta() };
        let mut bytes = Vec::with_capacity(if len > SHORT_MAX { spare(len) } else { len });
        bytes.extend_from_slice(view.text().unwrap_or(Text::Int(0)).bytes(&mut Vec::new()));
        bytes.resize(len, 0);
        write(&mut bytes);
        slot.replace(Entry::new(key, value_of(bytes), meta));
        Ok(len)
    }
}

fn value_of(bytes: Vec<u8>) -> Value<'static> {
    // `Entry::new` keeps it in the entry if it is short.
    Value::Big(Arc::new(bytes))
}

/// Capacity to ask for a string of this length.
fn spare(len: usize) -> usize {
    len + len.min(SPARE_MAX)
}

/// Lengthens a long string with zeros, making it ours if a reply still holds it.
fn grow(big: &mut Arc<Vec<u8>>, len: usize) {
    if len > big.capacity() || Arc::get_mut(big).is_none() {
        let mut bytes = Vec::with_capacity(if len > big.len() { spare(len) } else { len });
        bytes.extend_from_slice(big);
        *big = Arc::new(bytes);
    }
    Arc::make_mut(big).resize(len, 0);
}
