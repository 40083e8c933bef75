//! `user` lines: what they say about the default user, the only one that this server has yet.
//!
//! A line is a list of rules that are applied in order to a user who may do nothing. Rules are
//! judged as the reference does, so that a wrong one is named with its words. What the line then
//! asks for is honoured if it is the default user with any passwords, or none, and without
//! restrictions; everything else stops the start, since a server that lets in more clients than its
//! file says is worse than none.
//!
//! ```text
//!   user default on >secret ~* &* +@all      honoured: as requirepass secret
//!   user default on nopass ~* &* +@all       honoured: no password, whatever requirepass says
//!   user default off                         honoured: nobody comes in
//!   user default on nopass ~app:* +@read     refused: restrictions are not there yet
//!   user app on >secret ~* +@all             refused: there are no other users yet
//! ```

use sha2::{Digest, Sha256};

use super::parse::{ConfigError, Directive};
use super::{AclPubsub, SecurityConfig};

/// SHA-256 of a password.
pub type PasswordDigest = [u8; 32];

/// The passwords with which the default user comes in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Passwords {
    /// That of `requirepass`; if it is empty, none is needed.
    #[default]
    Requirepass,
    /// A `user default` line says that none is needed.
    NotNeeded,
    /// Those of a `user default` line; if there are none, nobody comes in.
    Digests(Vec<PasswordDigest>),
}

impl SecurityConfig {
    /// Whether a connection has to authenticate before it may do anything.
    #[inline]
    pub fn needs_password(&self) -> bool {
        match &self.passwords {
            Passwords::Requirepass => !self.requirepass.is_empty(),
            Passwords::NotNeeded => false,
            Passwords::Digests(_) => true,
        }
    }

    /// The line that describes the default user, without the word `user`.
    pub fn default_user(&self) -> Vec<u8> {
        let digests = match &self.passwords {
            Passwords::Requirepass if self.requirepass.is_empty() => None,
            Passwords::Requirepass => Some(vec![digest_of(&self.requirepass)]),
            Passwords::NotNeeded => None,
            Passwords::Digests(digests) => Some(digests.clone()),
        };
        let secret = match digests {
            None => "on nopass sanitize-payload".to_owned(),
            Some(digests) if digests.is_empty() => "off sanitize-payload".to_owned(),
            Some(digests) => {
                digests.iter().fold("on sanitize-payload".to_owned(), |text, digest| {
                    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                    text + " #" + &hex
                })
            }
        };
        format!("default {secret} ~* &* +@all").into_bytes()
    }
}

/// Applies all `user` lines; the error names the line that is wrong, or else the first that cannot
/// be honoured.
pub fn apply(conf: &mut SecurityConfig, lines: &[Directive]) -> Result<(), ConfigError> {
    let mut users: Vec<(&Directive, &[u8], User)> = Vec::new();
    for line in lines {
        let [_, name, rules @ ..] = line.words.as_slice() else { continue };
        let is_known = users.iter().any(|(_, known, _)| *known == name.as_slice());
        let user = read(name, rules, is_known, conf.acl_pubsub_default);
        users.push((line, name, user.map_err(|reason| blame(line, reason))?));
    }
    for (line, name, user) in users {
        if name != b"default" {
            return Err(blame(line, "users other than 'default' are not supported yet".to_owned()));
        }
        let reason = "a default user with restrictions is not supported yet";
        conf.passwords = user.passwords().ok_or_else(|| blame(line, reason.to_owned()))?;
    }
    Ok(())
}

fn blame(line: &Directive, reason: String) -> ConfigError {
    ConfigError::Line { origin: line.origin.clone(), reason }
}

/// Reads the rules of a line.
fn read(
    name: &[u8],
    rules: &[Vec<u8>],
    is_known: bool,
    channels: AclPubsub,
) -> Result<User, String> {
    if name.iter().any(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
        return Err("Spaces not allowed in ACL usernames".to_owned());
    }
    let wrong = |reason: &str| {
        let name = String::from_utf8_lossy(name);
        format!("Error in user declaration '{name}': {reason}")
    };
    if is_known {
        return Err(wrong("Duplicate user found. A user can only be defined once in config files"));
    }
    let mut user = User { channels: channels == AclPubsub::AllChannels, ..User::default() };
    rules.iter().try_for_each(|rule| user.follow(rule)).map_err(wrong)?;
    Ok(user)
}

/// What the rules have added up to.
#[derive(Default)]
struct User {
    on: bool,
    nopass: bool,
    digests: Vec<PasswordDigest>,
    /// All keys, all channels, all commands.
    keys: bool,
    channels: bool,
    commands: bool,
    selectors: bool,
}

const SYNTAX: &str = "Syntax error";

