//! Finding a command by the name a client sent.
//!
//! Every server has its own names, because `rename-command` may change or remove them. A small
//! open-addressing table over the lower-cased name finds a top-level command without allocating;
//! subcommands are few and are compared in turn. Every command and subcommand has a number, by
//! which statistics are kept.

use super::key_spec::{Begin, Find, key_flag};
use super::{CmdError, Command, states};
use crate::resp::request::Args;

/// A command's number: the index of its statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u16);

/// A command as this server knows it.
#[derive(Debug)]
pub struct Entry {
    pub command: &'static Command,
    /// The name after renaming, lower-case; empty when the command was taken away.
    pub name: Name,
    /// Subcommands: a run of entries.
    pub subcommands: std::ops::Range<u16>,
    /// Is a subcommand.
    is_sub: bool,
    /// The first argument is a key.
    pub begins_with_key: bool,
    /// Bits of `command::states` that concern it.
    pub gates: u32,
}

/// A lower-case name, which is compared without a loop: every request names its command.
#[derive(Debug)]
pub struct Name {
    bytes: Box<[u8]>,
    ends: [u64; 2],
    /// Bits in which a letter may differ from it.
    case: [u64; 2],
}

impl Name {
    fn new(name: &[u8]) -> Name {
        let bytes: Box<[u8]> = name.to_ascii_lowercase().into();
        let case: Vec<u8> =
            bytes.iter().map(|b| if b.is_ascii_lowercase() { 0x20 } else { 0 }).collect();
        Name { ends: ends(&bytes), case: ends(&case), bytes }
    }

    /// Whether a word is this name, in any case.
    #[inline]
    pub fn is(&self, word: &[u8]) -> bool {
        if word.len() != self.bytes.len() {
            return false;
        }
        if word.len() > 16 {
            return self.bytes.eq_ignore_ascii_case(word);
        }
        let [front, back] = ends(word);
        let differ = (front ^ self.ends[0]) & !self.case[0] | (back ^ self.ends[1]) & !self.case[1];
        differ == 0
    }
}

impl std::ops::Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a word from its front and from its back: all of them, some twice, where there are
/// at most 16.
#[inline]
fn ends(word: &[u8]) -> [u64; 2] {
    if let (Some(front), Some(back)) = (word.first_chunk(), word.last_chunk()) {
        return [u64::from_le_bytes(*front), u64::from_le_bytes(*back)];
    }
    if let (Some(front), Some(back)) = (word.first_chunk(), word.last_chunk()) {
        return [u32::from_le_bytes(*front), u32::from_le_bytes(*back)].map(u64::from);
    }
    match *word {
        [] => [0, 0],
        [first, .., last] => [u64::from(first), u64::from(word[1]) << 8 | u64::from(last)],
        [only] => [u64::from(only), 0],
    }
}

/// The names of one server.
#[derive(Debug)]
pub struct Commands {
    entries: Vec<Entry>,
    /// Entry number plus one by hash of the name; 0 is empty.
    slots: Box<[u16]>,
    top_level: usize,
}

impl Commands {
    /// The names of a server that has these commands, sorted by name.
    pub fn of(table: &[&'static Command]) -> Commands {
        let mut entries: Vec<Entry> = table.iter().map(|command| Entry::of(command)).collect();
        let top_level = entries.len();
        for index in 0..top_level {
            let first = entries.len() as u16;
            for command in entries[index].command.subcommands {
                entries.push(Entry::of(command));
            }
            entries[index].subcommands = first..entries.len() as u16;
        }
        let mut commands = Commands { entries, slots: Box::default(), top_level };
        commands.index();
        commands
    }
}

impl Entry {
    fn of(command: &'static Command) -> Entry {
        let name = Name::new(command.own_name().as_bytes());
        let is_sub = command.name.contains('|');
        let begins_with_key = command.keys.iter().any(|spec| {
            let follows_name =
                spec.begin == Begin::Index(1) && matches!(spec.find, Find::Range { .. });
            follows_name && spec.flags & key_flag::NOT_KEY == 0
        });
        let gates = states::concerns(command);
        Entry { command, name, subcommands: 0..0, is_sub, begins_with_key, gates }
    }

    /// Whether a request with this first word asks for it: for a top-level command without
    /// subcommands that alone decides.
    #[inline]
    pub fn is_called(&self, word: &[u8]) -> bool {
        self.subcommands.is_empty() && !self.is_sub && self.name.is(word)
    }
}

impl Commands {
    fn index(&mut self) {
        self.slots = vec![0; (self.top_level * 4).next_power_of_two()].into();
        for index in 0..self.top_level {
            let name = &self.entries[index].name;
            if name.is_empty() {
                continue;
            }
            let mut at = hash(name) & (self.slots.len() - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = index as u16 + 1;
        }
    }

    /// Gives a top-level command another name, or none at all.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        let id = self.find(from).ok_or("No such command in rename-command")?;
        if !to.is_empty() && self.find(to).is_some_and(|other| other != id) {
            return Err("Target command name already exists");
        }
        self.entries[id.0 as usize].name = Name::new(to);
        self.index();
        Ok(())
    }

