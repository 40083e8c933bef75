//! What the stack makes of indexes that are not there, and of walks that go astray.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::Lua;
use super::*;

fn lua() -> Lua {
    Lua::new(1 << 20).expect("memory for a state")
}

/// Moving values that are not there once wrote in front of the stack or behind it.
#[test]
fn what_is_not_there_cannot_be_moved() {
    type Move = fn(&mut Stack, i32);
    let moves: [(&str, Move); 6] = [
        ("replace", Stack::replace),
        ("remove", Stack::remove),
        ("insert", Stack::insert),
        ("next", |s, index| assert!(!s.next(index))),
        ("raw_set", Stack::raw_set),
        ("set_metatable", Stack::set_metatable),
    ];
    let registry = ffi::LUA_REGISTRYINDEX;
    for (name, act) in moves {
        for index in [0, 3, -3, 100, -100, i32::MAX, i32::MIN, registry + 1, registry - 1] {
            let mut lua = lua();
            let mut s = lua.stack();
            s.push_number(1.0);
            s.push_number(2.0);
            let done = catch_unwind(AssertUnwindSafe(|| act(&mut s, index)));
            assert!(done.is_err(), "{name} {index}");
            assert_eq!((s.top(), s.number(1), s.number(2)), (2, Some(1.0), Some(2.0)));
        }
    }
}

#[test]
fn what_is_not_there_reads_as_nothing() {
    let mut lua = lua();
    let s = lua.stack();
    s.push_bytes(b"x");
    for index in [0, 2, -2, 1000, -1000, i32::MAX, i32::MIN, ffi::lua_upvalueindex(1)] {
        assert_eq!((s.kind(index), s.bytes(index), s.as_number(index)), (Kind::None, None, None));
        assert!(!s.is_true(index) && s.raw_len(index) == 0 && s.identity(index).is_null());
        assert_eq!(s.type_name(index), "no value");
        assert!(!s.push_metatable(index));
        s.push_value(index);
        assert_eq!(s.kind(-1), Kind::Nil);
        lua_pop(&s);
    }
    s.push_kept();
    assert_eq!((s.top(), s.kind(-1)), (2, Kind::Nil));
}

fn lua_pop(s: &Stack) {
    Stack::of(s.raw()).pop(1);
}

/// The library raises an error for a key that it does not find, which would jump over frames of
/// ours.
#[test]
fn a_walk_goes_on_behind_a_pair_that_was_cleared_and_ends_behind_an_unknown_key() {
    let mut lua = lua();
    let mut s = lua.stack();
    s.push_table(0, 0);
    for name in [b"a", b"b", b"c"] {
        s.push_number(1.0);
        s.set_field(1, name);
    }
    let mut seen = 0;
    s.push_nil();
    while s.next(1) {
        seen += 1;
        s.pop(1);
        s.push_value(-1);
        s.push_nil();
        s.raw_set(1);
    }
    assert_eq!((seen, s.top()), (3, 1));
    s.push_bytes(b"unknown");
    assert!(!s.next(1));
    assert_eq!(s.top(), 1);
}
