//! CONFIG GET: options by name or by pattern.
//!
//! A name without pattern characters is looked up, and answered under the spelling that was asked
//! for; that is the only way to see a hidden option. A pattern goes over the names and aliases of
//! all others, in either case of letters. An option that several patterns meet is answered once.

use super::{Config, OPTIONS, find};
use crate::base::glob;

/// Names and values for some patterns, sorted by name.
// Compat: Redis 8 answers in the order of a randomly seeded hash table, Valkey 9 sorts. So do we.
pub fn get(conf: &Config, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |name: &[u8], value: &dyn Fn() -> Vec<u8>| {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), value()));
        }
    };
    for pattern in patterns {
        if !pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
            if let Some(opt) = find(pattern) {
                add(pattern, &|| opt.show(conf));
            }
            continue;
        }
        for opt in OPTIONS.iter().filter(|opt| !opt.hidden) {
            for name in [Some(opt.name), opt.alias].into_iter().flatten() {
                if glob::matches(pattern, name.as_bytes(), true) {
                    add(name.as_bytes(), &|| opt.show(conf));
                }
            }
        }
    }
    found.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&[u8]]) -> Vec<String> {
        let found = get(&Config::default(), patterns);
        found.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn exact_names_keep_their_spelling() {
        assert_eq!(names(&[b"SlaveOf"]), ["SlaveOf"]);
        assert_eq!(names(&[b"port", b"maxclients", b"hz", b"nope"]), ["hz", "maxclients", "port"]);
    }

    #[test]
    fn an_option_is_answered_once() {
        assert_eq!(names(&[b"hz", b"h[z]", b"HZ"]), ["hz"]);
    }

    #[test]
    fn patterns_ignore_case_and_find_aliases() {
        assert_eq!(names(&[b"SLAVE-Announce-*"]), ["slave-announce-ip", "slave-announce-port"]);
    }

    #[test]
    fn hidden_options_must_be_named() {
        assert_eq!(names(&[b"key-load-dela?"]), Vec::<String>::new());
        assert_eq!(names(&[b"key-load-delay"]), ["key-load-delay"]);
    }
}
