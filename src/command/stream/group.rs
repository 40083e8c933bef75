//! XGROUP: making and unmaking groups and their consumers.

use super::super::key_spec::key_flag::{DELETE, INSERT, UPDATE};
use super::super::{Arg, CmdError, CmdResult, Command, Cx, Done, Group, KeySpec, category, flag};
use super::{CREATE_CONSUMER, bound, id};
use crate::command::args::integer;
use crate::keyspace::{Edit, Event};
use crate::resp::request::Args;
use crate::types::stream::{self, Stream};

pub static XGROUP: Command = Command::container(
    "xgroup",
    &[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_HELP,
        &XGROUP_SETID,
    ],
)
.arity(-2)
.group(Group::Stream)
.since("5.0.0")
.summary("Groups the commands about groups of consumers.")
.complexity("Depends on subcommand.");

/// The stream that a subcommand works on.
fn existing<'c>(cx: &'c mut Cx<'_>) -> Result<Edit<'c, Stream>, CmdError> {
    cx.db.edit(cx.args.at(2))?.ok_or(CmdError::STREAM_KEY_NEEDED)
}

/// The group that a subcommand works on.
fn group_of<'s>(stream: &'s mut Stream, args: Args<'_>) -> Result<&'s mut stream::Group, CmdError> {
    stream.group_mut(args.at(3)).ok_or_else(|| CmdError::no_group(args.at(3), args.at(2)))
}

/// The options behind the id: MKSTREAM, where it may stand, and ENTRIESREAD.
fn options(args: Args<'_>, may_create: bool) -> Result<(bool, Option<u64>), CmdError> {
    let (mut create, mut read, mut at) = (false, None, 5);
    while at < args.len() {
        if may_create && args.is(at, "MKSTREAM") {
            create = true;
            at += 1;
        } else if args.is(at, "ENTRIESREAD") && at + 1 < args.len() {
            read = match integer(args.at(at + 1))? {
                -1 => None,
                number => Some(u64::try_from(number).map_err(|_| CmdError::STREAM_ENTRIES_READ)?),
            };
            at += 2;
        } else {
            return Err(CmdError::subcommand_arity("XGROUP", args.at(1)));
        }
    }
    Ok((create, read))
}

pub static XGROUP_CREATE: Command = Command::data("xgroup|create", xgroup_create)
    .arity(-5)
    .flags(flag::WRITE | flag::DENYOOM)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Makes a group of consumers.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).rw(INSERT)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::one_of("id-selector", &[Arg::string("id"), Arg::pure_token("new-id", "$")]),
        Arg::pure_token("mkstream", "MKSTREAM").optional(),
        Arg::integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
    ])
    .history(&[("7.0.0", "The option `ENTRIESREAD`.")]);

fn xgroup_create(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(2), cx.args);
    let (create, read) = options(args, true)?;
    if !create {
        existing(cx)?;
    }
    let given = || if args.at(4) == b"$" { Ok(None) } else { id(args.at(4), 0).map(Some) };
    // Compat: the type of the key matters before the id.
    let is_created = cx.db.edit::<Stream>(key)?.is_none();
    let given = given()?;
    let mut stream = cx.db.edit_or_create::<Stream>(key)?;
    let last = given.unwrap_or(stream.last_id);
    let read = read.map(|read| read.min(stream.entries_added));
    let is_new = stream.add_group(stream::Group::new(args.at(3), last, read));
    drop(stream);
    if !is_new {
        return Err(CmdError::STREAM_GROUP_EXISTS);
    }
    if is_created {
        cx.db.touched(key, 0);
    }
    cx.db.changed_beside(key, Some(Event::stream("xgroup-create")), 1);
    cx.out.ok();
    Ok(Done)
}

pub static XGROUP_SETID: Command = Command::data("xgroup|setid", xgroup_setid)
    .arity(-5)
    .flags(flag::WRITE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Sets the entry behind which a group goes on reading.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).rw(UPDATE)])
    .args(&[
        Arg::key("key"),
        Arg::string("group"),
        Arg::one_of("id-selector", &[Arg::string("id"), Arg::pure_token("new-id", "$")]),
        Arg::integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
    ])
    .history(&[("7.0.0", "The option `ENTRIESREAD`.")]);

