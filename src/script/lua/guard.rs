//! Tables that scripts cannot change, and what of Lua's own library has to know of them or is
//! replaced for safety.
//!
//! A protected table is an empty one in front of the real one:
//!
//! ```text
//!   script ──► {} ──metatable──► { [1] = MARK, __index = real, __newindex = refuse, __metatable = what may be seen }
//! ```
//!
//! Reading goes through `__index` without leaving the machine, writing always is an assignment to
//! an absent field. Only functions that touch tables raw could see the difference: those that would
//! change one refuse (`rawset`, `setmetatable`, `table.insert`), those that read one look behind it
//! (`rawget`, `next`). Nobody ever hands out the real table. A script cannot forge the mark, which
//! is an address.
#![expect(
    unsafe_code,
    reason = "functions that raise errors as C does; none of their frames owns anything"
)]

use std::ffi::{CString, c_int};
use std::ptr;

use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::{Kind, Lua, Raise, Stack, Verdict, heap_of};

static MARK: u8 = 0;

/// Coroutines that may be resumed from one another. Each has its own count of nested calls in C,
/// 200 of them, and all stand on one stack.
const COROUTINES_MAX: u32 = 40;

/// How far below the first element `table.insert` may insert: it moves what is not there, too.
const SHIFTED_MAX: i64 = 1 << 20;

pub const READ_ONLY: &str = "Attempt to modify a readonly table";

fn refuse(_: &mut Stack) -> Verdict {
    Err(Raise::here(READ_ONLY))
}

fn mark() -> *mut std::ffi::c_void {
    ptr::from_ref(&MARK).cast_mut().cast()
}

/// If the value at an index is a protected table, pushes its metatable.
fn push_guard(s: &mut Stack, index: i32) -> bool {
    let index = s.absolute(index);
    if s.kind(index) != Kind::Table || !s.push_metatable(index) {
        return false;
    }
    s.raw_get_i(-1, 1);
    // SAFETY: the stack is that of a live state.
    let is_marked = unsafe { ffi::lua_touserdata(s.raw(), -1) } == mark();
    s.pop(1);
    if !is_marked {
        s.pop(1);
    }
    is_marked
}

pub fn is_protected(s: &mut Stack, index: i32) -> bool {
    let is = push_guard(s, index);
    if is {
        s.pop(1);
    }
    is
}

/// Pops a value, `visible`, and under it a table; pushes the protected one. The value is what
/// `getmetatable` shows.
pub fn protect(s: &mut Stack) {
    s.push_table(0, 0); // real, visible, front
    s.push_table(1, 3);
    // SAFETY: the state is alive, as long as it has a stack to be lent; a function of ours has 20
    // places, of which two are in use, and the pointer is a mere value.
    unsafe { ffi::lua_pushlightuserdata(s.raw(), mark()) };
    s.raw_set_i(-2, 1);
    s.push_value(-4);
    s.set_field(-2, b"__index");
    s.set_function(b"__newindex", refuse);
    s.push_value(-3);
    s.set_field(-2, b"__metatable");
    s.set_metatable(-2); // real, visible, front
    s.remove(-2);
    s.remove(-2);
}

/// Puts functions into the table on top.
fn put_all(s: &mut Stack, functions: &[(&[u8], ffi::lua_CFunction)]) {
    for (name, function) in functions {
        s.push_native(*function);
        s.set_field(-2, name);
    }
}

/// Replaces what has to be replaced in the libraries that were opened.
pub fn harden(lua: &mut Lua) {
    let s = &mut lua.stack();
    s.push_globals();
    put_all(s, &[(b"next", next), (b"pairs", pairs)]);
    s.set_function(b"rawget", raw_get);
    s.set_function(b"rawset", raw_set);
    s.set_function(b"getmetatable", metatable);
    s.set_function(b"setmetatable", set_metatable);
    s.set_function(b"pcall", protected_call);
    s.set_function(b"unpack", unpack);
    s.set_function(b"load", load);
    s.set_function(b"loadstring", load_string);
    // Of these three the sandbox has what `lua-enable-deprecated-api` wants.
    put_all(s, &[(b"setfenv", set_environment)]);
    s.set_function(b"newproxy", new_proxy);
    if s.field(-1, b"table") == Kind::Table {
        s.set_function(b"insert", insert);
    }
    s.pop(1);
    if s.field(-1, b"coroutine") == Kind::Table {
        s.field(-1, b"resume");
        closure(s, resume);
        s.set_field(-2, b"resume");
        s.field(-1, b"wrap");
        closure(s, wrap);
        s.set_field(-2, b"wrap");
    }
    s.pop(2);
}

