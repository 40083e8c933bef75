//! Model tests of the table: millions of random operations beside `std::collections::HashMap`.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::base::effort::effort;

/// An element for tests: a boxed key and value that counts how many are alive.
struct Pair(Box<(Vec<u8>, u64)>);

thread_local! {
    static ALIVE: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
}

impl Pair {
    fn new(key: &[u8], value: u64) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Pair(Box::new((key.to_vec(), value)))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

// SAFETY: a box leaked and taken back; the key is never changed.
unsafe impl Element for Pair {
    type Ref<'a> = &'a (Vec<u8>, u64);
    type Mut<'a> = &'a mut (Vec<u8>, u64);

    fn into_raw(self) -> NonNull<u8> {
        let mut pair = std::mem::ManuallyDrop::new(self);
        // SAFETY: the wrapper is never used again, so the box is moved out once.
        let inner = unsafe { std::ptr::read(&raw mut pair.0) };
        NonNull::from(Box::leak(inner)).cast()
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: the pointer came from the box leaked in `into_raw`.
        Pair(unsafe { Box::from_raw(raw.cast().as_ptr()) })
    }

    unsafe fn view<'a>(raw: NonNull<u8>) -> Self::Ref<'a> {
        // SAFETY: the caller's promise.
        unsafe { raw.cast().as_ref() }
    }

    unsafe fn edit<'a>(raw: NonNull<u8>) -> Self::Mut<'a> {
        // SAFETY: the caller's promise.
        unsafe { raw.cast().as_mut() }
    }

    fn key<'a>(view: Self::Ref<'a>) -> &'a [u8]
    where
        Self: 'a,
    {
        &view.0
    }
}

/// A small fast generator (SplitMix64), seeded per test.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn seed() -> HashSeed {
    HashSeed::new(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
}

