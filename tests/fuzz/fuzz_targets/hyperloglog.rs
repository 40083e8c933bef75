//! HyperLogLogs: any bytes that a client may call one, and elements added to them. Whatever is read
//! from it must agree, and what was sound must stay so.

#![no_main]

use hematite::ds::hyperloglog::{self as hll, Element, Hll, Registers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], Vec<(u16, u8)>, u16)| {
    let (rest, elements, sparse_max) = input;
    // Most of what can go wrong is behind the magic word.
    let mut value = [b"HYLL", rest].concat();
    let Some(view) = Hll::of(&value) else { return };
    let is_sound = view.check().is_ok();
    let _ = view.cached();
    if let Some(runs) = view.runs() {
        let _ = hll::describe(runs);
    }
    let (mut plain, mut wide) = (Registers::default(), Registers::default());
    assert_eq!(hll::unite(&mut plain, &[view, view], false).is_ok(), is_sound);
    assert_eq!(hll::unite(&mut wide, &[view, view], true).is_ok(), is_sound);
    assert!(!is_sound || plain == wide && plain.estimate() == wide.estimate());

    for (register, count) in elements {
        let register = usize::from(register) % hll::REGISTERS;
        let element = Element { register, count: count % 51 + 1 };
        let lacks = Hll::of(&value).expect("still one").lacks(element);
        let before = value.len();
        match hll::add(&mut value, element, u64::from(sparse_max)) {
            Ok(changed) => assert_eq!(lacks, Ok(changed)),
            Err(_) => assert!(!is_sound && value.len() == before),
        }
        let view = Hll::of(&value).expect("still one");
        assert_eq!(view.check().is_ok(), is_sound);
    }
    if is_sound {
        let mut united = value.clone();
        hll::add_all(&mut united, &plain, u64::from(sparse_max)).expect("a sound one");
        let mut dense = value;
        if !Hll::of(&dense).expect("still one").is_dense() {
            hll::make_dense(&mut dense).expect("a sound one");
        }
        let mut both = Registers::default();
        let views = [&united, &dense].map(|value| Hll::of(value).expect("still one"));
        hll::unite(&mut both, &views, true).expect("sound ones");
        hll::put_registers(&mut dense, &both, true);
        let mut again = Registers::default();
        hll::unite(&mut again, &[Hll::of(&dense).expect("still one")], false).expect("sound");
        assert!(both == again);
    }
});
