//! What a server outside of a cluster answers to the cluster's commands: that there is none.
//!
//! Cluster mode is not built yet, and `cluster-enabled yes` stops the start. The records are
//! complete, so that COMMAND tells clients the same as elsewhere, and a call with a wrong number of
//! words hears of that first, as in the reference.

use super::{Run, Server};
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Group, category, flag};

/// All of them, in a server outside of a cluster.
fn disabled(_: &mut Box<Server>, _: &mut Call) -> CmdResult {
    Err(CmdError::Fixed("ERR This instance has cluster support disabled"))
}

pub static ASKING: Command = Command::server("asking", &Run(disabled))
    .arity(1)
    .flags(flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lets the next command through to a slot that is being moved here.")
    .complexity("O(1)");

pub static READONLY: Command = Command::server("readonly", &Run(disabled))
    .arity(1)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lets the connection read from a replica of the cluster.")
    .complexity("O(1)");

pub static READWRITE: Command = Command::server("readwrite", &Run(disabled))
    .arity(1)
    .flags(flag::LOADING | flag::STALE | flag::FAST)
    .categories(category::CONNECTION)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Takes READONLY back.")
    .complexity("O(1)");

pub static CLUSTER: Command = Command::container("cluster", SUBCOMMANDS)
    .arity(-2)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Groups the commands about the cluster.")
    .complexity("Depends on subcommand.");

static SUBCOMMANDS: &[&Command] = &[
    &ADDSLOTS,
    &ADDSLOTSRANGE,
    &BUMPEPOCH,
    &COUNT_FAILURE_REPORTS,
    &COUNTKEYSINSLOT,
    &DELSLOTS,
    &DELSLOTSRANGE,
    &FAILOVER,
    &FLUSHSLOTS,
    &FORGET,
    &GETKEYSINSLOT,
    &HELP,
    &INFO,
    &KEYSLOT,
    &LINKS,
    &MEET,
    &MYID,
    &MYSHARDID,
    &NODES,
    &REPLICAS,
    &REPLICATE,
    &RESET,
    &SAVECONFIG,
    &SET_CONFIG_EPOCH,
    &SETSLOT,
    &SHARDS,
    &SLAVES,
    &SLOT_STATS,
    &SLOTS,
];

static ADDSLOTS: Command = Command::server("cluster|addslots", &Run(disabled))
    .arity(-3)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Assigns slots to this node.")
    .complexity("O(1)")
    .args(&[Arg::integer("slot").multiple()]);

static ADDSLOTSRANGE: Command = Command::server("cluster|addslotsrange", &Run(disabled))
    .arity(-4)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("7.0.0")
    .summary("Assigns ranges of slots to this node.")
    .complexity("O(1)")
    .args(&[
        Arg::block("range", &[Arg::integer("start-slot"), Arg::integer("end-slot")]).multiple()
    ]);

static BUMPEPOCH: Command = Command::server("cluster|bumpepoch", &Run(disabled))
    .arity(2)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Raises the node's configuration epoch.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static COUNT_FAILURE_REPORTS: Command =
    Command::server("cluster|count-failure-reports", &Run(disabled))
        .arity(3)
        .flags(flag::ADMIN | flag::STALE)
        .group(Group::Cluster)
        .since("3.0.0")
        .summary("Counts the reports that a node has failed.")
        .complexity("O(1)")
        .tips(&["nondeterministic_output"])
        .args(&[Arg::string("node-id")]);

static COUNTKEYSINSLOT: Command = Command::server("cluster|countkeysinslot", &Run(disabled))
    .arity(3)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Counts the keys of a slot.")
    .complexity("O(1)")
    .args(&[Arg::integer("slot")]);

static DELSLOTS: Command = Command::server("cluster|delslots", &Run(disabled))
    .arity(-3)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Takes slots away from this node.")
    .complexity("O(1)")
    .args(&[Arg::integer("slot").multiple()]);

static DELSLOTSRANGE: Command = Command::server("cluster|delslotsrange", &Run(disabled))
    .arity(-4)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("7.0.0")
    .summary("Takes ranges of slots away from this node.")
    .complexity("O(1)")
    .args(&[
        Arg::block("range", &[Arg::integer("start-slot"), Arg::integer("end-slot")]).multiple()
    ]);

static FAILOVER: Command = Command::server("cluster|failover", &Run(disabled))
    .arity(-2)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Has this replica take the place of its primary.")
    .complexity("O(1)")
    .args(&[Arg::one_of(
        "options",
        &[Arg::pure_token("force", "FORCE"), Arg::pure_token("takeover", "TAKEOVER")],
    )
    .optional()]);

static FLUSHSLOTS: Command = Command::server("cluster|flushslots", &Run(disabled))
    .arity(2)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Takes all slots away from this node.")
    .complexity("O(1)");

static FORGET: Command = Command::server("cluster|forget", &Run(disabled))
    .arity(3)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Removes a node from the table of nodes.")
    .complexity("O(1)")
    .args(&[Arg::string("node-id")]);

static GETKEYSINSLOT: Command = Command::server("cluster|getkeysinslot", &Run(disabled))
    .arity(4)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Names keys of a slot.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"])
    .args(&[Arg::integer("slot"), Arg::integer("count")]);

static HELP: Command = Command::server("cluster|help", &Run(disabled))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Cluster)
    .since("5.0.0")
    .summary("Explains the subcommands.")
    .complexity("O(1)");

static INFO: Command = Command::server("cluster|info", &Run(disabled))
    .arity(2)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Tells the state of the cluster.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static KEYSLOT: Command = Command::server("cluster|keyslot", &Run(disabled))
    .arity(3)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Computes the slot of a key.")
    .complexity("O(1)")
    .args(&[Arg::string("key")]);

