//! Kinds: how an entry keeps its value, and the types that TYPE names.

use crate::types::Form;

/// How a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Short = 0,
    Int = 1,
    Long = 2,
    List = 3,
    Set = 4,
    Zset = 5,
    Hash = 6,
    Stream = 7,
    PackedList = 8,
    PackedSet = 9,
    PackedInts = 10,
    PackedZset = 11,
    PackedHash = 12,
    PackedHashTtl = 13,
}

/// The packed kinds and their forms.
const PACKED: [(Kind, Form); 6] = [
    (Kind::PackedList, Form::List),
    (Kind::PackedSet, Form::Set),
    (Kind::PackedInts, Form::Ints),
    (Kind::PackedZset, Form::Zset),
    (Kind::PackedHash, Form::Hash),
    (Kind::PackedHashTtl, Form::HashTtl),
];

/// The bit that the numbers of packed kinds have.
pub const IS_PACKED: u8 = 8;

impl Kind {
    /// The kind that a head names.
    #[inline]
    pub fn of_number(number: u8) -> Kind {
        match number {
            0 => Kind::Short,
            1 => Kind::Int,
            2 => Kind::Long,
            3 => Kind::List,
            4 => Kind::Set,
            5 => Kind::Zset,
            6 => Kind::Hash,
            7 => Kind::Stream,
            packed => PACKED[usize::from(packed - IS_PACKED)].0,
        }
    }

    /// The kind of a form.
    #[inline]
    pub fn of_form(form: Form) -> Kind {
        PACKED[form as usize].0
    }

    /// The form of a packed kind.
    #[inline]
    pub fn form(self) -> Option<Form> {
        PACKED.get((self as usize).wrapping_sub(IS_PACKED as usize)).map(|(_, form)| *form)
    }
}

const _: () = {
    let mut i = 0;
    while i < PACKED.len() {
        assert!(PACKED[i].0 as usize == i + IS_PACKED as usize && PACKED[i].1 as usize == i);
        i += 1;
    }
};

/// The type of a value, as TYPE names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Hash,
    List,
    Set,
    Stream,
    String,
    Zset,
}

impl Type {
    /// The name TYPE and SCAN's TYPE option use.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Hash => "hash",
            Type::List => "list",
            Type::Set => "set",
            Type::Stream => "stream",
            Type::String => "string",
            Type::Zset => "zset",
        }
    }
}
