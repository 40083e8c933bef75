//! Units of work and what they tell the outside: the seam for propagation.
//!
//! A unit is one command of a client, or all commands of one EXEC or script. What it changed is gathered here as
//! [`Effect`]s while it runs, and told when its outermost level ends: events first, then one encoding of all effects,
//! wrapped in MULTI/EXEC when there are several, which the AOF and the replication backlog both read. As long as nobody
//! reads ([`Unit::listen`]), nothing is gathered and a write pays one test.
//!
//! By default a command is told as it was received. A handler that must be told otherwise says so as data, in the
//! [`Effects`] of its call: an absolute time to live, the members that SPOP chose, nothing at all.

use crate::keyspace::DbIndex;
use crate::resp::request::Args;

/// A command line: its words.
pub type Words = Vec<Box<[u8]>>;

/// What a call wants to be told of it, if not its own words.
#[derive(Debug, Default)]
pub struct Effects {
    /// Instead of the call's words; `Some` and empty: nothing.
    instead: Option<Vec<Words>>,
    /// After it.
    also: Vec<Words>,
    /// Told although the keyspace did not change (FUNCTION LOAD, PUBLISH...).
    forced: bool,
    /// Nobody will read it.
    unheard: bool,
}

fn words(line: &[&[u8]]) -> Words {
    line.iter().map(|w| (*w).into()).collect()
}

impl Effects {
    /// Tell this instead of the call's own words. Said twice: both, in order.
    pub fn propagate_as(&mut self, line: &[&[u8]]) {
        if self.is_heard() {
            self.instead.get_or_insert_default().push(words(line));
        }
    }

    /// Whether it is worth while to find words.
    #[inline]
    pub fn is_heard(&self) -> bool {
        !self.unheard
    }

    /// Whether somebody reads what this call says.
    #[inline]
    pub fn set_heard(&mut self, heard: bool) {
        self.unheard = !heard;
    }

    /// Tell this too, after the call's own words or what stands for them.
    pub fn also_propagate(&mut self, line: &[&[u8]]) {
        if self.is_heard() {
            self.also.push(words(line));
        }
    }

    /// Tell nothing of this call's own words.
    pub fn dont_propagate(&mut self) {
        self.instead.get_or_insert_default();
    }

    /// Tell the call even if no key changed.
    pub fn force(&mut self) {
        self.forced = true;
    }

    /// Nothing was said: the usual case, tested on the hot path.
    #[inline]
    pub fn is_default(&self) -> bool {
        self.instead.is_none() && self.also.is_empty() && !self.forced
    }

    pub fn is_forced(&self) -> bool {
        self.forced
    }

    pub fn reset(&mut self) {
        if !self.is_default() {
            *self = Effects::default();
        }
    }
}

/// One write, as the outside will be told it.
#[derive(Debug, PartialEq, Eq)]
pub struct Effect {
    pub db: DbIndex,
    pub words: Words,
}

/// The unit under way.
#[derive(Debug, Default)]
pub struct Unit {
    /// Calls inside one another right now; 0 between units.
    pub depth: u32,
    /// Changes of the keyspace that have been told of by the calls that made them: what an outer call finds changed and
    /// not accounted for is its own doing.
    pub accounted: u64,
    effects: Vec<Effect>,
    /// Somebody reads what is told.
    listening: bool,
    /// Encoded effects that the readers have not fetched.
    feed: Vec<u8>,
    /// The database the readers stand in.
    feed_db: Option<DbIndex>,
}

impl Unit {
    /// Begins to gather what is told, for a reader that starts without any history.
    pub fn listen(&mut self) {
        self.listening = true;
        self.feed_db = None;
    }

    pub fn is_listening(&self) -> bool {
        self.listening
    }

    /// Notes what a call that changed something is told as.
    pub fn gather(&mut self, db: DbIndex, args: Args<'_>, fx: &mut Effects) {
        match fx.instead.take() {
            None => {
                let words = args.iter().map(Into::into).collect();
                self.effects.push(Effect { db, words });
            }
            Some(lines) => self.effects.extend(lines.into_iter().map(|words| Effect { db, words })),
        }
        self.effects.extend(fx.also.drain(..).map(|words| Effect { db, words }));
    }

