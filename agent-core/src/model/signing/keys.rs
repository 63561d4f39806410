//! Keys that sign, how many of them must, and how others take their place.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::SigningError;
use crate::protocol::v2::{KeyChange, Signed};

/// The most keys at once: the people who may sign, with some to spare. A signature costs about 60
/// µs to check.
pub const MOST_KEYS: usize = 16;

/// The most changes of keys that are followed from the pinned ones on: one a year outlives any
/// host.
pub const MOST_CHANGES: usize = 64;

/// The most signatures that are looked at: each key's, and some of keys that the host does not
/// know.
const MOST_SIGNATURES: usize = 2 * MOST_KEYS;

/// What keys begin with where they are written.
const PREFIX: &str = "ed25519:";

/// The length of a public key, in bytes (RFC 8032).
const LENGTH: usize = 32;

/// The public half of an operator's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; LENGTH]);

impl PublicKey {
    /// Reads `ed25519:` and the key in Base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        Self::from_bytes(&bytes)
    }

    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, &signature)
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Keys that sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// How often they were changed since they were pinned.
    version: u64,
    threshold: usize,
    keys: BTreeSet<PublicKey>,
}

impl Keys {
    /// Keys of which so many must sign; `None` where that is none or more than there are, or there
    /// are too many.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, threshold: usize) -> Option<Self> {
        let keys: BTreeSet<PublicKey> = keys.into_iter().collect();
        let is_sound = keys.len() <= MOST_KEYS && (1..=keys.len()).contains(&threshold);
        is_sound.then_some(Self {
            version: 0,
            threshold,
            keys,
        })
    }

    /// How often they were changed since they were pinned.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The version, how many must sign, and the keys.
    pub(super) fn parts(&self) -> (u64, usize, impl Iterator<Item = &PublicKey>) {
        (self.version, self.threshold, self.keys.iter())
    }

    /// The same keys, after so many changes.
    pub(super) fn numbered(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// Whether enough of them have signed a message. A key counts once, however often it has.
    ///
    /// # Errors
    /// How many have, and how many must.
    pub fn have_signed(&self, message: &[u8], signed: &[Signed]) -> Result<(), (usize, usize)> {
        let mut by = BTreeSet::new();
        for Signed { key, signature } in signed.iter().take(MOST_SIGNATURES) {
            let known = PublicKey::parse(key).filter(|key| self.keys.contains(key) && !by.contains(key));
            by.extend(known.filter(|key| key.has_signed(message, signature)));
        }
        // keys that were not pinned have signed nothing
        if self.threshold > 0 && by.len() >= self.threshold {
            Ok(())
        } else {
            Err((by.len(), self.threshold))
        }
    }

    /// The keys after a change, which enough of these and enough of those must have signed. One
    /// that was followed already changes nothing.
    ///
    /// # Errors
    /// If it does not follow these keys.
    pub fn changed(self, change: &KeyChange) -> Result<Self, SigningError> {
        if change.version <= self.version {
            return Ok(self);
        }
        let wrong = || SigningError::Keys(change.version);
        let keys: Option<Vec<PublicKey>> = change.keys.iter().map(|key| PublicKey::parse(key)).collect();
        let mut next = Self::new(keys.ok_or_else(wrong)?, change.threshold).ok_or_else(wrong)?;
        next.version = change.version;
        let message = key_statement(change);
        let follows = change.version == self.version + 1
            && self.have_signed(&message, &change.signed).is_ok()
            && next.have_signed(&message, &change.signed).is_ok();
        if follows { Ok(next) } else { Err(wrong()) }
    }
}

/// Whether each of these signatures is one of this message, and each by a key of its own.
#[must_use]
pub fn all_are_of(message: &[u8], signed: &[Signed]) -> bool {
    let named = signed.iter().filter_map(|signed| PublicKey::parse(&signed.key));
    let keys = Keys::new(named, signed.len());
    keys.is_some_and(|keys| keys.have_signed(message, signed).is_ok())
}

/// What is signed of a change of keys.
#[must_use]
pub fn key_statement(change: &KeyChange) -> Vec<u8> {
    let KeyChange {
        version,
        threshold,
        keys,
        signed: _,
    } = change;
    format!(
        "buckler signing keys 1\n{version}\n{threshold}\n{}\n{}\n",
        keys.len(),
        keys.join("\n")
    )
    .into_bytes()
}
