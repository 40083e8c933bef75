//! The libraries that were loaded, and how a library registers its functions while it is loaded.
//!
//! A library's code runs once, when it is loaded, and all it can do then is to call
//! `redis.register_function`. What it registers is gathered in a [`Draft`]; only when it has come
//! to its end without an error, and none of its names is taken, it becomes a [`Library`]. Names of
//! functions are the same in any case.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::script::api::bridge::complain;
use crate::script::bridge::Bridge;
use crate::script::lua::{Kind, Leaf, Ref, Verdict};
use crate::script::shebang;

/// A function of a library.
#[derive(Debug)]
pub struct Function {
    pub name: Arc<str>,
    pub description: Option<Vec<u8>>,
    /// Bits of [`shebang::script_flag`].
    pub flags: u32,
    pub function: Ref,
}

/// A library that is being loaded: what it has registered so far.
#[derive(Debug, Default)]
pub struct Draft {
    pub functions: Vec<Function>,
    /// Monotonic microseconds when loading began.
    pub since_us: u64,
}

/// A library.
#[derive(Debug)]
pub struct Library {
    pub code: Box<[u8]>,
    pub functions: Vec<Function>,
}

/// All libraries, by name.
#[derive(Debug, Default)]
pub struct Libraries {
    libraries: BTreeMap<String, Library>,
    /// Library and place in it, by the function's name in lower case.
    by_name: HashMap<String, (String, usize)>,
}

impl Libraries {
    pub fn len(&self) -> usize {
        self.libraries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    pub fn functions(&self) -> usize {
        self.by_name.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Library)> {
        self.libraries.iter().map(|(name, library)| (&**name, library))
    }

    /// The sources of all libraries, for snapshots and the AOF.
    pub fn codes(&self) -> impl Iterator<Item = &[u8]> {
        self.libraries.values().map(|library| &*library.code)
    }

    pub fn has(&self, name: &str) -> bool {
        self.libraries.contains_key(name)
    }

    /// A function by its name in any case.
    pub fn find(&self, name: &[u8]) -> Option<&Function> {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let (library, at) = self.by_name.get(&name)?;
        self.libraries.get(library)?.functions.get(*at)
    }

    /// A name of the draft that is taken, by itself or by a library that is not in `but`.
    pub fn taken<'d>(&self, draft: &'d [Function], but: &[String]) -> Option<&'d str> {
        let mut seen = Vec::new();
        for function in draft {
            let name = function.name.to_ascii_lowercase();
            let is_taken =
                self.by_name.get(&name).is_some_and(|(library, _)| !but.contains(library));
            if is_taken || seen.contains(&name) {
                return Some(&function.name);
            }
            seen.push(name);
        }
        None
    }

    /// Adds a library whose names are free.
    pub fn add(&mut self, name: String, library: Library) {
        for (at, function) in library.functions.iter().enumerate() {
            self.by_name.insert(function.name.to_ascii_lowercase(), (name.clone(), at));
        }
        self.libraries.insert(name, library);
    }

    /// Takes a library out, with its functions.
    pub fn take(&mut self, name: &str) -> Option<Library> {
        let library = self.libraries.remove(name)?;
        self.by_name.retain(|_, (of, _)| of != name);
        Some(library)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        *self = Libraries::default();
    }

    /// Bytes that sources and names take, by and large.
    pub fn memory_bytes(&self) -> usize {
        let each = |library: &Library| library.code.len() + library.functions.len() * 160 + 64;
        self.libraries.values().map(each).sum()
    }
}

// -- redis.register_function ----------------------------------------------------------------------

const ME: &str = "redis.register_function";

/// What a call says of a function.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    callback: Option<Ref>,
    flags: u32,
}

pub fn register(s: &mut Leaf<'_>, bridge: &mut Bridge) -> Verdict {
    let said = match s.values().top() {
        1 if s.values().kind(1) != Kind::Table => Err(
            "calling redis.register_function with a single argument is only applicable to Lua table (representing named \
             arguments)."
                .to_owned(),
        ),
        1 => named(s),
        2 => positional(s),
        _ => Err(format!("wrong number of arguments to {ME}")),
    };
    let said = match said.and_then(|said| checked(said, bridge)) {
        Ok(function) => function,
        Err(text) => return complain(s, &text),
    };
    if let Some(draft) = &mut bridge.draft {
        draft.functions.push(said);
    }
    Ok(0)
}

fn checked(said: Said, bridge: &Bridge) -> Result<Function, String> {
    let name = said.name.ok_or(format!("{ME} must get a function name argument"))?;
    let function = said.callback.ok_or(format!("{ME} must get a callback argument"))?;
    let name = shebang::checked_name(&name)
        .map_err(|error| String::from_utf8_lossy(&error.text()[4..]).into_owned())?;
    let draft = bridge
        .draft
        .as_ref()
        .ok_or("redis.register_function can only be called on FUNCTION LOAD command")?;
    if draft.functions.iter().any(|other| *other.name == *name) {
        return Err("Function already exists in the library".to_owned());
    }
    Ok(Function { name: name.into(), description: said.description, flags: said.flags, function })
}

fn text_at(s: &Leaf<'_>, index: i32) -> Option<Vec<u8>> {
    let v = s.values();
    match v.kind(index) {
        Kind::Text => v.bytes(index).map(<[u8]>::to_vec),
        Kind::Number => {
            let mut text = Vec::new();
            crate::script::libs::number::write_14_digits(&mut text, v.number(index)?);
            Some(text)
        }
        _ => None,
    }
}

fn positional(s: &mut Leaf<'_>) -> Result<Said, String> {
    let name = text_at(s, 1).ok_or(format!("first argument to {ME} must be a string"))?;
    if s.values().kind(2) != Kind::Function {
        return Err(format!("second argument to {ME} must be a function"));
    }
    let callback = Some(s.keep());
    Ok(Said { name: Some(name), callback, ..Said::default() })
}

fn named(s: &mut Leaf<'_>) -> Result<Said, String> {
    let mut said = Said::default();
    s.values().push_nil();
    while s.next(1) {
        let key = s.values().bytes(-2).map(<[u8]>::to_vec);
        match key.as_deref() {
            Some(b"function_name") => {
                let text = format!("function_name argument given to {ME} must be a string");
                said.name = Some(text_at(s, -1).ok_or(text)?);
            }
            Some(b"description") => {
                let text = format!("description argument given to {ME} must be a string");
                said.description = Some(text_at(s, -1).ok_or(text)?);
            }
            Some(b"callback") => {
                if s.values().kind(-1) != Kind::Function {
                    return Err(format!("callback argument given to {ME} must be a function"));
                }
                s.values().push_value(-1);
                said.callback = Some(s.keep());
            }
            Some(b"flags") => said.flags = flags(s)?,
            _ => return Err(format!("unknown argument given to {ME}")),
        }
        s.pop(1);
    }
    Ok(said)
}

fn flags(s: &mut Leaf<'_>) -> Result<u32, String> {
    if s.values().kind(-1) != Kind::Table {
        return Err(format!("flags argument to {ME} must be a table representing function flags"));
    }
    let mut flags = 0;
    for index in 1.. {
        s.values().raw_get_i(-1, index);
        let flag = match s.values().kind(-1) {
            Kind::Nil => {
                s.pop(1);
                break;
            }
            Kind::Text => s.values().bytes(-1).and_then(shebang::flag),
            _ => None,
        };
        flags |= flag.ok_or("unknown flag given")?;
        s.pop(1);
    }
    Ok(flags)
}
