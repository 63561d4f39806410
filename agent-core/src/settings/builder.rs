//! Settings that the host's code makes: its calls win over everything else.

use std::path::PathBuf;

use config::{Value, ValueKind};

use super::{
    Settings, SettingsError,
    files::Files,
    layers::Tree,
    value::{self, CODE, Table},
};
use crate::protocol::AgentKey;

/// Builds [`Settings`] in code.
///
/// It begins from the defaults alone, so that what it builds depends on nothing around the process.
///
/// ```
/// use buckler::settings::Settings;
/// let settings = Settings::builder()
///     .cloud_url("https://cloud.example.com/config")
///     .key("0b7e2d54")
///     .trusted_proxies(["10.0.0.0/8"])
///     .build()?;
/// assert!(settings.cloud().is_some());
/// # Ok::<(), buckler::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct SettingsBuilder {
    agent: Table,
    transport: Table,
    /// Apart from the tree, so that no print of the tree can show it.
    key: Option<AgentKey>,
    /// Apart from the tree, whose texts cannot hold every path.
    state_dir: Option<PathBuf>,
}

impl SettingsBuilder {
    /// Where the agent registers.
    pub fn cloud_url(self, url: impl AsRef<str>) -> Self {
        self.agent("cloud_url", url.as_ref().into())
    }

    /// The agent's key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(AgentKey::new(key));
        self
    }

    /// The template that the security settings begin from.
    pub fn template(self, name: impl AsRef<str>) -> Self {
        self.agent("template", name.as_ref().into())
    }

    /// Where last-known-good settings and what is not yet sent are kept.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self
    }

    /// The proxies whose headers may name the client: addresses and networks.
    pub fn trusted_proxies<T: Into<String>>(self, networks: impl IntoIterator<Item = T>) -> Self {
        self.agent("trusted_proxies", texts(networks))
    }

    /// The server's own addresses, which are never banned.
    pub fn own_addresses<T: Into<String>>(self, addresses: impl IntoIterator<Item = T>) -> Self {
        self.agent("own_addresses", texts(addresses))
    }

    /// The transport to use.
    pub fn transport(mut self, kind: impl AsRef<str>) -> Self {
        self.transport
            .insert("kind".to_owned(), value::from_json(CODE, kind.as_ref().into()));
        self
    }

    /// An option of a transport, as its table in a file would say it: a text, a number, `true`, a list.
    pub fn transport_option(mut self, kind: &str, key: &str, option: impl Into<serde_json::Value>) -> Self {
        let option = value::from_json(CODE, option.into());
        let table = self
            .transport
            .entry(kind.to_owned())
            .or_insert_with(|| Value::new(None, Table::new()));
        if let ValueKind::Table(options) = &mut table.kind {
            options.insert(key.to_owned(), option);
        }
        self
    }

    /// Reads everything that was said, and checks it.
    ///
    /// # Errors
    /// Names every problem with its place, with what was found and what is allowed.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let Self {
            agent,
            transport,
            key,
            state_dir,
        } = self;
        let mut code = Table::new();
        for (name, table) in [("agent", agent), ("transport", transport)] {
            if !table.is_empty() {
                code.insert(name.to_owned(), Value::new(None, table));
            }
        }
        let mut settings = Settings::assemble(vec![Tree(code)], &Files::default())?;
        if let Some(key) = key {
            settings.agent.key = Some(key).filter(|key| !key.is_empty());
        }
        if let Some(state_dir) = state_dir {
            settings.agent.state_dir = Some(state_dir);
        }
        Ok(settings)
    }

    fn agent(mut self, key: &str, said: serde_json::Value) -> Self {
        self.agent.insert(key.to_owned(), value::from_json(CODE, said));
        self
    }
}

fn texts<T: Into<String>>(list: impl IntoIterator<Item = T>) -> serde_json::Value {
    list.into_iter()
        .map(|text| serde_json::Value::String(text.into()))
        .collect()
}
