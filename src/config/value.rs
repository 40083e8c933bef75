//! Kinds of values: how the text of an option becomes a typed field, and how it is printed back.
//!
//! A row of the table (`option.rs`) names a place in [`Config`] and the kind of value kept there.
//! Everything a kind has to know is here: which texts it takes, which bounds it keeps, the words of
//! its refusals, and the text that CONFIG GET shows. Tools match on those words, so they are as the
//! reference has them.
//!
//! ```text
//!   text ──► words ──► Kind::assign ──► field ──► Kind::show ──► text
//!            one, but for the kinds that take many (save, bind, client-output-buffer-limit, ...)
//! ```

use super::Config;
use crate::base::{memory, text};

/// A place in the configuration: how to reach it for reading and for writing. Made by `at!`.
pub struct Field<T: 'static> {
    pub get: fn(&Config) -> &T,
    pub get_mut: fn(&mut Config) -> &mut T,
}

// Derived, these would ask that `T` be `Copy` as well.
impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

/// Names a place in the configuration: `at!(lazyfree.user_del)`.
macro_rules! at {
    ($group:ident . $field:ident) => {
        $crate::config::value::Field {
            get: |conf| &conf.$group.$field,
            get_mut: |conf| &mut conf.$group.$field,
        }
    };
}
pub(super) use at;

/// A field of one of the integer types.
#[derive(Clone, Copy)]
pub enum IntField {
    U16(Field<u16>),
    U32(Field<u32>),
    U64(Field<u64>),
    I32(Field<i32>),
    I64(Field<i64>),
}

impl IntField {
    pub fn get(self, conf: &Config) -> i64 {
        match self {
            IntField::U16(field) => i64::from(*(field.get)(conf)),
            IntField::U32(field) => i64::from(*(field.get)(conf)),
            // Bounds keep these fields below 2^63.
            IntField::U64(field) => i64::try_from(*(field.get)(conf)).unwrap_or(i64::MAX),
            IntField::I32(field) => i64::from(*(field.get)(conf)),
            IntField::I64(field) => *(field.get)(conf),
        }
    }

    /// Stores a value that the bounds of its row have let pass; a value the field cannot hold is
    /// left out.
    fn put(self, conf: &mut Config, value: i64) {
        fn store<T: TryFrom<i64>>(place: &mut T, value: i64) {
            if let Ok(value) = T::try_from(value) {
                *place = value;
            }
        }
        match self {
            IntField::U16(field) => store((field.get_mut)(conf), value),
            IntField::U32(field) => store((field.get_mut)(conf), value),
            IntField::U64(field) => store((field.get_mut)(conf), value),
            IntField::I32(field) => store((field.get_mut)(conf), value),
            IntField::I64(field) => store((field.get_mut)(conf), value),
        }
    }
}

/// How an integer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Decimal.
    Plain,
    /// A size, with an optional unit: `5mb`.
    Memory,
    /// File permissions: `700`.
    Octal,
}

/// An integer with its bounds.
#[derive(Clone, Copy)]
pub struct Int {
    pub field: IntField,
    pub default: i64,
    pub min: i64,
    pub max: i64,
    pub unit: Unit,
    /// The reference stores it without a sign, and words the refusal of negative values
    /// accordingly.
    pub unsigned: bool,
}

/// A value out of a fixed list of names.
#[derive(Clone, Copy)]
pub struct Choice {
    pub names: &'static [&'static str],
    pub default: usize,
    pub get: fn(&Config) -> usize,
    pub set: fn(&mut Config, usize),
}

/// A kind of its own that takes any number of words; the functions are in `lists.rs`.
#[derive(Clone, Copy)]
pub struct List {
    /// Takes any number of words; if not, it is a single value that only needs a parser of its own.
    pub many: bool,
    pub default: &'static [&'static str],
    pub set: fn(&mut Config, &[Vec<u8>]) -> Result<(), String>,
    pub show: fn(&Config) -> Vec<u8>,
    /// The lines that CONFIG REWRITE writes, each without the option's name.
    pub lines: fn(&Config) -> Vec<Vec<u8>>,
}

