//! Entries: a key with its value, in one allocation.
//!
//! ```text
//!   0        6                                                                          bytes
//!  ┌────────┬────────────┬──────────────┬──────────┬─────────┬───────────┬──────────────┐
//!  │ head   │ key length │ value length │ deadline │ word    │ key bytes │ value bytes  │
//!  └────────┴────────────┴──────────────┴──────────┴─────────┴───────────┴──────────────┘
//!            4: keys of   2: values of   8: volatile 8: all    always      kind Short and
//!            255 and up   255 and up     keys only   kinds but those →     packed kinds
//!
//!  head  47           40 39         32 31   28 27   24 23                          0
//!       ┌───────────────┬─────────────┬───────┬───────┬─────────────────────────────┐
//!       │ value length  │ key length  │ flags │ kind  │ access clock (LRU or LFU)   │
//!       │ (or 255)      │ (or 255)    │       │       │                             │
//!       └───────────────┴─────────────┴───────┴───────┴─────────────────────────────┘
//!
//!  kind  Short    the value's bytes follow the key      flags  1  has a deadline
//!        Int      the word is the integer                      2  OBJECT ENCODING says `raw`
//!        Long     the word is an `Arc<Vec<u8>>`                4  the key's length has a field of its own
//!        List..   the word is a `Box` of the type              8  and so has the value's
//!        Packed.. a small value of a type is one blob (`types::Form`), which follows the key
//! ```
//!
//! Small collections thus cost one allocation and one cache miss like strings do; `selected::Edit`
//! takes the blob out to change it and puts it back.
//!
//! A key of 16 bytes with a value of 8 takes 30 bytes. The block is a cell (`base::cells`), always
//! of a whole size class, which is a function of head and key length; a value may thus be
//! overwritten in place whenever the class stays the same, and the size for freeing is known
//! without being stored. Cells are aligned to 2 at least, so words are read and written as
//! unaligned. The head is read and written as a word of 8 bytes (little-endian), which every block
//! has, together with the two bytes that follow it. Only the `Arc` of a long string is borrowed
//! where it is: the block of a `Long` entry is a multiple of 8, and so aligned to 8, and its word
//! stands at the next multiple of 8.
//!
//! Ownership: an [`Entry`] owns the block and what the word points to. [`EntryRef`] and
//! [`EntryMut`] are its views, as the table hands them out.
#![expect(unsafe_code, reason = "bytes per key: a header of variable shape over one allocation")]

mod head;
mod kind;
#[cfg(test)]
mod tests;

use head::{HAS_DEADLINE, HAS_LONG_KEY, HAS_LONG_VALUE, HEAD, Head, IS_RAW, LONG};
pub use kind::{Kind, Type};

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, forget};
use std::ptr::{NonNull, null_mut, without_provenance_mut};
use std::sync::Arc;

use crate::base::alloc;
use crate::base::cells::{self, class_size};
use crate::base::clock::UnixMillis;
use crate::base::cpu::prefetch;
use crate::ds::table::Element;
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::text::Text;
use crate::types::zset::Zset;
use crate::types::{Form, Object, View};

/// Strings and packed values up to this many bytes stand in the entry itself.
pub const SHORT_MAX: usize = 512;

/// What Redis keeps key and string together in one cache line, and then calls `embstr`: so many
/// bytes of both.
const EMBSTR_MAX: usize = 41;
/// The bytes of those that a time to live takes.
const EMBSTR_DEADLINE: usize = 8;

/// A value to store. Bytes are copied, the rest is adopted.
#[derive(Debug)]
pub enum Value<'a> {
    Big(Arc<Vec<u8>>),
    Bytes(&'a [u8]),
    Hash(Box<Hash>),
    Int(i64),
    List(Box<List>),
    /// A small value as one blob, of at most [`SHORT_MAX`] bytes.
    Packed(Form, &'a [u8]),
    Set(Box<Set>),
    Stream(Box<Stream>),
    Zset(Box<Zset>),
}

impl Value<'_> {
    /// The blob to be kept in the entry, if the value is a small collection.
    fn blob(&self) -> Option<(Form, &[u8])> {
        let packed = match self {
            Value::Packed(form, blob) => return Some((*form, blob)),
            Value::Hash(object) => object.packed(),
            Value::List(object) => object.packed(),
            Value::Set(object) => object.packed(),
            Value::Zset(object) => object.packed(),
            Value::Big(_) | Value::Bytes(_) | Value::Int(_) | Value::Stream(_) => None,
        };
        packed.filter(|(_, blob)| blob.len() <= SHORT_MAX)
    }
}

