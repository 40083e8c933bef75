//! SUBSCRIBE and its kin, PUBLISH, PUBSUB; and PING, which a listener asks differently.
//!
//! Who subscribes to three channels gets three answers, or one for nothing in particular where
//! there is nothing to unsubscribe from. They are pushes: the call itself owes no answer, which is
//! said at once ([`Reply::settle`]). Like all pushes they reach those who want no answers, too
//! ([`Clients::own_pushes`]).
//!
//! [`Clients::own_pushes`]: crate::client::Clients::own_pushes

use crate::base::glob;
use crate::client::Client;
use crate::client::subscriptions::Kind;
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Done, Group, KeySpec, category, flag, key_spec,
    special,
};
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::server::{Run, Server};
use key_spec::key_flag::NOT_KEY;

const LISTEN: u64 = flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE;
const TELL: u64 = flag::PUBSUB | flag::LOADING | flag::STALE;

pub static SUBSCRIBE: Command = Command::server("subscribe", &Run(subscribe))
    .special(special::FOR_LISTENERS)
    .arity(-2)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("2.0.0")
    .summary("Listens to channels.")
    .complexity("O(N) for N channels.")
    .args(&[Arg::string("channel").multiple()]);

fn subscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    listen(srv, call, (Kind::Channel, "subscribe"))
}

pub static PSUBSCRIBE: Command = Command::server("psubscribe", &Run(psubscribe))
    .special(special::FOR_LISTENERS)
    .arity(-2)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("2.0.0")
    .summary("Listens to all channels that match patterns.")
    .complexity("O(N) for N patterns.")
    .args(&[Arg::pattern("pattern").multiple()]);

fn psubscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    listen(srv, call, (Kind::Pattern, "psubscribe"))
}

pub static SSUBSCRIBE: Command = Command::server("ssubscribe", &Run(ssubscribe))
    .special(special::FOR_LISTENERS)
    .arity(-2)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("7.0.0")
    .summary("Listens to channels of this shard.")
    .complexity("O(N) for N channels.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).flags(NOT_KEY)])
    .args(&[Arg::string("shardchannel").multiple()]);

fn ssubscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    if !call.may_wait {
        // Compat: its siblings are allowed in a transaction.
        let text = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
        return Err(CmdError::Fixed(text));
    }
    listen(srv, call, (Kind::Shard, "ssubscribe"))
}

pub static UNSUBSCRIBE: Command = Command::server("unsubscribe", &Run(unsubscribe))
    .special(special::FOR_LISTENERS)
    .arity(-1)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("2.0.0")
    .summary("Listens to channels no more.")
    .complexity("O(N) for N channels.")
    .args(&[Arg::string("channel").optional().multiple()]);

fn unsubscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    unlisten(srv, call, (Kind::Channel, "unsubscribe"))
}

pub static PUNSUBSCRIBE: Command = Command::server("punsubscribe", &Run(punsubscribe))
    .special(special::FOR_LISTENERS)
    .arity(-1)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("2.0.0")
    .summary("Listens with patterns no more.")
    .complexity("O(N) for N patterns.")
    .args(&[Arg::pattern("pattern").optional().multiple()]);

fn punsubscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    unlisten(srv, call, (Kind::Pattern, "punsubscribe"))
}

pub static SUNSUBSCRIBE: Command = Command::server("sunsubscribe", &Run(sunsubscribe))
    .special(special::FOR_LISTENERS)
    .arity(-1)
    .flags(LISTEN)
    .group(Group::Pubsub)
    .since("7.0.0")
    .summary("Listens to channels of this shard no more.")
    .complexity("O(N) for N channels.")
    .keys(&[KeySpec::at(1).range(-1, 1, 0).flags(NOT_KEY)])
    .args(&[Arg::string("shardchannel").optional().multiple()]);

fn sunsubscribe(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    unlisten(srv, call, (Kind::Shard, "sunsubscribe"))
}

fn listen(srv: &mut Server, call: &mut Call, (kind, verb): (Kind, &str)) -> CmdResult {
    call.out.settle();
    let words = call.args().len();
    for index in 1..words {
        let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
        srv.pubsub.subscribe(client, kind, call.args().at(index));
        answer(srv, call, (kind, verb), Some(index));
    }
    call.session.listens = true;
    Ok(Done)
}