impl User {
    /// Applies one rule.
    fn follow(&mut self, rule: &[u8]) -> Result<(), &'static str> {
        if let [sign @ (b'>' | b'<' | b'#' | b'!'), secret @ ..] = rule {
            return self.password(*sign, secret);
        }
        match rule.to_ascii_lowercase().as_slice() {
            b"on" => self.on = true,
            b"off" => self.on = false,
            b"nopass" => (self.nopass, self.digests) = (true, Vec::new()),
            b"resetpass" => (self.nopass, self.digests) = (false, Vec::new()),
            b"allkeys" | b"~*" => self.keys = true,
            b"resetkeys" => self.keys = false,
            b"allchannels" | b"&*" => self.channels = true,
            b"resetchannels" => self.channels = false,
            b"allcommands" | b"+@all" => self.commands = true,
            b"nocommands" | b"-@all" => self.commands = false,
            b"reset" => *self = User::default(),
            b"clearselectors" => self.selectors = false,
            // Payloads are always looked through.
            b"sanitize-payload" | b"skip-sanitize-payload" => {}
            [b'~' | b'%', _, ..] => self.keys = false,
            [b'&', _, ..] => self.channels = false,
            [b'+' | b'-', _, ..] => self.commands = false,
            [b'(', ..] => self.selectors = true,
            _ => return Err(SYNTAX),
        }
        Ok(())
    }

    fn password(&mut self, sign: u8, secret: &[u8]) -> Result<(), &'static str> {
        let digest = match sign {
            b'>' | b'<' => digest_of(secret),
            _ => hex(secret).ok_or(
                "The password hash must be exactly 64 characters and contain only lowercase \
                 hexadecimal characters",
            )?,
        };
        let found = self.digests.iter().position(|known| *known == digest);
        match (sign, found) {
            (b'>' | b'#', found) => {
                self.nopass = false;
                if found.is_none() {
                    self.digests.push(digest);
                }
            }
            (_, Some(at)) => drop(self.digests.remove(at)),
            (_, None) => {
                return Err("The password you are trying to remove from the user does not exist");
            }
        }
        Ok(())
    }

    /// Who comes in as this user; `None` if a client that came in would have to be restricted.
    fn passwords(self) -> Option<Passwords> {
        if !self.on || !self.nopass && self.digests.is_empty() {
            return Some(Passwords::Digests(Vec::new()));
        }
        let free = self.keys && self.channels && self.commands;
        let passwords = match self.nopass {
            true => Passwords::NotNeeded,
            false => Passwords::Digests(self.digests),
        };
        (free && !self.selectors).then_some(passwords)
    }
}

fn digest_of(password: &[u8]) -> PasswordDigest {
    Sha256::digest(password).into()
}

/// The bytes that 64 hexadecimal digits in lower case stand for.
fn hex(text: &[u8]) -> Option<PasswordDigest> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::startup;

    fn start(text: &str) -> Result<SecurityConfig, String> {
        let started = startup(&[b"c.conf".to_vec()], false, &mut |_| Ok(text.as_bytes().to_vec()));
        started
            .map(|out| out.config.security)
            .map_err(|error| String::from_utf8_lossy(&error.print("8.2.3")).into_owned())
    }

    /// The passwords of a text that starts.
    fn passwords(text: &str) -> Passwords {
        start(text).unwrap_or_else(|error| panic!("{text}: {error}")).passwords
    }

    #[test]
    fn lines_without_restrictions_are_honoured() {
        let foo = || Passwords::Digests(vec![digest_of(b"foo")]);
        assert_eq!(
            passwords("user default on nopass sanitize-payload ~* &* +@all"),
            Passwords::NotNeeded
        );
        assert_eq!(
            passwords("requirepass bar\nuser default on nopass ~* &* +@all"),
            Passwords::NotNeeded
        );
        assert_eq!(passwords("user default on >foo allkeys allchannels allcommands"), foo());
        assert_eq!(passwords("user default on >foo ~* &* +@all\nrequirepass bar"), foo());
        assert_eq!(
            passwords(
                "user default on >foo >b <b #fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9 !fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9 ~* &* +@all"
            ),
            foo()
        );
        for nobody in ["user default off", "user default", "user default on ~* &* +@all"] {
            assert_eq!(passwords(nobody), Passwords::Digests(vec![]), "{nobody}");
        }
        assert_eq!(
            passwords("acl-pubsub-default allchannels\nuser default on nopass ~* +@all"),
            Passwords::NotNeeded
        );
    }

    /// Such a line once started a server that let everybody in.
    #[test]
    fn lines_that_restrict_stop_the_start() {
        let restricted = "a default user with restrictions is not supported yet";
        let others = "users other than 'default' are not supported yet";
        let hash = "Error in user declaration 'default': The password hash must be exactly 64 \
                    characters and contain only lowercase hexadecimal characters";
        let twice = "Error in user declaration 'default': Duplicate user found. A user can only be defined once in config files";
        let cases = [
            ("user default on nopass ~* +@all", restricted),
            ("user default on nopass ~app:* &* +@all", restricted),
            ("user default on nopass ~* &* +@all -flushall", restricted),
            ("user default on nopass ~* &* +@all (~a +get)", restricted),
            ("user app on >x ~* +@all", others),
            ("user app on bogus", "Error in user declaration 'app': Syntax error"),
            ("user default on #abc ~* &* +@all", hash),
            ("user \"a b\" on", "Spaces not allowed in ACL usernames"),
            ("user default off\nuser default on", twice),
            ("user default on nopass\nuser default on", twice),
        ];
        for (text, reason) in cases {
            let error = start(text).expect_err(text);
            let line = text.lines().last().unwrap();
            assert!(error.ends_with(&format!(">>> '{line}'\n{reason}\n")), "{text}: {error}");
        }
    }

    #[test]
    fn the_line_reads_back() {
        for text in [
            "user default on nopass sanitize-payload ~* &* +@all",
            "user default on sanitize-payload #fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9 ~* &* +@all",
            "user default off sanitize-payload ~* &* +@all",
        ] {
            let line = [b"user ".as_slice(), &start(text).unwrap().default_user()].concat();
            assert_eq!(String::from_utf8(line).unwrap(), text);
        }
        let line = start("requirepass bar").unwrap().default_user();
        assert_eq!(
            passwords(&format!("user {}", String::from_utf8(line).unwrap())),
            Passwords::Digests(vec![digest_of(b"bar")])
        );
    }
}