    /// Notes a command that the server itself has thought of.
    pub fn add(&mut self, db: DbIndex, line: &[&[u8]]) {
        if self.listening {
            self.effects.push(Effect { db, words: words(line) });
        }
    }

    /// Encodes what the unit that just ended did.
    pub fn finish(&mut self) {
        if self.effects.is_empty() {
            return;
        }
        let effects = std::mem::take(&mut self.effects);
        let wrapped = effects.len() > 1;
        if let Some(first) = effects.first() {
            self.enter(first.db);
        }
        if wrapped {
            encode(&mut self.feed, &[b"MULTI"[..].into()]);
        }
        for effect in &effects {
            self.enter(effect.db);
            encode(&mut self.feed, &effect.words);
        }
        if wrapped {
            encode(&mut self.feed, &[b"EXEC"[..].into()]);
        }
    }

    fn enter(&mut self, db: DbIndex) {
        if self.feed_db != Some(db) {
            self.feed_db = Some(db);
            encode(&mut self.feed, &[b"SELECT"[..].into(), db.0.to_string().into_bytes().into()]);
        }
    }

    /// How much was gathered so far.
    pub fn gathered(&self) -> usize {
        self.effects.len()
    }

    /// Forgets what was gathered since then: it was taken back.
    pub fn forget_since(&mut self, gathered: usize) {
        self.effects.truncate(gathered);
    }

    /// Lets other units run before this one ends.
    pub fn set_aside(&mut self) -> Aside {
        Aside { depth: std::mem::take(&mut self.depth), effects: std::mem::take(&mut self.effects) }
    }

    /// Goes on with it.
    pub fn resume(&mut self, aside: Aside) {
        let Aside { depth, effects } = aside;
        (self.depth, self.effects) = (depth, effects);
    }

    /// Hands over what was encoded since the last time.
    pub fn take_feed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.feed)
    }
}

/// A unit that stands still while others are served, see [`Unit::set_aside`].
#[derive(Debug)]
pub struct Aside {
    depth: u32,
    effects: Vec<Effect>,
}

impl Aside {
    pub fn is_between_units(&self) -> bool {
        self.depth == 0
    }
}

fn encode(out: &mut Vec<u8>, words: &[Box<[u8]>]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::request::Query;

    fn told(calls: &[(&[&[u8]], Effects)]) -> String {
        let mut unit = Unit::default();
        unit.listen();
        for (line, fx) in calls {
            let query = Query::of(line);
            let mut fx = Effects {
                instead: fx.instead.clone(),
                also: fx.also.clone(),
                ..Effects::default()
            };
            unit.gather(DbIndex(0), query.args(), &mut fx);
        }
        unit.finish();
        String::from_utf8(unit.take_feed()).expect("text").replace("\r\n", " ")
    }

    #[test]
    fn one_effect_goes_alone_and_several_as_a_transaction() {
        let set: &[&[u8]] = &[b"SET", b"k", b"v"];
        let one = told(&[(set, Effects::default())]);
        assert_eq!(one, "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
        let mut also = Effects::default();
        also.also_propagate(&[b"DEL", b"x"]);
        let two = told(&[(set, also)]);
        let want = "*2 $6 SELECT $1 0 *1 $5 MULTI *3 $3 SET $1 k $1 v *2 $3 DEL $1 x *1 $4 EXEC ";
        assert_eq!(two, want);
    }

    #[test]
    fn a_call_may_be_told_otherwise_or_not_at_all() {
        let mut instead = Effects::default();
        instead.propagate_as(&[b"DEL", b"k"]);
        let got = told(&[(&[b"GETDEL", b"k"], instead)]);
        assert_eq!(got, "*2 $6 SELECT $1 0 *2 $3 DEL $1 k ");
        let mut nothing = Effects::default();
        nothing.dont_propagate();
        assert_eq!(told(&[(&[b"GETDEL", b"k"], nothing)]), "");
    }
}
