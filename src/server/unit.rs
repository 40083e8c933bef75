//! Units of work and what they tell the outside: the seam for propagation.
//!
//! A unit is one command of a client, or all commands of one EXEC or script. What it changed is encoded while it runs,
//! straight from the words of the calls into one buffer, the feed, which the AOF and the replication backlog both read
//! before the reactor sleeps. Nearly every unit has one effect, which goes alone; when a second one comes, MULTI is put
//! in front of the first, and the end of the unit adds EXEC. As long as nobody reads ([`Unit::listen`]), nothing is
//! gathered and a write pays one test.
//!
//! ```text
//!   feed   ... *3 SET a 1 | *1 MULTI *2 SELECT 1 *3 SET b 2 *2 PUBLISH .. *2 DEL c *1 EXEC |
//!                         ^ start of the unit                 └── skipped by the AOF
//! ```
//!
//! By default a command is told as it was received. A handler that must be told otherwise says so as data, in the
//! [`Effects`] of its call: an absolute time to live, the members that SPOP chose, nothing at all.

use std::ops::Range;

use crate::base::line;
use crate::keyspace::DbIndex;
use crate::resp::request::Args;

/// Buffers of more bytes are given back when they have been read.
const KEPT_BYTES: usize = 1 << 20;

/// Command lines, encoded, and how many.
#[derive(Clone, Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    fn push(&mut self, words: &[&[u8]]) {
        line::write(&mut self.bytes, words);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Lines::default();
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What a call wants to be told of it, if not its own words.
#[derive(Debug, Default)]
pub struct Effects {
    /// Something was said.
    said: bool,
    /// `instead` stands for the call's words, even when it is empty.
    replaced: bool,
    instead: Lines,
    /// After it.
    also: Lines,
    /// Told although the keyspace did not change (FUNCTION LOAD, PUBLISH...).
    forced: bool,
    /// The AOF is not told.
    replicas_only: bool,
    /// Nobody will read it.
    unheard: bool,
}

impl Effects {
    /// Tell this instead of the call's own words. Said twice: both, in order.
    pub fn propagate_as(&mut self, line: &[&[u8]]) {
        if self.is_heard() {
            (self.said, self.replaced) = (true, true);
            self.instead.push(line);
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
            self.said = true;
            self.also.push(line);
        }
    }

    /// Tell nothing of this call's own words.
    pub fn dont_propagate(&mut self) {
        (self.said, self.replaced) = (true, true);
    }

    /// Tell the call even if no key changed.
    pub fn force(&mut self) {
        (self.said, self.forced) = (true, true);
    }

    /// Tell the call even if no key changed, but only replicas: it leaves nothing that a restart should bring back.
    pub fn force_to_replicas(&mut self) {
        self.force();
        self.replicas_only = true;
    }

    /// Nothing was said: the usual case, tested on the hot path.
    #[inline]
    pub fn is_default(&self) -> bool {
        !self.said
    }

    pub fn is_forced(&self) -> bool {
        self.forced
    }

    pub fn reset(&mut self) {
        if self.said {
            self.instead.clear();
            self.also.clear();
            (self.said, self.replaced, self.forced, self.replicas_only) = Default::default();
        }
    }
}

/// Who reads the feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    pub aof: bool,
    pub replicas: bool,
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// A place within a unit, see [`Unit::forget_since`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// From the unit's start in the feed.
    bytes: usize,
    effects: u32,
    kept: u32,
}

/// The unit under way, and what was told since the readers looked last.
#[derive(Debug, Default)]
pub struct Unit {
    /// Calls inside one another right now; 0 between units.
    pub depth: u32,
    /// Changes of the keyspace that have been told of by the calls that made them: what an outer call finds changed and
    /// not accounted for is its own doing.
    pub accounted: u64,
    readers: Readers,
    listening: bool,
    /// Encoded effects that the readers have not fetched.
    feed: Vec<u8>,
    /// Parts of the feed that are not for the AOF, in order.
    skipped: Vec<Range<usize>>,
    /// Where the unit under way begins in the feed, and its effects so far.
    start: usize,
    effects: u32,
    /// The database of the first of them.
    first_db: DbIndex,
    /// Those of them that are for the AOF.
    kept: u32,
    /// The database the readers stand in.
    feed_db: Option<DbIndex>,
    /// See [`Unit::told`].
    told: i64,
}

