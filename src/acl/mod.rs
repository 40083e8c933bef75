//! Who may come in. For now there is one user, `default`, with the password of `requirepass`, those
//! of a `user` line, or none.

pub mod commands;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::{Passwords, SecurityConfig};

/// The user that connections belong to before they say otherwise.
pub const DEFAULT_USER: &str = "default";

/// Whether this user may come in with this password. Digests are compared, in a time that tells
/// nothing about them, so that not even the length of a password shows.
pub fn admits(security: &SecurityConfig, user: &[u8], password: &[u8]) -> bool {
    if user != DEFAULT_USER.as_bytes() {
        return false;
    }
    let given = Sha256::digest(password);
    match &security.passwords {
        Passwords::NotNeeded => true,
        Passwords::Requirepass if security.requirepass.is_empty() => true,
        Passwords::Requirepass => given.ct_eq(&Sha256::digest(&security.requirepass)).into(),
        // Each is looked at, so that the time does not tell which one fits.
        Passwords::Digests(digests) => {
            let fits = digests.iter().map(|digest| given.as_slice().ct_eq(digest.as_slice()));
            fits.fold(Choice::from(0), |any, fits| any | fits).into()
        }
    }
}

#[test]
fn only_the_default_user_with_its_password() {
    let mut security = SecurityConfig::default();
    assert!(admits(&security, b"default", b"anything"));
    assert!(!admits(&security, b"alice", b""));
    security.requirepass = b"secret".to_vec();
    assert!(admits(&security, b"default", b"secret"));
    assert!(!admits(&security, b"default", b"secre"));
    security.passwords = Passwords::Digests(vec![[0; 32], Sha256::digest(b"other").into()]);
    assert!(admits(&security, b"default", b"other"));
    assert!(!admits(&security, b"default", b"secret"));
    security.passwords = Passwords::Digests(vec![]);
    assert!(!admits(&security, b"default", b""));
    security.passwords = Passwords::NotNeeded;
    assert!(admits(&security, b"default", b"anything"));
}
