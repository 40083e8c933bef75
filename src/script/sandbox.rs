//! What a script finds: the globals, and nothing that leads out.
//!
//! ```text
//!   _G  ──► real globals { KEYS, ARGV, string, table, math, redis, cjson, ... } ──metatable──► an error with the name
//!           each library behind a protected front (see `lua::guard`)
//! ```
//!
//! What is not on the list of names below does not exist: nothing reads files, no code is loaded
//! but from text, no environment or metatable of somebody else's can be had. While a library of
//! functions is loaded, the fronts lead to another table, in which there is only what loading
//! needs.

use super::Form;
use super::bridge::Bridge;
use super::convert::{self, Names};
use super::libs;
use super::lua::{Kind, Lua, Raise, Ref, Stack, Verdict, guard};

/// The globals of Lua's own that scripts may use.
const GLOBALS: &[&str] = &[
    "_VERSION",
    "assert",
    "collectgarbage",
    "coroutine",
    "error",
    "gcinfo",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "math",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "string",
    "table",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
];

/// Those that `lua-enable-deprecated-api` brings back. `setfenv` and `newproxy` are our own, see
/// [`guard`].
const DEPRECATED: &[&str] = &["getfenv", "newproxy", "setfenv"];

/// A machine, ready to run scripts.
#[derive(Debug)]
pub struct Sandbox {
    pub lua: Lua,
    pub names: Names,
    /// [`convert::locate`].
    pub handler: Ref,
    /// The real globals.
    pub globals: Ref,
    /// What there is while a library is loaded.
    pub loading: Ref,
    /// `_G`.
    front: Ref,
}

impl Sandbox {
    /// A machine whose heap may grow to `limit` bytes, with the deprecated functions if
    /// `deprecated`. `None`: there is no memory for it.
    pub fn new(form: Form, limit: usize, deprecated: bool) -> Option<Sandbox> {
        let mut lua = Lua::new(limit)?;
        lua.open_libraries();
        guard::harden(&mut lua);
        let s = &mut lua.stack();
        let names = Names::new(s);
        s.push_function(convert::locate);
        let handler = s.keep();

        s.push_table(0, 64);
        protect_strings(s);
        copy_globals(s, GLOBALS);
        if deprecated {
            copy_globals(s, DEPRECATED);
        }
        add_libraries(s);
        super::api::bridge::push(s);
        protect_plainly(s);
        s.push_value(-1);
        s.set_field(-3, b"redis");
        s.set_field(-2, b"server");
        if form == Form::Script {
            // Compat: scripts have called it by this name for years, to no effect.
            s.set_function(b"__redis__err__handler", |_| Ok(0));
        }
        complain_of_absence(s);
        s.push_value(-1);
        let globals = s.keep();
        let front = close(s);

        s.push_table(0, 2);
        super::api::bridge::push_for_loading(s);
        complain_of_absence(s);
        protect_plainly(s);
        s.push_value(-1);
        s.set_field(-3, b"redis");
        s.set_field(-2, b"server");
        complain_of_absence(s);
        let loading = s.keep();
        lua.set_hook::<Bridge, _>(super::bridge::tick, super::bridge::STEPS);
        Some(Sandbox { lua, names, handler, globals, loading, front })
    }

    /// Lets the globals be those for loading libraries, or those for running.
    pub fn set_loading(&mut self, is_loading: bool) {
        let s = &mut self.lua.stack();
        s.push_ref(&self.front);
        s.push_ref(if is_loading { &self.loading } else { &self.globals });
        guard::redirect(s);
        s.pop(1);
    }
}

/// Copies permitted globals into the table on top. Tables among them are protected.
fn copy_globals(s: &mut Stack, names: &[&str]) {
    s.push_globals();
    for name in names {
        if s.field(-1, name.as_bytes()) == Kind::Table {
            if *name == "math" {
                super::api::bridge::put_random(s);
            }
            protect_plainly(s);
        }
        s.set_field(-3, name.as_bytes());
    }
    s.pop(1);
}

/// Strings have a metatable in common. What scripts may see of it is a protected copy.
fn protect_strings(s: &mut Stack) {
    s.push_globals();
    if s.field(-1, b"string") == Kind::Table {
        libs::text::replace(s);
        s.push_bytes(b"");
        assert!(s.push_metatable(-1), "the library of strings has set it");
        s.push_table(0, 1);
        s.push_value(-4);
        protect_plainly(s);
        s.set_field(-2, b"__index");
        protect_plainly(s);
        s.set_field(-2, b"__metatable");
        s.pop(2);
    }
    s.pop(2);
}

/// Libraries that Lua does not have by itself.
fn add_libraries(s: &mut Stack) {
    type Library = (&'static [u8], fn(&mut Stack));
    let libraries: [Library; 5] = [
        (b"bit", libs::bit::push),
        (b"cjson", libs::cjson::push),
        (b"cmsgpack", libs::cmsgpack::push),
        (b"os", libs::clock::push),
        (b"struct", libs::packing::push),
    ];
    for (name, push) in libraries {
        push(s);
        protect_plainly(s);
        s.set_field(-2, name);
    }
}

/// Protects the table on top; of its metatable nothing is to be seen.
fn protect_plainly(s: &mut Stack) {
    s.push_bool(false);
    guard::protect(s);
}

/// Gives the table on top a metatable that complains of absent fields.
fn complain_of_absence(s: &mut Stack) {
    s.push_table(0, 1);
    s.set_function(b"__index", absent);
    s.set_metatable(-2);
}

fn absent(s: &mut Stack) -> Verdict {
    let name = match s.kind(2) {
        Kind::Text | Kind::Number => {
            String::from_utf8_lossy(s.text(2).unwrap_or_default()).into_owned()
        }
        _ => s.type_name(2),
    };
    Err(Raise::here(format!("Script attempted to access nonexistent global variable '{name}'")))
}

/// Pops the real globals, and lets a protected front of them be what scripts have for `_G`.
fn close(s: &mut Stack) -> Ref {
    s.push_value(-1);
    // Scripts see of its metatable what it does.
    s.push_table(0, 1);
    s.set_function(b"__index", absent);
    protect_plainly(s);
    guard::protect(s);
    s.push_value(-1);
    s.set_field(-3, b"_G");
    s.push_value(-1);
    s.set_globals();
    s.remove(-2);
    s.keep()
}
