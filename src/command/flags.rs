//! The bits of a command's record: flags and ACL categories, which users see, and what is special
//! about a command, which nobody sees.

/// Flags of a command, with the names COMMAND gives them.
pub mod flag {
    pub const WRITE: u64 = 1;
    pub const READONLY: u64 = 1 << 1;
    pub const DENYOOM: u64 = 1 << 2;
    pub const ADMIN: u64 = 1 << 3;
    pub const PUBSUB: u64 = 1 << 4;
    pub const NOSCRIPT: u64 = 1 << 5;
    pub const BLOCKING: u64 = 1 << 6;
    pub const LOADING: u64 = 1 << 7;
    pub const STALE: u64 = 1 << 8;
    pub const SKIP_MONITOR: u64 = 1 << 9;
    pub const SKIP_SLOWLOG: u64 = 1 << 10;
    pub const ASKING: u64 = 1 << 11;
    pub const FAST: u64 = 1 << 12;
    pub const NO_AUTH: u64 = 1 << 13;
    pub const MAY_REPLICATE: u64 = 1 << 14;
    pub const SENTINEL: u64 = 1 << 15;
    pub const NO_MANDATORY_KEYS: u64 = 1 << 16;
    pub const PROTECTED: u64 = 1 << 17;
    pub const NO_ASYNC_LOADING: u64 = 1 << 18;
    pub const NO_MULTI: u64 = 1 << 19;
    pub const ALLOW_BUSY: u64 = 1 << 20;
    pub const MOVABLEKEYS: u64 = 1 << 21;

    /// Names in the order in which COMMAND INFO lists them. Compat: `protected` and
    /// `may_replicate` are not shown.
    pub const NAMES: &[(u64, &str)] = &[
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (SENTINEL, "sentinel"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MULTI, "no_multi"),
        (MOVABLEKEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
    ];
}

/// What is special about a command: what other rooms do differently for it, so that none of them
/// asks for a name.
pub mod special {
    /// It may read keys that it does not name: it walks over the database, or has patterns.
    pub const READS_OTHERS: u32 = 1;
    /// Keys of which it says that it only reads them have something beside their value that it
    /// changes.
    pub const WRITES_BESIDE: u32 = 1 << 1;
    /// Expired keys that it comes across and removes are told as units of their own.
    pub const COMES_ACROSS: u32 = 1 << 2;
    /// It is about the connection: what CLIENT CACHING has said of the next command is not meant
    /// for it.
    pub const ABOUT_CLIENT: u32 = 1 << 3;
    /// A transaction does not put it aside.
    pub const UNQUEUED: u32 = 1 << 4;
    /// It may run for a client of RESP2 that has subscriptions.
    pub const FOR_LISTENERS: u32 = 1 << 5;
    /// It begins a transaction.
    pub const BEGINS_TRANSACTION: u32 = 1 << 6;
    /// It runs what a transaction has put aside, and does what that does.
    pub const RUNS_TRANSACTION: u32 = 1 << 7;
    /// Its answer is an error when the server cannot keep what is written.
    pub const TELLS_HEALTH: u32 = 1 << 8;
    /// Its first argument is a script, which may say what it does.
    pub const RUNS_SCRIPT: u32 = 1 << 9;
    /// Its first argument is the digest of such a script.
    pub const RUNS_DIGEST: u32 = 1 << 10;
    /// Its first argument names a function, which says what it does.
    pub const RUNS_FUNCTION: u32 = 1 << 11;
    /// If it is protected, so by `enable-module-command`, not by `enable-debug-command`.
    pub const ABOUT_MODULES: u32 = 1 << 12;
}

/// ACL categories, in the order in which ACL CAT lists them.
pub mod category {
    pub const KEYSPACE: u32 = 1;
    pub const READ: u32 = 1 << 1;
    pub const WRITE: u32 = 1 << 2;
    pub const SET: u32 = 1 << 3;
    pub const SORTEDSET: u32 = 1 << 4;
    pub const LIST: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const STRING: u32 = 1 << 7;
    pub const BITMAP: u32 = 1 << 8;
    pub const HYPERLOGLOG: u32 = 1 << 9;
    pub const GEO: u32 = 1 << 10;
    pub const STREAM: u32 = 1 << 11;
    pub const PUBSUB: u32 = 1 << 12;
    pub const ADMIN: u32 = 1 << 13;
    pub const FAST: u32 = 1 << 14;
    pub const SLOW: u32 = 1 << 15;
    pub const BLOCKING: u32 = 1 << 16;
    pub const DANGEROUS: u32 = 1 << 17;
    pub const CONNECTION: u32 = 1 << 18;
    pub const TRANSACTION: u32 = 1 << 19;
    pub const SCRIPTING: u32 = 1 << 20;

    pub const NAMES: &[(u32, &str)] = &[
        (KEYSPACE, "keyspace"),
        (READ, "read"),
        (WRITE, "write"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (LIST, "list"),
        (HASH, "hash"),
        (STRING, "string"),
        (BITMAP, "bitmap"),
        (HYPERLOGLOG, "hyperloglog"),
        (GEO, "geo"),
        (STREAM, "stream"),
        (PUBSUB, "pubsub"),
        (ADMIN, "admin"),
        (FAST, "fast"),
        (SLOW, "slow"),
        (BLOCKING, "blocking"),
        (DANGEROUS, "dangerous"),
        (CONNECTION, "connection"),
        (TRANSACTION, "transaction"),
        (SCRIPTING, "scripting"),
    ];
}
