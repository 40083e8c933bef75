//! Patterns of Lua 5.1, matched with an end to it.
//!
//! ```text
//!   .  %a %d ...  [set]  [^set]      one byte        x* x+ x- x?     so many of it
//!   ( )  ()       captures, places                   %1  %bxy  %f[set]   what was captured, balanced, a border
//!   ^ $           at the ends
//! ```
//!
//! Matching goes back when it fails, so there are patterns that take as many steps as one likes,
//! and Lua itself cannot be interrupted while it matches. Here each match has so many steps and so
//! much depth ([`STEPS_MAX`], [`DEPTH_MAX`]), and is then said to be too complex. Walks through
//! long sets, captures and subjects are paid for by their bytes. It never reads beyond pattern or
//! subject.

/// Parts of a pattern that stand for a part of the subject.
pub const CAPTURES_MAX: usize = 32;
/// Steps for one call, and as many again for each byte of the subject.
const STEPS_MAX: u64 = 50_000_000;
/// So many bytes may be walked through for a step.
const BYTES_PER_STEP: u64 = 8;
/// Items of a pattern that wait for the rest of it at once.
const DEPTH_MAX: u32 = 2000;

/// What is wrong with a pattern, or with matching it.
pub type Complaint = &'static str;

/// A capture: where it begins, and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Len {
    /// It has not ended.
    #[default]
    Open,
    /// It is a place.
    Place,
    Closed(usize),
}

/// A capture of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    pub at: usize,
    pub len: Len,
}

/// A subject, a pattern, and how far matching has come.
pub struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    pub captures: [Capture; CAPTURES_MAX],
    /// Captures in use.
    pub level: usize,
    steps: u64,
    depth: u32,
}