fn name(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn filled(count: u64) -> Table<Pair> {
    let mut table = Table::new(seed());
    for i in 0..count {
        assert!(table.insert(Pair::new(&name(i), i)).is_none());
    }
    table
}

/// Every invariant that can be checked from outside the elements.
fn check(table: &Table<Pair>) {
    let mut buckets = 0;
    let mut total = 0;
    for index in 0..table.segments as usize {
        let segment = table.segment(index);
        buckets += segment.n();
        let mut count = 0;
        // SAFETY: nobody writes.
        unsafe {
            segment.visit_all(|item| {
                count += 1;
                let hash = table.hash(&Pair::view(item.raw()).0);
                assert_eq!(table.segment_index(hash), index, "an element is in its segment");
                let found = segment.find(place_of(hash), |raw| raw == item.raw());
                assert!(found.is_some(), "an element is found from its home");
            });
        }
        assert_eq!(count, table.count(index));
        assert!(segment.n() <= usize::from(table.widest));
        total += count;
    }
    assert_eq!((buckets, total), (table.buckets, table.len()));
    if table.segments > 1 {
        let whole = 1u32 << table.level;
        assert!(whole <= table.segments && table.segments < whole * 2);
        assert_eq!(table.directory.len(), table.segments as usize);
        assert_eq!(table.counts.len(), table.segments as usize);
    }
}

#[test]
fn an_empty_table_owns_nothing() {
    let mut table: Table<Pair> = Table::new(seed());
    assert_eq!((table.len(), table.memory_bytes(), table.slots()), (0, 0, 0));
    assert!(table.find(b"x").is_none() && table.find_mut(b"x").is_none());
    assert!(table.remove(b"x").is_none());
    assert!(table.sample(|| 1).is_none());
    assert_eq!(table.scan(0, |_| unreachable!()), 0);
    assert!(table.iter().next().is_none());
    table.prefetch_bucket(7);
    table.prefetch_entry(7);
}

/// An element of a table that has grown takes fewer bytes. Small segments are less well filled.
const BYTES_MAX: f64 = effort(14.0, 18.0);

/// Numbers of elements.
const SIZES: [u64; 4] = effort([50, 3_000, 60_000, 400_000], [3, 10, 20, 120]);

#[test]
fn millions_of_random_operations_agree_with_the_model() {
    for (round, keys) in SIZES.into_iter().enumerate() {
        let mut random = Random(round as u64);
        let mut table: Table<Pair> = Table::new(seed());
        let mut model: HashMap<u64, u64> = HashMap::new();
        for step in 0..keys * 8 {
            // The share of inserts swings, so that the table grows and shrinks several times.
            let inserts = if (step / (keys * 2)) % 2 == 0 { 70 } else { 20 };
            let key = random.below(keys);
            match random.below(100) {
                draw if draw < inserts => {
                    let old = table.insert(Pair::new(&name(key), step)).map(|p| p.0.1);
                    assert_eq!(old, model.insert(key, step));
                }
                draw if draw < 90 => {
                    let old = table.remove(&name(key)).map(|p| p.0.1);
                    assert_eq!(old, model.remove(&key));
                }
                draw if draw < 93 => {
                    if let Some(slot) = table.find_mut(&name(key)) {
                        slot.into_mut().1 += 1;
                        *model.get_mut(&key).expect("in both") += 1;
                    }
                }
                draw if draw < 95 => {
                    if let Some(mut slot) = table.find_mut(&name(key)) {
                        let old = slot.replace(Pair::new(&name(key), step));
                        assert_eq!(slot.view().1, step);
                        assert_eq!(model.insert(key, step), Some(old.0.1));
                    }
                }
                _ => assert_eq!(table.find(&name(key)).map(|p| p.1), model.get(&key).copied()),
            }
            assert_eq!(table.len(), model.len());
        }
        check(&table);
        let seen: HashMap<u64, u64> = table
            .iter()
            .map(|p| (u64::from_be_bytes(p.0[..].try_into().expect("eight")), p.1))
            .collect();
        assert_eq!(seen, model);
        for key in 0..keys {
            assert_eq!(table.remove(&name(key)).is_some(), model.contains_key(&key));
        }
        assert_eq!((table.len(), table.memory_bytes()), (0, 0));
    }
    assert_eq!(ALIVE.get(), 0, "every element was dropped once");
}

#[test]
fn every_seed_grows_alike() {
    // Once a segment that overflowed early was enlarged without a split, again and again: some
    // seeds ended up with a single segment of any size.
    for word in 0..effort(60u64, 1) {
        let mut table = Table::new(HashSeed::new(word, !word));
        let size = effort(30_000, 900);
        for i in 0..size {
            table.insert(Pair::new(&name(i), i));
        }
        assert!(table.segments > 15 && table.widest < 700, "seed {word}: {}", table.widest);
        let bytes = table.memory_bytes() as f64 / size as f64;
        assert!(bytes < BYTES_MAX, "seed {word}: {bytes} bytes per element");
    }
}

#[test]
fn growth_keeps_the_load_and_the_memory_in_bounds() {
    let mut table = Table::new(seed());
    let mut worst: f64 = 0.0;
    let size = effort(1_000_000, 400u64);
    for i in 0..size {
        table.insert(Pair::new(&name(i), i));
        if i > size / 100 {
            worst = worst.max(table.memory_bytes() as f64 / table.len() as f64);
        }
    }
    check(&table);
    assert!(worst < effort(BYTES_MAX, 40.0), "{worst} bytes per element at worst");
    let full = table.memory_bytes();
    for i in 0..size - size / 1_000 {
        table.remove(&name(i));
    }
    check(&table);
    assert!(table.memory_bytes() * effort(200, 20) < full, "{} of {full}", table.memory_bytes());
}

#[test]
fn a_table_laid_out_at_once_is_like_one_that_has_grown() {
    const COUNTS: [u64; 10] = effort(
        [1, 7, 100, 1259, 1260, 1400, 2600, 5000, 40_000, 300_000],
        [1, 2, 3, 4, 5, 6, 7, 8, 53, 150],
    );
    for count in COUNTS {
        let mut table = Table::<Pair>::with_capacity(seed(), count as usize);
        let (before, segments) = (table.memory_bytes(), table.segments);
        for number in 0..count {
            let hash = table.hash(&name(number));
            table.insert_new(hash, Pair::new(&name(number), number));
        }
        check(&table);
        assert!((0..count).all(|number| table.find(&name(number)).is_some()), "{count}");
        for number in 0..effort(0, count) {
            assert!(table.remove(&name(number)).is_some());
        }
        if cfg!(miri) {
            continue;
        }
        let grown = filled(count).memory_bytes();
        // A few segments get more than their share.
        assert!(table.memory_bytes() <= before + before / 16 + 64, "{count}");
        assert!(table.memory_bytes() <= grown + grown / 4 + 64, "{count} {grown}");
        assert!(table.segments - segments <= 1 + segments / 8, "{count}");
        for number in 0..count {
            assert!(table.remove(&name(number)).is_some());
        }
        assert_eq!(table.memory_bytes(), 0);
    }
}

#[test]
fn churn_does_not_wear_the_table_out() {
    let size = effort(50_000, 40u64);
    let mut table = filled(size);
    for i in size..effort(20, 8) * size {
        table.insert(Pair::new(&name(i), i));
        assert!(table.remove(&name(i - size)).is_some());
    }
    check(&table);
    let bytes = table.memory_bytes() as f64 / table.len() as f64;
    assert!(bytes < effort(16.0, 40.0), "{bytes} bytes per element after churn");
}

#[test]
fn a_scan_returns_whatever_stays() {
    const SIZES: [u64; 6] = effort([1, 5, 100, 2_000, 30_000, 200_000], [1, 2, 3, 5, 8, 20]);
    for (round, size) in SIZES.into_iter().enumerate() {
        let mut random = Random(round as u64 + 77);
        for weather in 0..4 {
            let mut table = filled(size);
            let fickle = size * 4;
            let (mut cursor, mut seen, mut calls) = (0, HashSet::new(), 0u64);
            let mut extra = 0u64;
            loop {
                cursor = table.scan(cursor, |pair| {
                    seen.insert(pair.0.clone());
                });
                calls += 1;
                if cursor == 0 {
                    break;
                }
                assert!(calls < 40 * (size + 10), "the scan ends");
                let (mut grow, mut fall) = (0, 0);
                match weather {
                    0 => {}
                    1 => grow = 8,
                    2 => fall = 8,
                    _ if (calls / (size / 16 + 1)) % 2 == 0 => grow = random.below(30),
                    _ => fall = random.below(30),
                }
                for _ in 0..grow {
                    if extra < fickle {
                        table.insert(Pair::new(&name(1_000_000_000 + extra), 0));
                        extra += 1;
                    }
                }
                for _ in 0..fall {
                    if extra > 0 {
                        extra -= 1;
                        assert!(table.remove(&name(1_000_000_000 + extra)).is_some());
                    } else if weather == 2 {
                        // Remove the odd ones for good; the even ones must still be seen.
                        table.remove(&name(random.below(size) | 1));
                    }
                }
            }
            for i in (0..size).step_by(2) {
                assert!(seen.contains(&name(i)[..]), "size {size} weather {weather}: {i} missed");
            }
        }
    }
}

#[test]
fn a_scan_of_a_collapsing_table_returns_what_stays() {
    // Each call is followed by removals that merge segments under the cursor.
    for lead in effort([0u64, 50, 400, 1_000], [0, 1, 3, 9]) {
        let size = effort(100_000, 160);
        let mut table = filled(size);
        let (mut cursor, mut seen, mut calls) = (0, HashSet::new(), 0u64);
        loop {
            cursor = table.scan(cursor, |pair| {
                seen.insert(pair.0.clone());
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            if calls > lead {
                for i in
                    ((calls - lead) * 100..(calls - lead) * 100 + 100).take_while(|i| *i < size)
                {
                    if i % 100 != 7 {
                        table.remove(&name(i));
                    }
                }
            }
        }
        for i in (7..size).step_by(100) {
            assert!(seen.contains(&name(i)[..]), "{i} missed");
        }
    }
}

#[test]
fn any_cursor_is_survived() {
    let table = filled(effort(5_000, 130));
    let mut random = Random(5);
    for _ in 0..effort(20_000, 40) {
        let cursor = random.next() >> random.below(64);
        table.scan(cursor, |_| {});
    }
    table.scan(u64::MAX, |_| {});
}

#[test]
fn samples_are_uniform() {
    // Chi-square over the elements, after growth and after heavy removal.
    const SIZES: [(u64, u64); 5] = effort(
        [(10, 10), (700, 700), (3_000, 3_000), (6_000, 1_000), (40_000, 2_000)],
        [(1, 1), (2, 2), (3, 3), (4, 3), (60, 5)],
    );
    for (size, keep) in SIZES {
        let mut table = filled(size);
        for i in keep..size {
            table.remove(&name(i));
        }
        let mut random = Random(size);
        let draws = keep * 100;
        let mut hits: HashMap<Vec<u8>, u64> = HashMap::new();
        for _ in 0..draws {
            let pair = table.sample(|| random.next()).expect("not empty");
            *hits.entry(pair.0.clone()).or_default() += 1;
        }
        let expected = draws as f64 / keep as f64;
        let chi: f64 = (0..keep)
            .map(|i| hits.get(&name(i)[..]).copied().unwrap_or(0) as f64 - expected)
            .map(|d| d * d / expected)
            .sum();
        let freedom = (keep - 1) as f64;
        // Five standard deviations of the chi-square distribution.
        assert!((chi - freedom).abs() < 5.0 * (2.0 * freedom).sqrt() + 5.0, "{size}: {chi}");
    }
}

#[test]
fn nothing_moves_while_paused_unless_it_must() {
    let (first, going) = effort((1_000, 900), (100, 90));
    let mut table = filled(first);
    table.pause_moves();
    let before = (table.buckets, table.segments);
    for i in 0..going {
        table.remove(&name(i));
    }
    assert_eq!((table.buckets, table.segments), before, "no shrinking");
    for i in 0..going {
        table.insert(Pair::new(&name(i), i));
    }
    assert_eq!((table.buckets, table.segments), before, "no growth for what fits");
    let (many, more) = effort((200_000, 210_000), (300, 330));
    for i in first..many {
        table.insert(Pair::new(&name(i), i));
    }
    check(&table);
    assert!(table.widest < 2_000, "a pause does not let segments grow without bound");
    table.resume_moves();
    for i in many..more {
        table.insert(Pair::new(&name(i), i));
    }
    check(&table);
    for i in 0..more {
        assert!(table.contains(&name(i)));
    }
}

#[test]
fn a_drained_table_gives_each_element_once() {
    let (all, some, few) = effort((20_000, 7_777, 3_000), (150, 77, 20));
    let mut drain = filled(all).into_iter();
    let mut seen: HashSet<u64> = drain.by_ref().take(some).map(|p| p.0.1).collect();
    assert_eq!(seen.len(), some);
    seen.extend(drain.map(|p| p.0.1));
    assert_eq!(seen.len(), all as usize);
    drop(filled(few).into_iter());
    let mut table = filled(few);
    drop(table.take());
    assert!(table.is_empty());
    drop(table);
    assert_eq!(ALIVE.get(), 0);
}

#[test]
fn memory_is_what_the_allocator_says() {
    for size in effort([1u64, 7, 8, 100, 1_000, 50_000], [1, 2, 7, 8, 50, 150]) {
        let pairs: Vec<Pair> = (0..size).map(|i| Pair::new(&name(i), i)).collect();
        let mut table = Table::new(seed());
        let before = crate::base::alloc::thread_delta();
        for pair in pairs {
            table.insert(pair);
        }
        // `pairs` itself was freed on the way.
        let list = crate::base::alloc::class_size(size as usize * 8) as isize;
        let grown = crate::base::alloc::thread_delta() - before + list;
        assert_eq!(grown, table.memory_bytes() as isize, "{size}");
    }
}

#[test]
fn part_of_a_hash_finds_the_element() {
    let size = effort(100_000, 300);
    let table = filled(size);
    assert!(table.level > effort(4, 1));
    for i in (0..size).step_by(97) {
        for low_bits in [24, 4, 1] {
            let hash = table.hash(&name(i)) & (0xffff_0000_0000_0000 | ((1 << low_bits) - 1));
            let found = table.find_where(hash, low_bits, |pair| pair.1 == i);
            assert_eq!(found.map(|p| p.1), Some(i));
        }
    }
    assert!(table.find_where(table.hash(b"x"), 24, |_| false).is_none());
}

#[test]
fn mutation_in_bulk_reaches_all() {
    let mut table = filled(effort(10_000, 80));
    table.for_each_mut(|pair| pair.1 *= 2);
    assert!(table.iter().all(|p| p.1 == 2 * u64::from_be_bytes(p.0[..].try_into().expect("8"))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: effort(200, 2), ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_agrees_with_the_model(
        operations in prop::collection::vec((0u8..6, 0u16..600), 0..effort(2000, 150)),
    ) {
        let mut table: Table<Pair> = Table::new(seed());
        let mut model: HashMap<u16, u64> = HashMap::new();
        for (step, (kind, key)) in operations.into_iter().enumerate() {
            let (bytes, step) = (key.to_be_bytes(), step as u64);
            match kind {
                0..=2 => {
                    let old = table.insert(Pair::new(&bytes, step)).map(|p| p.0.1);
                    prop_assert_eq!(old, model.insert(key, step));
                }
                3 => {
                    let old = table.remove(&bytes).map(|p| p.0.1);
                    prop_assert_eq!(old, model.remove(&key));
                }
                4 if table.pauses == 0 => table.pause_moves(),
                4 => table.resume_moves(),
                _ => prop_assert_eq!(table.find(&bytes).map(|p| p.1), model.get(&key).copied()),
            }
        }
        check(&table);
    }
}

/// Dense tables are what makes keys small: so many bytes per element, whatever the number of them.
#[test]
#[cfg(not(miri))]
fn an_element_takes_ten_to_eleven_bytes() {
    let mut table = Table::new(HashSeed::new(1, 2));
    let (mut sum, mut samples) = (0.0, 0);
    for i in 0..300_000u32 {
        table.insert(Pair::new(&i.to_le_bytes(), 0));
        if i >= 50_000 && i % 5_000 == 0 {
            sum += table.memory_bytes() as f64 / f64::from(i);
            samples += 1;
        }
    }
    let mean = sum / f64::from(samples);
    assert!(mean < 10.9, "{mean} bytes on average");
}
