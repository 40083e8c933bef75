//! SORT and SORT_RO: the elements of a list, set or sorted set in order, by what they are or by
//! what other keys say.
//!
//! ```text
//!   elements ──► weights ──► order ──► window ──► answers
//!   copied       of BY       numbers   LIMIT      elements, or what GET finds
//!   into one     keys        or bytes
//!   arena
//! ```
//!
//! BY without a `*` means the order in which the value has its elements; then only the window is
//! taken. Keys made from patterns are looked at without any effect on them. An element of a list
//! may be compressed and thus visible for a moment only, so the elements go into one arena, which
//! costs one copy and no allocation each.

use std::cmp::Ordering;
use std::ops::Range;

use super::args::integer;
use super::key_spec::key_flag::{ACCESS, UPDATE};
use super::{
    Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, Origin, category, flag, getkeys,
    special, string,
};
use crate::base::text::parse_f64;
use crate::keyspace::{Event, Selected, Ttl, Type, Value};
use crate::types::View;
use crate::types::hash::Hash;
use crate::types::list::{End, List};
use crate::types::set::Set;
use crate::types::text::Text;
use crate::types::zset::Zset;

const KEY: Arg = Arg::key("key");
const BY: Arg = Arg::pattern("by-pattern").token("BY").display("pattern").spec(1).optional();
const LIMIT: Arg =
    Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional();
const GET: Arg = Arg::pattern("get-pattern")
    .token("GET")
    .display("pattern")
    .spec(1)
    .optional()
    .multiple()
    .multiple_token();
const ORDER: Arg =
    Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")])
        .optional();
const SORTING: Arg = Arg::pure_token("sorting", "ALPHA").optional();
const COMPLEXITY: &str =
    "O(N+M*log(M)) for N elements of which M are answered; O(N) where they are not sorted.";

pub static SORT: Command = Command::data("sort", sort)
    .arity(-2)
    .special(special::READS_OTHERS)
    .flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS)
    .categories(category::SET | category::SORTEDSET | category::LIST | category::DANGEROUS)
    .group(Group::Generic)
    .since("1.0.0")
    .summary("Answers or stores the elements of a list, set or sorted set in order.")
    .complexity(COMPLEXITY)
    .keys(&[
        KeySpec::at(1).ro(ACCESS),
        KeySpec::unknown().ro(ACCESS),
        KeySpec::unknown().ow(UPDATE),
    ])
    .find_keys(getkeys::sort)
    .args(&[
        KEY,
        BY,
        LIMIT,
        GET,
        ORDER,
        SORTING,
        Arg::key("destination").token("STORE").spec(2).optional(),
    ]);

pub static SORT_RO: Command = Command::data("sort_ro", sort)
    .arity(-2)
    .special(special::READS_OTHERS)
    .flags(flag::READONLY | flag::MOVABLEKEYS)
    .categories(category::SET | category::SORTEDSET | category::LIST | category::DANGEROUS)
    .group(Group::Generic)
    .since("7.0.0")
    .summary("Answers the elements of a list, set or sorted set in order.")
    .complexity(COMPLEXITY)
    .keys(&[KeySpec::at(1).ro(ACCESS), KeySpec::unknown().ro(ACCESS)])
    .args(&[KEY, BY, LIMIT, GET, ORDER, SORTING]);

/// What the words of a call ask for.
struct Options<'a> {
    by: Option<Pattern<'a>>,
    /// The value's own order will do.
    unsorted: bool,
    gets: Vec<Get<'a>>,
    offset: i64,
    /// Negative: all.
    count: i64,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

/// A name with a hole for the element, and perhaps a field of a hash.
#[derive(Clone, Copy)]
struct Pattern<'a> {
    before: &'a [u8],
    after: &'a [u8],
    field: Option<&'a [u8]>,
}

enum Get<'a> {
    /// `#`
    Element,
    Named(Pattern<'a>),
    /// A pattern without a hole finds nothing.
    Nothing,
}