/// What an entry has beside key and value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    pub deadline: Option<UnixMillis>,
    /// 24 bits, see `access`.
    pub clock: u32,
    /// The string is reported as `raw` whatever its length.
    pub is_raw: bool,
}

/// A key and its value.
pub struct Entry(NonNull<u8>);

/// An entry, looked at.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    block: NonNull<u8>,
    entry: PhantomData<&'a Entry>,
}

/// An entry, to be changed.
pub struct EntryMut<'a> {
    view: EntryRef<'a>,
    entry: PhantomData<&'a mut Entry>,
}

/// The types that live in a box. Implemented in this file alone, one kind for each: casts rest on
/// it.
pub trait Boxed: Object + sealed::Sealed {
    /// The kind that stands for the type.
    const KIND: Kind;

    /// A value to store: the blob where it is small, else a box.
    fn to_value(object: Box<Self>) -> Value<'static>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! boxed {
    ($($name:ident),*) => {
        $(impl sealed::Sealed for $name {}
        impl Boxed for $name {
            const KIND: Kind = Kind::$name;

            fn to_value(object: Box<Self>) -> Value<'static> {
                Value::$name(object)
            }
        })*

        /// Drops what the word of a boxed kind owns.
        ///
        /// # Safety
        /// The word came from `Box::into_raw` of the kind's type and is not used again.
        unsafe fn drop_boxed(kind: Kind, word: Word) {
            match kind {
                // SAFETY: the caller's promise.
                $(Kind::$name => drop(unsafe { Box::from_raw(word.cast::<$name>()) }),)*
                _ => unreachable!("not boxed"),
            }
        }

        impl<'a> EntryRef<'a> {
            /// Runs a function of the object, if the value is one.
            pub fn object<R>(self, of: impl ObjectFn<R>) -> Option<R> {
                match self.value_type() {
                    $(Type::$name => self.of_type::<$name>().map(|view| of.call(view)),)*
                    Type::String => None,
                }
            }

            /// Bytes of memory that a boxed value takes, its own box included.
            fn boxed_bytes(self) -> usize {
                fn bytes<T: Object>(object: &T) -> usize {
                    alloc::class_size(size_of::<T>().max(1)) + object.memory_bytes()
                }
                match self.kind() {
                    $(Kind::$name => self.boxed::<$name>().map_or(0, bytes),)*
                    _ => 0,
                }
            }

            /// The blob of a collection that is one, wherever it is kept, and its form.
            pub fn blob(self) -> Option<(Form, &'a [u8])> {
                match self.kind() {
                    $(Kind::$name => self.boxed::<$name>().and_then(Object::packed),)*
                    _ => self.packed(),
                }
            }

            /// A copy of the value, to be stored under another key.
            pub fn copy_value(self) -> Value<'a> {
                match self.text() {
                    Some(Text::Int(number)) => return Value::Int(number),
                    Some(Text::Bytes(bytes)) => return Value::Bytes(bytes),
                    Some(Text::Big(bytes)) => return Value::Big(Arc::clone(bytes)),
                    None => {}
                }
                match (self.kind(), self.kind().form()) {
                    (_, Some(form)) => Value::Packed(form, self.inline()),
                    $((Kind::$name, None) => {
                        Value::$name(Box::new(self.boxed::<$name>().expect("its kind says so").clone()))
                    })*
                    (_, None) => unreachable!("strings have a text"),
                }
            }
        }
    };
}

/// A function of any object: closures cannot be generic.
pub trait ObjectFn<R> {
    fn call<V: View>(self, view: V) -> R;
}