fn unlisten(srv: &mut Server, call: &mut Call, (kind, verb): (Kind, &str)) -> CmdResult {
    call.out.settle();
    let words = call.args().len();
    if words == 1 {
        unlisten_all(srv, call, (kind, verb))?;
    }
    for index in 1..words {
        let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
        srv.pubsub.unsubscribe(client, kind, call.args().at(index));
        answer(srv, call, (kind, verb), Some(index));
    }
    let client = srv.clients.get(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    call.session.listens = client.subscriptions.is_some();
    Ok(Done)
}

fn unlisten_all(srv: &mut Server, call: &mut Call, (kind, verb): (Kind, &str)) -> CmdResult {
    let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    let own = client.subscriptions.as_ref().map(|own| own.of(kind).clone()).unwrap_or_default();
    if own.is_empty() {
        answer(srv, call, (kind, verb), None);
    }
    for name in own {
        let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
        srv.pubsub.unsubscribe(client, kind, &name);
        let left = counted(client, kind);
        confirm(srv.clients.own_pushes(call), verb, Some(&name), left);
    }
    Ok(Done)
}

/// One answer of a call: about the word of this index, or about nothing in particular.
fn answer(srv: &mut Server, call: &mut Call, (kind, verb): (Kind, &str), index: Option<usize>) {
    let Some(client) = srv.clients.get(call.client) else { return };
    let count = counted(client, kind);
    if call.session.reply.is_answered() {
        let name = index.map(|index| call.query.args().at(index));
        confirm(&mut call.out, verb, name, count);
    } else {
        let name = index.map(|index| call.query.args().at(index).to_vec());
        confirm(srv.clients.own_pushes(call), verb, name.as_deref(), count);
    }
}

/// What the answers count: shards apart, everything else together.
fn counted(client: &Client, kind: Kind) -> usize {
    match kind {
        Kind::Shard => client.subscribed(Kind::Shard),
        _ => client.subscribed(Kind::Channel) + client.subscribed(Kind::Pattern),
    }
}

fn confirm(out: &mut Reply, verb: &str, name: Option<&[u8]>, count: usize) {
    out.push(3);
    out.bulk(verb.as_bytes());
    out.bulk_or_null(name);
    out.int(count as i64);
}

pub static PUBLISH: Command = Command::server("publish", &Run(publish))
    .arity(3)
    .flags(TELL | flag::FAST | flag::MAY_REPLICATE)
    .group(Group::Pubsub)
    .since("2.0.0")
    .summary("Sends a message to all who listen to a channel.")
    .complexity("O(N+M) for N listeners to the channel and M patterns.")
    .args(&[Arg::string("channel"), Arg::string("message")]);

fn publish(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Server { pubsub, clients, net, .. } = &mut **srv;
    let args = call.query.args();
    let sent = pubsub.publish((clients, net), args.at(1), args.at(2));
    call.fx.force_to_replicas();
    call.out.int(sent as i64);
    Ok(Done)
}

pub static SPUBLISH: Command = Command::server("spublish", &Run(spublish))
    .arity(3)
    .flags(TELL | flag::FAST | flag::MAY_REPLICATE)
    .group(Group::Pubsub)
    .since("7.0.0")
    .summary("Sends a message to all who listen to a channel of this shard.")
    .complexity("O(N) for N listeners to the channel.")
    .keys(&[KeySpec::at(1).flags(NOT_KEY)])
    .args(&[Arg::string("shardchannel"), Arg::string("message")]);

fn spublish(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Server { pubsub, clients, net, .. } = &mut **srv;
    let args = call.query.args();
    let sent = pubsub.publish_sharded((clients, net), args.at(1), args.at(2));
    call.fx.force_to_replicas();
    call.out.int(sent as i64);
    Ok(Done)
}

// -- PUBSUB ---------------------------------------------------------------------------------------

pub static PUBSUB: Command = Command::container("pubsub", SUBCOMMANDS)
    .arity(-2)
    .group(Group::Pubsub)
    .since("2.8.0")
    .summary("Groups the commands about channels and their listeners.")
    .complexity("Depends on subcommand.");

static SUBCOMMANDS: &[&Command] = &[
    &PUBSUB_CHANNELS,
    &PUBSUB_HELP,
    &PUBSUB_NUMPAT,
    &PUBSUB_NUMSUB,
    &PUBSUB_SHARDCHANNELS,
    &PUBSUB_SHARDNUMSUB,
];

pub static PUBSUB_CHANNELS: Command = Command::server("pubsub|channels", &Run(channels))
    .arity(-2)
    .flags(TELL)
    .group(Group::Pubsub)
    .since("2.8.0")
    .summary("Lists the channels that somebody listens to.")
    .complexity("O(N) for N channels.")
    .args(&[Arg::pattern("pattern").optional()]);

fn channels(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    list_names(srv, call, Kind::Channel)
}

pub static PUBSUB_SHARDCHANNELS: Command =
    Command::server("pubsub|shardchannels", &Run(shardchannels))
        .arity(-2)
        .flags(TELL)
        .group(Group::Pubsub)
        .since("7.0.0")
        .summary("Lists the channels of this shard that somebody listens to.")
        .complexity("O(N) for N channels.")
        .args(&[Arg::pattern("pattern").optional()]);

fn shardchannels(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    list_names(srv, call, Kind::Shard)
}

fn list_names(srv: &mut Server, call: &mut Call, kind: Kind) -> CmdResult {
    let args = call.query.args();
    if args.len() > 3 {
        return Err(CmdError::subcommand_arity("PUBSUB", args.at(1)));
    }
    let pattern = args.get(2);
    let open = call.out.open();
    let mut count = 0;
    for (name, _) in srv.pubsub.names(kind) {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name, false)) {
            call.out.bulk(name);
            count += 1;
        }
    }
    call.out.close_array(open, count);
    Ok(Done)
}

