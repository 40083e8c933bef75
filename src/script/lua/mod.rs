//! The Lua machine, as safe Rust sees it: one state, its heap, and functions of ours that scripts
//! may call.
//!
//! This room is the only one that speaks to the C library. It is spoken to directly (crate
//! `mlua-sys`), not through `mlua`: measured, a call of a function of ours takes a tenth of the
//! time, and so does a table made from a reply; `redis.call` is nearly all that real scripts do.
//! What is safe about it is this:
//!
//! * **Errors of Lua are jumps** (`longjmp`), which must not pass frames that own something. So no
//!   function that safe code can call here ever raises one: functions of ours return a [`Verdict`],
//!   and only the trampoline around them, which owns nothing by then, turns it into a jump.
//! * **The heap has a limit**, and what Lua does when an allocation fails is to jump. So the limit
//!   binds only as long as Lua itself runs ([`Heap::strict`]), which always is under a protected
//!   call; in functions of ours an allocation may pass the limit, and the next one of Lua's own
//!   pays for it.
//! * **The context.** Functions made by [`Stack::push_function_with`] get the context that was lent
//!   for the length of [`Lua::with`], as a mutable reference. They get a [`Leaf`] of the stack,
//!   from which no Lua code can be called, so there never are two such references. Types are
//!   compared at run time.
//!
//! * **A state may move to another thread** as a whole, which is how large ones are closed.
//!
//! Nothing here knows of servers, commands or replies.
#![expect(unsafe_code, reason = "the C library of Lua; the essay says what makes it safe")]

pub mod guard;
pub mod stack;

use std::alloc::Layout;
use std::any::TypeId;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use mlua_sys as ffi;
use mlua_sys::lua_State;

pub use stack::{Failed, Kind, Leaf, Place, Raise, Ref, Stack, Verdict};

/// What the allocator and the functions of ours find through any thread of a state.
#[derive(Debug)]
struct Heap {
    /// Bytes in use.
    used: Cell<usize>,
    limit: Cell<usize>,
    /// The limit binds: Lua's own code runs, under a protected call.
    strict: Cell<bool>,
    /// What [`Lua::with`] has lent, and its type.
    context: Cell<*mut c_void>,
    context_type: Cell<Option<TypeId>>,
    /// Coroutines resumed from one another right now.
    coroutines: Cell<u32>,
}

/// A state.
#[derive(Debug)]
pub struct Lua {
    state: NonNull<lua_State>,
    heap: Box<Heap>,
}

const ALIGN: usize = 8;
/// A function has 8000 places on the stack (LUAI_MAXCSTACK), and may have been given more than
/// that. Functions without a context need some for themselves and take no more; those with one
/// empty the stack before they push anything.
const ARGUMENTS_MAX: i32 = 7980;

/// The allocator of a state.
///
/// SAFETY: Lua calls it with a pointer that it got from here, and the size it asked for then.
unsafe extern "C" fn allocate(
    heap: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the pointer is that of the box in `Lua`, which outlives the state; it is only ever
    // shared.
    let heap = unsafe { &*heap.cast::<Heap>() };
    let old = if block.is_null() { 0 } else { old };
    let used = heap.used.get() - old;
    if new > old && heap.strict.get() && used.saturating_add(new) > heap.limit.get() {
        return ptr::null_mut();
    }
    let layout = |size: usize| Layout::from_size_align(size, ALIGN).ok();
    let result = match (layout(old), layout(new)) {
        (_, None) | (None, _) => return ptr::null_mut(),
        // SAFETY: sizes are not zero, and the old one is that of the block's allocation.
        (Some(was), Some(wanted)) => unsafe {
            match (old, new) {
                (0, 0) => ptr::null_mut(),
                (_, 0) => {
                    std::alloc::dealloc(block.cast(), was);
                    ptr::null_mut()
                }
                (0, _) => std::alloc::alloc(wanted),
                _ => std::alloc::realloc(block.cast(), was, new),
            }
        },
    };
    if new > 0 && result.is_null() {
        return ptr::null_mut();
    }
    heap.used.set(used + new);
    result.cast()
}

/// SAFETY: the thread belongs to a state that [`Lua`] made.
unsafe fn heap_of<'a>(state: *mut lua_State) -> &'a Heap {
    let mut heap = ptr::null_mut();
    // SAFETY: by contract; the user data of the allocator is the heap in the box of `Lua`.
    unsafe {
        ffi::lua_getallocf(state, &mut heap);
        &*heap.cast::<Heap>()
    }
}