impl<'a> Options<'a> {
    fn parse(cx: &Cx<'a>) -> Result<Self, CmdError> {
        let (args, mut at) = (cx.args, 2);
        let mut options = Options {
            by: None,
            unsorted: false,
            gets: Vec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            store: None,
        };
        while at < args.len() {
            let next = args.get(at + 1);
            at += match next {
                _ if args.is(at, "ASC") => {
                    options.descending = false;
                    1
                }
                _ if args.is(at, "DESC") => {
                    options.descending = true;
                    1
                }
                _ if args.is(at, "ALPHA") => {
                    options.alpha = true;
                    1
                }
                Some(offset) if args.is(at, "LIMIT") && at + 2 < args.len() => {
                    options.offset = integer(offset)?;
                    options.count = integer(args.at(at + 2))?;
                    3
                }
                Some(target) if args.is(at, "STORE") && cx.cmd.has(flag::WRITE) => {
                    options.store = Some(target);
                    2
                }
                Some(pattern) if args.is(at, "BY") => {
                    options.by = Pattern::parse(pattern);
                    options.unsorted |= options.by.is_none();
                    2
                }
                Some(pattern) if args.is(at, "GET") => {
                    options.gets.push(Get::parse(pattern));
                    2
                }
                _ => return Err(CmdError::SYNTAX),
            }
        }
        Ok(options)
    }

    /// The part of `len` elements that is asked for.
    fn window(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let end = match usize::try_from(self.count) {
            Ok(count) => start.saturating_add(count).min(len),
            Err(_) => len,
        };
        start..end
    }
}

impl<'a> Pattern<'a> {
    /// `None`: there is no hole in it.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let hole = memchr::memchr(b'*', text)?;
        let (before, after) = (&text[..hole], &text[hole + 1..]);
        let arrow = memchr::memmem::find(after, b"->").filter(|at| at + 2 < after.len());
        Some(match arrow {
            None => Pattern { before, after, field: None },
            Some(at) => Pattern { before, after: &after[..at], field: Some(&after[at + 2..]) },
        })
    }

    /// What stands under the name that an element makes of it. `name` is room for that name.
    fn find<'d>(
        self,
        db: &'d mut Selected<'_>,
        element: &[u8],
        name: &mut Vec<u8>,
    ) -> Option<Text<'d>> {
        name.clear();
        name.extend_from_slice(self.before);
        name.extend_from_slice(element);
        name.extend_from_slice(self.after);
        let entry = db.entry(name)?;
        match self.field {
            None => entry.text(),
            Some(field) => Some(entry.of_type::<Hash>()?.find(field)?.value.into()),
        }
    }
}

impl<'a> Get<'a> {
    fn parse(text: &'a [u8]) -> Self {
        match Pattern::parse(text) {
            _ if text == b"#" => Get::Element,
            Some(pattern) => Get::Named(pattern),
            None => Get::Nothing,
        }
    }
}

/// The elements, one after the other in an arena.
#[derive(Default)]
struct Elements {
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Elements {
    fn push(&mut self, text: Text<'_>) {
        let start = self.bytes.len();
        match text {
            Text::Int(number) => crate::base::text::write_i64(&mut self.bytes, number),
            Text::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            Text::Big(bytes) => self.bytes.extend_from_slice(bytes),
        }
        self.ranges.push(start..self.bytes.len());
    }

    fn at(&self, index: usize) -> &[u8] {
        &self.bytes[self.ranges[index].clone()]
    }

    fn len(&self) -> usize {
        self.ranges.len()
    }
}

fn sort(cx: &mut Cx<'_>) -> CmdResult {
    let mut options = Options::parse(cx)?;
    let (elements, window) = gather(cx, &mut options)?;
    let order = arrange(&mut cx.db, &options, &elements, window.end)?;
    let order = &order[window];
    match options.store {
        None => answer(cx, &options, &elements, order),
        Some(target) => store(cx, &options, (&elements, order), target),
    }
    Ok(Done)
}

/// Copies the elements that can be in the answer, and says which of them are in it once they are in
/// order.
fn gather(
    cx: &mut Cx<'_>,
    options: &mut Options<'_>,
) -> Result<(Elements, Range<usize>), CmdError> {
    let mut elements = Elements::default();
    let in_script = cx.origin == Origin::Script;
    let Some(entry) = cx.db.entry(cx.args.at(1)) else { return Ok((elements, 0..0)) };
    if let Some(list) = entry.of_type::<List>() {
        let taken = options.taken(list.len());
        elements.ranges.reserve_exact(taken.len());
        list.visit(taken.start, taken.len(), |piece| elements.push(piece.into()));
    } else if let Some(set) = entry.of_type::<Set>() {
        // The order of a set is an accident, which must not get into a stored list, nor decide what
        // a script does.
        if options.unsorted && (options.store.is_some() || in_script) {
            (options.unsorted, options.alpha, options.by) = (false, true, None);
        }
        let window = if options.unsorted { options.window(set.len()) } else { 0..set.len() };
        let members = set.members().skip(window.start).take(window.len());
        members.for_each(|member| elements.push(member.into()));
    } else if let Some(zset) = entry.of_type::<Zset>() {
        let taken = options.taken(zset.len());
        zset.range(taken, false).for_each(|(member, _)| elements.push(member.into()));
    } else {
        return Err(CmdError::WRONG_TYPE);
    }
    let window = if options.unsorted { 0..elements.len() } else { options.window(elements.len()) };
    if options.unsorted && options.descending && entry.value_type() != Type::Set {
        elements.ranges.reverse();
    }
    Ok((elements, window))
}

impl Options<'_> {
    /// Which elements of a value with an order of its own have to be looked at.
    fn taken(&self, len: usize) -> Range<usize> {
        let window = self.window(len);
        match (self.unsorted, self.descending) {
            (false, _) => 0..len,
            (true, false) => window,
            (true, true) => len - window.end..len - window.start,
        }
    }
}

