//! CONFIG SET: many options at once, all or nothing.
//!
//! First every name is looked at: is it known, may it be changed, does it come twice? Only then the
//! values are parsed, into a copy; the first refusal ends it and the copy is dropped. When all of
//! them fit, the copy takes the place of the old configuration, and the caller learns what must be
//! done about the changes. Should one of those steps fail, as when a port is taken, the caller lays
//! the old configuration back (it is part of the answer) and applies that.

use super::{Apply, Config, Opt, find, later};

/// A CONFIG SET that went through.
#[derive(Debug)]
pub struct Changes {
    /// What has to be done, in order, each thing once, with the option to blame if it fails.
    pub steps: Vec<(Apply, &'static str)>,
    /// The configuration as it was.
    pub before: Config,
}

/// Why a CONFIG SET was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// No option has this name.
    Unknown(Vec<u8>),
    /// This option is not to be changed while data are being loaded.
    Loading,
    /// This option could not be set.
    Failed { name: Vec<u8>, reason: String },
}

impl SetError {
    /// An option whose value was taken, but which could not be applied.
    pub fn apply(name: &str, reason: &str) -> SetError {
        SetError::Failed { name: name.as_bytes().to_vec(), reason: reason.to_owned() }
    }

    /// The text of the error reply, behind its `ERR`.
    pub fn message(&self) -> Vec<u8> {
        match self {
            SetError::Unknown(name) => {
                [b"Unknown option or number of arguments for CONFIG SET - '", &name[..], b"'"]
                    .concat()
            }
            SetError::Loading => Vec::new(),
            SetError::Failed { name, reason } => [
                b"CONFIG SET failed (possibly related to argument '",
                &name[..],
                b"') - ",
                reason.as_bytes(),
            ]
            .concat(),
        }
    }
}

/// What stands for or against changes at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leave {
    /// This client may set protected options.
    pub protected: bool,
    /// Data are being loaded.
    pub loading: bool,
}

