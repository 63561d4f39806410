//! Programs that read a list, as `CrowdSec`'s bouncers do: by their keys, which are no agent's.

use std::{collections::HashMap, sync::Arc};

use super::keys::FileKeys;
use crate::{
    config::{ConfigError, ServerConfig},
    secret::Fingerprint,
};

/// A program that reads a list.
#[derive(Debug, Clone)]
pub(crate) struct BouncerIdent {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// The fleet whose list it reads.
    pub(crate) fleet: Arc<str>,
}

/// All of them.
pub(super) type Bouncers = HashMap<Fingerprint, BouncerIdent>;

/// Every bouncer by its key, which is nothing else's: none of these agents'.
pub(super) fn of_file(config: &ServerConfig, known: &FileKeys) -> Result<Bouncers, ConfigError> {
    let mut bouncers = Bouncers::new();
    for (name, bouncer) in &config.bouncers {
        let ident = BouncerIdent {
            name: name.as_str().into(),
            fleet: bouncer.fleet.as_str().into(),
        };
        let of_agents = known.get(&bouncer.key.fingerprint());
        let of_agents = of_agents.map(|key| key.profile.as_deref().unwrap_or("unassigned_keys").to_owned());
        let of_other = bouncers.insert(bouncer.key.fingerprint(), ident);
        if let Some(first) = of_agents.or_else(|| of_other.map(|other| other.name.to_string())) {
            return Err(ConfigError::SharedKey {
                first,
                second: format!("bouncers.{name}"),
            });
        }
    }
    Ok(bouncers)
}
