//! Unions, intersections and differences: ZUNION, ZINTER, ZDIFF, those that store them, ZINTERCARD.
//!
//! Inputs are sorted sets and sets, whose members all have the score 1. Their order matters in a way that only sums of
//! floating-point numbers show: scores are joined in the order of the sizes of the sets, the smallest first.

use super::super::key_spec::key_flag::{ACCESS, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{DEL, reply_members, reply_scored, rules, score, store};
use crate::command::args::{integer, integer_or};
use crate::ds::listpack::Item;
use crate::ds::ordered::Gathered;
use crate::keyspace::entry::Type;
use crate::keyspace::{EntryRef, Event};
use crate::types::View;
use crate::types::zset::{Zset, ZsetView};

/// How sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Union,
    Inter,
    Diff,
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Answer,
    Store,
    Count,
}

/// How scores are joined.
#[derive(Clone, Copy, Default)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            // Compat: opposite infinities make 0.
            Aggregate::Sum => number(a + b),
            // Compat: what is not a number changes nothing here.
            Aggregate::Min => if b < a { b } else { a },
            Aggregate::Max => if b > a { b } else { a },
        }
    }
}

/// A score that may have become none: 0 then.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}