fn closure(s: &mut Stack, function: ffi::lua_CFunction) {
    // SAFETY: the value that the closure keeps is on top.
    unsafe { ffi::lua_pushcclosure(s.raw(), function, 1) };
}

// -- functions in the manner of C: they own nothing, and errors jump out of them ------------------

/// next(table [, key])
///
/// SAFETY: Lua calls it.
unsafe extern "C-unwind" fn next(state: *mut lua_State) -> c_int {
    // SAFETY: the arguments are checked as the original does; the stack has room for 20 values.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::lua_settop(state, 2);
        if ffi::lua_getmetatable(state, 1) != 0 {
            ffi::lua_rawgeti_(state, 3, 1);
            if ffi::lua_touserdata(state, 4) == mark() {
                ffi::lua_pushlstring_(state, c"__index".as_ptr(), 7);
                ffi::lua_rawget_(state, 3);
                if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
                    ffi::lua_replace(state, 1);
                }
            }
            ffi::lua_settop(state, 2);
        }
        if ffi::lua_next(state, 1) != 0 {
            return 2;
        }
        ffi::lua_pushnil(state);
    }
    1
}

/// One step of a walk: table and key in, the next pair out, or nothing.
///
/// # Safety
/// Called by Lua with a table and a key.
pub(super) unsafe extern "C-unwind" fn step(state: *mut lua_State) -> c_int {
    // SAFETY: the first argument is a table and the second a key, which is on top; there is room
    // for a value. An unknown key is an error, which jumps out of a frame that owns nothing.
    if unsafe { ffi::lua_next(state, 1) } != 0 { 2 } else { 0 }
}

/// What a table has for a key.
///
/// SAFETY: Lua calls it.
pub(super) unsafe extern "C-unwind" fn index(state: *mut lua_State) -> c_int {
    // SAFETY: it is called with two arguments.
    unsafe { ffi::lua_gettable_(state, 1) };
    1
}

/// pairs(table)
///
/// SAFETY: Lua calls it.
unsafe extern "C-unwind" fn pairs(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls it with a stack that has room for 20 values, of which three are pushed. The
    // argument is checked first; an error jumps out of a frame that owns nothing.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::lua_pushcclosure(state, next, 0);
        ffi::lua_pushvalue(state, 1);
        ffi::lua_pushnil(state);
    }
    3
}

/// coroutine.resume(coroutine, ...), with the original kept.
///
/// SAFETY: Lua calls it, for a closure that keeps a function.
unsafe extern "C-unwind" fn resume(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls it for a closure that keeps the original, which is what `call_counted`
    // wants; the frame owns nothing that a jump would lose.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTHREAD {
            return ffi::luaL_argerror(state, 1, c"coroutine expected".as_ptr());
        }
        call_counted(state)
    }
}

/// What coroutine.wrap has returned. An error that is a text gets the place of the call in front.
///
/// SAFETY: Lua calls it, for a closure that keeps a function.
unsafe extern "C-unwind" fn resume_wrapped(state: *mut lua_State) -> c_int {
    // SAFETY: the closure keeps what the original made, a function; the frame owns nothing that a
    // jump would lose.
    unsafe { call_counted(state) }
}