/// The order of the elements, as indexes: of the first so many of them.
fn arrange(
    db: &mut Selected<'_>,
    options: &Options<'_>,
    elements: &Elements,
    first: usize,
) -> Result<Vec<u32>, CmdError> {
    let mut order = Order {
        indexes: (0..elements.len() as u32).collect(),
        first,
        descending: options.descending,
    };
    let mut name = Vec::new();
    if options.unsorted {
        return Ok(order.indexes);
    }
    if !options.alpha {
        // Compat: all weights are looked up, and count, even if one of them is no number.
        let scores: Vec<_> = (0..elements.len())
            .map(|index| match options.by {
                None => score(elements.at(index)),
                Some(by) => match by.find(db, elements.at(index), &mut name) {
                    None => Ok(0.0),
                    Some(text) => score(text.bytes(&mut Vec::new())),
                },
            })
            .collect();
        let scores = scores.into_iter().collect::<Result<Vec<_>, _>>()?;
        order.sort(|a, b| {
            let by_score = scores[a].partial_cmp(&scores[b]).unwrap_or(Ordering::Equal);
            by_score.then_with(|| elements.at(a).cmp(elements.at(b)))
        });
    } else if let Some(by) = options.by {
        let weights: Vec<Option<Vec<u8>>> = (0..elements.len())
            .map(|index| by.find(db, elements.at(index), &mut name).map(Text::to_vec))
            .collect();
        order.sort(|a, b| weights[a].cmp(&weights[b]));
    } else {
        order.sort(|a, b| elements.at(a).cmp(elements.at(b)));
    }
    Ok(order.indexes)
}

/// Indexes to be put in order.
struct Order {
    indexes: Vec<u32>,
    /// So many are wanted.
    first: usize,
    descending: bool,
}

impl Order {
    /// Puts the first ones in order. Equal ones stay as they stood, either way.
    fn sort(&mut self, compare: impl Fn(usize, usize) -> Ordering) {
        let by = |a: &u32, b: &u32| {
            let (left, right) = (*a as usize, *b as usize);
            let order = if self.descending { compare(right, left) } else { compare(left, right) };
            order.then(a.cmp(b))
        };
        let mut wanted = &mut self.indexes[..];
        if self.first < wanted.len() {
            wanted = wanted.select_nth_unstable_by(self.first, by).0;
        }
        wanted.sort_unstable_by(by);
    }
}

/// The number that a text is, as scores of sorted sets are read: hexadecimal ones, too, and none
/// that are too large or too small. Compat: the empty text is zero. Redis 8.2 alone reads them
/// otherwise.
fn score(text: &[u8]) -> Result<f64, CmdError> {
    let number = if text.is_empty() { Some(0.0) } else { parse_f64(text) };
    number.ok_or(CmdError::SORT_SCORE)
}