/// A size in bytes, or a share of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrPercent {
    Bytes(u64),
    Percent(u8),
}

impl Default for MemoryOrPercent {
    fn default() -> Self {
        MemoryOrPercent::Bytes(0)
    }
}

/// What an option holds.
#[derive(Clone, Copy)]
pub enum Kind {
    Bool { field: Field<bool>, default: bool },
    Int(Int),
    Text { field: Field<String>, default: &'static str },
    Bytes { field: Field<Vec<u8>>, default: &'static str },
    Share { field: Field<MemoryOrPercent>, default: MemoryOrPercent },
    Choice(Choice),
    List(List),
}

impl Kind {
    /// Whether one line may give several words.
    pub fn takes_many(&self) -> bool {
        matches!(self, Kind::List(List { many: true, .. }))
    }

    /// Parses the words of an option into its field. On error the configuration is as before.
    pub fn assign(&self, conf: &mut Config, words: &[Vec<u8>]) -> Result<(), String> {
        if let Kind::List(list) = self {
            return (list.set)(conf, words);
        }
        let [word] = words else { return Err("wrong number of arguments".to_owned()) };
        match self {
            Kind::Bool { field, .. } => *(field.get_mut)(conf) = parse_bool(word)?,
            Kind::Int(int) => int.field.put(conf, int.parse(word)?),
            Kind::Text { field, .. } => *(field.get_mut)(conf) = parse_text(word)?,
            Kind::Bytes { field, .. } => *(field.get_mut)(conf) = word.clone(),
            Kind::Share { field, .. } => *(field.get_mut)(conf) = parse_share(word)?,
            Kind::Choice(choice) => (choice.set)(conf, choice.parse(word)?),
            Kind::List(_) => {}
        }
        Ok(())
    }

    /// Puts the default into the field.
    pub fn reset(&self, conf: &mut Config) {
        match self {
            Kind::Bool { field, default } => *(field.get_mut)(conf) = *default,
            Kind::Int(int) => int.field.put(conf, int.default),
            Kind::Text { field, default } => *(field.get_mut)(conf) = (*default).to_owned(),
            Kind::Bytes { field, default } => *(field.get_mut)(conf) = default.as_bytes().to_vec(),
            Kind::Share { field, default } => *(field.get_mut)(conf) = *default,
            Kind::Choice(choice) => (choice.set)(conf, choice.default),
            Kind::List(list) => {
                let words: Vec<Vec<u8>> =
                    list.default.iter().map(|word| word.as_bytes().to_vec()).collect();
                let verdict = (list.set)(conf, &words);
                assert!(verdict.is_ok(), "the default of a list must parse: {verdict:?}");
            }
        }
    }

    /// The text that CONFIG GET shows.
    pub fn show(&self, conf: &Config) -> Vec<u8> {
        match self {
            Kind::Bool { field, .. } => yes_or_no(*(field.get)(conf)).into(),
            Kind::Int(int) => int.show(int.field.get(conf)).into_bytes(),
            Kind::Text { field, .. } => (field.get)(conf).clone().into_bytes(),
            Kind::Bytes { field, .. } => (field.get)(conf).clone(),
            Kind::Share { field, .. } => match *(field.get)(conf) {
                MemoryOrPercent::Bytes(bytes) => bytes.to_string().into_bytes(),
                MemoryOrPercent::Percent(percent) => format!("{percent}%").into_bytes(),
            },
            Kind::Choice(choice) => choice.name(conf).as_bytes().to_vec(),
            Kind::List(list) => (list.show)(conf),
        }
    }
}

impl Int {
    pub fn parse(&self, word: &[u8]) -> Result<i64, String> {
        let value = match self.unit {
            Unit::Plain => text::parse_i64(word)
                .map(i128::from)
                .ok_or("argument couldn't be parsed into an integer")?,
            Unit::Memory => self.parse_memory(word).ok_or("argument must be a memory value")?,
            Unit::Octal => {
                parse_octal(word).ok_or("argument couldn't be parsed as an octal number")?
            }
        };
        if self.unsigned && !(0..=i128::from(i64::MAX)).contains(&value) {
            return Err("argument must be greater or equal to 0".to_owned());
        }
        i64::try_from(value)
            .ok()
            .filter(|value| (self.min..=self.max).contains(value))
            .ok_or_else(|| self.out_of_bounds())
    }

    fn parse_memory(&self, word: &[u8]) -> Option<i128> {
        // A few sizes have a meaning for -1, and only those take a sign.
        let signed = if self.min < 0 { text::parse_i64(word).map(i128::from) } else { None };
        signed.or_else(|| memory::parse(word).map(i128::from))
    }

    fn out_of_bounds(&self) -> String {
        let (min, max) = (self.show(self.min), self.show(self.max));
        format!("argument must be between {min} and {max} inclusive")
    }

    pub fn show(&self, value: i64) -> String {
        if self.unit == Unit::Octal { format!("{value:o}") } else { value.to_string() }
    }
}

impl Choice {
    fn parse(&self, word: &[u8]) -> Result<usize, String> {
        let found = self.names.iter().position(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        found.ok_or_else(|| one_of(self.names))
    }

    /// The name of the present value.
    pub fn name(&self, conf: &Config) -> &'static str {
        self.names.get((self.get)(conf)).copied().unwrap_or_default()
    }
}

/// The refusal of a word that is not on the list.
// Compat: words that only Valkey has are taken, but not listed, so that the text is that of Redis
// 8.
pub fn one_of(names: &[&str]) -> String {
    const UNLISTED: [&str; 3] = ["flush-before-load", "safe", "failover"];
    let listed: Vec<&str> = names.iter().copied().filter(|name| !UNLISTED.contains(name)).collect();
    format!("argument(s) must be one of the following: {}", listed.join(", "))
}

pub fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn parse_bool(word: &[u8]) -> Result<bool, String> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err("argument must be 'yes' or 'no'".to_owned())
    }
}

