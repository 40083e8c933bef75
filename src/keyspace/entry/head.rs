//! The head of an entry: what it has, and where it has it. See `entry` for the picture.
//!
//! Nothing here reads memory.

use super::Meta;
use super::kind::{IS_PACKED, Kind};
use crate::base::cells;

/// Lengths from here on have a field of their own.
pub const LONG: usize = 0xff;

/// Bytes of the head.
pub const HEAD: usize = 6;
const LONG_KEY_FIELD: usize = 4;
const LONG_VALUE_FIELD: usize = 2;

const _: () = assert!(HEAD < cells::SIZE_MIN && size_of::<u64>() <= cells::SIZE_MIN);

pub const HAS_DEADLINE: u64 = 1 << 28;
pub const IS_RAW: u64 = 1 << 29;
pub const HAS_LONG_KEY: u64 = 1 << 30;
pub const HAS_LONG_VALUE: u64 = 1 << 31;
const KEY_LEN_SHIFT: u32 = 32;
const VALUE_LEN_SHIFT: u32 = 40;
const KIND_SHIFT: u32 = 24;
const CLOCK: u32 = 0xff_ffff;

/// The head, taken apart, in a word whose two high bytes are what follows it.
#[derive(Clone, Copy)]
pub struct Head(pub u64);

impl Head {
    /// The head of an entry with a key and an inline value of these lengths.
    #[inline]
    pub fn new(kind: Kind, key_len: usize, value_len: usize, meta: Meta) -> Self {
        let mut head = u64::from(meta.clock & CLOCK) | ((kind as u64) << KIND_SHIFT);
        head |= (key_len.min(LONG) as u64) << KEY_LEN_SHIFT;
        head |= (value_len.min(LONG) as u64) << VALUE_LEN_SHIFT;
        head |= if key_len >= LONG { HAS_LONG_KEY } else { 0 };
        head |= if value_len >= LONG { HAS_LONG_VALUE } else { 0 };
        head |= if meta.is_raw { IS_RAW } else { 0 };
        head |= if meta.deadline.is_some() { HAS_DEADLINE } else { 0 };
        Head(head)
    }

    /// The same with another clock.
    #[inline]
    pub fn with_clock(self, clock: u32) -> Self {
        Head(self.0 & !u64::from(CLOCK) | u64::from(clock & CLOCK))
    }

    /// The same with an inline value of another kind and length, which is as wide, and with another
    /// [`IS_RAW`].
    #[inline]
    pub fn with_value(self, kind: Kind, len: usize, flags: u64) -> Self {
        let kept = self.0 & !((LONG as u64) << VALUE_LEN_SHIFT) & !IS_RAW & !(0xf << KIND_SHIFT);
        let len = (len.min(LONG) as u64) << VALUE_LEN_SHIFT;
        Head(kept | len | ((kind as u64) << KIND_SHIFT) | flags)
    }

    /// The access clock.
    #[inline]
    pub fn clock(self) -> u32 {
        self.0 as u32 & CLOCK
    }

    /// The key's length, if it has no field of its own.
    #[inline]
    pub fn short_key_len(self) -> usize {
        (self.0 >> KEY_LEN_SHIFT) as usize & LONG
    }

    /// The length of an inline value, if it has no field of its own.
    #[inline]
    pub fn short_value_len(self) -> usize {
        (self.0 >> VALUE_LEN_SHIFT) as usize & LONG
    }

    #[inline]
    pub fn kind(self) -> Kind {
        Kind::of_number((self.0 >> KIND_SHIFT) as u8 & 0xf)
    }

    #[inline]
    pub fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    pub fn is_short(self) -> bool {
        self.0 & (0xf << KIND_SHIFT) == 0
    }

    /// Whether the value's bytes follow the key, and there is no word.
    #[inline]
    pub fn is_inline(self) -> bool {
        self.is_short() || self.0 & ((IS_PACKED as u64) << KIND_SHIFT) != 0
    }

    /// Whether the word is an `Arc`, which is borrowed in its place and so has to be aligned.
    #[inline]
    pub fn is_long(self) -> bool {
        self.0 & (0xf << KIND_SHIFT) == (Kind::Long as u64) << KIND_SHIFT
    }

    /// Offset of the value's long length.
    #[inline]
    pub fn value_length_at(self) -> usize {
        HEAD + LONG_KEY_FIELD * usize::from(self.has(HAS_LONG_KEY))
    }

    /// Offset of the deadline, or of what follows if there is none.
    #[inline]
    pub fn deadline_at(self) -> usize {
        self.value_length_at() + LONG_VALUE_FIELD * usize::from(self.has(HAS_LONG_VALUE))
    }

    /// Offset of the word, or of the key if there is none.
    #[inline]
    pub fn word_at(self) -> usize {
        let at = self.deadline_at() + 8 * usize::from(self.has(HAS_DEADLINE));
        if self.is_long() { at.next_multiple_of(8) } else { at }
    }

    /// Offset of the key.
    #[inline]
    pub fn key_at(self) -> usize {
        self.word_at() + 8 * usize::from(!self.is_inline())
    }

    /// Bytes of an entry with a key and an inline value of these lengths: whole words for one with
    /// an `Arc`.
    #[inline]
    pub fn size(self, key_len: usize, value_len: usize) -> usize {
        let size = self.key_at() + key_len + value_len;
        if self.is_long() { size.next_multiple_of(8) } else { size }
    }
}
