//! The stack of a thread of Lua: how values go in and out.
//!
//! What is pushed stays until it is popped, so bytes of a string may be borrowed as long as nothing
//! is taken away; pushing needs a shared reference only, taking away an exclusive one. Each push
//! makes sure that there is room, for it is safe code that calls it. Tables are touched raw:
//! metamethods could raise errors, which would be jumps.
#![expect(
    unsafe_code,
    reason = "the C library of Lua; the essay of the room says what makes it safe"
)]

mod leaf;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::{heap_of, plain, with_context};
pub use leaf::Leaf;

/// What a function of ours answers: the number of values on top of the stack that are its results,
/// or an error.
pub type Verdict = Result<i32, Raise>;

/// An error to be raised.
#[derive(Debug)]
pub enum Raise {
    /// A text behind the place in the script that called the function.
    Here(Cow<'static, [u8]>),
    /// A text alone.
    Bare(Cow<'static, [u8]>),
    /// The value on top of the stack.
    Value,
    /// What is wrong with the argument of this number.
    Argument(i32, Cow<'static, str>),
}

/// The types of Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    None,
    Nil,
    Boolean,
    Pointer,
    Number,
    Text,
    Table,
    Function,
    Other,
}

/// A value that is kept for later, until its owner calls [`Stack::forget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ref(c_int);

/// A place in a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub source: String,
    pub line: i32,
    pub is_native: bool,
}

/// Why a protected call failed; the error is on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The stack of the function that runs, or of the main thread.
#[derive(Debug)]
pub struct Stack {
    state: *mut lua_State,
}

impl Raise {
    pub fn here(text: impl Into<Cow<'static, str>>) -> Raise {
        Raise::Here(bytes_of(text.into()))
    }

    pub fn bare(text: impl Into<Cow<'static, str>>) -> Raise {
        Raise::Bare(bytes_of(text.into()))
    }

    pub fn argument(number: i32, text: impl Into<Cow<'static, str>>) -> Raise {
        Raise::Argument(number, text.into())
    }

