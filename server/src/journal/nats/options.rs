//! Where the engine is, and how a node is known there.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use async_nats::ServerAddr;
use url::Url;

use crate::{config, journal::JournalError};

/// The most bytes of a file with a password or a token: far more than either has, and an end to
/// reading a device by mistake.
const LONGEST_SECRET: u64 = 4_096;

/// Where the engine is, and what is kept there.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    pub(super) urls: Vec<ServerAddr>,
    pub(super) user: Option<(String, PathBuf)>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) tls: Option<config::JournalTls>,
    pub(super) shard: String,
    pub(super) replicas: usize,
    pub(super) monitors: Vec<Url>,
}

impl NatsOptions {
    /// What the configuration says.
    ///
    /// # Errors
    /// If a URL is none of a NATS server.
    pub fn new(config: &config::JournalConfig) -> Result<Self, JournalError> {
        let url = |text: &String| {
            text.parse().map_err(|error| {
                let shown = config::JournalConfig::without_credentials(text);
                JournalError::Unavailable(format!(
                    "[journal] urls: found {shown:?}, allowed is nats://HOST:PORT or tls://HOST:PORT: {error}"
                ))
            })
        };
        Ok(Self {
            urls: config.urls.iter().map(url).collect::<Result<_, _>>()?,
            user: config.user.clone().zip(config.password_file.clone()),
            token_file: config.token_file.clone(),
            tls: config.tls.clone(),
            shard: config.shard.clone(),
            replicas: config.replicas.get(),
            monitors: config.monitors().map_err(JournalError::Unavailable)?,
        })
    }

    pub(super) fn stream(&self) -> String {
        format!("BUCKLER_{}", self.shard)
    }

    pub(super) fn bucket(&self) -> String {
        format!("BUCKLER_SNAP_{}", self.shard)
    }

    pub(super) fn subject(&self) -> String {
        format!("buckler.log.{}", self.shard)
    }

    /// Where nodes ask each other.
    pub(super) fn questions(&self) -> String {
        format!("buckler.ask.{}", self.shard)
    }

    /// For people: without what a URL may have of credentials.
    pub(super) fn places(&self) -> String {
        let places: Vec<String> = self
            .urls
            .iter()
            .map(|url| format!("{}:{}", url.host(), url.port()))
            .collect();
        places.join(", ")
    }

    pub(super) fn user(&self) -> Result<Option<(String, String)>, String> {
        let user = self.user.as_ref();
        user.map(|(user, file)| Ok((user.clone(), secret("password_file", file)?)))
            .transpose()
    }

    pub(super) fn token(&self) -> Result<Option<String>, String> {
        let file = self.token_file.as_deref();
        file.map(|file| secret("token_file", file)).transpose()
    }
}

/// The one word in a file that a key names. What is wrong is said without a word of the file.
pub(super) fn secret(key: &str, file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(LONGEST_SECRET + 1).read_to_string(&mut text));
    let found = match read {
        Err(error) => format!("which cannot be read ({error})"),
        Ok(length) if length as u64 > LONGEST_SECRET => format!("which has more than {LONGEST_SECRET} bytes"),
        Ok(_) => match text.trim() {
            "" => "which is empty".to_owned(),
            word if word.contains(char::is_whitespace) => "which holds more than one word".to_owned(),
            word => return Ok(word.to_owned()),
        },
    };
    Err(format!(
        "[journal] {key}: found {}, {found}; allowed is a file that this server may read and that holds one word alone, \
         as the engine knows it: write it there",
        file.display()
    ))
}
