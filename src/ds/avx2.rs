//! Loops for processors with AVX2, 32 bytes at a step: counting bits, combining strings, and the
//! registers of HyperLogLogs.
//!
//! Each function has a plain twin in the room it serves, which says the same; tests compare them.
//! Here a caller is told `None` or `false` where the processor has no such unit, and nothing was
//! done then. No decision is taken here about when to call.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "calling for a processor that was asked for, and unaligned loads and stores"
    )
)]

#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
pub use elsewhere::*;

/// Registers of a HyperLogLog.
const REGISTERS: usize = super::hyperloglog::REGISTERS;
/// Bytes of registers with 6 bits each.
const PACKED: usize = super::hyperloglog::PACKED;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use super::{PACKED, REGISTERS};
    use crate::ds::bits::{Operation, combine_plain, count_plain};

    /// The number of ones.
    pub fn count(bytes: &[u8]) -> Option<u64> {
        // SAFETY: the processor has just said that it has AVX2, which is all the callee asks for.
        is_x86_feature_detected!("avx2").then(|| unsafe { count_wide(bytes) })
    }

    /// Appends what the strings become together.
    pub fn combine(operation: Operation, sources: &[&[u8]], out: &mut Vec<u8>) -> bool {
        let has = is_x86_feature_detected!("avx2");
        if has {
            // SAFETY: the processor has just said that it has AVX2, which is all the callee asks
            // for.
            unsafe { combine_wide(operation, sources, out) }
        }
        has
    }

    /// The highest values of registers over several packed HyperLogLogs, a byte each.
    pub fn unpack(sources: &[&[u8; PACKED]], out: &mut [u8; REGISTERS]) -> bool {
        let has = is_x86_feature_detected!("avx2");
        if has {
            // SAFETY: the processor has just said that it has AVX2, which is all the callee asks
            // for.
            unsafe { unpack_wide(sources, out) }
        }
        has
    }

    /// Packs registers, each below 64.
    pub fn pack(registers: &[u8; REGISTERS], out: &mut [u8; PACKED]) -> bool {
        let has = is_x86_feature_detected!("avx2");
        if has {
            // SAFETY: the processor has just said that it has AVX2, which is all the callee asks
            // for.
            unsafe { pack_wide(registers, out) }
        }
        has
    }

    #[target_feature(enable = "avx2")]
    fn combine_wide(operation: Operation, sources: &[&[u8]], out: &mut Vec<u8>) {
        combine_plain(operation, sources, out);
    }

    /// Counts by carry-save adders (R. Harley, D. Seal): sixteen vectors are added bit by bit, so
    /// that only one in sixteen, the one of the carries into the fifth place, has to be counted.
    #[target_feature(enable = "avx2")]
    fn count_wide(bytes: &[u8]) -> u64 {
        let zero = _mm256_setzero_si256();
        let (mut ones, mut twos, mut fours, mut eights) = (zero, zero, zero, zero);
        let mut sixteens_seen = zero;
        let (groups, rest) = bytes.as_chunks::<512>();
        for group in groups {
            fetch_ahead(group);
            let at = |i: usize| load(group, i * 32);
            let mut carry = [zero; 8];
            for (i, carry) in carry.iter_mut().enumerate() {
                (ones, *carry) = add(ones, at(2 * i), at(2 * i + 1));
            }
            let mut carry4 = [zero; 4];
            for (i, carry4) in carry4.iter_mut().enumerate() {
                (twos, *carry4) = add(twos, carry[2 * i], carry[2 * i + 1]);
            }
            let (four, eight_a) = add(fours, carry4[0], carry4[1]);
            let (four, eight_b) = add(four, carry4[2], carry4[3]);
            let (eight, sixteens) = add(eights, eight_a, eight_b);
            (fours, eights) = (four, eight);
            sixteens_seen = _mm256_add_epi64(sixteens_seen, ones_of(sixteens));
        }
        let parts = [(16, sixteens_seen), (8, ones_of(eights)), (4, ones_of(fours))];
        let parts = parts.into_iter().chain([(2, ones_of(twos)), (1, ones_of(ones))]);
        parts.map(|(weight, part)| weight * sum(part)).sum::<u64>() + count_plain(rest)
    }

    /// Asks for the bytes that will be counted a few groups later: strings too long for the second
    /// cache are counted faster than they come by themselves.
    #[inline]
    #[target_feature(enable = "avx2")]
    #[allow(
        unused_unsafe,
        reason = "the hint is safe to give since a later Rust than ours must be"
    )]
    fn fetch_ahead(group: &[u8; 512]) {
        const AHEAD: usize = 2048;
        for line in (0..group.len()).step_by(64) {
            let line = group.as_ptr().wrapping_add(AHEAD + line);
            // SAFETY: this is a hint, which reads nothing: an address behind the end of the string
            // is ignored.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
        }
    }

    /// Adds three bits in each place: the sum and the carry.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: __m256i, b: __m256i, c: __m256i) -> (__m256i, __m256i) {
        let half = _mm256_xor_si256(a, b);
        let carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(half, c));
        (_mm256_xor_si256(half, c), carry)
    }

    /// The ones of each 64-bit lane, by looking up four bits at a time (W. Muła).
    #[inline]
    #[target_feature(enable = "avx2")]
    fn ones_of(v: __m256i) -> __m256i {
        let low = _mm256_set1_epi8(15);
        let table = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        ));
        let lower = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
        let upper = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
        _mm256_sad_epu8(_mm256_add_epi8(lower, upper), _mm256_setzero_si256())
    }

    /// The sum of the 64-bit lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum(v: __m256i) -> u64 {
        let (low, high) = (_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        let both = _mm_add_epi64(low, high);
        (_mm_cvtsi128_si64(both) + _mm_extract_epi64(both, 1)) as u64
    }

    /// Thirty-two bytes from an offset on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load<const N: usize>(bytes: &[u8; N], at: usize) -> __m256i {
        let bytes: &[u8; 32] = bytes[at..].first_chunk().expect("the loops end where bytes do");
        // SAFETY: the reference is to 32 readable bytes, and the load asks for no alignment.
        unsafe { _mm256_loadu_si256(std::ptr::from_ref(bytes).cast()) }
    }

    /// Sixteen bytes from an offset on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_half<const N: usize>(bytes: &[u8; N], at: usize) -> __m128i {
        let bytes: &[u8; 16] = bytes[at..].first_chunk().expect("the loops end where bytes do");
        // SAFETY: the reference is to 16 readable bytes, and the load asks for no alignment.
        unsafe { _mm_loadu_si128(std::ptr::from_ref(bytes).cast()) }
    }

    /// Thirty-two registers at a step, that is 24 packed bytes. Three bytes hold four registers,
    /// spread over two lanes of 16 bits:
    ///
    /// ```text
    ///   bytes    b0        b1        b2              lane A = b0 and b1: register 0 in bits 0-5,  1 in bits 6-11
    ///   bits     00000011  11112222  22333333       lane B = b1 and b2: register 2 in bits 4-9,  3 in bits 10-15
    /// ```
    ///
    /// Masked, the lanes can be compared as they are; only the highest values are moved to their
    /// places.
    #[target_feature(enable = "avx2")]
    fn unpack_wide(sources: &[&[u8; PACKED]], out: &mut [u8; REGISTERS]) {
        // The upper half is loaded from four bytes before its first, so that the last load ends
        // with the registers.
        let spread = _mm256_setr_epi8(
            0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 10, 11, //
            4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11, 12, 13, 14, 14, 15,
        );
        let low = _mm256_set1_epi32(0x03f0_003f);
        let high = _mm256_set1_epi32(0xfc00_0fc0_u32 as i32);
        for (i, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let (mut lows, mut highs) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for source in sources {
                let (a, b) = (load_half(source, 24 * i), load_half(source, 24 * i + 8));
                let lanes = _mm256_shuffle_epi8(_mm256_set_m128i(b, a), spread);
                lows = _mm256_max_epu16(lows, _mm256_and_si256(lanes, low));
                highs = _mm256_max_epu16(highs, _mm256_and_si256(lanes, high));
            }
            let lows = _mm256_blend_epi16(lows, _mm256_srli_epi16(lows, 4), 0b1010_1010);
            let highs = _mm256_blend_epi16(
                _mm256_slli_epi16(highs, 2),
                _mm256_srli_epi16(highs, 2),
                0b1010_1010,
            );
            let registers = _mm256_or_si256(lows, highs);
            // SAFETY: the reference is to 32 bytes of our own, and the store asks for no alignment.
            unsafe { _mm256_storeu_si256(std::ptr::from_mut(out).cast(), registers) }
        }
    }

    /// The way back: pairs of registers become 12 bits, pairs of these 24, and the 24 bits of all
    /// lanes move together.
    #[target_feature(enable = "avx2")]
    fn pack_wide(registers: &[u8; REGISTERS], out: &mut [u8; PACKED]) {
        let close = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
        ));
        for (i, out) in out.as_chunks_mut::<24>().0.iter_mut().enumerate() {
            let bytes = load(registers, 32 * i);
            let twelve = _mm256_maddubs_epi16(bytes, _mm256_set1_epi16(0x4001));
            let all = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x1000_0001));
            let lanes = _mm256_shuffle_epi8(all, close);
            let joined =
                _mm256_permutevar8x32_epi32(lanes, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
            let mut wide = [0u8; 32];
            // SAFETY: the reference is to 32 bytes of our own, and the store asks for no alignment.
            unsafe { _mm256_storeu_si256(std::ptr::from_mut(&mut wide).cast(), joined) }
            out.copy_from_slice(&wide[..24]);
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    use super::{PACKED, REGISTERS};
    use crate::ds::bits::Operation;

    pub fn count(_: &[u8]) -> Option<u64> {
        None
    }

    pub fn combine(_: Operation, _: &[&[u8]], _: &mut Vec<u8>) -> bool {
        false
    }

    pub fn unpack(_: &[&[u8; PACKED]], _: &mut [u8; REGISTERS]) -> bool {
        false
    }

    pub fn pack(_: &[u8; REGISTERS], _: &mut [u8; PACKED]) -> bool {
        false
    }
}