/// Calls the function that is kept, one coroutine deeper.
///
/// SAFETY: the function that runs is a closure of C that keeps a function.
unsafe fn call_counted(state: *mut lua_State) -> c_int {
    // SAFETY: the kept function and its arguments are what is called, for both are on the stack,
    // with room for the one and for the text of an error; the heap outlives the state. Nothing in
    // this frame is lost by the jumps at its end.
    unsafe {
        let depth = &heap_of(state).coroutines;
        if depth.get() >= COROUTINES_MAX {
            return ffi::luaL_error(state, c"C stack overflow".as_ptr());
        }
        depth.set(depth.get() + 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        let args = ffi::lua_gettop(state) - 1;
        let failed = ffi::lua_pcall(state, args, ffi::LUA_MULTRET, 0);
        depth.set(depth.get() - 1);
        if failed != 0 {
            if ffi::lua_type(state, -1) == ffi::LUA_TSTRING {
                ffi::luaL_where(state, 1);
                ffi::lua_insert(state, -2);
                ffi::lua_concat(state, 2);
            }
            ffi::lua_error(state);
        }
        ffi::lua_gettop(state)
    }
}

/// setfenv(function or level, table), but for level 0: the environment of the thread is that of all
/// scripts to come.
///
/// SAFETY: as above.
unsafe extern "C-unwind" fn set_environment(state: *mut lua_State) -> c_int {
    // SAFETY: as above; the record is filled by Lua before it is read.
    unsafe {
        ffi::luaL_checktype(state, 2, ffi::LUA_TTABLE);
        if ffi::lua_type(state, 1) == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, 1);
        } else {
            let level = ffi::luaL_checkinteger(state, 1);
            if level < 0 {
                return ffi::luaL_argerror(state, 1, c"level must be non-negative".as_ptr());
            }
            if level == 0 {
                return ffi::luaL_error(
                    state,
                    c"the environment of the thread is read-only".as_ptr(),
                );
            }
            let mut record: ffi::lua_Debug = std::mem::zeroed();
            let level = c_int::try_from(level).unwrap_or(c_int::MAX);
            if ffi::lua_getstack(state, level, &raw mut record) == 0 {
                return ffi::luaL_argerror(state, 1, c"invalid level".as_ptr());
            }
            ffi::lua_getinfo(state, c"f".as_ptr(), &raw mut record);
        }
        ffi::lua_pushvalue(state, 2);
        if ffi::lua_iscfunction(state, -2) != 0 || ffi::lua_setfenv(state, -2) == 0 {
            let refusal = c"'setfenv' cannot change environment of given object";
            return ffi::luaL_error(state, refusal.as_ptr());
        }
    }
    1
}

/// coroutine.wrap(function), with the original kept.
///
/// SAFETY: Lua calls it, for a closure that keeps a function.
unsafe extern "C-unwind" fn wrap(state: *mut lua_State) -> c_int {
    // SAFETY: one argument is left on a stack with room for 20 values, the kept function is called
    // with it, and its one result becomes what the new closure keeps. An error jumps out of a frame
    // that owns nothing.
    unsafe {
        let is_ours = ffi::lua_iscfunction(state, 1) != 0;
        if ffi::lua_type(state, 1) != ffi::LUA_TFUNCTION || is_ours {
            return ffi::luaL_argerror(state, 1, c"Lua function expected".as_ptr());
        }
        ffi::lua_settop(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, 1, 1);
        ffi::lua_pushcclosure(state, resume_wrapped, 1);
    }
    1
}

// -- functions in our own manner ------------------------------------------------------------------

fn raw_get(s: &mut Stack) -> Verdict {
    s.check_table(1)?;
    if s.kind(2) == Kind::None {
        return Err(Raise::argument(2, "value expected"));
    }
    s.set_top(2);
    if push_guard(s, 1) && s.field(3, b"__index") == Kind::Table {
        s.replace(1);
        s.set_top(2);
    }
    s.raw_get(1);
    Ok(1)
}

fn raw_set(s: &mut Stack) -> Verdict {
    s.check_table(1)?;
    for number in [2, 3] {
        if s.kind(number) == Kind::None {
            return Err(Raise::argument(number, "value expected"));
        }
    }
    if is_protected(s, 1) {
        return Err(Raise::bare(READ_ONLY));
    }
    s.set_top(3);
    match s.kind(2) {
        Kind::Nil => return Err(Raise::bare("table index is nil")),
        Kind::Number if s.number(2).is_some_and(f64::is_nan) => {
            return Err(Raise::bare("table index is NaN"));
        }
        _ => s.raw_set(1),
    }
    Ok(1)
}

