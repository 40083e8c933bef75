//! A client as one line of text: CLIENT LIST, CLIENT INFO, logs and crash reports show clients like
//! this.

use std::fmt::Write as _;

use super::Client;
use crate::acl::DEFAULT_USER;
use crate::client::subscriptions::Kind;
use crate::client::tracked::Tracked;
use crate::command::lookup::Commands;
use crate::command::{Call, Multi};
use crate::keyspace::watch::Watch;
use crate::resp::Proto;
use crate::resp::reply::OWN_BUFFER;
use crate::tracking::commands::redirection;

/// What a description needs to know besides the client.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub commands: &'a Commands,
    /// Path of the unix socket, which stands for the address of its clients.
    pub unix_path: &'a str,
    pub watch: &'a Watch,
    /// Monotonic microseconds.
    pub now_us: u64,
    /// What users have chosen is not shown (`hide-user-data-from-log`).
    pub hides_user_data: bool,
}

/// What stands where users' own words are not shown.
const HIDDEN: &[u8] = b"*redacted*";

/// The buffers of a client, which travel in the call while it is served.
#[derive(Clone, Copy)]
struct Buffers {
    query: usize,
    query_free: usize,
    argv: usize,
    reply_size: usize,
    reply_used: usize,
    chunks: usize,
    chunk_bytes: usize,
    proto: Proto,
}

impl Client {
    /// The letters of `flags=`.
    pub fn flag_letters(&self, watch: &Watch) -> String {
        let marks = &self.marks;
        let tracked = |holds: fn(&Tracked) -> bool| self.tracked.as_deref().is_some_and(holds);
        let letters: String = [
            ('O', self.peer.is_monitor()),
            ('P', self.subscriptions.is_some()),
            ('x', self.session.multi != Multi::No),
            ('b', self.stands_still()),
            ('t', self.tracked.is_some()),
            ('R', tracked(|t| t.is_broken)),
            ('B', tracked(|t| t.is_broadcast)),
            ('d', watch.is_dirty(self.id)),
            ('c', marks.close_after_reply),
            ('A', marks.closing),
            ('U', self.conn.is_unix()),
            ('e', marks.no_evict),
            ('T', self.session.no_touch),
        ]
        .iter()
        .filter(|(_, set)| *set)
        .map(|(letter, _)| *letter)
        .collect();
        if letters.is_empty() { "N".to_owned() } else { letters }
    }

    /// Bytes this client costs: its buffers, and what the server remembers for it.
    pub fn memory(&self, watch: &Watch) -> usize {
        let names = [&self.name, &self.lib_name, &self.lib_ver];
        size_of::<Client>()
            + self.remembered_bytes(watch)
            + self.query.claimed()
            + self.out.open_capacity()
            + self.out.sealed_bytes()
            + self.multi_bytes()
            + names.iter().filter_map(|n| n.as_ref()).map(|n| n.len()).sum::<usize>()
    }

    /// Bytes of watched keys, subscriptions and prefixes: of each its name, twice, and its places
    /// in two indexes.
    fn remembered_bytes(&self, watch: &Watch) -> usize {
        const PLACES: usize = 96;
        let watched = watch.watched(self.id).iter().map(|w| 2 * w.key.len() + PLACES);
        let prefixes = self.tracked.iter().flat_map(|t| &t.prefixes).map(|p| 2 * p.len() + PLACES);
        let subscriptions =
            self.subscriptions.as_ref().map_or(0, |own| own.bytes() + own.len() * PLACES);
        subscriptions + watched.chain(prefixes).sum::<usize>()
    }

