//! INFO, the command.

use super::driver::render;
use crate::command::{Arg, Call, CmdResult, Command, Done, Group, category, flag};
use crate::server::{Run, Server};

pub static INFO: Command = Command::server("info", &Run(info))
    .arity(-1)
    .flags(flag::LOADING | flag::STALE)
    .categories(category::DANGEROUS)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Tells facts and counters of the server, by sections.")
    .complexity("O(1)")
    .history(&[("7.0.0", "Several sections can be named.")])
    .args(&[Arg::string("section").optional().multiple()])
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]);

fn info(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let info = render(srv, call.query.args().from(1));
    call.out.verbatim(info.text());
    Ok(Done)
}