/// Sets options from pairs of name and value. On error the configuration is unchanged.
pub fn set_many(
    conf: &mut Config,
    pairs: &[(&[u8], &[u8])],
    leave: Leave,
) -> Result<Changes, SetError> {
    let opts = look_up(pairs, leave)?;
    let mut changed = conf.clone();
    let mut steps: Vec<(Apply, &'static str)> = Vec::new();
    for (opt, (name, value)) in opts.into_iter().zip(pairs) {
        let name = opt.spelled(name);
        let before = opt.show(&changed);
        opt.assign(&mut changed, &opt.words(value))
            .map_err(|reason| SetError::apply(name, &reason))?;
        let known = opt.apply == Apply::None || steps.iter().any(|(step, _)| *step == opt.apply);
        if !known && opt.show(&changed) != before {
            steps.push((opt.apply, name));
        }
    }
    if let Some(unkept) = later::refused(conf, &changed) {
        return Err(SetError::apply(unkept.name, unkept.reason));
    }
    Ok(Changes { steps, before: std::mem::replace(conf, changed) })
}

/// The options that are meant, provided that all of them may be set.
fn look_up(pairs: &[(&[u8], &[u8])], leave: Leave) -> Result<Vec<&'static Opt>, SetError> {
    let mut opts: Vec<&'static Opt> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        let opt = find(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
        let fail = |name: &[u8], reason: &str| {
            Err(SetError::Failed { name: name.to_vec(), reason: reason.to_owned() })
        };
        let spelled = opt.spelled(name).as_bytes();
        if opt.immutable {
            return fail(spelled, "can't set immutable config");
        }
        if opt.protected && !leave.protected {
            return fail(spelled, "can't set protected config");
        }
        if opt.fixed_while_loading && leave.loading {
            return Err(SetError::Loading);
        }
        // A name and its alias are one parameter.
        if opts.iter().any(|earlier| std::ptr::eq(*earlier, opt)) {
            return fail(name, "duplicate parameter");
        }
        opts.push(opt);
    }
    Ok(opts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Passwords;

    fn set(conf: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<Apply>, String> {
        let pairs: Vec<(&[u8], &[u8])> =
            pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let before = conf.clone();
        match set_many(conf, &pairs, Leave::default()) {
            Ok(changes) => {
                assert_eq!(changes.before, before);
                Ok(changes.steps.into_iter().map(|(step, _)| step).collect())
            }
            Err(error) => {
                assert_eq!(*conf, before, "a refused change leaves no trace");
                Err(String::from_utf8(error.message()).unwrap())
            }
        }
    }

    fn failed(name: &str, reason: &str) -> Result<Vec<Apply>, String> {
        Err(format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    }

    #[test]
    fn steps_come_once_and_only_for_changes() {
        let mut conf = Config::default();
        let pairs =
            [("min-replicas-to-write", "2"), ("maxmemory", "1mb"), ("min-slaves-max-lag", "3")];
        assert_eq!(set(&mut conf, &pairs), Ok(vec![Apply::MinReplicas, Apply::Maxmemory]));
        assert_eq!(conf.memory.max_bytes, 1 << 20);
        assert_eq!(set(&mut conf, &pairs), Ok(vec![]));
    }

    #[test]
    fn one_bad_value_spoils_all() {
        let mut conf = Config::default();
        let pairs = [("hz", "7"), ("maxmemory", "y")];
        assert_eq!(set(&mut conf, &pairs), failed("maxmemory", "argument must be a memory value"));
        assert_eq!(conf.server.hz, 10);
    }

    /// Answers of Redis 8.2.
    #[test]
    fn names_are_judged_before_values() {
        let mut conf = Config::default();
        let immutable = "can't set immutable config";
        assert_eq!(
            set(&mut conf, &[("hz", "x"), ("databases", "5")]),
            failed("databases", immutable)
        );
        assert_eq!(
            set(&mut conf, &[("dbfilename", "x"), ("databases", "1")]),
            failed("dbfilename", "can't set protected config")
        );
        assert_eq!(
            set(&mut conf, &[("maxmemory", "1"), ("MAXMEMORY", "2")]),
            failed("MAXMEMORY", "duplicate parameter")
        );
        assert_eq!(
            set(&mut conf, &[("hz", "1"), ("hz", "1"), ("nope", "1")]),
            failed("hz", "duplicate parameter")
        );
        assert_eq!(
            set(&mut conf, &[("nope", "1"), ("hz", "1"), ("hz", "1")]),
            Err("Unknown option or number of arguments for CONFIG SET - 'nope'".to_owned())
        );
        for (first, second) in [
            ("slave-priority", "replica-priority"),
            ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
        ] {
            let duplicate = failed(second, "duplicate parameter");
            assert_eq!(set(&mut conf, &[(first, "1"), (second, "2")]), duplicate);
        }
        assert_eq!((conf.repl.priority, conf.hash.max_listpack_entries), (100, 512));
    }

    #[test]
    fn wishes_that_cannot_be_kept_are_refused() {
        let mut conf = Config::default();
        let refused = set(&mut conf, &[("hz", "20"), ("locale-collate", "en_US.UTF-8")]);
        assert_eq!(refused, failed("locale-collate", "Invalid locale name"));
        assert_eq!(set(&mut conf, &[("locale-collate", "C")]), Ok(vec![Apply::LocaleCollate]));
        assert!(set(&mut conf, &[("activedefrag", "yes")]).is_err());
        assert!(set(&mut conf, &[("import-mode", "yes")]).is_err());
        // What the start has let pass with a warning does not stand against other changes.
        conf.defrag.enabled = true;
        assert!(set(&mut conf, &[("hz", "20"), ("activedefrag", "yes")]).is_ok());
    }

    #[test]
    fn a_new_password_replaces_those_of_a_user_line() {
        let mut conf = Config::default();
        conf.security.passwords = Passwords::Digests(vec![]);
        assert_eq!(set(&mut conf, &[("requirepass", "")]), Ok(vec![]));
        assert_eq!(conf.security.passwords, Passwords::Digests(vec![]));
        assert_eq!(set(&mut conf, &[("requirepass", "x")]), Ok(vec![Apply::Requirepass]));
        assert_eq!(conf.security.passwords, Passwords::Requirepass);
    }

    #[test]
    fn the_error_names_the_option_as_the_table_spells_it() {
        let mut conf = Config::default();
        assert_eq!(
            set(&mut conf, &[("MaxMemory", "x")]),
            failed("maxmemory", "argument must be a memory value")
        );
        assert_eq!(
            set(&mut conf, &[("Slave-Priority", "x")]),
            failed("slave-priority", "argument couldn't be parsed into an integer")
        );
    }

    /// Values and what CONFIG GET of Redis 8.2 showed after them, or the refusal.
    #[test]
    fn values_as_in_the_reference() {
        for line in include_str!("../../tests/golden/config-set.tsv").lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, value, verdict, shown] = fields[..] else { panic!("a bad line: {line}") };
            let mut conf = Config::default();
            match set(&mut conf, &[(name, value)]) {
                Ok(_) => assert_eq!(verdict, "OK", "{line}"),
                Err(error) => assert_eq!(verdict, error, "{line}"),
            }
            if verdict == "OK" {
                let (_, now) = super::super::get::get(&conf, &[name.as_bytes()]).remove(0);
                assert_eq!(String::from_utf8(now).unwrap(), shown, "{line}");
            }
        }
    }
}
