//! Which configurations an agent believes: those that keys have signed which its host has pinned,
//! so that the server that delivers them is a postman.
//!
//! Of The Update Framework these are the promises that a configuration needs: enough of the right
//! keys have signed, a version never goes back, what is signed ends, and keys are replaced by those
//! before. See `docs/adr/0010-signed-by-operators.md`.

mod kept;
mod keys;
#[cfg(test)]
mod tests;

pub use self::kept::Kept;
pub use self::keys::{Keys, MOST_CHANGES, MOST_KEYS, PublicKey, all_are_of, key_statement};
use crate::protocol::v2::Signature;

/// What a host makes of configurations that are not signed as they should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are taken, and nothing is looked at.
    #[default]
    Off,
    /// They are taken, and it is an alarm.
    Prefer,
    /// They are not taken.
    Require,
}

impl Mode {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

/// Whom a host believes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// What becomes of the rest.
    pub mode: Mode,
    /// The agent's profile: what is signed for another is not for it.
    pub profile: String,
    /// The keys that the host has pinned.
    pub pinned: Keys,
    /// The lowest version that is taken.
    pub min_version: u64,
}

/// What was believed last: nothing before it is believed again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Believed {
    /// The keys that sign by now.
    pub keys: Keys,
    /// The version.
    pub version: u64,
    /// The hash of the configuration that had it; empty before the first.
    pub hash: String,
    /// When its signature ends, in seconds since the Unix epoch.
    pub expires_s: u64,
}

/// Why a configuration is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// It has no signature.
    #[error("it is not signed")]
    Missing,
    /// It is for other agents.
    #[error("it is signed for the profile {found:?}, allowed is {allowed:?}")]
    Profile {
        /// The profile that it names, at most 60 characters of it.
        found: String,
        /// The host's.
        allowed: String,
    },
    /// Too few of the right keys have signed it.
    #[error("{found} of the keys that this host believes have signed it, and {allowed} must")]
    Few {
        /// How many.
        found: usize,
        /// How many must.
        allowed: usize,
    },
    /// A change of keys is not signed by enough of those before and after it, or makes no sense.
    #[error("its change of keys to version {0} is not signed by the keys before it and by its own")]
    Keys(u64),
    /// It was signed before the keys were changed, or does not name all changes that its keys came
    /// by.
    #[error("it is signed after {found} changes of keys, and {known} were followed before")]
    OldKeys {
        /// After how many.
        found: u64,
        /// How many were followed.
        known: u64,
    },
    /// It was replaced.
    #[error("it is signed as version {found}, and version {known} was believed before")]
    Older {
        /// Its version.
        found: u64,
        /// The one that was believed before, or the lowest that the host takes.
        known: u64,
    },
    /// The operator has signed two things as one version, or a configuration was taken apart from
    /// its version.
    #[error("it is signed as version {0}, which was another configuration")]
    Twice(u64),
    /// Its time is over.
    #[error("its signature ended at {0} (seconds since 1970): it has to be signed again")]
    Expired(u64),
}

/// The longest name of a profile that a message shows, in characters: what is shown comes from the
/// server.
const SHOWN: usize = 60;

/// What the keys sign of a configuration.
#[must_use]
pub fn statement(signature: &Signature, hash: &str) -> Vec<u8> {
    let Signature {
        profile,
        version,
        expires_s,
        keys,
        signed: _,
    } = signature;
    // a server that takes changes away, or puts others in their place, changes what was signed
    let changes = keys.last().map_or(0, |change| change.version);
    // the length keeps a profile's name from running into what follows it
    let length = profile.len();
    format!("buckler signed configuration 1\n{length}:{profile}\n{changes}\n{version}\n{expires_s}\n{hash}\n")
        .into_bytes()
}

/// Whether all have signed a configuration with this hash whom a signature names. Whom to believe
/// only agents know.
#[must_use]
pub fn all_have_signed(signature: &Signature, hash: &str) -> bool {
    all_are_of(&statement(signature, hash), &signature.signed)
}

impl Trust {
    /// Whether a configuration with this hash is believed, and what is from then on.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(
        &self,
        known: &Believed,
        hash: &str,
        signature: Option<&Signature>,
        now_s: u64,
    ) -> Result<Believed, SigningError> {
        let signature = signature.ok_or(SigningError::Missing)?;
        let keys = signature
            .keys
            .iter()
            .take(MOST_CHANGES)
            .try_fold(known.keys.clone(), |keys, change| keys.changed(change))?;
        keys.have_signed(&statement(signature, hash), &signature.signed)
            .map_err(|(found, allowed)| SigningError::Few { found, allowed })?;
        if signature.profile != self.profile {
            return Err(SigningError::Profile {
                found: signature.profile.chars().take(SHOWN).collect(),
                allowed: self.profile.clone(),
            });
        }
        let (found, allowed) = (signature.keys.last().map_or(0, |change| change.version), keys.version());
        if found != allowed {
            return Err(SigningError::OldKeys { found, known: allowed });
        }
        // after a change of keys versions begin where the new keys say: the old ones may have
        // signed the highest there is
        let is_same_keys = keys.version() == known.keys.version();
        let before = if is_same_keys { known.version } else { 0 };
        let lowest = before.max(self.min_version);
        if signature.version < lowest {
            return Err(SigningError::Older {
                found: signature.version,
                known: lowest,
            });
        }
        if is_same_keys && signature.version == known.version && !known.hash.is_empty() && known.hash != hash {
            return Err(SigningError::Twice(signature.version));
        }
        if signature.expires_s <= now_s {
            return Err(SigningError::Expired(signature.expires_s));
        }
        Ok(Believed {
            keys,
            version: signature.version,
            hash: hash.to_owned(),
            expires_s: signature.expires_s,
        })
    }

    /// What is believed before anything was: the keys that the host has pinned.
    #[must_use]
    pub fn at_first(&self) -> Believed {
        Believed {
            keys: self.pinned.clone(),
            ..Believed::default()
        }
    }
}