    /// Puts the error value on the stack.
    pub(super) fn push(self, stack: &mut Stack) {
        if !matches!(self, Raise::Value | Raise::Argument(..)) {
            stack.set_top(0); // It may be full.
        }
        match self {
            Raise::Value => {}
            Raise::Bare(text) => stack.push_bytes(&text),
            Raise::Here(text) => stack.push_bytes(&[&stack.position(1), &*text].concat()),
            Raise::Argument(number, text) => {
                let text = stack.about_argument(number, &text);
                stack.push_bytes(&[&stack.position(1), text.as_bytes()].concat());
            }
        }
    }
}

fn bytes_of(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Text of C that may be absent.
///
/// # Safety
/// The pointer is null, or leads to text that ends with a null and lives for the length of the
/// call.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: it is not null, so by the caller's promise it leads to such a text, which is copied
    // here.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// What the blocks below argue with, each for itself: *the state is alive*, for a stack is only
/// made for one that is and is not kept; *memory raises no error*, since the limit of the heap does
/// not bind while code of ours runs (the essay of the room); *there is room*, which [`Stack::room`]
/// has made; *the index is there*, which was asked ([`Stack::is_there`]) or holds because a value
/// of some kind was found at it. The library itself checks none of this.
impl Stack {
    pub(super) fn of(state: *mut lua_State) -> Stack {
        Stack { state }
    }

    pub(super) fn raw(&self) -> *mut lua_State {
        self.state
    }

    // -- the stack itself -------------------------------------------------------------------------

    #[inline]
    pub fn top(&self) -> i32 {
        // SAFETY: the state is alive; the call subtracts two of its pointers.
        unsafe { ffi::lua_gettop(self.state) }
    }

    /// Cuts the stack, or fills it up with nil.
    pub fn set_top(&mut self, top: i32) {
        assert!(top >= 0);
        self.room(top - self.top());
        // SAFETY: the state is alive, and up to the new top, which is not negative, there is room.
        unsafe { ffi::lua_settop(self.state, top) };
    }

    #[inline]
    pub fn pop(&mut self, count: i32) {
        assert!(count >= 0 && count <= self.top(), "so many values are there");
        // SAFETY: the state is alive, and what is taken away is there.
        unsafe { ffi::lua_settop(self.state, -count - 1) };
    }

    /// Makes room for some values. Compat: there is an end to it, which is Lua's own.
    #[inline]
    pub fn try_room(&self, count: i32) -> bool {
        // SAFETY: the state is alive, and the count is positive; memory raises no error, and an end
        // is told, not raised.
        count <= 0 || unsafe { ffi::lua_checkstack(self.state, count) } != 0
    }

    #[inline]
    fn room(&self, count: i32) {
        assert!(self.try_room(count), "functions of ours use little of the stack");
    }

    /// The index from below, of one that may be from above.
    #[inline]
    pub fn absolute(&self, index: i32) -> i32 {
        if index < 0 && index > ffi::LUA_REGISTRYINDEX { self.top() + 1 + index } else { index }
    }

    /// Whether there is a value at an index: on the stack, from either end, or in one of the two
    /// tables that have no place there, the registry and that of the globals.
    #[inline]
    fn is_there(&self, index: i32) -> bool {
        matches!(index, ffi::LUA_REGISTRYINDEX | ffi::LUA_GLOBALSINDEX) || self.is_on_stack(index)
    }

    #[inline]
    fn is_on_stack(&self, index: i32) -> bool {
        let top = self.top();
        if index > 0 { index <= top } else { index < 0 && index >= -top }
    }

    fn assert_on_stack(&self, index: i32) {
        assert!(self.is_on_stack(index), "there is a value to be moved");
    }

    /// So many values can be taken away.
    #[inline]
    fn assert_top(&self, count: i32) {
        assert!(self.top() >= count, "so many values are there");
    }

    /// Whether the library may look at an index: there is a value, or it is one of the first
    /// places, which each function has and where it finds that there is none by itself.
    #[inline]
    fn is_visible(&self, index: i32) -> bool {
        matches!(index, 1..=ffi::LUA_MINSTACK) || self.is_there(index)
    }

    /// Puts the value on top, which is popped, in the place of the one at an index.
    pub fn replace(&mut self, index: i32) {
        self.assert_on_stack(index);
        // SAFETY: the state is alive; the index is there, hence a value on top, too.
        unsafe { ffi::lua_replace(self.state, index) };
    }

    pub fn remove(&mut self, index: i32) {
        self.assert_on_stack(index);
        // SAFETY: the state is alive; the index is there, and the values above it move down by one.
        unsafe { ffi::lua_remove(self.state, index) };
    }

    /// Moves the value on top to an index.
    pub fn insert(&mut self, index: i32) {
        self.assert_on_stack(index);
        // SAFETY: the state is alive; the index is there. While values move up, the place above the
        // top holds one of them: it exists, for the library keeps some places (EXTRA_STACK) behind
        // all that it lends.
        unsafe { ffi::lua_insert(self.state, index) };
    }

    // -- looking ----------------------------------------------------------------------------------

    #[inline]
    pub fn kind(&self, index: i32) -> Kind {
        if !self.is_visible(index) {
            return Kind::None;
        }
        // SAFETY: the state is alive, and the index may be looked at.
        match unsafe { ffi::lua_type(self.state, index) } {
            ffi::LUA_TNONE => Kind::None,
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::Pointer,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::Text,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            _ => Kind::Other,
        }
    }

    /// The name of a value's type; `no value` where there is none.
    pub fn type_name(&self, index: i32) -> String {
        // SAFETY: the state is alive, and the index may be looked at; names of types are constants,
        // and LUA_TNONE has one.
        unsafe {
            let kind = match self.is_visible(index) {
                true => ffi::lua_type(self.state, index),
                false => ffi::LUA_TNONE,
            };
            text_of(ffi::lua_typename(self.state, kind))
        }
    }

    /// What `tostring` makes of a value without a text of its own.
    pub fn type_and_address(&self, index: i32) -> String {
        let address = self.identity(index);
        let name = self.type_name(index);
        if address.is_null() { format!("{name}: (nil)") } else { format!("{name}: {address:p}") }
    }

    /// The bytes of a string; numbers are none.
    #[inline]
    pub fn bytes(&self, index: i32) -> Option<&[u8]> {
        if self.kind(index) != Kind::Text {
            return None;
        }
        let mut len = 0;
        // SAFETY: the state is alive, and at the index there is a string. It stays where it is as
        // long as the stack holds it, which is as long as the stack is borrowed: taking values away
        // needs an exclusive reference.
        unsafe {
            let bytes = ffi::lua_tolstring(self.state, index, &mut len);
            Some(std::slice::from_raw_parts(bytes.cast(), len))
        }
    }

    /// The bytes of a string, or of the text of a number, which takes the place of the number.
    pub fn text(&mut self, index: i32) -> Option<&[u8]> {
        if self.kind(index) == Kind::Number {
            // SAFETY: the state is alive, and at the index there is a number, whose text takes its
            // place; memory raises no error, and the length may be left unasked.
            unsafe { ffi::lua_tolstring(self.state, index, ptr::null_mut()) };
        }
        self.bytes(index)
    }

    /// A number; strings are none.
    #[inline]
    pub fn number(&self, index: i32) -> Option<f64> {
        // SAFETY: the state is alive, and at the index there is a number.
        (self.kind(index) == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.state, index) })
    }

