//! What was believed last, as it is kept beside the configuration: a configuration can be withheld,
//! taken back or sealed by another key, and what was replaced must not be good again for that.

use serde::{Deserialize, Serialize};

use super::{Believed, Keys, PublicKey, Trust};

/// What was believed last, and by what pinned keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The hash of what the host had pinned then.
    pinned: String,
    /// How often the keys were changed.
    keys_version: u64,
    threshold: usize,
    /// The keys that sign.
    keys: Vec<String>,
    version: u64,
    hash: String,
    expires_s: u64,
}

impl Kept {
    /// Whether this is what the other is, or follows it.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        let order = |kept: &Self| (kept.keys_version, kept.version);
        self.pinned != other.pinned || order(self) >= order(other)
    }
}

impl Trust {
    /// What was believed, to be kept.
    #[must_use]
    pub fn keep(&self, believed: &Believed) -> Kept {
        let (keys_version, threshold, keys) = believed.keys.parts();
        Kept {
            pinned: self.fingerprint(),
            keys_version,
            threshold,
            keys: keys.map(ToString::to_string).collect(),
            version: believed.version,
            hash: believed.hash.clone(),
            expires_s: believed.expires_s,
        }
    }

    /// What was kept; `None` where the host has pinned something else since, or it makes no sense.
    #[must_use]
    pub fn resume(&self, kept: &Kept) -> Option<Believed> {
        let Kept {
            pinned,
            keys_version,
            threshold,
            keys,
            version,
            hash,
            expires_s,
        } = kept;
        if *pinned != self.fingerprint() {
            return None;
        }
        let keys: Option<Vec<PublicKey>> = keys.iter().map(|key| PublicKey::parse(key)).collect();
        Some(Believed {
            keys: Keys::new(keys?, *threshold)?.numbered(*keys_version),
            version: *version,
            hash: hash.clone(),
            expires_s: *expires_s,
        })
    }

    /// The hash of what the host has pinned.
    fn fingerprint(&self) -> String {
        let (_, threshold, keys) = self.pinned.parts();
        let keys: Vec<String> = keys.map(ToString::to_string).collect();
        let length = self.profile.len();
        let text = format!("{length}:{}\n{threshold}\n{}\n", self.profile, keys.join("\n"));
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}
