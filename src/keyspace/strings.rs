//! Strings changed in place: what APPEND, SETRANGE, SETBIT, BITFIELD and HyperLogLogs need of the
//! keyspace.
//!
//! A short string grows inside its entry while the size class allows, is copied to a larger entry
//! up to `SHORT_MAX`, and from there lives in an allocation of its own that grows with some room to
//! spare: doubled up to one megabyte, by a megabyte beyond. Whatever is changed here is `raw` from
//! then on, and keeps its time to live.

use std::sync::Arc;

use super::entry::{Entry, EntryMut, Meta, SHORT_MAX, Value};
use super::events::Event;
use super::selected::{Selected, Ttl, WrongType, touch_entry};
use super::sizes::Bin;
use crate::types::text::Text;

/// Room to spare is at most this.
const SPARE_MAX: usize = 1 << 20;

/// A larger scratch buffer is not kept.
const SCRATCH_MAX: usize = 1 << 16;

/// What a new string is made of.
static ZEROS: [u8; SHORT_MAX] = [0; SHORT_MAX];

/// The lengths of a string before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// 0 for a key that did not exist.
    pub old: usize,
    pub len: usize,
}

/// How long a string becomes.
#[derive(Debug, Clone, Copy)]
enum Length {
    /// As it is, but no shorter than this.
    AtLeast(usize),
    Exactly(usize),
}

impl Length {
    fn of(self, old: usize) -> usize {
        match self {
            Length::AtLeast(len) => len.max(old),
            Length::Exactly(len) => len,
        }
    }
}

