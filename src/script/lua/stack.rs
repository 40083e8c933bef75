//! The stack of a thread of Lua: how values go in and out.
//!
//! What is pushed stays until it is popped, so bytes of a string may be borrowed as long as nothing is taken away; pushing
//! needs a shared reference only, taking away an exclusive one. Each push makes sure that there is room, for it is safe
//! code that calls it. Tables are touched raw: metamethods could raise errors, which would be jumps.
#![expect(
    unsafe_code,
    reason = "the C library of Lua; the essay of the room says what makes it safe"
)]

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::{heap_of, plain, with_context};

/// What a function of ours answers: the number of values on top of the stack that are its results, or an error.
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

/// A stack from which no Lua code can be called.
#[derive(Debug)]
pub struct Leaf<'a>(&'a mut Stack);

impl<'a> Leaf<'a> {
    pub(super) fn of(stack: &'a mut Stack) -> Leaf<'a> {
        Leaf(stack)
    }

    /// The same stack for reading and pushing.
    pub fn values(&self) -> &Stack {
        self.0
    }

    /// See [`Stack::pop`].
    pub fn pop(&mut self, count: i32) {
        self.0.pop(count);
    }

    /// See [`Stack::set_top`].
    pub fn set_top(&mut self, top: i32) {
        self.0.set_top(top);
    }

    /// See [`Stack::raw_set_i`].
    pub fn raw_set_i(&mut self, table: i32, index: i32) {
        self.0.raw_set_i(table, index);
    }

    /// See [`Stack::raw_set`].
    pub fn raw_set(&mut self, table: i32) {
        self.0.raw_set(table);
    }

    /// See [`Stack::next`].
    pub fn next(&mut self, table: i32) -> bool {
        self.0.next(table)
    }

    /// See [`Stack::set_field`].
    pub fn set_field(&mut self, table: i32, name: &[u8]) {
        self.0.set_field(table, name);
    }

    /// See [`Stack::keep`].
    pub fn keep(&mut self) -> Ref {
        self.0.keep()
    }
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
/// SAFETY: the pointer is null, or leads to text that lives for a while.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

// SAFETY of all blocks below: the state is alive as long as the stack can be used; the functions that are called raise no
// errors but for want of memory, and the limit does not bind while code of ours runs (see the essay of the room); each
// push has made room; indexes that are not there read as `None`.
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
        // SAFETY: see above.
        unsafe { ffi::lua_gettop(self.state) }
    }

    /// Cuts the stack, or fills it up with nil.
    pub fn set_top(&mut self, top: i32) {
        assert!(top >= 0);
        self.room(top - self.top());
        // SAFETY: see above.
        unsafe { ffi::lua_settop(self.state, top) };
    }

    #[inline]
    pub fn pop(&mut self, count: i32) {
        assert!(count >= 0 && count <= self.top(), "so many values are there");
        // SAFETY: see above.
        unsafe { ffi::lua_settop(self.state, -count - 1) };
    }

    /// Makes room for some values. Compat: there is an end to it, which is Lua's own.
    #[inline]
    pub fn try_room(&self, count: i32) -> bool {
        // SAFETY: see above.
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

    /// Exchanges the value at an index with a copy of the one on top, which is popped.
    pub fn replace(&mut self, index: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_replace(self.state, index) };
    }