    /// A number, or a string that reads as one.
    pub fn as_number(&self, index: i32) -> Option<f64> {
        if !self.is_visible(index) {
            return None;
        }
        // SAFETY: the state is alive, and the index may be looked at; a string that reads as a
        // number stays one.
        unsafe {
            (ffi::lua_isnumber(self.state, index) != 0)
                .then(|| ffi::lua_tonumber(self.state, index))
        }
    }

    /// Everything but nil and false.
    pub fn is_true(&self, index: i32) -> bool {
        // SAFETY: the state is alive, and the index may be looked at.
        self.is_visible(index) && unsafe { ffi::lua_toboolean(self.state, index) != 0 }
    }

    /// The null pointer, which stands for JSON's null.
    pub fn is_null_pointer(&self, index: i32) -> bool {
        // SAFETY: the state is alive, and at the index there is a pointer, which is only compared.
        self.kind(index) == Kind::Pointer
            && unsafe { ffi::lua_touserdata(self.state, index) }.is_null()
    }

    /// The length of a string or table, as `#` has it; 0 of what has none.
    pub fn raw_len(&self, index: i32) -> usize {
        if !matches!(self.kind(index), Kind::Text | Kind::Table) {
            return 0;
        }
        // SAFETY: the state is alive, and at the index there is a string or a table, which is only
        // measured.
        unsafe { ffi::lua_objlen(self.state, index) }
    }

    // -- pushing ----------------------------------------------------------------------------------

    #[inline]
    pub fn push_nil(&self) {
        self.room(1);
        // SAFETY: the state is alive, and there is room for the nil.
        unsafe { ffi::lua_pushnil(self.state) };
    }

    #[inline]
    pub fn push_bool(&self, yes: bool) {
        self.room(1);
        // SAFETY: the state is alive, and there is room for the boolean.
        unsafe { ffi::lua_pushboolean(self.state, c_int::from(yes)) };
    }

    #[inline]
    pub fn push_number(&self, number: f64) {
        self.room(1);
        // SAFETY: the state is alive, and there is room for the number.
        unsafe { ffi::lua_pushnumber(self.state, number) };
    }

    #[inline]
    pub fn push_bytes(&self, bytes: &[u8]) {
        self.room(1);
        // SAFETY: the state is alive, there is room, and memory raises no error; so many bytes are
        // there, and are copied.
        unsafe { ffi::lua_pushlstring_(self.state, bytes.as_ptr().cast(), bytes.len()) };
    }

