//! Values: from the number of a type and its bytes to what an entry keeps.
//!
//! A value takes the encoding that the thresholds of this server demand, whatever the one was that
//! it was saved in. A blob that may stay one, and is small, goes from the buffer into the entry
//! without an allocation of its own.

use super::blob::{self, Seen, Shape};
use super::reader::{Reader, Span, Word};
use super::{Fault, Options, Rules, corrupt, hash, old, stream};
use crate::base::text::parse_f64;
use crate::ds::intset::Ints;
use crate::ds::listpack::{Item, Listpack, Packed};
use crate::ds::ordered::Gathered;
use crate::ds::quicklist::Quicklist;
use crate::keyspace::Value;
use crate::keyspace::entry::SHORT_MAX;
use crate::persist::rdb::format::{container, kind, module_name, version};
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::text::compact;
use crate::types::zset::Zset;
use crate::types::{Form, Object};

/// What reading a value needs beside its bytes.
pub struct Context {
    pub rules: Rules,
    pub version: u16,
    pub skip_modules: bool,
    pub seen: Seen,
    /// The number of the type that is read.
    pub kind: u8,
}

impl Context {
    pub fn new(options: &Options, version: u16) -> Self {
        let seen = Seen::new(options.rules.hash.seed);
        Context { rules: options.rules, version, skip_modules: options.skip_modules, seen, kind: 0 }
    }
}

/// Room is made for so many elements at most before they have been seen: what comes beyond makes
/// its own.
const ROOM_MAX: usize = 1 << 20;

/// What there was.
pub enum Found<'r> {
    Value(Value<'r>),
    /// A collection without elements.
    Empty,
    /// The value of a module, which nobody here can read.
    Module,
}

/// Whether a number is that of a type that is known in a version.
pub fn is_known(kind: u8, in_version: u16) -> bool {
    match kind {
        8 => false,
        0..=kind::HASH_TTL_22 => true,
        23..=kind::HASH_LISTPACK_TTL => in_version <= version::FOREIGN_MAX,
        _ => false,
    }
}

/// Reads a value.
pub fn read<'r>(r: &'r mut Reader<'_>, kind: u8, cx: &mut Context) -> Result<Found<'r>, Fault> {
    cx.kind = kind;
    match kind {
        kind::STRING => string(r),
        kind::LIST => list(r, cx),
        kind::QUICKLIST | kind::QUICKLIST_2 => nodes(r, kind, cx),
        kind::LIST_ZIPLIST => {
            let pack = ziplist(r, kind)?;
            if pack.view().is_empty() {
                return Ok(Found::Empty);
            }
            let mut quick = Quicklist::new(cx.rules.list);
            quick.push_blob(pack.into_blob());
            Ok(settled(quick, cx))
        }
        kind::SET => set(r, cx),
        kind::SET_INTSET => intset(r, cx),
        kind::SET_LISTPACK => {
            let span = listpack(r, kind)?;
            packed(r, span, Form::Set, cx)
        }
        kind::ZSET_TEXT | kind::ZSET => zset(r, kind, cx),
        kind::ZSET_ZIPLIST => {
            let pack = ziplist(r, kind)?;
            let span = r.replace(pack.into_blob());
            packed(r, span, Form::Zset, cx)
        }
        kind::ZSET_LISTPACK => {
            let span = listpack(r, kind)?;
            packed(r, span, Form::Zset, cx)
        }
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => stream::read(r, kind),
        kind::MODULE => module(r, cx),
        kind::MODULE_PRE_GA => corrupt("Pre-release module format not supported"),
        _ => hash::read(r, kind, cx),
    }
}

fn string<'r>(r: &'r mut Reader<'_>) -> Result<Found<'r>, Fault> {
    let value = match r.word()? {
        Word::Int(number) => Value::Int(number),
        Word::Text(span) => match compact(r.get(span)) {
            Some(number) => Value::Int(number),
            None if r.get(span).len() <= SHORT_MAX => Value::Bytes(r.get(span)),
            None => Value::Big(r.take(span).into()),
        },
    };
    Ok(Found::Value(value))
}

/// A listpack that can be relied on.
pub fn listpack(r: &mut Reader<'_>, kind: u8) -> Result<Span, Fault> {
    let span = r.string()?;
    match blob::listpack(r.get(span)) {
        Some(Shape::Good) => Ok(span),
        Some(Shape::Made(made)) => Ok(r.replace(made)),
        None => corrupt(doubtful(kind)),
    }
}

/// The elements of a ziplist.
pub fn ziplist(r: &mut Reader<'_>, kind: u8) -> Result<Listpack, Fault> {
    let span = r.string()?;
    match old::ziplist(r.get(span)) {
        Some(pack) => Ok(pack),
        None => corrupt(doubtful(kind)),
    }
}