impl Unit {
    /// Begins to gather what is told, for readers that start without any history.
    pub fn listen(&mut self) {
        self.set_readers(Readers { aof: true, replicas: true });
        self.select_anew();
    }

    /// Who reads from now on. Without any, what was not fetched is forgotten.
    pub fn set_readers(&mut self, readers: Readers) {
        self.readers = readers;
        self.listening = readers.aof || readers.replicas;
        if !self.listening {
            self.forget();
        }
    }

    pub fn readers(&self) -> Readers {
        self.readers
    }

    /// The next effect says which database it is about: a reader begins anew.
    pub fn select_anew(&mut self) {
        self.feed_db = None;
    }

    #[inline]
    pub fn is_listening(&self) -> bool {
        self.listening
    }

    /// Notes what a call that changed something is told as.
    #[inline]
    pub fn gather(&mut self, db: DbIndex, args: Args<'_>, fx: &mut Effects) {
        if fx.is_default() {
            self.begin_effect(db);
            self.write_call(args);
        } else {
            self.gather_said(db, args, fx);
        }
    }

    #[inline]
    fn write_call(&mut self, args: Args<'_>) {
        line::begin(&mut self.feed, args.len());
        for index in 0..args.len() {
            line::word(&mut self.feed, args.at(index));
        }
    }

    fn gather_said(&mut self, db: DbIndex, args: Args<'_>, fx: &mut Effects) {
        if fx.replicas_only && !self.readers.replicas {
            return;
        }
        if !fx.replaced {
            self.begin_effect(db);
            let from = self.feed.len();
            self.write_call(args);
            if fx.replicas_only {
                self.skipped.push(from..self.feed.len());
                self.kept -= 1;
            }
        }
        for line in fx.instead.iter().chain(fx.also.iter()) {
            self.begin_effect(db);
            let from = self.feed.len();
            self.feed.extend_from_slice(line);
            if fx.replicas_only {
                self.skipped.push(from..self.feed.len());
                self.kept -= 1;
            }
        }
    }

    /// Notes a command that the server itself has thought of.
    pub fn add(&mut self, db: DbIndex, line: &[&[u8]]) {
        if self.listening {
            self.begin_effect(db);
            line::write(&mut self.feed, line);
        }
    }

    /// Makes ready for one more effect: MULTI before the first when this is the second, and the database.
    #[inline]
    fn begin_effect(&mut self, db: DbIndex) {
        match self.effects {
            0 => (self.start, self.first_db) = (self.feed.len(), db),
            1 => self.wrap(),
            _ => {}
        }
        self.effects += 1;
        self.kept += 1;
        if self.feed_db != Some(db) {
            self.enter(db);
        }
    }

    /// Puts MULTI before the effect that was thought to be the only one.
    fn wrap(&mut self) {
        self.feed.splice(self.start..self.start, MULTI.iter().copied());
        for part in self.skipped.iter_mut().rev().take_while(|part| part.start >= self.start) {
            *part = part.start + MULTI.len()..part.end + MULTI.len();
        }
    }

    fn enter(&mut self, db: DbIndex) {
        self.feed_db = Some(db);
        line::begin(&mut self.feed, 2);
        line::word(&mut self.feed, b"SELECT");
        line::word(&mut self.feed, db.0.to_string().as_bytes());
    }

    /// Ends the unit.
    #[inline]
    pub fn finish(&mut self) {
        if self.effects == 0 {
            return;
        }
        if self.effects > 1 {
            line::write(&mut self.feed, &[b"EXEC"]);
        }
        if self.kept == 0 {
            self.skip_whole();
        } else {
            self.told += i64::from(self.kept) + if self.effects > 1 { 2 } else { 0 };
        }
        (self.effects, self.kept) = (0, 0);
    }

