//! Hashes: the many ways in which fields, values and deadlines were written over the years.
//!
//! ```text
//!    4      count  (field value)*
//!   24      earliest (8 bytes)  count  (ttl field value)*        ttl: 0 for none, else deadline - earliest + 1
//!   22 old  count  (deadline field value)*                      0 for none
//!   22 new  count  (field value deadline (8 bytes))*            -1 for none; from version 80 on
//!   16 13   a listpack, a ziplist of pairs     9   a zipmap
//!   25 23   a listpack of triples; in front of the first kind a moment that means nothing
//! ```

use super::reader::Reader;
use super::value::{Context, Found, doubtful, listpack, packed, ziplist};
use super::{Fault, corrupt, old};
use crate::base::clock::UnixMillis;
use crate::ds::listpack::{Item, Listpack, Packed};
use crate::keyspace::Value;
use crate::persist::rdb::format::{kind, version};
use crate::types::hash::{FieldTtl, Hash, Limits};
use crate::types::{Form, Object};

/// No field goes away later.
const DEADLINE_MAX: u64 = (1 << 48) - 1;

pub fn read<'r>(r: &'r mut Reader<'_>, kind: u8, cx: &mut Context) -> Result<Found<'r>, Fault> {
    match kind {
        kind::HASH | kind::HASH_TTL | kind::HASH_TTL_22 => fields(r, kind, cx),
        kind::HASH_ZIPMAP => {
            let span = r.string()?;
            let Some((pack, longest)) = old::zipmap(r.get(span)) else {
                return corrupt(doubtful(kind));
            };
            let span = r.replace(pack.into_blob());
            if longest > cx.rules.hash.text {
                // Compat: only here do the texts matter.
                let entries = std::mem::replace(&mut cx.rules.hash.entries, 0);
                let found = packed(r, span, Form::Hash, cx);
                cx.rules.hash.entries = entries;
                return found;
            }
            packed(r, span, Form::Hash, cx)
        }
        kind::HASH_ZIPLIST => {
            let pack = ziplist(r, kind)?;
            let span = r.replace(pack.into_blob());
            packed(r, span, Form::Hash, cx)
        }
        kind::HASH_LISTPACK => {
            let span = listpack(r, kind)?;
            packed(r, span, Form::Hash, cx)
        }
        kind::HASH_LISTPACK_TTL | kind::HASH_LISTPACK_TTL_PRE_GA => {
            if kind == kind::HASH_LISTPACK_TTL {
                r.millis()?;
            }
            let span = listpack(r, kind)?;
            packed(r, span, Form::HashTtl, cx)
        }
        _ => Err(Fault::Corrupt(format!("Unknown RDB encoding type {kind}").into())),
    }
}

/// A hash of one blob, which becomes a table if it has too many fields.
pub fn of_blob(form: Form, blob: Vec<u8>, count: usize, limits: Limits) -> Value<'static> {
    let mut hash = Hash::from_packed(form, blob).expect("the form is one of the type");
    hash.expect(count, std::iter::empty(), limits);
    Value::Hash(Box::new(hash))
}

/// Checks that every third element is a deadline, and that they stand in order, those without at
/// the end.
pub fn check_deadlines(pack: Packed<'_>) -> Result<(), Fault> {
    let mut before = 0;
    for (_, item) in pack.offsets().skip(2).step_by(3) {
        let rank = match item {
            Item::Int(0) => u64::MAX,
            Item::Int(ms) if ms as u64 <= DEADLINE_MAX => ms as u64,
            _ => return corrupt("Hash listpack with invalid TTL"),
        };
        if rank < before {
            return corrupt("Hash listpack is not in the order of TTLs");
        }
        before = rank;
    }
    Ok(())
}

