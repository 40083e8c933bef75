//! The options that take several words: save points, buffer limits, flags, addresses.
//!
//! Each is a [`List`] of three functions: read the words, show the value as CONFIG GET does, and
//! list the lines that CONFIG REWRITE writes. CONFIG SET hands over its one value split at single
//! spaces, a configuration line its words; an empty value is no word there and one empty word here,
//! and both mean the same to these functions.

use super::Config;
use super::users::Passwords;
use super::value::{List, one_of};
use crate::base::{memory, text};

/// Limits on the replies that wait for a class of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// The client is closed at once when this is passed; 0 for never.
    pub hard_bytes: u64,
    /// The client is closed when this has been passed for `soft_seconds`; 0 for never.
    pub soft_bytes: u64,
    pub soft_seconds: u64,
}

/// What a termination signal asks of the shutdown. Nothing set is the default: save if there are
/// save points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    pub save: bool,
    pub nosave: bool,
    pub now: bool,
    pub force: bool,
    pub safe: bool,
    pub failover: bool,
}

pub const BIND: List = List {
    many: true,
    default: &["*", "-::*"],
    set: |conf, words| {
        conf.net.bind = words
            .iter()
            .filter(|word| !word.is_empty())
            .map(|word| utf8(word).map(str::to_owned))
            .collect::<Result<_, _>>()?;
        Ok(())
    },
    show: |conf| conf.net.bind.join(" ").into_bytes(),
    lines: |conf| match conf.net.bind.join(" ") {
        none if none.is_empty() => vec![b"\"\"".to_vec()],
        addresses => vec![addresses.into_bytes()],
    },
};

pub const DIR: List = List {
    many: false,
    default: &["."],
    set: |conf, words| {
        let [word] = words else { return Err("wrong number of arguments".to_owned()) };
        conf.process.dir = utf8(word)?.to_owned();
        Ok(())
    },
    show: |conf| conf.process.dir.clone().into_bytes(),
    lines: |conf| vec![quoted(conf.process.dir.as_bytes())],
};

/// A new password takes the place of those that a `user default` line gave. The same one again
/// changes nothing.
pub const REQUIREPASS: List = List {
    many: false,
    default: &[""],
    set: |conf, words| {
        let [word] = words else { return Err("wrong number of arguments".to_owned()) };
        if conf.security.requirepass != *word {
            conf.security.requirepass.clone_from(word);
            conf.security.passwords = Passwords::Requirepass;
        }
        Ok(())
    },
    show: |conf| conf.security.requirepass.clone(),
    lines: |conf| match conf.security.requirepass.as_slice() {
        [] => Vec::new(),
        password => vec![quoted(password)],
    },
};

pub const SAVE: List = List {
    many: true,
    default: &["3600", "1", "300", "100", "60", "10000"],
    set: |conf, words| {
        conf.rdb.save_points = parse_save(words)?;
        Ok(())
    },
    show: |conf| save_pairs(conf).join(" ").into_bytes(),
    lines: |conf| match save_pairs(conf) {
        none if none.is_empty() => vec![b"\"\"".to_vec()],
        pairs => pairs.into_iter().map(String::into_bytes).collect(),
    },
};

