//! Beginning with an append-only file: read the manifest, load, open what will be written to.
//!
//! As of a moment (`--restore-to`): what was written up to that second is loaded, and a new
//! generation of files begins with it. Nothing of the old one is lost: all its files, under a
//! manifest of their own, are kept in a folder inside that of the append-only file (hard links, so
//! it takes no time and no space), from which they can be moved back.
//!
//! ```text
//!   appendonlydir/ appendonly.aof.3.base.rdb  .3.incr.aof  .manifest       the new generation
//!                  appendonly.aof.before-1700000000/                       the old one, whole
//! ```

use std::fs;
use std::io;
use std::path::PathBuf;

use super::super::State;
use super::super::append::Appender;
use super::super::driver::{listen, switch_off};
use super::super::folder::{Folder, Unreadable};
use super::super::load::driver::{self as load, Fatal};
use super::super::manifest::Manifest;
use super::super::rewrite::driver as rewrite;
use crate::base::os::os_text;
use crate::persist::dismiss::Dismiss;
use crate::server::Server;

/// Loads the append-only file and opens it, if there is to be one. With `until_s`: as of that
/// second.
pub fn start(srv: &mut Box<Server>, until_s: Option<i64>) -> Result<(), Fatal> {
    let conf = &srv.conf;
    let disk = srv.aof.folder.disk.clone();
    let (home, dirname, stem) = (&conf.process.dir, &conf.aof.dirname, &conf.aof.filename);
    srv.aof.folder = Folder::new(disk, home, dirname, stem);
    read_manifest(srv)?;
    let loaded = load::load(srv, until_s)?;
    let Server { aof, unit, .. } = &mut **srv;
    let last = aof.manifest.increments.last();
    let bytes = last.and_then(|part| aof.folder.size(&part.name).ok()).unwrap_or(0);
    unit.set_told(aof.manifest.told(bytes));
    let opened = match (until_s, loaded.stopped_at) {
        (Some(until_s), None) if !loaded.is_stamped && loaded.increments > 0 => {
            return Err(no_times(srv, until_s));
        }
        (_, Some(second)) => begin_anew(srv, second),
        _ => open(srv),
    };
    opened.map_err(|error| {
        srv.log.warning(format_args!("Can't open the append-only file: {}", os_text(&error)));
        Fatal
    })?;
    srv.aof.state = State::On;
    listen(srv, true);
    if !srv.conf.aof.enabled {
        // Somebody has changed his mind while it was being loaded.
        switch_off(srv);
    }
    Ok(())
}

fn no_times(srv: &mut Server, until_s: i64) -> Fatal {
    srv.log.warning(format_args!(
        "Can't restore the data as of {until_s}: the append-only file does not say when its commands were written. That \
         takes 'aof-timestamp-enabled yes' at the time. Nothing was changed."
    ));
    Fatal
}

fn read_manifest(srv: &mut Server) -> Result<(), Fatal> {
    let Server { aof, log, .. } = srv;
    let manifest = aof.folder.read().map_err(|error| {
        match error {
            Unreadable::Flaw(flaw) => {
                log.warning(format_args!("\n*** FATAL AOF MANIFEST FILE ERROR ***"));
                if let Some((number, text)) = flaw.line {
                    log.warning(format_args!("Reading the manifest file, at line {number}"));
                    log.warning(format_args!(">>> '{}'", String::from_utf8_lossy(&text)));
                }
                log.warning(format_args!("{}", flaw.reason));
            }
            Unreadable::Io(error) => log.warning(format_args!(
                "Fatal error: can't open the AOF manifest file {} for reading: {}",
                aof.folder.manifest_path().display(),
                os_text(&error)
            )),
        }
        Fatal
    })?;
    if aof.folder.has_old_style(manifest.as_ref()) {
        aof.manifest = aof.folder.move_in_old_style().map_err(|error| {
            log.warning(format_args!(
                "Error trying to move the old-style AOF file {} into the AOF directory: {}",
                String::from_utf8_lossy(&aof.folder.stem),
                os_text(&error)
            ));
            Fatal
        })?;
        log.notice(format_args!(
            "Successfully migrated an old-style AOF file ({}) into the AOF directory ({}).",
            String::from_utf8_lossy(&aof.folder.stem),
            aof.folder.dirname().file_name().unwrap_or_default().to_string_lossy()
        ));
        return Ok(());
    }
    aof.manifest = manifest.unwrap_or_default();
    Ok(())
}

/// Opens the last increment, or begins one, with a base if there is nothing at all.
fn open(srv: &mut Server) -> io::Result<()> {
    srv.aof.folder.ensure()?;
    let mut next = srv.aof.manifest.clone();
    if next.is_empty() {
        warn_of_snapshot(srv);
        create_base(srv, &mut next)?;
    }
    if next.increments.is_empty() {
        create_increment(srv, &mut next)?;
    } else {
        let Server { aof, log, .. } = &mut *srv;
        let name = next.increments.last().map(|part| part.name.clone()).unwrap_or_default();
        log.notice(format_args!(
            "Opening AOF incr file {} on server start",
            String::from_utf8_lossy(&name)
        ));
        let file = aof.folder.disk.append(&aof.folder.path(&name))?;
        let size = file.metadata()?.len();
        aof.appender = Some(Appender::new(aof.folder.disk.clone(), file, size));
        next.set_end(None);
    }
    take_up(srv, next)
}