impl<'a> Matcher<'a> {
    pub fn new(subject: &'a [u8], pattern: &'a [u8]) -> Matcher<'a> {
        let steps = STEPS_MAX + subject.len() as u64 * 4;
        Matcher { subject, pattern, captures: Default::default(), level: 0, steps, depth: 0 }
    }

    /// Matches the pattern, from its byte `pattern_at` on, at a place of the subject: where the
    /// match ends, if there is one.
    pub fn match_at(&mut self, at: usize, pattern_at: usize) -> Result<Option<usize>, Complaint> {
        self.level = 0;
        self.go(at, pattern_at)
    }

    fn step(&mut self) -> Result<(), Complaint> {
        self.steps = self.steps.checked_sub(1).ok_or("pattern too complex")?;
        Ok(())
    }

    /// Pays for a walk through so many bytes. Who has not enough is stopped by the next step.
    #[inline]
    fn pay(&mut self, bytes: usize) {
        self.steps = self.steps.saturating_sub(bytes as u64 / BYTES_PER_STEP);
    }

    /// The rest of a match, deeper.
    fn go_on(&mut self, at: usize, p: usize) -> Result<Option<usize>, Complaint> {
        if self.depth >= DEPTH_MAX {
            return Err("pattern too complex");
        }
        self.depth += 1;
        let end = self.go(at, p);
        self.depth -= 1;
        end
    }

    fn go(&mut self, mut at: usize, mut p: usize) -> Result<Option<usize>, Complaint> {
        loop {
            self.step()?;
            match self.pattern.get(p..).unwrap_or_default() {
                [] => return Ok(Some(at)),
                [b'(', b')', ..] => return self.start_capture(at, p + 2, Len::Place),
                [b'(', ..] => return self.start_capture(at, p + 1, Len::Open),
                [b')', ..] => return self.end_capture(at, p + 1),
                [b'%', b'b', ..] => match self.balance(at, p + 2)? {
                    Some(end) => (at, p) = (end, p + 4),
                    None => return Ok(None),
                },
                [b'%', b'f', ..] => {
                    p += 2;
                    if self.pattern.get(p) != Some(&b'[') {
                        return Err("missing '[' after '%f' in pattern");
                    }
                    let end = self.class_end(p)?;
                    self.pay(end - p);
                    let before = at.checked_sub(1).map_or(0, |at| self.subject[at]);
                    let here = self.subject.get(at).copied().unwrap_or(0);
                    if self.in_set(before, p, end - 1) || !self.in_set(here, p, end - 1) {
                        return Ok(None);
                    }
                    p = end;
                }
                [b'%', digit @ b'0'..=b'9', ..] => match self.back_reference(at, *digit)? {
                    Some(end) => (at, p) = (end, p + 2),
                    None => return Ok(None),
                },
                [b'$'] => return Ok((at == self.subject.len()).then_some(at)),
                _ => {
                    let end = self.class_end(p)?;
                    self.pay(end - p);
                    let fits = at < self.subject.len() && self.single(self.subject[at], p, end);
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if fits && let Some(end) = self.go_on(at + 1, end + 1)? {
                                return Ok(Some(end));
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.most(at, (p, end)),
                        Some(b'+') if fits => return self.most(at + 1, (p, end)),
                        Some(b'+') => return Ok(None),
                        Some(b'-') => return self.least(at, (p, end)),
                        _ if fits => (at, p) = (at + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    /// As many as there are, then fewer and fewer.
    fn most(&mut self, at: usize, (p, end): (usize, usize)) -> Result<Option<usize>, Complaint> {
        let (rest, len) = (&self.subject[at..], end - p);
        let affordable = self.steps.saturating_mul(BYTES_PER_STEP) / len as u64;
        let affordable = usize::try_from(affordable).unwrap_or(usize::MAX).saturating_add(1);
        let fits = rest.iter().take(affordable).take_while(|b| self.single(**b, p, end));
        let mut count = fits.count();
        self.pay(count.saturating_mul(len));
        loop {
            if let Some(found) = self.go_on(at + count, end + 1)? {
                return Ok(Some(found));
            }
            match count.checked_sub(1) {
                Some(fewer) => count = fewer,
                None => return Ok(None),
            }
        }
    }

    /// None, then more and more.
    fn least(
        &mut self,
        mut at: usize,
        (p, end): (usize, usize),
    ) -> Result<Option<usize>, Complaint> {
        loop {
            if let Some(found) = self.go_on(at, end + 1)? {
                return Ok(Some(found));
            }
            self.pay(end - p);
            match self.subject.get(at) {
                Some(byte) if self.single(*byte, p, end) => at += 1,
                _ => return Ok(None),
            }
        }
    }

    fn start_capture(&mut self, at: usize, p: usize, len: Len) -> Result<Option<usize>, Complaint> {
        if self.level >= CAPTURES_MAX {
            return Err("too many captures");
        }
        self.captures[self.level] = Capture { at, len };
        self.level += 1;
        let end = self.go_on(at, p)?;
        if end.is_none() {
            self.level -= 1;
        }
        Ok(end)
    }

    fn end_capture(&mut self, at: usize, p: usize) -> Result<Option<usize>, Complaint> {
        let open = self.captures[..self.level].iter().rposition(|c| c.len == Len::Open);
        let open = open.ok_or("invalid pattern capture")?;
        self.captures[open].len = Len::Closed(at - self.captures[open].at);
        let end = self.go_on(at, p)?;
        if end.is_none() {
            self.captures[open].len = Len::Open;
        }
        Ok(end)
    }

    fn balance(&mut self, at: usize, p: usize) -> Result<Option<usize>, Complaint> {
        let Some(&[open, close]) = self.pattern.get(p..p + 2) else {
            return Err("unbalanced pattern");
        };
        if self.subject.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (index, byte) in self.subject.iter().enumerate().skip(at + 1) {
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    self.pay(index - at);
                    return Ok(Some(index + 1));
                }
            } else if *byte == open {
                depth += 1;
            }
        }
        self.pay(self.subject.len() - at);
        Ok(None)
    }

    fn back_reference(&mut self, at: usize, digit: u8) -> Result<Option<usize>, Complaint> {
        let index = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = index.and_then(|index| self.captures[..self.level].get(index));
        let Some(&Capture { at: from, len: Len::Closed(len) }) = capture else {
            return Err("invalid capture index");
        };
        self.pay(len);
        let text = &self.subject[from..from + len];
        Ok(self.subject[at..].starts_with(text).then_some(at + len))
    }

    /// Where the item that stands for one byte ends.
    fn class_end(&self, mut p: usize) -> Result<usize, Complaint> {
        let byte = self.pattern[p];
        p += 1;
        match byte {
            b'%' if p < self.pattern.len() => Ok(p + 1),
            b'%' => Err("malformed pattern (ends with '%')"),
            b'[' => {
                if self.pattern.get(p) == Some(&b'^') {
                    p += 1;
                }
                loop {
                    // The first one is no end.
                    let byte = self.pattern.get(p).ok_or("malformed pattern (missing ']')")?;
                    p += 1;
                    if *byte == b'%' && p < self.pattern.len() {
                        p += 1;
                    }
                    if self.pattern.get(p) == Some(&b']') {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p),
        }
    }

    /// Whether a byte is what the item from `p` to `end` stands for.
    #[inline]
    fn single(&self, byte: u8, p: usize, end: usize) -> bool {
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_class(byte, self.pattern[p + 1]),
            b'[' => self.in_set(byte, p, end - 1),
            plain => plain == byte,
        }
    }

    /// Whether a byte is in the set between the brackets at `p` and `end`.
    fn in_set(&self, byte: u8, mut p: usize, end: usize) -> bool {
        let mut is_in = true;
        if self.pattern[p + 1] == b'^' {
            is_in = false;
            p += 1;
        }
        p += 1;
        while p < end {
            let item = self.pattern[p];
            if item == b'%' && p + 1 < end {
                if is_class(byte, self.pattern[p + 1]) {
                    return is_in;
                }
                p += 2;
            } else if p + 2 < end && self.pattern[p + 1] == b'-' {
                if (item..=self.pattern[p + 2]).contains(&byte) {
                    return is_in;
                }
                p += 3;
            } else {
                if item == byte {
                    return is_in;
                }
                p += 1;
            }
        }
        !is_in
    }
}

/// `%a` and the like; a capital says the contrary.
fn is_class(byte: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is == class.is_ascii_lowercase()
}

#[test]
fn bombs_come_to_an_end() {
    let subject = b"a".repeat(40);
    let pattern = [b"a?".repeat(40), b"a".repeat(40), b"b".to_vec()].concat();
    assert_eq!(Matcher::new(&subject, &pattern).match_at(0, 0), Err("pattern too complex"));
    let nested = b"a-".repeat(100_000);
    let subject = b"a".repeat(10);
    assert!(Matcher::new(&subject, &[nested, b"b".to_vec()].concat()).match_at(0, 0).is_err());
}

/// Steps were all alike once: with sets, captures and subjects of a megabyte the fifty millions
/// took hours.
#[test]
fn long_walks_are_paid_for() {
    let long = b"a".repeat(1 << 20);
    let set = |after: &[u8]| [b"[", &long[..], b"x]", after].concat();
    let spaces = b"x".repeat(1 << 20);
    for (subject, pattern) in [
        (&spaces, set(b"*y")),
        (&spaces, set(b"-y")),
        (&spaces, set(b"?").repeat(2)),
        (&long, b"(a*)%1b".to_vec()),
        (&b"(".repeat(1 << 20), b"%b()".to_vec()),
        (&spaces, [b"%f".to_vec(), set(b"")].concat()),
    ] {
        let mut matcher = Matcher::new(subject, &pattern);
        matcher.steps = 1_000_000;
        let mut looked = 0;
        while looked < subject.len() && matcher.match_at(looked, 0) != Err("pattern too complex") {
            looked += 1;
        }
        let name = String::from_utf8_lossy(&pattern[..pattern.len().min(4)]);
        assert!(looked < 20 && matcher.steps == 0, "{name}: {looked} places");
    }
}