    /// Puts another command, which has no subcommands, in the place of one.
    #[cfg(test)]
    pub fn replace(&mut self, name: &[u8], command: &'static Command) {
        let id = self.find(name).expect("such a command");
        self.entries[id.0 as usize] = Entry::of(command);
        self.index();
    }

    /// A top-level command by its present name, in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mut at = hash(name) & (self.slots.len() - 1);
        loop {
            let index = self.slots[at].checked_sub(1)?;
            if self.entries[index as usize].name.is(name) {
                return Some(CommandId(index));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    pub fn entry(&self, id: CommandId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// A subcommand by its own name.
    pub fn find_sub(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let range = self.entry(container).subcommands.clone();
        range.map(CommandId).find(|id| self.entry(*id).name.is(name))
    }

    /// `name` or `container|name`.
    pub fn find_full(&self, name: &[u8]) -> Option<CommandId> {
        match name.iter().position(|b| *b == b'|') {
            None => self.find(name),
            Some(bar) => self.find_sub(self.find(&name[..bar])?, &name[bar + 1..]),
        }
    }

    /// The command a request asks for, or why there is none.
    pub fn resolve(&self, args: Args<'_>) -> Result<CommandId, CmdError> {
        let unknown = || CmdError::unknown_command(args.at(0), args.from(1));
        let id = self.find(args.at(0)).ok_or_else(unknown)?;
        let entry = self.entry(id);
        if entry.subcommands.is_empty() || args.len() < 2 {
            return Ok(id);
        }
        match self.find_sub(id, args.at(1)) {
            Some(sub) => Ok(sub),
            None => Err(CmdError::unknown_subcommand(args.at(0), args.at(1))),
        }
    }

    /// Top-level commands that have a name, in table order.
    pub fn top_level(&self) -> impl Iterator<Item = CommandId> {
        let named = |id: &CommandId| !self.entry(*id).name.is_empty();
        (0..self.top_level as u16).map(CommandId).filter(named)
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// FNV-1a over the lower-cased name: the table is small and fixed, so nobody can flood it.
#[inline]
fn hash(name: &[u8]) -> usize {
    let mix = |h: u32, b: &u8| (h ^ u32::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    let h = name.iter().take(24).fold(0x811c_9dc5, mix);
    (h ^ (h >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::table::COMMANDS;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_in_any_case_and_can_be_changed() {
        let mut commands = Commands::of(COMMANDS);
        let ping = commands.find(b"PiNg").expect("there");
        assert_eq!(commands.entry(ping).command.name, "ping");
        commands.rename(b"ping", b"PONG2").expect("renamed");
        assert_eq!((commands.find(b"ping"), commands.find(b"pong2")), (None, Some(ping)));
        assert!(commands.rename(b"ping", b"x").is_err());
        commands.rename(b"echo", b"").expect("taken away");
        assert_eq!(commands.find(b""), None);
        assert!(commands.rename(b"time", b"PONG2").is_err());
    }

    #[test]
    fn a_number_of_keys_or_a_channel_or_a_script_is_no_key() {
        let commands = Commands::of(COMMANDS);
        let begins_with_key = |name: &&str| {
            let id = commands.find(name.as_bytes()).expect("such a command");
            commands.entry(id).begins_with_key
        };
        let keyed = ["get", "set", "mget", "hset", "zadd", "xadd", "blpop"];
        assert!(keyed.iter().all(begins_with_key));
        let others =
            ["publish", "spublish", "eval", "zunion", "xread", "object", "select", "multi"];
        assert!(!others.iter().any(begins_with_key));
    }

    proptest! {
        /// A word that differs in one bit of one byte is the name only if that is the case of a
        /// letter.
        #[test]
        fn a_name_is_compared_as_letters_in_any_case(
            name in proptest::collection::vec(any::<u8>(), 0..20), at in any::<usize>(), bit in 0..8u8,
        ) {
            let known = Name::new(&name);
            prop_assert!(known.is(&name) && known.is(&name.to_ascii_uppercase()));
            if !name.is_empty() {
                let mut word = name.clone();
                word[at % name.len()] ^= 1u8 << bit;
                prop_assert_eq!(known.is(&word), word.eq_ignore_ascii_case(&name));
                prop_assert!(!known.is(&name[1..]));
            }
        }
    }
}
