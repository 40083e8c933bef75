//! The cache of scripts: every script that EVAL has seen or SCRIPT LOAD was given, compiled.
//!
//! A script is known by the SHA-1 digest of its text. EVAL brings the text itself and wants to know
//! quickly whether it is here: first it is compared with the script that ran last, then looked for
//! by a few of its words; the digest is computed only for what is not found so. Scripts that came
//! by EVAL alone are many where clients paste values into them, so only the [`EVAL_MAX`] used last
//! are kept; what was loaded stays until SCRIPT FLUSH.

use std::collections::HashMap;
use std::sync::Arc;

use sha1::{Digest as _, Sha1};

use super::lua::Ref;

/// Scripts that came by EVAL alone, and are kept.
const EVAL_MAX: usize = 500;

pub type Sha = [u8; 20];

/// A script.
#[derive(Debug)]
pub struct Cached {
    pub hex: Arc<str>,
    pub body: Box<[u8]>,
    /// Bits of [`super::shebang::script_flag`].
    pub flags: u32,
    pub function: Ref,
    sha: Sha,
    /// Nobody has loaded it by SCRIPT LOAD.
    by_eval: bool,
    /// When it was used last, in uses of the cache.
    used: u64,
}

/// All scripts.
#[derive(Debug, Default)]
pub struct Cache {
    entries: Vec<Option<Cached>>,
    free: Vec<usize>,
    by_sha: HashMap<Sha, usize>,
    /// By [`sketch`]; the last one of each.
    by_sketch: HashMap<u64, usize>,
    last: Option<usize>,
    uses: u64,
    /// Scripts that may be dropped.
    droppable: usize,
    /// Bytes of all texts.
    text_bytes: usize,
}

pub fn sha_of(body: &[u8]) -> Sha {
    Sha1::digest(body).into()
}

pub fn hex_of(sha: &Sha) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|n| char::from(HEX[usize::from(n)]));
    sha.iter().flat_map(digits).collect()
}

/// A digest written in hexadecimal, in any case.
pub fn sha_in(hex: &[u8]) -> Option<Sha> {
    let mut sha = [0; 20];
    if hex.len() != 40 {
        return None;
    }
    for (byte, pair) in sha.iter_mut().zip(hex.as_chunks::<2>().0) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(sha)
}

/// A number by which equal texts are found again: made of the length and up to 32 words of the
/// text. Different texts may share it; that costs time only.
fn sketch(body: &[u8]) -> u64 {
    const WORDS: usize = 32;
    let (words, tail) = body.as_chunks::<8>();
    let step = words.len().div_ceil(WORDS).max(1);
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash =
        words.iter().step_by(step).fold(body.len() as u64, |h, w| mix(h, u64::from_le_bytes(*w)));
    tail.iter().fold(hash, |h, b| mix(h, u64::from(*b)))
}

impl Cache {
    pub fn len(&self) -> usize {
        self.by_sha.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_sha.is_empty()
    }

    pub fn get(&self, index: usize) -> &Cached {
        self.entries[index].as_ref().expect("an index that was looked up in this call")
    }

    /// The script with this text.
    pub fn find_body(&mut self, body: &[u8]) -> Option<usize> {
        let is = |index: &usize| self.entries[*index].as_ref().is_some_and(|it| *it.body == *body);
        let found = self
            .last
            .filter(is)
            .or_else(|| self.by_sketch.get(&sketch(body)).copied().filter(is))
            .or_else(|| self.by_sha.get(&sha_of(body)).copied())?;
        self.note_use(found);
        Some(found)
    }

    /// The script with this digest.
    pub fn find_sha(&mut self, sha: &Sha) -> Option<usize> {
        let found = *self.by_sha.get(sha)?;
        self.note_use(found);
        Some(found)
    }

    pub fn has(&self, sha: &Sha) -> bool {
        self.by_sha.contains_key(sha)
    }

    /// The script with this digest, for a look that is no use of it.
    pub fn peek(&self, sha: &Sha) -> Option<&Cached> {
        self.by_sha.get(sha).map(|index| self.get(*index))
    }

    fn note_use(&mut self, index: usize) {
        self.uses += 1;
        self.last = Some(index);
        if let Some(script) = &mut self.entries[index] {
            script.used = self.uses;
        }
    }

    /// A script that somebody has loaded is kept for good.
    pub fn keep(&mut self, index: usize) {
        if let Some(script) = &mut self.entries[index]
            && std::mem::replace(&mut script.by_eval, false)
        {
            self.droppable -= 1;
        }
    }

    /// Adds a script, which is not here yet. Returns where it stands, and what was dropped for it.
    pub fn add(
        &mut self,
        body: &[u8],
        (flags, function): (u32, Ref),
        by_eval: bool,
    ) -> (usize, Option<Ref>) {
        let dropped = if by_eval && self.droppable >= EVAL_MAX { self.drop_oldest() } else { None };
        let sha = sha_of(body);
        let script = Cached {
            hex: hex_of(&sha).into(),
            body: body.into(),
            flags,
            function,
            sha,
            by_eval,
            used: 0,
        };
        let index = self.free.pop().unwrap_or(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(None);
        }
        self.entries[index] = Some(script);
        self.by_sha.insert(sha, index);
        self.by_sketch.insert(sketch(body), index);
        self.droppable += usize::from(by_eval);
        self.text_bytes += body.len();
        self.note_use(index);
        (index, dropped)
    }

    fn drop_oldest(&mut self) -> Option<Ref> {
        let droppable = |it: &Option<Cached>| it.as_ref().filter(|it| it.by_eval).map(|it| it.used);
        let ages =
            self.entries.iter().enumerate().filter_map(|(at, it)| Some((droppable(it)?, at)));
        let (_, at) = ages.min()?;
        let script = self.entries[at].take()?;
        self.free.push(at);
        self.by_sha.remove(&script.sha);
        let sketch = sketch(&script.body);
        if self.by_sketch.get(&sketch) == Some(&at) {
            self.by_sketch.remove(&sketch);
        }
        self.last = self.last.filter(|last| *last != at);
        self.droppable -= 1;
        self.text_bytes -= script.body.len();
        Some(script.function)
    }

    /// Bytes that the texts and what is known of them take, by and large.
    pub fn memory_bytes(&self) -> usize {
        const EACH: usize = size_of::<Cached>() + 40 + 2 * size_of::<(Sha, usize)>();
        self.text_bytes + self.len() * EACH
    }
}

#[test]
fn digests_are_read_and_written() {
    let sha = sha_of(b"return 1");
    let hex = hex_of(&sha);
    assert_eq!(hex, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert_eq!(sha_in(hex.to_uppercase().as_bytes()), Some(sha));
    assert_eq!((sha_in(b"e0"), sha_in(&[b'x'; 40])), (None, None));
}