/// newproxy([boolean or proxy]): a value of its own, whose metatable a script may fill.
///
/// What `getmetatable` shows is a front of the real one, which takes everything but `__gc`:
/// finalizers run whenever memory is asked for, and at the end of the machine, where no code of a
/// script may run.
fn new_proxy(s: &mut Stack) -> Verdict {
    s.set_top(1);
    s.push_table(0, 0); // Becomes the metatable, or stays unused.
    // SAFETY: the stack is that of a live state, with room for a handful of values.
    unsafe { ffi::lua_newuserdata(s.raw(), 0) };
    // SAFETY: as above.
    let is_userdata = unsafe { ffi::lua_type(s.raw(), 1) } == ffi::LUA_TUSERDATA;
    match s.kind(1) {
        Kind::Nil => return Ok(1),
        Kind::Boolean if !s.is_true(1) => return Ok(1),
        Kind::Boolean => {
            s.push_table(0, 0);
            s.push_table(1, 3);
            // SAFETY: as above.
            unsafe { ffi::lua_pushlightuserdata(s.raw(), mark()) };
            s.raw_set_i(-2, 1);
            s.push_value(2);
            s.set_field(-2, b"__index");
            s.set_function(b"__newindex", fill_metatable);
            s.set_metatable(-2);
            s.set_field(2, b"__metatable");
        }
        // All other userdata in a machine are such proxies.
        _ if is_userdata && s.push_metatable(1) => s.replace(2),
        _ => return Err(Raise::argument(1, "boolean or proxy expected")),
    }
    s.push_value(2);
    // SAFETY: as above; a table is on top, and the userdata under it.
    unsafe { ffi::lua_setmetatable(s.raw(), -2) };
    Ok(1)
}

/// Assigns to a field of a proxy's metatable: the arguments are its front, the name and the value.
fn fill_metatable(s: &mut Stack) -> Verdict {
    s.set_top(3);
    if s.bytes(2) == Some(b"__gc") {
        return Err(Raise::here("finalizers are not supported"));
    }
    if push_guard(s, 1) && s.field(-1, b"__index") == Kind::Table {
        s.push_value(2);
        s.push_value(3);
        s.raw_set(-3);
    }
    Ok(0)
}

fn metatable(s: &mut Stack) -> Verdict {
    if s.kind(1) == Kind::None {
        return Err(Raise::argument(1, "value expected"));
    }
    if push_guard(s, 1) {
        s.field(-1, b"__metatable");
        if !s.is_true(-1) {
            s.push_nil();
        }
        return Ok(1);
    }
    if !s.push_metatable(1) {
        s.push_nil();
        return Ok(1);
    }
    if s.field(-1, b"__metatable") == Kind::Nil {
        s.pop(1);
    }
    Ok(1)
}

fn set_metatable(s: &mut Stack) -> Verdict {
    s.check_table(1)?;
    if !matches!(s.kind(2), Kind::Nil | Kind::Table) {
        return Err(Raise::argument(2, "nil or table expected"));
    }
    if is_protected(s, 1) {
        return Err(Raise::bare(READ_ONLY));
    }
    if s.push_metatable(1) {
        if s.field(-1, b"__metatable") != Kind::Nil {
            return Err(Raise::here("cannot change a protected metatable"));
        }
        s.pop(2);
    }
    s.set_top(2);
    if s.kind(2) == Kind::Nil {
        // SAFETY: the stack is that of a live state; a table and nil are what the function takes.
        unsafe { ffi::lua_setmetatable(s.raw(), 1) };
    } else {
        s.set_metatable(1);
    }
    Ok(1)
}

/// Compat: of an error that is a table with a text as its field `err`, as commands raise it, the
/// caller gets the field; of any other table the field is a third result, and an error on the way
/// to it goes through.
fn protected_call(s: &mut Stack) -> Verdict {
    if s.top() == 0 {
        s.push_nil(); // Compat: the original says that a value is missing.
    }
    if s.call(s.top() - 1, None, 0).is_ok() {
        s.push_bool(true);
        s.insert(1);
        return Ok(s.top());
    }
    if s.kind(-1) == Kind::Table {
        s.push_bytes(b"err");
        if s.index(-2).is_err() {
            return Err(Raise::Value);
        }
        if matches!(s.kind(-1), Kind::Text | Kind::Number) {
            s.remove(-2);
        }
    }
    s.push_bool(false);
    s.insert(1);
    Ok(s.top())
}

/// A number as the original's `int`: what does not fit is cut off.
pub fn to_int(number: f64) -> i32 {
    let fits = number >= i64::MIN as f64 && number < -(i64::MIN as f64);
    (if fits { number as i64 } else { i64::MIN }) as i32
}

