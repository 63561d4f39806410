//! Keys and tokens as the server keeps them: only as fingerprints, compared in constant time.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// The fingerprint of an agent key or of the admin token.
///
/// The text itself is forgotten once it was read, so that neither a log line nor the admin API can show it. Two
/// fingerprints are compared in constant time, which `blake3::Hash` promises for `==`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secret(blake3::Hash);

impl Secret {
    /// The fingerprint of a key as the operator wrote it or as an agent sent it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()))
    }

    /// Whether the text has this fingerprint.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        *self == Self::of(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(serde::de::Error::custom("a key or token must not be empty"));
        }
        Ok(Self::of(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_knows_its_text_and_never_shows_it() {
        let secret = Secret::of("0b7e2d54");
        assert!(secret.matches("0b7e2d54"));
        assert!(!secret.matches("0b7e2d55"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(serde_json::from_str::<Secret>("\" \"").is_err());
        assert_eq!(serde_json::from_str::<Secret>("\"k\"").unwrap(), Secret::of("k"));
    }
}