boxed!(List, Set, Zset, Hash, Stream);

/// The word of an entry: the pointer of a box, or an integer's bits in a pointer's clothes. (The
/// `Arc` of a long string is stored as itself, so that it can be borrowed.)
type Word = *mut u8;

const _: () = assert!(size_of::<Word>() == 8 && size_of::<Arc<Vec<u8>>>() == 8);

impl Entry {
    /// Makes an entry.
    pub fn new(key: &[u8], value: Value<'_>, meta: Meta) -> Self {
        if let Some((form, blob)) = value.blob() {
            // SAFETY: a packed kind has no word.
            return unsafe { Entry::build(key, Kind::of_form(form), null_mut(), blob, meta) };
        }
        let boxed = |kind, word: *mut u8| (kind, word, &[][..]);
        let (kind, word, bytes): (Kind, Word, &[u8]) = match value {
            Value::Int(number) => (Kind::Int, without_provenance_mut(number as usize), &[]),
            Value::Bytes(bytes) if bytes.len() <= SHORT_MAX => (Kind::Short, null_mut(), bytes),
            Value::Bytes(bytes) => {
                return Entry::new(key, Value::Big(Arc::new(bytes.to_vec())), meta);
            }
            Value::Big(bytes) if bytes.len() <= SHORT_MAX => {
                return Entry::new(key, Value::Bytes(&bytes), meta);
            }
            Value::Big(bytes) => boxed(Kind::Long, Arc::into_raw(bytes).cast_mut().cast()),
            Value::Hash(object) => boxed(Kind::Hash, Box::into_raw(object).cast()),
            Value::List(object) => boxed(Kind::List, Box::into_raw(object).cast()),
            Value::Set(object) => boxed(Kind::Set, Box::into_raw(object).cast()),
            Value::Stream(object) => boxed(Kind::Stream, Box::into_raw(object).cast()),
            Value::Zset(object) => boxed(Kind::Zset, Box::into_raw(object).cast()),
            Value::Packed(..) => unreachable!("a packed value has a blob of at most so many bytes"),
        };
        // SAFETY: the word is the integer, or the pointer given up just above, as the kind says.
        unsafe { Entry::build(key, kind, word, bytes, meta) }
    }

    /// Writes the parts of an entry into a fresh block.
    ///
    /// # Safety
    /// The word is what the kind says, and its ownership passes to the entry.
    unsafe fn build(key: &[u8], kind: Kind, word: Word, bytes: &[u8], meta: Meta) -> Self {
        assert!(key.len() <= u32::MAX as usize, "bulks are shorter than 4 GiB");
        let head = Head::new(kind, key.len(), bytes.len(), meta);
        let block = cells::allocate(head.size(key.len(), bytes.len()));
        // SAFETY: all offsets below are inside the block, whose size was computed from the same
        // head: words lie before `key_at`, then the key, then the value. Source and target do not
        // overlap, the block being fresh. A Long entry is aligned to 8 and so is its word's offset.
        unsafe {
            block.cast::<u64>().write_unaligned(head.0.to_le());
            if head.has(HAS_LONG_KEY) {
                block.add(HEAD).cast::<u32>().write_unaligned(key.len() as u32);
            }
            if head.has(HAS_LONG_VALUE) {
                block.add(head.value_length_at()).cast::<u16>().write_unaligned(bytes.len() as u16);
            }
            if let Some(deadline) = meta.deadline {
                block.add(head.deadline_at()).cast::<i64>().write_unaligned(deadline.0);
            }
            match kind {
                _ if head.is_inline() => {}
                Kind::Long => {
                    block.add(head.word_at()).cast().write(Arc::from_raw(word.cast::<Vec<u8>>()))
                }
                _ => block.add(head.word_at()).cast::<Word>().write_unaligned(word),
            }
            let target = block.add(head.key_at());
            target.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            let target = target.add(key.len());
            target.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            Entry(block)
        }
    }