/// Shows one element as GET wants it, part by part: `None` for what is not there.
fn each_part(
    db: &mut Selected<'_>,
    gets: &[Get<'_>],
    element: &[u8],
    mut show: impl FnMut(Option<Text<'_>>),
) {
    let mut name = Vec::new();
    if gets.is_empty() {
        show(Some(Text::Bytes(element)));
    }
    for get in gets {
        match get {
            Get::Element => show(Some(Text::Bytes(element))),
            Get::Named(pattern) => show(pattern.find(db, element, &mut name)),
            Get::Nothing => show(None),
        }
    }
}

fn answer(cx: &mut Cx<'_>, options: &Options<'_>, elements: &Elements, order: &[u32]) {
    let Cx { db, out, .. } = cx;
    out.array(order.len() * options.gets.len().max(1));
    for index in order {
        each_part(db, &options.gets, elements.at(*index as usize), |part| match part {
            Some(text) => string::reply(out, text),
            None => out.null(),
        });
    }
}

fn store(cx: &mut Cx<'_>, options: &Options<'_>, found: (&Elements, &[u32]), target: &[u8]) {
    let ((elements, order), limits) = (found, cx.conf.list_rules());
    let mut result = Box::<List>::default();
    for index in order {
        each_part(&mut cx.db, &options.gets, elements.at(*index as usize), |part| {
            let text = part.unwrap_or(Text::Bytes(b""));
            let mut buffer = Vec::new();
            let bytes = text.bytes(&mut buffer);
            result.push(End::Back, crate::ds::listpack::Item::of(bytes).into(), limits);
        });
    }
    result.settle(limits);
    let count = result.len() as u64;
    if count > 0 {
        cx.db.set(target, Value::List(result), Ttl::Clear);
        cx.db.changed(target, Event::list("sortstore"), count);
    } else if cx.db.remove_target(target, cx.conf.lazyfree.server_del) {
        cx.db.changed(target, Event::generic("del"), 1);
    }
    cx.out.uint(count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::TestServer;

    #[test]
    fn a_pattern_has_a_hole_and_perhaps_a_field() {
        let parts = |text: &'static str| {
            Pattern::parse(text.as_bytes()).map(|p| (p.before, p.after, p.field))
        };
        assert_eq!(parts("nosort"), None);
        assert_eq!(parts("w_*"), Some((&b"w_"[..], &b""[..], None)));
        assert_eq!(parts("h_*x->f"), Some((&b"h_"[..], &b"x"[..], Some(&b"f"[..]))));
        assert_eq!(parts("h_*->"), Some((&b"h_"[..], &b"->"[..], None)));
        assert_eq!(parts("a->*->b->c"), Some((&b"a->"[..], &b""[..], Some(&b"b->c"[..]))));
        assert_eq!(parts("**"), Some((&b""[..], &b"*"[..], None)));
    }

    #[test]
    fn scores_are_read_as_the_reference_reads_them() {
        // Hexadecimal numbers were refused, and what overflows was infinite: mended in Redis 8.10.
        for (text, number) in [
            ("", 0.0),
            ("+5", 5.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x10", 16.0),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(score(text.as_bytes()), Ok(number), "{text}");
        }
        for text in [" 1", "1 ", "nan", "1e", "1a", ".", "1e400", "1e-400", "1\0"] {
            assert_eq!(score(text.as_bytes()), Err(CmdError::SORT_SCORE), "{text}");
        }
    }

    /// A window is found without sorting everything; it must be the same part of the same order.
    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let mut t = TestServer::new();
        let words: Vec<_> =
            (0..300u32).map(|i| (i.wrapping_mul(2_654_435_761) % 97).to_string()).collect();
        t.run(&format!("RPUSH l {}", words.join(" ")));
        let elements = |reply: String| -> Vec<String> {
            reply.split("\r\n").filter(|w| !w.starts_with(['*', '$'])).map(str::to_owned).collect()
        };
        for options in
            ["", "DESC", "ALPHA", "ALPHA DESC", "BY nosort", "BY nosort DESC", "BY w_* ALPHA DESC"]
        {
            let whole = elements(t.run(&format!("SORT l {options}")));
            for (offset, count) in [(0, 1), (0, 10), (7, 3), (150, 100), (290, 50), (299, 1)] {
                let part = elements(t.run(&format!("SORT l {options} LIMIT {offset} {count}")));
                let end = (offset + count).min(300);
                assert_eq!(
                    part[..part.len() - 1],
                    whole[offset..end],
                    "{options} {offset} {count}"
                );
            }
        }
    }

    #[test]
    fn a_result_replaces_what_was_there_and_an_empty_one_removes_it() {
        let mut t = TestServer::new();
        t.run("RPUSH l 3 1 2");
        t.run("SET d x");
        t.propagated();
        assert_eq!(t.run("SORT l STORE d"), ":3\r\n");
        assert_eq!(t.propagated(), ["SORT l STORE d"]);
        assert_eq!(t.run("LINDEX d 0"), "$1\r\n1\r\n");
        assert_eq!(t.run("SORT l LIMIT 5 5 STORE d"), ":0\r\n");
        assert_eq!(t.propagated(), ["SORT l LIMIT 5 5 STORE d"]);
        assert_eq!(t.run("EXISTS d"), ":0\r\n");
        t.run("SORT l LIMIT 5 5 STORE d");
        assert_eq!(t.propagated(), [""; 0]);
        assert_eq!(t.run("SORT l STORE l"), ":3\r\n");
        assert_eq!(t.run("LINDEX l 0"), "$1\r\n1\r\n");
    }
}
