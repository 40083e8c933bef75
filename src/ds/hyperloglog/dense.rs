//! Registers of six bits, packed, and the same a byte each.
//!
//! ```text
//!   byte        0         1         2                 bits from the lowest on: register n takes bits 6n to 6n+5
//!   register    00000011  11112222  22333333
//! ```

use super::hash::Element;
use super::{PACKED, REGISTERS, estimate};
use crate::ds::avx2;

/// The value of a register.
pub fn register(registers: &[u8; PACKED], number: usize) -> u8 {
    let (byte, bit) = (number * 6 / 8, number * 6 % 8);
    let next = registers.get(byte + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([registers[byte], next]) >> bit) as u8 & 0x3f
}

/// Raises a register to the count of an element; true when it was lower.
pub fn raise(registers: &mut [u8; PACKED], element: Element) -> bool {
    let is_lower = register(registers, element.register) < element.count;
    if is_lower {
        let (byte, bit) = (element.register * 6 / 8, element.register * 6 % 8);
        let put = |old: u8, mask: u16, value: u16| old & !(mask as u8) | value as u8;
        let (mask, value) = (0x3f << bit, u16::from(element.count) << bit);
        registers[byte] = put(registers[byte], mask, value);
        if let Some(next) = registers.get_mut(byte + 1) {
            *next = put(*next, mask >> 8, value >> 8);
        }
    }
    is_lower
}

/// Registers, a byte each: what several HyperLogLogs are added up in.
#[derive(Clone, PartialEq, Eq)]
pub struct Registers([u8; REGISTERS]);

impl Default for Registers {
    fn default() -> Registers {
        Registers([0; REGISTERS])
    }
}

impl Registers {
    /// Sets registers that are all zero to the highest values over several packed ones. With
    /// `wide`, the processor's wide unit does the work if there is one.
    pub fn unpack(&mut self, sources: &[&[u8; PACKED]], wide: bool) {
        debug_assert!(self.0.iter().all(|register| *register == 0));
        let done = sources.is_empty() || wide && avx2::unpack(sources, &mut self.0);
        if !done {
            sources.iter().for_each(|source| self.raise_packed(source));
        }
    }

    fn raise_packed(&mut self, source: &[u8; PACKED]) {
        for (four, three) in self.0.as_chunks_mut::<4>().0.iter_mut().zip(source.as_chunks().0) {
            let [a, b, c]: [u8; 3] = *three;
            let values = [a & 0x3f, a >> 6 | b << 2 & 0x3f, b >> 4 | c << 4 & 0x3f, c >> 2];
            for (register, value) in four.iter_mut().zip(values) {
                *register = (*register).max(value);
            }
        }
    }

    /// Raises registers that follow one another to a value.
    pub fn raise(&mut self, registers: std::ops::Range<usize>, value: u8) {
        for register in &mut self.0[registers] {
            *register = (*register).max(value);
        }
    }

    /// Packs them. `wide` as for [`Registers::unpack`].
    pub fn pack(&self, out: &mut [u8; PACKED], wide: bool) {
        if wide && avx2::pack(&self.0, out) {
            return;
        }
        for (three, four) in out.as_chunks_mut::<3>().0.iter_mut().zip(self.0.as_chunks().0) {
            let [a, b, c, d]: [u8; 4] = *four;
            *three = [a | b << 6, b >> 2 | c << 4, c >> 4 | d << 2];
        }
    }

    /// What raises registers from zero to these.
    pub fn elements(&self) -> impl Iterator<Item = Element> {
        let counts = self.0.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0).map(|(register, count)| Element { register, count })
    }

    pub fn iter(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }

    /// How many different elements they have seen.
    pub fn estimate(&self) -> u64 {
        // Four tables, so that equal neighbours do not wait for one another.
        let mut tables = [[0u32; 64]; 4];
        for four in self.0.as_chunks::<4>().0 {
            for (table, register) in tables.iter_mut().zip(four) {
                table[usize::from(register & 0x3f)] += 1;
            }
        }
        let [a, b, c, d] = tables;
        estimate::estimate(std::array::from_fn(|value| a[value] + b[value] + c[value] + d[value]))
    }
}
