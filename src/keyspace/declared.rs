//! What a call has said of its keys: a check that it keeps to it.
//!
//! Redirections of a cluster, rules for keys and the undo log of scripts believe what key specs
//! say. So a build with debug assertions lets a view of a database know which keys the call has
//! declared, and panics where the call reaches for another, or writes to one of which it said that
//! it only reads it. In other builds a [`Declared`] is nothing and checks nothing.
//!
//! What the keyspace does on its own account (expiry, eviction) is no doing of the call and is not
//! looked at. Neither are views that were made without a declaration: those of other databases.

/// What a call has declared.
#[derive(Debug, Default)]
pub struct Declared {
    #[cfg(debug_assertions)]
    keys: Option<Keys>,
}

#[cfg(debug_assertions)]
#[derive(Debug)]
struct Keys {
    command: &'static str,
    /// Keys that the call has named, and whether it may write to them.
    named: Vec<(Box<[u8]>, bool)>,
    reads_others: bool,
}

impl Declared {
    /// The call of a command may reach these keys, and write to those which say so. If it
    /// `reads_others`, it may read any key.
    #[cfg(debug_assertions)]
    pub fn keys<'k>(
        command: &'static str,
        keys: impl Iterator<Item = (&'k [u8], bool)>,
        reads_others: bool,
    ) -> Declared {
        let named = keys.map(|(key, may_write)| (key.into(), may_write)).collect();
        Declared { keys: Some(Keys { command, named, reads_others }) }
    }

    /// The call reads a key.
    #[inline]
    pub(super) fn reads(&self, key: &[u8]) {
        #[cfg(debug_assertions)]
        if let Some(keys) = &self.keys {
            let is_named = keys.reads_others || keys.named.iter().any(|(named, _)| **named == *key);
            assert!(
                is_named,
                "{} reads {}, which it has not declared",
                keys.command,
                key.escape_ascii()
            );
        }
        let _ = key;
    }

    /// The call changes a key, or may.
    #[inline]
    pub(super) fn writes(&self, key: &[u8]) {
        #[cfg(debug_assertions)]
        if let Some(keys) = &self.keys {
            let may_write =
                keys.named.iter().any(|(named, may_write)| *may_write && **named == *key);
            assert!(
                may_write,
                "{} writes {}, which it has not declared",
                keys.command,
                key.escape_ascii()
            );
        }
        let _ = key;
    }
}