fn parse_save(words: &[Vec<u8>]) -> Result<Vec<(u64, u64)>, String> {
    const REFUSAL: &str = "Invalid save parameters";
    if words.iter().all(|word| word.is_empty()) && words.len() <= 1 {
        return Ok(Vec::new());
    }
    let (pairs, odd) = words.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(REFUSAL.to_owned());
    }
    pairs
        .iter()
        .map(|[seconds, changes]| {
            let seconds = lenient_i64(seconds).filter(|n| *n >= 1)?;
            let changes = lenient_i64(changes).filter(|n| *n >= 0)?;
            Some((u64::try_from(seconds).ok()?, u64::try_from(changes).ok()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| REFUSAL.to_owned())
}

fn save_pairs(conf: &Config) -> Vec<String> {
    conf.rdb.save_points.iter().map(|(seconds, changes)| format!("{seconds} {changes}")).collect()
}

pub const REPLICAOF: List = List {
    many: true,
    default: &["no", "one"],
    set: |conf, words| {
        let [host, port] = words else { return Err("wrong number of arguments".to_owned()) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            conf.repl.of = None;
            return Ok(());
        }
        let port = text::parse_u64(port).and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("Invalid master port")?;
        conf.repl.of = Some((utf8(host)?.to_owned(), port));
        Ok(())
    },
    show: |conf| match &conf.repl.of {
        Some((host, port)) => format!("{host} {port}").into_bytes(),
        None => Vec::new(),
    },
    lines: |conf| match &conf.repl.of {
        Some((host, port)) => vec![format!("{host} {port}").into_bytes()],
        None => Vec::new(),
    },
};

/// The classes of clients, as CONFIG GET names them, in the order of the limits.
const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

pub const OUTPUT_LIMITS: List = List {
    many: true,
    default: &[
        "normal", "0", "0", "0", "slave", "256mb", "64mb", "60", "pubsub", "32mb", "8mb", "60",
    ],
    set: |conf, words| {
        let words = if matches!(words, [word] if word.is_empty()) { &[] } else { words };
        let (limits, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
        }
        // Classes that are not named keep what they have.
        let mut changed = conf.clients.output_limits;
        for [class, hard, soft, seconds] in limits {
            let class = class_index(class)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            let limit = parse_limit(hard, soft, seconds).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
            changed[class] = limit;
        }
        conf.clients.output_limits = changed;
        Ok(())
    },
    show: |conf| {
        let limits = CLASSES.iter().zip(conf.clients.output_limits).map(|(class, limit)| {
            format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        });
        limits.collect::<Vec<_>>().join(" ").into_bytes()
    },
    lines: |conf| {
        let limits = CLASSES.iter().zip(conf.clients.output_limits).map(|(class, limit)| {
            let class = if *class == "slave" { "replica" } else { class };
            let (hard, soft) =
                (memory::compact(limit.hard_bytes), memory::compact(limit.soft_bytes));
            format!("{class} {hard} {soft} {}", limit.soft_seconds).into_bytes()
        });
        limits.collect()
    },
};

fn class_index(word: &[u8]) -> Option<usize> {
    if word.eq_ignore_ascii_case(b"replica") {
        return Some(1);
    }
    CLASSES.iter().position(|class| word.eq_ignore_ascii_case(class.as_bytes()))
}

fn parse_limit(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<OutputLimit> {
    Some(OutputLimit {
        hard_bytes: memory::parse(hard)?,
        soft_bytes: memory::parse(soft)?,
        soft_seconds: lenient_i64(seconds).and_then(|n| u64::try_from(n).ok())?,
    })
}

pub const OOM_VALUES: List = List {
    many: true,
    default: &["0", "200", "800"],
    set: |conf, words| {
        const REFUSAL: &str =
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        let [primary, replica, child] = words else {
            return Err("wrong number of arguments".to_owned());
        };
        let mut values = [0i32; 3];
        for (value, word) in values.iter_mut().zip([primary, replica, child]) {
            let number = lenient_i64(word).filter(|n| (-2000..=2000).contains(n));
            *value = number.and_then(|n| i32::try_from(n).ok()).ok_or(REFUSAL)?;
        }
        conf.process.oom_score_adj_values = values;
        Ok(())
    },
    show: show_oom_values,
    lines: |conf| vec![show_oom_values(conf)],
};

fn show_oom_values(conf: &Config) -> Vec<u8> {
    let [primary, replica, child] = conf.process.oom_score_adj_values;
    format!("{primary} {replica} {child}").into_bytes()
}

pub const ON_SIGINT: List = List {
    many: true,
    default: &["default"],
    set: |conf, words| {
        conf.process.shutdown_on_sigint = ShutdownFlags::parse(words)?;
        Ok(())
    },
    show: |conf| conf.process.shutdown_on_sigint.names().join(" ").into_bytes(),
    lines: |conf| vec![conf.process.shutdown_on_sigint.names().join(" ").into_bytes()],
};

pub const ON_SIGTERM: List = List {
    many: true,
    default: &["default"],
    set: |conf, words| {
        conf.process.shutdown_on_sigterm = ShutdownFlags::parse(words)?;
        Ok(())
    },
    show: |conf| conf.process.shutdown_on_sigterm.names().join(" ").into_bytes(),
    lines: |conf| vec![conf.process.shutdown_on_sigterm.names().join(" ").into_bytes()],
};

impl ShutdownFlags {
    const NAMES: [&'static str; 7] =
        ["default", "save", "nosave", "now", "force", "safe", "failover"];

    fn parse(words: &[Vec<u8>]) -> Result<ShutdownFlags, String> {
        let mut flags = ShutdownFlags::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"default" => {}
                b"save" => flags.save = true,
                b"nosave" => flags.nosave = true,
                b"now" => flags.now = true,
                b"force" => flags.force = true,
                b"safe" => flags.safe = true,
                b"failover" => flags.failover = true,
                _ => return Err(one_of(&Self::NAMES)),
            }
        }
        if words.is_empty() {
            return Err(one_of(&Self::NAMES));
        }
        if flags.save && flags.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
        }
        Ok(flags)
    }

    fn names(self) -> Vec<&'static str> {
        let set = [self.save, self.nosave, self.now, self.force, self.safe, self.failover];
        let names: Vec<&str> = Self::NAMES[1..]
            .iter()
            .zip(set)
            .filter(|(_, set)| *set)
            .map(|(name, _)| *name)
            .collect();
        if names.is_empty() { vec!["default"] } else { names }
    }
}

