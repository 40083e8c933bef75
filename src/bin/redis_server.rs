//! The server's program: everything is in the library.

use std::ffi::OsString;
use std::io::{Write, stderr, stdin, stdout};
use std::process::ExitCode;

use hematite::check::{aof, memory, rdb, system};
use hematite::process::boot::{self, Fatal};
use hematite::process::mode::{self, Mode};

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
        Mode::CheckAof(words, called) => {
            aof::run(&words, &mut stdin().lock(), &mut stdout(), &called)
        }
        Mode::TestMemory(megabytes) => memory::test(megabytes, &mut stdout()),
        Mode::Refused(text) => writeln!(stderr(), "{text}").map(|()| false),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
