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
//!                         ^ start of the unit                 └── hidden from the AOF
//! ```
//!
//! What is not for both readers stays in the feed and is marked as hidden from one of them: messages from the AOF, and
//! from either what a script has said `redis.set_repl` for.
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
    /// Who is not told.
    hidden_from: Readers,
    /// It sends a message.
    is_message: bool,
    /// Its client hears what happens to its own cache before the answer.
    answers_last: bool,
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
        self.is_message = true;
        self.hide_from(Readers { aof: true, replicas: false });
    }

    /// Tell the client of its own cache first, then `+OK`; elsewhere the answer comes first.
    pub fn answer_last(&mut self) {
        (self.said, self.answers_last) = (true, true);
    }

    #[inline]
    pub fn answers_last(&self) -> bool {
        self.answers_last
    }

    /// Do not tell these.
    pub fn hide_from(&mut self, readers: Readers) {
        self.said = true;
        self.hidden_from.aof |= readers.aof;
        self.hidden_from.replicas |= readers.replicas;
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
            (self.said, self.replaced, self.forced) = Default::default();
            (self.hidden_from, self.is_message, self.answers_last) = Default::default();
        }
    }
}

/// Who reads the feed, or some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    pub aof: bool,
    pub replicas: bool,
}

impl Readers {
    pub const NONE: Readers = Readers { aof: false, replicas: false };

    #[inline]
    pub fn is_any(self) -> bool {
        self.aof || self.replicas
    }

    fn but(self, others: Readers) -> Readers {
        Readers { aof: self.aof && !others.aof, replicas: self.replicas && !others.replicas }
    }
}

/// Bytes of the feed that are not for everybody.
#[derive(Clone, Debug)]
struct Hidden {
    range: Range<usize>,
    from: Readers,
}

impl Hidden {
    fn moved(&self, place: impl Fn(usize) -> usize) -> Hidden {
        Hidden { range: place(self.range.start)..place(self.range.end), from: self.from }
    }
}

/// Effects of a unit that each reader is told of.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    aof: u32,
    replicas: u32,
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// A place within a unit, see [`Unit::forget_since`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// From the unit's start in the feed.
    bytes: usize,
    effects: u32,
    kept: Kept,
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
    /// Parts of the feed that are not for all readers, in order; those of one reader do not overlap.
    hidden: Vec<Hidden>,
    /// Where the unit under way begins in the feed, and its effects so far.
    start: usize,
    /// Bytes in front of it that say in which database it goes on, after others were served in its middle.
    lead: usize,
    effects: u32,
    /// The database of the first of them.
    first_db: DbIndex,
    kept: Kept,
    /// The database the readers stand in.
    feed_db: Option<DbIndex>,
    /// What was told since a part of the unit may be forgotten, and stands.
    standing: Option<Vec<Standing>>,
    /// See [`Unit::told`].
    told: i64,
}

