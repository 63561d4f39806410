//! Where news go: a file, and webhooks.

use std::{collections::BTreeMap, fmt, fs, num::NonZeroU64, path::PathBuf};

use serde::{Deserialize, Deserializer};
use ureq::tls::{Certificate, PemItem, parse_pem};
use url::Url;

use super::ConfigError;

/// Kinds of news.
const KINDS: [&str; 6] = ["ban", "unban", "attack", "profile", "allow", "disallow"];

/// The shortest secret, in characters: 128 random bits as hexadecimal digits have 32, as Base64 22.
const SHORTEST_SECRET: usize = 16;

/// The longest name, which is a file's too.
const LONGEST_NAME: usize = 64;

/// The most webhooks, a thread each.
const MOST_WEBHOOKS: usize = 16;

/// A file of news, a JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsFile {
    /// The file. Older ones have `.1` to `.4` after its name.
    pub file: PathBuf,
    /// After how many bytes the next begins.
    #[serde(default = "default_rotation")]
    pub rotate_bytes: NonZeroU64,
}

/// A hundred thousand news.
const fn default_rotation() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add((32 << 20) - 1)
}

/// A receiver of news.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where they are posted.
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// What deliveries are signed with.
    pub secret: SharedSecret,
    /// The authorities, in PEM, that the receiver's certificate is judged by; those that browsers
    /// believe, where no file is named. Read at the start.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Which are sent; all, where none is named.
    #[serde(default, deserialize_with = "kinds")]
    pub kinds: Vec<String>,
}

impl Webhook {
    /// The authorities that the receiver's certificate is judged by, where a file names them.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn authorities(&self) -> Result<Option<Vec<Certificate<'static>>>, String> {
        let Some(file) = &self.ca else {
            return Ok(None);
        };
        let wrong = |reason: &dyn fmt::Display| format!("ca: {}: {reason}", file.display());
        let pem = fs::read(file).map_err(|error| wrong(&error))?;
        let mut authorities = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(&error))? {
                authorities.push(certificate);
            }
        }
        if authorities.is_empty() {
            return Err(wrong(&"found no certificate, allowed are those of authorities in PEM"));
        }
        Ok(Some(authorities))
    }
}

/// A secret that the server itself must know, and never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(String);

impl SharedSecret {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

impl<'de> Deserialize<'de> for SharedSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // its length is looked at later: an error from here would show the line it stands in
        String::deserialize(deserializer).map(Self)
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // the text itself may hold a secret
        Ok(_) | Err(_) => Err(serde::de::Error::custom(
            "found no URL, allowed is an http or https URL",
        )),
    }
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let kinds = Vec::<String>::deserialize(deserializer)?;
    match kinds.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        Some(unknown) => {
            let allowed = KINDS.join(", ");
            Err(serde::de::Error::custom(format!(
                "found {unknown:?}, allowed are {allowed}"
            )))
        }
        None => Ok(kinds),
    }
}

/// Whether webhooks can be kept count of, and what they are sent can be signed.
pub(super) fn check(webhooks: &BTreeMap<String, Webhook>, keeps: bool) -> Result<(), ConfigError> {
    for (index, (name, webhook)) in webhooks.iter().enumerate() {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        let length = webhook.secret.0.len();
        let reason = if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(plain) {
            format!("found this name, allowed are 1 to {LONGEST_NAME} letters, digits, - and _")
        } else if index >= MOST_WEBHOOKS {
            format!("found one more than allowed: {MOST_WEBHOOKS} are")
        } else if length < SHORTEST_SECRET {
            format!("secret: found {length} characters, allowed are {SHORTEST_SECRET} or more")
        } else if !keeps {
            "found without data_dir, where what it is to be sent is kept: name one".to_owned()
        } else if let Err(reason) = webhook.authorities() {
            reason
        } else {
            continue;
        };
        return Err(ConfigError::Webhook {
            name: name.clone(),
            reason,
        });
    }
    Ok(())
}
