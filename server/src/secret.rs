//! Keys and tokens as the server keeps them: only as fingerprints, compared in constant time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The last characters of a secret, by which people tell one from another.
const TAIL: usize = 4;

/// The shortest secret of which the last characters are kept, in characters: of a shorter one they
/// would be a fifth or more.
const WHOLE: usize = 24;

/// The fingerprint of an agent key or of an admin token.
///
/// The text itself is forgotten once it was read, so that neither a log line nor the admin API can show it. Two
/// fingerprints are compared in constant time, which `blake3::Hash` promises for `==`.
#[derive(Clone, Copy)]
pub struct Secret {
    hash: blake3::Hash,
    /// The last characters, where the text is long and random enough to show them.
    tail: Option<[u8; TAIL]>,
    /// Whether it was read as it is, and not as its fingerprint.
    is_clear: bool,
}

/// Before a fingerprint that stands where a key or token may.
const HASHED: &str = "blake3:";

impl Secret {
    /// The fingerprint of a key as the operator wrote it or as an agent sent it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let tail = text.as_bytes().last_chunk::<TAIL>().copied();
        Self {
            hash: blake3::hash(text.as_bytes()),
            tail: tail.filter(|tail| text.len() >= WHOLE && tail.iter().all(u8::is_ascii_graphic)),
            is_clear: true,
        }
    }

    /// Whether it was read as it is, and not as its fingerprint.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        self.is_clear
    }

    /// Its fingerprint.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*self.hash.as_bytes())
    }

    /// Its last characters; nothing where they would give too much of it away.
    #[must_use]
    pub fn tail(&self) -> String {
        let tail = self.tail.as_ref().and_then(|tail| std::str::from_utf8(tail).ok());
        tail.unwrap_or_default().to_owned()
    }

    /// A secret that was never used before, with its text: 244 random bits after a prefix that
    /// scanners for leaked secrets can look for.
    #[must_use]
    pub(crate) fn random(prefix: &str) -> (String, Self) {
        let half = || uuid::Uuid::new_v4().simple();
        let text = format!("{prefix}{}{}", half(), half());
        let secret = Self::of(&text);
        (text, secret)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Secret {}

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

impl From<Fingerprint> for Secret {
    fn from(fingerprint: Fingerprint) -> Self {
        Self {
            hash: fingerprint.0.into(),
            tail: None,
            is_clear: false,
        }
    }
}

/// The text itself, or `blake3:` and its fingerprint.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(serde::de::Error::custom("a key or token must not be empty"));
        }
        if text.starts_with(HASHED) {
            return Fingerprint::of_hashed(&text).map(Self::from).map_err(D::Error::custom);
        }
        Ok(Self::of(&text))
    }
}

/// The BLAKE3 hash of a key or token, as it is written down: 64 hexadecimal digits. No key can be
/// made from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; blake3::OUT_LEN]);

impl Fingerprint {
    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(text).ok()?;
        Some(Self(*hash.as_bytes()))
    }

    /// Reads what `buckler-server hash-key` prints, with `blake3:` before it or without.
    pub(crate) fn of_hashed(text: &str) -> Result<Self, &'static str> {
        // what was found is not said: it may be the key itself
        let digits = text.strip_prefix(HASHED).unwrap_or(text);
        Self::parse(digits).ok_or("a fingerprint is 64 hexadecimal digits, as `buckler-server hash-key` prints it")
    }

    /// The name of what has this fingerprint, in paths and tables: 12 hexadecimal digits, of which
    /// two of ten thousand are the same once in five million times.
    #[must_use]
    pub fn name(&self) -> std::sync::Arc<str> {
        let digits: String = self.to_string().chars().take(12).collect();
        digits.into()
    }
}

impl Fingerprint {
    /// Its first byte: which part of a table it stands in.
    pub(crate) fn shard(&self) -> usize {
        self.0.first().copied().unwrap_or_default().into()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.name())
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a fingerprint is 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_knows_its_text_and_never_shows_it() {
        let secret = Secret::of("0b7e2d54");
        assert_eq!(secret, Secret::of("0b7e2d54"));
        assert_ne!(secret, Secret::of("0b7e2d55"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.tail(), "", "half of it");
        assert_eq!(Secret::of("0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33").tail(), "1d33");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(serde_json::from_str::<Secret>("\" \"").is_err());
        assert_eq!(serde_json::from_str::<Secret>("\"k\"").unwrap(), Secret::of("k"));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written_and_stands_for_the_key() {
        let fingerprint = Secret::of("0b7e2d54").fingerprint();
        let written = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(written.len(), 66);
        assert_eq!(serde_json::from_str::<Fingerprint>(&written).unwrap(), fingerprint);
        assert_eq!(Secret::from(fingerprint), Secret::of("0b7e2d54"));
        let slip = serde_json::from_str::<Fingerprint>("\"the-key-itself\"").unwrap_err();
        assert!(!slip.to_string().contains("the-key-itself"), "{slip}");
        let hashed: Secret = serde_json::from_str(&format!("\"blake3:{fingerprint}\"")).unwrap();
        assert_eq!(hashed, Secret::of("0b7e2d54"));
        let clear: Secret = serde_json::from_str("\"0b7e2d54\"").unwrap();
        assert_eq!((hashed.is_clear(), clear.is_clear()), (false, true));
        let slip = serde_json::from_str::<Secret>("\"blake3:the-key-itself\"").unwrap_err();
        assert!(!slip.to_string().contains("the-key-itself"), "{slip}");
    }

    #[test]
    fn random_secrets_differ_and_are_long() {
        let ((one, secret), (other, _)) = (Secret::random("bka_"), Secret::random("bka_"));
        assert!(secret == Secret::of(&one) && one != other);
        assert_eq!((one.len(), secret.tail().len()), (68, 4));
    }
}