    /// The same value and clock under another key or with another deadline. The value is not
    /// copied.
    pub fn rebuild(self, key: Option<&[u8]>, deadline: Option<UnixMillis>) -> Entry {
        let view = self.view();
        let meta = Meta { deadline, clock: view.clock(), is_raw: view.is_raw() };
        let kind = view.kind();
        let word = match kind {
            _ if view.head().is_inline() => null_mut(),
            // SAFETY: the count moves to the new entry: the old one is forgotten.
            Kind::Long => Arc::into_raw(unsafe { std::ptr::read(view.big()) }).cast_mut().cast(),
            _ => view.word(),
        };
        let bytes = if view.head().is_inline() { view.inline() } else { &[] };
        // SAFETY: the word passes from the old entry to the new: the old block is freed without
        // dropping what it owned. Key and bytes are copied before.
        unsafe {
            let fresh = Entry::build(key.unwrap_or(view.key()), kind, word, bytes, meta);
            cells::free(self.0, view.size());
            forget(self);
            fresh
        }
    }

    /// Looks at the entry.
    #[inline]
    pub fn view(&self) -> EntryRef<'_> {
        EntryRef { block: self.0, entry: PhantomData }
    }

    /// Looks at the entry in order to change it.
    #[inline]
    pub fn edit(&mut self) -> EntryMut<'_> {
        EntryMut { view: EntryRef { block: self.0, entry: PhantomData }, entry: PhantomData }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let view = self.view();
        let (kind, size) = (view.kind(), view.size());
        // SAFETY: the word is what the kind says and is dropped once; the block was allocated with
        // this size class, for the class never changes while the entry lives.
        unsafe {
            match kind {
                _ if view.head().is_inline() => {}
                Kind::Int => {}
                Kind::Long => {
                    view.block.add(view.head().word_at()).cast::<Arc<Vec<u8>>>().drop_in_place()
                }
                boxed => drop_boxed(boxed, view.word()),
            }
            cells::free(self.0, size);
        }
    }
}

// SAFETY: an entry owns all it points to, and everything a value may be is `Send` and `Sync`:
// integers, bytes, `Arc`s of bytes, and boxed `Object`s, which are both by their trait.
unsafe impl Send for Entry {}
// SAFETY: shared views only read, and what they read, integers, bytes, `Arc`s of bytes and boxed
// `Object`s, is `Sync`.
unsafe impl Sync for Entry {}

impl<'a> EntryRef<'a> {
    #[inline]
    fn head(self) -> Head {
        // SAFETY: the block is alive for 'a and begins with the head.
        Head(u64::from_le(unsafe { self.block.cast().read_unaligned() }))
    }

    #[inline]
    fn word(self) -> Word {
        debug_assert!(!self.head().is_inline() && self.kind() != Kind::Long);
        // SAFETY: every kind whose value is not inline has a word there.
        unsafe { self.block.add(self.head().word_at()).cast().read_unaligned() }
    }

    #[inline]
    fn key_len(self) -> usize {
        let head = self.head();
        if head.has(HAS_LONG_KEY) {
            // SAFETY: the flag says that the field is there.
            unsafe { self.block.add(HEAD).cast::<u32>().read_unaligned() as usize }
        } else {
            head.short_key_len()
        }
    }

    /// Length of a value that stands behind the key; 0 if there is none.
    #[inline]
    fn value_len(self) -> usize {
        let head = self.head();
        if head.has(HAS_LONG_VALUE) {
            let at = head.value_length_at();
            // SAFETY: the flag says that the field is there.
            usize::from(unsafe { self.block.add(at).cast::<u16>().read_unaligned() })
        } else {
            head.short_value_len()
        }
    }

