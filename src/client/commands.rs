//! CLIENT, SELECT, RESET and QUIT: what a connection can ask about itself and others.
//!
//! The client being served stands in the slab like all others, but its session and buffers travel
//! in the call; [`note_caller`] writes the session back before all clients are looked at.

use super::Client;
use super::filter::{Filter, Purpose};
use super::pause::PauseMode;
use crate::base::clock::UnixMillis;
use crate::base::slab::Id;
use crate::client::peer::Peer;
use crate::command::args::{either, integer, integer_or, integer32};
use crate::command::{
    Arg, Call, CmdError, CmdResult, Command, Done, Group, Origin, ReplyMode, Session, category,
    flag, special,
};
use crate::keyspace::DbIndex;
use crate::server::{Run, Server, cron, multi, waits};
use crate::tracking::commands as tracking;

pub static CLIENT: Command = Command::container("client", SUBCOMMANDS)
    .arity(-2)
    .group(Group::Connection)
    .since("2.4.0")
    .summary("Groups the commands about connections.")
    .complexity("Depends on subcommand.");

static SUBCOMMANDS: &[&Command] = &[
    &tracking::CLIENT_CACHING,
    &CLIENT_CAPA,
    &CLIENT_GETNAME,
    &tracking::CLIENT_GETREDIR,
    &CLIENT_HELP,
    &CLIENT_ID,
    &CLIENT_INFO,
    &CLIENT_KILL,
    &CLIENT_LIST,
    &CLIENT_NO_EVICT,
    &CLIENT_NO_TOUCH,
    &CLIENT_PAUSE,
    &CLIENT_REPLY,
    &CLIENT_SETINFO,
    &CLIENT_SETNAME,
    &tracking::CLIENT_TRACKING,
    &tracking::CLIENT_TRACKINGINFO,
    &CLIENT_UNBLOCK,
    &CLIENT_UNPAUSE,
];

/// The client that calls. It is there for as long as its call runs.
fn me<'a>(srv: &'a mut Server, call: &Call) -> Result<&'a mut Client, CmdError> {
    srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)
}

/// Notes on the calling client what travels in its call, before all clients are looked at.
fn note_caller(srv: &mut Server, call: &Call) {
    if let Some(client) = srv.clients.get_mut(call.client) {
        client.session = call.session;
        if srv.unit.depth == 1 {
            client.last_command = Some(call.id);
        }
    }
}

pub static CLIENT_CAPA: Command = Command::server("client|capa", &Run(client_capa))
    .special(special::ABOUT_CLIENT)
    .arity(-3)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::ALLOW_BUSY)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("8.0.0")
    .summary("Says what this client can do beyond the protocol.")
    .complexity("O(1)")
    .args(&[Arg::string("capability").multiple()]);

/// From Valkey. Capabilities nobody knows yet are taken without complaint.
fn client_capa(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let redirect = call.args().from(2).any(|word| word.eq_ignore_ascii_case(b"redirect"));
    me(srv, call)?.capa_redirect |= redirect;
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_GETNAME: Command = Command::server("client|getname", &Run(client_getname))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("2.6.9")
    .summary("Answers the name of this connection.")
    .complexity("O(1)");

fn client_getname(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let name = me(srv, call)?.name.as_deref();
    call.out.bulk_or_null(name);
    Ok(Done)
}

pub static CLIENT_HELP: Command = Command::server("client|help", &Run(client_help))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn client_help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help("CLIENT", HELP);
    Ok(Done)
}

pub static CLIENT_ID: Command = Command::server("client|id", &Run(client_id))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("5.0.0")
    .summary("Answers the id of this connection.")
    .complexity("O(1)");

fn client_id(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let number = me(srv, call)?.number;
    call.out.uint(number);
    Ok(Done)
}

