//! Listpacks: a sequence of short strings and integers in one blob, as RDB files and DUMP carry
//! them.
//!
//! ```text
//!   0             4          6                                               total-1
//!  ┌─────────────┬──────────┬─────────┬─────────┬───┬─────────┬────────────────┐
//!  │ total bytes │ count    │ element │ element │...│ element │ FF             │
//!  │ (u32)       │ (u16)    │         │         │   │         │                │
//!  └─────────────┴──────────┴─────────┴─────────┴───┴─────────┴────────────────┘
//!
//!   element   head        data          back length: size of head and data, to be read from the right
//!             0xxxxxxx                  integer 0..127
//!             10xxxxxx    x bytes       string
//!             110xxxxx +1               integer of 13 bits
//!             1110xxxx +1 x bytes       string below 4096 bytes
//!             F0 +4       x bytes       string
//!             F1 F2 F3 F4 2 3 4 8       integer of 16, 24, 32, 64 bits
//! ```
//!
//! All numbers are little-endian, but for the high bits in a head. Text that is the canonical form
//! of an integer is kept as the integer; a count of 65535 means that nobody counted. The facts are
//! those of the format's specification, checked against blobs of live servers.
//!
//! [`Listpack`] owns a blob, [`Packed`] looks at one; both hold well-formed blobs only, which
//! [`Packed::check`] makes sure of for bytes from outside. Elements are named by their *offset*,
//! which a change at or before them moves. What elements mean (members, fields and values) is the
//! business of the types.

mod code;
pub mod needle;
pub mod run;

use crate::base::alloc::class_size;
use crate::base::text::{parse_i64, write_i64};

use code::{Encoded, back_len, encode_back, encode_len, equal, measure, signed};
pub use needle::Needle;
pub use run::Run;

/// Bytes of an empty listpack.
pub const EMPTY_BYTES: usize = 7;

/// Offset of the first element.
const HEAD: usize = 6;

/// The last byte.
const END: u8 = 0xff;

/// A count that is not kept.
const UNCOUNTED: u16 = u16::MAX;

/// A listpack may not grow beyond this.
const BYTES_MAX: usize = 1 << 30;

/// An element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Bytes(&'a [u8]),
    Int(i64),
}

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// A listpack, looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packed<'a>(&'a [u8]);

/// Puts an element over the one at an offset of a blob, if it takes as many bytes.
pub fn overwrite(blob: &mut [u8], at: usize, item: Item<'_>) -> bool {
    let old = Packed(blob).skip(at) - at;
    let element = Encoded::new(item);
    let fits = element.bytes() == old;
    if fits {
        element.write(&mut blob[at..at + old]);
    }
    fits
}

/// A listpack, owned.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack(Vec<u8>);

/// The end of a listpack that is being extended.
pub struct Tail<'a> {
    pack: &'a mut Listpack,
    added: i64,
}

/// Walks over elements with their offsets, from either end.
#[derive(Clone)]
pub struct Iter<'a> {
    pack: Packed<'a>,
    /// Offset of the next element from the front.
    front: usize,
    /// Offset behind the next element from the back.
    back: usize,
}

impl<'a> Item<'a> {
    /// The element that a string becomes.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        match integer(bytes) {
            Some(number) => Item::Int(number),
            None => Item::Bytes(bytes),
        }
    }

    /// The text; an integer is printed into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Bytes(bytes) => bytes,
            Item::Int(number) => {
                buffer.clear();
                write_i64(buffer, number);
                buffer
            }
        }
    }

    /// The text, copied.
    pub fn to_vec(self) -> Vec<u8> {
        let mut buffer = Vec::new();
        match self {
            Item::Bytes(bytes) => bytes.to_vec(),
            Item::Int(number) => {
                write_i64(&mut buffer, number);
                buffer
            }
        }
    }

    /// Length of the text.
    pub fn len(self) -> usize {
        match self {
            Item::Bytes(bytes) => bytes.len(),
            Item::Int(number) => crate::base::text::len_i64(number),
        }
    }

    /// True for the empty text.
    pub fn is_empty(self) -> bool {
        self == Item::Bytes(b"")
    }

    /// Whether this element has the text of another. Text that looks like an integer is compared as
    /// one, so that it does not matter how a foreign writer kept it.
    #[inline]
    pub fn same(self, other: Item<'_>) -> bool {
        match (self, other) {
            (Item::Bytes(a), Item::Bytes(b)) => a == b,
            (Item::Int(a), Item::Int(b)) => a == b,
            (Item::Bytes(text), Item::Int(number)) | (Item::Int(number), Item::Bytes(text)) => {
                integer(text) == Some(number)
            }
        }
    }

    /// Bytes the element takes in a listpack, back length included.
    pub fn packed_bytes(self) -> usize {
        Encoded::new(self).bytes()
    }
}

