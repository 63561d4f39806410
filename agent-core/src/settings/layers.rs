//! The layers of the settings, each kept with its origin until the `config` crate merges them.

use config::{Config, ConfigError, Source, Value};

use super::{Problem, SettingsError, value::Table};

/// What one origin says: its tables `agent` and `transport`.
///
/// The security part never gets here: it is merged by the policy, which puts the server's configuration between the layers.
#[derive(Debug, Clone)]
pub(super) struct Tree(pub(super) Table);

impl Source for Tree {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Merges trees table by table, the later over the earlier; a list replaces a list.
pub(super) fn merge(trees: Vec<Tree>) -> Result<Value, SettingsError> {
    let builder = trees
        .into_iter()
        .fold(Config::builder(), |builder, tree| builder.add_source(tree));
    let merged = builder
        .build()
        .map_err(|error| Problem::new("settings", "", error.to_string(), "settings that merge"))?;
    Ok(merged.cache)
}