pub static PUBSUB_HELP: Command = Command::server("pubsub|help", &Run(help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Pubsub)
    .since("6.2.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help("PUBSUB", HELP);
    Ok(Done)
}

pub static PUBSUB_NUMPAT: Command = Command::server("pubsub|numpat", &Run(numpat))
    .arity(2)
    .flags(TELL)
    .group(Group::Pubsub)
    .since("2.8.0")
    .summary("Counts the patterns in use.")
    .complexity("O(1)");

fn numpat(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.int(srv.pubsub.patterns() as i64);
    Ok(Done)
}

pub static PUBSUB_NUMSUB: Command = Command::server("pubsub|numsub", &Run(numsub))
    .arity(-2)
    .flags(TELL)
    .group(Group::Pubsub)
    .since("2.8.0")
    .summary("Counts those who listen to each of these channels.")
    .complexity("O(N) for N channels.")
    .args(&[Arg::string("channel").optional().multiple()]);

fn numsub(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    count_listeners(srv, call, Kind::Channel)
}

pub static PUBSUB_SHARDNUMSUB: Command = Command::server("pubsub|shardnumsub", &Run(shardnumsub))
    .arity(-2)
    .flags(TELL)
    .group(Group::Pubsub)
    .since("7.0.0")
    .summary("Counts those who listen to each of these channels of this shard.")
    .complexity("O(N) for N channels.")
    .args(&[Arg::string("shardchannel").optional().multiple()]);

fn shardnumsub(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    count_listeners(srv, call, Kind::Shard)
}

fn count_listeners(srv: &mut Server, call: &mut Call, kind: Kind) -> CmdResult {
    let names = call.query.args().from(2);
    // Compat: an array in RESP3, too.
    call.out.array(names.len() * 2);
    for name in names {
        call.out.bulk(name);
        call.out.int(srv.pubsub.listeners(kind, name) as i64);
    }
    Ok(Done)
}

const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Lists the channels that somebody listens to; those that match, if a pattern is given.",
    "NUMPAT",
    "    Counts the patterns in use.",
    "NUMSUB [<channel> ...]",
    "    Counts those who listen to each of these channels. Who listens with",
    "    a pattern is not counted.",
    "SHARDCHANNELS [<pattern>]",
    "    As CHANNELS, for the channels of this shard.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    As NUMSUB, for the channels of this shard.",
];

// -- PING -----------------------------------------------------------------------------------------

pub static PING: Command = Command::server("ping", &Run(ping))
    .special(special::FOR_LISTENERS | special::TELLS_HEALTH)
    .arity(-1)
    .flags(flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Answers PONG, or the given message.")
    .complexity("O(1)")
    .args(&[Arg::string("message").optional()])
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);

fn ping(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let Call { query, out, session, .. } = call;
    let args = query.args();
    if args.len() > 2 {
        return Err(CmdError::arity("ping"));
    }
    if session.listens && out.proto() == Proto::Resp2 {
        // In the shape of a message, since that is what the client expects to read.
        out.array(2);
        out.bulk(b"pong");
        out.bulk(args.get(1).unwrap_or_default());
    } else if args.len() == 2 {
        out.bulk(args.at(1));
    } else {
        out.simple("PONG");
    }
    Ok(Done)
}
