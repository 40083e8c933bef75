//! How many values of which size there are: INFO keysizes.
//!
//! Each database keeps one count for every type and every power of two, of bytes in strings and of
//! elements in all other values but streams:
//!
//! ```text
//!   db0_distrib_strings_sizes:0=2,1=1,2=3,512=1,1K=4        a label is the smallest size that it counts
//!
//!   size     0   1   2..3   4..7   8..15   ...
//!   column   0   1    2      3       4     ...               the bits that the size takes
//! ```
//!
//! A value changes its size in few places: where entries come and go ([`super::db::Db`]), where a
//! string is written over (`Selected::set`, `strings`), and at the end of an [`super::Edit`]. Each
//! compares the [`Bin`] before with the one after, and only if they differ is a count touched.
//! [`super::db::Db::check_sizes`] counts anew, and debug builds ask it after every command.

use super::entry::{Boxed, EntryRef, Kind, ObjectFn, Type};
use crate::types::View;
use crate::types::text::Text;

/// The types in the order of INFO, and what their lines are called.
pub const ROWS: [(Type, &str); 5] = [
    (Type::String, "strings_sizes"),
    (Type::List, "lists_items"),
    (Type::Set, "sets_items"),
    (Type::Zset, "zsets_items"),
    (Type::Hash, "hashes_items"),
];

/// Columns of a row: nothing is as large as the last one begins.
const COLUMNS: usize = 48;

const CELLS: usize = ROWS.len() * COLUMNS + 1;

const _: () = assert!(CELLS <= u8::MAX as usize + 1);

/// Where a value is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin(u8);

impl Bin {
    /// Where it does not matter what is counted: streams, and what is not there.
    pub const NONE: Bin = Bin((CELLS - 1) as u8);

    #[inline]
    fn of(kind: Kind, size: usize) -> Bin {
        let row = match kind {
            Kind::Short | Kind::Int | Kind::Long => 0,
            Kind::List | Kind::PackedList => 1,
            Kind::Set | Kind::PackedSet | Kind::PackedInts => 2,
            Kind::Zset | Kind::PackedZset => 3,
            Kind::Hash | Kind::PackedHash | Kind::PackedHashTtl => 4,
            Kind::Stream => return Bin::NONE,
        };
        let column = (usize::BITS - size.leading_zeros()) as usize;
        Bin((row * COLUMNS + column.min(COLUMNS - 1)) as u8)
    }

    /// That of an integer kept as such. Its text is counted without being made.
    #[inline]
    pub fn of_integer(number: i64) -> Bin {
        let is_negative = number < 0;
        // The smallest numbers whose texts have 2, 4, 8 and 16 bytes.
        let steps: [u64; 4] =
            if is_negative { [1, 100, 1_000_000, 100_000_000_000_000] } else { STEPS };
        let magnitude = number.unsigned_abs();
        let passed = steps.iter().filter(|step| magnitude >= **step).count();
        Bin(1 + passed as u8)
    }

    /// That of an object.
    #[inline]
    pub fn of_object<T: Boxed>(view: T::View<'_>) -> Bin {
        // A stream's length is of no interest.
        if T::KIND == Kind::Stream { Bin::NONE } else { Bin::of(T::KIND, view.len()) }
    }
}

const STEPS: [u64; 4] = [10, 1000, 10_000_000, 1_000_000_000_000_000];

impl EntryRef<'_> {
    /// Where the entry is counted.
    #[inline]
    pub fn bin(self) -> Bin {
        match self.text() {
            Some(Text::Int(number)) => Bin::of_integer(number),
            Some(text) => Bin::of(Kind::Short, text.len()),
            None if self.kind() == Kind::Stream => Bin::NONE,
            None => Bin::of(self.kind(), self.object(LenOf).unwrap_or(0)),
        }
    }
}

/// [`View::len`] as an [`ObjectFn`].
struct LenOf;

impl ObjectFn<usize> for LenOf {
    fn call<V: View>(self, view: V) -> usize {
        view.len()
    }
}

/// The counts of a database; none until there is a first value.
#[derive(Debug, Default)]
pub struct Sizes(Option<Box<[u64; CELLS]>>);

impl Sizes {
    /// A value is not counted there any more, but here.
    #[inline]
    pub fn change(&mut self, from: Bin, to: Bin) {
        if from != to {
            self.carry(from, to);
        }
    }

    fn carry(&mut self, from: Bin, to: Bin) {
        let cells = self.0.get_or_insert_with(|| Box::new([0; CELLS]));
        // Of what is no matter more may go than has come.
        let (from, to) = (usize::from(from.0), usize::from(to.0));
        cells[from] = cells[from].wrapping_sub(1);
        cells[to] = cells[to].wrapping_add(1);
    }

    /// The counts of a row that are not zero, each with the smallest size it counts.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u64, u64)> {
        let cells = self.0.as_ref().map_or(&[][..], |cells| &cells[row * COLUMNS..][..COLUMNS]);
        let counts = cells.iter().copied().enumerate().filter(|(_, count)| *count > 0);
        counts.map(|(column, count)| (if column == 0 { 0 } else { 1 << (column - 1) }, count))
    }

    /// True if both count the same.
    pub fn agrees(&self, other: &Sizes) -> bool {
        (0..ROWS.len()).all(|row| self.row(row).eq(other.row(row)))
    }
}