    /// What it was weighed with last, see [`super::Clients::set_weight`].
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The line, without its end. `call` is the one being served, whose client's buffers travel in
    /// it.
    pub fn describe(&self, scene: Scene<'_>, call: Option<&Call>) -> Vec<u8> {
        let call = call.filter(|call| call.client == self.id);
        let (query, out) = call.map_or((&self.query, &self.out), |c| (&c.query, &c.out));
        // The request of a call that waits is not input any more.
        let parked = if self.waiting.is_some() { query.request_bytes() } else { 0 };
        let has_args = call.is_some() || self.waiting.is_some();
        let buffers = Buffers {
            query: query.waiting_bytes().saturating_sub(parked),
            query_free: query.claimed().saturating_sub(query.len()),
            argv: if has_args { query.argv_bytes() } else { 0 },
            reply_size: out.open_capacity(),
            reply_used: out.len().min(OWN_BUFFER),
            chunks: out.limited_blocks(),
            chunk_bytes: out.limited_len(),
            proto: out.proto(),
        };
        let mut line = Vec::with_capacity(400);
        self.describe_identity(scene, &mut line);
        self.describe_buffers(buffers, self.remembered_bytes(scene.watch), &mut line);
        let command = self.last_command.map_or("NULL", |id| scene.commands.entry(id).command.name);
        let text = format!(
            " events={} cmd={command} user={} redir={} resp={}",
            if self.marks.write_blocked { "rw" } else { "r" },
            if scene.hides_user_data { "*redacted*" } else { DEFAULT_USER },
            redirection(self.tracked.as_deref()),
            if buffers.proto == Proto::Resp3 { 3 } else { 2 },
        );
        line.extend_from_slice(text.as_bytes());
        for (field, value) in [(" lib-name=", &self.lib_name), (" lib-ver=", &self.lib_ver)] {
            line.extend_from_slice(field.as_bytes());
            line.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        let totals = &self.totals;
        let text = format!(
            " io-thread=0 tot-net-in={} tot-net-out={} tot-cmds={}",
            totals.bytes_in, totals.bytes_out, totals.commands
        );
        line.extend_from_slice(text.as_bytes());
        line
    }

    fn describe_identity(&self, scene: Scene<'_>, line: &mut Vec<u8>) {
        let (peer, local) = (self.conn.peer(), self.conn.local());
        let text = format!(
            "id={} addr={} laddr={} fd={} name=",
            self.number,
            peer.display(scene.unix_path),
            local.display(scene.unix_path),
            self.conn.fd(),
        );
        line.extend_from_slice(text.as_bytes());
        line.extend_from_slice(match scene.hides_user_data {
            true => HIDDEN,
            false => self.name.as_deref().unwrap_or_default(),
        });
        let text = format!(
            " age={} idle={} flags={} db={} sub={} psub={} ssub={}",
            self.age_s(scene.now_us),
            self.idle_s(scene.now_us),
            self.flag_letters(scene.watch),
            self.session.db.0,
            self.subscribed(Kind::Channel),
            self.subscribed(Kind::Pattern),
            self.subscribed(Kind::Shard),
        );
        line.extend_from_slice(text.as_bytes());
        let queued = match self.session.multi {
            Multi::No => -1,
            _ => self.transaction.as_ref().map_or(0, |t| t.count as i64),
        };
        let watched = scene.watch.watched(self.id).len();
        let text = format!(" multi={queued} watch={watched}");
        line.extend_from_slice(text.as_bytes());
    }

    fn describe_buffers(&self, b: Buffers, remembered: usize, line: &mut Vec<u8>) {
        let mut text = String::new();
        let total = size_of::<Client>()
            + b.query
            + b.query_free
            + b.argv
            + b.reply_size
            + b.chunk_bytes
            + self.multi_bytes()
            + remembered
            + self.name.as_ref().map_or(0, |n| n.len());
        let _ = write!(
            text,
            " qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={total}",
            b.query,
            b.query_free,
            b.argv,
            self.multi_bytes(),
            b.reply_size,
            b.reply_size,
            b.reply_used,
            b.chunks,
            b.chunk_bytes,
        );
        line.extend_from_slice(text.as_bytes());
    }

    /// Bytes that its queued requests take.
    pub fn multi_bytes(&self) -> usize {
        self.transaction.as_ref().map_or(0, |t| t.bytes)
    }

    /// Whole seconds since it connected.
    pub fn age_s(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.created_us) / 1_000_000
    }

    /// Whole seconds since it last sent or took something.
    pub fn idle_s(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.active_us) / 1_000_000
    }
}
