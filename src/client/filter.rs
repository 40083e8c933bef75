//! Which clients CLIENT LIST and CLIENT KILL mean.
//!
//! A filter is a row of conditions that must all hold, each of which may be turned round by `NOT-`.
//! The words are those of Redis 8.2 and Valkey 9.1 together; the complaints differ between LIST and
//! KILL where Redis's do.

use super::Client;
use super::describe::Scene;
use crate::acl::DEFAULT_USER;
use crate::base::text::parse_i64;
use crate::client::peer::Peer;
use crate::command::CmdError;
use crate::command::args::{either, positive};
use crate::resp::request::Args;

/// The types of clients that users tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientType {
    Normal,
    Primary,
    Pubsub,
    Replica,
}

impl ClientType {
    pub fn parse(word: &[u8]) -> Result<ClientType, CmdError> {
        Ok(match word.to_ascii_lowercase().as_slice() {
            b"normal" => ClientType::Normal,
            b"master" | b"primary" => ClientType::Primary,
            b"pubsub" => ClientType::Pubsub,
            b"slave" | b"replica" => ClientType::Replica,
            _ => {
                let mut text = b"ERR Unknown client type '".to_vec();
                text.extend_from_slice(word);
                text.push(b'\'');
                return Err(CmdError::made(text));
            }
        })
    }
}

#[derive(Debug)]
enum What {
    Addr(Box<[u8]>),
    /// `r`, the only letter there is.
    Capa,
    Db(u32),
    Flags(Box<[u8]>),
    Ids(Vec<i64>),
    Idle(u64),
    Ip(Box<[u8]>),
    Laddr(Box<[u8]>),
    LibName(Box<[u8]>),
    LibVer(Box<[u8]>),
    MaxAge(u64),
    Name(Box<[u8]>),
    Type(ClientType),
    User,
}

/// The command that a filter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    List,
    Kill,
}

/// Conditions on clients.
#[derive(Debug)]
pub struct Filter {
    conditions: Vec<(bool, What)>,
    /// Leave out the client that asks.
    pub skip_me: bool,
}

impl Filter {
    /// Reads conditions from word `first` on. `databases` bounds the argument of DB.
    pub fn parse(
        args: Args<'_>,
        first: usize,
        purpose: Purpose,
        databases: u32,
    ) -> Result<Filter, CmdError> {
        let mut filter = Filter { conditions: vec![], skip_me: purpose == Purpose::Kill };
        let mut at = first;
        while at < args.len() {
            let word = args.at(at).to_ascii_lowercase();
            let Some(value) = args.get(at + 1) else {
                return Err(CmdError::SYNTAX);
            };
            at += 2;
            if word == b"skipme" {
                filter.skip_me = either(value, "yes", "no")?;
                continue;
            }
            let (negate, word) = match word.strip_prefix(b"not-") {
                Some(rest) if !matches!(rest, b"maxage" | b"idle") => (true, rest),
                _ => (false, &word[..]),
            };
            let what = match word {
                b"id" => {
                    let mut ids = vec![id(value, purpose)?];
                    while let Some(more) = args.get(at).and_then(parse_i64) {
                        ids.push(more);
                        at += 1;
                    }
                    // Compat: Redis takes every further word of LIST for an id and complains of the
                    // first that is none.
                    let bad = args.get(at).is_some_and(|w| !is_condition(w));
                    if bad && purpose == Purpose::List {
                        return Err(CmdError::INVALID_CLIENT_ID);
                    }
                    What::Ids(ids)
                }
                word => condition(word, value, databases)?,
            };
            filter.conditions.push((negate, what));
        }
        Ok(filter)
    }

    /// The ids that the filter names, where it does.
    pub fn named(&self) -> Option<&[i64]> {
        self.conditions.iter().find_map(|(negate, what)| match what {
            What::Ids(ids) if !negate => Some(&ids[..]),
            _ => None,
        })
    }

    pub fn matches(&self, client: &Client, scene: Scene<'_>) -> bool {
        self.conditions.iter().all(|(negate, what)| what.holds(client, scene) != *negate)
    }
}

const CONDITIONS: &[&str] = &[
    "addr", "capa", "db", "flags", "id", "idle", "ip", "laddr", "lib-name", "lib-ver", "maxage",
    "name", "skipme", "type", "user",
];

fn is_condition(word: &[u8]) -> bool {
    let word = word.to_ascii_lowercase();
    let word = word.strip_prefix(b"not-").unwrap_or(&word);
    CONDITIONS.iter().any(|c| c.as_bytes() == word)
}