static LINKS: Command = Command::server("cluster|links", &Run(disabled))
    .arity(2)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("7.0.0")
    .summary("Lists the links of the bus.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static MEET: Command = Command::server("cluster|meet", &Run(disabled))
    .arity(-4)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Introduces another node.")
    .complexity("O(1)")
    .history(&[("4.0.0", "Takes the port of the bus.")])
    .args(&[
        Arg::string("ip"),
        Arg::integer("port"),
        Arg::integer("cluster-bus-port").since("4.0.0").optional(),
    ]);

static MYID: Command = Command::server("cluster|myid", &Run(disabled))
    .arity(2)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Tells this node's name.")
    .complexity("O(1)");

static MYSHARDID: Command = Command::server("cluster|myshardid", &Run(disabled))
    .arity(2)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("7.2.0")
    .summary("Tells the name of this node's shard.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static NODES: Command = Command::server("cluster|nodes", &Run(disabled))
    .arity(2)
    .flags(flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lists the nodes as this one sees them.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static REPLICAS: Command = Command::server("cluster|replicas", &Run(disabled))
    .arity(3)
    .flags(flag::ADMIN | flag::STALE)
    .group(Group::Cluster)
    .since("5.0.0")
    .summary("Lists the replicas of a primary.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"])
    .args(&[Arg::string("node-id")]);

static REPLICATE: Command = Command::server("cluster|replicate", &Run(disabled))
    .arity(3)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Makes this node a replica of another.")
    .complexity("O(1)")
    .args(&[Arg::string("node-id")]);

static RESET: Command = Command::server("cluster|reset", &Run(disabled))
    .arity(-2)
    .flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Forgets the cluster.")
    .complexity("O(1)")
    .args(&[Arg::one_of(
        "reset-type",
        &[Arg::pure_token("hard", "HARD"), Arg::pure_token("soft", "SOFT")],
    )
    .optional()]);

static SAVECONFIG: Command = Command::server("cluster|saveconfig", &Run(disabled))
    .arity(2)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Writes the file of the cluster's state.")
    .complexity("O(1)");

static SET_CONFIG_EPOCH: Command = Command::server("cluster|set-config-epoch", &Run(disabled))
    .arity(3)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Sets the configuration epoch of a new node.")
    .complexity("O(1)")
    .args(&[Arg::integer("config-epoch")]);

static SETSLOT: Command = Command::server("cluster|setslot", &Run(disabled))
    .arity(-4)
    .flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Binds a slot to a node, or says that it moves.")
    .complexity("O(1)")
    .args(&[
        Arg::integer("slot"),
        Arg::one_of(
            "subcommand",
            &[
                Arg::string("importing").token("IMPORTING").display("node-id"),
                Arg::string("migrating").token("MIGRATING").display("node-id"),
                Arg::string("node").token("NODE").display("node-id"),
                Arg::pure_token("stable", "STABLE"),
            ],
        ),
    ]);

static SHARDS: Command = Command::server("cluster|shards", &Run(disabled))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Cluster)
    .since("7.0.0")
    .summary("Lists the shards, their slots and nodes.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"]);

static SLAVES: Command = Command::server("cluster|slaves", &Run(disabled))
    .arity(3)
    .flags(flag::ADMIN | flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lists the replicas of a primary.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"])
    .deprecated("5.0.0", "`CLUSTER REPLICAS`")
    .args(&[Arg::string("node-id")]);

static SLOT_STATS: Command = Command::server("cluster|slot-stats", &Run(disabled))
    .arity(-4)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Cluster)
    .since("8.2.0")
    .summary("Tells how much each slot is used.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output", "request_policy:all_shards"])
    .args(&[Arg::one_of(
        "filter",
        &[
            Arg::block("slotsrange", &[Arg::integer("start-slot"), Arg::integer("end-slot")])
                .token("SLOTSRANGE"),
            Arg::block(
                "orderby",
                &[
                    Arg::string("metric"),
                    Arg::integer("limit").token("LIMIT").optional(),
                    Arg::one_of(
                        "order",
                        &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")],
                    )
                    .optional(),
                ],
            )
            .token("ORDERBY"),
        ],
    )]);

static SLOTS: Command = Command::server("cluster|slots", &Run(disabled))
    .arity(2)
    .flags(flag::LOADING | flag::STALE)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lists the slots and their nodes.")
    .complexity("O(1)")
    .tips(&["nondeterministic_output"])
    .deprecated("7.0.0", "`CLUSTER SHARDS`")
    .history(&[
        ("4.0.0", "Tells the names of nodes."),
        ("7.0.0", "Tells more of how to reach them."),
    ]);

#[cfg(test)]
mod tests {
    use crate::server::testing::TestServer;

    #[test]
    fn there_is_no_cluster() {
        let mut t = TestServer::new();
        for line in [
            "CLUSTER INFO",
            "CLUSTER SLOTS",
            "CLUSTER HELP",
            "CLUSTER RESET HARD x",
            "READONLY",
            "ASKING",
        ] {
            let answer = t.run(line);
            assert_eq!(answer, "-ERR This instance has cluster support disabled\r\n", "{line}");
        }
        let unknown = "-ERR unknown subcommand 'x'. Try CLUSTER HELP.\r\n";
        assert_eq!(t.run("CLUSTER x"), unknown);
        let arity = "-ERR wrong number of arguments for 'cluster|addslots' command\r\n";
        assert_eq!(t.run("CLUSTER ADDSLOTS"), arity);
    }
}
