//! Times to live as commands say them: EX, PX, EXAT, PXAT, KEEPTTL, PERSIST.

use super::CmdError;
use super::args::integer;
use crate::base::clock::UnixMillis;
use crate::keyspace::Ttl;
use crate::resp::request::Args;

/// Which word a command knows beside the four with a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Units {
    KeepTtl,
    Persist,
}

/// What the options said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime<'a> {
    #[default]
    Unsaid,
    Keep,
    Persist,
    Said {
        /// Not looked at before it is needed: without a key GETEX does not complain of it.
        amount: &'a [u8],
        in_seconds: bool,
        /// A moment, not a distance from now.
        is_absolute: bool,
    },
}

impl<'a> Lifetime<'a> {
    /// A distance from now.
    pub fn from_now(amount: &'a [u8], in_seconds: bool) -> Self {
        Lifetime::Said { amount, in_seconds, is_absolute: false }
    }

    /// Reads the option at `at`; answers how many words it takes beyond its own.
    pub fn read(&mut self, args: Args<'a>, at: usize, units: Units) -> Result<usize, CmdError> {
        let word = args.at(at);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if units == Units::KeepTtl && is("KEEPTTL") && matches!(self, Self::Unsaid | Self::Keep) {
            *self = Lifetime::Keep;
            return Ok(0);
        }
        if units == Units::Persist && is("PERSIST") && matches!(self, Self::Unsaid | Self::Persist)
        {
            *self = Lifetime::Persist;
            return Ok(0);
        }
        let (in_seconds, is_absolute) = match () {
            () if is("EX") => (true, false),
            () if is("PX") => (false, false),
            () if is("EXAT") => (true, true),
            () if is("PXAT") => (false, true),
            () => return Err(CmdError::SYNTAX),
        };
        // The same word may come again, and the last one counts.
        let fits = match *self {
            Lifetime::Unsaid => true,
            Lifetime::Said { in_seconds: s, is_absolute: a, .. } => {
                (s, a) == (in_seconds, is_absolute)
            }
            Lifetime::Keep | Lifetime::Persist => false,
        };
        let amount = args.get(at + 1).filter(|_| fits).ok_or(CmdError::SYNTAX)?;
        *self = Lifetime::Said { amount, in_seconds, is_absolute };
        Ok(1)
    }

    /// The moment meant, for the command called `name`.
    pub fn ttl(self, now: UnixMillis, name: &str) -> Result<Ttl, CmdError> {
        match self {
            Lifetime::Unsaid | Lifetime::Persist => Ok(Ttl::Clear),
            Lifetime::Keep => Ok(Ttl::Keep),
            Lifetime::Said { amount, in_seconds, is_absolute } => {
                let moment = Some(integer(amount)?)
                    .filter(|amount| *amount > 0)
                    .and_then(|amount| amount.checked_mul(if in_seconds { 1000 } else { 1 }))
                    .and_then(|ms| ms.checked_add(if is_absolute { 0 } else { now.0 }));
                moment.map(|ms| Ttl::At(UnixMillis(ms))).ok_or_else(|| CmdError::expire_time(name))
            }
        }
    }

    /// It names a moment in milliseconds: to be told as it was said.
    pub fn is_exact(self) -> bool {
        matches!(self, Lifetime::Said { in_seconds: false, is_absolute: true, .. })
    }

    /// The key shall stay for good.
    pub fn is_persist(self) -> bool {
        self == Lifetime::Persist
    }
}
