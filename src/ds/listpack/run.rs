//! A listpack with room at both ends, for lists that grow and shrink there.
//!
//! ```text
//!            start                                                        bytes.len()    capacity
//!   ┌───────┬──────────────────┬─────────┬─────────┬───┬─────────┬────┬─────────────────┐
//!   │ room  │ header           │ element │ element │...│ element │ FF │ room            │
//!   └───────┴──────────────────┴─────────┴─────────┴───┴─────────┴────┴─────────────────┘
//!            └─────────────── the blob, a well-formed listpack ──────┘
//! ```
//!
//! A change moves the shorter part of the blob, header or terminator included: what is pushed or
//! popped at either end moves a few bytes whatever the size of the whole. When room is wanted where
//! there is none, the blob is laid anew, and most of the room goes to the side that asked, so that
//! a row of pushes pays for that a few times only. The memory is always a size class of the
//! allocator, all of it usable: since classes are a constant factor apart, growing from one to the
//! next costs a bounded number of copied bytes per byte added.
//!
//! The count is kept beside the blob, where the header's own has an end at 65535. Elements are
//! named by their offset in the blob, as in [`Packed`].

use super::{BYTES_MAX, EMPTY_BYTES, END, Encoded, HEAD, Item, Packed, UNCOUNTED};
use crate::base::alloc::class_size;

/// A blob that is asked to fit itself may waste so much of its memory, as a fraction of it.
const WASTE_FRACTION: usize = 4;

/// The blob without elements.
const EMPTY: &[u8] = &[EMPTY_BYTES as u8, 0, 0, 0, 0, 0, END];

/// A listpack that grows at both ends. The default has no elements and no memory.
#[derive(Default)]
pub struct Run {
    /// Empty as long as there never was an element.
    bytes: Vec<u8>,
    start: u32,
    count: u32,
}

impl Clone for Run {
    /// The copy has no more room than its size class.
    fn clone(&self) -> Self {
        let mut bytes = Vec::with_capacity(class_size(self.blob().len()));
        bytes.extend_from_slice(self.blob());
        Run { bytes, start: 0, count: self.count }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Run {
    /// An empty one with room for so many bytes of elements.
    pub fn with_room(room: usize) -> Self {
        let mut bytes = Vec::with_capacity(class_size(EMPTY_BYTES + room));
        bytes.extend_from_slice(EMPTY);
        Run { bytes, start: 0, count: 0 }
    }

    /// An empty one in a buffer's memory.
    pub fn within(buffer: Vec<u8>) -> Self {
        let mut run = Run { bytes: buffer, start: 0, count: 0 };
        run.clear();
        run
    }

    /// Takes over a blob that is known to be well-formed, see [`Packed::new`].
    pub fn from_blob(blob: Vec<u8>) -> Self {
        let count = Packed::new(&blob).len() as u32;
        Run { bytes: blob, start: 0, count }
    }

    /// The memory, to be used again.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// The blob.
    #[inline]
    pub fn blob(&self) -> &[u8] {
        if self.bytes.is_empty() { EMPTY } else { &self.bytes[self.start as usize..] }
    }

    /// Looks at it.
    #[inline]
    pub fn view(&self) -> Packed<'_> {
        Packed(self.blob())
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// True without elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the blob.
    #[inline]
    pub fn blob_bytes(&self) -> usize {
        self.blob().len()
    }

    /// Where its memory is, and how much was asked for.
    pub fn allocation(&self) -> (*const u8, usize) {
        (self.bytes.as_ptr(), self.bytes.capacity())
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        match self.bytes.capacity() {
            0 => 0,
            capacity => class_size(capacity),
        }
    }

    /// Whether so many bytes more are within the format's limits; whoever adds more panics.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.blob_bytes() + bytes <= BYTES_MAX
    }

    /// Gives back all room that is not needed.
    pub fn fit(&mut self) {
        let wanted = class_size(self.bytes.len() - self.start as usize);
        if wanted < self.bytes.capacity() {
            let start = std::mem::take(&mut self.start) as usize;
            self.bytes.drain(..start);
            self.bytes.shrink_to(wanted);
        }
    }

    /// Gives room back if most of the memory is room.
    #[inline]
    pub fn fit_roughly(&mut self) {
        if self.blob_bytes() < self.bytes.capacity() / WASTE_FRACTION {
            self.fit();
        }
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        self.insert(self.blob_bytes() - 1, item);
    }

    /// Adds an element in front.
    #[inline]
    pub fn push_front(&mut self, item: Item<'_>) {
        self.insert(HEAD, item);
    }

    /// Adds an element in front of the one at an offset, or at the end for the offset behind the
    /// last.
    #[inline]
    pub fn insert(&mut self, at: usize, item: Item<'_>) {
        if self.bytes.is_empty() {
            self.clear();
        }
        let element = Encoded::new(item);
        element.write(self.open(at, 0, element.bytes()));
        self.note(self.count + 1);
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
        element.write(self.open(at, old, element.bytes()));
        self.note(self.count);
    }

    /// Removes the element at an offset, and so many after it. The offset is then that of the next
    /// one, if there is one.
    pub fn remove(&mut self, at: usize, count: usize) {
        if count == self.len() {
            return self.clear();
        }
        let end = (0..count).fold(at, |end, _| self.view().skip(end));
        self.open(at, end - at, 0);
        self.note(self.count - count as u32);
    }

    /// Removes the first elements.
    #[inline]
    pub fn remove_front(&mut self, count: usize) {
        if count > 0 {
            self.remove(HEAD, count);
        }
    }

    /// Removes the last elements.
    #[inline]
    pub fn remove_back(&mut self, count: usize) {
        let view = self.view();
        if let Some(at) = self.len().checked_sub(count).and_then(|first| view.seek(first)) {
            self.remove(at, count);
        }
    }

    /// Removes the elements at some offsets, in one go.
    pub fn remove_at(&mut self, offsets: &[usize]) {
        let base = self.start as usize;
        let Some(first) = offsets.first() else { return };
        let (mut to, end) = (base + first, self.bytes.len());
        for (i, at) in offsets.iter().enumerate() {
            let from = base + self.view().skip(*at);
            let until = offsets.get(i + 1).map_or(end, |next| base + next);
            self.bytes.copy_within(from..until, to);
            to += until - from;
        }
        self.bytes.truncate(to);
        self.note(self.count - offsets.len() as u32);
    }

    /// Removes all elements, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(EMPTY);
        (self.start, self.count) = (0, 0);
    }