    pub fn push_null_pointer(&self) {
        self.room(1);
        // SAFETY: the state is alive, and there is room for the pointer, which is a mere value.
        unsafe { ffi::lua_pushlightuserdata(self.state, ptr::null_mut()) };
    }

    /// A copy of a value; nil where there is none.
    #[inline]
    pub fn push_value(&self, index: i32) {
        if !self.is_visible(index) {
            return self.push_nil();
        }
        self.room(1);
        // SAFETY: the state is alive, there is room, and the index may be looked at: of what is not
        // there the copy is nil.
        unsafe { ffi::lua_pushvalue(self.state, index) };
    }

    #[inline]
    pub fn push_table(&self, elements: usize, fields: usize) {
        self.room(1);
        // What is merely announced takes no memory.
        let [elements, fields] = [elements, fields].map(|n| n.min(1 << 20) as c_int);
        // SAFETY: the state is alive, there is room, and memory raises no error for as little as
        // the numbers can ask for.
        unsafe { ffi::lua_createtable(self.state, elements, fields) };
    }

    /// A function of ours.
    pub fn push_function<F: Fn(&mut Stack) -> Verdict + Copy + 'static>(&self, _: F) {
        self.room(1);
        // SAFETY: the state is alive, there is room, and memory raises no error; the trampoline is
        // one for this `F`, a value of which was just given.
        unsafe { ffi::lua_pushcclosure(self.state, plain::<F>, 0) };
    }

    /// Puts a function of ours into the table on top of the stack.
    pub fn set_function<F>(&mut self, name: &[u8], function: F)
    where
        F: Fn(&mut Stack) -> Verdict + Copy + 'static,
    {
        self.push_function(function);
        self.set_field(-2, name);
    }

    /// A function of ours that keeps the value on top of the stack, which is popped: see
    /// [`Stack::push_kept`].
    pub fn push_closure<F: Fn(&mut Stack) -> Verdict + Copy + 'static>(&mut self, _: F) {
        self.assert_top(1);
        // SAFETY: the state is alive, memory raises no error, and there is a value for the closure
        // to take, in whose place it is pushed; the trampoline is one for this `F`, a value of
        // which was just given.
        unsafe { ffi::lua_pushcclosure(self.state, plain::<F>, 1) };
    }

    /// The value that the function which runs keeps; nil if it keeps none, or none runs.
    pub fn push_kept(&self) {
        self.room(2);
        // SAFETY: the state is alive, and there is room for the function and its value. The record
        // is all integers, pointers and arrays of these, for which zero is a value; it is filled
        // before it is used. The function is pushed before it is asked for, and the library says
        // whether there is a value in it.
        unsafe {
            let mut debug: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, 0, &mut debug) == 0 {
                return ffi::lua_pushnil(self.state);
            }
            ffi::lua_getinfo(self.state, c"f".as_ptr(), &mut debug);
            if ffi::lua_getupvalue(self.state, -1, 1).is_null() {
                ffi::lua_pushnil(self.state);
            }
            ffi::lua_remove(self.state, -2);
        }
    }

    /// A function of ours that needs the context of [`super::Lua::with`].
    pub fn push_function_with<C: 'static, F>(&self, _: F)
    where
        F: Fn(&mut Leaf<'_>, &mut C) -> Verdict + Copy + 'static,
    {
        self.room(1);
        // SAFETY: the state is alive, there is room, and memory raises no error; the trampoline is
        // one for this `F`, a value of which was just given, and compares the type of the context
        // with `C` when it is called.
        unsafe { ffi::lua_pushcclosure(self.state, with_context::<C, F>, 0) };
    }

    pub(super) fn push_native(&self, function: ffi::lua_CFunction) {
        self.room(1);
        // SAFETY: the state is alive, there is room, and memory raises no error; whoever gives the
        // function answers for what it does when Lua calls it.
        unsafe { ffi::lua_pushcclosure(self.state, function, 0) };
    }

    // -- tables -----------------------------------------------------------------------------------

    fn assert_table(&self, index: i32) {
        assert_eq!(self.kind(index), Kind::Table, "it was looked at before");
    }

    #[inline]
    pub fn raw_get_i(&self, table: i32, index: i32) {
        self.assert_table(table);
        self.room(1);
        // SAFETY: the state is alive, there is room, and at the index there is a table.
        unsafe { ffi::lua_rawgeti_(self.state, table, index) };
    }

    /// Pops a value, which becomes the element.
    #[inline]
    pub fn raw_set_i(&mut self, table: i32, index: i32) {
        self.assert_table(table);
        self.assert_top(1);
        // SAFETY: the state is alive, memory raises no error, at the index there is a table, and a
        // value on top.
        unsafe { ffi::lua_rawseti_(self.state, table, index) };
    }

    /// The key on top is popped and its value takes its place.
    #[inline]
    pub fn raw_get(&mut self, table: i32) {
        self.assert_table(table);
        self.assert_top(1);
        // SAFETY: the state is alive, at the index there is a table, and a key on top, in whose
        // place the value is put.
        unsafe { ffi::lua_rawget_(self.state, table) };
    }

    /// Pops a value and, from under it, a key, which is neither nil nor NaN: else nothing becomes
    /// of it.
    #[inline]
    pub fn raw_set(&mut self, table: i32) {
        self.assert_table(table);
        self.assert_top(2);
        if self.kind(-2) == Kind::Nil || self.number(-2).is_some_and(f64::is_nan) {
            return self.pop(2);
        }
        // SAFETY: the state is alive, memory raises no error, at the index there is a table, and on
        // top a key and a value; the two keys that would raise an error were sorted out.
        unsafe { ffi::lua_rawset(self.state, table) };
    }

    /// Pushes the value of a field.
    pub fn field(&mut self, table: i32, name: &[u8]) -> Kind {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.raw_get(table);
        self.kind(-1)
    }

    /// Pops a value, which becomes that of a field.
    pub fn set_field(&mut self, table: i32, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// Takes the key on top to the next pair of a table: pops it, and pushes key and value if there
    /// is another one. The key is nil or one that the last step has given; behind a key that the
    /// table does not know there is nothing.
    #[inline]
    pub fn next(&mut self, table: i32) -> bool {
        self.assert_table(table);
        self.assert_top(1);
        self.room(2);
        let table = self.absolute(table);
        // SAFETY: the state is alive, there is room for a copy of the key and for the value, and at
        // the index there is a table. The step raises an error only for a key that is not in the
        // table, and this one is nil, or has a value there.
        unsafe {
            if ffi::lua_type(self.state, -1) != ffi::LUA_TNIL {
                ffi::lua_pushvalue(self.state, -1);
                ffi::lua_rawget_(self.state, table);
                let has_value = ffi::lua_type(self.state, -1) != ffi::LUA_TNIL;
                ffi::lua_settop(self.state, -2);
                if !has_value {
                    return self.next_protected(table);
                }
            }
            ffi::lua_next(self.state, table) != 0
        }
    }

    /// [`Stack::next`] behind a key that has no value (any more): the walk can go on if the key was
    /// there when it came by.
    #[cold]
    fn next_protected(&mut self, table: i32) -> bool {
        self.push_value(table);
        self.insert(-2);
        self.push_native(super::guard::step);
        self.insert(-3);
        let before = self.top() - 3;
        // No results: it was the last pair, or the key is unknown.
        if self.call(2, Some(2), 0).is_err() || self.kind(-2) == Kind::Nil {
            self.set_top(before);
            return false;
        }
        true
    }

    /// Pops a table, which becomes the metatable of the one at an index.
    pub fn set_metatable(&mut self, table: i32) {
        self.assert_table(-1);
        self.assert_table(table);
        // SAFETY: the state is alive, at the index there is a table, and one on top, which is
        // popped.
        unsafe { ffi::lua_setmetatable(self.state, table) };
    }

    /// Pushes a value's metatable, if it has one.
    pub fn push_metatable(&self, index: i32) -> bool {
        self.room(1);
        // SAFETY: the state is alive, there is room, and the index may be looked at: what is not
        // there has none.
        self.is_visible(index) && unsafe { ffi::lua_getmetatable(self.state, index) != 0 }
    }

    pub fn push_globals(&self) {
        self.push_value(ffi::LUA_GLOBALSINDEX);
    }

    /// Pops a table, which becomes that of the globals.
    pub fn set_globals(&mut self) {
        self.assert_table(-1);
        // SAFETY: the state is alive, and on top there is a table, as the globals of a thread must
        // be.
        unsafe { ffi::lua_replace(self.state, ffi::LUA_GLOBALSINDEX) };
    }

    // -- values that are kept ---------------------------------------------------------------------

    /// Pops a value and keeps it.
    pub fn keep(&mut self) -> Ref {
        self.assert_top(1);
        self.room(1);
        // SAFETY: the state is alive, memory raises no error, there is a value on top, and room for
        // what the library looks up in the registry, which is a table.
        Ref(unsafe { ffi::luaL_ref(self.state, ffi::LUA_REGISTRYINDEX) })
    }

    #[inline]
    pub fn push_ref(&self, kept: &Ref) {
        self.room(1);
        // SAFETY: the state is alive, there is room, and the registry is a table.
        unsafe { ffi::lua_rawgeti_(self.state, ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    pub fn forget(&mut self, kept: Ref) {
        self.room(2);
        // SAFETY: the state is alive, memory raises no error, there is room for what the library
        // moves within the registry, which is a table.
        unsafe { ffi::luaL_unref(self.state, ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    // -- running ----------------------------------------------------------------------------------

    /// Calls the function that stands below its arguments, all of which are popped. `handler` is
    /// the index of a function that sees an error before the stack is unwound, or 0.
    pub fn call(&mut self, args: i32, results: Option<i32>, handler: i32) -> Result<(), Failed> {
        assert!(args >= 0 && self.top() > args, "the function and its arguments are there");
        assert!(handler == 0 || self.is_on_stack(handler), "the handler is there");
        self.room(results.unwrap_or(0));
        let results = results.map_or(ffi::LUA_MULTRET, |count| count.max(0));
        // SAFETY: the state is alive, function, arguments and handler are there, and there is room
        // for so many results; for any number of them the library makes it. Errors are caught, that
        // of the heap's limit, too, which binds inside.
        let failed = unsafe {
            let heap = heap_of(self.state);
            let strict = heap.strict.replace(true);
            let status = ffi::lua_pcall(self.state, args, results, handler);
            heap.strict.set(strict);
            status
        };
        if failed == 0 { Ok(()) } else { Err(Failed) }
    }

    /// Exchanges the key on top with what a table has for it, by way of its metatable.
    pub fn index(&mut self, table: i32) -> Result<(), Failed> {
        let table = self.absolute(table);
        self.push_native(super::guard::index);
        self.insert(-2);
        self.push_value(table);
        self.insert(-2);
        self.call(2, Some(1), 0)
    }

    /// Compiles source text, and pushes the function, or the error. Programs that are compiled
    /// already are refused: they need not be what a compiler makes.
    pub fn compile(&mut self, source: &[u8], name: &CStr) -> Result<(), Failed> {
        self.room(1);
        if source.first() == Some(&ffi::LUA_SIGNATURE[0]) {
            // Behind a space it is text, and no good one.
            return self.compile(&[b" ", source].concat(), name);
        }
        // SAFETY: the state is alive, there is room for what is pushed, and so many bytes are
        // there; compiling is protected by itself, so the heap's limit may bind meanwhile. No
        // garbage is collected meanwhile: what a compiler holds in its hands only (the name of the
        // source, say) has been freed under it before.
        let failed = unsafe {
            let heap = heap_of(self.state);
            let strict = heap.strict.replace(true);
            ffi::lua_gc(self.state, ffi::LUA_GCSTOP, 0);
            let (code, len) = (source.as_ptr().cast(), source.len());
            let status = ffi::luaL_loadbuffer(self.state, code, len, name.as_ptr());
            ffi::lua_gc(self.state, ffi::LUA_GCRESTART, 0);
            heap.strict.set(strict);
            status
        };
        if failed == 0 { Ok(()) } else { Err(Failed) }
    }

    // -- places -----------------------------------------------------------------------------------

    /// Where a function that is being called stands: 0 is the one that runs, 1 the one that has
    /// called it.
    pub fn place(&self, level: i32) -> Option<Place> {
        // SAFETY: the state is alive. The record is all integers, pointers and arrays of these, for
        // which zero is a value; the library fills it for a level that there is, with texts of a
        // function that is active.
        unsafe {
            let mut debug: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, level, &mut debug) == 0 {
                return None;
            }
            ffi::lua_getinfo(self.state, c"Sl".as_ptr(), &mut debug);
            let is_native = text_of(debug.what) == "C";
            Some(Place { source: text_of(debug.source), line: debug.currentline, is_native })
        }
    }

    /// `name:line: ` of the function at a level, or nothing.
    pub fn position(&self, level: i32) -> Vec<u8> {
        // SAFETY: the state is alive. For the record, zero is a value; it is looked at only if the
        // library has filled it, and the short name is an array inside of it that ends with a null.
        unsafe {
            let mut debug: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, level, &mut debug) != 0 {
                ffi::lua_getinfo(self.state, c"Sl".as_ptr(), &mut debug);
                if debug.currentline > 0 {
                    let name = text_of(debug.short_src.as_ptr());
                    return format!("{name}:{}: ", debug.currentline).into_bytes();
                }
            }
        }
        Vec::new()
    }

    /// What is said of a bad argument: with the name by which the function was called.
    fn about_argument(&self, number: i32, what: &str) -> String {
        // SAFETY: the state is alive. For the record, zero is a value; it is looked at only if the
        // library has filled it. The names are constants of functions that are active, or absent.
        let (name, how) = unsafe {
            let mut debug: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, 0, &mut debug) == 0 {
                return format!("bad argument #{number} ({what})");
            }
            ffi::lua_getinfo(self.state, c"n".as_ptr(), &mut debug);
            let name = text_of(debug.name);
            (if name.is_empty() { "?".to_owned() } else { name }, text_of(debug.namewhat))
        };
        match (how == "method", number) {
            (true, 1) => format!("calling '{name}' on bad self ({what})"),
            (is_method, _) => {
                format!("bad argument #{} to '{name}' ({what})", number - i32::from(is_method))
            }
        }
    }

    /// The argument has the wrong type.
    pub fn wrong_type(&self, number: i32, wanted: &str) -> Raise {
        let got = self.type_name(number);
        Raise::argument(number, format!("{wanted} expected, got {got}"))
    }

    /// A string or number as bytes, as the functions of Lua's own libraries take them.
    pub fn check_text(&mut self, number: i32) -> Result<&[u8], Raise> {
        if !matches!(self.kind(number), Kind::Text | Kind::Number) {
            return Err(self.wrong_type(number, "string"));
        }
        Ok(self.text(number).unwrap_or_default())
    }

    /// A number, or a string that reads as one.
    pub fn check_number(&self, number: i32) -> Result<f64, Raise> {
        self.as_number(number).ok_or_else(|| self.wrong_type(number, "number"))
    }

    pub fn check_table(&self, number: i32) -> Result<(), Raise> {
        match self.kind(number) {
            Kind::Table => Ok(()),
            _ => Err(self.wrong_type(number, "table")),
        }
    }

    /// The address of what is behind a value, for comparing.
    pub fn identity(&self, index: i32) -> *const c_void {
        if !self.is_visible(index) {
            return ptr::null();
        }
        // SAFETY: the state is alive, and the index may be looked at; the address is never
        // followed.
        unsafe { ffi::lua_topointer(self.state, index) }
    }

    /// Bytes that the heap may still take.
    pub fn heap_left(&self) -> usize {
        // SAFETY: the state is alive, and of a `Lua`, which owns its heap.
        let heap = unsafe { heap_of(self.state) };
        heap.limit.get().saturating_sub(heap.used.get())
    }
}
