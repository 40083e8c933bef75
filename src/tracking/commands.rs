//! CLIENT TRACKING and what goes with it: CACHING, GETREDIR, TRACKINGINFO.

use std::collections::BTreeSet;

use crate::base::slab::Id;
use crate::client::tracked::Tracked;
use crate::command::args::integer;
use crate::command::{
    Arg, Caching, Call, CmdError, CmdResult, Command, Done, Group, category, flag, special,
};
use crate::resp::request::Args;
use crate::server::{Run, Server};

const FLAGS: u64 = flag::NOSCRIPT | flag::LOADING | flag::STALE;

pub static CLIENT_TRACKING: Command = Command::server("client|tracking", &Run(tracking))
    .special(special::ABOUT_CLIENT)
    .arity(-3)
    .flags(FLAGS)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.0.0")
    .summary("Begins or ends to tell this connection which of the values it has read are outdated.")
    .complexity("O(1), or O(N) for N prefixes.")
    .args(&[
        Arg::one_of("status", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")]),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix").token("PREFIX").optional().multiple().multiple_token(),
        Arg::pure_token("bcast", "BCAST").optional(),
        Arg::pure_token("optin", "OPTIN").optional(),
        Arg::pure_token("optout", "OPTOUT").optional(),
        Arg::pure_token("noloop", "NOLOOP").optional(),
    ]);

fn tracking(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let wish = Wish::parse(srv, call.args())?;
    let old = own(srv, call).cloned();
    if call.args().is(2, "off") {
        stop(srv, call.client);
    } else if call.args().is(2, "on") {
        let tracked = wish.applied_to(old.as_ref())?;
        srv.tracking.start(call.client, &tracked);
        srv.keyspace.touched.want(true);
        call.session.caching = tracked.caching();
        if let Some(client) = srv.clients.get_mut(call.client) {
            client.tracked = Some(Box::new(tracked));
        }
        call.out.ok();
        return Ok(Done);
    } else {
        return Err(CmdError::SYNTAX);
    }
    call.session.caching = Caching::No;
    call.session.caching_next = false;
    call.out.ok();
    Ok(Done)
}

/// How the calling client caches.
fn own<'a>(srv: &'a Server, call: &Call) -> Option<&'a Tracked> {
    srv.clients.get(call.client)?.tracked.as_deref()
}

/// Ends the caching of a client.
pub fn stop(srv: &mut Server, id: Id) {
    let Server { clients, tracking, .. } = srv;
    if let Some(tracked) = clients.get_mut(id).and_then(|client| client.tracked.take()) {
        tracking.stop(id, &tracked);
    }
}

/// What CLIENT TRACKING is asked for.
#[derive(Default)]
struct Wish<'a> {
    is_broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    redirect: Option<(Id, u64)>,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn parse(srv: &Server, args: Args<'a>) -> Result<Wish<'a>, CmdError> {
        let mut wish = Wish::default();
        let mut at = 3;
        while at < args.len() {
            let value = args.get(at + 1);
            match (args.at(at).to_ascii_lowercase().as_slice(), value) {
                (b"redirect", Some(number)) => {
                    if wish.redirect.is_some() {
                        return Err(CmdError::Fixed(
                            "ERR A client can only redirect to a single other client",
                        ));
                    }
                    wish.redirect = Some(receiver(srv, integer(number)?)?);
                    at += 1;
                }
                (b"prefix", Some(prefix)) => {
                    wish.prefixes.push(prefix);
                    at += 1;
                }
                (b"bcast", _) => wish.is_broadcast = true,
                (b"optin", _) => wish.opt_in = true,
                (b"optout", _) => wish.opt_out = true,
                (b"noloop", _) => wish.no_loop = true,
                _ => return Err(CmdError::SYNTAX),
            }
            at += 1;
        }
        Ok(wish)
    }

    /// How the client caches from now on: prefixes are added to those it has, everything else is as
    /// it says now.
    fn applied_to(&self, old: Option<&Tracked>) -> Result<Tracked, CmdError> {
        self.check_modes(old)?;
        let mut prefixes = old.map(|old| old.prefixes.clone()).unwrap_or_default();
        if self.is_broadcast {
            self.check_prefixes(&prefixes)?;
            prefixes.extend(self.prefixes.iter().map(|prefix| Box::from(*prefix)));
            if self.prefixes.is_empty() {
                prefixes.insert(Box::default());
            }
        }
        Ok(Tracked {
            is_broadcast: self.is_broadcast,
            opt_in: self.opt_in,
            opt_out: self.opt_out,
            no_loop: self.no_loop,
            redirect: self.redirect,
            is_broken: false,
            prefixes,
        })
    }

    fn check_modes(&self, old: Option<&Tracked>) -> Result<(), CmdError> {
        let text = if !self.is_broadcast && !self.prefixes.is_empty() {
            "ERR PREFIX option requires BCAST mode to be enabled"
        } else if old.is_some_and(|old| old.is_broadcast != self.is_broadcast) {
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
             it with a different mode."
        } else if self.is_broadcast && (self.opt_in || self.opt_out) {
            "ERR OPTIN and OPTOUT are not compatible with BCAST"
        } else if self.opt_in && self.opt_out {
            "ERR You can't specify both OPTIN mode and OPTOUT mode"
        } else if old.is_some_and(|old| old.opt_out && self.opt_in || old.opt_in && self.opt_out) {
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
             it with a different mode."
        } else {
            return Ok(());
        };
        Err(CmdError::Fixed(text))
    }

    /// No key may be told of twice.
    fn check_prefixes(&self, existing: &BTreeSet<Box<[u8]>>) -> Result<(), CmdError> {
        for (index, prefix) in self.prefixes.iter().enumerate() {
            if let Some(other) = existing.iter().find(|other| overlap(prefix, other)) {
                return Err(CmdError::prefix_overlap(prefix, "an existing", other));
            }
            let others = &self.prefixes[index + 1..];
            if let Some(other) = others.iter().find(|other| overlap(prefix, other)) {
                return Err(CmdError::prefix_overlap(prefix, "another provided", other));
            }
        }
        Ok(())
    }
}