/// Fields one by one.
fn fields<'r>(r: &'r mut Reader<'_>, kind: u8, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let earliest = if kind == kind::HASH_TTL { r.millis()? } else { 0 };
    let is_valkey = kind == kind::HASH_TTL_22 && cx.version >= version::VALKEY_9;
    let count = r.count(2)?;
    if count == 0 {
        return Ok(Found::Empty);
    }
    let limits = cx.rules.hash;
    let mut making = Making::new(count, limits);
    let (mut name, mut value) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut ttl = FieldTtl::Clear;
        if kind != kind::HASH && !is_valkey {
            ttl = ttl_of(r.number()?, (kind == kind::HASH_TTL).then_some(earliest))?;
        }
        r.string_into(&mut name)?;
        r.string_into(&mut value)?;
        if is_valkey {
            ttl = match r.millis()? {
                -1 => FieldTtl::Clear,
                at if (0..=DEADLINE_MAX as i64).contains(&at) => {
                    FieldTtl::At(UnixMillis(at.max(1)))
                }
                _ => return corrupt("Invalid expiry of a hash field"),
            };
        }
        if !making.add(&name, &value, ttl) {
            return corrupt("Hash with dup elements");
        }
    }
    let hash = making.finish();
    if let Some((Form::Hash, blob)) = hash.packed()
        && !cx.seen.all_distinct(Packed::new(blob), 2)
    {
        return corrupt("Hash with dup elements");
    }
    Ok(Found::Value(Value::Hash(Box::new(hash))))
}

/// A deadline told as a distance from the earliest one; in the old form, which has none, by itself.
fn ttl_of(ttl: u64, earliest: Option<i64>) -> Result<FieldTtl, Fault> {
    if ttl == 0 {
        return Ok(FieldTtl::Clear);
    }
    let at = match earliest.map(u64::try_from) {
        None => Some(ttl),
        Some(Ok(earliest)) => (ttl - 1).checked_add(earliest),
        Some(Err(_)) => None,
    };
    match at.filter(|at| (1..=DEADLINE_MAX).contains(at)) {
        Some(at) => Ok(FieldTtl::At(UnixMillis(at as i64))),
        None => corrupt("Invalid expiry of a hash field"),
    }
}

/// A hash that is being made.
enum Making {
    /// As long as it may become a listpack of pairs: fields are added without a look at the others.
    Pairs(Listpack, Limits),
    Any(Hash, Limits),
}

impl Making {
    fn new(count: usize, limits: Limits) -> Making {
        if count <= limits.entries {
            return Making::Pairs(Listpack::new(), limits);
        }
        let mut hash = Hash::default();
        hash.expect(count, std::iter::empty(), limits);
        Making::Any(hash, limits)
    }

    /// False: the field was there.
    fn add(&mut self, name: &[u8], value: &[u8], ttl: FieldTtl) -> bool {
        if let Making::Pairs(pack, limits) = self {
            let (field, item) = (Item::of(name), Item::of(value));
            let fits = name.len().max(value.len()) <= limits.text
                && pack.has_room(field.packed_bytes() + item.packed_bytes());
            if fits && ttl == FieldTtl::Clear {
                pack.push_back(field);
                pack.push_back(item);
                return true;
            }
            let Some(hash) = laid_out(pack, *limits) else { return false };
            *self = Making::Any(hash, *limits);
        }
        match self {
            Making::Any(hash, limits) => hash.set(name, value, ttl, *limits),
            Making::Pairs(..) => unreachable!("it has become another"),
        }
    }

    fn finish(self) -> Hash {
        match self {
            Making::Pairs(mut pack, _) => {
                pack.shrink();
                Hash::Packed(pack)
            }
            Making::Any(hash, _) => hash,
        }
    }
}

/// What was gathered in pairs, one field after the other. Nothing if one comes twice.
fn laid_out(pack: &Listpack, limits: Limits) -> Option<Hash> {
    let mut hash = Hash::default();
    let (mut name, mut value) = (Vec::new(), Vec::new());
    for (field, item) in pack.view().pairs() {
        let (field, item) = (field.bytes(&mut name), item.bytes(&mut value));
        if !hash.set(field, item, FieldTtl::Clear, limits) {
            return None;
        }
    }
    Some(hash)
}