/// The integer of a canonical text of at most 20 characters.
#[inline]
fn integer(text: &[u8]) -> Option<i64> {
    match text.first() {
        Some(b'-' | b'0'..=b'9') if text.len() <= 20 => parse_i64(text),
        _ => None,
    }
}

impl<'a> Packed<'a> {
    /// Looks at a blob that is known to be well-formed: one that [`Listpack`] made or
    /// [`Packed::check`] has passed.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(Packed::check(bytes).is_ok(), "a well-formed listpack");
        Packed(bytes)
    }

    /// Checks bytes from outside, element by element.
    pub fn check(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let total = bytes.first_chunk().map(|total| u32::from_le_bytes(*total) as usize);
        if bytes.len() < EMPTY_BYTES || total != Some(bytes.len()) || bytes.last() != Some(&END) {
            return Err(Corrupt);
        }
        let pack = Packed(bytes);
        let (mut at, end, mut count) = (HEAD, bytes.len() - 1, 0);
        while at < end {
            let (_, len) = measure(&bytes[at..end]).ok_or(Corrupt)?;
            let (back, n) = encode_back(len);
            if bytes.get(at + len..at + len + n) != Some(&back[..n]) || at + len + n > end {
                return Err(Corrupt);
            }
            at += len + n;
            count += 1;
        }
        let counted = pack.header_count();
        if counted != UNCOUNTED && usize::from(counted) != count { Err(Corrupt) } else { Ok(pack) }
    }

    /// Reads bytes from outside in which lengths behind elements may be wider or narrower than
    /// ours: some servers write them so for a few sizes. The elements are written anew.
    pub fn read_leniently(bytes: &[u8]) -> Result<Listpack, Corrupt> {
        let total = bytes.first_chunk().map(|total| u32::from_le_bytes(*total) as usize);
        if bytes.len() < EMPTY_BYTES || total != Some(bytes.len()) || bytes.last() != Some(&END) {
            return Err(Corrupt);
        }
        let (mut at, end, mut count) = (HEAD, bytes.len() - 1, 0);
        let mut made = Listpack::new();
        while at < end {
            let (_, len) = measure(&bytes[at..end]).ok_or(Corrupt)?;
            let behind = bytes.get(at + len..end).ok_or(Corrupt)?;
            let width = (1..=5).find(|width| code::back_is(behind, *width, len)).ok_or(Corrupt)?;
            let item = Packed(bytes).item(at);
            if !made.has_room(item.packed_bytes()) {
                return Err(Corrupt);
            }
            made.push_back(match item {
                Item::Bytes(text) => Item::of(text),
                number => number,
            });
            at += len + width;
            count += 1;
        }
        let counted = u16::from_le_bytes([bytes[4], bytes[5]]);
        if counted != UNCOUNTED && usize::from(counted) != count { Err(Corrupt) } else { Ok(made) }
    }

    /// Whether every element is in its shortest form, and no text is that of an integer.
    pub fn is_canonical(self) -> bool {
        let (mut at, end) = (HEAD, self.end());
        while at < end {
            let (item, next) = self.decode(at);
            let is_text = match item {
                Item::Bytes(bytes) => integer(bytes).is_none(),
                Item::Int(_) => true,
            };
            if !is_text || item.packed_bytes() != next - at {
                return false;
            }
            at = next;
        }
        true
    }

    /// The whole blob.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Number of elements.
    #[inline]
    pub fn len(self) -> usize {
        match self.header_count() {
            UNCOUNTED => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// True without elements.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.len() == EMPTY_BYTES
    }

    #[inline]
    fn header_count(self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// Offset of the first element, if there is one.
    #[inline]
    pub fn first(self) -> Option<usize> {
        (!self.is_empty()).then_some(HEAD)
    }

    /// Offset of the last element, if there is one.
    #[inline]
    pub fn last(self) -> Option<usize> {
        self.before(self.0.len() - 1)
    }

    /// Offset behind the last element.
    #[inline]
    pub fn end(self) -> usize {
        self.0.len() - 1
    }

    /// The element at an offset.
    #[inline]
    pub fn item(self, at: usize) -> Item<'a> {
        self.decode(at).0
    }

    /// The element at an offset, and the offset behind it.
    #[inline]
    pub fn decode(self, at: usize) -> (Item<'a>, usize) {
        match self.0[at] {
            first @ 0..=0x7f => (Item::Int(i64::from(first)), at + 2),
            first @ 0x80..=0xbf => {
                let end = at + 1 + usize::from(first & 0x3f);
                (Item::Bytes(&self.0[at + 1..end]), end + 1)
            }
            _ => self.decode_long(at),
        }
    }

    fn decode_long(self, at: usize) -> (Item<'a>, usize) {
        let bytes = &self.0[at..];
        let (head, len) = measure(bytes).expect("offsets are of elements");
        let item = match bytes[0] {
            first @ 0xc0..=0xdf => {
                let word = u16::from(first & 0x1f) << 8 | u16::from(bytes[1]);
                Item::Int(i64::from((word << 3) as i16 >> 3))
            }
            0xf1..=0xf4 => Item::Int(signed(&bytes[1..head])),
            _ => Item::Bytes(&bytes[head..len]),
        };
        (item, at + len + back_len(len))
    }

    /// Offset of the element after the one at an offset.
    #[inline]
    pub fn next(self, at: usize) -> Option<usize> {
        let next = self.skip(at);
        (next < self.0.len() - 1).then_some(next)
    }

    /// Offset behind the element at an offset.
    #[inline]
    pub fn skip(self, at: usize) -> usize {
        match self.0[at] {
            // The head, what it says, and one byte of back length.
            0..=0x7f => at + 2,
            first @ 0x80..=0xbf => at + 2 + usize::from(first & 0x3f),
            _ => self.skip_long(at),
        }
    }

    fn skip_long(self, at: usize) -> usize {
        let (_, len) = measure(&self.0[at..]).expect("offsets are of elements");
        at + len + back_len(len)
    }

    /// Offset of the element before the one at an offset.
    #[inline]
    pub fn before(self, at: usize) -> Option<usize> {
        if at <= HEAD {
            return None;
        }
        let (mut len, mut n) = (0, 0);
        loop {
            let byte = self.0[at - 1 - n];
            len |= usize::from(byte & 0x7f) << (7 * n);
            n += 1;
            if byte & 0x80 == 0 {
                return Some(at - n - len);
            }
        }
    }

    /// Offset of an element by its index, looked for from the nearer end.
    pub fn seek(self, index: usize) -> Option<usize> {
        let len = self.len();
        if index >= len {
            return None;
        }
        if index <= len / 2 {
            (0..index).try_fold(HEAD, |at, _| self.next(at))
        } else {
            (index + 1..len).try_fold(self.last()?, |at, _| self.before(at))
        }
    }

    /// Number of elements in front of an offset.
    pub fn count_before(self, at: usize) -> usize {
        Iter { pack: self, front: HEAD, back: at }.count()
    }

    /// Offset of the first element with a text among every `step`-th one, from the one at an offset
    /// on. `step` is 1 for all of them, 2 for the fields of a hash.
    #[inline]
    pub fn find(self, from: usize, text: &[u8], step: usize) -> Option<usize> {
        match Item::of(text) {
            Item::Bytes(text) => self.find_bytes(from, text, step),
            wanted @ Item::Int(_) => self.find_item(from, wanted, step),
        }
    }

    fn find_item(self, from: usize, wanted: Item<'_>, step: usize) -> Option<usize> {
        let (mut at, end) = (from, self.0.len() - 1);
        while at < end {
            let (item, next) = self.decode(at);
            if item.same(wanted) {
                return Some(at);
            }
            at = self.skip_some(next, end, step - 1);
        }
        None
    }

    /// As [`Packed::find_item`], for a text that is no integer: integers are passed over unread.
    fn find_bytes(self, from: usize, text: &[u8], step: usize) -> Option<usize> {
        let (mut at, end) = (from, self.0.len() - 1);
        let mut head = [0; 9];
        let head_len = encode_len(text.len(), &mut head);
        let head = &head[..head_len];
        while at < end {
            // A short text has a head of one byte, which tells its length.
            let data = at + head_len;
            let found = self.0[at] == head[0]
                && (head_len == 1 || self.0[at..].starts_with(head))
                && equal(&self.0[data..data + text.len()], text);
            if found {
                return Some(at);
            }
            at = self.skip_some(self.skip(at), end, step - 1);
        }
        None
    }

    /// Offset behind so many elements, the first of which is at an offset.
    #[inline]
    fn skip_some(self, mut at: usize, end: usize, count: usize) -> usize {
        for _ in 0..count {
            if at < end {
                at = self.skip(at);
            }
        }
        at
    }

    /// All elements with their offsets.
    #[inline]
    pub fn offsets(self) -> Iter<'a> {
        Iter { pack: self, front: HEAD, back: self.0.len() - 1 }
    }

    /// The elements from an offset on, with their offsets.
    #[inline]
    pub fn offsets_from(self, at: usize) -> Iter<'a> {
        Iter { pack: self, front: at, back: self.0.len() - 1 }
    }

    /// All elements.
    #[inline]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Item<'a>> + Clone {
        self.offsets().map(|(_, item)| item)
    }

    /// The elements two by two, as hashes and sorted sets keep them.
    #[inline]
    pub fn pairs(self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> + Clone {
        let mut items = self.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }

    /// A copy to be changed.
    pub fn to_owned(self) -> Listpack {
        Listpack(self.0.to_vec())
    }
}

