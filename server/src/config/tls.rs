//! Where the certificates are: the server's own, and what those of agents are judged by.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// Files in PEM, read again when they change. A changed file that cannot be used leaves the one
/// before in force.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server's certificate, followed by those between it and its authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that issue certificates to agents. Agents are then asked for one.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// Revoked certificates of agents: a list of every authority above them.
    #[serde(default)]
    pub crl: Option<PathBuf>,
    /// Whether a connection to `listen` without a certificate is refused; else a key is enough.
    #[serde(default)]
    pub client_required: bool,
}

impl Tls {
    /// Whether nothing is named that has no effect without an authority.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let needing = [("crl", self.crl.is_some()), ("client_required", self.client_required)];
        match needing.iter().find(|(_, is_there)| *is_there) {
            Some((key, _)) if self.client_ca.is_none() => Err(ConfigError::TlsWithoutCa { key }),
            Some(_) | None => Ok(()),
        }
    }
}