    /// The bytes of a value that stands behind the key.
    #[inline]
    fn inline(self) -> &'a [u8] {
        debug_assert!(self.head().is_inline());
        let at = self.head().key_at() + self.key_len();
        // SAFETY: an inline entry has so many bytes behind its key, alive for 'a and not written
        // meanwhile.
        unsafe { NonNull::slice_from_raw_parts(self.block.add(at), self.value_len()).as_ref() }
    }

    /// Bytes the entry needs: the block is the size class of this.
    #[inline]
    fn size(self) -> usize {
        self.head().size(self.key_len(), self.value_len())
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let at = self.head().key_at();
        // SAFETY: the key's bytes are there, alive for 'a, and never change.
        unsafe { NonNull::slice_from_raw_parts(self.block.add(at), self.key_len()).as_ref() }
    }

    /// How the value is kept.
    #[inline]
    pub fn kind(self) -> Kind {
        self.head().kind()
    }

    /// The type of the value.
    pub fn value_type(self) -> Type {
        match self.kind() {
            Kind::Short | Kind::Int | Kind::Long => Type::String,
            Kind::List | Kind::PackedList => Type::List,
            Kind::Set | Kind::PackedSet | Kind::PackedInts => Type::Set,
            Kind::Zset | Kind::PackedZset => Type::Zset,
            Kind::Hash | Kind::PackedHash | Kind::PackedHashTtl => Type::Hash,
            Kind::Stream => Type::Stream,
        }
    }

    /// The moment the key goes away, if it does.
    #[inline]
    pub fn deadline(self) -> Option<UnixMillis> {
        // SAFETY: the flag says that the field is there.
        self.head().has(HAS_DEADLINE).then(|| {
            UnixMillis(unsafe { self.block.add(self.head().deadline_at()).cast().read_unaligned() })
        })
    }

    /// The access clock: 24 bits of LRU time or LFU minutes and counter.
    #[inline]
    pub fn clock(self) -> u32 {
        self.head().clock()
    }

    /// The string, if the value is one.
    #[inline]
    pub fn text(self) -> Option<Text<'a>> {
        match self.kind() {
            Kind::Short => Some(Text::Bytes(self.inline())),
            Kind::Int => Some(Text::Int(self.word() as i64)),
            Kind::Long => Some(Text::Big(self.big())),
            _ => None,
        }
    }

    /// The long string.
    fn big(self) -> &'a Arc<Vec<u8>> {
        debug_assert!(self.kind() == Kind::Long);
        // SAFETY: a Long entry has an `Arc` in the word's place, aligned, alive for 'a.
        unsafe { self.block.add(self.head().word_at()).cast().as_ref() }
    }

    /// The value, if it is of that type.
    #[inline]
    pub fn of_type<T: Boxed>(self) -> Option<T::View<'a>> {
        match self.boxed::<T>() {
            Some(object) => Some(object.view()),
            None => self.packed().and_then(|(form, blob)| T::view_packed(form, blob)),
        }
    }

    /// The blob of a packed value, and its form.
    #[inline]
    pub fn packed(self) -> Option<(Form, &'a [u8])> {
        self.kind().form().map(|form| (form, self.inline()))
    }

    /// The object, if the value is a boxed one of that type.
    #[inline]
    fn boxed<T: Boxed>(self) -> Option<&'a T> {
        // SAFETY: each kind stands for one type, so the word came from `Box::into_raw` of a T,
        // which lives as long as the entry.
        (self.kind() == T::KIND).then(|| unsafe { &*self.word().cast::<T>() })
    }

    /// The name OBJECT ENCODING gives.
    pub fn encoding(self) -> &'static str {
        match self.text() {
            None => self.object(EncodingOf).unwrap_or("unknown"),
            Some(Text::Int(_)) => "int",
            Some(_) if self.is_raw() => "raw",
            Some(_) => "embstr",
        }
    }

    /// True when the string is `raw`: it was made so, or it was too long to stand with its key
    /// once. Only another value makes it `embstr` again.
    pub fn is_raw(self) -> bool {
        let room = EMBSTR_MAX - if self.deadline().is_some() { EMBSTR_DEADLINE } else { 0 };
        let is_long = match self.text() {
            None | Some(Text::Int(_)) => false,
            Some(text) => self.key().len() + text.len() > room,
        };
        self.head().has(IS_RAW) || is_long
    }

    /// What the entry has beside key and value.
    pub fn meta(self) -> Meta {
        Meta { deadline: self.deadline(), clock: self.clock(), is_raw: self.is_raw() }
    }

    /// Bytes of memory: the block and all it owns.
    pub fn memory_bytes(self) -> usize {
        let own = class_size(self.size());
        match self.text() {
            // The counts of an `Arc` and the vector's three words, then the bytes.
            Some(Text::Big(bytes)) => {
                own + alloc::class_size(40) + alloc::class_size(bytes.capacity())
            }
            Some(_) => own,
            None => own + self.boxed_bytes(),
        }
    }

    /// The earliest moment at which a part of the value goes away (a field of a hash).
    #[inline]
    pub fn part_deadline(self) -> Option<UnixMillis> {
        match self.kind() {
            Kind::Hash | Kind::PackedHashTtl => self.object(DeadlineOf).flatten(),
            _ => None,
        }
    }

    /// Asks the processor for the entry, which will be looked at soon.
    #[inline]
    pub fn prefetch(self) {
        prefetch(self.block.as_ptr());
    }

    /// Allocations that dropping the entry gives back, roughly.
    pub fn free_effort(self) -> usize {
        self.object(EffortOf).unwrap_or(1)
    }
}

