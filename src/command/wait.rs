//! What a call waits for that cannot be answered yet.

use std::ops::Range;

use crate::base::clock::UnixMillis;
use crate::keyspace::Type;
use crate::keyspace::blocked::News;
use crate::resp::reply::Reply;

/// What a call waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The words of the call that are the keys.
    pub keys: Range<usize>,
    /// What must become of one of them.
    pub news: News,
    /// See [`args::timeout`]. What a later try says of this is not heard: the first one counts.
    pub until: Option<UnixMillis>,
    /// Writes the answer of a call whose time is up.
    pub on_timeout: fn(&mut Reply),
    /// What later tries read in place of some words, see [`Wait::reading`].
    pub words: Vec<(usize, Box<[u8]>)>,
    /// It waits for no key, but until the thread that frees has done this: see [`Lazyfree::sent`].
    ///
    /// [`Lazyfree::sent`]: crate::keyspace::lazyfree::Lazyfree::sent
    pub freed: Option<u64>,
}

impl Wait {
    /// Waits until one of the keys in these words holds a value of this type; when the time is up,
    /// a null array is the answer.
    pub fn for_value(keys: Range<usize>, of: Type, until: Option<UnixMillis>) -> Box<Wait> {
        let news = News { of, or_loss: false };
        let (on_timeout, words) = (Reply::null_array as fn(&mut Reply), Vec::new());
        Box::new(Wait { keys, news, until, on_timeout, words, freed: None })
    }

    /// Waits until the thread that frees has done what it was sent, and is answered `+OK` then.
    pub fn for_freeing(number: u64) -> Box<Wait> {
        let mut wait = Wait::for_value(0..0, Type::String, None);
        (wait.on_timeout, wait.freed) = (Reply::ok, Some(number));
        wait
    }

    /// Waits until the time is up, or until somebody else ends it: no key can.
    pub fn for_time(until: Option<UnixMillis>, on_timeout: fn(&mut Reply)) -> Box<Wait> {
        let mut wait = Wait::for_value(0..0, Type::String, until);
        wait.on_timeout = on_timeout;
        wait
    }

    /// Later tries read this in place of the word: for one that would mean something else by then,
    /// as the `$` of XREAD does. Not for keys.
    pub fn reading(mut self: Box<Self>, word: usize, instead: &[u8]) -> Box<Wait> {
        self.words.push((word, instead.into()));
        self
    }

    /// That a key has gone, or holds another type now, is a reason to try again, too.
    pub fn or_loss(mut self: Box<Self>) -> Box<Wait> {
        self.news.or_loss = true;
        self
    }
}