/// Names, paths and addresses are kept as text.
// Compat: the reference takes any bytes here; only passwords and user names are taken as bytes by
// us as well.
fn parse_text(word: &[u8]) -> Result<String, String> {
    String::from_utf8(word.to_vec()).map_err(|_| "argument must be valid UTF-8 text".to_owned())
}

fn parse_share(word: &[u8]) -> Result<MemoryOrPercent, String> {
    const REFUSAL: &str = "argument must be a memory or percent value";
    let Some(percent) = word.strip_suffix(b"%") else {
        return memory::parse(word)
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .map(MemoryOrPercent::Bytes)
            .ok_or_else(|| REFUSAL.to_owned());
    };
    match text::parse_u64(percent) {
        None => Err(REFUSAL.to_owned()),
        Some(0) => Ok(MemoryOrPercent::Bytes(0)),
        Some(percent) => match u8::try_from(percent) {
            Ok(percent @ 1..=100) => Ok(MemoryOrPercent::Percent(percent)),
            _ => Err("percentage argument must be less or equal to 100".to_owned()),
        },
    }
}

fn parse_octal(word: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(word).ok()?;
    i64::from_str_radix(text, 8).ok().map(i128::from)
}

/// Declares an enum whose variants carry the names that configuration files use.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            #[default]
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// The names in the order in which a refusal lists them.
            pub const NAMES: &'static [&'static str] = &[$($text),+];
            const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The variant at a place in `NAMES`.
            pub fn from_index(index: usize) -> $name {
                $name::ALL.get(index).copied().unwrap_or_default()
            }

            /// The name in configuration files.
            pub fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}
pub(super) use choices;

/// A row's value out of the names of an enum: `pick!(log.level: LogLevel = Notice)`.
macro_rules! pick {
    ($group:ident . $field:ident : $name:ident = $default:ident) => {
        $crate::config::value::Choice {
            names: $name::NAMES,
            default: $name::$default as usize,
            get: |conf| conf.$group.$field as usize,
            set: |conf, index| conf.$group.$field = $name::from_index(index),
        }
    };
}
pub(super) use pick;