impl Selected<'_> {
    /// Makes the string at a key at least `len` bytes long, adding zeros, and lets `write` change
    /// it; a missing key becomes an empty string first. The caller has looked at the key before, so
    /// this is no access, and says [`Selected::changed`].
    pub fn edit_text(
        &mut self,
        key: &[u8],
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<Edited, WrongType> {
        self.reshape(key, false, Length::AtLeast(len), write)
    }

    /// As [`Selected::edit_text`], for a caller that has not looked at the key before.
    pub fn reach_text(
        &mut self,
        key: &[u8],
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<Edited, WrongType> {
        self.reshape(key, true, Length::AtLeast(len), write)
    }

    /// Lets `change` work on a copy of the string at a key, empty if there is none, and stores that
    /// if it succeeds. Otherwise as [`Selected::edit_text`].
    pub fn rewrite_text<R, E: From<WrongType>>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Vec<u8>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut bytes = std::mem::take(&mut self.keyspace.scratch);
        bytes.clear();
        if let Some(entry) = self.peek(key) {
            let text = entry.text().ok_or(WrongType)?;
            bytes.extend_from_slice(text.bytes(&mut Vec::new()));
        }
        let result = change(&mut bytes).and_then(|result| {
            let len = Length::Exactly(bytes.len());
            self.reshape(key, false, len, |text| text.copy_from_slice(&bytes))?;
            Ok(result)
        });
        if bytes.capacity() <= SCRATCH_MAX {
            self.keyspace.scratch = bytes;
        }
        result
    }

    /// Stores a string as [`Selected::set`] does, but `raw`, without a time to live.
    pub fn set_text(&mut self, key: &[u8], bytes: Vec<u8>) {
        let is_short = bytes.len() <= SHORT_MAX;
        self.set(key, Value::Big(Arc::new(bytes)), Ttl::Clear);
        if is_short {
            self.mark_raw(key);
        }
    }

    /// An integer was put in the place of another, where it stands.
    #[inline]
    pub fn note_sum(&mut self, old: i64, sum: i64) {
        self.db_mut().sizes.change(Bin::of_integer(old), Bin::of_integer(sum));
    }

    /// Has a string reported as `raw`.
    pub fn mark_raw(&mut self, key: &[u8]) {
        self.declared.writes(key);
        let hash = self.hash(key);
        if let Some(slot) = self.db_mut().keys.find_mut(hash, key) {
            let mut entry = slot.into_mut();
            if let Some(len) = entry.view().text().map(Text::len) {
                entry.resize_short(len, true);
            }
        }
    }

    fn reshape(
        &mut self,
        key: &[u8],
        is_access: bool,
        len: Length,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<Edited, WrongType> {
        self.declared.writes(key);
        let hash = self.hash(key);
        if self.is_gone(hash, key) {
            // A replica may be written to: what was hidden goes without a word.
            drop(self.db_mut().remove(hash, key));
        }
        let (now, no_touch) = (self.now, self.no_touch);
        let policy = self.keyspace.tuning.policy;
        let super::Keyspace { dbs, random, events, .. } = &mut *self.keyspace;
        let db = &mut dbs[self.index.0 as usize];
        let Some(mut slot) = db.keys.find_mut(hash, key) else {
            let meta = Meta { deadline: None, clock: policy.fresh(now), is_raw: true };
            let len = len.of(0);
            db.insert(hash, make(key, Text::Bytes(b""), len, meta, write));
            events.push(self.index, Event::NEW, key);
            return Ok(Edited { old: 0, len });
        };
        let text = slot.view().text().ok_or(WrongType)?;
        let old = text.len();
        let len = len.of(old);
        if is_access && !no_touch {
            touch_entry(&mut slot.edit(), policy, now, random);
        }
        let bin = slot.view().bin();
        let Some(write) = write_in_place(slot.edit(), len, write) else {
            db.sizes.change(bin, slot.view().bin());
            return Ok(Edited { old, len });
        };
        let view = slot.view();
        let meta = Meta { is_raw: true, ..view.meta() };
        let fresh = make(key, view.text().unwrap_or(Text::Int(0)), len, meta, write);
        db.sizes.change(bin, fresh.view().bin());
        slot.replace(fresh);
        Ok(Edited { old, len })
    }
}

/// Changes a string where it stands, if it can have that length there. Hands `write` back if it
/// cannot.
fn write_in_place<W: FnOnce(&mut [u8])>(
    mut entry: EntryMut<'_>,
    len: usize,
    write: W,
) -> Option<W> {
    if let Some(text) = entry.resize_short(len, true) {
        write(text);
        return None;
    }
    match entry.big_mut() {
        Some(big) if len > SHORT_MAX => {
            resize(big, len);
            write(Arc::make_mut(big).as_mut_slice());
            None
        }
        _ => Some(write),
    }
}

/// An entry with a string of another length, changed.
fn make(key: &[u8], old: Text<'_>, len: usize, meta: Meta, write: impl FnOnce(&mut [u8])) -> Entry {
    let mut buffer = Vec::new();
    let old = old.bytes(&mut buffer);
    let kept = old.len().min(len);
    if len > SHORT_MAX {
        let mut bytes = match old {
            // Fresh memory is zero already.
            [] => vec![0; len],
            old => {
                let mut bytes = Vec::with_capacity(spare(len));
                bytes.extend_from_slice(&old[..kept]);
                bytes.resize(len, 0);
                bytes
            }
        };
        write(&mut bytes);
        return Entry::new(key, Value::Big(Arc::new(bytes)), meta);
    }
    let mut entry = Entry::new(key, Value::Bytes(&ZEROS[..len]), meta);
    let mut edit = entry.edit();
    let text = edit.resize_short(len, true).expect("its length stays the same");
    text[..kept].copy_from_slice(&old[..kept]);
    write(text);
    entry
}

/// Capacity to ask for a string of this length.
fn spare(len: usize) -> usize {
    len + len.min(SPARE_MAX)
}

/// Gives a long string another length, with zeros at its end, making it ours if a reply still holds
/// it.
fn resize(big: &mut Arc<Vec<u8>>, len: usize) {
    if len > big.capacity() || Arc::get_mut(big).is_none() {
        let mut bytes = Vec::with_capacity(if len > big.len() { spare(len) } else { len });
        bytes.extend_from_slice(&big[..big.len().min(len)]);
        *big = Arc::new(bytes);
    }
    Arc::make_mut(big).resize(len, 0);
}