pub const PERCENTILES: List = List {
    many: true,
    default: &["50", "99", "99.9"],
    set: |conf, words| {
        let words = words.iter().filter(|word| !word.is_empty());
        let mut percentiles = Vec::new();
        for word in words {
            let percentile = text::parse_f64(word)
                .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&percentile) {
                return Err("latency-tracking-info-percentiles parameters should sit between \
                            [0.0,100.0]"
                    .to_owned());
            }
            percentiles.push(percentile);
        }
        conf.latency.info_percentiles = percentiles;
        Ok(())
    },
    show: show_percentiles,
    lines: |conf| match show_percentiles(conf) {
        none if none.is_empty() => vec![b"\"\"".to_vec()],
        percentiles => vec![percentiles],
    },
};

fn show_percentiles(conf: &Config) -> Vec<u8> {
    let shown = conf.latency.info_percentiles.iter().map(|percentile| {
        let text = format!("{percentile:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    shown.collect::<Vec<_>>().join(" ").into_bytes()
}

/// Which key events are sent: one bit for each letter of `notify-keyspace-events`.
pub mod key_events {
    pub const KEYSPACE: u32 = 1 << 0;
    pub const KEYEVENT: u32 = 1 << 1;
    pub const GENERIC: u32 = 1 << 2;
    pub const STRING: u32 = 1 << 3;
    pub const LIST: u32 = 1 << 4;
    pub const SET: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const ZSET: u32 = 1 << 7;
    pub const EXPIRED: u32 = 1 << 8;
    pub const EVICTED: u32 = 1 << 9;
    pub const STREAM: u32 = 1 << 10;
    pub const MISSED: u32 = 1 << 11;
    pub const MODULE: u32 = 1 << 13;
    pub const NEW: u32 = 1 << 14;
    pub const OVERWRITTEN: u32 = 1 << 15;
    pub const TYPE_CHANGED: u32 = 1 << 16;
    /// The letter A.
    pub const ALL: u32 =
        GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// The letters of classes in the order in which they are shown.
    const CLASSES: [(u8, u32); 13] = [
        (b'g', GENERIC),
        (b'$', STRING),
        (b'l', LIST),
        (b's', SET),
        (b'h', HASH),
        (b'z', ZSET),
        (b'x', EXPIRED),
        (b'e', EVICTED),
        (b't', STREAM),
        (b'd', MODULE),
        (b'n', NEW),
        (b'o', OVERWRITTEN),
        (b'c', TYPE_CHANGED),
    ];
    const CHANNELS: [(u8, u32); 3] = [(b'K', KEYSPACE), (b'E', KEYEVENT), (b'm', MISSED)];

    /// Reads the letters; `None` if one of them means nothing.
    pub fn parse(letters: &[u8]) -> Option<u32> {
        letters.iter().try_fold(0, |flags, letter| {
            let mut known = CLASSES.into_iter().chain(CHANNELS).chain([(b'A', ALL)]);
            known.find(|(known, _)| known == letter).map(|(_, flag)| flags | flag)
        })
    }

    /// Writes the letters. Once all classes of `A` are there, those that `A` leaves out are not
    /// shown.
    pub fn show(flags: u32) -> Vec<u8> {
        let mut letters = Vec::new();
        if flags & ALL == ALL {
            letters.push(b'A');
        } else {
            letters.extend(CLASSES.iter().filter(|(_, flag)| flags & flag != 0).map(|(l, _)| *l));
        }
        letters.extend(CHANNELS.iter().filter(|(_, flag)| flags & flag != 0).map(|(l, _)| *l));
        letters
    }
}

pub const KEY_EVENTS: List = List {
    many: false,
    default: &[""],
    set: |conf, words| {
        let [letters] = words else { return Err("wrong number of arguments".to_owned()) };
        conf.pubsub.notify_keyspace_events = key_events::parse(letters)
            .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(())
    },
    show: |conf| key_events::show(conf.pubsub.notify_keyspace_events),
    lines: |conf| vec![quoted(&key_events::show(conf.pubsub.notify_keyspace_events))],
};

/// An integer that may have a plus sign and leading zeros, as some of these options have always
/// taken it.
fn lenient_i64(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok().filter(|number| *number != i64::MAX)
}

fn utf8(word: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(word).map_err(|_| "argument must be valid UTF-8 text".to_owned())
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::base::split::quote(&mut out, value);
    out
}