/// The one value of a type without content, which functions are.
fn conjure<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "a function that captures nothing") };
    // SAFETY: the type has no bytes, and a value of it existed when the function was pushed.
    unsafe { NonNull::<F>::dangling().read() }
}

/// Gives the machine what a function of ours answered: results, or a jump. Owns nothing when it
/// jumps.
///
/// SAFETY: called by Lua for a thread of ours, inside of a protected call.
#[inline(always)]
unsafe fn conclude(state: *mut lua_State, heap: &Heap, verdict: Verdict) -> c_int {
    let mut stack = Stack::of(state);
    let results = match verdict {
        Ok(results) => results,
        Err(raise) => {
            raise.push(&mut stack);
            -1
        }
    };
    // SAFETY: by contract.
    unsafe {
        if heap.used.get() > heap.limit.get() {
            ffi::lua_gc(state, ffi::LUA_GCCOLLECT, 0);
        }
        heap.strict.set(true);
        if results >= 0 { results } else { ffi::lua_error(state) }
    }
}

/// SAFETY: Lua calls it, for a closure that was made for this `F`.
unsafe extern "C-unwind" fn plain<F: Fn(&mut Stack) -> Verdict + Copy>(
    state: *mut lua_State,
) -> c_int {
    // SAFETY: functions of ours are called by Lua only, and inside of a protected call.
    unsafe {
        let heap = heap_of(state);
        heap.strict.set(false);
        let mut stack = Stack::of(state);
        let verdict = match stack.top() {
            0..=ARGUMENTS_MAX => conjure::<F>()(&mut stack),
            _ => Err(Raise::here("stack overflow")),
        };
        conclude(state, heap, verdict)
    }
}

/// SAFETY: Lua calls it, for a closure that was made for this `C` and `F`.
unsafe extern "C-unwind" fn with_context<C: 'static, F>(state: *mut lua_State) -> c_int
where
    F: Fn(&mut Leaf<'_>, &mut C) -> Verdict + Copy,
{
    // SAFETY: the context was lent mutably for the time in which Lua runs, and this is the only
    // reference to it: a `Leaf` cannot call Lua code, so no other function of this kind begins
    // before this one has ended.
    unsafe {
        let heap = heap_of(state);
        heap.strict.set(false);
        let mut stack = Stack::of(state);
        let verdict = match heap.context_type.get() {
            Some(kind) if kind == TypeId::of::<C>() => {
                let context = &mut *heap.context.get().cast::<C>();
                conjure::<F>()(&mut Leaf::of(&mut stack), context)
            }
            _ => Err(Raise::here("redis.* can only be called while a script or a function runs")),
        };
        conclude(state, heap, verdict)
    }
}

/// SAFETY: Lua calls it as a hook, which was set for this `C` and `F`.
unsafe extern "C-unwind" fn hook<C: 'static, F>(state: *mut lua_State, _: *mut ffi::lua_Debug)
where
    F: Fn(&mut Leaf<'_>, &mut C) -> Result<(), Raise> + Copy,
{
    // SAFETY: hooks are called between two steps of Lua code, never inside of a function of ours,
    // so that this is the only reference to the context, whose type is compared first. The jump, if
    // there is one, leaves a frame that owns nothing.
    unsafe {
        let heap = heap_of(state);
        if heap.context_type.get() != Some(TypeId::of::<C>()) {
            return;
        }
        heap.strict.set(false);
        let mut stack = Stack::of(state);
        let context = &mut *heap.context.get().cast::<C>();
        let verdict = conjure::<F>()(&mut Leaf::of(&mut stack), context).map(|()| 0);
        let failed = verdict.is_err();
        if failed {
            // Whoever catches the error gets no further than to the next step.
            let again = ffi::lua_gethook(state);
            ffi::lua_sethook(state, again, ffi::LUA_MASKCOUNT, 1);
        }
        conclude(state, heap, verdict);
    }
}

/// Lua found an error outside of any protected call.
///
/// SAFETY: Lua calls it.
unsafe extern "C-unwind" fn no_way_out(_: *mut lua_State) -> c_int {
    panic!("an error of Lua outside of a protected call")
}

/// The stack of the main thread, which does not outlive its Lua.
#[derive(Debug)]
pub struct MainStack<'a> {
    stack: Stack,
    lua: PhantomData<&'a mut Lua>,
}

impl Deref for MainStack<'_> {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

impl DerefMut for MainStack<'_> {
    fn deref_mut(&mut self) -> &mut Stack {
        &mut self.stack
    }
}