fn id(word: &[u8], purpose: Purpose) -> Result<i64, CmdError> {
    match (purpose, parse_i64(word)) {
        (Purpose::List, None) => Err(CmdError::INVALID_CLIENT_ID),
        (Purpose::List, Some(id)) => Ok(id),
        (Purpose::Kill, Some(id)) if id > 0 => Ok(id),
        (Purpose::Kill, _) => Err(CmdError::Fixed("ERR client-id should be greater than 0")),
    }
}

fn condition(word: &[u8], value: &[u8], databases: u32) -> Result<What, CmdError> {
    Ok(match word {
        b"addr" => What::Addr(value.into()),
        b"capa" => {
            if value.is_empty() || !value.iter().all(|b| *b == b'r') {
                return Err(unknown("capa", value, false));
            }
            What::Capa
        }
        b"db" => {
            let not_integer = CmdError::Fixed("ERR DB is not an integer or out of range");
            let db = parse_i64(value).ok_or(not_integer)?;
            let db = u32::try_from(db).ok().filter(|db| *db < databases);
            What::Db(db.ok_or_else(|| {
                let last = databases - 1;
                CmdError::made(format!("ERR DB number should be between 0 and {last}"))
            })?)
        }
        b"flags" => {
            let known = b"NOSMPxbtRBdcuAUreTIi";
            if value.is_empty() || !value.iter().all(|b| known.contains(b)) {
                return Err(unknown("flags", value, true));
            }
            What::Flags(value.into())
        }
        b"idle" => What::Idle(positive(value, "idle")? as u64),
        b"ip" => What::Ip(value.into()),
        b"laddr" => What::Laddr(value.into()),
        b"lib-name" => What::LibName(value.into()),
        b"lib-ver" => What::LibVer(value.into()),
        b"maxage" => What::MaxAge(positive(value, "maxage")? as u64),
        b"name" => What::Name(value.into()),
        b"type" => What::Type(ClientType::parse(value)?),
        b"user" if value == DEFAULT_USER.as_bytes() => What::User,
        b"user" => {
            let mut text = b"ERR No such user '".to_vec();
            text.extend_from_slice(value);
            text.push(b'\'');
            return Err(CmdError::made(text));
        }
        _ => return Err(CmdError::SYNTAX),
    })
}

fn unknown(what: &str, value: &[u8], quoted: bool) -> CmdError {
    let mut text = format!("ERR Unknown {what} found in the provided filter: ").into_bytes();
    let quote: &[u8] = if quoted { b"'" } else { b"" };
    text.extend([quote, value, quote].concat());
    CmdError::made(text)
}

impl What {
    fn holds(&self, client: &Client, scene: Scene<'_>) -> bool {
        let text_is =
            |have: &Option<Box<[u8]>>, want: &[u8]| have.as_deref().unwrap_or_default() == want;
        match self {
            What::Addr(want) => {
                client.conn.peer().display(scene.unix_path).to_string().as_bytes() == &want[..]
            }
            What::Capa => client.capa_redirect,
            What::Db(db) => client.session.db.0 == *db,
            What::Flags(letters) => {
                let have = client.flag_letters(scene.watch);
                letters.iter().all(|l| have.as_bytes().contains(l))
            }
            What::Ids(ids) => ids.iter().any(|id| u64::try_from(*id) == Ok(client.number)),
            What::Idle(seconds) => client.idle_s(scene.now_us) >= *seconds,
            What::Ip(want) => match client.conn.peer() {
                crate::net::conn::Endpoint::Ip(a) => a.ip().to_string().as_bytes() == &want[..],
                _ => false,
            },
            What::Laddr(want) => {
                client.conn.local().display(scene.unix_path).to_string().as_bytes() == &want[..]
            }
            What::LibName(want) => text_is(&client.lib_name, want),
            What::LibVer(want) => text_is(&client.lib_ver, want),
            What::MaxAge(seconds) => client.age_s(scene.now_us) >= *seconds,
            What::Name(want) => text_is(&client.name, want),
            What::Type(kind) => client.kind() == *kind,
            What::User => true,
        }
    }
}

impl Client {
    /// What this connection is used for.
    pub fn kind(&self) -> ClientType {
        match self.peer {
            Peer::Primary => ClientType::Primary,
            Peer::Replica(_) => ClientType::Replica,
            Peer::Normal | Peer::Monitor if self.subscriptions.is_some() => ClientType::Pubsub,
            Peer::Normal | Peer::Monitor => ClientType::Normal,
        }
    }
}
