//! What the operating system says, in the words that tools know.

use std::io::{self, ErrorKind};

/// The text of an operating system's error as C programs print it, without the number that Rust
/// adds.
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), error.kind()) {
        (Some(code), _) => text
            .strip_suffix(&format!(" (os error {code})"))
            .map_or_else(|| text.clone(), str::to_owned),
        (None, ErrorKind::NotFound) => "No such file or directory".to_owned(),
        (None, ErrorKind::StorageFull) => "No space left on device".to_owned(),
        (None, _) => text,
    }
}

#[test]
fn system_errors_read_as_in_c() {
    assert_eq!(os_text(&io::Error::from_raw_os_error(libc::EACCES)), "Permission denied");
    assert_eq!(os_text(&ErrorKind::NotFound.into()), "No such file or directory");
}
