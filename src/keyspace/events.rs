//! Keyspace events: what `notify-keyspace-events` can announce, and the queue of what is to be
//! announced.
//!
//! The one verb that changes keys (`Selected::changed`) puts an event into the queue if its class
//! is wanted; the end of the unit publishes the queue. With no class wanted nothing is copied and a
//! write pays one test.

use super::DbIndex;

/// A set of event classes and of the two ways to publish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes(u32);

impl Classes {
    /// Publish on `__keyspace@n__:key`.
    pub const KEYSPACE: Classes = Classes(1);
    /// Publish on `__keyevent@n__:event`.
    pub const KEYEVENT: Classes = Classes(1 << 1);
    pub const GENERIC: Classes = Classes(1 << 2);
    pub const STRING: Classes = Classes(1 << 3);
    pub const LIST: Classes = Classes(1 << 4);
    pub const SET: Classes = Classes(1 << 5);
    pub const HASH: Classes = Classes(1 << 6);
    pub const ZSET: Classes = Classes(1 << 7);
    pub const EXPIRED: Classes = Classes(1 << 8);
    pub const EVICTED: Classes = Classes(1 << 9);
    pub const STREAM: Classes = Classes(1 << 10);
    pub const KEY_MISS: Classes = Classes(1 << 11);
    pub const MODULE: Classes = Classes(1 << 13);
    pub const NEW: Classes = Classes(1 << 14);
    /// A change that is not announced.
    pub const SILENT: Event = Event { class: Classes(0), name: "" };
    pub const OVERWRITTEN: Classes = Classes(1 << 15);
    pub const TYPE_CHANGED: Classes = Classes(1 << 16);

    /// What `A` stands for: everything but key misses, new keys, overwriting and changes of type.
    const ALL: Classes = Classes(0b10_0111_1111_1100);

    /// Letters in the order in which the option is shown.
    const LETTERS: &[(Classes, char)] = &[
        (Classes::GENERIC, 'g'),
        (Classes::STRING, '$'),
        (Classes::LIST, 'l'),
        (Classes::SET, 's'),
        (Classes::HASH, 'h'),
        (Classes::ZSET, 'z'),
        (Classes::EXPIRED, 'x'),
        (Classes::EVICTED, 'e'),
        (Classes::STREAM, 't'),
        (Classes::MODULE, 'd'),
        (Classes::NEW, 'n'),
        (Classes::OVERWRITTEN, 'o'),
        (Classes::TYPE_CHANGED, 'c'),
    ];
    const LETTERS_AFTER: &[(Classes, char)] =
        &[(Classes::KEYSPACE, 'K'), (Classes::KEYEVENT, 'E'), (Classes::KEY_MISS, 'm')];

    /// Reads the value of the option.
    pub fn parse(text: &[u8]) -> Option<Classes> {
        text.iter().try_fold(Classes::default(), |all, &byte| {
            let letters = Self::LETTERS.iter().chain(Self::LETTERS_AFTER);
            let class = match byte {
                b'A' => Self::ALL,
                _ => letters.into_iter().find(|(_, letter)| *letter == char::from(byte))?.0,
            };
            Some(all.with(class))
        })
    }

    /// The set that the option's bits mean; the configuration counts them alike.
    pub const fn from_bits(bits: u32) -> Classes {
        Classes(bits)
    }

