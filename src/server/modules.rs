//! MODULE, on a server that has none and loads none.

use super::{Run, Server};
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, flag, special};

pub static MODULE: Command = Command::container("module", SUBCOMMANDS)
    .arity(-2)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Groups the commands about modules.")
    .complexity("Depends on subcommand.");

static SUBCOMMANDS: &[&Command] = &[&HELP, &LIST, &LOAD, &LOADEX, &UNLOAD];

static HELP: Command = Command::server("module|help", &Run(help))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Server)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

fn help(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.help(
        "MODULE",
        &[
            "LIST",
            "    Lists the modules that are loaded: none.",
            "LOAD <path> [<arg> ...]",
            "    Loads a module; this server cannot.",
            "LOADEX <path> [[CONFIG NAME VALUE] ...] [ARGS ...]",
            "    Loads a module with parameters; this server cannot.",
            "UNLOAD <name>",
            "    Removes a module.",
        ],
    );
    Ok(Done)
}

static LIST: Command = Command::server("module|list", &Run(list))
    .arity(2)
    .flags(flag::ADMIN | flag::NOSCRIPT)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Lists the modules that are loaded.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output_order"]);

fn list(_: &mut Box<Server>, call: &mut Call) -> CmdResult {
    call.out.array(0);
    Ok(Done)
}

const LOADS: u64 = flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::PROTECTED;

static LOAD: Command = Command::server("module|load", &Run(load))
    .special(special::ABOUT_MODULES)
    .arity(-3)
    .flags(LOADS)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Loads a module.")
    .complexity("O(1)")
    .args(&[Arg::string("path"), Arg::string("arg").optional().multiple()]);

static LOADEX: Command = Command::server("module|loadex", &Run(load))
    .special(special::ABOUT_MODULES)
    .arity(-3)
    .flags(LOADS)
    .group(Group::Server)
    .since("7.0.0")
    .summary("Loads a module with parameters.")
    .complexity("O(1)")
    .args(&[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple()
            .multiple_token(),
        Arg::string("args").token("ARGS").optional().multiple(),
    ]);

fn load(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let path = String::from_utf8_lossy(call.args().at(2)).into_owned();
    srv.log.warning(format_args!("Module {path} failed to load: this server loads no modules"));
    Err(CmdError::Fixed("ERR Error loading the extension. Please check the server logs."))
}

static UNLOAD: Command = Command::server("module|unload", &Run(unload))
    .special(special::ABOUT_MODULES)
    .arity(3)
    .flags(LOADS)
    .group(Group::Server)
    .since("4.0.0")
    .summary("Removes a module.")
    .complexity("O(1)")
    .args(&[Arg::string("name")]);

fn unload(_: &mut Box<Server>, _: &mut Call) -> CmdResult {
    Err(CmdError::Fixed("ERR Error unloading module: no such module with that name"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Guard};
    use crate::server::testing::TestServer;

    #[test]
    fn there_are_no_modules() {
        let mut t = TestServer::new();
        assert_eq!(t.run("MODULE LIST"), "*0\r\n");
        assert!(t.run("MODULE LOAD x").starts_with("-ERR MODULE command not allowed."));
        assert!(t.run("MODULE HELP").contains("+MODULE <subcommand>"));
        let mut conf = Config::default();
        conf.security.enable_module_command = Guard::Yes;
        let mut t = TestServer::with(conf);
        assert!(t.run("MODULE LOADEX /x").starts_with("-ERR Error loading the extension."));
        assert!(t.run("MODULE UNLOAD x").contains("no such module with that name"));
    }
}
