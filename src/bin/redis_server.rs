//! The server's program: everything is in the library.

use std::ffi::OsString;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use hematite::check::{memory, rdb, system};
use hematite::server::boot::{self, Fatal};
use hematite::server::mode::{self, Mode};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let done = match Mode::of(&argv) {
        Mode::Server => match boot::serve(&argv) {
            Ok(()) => Ok(true),
            Err(Fatal::Said) => Ok(false),
            Err(Fatal::Say(text)) => stderr().write_all(&text).map(|()| false),
        },
        Mode::Version => writeln!(stdout(), "{}", mode::version()).map(|()| true),
        Mode::Help => stderr().write_all(mode::HELP.as_bytes()).map(|()| false),
        Mode::CheckSystem => system::check(&mut stdout()),
        Mode::CheckRdb(path) => rdb::check(&path, &mut stdout()),
        Mode::CheckRdbVersion => writeln!(stdout(), "{}", rdb::version()).map(|()| true),
        Mode::TestMemory(megabytes) => memory::test(megabytes, &mut stdout()),
        Mode::Refused(text) => writeln!(stderr(), "{text}").map(|()| false),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