pub static CLIENT_INFO: Command = Command::server("client|info", &Run(client_info))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .summary("Describes this connection.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

fn client_info(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    note_caller(srv, call);
    let scene = srv.scene();
    let client = srv.clients.get(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    let mut text = client.describe(scene, Some(call));
    text.push(b'\n');
    call.out.verbatim(&text);
    Ok(Done)
}

pub static CLIENT_KILL: Command = Command::server("client|kill", &Run(client_kill))
    .special(special::ABOUT_CLIENT)
    .arity(-3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("2.4.0")
    .summary("Closes connections chosen by address, id, type and more.")
    .complexity("O(N) for N connected clients.")
    .history(&[
        ("2.8.12", "The form with filters."),
        ("2.8.12", "Filter `ID`."),
        ("3.2.0", "`TYPE` knows `master`."),
        ("5.0.0", "`TYPE` knows `replica`, beside the older `slave`."),
        ("6.2.0", "Filter `LADDR`."),
        ("7.4.0", "Filter `MAXAGE`."),
    ])
    .args(&[Arg::one_of(
        "filter",
        &[
            Arg::string("old-format").display("ip:port").deprecated_since("2.8.12"),
            Arg::one_of(
                "new-format",
                &[
                    Arg::integer("client-id").token("ID").since("2.8.12").optional(),
                    Arg::one_of(
                        "client-type",
                        &[
                            Arg::pure_token("normal", "NORMAL"),
                            Arg::pure_token("master", "MASTER").since("3.2.0"),
                            Arg::pure_token("slave", "SLAVE"),
                            Arg::pure_token("replica", "REPLICA").since("5.0.0"),
                            Arg::pure_token("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .since("2.8.12")
                    .optional(),
                    Arg::string("username").token("USER").optional(),
                    Arg::string("addr").token("ADDR").display("ip:port").optional(),
                    Arg::string("laddr")
                        .token("LADDR")
                        .display("ip:port")
                        .since("6.2.0")
                        .optional(),
                    Arg::one_of(
                        "skipme",
                        &[Arg::pure_token("yes", "YES"), Arg::pure_token("no", "NO")],
                    )
                    .token("SKIPME")
                    .optional(),
                    Arg::integer("maxage").token("MAXAGE").since("7.4.0").optional(),
                ],
            )
            .multiple(),
        ],
    )]);

fn client_kill(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    note_caller(srv, call);
    if call.args().len() == 3 {
        return kill_by_address(srv, call);
    }
    let filter = Filter::parse(call.args(), 2, Purpose::Kill, srv.conf.server.databases)?;
    let mut killed = 0;
    for id in chosen(srv, call, &filter) {
        kill(srv, call, id);
        killed += 1;
    }
    call.out.int(killed);
    Ok(Done)
}

/// The old form: one address, and an error if nobody has it.
fn kill_by_address(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let scene = srv.scene();
    let wanted = call.args().at(2);
    let has_address =
        |c: &&Client| c.conn.peer().display(scene.unix_path).to_string().as_bytes() == wanted;
    let id = srv.clients.iter().find(has_address).map(|c| c.id).ok_or(CmdError::NO_SUCH_CLIENT)?;
    kill(srv, call, id);
    call.out.ok();
    Ok(Done)
}

/// Closes one client; the caller itself still gets its answer.
fn kill(srv: &mut Server, call: &mut Call, id: Id) {
    if id == call.client {
        call.hang_up = true;
    } else {
        srv.clients.close_later(id);
        // It hears nothing any more, and is not counted among those who do.
        if let Some(client) = srv.clients.get_mut(id) {
            srv.pubsub.leave(client);
        }
    }
}

/// The clients that a filter means: as it names them (twice if it does), else oldest first.
fn chosen(srv: &Server, call: &Call, filter: &Filter) -> Vec<Id> {
    let scene = srv.scene();
    let means = |id: &Id| {
        !(filter.skip_me && *id == call.client)
            && srv.clients.get(*id).is_some_and(|c| !c.marks.closing && filter.matches(c, scene))
    };
    let Some(named) = filter.named() else {
        return srv.clients.by_age().into_iter().filter(means).collect();
    };
    let by_number = |number: &i64| {
        srv.clients.iter().find(|c| u64::try_from(*number) == Ok(c.number)).map(|c| c.id)
    };
    named.iter().filter_map(by_number).filter(means).collect()
}

pub static CLIENT_LIST: Command = Command::server("client|list", &Run(client_list))
    .special(special::ABOUT_CLIENT)
    .arity(-2)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("2.4.0")
    .summary("Describes all connections, or those chosen by filters.")
    .complexity("O(N) for N connected clients.")
    .history(&[
        ("2.8.12", "Field `id`."),
        ("5.0.0", "Filter `TYPE`."),
        ("6.0.0", "Field `user`."),
        ("6.2.0", "Fields `argv-mem`, `tot-mem`, `laddr`, `redir`; filter `ID`."),
        ("7.0.0", "Fields `resp`, `multi-mem`, `rbs`, `rbp`."),
        ("7.0.3", "Field `ssub`."),
        ("7.2.0", "Fields `lib-name`, `lib-ver`."),
        ("7.4.0", "Field `watch`."),
        ("8.0.0", "Field `io-thread`."),
    ])
    .args(&[
        Arg::one_of(
            "client-type",
            &[
                Arg::pure_token("normal", "NORMAL"),
                Arg::pure_token("master", "MASTER"),
                Arg::pure_token("replica", "REPLICA"),
                Arg::pure_token("pubsub", "PUBSUB"),
            ],
        )
        .token("TYPE")
        .since("5.0.0")
        .optional(),
        Arg::integer("client-id").token("ID").since("6.2.0").optional().multiple(),
    ])
    .tips(&["nondeterministic_output"]);

fn client_list(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    note_caller(srv, call);
    let filter = Filter::parse(call.args(), 2, Purpose::List, srv.conf.server.databases)?;
    let scene = srv.scene();
    let mut text = vec![];
    for id in chosen(srv, call, &filter) {
        if let Some(client) = srv.clients.get(id) {
            text.extend(client.describe(scene, Some(call)));
            text.push(b'\n');
        }
    }
    call.out.verbatim(&text);
    Ok(Done)
}

pub static CLIENT_NO_EVICT: Command = Command::server("client|no-evict", &Run(client_no_evict))
    .special(special::ABOUT_CLIENT)
    .arity(3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("7.0.0")
    .summary("Exempts this connection from client eviction, or ends that.")
    .complexity("O(1)")
    .args(&[Arg::one_of("enabled", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")])]);

fn client_no_evict(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let on = either(call.args().at(2), "on", "off")?;
    me(srv, call)?.marks.no_evict = on;
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_NO_TOUCH: Command = Command::server("client|no-touch", &Run(client_no_touch))
    .special(special::ABOUT_CLIENT)
    .arity(3)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("7.2.0")
    .summary("Lets this connection read keys without making them look used, or ends that.")
    .complexity("O(1)")
    .args(&[Arg::one_of("enabled", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")])]);

fn client_no_touch(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.session.no_touch = either(call.args().at(2), "on", "off")?;
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_PAUSE: Command = Command::server("client|pause", &Run(client_pause))
    .special(special::ABOUT_CLIENT)
    .arity(-3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("3.0.0")
    .summary("Lets commands wait for a while.")
    .complexity("O(1)")
    .history(&[("6.2.0", "The mode, and with it `WRITE`.")])
    .args(&[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::pure_token("write", "WRITE"), Arg::pure_token("all", "ALL")])
            .since("6.2.0")
            .optional(),
    ]);

fn client_pause(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    let mode = match args.get(3) {
        _ if args.len() > 4 => return Err(CmdError::subcommand_arity("CLIENT", args.at(1))),
        None => PauseMode::All,
        Some(_) if args.is(3, "write") => PauseMode::Writes,
        Some(_) if args.is(3, "all") => PauseMode::All,
        Some(_) => return Err(CmdError::Fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout = integer_or(args.at(2), CmdError::TIMEOUT_NOT_INTEGER)?;
    if timeout < 0 {
        return Err(CmdError::TIMEOUT_NEGATIVE);
    }
    let until = srv.clock.now().0.checked_add(timeout);
    let until = until.ok_or(CmdError::TIMEOUT_RANGE)?;
    srv.clients.pause.begin(mode, UnixMillis(until));
    srv.refresh_states();
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_REPLY: Command = Command::server("client|reply", &Run(client_reply))
    .special(special::ABOUT_CLIENT)
    .arity(3)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("3.2.0")
    .summary("Says whether the server answers this connection.")
    .complexity("O(1)")
    .args(&[Arg::one_of(
        "action",
        &[
            Arg::pure_token("on", "ON"),
            Arg::pure_token("off", "OFF"),
            Arg::pure_token("skip", "SKIP"),
        ],
    )]);

fn client_reply(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    let mode = if args.is(2, "on") {
        ReplyMode::On
    } else if args.is(2, "off") {
        ReplyMode::Off
    } else if args.is(2, "skip") {
        // Whoever is silent already stays so.
        match call.session.reply {
            ReplyMode::Off => ReplyMode::Off,
            _ => ReplyMode::SkipNext,
        }
    } else {
        return Err(CmdError::SYNTAX);
    };
    if call.origin != Origin::Primary {
        call.session.reply = mode;
    }
    call.out.ok(); // Taken back by the executor unless the mode is ON.
    Ok(Done)
}

pub static CLIENT_SETINFO: Command = Command::server("client|setinfo", &Run(client_setinfo))
    .special(special::ABOUT_CLIENT)
    .arity(4)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("7.2.0")
    .summary("Notes which client library this connection uses.")
    .complexity("O(1)")
    .args(&[Arg::one_of(
        "attr",
        &[Arg::string("libname").token("LIB-NAME"), Arg::string("libver").token("LIB-VER")],
    )])
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn client_setinfo(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    let (option, value) = (args.at(2), args.at(3));
    let is_name = option.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !option.eq_ignore_ascii_case(b"lib-ver") {
        let text = [b"ERR Unrecognized option '", option, b"'"].concat();
        return Err(CmdError::made(text));
    }
    if !is_printable(value) {
        let what = String::from_utf8_lossy(option).into_owned();
        return Err(CmdError::made(format!(
            "ERR {what} cannot contain spaces, newlines or special characters."
        )));
    }
    let value = Some(value).filter(|v| !v.is_empty()).map(Into::into);
    let client = me(srv, call)?;
    *(if is_name { &mut client.lib_name } else { &mut client.lib_ver }) = value;
    call.out.ok();
    Ok(Done)
}

pub static CLIENT_SETNAME: Command = Command::server("client|setname", &Run(client_setname))
    .special(special::ABOUT_CLIENT)
    .arity(3)
    .flags(flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("2.6.9")
    .summary("Names this connection.")
    .complexity("O(1)")
    .args(&[Arg::string("connection-name")])
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn client_setname(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    set_name(me(srv, call)?, call.args().at(2))?;
    call.out.ok();
    Ok(Done)
}

/// Gives a client a name, or takes it away if it is empty.
pub fn set_name(client: &mut Client, name: &[u8]) -> Result<(), CmdError> {
    if !is_printable(name) {
        return Err(CmdError::CLIENT_NAME);
    }
    client.name = Some(name).filter(|n| !n.is_empty()).map(Into::into);
    Ok(())
}

fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|b| (b'!'..=b'~').contains(b))
}

pub static CLIENT_UNBLOCK: Command = Command::server("client|unblock", &Run(client_unblock))
    .special(special::ABOUT_CLIENT)
    .arity(-3)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("5.0.0")
    .summary("Ends the wait of another client.")
    .complexity("O(log N) for N connected clients.")
    .args(&[
        Arg::integer("client-id"),
        Arg::one_of(
            "unblock-type",
            &[Arg::pure_token("timeout", "TIMEOUT"), Arg::pure_token("error", "ERROR")],
        )
        .optional(),
    ]);

fn client_unblock(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    if args.len() > 4 {
        return Err(CmdError::subcommand_arity("CLIENT", args.at(1)));
    }
    if args.len() == 4 && !args.is(3, "timeout") && !args.is(3, "error") {
        return Err(CmdError::Fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let number = integer(args.at(2))?;
    let error = (args.len() == 4 && args.is(3, "error")).then_some(CmdError::UNBLOCKED);
    // Who stands still because of a pause is not blocked in this sense.
    let unblocked = waits::unblock(srv, number, error);
    call.out.flag(unblocked);
    Ok(Done)
}

pub static CLIENT_UNPAUSE: Command = Command::server("client|unpause", &Run(client_unpause))
    .special(special::ABOUT_CLIENT)
    .arity(2)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .summary("Ends a pause.")
    .complexity("O(N) for N clients that wait.");

fn client_unpause(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    cron::end_pause(srv);
    call.out.ok();
    Ok(Done)
}

pub static SELECT: Command = Command::server("select", &Run(select))
    .arity(2)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Goes to another database.")
    .complexity("O(1)")
    .args(&[Arg::integer("index")]);

fn select(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let index = integer32(call.args().at(1))?;
    let index = u32::try_from(index).ok().filter(|i| *i < srv.conf.server.databases);
    call.session.db = DbIndex(index.ok_or(CmdError::DB_INDEX)?);
    call.out.ok();
    Ok(Done)
}

pub static QUIT: Command = Command::server("quit", &Run(quit))
    .special(special::UNQUEUED | special::FOR_LISTENERS)
    .arity(-1)
    .flags(
        flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
    )
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Closes the connection after the answer.")
    .complexity("O(1)")
    .deprecated("7.2.0", "closing the connection");

fn quit(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.hang_up = true;
    call.out.ok();
    Ok(Done)
}

pub static RESET: Command = Command::server("reset", &Run(reset))
    .special(special::UNQUEUED | special::FOR_LISTENERS)
    .arity(1)
    .flags(
        flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
    )
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .summary("Puts the connection back into the state of a new one.")
    .complexity("O(1)");

fn reset(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let peer = srv.clients.get(call.client).map(|client| &client.peer);
    if matches!(peer, Some(Peer::Primary | Peer::Replica(_))) {
        return Err(CmdError::Fixed("ERR can only reset normal client connections"));
    }
    srv.clients.monitors.retain(|id| *id != call.client);
    multi::forget(srv, call);
    tracking::stop(srv, call.client);
    let session = Session::fresh(&srv.conf);
    let Server { clients, pubsub, .. } = &mut **srv;
    let client = clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    pubsub.leave(client);
    client.peer = Peer::Normal;
    client.marks.no_evict = false;
    client.name = None;
    call.session = session;
    let proto = srv.first_proto();
    srv.clients.set_proto(call, proto);
    srv.refresh_states();
    call.out.simple("RESET");
    Ok(Done)
}

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Says whether the reads of the next command are remembered.",
    "CAPA <capability> [<capability> ...]",
    "    Says what this client can do. Known: REDIRECT.",
    "GETNAME",
    "    Tells the name of this connection.",
    "GETREDIR",
    "    Tells the id of the client that receives this connection's invalidations.",
    "ID",
    "    Tells the id of this connection.",
    "INFO",
    "    Describes this connection.",
    "KILL <ip:port>",
    "    Closes the connection that comes from this address.",
    "KILL <filter> <value> [<filter> <value> ...]",
    "    Closes all connections that the filters mean; how many is the answer.",
    "    The filters are those of LIST; SKIPME is YES if not said otherwise.",
    "LIST [<filter> <value> ...]",
    "    Describes connections, one a line. Filters, all of which must hold:",
    "    * ID <id> [<id> ...], TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <name>",
    "    * ADDR <ip:port>, LADDR <ip:port>, IP <ip>, DB <number>, NAME <name>",
    "    * FLAGS <letters>, CAPA <letters>, LIB-NAME <name>, LIB-VER <version>",
    "    * MAXAGE <seconds>, IDLE <seconds>: at least so old, so idle",
    "    * SKIPME (YES|NO): leave this connection out",
    "    NOT- in front of a filter turns it round, but for the last two rows.",
    "NO-EVICT (ON|OFF)",
    "    Exempts this connection from client eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Lets this connection read keys without making them look used.",
    "PAUSE <milliseconds> [WRITE|ALL]",
    "    Lets all commands, or those that write, wait.",
    "REPLY (ON|OFF|SKIP)",
    "    Answers this connection, or not, or not the next time.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Notes which library this connection uses.",
    "SETNAME <name>",
    "    Names this connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> ...] [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tells this connection which of the values it has read are outdated, or ends that.",
    "TRACKINGINFO",
    "    Describes how the server helps this connection's cache.",
    "UNBLOCK <id> [TIMEOUT|ERROR]",
    "    Ends the wait of another client.",
    "UNPAUSE",
    "    Ends a pause.",
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::server::testing::TestServer;

    #[test]
    fn names_and_infos() {
        let mut t = TestServer::new();
        assert_eq!(t.run("CLIENT GETNAME"), "$-1\r\n");
        assert_eq!(t.run("CLIENT SETNAME worker"), "+OK\r\n");
        assert_eq!(t.run("CLIENT GETNAME"), "$6\r\nworker\r\n");
        let complaint =
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
        assert_eq!(t.run("CLIENT SETNAME 'a b'"), complaint);
        assert_eq!(t.run("CLIENT SETINFO lib-foo 1"), "-ERR Unrecognized option 'lib-foo'\r\n");
        assert_eq!(t.run("CLIENT SETINFO LIB-NAME mine"), "+OK\r\n");
        let info = t.run("CLIENT INFO");
        for part in ["id=1 ", " name=worker ", " cmd=client|info ", " lib-name=mine ", " resp=2 "] {
            assert!(info.contains(part), "{part} in {info}");
        }
        assert_eq!(t.run("CLIENT SETNAME ''"), "+OK\r\n");
        assert_eq!(t.run("CLIENT GETNAME"), "$-1\r\n");
    }

    #[test]
    fn a_client_whose_last_request_named_no_command_shows_none() {
        let mut t = TestServer::new();
        let other = t.connect();
        for (line, shown) in
            [("PING", " cmd=ping "), ("NOSUCH x", " cmd=NULL "), ("GET", " cmd=get ")]
        {
            t.run_as(other, line);
            let text = t.run("CLIENT LIST ID 2");
            assert!(text.contains(shown), "{text}");
        }
    }

    #[test]
    fn filters_choose() {
        let mut t = TestServer::new();
        let other = t.connect();
        t.run_as(other, "CLIENT SETNAME other");
        let lines = |text: String| text.matches("id=").count();
        assert_eq!(lines(t.run("CLIENT LIST")), 2);
        assert_eq!(lines(t.run("CLIENT LIST NAME other")), 1);
        assert_eq!(lines(t.run("CLIENT LIST NOT-NAME other")), 1);
        assert_eq!(lines(t.run("CLIENT LIST ID 1 2 3 TYPE normal")), 2);
        assert_eq!(lines(t.run("CLIENT LIST SKIPME yes")), 1);
        assert_eq!(t.run("CLIENT LIST ID x"), "-ERR Invalid client ID\r\n");
        assert_eq!(t.run("CLIENT LIST TYPE"), "-ERR syntax error\r\n");
        assert_eq!(t.run("CLIENT LIST TYPE odd"), "-ERR Unknown client type 'odd'\r\n");
        assert_eq!(t.run("CLIENT KILL MAXAGE 5"), ":0\r\n");
        t.advance(Duration::from_secs(6));
        assert_eq!(t.run("CLIENT KILL MAXAGE 5"), ":1\r\n");
        assert_eq!(lines(t.run("CLIENT LIST")), 1);
        assert_eq!(t.run_as(other, "PING"), "");
    }

    #[test]
    fn killing_oneself_is_still_answered() {
        let mut t = TestServer::new();
        let other = t.connect();
        assert_eq!(t.run_as(other, "CLIENT KILL ID 2 SKIPME no"), ":1\r\n");
        assert!(t.srv.clients.get(other).is_none());
    }

    #[test]
    fn replies_can_be_switched_off() {
        let mut t = TestServer::new();
        assert_eq!(t.run("CLIENT REPLY OFF"), "");
        assert_eq!(t.run("PING"), "");
        assert_eq!(t.run("NOSUCH"), "");
        assert_eq!(t.run("CLIENT REPLY ON"), "+OK\r\n");
        assert_eq!(t.run("CLIENT REPLY SKIP"), "");
        assert_eq!(t.run("PING a"), "");
        assert_eq!(t.run("PING b"), "$1\r\nb\r\n");
    }

    #[test]
    fn a_pause_lets_commands_wait_and_ends_by_itself() {
        let mut t = TestServer::new();
        let other = t.connect();
        assert_eq!(t.run("CLIENT PAUSE 100 ALL"), "+OK\r\n");
        let client = t.client;
        t.send(client, b"PING\r\nPING x\r\n");
        assert_eq!(t.run_as(other, "ECHO hi"), "");
        t.advance(Duration::from_millis(99));
        assert_eq!(t.receive(client), b"");
        t.advance(Duration::from_millis(1));
        assert_eq!(t.receive(client), b"+PONG\r\n$1\r\nx\r\n");
        assert_eq!(t.receive(other), b"$2\r\nhi\r\n");
    }

    #[test]
    fn a_pause_of_writes_lets_reads_through_and_can_be_ended() {
        let mut t = TestServer::new();
        assert_eq!(t.run("CLIENT PAUSE 100000 WRITE"), "+OK\r\n");
        assert_eq!(t.run("PING"), "+PONG\r\n");
        assert_eq!(t.run("CLIENT UNPAUSE"), "+OK\r\n");
        assert_eq!(t.run("CLIENT PAUSE -1"), "-ERR timeout is negative\r\n");
        assert_eq!(t.run("CLIENT PAUSE x"), "-ERR timeout is not an integer or out of range\r\n");
        let far = t.run("CLIENT PAUSE 9223372036854775807");
        assert_eq!(far, "-ERR timeout is out of range\r\n");
    }

    #[test]
    fn reset_makes_a_new_connection_of_an_old_one() {
        let mut t = TestServer::new();
        t.run("HELLO 3 SETNAME me");
        t.run("SELECT 3");
        assert!(t.run("CLIENT INFO").contains(" db=3 "));
        assert_eq!(t.run("RESET"), "+RESET\r\n");
        let info = t.run("CLIENT INFO");
        assert!(info.contains(" name= ") && info.contains(" db=0 ") && info.contains(" resp=2 "));
        assert_eq!(t.run("SELECT 16"), "-ERR DB index is out of range\r\n");
    }

    #[test]
    fn quit_closes_after_its_answer_and_ignores_the_rest() {
        let mut t = TestServer::new();
        let other = t.connect();
        t.send(other, b"PING\r\nQUIT\r\nPING\r\n");
        assert_eq!(t.receive(other), b"+PONG\r\n+OK\r\n");
        assert!(t.srv.clients.get(other).is_none());
        assert_eq!(t.srv.stats.commands_processed, 2);
    }
}
