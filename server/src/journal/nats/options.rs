//! Where the engine is, and how a node is known there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use async_nats::ServerAddr;
use url::Url;

use crate::{config, journal::JournalError};

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
        user.map(|(user, file)| Ok((user.clone(), secret(file)?))).transpose()
    }

    pub(super) fn token(&self) -> Result<Option<String>, String> {
        self.token_file.as_deref().map(secret).transpose()
    }
}

/// The first line of a file.
pub(super) fn secret(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("[journal] {}: {error}", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