/// [`View::encoding`] as an [`ObjectFn`].
struct EncodingOf;
/// [`View::free_effort`] as an [`ObjectFn`].
struct EffortOf;
/// [`View::deadline`] as an [`ObjectFn`].
struct DeadlineOf;

impl ObjectFn<&'static str> for EncodingOf {
    fn call<V: View>(self, view: V) -> &'static str {
        view.encoding()
    }
}

impl ObjectFn<usize> for EffortOf {
    fn call<V: View>(self, view: V) -> usize {
        view.free_effort()
    }
}

impl ObjectFn<Option<UnixMillis>> for DeadlineOf {
    fn call<V: View>(self, view: V) -> Option<UnixMillis> {
        view.deadline()
    }
}

impl<'a> EntryMut<'a> {
    /// Looks at the entry for a while.
    #[inline]
    pub fn view(&self) -> EntryRef<'_> {
        self.view
    }

    /// Gives up the right to change it.
    #[inline]
    pub fn into_view(self) -> EntryRef<'a> {
        self.view
    }

    #[inline]
    fn set_head(&mut self, head: Head) {
        // SAFETY: the block is alive and borrowed exclusively; it begins with the head, and what
        // follows is written as it was read.
        unsafe { self.view.block.cast().write_unaligned(head.0.to_le()) }
    }

    /// Changes the access clock.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        self.set_head(self.view.head().with_clock(clock));
    }

    /// Changes the deadline of an entry that has room for one. False: it has not; see
    /// [`Entry::rebuild`].
    #[inline]
    pub fn set_deadline(&mut self, deadline: UnixMillis) -> bool {
        let head = self.view.head();
        let fits = head.has(HAS_DEADLINE);
        if fits {
            // SAFETY: the flag says that the field is there; the entry is borrowed exclusively.
            unsafe { self.view.block.add(head.deadline_at()).cast().write_unaligned(deadline.0) }
        }
        fits
    }

    /// Puts an integer in the place of an integer. False: the value is kept otherwise.
    #[inline]
    pub fn overwrite_int(&mut self, number: i64) -> bool {
        let fits = self.view.kind() == Kind::Int;
        if fits {
            let at = self.view.head().word_at();
            // SAFETY: an Int entry has a word there; the entry is borrowed exclusively.
            unsafe { self.view.block.add(at).cast().write_unaligned(number) }
        }
        fits
    }

    /// Puts a short string in the place of a short string, if the size class stays the same.
    #[inline]
    pub fn overwrite_short(&mut self, bytes: &[u8], is_raw: bool) -> bool {
        self.resize_short(bytes.len(), is_raw).map(|old| old.copy_from_slice(bytes)).is_some()
    }

    /// Changes the length of a short string in place, if the size class stays the same. New bytes
    /// at the end are zero.
    pub fn resize_short(&mut self, len: usize, is_raw: bool) -> Option<&mut [u8]> {
        let raw = if is_raw { IS_RAW } else { 0 };
        if self.view.head().is_short() { self.resize_inline(Kind::Short, raw, len) } else { None }
    }

    /// Puts a packed value in the place of a packed value, if the size class stays the same.
    #[inline]
    pub fn overwrite_packed(&mut self, form: Form, blob: &[u8]) -> bool {
        let is_packed = self.view.kind().form().is_some();
        let place =
            if is_packed { self.resize_inline(Kind::of_form(form), 0, blob.len()) } else { None };
        place.map(|old| old.copy_from_slice(blob)).is_some()
    }

    /// The blob of a packed value, to be changed in place, and its form.
    #[inline]
    pub fn packed_mut(&mut self) -> Option<(Form, &mut [u8])> {
        let form = self.view.kind().form()?;
        let head = self.view.head();
        let at = head.key_at() + self.view.key_len();
        // SAFETY: an inline entry has so many bytes behind its key; the entry is borrowed
        // exclusively.
        let blob = unsafe {
            NonNull::slice_from_raw_parts(self.view.block.add(at), self.view.value_len()).as_mut()
        };
        Some((form, blob))
    }

    /// Changes the length of an inline value in place, if the size class stays the same and the
    /// length is as wide, and with it kind and flags. New bytes at the end are zero.
    fn resize_inline(&mut self, kind: Kind, flags: u64, len: usize) -> Option<&mut [u8]> {
        let (head, size) = (self.view.head(), self.view.size());
        debug_assert!(head.is_inline());
        let old_len = self.view.value_len();
        let same_class = class_size(size - old_len + len) == class_size(size);
        let same_width = (len >= LONG) == head.has(HAS_LONG_VALUE);
        if len > SHORT_MAX || !same_class || !same_width {
            return None;
        }
        self.set_head(head.with_value(kind, len, flags));
        if head.has(HAS_LONG_VALUE) {
            let at = head.value_length_at();
            // SAFETY: the flag says that the field is there; the entry is borrowed exclusively.
            unsafe { self.view.block.add(at).cast().write_unaligned(len as u16) }
        }
        let at = size - old_len;
        // SAFETY: the block is a whole size class, and the new end is inside; bytes beyond the old
        // end may be uninitialised and are written before the slice is made. The entry is borrowed
        // exclusively.
        unsafe {
            let value = self.view.block.add(at);
            if len > old_len {
                value.add(old_len).write_bytes(0, len - old_len);
            }
            Some(NonNull::slice_from_raw_parts(value, len).as_mut())
        }
    }

    /// The long string, to be changed. It is reported as `raw` anyway, by its length or from now
    /// on.
    pub fn big_mut(&mut self) -> Option<&mut Arc<Vec<u8>>> {
        if self.view.kind() != Kind::Long {
            return None;
        }
        self.set_head(Head(self.view.head().0 | IS_RAW));
        let at = self.view.head().word_at();
        // SAFETY: a Long entry has an `Arc` there, aligned; the entry is borrowed exclusively.
        Some(unsafe { self.view.block.add(at).cast().as_mut() })
    }

    /// The object to be changed, if the value is of that type.
    #[inline]
    pub fn into_boxed<T: Boxed>(self) -> Option<&'a mut T> {
        // SAFETY: the kind says that the word is the pointer of a box of this type, which the entry
        // owns; the entry is borrowed exclusively for 'a.
        (self.view.kind() == T::KIND).then(|| unsafe { &mut *self.view.word().cast::<T>() })
    }
}

// SAFETY: an entry is one pointer to its block. Views borrow the entry; the key is written once.
unsafe impl Element for Entry {
    type Ref<'a> = EntryRef<'a>;
    type Mut<'a> = EntryMut<'a>;

    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Entry(raw)
    }

    unsafe fn view<'a>(raw: NonNull<u8>) -> EntryRef<'a> {
        EntryRef { block: raw, entry: PhantomData }
    }

    unsafe fn edit<'a>(raw: NonNull<u8>) -> EntryMut<'a> {
        EntryMut { view: EntryRef { block: raw, entry: PhantomData }, entry: PhantomData }
    }

    fn key<'a>(view: EntryRef<'a>) -> &'a [u8]
    where
        Self: 'a,
    {
        view.key()
    }
}
