//! Who may come in. For now there is one user, `default`, with the password of `requirepass` or none.

pub mod commands;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The user that connections belong to before they say otherwise.
pub const DEFAULT_USER: &str = "default";

/// Compares passwords in a time that tells nothing about them: digests are compared, so not even the length shows.
pub fn same_password(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}

/// Whether this user may come in with this password, when `required` is the default user's (empty: none is needed).
pub fn admits(required: &[u8], user: &[u8], password: &[u8]) -> bool {
    user == DEFAULT_USER.as_bytes() && (required.is_empty() || same_password(required, password))
}

#[test]
fn only_the_default_user_with_its_password() {
    assert!(admits(b"", b"default", b"anything"));
    assert!(admits(b"secret", b"default", b"secret"));
    assert!(!admits(b"secret", b"default", b"secre"));
    assert!(!admits(b"", b"alice", b""));
}