/// Compat: a snapshot is not loaded when there is to be an append-only file, even if that is not
/// there yet. Many have lost their data by that, so they are told.
fn warn_of_snapshot(srv: &mut Server) {
    let path = srv.aof.folder.beside(&srv.conf.rdb.filename);
    if srv.keyspace.is_empty() && path.exists() {
        srv.log.warning(format_args!(
            "WARNING: There is no append-only file, and the snapshot {} is not loaded since appendonly is set to yes: the \
             server starts empty. To keep the data of the snapshot, stop the server with SHUTDOWN NOSAVE, start it with \
             appendonly set to no, then CONFIG SET appendonly yes.",
            path.display()
        ));
    }
}

/// From now on these files count.
fn take_up(srv: &mut Server, next: Manifest) -> io::Result<()> {
    let Server { aof, log, .. } = srv;
    if next != aof.manifest {
        let mut as_ended = next.clone();
        as_ended.set_end(aof.manifest.increments.last().and_then(|part| part.end));
        match aof.folder.write(&next) {
            // On a full disk data can still be served; the line is written with the next change.
            Err(not) if as_ended == aof.manifest => log.warning(format_args!(
                "Fail to note in the manifest that the append-only file goes on: {}",
                os_text(&not.error)
            )),
            written => written?,
        }
        aof.manifest = next;
    }
    let size = |name: &[u8]| aof.folder.size(name).unwrap_or(0);
    let base = aof.manifest.base.as_ref().map_or(0, |part| size(&part.name));
    let all: u64 = aof.manifest.increments.iter().map(|part| size(&part.name)).sum();
    aof.base_size = base;
    aof.earlier_size = all - aof.appender.as_ref().map_or(0, Appender::size).min(all);
    aof.rewritten_size = base;
    rewrite::drop_history(srv);
    Ok(())
}

fn create_base(srv: &mut Server, next: &mut Manifest) -> io::Result<()> {
    let name = next.supersede(&srv.aof.folder.stem, srv.conf.aof.use_rdb_preamble, false);
    let shown = String::from_utf8_lossy(&name).into_owned();
    srv.log.notice(format_args!("Creating AOF base file {shown} on server start"));
    let temp = srv.aof.folder.beside(&format!("temp-rewriteaof-{}.aof", std::process::id()));
    let target = srv.aof.folder.path(&name);
    Ok(rewrite::write_file(srv, (&temp, &target), Dismiss::default(), &mut |_| {})?)
}

fn create_increment(srv: &mut Server, next: &mut Manifest) -> io::Result<()> {
    let Server { aof, log, unit, .. } = srv;
    let name = next.add_increment(&aof.folder.stem, unit.told());
    log.notice(format_args!(
        "Creating AOF incr file {} on server start",
        String::from_utf8_lossy(&name)
    ));
    let file = aof.folder.disk.begin(&aof.folder.path(&name))?;
    aof.appender = Some(Appender::new(aof.folder.disk.clone(), file, 0));
    Ok(())
}

/// Begins a new generation with what was loaded.
fn begin_anew(srv: &mut Server, second: i64) -> io::Result<()> {
    let kept = keep_old(srv, second)?;
    let mut next = srv.aof.manifest.clone();
    create_base(srv, &mut next)?;
    create_increment(srv, &mut next)?;
    take_up(srv, next)?;
    srv.log.warning(format_args!(
        "The data are restored as of {second}. The files with all that came later are kept in {}: to go back, stop the \
         server and move them over those in {}.",
        kept.display(),
        srv.aof.folder.dirname().display()
    ));
    Ok(())
}

/// Keeps all files that count in a folder of their own, which could take the place of the present
/// one.
fn keep_old(srv: &mut Server, second: i64) -> io::Result<PathBuf> {
    let Server { aof, .. } = srv;
    let stem = String::from_utf8_lossy(&aof.folder.stem).into_owned();
    let named = |suffix: &str| {
        let name = format!("{stem}.before-{second}{suffix}");
        aof.folder.dirname().join(name)
    };
    let suffixes = std::iter::once(String::new()).chain((2..).map(|n| format!("-{n}")));
    let mut places = suffixes.map(|suffix| named(&suffix));
    let place = loop {
        let place = places.next().expect("numbers do not end");
        match fs::create_dir(&place) {
            Ok(()) => break place,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    };
    for part in aof.manifest.live() {
        let path = aof.folder.path(&part.name);
        fs::hard_link(&path, place.join(path.file_name().unwrap_or_default()))?;
    }
    let name = aof.folder.manifest_path();
    let mut alone = aof.manifest.clone();
    alone.history.clear();
    fs::write(place.join(name.file_name().unwrap_or_default()), alone.print())?;
    aof.folder.disk.sync_folder(&place)?;
    aof.folder.disk.sync_folder(aof.folder.dirname())?;
    Ok(place)
}