    /// Nothing of the unit is for the AOF, which must not miss a change of the database either.
    fn skip_whole(&mut self) {
        self.skipped.retain(|part| part.start < self.start);
        self.skipped.push(self.start..self.feed.len());
        self.feed_db = None;
    }

    /// How many commands were told, MULTI and EXEC included: the offset of replication as long as there is none.
    // Compat: Redis counts so while it has no backlog, and notes it in the manifest of the append-only file.
    pub fn told(&self) -> i64 {
        self.told
    }

    /// What was told before the start.
    pub fn set_told(&mut self, told: i64) {
        self.told = told;
    }

    /// Where the part of the feed ends that may be fetched: a unit under way is not told before it has ended.
    #[inline]
    fn end(&self) -> usize {
        if self.effects == 0 { self.feed.len() } else { self.start }
    }

    /// Whether there is something to be fetched.
    #[inline]
    pub fn has_feed(&self) -> bool {
        self.end() > 0
    }

    /// What was told since the last [`Unit::clear_feed`], for replicas.
    pub fn feed(&self) -> &[u8] {
        &self.feed[..self.end()]
    }

    /// Appends the part of the feed that is for the AOF. If the AOF is its only reader and `out` is empty, the two change
    /// places instead.
    pub fn feed_aof(&mut self, out: &mut Vec<u8>) {
        let is_between = self.effects == 0;
        if self.skipped.is_empty() && out.is_empty() && !self.readers.replicas && is_between {
            std::mem::swap(out, &mut self.feed);
            return;
        }
        let (mut from, end) = (0, self.end());
        for part in self.skipped.iter().take_while(|part| part.start < end) {
            out.extend_from_slice(&self.feed[from..part.start]);
            from = part.end;
        }
        out.extend_from_slice(&self.feed[from..end]);
    }

    /// All readers have had the feed.
    pub fn clear_feed(&mut self) {
        if self.effects > 0 {
            return self.cut_feed();
        }
        if self.feed.capacity() > KEPT_BYTES {
            self.feed = Vec::new();
        }
        self.feed.clear();
        self.skipped.clear();
    }

    /// How far the unit under way has come.
    pub fn mark(&self) -> Mark {
        let bytes = if self.effects == 0 { 0 } else { self.feed.len() - self.start };
        Mark { bytes, effects: self.effects, kept: self.kept }
    }

    /// Forgets what the unit has told since then: it was undone.
    pub fn forget_since(&mut self, mark: Mark) {
        if self.effects == mark.effects {
            return;
        }
        let start = self.start;
        if mark.effects == 1 {
            // What was wrapped for the sake of the others is alone again.
            self.feed.drain(start..start + MULTI.len());
            for part in self.skipped.iter_mut().rev().take_while(|part| part.start >= start) {
                *part = part.start - MULTI.len()..part.end - MULTI.len();
            }
        }
        let end = start + mark.bytes;
        self.feed.truncate(end);
        self.skipped.retain(|part| part.start < end);
        (self.effects, self.kept) = (mark.effects, mark.kept);
        // The database may have been told with it.
        self.select_anew();
    }

    /// [`Unit::clear_feed`] in the middle of a unit, which stays.
    #[cold]
    fn cut_feed(&mut self) {
        let end = self.end();
        self.feed.drain(..end);
        self.skipped.retain(|part| part.start >= end);
        for part in &mut self.skipped {
            *part = part.start - end..part.end - end;
        }
        self.start = 0;
    }

    /// Forgets all that was told, of the unit under way, too: the readers have its state from elsewhere, or are no more.
    pub fn forget(&mut self) {
        (self.effects, self.kept) = (0, 0);
        self.clear_feed();
    }

