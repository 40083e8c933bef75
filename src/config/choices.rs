//! Options that are one out of a list: their enums, with the names that files and commands use.
//!
//! The order of the variants is the order in which the refusal of an unknown name lists them.

use super::value::choices;

choices! {
    /// Who may use a dangerous thing.
    Guard {
        No = "no",
        Yes = "yes",
        Local = "local",
    }
}

choices! {
    /// How much is logged.
    LogLevel {
        Debug = "debug",
        Verbose = "verbose",
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }
}

choices! {
    /// The form of log lines.
    LogFormat {
        Legacy = "legacy",
        Logfmt = "logfmt",
        Json = "json",
    }
}

choices! {
    /// The form of the time in log lines.
    LogTimestamp {
        Legacy = "legacy",
        Iso8601 = "iso8601",
        Milliseconds = "milliseconds",
    }
}

choices! {
    /// Facility of the system logger.
    SyslogFacility {
        User = "user",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
}

choices! {
    /// The supervisor to report to.
    Supervised {
        Upstart = "upstart",
        Systemd = "systemd",
        Auto = "auto",
        No = "no",
    }
}

choices! {
    /// How the score of the out-of-memory killer is set; `Relative` is read as `Yes`.
    OomScoreAdj {
        No = "no",
        Yes = "yes",
        Relative = "relative",
        Absolute = "absolute",
    }
}

choices! {
    /// Whether TLS clients must show a certificate.
    TlsAuthClients {
        No = "no",
        Yes = "yes",
        Optional = "optional",
    }
}

choices! {
    /// The field of a certificate that names the user.
    TlsAuthUser {
        CommonName = "CN",
        Uri = "URI",
        Off = "off",
    }
}

choices! {
    /// When loaded values are checked in depth.
    SanitizePayload {
        No = "no",
        Yes = "yes",
        Clients = "clients",
    }
}

choices! {
    /// The version of snapshots and payloads that are written.
    RdbSaveVersion {
        Auto = "auto",
        V10 = "10",
        V11 = "11",
        V12 = "12",
        V80 = "80",
    }
}

choices! {
    /// What to do with a snapshot of an unknown version.
    RdbVersionCheck {
        Strict = "strict",
        Relaxed = "relaxed",
    }
}

choices! {
    /// How a replica loads what it receives.
    DisklessLoad {
        Disabled = "disabled",
        OnEmptyDb = "on-empty-db",
        SwapDb = "swapdb",
        FlushBeforeLoad = "flush-before-load",
    }
}

choices! {
    /// What to do when a replicated command fails.
    PropagationError {
        Ignore = "ignore",
        Panic = "panic",
        PanicOnReplicas = "panic-on-replicas",
    }
}

choices! {
    /// Channels of a new user.
    AclPubsub {
        AllChannels = "allchannels",
        ResetChannels = "resetchannels",
    }
}

choices! {
    /// Which keys are evicted.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        NoEviction = "noeviction",
    }
}

impl MaxmemoryPolicy {
    /// Keys are chosen by when they were last used.
    pub fn is_lru(self) -> bool {
        matches!(self, MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru)
    }

    /// Keys are chosen by how often they are used, which their clocks count.
    pub fn is_lfu(self) -> bool {
        matches!(self, MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu)
    }
}

choices! {
    /// When the append-only file is forced to the disk.
    AppendFsync {
        EverySec = "everysec",
        Always = "always",
        No = "no",
    }
}

choices! {
    /// What to do if the cluster's file cannot be written.
    ConfigSave {
        Sync = "sync",
        BestEffort = "best-effort",
    }
}

choices! {
    /// What cluster clients are told to connect to.
    EndpointType {
        Ip = "ip",
        Hostname = "hostname",
        UnknownEndpoint = "unknown-endpoint",
    }
}