fn overlap(a: &[u8], b: &[u8]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// The client with this number.
fn receiver(srv: &Server, number: i64) -> Result<(Id, u64), CmdError> {
    let number = u64::try_from(number).ok();
    let found = srv.clients.iter().find(|c| Some(c.number) == number && !c.marks.closing);
    let found = found.map(|client| (client.id, client.number));
    found.ok_or(CmdError::Fixed("ERR The client ID you want redirect to does not exist"))
}

pub static CLIENT_CACHING: Command = Command::server("client|caching", &Run(caching))
    .special(special::ABOUT_CLIENT)
    .arity(3)
    .flags(FLAGS)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.0.0")
    .summary("Says whether the reads of the next command are remembered.")
    .complexity("O(1)")
    .args(&[Arg::one_of("mode", &[Arg::pure_token("yes", "YES"), Arg::pure_token("no", "NO")])]);

fn caching(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Some(tracked) = own(srv, call) else {
        return Err(CmdError::Fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    let text = match call.args().at(2).to_ascii_lowercase().as_slice() {
        b"yes" if tracked.opt_in => None,
        b"yes" => {
            Some("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
        }
        b"no" if tracked.opt_out => None,
        b"no" => {
            Some("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
        }
        _ => return Err(CmdError::SYNTAX),
    };
    if let Some(text) = text {
        return Err(CmdError::Fixed(text));
    }
    call.session.caching_next = true;
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_GETREDIR: Command = Command::server("client|getredir", &Run(getredir))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(FLAGS)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.0.0")
    .summary("Answers the id of the client that gets this one's invalidations.")
    .complexity("O(1)");

fn getredir(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let number = redirection(own(srv, call));
    call.out.int(number);
    Ok(Done)
}

/// The number of the client that is told instead; 0 for none, -1 for a client that does not cache.
pub fn redirection(tracked: Option<&Tracked>) -> i64 {
    tracked.map_or(-1, |tracked| tracked.redirect.map_or(0, |(_, number)| number as i64))
}

pub static CLIENT_TRACKINGINFO: Command =
    Command::server("client|trackinginfo", &Run(trackinginfo))
        .special(special::ABOUT_CLIENT)
        .arity(2)
        .flags(FLAGS)
        .categories(category::CONNECTION)
        .group(Group::Connection)
        .since("6.2.0")
        .summary("Describes how the server helps this connection's cache.")
        .complexity("O(1)");

fn trackinginfo(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let tracked = own(srv, call);
    let next = call.session.caching_next;
    let flags: Vec<&str> = match tracked {
        None => vec!["off"],
        Some(t) => [
            (true, "on"),
            (t.is_broadcast, "bcast"),
            (t.opt_in, "optin"),
            (t.opt_in && next, "caching-yes"),
            (t.opt_out, "optout"),
            (t.opt_out && next, "caching-no"),
            (t.no_loop, "noloop"),
            (t.is_broken, "broken_redirect"),
        ]
        .into_iter()
        .filter_map(|(holds, name)| holds.then_some(name))
        .collect(),
    };
    let out = &mut call.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.len());
    flags.iter().for_each(|name| out.bulk(name.as_bytes()));
    out.bulk(b"redirect");
    out.int(redirection(tracked));
    out.bulk(b"prefixes");
    let prefixes = tracked.map(|tracked| &tracked.prefixes);
    out.array(prefixes.map_or(0, |prefixes| prefixes.len()));
    prefixes.into_iter().flatten().for_each(|prefix| out.bulk(prefix));
    Ok(Done)
}