    /// Moves the elements from an offset on into a listpack of their own.
    pub fn split_off(&mut self, at: usize) -> Run {
        let (kept, end) = (self.view().count_before(at), self.blob_bytes() - 1);
        let moved = end - at;
        let mut tail = Run::with_room(moved);
        tail.open(HEAD, 0, moved).copy_from_slice(&self.blob()[at..end]);
        tail.note(self.count - kept as u32);
        self.open(at, moved, 0);
        self.note(kept as u32);
        tail
    }

    /// Adds the elements of another at the end.
    pub fn append(&mut self, other: &Run) {
        let elements = &other.blob()[HEAD..other.blob_bytes() - 1];
        self.open(self.blob_bytes() - 1, 0, elements.len()).copy_from_slice(elements);
        self.note(self.count + other.count);
    }

    /// Keeps the count, and writes the header.
    #[inline]
    fn note(&mut self, count: u32) {
        self.count = count;
        let (start, total) = (self.start as usize, self.blob_bytes() as u32);
        let counted = count.min(UNCOUNTED.into()) as u16;
        let header = &mut self.bytes[start..start + HEAD];
        header[..4].copy_from_slice(&total.to_le_bytes());
        header[4..].copy_from_slice(&counted.to_le_bytes());
    }

    /// The bytes at an offset, `old` of them, become `new`, which are returned to be written. The
    /// header is to be written anew.
    #[inline]
    fn open(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let (left, right) = (at, self.blob_bytes() - at - old);
        if new > old {
            self.widen(left, right, new - old);
        } else {
            self.narrow(left, right, old - new);
        }
        let at = self.start as usize + at;
        &mut self.bytes[at..at + new]
    }

    /// Moves two parts of the blob, `left` and `right` bytes long, away from each other.
    #[inline]
    fn widen(&mut self, left: usize, right: usize, by: usize) {
        assert!(self.has_room(by), "whoever adds asks for room first");
        let spare = self.bytes.capacity() - self.bytes.len();
        let before = self.start as usize;
        // The longer part is moved if it is not much longer and there is room on its side alone.
        let leftward = match (before >= by, spare >= by) {
            (true, true) => left <= right,
            (true, false) if left / 4 <= right => true,
            (false, true) if right / 4 <= left => false,
            _ => {
                self.make_room(by, left <= right);
                left <= right
            }
        };
        if leftward {
            let start = self.start as usize;
            if left > HEAD {
                self.bytes.copy_within(start + HEAD..start + left, start + HEAD - by);
            }
            self.start = (start - by) as u32;
        } else {
            let len = self.bytes.len();
            self.bytes.resize(len + by, END);
            if right > 1 {
                self.bytes.copy_within(len - right..len, len - right + by);
            }
        }
    }

    /// Moves two parts of the blob over the bytes between them.
    #[inline]
    fn narrow(&mut self, left: usize, right: usize, by: usize) {
        let (start, len) = (self.start as usize, self.bytes.len());
        if left <= right {
            if left > HEAD {
                self.bytes.copy_within(start + HEAD..start + left, start + HEAD + by);
            }
            self.start = (start + by) as u32;
        } else {
            if right > 1 {
                self.bytes.copy_within(len - right..len, len - right - by);
            }
            self.bytes.truncate(len - by);
            self.bytes[len - by - 1] = END;
        }
    }

