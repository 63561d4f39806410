//! What operators sign, as it travels: a server keeps and delivers it, and can make none of it.

use serde::{Deserialize, Serialize};

/// Signatures of a configuration, with what they are of beside its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The profile whose agents it is for.
    pub profile: String,
    /// Rises with everything that is signed for the profile.
    pub version: u64,
    /// When it ends, in seconds since the Unix epoch.
    pub expires_s: u64,
    /// Changes of the keys that sign, the oldest first, from those that hosts have pinned on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyChange>,
    /// By whom.
    pub signed: Vec<Signed>,
}

/// Other keys that sign from now on, signed by those before and by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// One more than that of the change before; 1 after the pinned keys.
    pub version: u64,
    /// How many of them must sign.
    pub threshold: usize,
    /// The keys, as [`PublicKey`](crate::model::signing::PublicKey) writes them.
    pub keys: Vec<String>,
    /// By whom.
    pub signed: Vec<Signed>,
}

/// One signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The key.
    pub key: String,
    /// The Ed25519 signature, in Base64.
    pub signature: String,
}