impl Tail<'_> {
    /// Adds an element.
    #[inline]
    pub fn push(&mut self, item: Item<'_>) {
        self.added += 1;
        let at = self.pack.0.len();
        // Most elements are short, and then their frame is a byte at each end.
        match item {
            Item::Int(number @ 0..=127) => {
                self.pack.grow(at + 2);
                self.pack.0[at..].copy_from_slice(&[number as u8, 1]);
                return;
            }
            Item::Bytes(bytes) if bytes.len() < 64 => {
                self.pack.grow(at + bytes.len() + 2);
                if let [head, data @ .., back] = &mut self.pack.0[at..] {
                    *head = 0x80 | bytes.len() as u8;
                    data.copy_from_slice(bytes);
                    *back = bytes.len() as u8 + 1;
                }
                return;
            }
            _ => {}
        }
        let element = Encoded::new(item);
        self.pack.grow(at + element.bytes());
        element.write(&mut self.pack.0[at..]);
    }

    #[inline]
    pub fn int(&mut self, number: i64) {
        self.push(Item::Int(number));
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (usize, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let at = self.front;
        let (item, next) = self.pack.decode(at);
        self.front = next;
        Some((at, item))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.pack.before(self.back).expect("elements are left");
        Some((self.back, self.pack.item(self.back)))
    }
}

