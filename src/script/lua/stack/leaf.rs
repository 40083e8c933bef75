//! What functions see of the stack that have been given the context: enough to read arguments and
//! to push results, and nothing that could run Lua code, which might ask for the context a second
//! time.

use super::{Ref, Stack};

/// A stack from which no Lua code can be called.
#[derive(Debug)]
pub struct Leaf<'a>(&'a mut Stack);

impl<'a> Leaf<'a> {
    pub(in crate::script::lua) fn of(stack: &'a mut Stack) -> Leaf<'a> {
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