    /// Lays the blob anew so that there are so many bytes of room at one side.
    #[cold]
    fn make_room(&mut self, wanted: usize, in_front: bool) {
        let (start, len) = (self.start as usize, self.blob_bytes());
        let room = self.bytes.capacity() - len;
        let target = if room < wanted {
            let capacity = class_size(len + wanted);
            let target = if in_front { capacity - len } else { 0 };
            let mut fresh = Vec::with_capacity(capacity);
            fresh.resize(target, 0);
            fresh.extend_from_slice(self.blob());
            self.bytes = fresh;
            target
        } else {
            // The other side keeps half of what is left over: it may be its turn next.
            let target = if in_front { (room + wanted) / 2 } else { (room - wanted) / 2 };
            if target > start {
                self.bytes.resize(target + len, 0);
                self.bytes.copy_within(start..start + len, target);
            } else {
                self.bytes.copy_within(start..start + len, target);
                self.bytes.truncate(target + len);
            }
            target
        };
        self.start = target as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(state: &mut u64) -> usize {
        *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (*state >> 20) as usize
    }

    fn check(run: &Run, model: &[Vec<u8>]) {
        let view = Packed::check(run.blob()).expect("well-formed");
        assert_eq!((view.len(), run.len()), (model.len(), model.len()));
        assert!(view.iter().map(Item::to_vec).eq(model.iter().cloned()));
        assert_eq!(class_size(run.bytes.capacity()), run.bytes.capacity(), "a whole class");
    }

    fn text(draw: usize) -> Vec<u8> {
        match draw % 5 {
            0 => (draw / 7 % 70_000).to_string().into_bytes(),
            1 => vec![b'l'; draw / 5 % 300],
            _ => format!("value:{}", draw / 5 % 1000).into_bytes(),
        }
    }

    #[test]
    fn random_changes_agree_with_a_vector() {
        let mut state = 11;
        for round in 0..80 {
            let (mut run, mut model) = (Run::default(), Vec::<Vec<u8>>::new());
            for _ in 0..300 {
                let (draw, value) = (next(&mut state), text(next(&mut state)));
                let index = draw.checked_rem(model.len()).unwrap_or(0);
                let at = run.view().seek(index);
                match ((draw >> 24) % 12, at) {
                    (0 | 1, _) => {
                        run.push_back(Item::of(&value));
                        model.push(value);
                    }
                    (2..=4, _) | (_, None) => {
                        run.push_front(Item::of(&value));
                        model.insert(0, value);
                    }
                    (5, Some(at)) => {
                        run.insert(at, Item::of(&value));
                        model.insert(index, value);
                    }
                    (6, Some(at)) => {
                        run.insert_after(at, Item::of(&value));
                        model.insert(index + 1, value);
                    }
                    (7, Some(at)) => {
                        run.replace(at, Item::of(&value));
                        model[index] = value;
                    }
                    (8, Some(at)) => {
                        let count = (draw >> 40) % (model.len() - index).min(5) + 1;
                        run.remove(at, count);
                        model.drain(index..index + count);
                    }
                    (9, _) => {
                        let count = model.len().min(round % 4);
                        run.remove_front(count);
                        model.drain(..count);
                        run.remove_back(model.len().min(1));
                        model.pop();
                    }
                    (10, Some(_)) => {
                        let mut offsets = Vec::new();
                        let all: Vec<usize> = run.view().offsets().map(|(at, _)| at).collect();
                        let mut kept = Vec::new();
                        for (i, value) in model.drain(..).enumerate() {
                            if (draw >> (i % 40)) % 4 == 0 {
                                offsets.push(all[i]);
                            } else {
                                kept.push(value);
                            }
                        }
                        run.remove_at(&offsets);
                        model = kept;
                    }
                    (_, Some(at)) => {
                        let tail = run.split_off(at);
                        check(&run, &model[..index]);
                        check(&tail, &model[index..]);
                        if draw % 2 == 0 {
                            run.fit();
                        }
                        run.append(&tail);
                    }
                }
                check(&run, &model);
                check(&run.clone(), &model);
            }
        }
    }

    #[test]
    fn pushes_at_either_end_fill_the_memory() {
        for in_front in [false, true] {
            let mut run = Run::default();
            while run.blob_bytes() + 18 <= 8192 {
                let item = Item::Bytes(b"element:12345678");
                if in_front { run.push_front(item) } else { run.push_back(item) }
            }
            run.fit();
            assert_eq!((run.len(), run.memory_bytes()), (454, 8192));
        }
    }

    #[test]
    fn memory_is_given_back() {
        let mut run = Run::default();
        (0..1000).for_each(|n| run.push_front(Item::Int(n)));
        let full = run.memory_bytes();
        run.remove_back(990);
        run.fit_roughly();
        assert!(run.memory_bytes() < full / 10, "{} of {full}", run.memory_bytes());
        assert!(run.view().iter().eq((990..1000).rev().map(Item::Int)));
    }

    #[test]
    fn more_elements_than_the_header_can_count() {
        let mut run = Run::default();
        (0..70_000).for_each(|n| run.push_back(Item::Int(n % 100)));
        assert_eq!((run.len(), run.view().len()), (70_000, 70_000));
        run.remove_front(69_990);
        assert_eq!((run.len(), run.view().len()), (10, 10));
    }
}