    /// Lets other units run before this one ends.
    pub fn set_aside(&mut self) -> Aside {
        let depth = std::mem::take(&mut self.depth);
        if self.effects == 0 {
            return Aside { depth, told: None };
        }
        let start = self.start;
        let at = self.skipped.partition_point(|part| part.start < start);
        let skipped = self.skipped.split_off(at);
        let told = Told {
            bytes: self.feed.split_off(start),
            skipped: skipped.iter().map(|part| part.start - start..part.end - start).collect(),
            effects: std::mem::take(&mut self.effects),
            kept: std::mem::take(&mut self.kept),
            first_db: self.first_db,
            feed_db: self.feed_db.take(),
        };
        Aside { depth, told: Some(told) }
    }

    /// Goes on with it.
    pub fn resume(&mut self, aside: Aside) {
        self.depth = aside.depth;
        let Some(told) = aside.told else { return };
        // Where the readers stand now nobody knows.
        self.enter(told.first_db);
        self.start = self.feed.len();
        let shift = self.start;
        self.feed.extend_from_slice(&told.bytes);
        self.skipped.extend(told.skipped.iter().map(|part| part.start + shift..part.end + shift));
        (self.effects, self.kept) = (told.effects, told.kept);
        (self.first_db, self.feed_db) = (told.first_db, told.feed_db);
    }

    /// Hands over what was encoded since the last time.
    pub fn take_feed(&mut self) -> Vec<u8> {
        let feed = std::mem::take(&mut self.feed);
        self.clear_feed();
        feed
    }
}

/// A unit that stands still while others are served, see [`Unit::set_aside`].
#[derive(Debug)]
pub struct Aside {
    depth: u32,
    told: Option<Told>,
}

/// What it has told so far.
#[derive(Debug)]
struct Told {
    bytes: Vec<u8>,
    skipped: Vec<Range<usize>>,
    effects: u32,
    kept: u32,
    first_db: DbIndex,
    feed_db: Option<DbIndex>,
}

impl Aside {
    pub fn is_between_units(&self) -> bool {
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::request::Query;

    type Say = fn(&mut Effects);

    fn unit_of(calls: &[(&[&[u8]], Say)]) -> Unit {
        let mut unit = Unit::default();
        unit.listen();
        gather(&mut unit, calls);
        unit
    }

    fn gather(unit: &mut Unit, calls: &[(&[&[u8]], Say)]) {
        for (line, say) in calls {
            let (query, mut fx) = (Query::of(line), Effects::default());
            say(&mut fx);
            unit.gather(DbIndex(0), query.args(), &mut fx);
        }
        unit.finish();
    }

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace("\r\n", " ")
    }

    fn told(calls: &[(&[&[u8]], Say)]) -> String {
        shown(&unit_of(calls).take_feed())
    }

    const PLAIN: Say = |_| {};
    const SET: &[&[u8]] = &[b"SET", b"k", b"v"];
    const PUBLISH: &[&[u8]] = &[b"PUBLISH", b"c", b"m"];