    /// Both sets together.
    pub const fn with(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    /// True when the sets have something in common.
    #[inline]
    pub const fn meets(self, other: Classes) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::fmt::Display for Classes {
    /// The value of the option, as CONFIG GET shows it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Compat: behind an `A` Redis does not show n, o and c.
        let mut before = Self::LETTERS;
        if self.0 & Self::ALL.0 == Self::ALL.0 {
            f.write_str("A")?;
            before = &[];
        }
        for (class, letter) in before.iter().chain(Self::LETTERS_AFTER) {
            if self.meets(*class) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// What happened to a key: a class and a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub class: Classes,
    pub name: &'static str,
}

macro_rules! makers {
    ($($maker:ident $class:ident)*) => {
        impl Event {
            $(/// An event of the class the maker is named after.
            pub const fn $maker(name: &'static str) -> Event {
                Event { class: Classes::$class, name }
            })*
        }
    };
}

makers!(generic GENERIC string STRING list LIST set SET hash HASH zset ZSET stream STREAM module MODULE);

impl Event {
    pub const EVICTED: Event = Event { class: Classes::EVICTED, name: "evicted" };
    pub const EXPIRED: Event = Event { class: Classes::EXPIRED, name: "expired" };
    pub const KEY_MISS: Event = Event { class: Classes::KEY_MISS, name: "keymiss" };
    pub const NEW: Event = Event { class: Classes::NEW, name: "new" };
    /// A change that is not announced.
    pub const SILENT: Event = Event { class: Classes(0), name: "" };
    pub const OVERWRITTEN: Event = Event { class: Classes::OVERWRITTEN, name: "overwritten" };
    pub const TYPE_CHANGED: Event = Event { class: Classes::TYPE_CHANGED, name: "type_changed" };
}

/// An event on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub db: DbIndex,
    pub event: Event,
    pub key: Box<[u8]>,
}

/// The wanted classes, and what is to be announced when the unit ends.
#[derive(Debug, Default)]
pub struct Events {
    wanted: Classes,
    queue: Vec<Announcement>,
    /// All that was handed over.
    #[cfg(test)]
    pub past: Vec<Announcement>,
}

impl Events {
    /// Sets the wanted classes. Without one of the two ways to publish nothing is wanted.
    pub fn want(&mut self, classes: Classes) {
        let publishes = classes.meets(Classes::KEYSPACE.with(Classes::KEYEVENT));
        self.wanted = if publishes { classes } else { Classes::default() };
    }

    /// Wants nothing for a while, and answers what was wanted.
    pub fn pause(&mut self) -> Classes {
        std::mem::take(&mut self.wanted)
    }

    /// The wanted classes.
    pub fn wanted(&self) -> Classes {
        self.wanted
    }

    /// Queues an event if its class is wanted.
    #[inline]
    pub fn push(&mut self, db: DbIndex, event: Event, key: &[u8]) {
        if self.wanted.meets(event.class) {
            self.queue.push(Announcement { db, event, key: key.into() });
        }
    }

    /// True when nothing is queued.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queued events.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Hands the queue over.
    pub fn take(&mut self) -> Vec<Announcement> {
        #[cfg(test)]
        self.past.extend(self.queue.iter().cloned());
        std::mem::take(&mut self.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_shown_as_the_reference_shows_it() {
        let shown = |text: &str| Classes::parse(text.as_bytes()).map(|c| c.to_string());
        for (set, get) in [
            ("", ""),
            ("A", "A"),
            ("KEA", "AKE"),
            ("g$lshzxetd", "A"),
            ("Kg", "gK"),
            ("KEAmn", "AKEm"),
            ("Elg", "glE"),
            ("noc", "noc"),
            ("KEgnmoc", "gnocKEm"),
        ] {
            assert_eq!(shown(set).as_deref(), Some(get), "{set}");
        }
        assert_eq!(shown("q"), None);
    }

    #[test]
    fn only_wanted_events_are_queued() {
        let mut events = Events::default();
        let mut queued = |classes: &str| {
            events.want(Classes::parse(classes.as_bytes()).expect("letters"));
            events.push(DbIndex(3), Event::string("set"), b"k");
            events.push(DbIndex(3), Event::NEW, b"k");
            events.take().iter().map(|a| a.event.name).collect::<Vec<_>>()
        };
        assert_eq!(queued("$n"), [""; 0]);
        assert_eq!(queued("K$"), ["set"]);
        assert_eq!(queued("EA"), ["set"]);
        assert_eq!(queued("E$n"), ["set", "new"]);
    }
}
