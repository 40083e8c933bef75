//! What a call waits for that cannot be answered yet.

use std::ops::Range;

use crate::base::clock::UnixMillis;
use crate::base::offset::Offset;
use crate::keyspace::Type;
use crate::keyspace::blocked::News;
use crate::resp::reply::Reply;

/// What lets a call go on that waits. `server::waits` decides when that has come about.
#[derive(Clone, Debug)]
pub enum For {
    /// News of one of the keys that stand in these words of the call, which is run again then.
    Keys { words: Range<usize>, news: News },
    /// The thread that frees has done this, see [`Lazyfree::sent`].
    ///
    /// [`Lazyfree::sent`]: crate::keyspace::lazyfree::Lazyfree::sent
    Freed(u64),
    /// So many replicas have acknowledged the stream up to here.
    Replicas { offset: Offset, count: i64 },
    /// The disk has what was told before the call: the append-only file here, if `own`, up to a
    /// place that is known once the turn has handed over what it told, and those of so many
    /// replicas.
    Disk { own: bool, place: Option<u64>, replicas: i64 },
}

/// A wait.
#[derive(Clone, Debug)]
pub struct Wait {
    pub what: For,
    /// See [`args::timeout`]. Later tries of the call do not change it: the first one counts.
    pub until: Option<UnixMillis>,
    /// Writes the answer of a call whose time is up, or that may not wait.
    pub on_timeout: fn(&mut Reply),
    /// What later tries read in place of some words, see [`Wait::reading`].
    pub words: Vec<(usize, Box<[u8]>)>,
}

impl Wait {
    pub fn new(what: For, until: Option<UnixMillis>, on_timeout: fn(&mut Reply)) -> Box<Wait> {
        Box::new(Wait { what, until, on_timeout, words: Vec::new() })
    }

    /// Waits until one of the keys in these words holds a value of this type; when the time is up,
    /// a null array is the answer.
    pub fn for_value(words: Range<usize>, of: Type, until: Option<UnixMillis>) -> Box<Wait> {
        let news = News { of, or_loss: false };
        Wait::new(For::Keys { words, news }, until, Reply::null_array)
    }

    /// Waits until the thread that frees has done what it was sent, and is answered `+OK` then.
    pub fn for_freeing(number: u64) -> Box<Wait> {
        Wait::new(For::Freed(number), None, Reply::ok)
    }

    /// Later tries read this in place of the word: for one that would mean something else by then,
    /// as the `$` of XREAD does. Not for keys.
    pub fn reading(mut self: Box<Self>, word: usize, instead: &[u8]) -> Box<Wait> {
        self.words.push((word, instead.into()));
        self
    }

    /// That a key has gone, or holds another type now, is a reason to try again, too.
    pub fn or_loss(mut self: Box<Self>) -> Box<Wait> {
        if let For::Keys { news, .. } = &mut self.what {
            news.or_loss = true;
        }
        self
    }

    /// The words of the call that are the keys it waits for.
    pub fn keys(&self) -> Range<usize> {
        match &self.what {
            For::Keys { words, .. } => words.clone(),
            For::Freed(_) | For::Replicas { .. } | For::Disk { .. } => 0..0,
        }
    }

    /// What it waits for has to be looked at in each turn.
    pub fn is_looked_at(&self) -> bool {
        !matches!(self.what, For::Keys { .. })
    }

    /// CLIENT UNBLOCK may end it.
    pub fn can_be_ended(&self) -> bool {
        !matches!(self.what, For::Freed(_))
    }
}
