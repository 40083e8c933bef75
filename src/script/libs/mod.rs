//! The libraries that scripts find beside Lua's own, in our own words; and those parts of Lua's own
//! that would let a script stop the server.

pub mod bit;
pub mod cjson;
pub mod clock;
pub mod cmsgpack;
pub mod number;
pub mod packing;
pub mod pattern;
pub mod random;
pub mod text;