impl std::fmt::Debug for Packed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Listpack::within(Vec::new())
    }

    /// An empty listpack in a buffer's memory.
    pub fn within(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&[EMPTY_BYTES as u8, 0, 0, 0, 0, 0, END]);
        Listpack(buffer)
    }

    /// Takes over a blob that is known to be well-formed, see [`Packed::new`].
    pub fn from_blob(blob: Vec<u8>) -> Self {
        debug_assert!(Packed::check(&blob).is_ok(), "a well-formed listpack");
        Listpack(blob)
    }

    /// The blob.
    pub fn into_blob(self) -> Vec<u8> {
        self.0
    }

    /// Looks at it.
    #[inline]
    pub fn view(&self) -> Packed<'_> {
        Packed(&self.0)
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        class_size(self.0.capacity())
    }

    /// Gives back room that is not used.
    pub fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Asks for room for so many bytes more, exactly.
    pub fn reserve(&mut self, bytes: usize) {
        self.0.reserve_exact(bytes);
    }

    /// Whether so many bytes more are within the format's limits; whoever adds more panics.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.0.len() + bytes <= BYTES_MAX
    }

    /// Removes all elements, keeping the memory.
    pub fn clear(&mut self) {
        *self = Listpack::within(std::mem::take(&mut self.0));
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        self.insert(self.0.len() - 1, item);
    }

    /// Adds an element in front.
    #[inline]
    pub fn push_front(&mut self, item: Item<'_>) {
        self.insert(HEAD, item);
    }

    /// Adds an element in front of the one at an offset, or at the end for the offset behind the
    /// last.
    pub fn insert(&mut self, at: usize, item: Item<'_>) {
        let element = Encoded::new(item);
        element.write(self.splice(at, 0, element.bytes()));
        self.add_count(1);
    }

    /// Adds an element behind the one at an offset.
    pub fn insert_after(&mut self, at: usize, item: Item<'_>) {
        let next = self.view().skip(at);
        self.insert(next, item);
    }

    /// Puts an element in the place of the one at an offset, which stays its offset.
    pub fn replace(&mut self, at: usize, item: Item<'_>) {
        let old = self.view().skip(at) - at;
        let element = Encoded::new(item);
        let new = element.bytes();
        let room = if new == old { &mut self.0[at..at + new] } else { self.splice(at, old, new) };
        element.write(room);
    }

    /// Adds several elements at the end, looking at the frame only once; see
    /// [`Listpack::has_room`].
    #[inline]
    pub fn extend(&mut self, write: impl FnOnce(&mut Tail<'_>)) {
        self.0.pop();
        let mut tail = Tail { pack: self, added: 0 };
        write(&mut tail);
        let (added, end) = (tail.added, self.0.len());
        self.grow(end + 1);
        self.0[end] = END;
        let total = u32::try_from(self.0.len()).expect("a listpack is smaller than 4 GiB");
        self.0[..4].copy_from_slice(&total.to_le_bytes());
        self.add_count(added);
    }

    /// Removes the element at an offset, and so many after it. The offset is then that of the next
    /// one, if there is one.
    pub fn remove(&mut self, at: usize, count: usize) {
        let end = (0..count).fold(at, |end, _| self.view().skip(end));
        self.splice(at, end - at, 0);
        self.add_count(-(count as i64));
    }

    /// Moves the element at an offset, and so many after it in all, to an offset that is not among
    /// theirs: in front of the element there, or to the end. Returns their new offset.
    pub fn shift(&mut self, at: usize, count: usize, to: usize) -> usize {
        let end = (0..count).fold(at, |end, _| self.view().skip(end));
        assert!(to <= at || to >= end, "elements do not move into themselves");
        if to <= at {
            self.0[to..end].rotate_right(end - at);
            to
        } else {
            self.0[at..to].rotate_left(end - at);
            to - (end - at)
        }
    }

    /// Moves the elements from an offset on into a listpack of their own.
    pub fn split_off(&mut self, at: usize) -> Listpack {
        let count = self.view().offsets_from(at).count();
        let end = self.0.len() - 1;
        let mut tail = Listpack::within(Vec::with_capacity(EMPTY_BYTES + end - at));
        tail.splice(HEAD, 0, end - at).copy_from_slice(&self.0[at..end]);
        tail.add_count(count as i64);
        self.splice(at, end - at, 0);
        self.add_count(-(count as i64));
        tail
    }

    /// Adds the elements of another at the end.
    pub fn append(&mut self, other: Packed<'_>) {
        let elements = &other.0[HEAD..other.0.len() - 1];
        let at = self.0.len() - 1;
        self.splice(at, 0, elements.len()).copy_from_slice(elements);
        self.add_count(other.len() as i64);
    }

    /// Makes room: the bytes at an offset, `old` of them, become `new`, which are returned to be
    /// written.
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let len = self.0.len();
        if old == new {
            return &mut self.0[at..at + new];
        }
        assert!(new <= old || len - old + new <= BYTES_MAX, "whoever adds asks for room first");
        if new > old {
            self.grow(len + new - old);
        }
        self.0.copy_within(at + old..len, at + new);
        self.0.truncate(len - old + new);
        let total = (len - old + new) as u32;
        self.0[..4].copy_from_slice(&total.to_le_bytes());
        &mut self.0[at..at + new]
    }

    /// Lengthens the blob with zeros. It takes whole size classes, of which there are four to each
    /// doubling (and some room to spare beyond), and not what a vector takes by itself: up to twice
    /// the bytes.
    #[inline]
    fn grow(&mut self, len: usize) {
        const LARGE: usize = 16 * 1024;
        if len > self.0.capacity() {
            let wanted = if len > LARGE { len + len / 8 } else { len };
            self.0.reserve_exact(class_size(wanted) - self.0.len());
        }
        self.0.resize(len, 0);
    }

    /// Keeps the count, which sticks at its maximum.
    #[inline]
    fn add_count(&mut self, delta: i64) {
        let old = self.view().header_count();
        if old != UNCOUNTED {
            let new = (i64::from(old) + delta).clamp(0, i64::from(UNCOUNTED)) as u16;
            self.0[4..6].copy_from_slice(&new.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