fn xgroup_setid(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(2), cx.args);
    let (_, read) = options(args, false)?;
    let mut stream = existing(cx)?;
    let (last, added) = (stream.last_id, stream.entries_added);
    let group = group_of(&mut stream, args)?;
    group.last_id = if args.at(4) == b"$" { last } else { bound(args.at(4), 0)? };
    group.entries_read = read.map(|read| read.min(added));
    drop(stream);
    cx.db.changed_beside(key, Some(Event::stream("xgroup-setid")), 1);
    cx.out.ok();
    Ok(Done)
}

pub static XGROUP_DESTROY: Command = Command::data("xgroup|destroy", xgroup_destroy)
    .arity(4)
    .flags(flag::WRITE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Removes a group of consumers.")
    .complexity("O(N) for N pending entries of the group.")
    .keys(&[KeySpec::at(2).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("group")]);

fn xgroup_destroy(cx: &mut Cx<'_>) -> CmdResult {
    let (key, name) = (cx.args.at(2), cx.args.at(3));
    let gone = existing(cx)?.remove_group(name);
    if gone.is_some() {
        cx.db.changed_beside(key, Some(Event::stream("xgroup-destroy")), 1);
        // Those who read in this group wait in vain.
        cx.db.wake(key);
    }
    cx.out.flag(gone.is_some());
    Ok(Done)
}

pub static XGROUP_CREATECONSUMER: Command =
    Command::data("xgroup|createconsumer", xgroup_createconsumer)
        .arity(5)
        .flags(flag::WRITE | flag::DENYOOM)
        .categories(category::STREAM)
        .group(Group::Stream)
        .since("6.2.0")
        .summary("Makes a consumer in a group.")
        .complexity("O(1)")
        .keys(&[KeySpec::at(2).rw(INSERT)])
        .args(&[Arg::key("key"), Arg::string("group"), Arg::string("consumer")]);

fn xgroup_createconsumer(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args, now) = (cx.args.at(2), cx.args, cx.now);
    let mut stream = existing(cx)?;
    let (_, is_new) = group_of(&mut stream, args)?.find_or_create(args.at(4), now);
    drop(stream);
    if is_new {
        cx.db.changed_beside(key, Some(CREATE_CONSUMER), 1);
    }
    cx.out.flag(is_new);
    Ok(Done)
}

pub static XGROUP_DELCONSUMER: Command = Command::data("xgroup|delconsumer", xgroup_delconsumer)
    .arity(5)
    .flags(flag::WRITE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Removes a consumer from its group.")
    .complexity("O(1)")
    .keys(&[KeySpec::at(2).rw(DELETE)])
    .args(&[Arg::key("key"), Arg::string("group"), Arg::string("consumer")]);

fn xgroup_delconsumer(cx: &mut Cx<'_>) -> CmdResult {
    let (key, args) = (cx.args.at(2), cx.args);
    let mut stream = existing(cx)?;
    let pending = group_of(&mut stream, args)?.remove_consumer(args.at(4));
    drop(stream);
    if pending.is_some() {
        cx.db.changed_beside(key, Some(Event::stream("xgroup-delconsumer")), 1);
    }
    cx.out.uint(pending.unwrap_or(0) as u64);
    Ok(Done)
}

pub static XGROUP_HELP: Command = Command::data("xgroup|help", xgroup_help)
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::STREAM)
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn xgroup_help(cx: &mut Cx<'_>) -> CmdResult {
    cx.out.help("XGROUP", HELP);
    Ok(Done)
}

const HELP: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [option]",
    "    Make a group of consumers. Options are:",
    "    * MKSTREAM",
    "      Make an empty stream if there is none.",
    "    * ENTRIESREAD entries_read",
    "      Set how many entries the group has read (for internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Make a consumer in a group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove a consumer from its group.",
    "DESTROY <key> <groupname>",
    "    Remove a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set where a group goes on reading, and how many entries it has read.",
];
