//! Reactor tokens: which object an event is for, in one machine word.
//!
//! ```text
//!   63       60 59          32 31               0
//!   [  kind  ] [    slot     ] [   generation   ]
//! ```
//!
//! A late event for a slot that has a new tenant is dropped because the generation differs.

use crate::base::slab::Id;

/// What a readiness event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Client(Id),
    /// The listener at this index of `Net::listeners`, in the generation of its last rebinding.
    Listener(u32),
    /// A signal handler rang.
    Signal,
    /// Another thread has done what somebody waits for.
    Waker,
    /// The pipe of a child: it has told something, or has ended.
    Child,
    /// A connection that this server has opened.
    Link(Id),
}

const CLIENT: u64 = 0;
const LISTENER: u64 = 1;
const SIGNAL: u64 = 2;
const CHILD: u64 = 3;
const WAKER: u64 = 4;
const LINK: u64 = 5;

impl Source {
    pub fn token(self) -> mio::Token {
        let word = match self {
            Source::Client(id) => CLIENT << 60 | of_id(id),
            Source::Link(id) => LINK << 60 | of_id(id),
            Source::Listener(index) => LISTENER << 60 | u64::from(index),
            Source::Signal => SIGNAL << 60,
            Source::Child => CHILD << 60,
            Source::Waker => WAKER << 60,
        };
        mio::Token(word as usize)
    }

    #[inline]
    pub fn of(token: mio::Token) -> Source {
        let word = token.0 as u64;
        match word >> 60 {
            CLIENT => Source::Client(id_in(word)),
            LINK => Source::Link(id_in(word)),
            LISTENER => Source::Listener(word as u32),
            CHILD => Source::Child,
            WAKER => Source::Waker,
            _ => Source::Signal,
        }
    }
}

fn of_id(id: Id) -> u64 {
    u64::from(id.slot) << 32 | u64::from(id.generation)
}

#[inline]
fn id_in(word: u64) -> Id {
    Id { slot: (word >> 32) as u32 & 0x0fff_ffff, generation: word as u32 }
}

#[test]
fn tokens_carry_their_source() {
    let id = Id { slot: 0x0abc_def0, generation: u32::MAX };
    let others = [Source::Listener(7), Source::Signal, Source::Waker, Source::Child];
    for source in [Source::Client(id), Source::Link(id)].into_iter().chain(others) {
        assert_eq!(Source::of(source.token()), source);
    }
}