/// A value that is one listpack of a form, which may become something larger.
pub fn packed<'r>(
    r: &'r mut Reader<'_>,
    span: Span,
    form: Form,
    cx: &mut Context,
) -> Result<Found<'r>, Fault> {
    let pack = Packed::new(r.get(span));
    if pack.is_empty() {
        return Ok(Found::Empty);
    }
    let step = match form {
        Form::Zset | Form::Hash => 2,
        Form::HashTtl => 3,
        Form::List | Form::Set | Form::Ints => 1,
    };
    let count = pack.len() / step;
    if !pack.len().is_multiple_of(step) || !cx.seen.all_distinct(pack, step) {
        return corrupt(doubtful(cx.kind));
    }
    match form {
        Form::HashTtl => hash::check_deadlines(pack)?,
        Form::Zset if !scores_ascend(pack, cx.kind)? => {
            let mut gathered = Gathered::new(cx.rules.zset.seed);
            let mut text = Vec::new();
            for (member, score) in pack.pairs() {
                gathered.join(member.bytes(&mut text), score_of(score, cx.kind)?, |_, new| new);
            }
            return Ok(Found::Value(boxed_zset(Zset::gathered(gathered, cx.rules.zset))));
        }
        _ => {}
    }
    let is_small = pack.bytes().len() <= SHORT_MAX;
    let rules = cx.rules;
    let max = match form {
        Form::Zset => rules.zset.entries,
        Form::Set => rules.set.max_entries,
        _ => rules.hash.entries,
    };
    if count <= max && is_small {
        return Ok(Found::Value(Value::Packed(form, r.get(span))));
    }
    let blob = r.take(span);
    Ok(Found::Value(large(form, blob, count, rules)))
}

/// A value of one listpack that does not fit into an entry, or has too many elements for a
/// listpack.
fn large(form: Form, blob: Vec<u8>, count: usize, rules: Rules) -> Value<'static> {
    const OWN: &str = "the form is one of the type";
    match form {
        Form::Zset => {
            let mut set = Zset::from_packed(form, blob).expect(OWN);
            set.expect(count, rules.zset);
            boxed_zset(set)
        }
        Form::Set => {
            let mut set = Set::from_packed(form, blob).expect(OWN);
            set.expect(count, rules.set);
            Value::Set(Box::new(set))
        }
        _ => hash::of_blob(form, blob, count, rules.hash),
    }
}

/// What is said of a blob whose elements do not make a value of a type.
pub fn doubtful(kind: u8) -> &'static str {
    match kind {
        kind::HASH_ZIPLIST => "Hash ziplist integrity check failed.",
        kind::HASH_ZIPMAP => "Zipmap integrity check failed.",
        kind::SET_LISTPACK => "Set listpack integrity check failed.",
        kind::ZSET_LISTPACK => "Zset listpack integrity check failed.",
        kind::ZSET_ZIPLIST => "Zset ziplist integrity check failed.",
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => "Stream listpack integrity check failed.",
        kind::LIST_ZIPLIST | kind::QUICKLIST | kind::QUICKLIST_2 => {
            "List node integrity check failed."
        }
        _ => "Hash listpack with dup elements, or uneven: integrity check failed.",
    }
}

fn boxed_zset(set: Zset) -> Value<'static> {
    Value::Zset(Box::new(set))
}

fn score_of(item: Item<'_>, kind: u8) -> Result<f64, Fault> {
    match item {
        Item::Int(number) => Ok(number as f64),
        Item::Bytes(text) => match parse_f64(text) {
            Some(score) => Ok(score),
            None => corrupt(doubtful(kind)),
        },
    }
}

/// Whether pairs are in the order of a sorted set. All scores are looked at: what is no number is
/// an error.
fn scores_ascend(pack: Packed<'_>, kind: u8) -> Result<bool, Fault> {
    let (mut ascend, mut before) = (true, None::<(f64, Item<'_>)>);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (member, score) in pack.pairs() {
        let score = score_of(score, kind)?;
        if let Some((last, name)) = before {
            ascend &= last < score || last == score && name.bytes(&mut a) < member.bytes(&mut b);
        }
        before = Some((score, member));
    }
    Ok(ascend)
}

fn zset<'r>(r: &'r mut Reader<'_>, kind: u8, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let count = r.count(if kind == kind::ZSET { 9 } else { 2 })?;
    if count == 0 {
        return Ok(Found::Empty);
    }
    let mut gathered = Gathered::with_capacity(cx.rules.zset.seed, count.min(ROOM_MAX));
    let mut text = Vec::new();
    for _ in 0..count {
        r.string_into(&mut text)?;
        let score = match kind {
            kind::ZSET => f64::from_le_bytes(r.array()?),
            _ => text_score(r)?,
        };
        if score.is_nan() {
            return corrupt("Zset with NAN score detected");
        }
        let mut is_double = false;
        gathered.join(&text, score, |_, new| {
            is_double = true;
            new
        });
        if is_double {
            return corrupt("Duplicate zset fields detected");
        }
    }
    Ok(Found::Value(boxed_zset(Zset::gathered(gathered, cx.rules.zset))))
}

