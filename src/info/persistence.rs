//! The section of what is kept on the disk: loads, snapshots, the append-only file, and the child
//! that writes them.

use super::Info;
use crate::base::clock::Clock;
use crate::keyspace::Keyspace;
use crate::persist::aof::{Aof, State};
use crate::persist::child::Task;
use crate::persist::children::Children;
use crate::persist::rdb::{Loading, Snapshots};

const fn status(ok: bool) -> &'static str {
    if ok { "ok" } else { "err" }
}

/// The parts that are shown.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    pub keyspace: &'a Keyspace,
    pub rdb: &'a Snapshots,
    pub aof: &'a Aof,
    pub children: &'a Children,
    pub clock: &'a Clock,
}

pub fn write(w: &mut Info, parts: Parts<'_>) {
    w.flag("loading", parts.rdb.loading.is_some());
    w.later("async_loading");
    child(w, parts);
    snapshots(w, parts);
    append_only_file(w, parts);
    w.later("module_fork_in_progress");
    w.later("module_fork_last_cow_size");
    if parts.aof.state != State::Off {
        sizes(w, parts.aof);
    }
    if let Some(loading) = &parts.rdb.loading {
        load(w, loading, parts.clock.now().seconds());
    }
}

/// How the child gets on.
fn child(w: &mut Info, Parts { children, clock, .. }: Parts<'_>) {
    let active = children.active.as_ref();
    let figures = active.map(|child| child.figures).unwrap_or_default();
    let total = active.map_or(0, |child| child.keys_total);
    let age_us = active.map_or(0, |child| clock.mono_cached_us().saturating_sub(child.told_us));
    let percent = if total == 0 { 0.0 } else { figures.keys as f64 * 100.0 / total as f64 };
    w.put("current_cow_peak", active.map_or(0, |child| child.peak));
    w.put("current_cow_size", figures.copied);
    w.put("current_cow_size_age", if figures.copied == 0 { 0 } else { age_us / 1_000_000 });
    w.ratio("current_fork_perc", percent);
    w.put("current_save_keys_processed", figures.keys);
    w.put("current_save_keys_total", total);
}

/// Seconds that a child has been at a task; -1: there is none.
fn running_s(Parts { children, clock, .. }: Parts<'_>, task: Task) -> i64 {
    let child = children.active.as_ref().filter(|child| child.task == task);
    child.map_or(-1, |child| clock.now().seconds() - child.started_s)
}

fn snapshots(w: &mut Info, parts: Parts<'_>) {
    let Parts { keyspace, rdb, children, .. } = parts;
    let running = running_s(parts, Task::Snapshot);
    w.put("rdb_changes_since_last_save", rdb.unsaved(keyspace.dirty));
    w.flag("rdb_bgsave_in_progress", running >= 0);
    w.put("rdb_last_save_time", rdb.last_save_s);
    w.put("rdb_last_bgsave_status", status(rdb.last_ok));
    w.put("rdb_last_bgsave_time_sec", children.snapshot_took_s);
    w.put("rdb_current_bgsave_time_sec", running);
    w.put("rdb_saves", rdb.saves);
    w.put("rdb_last_cow_size", children.snapshot_copied);
    w.put("rdb_last_load_keys_expired", rdb.last_load.expired);
    w.put("rdb_last_load_keys_loaded", rdb.last_load.keys);
}

fn append_only_file(w: &mut Info, parts: Parts<'_>) {
    let Parts { aof, children, .. } = parts;
    let (running, rewrites) = (running_s(parts, Task::Rewrite), &aof.rewrites);
    w.flag("aof_enabled", aof.state != State::Off);
    w.flag("aof_rewrite_in_progress", running >= 0);
    w.flag("aof_rewrite_scheduled", rewrites.scheduled);
    w.put("aof_last_rewrite_time_sec", rewrites.last_s);
    w.put("aof_current_rewrite_time_sec", running);
    w.put("aof_last_bgrewrite_status", status(rewrites.last_ok));
    w.put("aof_rewrites", rewrites.count);
    w.put("aof_rewrites_consecutive_failures", rewrites.failures_in_a_row);
    w.put("aof_last_write_status", status(aof.trouble().is_none()));
    w.put("aof_last_cow_size", children.rewrite_copied);
}

fn sizes(w: &mut Info, aof: &Aof) {
    w.put("aof_current_size", aof.size());
    w.put("aof_base_size", aof.rewritten_size);
    w.flag("aof_pending_rewrite", aof.rewrites.scheduled);
    w.put("aof_buffer_length", aof.appender.as_ref().map_or(0, |appender| appender.buf.len()));
    w.put("aof_pending_bio_fsync", aof.bio.syncs_pending());
    w.put("aof_delayed_fsync", aof.delayed_syncs);
}

fn load(w: &mut Info, loading: &Loading, now_s: i64) {
    let Loading { since_s, total_bytes, loaded_bytes, used_memory } = *loading;
    let passed = (now_s - since_s).max(0) as f64;
    let left = total_bytes.saturating_sub(loaded_bytes) as f64;
    // Nothing is known yet: one second.
    let eta = if loaded_bytes == 0 { 1.0 } else { passed * left / loaded_bytes as f64 };
    let percent =
        if total_bytes == 0 { 0.0 } else { loaded_bytes as f64 * 100.0 / total_bytes as f64 };
    w.put("loading_start_time", since_s);
    w.put("loading_total_bytes", total_bytes);
    w.put("loading_rdb_used_mem", used_memory);
    w.put("loading_loaded_bytes", loaded_bytes);
    w.ratio("loading_loaded_perc", percent);
    w.put("loading_eta_seconds", eta as i64);
}