/// An effect that stands even if the unit is undone: a deletion by the server itself, or a message, which others here have
/// had already.
#[derive(Debug)]
struct Standing {
    db: DbIndex,
    line: Vec<u8>,
    hidden_from: Readers,
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
        self.listening = readers.is_any();
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
        if !self.readers.but(fx.hidden_from).is_any() {
            return;
        }
        if !fx.replaced {
            self.begin_effect(db);
            let from = self.feed.len();
            self.write_call(args);
            if fx.is_message {
                self.note_standing(db, from, fx.hidden_from);
            }
            self.hide(from, fx.hidden_from);
        }
        for line in fx.instead.iter().chain(fx.also.iter()) {
            self.begin_effect(db);
            let from = self.feed.len();
            self.feed.extend_from_slice(line);
            self.hide(from, fx.hidden_from);
        }
    }

    /// The effect that was written last is not for these.
    fn hide(&mut self, start: usize, from: Readers) {
        if from.is_any() {
            self.hidden.push(Hidden { range: start..self.feed.len(), from });
            self.kept.aof -= u32::from(from.aof);
            self.kept.replicas -= u32::from(from.replicas);
        }
    }

    /// Notes a command that the server itself has thought of.
    pub fn add(&mut self, db: DbIndex, line: &[&[u8]]) {
        if self.listening {
            self.begin_effect(db);
            let from = self.feed.len();
            line::write(&mut self.feed, line);
            self.note_standing(db, from, Readers::NONE);
        }
    }

    /// Remembers an effect that stands, if that may be needed.
    fn note_standing(&mut self, db: DbIndex, start: usize, hidden_from: Readers) {
        if let Some(standing) = &mut self.standing {
            standing.push(Standing { db, line: self.feed[start..].to_vec(), hidden_from });
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
        self.kept.aof += 1;
        self.kept.replicas += 1;
        if self.feed_db != Some(db) {
            self.enter(db);
        }
    }

    /// Puts MULTI before the effect that was thought to be the only one.
    fn wrap(&mut self) {
        self.feed.splice(self.start..self.start, MULTI.iter().copied());
        for part in self.hidden.iter_mut().rev().take_while(|part| part.range.start >= self.start) {
            *part = part.moved(|at| at + MULTI.len());
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
        if self.kept.aof > 0 {
            self.told += i64::from(self.kept.aof) + if self.effects > 1 { 2 } else { 0 };
        }
        let from = Readers { aof: self.kept.aof == 0, replicas: self.kept.replicas == 0 };
        if from.is_any() {
            self.hide_whole(from);
        }
        (self.effects, self.kept, self.lead) = (0, Kept::default(), 0);
    }

    /// Nothing of the unit is for these readers, who must not miss a change of the database either.
    fn hide_whole(&mut self, from: Readers) {
        let at = self.hidden.partition_point(|part| part.range.start < self.start);
        for part in &mut self.hidden[at..] {
            part.from = part.from.but(from);
        }
        self.hidden.retain(|part| part.from.is_any());
        self.hidden.insert(at, Hidden { range: self.start..self.feed.len(), from });
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

    /// Appends the part of the feed that is for replicas.
    pub fn feed_replicas(&self, out: &mut Vec<u8>) {
        self.feed_to(out, |hidden_from| hidden_from.replicas);
    }

    /// Appends the part of the feed that is for the AOF. If the AOF is its only reader and `out` is empty, the two change
    /// places instead.
    pub fn feed_aof(&mut self, out: &mut Vec<u8>) {
        let is_between = self.effects == 0;
        if self.hidden.is_empty() && out.is_empty() && !self.readers.replicas && is_between {
            std::mem::swap(out, &mut self.feed);
            return;
        }
        self.feed_to(out, |hidden_from| hidden_from.aof);
    }

    fn feed_to(&self, out: &mut Vec<u8>, is_hidden: impl Fn(Readers) -> bool) {
        let (mut from, end) = (0, self.end());
        let told = self.hidden.iter().take_while(|part| part.range.start < end);
        for part in told.filter(|part| is_hidden(part.from)) {
            out.extend_from_slice(&self.feed[from..part.range.start]);
            from = part.range.end;
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
        self.hidden.clear();
    }

    /// How far the unit under way has come: what calls tell from now on may be forgotten.
    pub fn mark(&mut self) -> Mark {
        self.standing = Some(Vec::new());
        let bytes = if self.effects == 0 { 0 } else { self.feed.len() - self.start };
        Mark { bytes, effects: self.effects, kept: self.kept }
    }

    /// Nothing that was told will be forgotten.
    pub fn keep_all(&mut self) {
        self.standing = None;
    }

    /// Forgets what calls of the unit have told since then: it was undone. Deletions of expired keys and messages
    /// stand.
    pub fn forget_since(&mut self, mark: Mark) {
        let standing = self.standing.take().unwrap_or_default();
        self.cut_to(mark);
        for Standing { db, line, hidden_from } in standing {
            self.begin_effect(db);
            let from = self.feed.len();
            self.feed.extend_from_slice(&line);
            self.hide(from, hidden_from);
        }
    }

    fn cut_to(&mut self, mark: Mark) {
        if self.effects == mark.effects {
            return;
        }
        let start = self.start;
        if mark.effects == 1 {
            // What was wrapped for the sake of the others is alone again.
            self.feed.drain(start..start + MULTI.len());
            for part in self.hidden.iter_mut().rev().take_while(|part| part.range.start >= start) {
                *part = part.moved(|at| at - MULTI.len());
            }
        }
        let end = start + mark.bytes;
        self.feed.truncate(end);
        self.hidden.retain(|part| part.range.start < end);
        (self.effects, self.kept) = (mark.effects, mark.kept);
        if self.effects == 0 {
            self.drop_lead();
        }
        // The database may have been told with it.
        self.select_anew();
    }

    /// [`Unit::clear_feed`] in the middle of a unit, which stays.
    #[cold]
    fn cut_feed(&mut self) {
        let end = self.end();
        self.feed.drain(..end);
        self.hidden.retain(|part| part.range.start >= end);
        for part in &mut self.hidden {
            *part = part.moved(|at| at - end);
        }
        (self.start, self.lead) = (0, 0);
    }

    /// The unit does not go on here.
    fn drop_lead(&mut self) {
        self.feed.truncate(self.start - std::mem::take(&mut self.lead));
    }

    /// Forgets all that was told, of the unit under way, too: the readers have its state from elsewhere, or are no more.
    pub fn forget(&mut self) {
        (self.effects, self.kept, self.lead) = (0, Kept::default(), 0);
        self.clear_feed();
    }

    /// Lets other units run before this one ends.
    pub fn set_aside(&mut self) -> Aside {
        let (depth, standing) = (std::mem::take(&mut self.depth), self.standing.take());
        if self.effects == 0 {
            return Aside { depth, standing, told: None };
        }
        let start = self.start;
        let at = self.hidden.partition_point(|part| part.range.start < start);
        let hidden = self.hidden.split_off(at);
        let told = Told {
            bytes: self.feed.split_off(start),
            hidden: hidden.iter().map(|part| part.moved(|at| at - start)).collect(),
            effects: std::mem::take(&mut self.effects),
            kept: std::mem::take(&mut self.kept),
            first_db: self.first_db,
            feed_db: self.feed_db.take(),
        };
        self.drop_lead();
        Aside { depth, standing, told: Some(told) }
    }

    /// Goes on with it.
    pub fn resume(&mut self, aside: Aside) {
        (self.depth, self.standing) = (aside.depth, aside.standing);
        let Some(told) = aside.told else { return };
        // Where the readers stand now nobody knows.
        let from = self.feed.len();
        self.enter(told.first_db);
        self.start = self.feed.len();
        self.lead = self.start - from;
        let shift = self.start;
        self.feed.extend_from_slice(&told.bytes);
        self.hidden.extend(told.hidden.iter().map(|part| part.moved(|at| at + shift)));
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
    standing: Option<Vec<Standing>>,
    told: Option<Told>,
}

/// What it has told so far.
#[derive(Debug)]
struct Told {
    bytes: Vec<u8>,
    hidden: Vec<Hidden>,
    effects: u32,
    kept: Kept,
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

    /// `redis.set_repl` in a script: each reader is told its part of the unit, as a transaction.
    #[test]
    fn each_reader_is_told_what_is_for_it() {
        const AOF: Say = |fx| fx.hide_from(Readers { aof: false, replicas: true });
        const REPLICAS: Say = |fx| fx.hide_from(Readers { aof: true, replicas: false });
        const NOBODY: Say = |fx| fx.hide_from(Readers { aof: true, replicas: true });
        let both = |calls: &[(&[&[u8]], Say)]| {
            let (mut unit, mut aof, mut replicas) = (unit_of(calls), vec![], vec![]);
            gather(&mut unit, &[(&[b"GO"], PLAIN)]);
            unit.feed_aof(&mut aof);
            unit.feed_replicas(&mut replicas);
            [aof, replicas].map(|feed| {
                let text = shown(&feed);
                let words = text.split(' ').filter(|w| !w.starts_with(['*', '$']));
                words.collect::<Vec<_>>().join(" ").trim().to_owned()
            })
        };
        let (a, r): (&[&[u8]], &[&[u8]]) = (&[b"A"], &[b"R"]);
        assert_eq!(both(&[(a, AOF)]), ["SELECT 0 A SELECT 0 GO", "SELECT 0 GO"]);
        assert_eq!(both(&[(r, REPLICAS)]), ["SELECT 0 GO", "SELECT 0 R SELECT 0 GO"]);
        assert_eq!(both(&[(a, NOBODY)]), ["SELECT 0 GO", "SELECT 0 GO"]);
        let mixed = both(&[(a, AOF), (r, REPLICAS), (a, NOBODY), (SET, PLAIN), (a, AOF)]);
        let want = ["MULTI SELECT 0 A SET k v A EXEC GO", "MULTI SELECT 0 R SET k v EXEC GO"];
        assert_eq!(mixed, want);
        let apart = both(&[(a, AOF), (a, AOF), (a, NOBODY)]);
        assert_eq!(apart, ["MULTI SELECT 0 A A EXEC SELECT 0 GO", "SELECT 0 GO"]);
        let apart = both(&[(r, REPLICAS), (a, AOF)]);
        assert_eq!(apart, ["MULTI SELECT 0 A EXEC GO", "MULTI SELECT 0 R EXEC GO"]);
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
            let undone = Query::of(&[b"SET", b"k", b"undone"]);
            for _ in 0..3 {
                unit.gather(DbIndex(1), undone.args(), &mut Effects::default());
            }
            for _ in 0..3 {
                let aside = unit.set_aside();
                assert!(!unit.has_feed(), "nothing of it is told before it ends");
                unit.resume(aside);
            }
            unit.forget_since(mark);
            unit.finish();
            let feed = told(&mut unit);
            assert_eq!(feed.is_empty(), before == 0, "{feed}");
            assert!(!feed.contains("undone"), "{feed}");
            assert_eq!(feed.matches("before").count(), before);
            assert_eq!(feed.contains("MULTI"), before > 1, "{feed}");
            assert_eq!(feed.contains("EXEC"), before > 1, "{feed}");
        }
    }

    #[test]
    fn deletions_and_messages_stand() {
        let mut unit = Unit::default();
        unit.listen();
        let mark = unit.mark();
        unit.gather(DbIndex(1), Query::of(SET).args(), &mut Effects::default());
        unit.add(DbIndex(1), &[b"DEL", b"expired"]);
        let mut fx = Effects::default();
        fx.force_to_replicas();
        unit.gather(DbIndex(1), Query::of(PUBLISH).args(), &mut fx);
        let aside = unit.set_aside();
        unit.add(DbIndex(0), &[b"DEL", b"of-others"]);
        unit.finish();
        unit.resume(aside);
        unit.forget_since(mark);
        unit.finish();
        let (mut aof, mut replicas) = (vec![], vec![]);
        unit.feed_aof(&mut aof);
        unit.feed_replicas(&mut replicas);
        let want = "*2 $6 SELECT $1 0 *2 $3 DEL $9 of-others *1 $5 MULTI *2 $6 SELECT $1 1 *2 $3 DEL $7 expired ";
        assert_eq!(shown(&aof), format!("{want}*1 $4 EXEC "));
        let message = "*3 $7 PUBLISH $1 c $1 m *1 $4 EXEC ";
        assert_eq!(shown(&replicas), format!("{want}{message}"));
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
