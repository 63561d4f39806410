//! Which journal the server keeps: its own disk's, or one that it shares with other nodes.

use std::{num::NonZeroUsize, path::PathBuf};

use serde::Deserialize;
use url::Url;

use super::{ConfigError, limits::at_least_one};

/// The longest name of a shard, which is part of a stream's.
const LONGEST_SHARD: usize = 32;

/// What a monitoring page is.
const MONITOR_URL: &str = "an http or https URL";

/// The most servers that keep a copy; the engine allows no more.
const MOST_REPLICAS: usize = 5;

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Whose it is.
    pub kind: JournalKind,
    /// Servers of the engine: `nats://HOST:PORT`, or `tls://…`.
    pub urls: Vec<String>,
    /// The user there.
    pub user: Option<String>,
    /// The file with its password.
    pub password_file: Option<PathBuf>,
    /// The file with a token, where the engine asks for one instead.
    pub token_file: Option<PathBuf>,
    /// What the engine's certificate is judged by, and the node's own.
    pub tls: Option<JournalTls>,
    /// Names stream, subject and object store: nodes with the same shard serve the same fleets.
    pub shard: String,
    /// On how many of the engine's servers each record must be.
    pub replicas: NonZeroUsize,
    /// Monitoring pages of the engine's servers, which are asked whether they write before they
    /// acknowledge.
    pub monitor_urls: Vec<String>,
}

/// Whose a journal is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JournalKind {
    /// This server's alone, in `data_dir` or in memory.
    #[default]
    Disk,
    /// A stream of NATS JetStream, shared by many nodes.
    Nats,
}

/// Certificates of the connection to the engine, in PEM. They are read with every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalTls {
    /// The authorities that the engine's certificate may come from; the system's where there is
    /// none.
    pub ca: Option<PathBuf>,
    /// The node's certificate, where the engine asks for one.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

impl JournalTls {
    /// The node's certificate and its key.
    #[cfg(feature = "nats")]
    pub(crate) fn own(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.cert.as_ref().zip(self.key.as_ref())
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            kind: JournalKind::Disk,
            urls: Vec::new(),
            user: None,
            password_file: None,
            token_file: None,
            tls: None,
            shard: "default".to_owned(),
            // one server may be lost
            replicas: at_least_one(3),
            monitor_urls: Vec::new(),
        }
    }
}

impl JournalConfig {
    /// Whether it can be used, with a data directory or without one.
    pub(super) fn check(&self, has_data_dir: bool) -> Result<(), ConfigError> {
        if self.kind == JournalKind::Disk {
            return if *self == Self::default() {
                Ok(())
            } else {
                let found = "disk, and keys of an engine".to_owned();
                Err(wrong("kind", found, "kind = \"nats\" with them"))
            };
        }
        if cfg!(not(feature = "nats")) {
            return Err(wrong(
                "kind",
                "nats".to_owned(),
                "a program that was built with the feature `nats`",
            ));
        }
        if !has_data_dir {
            return Err(wrong(
                "kind",
                "nats without a data_dir".to_owned(),
                "a data_dir beside it, in which the node keeps its checkpoint; it may be lost",
            ));
        }
        self.check_engine()
    }

    /// Where the engine's monitoring pages are.
    ///
    /// # Errors
    /// What is no URL of a page.
    pub(crate) fn monitors(&self) -> Result<Vec<Url>, String> {
        let read = |text: &String| {
            let url = Url::parse(text).ok();
            let is_page = |url: &Url| {
                matches!(url.scheme(), "http" | "https") && url.has_host() && !has_credentials(url.as_str())
            };
            url.filter(is_page)
                .ok_or_else(|| format!("{:?}", Self::without_credentials(text)))
        };
        self.monitor_urls.iter().map(read).collect()
    }

    /// A text that should be a URL, for people.
    pub(crate) fn without_credentials(url: &str) -> &str {
        if has_credentials(url) { "…" } else { url }
    }