impl Lua {
    /// A state without any library, whose heap may grow to `limit` bytes. `None`: there is no
    /// memory for it.
    pub fn new(limit: usize) -> Option<Lua> {
        let heap = Box::new(Heap {
            used: Cell::new(0),
            limit: Cell::new(limit),
            strict: Cell::new(false),
            context: Cell::new(ptr::null_mut()),
            context_type: Cell::new(None),
            coroutines: Cell::new(0),
        });
        let user = ptr::from_ref(&*heap).cast_mut().cast::<c_void>();
        // SAFETY: the allocator treats the pointer as shared; the box lives as long as the state.
        let state = unsafe { ffi::lua_newstate(allocate, user) };
        let state = NonNull::new(state)?;
        // SAFETY: a new state.
        unsafe { ffi::lua_atpanic(state.as_ptr(), no_way_out) };
        Some(Lua { state, heap })
    }

    /// Opens the libraries of Lua that need no system: base, table, string, math. (`os` is ours.)
    pub fn open_libraries(&mut self) {
        let libraries: [ffi::lua_CFunction; 4] =
            [ffi::luaopen_base, ffi::luaopen_table, ffi::luaopen_string, ffi::luaopen_math];
        for open in libraries {
            // SAFETY: the functions are those of the library; they run under a protected call, and
            // nothing limits the memory of this moment.
            let failed = unsafe {
                ffi::lua_pushcclosure(self.state.as_ptr(), open, 0);
                ffi::lua_pcall(self.state.as_ptr(), 0, 0, 0)
            };
            assert_eq!(failed, 0, "the libraries of Lua open");
        }
    }

    /// The stack of the main thread, as long as no Lua code runs.
    pub fn stack(&mut self) -> MainStack<'_> {
        MainStack { stack: Stack::of(self.state.as_ptr()), lua: PhantomData }
    }

    /// Lends a context to the functions that want one, for the time that `work` takes.
    pub fn with<C: 'static, R>(
        &mut self,
        context: &mut C,
        work: impl FnOnce(&mut Stack) -> R,
    ) -> R {
        self.heap.context.set(ptr::from_mut(context).cast());
        self.heap.context_type.set(Some(TypeId::of::<C>()));
        let result = work(&mut Stack::of(self.state.as_ptr()));
        self.heap.context_type.set(None);
        self.heap.context.set(ptr::null_mut());
        result
    }

    /// Has a function called after every so many steps of Lua code; if it raises an error, after
    /// every step from then on.
    pub fn set_hook<C: 'static, F>(&mut self, _: F, steps: i32)
    where
        F: Fn(&mut Leaf<'_>, &mut C) -> Result<(), Raise> + Copy,
    {
        let state = self.state.as_ptr();
        // SAFETY: the hook finds what it needs through the state.
        unsafe { ffi::lua_sethook(state, Some(hook::<C, F>), ffi::LUA_MASKCOUNT, steps) };
    }

    pub fn used(&self) -> usize {
        self.heap.used.get()
    }

    pub fn set_limit(&mut self, bytes: usize) {
        self.heap.limit.set(bytes);
    }

    /// Collects garbage: a step of some size, or all of it.
    pub fn collect(&mut self, step: Option<i32>) {
        let (what, size) = match step {
            Some(size) => (ffi::LUA_GCSTEP, size),
            None => (ffi::LUA_GCCOLLECT, 0),
        };
        // SAFETY: the state is at rest; scripts have no means to give a value a finalizer.
        unsafe { ffi::lua_gc(self.state.as_ptr(), what, size) };
    }
}

// SAFETY: a state is reached through its `Lua` alone. It refers to its own heap, to functions and
// to statics; no value in it has a finalizer, and `context`, which does lead elsewhere, is null
// unless `Lua::with` has borrowed the state. The allocator is the global one, which any thread may
// call. So a state may be closed by another thread than made it.
unsafe impl Send for Lua {}

impl Drop for Lua {
    fn drop(&mut self) {
        // SAFETY: nobody runs in it, and nobody can reach it any more.
        unsafe { ffi::lua_close(self.state.as_ptr()) };
    }
}
