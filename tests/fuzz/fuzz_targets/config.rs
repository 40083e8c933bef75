//! The configuration parser: any file, any command line. It says what is wrong, and never panics;
//! what it accepts can be written back and read again.

#![no_main]

use hematite::config::{rewrite, startup};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], Vec<Vec<u8>>)| {
    let (file, mut args) = input;
    args.truncate(16);
    args.insert(0, b"/fuzz.conf".to_vec());
    let read = startup(&args, false, &mut |path| {
        if path.ends_with("fuzz.conf") { Ok(file.to_vec()) } else { Err(std::io::ErrorKind::NotFound.into()) }
    });
    if let Ok(started) = read {
        let written = rewrite::rewrite(Some(file), &started.config);
        let again = startup(&args[..1], false, &mut |_| Ok(written.clone()));
        assert!(again.is_ok(), "what was rewritten can be read");
    }
});
