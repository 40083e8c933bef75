//! HyperLogLogs: how many different elements were seen, to within a per cent, in at most 12 KiB.
//!
//! P. Flajolet et al. 2007, with the improvements of S. Heule et al. 2013 (64-bit hashes, a sparse
//! form) and the estimator of O. Ertl 2017. An element is hashed to 64 bits; 14 of them choose a
//! register, the rest tells how many zeros it ends with, plus one: the register keeps the highest
//! such count it has seen.
//!
//! The value is a string, byte for byte that of Redis, since replicas, dumps and clients exchange
//! it:
//!
//! ```text
//!   0      4          5         8                  16
//!   "HYLL"  encoding   unused    cached count        registers
//!           0 dense    kept as   64 bits, low first;   dense   16384 times 6 bits, see `dense`
//!           1 sparse   it is     top bit: stale        sparse  runs of registers, see `sparse`
//! ```
//!
//! Clients may store any bytes and call them a HyperLogLog. [`Hll::of`] accepts what has the form;
//! that the runs of a sparse one are in order shows only when they are read, and whoever reads them
//! may find them [`Corrupt`].

mod dense;
mod estimate;
mod hash;
mod selftest;
mod sparse;

pub use dense::Registers;
pub use hash::Element;
pub use selftest::check as selftest;
pub use sparse::describe;

/// Registers of each.
pub const REGISTERS: usize = 1 << 14;
/// Bytes of the registers of a dense one.
pub const PACKED: usize = REGISTERS * 6 / 8;
/// Bytes before the registers.
pub const HEADER: usize = 16;

const MAGIC: &[u8; 4] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Offset of the encoding.
const ENCODING: usize = 4;
/// Offset of the cached count.
const CACHE: usize = 8;
/// In the last byte of the cached count: it is stale.
const STALE: u8 = 0x80;

/// The runs of a sparse value do not make up its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// A value, looked at.
#[derive(Debug, Clone, Copy)]
pub struct Hll<'a> {
    value: &'a [u8],
    registers: Form<'a>,
}

/// The two ways to keep registers.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    Dense(&'a [u8; PACKED]),
    Sparse(&'a [u8]),
}

impl<'a> Hll<'a> {
    /// The value, if it has the form of one.
    pub fn of(value: &'a [u8]) -> Option<Hll<'a>> {
        let (header, rest) = value.split_first_chunk::<HEADER>()?;
        let registers = match header[ENCODING] {
            _ if !header.starts_with(MAGIC) => return None,
            DENSE => Form::Dense(rest.try_into().ok()?),
            SPARSE => Form::Sparse(rest),
            _ => return None,
        };
        Some(Hll { value, registers })
    }

    pub fn is_dense(self) -> bool {
        matches!(self.registers, Form::Dense(_))
    }

    /// The count that was stored with it, unless it is stale.
    pub fn cached(self) -> Option<u64> {
        let count = self.value[CACHE..].first_chunk().expect("the header is longer than that");
        (count[7] & STALE == 0).then(|| u64::from_le_bytes(*count))
    }

    /// Whether the runs of a sparse one make up its registers.
    pub fn check(self) -> Result<(), Corrupt> {
        match self.registers {
            Form::Dense(_) => Ok(()),
            Form::Sparse(runs) => sparse::check(runs),
        }
    }

    /// Whether the element would change it.
    pub fn lacks(self, element: Element) -> Result<bool, Corrupt> {
        match self.registers {
            Form::Dense(registers) => {
                Ok(dense::register(registers, element.register) < element.count)
            }
            Form::Sparse(runs) => sparse::lacks(runs, element),
        }
    }

    /// The registers of a dense one.
    fn packed(self) -> Option<&'a [u8; PACKED]> {
        match self.registers {
            Form::Dense(registers) => Some(registers),
            Form::Sparse(_) => None,
        }
    }

    /// The runs of a sparse one.
    pub fn runs(self) -> Option<&'a [u8]> {
        match self.registers {
            Form::Dense(_) => None,
            Form::Sparse(runs) => Some(runs),
        }
    }
}

/// Raises registers, which are all zero, to the highest values over several HyperLogLogs. `wide`
/// lets it use what the processor has to offer.
pub fn unite(registers: &mut Registers, sources: &[Hll<'_>], wide: bool) -> Result<(), Corrupt> {
    let packed: Vec<&[u8; PACKED]> = sources.iter().filter_map(|source| source.packed()).collect();
    registers.unpack(&packed, wide);
    let mut runs = sources.iter().filter_map(|source| source.runs());
    runs.try_for_each(|runs| sparse::raise(runs, registers))
}

/// A value without any element.
pub fn empty() -> Vec<u8> {
    let mut value = Vec::with_capacity(64);
    value.extend_from_slice(MAGIC);
    value.extend_from_slice(&[SPARSE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, STALE]);
    sparse::push_zeros(&mut value, REGISTERS);
    value
}

/// Adds an element to a value, which [`Hll::of`] has accepted; true when that changed it. A sparse
/// one becomes dense when it would grow beyond `sparse_max` bytes.
pub fn add(value: &mut Vec<u8>, element: Element, sparse_max: u64) -> Result<bool, Corrupt> {
    let mut place = sparse::Place::default();
    add_near(value, element, sparse_max, &mut place)
}

/// [`add`], with a place in a sparse value where the search may begin.
fn add_near(
    value: &mut Vec<u8>,
    element: Element,
    sparse_max: u64,
    place: &mut sparse::Place,
) -> Result<bool, Corrupt> {
    let changed = match value[ENCODING] {
        SPARSE => match sparse::set(value, element, sparse_max, place)? {
            sparse::Outcome::Changed => true,
            sparse::Outcome::Unchanged => false,
            sparse::Outcome::TooLarge => {
                make_dense(value)?;
                raise(value, element)
            }
        },
        _ => raise(value, element),
    };
    if changed {
        mark_stale(value);
    }
    Ok(changed)
}

/// Adds an element to a dense value in place; true when that changed it. The caller marks it stale.
pub fn raise(value: &mut [u8], element: Element) -> bool {
    let registers = (&mut value[HEADER..]).try_into().expect("dense values have one length");
    dense::raise(registers, element)
}

/// Adds all elements that registers stand for, in their order, as if one by one.
pub fn add_all(value: &mut Vec<u8>, registers: &Registers, sparse_max: u64) -> Result<(), Corrupt> {
    let mut place = sparse::Place::default();
    for element in registers.elements() {
        add_near(value, element, sparse_max, &mut place)?;
    }
    mark_stale(value);
    Ok(())
}

/// Puts registers into a dense value. `wide` as for [`unite`].
pub fn put_registers(value: &mut [u8], registers: &Registers, wide: bool) {
    let place = (&mut value[HEADER..]).try_into().expect("dense values have one length");
    registers.pack(place, wide);
    mark_stale(value);
}

/// Makes a sparse value dense; header and count stay.
pub fn make_dense(value: &mut Vec<u8>) -> Result<(), Corrupt> {
    let mut registers = Registers::default();
    sparse::raise(&value[HEADER..], &mut registers)?;
    value[ENCODING] = DENSE;
    value.truncate(HEADER);
    value.resize(HEADER + PACKED, 0);
    registers.pack((&mut value[HEADER..]).try_into().expect("just made so"), false);
    Ok(())
}

/// The cached count is not to be believed any more.
pub fn mark_stale(value: &mut [u8]) {
    value[CACHE + 7] |= STALE;
}

/// Stores the count.
pub fn put_count(value: &mut [u8], count: u64) {
    value[CACHE..HEADER].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
mod tests;
