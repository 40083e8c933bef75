//! HyperLogLogs against a plain table of registers, against known bytes of the reference, and
//! against damage.

use proptest::prelude::*;

use super::*;
use crate::base::effort::effort;

fn elements(range: std::ops::Range<usize>) -> impl Iterator<Item = Element> {
    range.map(|n| Element::of(format!("e{n}").as_bytes()))
}

fn registers_of(value: &[u8], wide: bool) -> Result<Registers, Corrupt> {
    let mut registers = Registers::default();
    unite(&mut registers, &[Hll::of(value).expect("one of ours")], wide)?;
    Ok(registers)
}

fn estimate(value: &[u8]) -> u64 {
    registers_of(value, true).expect("a sound one").estimate()
}

/// From the fact sheet, compared with Redis.
#[test]
fn bytes_are_those_of_the_reference() {
    let mut value = empty();
    assert_eq!(value, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff");
    for text in ["a", "foo", "hello"] {
        assert_eq!(add(&mut value, Element::of(text.as_bytes()), 3000), Ok(true));
        assert_eq!(add(&mut value, Element::of(text.as_bytes()), 3000), Ok(false));
    }
    let runs = b"\x5c\xb3\x90\x47\x4a\x80\x4d\xa5\x84\x4e\x57";
    assert_eq!(value[HEADER..], *runs);
    let shown = "Z:7348 v:5,1 Z:1867 v:1,1 Z:3494 v:2,1 Z:3672";
    assert_eq!(describe(runs).as_deref(), Ok(shown));
    assert_eq!(estimate(&value), 3);
    put_count(&mut value, 3);
    assert_eq!(value[CACHE..HEADER], [3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Hll::of(&value).and_then(Hll::cached), Some(3));
    mark_stale(&mut value);
    assert_eq!(Hll::of(&value).and_then(Hll::cached), None);
}

/// From the fact sheet, compared with Redis.
#[test]
fn estimates_are_those_of_the_reference() {
    let mut value = empty();
    let mut seen = 0;
    for (count, wanted) in [(10, 10), (1000, 1008), (5000, 4968), (100_000, 100_853)] {
        for element in elements(seen..count) {
            add(&mut value, element, 3000).expect("a sound one");
        }
        seen = count;
        assert_eq!(estimate(&value), wanted, "{count} elements");
    }
}

#[test]
fn a_sparse_one_becomes_dense_when_it_must() {
    let mut value = empty();
    let mut dense = empty();
    make_dense(&mut dense).expect("a sound one");
    let mut longest = 0;
    for element in elements(0..3000) {
        let changed = add(&mut value, element, 300).expect("a sound one");
        assert_eq!(changed, raise(&mut dense, element));
        if value[ENCODING] == SPARSE {
            longest = value.len();
            Hll::of(&value).expect("one of ours").check().expect("a sound one");
        }
    }
    assert!((297..=300).contains(&longest), "{longest}");
    assert_eq!(value[HEADER..], dense[HEADER..]);

    let high = Element { register: 5, count: 33 };
    for count in [32, 33] {
        let mut value = empty();
        value[6] = 7;
        add(&mut value, Element { count, ..high }, 3000).expect("a sound one");
        assert_eq!(value[ENCODING], if count == 32 { SPARSE } else { DENSE });
        assert_eq!(value[6], 7, "bytes that mean nothing stay");
    }
}

#[test]
fn whoever_breaks_the_form_is_not_one() {
    let sparse = empty();
    let mut dense = empty();
    make_dense(&mut dense).expect("a sound one");
    assert!(Hll::of(&sparse).is_some() && Hll::of(&dense).is_some_and(Hll::is_dense));
    assert!(Hll::of(&sparse[..HEADER]).is_some(), "a sparse one may have any length");
    assert!(Hll::of(&sparse[..HEADER - 1]).is_none());
    assert!(Hll::of(&dense[..dense.len() - 1]).is_none());
    assert!(Hll::of(&[&dense[..], b"x"].concat()).is_none());
    for (at, byte) in [(0, b'h'), (3, b'M'), (ENCODING, 2), (ENCODING, DENSE)] {
        let mut broken = sparse.clone();
        broken[at] = byte;
        assert!(Hll::of(&broken).is_none());
    }
}

#[test]
fn runs_that_do_not_add_up_are_found_out() {
    for (runs, is_sound) in [
        (&b"\x7f\xff"[..], true),
        (b"", false),
        (b"\x7f", false),
        (b"\x7f\xfe", false),
        (b"\x7f\xfe\x00", true),
        (b"\x7f\xfe\x01", false),
        (b"\x7f\xff\x00", false),
        (b"\x7f\xff\x7f", false),
        (b"\x7f\xfb\x83", true),
    ] {
        let value = [&empty()[..HEADER], runs].concat();
        let hll = Hll::of(&value).expect("it has the form");
        assert_eq!(hll.check().is_ok(), is_sound, "{runs:x?}");
        assert_eq!(registers_of(&value, false).is_ok(), is_sound, "{runs:x?}");
    }
}

fn some_elements() -> impl Strategy<Value = Vec<Element>> {
    // Few registers and few counts, so that runs meet.
    let near = (0..200usize, 1..4u8);
    let far = (0..REGISTERS, prop_oneof![9 => 1..33u8, 1 => 33..52u8]);
    let one = prop_oneof![4 => near, 1 => far];
    let one = one.prop_map(|(register, count)| Element { register, count });
    prop::collection::vec(one, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort(64, 1)))]

    #[test]
    fn both_forms_hold_what_a_table_holds(added in some_elements(), sparse_max in 0..700u64) {
        let mut table = vec![0; REGISTERS];
        let mut value = empty();
        for element in &added {
            let lacks = Hll::of(&value).expect("one of ours").lacks(*element);
            let raised = table[element.register] < element.count;
            prop_assert_eq!(lacks, Ok(raised));
            prop_assert_eq!(add(&mut value, *element, sparse_max), Ok(raised));
            table[element.register] = table[element.register].max(element.count);
        }
        let registers = registers_of(&value, false).expect("a sound one");
        prop_assert!(registers.iter().eq(table.iter().copied()));
        let counts = table.iter().fold([0u32; 64], |mut all, value| {
            all[usize::from(*value)] += 1;
            all
        });
        prop_assert_eq!(registers.estimate(), estimate::estimate(counts));
    }

    #[test]
    fn the_wide_unit_says_the_same(
        seeds in prop::collection::vec(any::<u64>(), 1..4),
        added in some_elements(),
    ) {
        let dense = |seed: &u64| {
            let mut value = empty();
            make_dense(&mut value).expect("a sound one");
            let mut state = *seed;
            value[HEADER..].fill_with(|| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                (state >> 56) as u8
            });
            value
        };
        let mut values: Vec<_> = seeds.iter().map(dense).collect();
        let mut sparse = empty();
        for element in added {
            add(&mut sparse, element, 3000).expect("a sound one");
        }
        values.push(sparse);
        let hlls: Vec<_> = values.iter().map(|value| Hll::of(value).expect("one of ours")).collect();
        let (mut plain, mut wide) = (Registers::default(), Registers::default());
        unite(&mut plain, &hlls, false).expect("sound ones");
        unite(&mut wide, &hlls, true).expect("sound ones");
        prop_assert!(plain == wide);
        let mut packed = [[0; PACKED]; 2];
        plain.pack(&mut packed[0], false);
        plain.pack(&mut packed[1], true);
        prop_assert!(packed[0] == packed[1]);
        let single = (0..REGISTERS).map(|number| dense::register(&packed[0], number));
        prop_assert!(plain.iter().eq(single));
    }

    #[test]
    fn adding_all_at_once_is_adding_one_by_one(
        first in some_elements(),
        second in some_elements(),
        sparse_max in 0..700u64,
    ) {
        let (mut value, mut other) = (empty(), empty());
        for element in first {
            add(&mut value, element, 3000).expect("a sound one");
        }
        for element in second {
            add(&mut other, element, 3000).expect("a sound one");
        }
        let registers = registers_of(&other, false).expect("a sound one");
        let mut single = value.clone();
        for element in registers.elements() {
            add(&mut single, element, sparse_max).expect("a sound one");
        }
        mark_stale(&mut single);
        add_all(&mut value, &registers, sparse_max).expect("a sound one");
        prop_assert_eq!(value, single);
    }

    #[test]
    fn damage_is_survived(
        encoding in 0..3u8,
        rest in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            // Runs that nearly make up all registers.
            (prop::collection::vec(0x40..0x60u8, 0..12), any::<u8>())
                .prop_map(|(highs, low)| highs.iter().flat_map(|high| [*high, low]).collect()),
        ],
        added in some_elements(),
        sparse_max in 0..200u64,
    ) {
        let mut value = [&empty()[..HEADER], &rest].concat();
        value[ENCODING] = encoding;
        let Some(hll) = Hll::of(&value) else { return Ok(()) };
        let is_sound = hll.check().is_ok();
        prop_assert_eq!(registers_of(&value, true).is_ok(), is_sound);
        for element in added {
            let lacks = Hll::of(&value).expect("it has the form").lacks(element);
            let before = value.clone();
            match add(&mut value, element, sparse_max) {
                Ok(changed) => prop_assert_eq!(lacks, Ok(changed)),
                Err(Corrupt) => prop_assert!(!is_sound && value == before),
            }
            prop_assert_eq!(Hll::of(&value).expect("it has the form").check().is_ok(), is_sound);
        }
    }
}

#[test]
fn the_self_test_passes() {
    assert_eq!(selftest(), Ok(()));
}