    pub fn remove(&mut self, index: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_remove(self.state, index) };
    }

    /// Moves the value on top to an index.
    pub fn insert(&mut self, index: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_insert(self.state, index) };
    }

    // -- looking ----------------------------------------------------------------------------------

    #[inline]
    pub fn kind(&self, index: i32) -> Kind {
        // SAFETY: see above.
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
        // SAFETY: see above.
        unsafe { text_of(ffi::lua_typename(self.state, ffi::lua_type(self.state, index))) }
    }

    /// What `tostring` makes of a value without a text of its own.
    pub fn type_and_address(&self, index: i32) -> String {
        // SAFETY: see above; the address is only shown.
        let address = unsafe { ffi::lua_topointer(self.state, index) };
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
        // SAFETY: it is a string, which stays where it is as long as the stack holds it.
        unsafe {
            let bytes = ffi::lua_tolstring(self.state, index, &mut len);
            Some(std::slice::from_raw_parts(bytes.cast(), len))
        }
    }

    /// The bytes of a string, or of the text of a number, which takes the place of the number.
    pub fn text(&mut self, index: i32) -> Option<&[u8]> {
        if self.kind(index) == Kind::Number {
            // SAFETY: see above.
            unsafe { ffi::lua_tolstring(self.state, index, ptr::null_mut()) };
        }
        self.bytes(index)
    }

    /// A number; strings are none.
    #[inline]
    pub fn number(&self, index: i32) -> Option<f64> {
        // SAFETY: see above.
        (self.kind(index) == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.state, index) })
    }

    /// A number, or a string that reads as one.
    pub fn as_number(&self, index: i32) -> Option<f64> {
        // SAFETY: see above.
        unsafe {
            (ffi::lua_isnumber(self.state, index) != 0)
                .then(|| ffi::lua_tonumber(self.state, index))
        }
    }

    /// Everything but nil and false.
    pub fn is_true(&self, index: i32) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_toboolean(self.state, index) != 0 }
    }

    /// The null pointer, which stands for JSON's null.
    pub fn is_null_pointer(&self, index: i32) -> bool {
        // SAFETY: see above.
        self.kind(index) == Kind::Pointer
            && unsafe { ffi::lua_touserdata(self.state, index) }.is_null()
    }

    /// The length of a string or table, as `#` has it.
    pub fn raw_len(&self, index: i32) -> usize {
        // SAFETY: see above.
        unsafe { ffi::lua_objlen(self.state, index) }
    }

    // -- pushing ----------------------------------------------------------------------------------

    #[inline]
    pub fn push_nil(&self) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushnil(self.state) };
    }

    #[inline]
    pub fn push_bool(&self, yes: bool) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushboolean(self.state, c_int::from(yes)) };
    }

    #[inline]
    pub fn push_number(&self, number: f64) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushnumber(self.state, number) };
    }

    #[inline]
    pub fn push_bytes(&self, bytes: &[u8]) {
        self.room(1);
        // SAFETY: see above; the bytes are copied.
        unsafe { ffi::lua_pushlstring_(self.state, bytes.as_ptr().cast(), bytes.len()) };
    }

    pub fn push_null_pointer(&self) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushlightuserdata(self.state, ptr::null_mut()) };
    }

    /// A copy of a value.
    #[inline]
    pub fn push_value(&self, index: i32) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushvalue(self.state, index) };
    }

    #[inline]
    pub fn push_table(&self, elements: usize, fields: usize) {
        self.room(1);
        // What is merely announced takes no memory.
        let [elements, fields] = [elements, fields].map(|n| n.min(1 << 20) as c_int);
        // SAFETY: see above.
        unsafe { ffi::lua_createtable(self.state, elements, fields) };
    }

    /// A function of ours.
    pub fn push_function<F: Fn(&mut Stack) -> Verdict + Copy + 'static>(&self, _: F) {
        self.room(1);
        // SAFETY: see above.
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

    /// A function of ours that keeps the value on top of the stack, which is popped: see [`Stack::push_kept`].
    pub fn push_closure<F: Fn(&mut Stack) -> Verdict + Copy + 'static>(&mut self, _: F) {
        assert!(self.top() > 0);
        // SAFETY: see above.
        unsafe { ffi::lua_pushcclosure(self.state, plain::<F>, 1) };
    }

    /// The value that the function which runs keeps.
    pub fn push_kept(&self) {
        self.push_value(ffi::lua_upvalueindex(1));
    }

    /// A function of ours that needs the context of [`super::Lua::with`].
    pub fn push_function_with<C: 'static, F>(&self, _: F)
    where
        F: Fn(&mut Leaf<'_>, &mut C) -> Verdict + Copy + 'static,
    {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_pushcclosure(self.state, with_context::<C, F>, 0) };
    }

    pub(super) fn push_native(&self, function: ffi::lua_CFunction) {
        self.room(1);
        // SAFETY: see above.
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
        // SAFETY: see above.
        unsafe { ffi::lua_rawgeti_(self.state, table, index) };
    }

    /// Pops a value, which becomes the element.
    #[inline]
    pub fn raw_set_i(&mut self, table: i32, index: i32) {
        self.assert_table(table);
        // SAFETY: see above.
        unsafe { ffi::lua_rawseti_(self.state, table, index) };
    }

    /// The key on top is popped and its value takes its place.
    #[inline]
    pub fn raw_get(&mut self, table: i32) {
        self.assert_table(table);
        // SAFETY: see above.
        unsafe { ffi::lua_rawget_(self.state, table) };
    }

    /// Pops a value and, from under it, a key, which is neither nil nor NaN: else nothing becomes of it.
    #[inline]
    pub fn raw_set(&mut self, table: i32) {
        self.assert_table(table);
        if self.kind(-2) == Kind::Nil || self.number(-2).is_some_and(f64::is_nan) {
            return self.pop(2);
        }
        // SAFETY: see above; the two keys that would raise an error were sorted out.
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

    /// Takes the key on top to the next pair of a table: pops it, and pushes key and value if there is another one. The
    /// key must be nil or one that the last step has given.
    #[inline]
    pub fn next(&mut self, table: i32) -> bool {
        self.assert_table(table);
        self.room(1);
        // SAFETY: see above; keys that come from the walk itself are found.
        unsafe { ffi::lua_next(self.state, table) != 0 }
    }

    /// Pops a table, which becomes the metatable of the one at an index.
    pub fn set_metatable(&mut self, table: i32) {
        self.assert_table(-1);
        // SAFETY: see above.
        unsafe { ffi::lua_setmetatable(self.state, table) };
    }

    /// Pushes a value's metatable, if it has one.
    pub fn push_metatable(&self, index: i32) -> bool {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_getmetatable(self.state, index) != 0 }
    }

    pub fn push_globals(&self) {
        self.push_value(ffi::LUA_GLOBALSINDEX);
    }

    /// Pops a table, which becomes that of the globals.
    pub fn set_globals(&mut self) {
        self.assert_table(-1);
        // SAFETY: see above.
        unsafe { ffi::lua_replace(self.state, ffi::LUA_GLOBALSINDEX) };
    }

    // -- values that are kept ---------------------------------------------------------------------

    /// Pops a value and keeps it.
    pub fn keep(&mut self) -> Ref {
        // SAFETY: see above.
        Ref(unsafe { ffi::luaL_ref(self.state, ffi::LUA_REGISTRYINDEX) })
    }

    #[inline]
    pub fn push_ref(&self, kept: &Ref) {
        self.room(1);
        // SAFETY: see above.
        unsafe { ffi::lua_rawgeti_(self.state, ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    pub fn forget(&mut self, kept: Ref) {
        // SAFETY: see above.
        unsafe { ffi::luaL_unref(self.state, ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    // -- running ----------------------------------------------------------------------------------

    /// Calls the function that stands below its arguments, all of which are popped. `handler` is the index of a function
    /// that sees an error before the stack is unwound, or 0.
    pub fn call(&mut self, args: i32, results: Option<i32>, handler: i32) -> Result<(), Failed> {
        assert!(self.top() > args);
        let results = results.unwrap_or(ffi::LUA_MULTRET);
        // SAFETY: see above; inside of the call the limit of the heap may bind, since errors are caught.
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

    /// Compiles source text, and pushes the function, or the error. Programs that are compiled already are refused: they
    /// need not be what a compiler makes.
    pub fn compile(&mut self, source: &[u8], name: &CStr) -> Result<(), Failed> {
        self.room(1);
        if source.first() == Some(&ffi::LUA_SIGNATURE[0]) {
            // Behind a space it is text, and no good one.
            return self.compile(&[b" ", source].concat(), name);
        }
        // SAFETY: see above; compiling is protected by itself. No garbage is collected meanwhile: what a compiler holds in
        // its hands only (the name of the source, say) has been freed under it before.
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

    /// Where a function that is being called stands: 0 is the one that runs, 1 the one that has called it.
    pub fn place(&self, level: i32) -> Option<Place> {
        // SAFETY: see above; the record is filled by the library, and its texts are those of functions that are active.
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
        // SAFETY: as above.
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
        // SAFETY: as above.
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
        // SAFETY: see above.
        unsafe { ffi::lua_topointer(self.state, index) }
    }

    /// Bytes that the heap may still take.
    pub fn heap_left(&self) -> usize {
        // SAFETY: see above.
        let heap = unsafe { heap_of(self.state) };
        heap.limit.get().saturating_sub(heap.used.get())
    }
}