/// A size as its label shows it.
pub fn label(size: u64) -> String {
    let units = [(60, "E"), (50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K")];
    match units.iter().find(|(bits, _)| size >> bits > 0) {
        Some((bits, unit)) => format!("{}{unit}", size >> bits),
        None => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::len_i64;
    use crate::server::testing::TestServer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_are_counted_by_their_text(number: i64, bits in 0..64u32) {
            for number in [number, number >> bits, -(number >> bits).saturating_abs()] {
                prop_assert_eq!(Bin::of_integer(number), Bin::of(Kind::Short, len_i64(number)));
            }
        }
    }

    #[test]
    fn integers_around_the_steps() {
        for digits in 0..19 {
            let step = 10i64.pow(digits);
            for number in [step - 1, step, step + 1, i64::MAX, i64::MIN] {
                for number in [number, number.wrapping_neg()] {
                    let want = Bin::of(Kind::Short, len_i64(number));
                    assert_eq!(Bin::of_integer(number), want, "{number}");
                }
            }
        }
    }

    #[test]
    fn labels_have_units() {
        let sizes = [0, 1, 2, 512, 1 << 10, 1 << 19, 1 << 20, 1 << 39, 1 << 41];
        let shown = sizes.map(label);
        assert_eq!(shown, ["0", "1", "2", "512", "1K", "512K", "1M", "512G", "2T"]);
    }

    /// The lines under the heading.
    fn shown(t: &mut TestServer) -> String {
        let text = t.run("INFO keysizes");
        let body = text.split_once("# Keysizes\r\n").expect("the heading").1;
        body.trim_end().replace("\r\n", " ").replace("_distrib_", " ")
    }

    #[test]
    fn info_tells_sizes() {
        // The heading stood there alone.
        let mut t = TestServer::new();
        assert_eq!(shown(&mut t), "");
        for line in ["SET a 1", "SET b \"\"", "SET c -12", "RPUSH l 1 2 3", "HSET h f v"] {
            t.run(line);
        }
        t.run(&format!("SETRANGE long {} x", 2000));
        t.run("XADD stream * a b");
        let db0 = "db0 strings_sizes:0=1,1=1,2=1,1K=1 db0 lists_items:2=1 db0 hashes_items:1=1";
        assert_eq!(shown(&mut t), db0);
        t.run("SELECT 3");
        t.run("SADD s 1 2 3 4 x");
        t.run("ZADD z 1 a");
        assert_eq!(shown(&mut t), format!("{db0} db3 sets_items:4=1 db3 zsets_items:1=1"));
        t.run("SWAPDB 0 3");
        let db3 = db0.replace("db0", "db3");
        assert_eq!(shown(&mut t), format!("db0 sets_items:4=1 db0 zsets_items:1=1 {db3}"));
        t.run("FLUSHALL ASYNC");
        assert_eq!(shown(&mut t), "");
    }

    /// Debug builds count anew after each command; here are those that change sizes in some way of
    /// their own.
    #[test]
    fn every_way_to_change_a_size_is_counted() {
        let mut t = TestServer::new();
        t.srv.conf.security.enable_debug_command = crate::config::Guard::Yes;
        let big = "x".repeat(600);
        for line in [
            "SET n 9",
            "INCR n",
            "DECRBY n 111",
            "APPEND n abcdef",
            "SETRANGE n 600 x",
            "SETBIT bits 9000 1",
            "PFADD hll a b c",
            "GETSET n short",
            "GETDEL n",
            "MSET a 1 b 22 c 333",
            "RENAME a b",
            "COPY b d",
            "MOVE d 2",
            "SETEX e 100 value",
            "RPUSH l a b c d",
            "LPOP l 2",
            "LINSERT l BEFORE d x",
            "LTRIM l 1 1",
            "LMOVE l m LEFT RIGHT",
            "SADD s 1 2 3",
            "SADD s x",
            "SPOP s 2",
            "SMOVE s s2 x",
            "SORT m STORE m2",
            "HSET h a 1 b 2 c 3",
            "HDEL h a",
            "HINCRBY h n 1",
            "HPEXPIRE h 5 FIELDS 1 b",
            "HSETEX h PX 1 FIELDS 2 q 1 r 2",
            "ZADD z 1 a 2 b 3 c",
            "ZPOPMIN z",
            "ZREM z c",
            "ZUNIONSTORE zz 2 z s",
            "EXPIRE l 100",
            "PERSIST e",
            "SET s string",
            "SET h 1 KEEPTTL",
            "XADD st * a b",
            "GEOADD geo 1 2 a",
            "SINTERSTORE none s3 s4",
            "BITOP NOT bb bits",
            "LPUSH m x y z",
            "DEL m",
            "SELECT 2",
            "FLUSHDB ASYNC",
            "SELECT 0",
        ] {
            t.run(line);
        }
        t.run(&format!("SET long {big}"));
        t.run(&format!("APPEND long {big}"));
        t.run(&format!("RPUSH l {big} {big}"));
        t.run(&format!("HSET wide a {big} b {big}"));
        t.run("LREM l 0 x");
        t.advance(std::time::Duration::from_millis(50));
        t.run("HLEN h");
        t.run("DEBUG RELOAD");
        t.run("PEXPIRE l 1");
        t.run("PEXPIRE wide 1");
        t.advance(std::time::Duration::from_millis(50));
        t.run("EVAL \"redis.call('rpush',KEYS[1],'a','b') redis.call('lpop',KEYS[1])\" 1 fresh");
        assert_eq!(t.run("DEBUG KEYSIZES-HIST-ASSERT 1"), "+OK\r\n");
        t.run("FLUSHALL");
        assert_eq!(t.run("DEBUG KEYSIZES-HIST-ASSERT x").as_bytes()[0], b'-');
    }
}
