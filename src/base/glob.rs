//! Glob patterns, as KEYS, SCAN, CONFIG GET, PSUBSCRIBE and the ACL rules understand them.
//!
//! The dialect is the reference's own, and clients rely on its corners:
//!
//! ```text
//!   *         any run of bytes, also an empty one
//!   ?         any one byte
//!   [abc]     one of these;  [^abc] none of these;  [a-z] a range, either end first
//!   \x        the byte x itself, also inside a class
//! ```
//!
//! * A class that is never closed ends with the pattern: `[ab` is `[ab]`, and a lone `[` matches no
//!   byte at all.
//! * A `]` closes a class wherever it stands, so `[]` matches nothing and `[^]` matches any byte.
//! * A backslash at the very end of a pattern stands for itself.
//! * An empty text is matched by the empty pattern only, not even by `*`. (KEYS and SCAN take a
//!   lone `*` to mean all.)
//! * In a range the bytes from 0x80 on lie before all others: `[a-\xff]` is `[\xff-a]`: `\xff`, and
//!   `\0` to `a`.
//! * A range needs three bytes (`a-z`); a `-` with nothing behind it is an ordinary member.
//!
//! Patterns come from clients, so cost matters as much as meaning. Trying every way to share a text
//! among several stars takes exponential time on `a*a*a*b`. Only the last star seen needs to be
//! remembered: whatever matched before it can be left alone, since an earlier star taking more
//! could only leave less. That makes the worst case pattern length times text length, with no
//! recursion and no allocation.

/// Tells whether the whole of `text` is matched by `pattern`. With `nocase`, ASCII letters match in
/// either case.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Where to resume when a later part fails: behind the last star, and one byte further in the
    // text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            while pattern.get(p) == Some(&b'*') {
                p += 1;
            }
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, t));
        }
        let Some(&byte) = text.get(t) else {
            // A star cannot give back what is not there: a shorter rest fails as well.
            return p == pattern.len();
        };
        match pattern.get(p..).and_then(|rest| match_one(rest, byte, nocase)) {
            Some(used) => {
                p += used;
                t += 1;
            }
            None => match &mut retry {
                Some((star, from)) => {
                    *from += 1;
                    (p, t) = (*star, *from);
                }
                None => return false,
            },
        }
    }
}

/// Matches one byte against the first item of a pattern; returns the pattern bytes that item takes.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let hit = |item: u8| fold(item, nocase) == fold(byte, nocase);
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ref rest @ ..] => {
            let (hit, used) = match_class(rest, byte, nocase);
            hit.then_some(1 + used)
        }
        [b'\\', item, ..] => hit(item).then_some(2),
        [item, ..] => hit(item).then_some(1),
    }
}

/// Matches a class whose `[` has been read. Returns the verdict and the bytes up to and with its
/// `]`.
fn match_class(class: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let byte = fold(byte, nocase);
    let mut hit = false;
    loop {
        match class.get(at..).unwrap_or_default() {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', item, ..] => {
                hit |= fold(*item, nocase) == byte;
                at += 2;
            }
            [first, b'-', last, ..] => {
                // Compat: bytes from 0x80 on count as negative here.
                let (first, last) = (*first as i8, *last as i8);
                let [low, high] =
                    [first.min(last), first.max(last)].map(|end| fold(end as u8, nocase) as i8);
                hit |= (low..=high).contains(&(byte as i8));
                at += 3;
            }
            [item, ..] => {
                hit |= fold(*item, nocase) == byte;
                at += 1;
            }
        }
    }
    (hit != negated, at)
}

fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Patterns, texts and the verdict of Redis 8.2 (`CONFIG`-free: asked through KEYS).
    #[test]
    fn patterns_match_as_in_the_reference() {
        for line in include_str!("../../tests/golden/glob.tsv").lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [pattern, text, verdict] = fields[..] else { panic!("a bad line: {line}") };
            let verdict = verdict == "1";
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), verdict, "{line}");
        }
    }

    #[test]
    fn case_can_be_ignored() {
        assert!(matches(b"H[A-C]*\\Z", b"hbello z", true));
        assert!(!matches(b"H*", b"hello", false));
    }

    #[test]
    fn many_stars_are_cheap() {
        let text = vec![b'a'; 20_000];

        assert!(!matches(&[b"a*".repeat(500).as_slice(), b"b"].concat(), &text, false));
    }

    /// Every way to share the text among the stars, tried in turn; `matches` must find a match
    /// where one of them is one.
    fn tries_all(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            ([b'*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| tries_all(rest, &text[taken..], nocase))
            }
            (_, []) => false,
            (_, [byte, rest @ ..]) => match_one(pattern, *byte, nocase)
                .is_some_and(|used| tries_all(&pattern[used..], rest, nocase)),
        }
    }

    #[test]
    fn hundreds_of_stars_lose_no_match() {
        // Other servers give up after so many of them.
        let pattern = [b"*a".repeat(900).as_slice(), b"*[b-c]?*"].concat();
        let text = [b"a".repeat(5000).as_slice(), b"bxzz"].concat();
        assert!(matches(&pattern, &text, false));
        assert!(!matches(&pattern, &text[..text.len() - 3], false));
        assert!(!matches(&pattern, &[&b"a".repeat(899)[..], b"bx"].concat(), false));
    }

    proptest! {
        #[test]
        fn no_match_is_lost(
            pattern in r"(a|b|\*|\?|\[ab\]|\[\^a\]|\[a-c\]|\\\*|\[b){0,9}",
            text in "[abc*]{1,12}",
            nocase: bool,
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            let wanted = tries_all(pattern, text, nocase);
            prop_assert_eq!(matches(pattern, text, nocase), wanted);
        }

        #[test]
        fn a_star_takes_anything_but_nothing(text: Vec<u8>) {
            prop_assert_eq!(matches(b"*", &text, false), !text.is_empty());
        }

        #[test]
        fn any_pattern_is_survived(pattern: Vec<u8>, text: Vec<u8>, nocase: bool) {
            matches(&pattern, &text, nocase);
        }

        #[test]
        fn escaped_text_matches_itself(text in prop::collection::vec(any::<u8>(), 0..20)) {
            let pattern: Vec<u8> = text.iter().flat_map(|b| [b'\\', *b]).collect();
            prop_assert!(matches(&pattern, &text, false));
        }
    }
}