    fn check_engine(&self) -> Result<(), ConfigError> {
        if self.urls.is_empty() {
            return Err(wrong(
                "urls",
                "none".to_owned(),
                "nats://HOST:PORT of each of the engine's servers",
            ));
        }
        if self.urls.iter().any(|url| has_credentials(url)) {
            let allowed = "a URL without credentials: name `user` and `password_file`, or `token_file`";
            return Err(wrong(
                "urls",
                "an @, before which credentials stand".to_owned(),
                allowed,
            ));
        }
        if self.monitor_urls.iter().any(|url| has_credentials(url)) {
            let allowed = "a URL without credentials: a monitoring page asks for none";
            let found = "an @, before which credentials stand".to_owned();
            return Err(wrong("monitor_urls", found, allowed));
        }
        if let Err(found) = self.monitors() {
            return Err(wrong("monitor_urls", found, MONITOR_URL));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if self.shard.is_empty() || self.shard.len() > LONGEST_SHARD || !self.shard.bytes().all(is_plain) {
            return Err(wrong(
                "shard",
                format!("{:?}", self.shard),
                "1 to 32 letters, digits, - and _",
            ));
        }
        if self.replicas.get() > MOST_REPLICAS {
            return Err(wrong("replicas", self.replicas.to_string(), "1 to 5"));
        }
        if self.user.is_some() != self.password_file.is_some() {
            return Err(wrong(
                "user and password_file",
                "one of them".to_owned(),
                "both or neither",
            ));
        }
        let tls = self.tls.as_ref();
        if tls.is_some_and(|tls| tls.cert.is_some() != tls.key.is_some()) {
            return Err(wrong(
                "tls.cert and tls.key",
                "one of them".to_owned(),
                "both or neither",
            ));
        }
        Ok(())
    }
}

fn wrong(key: &'static str, found: String, allowed: &'static str) -> ConfigError {
    ConfigError::Journal { key, found, allowed }
}

/// Whether credentials may stand in it: it would be shown with them. No host or path has an @, and
/// a password may have anything before it.
fn has_credentials(url: &str) -> bool {
    url.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a file with these keys in `[journal]`.
    fn said(keys: &str, has_data_dir: bool) -> String {
        let config: Result<JournalConfig, _> = toml::from_str(keys);
        match config.map(|config| config.check(has_data_dir)) {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    #[cfg(feature = "nats")]
    fn a_journal_that_cannot_be_used_is_refused_by_its_key() {
        let with = |keys: &str| format!("kind = \"nats\"\nurls = [\"nats://10.0.0.1:4222\"]\n{keys}");
        assert_eq!(said(&with(""), true), "");
        assert_eq!(said("", false), "");
        let wrong = [
            ("kind = \"nats\"".to_owned(), "[journal] urls: found none"),
            ("urls = [\"nats://10.0.0.1\"]".to_owned(), "allowed is kind = \"nats\""),
            (with("shard = \"a.b\""), "[journal] shard: found \"a.b\""),
            (with("shard = \"\""), "allowed is 1 to 32 letters"),
            (with("replicas = 6"), "[journal] replicas: found 6, allowed is 1 to 5"),
            (with("replicas = 0"), "nonzero"),
            (with("user = \"u\""), "allowed is both or neither"),
            (with("tls = { cert = \"c\" }"), "tls.cert and tls.key"),
            (
                with("monitor_urls = [\"10.0.0.1:8222\"]"),
                "[journal] monitor_urls: found \"10.0.0.1:8222\", allowed is an http or https URL",
            ),
            (with("password = \"p\""), "unknown field"),
            ("kind = \"kafka\"".to_owned(), "unknown variant"),
        ];
        for (keys, expected) in wrong {
            let said = said(&keys, true);
            assert!(said.contains(expected), "{said} instead of {expected} for {keys}");
        }
        assert!(said(&with(""), false).contains("allowed is a data_dir beside it"));
    }

    #[test]
    #[cfg(feature = "nats")]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in [
            "nats://u:hidden@10.0.0.1:4222",
            "u:hidden@10.0.0.1",
            "nats://u:pa/hidden@h",
            "nats://u:a@hidden@h",
        ] {
            let said = said(&format!("kind = \"nats\"\nurls = [\"{url}\"]"), true);
            assert!(
                said.contains("name `user` and `password_file`") && !said.contains("hidden"),
                "{said}"
            );
        }
        for url in ["http://u:hidden@h:8222", "http://u:pa/hidden@h", "u:hidden@h:8222"] {
            let keys = format!("kind = \"nats\"\nurls = [\"nats://h\"]\nmonitor_urls = [\"{url}\"]");
            let said = said(&keys, true);
            assert!(
                said.contains("a monitoring page asks for none") && !said.contains("hidden"),
                "{said}"
            );
        }
    }
}
