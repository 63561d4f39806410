//! A configuration and the keys of the agents that get it, as the operator writes them down.

use buckler::protocol::{ConfigMap, v2::Evidence};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::secret::{Fingerprint, Secret};

/// Names in a client certificate: `CN=shop,O=Example`. A certificate has it whose subject has every
/// attribute that it names. `DNS=…` and `URI=…` are looked for among the alternative names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSubject(pub(crate) Vec<(String, String)>);

/// Attributes that a subject may name, and the two kinds of alternative names.
pub(crate) const SUBJECT_ATTRIBUTES: [&str; 9] = ["CN", "OU", "O", "L", "ST", "C", "UID", "DNS", "URI"];

impl ClientSubject {
    /// Reads `CN=shop,O=Example`; a comma within a value is written `\,`.
    ///
    /// # Errors
    /// What was found, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            let allowed = SUBJECT_ATTRIBUTES.join(", ");
            format!(
                "found {text:?}, allowed is ATTRIBUTE=value, several parted by commas, with the attributes {allowed}"
            )
        };
        let (mut parts, mut part, mut is_escaped) = (Vec::new(), String::new(), false);
        for c in text.chars() {
            match c {
                _ if std::mem::take(&mut is_escaped) => part.push(c),
                '\\' => is_escaped = true,
                ',' => parts.push(std::mem::take(&mut part)),
                _ => part.push(c),
            }
        }
        parts.push(part);
        let pair = |part: &String| {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
            if value.is_empty() || !SUBJECT_ATTRIBUTES.contains(&name.as_str()) {
                return Err(wrong());
            }
            Ok((name, value.to_owned()))
        };
        parts.iter().map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a certificate with these names has it.
    pub(crate) fn is_of(&self, names: &[(String, String)]) -> bool {
        self.0.iter().all(|wanted| names.contains(wanted))
    }
}

impl<'de> Deserialize<'de> for ClientSubject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A configuration and the agents that get it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The keys of its agents.
    #[serde(default)]
    pub keys: Vec<Secret>,
    /// Certificates of its agents, by their subjects, where `[tls] client_ca` asks for them.
    #[serde(default)]
    pub client_subjects: Vec<ClientSubject>,
    /// Keys of its agents by their BLAKE3 hashes alone, for a file that holds no key.
    #[serde(default, deserialize_with = "fingerprints")]
    pub keys_blake3: Vec<Secret>,
    /// The fleet whose list its agents share.
    #[serde(default = "default_name")]
    pub fleet: String,
    /// The template that the configuration builds on.
    #[serde(default = "default_name")]
    pub template: String,
    /// From which evidence on a ban is shared with the fleet on one application's word: `certain`,
    /// `repeated` or `threshold`, the weakest. One by `repeated` evidence below that waits until
    /// another application bans the same client.
    #[serde(default = "default_evidence")]
    pub share_from: Evidence,
    /// pyrasp's keys in upper or lower case.
    #[serde(default)]
    pub config: ConfigMap,
}

/// A program that reads a list and nothing else, as `CrowdSec`'s bouncers do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bouncer {
    /// Its key, which it sends as `X-Api-Key`.
    pub key: Secret,
    /// The fleet whose list it reads.
    #[serde(default = "default_name")]
    pub fleet: String,
}

/// The name of the fleet and of the template where none is given.
fn default_name() -> String {
    "default".to_owned()
}

/// What is not certain needs a second witness: one application, or who stole its key, speaks for no
/// other.
const fn default_evidence() -> Evidence {
    Evidence::Certain
}

fn fingerprints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| Fingerprint::of_hashed(text).map(Secret::from).map_err(D::Error::custom);
    texts.iter().map(read).collect()
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            client_subjects: Vec::new(),
            keys_blake3: Vec::new(),
            fleet: default_name(),
            template: default_name(),
            share_from: default_evidence(),
            config: ConfigMap::new(),
        }
    }
}

impl Profile {
    /// A profile of the default fleet, for agents with this key.
    #[must_use]
    pub fn for_key(key: &str) -> Self {
        Self {
            keys: vec![Secret::of(key)],
            ..Self::default()
        }
    }

    /// Names what is written of the configuration: another template or key changes it, and the
    /// order in which they are written does not.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> String {
        let said = serde_json::json!([self.template, self.config]);
        blake3::hash(said.to_string().as_bytes()).to_hex().to_string()
    }

    /// Its keys, however they are written.
    pub(crate) fn all_keys(&self) -> impl Iterator<Item = &Secret> {
        self.keys.iter().chain(&self.keys_blake3)
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.keys.push(Secret::of(key));
        self
    }

    /// Sets a key of the configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// Shares bans from this evidence on.
    #[must_use]
    pub const fn share_from(mut self, evidence: Evidence) -> Self {
        self.share_from = evidence;
        self
    }

    /// Puts the agents into another fleet.
    #[must_use]
    pub fn fleet(mut self, fleet: &str) -> Self {
        fleet.clone_into(&mut self.fleet);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_attributes_all_of_which_are_needed() {
        let names = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let shop = names(&[("CN", "shop"), ("O", "Example, Inc."), ("DNS", "shop.example.com")]);
        let is_of = |text: &str| ClientSubject::parse(text).unwrap().is_of(&shop);
        assert!(is_of("CN=shop") && is_of("cn = shop") && is_of("DNS=shop.example.com"));
        assert!(is_of("O=Example\\, Inc.,CN=shop"));
        assert!(!is_of("CN=shop,OU=web") && !is_of("CN=Shop") && !is_of("CN=sho"));
        for wrong in ["", "shop", "CN=", "CN=shop,", "XY=shop"] {
            let said = ClientSubject::parse(wrong).unwrap_err();
            assert!(said.contains("allowed is ATTRIBUTE=value"), "{said}");
        }
    }
}
