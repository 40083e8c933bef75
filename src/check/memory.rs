//! `--test-memory`: writes patterns to memory and reads them back.
//!
//! Four kinds of pattern find four kinds of fault: each word its own address (crossed address
//! lines), random words (weak cells), all bits on and off by turns, and a checkerboard (neighbours
//! that disturb each other). The area is filled, then compared: by a second computation of what was
//! written, after the caches have been flushed by its sheer size.

use std::io::{self, Write};

/// Rounds through all patterns.
const PASSES: u32 = 50;

/// Tests some megabytes. Returns whether all words came back as they were written.
pub fn test(megabytes: usize, out: &mut dyn Write) -> io::Result<bool> {
    let words = megabytes.saturating_mul(1 << 20) / size_of::<u64>();
    let mut area: Vec<u64> = Vec::new();
    if area.try_reserve_exact(words).is_err() {
        writeln!(out, "Unable to allocate {megabytes} megabytes: out of memory")?;
        return Ok(false);
    }
    area.resize(words, 0);
    writeln!(out, "Please keep the test running several minutes per GB of memory.")?;
    for pass in 1..=PASSES {
        if !test_once(&mut area, pass, out)? {
            writeln!(out, "\nYour memory is faulty: what was written could not be read back.")?;
            return Ok(false);
        }
    }
    writeln!(out, "\nYour memory passed this test.")?;
    writeln!(
        out,
        "If you are still in doubt, a tool that runs without an operating system sees more of it."
    )?;
    Ok(true)
}

fn test_once(area: &mut [u64], pass: u32, out: &mut dyn Write) -> io::Result<bool> {
    type Pattern = fn(usize, u64) -> u64;
    const PATTERNS: [(&str, Pattern); 4] = [
        ("Addressing test", |at, _| at as u64),
        ("Random fill", |at, seed| mixed(at as u64 ^ seed)),
        ("Solid fill", |at, _| if at % 2 == 0 { u64::MAX } else { 0 }),
        ("Checkerboard fill", |at, _| {
            if at % 2 == 0 { 0x5555_5555_5555_5555 } else { 0xaaaa_aaaa_aaaa_aaaa }
        }),
    ];
    for (name, pattern) in PATTERNS {
        writeln!(out, "{name} [{pass}]")?;
        let seed = u64::from(pass) << 32;
        for (at, word) in area.iter_mut().enumerate() {
            *word = pattern(at, seed);
        }
        // The compiler must not conclude that the words are still known.
        let area = std::hint::black_box(&mut *area);
        if let Some(at) = (0..area.len()).find(|at| area[*at] != pattern(*at, seed)) {
            writeln!(out, "*** MEMORY ERROR DETECTED at word {at} ***")?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// A number that looks random and can be computed again (the finalizer of SplitMix64).
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[test]
fn sound_memory_passes_every_pattern() {
    let mut out = vec![];
    assert!(test_once(&mut [0; 1000], 7, &mut out).expect("memory"));
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("Random fill [7]"));
}