    #[test]
    fn one_effect_goes_alone_and_several_as_a_transaction() {
        assert_eq!(told(&[(SET, PLAIN)]), "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
        let two = told(&[(SET, |fx| fx.also_propagate(&[b"DEL", b"x"]))]);
        let want = "*1 $5 MULTI *2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v *2 $3 DEL $1 x *1 $4 EXEC ";
        assert_eq!(two, want);
        assert_eq!(told(&[(SET, PLAIN), (&[b"DEL", b"x"], PLAIN)]), want);
    }

    #[test]
    fn a_call_may_be_told_otherwise_or_not_at_all() {
        let getdel: &[&[u8]] = &[b"GETDEL", b"k"];
        let got = told(&[(getdel, |fx| fx.propagate_as(&[b"DEL", b"k"]))]);
        assert_eq!(got, "*2 $6 SELECT $1 0 *2 $3 DEL $1 k ");
        assert_eq!(told(&[(getdel, Effects::dont_propagate)]), "");
    }

    /// The AOF once would have been told messages, which a restart must not send again.
    #[test]
    fn messages_are_for_replicas_only() {
        let aof = |calls: &[(&[&[u8]], Say)]| {
            let (mut unit, mut out) = (unit_of(calls), vec![]);
            unit.feed_aof(&mut out);
            shown(&out)
        };
        let publish = (PUBLISH, Effects::force_to_replicas as Say);
        assert_eq!(aof(&[publish]), "");
        assert_eq!(aof(&[publish, publish]), "");
        let mixed = aof(&[publish, (SET, PLAIN), publish]);
        assert_eq!(mixed, "*1 $5 MULTI *2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v *1 $4 EXEC ");
        assert!(told(&[publish]).ends_with("*3 $7 PUBLISH $1 c $1 m "));
    }

    /// CONFIG SET appendfsync in a transaction flushes in its middle.
    #[test]
    fn a_unit_under_way_is_told_when_it_has_ended() {
        let mut unit = unit_of(&[(SET, PLAIN)]);
        unit.set_readers(Readers { aof: true, replicas: false });
        unit.gather(DbIndex(0), Query::of(SET).args(), &mut Effects::default());
        let mut out = vec![];
        unit.feed_aof(&mut out);
        unit.clear_feed();
        unit.gather(DbIndex(0), Query::of(&[b"DEL", b"x"]).args(), &mut Effects::default());
        unit.finish();
        unit.feed_aof(&mut out);
        let want = "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v \
                    *1 $5 MULTI *3 $3 SET $1 k $1 v *2 $3 DEL $1 x *1 $4 EXEC ";
        assert_eq!(shown(&out), want);
    }

    /// A unit of which the AOF sees nothing must not take the change of the database with it.
    #[test]
    fn a_skipped_selection_is_repeated() {
        let mut unit = unit_of(&[(PUBLISH, Effects::force_to_replicas)]);
        gather(&mut unit, &[(SET, PLAIN)]);
        let mut out = vec![];
        unit.feed_aof(&mut out);
        assert_eq!(shown(&out), "*2 $6 SELECT $1 0 *3 $3 SET $1 k $1 v ");
    }

    /// While a script runs, others may be served, whose units must not get into the middle of its own.
    #[test]
    fn what_was_undone_is_not_told() {
        for before in 0..3 {
            let mut unit = Unit::default();
            unit.listen();
            let line: &[&[u8]] = &[b"SET", b"k", b"before"];
            let told = |unit: &mut Unit| String::from_utf8(unit.take_feed()).expect("text");
            for _ in 0..before {
                unit.add(DbIndex(0), line);
            }
            let mark = unit.mark();
            for _ in 0..3 {
                unit.add(DbIndex(1), &[b"SET", b"k", b"undone"]);
            }
            let aside = unit.set_aside();
            unit.resume(aside);
            unit.forget_since(mark);
            unit.finish();
            let feed = told(&mut unit);
            assert!(!feed.contains("undone"), "{feed}");
            assert_eq!(feed.matches("before").count(), before);
            assert_eq!(feed.contains("MULTI"), before > 1, "{feed}");
            assert_eq!(feed.contains("EXEC"), before > 1, "{feed}");
        }
    }

    #[test]
    fn a_unit_set_aside_stays_whole() {
        let mut unit = Unit::default();
        unit.listen();
        let del: &[&[u8]] = &[b"DEL", b"x"];
        unit.gather(DbIndex(1), Query::of(SET).args(), &mut Effects::default());
        unit.gather(DbIndex(1), Query::of(del).args(), &mut Effects::default());
        let aside = unit.set_aside();
        gather(&mut unit, &[(PUBLISH, Effects::force_to_replicas), (del, PLAIN)]);
        unit.resume(aside);
        unit.gather(DbIndex(2), Query::of(del).args(), &mut Effects::default());
        unit.finish();
        let mut out = vec![];
        unit.feed_aof(&mut out);
        let want = "*1 $5 MULTI *2 $6 SELECT $1 0 *2 $3 DEL $1 x *1 $4 EXEC \
                    *2 $6 SELECT $1 1 *1 $5 MULTI *2 $6 SELECT $1 1 *3 $3 SET $1 k $1 v *2 $3 DEL $1 x \
                    *2 $6 SELECT $1 2 *2 $3 DEL $1 x *1 $4 EXEC ";
        assert_eq!(shown(&out), want);
    }
}