fn int_or(s: &Stack, number: i32, default: i32) -> Result<i32, Raise> {
    match s.kind(number) {
        Kind::None | Kind::Nil => Ok(default),
        _ => s.check_number(number).map(to_int),
    }
}

/// unpack(table [, from [, to]]), whose original counts with 32 bits and may come out negative.
fn unpack(s: &mut Stack) -> Verdict {
    s.check_table(1)?;
    let from = int_or(s, 2, 1)?;
    let to = int_or(s, 3, i32::try_from(s.raw_len(1)).unwrap_or(i32::MAX))?;
    let count = i64::from(to) - i64::from(from) + 1;
    if count <= 0 {
        return Ok(0);
    }
    let Some(count) = i32::try_from(count).ok().filter(|count| s.try_room(*count)) else {
        return Err(Raise::here("too many results to unpack"));
    };
    for index in from..=to {
        s.raw_get_i(1, index);
    }
    Ok(count)
}

/// table.insert(table, [place,] value)
fn insert(s: &mut Stack) -> Verdict {
    s.check_table(1)?;
    if is_protected(s, 1) {
        return Err(Raise::bare(READ_ONLY));
    }
    let end = i32::try_from(s.raw_len(1)).unwrap_or(i32::MAX - 1) + 1;
    let place = match s.top() {
        2 => end,
        3 => {
            let place = to_int(s.check_number(2)?);
            if i64::from(end) - i64::from(place) > i64::from(end) + SHIFTED_MAX {
                return Err(Raise::argument(2, "position out of bounds"));
            }
            for index in (place..end.max(place)).rev() {
                s.raw_get_i(1, index);
                s.raw_set_i(1, index + 1);
            }
            place
        }
        _ => return Err(Raise::here("wrong number of arguments to 'insert'")),
    };
    s.raw_set_i(1, place);
    Ok(0)
}

/// The name of a chunk, as C has it: up to a NUL.
fn chunk_name(name: &[u8]) -> CString {
    CString::new(name.split(|b| *b == 0).next().unwrap_or_default()).unwrap_or_default()
}

fn compiled(s: &mut Stack, source: &[u8], name: &CString) -> Verdict {
    match s.compile(source, name) {
        Ok(()) => Ok(1),
        Err(_) => {
            s.push_nil();
            s.insert(-2);
            Ok(2)
        }
    }
}

/// loadstring(source [, name])
fn load_string(s: &mut Stack) -> Verdict {
    let source = s.check_text(1)?.to_vec();
    let name = match s.kind(2) {
        Kind::None | Kind::Nil => chunk_name(&source),
        _ => chunk_name(s.check_text(2)?),
    };
    compiled(s, &source, &name)
}

/// load(function [, name])
fn load(s: &mut Stack) -> Verdict {
    if s.kind(1) != Kind::Function {
        return Err(s.wrong_type(1, "function"));
    }
    let name = match s.kind(2) {
        Kind::None | Kind::Nil => chunk_name(b"=(load)"),
        _ => chunk_name(s.check_text(2)?),
    };
    s.set_top(1);
    let mut source = Vec::new();
    loop {
        s.push_value(1);
        if s.call(0, Some(1), 0).is_err() {
            s.push_nil();
            s.insert(-2);
            return Ok(2);
        }
        let complaint = match s.kind(-1) {
            Kind::Nil => break,
            Kind::Text | Kind::Number => {
                let piece = s.text(-1).unwrap_or_default();
                if piece.is_empty() {
                    break;
                }
                source.extend_from_slice(piece);
                (source.len() > s.heap_left() / 2).then_some("not enough memory")
            }
            _ => Some("reader function must return a string"),
        };
        s.pop(1);
        if let Some(complaint) = complaint {
            s.push_nil();
            s.push_bytes(complaint.as_bytes());
            return Ok(2);
        }
    }
    s.set_top(1);
    compiled(s, &source, &name)
}

/// Pops a table, and lets the protected one below it lead there from now on.
pub fn redirect(s: &mut Stack) {
    assert!(push_guard(s, -2), "a protected table");
    s.insert(-2);
    s.set_field(-2, b"__index");
    s.pop(1);
}
