//! The sections of INFO, and which parts of the server stand in them.

#[cfg(test)]
mod tests;

use super::{Info, Shown, persistence, sections};
use crate::server::{Server, cron};

/// One section.
pub struct Section {
    pub title: &'static str,
    pub shown: Shown,
    pub write: fn(&mut Server, &mut Info),
}

const fn section(title: &'static str, shown: Shown, write: fn(&mut Server, &mut Info)) -> Section {
    Section { title, shown, write }
}

/// All sections in order. A section is asked for by its title, in any case.
pub static SECTIONS: &[Section] = &[
    section("Server", Shown::Default, |s, w| {
        let hz = cron::ticks_per_second(s);
        sections::server(w, &s.process, (&s.conf, hz), &s.clock);
    }),
    section("Clients", Shown::Default, |s, w| {
        let parts = (&s.keyspace, &s.pubsub, &s.tracking);
        sections::clients(w, &s.clients, parts, (&s.conf, &s.clock));
    }),
    section("Memory", Shown::Default, |s, w| {
        let now_s = s.clock.now().seconds();
        let parts = (&mut s.memory, &s.clients, &s.keyspace, &s.aof);
        sections::memory(w, parts, (&s.conf, &s.script), now_s);
    }),
    section("Persistence", Shown::Default, |s, w| {
        let Server { keyspace, rdb, aof, children, clock, .. } = s;
        persistence::write(w, persistence::Parts { keyspace, rdb, aof, children, clock });
    }),
    section("Threads", Shown::Default, |s, w| sections::threads(w, &s.clients, &s.stats)),
    section("Stats", Shown::Default, |s, w| {
        sections::stats(
            w,
            &s.stats,
            &s.keyspace.stats,
            (&s.eviction, &s.script, s.clock.mono_cached_us()),
            (&s.pubsub, &s.tracking, &s.children, &s.links),
        )
    }),
    section("Replication", Shown::Default, |s, w| sections::replication(w, &s.conf, s.unit.told())),
    section("CPU", Shown::Default, |_, w| sections::cpu(w)),
    section("Modules", Shown::Default, |_, _| {}),
    section("Commandstats", Shown::All, |s, w| s.stats.info_commands(w, &s.commands)),
    section("Errorstats", Shown::Default, |s, w| s.stats.info_errors(w)),
    section("Latencystats", Shown::All, |s, w| {
        s.stats.info_latency(w, &s.commands, &s.conf.latency.info_percentiles);
    }),
    section("Cluster", Shown::Default, |_, w| w.later("cluster_enabled")),
    section("Keyspace", Shown::Default, |s, w| {
        sections::keyspace(w, &s.keyspace, s.clock.now());
    }),
    section("Keysizes", Shown::Default, |s, w| sections::key_sizes(w, &s.keyspace)),
    section("Debug", Shown::Never, |s, w| sections::debug(w, &s.stats)),
];

/// The text of INFO for these arguments: none, names of sections, `default`, `all`, `everything`.
/// Names nobody knows are passed over.
pub fn render<'a>(srv: &mut Server, names: impl Iterator<Item = &'a [u8]> + Clone) -> Info {
    let asked = |name: &str| names.clone().any(|n| n.eq_ignore_ascii_case(name.as_bytes()));
    let up_to = if asked("all") || asked("everything") {
        Some(Shown::All)
    } else if asked("default") || names.clone().next().is_none() {
        Some(Shown::Default)
    } else {
        None
    };
    let mut info = Info::default();
    for section in SECTIONS {
        if up_to.is_some_and(|up_to| section.shown <= up_to) || asked(section.title) {
            info.title(section.title);
            (section.write)(srv, &mut info);
        }
    }
    info
}

/// The fields whose features come later, for the README.
#[cfg(test)]
pub fn later_fields(srv: &mut Server) -> Vec<String> {
    render(srv, [&b"everything"[..], b"debug"].into_iter()).later
}