/// A score of the oldest form: the length of its text, or what it is.
fn text_score(r: &mut Reader<'_>) -> Result<f64, Fault> {
    let mut text = [0; 252];
    let len = match r.byte()? {
        255 => return Ok(f64::NEG_INFINITY),
        254 => return Ok(f64::INFINITY),
        253 => return Ok(f64::NAN),
        len => usize::from(len),
    };
    for byte in &mut text[..len] {
        *byte = r.byte()?;
    }
    match parse_f64(&text[..len]) {
        Some(score) => Ok(score),
        None => corrupt("Invalid zset score"),
    }
}

fn set<'r>(r: &'r mut Reader<'_>, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let count = r.count(1)?;
    if count == 0 {
        return Ok(Found::Empty);
    }
    let mut text = Vec::new();
    r.string_into(&mut text)?;
    let mut set = Set::begin(&text, count.min(ROOM_MAX), cx.rules.set);
    set.add(&text, cx.rules.set);
    for _ in 1..count {
        r.string_into(&mut text)?;
        if !set.add(&text, cx.rules.set) {
            return corrupt("Duplicate set members detected");
        }
    }
    Ok(Found::Value(Value::Set(Box::new(set))))
}

fn intset<'r>(r: &'r mut Reader<'_>, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let span = r.string()?;
    let Ok(ints) = Ints::check(r.get(span)) else {
        return corrupt("Intset integrity check failed.");
    };
    let count = ints.len();
    if count <= cx.rules.set.max_ints && ints.bytes().len() <= SHORT_MAX {
        return Ok(Found::Value(Value::Packed(Form::Ints, r.get(span))));
    }
    let blob = r.take(span);
    let mut set = Set::from_packed(Form::Ints, blob).expect("the form is one of the type");
    set.expect(count, cx.rules.set);
    Ok(Found::Value(Value::Set(Box::new(set))))
}

/// A chain that was read becomes a list: short ones are one listpack.
fn settled(quick: Quicklist, cx: &Context) -> Found<'static> {
    let mut list = List::Quick(Box::new(quick));
    list.settle(cx.rules.list);
    Found::Value(Value::List(Box::new(list)))
}

fn list<'r>(r: &'r mut Reader<'_>, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let count = r.count(1)?;
    if count == 0 {
        return Ok(Found::Empty);
    }
    let mut quick = Quicklist::new(cx.rules.list);
    for _ in 0..count {
        let item = match r.item()? {
            Item::Bytes(text) => Item::of(text),
            number => number,
        };
        quick.push_back(item.into(), cx.rules.list);
    }
    Ok(settled(quick, cx))
}

fn nodes<'r>(r: &'r mut Reader<'_>, kind: u8, cx: &mut Context) -> Result<Found<'r>, Fault> {
    let count = r.count(2)?;
    let mut quick = Quicklist::new(cx.rules.list);
    for _ in 0..count {
        if kind == kind::QUICKLIST {
            let pack = ziplist(r, kind)?;
            quick.push_blob(pack.into_blob());
            continue;
        }
        match r.number()? {
            container::PLAIN => {
                let bytes = r.owned()?;
                if bytes.is_empty() {
                    return corrupt("Empty node of a list");
                }
                quick.push_plain(bytes);
            }
            container::PACKED => {
                let span = listpack(r, kind)?;
                let pack = Packed::new(r.get(span));
                let fits = cx.rules.list.fill.allows(pack.bytes().len(), pack.len());
                if count == 1 && fits && !pack.is_empty() && pack.bytes().len() <= SHORT_MAX {
                    return Ok(Found::Value(Value::Packed(Form::List, r.get(span))));
                }
                quick.push_blob(r.take(span));
            }
            _ => return corrupt("Quicklist integrity check failed."),
        }
    }
    if quick.is_empty() { Ok(Found::Empty) } else { Ok(settled(quick, cx)) }
}

/// The value of a module, passed over if that is wanted.
fn module<'r>(r: &'r mut Reader<'_>, cx: &Context) -> Result<Found<'r>, Fault> {
    let id = r.number()?;
    if !cx.skip_modules {
        let (name, _) = module_name(id);
        return Err(Fault::Corrupt(
            format!(
                "The RDB file contains module data I can't load: no matching module type '{name}'"
            )
            .into(),
        ));
    }
    skip_module(r)?;
    Ok(Found::Module)
}

/// Passes over what a module wrote, up to its end.
pub fn skip_module(r: &mut Reader<'_>) -> Result<(), Fault> {
    loop {
        match r.number()? {
            0 => return Ok(()),
            1 | 2 => drop(r.number()?),
            3 => drop(r.array::<4>()?),
            4 => drop(r.array::<8>()?),
            5 => drop(r.string()?),
            // Compat: what nobody knows is passed over.
            _ => {}
        }
    }
}
